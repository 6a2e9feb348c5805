//! Enrolment: how the server comes to know the key of a device.
//!
//! A supervisor makes an [`Invitation`] and shows it as a QR code; the phone reads from it where the
//! server is, the code that works once, and by which fingerprint it knows the log. Then it registers
//! its key, and proves that it has the secret half by signing what it asks for. Later it may replace
//! the key by another, which both keys sign.

use super::device_key::DeviceKey;
use super::note::Verifier;
use crate::canonical::Hash;
use crate::ids::DeviceId;
use std::fmt;

/// The first word of an invitation.
const HEADER: &str = "saolou-enrolment/1";
/// What stands first in what is signed.
const SIGNED_PREFIX: &str = "saolou-device-key/v1";

/// What a QR code at the desk says: four words between spaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// Where the server is, `https://…`, without a space.
    pub server: String,
    /// The code that works once.
    pub code: String,
    /// [`log_fingerprint`] of the newest key of the evidence log.
    pub log: Hash,
}

impl Invitation {
    /// Reads an invitation; `None` for any other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        (words.next()? == HEADER).then_some(())?;
        let (server, code) = (words.next()?.to_owned(), words.next()?.to_owned());
        let log = Hash::parse(words.next()?)?;
        let is_whole = words.next().is_none() && !server.is_empty() && !code.is_empty();
        is_whole.then_some(Self { server, code, log })
    }
}

impl fmt::Display for Invitation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{HEADER} {} {} {}", self.server, self.code, self.log)
    }
}

/// What a key of the log is compared by: SHA-256 of its text `name+id+key`.
#[must_use]
pub fn log_fingerprint(key: &Verifier) -> Hash {
    Hash::of(key.to_string().as_bytes())
}

/// What a device signs with a key that it registers by a code.
#[must_use]
pub fn enrolled_bytes(code: &str, device: DeviceId, key: &DeviceKey) -> Vec<u8> {
    signed(&format!("enrol {code}"), device, key)
}

/// What a device signs with its present key and with the next one, where that replaces it.
#[must_use]
pub fn rotated_bytes(before: &DeviceKey, device: DeviceId, key: &DeviceKey) -> Vec<u8> {
    signed(&format!("replace {}", before.fingerprint()), device, key)
}

fn signed(why: &str, device: DeviceId, key: &DeviceKey) -> Vec<u8> {
    format!("{SIGNED_PREFIX}\n{why}\ndevice {device}\nkey {key}\n").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invitation_is_read_as_it_was_written_and_nothing_else_is_one() {
        let (server, code) = ("https://a.example".to_owned(), "ABCD-EFGH".to_owned());
        let invitation = Invitation { server, code, log: Hash::of(b"key") };
        let text = invitation.to_string();
        assert_eq!(Invitation::parse(&text), Some(invitation));
        for other in
            ["", "https://a.example", &text[1..], &text[..text.len() - 1], &(text.clone() + " x")]
        {
            assert_eq!(Invitation::parse(other), None, "{other}");
        }
    }
}
