//! The figures that matter, of all databases side by side, as a table in Markdown: what the README
//! shows.

use crate::cells::Cell;
use crate::downloads::Download;
use crate::limits::Raw;
use crate::open_loop::Level;
use crate::phone::BATCH;
use crate::report::{Report, Spread, mb, say};
use crate::storm::Storm;

/// What was measured on one database.
pub(crate) struct Measured {
    /// Its name and version.
    pub(crate) database: String,
    pub(crate) pushing: Report,
    pub(crate) storm: Report,
    pub(crate) city: Report,
}

/// Tells the table.
pub(crate) fn tell(all: &[Measured]) {
    let names: Vec<&str> = all.iter().map(|measured| measured.database.as_str()).collect();
    say(&format!("\n| | {} |\n|---|{}", names.join(" | "), "---|".repeat(all.len())));
    for (row, _) in rows(&all[0]) {
        let cells = all.iter().map(|measured| {
            let found = rows(measured).into_iter().find(|(name, _)| *name == row);
            found.map(|(_, cell)| cell).unwrap_or_default()
        });
        say(&format!("| {row} | {} |", cells.collect::<Vec<_>>().join(" | ")));
    }
}

/// The rows of one database: what, and how much.
fn rows(measured: &Measured) -> Vec<(String, String)> {
    let Measured { pushing, storm, city, .. } = measured;
    let mut rows = Vec::new();
    rows.extend(pushing.cells.iter().map(pushed));
    rows.extend(pushing.raw.iter().flat_map(raw));
    if let Some(cell) = pushing.cells.last() {
        let parsed = format!("{:.0}/s", cell.nothing_per_second);
        rows.push(("… only parsed, nothing stored".to_owned(), parsed));
        let [server, database] =
            [cell.server_time, cell.database_time].map(|time| time.as_secs_f64() * 1e6);
        let name = format!("processor time a visit, {} phones: server + database", cell.phones);
        rows.push((name, format!("{server:.0} + {database:.0} µs")));
    }
    if let Some((phones, levels)) = &pushing.levels {
        rows.extend(levels.iter().map(|level| at_load(*phones, level)));
    }
    rows.extend(pushing.downloads.iter().map(downloaded));
    rows.extend(storm.storm.iter().flat_map(weathered));
    for reading in &city.readings {
        let views = reading.views.iter().map(|view| {
            (format!("{}, {} offices", view.name, reading.offices), spread(&view.latencies))
        });
        rows.extend(views);
    }
    rows
}

fn pushed(cell: &Cell) -> (String, String) {
    let phones = match cell.phones {
        1 => "1 phone".to_owned(),
        phones => format!("{phones} phones"),
    };
    (format!("durable visits, {phones}"), format!("{:.0}/s", cell.visits_per_second))
}

fn raw(raw: &Raw) -> [(String, String); 2] {
    let Raw { ops_per_second, with_entities_per_second, .. } = raw;
    [
        ("the same rows in bulk past the server".to_owned(), format!("{ops_per_second:.0}/s")),
        ("… with what they changed".to_owned(), format!("{with_entities_per_second:.0}/s")),
    ]
}

fn at_load(phones: usize, level: &Level) -> (String, String) {
    let name = format!("{BATCH} visits at {} % load, {phones} phones", level.percent);
    (name, spread(&level.latencies))
}

fn downloaded(download: &Download) -> (String, String) {
    (format!("{}: {} offices", download.name, download.offices), spread(&download.latencies))
}

fn weathered(storm: &Storm) -> [(String, String); 3] {
    let within = storm.arrived_within.as_secs_f64();
    let name = format!("storm: {} phones within {within:.0} s, drained after", storm.phones);
    let records = &storm.records;
    let whole = if records.are_whole() { "exactly once" } else { "NOT exactly once" };
    let peak = storm.memory.map_or(0.0, |memory| mb(memory.peak_kib));
    [
        (name, format!("{:.1} s", storm.drained_after.as_secs_f64())),
        ("… its records".to_owned(), format!("{} {whole}", records.stored)),
        ("… the server's memory".to_owned(), format!("{peak:.0} MB")),
    ]
}

fn spread(latencies: &Spread) -> String {
    format!("{:.1} / {:.1} ms", latencies.ms(50), latencies.ms(99))
}
