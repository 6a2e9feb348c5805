//! What the archive says to the evidence log, in the transaction that stores the same.

use super::place_of;
use crate::blobs::probe::Report;
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::store::{CopyRow, EventRow, Tx};
use saolou_protocol::canonical::Hash;
use saolou_protocol::evidence::event::{Entry, Event};

/// Something that happened to originals or their store.
pub(super) enum Noted<'a> {
    /// A copy was put, read back to the end, and is whole.
    Archived(&'a CopyRow),
    /// A copy was read again after it was found bad, or is bad still.
    Scrubbed { hash: Hash, store: &'a str, found: &'a str, is_mended: bool },
    /// A store was tried.
    Probed(&'a Report),
    /// A copy is kept longer.
    Extended(&'a CopyRow),
    /// The store holds a copy, as a case does, or no longer.
    Held { hash: Hash, is_held: bool },
}

/// Notes it: in the log of the server, and in the evidence log as far as that has words for it.
pub(super) async fn note(tx: &mut Tx, clock: &Clock, noted: &Noted<'_>) -> Result<()> {
    note_all(tx, clock, std::slice::from_ref(noted)).await
}

/// Notes all of it.
pub(super) async fn note_all(tx: &mut Tx, clock: &Clock, noted: &[Noted<'_>]) -> Result<()> {
    let at_ms = clock.now_ms();
    let mut rows = Vec::new();
    for one in noted {
        tell(one)?;
        for event in events(one)? {
            let event_id = clock.new_id();
            let entry = Entry { id: event_id, at_ms, event };
            let body = entry.leaf();
            let body = body.ok_or_else(|| Error::Internal("an event is too large".into()))?;
            rows.push(EventRow { event_id, at_ms, body });
        }
    }
    Ok(tx.put_events(&rows).await?)
}

fn events(noted: &Noted<'_>) -> Result<Vec<Event>> {
    Ok(match noted {
        Noted::Archived(copy) => {
            let (sha256, place) = (super::hash_of(copy)?, place_of(copy));
            let (bucket, key) = (bucket(&place.bucket), place.key);
            let version = Some(place.version).filter(|version| !version.is_empty());
            let archived = Event::Archived {
                sha256,
                bucket: bucket.clone(),
                key: key.clone(),
                version: version.clone(),
                retain_until_ms: copy.retain_until_ms,
                mode: copy.mode.clone(),
            };
            vec![archived, Event::ArchiveVerified { sha256, bucket, key, version }]
        }
        Noted::Scrubbed { hash, store, is_mended, .. } => vec![Event::Scrub {
            bucket: (*store).to_owned(),
            blobs: 1,
            bad: vec![*hash],
            repaired: is_mended.then_some(*hash).into_iter().collect(),
        }],
        Noted::Probed(report) => {
            vec![Event::StoreProbe { bucket: report.store.clone(), outcomes: report.outcomes() }]
        }
        Noted::Extended(copy) => {
            let (sha256, until_ms) = (super::hash_of(copy)?, copy.retain_until_ms);
            let extended = until_ms
                .map(|retain_until_ms| Event::RetentionExtended { sha256, retain_until_ms });
            extended.into_iter().collect()
        }
        // That a case holds it was logged with the case.
        Noted::Held { .. } => Vec::new(),
    })
}

fn bucket(name: &str) -> String {
    if name.is_empty() { "folder".to_owned() } else { name.to_owned() }
}

fn tell(noted: &Noted<'_>) -> Result<()> {
    match noted {
        Noted::Archived(copy) => {
            let CopyRow { store, mode, bytes, .. } = copy;
            tracing::info!(sha256 = %super::hash_of(copy)?, store, mode, bytes, "archived");
        }
        Noted::Scrubbed { hash, store, found, is_mended } => {
            tracing::error!(sha256 = %hash, store, found, is_mended, "a copy is not whole");
        }
        Noted::Probed(Report { store, .. }) => tracing::info!(store, "the archive was tried"),
        Noted::Extended(copy) => {
            let until_ms = copy.retain_until_ms;
            tracing::info!(sha256 = %super::hash_of(copy)?, until_ms, "kept longer");
        }
        Noted::Held { hash, is_held } => tracing::info!(sha256 = %hash, is_held, "legal hold"),
    }
    Ok(())
}
