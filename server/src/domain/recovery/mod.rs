//! Recovery: what a database that was set back has forgotten of photos, from the evidence log, which
//! is filled up from its copy, and the originals, which the archive has brought back.
//!
//! The log names a photo, its bytes and when it came; who took it and for which building is in it only
//! as commitments, whose salts went with the database. [`traces`] looks for both wherever something
//! may still tell. What nobody can tell any more waits for the desk, or for its record, which claims
//! it when a phone brings it again. [`kept`] notes again which originals cases hold, and which two
//! persons removed. Done again, all of it changes nothing; cut off, it goes on.

mod kept;
mod report;
mod traces;

use super::archive::Archive;
use super::evidence::log::Log;
use super::photos::{self, Arrival, FORGOTTEN};
use super::writer::{Push, Writer};
use crate::clock::Clock;
use crate::error::Result;
use crate::store::{HereRow, PhotoRow, Store};
use kept::Kept;
pub(crate) use report::Recovered;
use saolou_protocol::building::Binding;
use saolou_protocol::canonical::Hash;
use saolou_protocol::evidence::event::{Commitment, Entry, Event};
use saolou_protocol::ids::{OpId, PhotoId};
use saolou_protocol::time::Millis;
use std::collections::{BTreeMap, BTreeSet};
use traces::{Trace, Traces};
use uuid::Uuid;

/// Entries of the log that are read at once.
const PAGE: i64 = 500;
/// Photos that one commit notes.
const COMMIT_MAX: usize = 100;

/// What recovery works with.
#[derive(Clone, Copy)]
pub(crate) struct Recovery<'a> {
    pub(crate) store: &'a Store,
    pub(crate) clock: &'a Clock,
    pub(crate) log: &'a Log,
    pub(crate) archive: &'a Archive,
    pub(crate) writer: &'a Writer,
}

/// A photo that the log says was received, and that no row names with an author.
#[derive(Clone, Debug)]
struct Forgotten {
    leaf_index: i64,
    event_id: Uuid,
    photo: PhotoId,
    sha256: Hash,
    bytes: i64,
    media_type: String,
    manifest: Option<Hash>,
    author: Option<Commitment>,
    received_ms: Millis,
    /// When the log says that its record was here, too.
    is_bound: bool,
    /// It has a row already, and waits for whoever took it.
    waits: bool,
}

/// What the log says of photos.
#[derive(Default)]
struct Told {
    forgotten: Vec<Forgotten>,
    /// Photos that were joined with their records.
    bound: BTreeSet<(PhotoId, Hash)>,
    kept: BTreeMap<Hash, Kept>,
}

