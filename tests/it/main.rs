//! The end-to-end tests: real HTTP, real SQLite, real PostgreSQL. One file a feature; each test
//! makes a world of its own and is run on both databases.

mod actors;
mod database;
mod postgres;
mod replica;
mod world;

mod access;
mod bad_input;
mod conflicts;
mod coverage;
mod crashes;
mod demo;
mod devices;
mod epochs;
mod events;
mod health;
mod jobs;
mod late;
mod limits;
mod odd_ops;
mod order;
mod pull;
mod quarantine;
mod rebuild;
mod registry;
mod roster;
mod schema;
mod sign_in;
mod suspicions;
mod sync;
mod tidy;
mod versions;
