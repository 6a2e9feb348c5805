//! What must hold, whatever went wrong (I1–I14 of the protocol).

use crate::backend::{Backend, Dump, Reply};
use crate::core::{LIMITS, digest_of, fact};
use crate::field;
use crate::world::Hand;
use saolou_protocol::building::Building;
use saolou_protocol::canonical::Hash;
use saolou_protocol::fact::Fact;
use saolou_protocol::ids::{BuildingId, DeviceId, OpId};
use saolou_protocol::op::Op;
use saolou_protocol::phone::Phone;
use saolou_protocol::phone::reply::Response;
use saolou_protocol::phone::request::Asked;
use saolou_protocol::phone::stored::Stored;
use saolou_protocol::time::{ClockReading, Millis, TimeQuality};
use saolou_protocol::wire::SyncReply;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// A request or reply that was longer under way says little about clocks: anchored times may be off
/// by that much.
pub(crate) const PROMPT_MS: Millis = 60_000;

/// Something that did not hold.
#[derive(Debug)]
pub(crate) struct Broken {
    pub(crate) rule: &'static str,
    pub(crate) what: String,
}

impl Broken {
    pub(crate) fn new(rule: &'static str, what: String) -> Self {
        Self { rule, what }
    }
}

/// An op that a phone called saved.
#[derive(Clone, Debug)]
pub(crate) struct Saved {
    hash: Hash,
    bucket: BuildingId,
    counter: (DeviceId, u64),
    true_ms: Millis,
}

/// What an onlooker who forgets nothing knows.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) saved: BTreeMap<OpId, Saved>,
    answers: BTreeMap<OpId, String>,
    /// Ops that no phone has any more although the server might not: purged after they were stored,
    /// or gone with a phone that went back to an older state.
    unkept: BTreeSet<OpId>,
    /// Ops that only a disaster on both sides, or the loss of the only phone, took away.
    pub(crate) may_be_lost: BTreeSet<OpId>,
    /// Ids under which a broken client sent other content.
    pub(crate) taken_twice: BTreeSet<OpId>,
    /// Ops that were long under way to the server.
    pub(crate) slow: BTreeSet<OpId>,
    /// A phone was cloned or went back, so that counters may be taken twice.
    pub(crate) cloned: bool,
}

impl Ledger {
    pub(crate) fn save(&mut self, op: &Op, true_ms: Millis) -> Result<(), Broken> {
        let counter = (op.device, op.n);
        let taken = self.saved.values().any(|saved| saved.counter == counter);
        if taken && !self.cloned {
            return Err(Broken::new("OP-2", format!("counter {} is minted twice", op.n)));
        }
        let saved = Saved { hash: op.hash, bucket: op.bucket, counter, true_ms };
        self.saved.insert(op.op_id, saved);
        Ok(())
    }

    /// A phone is as it was before these ops.
    pub(crate) fn phone_went_back(&mut self, forgotten: impl IntoIterator<Item = OpId>) {
        self.unkept.extend(forgotten);
    }

    /// The server went back to an older state. What it had and no phone keeps must be there still.
    pub(crate) fn server_was_restored(&mut self, gone: &[OpId], now: &Dump) -> Result<(), Broken> {
        self.answers.clear();
        let waits: BTreeSet<OpId> = now.quarantined.iter().map(|(op, _)| *op).collect();
        for op in gone {
            if now.accepted.contains_key(op) || waits.contains(op) {
                continue;
            }
            if !self.saved.contains_key(op) || self.unkept.contains(op) {
                self.may_be_lost.insert(*op);
                continue;
            }
            return Err(Broken::new("I1", format!("no phone kept {op} for a restored server")));
        }
        Ok(())
    }
}

/// Every answer to an op is the first one, and none is put off because of another (I14).
pub(crate) fn answers(ledger: &mut Ledger, asked: &Asked, reply: &Reply) -> Result<(), Broken> {
    if reply.status != 200 {
        return Ok(());
    }
    let Ok(told) = serde_json::from_slice::<SyncReply>(&reply.body) else { return Ok(()) };
    if told.results.len() != asked.ops.len() {
        return Ok(());
    }
    for (op, answer) in asked.ops.iter().zip(told.results) {
        let answer = answer.get().to_owned();
        let read: Value = serde_json::from_str(&answer).expect("an answer is JSON");
        if read["status"] == "retry" {
            return Err(Broken::new("I14", format!("{op} was put off: {answer}")));
        }
        if read["status"] == "refused" {
            return Err(Broken::new("I1", format!("{op} was refused: {answer}")));
        }
        let first = ledger.answers.entry(*op).or_insert_with(|| answer.clone());
        if *first != answer {
            let what = format!("{op} was answered {first} and then {answer}");
            return Err(Broken::new("same answer", what));
        }
    }
    if let Some(page) = told.pull {
        let bytes: usize = page.entities.iter().map(|row| row.body.get().len()).sum();
        if bytes > LIMITS.page_bytes_max && page.entities.len() > 1 {
            return Err(Broken::new("I12", format!("a page of {bytes} bytes")));
        }
    }
    Ok(())
}

