//! Proofs (C2SP `tlog-proof`): a text of about a kilobyte that shows, with nothing else at hand but
//! the log's public key, that an entry is in the log.

use super::checkpoint::{Signed, decode, encode};
use super::note::{Note, Verdict, Verifier};
use super::tree::{PROOF_HASHES_MAX, is_included};
use crate::canonical::Hash;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::fmt;

const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// A proof that was read; it shows nothing before [`Proof::check`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// What the application adds; nobody signed it.
    pub extra: Option<Vec<u8>>,
    /// Place of the entry in the log.
    pub index: u64,
    /// Hashes from the leaf's sibling up.
    pub path: Vec<Hash>,
    /// The checkpoint, with its signatures.
    pub checkpoint: Note,
}

/// What a proof shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// The entry is in the log that the key signs for, at this checkpoint.
    Included(Box<Signed>),
    /// The checkpoint is not signed by this key, or its signature is forged.
    NotSigned,
    /// The checkpoint is good, and the entry is not in it where the proof says.
    NotIncluded,
}

impl Proof {
    /// Reads a proof.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (head, checkpoint) = text.split_once("\n\n")?;
        let mut lines = head.split('\n');
        (lines.next()? == HEADER).then_some(())?;
        let mut line = lines.next()?;
        let mut extra = None;
        if let Some(encoded) = line.strip_prefix("extra ") {
            extra = Some(STANDARD.decode(encoded).ok()?);
            line = lines.next()?;
        }
        let digits = line.strip_prefix("index ")?;
        let index: u64 = digits.parse().ok()?;
        let path: Vec<Hash> = lines.map(decode).collect::<Option<_>>()?;
        let is_plain = index.to_string() == digits && path.len() <= PROOF_HASHES_MAX;
        let checkpoint = Note::parse(checkpoint)?;
        is_plain.then_some(Self { extra, index, path, checkpoint })
    }

    /// What it shows of an entry whose leaf hash is given.
    #[must_use]
    pub fn check(&self, leaf: Hash, log: &Verifier) -> Shown {
        let Some(signed) = Signed::open(&self.checkpoint.to_string(), log) else {
            return Shown::NotSigned;
        };
        let (size, root) = (signed.checkpoint.size, signed.checkpoint.root);
        if is_included(leaf, self.index, size, &self.path, root) {
            Shown::Included(Box::new(signed))
        } else {
            Shown::NotIncluded
        }
    }

    /// When a witness says that it saw the checkpoint, in seconds since 1970.
    #[must_use]
    pub fn witnessed_s(&self, witness: &Verifier) -> Option<u64> {
        match witness.verdict(&self.checkpoint) {
            Verdict::Signed(at_s) => at_s,
            Verdict::Forged | Verdict::Absent => None,
        }
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", STANDARD.encode(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        self.path.iter().try_for_each(|hash| writeln!(f, "{}", encode(*hash)))?;
        write!(f, "\n{}", self.checkpoint)
    }
}
