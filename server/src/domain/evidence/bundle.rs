//! Bundles: one file with an original and everything that proves it, for somebody who trusts nothing
//! but the log's public key. Taking one out is itself logged.

use super::certificate::{self, Certificate};
use super::filing;
use super::log::Log;
use super::reading::{is_received, proof_of};
use crate::domain::access::{Act, Caller};
use crate::error::{Error, Result};
use crate::store::{DeviceKeyRow, LoggedRow, PhotoFacts, RemovalRow, Tx};
use saolou_protocol::canonical::Hash;
use saolou_protocol::evidence::device_key::DeviceKey;
use saolou_protocol::evidence::event::{Commitment, Entry, Event};
use saolou_protocol::evidence::manifest::Manifest;
use saolou_protocol::ids::PhotoId;
use serde_json::{Map, Value, json};
use std::io::{Cursor, ErrorKind, Write};
use std::path::Path;
use uuid::Uuid;
use zip::write::SimpleFileOptions;

/// What a bundle says it is.
pub(crate) const FORMAT: &str = "saolou-evidence/1";

/// The files of a bundle, by their names.
type Files = Vec<(String, Vec<u8>)>;

impl Log {
    /// Fails unless a photo is of a building where the caller may do one of some acts.
    pub(crate) async fn require_photo(
        &self,
        caller: &Caller,
        photo: Uuid,
        acts: &[Act],
    ) -> Result<()> {
        let mut tx = self.store.read().await?;
        let facts = tx.photo_facts(photo).await?.ok_or(Error::NotFound)?;
        if caller.user_id == facts.author_id {
            return Ok(());
        }
        let unit = tx.building_unit(facts.building_id).await?.ok_or(Error::NotFound)?;
        for act in acts {
            if caller.require_at(&mut tx, *act, unit).await.is_ok() {
                return Ok(());
            }
        }
        Err(Error::NotFound)
    }

    /// Logs that a photo leaves the system, and makes its bundle: a ZIP file. Of one that two persons
    /// removed after its term it has all but the original, and the entry that says so.
    ///
    /// # Errors
    /// [`Error::NotFound`] where the photo is unknown, or it or its removal is not in the log yet.
    pub(crate) async fn export(&self, photo: Uuid, by: Uuid, folder: &Path) -> Result<Vec<u8>> {
        let mut tx = self.store.read().await?;
        let facts = tx.photo_facts(photo).await?.ok_or(Error::NotFound)?;
        let by_name = tx.account(by).await?.map(|account| account.name);
        let sha256 = facts.sha256.as_slice().try_into().map(Hash);
        let sha256 = sha256.map_err(|_| Error::Internal("a stored hash is none".into()))?;
        let mut logged = tx.log_of_photo(photo).await?;
        logged.extend(tx.log_of_blob(&sha256.0).await?);
        logged.retain(|row| is_about(row, photo));
        logged.sort_by_key(|row| row.leaf_index);
        logged.dedup_by_key(|row| row.leaf_index);
        if !logged.iter().any(is_received) {
            return Err(Error::NotFound);
        }
        let signing = signing_key(&mut tx, &facts).await?;
        if let Some(key) = &signing {
            logged.extend(tx.logged(key.event_id).await?);
        }
        logged.sort_by_key(|row| row.leaf_index);
        let removal = tx.archive_removal(&sha256.0).await?;
        let mut files =
            self.proofs(&mut tx, &logged, &facts, signing.as_ref(), removal.as_ref()).await?;
        drop(tx);
        let original = original(folder, sha256, removal.as_ref()).await?;
        if original.is_none() && !logged.iter().any(is_removed) {
            return Err(Error::NotFound);
        }
        let (bytes, media_type) = match &original {
            Some(original) => (original.len() as u64, certificate::media_type(original).to_owned()),
            None => logged.iter().find_map(as_received).unwrap_or_default(),
        };
        let certificate = Certificate {
            photo_id: PhotoId(photo),
            sha256,
            bytes,
            media_type: &media_type,
            facts: &facts,
            by: by_name.as_deref(),
            at_ms: self.clock.now_ms(),
            origin: self.keys().signer.name().to_owned(),
            logged: &logged,
        };
        files.push(("certificate.txt".into(), certificate.text().into_bytes()));
        let index = json!({
            "format": FORMAT, "photo_id": photo, "sha256": sha256, "bytes": bytes,
            "media_type": media_type, "log": self.keys().signer.name(),
            "is_removed": original.is_none(),
        });
        files.push(("index.json".into(), index.to_string().into_bytes()));
        files.extend(original.map(|original| ("original".into(), original)));
        self.log_export(photo, sha256, by).await?;
        zipped(&files).map_err(|error| Error::Internal(format!("a bundle: {error}")))
    }

