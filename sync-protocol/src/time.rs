//! Corrected time (trusted time): when something really happened, whatever the phone's clock says.
//!
//! A clock never gets a record refused. The time is corrected once, at first acceptance, and is
//! stored with its quality; a phone's clock is never merged into the server's.

use crate::codes::codes;
use crate::ids::BootId;
use crate::zoo::{Defect, is_planted};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Milliseconds since 1970-01-01T00:00:00Z.
pub type Millis = i64;

/// More than this between the phone's clock and the corrected time is the issue `clock_skew`.
pub const CLOCK_SKEW_MS: Millis = 5 * 60 * 1000;

/// When the phone says it captured something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Captured {
    /// The phone's wall clock, as it was.
    pub wall_ms: Millis,
    /// The phone's offset from UTC, in minutes.
    #[serde(default)]
    pub utc_offset_min: i32,
    /// The phone's monotonic clock, counted from its boot.
    #[serde(default)]
    pub mono_ms: Option<Millis>,
    /// The boot that `mono_ms` belongs to.
    #[serde(default)]
    pub boot_id: Option<BootId>,
    /// What the phone last knew of the server's clock in the same boot.
    #[serde(default)]
    pub anchor: Option<Anchor>,
}

/// The server's clock as the phone last heard it, and the monotonic time since then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// The server's time that the phone last heard.
    pub server_ms: Millis,
    /// Monotonic time from then to the capture, without a reboot between.
    pub elapsed_ms: Millis,
}

/// The phone's clocks at the moment of a sync.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockReading {
    /// The phone's wall clock.
    pub wall_ms: Millis,
    /// The phone's monotonic clock.
    #[serde(default)]
    pub mono_ms: Option<Millis>,
    /// The boot that `mono_ms` belongs to.
    #[serde(default)]
    pub boot_id: Option<BootId>,
    /// For earlier boots: server time minus wall clock, as last measured in that boot.
    #[serde(default)]
    pub boot_offsets_ms: BTreeMap<BootId, Millis>,
}

codes! {
    /// How a corrected time was found, best first.
    pub enum TimeQuality {
        /// From monotonic time that joins the capture to a known server time: exact.
        Anchored = "anchored",
        /// From the wall clock and a measured offset.
        Offset = "offset",
        /// From the wall clock alone.
        WallOnly = "wall_only",
        /// It lay in the future and was cut to the time of receipt.
        Clamped = "clamped",
    }
}

/// The time a fact is dated with, stamped once at first acceptance and never changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Stamp {
    /// Corrected time; never after `received_ms`.
    pub corrected_ms: Millis,
    /// When the server first received it.
    pub received_ms: Millis,
    /// How the corrected time was found.
    pub quality: TimeQuality,
}

impl Stamp {
    /// Corrects a capture time. `now` is the phone's clocks at this sync, where it sent them.
    ///
    /// Best first: the anchor that the capture carries; the monotonic distance within the same
    /// boot; the wall clock plus that boot's known offset, or the offset seen at this sync; the
    /// wall clock alone.
    #[must_use]
    pub fn correct(captured: &Captured, now: Option<&ClockReading>, received_ms: Millis) -> Self {
        let (raw_ms, quality) = captured
            .by_anchor()
            .or_else(|| captured.by_monotonic(now?, received_ms))
            .map(|at_ms| (at_ms, TimeQuality::Anchored))
            .or_else(|| Some((captured.by_offset(now?, received_ms), TimeQuality::Offset)))
            .unwrap_or((captured.wall_ms, TimeQuality::WallOnly));
        if raw_ms > received_ms {
            Self { corrected_ms: received_ms, received_ms, quality: TimeQuality::Clamped }
        } else {
            Self { corrected_ms: raw_ms, received_ms, quality }
        }
    }

    /// Whether the phone's clock was more than five minutes off.
    #[must_use]
    pub fn is_skewed(&self, captured: &Captured) -> bool {
        captured.wall_ms.saturating_sub(self.corrected_ms).saturating_abs() > CLOCK_SKEW_MS
    }
}

