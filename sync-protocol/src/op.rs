//! The op: an immutable fact or decision, made once, by one author on one device.

use crate::canonical::{Hash, canonical, settle_numbers};
use crate::ids::{BuildingId, DeviceId, GroupId, OpId, UserId};
use crate::time::Captured;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use uuid::Uuid;

/// Largest op, in bytes of JSON as sent. A visit with thirty employees takes about 60 KB.
pub const OP_BYTES_MAX: usize = 256 * 1024;
/// Most ops that one group may hold.
pub const GROUP_LEN_MAX: u32 = 64;
/// Most op ids in one `seen`.
pub const SEEN_MAX: usize = 4096;
/// Largest counter: beyond it JSON numbers are no longer exact (RFC 8785 §3.2.2.3).
pub const COUNTER_MAX: u64 = (1 << 53) - 1;

/// An op as its author made it.
#[derive(Clone, Debug, PartialEq)]
pub struct Op {
    /// Minted once at capture, before the screen says "saved".
    pub op_id: OpId,
    /// The device incarnation that made it.
    pub device: DeviceId,
    /// Position in that device's outbox: contiguous from 1; 0 where the desk made it.
    pub n: u64,
    /// Who made it; nobody else may send it as his own.
    pub author: UserId,
    /// The group that it applies with, where it belongs to one.
    pub group: Option<Group>,
    /// What it says: `visit`, `office_add`, … Unknown kinds are kept.
    pub kind: String,
    /// What it is about.
    pub subject: Subject,
    /// The bucket, that is the building, it belongs to.
    pub bucket: BuildingId,
    /// Kind and version of the body, for instance `visit/1`.
    pub schema: String,
    /// When and by which clocks it was captured.
    pub captured: Captured,
    /// The scope that the phone held when it was captured.
    pub scope_version: u64,
    /// The op ids that its author's screen showed for the subject.
    pub seen: Vec<OpId>,
    /// What it says, in full; members unknown to this version included.
    pub body: Map<String, Value>,
    /// SHA-256 of `canonical`.
    pub hash: Hash,
    /// RFC 8785 canonical JSON of everything but `hash`: what is stored, and what is hashed.
    pub canonical: Vec<u8>,
}

/// Ops that apply together or not at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group {
    /// The group's id.
    pub id: GroupId,
    /// How many ops it has, from 1 to [`GROUP_LEN_MAX`].
    pub len: u32,
}

/// What an op is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// `visit`, `office`, `floor`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// Its id.
    pub id: Uuid,
}

/// Why something sent is not an op. Nothing else is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// `malformed`, `too_large` or `hash_mismatch`.
    pub code: &'static str,
    /// What is wrong, for the one who mends the client.
    pub detail: String,
    /// The op id, where it could still be read.
    pub op_id: Option<OpId>,
}

impl Op {
    /// Reads one op as sent, and checks that its hash is that of its content.
    ///
    /// # Errors
    /// A [`Refusal`]: not JSON, a missing or mistyped member of the envelope, over the limits, or a
    /// hash that does not match.
    pub fn parse(sent: &[u8]) -> Result<Self, Refusal> {
        if sent.len() > OP_BYTES_MAX {
            let detail = format!("{} bytes, the limit is {OP_BYTES_MAX}", sent.len());
            return Err(Refusal { code: "too_large", detail, op_id: None });
        }
        let mut map: Map<String, Value> = serde_json::from_slice(sent)
            .map_err(|error| malformed(None, format!("not a JSON object: {error}")))?;
        let op_id = map.get("op_id").and_then(Value::as_str).and_then(|text| text.parse().ok());
        let declared = map.remove("hash");
        let declared = declared.as_ref().and_then(Value::as_str).and_then(Hash::parse);
        let Some(declared) = declared else {
            return Err(malformed(op_id, "hash: expected 64 hexadecimal digits".into()));
        };
        let canonical = canonical(&map);
        let hash = Hash::of(&canonical);
        if hash != declared {
            let detail = format!("the content hashes to {hash}, the op says {declared}");
            return Err(Refusal { code: "hash_mismatch", detail, op_id });
        }
        settle_numbers(&mut map);
        Self::from_parts(map, hash, canonical).map_err(|detail| malformed(op_id, detail))
    }

