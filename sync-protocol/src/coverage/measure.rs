//! What a figure counts (口径): how each share and each number is made of the count vector.
//!
//! Every numerator and denominator is a sum of counts, so those of a street are the sums of what its
//! rooms and floors add, one by one: a figure opens to the records behind it, and they add up to it.

use super::counts::{Counts, Rate};
use crate::codes::codes;

codes! {
    /// A share of the counts (domain §3.7).
    pub enum Share {
        /// 覆盖率: covered / in scope.
        Coverage = "coverage_rate",
        /// 走访率: knocked on / in scope; never called coverage.
        Visited = "visited_rate",
        /// 见面检查率: inspected / (in scope − covered by absence).
        Inspection = "inspection_rate",
        /// 锁门拒检率: (locked + blocked) / in scope.
        Locked = "locked_rate",
        /// 完成楼层: complete floors / floors with rooms.
        FloorsDone = "floors_done",
        /// 复查成功率: ever locked or blocked and now covered / ever locked or blocked.
        RecheckSuccess = "recheck_success",
        /// 三清率: companies with three clears / companies inspected.
        ThreeClear = "three_clear_rate",
        /// 拍照固定率: verified licence photos / licensed companies inspected.
        Photo = "photo_rate",
    }
}

impl Share {
    /// The share of these counts.
    #[must_use]
    pub fn of(self, counts: &Counts) -> Rate {
        let absent = counts.vacant + counts.moved_out + counts.under_renovation;
        match self {
            Self::Coverage => Rate::of(counts.covered, counts.in_scope),
            Self::Visited => Rate::of(counts.in_scope - counts.unvisited, counts.in_scope),
            Self::Inspection => Rate::of(counts.inspected, counts.in_scope - absent),
            Self::Locked => Rate::of(counts.locked + counts.blocked, counts.in_scope),
            Self::FloorsDone => Rate::of(counts.floors_complete, counts.floors_with_rooms),
            Self::RecheckSuccess => Rate::of(counts.ever_shut_covered, counts.ever_shut),
            Self::ThreeClear => Rate::of(counts.companies_three_clear, counts.companies_inspected),
            Self::Photo => Rate::of(counts.companies_licence_verified, counts.companies_licensed),
        }
    }
}

/// A figure that opens to what it counts: a share, or one of the counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// A share.
    Share(Share),
    /// A number, by its name in the count vector.
    Count(&'static str),
}

/// What one thing is counted in, which no room and no floor adds to.
const OF_BUILDINGS: [&str; 3] = ["buildings", "buildings_full", "conflicts_open"];

impl Measure {
    /// The figure of a name; none for what is counted in buildings, or is unknown.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        if let Some(share) = Share::parse(name) {
            return Some(Self::Share(share));
        }
        let none = Counts::default();
        let mut names = none.named().map(|(name, _)| name);
        let found = names.find(|known| *known == name);
        found.filter(|known| !OF_BUILDINGS.contains(known)).map(Self::Count)
    }

    /// The figure of these counts; of a number, all of it.
    #[must_use]
    pub fn of(self, counts: &Counts) -> Rate {
        match self {
            Self::Share(share) => share.of(counts),
            Self::Count(wanted) => {
                let number = counts.named().find(|(name, _)| *name == wanted);
                let number = number.map_or(0, |(_, number)| number);
                Rate::of(number, number)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_has_a_name_unless_it_counts_buildings() {
        assert_eq!(Measure::parse("photo_rate"), Some(Measure::Share(Share::Photo)));
        assert_eq!(Measure::parse("locked"), Some(Measure::Count("locked")));
        for none in ["buildings", "conflicts_open", "lockd", ""] {
            assert_eq!(Measure::parse(none), None, "{none}");
        }
    }

    #[test]
    fn a_number_is_all_of_itself() {
        let counts = Counts { locked: 3, in_scope: 8, ..Counts::default() };
        let rate = Measure::Count("locked").of(&counts);
        assert_eq!((rate.part, rate.whole), (3, 3));
        let rate = Measure::Share(Share::Locked).of(&counts);
        assert_eq!((rate.part, rate.whole, rate.permille), (3, 8, Some(375)));
    }
}
