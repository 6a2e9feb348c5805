//! HEIC, which nothing here can decode: a converter of the machine does, where there is one
//! (`heif-convert`). It turns pictures upright by itself: what Exif says of their orientation has then
//! been done already.

use super::Undecodable;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The converter's name.
const CONVERTER: &str = "heif-convert";

/// The bytes of a JPEG with the picture of a HEIC; `into` is a folder for what lies about meanwhile.
pub(super) fn as_jpeg(original: &Path, into: &Path) -> Result<Vec<u8>, Undecodable> {
    let target = into.join("converted.jpg");
    // Of the limits that this process set itself, its children have their own share.
    let done = Command::new(CONVERTER)
        .args(["-q", "92"])
        .args([original, &target])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    let Ok(status) = done else { return Err(Undecodable::PreviewUnavailable) };
    // A file with several pictures becomes several files.
    let made: [PathBuf; 2] = [target, into.join("converted-1.jpg")];
    let jpeg = made.iter().find_map(|path| std::fs::read(path).ok());
    jpeg.filter(|_| status.success()).ok_or(Undecodable::Corrupt)
}
