//! The demo: a street to look at, and the story of one building from Monday to Thursday, told to a
//! real server by simulated phones over HTTP.
//!
//! [`street`] with `buildings` and `companies` is what there is, [`accounts`] who works there,
//! [`loader`] brings both in; [`phone`] is a phone, [`bodies`] what it writes down; [`story`] the
//! story with the figures it must show, [`midway`] the rest of the street in mid-campaign.

pub mod accounts;
pub mod bodies;
mod buildings;
mod companies;
pub mod loader;
pub mod midway;
pub mod phone;
pub mod story;
pub mod street;
mod terminal;

use crate::app::{Failure, Server};
use crate::clock::Clock;
use crate::commands::{NewUser, Top, make_user};
use crate::config::{ArchiveSettings, Demo, Evidence, LogFormat, MapSettings, Settings};
use crate::pipeline::Apart;
use crate::store::{Stage, Store};
use crate::telemetry;
use saolou_protocol::time::Millis;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;
use terminal::Terminal;
use tokio::sync::oneshot;

/// When the demo's clock starts to run on by itself: Thursday evening, all phones home.
const EVENING_MS: Millis = accounts::november(26, 1935);
/// How often it is looked whether photos are read, 50 ms apart: 30 seconds.
const RESTED_LOOKS_MAX: u32 = 600;
/// The setting that says that the story was told to the end.
const TOLD: &str = "demo_told";

/// Loads, tells, and serves on until `shutdown`.
///
/// # Errors
/// Where the server cannot start, a request fails, or a figure of the story is not the expected one.
pub async fn run(
    options: &Demo,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<ExitCode, Failure> {
    telemetry::start_logs("warn", LogFormat::Text);
    let settings = settings(options);
    if options.fresh {
        forget(&settings.data_dir)?;
    }
    make_admin(&settings).await?;
    let clock = Clock::default();
    clock.set_ms(accounts::PUBLISHED_MS);
    let server = Server::start(&settings, clock.clone()).await?;
    let server = server.reading_photos(Apart::this_program()?);
    let base = format!("http://{}", server.address()?);
    let store = server.sync().store.clone();
    let told = store.read().await?.setting(TOLD).await?.is_some();
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(server.serve(async move { drop(stopped.await) }));
    let mut terminal = Terminal::new();
    let holds = if told {
        terminal.say("演示数据已就绪", "the demo is there already")?;
        true
    } else {
        let holds = tell(&base, &clock, &store, &mut terminal).await?;
        let mut tx = store.write().await?;
        tx.add_setting(TOLD, "yes").await?;
        tx.commit().await?;
        holds
    };
    drop(store);
    clock.set_ms(EVENING_MS);
    if !options.exit && holds {
        terminal.welcome(&base)?;
        shutdown.await;
    }
    drop(stop);
    serving.await??;
    Ok(if holds { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// Loads the street, and tells evening by evening the story and what the rest of the street brought in. Gives whether all figures were as expected.
async fn tell(
    base: &str,
    clock: &Clock,
    store: &Store,
    terminal: &mut Terminal,
) -> Result<bool, Failure> {
    let admin = accounts::ADMIN;
    loader::load(base, admin, accounts::PASSWORD, |registered| {
        terminal.progress("录入街道", "registering", registered.done, registered.of);
    })
    .await?;
    terminal.head()?;
    let mut shown = Ok(());
    clock.set_ms(story::SUNDAY_MS);
    let mut telling = story::Telling::begin(base).await?;
    let mut rest = midway::Rest::begin(base).await?;
    for evening_ms in midway::EVENINGS {
        let show = |moment: &story::Moment| {
            if shown.is_ok() {
                shown = terminal.moment(moment);
            }
        };
        telling.until(evening_ms, |at_ms| clock.set_ms(at_ms), show).await?;
        rested(store).await?;
        clock.set_ms(evening_ms);
        let brought = |done, of| terminal.progress("其余楼宇", "the rest of the street", done, of);
        rest.bring_in(evening_ms, brought).await?;
        rested(store).await?;
    }
    let told = telling.told();
    shown?;
    // Told once before and cut off: only the end can still be seen as it was.
    let again = told.duplicates > 0;
    let holds = told.moments.iter().rev().take(if again { 1 } else { usize::MAX });
    let holds = holds.into_iter().all(story::Moment::holds);
    terminal.verdict(holds, again)?;
    Ok(holds)
}

/// Waits until the photos that came in are read and archived: a clock that leaps to the next morning
/// would take the work from those that are at it. Not for ever; what is left is done later.
async fn rested(store: &Store) -> Result<(), Failure> {
    for _ in 0..RESTED_LOOKS_MAX {
        let backlog = store.read().await?.backlog().await?;
        // Telling phones what was read may wait for long; nobody has to be there for it.
        let mut at_work = backlog.iter().filter(|of| of.state == "waiting");
        if at_work.all(|of| of.stage == Stage::Tell.name()) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

fn settings(options: &Demo) -> Settings {
    Settings {
        config: None,
        data_dir: options.data_dir.clone(),
        database_url: None,
        listen: IpAddr::V4(Ipv4Addr::LOCALHOST),
        port: options.port,
        metrics_token: None,
        log: "warn".to_owned(),
        log_format: LogFormat::Text,
        map: MapSettings::default(),
        archive: ArchiveSettings::default(),
        evidence: Evidence::default(),
    }
}

/// Makes the first account; all others are made through the API by it.
///
/// # Errors
/// Where the database cannot be written.
pub async fn make_admin(settings: &Settings) -> Result<(), Failure> {
    let city = street::street().city;
    let unit_id = accounts::unit_id(city.code);
    let admin = accounts::ACCOUNTS.iter().find(|account| account.username == accounts::ADMIN);
    let admin = admin.ok_or("the demo has no administrator")?;
    let new = NewUser {
        username: admin.username,
        name: admin.name,
        password: accounts::PASSWORD,
        role: "system_admin",
        top: Some(Top { unit_id, code: city.code, name: city.name }),
    };
    make_user(settings, &new).await.map(drop)
}

/// Removes what an earlier demo left, and nothing else that may lie in the folder.
fn forget(folder: &Path) -> std::io::Result<()> {
    for name in ["saolou.db", "saolou.db-wal", "saolou.db-shm"] {
        ignore_missing(std::fs::remove_file(folder.join(name)))?;
    }
    ignore_missing(std::fs::remove_dir_all(folder.join("photos")))
}

fn ignore_missing(done: std::io::Result<()>) -> std::io::Result<()> {
    match done {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}
