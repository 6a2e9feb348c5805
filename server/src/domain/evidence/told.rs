//! What is known of one photo for whoever looks at it: where it came from, what its device's signature
//! was worth, and every entry of the log about it.

use super::bundle::is_about;
use super::log::Log;
use crate::error::{Error, Result};
use saolou_protocol::canonical::Hash;
use saolou_protocol::evidence::event::Entry;
use saolou_protocol::evidence::manifest::Manifest;
use saolou_protocol::location::Location;
use saolou_protocol::time::Millis;
use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

/// What is known of a photo.
#[derive(Serialize)]
pub(crate) struct Told {
    photo_id: Uuid,
    sha256: Hash,
    author: Option<String>,
    received_ms: Millis,
    /// What the phone stated at the shutter, where it stated anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    stated: Option<Stated>,
    /// By their places in the log; what happened a moment ago has none yet.
    entries: Vec<Placed>,
    /// How many entries the newest signed checkpoint covers.
    checkpoint_size: i64,
}

/// What a capture manifest states.
#[derive(Serialize)]
struct Stated {
    /// By the clock of the phone.
    #[serde(skip_serializing_if = "Option::is_none")]
    captured_wall_ms: Option<Millis>,
    #[serde(skip_serializing_if = "Option::is_none")]
    latitude: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    longitude: Option<f64>,
    /// In metres.
    #[serde(skip_serializing_if = "Option::is_none")]
    accuracy_m: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<u64>,
    is_signed: bool,
}

/// An entry of the log with its place.
#[derive(Serialize)]
struct Placed {
    leaf_index: i64,
    #[serde(flatten)]
    entry: Entry,
}

impl Log {
    /// What is known of a photo.
    ///
    /// # Errors
    /// [`Error::NotFound`] where it has not arrived.
    pub(crate) async fn told(&self, photo: Uuid) -> Result<Told> {
        let mut tx = self.store.read().await?;
        let facts = tx.photo_facts(photo).await?.ok_or(Error::NotFound)?;
        let sha256 = facts.sha256.as_slice().try_into().map(Hash);
        let sha256 = sha256.map_err(|_| Error::Internal("a stored hash is none".into()))?;
        let mut rows = tx.log_of_photo(photo).await?;
        rows.extend(tx.log_of_blob(&sha256.0).await?);
        rows.retain(|row| is_about(row, photo));
        rows.sort_by_key(|row| row.leaf_index);
        rows.dedup_by_key(|row| row.leaf_index);
        let placed = |entry, leaf_index| Placed { leaf_index, entry };
        let entries = rows.iter();
        let entries =
            entries.filter_map(|row| Some(placed(Entry::read(&row.body)?, row.leaf_index)));
        let map: Option<Map<String, Value>> =
            facts.manifest.as_deref().and_then(|sent| serde_json::from_slice(sent).ok());
        Ok(Told {
            photo_id: photo,
            sha256,
            author: facts.author,
            received_ms: facts.received_ms,
            stated: map.as_ref().and_then(Manifest::read).map(|manifest| Stated::of(&manifest)),
            entries: entries.collect(),
            checkpoint_size: tx.log_head().await?.map_or(0, |head| head.size),
        })
    }
}

impl Stated {
    fn of(manifest: &Manifest) -> Self {
        let place: Option<&Location> = manifest.location.as_ref();
        Self {
            captured_wall_ms: manifest.captured.as_ref().map(|captured| captured.wall_ms),
            latitude: place.map(|place| place.latitude),
            longitude: place.map(|place| place.longitude),
            accuracy_m: place.map(|place| place.accuracy_m),
            seq: manifest.seq,
            is_signed: manifest.signature.is_some(),
        }
    }
}
