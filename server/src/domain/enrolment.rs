//! Enrolment: a device registers the key that it signs with.
//!
//! A supervisor makes an invitation for his street, or for one person of it; who is signed in on the
//! phone, holds the code and proves the secret half of the key, registers it. From then on the key
//! counts, and the evidence log says since when. A key is replaced by another that both sign, or by a
//! new enrolment. What was signed with an old key stays proved by it.

use super::access::{Act, Caller};
use super::attempts::Attempts;
use super::evidence::filing;
use super::evidence::log::Log;
use super::photos::judged_anew;
use super::sync::Sync;
use crate::error::{Error, Result};
use crate::store::{DeviceKeyRow, EnrolmentRow, Seen, Tx};
use saolou_protocol::canonical::Hash;
use saolou_protocol::evidence::device_key::{DeviceKey, from_base64};
use saolou_protocol::evidence::enrolment::{
    Invitation, enrolled_bytes, log_fingerprint, rotated_bytes,
};
use saolou_protocol::evidence::event::Event;
use saolou_protocol::ids::DeviceId;
use saolou_protocol::time::Millis;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// How long a code is good for: a phone is held to the screen, or somebody walks over.
const CODE_KEPT_MS: Millis = 30 * 60 * 1000;
/// Codes of a street that are good at the same time.
const OPEN_MAX: i64 = 50;
/// What codes are written with: no letter that looks like a digit.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Characters of a code, five bits each: nobody guesses eighty.
const CODE_CHARS: usize = 16;
/// Longest address of a server, so that the code stays readable for cameras.
const SERVER_BYTES_MAX: usize = 200;

/// For whom an invitation is made.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewInvitation {
    street_id: Uuid,
    /// Left out: anybody who files in the street.
    #[serde(default)]
    user_id: Option<Uuid>,
    /// Where phones reach the server, as the supervisor's browser does.
    server: String,
}

/// An invitation that was made; its code is shown here and never again.
#[derive(Serialize)]
pub(crate) struct Invited {
    enrolment_id: Uuid,
    code: String,
    /// What the QR code says.
    text: String,
    expires_ms: Millis,
}

/// What became of an invitation.
#[derive(Serialize)]
pub(crate) struct Fate {
    /// `open`, `used` or `expired`.
    state: &'static str,
    expires_ms: Millis,
    /// How long it is still good for by the server's clock; a browser's may differ.
    left_ms: Millis,
    /// The device that used it.
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<Uuid>,
}

/// What a phone asks for.
#[derive(Deserialize)]
pub(crate) struct Enrolling {
    code: String,
    device: DeviceId,
    /// As `DeviceKey` reads it, in base64.
    public_key: String,
    /// The key's signature over [`enrolled_bytes`], in base64.
    signature: String,
}

/// A key that is to take the place of the present one.
#[derive(Deserialize)]
pub(crate) struct Rotating {
    public_key: String,
    /// Of the new key, over [`rotated_bytes`].
    signature: String,
    /// Of the present key, over the same.
    signature_before: String,
}

/// A key that counts.
#[derive(Serialize)]
pub(crate) struct Enrolled {
    device: DeviceId,
    fingerprint: Hash,
    from_ms: Millis,
    /// The keys of the evidence log, `name+id+key`, the newest last.
    log_keys: Vec<String>,
}

/// Makes an invitation.
///
/// # Errors
/// Where the caller supervises no such street, the person does not file there, or too many codes are
/// open.
pub(crate) async fn invite(
    sync: &Sync,
    log: &Log,
    caller: &Caller,
    new: NewInvitation,
) -> Result<Invited> {
    let NewInvitation { street_id, user_id, server } = new;
    let is_address = server.starts_with("https://") || server.starts_with("http://");
    if !is_address || server.len() > SERVER_BYTES_MAX || server.contains(char::is_whitespace) {
        return Err(Error::Invalid("server: expected an address".into()));
    }
    let mut tx = sync.store.write().await?;
    caller.require_at(&mut tx, Act::Review, street_id).await?;
    if let Some(user) = user_id {
        let streets = tx.streets_of_user(user).await?;
        if !streets.iter().any(|(_, _, street)| *street == street_id) {
            return Err(Error::Invalid("user_id: nobody of this street".into()));
        }
    }
    let now_ms = sync.clock.now_ms();
    if tx.enrolments_open(street_id, now_ms).await? >= OPEN_MAX {
        return Err(Error::TooManyAttempts);
    }
    let (enrolment_id, code) = (sync.clock.new_id(), new_code());
    let expires_ms = now_ms + CODE_KEPT_MS;
    tx.put_enrolment(&EnrolmentRow {
        enrolment_id,
        code_hash: hash_of(&code).0.to_vec(),
        street_id,
        user_id,
        made_by: caller.user_id,
        made_ms: now_ms,
        expires_ms,
        used_ms: None,
        device_id: None,
        fingerprint: None,
    })
    .await?;
    tx.commit().await?;
    tracing::info!(%enrolment_id, user_id = %caller.user_id, "an invitation was made");
    let log = log_fingerprint(&log.keys().signer.verifier());
    let text = Invitation { server, code: code.clone(), log }.to_string();
    Ok(Invited { enrolment_id, code, text, expires_ms })
}

