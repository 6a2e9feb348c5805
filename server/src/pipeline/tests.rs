//! The pipeline on drawn pictures: what it finds, what it leaves out, and what it survives.

use super::drawn::{self, Dice, Shot};
use super::look::Look;
use super::picture::{self, Grey};
use super::{Format, Undecodable, child, codes, exif, preview};

/// Broken pictures of every format.
const BROKEN: usize = 866;

fn seen(jpeg: &[u8]) -> Grey {
    picture::decode(Format::sniff(jpeg), jpeg).unwrap().luma()
}

/// A page of four corners, each of another light, and wider than high.
fn corners() -> Grey {
    let (width, height) = (64, 48);
    let light = |at: usize| match (at % width < width / 2, at / width < height / 2) {
        (true, true) => 0,
        (false, true) => 80,
        (true, false) => 160,
        (false, false) => 240,
    };
    Grey { pixels: (0..width * height).map(light).collect(), width, height }
}

#[test]
fn the_code_of_a_licence_is_found_however_the_photo_was_held() {
    for (number, tilt, lean, light) in
        [(1, 0.0, 0.0, 1.0), (2, 0.8, 0.0, 0.8), (3, 3.1, 0.1, 0.6), (4, -0.2, 0.25, 0.3)]
    {
        let shot = Shot { tilt, lean, light, fills: 0.7, width: 1600, height: 1200, ..Shot::PLAIN };
        let photo = seen(&drawn::jpeg(&shot.of(&drawn::licence(number)), 70));
        assert_eq!(codes::read(&photo), [drawn::link(number)], "{shot:?}");
        assert!(!Look::at(&photo, 1).is_smeared(), "{shot:?}");
        assert!(Look::at(&drawn::smeared(&photo, 3), 1).is_smeared(), "{shot:?}");
    }
}

#[test]
fn a_copy_looks_alike_and_another_licence_on_the_same_form_does_not() {
    let shot = |seed| Shot { width: 800, height: 600, ..Shot::some(seed) };
    let photo = shot(1).of(&drawn::licence(1));
    let look = Look::at(&photo, 1);
    let copy = Look::at(&seen(&drawn::jpeg(&photo.halved(), 40)), 1);
    assert!(look.small.distance(copy.small) <= 6 && look.large.distance(copy.large) <= 26);
    let other = Look::at(&shot(2).of(&drawn::licence(2)), 1);
    assert!(look.small.distance(other.small) > 6 || look.large.distance(other.large) > 26);
    for flip in [0_u64, 1 << 3, 1 << 63 | 1 << 17, 0b11_1111, 0x8000_8001_8001_8001] {
        let near = super::SmallHash(look.small.0 ^ flip);
        let slots = look.small.near_slots();
        assert!(near.slots().iter().any(|slot| slots.contains(slot)), "{flip:x}");
    }
}

#[test]
fn previews_are_upright_and_carry_nothing_but_pixels() {
    for orientation in 1..=8_u8 {
        let jpeg = drawn::jpeg_with_exif(&corners(), orientation.into());
        let facts = exif::read(&jpeg).unwrap();
        assert_eq!(facts.orientation, orientation);
        assert_eq!(facts.taken_ms, Some(1_795_392_000_000));
        assert!(facts.is_zone_known);
        assert_eq!(facts.make.as_deref(), Some("SecretCamera"));
        let place = facts.place.unwrap();
        assert!((place.latitude - 30.26).abs() < 1e-9 && (place.longitude - 120.15).abs() < 1e-9);
        let picture = picture::decode(Format::Jpeg, &jpeg).unwrap();
        for made in preview::draw(&picture, orientation) {
            assert_bare(&made.jpeg);
            let upright = seen(&made.jpeg);
            let size = (upright.width, upright.height);
            assert_eq!(size, if orientation >= 5 { (48, 64) } else { (64, 48) }, "{orientation}");
            let corner =
                |x: usize, y: usize| upright.pixels[(size.1 * y / 4) * size.0 + size.0 * x / 4];
            // From the darkest, by where it is: upper left, upper right, lower left, lower right.
            let lights = [corner(1, 1), corner(3, 1), corner(1, 3), corner(3, 3)];
            let mut order = [0, 1, 2, 3];
            order.sort_by_key(|place: &usize| lights[*place]);
            let expected = match orientation {
                1 => [0, 1, 2, 3],
                2 => [1, 0, 3, 2],
                3 => [3, 2, 1, 0],
                4 => [2, 3, 0, 1],
                5 => [0, 2, 1, 3],
                6 => [1, 3, 0, 2],
                7 => [3, 1, 2, 0],
                _ => [2, 0, 3, 1],
            };
            assert_eq!(order, expected, "{orientation}: {lights:?}");
        }
    }
}

