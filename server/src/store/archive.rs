//! Copies of originals, what was found out about them, and about the stores they lie in.

use super::bulk::{for_chunks, select_in};
use super::{Result, Tx, on};
use saolou_protocol::time::Millis;
use uuid::Uuid;

/// One copy of one original in one store.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct CopyRow {
    pub(crate) sha256: Vec<u8>,
    /// `local`, or the name of the archive.
    pub(crate) store: String,
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) version: String,
    pub(crate) bytes: i64,
    /// The lock as the store shows it: `none`, `governance`, `compliance`.
    pub(crate) mode: String,
    /// 1 where a probe had proved that such a lock holds.
    pub(crate) is_proven: i64,
    pub(crate) retain_until_ms: Option<Millis>,
    pub(crate) is_held: i64,
    pub(crate) archived_ms: Millis,
    pub(crate) verified_ms: Millis,
    pub(crate) checked_ms: Millis,
    /// `whole`, `damaged`, `missing` or `removed`.
    pub(crate) state: String,
}

/// A copy that was not what it should be.
pub(crate) struct FindingRow<'a> {
    pub(crate) finding_id: Uuid,
    pub(crate) sha256: &'a [u8],
    pub(crate) store: &'a str,
    pub(crate) at_ms: Millis,
    pub(crate) found: &'a str,
    pub(crate) is_mended: bool,
}

/// What two persons say of removing an original.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct RemovalRow {
    pub(crate) asked_by: Uuid,
    pub(crate) asked_ms: Millis,
    pub(crate) reason: String,
    pub(crate) agreed_by: Option<Uuid>,
    pub(crate) agreed_ms: Option<Millis>,
    pub(crate) removed_ms: Option<Millis>,
}

/// Copies in one state in one store.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct CopyCount {
    pub(crate) store: String,
    pub(crate) state: String,
    pub(crate) mode: String,
    pub(crate) is_proven: i64,
    pub(crate) copies: i64,
    pub(crate) bytes: i64,
    pub(crate) oldest_checked_ms: Millis,
}

const SELECT: &str = "select sha256, store, bucket, key, version, bytes, mode, is_proven, \
     retain_until_ms, is_held, archived_ms, verified_ms, checked_ms, state from archive_copy ";

impl Tx {
    /// Stores what is known of a copy now.
    pub(crate) async fn put_archive_copy(&mut self, row: &CopyRow) -> Result<()> {
        self.put_archive_copies(&[row]).await
    }

    /// Stores what is known of copies now, no two of them of one original in one store.
    pub(crate) async fn put_archive_copies(&mut self, rows: &[&CopyRow]) -> Result<()> {
        const HEAD: &str = "insert into archive_copy (sha256, store, bucket, key, version, bytes, \
             mode, is_proven, retain_until_ms, is_held, archived_ms, verified_ms, checked_ms, \
             state) ";
        for_chunks!(
            self,
            rows,
            HEAD,
            |values, row| _ = values
                .push_bind(row.sha256.as_slice())
                .push_bind(row.store.as_str())
                .push_bind(row.bucket.as_str())
                .push_bind(row.key.as_str())
                .push_bind(row.version.as_str())
                .push_bind(row.bytes)
                .push_bind(row.mode.as_str())
                .push_bind(row.is_proven)
                .push_bind(row.retain_until_ms)
                .push_bind(row.is_held)
                .push_bind(row.archived_ms)
                .push_bind(row.verified_ms)
                .push_bind(row.checked_ms)
                .push_bind(row.state.as_str()),
            " on conflict (sha256, store) do update set bucket = excluded.bucket, \
             key = excluded.key, version = excluded.version, bytes = excluded.bytes, \
             mode = excluded.mode, is_proven = excluded.is_proven, \
             retain_until_ms = excluded.retain_until_ms, is_held = excluded.is_held, \
             archived_ms = excluded.archived_ms, verified_ms = excluded.verified_ms, \
             checked_ms = excluded.checked_ms, state = excluded.state"
        );
        Ok(())
    }

    /// The copies of an original.
    pub(crate) async fn archive_copies(&mut self, sha256: &[u8]) -> Result<Vec<CopyRow>> {
        let sql = [SELECT, "where sha256 = $1 order by store"].concat();
        on!(self, |conn| sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(sha256)
            .fetch_all(conn)
            .await)
    }

    /// Which of these originals have a whole copy in any store but one.
    pub(crate) async fn archived_beside(
        &mut self,
        store: &str,
        hashes: &[&[u8]],
    ) -> Result<Vec<Vec<u8>>> {
        let rows = select_in!(
            self,
            hashes,
            (Vec<u8>,),
            "select sha256 from archive_copy where state = 'whole' and store <> ",
            store,
            " and sha256 in ("
        );
        Ok(rows.into_iter().map(|(sha256,)| sha256).collect())
    }

    /// Which of these originals two persons have agreed to remove.
    pub(crate) async fn archive_removals_agreed(
        &mut self,
        hashes: &[&[u8]],
    ) -> Result<Vec<Vec<u8>>> {
        let rows = select_in!(
            self,
            hashes,
            (Vec<u8>,),
            "select sha256 from archive_removal where agreed_ms is not null and sha256 in ("
        );
        Ok(rows.into_iter().map(|(sha256,)| sha256).collect())
    }

