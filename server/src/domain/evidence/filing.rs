//! Filing events, in the transaction of what happened.

use crate::store::{EventRow, SaltRow};
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
