//! What must hold of the content that is served, found out from the ops as they were sent and not
//! with the code that merges them.

use crate::backend::{Accepted, Dump, StoredRows};
use crate::check::Broken;
use saolou_protocol::ids::{BuildingId, OpId};
use saolou_protocol::op::Op;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// An id that is named as what a room became is there, where an op by itself made it (I11).
pub(crate) fn references(dump: &Dump, stored: &StoredRows) -> Result<(), Broken> {
    let known: BTreeSet<Uuid> = stored.keys().map(|(_, id)| *id).collect();
    for body in stored.values().filter(|body| contains(body, "\"becomes\"")) {
        let read: Value = serde_json::from_slice(body).expect("an entity is JSON");
        let named = read["becomes"].as_array().into_iter().flatten();
        for id in named.filter_map(id_of).filter(|id| !known.contains(id)) {
            let made = dump.accepted.values().any(|op| {
                op.fact.group.is_none() && contains(&op.content, "\"office_add\"") && adds(op, id)
            });
            if made {
                return Err(Broken::new("I11", format!("{id} is named and not there")));
            }
        }
    }
    Ok(())
}

/// A group takes effect whole or not at all: no room is there that a member of an incomplete group
/// adds.
pub(crate) fn groups(dump: &Dump, bucket: BuildingId, stored: &StoredRows) -> Result<(), Broken> {
    let mut groups = BTreeMap::<_, Vec<&Accepted>>::new();
    for op in dump.accepted.values().filter(|op| op.bucket == bucket) {
        if let Some(group) = op.fact.group {
            groups.entry((op.fact.author, group.id, group.len)).or_default().push(op);
        }
    }
    for ((_, id, len), members) in groups {
        if members.len() >= len as usize {
            continue;
        }
        let made = |office: &Uuid| members.iter().any(|op| adds(op, *office));
        let offices = stored.keys().filter(|(kind, _)| kind == "office").map(|(_, id)| id);
        if let Some(office) = offices.into_iter().find(|office| made(office)) {
            let what = format!("office {office} of group {id}, of which an op is missing");
            return Err(Broken::new("group", what));
        }
    }
    Ok(())
}

/// A label that somebody has seen and overruled is overruled wherever it was written: no open
/// conflict names it.
pub(crate) fn kills(dump: &Dump, bucket: BuildingId, stored: &StoredRows) -> Result<(), Broken> {
    let Some(body) = stored.get(&("building".to_owned(), bucket.0)) else { return Ok(()) };
    let read: Value = serde_json::from_slice(body).expect("an entity is JSON");
    let conflicts = read["conflicts"].as_array().into_iter().flatten();
    let siblings: BTreeSet<OpId> = conflicts
        .filter(|conflict| conflict["field"] == "label")
        .flat_map(|conflict| conflict["siblings"].as_array().into_iter().flatten())
        .filter_map(|op| id_of(op).map(OpId))
        .collect();
    if siblings.is_empty() {
        return Ok(());
    }
    let of_bucket = dump.accepted.iter().filter(|(_, op)| op.bucket == bucket);
    let of_bucket: Vec<(OpId, &Accepted)> = of_bucket.map(|(id, op)| (*id, &**op)).collect();
    let withdrawals = ["\"structure_reject\"", "\"office_restore\"", "\"visit_unvoid\""];
    let withdrawn: BTreeSet<OpId> = of_bucket
        .iter()
        .filter(|(_, op)| withdrawals.iter().any(|kind| contains(&op.content, kind)))
        .flat_map(|(_, op)| op.fact.seen.iter().copied())
        .collect();
    for (rename, op) in of_bucket {
        let stands = op.fact.group.is_none() && !withdrawn.contains(&rename);
        if stands
            && contains(&op.content, "\"office_rename\"")
            && let Some(seen) = op.fact.seen.iter().find(|seen| siblings.contains(seen))
        {
            let what = format!("{rename} overruled {seen}, which still is in conflict");
            return Err(Broken::new("I8", what));
        }
    }
    Ok(())
}

/// Whether an op adds an office of this id.
fn adds(op: &Accepted, office: Uuid) -> bool {
    let op = Op::restore(op.content.clone(), op.hash).expect("it was accepted");
    op.kind == "office_add" && id_of(&op.body["office_id"]) == Some(office)
}

fn id_of(value: &Value) -> Option<Uuid> {
    value.as_str()?.parse().ok()
}

/// Whether canonical JSON has a text in it.
pub(crate) fn contains(json: &[u8], text: &str) -> bool {
    json.windows(text.len()).any(|window| window == text.as_bytes())
}
