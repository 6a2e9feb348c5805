//! The writer: the one place where ops become state.
//!
//! A task of its own takes what is waiting, commits many pushes together (group commit), and keeps
//! the buildings it works on folded in memory. A phone that hangs up cannot cancel a commit. The
//! feed numbers are taken by the last statement: if another writer moved a head since it was read,
//! nothing is committed, and the batch is merged again on what that writer left.

use super::sync::answer_bytes;
use crate::error::{Error, Result};
use crate::store::{EntityRow, Head, HeadMove, OpRow, RejectedOp, Store, Tx};
use saolou_protocol::building::answer::{Answer, AnswerStatus};
use saolou_protocol::building::{Building, Entity, RoundWindow};
use saolou_protocol::canonical::Hash;
use saolou_protocol::fact::Fact;
use saolou_protocol::ids::{BuildingId, RoundId};
use saolou_protocol::issue::Issues;
use saolou_protocol::op::Op;
use saolou_protocol::time::{Stamp, TimeQuality};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::panic::AssertUnwindSafe;
use tokio::sync::{broadcast, mpsc, oneshot};
use uuid::Uuid;

/// Pushes that wait for the writer; more are told to come back.
const WAITING_MAX: usize = 256;
/// Ops that one commit takes at most, unless a single push has more.
const OPS_PER_COMMIT_MAX: usize = 2_000;
/// Facts that are kept folded in memory, over all buildings: about 500 bytes each.
const FACTS_CACHED_MAX: usize = 120_000;
/// How often a batch is merged again because another writer was faster.
const ATTEMPTS_MAX: usize = 8;
/// Doorbells that a slow listener may fall behind.
const DOORBELLS_MAX: usize = 1024;

/// An op that was read and judged.
pub(crate) struct Judged {
    pub(crate) op: Op,
    pub(crate) stamp: Stamp,
    pub(crate) street: Uuid,
    pub(crate) issues: Issues,
    pub(crate) verdict: Verdict,
}

/// What the writer does with an op.
pub(crate) enum Verdict {
    /// Merge what it says.
    Merge(Box<Fact>),
    /// Store it for the desk, with this reason.
    Quarantine(&'static str),
}

/// What became of an op.
#[derive(Clone)]
pub(crate) struct Outcome {
    /// The answer, as stored.
    pub(crate) answer: Vec<u8>,
    /// Its op id, where it was known already.
    pub(crate) duplicate: Option<Uuid>,
}

/// A head that moved: something to read in this bucket.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Doorbell {
    pub(crate) building: Uuid,
    pub(crate) seq: i64,
}

/// The way to the writer.
#[derive(Clone)]
pub(crate) struct Writer {
    commands: mpsc::Sender<Command>,
    doorbells: broadcast::Sender<Doorbell>,
}

enum Command {
    Push { ops: Vec<Judged>, reply: oneshot::Sender<Result<Vec<Outcome>>> },
    Rederive { street: Uuid, reply: oneshot::Sender<Result<()>> },
}

impl Writer {
    /// Starts the writer. It ends when all handles to it are gone and what waits is done.
    pub(crate) fn start(store: Store) -> (Self, tokio::task::JoinHandle<()>) {
        let (commands, waiting) = mpsc::channel(WAITING_MAX);
        let (doorbells, _) = broadcast::channel(DOORBELLS_MAX);
        let work = Work { store, cache: Cache::default(), doorbells: doorbells.clone() };
        let task = tokio::spawn(work.run(waiting));
        (Self { commands, doorbells }, task)
    }

    /// Stores and merges ops; the outcomes are durable when this returns, in the order of the ops.
    pub(crate) async fn push(&self, ops: Vec<Judged>) -> Result<Vec<Outcome>> {
        if ops.is_empty() {
            return Ok(Vec::new());
        }
        self.ask(|reply| Command::Push { ops, reply }).await
    }

    /// Derives all buildings of a street anew, after its rounds have changed.
    pub(crate) async fn rederive(&self, street: Uuid) -> Result<()> {
        self.ask(|reply| Command::Rederive { street, reply }).await
    }

