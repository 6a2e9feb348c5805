//! One commit: which ops of a batch are new, what they make of their buildings, what is answered.
//!
//! Pure: [`Plan::of`] takes what the store knows, [`Plan::merge`] folds the new facts in and gives
//! everything that one transaction has to write. Nothing here depends on which ops share a batch.

use super::Head;
use super::push::{Judged, Verdict};
use crate::building::answer::{Answer, AnswerStatus};
use crate::building::{Binding, Building, Entity, LICENCE_SEEN_ELSEWHERE, LicencesMoved};
use crate::canonical::Hash;
use crate::digest::Digest;
use crate::fact::Fact;
use crate::ids::{BuildingId, OpId, PhotoId, UserId};
use crate::zoo::{Defect, is_planted};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use uuid::Uuid;

/// The reason of an op that carries the id of another one.
pub const OP_ID_REUSE: &str = "op_id_reuse";

/// What the store knows that a batch depends on.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Accepted ops among those of the batch: hash and first answer.
    pub accepted: HashMap<OpId, (Hash, Vec<u8>)>,
    /// Ops of the batch that are in quarantine, each as somebody sent it: the first answer.
    pub quarantined: HashMap<(OpId, Hash, UserId), Vec<u8>>,
    /// Heads of the buckets that ops of the batch name.
    pub heads: BTreeMap<BuildingId, Head>,
}

/// A batch, sorted into what is new and what is not.
#[derive(Debug)]
pub struct Plan<'a> {
    ops: &'a [&'a Judged],
    known: Known,
    merged: Vec<&'a Judged>,
    quarantined: Vec<(&'a Judged, &'static str)>,
    elsewhere: BTreeSet<OpId>,
}

/// What one transaction writes, and what it answers once that is durable.
#[derive(Debug, Default)]
pub struct Commit<'a> {
    /// Ops that are accepted, each with its answer.
    pub accepted: Vec<(&'a Judged, Vec<u8>)>,
    /// Ops that go to quarantine, each with the reason and its answer.
    pub quarantined: Vec<(&'a Judged, &'static str, Vec<u8>)>,
    /// Accepted ops that somebody else had sent before: what waits of them in quarantine is settled.
    pub settled: Vec<OpId>,
    /// Buckets that change.
    pub moves: Vec<Move>,
    /// One for each op of the batch, in its order.
    pub outcomes: Vec<Outcome>,
}

/// A bucket that changes.
#[derive(Clone, Debug)]
pub struct Move {
    /// The bucket.
    pub bucket: BuildingId,
    /// Its head, as it must still be.
    pub from: Head,
    /// Its head afterwards, always further on.
    pub to: Head,
    /// Rows that change, numbered upwards from `from.seq + 1`.
    pub entities: Vec<Entity>,
    /// Licences that are found at work there now, or no more.
    pub licences: LicencesMoved,
    /// Photos whose record and whose bytes are both here now.
    pub bound: Vec<Binding>,
    /// Photos of which it was said anew whether they show an identity document, and whether they do.
    pub restricted: BTreeMap<PhotoId, bool>,
}

/// What became of an op.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The answer, as stored.
    pub answer: Vec<u8>,
    /// Its op id, where it was known already.
    pub duplicate: Option<OpId>,
}

