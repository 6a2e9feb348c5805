//! Rows of cells become lines of a roster: finds the header, then reads by its columns.

use unicode_normalization::UnicodeNormalization;

use super::{
    COLUMNS_MAX, Column, FIELD_CHARS_MAX, FileError, HEADER_ROWS_MAX, LINES_MAX, LineReason,
    LineRefusal, RosterLine,
};

/// Bytes of a cell's text; beyond, it has more than [`FIELD_CHARS_MAX`] characters or is padding.
const CELL_BYTES_MAX: usize = 1 << 10;

/// How rows start that close a list: totals, signatures.
const CLOSING: [&str; 7] = ["合计", "总计", "小计", "填报人", "制表人", "审核人", "签发人"];

/// What lists put for a company where there is none.
const NOBODY: [&str; 6] = ["无", "空置", "空", "待租", "未出租", "vacant"];

/// The months as an English spreadsheet abbreviates them.
const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// What a cell holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cell {
    /// Text as typed, maybe empty.
    Text(String),
    /// A date.
    Date,
    /// A number of more digits than a spreadsheet keeps.
    LongNumber,
    /// A failed formula.
    Failed,
    /// More text than [`CELL_BYTES_MAX`].
    TooLong,
}

impl Cell {
    /// Takes over a text on one line; a huge one is not even looked at, because a workbook can
    /// refer to one text from every cell.
    pub(super) fn text(text: &str) -> Self {
        if text.len() > CELL_BYTES_MAX {
            return Self::TooLong;
        }
        Self::Text(text.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Self::Text(text) if is_blank(text))
    }
}

/// One row of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// Line or row number, from 1.
    pub(super) line: usize,
    /// Its cells from the left, at most [`COLUMNS_MAX`].
    pub(super) cells: Result<Vec<Cell>, LineReason>,
}

/// A list being read row by row.
pub(super) struct Table {
    header: Option<Header>,
    /// What the row closest to a header lacks.
    missing: Vec<Column>,
    rows_before_header: usize,
    lines: Vec<Result<RosterLine, LineRefusal>>,
}

/// Where each column is.
type Header = [Option<usize>; Column::ALL.len()];

impl Table {
    pub(super) fn new() -> Self {
        Self {
            header: None,
            missing: Column::REQUIRED.to_vec(),
            rows_before_header: 0,
            lines: Vec::new(),
        }
    }

    /// Takes the next row.
    pub(super) fn push(&mut self, row: Row) -> Result<(), FileError> {
        let cells = match row.cells {
            Ok(cells) => cells,
            Err(reason) if self.header.is_some() => return self.refuse(row.line, reason),
            Err(_) => Vec::new(),
        };
        if cells.iter().all(Cell::is_empty) {
            return Ok(());
        }
        let Some(header) = &self.header else {
            return self.look_for_header(&cells);
        };
        // Printed lists repeat their header on every page.
        if is_closing(header, &cells) || header_of(&cells) == *header {
            return Ok(());
        }
        match line(header, row.line, &cells) {
            Ok(line) => self.add(Ok(line)),
            Err(reason) => self.refuse(row.line, reason),
        }
    }

    /// Gives the lines.
    pub(super) fn finish(self) -> Result<Vec<Result<RosterLine, LineRefusal>>, FileError> {
        match self.header {
            Some(_) => Ok(self.lines),
            None => Err(FileError::NoHeader { missing: self.missing }),
        }
    }

    fn look_for_header(&mut self, cells: &[Cell]) -> Result<(), FileError> {
        let header = header_of(cells);
        let missing: Vec<_> =
            Column::REQUIRED.into_iter().filter(|c| header[*c as usize].is_none()).collect();
        if missing.is_empty() {
            self.header = Some(header);
            return Ok(());
        }
        if missing.len() < self.missing.len() {
            self.missing = missing;
        }
        self.rows_before_header += 1;
        if self.rows_before_header < HEADER_ROWS_MAX {
            return Ok(());
        }
        Err(FileError::NoHeader { missing: self.missing.clone() })
    }

    fn refuse(&mut self, line: usize, reason: LineReason) -> Result<(), FileError> {
        self.add(Err(LineRefusal { line, reason }))
    }

    fn add(&mut self, line: Result<RosterLine, LineRefusal>) -> Result<(), FileError> {
        if self.lines.len() == LINES_MAX {
            return Err(FileError::TooManyLines { max: LINES_MAX });
        }
        self.lines.push(line);
        Ok(())
    }
}

