//! Pictures for tests: licences drawn on one form, and photos taken of them with an unsteady hand.

use super::picture::Grey;
use jpeg_encoder::{ColorType, Encoder};
use rxing::qrcode::QRCodeWriter;
use rxing::{BarcodeFormat, Writer};

/// Dice that fall the same way every time (xorshift).
#[derive(Clone)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(super) fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11
    }

    pub(super) fn below(&mut self, bound: usize) -> usize {
        (self.roll() % bound as u64) as usize
    }

    /// Between two numbers.
    pub(super) fn within(&mut self, from: f32, to: f32) -> f32 {
        from + (to - from) * (self.roll() % 10_000) as f32 / 10_000.0
    }
}

fn fill(page: &mut Grey, (x, y): (usize, usize), (w, h): (usize, usize), light: u8) {
    for row in y..(y + h).min(page.height) {
        let from = row * page.width;
        page.pixels[from + x.min(page.width)..from + (x + w).min(page.width)].fill(light);
    }
}

/// Characters nobody can read, but with the strokes of small print.
fn text(page: &mut Grey, at: (usize, usize), size: usize, chars: usize, dice: &mut Dice) {
    let dot = (size / 8).max(1);
    for char in 0..chars {
        let glyph = dice.roll();
        for bit in 0..49 {
            if glyph >> bit & 1 == 1 {
                let (x, y) = (at.0 + char * size + bit % 7 * dot, at.1 + bit / 7 * dot);
                fill(page, (x, y), (dot, dot), 40);
            }
        }
    }
}

/// The link that the code of the licence of a number has.
pub(super) fn link(number: u64) -> String {
    format!("https://www.gsxt.gov.cn/index.html?uniscid=9199010{:011}", number % 100_000_000_000)
}

/// A licence of 3000 by 2100 pixels: one form for all, with words and code of its own.
pub(super) fn licence(number: u64) -> Grey {
    let (width, height) = (3000, 2100);
    let mut page = Grey { pixels: vec![232; width * height], width, height };
    for inset in [40, 70] {
        let (w, h) = (width - 2 * inset, height - 2 * inset);
        fill(&mut page, (inset, inset), (w, 10), 120);
        fill(&mut page, (inset, inset + h - 10), (w, 10), 120);
        fill(&mut page, (inset, inset), (10, h), 120);
        fill(&mut page, (inset + w - 10, inset), (10, h), 120);
    }
    let (mut form, mut own) = (Dice::new(7), Dice::new(number + 1000));
    text(&mut page, (1100, 240), 200, 4, &mut form);
    for row in 0..7 {
        let y = 720 + row * 150;
        text(&mut page, (220, y), 56, 4, &mut form);
        let chars = 8 + own.below(10);
        text(&mut page, (560, y), 48, chars, &mut own);
        text(&mut page, (1640, y), 56, 4, &mut form);
        let chars = 6 + own.below(8);
        text(&mut page, (1980, y), 48, chars, &mut own);
    }
    code(&mut page, (2400, 200), 330, &link(number));
    page
}

fn code(page: &mut Grey, at: (usize, usize), side: usize, text: &str) {
    let matrix = QRCodeWriter.encode(text, &BarcodeFormat::QR_CODE, 0, 0).unwrap();
    let modules = matrix.getWidth() as usize;
    let dot = side / modules;
    fill(page, at, (side, side), 250);
    for y in 0..modules {
        for x in 0..modules {
            if matrix.get(x as u32, y as u32) {
                fill(page, (at.0 + x * dot, at.1 + y * dot), (dot, dot), 20);
            }
        }
    }
}

/// How a photo was taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shot {
    pub(super) width: usize,
    pub(super) height: usize,
    /// Radians.
    pub(super) tilt: f32,
    /// How much shorter the far edge is: 0 is straight on.
    pub(super) lean: f32,
    /// How much of the width of the photo the page takes.
    pub(super) fills: f32,
    /// Radius of the smear, in pixels of the photo.
    pub(super) smear: usize,
    /// How light it is: 1 is as drawn.
    pub(super) light: f32,
    /// Grains of this many steps of grey.
    pub(super) grain: usize,
    pub(super) seed: u64,
}

impl Shot {
    pub(super) const PLAIN: Self = Self {
        width: 2000,
        height: 1500,
        tilt: 0.0,
        lean: 0.0,
        fills: 0.9,
        smear: 0,
        light: 1.0,
        grain: 6,
        seed: 1,
    };

    /// One like those taken in the field.
    pub(super) fn some(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        Self {
            tilt: dice.within(-0.3, 0.3),
            lean: dice.within(0.0, 0.25),
            fills: dice.within(0.7, 0.95),
            smear: 0,
            light: dice.within(0.5, 1.0),
            grain: 4 + dice.below(20),
            seed,
            ..Self::PLAIN
        }
    }

    /// The photo of a page.
    pub(super) fn of(&self, page: &Grey) -> Grey {
        let mut dice = Dice::new(self.seed);
        let (sin, cos) = self.tilt.sin_cos();
        let zoom = page.width as f32 / (self.width as f32 * self.fills);
        let mut pixels = Vec::with_capacity(self.width * self.height);
        let desk = 90.0 + (dice.below(60)) as f32;
        for y in 0..self.height {
            for x in 0..self.width {
                let (dx, dy) =
                    (x as f32 - self.width as f32 / 2.0, y as f32 - self.height as f32 / 2.0);
                let far = 1.0 + self.lean * dy / self.height as f32;
                let (dx, dy) = (dx * far * zoom, dy * far * zoom);
                let (dx, dy) = (dx * cos - dy * sin, dx * sin + dy * cos);
                let at = (dx + page.width as f32 / 2.0, dy + page.height as f32 / 2.0);
                let seen = sample(page, at).unwrap_or(desk);
                let shade = 1.0 - 0.25 * x as f32 / self.width as f32;
                let grain = dice.below(self.grain + 1) as f32 - self.grain as f32 / 2.0;
                pixels.push((seen * self.light * shade + grain).clamp(0.0, 255.0) as u8);
            }
        }
        let photo = Grey { pixels, width: self.width, height: self.height };
        smeared(&photo, self.smear)
    }
}

