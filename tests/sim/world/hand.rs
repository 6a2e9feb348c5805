//! A phone in somebody's hand, or in the hands of several shifts in turn.

use crate::backend::Person;
use crate::check::standings::Heard;
use crate::check::{self, Broken};
use crate::core::log_key;
use crate::dice::Dice;
use crate::field;
use saolou_protocol::evidence::enrolment::{Invitation, log_fingerprint};
use saolou_protocol::ids::{BootId, DeviceId, OpId, UserId};
use saolou_protocol::phone::Phone;
use saolou_protocol::phone::handset::Handset;
use saolou_protocol::phone::outbox::{Kept, Tick};
use saolou_protocol::time::{ClockReading, Millis};
use std::collections::BTreeMap;
use uuid::Uuid;

/// A phone in somebody's hand.
pub(crate) struct Hand {
    /// Who holds it now.
    pub(crate) person: Person,
    /// Everybody who uses it, one after another.
    pub(crate) shifts: Vec<Person>,
    pub(crate) handset: Handset,
    pub(super) boot: u128,
    /// When it was started, by the true clock.
    pub(super) booted_ms: Millis,
    /// How far its wall clock is off.
    pub(super) off_ms: Millis,
    /// An older state that it may go back to.
    pub(super) kept: Option<Handset>,
    pub(super) signed_out: bool,
    /// The last request that was made before an op was found to be lost on the server.
    pub(super) lost: BTreeMap<OpId, u64>,
    /// The latest knowledge out of which each device has asked what is held.
    pub(super) heard: BTreeMap<DeviceId, Tick>,
    /// How many entries the checkpoints had that each user's phone kept, at most.
    pub(super) carried: BTreeMap<UserId, u64>,
    /// Its base was changed behind its back, or may be older than it thinks.
    pub(crate) was_damaged: bool,
}

impl Hand {
    /// The first is the desk's; the third and the fourth are one person's.
    pub(super) fn new(number: usize, shared: bool, now_ms: Millis, dice: &mut Dice) -> Self {
        let user = if number == 3 { 2 } else { number };
        let person =
            |name: String| Person { user: UserId(field::named(&name)), is_supervisor: number == 0 };
        let mut shifts = vec![person(format!("user {user}"))];
        if shared {
            shifts.push(person(format!("night shift of user {user}")));
        }
        let mut hand = Self {
            person: shifts[0],
            shifts,
            handset: Handset::default(),
            boot: number as u128 + 1,
            booted_ms: now_ms - 1000,
            off_ms: 0,
            kept: None,
            signed_out: false,
            lost: BTreeMap::new(),
            heard: BTreeMap::new(),
            carried: BTreeMap::new(),
            was_damaged: false,
        };
        hand.sign_in(hand.person, DeviceId(dice.id()));
        hand
    }

    /// The phone of whoever holds it.
    pub(crate) fn phone(&self) -> &Phone {
        self.handset.phone().expect("somebody is signed in")
    }

    pub(crate) fn phone_mut(&mut self) -> &mut Phone {
        self.handset.phone_mut().expect("somebody is signed in")
    }

    /// The phone has heard what the server holds, later than ever before: it has done about it what it
    /// must.
    pub(super) fn hear(&mut self, heard: &Heard) -> Result<(), Broken> {
        let Some(held) = &heard.held else { return Ok(()) };
        let latest = self.heard.entry(held.device).or_default();
        if heard.tick < *latest {
            return Ok(());
        }
        *latest = heard.tick;
        check::missing_waits(self.phone(), held, heard.tick)
    }

    /// Somebody takes it.
    pub(super) fn sign_in(&mut self, person: Person, fresh: DeviceId) {
        self.person = person;
        let phone = self.handset.sign_in(person.user, fresh);
        let (key, server) = (log_key(), "https://sim.example".to_owned());
        let invitation = Invitation { server, code: "once".to_owned(), log: log_fingerprint(&key) };
        assert!(phone.enrol(&invitation, key), "the invitation names the key");
    }

    /// The phone has kept a checkpoint, or has not: it never goes back to one with fewer entries.
    pub(super) fn carry(&mut self) -> Result<(), Broken> {
        let size = self.phone().stored().evidence().size();
        let most = self.carried.entry(self.person.user).or_default();
        check::carried(*most, size)?;
        *most = size;
        Ok(())
    }

    /// Who comes after whoever holds it.
    pub(super) fn next_shift(&self) -> Person {
        let at = self.shifts.iter().position(|person| *person == self.person);
        self.shifts[at.map_or(0, |at| at + 1) % self.shifts.len()]
    }

    /// All ops on it, whoever is signed in.
    pub(super) fn ops(handset: &Handset) -> impl Iterator<Item = &Kept> {
        handset.phones().flat_map(|phone| phone.stored().outbox().iter())
    }

    /// Whether it keeps an op of anybody.
    pub(super) fn keeps(&self, op: OpId) -> bool {
        self.handset.phones().any(|phone| phone.stored().outbox().get(op).is_some())
    }

    pub(super) fn clock(&self, now_ms: Millis) -> ClockReading {
        ClockReading {
            wall_ms: now_ms + self.off_ms,
            mono_ms: Some(now_ms - self.booted_ms),
            boot_id: Some(BootId(Uuid::from_u128(self.boot))),
            boot_offsets_ms: BTreeMap::new(),
        }
    }
}