    /// Entries with their proofs, what opens their commitments, manifest, keys, time stamp.
    async fn proofs(
        &self,
        tx: &mut Tx,
        logged: &[LoggedRow],
        facts: &PhotoFacts,
        signing: Option<&DeviceKeyRow>,
        removal: Option<&RemovalRow>,
    ) -> Result<Files> {
        let mut files = Files::new();
        let mut opened: Vec<Value> = Vec::new();
        for row in logged {
            let name = format!("entries/{:08}", row.leaf_index);
            let proof = proof_of(tx, row.leaf_index).await?.to_string();
            files.push((format!("{name}.json"), row.body.clone()));
            files.push((format!("{name}.tlog-proof"), proof.into_bytes()));
            let device = device_of(facts).filter(|_| names_device(row)).unwrap_or_default();
            for (member, of, value) in [
                ("author", row.event_id, facts.author_id),
                ("subject", row.event_id, facts.building_id),
                // A device has one salt, wherever it is named.
                (filing::DEVICE, device, device),
                ("asked_by", row.event_id, removal.map(|of| of.asked_by).unwrap_or_default()),
                (
                    "agreed_by",
                    row.event_id,
                    removal.and_then(|of| of.agreed_by).unwrap_or_default(),
                ),
            ] {
                let salt = tx.salt(of, member).await?;
                // Brought again to a database that was set back, a photo has a salt that does not open
                // its entry: that one's is lost.
                if let Some(salt) = salt.filter(|salt| opens(row, member, salt, value)) {
                    let salt: String = salt.iter().map(|byte| format!("{byte:02x}")).collect();
                    opened.push(json!({
                        "event_id": row.event_id, "name": member, "salt": salt,
                        "value": value.simple().to_string(),
                    }));
                }
            }
        }
        files.push(("opened.json".into(), Value::from(opened).to_string().into_bytes()));
        let keys = self.keys().verifiers;
        let keys: Vec<String> = keys.iter().map(|key| format!("{key}\n")).collect();
        files.push(("keys.txt".into(), keys.concat().into_bytes()));
        if let Some(manifest) = &facts.manifest {
            files.push(("manifest.json".into(), manifest.clone()));
        }
        if let Some(key) = signing {
            files.push(("device.key".into(), key.public_key.clone().into_bytes()));
        }
        let last = logged.last().map_or(0, |row| row.leaf_index);
        if let Some((_, note, _, token)) = tx.timestamped_from(last + 1).await? {
            files.push(("timestamp/checkpoint".into(), note.into_bytes()));
            files.push(("timestamp/token.tsr".into(), token));
        }
        Ok(files)
    }

    async fn log_export(&self, photo: Uuid, sha256: Hash, by: Uuid) -> Result<()> {
        let (id, mut salts) = (self.clock.new_id(), Vec::new());
        let by = filing::commit(id, "by", by.as_bytes(), &mut salts);
        let event = Event::Exported { photo_id: PhotoId(photo), sha256, by, purpose: None };
        let mut tx = self.store.write().await?;
        tx.put_events(&[filing::event(id, self.clock.now_ms(), event)]).await?;
        tx.put_salts(&salts).await?;
        Ok(tx.commit().await?)
    }
}

