//! The timeline of an office: every visit of every team and every decision, with device, corrected
//! and received time, whether it counts or not; and the room that follows from them.

use super::access::Caller;
use super::coverage::cut::Cut;
use super::licences::Found;
use super::sync::Sync;
use crate::error::{Error, Result};
use saolou_protocol::building::LICENCE_SEEN_ELSEWHERE;
use saolou_protocol::building::history::HistoryItem;
use saolou_protocol::building::room::Room;
use saolou_protocol::building::tenants::Tenant;
use saolou_protocol::canonical::Hash;
use saolou_protocol::fact::Fact;
use saolou_protocol::ids::OfficeId;
use saolou_protocol::op::Op;
use saolou_protocol::time::{Millis, Stamp, TimeQuality};
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::HashMap;
use uuid::Uuid;

/// The timeline of an office, by corrected time.
#[derive(Serialize)]
pub(crate) struct Timeline {
    office_id: OfficeId,
    /// On which floor, as the lift panel says.
    floor: String,
    room: Room,
    tenants: Vec<Tenant>,
    items: Vec<Item>,
}

/// One op on the timeline.
#[derive(Serialize)]
struct Item {
    #[serde(flatten)]
    standing: HistoryItem,
    kind: String,
    author_id: Uuid,
    author: Option<String>,
    device: Uuid,
    captured_wall_ms: Millis,
    corrected_ms: Millis,
    quality: String,
    received_ms: Millis,
    issues: Vec<String>,
    seen: Vec<Uuid>,
    body: Map<String, Value>,
}

/// Reads the timeline of an office; an id that is an alias gives that of the office it stands for.
/// An office that was split or merged keeps what happened until then.
pub(crate) async fn timeline(
    sync: &Sync,
    caller: &Caller,
    building: Uuid,
    office: OfficeId,
    cut: Cut,
) -> Result<Timeline> {
    let mut tx = sync.store.read().await?;
    let head = caller.building(&mut tx, building, sync.clock.now_ms()).await?;
    let folded = cut.fold(&mut tx, &sync.folded, &head).await?;
    let office_id = folded.stands_for(office).ok_or(Error::NotFound)?;
    let room = folded.room(office_id).ok_or(Error::NotFound)?;
    let floor = folded.door(office_id).map(|(_, floor)| floor.to_owned()).unwrap_or_default();
    let mut standings: HashMap<Uuid, HistoryItem> =
        folded.history(office_id).into_iter().map(|item| (item.op_id.0, item)).collect();
    let licences = standings.values().filter_map(|item| item.licence.as_ref());
    let found = Found::read(&mut tx, head.street_id, licences).await?;
    let mut items = Vec::new();
    for row in tx.timeline(head.street_id, building).await? {
        let Some(mut standing) = standings.remove(&row.op_id) else { continue };
        let unreadable = || Error::Internal("a stored op is unreadable".into());
        let hash = row.hash.try_into().map(Hash).map_err(|_| unreadable())?;
        let op = Op::restore(row.content, hash).map_err(|_| unreadable())?;
        let quality = TimeQuality::parse(&row.quality).ok_or_else(unreadable)?;
        let (corrected_ms, received_ms) = (row.corrected_ms, row.received_ms);
        let (_, mut issues) = Fact::read(&op, Stamp { corrected_ms, received_ms, quality });
        issues.extend(std::mem::take(&mut standing.issues));
        let seen = |licence| found.is_elsewhere(licence, building);
        issues.add_if(standing.licence.as_ref().is_some_and(seen), LICENCE_SEEN_ELSEWHERE);
        items.push(Item {
            standing,
            kind: op.kind,
            author_id: row.author_id,
            author: row.author,
            device: op.device.0,
            captured_wall_ms: op.captured.wall_ms,
            corrected_ms,
            quality: row.quality,
            received_ms,
            issues: issues.iter().map(str::to_owned).collect(),
            seen: op.seen.iter().map(|op| op.0).collect(),
            body: op.body,
        });
    }
    let bodies: HashMap<Uuid, &Map<String, Value>> =
        items.iter().map(|item| (item.standing.op_id.0, &item.body)).collect();
    let tenants = folded.tenants(office_id, |op| bodies.get(&op.0).copied());
    Ok(Timeline { office_id, floor, room, tenants, items })
}
