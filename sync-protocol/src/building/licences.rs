//! Which licences were found at work in the building: the credit codes of visits that met a company
//! in its room, and in which rounds. Kept by difference, and told by difference, so that an index
//! over all buildings of a street can follow.

use super::ledger::VisitKey;
use crate::identifiers::uscc::Uscc;
use crate::ids::RoundId;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// The issue that a licence was found at work in another place in the same round.
pub const LICENCE_SEEN_ELSEWHERE: &str = "licence_seen_elsewhere";

/// A licence that was found at work in a building in a round.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LicenceSite {
    /// The licence.
    pub uscc: Uscc,
    /// The round that the visits name.
    pub round: RoundId,
}

/// What changed of the licences at work in a building.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LicencesMoved {
    /// Found now and not before.
    pub found: Vec<LicenceSite>,
    /// Found before and no more.
    pub gone: Vec<LicenceSite>,
}

/// The visits that found a licence, by its code and the round that they name.
#[derive(Clone, Debug, Default)]
pub(super) struct Licences {
    visits: BTreeMap<(Uscc, Option<RoundId>), Vec<VisitKey>>,
    /// Whether a pair was there when the facts of the last call began to come in; only those whose
    /// visits have changed since.
    before: BTreeMap<LicenceSite, bool>,
}

impl Licences {
    /// Forgets what the last facts changed.
    pub(super) fn begin(&mut self) {
        self.before.clear();
    }

    /// A visit now finds the licence, or does so no more.
    pub(super) fn set(
        &mut self,
        uscc: &Uscc,
        round: Option<RoundId>,
        visit: VisitKey,
        found: bool,
    ) {
        let key = (uscc.clone(), round);
        if let Some(round) = round {
            let site = LicenceSite { uscc: uscc.clone(), round };
            let was_there = self.visits.contains_key(&key);
            self.before.entry(site).or_insert(was_there);
        }
        match (self.visits.entry(key), found) {
            (entry, true) => entry.or_default().push(visit),
            (Entry::Occupied(mut entry), false) => {
                entry.get_mut().retain(|other| *other != visit);
                if entry.get().is_empty() {
                    entry.remove();
                }
            }
            (Entry::Vacant(_), false) => {}
        }
    }

    /// The visits that found a licence in a round.
    pub(super) fn visits(&self, uscc: &Uscc, round: Option<RoundId>) -> &[VisitKey] {
        let key = (uscc.clone(), round);
        self.visits.get(&key).map(Vec::as_slice).unwrap_or_default()
    }

    /// What is there.
    pub(super) fn sites(&self) -> impl Iterator<Item = LicenceSite> {
        self.visits
            .keys()
            .filter_map(|(uscc, round)| Some(LicenceSite { uscc: uscc.clone(), round: (*round)? }))
    }

    /// Whether this is there.
    pub(super) fn contains(&self, site: &LicenceSite) -> bool {
        self.visits.contains_key(&(site.uscc.clone(), Some(site.round)))
    }

    /// What the last facts changed.
    pub(super) fn moved(&self) -> LicencesMoved {
        let mut moved = LicencesMoved::default();
        for (site, was_there) in &self.before {
            match (was_there, self.contains(site)) {
                (false, true) => moved.found.push(site.clone()),
                (true, false) => moved.gone.push(site.clone()),
                _ => {}
            }
        }
        moved
    }
}
