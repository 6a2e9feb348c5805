//! The upload resource: made, looked at, appended to, cancelled. The offset that anybody is told is
//! durable and never goes back.

use super::content::{Checksum, Content, Next, Summing};
use super::fence::Hold;
use super::folder::Part;
use super::once::ONCE;
use super::writing::Writing;
use super::{PHOTO_BYTES_MAX, Photos, Stored, UPLOAD_KEPT_MS, arrival};
use crate::domain::access::Caller;
use crate::error::{Error, Result};
use crate::store::{Progress, Tx, UploadRow};
use saolou_protocol::canonical::Hash;
use uuid::Uuid;

/// After so many bytes the offset is published while a request is still sending.
const PUBLISH_BYTES: i64 = 4 * 1024 * 1024;

/// A new upload, as somebody asked for it.
#[derive(Clone, Debug, Default)]
pub(crate) struct New {
    pub(crate) protocol: &'static str,
    /// `whole`, `partial` or `final`.
    pub(crate) role: &'static str,
    pub(crate) photo: Option<Uuid>,
    pub(crate) sha256: Option<Hash>,
    pub(crate) building: Option<Uuid>,
    pub(crate) device: Option<Uuid>,
    pub(crate) kind: Option<String>,
    pub(crate) manifest: Option<Vec<u8>>,
    pub(crate) metadata: Option<String>,
    pub(crate) bytes: Option<i64>,
    pub(crate) parts: Option<String>,
}

/// When an upload is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finish {
    /// As soon as it has its length (tus).
    AtLength,
    /// With the last byte of this request.
    Now,
    /// Not by this request.
    Later,
}

/// What a request wants to append.
pub(crate) struct Append {
    /// Where its bytes begin.
    pub(crate) offset: i64,
    pub(crate) content: Content,
    /// How many bytes it says it has.
    pub(crate) content_bytes: Option<i64>,
    /// The length of the whole, where the request says it.
    pub(crate) bytes: Option<i64>,
    pub(crate) finish: Finish,
    pub(crate) checksum: Option<Checksum>,
    /// Told of every offset that is durable while the request still sends.
    pub(crate) progress: Option<Box<dyn Fn(i64) + Send + Sync>>,
}

/// What came of it.
#[derive(Debug)]
pub(crate) enum Appended {
    /// Appended; more is to come.
    Open(i64),
    /// Appended, and whole.
    Complete(i64, Stored),
    /// A part of another upload is whole.
    PartComplete(i64),
    /// The upload stands elsewhere.
    OtherOffset(i64),
    /// It was complete before.
    CompleteBefore(i64),
    /// Not what it said it hashes to: nothing was appended.
    ChecksumMismatch,
    /// Lengths that contradict each other.
    OtherLength,
    /// More than the upload's length; nothing of this request counts.
    BeyondLength,
    /// The connection broke, or a newer request came; what had arrived counts.
    Broken(i64),
}

impl Photos {
    /// Makes an upload.
    pub(crate) async fn create(&self, caller: &Caller, new: New) -> Result<UploadRow> {
        let mut tx = self.sync.store.read().await?;
        self.admit(&mut tx, caller, &new).await?;
        let row = self.row(&mut tx, caller, new).await?;
        drop(tx);
        let mut tx = self.sync.store.write().await?;
        tx.put_uploads(std::slice::from_ref(&row)).await?;
        tx.commit().await?;
        Ok(row)
    }

    /// Whether somebody may begin to send this.
    pub(super) async fn admit(&self, tx: &mut Tx, caller: &Caller, new: &New) -> Result<()> {
        if new.bytes.is_some_and(|bytes| bytes > PHOTO_BYTES_MAX) {
            return Err(Error::TooLarge(format!("a photo may have {PHOTO_BYTES_MAX} bytes")));
        }
        match (new.photo, new.sha256) {
            (Some(photo), Some(sha256)) => {
                arrival::require_no_other(&tx.photos(photo).await?, caller, sha256)
            }
            _ => Ok(()),
        }
    }

    pub(super) async fn row(&self, tx: &mut Tx, caller: &Caller, new: New) -> Result<UploadRow> {
        let placing = arrival::place(tx, caller, new.building.unwrap_or_default()).await?;
        Ok(self.row_in(placing.street, caller, new))
    }

    /// An upload that lies in a street.
    pub(super) fn row_in(&self, street: Uuid, caller: &Caller, new: New) -> UploadRow {
        let now_ms = self.sync.clock.now_ms();
        UploadRow {
            upload_id: self.sync.clock.new_id(),
            user_id: caller.user_id,
            server_id: self.server,
            protocol: new.protocol.to_owned(),
            state: "open".to_owned(),
            street_id: street,
            building_id: new.building.unwrap_or_default(),
            device_id: new.device,
            photo_id: new.photo,
            sha256: new.sha256.map(|hash| hash.0.to_vec()),
            kind: new.kind,
            manifest: new.manifest,
            metadata: new.metadata,
            bytes: new.bytes,
            received: 0,
            role: new.role.to_owned(),
            parts: new.parts,
            created_ms: now_ms,
            touched_ms: now_ms,
        }
    }

