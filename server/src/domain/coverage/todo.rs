//! The to-do board (待办): what is still owed in the buildings below a unit, kind by kind, what is due
//! first coming first.

use super::super::access::Caller;
use super::super::sync::Sync;
use super::cut::{Cut, Found};
use super::parse;
use crate::error::{Error, Result};
use saolou_protocol::building::EntityKind;
use saolou_protocol::building::view::{BuildingView, FloorView, OfficeView};
use saolou_protocol::conflict::{Conflict, ConflictCode};
use saolou_protocol::coverage::office::State;
use saolou_protocol::coverage::owed::{Obligation, owed};
use saolou_protocol::coverage::pace::Slot;
use saolou_protocol::ids::{ConflictId, FloorId, OfficeId, RoundId};
use saolou_protocol::outcome::Elements;
use saolou_protocol::time::Millis;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::HashMap;
use uuid::Uuid;

/// Items of one kind in one answer, where one kind is asked for, and where all are.
const LISTED_MAX: usize = 500;
const FIRST_MAX: usize = 20;

/// Which round, when, and which kind.
#[derive(Deserialize)]
pub(crate) struct Asked {
    round: Option<Uuid>,
    as_of: Option<Millis>,
    kind: Option<String>,
}

/// What is owed below a unit.
#[derive(Serialize)]
pub(crate) struct Board {
    round_id: Uuid,
    /// What is overdue was due before this.
    at_ms: Millis,
    kinds: Vec<Pile>,
}

/// What is owed of one kind.
#[derive(Serialize)]
struct Pile {
    kind: Obligation,
    zh: &'static str,
    en: &'static str,
    total: usize,
    overdue: usize,
    /// The first of them by when they are due.
    items: Vec<Item>,
}

/// One thing that is owed.
#[derive(Clone, Serialize)]
struct Item {
    building_id: Uuid,
    building: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    room: Option<Room>,
    #[serde(skip_serializing_if = "Option::is_none")]
    conflict_id: Option<ConflictId>,
    /// How many, where one item stands for several.
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    due_ms: Option<Millis>,
    is_overdue: bool,
}

/// The room that something is owed at.
#[derive(Clone, Serialize)]
struct Room {
    floor_id: FloorId,
    floor: String,
    office_id: OfficeId,
    label: String,
    state: State,
    attempts: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_try_ms: Option<Millis>,
    #[serde(skip_serializing_if = "Elements::is_empty_ref")]
    missing: Elements,
    /// For a locked door: when to try again.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    suggested: Vec<Slot>,
}

/// Reads what is owed below a unit that lies in one street.
pub(crate) async fn board(
    sync: &Sync,
    caller: &Caller,
    unit: Uuid,
    Asked { round, as_of, kind }: Asked,
) -> Result<Board> {
    let only = kind
        .map(|kind| Obligation::parse(&kind).ok_or_else(|| Error::Invalid("kind: unknown".into())));
    let only = only.transpose()?;
    let cut = Cut { round, as_of };
    let mut tx = sync.store.read().await?;
    caller.require_unit(&mut tx, unit).await?;
    let street = tx.street_of(unit).await?;
    let street =
        street.ok_or_else(|| Error::Invalid("choose a street, or a part of one".into()))?;
    let round_id = cut.round(&mut tx, street).await?;
    let round = tx.rounds(street).await?.into_iter().find(|round| round.round_id == round_id);
    let until_ms = round.ok_or(Error::NotFound)?.until_ms;
    let kinds = [EntityKind::Building, EntityKind::Floor, EntityKind::Office];
    let found = cut.below(&mut tx, &sync.folded, unit, &kinds).await?;
    drop(tx);
    let at_ms = as_of.unwrap_or_else(|| sync.clock.now_ms());
    let mut names = Names::default();
    let mut offices = Vec::new();
    let mut owing = Owing { at_ms, until_ms, round: RoundId(round_id), owed: HashMap::new() };
    for Found { kind, row } in found {
        match kind {
            EntityKind::Building => names.add_building(row.building_id, &row.body, &mut owing)?,
            EntityKind::Floor => {
                let floor: FloorView = parse(&row.body)?;
                names.floors.insert(floor.floor_id, (floor.label, floor.sort_order_milli));
            }
            EntityKind::Office => offices.push((row.building_id, parse(&row.body)?)),
        }
    }
    for (building, office) in offices {
        owing.at_office(&names, building, office);
    }
    Ok(Board { round_id, at_ms, kinds: owing.piles(only) })
}

/// What things are called.
#[derive(Default)]
struct Names {
    buildings: HashMap<Uuid, String>,
    floors: HashMap<FloorId, (String, i64)>,
}

