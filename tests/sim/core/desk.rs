//! The desk of the server in memory: what it does apart from filing ops.

use super::Core;
use super::data::Waiting;
use crate::backend::Desk;
use crate::field;
use saolou_protocol::engine::push::{Judged, Verdict};
use saolou_protocol::fact::Fact;
use saolou_protocol::ids::UserId;
use saolou_protocol::op::Op;
use saolou_protocol::time::{Millis, Stamp, TimeQuality};
use saolou_protocol::zoo::{Defect, is_planted};

impl Core {
    /// Does it.
    pub(super) fn decide(&mut self, act: &Desk, now_ms: Millis) {
        match act {
            Desk::Assign { user, building, has } => {
                let times = self.data.assigned.entry((*user, *building)).or_default();
                let is = times.last().is_some_and(|time| time.contains(&now_ms));
                match (is, has) {
                    (false, true) => times.push(now_ms..Millis::MAX),
                    (true, false) => times.last_mut().expect("it holds now").end = now_ms,
                    _ => {}
                }
            }
            Desk::Suspend { user, is: true } => {
                self.data.suspended.entry(*user).or_insert(now_ms);
            }
            Desk::Suspend { user, is: false } => drop(self.data.suspended.remove(user)),
            // Nobody has heard of a device that never filed anything.
            Desk::Revoke { device } if !self.data.devices.contains(device) => {}
            Desk::Revoke { device } => drop(self.data.revoked.insert(*device)),
            Desk::ReleaseAll => {
                let desk = field::desk();
                let waiting: Vec<Judged> = self
                    .data
                    .quarantine
                    .iter()
                    .filter(|((op, _, sender), waiting)| {
                        waiting.is_waiting
                            && waiting.op.author == *sender
                            && !self.data.accepted.contains_key(op)
                    })
                    .map(|(_, Waiting { op, stamp, .. })| {
                        let mut stamp = *stamp;
                        if is_planted(Defect::ReleaseDatesAnew) {
                            stamp.corrected_ms = now_ms;
                        }
                        let op = Op::restore(op.canonical.clone(), op.hash);
                        to_merge(op.expect("it was read"), stamp, desk)
                    })
                    .collect();
                self.commit(&waiting);
            }
            Desk::Verify { op, building, photo } => {
                let (corrected_ms, received_ms) = (now_ms, now_ms);
                let stamp = Stamp { corrected_ms, received_ms, quality: TimeQuality::WallOnly };
                let ops = field::photo_ops(*op, *building, *photo, now_ms);
                let filed = ops.map(|op| {
                    let author = op.author;
                    to_merge(op, stamp, author)
                });
                self.commit(&filed);
            }
        }
    }
}

/// An op that takes effect whoever sent it.
fn to_merge(op: Op, stamp: Stamp, sender: UserId) -> Judged {
    let (fact, issues) = Fact::read(&op, stamp);
    let verdict = Verdict::Merge(Box::new(fact));
    Judged { op, stamp, street: field::street(), sender, issues, verdict }
}
