//! The writer: the one place where ops become state.
//!
//! A task of its own takes what is waiting, commits many pushes together (group commit), and keeps
//! the buildings it works on folded in memory. A phone that hangs up cannot cancel a commit. The
//! feed numbers are taken by the last statement: if another writer moved a head since it was read,
//! nothing is committed, and the batch is merged again on what that writer left.

mod anew;

use super::batch;
use super::doorbells::Doorbells;
use super::fold::Cache;
use super::licences;
use super::photos::{self, Arrival};
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::store::bells::is_race;
use crate::store::{Seen, Store, Trouble};
use saolou_protocol::building::Building;
use saolou_protocol::engine::commit::{Commit, Outcome, Plan};
use saolou_protocol::engine::push::{Judged, Verdict};
use saolou_protocol::ids::{BuildingId, OpId};
use saolou_protocol::wire::Review;
use std::collections::{HashMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

/// Pushes that wait for the writer; more are told to come back.
const WAITING_MAX: usize = 256;
/// The longest that a phone is asked to wait, in milliseconds.
const BACKOFF_MS_MAX: u64 = 20_000;
/// Ops that one commit takes at most, unless a single push has more.
const OPS_PER_COMMIT_MAX: usize = 2_000;
/// How long one transaction may take. A database whose machine lost its power says nothing any more,
/// not even that it is gone, and must not hold up the writer for ever.
const TRANSACTION_MAX: Duration = Duration::from_secs(120);
/// How often a batch is merged again because another writer was faster.
const ATTEMPTS_MAX: usize = 8;
/// Devices that are remembered as noted; more than that, and all are noted again.
const DEVICES_REMEMBERED_MAX: usize = 20_000;

/// The way to the writer.
#[derive(Clone)]
pub(crate) struct Writer {
    commands: mpsc::Sender<Command>,
    doorbells: Doorbells,
}

/// What is committed together: ops, and the photos that some of them say are here.
#[derive(Debug, Default)]
pub(crate) struct Push {
    pub(crate) ops: Vec<Judged>,
    pub(crate) arrivals: Vec<Arrival>,
}

enum Command {
    Push { push: Push, reply: oneshot::Sender<Result<Vec<Outcome>>> },
    Rederive { street: Uuid, reply: oneshot::Sender<Result<()>> },
    Standing { ops: Vec<(BuildingId, OpId)>, reply: oneshot::Sender<Result<Vec<Review>>> },
}

impl Writer {
    /// Starts the writer. It ends when all handles to it are gone and what waits is done.
    pub(crate) fn start(store: Store, clock: Clock) -> (Self, tokio::task::JoinHandle<()>) {
        let (commands, waiting) = mpsc::channel(WAITING_MAX);
        let doorbells = Doorbells::new(&store);
        let (cache, seen) = (Cache::default(), HashSet::new());
        let changes = store.changes();
        let work = Work { store, clock, seen, cache, doorbells: doorbells.clone(), changes };
        let task = tokio::spawn(work.run(waiting));
        (Self { commands, doorbells }, task)
    }

    /// Stores and merges ops; the outcomes are durable when this returns, in the order of the ops.
    pub(crate) async fn push(&self, ops: Vec<Judged>) -> Result<Vec<Outcome>> {
        if ops.is_empty() {
            return Ok(Vec::new());
        }
        self.file(Push { ops, arrivals: Vec::new() }).await
    }

    /// Like [`Self::push`], with the photos that arrived.
    pub(crate) async fn file(&self, push: Push) -> Result<Vec<Outcome>> {
        self.ask(|reply| Command::Push { push, reply }).await
    }

    /// Derives all buildings of a street anew, after its rounds have changed.
    pub(crate) async fn rederive(&self, street: Uuid) -> Result<()> {
        self.ask(|reply| Command::Rederive { street, reply }).await
    }

    /// How accepted ops stand today: what waited when it was answered may have taken effect since.
    pub(crate) async fn standing(&self, ops: Vec<(BuildingId, OpId)>) -> Result<Vec<Review>> {
        if ops.is_empty() {
            return Ok(Vec::new());
        }
        self.ask(|reply| Command::Standing { ops, reply }).await
    }

    /// How long a phone should wait before its next sync, where pushes are queueing up.
    pub(crate) fn backoff_ms(&self) -> Option<u64> {
        let waiting = WAITING_MAX - self.commands.capacity();
        (waiting > WAITING_MAX / 2).then(|| BACKOFF_MS_MAX * waiting as u64 / WAITING_MAX as u64)
    }

    async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<T>>) -> Command,
    ) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        self.commands.try_send(command(reply)).map_err(|_| Error::Overloaded)?;
        answer.await.map_err(|_| Error::Internal("the writer dropped a request".into()))?
    }

    /// What rings when heads have moved.
    pub(crate) fn doorbells(&self) -> &Doorbells {
        &self.doorbells
    }
}

