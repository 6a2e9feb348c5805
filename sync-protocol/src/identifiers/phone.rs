//! Telephone numbers as people say them: mobiles, landlines with an extension, service
//! numbers, and anything abroad with its country code.
//!
//! A number that fits none is a warning (`phone_format`), not a refusal. Two ways of writing
//! one mobile number give the same text.

use serde::{Deserialize, Serialize};

use super::typed::{is_dash, without_blanks};

/// What a text is as a telephone number; the text inside is its one written form.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", content = "number", rename_all = "snake_case")]
pub enum Phone {
    /// A mainland mobile: eleven digits from 13 to 19.
    Mobile(String),
    /// A mainland landline: `area-number` or `area-number-extension`.
    Landline(String),
    /// A 400, 800 or 95xxx service number, digits only.
    Service(String),
    /// A number abroad, in Hong Kong, Macau or Taiwan: `+` and 7 to 15 digits (ITU-T E.164).
    International(String),
    /// Nothing that can be dialled as it stands.
    Unrecognised,
}

/// Reads a number as typed; width, blanks, dashes, brackets and `+86` or `0086` do not count.
pub fn normalise(typed: &str) -> Phone {
    let Some(written) = written(typed) else {
        return Phone::Unrecognised;
    };
    let (groups, abroad) = match strip_country(&written) {
        Dialled::Mainland(rest) => (groups(rest), false),
        Dialled::FromAbroad(rest) => (groups(rest), true),
        Dialled::Elsewhere(rest) => return international(&groups(rest).concat()),
    };
    let digits = groups.concat();
    if is_mobile(&digits) {
        return Phone::Mobile(digits);
    }
    if is_service(&digits) {
        return Phone::Service(digits);
    }
    let landline = landline(&groups).or_else(|| {
        // From abroad the zero of the area code is not dialled.
        let (area, rest) = groups.split_first().filter(|_| abroad)?;
        landline(&[&[format!("0{area}")], rest].concat())
    });
    landline.map_or(Phone::Unrecognised, Phone::Landline)
}

/// Gives the number as it may be shown to somebody who need not dial it.
///
/// A mobile keeps its first three and last four digits, a landline its area code and last two,
/// a number abroad its last two. Service numbers are public. A text that is no number is
/// hidden whole, and its length with it.
pub fn mask(typed: &str) -> String {
    match normalise(typed) {
        Phone::Mobile(number) => format!("{}****{}", &number[..3], &number[7..]),
        Phone::Landline(number) => {
            let mut parts = number.split('-');
            let area = parts.next().unwrap_or_default();
            let line = parts.next().unwrap_or_default();
            format!("{area}-****{}", last_two(line))
        }
        Phone::Service(number) => number,
        Phone::International(number) => format!("+****{}", last_two(&number)),
        Phone::Unrecognised => "****".to_owned(),
    }
}

