//! What a phone asks for: the push half, the pull half, and what it must remember to judge the reply.

use super::Phone;
use super::outbox::{Kept, Tick};
use super::stored::Stored;
use crate::ids::{BuildingId, DeviceId, OpId};
use crate::time::ClockReading;
use crate::wire::{ASK_MAX, Pending, PullRequest, SyncRequest};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// Largest page that a phone takes, in bytes of entities: what it can store in one transaction
/// while somebody is typing.
pub const PAGE_BYTES_MAX: usize = 512 * 1024;

/// What a request said, by which its reply is judged. It belongs to no transaction: when it is lost,
/// the reply is worth nothing, and everything is asked for again.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The incarnation that asked.
    pub device: DeviceId,
    /// The epoch that the phone knew.
    pub epoch: Option<Uuid>,
    /// What the phone knew: everything up to this tick.
    pub tick: Tick,
    /// The ops sent, in order.
    pub ops: Vec<OpId>,
    /// The ops asked about.
    pub ask: Vec<OpId>,
    /// The cursor that the page begins at.
    pub cursor: Option<String>,
    /// The buckets it said to have left.
    pub left: BTreeSet<BuildingId>,
    /// Whether it carried the digests of all buckets.
    pub digests: bool,
    /// Whether it asked for rows.
    pub rows: bool,
    /// The clocks when it was made.
    pub clock: ClockReading,
}

impl Phone {
    /// Makes a request: what waits, oldest first and within the limits, and a pull. `clock` is the
    /// phone's clocks now. Several requests may be under way at once; what two of them carry alike
    /// is harmless.
    #[must_use]
    pub fn request(&self, clock: &ClockReading) -> (SyncRequest<'_>, Asked) {
        let stored = &self.stored;
        let mut request = SyncRequest {
            device: stored.device,
            clock: Some(stored.clocks.reading(clock)),
            pending: Some(stored.pending()),
            checkpoint: stored.evidence.next(),
            ops: Vec::new(),
            ask: stored.ask(),
            pull: Some(stored.pull()),
        };
        let mut batch = self.batch(&request);
        if batch.is_empty() {
            // What is asked for must not crowd out what is to be pushed.
            let (clock, pending) = (request.clock.clone(), request.pending);
            let bare = SyncRequest { clock, pending, ..bare(stored.device) };
            batch = self.batch(&bare);
            if !batch.is_empty() {
                request = bare;
            }
        }
        let pull = request.pull.as_ref();
        let asked = Asked {
            device: stored.device,
            epoch: stored.epoch,
            tick: stored.tick,
            ops: batch.iter().map(|kept| kept.op_id).collect(),
            ask: request.ask.clone(),
            cursor: stored.cursor.clone(),
            left: pull.map(|pull| pull.left.iter().copied().collect()).unwrap_or_default(),
            digests: pull.is_some() && stored.repair.wants_sums(),
            rows: pull.is_some_and(|pull| !pull.rows.is_empty()),
            clock: clock.clone(),
        };
        request.ops = batch.into_iter().map(|kept| kept.sent.raw()).collect();
        (request, asked)
    }

    fn batch(&self, around: &SyncRequest<'_>) -> Vec<&Kept> {
        let limits = &self.stored.limits;
        let around = serde_json::to_vec(around).expect("ids, numbers and texts are writable");
        let room_bytes = limits.body_bytes_max.saturating_sub(around.len());
        self.stored.outbox.batch(limits, self.ops_max(), room_bytes)
    }
}

fn bare(device: DeviceId) -> SyncRequest<'static> {
    SyncRequest {
        device,
        clock: None,
        pending: None,
        checkpoint: None,
        ops: Vec::new(),
        ask: Vec::new(),
        pull: None,
    }
}

impl Stored {
    /// What waits.
    fn pending(&self) -> Pending {
        let waiting = self.outbox.iter().filter(|kept| kept.answer.is_none()).count();
        let count = |len| u32::try_from(len).unwrap_or(u32::MAX);
        Pending { records: count(waiting), photos: count(self.evidence.photos().len()) }
    }

    /// The ops that the server was not asked about for the longest time.
    fn ask(&self) -> Vec<OpId> {
        let mut ask: Vec<&Kept> =
            self.outbox.iter().filter(|kept| self.is_to_be_asked(kept)).collect();
        ask.sort_by_key(|kept| kept.told);
        ask.into_iter().take(ASK_MAX).map(|kept| kept.op_id).collect()
    }

    fn pull(&self) -> PullRequest {
        let wants_sums = self.repair.wants_sums();
        let counted = self.replica.buckets().filter(|(id, _)| !self.leaving.contains(*id));
        let digests = counted.filter(|_| wants_sums).map(|(id, bucket)| (id, bucket.digest()));
        PullRequest {
            cursor: self.cursor.clone(),
            page_bytes_max: Some(self.limits.page_bytes_max.min(PAGE_BYTES_MAX)),
            left: self.left(),
            digests: digests.collect::<BTreeMap<_, _>>(),
            rows: self.repair.rows(),
        }
    }
}
