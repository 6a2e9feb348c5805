//! The plan of a run: how large it is, and how likely each fault. All of it follows from the seed,
//! apart from what somebody switches off to find out what a failure needs.

use crate::dice::Dice;
use std::collections::BTreeSet;

macro_rules! faults {
    ($($(#[$doc:meta])* $name:ident = $code:literal),+ $(,)?) => {
        /// Something that goes wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum Fault { $($(#[$doc])* $name),+ }

        impl Fault {
            pub(crate) const ALL: &[Self] = &[$(Self::$name),+];

            pub(crate) const fn code(self) -> &'static str {
                match self { $(Self::$name => $code),+ }
            }

            /// A fault by its code.
            pub(crate) fn parse(code: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|fault| fault.code() == code)
            }
        }
    };
}

faults! {
    /// A request never arrives.
    RequestLost = "request-lost",
    /// A reply never arrives, after the commit.
    ReplyLost = "reply-lost",
    /// A request arrives twice.
    Duplicated = "duplicated",
    /// What was sent later arrives earlier.
    Reordered = "reordered",
    /// The body of a request is cut.
    Cut = "cut",
    /// A portal answers 200 with a page of its own.
    Portal = "portal",
    /// The server has too much to do.
    Busy = "busy",
    /// The phone dies between two transactions.
    PhoneKilled = "phone-killed",
    /// There is no room on the phone.
    StorageFull = "storage-full",
    /// The phone's clock jumps, by up to ten years.
    ClockJump = "clock-jump",
    /// The phone starts again, and with it its monotonic clock.
    Reboot = "reboot",
    /// The phone is cloned, and both go on.
    Cloned = "cloned",
    /// The phone goes back to an older state.
    PhoneRestored = "phone-restored",
    /// A bad disk changes rows of the base.
    Rotten = "rotten",
    /// The session ends.
    SignedOut = "signed-out",
    /// Two syncs of one phone are under way at once.
    TwoSyncs = "two-syncs",
    /// The server dies before a commit, or after it.
    ServerKilled = "server-killed",
    /// The server goes back to a backup.
    ServerRestored = "server-restored",
    /// Another server goes on with an older state, in the same epoch.
    FailedOver = "failed-over",
    /// The next shift takes over a handset that is shared.
    ShiftChanged = "shift-changed",
    /// A building is taken from a team, or given to it.
    Reassigned = "reassigned",
    /// A user is suspended, or taken back.
    Suspended = "suspended",
    /// A device is revoked.
    Revoked = "revoked",
    /// A broken client sends rubbish, taken ids, another person's ops.
    Rubbish = "rubbish",
}

/// What a seed makes.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) phones: usize,
    pub(crate) buildings: usize,
    pub(crate) events: usize,
    /// Whether a phone is used by two shifts in turn.
    pub(crate) shares_handset: bool,
    /// Whether the server sees photos come.
    pub(crate) photos: bool,
    /// How often in a thousand, by fault.
    chances: Vec<(Fault, u32)>,
    /// The events that happen, where not all do. Of the others only the time passes.
    only: Option<BTreeSet<usize>>,
    /// What does not go wrong at an event although it is its turn.
    spared: BTreeSet<(usize, Fault)>,
}

impl Plan {
    pub(crate) fn of(seed: u64) -> (Self, Dice) {
        let mut dice = Dice::of(seed);
        let mut size = dice.fork();
        let mut chances = Vec::new();
        for fault in Fault::ALL {
            // Half of the faults stay away from a run, so that the others come through.
            let chance = match dice.below(6) {
                0..3 => 0,
                3 => 20,
                4 => 80,
                _ => 250,
            };
            chances.push((*fault, chance));
        }
        let mut plan = Self {
            phones: 2 + size.below(4),
            buildings: 1 + size.below(3),
            events: 40 + size.below(220),
            shares_handset: size.below(3) == 0,
            photos: true,
            chances,
            only: None,
            spared: BTreeSet::new(),
        };
        if plan.shares_handset {
            plan.set_chance(Fault::ShiftChanged, 250);
        }
        (plan, dice)
    }

    pub(crate) fn chance(&self, fault: Fault) -> u32 {
        let found = self.chances.iter().find(|(known, _)| *known == fault);
        found.map_or(0, |(_, chance)| *chance)
    }

    /// Whether the server goes back to an older state now and then, and so needs one.
    pub(crate) fn goes_back(&self) -> bool {
        [Fault::ServerRestored, Fault::FailedOver].iter().any(|fault| self.chance(*fault) > 0)
    }

    /// Whether an event happens.
    pub(crate) fn has(&self, event: usize) -> bool {
        self.only.as_ref().is_none_or(|only| only.contains(&event))
    }

    /// Whether a fault stays away from an event.
    pub(crate) fn spares(&self, event: usize, fault: Fault) -> bool {
        self.spared.contains(&(event, fault))
    }

    /// Leaves out all other events, and these faults of those.
    pub(crate) fn reduce(
        &mut self,
        only: Option<&BTreeSet<usize>>,
        spared: &BTreeSet<(usize, Fault)>,
    ) {
        self.only = only.cloned();
        self.spared = spared.clone();
        if let Some(only) = only {
            self.events = self.events.min(only.last().map_or(0, |last| last + 1));
        }
    }

    /// Switches faults off.
    pub(crate) fn without(&mut self, faults: &BTreeSet<Fault>) {
        faults.iter().for_each(|fault| self.set_chance(*fault, 0));
    }

    fn set_chance(&mut self, fault: Fault, permille: u32) {
        let of_fault = self.chances.iter_mut().filter(|(known, _)| *known == fault);
        of_fault.for_each(|(_, chance)| *chance = permille);
    }
}
