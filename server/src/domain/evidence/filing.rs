//! Filing events, in the transaction of what happened.

use crate::error::{Error, Result};
use crate::store::{EventRow, SaltRow, Tx};
use saolou_protocol::evidence::event::{Commitment, Entry, Event};
use saolou_protocol::ids::PhotoId;
use saolou_protocol::time::Millis;
use uuid::Uuid;

/// The id of an event that happens to a photo's bytes once: filed again, it is the same event.
pub(crate) fn id_of(photo: PhotoId, event: &str, bytes: &[u8]) -> Uuid {
    Uuid::new_v5(&photo.0, &[event.as_bytes(), &[0], bytes].concat())
}

/// An event as the log takes it.
///
/// # Panics
/// Where the event is larger than a leaf may be: events have no members without bounds.
pub(crate) fn event(event_id: Uuid, at_ms: Millis, event: Event) -> EventRow {
    let entry = Entry { id: event_id, at_ms, event };
    let body = entry.leaf().expect("whoever files an event bounds its members");
    EventRow { event_id, at_ms, body }
}

/// The name under which devices are committed to.
pub(crate) const DEVICE: &str = "device";

/// Commits to a device, in a transaction that writes. It has one salt of its own, so that entries
/// about one device can be told to be so, and gaps between its photos be seen, until it is destroyed.
pub(crate) async fn commit_device(tx: &mut Tx, device: Uuid) -> Result<Commitment> {
    let salt = rand::random::<[u8; 32]>().to_vec();
    tx.put_salts(&[SaltRow { event_id: device, name: DEVICE, salt }]).await?;
    let known = committed_device(tx, device).await?;
    known.ok_or_else(|| Error::Internal("evidence log: the salt of a device is lost".into()))
}

/// The commitment to a device that was committed to before.
pub(crate) async fn committed_device(tx: &mut Tx, device: Uuid) -> Result<Option<Commitment>> {
    let salt = tx.salt(device, DEVICE).await?.and_then(|salt| salt.try_into().ok());
    Ok(salt.map(|salt: [u8; 32]| Commitment::of(&salt, DEVICE, device.as_bytes())))
}

/// Commits to a value about a person; the salt goes where it can be destroyed.
pub(crate) fn commit(
    event_id: Uuid,
    name: &'static str,
    value: &[u8],
    salts: &mut Vec<SaltRow>,
) -> Commitment {
    let salt: [u8; 32] = rand::random();
    salts.push(SaltRow { event_id, name, salt: salt.to_vec() });
    Commitment::of(&salt, name, value)
}
