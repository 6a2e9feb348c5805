//! The server's core over a store in memory: the same functions that the real server calls, one
//! transaction at a time. Here is the push; [`pull`] is its reading half, [`desk`] what the desk does,
//! [`log`] what it signs, [`data`] what all of it leaves.

mod data;
mod desk;
mod log;
mod pull;

use self::data::Data;
pub(crate) use self::log::log_key;
use crate::backend::{Backend, Desk, Dump, Person, Reply, StoredRows};
use crate::field;
use saolou_protocol::building::answer::{Answer, AnswerStatus};
use saolou_protocol::building::{Building, RoundWindow};
use saolou_protocol::canonical::Hash;
use saolou_protocol::digest::Digest;
use saolou_protocol::engine::commit::{Known, Outcome, Plan};
use saolou_protocol::engine::push::{self, Judged, NoOp, Read, Standing};
use saolou_protocol::held::Held;
use saolou_protocol::ids::{BuildingId, DeviceId, OpId};
use saolou_protocol::time::Millis;
use saolou_protocol::wire::{Limits, SyncReply, SyncRequest};
use saolou_protocol::zoo::{Defect, is_planted};
use serde_json::value::RawValue;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use uuid::Uuid;

/// How long a phone keeps what was answered: short, so that ops do leave phones. No backup that is
/// older is ever gone back to.
pub(crate) const KEEP_MS: Millis = 4 * 3_600_000;

/// What this server takes: little, so that limits are met.
pub(crate) const LIMITS: Limits = Limits {
    ops_max: 12,
    op_bytes_max: 64 * 1024,
    body_bytes_max: 256 * 1024,
    page_bytes_max: 6 * 1024,
    photo_bytes_max: 1024,
    keep_ms: KEEP_MS,
};

/// The server in memory.
#[derive(Debug, Default)]
pub(crate) struct Core {
    data: Data,
    /// Buildings as folded last, each with the number of the head that it is as of.
    folded: HashMap<BuildingId, (i64, Building)>,
    backup: Option<Data>,
    /// How many epochs there were.
    epochs: u64,
    /// What it has ever said that it holds.
    told: BTreeMap<DeviceId, Held>,
    /// What a crash would leave, where replies are sent before their commit.
    durable: Option<Data>,
    buildings: BTreeSet<BuildingId>,
    rounds: Vec<RoundWindow>,
    /// The last checkpoint that it signed, and of what.
    signed: Option<((u64, u64), String)>,
}

type ReadOps = Vec<Result<Read, NoOp>>;

impl Core {
    fn epoch(&self) -> Uuid {
        Uuid::from_u128(u128::from(self.data.epoch) + 1)
    }

    fn pushes_out_of_scope(&self, by: Person, body: &[u8], now_ms: Millis) -> bool {
        let Ok(request) = serde_json::from_slice::<SyncRequest<'_>>(body) else { return false };
        let read = request.ops.iter().map(|raw| push::read(raw.get(), None, now_ms));
        let scope = self.scope(by, request.device, now_ms);
        read.flatten().any(|read| !scope.heads.contains_key(&read.op.bucket))
    }

    fn begin_epoch(&mut self) {
        self.epochs += 1;
        self.data.epoch = self.epochs;
    }

    /// What is held of a device.
    fn held(&mut self, device: DeviceId) -> Held {
        let held = self.data.held(device);
        if !is_planted(Defect::OldHeldTold) {
            return held;
        }
        let told = self.told.entry(device).or_insert_with(|| held.clone());
        if held.durable_through > told.durable_through {
            *told = held;
        }
        told.clone()
    }