/// Requests keep the limits (I12).
pub(crate) fn limits(asked: &Asked, body: &[u8]) -> Result<(), Broken> {
    // Before a server has said what it takes, a phone assumes more.
    let knows = asked.epoch.is_some();
    if knows && (asked.ops.len() > LIMITS.ops_max || body.len() > LIMITS.body_bytes_max) {
        return Err(Broken::new("I12", format!("{} ops in a request", asked.ops.len())));
    }
    Ok(())
}

/// What leaves an outbox is on the server (I1, I2).
pub(crate) fn released<B: Backend>(
    server: &mut B,
    ledger: &mut Ledger,
    released: &[OpId],
    step: &str,
) -> Result<(), Broken> {
    if released.is_empty() {
        return Ok(());
    }
    for op in released {
        let Some(saved) = ledger.saved.get(op) else { continue };
        if !ledger.may_be_lost.contains(op) && !server.has(*op, saved.hash) {
            return Err(Broken::new("I1", format!("{op} left its phone ({step}) for nowhere")));
        }
        if step == "purge" {
            ledger.unkept.insert(*op);
        }
    }
    Ok(())
}

fn is_on(dump: &Dump, op: OpId, hash: Hash) -> bool {
    dump.accepted.get(&op).is_some_and(|accepted| accepted.hash == hash)
        || dump.quarantined.contains(&(op, hash))
}

/// The server's own state: what is stored is what its ops say, in any order (I4, I9), its digests are
/// those of its rows, corrected times are right, references resolve (I11).
pub(crate) fn server<B: Backend>(server: &mut B, ledger: &Ledger) -> Result<(), Broken> {
    let dump = server.dump();
    let nothing = BTreeMap::new();
    let made: BTreeSet<Uuid> = dump.accepted.values().flat_map(|op| made_by(&op.content)).collect();
    let buckets: BTreeSet<BuildingId> =
        dump.accepted.values().map(|op| op.bucket).chain(dump.entities.keys().copied()).collect();
    for bucket in buckets {
        let stored = dump.entities.get(&bucket).unwrap_or(&nothing);
        let anew = fold_anew(&dump, bucket);
        if let Some(key) = differing(stored, &anew) {
            let text = |rows: &BTreeMap<(String, Uuid), Vec<u8>>| {
                rows.get(&key).map(|body| String::from_utf8_lossy(body).into_owned())
            };
            let (is, ought) = (text(stored), text(&anew));
            let what = format!("{key:?} of {bucket}: stored {is:?}, recounted {ought:?}");
            return Err(Broken::new("I4", what));
        }
        if dump.digests.get(&bucket).copied().unwrap_or_default() != digest_of(stored) {
            return Err(Broken::new(
                "I3",
                format!("the digest of {bucket} is not that of its rows"),
            ));
        }
        for body in stored.values() {
            let read: Value = serde_json::from_slice(body).expect("an entity is JSON");
            for id in read["becomes"].as_array().into_iter().flatten() {
                let id: Uuid = serde_json::from_value(id.clone()).expect("an id");
                if made.contains(&id) && !stored.keys().any(|(_, known)| *known == id) {
                    return Err(Broken::new("I11", format!("{id} is named and not there")));
                }
            }
        }
    }
    for (op, accepted) in &dump.accepted {
        let Some(saved) = ledger.saved.get(op) else { continue };
        let off_ms = (accepted.stamp.corrected_ms - saved.true_ms).abs();
        if accepted.stamp.quality == TimeQuality::Anchored
            && off_ms > PROMPT_MS
            && !ledger.slow.contains(op)
        {
            return Err(Broken::new("time", format!("{op} is dated {off_ms} ms off")));
        }
    }
    Ok(())
}

/// The office that an op makes by itself: what waits for its group, or for the room that it changes,
/// makes none yet.
fn made_by(content: &[u8]) -> Option<Uuid> {
    let content: Value = serde_json::from_slice(content).expect("an op is JSON");
    let alone = content["group"].is_null() && content["kind"] == "office_add";
    let made = alone.then(|| serde_json::from_value(content["body"]["office_id"].clone()));
    made.and_then(Result::ok)
}

/// A bucket folded from its ops, the last first, as if each had come at once.
fn fold_anew(dump: &Dump, bucket: BuildingId) -> BTreeMap<(String, Uuid), Vec<u8>> {
    let mut building = Building::new(bucket, field::rounds());
    let of_bucket = dump.accepted.values().rev().filter(|op| op.bucket == bucket);
    let facts = of_bucket.map(|op| {
        let mut fact = fact(op);
        fact.stamp.received_ms = fact.stamp.corrected_ms;
        fact
    });
    building.apply(facts.collect::<Vec<Fact>>());
    let entities = building.entities().into_iter();
    entities.map(|row| ((row.kind.code().to_owned(), row.id), row.body)).collect()
}

