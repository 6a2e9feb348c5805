//! Previews: a photo drawn smaller, the right way up, as pixels and nothing else. Place, time and
//! camera stay with the original.

use super::picture::{self, Picture, before_turning};
use super::{Format, PREVIEW_SIDES};
use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

/// Quality of a preview: the text of a licence stays legible, without the noise around it.
const QUALITY: u8 = 80;

/// A preview, as JPEG.
pub(super) struct Preview {
    /// Its long side, or what that would be, were the original as large.
    pub(super) side: u32,
    pub(super) jpeg: Vec<u8>,
}

/// Draws all previews of a picture. `orientation` is that of Exif: what must be done to see it
/// upright.
pub(super) fn draw(picture: &Picture, orientation: u8) -> Vec<Preview> {
    let mut larger: Option<Picture> = None;
    let mut previews = Vec::new();
    for side in PREVIEW_SIDES {
        let from = larger.as_ref().unwrap_or(picture);
        let smaller = fitted(from, side);
        let upright = turned(&smaller, orientation);
        previews.extend(encoded(&upright).map(|jpeg| Preview { side, jpeg }));
        larger = Some(smaller);
    }
    previews
}

/// Draws the smallest preview alone.
pub(super) fn thumbnail(format: Format, bytes: &[u8], orientation: u8) -> Option<Preview> {
    let side = *PREVIEW_SIDES.last()?;
    let picture = picture::decode(format, bytes).ok()?;
    let upright = turned(&fitted(&picture, side), orientation);
    Some(Preview { side, jpeg: encoded(&upright)? })
}

/// The picture, no side longer than this.
fn fitted(picture: &Picture, side: u32) -> Picture {
    let long = picture.width.max(picture.height);
    if long <= side {
        return picture.clone();
    }
    let scaled = |of: u32| {
        let at = (u64::from(of) * u64::from(side) + u64::from(long) / 2) / u64::from(long);
        u32::try_from(at).expect("no longer than the side").max(1)
    };
    let (width, height) = (scaled(picture.width), scaled(picture.height));
    let source = ImageRef::new(picture.width, picture.height, &picture.rgb, PixelType::U8x3)
        .expect("three bytes a pixel");
    let mut target = Image::new(width, height, PixelType::U8x3);
    let smooth = ResizeAlg::Convolution(FilterType::Bilinear);
    Resizer::new()
        .resize(&source, &mut target, &ResizeOptions::new().resize_alg(smooth))
        .expect("both are of the same kind of pixel");
    Picture { rgb: target.into_vec(), width, height, full: picture.full }
}

/// The picture as it is to be seen.
fn turned(picture: &Picture, orientation: u8) -> Picture {
    if !(2..=8).contains(&orientation) {
        return picture.clone();
    }
    let (wide, high) = (picture.width as usize, picture.height as usize);
    let lies = orientation >= 5;
    let (width, height) = if lies { (high, wide) } else { (wide, high) };
    let source = |x: usize, y: usize| {
        let (x, y) = before_turning(orientation, (x, y), (wide, high));
        (y * wide + x) * 3
    };
    let mut rgb = Vec::with_capacity(picture.rgb.len());
    for y in 0..height {
        // Along a row of the one, the other is walked in even steps.
        let mut at = source(0, y);
        let step = source(1.min(width - 1), y).wrapping_sub(at);
        for _ in 0..width {
            rgb.extend_from_slice(&picture.rgb[at..at + 3]);
            at = at.wrapping_add(step);
        }
    }
    let (width, height) =
        if lies { (picture.height, picture.width) } else { (picture.width, picture.height) };
    Picture { rgb, width, height, full: picture.full }
}

fn encoded(picture: &Picture) -> Option<Vec<u8>> {
    let mut jpeg = Vec::new();
    let mut encoder = Encoder::new(&mut jpeg, QUALITY);
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    let (width, height) = (picture.width.try_into().ok()?, picture.height.try_into().ok()?);
    encoder.encode(&picture.rgb, width, height, ColorType::Rgb).ok()?;
    Some(jpeg)
}
