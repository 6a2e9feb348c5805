//! Which incarnation of its data a PostgreSQL database is. A standby that was promoted, a backup that
//! was restored, a copy: each has another timeline, another identity of the server, or another id of
//! the database, and may lack commits that were answered. This is looked at whenever a connection is
//! opened, so that nothing is read or written in a new incarnation under the epoch of the old one.

use super::Result;
use sqlx::{PgConnection, PgPool};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Fails on a standby that was not promoted, which can take nothing.
const NOW: &str = "select concat_ws('/', (select system_identifier from pg_control_system()), \
    substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8), \
    (select oid from pg_database where datname = current_database()))";
/// One statement, so that the epoch changes together with what it stands for, and once.
const BEGIN_ANEW: &str = "with changed as (update setting set value = $1 \
    where name = 'incarnation' and value <> $1 returning 1) \
    update setting set value = gen_random_uuid()::text \
    where name = 'epoch' and exists (select 1 from changed)";

/// The incarnations that this process has met.
#[derive(Clone, Debug, Default)]
pub(crate) struct Incarnation(Arc<Met>);

#[derive(Debug, Default)]
struct Met {
    last: Mutex<Option<String>>,
    changes: AtomicU64,
}

impl Incarnation {
    /// How often it changed since this process began: what is kept in memory is of the last one.
    pub(crate) fn changes(&self) -> u64 {
        self.0.changes.load(Ordering::Acquire)
    }

    /// Looks over a connection that was just opened.
    pub(super) async fn look(&self, conn: &mut PgConnection) -> Result<()> {
        let now: String = sqlx::query_scalar(NOW).fetch_one(&mut *conn).await?;
        let has_tables = "select to_regclass('setting') is not null";
        if sqlx::query_scalar(has_tables).fetch_one(&mut *conn).await? {
            let begun = sqlx::query(BEGIN_ANEW).bind(&now).execute(&mut *conn).await?;
            if begun.rows_affected() > 0 {
                tracing::warn!(incarnation = now, "the database is another: a new epoch begins");
                metrics::counter!("saolou_epochs_total").increment(1);
            }
        }
        let mut last = self.0.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.as_ref().is_some_and(|last| *last != now) {
            self.0.changes.fetch_add(1, Ordering::AcqRel);
        }
        *last = Some(now);
        Ok(())
    }

    /// Notes the first incarnation of all in the database.
    pub(super) async fn note(&self, pool: &PgPool) -> Result<()> {
        const SQL: &str = "insert into setting (name, value) values ('incarnation', $1) \
            on conflict (name) do nothing";
        let last = self.0.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        sqlx::query(SQL).bind(last).execute(pool).await.map(drop)
    }
}
