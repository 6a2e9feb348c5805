//! The unified social credit code 统一社会信用代码 (GB 32100-2015): eighteen characters that
//! name one registered body.
//!
//! A code whose check character is right is the natural key of a company: two phones that
//! typed it met the same company. A code whose check character is wrong is kept as typed and
//! is a key of nothing, so a [`Uscc`] exists only where the check holds.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::typed::bare_code;

/// Number of characters of a code.
pub const USCC_CHARS: usize = 18;

/// The 31 characters of GB 32100, in the order of their values: no I, O, S, V, Z.
const ALPHABET: &str = "0123456789ABCDEFGHJKLMNPQRTUWXY";

/// Weights of the first seventeen characters: powers of 3 modulo 31.
const WEIGHTS: [u32; 17] = [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28];

/// Weights of the first eight characters of the organisation code (GB 11714).
const ORGANISATION_WEIGHTS: [u32; 8] = [3, 7, 9, 10, 5, 8, 4, 2];

/// Check characters of the organisation code by the weighted sum modulo 11.
const ORGANISATION_CHECKS: &[u8; 11] = b"0X987654321";

/// More doubtful Vs than this and a reading is guesswork: each doubles the candidates.
const DOUBTFUL_V_MAX: u32 = 4;

/// A code in its printed form whose check character is right.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Uscc(String);

impl Uscc {
    /// Reads a code as typed, scanned or pasted: width, case, blanks and dashes do not count.
    ///
    /// # Errors
    /// [`UsccError`] says which rule of GB 32100 the text breaks: its length first, then its
    /// alphabet, then its check character.
    pub fn parse(typed: &str) -> Result<Self, UsccError> {
        let code = bare_code(typed);
        let found = code.chars().count();
        if found != USCC_CHARS {
            return Err(UsccError::Length { found });
        }
        let mut values = [0; USCC_CHARS];
        for (index, character) in code.chars().enumerate() {
            values[index] =
                value(character).ok_or(UsccError::Alphabet { character, position: index + 1 })?;
        }
        let expected = check_character(&values);
        if code.ends_with(expected) {
            Ok(Self(code))
        } else {
            Err(UsccError::Checksum { expected })
        }
    }

    /// Gives the eighteen characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Tells whether characters 9 to 17 also satisfy the older check of the organisation code
    /// (GB 11714). A note only: codes in use are known to fail it.
    pub fn organisation_code_ok(&self) -> bool {
        has_organisation_check(&self.0)
    }
}

/// Whether the ninth to seventeenth of eighteen capitals and digits satisfy GB 11714.
fn has_organisation_check(code: &str) -> bool {
    let (code, check) = code[8..17].split_at(8);
    let digits = code.chars().zip(ORGANISATION_WEIGHTS);
    let sum: Option<u32> =
        digits.map(|(c, weight)| c.to_digit(36).map(|digit| digit * weight)).sum();
    sum.is_some_and(|sum| check.as_bytes() == [ORGANISATION_CHECKS[(sum % 11) as usize]])
}

/// How far a code can be believed. Codes that were really issued are known to fail one of the two
/// checks, so that this warns and refuses nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Both check characters are right.
    Valid,
    /// One of the two is wrong.
    Anomaly,
    /// Both are, or it is no code at all.
    Invalid,
}

impl Standing {
    /// Judges a code as typed, scanned or pasted.
    pub fn of(typed: &str) -> Self {
        let code = bare_code(typed);
        let is_code =
            code.chars().count() == USCC_CHARS && code.chars().all(|c| value(c).is_some());
        if !is_code {
            return Self::Invalid;
        }
        match (Uscc::parse(&code).is_ok(), has_organisation_check(&code)) {
            (true, true) => Self::Valid,
            (false, false) => Self::Invalid,
            _ => Self::Anomaly,
        }
    }
}

