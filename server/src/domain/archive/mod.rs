//! The archive of originals: copies that outlive this machine, and the truth about how safe they are.
//!
//! An original is received into the folder beside the server (`local`) and answered for there; the
//! archive gets it afterwards, as a job that may wait as long as it must. [`archive`] puts one
//! original, reads it back to the end and notes the copy. [`probing`] finds out what the store really
//! keeps, [`scrub`] reads every copy again and again and mends one from the other, [`restore`] makes
//! a lost folder from the archive, [`holds`] keeps what a case needs, [`retention`] keeps longer, and
//! removes at the end.

mod holds;
mod log;
pub(crate) mod probing;
pub(crate) mod restore;
pub(crate) mod retention;
pub(crate) mod scrub;
pub(crate) mod status;

use crate::blobs::s3::Access;
use crate::blobs::{self, Blobs, Folder, Mode, Original, Place, S3};
use crate::clock::Clock;
use crate::config::{ArchiveSettings, Checksums, LockMode, Worm};
use crate::error::Error;
use crate::store::{CopyRow, Store, Tx};
pub(crate) use holds::{Holding, Holds};
use log::Noted;
use probing::Standing;
use saolou_protocol::canonical::Hash;
use saolou_protocol::time::Millis;
use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::watch;
use uuid::Uuid;

/// The name of the folder that originals are received into, in rows.
const LOCAL: &str = "local";
const WHOLE: &str = "whole";
const DAY_MS: Millis = 24 * 3600 * 1000;

/// The archive of originals.
#[derive(Clone)]
pub(crate) struct Archive(Arc<Inner>);

struct Inner {
    store: Store,
    clock: Clock,
    /// Where originals were received.
    local: Folder,
    /// Where they are archived; the same folder where nothing else is set.
    blobs: Blobs,
    /// The name of the archive in rows.
    name: String,
    policy: Policy,
    standing: watch::Sender<Standing>,
}

/// What the settings say.
#[derive(Clone, Copy)]
struct Policy {
    worm: Worm,
    mode: Mode,
    retention_ms: Millis,
    scrub_ms: Millis,
    scrub_bytes_per_second: u64,
}

