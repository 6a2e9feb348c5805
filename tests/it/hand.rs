//! Phones in people's hands: the state machine of a client, over real HTTP, while things go wrong.
//!
//! Time runs [`FASTER`] times as fast for them: they wait as their back-off says, only shorter.

use crate::actors::Actor;
use crate::rebuild::assert_rebuilt;
use crate::world::{Database, MONDAY_MS, World, id};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use saolou_protocol::ids::{BootId, DeviceId, OpId, UserId};
use saolou_protocol::phone::Phone;
use saolou_protocol::phone::repair::Mismatches;
use saolou_protocol::phone::reply::Response;
use saolou_protocol::phone::request::Asked;
use saolou_protocol::phone::retry::Failure;
use saolou_protocol::time::ClockReading;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};
use uuid::Uuid;

const FASTER: u32 = 20;
/// How long a phone waits for a reply.
const REPLY_MAX: Duration = Duration::from_secs(30);
/// How long a phone may take for everything, on a machine busy with builds.
const WORK_MAX: Duration = Duration::from_secs(240);
const ROOMS: [&str; 6] = ["101", "102", "103", "201", "202", "203"];
const OUTCOMES: [&str; 4] = ["locked", "inspected", "vacant", "refused_entry"];

/// How many times as much as usual is to be done: more than once by hand, with
/// `SAOLOU_TEST_FAULTS=20 cargo test -p saolou-tests --test it failover -- --nocapture`.
pub(crate) fn faults_factor() -> usize {
    std::env::var("SAOLOU_TEST_FAULTS").ok().and_then(|factor| factor.parse().ok()).unwrap_or(1)
}

/// What phones saved and were told, all of them together.
#[derive(Default)]
pub(crate) struct Told {
    /// Ops that a phone called saved, as it sends them.
    saved: BTreeMap<OpId, String>,
    /// Ops that a phone counts as stored, with the first answer.
    pub(crate) answered: BTreeMap<OpId, String>,
    /// How often a request failed as a whole with this status and code; 0 where there was no reply.
    failed: BTreeMap<(u16, String), usize>,
}

/// A few phones at work.
pub(crate) struct Crew {
    told: Arc<Mutex<Told>>,
    hands: Vec<tokio::task::JoinHandle<Hand>>,
}

/// One phone.
struct Hand {
    phone: Phone,
    http: reqwest::Client,
    base: String,
    token: String,
    dice: ChaCha8Rng,
    boot: BootId,
    began: Instant,
    told: Arc<Mutex<Told>>,
}

impl Crew {
    /// Puts `phones` phones to work in the small street: each captures `ops` visits and syncs all
    /// the time, until everything that it captured was answered. They talk to the server at `base`.
    pub(crate) fn set_out(actor: &Actor, base: &str, phones: u64, ops: usize) -> Self {
        let told = Arc::new(Mutex::new(Told::default()));
        let hands = (0..phones).map(|seed| {
            let mut hand = Hand::new(actor, base, seed, Arc::clone(&told));
            tokio::spawn(async move {
                let done = tokio::time::timeout(WORK_MAX, hand.work(ops)).await;
                let told = hand.told.lock().expect("nobody panics with it").failed.clone();
                assert!(done.is_ok(), "{:?} after {WORK_MAX:?}: {told:?}", hand.phone.numbers());
                hand
            })
        });
        let hands = hands.collect();
        Self { told, hands }
    }

