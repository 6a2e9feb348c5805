//! The writer: the one place where ops become state.
//!
//! A task of its own takes what is waiting, commits many pushes together (group commit), and keeps
//! the buildings it works on folded in memory. A phone that hangs up cannot cancel a commit. The
//! feed numbers are taken by the last statement: if another writer moved a head since it was read,
//! nothing is committed, and the batch is merged again on what that writer left.

use super::batch::{Batch, rows_of};
use super::fold::{Cache, differences};
use crate::error::{Error, Result};
use crate::store::{HeadMove, Store};
use saolou_protocol::building::Building;
use saolou_protocol::fact::Fact;
use saolou_protocol::issue::Issues;
use saolou_protocol::op::Op;
use saolou_protocol::time::Stamp;
use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use tokio::sync::{broadcast, mpsc, oneshot};
use uuid::Uuid;

/// Pushes that wait for the writer; more are told to come back.
const WAITING_MAX: usize = 256;
/// Ops that one commit takes at most, unless a single push has more.
const OPS_PER_COMMIT_MAX: usize = 2_000;
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

fn to_u64(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "a metric")]
fn to_f64(len: usize) -> f64 {
    len as f64
}
