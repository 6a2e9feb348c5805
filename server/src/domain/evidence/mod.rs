//! The evidence log: what happened to photos, in an order that nobody can change afterwards.

pub(crate) mod filing;
