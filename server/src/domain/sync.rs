//! Sync: a push and a pull in one round trip, against the database.
//!
//! What is read and judged, what a commit makes of it and what a page holds is decided by
//! [`saolou_protocol::engine`]; here is where it gets what it must know, and where what it decided
//! is written.

use super::access::{Caller, may_file};
use super::batch::counter;
use super::coverage::courses::Courses;
use super::folded::Folded;
use super::held::held;
use super::jobs::Jobs;
use super::writer::Writer;
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::store::{Head, QuarantineRow, Store, Tx};
use saolou_protocol::building::answer::{Answer, AnswerStatus};
use saolou_protocol::engine::push::{self, Judged, NoOp, Read, Standing};
use saolou_protocol::ids::{BuildingId, DeviceId, OpId, UserId};
use saolou_protocol::op::OP_BYTES_MAX;
use saolou_protocol::time::Millis;
use saolou_protocol::wire::{self, ASK_MAX, Pending, PullRequest, Review, SyncReply, SyncRequest};
use serde_json::value::RawValue;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use uuid::Uuid;

/// Most ops in one push.
pub(crate) const OPS_MAX: usize = 1000;
/// Largest body of a push after decompression, in bytes.
pub(crate) const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Largest page that a phone may ask for, in bytes of entities.
const PAGE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// How long phones keep an op after its answer: two weeks, so that a backup of that age loses nothing.
const KEEP_MS: Millis = 14 * 24 * 3600 * 1000;
/// How many things that are no op are kept of one push.
const REFUSED_MAX: usize = 20;
/// For every so many milliseconds that phones must wait, half as many ops in their next push.
const HALVING_MS: u64 = 5_000;

/// The limits as served.
pub(crate) struct Limits;

impl Limits {
    /// What this version serves.
    pub(crate) const SERVED: wire::Limits = wire::Limits {
        ops_max: OPS_MAX,
        op_bytes_max: OP_BYTES_MAX,
        body_bytes_max: BODY_BYTES_MAX,
        page_bytes_max: PAGE_BYTES_MAX,
        photo_bytes_max: super::photos::PHOTO_BYTES_MAX as usize,
        keep_ms: KEEP_MS,
    };
}

/// A sync request, read.
pub(crate) struct Request {
    pub(crate) device: DeviceId,
    pub(crate) received_ms: Millis,
    /// What the phone says that it still holds.
    pub(crate) pending: Option<Pending>,
    /// How far its wall clock is ahead of the server's.
    pub(crate) skew_ms: Option<Millis>,
    /// The checkpoint of the evidence log that it carries.
    pub(crate) checkpoint: Option<String>,
    ops: Vec<std::result::Result<Read, NoOp>>,
    ask: Vec<OpId>,
    pull: Option<PullRequest>,
}

impl Request {
    /// Reads a body. This is the costly part of a push.
    ///
    /// # Errors
    /// `malformed` where the body as a whole is not a sync request, `too_large` over the limits.
    pub(crate) fn read(body: &[u8], received_ms: Millis, limits: &wire::Limits) -> Result<Self> {
        // Bytes that are no UTF-8 spoil the op that they are in, whose hash they change, and no other.
        let body = String::from_utf8_lossy(body);
        let sent: SyncRequest<'_> =
            serde_json::from_str(&body).map_err(|error| Error::Malformed(error.to_string()))?;
        let ops_max = limits.ops_max;
        if sent.ops.len() > ops_max {
            return Err(Error::TooLarge(format!("{} ops, the limit is {ops_max}", sent.ops.len())));
        }
        if sent.ask.len() > ASK_MAX {
            return Err(Error::TooLarge(format!(
                "ask: {}, the limit is {ASK_MAX}",
                sent.ask.len()
            )));
        }
        let clock = sent.clock.as_ref();
        let read = |raw: &&RawValue| push::read(raw.get(), clock, received_ms);
        let ops = sent.ops.iter().map(read).collect();
        let skew_ms = clock.map(|clock| clock.wall_ms.saturating_sub(received_ms));
        let SyncRequest { device, pending, checkpoint, ask, pull, .. } = sent;
        Ok(Self { device, received_ms, pending, skew_ms, checkpoint, ops, ask, pull })
    }
}

/// What a sync needs.
#[derive(Clone)]
pub(crate) struct Sync {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) writer: Writer,
    /// What is done with photos once they are received.
    pub(crate) jobs: Jobs,
    /// Buildings that were read a moment ago.
    pub(crate) folded: Folded,
    pub(crate) courses: Courses,
    pub(crate) cursor_key: Arc<[u8]>,
    /// What is taken and served.
    pub(crate) limits: wire::Limits,
}

