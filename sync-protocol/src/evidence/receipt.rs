//! The receipt: the server's signed promise that it keeps a photo and will log it.
//!
//! A phone deletes a photo only with a verified receipt in hand. The receipt names the hash of the
//! log entry it promises, so that whoever holds one can ask for the proof later, and has the server
//! convicted of a broken promise where there is none.

use super::note::{Note, Signer, Verifier};
use crate::canonical::Hash;
use crate::ids::PhotoId;
use crate::time::Millis;

/// The first line of a receipt.
const HEADER: &str = "saolou-receipt/v1";

/// What is promised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The log that the entry goes to.
    pub origin: String,
    /// The photo.
    pub photo_id: PhotoId,
    /// SHA-256 of the bytes that are kept.
    pub sha256: Hash,
    /// How many bytes.
    pub bytes: u64,
    /// Hash of the capture manifest; `None` where the photo came without one.
    pub manifest: Option<Hash>,
    /// When the last byte was durable, by the server's clock.
    pub received_ms: Millis,
    /// The hash of the promised log entry, as a leaf of the tree.
    pub leaf: Hash,
    /// How the archive keeps it from being deleted: `none`, `governance` or `compliance`.
    pub worm: String,
}

impl Receipt {
    /// Signs the receipt: the text that the phone gets.
    #[must_use]
    pub fn sign(&self, log: &Signer) -> String {
        Note::signed(self.text(), log).to_string()
    }

    /// Reads a receipt and verifies it with the log's key; `None` where it is none or is forged.
    #[must_use]
    pub fn open(note: &str, log: &Verifier) -> Option<Self> {
        let note = Note::parse(note)?;
        if !log.has_signed(&note) {
            return None;
        }
        let mut lines = note.text.lines();
        (lines.next()? == HEADER).then_some(())?;
        let mut member = |name: &str| {
            let (found, value) = lines.next()?.split_once(' ')?;
            (found == name).then_some(value)
        };
        let receipt = Self {
            origin: member("log")?.to_owned(),
            photo_id: member("photo")?.parse().ok()?,
            sha256: Hash::parse(member("sha256")?)?,
            bytes: member("bytes")?.parse().ok()?,
            manifest: match member("manifest")? {
                "none" => None,
                hash => Some(Hash::parse(hash)?),
            },
            received_ms: member("received_ms")?.parse().ok()?,
            leaf: Hash::parse(member("leaf")?)?,
            worm: member("worm")?.to_owned(),
        };
        (receipt.text() == note.text && receipt.origin == log.name()).then_some(receipt)
    }

    fn text(&self) -> String {
        let Self { origin, photo_id, sha256, bytes, received_ms, leaf, worm, .. } = self;
        let manifest = self.manifest.map_or_else(|| "none".to_owned(), |hash| hash.to_string());
        format!(
            "{HEADER}\nlog {origin}\nphoto {photo_id}\nsha256 {sha256}\nbytes {bytes}\n\
             manifest {manifest}\nreceived_ms {received_ms}\nleaf {leaf}\nworm {worm}\n"
        )
    }
}
