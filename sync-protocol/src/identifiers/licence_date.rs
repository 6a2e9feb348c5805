//! Dates as a business licence prints them: `2020年3月1日`, `长期` for a term without end, and
//! on the newer forms simply nothing.

use std::fmt;

use super::calendar::date_exists;
use super::typed::{is_dash, without_blanks};

/// What stands in a date field of a licence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LicenceDate {
    /// A day of the Gregorian calendar; month and day count from 1.
    On {
        /// Four digits.
        year: i32,
        /// 1 to 12.
        month: u32,
        /// 1 to 31.
        day: u32,
    },
    /// `长期`: the term has no end.
    LongTerm,
    /// Nothing is printed. As an end date this means the same as [`Self::LongTerm`].
    Blank,
}

impl LicenceDate {
    /// Reads a date as printed or typed; width and blanks do not count.
    ///
    /// # Errors
    /// [`LicenceDateError`] if the text is no date in a known form, or the day does not exist.
    pub fn parse(typed: &str) -> Result<Self, LicenceDateError> {
        let text = without_blanks(typed);
        match text.as_str() {
            "" => return Ok(Self::Blank),
            "长期" => return Ok(Self::LongTerm),
            _ => {}
        }
        let (year, month, day) = fields(&text).ok_or(LicenceDateError::Unreadable)?;
        if !date_exists(year, month, day) {
            return Err(LicenceDateError::NoSuchDay);
        }
        Ok(Self::On { year, month, day })
    }
}

impl fmt::Display for LicenceDate {
    /// Writes `YYYY-MM-DD`, `长期`, or nothing.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::On { year, month, day } => write!(f, "{year:04}-{month:02}-{day:02}"),
            Self::LongTerm => write!(f, "长期"),
            Self::Blank => Ok(()),
        }
    }
}

/// Why a text is not a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LicenceDateError {
    /// None of the forms that licences use.
    Unreadable,
    /// A date such as 30 February.
    NoSuchDay,
}

impl fmt::Display for LicenceDateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unreadable => "no date in a known form",
            Self::NoSuchDay => "the day does not exist",
        })
    }
}

impl std::error::Error for LicenceDateError {}

/// Year, month and day of `YYYY年M月D日` or `YYYY-MM-DD`, not yet checked against the calendar.
fn fields(text: &str) -> Option<(i32, u32, u32)> {
    let (year, month, day) = match text.split_once('年') {
        Some((year, rest)) => {
            let (month, rest) = rest.split_once('月')?;
            (year, month, rest.strip_suffix('日')?)
        }
        None => {
            let (year, rest) = text.split_once(is_dash)?;
            let (month, day) = rest.split_once(is_dash)?;
            (year, month, day)
        }
    };
    let year = number(year, 4..=4)?;
    Some((i32::try_from(year).ok()?, number(month, 1..=2)?, number(day, 1..=2)?))
}

/// Digits only: `parse` alone would also take a sign.
fn number(digits: &str, length: std::ops::RangeInclusive<usize>) -> Option<u32> {
    let plain = length.contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    digits.parse().ok().filter(|_| plain)
}

#[cfg(test)]
mod tests {
    use super::{LicenceDate, LicenceDateError};

    fn written(typed: &str) -> String {
        LicenceDate::parse(typed).expect("a date of a known form").to_string()
    }

    #[test]
    fn both_written_forms_give_the_same_day() {
        assert_eq!(written("2020年3月1日"), "2020-03-01");
        assert_eq!(written("２０２０ 年 03 月 01 日"), "2020-03-01");
        assert_eq!(written("2020-03-01"), "2020-03-01");
        assert_eq!(written("2020－3－1"), "2020-03-01");
    }

    #[test]
    fn no_end_is_printed_as_long_term_or_not_at_all() {
        assert_eq!(LicenceDate::parse(" 长 期 "), Ok(LicenceDate::LongTerm));
        assert_eq!(LicenceDate::parse("\u{3000}"), Ok(LicenceDate::Blank));
    }

    #[test]
    fn a_day_must_exist() {
        assert_eq!(LicenceDate::parse("2023年2月29日"), Err(LicenceDateError::NoSuchDay));
        assert_eq!(written("2024年2月29日"), "2024-02-29");
    }

    #[test]
    fn anything_else_is_unreadable() {
        for typed in [
            "2020年3月",
            "20年3月1日",
            "2020-03-01-01",
            "+020-03-01",
            "长期有效",
            "至今",
            "🗓️",
            "2020年3月1日止",
            "----",
        ] {
            assert_eq!(LicenceDate::parse(typed), Err(LicenceDateError::Unreadable), "{typed}");
        }
    }
}
