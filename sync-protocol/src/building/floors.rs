//! What offices add to their floor, and floors to their building, for each round: kept by difference.

use super::Building;
use super::office::OfficeDerived;
use crate::coverage::counts::Counts;
use crate::coverage::floor::{FloorState, RosterStatus};
use crate::ids::{FloorId, OfficeId};
use crate::registry::structure::{Office, Structure, roster_status};
use crate::zoo::{Defect, is_planted};
use std::collections::BTreeSet;

/// A floor as derived: for each round, what its offices and it itself add to the building.
#[derive(Clone, Debug, Default)]
pub(super) struct FloorDerived {
    pub(super) offices: Vec<Counts>,
    pub(super) own: Vec<Counts>,
    pub(super) members: BTreeSet<OfficeId>,
    pub(super) roster: Option<RosterStatus>,
}

impl Building {
    /// Adds what an office counts to its floor and to the building, or takes it away.
    pub(super) fn add_to_floor(
        &mut self,
        floor: FloorId,
        id: OfficeId,
        office: &OfficeDerived,
        sign: i64,
    ) {
        let rounds = self.rounds.len();
        let derived = self.floors.entry(floor).or_insert_with(|| FloorDerived::new(rounds));
        if sign > 0 {
            derived.members.insert(id)
        } else {
            derived.members.remove(&id)
        };
        let became_alias =
            |of: &Structure| of.canonical(id).is_some_and(|canonical| canonical != id);
        if sign < 0 && is_planted(Defect::AliasKeepsCounts) && became_alias(&self.structure) {
            return;
        }
        for (place, cell) in office.cells.iter().enumerate() {
            if sign > 0 {
                derived.offices[place] += cell.counts;
                self.counts[place] += cell.counts;
            } else {
                derived.offices[place] -= cell.counts;
                if !is_planted(Defect::BuildingOnlyAdds) {
                    self.counts[place] -= cell.counts;
                }
            }
        }
    }

    /// Derives what a floor itself adds to the building, its room list too where that may have changed.
    pub(super) fn derive_floor(&mut self, id: FloorId, roster_too: bool) {
        let known_roster = self.floors.get(&id).and_then(|derived| derived.roster);
        let roster = known_roster.filter(|_| !roster_too).unwrap_or_else(|| self.roster(id));
        let known = self.structure.floors.contains_key(&id);
        let rounds = self.rounds.len();
        let derived = self.floors.entry(id).or_insert_with(|| FloorDerived::new(rounds));
        derived.roster = Some(roster);
        for place in 0..rounds {
            self.counts[place] -= derived.own[place];
            derived.own[place] = if known {
                let offices = &derived.offices[place];
                FloorState::of(offices, roster).counts(offices, roster)
            } else {
                Counts::default()
            };
            self.counts[place] += derived.own[place];
        }
    }

    fn roster(&self, floor: FloorId) -> RosterStatus {
        let Some((floor, new)) = self.structure.floor(floor) else {
            return RosterStatus::Unsurveyed;
        };
        let members = self.floors.get(&floor).map(|derived| &derived.members);
        let live: Vec<&Office> =
            members.into_iter().flatten().filter_map(|id| self.structure.offices.get(id)).collect();
        let confirmations = self.ledger.floor_confirmations(|confirmed| {
            self.structure.floor(confirmed).is_some_and(|(canonical, _)| canonical == floor)
        });
        roster_status(new.roster, &live, &confirmations)
    }
}

impl FloorDerived {
    fn new(rounds: usize) -> Self {
        Self {
            offices: vec![Counts::default(); rounds],
            own: vec![Counts::default(); rounds],
            members: BTreeSet::new(),
            roster: None,
        }
    }
}
