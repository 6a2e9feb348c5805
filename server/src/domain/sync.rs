//! Sync: reading and judging a push before the writer sees it.
//!
//! Everything here runs in parallel and before any lock. Nothing is refused for its content: what
//! is no op at all is answered `refused` and kept for repair, what may not take effect is stored in
//! quarantine, everything else goes to the writer.

use super::access::{Caller, may_file};
use super::pull::{PAGE_BYTES_MAX, Page, PullSent};
use super::writer::{Judged, Outcome, Verdict, Writer};
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::store::{Head, RejectedOp, Store, Tx};
use saolou_protocol::building::answer::{Answer, AnswerStatus};
use saolou_protocol::fact::Fact;
use saolou_protocol::ids::DeviceId;
use saolou_protocol::op::{OP_BYTES_MAX, Op, Refusal};
use saolou_protocol::time::{ClockReading, Millis, Stamp};
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, Value};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use uuid::Uuid;

/// Most ops in one push.
pub(crate) const OPS_MAX: usize = 1000;
/// Largest body of a push after decompression, in bytes.
pub(crate) const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;
/// How much of something that is no op is kept for repair.
const REJECTED_BYTES_MAX: usize = 64 * 1024;
/// How many such things are kept of one push.
const REJECTED_MAX: usize = 20;

/// The limits as served.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Limits {
    ops_max: usize,
    op_bytes_max: usize,
    body_bytes_max: usize,
    page_bytes_max: usize,
    photo_bytes_max: usize,
}

impl Limits {
    /// What this version serves.
    pub(crate) const SERVED: Self = Self {
        ops_max: OPS_MAX,
        op_bytes_max: OP_BYTES_MAX,
        body_bytes_max: BODY_BYTES_MAX,
        page_bytes_max: PAGE_BYTES_MAX,
        photo_bytes_max: super::photos::PHOTO_BYTES_MAX,
    };
}

/// A sync request as sent: either half may be empty.
#[derive(Deserialize)]
struct Sent<'a> {
    device: DeviceId,
    #[serde(default)]
    clock: Option<Value>,
    #[serde(default, borrow)]
    ops: Vec<&'a RawValue>,
    #[serde(default)]
    pull: Option<PullSent>,
}

/// A sync request, read.
pub(crate) struct Request {
    device: DeviceId,
    received_ms: Millis,
    ops: Vec<std::result::Result<Read, NoOp>>,
    pull: Option<PullSent>,
}

/// An op that could be read.
struct Read {
    op: Op,
    stamp: Stamp,
    fact: Fact,
    issues: saolou_protocol::issue::Issues,
}

/// Something that is no op, with as much of it as is kept.
struct NoOp {
    refusal: Refusal,
    sent: Vec<u8>,
}

impl Request {
    /// Reads a body. This is the costly part of a push: parsing, canonical form, hash, issues.
    ///
    /// # Errors
    /// `malformed` where the body as a whole is not a sync request, `too_large` over the limits.
    pub(crate) fn read(body: &[u8], received_ms: Millis) -> Result<Self> {
        // Bytes that are no UTF-8 spoil the op that they are in, whose hash they change, and no other.
        let body = String::from_utf8_lossy(body);
        let sent: Sent<'_> =
            serde_json::from_str(&body).map_err(|error| Error::Malformed(error.to_string()))?;
        if sent.ops.len() > OPS_MAX {
            return Err(Error::TooLarge(format!("{} ops, the limit is {OPS_MAX}", sent.ops.len())));
        }
        // A clock that makes no sense is no clock; nothing is ever refused for one.
        let clock = sent.clock.and_then(|clock| ClockReading::deserialize(clock).ok());
        let clock = clock.as_ref();
        let ops = sent.ops.iter().map(|raw| read_op(raw.get(), clock, received_ms)).collect();
        Ok(Self { device: sent.device, received_ms, ops, pull: sent.pull })
    }
}

fn read_op(
    sent: &str,
    clock: Option<&ClockReading>,
    received_ms: Millis,
) -> std::result::Result<Read, NoOp> {
    let mut op = Op::parse(sent.as_bytes()).map_err(|refusal| {
        let kept = sent.len().min(REJECTED_BYTES_MAX);
        NoOp { refusal, sent: sent.as_bytes()[..kept].to_vec() }
    })?;
    let stamp = Stamp::correct(&op.captured, clock, received_ms);
    let (fact, issues) = Fact::read(&op, stamp);
    // The fact holds what matters, the canonical form holds everything: while a push waits for the
    // writer, a parsed body would only take memory.
    (op.body, op.seen) = (serde_json::Map::new(), Vec::new());
    op.canonical.shrink_to_fit();
    Ok(Read { op, stamp, fact, issues })
}

