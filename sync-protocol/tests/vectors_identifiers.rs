//! Identifiers, room keys and keyword screening by the golden vectors, and by what must hold
//! for any text at all.

use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};
use proptest::sample::{Index, select};
use saolou_protocol::identifiers::legacy_number::LegacyNumber;
use saolou_protocol::identifiers::licence_date::LicenceDate;
use saolou_protocol::identifiers::licence_qr::{self, LicenceQr};
use saolou_protocol::identifiers::phone::{self, Phone};
use saolou_protocol::identifiers::resident_id;
use saolou_protocol::identifiers::uscc::{self, Uscc, UsccError};
use saolou_protocol::registry::room_key::RoomKey;
use saolou_protocol::screening::{KeywordSet, hits};
use serde_json::{Value, json};

const ROOM_KEYS: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../mobile-client-spec/vectors/room_keys.json"
));
const IDENTIFIERS: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../mobile-client-spec/vectors/identifiers.json"
));
const SCREENING: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../mobile-client-spec/vectors/screening.json"
));

const TODAY: (i32, u32, u32) = (2026, 11, 23);
const USCC_CHARACTERS: &str = "0123456789ABCDEFGHJKLMNPQRTUWXY";

/// The cases of a file, none of them forgotten: an empty file is a failure.
fn cases(file: &str) -> Vec<Value> {
    let file: Value = serde_json::from_str(file).expect("the vectors are JSON");
    let cases = file["cases"].as_array().expect("a list of cases").clone();
    assert!(!cases.is_empty());
    cases
}

fn text<'a>(case: &'a Value, field: &str) -> &'a str {
    case[field].as_str().expect("the field is a string")
}

#[test]
fn every_room_key_of_the_vectors_comes_out() {
    for case in cases(ROOM_KEYS) {
        let key = RoomKey::of(text(&case, "typed"));
        assert_eq!(json!(key.key), case["key"], "{case}");
        assert_eq!(json!(key.span), case["span"], "{case}");
    }
}

#[test]
fn a_room_key_is_its_own_key() {
    for case in cases(ROOM_KEYS) {
        let key = text(&case, "key");
        assert_eq!(RoomKey::of(key).key, key, "{case}");
    }
}

#[test]
fn every_identifier_of_the_vectors_is_judged_as_written() {
    for case in cases(IDENTIFIERS) {
        let typed = text(&case, "typed");
        let judged = match text(&case, "kind") {
            "uscc" => judged_uscc(typed),
            "resident_id" => judged_resident_id(typed),
            "legacy_number" => json!({ "valid": LegacyNumber::parse(typed).is_ok() }),
            "licence_qr" => match licence_qr::read(typed) {
                LicenceQr::Uscc(uscc) => json!({ "uscc": uscc }),
                LicenceQr::Opaque => json!({ "uscc": null }),
            },
            "phone" => judged_phone(typed),
            "licence_date" => json!({ "date": match LicenceDate::parse(typed) {
                Ok(LicenceDate::LongTerm) => Some("long_term".to_owned()),
                Ok(LicenceDate::Blank) => Some("blank".to_owned()),
                Ok(date) => Some(date.to_string()),
                Err(_) => None,
            } }),
            other => panic!("unknown kind {other}"),
        };
        for (field, value) in judged.as_object().expect("an object") {
            assert_eq!(Some(value), case.get(field), "{field} of {case}");
        }
    }
}

fn judged_uscc(typed: &str) -> Value {
    let verdict = uscc::verdict(typed);
    let error = match verdict.uscc {
        Ok(_) => None,
        Err(UsccError::Length { .. }) => Some("length"),
        Err(UsccError::Alphabet { .. }) => Some("alphabet"),
        Err(UsccError::Checksum { .. }) => Some("checksum"),
    };
    json!({ "normal": verdict.uscc.ok(), "error": error, "suggestion": verdict.suggestion })
}

