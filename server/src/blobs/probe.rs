//! Tries whether a store keeps what it promises, on a canary of its own.
//!
//! Stores exist that accept the headers of Object Lock and delete all the same. So each property is
//! tried: do the harm, then look whether the canary is still there, byte for byte, locked as before.
//! What the store answered to the attempt is noted and decides nothing.

use super::s3::Small;
use super::{Blobs, Failure, Lock, Mode, Place, Result, S3};
use saolou_protocol::canonical::Hash;
use saolou_protocol::time::Millis;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use uuid::Uuid;

/// How long a canary is locked. Later probes remove those whose time is over.
const CANARY_MS: Millis = 15 * 60 * 1000;
/// Where canaries lie.
const CANARIES: &str = "probe/";

/// Something that an archive may be trusted to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Property {
    /// What was written is read back the same.
    ReadBack,
    /// Each write makes a version, and says which.
    Versions,
    /// A lock that was asked for is shown.
    LockKept,
    /// A locked version cannot be shown to be kept less long.
    Shorten,
    /// A locked version cannot be given a weaker lock, or none.
    Downgrade,
    /// Another write to the same key leaves the locked version as it is.
    Overwrite,
    /// A delete marker leaves the locked version as it is.
    DeleteMarker,
    /// A locked version cannot be deleted.
    DeleteVersion,
    /// Nor by one who claims the right to bypass governance.
    DeleteBypass,
    /// A version under legal hold cannot be deleted.
    LegalHold,
    /// Bytes that do not match the declared SHA-256 are refused.
    Checksum,
    /// A write that must not replace anything does not.
    OnlyNew,
    /// What comes without a lock gets the bucket's own.
    DefaultRetention,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// It keeps the promise.
    Holds,
    /// It does not.
    Fails,
    /// It does not make it.
    Absent,
}

/// One property, tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Check {
    pub(crate) property: Property,
    pub(crate) outcome: Outcome,
    /// What the store answered.
    pub(crate) answer: String,
}

/// What was found out about a store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) store: String,
    pub(crate) at_ms: Millis,
    /// The lock that was tried.
    pub(crate) mode: String,
    pub(crate) checks: Vec<Check>,
}

impl Property {
    /// Whether an archive that is called write-once must have it.
    const fn is_needed(self) -> bool {
        !matches!(self, Self::OnlyNew | Self::DefaultRetention)
    }

    /// Its name in messages and events.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::ReadBack => "read_back",
            Self::Versions => "versions",
            Self::LockKept => "lock_kept",
            Self::Shorten => "shorten",
            Self::Downgrade => "downgrade",
            Self::Overwrite => "overwrite",
            Self::DeleteMarker => "delete_marker",
            Self::DeleteVersion => "delete_version",
            Self::DeleteBypass => "delete_bypass",
            Self::LegalHold => "legal_hold",
            Self::Checksum => "checksum",
            Self::OnlyNew => "only_new",
            Self::DefaultRetention => "default_retention",
        }
    }
}

impl Report {
    /// The needed properties that it does not have; with none missing it is write-once.
    pub(crate) fn missing(&self) -> Vec<Property> {
        let missing = self.checks.iter().filter(|check| check.outcome != Outcome::Holds);
        missing.map(|check| check.property).filter(|property| property.is_needed()).collect()
    }

    /// Each property by its name, and how it ended: `refused` is the store that kept its promise.
    pub(crate) fn outcomes(&self) -> BTreeMap<String, String> {
        let outcome = |check: &Check| match check.outcome {
            Outcome::Holds => "refused",
            Outcome::Fails => "failed",
            Outcome::Absent => "absent",
        };
        let named = |check: &Check| (check.property.name().to_owned(), outcome(check).to_owned());
        self.checks.iter().map(named).collect()
    }

    /// Whether it takes locks at all, so that originals can go up with one.
    pub(crate) fn takes_locks(&self) -> bool {
        let kept = |check: &&Check| check.property == Property::LockKept;
        self.checks.iter().find(kept).is_some_and(|check| check.outcome != Outcome::Absent)
    }
}

/// Tries a store.
///
/// # Errors
/// Where the store is down: then nothing has been found out.
pub(crate) async fn probe(blobs: &Blobs, mode: Mode, id: Uuid, now_ms: Millis) -> Result<Report> {
    let checks = match blobs {
        Blobs::Folder(_) => folder(),
        Blobs::S3(s3) => {
            clean(s3).await?;
            let mut bird = Bird::put(s3, mode, id, now_ms).await?;
            bird.try_all().await?;
            bird.checks
        }
    };
    Ok(Report { store: blobs.name(), at_ms: now_ms, mode: mode.name().to_owned(), checks })
}