    /// An upload as it stands, after whatever was still sending to it has stopped.
    pub(crate) async fn look(&self, caller: &Caller, upload: Uuid) -> Result<UploadRow> {
        let _hold = self.fence.hold(upload).await.ok_or(Error::Overloaded)?;
        let row = self.find(caller, upload).await?;
        if row.role == "final" && row.state == "open" {
            self.join_if_whole(caller, &row).await?;
            return self.find(caller, upload).await;
        }
        let is_all_here = row.bytes == Some(row.received) && row.protocol != "ietf";
        if row.state == "open" && row.role != "final" && is_all_here {
            // A client of tus takes this offset for the end and sends nothing more: what a failure
            // has cut off between the last byte and the commit is done now.
            let part = self.folder.part(upload, row.received).await?.ok_or(Error::UploadGone)?;
            self.settle(caller, &row, &part, row.received, Finish::AtLength).await?;
            return self.find(caller, upload).await;
        }
        if row.state == "open" && row.server_id != self.server {
            // Whoever wrote it must not write on: the offset that is told now has to hold.
            self.take_over(&row).await?;
            return self.find(caller, upload).await;
        }
        Ok(row)
    }

    /// An upload of the caller's, open or complete.
    pub(crate) async fn find(&self, caller: &Caller, upload: Uuid) -> Result<UploadRow> {
        let row = self.sync.store.read().await?.upload(caller.user_id, upload).await?;
        let row = row.ok_or(Error::NotFound)?;
        let is_expired = row.touched_ms < self.sync.clock.now_ms() - UPLOAD_KEPT_MS;
        match row.state.as_str() {
            "open" if is_expired => Err(Error::UploadGone),
            "open" | "complete" => Ok(row),
            _ => Err(Error::UploadGone),
        }
    }

