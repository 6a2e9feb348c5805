//! Signed notes (C2SP `signed-note`): text, a blank line, and lines of signatures.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};
use std::fmt;

/// Largest note that is read, in bytes.
pub const NOTE_BYTES_MAX: usize = 64 * 1024;

/// The type byte of plain Ed25519 signatures.
const ED25519: u8 = 0x01;
/// The type byte of cosignatures with a time (C2SP `tlog-cosignature`).
const COSIGNATURE: u8 = 0x04;

/// What a signature states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The log signs its own notes.
    Log,
    /// A witness states when it saw a checkpoint that is consistent with all that it saw before.
    Witness,
}

impl Purpose {
    const fn byte(self) -> u8 {
        match self {
            Self::Log => ED25519,
            Self::Witness => COSIGNATURE,
        }
    }
}

/// A named key that signs.
#[derive(Clone)]
pub struct Signer {
    name: String,
    purpose: Purpose,
    key: SigningKey,
}

/// A named key that verifies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verifier {
    name: String,
    purpose: Purpose,
    key: VerifyingKey,
}

/// A note that was read; nothing about it is proved yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// What is signed, with its final newline.
    pub text: String,
    /// The signature lines, in order.
    pub signatures: Vec<SignatureLine>,
}

/// A line `— name base64(key id ‖ signature)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureLine {
    /// Name of the key.
    pub name: String,
    key_id: [u8; 4],
    signature: Vec<u8>,
}

/// What a key says of a note.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It signed; a witness also says when, in seconds since 1970.
    Signed(Option<u64>),
    /// There is a signature under its name and id that does not verify.
    Forged,
    /// There is none.
    Absent,
}

/// Whether a text may name a key: not empty, no spaces, no `+`, no control characters.
#[must_use]
pub fn is_key_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c == '+' || c.is_control())
}

fn key_id(name: &str, purpose: Purpose, key: &VerifyingKey) -> [u8; 4] {
    let mut hasher = Sha256::new();
    hasher.update(name);
    hasher.update(b"\n");
    hasher.update([purpose.byte()]);
    hasher.update(key.as_bytes());
    let digest: [u8; 32] = hasher.finalize().into();
    [digest[0], digest[1], digest[2], digest[3]]
}

impl Signer {
    /// A key from its 32 secret bytes; `None` where the name may not be one.
    #[must_use]
    pub fn new(name: &str, purpose: Purpose, secret: &[u8; 32]) -> Option<Self> {
        let key = SigningKey::from_bytes(secret);
        is_key_name(name).then(|| Self { name: name.to_owned(), purpose, key })
    }

    /// The public half.
    #[must_use]
    pub fn verifier(&self) -> Verifier {
        let (name, key) = (self.name.clone(), self.key.verifying_key());
        Verifier { name, purpose: self.purpose, key }
    }

    /// The name it signs under.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Signs a text as a log.
    #[must_use]
    pub fn sign(&self, text: &str) -> SignatureLine {
        self.line(self.key.sign(text.as_bytes()).to_bytes().to_vec())
    }

    /// Cosigns the text of a checkpoint as a witness, at a time in seconds since 1970.
    #[must_use]
    pub fn cosign(&self, text: &str, at_s: u64) -> SignatureLine {
        let signature = self.key.sign(cosigned(text, at_s).as_bytes()).to_bytes();
        self.line([&at_s.to_be_bytes()[..], &signature].concat())
    }

    fn line(&self, signature: Vec<u8>) -> SignatureLine {
        let key_id = key_id(&self.name, self.purpose, &self.key.verifying_key());
        SignatureLine { name: self.name.clone(), key_id, signature }
    }
}

/// What a witness signs (C2SP `tlog-cosignature`, Ed25519 signed message).
fn cosigned(text: &str, at_s: u64) -> String {
    format!("cosignature/v1\ntime {at_s}\n{text}")
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.name)
    }
}