    /// Copies in a store that were last read before a time, the longest unread first.
    pub(crate) async fn archive_copies_due(
        &mut self,
        store: &str,
        before_ms: Millis,
        rows_max: i64,
    ) -> Result<Vec<CopyRow>> {
        const TAIL: &str = "where checked_ms < $2 and store = $1 and state <> 'removed' \
             order by checked_ms, sha256 limit $3";
        let sql = [SELECT, TAIL].concat();
        on!(self, |conn| sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(store)
            .bind(before_ms)
            .bind(rows_max)
            .fetch_all(conn)
            .await)
    }

    /// Originals received before a time that have no copy in a store, after a hash, with one photo.
    pub(crate) async fn originals_without_copy(
        &mut self,
        store: &str,
        before_ms: Millis,
        after: &[u8],
        rows_max: i64,
    ) -> Result<Vec<(Vec<u8>, Uuid)>> {
        const SQL: &str = "select p.sha256, p.photo_id from photo p \
             where p.received_ms < $2 and p.sha256 > $3 and p.state <> 'mismatched' and not exists (select 1 \
             from archive_copy c where c.sha256 = p.sha256 and c.store = $1) \
             order by p.sha256, p.photo_id limit $4";
        on!(self, |conn| sqlx::query_as(SQL)
            .bind(store)
            .bind(before_ms)
            .bind(after)
            .bind(rows_max)
            .fetch_all(conn)
            .await)
    }

    /// How many originals there are that no photo row names, as after the database was lost.
    pub(crate) async fn copies_without_photo(&mut self) -> Result<i64> {
        const SQL: &str = "select count(distinct c.sha256) from archive_copy c \
             where not exists (select 1 from photo p where p.sha256 = c.sha256)";
        on!(self, |conn| sqlx::query_scalar(SQL).fetch_one(conn).await)
    }

    /// How many copies there are, by store, state and lock.
    pub(crate) async fn archive_counts(&mut self) -> Result<Vec<CopyCount>> {
        const SQL: &str = "select store, state, mode, is_proven, count(*) as copies, \
             cast(sum(bytes) as bigint) as bytes, min(checked_ms) as oldest_checked_ms \
             from archive_copy group by store, state, mode, is_proven \
             order by store, state, mode, is_proven";
        on!(self, |conn| sqlx::query_as(SQL).fetch_all(conn).await)
    }

    /// How many originals have no copy in a store, and since when the first of them waits.
    pub(crate) async fn archive_waiting(&mut self, store: &str) -> Result<(i64, Option<Millis>)> {
        const SQL: &str = "select count(distinct p.sha256), min(p.received_ms) from photo p \
             where p.state <> 'mismatched' and not exists (select 1 from archive_copy c \
             where c.sha256 = p.sha256 and c.store = $1)";
        on!(self, |conn| sqlx::query_as(SQL).bind(store).fetch_one(conn).await)
    }

    /// Keeps what a probe found.
    pub(crate) async fn put_archive_probe(
        &mut self,
        probe_id: Uuid,
        store: &str,
        at_ms: Millis,
        report: &str,
    ) -> Result<()> {
        const SQL: &str =
            "insert into archive_probe (probe_id, store, at_ms, report) values ($1, $2, $3, $4)";
        on!(self, |conn| sqlx::query(SQL)
            .bind(probe_id)
            .bind(store)
            .bind(at_ms)
            .bind(report)
            .execute(conn)
            .await
            .map(drop))
    }

    /// What the latest probe of a store found.
    pub(crate) async fn archive_probe(&mut self, store: &str) -> Result<Option<String>> {
        const SQL: &str = "select report from archive_probe where store = $1 \
             order by at_ms desc, probe_id desc limit 1";
        on!(self, |conn| sqlx::query_scalar(SQL).bind(store).fetch_optional(conn).await)
    }

    /// Keeps what a scrub found.
    pub(crate) async fn put_archive_finding(&mut self, row: &FindingRow<'_>) -> Result<()> {
        const SQL: &str = "insert into archive_finding \
             (finding_id, sha256, store, at_ms, found, is_mended) values ($1, $2, $3, $4, $5, $6)";
        on!(self, |conn| sqlx::query(SQL)
            .bind(row.finding_id)
            .bind(row.sha256)
            .bind(row.store)
            .bind(row.at_ms)
            .bind(row.found)
            .bind(i64::from(row.is_mended))
            .execute(conn)
            .await
            .map(drop))
    }

    /// What is said of removing an original.
    pub(crate) async fn archive_removal(&mut self, sha256: &[u8]) -> Result<Option<RemovalRow>> {
        const SQL: &str = "select asked_by, asked_ms, reason, agreed_by, agreed_ms, removed_ms \
             from archive_removal where sha256 = $1";
        on!(self, |conn| sqlx::query_as(SQL).bind(sha256).fetch_optional(conn).await)
    }

    /// Stores what is said of removing an original.
    pub(crate) async fn put_archive_removal(
        &mut self,
        sha256: &[u8],
        row: &RemovalRow,
    ) -> Result<()> {
        const SQL: &str = "insert into archive_removal \
             (sha256, asked_by, asked_ms, reason, agreed_by, agreed_ms, removed_ms) \
             values ($1, $2, $3, $4, $5, $6, $7) on conflict (sha256) do update set \
             agreed_by = excluded.agreed_by, agreed_ms = excluded.agreed_ms, \
             removed_ms = excluded.removed_ms";
        on!(self, |conn| sqlx::query(SQL)
            .bind(sha256)
            .bind(row.asked_by)
            .bind(row.asked_ms)
            .bind(&row.reason)
            .bind(row.agreed_by)
            .bind(row.agreed_ms)
            .bind(row.removed_ms)
            .execute(conn)
            .await
            .map(drop))
    }
}
