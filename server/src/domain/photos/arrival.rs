//! A photo that has arrived whole: where it belongs, and all that one commit notes of it.

use super::folder::{Content, Part};
use super::{Photos, Stored};
use crate::domain::access::Caller;
use crate::domain::desk;
use crate::domain::writer::Push;
use crate::error::{Error, Result};
use crate::store::{PhotoRow, Tx, UploadRow};
use saolou_protocol::canonical::Hash;
use saolou_protocol::ids::PhotoId;
use saolou_protocol::time::Millis;
use serde_json::json;
use uuid::Uuid;

/// Photos that the writer notes in the commit of the ops that say they are here.
#[derive(Debug, Default)]
pub(crate) struct Arrival {
    pub(crate) photo: Option<PhotoRow>,
    /// The upload that ends with it: its id, its state, its length.
    pub(crate) ended: Option<(Uuid, &'static str, i64)>,
}

/// Where a photo belongs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Placing {
    pub(crate) street: Uuid,
    /// Why it waits for the desk, where it does. It is kept all the same.
    pub(crate) reason: Option<&'static str>,
}

/// Finds out where the photo of a building belongs. Evidence is never refused for where it is from:
/// what is not its sender's to file waits for the supervisor of his street.
pub(crate) async fn place(tx: &mut Tx, caller: &Caller, building: Uuid) -> Result<Placing> {
    let streets = caller.streets(tx).await?;
    let head = if building.is_nil() { None } else { tx.head(building).await? };
    // Not only where he is assigned today: the visit may be from before he was re-assigned.
    let own = head.filter(|head| streets.contains(&head.street_id));
    let street = own.as_ref().map(|head| head.street_id).or_else(|| streets.first().copied());
    let reason = match own {
        _ if caller.device_revoked => Some("device_revoked"),
        _ if caller.suspended_ms.is_some() => Some("account_suspended"),
        None if building.is_nil() => Some("building_not_named"),
        None => Some("building_unknown"),
        Some(_) => None,
    };
    Ok(Placing { street: street.unwrap_or_default(), reason })
}

impl Photos {
    /// Takes an upload all of whose bytes are here: checks them, keeps them, notes them. Where that
    /// is cut off anywhere, the same request does the rest.
    pub(super) async fn complete(
        &self,
        caller: &Caller,
        upload: &UploadRow,
        part: &Part,
    ) -> Result<Stored> {
        let content = part.content().await?;
        let sha256 = content.sha256;
        let declared = upload.sha256.as_deref().and_then(|hash| hash.try_into().ok().map(Hash));
        if declared.is_some_and(|declared| declared != sha256) {
            return self.set_aside(upload, part, &content).await;
        }
        let place = self.folder.place(sha256);
        part.keep(place.clone(), sha256).await?;
        let folder = place.parent().expect("a photo's place lies in a folder");
        self.durable.keep(part.file(), folder).await?;
        let stored = self.note(caller, upload, &content).await?;
        self.folder.remove_part(upload.upload_id).await;
        Ok(stored)
    }

    /// Notes a photo whose bytes are durable, and files that it is here.
    pub(super) async fn note(
        &self,
        caller: &Caller,
        upload: &UploadRow,
        content: &Content,
    ) -> Result<Stored> {
        let now_ms = self.sync.clock.now_ms();
        let photo = upload.photo_id.unwrap_or(upload.upload_id);
        let placing = {
            let mut tx = self.sync.store.read().await?;
            self.require_no_other(&mut tx, caller, photo, content.sha256).await?;
            place(&mut tx, caller, upload.building_id).await?
        };
        let ops = match placing.reason {
            None => vec![verified(photo, content.sha256, upload.building_id, placing, now_ms)?],
            Some(_) => Vec::new(),
        };
        let state = if placing.reason.is_none() { "stored" } else { "quarantined" };
        let row = row(upload, photo, content, placing, state, now_ms);
        let ended = Some((upload.upload_id, "complete", content.bytes));
        self.sync
            .writer
            .file(Push { ops, arrivals: vec![Arrival { photo: Some(row), ended }] })
            .await?;
        metrics::counter!("saolou_photos_total").increment(1);
        tracing::info!(photo_id = %photo, bytes = content.bytes, state, "a photo arrived");
        Ok(Stored {
            photo_id: PhotoId(photo),
            sha256: content.sha256,
            bytes: content.bytes,
            state,
            reason: placing.reason.map(str::to_owned),
        })
    }

