//! What lines mean for a building.

use saolou_protocol::ids::{FloorId, OfficeId};
use saolou_protocol::registry::office::{OfficeKind, Sharing, key_of};
use uuid::Uuid;

use super::super::plan::PlannedLine;
use super::*;

fn floor(n: u128, section: &str, label: &str, aliases: &[&str]) -> KnownFloor {
    KnownFloor {
        id: FloorId(Uuid::from_u128(n)),
        section: section.into(),
        label: label.into(),
        aliases: aliases.iter().map(|alias| (*alias).to_owned()).collect(),
        rooms: Vec::new(),
    }
}

fn tower(labels: &[&str]) -> Vec<KnownFloor> {
    (1..).zip(labels).map(|(n, label)| floor(n, "-", label, &[])).collect()
}

/// The floors of 云港国际中心B座: no 4, 13, 14 and 24, a refuge floor 15.
pub(super) fn b02() -> Vec<KnownFloor> {
    let upper = (1..=30).filter(|n| ![4, 13, 14, 24].contains(n)).map(|n: u32| n.to_string());
    let labels: Vec<_> = ["B2".to_owned(), "B1".to_owned()].into_iter().chain(upper).collect();
    tower(&labels.iter().map(String::as_str).collect::<Vec<_>>())
}

fn verdicts(text: &str, floors: &[KnownFloor]) -> Vec<String> {
    let file = read(text.as_bytes()).unwrap();
    let tell = |planned: PlannedLine<'_>| match planned.verdict {
        Verdict::Accepted { floor, key, kind, sharing } => {
            format!("+{} {key} {} {}", floor.0.as_u128(), kind.code(), sharing.code())
        }
        Verdict::Linked { to: LinkedTo::Line(line), key, .. } => format!("={line} {key}"),
        Verdict::Linked { to: LinkedTo::Existing(office), key, .. } => {
            format!("=#{} {key}", office.0.as_u128())
        }
        Verdict::Refused(reason) => reason.code().to_owned(),
    };
    plan(&file, floors).into_iter().map(tell).collect()
}

#[test]
fn the_list_of_b02_gives_194_rooms_3_links_and_2_refusals() {
    for (bytes, title_rows) in [(B02_CSV, 0), (B02_XLSX, 2)] {
        let file = read(bytes).unwrap();
        assert_eq!(file.lines.len(), 199);
        let floors = b02();
        let planned = plan(&file, &floors);
        let mut accepted = Vec::new();
        let mut linked = Vec::new();
        let mut refused = Vec::new();
        for line in &planned {
            match &line.verdict {
                Verdict::Accepted { floor, key, .. } => {
                    accepted.push((*floor, key.clone()));
                }
                Verdict::Linked { to: LinkedTo::Line(to), key, .. } => {
                    linked.push((line.line - title_rows, *to - title_rows, key.as_str()));
                }
                Verdict::Linked { .. } => panic!("no room is there yet"),
                Verdict::Refused(reason) => {
                    refused.push((line.line - title_rows, reason.clone()));
                }
            }
        }
        // Shops 101 to 105 and 190 offices on 24 floors; nobody numbers a door 04.
        assert_eq!(accepted.len(), 194);
        for (n, floor) in (1..).zip(floors.iter().filter(|f| f.label.parse::<u32>().is_ok())) {
            let doors = match floor.label.as_str() {
                "1" => 4,
                "15" => 0,
                "29" | "30" => 7,
                _ => 8,
            };
            let numbers = (1..).filter(|n| *n != 4).take(doors);
            let expected: Vec<_> =
                numbers.map(|door: u32| format!("{}{door:02}", floor.label)).collect();
            let on_floor = accepted.iter().filter(|(id, _)| *id == floor.id);
            assert_eq!(on_floor.map(|(_, key)| key.clone()).collect::<Vec<_>>(), expected, "{n}");
        }
        assert_eq!(linked, [(10, 8, "203"), (15, 8, "203"), (88, 85, "1207")]);
        let unknown = |floor: &str| LineReason::FloorUnknown(floor.into());
        assert_eq!(refused, [(89, unknown("13")), (200, unknown("31"))]);
    }
}

#[test]
fn importing_a_list_again_adds_nothing() {
    let file = read(B02_CSV).unwrap();
    let mut floors = b02();
    for (n, line) in (1..).zip(plan(&file, &floors.clone())) {
        if let Verdict::Accepted { floor, key, .. } = line.verdict {
            let on = floors.iter_mut().find(|f| f.id == floor).unwrap();
            on.rooms.push((OfficeId(Uuid::from_u128(n)), key));
        }
    }
    let again = plan(&file, &floors);
    let linked = |line: &&PlannedLine<'_>| {
        matches!(line.verdict, Verdict::Linked { to: LinkedTo::Existing(_), .. })
    };
    assert_eq!(again.iter().filter(linked).count(), 197);
}

