//! The open conflicts of a building, kept by difference: a fact opens and closes only those that it
//! touches.

use super::ledger::{Ledger, Touched};
use crate::conflict::{Conflict, ConflictCode};
use crate::ids::{BuildingId, OfficeId, OpId, VisitId};
use crate::registry::structure::Structure;
use crate::zoo::{Defect, is_planted};
use std::collections::{BTreeMap, BTreeSet};

/// Open conflicts, by what they come from.
#[derive(Clone, Debug, Default)]
pub(super) struct Conflicts {
    open: BTreeSet<Conflict>,
    structural: BTreeSet<Conflict>,
    by_subject: BTreeMap<Subject, Conflict>,
    /// Ops of visits that need reassignment, by the office that they named.
    homeless: BTreeMap<OfficeId, BTreeSet<OpId>>,
    blocking: i64,
}

/// What a conflict that is no matter of the structure is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Subject {
    Building,
    Office(OfficeId),
    Visit(VisitId),
}

/// Conflicts that a batch of facts opened and closed.
#[derive(Debug, Default)]
struct Difference {
    closed: BTreeSet<Conflict>,
    opened: BTreeSet<Conflict>,
}

impl Conflicts {
    /// The open conflicts, in the order of their ids.
    pub(super) fn open(&self) -> &BTreeSet<Conflict> {
        &self.open
    }

    /// How many of them full coverage must wait for.
    pub(super) fn blocking(&self) -> i64 {
        self.blocking
    }

    /// Notes whether a visit names an office which cannot tell it where it belongs.
    pub(super) fn set_homeless(&mut self, office: OfficeId, op: OpId, is_homeless: bool) {
        let ops = self.homeless.entry(office).or_default();
        if is_homeless {
            ops.insert(op)
        } else {
            ops.remove(&op)
        };
    }

    /// Brings the conflicts up to date.
    pub(super) fn update(
        &mut self,
        building: BuildingId,
        ledger: &Ledger,
        structure: &Structure,
        touched: &Touched,
        homeless: &BTreeSet<OfficeId>,
    ) {
        let mut difference = Difference::default();
        if touched.structure {
            let now = structure.conflicts.clone();
            difference.opened.extend(now.difference(&self.structural).cloned());
            difference.closed.extend(self.structural.difference(&now).cloned());
            self.structural = now;
            let siblings = ledger.attributes().siblings(|value| *value);
            let found = (!siblings.is_empty()).then(|| {
                Conflict::new(ConflictCode::Field, building.0, Some("attributes"), siblings)
            });
            self.set(Subject::Building, found, &mut difference);
        }
        for office in homeless {
            let ops = self.homeless.get(office).filter(|ops| !ops.is_empty());
            let found = ops.map(|ops| {
                let siblings = ops.iter().copied().collect();
                Conflict::new(ConflictCode::NeedsReassignment, office.0, None, siblings)
            });
            self.set(Subject::Office(*office), found, &mut difference);
        }
        let visits: BTreeSet<VisitId> = if touched.everything {
            ledger.visits().map(|(visit, _)| visit).collect()
        } else {
            touched.visits.iter().map(|(visit, _)| *visit).collect()
        };
        for visit in visits {
            let found = ledger
                .void_in_review(visit)
                .map(|ops| Conflict::new(ConflictCode::VoidReview, visit.0, None, ops));
            self.set(Subject::Visit(visit), found, &mut difference);
        }
        self.apply(difference);
    }

    fn set(&mut self, subject: Subject, now: Option<Conflict>, difference: &mut Difference) {
        let before = match &now {
            Some(now) => self.by_subject.insert(subject, now.clone()),
            None => self.by_subject.remove(&subject),
        };
        if before != now {
            difference.closed.extend(before);
            difference.opened.extend(now);
        }
    }

    fn apply(&mut self, difference: Difference) {
        for conflict in &difference.closed {
            self.blocking -= i64::from(conflict.blocks_acceptance());
            if !is_planted(Defect::ConflictNeverClosed) {
                self.open.remove(conflict);
            }
        }
        for conflict in difference.opened {
            self.blocking += i64::from(conflict.blocks_acceptance());
            self.open.insert(conflict);
        }
    }
}
