//! What is odd about a visit beside everything else that is known of its building.
//!
//! All of it follows from the set of facts: of two visits that are suspected together both are,
//! whichever came first. An answer says what was known when it was given, the history of an office
//! what is known now. Nothing here changes coverage.

use super::ledger::VisitKey;
use super::licences::{LICENCE_SEEN_ELSEWHERE, LicenceSite, LicencesMoved};
use super::{Building, Placed};
use crate::fact::Fact;
use crate::ids::{OfficeId, OpId, VisitId};
use crate::issue::Issues;
use crate::registry::office::Sharing;
use crate::registry::structure::Target;
use crate::time::Millis;
use crate::visit::{Photograph, Visit};
use std::collections::BTreeSet;

/// Two visits of one inspector to one office that say the same are suspected to be one, where no more
/// than this lies between them (C07).
const DUPLICATE_MS: Millis = 10 * 60 * 1000;

/// What is suspected of a visit.
#[derive(Clone, Debug, Default)]
pub(super) struct Suspicions {
    /// `outside_geofence`, `roster_stale`, `suspected_duplicate`, `photo_reused`,
    /// `licence_seen_elsewhere`.
    pub(super) issues: Issues,
    /// The visits that it is suspected to repeat, or to be repeated by.
    pub(super) duplicates: BTreeSet<VisitId>,
}

impl Building {
    pub(super) fn suspect(&self, fact: &Fact, visit: &Visit) -> Suspicions {
        let mut found = Suspicions::default();
        let outside = visit.location.is_some_and(|location| self.site.is_outside(&location));
        found.issues.add_if(outside, "outside_geofence");
        // C13: the rooms were resolved by lineage; this says that the screen was an old one.
        let current = self.roster_versions.at(fact.stamp.corrected_ms);
        let stale = visit.roster_version.is_some_and(|quoted| quoted < current);
        found.issues.add_if(stale, "roster_stale");
        let key = (visit.visit_id, fact.author);
        let Some(placed) = self.placed.get(&key).filter(|placed| placed.op == fact.op) else {
            // An older revision or a voided visit stands beside nothing.
            return found;
        };
        found.duplicates = self.duplicates(key, placed, fact, visit);
        found.issues.add_if(!found.duplicates.is_empty(), "suspected_duplicate");
        found.issues.add_if(self.has_reused_photo(key, placed, visit), "photo_reused");
        let elsewhere = placed.at_work && self.is_licence_elsewhere(key, placed, visit);
        found.issues.add_if(elsewhere, LICENCE_SEEN_ELSEWHERE);
        found
    }

    fn duplicates(
        &self,
        (id, author): VisitKey,
        placed: &Placed,
        fact: &Fact,
        visit: &Visit,
    ) -> BTreeSet<VisitId> {
        let visits = offices(placed).flat_map(|office| self.visits_to(office));
        let own_others = visits.filter(|(other, by)| *by == author && *other != id);
        let repeats = own_others.filter(|key| {
            let other = self.placed.get(key).and_then(|other| self.ledger.fact(other.op));
            let at_ms = other.map(|other| other.stamp.corrected_ms);
            let near = at_ms.is_some_and(|at_ms| {
                at_ms.abs_diff(fact.stamp.corrected_ms) <= DUPLICATE_MS.unsigned_abs()
            });
            near && other
                .and_then(|other| self.ledger.visit(other.op))
                .is_some_and(|other| says_the_same(visit, other))
        });
        repeats.map(|(other, _)| other).collect()
    }

    /// Whether the bytes of a photo were promised for another office too (C39).
    fn has_reused_photo(&self, key: VisitKey, placed: &Placed, visit: &Visit) -> bool {
        let here: BTreeSet<OfficeId> = offices(placed).collect();
        visit.photographs.iter().filter_map(|photo| photo.promise.sha256).any(|hash| {
            let others = self.ledger.visits_with(hash).filter(|other| *other != key);
            others.filter_map(|other| self.placed.get(&other)).any(|other| {
                let promises = self.ledger.visit(other.op).map(|visit| &visit.photographs);
                let is_same = |photo: &Photograph| photo.promise.sha256 == Some(hash);
                promises.is_some_and(|promises| promises.iter().any(is_same))
                    && offices(other).any(|office| !here.contains(&office))
            })
        })
    }

