//! Whether a decision would hold if it were filed now (domain R3), tried on a copy of the building.
//!
//! Only a desk that sees the whole building asks this. Phones decide offline, and what they file is
//! merged whatever it does.

use super::Building;
use crate::codes::codes;
use crate::coverage::building::Conditions;
use crate::coverage::floor::RosterStatus;
use crate::coverage::office::State;
use crate::fact::{Fact, Kind};
use crate::ids::{OfficeId, OpId, RoundId, VisitId};
use crate::outcome::Class;
use std::collections::BTreeSet;

codes! {
    /// Why a decision would not hold.
    pub enum Idle {
        /// What it is about is not known here.
        Unknown = "unknown",
        /// Everything would stay as it is.
        NoEffect = "no_effect",
        /// There is something that its author has not seen and that speaks against it.
        Unseen = "unseen",
        /// It rests on nothing but what its author claimed himself.
        OwnClaim = "own_claim",
        /// Full coverage is not reached.
        NotReady = "not_ready",
    }
}

impl Building {
    /// Fails where a decision would not hold, saying why.
    ///
    /// # Errors
    /// The reason; the first that applies.
    pub fn would_hold(&self, decision: &Fact) -> Result<(), Idle> {
        let mut after = self.clone();
        let changed = !after.apply([decision.clone()]).is_empty();
        let seen: BTreeSet<OpId> = decision.seen.iter().copied().collect();
        match &decision.kind {
            Kind::ExclusionApproved { office, round } => {
                let office = self.canonical(*office).ok_or(Idle::Unknown)?;
                match (self.is_excluded(office, *round), after.is_excluded(office, *round)) {
                    (false, true) => Ok(()),
                    (true, _) => Err(Idle::NoEffect),
                    (false, false) if self.is_claimed_by_others(office, decision, &seen) => {
                        Err(Idle::Unseen)
                    }
                    (false, false) => Err(Idle::OwnClaim),
                }
            }
            Kind::Void { visit } => self.would_void(*visit, &seen),
            Kind::FloorConfirmed { floor } => {
                let roster = |of: &Self| of.floors.get(floor).and_then(|floor| floor.roster);
                match (roster(self), roster(&after)) {
                    (None, _) => Err(Idle::Unknown),
                    (Some(RosterStatus::Confirmed), _) => Err(Idle::NoEffect),
                    (_, Some(RosterStatus::Confirmed)) => Ok(()),
                    _ => Err(Idle::Unseen),
                }
            }
            Kind::Accepted { round } => self.would_accept(*round),
            Kind::PhotoRestricted { photo } if self.is_restricted(*photo) => Err(Idle::NoEffect),
            Kind::PhotoRestricted { .. } => Ok(()),
            // What is taken back may be no more than what somebody said of a photo.
            Kind::Withdrawal if self.restrictions() != after.restrictions() => Ok(()),
            Kind::Withdrawal if seen.iter().all(|op| self.ledger.is_withdrawn(*op)) => {
                Err(Idle::NoEffect)
            }
            _ if changed => Ok(()),
            _ => Err(Idle::NoEffect),
        }
    }

    /// What full coverage of a round still lacks.
    #[must_use]
    pub fn unmet(&self, round: RoundId) -> Option<Conditions> {
        self.counts(round).map(|counts| Conditions::unmet(&counts))
    }

    fn would_accept(&self, round: RoundId) -> Result<(), Idle> {
        let unmet = self.unmet(round).ok_or(Idle::Unknown)?;
        match (unmet.is_empty(), self.ledger.is_accepted(round)) {
            (false, _) => Err(Idle::NotReady),
            (true, true) => Err(Idle::NoEffect),
            (true, false) => Ok(()),
        }
    }

    fn would_void(&self, visit: VisitId, seen: &BTreeSet<OpId>) -> Result<(), Idle> {
        if !self.ledger.is_known(visit) {
            Err(Idle::Unknown)
        } else if self.ledger.is_voided(visit) {
            Err(Idle::NoEffect)
        } else if self.ledger.revisions(visit).any(|op| !seen.contains(&op)) {
            Err(Idle::Unseen)
        } else {
            Ok(())
        }
    }

    /// Whether an office is excluded in a round, or in every round.
    fn is_excluded(&self, office: OfficeId, round: Option<RoundId>) -> bool {
        let Some(office) = self.offices.get(&office) else { return false };
        let mut cells = office.cells.iter().filter(|cell| round.is_none_or(|of| cell.round == of));
        !office.cells.is_empty() && cells.all(|cell| cell.coverage.state == State::Excluded)
    }

    /// Whether somebody else than the author of a decision claimed what he has seen of an office.
    fn is_claimed_by_others(
        &self,
        office: OfficeId,
        decision: &Fact,
        seen: &BTreeSet<OpId>,
    ) -> bool {
        let mut of_others = self.visits_to(office).filter(|key| key.1 != decision.author);
        of_others.any(|key| {
            let is_claim =
                |op: &OpId| self.ledger.visit(*op).is_some_and(|visit| visit.class == Class::Claim);
            self.ledger.revisions_of(key).any(|op| seen.contains(&op) && is_claim(&op))
        })
    }
}
