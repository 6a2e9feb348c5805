//! The plan: after a day without signal, one round trip says what a phone still has to send.

use super::folder::Content;
use super::manifests::{self, DeviceKeys};
use super::uploads::New;
use super::{PHOTO_BYTES_MAX, Photos, Stored, UPLOAD_KEPT_MS};
use crate::domain::access::Caller;
use crate::error::{Error, Result};
use crate::store::{ManifestRow, PhotoRow, Tx, UploadRow};
use saolou_protocol::canonical::Hash;
use saolou_protocol::ids::PhotoId;
use saolou_protocol::time::Millis;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

/// Photos in one plan.
const PLAN_MAX: usize = 500;
/// Largest capture manifest, in bytes.
const MANIFEST_BYTES_MAX: usize = 8 * 1024;

/// What the server reads of a capture manifest; all of it is kept as it was signed.
#[derive(Deserialize)]
struct Asked {
    photo_id: Uuid,
    sha256: Hash,
    bytes: i64,
    #[serde(alias = "bucket")]
    building: Option<Uuid>,
    #[serde(rename = "device_id")]
    device: Option<Uuid>,
    kind: Option<String>,
}

/// What is to be done about one photo.
#[derive(Serialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub(crate) enum Planned {
    /// Nothing: it is here.
    Have(Stored),
    /// Send it from its beginning.
    Need { photo_id: PhotoId, location: String, offset: i64 },
    /// Send the rest.
    Resume { photo_id: PhotoId, location: String, offset: i64 },
    /// It cannot be taken as it is described; what the photo is stays on the phone.
    Refused { photo_id: Option<PhotoId>, code: &'static str, detail: String },
}

/// What is known of the photos of a plan.
struct Known {
    /// Contents that are here under the ids of the plan.
    photos: HashMap<Uuid, Vec<PhotoRow>>,
    /// Contents that the sender has shown to have, under whatever id.
    proven: HashMap<Vec<u8>, PhotoRow>,
    /// Uploads that were begun or planned; the furthest of a photo.
    uploads: HashMap<(Uuid, Vec<u8>), UploadRow>,
}

impl Photos {
    /// Says of each photo what is still to be sent, and makes the uploads for it.
    pub(crate) async fn plan(
        &self,
        caller: &Caller,
        manifests: &[&RawValue],
    ) -> Result<Vec<Planned>> {
        if manifests.len() > PLAN_MAX {
            return Err(Error::TooLarge(format!("a plan may have {PLAN_MAX} photos")));
        }
        let asked: Vec<_> = manifests.iter().map(|manifest| Asked::read(manifest)).collect();
        let mut tx = self.sync.store.read().await?;
        let since_ms = self.sync.clock.now_ms() - UPLOAD_KEPT_MS;
        let mut known = Known::of(&mut tx, caller, asked.iter().flatten(), since_ms).await?;
        known.forget(&self.lost(&mut tx, &known).await?);
        let mut places: HashMap<Uuid, UploadRow> = HashMap::new();
        let (mut planned, mut new) = (Vec::with_capacity(asked.len()), Vec::new());
        for (asked, manifest) in asked.into_iter().zip(manifests) {
            let asked = match asked {
                Ok(asked) => asked,
                Err(refused) => {
                    planned.push(refused);
                    continue;
                }
            };
            if let Some(here) = known.here(&asked) {
                planned.push(here);
                continue;
            }
            let key = asked.key();
            if !known.uploads.contains_key(&key) {
                let building = asked.building.unwrap_or_default();
                let place = match places.entry(building) {
                    Entry::Occupied(place) => place.into_mut(),
                    Entry::Vacant(place) => {
                        let any = New { building: asked.building, ..New::default() };
                        place.insert(self.row(&mut tx, caller, any).await?)
                    }
                };
                let row = self.planned_row(place, asked, manifest);
                new.push(key.clone());
                known.uploads.insert(key.clone(), row);
            }
            planned.push(Planned::of(&known.uploads[&key]));
        }
        let rows: Vec<UploadRow> =
            new.into_iter().filter_map(|key| known.uploads.remove(&key)).collect();
        let numbered = numbered(&mut tx, &rows).await?;
        drop(tx);
        if !rows.is_empty() {
            let mut tx = self.sync.store.write().await?;
            tx.put_uploads(&rows).await?;
            tx.put_manifests(&numbered).await?;
            tx.commit().await?;
        }
        self.note_proven(caller, planned, &known, &rows).await
    }