fn judged_resident_id(typed: &str) -> Value {
    let check = resident_id::check(typed, TODAY, false);
    let in_demo = resident_id::check(typed, TODAY, true);
    json!({
        "checksum_ok": check.checksum_ok,
        "birth_date_ok": check.birth_date_ok,
        "region_known": check.region_known,
        "region_known_in_demo": in_demo.region_known,
    })
}

fn judged_phone(typed: &str) -> Value {
    let (kind, number) = match phone::normalise(typed) {
        Phone::Mobile(number) => ("mobile", Some(number)),
        Phone::Landline(number) => ("landline", Some(number)),
        Phone::Service(number) => ("service", Some(number)),
        Phone::International(number) => ("international", Some(number)),
        Phone::Unrecognised => ("unrecognised", None),
    };
    json!({ "phone": kind, "number": number })
}

#[test]
fn every_screening_case_of_the_vectors_hits_where_it_says() {
    let set = KeywordSet::seed();
    for case in cases(SCREENING) {
        let found: Vec<Value> = hits(text(&case, "text"), &set)
            .iter()
            .map(|hit| json!({ "word": hit.word, "start": hit.start, "end": hit.end }))
            .collect();
        assert_eq!(json!(found), case["hits"], "{case}");
    }
}

#[test]
fn a_megabyte_is_judged_like_a_word() {
    let typed = "A座1207、不得贷款（e\u{301}🏢－\u{3000}".repeat(40_000);
    assert!(typed.len() >= 1_000_000);
    assert!(matches!(uscc::verdict(&typed).uscc, Err(UsccError::Length { .. })));
    assert!(!resident_id::check(&typed, TODAY, true).is_clean());
    assert_eq!(phone::mask(&typed), "****");
    assert_eq!(licence_qr::read(&typed), LicenceQr::Opaque);
    assert!(LegacyNumber::parse(&typed).is_err());
    assert!(LicenceDate::parse(&typed).is_err());
    assert!(RoomKey::of(&typed).span);
    assert!(hits(&typed, &KeywordSet::seed()).is_empty());
}

/// The typed texts of all vectors, as soil for mutations.
fn typed_labels() -> Vec<String> {
    cases(ROOM_KEYS).iter().map(|case| text(case, "typed").to_owned()).collect()
}

/// The same text with every printable ASCII character in its full-width form.
fn full_width(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            ' ' => '\u{3000}',
            '!'..='~' => char::from_u32(u32::from(c) + 0xfee0).expect("the full-width block"),
            other => other,
        })
        .collect()
}

/// The same text with a blank before every character.
fn spaced(text: &str, blank: char) -> String {
    text.chars().flat_map(|c| [blank, c]).collect()
}

fn demo_codes() -> Vec<&'static str> {
    vec!["91990101MADEMA0198", "92990101MADEMA035T", "91990101MADEMA06XB", "91350100M000100Y43"]
}

