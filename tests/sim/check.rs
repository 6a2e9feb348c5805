//! What must hold, whatever went wrong (I1–I14 of the protocol). [`standings`] looks at the ops on a
//! phone.

pub(crate) mod standings;

pub(crate) use self::standings::{kept_long_enough, late_answers, let_go, missing_waits, resent};
use crate::backend::{Backend, Dump, Person, Reply, StoredRows};
use crate::content;
use crate::core::{LIMITS, digest_of};
use crate::field;
use crate::ledger::Ledger;
use crate::plan::Fault;
use crate::world::Hand;
use saolou_protocol::building::Building;
use saolou_protocol::canonical::Hash;
use saolou_protocol::ids::{BuildingId, DeviceId, OpId, UserId};
use saolou_protocol::op::Op;
use saolou_protocol::phone::Phone;
use saolou_protocol::phone::outbox::Standing;
use saolou_protocol::phone::reply::Response;
use saolou_protocol::phone::request::Asked;
use saolou_protocol::phone::stored::Stored;
use saolou_protocol::time::{ClockReading, Millis};
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
    /// What had gone wrong until then, by event.
    pub(crate) fired: BTreeSet<(usize, Fault)>,
}

impl Broken {
    pub(crate) fn new(rule: &'static str, what: String) -> Self {
        Self { rule, what, fired: BTreeSet::new() }
    }
}

