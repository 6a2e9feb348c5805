//! The push half before any lock: reading ops, and judging who may say what where.
//!
//! Nothing is refused for its content. What is no op at all is answered `refused` and kept for
//! repair; what may not take effect goes to quarantine, stored and visible to the desk; everything
//! else is merged.

use crate::fact::Fact;
use crate::ids::{BuildingId, DeviceId, OpId, UserId};
use crate::issue::Issues;
use crate::op::{Op, Refusal};
use crate::time::{ClockReading, Millis, Stamp};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use uuid::Uuid;

/// How much of something that is no op is kept for repair, in bytes.
pub const REFUSED_BYTES_MAX: usize = 64 * 1024;

/// An op that could be read.
#[derive(Clone, Debug)]
pub struct Read {
    /// The op; of its body only the canonical form is left.
    pub op: Op,
    /// When it happened and when it came.
    pub stamp: Stamp,
    /// What it says.
    pub fact: Fact,
    /// What is odd about it.
    pub issues: Issues,
}

/// Something sent that is no op.
#[derive(Clone, Debug)]
pub struct NoOp {
    /// Why.
    pub refusal: Refusal,
    /// The device and counter that it claims, where they can be read: what is kept for repair is
    /// held, and leaves no hole in the outbox.
    pub counter: Option<(DeviceId, u64)>,
    /// As much of it as is kept.
    pub sent: Vec<u8>,
}

/// An op that was read and judged.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The op.
    pub op: Op,
    /// When it happened and when it came.
    pub stamp: Stamp,
    /// The street whose data it belongs to.
    pub street: Uuid,
    /// Who sent it.
    pub sender: UserId,
    /// What is odd about it.
    pub issues: Issues,
    /// What to do with it.
    pub verdict: Verdict,
}

/// What to do with an op.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// Merge what it says.
    Merge(Box<Fact>),
    /// Store it for the desk, with this reason.
    Quarantine(&'static str),
}

/// Reads one op as sent. This is the costly part of a push: parsing, canonical form, hash, issues.
///
/// # Errors
/// A [`NoOp`], which is answered `refused` and kept.
pub fn read(sent: &str, clock: Option<&ClockReading>, received_ms: Millis) -> Result<Read, NoOp> {
    let mut op = Op::parse(sent.as_bytes()).map_err(|refusal| {
        let kept = sent.len().min(REFUSED_BYTES_MAX);
        NoOp { refusal, counter: claimed(sent), sent: sent.as_bytes()[..kept].to_vec() }
    })?;
    let stamp = Stamp::correct(&op.captured, clock, received_ms);
    let (fact, issues) = Fact::read(&op, stamp);
    // The fact holds what matters, the canonical form holds everything: while a push waits for the
    // writer, a parsed body would only take memory.
    (op.body, op.seen) = (serde_json::Map::new(), Vec::new());
    op.canonical.shrink_to_fit();
    Ok(Read { op, stamp, fact, issues })
}

fn claimed(sent: &str) -> Option<(DeviceId, u64)> {
    #[derive(Deserialize)]
    struct Claimed {
        device: DeviceId,
        n: u64,
    }
    let Claimed { device, n } = serde_json::from_str(sent).ok()?;
    (1..=crate::op::COUNTER_MAX).contains(&n).then_some((device, n))
}

/// Roles that file ops at all (domain §5.2).
pub const FILING_ROLES: &[&str] =
    &["inspector", "team_leader", "community_manager", "street_supervisor", "dept_liaison"];

