//! The words and the rules of Saolou (扫楼): what phones and desk say to each other, and what
//! follows from the set of all that was said. Pure: no I/O, no clock, no randomness, no database.
//!
//! In reading order: [`op`] is what travels, [`canonical`] how it is hashed, [`time`] when it
//! happened; [`body`] and [`issue`] read it leniently into a [`fact`]. [`outcome`], [`visit`],
//! [`company`] and [`clears`] are the inspection record, [`registry`] the rooms, [`field`],
//! [`alias`] and [`conflict`] the ways of merging, [`coverage`] the functions of domain §3.
//! [`building`] folds all of it: a pure function of the *set* of facts. [`identifiers`] and
//! [`screening`] judge numbers and words.

pub mod ids;
pub mod canonical;
pub mod op;
pub mod time;
pub mod issue;
pub mod body;
pub mod fact;

mod codes;
pub mod outcome;
pub mod visit;
pub mod company;
pub mod clears;

pub mod registry;
pub mod field;
pub mod alias;
pub mod conflict;
pub mod coverage;
pub mod building;

pub mod identifiers;
pub mod screening;
