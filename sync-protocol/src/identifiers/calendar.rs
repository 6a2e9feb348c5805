//! Which dates exist in the Gregorian calendar.

/// Tells whether the date exists; month and day count from 1.
pub(crate) fn date_exists(year: i32, month: u32, day: u32) -> bool {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return false,
    };
    (1..=days).contains(&day)
}

#[cfg(test)]
mod tests {
    use super::date_exists;

    #[test]
    fn leap_days_follow_the_400_year_rule() {
        assert!(date_exists(2000, 2, 29));
        assert!(!date_exists(1900, 2, 29));
        assert!(date_exists(2024, 2, 29));
        assert!(!date_exists(2023, 2, 29));
    }

    #[test]
    fn months_and_days_count_from_one() {
        assert!(!date_exists(2024, 0, 1));
        assert!(!date_exists(2024, 13, 1));
        assert!(!date_exists(2024, 4, 31));
        assert!(!date_exists(2024, 4, 0));
    }
}