/// Whether somebody with these roles may file a kind of op (domain §5.2).
#[must_use]
pub fn may_file(roles: &[&str], kind: &str) -> bool {
    let any = |allowed: &[&str]| roles.iter().any(|role| allowed.contains(role));
    match kind {
        // The server files it, when it has seen the bytes.
        "photo_verified" | "photo_read" | "photo_alike" => false,
        "waive_photo" | "exclusion_approve" | "exclusion_reject" | "visit_void"
        | "visit_unvoid" | "visit_reassign" | "accept_late" | "structure_reject"
        | "office_restore" | "building_accept" | "building_add" | "section_add"
        | "finding_close" | "photo_declassify" => any(&["street_supervisor"]),
        "same_as" | "not_same_as" => any(&["street_supervisor", "community_manager"]),
        "floor_add" | "floor_confirm" | "occupancy_add" | "occupants_confirm" => {
            any(&["inspector", "team_leader", "community_manager", "street_supervisor"])
        }
        _ => any(FILING_ROLES),
    }
}

/// What the server knows of a sender when a push comes.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    /// Who sends.
    pub sender: UserId,
    /// The streets in which he may file.
    pub streets: BTreeSet<Uuid>,
    /// The street of what belongs to no known bucket: his own.
    pub home: Uuid,
    /// The street of each known bucket among those that the ops name.
    pub street_of: BTreeMap<BuildingId, Uuid>,
    /// Buckets that he reaches through a unit.
    pub reached: BTreeSet<BuildingId>,
    /// When he was assigned to which bucket.
    pub assigned: BTreeMap<BuildingId, Vec<Range<Millis>>>,
    /// Since when he is suspended.
    pub suspended_ms: Option<Millis>,
    /// Devices that were revoked.
    pub revoked: BTreeSet<DeviceId>,
    /// Which ops took which counters, among those of the devices in question.
    pub taken: BTreeSet<(DeviceId, u64, OpId)>,
}

impl Standing {
    /// Judges an op. `may_file` says whether the sender may file a kind of op at all.
    ///
    /// Whether somebody was assigned, or suspended already, goes by the corrected time of the
    /// capture: what was seen at the door before that is evidence whenever it arrives (domain C46,
    /// C47). A revoked device may be in anybody's hands: nothing from it counts by itself (C48).
    #[must_use]
    pub fn judge(&self, read: Read, may_file: impl Fn(&str) -> bool) -> Judged {
        let Read { op, stamp, fact, mut issues } = read;
        let known = self.street_of.get(&op.bucket).copied();
        let street = known.unwrap_or(self.home);
        issues.add_if(self.is_forked(&op), "device_forked");
        let observed = matches!(op.kind.as_str(), "visit" | "office_add" | "office_split");
        let outside = known.is_some() && !self.reaches(op.bucket, stamp.corrected_ms);
        issues.add_if(observed && outside, "out_of_assignment");
        let verdict = if op.author != self.sender {
            Verdict::Quarantine("wrong_owner")
        } else if self.revoked.contains(&op.device) {
            Verdict::Quarantine("device_revoked")
        } else if self.suspended_ms.is_some_and(|since| stamp.corrected_ms >= since) {
            Verdict::Quarantine("user_suspended")
        } else if !self.streets.contains(&street) {
            Verdict::Quarantine("foreign_street")
        } else if !may_file(&op.kind) {
            Verdict::Quarantine("forbidden")
        } else {
            Verdict::Merge(Box::new(fact))
        };
        Judged { op, stamp, street, sender: self.sender, issues, verdict }
    }

    fn reaches(&self, bucket: BuildingId, at_ms: Millis) -> bool {
        self.reached.contains(&bucket)
            || self
                .assigned
                .get(&bucket)
                .is_some_and(|times| times.iter().any(|time| time.contains(&at_ms)))
    }

    /// Whether another op took the counter of this one: the device was cloned, or restored from a
    /// backup. Both count; the phone must mint a new incarnation.
    fn is_forked(&self, op: &Op) -> bool {
        let of_counter =
            (op.device, op.n, OpId(Uuid::nil()))..=(op.device, op.n, OpId(Uuid::max()));
        op.n > 0 && self.taken.range(of_counter).any(|(_, _, other)| *other != op.op_id)
    }
}
