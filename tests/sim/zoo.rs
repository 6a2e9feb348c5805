//! The bug zoo: every defect that can be planted is planted, and must be found.
//!
//! A defect that survives its budget of seeds says that some mistake of its kind could be made and
//! nobody would notice: then a check is missing, or what people do in these runs never comes near it.

use crate::{Options, run, say, shrink};
use saolou_protocol::zoo::{Defect, plant};
use std::fmt::Write;
use std::sync::Mutex;
use std::time::Instant;

/// The table of what was found, beside this file.
const TABLE: &str = include_str!("ZOO.md");
/// Where it is written.
const TABLE_PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/sim/ZOO.md");

/// After how many seeds a defect must have been found.
const BUDGET: u64 = 400;

/// How few events must be left of a run that is shrunk.
const EVENTS_MAX: usize = 10;

/// A defect, and what found it at which seed.
struct Catch {
    defect: Defect,
    found: Option<(u64, &'static str)>,
}

/// Plants every defect, tells what found it, and says whether all were found. `writes` the table.
pub(crate) fn visit(writes: bool) -> bool {
    let began = Instant::now();
    let all = Mutex::new(Defect::ALL.iter().rev().copied().collect::<Vec<_>>());
    let caught = Mutex::new(Vec::new());
    let work = || {
        loop {
            let Some(defect) = all.lock().expect("nobody panics with it").pop() else { return };
            let catch = hunt(defect);
            caught.lock().expect("nobody panics with it").push(catch);
        }
    };
    std::thread::scope(|scope| {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        (0..threads).for_each(|_| _ = scope.spawn(work));
    });
    let mut caught = caught.into_inner().expect("nobody panicked");
    caught.sort_by_key(|catch| catch.defect);
    let rows = rows(&caught);
    say(&rows);
    let survivors = caught.iter().filter(|catch| catch.found.is_none());
    let survivors: Vec<&str> = survivors.map(|catch| catch.defect.code()).collect();
    let (len, took) = (caught.len(), began.elapsed().as_secs());
    say(&format!("zoo: {} of {len} defects found in {took} s", len - survivors.len()));
    if !survivors.is_empty() {
        say(&format!("not found: {}", survivors.join(", ")));
        return false;
    }
    if writes {
        return std::fs::write(TABLE_PATH, table(&rows)).is_ok();
    }
    let is_told = is_told();
    if !is_told {
        say(
            "sim/ZOO.md lists other defects; cargo test -p saolou-tests --test sim -- --zoo --write",
        );
    }
    is_told
}

/// Runs seed after seed with a defect planted, until a rule breaks.
fn hunt(defect: Defect) -> Catch {
    plant(Some(defect));
    let found = (1..=BUDGET)
        .find_map(|seed| Some((seed, run(&Options::default(), seed, false).err()?.rule)));
    plant(None);
    Catch { defect, found }
}

/// Shrinks what a planted defect breaks, replays it by the command that is printed, and says whether
/// that still fails and is small.
pub(crate) fn shrinks() -> bool {
    let defect = Defect::LateAnswerCounts;
    plant(Some(defect));
    let first = (1..=BUDGET).find_map(|seed| {
        let options = Options { planted: Some(defect), ..Options::default() };
        Some((seed, run(&options, seed, false).err()?, options))
    });
    let shrunk = first.map(|(seed, broken, options)| {
        let again = |options: &Options| run(options, seed, false).err();
        let smallest = shrink::smallest(&options, seed, &broken, shrink::RUNS_MAX, again);
        let command = shrink::arguments(&smallest.options, seed);
        let replay = Options::read(command.split(' ').map(str::to_owned));
        let replayed = replay.ok().and_then(|options| run(&options, options.from, false).err());
        let events = smallest.options.only.map_or(usize::MAX, |only| only.len());
        let holds = replayed.is_some_and(|again| again.rule == broken.rule) && events <= EVENTS_MAX;
        let (all, faults) = (Options::default().plan(seed).0.events, smallest.faults);
        (holds, format!("{all} events to {events}, with {faults} faults: {command}"))
    });
    plant(None);
    let (holds, told) = shrunk.unwrap_or((false, "nothing was found".to_owned()));
    say(&format!("shrink: {told}"));
    holds
}

fn rows(caught: &[Catch]) -> String {
    let mut rows =
        String::from("| planted | what is wrong | found by | at seed |\n|---|---|---|--:|");
    for Catch { defect, found } in caught {
        let (seed, rule) =
            found.map_or(("-".to_owned(), "nothing"), |(seed, rule)| (seed.to_string(), rule));
        let (code, what) = (defect.code(), defect.what());
        write!(rows, "\n| `{code}` | {what} | {rule} | {seed} |").expect("a text grows");
    }
    rows
}

fn table(rows: &str) -> String {
    format!(
        "# The bug zoo\n\n\
         Each line is a mistake that somebody could make in this code. Tests plant it on purpose \
         (`sync-protocol/src/zoo.rs`) and run the simulation, seed after seed from 1 on, until one of \
         its rules breaks. The rules are in `check.rs`, `check/standings.rs`, `ledger.rs` and `content.rs`. CI fails when a \
         defect survives its budget of seeds.\n\n\
         Made with `cargo test -p saolou-tests --test sim -- --zoo --write`; the seeds move whenever \
         the simulation changes.\n\n{rows}\n"
    )
}

/// Whether the table lists the defects that there are, in their order.
fn is_told() -> bool {
    let listed = TABLE.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    listed.eq(Defect::ALL.iter().map(|defect| defect.code()))
}
