//! The registration number 注册号 of licences never exchanged for one with a unified code:
//! fourteen digits and a check digit, ISO 7064 MOD 11,10.

use std::fmt;

use super::typed::bare_code;

/// Number of digits of a registration number.
pub const LEGACY_NUMBER_DIGITS: usize = 15;

/// A registration number whose check digit is right.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LegacyNumber(String);

impl LegacyNumber {
    /// Reads a number as typed; width, blanks and dashes do not count.
    ///
    /// # Errors
    /// [`LegacyNumberError`] says what is wrong; the text is then kept as typed and flagged.
    pub fn parse(typed: &str) -> Result<Self, LegacyNumberError> {
        let number = bare_code(typed);
        let digits: Option<Vec<u32>> = number.chars().map(|c| c.to_digit(10)).collect();
        let digits = digits.ok_or(LegacyNumberError::NotDigits)?;
        let Some((given, body)) =
            digits.split_last().filter(|_| digits.len() == LEGACY_NUMBER_DIGITS)
        else {
            return Err(LegacyNumberError::Length { found: digits.len() });
        };
        let expected = check_digit(body);
        if *given == expected {
            Ok(Self(number))
        } else {
            Err(LegacyNumberError::Checksum { expected })
        }
    }

    /// Gives the fifteen digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LegacyNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Why a text is not a registration number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LegacyNumberError {
    /// Something other than the digits 0 to 9.
    NotDigits,
    /// The text has `found` digits instead of fifteen.
    Length {
        /// Digits found.
        found: usize,
    },
    /// The fifteenth digit does not follow from the other fourteen.
    Checksum {
        /// The digit that would.
        expected: u32,
    },
}

impl fmt::Display for LegacyNumberError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotDigits => write!(f, "something other than digits"),
            Self::Length { found } => {
                write!(f, "{found} digits instead of {LEGACY_NUMBER_DIGITS}")
            }
            Self::Checksum { expected } => write!(f, "check digit should be {expected}"),
        }
    }
}

impl std::error::Error for LegacyNumberError {}

/// ISO 7064 MOD 11,10: a product carried from digit to digit, never zero.
fn check_digit(body: &[u32]) -> u32 {
    let product = body.iter().fold(10, |product, digit| {
        let sum = match (product + digit) % 10 {
            0 => 10,
            sum => sum,
        };
        sum * 2 % 11
    });
    (11 - product) % 10
}

#[cfg(test)]
mod tests {
    use super::{LegacyNumber, LegacyNumberError};

    #[test]
    fn a_number_is_read_in_any_width() {
        let number = LegacyNumber::parse("９９０１０１－０００００００ 18").expect("valid");
        assert_eq!(number.as_str(), "990101000000018");
    }

    #[test]
    fn each_error_says_what_is_wrong() {
        assert_eq!(LegacyNumber::parse(""), Err(LegacyNumberError::Length { found: 0 }));
        assert_eq!(LegacyNumber::parse("99010100000001X"), Err(LegacyNumberError::NotDigits));
        assert_eq!(
            LegacyNumber::parse("990101000000019"),
            Err(LegacyNumberError::Checksum { expected: 8 })
        );
    }

    #[test]
    fn every_single_wrong_digit_is_caught() {
        let valid = "990101000000026";
        for place in 0..valid.len() {
            for digit in '0'..='9' {
                let mut number: Vec<char> = valid.chars().collect();
                number[place] = digit;
                let number: String = number.into_iter().collect();
                assert_eq!(LegacyNumber::parse(&number).is_ok(), number == valid);
            }
        }
    }
}
