//! Phones against a tiny honest server, with kills, lost replies, repetitions, two syncs at once,
//! clones, failovers and restored backups: nothing that was called saved is ever lost, and when the
//! network heals everything is even.
//!
//! `PROPTEST_CASES` sets how many histories; the seed is fixed.

mod rules;
mod server;

use crate::world::{id, object};
use proptest::prelude::{ProptestConfig, Strategy, prop_assert, prop_assert_eq, prop_oneof};
use proptest::test_runner::{RngAlgorithm, TestCaseError, TestRng, TestRunner};
use proptest::{collection, sample};
use saolou_protocol::ids::{BootId, BuildingId, DeviceId, OpId, UserId};
use saolou_protocol::phone::outbox::Numbers;
use saolou_protocol::phone::reply::{Response, Step};
use saolou_protocol::phone::request::Asked;
use saolou_protocol::phone::retry::Failure;
use saolou_protocol::phone::{LIMITS, Phone};
use saolou_protocol::time::ClockReading;
use saolou_protocol::wire::Limits;
use serde_json::json;
use server::{KEEP_MS, Server};
use std::collections::{BTreeMap, BTreeSet};

const CASES: u32 = 1_500;
const EVENTS_MAX: usize = 90;
const BUCKETS: u64 = 3;
const PHONES_MAX: usize = 3;
/// Syncs of each phone after which everything must be even.
const ROUNDS_MAX: usize = 60;

const SERVED: Limits = Limits { ops_max: 4, keep_ms: KEEP_MS, ..LIMITS };

#[derive(Clone, Copy, Debug)]
enum Event {
    Capture {
        phone: usize,
        bucket: u64,
        subject: u64,
        odd: bool,
        group: bool,
    },
    Send(usize),
    Serve(usize),
    Lose(usize),
    Portal(usize),
    /// Applies so many steps of a reply, and restarts if that was not all.
    Receive {
        flight: usize,
        steps: usize,
        again: bool,
    },
    /// Applies the steps of two replies in turn.
    ReceiveBoth,
    Scope(u64),
    Durable,
    Failover,
    Backup,
    Restore,
    Clone(usize),
    Desk,
    Later(i64),
    Busy(bool),
    Forgetful(bool),
    OpsMax(usize),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let (phone, flight, bucket) = (0..PHONES_MAX, 0..4usize, 0..BUCKETS);
    let steps = prop_oneof![3 => sample::select(vec![99usize]), 2 => 0..9usize];
    let flags = (0..5u8, 0..4u8);
    let event = prop_oneof![
        6 => (phone.clone(), bucket.clone(), 0..6u64, flags).prop_map(
            |(phone, bucket, subject, (odd, group))| Event::Capture {
                phone, bucket, subject, odd: odd == 0, group: group == 0,
            }
        ),
        8 => phone.clone().prop_map(Event::Send),
        8 => flight.clone().prop_map(Event::Serve),
        2 => flight.clone().prop_map(Event::Lose),
        1 => flight.clone().prop_map(Event::Portal),
        8 => (flight, steps, 0..6u8).prop_map(|(flight, steps, again)| Event::Receive {
            flight, steps, again: again == 0,
        }),
        2 => sample::select(vec![Event::ReceiveBoth]),
        2 => bucket.prop_map(Event::Scope),
        2 => sample::select(vec![Event::Durable, Event::Durable, Event::Failover]),
        1 => sample::select(vec![Event::Backup, Event::Backup, Event::Restore]),
        1 => phone.prop_map(Event::Clone),
        1 => sample::select(vec![Event::Desk]),
        1 => (1..KEEP_MS).prop_map(Event::Later),
        1 => sample::select(vec![true, false, false]).prop_map(Event::Busy),
        1 => sample::select(vec![true, false, false]).prop_map(Event::Forgetful),
        1 => (1..6usize).prop_map(Event::OpsMax),
    ];
    collection::vec(event, 1..EVENTS_MAX)
}

struct Flight {
    phone: usize,
    asked: Asked,
    request: Vec<u8>,
    reply: Option<Vec<u8>>,
}

struct World {
    server: Server,
    phones: Vec<Phone>,
    flights: Vec<Flight>,
    saved: BTreeSet<OpId>,
    minted: u64,
    mono_ms: i64,
}

fn bucket(number: u64) -> BuildingId {
    BuildingId(id("bucket", number))
}

fn ok(body: &[u8]) -> Response<'_> {
    Response { status: 200, content_type: Some("application/json"), body, ..Response::default() }
}

impl World {
    fn new() -> Self {
        let mut server = Server::new(SERVED);
        server.scope.extend([bucket(0), bucket(1)]);
        let phone = Phone::new(UserId(id("user", 1)), DeviceId(id("device", 0)));
        Self {
            server,
            phones: vec![phone],
            flights: Vec::new(),
            saved: BTreeSet::new(),
            minted: 1,
            mono_ms: 0,
        }
    }

