//! What a phone knows of the server's clock: anchors for captures, offsets of earlier boots.

use crate::ids::BootId;
use crate::time::{Anchor, Captured, ClockReading, Millis};
use crate::zoo::{Defect, is_planted};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// A reply that took longer than this says too little about the server's time.
pub const PROMPT_MS: Millis = 60_000;
/// Most boots whose offsets are kept.
const BOOTS_MAX: usize = 16;

/// The server's clock as the phone last heard it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Clocks {
    heard: Option<Heard>,
    /// Server time minus wall clock, as last measured in each boot.
    offsets_ms: BTreeMap<BootId, Millis>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Heard {
    server_ms: Millis,
    mono_ms: Millis,
    boot: BootId,
}

impl Clocks {
    /// Hears the server's time in a reply to a request that was made when the clocks stood at
    /// `sent`. A reply that was long under way is no clock.
    pub(super) fn hear(&mut self, sent: &ClockReading, now: &ClockReading, server_ms: Millis) {
        let (Some(boot), Some(mono_ms)) = (now.boot_id, now.mono_ms) else { return };
        if !is_prompt(sent, now) {
            return;
        }
        self.heard = Some(Heard { server_ms, mono_ms, boot });
        self.offsets_ms.insert(boot, server_ms.saturating_sub(now.wall_ms));
    }

    /// Forgets boots in which nothing was captured that is still kept.
    pub(super) fn forget_all_but(&mut self, boots: &BTreeSet<BootId>) {
        let current = self.heard.map(|heard| heard.boot);
        self.offsets_ms.retain(|boot, _| boots.contains(boot) || current == Some(*boot));
        while self.offsets_ms.len() > BOOTS_MAX {
            self.offsets_ms.pop_first();
        }
    }

    /// The anchor for a moment of a boot, where the server was heard in it before.
    #[must_use]
    pub fn anchor(&self, boot: BootId, mono_ms: Millis) -> Option<Anchor> {
        let is_of_boot =
            |heard: &Heard| heard.boot == boot || is_planted(Defect::AnchorAcrossBoots);
        let heard = self.heard.filter(is_of_boot)?;
        let elapsed_ms = mono_ms.saturating_sub(heard.mono_ms);
        (elapsed_ms >= 0).then_some(Anchor { server_ms: heard.server_ms, elapsed_ms })
    }

    /// Puts the anchor into the content of an op that has none, and leaves all else as it is.
    pub(super) fn anchor_capture(&self, content: &mut Map<String, Value>) {
        let Some(Value::Object(captured)) = content.get_mut("captured") else { return };
        let Ok(read) = serde_json::from_value::<Captured>(Value::Object(captured.clone())) else {
            return;
        };
        let (None, Some(boot), Some(mono_ms)) = (read.anchor, read.boot_id, read.mono_ms) else {
            return;
        };
        if let Some(Anchor { server_ms, elapsed_ms }) = self.anchor(boot, mono_ms) {
            let anchor = serde_json::json!({"server_ms": server_ms, "elapsed_ms": elapsed_ms});
            captured.insert("anchor".into(), anchor);
        }
    }

    /// The clocks as sent: with the offsets of earlier boots.
    #[must_use]
    pub fn reading(&self, clock: &ClockReading) -> ClockReading {
        let mut reading = clock.clone();
        for (boot, offset_ms) in &self.offsets_ms {
            if clock.boot_id != Some(*boot) {
                reading.boot_offsets_ms.entry(*boot).or_insert(*offset_ms);
            }
        }
        reading
    }
}

/// Whether a reply came soon enough after its request, by a clock that cannot be set.
fn is_prompt(sent: &ClockReading, now: &ClockReading) -> bool {
    let (Some(from), Some(to)) = (sent.mono_ms, now.mono_ms) else { return false };
    sent.boot_id == now.boot_id && (0..=PROMPT_MS).contains(&to.saturating_sub(from))
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn at(boot: u128, mono_ms: Millis, wall_ms: Millis) -> ClockReading {
        let boot_id = Some(BootId(Uuid::from_u128(boot)));
        ClockReading { wall_ms, mono_ms: Some(mono_ms), boot_id, boot_offsets_ms: BTreeMap::new() }
    }

    #[test]
    fn a_reply_that_was_long_under_way_is_no_clock() {
        let mut clocks = Clocks::default();
        clocks.hear(&at(1, 0, 5), &at(1, PROMPT_MS + 1, 5), 1_000);
        clocks.hear(&at(1, 9, 5), &at(1, 8, 5), 1_000);
        clocks.hear(&at(1, 9, 5), &at(2, 10, 5), 1_000);
        assert_eq!(clocks, Clocks::default());
        clocks.hear(&at(1, 0, 5), &at(1, PROMPT_MS, 5), 1_000);
        let anchor = clocks.anchor(BootId(Uuid::from_u128(1)), PROMPT_MS + 30);
        assert_eq!(anchor, Some(Anchor { server_ms: 1_000, elapsed_ms: 30 }));
    }

    #[test]
    fn an_anchor_never_crosses_a_reboot_or_runs_backwards() {
        let mut clocks = Clocks::default();
        clocks.hear(&at(1, 0, 5), &at(1, 10, 5), 1_000);
        assert_eq!(clocks.anchor(BootId(Uuid::from_u128(2)), 20), None);
        assert_eq!(clocks.anchor(BootId(Uuid::from_u128(1)), 9), None);
    }

    #[test]
    fn offsets_of_earlier_boots_are_sent_and_those_of_no_kept_op_forgotten() {
        let mut clocks = Clocks::default();
        clocks.hear(&at(1, 0, 5), &at(1, 10, 5), 1_000);
        clocks.hear(&at(2, 0, 7), &at(2, 10, 7), 2_000);
        let sent = clocks.reading(&at(3, 0, 0)).boot_offsets_ms;
        let boots = [1, 2].map(|boot| BootId(Uuid::from_u128(boot)));
        assert_eq!(sent, BTreeMap::from([(boots[0], 995), (boots[1], 1_993)]));
        clocks.forget_all_but(&BTreeSet::new());
        let sent = clocks.reading(&at(3, 0, 0)).boot_offsets_ms;
        assert_eq!(sent, BTreeMap::from([(boots[1], 1_993)]));
    }
}
