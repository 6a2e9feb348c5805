//! The evidence log: events, the tree over them, and the checkpoints that were signed.

use super::bulk::{for_chunks, select_in};
use super::{Result, Tx, on};
use saolou_protocol::time::Millis;
use uuid::Uuid;

/// An event to log. It waits until the sequencer gives it its place.
#[derive(Clone, Debug)]
pub(crate) struct EventRow {
    pub(crate) event_id: Uuid,
    pub(crate) at_ms: Millis,
    /// The leaf, as it is hashed.
    pub(crate) body: Vec<u8>,
}

/// What opens one commitment in an event.
#[derive(Clone, Debug)]
pub(crate) struct SaltRow {
    pub(crate) event_id: Uuid,
    pub(crate) name: &'static str,
    pub(crate) salt: Vec<u8>,
}

/// An event as it was filed, and how far the log has come.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct FiledRow {
    pub(crate) event_id: Uuid,
    pub(crate) body: Vec<u8>,
    /// Entries of the newest checkpoint here.
    pub(crate) size: i64,
    /// Entries of the largest checkpoint that others brought back and that is not here.
    pub(crate) known: i64,
}

impl Tx {
    /// Events as they were filed, those of them that are here.
    pub(crate) async fn filed(&mut self, events: &[Uuid]) -> Result<Vec<FiledRow>> {
        Ok(select_in!(
            self,
            events,
            FiledRow,
            "select event_id, body, \
             (select coalesce(max(size), 0) from evidence_checkpoint) as size, \
             (select coalesce(max(size), 0) from evidence_known) as known \
             from evidence_event where event_id in ("
        ))
    }

    /// Files events. One that is there already stays as it is.
    pub(crate) async fn put_events(&mut self, events: &[EventRow]) -> Result<()> {
        for_chunks!(
            self,
            events,
            "insert into evidence_event (event_id, at_ms, body) ",
            |values, event| _ =
                values.push_bind(event.event_id).push_bind(event.at_ms).push_bind(&event.body),
            " on conflict (event_id) do nothing"
        );
        Ok(())
    }

    /// Keeps what opens commitments. One that is there already stays as it is.
    pub(crate) async fn put_salts(&mut self, salts: &[SaltRow]) -> Result<()> {
        for_chunks!(
            self,
            salts,
            "insert into evidence_salt (event_id, name, salt) ",
            |values, salt| _ =
                values.push_bind(salt.event_id).push_bind(salt.name).push_bind(&salt.salt),
            " on conflict (event_id, name) do nothing"
        );
        Ok(())
    }
}

/// An event with its place.
pub(crate) struct PlacedRow {
    pub(crate) event_id: Uuid,
    pub(crate) at_ms: Millis,
    pub(crate) body: Vec<u8>,
    pub(crate) leaf_index: i64,
    pub(crate) leaf_hash: Vec<u8>,
    pub(crate) photo_id: Option<Uuid>,
    pub(crate) sha256: Option<Vec<u8>>,
}

/// A signed checkpoint.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct CheckpointRow {
    pub(crate) size: i64,
    pub(crate) root: Vec<u8>,
    pub(crate) note: String,
    pub(crate) at_ms: Millis,
}

/// A checkpoint of ours that others know and that does not fit what is here.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct KnownRow {
    pub(crate) size: i64,
    pub(crate) root: Vec<u8>,
    pub(crate) note: String,
    pub(crate) source: String,
    pub(crate) at_ms: Millis,
}

/// An entry of the log about a photo.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct LoggedRow {
    pub(crate) event_id: Uuid,
    pub(crate) leaf_index: i64,
    pub(crate) body: Vec<u8>,
}

impl Tx {
    /// Takes or keeps the lease of the sequencer. `false` where another server has it.
    ///
    /// Written first in a transaction, it also keeps every other sequencer out until the commit.
    pub(crate) async fn take_sequencer_lease(
        &mut self,
        holder: Uuid,
        now_ms: Millis,
        until_ms: Millis,
    ) -> Result<bool> {
        const SQL: &str = "insert into evidence_lease (lease, holder, until_ms) \
             values ('sequencer', $1, $2) on conflict (lease) do update \
             set holder = excluded.holder, until_ms = excluded.until_ms \
             where evidence_lease.holder = $1 or evidence_lease.until_ms < $3";
        on!(self, |conn| sqlx::query(SQL)
            .bind(holder)
            .bind(until_ms)
            .bind(now_ms)
            .execute(conn)
            .await
            .map(|done| done.rows_affected() == 1))
    }

    /// Entries that wait for their place, oldest first.
    pub(crate) async fn waiting_entries(&mut self, rows_max: i64) -> Result<Vec<Vec<u8>>> {
        const SQL: &str = "select body from evidence_event \
             where leaf_index is null order by at_ms, event_id limit $1";
        on!(self, |conn| sqlx::query_scalar(SQL).bind(rows_max).fetch_all(conn).await)
    }

