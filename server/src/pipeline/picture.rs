//! Pictures: pixels of a photo, decoded at the smallest scale that serves everything after.
//!
//! A JPEG is decoded at an eighth, a quarter or a half already in its transform, which costs little
//! more than reading its bits; a PNG is averaged row by row. So memory follows the scale, not the claim.

use super::{Format, Undecodable};
use std::io::Cursor;

/// Longest side that is looked at, in pixels.
const SIDE_MAX: u32 = 20_000;
/// The long side that a picture keeps at least, where it has that much: enough for the larger
/// preview, and for the QR code of a licence that fills the photo.
const SIDE_KEPT: u32 = 1600;
/// Pixels of a picture that cannot be decoded at a smaller scale.
const WHOLE_PIXELS_MAX: u64 = 64 << 20;

/// Three bytes a pixel, row by row.
#[derive(Clone, Debug)]
pub(super) struct Picture {
    pub(super) rgb: Vec<u8>,
    pub(super) width: u32,
    pub(super) height: u32,
    /// Width and height of the original.
    pub(super) full: (u32, u32),
}

/// Decodes bytes.
pub(super) fn decode(format: Format, bytes: &[u8]) -> Result<Picture, Undecodable> {
    match format {
        Format::Jpeg => jpeg(bytes),
        Format::Png => png(bytes),
        Format::Webp => webp(bytes),
        Format::Heic | Format::Other => Err(Undecodable::PreviewUnavailable),
        Format::Unknown => Err(Undecodable::NotImage),
    }
}

/// How many pixels of a side become one: the most that leaves [`SIDE_KEPT`].
fn shrink(width: u32, height: u32) -> Result<u32, Undecodable> {
    let side = width.max(height);
    if side > SIDE_MAX {
        return Err(Undecodable::TooLarge);
    }
    if width == 0 || height == 0 {
        return Err(Undecodable::Corrupt);
    }
    Ok([8, 4, 2].into_iter().find(|by| side / by >= SIDE_KEPT).unwrap_or(1))
}

fn jpeg(bytes: &[u8]) -> Result<Picture, Undecodable> {
    use jpeg_decoder::PixelFormat;
    let mut decoder = jpeg_decoder::Decoder::new(bytes);
    decoder.read_info().map_err(|_| Undecodable::Corrupt)?;
    let claimed = decoder.info().ok_or(Undecodable::Corrupt)?;
    let full = (u32::from(claimed.width), u32::from(claimed.height));
    let by = u16::try_from(shrink(full.0, full.1)?).expect("at most eight");
    let at = (claimed.width.div_ceil(by), claimed.height.div_ceil(by));
    decoder.scale(at.0, at.1).map_err(|_| Undecodable::Corrupt)?;
    let pixels = decoder.decode().map_err(|_| Undecodable::Corrupt)?;
    let info = decoder.info().ok_or(Undecodable::Corrupt)?;
    let rgb = match info.pixel_format {
        PixelFormat::RGB24 => pixels,
        PixelFormat::L8 => pixels.iter().flat_map(|grey| [*grey; 3]).collect(),
        // Two bytes a pixel in the order of the machine; the upper one is what is seen.
        PixelFormat::L16 => {
            let grey = |two: &[u8]| [u16::from_ne_bytes([two[0], two[1]]).to_be_bytes()[0]; 3];
            pixels.chunks_exact(2).flat_map(grey).collect()
        }
        PixelFormat::CMYK32 => pixels.chunks_exact(4).flat_map(of_cmyk).collect(),
    };
    checked(rgb, info.width.into(), info.height.into(), full)
}

/// The colour that an ink printer would leave, near enough for a preview.
fn of_cmyk(inks: &[u8]) -> [u8; 3] {
    let light = |ink: u8| {
        let product = u16::from(255 - ink) * u16::from(255 - inks[3]) / 255;
        u8::try_from(product).expect("at most 255")
    };
    [light(inks[0]), light(inks[1]), light(inks[2])]
}

fn png(bytes: &[u8]) -> Result<Picture, Undecodable> {
    let limits = png::Limits { bytes: 64 << 20 };
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(bytes), limits);
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    decoder.set_ignore_text_chunk(true);
    let claimed = decoder.read_header_info().map_err(|_| Undecodable::Corrupt)?;
    let (full, is_interlaced) = (claimed.size(), claimed.interlaced);
    let by = shrink(full.0, full.1)?;
    let mut reader = decoder.read_info().map_err(|_| Undecodable::Corrupt)?;
    let channels = reader.output_color_type().0.samples();
    if is_interlaced {
        // Its rows come in no order: it must be decoded whole.
        let len = reader.output_buffer_size().filter(|_| is_modest(full));
        let mut pixels = vec![0; len.ok_or(Undecodable::TooLarge)?];
        reader.next_frame(&mut pixels).map_err(|_| Undecodable::Corrupt)?;
        let rgb = pixels.chunks_exact(channels).flat_map(on_white).collect();
        return checked(rgb, full.0, full.1, full);
    }
    let mut average = Average::new(full, by);
    while let Some(row) = reader.next_row().map_err(|_| Undecodable::Corrupt)? {
        average.add(row.data(), channels);
    }
    average.picture()
}

