//! The load program: how many visits the server takes from many phones at once, how fast it
//! answers those who look, and how much memory it needs, on both databases; beside the limits of
//! the machine, measured in the same run.
//!
//! `cargo bench -p saolou-tests` runs all of it in a few minutes. It asserts nothing about time.
//! What may follow after `--`:
//!
//! - `--quick`: short cells and small streets, to see that it runs;
//! - `--only sqlite`, `--only postgres`: one database;
//! - `--phones N`: one number of phones;
//! - `--seconds N`: how long each number of phones pushes;
//! - `--offices N`: the offices of the city whose overview is read; 0 leaves the city out;
//! - `--storm N`: how many phones come back at once; 0 leaves the storm out;
//! - `--program FILE`: the server to measure, built before: to compare two of them in turns.
//!
//! In reading order: [`stand`] the program under test, a process of its own, and what is registered on
//! it; [`crew`] who pushes; [`visits`] what phones say; [`phone`] how they send it; [`cells`] the figures of
//! pushing; [`open_loop`] latency at a given load; [`downloads`] the figures of pulling; [`storm`]
//! when all come back at once; [`limits`] what the machine could do; [`reading`] the figures of
//! looking; [`report`] and [`summary`] how all of it is told.

mod cells;
mod crew;
mod downloads;
mod limits;
mod open_loop;
mod phone;
mod reading;
mod report;
#[path = "../stand/mod.rs"]
mod stand;
mod storm;
mod summary;
mod visits;

use cells::Cell;
use limits::Raw;
use postgres::{Cluster, Durability};
use report::{Report, say};
use server::{Database, Place, Server};
use stand::{dice, machine, postgres, server, street};
use std::path::{Path, PathBuf};
use std::time::Duration;
use street::{Desk, Plan};
use summary::Measured;

/// What the caller asked for.
#[derive(Clone, Debug)]
struct Options {
    /// How many phones push at once.
    phones: Vec<usize>,
    /// How long each number of phones pushes.
    time: Duration,
    /// The street of each number of phones.
    street: Plan,
    /// The offices of the city whose overview is read.
    city_offices: usize,
    /// How many phones come back at once.
    storm: usize,
    /// The only database.
    only: Option<Database>,
    /// The server to measure, where it is not to be built.
    program: Option<PathBuf>,
}

/// Phones whose latency is measured at a given load, where so many pushed.
const OPEN_LOOP_PHONES: usize = 64;

/// What a command line asks for.
enum Asked {
    /// Measure.
    Load(Options),
    /// Be the endpoint that stores nothing, for the one who measures.
    Nothing,
    /// `cargo test --all-targets` also starts this; it has nothing to test.
    Leave,
}

impl Asked {
    fn read(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Options {
            phones: vec![1, 8, 64, 200],
            time: Duration::from_secs(8),
            street: Plan { buildings: 60, floors: 10, rooms: 15 },
            city_offices: 350_000,
            storm: 3_000,
            only: None,
            program: None,
        };
        let mut arguments = arguments.peekable();
        let mut is_bench = false;
        while let Some(argument) = arguments.next() {
            let mut number = || {
                let value = arguments.next().and_then(|value| value.parse::<u32>().ok());
                value.ok_or(format!("{argument}: expected a number"))
            };
            match argument.as_str() {
                "--bench" => is_bench = true,
                limits::NOTHING => return Ok(Self::Nothing),
                "--quick" => {
                    options.time = Duration::from_secs(1);
                    options.street.buildings = 20;
                    options.city_offices = 7_000;
                    options.storm = 300;
                }
                "--phones" => options.phones = vec![number()?.max(1) as usize],
                "--seconds" => options.time = Duration::from_secs(number()?.max(1).into()),
                "--offices" => options.city_offices = number()? as usize,
                "--storm" => options.storm = number()? as usize,
                "--program" => options.program = arguments.next().map(PathBuf::from),
                "--only" => match arguments.next().as_deref() {
                    Some("sqlite") => options.only = Some(Database::Sqlite),
                    Some("postgres") => options.only = Some(Database::Postgres),
                    _ => return Err("--only: expected sqlite or postgres".into()),
                },
                unknown => return Err(format!("unknown argument {unknown}")),
            }
        }
        Ok(if is_bench { Self::Load(options) } else { Self::Leave })
    }
}

