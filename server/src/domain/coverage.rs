//! Coverage as supervisors read it: sums over what the writer keeps, nothing computed anew unless an
//! earlier time is asked for ([`cut`]). [`stack`] is one building, [`progress`] the course of a round,
//! [`mod@todo`] what is still owed, [`rooms`] the records behind a figure, [`mod@workload`] what
//! teams did and [`visits`] the visits behind that; here are lists and sums over buildings.

pub(crate) mod courses;
pub(crate) mod cut;
pub(crate) mod progress;
pub(crate) mod rooms;
pub(crate) mod stack;
pub(crate) mod todo;
pub(crate) mod visits;
pub(crate) mod workload;

use self::cut::{Cut, Found};
use super::access::Caller;
use super::folded::Folded;
use super::sync::Sync;
use crate::error::{Error, Result};
use crate::store::{BuildingRow, RoundRow, Tx, UnitRow};
use saolou_protocol::building::EntityKind;
use saolou_protocol::building::view::{
    BuildingRound, BuildingView, FloorRound, FloorView, OpenOffice,
};
use saolou_protocol::coverage::building::{BuildingState, Conditions};
use saolou_protocol::coverage::counts::{Counts, Metrics};
use saolou_protocol::coverage::floor::FloorState;
use saolou_protocol::coverage::pace::Slot;
use saolou_protocol::ids::{FloorId, RoundId, SectionId};
use saolou_protocol::time::Millis;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashMap, HashSet};
use uuid::Uuid;

/// A building in a list.
#[derive(Serialize)]
pub(crate) struct ListedBuilding {
    building_id: Uuid,
    unit_id: Uuid,
    attributes: Map<String, Value>,
    state: BuildingState,
    unmet: Conditions,
    counts: Counts,
    metrics: Metrics,
    /// Bottom-up, where they are asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    floors: Option<Vec<ListedFloor>>,
    /// The latest visit to any of its rooms, corrected; beside the floors.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_try_ms: Option<Millis>,
}

/// A floor of a building in a list: what a map shows of it.
#[derive(Serialize)]
struct ListedFloor {
    floor_id: FloorId,
    section_id: SectionId,
    label: String,
    sort_order_milli: i64,
    state: FloorState,
    has_locked: bool,
    has_unvisited: bool,
}

/// The buildings below a unit, by code.
pub(crate) async fn buildings(
    sync: &Sync,
    caller: &Caller,
    unit: Uuid,
    cut: Cut,
    with_floors: bool,
) -> Result<Vec<ListedBuilding>> {
    let mut tx = sync.store.read().await?;
    caller.require_unit(&mut tx, unit).await?;
    let rounds = cut.rounds(&mut tx, unit).await?;
    let found = cut.below(&mut tx, &sync.folded, unit, listed_kinds(with_floors)).await?;
    drop(tx);
    list(found, &rounds, with_floors)
}

/// The buildings that the caller's teams are assigned to, by code.
pub(crate) async fn assigned(
    sync: &Sync,
    caller: &Caller,
    cut: Cut,
    with_floors: bool,
) -> Result<Vec<ListedBuilding>> {
    let mut tx = sync.store.read().await?;
    let mut rounds = HashSet::new();
    let mut found = Vec::new();
    for building_id in caller.assigned(&mut tx, sync.clock.now_ms()).await? {
        let (Some(head), Some(unit_id)) =
            (tx.head(building_id).await?, tx.building_unit(building_id).await?)
        else {
            continue;
        };
        match cut.rounds(&mut tx, unit_id).await {
            Ok(of_street) => rounds.extend(of_street),
            // A street without a round has nothing to show.
            Err(Error::NotFound) => continue,
            Err(error) => return Err(error),
        }
        let entities = cut.of_building(&mut tx, &sync.folded, &head).await?.into_iter();
        found.extend(
            entities.filter(|(kind, _)| listed_kinds(with_floors).contains(kind)).map(
                |(kind, body)| Found { kind, row: BuildingRow { building_id, unit_id, body } },
            ),
        );
    }
    drop(tx);
    list(found, &rounds, with_floors)
}