impl Captured {
    fn by_anchor(&self) -> Option<Millis> {
        let anchor = self.anchor.as_ref().filter(|anchor| anchor.elapsed_ms >= 0)?;
        if is_planted(Defect::ElapsedForgotten) {
            return Some(anchor.server_ms);
        }
        Some(anchor.server_ms.saturating_add(anchor.elapsed_ms))
    }

    fn by_monotonic(&self, now: &ClockReading, received_ms: Millis) -> Option<Millis> {
        if self.boot_id? != now.boot_id? {
            return None;
        }
        let elapsed_ms = now.mono_ms?.saturating_sub(self.mono_ms?);
        (elapsed_ms >= 0).then(|| received_ms.saturating_sub(elapsed_ms))
    }

    fn by_offset(&self, now: &ClockReading, received_ms: Millis) -> Millis {
        let of_boot = self.boot_id.and_then(|boot| now.boot_offsets_ms.get(&boot).copied());
        let offset_ms = of_boot.unwrap_or_else(|| received_ms.saturating_sub(now.wall_ms));
        self.wall_ms.saturating_add(offset_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    const RECEIVED: Millis = 1_000_000;

    fn captured(wall_ms: Millis, mono_ms: Millis, boot: u128) -> Captured {
        let boot_id = Some(BootId(Uuid::from_u128(boot)));
        Captured { wall_ms, utc_offset_min: 480, mono_ms: Some(mono_ms), boot_id, anchor: None }
    }

    fn now(wall_ms: Millis, mono_ms: Millis, boot: u128) -> ClockReading {
        let boot_id = Some(BootId(Uuid::from_u128(boot)));
        ClockReading { wall_ms, mono_ms: Some(mono_ms), boot_id, boot_offsets_ms: BTreeMap::new() }
    }

    #[test]
    fn the_same_boot_gives_the_exact_time_whatever_the_clock_says() {
        let stamp = Stamp::correct(&captured(99, 5_000, 1), Some(&now(7, 65_000, 1)), RECEIVED);
        assert_eq!((stamp.corrected_ms, stamp.quality), (940_000, TimeQuality::Anchored));
    }

    #[test]
    fn another_boot_takes_that_boots_offset_before_todays() {
        let mut reading = now(500_000, 10, 2);
        let by_today = Stamp::correct(&captured(400_000, 5, 1), Some(&reading), RECEIVED);
        assert_eq!((by_today.corrected_ms, by_today.quality), (900_000, TimeQuality::Offset));
        reading.boot_offsets_ms.insert(BootId(Uuid::from_u128(1)), 100);
        let by_boot = Stamp::correct(&captured(400_000, 5, 1), Some(&reading), RECEIVED);
        assert_eq!((by_boot.corrected_ms, by_boot.quality), (400_100, TimeQuality::Offset));
    }

    #[test]
    fn a_time_in_the_future_is_cut_to_the_time_of_receipt() {
        let stamp = Stamp::correct(&captured(4_070_908_800_000, 5, 1), None, RECEIVED);
        assert_eq!((stamp.corrected_ms, stamp.quality), (RECEIVED, TimeQuality::Clamped));
    }

    #[test]
    fn extreme_clocks_do_not_overflow() {
        for wall_ms in [Millis::MIN, -1, 0, Millis::MAX] {
            for mono_ms in [Millis::MIN, 0, Millis::MAX] {
                let reading = now(wall_ms, mono_ms, 1);
                let stamp =
                    Stamp::correct(&captured(wall_ms, mono_ms, 1), Some(&reading), RECEIVED);
                assert!(stamp.corrected_ms <= RECEIVED);
                let far = wall_ms.abs_diff(stamp.corrected_ms) > 300_000;
                assert_eq!(stamp.is_skewed(&captured(wall_ms, mono_ms, 1)), far);
            }
        }
    }

    #[test]
    fn the_anchor_of_the_capture_comes_first() {
        let mut at = captured(RECEIVED + 93_600_000, 5, 1);
        at.anchor = Some(Anchor { server_ms: 800_000, elapsed_ms: 50_000 });
        let stamp = Stamp::correct(&at, Some(&now(9, 9, 9)), RECEIVED);
        assert_eq!((stamp.corrected_ms, stamp.quality), (850_000, TimeQuality::Anchored));
        assert!(stamp.is_skewed(&at));
    }
}
