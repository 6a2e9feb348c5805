//! Photos for the demo: small pictures of tiles, one of its own for every photo id.
//!
//! They are real PNG files (ISO/IEC 15948) without compression, so that whoever makes previews of
//! licence photos can read them.

use saolou_protocol::canonical::Hash;
use saolou_protocol::ids::PhotoId;

/// Tiles across and down; the 32 bytes of a digest give the 32 tiles their grey.
const TILES: (usize, usize) = (8, 4);
/// Pixels along the side of a tile.
const TILE: usize = 6;

/// The bytes of a photo as PNG, about 1.3 KB; the same for the same id.
#[must_use]
pub fn photo_bytes(photo: PhotoId) -> Vec<u8> {
    let (across, down) = TILES;
    let greys = Hash::of(photo.0.as_bytes()).0;
    let mut rows = Vec::new();
    for y in 0..down * TILE {
        // Every row starts with its filter; 0 is none.
        rows.push(0);
        rows.extend((0..across * TILE).map(|x| greys[y / TILE * across + x / TILE]));
    }
    let size =
        |tiles: usize| u32::try_from(tiles * TILE).expect("a few dozen pixels").to_be_bytes();
    // Width, height, 8 bits a pixel, grey, and the only compression, filter and order there are.
    let header = [&size(across)[..], &size(down), &[8, 0, 0, 0, 0]].concat();
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    for (name, data) in [(b"IHDR", header), (b"IDAT", stored(&rows)), (b"IEND", Vec::new())] {
        let length = u32::try_from(data.len()).expect("a chunk of a few kilobytes");
        let named = [&name[..], &data].concat();
        png.extend(length.to_be_bytes());
        png.extend(&named);
        png.extend(crc32(&named).to_be_bytes());
    }
    png
}

/// A zlib stream (RFC 1950) of one stored block (RFC 1951 §3.2.4).
fn stored(data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).expect("a tile picture fits one stored block");
    let mut stream = vec![0x78, 0x01, 0x01];
    stream.extend(length.to_le_bytes());
    stream.extend((!length).to_le_bytes());
    stream.extend(data);
    let (mut low, mut high) = (1_u32, 0_u32);
    for byte in data {
        low = (low + u32::from(*byte)) % 65_521;
        high = (high + low) % 65_521;
    }
    stream.extend((high << 16 | low).to_be_bytes());
    stream
}

/// The check of a chunk (ISO/IEC 15948, annex D).
fn crc32(data: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in data {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            let carry = crc & 1;
            crc >>= 1;
            if carry == 1 {
                crc ^= 0xedb8_8320;
            }
        }
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn the_checks_are_the_published_ones() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        let stream = stored(b"Wikipedia");
        assert_eq!(stream[stream.len() - 4..], 0x11e6_0398_u32.to_be_bytes());
    }

    #[test]
    fn every_photo_has_bytes_of_its_own() {
        let photo = |n| photo_bytes(PhotoId(Uuid::from_u128(n)));
        assert_eq!(photo(1), photo(1));
        assert_ne!(photo(1), photo(2));
        assert!(photo(1).starts_with(b"\x89PNG") && photo(1).len() < 1_500);
    }
}
