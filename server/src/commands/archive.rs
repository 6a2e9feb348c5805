//! The archive of originals at a terminal: one JSON document on standard output for each command.

use super::read_password;
use crate::app::Failure;
use crate::clock::Clock;
use crate::config::{ArchiveAct, ArchiveCommand};
use crate::domain::accounts::Gate;
use crate::domain::archive::retention::Removal;
use crate::domain::archive::{Archive, Holding};
use crate::domain::evidence::keys::Given;
use crate::domain::evidence::log::Log;
use crate::domain::recovery::Recovery;
use crate::domain::writer::Writer;
use crate::store::{CopyRow, Store};
use crate::telemetry;
use saolou_protocol::canonical::Hash;
use serde_json::{Value, json};
use std::io::Write;
use std::process::ExitCode;
use uuid::Uuid;

const DAY_MS: i64 = 24 * 3600 * 1000;

/// Does something with the archive.
///
/// # Errors
/// Where the database cannot be opened, the archive cannot be reached, or an argument is missing.
pub async fn archive(options: &ArchiveCommand) -> Result<ExitCode, Failure> {
    telemetry::start_logs(&options.settings.log, options.settings.log_format);
    let is_well = archive_to(options, &Clock::default(), &mut std::io::stdout()).await?;
    Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// Does something with the archive and writes what came of it. `false` where that is not as it
/// should be.
///
/// # Errors
/// Where the database cannot be opened, the archive cannot be reached, or an argument is missing.
pub async fn archive_to(
    options: &ArchiveCommand,
    clock: &Clock,
    out: &mut impl Write,
) -> Result<bool, Failure> {
    let settings = &options.settings;
    let store = Store::open(settings.database_url.as_deref(), &settings.data_dir).await?;
    let photos = settings.data_dir.join("photos");
    let archive = Archive::open(&settings.archive, &photos, store.clone(), clock.clone())?;
    let done = act(options, &archive, &store, clock).await;
    store.close().await;
    let (is_well, told) = done?;
    serde_json::to_writer_pretty(&mut *out, &told)?;
    writeln!(out)?;
    Ok(is_well)
}

async fn act(
    options: &ArchiveCommand,
    archive: &Archive,
    store: &Store,
    clock: &Clock,
) -> Result<(bool, Value), Failure> {
    match options.act {
        ArchiveAct::Status => Ok((true, json!(archive.status().await?))),
        ArchiveAct::Probe => {
            let report = archive.probe().await?;
            Ok((report.missing().is_empty(), json!(*report)))
        }
        ArchiveAct::Scrub => {
            // Bad copies are found and local ones mended even where the archive cannot be tried.
            if let Err(error) = archive.probe().await {
                tracing::warn!(%error, "the archive cannot be tried");
            }
            let done = match options.now {
                true => archive.scrub_all().await?,
                false => archive.scrub_due().await?,
            };
            Ok((done.bad.is_empty() && done.unread.is_empty(), json!(done)))
        }
        ArchiveAct::Restore => {
            if !options.from_archive {
                return Err("restore: add --from-archive".into());
            }
            restore(options, archive, store, clock).await
        }
        ArchiveAct::Extend => {
            let days = options.days.ok_or("extend: --days is missing")?;
            let until_ms = clock.now_ms() + i64::from(days) * DAY_MS;
            Ok((true, copy(&archive.extend(original(options)?, until_ms).await?)))
        }
        ArchiveAct::Hold | ArchiveAct::Free => hold(options, archive).await,
        ArchiveAct::Remove => remove(options, archive, store, clock).await,
    }
}

/// Brings originals back, and then what the database has forgotten of their photos.
async fn restore(
    options: &ArchiveCommand,
    archive: &Archive,
    store: &Store,
    clock: &Clock,
) -> Result<(bool, Value), Failure> {
    let settings = &options.settings;
    let mut restored = archive.restore().await?;
    let given = Given::read(&settings.evidence)?;
    let log = Log::open(store, clock, &settings.data_dir, given).await?;
    let (writer, task) = Writer::start(store.clone(), clock.clone());
    let recovery = Recovery { store, clock, log: &log, archive, writer: &writer };
    let recovered = recovery.recover().await;
    drop(writer);
    task.await?;
    let recovered = recovered?.told();
    restored.unnamed = store.read().await?.copies_without_photo().await?;
    let is_well = restored.bad.is_empty() && recovered.is_well();
    let mut told = json!(restored);
    told["photos"] = json!(recovered);
    Ok((is_well, told))
}

async fn hold(options: &ArchiveCommand, archive: &Archive) -> Result<(bool, Value), Failure> {
    let hash = original(options)?;
    let case = options.reason.as_deref().ok_or("--reason is missing: the case")?;
    // Whoever has this terminal has the store's keys: no account is asked.
    let holding = Holding { case, reason: case, by: Uuid::nil() };
    match options.act {
        ArchiveAct::Free => archive.free(hash, holding).await?,
        _ => archive.hold(hash, holding).await?,
    };
    // The case stands whether the store can be told now or not.
    let (locked, refused) = match archive.lock_as_held(hash).await {
        Ok(locked) => (locked, None),
        Err(error) => (None, Some(error.to_string())),
    };
    let holds = archive.holds(hash).await?;
    let mut told = locked.as_ref().map_or_else(|| json!({}), copy);
    told["is_held"] = json!(holds.is_held);
    told["is_pending"] = json!(holds.is_pending);
    told["is_locked"] = json!(locked.is_some_and(|copy| copy.is_held != 0));
    if let Some(refused) = &refused {
        told["store"] = json!(refused);
    }
    Ok((refused.is_none(), told))
}

async fn remove(
    options: &ArchiveCommand,
    archive: &Archive,
    store: &Store,
    clock: &Clock,
) -> Result<(bool, Value), Failure> {
    let hash = original(options)?;
    let by = options.by.as_deref().ok_or("remove: --by is missing")?;
    let reason = options.reason.as_deref().ok_or("remove: --reason is missing")?;
    let password = read_password(options.password_env.as_deref())?;
    // Nobody is signed in: the password alone says who it is, and no token is made.
    let person = Gate::new(&[]).person(store, by, &password, clock.now_ms()).await?;
    Ok(match archive.remove(hash, person.user_id, reason).await? {
        Ok(Removal::Asked) => (true, json!({ "sha256": hash, "removal": "asked" })),
        Ok(Removal::Removed) => (true, json!({ "sha256": hash, "removal": "removed" })),
        Err(kept) => (false, json!({ "sha256": hash, "kept": kept.to_string() })),
    })
}

fn original(options: &ArchiveCommand) -> Result<Hash, Failure> {
    let text = options.sha256.as_deref().ok_or("--sha256 is missing")?;
    Hash::parse(text).ok_or_else(|| "--sha256: expected 64 hexadecimal digits".into())
}

fn copy(copy: &CopyRow) -> Value {
    json!({
        "store": copy.store,
        "bucket": copy.bucket,
        "key": copy.key,
        "version": copy.version,
        "mode": copy.mode,
        "is_proven": copy.is_proven != 0,
        "retain_until_ms": copy.retain_until_ms,
        "is_held": copy.is_held != 0,
    })
}
