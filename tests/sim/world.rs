//! A run: phones, a network and a server, and everything that goes wrong between them.

use crate::backend::{Backend, Desk, Person, Reply};
use crate::check::{self, Broken};
use crate::core::KEEP_MS;
use crate::dice::Dice;
use crate::field::{self, MONDAY_MS, Talks};
use crate::ledger::Ledger;
use crate::plan::{Fault, Plan};
use saolou_protocol::canonical::Hash;
use saolou_protocol::ids::{BootId, BuildingId, DeviceId, OpId, UserId};
use saolou_protocol::phone::Phone;
use saolou_protocol::phone::outbox::Standing;
use saolou_protocol::phone::reply::{Response, Step};
use saolou_protocol::phone::request::Asked;
use saolou_protocol::phone::retry::Stopped;
use saolou_protocol::phone::stored::Stored;
use saolou_protocol::time::{ClockReading, Millis};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// How long everything may take to settle after the network has healed, in rounds of syncs.
const HEALING_ROUNDS_MAX: usize = 400;

/// A phone in somebody's hand.
pub(crate) struct Hand {
    pub(crate) person: Person,
    pub(crate) phone: Phone,
    boot: u128,
    /// When it was started, by the true clock.
    booted_ms: Millis,
    /// How far its wall clock is off.
    off_ms: Millis,
    /// An older state that it may go back to.
    kept: Option<Stored>,
    signed_out: bool,
    /// Its base was changed behind its back, or may be older than it thinks.
    pub(crate) was_damaged: bool,
}

/// A request or its reply, under way.
struct Flight {
    hand: usize,
    asked: Asked,
    sent_ms: Millis,
    body: Vec<u8>,
    /// The reply, once there is one.
    reply: Option<Reply>,
}

/// A run.
pub(crate) struct World<'a, B: Backend> {
    plan: &'a Plan,
    dice: Dice,
    server: &'a mut B,
    pub(crate) now_ms: Millis,
    pub(crate) hands: Vec<Hand>,
    flights: Vec<Flight>,
    talks: Talks,
    pub(crate) ledger: Ledger,
    trace: Vec<u8>,
    /// When the server was last backed up.
    backed_up_ms: Millis,
    /// Prints what happens.
    loud: bool,
}

impl<'a, B: Backend> World<'a, B> {
    pub(crate) fn new(plan: &'a Plan, dice: Dice, server: &'a mut B, loud: bool) -> Self {
        Self {
            plan,
            dice,
            server,
            now_ms: MONDAY_MS,
            hands: Vec::new(),
            flights: Vec::new(),
            talks: BTreeMap::new(),
            ledger: Ledger::default(),
            trace: Vec::new(),
            backed_up_ms: Millis::MIN / 2,
            loud,
        }
    }

    /// Runs the plan to its end. Gives the hash of everything that happened.
    ///
    /// # Errors
    /// What did not hold.
    pub(crate) fn run(mut self) -> Result<Outcome, Broken> {
        self.set_up()?;
        for event in 0..self.plan.events {
            self.now_ms += self.dice.between(200, 900_000);
            if event % 20 == 19 && self.plan.chance(Fault::ServerRestored) > 0 {
                self.back_up();
            }
            self.happen()?;
            if event % 40 == 39 {
                check::server(self.server, &mut self.ledger)?;
            }
        }
        self.heal()?;
        check::end(self.server, &self.hands, &mut self.ledger)?;
        Ok(Outcome { trace: Hash::of(&self.trace), ops: self.ledger.saved.len() })
    }

