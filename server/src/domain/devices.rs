//! Devices: what is known of each, which phones hold rows that they should have left, and phones that
//! were lost or stolen.

use super::access::{Act, Caller};
use super::sightings::Sightings;
use super::sync::Sync;
use crate::error::{Error, Result};
use crate::store::{DeviceRow, HoldingRow, Store, Tx};
use saolou_protocol::canonical::Hash;
use saolou_protocol::time::Millis;
use serde::{Deserialize, Serialize};
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::time::Duration;
use uuid::Uuid;

/// How often it is looked for phones that should have left a building.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// After so many times that other bytes came for a photo, its device is flagged (C38).
const MISMATCHES_MIN: i64 = 3;
/// Most flagged devices in one list.
const FLAGGED_MAX: i64 = 500;

/// A bucket that a device still holds though it is no longer in its user's scope.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Leaving {
    building_id: Uuid,
    device: Uuid,
    user_id: Uuid,
    given_ms: Millis,
    /// Until when it must have left; absent where the phone has not been heard of since.
    #[serde(skip_serializing_if = "Option::is_none")]
    purge_by_ms: Option<Millis>,
    overdue: bool,
}

/// A device that files below a unit, as its supervisor sees it.
#[derive(Debug, Serialize)]
pub(crate) struct Device {
    device: Uuid,
    user_id: Uuid,
    /// Whose it is.
    name: String,
    first_ms: Millis,
    /// When it synced last; absent where that was before this was noted.
    #[serde(skip_serializing_if = "Option::is_none")]
    synced_ms: Option<Millis>,
    /// What it then said that it still held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pending: Option<Pending>,
    /// How far its wall clock was ahead of the server's.
    #[serde(skip_serializing_if = "Option::is_none")]
    skew_ms: Option<Millis>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked: Option<Revoked>,
    /// The key that it signs with; absent where it never was enrolled.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<Key>,
    /// How many numbers of photos are between the first and the last and never came.
    manifests_missing: i64,
}

#[derive(Debug, Serialize)]
struct Pending {
    records: i64,
    photos: i64,
}

#[derive(Debug, Serialize)]
struct Revoked {
    at_ms: Millis,
    reason: String,
}

#[derive(Debug, Serialize)]
struct Key {
    /// SHA-256 of its bytes.
    fingerprint: Hash,
    algorithm: String,
    from_ms: Millis,
}

/// Why a device is revoked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Revocation {
    reason: String,
}

/// A device that keeps sending other bytes for a photo than were promised (C38): its memory or its
/// program fails, or somebody changes photos.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Flagged {
    /// Absent where the uploads named none.
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<Uuid>,
    user_id: Uuid,
    photo_id: Uuid,
    times: i64,
    last_ms: Millis,
    zh: &'static str,
    en: &'static str,
}

/// The devices below a unit that are flagged, the worst first.
pub(crate) async fn flagged(sync: &Sync, caller: &Caller, unit: Uuid) -> Result<Vec<Flagged>> {
    let mut tx = sync.store.read().await?;
    caller.require_at(&mut tx, Act::Review, unit).await?;
    let rows = tx.mismatches(unit, MISMATCHES_MIN, FLAGGED_MAX).await?;
    let flagged = rows.into_iter().map(|row| Flagged {
        device: Some(row.device_id).filter(|device| !device.is_nil()),
        user_id: row.user_id,
        photo_id: row.photo_id,
        times: row.times,
        last_ms: row.last_ms,
        zh: "同一张照片多次上传的内容与承诺的哈希不一致；请检查该设备，并联系采集人。",
        en: "One photo came several times with other bytes than were promised. Look at the device, and ask its user.",
    });
    Ok(flagged.collect())
}

/// The devices that file in the streets below a unit, the newest first.
pub(crate) async fn list(
    sync: &Sync,
    sightings: &Sightings,
    caller: &Caller,
    unit: Uuid,
) -> Result<Vec<Device>> {
    sightings.write(&sync.store).await?;
    let mut tx = sync.store.read().await?;
    caller.require_at(&mut tx, Act::Review, unit).await?;
    Ok(tx.devices_below(unit).await?.into_iter().map(Device::from).collect())
}

impl From<DeviceRow> for Device {
    fn from(row: DeviceRow) -> Self {
        let fingerprint = row.fingerprint.and_then(|bytes| bytes.try_into().ok()).map(Hash);
        let key = fingerprint.zip(row.algorithm).zip(row.key_ms);
        let pending = row.records.zip(row.photos);
        Self {
            device: row.device_id,
            user_id: row.user_id,
            name: row.name,
            first_ms: row.first_ms,
            synced_ms: row.synced_ms,
            pending: pending.map(|(records, photos)| Pending { records, photos }),
            skew_ms: row.skew_ms,
            revoked: row.revoked_ms.map(|at_ms| {
                let reason = row.reason.unwrap_or_default();
                Revoked { at_ms, reason }
            }),
            key: key.map(|((fingerprint, algorithm), from_ms)| Key {
                fingerprint,
                algorithm,
                from_ms,
            }),
            manifests_missing: row.last_seq - row.manifests,
        }
    }
}