fn assert_bare(jpeg: &[u8]) {
    for secret in [&b"Exif"[..], b"xap", b"xmp", b"secret", b"Secret", b"2026", b"ICC", b"GPS"] {
        let is_there = jpeg.windows(secret.len()).any(|bytes| bytes == secret);
        assert!(!is_there, "{:?}", String::from_utf8_lossy(secret));
    }
}

/// A picture in each format; the last one only begins like one.
fn valid() -> [Vec<u8>; 4] {
    let page = corners();
    let (width, height) = (page.width as u32, page.height as u32);
    let mut png = Vec::new();
    let mut encoder = png::Encoder::new(&mut png, width, height);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.write_header().unwrap().write_image_data(&page.pixels).unwrap();
    let mut webp = Vec::new();
    let grey = image_webp::ColorType::L8;
    image_webp::WebPEncoder::new(&mut webp).encode(&page.pixels, width, height, grey).unwrap();
    let mut heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic".to_vec();
    heic.extend([7; 400]);
    [drawn::jpeg_with_exif(&page, 6), png, webp, heic]
}

#[test]
fn whole_pictures_of_every_format_are_decoded() {
    for bytes in &valid()[..3] {
        let grey = seen(bytes);
        assert_eq!((grey.width, grey.height), (64, 48));
        assert!(grey.pixels[0] < 30 && *grey.pixels.last().unwrap() > 200);
    }
}

#[test]
fn broken_pictures_break_nothing() {
    let valid = valid();
    let mut dice = Dice::new(866);
    let mut undecodable = 0;
    for number in 0..BROKEN {
        let mut bytes = valid[number % valid.len()].clone();
        match number / valid.len() % 3 {
            0 => bytes.truncate(dice.below(bytes.len())),
            1 => {
                for _ in 0..=dice.below(8) {
                    let at = dice.below(bytes.len());
                    bytes[at] ^= 1 << dice.below(8);
                }
            }
            _ => {
                let from = dice.below(bytes.len());
                bytes[from..].fill_with(|| dice.roll() as u8);
            }
        }
        undecodable += usize::from(child::is_undecodable(&bytes));
    }
    assert!(undecodable > BROKEN / 2, "{undecodable} of {BROKEN}");
}

#[test]
fn a_bomb_costs_nothing() {
    // Sixty-five bytes that claim four hundred million pixels.
    let mut bomb = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
    bomb.extend([0, 0, 0x4e, 0x20, 0, 0, 0x4e, 0x20, 8, 6, 0, 0, 0]);
    bomb.extend([0; 4]);
    bomb.extend(b"\0\0\0\x08IDAT");
    bomb.resize(65, 0);
    assert!(picture::decode(Format::Png, &bomb).is_err());
    // One pixel more than is looked at.
    let mut jpeg = valid()[0].clone();
    let frame = jpeg.windows(2).position(|two| two == [0xff, 0xc0]).unwrap();
    jpeg[frame + 5..frame + 9].copy_from_slice(&[0x4e, 0x21, 0x4e, 0x21]);
    assert_eq!(picture::decode(Format::Jpeg, &jpeg).unwrap_err(), Undecodable::TooLarge);
}
