//! Reading the log: checkpoint, tiles, entries, and the proof that a photo is in it.

use super::log::{Log, signed_size, tile_of, tiles_of};
use crate::error::{Error, Result};
use crate::store::{CheckpointRow, LoggedRow, Tx};
use saolou_protocol::evidence::event::{Entry, Event};
use saolou_protocol::evidence::note::Note;
use saolou_protocol::evidence::proof::Proof;
use saolou_protocol::evidence::tile::{Tile, put_entry};
use saolou_protocol::evidence::tree::inclusion;
use uuid::Uuid;

impl Log {
    /// The newest checkpoint, with the cosignatures that it has; `None` for a log without entries.
    pub(crate) async fn checkpoint(&self) -> Result<Option<String>> {
        let mut tx = self.store.read().await?;
        let Some(head) = tx.log_head().await? else { return Ok(None) };
        Ok(Some(cosigned(&mut tx, &head).await?))
    }

    /// The bytes of a tile or of a bundle of entries.
    ///
    /// # Errors
    /// [`Error::NotFound`] where the log is not so large.
    pub(crate) async fn tile(&self, tile: Tile) -> Result<Vec<u8>> {
        let mut tx = self.store.read().await?;
        let size = tx.log_head().await?.map_or(0, |head| head.size);
        let size = u64::try_from(size).unwrap_or_default();
        let there = Tile::of(tile.level.unwrap_or_default(), tile.index, size);
        if tile.width == 0 || tile.width > there.width {
            return Err(Error::NotFound);
        }
        let mut bytes = Vec::new();
        if tile.level.is_none() {
            let range = tile.range();
            let range = signed_size(range.start)..signed_size(range.end);
            for entry in tx.log_entries(range).await? {
                put_entry(&mut bytes, &entry);
            }
        } else {
            for hash in tile_of(&mut tx, tile).await? {
                bytes.extend_from_slice(&hash.0);
            }
        }
        Ok(bytes)
    }

    /// The proof that a photo was received, over the newest checkpoint.
    ///
    /// # Errors
    /// [`Error::NotFound`] where the log has no such entry yet.
    pub(crate) async fn proof(&self, photo: Uuid) -> Result<String> {
        let mut tx = self.store.read().await?;
        let logged = tx.log_of_photo(photo).await?;
        let received = logged.iter().find(|row| is_received(row)).ok_or(Error::NotFound)?;
        let mut proof = proof_of(&mut tx, received.leaf_index).await?;
        // With the entry beside it, the proof needs nothing else to be verified.
        proof.extra = Some(received.body.clone());
        Ok(proof.to_string())
    }
}

/// Whether an entry says that bytes arrived.
pub(super) fn is_received(row: &LoggedRow) -> bool {
    let event = Entry::read(&row.body).map(|entry| entry.event);
    matches!(event, Some(Event::Received { .. }))
}

/// The proof that an entry is in the log, over the newest checkpoint.
pub(super) async fn proof_of(tx: &mut Tx, leaf_index: i64) -> Result<Proof> {
    let head = tx.log_head().await?.ok_or(Error::NotFound)?;
    let missing = || Error::Internal("evidence log: hashes are missing".into());
    let size = u64::try_from(head.size).unwrap_or_default();
    let index = u64::try_from(leaf_index).ok().filter(|index| *index < size);
    let ranges = inclusion(index.ok_or_else(missing)?, size);
    let path = tiles_of(tx, &ranges, size).await?.ranges(&ranges).ok_or_else(missing)?;
    let note = cosigned(tx, &head).await?;
    let checkpoint = Note::parse(&note).ok_or_else(missing)?;
    Ok(Proof { extra: None, index: index.unwrap_or_default(), path, checkpoint })
}

/// A checkpoint with what witnesses said of it.
async fn cosigned(tx: &mut Tx, checkpoint: &CheckpointRow) -> Result<String> {
    let mut note = checkpoint.note.clone();
    for line in tx.cosignatures(checkpoint.size).await? {
        note.push_str(&line);
        note.push('\n');
    }
    Ok(note)
}