    /// Gives events their places; those that are not here are put. Gives how many got one: an event
    /// that has its place keeps it.
    pub(crate) async fn place_events(&mut self, events: &[PlacedRow]) -> Result<u64> {
        Ok(for_chunks!(
            self,
            events,
            "insert into evidence_event \
             (event_id, at_ms, body, leaf_index, leaf_hash, photo_id, sha256) ",
            |values, event| _ = values
                .push_bind(event.event_id)
                .push_bind(event.at_ms)
                .push_bind(&event.body)
                .push_bind(event.leaf_index)
                .push_bind(&event.leaf_hash)
                .push_bind(event.photo_id)
                .push_bind(&event.sha256),
            " on conflict (event_id) do update set at_ms = excluded.at_ms, body = excluded.body, \
             leaf_index = excluded.leaf_index, leaf_hash = excluded.leaf_hash, \
             photo_id = excluded.photo_id, sha256 = excluded.sha256 \
             where evidence_event.leaf_index is null"
        ))
    }

    /// Keeps hashes of full tiles, as (level, index, hash).
    pub(crate) async fn put_nodes(&mut self, nodes: &[(i64, i64, Vec<u8>)]) -> Result<()> {
        for_chunks!(
            self,
            nodes,
            "insert into evidence_node (level, node_index, hash) ",
            |values, node| _ = values.push_bind(node.0).push_bind(node.1).push_bind(node.2.clone()),
            " on conflict (level, node_index) do nothing"
        );
        Ok(())
    }

    /// The hashes of a level from one index up to, not including, another, in order.
    pub(crate) async fn log_hashes(
        &mut self,
        level: u32,
        range: std::ops::Range<i64>,
    ) -> Result<Vec<Vec<u8>>> {
        const LEAVES: &str = "select leaf_hash from evidence_event \
             where leaf_index >= $1 and leaf_index < $2 and $3 = 0 order by leaf_index";
        const NODES: &str = "select hash from evidence_node \
             where node_index >= $1 and node_index < $2 and level = $3 order by node_index";
        let sql = if level == 0 { LEAVES } else { NODES };
        on!(self, |conn| sqlx::query_scalar(sql)
            .bind(range.start)
            .bind(range.end)
            .bind(i64::from(level))
            .fetch_all(conn)
            .await)
    }

    /// The entries from one index up to, not including, another, in order.
    pub(crate) async fn log_entries(
        &mut self,
        range: std::ops::Range<i64>,
    ) -> Result<Vec<Vec<u8>>> {
        const SQL: &str = "select body from evidence_event \
             where leaf_index >= $1 and leaf_index < $2 order by leaf_index";
        on!(self, |conn| sqlx::query_scalar(SQL)
            .bind(range.start)
            .bind(range.end)
            .fetch_all(conn)
            .await)
    }

    /// The entries about a photo, in the order of the log.
    pub(crate) async fn log_of_photo(&mut self, photo: Uuid) -> Result<Vec<LoggedRow>> {
        const SQL: &str = "select event_id, leaf_index, body from evidence_event \
             where photo_id = $1 and leaf_index is not null order by leaf_index";
        on!(self, |conn| sqlx::query_as(SQL).bind(photo).fetch_all(conn).await)
    }

    /// The entries about some bytes, in the order of the log.
    pub(crate) async fn log_of_blob(&mut self, sha256: &[u8]) -> Result<Vec<LoggedRow>> {
        const SQL: &str = "select event_id, leaf_index, body from evidence_event \
             where sha256 = $1 and leaf_index is not null order by leaf_index";
        on!(self, |conn| sqlx::query_as(SQL).bind(sha256).fetch_all(conn).await)
    }

    /// An entry by the id of its event; `None` while it waits for its place.
    pub(crate) async fn logged(&mut self, event: Uuid) -> Result<Option<LoggedRow>> {
        const SQL: &str = "select event_id, leaf_index, body from evidence_event \
             where event_id = $1 and leaf_index is not null";
        on!(self, |conn| sqlx::query_as(SQL).bind(event).fetch_optional(conn).await)
    }

    /// What opens a commitment of an event; `None` where it was destroyed.
    pub(crate) async fn salt(&mut self, event: Uuid, name: &str) -> Result<Option<Vec<u8>>> {
        const SQL: &str = "select salt from evidence_salt where event_id = $1 and name = $2";
        on!(self, |conn| sqlx::query_scalar(SQL).bind(event).bind(name).fetch_optional(conn).await)
    }

