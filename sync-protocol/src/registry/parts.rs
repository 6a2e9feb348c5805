//! The structure facts of a building, sorted by what they say.
//!
//! Withdrawn facts count for nothing here, with one exception: an id that somebody once made stays
//! known for ever, because a visit may still name it.

use super::lineage::Proposal;
use super::office::{NewOffice, OfficeKind, Sharing, key_of};
use super::structure::Occupant;
use crate::alias::Aliases;
use crate::company::Company;
use crate::fact::{Fact, Kind, NewFloor};
use crate::field::{Field, Source, Write};
use crate::ids::{FloorId, OccupancyId, OfficeId, OpId, SectionId};
use crate::withdrawal::withdrawn;
use crate::zoo::{Defect, is_planted};
use std::collections::{BTreeMap, BTreeSet};

/// An office before its fields and its fate are known.
#[derive(Clone, Copy)]
pub(super) struct Draft<'a> {
    pub(super) op: OpId,
    pub(super) floor: FloorId,
    pub(super) office: &'a NewOffice,
    pub(super) initial: bool,
}

/// A split or a merge as somebody filed it.
pub(super) struct Change<'a> {
    pub(super) op: OpId,
    pub(super) parents: &'a [OfficeId],
    pub(super) children: Vec<&'a NewOffice>,
    pub(super) hints: &'a [(Company, OfficeId)],
}

/// One write to the fields of an office.
pub(super) struct FieldWrite<'a> {
    fact: &'a Fact,
    label: Option<&'a String>,
    pub(super) kind: Option<OfficeKind>,
    pub(super) sharing: Option<Sharing>,
    source: Source,
}

