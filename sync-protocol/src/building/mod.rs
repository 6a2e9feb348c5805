//! A building as the fold of its facts: the one place where ops become what everybody sees.
//!
//! [`Building::apply`] takes facts in any order, any batches, with repetitions, and gives the
//! entities that changed. Equal sets of facts give equal buildings, byte for byte. Offices are
//! derived one by one and only where a new fact touches them; floors and the building are kept by
//! difference, the old contribution being remembered, never derived again.
//!
//! [`ledger`] holds the facts and their indexes, [`office`] derives one office, [`view`] makes the
//! bytes as served, [`answer`] says to a phone what became of its op.

pub mod answer;
mod ledger;
mod office;
pub mod view;

use crate::canonical::Hash;
use crate::conflict::{Conflict, ConflictCode};
use crate::coverage::building::{BuildingState, Conditions};
use crate::coverage::counts::Counts;
use crate::coverage::floor::{FloorState, RosterStatus};
use crate::fact::Fact;
use crate::ids::{BuildingId, FloorId, OfficeId, OpId, RoundId, VisitId};
use crate::registry::structure::{Office, Structure, Target, roster_status};
use crate::time::Millis;
use ledger::Ledger;
use office::OfficeDerived;
use std::collections::{BTreeMap, BTreeSet};
pub use view::{Entity, EntityKind};

/// A round as coverage looks at it: which visits can count for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoundWindow {
    /// The round.
    pub round: RoundId,
    /// First moment of the window.
    pub from_ms: Millis,
    /// First moment after the window.
    pub until_ms: Millis,
}

/// The merged state of one building.
#[derive(Clone, Debug)]
pub struct Building {
    id: BuildingId,
    rounds: Vec<RoundWindow>,
    ledger: Ledger,
    structure: Structure,
    targets: BTreeMap<VisitId, BTreeSet<Target>>,
    visits_of: BTreeMap<OfficeId, BTreeSet<VisitId>>,
    offices: BTreeMap<OfficeId, OfficeDerived>,
    floors: BTreeMap<FloorId, FloorDerived>,
    counts: Vec<Counts>,
    conflicts: BTreeSet<Conflict>,
    served: BTreeMap<(EntityKind, uuid::Uuid), Hash>,
}

/// A floor as derived: for each round, what its offices and it itself add to the building.
#[derive(Clone, Debug, Default)]
struct FloorDerived {
    offices: Vec<Counts>,
    own: Vec<Counts>,
    members: BTreeSet<OfficeId>,
}

