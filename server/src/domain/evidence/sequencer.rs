//! The sequencer: gives waiting events their places and signs the log over them, a batch at a time.
//!
//! There is one at a time for a database: whoever holds the lease, whose row is the first that each
//! batch writes.

use super::copy::Kept;
use super::guard::{self, Verdict};
use super::keys::Keys;
use super::log::{Log, signed_size, tiles_of};
use crate::error::{Error, Result};
use crate::store::{CheckpointRow, PlacedRow, Tx};
use saolou_protocol::canonical::Hash;
use saolou_protocol::evidence::checkpoint::Checkpoint;
use saolou_protocol::evidence::event::{Entry, Event};
use saolou_protocol::evidence::tree::{Edge, Range, leaf_hash};
use saolou_protocol::time::Millis;
use std::time::Duration;
use uuid::Uuid;

/// How long events wait for others to share a checkpoint with.
const BATCH_EVERY: Duration = Duration::from_secs(1);
/// Entries of one checkpoint at most.
const BATCH_ENTRIES_MAX: i64 = 256;
/// How long the lease outlives its last batch.
pub(super) const LEASE_MS: Millis = 10_000;
/// The same refusal is told again after so many.
const TELL_EVERY: u32 = 60;

/// What a step did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Nothing waits, or another server is at it.
    Idle,
    /// A checkpoint over so many entries was signed, and `more` wait.
    Signed {
        /// Entries of the log.
        size: i64,
        /// Whether a full batch was taken.
        more: bool,
    },
    /// Nothing may be signed, and why.
    Refused(String),
}

impl Log {
    /// Sequences until it is dropped.
    pub(crate) async fn keep(self) {
        let mut every = tokio::time::interval(BATCH_EVERY);
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut refusals = 0_u32;
        loop {
            every.tick().await;
            loop {
                match self.step().await {
                    Ok(Step::Signed { more: true, .. }) => {}
                    Ok(Step::Signed { .. } | Step::Idle) => {
                        refusals = 0;
                        break;
                    }
                    Ok(Step::Refused(why)) => {
                        if refusals.is_multiple_of(TELL_EVERY) {
                            tracing::error!(why, "the evidence log is not signed");
                        }
                        refusals += 1;
                        metrics::counter!("saolou_evidence_refusals_total").increment(1);
                        break;
                    }
                    Err(error) => {
                        tracing::warn!(%error, "evidence log");
                        break;
                    }
                }
            }
        }
    }

    /// One batch: compares, and signs what waits.
    pub(crate) async fn step(&self) -> Result<Step> {
        let mut verdict = guard::compare(self).await?;
        if verdict == Verdict::Restored {
            // What others hold may still be more than the copy did.
            verdict = guard::compare(self).await?;
        }
        match verdict {
            Verdict::Refused(why) => return Ok(Step::Refused(why)),
            Verdict::Elsewhere => return Ok(Step::Idle),
            Verdict::Clear | Verdict::Restored => {}
        }
        if self.store.read().await?.waiting_entries(1).await?.is_empty() {
            return Ok(Step::Idle);
        }
        let edge = self.with_copy(|copy| Ok(copy.edge().clone())).await?;
        let now_ms = self.clock.now_ms();
        let mut tx = self.store.write().await?;
        if !tx.take_sequencer_lease(self.me, now_ms, now_ms + LEASE_MS).await? {
            return Ok(Step::Idle);
        }
        // What was compared is what is continued, or nothing is.
        let head = tx.log_head().await?;
        let is_same = match &head {
            Some(head) => head.size == signed_size(edge.size()) && head.root == edge.root().0,
            None => edge.size() == 0,
        };
        if !is_same {
            return Ok(Step::Idle);
        }
        let keys = Keys::read(&mut tx, &self.clock, &self.given).await?;
        let bodies = tx.waiting_entries(BATCH_ENTRIES_MAX).await?;
        let mut grown = edge;
        let (rows, nodes) = place(&mut grown, bodies.iter().map(Vec::as_slice))?;
        if rows.is_empty() {
            return Ok(Step::Idle);
        }
        if tx.place_events(&rows).await? != rows.len() as u64 {
            return Err(Error::Internal("evidence log: an event changed while it waited".into()));
        }
        tx.put_nodes(&nodes).await?;
        let (origin, root) = (keys.signer.name().to_owned(), grown.root());
        let signed = Checkpoint { origin, size: grown.size(), root }.sign(&keys.signer);
        let size = signed_size(grown.size());
        let (note, root) = (signed.note.to_string(), root.0.to_vec());
        let checkpoint = CheckpointRow { size, root, note, at_ms: now_ms };
        tx.put_checkpoint(&checkpoint).await?;
        tx.commit().await?;
        self.take_up(keys);
        self.is_newest(&checkpoint.note);
        let kept = kept(&checkpoint)?;
        let more = bodies.len() as i64 == BATCH_ENTRIES_MAX;
        self.with_copy(move |copy| copy.append(&bodies, kept).map(drop)).await?;
        metrics::gauge!("saolou_evidence_entries").set(size as f64);
        Ok(Step::Signed { size, more })
    }
}

