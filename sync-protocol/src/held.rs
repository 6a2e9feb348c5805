//! What the server holds of a device: which counters of its outbox have arrived.

use crate::ids::DeviceId;
use crate::zoo::{Defect, is_planted};
use serde::{Deserialize, Serialize};

/// Most holes that are listed; what lies behind the last of them is not told.
pub const HOLES_MAX: usize = 64;

/// What the server holds of a device incarnation. Counters run from 1 without gaps.
///
/// A phone keeps an op until it was answered, `n ≤ durable_through`, and its effect was pulled.
/// Where `held` goes backwards (failover, restore), the phone sends the difference again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The device incarnation.
    pub device: DeviceId,
    /// All counters up to here have arrived.
    pub through: u64,
    /// Counters beyond `through` that have not arrived though later ones have: first and last of
    /// each run, ascending, at most [`HOLES_MAX`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holes: Vec<(u64, u64)>,
    /// All counters up to here survive any crash of the server.
    pub durable_through: u64,
}

impl Held {
    /// What is held where all counters up to `base` have arrived, and of those beyond it these:
    /// ascending, repetitions allowed.
    #[must_use]
    pub fn of(device: DeviceId, base: u64, beyond: impl IntoIterator<Item = u64>) -> Self {
        let (mut through, mut last, mut holes) = (base, base, Vec::new());
        for n in beyond {
            if n <= last {
                continue;
            }
            if n == last + 1 && last == through || is_planted(Defect::HolesHeld) {
                through = n;
            } else if n > last + 1 && holes.len() < HOLES_MAX {
                holes.push((last + 1, n - 1));
            }
            last = n;
        }
        Self { device, through, holes, durable_through: through }
    }
}
