//! Visits from outside their round, and those that came after its figures were final (C45, C52–C54).
//!
//! When a visit was captured decides whether it counts; when it was received never does, it is only
//! told. Both are stamped once, so that neither depends on the order of arrival.

use super::ledger::VisitKey;
use super::{Building, RoundWindow};
use crate::codes::codes;
use crate::fact::Fact;
use crate::ids::{OfficeId, OpId, RoundId, VisitId};
use crate::issue::Issues;
use crate::registry::structure::Target;
use crate::time::{Millis, TimeQuality};
use crate::visit::Visit;
use std::collections::BTreeSet;

/// A time that only the phone's clock vouches for proves no side of a boundary that is as near (C45).
const BOUNDARY_MS: Millis = 24 * 3600 * 1000;

codes! {
    /// Why a visit waits for somebody to accept it.
    pub enum Late {
        /// It was captured outside the window of its round, and does not count.
        OutOfWindow = "out_of_window",
        /// It counts, but only an uncorrected clock says that it was captured inside the window.
        UnsureOfBoundary = "unsure_of_boundary",
    }
}

/// A visit that waits for somebody to accept it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LateVisit {
    /// The visit.
    pub visit: VisitId,
    /// Its effective revision.
    pub op: OpId,
    /// The round that it names. Without one it cannot be accepted for one.
    pub round: Option<RoundId>,
    /// The offices that it belongs to.
    pub offices: BTreeSet<OfficeId>,
    /// Why it waits.
    pub why: Late,
}

impl Building {
    /// The visits that wait for somebody to accept them, by visit.
    #[must_use]
    pub fn late_visits(&self) -> Vec<LateVisit> {
        let waiting = self.late.iter().filter_map(|key| {
            let (op, visit) = self.ledger.effective(*key)?;
            let why = self.lateness(self.ledger.fact(op)?, visit)?;
            let offices = self.targets(visit).into_iter().filter_map(|target| match target {
                Target::Office(office) => Some(office),
                Target::NeedsReassignment(_) | Target::Unknown(_) => None,
            });
            let (offices, round) = (offices.collect(), visit.round);
            Some(LateVisit { visit: key.0, op, round, offices, why })
        });
        waiting.collect()
    }

    /// `out_of_window`, where a visit does not count for its round; `late_arrival`, where it does and
    /// came after the round's final figures.
    pub(super) fn timing(&self, fact: &Fact, visit: &Visit) -> Issues {
        let mut issues = Issues::default();
        let window = self.window_of(fact, visit);
        let accepted = self.ledger.is_late_accepted(visit.visit_id);
        let inside = window.is_some_and(|window| window.contains(fact.stamp.corrected_ms));
        issues.add_if(!inside && !accepted, "out_of_window");
        let final_by = window.map(|window| window.grace_until_ms);
        let late = final_by.is_some_and(|final_ms| fact.stamp.received_ms >= final_ms);
        issues.add_if(late && inside, "late_arrival");
        issues
    }

    /// Notes whether a visit waits to be accepted.
    pub(super) fn note_late(&mut self, key: VisitKey) {
        let effective = self.ledger.effective(key);
        let late = effective.and_then(|(op, visit)| self.lateness(self.ledger.fact(op)?, visit));
        if late.is_some() {
            self.late.insert(key);
        } else {
            self.late.remove(&key);
        }
    }

    fn lateness(&self, fact: &Fact, visit: &Visit) -> Option<Late> {
        // A round that this street has not, or has not published, is nobody's to accept yet.
        let names_unknown = |round| self.rounds.iter().all(|window| window.round != round);
        if self.ledger.is_late_accepted(visit.visit_id) || visit.round.is_some_and(names_unknown) {
            return None;
        }
        let at_ms = fact.stamp.corrected_ms;
        match self.window_of(fact, visit) {
            Some(window) if window.contains(at_ms) => {
                let near = |bound: Millis| at_ms.abs_diff(bound) < BOUNDARY_MS.unsigned_abs();
                let unsure = fact.stamp.quality == TimeQuality::WallOnly
                    && (near(window.from_ms) || near(window.until_ms));
                unsure.then_some(Late::UnsureOfBoundary)
            }
            _ => Some(Late::OutOfWindow),
        }
    }

    /// The round that a visit names, else the one that it was captured in.
    fn window_of(&self, fact: &Fact, visit: &Visit) -> Option<&RoundWindow> {
        self.rounds.iter().find(|window| match visit.round {
            Some(round) => window.round == round,
            None => window.contains(fact.stamp.corrected_ms),
        })
    }
}

impl RoundWindow {
    /// Whether a moment lies in the window.
    #[must_use]
    pub fn contains(&self, at_ms: Millis) -> bool {
        (self.from_ms..self.until_ms).contains(&at_ms)
    }
}
