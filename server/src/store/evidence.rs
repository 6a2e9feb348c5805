//! The evidence log: events, the tree over them, and the checkpoints that were signed.

use super::bulk::for_chunks;
use super::{Result, Tx};
use saolou_protocol::time::Millis;
use uuid::Uuid;

/// An event to log. It waits until the sequencer gives it its place.
#[derive(Clone, Debug)]
pub(crate) struct EventRow {
    pub(crate) event_id: Uuid,
    pub(crate) at_ms: Millis,
    /// The leaf, as it is hashed.
    pub(crate) body: Vec<u8>,
}

/// What opens one commitment in an event.
#[derive(Clone, Debug)]
pub(crate) struct SaltRow {
    pub(crate) event_id: Uuid,
    pub(crate) name: &'static str,
    pub(crate) salt: Vec<u8>,
}

impl Tx {
    /// Files events. One that is there already stays as it is.
    pub(crate) async fn put_events(&mut self, events: &[EventRow]) -> Result<()> {
        for_chunks!(
            self,
            events,
            "insert into evidence_event (event_id, at_ms, body) ",
            |values, event| _ =
                values.push_bind(event.event_id).push_bind(event.at_ms).push_bind(&event.body),
            " on conflict (event_id) do nothing"
        );
        Ok(())
    }

    /// Keeps what opens commitments. One that is there already stays as it is.
    pub(crate) async fn put_salts(&mut self, salts: &[SaltRow]) -> Result<()> {
        for_chunks!(
            self,
            salts,
            "insert into evidence_salt (event_id, name, salt) ",
            |values, salt| _ =
                values.push_bind(salt.event_id).push_bind(salt.name).push_bind(&salt.salt),
            " on conflict (event_id, name) do nothing"
        );
        Ok(())
    }
}
