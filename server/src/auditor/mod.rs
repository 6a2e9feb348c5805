//! The auditor's own eyes: verifies what left the system, without network and without database,
//! trusting nothing but the public keys that are named on the command line.
//!
//! `bundle` judges one photo with all that belongs to it, `removed` one whose original is no more, `tree` a whole log, two checkpoints, or
//! a folder of originals. What a [`Report`] says is as much about what was not proved as about what
//! was.

mod bundle;
mod removed;
mod report;
mod tree;

pub use bundle::{verify_bundle, verify_photo};
pub use report::{Outcome, Report};
pub use tree::{verify_consistency, verify_log, verify_store};

use saolou_protocol::evidence::note::Verifier;

/// The keys that the auditor trusts, got in another way than what is verified.
#[derive(Clone, Debug, Default)]
pub struct Trusted {
    /// Keys of the log.
    pub logs: Vec<Verifier>,
    /// Keys of witnesses.
    pub witnesses: Vec<Verifier>,
    /// Public keys of devices, as `DeviceKey` reads them.
    pub devices: Vec<String>,
}
