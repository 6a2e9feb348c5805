//! The room key: what two spellings of one door number have in common.
//!
//! A label is kept exactly as it stands on the door. Its key is only for comparing: `1207A室`,
//! `12楼07A` and `１２０７-ａ` are one door, and two phones that typed them met the same room.
//! Where a spelling could mean two doors the key keeps them apart: a doubt becomes two rooms
//! that a person joins, never one room that hides another.
//!
//! The rule, in order:
//!
//! 1. NFKC, capitals, no blanks; traditional 層樓號 as 层楼号; every dash (and 至, 到 between
//!    numbers) as `-`; every list separator (and 和, 与, 及 between numbers) as `+`.
//! 2. Each item of a list by itself: leading 房号, 房间号, 门牌号, 房间, `ROOM`, `NO.` go; trailing
//!    室, 号, 房, 房间, `#` go after a number.
//! 3. `A座`, `2号楼`, `2#楼`, `2栋`, `2幢` become `A@`, `2@`.
//! 4. A floor before 层 or 楼, or before `F` and a number, is joined to the number: `12层07`,
//!    `12F-07`, `负一层03` (`B103`); a number that repeats its floor stands alone: `12层1207`.
//!    A floor with nothing after it, or with 整层, is `12-ALL`. A bare `12F` may be room F on
//!    12 and stays a room.
//! 5. A dash between a floor and two digits, between a number and its letter, or beside a
//!    Chinese word goes: `12-07`, `1207-A`. Between two full room numbers it makes a span.
//!    Any other dash stays, because without it two doors would share a key.

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

use crate::identifiers::typed::{is_blank, is_dash};

/// Dashes up to which a label is read as parts of a number; beyond, it is a sentence.
const DASHES_MAX: usize = 2;

/// Words that announce a room number and say nothing about which.
const ANNOUNCING: [&str; 7] = ["房间号", "门牌号", "房号", "房间", "ROOMNO.", "ROOM", "NO."];

/// Words that close a room number.
const CLOSING: [&str; 5] = ["房间", "室", "号", "房", "#"];

/// Words that make what stands before them a tower, block or building.
const SECTION: [&str; 6] = ["座", "号楼", "#楼", "栋", "幢", "@"];

/// Words for all rooms of a floor.
const WHOLE_FLOOR: [&str; 2] = ["整层", "全层"];

/// A room label reduced to what it has in common with its other spellings.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RoomKey {
    /// Unique among the live offices of a floor; empty only if the label says nothing.
    pub key: String,
    /// Whether the label names several rooms. They are never listed from the label: room 1204
    /// of `1201-1205` may not exist.
    pub span: bool,
}

impl RoomKey {
    /// Gives the key of a label; every text has one.
    pub fn of(label: &str) -> Self {
        let plain = plain(label);
        let doors: Vec<Self> =
            plain.split('+').map(door).filter(|door| !door.key.is_empty()).collect();
        let span = doors.len() > 1 || doors.iter().any(|door| door.span);
        let keys: Vec<String> = doors.into_iter().map(|door| door.key).collect();
        Self { key: keys.join("+"), span }
    }
}

/// The key of one item of a list.
fn door(item: &str) -> RoomKey {
    let mut rest = without_announcement(item);
    let mut key = String::new();
    while let Some((section, after)) = section(rest) {
        key.push_str(&section);
        key.push('@');
        rest = without_announcement(after.trim_start_matches('-'));
    }
    let rest = rest.trim_end_matches('-');
    if let Some((floor, after)) = floor(rest) {
        let on_floor = on_floor(&floor, after.trim_start_matches('-'));
        key.push_str(&on_floor.key);
        return RoomKey { key, span: on_floor.span };
    }
    let mut body = rest.trim_start_matches('-');
    // A dash before the first digit may be a minus: -103 is not 103.
    if body.len() < rest.len() && body.starts_with(|c: char| c.is_ascii_digit()) {
        key.push('-');
    }
    body = without_closing(body);
    let numbers = join_parts(parts(body));
    key.push_str(&numbers.key);
    RoomKey { key, span: numbers.span }
}

/// The key of what follows a floor.
fn on_floor(floor: &str, body: &str) -> RoomKey {
    let body = without_closing(body);
    if body.is_empty() || WHOLE_FLOOR.contains(&body) {
        return RoomKey { key: format!("{floor}-ALL"), span: false };
    }
    let parts = parts(body);
    let mut numbers = Vec::with_capacity(parts.len());
    for (index, part) in parts.into_iter().enumerate() {
        let repeated = part.strip_prefix(floor).is_some_and(|rest| leading_digits(rest) == 2);
        let digits = leading_digits(&part);
        let clash = digits != 0 && digits != 2 && floor.ends_with(|c: char| c.is_ascii_digit());
        numbers.push(match index {
            _ if repeated => part,
            0 if clash => format!("{floor}-{part}"),
            0 => format!("{floor}{part}"),
            _ if digits == 2 => format!("{floor}{part}"),
            _ => part,
        });
    }
    join_parts(numbers)
}

