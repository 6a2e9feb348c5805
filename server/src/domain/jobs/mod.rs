//! Jobs: what is done with a photo after it was received, by whoever gets to it first.
//!
//! Each stage has a lane of its own, so that archiving never waits for decoding. A lane takes what is
//! due, as much as it has room for, holds it while it is at work, and notes how it ended. It wakes when
//! it is rung for, and by itself: what another server received and left, or what a killed one had taken,
//! becomes due again. Every stage may therefore be run twice, and leaves the same behind.
//!
//! [`lane`] is one such lane; [`left`] is what its jobs leave in the database.

mod lane;
mod left;

pub(crate) use left::Left;

use super::archive::Archive;
use super::writer::Writer;
use crate::clock::Clock;
use crate::pipeline::Apart;
use crate::store::{Result, Stage, Store};
use lane::Lane;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use uuid::Uuid;

/// Requests that bring bytes at the same time before jobs make room for them.
const RECEIVING_MAX: usize = 4;
/// How often the backlog is counted for the metrics.
const COUNT_AFTER: Duration = Duration::from_secs(15);

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
    receiving: Arc<AtomicUsize>,
}

/// A request that brings bytes of a photo, for as long as it does.
pub(crate) struct Receiving(Arc<AtomicUsize>);

impl Drop for Receiving {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Jobs {
    /// Says that a request brings bytes: whoever waits for an answer goes before what is done
    /// afterwards.
    pub(crate) fn receiving(&self) -> Receiving {
        self.receiving.fetch_add(1, Ordering::Relaxed);
        Receiving(Arc::clone(&self.receiving))
    }

    /// Whether so much comes in that jobs make room: they go on, in fewer and larger commits, and
    /// read one photo at a time.
    fn make_room(&self) -> bool {
        self.receiving.load(Ordering::Relaxed) > RECEIVING_MAX
    }

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
            let lane = Lane::of(stage, holder, work.clone());
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
