//! The phone: the state machine of a client, pure and deterministic. Ids, clocks and random numbers
//! are handed in; what is durable is one value, and every transition is one transaction on it.
//!
//! In reading order: [`handset`] is an installation that several users share, [`Phone`] what one of
//! them has on it, and [`stored`] the part that survives a crash. [`outbox`] keeps the ops and [`replica`] the entities as served. [`request`] makes
//! a request and [`reply`] says, step by step, what its reply leads to: [`release`] lets ops go and
//! sends lost ones again, [`leave`] purges, [`repair`] mends the base. [`retry`] says when to try
//! again, [`clocks`] what is known of the server's time, [`evidence`] what it has of the log that proves
//! its photos, [`verbatim`] is JSON kept byte for byte.
//!
//! ```text
//! capture → request → (network) → receive → apply, apply, … → request …
//! ```

pub mod clocks;
pub mod evidence;
pub mod handset;
pub mod leave;
pub mod outbox;
pub mod release;
pub mod repair;
pub mod replica;
pub mod reply;
pub mod request;
pub mod retry;
pub mod stored;
pub mod verbatim;

use crate::ids::{BuildingId, DeviceId, OpId, UserId};
use crate::op::{OP_BYTES_MAX, Op, Refusal};
use crate::time::Millis;
use crate::wire::{Limits, SyncReply};
use crate::zoo::{Defect, is_planted};
use outbox::{Kept, Numbers};
use release::{Durable, NewDevice};
use repair::Mismatches;
use replica::RowKey;
use request::Asked;
use retry::{Backoff, Failure, Stopped};
use serde_json::{Map, Value};
use stored::Stored;
use verbatim::Verbatim;

/// What a phone assumes until a server has said what it takes.
pub const LIMITS: Limits = Limits {
    ops_max: 200,
    op_bytes_max: OP_BYTES_MAX,
    body_bytes_max: 4 * 1024 * 1024,
    page_bytes_max: request::PAGE_BYTES_MAX,
    photo_bytes_max: 20 * 1024 * 1024,
    keep_ms: 30 * 24 * 3_600_000,
};

/// What one user has on one handset.
#[derive(Clone, Debug)]
pub struct Phone {
    stored: Stored,
    volatile: Volatile,
}

/// What a restart loses, and nothing depends on.
#[derive(Clone, Debug, Default)]
struct Volatile {
    backoff: Backoff,
    stopped: Option<Stopped>,
    /// Most ops in a request, after one was too large.
    ops_max: Option<usize>,
}

/// Why something was not captured. No counter was taken, and nothing may say "saved".
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotCaptured {
    /// There is no room on the phone.
    StorageFull,
    /// The content makes no op, or one beyond [`OP_BYTES_MAX`].
    Refused(Refusal),
    /// An op of this id is kept already.
    Known(OpId),
}

/// What is shown of a bucket: the base, and what is pending on top of it.
#[derive(Clone, Debug)]
pub struct Screen<'a> {
    /// Entities as served, by kind and id.
    pub rows: Vec<(&'a RowKey, &'a Verbatim)>,
    /// Ops whose effect is not in the base yet, in the order of their capture.
    pub pending: Vec<&'a Kept>,
}

impl Phone {
    /// A user's first sign-in on a handset, under a fresh device incarnation.
    #[must_use]
    pub fn new(user: UserId, device: DeviceId) -> Self {
        Self::open(Stored::new(user, device))
    }

    /// What was stored, after a start.
    #[must_use]
    pub fn open(stored: Stored) -> Self {
        Self { stored, volatile: Volatile::default() }
    }

    /// Loses all that is not durable.
    pub fn restart(&mut self) {
        self.volatile = Volatile::default();
        if is_planted(Defect::CountersReused) {
            self.stored.minted = self.stored.durable.through;
        }
    }

    /// What is durable.
    #[must_use]
    pub const fn stored(&self) -> &Stored {
        &self.stored
    }

    /// Captures an op: gives it device, counter, author and hash, and keeps it. `room_bytes` is what
    /// the phone can still store. Only when the result is stored may a screen say "saved".
    ///
    /// # Errors
    /// [`NotCaptured`]; nothing has changed then. A host whose storing fails goes back to what was
    /// stored before, and no counter is taken either.
    pub fn capture(
        &mut self,
        content: Map<String, Value>,
        room_bytes: usize,
    ) -> Result<Op, NotCaptured> {
        let mut ops = self.capture_group(vec![content], room_bytes)?;
        Ok(ops.pop().expect("one content makes one op"))
    }

    /// Captures several ops in one transaction: the members of a group, so that a crash between them
    /// cannot leave one that waits for the others for ever.
    ///
    /// # Errors
    /// [`NotCaptured`]; nothing has changed then.
    pub fn capture_group(
        &mut self,
        contents: Vec<Map<String, Value>>,
        room_bytes: usize,
    ) -> Result<Vec<Op>, NotCaptured> {
        let (mut sealed, mut bytes) = (Vec::<(Op, Verbatim)>::new(), 0);
        for (n, content) in (self.stored.minted + 1..).zip(contents) {
            let (op, sent) = self.stored.seal(content, n)?;
            bytes += sent.bytes_len();
            let twice = sealed.iter().any(|(other, _)| other.op_id == op.op_id);
            if twice || self.stored.outbox.get(op.op_id).is_some() {
                return Err(NotCaptured::Known(op.op_id));
            }
            sealed.push((op, sent));
        }
        if bytes > room_bytes {
            if is_planted(Defect::FullTakesCounters) {
                self.stored.minted = sealed.last().map_or(self.stored.minted, |(op, _)| op.n);
            }
            return Err(NotCaptured::StorageFull);
        }
        let tick = self.stored.tick;
        for (op, sent) in &sealed {
            self.stored.minted = op.n;
            self.stored.outbox.put(Kept::captured(op, sent.clone(), tick));
        }
        Ok(sealed.into_iter().map(|(op, _)| op).collect())
    }