    fn standing(&self, by: Person, ops: &ReadOps) -> Standing {
        let street = field::street();
        let mut standing = Standing {
            sender: by.user,
            streets: BTreeSet::from([street]),
            home: street,
            suspended_ms: self.data.suspended.get(&by.user).copied(),
            revoked: self.data.revoked.clone(),
            ..Standing::default()
        };
        for read in ops.iter().flatten() {
            if self.buildings.contains(&read.op.bucket) {
                standing.street_of.insert(read.op.bucket, street);
            }
            standing.taken.insert((read.op.device, read.op.n, read.op.op_id));
        }
        if by.is_supervisor {
            standing.reached.extend(&self.buildings);
        }
        for ((user, building), times) in &self.data.assigned {
            if *user == by.user {
                standing.assigned.insert(*building, times.clone());
            }
        }
        let devices: BTreeSet<DeviceId> = ops.iter().flatten().map(|read| read.op.device).collect();
        for (op, (accepted, _)) in &self.data.accepted {
            if devices.contains(&accepted.device) {
                standing.taken.insert((accepted.device, accepted.n, *op));
            }
        }
        for ((op, _, sender), data::Waiting { op: kept, .. }) in &self.data.quarantine {
            if kept.author == *sender && devices.contains(&kept.device) {
                standing.taken.insert((kept.device, kept.n, *op));
            }
        }
        standing
    }

    fn commit(&mut self, judged: &[Judged]) -> Vec<Outcome> {
        let ops: Vec<&Judged> = judged.iter().collect();
        let mut known = Known::default();
        for judged in judged {
            let id = judged.op.op_id;
            if let Some((accepted, answer)) = self.data.accepted.get(&id) {
                known.accepted.insert(id, (accepted.hash, answer.clone()));
            }
            for (key, waiting) in &self.data.quarantine {
                if key.0 == id {
                    known.quarantined.insert(*key, waiting.answer.clone());
                }
            }
            if let Some(head) = self.data.heads.get(&judged.op.bucket) {
                known.heads.insert(judged.op.bucket, *head);
            }
        }
        let plan = Plan::of(&ops, known);
        let mut buildings = HashMap::new();
        for bucket in plan.buckets().into_keys() {
            buildings.insert(bucket, self.folded(bucket));
        }
        let commit = plan.merge(&mut buildings);
        self.data.write(&commit);
        let own = judged.iter().filter(|j| j.op.n > 0 && j.op.author == j.sender);
        self.data.devices.extend(own.map(|judged| judged.op.device));
        buildings.into_values().for_each(|building| self.keep(building));
        commit.outcomes
    }

    /// A building as its head says it is; whoever takes it gives it back.
    fn folded(&mut self, bucket: BuildingId) -> Building {
        let head = self.data.heads.get(&bucket);
        let folded = self.folded.remove(&bucket).filter(|(seq, folded)| {
            head.is_some_and(|head| (head.seq, head.digest) == (*seq, folded.digest()))
        });
        let folded = folded.map(|(_, building)| building);
        folded.unwrap_or_else(|| self.data.fold(&self.rounds, bucket))
    }

    /// Keeps a building for the next one who needs it.
    fn keep(&mut self, building: Building) {
        if let Some(head) = self.data.heads.get(&building.id()) {
            self.folded.insert(building.id(), (head.seq, building));
        }
    }

    fn push(&mut self, by: Person, ops: ReadOps) -> (Vec<Box<RawValue>>, Vec<OpId>) {
        let standing = self.standing(by, &ops);
        let roles: &[&str] = if by.is_supervisor { &["street_supervisor"] } else { &["inspector"] };
        let (mut judged, mut answers) = (Vec::new(), BTreeMap::new());
        let mut places = Vec::new();
        for (place, read) in ops.into_iter().enumerate() {
            match read {
                Ok(read) => {
                    let may_file = |kind: &str| push::may_file(roles, kind);
                    judged.push(standing.judge(read, may_file));
                    places.push(place);
                }
                Err(no_op) => {
                    self.data.refused.extend(no_op.counter);
                    let (refused, code) = (AnswerStatus::Refused, no_op.refusal.code);
                    let answer = Answer::plain(no_op.refusal.op_id, refused, code);
                    answers.insert(place, raw(answer.bytes()));
                }
            }
        }
        let mut duplicates = Vec::new();
        for (place, outcome) in places.into_iter().zip(self.commit(&judged)) {
            duplicates.extend(outcome.duplicate);
            answers.insert(place, raw(outcome.answer));
        }
        (answers.into_values().collect(), duplicates)
    }
}

