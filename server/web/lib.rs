//! The pages of Saolou as files: what Vite made of `console` and `shared`.

use rust_embed::Embed;
use std::borrow::Cow;

#[derive(Embed)]
#[folder = "$OUT_DIR/pages"]
struct Pages;

/// A file of the pages.
#[derive(Debug)]
pub struct File {
    /// What is in it.
    pub bytes: Cow<'static, [u8]>,
    /// Its media type.
    pub media_type: String,
    /// Its name holds the hash of its content: it never changes.
    pub is_immutable: bool,
}

/// The file of a path below the root, without the leading slash.
#[must_use]
pub fn file(path: &str) -> Option<File> {
    let found = Pages::get(path)?;
    let media_type = found.metadata.mimetype().to_owned();
    Some(File { bytes: found.data, media_type, is_immutable: path.starts_with("assets/") })
}

/// The page of the console, whatever view its address names.
#[must_use]
pub fn console() -> Option<File> {
    file("console/index.html")
}
