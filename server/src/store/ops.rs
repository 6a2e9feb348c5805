//! Ops: what people said, once and for ever.

use super::bulk::{for_chunks, select_in};
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
    /// `accepted` or `quarantined`.
    pub(crate) state: &'static str,
    pub(crate) hash: &'a [u8],
    pub(crate) content: &'a [u8],
    pub(crate) answer: &'a [u8],
    pub(crate) corrected_ms: Millis,
    pub(crate) received_ms: Millis,
    pub(crate) quality: &'static str,
}

/// What is known of an op id: the hash it came with, and the answer it got.
#[derive(sqlx::FromRow)]
pub(crate) struct KnownOp {
    pub(crate) op_id: Uuid,
    pub(crate) hash: Vec<u8>,
    pub(crate) answer: Vec<u8>,
}

/// A stored op, for the fold.
#[derive(sqlx::FromRow)]
pub(crate) struct AcceptedOp {
    pub(crate) hash: Vec<u8>,
    pub(crate) content: Vec<u8>,
    pub(crate) corrected_ms: Millis,
    pub(crate) received_ms: Millis,
    pub(crate) quality: String,
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

/// Something sent that is no op, kept for repair.
pub(crate) struct RejectedOp<'a> {
    pub(crate) id: Uuid,
    pub(crate) user: Uuid,
    pub(crate) device: Uuid,
    pub(crate) received_ms: Millis,
    pub(crate) reason: &'static str,
    pub(crate) sent: &'a [u8],
}

impl Tx {
    /// Which of these op ids a street knows already, with their answers.
    pub(crate) async fn known_ops(&mut self, street: Uuid, ops: &[Uuid]) -> Result<Vec<KnownOp>> {
        Ok(select_in!(
            self,
            ops,
            KnownOp,
            "select op_id, hash, answer from op where street_id = ",
            street,
            " and op_id in ("
        ))
    }

    /// Stores ops.
    pub(crate) async fn put_ops(&mut self, ops: &[OpRow<'_>]) -> Result<()> {
        const HEAD: &str = "insert into op (street_id, op_id, building_id, device_id, n, author_id, \
             kind, state, hash, content, answer, corrected_ms, received_ms, quality) ";
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
                .push_bind(op.state)
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

    /// Device counters that are taken already, among these of one device.
    pub(crate) async fn counters(
        &mut self,
        device: Uuid,
        from: i64,
        to: i64,
    ) -> Result<Vec<(i64, Uuid)>> {
        const SQL: &str = "select n, op_id from op where device_id = $1 and n between $2 and $3";
        on!(self, |conn| sqlx::query_as(SQL).bind(device).bind(from).bind(to).fetch_all(conn).await)
    }

    /// All accepted ops of a building, in no particular order.
    pub(crate) async fn accepted_ops(
        &mut self,
        street: Uuid,
        building: Uuid,
    ) -> Result<Vec<AcceptedOp>> {
        const SQL: &str = "select hash, content, corrected_ms, received_ms, quality from op \
             where street_id = $1 and building_id = $2 and state = 'accepted'";
        on!(self, |conn| sqlx::query_as(SQL).bind(street).bind(building).fetch_all(conn).await)
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
             where op.street_id = $1 and op.building_id = $2 and op.state = 'accepted' \
             order by op.corrected_ms, op.op_id";
        on!(self, |conn| sqlx::query_as(SQL).bind(street).bind(building).fetch_all(conn).await)
    }

    /// Keeps what was sent and could not be read.
    pub(crate) async fn put_rejected(&mut self, rejected: &RejectedOp<'_>) -> Result<()> {
        const SQL: &str = "insert into rejected_op \
             (rejected_id, user_id, device_id, received_ms, reason, sent) \
             values ($1, $2, $3, $4, $5, $6) on conflict (rejected_id) do nothing";
        on!(self, |conn| sqlx::query(SQL)
            .bind(rejected.id)
            .bind(rejected.user)
            .bind(rejected.device)
            .bind(rejected.received_ms)
            .bind(rejected.reason)
            .bind(rejected.sent)
            .execute(conn)
            .await
            .map(drop))
    }
}
