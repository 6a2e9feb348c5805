//! Checkpoints (C2SP `tlog-checkpoint`): the log's signature over how many entries it has and the
//! root of the tree over them.

use super::note::{Note, Signer, Verifier};
use crate::canonical::Hash;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The head of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's own name.
    pub origin: String,
    /// How many entries it has.
    pub size: u64,
    /// Root of the tree over them.
    pub root: Hash,
}

/// A checkpoint whose signature was verified, with the note it stands in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// What is signed.
    pub checkpoint: Checkpoint,
    /// The note, with all its signatures.
    pub note: Note,
}

impl Checkpoint {
    /// The text that is signed.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, encode(self.root))
    }

    /// Reads the text of a note; extension lines are passed over.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let origin = lines.next().filter(|line| !line.is_empty())?.to_owned();
        let digits = lines.next()?;
        let size: u64 = digits.parse().ok()?;
        let root = decode(lines.next()?)?;
        let is_plain = size.to_string() == digits && i64::try_from(size).is_ok();
        (is_plain && lines.all(|line| !line.is_empty())).then_some(Self { origin, size, root })
    }

    /// Signs the checkpoint.
    #[must_use]
    pub fn sign(self, log: &Signer) -> Signed {
        let note = Note::signed(self.text(), log);
        Signed { checkpoint: self, note }
    }
}

impl Signed {
    /// Reads a note and verifies that a log signed it as its checkpoint; `None` for anything else.
    #[must_use]
    pub fn open(note: &str, log: &Verifier) -> Option<Self> {
        let note = Note::parse(note)?;
        let checkpoint = Checkpoint::parse(&note.text)?;
        let is_ours = checkpoint.origin == log.name() && log.has_signed(&note);
        is_ours.then_some(Self { checkpoint, note })
    }
}

/// A hash as notes spell it.
pub(super) fn encode(hash: Hash) -> String {
    STANDARD.encode(hash.0)
}

/// Reads a hash as notes spell it.
pub(super) fn decode(text: &str) -> Option<Hash> {
    STANDARD.decode(text).ok()?.try_into().ok().map(Hash)
}
