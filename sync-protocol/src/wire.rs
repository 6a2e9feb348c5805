//! What travels: one request and one reply, which carry a push and a pull at once.
//!
//! Both sides use these types. What a phone keeps byte for byte — answers and the bodies of
//! entities — stays raw JSON here.

use crate::digest::{Digest, Sums};
use crate::held::Held;
use crate::ids::{BuildingId, DeviceId, OpId};
use crate::time::{ClockReading, Millis};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::{RawValue, Value};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Most ops that a phone may ask about in one request.
pub const ASK_MAX: usize = 200;

/// `POST /api/v1/sync`, either half of which may be empty.
#[derive(Debug, Serialize, Deserialize)]
pub struct SyncRequest<'a> {
    /// The device incarnation that asks.
    pub device: DeviceId,
    /// Its clocks at the moment of sending. One that makes no sense is no clock: nothing is ever
    /// refused for one.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient")]
    pub clock: Option<ClockReading>,
    /// What it still holds that the server does not, before this request.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient")]
    pub pending: Option<Pending>,
    /// The checkpoint of the evidence log with the most entries that it holds, as a signed note.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient")]
    pub checkpoint: Option<String>,
    /// Ops, as [`crate::op::Op::seal`] wrote them.
    #[serde(default, borrow)]
    pub ops: Vec<&'a RawValue>,
    /// Ops in review that the phone wants to hear about, at most [`ASK_MAX`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ask: Vec<OpId>,
    /// What the phone wants to read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull: Option<PullRequest>,
}

/// What waits on a phone, for the desk to know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// Ops that were not answered.
    pub records: u32,
    /// Photos without a receipt.
    pub photos: u32,
}

/// The pull half of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullRequest {
    /// The cursor of the last page that the phone applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Largest page that it takes, in bytes of entities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page_bytes_max: Option<usize>,
    /// Buckets that it was told to leave and of which it now holds nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<BuildingId>,
    /// The digests of the buckets that it holds, after their sum was wrong.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub digests: BTreeMap<BuildingId, Digest>,
    /// Rows that it wants anew, after the sub-sums of a bucket were wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<RowsAsked>,
}

/// Rows of a bucket by the first byte of the hash of their key ([`crate::digest::first_byte`]).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowsAsked {
    /// The bucket.
    pub bucket: BuildingId,
    /// First bytes.
    pub first_bytes: Vec<u8>,
}

/// The reply to a sync.
#[derive(Debug, Serialize, Deserialize)]
pub struct SyncReply {
    /// The server's clock.
    pub server_now_ms: Millis,
    /// The incarnation of the server's data. After another one than before, a phone sends again
    /// every op that it still keeps.
    pub epoch: Uuid,
    /// One answer for each op sent, in the order they were sent; of a repeated op the bytes of its
    /// first answer.
    pub results: Vec<Box<RawValue>>,
    /// The ops among them that were known already.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub duplicates: Vec<OpId>,
    /// What the server holds of the device that asked, read in the snapshot of the page.
    pub held: Held,
    /// Where the ops stand that the phone asked about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reviews: Vec<Review>,
    /// The newest checkpoint of the evidence log, where the request did not bear it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<String>,
    /// How long to wait before the next sync, where the server has too much to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backoff_ms: Option<u64>,
    /// What the next request may hold.
    pub limits: Limits,
    /// The pull half.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull: Option<Page>,
}

/// What a request may hold. The server may shrink it in any reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Most ops in one push.
    pub ops_max: usize,
    /// Largest op, in bytes of JSON.
    pub op_bytes_max: usize,
    /// Largest body of a sync after decompression, in bytes.
    pub body_bytes_max: usize,
    /// Largest page, in bytes of entities.
    pub page_bytes_max: usize,
    /// Largest photo, in bytes.
    pub photo_bytes_max: usize,
    /// How long a phone keeps an op after its answer, by the server's clock, so that a server that
    /// was restored to an older state gets it back.
    pub keep_ms: Millis,
}

/// Where an op stands that was in review.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    /// The op.
    pub op_id: OpId,
    /// `applied`, `parked`, `conflict`, `quarantined`, `discarded`, or `unknown` where the server has no such
    /// op of this author.
    pub state: String,
    /// Why, in the words of the one who decided or as a code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A page of the feed. It is applied together with its cursor.
#[derive(Debug, Serialize, Deserialize)]
pub struct Page {
    /// Where the next page begins; opaque to the phone.
    pub cursor: String,
    /// There is more to read at once.
    pub more: bool,
    /// Entities that changed after the cursor of the request, in feed order within a bucket.
    pub entities: Vec<Served>,
    /// Buckets that the phone must leave: push what it has of them, purge, and say so in `left`.
    /// They are listed until it does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leave: Vec<Leave>,
    /// The digest of all buckets in scope; only where there is no more to read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// The sub-sums of the buckets whose digests, as sent, are not the server's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub repair: Vec<BucketSums>,
    /// The rows that were asked for: all there are for these first bytes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<Rows>,
}

/// An entity as served.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Served {
    /// The bucket it lies in.
    pub bucket: BuildingId,
    /// Its number in the feed of the bucket.
    pub seq: i64,
    /// `building`, `floor`, `office`; later versions have more.
    pub kind: String,
    /// Its id.
    pub id: Uuid,
    /// The entity: bytes that follow from the set of ops alone.
    pub body: Box<RawValue>,
}

/// A bucket that a phone must leave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leave {
    /// The bucket.
    pub bucket: BuildingId,
    /// Why: `reassigned`, `suspended`, `device_revoked`.
    pub reason: String,
    /// When somebody will be told that it was not done.
    pub purge_by_ms: Millis,
}

/// The sub-sums of a bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BucketSums {
    /// The bucket.
    pub bucket: BuildingId,
    /// Its sub-sums.
    pub sums: Sums,
}

/// All rows of a bucket for some first bytes.
#[derive(Debug, Serialize, Deserialize)]
pub struct Rows {
    /// The bucket.
    pub bucket: BuildingId,
    /// First bytes.
    pub first_bytes: Vec<u8>,
    /// The rows. What else the phone has for these first bytes is no more.
    pub entities: Vec<Served>,
}

/// Reads what is only good to know: in a form that makes no sense it was not said.
fn lenient<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let sent = Option::<Value>::deserialize(deserializer)?;
    Ok(sent.and_then(|said| T::deserialize(said).ok()))
}