    /// What they have been told so far.
    pub(crate) fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().expect("nobody panics with it")
    }

    /// Waits until so many ops more than now were answered.
    pub(crate) async fn answered(&self, more: usize) {
        let so_far = self.told().answered.len();
        self.until(|told| told.answered.len() >= so_far + more).await;
    }

    /// Waits until this holds of what they were told.
    pub(crate) async fn until(&self, holds: impl Fn(&Told) -> bool) {
        let began = Instant::now();
        while !holds(&self.told()) {
            assert!(began.elapsed() < WORK_MAX, "told so far: {:?}", self.told().failed);
            let gone = self.hands.iter().any(tokio::task::JoinHandle::is_finished);
            assert!(!gone || holds(&self.told()), "a phone is done too soon");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Waits until all is done, and checks that all phones are rid of all they saved, and hold the
    /// same. Gives what was told.
    pub(crate) async fn come_home(self) -> Told {
        let mut hands = Vec::new();
        for hand in self.hands {
            hands.push(hand.await.expect("a phone that does not panic"));
        }
        let mut bases = BTreeSet::new();
        for hand in &mut hands {
            hand.follow().await;
            let numbers = hand.phone.numbers();
            assert_eq!((numbers.waiting, numbers.refused), (0, 0), "nothing is left");
            let base = hand.phone.stored().replica().buckets();
            let base: Vec<_> = base.map(|(id, bucket)| (id, bucket.digest())).collect();
            bases.insert(format!("{:?} {base:?}", hand.phone.stored().epoch()));
            assert_eq!(hand.phone.mismatches(), Mismatches::default(), "nothing was to be mended");
        }
        assert_eq!(bases.len(), 1, "all phones hold the same, in the same epoch: {bases:?}");
        drop(hands);
        let told = Arc::into_inner(self.told).expect("no phone is left");
        told.into_inner().expect("nobody panicked with it")
    }
}

impl Told {
    /// Checks that nothing is lost or counted twice: every op saved is stored, once, and a recount
    /// finds no difference.
    pub(crate) async fn is_kept_in(&self, world: &World) {
        let mut direct = world.direct().await;
        let as_text = match world.database {
            Database::Sqlite => "lower(hex(op_id))",
            Database::Postgres => "replace(op_id::text, '-', '')",
        };
        let sql = format!("select {as_text} from op where kind = 'visit'");
        let mut stored = direct.texts(&sql).await;
        stored.sort();
        let saved = self.saved.keys().map(|op| op.0.simple().to_string());
        let mut saved: Vec<String> = saved.collect();
        saved.sort();
        assert_eq!(stored, saved, "what was saved is stored, once, and nothing else");
        assert_eq!(direct.number("select count(*) from quarantine").await, 0);
        assert_rebuilt(world).await;
        let (ops, failed) = (saved.len(), &self.failed);
        #[expect(
            clippy::print_stderr,
            reason = "the figures of a run, for whoever asks to see them"
        )]
        {
            eprintln!("{ops} ops, each once; requests that failed: {failed:?}");
        }
    }

    /// How many requests failed with this status and code.
    pub(crate) fn failures(&self, status: u16, code: &str) -> usize {
        self.failed.get(&(status, code.to_owned())).copied().unwrap_or_default()
    }

    /// Checks that the server, asked again, says of every op what it said first.
    pub(crate) async fn stands(&self, actor: &Actor, base: &str) {
        let ops: Vec<(&OpId, &String)> = self.saved.iter().collect();
        for chunk in ops.chunks(100) {
            let sent: Vec<&str> = chunk.iter().map(|(_, sent)| sent.as_str()).collect();
            let body = format!(r#"{{"device":"{}","ops":[{}]}}"#, id("asks"), sent.join(","));
            let request = actor.http.post(format!("{base}/api/v1/sync"));
            let reply = request.bearer_auth(&actor.token).body(body).send().await;
            let reply: Value = reply.expect("an answer").json().await.expect("JSON");
            for ((op, _), answer) in chunk.iter().zip(reply["results"].as_array().expect("answers"))
            {
                let first: Value = serde_json::from_str(&self.answered[op]).expect("JSON");
                assert_eq!(*answer, first, "the first answer, also afterwards");
            }
        }
    }

    /// Checks that requests failed in no other ways than these; 0 is no reply.
    pub(crate) fn assert_failed_only_with(&self, ways: &[(u16, &str)]) {
        let is_known = |(status, code): &(u16, String)| ways.contains(&(*status, code));
        assert!(self.failed.keys().all(is_known), "{:?}", self.failed);
    }
}

impl Hand {
    fn new(actor: &Actor, base: &str, seed: u64, told: Arc<Mutex<Told>>) -> Self {
        let device = DeviceId(id(&format!("hand {seed} of {}", actor.user)));
        Self {
            phone: Phone::new(UserId(actor.user), device),
            http: reqwest::Client::new(),
            base: base.to_owned(),
            token: actor.token.clone(),
            dice: ChaCha8Rng::seed_from_u64(seed),
            boot: BootId(device.0),
            began: Instant::now(),
            told,
        }
    }

    async fn work(&mut self, ops: usize) {
        let mut captured = 0;
        while captured < ops || self.phone.stored().has_work() {
            let most = 1 + self.dice.next_u64() % 3;
            for _ in 0..most.min(u64::try_from(ops - captured).expect("few")) {
                self.capture();
                captured += 1;
            }
            self.sync().await;
            self.rest().await;
        }
    }

    /// Reads until there is nothing new.
    async fn follow(&mut self) {
        let began = Instant::now();
        loop {
            let before = self.phone.stored().cursor().map(str::to_owned);
            let is_done = self.sync().await && !self.phone.stored().has_work();
            if is_done && self.phone.stored().cursor() == before.as_deref() {
                return;
            }
            assert!(began.elapsed() < WORK_MAX, "it is quiet, and there is no end");
            self.rest().await;
        }
    }