impl Push {
    fn len(&self) -> usize {
        self.ops.len() + self.arrivals.len()
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

impl Failure {
    /// What ails the database, where no other commit would fare better now.
    fn trouble_for_all(&self) -> Option<Trouble> {
        match self {
            Self::Error(error) => error.trouble().filter(|trouble| trouble.is_for_all()),
            Self::Merge => None,
        }
    }
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
    clock: Clock,
    /// Devices that were noted before.
    seen: HashSet<Seen>,
    cache: Cache,
    doorbells: Doorbells,
    /// The incarnation of the data that `seen` and `cache` are of.
    changes: u64,
}

type Waiting = (Push, oneshot::Sender<Result<Vec<Outcome>>>);

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
                Command::Standing { ops, reply } => {
                    drop(reply.send(in_time(self.standing(ops)).await));
                }
                Command::Push { push, reply } => {
                    let mut len = push.len();
                    let mut batch = vec![(push, reply)];
                    while len < OPS_PER_COMMIT_MAX {
                        match waiting.try_recv() {
                            Ok(Command::Push { push, reply }) => {
                                len += push.len();
                                batch.push((push, reply));
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
    /// Where the database is the cause, all are told at once.
    async fn commit_all(&mut self, batch: Vec<Waiting>) {
        metrics::histogram!("saolou_commit_pushes").record(to_f64(batch.len()));
        let ops: Vec<&Judged> = batch.iter().flat_map(|(push, _)| &push.ops).collect();
        let arrivals: Vec<&Arrival> = batch.iter().flat_map(|(push, _)| &push.arrivals).collect();
        match self.commit(&ops, &arrivals).await {
            Ok(mut outcomes) => {
                for (push, reply) in batch {
                    let rest = outcomes.split_off(push.ops.len());
                    drop(reply.send(Ok(std::mem::replace(&mut outcomes, rest))));
                }
            }
            Err(failure) => {
                let pushes = batch.len();
                if let Some(trouble) = failure.trouble_for_all() {
                    // Each by itself would wait in vain as long as all together did.
                    tracing::error!(%failure, pushes, "nothing can be committed");
                    for (_, reply) in batch {
                        drop(reply.send(Err(Error::Trouble(trouble))));
                    }
                    return;
                }
                tracing::warn!(%failure, pushes, "a group commit failed, trying one by one");
                for (push, reply) in batch {
                    drop(reply.send(self.commit_alone(push).await));
                }
            }
        }
    }

    /// Commits one push; where merging it fails, op by op, and what cannot be merged by itself goes
    /// to quarantine: it is stored, and delays nothing.
    async fn commit_alone(&mut self, push: Push) -> Result<Vec<Outcome>> {
        let Push { ops, arrivals } = push;
        let arrivals: Vec<&Arrival> = arrivals.iter().collect();
        match self.commit(&ops.iter().collect::<Vec<_>>(), &arrivals).await {
            Ok(outcomes) => return Ok(outcomes),
            Err(Failure::Error(error)) => return Err(error),
            Err(Failure::Merge) => {}
        }
        let mut outcomes = Vec::with_capacity(ops.len());
        for mut judged in ops {
            let outcome = match self.commit(&[&judged], &arrivals).await {
                Err(Failure::Merge) => {
                    tracing::error!(op_id = %judged.op.op_id, "an op could not be merged");
                    judged.verdict = Verdict::Quarantine("merge_failed");
                    self.commit(&[&judged], &arrivals).await
                }
                committed => committed,
            };
            outcomes.extend(outcome.map_err(Error::from)?);
        }
        Ok(outcomes)
    }

    async fn commit(
        &mut self,
        ops: &[&Judged],
        arrivals: &[&Arrival],
    ) -> std::result::Result<Vec<Outcome>, Failure> {
        for _ in 0..ATTEMPTS_MAX {
            match in_time(self.attempt(ops, arrivals)).await {
                Ok(Some(outcomes)) => return Ok(outcomes),
                Ok(None) => {}
                Err(Failure::Error(Error::Database(error))) if is_race(&error) => {}
                Err(failure) => return Err(failure),
            }
            metrics::counter!("saolou_commit_races_total").increment(1);
        }
        Err(Error::Overloaded.into())
    }

    /// One transaction; `None` where another writer was faster, and nothing was committed.
    async fn attempt(
        &mut self,
        ops: &[&Judged],
        arrivals: &[&Arrival],
    ) -> std::result::Result<Option<Vec<Outcome>>, Failure> {
        let mut tx = self.store.write().await?;
        if self.changes != self.store.changes() {
            self.changes = self.store.changes();
            self.seen.clear();
            self.cache = Cache::default();
        }
        let now_ms = self.clock.now_ms();
        let claims = photos::claims(&mut tx, ops, now_ms).await?;
        let said = claims.iter().filter_map(|claim| claim.verified.as_ref());
        let all: Vec<&Judged> = ops.iter().copied().chain(said).collect();
        let known = batch::known(&mut tx, &all).await?;
        let mut plan = Plan::of(&all, known);
        let mut buildings = self.cache.take(&mut tx, &plan.buckets(), &plan.heads()).await?;
        plan.found_elsewhere(licences::elsewhere(&mut tx, &all, &buildings).await?);
        // A defect in a rule must not end the writer for everybody. What it was working on is
        // forgotten and folded anew from the ops.
        let merging = AssertUnwindSafe(|| plan.merge(&mut buildings));
        let commit = std::panic::catch_unwind(merging).map_err(|_| Failure::Merge)?;
        let seen = self.unseen(ops);
        tx.put_devices(&seen, now_ms).await?;
        batch::note_photos(&mut tx, arrivals, &claims, &commit, now_ms).await?;
        if !batch::write(&mut tx, &commit).await? {
            return Ok(None);
        }
        tx.commit().await?;
        self.seen.extend(seen);
        let mut outcomes = self.keep(commit, buildings);
        outcomes.truncate(ops.len());
        Ok(Some(outcomes))
    }

    /// The devices of a batch that this writer has not noted yet.
    fn unseen(&mut self, ops: &[&Judged]) -> Vec<Seen> {
        if self.seen.len() > DEVICES_REMEMBERED_MAX {
            self.seen.clear();
        }
        let devices = batch::devices(ops).into_iter().map(Seen::from);
        devices.filter(|device| !self.seen.contains(device)).collect()
    }

    /// After a commit: keeps the folded buildings for the next one, and rings the doorbells.
    fn keep(
        &mut self,
        commit: Commit<'_>,
        mut buildings: HashMap<BuildingId, Building>,
    ) -> Vec<Outcome> {
        metrics::counter!("saolou_ops_total").increment(to_u64(commit.accepted.len()));
        metrics::counter!("saolou_quarantined_total").increment(to_u64(commit.quarantined.len()));
        for change in &commit.moves {
            let Some(building) = buildings.remove(&change.bucket) else { continue };
            self.cache.put(change.bucket.0, change.to.seq, building);
            self.doorbells.ring(change.bucket.0, change.to.seq);
        }
        commit.outcomes
    }
}

/// The result of one transaction, which is given up where it takes too long; whether it was committed
/// then, nobody knows, and whoever asks again finds out.
async fn in_time<T, E: From<Error>>(
    transaction: impl Future<Output = std::result::Result<T, E>>,
) -> std::result::Result<T, E> {
    let done = tokio::time::timeout(TRANSACTION_MAX, transaction).await;
    done.unwrap_or_else(|_| Err(Error::Trouble(Trouble::Unavailable).into()))
}

fn to_u64(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "a metric")]
fn to_f64(len: usize) -> f64 {
    len as f64
}
