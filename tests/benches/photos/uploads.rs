//! The figures of sending: photos that are durable a second, and how long one takes, by size, way and
//! number of connections, beside what the disk does with the same files in the same round.

use crate::Options;
use crate::attic::Attic;
use crate::raw::{Synced, files_per_second, hashes_per_second};
use crate::sender::{Film, Line, Way, lines};
use crate::stand::server::Server;
use crate::stand::told::{Spread, say};
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// What one cell gave.
struct Cell {
    per_second: f64,
    spread: Spread,
    /// Processor time of the server a photo.
    processor: Duration,
    peak_kib: u64,
}

/// Measures every size with every number of connections, and tells.
pub(crate) async fn measure(options: &Options, program: &Path) {
    say("\nuploads, durable before they are answered (medians of the rounds)");
    let attic = Attic::default();
    for kilobytes in &options.kilobytes {
        let film = Film::of(kilobytes * 1000);
        let hashes = hashes_per_second(&film);
        say(&format!("\n{kilobytes} kB a photo; SHA-256 of one core: {hashes:.0}/s"));
        say(
            "connections | together | each alone | PUT | of together | p50 / p99 ms | tus | of together | p50 / p99 ms | CPU a photo | peak MB",
        );
        for connections in options.connections.iter().copied() {
            row(options, program, (&film, connections), &attic).await;
        }
    }
}

async fn row(
    options: &Options,
    program: &Path,
    (film, connections): (&Film, usize),
    attic: &Attic,
) {
    let (mut together, mut alone) = (Vec::new(), Vec::new());
    let (mut puts, mut patches) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        let raw = |synced| {
            tokio::task::block_in_place(|| {
                files_per_second(film, connections, synced, options.time, attic)
            })
        };
        let before = raw(Synced::Together);
        puts.push(cell(program, (film, connections), Way::Put, options.time, attic).await);
        patches.push(cell(program, (film, connections), Way::Tus, options.time, attic).await);
        together.push(f64::midpoint(before, raw(Synced::Together)));
        alone.push(raw(Synced::Alone));
    }
    let share = |cells: &[Cell]| {
        let shares = cells.iter().zip(&together).map(|(cell, raw)| cell.per_second / raw * 100.0);
        median(shares.collect())
    };
    let (put_share, tus_share) = (share(&puts), share(&patches));
    let (put, tus) = (middle(puts), middle(patches));
    let times = |cell: &Cell| format!("{:.1} / {:.1}", cell.spread.ms(50), cell.spread.ms(99));
    say(&format!(
        "{connections} | {:.0}/s | {:.0}/s | {:.0}/s | {put_share:.0} % | {} | {:.0}/s | {tus_share:.0} % | {} | {:.2} + {:.2} ms | {:.0}",
        median(together),
        median(alone),
        put.per_second,
        times(&put),
        tus.per_second,
        times(&tus),
        put.processor.as_secs_f64() * 1000.0,
        tus.processor.as_secs_f64() * 1000.0,
        mb(put.peak_kib.max(tus.peak_kib)),
    ));
}

fn mb(kib: u64) -> f64 {
    f64::from(u32::try_from(kib).unwrap_or(u32::MAX)) * 1024.0 / 1e6
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

/// The cell that is in the middle by its rate.
fn middle(mut cells: Vec<Cell>) -> Cell {
    cells.sort_by(|one, other| one.per_second.total_cmp(&other.per_second));
    let at = cells.len() / 2;
    cells.swap_remove(at)
}

/// All connections send one photo after the other.
async fn cell(
    program: &Path,
    (film, connections): (&Film, usize),
    way: Way,
    time: Duration,
    attic: &Attic,
) -> Cell {
    let mut server = Server::start(program, None).await;
    let lines = lines(&server.base, connections, film).await;
    server.forget_peak_memory();
    let processor = server.processor_time();
    let started = Instant::now();
    let mut senders = JoinSet::new();
    for line in lines {
        senders.spawn(send(line, way, started, time));
    }
    let took: Vec<Duration> = senders.join_all().await.into_iter().flatten().collect();
    let elapsed = started.elapsed();
    let photos = u32::try_from(took.len()).unwrap_or(u32::MAX).max(1);
    let processor = (server.processor_time() - processor) / photos;
    let peak_kib = server.memory().map_or(0, |memory| memory.peak_kib);
    let folder =
        std::mem::replace(&mut server.place.folder, tempfile::tempdir().expect("a folder"));
    drop(server);
    attic.take(folder);
    let per_second = f64::from(photos) / elapsed.as_secs_f64();
    Cell { per_second, spread: Spread::of(took), processor, peak_kib }
}

async fn send(mut line: Line, way: Way, started: Instant, time: Duration) -> Vec<Duration> {
    let mut took = Vec::new();
    while started.elapsed() < time {
        line.prepare(way).await;
        let begun = Instant::now();
        line.send(way).await;
        took.push(begun.elapsed());
    }
    took
}
