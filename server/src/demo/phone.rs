//! A simulated phone: it captures while offline, keeps every op until it is answered, and syncs
//! with the server over HTTP as a real one does.
//!
//! Its clocks are its own. The caller says what time it really is; the phone adds what its wall
//! clock is off, and counts its monotonic clock from its last boot. Device and op ids depend on
//! nothing but the phone's name and the place in its outbox, so the same story told twice sends
//! the same ops.

mod session;
#[cfg(test)]
mod tests;

pub use session::{Error, Session};

use super::accounts::id;
use super::bodies::Body;
use reqwest::Method;
use saolou_protocol::building::answer::AnswerStatus;
use saolou_protocol::canonical::Hash;
use saolou_protocol::ids::{BootId, BuildingId, DeviceId, OpId, PhotoId, UserId};
use saolou_protocol::issue::Issues;
use saolou_protocol::op::Op;
use saolou_protocol::time::{Anchor, Captured, ClockReading, Millis};
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, VecDeque};
use uuid::Uuid;

/// Ops in one push, unless somebody wants more or fewer.
const BATCH_OPS_MAX: usize = 50;
/// Bytes of ops in one push.
const BYTES_MAX: usize = 1024 * 1024;
/// Pushes in a row that may bring no final answer.
const VAIN_PUSHES_MAX: u32 = 5;

/// A phone in the hands of one person.
#[derive(Debug)]
pub struct Phone {
    /// The device incarnation.
    pub device: DeviceId,
    /// Whose ops it makes.
    pub user: UserId,
    /// What its wall clock is ahead of the right time, in milliseconds.
    pub skew_ms: Millis,
    /// Most ops that it puts into one push; fewer where the server takes fewer.
    pub batch_ops_max: usize,
    boot: BootId,
    booted_ms: Millis,
    heard: Option<Heard>,
    n: u64,
    outbox: VecDeque<Waiting>,
    cursor: Option<String>,
    limits: Limits,
    session: Option<Session>,
}

/// The server's time as the phone last heard it, and when that was by its monotonic clock.
#[derive(Clone, Copy, Debug)]
struct Heard {
    server_ms: Millis,
    mono_ms: Millis,
}

/// An op that waits for its answer.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// The op.
    pub op: Op,
    /// As it goes over the wire.
    pub sent: Box<RawValue>,
}

/// What the server says about how much it takes at a time.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Most ops in one push.
    pub ops_max: Option<usize>,
    /// Most bytes in one push.
    pub body_bytes_max: Option<usize>,
}

/// The answer to one op.
#[derive(Clone, Debug, Deserialize)]
pub struct Answered {
    /// The op; none where the server could not read it.
    #[serde(default)]
    pub op_id: Option<OpId>,
    /// What became of it.
    pub status: AnswerStatus,
    /// Why it is parked, quarantined or refused.
    #[serde(default)]
    pub reason: Option<String>,
    /// What is wrong with it.
    #[serde(default)]
    pub detail: Option<String>,
    /// What is odd about it.
    #[serde(default)]
    pub issues: Issues,
}

/// What one sync brought, over all its pushes.
#[derive(Clone, Debug, Default)]
pub struct SyncReply {
    /// The server's clock at the last push; 0 where nothing was waiting.
    pub server_now_ms: Millis,
    /// Final answers, in the order of the outbox.
    pub answers: Vec<Answered>,
    /// Ops that the server had before.
    pub duplicates: Vec<OpId>,
    /// How long the server asks to be left alone, in milliseconds.
    pub backoff_ms: Option<u64>,
}

/// One entity of a pull.
#[derive(Clone, Debug, Deserialize)]
pub struct Pulled {
    /// The bucket, that is the building.
    pub bucket: BuildingId,
    /// Its place in the feed of the bucket.
    pub seq: i64,
    /// `building`, `floor`, `office` …
    pub kind: String,
    /// Its id.
    pub id: Uuid,
    /// As served.
    pub body: Value,
}

#[derive(Serialize)]
struct Push<'a> {
    device: DeviceId,
    clock: ClockReading,
    ops: Vec<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pull: Option<Value>,
}

#[derive(Deserialize)]
struct Reply {
    server_now_ms: Millis,
    #[serde(default)]
    results: Vec<Answered>,
    #[serde(default)]
    duplicates: Vec<OpId>,
    #[serde(default)]
    pull: Option<Page>,
    #[serde(default)]
    limits: Limits,
    #[serde(default)]
    backoff_ms: Option<u64>,
}

#[derive(Deserialize)]
struct Page {
    cursor: String,
    more: bool,
    entities: Vec<Pulled>,
}

