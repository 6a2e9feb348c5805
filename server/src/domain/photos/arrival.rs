//! A photo that has arrived whole: where it belongs, and all that one commit notes of it.

use super::folder::{Content, Part};
use super::manifests::{self, DeviceKeys};
use super::once::ONCE;
use super::standing::{Question, Standing};
use super::{Photos, Stored};
use crate::domain::access::Caller;
use crate::domain::desk;
use crate::domain::evidence::filing;
use crate::domain::writer::Push;
use crate::error::{Error, Result};
use crate::store::{EventRow, Head, ManifestRow, NewJob, PhotoRow, SaltRow, Stage, Tx, UploadRow};
use saolou_protocol::building::Binding;
use saolou_protocol::canonical::Hash;
use saolou_protocol::engine::push::Judged;
use saolou_protocol::evidence::event::{Commitment, Event};
use saolou_protocol::evidence::manifest::Manifest;
use saolou_protocol::ids::PhotoId;
use saolou_protocol::time::Millis;
use serde_json::json;
use uuid::Uuid;

/// Photos that the writer notes in the commit of the ops that say they are here.
#[derive(Debug, Default)]
pub(crate) struct Arrival {
    pub(crate) photo: Option<PhotoRow>,
    /// A row of the same photo without an author goes in the same commit.
    pub(crate) is_claimed: bool,
    /// Its manifest, where that has a number.
    pub(crate) manifest: Option<ManifestRow>,
    /// The upload that ends with it: its id, its state, its length.
    pub(crate) ended: Option<(Uuid, &'static str, i64)>,
    /// What the evidence log is told.
    pub(crate) events: Vec<EventRow>,
    pub(crate) salts: Vec<SaltRow>,
    /// What is to be done with its bytes.
    pub(crate) jobs: Vec<NewJob>,
}

/// What is known of how a photo was taken.
struct Taken {
    manifest: Option<Manifest>,
    /// What the manifest's signature is worth.
    signature: Option<&'static str>,
    device: Option<Commitment>,
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
    Ok(placing(caller, head.as_ref(), &streets, building))
}

/// The same from what is known: the head of the building, and the streets in which the sender files.
fn placing(caller: &Caller, head: Option<&Head>, streets: &[Uuid], building: Uuid) -> Placing {
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
    Placing { street: street.unwrap_or_default(), reason }
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
        self.complete_with(caller, upload, part, &content).await
    }

    /// The same where the file was read already.
    pub(super) async fn complete_with(
        &self,
        caller: &Caller,
        upload: &UploadRow,
        part: &Part,
        content: &Content,
    ) -> Result<Stored> {
        let sha256 = content.sha256;
        let declared = upload.sha256.as_deref().and_then(|hash| hash.try_into().ok().map(Hash));
        if declared.is_some_and(|declared| declared != sha256) {
            return self.set_aside(caller, upload, part, content).await;
        }
        // Before anything is kept: what cannot be noted must not lie where originals are.
        let standing = self.standing(caller, upload, sha256).await?;
        self.durable.keep(part, self.folder.place(sha256), sha256).await?;
        let stored = self.note(caller, upload, content, standing).await?;
        part.remove().await;
        Ok(stored)
    }

    /// What is known where a photo arrives.
    ///
    /// # Errors
    /// [`Error::PhotoConflict`] where other bytes are here that its record promised.
    pub(super) async fn standing(
        &self,
        caller: &Caller,
        upload: &UploadRow,
        sha256: Hash,
    ) -> Result<Standing> {
        let photo = upload.photo_id.unwrap_or(upload.upload_id);
        let question = Question { photo, building: upload.building_id, caller: caller.clone() };
        let standing = self.standings.ask(question).await?;
        require_no_other(&standing.known, caller, sha256)?;
        Ok(standing)
    }

