//! The steps of a round: each change of its status, by whom and why, and the figures of a closing.

use super::{Result, Tx, on};
use saolou_protocol::time::Millis;
use uuid::Uuid;

/// A change of the status of a round.
pub(crate) struct StepRow {
    pub(crate) step_id: Uuid,
    pub(crate) round_id: Uuid,
    pub(crate) status: String,
    pub(crate) reason: Option<String>,
    pub(crate) author_id: Uuid,
    pub(crate) at_ms: Millis,
}

/// A step with the name of its author, and for a closing the counts of its street as JSON.
#[derive(sqlx::FromRow)]
pub(crate) struct ToldStepRow {
    pub(crate) step_id: Uuid,
    pub(crate) status: String,
    pub(crate) reason: Option<String>,
    pub(crate) author: String,
    pub(crate) at_ms: Millis,
    pub(crate) counts: Option<Vec<u8>>,
}

impl Tx {
    /// Notes a step.
    pub(crate) async fn put_step(&mut self, step: &StepRow) -> Result<()> {
        const SQL: &str = "insert into round_step \
             (step_id, round_id, status, reason, author_id, at_ms) values ($1, $2, $3, $4, $5, $6)";
        on!(self, |conn| sqlx::query(SQL)
            .bind(step.step_id)
            .bind(step.round_id)
            .bind(step.status.as_str())
            .bind(step.reason.as_deref())
            .bind(step.author_id)
            .bind(step.at_ms)
            .execute(conn)
            .await
            .map(drop))
    }

    /// Notes the counts of a closing, once.
    pub(crate) async fn put_step_counts(&mut self, step: Uuid, counts: &[u8]) -> Result<()> {
        const SQL: &str = "update round_step set counts = $2 where step_id = $1 and counts is null";
        on!(self, |conn| sqlx::query(SQL).bind(step).bind(counts).execute(conn).await.map(drop))
    }

    /// The steps of a round, oldest first.
    pub(crate) async fn steps(&mut self, round: Uuid) -> Result<Vec<ToldStepRow>> {
        const SQL: &str = "select step_id, round_step.status, reason, account.name as author, at_ms, counts \
             from round_step join account on account.user_id = round_step.author_id \
             where round_id = $1 order by at_ms, step_id";
        on!(self, |conn| sqlx::query_as(SQL).bind(round).fetch_all(conn).await)
    }
}
