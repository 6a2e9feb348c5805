//! The count vector that every level carries, simply added up, and the metrics made from it.
//!
//! Source: domain §3.7. Percentages are computed from sums, never averaged, and floored: `100.0%`
//! appears only where covered equals in scope, and nothing in scope is `—`.

use super::measure::Share;
use super::office::{Flag, Flags, Reason, State};
use super::shared::Companies;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::{AddAssign, SubAssign};

macro_rules! counts {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {
        /// What is added up from offices to the city. All are numbers of things, never shares; on the
        /// wire zeros are left out.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default)]
        pub struct Counts {
            $($(#[$doc])* #[serde(skip_serializing_if = "is_zero")] pub $name: i64),+
        }

        impl Counts {
            /// Names and numbers, zeros included.
            pub fn named(&self) -> impl Iterator<Item = (&'static str, i64)> {
                [$((stringify!($name), self.$name)),+].into_iter()
            }
        }

        impl AddAssign for Counts {
            fn add_assign(&mut self, other: Self) { $(self.$name += other.$name;)+ }
        }

        impl SubAssign for Counts {
            fn sub_assign(&mut self, other: Self) { $(self.$name -= other.$name;)+ }
        }
    };
}

counts! {
    /// Offices in scope: the denominator (底数).
    in_scope,
    /// Offices nobody has been to.
    unvisited,
    /// Offices with an attempt that says nothing about the room.
    attempted,
    /// Offices found locked.
    locked,
    /// Offices that refused or locked on purpose.
    blocked,
    /// Offices with elements still missing.
    partial,
    /// Offices claimed to be no object of the canvass, not approved yet.
    exclusion_pending,
    /// Offices covered, whatever the reason.
    covered,
    /// Of these: inspected.
    inspected,
    /// Of these: closed by a department.
    enforced,
    /// Of these: vacant.
    vacant,
    /// Of these: moved out.
    moved_out,
    /// Of these: under renovation.
    under_renovation,
    /// Offices excluded by an approved decision; not in scope.
    excluded,
    /// Offices whose mandatory photo is promised and not yet verified.
    evidence_pending,
    /// Offices in scope that were not on the first roster.
    added_on_site,
    /// Offices where someone was blocked and no later visit settled it: cases still open.
    cases_open,
    /// Offices with an unlicensed company and neither a measure nor a hand-over.
    unlicensed_open,
    /// Offices that were ever locked or blocked this round.
    ever_shut,
    /// Of these: covered by now.
    ever_shut_covered,
    /// Companies known.
    companies_known,
    /// Companies inspected.
    companies_inspected,
    /// Companies with all three clears.
    companies_three_clear,
    /// Licensed companies inspected.
    companies_licensed,
    /// Of these: with a verified licence photo.
    companies_licence_verified,
    /// Floors that have rooms.
    floors_with_rooms,
    /// Of these: complete.
    floors_complete,
    /// Floors whose rooms nobody has surveyed.
    floors_unsurveyed,
    /// Floors of any kind whose list nobody confirmed.
    floors_unconfirmed,
    /// Buildings.
    buildings,
    /// Buildings accepted as fully covered.
    buildings_full,
    /// Open conflicts.
    conflicts_open,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &i64) -> bool {
    *number == 0
}

/// What one office adds to the counts, besides its state.
#[derive(Clone, Copy, Debug, Default)]
pub struct OfficeExtras {
    /// Not on the first roster.
    pub added_on_site: bool,
    /// Somebody was blocked here after everything that settled the room.
    pub case_open: bool,
    /// An unlicensed company without measure or hand-over.
    pub unlicensed_open: bool,
    /// Ever locked or blocked this round.
    pub ever_shut: bool,
    /// Companies known, inspected, with three clears, licensed, with a verified licence photo.
    pub companies: CompanyCounts,
}

/// Companies of one office.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CompanyCounts {
    /// Companies known.
    pub known: i64,
    /// Companies inspected.
    pub inspected: i64,
    /// Companies with all three clears.
    pub three_clear: i64,
    /// Licensed companies inspected.
    pub licensed: i64,
    /// Of these: with a verified licence photo.
    pub licence_verified: i64,
}

impl Counts {
    /// What one office contributes.
    #[must_use]
    pub fn of_office(
        state: State,
        reason: Option<Reason>,
        flags: Flags,
        extras: OfficeExtras,
    ) -> Self {
        let mut counts = Self::default();
        if state == State::Excluded {
            counts.excluded = 1;
            return counts;
        }
        counts.in_scope = 1;
        *counts.of_state(state) = 1;
        if let Some(reason) = reason {
            *counts.of_reason(reason) = 1;
        }
        let one = i64::from;
        counts.evidence_pending = one(flags.contains(Flag::EvidencePending));
        counts.added_on_site = one(extras.added_on_site);
        counts.cases_open = one(extras.case_open);
        counts.unlicensed_open = one(extras.unlicensed_open);
        counts.ever_shut = one(extras.ever_shut);
        counts.ever_shut_covered = one(extras.ever_shut && state == State::Covered);
        counts.companies_known = extras.companies.known;
        counts.companies_inspected = extras.companies.inspected;
        counts.companies_three_clear = extras.companies.three_clear;
        counts.companies_licensed = extras.companies.licensed;
        counts.companies_licence_verified = extras.companies.licence_verified;
        counts
    }

    fn of_state(&mut self, state: State) -> &mut i64 {
        match state {
            State::Unvisited => &mut self.unvisited,
            State::Attempted => &mut self.attempted,
            State::Locked => &mut self.locked,
            State::Blocked => &mut self.blocked,
            State::Partial => &mut self.partial,
            State::ExclusionPending => &mut self.exclusion_pending,
            State::Covered => &mut self.covered,
            State::Excluded => &mut self.excluded,
        }
    }

    fn of_reason(&mut self, reason: Reason) -> &mut i64 {
        match reason {
            Reason::Inspected => &mut self.inspected,
            Reason::Enforced => &mut self.enforced,
            Reason::Vacant => &mut self.vacant,
            Reason::MovedOut => &mut self.moved_out,
            Reason::UnderRenovation => &mut self.under_renovation,
        }
    }

    /// The metrics of domain §3.7.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        Metrics {
            coverage_rate: Share::Coverage.of(self),
            visited_rate: Share::Visited.of(self),
            inspection_rate: Share::Inspection.of(self),
            locked_rate: Share::Locked.of(self),
            floors_done: Share::FloorsDone.of(self),
            recheck_success: Share::RecheckSuccess.of(self),
            three_clear_rate: Share::ThreeClear.of(self),
            photo_rate: Share::Photo.of(self),
        }
    }
}

