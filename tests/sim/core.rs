//! The server's core over a store in memory: the same functions that the real server calls, one
//! transaction at a time.

use crate::backend::{Accepted, Backend, Desk, Dump, Person, Reply, StoredRows};
use crate::field;
use saolou_protocol::building::answer::{Answer, AnswerStatus};
use saolou_protocol::building::{Building, RoundWindow};
use saolou_protocol::canonical::Hash;
use saolou_protocol::digest::{Digest, Sums, first_byte};
use saolou_protocol::engine::Head;
use saolou_protocol::engine::commit::{Commit, Known, Outcome, Plan};
use saolou_protocol::engine::pull::{Cursor, Pager, Scope};
use saolou_protocol::engine::push::{self, Judged, NoOp, Read, Standing, Verdict};
use saolou_protocol::fact::Fact;
use saolou_protocol::held::Held;
use saolou_protocol::ids::{BuildingId, DeviceId, OpId, UserId};
use saolou_protocol::issue::Issues;
use saolou_protocol::op::Op;
use saolou_protocol::time::{Millis, Stamp, TimeQuality};
use saolou_protocol::wire::{
    BucketSums, Limits, Page, PullRequest, Review, Rows, Served, SyncReply, SyncRequest,
};
use saolou_protocol::zoo::{Defect, is_planted};
use serde_json::value::RawValue;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Arc;
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

/// Rows by kind and id, each with its number in the feed.
type Feed = BTreeMap<(String, Uuid), (i64, Arc<[u8]>)>;

/// What survives a crash.
#[derive(Clone, Debug, Default)]
struct Data {
    epoch: u64,
    accepted: BTreeMap<OpId, (Arc<Accepted>, Vec<u8>)>,
    quarantine: BTreeMap<(OpId, Hash, UserId), Waiting>,
    refused: BTreeSet<(DeviceId, u64)>,
    entities: BTreeMap<BuildingId, Feed>,
    heads: BTreeMap<BuildingId, Head>,
    holdings: BTreeSet<(DeviceId, BuildingId)>,
    assigned: BTreeMap<(UserId, BuildingId), Vec<Range<Millis>>>,
    suspended: BTreeMap<UserId, Millis>,
    revoked: BTreeSet<DeviceId>,
    /// Devices that have filed for themselves.
    devices: BTreeSet<DeviceId>,
}

/// An op in quarantine.
#[derive(Clone, Debug)]
struct Waiting {
    op: Op,
    stamp: Stamp,
    answer: Vec<u8>,
    is_waiting: bool,
}

/// The server in memory.
#[derive(Debug, Default)]
pub(crate) struct Core {
    data: Data,
    /// Buildings as folded last, each with the number of the head that it is as of.
    folded: HashMap<BuildingId, (i64, Building)>,
    backup: Option<Data>,
    /// What a crash would leave, where replies are sent before their commit.
    durable: Option<Data>,
    buildings: BTreeSet<BuildingId>,
    rounds: Vec<RoundWindow>,
}

type ReadOps = Vec<Result<Read, NoOp>>;

