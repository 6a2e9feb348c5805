//! What photos cost: how many a second are durable when phones send them at once, beside what the same
//! disk does with the same bytes; how much memory open uploads take; how long the pipeline works on
//! one, stage by stage, beside libvips.
//!
//! `cargo bench -p saolou-tests --bench photos`. It asserts nothing about time. What may follow `--`:
//!
//! - `--quick`: short cells, under three minutes;
//! - `--connections N`: one number of connections;
//! - `--kilobytes N`: one size of photos;
//! - `--rounds N`: how often each cell is measured; medians are told;
//! - `--only uploads`, `--only open`, `--only pipeline`: one part;
//! - `--program FILE`: the server to measure, built before: to compare two of them in turns.
//!
//! In reading order: [`stand`] the program under test; [`sender`] phones that send photos; [`uploads`]
//! the figures of sending; [`raw`] what the disk does at best; [`open`] memory; [`pipeline`] the
//! figures of reading; [`drawn`] the photo that is read.

mod attic;
mod drawn;
mod open;
mod pipeline;
mod raw;
mod sender;
#[path = "../stand/mod.rs"]
#[expect(dead_code, reason = "the load program needs more of it")]
mod stand;
mod uploads;

use stand::told::say;
use stand::{machine, server};
use std::path::PathBuf;
use std::time::Duration;

/// One part of the figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Uploads,
    Open,
    Pipeline,
}

/// What the caller asked for.
#[derive(Clone, Debug)]
struct Options {
    /// How many connections send at once.
    connections: Vec<usize>,
    /// Sizes of photos, in thousands of bytes.
    kilobytes: Vec<usize>,
    /// How long each cell sends.
    time: Duration,
    rounds: usize,
    /// Uploads that are open at once.
    open: usize,
    /// How often a photo is read.
    readings: usize,
    only: Option<Part>,
    /// The server to measure, where it is not to be built.
    program: Option<PathBuf>,
}

impl Options {
    /// `None` where nobody measures: `cargo test --all-targets` also starts this.
    fn read(mut arguments: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let mut options = Self {
            connections: vec![1, 16, 200],
            kilobytes: vec![300, 3000],
            time: Duration::from_secs(6),
            rounds: 3,
            open: 500,
            readings: 30,
            only: None,
            program: None,
        };
        let mut is_bench = false;
        while let Some(argument) = arguments.next() {
            let mut number = || {
                let value = arguments.next().and_then(|value| value.parse::<usize>().ok());
                value.filter(|value| *value > 0).ok_or(format!("{argument}: expected a number"))
            };
            match argument.as_str() {
                "--bench" => is_bench = true,
                "--quick" => {
                    options.time = Duration::from_secs(2);
                    options.rounds = 1;
                    options.readings = 8;
                }
                "--connections" => options.connections = vec![number()?],
                "--kilobytes" => options.kilobytes = vec![number()?],
                "--rounds" => options.rounds = number()?,
                "--program" => options.program = arguments.next().map(PathBuf::from),
                "--only" => {
                    options.only = match arguments.next().as_deref() {
                        Some("uploads") => Some(Part::Uploads),
                        Some("open") => Some(Part::Open),
                        Some("pipeline") => Some(Part::Pipeline),
                        _ => return Err("--only: expected uploads, open or pipeline".into()),
                    };
                }
                unknown => return Err(format!("unknown argument {unknown}")),
            }
        }
        Ok(is_bench.then_some(options))
    }

    fn wants(&self, part: Part) -> bool {
        self.only.is_none_or(|only| only == part)
    }
}

fn main() -> Result<(), String> {
    let Some(options) = Options::read(std::env::args().skip(1))? else { return Ok(()) };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    runtime.block_on(async {
        // Whatever is let go of here stops what it started.
        tokio::select! {
            () = run(&options) => {}
            _ = tokio::signal::ctrl_c() => say("interrupted"),
        }
    });
    Ok(())
}

async fn run(options: &Options) {
    let program = options.program.clone().unwrap_or_else(server::build);
    machine::tell();
    if options.wants(Part::Pipeline) {
        pipeline::measure(&program, options.readings);
    }
    if options.wants(Part::Open) {
        open::measure(&program, options.open).await;
    }
    if options.wants(Part::Uploads) {
        uploads::measure(options, &program).await;
    }
}