/// Whether two codes are the same: width, case, blanks and dashes do not count.
pub fn is_same(one: &str, other: &str) -> bool {
    bare_code(one) == bare_code(other)
}

impl fmt::Display for Uscc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for Uscc {
    type Err = UsccError;

    fn from_str(typed: &str) -> Result<Self, UsccError> {
        Self::parse(typed)
    }
}

impl TryFrom<String> for Uscc {
    type Error = UsccError;

    fn try_from(typed: String) -> Result<Self, UsccError> {
        Self::parse(&typed)
    }
}

impl From<Uscc> for String {
    fn from(uscc: Uscc) -> Self {
        uscc.0
    }
}

/// Why a text is not a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsccError {
    /// The text has `found` characters instead of eighteen.
    Length {
        /// Characters found, blanks and dashes not counted.
        found: usize,
    },
    /// A character that GB 32100 does not use.
    Alphabet {
        /// The character, as normalised.
        character: char,
        /// Its place, counted from 1.
        position: usize,
    },
    /// The eighteenth character does not follow from the other seventeen.
    Checksum {
        /// The character that would.
        expected: char,
    },
}

impl fmt::Display for UsccError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { found } => write!(f, "{found} characters instead of {USCC_CHARS}"),
            Self::Alphabet { character, position } => {
                write!(f, "character {character:?} at place {position} is never used")
            }
            Self::Checksum { expected } => {
                write!(f, "check character should be {expected}")
            }
        }
    }
}

impl std::error::Error for UsccError {}

/// All that can be said about a typed code without asking a register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsccVerdict {
    /// The code, or why it is none. An error is the issue `uscc_checksum_failed`.
    pub uscc: Result<Uscc, UsccError>,
    /// Whether the inner check of GB 11714 holds; `None` where there is no code. A note only.
    pub organisation_code_ok: Option<bool>,
    /// A reading offered to the person at the keyboard, never taken over by itself.
    pub suggestion: Option<String>,
}

/// Judges a code as typed.
pub fn verdict(typed: &str) -> UsccVerdict {
    let uscc = Uscc::parse(typed);
    UsccVerdict {
        organisation_code_ok: uscc.as_ref().ok().map(Uscc::organisation_code_ok),
        suggestion: if uscc.is_ok() { None } else { suggest(typed) },
        uscc,
    }
}

/// Gives the one valid code that the text could be a misreading of.
///
/// I, O, S, V and Z are never used, so where one stands a look-alike is meant: 1, 0, 5, Y or
/// U, 2. The answer is `None` when nothing looks alike, when no reading has the right check
/// character, and when several have: then only the licence can tell.
pub fn suggest(typed: &str) -> Option<String> {
    let code = bare_code(typed);
    if code.chars().count() != USCC_CHARS {
        return None;
    }
    let doubtful = code.chars().filter(|c| *c == 'V').count();
    let doubtful = u32::try_from(doubtful).ok()?;
    if doubtful > DOUBTFUL_V_MAX {
        return None;
    }
    let mut readings = (0..1_u32 << doubtful)
        .map(|choice| reading(&code, choice))
        .filter(|candidate| *candidate != code && Uscc::parse(candidate).is_ok());
    let only = readings.next()?;
    readings.next().is_none().then_some(only)
}

/// Replaces each look-alike; the bits of `choice` say which Vs are a U.
fn reading(code: &str, choice: u32) -> String {
    let mut choice = choice;
    code.chars()
        .map(|c| match c {
            'I' => '1',
            'O' => '0',
            'S' => '5',
            'Z' => '2',
            'V' => {
                let is_u = choice & 1 == 1;
                choice >>= 1;
                if is_u { 'U' } else { 'Y' }
            }
            other => other,
        })
        .collect()
}

fn value(character: char) -> Option<u32> {
    let index = ALPHABET.find(character)?;
    u32::try_from(index).ok()
}

