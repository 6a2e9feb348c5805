//! Decoding: the stage that reads what is in a photo and keeps its previews.

use super::jobs::{Fault, Left, Work};
use crate::pipeline::{Apart, PREVIEW_SIDES, Reading, Undecodable};
use crate::store::{NewJob, ReadingRow, Stage, Taken};
use saolou_protocol::canonical::Hash;
use saolou_protocol::time::Millis;
use std::path::{Path, PathBuf};

/// After so many attempts that took too long it is the photo, not the machine.
const PATIENT_ATTEMPTS: i64 = 3;

/// Where the preview of a photo is.
pub(crate) fn preview_path(folder: &Path, sha256: &str, side: u32) -> PathBuf {
    folder.join("derived").join(&sha256[..2]).join(format!("{sha256}-{side}.jpg"))
}

/// Reads a photo apart, and keeps what that gives.
pub(crate) async fn decode(
    work: &Work,
    apart: &Apart,
    job: &Taken,
    left: &mut Left,
) -> std::result::Result<(), Fault> {
    let hash = <[u8; 32]>::try_from(job.sha256.as_slice()).map(Hash);
    let hash = hash.map_err(|_| Fault::Never("its hash is no hash".into()))?;
    let name = hash.to_string();
    let original = work.folder.join("photos/sha256").join(&name[..2]).join(&name);
    let into = attempt_folder(work, &name, job.attempts);
    // What earlier attempts left lying about when they were killed.
    for attempt in 1..=job.attempts {
        drop(tokio::fs::remove_dir_all(attempt_folder(work, &name, attempt)).await);
    }
    tokio::fs::create_dir_all(&into).await.map_err(|error| again("previews", &error))?;
    let read = apart.read(&original, &into).await;
    let reading = match read {
        Ok(reading) => reading,
        Err(failure) if failure.is_too_long() && job.attempts >= PATIENT_ATTEMPTS => {
            Reading::nothing(crate::pipeline::Format::Unknown, Undecodable::TooSlow)
        }
        Err(failure) => {
            drop(tokio::fs::remove_dir_all(&into).await);
            return Err(Fault::Again(failure.to_string()));
        }
    };
    keep_previews(work, &name, &into, &reading).await.map_err(|error| again("previews", &error))?;
    if let Some(why) = reading.undecodable {
        tracing::warn!(photo_id = %job.photo_id, ?why, "a photo could not be decoded");
        metrics::counter!("saolou_photos_undecodable_total").increment(1);
    }
    left.reading = Some(row(job, &reading, work.clock.now_ms()));
    left.next = Some(NewJob { photo_id: job.photo_id, sha256: hash.0, stage: Stage::Tell });
    Ok(())
}

fn again(what: &str, error: &std::io::Error) -> Fault {
    Fault::Again(format!("{what}: {error}"))
}

/// Where one attempt leaves what it makes. The attempts of a job are numbered by the database: no
/// two have the same.
fn attempt_folder(work: &Work, name: &str, attempt: i64) -> PathBuf {
    work.folder.join("derived/incoming").join(format!("{name}.{attempt}"))
}

/// Moves previews to their place, whole: what is there already is replaced by the same.
async fn keep_previews(
    work: &Work,
    name: &str,
    into: &Path,
    reading: &Reading,
) -> std::io::Result<()> {
    for side in PREVIEW_SIDES.into_iter().filter(|side| reading.previews.contains(side)) {
        let place = preview_path(&work.folder, name, side);
        let folder = place.parent().expect("a preview's place lies in a folder");
        tokio::fs::create_dir_all(folder).await?;
        tokio::fs::rename(into.join(format!("{side}.jpg")), &place).await?;
        tokio::fs::File::open(folder).await?.sync_all().await?;
    }
    tokio::fs::remove_dir_all(into).await
}

/// Removes the previews of bytes that show an identity document. They are not made again: what was
/// read once is not read again, and whoever reads it now has it told afterwards, which ends here.
pub(crate) async fn forget_previews(
    folder: &Path,
    sha256: &[u8],
) -> std::result::Result<(), Fault> {
    let name: Option<Hash> = sha256.try_into().ok().map(Hash);
    let name = name.ok_or_else(|| Fault::Never("its hash is no hash".into()))?.to_string();
    for side in PREVIEW_SIDES {
        match tokio::fs::remove_file(preview_path(folder, &name, side)).await {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(again("previews", &error));
            }
            _ => {}
        }
    }
    Ok(())
}

fn row(job: &Taken, reading: &Reading, now_ms: Millis) -> ReadingRow {
    let look = reading.look.as_ref();
    ReadingRow {
        sha256: job.sha256.clone(),
        version: job.version,
        phash64: look.map(|look| look.small.0.to_be_bytes()),
        phash256: look.map(|look| look.large.bytes()),
        body: serde_json::to_vec(reading).expect("a reading is plain data"),
        read_ms: now_ms,
    }
}
