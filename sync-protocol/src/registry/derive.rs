//! Deriving the structure from its facts: floors first, then which offices there are and what
//! became of each, then who sits in them.

use super::lineage::Lineage;
use super::office::{OfficeKind, key_of};
use super::parts::{Draft, Parts};
use super::structure::{Office, Status, Structure, Target};
use crate::alias::{Aliases, Links};
use crate::conflict::{Conflict, ConflictCode};
use crate::fact::Fact;
use crate::ids::{FloorId, OfficeId, OpId};
use std::collections::{BTreeMap, BTreeSet};

/// Offices before their fields and their fate are known.
type Drafts<'a> = BTreeMap<OfficeId, Draft<'a>>;

impl Structure {
    /// Derives the structure from facts, in whatever order they come.
    pub fn of<'a>(facts: impl Iterator<Item = &'a Fact> + Clone) -> Self {
        let mut facts: Vec<&Fact> = facts.collect();
        facts.sort_unstable_by_key(|fact| fact.op);
        let parts = Parts::of(&facts);
        let mut structure = Self { sections: parts.sections.clone(), ..Self::default() };
        structure.take_floors(&parts);
        structure.take_offices(&parts);
        structure.take_withdrawn(&parts);
        structure.take_occupants(&parts);
        structure
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
        for (id, (_, floor)) in &parts.floors_ever {
            let canonical = self.floor_aliases.canonical(*id);
            if !parts.floors.contains_key(id) {
                self.former_floors.insert(*id, ((*floor).clone(), None));
            } else if canonical == *id {
                self.floors.insert(*id, parts.floors[id].1.clone());
            } else {
                self.former_floors.insert(*id, ((*floor).clone(), Some(canonical)));
            }
        }
    }

    fn take_offices(&mut self, parts: &Parts<'_>) {
        let mut drafts = self.drafts(parts);
        let bases: BTreeSet<OfficeId> = drafts.keys().copied().collect();
        let singly = drafts.keys().map(|id| (*id, vec![*id])).collect();
        let same = links(parts, &drafts, &singly, &Aliases::default(), &[]).classes();
        self.proposals = parts.proposals(&same);
        self.hints = parts.splits_and_merges.iter().map(|change| change.hints.to_vec()).collect();
        let bases: BTreeSet<OfficeId> = bases.iter().map(|id| same.canonical(*id)).collect();
        self.lineage = Lineage::of(&self.proposals, &bases);
        self.add_children(parts, &mut drafts);
        let mut classes: BTreeMap<OfficeId, Vec<OfficeId>> = BTreeMap::new();
        for id in drafts.keys() {
            classes.entry(same.canonical(*id)).or_default().push(*id);
        }
        classes.retain(|id, _| {
            !self.lineage.consumers.contains_key(id) && self.lineage.exists(*id, &bases)
        });
        let agreeing = self.agreeing_children(parts);
        let joined = links(parts, &drafts, &classes, &same, &agreeing).classes();
        let canonical = |id: OfficeId| joined.canonical(same.canonical(id));
        let mut members: BTreeMap<OfficeId, Vec<OfficeId>> = BTreeMap::new();
        for id in drafts.keys() {
            members.entry(canonical(*id)).or_default().push(*id);
        }
        for id in drafts.keys().copied() {
            let status = self.status(id, canonical(id), &same, &bases);
            let office = self.office(parts, &drafts, id, &members[&canonical(id)], status);
            self.offices.insert(id, office);
        }
        self.members = members;
        let apart = parts.apart.iter().map(|(a, b)| (canonical(*a), canonical(*b)));
        let apart = apart.flat_map(|(a, b)| [(a, b), (b, a)]).collect();
        let disputed = same.disputed.union(&joined.disputed);
        let disputed: Vec<_> =
            disputed.map(|pair| (pair.0, parts.contradicting(*pair, &same))).collect();
        self.add_conflicts(&apart, disputed);
    }

    fn status(
        &self,
        id: OfficeId,
        canonical: OfficeId,
        same: &Aliases<OfficeId>,
        bases: &BTreeSet<OfficeId>,
    ) -> Status {
        let base = same.canonical(id);
        if !self.lineage.exists(base, bases) {
            let by = self.lineage.creator(id).map(|by| self.proposals[by].parents.clone());
            return Status::NotInForce(by.unwrap_or_default());
        }
        match self.lineage.consumers.get(&base) {
            Some(_) if base != id => Status::Alias(base),
            // Proposals that agree make the same rooms; those of the first stand for all.
            Some(places) => Status::Superseded(self.proposals[places[0]].children.clone()),
            None if canonical == id => Status::Live,
            None => Status::Alias(canonical),
        }
    }

    /// The offices that were added as such, with the floor they are on.
    fn drafts<'a>(&self, parts: &Parts<'a>) -> Drafts<'a> {
        let mut drafts = Drafts::new();
        for draft in &parts.added {
            let Some((floor, _)) = self.floor(draft.floor) else { continue };
            drafts.entry(draft.office.office).or_insert(Draft { floor, ..*draft });
        }
        drafts
    }

    /// Adds the offices that splits and merges make; they are on the floor of what they come from.
    fn add_children<'a>(&self, parts: &Parts<'a>, drafts: &mut Drafts<'a>) {
        let made = self.lineage.creators.keys();
        let mut waiting: BTreeMap<OfficeId, usize> =
            made.filter_map(|child| Some((*child, self.lineage.creator(*child)?))).collect();
        loop {
            let before = waiting.len();
            waiting.retain(|child, place| {
                let change = &parts.splits_and_merges[*place];
                let parents = &self.proposals[*place].parents;
                let Some(from) = parents.iter().find_map(|parent| drafts.get(parent)) else {
                    return true;
                };
                let (op, floor) = (change.op, from.floor);
                let made = change.children.iter().find(|made| made.office == *child);
                let office = *made.expect("a creator lists what it makes");
                drafts.insert(*child, Draft { op, floor, office, initial: false });
                false
            });
            if waiting.len() == before {
                return;
            }
        }
    }

    /// Children that are the same because proposals in force that agree made them, by their key:
    /// unnumbered rooms too, which a key alone never joins.
    fn agreeing_children(&self, parts: &Parts<'_>) -> Vec<(OfficeId, OfficeId)> {
        let mut pairs = Vec::new();
        for places in self.lineage.consumers.values().filter(|places| places.len() > 1) {
            let mut by_key: BTreeMap<&str, OfficeId> = BTreeMap::new();
            for place in places {
                for child in &parts.splits_and_merges[*place].children {
                    let first = *by_key.entry(&child.key).or_insert(child.office);
                    if child.kind == OfficeKind::Unnumbered && first != child.office {
                        pairs.push((first, child.office));
                    }
                }
            }
        }
        pairs
    }

    fn office(
        &mut self,
        parts: &Parts<'_>,
        drafts: &Drafts<'_>,
        id: OfficeId,
        class: &[OfficeId],
        status: Status,
    ) -> Office {
        let draft = &drafts[&id];
        let label = parts.labels(class, drafts);
        let kind =
            parts.field(class, drafts, "kind", |draft| draft.office.kind, |write| write.kind);
        let sharing = parts.field(
            class,
            drafts,
            "sharing",
            |draft| draft.office.sharing,
            |write| write.sharing,
        );
        if status == Status::Live {
            let fields = [
                ("label", label.siblings(|value| key_of(value))),
                ("kind", kind.siblings(|value| *value)),
                ("sharing", sharing.siblings(|value| *value)),
            ];
            for (name, siblings) in fields.into_iter().filter(|(_, siblings)| !siblings.is_empty())
            {
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

    /// `apart` holds the live offices that people keep apart, each pair both ways round.
    fn add_conflicts(
        &mut self,
        apart: &BTreeSet<(OfficeId, OfficeId)>,
        disputed_links: Vec<(OfficeId, Vec<OpId>)>,
    ) {
        let mut found = Vec::new();
        for (parent, ops) in &self.lineage.disputed {
            found.push(Conflict::new(ConflictCode::StructureDisputed, parent.0, None, ops.clone()));
        }
        if let Some(first) = self.lineage.cyclic.first() {
            let ops = self.lineage.cyclic.clone();
            found.push(Conflict::new(ConflictCode::LineageCycle, first.0, None, ops));
        }
        for (subject, ops) in disputed_links {
            found.push(Conflict::new(ConflictCode::AliasContradicted, subject.0, None, ops));
        }
        let mut by_key: BTreeMap<(FloorId, &str), Vec<OfficeId>> = BTreeMap::new();
        for (id, office) in self.live().filter(|(_, o)| o.kind != OfficeKind::Unnumbered) {
            by_key.entry((office.floor, &office.key)).or_default().push(id);
        }
        for ids in by_key.values().filter(|ids| !are_all_apart(ids, apart)) {
            let ops = ids.iter().flat_map(|id| self.offices[id].made_by.clone()).collect();
            found.push(Conflict::new(ConflictCode::DuplicateKey, ids[0].0, None, ops));
        }
        self.conflicts.extend(found);
    }

    /// Keeps the ids that only withdrawn facts made: visits may name them, and phones hold them.
    fn take_withdrawn(&mut self, parts: &Parts<'_>) {
        for draft in parts.withdrawn_adds.iter().chain(&parts.added) {
            let Some((_, new)) = parts.floors_ever.get(&draft.floor) else { continue };
            let floor = self.floor_aliases.canonical(new.floor);
            self.keep(&Draft { floor, ..*draft }, Vec::new());
        }
        let changes = || parts.withdrawn_changes.iter().chain(&parts.splits_and_merges);
        loop {
            let before = self.offices.len();
            for change in changes() {
                let from = change.parents.iter().find_map(|parent| self.offices.get(parent));
                let Some(floor) = from.map(|parent| parent.floor) else { continue };
                for &office in &change.children {
                    let draft = Draft { op: change.op, floor, office, initial: false };
                    self.keep(&draft, change.parents.to_vec());
                }
            }
            if self.offices.len() == before {
                return;
            }
        }
    }

    fn keep(&mut self, draft: &Draft<'_>, parents: Vec<OfficeId>) {
        self.offices.entry(draft.office.office).or_insert_with(|| Office {
            floor: draft.floor,
            label: draft.office.label.clone(),
            key: draft.office.key.clone(),
            kind: draft.office.kind,
            sharing: draft.office.sharing,
            initial: draft.initial,
            status: Status::NotInForce(parents),
            made_by: vec![draft.op],
        });
    }

    /// A company sits where a visit to it would belong.
    fn take_occupants(&mut self, parts: &Parts<'_>) {
        for (occupancy, (office, occupant)) in &parts.occupants {
            let mut targets = self.resolve(*office, &occupant.company);
            if let (Some(Target::Office(office)), true) = (targets.pop_first(), targets.is_empty())
            {
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

/// Links between classes of offices: by equal keys on one floor, and by what people say.
///
/// A class that was renamed joins only those of its old key whose making the author of the new
/// label had seen: he spoke of them all. Any other may be another door by now (C19).
fn links(
    parts: &Parts<'_>,
    drafts: &Drafts<'_>,
    classes: &BTreeMap<OfficeId, Vec<OfficeId>>,
    same: &Aliases<OfficeId>,
    agreeing: &[(OfficeId, OfficeId)],
) -> Links<OfficeId> {
    let canonical = |(a, b): &(OfficeId, OfficeId)| (same.canonical(*a), same.canonical(*b));
    let is_class =
        |(a, b): &(OfficeId, OfficeId)| classes.contains_key(a) && classes.contains_key(b);
    let mut links = Links {
        automatic: agreeing.iter().map(canonical).filter(is_class).collect(),
        by_person: parts.same.iter().map(canonical).filter(is_class).collect(),
        apart: parts.apart.iter().map(canonical).collect(),
    };
    let mut by_key: BTreeMap<(FloorId, &str), Vec<OfficeId>> = BTreeMap::new();
    for id in classes.keys() {
        let draft = &drafts[id];
        if draft.office.kind != OfficeKind::Unnumbered {
            by_key.entry((draft.floor, &draft.office.key)).or_default().push(*id);
        }
    }
    for ids in by_key.values().filter(|ids| ids.len() > 1) {
        let mut first = None;
        for id in ids {
            match parts.rename(&classes[id], &drafts[id], drafts) {
                None => links.automatic.push((*first.get_or_insert(*id), *id)),
                Some(seen) => {
                    let known = |other: &&OfficeId| {
                        classes[other].iter().any(|member| seen.contains(&drafts[member].op))
                    };
                    links.automatic.extend(ids.iter().filter(known).map(|other| (*other, *id)));
                }
            }
        }
    }
    links
}

fn are_all_apart(ids: &[OfficeId], apart: &BTreeSet<(OfficeId, OfficeId)>) -> bool {
    // With fewer statements than pairs some pair is open; this also bounds the work below.
    ids.len() * (ids.len() - 1) <= apart.len()
        && ids.iter().all(|a| ids.iter().all(|b| a == b || apart.contains(&(*a, *b))))
}
