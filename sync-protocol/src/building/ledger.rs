//! The facts of a building, each once, and the indexes that find what a new fact touches.

use crate::canonical::Hash;
use crate::fact::{Fact, Kind};
use crate::field::{Field, Source, Write};
use crate::ids::{FloorId, OfficeId, OpId, PhotoId, RoundId, VisitId};
use crate::visit::Visit;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// All facts, by op id.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    facts: HashMap<OpId, Fact>,
    structural: BTreeSet<OpId>,
    revisions: BTreeMap<VisitId, Vec<OpId>>,
    visits_by_photo: HashMap<PhotoId, BTreeSet<VisitId>>,
    verified: HashMap<PhotoId, BTreeSet<Hash>>,
    voids: HashMap<VisitId, BTreeSet<OpId>>,
    late: BTreeSet<VisitId>,
    approvals: HashMap<OfficeId, BTreeMap<OpId, (Option<RoundId>, BTreeSet<OpId>)>>,
    rejected_claims: BTreeSet<OpId>,
    withdrawn: BTreeSet<OpId>,
    accepted: BTreeSet<(RoundId, OpId)>,
    confirmations: BTreeMap<OpId, (FloorId, BTreeSet<OpId>)>,
    registrations: BTreeSet<OpId>,
}

/// What new facts touch.
#[derive(Debug, Default)]
pub(super) struct Touched {
    /// The structure, and with it everything.
    pub(super) structure: bool,
    /// These visits.
    pub(super) visits: BTreeSet<VisitId>,
    /// These offices, in whatever id the fact named them.
    pub(super) offices: BTreeSet<OfficeId>,
}

impl Ledger {
    pub(super) fn len(&self) -> usize {
        self.facts.len()
    }

    /// Takes a fact; one that it has already changes nothing.
    pub(super) fn insert(&mut self, fact: Fact, touched: &mut Touched) {
        if self.facts.contains_key(&fact.op) {
            return;
        }
        let op = fact.op;
        if fact.is_structural() {
            touched.structure = true;
            self.structural.insert(op);
        }
        match &fact.kind {
            Kind::Visit(visit) => {
                self.revisions.entry(visit.visit_id).or_default().push(op);
                for promise in &visit.mandatory {
                    self.visits_by_photo.entry(promise.photo).or_default().insert(visit.visit_id);
                }
                touched.visits.insert(visit.visit_id);
            }
            Kind::Void { visit } => {
                self.voids.entry(*visit).or_default().insert(op);
                touched.visits.insert(*visit);
            }
            Kind::LateAccepted { visit } => {
                self.late.insert(*visit);
                touched.visits.insert(*visit);
            }
            Kind::PhotoVerified { photo, sha256 } => {
                self.verified.entry(*photo).or_default().insert(*sha256);
                touched.visits.extend(self.visits_by_photo.get(photo).into_iter().flatten());
            }
            Kind::ExclusionApproved { office, round } => {
                let seen = fact.seen.iter().copied().collect();
                self.approvals.entry(*office).or_default().insert(op, (*round, seen));
                touched.offices.insert(*office);
            }
            Kind::ExclusionRejected => self.rejected_claims.extend(&fact.seen),
            Kind::Withdrawal => self.withdrawn.extend(&fact.seen),
            Kind::Accepted { round } => drop(self.accepted.insert((*round, op))),
            Kind::FloorConfirmed { floor } => {
                let seen = fact.seen.iter().copied().collect();
                self.confirmations.insert(op, (*floor, seen));
            }
            Kind::Building(_) => drop(self.registrations.insert(op)),
            _ => {}
        }
        self.facts.insert(op, fact);
    }

    pub(super) fn fact(&self, op: OpId) -> Option<&Fact> {
        self.facts.get(&op)
    }

    pub(super) fn structural(&self) -> impl Iterator<Item = &Fact> + Clone {
        self.structural.iter().map(|op| &self.facts[op])
    }

    pub(super) fn visit_ids(&self) -> impl Iterator<Item = VisitId> {
        self.revisions.keys().copied()
    }

    fn visit(&self, op: OpId) -> Option<&Visit> {
        match &self.facts.get(&op)?.kind {
            Kind::Visit(visit) => Some(visit),
            _ => None,
        }
    }

