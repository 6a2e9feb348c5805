//! Jobs: what is done with a photo after it was received, by whoever gets to it first.
//!
//! Each stage has a lane of its own, so that archiving never waits for decoding. A lane takes what is
//! due, as much as it has room for, holds it while it is at work, and notes how it ended. It wakes when
//! it is rung for, and by itself: what another server received and left, or what a killed one had taken,
//! becomes due again. Every stage may therefore be run twice, and leaves the same behind.

use super::archive::{self, Archive};
use super::decoding;
use super::telling;
use super::writer::Writer;
use crate::clock::Clock;
use crate::pipeline::Apart;
use crate::store::bells::is_race;
use crate::store::{End, Result, Stage, Store, Taken};
use futures_util::FutureExt;
use saolou_protocol::canonical::Hash;
use saolou_protocol::time::Millis;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use uuid::Uuid;

/// How long a job is held before it must be held again; after a kill it is due that much later.
const HOLD_MS: Millis = 60_000;
/// How often a job at work is held again.
const HOLD_AGAIN: Duration = Duration::from_secs(15);
/// How often a lane that nobody rang for looks by itself.
const LOOK_AFTER: Duration = Duration::from_secs(2);
/// How often the backlog is counted for the metrics.
const COUNT_AFTER: Duration = Duration::from_secs(15);
/// How long jobs at work may still take when the server stops; then they are given back.
const GRACE: Duration = Duration::from_secs(5);
/// The wait after a first failure; each further one doubles it.
const BACKOFF_MS_MIN: Millis = 2_000;
/// The longest wait.
const BACKOFF_MS_MAX: Millis = 15 * 60_000;

/// Why a job did not get done.
#[derive(Debug)]
pub(crate) enum Fault {
    /// It may go well another time.
    Again(String),
    /// It never will: it stays listed, and somebody must look at it.
    Never(String),
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        Self::Again(format!("database: {error}"))
    }
}

/// What a stage works with.
#[derive(Clone)]
pub(crate) struct Work {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    /// The data folder: originals are in `photos/sha256`, previews in `derived`.
    pub(crate) folder: Arc<PathBuf>,
    pub(crate) archive: Archive,
    /// How photos are read; `None` where this process cannot start another one of its kind.
    pub(crate) apart: Option<Arc<Apart>>,
    pub(crate) writer: Writer,
    pub(crate) jobs: Jobs,
}

impl Work {
    /// The stages that this server can do.
    fn stages(&self) -> impl Iterator<Item = Stage> + '_ {
        Stage::ALL.into_iter().filter(|stage| match stage {
            Stage::Archive | Stage::Tell => true,
            Stage::Decode => self.apart.is_some(),
        })
    }
}

/// Rings for the lanes.
#[derive(Clone, Default)]
pub(crate) struct Jobs {
    bells: Arc<[Notify; Stage::ALL.len()]>,
}

impl Jobs {
    /// Rings, after jobs were committed.
    pub(crate) fn ring(&self) {
        for bell in self.bells.iter() {
            bell.notify_one();
        }
    }

    /// Works until it is told to stop; what is at work then may end, or is given back.
    pub(crate) async fn work(self, work: Work, stopping: watch::Receiver<bool>) {
        let holder = work.clock.new_id();
        let mut lanes = JoinSet::new();
        for stage in work.stages() {
            let lane = Lane { stage, holder, work: work.clone() };
            lanes.spawn(lane.run(self.clone(), stopping.clone()));
        }
        let counting = tokio::spawn(count(work.clone()));
        while lanes.join_next().await.is_some() {}
        counting.abort();
        let given_back = give_back(&work, holder).await;
        if let Err(error) = given_back {
            tracing::warn!(%error, "jobs were not given back, and wait until they are due again");
        }
    }
}

async fn give_back(work: &Work, holder: Uuid) -> Result<()> {
    let mut tx = work.store.write().await?;
    tx.give_back_jobs(holder, work.clock.now_ms()).await?;
    tx.commit().await
}

/// A job that was at work, and how it ended.
type Ended = (Taken, End);

/// Jobs of one stage, as many at once as the machine has room for.
#[derive(Clone)]
struct Lane {
    stage: Stage,
    /// Who this server is among those that take jobs.
    holder: Uuid,
    work: Work,
}

