//! How a photo looks: how sharp it is, and two hashes that stay nearly the same when it is scaled,
//! compressed again or made lighter.

use super::picture::{Grey, before_turning};
use serde::{Deserialize, Serialize};
use std::f32::consts::PI;

/// How a photo looks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Look {
    /// Variance of the Laplacian over a picture of a thousand to two thousand pixels width.
    pub sharpness: f64,
    /// The 64 bits by which a photo is searched for.
    pub small: SmallHash,
    /// The 256 bits by which a resemblance is confirmed.
    pub large: LargeHash,
}

/// A hash of 64 bits, 16 digits on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SmallHash(pub u64);

/// A hash of 256 bits, 64 digits on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LargeHash(pub [u64; 4]);

impl Look {
    /// Less sharpness than this, and the small print of a licence is a smear. Drawn licences in a
    /// quarter of the light had 69 at least, smeared by one pixel 15, by two, where hardly a QR code can
    /// be read, 9 at most.
    const SHARP_MIN: f64 = 12.0;

    /// Whether small print cannot be read in it.
    #[must_use]
    pub fn is_smeared(&self) -> bool {
        self.sharpness < Self::SHARP_MIN
    }

    /// Looks at a picture, as it is to be seen.
    pub(super) fn at(grey: &Grey, orientation: u8) -> Self {
        let tile = tile(grey, orientation);
        let large = bits::<16>(&waves::<16>(&tile));
        Self {
            sharpness: sharpness(grey),
            small: SmallHash(bits::<8>(&waves::<8>(&tile))[0]),
            large: LargeHash([large[0], large[1], large[2], large[3]]),
        }
    }
}

impl SmallHash {
    /// How many slots there are.
    pub(crate) const SLOTS: i64 = 4 << 16;

    /// The slots that a photo with this hash lies in: one for each quarter of it.
    pub(crate) fn slots(self) -> [i64; 4] {
        let quarter = |at: u32| i64::from(at) << 16 | (self.0 >> (16 * at) & 0xffff) as i64;
        [quarter(0), quarter(1), quarter(2), quarter(3)]
    }

    /// The slots in which every photo lies whose hash differs in up to seven bits: with so few, some
    /// quarter has one of them at most.
    pub(crate) fn near_slots(self) -> Vec<i64> {
        let near = |slot: i64| std::iter::once(slot).chain((0..16).map(move |bit| slot ^ 1 << bit));
        self.slots().into_iter().flat_map(near).collect()
    }

    /// How many bits differ.
    #[must_use]
    pub fn distance(self, other: Self) -> u32 {
        (self.0 ^ other.0).count_ones()
    }
}

impl LargeHash {
    /// Its bits, in order.
    pub(crate) fn bytes(self) -> [u8; 32] {
        let mut bytes = [0; 32];
        for (into, word) in bytes.chunks_exact_mut(8).zip(self.0) {
            into.copy_from_slice(&word.to_be_bytes());
        }
        bytes
    }

    /// How many bits differ.
    #[must_use]
    pub fn distance(self, other: Self) -> u32 {
        self.0.iter().zip(other.0).map(|(one, other)| (one ^ other).count_ones()).sum()
    }
}

impl From<SmallHash> for String {
    fn from(hash: SmallHash) -> Self {
        format!("{:016x}", hash.0)
    }
}

impl TryFrom<String> for SmallHash {
    type Error = std::num::ParseIntError;

    fn try_from(digits: String) -> Result<Self, Self::Error> {
        u64::from_str_radix(&digits, 16).map(Self)
    }
}

impl From<LargeHash> for String {
    fn from(hash: LargeHash) -> Self {
        hash.0.iter().map(|word| format!("{word:016x}")).collect()
    }
}

impl TryFrom<String> for LargeHash {
    type Error = std::num::ParseIntError;

    fn try_from(digits: String) -> Result<Self, Self::Error> {
        let mut words = [0; 4];
        for (at, word) in words.iter_mut().enumerate() {
            let of_word = digits.get(at * 16..(at + 1) * 16).unwrap_or_default();
            *word = u64::from_str_radix(of_word, 16)?;
        }
        Ok(Self(words))
    }
}

