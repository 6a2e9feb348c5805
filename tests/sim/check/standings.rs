//! Where the ops on a phone stand, before and after a step, and what a step may not do to them.

use super::Broken;
use crate::backend::Reply;
use crate::core::KEEP_MS;
use crate::ledger::Ledger;
use saolou_protocol::held::Held;
use saolou_protocol::ids::OpId;
use saolou_protocol::phone::Phone;
use saolou_protocol::phone::outbox::{Kept, Tick};
use saolou_protocol::phone::release::is_missing;
use saolou_protocol::phone::request::Asked;
use saolou_protocol::time::Millis;
use saolou_protocol::wire::SyncReply;
use std::collections::BTreeMap;
use uuid::Uuid;

/// What a reply says of what is held, and when it was asked.
pub(crate) struct Heard {
    /// Which request of the run it was.
    pub(crate) made: u64,
    /// What the phone knew when it asked.
    pub(crate) tick: Tick,
    /// Of the incarnation that asked, if the reply can be read.
    pub(crate) held: Option<Held>,
}

impl Heard {
    pub(crate) fn of(made: u64, asked: &Asked, reply: &Reply) -> Self {
        let told = serde_json::from_slice::<SyncReply>(&reply.body).ok();
        let held = told.map(|told| told.held).filter(|held| held.device == asked.device);
        Self { made, tick: asked.tick, held }
    }
}

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

/// What was answered before a request was made, and is missing in what the server holds, waits again
/// (SY-11).
pub(crate) fn missing_waits(phone: &Phone, held: &Held, tick: Tick) -> Result<(), Broken> {
    let rests = |op: &&Kept| {
        let theirs = op.device == held.device && op.device == phone.stored().device();
        theirs && op.is_stored() && op.since <= tick && is_missing(held, op.n)
    };
    match phone.stored().outbox().iter().find(rests) {
        Some(op) => {
            let what = format!("{} is missing on the server, and rests", op.op_id);
            Err(Broken::new("SY-11", what))
        }
        None => Ok(()),
    }
}

/// Nothing takes an op away but letting go and purging (SY-12, SY-14).
pub(crate) fn let_go(released: &[OpId], step: &str) -> Result<(), Broken> {
    match released.first() {
        Some(op) if !matches!(step, "release" | "purge") => {
            Err(Broken::new("SY-14", format!("{op} left its phone ({step})")))
        }
        _ => Ok(()),
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
