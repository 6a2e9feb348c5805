//! What teams did in a round (工作组工作量): visits, doors, people met, and how much of it is covered.
//! A team is shown with its work; nobody is ranked by a number.

use super::super::access::Caller;
use super::super::sync::Sync;
use super::cut::{Cut, heads_below};
use crate::error::Result;
use saolou_protocol::building::work::Work;
use saolou_protocol::coverage::office::State;
use saolou_protocol::coverage::pace::midnight_after;
use saolou_protocol::ids::{OfficeId, TeamId, UserId};
use saolou_protocol::outcome::Class;
use saolou_protocol::time::Millis;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use uuid::Uuid;

/// The work of the teams below a unit.
#[derive(Serialize)]
pub(crate) struct Workload {
    /// By the names of the teams; what names no team comes last.
    teams: Vec<TeamWork>,
}

/// The work of one team.
#[derive(Serialize)]
struct TeamWork {
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

/// What one team did, as it is gathered.
#[derive(Default)]
struct Gathered {
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

impl Gathered {
    fn add(&mut self, work: &Work) {
        self.people.insert(work.author);
        self.days.insert(midnight_after(work.at_ms));
        self.times.insert(work.at_ms);
        self.rooms.extend(&work.offices);
        self.visits += 1;
        self.photos += work.photos;
        self.met += usize::from(work.is_contact);
        let is_shut = matches!(work.class, Class::Locked | Class::Blocked | Class::Attempt);
        self.shut += usize::from(is_shut);
        self.partial += usize::from(work.class == Class::Partial);
    }

    fn told(
        &self,
        team_id: Option<TeamId>,
        name: Option<String>,
        covered: &HashSet<OfficeId>,
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
            rooms_covered: self.rooms.iter().filter(|room| covered.contains(room)).count(),
            first_ms: self.times.first().copied().unwrap_or_default(),
            last_ms: self.times.last().copied().unwrap_or_default(),
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
    let rounds = cut.rounds(&mut tx, unit).await?;
    let mut gathered: BTreeMap<Option<TeamId>, Gathered> = BTreeMap::new();
    let mut covered = HashSet::new();
    for (head, _) in heads_below(&mut tx, unit).await? {
        let building = cut.fold(&mut tx, &sync.folded, &head).await?;
        let window = building.rounds().iter().find(|window| rounds.contains(&window.round));
        let Some(round) = window.map(|window| window.round) else { continue };
        let rooms = building.tallies(round).into_iter().flat_map(|floor| floor.rooms);
        let is_covered = rooms.filter(|room| room.standing.state == State::Covered);
        covered.extend(is_covered.map(|room| room.office_id));
        for work in building.work(round) {
            gathered.entry(work.team).or_default().add(&work);
        }
    }
    let mut teams = Vec::new();
    for (team, work) in gathered {
        let name = match team {
            Some(team) => tx.team_name(team.0).await?,
            None => None,
        };
        teams.push(work.told(team, name, &covered));
    }
    teams.sort_by_key(|team| (team.name.is_none(), team.name.clone(), team.team_id));
    Ok(Workload { teams })
}