    /// The revision of a visit that counts: the highest, and between two contents of it the larger
    /// hash. `None` where the visit is unknown or voided.
    pub(super) fn effective(&self, visit: VisitId) -> Option<(OpId, &Visit)> {
        if self.standing_voids(visit).next().is_some() {
            return None;
        }
        let revisions = self.revisions.get(&visit)?.iter();
        revisions
            .filter_map(|op| Some((*op, self.visit(*op)?)))
            .max_by_key(|(op, visit)| (visit.revision, visit.content, *op))
    }

    fn standing_voids(&self, visit: VisitId) -> impl Iterator<Item = OpId> {
        let voids = self.voids.get(&visit).into_iter().flatten().copied();
        voids.filter(|op| !self.withdrawn.contains(op))
    }

    /// Whether the highest revision carries two contents.
    pub(super) fn is_forked(&self, visit: VisitId) -> bool {
        let Some((op, effective)) = self.effective(visit) else { return false };
        self.revisions[&visit].iter().filter(|other| **other != op).any(|other| {
            self.visit(*other).is_some_and(|other| other.revision == effective.revision)
        })
    }

    /// Whether a voided visit has a revision that no author of a void had seen.
    pub(super) fn is_void_in_review(&self, visit: VisitId) -> bool {
        let mut voids = self.standing_voids(visit).peekable();
        if voids.peek().is_none() {
            return false;
        }
        let seen: BTreeSet<OpId> =
            voids.filter_map(|op| self.facts.get(&op)).flat_map(|fact| &fact.seen).copied().collect();
        self.revisions.get(&visit).into_iter().flatten().any(|op| !seen.contains(op))
    }

    pub(super) fn revisions(&self, visit: VisitId) -> &[OpId] {
        self.revisions.get(&visit).map(Vec::as_slice).unwrap_or_default()
    }

    pub(super) fn is_voided(&self, visit: VisitId) -> bool {
        self.standing_voids(visit).next().is_some()
    }

    pub(super) fn is_known(&self, visit: VisitId) -> bool {
        self.revisions.contains_key(&visit)
    }

    pub(super) fn is_late_accepted(&self, visit: VisitId) -> bool {
        self.late.contains(&visit)
    }

    pub(super) fn is_rejected_claim(&self, op: OpId) -> bool {
        self.rejected_claims.contains(&op)
    }

    /// What the authors of standing approvals of an exclusion had seen.
    pub(super) fn approvals(&self, office: OfficeId, round: RoundId) -> Vec<&BTreeSet<OpId>> {
        let approvals = self.approvals.get(&office).into_iter().flatten();
        approvals
            .filter(|(op, (of, _))| {
                of.is_none_or(|of| of == round) && !self.withdrawn.contains(op)
            })
            .map(|(_, (_, seen))| seen)
            .collect()
    }

    /// Whether a promised photo has arrived with the promised bytes.
    pub(super) fn is_verified(&self, promise: &crate::visit::Promise) -> bool {
        self.verified.get(&promise.photo).is_some_and(|hashes| {
            promise.sha256.is_none_or(|promised| hashes.contains(&promised))
        })
    }

    pub(super) fn is_accepted(&self, round: RoundId) -> bool {
        let of_round = (round, OpId(uuid::Uuid::nil()))..=(round, OpId(uuid::Uuid::max()));
        self.accepted.range(of_round).any(|(_, op)| !self.withdrawn.contains(op))
    }

    pub(super) fn floor_confirmations(
        &self,
        of: impl Fn(FloorId) -> bool,
    ) -> Vec<&BTreeSet<OpId>> {
        let standing = self.confirmations.iter().filter(|(op, _)| !self.withdrawn.contains(op));
        standing.filter(|(_, (floor, _))| of(*floor)).map(|(_, (_, seen))| seen).collect()
    }

    pub(super) fn is_registered(&self) -> bool {
        self.registrations.iter().any(|op| !self.withdrawn.contains(op))
    }

    /// The attributes of the building: those of the registration that nobody replaced.
    pub(super) fn attributes(&self) -> Option<&Map<String, Value>> {
        let facts = self.registrations.iter().filter_map(|op| self.facts.get(op));
        let writes = facts.clone().filter_map(|fact| match &fact.kind {
            Kind::Building(value) => Some(Write {
                op: fact.op,
                value,
                source: Source::DeskVerified,
                at_ms: fact.stamp.corrected_ms,
            }),
            _ => None,
        });
        let killed: BTreeSet<OpId> = facts.flat_map(|fact| &fact.seen).copied().collect();
        let field = Field::of(writes.collect(), |op| killed.contains(&op));
        field.displayed().map(|write| write.value)
    }
}
