//! A photo of twelve megapixels, as a phone takes it of a licence on a desk: small print, waves of
//! security paper, a seal, a QR code, a page that lies a little askew, and the grain of a sensor.

use crate::stand::dice::Dice;
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

const WIDTH: usize = 4032;
const HEIGHT: usize = 3024;
const PAGE: (usize, usize) = (3000, 2100);
/// How far the page is turned, in radians.
const TILT: f32 = 0.035;
/// As phones save their photos.
const QUALITY: u8 = 92;

/// The modules of a code, a row each, the first in the highest of 33 bits.
const CODE: [u64; 33] = [
    0x1fc0_f627f,
    0x1055_aab41,
    0x1745_5625d,
    0x174f_9135d,
    0x175c_c335d,
    0x1044_72341,
    0x1fd5_5557f,
    0x006a_ee00,
    0x1545_89b12,
    0x143d_985e3,
    0x114a_45567,
    0xbb2b_9d50,
    0x1ae5_4ceea,
    0xa030_44c5,
    0x1458_994b7,
    0x1122_6ab7a,
    0x56fd_cbc8,
    0x1222_59463,
    0x50d_4447,
    0x1ba3_79d72,
    0x5f3c_eccb,
    0x8888_4cc7,
    0x17c9_191cb,
    0xa04e_eb50,
    0x11e7_99dfa,
    0x1a1_9919,
    0x1fcd_d4757,
    0x1043_d9912,
    0x175c_2cdf8,
    0x174e_44511,
    0x1758_14b9d,
    0x104c_eebd2,
    0x1fd0_59bd3,
];

type Rgb = [u8; 3];

/// The photo, as a file; without its code it is one of those where a code is looked for in vain.
pub(crate) fn photo(has_code: bool) -> Vec<u8> {
    let page = page(has_code);
    let mut dice = Dice::new(12);
    let mut rgb = Vec::with_capacity(WIDTH * HEIGHT * 3);
    let (sin, cos) = TILT.sin_cos();
    for y in 0..HEIGHT {
        let down = f32_of(y) - f32_of(HEIGHT) / 2.0;
        for x in 0..WIDTH {
            let across = f32_of(x) - f32_of(WIDTH) / 2.0;
            let u = across * cos + down * sin + f32_of(PAGE.0) / 2.0;
            let v = down * cos - across * sin + f32_of(PAGE.1) / 2.0;
            let colour = if u >= 0.0 && v >= 0.0 && u < f32_of(PAGE.0) && v < f32_of(PAGE.1) {
                page[whole(v) * PAGE.0 + whole(u)]
            } else {
                let grain = u8::try_from((x / 9 + y / 70) % 24).expect("below 24");
                [120 + grain, 86 + grain, 60]
            };
            let noise = u8::try_from(dice.number() % 7).expect("below seven");
            rgb.extend(colour.map(|light| light.saturating_add(noise).saturating_sub(3)));
        }
    }
    let mut jpeg = Vec::new();
    let mut encoder = Encoder::new(&mut jpeg, QUALITY);
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    let (width, height) = (WIDTH.try_into(), HEIGHT.try_into());
    let (width, height) = (width.expect("a side"), height.expect("a side"));
    encoder.encode(&rgb, width, height, ColorType::Rgb).expect("a JPEG");
    jpeg
}

fn page(has_code: bool) -> Vec<Rgb> {
    let mut page: Vec<Rgb> = (0..PAGE.0 * PAGE.1)
        .map(|at| {
            let (x, y) = (f32_of(at % PAGE.0), f32_of(at / PAGE.0));
            let wave = (y / 11.0 + (x / 37.0).sin() * 2.5).sin() > 0.8;
            if wave { [238, 206, 208] } else { [243, 236, 228] }
        })
        .collect();
    for inset in [40, 70] {
        let (w, h) = (PAGE.0 - 2 * inset, PAGE.1 - 2 * inset);
        fill(&mut page, (inset, inset), (w, 10), [150, 110, 60]);
        fill(&mut page, (inset, inset + h), (w, 10), [150, 110, 60]);
        fill(&mut page, (inset, inset), (10, h), [150, 110, 60]);
        fill(&mut page, (inset + w, inset), (10, h), [150, 110, 60]);
    }
    let mut dice = Dice::new(7);
    text(&mut page, (1100, 240), 200, 4, &mut dice);
    for row in 0..9 {
        text(&mut page, (220, 700 + row * 130), 56, 4, &mut dice);
        text(&mut page, (560, 700 + row * 130), 48, 16, &mut dice);
        text(&mut page, (1640, 700 + row * 130), 40, 22, &mut dice);
    }
    seal(&mut page);
    if has_code {
        code(&mut page, (2400, 200), 10);
    }
    page
}

fn fill(page: &mut [Rgb], (x, y): (usize, usize), (w, h): (usize, usize), colour: Rgb) {
    for row in y..(y + h).min(PAGE.1) {
        page[row * PAGE.0 + x.min(PAGE.0)..row * PAGE.0 + (x + w).min(PAGE.0)].fill(colour);
    }
}

/// Characters nobody can read, with the strokes of small print.
fn text(page: &mut [Rgb], at: (usize, usize), size: usize, chars: usize, dice: &mut Dice) {
    let dot = (size / 8).max(1);
    for char in 0..chars {
        let glyph = dice.number();
        for bit in (0..49).filter(|bit| glyph >> bit & 1 == 1) {
            let place = (at.0 + char * size + bit % 7 * dot, at.1 + bit / 7 * dot);
            fill(page, place, (dot, dot), [38, 36, 40]);
        }
    }
}

fn seal(page: &mut [Rgb]) {
    for y in 0..400_usize {
        for x in 0..400_usize {
            let square = x.abs_diff(200).pow(2) + y.abs_diff(200).pow(2);
            if (170 * 170..195 * 195).contains(&square) {
                fill(page, (2300 + x, 1500 + y), (1, 1), [200, 40, 44]);
            }
        }
    }
}

fn code(page: &mut [Rgb], at: (usize, usize), dot: usize) {
    let quiet = CODE.len() * dot + 8 * dot;
    fill(page, (at.0 - 4 * dot, at.1 - 4 * dot), (quiet, quiet), [250, 250, 250]);
    for (y, row) in CODE.iter().enumerate() {
        for x in (0..CODE.len()).filter(|x| row >> (CODE.len() - 1 - x) & 1 == 1) {
            fill(page, (at.0 + x * dot, at.1 + y * dot), (dot, dot), [20, 20, 24]);
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "sides of a picture")]
fn f32_of(number: usize) -> f32 {
    number as f32
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between nothing and the side of a page"
)]
fn whole(number: f32) -> usize {
    number as usize
}
