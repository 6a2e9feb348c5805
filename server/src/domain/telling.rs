//! Telling: the stage that files what reading its bytes gave of a photo, and which photos look like it.
//!
//! What is filed are facts that only the server can know. The findings follow from them and from the
//! records, in the fold, whichever comes first. Every photo of the bytes is told of, as often as the
//! stage is run; what was filed before is filed once. Where one of them shows an identity document, the
//! previews are removed (C42); the original stays.

use super::decoding;
use super::desk;
use super::fold::fold;
use super::jobs::{Fault, Work};
use crate::pipeline::{Reading, SmallHash};
use crate::store::{PhotoOf, ReadingBody, Result, SlotRow, Taken, Tx};
use saolou_protocol::building::Building;
use saolou_protocol::canonical::Hash;
use saolou_protocol::engine::push::Judged;
use saolou_protocol::ids::{BuildingId, PhotoId};
use saolou_protocol::location::{Datum, Location};
use saolou_protocol::photo::finding::ALIKE_BITS_MAX;
use saolou_protocol::photo::reading::{Alike, Codes, PhotoReading, Resemblance};
use saolou_protocol::time::Millis;
use serde_json::Value;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use uuid::Uuid;

/// Photos that one is told to look like at most, so that a picture that everybody sends breeds no
/// flood; the nearest are.
const ALIKE_MAX: usize = 64;

/// Puts the photos that are to be told of where those that look like them find them: in the commit
/// by which their jobs are taken, so that of two that are told at once one finds the other. Gives the
/// jobs, and those apart whose bytes were not read yet: they are told when they have been.
pub(crate) async fn place(tx: &mut Tx, jobs: Vec<Taken>) -> Result<(Vec<Taken>, Vec<Taken>)> {
    let hashes: Vec<&[u8]> = jobs.iter().map(|job| job.sha256.as_slice()).collect();
    let readings = tx.readings(&hashes).await?;
    let readings: HashMap<&[u8], Read> =
        readings.iter().filter_map(|row| Some((&*row.sha256, Read::of(row)?))).collect();
    let read: Vec<&[u8]> = readings.keys().copied().collect();
    let photos = tx.photos_of_bytes(&read).await?;
    let mut rows = Vec::new();
    for photo in &photos {
        let Some(own) = readings.get(photo.sha256.as_slice()) else { continue };
        let phash64 = own.phash64();
        let in_slot = |slot| SlotRow { photo, slot, phash64 };
        rows.extend(slots(photo, own).into_iter().map(in_slot));
    }
    tx.put_slots(&rows).await?;
    Ok(jobs.into_iter().partition(|job| readings.contains_key(job.sha256.as_slice())))
}

/// Files what is known of the photos that have these bytes.
pub(crate) async fn tell(work: &Work, job: &Taken) -> std::result::Result<(), Fault> {
    let mut tx = work.store.read().await?;
    let readings = tx.readings(&[&job.sha256]).await?;
    // What was not read yet is told when it has been.
    let Some(own) = readings.first().and_then(Read::of) else { return Ok(()) };
    let now_ms = work.clock.now_ms();
    let mut ops = Vec::new();
    let mut typed = Typed::default();
    let mut is_restricted = false;
    for photo in &tx.photos_of_bytes(&[&job.sha256]).await? {
        is_restricted |= tx.is_photo_restricted(photo.street_id, photo.photo_id).await?;
        ops.push(read(photo, &own, now_ms)?);
        ops.extend(alike(&mut tx, photo, &own, &mut typed, now_ms).await?);
    }
    drop(tx);
    if is_restricted {
        decoding::forget_previews(&work.folder, &job.sha256).await?;
    }
    Ok(desk::file(&work.writer, ops).await?)
}

impl From<crate::error::Error> for Fault {
    fn from(error: crate::error::Error) -> Self {
        Self::Again(format!("filing: {error}"))
    }
}

/// A reading with the version of what read it.
struct Read {
    version: i64,
    reading: Reading,
    codes: Codes,
}

impl Read {
    fn of(row: &ReadingBody) -> Option<Self> {
        let reading: Reading = serde_json::from_slice(&row.body).ok()?;
        Some(Self { version: row.version, codes: Codes::of(&reading.qr), reading })
    }