fn sample(page: &Grey, (x, y): (f32, f32)) -> Option<f32> {
    let is_on_page =
        x >= 0.0 && y >= 0.0 && x < page.width as f32 - 1.0 && y < page.height as f32 - 1.0;
    if !is_on_page {
        return None;
    }
    let (left, top) = (x as usize, y as usize);
    let (right, down) = (x.fract(), y.fract());
    let light = |dx, dy| f32::from(page.pixels[(top + dy) * page.width + left + dx]);
    let upper = light(0, 0) * (1.0 - right) + light(1, 0) * right;
    let lower = light(0, 1) * (1.0 - right) + light(1, 1) * right;
    Some(upper * (1.0 - down) + lower * down)
}

/// Averages over squares, twice: nearly the smear of a lens out of focus.
pub(super) fn smeared(grey: &Grey, radius: usize) -> Grey {
    let mut photo = grey.clone();
    for _ in 0..if radius == 0 { 0 } else { 2 } {
        for lies in [false, true] {
            let (lines, len) =
                if lies { (photo.width, photo.height) } else { (photo.height, photo.width) };
            let at = |line: usize, place: usize| {
                if lies { place * grey.width + line } else { line * grey.width + place }
            };
            let before = photo.pixels.clone();
            for line in 0..lines {
                for place in 0..len {
                    let (from, to) = (place.saturating_sub(radius), (place + radius + 1).min(len));
                    let sum: usize = (from..to).map(|p| usize::from(before[at(line, p)])).sum();
                    photo.pixels[at(line, place)] = (sum / (to - from)) as u8;
                }
            }
        }
    }
    photo
}

/// As a JPEG of this quality.
pub(super) fn jpeg(grey: &Grey, quality: u8) -> Vec<u8> {
    let mut jpeg = Vec::new();
    let (width, height) = (grey.width as u16, grey.height as u16);
    Encoder::new(&mut jpeg, quality).encode(&grey.pixels, width, height, ColorType::Luma).unwrap();
    jpeg
}

/// As a JPEG in colour, with what a camera writes into it: an orientation, a time, a place, a name.
pub(super) fn jpeg_with_exif(grey: &Grey, orientation: u16) -> Vec<u8> {
    let rgb: Vec<u8> =
        grey.pixels.iter().flat_map(|l| [*l, l.saturating_sub(20), l.saturating_sub(60)]).collect();
    let mut jpeg = Vec::new();
    let mut encoder = Encoder::new(&mut jpeg, 90);
    let mut app1 = b"Exif\0\0".to_vec();
    app1.extend(tiff(orientation));
    encoder.add_app_segment(1, app1).unwrap();
    let xmp = b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta>secret</x:xmpmeta>";
    encoder.add_app_segment(1, xmp.to_vec()).unwrap();
    encoder.add_app_segment(2, b"ICC_PROFILE\0\x01\x01profile".to_vec()).unwrap();
    encoder.encode(&rgb, grey.width as u16, grey.height as u16, ColorType::Rgb).unwrap();
    jpeg
}

/// A directory of Exif: tag, type, count, and a value or where it is.
fn tiff(orientation: u16) -> Vec<u8> {
    let mut out: Vec<u8> = b"MM\0\x2a\0\0\0\x08".to_vec();
    let entry = |tag: u16, kind: u16, count: u32, value: [u8; 4]| {
        [&tag.to_be_bytes()[..], &kind.to_be_bytes(), &count.to_be_bytes(), &value].concat()
    };
    let long = u32::to_be_bytes;
    // 4 entries (2 + 48 + 4 bytes) from 8: the camera's name is at 62, the time at 76, the zone at 96,
    // the directory of the time at 104, that of the place at 134.
    let [high, low] = orientation.to_be_bytes();
    out.extend(4_u16.to_be_bytes());
    out.extend(entry(0x010f, 2, 14, long(62)));
    out.extend(entry(0x0112, 3, 1, [high, low, 0, 0]));
    out.extend(entry(0x8769, 4, 1, long(104)));
    out.extend(entry(0x8825, 4, 1, long(134)));
    out.extend(long(0));
    out.extend(b"SecretCamera\0\0");
    out.extend(b"2026:11:23 08:00:00\0");
    out.extend(b"+08:00\0\0");
    out.extend(2_u16.to_be_bytes());
    out.extend(entry(0x9003, 2, 20, long(76)));
    out.extend(entry(0x9011, 2, 7, long(96)));
    out.extend(long(0));
    // Places of the six rationals follow the 4 entries.
    out.extend(4_u16.to_be_bytes());
    out.extend(entry(1, 2, 2, *b"N\0\0\0"));
    out.extend(entry(2, 5, 3, long(188)));
    out.extend(entry(3, 2, 2, *b"E\0\0\0"));
    out.extend(entry(4, 5, 3, long(212)));
    out.extend(long(0));
    for number in [30_u32, 15, 36, 120, 9, 0] {
        out.extend(long(number));
        out.extend(long(1));
    }
    out
}
