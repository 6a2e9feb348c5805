//! The storm: thousands of phones that were offline all morning come back within a minute, most of
//! them at once. Each is the state machine of a real client: it obeys `Retry-After`, `backoff_ms`
//! and the limits, and keeps what is not answered. What must come of it is counted in the database
//! afterwards: every record exactly once.

use crate::dice::Dice;
use crate::phone::Phone;
use crate::report::Spread;
use crate::server::{Memory, Server, processor_time};
use crate::street::{Desk, Plan, Street};
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use saolou_protocol::ids::{DeviceId, UserId};
use saolou_protocol::phone as client;
use saolou_protocol::phone::reply::Response;
use saolou_protocol::phone::retry::Failure;
use saolou_protocol::time::ClockReading;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;
use uuid::Uuid;

/// Records that each phone brings.
pub(crate) const RECORDS: usize = 40;
/// Phones that are signed in under one account: signing in thousands of times would only measure
/// the hashing of passwords.
const PHONES_OF_ACCOUNT: usize = 6;
/// Accounts of a street, each a team with two buildings of its own.
const ACCOUNTS_OF_STREET: usize = 20;
const STREET: Plan = Plan { buildings: 2 * ACCOUNTS_OF_STREET, floors: 5, rooms: 8 };
/// Numbers of streets that nothing else is measured in.
const STREETS_FROM: usize = 1;
/// Within so much time for each phone all have come: 3,000 within a minute.
const ARRIVAL: Duration = Duration::from_millis(20);
/// After this nobody waits any longer.
const PATIENCE: Duration = Duration::from_secs(300);
/// Phones that download their buildings at once in the morning.
const MORNING: usize = 32;

/// What the storm gave.
pub(crate) struct Storm {
    pub(crate) phones: usize,
    pub(crate) arrived_within: Duration,
    /// From the first arrival until the last phone had nothing left to send or to read.
    pub(crate) drained_after: Duration,
    /// Round trips that were answered.
    pub(crate) latencies: Spread,
    /// Requests that were told to come back.
    pub(crate) refused: usize,
    /// Answered requests that were told to wait before the next.
    pub(crate) slowed: usize,
    /// Phones that still had something to send when patience ended.
    pub(crate) undrained: usize,
    pub(crate) records: Records,
    pub(crate) memory: Option<Memory>,
    pub(crate) server_time: Duration,
    pub(crate) phones_time: Duration,
}

/// What the database holds of the records that the phones called saved.
pub(crate) struct Records {
    pub(crate) made: usize,
    pub(crate) stored: usize,
    pub(crate) lost: usize,
    pub(crate) doubled: usize,
    /// Rows in quarantine, where none of them belongs.
    pub(crate) quarantined: usize,
}

/// Has so many phones come back.
pub(crate) async fn measure(server: &Server, desk: &Desk, phones: usize) -> Storm {
    let (streets, phones) = morning(desk, phones).await;
    let made: Vec<Uuid> = phones.iter().flat_map(|phone| phone.records.iter().copied()).collect();
    let (count, arrived_within) =
        (phones.len(), ARRIVAL * u32::try_from(phones.len()).unwrap_or(0));
    server.forget_peak_memory();
    let times = (server.processor_time(), processor_time(std::process::id()));
    let started = Instant::now();
    let (mut crowd, mut dice) = (JoinSet::new(), Dice::new(7));
    for phone in phones {
        // Half of them in the first eighth of the time, and a tenth of them almost at once.
        let arrives = started + arrived_within.mul_f64(dice.share().powi(3));
        crowd.spawn(phone.come_back(arrives, started + PATIENCE, dice.number()));
    }
    let told = crowd.join_all().await;
    let ends = told.iter().map(|told| told.ended);
    let drained_after = ends.max().map_or(Duration::ZERO, |ended| ended - started);
    Storm {
        phones: count,
        arrived_within,
        drained_after,
        refused: told.iter().map(|told| told.refused).sum(),
        slowed: told.iter().map(|told| told.slowed).sum(),
        undrained: told.iter().filter(|told| !told.drained).count(),
        memory: server.memory(),
        server_time: server.processor_time() - times.0,
        phones_time: processor_time(std::process::id()) - times.1,
        records: Records::count(server, &streets, made).await,
        latencies: Spread::of(told.into_iter().flat_map(|told| told.latencies).collect()),
    }
}

/// Registers streets and people, has every phone download its buildings, and lets the inspectors
/// work without a network.
async fn morning(desk: &Desk, phones: usize) -> (Vec<Street>, Vec<Offline>) {
    let (mut streets, mut all) = (Vec::new(), Vec::new());
    while all.len() < phones {
        let street = desk.street(STREETS_FROM + streets.len(), STREET).await;
        let left = phones - all.len();
        let accounts = ACCOUNTS_OF_STREET.min(left.div_ceil(PHONES_OF_ACCOUNT));
        let crew = desk.crew(&street, accounts).await;
        let divided = crew.iter().flat_map(|phone| phone.divided(PHONES_OF_ACCOUNT));
        all.extend(divided.take(left).map(Offline::new));
        streets.push(street);
    }
    let (mut ready, mut waiting) = (Vec::new(), all.into_iter());
    let mut downloading = JoinSet::new();
    loop {
        while downloading.len() < MORNING
            && let Some(phone) = waiting.next()
        {
            downloading.spawn(phone.prepare());
        }
        let Some(phone) = downloading.join_next().await else { return (streets, ready) };
        ready.push(phone.expect("nothing goes wrong in the morning"));
    }
}