/// The reply to a sync.
#[derive(Serialize)]
pub(crate) struct Reply {
    server_now_ms: Millis,
    epoch: Uuid,
    /// One answer for each op sent, in the order they were sent; of a repeated op the bytes of its
    /// first answer.
    results: Vec<Box<RawValue>>,
    /// The ops among them that were known already.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    duplicates: Vec<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pull: Option<Page>,
    limits: Limits,
}

/// What a sync needs.
#[derive(Clone)]
pub(crate) struct Sync {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) writer: Writer,
    pub(crate) epoch: Uuid,
    pub(crate) cursor_key: Arc<[u8]>,
}

impl Sync {
    /// Pushes what was sent, then pulls what the caller has not read; both see the same commit.
    pub(crate) async fn run(&self, caller: &Caller, request: Request) -> Result<Reply> {
        let Request { device, received_ms, ops, pull } = request;
        let results = if ops.is_empty() {
            Pushed::default()
        } else {
            self.push(caller, device, received_ms, ops).await?
        };
        let pull = match pull {
            Some(pull) => Some(self.pull(caller, pull).await?),
            None => None,
        };
        Ok(Reply {
            server_now_ms: self.clock.now_ms(),
            epoch: self.epoch,
            results: results.answers,
            duplicates: results.duplicates,
            pull,
            limits: Limits::SERVED,
        })
    }

    async fn push(
        &self,
        caller: &Caller,
        device: DeviceId,
        received_ms: Millis,
        ops: Vec<std::result::Result<Read, NoOp>>,
    ) -> Result<Pushed> {
        let mut pushed = Pushed::default();
        let mut judged = Vec::new();
        let mut no_ops = Vec::new();
        let standing = self.standing(caller, &ops).await?;
        for (place, read) in ops.into_iter().enumerate() {
            match read {
                Ok(read) => judged.push((place, standing.judge(caller, read))),
                Err(no_op) => no_ops.push((place, no_op)),
            }
        }
        let (places, judged): (Vec<usize>, Vec<Judged>) = judged.into_iter().unzip();
        let outcomes = self.writer.push(judged).await?;
        let mut answers: BTreeMap<usize, Box<RawValue>> = BTreeMap::new();
        for (place, outcome) in places.into_iter().zip(outcomes) {
            let Outcome { answer, duplicate } = outcome;
            pushed.duplicates.extend(duplicate);
            answers.insert(place, raw(answer)?);
        }
        self.keep_rejected(caller, device, received_ms, &no_ops).await?;
        for (place, NoOp { refusal, .. }) in no_ops {
            let refused = AnswerStatus::Refused;
            let mut answer = Answer::plain(refusal.op_id, refused, refusal.code);
            answer.detail = Some(refusal.detail);
            answers.insert(place, raw(answer_bytes(&answer))?);
        }
        pushed.answers = answers.into_values().collect();
        Ok(pushed)
    }

    /// Reads what judging takes, in one snapshot.
    async fn standing(
        &self,
        caller: &Caller,
        ops: &[std::result::Result<Read, NoOp>],
    ) -> Result<Standing> {
        let mut tx = self.store.read().await?;
        let buckets: BTreeSet<Uuid> = ops.iter().flatten().map(|read| read.op.bucket.0).collect();
        let buckets: Vec<Uuid> = buckets.into_iter().collect();
        let heads = tx.heads(&buckets).await?;
        let streets = caller.streets(&mut tx).await?;
        let assigned: HashSet<Uuid> =
            caller.heads(&mut tx, self.clock.now_ms()).await?.into_keys().collect();
        let mut standing = Standing {
            home: streets.first().copied(),
            streets,
            street_of: heads.iter().map(|head| (head.building_id, head.street_id)).collect(),
            assigned,
            taken: BTreeSet::new(),
        };
        standing.take_counters(&mut tx, ops).await?;
        Ok(standing)
    }

