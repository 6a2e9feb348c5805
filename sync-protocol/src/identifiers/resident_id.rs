//! The resident ID number 公民身份号码 (GB 11643-1999): seventeen digits and a check character.
//!
//! Three things are judged apart, because each alone is only a warning: the check character,
//! the birth date, and the region prefix. None of them proves that the number was issued.
//! Numbers of this kind are personal data: [`mask`] is how they are shown.

use super::calendar::date_exists;
use super::typed::bare_code;

const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];

/// Check characters by the weighted sum modulo 11.
const CHECKS: &[u8; 11] = b"10X98765432";

/// Prefix of the demonstration region, which does not exist in GB/T 2260: no number under it
/// can belong to a person.
const DEMO_REGION: &str = "9901";

/// How a number is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResidentIdForm {
    /// Seventeen digits and a check character, the only form in force.
    Eighteen,
    /// Fifteen digits, the form before 1999: readable, but long invalid.
    Fifteen,
    /// Neither.
    Malformed,
}

/// What a number says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResidentIdCheck {
    /// How it is built; anything but [`ResidentIdForm::Eighteen`] is a warning.
    pub form: ResidentIdForm,
    /// Whether the check character is right. The old form has none, so it is `false` there.
    pub checksum_ok: bool,
    /// Whether the birth date exists and is not in the future.
    pub birth_date_ok: bool,
    /// Whether the first two digits are those of a province, of Taiwan (71), or of the
    /// residence permits of Hong Kong, Macau and Taiwan people (81 to 83).
    pub region_known: bool,
}

impl ResidentIdCheck {
    /// Tells whether there is nothing to warn about.
    pub fn is_clean(&self) -> bool {
        self.form == ResidentIdForm::Eighteen
            && self.checksum_ok
            && self.birth_date_ok
            && self.region_known
    }
}

/// Judges a number as typed; width, case, blanks and dashes do not count.
///
/// `today` is (year, month, day), month and day from 1. `allow_demo_region` takes the
/// demonstration region for a known one; it is off wherever people are real.
pub fn check(typed: &str, today: (i32, u32, u32), allow_demo_region: bool) -> ResidentIdCheck {
    let number = bare_code(typed);
    let form = form(&number);
    let birth = match form {
        ResidentIdForm::Eighteen => number[6..14].to_owned(),
        ResidentIdForm::Fifteen => format!("19{}", &number[6..12]),
        ResidentIdForm::Malformed => {
            return ResidentIdCheck {
                form,
                checksum_ok: false,
                birth_date_ok: false,
                region_known: false,
            };
        }
    };
    ResidentIdCheck {
        form,
        checksum_ok: form == ResidentIdForm::Eighteen && checksum_ok(&number),
        birth_date_ok: birth_date_ok(&birth, today),
        region_known: region_known(&number)
            || (allow_demo_region && number.starts_with(DEMO_REGION)),
    }
}

/// Gives the number with its first three and last four characters in clear.
///
/// A text shorter than any resident ID shows nothing at all: three and four of eight would
/// be nearly everything.
pub fn mask(typed: &str) -> String {
    let number: Vec<char> = bare_code(typed).chars().collect();
    let hidden = if number.len() < 15 { 0..number.len() } else { 3..number.len() - 4 };
    number
        .iter()
        .enumerate()
        .map(|(index, c)| if hidden.contains(&index) { '*' } else { *c })
        .collect()
}

fn form(number: &str) -> ResidentIdForm {
    let bytes = number.as_bytes();
    let digits = bytes.iter().take_while(|b| b.is_ascii_digit()).count();
    match bytes.len() {
        18 if digits == 18 || (digits == 17 && bytes[17] == b'X') => ResidentIdForm::Eighteen,
        15 if digits == 15 => ResidentIdForm::Fifteen,
        _ => ResidentIdForm::Malformed,
    }
}

fn checksum_ok(number: &str) -> bool {
    let sum: u32 =
        number.bytes().zip(WEIGHTS).map(|(digit, weight)| u32::from(digit - b'0') * weight).sum();
    number.as_bytes()[17] == CHECKS[(sum % 11) as usize]
}

/// `birth` is eight ASCII digits.
fn birth_date_ok(birth: &str, today: (i32, u32, u32)) -> bool {
    let field = |range| birth.get(range).and_then(|s: &str| s.parse::<u32>().ok());
    let (Some(year), Some(month), Some(day)) = (field(0..4), field(4..6), field(6..8)) else {
        return false;
    };
    let Ok(year) = i32::try_from(year) else {
        return false;
    };
    date_exists(year, month, day) && (year, month, day) <= today
}

fn region_known(number: &str) -> bool {
    matches!(
        number.get(..2).and_then(|prefix| prefix.parse::<u8>().ok()),
        Some(11..=15 | 21..=23 | 31..=37 | 41..=46 | 50..=54 | 61..=65 | 71 | 81..=83)
    )
}

#[cfg(test)]
mod tests {
    use super::{ResidentIdForm, check, mask};

    const TODAY: (i32, u32, u32) = (2026, 11, 23);

    #[test]
    fn the_example_of_the_standard_is_clean_in_any_width_and_case() {
        assert!(check("11010519491231002X", TODAY, false).is_clean());
        assert!(check("１１０１０５ 19491231 ００２ｘ", TODAY, false).is_clean());
    }

    #[test]
    fn the_demo_region_is_known_only_where_it_is_allowed() {
        let number = "990101199001010019";
        assert!(!check(number, TODAY, false).region_known);
        assert!(check(number, TODAY, true).is_clean());
        assert!(!check("980101199001010019", TODAY, true).region_known);
    }

    #[test]
    fn a_birth_date_must_exist_and_have_come() {
        assert!(!check("99010119990230011X", TODAY, true).birth_date_ok);
        assert!(check("990101200002290345", TODAY, true).birth_date_ok);
        assert!(!check("990101202611240000", TODAY, true).birth_date_ok);
        assert!(check("990101202611230000", TODAY, true).birth_date_ok);
    }

    #[test]
    fn fifteen_digits_are_read_but_never_clean() {
        let old = check("110105491231002", TODAY, false);
        assert_eq!(old.form, ResidentIdForm::Fifteen);
        assert!(old.birth_date_ok && old.region_known && !old.is_clean());
    }

    #[test]
    fn an_x_belongs_only_at_the_end() {
        for typed in ["1101051949123100X2", "X10105194912310021", "", "🪪"] {
            assert_eq!(check(typed, TODAY, false).form, ResidentIdForm::Malformed);
        }
    }

    #[test]
    fn a_mask_keeps_three_and_four_and_hides_short_texts_whole() {
        assert_eq!(mask("11010519491231002x"), "110***********002X");
        assert_eq!(mask("12345678"), "********");
        assert_eq!(mask(""), "");
    }
}