/// A phone between two syncs.
struct Offline {
    inspector: Phone,
    state: client::Phone,
    /// The ops that it called saved.
    records: Vec<Uuid>,
    told: Told,
}

/// What became of a phone.
struct Told {
    latencies: Vec<Duration>,
    refused: usize,
    slowed: usize,
    drained: bool,
    ended: Instant,
}

impl Offline {
    fn new(inspector: Phone) -> Self {
        let device = DeviceId(inspector.clock.new_id());
        let state = client::Phone::new(UserId(inspector.user), device);
        let (latencies, ended) = (Vec::new(), Instant::now());
        let told = Told { latencies, refused: 0, slowed: 0, drained: false, ended };
        Self { inspector, state, records: Vec::new(), told }
    }

    /// Downloads its buildings, then works through them without a network.
    async fn prepare(mut self) -> Self {
        while self.state.stored().cursor().is_none() || self.state.stored().has_work() {
            self.sync().await.expect("the server has little to do");
        }
        for _ in 0..RECORDS {
            let record = self.inspector.record();
            let op = self.state.capture(record, usize::MAX).expect("there is room");
            self.records.push(op.op_id.0);
        }
        self.told.latencies.clear();
        self
    }

    /// Syncs until nothing is left to send or to read.
    async fn come_back(mut self, arrives: Instant, until: Instant, seed: u64) -> Told {
        let mut dice = Dice::new(seed);
        tokio::time::sleep_until(arrives).await;
        while Instant::now() < until {
            match self.sync().await {
                Err(Failure::Busy(_)) => self.told.refused += 1,
                Err(failure) => {
                    assert_eq!(failure, Failure::Network, "a storm is no more than that");
                }
                Ok(()) if !self.state.stored().has_work() => {
                    self.told.drained = true;
                    break;
                }
                Ok(()) => {}
            }
            let wait_ms = self.state.next_try_after(dice.number()).expect("nobody has to act");
            tokio::time::sleep(Duration::from_millis(wait_ms.unsigned_abs())).await;
        }
        self.told.ended = Instant::now();
        self.told
    }

    /// One request, and every step that its reply leads to.
    async fn sync(&mut self) -> Result<(), Failure> {
        let (request, asked) = self.state.request(&self.clock());
        let body = serde_json::to_vec(&request).expect("a request is writable");
        let started = Instant::now();
        let sent = self.inspector.ask(&self.inspector.base).body(body).send().await;
        let (status, headers, body) = match sent {
            Ok(response) => {
                let (status, headers) = (response.status().as_u16(), response.headers().clone());
                (status, headers, response.bytes().await.unwrap_or_default())
            }
            Err(_) => (0, HeaderMap::new(), Default::default()),
        };
        let took = started.elapsed();
        let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let response = Response {
            status,
            content_type: header(CONTENT_TYPE.as_str()),
            sync_version: header("sync-version"),
            retry_after: header(RETRY_AFTER.as_str()),
            body: &body,
        };
        let steps = self.state.receive(asked, &self.clock(), &response)?;
        self.told.latencies.push(took);
        let asked_to_wait = body.windows(13).any(|text| text == b"\"backoff_ms\":");
        self.told.slowed += usize::from(asked_to_wait);
        for step in steps {
            self.state.apply(step);
        }
        Ok(())
    }

    fn clock(&self) -> ClockReading {
        let wall_ms = self.inspector.clock.now_ms();
        let (mono_ms, boot_id, boot_offsets_ms) = (None, None, BTreeMap::new());
        ClockReading { wall_ms, mono_ms, boot_id, boot_offsets_ms }
    }
}

impl Records {
    async fn count(server: &Server, streets: &[Street], mut made: Vec<Uuid>) -> Self {
        let mut database = server.place.database().await;
        let (mut stored, mut quarantined) = (Vec::new(), 0);
        for street in streets {
            stored.extend(database.visits(street.id).await);
            quarantined += database.quarantined(street.id).await;
        }
        let rows = stored.len();
        stored.sort_unstable();
        stored.dedup();
        made.sort_unstable();
        let lost = made.iter().filter(|op| stored.binary_search(op).is_err()).count();
        let doubled = rows - stored.len();
        Self { made: made.len(), stored: rows, lost, doubled, quarantined }
    }

    /// Whether every record is stored exactly once.
    pub(crate) fn are_whole(&self) -> bool {
        let Self { made, stored, lost, doubled, quarantined } = *self;
        (stored, lost, doubled, quarantined) == (made, 0, 0, 0)
    }
}