/// Hashes of tiles, as (level, index, hash).
type Nodes = Vec<(i64, i64, Vec<u8>)>;

/// The rows of entries that follow on an edge, and the hashes of tiles that are full with them.
pub(super) fn place<'a>(
    edge: &mut Edge,
    entries: impl Iterator<Item = &'a [u8]>,
) -> Result<(Vec<PlacedRow>, Nodes)> {
    let (mut rows, mut nodes) = (Vec::new(), Vec::new());
    for body in entries {
        let (event_id, at_ms) = id_and_time(body)?;
        let hash = leaf_hash(body);
        let leaf_index = signed_size(edge.size());
        for (node, hash) in edge.push(hash) {
            if node.height > 0 && node.height.is_multiple_of(8) {
                let level = i64::from(node.height / 8);
                nodes.push((level, signed_size(node.index), hash.0.to_vec()));
            }
        }
        let event = Entry::read(body).map(|entry| entry.event);
        let photo_id = event.as_ref().and_then(Event::photo_id);
        let sha256 = event.as_ref().and_then(Event::sha256);
        rows.push(PlacedRow {
            event_id,
            at_ms,
            body: body.to_vec(),
            leaf_index,
            leaf_hash: hash.0.to_vec(),
            photo_id: photo_id.map(|photo| photo.0),
            sha256: sha256.map(|sha256| sha256.0.to_vec()),
        });
    }
    Ok((rows, nodes))
}

/// Id and time of an entry, also of a kind that only a later version knows.
fn id_and_time(body: &[u8]) -> Result<(Uuid, Millis)> {
    #[derive(serde::Deserialize)]
    struct Named {
        id: Uuid,
        at_ms: Millis,
    }
    let named: Named = serde_json::from_slice(body)
        .map_err(|error| Error::Internal(format!("evidence log: an entry is none: {error}")))?;
    Ok((named.id, named.at_ms))
}

/// The right edge of the log when it had so many entries.
pub(super) async fn edge_of(tx: &mut Tx, size: u64) -> Result<Edge> {
    let hashes = tiles_of(tx, &[Range::whole(size)], size).await?;
    Edge::of(size, |node| hashes.node(node))
        .ok_or_else(|| Error::Internal("evidence log: hashes are missing".into()))
}

/// A checkpoint as the copy keeps it.
pub(super) fn kept(row: &CheckpointRow) -> Result<Kept> {
    let root = row.root.as_slice().try_into().map(Hash);
    let root = root.map_err(|_| Error::Internal("evidence log: a stored root is none".into()))?;
    let size = u64::try_from(row.size).unwrap_or_default();
    Ok(Kept { size, root, note: row.note.clone() })
}
