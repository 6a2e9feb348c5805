//! What a reply makes of a phone: one step for each durable transaction.
//!
//! A phone may be killed between any two steps, and steps of several replies may be mixed. Each step
//! looks for itself whether it still fits: an answer is only for an op that waited when its request
//! was made, a page only for the cursor that its request bore, rows and digests only for a base that
//! is exactly at their page, and all of it only for the epoch that the phone knows.

use super::Phone;
use super::outbox::AnswerHead;
use super::release::NewDevice;
use super::repair::Comparison;
use super::request::Asked;
use super::retry::{Failure, Stopped, speaks};
use super::stored::Stored;
use super::verbatim::Verbatim;
use crate::held::Held;
use crate::ids::{BuildingId, OpId};
use crate::time::{ClockReading, Millis};
use crate::wire::{Limits, Page, Review, Rows, SyncReply};
use crate::zoo::{Defect, is_planted};
use std::collections::BTreeSet;
use std::sync::Arc;
use uuid::Uuid;

/// A reply as it came from the network.
#[derive(Clone, Copy, Debug, Default)]
pub struct Response<'a> {
    /// The HTTP status.
    pub status: u16,
    /// The `Content-Type` header.
    pub content_type: Option<&'a str>,
    /// The `Sync-Version` header.
    pub sync_version: Option<&'a str>,
    /// The `Retry-After` header.
    pub retry_after: Option<&'a str>,
    /// The body, as far as it came.
    pub body: &'a [u8],
}

/// One durable transaction that a reply leads to.
#[derive(Clone, Debug)]
pub struct Step {
    asked: Arc<Asked>,
    epoch: Uuid,
    server_now_ms: Millis,
    act: Act,
}

#[derive(Clone, Debug)]
enum Act {
    Hear { limits: Limits, held: Held, clock: ClockReading },
    Answers(Vec<Verbatim>),
    Reviews(Vec<Review>),
    Page(Arc<Page>),
    Rows { cursor: String, rows: Arc<[Rows]> },
    Compare(Box<Comparison>),
    Purge(BuildingId),
    Release,
    Carry(String),
}

impl Step {
    /// What the step does, for a trace.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self.act {
            Act::Hear { .. } => "hear",
            Act::Answers(_) => "answers",
            Act::Reviews(_) => "reviews",
            Act::Page(_) => "page",
            Act::Rows { .. } => "rows",
            Act::Compare(_) => "compare",
            Act::Purge(_) => "purge",
            Act::Release => "release",
            Act::Carry(_) => "carry",
        }
    }
}

/// Reads a reply to a request that sent so many ops.
///
/// # Errors
/// A [`Failure`], where it is not a reply of the server to that request.
pub fn read(response: &Response<'_>, ops_sent: usize) -> Result<SyncReply, Failure> {
    let is_api = response.content_type.is_none_or(is_json);
    match response.status {
        200 if is_api => {
            speaks(response.sync_version).map_err(Failure::Stopped)?;
            let reply: SyncReply =
                serde_json::from_slice(response.body).map_err(|_| Failure::Network)?;
            if reply.results.len() == ops_sent { Ok(reply) } else { Err(Failure::Network) }
        }
        413 => Err(Failure::TooLarge),
        429 | 503 => Err(Failure::Busy(response.retry_after.and_then(seconds_as_ms))),
        401 if is_api => Err(Failure::Stopped(Stopped::SignIn)),
        426 if is_api => Err(Failure::Stopped(
            speaks(response.sync_version).err().unwrap_or(Stopped::ServerTooNew),
        )),
        400 | 422 | 500 if is_api => Err(Failure::Choked),
        _ => Err(Failure::Network),
    }
}

/// `application/json` or a problem (RFC 9457); a portal's page is neither.
fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    ["application/json", "application/problem+json"]
        .iter()
        .any(|json| essence.eq_ignore_ascii_case(json))
}

/// A date is not read: it would be compared with a clock that nobody trusts.
fn seconds_as_ms(retry_after: &str) -> Option<u64> {
    retry_after.trim().parse::<u64>().ok()?.checked_mul(1_000)
}

impl Phone {
    /// Takes what came of a request, and gives the steps to apply, in order. `clock` is the phone's
    /// clocks at this moment. Nothing durable has changed yet.
    ///
    /// # Errors
    /// A [`Failure`], where it brought nothing; the back-off knows already. Call [`Phone::fail`]
    /// where there was no reply at all.
    pub fn receive(
        &mut self,
        asked: Asked,
        clock: &ClockReading,
        response: &Response<'_>,
    ) -> Result<Vec<Step>, Failure> {
        match read(response, asked.ops.len()) {
            Ok(reply) => {
                self.succeed(&asked, &reply);
                Ok(self.stored.steps(asked, clock, reply))
            }
            Err(failure) => {
                self.fail(&asked, failure);
                Err(failure)
            }
        }
    }

    /// Applies one step: one durable transaction. Gives whether it still fitted.
    pub fn apply(&mut self, step: Step) -> bool {
        let Step { asked, epoch, server_now_ms, act } = step;
        let stored = &mut self.stored;
        if let Act::Hear { limits, held, clock } = &act {
            stored.evidence.turn();
            return stored.hear(&asked, epoch, server_now_ms, (limits, held, clock));
        }
        // Whatever epoch the data is of: what a key has signed stays signed.
        if let Act::Carry(note) = &act {
            stored.evidence.take(note);
            return true;
        }
        if stored.epoch != Some(epoch) {
            return false;
        }
        match act {
            Act::Hear { .. } | Act::Carry(_) => true,
            Act::Answers(answers) => stored.answers(&asked, server_now_ms, answers),
            Act::Reviews(reviews) => stored.reviews(&asked, reviews),
            Act::Page(page) => stored.page(&asked, &page),
            Act::Rows { cursor, rows } => stored.replace_rows(&cursor, &rows),
            Act::Compare(server) => stored.compare(&asked, &server),
            Act::Purge(bucket) => stored.purge(bucket),
            Act::Release => {
                stored.release(server_now_ms);
                true
            }
        }
    }
}

