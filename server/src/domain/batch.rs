//! One commit: the ops of a batch, and what is read and written for them.

use super::sync::answer_bytes;
use super::writer::{Judged, Outcome, Verdict};
use crate::error::Result;
use crate::store::{EntityRow, Head, HeadMove, OpRow, RejectedOp, Tx};
use saolou_protocol::building::answer::{Answer, AnswerStatus};
use saolou_protocol::building::{Building, Entity};
use saolou_protocol::fact::Fact;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use uuid::Uuid;

/// One commit: the ops of a batch, and what is read and written for them.
pub(super) struct Batch<'a> {
    ops: &'a [&'a Judged],
    /// Answers of ops that were known before, by op id.
    known: HashMap<Uuid, (Vec<u8>, Vec<u8>)>,
    /// The ops that are new, each once, in the order they came.
    pub(super) fresh: Vec<&'a Judged>,
    /// Ops that carry the id of another op.
    reused: Vec<&'a Judged>,
    pub(super) heads: BTreeMap<Uuid, Head>,
    answers: HashMap<Uuid, Vec<u8>>,
    entities: Vec<EntityRow>,
    to_seq: BTreeMap<Uuid, i64>,
}

impl<'a> Batch<'a> {
    pub(super) async fn read(tx: &mut Tx, ops: &'a [&'a Judged]) -> Result<Self> {
        let mut by_street: BTreeMap<Uuid, Vec<Uuid>> = BTreeMap::new();
        let mut ids = HashSet::new();
        let fresh: Vec<&Judged> =
            ops.iter().copied().filter(|judged| ids.insert(judged.op.op_id)).collect();
        for judged in &fresh {
            by_street.entry(judged.street).or_default().push(judged.op.op_id.0);
        }
        let mut known = HashMap::new();
        for (street, ids) in by_street {
            for row in tx.known_ops(street, &ids).await? {
                known.insert(row.op_id, (row.hash, row.answer));
            }
        }
        let fresh: Vec<&Judged> =
            fresh.into_iter().filter(|judged| !known.contains_key(&judged.op.op_id.0)).collect();
        let first: HashMap<_, _> =
            fresh.iter().map(|first| (first.op.op_id, first.op.hash)).collect();
        let is_reused = |judged: &&&Judged| match known.get(&judged.op.op_id.0) {
            Some((hash, _)) => *hash != judged.op.hash.0,
            None => first[&judged.op.op_id] != judged.op.hash,
        };
        let reused = ops.iter().filter(is_reused).copied().collect();
        let buckets: BTreeMap<Uuid, Uuid> = fresh
            .iter()
            .filter(|judged| matches!(judged.verdict, Verdict::Merge(_)))
            .map(|judged| (judged.op.bucket.0, judged.street))
            .collect();
        let ids: Vec<Uuid> = buckets.keys().copied().collect();
        let mut heads = tx.heads(&ids).await?;
        let there: BTreeSet<Uuid> = heads.iter().map(|head| head.building_id).collect();
        for (building, street) in buckets.iter().filter(|(id, _)| !there.contains(id)) {
            tx.open_bucket(*building, *street).await?;
            heads.extend(tx.head(*building).await?);
        }
        let heads = heads.into_iter().map(|head| (head.building_id, head)).collect();
        let (answers, entities, to_seq) = (HashMap::new(), Vec::new(), BTreeMap::new());
        Ok(Self { ops, known, fresh, reused, heads, answers, entities, to_seq })
    }

    /// The pure part: folds the new facts in, and words the answers.
    pub(super) fn merge(&mut self, buildings: &mut HashMap<Uuid, Building>) {
        let mut facts: BTreeMap<Uuid, Vec<Fact>> = BTreeMap::new();
        for judged in &self.fresh {
            if let Verdict::Merge(fact) = &judged.verdict {
                facts.entry(judged.op.bucket.0).or_default().push(Fact::clone(fact));
            }
        }
        for (id, facts) in facts {
            let (Some(building), Some(head)) = (buildings.get_mut(&id), self.heads.get(&id)) else {
                continue;
            };
            let (rows, to_seq) = rows_of(head, building.apply(facts));
            self.entities.extend(rows);
            self.to_seq.insert(id, to_seq);
        }
        for judged in &self.fresh {
            let op = judged.op.op_id;
            let answer = match (&judged.verdict, buildings.get(&judged.op.bucket.0)) {
                (Verdict::Merge(_), Some(building)) => building.answer(op, judged.issues.clone()),
                (Verdict::Quarantine(reason), _) => {
                    Answer::plain(Some(op), AnswerStatus::Quarantined, reason)
                }
                (Verdict::Merge(_), None) => Answer::plain(Some(op), AnswerStatus::Retry, "busy"),
            };
            self.answers.insert(op.0, answer_bytes(&answer));
        }
    }

    /// Writes all of it, the heads last. `false` means that another writer was faster.
    pub(super) async fn write(&self, tx: &mut Tx) -> Result<bool> {
        let rows: Vec<OpRow<'_>> = self.fresh.iter().map(|judged| self.row(judged)).collect();
        tx.put_ops(&rows).await?;
        tx.put_entities(&self.entities).await?;
        for judged in &self.reused {
            tx.put_rejected(&rejected(judged)).await?;
        }
        let moves = self.moves();
        Ok(tx.move_heads(&moves).await? == to_u64(moves.len()))
    }

    fn row(&self, judged: &'a Judged) -> OpRow<'_> {
        let Judged { op, stamp, street, verdict, .. } = judged;
        OpRow {
            street: *street,
            op: op.op_id.0,
            building: op.bucket.0,
            device: op.device.0,
            n: i64::try_from(op.n).unwrap_or(i64::MAX),
            author: op.author.0,
            kind: &op.kind,
            state: match verdict {
                Verdict::Merge(_) => "accepted",
                Verdict::Quarantine(_) => "quarantined",
            },
            hash: &op.hash.0,
            content: &op.canonical,
            answer: &self.answers[&op.op_id.0],
            corrected_ms: stamp.corrected_ms,
            received_ms: stamp.received_ms,
            quality: stamp.quality.code(),
        }
    }

    pub(super) fn moves(&self) -> Vec<HeadMove> {
        let moved = self.to_seq.iter().map(|(building, to_seq)| HeadMove {
            building: *building,
            from_seq: self.heads[building].seq,
            to_seq: *to_seq,
        });
        moved.collect()
    }

    pub(super) fn outcomes(&self) -> Vec<Outcome> {
        let reused: HashSet<_> = self.reused.iter().map(|j| (j.op.op_id, j.op.hash)).collect();
        let mut told = HashSet::new();
        let outcome = |judged: &&Judged| {
            let id = judged.op.op_id;
            if reused.contains(&(id, judged.op.hash)) {
                let answer = Answer::plain(Some(id), AnswerStatus::Quarantined, OP_ID_REUSE);
                return Outcome { answer: answer_bytes(&answer), duplicate: None };
            }
            let (answer, duplicate) = match self.known.get(&id.0) {
                Some((_, answer)) => (answer, true),
                None => (&self.answers[&id.0], !told.insert(id)),
            };
            Outcome { answer: answer.clone(), duplicate: duplicate.then_some(id.0) }
        };
        self.ops.iter().map(outcome).collect()
    }
}

const OP_ID_REUSE: &str = "op_id_reuse";

/// An op whose id is taken has no place among the ops; it is kept beside them, once.
fn rejected(judged: &Judged) -> RejectedOp<'_> {
    let Judged { op, stamp, .. } = judged;
    let mut id = [0; 16];
    id.copy_from_slice(&op.hash.0[..16]);
    RejectedOp {
        id: Uuid::from_bytes(id),
        user: op.author.0,
        device: op.device.0,
        received_ms: stamp.received_ms,
        reason: OP_ID_REUSE,
        sent: &op.canonical,
    }
}

/// The entities of a building as rows, numbered on from its head; and the number of the last.
pub(super) fn rows_of(head: &Head, entities: Vec<Entity>) -> (Vec<EntityRow>, i64) {
    let mut seq = head.seq;
    let rows = entities.into_iter().map(|entity| {
        seq += 1;
        EntityRow {
            street_id: head.street_id,
            building_id: head.building_id,
            kind: entity.kind.code().to_owned(),
            entity_id: entity.id,
            seq,
            body: entity.body,
        }
    });
    let rows: Vec<EntityRow> = rows.collect();
    (rows, seq)
}

fn to_u64(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
