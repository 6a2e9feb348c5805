//! How the archive stands, in one answer.

use super::Archive;
use crate::blobs::probe::{Property, Report};
use crate::error::{Error, Result};
use saolou_protocol::time::Millis;
use serde::Serialize;

/// How the archive stands.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Status {
    pub(crate) store: String,
    /// The lock that originals go up with.
    pub(crate) lock: &'static str,
    pub(crate) retention_days: i64,
    /// What the latest probe found; absent before the first.
    pub(crate) probe: Option<Report>,
    /// What a write-once archive must have and this one lacks.
    pub(crate) missing: Vec<&'static str>,
    /// Originals without a copy in the archive, and when the first of them came.
    pub(crate) waiting: i64,
    pub(crate) waiting_since_ms: Option<Millis>,
    /// Originals that the store does not hold, or let go, as cases do: it is still to be told.
    pub(crate) holds_pending: i64,
    pub(crate) copies: Vec<Copies>,
}

/// Copies that are alike.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Copies {
    pub(crate) store: String,
    /// `whole`, `damaged`, `missing` or `removed`.
    pub(crate) state: String,
    pub(crate) mode: String,
    pub(crate) is_proven: bool,
    pub(crate) copies: i64,
    pub(crate) bytes: i64,
    /// When the one was read that was not read for the longest time.
    pub(crate) oldest_checked_ms: Millis,
}

impl Archive {
    /// How the archive stands.
    pub(crate) async fn status(&self) -> Result<Status> {
        let mut tx = self.0.store.read().await?;
        let probe = tx.archive_probe(&self.0.name).await?;
        let probe: Option<Report> = probe
            .map(|text| serde_json::from_str(&text))
            .transpose()
            .map_err(|error| Error::Internal(format!("a stored report: {error}")))?;
        let missing = probe.as_ref().map(Report::missing).unwrap_or_default();
        let (waiting, waiting_since_ms) = tx.archive_waiting(&self.0.name).await?;
        let holds_pending = tx.held_otherwise_count(&self.0.name).await?;
        let copies = tx.archive_counts().await?.into_iter().map(|count| Copies {
            store: count.store,
            state: count.state,
            mode: count.mode,
            is_proven: count.is_proven != 0,
            copies: count.copies,
            bytes: count.bytes,
            oldest_checked_ms: count.oldest_checked_ms,
        });
        Ok(Status {
            store: self.0.name.clone(),
            lock: self.0.policy.mode.name(),
            retention_days: self.0.policy.retention_ms / super::DAY_MS,
            missing: missing.into_iter().map(Property::name).collect(),
            probe,
            waiting,
            waiting_since_ms,
            holds_pending,
            copies: copies.collect(),
        })
    }
}
