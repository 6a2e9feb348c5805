//! The end-to-end tests: real HTTP, real SQLite, real PostgreSQL. One file a feature; each test
//! makes a world of its own and is run on both databases.

mod actors;
mod ceph;
mod database;
mod hand;
mod host;
mod object_store;
mod postgres;
mod process;
mod proxy;
mod replica;
mod world;

mod access;
mod archive;
mod bad_input;
mod conflicts;
mod coverage;
mod crashes;
mod cut;
mod decoding;
mod demo;
mod devices;
mod disk_full;
mod epochs;
mod events;
mod failover;
mod health;
mod jobs;
mod late;
mod limits;
mod odd_ops;
mod order;
mod photos;
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
mod uploads;
mod versions;