impl Phone {
    /// A phone with an empty outbox and a right clock, switched on at `booted_ms`. Its ids follow
    /// from its name.
    #[must_use]
    pub fn new(name: &str, user: Uuid, booted_ms: Millis) -> Self {
        Self {
            device: DeviceId(id(&format!("device:{name}"))),
            user: UserId(user),
            skew_ms: 0,
            batch_ops_max: BATCH_OPS_MAX,
            boot: BootId(id(&format!("boot:{name}:{booted_ms}"))),
            booted_ms,
            heard: None,
            n: 0,
            outbox: VecDeque::new(),
            cursor: None,
            limits: Limits::default(),
            session: None,
        }
    }

    /// Takes note of the server's time, which was `server_ms` when it really was `at_ms`: captures
    /// in this boot carry it as their anchor from now on. A sync alone leaves no anchor, so that
    /// an op does not depend on the moment the server answered.
    pub fn hear(&mut self, server_ms: Millis, at_ms: Millis) {
        self.heard = Some(Heard { server_ms, mono_ms: at_ms - self.booted_ms });
    }

    /// Switches the phone off and on: a new boot, a new monotonic clock, no anchor.
    pub fn reboot(&mut self, at_ms: Millis) {
        self.boot = BootId(id(&format!("boot:{}:{at_ms}", self.device)));
        self.booted_ms = at_ms;
        self.heard = None;
    }

    /// Captures an op of schema `<kind>/1` about `subject`, its type and id, and queues it.
    ///
    /// # Panics
    /// Where `kind` is not 1 to 62 plain characters, or `seen` holds more ids than an op may.
    pub fn capture(
        &mut self,
        kind: &str,
        subject: (&str, Uuid),
        bucket: BuildingId,
        body: Body,
        seen: &[OpId],
        at_ms: Millis,
    ) -> OpId {
        self.n += 1;
        let op_id = op_id(self.device, self.n);
        let content = json!({
            "op_id": op_id,
            "device": self.device,
            "n": self.n,
            "author": self.user,
            "kind": kind,
            "subject": {"type": subject.0, "id": subject.1},
            "bucket": bucket,
            "schema": format!("{kind}/1"),
            "captured": self.captured(at_ms),
            "scope_version": 0,
            "seen": seen,
        });
        let Value::Object(mut content) = content else {
            unreachable!("it is written as an object")
        };
        content.insert("body".into(), Value::Object(body));
        self.queue(content);
        op_id
    }

    /// Queues an op whose content somebody else made.
    ///
    /// # Panics
    /// Where the content is not that of an op.
    pub fn queue(&mut self, content: Map<String, Value>) {
        let (op, sent) = Op::seal(content).expect("a captured op has a whole envelope");
        let sent = String::from_utf8(sent).expect("JSON is UTF-8");
        let sent = RawValue::from_string(sent).expect("sealing writes JSON");
        self.outbox.push_back(Waiting { op, sent });
    }

    fn captured(&self, at_ms: Millis) -> Captured {
        let mono_ms = at_ms - self.booted_ms;
        let anchor = self.heard.map(|heard| Anchor {
            server_ms: heard.server_ms,
            elapsed_ms: mono_ms - heard.mono_ms,
        });
        Captured {
            wall_ms: at_ms + self.skew_ms,
            utc_offset_min: 8 * 60,
            mono_ms: Some(mono_ms),
            boot_id: Some(self.boot),
            anchor,
        }
    }

    /// The phone's clocks when it really is `at_ms`.
    #[must_use]
    pub fn clock(&self, at_ms: Millis) -> ClockReading {
        ClockReading {
            wall_ms: at_ms + self.skew_ms,
            mono_ms: Some(at_ms - self.booted_ms),
            boot_id: Some(self.boot),
            boot_offsets_ms: BTreeMap::new(),
        }
    }

    /// Ops that wait for an answer, oldest first.
    pub fn outbox(&self) -> impl Iterator<Item = &Waiting> {
        self.outbox.iter()
    }

    /// Takes the waiting ops away, as if they had been answered: for a fold without a server.
    pub fn take_outbox(&mut self) -> Vec<Waiting> {
        self.outbox.drain(..).collect()
    }

    /// Signs in; the phone renews its session by itself from then on.
    ///
    /// # Errors
    /// [`Error`] where the server cannot be reached or refuses.
    pub async fn sign_in(
        &mut self,
        base_url: &str,
        username: &str,
        password: &str,
    ) -> Result<(), Error> {
        self.session = Some(Session::sign_in(base_url, username, password).await?);
        Ok(())
    }