/// Shares of the counts; each says its numerator and denominator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metrics {
    /// 覆盖率: covered / in scope.
    pub coverage_rate: Rate,
    /// 走访率: knocked on / in scope; never called coverage.
    pub visited_rate: Rate,
    /// 见面检查率: inspected / (in scope − covered by absence).
    pub inspection_rate: Rate,
    /// 锁门拒检率: (locked + blocked) / in scope.
    pub locked_rate: Rate,
    /// 完成楼层: complete floors / floors with rooms.
    pub floors_done: Rate,
    /// 复查成功率: ever locked or blocked and now covered / ever locked or blocked.
    pub recheck_success: Rate,
    /// 三清率: companies with three clears / companies inspected.
    pub three_clear_rate: Rate,
    /// 拍照固定率: verified licence photos / licensed companies inspected.
    pub photo_rate: Rate,
}

/// A share as whole numbers, shown floored to 0.1 %.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// How many.
    pub part: i64,
    /// Of how many.
    pub whole: i64,
    /// Floored tenths of a percent; null where there is no whole.
    pub permille: Option<i64>,
}

impl Rate {
    /// The share `part / whole`.
    #[must_use]
    pub fn of(part: i64, whole: i64) -> Self {
        Self { part, whole, permille: (whole > 0).then(|| part * 1000 / whole) }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.permille {
            Some(permille) => write!(f, "{}.{}%", permille / 10, permille % 10),
            None => f.write_str("—"),
        }
    }
}

impl From<Companies> for CompanyCounts {
    fn from(companies: Companies) -> Self {
        Self { known: companies.total, inspected: companies.covered, ..Self::default() }
    }
}