impl Recovery<'_> {
    /// Notes again what the log tells and the database has forgotten.
    ///
    /// # Errors
    /// Where the database, the disk or the archive fail; the same call then goes on.
    pub(crate) async fn recover(&self) -> Result<Recovered> {
        let has_archive = !self.archive.is_local();
        let mut recovered = Recovered::new(self.log.catch_up().await, has_archive);
        let told = self.read().await?;
        for (sha256, kept) in &told.kept {
            self.note_kept(*sha256, kept, &mut recovered).await?;
        }
        if told.forgotten.is_empty() {
            return Ok(recovered);
        }
        let traces = Traces::read(self.store, &told.forgotten).await?;
        for some in told.forgotten.chunks(COMMIT_MAX) {
            let mut push = Push::default();
            for one in some {
                let is_removed = self.is_removed(one.sha256).await?;
                if !is_removed && !self.archive.is_here(one.sha256).await? {
                    recovered.is_lost(one);
                    continue;
                }
                let trace = traces.of(self.store, one).await?;
                self.add(&mut push, one, &trace, is_removed, &mut recovered).await?;
            }
            self.writer.file(push).await?;
        }
        Ok(recovered)
    }

    /// Reads the whole log.
    async fn read(&self) -> Result<Told> {
        let size = self.store.read().await?.log_head().await?.map_or(0, |head| head.size);
        let mut told = Told::default();
        let mut at = 0;
        while at < size {
            let mut tx = self.store.read().await?;
            let bodies = tx.log_entries(at..size.min(at + PAGE)).await?;
            let entries: Vec<(i64, Entry)> = (at..)
                .zip(&bodies)
                .filter_map(|(at, body)| Some((at, Entry::read(body)?)))
                .collect();
            let ids: Vec<Uuid> =
                entries.iter().filter_map(|(_, entry)| Some(entry.event.photo_id()?.0)).collect();
            let here = tx.photos_here(&ids).await?;
            for (leaf_index, entry) in entries {
                told.add(leaf_index, entry, &here);
            }
            at += PAGE;
        }
        let Told { forgotten, bound, .. } = &mut told;
        for one in forgotten {
            one.is_bound = bound.contains(&(one.photo, one.sha256));
        }
        Ok(told)
    }

    /// Adds a photo to what is committed next.
    async fn add(
        &self,
        push: &mut Push,
        one: &Forgotten,
        trace: &Trace,
        is_removed: bool,
        recovered: &mut Recovered,
    ) -> Result<()> {
        recovered.is_found(one, trace);
        let is_known = trace.is_placed();
        if one.waits && !is_known {
            return Ok(());
        }
        let now_ms = self.clock.now_ms();
        let mut arrival = Arrival {
            photo: Some(row(one, trace)),
            is_claimed: one.waits,
            jobs: if is_removed { Vec::new() } else { photos::jobs(one.photo.0, one.sha256) },
            ended: trace.open_upload.map(|upload| (upload, "complete", one.bytes)),
            ..Arrival::default()
        };
        if is_known {
            let mut tx = self.store.read().await?;
            let (photo, street) = (one.photo.0, trace.street);
            let said =
                photos::said(&mut tx, photo, one.sha256, trace.building, street, now_ms).await?;
            if said.is_none()
                && let (Some(op), Some(photo)) = (trace.record, arrival.photo.as_mut())
            {
                // Photo and record were joined before the row was lost: no commit joins them again.
                photo.bound_ms = Some(now_ms);
                if !one.is_bound {
                    let joined = Binding { photo: one.photo, sha256: one.sha256, visit: OpId(op) };
                    let (event, salts) = photos::bound(&joined, trace.building, now_ms);
                    arrival.events.push(event);
                    arrival.salts.extend(salts);
                }
            }
            push.ops.extend(said);
        }
        push.arrivals.push(arrival);
        Ok(())
    }
}

impl Told {
    fn add(&mut self, leaf_index: i64, entry: Entry, here: &[HereRow]) {
        let Entry { id, at_ms, event } = entry;
        match event {
            Event::Received { photo_id, sha256, bytes, media_type, manifest, author, .. } => {
                let rows = || {
                    let of = |row: &&HereRow| row.photo_id == photo_id.0 && row.sha256 == sha256.0;
                    here.iter().filter(of)
                };
                // What the desk has attached or discarded is decided, whoever took it.
                let waits = |row: &HereRow| row.author_id.is_nil() && row.state == "quarantined";
                if rows().any(|row| !waits(row) && row.state != "mismatched") {
                    return;
                }
                self.forgotten.push(Forgotten {
                    leaf_index,
                    event_id: id,
                    photo: photo_id,
                    sha256,
                    bytes: i64::try_from(bytes).unwrap_or(i64::MAX),
                    media_type: media_type.unwrap_or_else(|| "application/octet-stream".into()),
                    manifest,
                    author,
                    received_ms: at_ms,
                    is_bound: false,
                    waits: rows().any(waits),
                });
            }
            Event::Bound { photo_id, sha256, .. } => _ = self.bound.insert((photo_id, sha256)),
            Event::HoldOn { sha256, .. } => {
                self.kept.entry(sha256).or_default().on.push((id, leaf_index, at_ms));
            }
            Event::HoldOff { sha256, .. } => self.kept.entry(sha256).or_default().off += 1,
            Event::Removed { sha256, .. } => {
                self.kept.entry(sha256).or_default().removed = Some((leaf_index, at_ms));
            }
            _ => {}
        }
    }
}

/// A photo as it is noted again.
fn row(one: &Forgotten, trace: &Trace) -> PhotoRow {
    let is_known = trace.is_placed();
    PhotoRow {
        street_id: trace.street,
        photo_id: one.photo.0,
        author_id: trace.author.unwrap_or_default(),
        sha256: one.sha256.0.to_vec(),
        building_id: trace.building,
        device_id: trace.device,
        kind: trace.kind.clone(),
        media_type: one.media_type.clone(),
        bytes: one.bytes,
        manifest: trace.manifest.clone(),
        state: if is_known { "stored" } else { "quarantined" }.to_owned(),
        reason: (!is_known).then(|| FORGOTTEN.to_owned()),
        received_ms: one.received_ms,
        bound_ms: None,
    }
}