    /// The session, for requests that are not part of syncing.
    ///
    /// # Errors
    /// [`Error::SignedOut`] before the first sign-in.
    pub fn session(&mut self) -> Result<&mut Session, Error> {
        self.session.as_mut().ok_or(Error::SignedOut)
    }

    /// Pushes the outbox in batches within the served limits; `at_ms` is the right time. Ops stay in
    /// the outbox until they are answered, and where the server says `retry`.
    ///
    /// # Errors
    /// [`Error`] where a push fails for good; what was answered before is gone from the outbox, and
    /// the next sync goes on from there.
    pub async fn sync(&mut self, at_ms: Millis) -> Result<SyncReply, Error> {
        let mut all = SyncReply::default();
        let mut in_vain = 0;
        while !self.outbox.is_empty() {
            let count = self.batch();
            let ops = self.outbox.iter().take(count).map(|waiting| &*waiting.sent).collect();
            let push = Push { device: self.device, clock: self.clock(at_ms), ops, pull: None };
            let body = to_raw_value(&push).expect("ids, numbers and JSON are writable");
            let reply: Reply = self.session()?.json(Method::POST, "/api/v1/sync", &body).await?;
            if reply.results.len() != count {
                let what = format!("{count} ops, {} answers", reply.results.len());
                return Err(Error::Unreadable { doing: "POST /api/v1/sync".into(), what });
            }
            let before = all.answers.len();
            for answered in reply.results {
                let waiting = self.outbox.pop_front().expect("a batch is part of the outbox");
                if answered.status == AnswerStatus::Retry {
                    self.outbox.push_back(waiting);
                } else {
                    all.answers.push(answered);
                }
            }
            in_vain = if all.answers.len() > before { 0 } else { in_vain + 1 };
            if in_vain == VAIN_PUSHES_MAX {
                return Err(Error::Busy { doing: "POST /api/v1/sync".into() });
            }
            all.server_now_ms = reply.server_now_ms;
            all.duplicates.extend(reply.duplicates);
            all.backoff_ms = reply.backoff_ms;
            self.limits = reply.limits;
        }
        Ok(all)
    }

    /// How many of the waiting ops go into the next push: at least one.
    fn batch(&self) -> usize {
        let bytes_max = self.limits.body_bytes_max.map_or(BYTES_MAX, |most| most.min(BYTES_MAX));
        let mut bytes = 0;
        let fits = self.outbox.iter().take_while(|waiting| {
            bytes += waiting.sent.get().len() + 1;
            bytes <= bytes_max
        });
        fits.take(
            self.limits.ops_max.map_or(self.batch_ops_max, |most| most.min(self.batch_ops_max)),
        )
        .count()
        .max(1)
    }

    /// Pulls what changed since the last pull, page by page.
    ///
    /// # Errors
    /// [`Error`]; pages read before are lost to the caller, not to the cursor.
    pub async fn pull(&mut self, at_ms: Millis) -> Result<Vec<Pulled>, Error> {
        let mut pulled = Vec::new();
        loop {
            let pull = Some(json!({"cursor": self.cursor}));
            let push =
                Push { device: self.device, clock: self.clock(at_ms), ops: Vec::new(), pull };
            let reply: Reply = self.session()?.json(Method::POST, "/api/v1/sync", &push).await?;
            let Some(page) = reply.pull else { return Ok(pulled) };
            self.cursor = Some(page.cursor);
            pulled.extend(page.entities);
            if !page.more {
                return Ok(pulled);
            }
        }
    }

    /// Sends the bytes of a promised photo.
    ///
    /// # Errors
    /// [`Error`] where the server does not take them.
    pub async fn send_photo(
        &mut self,
        photo: PhotoId,
        building: BuildingId,
        bytes: Vec<u8>,
    ) -> Result<(), Error> {
        let path = format!("/api/v1/photos/{photo}?building={building}");
        self.session()?.put_bytes(&path, "image/png", bytes).await
    }
}

/// The `n`th op id of a device, shaped like a UUIDv7 (RFC 9562 §5.7): it counts instead of telling
/// the time, which keeps a device's ids together and the same in every run.
#[must_use]
pub fn op_id(device: DeviceId, n: u64) -> OpId {
    let digest = Hash::of(format!("{device}/{n}").as_bytes()).0;
    let random = digest.first_chunk::<10>().expect("a digest has 32 bytes");
    let counted_ms = super::accounts::ROUND.from_ms.unsigned_abs() + n;
    OpId(uuid::Builder::from_unix_timestamp_millis(counted_ms, random).into_uuid())
}
