//! Canonical JSON (RFC 8785) and the SHA-256 that an op is known by.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value};
use sha2::{Digest, Sha256};
use std::fmt;

/// A SHA-256 digest, 64 lowercase hexadecimal digits on the wire.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// The digest of some bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Reads 64 hexadecimal digits of either case; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return None;
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let high = char::from(pair[0]).to_digit(16)?;
            let low = char::from(pair[1]).to_digit(16)?;
            *byte = u8::try_from(high * 16 + low).ok()?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Hash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("expected 64 hexadecimal digits"))
    }
}

/// The canonical form of a JSON object: sorted keys, no spaces, shortest numbers (RFC 8785 §3.2).
#[must_use]
pub fn canonical(object: &Map<String, Value>) -> Vec<u8> {
    let mut canonical = Vec::with_capacity(BYTES_USUAL);
    write_object(object, &mut canonical);
    canonical
}

/// Makes the numbers of an object those that are read back from its canonical form: `7.0` and `7`
/// have one hash, so they must mean one thing, today and when the op is read from the store.
pub fn settle_numbers(object: &mut Map<String, Value>) {
    object.values_mut().for_each(settle);
}

/// Bytes that most ops have room in.
const BYTES_USUAL: usize = 4096;
/// Beyond these whole numbers a JSON number is not exact (RFC 8785 §3.2.2.3).
const EXACT_MAX: i64 = 1 << 53;
const WRITABLE: &str = "a parsed JSON value always has a canonical form";

fn write_object(object: &Map<String, Value>, canonical: &mut Vec<u8>) {
    canonical.push(b'{');
    // Members stand in the order of their bytes; the canonical order is that of UTF-16 (§3.2.3),
    // which is another one only where a key is not ASCII.
    let is_ordered = object.keys().all(|key| key.is_ascii()) && object.keys().is_sorted();
    if is_ordered {
        write_members(object.iter(), canonical);
    } else {
        let mut members: Vec<(&String, &Value)> = object.iter().collect();
        members.sort_by(|(one, _), (other, _)| one.encode_utf16().cmp(other.encode_utf16()));
        write_members(members.into_iter(), canonical);
    }
    canonical.push(b'}');
}

fn write_members<'a>(
    members: impl Iterator<Item = (&'a String, &'a Value)>,
    canonical: &mut Vec<u8>,
) {
    for (place, (key, value)) in members.enumerate() {
        if place > 0 {
            canonical.push(b',');
        }
        serde_json::to_writer(&mut *canonical, key).expect(WRITABLE);
        canonical.push(b':');
        write(value, canonical);
    }
}

fn write(value: &Value, canonical: &mut Vec<u8>) {
    match value {
        Value::Object(object) => write_object(object, canonical),
        Value::Array(list) => {
            canonical.push(b'[');
            for (place, value) in list.iter().enumerate() {
                if place > 0 {
                    canonical.push(b',');
                }
                write(value, canonical);
            }
            canonical.push(b']');
        }
        Value::Number(number) if !is_exact(number) => {
            serde_json_canonicalizer::to_writer(number, canonical).expect(WRITABLE);
        }
        plain => serde_json::to_writer(canonical, plain).expect(WRITABLE),
    }
}

fn settle(value: &mut Value) {
    match value {
        Value::Object(object) => settle_numbers(object),
        Value::Array(list) => list.iter_mut().for_each(settle),
        Value::Number(number) if !is_exact(number) => {
            let canonical = serde_json_canonicalizer::to_vec(number).expect(WRITABLE);
            *value = serde_json::from_slice(&canonical).expect("a canonical number is a number");
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Whether it is a whole number that is written as it is and read back as the same.
fn is_exact(number: &Number) -> bool {
    number.as_i64().is_some_and(|number| (-EXACT_MAX..=EXACT_MAX).contains(&number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// JSON of any shape, with numbers and keys that the canonical form treats in ways of their own.
    fn any_json() -> impl Strategy<Value = Value> {
        let text = prop_oneof![
            "[a-z_]{0,8}",
            ".{0,6}",
            Just("\u{e000}".to_owned()),
            Just("\u{10000}\u{7f}\u{1f}\"\\".to_owned()),
        ];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            (-1000..1000_i64).prop_map(|n| Value::from(n as f64)),
            (-1000..1000_i64).prop_map(Value::from),
            Just(Value::from(-0.0)),
            Just(Value::from(1e19)),
            text.clone().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, move |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                proptest::collection::btree_map(text.clone(), inner, 0..6)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_canonical_form_is_that_of_the_standard(content in any_json()) {
            let object = Map::from_iter([("\u{ffff}".to_owned(), content)]);
            let expected = serde_json_canonicalizer::to_vec(&object).expect("JSON");
            prop_assert_eq!(canonical(&object), expected);
        }

        #[test]
        fn what_was_settled_is_what_is_read_back(content in any_json()) {
            let mut object = Map::from_iter([("of".to_owned(), content)]);
            let read_back: Map<String, Value> =
                serde_json::from_slice(&canonical(&object)).expect("JSON");
            settle_numbers(&mut object);
            prop_assert_eq!(object, read_back);
        }
    }
}
