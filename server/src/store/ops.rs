//! Ops: what people said, once and for ever.

use super::bulk::{chunks, column, for_chunks, select_in};
use super::{Result, Tx, on};
use saolou_protocol::time::Millis;
use uuid::Uuid;

/// An op to store.
pub(crate) struct OpRow<'a> {
    pub(crate) street: Uuid,
    pub(crate) op: Uuid,
    pub(crate) building: Uuid,
    pub(crate) device: Uuid,
    pub(crate) n: i64,
    pub(crate) author: Uuid,
    pub(crate) kind: &'a str,
    pub(crate) hash: &'a [u8],
    pub(crate) content: &'a [u8],
    pub(crate) answer: &'a [u8],
    pub(crate) corrected_ms: Millis,
    pub(crate) received_ms: Millis,
    pub(crate) quality: &'static str,
}

/// What is known of an op: the hash it came with, the answer it got, and where it is in quarantine
/// the one who sent it.
#[derive(sqlx::FromRow)]
pub(crate) struct KnownOp {
    pub(crate) op_id: Uuid,
    pub(crate) hash: Vec<u8>,
    pub(crate) answer: Vec<u8>,
    pub(crate) sender_id: Option<Uuid>,
}

/// A stored op, for the fold.
#[derive(sqlx::FromRow)]
pub(crate) struct AcceptedOp {
    pub(crate) hash: Vec<u8>,
    pub(crate) content: Vec<u8>,
    pub(crate) corrected_ms: Millis,
    pub(crate) received_ms: Millis,
    pub(crate) quality: String,
    /// Since when it is among the facts: when it came, or was released from quarantine.
    pub(crate) since_ms: Millis,
}

/// A stored op, for people.
#[derive(sqlx::FromRow)]
pub(crate) struct TimelineRow {
    pub(crate) op_id: Uuid,
    pub(crate) author_id: Uuid,
    pub(crate) author: Option<String>,
    pub(crate) content: Vec<u8>,
    pub(crate) hash: Vec<u8>,
    pub(crate) corrected_ms: Millis,
    pub(crate) received_ms: Millis,
    pub(crate) quality: String,
}

impl Tx {
    /// Which of these op ids a street knows already, accepted or in quarantine, with their answers.
    pub(crate) async fn known_ops(&mut self, street: Uuid, ops: &[Uuid]) -> Result<Vec<KnownOp>> {
        const ARRAYS: &str = "select op_id, hash, answer, cast(null as uuid) as sender_id from op \
             where street_id = $1 and op_id = any($2) union all \
             select op_id, hash, answer, sender_id from quarantine \
             where street_id = $1 and op_id = any($2)";
        if let Self::Postgres(tx) = self {
            return sqlx::query_as(ARRAYS).bind(street).bind(ops).fetch_all(&mut **tx).await;
        }
        let mut known = Vec::new();
        for chunk in chunks(ops) {
            let list: Vec<String> = (2..chunk.len() + 2).map(|place| format!("${place}")).collect();
            let list = list.join(", ");
            // One list of values, named twice: an id has one place in the statement.
            let sql = format!(
                "select op_id, hash, answer, cast(null as blob) as sender_id from op \
                 where street_id = $1 and op_id in ({list}) union all \
                 select op_id, hash, answer, sender_id from quarantine \
                 where street_id = $1 and op_id in ({list})"
            );
            let rows: Vec<KnownOp> = on!(self, |conn| {
                let mut query = sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(street);
                for op in chunk {
                    query = query.bind(*op);
                }
                query.fetch_all(conn).await
            })?;
            known.extend(rows);
        }
        Ok(known)
    }