/// A folder locks nothing, and there is nothing to try.
fn folder() -> Vec<Check> {
    let none = [Property::LockKept, Property::DeleteVersion, Property::LegalHold];
    let absent = |property| Check {
        property,
        outcome: Outcome::Absent,
        answer: "a folder locks nothing".to_owned(),
    };
    none.into_iter().map(absent).collect()
}

/// A canary in a store, and what was found out on it.
struct Bird<'a> {
    s3: &'a S3,
    key: String,
    bytes: Vec<u8>,
    place: Place,
    /// The lock that it has; `None` where the store took it only without.
    lock: Option<(Mode, Millis)>,
    checks: Vec<Check>,
}

impl<'a> Bird<'a> {
    async fn put(s3: &'a S3, mode: Mode, id: Uuid, now_ms: Millis) -> Result<Self> {
        let key = s3.other_key(&format!("{CANARIES}{id}"));
        let bytes = format!("canary {id}").into_bytes();
        let lock = Some((mode, now_ms + CANARY_MS)).filter(|_| mode != Mode::None);
        let small = Small { key: &key, bytes: &bytes, lock, ..Small::default() };
        let put = s3.put_small(&small).await;
        let (place, lock, answer) = match put {
            Ok(place) => (place, lock, "accepted".to_owned()),
            Err(Failure::Refused(answer)) if lock.is_some() => {
                (s3.put_small(&Small { lock: None, ..small }).await?, None, answer)
            }
            Err(failure) => return Err(failure),
        };
        let mut bird = Self { s3, key, bytes, place, lock, checks: Vec::new() };
        if lock.is_none() {
            bird.note(Property::LockKept, Outcome::Absent, answer);
        }
        Ok(bird)
    }

    /// The least harmful first: what the last ones destroy could tell nothing about the others.
    async fn try_all(&mut self) -> Result<()> {
        let is_read = self.is_whole().await?;
        self.note_whether(Property::ReadBack, is_read, "read");
        let version = self.place.version.clone();
        let answer = if version.is_empty() { "no version" } else { "a version" };
        self.note_whether(Property::Versions, !version.is_empty(), answer);
        self.try_only_new().await?;
        self.try_checksum().await?;
        let is_locked = self.lock.is_some();
        if let Some((mode, until_ms)) = self.lock {
            let kept = self.s3.lock(&self.place).await;
            let is_kept = matches!(kept, Ok(kept) if keeps(kept, mode, until_ms));
            self.note_whether(Property::LockKept, is_kept, &format!("{kept:?}"));
            self.try_weaken(mode, until_ms).await?;
        }
        self.try_overwrite().await?;
        let key = Place { version: String::new(), ..self.place.clone() };
        let marker = self.s3.delete(&key, false).await;
        self.judge(Property::DeleteMarker, said(marker.as_ref())).await?;
        if let Ok(Some(marker)) = marker {
            drop(self.s3.delete(&marker, false).await);
        }
        for (property, bypass) in [(Property::DeleteVersion, false), (Property::DeleteBypass, true)]
        {
            if is_locked {
                let deleted = self.s3.delete(&self.place, bypass).await;
                self.judge(property, said(deleted.as_ref())).await?;
            } else {
                self.note(property, Outcome::Absent, "it takes no lock".into());
            }
        }
        let default = match self.s3.default_retention().await {
            Ok(Some(default)) => (Outcome::Holds, default),
            Ok(None) => (Outcome::Absent, "none".to_owned()),
            Err(failure) => (Outcome::Absent, failure.to_string()),
        };
        self.note(Property::DefaultRetention, default.0, default.1);
        Ok(())
    }

    async fn try_weaken(&mut self, mode: Mode, until_ms: Millis) -> Result<()> {
        let sooner = Some((mode, until_ms - CANARY_MS / 2));
        let plain = self.s3.retain(&self.place, sooner, false).await;
        let bypassed = self.s3.retain(&self.place, sooner, true).await;
        let answer = format!("{}; bypassing: {}", said(plain.as_ref()), said(bypassed.as_ref()));
        self.judge_lock(Property::Shorten, answer).await?;
        let weaker = (mode == Mode::Compliance).then_some((Mode::Governance, until_ms));
        let weakened = self.s3.retain(&self.place, weaker, true).await;
        self.judge_lock(Property::Downgrade, said(weakened.as_ref())).await
    }