impl Lane {
    async fn run(self, jobs: Jobs, mut stopping: watch::Receiver<bool>) {
        let bell = &jobs.bells[self.stage as usize];
        let mut at_work = JoinSet::new();
        let mut ended: Vec<Ended> = Vec::new();
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        loop {
            if *stopping.borrow() {
                break;
            }
            while let Some(done) = at_work.try_join_next() {
                ended.extend(done.ok().flatten());
            }
            let room = cores.saturating_sub(at_work.len());
            for job in self.turn(std::mem::take(&mut ended), room).await {
                at_work.spawn(self.clone().one(job));
            }
            let has_room = at_work.len() < cores;
            tokio::select! {
                Some(done) = at_work.join_next() => ended.extend(done.ok().flatten()),
                () = bell.notified(), if has_room => {}
                () = tokio::time::sleep(LOOK_AFTER), if has_room => {}
                // Also when the sender is gone: nobody is left who could ask to go on.
                _ = stopping.wait_for(|stopping| *stopping) => break,
            }
        }
        let ending = async {
            while let Some(done) = at_work.join_next().await {
                ended.extend(done.ok().flatten());
            }
        };
        if tokio::time::timeout(GRACE, ending).await.is_err() {
            at_work.shutdown().await;
        }
        self.turn(ended, 0).await;
    }

    /// Notes how jobs ended and takes what there is to do, in one commit; nothing is taken where the
    /// database does not answer, which is tried again.
    async fn turn(&self, ended: Vec<Ended>, room: usize) -> Vec<Taken> {
        match self.try_turn(&ended, room).await {
            Ok(taken) => return taken,
            Err(error) if is_race(&error) => {}
            Err(error) => {
                tracing::warn!(%error, stage = self.stage.name(), "no jobs could be taken");
            }
        }
        if !ended.is_empty()
            && let Err(error) = self.try_turn(&ended, 0).await
        {
            tracing::warn!(%error, stage = self.stage.name(), jobs = ended.len(),
                "how jobs ended was not noted; they are done again");
        }
        Vec::new()
    }

    async fn try_turn(&self, ended: &[Ended], room: usize) -> Result<Vec<Taken>> {
        let (stage, now_ms) = (self.stage, self.work.clock.now_ms());
        // Looking costs no write; most of the time there is nothing.
        let is_idle =
            ended.is_empty() && (room == 0 || !self.work.store.is_job_due(stage, now_ms).await?);
        if is_idle {
            return Ok(Vec::new());
        }
        let mut tx = self.work.store.write().await?;
        for (job, end) in ended {
            tx.end_job(stage, job, self.holder, end, now_ms).await?;
        }
        let jobs_max = i64::try_from(room).unwrap_or(i64::MAX);
        let taken = match jobs_max {
            0 => Vec::new(),
            _ => tx.take_jobs(stage, self.holder, now_ms, now_ms + HOLD_MS, jobs_max).await?,
        };
        tx.commit().await?;
        Ok(taken)
    }

    /// Does one job and says how it ended; nothing where somebody else has it.
    async fn one(self, job: Taken) -> Option<Ended> {
        let done = AssertUnwindSafe(self.done(&job)).catch_unwind();
        let done = tokio::select! {
            done = done => done.unwrap_or_else(|_| Err(Fault::Again("it panicked".into()))),
            // What it would have noted is his to note.
            () = self.hold(&job) => return None,
        };
        let end = self.end(&job, done);
        Some((job, end))
    }

    async fn done(&self, job: &Taken) -> std::result::Result<(), Fault> {
        match self.stage {
            Stage::Archive => {
                let hash = job.sha256.as_slice().try_into().map(Hash);
                let hash = hash.map_err(|_| Fault::Again("a hash has another length".into()))?;
                let done = archive::archive(&self.work.archive, job.photo_id, hash).await;
                done.map(drop).map_err(|error| Fault::Again(error.to_string()))
            }
            Stage::Tell => telling::tell(&self.work, job).await,
            Stage::Decode => match &self.work.apart {
                Some(apart) => decoding::decode(&self.work, apart, job).await,
                None => Err(Fault::Again("photos cannot be read here".into())),
            },
        }
    }

