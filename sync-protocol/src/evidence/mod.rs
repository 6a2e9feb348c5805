//! Evidence: how a photo is proved to be the one that was taken, when, and that nobody changed or
//! removed it since.
//!
//! A phone signs a [`manifest`] at the shutter with its [`device_key`], which was registered by [`enrolment`]; the server answers with a
//! [`receipt`] and puts an [`event`] as a leaf into its log. Receipts and checkpoints are signed
//! notes ([`note`]); the [`chain`] of its manifests shows what a device lacks. Over the leaves stands a [`tree`], kept and served as [`tile`]s; a [`checkpoint`]
//! signs its root, a [`proof`] shows that a leaf is in it, and a [`witness`] that knows no more than
//! the last root sees to it that there is only one such tree.
//!
//! Sources: RFC 6962 for the tree, C2SP `signed-note`, `tlog-checkpoint`, `tlog-tiles`, `tlog-proof`,
//! `tlog-cosignature` and `tlog-witness` for the forms. The crates that implement them bring a third
//! generation of base64 and thiserror and a URL parser for what are some hundred lines over `sha2`
//! and `ed25519-dalek`, which an auditor can read here in one sitting; so it is our own code.

pub mod chain;
pub mod checkpoint;
pub mod device_key;
pub mod enrolment;
pub mod event;
pub mod manifest;
pub mod note;
pub mod proof;
pub mod receipt;
pub mod tile;
pub mod tree;
pub mod witness;
