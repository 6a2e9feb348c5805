//! The state of a building (楼宇) in a round, and what full coverage (全覆盖验收) still lacks.
//!
//! Source: domain §3.7, §3.8.

use super::counts::Counts;
use crate::codes::{code_set, codes};

codes! {
    /// Where a building stands.
    pub enum BuildingState {
        /// 未开始.
        NotStarted = "not_started",
        /// 进行中.
        InProgress = "in_progress",
        /// 待验收.
        CoveredPendingAcceptance = "covered_pending_acceptance",
        /// 全覆盖（已验收）.
        FullCoverage = "full_coverage",
        /// 验收存疑.
        Challenged = "challenged",
    }
}

codes! {
    /// The conditions of full coverage (domain §3.8, in its order).
    pub enum Condition {
        /// Every floor's room list is confirmed.
        FloorsConfirmed = "floors_confirmed",
        /// There is something in scope.
        SomethingInScope = "something_in_scope",
        /// Everything in scope is covered.
        AllCovered = "all_covered",
        /// No mandatory photo is pending.
        EvidenceIn = "evidence_in",
        /// No structure dispute and no urgent conflict is open.
        NoOpenConflict = "no_open_conflict",
        /// No locked case is open.
        NoOpenCase = "no_open_case",
        /// No unlicensed company is without measure or hand-over.
        UnlicensedDealtWith = "unlicensed_dealt_with",
    }
}

code_set! {
    /// A set of conditions, usually those that are not met.
    pub struct Conditions(u8) of Condition
}

impl Conditions {
    /// The conditions that a building with these counts does not meet.
    #[must_use]
    pub fn unmet(counts: &Counts) -> Self {
        let mut unmet = Self::NONE;
        unmet.insert_if(counts.floors_unconfirmed > 0, Condition::FloorsConfirmed);
        unmet.insert_if(counts.in_scope == 0, Condition::SomethingInScope);
        unmet.insert_if(counts.covered < counts.in_scope, Condition::AllCovered);
        unmet.insert_if(counts.evidence_pending > 0, Condition::EvidenceIn);
        unmet.insert_if(counts.conflicts_open > 0, Condition::NoOpenConflict);
        unmet.insert_if(counts.cases_open > 0, Condition::NoOpenCase);
        unmet.insert_if(counts.unlicensed_open > 0, Condition::UnlicensedDealtWith);
        unmet
    }
}

impl BuildingState {
    /// The state of a building with these counts. An acceptance stands while the conditions hold;
    /// facts that break them, which its author cannot have seen, challenge it.
    #[must_use]
    pub fn of(counts: &Counts, accepted: bool) -> Self {
        let unmet = Conditions::unmet(counts);
        match (accepted, unmet.is_empty()) {
            (true, true) => Self::FullCoverage,
            (true, false) => Self::Challenged,
            (false, true) => Self::CoveredPendingAcceptance,
            (false, false) if counts.unvisited == counts.in_scope => Self::NotStarted,
            (false, false) => Self::InProgress,
        }
    }

    /// What the building adds to the counts of its community, besides its floors.
    #[must_use]
    pub fn counts(self) -> Counts {
        Counts {
            buildings: 1,
            buildings_full: i64::from(self == Self::FullCoverage),
            ..Counts::default()
        }
    }
}