/// What of a building a list is made from.
fn listed_kinds(with_floors: bool) -> &'static [EntityKind] {
    const KINDS: &[EntityKind] = &[EntityKind::Building, EntityKind::Floor, EntityKind::Office];
    if with_floors { KINDS } else { &KINDS[..1] }
}

fn list(
    found: Vec<Found>,
    rounds: &HashSet<RoundId>,
    with_floors: bool,
) -> Result<Vec<ListedBuilding>> {
    let (found, parts): (Vec<Found>, Vec<Found>) =
        found.into_iter().partition(|found| found.kind == EntityKind::Building);
    let (floors, offices): (Vec<Found>, Vec<Found>) =
        parts.into_iter().partition(|found| found.kind == EntityKind::Floor);
    let last_tries = last_tries(&offices, rounds)?;
    let mut floors = listed_floors(floors, rounds)?;
    let mut listed = Vec::with_capacity(found.len());
    for Found { row: BuildingRow { building_id, unit_id, body }, .. } in found {
        let view: BuildingView = parse(&body)?;
        if let Some(standing) = standing(view.rounds, rounds) {
            listed.push(ListedBuilding {
                building_id,
                unit_id,
                attributes: view.attributes,
                state: standing.state,
                unmet: standing.unmet,
                metrics: standing.counts.metrics(),
                counts: standing.counts,
                floors: with_floors.then(|| floors.remove(&building_id).unwrap_or_default()),
                last_try_ms: last_tries.get(&building_id).copied(),
            });
        }
    }
    let code = |building: &ListedBuilding| {
        let code = building.attributes.get("code").and_then(Value::as_str).unwrap_or_default();
        (code.to_owned(), building.building_id)
    };
    listed.sort_by_cached_key(code);
    Ok(listed)
}

/// Only the part of an office that tells when somebody was there.
#[derive(Deserialize)]
struct Tries {
    #[serde(default)]
    rounds: Vec<Tried>,
}

#[derive(Deserialize)]
struct Tried {
    round_id: RoundId,
    last_try_ms: Option<Millis>,
}

/// When somebody was in each building last.
fn last_tries(offices: &[Found], chosen: &HashSet<RoundId>) -> Result<HashMap<Uuid, Millis>> {
    let mut last: HashMap<Uuid, Millis> = HashMap::new();
    for Found { row, .. } in offices {
        let tries: Tries = parse(&row.body)?;
        let of_round = tries.rounds.into_iter().filter(|tried| chosen.contains(&tried.round_id));
        if let Some(at_ms) = of_round.filter_map(|tried| tried.last_try_ms).max() {
            let known = last.entry(row.building_id).or_insert(at_ms);
            *known = at_ms.max(*known);
        }
    }
    Ok(last)
}

/// The live floors of each building, bottom-up.
fn listed_floors(
    found: Vec<Found>,
    chosen: &HashSet<RoundId>,
) -> Result<HashMap<Uuid, Vec<ListedFloor>>> {
    let mut floors: HashMap<Uuid, Vec<ListedFloor>> = HashMap::new();
    for Found { row, .. } in found {
        let FloorView { floor_id, section_id, label, sort_order_milli, rounds, .. } =
            parse(&row.body)?;
        let standing = rounds.into_iter().find(|round| chosen.contains(&round.round_id));
        let Some(FloorRound { state, has_locked, has_unvisited, .. }) = standing else { continue };
        floors.entry(row.building_id).or_default().push(ListedFloor {
            floor_id,
            section_id,
            label,
            sort_order_milli,
            state,
            has_locked,
            has_unvisited,
        });
    }
    for floors in floors.values_mut() {
        floors.sort_by_key(|floor| (floor.sort_order_milli, floor.floor_id));
    }
    Ok(floors)
}

/// A unit's coverage and that of the units right below it.
#[derive(Serialize)]
pub(crate) struct RollUp {
    #[serde(flatten)]
    own: UnitCoverage,
    children: Vec<UnitCoverage>,
}

#[derive(Serialize)]
struct UnitCoverage {
    unit: UnitRow,
    counts: Counts,
    metrics: Metrics,
    buildings_by_state: BTreeMap<&'static str, i64>,
}