fn check_character(values: &[u32; USCC_CHARS]) -> char {
    let sum: u32 = values.iter().zip(WEIGHTS).map(|(v, w)| v * w).sum();
    let check = (31 - sum % 31) % 31;
    // The alphabet is ASCII: one byte a character.
    char::from(ALPHABET.as_bytes()[check as usize])
}

#[cfg(test)]
mod tests {
    use super::{Standing, Uscc, UsccError, WEIGHTS, is_same, suggest, verdict};

    const DEMO: &str = "91990101MADEMA0198";

    #[test]
    fn a_code_with_one_wrong_check_character_is_an_anomaly_and_with_two_invalid() {
        assert_eq!(Standing::of(" 91990101-madema0198"), Standing::Valid);
        assert_eq!(Standing::of("91990101MADEMA0199"), Standing::Anomaly);
        assert_eq!(Standing::of("91990101MADEMA1199"), Standing::Invalid);
        for odd in ["", "9199", "91990101MADEMA019I", "九一九九零一零一九一九九零一零一九一"]
        {
            assert_eq!(Standing::of(odd), Standing::Invalid, "{odd}");
        }
        assert!(is_same("91990101 madema0198", "91990101MADEMA0198"));
    }

    #[test]
    fn width_case_blanks_and_dashes_do_not_count() {
        for typed in [
            "91990101madema0198",
            "９１９９０１０１ＭＡＤＥＭＡ０１９８",
            " 9199-0101 MADE—MA01 98\n",
        ] {
            assert_eq!(Uscc::parse(typed).expect("a valid code").as_str(), DEMO, "{typed}");
        }
    }

    #[test]
    fn each_error_says_what_is_wrong_and_where() {
        assert_eq!(Uscc::parse(""), Err(UsccError::Length { found: 0 }));
        assert_eq!(
            Uscc::parse("91350100M000100Y4Z"),
            Err(UsccError::Alphabet { character: 'Z', position: 18 })
        );
        assert_eq!(Uscc::parse("91990101MADEMA0199"), Err(UsccError::Checksum { expected: '8' }));
        assert!(matches!(
            Uscc::parse("91990101MADEMA019🏢"),
            Err(UsccError::Alphabet { position: 18, .. })
        ));
    }

    /// The demo codes have zeros where a wrong weight would not show.
    #[test]
    fn the_weights_are_the_powers_of_three_modulo_31() {
        let mut power = 1;
        for weight in WEIGHTS {
            assert_eq!(weight, power);
            power = power * 3 % 31;
        }
    }

    #[test]
    fn a_look_alike_is_offered_only_when_the_check_holds() {
        assert_eq!(suggest("9I99OI01MADEMA0I98").as_deref(), Some(DEMO));
        assert_eq!(suggest("9I990101MADEMA0199"), None);
        assert_eq!(suggest(DEMO), None);
        assert_eq!(suggest("VVVVVVVVVVVVVVVVVV"), None);
        assert_eq!(suggest("短"), None);
    }

    #[test]
    fn a_v_is_read_as_y_or_u_whichever_checks() {
        assert_eq!(suggest("91350100M000100V43").as_deref(), Some("91350100M000100Y43"));
    }

    #[test]
    fn the_verdict_notes_the_inner_check() {
        assert_eq!(verdict(DEMO).organisation_code_ok, Some(true));
        let wrong = verdict("9I990101MADEMA0198");
        assert_eq!(wrong.organisation_code_ok, None);
        assert_eq!(wrong.suggestion.as_deref(), Some(DEMO));
    }

    #[test]
    fn json_carries_the_printed_form_and_refuses_a_wrong_one() {
        let uscc: Uscc = serde_json::from_str("\"91990101 madema 0198\"").expect("a valid code");
        assert_eq!(serde_json::to_string(&uscc).expect("a string"), format!("\"{DEMO}\""));
        assert!(serde_json::from_str::<Uscc>("\"91990101MADEMA0199\"").is_err());
    }
}
