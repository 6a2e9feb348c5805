//! The facts of a building, each once, and the indexes that find what a new fact touches.

use super::groups::Groups;
use super::photographs::Photographs;
use crate::canonical::Hash;
use crate::coverage::office::Evidence;
use crate::fact::{Fact, Kind};
use crate::field::{Field, Source, Write};
use crate::ids::{FloorId, OfficeId, OpId, PhotoId, RoundId, UserId, VisitId};
use crate::visit::{Photograph, Promise, Visit};
use crate::withdrawal::withdrawn;
use crate::zoo::{Defect, is_planted};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use uuid::Uuid;

/// A visit and its author: nobody but the author revises a visit, so what somebody else files under
/// the same id is a visit of its own (domain R1).
pub(super) type VisitKey = (VisitId, UserId);

/// All facts, by op id.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    facts: HashMap<OpId, Box<Fact>>,
    groups: Groups,
    structural: BTreeSet<OpId>,
    revisions: BTreeSet<(VisitKey, OpId)>,
    visits_by_photo: BTreeSet<(PhotoId, VisitKey)>,
    visits_by_hash: BTreeSet<(Hash, VisitKey)>,
    verified: HashMap<PhotoId, BTreeSet<Hash>>,
    pub(super) photographs: Photographs,
    voids: HashMap<VisitId, BTreeSet<OpId>>,
    late: HashMap<VisitId, BTreeSet<OpId>>,
    approvals: HashMap<OfficeId, BTreeMap<OpId, Approval>>,
    rejections: HashMap<OpId, BTreeSet<OpId>>,
    reassigned: HashMap<VisitId, BTreeSet<OpId>>,
    withdrawals: BTreeSet<OpId>,
    /// What the withdrawals take back, as of [`Ledger::settle`].
    withdrawn: BTreeSet<OpId>,
    accepted: BTreeSet<(RoundId, OpId)>,
    confirmations: BTreeMap<OpId, (FloorId, BTreeSet<OpId>)>,
    registrations: BTreeSet<OpId>,
}

/// An approved exclusion: its round, or every round, and what its author had seen.
type Approval = (Option<RoundId>, BTreeSet<OpId>);

/// What new facts touch.
#[derive(Debug, Default)]
pub(super) struct Touched {
    /// The structure.
    pub(super) structure: bool,
    /// Decisions of any kind, so that every visit and office is derived anew.
    pub(super) everything: bool,
    /// These visits.
    pub(super) visits: BTreeSet<VisitKey>,
    /// These offices, in whatever id the fact named them.
    pub(super) offices: BTreeSet<OfficeId>,
}

impl Ledger {
    pub(super) fn len(&self) -> usize {
        self.facts.len() + self.groups.len()
    }

    /// Takes a fact; one that it has already changes nothing, and one whose group lacks a member
    /// waits for it.
    pub(super) fn insert(&mut self, fact: Fact, touched: &mut Touched) {
        if !self.facts.contains_key(&fact.op) {
            self.groups.take(fact).into_iter().for_each(|fact| self.put(fact, touched));
        }
    }

    /// Whether an op waits for a member of its group.
    pub(super) fn waits_for_its_group(&self, op: OpId) -> bool {
        self.groups.is_waiting(op)
    }

