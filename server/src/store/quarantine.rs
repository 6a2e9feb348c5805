//! Quarantine: what may not take effect by itself, and what is no op at all, kept for the desk.

use super::bulk::for_chunks;
use super::{Result, Tx, on};
use saolou_protocol::time::Millis;
use uuid::Uuid;

/// Something to keep in quarantine.
pub(crate) struct QuarantineRow<'a> {
    pub(crate) street: Uuid,
    /// Follows from sender and content, so that what is sent again and again is kept once.
    pub(crate) id: Uuid,
    pub(crate) op: Option<Uuid>,
    pub(crate) building: Option<Uuid>,
    pub(crate) author: Option<Uuid>,
    pub(crate) sender: Uuid,
    pub(crate) device: Uuid,
    /// 0 where the counter could not be read.
    pub(crate) n: i64,
    pub(crate) kind: Option<&'a str>,
    pub(crate) reason: &'static str,
    pub(crate) hash: Option<&'a [u8]>,
    pub(crate) content: &'a [u8],
    pub(crate) answer: &'a [u8],
    pub(crate) corrected_ms: Millis,
    pub(crate) received_ms: Millis,
    pub(crate) quality: Option<&'static str>,
}

/// Something in quarantine, as stored.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct Quarantined {
    pub(crate) street_id: Uuid,
    pub(crate) quarantine_id: Uuid,
    pub(crate) op_id: Option<Uuid>,
    pub(crate) building_id: Option<Uuid>,
    pub(crate) author_id: Option<Uuid>,
    pub(crate) sender_id: Uuid,
    pub(crate) device_id: Uuid,
    pub(crate) kind: Option<String>,
    pub(crate) reason: String,
    pub(crate) hash: Option<Vec<u8>>,
    pub(crate) content: Vec<u8>,
    pub(crate) corrected_ms: Millis,
    pub(crate) received_ms: Millis,
    pub(crate) quality: Option<String>,
    /// `waiting`, `released`, `attached`, `discarded`, or `settled` where its author sent it.
    pub(crate) state: String,
    pub(crate) decided_by: Option<Uuid>,
    pub(crate) decided_ms: Option<Millis>,
    pub(crate) note: Option<String>,
}

const SELECT: &str = "select street_id, quarantine_id, op_id, building_id, author_id, sender_id, \
     device_id, kind, reason, hash, content, corrected_ms, received_ms, quality, state, \
     decided_by, decided_ms, note from quarantine ";

impl Tx {
    /// Keeps something in quarantine; what is there already stays as it is.
    pub(crate) async fn put_quarantine(&mut self, rows: &[QuarantineRow<'_>]) -> Result<()> {
        const HEAD: &str = "insert into quarantine (street_id, quarantine_id, op_id, building_id, \
             author_id, sender_id, device_id, n, kind, reason, hash, content, answer, \
             corrected_ms, received_ms, quality, state) ";
        for_chunks!(
            self,
            rows,
            HEAD,
            |values, row| _ = values
                .push_bind(row.street)
                .push_bind(row.id)
                .push_bind(row.op)
                .push_bind(row.building)
                .push_bind(row.author)
                .push_bind(row.sender)
                .push_bind(row.device)
                .push_bind(row.n)
                .push_bind(row.kind)
                .push_bind(row.reason)
                .push_bind(row.hash)
                .push_bind(row.content)
                .push_bind(row.answer)
                .push_bind(row.corrected_ms)
                .push_bind(row.received_ms)
                .push_bind(row.quality)
                .push_bind("waiting"),
            " on conflict (street_id, quarantine_id) do nothing"
        );
        Ok(())
    }

    /// Closes what waits in quarantine under an op id that its author has filed himself now.
    pub(crate) async fn settle_quarantine(
        &mut self,
        street: Uuid,
        op: Uuid,
        hash: &[u8],
        now_ms: Millis,
    ) -> Result<()> {
        const SQL: &str = "update quarantine set state = 'settled', decided_ms = $4 \
             where street_id = $1 and op_id = $2 and hash = $3 and state = 'waiting'";
        on!(self, |conn| sqlx::query(SQL)
            .bind(street)
            .bind(op)
            .bind(hash)
            .bind(now_ms)
            .execute(conn)
            .await
            .map(drop))
    }

    /// What is in quarantine below a unit, newest first: what waits, or all of it.
    pub(crate) async fn quarantine_below(
        &mut self,
        unit: Uuid,
        waiting_only: bool,
        rows_max: i64,
    ) -> Result<Vec<Quarantined>> {
        const TAIL: &str = "where street_id in \
             (select unit_id from org_unit_above where above_id = $1) \
             and (state = 'waiting' or not $2) \
             order by received_ms desc, quarantine_id limit $3";
        let sql = [SELECT, TAIL].concat();
        on!(self, |conn| sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(unit)
            .bind(waiting_only)
            .bind(rows_max)
            .fetch_all(conn)
            .await)
    }

    /// One thing in quarantine.
    pub(crate) async fn quarantined(&mut self, id: Uuid) -> Result<Option<Quarantined>> {
        let sql = [SELECT, "where quarantine_id = $1"].concat();
        on!(self, |conn| sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(id)
            .fetch_optional(conn)
            .await)
    }

    /// Notes a decision on something that waits, or takes back that it was discarded. `false` where
    /// somebody else decided first, or its author has filed it meanwhile, so that it counts.
    pub(crate) async fn decide_quarantine(
        &mut self,
        row: &Quarantined,
        state: &str,
        by: Uuid,
        now_ms: Millis,
        note: &str,
    ) -> Result<bool> {
        const SQL: &str = "update quarantine set state = $3, decided_by = $4, decided_ms = $5, \
             note = $6 where street_id = $1 and quarantine_id = $2 \
             and (state in ('waiting', 'discarded') \
             or state = 'settled' and decided_by is null and $3 <> 'discarded')";
        on!(self, |conn| sqlx::query(SQL)
            .bind(row.street_id)
            .bind(row.quarantine_id)
            .bind(state)
            .bind(by)
            .bind(now_ms)
            .bind(note)
            .execute(conn)
            .await
            .map(|done| done.rows_affected() == 1))
    }

    /// Where an op of an author stands in a street: its bucket, and in quarantine its state and the
    /// note of the one who decided, or the reason.
    pub(crate) async fn review(
        &mut self,
        street: Uuid,
        author: Uuid,
        op: Uuid,
    ) -> Result<Option<(Option<Uuid>, Option<String>, Option<String>)>> {
        const SQL: &str = "select building_id, cast(null as text), cast(null as text) from op \
             where street_id = $1 and op_id = $3 and author_id = $2 union all \
             select building_id, state, coalesce(note, reason) from quarantine \
             where street_id = $1 and op_id = $3 and author_id = $2 limit 1";
        on!(self, |conn| sqlx::query_as(SQL)
            .bind(street)
            .bind(author)
            .bind(op)
            .fetch_optional(conn)
            .await)
    }
}