/// Puts the parts of a number together again, with or without the dash.
fn join_parts(parts: Vec<String>) -> RoomKey {
    let mut parts = parts.into_iter();
    let mut key = parts.next().unwrap_or_default();
    let mut span = false;
    for part in parts {
        match dash_between(&key, &part) {
            Dash::Drop => {}
            Dash::Keep => key.push('-'),
            Dash::Span => {
                key.push('-');
                span = true;
            }
        }
        key.push_str(&part);
    }
    RoomKey { key, span }
}

enum Dash {
    Drop,
    Keep,
    Span,
}

fn dash_between(left: &str, right: &str) -> Dash {
    let is_word = |c: char| !c.is_ascii() && c.is_alphanumeric();
    if left.ends_with(is_word) || right.starts_with(is_word) {
        return Dash::Drop;
    }
    let (Some(l), Some(r)) = (Number::of(left), Number::of(right)) else {
        return Dash::Keep;
    };
    let same_form =
        l.digits >= 3 && l.digits == r.digits && left[..l.letters] == right[..r.letters];
    let is_letter = r.digits == 0 && r.letters <= 2;
    // 1203A-C: the suites of one number, from A to C.
    let suites = l.digits >= 3 && l.tail == 1 && r.digits == 0 && r.letters == 1;
    if same_form || suites {
        return Dash::Span;
    }
    let is_floor = l.letters <= 2 && l.digits <= 2 && l.tail <= 1;
    // After G or LG any number follows without doubt; after 12 only two digits do.
    let on_floor = r.letters == 0 && (r.digits == 2 || l.digits == 0);
    let suite_letter = l.digits > 0 && l.tail == 0 && is_letter;
    if (is_floor && on_floor) || suite_letter { Dash::Drop } else { Dash::Keep }
}

/// The build of a number such as `B103A`: letters, digits, letters, as counts.
struct Number {
    letters: usize,
    digits: usize,
    tail: usize,
}

impl Number {
    fn of(text: &str) -> Option<Self> {
        let letters = text.bytes().take_while(u8::is_ascii_uppercase).count();
        let digits = leading_digits(&text[letters..]);
        let rest = &text[letters + digits..];
        rest.bytes().all(|b| b.is_ascii_uppercase()).then_some(Self {
            letters,
            digits,
            tail: rest.len(),
        })
    }
}

/// Cuts `A座`, `2号楼` and their like off the front.
fn section(text: &str) -> Option<(String, &str)> {
    let run = leading_alphanumerics(text);
    let (name, after) = if run > 0 {
        let (name, after) = text.split_at_checked(run).filter(|_| run <= 4)?;
        (name.to_owned(), after)
    } else {
        let (number, after) = chinese_number(text)?;
        (number.to_string(), after)
    };
    let after = SECTION.iter().find_map(|word| after.strip_prefix(word))?;
    Some((name, after))
}

/// Cuts a floor and its word off the front: `12层`, `负一层`, `12F-` before a number, `12整层`.
fn floor(text: &str) -> Option<(String, &str)> {
    let text = text.strip_prefix('第').unwrap_or(text);
    let below = ["负", "地下", "-"].iter().find_map(|word| text.strip_prefix(word));
    let name_at = below.unwrap_or(text);
    let (name, after) = match chinese_number(name_at) {
        Some((number, after)) => (number.to_string(), after),
        None => {
            let (name, after) = floor_name(name_at)?;
            (name.to_owned(), after)
        }
    };
    let name = match below {
        // Only a number can lie below ground by a minus sign.
        Some(_) if !name.bytes().all(|b| b.is_ascii_digit()) => return None,
        Some(_) => format!("B{name}"),
        None => name,
    };
    let number_follows = |rest: &str| rest.starts_with(|c: char| c.is_ascii_digit());
    if let Some(after) = after.strip_prefix(['层', '楼']) {
        return Some((name, after));
    }
    if WHOLE_FLOOR.contains(&after) {
        return Some((name, after));
    }
    // 12F07 and 12F-07, but not 12F, 12F1 or 12F-A.
    if let Some(rest) = after.strip_prefix('F') {
        let dashed = rest.strip_prefix('-').is_some_and(number_follows);
        let whole = WHOLE_FLOOR.contains(&rest) || rest.starts_with(['层', '楼']);
        if name.ends_with(|c: char| c.is_ascii_digit())
            && (dashed || whole || leading_digits(rest) == 2)
        {
            return Some((name, rest.trim_start_matches(['层', '楼'])));
        }
    }
    // 负一-03 and -1-03: the sign already says that a floor stands here.
    let rest = after.strip_prefix('-').filter(|_| below.is_some())?;
    number_follows(rest).then_some((name, rest))
}

/// Cuts the name of a floor off the front, as lifts show it: `12`, `B1`, `LG`, `12A`, `B1M`.
/// An `F` after digits is the floor word, not part of the name.
fn floor_name(text: &str) -> Option<(&str, &str)> {
    let letters = text.bytes().take_while(u8::is_ascii_uppercase).count();
    let digits = leading_digits(&text[letters..]);
    let mut end = letters + digits;
    let is_tail = |b: &u8| b.is_ascii_uppercase() && *b != b'F';
    if digits > 0 && text.as_bytes().get(end).is_some_and(is_tail) {
        end += 1;
    }
    (letters <= 2 && digits <= 3 && end > 0).then(|| text.split_at(end))
}

