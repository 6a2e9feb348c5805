//! The end-to-end tests: real HTTP, real SQLite, real PostgreSQL. One file a feature; each test
//! makes a world of its own and is run on both databases.

mod actors;
mod postgres;
mod world;

mod sync;
