//! The cursor as a phone keeps it: opaque and authenticated, so that nobody can read his way around
//! the scope or crash the server with a made-up one.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use saolou_protocol::engine::pull::Cursor;
use sha2::Sha256;

/// Longest cursor that is looked at, in characters.
const CURSOR_CHARS_MAX: usize = 1024 * 1024;
const MAC_BYTES: usize = 16;
/// Keeps the seals of texts apart from those of cursors.
const TICKET: &[u8] = b"ticket:";

/// The text that a phone keeps.
pub(crate) fn seal(cursor: &Cursor, key: &[u8]) -> String {
    let content = serde_json::to_vec(cursor).expect("ids and numbers are always writable");
    let mut bytes = mac(key, &content);
    bytes.extend_from_slice(&content);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads a cursor. One that is too long, damaged, forged or of another server is none: the phone
/// gets everything again, and nothing that it has not sent is touched.
pub(crate) fn open(text: &str, key: &[u8]) -> Option<Cursor> {
    if text.len() > CURSOR_CHARS_MAX {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (mac_shown, content) = bytes.split_at_checked(MAC_BYTES)?;
    keyed(key).chain_update(content).verify_truncated_left(mac_shown).ok()?;
    serde_json::from_slice(content).ok()
}

/// Seals a text like a cursor: whoever holds it can neither read a secret out of it nor change it.
pub(crate) fn seal_text(content: &[u8], key: &[u8]) -> String {
    let mut bytes = mac(key, &[TICKET, content].concat());
    bytes.extend_from_slice(content);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// What was sealed; `None` where it is damaged or forged, or is a cursor.
pub(crate) fn open_sealed(text: &str, key: &[u8]) -> Option<Vec<u8>> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (mac_shown, content) = bytes.split_at_checked(MAC_BYTES)?;
    let mac = keyed(key).chain_update(TICKET).chain_update(content);
    mac.verify_truncated_left(mac_shown).ok()?;
    Some(content.to_vec())
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
    use saolou_protocol::ids::BuildingId;
    use uuid::Uuid;

    const KEY: &[u8] = b"a key";

    fn cursor() -> Cursor {
        let mut cursor = Cursor::start(Uuid::from_u128(7));
        cursor.read.insert(BuildingId(Uuid::from_u128(1)), 42);
        cursor
    }

    #[test]
    fn a_cursor_survives_the_round_trip() {
        assert_eq!(open(&seal(&cursor(), KEY), KEY), Some(cursor()));
    }

    #[test]
    fn cursors_that_are_forged_damaged_or_of_another_server_are_none() {
        let good = seal(&cursor(), KEY);
        let of_another_key = seal(&cursor(), b"another key");
        let mut damaged = good.clone();
        damaged.replace_range(40..41, if damaged.as_bytes()[40] == b'A' { "B" } else { "A" });
        for text in ["", "!", "AAAA", &of_another_key, &damaged, &good[..good.len() - 2]] {
            assert_eq!(open(text, KEY), None, "{text}");
        }
    }
}