/// What became of an invitation of a street that the caller supervises.
pub(crate) async fn fate(sync: &Sync, caller: &Caller, enrolment: Uuid) -> Result<Fate> {
    let mut tx = sync.store.read().await?;
    let row = tx.enrolment_of(enrolment).await?.ok_or(Error::NotFound)?;
    caller.require_at(&mut tx, Act::Review, row.street_id).await?;
    let left_ms = (row.expires_ms - sync.clock.now_ms()).max(0);
    let state = match row.used_ms {
        Some(_) => "used",
        None if left_ms > 0 => "open",
        None => "expired",
    };
    Ok(Fate { state, expires_ms: row.expires_ms, left_ms, device: row.device_id })
}

/// Registers the key of a device by a code. The same request again gets the same answer.
///
/// # Errors
/// [`Error::EnrolmentRefused`] where the code is not good for the caller, whatever the reason.
pub(crate) async fn enrol(
    sync: &Sync,
    log: &Log,
    attempts: &Attempts,
    caller: &Caller,
    asked: Enrolling,
) -> Result<Enrolled> {
    require_good_standing(caller)?;
    let (device, name) = (asked.device, format!("enrol {}", caller.user_id));
    let key = key_of(&asked.public_key)?;
    let message = enrolled_bytes(&asked.code, device, &key);
    require_signed(&key, &message, &asked.signature, "signature")?;
    let now_ms = sync.clock.now_ms();
    attempts.check(&name, now_ms)?;
    let mut tx = sync.store.write().await?;
    let found = tx.enrolment(&hash_of(&asked.code).0).await?;
    let Some(invitation) = good_for(&mut tx, caller, found, device, &key, now_ms).await? else {
        attempts.failed(&name, now_ms);
        tracing::warn!(%device, user_id = %caller.user_id, "a code that is not good");
        return Err(Error::EnrolmentRefused);
    };
    if let Some((owner, revoked_ms)) = tx.device(device.0).await? {
        if owner != caller.user_id {
            return Err(Error::Invalid("device: it is somebody else's; mint a new one".into()));
        }
        if revoked_ms.is_some() {
            return Err(Error::DeviceRevoked);
        }
    }
    if invitation.used_ms.is_none() {
        let fingerprint = key.fingerprint().0;
        let id = invitation.enrolment_id;
        if !tx.use_enrolment(id, device.0, &fingerprint, now_ms).await? {
            return Err(Error::EnrolmentRefused);
        }
        let (user, street) = (caller.user_id, invitation.street_id);
        tx.put_devices(&[Seen { device: device.0, user, street }], now_ms).await?;
        register(&mut tx, sync, device, &key, now_ms).await?;
        tx.commit().await?;
        let enrolment_id = invitation.enrolment_id;
        tracing::info!(%device, %enrolment_id, "a device was enrolled");
    }
    attempts.forget(&name);
    Ok(enrolled(log, device, &key, invitation.used_ms.unwrap_or(now_ms)))
}

