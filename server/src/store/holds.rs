//! Cases that hold originals.

use super::{Result, Tx, on};
use saolou_protocol::time::Millis;
use uuid::Uuid;

/// That a case holds an original, or held it.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct HoldRow {
    pub(crate) hold_id: Uuid,
    pub(crate) case_name: String,
    pub(crate) reason: String,
    /// Nil where it was set at a terminal.
    pub(crate) set_by: Uuid,
    pub(crate) set_ms: Millis,
    pub(crate) lifted_by: Option<Uuid>,
    pub(crate) lifted_ms: Option<Millis>,
    pub(crate) lift_reason: Option<String>,
}

/// Copies in a store with locks that are not held there as cases hold them. One that the store holds
/// and no case ever did is somebody else's.
const HELD_OTHERWISE: &str = "from archive_copy where store = $1 and mode <> 'none' \
     and state <> 'removed' and sha256 in (select sha256 from evidence_hold) \
     and is_held <> (case when exists (select 1 from evidence_hold h \
     where h.sha256 = archive_copy.sha256 and h.lifted_ms is null) then 1 else 0 end)";

impl Tx {
    /// Originals that a store does not hold as cases do, after a hash.
    pub(crate) async fn held_otherwise(
        &mut self,
        store: &str,
        after: &[u8],
        rows_max: i64,
    ) -> Result<Vec<Vec<u8>>> {
        const TAIL: &str = " and sha256 > $2 order by sha256 limit $3";
        let sql = ["select sha256 ", HELD_OTHERWISE, TAIL].concat();
        on!(self, |conn| sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
            .bind(store)
            .bind(after)
            .bind(rows_max)
            .fetch_all(conn)
            .await)
    }

    /// How many originals a store does not hold as cases do.
    pub(crate) async fn held_otherwise_count(&mut self, store: &str) -> Result<i64> {
        let sql = ["select count(*) ", HELD_OTHERWISE].concat();
        on!(self, |conn| sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
            .bind(store)
            .fetch_one(conn)
            .await)
    }

    /// Lets nobody else decide about an original before this transaction ends. One that was never
    /// archived cannot be removed, so that there is nothing to wait for.
    pub(crate) async fn lock_original(&mut self, sha256: &[u8]) -> Result<()> {
        const SQL: &str = "update archive_copy set state = state where sha256 = $1";
        on!(self, |conn| sqlx::query(SQL).bind(sha256).execute(conn).await.map(drop))
    }

    /// The cases of an original, the first one first.
    pub(crate) async fn holds(&mut self, sha256: &[u8]) -> Result<Vec<HoldRow>> {
        const SQL: &str = "select hold_id, case_name, reason, set_by, set_ms, lifted_by, lifted_ms, \
             lift_reason from evidence_hold where sha256 = $1 order by set_ms, hold_id";
        on!(self, |conn| sqlx::query_as(SQL).bind(sha256).fetch_all(conn).await)
    }

    /// Notes that a case holds an original.
    pub(crate) async fn put_hold(&mut self, sha256: &[u8], row: &HoldRow) -> Result<()> {
        const SQL: &str = "insert into evidence_hold \
             (hold_id, sha256, case_name, reason, set_by, set_ms) values ($1, $2, $3, $4, $5, $6)";
        on!(self, |conn| sqlx::query(SQL)
            .bind(row.hold_id)
            .bind(sha256)
            .bind(&row.case_name)
            .bind(&row.reason)
            .bind(row.set_by)
            .bind(row.set_ms)
            .execute(conn)
            .await
            .map(drop))
    }

    /// Notes that a case holds an original no longer.
    pub(crate) async fn lift_hold(
        &mut self,
        hold: Uuid,
        by: Uuid,
        now_ms: Millis,
        reason: &str,
    ) -> Result<()> {
        const SQL: &str = "update evidence_hold set lifted_by = $2, lifted_ms = $3, \
             lift_reason = $4 where hold_id = $1 and lifted_ms is null";
        on!(self, |conn| sqlx::query(SQL)
            .bind(hold)
            .bind(by)
            .bind(now_ms)
            .bind(reason)
            .execute(conn)
            .await
            .map(drop))
    }
}