    /// The checkpoint with the most entries.
    pub(crate) async fn log_head(&mut self) -> Result<Option<CheckpointRow>> {
        const SQL: &str = "select size, root, note, at_ms from evidence_checkpoint \
             order by size desc limit 1";
        on!(self, |conn| sqlx::query_as(SQL).fetch_optional(conn).await)
    }

    /// Keeps a checkpoint. One of the same size stays as it is.
    pub(crate) async fn put_checkpoint(&mut self, checkpoint: &CheckpointRow) -> Result<()> {
        const SQL: &str = "insert into evidence_checkpoint (size, root, note, at_ms) \
             values ($1, $2, $3, $4) on conflict (size) do nothing";
        on!(self, |conn| sqlx::query(SQL)
            .bind(checkpoint.size)
            .bind(&checkpoint.root)
            .bind(&checkpoint.note)
            .bind(checkpoint.at_ms)
            .execute(conn)
            .await
            .map(drop))
    }

    /// Keeps what a witness said of a checkpoint.
    pub(crate) async fn put_cosignature(
        &mut self,
        size: i64,
        witness: &str,
        line: &str,
        at_ms: Millis,
    ) -> Result<()> {
        const SQL: &str = "insert into evidence_cosignature (size, witness, line, at_ms) \
             values ($1, $2, $3, $4) on conflict (size, witness) do update \
             set line = excluded.line, at_ms = excluded.at_ms";
        on!(self, |conn| sqlx::query(SQL)
            .bind(size)
            .bind(witness)
            .bind(line)
            .bind(at_ms)
            .execute(conn)
            .await
            .map(drop))
    }

    /// What witnesses said of a checkpoint, by their names.
    pub(crate) async fn cosignatures(&mut self, size: i64) -> Result<Vec<String>> {
        const SQL: &str = "select line from evidence_cosignature where size = $1 order by witness";
        on!(self, |conn| sqlx::query_scalar(SQL).bind(size).fetch_all(conn).await)
    }

    /// The largest checkpoint that a witness cosigned; 0 for none.
    pub(crate) async fn cosigned_size(&mut self, witness: &str) -> Result<i64> {
        const SQL: &str =
            "select coalesce(max(size), 0) from evidence_cosignature where witness = $1";
        on!(self, |conn| sqlx::query_scalar(SQL).bind(witness).fetch_one(conn).await)
    }

    /// Keeps a checkpoint that does not fit what is here.
    pub(crate) async fn put_known(&mut self, known: &KnownRow) -> Result<()> {
        const SQL: &str = "insert into evidence_known (size, root, note, source, at_ms) \
             values ($1, $2, $3, $4, $5) on conflict (size, root) do nothing";
        on!(self, |conn| sqlx::query(SQL)
            .bind(known.size)
            .bind(&known.root)
            .bind(&known.note)
            .bind(&known.source)
            .bind(known.at_ms)
            .execute(conn)
            .await
            .map(drop))
    }

    /// Checkpoints that did not fit when they were brought, largest first.
    pub(crate) async fn known_checkpoints(&mut self) -> Result<Vec<KnownRow>> {
        const SQL: &str = "select size, root, note, source, at_ms from evidence_known order by size desc limit 64";
        on!(self, |conn| sqlx::query_as(SQL).fetch_all(conn).await)
    }

    /// Forgets a checkpoint that fits by now.
    pub(crate) async fn drop_known(&mut self, size: i64, root: &[u8]) -> Result<()> {
        const SQL: &str = "delete from evidence_known where size = $1 and root = $2";
        on!(self, |conn| sqlx::query(SQL).bind(size).bind(root).execute(conn).await.map(drop))
    }

    /// Keeps the token of a time-stamping authority over a checkpoint.
    pub(crate) async fn put_timestamp(&mut self, size: i64, token: &[u8]) -> Result<()> {
        const SQL: &str = "update evidence_checkpoint set timestamp_token = $2 where size = $1";
        on!(self, |conn| sqlx::query(SQL).bind(size).bind(token).execute(conn).await.map(drop))
    }

    /// The first checkpoint of at least a size that has such a token, with the token.
    pub(crate) async fn timestamped_from(
        &mut self,
        size: i64,
    ) -> Result<Option<(i64, String, Millis, Vec<u8>)>> {
        const SQL: &str = "select size, note, at_ms, timestamp_token from evidence_checkpoint \
             where size >= $1 and timestamp_token is not null order by size limit 1";
        on!(self, |conn| sqlx::query_as(SQL).bind(size).fetch_optional(conn).await)
    }

    /// When the newest checkpoint with such a token was signed.
    pub(crate) async fn last_timestamped_ms(&mut self) -> Result<Option<Millis>> {
        const SQL: &str =
            "select max(at_ms) from evidence_checkpoint where timestamp_token is not null";
        on!(self, |conn| sqlx::query_scalar(SQL).fetch_one(conn).await)
    }
}