impl Names {
    fn add_building(&mut self, id: Uuid, body: &[u8], owing: &mut Owing) -> Result<()> {
        let view: BuildingView = parse(body)?;
        let name = view.attributes.get("name").and_then(Value::as_str).unwrap_or_default();
        for conflict in &view.conflicts {
            owing.conflict(id, name, conflict);
        }
        if view.late_waiting > 0 {
            let mut item = Item::at(id, name);
            item.count = Some(view.late_waiting);
            owing.add(Obligation::LateReview, item);
        }
        self.buildings.insert(id, name.to_owned());
        Ok(())
    }
}

impl Item {
    fn at(building_id: Uuid, building: &str) -> Self {
        let building = building.to_owned();
        let (room, conflict_id, count, due_ms) = (None, None, None, None);
        Self { building_id, building, room, conflict_id, count, due_ms, is_overdue: false }
    }
}

/// What is owed, as it is gathered.
struct Owing {
    at_ms: Millis,
    until_ms: Millis,
    round: RoundId,
    owed: HashMap<Obligation, Vec<Item>>,
}

impl Owing {
    fn add(&mut self, kind: Obligation, item: Item) {
        self.owed.entry(kind).or_default().push(item);
    }

    fn conflict(&mut self, building: Uuid, name: &str, conflict: &Conflict) {
        let kind = match conflict.code {
            ConflictCode::Field | ConflictCode::VoidReview => Obligation::ConflictReview,
            ConflictCode::DuplicateKey
            | ConflictCode::StructureDisputed
            | ConflictCode::LineageCycle
            | ConflictCode::AliasContradicted
            | ConflictCode::NeedsReassignment => Obligation::StructureReview,
        };
        let mut item = Item::at(building, name);
        item.conflict_id = Some(conflict.conflict_id);
        self.add(kind, item);
    }

    fn at_office(&mut self, names: &Names, building_id: Uuid, office: OfficeView) {
        let round = office.rounds.iter().find(|round| round.round_id == self.round);
        let Some(round) = round else { return };
        let owed = owed(round, self.until_ms);
        if owed.is_empty() {
            return;
        }
        let floor = names.floors.get(&office.floor_id);
        let name = names.buildings.get(&building_id);
        let mut item = Item::at(building_id, name.map_or("", String::as_str));
        item.room = Some(Room {
            floor_id: office.floor_id,
            floor: floor.map(|(label, _)| label.clone()).unwrap_or_default(),
            office_id: office.office_id,
            state: round.state,
            attempts: round.attempts,
            last_try_ms: round.last_try_ms,
            missing: round.missing,
            suggested: suggested(round.state, round.last_try_ms),
            label: office.label,
        });
        for (kind, due_ms) in owed {
            let is_overdue = due_ms < self.at_ms;
            self.add(kind, Item { due_ms: Some(due_ms), is_overdue, ..item.clone() });
        }
    }

    /// All kinds, or one, in the order in which they press.
    fn piles(mut self, only: Option<Obligation>) -> Vec<Pile> {
        let listed_max = if only.is_some() { LISTED_MAX } else { FIRST_MAX };
        let kinds = Obligation::ALL.iter().copied();
        let kinds = kinds.filter(|kind| only.is_none_or(|only| only == *kind));
        let pile = |kind: Obligation| {
            let mut items = self.owed.remove(&kind).unwrap_or_default();
            items.sort_by_cached_key(|item| {
                let room = item.room.as_ref().map(|room| (room.floor.clone(), room.label.clone()));
                (item.due_ms, item.building.clone(), room, item.conflict_id)
            });
            let (total, overdue) = (items.len(), items.iter().filter(|i| i.is_overdue).count());
            items.truncate(listed_max);
            let [zh, en] = named(kind);
            Pile { kind, zh, en, total, overdue, items }
        };
        kinds.map(pile).collect()
    }
}

/// A locked door is tried again at another time of day.
pub(super) fn suggested(state: State, last_try_ms: Option<Millis>) -> Vec<Slot> {
    let last_ms = last_try_ms.filter(|_| state == State::Locked);
    last_ms.map(|last_ms| Slot::of(last_ms).others()).unwrap_or_default()
}

/// What the kinds are called; Chinese first.
const fn named(kind: Obligation) -> [&'static str; 2] {
    match kind {
        Obligation::DeptNotice => ["拒检待通报", "Blocked: notify the departments"],
        Obligation::MeasureUnlicensed => ["无证待处置", "Unlicensed: measure or hand over"],
        Obligation::ConflictReview => ["冲突待判定", "Conflicts to settle"],
        Obligation::StructureReview => ["房间变动待审", "Room changes to review"],
        Obligation::ExclusionReview => ["核减待审批", "Exclusions to approve"],
        Obligation::LateReview => ["超期记录待认定", "Late records to accept"],
        Obligation::PhotoUpload => ["照片未到", "Photos still missing"],
        Obligation::Supplement => ["待补检", "To be supplemented"],
        Obligation::RevisitLocked => ["锁门待复查", "Locked: visit again"],
        Obligation::FirstVisit => ["待首次走访", "To be visited first"],
        Obligation::RenovationRecheck => ["装修待复查", "Renovation: check again"],
    }
}
