//! QR codes in a photo: their texts, as they are.

use super::picture::Grey;
use rxing::common::{GlobalHistogramBinarizer, HybridBinarizer};
use rxing::multi::MultipleBarcodeReader;
use rxing::qrcode::cpp_port::QrReader;
use rxing::{BarcodeFormat, Binarizer, BinaryBitmap, DecodeHints, Luma8Source};

/// Codes of one photo that are read.
const CODES_MAX: usize = 16;
/// Characters of one code that are kept; a QR code has no more.
const CHARS_MAX: usize = 7_089;

/// Reads what codes there are: as it is; where there is none, smaller, which heals noise and blocks;
/// then against one threshold, which heals low contrast.
pub(super) fn read(grey: &Grey) -> Vec<String> {
    let found = with(HybridBinarizer::new(source(grey)));
    if !found.is_empty() {
        return found;
    }
    let smaller = grey.halved();
    if smaller.width < 40 || smaller.height < 40 {
        return Vec::new();
    }
    let found = with(HybridBinarizer::new(source(&smaller)));
    if found.is_empty() { with(GlobalHistogramBinarizer::new(source(grey))) } else { found }
}

fn source(grey: &Grey) -> Luma8Source<'_> {
    let (width, height) = (u32::try_from(grey.width), u32::try_from(grey.height));
    let (width, height) = (width.expect("a picture's side"), height.expect("a picture's side"));
    Luma8Source::new_with_slice(&grey.pixels, width, height).expect("one byte a pixel")
}

fn with<B: Binarizer>(binarizer: B) -> Vec<String> {
    let hints = DecodeHints {
        TryHarder: Some(true),
        PossibleFormats: Some([BarcodeFormat::QR_CODE].into()),
        ..DecodeHints::default()
    };
    let mut bitmap = BinaryBitmap::new(binarizer);
    let found = QrReader.decode_multiple_with_hints(&mut bitmap, &hints).unwrap_or_default();
    let mut texts: Vec<String> =
        found.iter().map(|code| code.getText().chars().take(CHARS_MAX).collect()).collect();
    // The order of finding says nothing.
    texts.sort();
    texts.dedup();
    texts.truncate(CODES_MAX);
    texts
}