/// Letters and digits of a text in one width and case, for comparing words.
pub(super) fn word(text: &str) -> String {
    text.nfkc().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn header_of(cells: &[Cell]) -> Header {
    let mut header = Header::default();
    for (at, cell) in cells.iter().enumerate().take(COLUMNS_MAX) {
        let Cell::Text(text) = cell else { continue };
        // 房号（必填）: what stands in brackets explains the name.
        let name = word(text.split(['(', '（', '[', '【']).next().unwrap_or(text));
        let column = Column::ALL.into_iter().find(|c| c.names().contains(&name.as_str()));
        if let Some(column) = column {
            header[column as usize].get_or_insert(at);
        }
    }
    header
}

/// Tells a row below the list: a total, a signature, or a running number with nothing after it.
fn is_closing(header: &Header, cells: &[Cell]) -> bool {
    let at = |column: Column| header[column as usize].and_then(|at| cells.get(at));
    if at(Column::Room).is_some_and(|cell| !cell.is_empty()) {
        return false;
    }
    let first = cells.iter().find_map(|cell| match cell {
        Cell::Text(text) if !is_blank(text) => Some(word(text)),
        _ => None,
    });
    let closes = first.is_some_and(|first| CLOSING.iter().any(|close| first.starts_with(close)));
    closes
        || cells.iter().enumerate().all(|(index, cell)| {
            let running = matches!(cell, Cell::Text(text)
                if !header.contains(&Some(index)) && text.bytes().all(|b| b.is_ascii_digit()));
            cell.is_empty() || running
        })
}

fn line(header: &Header, line: usize, cells: &[Cell]) -> Result<RosterLine, LineReason> {
    let read = |column: Column| match header[column as usize].and_then(|at| cells.get(at)) {
        Some(cell) => field(column, cell),
        None => Ok(None),
    };
    Ok(RosterLine {
        line,
        section: read(Column::Section)?,
        room: read(Column::Room)?.ok_or(LineReason::RoomMissing)?,
        floor: read(Column::Floor)?.ok_or(LineReason::FloorMissing)?,
        kind: read(Column::Kind)?,
        sharing: read(Column::Sharing)?,
        company: read(Column::Company)?.filter(|name| names_somebody(name)),
        uscc: read(Column::Uscc)?,
        occupancy: read(Column::Occupancy)?,
    })
}

fn field(column: Column, cell: &Cell) -> Result<Option<String>, LineReason> {
    let text = match cell {
        Cell::Text(text) => plain(text),
        Cell::Date => return Err(LineReason::FieldIsDate(column)),
        Cell::LongNumber => return Err(LineReason::DigitsLost(column)),
        Cell::Failed => return Err(LineReason::FormulaFailed(column)),
        Cell::TooLong => return Err(LineReason::FieldTooLong(column)),
    };
    if text.chars().count() > FIELD_CHARS_MAX {
        return Err(LineReason::FieldTooLong(column));
    }
    if text.contains(|c: char| c.is_control() || c == char::REPLACEMENT_CHARACTER) {
        return Err(LineReason::FieldUnreadable(column));
    }
    if matches!(column, Column::Floor | Column::Room) && is_date(text) {
        return Err(LineReason::FieldIsDate(column));
    }
    if column == Column::Uscc && is_rounded(text) {
        return Err(LineReason::DigitsLost(column));
    }
    Ok((!is_placeholder(text)).then(|| text.to_owned()))
}

/// The text without the marks by which people make a spreadsheet keep digits: `'0305` and
/// `="0305"`.
fn plain(text: &str) -> &str {
    let text = text.trim_matches(is_invisible);
    let bare = text.strip_prefix("=\"").and_then(|rest| rest.strip_suffix('"'));
    bare.or_else(|| text.strip_prefix('\'')).unwrap_or(text).trim()
}

fn is_blank(text: &str) -> bool {
    text.chars().all(is_invisible)
}

fn is_invisible(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{200b}' | '\u{feff}')
}

/// Dashes and strokes that fill an empty field. A minus alone is no floor either.
fn is_placeholder(text: &str) -> bool {
    !text.contains(|c: char| !c.is_ascii_punctuation() && !matches!(c, '—' | '–' | '－' | '／'))
}

fn names_somebody(name: &str) -> bool {
    let name = word(name);
    !name.is_empty() && !NOBODY.contains(&name.as_str())
}

/// Tells a date as spreadsheets write one into CSV: `2月3日`, `3-Feb`, `Feb-03`, `2026/2/3`.
fn is_date(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let month = |part: &str| MONTHS.contains(&part.to_ascii_lowercase().as_str());
    if let Some((month, day)) = text.strip_suffix('日').and_then(|text| text.split_once('月')) {
        let month = month.split_once('年').map_or(month, |(_, month)| month);
        return digits(month) && digits(day);
    }
    match text.split(['-', '/']).collect::<Vec<_>>()[..] {
        [a, b] => (digits(a) && month(b)) || (month(a) && digits(b)),
        [year, b, c] => year.len() == 4 && [year, b, c].into_iter().all(digits),
        _ => false,
    }
}

/// Tells a long number as spreadsheets write it into CSV: `9.1990101E+17`.
fn is_rounded(text: &str) -> bool {
    let (number, power) = text.split_once(['E', 'e']).unwrap_or((text, ""));
    power.starts_with('+') && number.bytes().all(|b| b.is_ascii_digit() || b == b'.')
}