    /// Writes other bytes over the canary. The version that this makes has no lock of ours and is
    /// what a legal hold is tried on.
    async fn try_overwrite(&mut self) -> Result<()> {
        let small = Small { key: &self.key, bytes: b"cuckoo", ..Small::default() };
        let other = self.s3.put_small(&small).await;
        self.judge(Property::Overwrite, said(other.as_ref())).await?;
        let Ok(other) = other else {
            self.note(Property::LegalHold, Outcome::Absent, "nothing to hold".into());
            return Ok(());
        };
        if let Err(failure) = self.s3.hold(&other, true).await {
            self.note(Property::LegalHold, Outcome::Absent, failure.to_string());
            return Ok(());
        }
        let deleted = self.s3.delete(&other, true).await;
        let is_there = self.s3.read(&other, None).await;
        let is_held = matches!(is_there, Ok((hash, _)) if hash == Hash::of(b"cuckoo"));
        self.note_whether(Property::LegalHold, is_held, &said(deleted.as_ref()));
        drop(self.s3.hold(&other, false).await);
        drop(self.s3.delete(&other, false).await);
        Ok(())
    }

    async fn try_only_new(&mut self) -> Result<()> {
        let small =
            Small { key: &self.key, bytes: &self.bytes, only_new: true, ..Small::default() };
        let again = self.s3.put_small(&small).await;
        let is_refused = matches!(again, Err(Failure::Exists));
        self.note_whether(Property::OnlyNew, is_refused, &said(again.as_ref()));
        Ok(())
    }

    /// Sends bytes that are not what is declared, in the header and then in the signature. Either
    /// protects an original; with both ignored, damage on the way would be archived.
    async fn try_checksum(&mut self) -> Result<()> {
        let (key, wrong) = (format!("{}-damaged", self.key), Some(Hash::of(b"something else")));
        let small = Small { key: &key, bytes: &self.bytes, ..Small::default() };
        let header = self.s3.put_small(&Small { checksum: wrong, ..small }).await;
        let signed = self.s3.put_small(&Small { signed: wrong, ..small }).await;
        let is_refused = |put: &Result<Place>| matches!(put, Err(Failure::Refused(_)));
        let holds = is_refused(&header) || is_refused(&signed);
        let answer =
            format!("header: {}; signature: {}", said(header.as_ref()), said(signed.as_ref()));
        self.note_whether(Property::Checksum, holds, &answer);
        for place in [header, signed].into_iter().flatten() {
            drop(self.s3.delete(&place, false).await);
        }
        Ok(())
    }

    /// Notes whether the canary survived an attempt, byte for byte.
    async fn judge(&mut self, property: Property, answer: String) -> Result<()> {
        let survived = self.is_whole().await?;
        self.note_whether(property, survived, &answer);
        Ok(())
    }

    /// Notes whether its lock survived an attempt as well. What is left of it is what the next
    /// attempt has to leave.
    async fn judge_lock(&mut self, property: Property, answer: String) -> Result<()> {
        let left = self.s3.lock(&self.place).await;
        let is_kept = match (&left, self.lock) {
            (Ok(left), Some((mode, until_ms))) => keeps(*left, mode, until_ms),
            _ => false,
        };
        self.lock = left.ok().and_then(|left| Some((left.mode, left.until_ms?)));
        let survived = is_kept && self.is_whole().await?;
        self.note_whether(property, survived, &answer);
        Ok(())
    }

    /// Whether the canary is there, byte for byte.
    async fn is_whole(&self) -> Result<bool> {
        match self.s3.read(&self.place, None).await {
            Ok((hash, _)) => Ok(hash == Hash::of(&self.bytes)),
            Err(failure @ (Failure::Down(_) | Failure::Disk(_))) => Err(failure),
            Err(_) => Ok(false),
        }
    }

    fn note_whether(&mut self, property: Property, holds: bool, answer: &str) {
        let outcome = if holds { Outcome::Holds } else { Outcome::Fails };
        self.note(property, outcome, answer.to_owned());
    }

    fn note(&mut self, property: Property, outcome: Outcome, answer: String) {
        self.checks.push(Check { property, outcome, answer });
    }
}

/// Whether a lock is at least what was asked.
fn keeps(lock: Lock, mode: Mode, until_ms: Millis) -> bool {
    lock.mode == mode && lock.until_ms.is_some_and(|kept_ms| kept_ms >= until_ms)
}

fn said<T>(answer: std::result::Result<&T, &Failure>) -> String {
    answer.map_or_else(ToString::to_string, |_| "accepted".to_owned())
}

/// Removes what earlier probes left and may be removed by now.
async fn clean(s3: &S3) -> Result<()> {
    match s3.others(CANARIES).await {
        Err(failure @ Failure::Down(_)) => return Err(failure),
        Err(_) => {}
        Ok(places) => {
            for place in places {
                drop(s3.delete(&place, false).await);
            }
        }
    }
    Ok(())
}
