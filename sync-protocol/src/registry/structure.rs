//! The structure of a building: its sections, floors and offices as they stand, derived from the
//! set of structure facts.

use super::lineage::{Lineage, Proposal};
use super::office::{NewOffice, OfficeKind, Sharing, key_of};
use crate::alias::{Aliases, Links};
use crate::company::Company;
use crate::conflict::{Conflict, ConflictCode};
use crate::coverage::floor::RosterStatus;
use crate::fact::{Fact, Kind, NewFloor};
use crate::field::{Field, Source, Write};
use crate::ids::{FloorId, OccupancyId, OfficeId, OpId, SectionId};
use std::collections::{BTreeMap, BTreeSet};

/// The structure of one building.
#[derive(Clone, Debug, Default)]
pub struct Structure {
    /// Names of the sections.
    pub sections: BTreeMap<SectionId, String>,
    /// Floors by canonical id.
    pub floors: BTreeMap<FloorId, NewFloor>,
    /// Every office id that was ever made, canonical or not.
    pub offices: BTreeMap<OfficeId, Office>,
    /// Companies that sit in an office, by canonical office.
    pub occupants: BTreeMap<OfficeId, BTreeMap<OccupancyId, Occupant>>,
    /// Shared offices whose list of companies is confirmed.
    pub occupants_confirmed: BTreeSet<OfficeId>,
    /// Disagreements about the structure.
    pub conflicts: BTreeSet<Conflict>,
    members: BTreeMap<OfficeId, Vec<OfficeId>>,
    floor_aliases: Aliases<FloorId>,
    proposals: Vec<Proposal>,
    hints: Vec<Vec<(Company, OfficeId)>>,
    lineage: Lineage,
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
    /// The same as this office, which is live.
    Alias(OfficeId),
    /// Split or merged into these.
    Superseded(Vec<OfficeId>),
    /// The split or merge that made it is not in force; these are the offices it would change.
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
    /// To a part of this office, which was split; nobody knows which part.
    NeedsReassignment(OfficeId),
    /// Nobody has added such an office yet.
    Unknown(OfficeId),
}

