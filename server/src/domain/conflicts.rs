//! The conflict inbox (domain §4, §3.9 `conflict_review`): what disagrees in the buildings of a unit,
//! with all sides next to each other.

use super::access::Caller;
use super::coverage::parse;
use super::fold::fold;
use super::sync::Sync;
use crate::error::{Error, Result};
use crate::store::{BuildingRow, Head, TimelineRow, Tx};
use saolou_protocol::building::{Building, EntityKind};
use saolou_protocol::canonical::Hash;
use saolou_protocol::conflict::{Conflict, ConflictCode, Severity, Tell};
use saolou_protocol::ids::{ConflictId, OfficeId, OpId, PhotoId};
use saolou_protocol::op::Op;
use saolou_protocol::time::Millis;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use uuid::Uuid;

/// Most conflicts in one list.
const LISTED_MAX: usize = 500;

/// The open conflicts below a unit.
#[derive(Serialize)]
pub(crate) struct Inbox {
    conflicts: Vec<Item>,
    /// How many there are, those that are not listed included.
    total: usize,
}

/// An open conflict.
#[derive(Serialize)]
struct Item {
    conflict_id: ConflictId,
    code: ConflictCode,
    zh: &'static str,
    en: &'static str,
    severity: Severity,
    tell: &'static [Tell],
    blocks_acceptance: bool,
    building_id: Uuid,
    building: String,
    subject: Uuid,
    /// The rooms that it is about.
    offices: Vec<Door>,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    siblings: Vec<Sibling>,
}

/// A room by what is written on its door.
#[derive(Clone, Serialize)]
pub(super) struct Door {
    office_id: OfficeId,
    label: String,
    floor: String,
}

impl Door {
    pub(super) fn of(building: &Building, office_id: OfficeId) -> Option<Self> {
        let (label, floor) = building.door(office_id)?;
        Some(Self { office_id, label: label.to_owned(), floor: floor.to_owned() })
    }
}

/// One side of a conflict.
#[derive(Serialize)]
struct Sibling {
    op_id: Uuid,
    kind: String,
    author_id: Uuid,
    author: Option<String>,
    roles: Vec<String>,
    device: Uuid,
    corrected_ms: Millis,
    quality: String,
    received_ms: Millis,
    /// For a field: the value that it wrote, and where that comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'static str>,
    /// For a field: it is the value that is shown until somebody decides.
    displayed: bool,
    seen: Vec<OpId>,
    body: Map<String, Value>,
    photos: Vec<Photo>,
}

/// A photo that one side promised.
#[derive(Serialize)]
struct Photo {
    photo_id: PhotoId,
    kind: Option<String>,
    arrived: bool,
}

/// Only the part of a building that the inbox needs.
#[derive(Deserialize)]
struct Opened {
    #[serde(default)]
    attributes: Map<String, Value>,
    #[serde(default)]
    conflicts: Vec<Conflict>,
}

/// Lists the open conflicts of the buildings below a unit whose visits the caller reads.
pub(crate) async fn list(
    sync: &Sync,
    caller: &Caller,
    unit: Uuid,
    building: Option<Uuid>,
) -> Result<Inbox> {
    let mut tx = sync.store.read().await?;
    let rows = readable(&mut tx, sync, caller, unit, building).await?;
    let mut inbox = Inbox { conflicts: Vec::new(), total: 0 };
    for row in rows {
        let opened: Opened = parse(&row.body)?;
        let before = inbox.total;
        inbox.total += opened.conflicts.len();
        if opened.conflicts.is_empty() || before >= LISTED_MAX {
            continue;
        }
        let Some(head) = tx.head(row.building_id).await? else { continue };
        let name = opened.attributes.get("name").and_then(Value::as_str).unwrap_or_default();
        let items = items(&mut tx, &head, name, opened.conflicts).await?;
        inbox.conflicts.extend(items.into_iter().take(LISTED_MAX - before));
    }
    Ok(inbox)
}

/// The buildings below a unit whose visits the caller reads, in the order of their ids; all of them,
/// or one.
pub(super) async fn readable(
    tx: &mut Tx,
    sync: &Sync,
    caller: &Caller,
    unit: Uuid,
    building: Option<Uuid>,
) -> Result<Vec<BuildingRow>> {
    let everything = caller.reads_visits_below(tx, unit).await?;
    let mut rows = tx.entities_below(unit, EntityKind::Building.code()).await?;
    if !everything {
        let assigned = caller.assigned(tx, sync.clock.now_ms()).await?;
        rows.retain(|row| assigned.contains(&row.building_id));
    }
    rows.retain(|row| building.is_none_or(|wanted| row.building_id == wanted));
    if rows.is_empty() && (!everything || building.is_some()) {
        return Err(Error::NotFound);
    }
    rows.sort_by_key(|row| row.building_id);
    Ok(rows)
}

/// The buildings below a unit and the conflicts that are open in them, in the order of their ids.
pub(crate) async fn open_below(tx: &mut Tx, unit: Uuid) -> Result<Vec<(Uuid, ConflictId)>> {
    let mut open = Vec::new();
    for row in tx.entities_below(unit, EntityKind::Building.code()).await? {
        let opened: Opened = parse(&row.body)?;
        open.extend(opened.conflicts.iter().map(|c| (row.building_id, c.conflict_id)));
    }
    open.sort_unstable();
    Ok(open)
}