    async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<T>>) -> Command,
    ) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        self.commands.try_send(command(reply)).map_err(|_| Error::Overloaded)?;
        answer.await.map_err(|_| Error::Internal("the writer dropped a request".into()))?
    }

    /// Listens for heads that move.
    pub(crate) fn doorbells(&self) -> broadcast::Receiver<Doorbell> {
        self.doorbells.subscribe()
    }
}

/// Why a commit failed.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// Merging panicked: a defect in a rule, met by some op.
    #[error("merging failed")]
    Merge,
    /// Anything else.
    #[error(transparent)]
    Error(#[from] Error),
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::Error(error.into())
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Merge => Self::Internal("merging failed".into()),
            Failure::Error(error) => error,
        }
    }
}

struct Work {
    store: Store,
    cache: Cache,
    doorbells: broadcast::Sender<Doorbell>,
}

type Waiting = (Vec<Judged>, oneshot::Sender<Result<Vec<Outcome>>>);

impl Work {
    async fn run(mut self, mut waiting: mpsc::Receiver<Command>) {
        let mut held = None;
        loop {
            let Some(command) = (match held.take() {
                Some(command) => Some(command),
                None => waiting.recv().await,
            }) else {
                return;
            };
            match command {
                Command::Rederive { street, reply } => {
                    drop(reply.send(self.rederive(street).await));
                }
                Command::Push { ops, reply } => {
                    let mut len = ops.len();
                    let mut batch = vec![(ops, reply)];
                    while len < OPS_PER_COMMIT_MAX {
                        match waiting.try_recv() {
                            Ok(Command::Push { ops, reply }) => {
                                len += ops.len();
                                batch.push((ops, reply));
                            }
                            Ok(other) => {
                                held = Some(other);
                                break;
                            }
                            Err(_) => break,
                        }
                    }
                    self.commit_all(batch).await;
                }
            }
        }
    }

    /// Commits a batch; where that fails, each push by itself, so that one cannot fail the others.
    async fn commit_all(&mut self, batch: Vec<Waiting>) {
        metrics::histogram!("saolou_commit_pushes").record(to_f64(batch.len()));
        let ops: Vec<&Judged> = batch.iter().flat_map(|(ops, _)| ops).collect();
        match self.commit(&ops).await {
            Ok(mut outcomes) => {
                for (ops, reply) in batch {
                    let rest = outcomes.split_off(ops.len());
                    drop(reply.send(Ok(std::mem::replace(&mut outcomes, rest))));
                }
            }
            Err(failure) => {
                let pushes = batch.len();
                tracing::warn!(%failure, pushes, "a group commit failed, trying one by one");
                for (ops, reply) in batch {
                    drop(reply.send(self.commit_alone(ops).await));
                }
            }
        }
    }

    /// Commits one push; where merging it fails, op by op, and what cannot be merged by itself goes
    /// to quarantine: it is stored, and delays nothing.
    async fn commit_alone(&mut self, ops: Vec<Judged>) -> Result<Vec<Outcome>> {
        match self.commit(&ops.iter().collect::<Vec<_>>()).await {
            Ok(outcomes) => return Ok(outcomes),
            Err(Failure::Error(error)) => return Err(error),
            Err(Failure::Merge) => {}
        }
        let mut outcomes = Vec::with_capacity(ops.len());
        for mut judged in ops {
            let outcome = match self.commit(&[&judged]).await {
                Err(Failure::Merge) => {
                    tracing::error!(op_id = %judged.op.op_id, "an op could not be merged");
                    judged.verdict = Verdict::Quarantine("merge_failed");
                    self.commit(&[&judged]).await
                }
                committed => committed,
            };
            outcomes.extend(outcome.map_err(Error::from)?);
        }
        Ok(outcomes)
    }