/// Variance of the Laplacian: sharp edges answer strongly, a smear does not.
fn sharpness(grey: &Grey) -> f64 {
    let (width, height) = (grey.width, grey.height);
    if width < 3 || height < 3 {
        return 0.0;
    }
    let (mut sum, mut squares) = (0_i64, 0_i64);
    for y in 1..height - 1 {
        let row = |y: usize| &grey.pixels[y * width..(y + 1) * width];
        let (above, at, below) = (row(y - 1), row(y), row(y + 1));
        let (mut row_sum, mut row_squares) = (0_i32, 0_i64);
        for x in 1..width - 1 {
            let around = i32::from(above[x])
                + i32::from(below[x])
                + i32::from(at[x - 1])
                + i32::from(at[x + 1]);
            let edge = around - 4 * i32::from(at[x]);
            row_sum += edge;
            row_squares += i64::from(edge * edge);
        }
        sum += i64::from(row_sum);
        squares += row_squares;
    }
    let count = f64_of((width as i64 - 2) * (height as i64 - 2));
    let mean = f64_of(sum) / count;
    f64_of(squares) / count - mean * mean
}

#[expect(clippy::cast_precision_loss, reason = "a measure, not an account")]
fn f64_of(number: i64) -> f64 {
    number as f64
}

/// A tile has this many pixels a side.
const SIDE: usize = 64;

/// The `N`×`N` lowest waves of a picture (discrete cosine transform), without its mean light.
fn waves<const N: usize>(tile: &[f32]) -> Vec<f32> {
    let mut cosines = [[0.0_f32; SIDE]; N];
    for (frequency, row) in cosines.iter_mut().enumerate() {
        for (at, cosine) in row.iter_mut().enumerate() {
            let phase = PI * f32_of(2 * at + 1) * f32_of(frequency + 1) / f32_of(2 * SIDE);
            *cosine = phase.cos();
        }
    }
    let across: Vec<[f32; N]> = tile
        .chunks_exact(SIDE)
        .map(|row| {
            let wave = |of: &[f32; SIDE]| of.iter().zip(row).map(|(one, light)| one * light).sum();
            std::array::from_fn(|frequency| wave(&cosines[frequency]))
        })
        .collect();
    let mut waves = Vec::with_capacity(N * N);
    for down in &cosines {
        for frequency in 0..N {
            waves.push(down.iter().zip(&across).map(|(one, row)| one * row[frequency]).sum());
        }
    }
    waves
}

/// The whole picture by averages, whatever its shape.
fn tile(grey: &Grey, orientation: u8) -> Vec<f32> {
    let (width, height) = (grey.width, grey.height);
    let part =
        |at: usize, of: usize| at * of / SIDE..((at + 1) * of / SIDE).max(at * of / SIDE + 1);
    let mut tile = Vec::with_capacity(SIDE * SIDE);
    for y in 0..SIDE {
        for x in 0..SIDE {
            let (mut sum, mut count) = (0_usize, 0_usize);
            for row in part(y, height) {
                let row = &grey.pixels[row.min(height - 1) * width..][..width];
                let columns = part(x, width);
                let columns = columns.start.min(width - 1)..columns.end.min(width);
                count += columns.len();
                sum += row[columns].iter().map(|light| usize::from(*light)).sum::<usize>();
            }
            tile.push(f32_of(sum) / f32_of(count.max(1)));
        }
    }
    let upright = (0..SIDE * SIDE).map(|at| {
        let (x, y) = before_turning(orientation, (at % SIDE, at / SIDE), (SIDE, SIDE));
        tile[y * SIDE + x]
    });
    upright.collect()
}

#[expect(clippy::cast_precision_loss, reason = "a few thousand at most, or a sum that is averaged")]
fn f32_of(number: usize) -> f32 {
    number as f32
}

/// One bit a wave: whether it is above the middle one.
fn bits<const N: usize>(waves: &[f32]) -> Vec<u64> {
    let mut sorted = waves.to_vec();
    sorted.sort_by(f32::total_cmp);
    let middle = f32::midpoint(sorted[N * N / 2 - 1], sorted[N * N / 2]);
    let word = |waves: &[f32]| {
        waves.iter().fold(0_u64, |word, wave| word << 1 | u64::from(*wave > middle))
    };
    waves.chunks(64).map(word).collect()
}
