//! Workbooks, sound, damaged and hostile.

use std::io::{Cursor, Write};

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::*;

/// One sheet's rows as XML, packed the way a workbook is.
fn workbook(sheet: &str) -> Vec<u8> {
    packed(&[("xl/worksheets/sheet1.xml", sheet.as_bytes())])
}

fn packed(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let mut put = |name: &str, bytes: &[u8]| {
        let options = SimpleFileOptions::default().compression_level(Some(1));
        archive.start_file(name, options).unwrap();
        archive.write_all(bytes).unwrap();
    };
    let relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    put(
        "_rels/.rels",
        format!(
            "<Relationships><Relationship Id='r1' Type='{relations}/officeDocument' \
             Target='xl/workbook.xml'/></Relationships>"
        )
        .as_bytes(),
    );
    put(
        "xl/workbook.xml",
        format!(
            "<workbook xmlns:r='{relations}'><sheets>\
             <sheet name='旧' sheetId='2' state='hidden' r:id='r2'/>\
             <sheet name='清册' sheetId='1' r:id='r1'/></sheets></workbook>"
        )
        .as_bytes(),
    );
    put(
        "xl/_rels/workbook.xml.rels",
        format!(
            "<Relationships><Relationship Id='r1' Type='{relations}/worksheet' \
             Target='worksheets/sheet1.xml'/><Relationship Id='r2' Type='{relations}/worksheet' \
             Target='worksheets/sheet2.xml'/><Relationship Id='r3' \
             Type='{relations}/sharedStrings' Target='sharedStrings.xml'/></Relationships>"
        )
        .as_bytes(),
    );
    put(
        "xl/styles.xml",
        b"<styleSheet><cellXfs><xf numFmtId='0'/><xf numFmtId='14'/></cellXfs></styleSheet>",
    );
    for (name, bytes) in parts {
        put(name, bytes);
    }
    archive.finish().unwrap().into_inner()
}

fn sheet(rows: &str, merged: &str) -> String {
    format!("<worksheet><sheetData>{rows}</sheetData>{merged}</worksheet>")
}

fn text_cell(at: &str, text: &str) -> String {
    format!("<c r='{at}' t='inlineStr'><is><t>{text}</t></is></c>")
}

fn header_row() -> String {
    format!("<row r='1'>{}{}</row>", text_cell("A1", "楼层"), text_cell("B1", "房号"))
}

#[test]
fn cells_of_a_workbook_are_read_by_their_values() {
    let rows = [
        format!("<row r='2'>{}</row>", text_cell("A2", "清册")),
        format!("<row r='5'>{}{}</row>", text_cell("A5", "楼层"), text_cell("B5", "房号")),
        "<row r='6'><c r='A6'><v>2</v></c><c r='B6'><v>203.0</v></c></row>".into(),
        // A formula with its cached value, one without, a failed one, a date, a long number.
        "<row r='8'><c r='A8'><v>2</v></c><c r='B8' t='str'><f>X</f><v>205</v></c></row>".into(),
        "<row r='9'><c r='A9'><v>2</v></c><c r='B9'><f>X</f></c></row>".into(),
        "<row r='10'><c r='A10'><v>2</v></c><c r='B10' t='e'><v>#REF!</v></c></row>".into(),
        "<row r='11'><c r='A11'><v>2</v></c><c r='B11' s='1'><v>46000</v></c></row>".into(),
        "<row r='12'><c r='A12'><v>2</v></c><c r='B12'><v>919901010000000123</v></c></row>".into(),
        "<row r='13'><c r='A13'><v>-1</v></c><c r='B13'><v>3.5</v></c></row>".into(),
        "<row r='1048576'><c r='XFD1048576'><v>1</v></c></row>".into(),
    ];
    let file = read(&workbook(&sheet(&rows.concat(), ""))).unwrap();
    assert_eq!(
        told(&file.lines),
        [
            "6 2 203 ·",
            "8 2 205 ·",
            "9 room_missing",
            "10 formula_failed",
            "11 field_is_date",
            "12 digits_lost",
            "13 -1 3.5 ·",
        ]
    );
}

