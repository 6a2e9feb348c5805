//! The words and the rules of Saolou (扫楼): what phones and desk say to each other, and what
//! follows from the set of all that was said. Pure: no I/O, no clock, no randomness, no database.
//!
//! In reading order: [`op`] is what travels, [`canonical`] how it is hashed, [`time`] when it
//! happened; [`body`] and [`issue`] read it leniently into a [`fact`]. [`outcome`], [`visit`],
//! [`company`], [`location`] and [`clears`] are the inspection record, [`registry`] the rooms,
//! [`field`], [`alias`] and [`conflict`] the ways of merging, [`coverage`] the functions of domain §3.
//! [`building`] folds all of it: a pure function of the *set* of facts. [`wire`] is what phone and
//! server send each other, [`digest`] and [`held`] what they compare, [`engine`] what the server
//! makes of it, [`phone`] the state machine of a client.
//! [`evidence`] is how photos are proved. [`identifiers`] and [`screening`] judge
//! numbers and words. [`zoo`] holds mistakes that tests plant in all of it.

pub mod body;
pub mod canonical;
pub mod fact;
pub mod ids;
pub mod issue;
pub mod op;
pub mod time;

pub mod clears;
mod codes;
pub mod company;
pub mod location;
mod members;
pub mod outcome;
pub mod visit;

pub mod alias;
pub mod building;
pub mod conflict;
pub mod coverage;
pub mod field;
pub mod registry;
mod withdrawal;

pub mod digest;
pub mod engine;
pub mod evidence;
pub mod held;
pub mod phone;
pub mod photo;
pub mod wire;

pub mod identifiers;
pub mod screening;

pub mod zoo;
