//! How the figures are told: one table a database, the limits beside what was reached.

use crate::cells::Cell;
use crate::downloads::Download;
use crate::limits::Raw;
use crate::open_loop::Level;
use crate::phone::BATCH;
use crate::reading::Reading;
use crate::server::Memory;
pub(crate) use crate::stand::told::{Spread, say};
use crate::storm::{RECORDS, Records, Storm};
use std::time::Duration;
use uuid::Uuid;

/// What was measured on one server.
#[derive(Default)]
pub(crate) struct Report {
    pub(crate) cells: Vec<Cell>,
    pub(crate) raw: Option<Raw>,
    /// The street whose rows were inserted in bulk.
    pub(crate) raw_street: Option<Uuid>,
    /// Batches at a given load, with the number of phones that sent them.
    pub(crate) levels: Option<(usize, Vec<Level>)>,
    pub(crate) downloads: Vec<Download>,
    pub(crate) storm: Option<Storm>,
    pub(crate) readings: Vec<Reading>,
    /// Offices that were registered, and how long that took.
    pub(crate) registered: Option<(usize, Duration)>,
    /// The server's memory at the end.
    pub(crate) memory: Option<Memory>,
}

impl Report {
    pub(crate) fn tell(&self) {
        if !self.cells.is_empty() {
            self.tell_cells();
        }
        if let Some(raw) = &self.raw {
            self.tell_raw(raw);
        }
        if let Some((offices, took)) = self.registered {
            let seconds = took.as_secs_f64();
            say(&format!("\n  {offices} offices registered in {seconds:.0} s"));
        }
        if let Some((phones, levels)) = &self.levels {
            self.tell_levels(*phones, levels);
        }
        if !self.downloads.is_empty() {
            self.tell_downloads();
        }
        if let Some(storm) = &self.storm {
            storm.tell();
        }
        for reading in &self.readings {
            reading.tell();
        }
        if let Some(Memory { now_kib, peak_kib }) = self.memory {
            let (now, peak) = (mb(now_kib), mb(peak_kib));
            say(&format!("\n  resident memory of the server: {now:.0} MB, at most {peak:.0} MB"));
        }
    }

    fn tell_cells(&self) {
        say(&format!(
            "\n  pushes of {BATCH} visits                         processor time a visit, µs       \
             beside: parsing alone"
        ));
        say("  phones  visits/s   p50 ms   p99 ms     server  database   phones      visits/s  \
             reached");
        for cell in &self.cells {
            let us = |duration: Duration| duration.as_secs_f64() * 1e6;
            say(&format!(
                "  {:>6} {:>9.0} {:>8.1} {:>8.1} {:>10.0} {:>9.0} {:>8.0} {:>13.0} {:>8}",
                cell.phones,
                cell.visits_per_second,
                cell.latencies.ms(50),
                cell.latencies.ms(99),
                us(cell.server_time),
                us(cell.database_time),
                us(cell.phones_time),
                cell.nothing_per_second,
                percent(cell.visits_per_second, cell.nothing_per_second),
            ));
        }
        for cell in self.cells.iter().filter(|cell| cell.odd + cell.turned_away > 0) {
            let Cell { phones, odd, turned_away, .. } = cell;
            say(&format!(
                "  {phones} phones: {turned_away} pushes told to come back, {odd} visits did not \
                 take effect at once"
            ));
        }
        if let Some(Cell { visit_bytes, entities_per_visit, .. }) = self.cells.last() {
            say(&format!(
                "  a visit: {visit_bytes} bytes as sent, {entities_per_visit:.2} entities changed"
            ));
        }
    }

