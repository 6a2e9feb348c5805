//! The simulation: phones, a network and the server's core in one thread, with everything that can go
//! wrong between them. One seed makes one run; every run is made twice, and both must be the same.
//!
//! ```sh
//! cargo test -p saolou-tests --test sim                          # some hundred seeds, and the zoo
//! cargo test -p saolou-tests --test sim -- --zoo                 # the zoo alone
//! cargo test --release -p saolou-tests --test sim -- --seeds 1000000
//! cargo test -p saolou-tests --test sim -- --seed 42 --loud      # one run, told step by step
//! cargo test -p saolou-tests --test sim -- --real postgres --servers 3 --seeds 1000
//! ```
//!
//! With `--real` the same plan runs twice: in memory, and through the real server over HTTP on
//! `sqlite` or `postgres`. Both must come to the same state, byte for byte.
//!
//! `--from N` begins at another seed. `--events N` ends a run early, `--only 3,17-22` lets nothing but
//! these events happen, `--without FAULT,…` switches faults off and `--spare EVENT:FAULT,…` does at one
//! event: the least that a failing run needs is found out by itself, and told as a command. `--plant
//! DEFECT` runs with a defect of the zoo; `--zoo --write` writes its table anew.
//!
//! In reading order: [`plan`] what a seed makes, [`field`] what people say, [`world`] the run,
//! [`backend`] and [`core`] the server, [`check`] what must hold, by what an onlooker knows ([`ledger`])
//! and by what the ops say ([`content`]), [`shrink`] what a failure needs, [`zoo`] whether all this
//! finds anything; [`real`] the real server, [`machine`] what it runs on, [`compare`] it with the one
//! in memory.

mod backend;
mod check;
mod compare;
mod content;
mod core;
mod dice;
mod field;
mod ledger;
mod machine;
mod plan;
#[path = "../it/postgres.rs"]
#[expect(dead_code, reason = "the end-to-end tests take schemas, this takes databases")]
mod postgres;
mod real;
mod shrink;
mod world;
mod zoo;

use crate::check::Broken;
use crate::core::Core;
use crate::machine::Database;
use crate::plan::{Fault, Plan};
use crate::real::Real;
use crate::world::{Outcome, World};
use saolou_protocol::zoo::{Defect, plant};
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What CI runs in memory.
const SEEDS: u64 = 300;
/// What CI runs through the real server, on each database.
const REAL_SEEDS: u64 = 10;

/// What the caller asked for.
#[derive(Clone, Debug, Default, PartialEq)]
struct Options {
    from: u64,
    seeds: Option<u64>,
    events: Option<usize>,
    /// The events that happen, where not all do.
    only: Option<BTreeSet<usize>>,
    without: BTreeSet<Fault>,
    /// Faults that stay away from an event.
    spared: BTreeSet<(usize, Fault)>,
    loud: bool,
    /// Through the real server on this database, instead of in memory alone.
    real: Option<Database>,
    /// How many of them share the database.
    servers: usize,
    planted: Option<Defect>,
    /// Runs of nothing but the zoo.
    zoo: bool,
    /// Writes the table of the zoo.
    writes: bool,
}

