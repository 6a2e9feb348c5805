//! Resolving conflicts at the desk, one by one or in bulk by a rule, and undoing it.
//!
//! A resolution is an op like any other, or a few of them: its author has seen all sides, and a side
//! that he had not seen opens a new conflict. Withdrawn, it leaves the conflict as it was.

use super::access::{Act, Caller};
use super::conflicts;
use super::desk;
use super::fold::fold;
use super::sync::Sync;
use crate::error::{Error, Result};
use crate::store::{Head, Tx};
use saolou_protocol::building::Building;
use saolou_protocol::building::settle::{Choice, Ruling, Unsettled};
use saolou_protocol::conflict::{Conflict, ConflictCode};
use saolou_protocol::engine::push::{Judged, Verdict};
use saolou_protocol::fact::Fact;
use saolou_protocol::field::Source;
use saolou_protocol::ids::{ConflictId, OpId, UserId};
use saolou_protocol::time::Millis;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Most conflicts that one request settles.
const SETTLED_MAX: usize = 500;
/// Longest reason of a decision, in characters.
const REASON_CHARS_MAX: usize = 500;

/// What is to be resolved: conflicts with a choice each, or many by one rule.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Resolving {
    reason: String,
    #[serde(default)]
    items: Vec<Chosen>,
    rule: Option<Rule>,
    /// With a rule: these conflicts.
    #[serde(default)]
    conflicts: Vec<Named>,
    /// With a rule: all conflicts below a unit.
    unit: Option<Uuid>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Chosen {
    building_id: Uuid,
    conflict_id: ConflictId,
    choice: Choice,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    building_id: Uuid,
    conflict_id: ConflictId,
}

/// Which value of a field is taken.
#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum Rule {
    /// The latest that the desk verified.
    Desk,
    /// The latest by corrected time.
    Latest,
    /// The one that is displayed.
    Displayed,
}

/// What became of each conflict.
#[derive(Serialize)]
pub(crate) struct Resolved {
    results: Vec<Outcome>,
    /// Conflicts below the unit that this request left for the next one.
    left: usize,
}

#[derive(Serialize)]
struct Outcome {
    building_id: Uuid,
    conflict_id: ConflictId,
    /// `resolved`, `stale` where it is no longer what it was, `refused`.
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Why>,
    /// The ops that settle it; withdrawing them undoes it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ops: Vec<Uuid>,
}

#[derive(Serialize)]
struct Why {
    code: &'static str,
    zh: &'static str,
    en: &'static str,
}

/// Resolutions that are to be undone.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Undoing {
    reason: String,
    building_id: Uuid,
    ops: Vec<Uuid>,
}

/// The op that undid them, which can be undone in its turn.
#[derive(Serialize)]
pub(crate) struct Undone {
    op_id: Uuid,
}

/// How one conflict is to be settled.
#[derive(Clone)]
enum How {
    Choice(Choice),
    Rule(Rule),
}

/// Resolves conflicts. Each is judged by itself: one that is stale holds up no other.
pub(crate) async fn resolve(
    sync: &Sync,
    caller: &Caller,
    resolving: Resolving,
) -> Result<Resolved> {
    let reason = reason_of(&resolving.reason)?.to_owned();
    let mut tx = sync.store.read().await?;
    let (wanted, left) = wanted(&mut tx, caller, resolving).await?;
    let mut places: BTreeMap<Uuid, Vec<usize>> = BTreeMap::new();
    for (place, (named, _)) in wanted.iter().enumerate() {
        places.entry(named.building_id).or_default().push(place);
    }
    let mut heads = Vec::new();
    for building in places.keys() {
        heads.push(reviewed(&mut tx, caller, *building).await?);
    }
    let mut desk = Desk { sync, caller, reason: &reason, ops: Vec::new() };
    let mut outcomes: BTreeMap<usize, Outcome> = BTreeMap::new();
    for (head, places) in heads.iter().zip(places.values()) {
        let (mut building, _) = fold(&mut tx, head).await?;
        for place in places {
            let (Named { building_id, conflict_id }, how) = &wanted[*place];
            let (building_id, conflict_id) = (*building_id, *conflict_id);
            let (status, reason, ops) = match desk.settle(&mut building, head, conflict_id, how)? {
                Ok(ops) => ("resolved", None, ops),
                Err(Failed::Stale) => ("stale", Some(why("stale")), Vec::new()),
                Err(Failed::Refused(code)) => ("refused", Some(why(code)), Vec::new()),
            };
            outcomes.insert(*place, Outcome { building_id, conflict_id, status, reason, ops });
        }
    }
    drop(tx);
    desk::file(&sync.writer, desk.ops).await?;
    Ok(Resolved { results: outcomes.into_values().collect(), left })
}