    fn clock(&mut self) -> ClockReading {
        self.mono_ms += 1;
        ClockReading {
            wall_ms: self.mono_ms,
            mono_ms: Some(self.mono_ms),
            boot_id: Some(BootId(id("boot", 1))),
            boot_offsets_ms: BTreeMap::new(),
        }
    }

    fn mint(&mut self) -> u64 {
        self.minted += 1;
        self.minted
    }

    fn capture(&mut self, phone: usize, place: BuildingId, subject: u64, odd: bool, len: u64) {
        let group = id("group", self.mint());
        let contents = (0..len).map(|_| {
            let kind = if odd { "odd" } else { "note" };
            let clock = self.clock();
            let group = (len > 1).then_some(group);
            object(&json!({
                "op_id": id("op", self.mint()),
                "group": group, "group_len": group.map(|_| len),
                "kind": kind, "schema": format!("{kind}/1"),
                "subject": {"type": "visit", "id": id("subject", subject)},
                "bucket": place,
                "captured": {"wall_ms": clock.wall_ms, "mono_ms": clock.mono_ms, "boot_id": clock.boot_id},
                "seen": [], "body": {},
            }))
        });
        let contents = contents.collect();
        let ops = self.phones[phone].capture_group(contents, usize::MAX).expect("there is room");
        self.saved.extend(ops.iter().map(|op| op.op_id));
    }

    fn send(&mut self, phone: usize) {
        let clock = self.clock();
        let (request, asked) = self.phones[phone].request(&clock);
        let request = serde_json::to_vec(&request).expect("a request is writable");
        let stored = self.phones[phone].stored();
        for left in &asked.left {
            assert!(stored.replica().bucket(*left).is_none(), "rows of what it said to have left");
            assert!(stored.outbox().of_bucket(*left).next().is_none(), "ops of it");
        }
        self.flights.push(Flight { phone, asked, request, reply: None });
    }

    fn steps(&mut self, flight: usize) -> (usize, Vec<Step>) {
        let Flight { phone, asked, reply, .. } = &self.flights[flight];
        let (phone, asked) = (*phone, asked.clone());
        let reply = reply.clone().expect("a reply");
        let clock = self.clock();
        let steps = self.phones[phone].receive(asked, &clock, &ok(&reply));
        (phone, steps.expect("a reply of the server"))
    }

    /// Applies a step, and holds the server to what a phone may rely on when it lets an op go.
    fn apply(&mut self, phone: usize, step: Step) {
        let before: Vec<OpId> =
            self.phones[phone].stored().outbox().iter().map(|kept| kept.op_id).collect();
        let purges = step.name() == "purge";
        self.phones[phone].apply(step);
        let stored = self.phones[phone].stored();
        for op in before {
            if stored.outbox().get(op).is_some() {
                continue;
            }
            if purges {
                // What was purged does not come back from the phone: no backup may be older. One that
                // was restored before the phone could hear of it takes the op along.
                self.server.backup.take_over(op, &self.server.data);
                let restored = stored.epoch() != Some(id("epoch", self.server.epoch));
                if restored && !self.server.data.ops.contains_key(&op) {
                    self.saved.remove(&op);
                }
            }
        }
    }

    fn reincarnate(&mut self, phone: usize) {
        if self.phones[phone].needs_new_device().is_some() {
            let device = DeviceId(id("device", self.mint()));
            self.phones[phone].reincarnate(device);
        }
    }

    fn served(&self) -> Vec<usize> {
        (0..self.flights.len()).filter(|flight| self.flights[*flight].reply.is_some()).collect()
    }

    fn run(&mut self, event: Event) {
        let phones = self.phones.len();
        let flight = |at: usize, flights: usize| (flights > 0).then(|| at % flights);
        match event {
            Event::Capture { phone, bucket: place, subject, odd, group } => {
                let len = if group { 3 } else { 1 };
                self.capture(phone % phones, bucket(place), subject, odd, len);
            }
            Event::Send(phone) => self.send(phone % phones),
            Event::Serve(at) => {
                if let Some(at) = flight(at, self.flights.len()) {
                    let reply = self.server.sync(&self.flights[at].request);
                    self.flights[at].reply = Some(reply);
                }
            }
            Event::Lose(at) => {
                if let Some(at) = flight(at, self.flights.len()) {
                    let Flight { phone, asked, .. } = self.flights.remove(at);
                    self.phones[phone].fail(&asked, Failure::Network);
                }
            }
            Event::Portal(at) => {
                if let Some(at) = flight(at, self.flights.len()) {
                    let Flight { phone, asked, .. } = self.flights.remove(at);
                    let (clock, before) = (self.clock(), self.phones[phone].stored().clone());
                    let failed = self.phones[phone].receive(asked, &clock, &ok(b"<html>Welcome"));
                    assert_eq!(failed.expect_err("a portal"), Failure::Network);
                    assert_eq!(*self.phones[phone].stored(), before);
                }
            }
            Event::Receive { flight: at, steps, again } => {
                let served = self.served();
                let Some(at) = flight(at, served.len()).map(|at| served[at]) else { return };
                let (phone, all) = self.steps(at);
                let count = all.len();
                all.into_iter().take(steps).for_each(|step| self.apply(phone, step));
                if steps < count {
                    self.phones[phone].restart();
                }
                self.reincarnate(phone);
                if !again {
                    self.flights.remove(at);
                }
            }
            Event::ReceiveBoth => {
                let [one, two, ..] = self.served()[..] else { return };
                let ((phone, steps), (other, others)) = (self.steps(one), self.steps(two));
                let mut others = others.into_iter();
                for step in steps {
                    self.apply(phone, step);
                    others.next().into_iter().for_each(|step| self.apply(other, step));
                }
                others.for_each(|step| self.apply(other, step));
                self.flights.remove(two);
                self.flights.remove(one);
            }
            Event::Clone(phone) if phones < PHONES_MAX => {
                self.phones.push(self.phones[phone % phones].clone());
            }
            Event::Clone(_) => {}
            other => self.run_at_server(other),
        }
    }