impl Options {
    fn read(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self { from: 1, servers: 1, ..Self::default() };
        let mut arguments = arguments;
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{argument}: expected a value"));
            let number = |text: String| {
                text.replace('_', "").parse::<u64>().map_err(|_| format!("{text}: no number"))
            };
            match argument.as_str() {
                "--seeds" => options.seeds = Some(number(value()?)?),
                "--from" => options.from = number(value()?)?,
                "--seed" => (options.from, options.seeds) = (number(value()?)?, Some(1)),
                "--events" => options.events = usize::try_from(number(value()?)?).ok(),
                "--without" => {
                    for code in value()?.split(',') {
                        options.without.insert(read_fault(code)?);
                    }
                }
                "--only" => options.only = Some(shrink::read_events(&value()?)?),
                "--spare" => {
                    for one in value()?.split(',') {
                        let (event, code) =
                            one.split_once(':').ok_or(format!("{one}: no fault"))?;
                        let event =
                            usize::try_from(number(event.to_owned())?).unwrap_or(usize::MAX);
                        options.spared.insert((event, read_fault(code)?));
                    }
                }
                "--real" => {
                    let (code, all) = (value()?, [Database::Sqlite, Database::Postgres]);
                    let known = all.into_iter().find(|database| database.code() == code);
                    options.real = Some(known.ok_or(format!("{code}: sqlite or postgres"))?);
                }
                "--servers" => options.servers = usize::try_from(number(value()?)?).unwrap_or(1),
                "--loud" => options.loud = true,
                "--zoo" => options.zoo = true,
                "--write" => options.writes = true,
                "--plant" => {
                    let code = value()?;
                    let defect = Defect::ALL.iter().find(|defect| defect.code() == code);
                    options.planted = Some(*defect.ok_or(format!("{code}: no defect"))?);
                }
                // What cargo hands to all test programs.
                "--quiet" | "-q" | "--nocapture" | "--show-output" => {}
                _ => return Err(format!("{argument}: unknown")),
            }
        }
        Ok(options)
    }

    /// The plan of a seed, as far as it is not switched off.
    fn plan(&self, seed: u64) -> (Plan, dice::Dice) {
        let (mut plan, dice) = Plan::of(seed);
        plan.without(&self.without);
        plan.events = self.events.map_or(plan.events, |events| events.min(plan.events));
        plan.reduce(self.only.as_ref(), &self.spared);
        (plan, dice)
    }
}

fn read_fault(code: &str) -> Result<Fault, String> {
    Fault::parse(code).ok_or(format!("{code}: no fault"))
}

/// Makes a run in memory.
fn run(options: &Options, seed: u64, loud: bool) -> Result<Outcome, Broken> {
    let (plan, dice) = options.plan(seed);
    let run = || {
        let mut core = Core::default();
        World::new(&plan, dice, &mut core, loud).run()
    };
    CATCHES.set(true);
    // Whatever goes wrong in there, the world is gone with it.
    let outcome = std::panic::catch_unwind(AssertUnwindSafe(run))
        .unwrap_or_else(|_| Err(Broken::new("panic", PANIC.take())));
    CATCHES.set(false);
    outcome
}