/// Puts another key in the place of a device's present one.
///
/// # Errors
/// [`Error::NotFound`] where the device is not the caller's or has no key yet.
pub(crate) async fn rotate(
    sync: &Sync,
    log: &Log,
    caller: &Caller,
    device: DeviceId,
    asked: Rotating,
) -> Result<Enrolled> {
    require_good_standing(caller)?;
    let key = key_of(&asked.public_key)?;
    let now_ms = sync.clock.now_ms();
    let mut tx = sync.store.write().await?;
    let owned = tx.device(device.0).await?;
    let (_, revoked_ms) =
        owned.filter(|(owner, _)| *owner == caller.user_id).ok_or(Error::NotFound)?;
    if revoked_ms.is_some() {
        return Err(Error::DeviceRevoked);
    }
    let keys = tx.device_keys(device.0).await?;
    let present = keys.last().ok_or(Error::NotFound)?;
    if present.fingerprint == key.fingerprint().0 {
        // The answer was lost on the way.
        return Ok(enrolled(log, device, &key, present.from_ms));
    }
    let before = DeviceKey::parse(&present.public_key)
        .ok_or_else(|| Error::Internal("a stored device key is none".into()))?;
    let message = rotated_bytes(&before, device, &key);
    require_signed(&key, &message, &asked.signature, "signature")?;
    require_signed(&before, &message, &asked.signature_before, "signature_before")?;
    register(&mut tx, sync, device, &key, now_ms).await?;
    tx.commit().await?;
    tracing::info!(%device, "a device signs with another key");
    Ok(enrolled(log, device, &key, now_ms))
}

/// Registers a key, logs that it counts from now on, and looks again at what it may have signed.
async fn register(
    tx: &mut Tx,
    sync: &Sync,
    device: DeviceId,
    key: &DeviceKey,
    now_ms: Millis,
) -> Result<()> {
    let before = tx.device_keys(device.0).await?.pop().and_then(|row| hash(&row.fingerprint));
    let fingerprint = key.fingerprint();
    if before == Some(fingerprint) {
        return Ok(());
    }
    let event_id = sync.clock.new_id();
    let event = Event::DeviceKey {
        device: filing::commit_device(tx, device.0).await?,
        key: fingerprint,
        algorithm: key.algorithm().to_owned(),
        before,
    };
    tx.put_events(&[filing::event(event_id, now_ms, event)]).await?;
    tx.put_device_key(&DeviceKeyRow {
        device_id: device.0,
        fingerprint: fingerprint.0.to_vec(),
        public_key: key.to_string(),
        algorithm: key.algorithm().to_owned(),
        event_id,
        from_ms: now_ms,
    })
    .await?;
    judged_anew(tx, device.0, key).await
}

/// The invitation, where it is good: unused and in time, or used for this very key before.
async fn good_for(
    tx: &mut Tx,
    caller: &Caller,
    found: Option<EnrolmentRow>,
    device: DeviceId,
    key: &DeviceKey,
    now_ms: Millis,
) -> Result<Option<EnrolmentRow>> {
    let Some(row) = found else { return Ok(None) };
    let is_his = row.user_id.is_none_or(|user| user == caller.user_id);
    let is_open = row.used_ms.is_none() && now_ms < row.expires_ms;
    let is_repeated = row.device_id == Some(device.0)
        && row.fingerprint.as_deref() == Some(key.fingerprint().0.as_slice());
    let files_there = caller.streets(tx).await?.contains(&row.street_id);
    Ok((is_his && files_there && (is_open || is_repeated)).then_some(row))
}

fn require_good_standing(caller: &Caller) -> Result<()> {
    match caller {
        Caller { suspended_ms: Some(_), .. } => Err(Error::Suspended),
        Caller { device_revoked: true, .. } => Err(Error::DeviceRevoked),
        _ => Ok(()),
    }
}

fn key_of(text: &str) -> Result<DeviceKey> {
    let key = DeviceKey::parse(text);
    key.ok_or_else(|| Error::Invalid("public_key: expected Ed25519 or P-256 in base64".into()))
}

fn require_signed(key: &DeviceKey, message: &[u8], signature: &str, name: &str) -> Result<()> {
    let signature = from_base64(signature);
    let is_signed = signature.is_some_and(|signature| key.has_signed(message, &signature));
    if is_signed { Ok(()) } else { Err(Error::Invalid(format!("{name}: not of this key"))) }
}

fn enrolled(log: &Log, device: DeviceId, key: &DeviceKey, from_ms: Millis) -> Enrolled {
    let log_keys = log.keys().verifiers.iter().map(ToString::to_string).collect();
    Enrolled { device, fingerprint: key.fingerprint(), from_ms, log_keys }
}

fn new_code() -> String {
    let random: [u8; CODE_CHARS] = rand::random();
    let chars = random.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)]));
    let chars: Vec<char> = chars.collect();
    let parts: Vec<String> = chars.chunks(4).map(|part| part.iter().collect()).collect();
    parts.join("-")
}

fn hash_of(code: &str) -> Hash {
    Hash::of(code.trim().as_bytes())
}

fn hash(bytes: &[u8]) -> Option<Hash> {
    bytes.try_into().ok().map(Hash)
}