    fn small(&self) -> Option<SmallHash> {
        self.reading.look.as_ref().map(|look| look.small)
    }

    fn phash64(&self) -> Option<[u8; 8]> {
        self.small().map(|small| small.0.to_be_bytes())
    }

    /// In how many bits the looks of two photos differ, of 64 and of 256; `None` where they differ in
    /// too many, or one has no looks.
    fn bits(&self, other: &Self) -> Option<(i64, i64)> {
        let (here, there) = (self.reading.look.as_ref()?, other.reading.look.as_ref()?);
        let small = i64::from(here.small.distance(there.small));
        let large = i64::from(here.large.distance(there.large));
        (small <= ALIKE_BITS_MAX.0 && large <= ALIKE_BITS_MAX.1).then_some((small, large))
    }
}

/// Where a photo is found by those that look like it.
fn slots(photo: &PhotoOf, own: &Read) -> Vec<i64> {
    let of_looks = own.small().map(SmallHash::slots).into_iter().flatten();
    std::iter::once(bytes_slot(&photo.sha256)).chain(of_looks).collect()
}

/// The slot that photos with the same bytes share with few others.
fn bytes_slot(sha256: &[u8]) -> i64 {
    let first = sha256.first_chunk().map_or(0, |first| u16::from_be_bytes(*first));
    SmallHash::SLOTS | i64::from(first)
}

/// The op that says what reading a photo gave.
#[expect(clippy::cast_possible_truncation, reason = "a measure of some thousands")]
fn read(photo: &PhotoOf, own: &Read, now_ms: Millis) -> crate::error::Result<Judged> {
    let reading = &own.reading;
    let look = reading.look.as_ref();
    let exif = reading.exif.as_ref();
    let place = exif.and_then(|exif| exif.place.as_ref());
    let body = PhotoReading {
        photo: PhotoId(photo.photo_id),
        sha256: hash_of(&photo.sha256),
        reader: own.version,
        undecodable: reading.undecodable,
        long_side_px: i64::from(reading.width.max(reading.height)),
        sharpness: look.map_or(0, |look| look.sharpness.round() as i64),
        is_smeared: look.is_some_and(crate::pipeline::Look::is_smeared),
        codes: own.codes.clone(),
        taken_ms: exif.and_then(|exif| exif.taken_ms),
        place: place.map(|place| Location {
            latitude: place.latitude,
            longitude: place.longitude,
            datum: Datum::Wgs84,
            accuracy_m: place.accuracy_m.unwrap_or(0.0),
        }),
    };
    op(photo, "photo_read", body.body(), photo.received_ms, now_ms)
}

/// The ops that say which photos look like one: in its building, and in theirs.
async fn alike(
    tx: &mut Tx,
    photo: &PhotoOf,
    own: &Read,
    typed: &mut Typed,
    now_ms: Millis,
) -> crate::error::Result<Vec<Judged>> {
    let near = near(tx, photo, own).await?;
    let ids: Vec<Uuid> = near.keys().map(|(photo, _)| *photo).collect();
    let others = tx.photos_stored(photo.street_id, &ids).await?;
    let hashes: Vec<&[u8]> = near.keys().map(|(_, sha256)| sha256.as_slice()).collect();
    let readings: HashMap<Vec<u8>, Read> = tx
        .readings(&hashes)
        .await?
        .into_iter()
        .filter_map(|row| Some((row.sha256.clone(), Read::of(&row)?)))
        .collect();
    let mut ops = Vec::new();
    for other in others {
        if !near.contains_key(&(other.photo_id, other.sha256.clone())) {
            continue;
        }
        let is_same = other.sha256 == photo.sha256;
        let there = readings.get(&other.sha256);
        let bits = there.and_then(|there| own.bits(there)).filter(|_| !is_same);
        if bits.is_none() && !is_same {
            continue;
        }
        let mut ours = own.codes.licences.clone();
        let mut theirs = there.map(|there| there.codes.licences.clone()).unwrap_or_default();
        if bits.is_some() && other.building_id != photo.building_id {
            // A building knows its own records only.
            ours = typed.with(tx, photo, ours).await?;
            theirs = typed.with(tx, &other, theirs).await?;
        }
        let body = Resemblance::of(side(photo, ours), side(&other, theirs), bits).body();
        let wall_ms = photo.received_ms.max(other.received_ms);
        ops.push(op(photo, "photo_alike", body.clone(), wall_ms, now_ms)?);
        if other.building_id != photo.building_id {
            ops.push(op(&other, "photo_alike", body, wall_ms, now_ms)?);
        }
    }
    Ok(ops)
}