    /// Whether the licence was found in another place of the building in the same round (C27). Rooms
    /// that one visit covers together, with a room of this one, are one place.
    fn is_licence_elsewhere(&self, key: VisitKey, placed: &Placed, visit: &Visit) -> bool {
        let Some(uscc) = visit.licence_found() else { return false };
        let found = self.licences.visits(uscc, visit.round).iter().filter(|other| **other != key);
        let others: Vec<&Placed> = found.filter_map(|other| self.placed.get(other)).collect();
        let mut here: BTreeSet<OfficeId> = offices(placed).collect();
        loop {
            let known = here.len();
            for other in &others {
                if offices(other).any(|office| here.contains(&office)) {
                    here.extend(offices(other));
                }
            }
            if here.len() == known {
                break;
            }
        }
        others.iter().any(|other| !offices(other).any(|office| here.contains(&office)))
    }

    /// Whether a visit found a company at work, by its licence, in one of these places: not where the
    /// company is known to be registered only, or to keep nothing but a store.
    pub(super) fn is_at_work(&self, visit: &Visit, targets: &[Target]) -> bool {
        visit.licence_found().is_some()
            && targets.iter().any(|target| match target {
                Target::Office(office) => self.works_in(visit, *office),
                Target::NeedsReassignment(_) | Target::Unknown(_) => false,
            })
    }

    fn works_in(&self, visit: &Visit, office: OfficeId) -> bool {
        let room = self.structure.offices.get(&office);
        if room.is_some_and(|room| room.sharing == Sharing::RegisteredOnly) {
            return false;
        }
        let stays = self.structure.occupants.get(&office).into_iter().flatten();
        let mut own = stays
            .filter(|(stay, occupant)| {
                visit.occupancy == Some(**stay) || occupant.company.matches(&visit.company)
            })
            .peekable();
        own.peek().is_none() || own.any(|(_, occupant)| occupant.physical)
    }

    /// The licences found at work here, each with the rounds.
    pub fn licence_sites(&self) -> impl Iterator<Item = LicenceSite> {
        self.licences.sites()
    }

    /// Whether a licence was found at work here in a round.
    #[must_use]
    pub fn has_licence_site(&self, site: &LicenceSite) -> bool {
        self.licences.contains(site)
    }

    /// What the last call of [`Building::apply`] changed of [`Building::licence_sites`].
    #[must_use]
    pub fn licences_moved(&self) -> LicencesMoved {
        self.licences.moved()
    }

    /// The licence that an op found at work, where the op is the revision of a visit that counts.
    #[must_use]
    pub fn licence_found_by(&self, op: OpId) -> Option<LicenceSite> {
        let visit = self.ledger.visit(op)?;
        let placed = self.placed.get(&(visit.visit_id, self.ledger.fact(op)?.author))?;
        if placed.op != op || !placed.at_work {
            return None;
        }
        visit.licence_site()
    }
}

/// The live offices that a visit belongs to.
pub(super) fn offices(placed: &Placed) -> impl Iterator<Item = OfficeId> {
    placed.targets.iter().filter_map(|target| match target {
        Target::Office(office) => Some(*office),
        Target::NeedsReassignment(_) | Target::Unknown(_) => None,
    })
}

/// Whether two visits say the same: the outcome, and the company, which may be nobody in both.
fn says_the_same(one: &Visit, other: &Visit) -> bool {
    let other_stay = one.occupancy.zip(other.occupancy).is_some_and(|(one, other)| one != other);
    let same_company = one.company == other.company || one.company.matches(&other.company);
    one.outcome == other.outcome && same_company && !other_stay
}
