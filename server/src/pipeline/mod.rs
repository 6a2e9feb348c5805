//! The pipeline: from the bytes of a photo to what can be said of it and to its previews.
//!
//! One decode feeds all: `picture` decodes at the smallest scale that serves, `codes` reads QR
//! codes, `look` says how sharp it is and what it looks like, `preview` draws it smaller, without
//! a byte of its metadata, which `exif` reads and keeps apart. None of it knows what the photo was
//! promised for: a [`Reading`] is of the bytes alone.
//!
//! Bytes come from anywhere. They are read in `child`, a process of this program with little memory
//! and little time, which `apart` starts, watches and outlives.

pub(crate) mod apart;
mod child;
mod codes;
#[cfg(test)]
mod drawn;
mod exif;
mod heif;
mod look;
mod picture;
mod preview;
mod stages;
#[cfg(test)]
mod tests;

pub use apart::Apart;
pub use child::run;
pub use exif::{Exif, Place};
pub use look::{LargeHash, Look, SmallHash};
pub use saolou_protocol::photo::reading::Undecodable;
pub use stages::stages;

use serde::{Deserialize, Serialize};

/// Long sides of previews, in pixels, the longest first.
pub const PREVIEW_SIDES: [u32; 2] = [1600, 512];

/// What was read from the bytes of a photo.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// What the first bytes say it is.
    pub format: Format,
    /// Width as it is seen, in pixels; 0 where that is not known.
    pub width: u32,
    /// Height as it is seen, in pixels; 0 where that is not known.
    pub height: u32,
    /// What the camera wrote, where it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exif: Option<Exif>,
    /// Texts of QR codes, raw: no link in them is ever followed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub qr: Vec<String>,
    /// How sharp it is and what it looks like, where it could be decoded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub look: Option<Look>,
    /// Long sides of the previews there are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub previews: Vec<u32>,
    /// Why there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undecodable: Option<Undecodable>,
}

impl Reading {
    /// A reading of bytes that gave nothing but a reason.
    #[must_use]
    pub fn nothing(format: Format, why: Undecodable) -> Self {
        Self { format, undecodable: Some(why), ..Self::default() }
    }
}

/// What the first bytes of a photo say it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// JPEG, which phones are asked for.
    Jpeg,
    /// PNG.
    Png,
    /// WebP.
    Webp,
    /// HEIF with HEVC in it, which some phones make of their own accord.
    Heic,
    /// A picture of another kind: GIF, BMP, TIFF, AVIF.
    Other,
    /// No picture.
    #[default]
    Unknown,
}

impl Format {
    /// Looks at the first bytes.
    #[must_use]
    pub fn sniff(bytes: &[u8]) -> Self {
        let brand = bytes.get(8..12).filter(|_| bytes.get(4..8) == Some(b"ftyp"));
        match bytes {
            [0xff, 0xd8, 0xff, ..] => Self::Jpeg,
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Self::Png,
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Self::Webp,
            [b'G', b'I', b'F', b'8', ..]
            | [b'B', b'M', _, _, _, _, 0, 0, 0, 0, ..]
            | [b'I', b'I', 42, 0, ..]
            | [b'M', b'M', 0, 42, ..] => Self::Other,
            _ => match brand {
                Some(b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"mif1" | b"msf1") => {
                    Self::Heic
                }
                Some(b"avif" | b"avis") => Self::Other,
                _ => Self::Unknown,
            },
        }
    }
}
