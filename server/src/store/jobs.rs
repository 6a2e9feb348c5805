//! Jobs: what is still to be done with received photos, and who is at it.
//!
//! A job is taken by one statement that moves its due time ahead; whoever is at the same row waits
//! for that statement and then finds it not due. What its holder never ended becomes due again.

use super::bulk::for_chunks;
use super::{Result, Store, Tx, on};
use saolou_protocol::time::Millis;
use uuid::Uuid;

/// What is done with the bytes of a photo, each by itself: none waits for the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The original goes to the archive.
    Archive,
    /// It is decoded once, for its reading and its previews.
    Decode,
    /// What was read is filed for every photo that has these bytes; each that comes later has that
    /// done again.
    Tell,
}

impl Stage {
    /// All stages, the most urgent first.
    pub(crate) const ALL: [Self; 3] = [Self::Archive, Self::Decode, Self::Tell];

    /// Its name in tables, logs and metrics.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Archive => "archive",
            Self::Decode => "decode",
            Self::Tell => "tell",
        }
    }

    /// The version of what it does. With a new one, the same bytes may be gone through again.
    pub(crate) const fn version(self) -> i64 {
        match self {
            Self::Archive | Self::Decode | Self::Tell => 1,
        }
    }
}

/// A job to note.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewJob {
    /// The photo that the bytes came under, for whoever reads the list.
    pub(crate) photo_id: Uuid,
    /// The bytes.
    pub(crate) sha256: [u8; 32],
    pub(crate) stage: Stage,
}

/// A job that was taken.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct Taken {
    pub(crate) sha256: Vec<u8>,
    pub(crate) version: i64,
    pub(crate) photo_id: Uuid,
    /// How often it was taken, this time included.
    pub(crate) attempts: i64,
}

/// How a job ended, this time.
#[derive(Clone, Debug)]
pub(crate) enum End {
    Done,
    /// It is tried again at a time, because of a reason.
    Again {
        due_ms: Millis,
        reason: String,
    },
    /// It failed for good.
    Failed(String),
}

/// How many jobs of a stage are in a state.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct Backlog {
    pub(crate) stage: String,
    pub(crate) state: String,
    pub(crate) jobs: i64,
    /// When the oldest of them was noted.
    pub(crate) oldest_ms: Millis,
}

impl Store {
    /// Whether there is a job to take: one statement without a transaction around it, since lanes ask
    /// all the time.
    pub(crate) async fn is_job_due(&self, stage: Stage, now_ms: Millis) -> Result<bool> {
        const SQL: &str = "select attempts from job \
             where state = 'waiting' and stage = $1 and due_ms <= $2 limit 1";
        let stage = stage.name();
        let found: Option<i64> = match self {
            Self::Sqlite { readers, .. } => {
                sqlx::query_scalar(SQL).bind(stage).bind(now_ms).fetch_optional(readers).await?
            }
            Self::Postgres(pool, _) => {
                sqlx::query_scalar(SQL).bind(stage).bind(now_ms).fetch_optional(pool).await?
            }
        };
        Ok(found.is_some())
    }
}

/// A job that is there already is to be done again.
const AGAIN: &str = " on conflict (sha256, stage, version) do update set state = 'waiting', \
     due_ms = excluded.due_ms, holder = null, reason = null, ended_ms = null";
/// As [`AGAIN`], where it is telling.
const AGAIN_IF_TELLING: &str = " on conflict (sha256, stage, version) do update set \
     state = 'waiting', due_ms = excluded.due_ms, holder = null, reason = null, ended_ms = null \
     where job.stage = 'tell'";

impl Tx {
    /// Notes jobs; one that is there already stays as it is, but for telling, which is to be done
    /// again, also where somebody is at it. Whoever commits rings afterwards.
    pub(crate) async fn put_jobs(&mut self, jobs: &[NewJob], now_ms: Millis) -> Result<()> {
        self.put_jobs_or(AGAIN_IF_TELLING, jobs, now_ms).await
    }

    /// Notes jobs that are to be done again where they were done, also where somebody is at it. Whoever
    /// commits rings afterwards.
    pub(crate) async fn put_jobs_again(&mut self, jobs: &[NewJob], now_ms: Millis) -> Result<()> {
        self.put_jobs_or(AGAIN, jobs, now_ms).await
    }

