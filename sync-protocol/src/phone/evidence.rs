//! What a phone has of the evidence log: the keys it knows, the checkpoints with the most entries that
//! they signed, and the photos for which it holds no receipt yet (EV-6, EV-7, EV-8).
//!
//! Phones come from everywhere and forget nothing: a log that was set back, or that shows different
//! people different entries, meets one that knows better. A phone does not judge that; it brings back.

use super::Phone;
use crate::canonical::Hash;
use crate::evidence::checkpoint::Signed;
use crate::evidence::enrolment::{Invitation, log_fingerprint};
use crate::evidence::note::{NOTE_BYTES_MAX, Verifier};
use crate::evidence::receipt::Receipt;
use crate::ids::PhotoId;
use crate::zoo::{Defect, is_planted};
use std::collections::{BTreeMap, VecDeque};

/// Checkpoints of one size and different roots that are kept: one more than one proves the fork.
const FORKS_MAX: usize = 8;

/// What a photo's receipt must name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// SHA-256 of its bytes.
    pub sha256: Hash,
    /// How many bytes.
    pub bytes: u64,
    /// Hash of its capture manifest; `None` where it travels without one.
    pub manifest: Option<Hash>,
}

/// What survives a crash of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evidence {
    keys: Vec<Verifier>,
    /// All of one size; the first is brought back next.
    newest: VecDeque<Signed>,
    photos: BTreeMap<PhotoId, Taken>,
}

impl Evidence {
    /// How many entries the newest checkpoint covers; 0 without one.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.newest.front().map_or(0, |signed| signed.checkpoint.size)
    }

    /// The checkpoints that are kept: more than one where the log has forked.
    pub fn checkpoints(&self) -> impl Iterator<Item = &Signed> {
        self.newest.iter()
    }

    /// The photos without a receipt.
    #[must_use]
    pub const fn photos(&self) -> &BTreeMap<PhotoId, Taken> {
        &self.photos
    }

    /// The checkpoint that the next request carries.
    pub(super) fn next(&self) -> Option<String> {
        self.newest.front().map(|signed| signed.note.to_string())
    }

    /// One was brought; where there are several, the next request brings another.
    pub(super) fn turn(&mut self) {
        if self.newest.len() > 1 {
            self.newest.rotate_left(1);
        }
    }

    /// Keeps a checkpoint that a known key signed, unless one with more entries is here.
    pub(super) fn take(&mut self, note: &str) {
        if note.len() > NOTE_BYTES_MAX {
            return;
        }
        let Some(signed) = self.keys.iter().find_map(|key| Signed::open(note, key)) else {
            return;
        };
        let (size, root) = (signed.checkpoint.size, signed.checkpoint.root);
        if size > self.size() || is_planted(Defect::CheckpointForgotten) {
            self.newest.clear();
        } else if size < self.size() {
            return;
        }
        // The same again may bear more cosignatures.
        if let Some(same) = self.newest.iter_mut().find(|kept| kept.checkpoint.root == root) {
            *same = signed;
        } else if self.newest.len() < FORKS_MAX {
            self.newest.push_back(signed);
        }
    }
}

impl Phone {
    /// Comes to know the log by an invitation that a person scanned: `key` is the newest of
    /// `GET /evidence/log/key`. Nothing is taken unless it is the one that the invitation names.
    pub fn enrol(&mut self, invitation: &Invitation, key: Verifier) -> bool {
        if log_fingerprint(&key) != invitation.log {
            return false;
        }
        let keys = &mut self.stored.evidence.keys;
        if !keys.contains(&key) {
            keys.push(key);
        }
        true
    }

    /// A photo was taken: it is kept, and counted in `pending`, until its receipt is here.
    pub fn photo_taken(&mut self, photo: PhotoId, taken: Taken) {
        self.stored.evidence.photos.insert(photo, taken);
    }

    /// Takes a receipt. Only when a known key signed it, and it names exactly the photo that is here,
    /// the bytes may be deleted: then gives which photo that is.
    pub fn photo_received(&mut self, receipt: &str) -> Option<PhotoId> {
        let Evidence { keys, photos, .. } = &mut self.stored.evidence;
        let receipt = keys.iter().find_map(|key| Receipt::open(receipt, key))?;
        let Receipt { photo_id, sha256, bytes, manifest, .. } = receipt;
        let is_it = photos.get(&photo_id) == Some(&Taken { sha256, bytes, manifest });
        is_it.then(|| photos.remove(&photo_id).map(|_| photo_id)).flatten()
    }
}