impl Structure {
    /// Derives the structure from facts, in whatever order they come.
    pub fn of<'a>(facts: impl Iterator<Item = &'a Fact> + Clone) -> Self {
        let parts = Parts::of(facts);
        let mut structure = Self { sections: parts.sections.clone(), ..Self::default() };
        structure.take_floors(&parts);
        structure.take_offices(&parts);
        structure.take_occupants(&parts);
        structure
    }

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
        match &self.offices.get(&office)?.status {
            Status::Live => Some(office),
            Status::Alias(canonical) => Some(*canonical),
            Status::Superseded(_) | Status::NotInForce(_) => None,
        }
    }

    /// All ids that stand for a live office, its own included.
    #[must_use]
    pub fn members(&self, office: OfficeId) -> &[OfficeId] {
        self.members.get(&office).map(Vec::as_slice).unwrap_or_default()
    }

    /// Where a visit that names an office, and met a company there, belongs today.
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
        targets
    }

    /// The part of a split office that a company sits in, by the hints of the split.
    fn hinted(&self, parent: OfficeId, company: &Company) -> Option<OfficeId> {
        let places = self.lineage.consumers.get(&parent)?;
        let hints = places.iter().flat_map(|place| &self.hints[*place]);
        hints.filter(|(hint, _)| hint.matches(company)).map(|(_, child)| *child).min()
    }

    fn take_floors(&mut self, parts: &Parts<'_>) {
        let mut links = Links::default();
        let mut by_place: BTreeMap<_, FloorId> = BTreeMap::new();
        for (id, (_, floor)) in &parts.floors {
            let place = (floor.section, floor.sort_order_milli, floor.kind.as_str());
            match by_place.get(&place) {
                Some(first) => links.automatic.push((*first, *id)),
                None => drop(by_place.insert(place, *id)),
            }
        }
        self.floor_aliases = links.classes();
        for (id, (_, floor)) in &parts.floors {
            if self.floor_aliases.canonical(*id) == *id {
                self.floors.insert(*id, (*floor).clone());
            }
        }
    }

    fn take_offices(&mut self, parts: &Parts<'_>) {
        let mut drafts = self.drafts(parts);
        let added: BTreeSet<OfficeId> = drafts.keys().copied().collect();
        let same = parts.links(&drafts, |id| added.contains(&id), &[]).classes();
        self.proposals = parts.proposals(&same);
        self.hints = parts.splits_and_merges.iter().map(|change| change.hints.to_vec()).collect();
        let bases: BTreeSet<OfficeId> = added.iter().map(|id| same.canonical(*id)).collect();
        self.lineage = Lineage::of(&self.proposals, &bases);
        self.add_children(parts, &mut drafts);
        let live = |id: OfficeId| {
            same.canonical(id) == id && !self.lineage.consumers.contains_key(&id) && self.exists(id, &bases)
        };
        let joined = parts.links(&drafts, live, &[&same]).classes();
        let canonical = |id: OfficeId| joined.canonical(same.canonical(id));
        let mut members: BTreeMap<OfficeId, Vec<OfficeId>> = BTreeMap::new();
        for id in drafts.keys() {
            members.entry(canonical(*id)).or_default().push(*id);
        }
        for id in drafts.keys().copied() {
            let class = &members[&canonical(id)];
            let status = self.status(id, canonical(id), &same, &bases);
            let office = self.office(parts, &drafts, id, class, status);
            self.offices.insert(id, office);
        }
        self.members = members;
        self.add_conflicts(&[&same, &joined]);
    }

    fn exists(&self, office: OfficeId, bases: &BTreeSet<OfficeId>) -> bool {
        bases.contains(&office)
            || self.lineage.creator.get(&office).is_some_and(|by| self.lineage.in_force.contains(by))
    }

    fn status(
        &self,
        id: OfficeId,
        canonical: OfficeId,
        same: &Aliases<OfficeId>,
        bases: &BTreeSet<OfficeId>,
    ) -> Status {
        let base = same.canonical(id);
        if !self.exists(base, bases) {
            let by = self.lineage.creator.get(&id).map(|by| self.proposals[*by].parents.clone());
            return Status::NotInForce(by.unwrap_or_default());
        }
        if let Some(places) = self.lineage.consumers.get(&base) {
            // Proposals that agree make the same rooms; the first one's stand for all.
            let children = places.iter().min_by_key(|place| self.proposals[**place].op);
            let children = children.map(|place| self.proposals[*place].children.clone());
            return if base == id {
                Status::Superseded(children.unwrap_or_default())
            } else {
                Status::Alias(base)
            };
        }
        if canonical == id { Status::Live } else { Status::Alias(canonical) }
    }

    /// The offices that were added as such, with the floor they are on.
    fn drafts<'a>(&self, parts: &Parts<'a>) -> BTreeMap<OfficeId, Draft<'a>> {
        let mut drafts: BTreeMap<OfficeId, Draft<'a>> = BTreeMap::new();
        for (op, floor, office, initial) in &parts.added {
            let Some((floor, _)) = self.floor(*floor) else { continue };
            let draft = Draft { op: *op, floor, office, initial: *initial };
            let first = drafts.entry(office.office).or_insert(draft);
            if draft.op < first.op {
                *first = draft;
            }
        }
        drafts
    }

    /// Adds the offices that splits and merges make; they are on the floor of what they come from.
    fn add_children<'a>(&self, parts: &Parts<'a>, drafts: &mut BTreeMap<OfficeId, Draft<'a>>) {
        let mut waiting: BTreeMap<OfficeId, usize> = self.lineage.creator.clone();
        loop {
            let before = waiting.len();
            waiting.retain(|child, place| {
                let change = &parts.splits_and_merges[*place];
                let parents = self.proposals[*place].parents.iter();
                let Some(floor) = parents.filter_map(|parent| drafts.get(parent)).next() else {
                    return true;
                };
                let floor = floor.floor;
                let made = change.children.iter().find(|made| made.office == *child);
                let office = *made.expect("a creator lists what it makes");
                drafts.insert(*child, Draft { op: change.op, floor, office, initial: false });
                false
            });
            if waiting.len() == before {
                return;
            }
        }
    }

    fn office(
        &mut self,
        parts: &Parts<'_>,
        drafts: &BTreeMap<OfficeId, Draft<'_>>,
        id: OfficeId,
        class: &[OfficeId],
        status: Status,
    ) -> Office {
        let draft = &drafts[&id];
        let label = parts.labels(class, drafts);
        let kind = parts.field(class, drafts, "kind", |draft| draft.office.kind, |write| write.kind);
        let sharing =
            parts.field(class, drafts, "sharing", |draft| draft.office.sharing, |write| write.sharing);
        if status == Status::Live {
            let fields = [
                ("label", label.siblings(|value| key_of(value))),
                ("kind", kind.siblings(|value| *value)),
                ("sharing", sharing.siblings(|value| *value)),
            ];
            for (name, siblings) in fields.into_iter().filter(|(_, siblings)| !siblings.is_empty()) {
                let code = ConflictCode::Field;
                self.conflicts.insert(Conflict::new(code, id.0, Some(name), siblings));
            }
        }
        let label = label.displayed().map_or(&draft.office.label, |write| &write.value).clone();
        Office {
            floor: draft.floor,
            key: key_of(&label),
            label,
            kind: kind.displayed().map_or(draft.office.kind, |write| write.value),
            sharing: sharing.displayed().map_or(draft.office.sharing, |write| write.value),
            initial: class.iter().any(|member| drafts[member].initial),
            status,
            made_by: class.iter().map(|member| drafts[member].op).collect(),
        }
    }

    fn add_conflicts(&mut self, aliases: &[&Aliases<OfficeId>]) {
        let mut found = Vec::new();
        for (parent, ops) in &self.lineage.disputed {
            found.push(Conflict::new(ConflictCode::StructureDisputed, parent.0, None, ops.clone()));
        }
        if let Some(first) = self.lineage.cyclic.first() {
            let ops = self.lineage.cyclic.clone();
            found.push(Conflict::new(ConflictCode::LineageCycle, first.0, None, ops));
        }
        for (a, b) in aliases.iter().flat_map(|aliases| &aliases.contradicted) {
            let ops = [a, b].into_iter().filter_map(|id| self.offices.get(id));
            let ops = ops.flat_map(|office| office.made_by.clone()).collect();
            found.push(Conflict::new(ConflictCode::AliasContradicted, a.0, None, ops));
        }
        let mut by_key: BTreeMap<(FloorId, &str), Vec<OfficeId>> = BTreeMap::new();
        for (id, office) in self.live().filter(|(_, o)| o.kind != OfficeKind::Unnumbered) {
            by_key.entry((office.floor, &office.key)).or_default().push(id);
        }
        for ids in by_key.values().filter(|ids| ids.len() > 1) {
            let ops = ids.iter().flat_map(|id| self.offices[id].made_by.clone()).collect();
            found.push(Conflict::new(ConflictCode::DuplicateKey, ids[0].0, None, ops));
        }
        self.conflicts.extend(found);
    }

    fn take_occupants(&mut self, parts: &Parts<'_>) {
        for (occupancy, (office, occupant)) in &parts.occupants {
            if let Some(office) = self.canonical(*office) {
                self.occupants.entry(office).or_default().insert(*occupancy, occupant.clone());
            }
        }
        for (office, seen) in &parts.occupants_confirmed {
            let Some(office) = self.canonical(*office) else { continue };
            let seen_all = self
                .occupants
                .get(&office)
                .is_none_or(|all| all.values().all(|occupant| seen.contains(&occupant.op)));
            if seen_all {
                self.occupants_confirmed.insert(office);
            }
        }
    }
}