/// What a request is about, and how many conflicts it leaves for the next one.
async fn wanted(
    tx: &mut Tx,
    caller: &Caller,
    resolving: Resolving,
) -> Result<(Vec<(Named, How)>, usize)> {
    let Resolving { items, rule, conflicts, unit, .. } = resolving;
    let invalid = |cause: &str| Err(Error::Invalid(cause.into()));
    let (wanted, left) = match (rule, unit) {
        (None, None) if conflicts.is_empty() && !items.is_empty() => {
            let chosen = |Chosen { building_id, conflict_id, choice }| {
                (Named { building_id, conflict_id }, How::Choice(choice))
            };
            (items.into_iter().map(chosen).collect(), 0)
        }
        (Some(rule), None) if items.is_empty() && !conflicts.is_empty() => {
            (conflicts.into_iter().map(|named| (named, How::Rule(rule))).collect(), 0)
        }
        (Some(rule), Some(unit)) if items.is_empty() && conflicts.is_empty() => {
            caller.require_at(tx, Act::Review, unit).await?;
            let mut open = conflicts::open_below(tx, unit).await?;
            let left = open.len().saturating_sub(SETTLED_MAX);
            open.truncate(SETTLED_MAX);
            let named = open.into_iter().map(|(building_id, conflict_id)| {
                (Named { building_id, conflict_id }, How::Rule(rule))
            });
            (named.collect::<Vec<_>>(), left)
        }
        _ => return invalid("expected either items, or a rule with conflicts or a unit"),
    };
    if wanted.len() > SETTLED_MAX {
        return invalid(&format!("at most {SETTLED_MAX} conflicts in one request"));
    }
    Ok((wanted, left))
}

/// The head of a building whose conflicts the caller may settle.
pub(super) async fn reviewed(tx: &mut Tx, caller: &Caller, building: Uuid) -> Result<Head> {
    let unit = tx.building_unit(building).await?.ok_or(Error::NotFound)?;
    caller.require_at(tx, Act::Review, unit).await?;
    tx.head(building).await?.ok_or(Error::NotFound)
}

enum Failed {
    Stale,
    Refused(&'static str),
}

/// The desk at which one request is worked off.
struct Desk<'a> {
    sync: &'a Sync,
    caller: &'a Caller,
    reason: &'a str,
    ops: Vec<Judged>,
}

impl Desk<'_> {
    /// Settles one conflict of a building, which is moved on accordingly, so that the next decision
    /// sees this one.
    fn settle(
        &mut self,
        building: &mut Building,
        head: &Head,
        id: ConflictId,
        how: &How,
    ) -> Result<std::result::Result<Vec<Uuid>, Failed>> {
        let Some(conflict) = building.conflict(id).cloned() else {
            return Ok(Err(Failed::Stale));
        };
        let choice = match how {
            How::Choice(choice) => choice.clone(),
            How::Rule(rule) => match chosen(building, &conflict, *rule) {
                Ok(choice) => choice,
                Err(code) => return Ok(Err(Failed::Refused(code))),
            },
        };
        let rulings = match building.rule(&conflict, &choice) {
            Ok(rulings) => rulings,
            Err(unsettled) => return Ok(Err(Failed::Refused(unsettled.code()))),
        };
        if self.keeps_own(building, &conflict, &rulings) {
            return Ok(Err(Failed::Refused("own_claim")));
        }
        let now_ms = self.sync.clock.now_ms();
        let mut filed = Vec::with_capacity(rulings.len());
        for mut ruling in rulings {
            if ruling.kind != "building_add" {
                // The body of a registration is the building's attributes and nothing else.
                ruling.body["reason"] = json!(self.reason);
            }
            let settles = json!({ "conflict_id": id, "reason": self.reason });
            let op_id = self.sync.clock.new_id();
            let by = self.caller.user_id;
            let op = desk::settling(op_id, by, now_ms, head.building_id, ruling, settles)?;
            filed.push(desk::judged(op, head.street_id, now_ms));
        }
        // A value that has seen all others stands alone; anything else is tried first.
        let before = (conflict.code != ConflictCode::Field).then(|| building.clone());
        building.apply(facts(&filed));
        if building.conflict(id).is_some() {
            *building = before.unwrap_or_else(|| building.clone());
            return Ok(Err(Failed::Refused(Unsettled::NoEffect.code())));
        }
        let ops = filed.iter().map(|judged| judged.op.op_id.0).collect();
        self.ops.extend(filed);
        Ok(Ok(ops))
    }
}

impl Desk<'_> {
    /// Whether of several proposals nothing would be left but what the caller proposed himself.
    fn keeps_own(&self, building: &Building, conflict: &Conflict, rulings: &[Ruling]) -> bool {
        let is_rejected = |op: &OpId| rulings.iter().any(|ruling| ruling.seen.contains(op));
        let mut kept = conflict.siblings.iter().filter(|op| !is_rejected(op)).peekable();
        conflict.code == ConflictCode::StructureDisputed
            && kept.peek().is_some()
            && kept.all(|op| building.author_of(*op) == Some(UserId(self.caller.user_id)))
    }
}

