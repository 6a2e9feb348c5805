//! Reading text, and what every refusal says.

mod doors;
mod sheets;

use encoding_rs::GB18030;

use super::*;
use doors::b02;

const B02_CSV: &[u8] = include_bytes!("fixtures/b02.csv");
const B02_XLSX: &[u8] = include_bytes!("fixtures/b02.xlsx");
const GB18030_CSV: &[u8] = include_bytes!("fixtures/gb18030.csv");

fn lines(text: &str) -> Vec<Result<RosterLine, LineRefusal>> {
    read(text.as_bytes()).unwrap().lines
}

/// Line, floor, room, company, or line and code.
fn told(lines: &[Result<RosterLine, LineRefusal>]) -> Vec<String> {
    let tell = |line: &Result<RosterLine, LineRefusal>| match line {
        Ok(l) => {
            format!("{} {} {} {}", l.line, l.floor, l.room, l.company.as_deref().unwrap_or("·"))
        }
        Err(refusal) => format!("{} {}", refusal.line, refusal.reason.code()),
    };
    lines.iter().map(tell).collect()
}

#[test]
fn the_workbook_and_the_csv_of_b02_say_the_same() {
    let of = |bytes| read(bytes).unwrap().lines.into_iter().map(Result::unwrap);
    for (csv, xlsx) in of(B02_CSV).zip(of(B02_XLSX)) {
        assert_eq!(RosterLine { line: csv.line + 2, ..csv }, xlsx);
    }
}

#[test]
fn csv_as_excel_saves_it_in_china_is_read_with_the_lines_an_editor_shows() {
    assert_eq!(
        told(&read(GB18030_CSV).unwrap().lines),
        [
            "2 1层 101 月饼早餐店",
            "4 2层 201 青柠设计 （云岚）有限公司",
            "6 二楼 202室 㙟𠮷贸易（云岚）有限公司",
            "7 4层 401 ·",
        ]
    );
}

#[test]
fn one_broken_byte_does_not_change_the_encoding() {
    let mut bytes = "floor,room,company\n1,101,青柠设计\n1,102,白鹭科技\n".as_bytes().to_vec();
    let at = bytes.windows(3).position(|w| w == "青".as_bytes()).unwrap();
    bytes[at] = 0xff;
    assert_eq!(told(&read(&bytes).unwrap().lines), ["2 field_unreadable", "3 1 102 白鹭科技"]);
    let gb = GB18030.encode("floor,room,company\n1,101,青柠设计\n1,102,白鹭科技\n").0;
    assert_eq!(told(&read(&gb).unwrap().lines), ["2 1 101 青柠设计", "3 1 102 白鹭科技"]);
}

#[test]
fn separators_marks_and_line_breaks_of_every_kind_are_read() {
    let expected = ["2 1 101 A", "3 1 102 B"];
    for separator in [",", ";", "\t"] {
        for newline in ["\n", "\r\n", "\r"] {
            let text =
                ["楼层,房号,公司", "1,101,A", "1,\"102\",B"].join(newline).replace(',', separator);
            assert_eq!(told(&lines(&text)), expected, "{text:?}");
            assert_eq!(told(&lines(&format!("\u{feff}{text}"))), expected, "{text:?}");
        }
    }
    let utf_16: Vec<u8> =
        "\u{feff}楼层\t房号\r\n1\t101\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(told(&read(&utf_16).unwrap().lines), ["2 1 101 ·"]);
}

#[test]
fn quoted_breaks_separators_and_quotes_keep_the_line_numbers_right() {
    let text = "楼层,房号,公司\r\n1,101,\"a\r\nb, \"\"c\"\"\"\r\n\r\n , ,\r\n1,102,\"\" \r\n1,103";
    assert_eq!(told(&lines(text)), ["2 1 101 a b, \"c\"", "6 1 102 ·", "7 1 103 ·"]);
}

