//! The end-to-end tests: real HTTP, real SQLite, real PostgreSQL. One file a feature; each test
//! makes a world of its own and is run on both databases.

mod actors;
mod database;
mod postgres;
mod replica;
mod world;

mod access;
mod bad_input;
mod demo;
mod roster;
mod sync;
