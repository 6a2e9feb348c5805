//! When which device synced last, what it said that it still holds, and how far its clock is off.
//!
//! That is told by every sync and worth no commit of its own: it is kept in memory and written down
//! some seconds later, of all devices together. What a crash loses of it comes with the next sync.

use super::access::Caller;
use super::sync::Request;
use crate::error::Result;
use crate::store::{SightingRow, Store};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use uuid::Uuid;

/// How often it is written down.
const WRITE_EVERY: Duration = Duration::from_secs(5);
/// Devices that are remembered between two times; of more the rest is heard of again.
const DEVICES_MAX: usize = 20_000;

/// What was heard since it was last written down.
#[derive(Clone, Default)]
pub(crate) struct Sightings(Arc<Mutex<HashMap<Uuid, SightingRow>>>);

impl Sightings {
    /// Notes what a device says with a sync.
    pub(crate) fn heard(&self, caller: &Caller, request: &Request) {
        let row = SightingRow {
            device_id: request.device.0,
            user_id: caller.user_id,
            synced_ms: request.received_ms,
            records: request.pending.map(|pending| pending.records.into()),
            photos: request.pending.map(|pending| pending.photos.into()),
            skew_ms: request.skew_ms,
        };
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if heard.len() < DEVICES_MAX || heard.contains_key(&row.device_id) {
            heard.insert(row.device_id, row);
        }
    }

    /// Writes down what was heard.
    pub(crate) async fn write(&self, store: &Store) -> Result<()> {
        let heard = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        if heard.is_empty() {
            return Ok(());
        }
        // In one order, so that two servers never wait for each other.
        let mut rows: Vec<SightingRow> = heard.into_values().collect();
        rows.sort_by_key(|row| row.device_id);
        let mut tx = store.write().await?;
        tx.put_sightings(&rows).await?;
        Ok(tx.commit().await?)
    }

    /// Writes it down again and again, until it is dropped.
    pub(crate) async fn keep(self, store: Store) {
        let mut every = tokio::time::interval(WRITE_EVERY);
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            every.tick().await;
            if let Err(error) = self.write(&store).await {
                tracing::warn!(%error, "when devices were heard of was not written down");
            }
        }
    }
}