    /// Contents that are noted, and whose bytes are nowhere: not in the folder, as where that was set
    /// back to an older copy than the database, and not in the archive. What two persons removed is
    /// not lost. Whoever still has one of these must not be told to throw it away.
    async fn lost(&self, tx: &mut Tx, known: &Known) -> Result<HashSet<Vec<u8>>> {
        let rows = known.photos.values().flatten().chain(known.proven.values());
        let noted = rows
            .filter_map(|row| Some((row.sha256.as_slice().try_into().map(Hash).ok()?, row.bytes)));
        let gone = self.folder.lacking(noted.collect()).await?;
        if gone.is_empty() {
            return Ok(HashSet::new());
        }
        let gone: Vec<&[u8]> = gone.iter().map(|hash| &hash.0[..]).collect();
        let elsewhere = self.archive.has_or_removed(tx, &gone).await?;
        let lost: HashSet<Vec<u8>> =
            gone.into_iter().map(<[u8]>::to_vec).filter(|hash| !elsewhere.contains(hash)).collect();
        if !lost.is_empty() {
            tracing::error!(
                photos = lost.len(),
                "originals that were acknowledged are gone; phones are asked for them"
            );
            metrics::counter!("saolou_originals_asked_again_total").increment(lost.len() as u64);
        }
        Ok(lost)
    }

    fn planned_row(&self, place: &UploadRow, asked: Asked, manifest: &RawValue) -> UploadRow {
        UploadRow {
            upload_id: self.sync.clock.new_id(),
            protocol: "plan".to_owned(),
            role: "whole".to_owned(),
            photo_id: Some(asked.photo_id),
            sha256: Some(asked.sha256.0.to_vec()),
            device_id: asked.device,
            kind: asked.kind,
            manifest: Some(manifest.get().as_bytes().to_vec()),
            bytes: Some(asked.bytes),
            ..place.clone()
        }
    }

    /// Bytes that the sender has shown to have need not travel again, under whatever id.
    async fn note_proven(
        &self,
        caller: &Caller,
        mut planned: Vec<Planned>,
        known: &Known,
        rows: &[UploadRow],
    ) -> Result<Vec<Planned>> {
        for row in rows {
            let proven = row.sha256.as_ref().and_then(|sha256| known.proven.get(sha256));
            let (Some(proven), Some(photo)) = (proven, row.photo_id) else { continue };
            let Ok(sha256) = proven.sha256.as_slice().try_into().map(Hash) else { continue };
            let media_type = proven.media_type.clone().into();
            let content = Content { sha256, bytes: proven.bytes, media_type };
            let standing = self.standing(caller, row, sha256).await?;
            let stored = self.note(caller, row, &content, standing).await?;
            for one in &mut planned {
                if matches!(one, Planned::Need { photo_id, .. } if photo_id.0 == photo) {
                    *one = Planned::Have(stored.clone());
                }
            }
        }
        for one in &mut planned {
            if let Planned::Have(stored) = one
                && stored.receipt.is_none()
            {
                stored.receipt = self.receipt(stored.photo_id, stored.sha256).await?;
            }
        }
        Ok(planned)
    }
}

/// The manifests of new uploads, by their numbers: they say what was taken, also where it never comes.
async fn numbered(tx: &mut Tx, rows: &[UploadRow]) -> Result<Vec<ManifestRow>> {
    let (mut keys, mut numbered) = (DeviceKeys::default(), Vec::new());
    for row in rows {
        let Some(sent) = row.manifest.as_deref() else { continue };
        let Some(manifest) = manifests::read(sent) else { continue };
        let signature = keys.judge(tx, &manifest).await?;
        let (street, at_ms) = (row.street_id, row.created_ms);
        numbered.extend(manifests::row(&manifest, sent, street, signature, at_ms));
    }
    Ok(numbered)
}