impl Sync {
    /// Pushes what was sent, then pulls what the caller has not read; both see the same commit.
    pub(crate) async fn run(&self, caller: &Caller, request: Request) -> Result<SyncReply> {
        let Request { device, received_ms, ops, ask, pull, .. } = request;
        let pushed = if ops.is_empty() {
            Pushed::default()
        } else {
            self.push(caller, device, received_ms, ops).await?
        };
        let mut tx = self.store.read().await?;
        let mut epoch = super::epoch::current(&mut tx).await?;
        let held = held(&mut tx, device).await?;
        let reviews = self.reviews(&mut tx, caller, device, ask).await?;
        let pulled = match pull {
            Some(asked) => Some(self.page(&mut tx, caller, device, epoch, asked).await?),
            None => None,
        };
        drop(tx);
        if let Some(pulled) = &pulled {
            self.note_holdings(caller, device, pulled).await?;
            if pulled.is_set_back {
                // The page itself is right; the next one begins anew, in the new epoch.
                epoch = super::epoch::advance(&self.store, &self.clock, epoch).await?;
            }
        }
        let backoff_ms = self.writer.backoff_ms();
        Ok(SyncReply {
            server_now_ms: self.clock.now_ms(),
            epoch,
            results: pushed.answers,
            duplicates: pushed.duplicates,
            held,
            reviews,
            checkpoint: None,
            backoff_ms,
            limits: under(self.limits, backoff_ms),
            pull: pulled.map(|pulled| pulled.page),
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
        let (mut judged, mut no_ops) = (Vec::new(), Vec::new());
        let standing = self.standing(caller, &ops).await?;
        for (place, read) in ops.into_iter().enumerate() {
            match read {
                Ok(read) => {
                    let judgement = standing.judge(read, |kind| may_file(caller, kind));
                    judged.push((place, judgement));
                }
                Err(no_op) => no_ops.push((place, no_op)),
            }
        }
        let (places, judged): (Vec<usize>, Vec<Judged>) = judged.into_iter().unzip();
        let outcomes = self.writer.push(judged).await?;
        let mut answers: BTreeMap<usize, Box<RawValue>> = BTreeMap::new();
        for (place, outcome) in places.into_iter().zip(outcomes) {
            pushed.duplicates.extend(outcome.duplicate);
            answers.insert(place, raw(outcome.answer)?);
        }
        self.keep_refused(caller, device, received_ms, standing.home, &no_ops).await?;
        for (place, no_op) in &no_ops {
            answers.insert(*place, raw(refusal(no_op))?);
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
        let mut standing = Standing {
            sender: UserId(caller.user_id),
            home: streets.first().copied().unwrap_or_default(),
            streets: streets.into_iter().collect(),
            street_of: heads.iter().map(|h| (BuildingId(h.building_id), h.street_id)).collect(),
            suspended_ms: caller.suspended_ms,
            ..Standing::default()
        };
        caller.reach(&mut tx, &buckets, &mut standing).await?;
        let mut counters: BTreeMap<Uuid, (i64, i64)> = BTreeMap::new();
        for read in ops.iter().flatten().filter(|read| read.op.n > 0) {
            let n = counter(read.op.n);
            let range = counters.entry(read.op.device.0).or_insert((n, n));
            *range = (range.0.min(n), range.1.max(n));
            standing.taken.insert((read.op.device, read.op.n, read.op.op_id));
        }
        let devices: BTreeSet<DeviceId> = ops.iter().flatten().map(|read| read.op.device).collect();
        standing.revoked = if caller.device_revoked {
            // Whatever device a stolen phone names.
            devices
        } else {
            let devices: Vec<Uuid> = devices.into_iter().map(|device| device.0).collect();
            tx.revoked_devices(&devices).await?.into_iter().map(DeviceId).collect()
        };
        for (device, (from, to)) in counters {
            // A phone's outbox is contiguous; a range wider than a push is nobody's outbox.
            let to = to.min(from.saturating_add(i64::try_from(OPS_MAX).unwrap_or(i64::MAX)));
            for street in tx.streets_of_device(device).await? {
                for (n, op) in tx.counters(street, device, from, to).await? {
                    let (Some(op), Ok(n)) = (op, u64::try_from(n)) else { continue };
                    standing.taken.insert((DeviceId(device), n, OpId(op)));
                }
            }
        }
        Ok(standing)
    }

    async fn keep_refused(
        &self,
        caller: &Caller,
        device: DeviceId,
        received_ms: Millis,
        street: Uuid,
        refused: &[(usize, NoOp)],
    ) -> Result<()> {
        if refused.is_empty() {
            return Ok(());
        }
        let refused = &refused[..refused.len().min(REFUSED_MAX)];
        let answers: Vec<Vec<u8>> = refused.iter().map(|(_, no_op)| refusal(no_op)).collect();
        let rows: Vec<QuarantineRow<'_>> = refused
            .iter()
            .zip(&answers)
            .map(|((_, no_op), answer)| QuarantineRow {
                street,
                // By content: what a broken client sends again and again is kept once.
                id: Uuid::new_v5(&caller.user_id, &no_op.sent),
                op: None,
                building: None,
                author: None,
                sender: caller.user_id,
                device: no_op.counter.map_or(device, |(device, _)| device).0,
                n: no_op.counter.map_or(0, |(_, n)| counter(n)),
                kind: None,
                reason: no_op.refusal.code,
                hash: None,
                content: &no_op.sent,
                answer,
                corrected_ms: received_ms,
                received_ms,
                quality: None,
            })
            .collect();
        let mut tx = self.store.write().await?;
        tx.put_quarantine(&rows).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Where ops stand that a phone has in review: by the desk's decision, or as the merge sees them.
    async fn reviews(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        device: DeviceId,
        ask: Vec<OpId>,
    ) -> Result<Vec<Review>> {
        if ask.is_empty() {
            return Ok(Vec::new());
        }
        let (mut reviews, mut accepted) = (Vec::with_capacity(ask.len()), Vec::new());
        let mut streets = tx.streets_of_device(device.0).await?;
        for street in caller.streets(tx).await? {
            // An incarnation that has filed nothing yet asks about what an earlier one filed.
            if !streets.contains(&street) {
                streets.push(street);
            }
        }
        for op_id in ask {
            let mut found = None;
            for street in &streets {
                found = found.or(tx.review(*street, caller.user_id, op_id.0).await?);
            }
            let (state, reason) = match found {
                None => ("unknown", None),
                Some((Some(bucket), None, _)) => {
                    accepted.push((BuildingId(bucket), op_id));
                    continue;
                }
                Some((_, Some(state), reason)) => match state.as_str() {
                    "discarded" => ("discarded", reason),
                    "waiting" => ("quarantined", reason),
                    _ => ("applied", None),
                },
                Some((None, None, _)) => ("quarantined", None),
            };
            reviews.push(Review { op_id, state: state.to_owned(), reason });
        }
        reviews.extend(self.writer.standing(accepted).await?);
        Ok(reviews)
    }

    /// The heads of the caller's buckets: what a doorbell may name.
    pub(crate) async fn heads(&self, caller: &Caller) -> Result<BTreeMap<Uuid, Head>> {
        let mut tx = self.store.read().await?;
        caller.heads(&mut tx, self.clock.now_ms()).await
    }
}

/// The answer to what is no op.
fn refusal(no_op: &NoOp) -> Vec<u8> {
    let mut answer = Answer::plain(no_op.refusal.op_id, AnswerStatus::Refused, no_op.refusal.code);
    answer.detail = Some(no_op.refusal.detail.clone());
    answer.bytes()
}

/// JSON that was written by this server, to be sent on as it is.
pub(crate) fn raw(bytes: Vec<u8>) -> Result<Box<RawValue>> {
    let text = String::from_utf8(bytes)
        .map_err(|_| Error::Internal("a stored body is not UTF-8".into()))?;
    RawValue::from_string(text).map_err(|_| Error::Internal("a stored body is not JSON".into()))
}

/// What a push gave.
#[derive(Default)]
struct Pushed {
    answers: Vec<Box<RawValue>>,
    duplicates: Vec<OpId>,
}

/// What is served while phones are asked to wait so long: half as many ops for every few seconds, so
/// that those who come back together do not bring everything at once.
fn under(limits: wire::Limits, backoff_ms: Option<u64>) -> wire::Limits {
    let halvings = backoff_ms.map_or(0, |wait_ms| wait_ms / HALVING_MS).min(4);
    wire::Limits { ops_max: (limits.ops_max >> halvings).max(1), ..limits }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longer_phones_must_wait_the_fewer_ops_they_may_bring_and_never_none() {
        let served = [None, Some(9_999), Some(10_000), Some(19_999), Some(20_000), Some(u64::MAX)];
        let ops_max = served.map(|wait_ms| under(Limits::SERVED, wait_ms).ops_max);
        assert_eq!(ops_max, [1000, 500, 250, 125, 62, 62]);
    }
}
