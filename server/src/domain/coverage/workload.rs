//! What teams did in a round (工作组工作量): visits, doors, people met, and how much of it is covered.
//! A team is shown with its work; nobody is ranked by a number.

use super::super::access::Caller;
use super::super::sync::Sync;
use super::cut::{Cut, heads_below};
use crate::error::Result;
use crate::store::Tx;
use saolou_protocol::building::work::Work;
use saolou_protocol::coverage::office::State;
use saolou_protocol::coverage::pace::midnight_after;
use saolou_protocol::ids::{BuildingId, OfficeId, TeamId, UserId};
use saolou_protocol::outcome::Class;
use saolou_protocol::time::Millis;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use uuid::Uuid;

/// The work of the teams below a unit.
#[derive(Serialize)]
pub(crate) struct Workload {
    /// By the names of the teams; what names no team comes last.
    teams: Vec<TeamWork>,
}

/// The work of one team.
#[derive(Serialize)]
pub(super) struct TeamWork {
    team_id: Option<TeamId>,
    name: Option<String>,
    /// How many people recorded visits.
    people: usize,
    /// Days with a visit, in China.
    days: usize,
    visits: usize,
    /// Of these: somebody was met.
    met: usize,
    /// Of these: locked, kept out, or no further than the gate.
    shut: usize,
    /// Of these: elements are still missing.
    partial: usize,
    photos: usize,
    /// Doors that were knocked on.
    rooms: usize,
    /// Of these: covered by now, whoever covered them.
    rooms_covered: usize,
    first_ms: Millis,
    last_ms: Millis,
}

/// A figure of a team's work, by the name of its member in [`TeamWork`].
#[derive(Clone, Copy, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Figure {
    People,
    Days,
    Visits,
    Met,
    Shut,
    Partial,
    Photos,
    Rooms,
    RoomsCovered,
}

impl Figure {
    /// Whether a visit is behind it.
    pub(super) fn has(self, work: &Work, standings: &Standings) -> bool {
        match self {
            Self::People | Self::Days | Self::Visits => true,
            Self::Met => work.is_contact,
            Self::Shut => is_shut(work),
            Self::Partial => is_partial(work),
            Self::Photos => work.photos > 0,
            Self::Rooms => !work.offices.is_empty(),
            Self::RoomsCovered => work.offices.iter().any(|room| standings.is_covered(*room)),
        }
    }
}

const fn is_shut(work: &Work) -> bool {
    matches!(work.class, Class::Locked | Class::Blocked | Class::Attempt)
}

fn is_partial(work: &Work) -> bool {
    work.class == Class::Partial
}

/// The buildings of the teams and their doors, as they stand.
#[derive(Default)]
pub(super) struct Standings {
    /// By name.
    pub(super) buildings: HashMap<BuildingId, String>,
    pub(super) doors: HashMap<OfficeId, Door>,
}

/// A door, and whether what is behind it is covered.
pub(super) struct Door {
    pub(super) floor: String,
    pub(super) label: String,
    pub(super) is_covered: bool,
}

impl Standings {
    fn is_covered(&self, room: OfficeId) -> bool {
        self.doors.get(&room).is_some_and(|door| door.is_covered)
    }
}

/// What one team did, as it is gathered.
#[derive(Default)]
pub(super) struct Gathered {
    people: BTreeSet<UserId>,
    days: BTreeSet<Millis>,
    rooms: BTreeSet<OfficeId>,
    times: BTreeSet<Millis>,
    visits: usize,
    met: usize,
    shut: usize,
    partial: usize,
    photos: usize,
}

impl<'a> FromIterator<&'a Work> for Gathered {
    fn from_iter<T: IntoIterator<Item = &'a Work>>(works: T) -> Self {
        let mut gathered = Self::default();
        works.into_iter().for_each(|work| gathered.add(work));
        gathered
    }
}

impl Gathered {
    fn add(&mut self, work: &Work) {
        self.people.insert(work.author);
        self.days.insert(midnight_after(work.at_ms));
        self.times.insert(work.at_ms);
        self.rooms.extend(&work.offices);
        self.visits += 1;
        self.photos += work.photos;
        self.met += usize::from(work.is_contact);
        self.shut += usize::from(is_shut(work));
        self.partial += usize::from(is_partial(work));
    }

    pub(super) fn told(
        &self,
        team_id: Option<TeamId>,
        name: Option<String>,
        standings: &Standings,
    ) -> TeamWork {
        TeamWork {
            team_id,
            name,
            people: self.people.len(),
            days: self.days.len(),
            visits: self.visits,
            met: self.met,
            shut: self.shut,
            partial: self.partial,
            photos: self.photos,
            rooms: self.rooms.len(),
            rooms_covered: self.rooms.iter().filter(|room| standings.is_covered(**room)).count(),
            first_ms: self.times.first().copied().unwrap_or_default(),
            last_ms: self.times.last().copied().unwrap_or_default(),
        }
    }
}

impl TeamWork {
    pub(super) const fn of(&self, figure: Figure) -> usize {
        match figure {
            Figure::People => self.people,
            Figure::Days => self.days,
            Figure::Visits => self.visits,
            Figure::Met => self.met,
            Figure::Shut => self.shut,
            Figure::Partial => self.partial,
            Figure::Photos => self.photos,
            Figure::Rooms => self.rooms,
            Figure::RoomsCovered => self.rooms_covered,
        }
    }
}

/// Adds up what teams did in the buildings below a unit.
pub(crate) async fn workload(
    sync: &Sync,
    caller: &Caller,
    unit: Uuid,
    cut: Cut,
) -> Result<Workload> {
    let mut tx = sync.store.read().await?;
    caller.require_unit(&mut tx, unit).await?;
    let (works, standings) = of_teams(sync, &mut tx, unit, cut).await?;
    let mut gathered: BTreeMap<Option<TeamId>, Gathered> = BTreeMap::new();
    for work in &works {
        gathered.entry(work.team).or_default().add(work);
    }
    let mut teams = Vec::new();
    for (team, work) in gathered {
        let name = match team {
            Some(team) => tx.team_name(team.0).await?,
            None => None,
        };
        teams.push(work.told(team, name, &standings));
    }
    teams.sort_by_key(|team| (team.name.is_none(), team.name.clone(), team.team_id));
    Ok(Workload { teams })
}

/// Everything that teams did in the buildings below a unit, and how these stand.
pub(super) async fn of_teams(
    sync: &Sync,
    tx: &mut Tx,
    unit: Uuid,
    cut: Cut,
) -> Result<(Vec<Work>, Standings)> {
    let rounds = cut.rounds(tx, unit).await?;
    let mut works = Vec::new();
    let mut standings = Standings::default();
    for (head, _) in heads_below(tx, unit).await? {
        let building = cut.fold(tx, &sync.folded, &head).await?;
        let window = building.rounds().iter().find(|window| rounds.contains(&window.round));
        let Some(round) = window.map(|window| window.round) else { continue };
        standings.buildings.insert(BuildingId(head.building_id), building.name());
        for floor in building.tallies(round) {
            standings.doors.extend(floor.rooms.iter().map(|room| {
                let is_covered = room.standing.state == State::Covered;
                let (floor, label) = (floor.label.to_owned(), room.label.to_owned());
                (room.office_id, Door { floor, label, is_covered })
            }));
        }
        works.extend(building.work(round));
    }
    Ok((works, standings))
}
