//! A tiny honest server: what it holds is a map, and what it serves follows from that map alone.

use crate::world::id;
use saolou_protocol::canonical::Hash;
use saolou_protocol::digest::{Digest, Sums, first_byte, term};
use saolou_protocol::held::Held;
use saolou_protocol::ids::{BuildingId, DeviceId, OpId};
use saolou_protocol::op::Op;
use saolou_protocol::time::Millis;
use saolou_protocol::wire::{
    BucketSums, Leave, Limits, Page, PullRequest, Review, Rows, Served, SyncReply, SyncRequest,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// How long phones keep what was answered.
pub(crate) const KEEP_MS: Millis = 1_000;
/// Rows of a page.
const PAGE_ROWS: usize = 3;

/// What a crash of the machine, a failover or a restored backup takes back.
#[derive(Clone, Default)]
pub(crate) struct Data {
    pub(crate) ops: BTreeMap<OpId, Stored>,
    rows: BTreeMap<BuildingId, BTreeMap<Uuid, (i64, String)>>,
}

#[derive(Clone)]
pub(crate) struct Stored {
    op: Op,
    answer: String,
    /// Whether it is in effect.
    released: bool,
}

pub(crate) struct Server {
    pub(crate) epoch: u64,
    pub(crate) now_ms: Millis,
    pub(crate) data: Data,
    /// What survives a failover.
    pub(crate) durable: Data,
    /// What survives a fire.
    pub(crate) backup: Data,
    pub(crate) backup_at_ms: Millis,
    pub(crate) scope: BTreeSet<BuildingId>,
    pub(crate) limits: Limits,
    /// Says `retry` to everything.
    pub(crate) busy: bool,
    /// Forgets to serve the first row of a page.
    pub(crate) forgetful: bool,
}

/// A cursor, opaque to the phones.
#[derive(Serialize, Deserialize)]
struct Cursor {
    epoch: u64,
    read: BTreeMap<BuildingId, i64>,
}

impl Data {
    fn touch(&mut self, op: &Op) {
        let of_subject = |stored: &&Stored| {
            stored.released && stored.op.bucket == op.bucket && stored.op.subject == op.subject
        };
        let ops: Vec<OpId> = self.ops.values().filter(of_subject).map(|it| it.op.op_id).collect();
        if ops.is_empty() {
            return;
        }
        let rows = self.rows.entry(op.bucket).or_default();
        let seq = rows.values().map(|(seq, _)| *seq).max().unwrap_or_default() + 1;
        rows.insert(op.subject.id, (seq, json!({"ops": ops}).to_string()));
    }

    pub(crate) fn bodies(&self, bucket: BuildingId) -> BTreeMap<Uuid, String> {
        let rows = self.rows.get(&bucket).into_iter().flatten();
        rows.map(|(id, (_, body))| (*id, body.clone())).collect()
    }

    fn hashes(&self, bucket: BuildingId) -> Vec<(Uuid, Hash)> {
        let bodies = self.bodies(bucket).into_iter();
        bodies.map(|(id, body)| (id, Hash::of(body.as_bytes()))).collect()
    }

    fn digest(&self, bucket: BuildingId) -> Digest {
        let mut digest = Digest::default();
        let hashes = self.hashes(bucket);
        hashes.iter().for_each(|(id, body)| digest.add_row(&term("visit", *id, *body)));
        digest
    }

    fn counters(&self, device: DeviceId) -> Vec<u64> {
        let ours = self.ops.values().filter(|stored| stored.op.device == device);
        let mut counters: Vec<u64> = ours.map(|stored| stored.op.n).collect();
        counters.sort_unstable();
        counters
    }

    /// Takes over one op from other data, with its effect.
    pub(crate) fn take_over(&mut self, op: OpId, from: &Data) {
        if let Some(stored) = from.ops.get(&op) {
            self.ops.insert(op, stored.clone());
            self.touch(&stored.op);
        }
    }
}

fn row(bucket: BuildingId, id: Uuid, seq: i64, body: &str) -> Served {
    let body = RawValue::from_string(body.to_owned()).expect("JSON");
    Served { bucket, seq, kind: "visit".into(), id, body }
}

impl Server {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            epoch: 1,
            now_ms: 1_000_000,
            data: Data::default(),
            durable: Data::default(),
            backup: Data::default(),
            backup_at_ms: 1_000_000,
            scope: BTreeSet::new(),
            limits,
            busy: false,
            forgetful: false,
        }
    }

    /// Answers a sync.
    pub(crate) fn sync(&mut self, body: &[u8]) -> Vec<u8> {
        assert!(body.len() <= self.limits.body_bytes_max.max(4_000), "limits hold");
        self.now_ms += 1;
        let request: SyncRequest = serde_json::from_slice(body).expect("a request");
        let mut duplicates = Vec::new();
        let results: Vec<Box<RawValue>> =
            request.ops.iter().map(|sent| self.push(sent, &mut duplicates)).collect();
        let device = request.device;
        let mut held = Held::of(device, 0, self.data.counters(device));
        held.durable_through = Held::of(device, 0, self.durable.counters(device)).through;
        held.durable_through = held.durable_through.min(held.through);
        let reviews = request.ask.iter().filter_map(|op| self.review(*op)).collect();
        let reply = SyncReply {
            server_now_ms: self.now_ms,
            epoch: id("epoch", self.epoch),
            results,
            duplicates,
            held,
            reviews,
            checkpoint: None,
            backoff_ms: None,
            limits: self.limits,
            pull: request.pull.map(|pull| self.pull(&pull)),
        };
        serde_json::to_vec(&reply).expect("a reply is writable")
    }

    fn push(&mut self, sent: &RawValue, duplicates: &mut Vec<OpId>) -> Box<RawValue> {
        let op = Op::parse(sent.get().as_bytes()).expect("phones send ops");
        if let Some(known) = self.data.ops.get(&op.op_id) {
            duplicates.push(op.op_id);
            return RawValue::from_string(known.answer.clone()).expect("JSON");
        }
        if self.busy {
            return to_raw_value(&json!({"op_id": op.op_id, "status": "retry"})).expect("JSON");
        }
        let same = |stored: &&Stored| stored.op.device == op.device && stored.op.n == op.n;
        let forked = self.data.ops.values().any(|stored| same(&stored));
        let issues: &[&str] = if forked { &["device_forked"] } else { &[] };
        let released = op.kind != "odd";
        let status = if released { "applied" } else { "quarantined" };
        let answer = json!({"op_id": op.op_id, "status": status, "issues": issues}).to_string();
        let stored = Stored { op: op.clone(), answer: answer.clone(), released };
        self.data.ops.insert(op.op_id, stored);
        self.data.touch(&op);
        RawValue::from_string(answer).expect("JSON")
    }

    /// Says nothing yet of an op that a failover would lose.
    fn review(&self, op_id: OpId) -> Option<Review> {
        let state = match self.data.ops.get(&op_id) {
            None => "unknown",
            Some(_) if !self.durable.ops.contains_key(&op_id) => return None,
            Some(stored) if stored.released => "applied",
            Some(_) => "quarantined",
        };
        Some(Review { op_id, state: state.into(), reason: None })
    }

    /// The desk releases what is in quarantine.
    pub(crate) fn release_all(&mut self) {
        let odd: Vec<OpId> =
            self.data.ops.values().filter(|it| !it.released).map(|it| it.op.op_id).collect();
        for op in odd {
            let stored = self.data.ops.get_mut(&op).expect("it was just there");
            stored.released = true;
            let op = stored.op.clone();
            self.data.touch(&op);
        }
    }

    fn head(&self, bucket: BuildingId) -> i64 {
        let rows = self.data.rows.get(&bucket);
        rows.and_then(|rows| rows.values().map(|(seq, _)| *seq).max()).unwrap_or_default()
    }

    fn pull(&self, pull: &PullRequest) -> Page {
        let cursor = pull.cursor.as_deref().map(serde_json::from_str::<Cursor>);
        let cursor = cursor.map(|cursor| cursor.expect("a cursor comes back as it was served"));
        let mut read = BTreeMap::new();
        for (bucket, seq) in cursor.iter().flat_map(|cursor| &cursor.read) {
            let ours = cursor.as_ref().is_some_and(|cursor| cursor.epoch == self.epoch);
            let known = ours && *seq <= self.head(*bucket);
            read.insert(*bucket, if known { *seq } else { 0 });
        }
        pull.left.iter().for_each(|bucket| {
            read.remove(bucket);
        });
        let lost = read.keys().copied().filter(|bucket| !self.scope.contains(bucket));
        let leave: Vec<Leave> = lost
            .map(|bucket| Leave { bucket, reason: "reassigned".into(), purge_by_ms: 0 })
            .collect();
        let (mut entities, mut more) = (Vec::new(), false);
        for bucket in &self.scope {
            let from = *read.entry(*bucket).or_default();
            let rows = self.data.rows.get(bucket).into_iter().flatten();
            let mut rows: Vec<_> = rows.filter(|(_, (seq, _))| *seq > from).collect();
            rows.sort_by_key(|(_, (seq, _))| *seq);
            for (id, (seq, body)) in rows {
                more |= entities.len() >= PAGE_ROWS;
                if entities.len() < PAGE_ROWS {
                    entities.push(row(*bucket, *id, *seq, body));
                    read.insert(*bucket, *seq);
                }
            }
        }
        if self.forgetful && !entities.is_empty() {
            entities.remove(0);
        }
        let mut digest = Digest::default();
        self.scope.iter().for_each(|bucket| digest.add(&self.data.digest(*bucket)));
        let cursor = Cursor { epoch: self.epoch, read };
        Page {
            cursor: serde_json::to_string(&cursor).expect("a cursor is writable"),
            more,
            entities,
            leave,
            digest: (!more).then_some(digest),
            repair: self.repair(pull),
            rows: pull
                .rows
                .iter()
                .map(|asked| self.rows(asked.bucket, &asked.first_bytes))
                .collect(),
        }
    }

    fn repair(&self, pull: &PullRequest) -> Vec<BucketSums> {
        let differs = |bucket: &&BuildingId| {
            pull.digests.get(bucket).copied().unwrap_or_default() != self.data.digest(**bucket)
        };
        let sums = |bucket: &BuildingId| {
            let hashes = self.data.hashes(*bucket);
            let rows = hashes.iter().map(|(id, body)| ("visit", *id, *body));
            BucketSums { bucket: *bucket, sums: Sums::of(rows) }
        };
        let asked = !pull.digests.is_empty();
        self.scope.iter().filter(|_| asked).filter(differs).map(sums).collect()
    }

    fn rows(&self, bucket: BuildingId, first_bytes: &[u8]) -> Rows {
        let in_scope = self.scope.contains(&bucket);
        let rows = self.data.rows.get(&bucket).filter(|_| in_scope).into_iter().flatten();
        let asked = rows.filter(|(id, _)| first_bytes.contains(&first_byte("visit", **id)));
        let entities = asked.map(|(id, (seq, body))| row(bucket, *id, *seq, body)).collect();
        Rows { bucket, first_bytes: first_bytes.to_vec(), entities }
    }
}