    /// Notes a photo whose bytes are durable, and files that it is here.
    pub(super) async fn note(
        &self,
        caller: &Caller,
        upload: &UploadRow,
        content: &Content,
        Standing { known, head, streets }: Standing,
    ) -> Result<Stored> {
        let now_ms = self.sync.clock.now_ms();
        let photo = upload.photo_id.unwrap_or(upload.upload_id);
        let is_claimed = known.iter().any(|row| row.author_id.is_nil());
        let stored = stored(known, caller, content.sha256);
        let placing = match &stored {
            Some(row) => Placing { street: row.street_id, reason: None },
            None => placing(caller, head.as_ref(), &streets, upload.building_id),
        };
        let taken = self.taken(upload, photo, content.sha256).await?;
        let ops = match (placing.reason, &stored) {
            (None, None) => {
                vec![verified(photo, content.sha256, upload.building_id, placing, now_ms)?]
            }
            // Said before, or to be said by the desk.
            _ => Vec::new(),
        };
        let state = if placing.reason.is_none() { "stored" } else { "quarantined" };
        let row = stored.unwrap_or_else(|| row(upload, photo, content, placing, state, now_ms));
        let mut arrival = Arrival {
            ended: (upload.role != ONCE).then_some((upload.upload_id, "complete", content.bytes)),
            jobs: jobs(photo, content.sha256),
            is_claimed,
            ..Arrival::default()
        };
        arrival.manifest = taken.manifest.as_ref().and_then(|manifest| {
            let sent = upload.manifest.as_deref()?;
            manifests::row(manifest, sent, placing.street, taken.signature?, now_ms)
        });
        arrival.log_received(upload, PhotoId(photo), content, &taken, now_ms);
        arrival.photo = Some(row);
        self.sync.writer.file(Push { ops, arrivals: vec![arrival] }).await?;
        self.sync.jobs.ring();
        metrics::counter!("saolou_photos_total").increment(1);
        tracing::info!(photo_id = %photo, bytes = content.bytes, state, "a photo arrived");
        let receipt = self.receipt(PhotoId(photo), content.sha256).await?;
        Ok(Stored {
            photo_id: PhotoId(photo),
            sha256: content.sha256,
            bytes: content.bytes,
            state,
            reason: placing.reason.map(str::to_owned),
            receipt,
        })
    }

    /// What the manifest of a photo says, and what its signature is worth. A manifest of another
    /// photo says nothing of this one.
    async fn taken(&self, upload: &UploadRow, photo: Uuid, sha256: Hash) -> Result<Taken> {
        let manifest = upload.manifest.as_deref().and_then(manifests::read);
        let device = manifest.as_ref().and_then(|manifest| manifest.device_id);
        let device = device.map(|device| device.0).or(upload.device_id);
        let is_of_it = |of: &Manifest| of.photo_id.0 == photo && of.sha256 == sha256;
        if manifest.is_none() && device.is_none() {
            return Ok(Taken { manifest: None, signature: None, device: None });
        }
        let mut tx = self.sync.store.read().await?;
        let signature = match &manifest {
            None => None,
            Some(of) if !is_of_it(of) => Some("invalid"),
            Some(of) => Some(DeviceKeys::default().judge(&mut tx, of).await?),
        };
        if signature == Some("invalid") {
            tracing::warn!(photo_id = %photo, upload_id = %upload.upload_id, "a manifest that its device did not sign");
            metrics::counter!("saolou_manifests_invalid_total").increment(1);
        }
        let mut committed = None;
        if let Some(device) = device {
            committed = filing::committed_device(&mut tx, device).await?;
            drop(tx);
            if committed.is_none() {
                let mut tx = self.sync.store.write().await?;
                committed = Some(filing::commit_device(&mut tx, device).await?);
                tx.commit().await?;
            }
        }
        let manifest = manifest.filter(is_of_it);
        Ok(Taken { manifest, signature, device: committed })
    }

    /// Keeps bytes that are not what they were said to be, for whoever has to find out why (C38).
    async fn set_aside(
        &self,
        caller: &Caller,
        upload: &UploadRow,
        part: &Part,
        content: &Content,
    ) -> Result<Stored> {
        let now_ms = self.sync.clock.now_ms();
        let kept = self.folder.place_of_mismatch(content.sha256);
        self.durable.keep(part, kept, content.sha256).await?;
        let photo = upload.photo_id.unwrap_or(upload.upload_id);
        let placing = place(&mut self.sync.store.read().await?, caller, upload.building_id).await?;
        let placing = Placing { reason: Some("hash_mismatch"), ..placing };
        let row = row(upload, photo, content, placing, "mismatched", now_ms);
        let ended =
            Some((upload.upload_id, "refused", content.bytes)).filter(|_| upload.role != ONCE);
        let mut arrival = Arrival { photo: Some(row), ended, ..Arrival::default() };
        arrival.log_mismatch(upload, PhotoId(photo), content, now_ms);
        self.sync.writer.file(Push { ops: Vec::new(), arrivals: vec![arrival] }).await?;
        part.remove().await;
        tracing::warn!(photo_id = %photo, user_id = %upload.user_id, "a photo is not what was promised");
        metrics::counter!("saolou_photo_mismatches_total").increment(1);
        Err(Error::DigestMismatch(format!("received {}", content.sha256)))
    }
}

