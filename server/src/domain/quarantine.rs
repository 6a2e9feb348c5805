//! The quarantine: what may not take effect by itself, and what the desk makes of it.
//!
//! Whoever supervises the street owns it. Releasing lets an op take effect as its author made it,
//! with its own time; attaching does so in another place; discarding leaves it readable and without
//! effect, and can be taken back. What is released under a taken id gets one that follows from its
//! content, so that two who release it make one op.

mod reason;

use self::reason::Reason;
use super::access::{Act, Caller};
use super::desk;
use super::sync::Sync;
use crate::error::{Error, Result};
use crate::store::{Quarantined, Tx};
use saolou_protocol::canonical::Hash;
use saolou_protocol::engine::push::{self, Judged, Verdict};
use saolou_protocol::fact::Fact;
use saolou_protocol::ids::UserId;
use saolou_protocol::op::Op;
use saolou_protocol::time::{Millis, Stamp, TimeQuality};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

/// Most things in one list.
const LISTED_MAX: i64 = 500;
/// Longest reason of a decision, in characters.
const REASON_CHARS_MAX: usize = 500;
/// The reason of an op whose counter another op took. It has effect; the desk may take that away.
pub(crate) const DEVICE_FORKED: &str = "device_forked";

/// Something in quarantine, for the desk.
#[derive(Serialize)]
pub(crate) struct Item {
    quarantine_id: Uuid,
    street_id: Uuid,
    op_id: Option<Uuid>,
    building_id: Option<Uuid>,
    kind: Option<String>,
    author_id: Option<Uuid>,
    author: Option<String>,
    sender_id: Uuid,
    sender: Option<String>,
    device: Uuid,
    reason: Reason,
    corrected_ms: Millis,
    received_ms: Millis,
    state: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    decided_by: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decided_ms: Option<Millis>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    /// What was sent; text where it is no JSON.
    content: Value,
    /// Where it differs from the op that has its id.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    diff: Vec<Difference>,
}

/// A member that two ops have otherwise.
#[derive(Debug, PartialEq, Serialize)]
struct Difference {
    path: String,
    stored: Value,
    sent: Value,
}

/// What the desk decides.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Decision {
    decision: Decided,
    reason: String,
    /// For `attach`: the building it belongs to, where that is another one.
    building_id: Option<Uuid>,
    /// For `attach` of a visit: the rooms it belongs to.
    #[serde(default)]
    office_ids: Vec<Uuid>,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum Decided {
    Release,
    Attach,
    Discard,
}

/// Lists what is in quarantine below a unit, newest first.
pub(crate) async fn list(
    sync: &Sync,
    caller: &Caller,
    unit: Uuid,
    waiting_only: bool,
) -> Result<Vec<Item>> {
    let mut tx = sync.store.read().await?;
    caller.require_at(&mut tx, Act::Review, unit).await?;
    let mut items = Vec::new();
    for row in tx.quarantine_below(unit, waiting_only, LISTED_MAX).await? {
        items.push(item(&mut tx, row).await?);
    }
    Ok(items)
}

/// Decides about one thing, and gives it as it stands then.
pub(crate) async fn decide(
    sync: &Sync,
    caller: &Caller,
    id: Uuid,
    decision: Decision,
) -> Result<Item> {
    let reason = decision.reason.trim();
    if reason.is_empty() || reason.chars().count() > REASON_CHARS_MAX {
        return Err(Error::Invalid(format!("reason: expected 1 to {REASON_CHARS_MAX} characters")));
    }
    let row = {
        let mut tx = sync.store.read().await?;
        let row = tx.quarantined(id).await?.ok_or(Error::NotFound)?;
        caller.require_at(&mut tx, Act::Review, row.street_id).await?;
        row
    };
    if row.author_id == Some(caller.user_id) && decision.decision != Decided::Discard {
        return Err(Error::Invalid("nobody decides about what he filed himself".into()));
    }
    if matches!(row.state.as_str(), "released" | "attached") {
        // It counts. Nothing is filed before that is known.
        return Err(Error::Invalid("somebody else has decided about it".into()));
    }
    let now_ms = sync.clock.now_ms();
    let (state, ops) = match decision.decision {
        Decided::Discard if row.reason == DEVICE_FORKED => {
            ("discarded", undone(caller, &row, now_ms)?)
        }
        Decided::Discard => ("discarded", Vec::new()),
        Decided::Release if row.reason == DEVICE_FORKED && row.state == "discarded" => {
            ("released", restored(sync, caller, &row)?)
        }
        Decided::Release => ("released", released(&row)?),
        Decided::Attach => ("attached", vec![attached(sync, caller, &row, &decision).await?]),
    };
    // The op first: a decision that was noted and had no effect would be a loss.
    desk::file(&sync.writer, ops).await?;
    let mut tx = sync.store.write().await?;
    if !tx.decide_quarantine(&row, state, caller.user_id, now_ms, reason).await? {
        return Err(Error::Invalid("somebody else has decided about it".into()));
    }
    let row = tx.quarantined(id).await?.ok_or(Error::NotFound)?;
    let item = item(&mut tx, row).await?;
    tx.commit().await?;
    Ok(item)
}

