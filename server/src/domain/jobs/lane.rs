//! A lane: takes the jobs of one stage, keeps as many at work as the machine has room for, and writes
//! how they ended and what they leave.

use super::left::{self, Left};
use super::{Fault, Jobs, Work};
use crate::domain::{archive, decoding, telling};
use crate::error::{Error, Result};
use crate::store::bells::is_race;
use crate::store::{End, Stage, Taken};
use futures_util::FutureExt;
use saolou_protocol::canonical::Hash;
use saolou_protocol::time::Millis;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit, watch};
use tokio::task::JoinSet;
use uuid::Uuid;

/// How long a job is held before it must be held again; after a kill it is due that much later.
const HOLD_MS: Millis = 60_000;
/// How often a job at work is held again.
const HOLD_AGAIN: Duration = Duration::from_secs(15);
/// How often a lane that nobody rang for looks by itself.
const LOOK_AFTER: Duration = Duration::from_secs(2);
/// How long a lane waits for more to come or to end before it writes: what many leave costs one commit.
const GATHER: Duration = Duration::from_millis(25);
/// The same while many photos come in.
const GATHER_LONG: Duration = Duration::from_millis(500);
/// How long jobs at work may still take when the server stops; then they are given back.
const GRACE: Duration = Duration::from_secs(5);
/// The wait after a first failure; each further one doubles it.
const BACKOFF_MS_MIN: Millis = 2_000;
/// The longest wait.
const BACKOFF_MS_MAX: Millis = 15 * 60_000;
/// What a lane that does not read photos does at once.
const HANDS: usize = 8;
/// Jobs that such a lane has taken at most, those that still wait for a hand among them.
const TAKEN_MAX: usize = 128;
/// The same for a lane that reads photos, a hand: each takes long, and what waits has to be held.
const TAKEN_BY_A_READER: usize = 4;

/// A job that was at work, how it ended, and what it leaves.
struct Ended {
    job: Taken,
    end: End,
    left: Left,
}

/// Jobs of one stage.
#[derive(Clone)]
pub(super) struct Lane {
    stage: Stage,
    /// Who this server is among those that take jobs.
    holder: Uuid,
    work: Work,
    /// What is at work at once: a reader takes a core, the rest waits for disks and databases most of
    /// the time.
    hands: Arc<Semaphore>,
    /// The one that goes on while many photos come in.
    first_hand: Arc<Semaphore>,
    /// How many jobs it has taken at most.
    taken_max: usize,
}

impl Lane {
    pub(super) fn of(stage: Stage, holder: Uuid, work: Work) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let (hands, taken_max) = match stage {
            Stage::Decode => (cores, TAKEN_BY_A_READER * cores),
            Stage::Archive | Stage::Tell => (HANDS, TAKEN_MAX),
        };
        let [hands, first_hand] = [hands, 1].map(|hands| Arc::new(Semaphore::new(hands)));
        Self { stage, holder, work, hands, first_hand, taken_max }
    }

    pub(super) async fn run(self, jobs: Jobs, mut stopping: watch::Receiver<bool>) {
        let bell = &jobs.bells[self.stage as usize];
        let mut at_work = JoinSet::new();
        let mut ended: Vec<Ended> = Vec::new();
        loop {
            if *stopping.borrow() {
                break;
            }
            while let Some(done) = at_work.try_join_next() {
                ended.extend(done.ok().flatten());
            }
            let room = self.taken_max.saturating_sub(at_work.len());
            for job in self.turn(std::mem::take(&mut ended), room).await {
                at_work.spawn(self.clone().one(job));
            }
            let has_room = at_work.len() < self.taken_max;
            tokio::select! {
                Some(done) = at_work.join_next() => ended.extend(done.ok().flatten()),
                () = bell.notified(), if has_room => {}
                () = tokio::time::sleep(LOOK_AFTER), if has_room => continue,
                // Also when the sender is gone: nobody is left who could ask to go on.
                _ = stopping.wait_for(|stopping| *stopping) => break,
            }
            let gather = if jobs.make_room() { GATHER_LONG } else { GATHER };
            tokio::time::sleep(gather).await;
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
            Err(Error::Database(error)) if is_race(&error) => {}
            Err(error) => {
                tracing::warn!(%error, stage = self.stage.name(), "no jobs could be taken");
            }
        }
        // Each by itself: one that cannot be noted must not keep the others from it.
        for one in ended {
            let job = one.job.photo_id;
            if let Err(error) = self.try_turn(&[one], 0).await {
                tracing::warn!(%error, stage = self.stage.name(), photo_id = %job,
                    "how a job ended was not noted; it is done again");
            }
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
        let left = ended.iter().map(|one| &one.left);
        let is_more = left::write(&mut tx, &self.work.clock, left).await?;
        let ends: Vec<(&Taken, &End)> = ended.iter().map(|one| (&one.job, &one.end)).collect();
        tx.end_jobs(stage, self.holder, &ends, now_ms).await?;
        let jobs_max = i64::try_from(room).unwrap_or(i64::MAX);
        let taken = match jobs_max {
            0 => Vec::new(),
            _ => tx.take_jobs(stage, self.holder, now_ms, now_ms + HOLD_MS, jobs_max).await?,
        };
        let taken = match stage {
            Stage::Tell => {
                let (taken, untold) = telling::place(&mut tx, taken).await?;
                let ends: Vec<_> = untold.iter().map(|job| (job, &End::Done)).collect();
                tx.end_jobs(stage, self.holder, &ends, now_ms).await?;
                taken
            }
            Stage::Archive | Stage::Decode => taken,
        };
        tx.commit().await?;
        for one in ended {
            one.left.copies.lock(&self.work.archive).await;
        }
        if is_more {
            self.work.jobs.ring();
        }
        Ok(taken)
    }

    /// Does one job and says how it ended; nothing where somebody else has it.
    async fn one(self, job: Taken) -> Option<Ended> {
        let mut left = Left::default();
        let done = AssertUnwindSafe(self.done(&job, &mut left)).catch_unwind();
        let done = tokio::select! {
            done = done => done.unwrap_or_else(|_| Err(Fault::Again("it panicked".into()))),
            // What it would have noted is his to note.
            () = self.hold(&job) => return None,
        };
        let end = self.end(&job, done);
        Some(Ended { job, end, left })
    }

    /// Waits until there is a hand for one more job.
    async fn hand(&self) -> SemaphorePermit<'_> {
        loop {
            let is_full = self.work.jobs.make_room();
            let hands = if is_full { &self.first_hand } else { &self.hands };
            tokio::select! {
                hand = hands.acquire() => return hand.expect("nobody closes it"),
                // It may be another time by now.
                () = tokio::time::sleep(GATHER_LONG) => {}
            }
        }
    }

    async fn done(&self, job: &Taken, left: &mut Left) -> std::result::Result<(), Fault> {
        let _hand = self.hand().await;
        match self.stage {
            Stage::Archive => {
                let hash = job.sha256.as_slice().try_into().map(Hash);
                let hash = hash.map_err(|_| Fault::Again("a hash has another length".into()))?;
                let done =
                    archive::archive(&self.work.archive, job.photo_id, hash, &mut left.copies)
                        .await;
                done.map_err(|error| Fault::Again(error.to_string()))
            }
            Stage::Tell => telling::tell(&self.work, job).await,
            Stage::Decode => match &self.work.apart {
                Some(apart) => decoding::decode(&self.work, apart, job, left).await,
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