/// What the records of buildings say that their photos show. Two photos that look alike lie in two
/// buildings so seldom that these are folded for it.
#[derive(Default)]
struct Typed(HashMap<Uuid, Option<Building>>);

impl Typed {
    /// The codes that stand in a photo, and those that were typed for it.
    async fn with(
        &mut self,
        tx: &mut Tx,
        photo: &PhotoOf,
        scanned: Vec<String>,
    ) -> crate::error::Result<Vec<String>> {
        let building = match self.0.entry(photo.building_id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => {
                let folded = match tx.head(photo.building_id).await? {
                    Some(head) => Some(fold(tx, &head).await?.0),
                    None => None,
                };
                unknown.insert(folded)
            }
        };
        let typed = building.as_ref().map(|of| of.codes_of(PhotoId(photo.photo_id)));
        let codes: BTreeSet<String> =
            scanned.into_iter().chain(typed.unwrap_or_default()).collect();
        Ok(codes.into_iter().collect())
    }
}

fn side(photo: &PhotoOf, licences: Vec<String>) -> Alike {
    Alike {
        photo: PhotoId(photo.photo_id),
        sha256: hash_of(&photo.sha256),
        building: BuildingId(photo.building_id),
        licences,
    }
}

/// The photos of the street that are worth comparing, by photo and bytes: the same bytes, or a small
/// hash that differs in few bits.
async fn near(tx: &mut Tx, photo: &PhotoOf, own: &Read) -> Result<BTreeMap<(Uuid, Vec<u8>), i64>> {
    let small = own.small();
    let mut slots = vec![bytes_slot(&photo.sha256)];
    slots.extend(small.iter().flat_map(|small| small.near_slots()));
    let neighbours = tx.neighbours(photo.street_id, &slots).await?;
    let others = neighbours.into_iter().filter(|other| other.photo_id != photo.photo_id);
    let mut near: Vec<(i64, Uuid, Vec<u8>)> = others
        .filter_map(|other| {
            let is_same = other.sha256 == photo.sha256;
            let bits = other.phash64.as_deref().zip(small).and_then(|(hash, small)| {
                let hash = SmallHash(u64::from_be_bytes(hash.try_into().ok()?));
                Some(i64::from(small.distance(hash)))
            });
            let bits = if is_same { Some(-1) } else { bits };
            let bits = bits.filter(|bits| *bits <= ALIKE_BITS_MAX.0)?;
            Some((bits, other.photo_id, other.sha256))
        })
        .collect();
    near.sort();
    near.dedup();
    near.truncate(ALIKE_MAX);
    Ok(near.into_iter().map(|(bits, photo, sha256)| ((photo, sha256), bits)).collect())
}

/// An op about a photo, in the photo's building. Its id follows from what it says, and its bytes too:
/// told again, it is the same op.
fn op(
    photo: &PhotoOf,
    kind: &str,
    body: Value,
    wall_ms: Millis,
    now_ms: Millis,
) -> crate::error::Result<Judged> {
    let mut about = photo.building_id.as_bytes().to_vec();
    about.extend_from_slice(kind.as_bytes());
    about.extend_from_slice(body.to_string().as_bytes());
    let op_id = Uuid::new_v5(&photo.photo_id, &about);
    let (building, subject) = (photo.building_id, photo.photo_id);
    let op = desk::op(op_id, Uuid::nil(), wall_ms, building, kind, subject, &[], body)?;
    Ok(desk::judged(op, photo.street_id, now_ms))
}

fn hash_of(sha256: &[u8]) -> Hash {
    Hash(sha256.try_into().expect("a stored hash has 32 bytes"))
}
