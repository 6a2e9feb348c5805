//! What the archive is trusted to do: found out at the start and once a day, by trying.

use super::log::{self, Noted};
use super::{Archive, NotArchived};
use crate::blobs::probe::{self, Property, Report};
use crate::blobs::{Blobs, Failure, Mode};
use crate::config::Worm;
use crate::error::Error;
use std::sync::Arc;
use std::time::Duration;

/// How often a store is tried that is as it should be.
const EVERY: Duration = Duration::from_secs(24 * 3600);
/// How soon one is tried again that is not, or cannot be reached; each further time waits twice as
/// long, up to the longest.
const AGAIN_MIN: Duration = Duration::from_secs(1);
const AGAIN_MAX: Duration = Duration::from_secs(60);

/// What is known of the archive.
#[derive(Clone)]
pub(super) enum Standing {
    /// It was not tried yet.
    Unknown,
    /// It was tried.
    Tried(Arc<Report>),
}

impl Archive {
    /// Tries the store, now and then, as long as the server runs.
    pub(crate) async fn keep_probing(self) {
        let mut again = AGAIN_MIN;
        loop {
            let is_fit = match self.probe().await {
                Ok(report) => self.is_fit(&report),
                Err(error) => {
                    tracing::warn!(store = self.0.name, %error, "the archive cannot be tried");
                    false
                }
            };
            if is_fit {
                again = AGAIN_MIN;
                tokio::time::sleep(EVERY).await;
            } else {
                tokio::time::sleep(again).await;
                again = (again * 2).min(AGAIN_MAX);
            }
        }
    }

    /// Tries the store, and keeps what was found.
    pub(crate) async fn probe(&self) -> Result<Arc<Report>, NotArchived> {
        let (id, now_ms) = (self.0.clock.new_id(), self.0.clock.now_ms());
        let mut report = probe::probe(&self.0.blobs, self.0.policy.mode, id, now_ms).await?;
        report.store.clone_from(&self.0.name);
        let report = Arc::new(report);
        let text = serde_json::to_string(&*report)
            .map_err(|error| Error::Internal(format!("a report: {error}")))?;
        let missing: Vec<_> = report.missing().into_iter().map(Property::name).collect();
        let mut tx = self.0.store.write().await?;
        tx.put_archive_probe(id, &report.store, now_ms, &text).await?;
        log::note(&mut tx, &self.0.clock, &Noted::Probed(&report)).await?;
        tx.commit().await?;
        if !self.is_fit(&report) {
            tracing::error!(
                store = report.store,
                ?missing,
                "the archive is refused: not write-once"
            );
        }
        metrics::gauge!("saolou_archive_refused").set(f64::from(!self.is_fit(&report)));
        self.0.standing.send_replace(Standing::Tried(Arc::clone(&report)));
        Ok(report)
    }

    /// In one word how safe an archived original is: `none`, `claimed` where the store shows a lock
    /// that was not proven, `governance` or `compliance` where it was. For receipts.
    pub(crate) fn promise(&self) -> &'static str {
        match &*self.0.standing.borrow() {
            Standing::Tried(report) if report.missing().is_empty() => self.0.policy.mode.name(),
            Standing::Tried(report) if report.takes_locks() => "claimed",
            _ => "none",
        }
    }

    /// Why nothing is archived now, for whoever asks whether the server is ready.
    pub(crate) fn refusal(&self) -> Option<String> {
        self.may_write().err().map(|refused| refused.to_string())
    }

    /// The lock that the next original goes up with, if any.
    ///
    /// # Errors
    /// Where it may not go up now.
    pub(super) fn may_write(&self) -> Result<Option<Mode>, NotArchived> {
        let required = self.0.policy.worm == Worm::Required;
        if matches!(self.0.blobs, Blobs::Folder(_)) {
            let refused = "worm = required, and a folder locks nothing".to_owned();
            return if required { Err(NotArchived::Waits(refused)) } else { Ok(None) };
        }
        match &*self.0.standing.borrow() {
            Standing::Unknown => Err(NotArchived::Waits("the store was not tried yet".to_owned())),
            Standing::Tried(report) if !self.is_fit(report) => {
                let missing: Vec<_> = report.missing().into_iter().map(Property::name).collect();
                let missing = missing.join(", ");
                Err(NotArchived::Waits(format!("worm = required, and the store lacks {missing}")))
            }
            Standing::Tried(report) => {
                Ok(Some(self.0.policy.mode)
                    .filter(|mode| *mode != Mode::None && report.takes_locks()))
            }
        }
    }

    pub(super) fn is_proven(&self) -> bool {
        match &*self.0.standing.borrow() {
            Standing::Unknown => false,
            Standing::Tried(report) => report.missing().is_empty(),
        }
    }

    /// Whether originals may go where this was found.
    fn is_fit(&self, report: &Report) -> bool {
        self.0.policy.worm == Worm::BestEffort || report.missing().is_empty()
    }
}

impl NotArchived {
    /// Whether the store has to be asked no more for now.
    pub(super) const fn is_of_the_store(&self) -> bool {
        matches!(self, Self::Waits(_) | Self::Store(Failure::Down(_) | Failure::Refused(_)))
    }
}
