//! The log, as the rest of the server knows it.

use super::copy::Copy;
use super::guard::{self, Verdict};
use super::keys::{Given, Keys};
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::store::{KnownRow, Store, Tx};
use saolou_protocol::canonical::Hash;
use saolou_protocol::evidence::checkpoint::Signed;
use saolou_protocol::evidence::event::{Entry, Event};
use saolou_protocol::evidence::note::NOTE_BYTES_MAX;
use saolou_protocol::evidence::receipt::Receipt;
use saolou_protocol::evidence::tile::{Hashes, Tile};
use saolou_protocol::evidence::tree::{Range, leaf_hash};
use saolou_protocol::ids::DeviceId;
use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;
use uuid::Uuid;

/// How often whoever starts looks whether another server has filled the log up, until its lease is over.
const LOOKS: u32 = 48;
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// The evidence log of a database.
#[derive(Clone)]
pub(crate) struct Log {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    /// Who this server is when the sequencer's lease is taken.
    pub(super) me: Uuid,
    pub(super) given: Given,
    keys: Arc<RwLock<Keys>>,
    /// The newest checkpoint, as it was last looked for.
    newest: Arc<RwLock<Option<Arc<str>>>>,
    // Why there is none, where it cannot be read: then nothing is signed.
    copy: Arc<Mutex<std::result::Result<Copy, String>>>,
    /// Entries of the copy, for whoever must not wait for it.
    copied: Arc<AtomicU64>,
}

impl Log {
    /// Reads or makes the keys, and opens the copy below the data folder.
    ///
    /// # Errors
    /// Where the database cannot be read or written.
    pub(crate) async fn open(
        store: &Store,
        clock: &Clock,
        folder: &Path,
        given: Given,
    ) -> Result<Self> {
        let mut tx = store.write().await?;
        let keys = Keys::read(&mut tx, clock, &given).await?;
        tx.commit().await?;
        let copy = Copy::open(&folder.join("evidence")).map_err(|error| {
            // Photos are taken all the same; what happened to them waits for its places.
            tracing::error!(%error, "nothing is added to the evidence log");
            error.to_string()
        });
        let copied = copy.as_ref().map_or(0, |copy| copy.edge().size());
        Ok(Self {
            store: store.clone(),
            clock: clock.clone(),
            me: clock.new_id(),
            given,
            keys: Arc::new(RwLock::new(keys)),
            newest: Arc::default(),
            copy: Arc::new(Mutex::new(copy)),
            copied: Arc::new(AtomicU64::new(copied)),
        })
    }

    /// The log beside a running server: to read and to file events, not to sign.
    ///
    /// # Errors
    /// Where the database cannot be read or written.
    pub(crate) async fn beside(store: &Store, clock: &Clock, given: Given) -> Result<Self> {
        let mut tx = store.write().await?;
        let keys = Keys::read(&mut tx, clock, &given).await?;
        tx.commit().await?;
        Ok(Self {
            store: store.clone(),
            clock: clock.clone(),
            me: clock.new_id(),
            given,
            keys: Arc::new(RwLock::new(keys)),
            newest: Arc::default(),
            copy: Arc::new(Mutex::new(Err("the copy is the server's".to_owned()))),
            copied: Arc::default(),
        })
    }