impl UnitCoverage {
    fn new(unit: UnitRow) -> Self {
        let counts = Counts::default();
        Self { unit, counts, metrics: counts.metrics(), buildings_by_state: BTreeMap::new() }
    }

    fn add(&mut self, standing: &BuildingRound) {
        self.counts += standing.counts;
        *self.buildings_by_state.entry(standing.state.code()).or_default() += 1;
    }

    fn summed(mut self) -> Self {
        self.metrics = self.counts.metrics();
        self
    }
}

/// Only the part of a building that sums need.
#[derive(Deserialize)]
struct Standings {
    rounds: Vec<BuildingRound>,
}

/// Adds up coverage at a node of the organisation tree.
pub(crate) async fn roll_up(sync: &Sync, caller: &Caller, unit: Uuid, cut: Cut) -> Result<RollUp> {
    let mut tx = sync.store.read().await?;
    caller.require_unit(&mut tx, unit).await?;
    let rounds = cut.rounds(&mut tx, unit).await?;
    let units = tx.units_below(unit).await?;
    let found = cut.below(&mut tx, &sync.folded, unit, &[EntityKind::Building]).await?;
    drop(tx);
    let parents: HashMap<Uuid, Option<Uuid>> =
        units.iter().map(|unit| (unit.unit_id, unit.parent_id)).collect();
    let mut own = None;
    let mut children: BTreeMap<Uuid, UnitCoverage> = BTreeMap::new();
    for row in units {
        if row.unit_id == unit {
            own = Some(UnitCoverage::new(row));
        } else if row.parent_id == Some(unit) {
            children.insert(row.unit_id, UnitCoverage::new(row));
        }
    }
    let mut own = own.ok_or(Error::NotFound)?;
    for Found { row: BuildingRow { unit_id, body, .. }, .. } in found {
        let view: Standings = parse(&body)?;
        let Some(standing) = standing(view.rounds, &rounds) else { continue };
        own.add(&standing);
        let mut at = unit_id;
        while let Some(Some(parent)) = parents.get(&at).copied().filter(|_| at != unit) {
            if parent == unit {
                if let Some(child) = children.get_mut(&at) {
                    child.add(&standing);
                }
                break;
            }
            at = parent;
        }
    }
    let mut children: Vec<UnitCoverage> =
        children.into_values().map(UnitCoverage::summed).collect();
    children.sort_by(|a, b| a.unit.code.cmp(&b.unit.code));
    Ok(RollUp { own: own.summed(), children })
}

/// The counts of all buildings below a unit, and how many of them are in which state.
pub(crate) async fn sums(
    tx: &mut Tx,
    folded: &Folded,
    unit: Uuid,
    cut: Cut,
) -> Result<(Counts, BTreeMap<&'static str, i64>)> {
    let rounds = cut.rounds(tx, unit).await?;
    let (mut counts, mut by_state) = (Counts::default(), BTreeMap::new());
    for Found { row, .. } in cut.below(tx, folded, unit, &[EntityKind::Building]).await? {
        let view: Standings = parse(&row.body)?;
        if let Some(standing) = standing(view.rounds, &rounds) {
            counts += standing.counts;
            *by_state.entry(standing.state.code()).or_default() += 1;
        }
    }
    Ok((counts, by_state))
}

/// A floor that still has locked or unvisited offices.
#[derive(Serialize)]
pub(crate) struct OpenFloor {
    building_id: Uuid,
    building: String,
    section: String,
    floor_id: FloorId,
    label: String,
    #[serde(skip)]
    sort_order_milli: i64,
    state: FloorState,
    in_scope: i64,
    covered: i64,
    locked: Vec<ShutDoor>,
    unvisited: Vec<OpenOffice>,
}

/// A locked or blocked door, and when to try again where that helps.
#[derive(Serialize)]
struct ShutDoor {
    #[serde(flatten)]
    office: OpenOffice,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    suggested: Vec<Slot>,
}

impl From<OpenOffice> for ShutDoor {
    fn from(office: OpenOffice) -> Self {
        let suggested = todo::suggested(office.state, office.last_try_ms);
        Self { office, suggested }
    }
}