impl Verifier {
    /// Reads `name+id+base64(type ‖ key)`; `None` where the form, the id or the key is wrong.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (name, rest) = text.trim().split_once('+')?;
        let (id, encoded) = rest.split_once('+')?;
        let bytes = STANDARD.decode(encoded).ok()?;
        let (kind, key) = bytes.split_first()?;
        let purpose = match *kind {
            ED25519 => Purpose::Log,
            COSIGNATURE => Purpose::Witness,
            _ => return None,
        };
        let key = VerifyingKey::from_bytes(key.try_into().ok()?).ok()?;
        let verifier = Self { name: name.to_owned(), purpose, key };
        (is_key_name(name) && verifier.id_hex() == id).then_some(verifier)
    }

    /// The name of the key.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it states when it signs.
    #[must_use]
    pub const fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// What this key says of a note. Signatures of other keys are ignored.
    #[must_use]
    pub fn verdict(&self, note: &Note) -> Verdict {
        let id = key_id(&self.name, self.purpose, &self.key);
        let mut verdict = Verdict::Absent;
        for line in &note.signatures {
            if line.name == self.name && line.key_id == id {
                match self.check(&note.text, &line.signature) {
                    Some(at_s) => verdict = Verdict::Signed(at_s),
                    None => return Verdict::Forged,
                }
            }
        }
        verdict
    }

    /// Whether this key signed a note.
    #[must_use]
    pub fn has_signed(&self, note: &Note) -> bool {
        matches!(self.verdict(note), Verdict::Signed(_))
    }

    fn check(&self, text: &str, signature: &[u8]) -> Option<Option<u64>> {
        let (message, signature, at_s) = match self.purpose {
            Purpose::Log => (text.to_owned(), signature, None),
            Purpose::Witness => {
                let (at_s, signature) = signature.split_first_chunk::<8>()?;
                let at_s = u64::from_be_bytes(*at_s);
                (cosigned(text, at_s), signature, Some(at_s))
            }
        };
        let signature = ed25519_dalek::Signature::from_slice(signature).ok()?;
        self.key.verify_strict(message.as_bytes(), &signature).is_ok().then_some(at_s)
    }

    fn id_hex(&self) -> String {
        format!("{:08x}", u32::from_be_bytes(key_id(&self.name, self.purpose, &self.key)))
    }
}

/// The form that [`Verifier::parse`] reads (`vkey`).
impl fmt::Display for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = [&[self.purpose.byte()][..], self.key.as_bytes()].concat();
        write!(f, "{}+{}+{}", self.name, self.id_hex(), STANDARD.encode(key))
    }
}

impl Note {
    /// A note with one signature.
    #[must_use]
    pub fn signed(text: String, signer: &Signer) -> Self {
        let signatures = vec![signer.sign(&text)];
        Self { text, signatures }
    }

    /// Reads a note: at least one signature, no control characters but newlines.
    #[must_use]
    pub fn parse(note: &str) -> Option<Self> {
        let is_odd = |c: char| c.is_ascii_control() && c != '\n';
        if note.len() > NOTE_BYTES_MAX || note.contains(is_odd) {
            return None;
        }
        let (text, lines) = note.rsplit_once("\n\n")?;
        let lines = lines.strip_suffix('\n')?;
        let signatures: Option<Vec<_>> = lines.split('\n').map(SignatureLine::parse).collect();
        Some(Self { text: format!("{text}\n"), signatures: signatures? })
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl SignatureLine {
    /// Reads a line without its newline.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        let (name, encoded) = line.strip_prefix("— ")?.split_once(' ')?;
        let bytes = STANDARD.decode(encoded).ok()?;
        let (key_id, signature) = bytes.split_first_chunk::<4>()?;
        (is_key_name(name) && !signature.is_empty()).then(|| Self {
            name: name.to_owned(),
            key_id: *key_id,
            signature: signature.to_vec(),
        })
    }
}

impl fmt::Display for SignatureLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&self.key_id[..], &self.signature].concat();
        write!(f, "— {} {}", self.name, STANDARD.encode(bytes))
    }
}