    /// Why this phone needs a new device incarnation; it goes on working until it has one.
    #[must_use]
    pub const fn needs_new_device(&self) -> Option<NewDevice> {
        self.stored.new_device
    }

    /// Goes on as a new incarnation. Ops sealed before keep their device and counter for ever.
    pub fn reincarnate(&mut self, device: DeviceId) {
        let stored = &mut self.stored;
        stored.tick += 1;
        (stored.device, stored.minted) = (device, 0);
        (stored.new_device, stored.durable) = (None, Durable::default());
    }

    /// What is shown of a bucket; nothing of one that is being left.
    #[must_use]
    pub fn screen(&self, bucket: BuildingId) -> Option<Screen<'_>> {
        let stored = &self.stored;
        if stored.leaving.contains(bucket) {
            return None;
        }
        let rows = stored.replica.bucket(bucket).into_iter().flat_map(replica::Bucket::rows);
        let pending = stored.outbox.of_bucket(bucket).filter(|kept| stored.is_pending(kept));
        Some(Screen { rows: rows.collect(), pending: pending.collect() })
    }

    /// The three numbers.
    #[must_use]
    pub fn numbers(&self) -> Numbers {
        self.stored.outbox.numbers(&self.stored.limits)
    }

    /// The ops that are refused or set aside, to be shown with their reason and exported.
    pub fn refused(&self) -> impl Iterator<Item = &Kept> {
        self.stored.outbox.iter().filter(|kept| self.stored.is_refused(kept))
    }

    /// Takes out an op that is refused or set aside, once its user has exported it; no other.
    pub fn take_refused(&mut self, op: OpId) -> Option<Kept> {
        let kept = self.stored.outbox.get(op)?;
        if !self.stored.is_refused(kept) {
            return None;
        }
        self.stored.outbox.remove(op)
    }

    /// Counts the digests of the base anew from its bytes, so that the next comparison sees what a
    /// bad disk did. To be done now and then.
    pub fn recount(&mut self) {
        self.stored.replica.recount();
    }

    /// Changes a byte of some row, as a bad disk would; `false` where there is no row.
    #[cfg(feature = "faults")]
    pub fn rot(&mut self, random: u64) -> bool {
        self.stored.replica.rot(random)
    }

    /// How often the base was found to be wrong, for reports.
    #[must_use]
    pub const fn mismatches(&self) -> Mismatches {
        self.stored.repair.mismatches()
    }

    /// What a person has to do before another sync makes sense.
    #[must_use]
    pub const fn stopped(&self) -> Option<Stopped> {
        self.volatile.stopped
    }

    /// The user signed in anew.
    pub fn signed_in(&mut self) {
        if self.volatile.stopped == Some(Stopped::SignIn) {
            self.volatile.stopped = None;
        }
    }

    /// How long to wait before the next request; also to be made earlier when connectivity comes
    /// back. `None` while a person has to do something first. Both timer and connectivity count, not
    /// only a new write.
    #[must_use]
    pub fn next_try_after(&self, random: u64) -> Option<Millis> {
        if self.volatile.stopped.is_some() {
            return None;
        }
        Some(self.volatile.backoff.wait_ms(self.stored.has_work(), random))
    }

    /// A request brought nothing.
    pub fn fail(&mut self, asked: &Asked, failure: Failure) {
        let floor_ms = if let Failure::Busy(floor_ms) = failure { floor_ms } else { None };
        self.volatile.backoff.fail(floor_ms);
        match failure {
            Failure::Network | Failure::Busy(_) => {}
            Failure::Stopped(stopped) => self.volatile.stopped = Some(stopped),
            Failure::TooLarge | Failure::Choked => self.send_less(asked),
        }
    }

    /// Halves the batch; what was sent alone lets others go first.
    fn send_less(&mut self, asked: &Asked) {
        if asked.ops.is_empty() {
            return;
        }
        self.volatile.ops_max = Some((asked.ops.len() / 2).max(1));
        if let [op] = asked.ops.as_slice()
            && let Some(kept) = self.stored.outbox.get_mut(*op)
        {
            kept.retries = kept.retries.saturating_add(1);
        }
    }

    /// A request brought something: after a while the batches are as large as the limits again.
    fn succeed(&mut self, asked: &Asked, reply: &SyncReply) {
        let volatile = &mut self.volatile;
        volatile.stopped = None;
        volatile.ops_max = volatile
            .ops_max
            .map(|most| if asked.ops.len() < most { most } else { most.saturating_mul(2) })
            .filter(|most| *most < reply.limits.ops_max);
        if is_in_vain(reply) {
            volatile.backoff.fail(reply.backoff_ms);
        } else {
            volatile.backoff.succeed(reply.backoff_ms);
        }
    }

    /// Most ops in a request, as long as a larger one was too much.
    fn ops_max(&self) -> usize {
        let is_set = !is_planted(Defect::BeyondLimits);
        let served = if is_set { self.stored.limits.ops_max } else { LIMITS.ops_max };
        self.volatile.ops_max.map_or(served, |most| most.min(served)).max(1)
    }
}

/// Whether the server put off all that was sent, or said nothing readable: trying again at once would only add to its load.
fn is_in_vain(reply: &SyncReply) -> bool {
    let is_retry = |answer: &serde_json::value::RawValue| {
        serde_json::from_str::<outbox::AnswerHead>(answer.get())
            .map_or(true, |head| head.status == "retry")
    };
    !reply.results.is_empty() && reply.results.iter().all(|answer| is_retry(answer))
}
