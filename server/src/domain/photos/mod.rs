//! Photos: from the phone's last byte to the evidence of a visit.
//!
//! An upload is a resource that bytes are appended to, through whichever protocol. `folder` has its
//! file, `durable` makes what was written durable for many at once, `fence` lets the newest request
//! win, `uploads` appends, `manifests` says who signed what was taken, `writing` writes while more
//! comes in, `once` takes what one request brings whole, `standing` says what is known of what comes, `plan` says what a phone still has to send,
//! `arrival` takes what is whole: in one commit the photo is noted, the server files the op
//! `photo_verified`, which clears the pending evidence of whatever visit promised it, before or after.

mod arrival;
mod content;
mod durable;
mod expiry;
mod fence;
mod folder;
mod holding;
mod joined;
mod manifests;
mod once;
mod plan;
mod standing;
mod unclaimed;
mod uploads;
mod viewing;
mod waiting;
mod writing;

pub(crate) use arrival::{Arrival, bound, jobs};
pub(crate) use content::{Checksum, Content};
pub(crate) use expiry::UPLOAD_KEPT_MS;
pub(crate) use holding::ForCase;
pub(crate) use manifests::{Numbers, judged_anew, numbers};
pub(crate) use plan::Planned;
pub(crate) use unclaimed::{Claim, FORGOTTEN, claims, said};
pub(crate) use uploads::{Append, Appended, Finish, New};
pub(crate) use viewing::{Link, Picture, Wanted};
pub(crate) use waiting::{Decision, Item, Waiting};

use super::archive::Archive;
use super::evidence::filing;
use super::evidence::log::Log;
use super::gather::Gather;
use super::jobs::{Jobs, Receiving};
use super::sync::Sync;
use crate::error::{Error, Result};
use durable::Durable;
use fence::Fence;
use folder::Folder;
use once::Small;
use saolou_protocol::canonical::Hash;
use saolou_protocol::ids::PhotoId;
use serde::Serialize;
use standing::{Question, Standing};
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use uuid::Uuid;

/// Largest photo, in bytes: a 100-megapixel original. Compressed as it should be, one has 1.5 MB.
pub(crate) const PHOTO_BYTES_MAX: i64 = 64 * 1024 * 1024;
/// Uploads that one person may send at the same time; more are told to wait, not refused.
const AT_ONCE_MAX: usize = 20;

/// What the phone is told of a photo that has arrived.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Stored {
    photo_id: PhotoId,
    sha256: Hash,
    bytes: i64,
    /// `stored` or `quarantined`: the phone is done with it in either case.
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The server's signed promise to log it; without one the phone keeps the photo.
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt: Option<String>,
}

/// The way to photos.
#[derive(Clone)]
pub(crate) struct Photos {
    sync: Sync,
    log: Log,
    archive: Archive,
    folder: Folder,
    durable: Durable,
    standings: Gather<Question, Standing>,
    /// What was filed of photos that have arrived.
    filed: Gather<Uuid, Option<Vec<u8>>>,
    small: Small,
    fence: Fence,
    /// This server among several.
    server: Uuid,
    at_work: AtWork,
}

impl Photos {
    /// Makes the folders and starts what syncs them.
    ///
    /// # Errors
    /// Where the folder cannot be made.
    pub(crate) fn start(
        sync: Sync,
        log: Log,
        archive: Archive,
        root: &Path,
    ) -> std::io::Result<Self> {
        let folder = Folder::prepare(root)?;
        let durable = Durable::start(sync.store.clone(), sync.clock.clone(), folder.root())?;
        let server = sync.clock.new_id();
        let standings = standing::start(sync.store.clone());
        let promising = log.clone();
        let filed = Gather::start(move |events: Vec<Uuid>| {
            let log = promising.clone();
            async move { log.promised(&events).await }
        });
        let (fence, at_work, small) = (Fence::default(), AtWork::default(), Small::default());
        Ok(Self {
            sync,
            log,
            archive,
            folder,
            durable,
            standings,
            filed,
            small,
            fence,
            server,
            at_work,
        })
    }

    /// The folder below which originals and parts are.
    pub(crate) fn root(&self) -> &Path {
        self.folder.root()
    }

    /// The receipt of a photo that is here; `None` where it came before there was a log, or the log
    /// lacks entries that it had. The same photo has the same entry for ever.
    async fn receipt(&self, photo: PhotoId, sha256: Hash) -> Result<Option<String>> {
        let id = filing::id_of(photo, "received", &sha256.0);
        let entry = self.filed.ask(id).await?;
        entry.map(|entry| self.log.receipt(&entry, self.archive.promise())).transpose()
    }
}

/// How many requests of whom carry bytes right now.
#[derive(Clone, Default)]
struct AtWork(Arc<Mutex<HashMap<Uuid, usize>>>);

/// One of them.
struct Place {
    at_work: AtWork,
    user: Uuid,
    _receiving: Receiving,
}

impl AtWork {
    fn take(&self, user: Uuid, jobs: &Jobs) -> Result<Place> {
        let mut users = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = users.entry(user).or_default();
        if *count >= AT_ONCE_MAX {
            return Err(Error::TooManyUploads);
        }
        *count += 1;
        Ok(Place { at_work: self.clone(), user, _receiving: jobs.receiving() })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut users = self.at_work.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = users.get_mut(&self.user) {
            *count -= 1;
            if *count == 0 {
                users.remove(&self.user);
            }
        }
    }
}
