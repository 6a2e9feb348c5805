//! Where the ops on a phone stand, before and after a step, and what a step may not do to them.

use super::Broken;
use crate::core::KEEP_MS;
use crate::ledger::Ledger;
use saolou_protocol::ids::OpId;
use saolou_protocol::phone::Phone;
use saolou_protocol::time::Millis;
use std::collections::BTreeMap;
use uuid::Uuid;

/// Where the ops on a phone stand.
pub(crate) struct Standings {
    epoch: Option<Uuid>,
    /// Whether the phone takes an op for stored on the server.
    stored: BTreeMap<OpId, bool>,
}

impl Standings {
    pub(crate) fn of(phone: &Phone) -> Self {
        let ops = phone.stored().outbox().iter();
        let stored = ops.map(|op| (op.op_id, op.is_stored())).collect();
        Self { epoch: phone.stored().epoch(), stored }
    }

    /// The ops that have left the phone since.
    pub(crate) fn released(&self, after: &Self) -> Vec<OpId> {
        self.stored.keys().copied().filter(|op| !after.stored.contains_key(op)).collect()
    }

    /// The ops that the server had, and of which the phone now knows that they are lost.
    pub(crate) fn lost(&self, after: &Self) -> Vec<OpId> {
        let was_stored = self.stored.iter().filter(|(_, stored)| **stored).map(|(op, _)| *op);
        was_stored.filter(|op| after.stored.get(op) == Some(&false)).collect()
    }

    fn answered(&self, after: &Self) -> impl Iterator<Item = OpId> {
        let waited = |op: &OpId| self.stored.get(op) == Some(&false);
        let stored = after.stored.iter().filter(|(_, stored)| **stored).map(|(op, _)| *op);
        stored.filter(waited).collect::<Vec<OpId>>().into_iter()
    }
}

/// The answer to a request that was made before its op was found to be lost says nothing (SY-11).
/// `lost` has the last request that was made before.
pub(crate) fn late_answers(
    lost: &BTreeMap<OpId, u64>,
    made: u64,
    (before, after): (&Standings, &Standings),
) -> Result<(), Broken> {
    let is_late = |op: &OpId| lost.get(op).is_some_and(|last| made <= *last);
    match before.answered(after).find(is_late) {
        Some(op) => {
            let what = format!("{op} was found to be lost after request {made} was made");
            Err(Broken::new("SY-11", what))
        }
        None => Ok(()),
    }
}

/// In another epoch whatever is kept is sent again (SY-13).
pub(crate) fn resent(before: &Standings, after: &Standings) -> Result<(), Broken> {
    if before.epoch.is_none() || before.epoch == after.epoch {
        return Ok(());
    }
    match after.stored.iter().find(|(_, stored)| **stored) {
        Some((op, _)) => {
            Err(Broken::new("SY-13", format!("{op} was answered in another epoch, and rests")))
        }
        None => Ok(()),
    }
}

/// What was answered stays on its phone as long as a server may be restored to an older state (SY-12).
pub(crate) fn kept_long_enough(
    ledger: &Ledger,
    released: &[OpId],
    step: &str,
    now_ms: Millis,
) -> Result<(), Broken> {
    let early = |op: &&OpId| {
        let first_ms = ledger.answered_ms.get(op);
        step == "release" && first_ms.is_some_and(|first_ms| now_ms - first_ms < KEEP_MS)
    };
    match released.iter().find(early) {
        Some(op) => Err(Broken::new("SY-12", format!("{op} left its phone before its time"))),
        None => Ok(()),
    }
}
