//! The capture manifest: what a phone states of a photo at the shutter, before it says "saved".
//!
//! Numbers without gaps and the hash of the manifest before make a removed photo visible; the log
//! checkpoint seen last proves that the photo was not taken before it, the log's own entry that it
//! was not taken after.

use super::device_key::{DeviceKey, from_base64};
use crate::body::Body;
use crate::canonical::{Hash, canonical};
use crate::ids::{DeviceId, PhotoId};
use crate::issue::Issues;
use crate::location::Location;
use crate::time::Captured;
use serde_json::{Map, Value};
use uuid::Uuid;

/// What stands before the canonical bytes in what the device signs, so that no signature over
/// something else can be passed off as one over a manifest.
pub const SIGNED_PREFIX: &[u8] = b"saolou-capture-manifest/v1\n";

/// Largest manifest, in bytes as sent.
pub const MANIFEST_BYTES_MAX: usize = 16 * 1024;

/// A manifest as read. Only photo and hash are needed; what else is lacking or odd is an issue.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// The photo.
    pub photo_id: PhotoId,
    /// SHA-256 of the original's bytes.
    pub sha256: Hash,
    /// Size of the original in bytes.
    pub bytes: Option<u64>,
    /// Media type, for instance `image/jpeg`.
    pub media_type: Option<String>,
    /// What the photo shows, for instance `licence`.
    pub kind: Option<String>,
    /// Clocks of the phone at the shutter.
    pub captured: Option<Captured>,
    /// Where the phone was.
    pub location: Option<Location>,
    /// Why there is no place: `location.none`, for instance `no_fix` or `denied`.
    pub no_location: Option<String>,
    /// What the photo is evidence for: visit, office or notice.
    pub subject_id: Option<Uuid>,
    /// The device incarnation.
    pub device_id: Option<DeviceId>,
    /// Number of the manifest among those of its device, from 1, without gaps.
    pub seq: Option<u64>,
    /// Hash of the manifest with the number before; absent in the first.
    pub previous: Option<Hash>,
    /// Size and root of the log's checkpoint that the phone had seen last.
    pub checkpoint: Option<(u64, Hash)>,
    /// Signature of the device over [`SIGNED_PREFIX`] and the canonical bytes.
    pub signature: Option<Vec<u8>>,
    /// What was odd.
    pub issues: Issues,
    hash: Hash,
    canonical: Vec<u8>,
}

/// How one manifest follows another of the same device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// It is the next one, and names the hash of the one before.
    Follows,
    /// Manifests between the two are missing: how many.
    Gap(u64),
    /// It should be the next one, and names another hash: one of the two was replaced.
    Broken,
    /// One of them has no number, or it does not come after: nothing can be said.
    Unknown,
}

impl Manifest {
    /// Reads a manifest. `None` where it names no photo or no hash, or is too large.
    #[must_use]
    pub fn read(map: &Map<String, Value>) -> Option<Self> {
        let mut unsigned = map.clone();
        unsigned.remove("signature");
        let canonical = canonical(&unsigned);
        if canonical.len() > MANIFEST_BYTES_MAX {
            return None;
        }
        let body = Body::new(map);
        let mut issues = Issues::default();
        let issues_of = &mut issues;
        let photo_id = body.id("photo_id", issues_of)?;
        let sha256 = body.text("sha256", issues_of).and_then(Hash::parse)?;
        let natural = |name: &str, issues: &mut Issues| {
            body.integer(name, issues).and_then(|number| u64::try_from(number).ok())
        };
        let hash_of = |body: &Body<'_>, name: &str, issues: &mut Issues| {
            let text = body.text(name, issues)?;
            let hash = Hash::parse(text);
            if hash.is_none() {
                issues.add_at("malformed_field", &format!("/{name}"));
            }
            hash
        };
        let captured = body.raw("captured").cloned();
        let captured = captured.and_then(|value| serde_json::from_value(value).ok());
        issues_of.add_if(captured.is_none(), "capture_time_missing");
        let location = Location::read(&body, issues_of);
        let no_location = body.object("location", issues_of).text("none", issues_of);
        issues_of.add_if(location.is_none() && no_location.is_none(), "location_unexplained");
        let seen = body.object("checkpoint", issues_of);
        let seen_size = seen.integer("size", issues_of).and_then(|size| u64::try_from(size).ok());
        let seen_root = hash_of(&seen, "root", issues_of);
        let seq = natural("seq", issues_of).filter(|seq| *seq > 0);
        issues_of.add_if(seq.is_none(), "seq_missing");
        let signature = body.text("signature", issues_of).and_then(from_base64);
        issues_of.add_if(signature.is_none(), "signature_missing");
        let text = |name: &str, issues: &mut Issues| body.text(name, issues).map(str::to_owned);
        Some(Self {
            photo_id,
            sha256,
            bytes: natural("bytes", issues_of),
            media_type: text("media_type", issues_of),
            kind: text("kind", issues_of),
            captured,
            location,
            no_location: no_location.map(str::to_owned),
            subject_id: body.id("subject_id", issues_of),
            device_id: body.id("device_id", issues_of),
            seq,
            previous: hash_of(&body, "previous", issues_of),
            checkpoint: seen_size.zip(seen_root),
            signature,
            hash: Hash::of(&canonical),
            canonical,
            issues,
        })
    }

    /// SHA-256 of [`Self::canonical`]: what the next manifest and the log name it by.
    #[must_use]
    pub const fn hash(&self) -> Hash {
        self.hash
    }

    /// The canonical form (RFC 8785) without the member `signature`.
    #[must_use]
    pub fn canonical(&self) -> &[u8] {
        &self.canonical
    }

    /// What the device signs.
    #[must_use]
    pub fn signed_bytes(&self) -> Vec<u8> {
        [SIGNED_PREFIX, &self.canonical].concat()
    }

    /// Whether a device's key signed it; `None` where there is no signature.
    #[must_use]
    pub fn is_signed_by(&self, key: &DeviceKey) -> Option<bool> {
        let signature = self.signature.as_deref()?;
        Some(key.has_signed(&self.signed_bytes(), signature))
    }

    /// How this manifest follows an earlier one of the same device.
    #[must_use]
    pub fn link_from(&self, before: &Self) -> Link {
        let same_device = self.device_id.is_some() && self.device_id == before.device_id;
        let (Some(seq), Some(seq_before), true) = (self.seq, before.seq, same_device) else {
            return Link::Unknown;
        };
        match seq.checked_sub(seq_before) {
            None | Some(0) => Link::Unknown,
            Some(1) if self.previous == Some(before.hash) => Link::Follows,
            Some(1) => Link::Broken,
            Some(ahead) => Link::Gap(ahead - 1),
        }
    }
}