    fn tell_levels(&self, phones: usize, levels: &[Level]) {
        say(&format!(
            "\n  a push of {BATCH} visits from {phones} phones     visits/s   p50 ms   p99 ms"
        ));
        if let Some(cell) = self.cells.iter().find(|cell| cell.phones == phones) {
            let (p50, p99) = (cell.latencies.ms(50), cell.latencies.ms(99));
            say(&format!(
                "  closed loop: mostly the queue       {:>9.0} {p50:>8.1} {p99:>8.1}",
                cell.visits_per_second
            ));
        }
        for level in levels {
            let (p50, p99) = (level.latencies.ms(50), level.latencies.ms(99));
            let Level { percent, visits_per_second, turned_away, .. } = level;
            let away = match turned_away {
                0 => String::new(),
                turned_away => format!("   {turned_away} told to come back"),
            };
            say(&format!(
                "  open loop, {percent} % of that, at random  {visits_per_second:>9.0} {p50:>8.1} \
                 {p99:>8.1}{away}"
            ));
        }
    }

    fn tell_downloads(&self) {
        say("\n  what a phone downloads     offices   p50 ms   p99 ms      bytes  pages");
        for download in &self.downloads {
            let Download { name, offices, latencies, bytes, pages } = download;
            let (p50, p99) = (latencies.ms(50), latencies.ms(99));
            say(&format!("  {name:<26} {offices:>7} {p50:>8.2} {p99:>8.2} {bytes:>10} {pages:>6}"));
        }
    }

    fn tell_raw(&self, raw: &Raw) {
        let best = self.cells.iter().map(|cell| cell.visits_per_second).fold(0.0, f64::max);
        let Raw { ops, ops_per_second, with_entities_per_second } = raw;
        say(&format!(
            "\n  the same {ops} rows past the server, 1000 a transaction: {ops_per_second:.0} ops/s \
             ({} of it reached)\n  … with the entities that they changed: \
             {with_entities_per_second:.0} ops/s ({} of it reached)",
            percent(best, *ops_per_second),
            percent(best, *with_entities_per_second),
        ));
    }
}

impl Storm {
    fn tell(&self) {
        let Self { phones, refused, slowed, undrained, .. } = self;
        let (within, after) = (self.arrived_within.as_secs_f64(), self.drained_after.as_secs_f64());
        say(&format!(
            "\n  the storm: {phones} phones with {RECORDS} records each come back within {within:.0} s, \
             half of them in the first {:.1} s",
            within / 8.0
        ));
        say(&format!(
            "  drained after {after:.1} s; {undrained} phones not; {refused} requests told to come \
             back, {slowed} answered and told to wait"
        ));
        let (requests, p50, p99) =
            (self.latencies.len(), self.latencies.ms(50), self.latencies.ms(99));
        say(&format!("  {requests} requests answered, p50 {p50:.0} ms, p99 {p99:.0} ms"));
        let peak = self.memory.map_or(0.0, |memory| mb(memory.peak_kib));
        let (server, own) = (self.server_time.as_secs_f64(), self.phones_time.as_secs_f64());
        say(&format!(
            "  server: at most {peak:.0} MB resident, {server:.1} s of processor time; the phones' own \
             {own:.1} s"
        ));
        let Records { made, stored, lost, doubled, quarantined } = self.records;
        say(&format!(
            "  of {made} records {stored} are stored: {lost} lost, {doubled} doubled, {quarantined} in \
             quarantine"
        ));
    }
}

impl Reading {
    fn tell(&self) {
        say(&format!(
            "\n  looking at {:<7} offices    p50 ms   p99 ms   bytes at most",
            self.offices
        ));
        for view in &self.views {
            let (name, bytes) = (view.name, view.bytes_max);
            let (p50, p99) = (view.latencies.ms(50), view.latencies.ms(99));
            say(&format!("  {name:<26} {p50:>8.2} {p99:>8.2} {bytes:>15}"));
        }
    }
}

pub(crate) fn percent(part: f64, whole: f64) -> String {
    format!("{:.0} %", part / whole * 100.0)
}

pub(crate) fn mb(kib: u64) -> f64 {
    kib as f64 * 1024.0 / 1e6
}
