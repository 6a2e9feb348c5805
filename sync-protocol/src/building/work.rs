//! The work that was done at the doors of a building: every visit that counts for a round, with the
//! team that made it.

use super::Building;
use super::office::counts_for;
use crate::ids::{BuildingId, OfficeId, OpId, RoundId, TeamId, UserId};
use crate::outcome::{Class, Outcome};
use crate::registry::structure::Target;
use crate::time::Millis;

/// A visit that counts for a round, as work.
#[derive(Clone, Debug)]
pub struct Work {
    /// The op that says so.
    pub op_id: OpId,
    /// The building.
    pub building: BuildingId,
    /// The team that it was made by, where it says so.
    pub team: Option<TeamId>,
    /// Who recorded it.
    pub author: UserId,
    /// When, corrected.
    pub at_ms: Millis,
    /// What it ended in.
    pub outcome: Outcome,
    /// What it means for coverage.
    pub class: Class,
    /// Somebody was met.
    pub is_contact: bool,
    /// Photos that it promises.
    pub photos: usize,
    /// The rooms that it belongs to now.
    pub offices: Vec<OfficeId>,
}

impl Building {
    /// The visits that count for a round, voided ones left out.
    #[must_use]
    pub fn work(&self, round: RoundId) -> Vec<Work> {
        let Some(window) = self.rounds.iter().find(|window| window.round == round) else {
            return Vec::new();
        };
        let placed = self.placed.iter().filter_map(|(key, placed)| {
            let visit = self.ledger.visit(placed.op)?;
            let at_ms = self.ledger.fact(placed.op)?.stamp.corrected_ms;
            let office = |target: &Target| match target {
                Target::Office(office) => Some(*office),
                Target::NeedsReassignment(_) | Target::Unknown(_) => None,
            };
            counts_for(visit, key.0, at_ms, window, &self.ledger).then(|| Work {
                op_id: placed.op,
                building: self.id,
                team: visit.team,
                author: key.1,
                at_ms,
                outcome: visit.outcome,
                class: visit.class,
                is_contact: visit.outcome.is_contact(),
                photos: visit.photographs.len(),
                offices: placed.targets.iter().filter_map(office).collect(),
            })
        });
        placed.collect()
    }
}
