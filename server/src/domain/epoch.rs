//! The epoch: one incarnation of the server's data. It changes when the data went back to an older
//! state — a restored backup, a standby that took over without the last commits — and then every
//! phone reads anew and sends again what it still keeps.

use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::store::{Store, Tx};
use uuid::Uuid;

const EPOCH: &str = "epoch";

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
