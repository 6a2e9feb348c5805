//! A building as the fold of its facts: the one place where ops become what everybody sees.
//!
//! [`Building::apply`] takes facts in any order, any batches, with repetitions, and gives the
//! entities that changed. Equal sets of facts give equal buildings, byte for byte. Offices are
//! derived one by one and only where a new fact touches them; floors and the building are kept by
//! difference, the old contribution being remembered, never derived again.
//!
//! `ledger` holds the facts and their indexes, `groups` those that wait for each other, `office`
//! derives one office, `floors` what offices add to theirs, `conflicts` keeps what disagrees, `suspicion` finds what is odd, `photographs`
//! and `findings` say what is to be looked at about photos, [`view`] is what is served and `serve` makes its bytes, [`answer`] says to a
//! phone what became of its op. [`settle`] says how conflicts end, `reassigned` where people moved a
//! visit, [`late`] which visits are from outside their round, [`tally`] what each room and floor adds to
//! the counts, [`work`] what teams did. [`history`],
//! [`room`] and [`tenants`] are what the desk is told of one room.

pub mod answer;
mod binding;
mod conflicts;
pub mod decide;
mod findings;
mod floors;
mod groups;
pub mod history;
pub mod late;
mod ledger;
mod licences;
mod office;
mod photographs;
mod reassigned;
pub mod room;
mod serve;
pub mod settle;
mod site;
mod suspicion;
pub mod tally;
pub mod tenants;
pub mod view;
pub mod work;

use crate::coverage::building::{BuildingState, Conditions};
use crate::coverage::counts::Counts;
use crate::digest::{Digest, Sum};
use crate::fact::Fact;
use crate::ids::{BuildingId, FloorId, OfficeId, OpId, RoundId, UserId, VisitId};
use crate::registry::roster_version::RosterVersions;
use crate::registry::structure::{Status, Structure, Target};
use crate::time::Millis;
use crate::visit::Visit;
pub use binding::{Binding, WaitingForPhotos};
use conflicts::Conflicts;
use findings::Findings;
pub use findings::VisitWithPhoto;
use floors::FloorDerived;
use ledger::{Ledger, VisitKey};
use licences::Licences;
pub use licences::{LICENCE_SEEN_ELSEWHERE, LicenceSite, LicencesMoved};
use office::OfficeDerived;
use site::Site;
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
    /// First moment at which a visit from inside the window arrives too late for the final figures.
    pub grace_until_ms: Millis,
    /// The round is closed: what has not come by now counts as missing.
    pub is_closed: bool,
}

/// The merged state of one building.
#[derive(Clone, Debug)]
pub struct Building {
    id: BuildingId,
    rounds: Vec<RoundWindow>,
    ledger: Ledger,
    structure: Structure,
    site: Site,
    roster_versions: RosterVersions,
    licences: Licences,
    placed: BTreeMap<VisitKey, Placed>,
    /// Visits that wait for somebody to accept them late.
    late: BTreeSet<VisitKey>,
    /// Visits whose mandatory photo has not come.
    without_photo: BTreeSet<VisitKey>,
    visits_of: BTreeSet<(OfficeId, VisitKey)>,
    offices: BTreeMap<OfficeId, OfficeDerived>,
    floors: BTreeMap<FloorId, FloorDerived>,
    counts: Vec<Counts>,
    conflicts: Conflicts,
    findings: Findings,
    /// What each entity as served adds to the digest.
    served: BTreeMap<(EntityKind, uuid::Uuid), Sum>,
    digest: Digest,
}

