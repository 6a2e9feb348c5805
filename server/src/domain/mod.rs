//! What the server decides: it reads through the store, decides with `saolou_protocol`, writes
//! through the store. No HTTP, no SQL.
//!
//! The way of an op: [`sync`] reads and judges a push, [`writer`] is the one place where ops become
//! state, a [`batch`] at a time, on buildings that [`fold`] keeps, and `licences` follows; [`pull`] with its [`cursor`] gives
//! it back, [`held`] says what is held, [`epoch`] whether it is still the same data;
//! [`doorbells`] tell who listens that there is something new. `restrictions` hide what shows too much. [`rebuild`] is
//! the proof that state is what ops say. [`desk`] files ops for people without
//! an outbox. What many ask at the same time, [`gather`] asks together.
//!
//! [`access`] who may do what where · [`accounts`] signing in, [`attempts`] that fail, [`enrolment`] of devices, [`sightings`] of them · [`registry`] what is set up,
//! [`registration`], [`roster`] and [`roster_file`] what there is to canvass · [`coverage`] and
//! [`timeline`], [`conflicts`], [`late`] and [`promised`] what supervisors read · [`settling`], [`quarantine`] and
//! [`devices`] what they decide · [`photos`] what has arrived, the [`evidence`] log what can be
//! proved of it, [`jobs`] what is done with it afterwards, `decoding` and `telling` two of them,
//! [`archive`] where it is kept, [`recovery`] what a set-back database has forgotten of it, [`findings`]
//! what is to be looked at.

pub(crate) mod access;
pub(crate) mod accounts;
pub(crate) mod archive;
pub(crate) mod attempts;
pub(crate) mod batch;
pub(crate) mod conflicts;
pub(crate) mod coverage;
pub(crate) mod cursor;
pub(crate) mod decisions;
mod decoding;
pub(crate) mod desk;
pub(crate) mod devices;
pub(crate) mod doorbells;
pub(crate) mod enrolment;
pub(crate) mod epoch;
pub(crate) mod evidence;
pub(crate) mod findings;
pub(crate) mod fold;
pub(crate) mod folded;
pub(crate) mod gather;
pub(crate) mod held;
pub(crate) mod jobs;
pub(crate) mod late;
mod licences;
pub(crate) mod photos;
pub(crate) mod promised;
pub(crate) mod pull;
pub(crate) mod quarantine;
pub(crate) mod rebuild;
pub(crate) mod recovery;
pub(crate) mod registration;
pub(crate) mod registry;
mod restrictions;
pub(crate) mod roster;
pub(crate) mod roster_file;
pub(crate) mod rounds;
pub(crate) mod settling;
pub(crate) mod sightings;
pub(crate) mod sync;
pub(crate) mod teams;
mod telling;
pub(crate) mod timeline;
pub(crate) mod writer;