    /// Holds a job for as long as it takes; ends where it was lost.
    async fn hold(&self, job: &Taken) {
        loop {
            tokio::time::sleep(HOLD_AGAIN).await;
            match self.try_hold(job).await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => tracing::warn!(%error, "a job could not be held"),
            }
        }
    }

    async fn try_hold(&self, job: &Taken) -> Result<bool> {
        let mut tx = self.work.store.write().await?;
        let until_ms = self.work.clock.now_ms() + HOLD_MS;
        let is_held = tx.hold_job(self.stage, job, self.holder, until_ms).await?;
        tx.commit().await?;
        Ok(is_held)
    }

    fn end(&self, job: &Taken, done: std::result::Result<(), Fault>) -> End {
        let stage = self.stage.name();
        let reason = match done {
            Ok(()) => {
                metrics::counter!("saolou_jobs_done_total", "stage" => stage).increment(1);
                return End::Done;
            }
            Err(Fault::Again(reason)) if job.attempts < attempts_max(self.stage) => {
                let due_ms = self.work.clock.now_ms() + backoff_ms(job);
                tracing::warn!(photo_id = %job.photo_id, stage, attempts = job.attempts, reason,
                    "a job is tried again");
                metrics::counter!("saolou_jobs_again_total", "stage" => stage).increment(1);
                return End::Again { due_ms, reason };
            }
            Err(Fault::Again(reason) | Fault::Never(reason)) => reason,
        };
        tracing::error!(photo_id = %job.photo_id, stage, attempts = job.attempts, reason,
            "a job failed for good");
        metrics::counter!("saolou_jobs_failed_total", "stage" => stage).increment(1);
        End::Failed(reason)
    }
}

/// How often a job is tried. An original is never given up: an archive that was away for a week is
/// no reason to lose it; nor is a database, or a writer with too much to do, that what was read is
/// never told.
const fn attempts_max(stage: Stage) -> i64 {
    match stage {
        Stage::Archive | Stage::Tell => i64::MAX,
        Stage::Decode => 6,
    }
}

/// How long a job waits after it failed: doubled each time, and spread over half of that by its hash,
/// so that what failed together does not come back together.
fn backoff_ms(job: &Taken) -> Millis {
    let doublings = u32::try_from(job.attempts - 1).unwrap_or(0).min(20);
    let longest_ms = (BACKOFF_MS_MIN << doublings).min(BACKOFF_MS_MAX);
    let salt = u64::from(doublings) + 1;
    let dice = job.sha256.iter().fold(salt, |dice, byte| {
        dice.wrapping_mul(0x0100_0000_01b3).rotate_left(7) ^ u64::from(*byte)
    });
    let spread = i64::try_from(dice % 1000).expect("less than a thousand");
    longest_ms / 2 + longest_ms / 2 * spread / 1000
}

/// Shows the backlog to whoever watches: `saolou_jobs{stage, state}`, and how old the oldest is.
#[expect(clippy::cast_precision_loss, reason = "metrics")]
async fn count(work: Work) {
    loop {
        let now_ms = work.clock.now_ms();
        let backlog = match work.store.read().await {
            Ok(mut tx) => tx.backlog().await,
            Err(error) => Err(error),
        };
        let backlog = backlog.unwrap_or_else(|error| {
            tracing::warn!(%error, "the backlog of jobs was not counted");
            Vec::new()
        });
        for (stage, state) in Stage::ALL
            .iter()
            .flat_map(|stage| ["waiting", "failed"].map(|state| (stage.name(), state)))
        {
            let row = backlog.iter().find(|row| row.stage == stage && row.state == state);
            let jobs = row.map_or(0, |row| row.jobs);
            let age_ms = row.map_or(0, |row| (now_ms - row.oldest_ms).max(0));
            metrics::gauge!("saolou_jobs", "stage" => stage, "state" => state).set(jobs as f64);
            metrics::gauge!("saolou_jobs_oldest_seconds", "stage" => stage, "state" => state)
                .set(age_ms as f64 / 1000.0);
        }
        tokio::time::sleep(COUNT_AFTER).await;
    }
}

#[cfg(test)]
mod tests {
    use super::{BACKOFF_MS_MAX, BACKOFF_MS_MIN, backoff_ms};
    use crate::store::Taken;
    use uuid::Uuid;

    fn job(byte: u8, attempts: i64) -> Taken {
        Taken { sha256: vec![byte; 32], version: 1, photo_id: Uuid::nil(), attempts }
    }

    #[test]
    fn waits_double_up_to_a_quarter_of_an_hour_and_are_spread() {
        for attempts in 1..100 {
            let longest_ms = (BACKOFF_MS_MIN << (attempts - 1).min(20)).min(BACKOFF_MS_MAX);
            let waits_ms: Vec<i64> =
                (0..=255).map(|byte| backoff_ms(&job(byte, attempts))).collect();
            assert!(waits_ms.iter().all(|ms| (longest_ms / 2..=longest_ms).contains(ms)));
            let mut distinct = waits_ms;
            distinct.sort_unstable();
            distinct.dedup();
            assert!(distinct.len() > 100, "{} of 256 differ", distinct.len());
        }
    }
}