/// The floors below a unit that still have locked or unvisited offices, with the room labels
/// (未走访及锁门楼层清单), building by building, top-down.
pub(crate) async fn open_floors(
    sync: &Sync,
    caller: &Caller,
    unit: Uuid,
    cut: Cut,
) -> Result<Vec<OpenFloor>> {
    let mut tx = sync.store.read().await?;
    caller.require_unit(&mut tx, unit).await?;
    let rounds = cut.rounds(&mut tx, unit).await?;
    let kinds = [EntityKind::Building, EntityKind::Floor];
    let found = cut.below(&mut tx, &sync.folded, unit, &kinds).await?;
    drop(tx);
    let (buildings, floors): (Vec<Found>, Vec<Found>) =
        found.into_iter().partition(|found| found.kind == EntityKind::Building);
    let mut names: HashMap<Uuid, (String, HashMap<SectionId, String>)> = HashMap::new();
    for Found { row, .. } in buildings {
        let view: BuildingView = parse(&row.body)?;
        let name = view.attributes.get("name").and_then(Value::as_str).unwrap_or_default();
        let sections = view.sections.into_iter().map(|s| (s.section_id, s.name)).collect();
        names.insert(row.building_id, (name.to_owned(), sections));
    }
    let mut open = Vec::new();
    for Found { row, .. } in floors {
        let view: FloorView = parse(&row.body)?;
        let round = view.rounds.into_iter().find(|round| rounds.contains(&round.round_id));
        let Some(round) = round.filter(|round| round.has_locked || round.has_unvisited) else {
            continue;
        };
        let (building, sections) = names.get(&row.building_id).cloned().unwrap_or_default();
        open.push(OpenFloor {
            building_id: row.building_id,
            building,
            section: sections.get(&view.section_id).cloned().unwrap_or_default(),
            floor_id: view.floor_id,
            label: view.label,
            sort_order_milli: view.sort_order_milli,
            state: round.state,
            in_scope: round.counts.in_scope,
            covered: round.counts.covered,
            locked: round.locked.into_iter().map(ShutDoor::from).collect(),
            unvisited: round.unvisited,
        });
    }
    open.sort_by(|a, b| {
        let order =
            |floor: &OpenFloor| (floor.building_id, -floor.sort_order_milli, floor.floor_id);
        (&a.building, order(a)).cmp(&(&b.building, order(b)))
    });
    Ok(open)
}

fn standing(rounds: Vec<BuildingRound>, chosen: &HashSet<RoundId>) -> Option<BuildingRound> {
    rounds.into_iter().find(|standing| chosen.contains(&standing.round_id))
}

/// The rounds that figures are about: the one asked for, else the current one of each street.
async fn rounds_for(tx: &mut Tx, unit: Uuid, round: Option<Uuid>) -> Result<HashSet<RoundId>> {
    let rounds = match tx.street_of(unit).await? {
        Some(street) => tx.rounds(street).await?,
        None => tx.rounds_below(unit).await?,
    };
    let mut by_street: BTreeMap<Uuid, Vec<RoundRow>> = BTreeMap::new();
    for row in rounds {
        by_street.entry(row.street_id).or_default().push(row);
    }
    let chosen: HashSet<RoundId> =
        by_street.values().filter_map(|rounds| chosen(rounds, round)).map(RoundId).collect();
    if chosen.is_empty() { Err(Error::NotFound) } else { Ok(chosen) }
}

/// The round asked for, else the latest that is running, else the latest that was published.
fn chosen(rounds: &[RoundRow], asked: Option<Uuid>) -> Option<Uuid> {
    let published = rounds.iter().filter(|round| round.status != "draft");
    if let Some(asked) = asked {
        return published.map(|round| round.round_id).find(|round| *round == asked);
    }
    let running =
        |round: &&RoundRow| matches!(round.status.as_str(), "open" | "closing" | "reopened");
    let order = |round: &&RoundRow| (round.from_ms, round.round_id);
    let latest = published.clone().filter(running).max_by_key(order);
    latest.or_else(|| published.max_by_key(order)).map(|round| round.round_id)
}

pub(super) fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T> {
    serde_json::from_slice(body)
        .map_err(|error| Error::Internal(format!("a stored entity is unreadable: {error}")))
}
