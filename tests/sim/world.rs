//! A run: phones, a network and a server, and everything that goes wrong between them. Here it is set
//! up, people capture, and in the end everything heals; [`hand`] is a phone with who holds it,
//! [`flight`] the network, [`disaster`] what happens besides.

mod disaster;
mod flight;
mod hand;

use self::flight::Flight;
pub(crate) use self::hand::Hand;
use crate::backend::{Backend, Desk, Person};
use crate::check::standings::Heard;
use crate::check::{self, Broken};
use crate::core::KEEP_MS;
use crate::dice::Dice;
use crate::field::{self, MONDAY_MS, Talks};
use crate::ledger::Ledger;
use crate::plan::{Fault, Plan};
use saolou_protocol::canonical::Hash;
use saolou_protocol::ids::{BuildingId, DeviceId, OpId};
use saolou_protocol::phone::reply::Response;
use saolou_protocol::phone::retry::Stopped;
use saolou_protocol::time::{ClockReading, Millis};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// How long everything may take to settle after the network has healed, in rounds of syncs.
const HEALING_ROUNDS_MAX: usize = 400;

/// The part of a run before its first event; those of the events follow it.
const SET_UP: u64 = 1;
/// The part after the last one.
const HEALING: u64 = u64::MAX;

/// A run.
pub(crate) struct World<'a, B: Backend> {
    plan: &'a Plan,
    /// Those of the part of the run that is under way.
    dice: Dice,
    /// The event that is under way.
    event: usize,
    /// How the part of the run that is under way is told.
    part: String,
    /// What went wrong, by event.
    fired: BTreeSet<(usize, Fault)>,
    server: &'a mut B,
    pub(crate) now_ms: Millis,
    pub(crate) hands: Vec<Hand>,
    flights: Vec<Flight>,
    talks: Talks,
    pub(crate) ledger: Ledger,
    trace: Vec<u8>,
    /// How many requests were made.
    made: u64,
    /// The server went on with an older state, and did not know.
    fell_back: bool,
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
            event: 0,
            part: "set-up".to_owned(),
            fired: BTreeSet::new(),
            server,
            now_ms: MONDAY_MS,
            hands: Vec::new(),
            flights: Vec::new(),
            talks: BTreeMap::new(),
            ledger: Ledger::default(),
            trace: Vec::new(),
            made: 0,
            fell_back: false,
            backed_up_ms: Millis::MIN / 2,
            loud,
        }
    }

    /// Runs the plan to its end. Gives the hash of everything that happened.
    ///
    /// # Errors
    /// What did not hold.
    pub(crate) fn run(mut self) -> Result<Outcome, Broken> {
        match self.live() {
            Ok(()) => Ok(Outcome { trace: Hash::of(&self.trace), ops: self.ledger.saved.len() }),
            Err(broken) => Err(Broken { fired: self.fired, ..broken }),
        }
    }

    /// Every part throws dice of its own, so that leaving an event out changes no other's.
    fn live(&mut self) -> Result<(), Broken> {
        let dice = self.dice.clone();
        self.dice = dice.part(SET_UP);
        self.set_up()?;
        for event in 0..self.plan.events {
            (self.event, self.part) = (event, format!("event {event}"));
            self.dice = dice.part(SET_UP + 1 + event as u64);
            self.now_ms += self.dice.between(200, 900_000);
            if event % 20 == 19 && self.plan.goes_back() {
                self.back_up();
            }
            if self.plan.has(event) {
                self.happen()?;
            }
            if event % 40 == 39 {
                check::server(self.server, &mut self.ledger)?;
            }
        }
        self.dice = dice.part(HEALING);
        self.part = "healing".to_owned();
        self.heal()?;
        check::end(self.server, &self.hands, &mut self.ledger)
    }

    fn set_up(&mut self) -> Result<(), Broken> {
        let building = |n| BuildingId(field::named(&format!("building {n}")));
        let buildings: Vec<BuildingId> = (0..self.plan.buildings).map(building).collect();
        for number in 0..self.plan.phones {
            let shared = number == 1 && self.plan.shares_handset;
            let hand = Hand::new(number, shared, self.now_ms, &mut self.dice);
            self.hands.push(hand);
        }
        let people: Vec<Person> =
            self.hands.iter().flat_map(|hand| hand.shifts.iter().copied()).collect();
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
            // A run begins at eight in the morning.
            let minutes = (self.now_ms - MONDAY_MS) / 60_000 + 8 * 60;
            let (part, days) = (&self.part, minutes / 1440);
            let (hour, minute) = (minutes % 1440 / 60, minutes % 60);
            crate::say(&format!("{part}, day {days} {hour:02}:{minute:02}: {what}"));
        }
        self.trace.extend_from_slice(line.as_bytes());
    }

    fn fails(&mut self, fault: Fault) -> bool {
        let chance = self.plan.chance(fault);
        // Thrown also where it cannot fall, so that switching a fault off changes little else.
        let fails = self.dice.permille(chance) && !self.plan.spares(self.event, fault);
        if fails {
            self.fired.insert((self.event, fault));
        }
        fails
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
        self.hands[hand].clock(self.now_ms)
    }

    fn capture(&mut self, hand: usize) -> Result<(), Broken> {
        let buildings: Vec<BuildingId> = self.talks.keys().copied().collect();
        let building = *self.dice.pick(&buildings).expect("there is a building");
        let person = self.hands[hand].person;
        // Who was told to leave a building walks there no more.
        if self.hands[hand].phone().screen(building).is_none() {
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
        let author = self.hands[hand].person.user;
        let before = self.hands[hand].phone().stored().clone();
        match self.hands[hand].phone_mut().capture_group(contents, room) {
            Ok(ops) => {
                for op in ops {
                    self.tell(format_args!(
                        "phone {hand} saves {} {} n={}",
                        op.kind, op.op_id, op.n
                    ));
                    check::author(author, &op)?;
                    if let Some(talk) = self.talks.get_mut(&building) {
                        talk.hear(op.op_id);
                    }
                    self.ledger.save(&op, self.now_ms)?;
                }
                Ok(())
            }
            Err(_) if before == *self.hands[hand].phone().stored() => Ok(()),
            Err(why) => Err(Broken::new("I1", format!("not captured, and changed: {why:?}"))),
        }
    }

    /// A whole sync without any fault.
    fn sync_alone(&mut self, hand: usize) -> Result<(), Broken> {
        self.now_ms += 50;
        let clock = self.clock(hand);
        let (request, asked) = self.hands[hand].phone().request(&clock);
        let body = serde_json::to_vec(&request).expect("a request is writable");
        check::limits(&asked, &body)?;
        let person = self.hands[hand].person;
        check::session(&self.ledger, person, &asked)?;
        let reply = self.server.sync(person, &body, self.now_ms);
        check::answers(self.server, &mut self.ledger, (person, &asked), (&reply, self.now_ms))?;
        let response = Response {
            status: reply.status,
            content_type: Some("application/json"),
            sync_version: Some("1"),
            retry_after: None,
            body: &reply.body,
        };
        let clock = self.clock(hand);
        self.made += 1;
        let heard = Heard::of(self.made, &asked, &reply);
        if let Ok(steps) = self.hands[hand].phone_mut().receive(asked, &clock, &response) {
            for step in steps {
                self.step(hand, &heard, step)?;
            }
        }
        let device = DeviceId(self.dice.id());
        if self.hands[hand].phone().needs_new_device().is_some() {
            self.hands[hand].phone_mut().reincarnate(device);
        }
        Ok(())
    }

    /// The network heals and nobody writes any more: after a while all queues are empty (I10). Then
    /// so much time passes that phones let go of what is kept in case of a restored server.
    fn heal(&mut self) -> Result<(), Broken> {
        self.flights.clear();
        for hand in &mut self.hands {
            hand.handset.restart();
            hand.signed_out = false;
        }
        self.settle()?;
        if self.fell_back {
            self.now_ms += KEEP_MS;
            self.settle()?;
        }
        Ok(())
    }

    fn settle(&mut self) -> Result<(), Broken> {
        let mut quiet = 0;
        for _ in 0..HEALING_ROUNDS_MAX {
            let mut calm = true;
            for hand in 0..self.hands.len() {
                for _ in 0..self.hands[hand].shifts.len() {
                    self.change_shift(hand);
                    calm &= self.sync_calmly(hand)?;
                }
            }
            quiet = if calm { quiet + 1 } else { 0 };
            if quiet == 3 {
                return Ok(());
            }
        }
        let numbers: Vec<String> = self
            .hands
            .iter()
            .flat_map(|hand| hand.handset.phones())
            .map(|phone| format!("{:?}", phone.numbers()))
            .collect();
        Err(Broken::new("I10", format!("it does not settle: {}", numbers.join("; "))))
    }

    /// Syncs when it is time to. Whether nothing changed.
    fn sync_calmly(&mut self, hand: usize) -> Result<bool, Broken> {
        let random = self.dice.number();
        match self.hands[hand].phone().next_try_after(random) {
            Some(wait_ms) => self.now_ms += wait_ms.min(60_000),
            None if self.hands[hand].phone().stopped() == Some(Stopped::SignIn) => {
                self.hands[hand].phone_mut().signed_in();
            }
            None => return Err(Broken::new("I10", "a phone has stopped for good".into())),
        }
        let before = self.hands[hand].phone().stored().clone();
        self.sync_alone(hand)?;
        Ok(check::is_calm(&before, self.hands[hand].phone().stored()))
    }
}

/// What a run that held came to.
pub(crate) struct Outcome {
    pub(crate) trace: Hash,
    pub(crate) ops: usize,
}
