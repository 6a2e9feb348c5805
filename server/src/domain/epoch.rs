//! The epoch: one incarnation of the server's data. It changes when the data went back to an older
//! state — a restored backup, a standby that took over without the last commits — and then every
//! phone reads anew and sends again what it still keeps.
//!
//! PostgreSQL says itself that it is another (`store/incarnation.rs`). Of a file that was replaced by
//! an older one only a [`Mark`] beside it can tell, and phones that have read what is no longer there.

use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::store::{Store, Tx};
use std::path::{Path, PathBuf};
use std::time::Duration;
use uuid::Uuid;

const EPOCH: &str = "epoch";
/// How often the mark is brought up to date.
const MARK_EVERY: Duration = Duration::from_secs(10);

/// The epoch, as of a snapshot.
pub(crate) async fn current(tx: &mut Tx) -> Result<Uuid> {
    let text = tx.setting(EPOCH).await?.unwrap_or_default();
    Uuid::parse_str(&text).map_err(|_| Error::Internal("the epoch is no id".into()))
}

/// Begins a new epoch, unless somebody else did since `seen`. Gives the one that holds now.
pub(crate) async fn advance(store: &Store, clock: &Clock, seen: Uuid) -> Result<Uuid> {
    let mut tx = store.write().await?;
    let swapped = tx.swap_setting(EPOCH, &seen.to_string(), &clock.new_id().to_string()).await?;
    let epoch = current(&mut tx).await?;
    tx.commit().await?;
    if swapped {
        tracing::warn!(%epoch, "the data is older than what phones have seen: a new epoch begins");
        metrics::counter!("saolou_epochs_total").increment(1);
    }
    Ok(epoch)
}

/// How far all feeds together had come, in a file beside the database file. They never go back by
/// themselves.
pub(crate) struct Mark {
    file: PathBuf,
    store: Store,
}

impl Mark {
    /// Compares the mark with the data, and begins a new epoch where these are older. `None` where
    /// the database is no file.
    pub(crate) async fn compare(
        folder: &Path,
        store: &Store,
        clock: &Clock,
    ) -> Result<Option<Self>> {
        if matches!(store, Store::Postgres(..)) {
            return Ok(None);
        }
        let mark = Self { file: folder.join("saolou.mark"), store: store.clone() };
        let marked = std::fs::read_to_string(&mark.file).ok();
        let marked = marked.and_then(|text| text.trim().parse::<i64>().ok());
        let mut tx = store.read().await?;
        let (seen, come) = (current(&mut tx).await?, tx.feeds_sum().await?);
        drop(tx);
        if marked.is_some_and(|marked| come < marked) {
            advance(store, clock, seen).await?;
        }
        mark.try_to_write().await;
        Ok(Some(mark))
    }

    /// Keeps the mark up to date.
    pub(crate) async fn keep(self) {
        let mut every = tokio::time::interval(MARK_EVERY);
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            every.tick().await;
            self.try_to_write().await;
        }
    }

    /// An older mark is of use too, and on a full disk a server can still be read from.
    async fn try_to_write(&self) {
        if let Err(error) = self.write().await {
            tracing::warn!(%error, "the mark beside the database");
        }
    }

    /// Under its name there is always a whole one.
    async fn write(&self) -> Result<()> {
        let come = self.store.read().await?.feeds_sum().await?;
        let new = self.file.with_extension("mark.new");
        let written =
            std::fs::write(&new, come.to_string()).and_then(|()| std::fs::rename(&new, &self.file));
        written.map_err(|error| Error::Internal(format!("{}: {error}", self.file.display())))
    }
}
