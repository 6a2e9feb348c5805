//! The outbox: every op of a user that the phone called saved and has not yet let go.

use super::verbatim::Verbatim;
use crate::codes::codes;
use crate::ids::{BootId, BuildingId, DeviceId, GroupId, OpId};
use crate::op::Op;
use crate::time::Millis;
use crate::wire::{Limits, Review};
use crate::zoo::{Defect, is_planted};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Counts the transactions that change where ops stand: what happened at a tick was known to every
/// request that bears this tick or a later one.
pub type Tick = u64;

/// Bytes of a request that are none of its ops', when it carries no more than it must.
pub const ENVELOPE_BYTES: usize = 2048;

codes! {
    /// Where an op stands, as far as its phone knows.
    pub enum Standing {
        /// Not answered, or to be sent again.
        Waiting = "waiting",
        /// The server holds it, and it is not in effect yet or a person has to look at it.
        InReview = "in_review",
        /// The server holds it, and nothing more is to come.
        Settled = "settled",
        /// The server said that it is no op. Kept until somebody takes it out.
        Refused = "refused",
    }
}

/// An op that the phone keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The op.
    pub op_id: OpId,
    /// The incarnation that minted it; it never changes.
    pub device: DeviceId,
    /// Its counter in that incarnation.
    pub n: u64,
    /// The bucket it belongs to.
    pub bucket: BuildingId,
    /// The group it travels with.
    pub group: Option<GroupId>,
    /// The boot in which it was captured.
    pub boot: Option<BootId>,
    /// The op as sealed: what is sent, however often.
    pub sent: Verbatim,
    /// Where it stands.
    pub standing: Standing,
    /// The tick that brought it there.
    pub since: Tick,
    /// The last answer, as served.
    pub answer: Option<Verbatim>,
    /// The server's clock at that answer.
    pub answered_ms: Millis,
    /// Why it is in review, refused or discarded, as the server said.
    pub reason: Option<String>,
    /// How often the server said `retry`, or choked on it alone: others go first.
    pub retries: u32,
    /// The tick at which the server last told about it.
    pub told: Tick,
    /// The server was asked about it where it stands now, and still had it.
    pub confirmed: bool,
}

/// What an answer says that a phone acts on. What else it says stays in its bytes.
#[derive(Debug, Deserialize)]
pub(super) struct AnswerHead {
    #[serde(default)]
    pub(super) op_id: Option<OpId>,
    pub(super) status: String,
    #[serde(default)]
    pub(super) reason: Option<String>,
    #[serde(default)]
    pub(super) issues: Vec<String>,
}

/// The three numbers on the screen (SY-5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Numbers {
    /// To be sent.
    pub waiting: usize,
    /// Sent; not in effect yet, or a person has to look at it.
    pub in_review: usize,
    /// No op, or too large to be sent; with a reason.
    pub refused: usize,
}

/// The ops that a phone keeps, in the order of their capture.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outbox {
    ops: BTreeMap<u64, Kept>,
    places: BTreeMap<OpId, u64>,
    next_place: u64,
}

impl Kept {
    /// An op that was just captured.
    pub(super) fn captured(op: &Op, sent: Verbatim, tick: Tick) -> Self {
        Self {
            op_id: op.op_id,
            device: op.device,
            n: op.n,
            bucket: op.bucket,
            group: op.group.map(|group| group.id),
            boot: op.captured.boot_id,
            sent,
            standing: Standing::Waiting,
            since: tick,
            answer: None,
            answered_ms: 0,
            reason: None,
            retries: 0,
            told: 0,
            confirmed: false,
        }
    }

    /// Whether it is too large for this server. It is set aside and counts as refused, until the
    /// limits grow: it must never stand in the way of another op.
    #[must_use]
    pub fn is_set_aside(&self, limits: &Limits) -> bool {
        let most = limits.op_bytes_max.min(limits.body_bytes_max.saturating_sub(ENVELOPE_BYTES));
        self.standing == Standing::Waiting && self.sent.bytes_len() > most
    }

    /// Whether the server said that it holds it.
    #[must_use]
    pub fn is_stored(&self) -> bool {
        matches!(self.standing, Standing::InReview | Standing::Settled)
    }

    /// Takes an answer to a request of this tick. Only an op that waited when the request was made
    /// is answered by it: a late answer never undoes what a review or a restored server said since.
    pub(super) fn answer(
        &mut self,
        asked: Tick,
        tick: Tick,
        at_ms: Millis,
        head: AnswerHead,
        answer: Verbatim,
    ) {
        let is_late = asked < self.since && !is_planted(Defect::LateAnswerCounts);
        if self.standing != Standing::Waiting || is_late {
            return;
        }
        if head.status == "retry" {
            self.retries = self.retries.saturating_add(1);
            return;
        }
        self.standing = standing_after(&head.status);
        (self.since, self.told) = (tick, tick);
        (self.answer, self.answered_ms, self.reason) = (Some(answer), at_ms, head.reason);
    }

