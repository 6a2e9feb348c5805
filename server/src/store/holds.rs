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

impl Tx {
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
