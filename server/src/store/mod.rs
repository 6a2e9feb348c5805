//! SQL for two databases, written once.
//!
//! A [`Store`] opens transactions; a [`Tx`] is one, on SQLite or on PostgreSQL, and `on!` compiles
//! one query for both drivers. The text is the same: `$1`, `on conflict`, `returning`, blobs and
//! uuids by type, times as milliseconds. Begin and commit stand in the domain, visible; nothing but
//! SQL happens between them. One file for each family of tables.

mod accounts;
mod archive;
pub(crate) mod bells;
mod bulk;
mod device_keys;
mod devices;
mod evidence;
mod feed;
mod holds;
mod incarnation;
mod jobs;
mod licences;
mod ops;
mod photos;
mod quarantine;
mod readings;
mod recovery;
mod registry;
mod steps;
mod teams;
mod trouble;
mod uploads;

pub(crate) use accounts::{Account, Grant};
pub(crate) use archive::{CopyRow, FindingRow, RemovalRow};
pub(crate) use device_keys::{
    DeviceKeyRow, DeviceRow, EnrolmentRow, ManifestRow, NumberedRow, SightingRow,
};
pub(crate) use devices::{HoldingRow, Seen};
pub(crate) use evidence::{CheckpointRow, EventRow, KnownRow, LoggedRow, PlacedRow, SaltRow};
pub(crate) use feed::{BuildingRow, EntityRow, Head, HeadMove};
pub(crate) use holds::HoldRow;
pub(crate) use jobs::{End, NewJob, Stage, Taken};
pub(crate) use licences::LicenceRow;
pub(crate) use ops::{AcceptedOp, OpRow, TimelineRow};
pub(crate) use photos::{PhotoFacts, PhotoRow, ViewRow};
pub(crate) use quarantine::{QuarantineRow, Quarantined};
pub(crate) use readings::{PhotoOf, ReadingBody, ReadingRow, SlotRow};
pub(crate) use recovery::HereRow;
pub(crate) use registry::{CampaignRow, PhaseRow, RoundRow, UnitRow};
pub(crate) use steps::{StepRow, ToldStepRow};
pub(crate) use teams::{AssignmentRow, MemberRow, TeamRow};
pub(crate) use trouble::Trouble;
pub(crate) use uploads::{Progress, UploadRow};

use incarnation::Incarnation;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection, PgConnection, PgPool, Postgres};
use sqlx::{Sqlite, SqliteConnection, SqlitePool, Transaction};
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

/// A database error; what the domain cannot foresee.
pub(crate) type Result<T> = std::result::Result<T, sqlx::Error>;

/// How long a request waits for a connection before it is told to come back.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);
/// Statements that a connection keeps prepared: all there are, a bulk statement in each of its sizes.
const STATEMENTS_MAX: usize = 512;
/// Readers beside the writer.
const READERS_MAX: u32 = 4;

/// A database.
#[derive(Clone, Debug)]
pub(crate) enum Store {
    /// A file, with one writer and several readers (WAL, `synchronous=FULL`).
    Sqlite {
        /// The one connection that writes.
        writer: SqlitePool,
        /// Connections that read.
        readers: SqlitePool,
    },
    /// PostgreSQL 15 or later, and which incarnation of it.
    Postgres(PgPool, Incarnation),
}

/// A transaction; dropped without [`Tx::commit`] it rolls back.
pub(crate) enum Tx {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

/// Runs one expression over the connection of either driver.
macro_rules! on {
    ($tx:expr, |$conn:ident| $query:expr) => {
        match $tx {
            $crate::store::Tx::Sqlite(tx) => {
                let $conn = &mut **tx;
                $query
            }
            $crate::store::Tx::Postgres(tx) => {
                let $conn = &mut **tx;
                $query
            }
        }
    };
}
pub(crate) use on;

impl Store {
    /// Opens the database of a URL (`postgres://…`), or the file in a folder where there is none,
    /// and brings its tables up to date.
    ///
    /// # Errors
    /// Where the database cannot be reached, opened or migrated.
    pub(crate) async fn open(url: Option<&str>, folder: &Path) -> Result<Self> {
        match url {
            Some(url) => Self::open_postgres(url).await,
            None => Self::open_sqlite(&folder.join("saolou.db")).await,
        }
    }

    async fn open_postgres(url: &str) -> Result<Self> {
        // Plans for the hot statements are worth keeping; there are few distinct texts.
        let options = PgConnectOptions::from_str(url)?
            .application_name("saolou")
            .statement_cache_capacity(STATEMENTS_MAX);
        let incarnation = Incarnation::default();
        let looking = incarnation.clone();
        let pool = PgPoolOptions::new()
            .max_connections(2 * READERS_MAX)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .after_release(|conn, _| Box::pin(is_answered(conn)))
            .after_connect(move |conn, _| {
                let looking = looking.clone();
                Box::pin(async move { looking.look(conn).await })
            })
            .connect_with(options)
            .await?;
        sqlx::migrate!("migrations/postgres").run(&pool).await?;
        incarnation.note(&pool).await?;
        Ok(Self::Postgres(pool, incarnation))
    }