impl Backend for Core {
    fn set_up(&mut self, buildings: &[BuildingId], people: &[Person], now_ms: Millis) {
        self.rounds = field::rounds();
        self.buildings = buildings.iter().copied().collect();
        for building in buildings {
            for person in people.iter().filter(|person| !person.is_supervisor) {
                let times = self.data.assigned.entry((person.user, *building)).or_default();
                // Two phones may be one person's.
                if times.is_empty() {
                    times.push(now_ms - 1..Millis::MAX);
                }
            }
        }
    }

    fn sync(&mut self, by: Person, body: &[u8], now_ms: Millis) -> Reply {
        if is_planted(Defect::SuspendedRefused) && self.data.suspended.contains_key(&by.user) {
            return Reply { status: 403, body: b"{}".to_vec() };
        }
        if is_planted(Defect::LostScopeRefused) && self.pushes_out_of_scope(by, body, now_ms) {
            return Reply { status: 403, body: b"{}".to_vec() };
        }
        if is_planted(Defect::AnsweredBeforeCommit) {
            self.durable = Some(self.data.clone());
        }
        let Ok(request) = serde_json::from_slice::<SyncRequest<'_>>(body) else {
            return Reply { status: 400, body: b"{}".to_vec() };
        };
        if request.ops.len() > LIMITS.ops_max || body.len() > LIMITS.body_bytes_max {
            return Reply { status: 413, body: b"{}".to_vec() };
        }
        let clock = request.clock.as_ref();
        let ops = request.ops.iter().map(|raw| push::read(raw.get(), clock, now_ms)).collect();
        let (results, duplicates) = self.push(by, ops);
        let reviews = self.reviews(by, &request.ask);
        let held = self.held(request.device);
        let checkpoint = self.checkpoint(request.checkpoint.as_deref());
        let pull = request.pull.map(|asked| self.page(by, request.device, asked, now_ms));
        let reply = SyncReply {
            server_now_ms: now_ms,
            epoch: self.epoch(),
            results,
            duplicates,
            held,
            reviews,
            checkpoint,
            backoff_ms: None,
            limits: LIMITS,
            pull,
        };
        Reply { status: 200, body: serde_json::to_vec(&reply).expect("a reply is writable") }
    }

    fn sync_and_die(&mut self, by: Person, body: &[u8], now_ms: Millis, committed: bool) {
        if committed {
            self.sync(by, body, now_ms);
        } else if let Some(durable) = self.durable.take() {
            self.data = durable;
        }
        self.folded.clear();
    }

    fn is_shut_out(&mut self, who: Person, device: DeviceId) -> bool {
        self.data.suspended.contains_key(&who.user) || self.data.revoked.contains(&device)
    }

    fn desk(&mut self, act: &Desk, now_ms: Millis) {
        self.decide(act, now_ms);
    }

    fn back_up(&mut self) -> bool {
        self.backup = Some(self.data.clone());
        true
    }

    fn restore(&mut self) -> bool {
        let Some(backup) = self.backup.clone() else { return false };
        // Whoever restores a backup begins a new epoch, as the server does when it finds out.
        self.data = backup;
        if !is_planted(Defect::RestoredInOldEpoch) {
            self.begin_epoch();
        }
        true
    }

    fn fail_over(&mut self) -> bool {
        let kept = self.backup.clone().filter(|kept| kept.epoch == self.data.epoch);
        let falls_back = kept.is_some();
        self.data = kept.unwrap_or_else(|| std::mem::take(&mut self.data));
        falls_back
    }

    fn has(&mut self, op: OpId, hash: Hash) -> bool {
        self.data.has(op, hash)
    }

    fn dump(&mut self) -> Dump {
        self.data.dump()
    }
}

fn raw(body: Vec<u8>) -> Box<RawValue> {
    let text = String::from_utf8(body).expect("JSON is UTF-8");
    RawValue::from_string(text).expect("it was written as JSON")
}

/// The digest of rows as they are stored, counted anew.
pub(crate) fn digest_of(rows: &StoredRows) -> Digest {
    let mut digest = Digest::default();
    for ((kind, id), body) in rows {
        digest.add_row(&saolou_protocol::digest::term(kind, *id, Hash::of(body)));
    }
    digest
}