fn webp(bytes: &[u8]) -> Result<Picture, Undecodable> {
    let decoder = image_webp::WebPDecoder::new(Cursor::new(bytes));
    let mut decoder = decoder.map_err(|_| Undecodable::Corrupt)?;
    let full = decoder.dimensions();
    shrink(full.0, full.1)?;
    let len = decoder.output_buffer_size().filter(|_| is_modest(full));
    let mut pixels = vec![0; len.ok_or(Undecodable::TooLarge)?];
    decoder.read_image(&mut pixels).map_err(|_| Undecodable::Corrupt)?;
    let channels = if decoder.has_alpha() { 4 } else { 3 };
    let rgb = pixels.chunks_exact(channels).flat_map(on_white).collect();
    checked(rgb, full.0, full.1, full)
}

fn is_modest((width, height): (u32, u32)) -> bool {
    u64::from(width) * u64::from(height) <= WHOLE_PIXELS_MAX
}

fn checked(
    rgb: Vec<u8>,
    width: u32,
    height: u32,
    full: (u32, u32),
) -> Result<Picture, Undecodable> {
    let is_whole = rgb.len() as u64 == u64::from(width) * u64::from(height) * 3;
    if is_whole { Ok(Picture { rgb, width, height, full }) } else { Err(Undecodable::Corrupt) }
}

/// A pixel of one to four channels, as it looks on white paper.
fn on_white(pixel: &[u8]) -> [u8; 3] {
    let (colour, alpha) = match *pixel {
        [grey] => ([grey; 3], 255),
        [grey, alpha] => ([grey; 3], alpha),
        [red, green, blue] => ([red, green, blue], 255),
        [red, green, blue, alpha] => ([red, green, blue], alpha),
        _ => ([255; 3], 255),
    };
    colour.map(|light| {
        let seen = u16::from(light) * u16::from(alpha) + 255 * u16::from(255 - alpha);
        u8::try_from(seen / 255).expect("at most 255")
    })
}

/// A picture of averages over squares of pixels, made row by row.
struct Average {
    full: (u32, u32),
    by: u32,
    width: usize,
    sums: Vec<u32>,
    rows: u32,
    rgb: Vec<u8>,
}

impl Average {
    fn new(full: (u32, u32), by: u32) -> Self {
        let width = (full.0 / by) as usize;
        Self { full, by, width, sums: vec![0; width * 3], rows: 0, rgb: Vec::new() }
    }

    fn add(&mut self, row: &[u8], channels: usize) {
        let by = self.by as usize;
        for (sums, square) in self.sums.chunks_exact_mut(3).zip(row.chunks_exact(channels * by)) {
            for pixel in square.chunks_exact(channels) {
                for (sum, light) in sums.iter_mut().zip(on_white(pixel)) {
                    *sum += u32::from(light);
                }
            }
        }
        self.rows += 1;
        if self.rows == self.by {
            let area = self.by * self.by;
            let light = |sum: &u32| u8::try_from(sum / area).expect("an average of bytes");
            self.rgb.extend(self.sums.iter().map(light));
            self.sums.fill(0);
            self.rows = 0;
        }
    }

    fn picture(self) -> Result<Picture, Undecodable> {
        let width = u32::try_from(self.width).expect("less than the whole");
        checked(self.rgb, width, self.full.1 / self.by, self.full)
    }
}

impl Picture {
    /// How light each pixel is, by the weights of ITU-R BT.601.
    pub(super) fn luma(&self) -> Grey {
        // The weights sum up to 256, so that the upper byte is a weighted average.
        // The weights sum up to 256, so that the upper byte is a weighted average.
        let light = |rgb: &[u8]| {
            let [red, green, blue] = [rgb[0], rgb[1], rgb[2]].map(u16::from);
            (red * 77 + green * 150 + blue * 29).to_be_bytes()[0]
        };
        let pixels = self.rgb.chunks_exact(3).map(light).collect();
        Grey { pixels, width: self.width as usize, height: self.height as usize }
    }
}

/// Where a pixel of the picture as it is to be seen lies in the picture as it was taken, which has
/// this width and height (Exif 2.3, tag 0x0112: 2 and 4 are mirrored, 3 is upside down, 5 to 8 lie on
/// their side).
pub(super) fn before_turning(
    orientation: u8,
    (x, y): (usize, usize),
    (wide, high): (usize, usize),
) -> (usize, usize) {
    match orientation {
        2 => (wide - 1 - x, y),
        3 => (wide - 1 - x, high - 1 - y),
        4 => (x, high - 1 - y),
        5 => (y, x),
        6 => (y, high - 1 - x),
        7 => (wide - 1 - y, high - 1 - x),
        8 => (wide - 1 - y, x),
        _ => (x, y),
    }
}

/// One byte a pixel, row by row.
#[derive(Clone, Debug)]
pub(super) struct Grey {
    pub(super) pixels: Vec<u8>,
    pub(super) width: usize,
    pub(super) height: usize,
}

impl Grey {
    /// The same, half as wide and half as high.
    pub(super) fn halved(&self) -> Self {
        let (width, height) = (self.width / 2, self.height / 2);
        let mut pixels = Vec::with_capacity(width * height);
        for rows in self.pixels.chunks_exact(self.width.max(1) * 2).take(height) {
            let (upper, lower) = rows.split_at(self.width);
            pixels.extend(upper.chunks_exact(2).zip(lower.chunks_exact(2)).map(|(up, low)| {
                let sum = up.iter().chain(low).map(|light| u16::from(*light)).sum::<u16>();
                u8::try_from((sum + 2) / 4).expect("an average of bytes")
            }));
        }
        Self { pixels, width, height }
    }
}