    fn run_at_server(&mut self, event: Event) {
        let server = &mut self.server;
        match event {
            Event::Scope(number) => {
                let toggled = BTreeSet::from([bucket(number)]);
                server.scope = server.scope.symmetric_difference(&toggled).copied().collect();
            }
            Event::Durable => server.durable = server.data.clone(),
            Event::Failover => server.data = server.durable.clone(),
            Event::Backup => {
                (server.backup, server.backup_at_ms) = (server.data.clone(), server.now_ms);
            }
            // A backup older than what phones keep is no backup.
            Event::Restore if server.now_ms - server.backup_at_ms < KEEP_MS => {
                server.data = server.backup.clone();
                server.durable = server.data.clone();
                server.epoch += 1;
            }
            Event::Desk => server.release_all(),
            Event::Later(ms) => server.now_ms += ms,
            Event::Busy(busy) => server.busy = busy,
            Event::Forgetful(forgetful) => server.forgetful = forgetful,
            Event::OpsMax(ops_max) => server.limits.ops_max = ops_max,
            _ => {}
        }
    }

    /// What must hold at every moment.
    fn check(&self) -> Result<(), TestCaseError> {
        for op in &self.saved {
            let kept = self.phones.iter().any(|phone| phone.stored().outbox().get(*op).is_some());
            prop_assert!(kept || self.server.data.ops.contains_key(op), "{op} is lost");
        }
        for phone in &self.phones {
            for (_, rows) in phone.stored().replica().buckets() {
                prop_assert_eq!(rows.digest(), rows.recounted());
            }
        }
        Ok(())
    }

    /// The network heals: one sync after another, until nothing changes any more.
    fn heal(&mut self) -> Result<(), TestCaseError> {
        self.flights.clear();
        (self.server.busy, self.server.forgetful) = (false, false);
        self.server.limits = SERVED;
        for _ in 0..ROUNDS_MAX {
            self.server.release_all();
            self.server.durable = self.server.data.clone();
            for phone in 0..self.phones.len() {
                self.phones[phone].restart();
                self.send(phone);
                self.run(Event::Serve(0));
                self.run(Event::Receive { flight: 0, steps: 99, again: false });
                self.check()?;
            }
            self.server.now_ms += KEEP_MS / 20;
        }
        Ok(())
    }

    fn assert_even(&self) -> Result<(), TestCaseError> {
        for op in &self.saved {
            prop_assert!(self.server.data.ops.contains_key(op), "{op} never came");
        }
        for phone in &self.phones {
            let stored = phone.stored();
            prop_assert_eq!(phone.numbers(), Numbers::default());
            prop_assert_eq!(stored.outbox().iter().count(), 0, "{:?}", stored.outbox());
            prop_assert!(!stored.repair().is_under_way());
            prop_assert_eq!(stored.leaving().iter().count(), 0);
            let mut held: BTreeMap<BuildingId, BTreeMap<_, _>> = BTreeMap::new();
            for (bucket, rows) in stored.replica().buckets() {
                let bodies = rows.rows().map(|((_, id), body)| (*id, body.text().to_owned()));
                held.insert(bucket, bodies.collect());
            }
            let scope = self.server.scope.iter();
            let served = scope.map(|bucket| (*bucket, self.server.data.bodies(*bucket)));
            let served: BTreeMap<_, _> = served.filter(|(_, rows)| !rows.is_empty()).collect();
            prop_assert_eq!(held, served);
        }
        Ok(())
    }
}

#[test]
fn nothing_called_saved_is_lost_and_everything_becomes_even() {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    let cases = asked.unwrap_or(CASES);
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let repaired = std::cell::Cell::new(0);
    let run = |events: Vec<Event>| {
        let mut world = World::new();
        for event in events {
            world.run(event);
            world.check()?;
        }
        world.heal()?;
        let found = world.phones.iter().map(|phone| phone.mismatches().found).sum::<u64>();
        repaired.set(repaired.get() + found);
        world.assert_even()
    };
    TestRunner::new_with_rng(config, rng).run(&events(), run).unwrap_or_else(|why| panic!("{why}"));
    assert!(repaired.get() > 0, "no history had anything to repair");
}
