//! The records behind a figure: rooms or floors that add up to its numerator and its denominator.
//!
//! They are folded from the same facts as the figure, and each says what it adds; a page of the list
//! goes on behind the last room of the page before, whatever has changed in between.

use super::super::access::Caller;
use super::super::folded::Folded;
use super::super::sync::Sync;
use super::cut::{Cut, heads_below};
use crate::error::{Error, Result};
use crate::store::{Head, Tx};
use saolou_protocol::building::tally::{FloorTally, RoomTally};
use saolou_protocol::building::view::OfficeRound;
use saolou_protocol::coverage::counts::{Counts, Rate};
use saolou_protocol::coverage::floor::FloorState;
use saolou_protocol::coverage::measure::Measure;
use saolou_protocol::ids::{FloorId, OfficeId, RoundId, UserId};
use saolou_protocol::time::Millis;
use serde::{Deserialize, Serialize};
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

/// Rows of one page, by default and at most.
const LISTED: usize = 500;
const LISTED_MAX: usize = 2000;

/// Which figure, which part of it, of which round and time, of all buildings or one, and behind which row the page begins.
#[derive(Deserialize)]
pub(crate) struct Asked {
    metric: String,
    #[serde(default)]
    part: Part,
    round: Option<Uuid>,
    as_of: Option<Millis>,
    building: Option<Uuid>,
    /// The room or floor that the page before ended with.
    cursor: Option<Uuid>,
    limit: Option<usize>,
}

/// Which part of a figure is listed.
#[derive(Clone, Copy, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum Part {
    /// What its numerator counts.
    Numerator,
    /// What its denominator counts beyond that.
    Rest,
    /// All that its denominator counts.
    #[default]
    Whole,
}

impl Part {
    /// How much of it a row adds.
    const fn amount(self, row: &Row) -> i64 {
        match self {
            Self::Numerator => row.part,
            Self::Rest => row.whole - row.part,
            Self::Whole => row.whole,
        }
    }
}

/// A figure and the records that it is the sum of.
#[derive(Serialize)]
pub(crate) struct Drilled {
    metric: String,
    part: Part,
    /// What came later is left out.
    at_ms: Millis,
    /// The figure: what all rows add to it, those of other parts included.
    figure: Rate,
    /// The sum over all rows of the part that is asked for.
    amount: i64,
    /// How many rows that part has, on all pages.
    total: usize,
    rows: Vec<Row>,
    /// Where the next page begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<Uuid>,
}

/// A room or a floor, and what it adds to the figure.
#[derive(Serialize)]
struct Row {
    building_id: Uuid,
    building: String,
    floor_id: FloorId,
    floor: String,
    floor_state: FloorState,
    #[serde(skip_serializing_if = "Option::is_none")]
    room: Option<Room>,
    part: i64,
    whole: i64,
}

#[derive(Serialize)]
struct Room {
    office_id: OfficeId,
    label: String,
    #[serde(flatten)]
    standing: OfficeRound,
    /// Who was there last; for those who may read visits.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_by: Option<String>,
    #[serde(skip)]
    last_by_id: Option<UserId>,
}

impl Row {
    /// What the next page goes on behind.
    fn id(&self) -> Uuid {
        self.room.as_ref().map_or(self.floor_id.0, |room| room.office_id.0)
    }
}

