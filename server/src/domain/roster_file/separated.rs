//! A roster as CSV (RFC 4180 and what spreadsheets make of it).
//!
//! Read here and not by a general CSV reader because of one rule: a quotation mark that nobody
//! closes costs its own line, where a general reader swallows the rest of the file. A quoted
//! field that runs on too long, or has text after its closing mark, was not one; the line is
//! refused and reading goes on with the next.

use std::borrow::Cow;

use encoding_rs::{Encoding, GB18030, UTF_8};

use super::table::{Cell, Row, Table};
use super::{COLUMNS_MAX, FileError, LineReason, LineRefusal, RosterLine};

/// Bytes of a quoted field; a spreadsheet's cell holds 32,767 characters at most.
const QUOTED_BYTES_MAX: usize = 32 << 10;

/// What may separate fields; the first under which a header appears is the one.
const SEPARATORS: [char; 3] = [',', '\t', ';'];

/// Reads the lines of a CSV file.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<Result<RosterLine, LineRefusal>>, FileError> {
    let text = decode(bytes);
    let mut closest = Err(FileError::Empty);
    for separator in SEPARATORS {
        let read = read_separated(&text, separator);
        let Err(FileError::NoHeader { missing }) = read else { return read };
        if !matches!(&closest, Err(FileError::NoHeader { missing: m }) if m.len() <= missing.len())
        {
            closest = Err(FileError::NoHeader { missing });
        }
    }
    closest
}

fn read_separated(
    text: &str,
    separator: char,
) -> Result<Vec<Result<RosterLine, LineRefusal>>, FileError> {
    let mut table = Table::new();
    for row in (Rows { rest: text, line: 1, separator }) {
        table.push(row)?;
    }
    table.finish()
}

/// The text of the file. Without a byte order mark it is UTF-8 or, as Excel saves CSV in China,
/// GB18030. A broken byte must not decide: Chinese text in GB18030 has hardly a byte that makes
/// sense in UTF-8, so more sense than nonsense means UTF-8.
fn decode(bytes: &[u8]) -> Cow<'_, str> {
    if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        return encoding.decode_without_bom_handling(&bytes[mark..]).0;
    }
    let (utf_8, broken) = UTF_8.decode_without_bom_handling(bytes);
    let nonsense = if broken { utf_8.matches(char::REPLACEMENT_CHARACTER).count() } else { 0 };
    let beyond_ascii = || utf_8.chars().filter(|c| !c.is_ascii()).count();
    if nonsense == 0 || beyond_ascii() > 2 * nonsense {
        return utf_8;
    }
    GB18030.decode_without_bom_handling(bytes).0
}

/// The rows of a text that are not empty, each with the number of the line it starts on.
pub(super) struct Rows<'a> {
    pub(super) rest: &'a str,
    pub(super) line: usize,
    pub(super) separator: char,
}

impl Iterator for Rows<'_> {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        let text = self.rest.trim_start_matches(['\r', '\n']);
        self.line += breaks(&self.rest[..self.rest.len() - text.len()]);
        self.rest = text;
        if text.is_empty() {
            return None;
        }
        let line = self.line;
        let (cells, after) = match record(text, self.separator) {
            Some((cells, after)) => (Ok(cells), after),
            None => (Err(LineReason::QuoteOpen), line_end(text)),
        };
        let (record, rest) = text.split_at(after);
        self.line += breaks(record);
        self.rest = rest;
        Some(Row { line, cells })
    }
}

/// The fields of the first record and how many bytes it takes with its line break; `None` where
/// a quotation mark is not closed.
fn record(text: &str, separator: char) -> Option<(Vec<Cell>, usize)> {
    let mut cells = Vec::new();
    let mut at = 0;
    loop {
        let field = &text[at..];
        let length = if let Some(quoted) = field.strip_prefix('"') {
            let (value, length) = unquote(quoted, separator)?;
            add(&mut cells, &value);
            1 + length
        } else {
            let length = field.find([separator, '\n', '\r']).unwrap_or(field.len());
            add(&mut cells, &field[..length]);
            length
        };
        at += length;
        if text[at..].starts_with(separator) {
            at += separator.len_utf8();
            continue;
        }
        return Some((cells, at + line_end(&text[at..])));
    }
}

fn add(cells: &mut Vec<Cell>, text: &str) {
    if cells.len() < COLUMNS_MAX {
        cells.push(Cell::text(text));
    }
}

/// The value of a quoted field whose opening mark is behind, and its bytes up to the separator
/// or line break.
fn unquote(text: &str, separator: char) -> Option<(String, usize)> {
    let window = &text[..text.floor_char_boundary(QUOTED_BYTES_MAX)];
    let mut value = String::new();
    let mut at = 0;
    loop {
        let run = window[at..].find('"')?;
        value.push_str(&window[at..at + run]);
        at += run + 1;
        if !text[at..].starts_with('"') {
            break;
        }
        value.push('"');
        at += 1;
        // The second of two marks may lie just past the window.
        if at > window.len() {
            return None;
        }
    }
    let after = text[at..].trim_start_matches(' ');
    let closed = after.is_empty() || after.starts_with([separator, '\n', '\r']);
    closed.then(|| (value, text.len() - after.len()))
}

/// Bytes up to and with the next line break.
fn line_end(text: &str) -> usize {
    let Some(at) = text.find(['\n', '\r']) else { return text.len() };
    at + if text[at..].starts_with("\r\n") { 2 } else { 1 }
}

/// Line breaks in a text: CR LF, LF or CR.
fn breaks(text: &str) -> usize {
    let text = text.as_bytes();
    let ends =
        |at: usize| text[at] == b'\n' || (text[at] == b'\r' && text.get(at + 1) != Some(&b'\n'));
    (0..text.len()).filter(|at| ends(*at)).count()
}