    /// The keys, as they were last read.
    pub(crate) fn keys(&self) -> Keys {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn take_up(&self, keys: Keys) {
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
    }

    /// Fills the database up from the copy where it was set back: before anybody asks, so that what is
    /// brought again finds its entry, and what was promised once is what is logged. Gives whether the
    /// database has all that the copy has.
    pub(crate) async fn catch_up(&self) -> bool {
        for _ in 0..LOOKS {
            match guard::restore(self).await {
                Ok(Some(Verdict::Elsewhere)) => tokio::time::sleep(LOOK_EVERY).await,
                Ok(Some(Verdict::Refused(why))) => {
                    tracing::error!(why, "the evidence log is not filled up");
                    return false;
                }
                Ok(None | Some(Verdict::Clear | Verdict::Restored)) => return true,
                Err(error) => {
                    tracing::warn!(%error, "the evidence log is not filled up");
                    return false;
                }
            }
        }
        false
    }

    /// Events as they were filed, to be promised: `None` where there is none, and while the log is known
    /// to lack entries. Among these may be the same event as it was filed, and promised, before the
    /// database was set back; then that is the one, and is given when it is here again.
    ///
    /// # Errors
    /// Where the database cannot be read.
    pub(crate) async fn promised(&self, events: &[Uuid]) -> Result<Vec<Option<Vec<u8>>>> {
        // What the copy holds was in the database before: read in this order, the database is behind
        // only where it was set back.
        let copied = signed_size(self.copied.load(Ordering::Acquire));
        let mut filed = self.store.read().await?.filed(events).await?;
        if filed.iter().any(|filed| filed.size < copied) {
            if let Err(error) = guard::restore(self).await {
                tracing::warn!(%error, "the evidence log is not filled up");
            }
            filed = self.store.read().await?.filed(events).await?;
        }
        let mut bodies: HashMap<Uuid, Vec<u8>> = filed
            .into_iter()
            .filter(|filed| filed.size >= copied.max(filed.known))
            .map(|filed| (filed.event_id, filed.body))
            .collect();
        Ok(events.iter().map(|event| bodies.remove(event)).collect())
    }

    /// The signed receipt of a photo, from the stored entry that says it was received. `worm` is how
    /// the archive keeps it from being deleted: `none`, `governance` or `compliance`.
    ///
    /// # Errors
    /// Where the bytes are no such entry.
    pub(crate) fn receipt(&self, received: &[u8], worm: &str) -> Result<String> {
        let entry = Entry::read(received);
        let Some(Entry { at_ms, event, .. }) = entry else { return Err(no_receipt()) };
        let Event::Received { photo_id, sha256, bytes, manifest, .. } = event else {
            return Err(no_receipt());
        };
        let signer = self.keys().signer;
        let receipt = Receipt {
            origin: signer.name().to_owned(),
            photo_id,
            sha256,
            bytes,
            manifest,
            received_ms: at_ms,
            leaf: leaf_hash(received),
            worm: worm.to_owned(),
        };
        Ok(receipt.sign(&signer))
    }

    /// Notes which checkpoint is the newest.
    pub(super) fn is_newest(&self, note: &str) {
        let mut newest = self.newest.write().unwrap_or_else(PoisonError::into_inner);
        if newest.as_deref() != Some(note) {
            *newest = Some(Arc::from(note));
        }
    }

    /// Compares the checkpoint that a phone carries, and gives the newest one where that is another.
    /// Phones come every day and from everywhere: a log that was set back or forked meets one that
    /// knows better. Whatever is wrong with it, no sync fails for it.
    pub(crate) async fn exchange(&self, carried: Option<&str>, by: DeviceId) -> Option<String> {
        let newest = self.newest.read().unwrap_or_else(PoisonError::into_inner).clone();
        if carried == newest.as_deref() {
            return None;
        }
        if let Some(carried) = carried.filter(|note| note.len() <= NOTE_BYTES_MAX)
            && let Err(error) = self.note_checkpoint(carried, &format!("device {by}")).await
        {
            tracing::warn!(%error, "a checkpoint that a phone carries was not compared");
        }
        newest.map(|note| note.to_string())
    }

    /// Compares a checkpoint that somebody brought back with the log. One of ours that does not fit
    /// is kept, and nothing is signed any more until it does. Gives whether it is one of ours.
    pub(crate) async fn note_checkpoint(&self, note: &str, source: &str) -> Result<bool> {
        let Some(signed) = self.keys().open(note) else { return Ok(false) };
        let mut tx = self.store.read().await?;
        let size = signed.checkpoint.size;
        let root = root_at(&mut tx, size).await?;
        drop(tx);
        if root == Some(signed.checkpoint.root) {
            return Ok(true);
        }
        tracing::error!(size, source, "a checkpoint that was signed does not fit the evidence log");
        self.keep_known(&signed, source).await?;
        Ok(true)
    }

    async fn keep_known(&self, signed: &Signed, source: &str) -> Result<()> {
        let mut tx = self.store.write().await?;
        tx.put_known(&KnownRow {
            size: signed_size(signed.checkpoint.size),
            root: signed.checkpoint.root.0.to_vec(),
            note: signed.note.to_string(),
            source: source.to_owned(),
            at_ms: self.clock.now_ms(),
        })
        .await?;
        Ok(tx.commit().await?)
    }

    /// Does something with the copy, away from the threads that serve.
    pub(super) async fn with_copy<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut Copy) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (copy, copied) = (self.copy.clone(), self.copied.clone());
        let done = tokio::task::spawn_blocking(move || {
            let mut copy = copy.lock().unwrap_or_else(PoisonError::into_inner);
            match &mut *copy {
                Ok(copy) => {
                    let done = act(copy);
                    copied.store(copy.edge().size(), Ordering::Release);
                    done
                }
                Err(why) => Err(Error::Internal(why.clone())),
            }
        });
        done.await.map_err(|error| Error::Internal(error.to_string()))?
    }
}

fn no_receipt() -> Error {
    Error::Internal("evidence log: a receipt is for an entry that says it was received".into())
}

/// Sizes of logs fit the integers of databases.
pub(super) fn signed_size(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

/// The root of the log when it had so many entries; `None` where it has not so many.
pub(super) async fn root_at(tx: &mut Tx, size: u64) -> Result<Option<Hash>> {
    let hashes = tiles_of(tx, &[Range::whole(size)], size).await?;
    Ok(Range::whole(size).hash(|node| hashes.node(node)))
}

/// The hashes that some ranges of the log consist of, as far as they are there.
pub(super) async fn tiles_of(tx: &mut Tx, ranges: &[Range], size: u64) -> Result<Hashes> {
    let mut hashes = Hashes::default();
    for tile in Hashes::needed(ranges, size) {
        hashes.add(tile, tile_of(tx, tile).await?);
    }
    Ok(hashes)
}

/// The hashes of a tile, as far as they are there.
pub(super) async fn tile_of(tx: &mut Tx, tile: Tile) -> Result<Vec<Hash>> {
    let range = tile.range();
    let range = signed_size(range.start)..signed_size(range.end);
    let rows = tx.log_hashes(tile.level.unwrap_or_default(), range).await?;
    let hash = |row: Vec<u8>| row.try_into().map(Hash);
    let hashes: std::result::Result<Vec<Hash>, _> = rows.into_iter().map(hash).collect();
    hashes.map_err(|_| Error::Internal("evidence log: a stored hash is none".into()))
}