proptest! {
    #[test]
    fn no_text_makes_any_rule_fail(text in any::<String>(), label in "[0-9A-G号楼层座室、—一十百负第F@+ -]{0,12}") {
        let set = KeywordSet::seed();
        for typed in [text.as_str(), label.as_str()] {
            let _ = uscc::verdict(typed);
            let _ = resident_id::check(typed, TODAY, true);
            let _ = resident_id::mask(typed);
            let _ = phone::mask(typed);
            let _ = licence_qr::read(typed);
            let _ = licence_qr::read(&format!("https://gsxt.gov.cn{typed}"));
            let _ = LegacyNumber::parse(typed);
            let _ = LicenceDate::parse(typed);
            let _ = RoomKey::of(typed);
            let _ = hits(typed, &set);
        }
    }

    #[test]
    fn width_and_blanks_never_change_a_room_key(
        text in any::<String>(),
        label in select(typed_labels()),
        blank in select(vec![' ', '\u{3000}', '\t', '\u{200b}', '\u{a0}']),
    ) {
        for typed in [text, label] {
            let key = RoomKey::of(&typed);
            prop_assert_eq!(&RoomKey::of(&spaced(&typed, blank)), &key);
            prop_assert_eq!(&RoomKey::of(&full_width(&typed)), &key);
        }
    }

    #[test]
    fn small_letters_never_change_a_room_key(label in select(typed_labels())) {
        prop_assert_eq!(RoomKey::of(&label.to_lowercase()), RoomKey::of(&label));
    }

    #[test]
    fn floor_and_room_have_one_key_however_they_are_joined(
        floor in 1_u32..70,
        room in 1_u32..40,
        suite in "[A-E]?",
    ) {
        let key = format!("{floor}{room:02}{suite}");
        for typed in [
            format!("{floor}-{room:02}{suite}"),
            format!("{floor}层{room:02}{suite}室"),
            format!("{floor}楼{floor}{room:02}{suite}"),
            format!("{floor}F-{room:02}{suite}"),
            format!("第{floor}层-{room:02}{suite}号房"),
            format!("Room {floor}{room:02}{suite}"),
        ] {
            prop_assert_eq!(RoomKey::of(&typed), RoomKey { key: key.clone(), span: false });
        }
    }

    /// GB 32100 weighs each place by a different power of 3 modulo the prime 31, so every
    /// single wrong character and every swap of two different ones shows.
    #[test]
    fn a_wrong_or_swapped_character_of_a_code_always_shows(
        code in select(demo_codes()),
        place in 0_usize..18,
        other in 0_usize..17,
        wrong in any::<Index>(),
    ) {
        let mut typed: Vec<char> = code.chars().collect();
        let alphabet: Vec<char> = USCC_CHARACTERS.chars().collect();
        typed[place] = *wrong.get(&alphabet);
        let changed: String = typed.iter().collect();
        prop_assert_eq!(Uscc::parse(&changed).is_ok(), changed == code);

        let mut typed: Vec<char> = code.chars().collect();
        typed.swap(place.min(16), other);
        let swapped: String = typed.iter().collect();
        prop_assert_eq!(Uscc::parse(&swapped).is_ok(), swapped == code);
    }

    #[test]
    fn a_suggestion_is_always_a_valid_code(typed in "[0-9A-Z]{18}") {
        if let Some(suggestion) = uscc::suggest(&typed) {
            prop_assert!(Uscc::parse(&suggestion).is_ok());
            prop_assert!(Uscc::parse(&typed).is_err());
        }
    }

    #[test]
    fn look_alikes_in_a_code_never_suggest_another_one(
        code in select(demo_codes()),
        digits in proptest::collection::vec(any::<bool>(), 18),
    ) {
        let misread: String = code
            .chars()
            .zip(digits)
            .map(|(c, misread)| match c {
                '1' if misread => 'I',
                '0' if misread => 'O',
                '5' if misread => 'S',
                '2' if misread => 'Z',
                other => other,
            })
            .collect();
        let suggestion = uscc::suggest(&misread);
        prop_assert_eq!(suggestion, (misread != code).then(|| code.to_owned()));
    }

    #[test]
    fn every_single_wrong_digit_of_a_resident_id_shows(place in 0_usize..17, digit in 0_u8..10) {
        let valid = "11010519491231002X";
        let mut typed = valid.to_owned().into_bytes();
        typed[place] = b'0' + digit;
        let typed = String::from_utf8(typed).expect("ASCII");
        prop_assert_eq!(resident_id::check(&typed, TODAY, false).checksum_ok, typed == valid);
    }

    #[test]
    fn hits_stand_in_order_and_show_their_word(
        pieces in proptest::collection::vec(
            select(vec!["贷款", "投资", "不得", "除外", "未经", "（", "）", "，", "；", "APP开发", "管理"]),
            0..20,
        ),
    ) {
        let text = pieces.concat();
        let chars: Vec<char> = text.chars().collect();
        let set = KeywordSet::seed();
        let mut end = 0;
        for hit in hits(&text, &set) {
            prop_assert!(hit.start >= end);
            end = hit.end;
            let shown: String = chars[hit.start..hit.end].iter().collect();
            prop_assert_eq!(shown.as_str(), hit.word);
            prop_assert!(hit.context.contains(hit.word));
        }
    }
}