fn main() -> Result<(), String> {
    let asked = Asked::read(std::env::args().skip(1))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    match asked {
        Asked::Load(options) => runtime.block_on(async {
            // Whatever is let go of here stops what it started.
            tokio::select! {
                () = run(&options) => {}
                _ = tokio::signal::ctrl_c() => say("interrupted"),
            }
        }),
        Asked::Nothing => runtime.block_on(limits::serve_nothing()),
        Asked::Leave => {}
    }
    Ok(())
}

async fn run(options: &Options) {
    let program = options.program.clone().unwrap_or_else(server::build);
    machine::tell();
    let mut all = Vec::new();
    for database in [Database::Sqlite, Database::Postgres] {
        if options.only.is_some_and(|only| only != database) {
            continue;
        }
        let cluster = match database {
            Database::Sqlite => None,
            Database::Postgres => match Cluster::start(Durability::Full) {
                Some(cluster) => Some(cluster),
                None => {
                    say("\nPostgreSQL is not installed: left out");
                    continue;
                }
            },
        };
        all.push(measure(options, &program, database, cluster.as_ref()).await);
    }
    if !all.is_empty() {
        summary::tell(&all);
    }
}

/// Everything on one database.
async fn measure(
    options: &Options,
    program: &Path,
    database: Database,
    cluster: Option<&Cluster>,
) -> Measured {
    let version = Place::new(program, cluster).await.database().await.version().await;
    say(&format!("\n{} {version} ({})", database.name(), database.durability()));
    let pushing = pushing(options, program, cluster).await;
    let storm = storming(options, program, cluster).await;
    let city = looking(options, program, cluster).await;
    Measured { database: format!("{} {version}", database.name()), pushing, storm, city }
}

/// The figures of pushing, and of looking at the streets that were pushed to.
async fn pushing(options: &Options, program: &Path, cluster: Option<&Cluster>) -> Report {
    let server = Server::start(program, cluster).await;
    let desk = Desk::open(&server.base).await;
    let nothing = limits::Nothing::start();
    let mut report = Report::default();
    for (place, phones) in options.phones.iter().copied().enumerate() {
        let street = desk.street(place, options.street).await;
        let mut crew = desk.crew(&street, phones).await;
        if place + 1 == options.phones.len() {
            cells::visit_half(&mut crew).await;
            let offices = options.street.offices();
            report.readings.push(reading::of_street(&desk, &street, offices).await);
            server.forget_peak_memory();
        }
        let cell = Cell::measure(&server, &nothing.base, &street, &mut crew, options.time).await;
        report.cells.push(cell);
        report.memory = server.memory();
        report.raw_street = Some(street.id);
    }
    drop(nothing);
    report.raw = Raw::measure(&server, program, cluster, &report).await;
    let closed = report.cells.iter().find(|cell| cell.phones == OPEN_LOOP_PHONES);
    if let Some(closed) = closed.map(|cell| cell.visits_per_second) {
        let street = desk.street(options.phones.len(), options.street).await;
        let crew = desk.crew(&street, OPEN_LOOP_PHONES).await;
        let levels = open_loop::measure(crew, closed, options.time).await;
        report.levels = Some((OPEN_LOOP_PHONES, levels));
    }
    report.downloads.extend(downloads::measure(&desk).await);
    report.tell();
    report
}

/// The figures of the storm.
async fn storming(options: &Options, program: &Path, cluster: Option<&Cluster>) -> Report {
    if options.storm == 0 {
        return Report::default();
    }
    let server = Server::start(program, cluster).await;
    let desk = Desk::open(&server.base).await;
    let storm = storm::measure(&server, &desk, options.storm).await;
    let report = Report { storm: Some(storm), ..Report::default() };
    report.tell();
    report
}

/// The figures of looking at a whole city.
async fn looking(options: &Options, program: &Path, cluster: Option<&Cluster>) -> Report {
    if options.city_offices == 0 {
        return Report::default();
    }
    let server = Server::start(program, cluster).await;
    let desk = Desk::open(&server.base).await;
    let (city, took) = desk.city(options.city_offices).await;
    let reading = reading::of_city(&desk, &city).await;
    let mut report = Report { memory: server.memory(), ..Report::default() };
    report.readings.push(reading);
    report.registered = Some((city.offices, took));
    report.tell();
    report
}
