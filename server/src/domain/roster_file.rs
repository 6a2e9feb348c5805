//! A roster file (房间清册): the list of rooms of one building that its property manager hands
//! over, as CSV or as an Excel workbook.
//!
//! [`read`] turns the bytes into lines and [`plan()`] says what each line means for the floors and
//! rooms the building has; neither touches the store, so a dry run and an import see the same.
//! A line that cannot be read is refused by its number, with a reason and what to do, and never
//! takes another line with it. Only a file in which no list can be found at all is refused whole.
//!
//! A floor is never guessed from a room number: `203` may be room 03 on 2 or room 3 on 20, and
//! lifts skip numbers. A list without a floor column is refused, a line without a floor too.

mod plan;
mod reason;
mod separated;
mod table;
#[cfg(test)]
mod tests;
mod workbook;

pub(crate) use plan::{KnownFloor, LinkedTo, Verdict, plan};
pub(crate) use reason::{Column, FileError, LineReason};

/// Bytes of a file, 8 MiB: a line takes about a hundred, so 20,000 lines stay far below.
pub(crate) const FILE_BYTES_MAX: usize = 8 << 20;
/// Bytes of a workbook after unpacking, 32 MiB; packed XML shrinks about tenfold.
pub(crate) const UNPACKED_BYTES_MAX: u64 = 32 << 20;
/// Lines after the header, empty ones not counted; the tallest towers have a few thousand doors.
pub(crate) const LINES_MAX: usize = 20_000;
/// Characters of one field.
pub(crate) const FIELD_CHARS_MAX: usize = 200;
/// Columns looked at, from the left.
pub(crate) const COLUMNS_MAX: usize = 64;
/// Rows, empty ones not counted, among which the header must be.
pub(crate) const HEADER_ROWS_MAX: usize = 20;

/// What a file is, told by its first bytes and not by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileFormat {
    /// Text with separators.
    Csv,
    /// A workbook (Office Open XML, ISO/IEC 29500), which is a zip archive.
    Xlsx,
}

/// One line of the list as it was typed, trimmed; an empty field is `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RosterLine {
    /// Line of a CSV file or row of a sheet, from 1, as the program that shows the file counts.
    pub(crate) line: usize,
    /// Tower, block or wing (座).
    pub(crate) section: Option<String>,
    /// Floor (楼层).
    pub(crate) floor: String,
    /// Room label (房号).
    pub(crate) room: String,
    /// Kind of room (用途).
    pub(crate) kind: Option<String>,
    /// Who uses it (使用方式).
    pub(crate) sharing: Option<String>,
    /// Company (单位名称); `None` also where the list says that the room is empty.
    pub(crate) company: Option<String>,
    /// Unified social credit code (统一社会信用代码), unchecked.
    pub(crate) uscc: Option<String>,
    /// Kind of stay (入驻方式).
    pub(crate) occupancy: Option<String>,
}

/// A line that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LineRefusal {
    /// Line of a CSV file or row of a sheet, from 1.
    pub(crate) line: usize,
    /// Why.
    pub(crate) reason: LineReason,
}

/// The lines after the header in the order of the file; empty rows, totals and signatures are
/// no lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RosterFile {
    /// Read lines and refused ones.
    pub(crate) lines: Vec<Result<RosterLine, LineRefusal>>,
}

/// Tells a workbook from text by the signature every zip archive starts with.
pub(crate) fn detect(bytes: &[u8]) -> FileFormat {
    if bytes.starts_with(b"PK\x03\x04") { FileFormat::Xlsx } else { FileFormat::Csv }
}

/// Reads a file.
///
/// # Errors
/// Where no list can be found in it, or where it exceeds a bound.
pub(crate) fn read(bytes: &[u8]) -> Result<RosterFile, FileError> {
    if bytes.len() > FILE_BYTES_MAX {
        return Err(FileError::TooLarge { bytes_max: FILE_BYTES_MAX as u64, unpacked: false });
    }
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(FileError::Empty);
    }
    // The compound file of Excel 97–2003; a workbook with a password is wrapped in one as well.
    if bytes.starts_with(b"\xD0\xCF\x11\xE0") {
        return Err(FileError::OldWorkbook);
    }
    let lines = match detect(bytes) {
        FileFormat::Xlsx => workbook::read(bytes)?,
        FileFormat::Csv => separated::read(bytes)?,
    };
    if lines.is_empty() { Err(FileError::Empty) } else { Ok(RosterFile { lines }) }
}