    async fn open_sqlite(file: &Path) -> Result<Self> {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(ACQUIRE_TIMEOUT)
            .statement_cache_capacity(STATEMENTS_MAX)
            .pragma("cache_size", "-16000");
        let pool = |connections| {
            SqlitePoolOptions::new()
                .max_connections(connections)
                .min_connections(1)
                .idle_timeout(None)
                .max_lifetime(None)
                // A file does not hang up.
                .test_before_acquire(false)
                .acquire_timeout(ACQUIRE_TIMEOUT)
                .after_release(|conn, _| Box::pin(is_clean(conn)))
        };
        let writer = pool(1).connect_with(options.clone()).await?;
        sqlx::migrate!("migrations/sqlite").run(&writer).await?;
        let readers = pool(READERS_MAX).connect_with(options.pragma("cache_size", "-2000")).await?;
        Ok(Self::Sqlite { writer, readers })
    }

    /// Begins a transaction that writes.
    pub(crate) async fn write(&self) -> Result<Tx> {
        match self {
            Self::Sqlite { writer, .. } => {
                writer.begin_with("begin immediate").await.map(Tx::Sqlite)
            }
            Self::Postgres(pool, _) => pool.begin().await.map(Tx::Postgres),
        }
    }

    /// Begins a transaction that reads one snapshot.
    pub(crate) async fn read(&self) -> Result<Tx> {
        match self {
            Self::Sqlite { readers, .. } => readers.begin().await.map(Tx::Sqlite),
            Self::Postgres(pool, _) => {
                let begin = "begin isolation level repeatable read read only";
                pool.begin_with(begin).await.map(Tx::Postgres)
            }
        }
    }

    /// How often the data turned out to be another incarnation since this process began. What is
    /// kept of them in memory is good for nothing then.
    pub(crate) fn changes(&self) -> u64 {
        match self {
            Self::Sqlite { .. } => 0,
            Self::Postgres(_, incarnation) => incarnation.changes(),
        }
    }

    /// Closes all connections, after what runs on them has ended.
    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
            Self::Postgres(pool, _) => pool.close().await,
        }
    }
}

/// Whether a connection to SQLite is out of its transaction. SQLite may end one by itself, where a disk
/// is full or fails; the driver's own rollback fails then, and it would take every later `begin` for a
/// savepoint, and refuse it. Such a connection is let go.
async fn is_clean(conn: &mut SqliteConnection) -> Result<bool> {
    if conn.is_in_transaction() {
        // The rollback of a dropped transaction was only queued.
        conn.ping().await?;
    }
    Ok(!conn.is_in_transaction())
}

/// Whether the other end of a connection still answers: a machine that lost its power does not say
/// that it is gone, and would be waited for as long as the network tries.
async fn is_answered(conn: &mut PgConnection) -> Result<bool> {
    let answered = tokio::time::timeout(ACQUIRE_TIMEOUT, conn.ping()).await;
    answered.map_err(|_| sqlx::Error::PoolTimedOut)?.map(|()| true)
}

impl Tx {
    /// Makes what was written durable.
    pub(crate) async fn commit(self) -> Result<()> {
        match self {
            Self::Sqlite(tx) => tx.commit().await,
            Self::Postgres(tx) => tx.commit().await,
        }
    }

    /// One of the settings that the database itself carries: its epoch, its keys.
    pub(crate) async fn setting(&mut self, name: &str) -> Result<Option<String>> {
        const SQL: &str = "select value from setting where name = $1";
        on!(self, |conn| sqlx::query_scalar(SQL).bind(name).fetch_optional(conn).await)
    }

    /// Replaces a setting, where it still is what it was. `false` where somebody else was faster.
    pub(crate) async fn swap_setting(
        &mut self,
        name: &str,
        before: &str,
        after: &str,
    ) -> Result<bool> {
        const SQL: &str = "update setting set value = $3 where name = $1 and value = $2";
        on!(self, |conn| sqlx::query(SQL)
            .bind(name)
            .bind(before)
            .bind(after)
            .execute(conn)
            .await
            .map(|done| done.rows_affected() == 1))
    }

    /// Stores a setting, unless there is one already.
    pub(crate) async fn add_setting(&mut self, name: &str, value: &str) -> Result<()> {
        const SQL: &str =
            "insert into setting (name, value) values ($1, $2) on conflict (name) do nothing";
        on!(self, |conn| sqlx::query(SQL).bind(name).bind(value).execute(conn).await.map(drop))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_transaction_that_sqlite_ended_by_itself_is_the_last_of_its_connection() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = Store::open(None, folder.path()).await.expect("a new file");
        for _ in 0..2 {
            let mut tx = store.write().await.expect("a connection that is in no transaction");
            // As it does where a disk is full.
            let ended = on!(&mut tx, |conn| sqlx::query("rollback").execute(conn).await.map(drop));
            ended.expect("a rollback");
        }
        store.close().await;
    }
}