/// The buckets below a unit that devices must leave and have not left.
pub(crate) async fn leaving(sync: &Sync, caller: &Caller, unit: Uuid) -> Result<Vec<Leaving>> {
    let mut tx = sync.store.read().await?;
    caller.require_at(&mut tx, Act::Review, unit).await?;
    let holdings = tx.holdings_below(unit).await?;
    leaving_of(&mut tx, holdings, sync.clock.now_ms()).await
}

async fn leaving_of(
    tx: &mut Tx,
    holdings: Vec<HoldingRow>,
    now_ms: Millis,
) -> Result<Vec<Leaving>> {
    let devices: HashSet<Uuid> = holdings.iter().map(|row| row.device_id).collect();
    let devices: Vec<Uuid> = devices.into_iter().collect();
    let revoked: HashSet<Uuid> = tx.revoked_devices(&devices).await?.into_iter().collect();
    let mut scopes: HashMap<Uuid, HashSet<Uuid>> = HashMap::new();
    let mut leaving = Vec::new();
    for row in holdings {
        let scope = match scopes.entry(row.user_id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(scope_of(tx, row.user_id, now_ms).await?),
        };
        let is_lost = !scope.contains(&row.building_id);
        if is_lost || revoked.contains(&row.device_id) {
            leaving.push(Leaving {
                building_id: row.building_id,
                device: row.device_id,
                user_id: row.user_id,
                given_ms: row.given_ms,
                purge_by_ms: row.purge_by_ms,
                overdue: row.purge_by_ms.is_some_and(|by| by < now_ms),
            });
        }
    }
    Ok(leaving)
}

async fn scope_of(tx: &mut Tx, user: Uuid, now_ms: Millis) -> Result<HashSet<Uuid>> {
    let Some(account) = tx.account(user).await? else { return Ok(HashSet::new()) };
    if account.suspended_ms.is_some() {
        return Ok(HashSet::new());
    }
    let grants = tx.grants(user).await?;
    let caller = Caller::of(account, grants);
    Ok(caller.heads(tx, now_ms).await?.into_keys().collect())
}

/// Revokes a device that was lost or stolen: sessions on it read nothing any more, what it sends from
/// now on goes to quarantine whatever time it claims, and it is told to leave everything (domain C48).
/// It may still sign in, so that what it holds reaches the desk.
pub(crate) async fn revoke(
    sync: &Sync,
    caller: &Caller,
    device: Uuid,
    revocation: Revocation,
) -> Result<()> {
    if revocation.reason.trim().is_empty() {
        return Err(Error::Invalid("reason: expected a text".into()));
    }
    let mut tx = sync.store.write().await?;
    let streets = tx.streets_of_device(device).await?;
    let mut permitted = false;
    for street in streets {
        permitted |= caller.require_at(&mut tx, Act::Review, street).await.is_ok();
    }
    if !permitted {
        return Err(Error::NotFound);
    }
    let now_ms = sync.clock.now_ms();
    tx.revoke_device(device, caller.user_id, now_ms, revocation.reason.trim()).await?;
    tx.commit().await?;
    tracing::warn!(%device, user_id = %caller.user_id, "a device was revoked");
    Ok(())
}

/// Looks again and again for phones that should have left a building, and says how many there are.
pub(crate) async fn watch_leaves(sync: Sync) {
    let mut told: HashSet<(Uuid, Uuid)> = HashSet::new();
    let mut every = tokio::time::interval(LOOK_EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        match overdue(&sync.store, sync.clock.now_ms()).await {
            Ok(overdue) => {
                #[expect(clippy::cast_precision_loss, reason = "a metric")]
                metrics::gauge!("saolou_leaves_overdue").set(overdue.len() as f64);
                for (device, building) in overdue {
                    if told.insert((device, building)) {
                        tracing::warn!(%device, %building, "a phone has not left a building in time");
                    }
                }
            }
            Err(error) => tracing::warn!(%error, "looking for phones that should have left"),
        }
    }
}

async fn overdue(store: &Store, now_ms: Millis) -> Result<Vec<(Uuid, Uuid)>> {
    let mut tx = store.read().await?;
    let holdings = tx.holdings_overdue(now_ms).await?;
    let leaving = leaving_of(&mut tx, holdings, now_ms).await?;
    Ok(leaving.into_iter().map(|leaving| (leaving.device, leaving.building_id)).collect())
}