fn differing<T: PartialEq>(
    a: &BTreeMap<(String, Uuid), T>,
    b: &BTreeMap<(String, Uuid), T>,
) -> Option<(String, Uuid)> {
    let keys = a.keys().chain(b.keys());
    keys.into_iter().find(|key| a.get(*key) != b.get(*key)).cloned()
}

/// Whether nothing changed that matters from one sync to the next.
pub(crate) fn is_calm(before: &Stored, after: &Stored) -> bool {
    before.cursor() == after.cursor()
        && before.outbox().iter().count() == after.outbox().iter().count()
        && !after.has_work()
}

/// The end: all that was saved is on the server exactly once (I1), all replicas are equal to it
/// (I3, I5, I6), what was to be left is gone (I7), nothing waits (I10).
pub(crate) fn end<B: Backend>(
    backend: &mut B,
    hands: &[Hand],
    ledger: &Ledger,
) -> Result<(), Broken> {
    server(backend, ledger)?;
    let dump = backend.dump();
    for (op, saved) in &ledger.saved {
        if !is_on(&dump, *op, saved.hash) && !ledger.may_be_lost.contains(op) {
            return Err(Broken::new("I1", format!("{op} of {} is lost", saved.bucket)));
        }
    }
    let mut counters = BTreeSet::new();
    for (op, accepted) in &dump.accepted {
        let is_ours = ledger.saved.contains_key(op);
        if is_ours && !ledger.cloned && !counters.insert((accepted.device, accepted.n)) {
            return Err(Broken::new("OP-2", format!("counter {} is taken twice", accepted.n)));
        }
    }
    for (number, hand) in hands.iter().enumerate() {
        let waiting = hand.phone.numbers().waiting;
        if waiting > 0 {
            return Err(Broken::new("I10", format!("{waiting} ops wait on phone {number}")));
        }
        let mismatches = hand.phone.mismatches();
        if mismatches != Default::default() && !hand.was_damaged {
            return Err(Broken::new("I6", format!("phone {number} went wrong: {mismatches:?}")));
        }
        let fresh = download(backend, hand, number)?;
        let is = rows(hand.phone.stored());
        let ought =
            if is.is_empty() && backend.is_shut_out(hand.person, hand.phone.stored().device()) {
                BTreeMap::new()
            } else {
                rows(&fresh)
            };
        if is != ought {
            let what = format!("phone {number} has {} rows, the server {}", is.len(), ought.len());
            return Err(Broken::new("I3", what));
        }
        for ((bucket, kind, id), body) in &is {
            let stored = dump.entities.get(bucket).and_then(|rows| rows.get(&(kind.clone(), *id)));
            if stored.map(Vec::as_slice) != Some(body.as_bytes()) {
                return Err(Broken::new("I3", format!("{kind} {id} is not as served")));
            }
        }
    }
    Ok(())
}

type AllRows = BTreeMap<(BuildingId, String, Uuid), String>;

fn rows(stored: &Stored) -> AllRows {
    let mut all = AllRows::new();
    for (bucket, rows) in stored.replica().buckets() {
        for ((kind, id), body) in rows.rows() {
            all.insert((bucket, kind.clone(), *id), body.text().to_owned());
        }
    }
    all
}

/// What a new phone of the same person gets.
fn download<B: Backend>(backend: &mut B, hand: &Hand, number: usize) -> Result<Stored, Broken> {
    let device = DeviceId(field::named(&format!("fresh {number}")));
    let mut phone = Phone::new(hand.person.user, device);
    let wall_ms = field::MONDAY_MS + 20 * 24 * 3_600_000;
    let clock =
        ClockReading { wall_ms, mono_ms: None, boot_id: None, boot_offsets_ms: BTreeMap::new() };
    for _ in 0..2000 {
        let (request, asked) = phone.request(&clock);
        let body = serde_json::to_vec(&request).expect("a request is writable");
        let reply = backend.sync(hand.person, &body, wall_ms);
        let before = phone.stored().cursor().map(str::to_owned);
        let response = Response { status: reply.status, body: &reply.body, ..Response::default() };
        let steps = phone.receive(asked, &clock, &response);
        steps
            .map_err(|_| Broken::new("I5", "a fresh phone gets nothing".into()))?
            .into_iter()
            .for_each(|step| {
                phone.apply(step);
            });
        if before.as_deref() == phone.stored().cursor() {
            return Ok(phone.stored().clone());
        }
    }
    Err(Broken::new("I5", "a download does not end".into()))
}
