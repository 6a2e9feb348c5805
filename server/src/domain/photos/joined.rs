//! Uploads that were sent in several parts at once, and are joined when all are here (the
//! `concatenation` extension of tus).

use super::{PHOTO_BYTES_MAX, Photos};
use crate::domain::access::Caller;
use crate::error::{Error, Result};
use crate::store::UploadRow;
use uuid::Uuid;

/// Parts that one upload may have.
const PARTS_MAX: usize = 64;

impl Photos {
    /// Joins the parts of an upload where all of them are whole, and takes the photo.
    pub(crate) async fn join_if_whole(&self, caller: &Caller, whole: &UploadRow) -> Result<()> {
        let ids = part_ids(whole.parts.as_deref().unwrap_or_default())?;
        let (mut rows, mut bytes) = (Vec::with_capacity(ids.len()), 0);
        for id in ids {
            let row = self.find(caller, id).await?;
            if row.role != "partial" {
                return Err(Error::Invalid(format!("{id} is no partial upload")));
            }
            bytes += row.received;
            rows.push(row);
        }
        if bytes > PHOTO_BYTES_MAX {
            return Err(Error::TooLarge(format!("a photo may have {PHOTO_BYTES_MAX} bytes")));
        }
        if rows.iter().any(|row| row.state != "complete") {
            return Ok(());
        }
        let mut parts = Vec::with_capacity(rows.len());
        for row in &rows {
            let part = self.folder.part(row.upload_id, row.received).await?;
            parts.push(part.ok_or(Error::UploadGone)?);
        }
        let part = self.folder.part(whole.upload_id, 0).await?.ok_or(Error::UploadGone)?;
        part.join(parts).await?;
        self.complete(caller, whole, &part).await.map(drop)
    }
}

/// The ids in a list of parts, which are told by their addresses.
pub(super) fn part_ids(parts: &str) -> Result<Vec<Uuid>> {
    let ids = parts.split_whitespace().map(|part| part.rsplit('/').next().unwrap_or(part));
    let ids: Option<Vec<Uuid>> = ids.map(|id| id.parse().ok()).collect();
    match ids {
        Some(ids) if !ids.is_empty() && ids.len() <= PARTS_MAX => Ok(ids),
        _ => Err(Error::Malformed(format!("Upload-Concat: expected 1 to {PARTS_MAX} uploads"))),
    }
}
