//! The pace that a round needs to be done in time (domain §3.11).

use crate::time::Millis;
use serde::Serialize;

/// Milliseconds of a day.
pub const DAY_MS: Millis = 24 * 3600 * 1000;
/// China has one time zone, UTC+8, and no summer time.
const OFFSET_MS: Millis = 8 * 3600 * 1000;

/// What is left to do, and the days to do it in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Pace {
    /// Offices in scope that are not covered.
    pub remaining: i64,
    /// Mondays to Fridays from today to the last day, both included. Public holidays and the working
    /// weekends that make up for them are not known here.
    pub workdays_left: i64,
    /// Offices a working day that would do, rounded up; none where no working day is left.
    pub needed_per_day: Option<i64>,
}

impl Pace {
    /// The pace from a moment to a deadline.
    #[must_use]
    pub fn of(remaining: i64, now_ms: Millis, until_ms: Millis) -> Self {
        let workdays_left = workdays(now_ms, until_ms);
        let needed = || (remaining + workdays_left - 1) / workdays_left;
        let needed_per_day = (workdays_left > 0).then(needed);
        Self { remaining, workdays_left, needed_per_day }
    }
}

/// Mondays to Fridays that an interval touches, in China.
fn workdays(from_ms: Millis, until_ms: Millis) -> i64 {
    if until_ms <= from_ms {
        return 0;
    }
    let (first, last) = (day_of(from_ms), day_of(until_ms - 1));
    let before = |day: i64| {
        // Day 0, 1970-01-01, was a Thursday; the Monday before it begins week 0.
        let days = day + 3;
        days.div_euclid(7) * 5 + days.rem_euclid(7).min(5)
    };
    before(last + 1) - before(first)
}

fn day_of(at_ms: Millis) -> i64 {
    (at_ms + OFFSET_MS).div_euclid(DAY_MS)
}

/// The moment so many working days after another, at the same time of day.
#[must_use]
pub fn after_workdays(at_ms: Millis, days: i64) -> Millis {
    let is_workday = |at_ms: &Millis| (day_of(*at_ms) + 3).rem_euclid(7) < 5;
    let mut later = (1..).map(|day| at_ms + day * DAY_MS).filter(is_workday);
    let found = usize::try_from(days - 1).ok().and_then(|skipped| later.nth(skipped));
    found.unwrap_or(at_ms)
}

/// The time slots of a day in which a door is tried (domain B.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Slot {
    /// 上午, until 12:00.
    Morning,
    /// 下午, until 18:00.
    Afternoon,
    /// 晚间.
    Evening,
}

impl Slot {
    /// The slot of a moment; the night belongs to the evening.
    #[must_use]
    pub const fn of(at_ms: Millis) -> Self {
        match (at_ms + OFFSET_MS).rem_euclid(DAY_MS) / 3_600_000 {
            6..12 => Self::Morning,
            12..18 => Self::Afternoon,
            _ => Self::Evening,
        }
    }

    /// When to try again: whenever nobody has tried.
    #[must_use]
    pub fn others(self) -> Vec<Self> {
        let mut all = vec![Self::Morning, Self::Afternoon, Self::Evening];
        all.retain(|slot| *slot != self);
        all
    }
}

/// The first midnight in China after a moment.
#[must_use]
pub fn midnight_after(at_ms: Millis) -> Millis {
    (day_of(at_ms) + 1) * DAY_MS - OFFSET_MS
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Monday, 2026-11-23, 00:00 in China.
    const MONDAY_MS: Millis = 1_795_363_200_000;

    #[test]
    fn a_week_has_five_working_days_wherever_it_begins() {
        for day in 0..14 {
            let from_ms = MONDAY_MS + day * DAY_MS;
            assert_eq!(workdays(from_ms, from_ms + 7 * DAY_MS), 5, "from day {day}");
        }
        assert_eq!(workdays(MONDAY_MS + 5 * DAY_MS, MONDAY_MS + 7 * DAY_MS), 0, "a weekend");
        assert_eq!(
            workdays(MONDAY_MS - 1, MONDAY_MS + 1),
            1,
            "Sunday's last, Monday's first moment"
        );
    }

    #[test]
    fn today_counts_until_it_is_over() {
        let friday_ms = MONDAY_MS + 5 * DAY_MS;
        let on_wednesday = Pace::of(7, MONDAY_MS + 2 * DAY_MS + 3_600_000, friday_ms);
        assert_eq!((on_wednesday.workdays_left, on_wednesday.needed_per_day), (3, Some(3)));
        assert_eq!(Pace::of(7, friday_ms, friday_ms).needed_per_day, None);
        assert_eq!(Pace::of(0, MONDAY_MS, friday_ms).needed_per_day, Some(0));
    }

    #[test]
    fn working_days_skip_the_weekend_and_keep_the_time_of_day() {
        let friday_noon_ms = MONDAY_MS + 4 * DAY_MS + DAY_MS / 2;
        assert_eq!(after_workdays(friday_noon_ms, 1), friday_noon_ms + 3 * DAY_MS);
        assert_eq!(after_workdays(friday_noon_ms, 5), friday_noon_ms + 7 * DAY_MS);
        assert_eq!(after_workdays(friday_noon_ms + DAY_MS, 1), friday_noon_ms + 3 * DAY_MS);
        assert_eq!(after_workdays(friday_noon_ms, 0), friday_noon_ms);
    }

    #[test]
    fn a_door_is_tried_again_in_another_slot() {
        let slot = |hour: i64| Slot::of(MONDAY_MS + hour * 3_600_000);
        assert_eq!([slot(8), slot(13), slot(20)], [Slot::Morning, Slot::Afternoon, Slot::Evening]);
        assert_eq!([slot(12), slot(18), slot(2)], [Slot::Afternoon, Slot::Evening, Slot::Evening]);
        assert_eq!(slot(9).others(), [Slot::Afternoon, Slot::Evening]);
    }

    #[test]
    fn midnight_is_that_of_china() {
        assert_eq!(midnight_after(MONDAY_MS - 1), MONDAY_MS);
        assert_eq!(midnight_after(MONDAY_MS), MONDAY_MS + DAY_MS);
    }
}