/// The structure facts, sorted by what they say.
#[derive(Default)]
pub(super) struct Parts<'a> {
    pub(super) sections: BTreeMap<SectionId, String>,
    /// Floors that stand.
    pub(super) floors: BTreeMap<FloorId, (OpId, &'a NewFloor)>,
    /// Floors that stand or were withdrawn.
    pub(super) floors_ever: BTreeMap<FloorId, (OpId, &'a NewFloor)>,
    pub(super) added: Vec<Draft<'a>>,
    pub(super) splits_and_merges: Vec<Change<'a>>,
    /// Withdrawn adds, splits and merges.
    pub(super) withdrawn_adds: Vec<Draft<'a>>,
    pub(super) withdrawn_changes: Vec<Change<'a>>,
    writes: BTreeMap<OfficeId, Vec<FieldWrite<'a>>>,
    killed: BTreeSet<(&'static str, OpId)>,
    pub(super) same: Vec<(OfficeId, OfficeId)>,
    pub(super) apart: Vec<(OfficeId, OfficeId)>,
    /// The ops of both, in the same order.
    same_by: Vec<OpId>,
    apart_by: Vec<OpId>,
    pub(super) occupants: BTreeMap<OccupancyId, (OfficeId, Occupant)>,
    pub(super) occupants_confirmed: Vec<(OfficeId, BTreeSet<OpId>)>,
    at_ms: BTreeMap<OpId, i64>,
}

impl<'a> Parts<'a> {
    /// Sorts facts that come in the order of their ops.
    pub(super) fn of(facts: &[&'a Fact]) -> Self {
        let withdrawn = withdrawn(facts.iter().copied());
        let mut parts = Self::default();
        for &fact in facts {
            if let Kind::Floor(floor) = &fact.kind {
                parts.floors_ever.entry(floor.floor).or_insert((fact.op, floor));
            }
            if withdrawn.contains(&fact.op) {
                parts.take_withdrawn(fact);
                continue;
            }
            parts.at_ms.insert(fact.op, fact.stamp.corrected_ms);
            match &fact.kind {
                Kind::Section { section, name } => {
                    parts.sections.entry(*section).or_insert_with(|| name.clone());
                }
                Kind::Floor(floor) => {
                    parts.floors.entry(floor.floor).or_insert((fact.op, floor));
                }
                _ => parts.take_office_fact(fact),
            }
        }
        parts
    }

    fn take_withdrawn(&mut self, fact: &'a Fact) {
        if let Some(draft) = Draft::read(fact) {
            self.withdrawn_adds.push(draft);
        } else if let Some(change) = Change::read(fact) {
            self.withdrawn_changes.push(change);
        }
    }

    fn take_office_fact(&mut self, fact: &'a Fact) {
        match &fact.kind {
            Kind::Office { .. } => self.added.extend(Draft::read(fact)),
            Kind::Split { .. } | Kind::Merge { .. } => {
                self.splits_and_merges.extend(Change::read(fact));
            }
            Kind::OfficeFields { office, label, kind, sharing, source } => {
                let label = label.as_ref();
                let mut kill = |name, written: bool| {
                    let seen = fact.seen.iter().filter(|_| written);
                    let is_elsewhere = |op: &OpId| {
                        let made = self
                            .added
                            .iter()
                            .any(|draft| draft.op == *op && draft.office.office == *office);
                        let writes = self.writes.get(office).into_iter().flatten();
                        !made && !writes.into_iter().any(|write| write.fact.op == *op)
                    };
                    let seen = seen.filter(|op| {
                        !(is_planted(Defect::KillWithinOneOffice) && is_elsewhere(op))
                    });
                    self.killed.extend(seen.map(|op| (name, *op)));
                };
                kill("label", label.is_some());
                kill("kind", kind.is_some());
                kill("sharing", sharing.is_some());
                let write =
                    FieldWrite { fact, label, kind: *kind, sharing: *sharing, source: *source };
                self.writes.entry(*office).or_default().push(write);
            }
            Kind::Link { a, b, same } => {
                let (pairs, by) = if *same {
                    (&mut self.same, &mut self.same_by)
                } else {
                    (&mut self.apart, &mut self.apart_by)
                };
                pairs.push((*a, *b));
                by.push(fact.op);
            }
            Kind::Occupancy { occupancy, office, physical, company, name } => {
                self.occupants.entry(*occupancy).or_insert_with(|| {
                    let (company, name) = (Company::clone(company), name.clone());
                    (*office, Occupant { company, name, physical: *physical, op: fact.op })
                });
            }
            Kind::OccupantsConfirmed { office } => {
                self.occupants_confirmed.push((*office, fact.seen.iter().copied().collect()));
            }
            _ => {}
        }
    }

    /// Whether the displayed label of a class of offices has another key than the one it was made
    /// with, and the ops that the authors of its labels had seen.
    pub(super) fn rename(
        &self,
        class: &[OfficeId],
        draft: &Draft<'a>,
        drafts: &BTreeMap<OfficeId, Draft<'a>>,
    ) -> Option<BTreeSet<OpId>> {
        let writes = class.iter().filter_map(|id| self.writes.get(id)).flatten();
        let mut writes = writes.filter(|write| write.label.is_some()).peekable();
        writes.peek()?;
        let labels = self.labels(class, drafts);
        let renamed =
            labels.displayed().is_some_and(|write| key_of(&write.value) != draft.office.key);
        renamed.then(|| writes.flat_map(|write| &write.fact.seen).copied().collect())
    }

    /// The statements of people that contradict each other about a pair of offices: those that keep
    /// it apart, and those that join its classes.
    pub(super) fn contradicting(
        &self,
        (a, b): (OfficeId, OfficeId),
        same: &Aliases<OfficeId>,
    ) -> Vec<OpId> {
        let canonical = |(a, b): &(OfficeId, OfficeId)| (same.canonical(*a), same.canonical(*b));
        let joined: Vec<(OfficeId, OfficeId)> = self.same.iter().map(canonical).collect();
        let mut class = BTreeSet::from([same.canonical(a), same.canonical(b)]);
        let mut before = 0;
        while class.len() > before {
            before = class.len();
            let touching = joined.iter().filter(|(a, b)| class.contains(a) || class.contains(b));
            class.extend(touching.flat_map(|(a, b)| [*a, *b]).collect::<Vec<_>>());
        }
        let joins = joined.iter().zip(&self.same_by).filter(|((a, _), _)| class.contains(a));
        let pair = (same.canonical(a), same.canonical(b));
        let parts = self.apart.iter().zip(&self.apart_by).filter(|(apart, _)| {
            let (a, b) = canonical(apart);
            (a, b) == pair || (b, a) == pair
        });
        joins.map(|(_, op)| *op).chain(parts.map(|(_, op)| *op)).collect()
    }

    /// The splits and merges over the canonical ids of the offices that they name.
    pub(super) fn proposals(&self, same: &Aliases<OfficeId>) -> Vec<Proposal> {
        let canonical = |ids: &mut dyn Iterator<Item = OfficeId>| {
            let ids: BTreeSet<OfficeId> = ids.map(|id| same.canonical(id)).collect();
            ids
        };
        let proposal = |change: &Change<'_>| {
            let parents = canonical(&mut change.parents.iter().copied());
            let children = canonical(&mut change.children.iter().map(|child| child.office));
            let keys = change.children.iter().map(|child| child.key.clone()).collect();
            Proposal {
                op: change.op,
                parents: parents.iter().copied().collect(),
                children: children.into_iter().collect(),
                effect: (parents, keys),
            }
        };
        self.splits_and_merges.iter().map(proposal).collect()
    }

    /// All labels of a class of offices.
    pub(super) fn labels(
        &self,
        class: &[OfficeId],
        drafts: &BTreeMap<OfficeId, Draft<'a>>,
    ) -> Field<String> {
        self.field(class, drafts, "label", |d| d.office.label.clone(), |write| write.label.cloned())
    }

    /// All writes to one field of a class of offices: what made them, and what changed them since.
    pub(super) fn field<V>(
        &self,
        class: &[OfficeId],
        drafts: &BTreeMap<OfficeId, Draft<'a>>,
        name: &'static str,
        made: impl Fn(&Draft<'a>) -> V,
        written: impl Fn(&FieldWrite<'a>) -> Option<V>,
    ) -> Field<V> {
        let mut writes = Vec::new();
        for id in class {
            let draft = &drafts[id];
            let source = if draft.initial { Source::ImportedList } else { Source::Signage };
            let at_ms = self.at_ms.get(&draft.op).copied().unwrap_or_default();
            writes.push(Write { op: draft.op, value: made(draft), source, at_ms });
            for write in self.writes.get(id).map(Vec::as_slice).unwrap_or_default() {
                if let Some(value) = written(write) {
                    let (op, at_ms) = (write.fact.op, write.fact.stamp.corrected_ms);
                    writes.push(Write { op, value, source: write.source, at_ms });
                }
            }
        }
        Field::of(writes, |op| self.killed.contains(&(name, op)))
    }
}

impl<'a> Draft<'a> {
    fn read(fact: &'a Fact) -> Option<Self> {
        let Kind::Office { floor, office, initial } = &fact.kind else { return None };
        Some(Self { op: fact.op, floor: *floor, office, initial: *initial })
    }
}

impl<'a> Change<'a> {
    fn read(fact: &'a Fact) -> Option<Self> {
        let op = fact.op;
        match &fact.kind {
            Kind::Split { parent, children, hints } => {
                let parents = std::slice::from_ref(parent);
                Some(Self { op, parents, children: children.iter().collect(), hints })
            }
            Kind::Merge { parents, child } => {
                Some(Self { op, parents, children: vec![child], hints: &[] })
            }
            _ => None,
        }
    }
}
