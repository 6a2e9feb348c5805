//! The cursor: how far a phone has read each bucket. Opaque to phones and authenticated, so that
//! nobody can read his way around the scope or crash the server with a made-up one.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use std::collections::BTreeMap;
use uuid::Uuid;

/// Longest cursor that is looked at, in characters.
const CURSOR_CHARS_MAX: usize = 1024 * 1024;
const MAC_BYTES: usize = 16;

/// What a cursor holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cursor {
    /// The incarnation of the server's data that the numbers belong to.
    pub(crate) epoch: Uuid,
    /// The last number read, by bucket.
    pub(crate) read: BTreeMap<Uuid, i64>,
}

impl Cursor {
    /// The cursor of a phone that has read nothing.
    pub(crate) fn start(epoch: Uuid) -> Self {
        Self { epoch, read: BTreeMap::new() }
    }

    /// The text that a phone keeps.
    pub(crate) fn seal(&self, key: &[u8]) -> String {
        let content = serde_json::to_vec(self).expect("ids and numbers are always writable");
        let mut bytes = mac(key, &content);
        bytes.extend_from_slice(&content);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads a cursor. One that is too long, damaged, forged or of another epoch starts anew: the
    /// phone gets everything again, and nothing that it has not sent is touched.
    pub(crate) fn open(text: &str, key: &[u8], epoch: Uuid) -> Self {
        Self::read(text, key)
            .filter(|cursor| cursor.epoch == epoch)
            .unwrap_or_else(|| Self::start(epoch))
    }

    fn read(text: &str, key: &[u8]) -> Option<Self> {
        if text.len() > CURSOR_CHARS_MAX {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (mac_shown, content) = bytes.split_at_checked(MAC_BYTES)?;
        keyed(key).chain_update(content).verify_truncated_left(mac_shown).ok()?;
        serde_json::from_slice(content).ok()
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length")
}

fn mac(key: &[u8], content: &[u8]) -> Vec<u8> {
    let full = keyed(key).chain_update(content).finalize().into_bytes();
    full[..MAC_BYTES].to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &[u8] = b"a key";

    fn cursor() -> Cursor {
        Cursor { epoch: Uuid::from_u128(7), read: BTreeMap::from([(Uuid::from_u128(1), 42)]) }
    }

    #[test]
    fn a_cursor_survives_the_round_trip() {
        assert_eq!(Cursor::open(&cursor().seal(KEY), KEY, Uuid::from_u128(7)), cursor());
    }

    #[test]
    fn cursors_that_are_forged_damaged_or_of_another_server_start_anew() {
        let fresh = Cursor::start(Uuid::from_u128(7));
        let good = cursor().seal(KEY);
        let of_another_key = cursor().seal(b"another key");
        let mut damaged = good.clone();
        damaged.replace_range(40..41, if damaged.as_bytes()[40] == b'A' { "B" } else { "A" });
        for text in ["", "!", "AAAA", &of_another_key, &damaged, &good[..good.len() - 2]] {
            assert_eq!(Cursor::open(text, KEY, Uuid::from_u128(7)), fresh, "{text}");
        }
        assert_eq!(Cursor::open(&good, KEY, Uuid::from_u128(8)), Cursor::start(Uuid::from_u128(8)));
    }
}