    fn set_up(&mut self) -> Result<(), Broken> {
        let building = |n| BuildingId(field::named(&format!("building {n}")));
        let buildings: Vec<BuildingId> = (0..self.plan.buildings).map(building).collect();
        for n in 0..self.plan.phones {
            // The first is the desk; two of the others may share a user.
            let user = if n == 3 { 2 } else { n };
            let user = UserId(field::named(&format!("user {user}")));
            let person = Person { user, is_supervisor: n == 0 };
            let device = DeviceId(self.dice.id());
            self.hands.push(Hand {
                person,
                phone: Phone::new(user, device),
                boot: n as u128 + 1,
                booted_ms: self.now_ms - 1000,
                off_ms: 0,
                kept: None,
                signed_out: false,
                was_damaged: false,
            });
        }
        let people: Vec<Person> = self.hands.iter().map(|hand| hand.person).collect();
        self.server.set_up(&buildings, &people, self.now_ms);
        for building in buildings {
            self.talks.insert(building, field::Talk::default());
            for (kind, subject, body) in field::registration(building) {
                self.save(0, building, vec![(kind, subject, body, Vec::new())])?;
            }
        }
        for hand in 0..self.hands.len() {
            self.sync_alone(hand)?;
        }
        Ok(())
    }

    fn tell(&mut self, what: std::fmt::Arguments<'_>) {
        let line = format!("{} {what}\n", self.now_ms - MONDAY_MS);
        if self.loud {
            crate::say(line.trim_end());
        }
        self.trace.extend_from_slice(line.as_bytes());
    }

    fn fails(&mut self, fault: Fault) -> bool {
        let chance = self.plan.chance(fault);
        // Thrown also where it cannot fall, so that switching a fault off changes little else.
        self.dice.permille(chance)
    }

    fn happen(&mut self) -> Result<(), Broken> {
        let hand = self.dice.below(self.hands.len());
        match self.dice.below(10) {
            0..4 => self.capture(hand)?,
            4..6 => self.send(hand),
            6..9 => self.travel()?,
            _ => self.strike()?,
        }
        Ok(())
    }

    fn clock(&self, hand: usize) -> ClockReading {
        let hand = &self.hands[hand];
        ClockReading {
            wall_ms: self.now_ms + hand.off_ms,
            mono_ms: Some(self.now_ms - hand.booted_ms),
            boot_id: Some(BootId(Uuid::from_u128(hand.boot))),
            boot_offsets_ms: BTreeMap::new(),
        }
    }

    fn capture(&mut self, hand: usize) -> Result<(), Broken> {
        let buildings: Vec<BuildingId> = self.talks.keys().copied().collect();
        let building = *self.dice.pick(&buildings).expect("there is a building");
        let person = self.hands[hand].person;
        // Who was told to leave a building walks there no more.
        if self.hands[hand].phone.screen(building).is_none() {
            return Ok(());
        }
        let talk = self.talks.get(&building).expect("it is talked about");
        if person.is_supervisor
            && self.dice.permille(250)
            && let Some(photo) = talk.a_photo(&mut self.dice).filter(|_| self.plan.photos)
        {
            let op = OpId(self.dice.id());
            self.server.desk(&Desk::Verify { op, building, photo }, self.now_ms);
            return Ok(());
        }
        let group = if self.dice.permille(80) { 2 + self.dice.below(2) } else { 1 };
        let talk = self.talks.get_mut(&building).expect("it is talked about");
        let said = (0..group).map(|_| {
            if person.is_supervisor && self.dice.permille(700) {
                talk.decision(&mut self.dice, building)
            } else {
                talk.observation(&mut self.dice, building, person.user)
            }
        });
        let said = said.collect();
        self.save(hand, building, said)
    }

