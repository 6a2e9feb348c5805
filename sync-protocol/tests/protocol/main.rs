//! The rules of the protocol, by golden vectors and by property.

mod catalogue;
mod history;
mod merge;
mod phone;
mod settle;
mod vectors;
mod world;
