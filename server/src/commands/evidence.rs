//! `saolou evidence …` and `saolou witness`.

use crate::app::Failure;
use crate::auditor::{
    Report, Trusted, verify_bundle, verify_consistency, verify_log, verify_photo, verify_store,
};
use crate::clock::Clock;
use crate::config::{EvidenceCommand, Export, Settings, TrustedKeys, Verify, WitnessOptions};
use crate::domain::evidence::keys::{Given, Keys};
use crate::domain::evidence::log::Log;
use crate::store::Store;
use crate::telemetry;
use crate::witness::Witness;
use saolou_protocol::evidence::note::Verifier;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

/// Does what is asked with evidence.
///
/// # Errors
/// Where files or the database cannot be read.
pub async fn run(command: &EvidenceCommand) -> Result<ExitCode, Failure> {
    match command {
        EvidenceCommand::Verify(what) => {
            let report = verify(what)?;
            write!(std::io::stdout(), "{report}")?;
            Ok(ExitCode::from(report.exit_code()))
        }
        EvidenceCommand::Export(options) => export(options).await,
        EvidenceCommand::RotateKey(settings) => rotate_key(settings).await,
    }
}

/// Verifies, without network and database.
///
/// # Errors
/// Where a file cannot be read, or a key is none.
pub fn verify(what: &Verify) -> Result<Report, Failure> {
    Ok(match what {
        Verify::Bundle { bundle, keys } => verify_bundle(bundle, &trusted(keys)?),
        Verify::Photo { photo, proof, keys } => {
            let bytes = std::fs::read(photo).map_err(|error| of(photo, &error))?;
            verify_photo(&bytes, &text(proof)?, &trusted(keys)?)
        }
        Verify::Log { folder, keys } => verify_log(folder, &trusted(keys)?),
        Verify::Consistency { first, second, log, keys } => {
            let (first, second) = (text(first)?, text(second)?);
            verify_consistency(log, [&first, &second], &trusted(keys)?)
        }
        Verify::Store { folder, log, keys } => verify_store(folder, log, &trusted(keys)?),
    })
}

fn trusted(keys: &TrustedKeys) -> Result<Trusted, Failure> {
    let read = |texts: &[String]| -> Result<Vec<Verifier>, Failure> {
        let key = |text: &String| {
            Verifier::parse(text).ok_or_else(|| Failure::from(format!("{text}: not a key")))
        };
        texts.iter().map(key).collect()
    };
    let (logs, witnesses) = (read(&keys.key)?, read(&keys.witness)?);
    Ok(Trusted { logs, witnesses, devices: keys.device.clone() })
}

fn text(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| of(path, &error))
}

fn of(path: &Path, error: &std::io::Error) -> Failure {
    format!("{}: {error}", path.display()).into()
}

async fn export(options: &Export) -> Result<ExitCode, Failure> {
    let Export { settings, photo, by, out } = options;
    let clock = Clock::default();
    let store = Store::open(settings.database_url.as_deref(), &settings.data_dir).await?;
    let by = store.read().await?.account_named(by).await?.ok_or("there is no such account")?;
    let log = Log::beside(&store, &clock, Given::read(&settings.evidence)?).await?;
    let folder = settings.data_dir.join("photos");
    let bundle = log.export(*photo, by.user_id, &folder).await?;
    store.close().await;
    let out = out.clone().unwrap_or_else(|| format!("evidence-{photo}.zip").into());
    std::fs::write(&out, bundle).map_err(|error| of(&out, &error))?;
    writeln!(std::io::stdout(), "{}", out.display())?;
    Ok(ExitCode::SUCCESS)
}

async fn rotate_key(settings: &Settings) -> Result<ExitCode, Failure> {
    let store = Store::open(settings.database_url.as_deref(), &settings.data_dir).await?;
    let mut tx = store.write().await?;
    let keys = Keys::rotate(&mut tx, &Clock::default()).await?;
    tx.commit().await?;
    store.close().await;
    writeln!(std::io::stdout(), "{}", keys.signer.verifier())?;
    Ok(ExitCode::SUCCESS)
}

/// Witnesses until a signal ends it.
///
/// # Errors
/// Where the witness cannot start.
pub async fn witness(options: &WitnessOptions) -> Result<ExitCode, Failure> {
    telemetry::start_logs("info", crate::config::LogFormat::Text);
    let witness = Witness::start(options, Clock::default()).await?;
    // What the server's settings want.
    writeln!(std::io::stdout(), "{}=http://{}", witness.key(), witness.address()?)?;
    witness.serve(super::shutdown()).await?;
    Ok(ExitCode::SUCCESS)
}