    async fn take_over(&self, row: &UploadRow) -> Result<()> {
        let mut tx = self.sync.store.write().await?;
        tx.take_upload(row.upload_id, self.server).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Ends an upload without a photo, and whatever is still sending to it.
    pub(crate) async fn cancel(&self, caller: &Caller, upload: Uuid) -> Result<()> {
        let _hold = self.fence.hold(upload).await.ok_or(Error::Overloaded)?;
        let row = self.find(caller, upload).await?;
        self.end(&row, "cancelled").await
    }

    async fn end(&self, row: &UploadRow, state: &str) -> Result<()> {
        let mut tx = self.sync.store.write().await?;
        let now_ms = self.sync.clock.now_ms();
        if row.state == "open" {
            tx.end_upload(row.upload_id, state, row.received, now_ms).await?;
        } else {
            tx.forget_upload(row.upload_id).await?;
        }
        tx.commit().await?;
        self.folder.remove_part(row.upload_id).await;
        Ok(())
    }

    /// Appends to an upload, in a task of its own: a phone that hangs up cannot cut off a commit.
    pub(crate) async fn append(
        &self,
        caller: &Caller,
        upload: Uuid,
        append: Append,
    ) -> Result<Appended> {
        let (photos, caller) = (self.clone(), caller.clone());
        let task = tokio::spawn(async move { photos.append_here(&caller, upload, append).await });
        task.await.map_err(|error| Error::Internal(format!("appending: {error}")))?
    }

    async fn append_here(&self, caller: &Caller, upload: Uuid, append: Append) -> Result<Appended> {
        let _place = self.at_work.take(caller.user_id, &self.sync.jobs)?;
        let mut hold = self.fence.hold(upload).await.ok_or(Error::Overloaded)?;
        let mut row = self.find(caller, upload).await?;
        if row.role == "final" {
            return Err(Error::Forbidden);
        }
        if row.state == "complete" {
            return Ok(Appended::CompleteBefore(row.received));
        }
        if append.offset != row.received {
            return Ok(Appended::OtherOffset(row.received));
        }
        if append.bytes.is_some_and(|bytes| bytes > PHOTO_BYTES_MAX) {
            return Err(Error::TooLarge(format!("a photo may have {PHOTO_BYTES_MAX} bytes")));
        }
        if let Some(wrong) = contradicts(&row, &append) {
            if matches!(wrong, Appended::BeyondLength) && append.finish != Finish::AtLength {
                self.end(&row, "refused").await?;
            }
            return Ok(wrong);
        }
        if row.server_id != self.server {
            self.take_over(&row).await?;
        }
        if let (None, Some(bytes)) = (row.bytes, whole_bytes(&append)) {
            let mut tx = self.sync.store.write().await?;
            tx.size_upload(upload, bytes).await?;
            tx.commit().await?;
            row.bytes = Some(bytes);
        }
        let rest = row.bytes.or(append.content_bytes).unwrap_or(0).max(row.received);
        self.folder.require_room(u64::try_from(rest - row.received).unwrap_or(0))?;
        let Some(part) = self.folder.part(upload, row.received).await? else {
            self.end(&row, "expired").await?;
            return Err(Error::UploadGone);
        };
        self.receive(caller, row, append, &part, &mut hold).await
    }

    pub(super) async fn receive(
        &self,
        caller: &Caller,
        row: UploadRow,
        append: Append,
        part: &Part,
        hold: &mut Hold,
    ) -> Result<Appended> {
        let Append { mut content, content_bytes, finish, checksum, progress, offset, .. } = append;
        let bytes_max = row.bytes.unwrap_or(PHOTO_BYTES_MAX);
        let mut summing = Summing::for_checksum(checksum.as_ref());
        let (mut at, mut published) = (offset, offset);
        let room = self.small.room(content_bytes);
        let mut writing = Writing::to(part, offset, room.is_some());
        let is_whole = loop {
            let next = tokio::select! {
                written = writing.turn() => { written?; continue }
                next = content.next() => next,
                () = hold.superseded() => content.next_at_hand().await,
            };
            let chunk = match next {
                Next::Bytes(chunk) => chunk,
                Next::End => break true,
                Next::Broken => break false,
            };
            let after = at + i64::try_from(chunk.len()).unwrap_or(0);
            if after > bytes_max {
                writing.all().await?;
                if finish == Finish::AtLength {
                    part.cut(published).await?;
                } else {
                    self.end(&row, "refused").await?;
                }
                return Ok(Appended::BeyondLength);
            }
            summing.take(&chunk);
            writing.take(chunk).await?;
            at = after;
            // What has to be compared first does not count before it is.
            if checksum.is_none() && at - published >= PUBLISH_BYTES {
                writing.all().await?;
                self.publish(&row, part, at).await?;
                published = at;
                if let Some(progress) = &progress {
                    progress(at);
                }
            }
        };
        writing.all().await?;
        if checksum.is_some() && !(is_whole && summing.matches(checksum, &content)) {
            part.cut(published).await?;
            let wrong =
                if is_whole { Appended::ChecksumMismatch } else { Appended::Broken(offset) };
            return Ok(wrong);
        }
        if !is_whole {
            self.publish(&row, part, at).await?;
            return Ok(Appended::Broken(at));
        }
        self.settle(caller, &row, part, at, finish).await
    }

    /// After the last byte of a request: the upload is whole, or waits for more.
    async fn settle(
        &self,
        caller: &Caller,
        row: &UploadRow,
        part: &Part,
        at: i64,
        finish: Finish,
    ) -> Result<Appended> {
        let has_length = row.bytes == Some(at);
        let is_complete = match finish {
            Finish::AtLength => has_length,
            Finish::Now => row.bytes.is_none() || has_length,
            Finish::Later => false,
        };
        if !is_complete {
            self.publish(row, part, at).await?;
            let is_short = finish == Finish::Now;
            return Ok(if is_short { Appended::OtherLength } else { Appended::Open(at) });
        }
        if row.role == "partial" {
            self.publish(row, part, at).await?;
            let mut tx = self.sync.store.write().await?;
            let now_ms = self.sync.clock.now_ms();
            tx.end_upload(row.upload_id, "complete", at, now_ms).await?;
            tx.commit().await?;
            return Ok(Appended::PartComplete(at));
        }
        match self.complete(caller, row, part).await {
            Ok(stored) => Ok(Appended::Complete(at, stored)),
            Err(error) => {
                // The bytes are good; what failed is tried again by the same request.
                if !matches!(error, Error::DigestMismatch(_) | Error::PhotoConflict) {
                    self.publish(row, part, at).await?;
                }
                Err(error)
            }
        }
    }

    pub(super) async fn publish(&self, row: &UploadRow, part: &Part, received: i64) -> Result<()> {
        if row.role == ONCE {
            return Ok(());
        }
        let progress = Progress { upload: row.upload_id, server: self.server, received };
        self.durable.progress(part.file(), progress).await
    }
}

/// The length of the whole, as far as a request says it.
fn whole_bytes(append: &Append) -> Option<i64> {
    let to_the_end = append.content_bytes.filter(|_| append.finish == Finish::Now);
    append.bytes.or_else(|| to_the_end.map(|bytes| append.offset + bytes))
}

/// Whether lengths that were said contradict each other.
fn contradicts(row: &UploadRow, append: &Append) -> Option<Appended> {
    let to_the_end = append.content_bytes.filter(|_| append.finish == Finish::Now);
    let said = [row.bytes, append.bytes, to_the_end.map(|bytes| append.offset + bytes)];
    let mut said = said.into_iter().flatten();
    let first = said.next();
    let ends = append.content_bytes.map(|bytes| append.offset + bytes);
    let bytes_max = row.bytes.or(append.bytes).unwrap_or(PHOTO_BYTES_MAX);
    if ends.is_some_and(|ends| ends > bytes_max) {
        return Some(Appended::BeyondLength);
    }
    if said.any(|other| Some(other) != first) {
        return Some(Appended::OtherLength);
    }
    None
}
