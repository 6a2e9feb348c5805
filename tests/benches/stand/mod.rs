//! The stand that benches share: [`server`] the program under test, a process of its own; [`street`]
//! what is registered on it; [`machine`] what it runs on; [`told`] how figures are told; [`dice`] chance.

pub(crate) mod dice;
pub(crate) mod machine;
#[path = "../../it/postgres.rs"]
#[expect(dead_code, reason = "the tests use it otherwise: one server for all, without sync")]
pub(crate) mod postgres;
pub(crate) mod server;
pub(crate) mod street;
pub(crate) mod told;
