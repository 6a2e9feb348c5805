//! What the program can do besides serving, told to a person at a terminal.

mod archive;
pub mod evidence;

pub use archive::{archive, archive_to};

use crate::app::{Failure, Server};
use crate::clock::Clock;
use crate::config::{Demo, Import, Settings, User};
use crate::domain::access::ROLES;
use crate::domain::accounts::{self, PASSWORD_CHARS_MIN};
use crate::domain::{rebuild, roster};
use crate::pipeline::Apart;
use crate::store::{Account, Grant, Store, UnitRow};
use crate::{demo, telemetry};
use std::io::{BufRead, Write};
use std::process::ExitCode;
use uuid::Uuid;

/// Serves until a signal ends it.
///
/// # Errors
/// Where the server cannot start, or fails while it serves.
pub async fn serve(settings: &Settings) -> Result<ExitCode, Failure> {
    telemetry::start_logs(&settings.log, settings.log_format);
    let server = Server::start(settings, Clock::default()).await?;
    let server = server.reading_photos(Apart::this_program()?);
    let address = server.address()?;
    if server.sync().store.read().await?.top_unit().await?.is_none() {
        tracing::warn!("there is no account yet: make one with `saolou user --help`");
    }
    tracing::info!(%address, "serving");
    server.serve(shutdown()).await?;
    Ok(ExitCode::SUCCESS)
}

/// Runs the demo.
///
/// # Errors
/// Where the demo cannot start, or its figures differ from the expected ones.
pub async fn demo(options: &Demo) -> Result<ExitCode, Failure> {
    demo::run(options, shutdown()).await
}

/// Recounts everything and lists what differs.
///
/// # Errors
/// Where the database cannot be read.
pub async fn rebuild(settings: &Settings) -> Result<ExitCode, Failure> {
    telemetry::start_logs(&settings.log, settings.log_format);
    let store = Store::open(settings.database_url.as_deref(), &settings.data_dir).await?;
    let progress = |done: usize, all: usize| {
        if done == all || done.is_multiple_of(100) {
            tracing::info!(done, all, "buildings recounted");
        }
    };
    let recount = rebuild::recount(&store, progress).await?;
    store.close().await;
    let mut out = std::io::stdout().lock();
    for difference in &recount.differences {
        let rebuild::Difference { building_id, kind, entity_id, expected } = difference;
        writeln!(out, "{building_id}\t{kind}\t{entity_id}\t{expected}")?;
    }
    let (buildings, differences) = (recount.buildings, recount.differences.len());
    writeln!(
        out,
        "{buildings} 栋楼宇已重算，{differences} 处不一致 / {buildings} buildings recounted, {differences} differences"
    )?;
    Ok(if differences == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// Makes or changes an account.
///
/// # Errors
/// Where the password is too short, the role unknown, or the database cannot be written.
pub async fn user(options: &User) -> Result<ExitCode, Failure> {
    let User { settings, username, name, role, unit, password_env } = options;
    let password = read_password(password_env.as_deref())?;
    let name = name.as_deref().unwrap_or(username);
    let top = match unit.as_deref().map(|unit| unit.split_once('=')) {
        None => None,
        Some(Some((code, name))) => Some(Top { unit_id: Clock::default().new_id(), code, name }),
        Some(None) => return Err("--unit: expected CODE=NAME".into()),
    };
    let new = NewUser { username, name, password: &password, role, top };
    let user_id = make_user(settings, &new).await?;
    writeln!(std::io::stdout(), "{username}\t{user_id}\t{role}")?;
    Ok(ExitCode::SUCCESS)
}

/// An account to make from outside the server.
#[derive(Clone, Copy)]
pub struct NewUser<'a> {
    /// To sign in with.
    pub username: &'a str,
    /// The person's name.
    pub name: &'a str,
    /// At least eight characters.
    pub password: &'a str,
    /// A role, granted in the topmost unit.
    pub role: &'a str,
    /// The topmost unit, for when there is none yet.
    pub top: Option<Top<'a>>,
}

/// The topmost unit of the organisation tree.
#[derive(Clone, Copy)]
pub struct Top<'a> {
    /// Its id.
    pub unit_id: Uuid,
    /// Its administrative code.
    pub code: &'a str,
    /// Its name.
    pub name: &'a str,
}

/// Makes an account, or gives an existing one a new password and one role more.
///
/// # Errors
/// Where the password is too short, the role unknown, there is no unit, or the database fails.
pub async fn make_user(settings: &Settings, new: &NewUser<'_>) -> Result<Uuid, Failure> {
    if !ROLES.contains(&new.role) {
        return Err(format!("unknown role {}; known are {}", new.role, ROLES.join(", ")).into());
    }
    if new.password.chars().count() < PASSWORD_CHARS_MIN {
        return Err(format!("the password needs at least {PASSWORD_CHARS_MIN} characters").into());
    }
    std::fs::create_dir_all(&settings.data_dir)?;
    let clock = Clock::default();
    let store = Store::open(settings.database_url.as_deref(), &settings.data_dir).await?;
    let mut tx = store.write().await?;
    let unit_id = match (tx.top_unit().await?, new.top) {
        (Some(top), _) => top,
        (None, Some(Top { unit_id, code, name })) => {
            let (code, name) = (code.to_owned(), name.to_owned());
            let level = "city".to_owned();
            tx.put_unit(&UnitRow { unit_id, parent_id: None, code, level, name }).await?;
            unit_id
        }
        (None, None) => return Err("there is no unit yet: add --unit CODE=NAME".into()),
    };
    let before = tx.account_named(new.username).await?;
    let user_id = before.map_or_else(|| clock.new_id(), |before| before.user_id);
    let account = Account {
        user_id,
        username: new.username.to_owned(),
        name: new.name.to_owned(),
        password_hash: accounts::hash_password(new.password)?,
        status: "active".to_owned(),
        suspended_ms: None,
    };
    tx.put_account(&account, clock.now_ms()).await?;
    let mut grants = tx.grants(user_id).await?;
    grants.push(Grant { role: new.role.to_owned(), unit_id });
    tx.put_grants(user_id, &grants).await?;
    tx.commit().await?;
    store.close().await;
    Ok(user_id)
}

fn read_password(from_env: Option<&str>) -> Result<String, Failure> {
    if let Some(name) = from_env {
        return std::env::var(name).map_err(|_| format!("{name} is not set").into());
    }
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// Imports a room list.
///
/// # Errors
/// Where the file as a whole cannot be read, or building or account are unknown.
pub async fn import(options: &Import) -> Result<ExitCode, Failure> {
    let Import { settings, building, by, dry_run, file } = options;
    telemetry::start_logs(&settings.log, settings.log_format);
    let bytes = std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let server = Server::start(&Settings { port: 0, ..settings.clone() }, Clock::default()).await?;
    let report = roster::import_as(server.sync(), by, *building, bytes.into(), *dry_run).await;
    server.serve(std::future::ready(())).await?;
    let report = report?;
    serde_json::to_writer_pretty(std::io::stdout(), &report)?;
    writeln!(std::io::stdout())?;
    Ok(if report.refused == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// Done when the program is asked to end.
async fn shutdown() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let Ok(mut terminate) = signal(SignalKind::terminate()) else {
            drop(interrupt.await);
            return;
        };
        tokio::select! {
            _ = interrupt => {}
            _ = terminate.recv() => {}
        }
    }
    #[cfg(not(unix))]
    drop(interrupt.await);
}