#[test]
fn a_floor_merged_over_its_rooms_holds_for_all_of_them() {
    let rows = "<row r='2'><c r='A2'><v>2</v></c><c r='B2'><v>201</v></c></row>\
                <row r='3'><c r='B3'><v>202</v></c></row>\
                <row r='4'><c r='A4'/><c r='B4'><v>203</v></c></row>\
                <row r='5'><c r='B5'><v>205</v></c></row>";
    // The second overlaps the first, which no spreadsheet writes.
    let merged =
        "<mergeCells count='2'><mergeCell ref='A2:A4'/><mergeCell ref='A3:A9'/></mergeCells>";
    let file = read(&workbook(&sheet(&(header_row() + rows), merged))).unwrap();
    assert_eq!(told(&file.lines), ["2 2 201 ·", "3 2 202 ·", "4 2 203 ·", "5 floor_missing"]);
}

#[test]
fn an_archive_that_unpacks_to_too_much_is_refused_whatever_it_declares() {
    let unpacked = Err(FileError::TooLarge { bytes_max: UNPACKED_BYTES_MAX, unpacked: true });
    // Two parts that only together exceed the bound.
    let half = vec![b' '; usize::try_from(UNPACKED_BYTES_MAX).unwrap() / 2 + 1];
    let mut bomb = packed(&[("xl/media/a", &half), ("xl/media/b", &half)]);
    assert_eq!(read(&bomb), unpacked);
    // The same with their sizes declared as one byte, wherever they are declared.
    let declared = u32::try_from(half.len()).unwrap().to_le_bytes();
    let at: Vec<_> = (0..bomb.len() - 4).filter(|at| bomb[*at..*at + 4] == declared).collect();
    assert!(at.len() >= 4);
    for at in at {
        bomb[at..at + 4].copy_from_slice(&1_u32.to_le_bytes());
    }
    assert!(matches!(read(&bomb), Err(FileError::TooLarge { .. } | FileError::Unreadable(_))));
}

#[test]
fn one_huge_text_in_every_cell_costs_one_look() {
    let text = "x".repeat(5 << 20);
    let strings = format!("<sst><si><t>{text}</t></si></sst>");
    let cells = "<row><c t='s'><v>0</v></c><c t='s'><v>0</v></c></row>".repeat(1_000);
    let sheet = sheet(&(header_row() + &cells), "");
    let parts = [
        ("xl/worksheets/sheet1.xml", sheet.as_bytes()),
        ("xl/sharedStrings.xml", strings.as_bytes()),
    ];
    let file = read(&packed(&parts)).unwrap();
    assert!(
        file.lines
            .iter()
            .all(|l| l.as_ref().unwrap_err().reason == LineReason::FieldTooLong(Column::Room))
    );
    assert_eq!(file.lines.len(), 1_000);
}

#[test]
fn damaged_and_foreign_archives_are_refused() {
    for length in [4, 30, B02_XLSX.len() / 2, B02_XLSX.len() - 1] {
        assert!(matches!(read(&B02_XLSX[..length]), Err(FileError::Unreadable(_))), "{length}");
    }
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    archive.start_file("readme.txt", SimpleFileOptions::default()).unwrap();
    let foreign = archive.finish().unwrap().into_inner();
    assert!(matches!(read(&foreign), Err(FileError::Unreadable(_))));
    assert!(matches!(read(&packed(&[])), Err(FileError::Unreadable(_))));
    assert!(matches!(
        read(&workbook("<worksheet><sheetData><row r='1'><c")),
        Err(FileError::Unreadable(_) | FileError::NoHeader { .. })
    ));
    let no_header = Err(FileError::NoHeader { missing: vec![Column::Floor, Column::Room] });
    assert_eq!(read(&workbook(&sheet("", ""))), no_header);
}

#[test]
fn any_sheet_gives_lines_or_an_error() {
    let sound = sheet(
        &(header_row() + "<row r='2'><c r='A2'><v>2</v></c><c r='B2' s='1'><v>201</v></c></row>"),
        "<mergeCells count='1'><mergeCell ref='A2:A4'/></mergeCells>",
    );
    let backwards = "<mergeCells count='1'><mergeCell ref='C9:A1'/></mergeCells>";
    let _ = read(&workbook(&sheet(&header_row(), backwards)));
    let mut next = noise(0xb02);
    for round in 0..300 {
        let mut bytes = sound.clone().into_bytes();
        for _ in 0..=round % 8 {
            let at = usize::try_from(next()).unwrap() % bytes.len();
            bytes[at] = b"<>/'\"= 09AZ:-&;\0"[usize::try_from(next() % 16).unwrap()];
        }
        let _ = read(&packed(&[("xl/worksheets/sheet1.xml", &bytes)]));
    }
}
