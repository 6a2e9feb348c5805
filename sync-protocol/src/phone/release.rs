//! When an op may leave the phone, and when it has to travel again.

use super::outbox::{Kept, Standing, Tick};
use super::request::Asked;
use super::stored::Stored;
use crate::codes::codes;
use crate::held::Held;
use crate::ids::BuildingId;
use crate::time::Millis;
use crate::zoo::{Defect, is_planted};

codes! {
    /// Why a phone needs a new device incarnation (OP-2).
    pub enum NewDevice {
        /// Another phone minted the same counters: one is a clone of the other.
        Forked = "device_forked",
        /// The server holds counters that this phone never minted: it was restored or cloned.
        Ahead = "held_ahead",
        /// A counter that nothing will ever fill keeps all later ones from becoming durable.
        Hole = "hole",
    }
}

/// What the phone last heard about its incarnation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Durable {
    /// The tick of the request that was answered with it.
    pub asked: Tick,
    /// All counters up to here survive any crash of the server.
    pub through: u64,
}

/// Whether `held` says that a counter has not arrived. What lies behind the last hole is not told.
#[must_use]
pub fn is_missing(held: &Held, n: u64) -> bool {
    if n <= held.through {
        return false;
    }
    held.holes.is_empty() || held.holes.iter().any(|(first, last)| (*first..=*last).contains(&n))
}

/// The highest counter that `held` shows to have arrived: behind a hole there is another one.
#[must_use]
pub fn highest_shown(held: &Held) -> u64 {
    held.holes.iter().map(|(_, last)| last.saturating_add(1)).fold(held.through, u64::max)
}

impl Stored {
    /// Takes what the server holds of the incarnation that asked.
    pub(super) fn take_held(&mut self, asked: &Asked, held: &Held) {
        let current = held.device == self.device && asked.device == self.device;
        if !current || asked.tick < self.durable.asked {
            return;
        }
        if held.durable_through < self.durable.through && is_planted(Defect::HeldNeverBack) {
            return;
        }
        self.durable = Durable { asked: asked.tick, through: held.durable_through };
        if highest_shown(held) > self.minted {
            self.new_device = Some(NewDevice::Ahead);
        }
        self.send_missing_again(asked, held);
    }

    /// What was answered before the request was made, and is missing now, has been lost.
    fn send_missing_again(&mut self, asked: &Asked, held: &Held) {
        let lost = |kept: &Kept| {
            kept.device == held.device
                && kept.is_stored()
                && kept.since <= asked.tick
                && is_missing(held, kept.n)
        };
        if self.outbox.iter().any(lost) {
            self.wait_again(lost);
        }
    }

    /// Another epoch: whatever was answered was answered by data that may be gone.
    pub(super) fn send_all_again(&mut self) {
        self.wait_again(|_| true);
        (self.pulled, self.durable) = (0, Durable::default());
    }

    fn wait_again(&mut self, which: impl Fn(&Kept) -> bool) {
        self.tick += 1;
        let tick = self.tick;
        self.outbox.iter_mut().filter(|kept| which(kept)).for_each(|kept| kept.wait_again(tick));
    }

    /// Lets go of what may go, and sees whether a counter stands in the way of all later ones.
    pub(super) fn release(&mut self, server_now_ms: Millis) {
        let mut outbox = std::mem::take(&mut self.outbox);
        outbox.retain(|kept| !self.may_go(kept, server_now_ms));
        self.outbox = outbox;
        if self.new_device.is_none() && self.is_blocked() {
            self.new_device = Some(NewDevice::Hole);
        }
    }

    /// An op leaves when nothing more is to come, it survives any crash, its effect is in the base,
    /// and the time is over in which a server might be restored to an older state.
    fn may_go(&self, kept: &Kept, server_now_ms: Millis) -> bool {
        if is_planted(Defect::ReleasedByCounter) {
            return kept.device == self.device && kept.n <= self.durable.through;
        }
        kept.standing == Standing::Settled
            && self.is_durable(kept)
            && self.is_pulled(kept)
            && self.is_kept_long_enough(kept, server_now_ms)
    }

    /// Whether an op survives any crash of the server: its counter does, and the server was asked
    /// about its id. Counters alone do not say it, because a clone of this phone mints the same ones;
    /// of an older incarnation `held` tells nothing.
    pub(super) fn is_durable(&self, kept: &Kept) -> bool {
        let counted = kept.device != self.device || kept.n <= self.durable.through;
        counted && kept.confirmed
    }

    /// Whether the base has the effect: all was read by a request made after the op was settled.
    pub(super) fn is_pulled(&self, kept: &Kept) -> bool {
        kept.standing == Standing::Settled && self.pulled >= kept.since
    }

    fn is_kept_long_enough(&self, kept: &Kept, server_now_ms: Millis) -> bool {
        let keep_ms = if is_planted(Defect::ReleasedAtOnce) { 0 } else { self.limits.keep_ms };
        server_now_ms.saturating_sub(kept.answered_ms) >= keep_ms
    }

    /// Whether the server is to be asked about an op: in review, or about to go.
    pub(super) fn is_to_be_asked(&self, kept: &Kept) -> bool {
        let about_to_go = self.leaving.contains(kept.bucket)
            || self.is_kept_long_enough(kept, self.server_now_ms);
        match kept.standing {
            Standing::Waiting | Standing::Refused => false,
            Standing::InReview => true,
            Standing::Settled => !kept.confirmed && about_to_go,
        }
    }

    /// Whether a bucket holds no op that the server might not have.
    pub(super) fn is_pushed(&self, bucket: BuildingId) -> bool {
        self.outbox.of_bucket(bucket).all(|kept| match kept.standing {
            Standing::Waiting => false,
            // The server keeps the bytes of what it refused.
            Standing::Refused => true,
            Standing::InReview | Standing::Settled => self.is_durable(kept),
        })
    }

    /// Whether the first counter that is not durable can never become so, while a later op waits
    /// for it: the op that bore it was refused, set aside or is gone.
    fn is_blocked(&self) -> bool {
        let ours = || self.outbox.iter().filter(|kept| kept.device == self.device);
        let hole = self.durable.through + 1;
        let may_fill = |kept: &Kept| {
            kept.n == hole && kept.standing != Standing::Refused && !kept.is_set_aside(&self.limits)
        };
        ours().any(|kept| kept.n > hole && kept.is_stored()) && !ours().any(may_fill)
    }
}
