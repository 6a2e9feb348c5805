//! The structure of a building: its sections, floors and offices as they stand, derived from the
//! set of structure facts.

use super::lineage::{Lineage, Proposal};
use super::office::{OfficeKind, Sharing};
use crate::alias::Aliases;
use crate::company::Company;
use crate::conflict::Conflict;
use crate::coverage::floor::RosterStatus;
use crate::fact::NewFloor;
use crate::ids::{FloorId, OccupancyId, OfficeId, OpId, SectionId};
use std::collections::{BTreeMap, BTreeSet};

/// The structure of one building.
#[derive(Clone, Debug, Default)]
pub struct Structure {
    /// Names of the sections.
    pub sections: BTreeMap<SectionId, String>,
    /// Floors that stand, by canonical id.
    pub floors: BTreeMap<FloorId, NewFloor>,
    /// Floor ids that stand no more, with the floor that each is the same as; where there is none, it
    /// was withdrawn.
    pub former_floors: BTreeMap<FloorId, (NewFloor, Option<FloorId>)>,
    /// Every office id that was ever made, canonical or not.
    pub offices: BTreeMap<OfficeId, Office>,
    /// Companies that sit in an office, by canonical office.
    pub occupants: BTreeMap<OfficeId, BTreeMap<OccupancyId, Occupant>>,
    /// Shared offices whose list of companies is confirmed.
    pub occupants_confirmed: BTreeSet<OfficeId>,
    /// Disagreements about the structure.
    pub conflicts: BTreeSet<Conflict>,
    pub(super) members: BTreeMap<OfficeId, Vec<OfficeId>>,
    pub(super) floor_aliases: Aliases<FloorId>,
    pub(super) proposals: Vec<Proposal>,
    pub(super) hints: Vec<Vec<(Company, OfficeId)>>,
    pub(super) lineage: Lineage,
}

/// An office id and what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Office {
    /// Its floor, canonical.
    pub floor: FloorId,
    /// As on the door; the displayed one where there are several.
    pub label: String,
    /// Its comparison key.
    pub key: String,
    /// Its kind.
    pub kind: OfficeKind,
    /// Who sits there.
    pub sharing: Sharing,
    /// It was on the first roster.
    pub initial: bool,
    /// What became of it.
    pub status: Status,
    /// The ops that made it, or any office that is the same.
    pub made_by: Vec<OpId>,
}

/// What became of an office id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// In the denominator.
    Live,
    /// The same as this office, which is live or was itself split or merged.
    Alias(OfficeId),
    /// Split or merged into these.
    Superseded(Vec<OfficeId>),
    /// The split or merge that made it is not in force; these are the offices it would change.
    /// Empty where it was added and the add was withdrawn.
    NotInForce(Vec<OfficeId>),
}

/// A company that sits in an office.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occupant {
    /// The company.
    pub company: Company,
    /// Its name as written.
    pub name: String,
    /// Physically there.
    pub physical: bool,
    /// The op that said so.
    pub op: OpId,
}

/// Where a visit to some office id belongs today.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// To this live office.
    Office(OfficeId),
    /// To a part of this office, which was split and nobody knows which part, or to this office,
    /// which was withdrawn.
    NeedsReassignment(OfficeId),
    /// Nobody has added such an office yet.
    Unknown(OfficeId),
}

impl Structure {
    /// The canonical id of a floor.
    #[must_use]
    pub fn floor(&self, floor: FloorId) -> Option<(FloorId, &NewFloor)> {
        let floor = self.floor_aliases.canonical(floor);
        self.floors.get(&floor).map(|new| (floor, new))
    }

    /// The live offices.
    pub fn live(&self) -> impl Iterator<Item = (OfficeId, &Office)> {
        self.offices
            .iter()
            .filter(|(_, office)| office.status == Status::Live)
            .map(|(id, office)| (*id, office))
    }

    /// The live office that an id stands for today, where it stands for exactly one.
    #[must_use]
    pub fn canonical(&self, office: OfficeId) -> Option<OfficeId> {
        let is_live =
            |id: &OfficeId| self.offices.get(id).is_some_and(|o| o.status == Status::Live);
        match &self.offices.get(&office)?.status {
            Status::Live => Some(office),
            Status::Alias(canonical) => Some(*canonical).filter(is_live),
            Status::Superseded(_) | Status::NotInForce(_) => None,
        }
    }

