//! Phones, each with a connection, a user and an outbox of its own. What is in the outbox is made
//! and sealed before the clock runs, so that little of what is measured is the phones' own work.

use crate::street::DAY_MS;
use crate::visits::{self, Setting};
use reqwest::StatusCode;
use saolou_protocol::op::Op;
use saolou_protocol::wire::SyncReply;
use saolou_server::clock::Clock;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// Visits in one push.
pub(crate) const BATCH: usize = 50;
/// How long ago the first visit was made, within the round.
const AGE_MS: i64 = 9 * DAY_MS;
/// How long an inspector takes from the first of the own offices to the last, and to the first
/// again: nobody is twice at one door within minutes.
const TURN_MS: i64 = 5 * 3600 * 1000;
/// How much of a reply is shown when something in it is odd.
const EXAMPLE_CHARS: usize = 600;
/// How long a phone waits that was told to come back.
const PATIENCE: Duration = Duration::from_millis(500);

/// A phone in the hands of one inspector.
pub(crate) struct Phone {
    http: reqwest::Client,
    pub(crate) base: String,
    token: String,
    pub(crate) clock: Clock,
    pub(crate) user: Uuid,
    device: Uuid,
    team: Uuid,
    round: Uuid,
    /// Its own share of the offices of its team, building by building, each with its building.
    offices: Vec<(Uuid, Uuid)>,
    /// The last visit that it made to an office.
    seen: HashMap<Uuid, Uuid>,
    made: usize,
    outbox: Vec<String>,
}

/// What became of an outbox.
#[derive(Default)]
pub(crate) struct Tally {
    /// One for each push that was answered, from the first byte sent to the last received.
    pub(crate) latencies: Vec<Duration>,
    /// Visits that were answered, that is, durable.
    pub(crate) answered: usize,
    /// Visits among them that did not take effect at once.
    pub(crate) odd: usize,
    /// The beginning of the first reply that told of one.
    pub(crate) example: Option<String>,
    /// Pushes that were told to come back.
    pub(crate) turned_away: usize,
    /// When the last answer came.
    pub(crate) ended: Option<Instant>,
}

/// What reading to the end gave.
#[derive(Default)]
pub(crate) struct Pulled {
    /// Where it ended.
    pub(crate) cursor: String,
    /// From the first byte sent of each page to the last received, all pages together.
    pub(crate) took: Duration,
    pub(crate) offices: usize,
    pub(crate) bytes: usize,
    pub(crate) pages: usize,
}

/// Where an outbox goes.
#[derive(Clone)]
pub(crate) enum Target {
    /// To the server under test.
    Server,
    /// To the endpoint that stores nothing, which is elsewhere.
    Nothing(String),
}

impl Phone {
    pub(crate) fn new(
        http: reqwest::Client,
        base: &str,
        token: String,
        user: Uuid,
        clock: Clock,
    ) -> Self {
        let (device, base) = (clock.new_id(), base.to_owned());
        let (team, round, made) = (Uuid::nil(), Uuid::nil(), 0);
        let (offices, seen, outbox) = (Vec::new(), HashMap::new(), Vec::new());
        Self { http, base, token, clock, user, device, team, round, offices, seen, made, outbox }
    }

    /// Sends it to work on offices, each told with its building.
    pub(crate) fn assign(&mut self, team: Uuid, round: Uuid, offices: Vec<(Uuid, Uuid)>) {
        (self.team, self.round, self.offices) = (team, round, offices);
    }