    /// One author's photo has one content. Another one under its id is told, and kept nowhere else
    /// than on the phone that has it.
    pub(super) async fn require_no_other(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        photo: Uuid,
        sha256: Hash,
    ) -> Result<()> {
        let same_author = |row: &PhotoRow| {
            row.author_id == caller.user_id
                && matches!(row.state.as_str(), "stored" | "quarantined")
        };
        let rows = tx.photos(photo).await?;
        let other = rows.iter().find(|row| same_author(row) && row.sha256 != sha256.0);
        match other {
            Some(_) => {
                tracing::warn!(photo_id = %photo, user_id = %caller.user_id, "other bytes for a photo that is here");
                Err(Error::PhotoConflict)
            }
            None => Ok(()),
        }
    }

    /// Keeps bytes that are not what they were said to be, for whoever has to find out why (C38).
    async fn set_aside(
        &self,
        upload: &UploadRow,
        part: &Part,
        content: &Content,
    ) -> Result<Stored> {
        let now_ms = self.sync.clock.now_ms();
        let place = self.folder.place_of_mismatch(content.sha256);
        part.keep(place.clone(), content.sha256).await?;
        let folder = place.parent().expect("a photo's place lies in a folder");
        self.durable.keep(part.file(), folder).await?;
        let photo = upload.photo_id.unwrap_or(upload.upload_id);
        let placing = Placing { street: upload.street_id, reason: Some("hash_mismatch") };
        let row = row(upload, photo, content, placing, "mismatched", now_ms);
        let ended = Some((upload.upload_id, "refused", content.bytes));
        let arrivals = vec![Arrival { photo: Some(row), ended }];
        self.sync.writer.file(Push { ops: Vec::new(), arrivals }).await?;
        self.folder.remove_part(upload.upload_id).await;
        let times = self.sync.store.read().await?.mismatches(photo, upload.user_id).await?;
        tracing::warn!(photo_id = %photo, user_id = %upload.user_id, times, "a photo is not what was promised");
        metrics::counter!("saolou_photo_mismatches_total").increment(1);
        Err(Error::DigestMismatch(format!("received {}", content.sha256)))
    }
}

/// The op by which the server says that a photo is here.
pub(super) fn verified(
    photo: Uuid,
    sha256: Hash,
    building: Uuid,
    placing: Placing,
    now_ms: Millis,
) -> Result<saolou_protocol::engine::push::Judged> {
    let op_id = Uuid::new_v5(&photo, &sha256.0);
    let body = json!({ "photo_id": photo, "sha256": sha256 });
    let op = desk::op(op_id, Uuid::nil(), now_ms, building, "photo_verified", photo, &[], body)?;
    Ok(desk::judged(op, placing.street, now_ms))
}

fn row(
    upload: &UploadRow,
    photo: Uuid,
    content: &Content,
    placing: Placing,
    state: &str,
    now_ms: Millis,
) -> PhotoRow {
    PhotoRow {
        street_id: placing.street,
        photo_id: photo,
        author_id: upload.user_id,
        sha256: content.sha256.0.to_vec(),
        building_id: upload.building_id,
        device_id: upload.device_id,
        kind: upload.kind.clone(),
        media_type: content.media_type.clone().into_owned(),
        bytes: content.bytes,
        manifest: upload.manifest.clone(),
        state: state.to_owned(),
        reason: placing.reason.map(str::to_owned),
        received_ms: now_ms,
        bound_ms: None,
    }
}