    async fn keep_rejected(
        &self,
        caller: &Caller,
        device: DeviceId,
        received_ms: Millis,
        no_ops: &[(usize, NoOp)],
    ) -> Result<()> {
        if no_ops.is_empty() {
            return Ok(());
        }
        let mut tx = self.store.write().await?;
        for (_, NoOp { refusal, sent }) in no_ops.iter().take(REJECTED_MAX) {
            tx.put_rejected(&RejectedOp {
                // By content: what a broken client sends again and again is kept once.
                id: Uuid::new_v5(&caller.user_id, sent),
                user: caller.user_id,
                device: device.0,
                received_ms,
                reason: refusal.code,
                sent,
            })
            .await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// The heads of the caller's buckets: what a doorbell may name.
    pub(crate) async fn heads(&self, caller: &Caller) -> Result<BTreeMap<Uuid, Head>> {
        let mut tx = self.store.read().await?;
        caller.heads(&mut tx, self.clock.now_ms()).await
    }
}

/// JSON that was written by this server, to be sent on as it is.
pub(crate) fn raw(bytes: Vec<u8>) -> Result<Box<RawValue>> {
    let text = String::from_utf8(bytes)
        .map_err(|_| Error::Internal("a stored body is not UTF-8".into()))?;
    RawValue::from_string(text).map_err(|_| Error::Internal("a stored body is not JSON".into()))
}

/// The bytes of an answer, as stored and sent.
pub(crate) fn answer_bytes(answer: &Answer) -> Vec<u8> {
    serde_json::to_vec(answer).expect("answers have text keys and whole numbers")
}

/// What a push gave.
#[derive(Default)]
struct Pushed {
    answers: Vec<Box<RawValue>>,
    duplicates: Vec<Uuid>,
}

/// What the caller may do where, and which device counters are taken.
struct Standing {
    home: Option<Uuid>,
    streets: Vec<Uuid>,
    street_of: BTreeMap<Uuid, Uuid>,
    assigned: HashSet<Uuid>,
    taken: BTreeSet<(Uuid, i64, Uuid)>,
}

impl Standing {
    async fn take_counters(
        &mut self,
        tx: &mut Tx,
        ops: &[std::result::Result<Read, NoOp>],
    ) -> Result<()> {
        let mut ranges: BTreeMap<Uuid, (i64, i64)> = BTreeMap::new();
        for read in ops.iter().flatten().filter(|read| read.op.n > 0) {
            let n = counter(&read.op);
            let range = ranges.entry(read.op.device.0).or_insert((n, n));
            *range = (range.0.min(n), range.1.max(n));
            self.taken.insert((read.op.device.0, n, read.op.op_id.0));
        }
        for (device, (from, to)) in ranges {
            // A phone's outbox is contiguous; a range wider than a push is nobody's outbox.
            let to = to.min(from.saturating_add(i64::try_from(OPS_MAX).unwrap_or(i64::MAX)));
            for (n, op) in tx.counters(device, from, to).await? {
                self.taken.insert((device, n, op));
            }
        }
        Ok(())
    }

    fn is_forked(&self, op: &Op) -> bool {
        let (device, n) = (op.device.0, counter(op));
        let same = (device, n, Uuid::nil())..=(device, n, Uuid::max());
        op.n > 0 && self.taken.range(same).any(|(_, _, other)| *other != op.op_id.0)
    }

    fn judge(&self, caller: &Caller, read: Read) -> Judged {
        let Read { op, stamp, fact, mut issues } = read;
        let known = self.street_of.get(&op.bucket.0).copied();
        let street = known.or(self.home).unwrap_or_default();
        issues.add_if(self.is_forked(&op), "device_forked");
        let observed = matches!(op.kind.as_str(), "visit" | "office_add" | "office_split");
        let outside = known.is_some() && !self.assigned.contains(&op.bucket.0);
        issues.add_if(observed && outside, "out_of_assignment");
        let verdict = if op.author.0 != caller.user_id {
            Verdict::Quarantine("wrong_owner")
        } else if !self.streets.contains(&street) {
            Verdict::Quarantine("foreign_street")
        } else if !may_file(caller, &op.kind) {
            Verdict::Quarantine("forbidden")
        } else {
            Verdict::Merge(Box::new(fact))
        };
        Judged { op, stamp, street, issues, verdict }
    }
}

fn counter(op: &Op) -> i64 {
    i64::try_from(op.n).unwrap_or(i64::MAX)
}