    /// Visits its next offices, from door to door and again from the first, and puts a batch of
    /// that in the outbox.
    pub(crate) fn visit_next(&mut self) {
        let ops: Vec<String> = (0..BATCH).map(|_| self.visit()).collect();
        let now_ms = self.clock.now_ms();
        let (device, ops) = (self.device, ops.join(","));
        let clock = format!(r#"{{"wall_ms":{now_ms}}}"#);
        self.outbox.push(format!(r#"{{"device":"{device}","clock":{clock},"ops":[{ops}]}}"#));
    }

    /// Visits the next office; gives the op as it is sent.
    fn visit(&mut self) -> String {
        let (_, sent) = Op::seal(self.record()).expect("a whole op");
        String::from_utf8(sent).expect("JSON is UTF-8")
    }

    /// Visits the next office; gives what the inspector recorded.
    pub(crate) fn record(&mut self) -> Map<String, Value> {
        let (bucket, office) = self.offices[self.made % self.offices.len()];
        self.made += 1;
        let now_ms = self.clock.now_ms();
        let since_first_ms = TURN_MS * self.made as i64 / self.offices.len() as i64;
        let at_ms = (now_ms - AGE_MS + since_first_ms).min(now_ms - TURN_MS);
        let (round, team, user, number) = (self.round, self.team, self.user, self.made);
        let op = self.clock.new_id();
        let seen = self.seen.insert(office, op);
        let content = json!({
            "op_id": op, "device": self.device, "n": number, "author": user,
            "kind": "visit", "subject": { "type": "visit", "id": self.clock.new_id() },
            "bucket": bucket, "schema": "visit/1",
            "captured": {
                "wall_ms": at_ms, "utc_offset_min": 480, "mono_ms": 7_200_000,
                "anchor": { "server_ms": at_ms - TURN_MS, "elapsed_ms": TURN_MS },
            },
            "scope_version": 1, "seen": Vec::from_iter(seen),
            "body": visits::body(&Setting { round, team, user, office, at_ms, number }),
        });
        let Value::Object(content) = content else { unreachable!("an op is an object") };
        content
    }

    /// So many other phones of the same inspector, among which the offices are divided.
    pub(crate) fn divided(&self, among: usize) -> impl Iterator<Item = Self> {
        (0..among).map(move |place| {
            let (http, token) = (reqwest::Client::new(), self.token.clone());
            let mut phone = Self::new(http, &self.base, token, self.user, self.clock.clone());
            let offices = self.offices.iter().skip(place).step_by(among).copied();
            phone.assign(self.team, self.round, offices.collect());
            phone
        })
    }

    /// How many offices are its own.
    pub(crate) fn offices(&self) -> usize {
        self.offices.len()
    }

    /// Batches that wait.
    pub(crate) fn batches(&self) -> usize {
        self.outbox.len()
    }

    /// Bytes of what waits.
    pub(crate) fn outbox_bytes(&self) -> usize {
        self.outbox.iter().map(String::len).sum()
    }

    /// Pushes one batch after the other until the deadline or the end of the outbox. Gives itself
    /// back; the outbox stays as it is.
    pub(crate) async fn push_all(self, target: Target, deadline: Instant) -> (Self, Tally) {
        let mut tally = Tally::default();
        for batch in &self.outbox {
            if Instant::now() >= deadline {
                break;
            }
            self.push(&target, batch, &mut tally).await;
        }
        (self, tally)
    }

    /// Pushes one batch of the outbox until it is answered, and times it from when it was due.
    pub(crate) async fn push_one(&self, batch: usize, due: Instant) -> Tally {
        let mut tally = Tally::default();
        self.push(&Target::Server, &self.outbox[batch], &mut tally).await;
        tally.latencies = tally.ended.into_iter().map(|ended| ended - due).collect();
        tally
    }

    /// Reads from a cursor to the end, as a device of the same inspector.
    pub(crate) async fn pull_all(&self, device: Uuid, cursor: Option<String>) -> Pulled {
        let mut pulled = Pulled { cursor: cursor.unwrap_or_default(), ..Pulled::default() };
        loop {
            let body = json!({ "device": device, "pull": { "cursor": pulled.cursor } });
            let request = self.ask(&self.base).json(&body);
            let started = Instant::now();
            let response = request.send().await.expect("an answer");
            let status = response.status();
            let reply = response.bytes().await.expect("a body");
            pulled.took += started.elapsed();
            assert!(status.is_success(), "a pull: {status}");
            (pulled.bytes, pulled.pages) = (pulled.bytes + reply.len(), pulled.pages + 1);
            let reply: SyncReply = serde_json::from_slice(&reply).expect("a reply");
            let page = reply.pull.expect("a page was asked for");
            pulled.offices += page.entities.iter().filter(|row| row.kind == "office").count();
            pulled.cursor = page.cursor;
            if !page.more {
                return pulled;
            }
        }
    }

    /// A request to sync, signed in.
    pub(crate) fn ask(&self, base: &str) -> reqwest::RequestBuilder {
        self.http.post(format!("{base}/api/v1/sync")).bearer_auth(&self.token)
    }

    /// Pushes a batch until it is answered.
    async fn push(&self, target: &Target, batch: &str, tally: &mut Tally) {
        let base = match target {
            Target::Server => &self.base,
            Target::Nothing(base) => base,
        };
        loop {
            let started = Instant::now();
            let response = self.ask(base).body(batch.to_owned()).send().await.expect("an answer");
            let status = response.status();
            let reply = response.text().await.expect("a body");
            if status == StatusCode::SERVICE_UNAVAILABLE {
                tally.turned_away += 1;
                tokio::time::sleep(PATIENCE).await;
                continue;
            }
            assert!(status.is_success(), "a push: {status} {reply}");
            let ended = Instant::now();
            tally.ended = Some(ended);
            tally.latencies.push(ended - started);
            tally.answered += BATCH;
            let effective = reply.matches(r#""status":"applied"#).count().min(BATCH);
            tally.odd += BATCH - effective;
            if effective < BATCH && tally.example.is_none() {
                tally.example = Some(reply.chars().take(EXAMPLE_CHARS).collect());
            }
            return;
        }
    }

    /// Forgets what was pushed.
    pub(crate) fn clear(&mut self) {
        self.outbox.clear();
    }
}
