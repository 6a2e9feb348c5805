//! What the archive says to the evidence log, in the transaction that stores the same.

use crate::clock::Clock;
use crate::error::Result;
use crate::store::{CopyRow, Tx};
use saolou_protocol::canonical::Hash;

/// Something that happened to originals or their store.
pub(super) enum Noted<'a> {
    /// A copy was put, read back to the end, and is whole.
    Archived(&'a CopyRow),
    /// A copy was read again after it was found bad, or is bad still.
    Scrubbed { hash: Hash, store: &'a str, found: &'a str, is_mended: bool },
    /// A store was tried.
    Probed { store: &'a str, missing: &'a [&'static str] },
    /// A copy is kept longer.
    Extended(&'a CopyRow),
    /// A copy was put under legal hold, or freed.
    Held { hash: Hash, is_held: bool },
    /// Two persons removed an original after its time.
    Removed { hash: Hash },
}

/// Notes it.
#[expect(clippy::unused_async, reason = "the log is written in the caller's transaction")]
pub(super) async fn note(_: &mut Tx, clock: &Clock, noted: &Noted<'_>) -> Result<()> {
    let at_ms = clock.now_ms();
    match noted {
        Noted::Archived(copy) => {
            let CopyRow { store, mode, bytes, .. } = copy;
            let sha256 = super::hash_of(copy)?;
            tracing::info!(%sha256, store, mode, bytes, at_ms, "archived");
        }
        Noted::Scrubbed { hash, store, found, is_mended } => {
            tracing::error!(sha256 = %hash, store, found, is_mended, at_ms, "a copy is not whole");
        }
        Noted::Probed { store, missing } => {
            tracing::info!(store, ?missing, at_ms, "the archive was tried");
        }
        Noted::Extended(copy) => {
            let (sha256, until_ms) = (super::hash_of(copy)?, copy.retain_until_ms);
            tracing::info!(%sha256, until_ms, at_ms, "kept longer");
        }
        Noted::Held { hash, is_held } => {
            tracing::info!(sha256 = %hash, is_held, at_ms, "legal hold");
        }
        Noted::Removed { hash } => tracing::warn!(sha256 = %hash, at_ms, "removed"),
    }
    Ok(())
}
