//! A photo that one request brings whole, or not at all: nothing is noted of it before it is here, and
//! one commit notes it.

use super::Photos;
use super::uploads::{Append, Appended, New};
use crate::domain::access::Caller;
use crate::error::{Error, Result};
use uuid::Uuid;

/// The role of what one request brings whole, or not at all: no upload that anybody can ask for.
pub(super) const ONCE: &str = "once";

impl Photos {
    /// Takes a photo that one request brings whole, or not at all: nobody goes on with it where it
    /// breaks, so nothing is noted of it before it is here.
    pub(crate) async fn take(&self, caller: &Caller, new: New, append: Append) -> Result<Appended> {
        let mut tx = self.sync.store.read().await?;
        self.admit(&mut tx, caller, &new).await?;
        drop(tx);
        // Its place is found when it is here.
        let row = self.row_in(Uuid::nil(), caller, New { role: ONCE, ..new });
        let (photos, caller) = (self.clone(), caller.clone());
        // In a task of its own, as `append`.
        let task = tokio::spawn(async move {
            let _place = photos.at_work.take(caller.user_id, &photos.sync.jobs)?;
            let mut hold = photos.fence.hold(row.upload_id).await.ok_or(Error::Overloaded)?;
            photos.folder.require_room(u64::try_from(row.bytes.unwrap_or(0)).unwrap_or(0))?;
            let part = photos.folder.once(row.upload_id).await?;
            let taken = photos.receive(&caller, row, append, &part, &mut hold).await;
            part.remove().await;
            taken
        });
        task.await.map_err(|error| Error::Internal(format!("taking a photo: {error}")))?
    }
}
