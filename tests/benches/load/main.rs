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
//! - `--offices N`: the offices of the city whose overview is read; 0 leaves the city out.
//!
//! In reading order: [`server`] the program under test, a process of its own; [`street`] what is
//! registered; [`visits`] what phones say; [`phone`] how they send it; [`cells`] the figures of
//! pushing; [`limits`] what the machine could do; [`reading`] the figures of looking; [`report`]
//! how all of it is told.

mod cells;
mod limits;
mod phone;
#[path = "../../it/postgres.rs"]
#[expect(dead_code, reason = "the tests use it otherwise: one server for all, without sync")]
mod postgres;
mod reading;
mod report;
mod server;
mod street;
mod visits;

use cells::Cell;
use limits::Raw;
use postgres::{Cluster, Durability};
use report::{Report, say};
use server::{Database, Server};
use std::path::Path;
use std::time::Duration;
use street::{Desk, Plan};

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
    /// The only database.
    only: Option<Database>,
}

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
            only: None,
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
                }
                "--phones" => options.phones = vec![number()?.max(1) as usize],
                "--seconds" => options.time = Duration::from_secs(number()?.max(1).into()),
                "--offices" => options.city_offices = number()? as usize,
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
    let program = server::build();
    report::machine(limits::syncs_per_second());
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
        say(&format!("\n{}", database.name()));
        pushing(options, &program, cluster.as_ref()).await;
        if options.city_offices > 0 {
            looking(options, &program, cluster.as_ref()).await;
        }
    }
}

/// The figures of pushing, and of looking at the streets that were pushed to.
async fn pushing(options: &Options, program: &Path, cluster: Option<&Cluster>) {
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
    report.tell();
}

/// The figures of looking at a whole city.
async fn looking(options: &Options, program: &Path, cluster: Option<&Cluster>) {
    let server = Server::start(program, cluster).await;
    let desk = Desk::open(&server.base).await;
    let (city, took) = desk.city(options.city_offices).await;
    let reading = reading::of_city(&desk, &city).await;
    let mut report = Report { memory: server.memory(), ..Report::default() };
    report.readings.push(reading);
    report.registered = Some((city.offices, took));
    report.tell();
}
