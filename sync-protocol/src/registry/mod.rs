//! The registry (底册): which sections, floors and offices a building has, derived from what people
//! added, renamed, split, merged and linked.
//!
//! [`office`] is one room as somebody wrote it down, [`room_key`] its comparison key,
//! [`door_order`] how people sort labels, [`roster_version`] how often the list changed, [`lineage`]
//! which splits and merges are in force, and [`structure`] the whole: floors, live offices, and
//! where a visit to any office id that ever existed belongs today. `parts` sorts the facts that
//! `derive` makes it from.

mod derive;
pub mod door_order;
pub mod lineage;
pub mod office;
mod parts;
pub mod room_key;
pub mod roster_version;
pub mod structure;