    /// All ids that stand for a live office, its own included.
    #[must_use]
    pub fn members(&self, office: OfficeId) -> &[OfficeId] {
        self.members.get(&office).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether both say the same of an office id and of who sits there.
    #[must_use]
    pub fn says_the_same_of(&self, office: OfficeId, other: &Self) -> bool {
        self.offices.get(&office) == other.offices.get(&office)
            && self.members(office) == other.members(office)
            && self.occupants.get(&office) == other.occupants.get(&office)
            && self.occupants_confirmed.contains(&office)
                == other.occupants_confirmed.contains(&office)
    }

    /// The splits and merges in force that start from, or make, some of these offices: op, parents,
    /// children.
    pub fn changes(
        &self,
        of: impl Fn(OfficeId) -> bool,
    ) -> impl Iterator<Item = (OpId, &[OfficeId], &[OfficeId])> {
        let in_force = self.lineage.in_force.iter().map(|place| &self.proposals[*place]);
        let about = in_force.filter(move |proposal| {
            let mut offices = proposal.parents.iter().chain(&proposal.children);
            offices.any(|office| of(*office))
        });
        about.map(|proposal| (proposal.op, &proposal.parents[..], &proposal.children[..]))
    }

    /// Whether two splits or merges make the same of the same offices.
    #[must_use]
    pub fn agree(&self, one: OpId, other: OpId) -> bool {
        let effect = |op| self.proposals.iter().find(|p| p.op == op).map(|p| &p.effect);
        effect(one).is_some() && effect(one) == effect(other)
    }

    /// Where a visit that names an office, and met a company there, belongs today. Never empty.
    #[must_use]
    pub fn resolve(&self, office: OfficeId, company: &Company) -> BTreeSet<Target> {
        let mut targets = BTreeSet::new();
        let mut open = vec![office];
        let mut passed = BTreeSet::new();
        while let Some(office) = open.pop() {
            if !passed.insert(office) {
                continue;
            }
            match self.offices.get(&office).map(|known| &known.status) {
                None => drop(targets.insert(Target::Unknown(office))),
                Some(Status::Live) => drop(targets.insert(Target::Office(office))),
                Some(Status::Alias(canonical)) => open.push(*canonical),
                Some(Status::NotInForce(parents)) if parents.is_empty() => {
                    targets.insert(Target::NeedsReassignment(office));
                }
                Some(Status::NotInForce(parents)) => open.extend(parents),
                Some(Status::Superseded(children)) => match children.as_slice() {
                    [child] => open.push(*child),
                    _ => match self.hinted(office, company) {
                        Some(child) => open.push(child),
                        None => drop(targets.insert(Target::NeedsReassignment(office))),
                    },
                },
            }
        }
        if targets.is_empty() {
            targets.insert(Target::NeedsReassignment(office));
        }
        targets
    }

    /// The part of a split office that a company sits in, where the hints of the splits in force
    /// name exactly one.
    fn hinted(&self, parent: OfficeId, company: &Company) -> Option<OfficeId> {
        let mut parts = BTreeSet::new();
        for place in self.lineage.consumers.get(&parent)? {
            let children = &self.proposals[*place].children;
            let hints = self.hints[*place].iter().filter(|(hint, _)| hint.matches(company));
            for (_, child) in hints.filter(|(_, child)| children.contains(child)) {
                parts.insert(self.canonical(*child).unwrap_or(*child));
            }
        }
        let child = parts.pop_first()?;
        parts.is_empty().then_some(child)
    }
}

/// How much is known of the rooms of a floor: confirmed where somebody confirmed the list and had
/// seen every room that is on it now (C24).
#[must_use]
pub fn roster_status(
    imported: RosterStatus,
    live: &[&Office],
    confirmations: &[&BTreeSet<OpId>],
) -> RosterStatus {
    let covers = |seen: &&&BTreeSet<OpId>| {
        live.iter().all(|office| office.made_by.iter().any(|op| seen.contains(op)))
    };
    if confirmations.iter().any(|seen| covers(&seen)) {
        RosterStatus::Confirmed
    } else if live.is_empty() && imported != RosterStatus::Imported {
        RosterStatus::Unsurveyed
    } else {
        RosterStatus::Imported
    }
}
