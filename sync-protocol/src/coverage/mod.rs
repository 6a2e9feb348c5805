//! Coverage (覆盖): was this door dealt with this round, and what does that make of the floor, the
//! building, the street.
//!
//! [`office`] is the function of domain §3.3 for one room, [`shared`] that of §3.5 for a room with
//! several companies, [`counts`] the vector that every level adds up (§3.7), [`measure`] the figures made of it, [`floor`] and
//! [`building`] what a floor and a building are with those counts; [`owed`] is what is still to be done
//! (§3.9), [`pace`] how fast (§3.11).

pub mod building;
pub mod counts;
pub mod floor;
pub mod measure;
pub mod office;
pub mod owed;
pub mod pace;
pub mod shared;