    async fn commit(&mut self, ops: &[&Judged]) -> std::result::Result<Vec<Outcome>, Failure> {
        for _ in 0..ATTEMPTS_MAX {
            let mut tx = self.store.write().await?;
            let mut batch = Batch::read(&mut tx, ops).await?;
            let mut buildings = self.cache.take(&mut tx, &batch.heads).await?;
            // A defect in a rule must not end the writer for everybody. What it was working on is
            // forgotten and folded anew from the ops.
            let merging = AssertUnwindSafe(|| batch.merge(&mut buildings));
            std::panic::catch_unwind(merging).map_err(|_| Failure::Merge)?;
            if batch.write(&mut tx).await? {
                tx.commit().await?;
                self.keep(&batch, buildings);
                return Ok(batch.outcomes());
            }
            metrics::counter!("saolou_commit_races_total").increment(1);
        }
        Err(Error::Overloaded.into())
    }

    /// After a commit: keeps the folded buildings for the next one, and rings the doorbells.
    fn keep(&mut self, batch: &Batch<'_>, mut buildings: HashMap<Uuid, Building>) {
        metrics::counter!("saolou_ops_total").increment(to_u64(batch.fresh.len()));
        for head in batch.moves() {
            let Some(building) = buildings.remove(&head.building) else { continue };
            self.cache.put(head.building, head.to_seq, building);
            let bell = Doorbell { building: head.building, seq: head.to_seq };
            // Nobody listening is no failure: the next pull sees it.
            drop(self.doorbells.send(bell));
        }
    }

    async fn rederive(&mut self, street: Uuid) -> Result<()> {
        let heads = self.store.read().await?.buckets(Some(street)).await?;
        for head in heads {
            self.cache.forget(head.building_id);
            for _ in 0..ATTEMPTS_MAX {
                if self.rederive_one(head.building_id).await? {
                    break;
                }
            }
        }
        Ok(())
    }

    async fn rederive_one(&self, building: Uuid) -> Result<bool> {
        let mut tx = self.store.write().await?;
        let Some(head) = tx.head(building).await? else { return Ok(true) };
        let changed = differences(&mut tx, &head).await?;
        if changed.is_empty() {
            return Ok(true);
        }
        let (rows, to_seq) = rows_of(&head, changed);
        tx.put_entities(&rows).await?;
        let moved = HeadMove { building, from_seq: head.seq, to_seq };
        if tx.move_heads(&[moved]).await? == 0 {
            return Ok(false);
        }
        tx.commit().await?;
        drop(self.doorbells.send(Doorbell { building, seq: to_seq }));
        Ok(true)
    }
}

/// The entities of a building that differ from what its ops say, as they should be.
pub(crate) async fn differences(tx: &mut Tx, head: &Head) -> Result<Vec<Entity>> {
    let (_, entities) = fold(tx, head).await?;
    let stored = tx.entities(head.street_id, head.building_id).await?;
    let stored: HashMap<(&str, Uuid), &[u8]> = stored
        .iter()
        .map(|row| ((row.kind.as_str(), row.entity_id), row.body.as_slice()))
        .collect();
    let differs = |entity: &Entity| {
        stored.get(&(entity.kind.code(), entity.id)).is_none_or(|body| *body != entity.body)
    };
    Ok(entities.into_iter().filter(differs).collect())
}

/// Folds all accepted ops of a building.
pub(crate) async fn fold(tx: &mut Tx, head: &Head) -> Result<(Building, Vec<Entity>)> {
    let rounds = rounds(tx, head.street_id).await?;
    let rows = tx.accepted_ops(head.street_id, head.building_id).await?;
    let mut facts = Vec::with_capacity(rows.len());
    for row in rows {
        let unreadable = |what: &str| Error::Internal(format!("a stored op is unreadable: {what}"));
        let hash = row.hash.try_into().map(Hash).map_err(|_| unreadable("hash"))?;
        let op = Op::restore(row.content, hash).map_err(|refusal| unreadable(&refusal.detail))?;
        let quality = TimeQuality::parse(&row.quality).ok_or_else(|| unreadable("quality"))?;
        let stamp = Stamp { corrected_ms: row.corrected_ms, received_ms: row.received_ms, quality };
        facts.push(Fact::read(&op, stamp).0);
    }
    let mut building = Building::new(BuildingId(head.building_id), rounds);
    let entities = building.apply(facts);
    Ok((building, entities))
}

