//! The key of a device: made in its secure element, never leaving it, known to the server by its
//! public half.

use crate::canonical::Hash;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use ed25519_dalek::Verifier as _;
use std::fmt;

/// The public key of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeviceKey {
    /// Ed25519 (RFC 8032).
    Ed25519(ed25519_dalek::VerifyingKey),
    /// ECDSA over P-256 with SHA-256, which secure elements of phones speak (ES256, RFC 7518 §3.4).
    Es256(p256::ecdsa::VerifyingKey),
}

/// What stands before the 32 bytes of an Ed25519 key in a `SubjectPublicKeyInfo` (RFC 8410 §4).
const ED25519_SPKI: [u8; 12] =
    [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
/// What stands before the 65 bytes of an uncompressed P-256 point in one (RFC 5480 §2).
const P256_SPKI: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

impl DeviceKey {
    /// Reads a key as platforms export it: `SubjectPublicKeyInfo` in DER, the 32 bytes of an Ed25519
    /// key, or a point of P-256 (65 bytes, or 33 compressed). `None` for anything else.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        if let Some(point) = bytes.strip_prefix(&P256_SPKI) {
            return Self::from_point(point);
        }
        let raw = bytes.strip_prefix(&ED25519_SPKI).unwrap_or(bytes);
        match raw.try_into() {
            Ok(raw) => ed25519_dalek::VerifyingKey::from_bytes(raw).ok().map(Self::Ed25519),
            Err(_) => Self::from_point(raw),
        }
    }

    /// SHA-256 of the key's bytes, 32 or 65 of them: what the log and people name it by.
    #[must_use]
    pub fn fingerprint(&self) -> Hash {
        match self {
            Self::Ed25519(key) => Hash::of(key.as_bytes()),
            Self::Es256(key) => Hash::of(key.to_encoded_point(false).as_bytes()),
        }
    }

    /// `ed25519` or `es256`.
    #[must_use]
    pub const fn algorithm(&self) -> &'static str {
        match self {
            Self::Ed25519(_) => "ed25519",
            Self::Es256(_) => "es256",
        }
    }

    fn from_point(point: &[u8]) -> Option<Self> {
        p256::ecdsa::VerifyingKey::from_sec1_bytes(point).ok().map(Self::Es256)
    }

    /// Reads the same bytes in base64, of either alphabet, padded or not.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::from_bytes(&from_base64(text)?)
    }

    /// Whether this key signed a message. A P-256 signature may be the 64 bytes of JWS or DER.
    #[must_use]
    pub fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            // Strict: a signature that only some implementations accept proves nothing in court.
            Self::Ed25519(key) => ed25519_dalek::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify_strict(message, &signature).is_ok()),
            Self::Es256(key) => p256::ecdsa::Signature::from_slice(signature)
                .or_else(|_| p256::ecdsa::Signature::from_der(signature))
                .is_ok_and(|signature| key.verify(message, &signature).is_ok()),
        }
    }
}

/// The key as [`DeviceKey::parse`] reads it: raw bytes or point, in base64url without padding.
impl fmt::Display for DeviceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Ed25519(key) => URL_SAFE_NO_PAD.encode(key.as_bytes()),
            Self::Es256(key) => URL_SAFE_NO_PAD.encode(key.to_encoded_point(false)),
        };
        f.write_str(&text)
    }
}

/// Base64 of either alphabet, padded or not.
pub fn from_base64(text: &str) -> Option<Vec<u8>> {
    [STANDARD, URL_SAFE, STANDARD_NO_PAD, URL_SAFE_NO_PAD]
        .iter()
        .find_map(|alphabet| alphabet.decode(text).ok())
}