/// The original, or `None` where two persons removed it.
async fn original(
    folder: &Path,
    sha256: Hash,
    removal: Option<&RemovalRow>,
) -> Result<Option<Vec<u8>>> {
    let name = sha256.to_string();
    let place = folder.join("sha256").join(&name[..2]).join(&name);
    match tokio::fs::read(&place).await {
        Ok(original) => Ok(Some(original)),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let is_removed = removal.is_some_and(|removal| removal.agreed_ms.is_some());
            if is_removed { Ok(None) } else { Err(Error::OriginalMissing) }
        }
        Err(error) => Err(Error::Internal(format!("a photo: {error}"))),
    }
}

/// Whether an entry says that two persons removed the bytes.
fn is_removed(row: &LoggedRow) -> bool {
    let event = Entry::read(&row.body).map(|entry| entry.event);
    matches!(event, Some(Event::Removed { .. }))
}

/// Size and media type as they were when the bytes arrived.
fn as_received(row: &LoggedRow) -> Option<(u64, String)> {
    match Entry::read(&row.body)?.event {
        Event::Received { bytes, media_type, .. } => Some((bytes, media_type.unwrap_or_default())),
        _ => None,
    }
}

/// The device that the manifest of a photo names.
fn device_of(facts: &PhotoFacts) -> Option<Uuid> {
    let map: Map<String, Value> = serde_json::from_slice(facts.manifest.as_deref()?).ok()?;
    Manifest::read(&map)?.device_id.map(|device| device.0)
}

/// The registered key that signed the manifest of a photo.
async fn signing_key(tx: &mut Tx, facts: &PhotoFacts) -> Result<Option<DeviceKeyRow>> {
    let Some(sent) = facts.manifest.as_deref() else { return Ok(None) };
    let map: Option<Map<String, Value>> = serde_json::from_slice(sent).ok();
    let Some(manifest) = map.as_ref().and_then(Manifest::read) else { return Ok(None) };
    let Some(device) = manifest.device_id else { return Ok(None) };
    let has_signed = |row: &DeviceKeyRow| {
        DeviceKey::parse(&row.public_key).and_then(|key| manifest.is_signed_by(&key)) == Some(true)
    };
    Ok(tx.device_keys(device.0).await?.into_iter().find(has_signed))
}

/// Whether a salt opens what an entry is committed to under a name.
fn opens(row: &LoggedRow, member: &str, salt: &[u8], value: Uuid) -> bool {
    let entry: Option<Value> = serde_json::from_slice(&row.body).ok();
    let committed = entry.and_then(|entry| Hash::parse(entry.get(member)?.as_str()?));
    let Ok(salt) = salt.try_into() else { return false };
    committed == Some(Commitment::of(&salt, member, value.as_bytes()).0)
}

/// Whether an entry is committed to a device.
fn names_device(row: &LoggedRow) -> bool {
    let event = Entry::read(&row.body).map(|entry| entry.event);
    matches!(event, Some(Event::DeviceKey { .. } | Event::Received { device: Some(_), .. }))
}

/// Whether an entry is about a photo, or about its bytes and no photo in particular: the same bytes
/// may have been sent for another photo, which is nobody's business here.
pub(super) fn is_about(row: &LoggedRow, photo: Uuid) -> bool {
    let of = Entry::read(&row.body).and_then(|entry| entry.event.photo_id());
    of.is_none_or(|of| of.0 == photo)
}

fn zipped(files: &Files) -> zip::result::ZipResult<Vec<u8>> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    // What is large is compressed already.
    let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, bytes) in files {
        zip.start_file(name, stored)?;
        zip.write_all(bytes)?;
    }
    Ok(zip.finish()?.into_inner())
}