/// Lists the records behind a figure of a unit.
pub(crate) async fn drill(
    sync: &Sync,
    caller: &Caller,
    unit: Uuid,
    asked: Asked,
) -> Result<Drilled> {
    let Asked { metric, part, round, as_of, building, cursor, limit } = asked;
    let measure = Measure::parse(&metric);
    let measure = measure.ok_or_else(|| Error::Invalid("metric: unknown".into()))?;
    let limit = limit.unwrap_or(LISTED).clamp(1, LISTED_MAX);
    let cut = Cut { round, as_of };
    let mut tx = sync.store.read().await?;
    // A team reads the figures of the buildings that it is assigned to.
    match building {
        Some(building) => drop(caller.building(&mut tx, building, sync.clock.now_ms()).await?),
        None => caller.require_unit(&mut tx, unit).await?,
    }
    let at_ms = as_of.unwrap_or_else(|| sync.clock.now_ms());
    let rounds = cut.rounds(&mut tx, unit).await?;
    let mut heads: Vec<Head> =
        heads_below(&mut tx, unit).await?.into_iter().map(|(head, _)| head).collect();
    if let Some(building) = building {
        heads.retain(|head| head.building_id == building);
        if heads.is_empty() {
            return Err(Error::NotFound);
        }
    }
    let all = rows(&mut tx, cut, &sync.folded, heads, &rounds, measure).await?;
    let sum = |of: fn(&Row) -> i64| all.iter().map(of).sum();
    let figure = Rate::of(sum(|row| row.part), sum(|row| row.whole));
    let behind = match cursor {
        None => 0,
        Some(cursor) => {
            let found = all.iter().position(|row| row.id() == cursor);
            found.ok_or_else(|| Error::Invalid("cursor: unknown; begin anew".into()))? + 1
        }
    };
    let is_listed = |row: &Row| part.amount(row) != 0;
    let amount = all.iter().map(|row| part.amount(row)).sum();
    let total = all.iter().filter(|row| is_listed(row)).count();
    let mut page: Vec<Row> =
        all.into_iter().skip(behind).filter(is_listed).take(limit + 1).collect();
    let goes_on = page.len() > limit;
    page.truncate(limit);
    let cursor = page.last().filter(|_| goes_on).map(Row::id);
    let is_named = caller.reads_visits_below(&mut tx, unit).await?
        || match building {
            Some(building) => {
                caller.assigned(&mut tx, sync.clock.now_ms()).await?.contains(&building)
            }
            None => false,
        };
    if is_named {
        name_visitors(&mut tx, &mut page).await?;
    }
    Ok(Drilled { metric, part, at_ms, figure, amount, total, rows: page, cursor })
}

/// Every floor and room of buildings with what it adds to a figure, also where that is nothing:
/// building by building, top-down, door by door.
async fn rows(
    tx: &mut Tx,
    cut: Cut,
    folded: &Folded,
    heads: Vec<Head>,
    rounds: &HashSet<RoundId>,
    measure: Measure,
) -> Result<Vec<Row>> {
    let mut buildings = Vec::new();
    for head in heads {
        let building = cut.fold(tx, folded, &head).await?;
        let window = building.rounds().iter().find(|window| rounds.contains(&window.round));
        let Some(window) = window.filter(|_| building.is_registered()) else { continue };
        let name = building.name();
        let mut rows = Vec::new();
        for FloorTally { floor_id, label, state, counts, rooms } in building.tallies(window.round) {
            let row = |room: Option<Room>, counts: &Counts| {
                let Rate { part, whole, .. } = measure.of(counts);
                let (building_id, building) = (head.building_id, name.clone());
                let (floor, floor_state) = (label.to_owned(), state);
                Row { building_id, building, floor_id, floor, floor_state, room, part, whole }
            };
            rows.push(row(None, &counts));
            rows.extend(rooms.into_iter().map(|room| {
                let counts = room.counts;
                row(Some(Room::from(room)), &counts)
            }));
        }
        buildings.push((name, head.building_id, rows));
    }
    buildings.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
    Ok(buildings.into_iter().flat_map(|(_, _, rows)| rows).collect())
}

impl From<RoomTally<'_>> for Room {
    fn from(RoomTally { office_id, label, standing, last_by, .. }: RoomTally<'_>) -> Self {
        let label = label.to_owned();
        Self { office_id, label, standing, last_by: None, last_by_id: last_by }
    }
}

/// Says who was there last.
async fn name_visitors(tx: &mut Tx, rows: &mut [Row]) -> Result<()> {
    let mut names: HashMap<UserId, Option<String>> = HashMap::new();
    for room in rows.iter_mut().filter_map(|row| row.room.as_mut()) {
        let Some(id) = room.last_by_id else { continue };
        if let Entry::Vacant(entry) = names.entry(id) {
            entry.insert(tx.account(id.0).await?.map(|account| account.name));
        }
        room.last_by = names[&id].clone();
    }
    Ok(())
}