    /// Stores ops.
    pub(crate) async fn put_ops(&mut self, ops: &[OpRow<'_>]) -> Result<()> {
        const HEAD: &str = "insert into op (street_id, op_id, building_id, device_id, n, author_id, \
             kind, hash, content, answer, corrected_ms, received_ms, quality) ";
        // One array a column: PostgreSQL spends less on these than on thousands of single values.
        const ARRAYS: &str = "select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], \
             $5::bigint[], $6::uuid[], $7::text[], $8::bytea[], $9::bytea[], $10::bytea[], \
             $11::bigint[], $12::bigint[], $13::text[])";
        if ops.is_empty() {
            return Ok(());
        }
        if let Self::Postgres(tx) = self {
            sqlx::query(sqlx::AssertSqlSafe([HEAD, ARRAYS].concat()))
                .bind(column(ops, |op| op.street))
                .bind(column(ops, |op| op.op))
                .bind(column(ops, |op| op.building))
                .bind(column(ops, |op| op.device))
                .bind(column(ops, |op| op.n))
                .bind(column(ops, |op| op.author))
                .bind(column(ops, |op| op.kind))
                .bind(column(ops, |op| op.hash))
                .bind(column(ops, |op| op.content))
                .bind(column(ops, |op| op.answer))
                .bind(column(ops, |op| op.corrected_ms))
                .bind(column(ops, |op| op.received_ms))
                .bind(column(ops, |op| op.quality))
                .execute(&mut **tx)
                .await?;
            return Ok(());
        }
        for_chunks!(
            self,
            ops,
            HEAD,
            |values, op| _ = values
                .push_bind(op.street)
                .push_bind(op.op)
                .push_bind(op.building)
                .push_bind(op.device)
                .push_bind(op.n)
                .push_bind(op.author)
                .push_bind(op.kind)
                .push_bind(op.hash)
                .push_bind(op.content)
                .push_bind(op.answer)
                .push_bind(op.corrected_ms)
                .push_bind(op.received_ms)
                .push_bind(op.quality),
            ""
        );
        Ok(())
    }

    /// What an accepted op says.
    pub(crate) async fn op_content(&mut self, street: Uuid, op: Uuid) -> Result<Option<Vec<u8>>> {
        const SQL: &str = "select content from op where street_id = $1 and op_id = $2";
        on!(self, |conn| sqlx::query_scalar(SQL).bind(street).bind(op).fetch_optional(conn).await)
    }

    /// All accepted ops of a building, in no particular order.
    pub(crate) async fn accepted_ops(
        &mut self,
        street: Uuid,
        building: Uuid,
    ) -> Result<Vec<AcceptedOp>> {
        const SQL: &str = "select hash, content, corrected_ms, received_ms, quality, \
             received_ms as since_ms from op where street_id = $1 and building_id = $2";
        on!(self, |conn| sqlx::query_as(SQL).bind(street).bind(building).fetch_all(conn).await)
    }

    /// All accepted ops of a building with the time since which each is among the facts. What a
    /// device fork put into quarantine counted from the beginning.
    pub(crate) async fn dated_ops(
        &mut self,
        street: Uuid,
        building: Uuid,
    ) -> Result<Vec<AcceptedOp>> {
        const SQL: &str = "select hash, content, corrected_ms, received_ms, quality, \
             coalesce((select min(quarantine.decided_ms) from quarantine \
             where quarantine.street_id = op.street_id and quarantine.op_id = op.op_id \
             and quarantine.state = 'released' and quarantine.reason <> 'device_forked'), \
             received_ms) as since_ms from op where street_id = $1 and building_id = $2";
        on!(self, |conn| sqlx::query_as(SQL).bind(street).bind(building).fetch_all(conn).await)
    }

    /// These accepted ops of a street, with their authors, in no particular order.
    pub(crate) async fn told(&mut self, street: Uuid, ops: &[Uuid]) -> Result<Vec<TimelineRow>> {
        Ok(select_in!(
            self,
            ops,
            TimelineRow,
            "select op.op_id, op.author_id, account.name as author, op.content, \
             op.hash, op.corrected_ms, op.received_ms, op.quality from op \
             left join account on account.user_id = op.author_id where op.street_id = ",
            street,
            " and op.op_id in ("
        ))
    }

    /// The accepted ops of a building, with their authors, by corrected time.
    pub(crate) async fn timeline(
        &mut self,
        street: Uuid,
        building: Uuid,
    ) -> Result<Vec<TimelineRow>> {
        const SQL: &str = "select op.op_id, op.author_id, account.name as author, op.content, \
             op.hash, op.corrected_ms, op.received_ms, op.quality from op \
             left join account on account.user_id = op.author_id \
             where op.street_id = $1 and op.building_id = $2 \
             order by op.corrected_ms, op.op_id";
        on!(self, |conn| sqlx::query_as(SQL).bind(street).bind(building).fetch_all(conn).await)
    }
}
