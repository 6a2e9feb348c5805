//! Decoding: the stage that reads what is in a photo, keeps its previews, and derives what is to be
//! looked at.

use super::findings::{Record, Resembling, findings};
use super::jobs::{Fault, Work};
use crate::pipeline::{Apart, PREVIEW_SIDES, Reading, SmallHash, Undecodable};
use crate::store::{PhotoFindingRow, PhotoOf, ReadingRow, Result, Taken, Tx};
use saolou_protocol::canonical::Hash;
use saolou_protocol::time::Millis;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// After so many attempts that took too long it is the photo, not the machine.
const PATIENT_ATTEMPTS: i64 = 3;
/// Photos that are compared with one at most, so that a template that everybody photographs delays
/// nothing; the nearest are kept.
const RESEMBLING_MAX: usize = 512;

/// Where the preview of a photo is.
pub(crate) fn preview_path(folder: &Path, sha256: &str, side: u32) -> PathBuf {
    folder.join("derived").join(&sha256[..2]).join(format!("{sha256}-{side}.jpg"))
}

/// Reads a photo apart, and keeps what that gives.
pub(crate) async fn decode(
    work: &Work,
    apart: &Apart,
    job: &Taken,
) -> std::result::Result<(), Fault> {
    let hash = <[u8; 32]>::try_from(job.sha256.as_slice()).map(Hash);
    let name = hash.map_err(|_| Fault::Never("its hash is no hash".into()))?.to_string();
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
    let now_ms = work.clock.now_ms();
    let mut tx = work.store.write().await?;
    put_reading(&mut tx, job, &reading, now_ms).await?;
    for photo in tx.photos_of_bytes(&job.sha256).await? {
        look_again(&mut tx, &photo, now_ms).await?;
    }
    tx.commit().await?;
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

async fn put_reading(tx: &mut Tx, job: &Taken, reading: &Reading, now_ms: Millis) -> Result<()> {
    let look = reading.look.as_ref();
    let body = serde_json::to_vec(reading).expect("a reading is plain data");
    tx.put_reading(&ReadingRow {
        sha256: &job.sha256,
        version: job.version,
        phash64: look.map(|look| look.small.0.to_be_bytes()),
        phash256: look.map(|look| look.large.bytes()),
        body: &body,
        read_ms: now_ms,
    })
    .await
}

/// Derives the findings of a photo anew, and those of the photos that resemble it as far as this one
/// is concerned. To be called in the transaction in which its reading or its record arrives, or another
/// photo of the same bytes; it changes nothing where nothing has changed.
pub(crate) async fn look_again(tx: &mut Tx, photo: &PhotoOf, now_ms: Millis) -> Result<()> {
    let readings = tx.readings(&[&photo.sha256]).await?;
    let reading = readings.first().and_then(|(_, body)| serde_json::from_slice(body).ok());
    let reading: Option<Reading> = reading;
    let small = reading.as_ref().and_then(|reading| Some(reading.look.as_ref()?.small));
    let phash64 = small.map(|small| small.0.to_be_bytes());
    let own = bytes_slot(&photo.sha256);
    tx.put_slots(photo, &[own], None).await?;
    if let Some(small) = small {
        tx.put_slots(photo, &small.slots(), phash64).await?;
    }
    let Some(reading) = reading else { return Ok(()) };
    let near = near(tx, photo, small, own).await?;
    let mut photos: Vec<Uuid> = near.keys().copied().collect();
    photos.push(photo.photo_id);
    let mut records = records(tx, photo.street_id, &photos).await?;
    let record = records.remove(&photo.photo_id);
    let others = resembling(tx, &reading, photo, near, &mut records).await?;
    let found = findings(&reading, record.as_ref(), &others);
    let rows: Vec<PhotoFindingRow> = found
        .iter()
        .flat_map(|finding| {
            let row = |photo_id, other_id| PhotoFindingRow {
                photo_id,
                code: finding.code.to_owned(),
                other_id,
                body: serde_json::to_vec(&finding.body).expect("JSON"),
            };
            let there = finding.other.map(|other| row(other, photo.photo_id));
            let here = row(photo.photo_id, finding.other.unwrap_or_default());
            std::iter::once(here).chain(there)
        })
        .collect();
    tx.put_findings(photo.street_id, photo.photo_id, &rows, now_ms).await
}

/// The slot that photos with the same bytes share with few others.
fn bytes_slot(sha256: &[u8]) -> i64 {
    let first = sha256.first_chunk().map_or(0, |first| u16::from_be_bytes(*first));
    SmallHash::SLOTS | i64::from(first)
}

/// The photos of the street that are worth comparing: the same bytes, or a small hash that differs in
/// few bits.
async fn near(
    tx: &mut Tx,
    photo: &PhotoOf,
    small: Option<SmallHash>,
    own: i64,
) -> Result<BTreeMap<Uuid, Vec<u8>>> {
    let mut slots = vec![own];
    slots.extend(small.iter().flat_map(|small| small.near_slots()));
    let neighbours = tx.neighbours(photo.street_id, &slots).await?;
    let mut near: Vec<(u32, Uuid, Vec<u8>)> = neighbours
        .into_iter()
        .filter(|other| other.photo_id != photo.photo_id)
        .filter_map(|other| {
            let bits = other.phash64.as_deref().zip(small).and_then(|(hash, small)| {
                let hash = SmallHash(u64::from_be_bytes(hash.try_into().ok()?));
                Some(small.distance(hash))
            });
            let is_same = other.sha256 == photo.sha256;
            let bits = if is_same { Some(0) } else { bits };
            let bits = bits.filter(|bits| *bits <= super::findings::SMALL_BITS_MAX)?;
            Some((bits, other.photo_id, other.sha256))
        })
        .collect();
    near.sort();
    near.dedup();
    near.truncate(RESEMBLING_MAX);
    Ok(near.into_iter().map(|(_, photo, sha256)| (photo, sha256)).collect())
}

async fn records(tx: &mut Tx, street: Uuid, photos: &[Uuid]) -> Result<HashMap<Uuid, Record>> {
    let rows = tx.photo_records(street, photos).await?;
    let read = |(photo, body): (Uuid, Vec<u8>)| Some((photo, serde_json::from_slice(&body).ok()?));
    Ok(rows.into_iter().filter_map(read).collect())
}

async fn resembling(
    tx: &mut Tx,
    reading: &Reading,
    photo: &PhotoOf,
    near: BTreeMap<Uuid, Vec<u8>>,
    records: &mut HashMap<Uuid, Record>,
) -> Result<Vec<Resembling>> {
    let hashes: Vec<&[u8]> = near.values().map(Vec::as_slice).collect();
    let looks: HashMap<Vec<u8>, Reading> = tx
        .readings(&hashes)
        .await?
        .into_iter()
        .filter_map(|(sha256, body)| Some((sha256, serde_json::from_slice(&body).ok()?)))
        .collect();
    let here = reading.look.as_ref();
    let others = near.into_iter().map(|(other, sha256)| {
        let there = looks.get(&sha256).and_then(|reading| reading.look.as_ref());
        let bits = here.zip(there).map(|(here, there)| {
            (here.small.distance(there.small), here.large.distance(there.large))
        });
        let offices = records.remove(&other).map(|record| record.offices).unwrap_or_default();
        Resembling { photo: other, offices, is_same: sha256 == photo.sha256, bits }
    });
    Ok(others.collect())
}
