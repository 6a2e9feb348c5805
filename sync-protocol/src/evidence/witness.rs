//! Witnesses (C2SP `tlog-witness`): whoever remembers the last head of a log and cosigns only what
//! grew out of it. A log that shows different people different histories needs two heads of one
//! size; a witness signs one.

use super::checkpoint::{Signed, decode, encode};
use super::note::{Note, Verifier};
use super::tree::{PROOF_HASHES_MAX, is_consistent};
use crate::canonical::Hash;
use std::fmt;

/// What a log asks of a witness (`add-checkpoint`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// How many entries the log had when this witness last cosigned; 0 for never.
    pub old_size: u64,
    /// Proof that the log of that size is the beginning of this one.
    pub proof: Vec<Hash>,
    /// The checkpoint.
    pub note: Note,
}

/// Why a witness does not cosign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The old size is larger than the new one.
    Malformed,
    /// No key that is trusted for the log signed it.
    NotSigned,
    /// The last size that was cosigned is another one; or it is the same with another root, which
    /// is a log that forked.
    Conflict(u64),
    /// The proof does not hold.
    Inconsistent,
}

impl AddCheckpoint {
    /// Reads the body of a request.
    #[must_use]
    pub fn parse(body: &str) -> Option<Self> {
        let (head, note) = body.split_once("\n\n")?;
        let mut lines = head.split('\n');
        let digits = lines.next()?.strip_prefix("old ")?;
        let old_size: u64 = digits.parse().ok()?;
        let proof: Vec<Hash> = lines.map(decode).collect::<Option<_>>()?;
        let is_plain = old_size.to_string() == digits && proof.len() <= PROOF_HASHES_MAX;
        let note = Note::parse(note)?;
        is_plain.then_some(Self { old_size, proof, note })
    }

    /// Judges the request: what is to be remembered and cosigned, or why not. `seen` is the size and
    /// root that were cosigned last.
    ///
    /// # Errors
    /// Where the checkpoint must not be cosigned.
    pub fn judge(&self, seen: Option<(u64, Hash)>, log: &Verifier) -> Result<Signed, Refusal> {
        let signed = Signed::open(&self.note.to_string(), log).ok_or(Refusal::NotSigned)?;
        let head = (signed.checkpoint.size, signed.checkpoint.root);
        if self.old_size > head.0 {
            return Err(Refusal::Malformed);
        }
        let seen_size = seen.map_or(0, |(size, _)| size);
        if self.old_size != seen_size {
            return Err(Refusal::Conflict(seen_size));
        }
        let Some(seen) = seen.filter(|(size, _)| *size > 0) else {
            return if self.proof.is_empty() { Ok(signed) } else { Err(Refusal::Inconsistent) };
        };
        if seen.0 == head.0 && seen.1 != head.1 {
            return Err(Refusal::Conflict(seen.0));
        }
        is_consistent(seen, head, &self.proof).then_some(signed).ok_or(Refusal::Inconsistent)
    }
}

impl fmt::Display for AddCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "old {}", self.old_size)?;
        self.proof.iter().try_for_each(|hash| writeln!(f, "{}", encode(*hash)))?;
        write!(f, "\n{}", self.note)
    }
}
