//! The figures of reading: how long the pipeline works on a photo of twelve megapixels, in a process of
//! its own as the server runs it, and stage by stage; beside libvips, where that is installed.

use crate::drawn;
use crate::stand::told::{Spread, say};
use saolou_server::pipeline;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Reads the photo so often, and tells.
pub(crate) fn measure(program: &Path, readings: usize) {
    let folder = tempfile::TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    for has_code in [true, false] {
        let bytes = drawn::photo(has_code);
        let photo = folder.path().join("photo.jpg");
        std::fs::write(&photo, &bytes).expect("room on the disk");
        let (mut ours, mut theirs, mut start) = (Vec::new(), Vec::new(), Vec::new());
        // In turns, so that whatever else the machine does hits both.
        for _ in 0..readings {
            ours.push(timed(|| read(program, &photo, folder.path())));
            let output = folder.path().join("vips.jpg[Q=80,strip]");
            let vips = timed(|| {
                thumbnail(&[
                    photo.as_os_str(),
                    "--size".as_ref(),
                    "512".as_ref(),
                    "-o".as_ref(),
                    output.as_os_str(),
                ])
            });
            theirs.extend(vips.1.then_some(vips));
            let empty = timed(|| thumbnail(&["--vips-version".as_ref()]));
            start.extend(empty.1.then_some(empty));
        }
        let what = if has_code { "with a QR code" } else { "without a code" };
        let megabytes = f64::from(u32::try_from(bytes.len()).unwrap_or(u32::MAX)) / 1e6;
        let ours = spread(ours);
        say(&format!(
            "\na photo of 12 megapixels {what}, {megabytes:.1} MB: the whole pipeline, a process each, \
             {:.0} / {:.0} ms, {:.1}/s on a core",
            ours.ms(50),
            ours.ms(99),
            1000.0 / ours.ms(50)
        ));
        stages(&bytes, readings);
        if theirs.is_empty() {
            say("libvips is not installed: nothing to compare with");
        } else {
            let (theirs, start) = (spread(theirs), spread(start));
            say(&format!(
                "vipsthumbnail, 512 pixels, one thread: {:.0} / {:.0} ms, of which {:.0} ms to start",
                theirs.ms(50),
                theirs.ms(99),
                start.ms(50)
            ));
        }
    }
}

type Timed = (Duration, bool);

fn timed(run: impl FnOnce() -> bool) -> Timed {
    let started = Instant::now();
    let went_well = run();
    (started.elapsed(), went_well)
}

fn spread(timed: Vec<Timed>) -> Spread {
    Spread::of(timed.into_iter().map(|(took, _)| took).collect())
}

/// Reads a photo as the server has it read.
fn read(program: &Path, photo: &Path, folder: &Path) -> bool {
    let into = folder.join("previews");
    drop(std::fs::remove_dir_all(&into));
    std::fs::create_dir(&into).expect("a folder");
    let mut command = Command::new(program);
    command.arg("read-photo").env("MIMALLOC_ARENA_RESERVE", "65536");
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the program runs");
    let request = serde_json::json!({ "original": photo, "into": into });
    let mut told = child.stdin.take().expect("it is piped");
    writeln!(told, "{request}").expect("it listens");
    drop(told);
    let output = child.wait_with_output().expect("it ends");
    let answer = String::from_utf8_lossy(&output.stdout);
    assert!(answer.contains("\"previews\":[1600,512]"), "it was read: {answer}");
    true
}

/// libvips's own program; `false` where it is not there.
fn thumbnail(arguments: &[&std::ffi::OsStr]) -> bool {
    let mut command = Command::new("vipsthumbnail");
    command.args(arguments).env("VIPS_CONCURRENCY", "1").stdout(Stdio::null());
    command.stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// How long each stage takes, in this process.
fn stages(bytes: &[u8], readings: usize) {
    let mut all: BTreeMap<usize, (&str, Vec<Duration>)> = BTreeMap::new();
    for _ in 0..readings {
        for (place, (name, took)) in pipeline::stages(bytes).into_iter().enumerate() {
            all.entry(place).or_insert((name, Vec::new())).1.push(took);
        }
    }
    let told =
        all.into_values().map(|(name, took)| format!("{name} {:.1}", Spread::of(took).ms(50)));
    say(&format!("stages, ms: {}", told.collect::<Vec<_>>().join(", ")));
}
