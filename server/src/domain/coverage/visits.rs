//! The visits behind a figure of a team's work, the latest first: as many as it counts, or those that
//! its people, days and rooms come from.

use super::super::access::Caller;
use super::super::sync::Sync;
use super::cut::Cut;
use super::workload::{Figure, Gathered, Standings, of_teams};
use crate::error::{Error, Result};
use crate::store::Tx;
use saolou_protocol::building::work::Work;
use saolou_protocol::ids::{OfficeId, OpId, TeamId, UserId};
use saolou_protocol::outcome::Outcome;
use saolou_protocol::time::Millis;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use uuid::Uuid;

/// Rows of one page, by default and at most.
const LISTED: usize = 500;
const LISTED_MAX: usize = 2000;

/// Which figure of which team (without one: of the visits that name none), of which round and time,
/// and behind which visit the page begins.
#[derive(Deserialize)]
pub(crate) struct Asked {
    team: Option<Uuid>,
    figure: Figure,
    round: Option<Uuid>,
    as_of: Option<Millis>,
    /// The visit that the page before ended with.
    cursor: Option<Uuid>,
    limit: Option<usize>,
}

/// A figure of a team's work and the visits behind it.
#[derive(Serialize)]
pub(crate) struct Visits {
    team_id: Option<TeamId>,
    /// Its name; none for the visits that name no team.
    name: Option<String>,
    figure: Figure,
    /// The figure.
    amount: usize,
    /// How many visits are behind it, on all pages.
    total: usize,
    visits: Vec<Row>,
    /// Where the next page begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<OpId>,
}

/// A visit.
#[derive(Serialize)]
struct Row {
    op_id: OpId,
    /// When, corrected.
    at_ms: Millis,
    outcome: Outcome,
    photos: usize,
    building_id: Uuid,
    building: String,
    rooms: Vec<Room>,
    /// Who recorded it; for those who may read visits.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    #[serde(skip)]
    by_id: UserId,
}

/// A room that was knocked on.
#[derive(Serialize)]
struct Room {
    office_id: OfficeId,
    floor: String,
    label: String,
    /// Covered by now, whoever covered it.
    is_covered: bool,
}

/// Lists the visits behind a figure of a team's work below a unit.
pub(crate) async fn behind(
    sync: &Sync,
    caller: &Caller,
    unit: Uuid,
    Asked { team, figure, round, as_of, cursor, limit }: Asked,
) -> Result<Visits> {
    let limit = limit.unwrap_or(LISTED).clamp(1, LISTED_MAX);
    let mut tx = sync.store.read().await?;
    caller.require_unit(&mut tx, unit).await?;
    let team_id = team.map(TeamId);
    let (works, standings) = of_teams(sync, &mut tx, unit, Cut { round, as_of }).await?;
    let works: Vec<Work> = works.into_iter().filter(|work| work.team == team_id).collect();
    let name = match team_id {
        Some(team) => tx.team_name(team.0).await?,
        None => None,
    };
    let gathered: Gathered = works.iter().collect();
    let amount = gathered.told(team_id, name.clone(), &standings).of(figure);
    let mut works: Vec<Work> =
        works.into_iter().filter(|work| figure.has(work, &standings)).collect();
    works.sort_by_key(|work| (Reverse(work.at_ms), work.op_id));
    let total = works.len();
    let behind = match cursor {
        None => 0,
        Some(cursor) => {
            let found = works.iter().position(|work| work.op_id.0 == cursor);
            found.ok_or_else(|| Error::Invalid("cursor: unknown; begin anew".into()))? + 1
        }
    };
    let page: Vec<Work> = works.into_iter().skip(behind).take(limit).collect();
    let goes_on = behind + page.len() < total;
    let cursor = page.last().filter(|_| goes_on).map(|work| work.op_id);
    let mut visits: Vec<Row> = page.iter().map(|work| Row::of(work, &standings)).collect();
    if caller.reads_visits_below(&mut tx, unit).await? {
        name_authors(&mut tx, &mut visits).await?;
    }
    Ok(Visits { team_id, name, figure, amount, total, visits, cursor })
}

impl Row {
    fn of(work: &Work, standings: &Standings) -> Self {
        let rooms = work.offices.iter().filter_map(|office| {
            let door = standings.doors.get(office)?;
            Some(Room {
                office_id: *office,
                floor: door.floor.clone(),
                label: door.label.clone(),
                is_covered: door.is_covered,
            })
        });
        let building = standings.buildings.get(&work.building).cloned();
        Self {
            op_id: work.op_id,
            at_ms: work.at_ms,
            outcome: work.outcome,
            photos: work.photos,
            building_id: work.building.0,
            building: building.unwrap_or_default(),
            rooms: rooms.collect(),
            by: None,
            by_id: work.author,
        }
    }
}

/// Says who recorded them.
async fn name_authors(tx: &mut Tx, visits: &mut [Row]) -> Result<()> {
    let mut names: BTreeMap<UserId, Option<String>> = BTreeMap::new();
    for visit in visits {
        if let Entry::Vacant(entry) = names.entry(visit.by_id) {
            entry.insert(tx.account(visit.by_id.0).await?.map(|account| account.name));
        }
        visit.by.clone_from(&names[&visit.by_id]);
    }
    Ok(())
}
