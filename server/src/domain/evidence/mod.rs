//! The evidence log: what happened to photos, in an order that nobody can change afterwards.
//!
//! Events are filed ([`filing`]) in the transaction of what happened and wait; the [`sequencer`]
//! gives them their places and signs a checkpoint, unless the [`guard`] knows of one that does not
//! fit: then the database was set back, or somebody forked the log. A [`copy`] in the data folder is
//! appended to and never changed; from it the log is filled up again. [`keys`] sign,
//! and a time-stamping authority ([`confirming`]) confirm, [`reading`] serves the log as tiles and
//! proofs, a [`bundle`] with its [`certificate`] is what leaves the system,
//! what is [`told`] of a photo the desk reads.

mod bundle;
pub(crate) mod certificate;
pub(crate) mod confirming;
mod copy;
pub(crate) mod filing;
mod guard;
pub(crate) mod keys;
pub(crate) mod log;
pub(crate) mod reading;
mod sequencer;
mod told;
