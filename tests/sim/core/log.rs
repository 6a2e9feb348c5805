//! What the server in memory signs of its log: a checkpoint every so many ops. A server that was set
//! back has fewer entries than phones know of, and then others in their places.

use super::Core;
use saolou_protocol::canonical::Hash;
use saolou_protocol::evidence::checkpoint::Checkpoint;
use saolou_protocol::evidence::note::{Purpose, Signer, Verifier};
use std::sync::OnceLock;

/// Entries between two checkpoints.
const EVERY: u64 = 8;
const ORIGIN: &str = "sim.example/log";

/// The log's key, as phones know it.
pub(crate) fn log_key() -> Verifier {
    static KEY: OnceLock<Verifier> = OnceLock::new();
    KEY.get_or_init(|| signer().verifier()).clone()
}

fn signer() -> Signer {
    Signer::new(ORIGIN, Purpose::Log, &[7; 32]).expect("it is a name")
}

impl Core {
    /// The newest checkpoint, where the phone carries another.
    pub(super) fn checkpoint(&mut self, carried: Option<&str>) -> Option<String> {
        let size = self.data.accepted.len() as u64 / EVERY * EVERY;
        let of = (self.data.epoch, size);
        if size == 0 {
            return None;
        }
        if self.signed.as_ref().is_none_or(|(signed, _)| *signed != of) {
            let root = Hash::of(format!("{of:?}").as_bytes());
            let checkpoint = Checkpoint { origin: ORIGIN.to_owned(), size, root };
            self.signed = Some((of, checkpoint.sign(&signer()).note.to_string()));
        }
        let newest = self.signed.as_ref().map(|(_, note)| note.clone());
        newest.filter(|note| carried != Some(note))
    }
}
