//! Digests: whether two replicas of a bucket hold the same bytes.
//!
//! A digest detects accidents — a row lost, a byte flipped, a page half applied — not attackers: who
//! can choose rows freely can make sums equal. It always ends in repair, never in a block.

use crate::canonical::Hash;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use std::fmt;
use uuid::Uuid;

/// How many sub-sums there are: one for each first byte of the hash of a row's key.
pub const SUMS_LEN: usize = 256;

/// A number modulo 2²⁵⁶, big-endian; as JSON 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Sum([u8; 32]);

/// The digest of a set of rows: how many, and Σ SHA-256(key ‖ SHA-256(bytes as served)) mod 2²⁵⁶.
/// Sums can be kept by difference, and digests of several buckets added up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Digest {
    /// How many rows.
    pub count: u64,
    /// The sum over their hashes.
    pub sum: Sum,
}

/// The sub-sums of a bucket, by the first byte of the hash of the key; as JSON a list of 256, a
/// zero being an empty text.
#[derive(Clone, PartialEq, Eq)]
pub struct Sums(Box<[Sum; SUMS_LEN]>);

/// The key of a row within its bucket: its kind, a zero byte, its id.
fn key(kind: &str, id: Uuid) -> Vec<u8> {
    let mut key = Vec::with_capacity(kind.len() + 1 + 16 + 32);
    key.extend_from_slice(kind.as_bytes());
    key.push(0);
    key.extend_from_slice(id.as_bytes());
    key
}

/// Which sub-sum a row belongs to: the first byte of SHA-256(key).
#[must_use]
pub fn first_byte(kind: &str, id: Uuid) -> u8 {
    Hash::of(&key(kind, id)).0[0]
}

/// What a row adds to a sum: SHA-256(key ‖ SHA-256(bytes as served)).
#[must_use]
pub fn term(kind: &str, id: Uuid, body: Hash) -> Sum {
    let mut bytes = key(kind, id);
    bytes.extend_from_slice(&body.0);
    Sum(Hash::of(&bytes).0)
}

impl Sum {
    /// Adds modulo 2²⁵⁶.
    pub fn add(&mut self, other: &Self) {
        let mut carry = 0u16;
        for (digit, more) in self.0.iter_mut().zip(&other.0).rev() {
            carry += u16::from(*digit) + u16::from(*more);
            *digit = carry.to_be_bytes()[1];
            carry >>= 8;
        }
    }

    /// Subtracts modulo 2²⁵⁶.
    pub fn sub(&mut self, other: &Self) {
        let mut borrow = 0i16;
        for (digit, less) in self.0.iter_mut().zip(&other.0).rev() {
            let difference = i16::from(*digit) - i16::from(*less) - borrow;
            borrow = i16::from(difference < 0);
            *digit = difference.to_be_bytes()[1];
        }
    }

    /// Its 32 bytes, big-endian.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// A sum of 32 bytes, big-endian.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl Digest {
    /// Adds a row.
    pub fn add_row(&mut self, term: &Sum) {
        self.count += 1;
        self.sum.add(term);
    }

    /// Takes a row away that was added.
    pub fn remove_row(&mut self, term: &Sum) {
        self.count = self.count.wrapping_sub(1);
        self.sum.sub(term);
    }

    /// Adds the digest of other rows.
    pub fn add(&mut self, other: &Self) {
        self.count += other.count;
        self.sum.add(&other.sum);
    }
}

impl Sums {
    /// The sub-sums of rows: kind, id, hash of the bytes as served.
    #[must_use]
    pub fn of<'a>(rows: impl IntoIterator<Item = (&'a str, Uuid, Hash)>) -> Self {
        let mut sums = Box::new([Sum::default(); SUMS_LEN]);
        for (kind, id, body) in rows {
            sums[usize::from(first_byte(kind, id))].add(&term(kind, id, body));
        }
        Self(sums)
    }

    /// The first bytes under which two replicas differ.
    #[must_use]
    pub fn differing(&self, other: &Self) -> Vec<u8> {
        (0..=u8::MAX)
            .filter(|byte| self.0[usize::from(*byte)] != other.0[usize::from(*byte)])
            .collect()
    }
}

impl fmt::Debug for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Hash(self.0))
    }
}

impl fmt::Debug for Sums {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter()).finish()
    }
}

impl Serialize for Sum {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if *self == Self::default() {
            return serializer.serialize_str("");
        }
        serializer.collect_str(&Hash(self.0))
    }
}

impl<'de> Deserialize<'de> for Sum {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.is_empty() {
            return Ok(Self::default());
        }
        let hash =
            Hash::parse(&text).ok_or_else(|| D::Error::custom("expected 64 hexadecimal digits"))?;
        Ok(Self(hash.0))
    }
}

impl Serialize for Sums {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter())
    }
}

impl<'de> Deserialize<'de> for Sums {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let sums = Vec::<Sum>::deserialize(deserializer)?;
        let sums: Box<[Sum; SUMS_LEN]> = sums
            .into_boxed_slice()
            .try_into()
            .map_err(|_| D::Error::custom("expected 256 sums"))?;
        Ok(Self(sums))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(range: std::ops::Range<u128>) -> Vec<(&'static str, Uuid, Hash)> {
        range.map(|n| ("office", Uuid::from_u128(n), Hash::of(&n.to_be_bytes()))).collect()
    }

    fn digest(rows: &[(&'static str, Uuid, Hash)]) -> Digest {
        let mut digest = Digest::default();
        rows.iter().for_each(|(kind, id, body)| digest.add_row(&term(kind, *id, *body)));
        digest
    }

    #[test]
    fn a_digest_kept_by_difference_is_that_of_what_is_left() {
        let mut kept = digest(&rows(0..500));
        for (kind, id, body) in rows(100..400) {
            kept.remove_row(&term(kind, id, body));
        }
        let mut left = digest(&rows(0..100));
        left.add(&digest(&rows(400..500)));
        assert_eq!(kept, left);
        assert_ne!(kept, digest(&rows(0..200)));
    }

    #[test]
    fn carries_and_borrows_run_through_all_digits() {
        let mut one = [0; 32];
        one[31] = 1;
        let (one, most) = (Sum(one), Sum([0xff; 32]));
        let mut sum = most;
        sum.add(&one);
        assert_eq!(sum, Sum::default());
        sum.sub(&one);
        assert_eq!(sum, most);
    }

    #[test]
    fn sub_sums_find_the_rows_that_differ() {
        let (mut ours, theirs) = (rows(0..300), rows(0..300));
        ours[7].2 = Hash::of(b"another body");
        ours.remove(200);
        let expected: std::collections::BTreeSet<u8> =
            [7, 200].map(|n| first_byte("office", Uuid::from_u128(n))).into();
        let found = Sums::of(ours).differing(&Sums::of(theirs));
        assert_eq!(found, expected.into_iter().collect::<Vec<u8>>());
    }

    #[test]
    fn sums_survive_the_wire() {
        let sums = Sums::of(rows(0..20));
        let text = serde_json::to_string(&sums).expect("sums are writable");
        assert_eq!(serde_json::from_str::<Sums>(&text).expect("and readable"), sums);
        assert!(serde_json::from_str::<Sums>("[\"\"]").is_err());
    }
}
