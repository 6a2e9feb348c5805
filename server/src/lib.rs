//! The server of Saolou (扫楼). In reading order: [`config`] what can be set, [`app`] how it starts
//! and stops, `http` every route on one page, `domain` what is decided, `store` the SQL, `blobs`
//! where originals lie, [`pipeline`] what is read from them; [`clock`] where time and ids come from, [`telemetry`] logs and metrics,
//! `error` the table of problems, [`demo`] a street to look at, [`commands`] what else the program
//! can do; [`auditor`] and [`witness`] stand apart: they trust nothing of all this.
//!
//! Calls go one way: `http → domain → store` and `blobs`, and all of them to `saolou_protocol`.

pub mod app;
pub mod auditor;
mod blobs;
pub mod clock;
pub mod commands;
pub mod config;
pub mod demo;
mod domain;
mod error;
mod http;
pub mod pipeline;
mod store;
pub mod telemetry;
pub mod witness;
