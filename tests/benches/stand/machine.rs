//! The machine that figures were measured on, as far as it tells: a figure without it says nothing.

use super::told::say;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

/// Tells what the figures were measured on.
pub(crate) fn tell() {
    let syncs_per_second = syncs_per_second();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let model = field("/proc/cpuinfo", "model name").unwrap_or_else(unknown);
    let memory = field("/proc/meminfo", "MemTotal").unwrap_or_else(unknown);
    let kernel = first_word("/proc/sys/kernel/osrelease");
    let filesystem = filesystem(Path::new(env!("CARGO_TARGET_TMPDIR"))).unwrap_or_else(unknown);
    let load = first_word("/proc/loadavg");
    say(&format!("{cores} cores ({model}), memory {memory}, Linux {kernel}"));
    say(&format!(
        "databases on {filesystem}, {syncs_per_second:.0} syncs/s of 4 KiB appends to a file; phones, \
         server and database on the same machine; load average {load} before"
    ));
}

/// How many small appends to a file the disk makes durable in a second, one after the other.
fn syncs_per_second() -> f64 {
    let folder = tempfile::TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let mut file = std::fs::File::create(folder.path().join("synced")).expect("a file");
    let (started, mut syncs) = (Instant::now(), 0);
    while started.elapsed() < Duration::from_secs(1) {
        file.write_all(&[0; 4096]).and_then(|()| file.sync_data()).expect("a disk that writes");
        syncs += 1;
    }
    f64::from(syncs) / started.elapsed().as_secs_f64()
}

/// The rest of the line of a file in `/proc` that begins with a name and a colon.
fn field(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn first_word(file: &str) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.split_whitespace().next().map_or_else(unknown, str::to_owned)
}

/// The kind of file system that a folder lies on: of all mounts above it the lowest, and of those
/// at one place the last.
fn filesystem(folder: &Path) -> Option<String> {
    let mounts = fs::read_to_string("/proc/self/mounts").ok()?;
    let above = mounts.lines().filter_map(|line| {
        let mut words = line.split_whitespace().skip(1);
        let (at, kind) = (words.next()?, words.next()?);
        folder.starts_with(at).then_some((Path::new(at).components().count(), kind))
    });
    above.max_by_key(|(depth, _)| *depth).map(|(_, kind)| kind.to_owned())
}

fn unknown() -> String {
    "unknown".to_owned()
}
