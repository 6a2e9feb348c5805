//! What the server decides: it reads through the store, decides with `saolou_protocol`, writes
//! through the store. No HTTP, no SQL.
//!
//! [`access`] who may do what where · [`accounts`] signing in · [`sync`] reading and judging a push,
//! and the pull · [`writer`] the one place where ops become state · [`rebuild`] the proof that state
//! is what ops say · [`coverage`] reading it · [`registry`], [`roster`] and [`roster_file`] what there
//! is to canvass · [`photos`] the evidence.

pub(crate) mod access;
pub(crate) mod accounts;
pub(crate) mod coverage;
pub(crate) mod cursor;
pub(crate) mod desk;
pub(crate) mod photos;
pub(crate) mod rebuild;
pub(crate) mod registry;
pub(crate) mod roster;
pub(crate) mod roster_file;
pub(crate) mod sync;
pub(crate) mod timeline;
pub(crate) mod writer;
