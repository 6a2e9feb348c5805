//! A photo that one request brings whole, or not at all: nothing is noted of it before it is here, and
//! one commit notes it. A small one is taken into memory first, and then written in one go.

use super::content::{Content, Whole};
use super::uploads::{Append, Appended, New};
use super::{PHOTO_BYTES_MAX, Photos};
use crate::domain::access::Caller;
use crate::error::{Error, Result};
use crate::store::UploadRow;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

/// The role of what one request brings whole, or not at all: no upload that anybody can ask for.
pub(super) const ONCE: &str = "once";
/// The largest photo that is taken into memory, in KiB.
const SMALL_KIB: u32 = 4 * 1024;
/// How much of all photos together is in memory at once, in KiB; what comes then goes to the disk as
/// it comes.
const MEMORY_KIB: usize = 24 * 1024;

/// The memory that there is for small photos.
#[derive(Clone)]
pub(super) struct Small(Arc<Semaphore>);

impl Default for Small {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MEMORY_KIB)))
    }
}

impl Small {
    /// Room for a photo of so many bytes, where it is small and there is any.
    pub(super) fn room(&self, bytes: Option<i64>) -> Option<OwnedSemaphorePermit> {
        let kib = u32::try_from(bytes? / 1024 + 1).ok().filter(|kib| *kib <= SMALL_KIB)?;
        Arc::clone(&self.0).try_acquire_many_owned(kib).ok()
    }
}

impl Photos {
    /// Takes a photo that one request brings whole, or not at all: nobody goes on with it where it
    /// breaks, so nothing is noted of it before it is here.
    pub(crate) async fn take(&self, caller: &Caller, new: New, append: Append) -> Result<Appended> {
        if new.bytes.is_some_and(|bytes| bytes > PHOTO_BYTES_MAX) {
            return Err(Error::TooLarge(format!("a photo may have {PHOTO_BYTES_MAX} bytes")));
        }
        // Its place is found when it is here.
        let row = self.row_in(Uuid::nil(), caller, New { role: ONCE, ..new });
        let (photos, caller) = (self.clone(), caller.clone());
        // In a task of its own, as `append`.
        let task = tokio::spawn(async move { photos.take_here(&caller, row, append).await });
        task.await.map_err(|error| Error::Internal(format!("taking a photo: {error}")))?
    }

    async fn take_here(&self, caller: &Caller, row: UploadRow, append: Append) -> Result<Appended> {
        let _place = self.at_work.take(caller.user_id, &self.sync.jobs)?;
        self.folder.require_room(u64::try_from(row.bytes.unwrap_or(0)).unwrap_or(0))?;
        if let Some(_room) = self.small.room(row.bytes) {
            return self.take_small(caller, &row, append.content).await;
        }
        let mut hold = self.fence.hold(row.upload_id).await.ok_or(Error::Overloaded)?;
        let part = self.folder.once(row.upload_id).await?;
        let taken = self.receive(caller, row, append, &part, &mut hold).await;
        part.remove().await;
        taken
    }

    async fn take_small(
        &self,
        caller: &Caller,
        row: &UploadRow,
        mut content: Content,
    ) -> Result<Appended> {
        let bytes = row.bytes.unwrap_or(0);
        let chunks = match content.whole(bytes).await {
            Whole::Bytes(chunks) => chunks,
            Whole::TooMany => return Ok(Appended::BeyondLength),
            Whole::TooFew => return Ok(Appended::OtherLength),
            Whole::Broken => return Ok(Appended::Broken(0)),
        };
        let (part, content) = self.folder.written(row.upload_id, chunks).await?;
        let taken = self.complete_with(caller, row, &part, &content).await;
        part.remove().await;
        taken.map(|stored| Appended::Complete(bytes, stored))
    }
}