/// The conflicts of one building, with what their sides say.
async fn items(
    tx: &mut Tx,
    head: &Head,
    name: &str,
    conflicts: Vec<Conflict>,
) -> Result<Vec<Item>> {
    let (building, _) = fold(tx, head).await?;
    let mut ops: Vec<Uuid> =
        conflicts.iter().flat_map(|conflict| &conflict.siblings).map(|op| op.0).collect();
    ops.sort_unstable();
    ops.dedup();
    let told = tx.told(head.street_id, &ops).await?;
    let mut roles: BTreeMap<Uuid, Vec<String>> = BTreeMap::new();
    for row in &told {
        if let Entry::Vacant(entry) = roles.entry(row.author_id) {
            let grants = tx.grants(row.author_id).await?;
            let mut names: Vec<String> = grants.into_iter().map(|grant| grant.role).collect();
            names.sort_unstable();
            names.dedup();
            entry.insert(names);
        }
    }
    let told: HashMap<Uuid, TimelineRow> = told.into_iter().map(|row| (row.op_id, row)).collect();
    let item = |conflict: Conflict| {
        let [zh, en] = explained(conflict.code);
        let offices = building.offices_of(&conflict).into_iter();
        let offices = offices.filter_map(|office| Door::of(&building, office));
        Ok(Item {
            zh,
            en,
            severity: conflict.code.severity(),
            tell: conflict.code.tell(),
            blocks_acceptance: conflict.blocks_acceptance(),
            building_id: head.building_id,
            building: name.to_owned(),
            offices: offices.collect(),
            siblings: siblings(&building, &conflict, &told, &roles)?,
            conflict_id: conflict.conflict_id,
            code: conflict.code,
            subject: conflict.subject,
            field: conflict.field,
        })
    };
    conflicts.into_iter().map(item).collect()
}

fn siblings(
    building: &Building,
    conflict: &Conflict,
    told: &HashMap<Uuid, TimelineRow>,
    roles: &BTreeMap<Uuid, Vec<String>>,
) -> Result<Vec<Sibling>> {
    let values = building.values(conflict);
    let displayed = values.first().map(|write| write.op);
    let rows = conflict.siblings.iter().filter_map(|op| Some((*op, told.get(&op.0)?)));
    let sibling = |(op_id, row): (OpId, &TimelineRow)| {
        let unreadable = || Error::Internal("a stored op is unreadable".into());
        let hash = row.hash.clone().try_into().map(Hash).map_err(|_| unreadable())?;
        let op = Op::restore(row.content.clone(), hash).map_err(|_| unreadable())?;
        let written = values.iter().find(|write| write.op == op_id);
        Ok(Sibling {
            op_id: row.op_id,
            author_id: row.author_id,
            author: row.author.clone(),
            roles: roles.get(&row.author_id).cloned().unwrap_or_default(),
            device: op.device.0,
            corrected_ms: row.corrected_ms,
            quality: row.quality.clone(),
            received_ms: row.received_ms,
            value: written.map(|write| write.value.clone()),
            source: written.map(|write| write.source.code()),
            displayed: displayed == Some(op_id),
            photos: photos(building, &op.body),
            kind: op.kind,
            seen: op.seen,
            body: op.body,
        })
    };
    rows.map(sibling).collect()
}

/// The photos that a body promises.
fn photos(building: &Building, body: &Map<String, Value>) -> Vec<Photo> {
    let promised = body.get("photos").and_then(Value::as_array).into_iter().flatten();
    let photo = |promise: &Value| {
        let photo_id = PhotoId(promise["photo_id"].as_str()?.parse().ok()?);
        let sha256 = promise["sha256"].as_str().and_then(Hash::parse);
        let kind = promise["kind"].as_str().map(str::to_owned);
        Some(Photo { photo_id, kind, arrived: building.has_photo(photo_id, sha256) })
    };
    promised.filter_map(photo).collect()
}

/// What disagrees, and what to do; Chinese first.
fn explained(code: ConflictCode) -> [&'static str; 2] {
    match code {
        ConflictCode::Field => [
            "同一项内容有两种以上填法，且互不知情；请核对来源后选定其一，其余仍可查阅。",
            "One field was given different values by people who did not know of each other's. Check where each comes from and take one; the others stay readable.",
        ],
        ConflictCode::DuplicateKey => [
            "同一楼层有两间房号相同的房间，均计入底数；请核实是同一间还是两间。",
            "Two rooms of one floor have the same number, and both count. Find out whether they are one room or two, and say so.",
        ],
        ConflictCode::StructureDisputed => [
            "对同一房间的拆分或合并意见不一致，暂按原房间计；请保留其中一种，或全部否决。",
            "A room was split or merged in different ways; until somebody decides, the room stands as it was. Keep one of the proposals or reject them.",
        ],
        ConflictCode::LineageCycle => [
            "房间拆分、合并互相循环，均未生效；请否决其中不实的。",
            "Splits and merges lead back to where they began, and none is in force. Reject those that do not hold.",
        ],
        ConflictCode::AliasContradicted => [
            "有人认定为同一房间，有人认定不是，暂按不同房间计；请否决其中一方。",
            "Some say that rooms are the same, others that they are not; until somebody decides they are different rooms. Reject one side.",
        ],
        ConflictCode::NeedsReassignment => [
            "走访记录所在房间已拆分或撤销，无法判断归属，暂不计入；请指定所属房间。",
            "Visits name a room that was split or withdrawn, and nobody knows which room was meant; they cover nothing. Say which room they belong to.",
        ],
        ConflictCode::VoidReview => [
            "走访作废后又有作废人未看过的修订；请复核后维持作废，或恢复该走访。",
            "A voided visit has a revision that whoever voided it had not seen. Look at it, then void the visit again or let it count.",
        ],
    }
}