impl Building {
    /// A building that nothing is known of yet.
    #[must_use]
    pub fn new(id: BuildingId, rounds: Vec<RoundWindow>) -> Self {
        let counts = vec![Counts::default(); rounds.len()];
        Self {
            id,
            rounds,
            ledger: Ledger::default(),
            structure: Structure::default(),
            targets: BTreeMap::new(),
            visits_of: BTreeMap::new(),
            offices: BTreeMap::new(),
            floors: BTreeMap::new(),
            counts,
            conflicts: BTreeSet::new(),
            served: BTreeMap::new(),
        }
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> BuildingId {
        self.id
    }

    /// How many facts it holds.
    #[must_use]
    pub fn facts_len(&self) -> usize {
        self.ledger.len()
    }

    /// Whether somebody registered it; facts can come before that.
    #[must_use]
    pub fn is_registered(&self) -> bool {
        self.ledger.is_registered()
    }

    /// The rounds it is derived for.
    #[must_use]
    pub fn rounds(&self) -> &[RoundWindow] {
        &self.rounds
    }

    /// Takes facts and gives the entities whose bytes changed, in a fixed order.
    pub fn apply(&mut self, facts: impl IntoIterator<Item = Fact>) -> Vec<Entity> {
        let mut touched = ledger::Touched::default();
        for fact in facts {
            self.ledger.insert(fact, &mut touched);
        }
        let dirty = if touched.structure { self.derive_structure() } else { BTreeSet::new() };
        let dirty = self.place_visits(&touched, dirty);
        let mut dirty_floors = BTreeSet::new();
        for office in &dirty {
            self.derive_office(*office, &mut dirty_floors);
        }
        if touched.structure {
            dirty_floors.extend(self.floors.keys().copied());
            dirty_floors.extend(self.structure.floors.keys().copied());
        }
        for floor in &dirty_floors {
            self.derive_floor(*floor);
        }
        let mut changed = Vec::new();
        let conflicts = self.derive_conflicts();
        self.serve_conflicts(conflicts, &mut changed);
        self.serve(&dirty, &dirty_floors, touched.structure, &mut changed);
        changed
    }

    /// Derives the structure anew; every office is dirty then, also those that are no more.
    fn derive_structure(&mut self) -> BTreeSet<OfficeId> {
        self.structure = Structure::of(self.ledger.structural());
        let mut dirty: BTreeSet<OfficeId> = self.offices.keys().copied().collect();
        dirty.extend(self.structure.live().map(|(id, _)| id));
        dirty
    }

    /// Finds out where the touched visits belong, and which offices that makes dirty.
    fn place_visits(
        &mut self,
        touched: &ledger::Touched,
        mut dirty: BTreeSet<OfficeId>,
    ) -> BTreeSet<OfficeId> {
        let visits: Vec<VisitId> = if touched.structure {
            self.ledger.visit_ids().collect()
        } else {
            touched.visits.iter().copied().collect()
        };
        for visit in visits {
            let targets = match self.ledger.effective(visit) {
                None => BTreeSet::new(),
                Some((_, fact)) => fact
                    .offices
                    .iter()
                    .flat_map(|office| self.structure.resolve(*office, &fact.company))
                    .collect(),
            };
            let before = self.targets.insert(visit, targets.clone()).unwrap_or_default();
            for office in office_targets(&before) {
                if let Some(visits) = self.visits_of.get_mut(&office) {
                    visits.remove(&visit);
                }
                dirty.insert(office);
            }
            for office in office_targets(&targets) {
                self.visits_of.entry(office).or_default().insert(visit);
                dirty.insert(office);
            }
        }
        for office in &touched.offices {
            dirty.extend(self.structure.canonical(*office));
        }
        dirty
    }

    fn derive_office(&mut self, id: OfficeId, dirty_floors: &mut BTreeSet<FloorId>) {
        if let Some(before) = self.offices.remove(&id) {
            dirty_floors.insert(before.floor);
            self.add_to_floor(before.floor, id, &before, -1);
        }
        let Some(office) = self.structure.offices.get(&id) else { return };
        if self.structure.canonical(id) != Some(id) {
            return;
        }
        let no_visits = BTreeSet::new();
        let visits = self.visits_of.get(&id).unwrap_or(&no_visits);
        let derived = office::derive(&self.ledger, &self.structure, &self.rounds, id, office, visits);
        dirty_floors.insert(derived.floor);
        self.add_to_floor(derived.floor, id, &derived, 1);
        self.offices.insert(id, derived);
    }

    fn add_to_floor(&mut self, floor: FloorId, id: OfficeId, office: &OfficeDerived, sign: i64) {
        let rounds = self.rounds.len();
        let derived = self.floors.entry(floor).or_insert_with(|| FloorDerived::new(rounds));
        if sign > 0 { derived.members.insert(id) } else { derived.members.remove(&id) };
        for (place, cell) in office.cells.iter().enumerate() {
            if sign > 0 {
                derived.offices[place] += cell.counts;
                self.counts[place] += cell.counts;
            } else {
                derived.offices[place] -= cell.counts;
                self.counts[place] -= cell.counts;
            }
        }
    }

    fn derive_floor(&mut self, id: FloorId) {
        let roster = self.roster(id);
        let known = self.structure.floors.contains_key(&id);
        let rounds = self.rounds.len();
        let derived = self.floors.entry(id).or_insert_with(|| FloorDerived::new(rounds));
        for place in 0..rounds {
            self.counts[place] -= derived.own[place];
            derived.own[place] = if known {
                let offices = &derived.offices[place];
                FloorState::of(offices, roster).counts(offices, roster)
            } else {
                Counts::default()
            };
            self.counts[place] += derived.own[place];
        }
    }

    fn roster(&self, floor: FloorId) -> RosterStatus {
        let Some((floor, new)) = self.structure.floor(floor) else {
            return RosterStatus::Unsurveyed;
        };
        let members = self.floors.get(&floor).map(|derived| &derived.members);
        let live: Vec<&Office> =
            members.into_iter().flatten().filter_map(|id| self.structure.offices.get(id)).collect();
        let confirmations = self.ledger.floor_confirmations(|confirmed| {
            self.structure.floor(confirmed).is_some_and(|(canonical, _)| canonical == floor)
        });
        roster_status(new.roster, &live, &confirmations)
    }

    fn derive_conflicts(&self) -> BTreeSet<Conflict> {
        let mut conflicts = self.structure.conflicts.clone();
        let mut homeless: BTreeMap<OfficeId, Vec<OpId>> = BTreeMap::new();
        for (visit, targets) in &self.targets {
            for target in targets {
                if let (Target::NeedsReassignment(office), Some((op, _))) =
                    (target, self.ledger.effective(*visit))
                {
                    homeless.entry(*office).or_default().push(op);
                }
            }
        }
        for visit in self.ledger.visit_ids().filter(|visit| self.ledger.is_void_in_review(*visit)) {
            let ops = self.ledger.revisions(visit).to_vec();
            conflicts.insert(Conflict::new(ConflictCode::VoidReview, visit.0, None, ops));
        }
        for (office, ops) in homeless {
            let code = ConflictCode::NeedsReassignment;
            conflicts.insert(Conflict::new(code, office.0, None, ops));
        }
        conflicts
    }

    fn totals(&self, place: usize) -> (BuildingState, Conditions, Counts) {
        let mut counts = self.counts[place];
        let blocking = self.conflicts.iter().filter(|conflict| conflict.blocks_acceptance());
        counts.conflicts_open = i64::try_from(blocking.count()).unwrap_or(i64::MAX);
        let accepted = self.ledger.is_accepted(self.rounds[place].round);
        let state = BuildingState::of(&counts, accepted);
        let unmet = Conditions::unmet(&counts);
        counts += state.counts();
        (state, unmet, counts)
    }

    /// The counts of the building in a round, as every level above adds them up.
    #[must_use]
    pub fn counts(&self, round: RoundId) -> Option<Counts> {
        let place = self.rounds.iter().position(|window| window.round == round)?;
        Some(self.totals(place).2)
    }
}

impl FloorDerived {
    fn new(rounds: usize) -> Self {
        Self {
            offices: vec![Counts::default(); rounds],
            own: vec![Counts::default(); rounds],
            members: BTreeSet::new(),
        }
    }
}

fn office_targets(targets: &BTreeSet<Target>) -> Vec<OfficeId> {
    let office = |target: &Target| match target {
        Target::Office(office) => Some(*office),
        Target::NeedsReassignment(_) | Target::Unknown(_) => None,
    };
    targets.iter().filter_map(office).collect()
}
