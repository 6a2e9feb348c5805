//! The server's core: what becomes of a sync, as functions of what was sent and what is stored.
//!
//! [`push`] reads ops and judges who may say what where, before any lock. [`commit`] decides what a
//! transaction stores, given what the store knows. [`pull`] makes a page from a snapshot. A server
//! brings the database, the network and the clock; a simulation brings its own.

pub mod commit;
pub mod pull;
pub mod push;

use crate::digest::Digest;
use uuid::Uuid;

/// The head of a bucket: how far its feed has come, and what its rows add up to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The street that the bucket lies in.
    pub street: Uuid,
    /// The number of the last change.
    pub seq: i64,
    /// The digest of its rows. Together with `seq` it names one state: a database that was restored
    /// and went on differently does not show the same pair.
    pub digest: Digest,
}
