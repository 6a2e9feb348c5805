//! Photos for the demo: pictures of dots, one of its own for every photo id.
//!
//! They are as large as the small print of a licence asks for, sharp, and unlike each other, so that
//! nothing is to be found about them.

use png::{BitDepth, ColorType, Compression, Encoder};
use saolou_protocol::canonical::Hash;
use saolou_protocol::ids::PhotoId;

/// Pixels across and down.
const SIZE: (u32, u32) = (1_600, 1_200);
/// Pixels along the side of a dot.
const DOT: u32 = 8;
/// Tiles across and down; the 32 bytes of a digest say how dark each is.
const TILES: (u32, u32) = (8, 4);

/// The bytes of a photo as PNG (ISO/IEC 15948), some kilobytes; the same for the same id.
#[must_use]
pub fn photo_bytes(photo: PhotoId) -> Vec<u8> {
    let (width, height) = SIZE;
    let shades = Hash::of(photo.0.as_bytes()).0;
    let mut dice = Dice(u64::from_le_bytes(shades[..8].try_into().expect("eight bytes")));
    let mut pixels = Vec::new();
    for y in 0..height / DOT {
        let row: Vec<u8> = (0..width / DOT)
            .map(|x| {
                let tile = y * DOT * TILES.1 / height * TILES.0 + x * DOT * TILES.0 / width;
                let shade = shades[usize::try_from(tile).expect("one of 32")];
                // A dot is eight pixels wide, which are one byte of one bit each.
                if dice.throw() < shade { 0xff } else { 0 }
            })
            .collect();
        (0..DOT).for_each(|_| pixels.extend(&row));
    }
    let mut png = Vec::new();
    let mut encoder = Encoder::new(&mut png, width, height);
    encoder.set_color(ColorType::Grayscale);
    encoder.set_depth(BitDepth::One);
    encoder.set_compression(Compression::Fast);
    let mut writer = encoder.write_header().expect("a vector takes all bytes");
    writer.write_image_data(&pixels).expect("there are as many pixels as the header says");
    writer.finish().expect("a vector takes all bytes");
    png
}

/// Numbers that look like chance and are the same everywhere (xorshift, Marsaglia 2003).
struct Dice(u64);

impl Dice {
    fn throw(&mut self) -> u8 {
        self.0 |= 1;
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.to_be_bytes()[0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn every_photo_has_bytes_of_its_own() {
        let photo = |n| photo_bytes(PhotoId(Uuid::from_u128(n)));
        assert_eq!(photo(1), photo(1));
        assert_ne!(photo(1), photo(2));
        assert!(photo(1).starts_with(b"\x89PNG") && photo(1).len() < 60_000, "{}", photo(1).len());
    }
}