/// Cuts a number in Chinese numerals from 一 to 九百九十九 off the front, with its value.
fn chinese_number(text: &str) -> Option<(u32, &str)> {
    let mut total = 0;
    let mut digit = None;
    let mut end = 0;
    for (at, c) in text.char_indices().take(6) {
        match c {
            '零' | '〇' => {}
            '十' => total += digit.take().unwrap_or(1) * 10,
            '百' => total += digit.take()? * 100,
            _ => {
                let Some(value) = "一二三四五六七八九".chars().position(|d| d == c) else {
                    break;
                };
                // Two digits in a row are read out, not counted; 一二 is not a floor's name.
                if digit.replace(u32::try_from(value).ok()? + 1).is_some() {
                    return None;
                }
            }
        }
        end = at + c.len_utf8();
    }
    let number = total + digit.unwrap_or(0);
    (1..=999).contains(&number).then(|| (number, &text[end..]))
}

fn without_announcement(text: &str) -> &str {
    let mut rest = text;
    while let Some(after) = ANNOUNCING.iter().find_map(|word| rest.strip_prefix(word)) {
        let after = after.trim_start_matches([':', '.', '#']);
        if after.is_empty() {
            break;
        }
        rest = after;
    }
    rest
}

/// Drops 室, 号, 房 after a number; in 会议室 or 机房 they are part of the name.
fn without_closing(text: &str) -> &str {
    let mut rest = text;
    while let Some(before) = CLOSING.iter().find_map(|word| rest.strip_suffix(word)) {
        rest = before;
    }
    if rest.ends_with(|c: char| c.is_ascii_alphanumeric()) { rest } else { text }
}

fn parts(body: &str) -> Vec<String> {
    if body.matches('-').count() > DASHES_MAX {
        return vec![body.to_owned()];
    }
    body.split('-')
        .filter(|part| !part.is_empty())
        .map(|part| without_closing(part).to_owned())
        .collect()
}

/// The label in one spelling of letters, dashes and list separators.
fn plain(label: &str) -> String {
    let spelled: String = label
        .chars()
        .filter(|c| !is_blank(*c))
        .nfkc()
        .filter(|c| !is_blank(*c))
        .flat_map(char::to_uppercase)
        .collect();
    let letters: Vec<char> = spelled.nfkc().collect();
    let mut plain = String::with_capacity(spelled.len());
    for (at, c) in letters.iter().enumerate() {
        let next = letters.get(at + 1);
        let between_numbers =
            plain.ends_with(ends_number) && next.is_some_and(char::is_ascii_alphanumeric);
        let c = match c {
            '、' | ',' | ';' | '/' | '&' | '|' => '+',
            '和' | '与' | '及' if between_numbers => '+',
            '至' | '到' if between_numbers => '-',
            '層' => '层',
            '樓' => '楼',
            '號' => '号',
            dash if is_dash(*dash) => '-',
            other => *other,
        };
        if c != '-' || !plain.ends_with('-') {
            plain.push(c);
        }
    }
    plain
}

fn ends_number(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '室' | '号' | '房' | '#')
}

fn leading_digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

fn leading_alphanumerics(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_alphanumeric).count()
}

#[cfg(test)]
mod tests {
    use super::RoomKey;

    fn key(label: &str) -> String {
        RoomKey::of(label).key
    }

    #[test]
    fn a_doubtful_dash_keeps_two_doors_apart() {
        assert_ne!(key("11-2"), key("1-12"));
        assert_ne!(key("2-305"), key("23-05"));
        assert_ne!(key("1201-05"), key("120-105"));
        assert_ne!(key("-103"), key("103"));
    }

    #[test]
    fn words_keep_the_letters_that_close_a_number() {
        assert_eq!(key("会议室"), "会议室");
        assert_eq!(key("机房"), "机房");
        assert_eq!(key("室"), "室");
        assert_eq!(key("房号"), "房号");
    }

    #[test]
    fn a_label_that_says_nothing_has_an_empty_key() {
        for label in ["", " \u{3000}\n", "—", "、，;", "-+-"] {
            assert_eq!(key(label), "", "{label:?}");
        }
    }

    #[test]
    fn any_text_has_a_key() {
        assert_eq!(key("🏢"), "🏢");
        assert_eq!(key("e\u{301}ｅ\u{301}"), "ÉÉ");
        assert_eq!(key("电梯口左侧第二间"), "电梯口左侧第二间");
        assert_eq!(key("负层"), "负层");
        assert_eq!(key("第"), "第");
    }

    #[test]
    fn a_long_label_is_only_long() {
        for unit in ["1", "-", "1-", "A座", "房号", "室", "+", "\u{301}", "百", "负", "1和"]
        {
            let label = unit.repeat(100_000 / unit.len());
            assert!(key(&label).len() <= 4 * label.len(), "{unit}");
        }
    }
}