/// The rounds of a street that coverage is derived for: all that were published.
async fn rounds(tx: &mut Tx, street: Uuid) -> Result<Vec<RoundWindow>> {
    let rounds = tx.rounds(street).await?.into_iter().filter(|round| round.status != "draft");
    let window = |round: crate::store::RoundRow| RoundWindow {
        round: RoundId(round.round_id),
        from_ms: round.from_ms,
        until_ms: round.until_ms,
    };
    Ok(rounds.map(window).collect())
}

fn rows_of(head: &Head, entities: Vec<Entity>) -> (Vec<EntityRow>, i64) {
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

/// Folded buildings, each valid for one number of its head.
#[derive(Default)]
struct Cache {
    buildings: HashMap<Uuid, Cached>,
    facts_len: usize,
    turn: u64,
}

struct Cached {
    seq: i64,
    used: u64,
    building: Building,
}

impl Cache {
    /// Takes the buildings of these heads out of the cache, folding those that are not there or
    /// that another writer has moved on.
    async fn take(
        &mut self,
        tx: &mut Tx,
        heads: &BTreeMap<Uuid, Head>,
    ) -> Result<HashMap<Uuid, Building>> {
        let mut taken = HashMap::new();
        let mut rounds_of: HashMap<Uuid, Vec<RoundWindow>> = HashMap::new();
        for head in heads.values() {
            if let std::collections::hash_map::Entry::Vacant(entry) =
                rounds_of.entry(head.street_id)
            {
                entry.insert(rounds(tx, head.street_id).await?);
            }
            let cached = self.forget(head.building_id).filter(|cached| {
                cached.seq == head.seq && cached.building.rounds() == rounds_of[&head.street_id]
            });
            let building = match cached {
                Some(cached) => cached.building,
                None => fold(tx, head).await?.0,
            };
            taken.insert(head.building_id, building);
        }
        Ok(taken)
    }

    fn put(&mut self, id: Uuid, seq: i64, building: Building) {
        self.turn += 1;
        self.facts_len += building.facts_len();
        self.buildings.insert(id, Cached { seq, used: self.turn, building });
        while self.facts_len > FACTS_CACHED_MAX && self.buildings.len() > 1 {
            let oldest = self.buildings.iter().min_by_key(|(_, cached)| cached.used);
            let Some(oldest) = oldest.map(|(id, _)| *id) else { return };
            self.forget(oldest);
        }
    }

    fn forget(&mut self, id: Uuid) -> Option<Cached> {
        let cached = self.buildings.remove(&id)?;
        self.facts_len -= cached.building.facts_len();
        Some(cached)
    }
}

/// One commit: the ops of a batch, and what is read and written for them.
struct Batch<'a> {
    ops: &'a [&'a Judged],
    /// Answers of ops that were known before, by op id.
    known: HashMap<Uuid, (Vec<u8>, Vec<u8>)>,
    /// The ops that are new, each once, in the order they came.
    fresh: Vec<&'a Judged>,
    /// Ops that carry the id of another op.
    reused: Vec<&'a Judged>,
    heads: BTreeMap<Uuid, Head>,
    answers: HashMap<Uuid, Vec<u8>>,
    entities: Vec<EntityRow>,
    to_seq: BTreeMap<Uuid, i64>,
}

impl<'a> Batch<'a> {
    async fn read(tx: &mut Tx, ops: &'a [&'a Judged]) -> Result<Self> {
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
    fn merge(&mut self, buildings: &mut HashMap<Uuid, Building>) {
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
    async fn write(&self, tx: &mut Tx) -> Result<bool> {
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

    fn moves(&self) -> Vec<HeadMove> {
        let moved = self.to_seq.iter().map(|(building, to_seq)| HeadMove {
            building: *building,
            from_seq: self.heads[building].seq,
            to_seq: *to_seq,
        });
        moved.collect()
    }

    fn outcomes(&self) -> Vec<Outcome> {
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

fn to_u64(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "a metric")]
fn to_f64(len: usize) -> f64 {
    len as f64
}