#[test]
fn an_open_quote_costs_its_own_line_only() {
    let text = "楼层,房号,公司\n1,101,\"a\n1,102,b\n1,103,\"c\"\n1,105,d\"e\n1,106,\"f";
    assert_eq!(
        told(&lines(text)),
        ["2 quote_open", "3 1 102 b", "4 1 103 c", "5 1 105 d\"e", "6 quote_open"]
    );
    let long = format!("楼层,房号,公司\n1,101,\"{}\"\n1,102,b\n", "字\n".repeat(10_000));
    let told = told(&lines(&long));
    assert_eq!((&told[0][..], &told[told.len() - 1][..]), ("2 quote_open", "10003 1 102 b"));
}

#[test]
fn columns_are_found_by_name_in_any_order_and_spelling() {
    let text = "序号,【云港】\n\n Ｒoom No. ,*楼　层（必填）,备注,COMPANY_NAME,USCC,座,kind,sharing,入驻方式\n\
                101,1F,好,甲,91990101MADEMA0000,A座,shop,shared,实际办公\n";
    let all = lines(text);
    let line = all[0].as_ref().unwrap();
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(
        *line,
        RosterLine {
            line: 4,
            section: some("A座"),
            floor: "1F".into(),
            room: "101".into(),
            kind: some("shop"),
            sharing: some("shared"),
            company: some("甲"),
            uscc: some("91990101MADEMA0000"),
            occupancy: some("实际办公"),
        }
    );
}

#[test]
fn totals_signatures_numbered_blanks_and_repeated_headers_are_no_lines() {
    let text = "序号,楼层,房号,公司\n1,1,101,空置\n序号,楼层,房号,公司\n2,1,102,/\n3,,,\n\
                合计,,,2\n,,,\n填报人：王小明,,审核人：,\n4,2,,乙\n备注见后,,,\n";
    // The signature row has something in the room column and is refused, not dropped.
    assert_eq!(
        told(&lines(text)),
        ["2 1 101 ·", "4 1 102 ·", "8 floor_missing", "9 room_missing", "10 room_missing"]
    );
}

#[test]
fn a_line_is_refused_for_what_a_spreadsheet_or_a_hand_did_to_it() {
    let refused = |line: &str, code: &str| {
        let text = format!("楼层,房号,公司,统一社会信用代码\n{line}\n2,205,,\n");
        assert_eq!(told(&lines(&text)), [format!("2 {code}"), "3 2 205 ·".into()], "{line}");
    };
    for date in ["2月3日", "3-Feb", "Feb-03", "2026/2/3", "2026年2月3日"] {
        refused(&format!("2,{date},,"), "field_is_date");
    }
    refused("2,203,甲,9.1990101E+17", "digits_lost");
    refused(&format!("2,203,{},", "长".repeat(201)), "field_too_long");
    refused("2,2\u{0}03,,", "field_unreadable");
    refused(",203,,", "floor_missing");
    refused("—,203,,", "floor_missing");
    refused("2,,甲,", "room_missing");
    refused("2, — ,甲,", "room_missing");
    let fine = |line: &str, told_as: &str| {
        let text = format!("楼层,房号,公司,统一社会信用代码\n{line}\n");
        assert_eq!(told(&lines(&text)), [format!("2 {told_as}")], "{line}");
    };
    fine(&format!("2,203,{},", "长".repeat(200)), &format!("2 203 {}", "长".repeat(200)));
    fine("2,=\"0203\",无,", "2 0203 ·");
    fine("-1,'0203,,", "-1 0203 ·");
    fine("2,2-03,,", "2 2-03 ·");
    fine("2,201-3-05,,", "2 201-3-05 ·");
}

#[test]
fn the_bounds_hold() {
    let bytes_max = FILE_BYTES_MAX as u64;
    let too_large = Err(FileError::TooLarge { bytes_max, unpacked: false });
    assert_eq!(read(&vec![b'a'; FILE_BYTES_MAX + 1]), too_large);
    let full = format!("楼层,房号\n{}", "1,101\n\n".repeat(LINES_MAX));
    assert_eq!(lines(&full).len(), LINES_MAX);
    let over = format!("{full}1,102\n");
    assert_eq!(read(over.as_bytes()), Err(FileError::TooManyLines { max: LINES_MAX }));
}