enum Dialled<'a> {
    Mainland(&'a str),
    FromAbroad(&'a str),
    Elsewhere(&'a str),
}

/// Digits and single dashes, with a leading `+` where there is one; `None` if anything else
/// is left.
fn written(typed: &str) -> Option<String> {
    let plain = without_blanks(typed);
    let mut written = String::with_capacity(plain.len());
    for c in plain.chars() {
        match c {
            '0'..='9' => written.push(c),
            '+' if written.is_empty() => written.push('+'),
            '(' => {}
            // 转 stands before an extension.
            ')' | '转' => written.push('-'),
            _ if is_dash(c) => written.push('-'),
            _ => return None,
        }
    }
    Some(written)
}

fn strip_country(written: &str) -> Dialled<'_> {
    let Some(number) = written.strip_prefix('+').or_else(|| written.strip_prefix("00")) else {
        return Dialled::Mainland(written);
    };
    match number.strip_prefix("86") {
        Some(rest) => Dialled::FromAbroad(rest),
        None => Dialled::Elsewhere(number),
    }
}

fn groups(written: &str) -> Vec<String> {
    written.split('-').filter(|group| !group.is_empty()).map(str::to_owned).collect()
}

fn is_mobile(digits: &str) -> bool {
    digits.len() == 11 && matches!(digits.as_bytes(), [b'1', b'3'..=b'9', ..])
}

fn is_service(digits: &str) -> bool {
    match digits.len() {
        10 => digits.starts_with("400") || digits.starts_with("800"),
        5 => digits.starts_with("95"),
        _ => false,
    }
}

fn international(digits: &str) -> Phone {
    if (7..=15).contains(&digits.len()) && !digits.starts_with('0') {
        Phone::International(format!("+{digits}"))
    } else {
        Phone::Unrecognised
    }
}

/// An area code of three or four digits from 0, a line of seven or eight, and perhaps an
/// extension of one to six. The line may be written in two halves.
fn landline(groups: &[String]) -> Option<String> {
    let first = groups.first().filter(|group| group.starts_with('0'))?;
    let is_area = matches!(first.len(), 3 | 4);
    let (area, line, rest) = match groups {
        [_, head, tail, rest @ ..] if is_area && matches!(head.len(), 3 | 4) && tail.len() == 4 => {
            (first.as_str(), format!("{head}{tail}"), rest)
        }
        [_, line, rest @ ..] if is_area => (first.as_str(), line.clone(), rest),
        [_, rest @ ..] => {
            let (area, line) = split_area(first)?;
            (area, line.to_owned(), rest)
        }
        [] => return None,
    };
    if !matches!(line.len(), 7 | 8) {
        return None;
    }
    match rest {
        [] => Some(format!("{area}-{line}")),
        [extension] if extension.len() <= 6 => Some(format!("{area}-{line}-{extension}")),
        _ => None,
    }
}

/// Cuts an area code off a number written in one piece. Beijing and the cities of 02x have
/// three digits, all others four; a line that then does not fit is tried the other way.
fn split_area(digits: &str) -> Option<(&str, &str)> {
    let usual = if digits.starts_with("010") || digits.starts_with("02") { 3 } else { 4 };
    [usual, 7 - usual]
        .into_iter()
        .filter_map(|area| digits.split_at_checked(area))
        .find(|(_, line)| matches!(line.len(), 7 | 8))
}

fn last_two(digits: &str) -> &str {
    digits.get(digits.len().saturating_sub(2)..).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::{Phone, mask, normalise};

    fn mobile(number: &str) -> Phone {
        Phone::Mobile(number.to_owned())
    }

    fn landline(number: &str) -> Phone {
        Phone::Landline(number.to_owned())
    }

    #[test]
    fn one_mobile_has_one_written_form() {
        for typed in [
            "17490000001",
            "+86 174 9000 0001",
            "0086-174-9000-0001",
            "１７４９０００　０００１",
            "(+86)17490000001",
        ] {
            assert_eq!(normalise(typed), mobile("17490000001"), "{typed}");
        }
    }

    #[test]
    fn a_landline_is_split_where_its_area_code_ends() {
        assert_eq!(normalise("01012345678"), landline("010-12345678"));
        assert_eq!(normalise("09111234567"), landline("0911-1234567"));
        assert_eq!(normalise("(0911)1234567转802"), landline("0911-1234567-802"));
        assert_eq!(normalise("010-1234-5678-9"), landline("010-12345678-9"));
        assert_eq!(normalise("+86 10 1234 5678"), landline("010-12345678"));
        assert_eq!(normalise("+86-911-1234567"), landline("0911-1234567"));
    }

    #[test]
    fn service_numbers_and_numbers_abroad_are_told_apart() {
        assert_eq!(normalise("400-123-4567"), Phone::Service("4001234567".to_owned()));
        assert_eq!(normalise("95000"), Phone::Service("95000".to_owned()));
        assert_eq!(normalise("+852 2123 4567"), Phone::International("+85221234567".to_owned()));
    }

    #[test]
    fn what_cannot_be_dialled_is_unrecognised() {
        for typed in [
            "",
            "+",
            "-",
            "12345",
            "11000000000",
            "1749000000",
            "174900000011",
            "一七四",
            "17490000001a",
            "+86",
            "0911-123456",
            "0911-1234567-1234567",
            "☎️",
            "+0123456789",
            "++8617490000001",
        ] {
            assert_eq!(normalise(typed), Phone::Unrecognised, "{typed}");
        }
    }

    #[test]
    fn a_mask_shows_only_what_identifies_nobody() {
        assert_eq!(mask("+86 174 9000 0001"), "174****0001");
        assert_eq!(mask("0911-1234567-802"), "0911-****67");
        assert_eq!(mask("+852 2123 4567"), "+****67");
        assert_eq!(mask("95000"), "95000");
        assert_eq!(mask("老王 1749000"), "****");
    }
}