impl<'a> Plan<'a> {
    /// Sorts a batch.
    #[must_use]
    pub fn of(ops: &'a [&'a Judged], known: Known) -> Self {
        let (mut merged, mut quarantined) = (Vec::new(), Vec::new());
        let mut first: HashMap<OpId, Hash> = HashMap::new();
        let mut kept: HashSet<(OpId, Hash, UserId)> = HashSet::new();
        for judged in ops.iter().copied() {
            let id = judged.op.op_id;
            let (key, is_thiefs) = (kept_as(judged), is_planted(Defect::ThiefBlocksAuthor));
            let waits = known.quarantined.contains_key(&key)
                || is_thiefs
                    && known.quarantined.keys().any(|(op, hash, _)| (*op, *hash) == (key.0, key.1));
            if waits {
                continue;
            }
            let before = known.accepted.get(&id).map(|(hash, _)| *hash);
            let reason = match (&judged.verdict, before.or_else(|| first.get(&id).copied())) {
                (Verdict::Merge(_), Some(hash)) if makes_anew(judged, hash) => {
                    merged.push(judged);
                    continue;
                }
                (_, Some(hash)) if hash == judged.op.hash => continue,
                (Verdict::Quarantine(reason), _) => reason,
                (Verdict::Merge(_), Some(_)) => OP_ID_REUSE,
                (Verdict::Merge(_), None) => {
                    first.insert(id, judged.op.hash);
                    merged.push(judged);
                    continue;
                }
            };
            if kept.insert(kept_as(judged)) {
                quarantined.push((judged, reason));
            }
        }
        Self { ops, known, merged, quarantined, elsewhere: BTreeSet::new() }
    }

    /// The buckets that new facts go to, with their streets.
    #[must_use]
    pub fn buckets(&self) -> BTreeMap<BuildingId, Uuid> {
        self.merged.iter().map(|judged| (judged.op.bucket, judged.street)).collect()
    }

    /// The heads of these buckets, where there are some.
    #[must_use]
    pub fn heads(&self) -> BTreeMap<BuildingId, Head> {
        let heads = self.merged.iter().map(|judged| judged.op.bucket);
        heads.filter_map(|bucket| Some((bucket, *self.known.heads.get(&bucket)?))).collect()
    }

    /// Says of which ops the licence is known in another building of the street, so that their
    /// answers can.
    pub fn found_elsewhere(&mut self, ops: BTreeSet<OpId>) {
        self.elsewhere = ops;
    }

    /// Folds the new facts into their buildings and words the answers. `buildings` holds every one
    /// of [`Plan::buckets`], as its head says it is.
    #[must_use]
    pub fn merge(self, buildings: &mut HashMap<BuildingId, Building>) -> Commit<'a> {
        let mut facts: BTreeMap<BuildingId, Vec<Fact>> = BTreeMap::new();
        for judged in &self.merged {
            if let Verdict::Merge(fact) = &judged.verdict {
                facts.entry(judged.op.bucket).or_default().push(Fact::clone(fact));
            }
        }
        let streets = self.buckets();
        let moves = facts.into_iter().filter_map(|(bucket, facts)| {
            let building = buildings.get_mut(&bucket)?;
            let new = Head { street: streets[&bucket], seq: 0, digest: Digest::default() };
            let from = self.known.heads.get(&bucket).copied().unwrap_or(new);
            let ops: Vec<OpId> = facts.iter().map(|fact| fact.op).collect();
            let entities = building.apply(facts);
            // The head moves also where nothing that is served changes: whoever keeps the building
            // folded, or is merging into it, must see that there are facts he does not have.
            let numbers = entities.len().max(1);
            let seq = from.seq + i64::try_from(numbers).unwrap_or(i64::MAX);
            let to = Head { seq, digest: building.digest(), ..from };
            let restricted = ops.iter().flat_map(|op| building.restricted_by(*op)).collect();
            let bound: BTreeSet<Binding> =
                ops.into_iter().flat_map(|op| building.bound_by(op)).collect();
            let (licences, bound) = (building.licences_moved(), bound.into_iter().collect());
            Some(Move { bucket, from, to, entities, licences, bound, restricted })
        });
        let mut commit = Commit { moves: moves.collect(), ..Commit::default() };
        for judged in &self.merged {
            let op = judged.op.op_id;
            let answer = match buildings.get(&judged.op.bucket) {
                Some(building) => {
                    let mut issues = judged.issues.clone();
                    let seen =
                        self.elsewhere.contains(&op) && building.licence_found_by(op).is_some();
                    issues.add_if(seen, LICENCE_SEEN_ELSEWHERE);
                    building.answer(op, issues)
                }
                None => Answer::plain(Some(op), AnswerStatus::Retry, "busy"),
            };
            commit.accepted.push((judged, answer.bytes()));
        }
        for (judged, reason) in &self.quarantined {
            let id = Some(judged.op.op_id);
            let answer = Answer::plain(id, AnswerStatus::Quarantined, reason);
            commit.quarantined.push((judged, reason, answer.bytes()));
        }
        commit.settled = self.settled();
        commit.outcomes = self.outcomes(&commit);
        commit
    }

    fn settled(&self) -> Vec<OpId> {
        let waiting: BTreeSet<OpId> = self.known.quarantined.keys().map(|(op, _, _)| *op).collect();
        let merged = self.merged.iter().map(|judged| judged.op.op_id);
        merged.filter(|op| waiting.contains(op)).collect()
    }

    fn outcomes(&self, commit: &Commit<'a>) -> Vec<Outcome> {
        let accepted: HashMap<(OpId, Hash), &Vec<u8>> =
            commit.accepted.iter().map(|(j, answer)| ((j.op.op_id, j.op.hash), answer)).collect();
        let quarantined: HashMap<_, &Vec<u8>> =
            commit.quarantined.iter().map(|(j, _, answer)| (kept_as(j), answer)).collect();
        let mut told = HashSet::new();
        let outcome = |judged: &&Judged| {
            let (id, hash) = (judged.op.op_id, judged.op.hash);
            // What was in quarantine when this sender was first answered may be accepted by now: he
            // hears the same again.
            let (known, key) = (&self.known.quarantined, kept_as(judged));
            let thiefs = || {
                let mut known = known.iter();
                known.find(|((op, hash, _), _)| (*op, *hash) == (key.0, key.1))
            };
            let thiefs = || thiefs().filter(|_| is_planted(Defect::ThiefBlocksAuthor));
            let known =
                known.get(&key).or_else(|| thiefs().map(|(_, answer)| answer)).or_else(|| {
                    let known = self.known.accepted.get(&id);
                    known.filter(|(known, _)| *known == hash).map(|(_, answer)| answer)
                });
            if known.is_some() && is_planted(Defect::AnsweredAnew) {
                let answer = Answer::plain(Some(id), AnswerStatus::Applied, "known");
                return Outcome { answer: answer.bytes(), duplicate: Some(id) };
            }
            if let Some(answer) = known {
                return Outcome { answer: answer.clone(), duplicate: Some(id) };
            }
            if is_planted(Defect::BadOpDelays) && !self.quarantined.is_empty() {
                let answer = Answer::plain(Some(id), AnswerStatus::Retry, "busy");
                return Outcome { answer: answer.bytes(), duplicate: None };
            }
            let repeated = !told.insert(kept_as(judged));
            let answer = accepted
                .get(&(id, hash))
                .or_else(|| quarantined.get(&kept_as(judged)))
                .expect("what is not known is accepted or goes to quarantine");
            Outcome { answer: (*answer).clone(), duplicate: repeated.then_some(id) }
        };
        self.ops.iter().map(outcome).collect()
    }
}