/// Every answer to an op is the first one, and none is put off because of another (I14); what
/// counts as held is there (I2), and only rows in scope are served.
pub(crate) fn answers<B: Backend>(
    server: &mut B,
    ledger: &mut Ledger,
    (by, asked): (Person, &Asked),
    (reply, now_ms): (&Reply, Millis),
) -> Result<(), Broken> {
    if reply.status != 200 {
        return Ok(());
    }
    let Ok(told) = serde_json::from_slice::<SyncReply>(&reply.body) else { return Ok(()) };
    if told.results.len() != asked.ops.len() {
        return Ok(());
    }
    ledger.in_epoch(told.epoch)?;
    ledger.served(by, &told)?;
    ledger.held(&told, |op, hash| server.has(op, hash))?;
    for (op, answer) in asked.ops.iter().zip(told.results) {
        let answer = answer.get().to_owned();
        let read: Value = serde_json::from_str(&answer).expect("an answer is JSON");
        if read["status"] == "retry" {
            return Err(Broken::new("I14", format!("{op} was put off: {answer}")));
        }
        if read["status"] == "refused" {
            return Err(Broken::new("I1", format!("{op} was refused: {answer}")));
        }
        ledger.answered_ms.entry(*op).or_insert(now_ms);
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

/// Of the checkpoints of the evidence log a phone keeps the one with the most entries (EV-7), whatever
/// server it meets.
pub(crate) fn carried(before: u64, after: u64) -> Result<(), Broken> {
    if after >= before {
        return Ok(());
    }
    Err(Broken::new("EV-7", format!("a checkpoint of {before} entries was given up for {after}")))
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

/// An op is by whoever made it (SY-8).
pub(crate) fn author(by: UserId, op: &Op) -> Result<(), Broken> {
    if op.author == by {
        return Ok(());
    }
    Err(Broken::new("SY-8", format!("{} is by {by} and bears another name", op.op_id)))
}

/// Nobody sends what is another's (SY-8).
pub(crate) fn session(ledger: &Ledger, by: Person, asked: &Asked) -> Result<(), Broken> {
    let is_theirs = |op: &&OpId| ledger.saved.get(op).is_some_and(|saved| saved.author != by.user);
    match asked.ops.iter().find(is_theirs) {
        Some(op) => Err(Broken::new("SY-8", format!("{op} is sent in the session of another"))),
        None => Ok(()),
    }
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
pub(crate) fn server<B: Backend>(server: &mut B, ledger: &mut Ledger) -> Result<(), Broken> {
    let dump = server.dump();
    for op in &ledger.durable {
        if ledger.saved.get(op).is_some_and(|saved| !is_on(&dump, *op, saved.hash)) {
            return Err(Broken::new("I2", format!("{op} was durable and is lost")));
        }
    }
    let nothing = BTreeMap::new();
    let buckets: BTreeSet<BuildingId> =
        dump.accepted.values().map(|op| op.bucket).chain(dump.entities.keys().copied()).collect();
    for bucket in buckets {
        let stored = dump.entities.get(&bucket).unwrap_or(&nothing);
        let anew = fold_anew(&dump, bucket);
        if let Some(key) = differing(stored, &anew) {
            let text = |rows: &StoredRows| {
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
        content::references(&dump, stored)?;
        content::groups(&dump, bucket, stored)?;
        content::kills(&dump, bucket, stored)?;
    }
    for (op, accepted) in &dump.accepted {
        ledger.dated(*op, accepted)?;
    }
    Ok(())
}

/// A bucket folded from its ops, the last first, as if each had come at once.
fn fold_anew(dump: &Dump, bucket: BuildingId) -> StoredRows {
    let mut building = Building::new(bucket, field::rounds());
    let of_bucket = dump.accepted.values().rev().filter(|op| op.bucket == bucket);
    let facts = of_bucket.map(|op| {
        let mut fact = op.fact.clone();
        fact.stamp.received_ms = fact.stamp.corrected_ms;
        fact
    });
    building.apply(facts);
    let entities = building.entities().into_iter();
    entities.map(|row| ((row.kind.code().to_owned(), row.id), row.body.into())).collect()
}

fn differing<T: PartialEq>(
    a: &BTreeMap<(String, Uuid), T>,
    b: &BTreeMap<(String, Uuid), T>,
) -> Option<(String, Uuid)> {
    let keys = a.keys().chain(b.keys());
    keys.into_iter().find(|key| a.get(*key) != b.get(*key)).cloned()
}

/// What a phone shows as done is in its base (I6): a room that it added is there.
pub(crate) fn read_own(phone: &Phone, ledger: &Ledger) -> Result<(), Broken> {
    for kept in phone.stored().outbox().iter().filter(|op| op.standing == Standing::Settled) {
        let Some(office) = ledger.saved.get(&kept.op_id).and_then(|saved| saved.adds) else {
            continue;
        };
        let Some(rows) = phone.stored().replica().bucket(kept.bucket) else { continue };
        let is_pending = phone
            .screen(kept.bucket)
            .is_none_or(|screen| screen.pending.iter().any(|op| op.op_id == kept.op_id));
        if !is_pending && rows.row("office", office).is_none() {
            let what = format!("{} counts as pulled, its office {office} did not come", kept.op_id);
            return Err(Broken::new("I6", what));
        }
    }
    Ok(())
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
    ledger: &mut Ledger,
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
        for phone in hand.handset.phones() {
            at_rest(phone, number, hand.was_damaged)?;
            let user = phone.stored().user();
            let person = Person { user, ..hand.person };
            let fresh = download(backend, person, number)?;
            let is = rows(phone.stored());
            let is_out = is.is_empty() && backend.is_shut_out(person, phone.stored().device());
            let ought = if is_out { BTreeMap::new() } else { rows(&fresh) };
            if is != ought {
                let (is, ought) = (is.len(), ought.len());
                let what = format!("phone {number} has {is} rows, the server {ought}");
                return Err(Broken::new("I3", what));
            }
            as_served(&is, &dump)?;
        }
    }
    Ok(())
}

/// A phone has nothing left to do, and nothing went wrong with it.
fn at_rest(phone: &Phone, number: usize, was_damaged: bool) -> Result<(), Broken> {
    let waiting = phone.numbers().waiting;
    if waiting > 0 {
        return Err(Broken::new("I10", format!("{waiting} ops wait on phone {number}")));
    }
    if let Some((bucket, stage)) = phone.stored().leaving().iter().next() {
        let what = format!("phone {number} still leaves {bucket}: {stage:?}");
        return Err(Broken::new("I7", what));
    }
    let mismatches = phone.mismatches();
    if mismatches != Default::default() && !was_damaged {
        return Err(Broken::new("I6", format!("phone {number} went wrong: {mismatches:?}")));
    }
    Ok(())
}

fn as_served(is: &AllRows, dump: &Dump) -> Result<(), Broken> {
    for ((bucket, kind, id), body) in is {
        let stored = dump.entities.get(bucket).and_then(|rows| rows.get(&(kind.clone(), *id)));
        if stored.map(AsRef::as_ref) != Some(body.as_bytes()) {
            return Err(Broken::new("I3", format!("{kind} {id} is not as served")));
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
fn download<B: Backend>(backend: &mut B, person: Person, number: usize) -> Result<Stored, Broken> {
    let device = DeviceId(field::named(&format!("fresh {number}")));
    let mut phone = Phone::new(person.user, device);
    let wall_ms = field::MONDAY_MS + 20 * 24 * 3_600_000;
    let clock =
        ClockReading { wall_ms, mono_ms: None, boot_id: None, boot_offsets_ms: BTreeMap::new() };
    for _ in 0..2000 {
        let (request, asked) = phone.request(&clock);
        let body = serde_json::to_vec(&request).expect("a request is writable");
        let reply = backend.sync(person, &body, wall_ms);
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