#[test]
fn a_file_without_a_list_is_refused_with_what_it_lacks() {
    for nothing in ["", " \r\n", "\u{feff}楼层,房号\n"] {
        assert_eq!(read(nothing.as_bytes()), Err(FileError::Empty), "{nothing:?}");
    }
    let missing = |columns: &[Column]| Err(FileError::NoHeader { missing: columns.to_vec() });
    assert_eq!(read(b"company\nX\n"), missing(&[Column::Floor, Column::Room]));
    assert_eq!(read("房号;公司\n101;X\n".as_bytes()), missing(&[Column::Floor]));
    let late = format!("{}楼层,房号\n1,101\n", "x\n".repeat(HEADER_ROWS_MAX));
    assert_eq!(read(late.as_bytes()), missing(&[Column::Floor, Column::Room]));
    assert_eq!(read(b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"), Err(FileError::OldWorkbook));
}

/// A small generator of numbers that look random, the same on every run (xorshift64).
fn noise(seed: u64) -> impl FnMut() -> u64 {
    let mut state = seed;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    }
}

#[test]
fn any_bytes_give_lines_or_an_error() {
    let mut next = noise(0x5a01_0ad5);
    for round in 0..40 {
        let bytes: Vec<u8> = (0..next() % 2_000).map(|_| next().to_le_bytes()[0]).collect();
        let _ = read(&bytes);
        let _ = read(&[b"PK\x03\x04".as_slice(), &bytes].concat());
        for sound in [B02_CSV, GB18030_CSV] {
            let mut bytes = sound.to_vec();
            for _ in 0..=round % 20 {
                let at = usize::try_from(next()).unwrap() % bytes.len();
                bytes[at] = next().to_le_bytes()[0];
            }
            if let Ok(file) = read(&bytes) {
                assert_eq!(plan(&file, &b02()).len(), file.lines.len());
            }
        }
    }
    for hostile in ["\0".repeat(100_000), "\"".repeat(100_000), "楼层,房号\n\"".repeat(5_000)] {
        let _ = read(hostile.as_bytes());
    }
    let wide = format!("楼层,房号\n1,101{}\n1,102\n", ",x".repeat(1_000_000));
    assert_eq!(told(&lines(&wide)), ["2 1 101 ·", "3 1 102 ·"]);
}

#[test]
fn every_refusal_says_what_to_do_in_two_languages() {
    let typed = || "宫殿".to_owned();
    let mut reasons = vec![
        LineReason::RoomMissing,
        LineReason::FloorMissing,
        LineReason::FloorUnknown(typed()),
        LineReason::FloorAmbiguous(typed()),
        LineReason::SectionUnknown(typed()),
        LineReason::KindUnknown(typed()),
        LineReason::SharingUnknown(typed()),
        LineReason::QuoteOpen,
    ];
    for column in Column::ALL {
        reasons.extend([
            LineReason::FieldTooLong(column),
            LineReason::FieldUnreadable(column),
            LineReason::FieldIsDate(column),
            LineReason::DigitsLost(column),
            LineReason::FormulaFailed(column),
        ]);
    }
    for reason in reasons {
        assert!(reason.zh().contains('；') && reason.en().contains("; "), "{}", reason.code());
    }
    let errors = [
        FileError::Empty,
        FileError::NoHeader { missing: Column::REQUIRED.to_vec() },
        FileError::OldWorkbook,
        FileError::Unreadable("internal".into()),
        FileError::TooLarge { bytes_max: UNPACKED_BYTES_MAX, unpacked: true },
        FileError::TooManyLines { max: LINES_MAX },
    ];
    for error in errors {
        assert!(error.zh().contains('；') && error.en().contains("; "), "{}", error.code());
        assert!(!error.en().contains("internal"));
    }
}
