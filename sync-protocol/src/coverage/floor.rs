//! The state of a floor (楼层), from the counts of its offices and its room list.
//!
//! Source: domain §3.7.

use super::counts::Counts;
use crate::codes::codes;

codes! {
    /// How much is known of a floor's rooms (底数).
    pub enum RosterStatus {
        /// 未摸底.
        Unsurveyed = "unsurveyed",
        /// 已导入未核实.
        Imported = "imported",
        /// 已核实.
        Confirmed = "confirmed",
    }
}

codes! {
    /// Where a floor stands.
    pub enum FloorState {
        /// 未摸底: nobody knows its rooms, or nobody confirmed them and nobody has been there.
        Unsurveyed = "unsurveyed",
        /// 无房间.
        NotApplicable = "not_applicable",
        /// 未开始.
        NotStarted = "not_started",
        /// 进行中.
        InProgress = "in_progress",
        /// 待补证据.
        EvidencePending = "evidence_pending",
        /// 已完成.
        Complete = "complete",
    }
}

impl FloorState {
    /// The state of a floor whose offices add up to `offices`.
    #[must_use]
    pub fn of(offices: &Counts, roster: RosterStatus) -> Self {
        let confirmed = roster == RosterStatus::Confirmed;
        let started = offices.unvisited < offices.in_scope;
        match offices.in_scope {
            0 if confirmed => Self::NotApplicable,
            0 => Self::Unsurveyed,
            _ if !started && confirmed => Self::NotStarted,
            _ if !started => Self::Unsurveyed,
            all if offices.covered < all || !confirmed => Self::InProgress,
            _ if offices.evidence_pending > 0 => Self::EvidencePending,
            _ => Self::Complete,
        }
    }

    /// What the floor adds to the counts of its building, besides its offices.
    #[must_use]
    pub fn counts(self, offices: &Counts, roster: RosterStatus) -> Counts {
        Counts {
            floors_with_rooms: i64::from(offices.in_scope > 0),
            floors_complete: i64::from(self == Self::Complete),
            floors_unsurveyed: i64::from(self == Self::Unsurveyed),
            floors_unconfirmed: i64::from(roster != RosterStatus::Confirmed),
            ..Counts::default()
        }
    }
}
