//! One room as the desk looks at it: what it was made from and what it became, which visit obtained
//! which element, and what people still disagree about.

use super::office::{Cell, counts_for};
use super::view::OfficeView;
use super::{Building, RoundWindow};
use crate::company::Company;
use crate::conflict::Conflict;
use crate::ids::{OfficeId, OpId, RoundId};
use crate::outcome::{Element, Elements};
use crate::registry::structure::Status;
use crate::visit::Visit;
use serde::Serialize;
use std::collections::BTreeSet;

/// A room with its descent and with what waits for somebody.
#[derive(Clone, Debug, Serialize)]
pub struct Room {
    /// The room as served, with where it stands in every round.
    #[serde(flatten)]
    pub view: OfficeView,
    /// Other rooms that are the same as this one.
    pub aliases: Vec<Door>,
    /// Splits and merges in force that made this room or took it apart, by op.
    pub changes: Vec<Change>,
    /// For each round that anything was obtained in: the elements and where they are from.
    pub obtained: Vec<RoundElements>,
    /// Open conflicts about the room or about a record of it.
    pub conflicts: Vec<Conflict>,
}

/// A room by what is written on its door.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Door {
    /// The room.
    pub office_id: OfficeId,
    /// As on the door.
    pub label: String,
}

/// A split (one parent) or a merge (one child) in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The op that says so.
    pub op_id: OpId,
    /// The rooms that were there before.
    pub parents: Vec<Door>,
    /// The rooms that are there since.
    pub children: Vec<Door>,
}

/// What the visits of one round obtained from the company that was met last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RoundElements {
    /// The round.
    pub round_id: RoundId,
    /// The elements, in their order.
    pub elements: Vec<Obtained>,
}

/// An element and the visit that it is from: the first that obtained it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Obtained {
    /// The element.
    pub element: Element,
    /// The revision that holds it.
    pub op_id: OpId,
}

impl Building {
    /// The room that an id stands for: the live one, else the one that was split or merged.
    #[must_use]
    pub fn stands_for(&self, office: OfficeId) -> Option<OfficeId> {
        self.canonical(office).or_else(|| match self.structure.offices.get(&office)?.status {
            Status::Alias(canonical) => Some(canonical),
            _ => Some(office),
        })
    }

    /// What the desk is told of a room; `None` where nobody made one with this id.
    #[must_use]
    pub fn room(&self, id: OfficeId) -> Option<Room> {
        let office = self.structure.offices.get(&id)?;
        let same = || self.structure.members(id).iter().filter(|member| **member != id);
        let own: BTreeSet<OfficeId> = same().copied().chain([id]).collect();
        let changes = self.structure.changes(|office| own.contains(&office));
        Some(Room {
            view: self.office_view(id, office),
            aliases: self.doors(same()),
            changes: changes
                .map(|(op_id, parents, children)| Change {
                    op_id,
                    parents: self.doors(parents),
                    children: self.doors(children),
                })
                .collect(),
            obtained: self.rounds.iter().filter_map(|window| self.obtained(id, window)).collect(),
            conflicts: self.conflicts_about(&own),
        })
    }

    fn doors<'a>(&self, offices: impl IntoIterator<Item = &'a OfficeId>) -> Vec<Door> {
        let known = offices.into_iter().filter_map(|id| {
            let office = self.structure.offices.get(id)?;
            Some(Door { office_id: *id, label: office.label.clone() })
        });
        known.collect()
    }

    /// Which elements were obtained in a round. Visits to one company add up (domain §3.2); what
    /// another company showed says nothing about this one.
    fn obtained(&self, office: OfficeId, window: &RoundWindow) -> Option<RoundElements> {
        let keys = self.visits_of.iter().filter(|(of, _)| *of == office).map(|(_, key)| *key);
        let mut contacts: Vec<(i64, OpId, &Visit)> = keys
            .filter_map(|key| {
                let (op, visit) = self.ledger.effective(key)?;
                let at_ms = self.ledger.fact(op)?.stamp.corrected_ms;
                let counts = counts_for(visit, key.0, at_ms, window, &self.ledger);
                (counts && visit.outcome.is_contact()).then_some((at_ms, op, visit))
            })
            .collect();
        contacts.sort_by_key(|(at_ms, op, _)| (*at_ms, *op));
        let (_, last, met) = *contacts.last()?;
        let numbered = Company::number(contacts.iter().map(|(_, _, visit)| &visit.company));
        let of_last = numbered.of(&met.company);
        let is_same = |op: OpId, visit: &Visit| {
            op == last || numbered.of(&visit.company).iter().any(|number| of_last.contains(number))
        };
        contacts.retain(|(_, op, visit)| is_same(*op, visit));
        let missing = self.missing(office, window.round);
        let mut elements = Vec::new();
        for element in Element::ALL.iter().copied() {
            if !Elements::six().contains(element) || missing.contains(element) {
                continue;
            }
            let from = contacts.iter().find(|(_, _, visit)| !visit.missing.contains(element));
            elements.extend(from.map(|(_, op, _)| Obtained { element, op_id: *op }));
        }
        Some(RoundElements { round_id: window.round, elements })
    }

    /// What the room still lacks in a round.
    fn missing(&self, office: OfficeId, round: RoundId) -> Elements {
        let cells = self.offices.get(&office).map(|derived| derived.cells.as_slice());
        let mut cells = cells.unwrap_or_default().iter();
        let found: Option<&Cell> = cells.find(|cell| cell.round == round);
        found.map_or(Elements::NONE, |cell| cell.coverage.missing)
    }

    fn conflicts_about(&self, own: &BTreeSet<OfficeId>) -> Vec<Conflict> {
        let is_about = |conflict: &&Conflict| {
            own.contains(&OfficeId(conflict.subject))
                || self.offices_of(conflict).iter().any(|office| own.contains(office))
        };
        self.conflicts().filter(is_about).cloned().collect()
    }
}
