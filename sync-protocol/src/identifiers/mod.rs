//! The numbers on licences, cards and doors: what makes each one well formed.
//!
//! Nothing here looks anything up. A number that passes is one that could have been issued;
//! whether it was, and to whom, only the registers know. A number that fails is kept as it
//! was typed and flagged, never refused: the inspector is already back in the street.
//!
//! Read in this order: [`uscc`] (the key under which a company is one company), [`licence_qr`]
//! (the same code read off a sticker), [`legacy_number`] (licences never exchanged),
//! [`licence_date`], [`resident_id`], [`phone`].

pub mod legacy_number;
pub mod licence_date;
pub mod licence_qr;
pub mod phone;
pub mod resident_id;
pub mod uscc;

mod calendar;
pub(crate) mod typed;
