//! Photos that were promised and have not come (C37): who has to be reminded, and what the desk waives.
//!
//! What is late is said when somebody looks, by the server's clock; that a photo is missing follows from
//! the ops. At the closing of a round the visit counts without it, until it comes or is waived.

use super::access::Caller;
use super::conflicts::{Door, readable};
use super::coverage::parse;
use super::fold::fold;
use super::sync::Sync;
use crate::error::Result;
use saolou_protocol::ids::{PhotoId, RoundId, VisitId};
use saolou_protocol::time::Millis;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// Most visits in one list.
const LISTED_MAX: usize = 500;
/// A photo that has not come so long after its record has to be asked for.
const LATE_AFTER_MS: Millis = 24 * 3600 * 1000;

/// The visits below a unit whose mandatory photo has not come.
#[derive(Serialize)]
pub(crate) struct Missing {
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
    /// Any of them would do.
    photos: BTreeSet<PhotoId>,
    author_id: Uuid,
    author: Option<String>,
    received_ms: Millis,
    /// For more than a day: its author and the leader of his team are to be reminded.
    is_late: bool,
    zh: &'static str,
    en: &'static str,
}

/// Only the part of a building that the list needs.
#[derive(Deserialize)]
struct Counted {
    #[serde(default)]
    attributes: Map<String, Value>,
    #[serde(default)]
    photos_waiting: usize,
}

/// Lists the visits of the buildings below a unit whose mandatory photo has not come, the longest
/// waiting of each building first.
pub(crate) async fn list(
    sync: &Sync,
    caller: &Caller,
    unit: Uuid,
    building: Option<Uuid>,
) -> Result<Missing> {
    let now_ms = sync.clock.now_ms();
    let mut tx = sync.store.read().await?;
    let mut missing = Missing { visits: Vec::new(), total: 0 };
    for row in readable(&mut tx, sync, caller, unit, building).await? {
        let counted: Counted = parse(&row.body)?;
        missing.total += counted.photos_waiting;
        if counted.photos_waiting == 0 || missing.visits.len() >= LISTED_MAX {
            continue;
        }
        let Some(head) = tx.head(row.building_id).await? else { continue };
        let (folded, _) = fold(&mut tx, &head).await?;
        let waiting = folded.waiting_for_photos();
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
                photos: visit.photos,
                author_id: row.author_id,
                author: row.author.clone(),
                received_ms: row.received_ms,
                is_late: now_ms - row.received_ms > LATE_AFTER_MS,
                zh: "记录已到、照片未到；请提醒采集人联网上传，确实无法补传的由街道豁免。",
                en: "The record is here, its photo is not. Remind its author to go online; the street waives what can never come.",
            })
        });
        let mut items: Vec<Waiting> = items.collect();
        items.sort_by_key(|waiting| (waiting.received_ms, waiting.op_id));
        items.truncate(LISTED_MAX - missing.visits.len());
        missing.visits.extend(items);
    }
    Ok(missing)
}