    /// As long as the phone has a reason to wait.
    async fn rest(&mut self) {
        let wait_ms = self.phone.next_try_after(self.dice.next_u64());
        let wait_ms = wait_ms.unwrap_or_else(|| panic!("stopped: {:?}", self.phone.stopped()));
        let wait_ms = if self.phone.stored().has_work() { wait_ms } else { 0 };
        tokio::time::sleep(Duration::from_millis(wait_ms.unsigned_abs()) / FASTER).await;
    }

    fn capture(&mut self) {
        let random = [self.dice.next_u64().to_be_bytes(), self.dice.next_u64().to_be_bytes()];
        let random = random.concat().try_into().expect("sixteen bytes");
        let op_id = uuid::Builder::from_random_bytes(random).into_uuid();
        let mut pick = |from: &[&'static str]| {
            let place = usize::try_from(self.dice.next_u64() % 64).expect("small");
            from[place % from.len()]
        };
        let (room, outcome) = (pick(&ROOMS), pick(&OUTCOMES));
        let content = self.content(op_id, room, outcome);
        let op = self.phone.capture(content, usize::MAX).expect("there is room");
        let kept = self.phone.stored().outbox().get(op.op_id).expect("it was just saved");
        let sent = kept.sent.text().to_owned();
        self.told.lock().expect("nobody panics with it").saved.insert(op.op_id, sent);
    }

    fn content(&self, op_id: Uuid, room: &str, outcome: &str) -> Map<String, Value> {
        let clock = self.clock();
        let content = json!({
            "op_id": op_id, "kind": "visit", "schema": "visit/1",
            "subject": { "type": "visit", "id": op_id }, "bucket": id("building"),
            "captured": {
                "wall_ms": clock.wall_ms, "utc_offset_min": 480,
                "mono_ms": clock.mono_ms, "boot_id": clock.boot_id,
            },
            "seen": [],
            "body": {
                "revision": 1, "round_id": id("round"), "team_id": id("team 1"),
                "kind": "initial", "office_ids": [id(room)], "outcome": outcome,
            },
        });
        let Value::Object(content) = content else { unreachable!("it is written as an object") };
        content
    }

    fn clock(&self) -> ClockReading {
        let elapsed_ms = i64::try_from(self.began.elapsed().as_millis()).expect("not that long");
        ClockReading {
            wall_ms: MONDAY_MS + elapsed_ms,
            mono_ms: Some(elapsed_ms),
            boot_id: Some(self.boot),
            boot_offsets_ms: BTreeMap::new(),
        }
    }

    /// One round trip; whether it brought something.
    async fn sync(&mut self) -> bool {
        let (request, asked) = self.phone.request(&self.clock());
        let body = serde_json::to_vec(&request).expect("a request is writable");
        let sent = self.http.post(format!("{}/api/v1/sync", self.base)).bearer_auth(&self.token);
        let sent = sent.header("sync-version", "1").timeout(REPLY_MAX).body(body).send().await;
        let came = async {
            let response = sent.ok()?;
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            Some((status, headers, response.bytes().await.ok()?))
        };
        let Some((status, headers, body)) = came.await else {
            self.note_failure(0, String::new());
            self.phone.fail(&asked, Failure::Network);
            return false;
        };
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let response = Response {
            status,
            content_type: header("content-type"),
            sync_version: header("sync-version"),
            retry_after: header("retry-after"),
            body: &body,
        };
        if status != 200 {
            let problem: Value = serde_json::from_slice(&body).unwrap_or_default();
            self.note_failure(status, problem["code"].as_str().unwrap_or_default().to_owned());
        }
        let ops = asked.ops.clone();
        self.take(asked, &response, &ops)
    }

    fn take(&mut self, asked: Asked, response: &Response<'_>, ops: &[OpId]) -> bool {
        let clock = self.clock();
        let Ok(steps) = self.phone.receive(asked, &clock, response) else { return false };
        for step in steps {
            self.phone.apply(step);
        }
        let kept = ops.iter().filter_map(|op| self.phone.stored().outbox().get(*op));
        let mut told = self.told.lock().expect("nobody panics with it");
        for kept in kept.filter(|kept| kept.is_stored()) {
            let answer = kept.answer.as_ref().expect("it is stored because of an answer");
            told.answered.entry(kept.op_id).or_insert_with(|| answer.text().to_owned());
        }
        true
    }

    fn note_failure(&self, status: u16, code: String) {
        let mut told = self.told.lock().expect("nobody panics with it");
        *told.failed.entry((status, code)).or_default() += 1;
    }
}