impl Stored {
    fn steps(&self, asked: Asked, clock: &ClockReading, reply: SyncReply) -> Vec<Step> {
        let clock = clock.clone();
        let mut acts = vec![Act::Hear { limits: reply.limits, held: reply.held, clock }];
        if !reply.results.is_empty() {
            acts.push(Act::Answers(reply.results.into_iter().map(Verbatim::from).collect()));
        }
        if !asked.ask.is_empty() {
            acts.push(Act::Reviews(reply.reviews));
        }
        let mut leaving: BTreeSet<BuildingId> = self.leaving.iter().map(|(id, _)| id).collect();
        if let Some(mut page) = reply.pull {
            leaving.extend(page.leave.iter().map(|leave| leave.bucket));
            let (rows, repair) = (std::mem::take(&mut page.rows), std::mem::take(&mut page.repair));
            let (cursor, more, digest) = (page.cursor.clone(), page.more, page.digest);
            let listed = page.leave.iter().map(|leave| leave.bucket).collect();
            acts.push(Act::Page(Arc::new(page)));
            // Rows and sums are of the snapshot, where the base is only when all has been read.
            if !more && !rows.is_empty() {
                acts.push(Act::Rows { cursor: cursor.clone(), rows: rows.into() });
            }
            if let Some(digest) = digest.filter(|_| !more) {
                acts.push(Act::Compare(Box::new(Comparison { cursor, digest, repair, listed })));
            }
        }
        acts.extend(leaving.into_iter().map(Act::Purge));
        acts.push(Act::Release);
        acts.extend(reply.checkpoint.map(Act::Carry));
        let (asked, epoch, server_now_ms) = (Arc::new(asked), reply.epoch, reply.server_now_ms);
        let step = |act| Step { asked: Arc::clone(&asked), epoch, server_now_ms, act };
        acts.into_iter().map(step).collect()
    }

    /// Hears what every reply says: the epoch, the limits, the clock, and what is held.
    fn hear(
        &mut self,
        asked: &Asked,
        epoch: Uuid,
        server_now_ms: Millis,
        (limits, held, clock): (&Limits, &Held, &ClockReading),
    ) -> bool {
        if self.epoch != Some(epoch) {
            if !self.is_news(asked) {
                return false;
            }
            let was_known = self.epoch.replace(epoch).is_some();
            if was_known && !is_planted(Defect::EpochIgnored) {
                self.send_all_again();
            }
        }
        self.limits = *limits;
        self.server_now_ms = server_now_ms;
        self.clocks.hear(&asked.clock, clock, server_now_ms);
        self.clocks.forget_all_but(&self.outbox.iter().filter_map(|kept| kept.boot).collect());
        self.take_held(asked, held);
        true
    }

    /// Whether a reply of another epoch is of a later one: its request was made knowing the present
    /// epoch. Otherwise it was overtaken, and its answers are of data that may be gone.
    fn is_news(&self, asked: &Asked) -> bool {
        asked.epoch == self.epoch
    }

    fn answers(&mut self, asked: &Asked, at_ms: Millis, answers: Vec<Verbatim>) -> bool {
        self.tick += 1;
        let tick = self.tick;
        for (op, answer) in asked.ops.iter().zip(answers) {
            let Ok(head) = serde_json::from_str::<AnswerHead>(answer.text()) else { continue };
            let Some(kept) = self.outbox.get_mut(*op) else { continue };
            if head.op_id.is_some_and(|named| named != *op) {
                continue;
            }
            if kept.device == self.device && head.issues.iter().any(|code| code == "device_forked")
            {
                self.new_device = Some(NewDevice::Forked);
            }
            kept.answer(asked.tick, tick, at_ms, head, answer);
        }
        true
    }

    fn reviews(&mut self, asked: &Asked, reviews: Vec<Review>) -> bool {
        self.tick += 1;
        let tick = self.tick;
        for op in &asked.ask {
            self.told(*op, tick);
        }
        for review in reviews {
            let kept = self.outbox.get_mut(review.op_id);
            if let Some(kept) = kept.filter(|kept| kept.is_stored() && kept.since <= asked.tick) {
                kept.review(tick, review);
            }
        }
        true
    }

    fn told(&mut self, op: OpId, tick: u64) {
        if let Some(kept) = self.outbox.get_mut(op) {
            kept.told = tick;
        }
    }

    /// Applies a page together with its cursor, if it begins where the base is.
    fn page(&mut self, asked: &Asked, page: &Page) -> bool {
        if !self.begins_here(asked) {
            return false;
        }
        self.leaving.hear(asked, page);
        for served in &page.entities {
            if self.takes_rows(served.bucket) {
                self.replica.put(served.clone());
            }
        }
        self.cursor = Some(page.cursor.clone());
        if !page.more || is_planted(Defect::MoreIsAll) {
            self.pulled = self.pulled.max(asked.tick);
        }
        self.more = page.more;
        true
    }

    /// Whether no other page was applied since the request was made.
    fn begins_here(&self, asked: &Asked) -> bool {
        self.cursor == asked.cursor || is_planted(Defect::PageAnywhere)
    }

    /// Whether the base is exactly at this cursor.
    pub(super) fn is_at(&self, cursor: &str) -> bool {
        self.cursor.as_deref() == Some(cursor)
    }
}