    /// Reads an op back from its stored canonical form, whose hash was checked when it was accepted.
    ///
    /// # Errors
    /// A [`Refusal`] where the bytes are not what [`Op::parse`] once accepted.
    pub fn restore(canonical: Vec<u8>, hash: Hash) -> Result<Self, Refusal> {
        let map = serde_json::from_slice(&canonical)
            .map_err(|error| malformed(None, format!("not a JSON object: {error}")))?;
        Self::from_parts(map, hash, canonical).map_err(|detail| malformed(None, detail))
    }

    /// Makes an op from its content: what a client does at capture. The result is what to send.
    ///
    /// # Errors
    /// A [`Refusal`] where a member of the envelope is missing or mistyped.
    pub fn seal(mut content: Map<String, Value>) -> Result<(Self, Vec<u8>), Refusal> {
        content.remove("hash");
        let canonical = canonical(&content);
        let hash = Hash::of(&canonical);
        let mut sent = content.clone();
        sent.insert("hash".into(), Value::String(hash.to_string()));
        let sent = serde_json::to_vec(&sent).expect("a JSON object is always writable");
        settle_numbers(&mut content);
        let op =
            Self::from_parts(content, hash, canonical).map_err(|detail| malformed(None, detail))?;
        Ok((op, sent))
    }

    /// Reads content whose numbers are those of its canonical form, never as they were sent.
    fn from_parts(
        mut map: Map<String, Value>,
        hash: Hash,
        canonical: Vec<u8>,
    ) -> Result<Self, String> {
        let group = match (member(&map, "group")?, member::<u32>(&map, "group_len")?) {
            (None, _) => None,
            (Some(id), Some(len)) if (1..=GROUP_LEN_MAX).contains(&len) => Some(Group { id, len }),
            (Some(_), _) => return Err(format!("group_len: expected 1 to {GROUP_LEN_MAX}")),
        };
        let seen: Vec<OpId> = member(&map, "seen")?.unwrap_or_default();
        if seen.len() > SEEN_MAX {
            return Err(format!("seen: {} ids, the limit is {SEEN_MAX}", seen.len()));
        }
        let Some(Value::Object(body)) = map.remove("body") else {
            return Err("body: expected an object".into());
        };
        Ok(Self {
            op_id: required(&map, "op_id")?,
            device: required(&map, "device")?,
            n: counter(&map, "n")?.ok_or("n: missing")?,
            author: required(&map, "author")?,
            group,
            kind: code(&map, "kind")?,
            subject: required(&map, "subject")?,
            bucket: required(&map, "bucket")?,
            schema: code(&map, "schema")?,
            captured: required(&map, "captured")?,
            scope_version: counter(&map, "scope_version")?.unwrap_or_default(),
            seen,
            body,
            hash,
            canonical,
        })
    }
}

fn malformed(op_id: Option<OpId>, detail: String) -> Refusal {
    Refusal { code: "malformed", detail, op_id }
}

fn member<T: DeserializeOwned>(map: &Map<String, Value>, name: &str) -> Result<Option<T>, String> {
    match map.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => T::deserialize(value).map(Some).map_err(|error| format!("{name}: {error}")),
    }
}

fn required<T: DeserializeOwned>(map: &Map<String, Value>, name: &str) -> Result<T, String> {
    member(map, name)?.ok_or_else(|| format!("{name}: missing"))
}

fn counter(map: &Map<String, Value>, name: &str) -> Result<Option<u64>, String> {
    match member(map, name)? {
        Some(number) if number > COUNTER_MAX => Err(format!("{name}: the limit is {COUNTER_MAX}")),
        number => Ok(number),
    }
}

fn code(map: &Map<String, Value>, name: &str) -> Result<String, String> {
    let text: String = required(map, name)?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '/' | '.' | '-');
    if text.is_empty() || text.len() > 64 || !text.chars().all(plain) {
        return Err(format!("{name}: expected 1 to 64 plain characters"));
    }
    Ok(text)
}