    /// Takes what the server said when it was asked.
    pub(super) fn review(&mut self, tick: Tick, review: Review) {
        match (review.state.as_str(), self.standing) {
            ("unknown", _) => self.wait_again(tick),
            ("applied" | "discarded", Standing::InReview) => {
                (self.standing, self.since) = (Standing::Settled, tick);
                (self.reason, self.confirmed) = (review.reason, false);
            }
            (_, Standing::InReview) => (self.reason, self.confirmed) = (review.reason, true),
            _ => self.confirmed = true,
        }
    }

    /// Waits to be sent again, because the server lost it.
    pub(super) fn wait_again(&mut self, tick: Tick) {
        self.standing = Standing::Waiting;
        self.since = tick;
        (self.retries, self.confirmed) = (0, false);
    }
}

/// Where an answer leaves an op. A status of a later version is in review: asking shows what it is.
fn standing_after(status: &str) -> Standing {
    match status {
        "applied" | "applied_with_issues" | "aliased" => Standing::Settled,
        "refused" => Standing::Refused,
        _ => Standing::InReview,
    }
}

impl Outbox {
    /// All ops, in the order of their capture.
    pub fn iter(&self) -> impl Iterator<Item = &Kept> {
        self.ops.values()
    }

    /// One op.
    #[must_use]
    pub fn get(&self, op: OpId) -> Option<&Kept> {
        self.ops.get(self.places.get(&op)?)
    }

    /// The ops of a bucket, in the order of their capture.
    pub fn of_bucket(&self, bucket: BuildingId) -> impl Iterator<Item = &Kept> {
        self.iter().filter(move |kept| kept.bucket == bucket)
    }

    /// Counts what waits, what is in review, and what is refused or set aside.
    #[must_use]
    pub fn numbers(&self, limits: &Limits) -> Numbers {
        let mut numbers = Numbers::default();
        for kept in self.iter() {
            match kept.standing {
                Standing::Waiting if kept.is_set_aside(limits) => numbers.refused += 1,
                Standing::Waiting => numbers.waiting += 1,
                Standing::InReview => numbers.in_review += 1,
                Standing::Refused => numbers.refused += 1,
                Standing::Settled => {}
            }
        }
        numbers
    }

    /// What to send in a request with so much room: oldest first, what was often put off last, the
    /// members of a group together where one request can hold them.
    pub(super) fn batch(&self, limits: &Limits, ops_max: usize, room_bytes: usize) -> Vec<&Kept> {
        let (mut batch, mut room) = (Vec::new(), Room { ops: ops_max, bytes: room_bytes });
        let whole = room;
        for unit in self.units(limits) {
            if let Some(rest) = room.less(&unit) {
                room = rest;
                batch.extend(unit);
                continue;
            }
            if whole.less(&unit).is_some() {
                // The next request begins with it.
                break;
            }
            for kept in unit {
                let Some(rest) = room.less(&[kept]) else { continue };
                room = rest;
                batch.push(kept);
            }
        }
        batch
    }

    /// What travels together, in the order of sending.
    fn units(&self, limits: &Limits) -> Vec<Vec<&Kept>> {
        let sendable =
            |kept: &&Kept| kept.standing == Standing::Waiting && !kept.is_set_aside(limits);
        let is_stopped =
            |kept: &&Kept| kept.standing == Standing::InReview && is_planted(Defect::StopsAtReview);
        let to_send = self.iter().take_while(|kept| !is_stopped(kept));
        let mut waiting: Vec<&Kept> = to_send.filter(sendable).collect();
        waiting.sort_by_key(|kept| kept.retries);
        let mut units: Vec<Vec<&Kept>> = Vec::new();
        let mut of_group: BTreeMap<GroupId, usize> = BTreeMap::new();
        for kept in waiting {
            let place = kept.group.map(|group| *of_group.entry(group).or_insert(units.len()));
            match place.and_then(|place| units.get_mut(place)) {
                Some(unit) => unit.push(kept),
                None => units.push(vec![kept]),
            }
        }
        units
    }

    pub(super) fn put(&mut self, kept: Kept) {
        self.places.insert(kept.op_id, self.next_place);
        self.ops.insert(self.next_place, kept);
        self.next_place += 1;
    }

    pub(super) fn into_kept(self) -> impl Iterator<Item = Kept> {
        self.ops.into_values()
    }

    pub(super) fn get_mut(&mut self, op: OpId) -> Option<&mut Kept> {
        self.ops.get_mut(self.places.get(&op)?)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Kept> {
        self.ops.values_mut()
    }

    pub(super) fn remove(&mut self, op: OpId) -> Option<Kept> {
        self.ops.remove(&self.places.remove(&op)?)
    }

    pub(super) fn retain(&mut self, mut keep: impl FnMut(&Kept) -> bool) {
        let places = &mut self.places;
        self.ops.retain(|_, kept| {
            let keeps = keep(kept);
            if !keeps {
                places.remove(&kept.op_id);
            }
            keeps
        });
    }
}

/// What still goes into a request.
#[derive(Clone, Copy)]
struct Room {
    ops: usize,
    bytes: usize,
}

impl Room {
    /// What is left after these ops and their commas; `None` where they do not fit.
    fn less(self, unit: &[&Kept]) -> Option<Self> {
        let bytes: usize = unit.iter().map(|kept| kept.sent.bytes_len() + 1).sum();
        Some(Self { ops: self.ops.checked_sub(unit.len())?, bytes: self.bytes.checked_sub(bytes)? })
    }
}