impl Asked {
    fn read(manifest: &RawValue) -> std::result::Result<Self, Planned> {
        let refused = |photo_id, code, detail| Planned::Refused { photo_id, code, detail };
        if manifest.get().len() > MANIFEST_BYTES_MAX {
            let detail = format!("a manifest may have {MANIFEST_BYTES_MAX} bytes");
            return Err(refused(None, "too_large", detail));
        }
        let asked: Self = serde_json::from_str(manifest.get())
            .map_err(|error| refused(None, "malformed", error.to_string()))?;
        if !(0..=PHOTO_BYTES_MAX).contains(&asked.bytes) {
            let detail = format!("a photo may have {PHOTO_BYTES_MAX} bytes");
            return Err(refused(Some(PhotoId(asked.photo_id)), "too_large", detail));
        }
        Ok(asked)
    }

    fn key(&self) -> (Uuid, Vec<u8>) {
        (self.photo_id, self.sha256.0.to_vec())
    }
}

impl Known {
    async fn of<'a>(
        tx: &mut Tx,
        caller: &Caller,
        asked: impl Iterator<Item = &'a Asked> + Clone,
        since_ms: Millis,
    ) -> Result<Self> {
        let ids: Vec<Uuid> = asked.clone().map(|asked| asked.photo_id).collect();
        let hashes: Vec<&[u8]> = asked.map(|asked| &asked.sha256.0[..]).collect();
        let user = caller.user_id;
        let mut photos: HashMap<Uuid, Vec<PhotoRow>> = HashMap::new();
        for row in tx.photos_of(user, &ids).await? {
            photos.entry(row.photo_id).or_default().push(row);
        }
        let proven = tx.photos_with(user, &hashes).await?.into_iter();
        let mut uploads: HashMap<(Uuid, Vec<u8>), UploadRow> = HashMap::new();
        let uploads_of = tx.uploads_of(user, &ids).await?.into_iter();
        for row in uploads_of.filter(|row| row.touched_ms >= since_ms) {
            let (Some(photo), Some(sha256)) = (row.photo_id, row.sha256.clone()) else { continue };
            let further = uploads.entry((photo, sha256)).or_insert_with(|| row.clone());
            if (row.received, row.upload_id) > (further.received, further.upload_id) {
                *further = row;
            }
        }
        Ok(Self { photos, proven: proven.map(|row| (row.sha256.clone(), row)).collect(), uploads })
    }

    /// Leaves out what is noted and has to be sent again all the same.
    fn forget(&mut self, lost: &HashSet<Vec<u8>>) {
        for rows in self.photos.values_mut() {
            rows.retain(|row| !lost.contains(&row.sha256));
        }
        self.proven.retain(|sha256, _| !lost.contains(sha256));
    }

    /// What is here under the id of a photo.
    fn here(&self, asked: &Asked) -> Option<Planned> {
        let rows = self.photos.get(&asked.photo_id)?;
        let photo_id = PhotoId(asked.photo_id);
        let Some(row) = rows.iter().find(|row| row.sha256 == asked.sha256.0) else {
            let promised = rows.iter().any(|row| row.bound_ms.is_some());
            let detail = "other bytes are here under this id".to_owned();
            let code = "photo_conflict";
            let refused = Planned::Refused { photo_id: Some(photo_id), code, detail };
            return promised.then_some(refused);
        };
        Some(Planned::Have(Stored {
            photo_id,
            sha256: asked.sha256,
            bytes: row.bytes,
            state: if row.state == "stored" { "stored" } else { "quarantined" },
            reason: row.reason.clone(),
            receipt: None,
        }))
    }
}

impl Planned {
    fn of(row: &UploadRow) -> Self {
        let photo_id = PhotoId(row.photo_id.unwrap_or_default());
        let (location, offset) = (format!("/api/v1/uploads/{}", row.upload_id), row.received);
        match offset {
            0 => Self::Need { photo_id, location, offset },
            _ => Self::Resume { photo_id, location, offset },
        }
    }
}