std::thread_local! {
    /// Whether this thread makes a run in which a panic is a finding.
    static CATCHES: Cell<bool> = const { Cell::new(false) };
    /// What the last panic of this thread said.
    static PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Makes a run twice: the same seed is the same run (I13).
fn run_twice(options: &Options, seed: u64) -> Result<Outcome, Broken> {
    let first = run(options, seed, options.loud)?;
    let second = run(options, seed, false)?;
    if first.trace == second.trace {
        Ok(second)
    } else {
        Err(Broken::new("I13", "the same seed made two runs".into()))
    }
}

/// Tells what is found.
#[expect(clippy::print_stdout, reason = "a program for people")]
fn say(line: &str) {
    println!("{line}");
}

fn main() -> ExitCode {
    let options = match Options::read(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(why) => {
            say(&why);
            return ExitCode::FAILURE;
        }
    };
    let tell = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if CATCHES.get() { PANIC.set(panic.to_string()) } else { tell(panic) }
    }));
    let in_memory = options.seeds.is_some() || options.planted.is_some();
    let passes = match options.real {
        _ if options.zoo => zoo::visit(options.writes),
        Some(database) => pass_really(&options, database),
        None if in_memory => pass_in_memory(&options),
        None => {
            pass_in_memory(&options) && pass_in_ci(&options) && zoo::visit(false) && zoo::shrinks()
        }
    };
    if passes { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn pass_in_memory(options: &Options) -> bool {
    match pass(options, SEEDS, |seed| run_twice(options, seed)) {
        Ok(told) => {
            say(&format!("sim: each run twice, {told}"));
            true
        }
        Err((seed, broken)) => {
            say(&format!("seed {seed} breaks {}: {}", broken.rule, broken.what));
            plant(options.planted);
            let again = |options: &Options| run(options, seed, false).err();
            tell_replay(shrink::smallest(options, seed, &broken, shrink::RUNS_MAX, again), "");
            false
        }
    }
}

/// Says how to replay the least that fails.
fn tell_replay(smallest: shrink::Smallest, on: &str) {
    let shrink::Smallest { seed, options, faults, runs } = smallest;
    let events = options.only.as_ref().map_or(0, BTreeSet::len);
    say(&format!("{events} events and {faults} faults are enough, as {runs} runs have shown:"));
    let arguments = shrink::arguments(&options, seed);
    say(&format!("cargo test -p saolou-tests --test sim -- {on}{arguments}"));
}

/// Some seeds on every database, and some on several servers that share one.
fn pass_in_ci(options: &Options) -> bool {
    let several = Options { servers: 3, from: 1001, ..options.clone() };
    pass_really(options, Database::Sqlite)
        && pass_really(options, Database::Postgres)
        && pass_really(&several, Database::Postgres)
}

fn pass_really(options: &Options, database: Database) -> bool {
    let code = database.code();
    let there = Real::is_there(database);
    if !there {
        say(&format!("sim: skipped on {code}, which is not installed"));
        return true;
    }
    let servers = options.servers;
    match pass(options, REAL_SEEDS, |seed| compare::run(options, seed, database)) {
        Ok(told) => {
            say(&format!("sim: in memory and through {servers} on {code} the same, {told}"));
            true
        }
        Err((seed, broken)) => {
            say(&format!("seed {seed} on {code} breaks {}: {}", broken.rule, broken.what));
            let on = format!("--real {code} --servers {servers} ");
            // Real servers take their time; whoever has none has a command already.
            let all = shrink::arguments(options, seed);
            say(&format!("cargo test -p saolou-tests --test sim -- {on}{all}"));
            plant(options.planted);
            let again = |options: &Options| compare::run(options, seed, database).err();
            let smallest = shrink::smallest(options, seed, &broken, shrink::REAL_RUNS_MAX, again);
            tell_replay(smallest, &on);
            false
        }
    }
}

/// Makes the runs of all seeds, on as many threads as there are processors.
fn pass(
    options: &Options,
    seeds: u64,
    run: impl Fn(u64) -> Result<Outcome, Broken> + Sync,
) -> Result<String, (u64, Broken)> {
    let seeds = options.seeds.unwrap_or(seeds);
    let began = Instant::now();
    let next = AtomicU64::new(options.from);
    let (ops, failed) = (AtomicU64::new(0), Mutex::new(None::<(u64, Broken)>));
    let end = options.from.saturating_add(seeds);
    let work = || {
        plant(options.planted);
        while failed.lock().expect("nobody panics with it").is_none() {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= end {
                return;
            }
            match run(seed) {
                Ok(outcome) => _ = ops.fetch_add(outcome.ops as u64, Ordering::Relaxed),
                Err(broken) => {
                    let mut failed = failed.lock().expect("nobody panics with it");
                    if failed.as_ref().is_none_or(|(other, _)| seed < *other) {
                        *failed = Some((seed, broken));
                    }
                }
            }
        }
    };
    std::thread::scope(|scope| {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let mut told = Instant::now();
        while threads.iter().any(|thread| !thread.is_finished()) {
            std::thread::sleep(Duration::from_millis(20));
            if told.elapsed() > Duration::from_secs(10) {
                told = Instant::now();
                let done = next.load(Ordering::Relaxed).min(end) - options.from;
                let rate = done as f64 / began.elapsed().as_secs_f64();
                say(&format!("{done} of {seeds} seeds, {rate:.1} a second"));
            }
        }
    });
    let ops = ops.load(Ordering::Relaxed);
    let rate = seeds as f64 / began.elapsed().as_secs_f64();
    match failed.into_inner().expect("nobody panicked") {
        Some(failed) => Err(failed),
        None => Ok(format!("{seeds} seeds, {ops} ops saved and none lost; {rate:.1} a second")),
    }
}
