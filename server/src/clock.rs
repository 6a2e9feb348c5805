//! Time and ids: the only place where the real clock and real randomness are read.

use saolou_protocol::time::Millis;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use uuid::Uuid;

/// The server's clock. The demo and the tests shift it, and it still runs; the simulation halts it.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    shift_ms: Arc<AtomicI64>,
    is_halted: Arc<AtomicBool>,
    halted_ms: Arc<AtomicI64>,
}

impl Clock {
    /// Milliseconds since 1970, shifted where the clock was set.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is where the real clock is read")]
    pub fn now_ms(&self) -> Millis {
        if self.is_halted.load(Ordering::Acquire) {
            return self.halted_ms.load(Ordering::Acquire);
        }
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let real_ms = Millis::try_from(since.as_millis()).unwrap_or(Millis::MAX);
        real_ms + self.shift_ms.load(Ordering::Relaxed)
    }

    /// Sets the clock, from where it runs on.
    pub fn set_ms(&self, now_ms: Millis) {
        let behind_ms = now_ms - self.now_ms();
        self.shift_ms.fetch_add(behind_ms, Ordering::Relaxed);
    }

    /// Halts the clock: from now on it shows this time, until it is halted at another one.
    pub fn halt_at(&self, now_ms: Millis) {
        self.halted_ms.store(now_ms, Ordering::Release);
        self.is_halted.store(true, Ordering::Release);
    }

    /// A new id whose leading bits grow with time, for the locality of keys.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is where ids are minted")]
    pub fn new_id(&self) -> Uuid {
        Uuid::now_v7()
    }
}
