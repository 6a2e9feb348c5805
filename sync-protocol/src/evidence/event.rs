//! Events: what the log says happened, one leaf each.
//!
//! A leaf is stored as the bytes of compact JSON that were hashed, for ever, and may be read by
//! auditors; so nothing in it is about a person. What is — who took a photo, who exported it, which
//! case it is held for — is a [`Commitment`]: whoever holds the salt can prove the value, and where
//! the salt is destroyed nobody can find it any more.

use super::manifest::Manifest;
use crate::canonical::Hash;
use crate::ids::PhotoId;
use crate::time::Millis;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Largest leaf, in bytes (C2SP `tlog-tiles`: lengths are 16 bits).
pub const LEAF_BYTES_MAX: usize = 0xffff;

/// SHA-256 of salt, name, a zero byte and value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Commitment(pub Hash);

impl Commitment {
    /// Commits to a value under the name of its member, for instance `author`.
    #[must_use]
    pub fn of(salt: &[u8; 32], name: &str, value: &[u8]) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(salt);
        hasher.update(name);
        hasher.update([0]);
        hasher.update(value);
        Self(Hash(hasher.finalize().into()))
    }
}

/// An event with its id and time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The event's id: filed again under the same id, it is the same event.
    pub id: Uuid,
    /// When it happened, by the server's clock.
    pub at_ms: Millis,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// A picture made from an original.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// What it is, for instance `preview-1600`.
    pub name: String,
    /// SHA-256 of its bytes.
    pub sha256: Hash,
    /// How many bytes.
    pub bytes: u64,
}

/// What happened. New kinds may be added, new members too; none is ever taken away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The bytes of a photo arrived whole and were made durable.
    Received {
        /// The photo.
        photo_id: PhotoId,
        /// SHA-256 of the bytes.
        sha256: Hash,
        /// How many bytes.
        bytes: u64,
        /// Media type by the first bytes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        media_type: Option<String>,
        /// Hash of the capture manifest.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        manifest: Option<Hash>,
        /// Number of the manifest on its device.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seq: Option<u64>,
        /// What the signature of the manifest was worth when it arrived: `valid`, `invalid`,
        /// `absent` or `unknown_key`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signature: Option<String>,
        /// Who took it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        author: Option<Commitment>,
        /// The device.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        device: Option<Commitment>,
    },
    /// A photo was joined with the record that promised it.
    Bound {
        /// The photo.
        photo_id: PhotoId,
        /// SHA-256 of the bytes.
        sha256: Hash,
        /// The op that says so.
        op_id: Uuid,
        /// The subject of the record, and with it the place.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        subject: Option<Commitment>,
    },
    /// Bytes arrived that are not the declared ones; they are kept apart.
    HashMismatch {
        /// The photo.
        photo_id: PhotoId,
        /// What was declared.
        declared: Hash,
        /// What arrived.
        received: Hash,
        /// How many bytes.
        bytes: u64,
    },
    /// An original was put into a store.
    Archived {
        /// SHA-256 of the bytes.
        sha256: Hash,
        /// Bucket, or `folder`.
        bucket: String,
        /// Key within it.
        key: String,
        /// Version that the store gave it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        version: Option<String>,
        /// Until when the store refuses to delete it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retain_until_ms: Option<Millis>,
        /// `none`, `governance` or `compliance`.
        mode: String,
    },
    /// An original was read back from a store, and is what was put.
    ArchiveVerified {
        /// SHA-256 of the bytes.
        sha256: Hash,
        /// Bucket, or `folder`.
        bucket: String,
        /// Key within it.
        key: String,
        /// Version that was read.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        version: Option<String>,
    },
    /// Pictures were made from an original.
    Derived {
        /// SHA-256 of the original.
        sha256: Hash,
        /// Stage that made them.
        stage: String,
        /// Version of the stage.
        version: u32,
        /// What it made.
        outputs: Vec<Output>,
    },
    /// A bundle left the system.
    Exported {
        /// The photo.
        photo_id: PhotoId,
        /// SHA-256 of the bytes.
        sha256: Hash,
        /// To whom.
        by: Commitment,
        /// For what.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        purpose: Option<Commitment>,
    },
    /// What is said about a photo was corrected; its bytes never are.
    Amended {
        /// The photo.
        photo_id: PhotoId,
        /// What was corrected, by its name.
        what: String,
        /// Hash of what was said before.
        before: Hash,
        /// Hash of what is said now.
        after: Hash,
    },
    /// A case holds a photo: it is not removed at the end of its retention.
    HoldOn {
        /// SHA-256 of the bytes.
        sha256: Hash,
        /// The case.
        case: Commitment,
    },
    /// A case holds a photo no longer.
    HoldOff {
        /// SHA-256 of the bytes.
        sha256: Hash,
        /// The case.
        case: Commitment,
    },
    /// Two persons removed an original after its term. What the log says of it before stays.
    Removed {
        /// SHA-256 of the bytes.
        sha256: Hash,
        /// Who asked.
        asked_by: Commitment,
        /// Who agreed.
        agreed_by: Commitment,
        /// Why.
        reason: Commitment,
    },
    /// A store will refuse to delete an original for longer.
    RetentionExtended {
        /// SHA-256 of the bytes.
        sha256: Hash,
        /// Until when.
        retain_until_ms: Millis,
    },
    /// Blobs of a store were hashed again.
    Scrub {
        /// Bucket, or `folder`.
        bucket: String,
        /// How many were read.
        blobs: u64,
        /// Those whose bytes had changed or were gone.
        bad: Vec<Hash>,
        /// Those of them that another copy repaired.
        repaired: Vec<Hash>,
    },
    /// A store was asked to break its promises, and what it did: `refused` is good.
    StoreProbe {
        /// Bucket, or `folder`.
        bucket: String,
        /// Each attempt by its name, and how it ended.
        outcomes: BTreeMap<String, String>,
    },
    /// A device signs manifests with a key from now on.
    DeviceKey {
        /// The device, committed to with the same salt as wherever it is named.
        device: Commitment,
        /// SHA-256 of the key's bytes.
        key: Hash,
        /// `ed25519` or `es256`.
        algorithm: String,
        /// The key that it replaces, which signed for it or was set aside by a new enrolment.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<Hash>,
    },
    /// The log signs with another key from the next checkpoint on.
    KeyRotated {
        /// The key before, as `name+id+key`.
        before: String,
        /// The key from now on.
        after: String,
    },
    /// The database had been set back; the log was filled up again from a copy.
    LogRestored {
        /// How many entries the database still had.
        from_size: u64,
        /// How many entries the log had when its highest known checkpoint was signed.
        to_size: u64,
        /// Root of that checkpoint.
        root: Hash,
        /// Where the entries came from: `data_folder` or `archive`.
        source: String,
    },
}