/// Why an original is not archived now.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotArchived {
    /// The archive may not be written: the store is not proven to be write-once, or not yet.
    #[error("waits: {0}")]
    Waits(String),
    /// The store is down, or will not take it now.
    #[error("{0}")]
    Store(#[from] blobs::Failure),
    /// The original beside the server is gone or damaged; a scrub may mend it.
    #[error("the original here is {0}")]
    NoOriginal(&'static str),
    /// What was read back is not what was put.
    #[error("read back as {0}")]
    Unfaithful(Hash),
    #[error("{0}")]
    Failed(#[from] Error),
}

impl From<sqlx::Error> for NotArchived {
    fn from(error: sqlx::Error) -> Self {
        Self::Failed(error.into())
    }
}

/// What archiving an original gives to be written.
#[derive(Debug, Default)]
pub(crate) struct Copies {
    /// The copy beside the server that went to an archive elsewhere.
    local: Option<CopyRow>,
    /// The copy by which it is archived.
    archived: Option<CopyRow>,
}

impl Copies {
    /// Has the store hold what it has just archived where a case does, maybe since before it was here.
    /// Where the store does not answer, the case holds all the same: nobody removes the original.
    pub(crate) async fn lock(&self, archive: &Archive) {
        let Some(copy) = self.archived.as_ref().filter(|copy| copy.mode != Mode::None.name())
        else {
            return;
        };
        let Ok(hash) = hash_of(copy) else { return };
        if let Err(error) = archive.lock_as_held(hash).await {
            tracing::warn!(sha256 = %hash, %error, "not held in the store as a case holds it");
        }
    }
}

/// Archives one original. Doing it again, or again after dying halfway, archives it once. What is
/// known of its copies then is to be written ([`note`]), also where the archive did not take it.
///
/// # Errors
/// Whatever the reason, the same call succeeds when the reason is gone: a job tries it again later.
pub(crate) async fn archive(
    archive: &Archive,
    photo: Uuid,
    hash: Hash,
    copies: &mut Copies,
) -> Result<(), NotArchived> {
    let known = archive.copies(hash).await?;
    if known.iter().any(|copy| copy.store == archive.0.name && copy.state == WHOLE) {
        return Ok(());
    }
    let local = archive.look_here(hash).await?;
    copies.archived = if archive.is_local() {
        archive.may_write()?;
        Some(local)
    } else {
        copies.local = Some(local);
        Some(archive.put_copy(Some(photo), hash).await?)
    };
    metrics::counter!("saolou_archived_total").increment(1);
    Ok(())
}

/// Writes what archiving gave, and tells the logs what is archived now. Whoever commits has
/// [`Copies::lock`] done.
pub(crate) async fn note<'a>(
    tx: &mut Tx,
    clock: &Clock,
    copies: impl Iterator<Item = &'a Copies>,
) -> Result<(), Error> {
    let (mut rows, mut noted) = (Vec::new(), Vec::new());
    for Copies { local, archived } in copies {
        rows.extend(local.iter().chain(archived));
        noted.extend(archived.as_ref().map(Noted::Archived));
    }
    tx.put_archive_copies(&rows).await?;
    log::note_all(tx, clock, &noted).await
}

impl Archive {
    /// The archive that the settings name. Nothing is asked of it yet.
    ///
    /// # Errors
    /// Where the settings contradict themselves.
    pub(crate) fn open(
        settings: &ArchiveSettings,
        originals: &Path,
        store: Store,
        clock: Clock,
    ) -> Result<Self, String> {
        let local = Folder::new(originals);
        let blobs = match settings.archive.as_deref() {
            None => Blobs::Folder(local.clone()),
            Some(url) => match url.strip_prefix("s3://") {
                Some(bucket) => Blobs::S3(S3::new(&access(settings, bucket)?)),
                None if url.contains("://") => {
                    return Err(format!("--archive {url}: expected s3://bucket or a folder"));
                }
                None => Blobs::Folder(Folder::new(Path::new(url))),
            },
        };
        let is_local = matches!(&blobs, Blobs::Folder(folder) if folder.top() == local.top());
        let name = if is_local { LOCAL.to_owned() } else { blobs.name() };
        let policy = Policy {
            worm: settings.worm,
            mode: match settings.archive_lock {
                LockMode::None => Mode::None,
                LockMode::Governance => Mode::Governance,
                LockMode::Compliance => Mode::Compliance,
            },
            retention_ms: Millis::from(settings.retention_days) * DAY_MS,
            scrub_ms: Millis::from(settings.scrub_days) * DAY_MS,
            scrub_bytes_per_second: settings.scrub_bytes_per_second,
        };
        let standing = watch::Sender::new(Standing::Unknown);
        Ok(Self(Arc::new(Inner { store, clock, local, blobs, name, policy, standing })))
    }

    /// Whether originals stay where they were received.
    pub(crate) fn is_local(&self) -> bool {
        self.0.name == LOCAL
    }

    /// Which of these originals have a copy that was whole when it was last read, in a store other than
    /// the folder beside the server, or were removed by two persons.
    pub(crate) async fn has_or_removed(
        &self,
        tx: &mut Tx,
        hashes: &[&[u8]],
    ) -> Result<HashSet<Vec<u8>>, Error> {
        let mut known: HashSet<Vec<u8>> =
            tx.archived_beside(LOCAL, hashes).await?.into_iter().collect();
        known.extend(tx.archive_removals_agreed(hashes).await?);
        Ok(known)
    }

    async fn copies(&self, hash: Hash) -> Result<Vec<CopyRow>, Error> {
        Ok(self.0.store.read().await?.archive_copies(&hash.0).await?)
    }

    /// Reads the original beside the server to the end.
    async fn look_here(&self, hash: Hash) -> Result<CopyRow, NotArchived> {
        let place = Folder::place(hash);
        let (found, bytes) = match self.0.local.read(&place).await {
            Err(blobs::Failure::Missing) => return Err(NotArchived::NoOriginal("missing")),
            other => other?,
        };
        if found != hash {
            return Err(NotArchived::NoOriginal("damaged"));
        }
        Ok(self.row(LOCAL, hash, &place, bytes))
    }

    /// Puts the original beside the server into the archive, and reads it back.
    async fn put_copy(&self, photo: Option<Uuid>, hash: Hash) -> Result<CopyRow, NotArchived> {
        let Inner { local, blobs, name, clock, .. } = &*self.0;
        let worm = self.0.policy.worm;
        let here = Folder::place(hash);
        let lock =
            self.may_write()?.map(|mode| (mode, clock.now_ms() + self.0.policy.retention_ms));
        let media = blobs::media_type(&local.head(&here).await?);
        let file = local.file(&here);
        let original = Original { hash, file: &file, media, photo, lock };
        let place = blobs.put(&original).await?;
        let (found, bytes) = blobs.read(&place).await?;
        if found != hash {
            return Err(NotArchived::Unfaithful(found));
        }
        let mut shown = blobs.lock(&place).await?;
        if let Some((mode, until_ms)) = lock {
            // It was there already, from an attempt that was cut off or from before there were locks.
            if shown.until_ms.is_none_or(|shown_ms| shown_ms + DAY_MS < until_ms) {
                match blobs.extend(&place, mode, until_ms).await {
                    Err(blobs::Failure::Refused(_)) if worm == Worm::BestEffort => {}
                    other => other?,
                }
                shown = blobs.lock(&place).await?;
            }
        }
        // A case may hold it since before it was here.
        if lock.is_some() && !shown.hold && self.holds(hash).await?.is_held {
            match blobs.hold(&place, true).await {
                Err(blobs::Failure::Refused(_)) if worm == Worm::BestEffort => {}
                other => other?,
            }
            shown = blobs.lock(&place).await?;
        }
        if shown.mode == Mode::None && worm == Worm::Required {
            return Err(NotArchived::Waits("the store shows no lock on it".to_owned()));
        }
        let is_proven = shown.mode != Mode::None && self.is_proven();
        Ok(CopyRow {
            mode: shown.mode.name().to_owned(),
            is_proven: i64::from(is_proven),
            retain_until_ms: shown.until_ms,
            is_held: i64::from(shown.hold),
            ..self.row(name, hash, &place, bytes)
        })
    }

    /// A copy that was just read to the end and is whole.
    fn row(&self, store: &str, hash: Hash, place: &Place, bytes: i64) -> CopyRow {
        let now_ms = self.0.clock.now_ms();
        CopyRow {
            sha256: hash.0.to_vec(),
            store: store.to_owned(),
            bucket: place.bucket.clone(),
            key: place.key.clone(),
            version: place.version.clone(),
            bytes,
            mode: Mode::None.name().to_owned(),
            is_proven: 0,
            retain_until_ms: None,
            is_held: 0,
            archived_ms: now_ms,
            verified_ms: now_ms,
            checked_ms: now_ms,
            state: WHOLE.to_owned(),
        }
    }
}

/// Where a noted copy lies.
fn place_of(copy: &CopyRow) -> Place {
    let CopyRow { bucket, key, version, .. } = copy;
    Place { bucket: bucket.clone(), key: key.clone(), version: version.clone() }
}

/// The hash of a noted copy.
fn hash_of(copy: &CopyRow) -> Result<Hash, Error> {
    let hash = copy.sha256.as_slice().try_into().map(Hash);
    hash.map_err(|_| Error::Internal("a stored hash has another length".into()))
}

fn access(settings: &ArchiveSettings, bucket: &str) -> Result<Access, String> {
    let (bucket, prefix) = bucket.split_once('/').unwrap_or((bucket, ""));
    let prefix = prefix.trim_matches('/');
    let (Some(key_id), Some(secret)) = (&settings.archive_key_id, &settings.archive_secret) else {
        return Err("an s3:// archive needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY".into());
    };
    if bucket.is_empty() {
        return Err("--archive s3://bucket: the name of the bucket is missing".into());
    }
    Ok(Access {
        bucket: bucket.to_owned(),
        prefix: if prefix.is_empty() { String::new() } else { format!("{prefix}/") },
        endpoint: settings.archive_endpoint.clone(),
        region: settings.archive_region.clone(),
        key_id: key_id.clone(),
        secret: secret.clone(),
        session: settings.archive_session.clone(),
        by_host: settings.archive_by_host,
        checksums_always: settings.archive_checksums == Checksums::WhenSupported,
    })
}
