//! A roster as an Excel workbook: the first visible sheet, the values of its cells.
//!
//! A small archive can unpack to gigabytes, and two far-apart cells can span billions. So the
//! archive is unpacked once into nothing, counting, whatever sizes it declares; then cells are
//! taken one by one, never as a rectangle.

use std::collections::HashMap;
use std::error::Error;
use std::io::{self, Cursor, Read};
use std::panic::catch_unwind;

use calamine::{DataRef, Dimensions, Reader, SheetType, SheetVisible, Xlsx};
use zip::ZipArchive;

use super::table::{Cell, Row, Table};
use super::{COLUMNS_MAX, FileError, LineRefusal, RosterLine, UNPACKED_BYTES_MAX};

/// Digits that a spreadsheet keeps of a number.
const EXACT_MAX: f64 = 1e15;

/// Reads the lines of a workbook.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<Result<RosterLine, LineRefusal>>, FileError> {
    check_unpacked_size(bytes)?;
    // The workbook reader panics on some damaged sheets, such as a merged cell that ends above
    // its start. It holds nothing but these bytes, so nothing half done outlives it.
    let table = catch_unwind(|| table(bytes));
    table.unwrap_or_else(|_| Err(unreadable("the workbook reader panicked")))?.finish()
}

fn table(bytes: &[u8]) -> Result<Table, FileError> {
    let mut workbook = Xlsx::new(Cursor::new(bytes)).map_err(unreadable)?;
    let sheets = workbook.sheets_metadata();
    let is_list = |typ, visible| typ == SheetType::WorkSheet && visible == SheetVisible::Visible;
    let sheet = sheets.iter().find(|s| is_list(s.typ, s.visible)).ok_or(FileError::Empty)?;
    let sheet = sheet.name.clone();
    let merged = workbook.merge_cells_by_sheet_name(&sheet).map_err(unreadable)?;
    let mut merged = Merged::new(merged);

    let mut cells = workbook.worksheet_cells_reader(&sheet).map_err(unreadable)?;
    let mut table = Table::new();
    let mut row: Option<(u32, Vec<Cell>)> = None;
    while let Some(cell) = cells.next_cell().map_err(unreadable)? {
        let (at, column) = cell.get_position();
        let Some(value) = value(cell.get_value()) else { continue };
        if usize::try_from(column).is_ok_and(|column| column >= COLUMNS_MAX) {
            continue;
        }
        if row.as_ref().is_some_and(|(current, _)| *current != at) {
            push(&mut table, &mut merged, row.take())?;
        }
        let (_, row) = row.get_or_insert_with(|| (at, Vec::new()));
        put(row, column, value);
    }
    push(&mut table, &mut merged, row)?;
    Ok(table)
}

/// Refuses an archive that unpacks to more than [`UNPACKED_BYTES_MAX`], by unpacking it.
fn check_unpacked_size(bytes: &[u8]) -> Result<(), FileError> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(unreadable)?;
    let mut left = UNPACKED_BYTES_MAX;
    for index in 0..archive.len() {
        let file = archive.by_index(index).map_err(unreadable)?;
        let taken = io::copy(&mut file.take(left + 1), &mut io::sink()).map_err(unreadable)?;
        left = left
            .checked_sub(taken)
            .ok_or(FileError::TooLarge { bytes_max: UNPACKED_BYTES_MAX, unpacked: true })?;
    }
    Ok(())
}

fn push(
    table: &mut Table,
    merged: &mut Merged,
    row: Option<(u32, Vec<Cell>)>,
) -> Result<(), FileError> {
    let Some((at, mut cells)) = row else { return Ok(()) };
    merged.fill(at, &mut cells);
    table.push(Row { line: at as usize + 1, cells: Ok(cells) })
}

fn put(row: &mut Vec<Cell>, column: u32, value: Cell) {
    let column = column as usize;
    if row.len() <= column {
        row.resize(column + 1, Cell::Text(String::new()));
    }
    row[column] = value;
}

/// What a cell holds; `None` for nothing.
fn value(data: &DataRef<'_>) -> Option<Cell> {
    let number =
        |exact: bool, text: String| if exact { Cell::Text(text) } else { Cell::LongNumber };
    Some(match data {
        DataRef::Empty => return None,
        DataRef::String(text) => Cell::text(text),
        DataRef::SharedString(text) => Cell::text(text),
        DataRef::Bool(value) => Cell::Text(value.to_string()),
        // 203 is kept as 203.0 and written without the fraction it does not have.
        DataRef::Float(value) => number(value.abs() < EXACT_MAX, value.to_string()),
        DataRef::Int(value) => number(value.unsigned_abs() < EXACT_MAX as u64, value.to_string()),
        DataRef::DateTime(_) | DataRef::DateTimeIso(_) | DataRef::DurationIso(_) => Cell::Date,
        DataRef::Error(_) => Cell::Failed,
    })
}

/// Merged cells that span rows: a list names a floor once beside all its rooms.
struct Merged {
    /// Yet to come, the topmost last.
    ahead: Vec<Dimensions>,
    /// By column: the last row of the merged cell and its value.
    open: HashMap<usize, (u32, Cell)>,
}

impl Merged {
    fn new(mut cells: Vec<Dimensions>) -> Self {
        cells.retain(|cell| cell.end.0 > cell.start.0 && (cell.start.1 as usize) < COLUMNS_MAX);
        cells.sort_unstable_by_key(|cell| std::cmp::Reverse(cell.start));
        Self { ahead: cells, open: HashMap::new() }
    }

    /// Fills the cells of a row that merged cells from above reach into.
    fn fill(&mut self, row: u32, cells: &mut Vec<Cell>) {
        while let Some(cell) = self.ahead.pop_if(|cell| cell.start.0 <= row) {
            let column = cell.start.1 as usize;
            // The value stands in the topmost row; if the file lacks that row, there is none.
            let value = cells.get(column).filter(|value| cell.start.0 == row && !value.is_empty());
            if let Some(value) = value {
                self.open.insert(column, (cell.end.0, value.clone()));
            }
        }
        self.open.retain(|_, (last, _)| *last >= row);
        for (column, (_, value)) in &self.open {
            if cells.get(*column).is_none_or(Cell::is_empty) {
                put(cells, u32::try_from(*column).expect("at most COLUMNS_MAX"), value.clone());
            }
        }
    }
}

fn unreadable(error: impl Into<Box<dyn Error>>) -> FileError {
    FileError::Unreadable(error.into().to_string())
}
