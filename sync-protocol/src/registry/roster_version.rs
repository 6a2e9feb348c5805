//! The version of a building's room list (底册), which phones quote in their visits.
//!
//! Source: domain §2.3, C13. Version 1 is the first roster; every accepted change of rooms since
//! then counts one more, from the moment the server received it, because no phone can have known it
//! earlier. So the version at any moment follows from the set of facts.

use crate::fact::{Fact, Kind};
use crate::ids::OpId;
use crate::time::Millis;
use std::collections::BTreeSet;

/// When the room list of a building changed.
#[derive(Clone, Debug, Default)]
pub struct RosterVersions {
    /// Times of receipt of the changes, in order.
    changed_ms: Vec<Millis>,
}

impl RosterVersions {
    /// The versions that structure facts make: rooms added after the first roster, split, merged,
    /// renamed, reclassified, joined or told apart, and whatever of this was withdrawn.
    #[must_use]
    pub fn of<'a>(facts: impl Iterator<Item = &'a Fact> + Clone) -> Self {
        let mut changes: BTreeSet<OpId> =
            facts.clone().filter(|fact| is_change(&fact.kind)).map(|fact| fact.op).collect();
        // A withdrawal of a change is a change, and so is one of that withdrawal; a visit un-voided
        // is a withdrawal, too, and changes no room.
        let withdrawals = || facts.clone().filter(|fact| matches!(fact.kind, Kind::Withdrawal));
        let mut before = 0;
        while changes.len() > before {
            before = changes.len();
            for fact in withdrawals() {
                if fact.seen.iter().any(|op| changes.contains(op)) {
                    changes.insert(fact.op);
                }
            }
        }
        let counting = facts.filter(|fact| changes.contains(&fact.op));
        let mut changed_ms: Vec<Millis> = counting.map(|fact| fact.stamp.received_ms).collect();
        changed_ms.sort_unstable();
        Self { changed_ms }
    }

    /// The version that stands, as it is served.
    #[must_use]
    pub fn latest(&self) -> i64 {
        version(self.changed_ms.len())
    }

    /// The version that the server could have told a phone at a moment.
    #[must_use]
    pub fn at(&self, at_ms: Millis) -> i64 {
        version(self.changed_ms.partition_point(|changed_ms| *changed_ms <= at_ms))
    }
}

fn version(changes: usize) -> i64 {
    i64::try_from(changes).map_or(i64::MAX, |changes| changes.saturating_add(1))
}

fn is_change(kind: &Kind) -> bool {
    match kind {
        Kind::Office { initial, .. } => !initial,
        Kind::Split { .. } | Kind::Merge { .. } | Kind::OfficeFields { .. } | Kind::Link { .. } => {
            true
        }
        _ => false,
    }
}