impl Core {
    fn epoch(&self) -> Uuid {
        Uuid::from_u128(u128::from(self.data.epoch) + 1)
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
        for ((op, _, sender), Waiting { op: kept, .. }) in &self.data.quarantine {
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
        self.write(&commit);
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
        folded.unwrap_or_else(|| fold(&self.data, &self.rounds, bucket))
    }

    /// Keeps a building for the next one who needs it.
    fn keep(&mut self, building: Building) {
        if let Some(head) = self.data.heads.get(&building.id()) {
            self.folded.insert(building.id(), (head.seq, building));
        }
    }

    /// One transaction.
    fn write(&mut self, commit: &Commit<'_>) {
        for (judged, answer) in &commit.accepted {
            let Judged { op, stamp, verdict, .. } = judged;
            let Verdict::Merge(fact) = verdict else { continue };
            let accepted = Accepted {
                bucket: op.bucket,
                device: op.device,
                n: op.n,
                hash: op.hash,
                content: op.canonical.clone(),
                stamp: *stamp,
                fact: Fact::clone(fact),
            };
            self.data.accepted.insert(op.op_id, (Arc::new(accepted), answer.clone()));
        }
        for (judged, reason, answer) in &commit.quarantined {
            if *reason == "device_revoked" && is_planted(Defect::RevokedDropped) {
                continue;
            }
            let key = (judged.op.op_id, judged.op.hash, judged.sender);
            let (op, stamp, answer) = (judged.op.clone(), judged.stamp, answer.clone());
            let waiting = Waiting { op, stamp, answer, is_waiting: true };
            self.data.quarantine.entry(key).or_insert(waiting);
        }
        for (key, waiting) in &mut self.data.quarantine {
            if commit.settled.contains(&key.0) {
                waiting.is_waiting = false;
            }
        }
        for change in &commit.moves {
            let rows = self.data.entities.entry(change.bucket).or_default();
            let first = change.from.seq + i64::from(!is_planted(Defect::NumberTwice));
            for (entity, seq) in change.entities.iter().zip(first..) {
                let key = (entity.kind.code().to_owned(), entity.id);
                rows.insert(key, (seq, entity.body.clone().into()));
            }
            self.data.heads.insert(change.bucket, change.to);
        }
    }

    fn held(&self, device: DeviceId) -> Held {
        let accepted = self.data.accepted.values().map(|(accepted, _)| accepted);
        let mut held: BTreeSet<u64> =
            accepted.filter(|op| op.device == device).map(|op| op.n).collect();
        held.extend(self.data.refused.iter().filter(|(d, _)| *d == device).map(|(_, n)| *n));
        let waiting = self.data.quarantine.iter();
        held.extend(
            waiting
                .filter(|((_, _, sender), w)| w.op.author == *sender && w.op.device == device)
                .map(|(_, waiting)| waiting.op.n),
        );
        held.remove(&0);
        Held::of(device, 0, held)
    }

    fn reviews(&mut self, by: Person, ask: &[OpId]) -> Vec<Review> {
        let mut reviews = Vec::new();
        for op_id in ask {
            let accepted = self.data.accepted.get(op_id);
            let accepted = accepted.filter(|(op, _)| op.fact.author == by.user);
            let waiting = self.data.quarantine.iter();
            let waiting = waiting
                .filter(|((op, _, _), waiting)| op == op_id && waiting.op.author == by.user)
                .any(|(_, waiting)| waiting.is_waiting);
            let state = match accepted {
                Some((accepted, _)) => {
                    let building = self.folded(accepted.bucket);
                    let state = match building.answer(*op_id, Issues::default()).status {
                        AnswerStatus::Parked => "parked",
                        AnswerStatus::Conflict => "conflict",
                        _ => "applied",
                    };
                    self.keep(building);
                    state
                }
                None if waiting => "quarantined",
                None => "unknown",
            };
            reviews.push(Review { op_id: *op_id, state: state.to_owned(), reason: None });
        }
        reviews
    }

    fn scope(&self, by: Person, device: DeviceId, now_ms: Millis) -> Scope {
        let is_out = self.data.suspended.contains_key(&by.user);
        let is_revoked = self.data.revoked.contains(&device);
        let has_now =
            |time: &Range<Millis>| time.contains(&now_ms) || is_planted(Defect::ScopeNeverLost);
        let has = |building: &BuildingId| {
            by.is_supervisor
                || self
                    .data
                    .assigned
                    .get(&(by.user, *building))
                    .is_some_and(|times| times.iter().any(&has_now))
        };
        let heads = self.data.heads.iter().filter(|(id, _)| !is_out && !is_revoked && has(id));
        Scope {
            heads: heads.map(|(id, head)| (*id, *head)).collect(),
            lost_because: match (is_out, is_revoked) {
                (_, true) => "device_revoked",
                (true, false) => "suspended",
                (false, false) => "reassigned",
            },
        }
    }

    fn page(&mut self, by: Person, device: DeviceId, asked: PullRequest, now_ms: Millis) -> Page {
        let scope = self.scope(by, device, now_ms);
        let text = asked.cursor.clone().unwrap_or_default();
        let cursor = serde_json::from_str(&text).unwrap_or_else(|_| {
            let mut cursor = Cursor::start(self.epoch());
            let held = self.data.holdings.iter().filter(|(d, _)| *d == device);
            cursor.read.extend(held.map(|(_, bucket)| (*bucket, 0)));
            cursor
        });
        let max = LIMITS.page_bytes_max;
        let mut pager = Pager::begin(cursor, asked, scope, self.epoch(), max, now_ms);
        while let Some((bucket, _, read)) = pager.wants() {
            // Read two by two, as a server would in larger runs.
            let mut rows = self.rows(bucket, |seq, _| seq > read);
            rows.sort_by_key(|row| row.seq);
            let all = rows.len() < 2;
            rows.truncate(2);
            pager.take(rows, all);
        }
        let repair = pager.differing().into_iter().map(|bucket| {
            let rows = self.rows(bucket, |_, _| true);
            let terms = rows
                .iter()
                .map(|row| (row.kind.as_str(), row.id, Hash::of(row.body.get().as_bytes())));
            BucketSums { bucket, sums: Sums::of(terms) }
        });
        let repair = repair.collect();
        let rows = pager.rows_asked().map(|asked| Rows {
            bucket: asked.bucket,
            first_bytes: asked.first_bytes.clone(),
            entities: self.rows(asked.bucket, |_, (kind, id)| {
                asked.first_bytes.contains(&first_byte(kind, *id))
            }),
        });
        let rows = rows.collect();
        let is_set_back = pager.came_from_the_future();
        let seal = |cursor: &Cursor| serde_json::to_string(cursor).expect("ids and numbers");
        let (page, holdings) = pager.end(repair, rows, seal);
        self.data.holdings.extend(holdings.given.iter().map(|bucket| (device, *bucket)));
        for bucket in &holdings.left {
            self.data.holdings.remove(&(device, *bucket));
        }
        if is_set_back {
            self.data.epoch += 1;
        }
        page
    }

    fn rows(
        &self,
        bucket: BuildingId,
        wanted: impl Fn(i64, &(String, Uuid)) -> bool,
    ) -> Vec<Served> {
        let rows = self.data.entities.get(&bucket).into_iter().flatten();
        rows.filter(|(key, (seq, _))| wanted(*seq, key))
            .map(|((kind, id), (seq, body))| Served {
                bucket,
                seq: *seq,
                kind: kind.clone(),
                id: *id,
                body: raw(body.to_vec()),
            })
            .collect()
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
        let pull = request.pull.map(|asked| self.page(by, request.device, asked, now_ms));
        let reply = SyncReply {
            server_now_ms: now_ms,
            epoch: self.epoch(),
            results,
            duplicates,
            held,
            reviews,
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
        match act {
            Desk::Assign { user, building, has } => {
                let times = self.data.assigned.entry((*user, *building)).or_default();
                let is = times.last().is_some_and(|time| time.contains(&now_ms));
                match (is, has) {
                    (false, true) => times.push(now_ms..Millis::MAX),
                    (true, false) => times.last_mut().expect("it holds now").end = now_ms,
                    _ => {}
                }
            }
            Desk::Suspend { user, is: true } => {
                self.data.suspended.entry(*user).or_insert(now_ms);
            }
            Desk::Suspend { user, is: false } => drop(self.data.suspended.remove(user)),
            // Nobody has heard of a device that never filed anything.
            Desk::Revoke { device } if !self.data.devices.contains(device) => {}
            Desk::Revoke { device } => drop(self.data.revoked.insert(*device)),
            Desk::ReleaseAll => {
                let desk = field::desk();
                let waiting: Vec<Judged> = self
                    .data
                    .quarantine
                    .iter()
                    .filter(|((op, _, sender), waiting)| {
                        waiting.is_waiting
                            && waiting.op.author == *sender
                            && !self.data.accepted.contains_key(op)
                    })
                    .map(|(_, Waiting { op, stamp, .. })| {
                        let mut stamp = *stamp;
                        if is_planted(Defect::ReleaseDatesAnew) {
                            stamp.corrected_ms = now_ms;
                        }
                        let op = Op::restore(op.canonical.clone(), op.hash);
                        to_merge(op.expect("it was read"), stamp, desk)
                    })
                    .collect();
                self.commit(&waiting);
            }
            Desk::Verify { op, building, photo } => {
                let op = field::photo_verified(*op, *building, *photo, now_ms);
                let (corrected_ms, received_ms) = (now_ms, now_ms);
                let stamp = Stamp { corrected_ms, received_ms, quality: TimeQuality::WallOnly };
                let author = op.author;
                self.commit(&[to_merge(op, stamp, author)]);
            }
        }
    }

    fn back_up(&mut self) -> bool {
        self.backup = Some(self.data.clone());
        true
    }

    fn restore(&mut self) -> bool {
        let Some(backup) = self.backup.clone() else { return false };
        // Whoever restores a backup begins a new epoch, as the server does when it finds out.
        let epoch = self.data.epoch + 1;
        self.data = backup;
        self.data.epoch = epoch;
        true
    }

    fn has(&mut self, op: OpId, hash: Hash) -> bool {
        let mut quarantine = self.data.quarantine.iter();
        self.data.accepted.get(&op).is_some_and(|(accepted, _)| accepted.hash == hash)
            || quarantine
                .any(|(key, waiting)| (key.0, key.1, key.2) == (op, hash, waiting.op.author))
    }

    fn dump(&mut self) -> Dump {
        let accepted = self.data.accepted.iter().map(|(id, (op, _))| (*id, op.clone()));
        let quarantined = self.data.quarantine.iter();
        let quarantined = quarantined.filter(|((_, _, sender), w)| w.op.author == *sender);
        let quarantined = quarantined.map(|((op, hash, _), _)| (*op, *hash));
        let entities = self.data.entities.iter().map(|(bucket, rows)| {
            (*bucket, rows.iter().map(|(key, (_, body))| (key.clone(), body.clone())).collect())
        });
        Dump {
            accepted: accepted.collect(),
            quarantined: quarantined.collect(),
            entities: entities.collect(),
            digests: self.data.heads.iter().map(|(id, head)| (*id, head.digest)).collect(),
        }
    }
}

fn fold(data: &Data, rounds: &[RoundWindow], bucket: BuildingId) -> Building {
    let mut building = Building::new(bucket, rounds.to_vec());
    let of_bucket = data.accepted.values().filter(|(op, _)| op.bucket == bucket);
    building.apply(of_bucket.map(|(op, _)| op.fact.clone()));
    building
}

/// An op that takes effect whoever sent it.
fn to_merge(op: Op, stamp: Stamp, sender: UserId) -> Judged {
    let (fact, issues) = Fact::read(&op, stamp);
    let verdict = Verdict::Merge(Box::new(fact));
    Judged { op, stamp, street: field::street(), sender, issues, verdict }
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