    async fn put_jobs_or(
        &mut self,
        conflict: &'static str,
        jobs: &[NewJob],
        now_ms: Millis,
    ) -> Result<()> {
        const HEAD: &str = "insert into job (sha256, stage, version, photo_id, state, attempts, \
             due_ms, created_ms) ";
        // No statement may touch a row twice.
        let mut jobs = jobs.to_vec();
        jobs.sort_by_key(|job| (job.sha256, job.stage.name()));
        jobs.dedup_by_key(|job| (job.sha256, job.stage.name()));
        for_chunks!(
            self,
            &jobs,
            HEAD,
            |values, job| _ = values
                .push_bind(job.sha256.to_vec())
                .push_bind(job.stage.name())
                .push_bind(job.stage.version())
                .push_bind(job.photo_id)
                .push_bind("waiting")
                .push_bind(0_i64)
                .push_bind(now_ms)
                .push_bind(now_ms),
            conflict
        );
        Ok(())
    }

    /// Takes jobs that are due, the longest due first, until a time.
    pub(crate) async fn take_jobs(
        &mut self,
        stage: Stage,
        holder: Uuid,
        now_ms: Millis,
        until_ms: Millis,
        jobs_max: i64,
    ) -> Result<Vec<Taken>> {
        const SQL: &str = "update job set holder = $1, due_ms = $2, attempts = attempts + 1 \
             where state = 'waiting' and stage = $3 and due_ms <= $4 \
             and (sha256, stage, version) in (select sha256, stage, version from job \
             where state = 'waiting' and stage = $3 and due_ms <= $4 order by due_ms limit $5) \
             returning sha256, version, photo_id, attempts";
        on!(self, |conn| sqlx::query_as(SQL)
            .bind(holder)
            .bind(until_ms)
            .bind(stage.name())
            .bind(now_ms)
            .bind(jobs_max)
            .fetch_all(conn)
            .await)
    }

    /// Keeps a job that was taken for longer. `false` where somebody else has it by now.
    pub(crate) async fn hold_job(
        &mut self,
        stage: Stage,
        job: &Taken,
        holder: Uuid,
        until_ms: Millis,
    ) -> Result<bool> {
        const SQL: &str = "update job set due_ms = $1 where sha256 = $2 and stage = $3 \
             and version = $4 and holder = $5 and attempts = $6 and state = 'waiting'";
        on!(self, |conn| sqlx::query(SQL)
            .bind(until_ms)
            .bind(&job.sha256)
            .bind(stage.name())
            .bind(job.version)
            .bind(holder)
            .bind(job.attempts)
            .execute(conn)
            .await
            .map(|done| done.rows_affected() == 1))
    }

    /// Notes how jobs ended, those of them that their holder still has.
    pub(crate) async fn end_jobs(
        &mut self,
        stage: Stage,
        holder: Uuid,
        ended: &[(&Taken, &End)],
        now_ms: Millis,
    ) -> Result<()> {
        const HEAD: &str = "with ended (sha256, stage, version, holder, attempts, state, due_ms, \
             reason, ended_ms) as (";
        const TAIL: &str = ") update job set state = ended.state, due_ms = ended.due_ms, \
             reason = ended.reason, ended_ms = ended.ended_ms, holder = null from ended \
             where job.sha256 = ended.sha256 and job.stage = ended.stage \
             and job.version = ended.version and job.holder = ended.holder \
             and job.attempts = ended.attempts and job.state = 'waiting'";
        for_chunks!(
            self,
            ended,
            HEAD,
            |values, row| {
                let (job, end) = row;
                let (state, due_ms, reason, ended_ms) = match end {
                    End::Done => ("done", now_ms, None, Some(now_ms)),
                    End::Again { due_ms, reason } => {
                        ("waiting", *due_ms, Some(reason.as_str()), None)
                    }
                    End::Failed(reason) => ("failed", now_ms, Some(reason.as_str()), Some(now_ms)),
                };
                values
                    .push_bind(job.sha256.as_slice())
                    .push_bind(stage.name())
                    .push_bind(job.version)
                    .push_bind(holder)
                    .push_bind(job.attempts)
                    .push_bind(state)
                    .push_bind(due_ms)
                    .push_bind(reason)
                    .push_bind(ended_ms);
            },
            TAIL
        );
        Ok(())
    }

    /// Gives back what a holder has, as if it had never been taken: it stops.
    pub(crate) async fn give_back_jobs(&mut self, holder: Uuid, now_ms: Millis) -> Result<()> {
        const SQL: &str = "update job set due_ms = $2, holder = null, attempts = attempts - 1 \
             where holder = $1 and state = 'waiting'";
        on!(self, |conn| sqlx::query(SQL).bind(holder).bind(now_ms).execute(conn).await.map(drop))
    }

    /// How much is waiting and how much has failed, by stage.
    pub(crate) async fn backlog(&mut self) -> Result<Vec<Backlog>> {
        const SQL: &str = "select stage, state, count(*) as jobs, min(created_ms) as oldest_ms \
             from job where state in ('waiting', 'failed') group by stage, state";
        on!(self, |conn| sqlx::query_as(SQL).fetch_all(conn).await)
    }
}