    fn put(&mut self, fact: Fact, touched: &mut Touched) {
        let op = fact.op;
        if fact.is_structural() {
            touched.structure = true;
            self.structural.insert(op);
        }
        match &fact.kind {
            Kind::Visit(visit) => {
                let key = (visit.visit_id, fact.author);
                self.revisions.insert((key, op));
                for Photograph { promise, .. } in &visit.photographs {
                    self.visits_by_photo.insert((promise.photo, key));
                    self.visits_by_hash.extend(promise.sha256.map(|hash| (hash, key)));
                }
                self.photographs.put(op, &fact.kind);
                touched.visits.insert(key);
            }
            Kind::Void { visit } => {
                if self.is_known(*visit) || !is_planted(Defect::VoidBeforeVisit) {
                    self.voids.entry(*visit).or_default().insert(op);
                }
                if !is_planted(Defect::VoidTouchesNothing) {
                    touched.visits.extend(self.keys(*visit));
                }
            }
            Kind::LateAccepted { visit } => {
                self.late.entry(*visit).or_default().insert(op);
                touched.visits.extend(self.keys(*visit));
            }
            Kind::Reassigned { visit, .. } => {
                self.reassigned.entry(*visit).or_default().insert(op);
                touched.visits.extend(self.keys(*visit));
            }
            Kind::PhotoVerified { photo, sha256 } => {
                self.verified.entry(*photo).or_default().insert(*sha256);
                if !is_planted(Defect::EvidenceNeverClears) {
                    touched.visits.extend(self.visits_that_promise(*photo));
                }
            }
            Kind::ExclusionApproved { office, round } => {
                let seen = fact.seen.iter().copied().collect();
                self.approvals.entry(*office).or_default().insert(op, (*round, seen));
                touched.offices.insert(*office);
            }
            Kind::ExclusionRejected => {
                touched.everything = true;
                for claim in &fact.seen {
                    self.rejections.entry(*claim).or_default().insert(op);
                }
            }
            Kind::Withdrawal => {
                touched.everything = true;
                let is_early = fact.seen.iter().any(|op| !self.facts.contains_key(op));
                if !(is_planted(Defect::KillBeforeTarget) && is_early) {
                    self.withdrawals.insert(op);
                }
            }
            Kind::Accepted { round } => drop(self.accepted.insert((*round, op))),
            Kind::FloorConfirmed { floor } => {
                let seen = fact.seen.iter().copied().collect();
                self.confirmations.insert(op, (*floor, seen));
            }
            Kind::Building(_) => drop(self.registrations.insert(op)),
            kind => {
                let photos = self.photographs.put(op, kind).into_iter();
                // What a photo shows is told soon after it came, and would hide the defect.
                let photos = photos.filter(|_| !is_planted(Defect::EvidenceNeverClears));
                touched.visits.extend(photos.flat_map(|photo| self.visits_that_promise(photo)));
            }
        }
        self.facts.insert(op, Box::new(fact));
    }

    /// After the last fact of a batch: finds out anew what is withdrawn, where that may have changed.
    pub(super) fn settle(&mut self, touched: &Touched) {
        if touched.everything {
            let facts = self.withdrawals.iter().filter_map(|op| self.facts.get(op));
            self.withdrawn = withdrawn(facts.map(AsRef::as_ref));
        }
    }

    pub(super) fn facts(&self) -> impl Iterator<Item = &Fact> {
        self.facts.values().map(AsRef::as_ref)
    }

    pub(super) fn fact(&self, op: OpId) -> Option<&Fact> {
        self.facts.get(&op).map(AsRef::as_ref)
    }

    pub(super) fn structural(&self) -> impl Iterator<Item = &Fact> + Clone {
        self.structural.iter().map(|op| self.facts[op].as_ref())
    }

    pub(super) fn visits(&self) -> impl Iterator<Item = VisitKey> {
        // Revisions of one visit stand side by side.
        let mut before = None;
        self.revisions
            .iter()
            .filter_map(move |(key, _)| (before.replace(*key) != Some(*key)).then_some(*key))
    }

    pub(super) fn visits_that_promise(&self, photo: PhotoId) -> impl Iterator<Item = VisitKey> {
        let first = (photo, (VisitId(Uuid::nil()), UserId(Uuid::nil())));
        let promises = self.visits_by_photo.range(first..);
        promises.take_while(move |(promised, _)| *promised == photo).map(|(_, key)| *key)
    }

    /// The visits some revision of which promised a photo of these bytes.
    pub(super) fn visits_with(&self, hash: Hash) -> impl Iterator<Item = VisitKey> {
        let first = (hash, (VisitId(Uuid::nil()), UserId(Uuid::nil())));
        let promises = self.visits_by_hash.range(first..);
        promises.take_while(move |(promised, _)| *promised == hash).map(|(_, key)| *key)
    }