/// Whether an op that is known already is stored once more: never, but for planted defects.
fn makes_anew(judged: &Judged, known: Hash) -> bool {
    if known == judged.op.hash {
        is_planted(Defect::DatedAnew)
    } else {
        is_planted(Defect::ReuseReplaces)
    }
}

/// Under what an op is kept in quarantine: what somebody else sent must not answer for its author.
fn kept_as(judged: &Judged) -> (OpId, Hash, UserId) {
    (judged.op.op_id, judged.op.hash, judged.sender)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::push::{Standing, read};
    use crate::op::Op;
    use serde_json::{Value, json};

    #[test]
    fn an_op_that_changes_nothing_to_see_moves_the_head() {
        let bucket = BuildingId(Uuid::from_u128(7));
        let content = json!({
            "op_id": Uuid::from_u128(1), "device": Uuid::from_u128(2), "n": 1,
            "author": Uuid::from_u128(3), "kind": "hologram", "schema": "hologram/7",
            "subject": { "type": "hologram", "id": Uuid::from_u128(4) }, "bucket": bucket,
            "captured": { "wall_ms": 1_795_392_000_000_i64, "utc_offset_min": 480 },
            "seen": [], "body": { "of": "a later version" },
        });
        let Value::Object(content) = content else { unreachable!("it is an object") };
        let (_, sent) = Op::seal(content).expect("an op");
        let sent = String::from_utf8(sent).expect("JSON is UTF-8");
        let read = read(&sent, None, 1_795_392_000_000).expect("an op");
        let street = Uuid::from_u128(5);
        let standing = Standing {
            sender: UserId(Uuid::from_u128(3)),
            streets: BTreeSet::from([street]),
            home: street,
            reached: BTreeSet::from([bucket]),
            ..Standing::default()
        };
        let judged = standing.judge(read, |_| true);
        let from = Head { street, seq: 9, digest: Digest::default() };
        let known = Known { heads: BTreeMap::from([(bucket, from)]), ..Known::default() };
        let ops = [&judged];
        let mut buildings = HashMap::from([(bucket, Building::new(bucket, Vec::new()))]);
        let commit = Plan::of(&ops, known).merge(&mut buildings);
        let heads: Vec<(i64, usize)> =
            commit.moves.iter().map(|change| (change.to.seq, change.entities.len())).collect();
        assert_eq!(heads, [(10, 0)]);
    }
}
