//! What a phone has stored: all that survives a crash, as one value.

use super::clocks::Clocks;
use super::evidence::Evidence;
use super::leave::Leaving;
use super::outbox::{Kept, Outbox, Standing, Tick};
use super::release::{Durable, NewDevice};
use super::repair::Repair;
use super::replica::Replica;
use super::verbatim::Verbatim;
use super::{LIMITS, NotCaptured};
use crate::ids::{DeviceId, UserId};
use crate::op::{OP_BYTES_MAX, Op, Refusal};
use crate::time::Millis;
use crate::wire::Limits;
use serde_json::{Map, Value};
use uuid::Uuid;

/// What survives a crash. A host stores it whole, or by difference, after every transition and before
/// it says or sends anything that follows from it.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    pub(super) user: UserId,
    pub(super) device: DeviceId,
    /// The highest counter of this incarnation.
    pub(super) minted: u64,
    pub(super) new_device: Option<NewDevice>,
    pub(super) outbox: Outbox,
    pub(super) replica: Replica,
    pub(super) cursor: Option<String>,
    /// The last page was not the last.
    pub(super) more: bool,
    pub(super) epoch: Option<Uuid>,
    pub(super) tick: Tick,
    /// The base has everything that was settled up to this tick.
    pub(super) pulled: Tick,
    pub(super) durable: Durable,
    pub(super) limits: Limits,
    pub(super) server_now_ms: Millis,
    pub(super) leaving: Leaving,
    pub(super) repair: Repair,
    pub(super) clocks: Clocks,
    pub(super) evidence: Evidence,
}

impl Stored {
    pub(super) fn new(user: UserId, device: DeviceId) -> Self {
        Self {
            user,
            device,
            minted: 0,
            new_device: None,
            outbox: Outbox::default(),
            replica: Replica::default(),
            cursor: None,
            more: false,
            epoch: None,
            tick: 0,
            pulled: 0,
            durable: Durable::default(),
            limits: LIMITS,
            server_now_ms: 0,
            leaving: Leaving::default(),
            repair: Repair::default(),
            clocks: Clocks::default(),
            evidence: Evidence::default(),
        }
    }

    /// Whose it is.
    #[must_use]
    pub const fn user(&self) -> UserId {
        self.user
    }

    /// The present device incarnation.
    #[must_use]
    pub const fn device(&self) -> DeviceId {
        self.device
    }

    /// The highest counter that this incarnation minted.
    #[must_use]
    pub const fn minted(&self) -> u64 {
        self.minted
    }

    /// The ops kept.
    #[must_use]
    pub const fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// The base.
    #[must_use]
    pub const fn replica(&self) -> &Replica {
        &self.replica
    }

    /// The buckets that are being left.
    #[must_use]
    pub const fn leaving(&self) -> &Leaving {
        &self.leaving
    }

    /// The repair of the base.
    #[must_use]
    pub const fn repair(&self) -> &Repair {
        &self.repair
    }

    /// The cursor of the last page that was applied.
    #[must_use]
    pub fn cursor(&self) -> Option<&str> {
        self.cursor.as_deref()
    }

    /// The incarnation of the server's data that the phone knows.
    #[must_use]
    pub const fn epoch(&self) -> Option<Uuid> {
        self.epoch
    }

    /// The limits last served.
    #[must_use]
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// What is known of the server's clock.
    #[must_use]
    pub const fn clocks(&self) -> &Clocks {
        &self.clocks
    }

    /// What it has of the evidence log.
    #[must_use]
    pub const fn evidence(&self) -> &Evidence {
        &self.evidence
    }

    pub(super) fn seal(
        &self,
        mut content: Map<String, Value>,
        n: u64,
    ) -> Result<(Op, Verbatim), NotCaptured> {
        content.insert("device".into(), self.device.to_string().into());
        content.insert("n".into(), n.into());
        content.insert("author".into(), self.user.to_string().into());
        self.clocks.anchor_capture(&mut content);
        let (op, sent) = Op::seal(content).map_err(NotCaptured::Refused)?;
        if sent.len() > OP_BYTES_MAX {
            let detail = format!("{} bytes, the limit is {OP_BYTES_MAX}", sent.len());
            let op_id = Some(op.op_id);
            return Err(NotCaptured::Refused(Refusal { code: "too_large", detail, op_id }));
        }
        Ok((op, Verbatim::sealed(sent)))
    }

    pub(super) fn is_refused(&self, kept: &Kept) -> bool {
        kept.standing == Standing::Refused || kept.is_set_aside(&self.limits)
    }

    /// Whether an op is shown on top of the base, because its effect is not in it.
    pub(super) fn is_pending(&self, kept: &Kept) -> bool {
        !self.is_refused(kept) && !self.is_pulled(kept)
    }

    /// Whether the next request should not wait for the timer.
    #[must_use]
    pub fn has_work(&self) -> bool {
        let unread = |kept: &Kept| kept.standing == Standing::Settled && !self.is_pulled(kept);
        let waits = self.outbox.numbers(&self.limits).waiting > 0;
        self.more || waits || self.repair.is_urgent() || self.outbox.iter().any(unread)
    }
}
