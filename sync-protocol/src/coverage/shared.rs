//! Coverage of a shared room (联合办公, 一室多企): covered only when every company present is.
//!
//! Source: domain §3.5, truth table SH1–SH6.

use super::office::{Contact, Coverage, Flag, Flags, Reason, State, coverage};
use crate::ids::{OccupancyId, OpId};
use crate::outcome::{Class, Element, Elements};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// How many companies of a shared room are done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Companies {
    /// Companies covered.
    pub covered: i64,
    /// Companies that sit there.
    pub total: i64,
}

/// A shared room's visits: those to the room as such, and those to one company in it.
#[derive(Clone, Debug, Default)]
pub struct SharedRoom {
    /// Visits that name no company of the list.
    pub to_room: Vec<Contact>,
    /// Visits by the occupancy that they name, for every occupancy that is physically there.
    pub to_company: BTreeMap<OccupancyId, Vec<Contact>>,
    /// The list of companies is confirmed.
    pub list_confirmed: bool,
}

impl SharedRoom {
    /// The state of the room, and how many of its companies are done.
    #[must_use]
    pub fn coverage(&self, approvals: &[&BTreeSet<OpId>]) -> (Coverage, Companies) {
        let all: Vec<Contact> =
            self.to_room.iter().chain(self.to_company.values().flatten()).cloned().collect();
        let room = coverage(&all, approvals);
        let companies = self.companies();
        if room.state == State::Excluded {
            return (room, companies);
        }
        let all_done = companies.total > 0 && companies.covered == companies.total;
        if self.list_confirmed && all_done {
            let (reason, flags) = (Some(self.reason()), self.flags(&room));
            let missing = Elements::NONE;
            return (Coverage { state: State::Covered, reason, flags, missing }, companies);
        }
        let contact = |v: &Contact| matches!(v.class, Class::Settled | Class::Partial);
        let nobody_listed = self.list_confirmed && companies.total == 0;
        if companies.covered > 0 || (all.iter().any(contact) && !nobody_listed) {
            let (missing, flags) = (self.missing(), self.flags(&room));
            // Evidence is due from what is covered; a room that is not has more to wait for.
            let flags = flags.iter().filter(|flag| *flag != Flag::EvidencePending).collect();
            return (Coverage { state: State::Partial, reason: None, missing, flags }, companies);
        }
        (room, companies)
    }

    fn companies(&self) -> Companies {
        let total = self.to_company.len().try_into().expect("a room holds fewer companies");
        if self.to_company.values().all(Vec::is_empty) {
            // Nobody asked for a company by name: the room may be settled, its companies are not.
            return Companies { covered: 0, total };
        }
        let covered = self
            .to_company
            .values()
            .filter(|visits| self.of_company(visits).state == State::Covered);
        Companies { covered: covered.count().try_into().expect("fewer than all"), total }
    }

    fn of_company(&self, visits: &[Contact]) -> Coverage {
        let applies = |visit: &&Contact| {
            matches!(visit.class, Class::Absent | Class::Blocked | Class::Locked)
        };
        let all: Vec<Contact> =
            visits.iter().chain(self.to_room.iter().filter(applies)).cloned().collect();
        coverage(&all, &[])
    }

    fn reason(&self) -> Reason {
        let mut reasons: Vec<Reason> =
            self.to_company.values().filter_map(|visits| self.of_company(visits).reason).collect();
        reasons.sort_unstable();
        reasons.first().copied().unwrap_or(Reason::Inspected)
    }

    /// What is remarkable about the room's existence, and about each of its companies. Several
    /// companies are what a shared room is for, so that between them nothing is contradicted.
    fn flags(&self, room: &Coverage) -> Flags {
        let of_room = [Flag::ExclusionDefeated, Flag::ExistenceContradicted];
        let of_companies = self.to_company.values().flat_map(|visits| {
            let flags = self.of_company(visits).flags;
            flags.iter().collect::<Vec<Flag>>()
        });
        let of_single = [Flag::MultiOccupantSuspected, Flag::TenantChanged];
        let of_companies = of_companies.filter(|flag| !of_single.contains(flag));
        room.flags.iter().filter(|flag| of_room.contains(flag)).chain(of_companies).collect()
    }

    fn missing(&self) -> Elements {
        let mut missing = Elements::NONE;
        for visits in self.to_company.values() {
            missing = missing.union(self.of_company(visits).missing);
        }
        missing.insert_if(!self.list_confirmed, Element::OccupantList);
        missing
    }
}