impl Arrival {
    fn log_received(
        &mut self,
        upload: &UploadRow,
        photo_id: PhotoId,
        content: &Content,
        taken: &Taken,
        now_ms: Millis,
    ) {
        let id = filing::id_of(photo_id, "received", &content.sha256.0);
        let bytes = u64::try_from(content.bytes).unwrap_or(0);
        let told = taken.manifest.as_ref();
        let mut event = Event::received(photo_id, content.sha256, bytes, told);
        if let Event::Received { media_type, author, device, signature, .. } = &mut event {
            *media_type = Some(content.media_type.clone().into_owned());
            let of = upload.user_id;
            *author = Some(filing::commit(id, "author", of.as_bytes(), &mut self.salts));
            *device = taken.device;
            *signature = taken.signature.map(str::to_owned);
        }
        self.events.push(filing::event(id, now_ms, event));
    }

    fn log_mismatch(
        &mut self,
        upload: &UploadRow,
        photo_id: PhotoId,
        content: &Content,
        now_ms: Millis,
    ) {
        let declared = upload.sha256.as_deref().and_then(|hash| hash.try_into().ok().map(Hash));
        let id = filing::id_of(photo_id, "hash_mismatch", &content.sha256.0);
        let event = Event::HashMismatch {
            photo_id,
            declared: declared.unwrap_or(content.sha256),
            received: content.sha256,
            bytes: u64::try_from(content.bytes).unwrap_or(0),
        };
        self.events.push(filing::event(id, now_ms, event));
    }
}

/// The event of a photo and its record being here both.
pub(crate) fn bound(bound: &Binding, building: Uuid, now_ms: Millis) -> (EventRow, Vec<SaltRow>) {
    let mut salts = Vec::new();
    let id = filing::id_of(bound.photo, "bound", &bound.sha256.0);
    let subject = Some(filing::commit(id, "subject", building.as_bytes(), &mut salts));
    let (photo_id, sha256, op_id) = (bound.photo, bound.sha256, bound.visit.0);
    (filing::event(id, now_ms, Event::Bound { photo_id, sha256, op_id, subject }), salts)
}

/// What is to be done with the bytes of a photo.
pub(crate) fn jobs(photo_id: Uuid, sha256: Hash) -> Vec<NewJob> {
    let job = |stage| NewJob { photo_id, sha256: sha256.0, stage };
    Stage::ALL.into_iter().map(job).collect()
}

/// One of the contents that came under the id of a photo: the one that is asked for, or the first
/// that is stored.
pub(super) fn row_of(rows: Vec<PhotoRow>, sha256: Option<Hash>) -> Option<PhotoRow> {
    let is_it = |row: &PhotoRow| match sha256 {
        Some(sha256) => row.sha256 == sha256.0,
        None => row.state == "stored",
    };
    rows.into_iter().find(is_it)
}

/// A photo whose record is here has the content that the record promised. Another one under its
/// id is told, and kept nowhere else than on the phone that has it. Before the record is here
/// nobody knows which content is the promised one, so that each is taken.
pub(super) fn require_no_other(known: &[PhotoRow], caller: &Caller, sha256: Hash) -> Result<()> {
    let same_author = |row: &&PhotoRow| row.author_id == caller.user_id && row.bound_ms.is_some();
    let Some(other) = known.iter().filter(same_author).find(|row| row.sha256 != sha256.0) else {
        return Ok(());
    };
    tracing::warn!(photo_id = %other.photo_id, user_id = %caller.user_id, "other bytes for a photo that is here");
    Err(Error::PhotoConflict)
}

/// What was stored of a photo before, where its bytes are brought again. The desk may have given it
/// another place than its sender names. One whose author is forgotten is his who has the bytes.
fn stored(known: Vec<PhotoRow>, caller: &Caller, sha256: Hash) -> Option<PhotoRow> {
    let is_his = |row: &PhotoRow| row.author_id == caller.user_id || row.author_id.is_nil();
    let is_it = |row: &PhotoRow| is_his(row) && row.sha256 == sha256.0 && row.state == "stored";
    let row = known.into_iter().find(is_it)?;
    Some(PhotoRow { author_id: caller.user_id, ..row })
}

/// The op by which the server says that a photo is here.
pub(super) fn verified(
    photo: Uuid,
    sha256: Hash,
    building: Uuid,
    placing: Placing,
    now_ms: Millis,
) -> Result<Judged> {
    said(Uuid::new_v5(&photo, &sha256.0), photo, sha256, building, placing, now_ms)
}

/// The op by which the server says so in the building that the desk has found for a photo, after it was
/// said in another one.
pub(super) fn attached(
    photo: Uuid,
    sha256: Hash,
    building: Uuid,
    placing: Placing,
    now_ms: Millis,
) -> Result<Judged> {
    let first = Uuid::new_v5(&photo, &sha256.0);
    let op_id = Uuid::new_v5(&first, building.as_bytes());
    said(op_id, photo, sha256, building, placing, now_ms)
}

fn said(
    op_id: Uuid,
    photo: Uuid,
    sha256: Hash,
    building: Uuid,
    placing: Placing,
    now_ms: Millis,
) -> Result<Judged> {
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