/// The effective revision of a visit, and where it belongs.
#[derive(Clone, Debug, PartialEq)]
struct Placed {
    op: OpId,
    /// Sorted, each once.
    targets: Vec<Target>,
    /// It found a company at work there, by its licence.
    at_work: bool,
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
            site: Site::default(),
            roster_versions: RosterVersions::default(),
            licences: Licences::default(),
            placed: BTreeMap::new(),
            late: BTreeSet::new(),
            without_photo: BTreeSet::new(),
            visits_of: BTreeSet::new(),
            offices: BTreeMap::new(),
            floors: BTreeMap::new(),
            counts,
            conflicts: Conflicts::default(),
            findings: Findings::default(),
            served: BTreeMap::new(),
            digest: Digest::default(),
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
        self.licences.begin();
        for fact in facts {
            self.ledger.insert(fact, &mut touched);
        }
        self.ledger.settle(&touched);
        let mut dirty = BTreeSet::new();
        if touched.structure {
            self.derive_structure(&mut dirty);
        }
        if touched.everything {
            dirty.extend(self.structure.live().map(|(id, _)| id));
        }
        let mut homeless = BTreeSet::new();
        self.place_visits(&touched, &mut dirty, &mut homeless);
        let mut dirty_floors = BTreeSet::new();
        for office in &dirty {
            self.derive_office(*office, &mut dirty_floors);
            self.derive_findings(*office);
        }
        if touched.structure {
            dirty_floors.extend(self.floors.keys().copied());
            dirty_floors.extend(self.structure.floors.keys().copied());
        }
        for floor in &dirty_floors {
            self.derive_floor(*floor, touched.structure);
        }
        let Self { ledger, structure, conflicts, .. } = self;
        conflicts.update(self.id, ledger, structure, &touched, &homeless);
        self.serve(&dirty, &dirty_floors, touched.structure)
    }

    /// Derives the structure anew. Offices of which it now says something else are dirty, also those
    /// that are no more.
    fn derive_structure(&mut self, dirty: &mut BTreeSet<OfficeId>) {
        let attributes = self.ledger.attributes();
        self.site = attributes.displayed().map(|write| Site::read(write.value)).unwrap_or_default();
        self.roster_versions = RosterVersions::of(self.ledger.structural());
        let now = Structure::of(self.ledger.structural());
        let before = std::mem::replace(&mut self.structure, now);
        let known = before.offices.keys().chain(self.structure.offices.keys()).copied();
        dirty.extend(known.filter(|id| !before.says_the_same_of(*id, &self.structure)));
    }

    /// Finds out where the touched visits belong, which offices that makes dirty, and which offices
    /// gain or lose a visit that needs reassignment.
    fn place_visits(
        &mut self,
        touched: &ledger::Touched,
        dirty: &mut BTreeSet<OfficeId>,
        homeless: &mut BTreeSet<OfficeId>,
    ) {
        let visits: Vec<VisitKey> = if touched.structure {
            self.ledger.visits().collect()
        } else {
            touched.visits.iter().copied().collect()
        };
        let mut moved = BTreeSet::new();
        for visit in visits {
            let is_touched = touched.everything || touched.visits.contains(&visit);
            let before = self.placed.get(&visit);
            let effective = match before {
                Some(placed) if !is_touched => self.ledger.visit(placed.op).map(|v| (placed.op, v)),
                None if !is_touched => None,
                _ => self.ledger.effective(visit),
            };
            let now = effective.map(|(op, visit)| self.place(op, visit));
            if is_touched || before != now.as_ref() {
                moved.extend(before.iter().chain(&now.as_ref()).map(|placed| placed.op));
                self.replace_placed(visit, now, dirty, homeless);
            }
            if is_touched {
                self.note_late(visit);
                self.note_photo(visit);
            }
        }
        dirty.extend(self.offices_alike(&moved));
        for office in &touched.offices {
            dirty.extend(self.structure.canonical(*office));
        }
    }

    fn place(&self, op: OpId, visit: &Visit) -> Placed {
        let targets: Vec<Target> = self.targets(visit).into_iter().collect();
        Placed { op, at_work: self.is_at_work(visit, &targets), targets }
    }

    fn replace_placed(
        &mut self,
        visit: VisitKey,
        now: Option<Placed>,
        dirty: &mut BTreeSet<OfficeId>,
        homeless: &mut BTreeSet<OfficeId>,
    ) {
        let before = match &now {
            Some(now) => self.placed.insert(visit, now.clone()),
            None => self.placed.remove(&visit),
        };
        let before = before.into_iter().map(|placed| (placed, false));
        for (Placed { op, targets, at_work }, is_now) in
            before.chain(now.map(|placed| (placed, true)))
        {
            let found = self.ledger.visit(op).filter(|_| at_work);
            if let Some((uscc, round)) = found.and_then(|v| Some((v.licence_found()?, v.round))) {
                self.licences.set(uscc, round, visit, is_now);
            }
            for target in targets {
                match target {
                    Target::Office(office) => {
                        if is_now {
                            self.visits_of.insert((office, visit))
                        } else {
                            self.visits_of.remove(&(office, visit))
                        };
                        dirty.insert(office);
                    }
                    Target::NeedsReassignment(office) => {
                        self.conflicts.set_homeless(office, op, is_now);
                        homeless.insert(office);
                    }
                    Target::Unknown(_) => {}
                }
            }
        }
    }

    /// The visits that belong to an office.
    fn visits_to(&self, office: OfficeId) -> impl Iterator<Item = VisitKey> {
        let nobodys = (VisitId(uuid::Uuid::nil()), UserId(uuid::Uuid::nil()));
        let visits = self.visits_of.range((office, nobodys)..);
        visits.take_while(move |(of, _)| *of == office).map(|(_, visit)| *visit)
    }

    fn derive_office(&mut self, id: OfficeId, dirty_floors: &mut BTreeSet<FloorId>) {
        let before = self.offices.remove(&id);
        if let Some(before) = &before {
            self.add_to_floor(before.floor, id, before, -1);
        }
        let office = self.structure.offices.get(&id).filter(|o| o.status == Status::Live);
        let Some(office) = office else {
            dirty_floors.extend(before.map(|before| before.floor));
            return;
        };
        let visits = self.visits_to(id);
        let derived =
            office::derive(&self.ledger, &self.structure, &self.rounds, id, office, visits);
        if !before.as_ref().is_some_and(|before| before.is_same_on_floor(&derived)) {
            dirty_floors.extend(before.map(|before| before.floor));
            dirty_floors.insert(derived.floor);
        }
        self.add_to_floor(derived.floor, id, &derived, 1);
        self.offices.insert(id, derived);
    }

    fn totals(&self, place: usize) -> (BuildingState, Conditions, Counts) {
        let mut counts = self.counts[place];
        counts.conflicts_open = self.conflicts.blocking();
        let accepted = self.ledger.is_accepted(self.rounds[place].round);
        let state = BuildingState::of(&counts, accepted);
        let unmet = Conditions::unmet(&counts);
        counts += state.counts();
        (state, unmet, counts)
    }

    /// The live office that an id stands for, where it stands for exactly one.
    #[must_use]
    pub fn canonical(&self, office: OfficeId) -> Option<OfficeId> {
        self.structure.canonical(office)
    }

    /// The counts of the building in a round, as every level above adds them up.
    #[must_use]
    pub fn counts(&self, round: RoundId) -> Option<Counts> {
        let place = self.rounds.iter().position(|window| window.round == round)?;
        Some(self.totals(place).2)
    }
}
