//! Visits from outside their round (C45, C54): they are kept, and count when somebody accepts them.

use super::access::Caller;
use super::conflicts::{Door, readable};
use super::coverage::parse;
use super::desk;
use super::fold::fold;
use super::settling::{reason_of, reviewed};
use super::sync::Sync;
use crate::error::{Error, Result};
use saolou_protocol::building::late::Late as Why;
use saolou_protocol::building::settle::Ruling;
use saolou_protocol::ids::{RoundId, VisitId};
use saolou_protocol::time::Millis;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// Most visits in one list or request.
const LISTED_MAX: usize = 500;

/// The visits below a unit that wait to be accepted.
#[derive(Serialize)]
pub(crate) struct Late {
    visits: Vec<Waiting>,
    /// How many there are, those that are not listed included.
    total: usize,
}

#[derive(Serialize)]
struct Waiting {
    building_id: Uuid,
    building: String,
    visit_id: VisitId,
    op_id: Uuid,
    round_id: Option<RoundId>,
    offices: Vec<Door>,
    why: Why,
    author_id: Uuid,
    author: Option<String>,
    corrected_ms: Millis,
    quality: String,
    received_ms: Millis,
}

/// Only the part of a building that the list needs.
#[derive(Deserialize)]
struct Counted {
    #[serde(default)]
    attributes: Map<String, Value>,
    #[serde(default)]
    late_waiting: usize,
}

/// Lists the visits of the buildings below a unit that wait to be accepted.
pub(crate) async fn list(
    sync: &Sync,
    caller: &Caller,
    unit: Uuid,
    building: Option<Uuid>,
) -> Result<Late> {
    let mut tx = sync.store.read().await?;
    let mut late = Late { visits: Vec::new(), total: 0 };
    for row in readable(&mut tx, sync, caller, unit, building).await? {
        let counted: Counted = parse(&row.body)?;
        late.total += counted.late_waiting;
        if counted.late_waiting == 0 || late.visits.len() >= LISTED_MAX {
            continue;
        }
        let Some(head) = tx.head(row.building_id).await? else { continue };
        let (folded, _) = fold(&mut tx, &head).await?;
        let waiting = folded.late_visits();
        let ops: Vec<Uuid> = waiting.iter().map(|visit| visit.op.0).collect();
        let told = tx.told(head.street_id, &ops).await?;
        let told: BTreeMap<Uuid, _> = told.into_iter().map(|row| (row.op_id, row)).collect();
        let name = counted.attributes.get("name").and_then(Value::as_str).unwrap_or_default();
        let items = waiting.into_iter().filter_map(|visit| {
            let row = told.get(&visit.op.0)?;
            let offices = visit.offices.iter();
            Some(Waiting {
                building_id: head.building_id,
                building: name.to_owned(),
                visit_id: visit.visit,
                op_id: visit.op.0,
                round_id: visit.round,
                offices: offices.filter_map(|office| Door::of(&folded, *office)).collect(),
                why: visit.why,
                author_id: row.author_id,
                author: row.author.clone(),
                corrected_ms: row.corrected_ms,
                quality: row.quality.clone(),
                received_ms: row.received_ms,
            })
        });
        late.visits.extend(items.take(LISTED_MAX - late.visits.len()));
    }
    Ok(late)
}

/// Visits of one building that are to be accepted.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Accepting {
    reason: String,
    building_id: Uuid,
    visits: BTreeSet<VisitId>,
}

/// What became of each visit.
#[derive(Serialize)]
pub(crate) struct Accepted {
    results: Vec<Outcome>,
}

#[derive(Serialize)]
struct Outcome {
    visit_id: VisitId,
    /// `accepted`, `stale` where it does not wait, `no_round` where it names none.
    status: &'static str,
    /// The op that accepts it; withdrawing it undoes that.
    #[serde(skip_serializing_if = "Option::is_none")]
    op_id: Option<Uuid>,
}

/// Accepts visits for the rounds that they name.
pub(crate) async fn accept(sync: &Sync, caller: &Caller, accepting: Accepting) -> Result<Accepted> {
    let Accepting { reason, building_id, visits } = accepting;
    let reason = reason_of(&reason)?;
    if visits.is_empty() || visits.len() > LISTED_MAX {
        return Err(Error::Invalid(format!("visits: expected 1 to {LISTED_MAX}")));
    }
    let mut tx = sync.store.read().await?;
    let head = reviewed(&mut tx, caller, building_id).await?;
    let (folded, _) = fold(&mut tx, &head).await?;
    drop(tx);
    let waiting = folded.late_visits();
    let (mut ops, mut results) = (Vec::new(), Vec::new());
    for visit_id in visits {
        let status = match waiting.iter().find(|late| late.visit == visit_id) {
            None => "stale",
            Some(late) if late.round.is_none() => "no_round",
            Some(_) => "accepted",
        };
        let seen = waiting.iter().filter(|late| late.visit == visit_id).map(|late| late.op);
        let mut op_id = None;
        if status == "accepted" {
            let id = sync.clock.new_id();
            let now_ms = sync.clock.now_ms();
            let body = json!({ "visit_id": visit_id, "reason": reason });
            let (kind, subject) = ("accept_late", visit_id.0);
            let ruling = Ruling { kind, subject, seen: seen.collect(), body };
            let settles = json!({ "late": visit_id, "reason": reason });
            let op = desk::settling(id, caller.user_id, now_ms, building_id, ruling, settles)?;
            ops.push(desk::judged(op, head.street_id, now_ms));
            op_id = Some(id);
        }
        results.push(Outcome { visit_id, status, op_id });
    }
    desk::file(&sync.writer, ops).await?;
    Ok(Accepted { results })
}