fn facts(judged: &[Judged]) -> Vec<Fact> {
    let fact = |judged: &Judged| match &judged.verdict {
        Verdict::Merge(fact) => Some(Fact::clone(fact)),
        Verdict::Quarantine(_) => None,
    };
    judged.iter().filter_map(fact).collect()
}

/// The value that a rule takes.
fn chosen(
    building: &Building,
    conflict: &Conflict,
    rule: Rule,
) -> std::result::Result<Choice, &'static str> {
    if conflict.code != ConflictCode::Field {
        return Err("not_by_rule");
    }
    let values = building.values(conflict);
    let order = |at_ms: Millis, op: OpId| (at_ms, op);
    let taken = match rule {
        Rule::Displayed => values.first(),
        Rule::Latest => values.iter().max_by_key(|write| order(write.at_ms, write.op)),
        Rule::Desk => {
            let by_desk = values.iter().filter(|write| write.source == Source::DeskVerified);
            by_desk.max_by_key(|write| order(write.at_ms, write.op))
        }
    };
    taken.map(|write| Choice::Take(write.op)).ok_or("no_such_value")
}

/// Undoes resolutions of one building: one op withdraws them.
pub(crate) async fn undo(sync: &Sync, caller: &Caller, undoing: Undoing) -> Result<Undone> {
    let Undoing { reason, building_id, ops } = undoing;
    let reason = reason_of(&reason)?;
    if ops.is_empty() || ops.len() > SETTLED_MAX {
        return Err(Error::Invalid(format!("ops: expected 1 to {SETTLED_MAX}")));
    }
    let head = {
        let mut tx = sync.store.read().await?;
        let head = reviewed(&mut tx, caller, building_id).await?;
        for op in &ops {
            let content = tx.op_content(head.street_id, *op).await?;
            let content: Value = content
                .and_then(|content| serde_json::from_slice(&content).ok())
                .unwrap_or_default();
            if content["bucket"] != json!(building_id) || content.get("settles").is_none() {
                return Err(Error::Invalid(format!("ops: {op} resolves nothing here")));
            }
        }
        head
    };
    let (op_id, now_ms) = (sync.clock.new_id(), sync.clock.now_ms());
    let ruling = Ruling {
        kind: "structure_reject",
        subject: building_id,
        seen: ops.into_iter().map(OpId).collect(),
        body: json!({ "reason": reason }),
    };
    let settles = json!({ "reason": reason });
    let op = desk::settling(op_id, caller.user_id, now_ms, building_id, ruling, settles)?;
    desk::file(&sync.writer, vec![desk::judged(op, head.street_id, now_ms)]).await?;
    Ok(Undone { op_id })
}

pub(super) fn reason_of(reason: &str) -> Result<&str> {
    let reason = reason.trim();
    if reason.is_empty() || reason.chars().count() > REASON_CHARS_MAX {
        return Err(Error::Invalid(format!("reason: expected 1 to {REASON_CHARS_MAX} characters")));
    }
    Ok(reason)
}

/// Why a conflict was not settled, and what to do; Chinese first.
fn why(code: &'static str) -> Why {
    let [zh, en] = match code {
        "stale" => [
            "该冲突已变化或已解决；请刷新后再看。",
            "The conflict has changed or is settled; look at the list again.",
        ],
        "not_by_rule" => [
            "此类冲突不能按规则批量处理，请逐条决定。",
            "A conflict of this kind is decided by itself, not by a rule.",
        ],
        "no_such_value" => [
            "其中没有街道核对过的值，请逐条选定。",
            "None of its values was verified at the desk; choose one.",
        ],
        "not_a_sibling" => [
            "所选记录不在该冲突之中，请刷新后重选。",
            "What was chosen is no part of the conflict; look at it again.",
        ],
        "office_not_live" => [
            "所选房间不在本楼在册房间之中，请改选。",
            "The room is not a live one of this building; choose another.",
        ],
        "own_claim" => [
            "自己提出的拆分、合并方案须由他人采纳；请由其他督导处理。",
            "Nobody decides for a split or merger of his own; another supervisor must.",
        ],
        "no_effect" => [
            "与此前的认定相矛盾，仍无法消除冲突；请先撤回此前的认定。",
            "It contradicts what somebody decided before, and the conflict would stay; withdraw that first.",
        ],
        _ => [
            "此类冲突不能这样处理，请按说明选择。",
            "A conflict of this kind is not settled that way; choose as its text says.",
        ],
    };
    Why { code, zh, en }
}