async fn item(tx: &mut Tx, row: Quarantined) -> Result<Item> {
    let content = readable(&row.content);
    let stored = match row.op_id {
        Some(op) => tx.op_content(row.street_id, op).await?,
        None => None,
    };
    let diff = stored.map(|stored| differences(&readable(&stored), &content)).unwrap_or_default();
    let author = match row.author_id {
        Some(author) => tx.account(author).await?.map(|account| account.name),
        None => None,
    };
    let sender = tx.account(row.sender_id).await?.map(|account| account.name);
    Ok(Item {
        quarantine_id: row.quarantine_id,
        street_id: row.street_id,
        op_id: row.op_id,
        building_id: row.building_id,
        kind: row.kind,
        author_id: row.author_id,
        author,
        sender_id: row.sender_id,
        sender,
        device: row.device_id,
        reason: Reason::of(row.reason),
        corrected_ms: row.corrected_ms,
        received_ms: row.received_ms,
        state: row.state,
        decided_by: row.decided_by,
        decided_ms: row.decided_ms,
        note: row.note,
        content,
        diff,
    })
}

fn readable(content: &[u8]) -> Value {
    serde_json::from_slice(content)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(content).into_owned()))
}

/// Where two ops differ, member by member, as JSON pointers.
fn differences(stored: &Value, sent: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut open = vec![(String::new(), stored, sent)];
    while let Some((path, stored, sent)) = open.pop() {
        match (stored, sent) {
            (Value::Object(a), Value::Object(b)) => {
                let names = a.keys().chain(b.keys().filter(|name| !a.contains_key(*name)));
                for name in names {
                    let (a, b) = (a.get(name), b.get(name));
                    let at = format!("{path}/{name}");
                    open.push((at, a.unwrap_or(&Value::Null), b.unwrap_or(&Value::Null)));
                }
            }
            _ if stored == sent => {}
            _ => found.push(Difference { path, stored: stored.clone(), sent: sent.clone() }),
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// The op as it was stored, with its own time.
fn stored(row: &Quarantined) -> Result<(Op, Stamp)> {
    let unreadable = || {
        Error::Invalid("what cannot be read cannot be released: ask its author to file it".into())
    };
    let hash = row.hash.clone().and_then(|hash| hash.try_into().ok()).map(Hash);
    let op = Op::restore(row.content.clone(), hash.ok_or_else(unreadable)?);
    let op = op.map_err(|_| unreadable())?;
    let quality = row.quality.as_deref().and_then(TimeQuality::parse).ok_or_else(unreadable)?;
    if !push::may_file(push::FILING_ROLES, &op.kind) {
        return Err(Error::Invalid(format!("{}: only the server files this", op.kind)));
    }
    let (corrected_ms, received_ms) = (row.corrected_ms, row.received_ms);
    Ok((op, Stamp { corrected_ms, received_ms, quality }))
}

fn released(row: &Quarantined) -> Result<Vec<Judged>> {
    let (op, stamp) = stored(row)?;
    match row.reason.as_str() {
        // It counts already.
        DEVICE_FORKED => Ok(Vec::new()),
        "op_id_reuse" => Ok(vec![reissued(row, row.street_id, (&op, stamp), |_| ())?]),
        _ => Ok(vec![judged(row.street_id, op, stamp)]),
    }
}

async fn attached(
    sync: &Sync,
    caller: &Caller,
    row: &Quarantined,
    decision: &Decision,
) -> Result<Judged> {
    let (op, stamp) = stored(row)?;
    if decision.building_id.is_none() && decision.office_ids.is_empty() {
        return Err(Error::Invalid("attach: expected building_id or office_ids".into()));
    }
    let street = match decision.building_id {
        None => row.street_id,
        Some(building) => {
            let mut tx = sync.store.read().await?;
            let head = tx.head(building).await?.ok_or(Error::NotFound)?;
            caller.require_at(&mut tx, Act::Review, head.street_id).await?;
            head.street_id
        }
    };
    reissued(row, street, (&op, stamp), |content| {
        if let Some(building) = decision.building_id {
            content["bucket"] = json!(building);
        }
        if !decision.office_ids.is_empty() {
            content["body"]["office_ids"] = json!(decision.office_ids);
        }
    })
}

/// The same content under an id of its own, which follows from that content. It says where it comes
/// from, and has no counter: the outbox that it came from counts the original.
fn reissued(
    row: &Quarantined,
    street: Uuid,
    (op, stamp): (&Op, Stamp),
    edit: impl FnOnce(&mut Value),
) -> Result<Judged> {
    let mut content = readable(&op.canonical);
    edit(&mut content);
    content["n"] = json!(0);
    content["reissued_from"] = json!({ "op_id": op.op_id, "hash": op.hash });
    let place = json!([content["bucket"], content["body"]["office_ids"]]).to_string();
    content["op_id"] = json!(Uuid::new_v5(&row.quarantine_id, place.as_bytes()));
    let Value::Object(content) = content else {
        return Err(Error::Internal("an op is an object".into()));
    };
    let (op, _) = Op::seal(content).map_err(|refusal| Error::Invalid(refusal.detail))?;
    Ok(judged(street, op, stamp))
}

/// The decision that takes the effect of an op away.
fn undone(caller: &Caller, row: &Quarantined, now_ms: Millis) -> Result<Vec<Judged>> {
    let (op, _) = stored(row)?;
    let kind = undoing(&op);
    let body = match kind {
        "visit_void" => json!({ "visit_id": op.subject.id, "reason": DEVICE_FORKED }),
        _ => json!({ "reason": DEVICE_FORKED }),
    };
    let id = Uuid::new_v5(&row.quarantine_id, kind.as_bytes());
    let seen = [op.op_id.0];
    let bucket = op.bucket.0;
    let undo = desk::op(id, caller.user_id, now_ms, bucket, kind, op.subject.id, &seen, body)?;
    Ok(vec![desk::judged(undo, row.street_id, now_ms)])
}

/// The kind of the decision that takes the effect of an op away.
fn undoing(op: &Op) -> &'static str {
    if op.kind == "visit" { "visit_void" } else { "structure_reject" }
}

/// What takes that decision back, once for all: what is released is not discarded again.
fn restored(sync: &Sync, caller: &Caller, row: &Quarantined) -> Result<Vec<Judged>> {
    let (op, _) = stored(row)?;
    let now_ms = sync.clock.now_ms();
    let seen = [Uuid::new_v5(&row.quarantine_id, undoing(&op).as_bytes())];
    let (id, by, bucket) = (sync.clock.new_id(), caller.user_id, op.bucket.0);
    let body = json!({ "reason": DEVICE_FORKED });
    let kind = "structure_reject";
    let again = desk::op(id, by, now_ms, bucket, kind, op.subject.id, &seen, body)?;
    Ok(vec![desk::judged(again, row.street_id, now_ms)])
}

/// The op of somebody else, sent by nobody's phone: what is kept of it in quarantine answers for
/// whoever sent it, who may be the one who decides, and not for this.
fn judged(street: Uuid, op: Op, stamp: Stamp) -> Judged {
    let (fact, issues) = Fact::read(&op, stamp);
    let verdict = Verdict::Merge(Box::new(fact));
    Judged { op, stamp, street, sender: UserId(Uuid::nil()), issues, verdict }
}

/// The id under which an op is kept in quarantine.
pub(crate) fn id_of(sender: UserId, hash: &Hash) -> Uuid {
    Uuid::new_v5(&sender.0, &hash.0)
}

/// Whether an op is kept for the desk although it counts.
pub(crate) fn is_for_review(judged: &Judged) -> bool {
    judged.issues.contains(DEVICE_FORKED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_told_member_by_member() {
        let stored = json!({ "n": 1, "body": { "a": 1, "b": [1, 2], "c": null }, "kind": "visit" });
        let sent = json!({ "n": 1, "body": { "a": 2, "b": [1, 2], "d": true }, "kind": "visit" });
        let told = |path: &str, stored: Value, sent: Value| Difference {
            path: path.to_owned(),
            stored,
            sent,
        };
        assert_eq!(
            differences(&stored, &sent),
            [told("/body/a", json!(1), json!(2)), told("/body/d", Value::Null, json!(true))]
        );
        assert_eq!(differences(&stored, &stored), []);
    }
}