    /// The visits of all authors under one id.
    fn keys(&self, visit: VisitId) -> impl Iterator<Item = VisitKey> {
        let mut before = None;
        self.all_revisions(visit)
            .filter_map(move |(key, _)| (before.replace(key) != Some(key)).then_some(key))
    }

    fn all_revisions(&self, visit: VisitId) -> impl Iterator<Item = (VisitKey, OpId)> {
        let first = ((visit, UserId(Uuid::nil())), OpId(Uuid::nil()));
        let of_id = self.revisions.range(first..).take_while(move |((id, _), _)| *id == visit);
        of_id.copied()
    }

    /// The revisions of one author's visit.
    pub(super) fn revisions_of(&self, visit: VisitKey) -> impl Iterator<Item = OpId> {
        let all = (visit, OpId(Uuid::nil()))..=(visit, OpId(Uuid::max()));
        self.revisions.range(all).map(|(_, op)| *op)
    }

    pub(super) fn visit(&self, op: OpId) -> Option<&Visit> {
        match &self.facts.get(&op)?.kind {
            Kind::Visit(visit) => Some(visit),
            _ => None,
        }
    }

    /// The revision of a visit that counts: the highest, and between two contents of it the larger
    /// hash. `None` where the visit is unknown or voided.
    pub(super) fn effective(&self, visit: VisitKey) -> Option<(OpId, &Visit)> {
        if self.is_voided(visit.0) {
            return None;
        }
        let revisions = self.revisions_of(visit).filter_map(|op| Some((op, self.visit(op)?)));
        if is_planted(Defect::LastByArrival) {
            return revisions.max_by_key(|(op, _)| (self.facts[op].stamp.received_ms, *op));
        }
        revisions.max_by_key(|(op, visit)| (visit.revision, visit.content, *op))
    }

    /// Those ops that nobody withdrew.
    pub(super) fn standing(&self, ops: Option<&BTreeSet<OpId>>) -> impl Iterator<Item = OpId> {
        let ops = ops.into_iter().flatten().copied();
        ops.filter(|op| !self.withdrawn.contains(op))
    }

    /// Where people moved a visit to, what was decided last coming last: the office, and the one that
    /// it stands in the place of, where it does not stand for all.
    pub(super) fn reassigned(&self, visit: VisitId) -> Vec<(OfficeId, Option<OfficeId>)> {
        let standing = self.standing(self.reassigned.get(&visit));
        let mut decided: Vec<&Fact> = standing.filter_map(|op| self.fact(op)).collect();
        decided.sort_by_key(|fact| (fact.stamp.corrected_ms, fact.op));
        let moved = decided.into_iter().filter_map(|fact| match fact.kind {
            Kind::Reassigned { office, instead_of, .. } => Some((office, instead_of)),
            _ => None,
        });
        moved.collect()
    }

    /// The standing voids of a visit.
    pub(super) fn voids(&self, visit: VisitId) -> impl Iterator<Item = OpId> {
        self.standing(self.voids.get(&visit))
    }

    /// Whether the highest revision carries two contents.
    pub(super) fn is_forked(&self, visit: VisitKey) -> bool {
        if self.revisions_of(visit).nth(1).is_none() {
            return false;
        }
        let Some((op, effective)) = self.effective(visit) else { return false };
        self.revisions_of(visit).filter(|other| *other != op).any(|other| {
            self.visit(other).is_some_and(|other| other.revision == effective.revision)
        })
    }

    /// Whether several authors use one visit id.
    pub(super) fn is_shared_id(&self, visit: VisitId) -> bool {
        self.keys(visit).nth(1).is_some()
    }

    /// The revisions of a voided visit, where no author of a void had seen one of them (C11).
    pub(super) fn void_in_review(&self, visit: VisitId) -> Option<Vec<OpId>> {
        let mut voids = self.standing(self.voids.get(&visit)).peekable();
        voids.peek()?;
        let voids = voids.filter_map(|op| self.facts.get(&op));
        let seen: BTreeSet<OpId> = voids.flat_map(|fact| &fact.seen).copied().collect();
        let revisions: Vec<OpId> = self.revisions(visit).collect();
        revisions.iter().any(|op| !seen.contains(op)).then_some(revisions)
    }