impl Entry {
    /// The leaf: compact JSON. `None` where it is larger than a leaf may be.
    #[must_use]
    pub fn leaf(&self) -> Option<Vec<u8>> {
        let bytes = serde_json::to_vec(self).expect("an event has no members that JSON lacks");
        (bytes.len() <= LEAF_BYTES_MAX).then_some(bytes)
    }

    /// Reads a leaf; `None` for a kind that this version does not know.
    #[must_use]
    pub fn read(leaf: &[u8]) -> Option<Self> {
        serde_json::from_slice(leaf).ok()
    }
}

impl Event {
    /// A photo's arrival, as its manifest tells of it.
    #[must_use]
    pub fn received(photo_id: PhotoId, sha256: Hash, bytes: u64, told: Option<&Manifest>) -> Self {
        Self::Received {
            photo_id,
            sha256,
            bytes,
            media_type: told.and_then(|manifest| manifest.media_type.clone()),
            manifest: told.map(Manifest::hash),
            seq: told.and_then(|manifest| manifest.seq),
            signature: None,
            author: None,
            device: None,
        }
    }

    /// The photo that it is about, where it is about one.
    #[must_use]
    pub const fn photo_id(&self) -> Option<PhotoId> {
        match self {
            Self::Received { photo_id, .. }
            | Self::Bound { photo_id, .. }
            | Self::HashMismatch { photo_id, .. }
            | Self::Exported { photo_id, .. }
            | Self::Amended { photo_id, .. } => Some(*photo_id),
            _ => None,
        }
    }

    /// The bytes that it is about, where it is about some.
    #[must_use]
    pub const fn sha256(&self) -> Option<Hash> {
        match self {
            Self::Received { sha256, .. }
            | Self::Bound { sha256, .. }
            | Self::Archived { sha256, .. }
            | Self::ArchiveVerified { sha256, .. }
            | Self::Derived { sha256, .. }
            | Self::Exported { sha256, .. }
            | Self::HoldOn { sha256, .. }
            | Self::HoldOff { sha256, .. }
            | Self::Removed { sha256, .. }
            | Self::RetentionExtended { sha256, .. } => Some(*sha256),
            Self::HashMismatch { received, .. } => Some(*received),
            _ => None,
        }
    }
}
