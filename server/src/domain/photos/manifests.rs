//! Capture manifests: whose signature they bear, and which of a device are missing.
//!
//! Nothing is refused for a manifest. One that is signed by nobody who is known, that is missing or
//! does not fit, is listed for the desk; its photo is taken all the same.

use crate::domain::access::{Act, Caller};
use crate::domain::sync::Sync;
use crate::error::{Error, Result};
use crate::store::{ManifestRow, NumberedRow, Tx};
use saolou_protocol::canonical::Hash;
use saolou_protocol::evidence::chain::{Chain, Numbered};
use saolou_protocol::evidence::device_key::DeviceKey;
use saolou_protocol::evidence::manifest::Manifest;
use saolou_protocol::time::Millis;
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::HashMap;
use uuid::Uuid;

/// Manifests of a device that are told one by one, of each sort.
const TOLD_MAX: usize = 500;

/// What the manifests of a device show.
#[derive(Debug, Serialize)]
pub(crate) struct Numbers {
    /// The highest number.
    last_seq: u64,
    /// Runs of numbers that never came: not sent yet, or removed.
    missing: Vec<(u64, u64)>,
    /// Numbers that name another manifest before them than is here.
    broken: Vec<u64>,
    /// Numbers that came with two contents.
    doubled: Vec<u64>,
    /// Manifests whose signature is `invalid`, `absent` or of an `unknown_key`.
    unproved: Vec<Unproved>,
    /// Photos of which only the manifest is here.
    not_here: Vec<Uuid>,
}

/// A manifest that no key of its device proves.
#[derive(Debug, Serialize)]
struct Unproved {
    seq: i64,
    photo_id: Uuid,
    signature: String,
}

/// The public keys of devices, read once each.
#[derive(Default)]
pub(crate) struct DeviceKeys(HashMap<Uuid, Vec<DeviceKey>>);

/// Reads a manifest as it was sent.
pub(super) fn read(sent: &[u8]) -> Option<Manifest> {
    let map: Map<String, Value> = serde_json::from_slice(sent).ok()?;
    Manifest::read(&map)
}

impl DeviceKeys {
    /// What the signature of a manifest is worth: `valid`, `invalid`, `absent`, `unknown_key`. Every
    /// key that its device ever had counts: a photo may come long after it was signed.
    pub(super) async fn judge(&mut self, tx: &mut Tx, manifest: &Manifest) -> Result<&'static str> {
        if manifest.signature.is_none() {
            return Ok("absent");
        }
        let Some(device) = manifest.device_id else { return Ok("unknown_key") };
        let keys = match self.0.entry(device.0) {
            std::collections::hash_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::hash_map::Entry::Vacant(unknown) => {
                let rows = tx.device_keys(device.0).await?;
                unknown.insert(
                    rows.iter().filter_map(|row| DeviceKey::parse(&row.public_key)).collect(),
                )
            }
        };
        if keys.is_empty() {
            return Ok("unknown_key");
        }
        let is_signed = keys.iter().any(|key| manifest.is_signed_by(key) == Some(true));
        Ok(if is_signed { "valid" } else { "invalid" })
    }
}

/// A manifest as it is noted; `None` where it has no number or no device.
pub(super) fn row(
    manifest: &Manifest,
    sent: &[u8],
    street_id: Uuid,
    signature: &str,
    at_ms: Millis,
) -> Option<ManifestRow> {
    Some(ManifestRow {
        device_id: manifest.device_id?.0,
        seq: i64::try_from(manifest.seq?).ok()?,
        hash: manifest.hash().0.to_vec(),
        previous: manifest.previous.map(|hash| hash.0.to_vec()),
        photo_id: manifest.photo_id.0,
        street_id,
        signature: signature.to_owned(),
        body: sent.to_vec(),
        at_ms,
    })
}

/// Looks again at what a device signed before its key was known.
pub(crate) async fn judged_anew(tx: &mut Tx, device: Uuid, key: &DeviceKey) -> Result<()> {
    for (seq, hash, sent) in tx.manifests_unproved(device).await? {
        let is_signed = read(&sent).and_then(|manifest| manifest.is_signed_by(key));
        let signature = if is_signed == Some(true) { "valid" } else { "invalid" };
        tx.judge_manifest(device, seq, &hash, signature).await?;
    }
    Ok(())
}

/// What the manifests of a device show, for whoever supervises a street where it files.
///
/// # Errors
/// [`Error::NotFound`] where the caller supervises none.
pub(crate) async fn numbers(sync: &Sync, caller: &Caller, device: Uuid) -> Result<Numbers> {
    let mut tx = sync.store.read().await?;
    let mut is_his = false;
    for street in tx.streets_of_device(device).await? {
        is_his |= caller.require_at(&mut tx, Act::Review, street).await.is_ok();
    }
    if !is_his {
        return Err(Error::NotFound);
    }
    let rows = tx.numbered(device).await?;
    // What bears a signature that is none is somebody's word against the device's.
    let chained = rows.iter().filter(|row| row.signature != "invalid").filter_map(numbered);
    let Chain { last, missing, broken, doubled } = Chain::of(chained);
    let unproved = rows.iter().filter(|row| row.signature != "valid").map(|row| Unproved {
        seq: row.seq,
        photo_id: row.photo_id,
        signature: row.signature.clone(),
    });
    let not_here = rows.iter().filter(|row| !row.is_here).map(|row| row.photo_id);
    Ok(Numbers {
        last_seq: last,
        missing: missing.into_iter().take(TOLD_MAX).collect(),
        broken: broken.into_iter().take(TOLD_MAX).collect(),
        doubled: doubled.into_iter().take(TOLD_MAX).collect(),
        unproved: unproved.take(TOLD_MAX).collect(),
        not_here: not_here.take(TOLD_MAX).collect(),
    })
}

fn numbered(row: &NumberedRow) -> Option<Numbered> {
    let hash = |bytes: &[u8]| bytes.try_into().ok().map(Hash);
    Some(Numbered {
        seq: u64::try_from(row.seq).ok()?,
        hash: hash(&row.hash)?,
        previous: row.previous.as_deref().and_then(hash),
    })
}