    /// All revisions under a visit id, of whatever author.
    pub(super) fn revisions(&self, visit: VisitId) -> impl Iterator<Item = OpId> {
        self.all_revisions(visit).map(|(_, op)| op)
    }

    pub(super) fn is_voided(&self, visit: VisitId) -> bool {
        self.standing(self.voids.get(&visit)).next().is_some()
    }

    pub(super) fn is_known(&self, visit: VisitId) -> bool {
        self.keys(visit).next().is_some()
    }

    pub(super) fn is_late_accepted(&self, visit: VisitId) -> bool {
        self.standing(self.late.get(&visit)).next().is_some()
    }

    pub(super) fn is_rejected_claim(&self, op: OpId) -> bool {
        self.standing(self.rejections.get(&op)).next().is_some()
    }

    /// The standing approvals of an exclusion: who approved, and what he had seen.
    pub(super) fn approvals(
        &self,
        office: OfficeId,
        round: RoundId,
    ) -> impl Iterator<Item = (UserId, &BTreeSet<OpId>)> {
        let approvals = self.approvals.get(&office).into_iter().flatten();
        approvals
            .filter(move |(op, (of, _))| {
                of.is_none_or(|of| of == round) && !self.withdrawn.contains(op)
            })
            .filter_map(|(op, (_, seen))| Some((self.facts.get(op)?.author, seen)))
    }

    /// The contents that have arrived under the id of a photo.
    pub(super) fn arrived(&self, photo: PhotoId) -> impl Iterator<Item = Hash> {
        self.verified.get(&photo).into_iter().flatten().copied()
    }

    /// Whether a promised photo has arrived with the promised bytes.
    pub(super) fn is_verified(&self, promise: &Promise) -> bool {
        self.verified
            .get(&promise.photo)
            .is_some_and(|hashes| promise.sha256.is_none_or(|promised| hashes.contains(&promised)))
    }

    /// Where the mandatory photo of a visit is. One that the desk has waived is due from nobody.
    pub(super) fn evidence(&self, visit: &Visit) -> Evidence {
        let is_waived = |promise: &Promise| {
            self.standing(self.photographs.waivers(promise.photo)).next().is_some()
        };
        if visit.mandatory.is_empty() {
            Evidence::NotDue
        } else if visit.mandatory.iter().any(|promise| self.is_verified(promise)) {
            Evidence::Verified
        } else if visit.mandatory.iter().any(is_waived) {
            Evidence::NotDue
        } else {
            Evidence::Pending
        }
    }

    /// Whether an op is taken back.
    pub(super) fn is_withdrawn(&self, op: OpId) -> bool {
        self.withdrawn.contains(&op)
    }

    pub(super) fn is_accepted(&self, round: RoundId) -> bool {
        let of_round = (round, OpId(Uuid::nil()))..=(round, OpId(Uuid::max()));
        self.accepted.range(of_round).any(|(_, op)| !self.withdrawn.contains(op))
    }

    pub(super) fn floor_confirmations(&self, of: impl Fn(FloorId) -> bool) -> Vec<&BTreeSet<OpId>> {
        let standing = self.confirmations.iter().filter(|(op, _)| !self.withdrawn.contains(op));
        standing.filter(|(_, (floor, _))| of(*floor)).map(|(_, (_, seen))| seen).collect()
    }

    /// Once registered, a building stays: its entity is on phones.
    pub(super) fn is_registered(&self) -> bool {
        !self.registrations.is_empty()
    }

    /// The attributes of the building as they were registered.
    pub(super) fn attributes(&self) -> Field<&Map<String, Value>> {
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
        let killed: BTreeSet<OpId> = facts
            .filter(|fact| !self.withdrawn.contains(&fact.op))
            .flat_map(|fact| &fact.seen)
            .copied()
            .collect();
        Field::of(writes.collect(), |op| killed.contains(&op) || self.withdrawn.contains(&op))
    }
}