/// An office before its fields and its fate are known.
#[derive(Clone, Copy)]
struct Draft<'a> {
    op: OpId,
    floor: FloorId,
    office: &'a NewOffice,
    initial: bool,
}

/// A split or a merge as somebody filed it.
struct Change<'a> {
    op: OpId,
    parents: &'a [OfficeId],
    children: Vec<&'a NewOffice>,
    hints: &'a [(Company, OfficeId)],
}

/// One write to the fields of an office.
struct FieldWrite<'a> {
    fact: &'a Fact,
    label: Option<&'a String>,
    kind: Option<OfficeKind>,
    sharing: Option<Sharing>,
    source: Source,
}

/// The structure facts, sorted by what they say; withdrawn ones left out.
#[derive(Default)]
struct Parts<'a> {
    sections: BTreeMap<SectionId, String>,
    floors: BTreeMap<FloorId, (OpId, &'a NewFloor)>,
    added: Vec<(OpId, FloorId, &'a NewOffice, bool)>,
    splits_and_merges: Vec<Change<'a>>,
    writes: BTreeMap<OfficeId, Vec<FieldWrite<'a>>>,
    killed: BTreeSet<(&'static str, OpId)>,
    same: Vec<(OfficeId, OfficeId)>,
    apart: Vec<(OfficeId, OfficeId)>,
    occupants: BTreeMap<OccupancyId, (OfficeId, Occupant)>,
    occupants_confirmed: Vec<(OfficeId, BTreeSet<OpId>)>,
    at_ms: BTreeMap<OpId, i64>,
}

/// The ops that withdrawals among these facts withdraw.
pub(crate) fn withdrawn<'a>(facts: impl Iterator<Item = &'a Fact>) -> BTreeSet<OpId> {
    let withdrawals = facts.filter(|fact| matches!(fact.kind, Kind::Withdrawal));
    withdrawals.flat_map(|fact| fact.seen.iter().copied()).collect()
}

impl<'a> Parts<'a> {
    fn of(facts: impl Iterator<Item = &'a Fact> + Clone) -> Self {
        let withdrawn = withdrawn(facts.clone());
        let mut parts = Self::default();
        let mut sections: BTreeMap<SectionId, (OpId, &String)> = BTreeMap::new();
        for fact in facts.filter(|fact| !withdrawn.contains(&fact.op)) {
            parts.at_ms.insert(fact.op, fact.stamp.corrected_ms);
            match &fact.kind {
                Kind::Section { section, name } => {
                    let first = sections.entry(*section).or_insert((fact.op, name));
                    *first = (*first).min((fact.op, name));
                }
                Kind::Floor(floor) => {
                    let first = parts.floors.entry(floor.floor).or_insert((fact.op, floor));
                    if fact.op < first.0 {
                        *first = (fact.op, floor);
                    }
                }
                _ => parts.take_office_fact(fact),
            }
        }
        parts.sections = sections.into_iter().map(|(id, (_, name))| (id, name.clone())).collect();
        parts.splits_and_merges.sort_by_key(|change| change.op);
        parts
    }

    fn take_office_fact(&mut self, fact: &'a Fact) {
        match &fact.kind {
            Kind::Office { floor, office, initial } => {
                self.added.push((fact.op, *floor, office, *initial));
            }
            Kind::Split { parent, children, hints } => {
                let children = children.iter().collect();
                let parents = std::slice::from_ref(parent);
                self.splits_and_merges.push(Change { op: fact.op, parents, children, hints });
            }
            Kind::Merge { parents, child } => {
                let children = vec![child];
                self.splits_and_merges.push(Change { op: fact.op, parents, children, hints: &[] });
            }
            Kind::OfficeFields { office, label, kind, sharing, source } => {
                let label = label.as_ref();
                let mut kill = |name, written: bool| {
                    let seen = fact.seen.iter().filter(|_| written).map(|op| (name, *op));
                    self.killed.extend(seen);
                };
                kill("label", label.is_some());
                kill("kind", kind.is_some());
                kill("sharing", sharing.is_some());
                let write =
                    FieldWrite { fact, label, kind: *kind, sharing: *sharing, source: *source };
                self.writes.entry(*office).or_default().push(write);
            }
            Kind::Link { a, b, same } => {
                if *same { &mut self.same } else { &mut self.apart }.push((*a, *b));
            }
            Kind::Occupancy { occupancy, office, physical, company, name } => {
                let (company, name) = (company.clone(), name.clone());
                let occupant = Occupant { company, name, physical: *physical, op: fact.op };
                let said = (*office, occupant);
                let first = self.occupants.entry(*occupancy).or_insert_with(|| said.clone());
                if said.1.op < first.1.op {
                    *first = said;
                }
            }
            Kind::OccupantsConfirmed { office } => {
                self.occupants_confirmed.push((*office, fact.seen.iter().copied().collect()));
            }
            _ => {}
        }
    }

    /// Links between offices that `take` takes: by equal keys on one floor where neither was
    /// renamed, and by what people say.
    fn links(
        &self,
        drafts: &BTreeMap<OfficeId, Draft<'a>>,
        take: impl Fn(OfficeId) -> bool,
        through: &[&Aliases<OfficeId>],
    ) -> Links<OfficeId> {
        let canonical = |id| through.iter().fold(id, |id, aliases| aliases.canonical(id));
        let mut links = Links::default();
        let mut by_key: BTreeMap<(FloorId, &str), OfficeId> = BTreeMap::new();
        for (id, draft) in drafts.iter().filter(|(id, _)| take(**id)) {
            let joins = draft.office.kind != OfficeKind::Unnumbered && !self.is_renamed(*id, drafts);
            if !joins {
                continue;
            }
            match by_key.get(&(draft.floor, draft.office.key.as_str())) {
                Some(first) => links.automatic.push((*first, *id)),
                None => drop(by_key.insert((draft.floor, &draft.office.key), *id)),
            }
        }
        let of_people = |pairs: &[(OfficeId, OfficeId)]| -> Vec<_> {
            pairs.iter().map(|(a, b)| (canonical(*a), canonical(*b))).collect()
        };
        links.by_person = of_people(&self.same);
        links.by_person.retain(|(a, b)| take(*a) && take(*b));
        links.apart = of_people(&self.apart);
        links
    }

    fn is_renamed(&self, id: OfficeId, drafts: &BTreeMap<OfficeId, Draft<'a>>) -> bool {
        if !self.writes.contains_key(&id) {
            return false;
        }
        let label = self.labels(&[id], drafts);
        label.displayed().is_some_and(|write| {
            key_of(&write.value) != drafts[&id].office.key
        })
    }

    fn proposals(&self, same: &Aliases<OfficeId>) -> Vec<Proposal> {
        let proposal = |change: &Change<'_>| {
            let mut parents: Vec<_> = change.parents.iter().map(|id| same.canonical(*id)).collect();
            parents.sort_unstable();
            parents.dedup();
            let keys = change.children.iter().map(|child| child.key.clone()).collect();
            let children = change.children.iter().map(|child| child.office).collect();
            let effect = (parents.iter().copied().collect(), keys);
            Proposal { op: change.op, parents, children, effect }
        };
        self.splits_and_merges.iter().map(proposal).collect()
    }

    fn labels(&self, class: &[OfficeId], drafts: &BTreeMap<OfficeId, Draft<'a>>) -> Field<String> {
        self.field(class, drafts, "label", |d| d.office.label.clone(), |write| write.label.cloned())
    }

    /// All writes to one field of a class of offices: what made them, and what changed them since.
    fn field<V>(
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