#[test]
fn floors_answer_to_their_spellings_and_never_to_a_guess() {
    let mut floors = tower(&["B1", "G", "1", "2F", "3A", "12", "RF"]);
    floors.push(floor(8, "-", "M", &["夹层", "1A"]));
    let spellings = [
        ("B1", 1),
        ("-1", 1),
        ("负一层", 1),
        ("b1f", 1),
        ("地下1层", 1),
        ("G", 2),
        ("G/F", 2),
        ("1", 3),
        ("一楼", 3),
        ("1F", 3),
        ("F1", 3),
        ("第1层", 3),
        ("2", 4),
        ("２Ｆ", 4),
        ("F2", 4),
        ("2 层", 4),
        ("二层", 4),
        ("2/F", 4),
        ("2 floor", 4),
        ("3a", 5),
        ("3A层", 5),
        ("十二层", 6),
        ("12楼", 6),
        ("RF", 7),
        ("夹层", 8),
        ("1a", 8),
    ];
    for (typed, n) in spellings {
        let text = format!("楼层,房号\n{typed},x1\n");
        assert_eq!(verdicts(&text, &floors), [format!("+{n} X1 office single")], "{typed}");
    }
    for unknown in ["3", "B2", "L1", "13", "层", "F", "12-ALL", "顶层", "1202", "١"] {
        let text = format!("楼层,房号\n{unknown},x1\n");
        assert_eq!(verdicts(&text, &floors), ["floor_unknown"], "{unknown}");
    }
    let twice = [floor(1, "-", "1F", &[]), floor(2, "-", "F1", &[])];
    let text = "楼层,房号\n1F,101\nF1,101\n1,101\n";
    let expected = ["+1 101 office single", "+2 101 office single", "floor_ambiguous"];
    assert_eq!(verdicts(text, &twice), expected);
}

#[test]
fn sections_tell_floors_of_one_name_apart() {
    let floors = [floor(1, "A座", "2", &[]), floor(2, "B座", "2", &[]), floor(3, "B座", "30", &[])];
    let text = "座,楼层,房号\nＡ座,2,201\nb,2层,201\n,2,201\n,30,3001\nC座,2,201\nA座,30,3001\n";
    let expected = [
        "+1 201 office single",
        "+2 201 office single",
        "floor_ambiguous",
        "+3 3001 office single",
        "section_unknown",
        "floor_unknown",
    ];
    assert_eq!(verdicts(text, &floors), expected);
    // One name in the list of a building without sections is its own; two belong to two.
    let plain = tower(&["2"]);
    assert_eq!(verdicts("座,楼层,房号\nB座,2,201\n", &plain), ["+1 201 office single"]);
    let two = "座,楼层,房号\nA座,2,201\nB座,2,202\n,2,203\n";
    let expected = ["section_unknown", "section_unknown", "+1 203 office single"];
    assert_eq!(verdicts(two, &plain), expected);
}

#[test]
fn spellings_of_one_door_are_linked_to_the_first_and_spans_stay_whole() {
    let text =
        "楼层,房号\n2,203\n2,2-03\n2,２０３室\n2,2001-2006\n2,2001—2006\n3,203\n2,2层\n2,、\n";
    let expected = [
        "+1 203 office single",
        "=2 203",
        "=2 203",
        "+1 2001-2006 office single",
        "=5 2001-2006",
        "+2 203 office single",
        "+1 2-ALL whole_floor single",
        "room_missing",
    ];
    assert_eq!(verdicts(text, &tower(&["2", "3"])), expected);

    let mut floors = tower(&["2"]);
    floors[0].rooms.push((OfficeId(Uuid::from_u128(7)), "203".into()));
    assert_eq!(verdicts("楼层,房号\n2,2-03\n2,203\n", &floors), ["=#7 203", "=#7 203"]);
}

#[test]
fn doors_without_a_number_are_joined_only_with_rooms_that_are_there() {
    let mut floors = tower(&["1"]);
    let text = "楼层,房号,用途\n1,走廊尽头,无门牌\n1,走廊尽头,无门牌\n";
    let new = "+1 走廊尽头 unnumbered single";
    assert_eq!(verdicts(text, &floors), [new, new]);
    floors[0].rooms.push((OfficeId(Uuid::from_u128(7)), key_of("走廊尽头")));
    assert_eq!(verdicts(text, &floors), ["=#7 走廊尽头", new]);
}

#[test]
fn kinds_and_sharing_are_read_by_code_and_by_word_or_refused() {
    for (kind, code) in [
        ("办公室", "office"),
        ("商铺", "shop"),
        ("柜台/摊位", "counter"),
        ("住宅", "residential_unit"),
        ("Shared Space", "shared_space"),
        ("其它", "other"),
        ("", "office"),
        ("／", "office"),
    ] {
        let text = format!("楼层,房号,用途\n1,101,{kind}\n");
        assert_eq!(verdicts(&text, &tower(&["1"])), [format!("+1 101 {code} single")], "{kind}");
    }
    for kind in OfficeKind::ALL {
        let text = format!("楼层,房号,用途\n1,101,{}\n", kind.code());
        assert_eq!(verdicts(&text, &tower(&["1"]))[0], format!("+1 101 {} single", kind.code()));
    }
    for (sharing, is) in [
        ("独用", Sharing::Single),
        ("多家合用", Sharing::Shared),
        ("registered only", Sharing::RegisteredOnly),
    ] {
        let text = format!("楼层,房号,使用方式\n1,101,{sharing}\n");
        assert_eq!(verdicts(&text, &tower(&["1"])), [format!("+1 101 office {}", is.code())]);
    }
    let text = "楼层,房号,用途,使用方式\n1,101,宫殿,\n1,102,,随便\n1,103,,\n";
    let expected = ["kind_unknown", "sharing_unknown", "+1 103 office single"];
    assert_eq!(verdicts(text, &tower(&["1"])), expected);
}
