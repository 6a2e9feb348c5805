//! Visits that a person moved to the office where they belong (C14): who knows which part of a split
//! room was meant decides it, and the visit as filed stays what it was.

use super::Building;
use crate::company::Company;
use crate::ids::{OfficeId, VisitId};
use crate::registry::structure::Target;
use crate::visit::Visit;
use std::collections::{BTreeMap, BTreeSet};

/// Where people moved a visit: as a whole, and by the office that did not know its part. Of several
/// decisions about one thing the latest by corrected time counts, then by op id. An office that
/// nobody has added moves nothing.
#[derive(Debug, Default)]
pub(super) struct Moved {
    whole: Option<OfficeId>,
    parts: BTreeMap<OfficeId, OfficeId>,
}

impl Building {
    /// Where a visit belongs today. Sorted, each once.
    pub(super) fn targets(&self, visit: &Visit) -> BTreeSet<Target> {
        let moved = self.moved(visit.visit_id);
        let named = visit.offices.iter();
        named.flat_map(|office| self.targets_of(*office, &visit.company, &moved)).collect()
    }

    pub(super) fn moved(&self, visit: VisitId) -> Moved {
        let mut moved = Moved::default();
        for (office, instead_of) in self.ledger.reassigned(visit) {
            if !self.structure.offices.contains_key(&office) {
                continue;
            }
            let Some(instead_of) = instead_of else {
                moved.whole = Some(office);
                continue;
            };
            // The room may be known under another id by now.
            for target in self.structure.resolve(instead_of, &Company::default()) {
                if let Target::NeedsReassignment(at) = target {
                    moved.parts.insert(at, office);
                }
            }
        }
        moved
    }

    /// Where one of the offices that a visit names is today.
    pub(super) fn targets_of(
        &self,
        named: OfficeId,
        company: &Company,
        moved: &Moved,
    ) -> BTreeSet<Target> {
        let resolve = |office| self.structure.resolve(office, company);
        let resolved = resolve(moved.whole.unwrap_or(named));
        if moved.parts.is_empty() {
            return resolved;
        }
        let (mut targets, mut passed) = (BTreeSet::new(), BTreeSet::new());
        let mut open: Vec<Target> = resolved.into_iter().collect();
        while let Some(target) = open.pop() {
            match target {
                Target::NeedsReassignment(at) if passed.insert(at) => match moved.parts.get(&at) {
                    Some(office) => open.extend(resolve(*office)),
                    None => drop(targets.insert(target)),
                },
                _ => drop(targets.insert(target)),
            }
        }
        targets
    }
}