    fn save(
        &mut self,
        hand: usize,
        building: BuildingId,
        said: Vec<(&'static str, Uuid, serde_json::Value, Vec<OpId>)>,
    ) -> Result<(), Broken> {
        let clock = self.clock(hand);
        let captured = json!({
            "wall_ms": clock.wall_ms, "utc_offset_min": 480,
            "mono_ms": clock.mono_ms, "boot_id": clock.boot_id,
        });
        let group = (said.len() > 1).then(|| (self.dice.id(), said.len()));
        let mut contents = Vec::new();
        for said in said {
            let mut content = field::content(self.dice.id(), building, &captured, said);
            if let Some((id, len)) = group {
                content.insert("group".into(), json!(id));
                content.insert("group_len".into(), json!(len));
            }
            contents.push(content);
        }
        // The desk that registers buildings has room enough.
        let full = self.now_ms > MONDAY_MS && self.fails(Fault::StorageFull);
        let room = if full { 100 } else { usize::MAX };
        let before = self.hands[hand].phone.stored().clone();
        match self.hands[hand].phone.capture_group(contents, room) {
            Ok(ops) => {
                for op in ops {
                    self.tell(format_args!("{hand} saves {} {} n={}", op.kind, op.op_id, op.n));
                    if let Some(talk) = self.talks.get_mut(&building) {
                        talk.hear(op.op_id);
                    }
                    self.ledger.save(&op, self.now_ms)?;
                }
                Ok(())
            }
            Err(_) if before == *self.hands[hand].phone.stored() => Ok(()),
            Err(why) => Err(Broken::new("I1", format!("not captured, and changed: {why:?}"))),
        }
    }

    /// Sends a request; several may be under way.
    fn send(&mut self, hand: usize) {
        let under_way = self.flights.iter().any(|flight| flight.hand == hand);
        let twice = self.fails(Fault::TwoSyncs) || self.fails(Fault::TwoSyncs);
        if under_way && !twice {
            return;
        }
        let clock = self.clock(hand);
        let (request, asked) = self.hands[hand].phone.request(&clock);
        let body = serde_json::to_vec(&request).expect("a request is writable");
        self.tell(format_args!("{hand} sends {} ops", asked.ops.len()));
        self.flights.push(Flight { hand, asked, sent_ms: self.now_ms, body, reply: None });
    }

    /// Something under way goes on: to the server, or back to its phone.
    fn travel(&mut self) -> Result<(), Broken> {
        if self.flights.is_empty() {
            return Ok(());
        }
        let reordered = self.fails(Fault::Reordered);
        let which = if reordered { self.dice.below(self.flights.len()) } else { 0 };
        let flight = self.flights.remove(which);
        if flight.reply.is_none() { self.arrive(flight) } else { self.come_back(flight) }
    }

    fn arrive(&mut self, mut flight: Flight) -> Result<(), Broken> {
        let hand = flight.hand;
        if self.fails(Fault::RequestLost) {
            self.tell(format_args!("{hand} request lost"));
            let failure = saolou_protocol::phone::retry::Failure::Network;
            self.hands[hand].phone.fail(&flight.asked, failure);
            return Ok(());
        }
        if self.now_ms - flight.sent_ms > check::PROMPT_MS {
            self.ledger.slow.extend(&flight.asked.ops);
        }
        if self.fails(Fault::Cut) {
            flight.body.truncate(self.dice.below(flight.body.len()));
        }
        let (busy, signed_out) = (self.fails(Fault::Busy), self.fails(Fault::SignedOut));
        let (dies, committed) = (self.fails(Fault::ServerKilled), self.dice.permille(500));
        let (portal, twice) = (self.fails(Fault::Portal), self.fails(Fault::Duplicated));
        let person = self.hands[hand].person;
        let now_ms = self.now_ms;
        let reply = if portal {
            Reply { status: 200, body: b"<html>Welcome to the mall</html>".to_vec() }
        } else if busy {
            Reply { status: 503, body: b"{}".to_vec() }
        } else if signed_out || self.hands[hand].signed_out {
            self.hands[hand].signed_out = true;
            Reply { status: 401, body: b"{}".to_vec() }
        } else if dies {
            self.server.sync_and_die(person, &flight.body, now_ms, committed);
            self.tell(format_args!("{hand} server dies, committed={committed}"));
            let failure = saolou_protocol::phone::retry::Failure::Network;
            self.hands[hand].phone.fail(&flight.asked, failure);
            return check::server(self.server, &mut self.ledger);
        } else {
            self.server.sync(person, &flight.body, now_ms)
        };
        if twice {
            let again = self.server.sync(person, &flight.body, now_ms + 1);
            check::answers(self.server, &mut self.ledger, (person, &flight.asked), &again)?;
        }
        self.tell(format_args!("{hand} answered {} {}", reply.status, Hash::of(&reply.body)));
        check::answers(self.server, &mut self.ledger, (person, &flight.asked), &reply)?;
        flight.reply = Some(reply);
        self.flights.push(flight);
        Ok(())
    }

    fn come_back(&mut self, flight: Flight) -> Result<(), Broken> {
        let hand = flight.hand;
        let Some(reply) = flight.reply else { return Ok(()) };
        if self.fails(Fault::ReplyLost) {
            self.tell(format_args!("{hand} reply lost"));
            let failure = saolou_protocol::phone::retry::Failure::Network;
            self.hands[hand].phone.fail(&flight.asked, failure);
            return Ok(());
        }
        self.take(hand, flight.asked, &reply)
    }

    fn take(&mut self, hand: usize, asked: Asked, reply: &Reply) -> Result<(), Broken> {
        let clock = self.clock(hand);
        let is_portal = reply.body.starts_with(b"<");
        let response = Response {
            status: reply.status,
            content_type: Some(if is_portal { "text/html" } else { "application/json" }),
            sync_version: Some("1"),
            retry_after: None,
            body: &reply.body,
        };
        let Ok(steps) = self.hands[hand].phone.receive(asked, &clock, &response) else {
            return Ok(());
        };
        for step in steps {
            if self.fails(Fault::PhoneKilled) {
                self.tell(format_args!("{hand} dies before {}", step.name()));
                self.hands[hand].phone.restart();
                return Ok(());
            }
            self.step(hand, step)?;
        }
        let device = DeviceId(self.dice.id());
        if let Some(why) = self.hands[hand].phone.needs_new_device() {
            self.tell(format_args!("{hand} is born anew: {why:?}"));
            self.hands[hand].phone.reincarnate(device);
        }
        Ok(())
    }

    fn step(&mut self, hand: usize, step: Step) -> Result<(), Broken> {
        let name = step.name();
        let kept: BTreeSet<OpId> =
            self.hands[hand].phone.stored().outbox().iter().map(|kept| kept.op_id).collect();
        let fitted = self.hands[hand].phone.apply(step);
        self.tell(format_args!("{hand} {name} {fitted}"));
        let left: BTreeSet<OpId> =
            self.hands[hand].phone.stored().outbox().iter().map(|kept| kept.op_id).collect();
        let released = kept.difference(&left).copied().collect::<Vec<OpId>>();
        check::released(self.server, &mut self.ledger, &released, name)?;
        if name == "page" { check::read_own(&self.hands[hand].phone, &self.ledger) } else { Ok(()) }
    }

    /// Something happens to a phone, the server or the world.
    fn strike(&mut self) -> Result<(), Broken> {
        let faults = [
            Fault::ClockJump,
            Fault::Reboot,
            Fault::Cloned,
            Fault::PhoneRestored,
            Fault::Rotten,
            Fault::Rotten,
            Fault::ServerRestored,
            Fault::ServerRestored,
            Fault::Reassigned,
            Fault::Suspended,
            Fault::Revoked,
            Fault::Rubbish,
        ];
        let fault = *self.dice.pick(&faults).expect("there are faults");
        let hand = self.dice.below(self.hands.len());
        // Rare enough by themselves: struck one time in ten events.
        if !self.fails(fault) && !self.fails(fault) {
            return Ok(());
        }
        self.tell(format_args!("{hand} {}", fault.code()));
        match fault {
            Fault::ClockJump => {
                const YEARS_MS: Millis = 10 * 365 * 24 * 3_600_000;
                self.hands[hand].off_ms = self.dice.between(-YEARS_MS, YEARS_MS);
            }
            Fault::Reboot => {
                let boot = u128::from(self.dice.number());
                let (now_ms, hand) = (self.now_ms, &mut self.hands[hand]);
                (hand.boot, hand.booted_ms) = (boot, now_ms);
                hand.phone.restart();
            }
            Fault::Cloned if self.hands.len() < 8 => self.clone_phone(hand),
            Fault::PhoneRestored => self.restore_phone(hand),
            Fault::Rotten => {
                let at = self.dice.number();
                if self.hands[hand].phone.rot(at) {
                    self.hands[hand].phone.recount();
                    self.hands[hand].was_damaged = true;
                }
            }
            Fault::ServerRestored => self.restore_server()?,
            Fault::Rubbish => self.send_rubbish(hand)?,
            _ => self.decide(fault, hand),
        }
        Ok(())
    }

    fn clone_phone(&mut self, hand: usize) {
        let (person, boot) = (self.hands[hand].person, u128::from(self.dice.number()));
        let phone = Phone::open(self.hands[hand].phone.stored().clone());
        self.ledger.cloned = true;
        self.hands.push(Hand {
            person,
            phone,
            boot,
            booted_ms: self.now_ms,
            off_ms: 0,
            kept: None,
            signed_out: false,
            was_damaged: self.hands[hand].was_damaged,
        });
    }

    fn restore_phone(&mut self, hand: usize) {
        let now = self.hands[hand].phone.stored().clone();
        let Some(kept) = self.hands[hand].kept.replace(now.clone()) else { return };
        // What was saved since then and reached nobody is gone with the phone.
        let still: BTreeSet<OpId> = kept.outbox().iter().map(|op| op.op_id).collect();
        for op in now.outbox().iter().filter(|op| !still.contains(&op.op_id)) {
            let elsewhere = self.hands.iter().enumerate().any(|(n, other)| {
                n != hand && other.phone.stored().outbox().get(op.op_id).is_some()
            });
            if !elsewhere {
                self.ledger.may_be_lost.insert(op.op_id);
            }
        }
        self.ledger.cloned = true;
        let forgotten = now.outbox().iter().map(|op| op.op_id).filter(|op| !still.contains(op));
        self.ledger.phone_went_back(forgotten);
        self.hands[hand].phone = Phone::open(kept);
        self.flights.retain(|flight| flight.hand != hand);
    }

    fn back_up(&mut self) {
        if self.server.back_up() {
            self.backed_up_ms = self.now_ms;
            self.ledger.server_was_backed_up();
        }
    }

    fn restore_server(&mut self) -> Result<(), Broken> {
        // Whoever lets an op go relies on backups that are younger than that.
        if self.now_ms - self.backed_up_ms > KEEP_MS {
            return Ok(());
        }
        let before = self.server.dump();
        if self.server.restore() {
            let kept = |op: &OpId| {
                self.hands.iter().any(|hand| hand.phone.stored().outbox().get(*op).is_some())
            };
            let gone = before.accepted.keys().copied();
            let gone = gone.chain(before.quarantined.iter().map(|(op, _)| *op));
            let gone: Vec<OpId> = gone.filter(|op| !kept(op)).collect();
            self.ledger.server_was_restored(&gone, &self.server.dump())?;
            self.hands.iter_mut().for_each(|hand| hand.was_damaged = true);
        }
        check::server(self.server, &mut self.ledger)
    }

    fn decide(&mut self, fault: Fault, hand: usize) {
        let person = self.hands[hand].person;
        let buildings: Vec<BuildingId> = self.talks.keys().copied().collect();
        let building = *self.dice.pick(&buildings).expect("there is a building");
        let yes = self.dice.permille(500);
        if person.is_supervisor {
            self.server.desk(&Desk::ReleaseAll, self.now_ms);
            return;
        }
        let act = match fault {
            Fault::Reassigned => Desk::Assign { user: person.user, building, has: yes },
            Fault::Suspended => Desk::Suspend { user: person.user, is: yes },
            _ => Desk::Revoke { device: self.hands[hand].phone.stored().device() },
        };
        self.ledger.hear(&act);
        self.server.desk(&act, self.now_ms);
    }

    /// A broken client: not JSON, a part of a group, another person's op, the id of another op with other content.
    fn send_rubbish(&mut self, hand: usize) -> Result<(), Broken> {
        let person = self.hands[hand].person;
        let other = self.dice.below(self.hands.len());
        let theirs = self.hands[other].phone.stored().outbox().iter().next().cloned();
        let mut own = self.hands[hand].phone.stored().outbox().iter();
        let half = own.find(|kept| kept.group.is_some() && kept.standing == Standing::Waiting);
        let half = half.map(|kept| kept.sent.text().to_owned());
        let device = DeviceId(self.dice.id());
        let mut ops: Vec<String> = vec!["{\"op_id\": 7}".into(), "[]".into()];
        ops.extend(half);
        if let Some(theirs) = theirs {
            ops.push(theirs.sent.text().to_owned());
            let mut content: serde_json::Map<String, serde_json::Value> =
                serde_json::from_str(theirs.sent.text()).expect("it was sealed");
            content.insert("body".into(), json!({ "x": self.dice.number() % 100 }));
            content.insert("n".into(), json!(0));
            let author = content["author"] == json!(person.user);
            if author && let Ok((_, sent)) = saolou_protocol::op::Op::seal(content) {
                ops.push(String::from_utf8(sent).expect("JSON is UTF-8"));
                self.ledger.taken_twice.insert(theirs.op_id);
            }
        }
        let body = format!("{{\"device\":\"{device}\",\"ops\":[{}]}}", ops.join(","));
        let reply = self.server.sync(person, body.as_bytes(), self.now_ms);
        if reply.status == 200 {
            check::server(self.server, &mut self.ledger)
        } else {
            Err(Broken::new("I14", "rubbish was refused whole".into()))
        }
    }

    /// A whole sync without any fault.
    fn sync_alone(&mut self, hand: usize) -> Result<(), Broken> {
        self.now_ms += 50;
        let clock = self.clock(hand);
        let (request, asked) = self.hands[hand].phone.request(&clock);
        let body = serde_json::to_vec(&request).expect("a request is writable");
        check::limits(&asked, &body)?;
        let person = self.hands[hand].person;
        let reply = self.server.sync(person, &body, self.now_ms);
        check::answers(self.server, &mut self.ledger, (person, &asked), &reply)?;
        let response = Response {
            status: reply.status,
            content_type: Some("application/json"),
            sync_version: Some("1"),
            retry_after: None,
            body: &reply.body,
        };
        let clock = self.clock(hand);
        if let Ok(steps) = self.hands[hand].phone.receive(asked, &clock, &response) {
            for step in steps {
                self.step(hand, step)?;
            }
        }
        let device = DeviceId(self.dice.id());
        if self.hands[hand].phone.needs_new_device().is_some() {
            self.hands[hand].phone.reincarnate(device);
        }
        Ok(())
    }

    /// The network heals and nobody writes any more: after a while all queues are empty (I10).
    fn heal(&mut self) -> Result<(), Broken> {
        self.flights.clear();
        for hand in &mut self.hands {
            hand.phone.restart();
            hand.signed_out = false;
        }
        let mut quiet = 0;
        for _ in 0..HEALING_ROUNDS_MAX {
            let mut calm = true;
            for hand in 0..self.hands.len() {
                let random = self.dice.number();
                match self.hands[hand].phone.next_try_after(random) {
                    Some(wait_ms) => self.now_ms += wait_ms.min(60_000),
                    None if self.hands[hand].phone.stopped() == Some(Stopped::SignIn) => {
                        self.hands[hand].phone.signed_in();
                    }
                    None => return Err(Broken::new("I10", "a phone has stopped for good".into())),
                }
                let before = self.hands[hand].phone.stored().clone();
                self.sync_alone(hand)?;
                calm &= check::is_calm(&before, self.hands[hand].phone.stored());
            }
            quiet = if calm { quiet + 1 } else { 0 };
            if quiet == 3 {
                return Ok(());
            }
        }
        let numbers: Vec<String> =
            self.hands.iter().map(|hand| format!("{:?}", hand.phone.numbers())).collect();
        Err(Broken::new("I10", format!("it does not settle: {}", numbers.join("; "))))
    }
}

/// What a run that held came to.
pub(crate) struct Outcome {
    pub(crate) trace: Hash,
    pub(crate) ops: usize,
}
