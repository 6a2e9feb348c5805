//! The process apart: reads one photo and ends.
//!
//! Before it touches a byte it gives itself little memory and little time. It is told by one line of
//! JSON on standard input what to read and where to leave previews, and answers with one line on
//! standard output. What kills it says as much: the photo is undecodable, and nobody else is harmed.

use super::look::Look;
use super::{Exif, Format, PREVIEW_SIDES, Reading, Undecodable};
use super::{codes, exif, heif, picture, preview};
use serde::{Deserialize, Serialize};
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};

/// What the answer begins with; whatever else is printed is no answer.
pub(super) const ANSWER: &str = "saolou-reading ";
/// Bytes of an original that are read: more than a photo may have.
const BYTES_MAX: u64 = 64 << 20;
/// Memory of the process, in bytes. Address space is much larger than what is in use: allocators
/// reserve before they need.
#[cfg(unix)]
const MEMORY_MAX: u64 = 1 << 30;
#[cfg(unix)]
const ADDRESSES_MAX: u64 = 6 << 30;
/// Processor time, in seconds.
#[cfg(unix)]
const SECONDS_MAX: u64 = 20;
/// How much more patient with others it is than they with it.
#[cfg(unix)]
const NICENESS: i32 = 19;

/// What to read.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Request {
    pub(super) original: PathBuf,
    /// An empty folder.
    pub(super) into: PathBuf,
}

/// Reads the photo that standard input names, and answers on standard output.
///
/// # Errors
/// Where the request cannot be read, or what it names.
pub fn run() -> std::io::Result<()> {
    limit()?;
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    let request: Request = serde_json::from_str(&line)?;
    let reading = read(&request.original, &request.into)?;
    let answer = serde_json::to_string(&reading)?;
    let mut out = std::io::stdout().lock();
    // Whatever was printed before may not have ended its line.
    writeln!(out, "\n{ANSWER}{answer}")?;
    out.flush()
}

/// Takes from this process what a photo does not need.
#[cfg(unix)]
fn limit() -> std::io::Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, nice, setrlimit};
    let limits = [
        (Resource::Data, MEMORY_MAX),
        (Resource::As, ADDRESSES_MAX),
        (Resource::Cpu, SECONDS_MAX),
        (Resource::Core, 0),
    ];
    for (resource, most) in limits {
        let allowed = getrlimit(resource).maximum;
        let most = allowed.map_or(most, |allowed| allowed.min(most));
        // At the first of the two the process is told why it ends, at the second it is killed.
        let patience = if matches!(resource, Resource::Cpu) { 5 } else { 0 };
        let maximum = allowed.unwrap_or(u64::MAX).min(most + patience);
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(maximum) })?;
    }
    // Being as important as everybody else is a pity, and no failure.
    _ = nice(NICENESS);
    Ok(())
}

#[cfg(not(unix))]
fn limit() -> std::io::Result<()> {
    Ok(())
}

fn read(original: &Path, into: &Path) -> std::io::Result<Reading> {
    let len = std::fs::metadata(original)?.len();
    if len > BYTES_MAX {
        return Ok(Reading::nothing(Format::Unknown, Undecodable::TooLarge));
    }
    let bytes = std::fs::read(original)?;
    let format = Format::sniff(&bytes);
    let exif = quietly(|| exif::read(&bytes)).flatten();
    let turn = exif.as_ref().map_or(1, |exif| exif.orientation);
    let seen = match format {
        Format::Heic => heif::as_jpeg(original, into).and_then(|jpeg| see(Format::Jpeg, &jpeg, 1)),
        format => see(format, &bytes, turn),
    };
    drop(bytes);
    let reading = match seen {
        Ok(seen) => seen.keep(format, exif, into)?,
        Err(why) => Reading { exif, ..Reading::nothing(format, why) },
    };
    Ok(reading)
}

/// Whether bytes give no picture.
#[cfg(test)]
pub(super) fn is_undecodable(bytes: &[u8]) -> bool {
    drop(quietly(|| exif::read(bytes)));
    see(Format::sniff(bytes), bytes, 6).is_err()
}

/// All that one decode gives.
struct Seen {
    size: (u32, u32),
    qr: Vec<String>,
    look: Option<Look>,
    previews: Vec<preview::Preview>,
}

fn see(format: Format, bytes: &[u8], turn: u8) -> Result<Seen, Undecodable> {
    let decoded = quietly(|| picture::decode(format, bytes));
    let picture = decoded.unwrap_or(Err(Undecodable::Corrupt))?;
    let grey = picture.luma();
    // A defect in one of them is no reason to go without the others.
    let qr = quietly(|| codes::read(&grey)).unwrap_or_default();
    let look = quietly(|| Look::at(&grey, turn));
    let previews = quietly(|| preview::draw(&picture, turn)).unwrap_or_default();
    let (width, height) = picture.full;
    let size = if turn >= 5 { (height, width) } else { (width, height) };
    Ok(Seen { size, qr, look, previews })
}

impl Seen {
    /// Leaves previews in a folder, durable.
    fn keep(self, format: Format, exif: Option<Exif>, into: &Path) -> std::io::Result<Reading> {
        let mut sides = Vec::new();
        for preview in &self.previews {
            let mut file = std::fs::File::create(into.join(format!("{}.jpg", preview.side)))?;
            file.write_all(&preview.jpeg)?;
            file.sync_all()?;
            sides.push(preview.side);
        }
        let undecodable = (sides.len() < PREVIEW_SIDES.len()).then_some(Undecodable::Crashed);
        let (width, height) = self.size;
        let Self { qr, look, .. } = self;
        Ok(Reading { format, width, height, exif, qr, look, previews: sides, undecodable })
    }
}

/// What a step gives; `None` where it panicked, which the photo is to blame for.
fn quietly<T>(step: impl FnOnce() -> T) -> Option<T> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(step)).ok()
}
