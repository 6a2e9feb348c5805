//! Rebuild: recount everything from the ops and compare it with what is stored.

use super::fold::fold;
use super::licences::Moved;
use super::restrictions;
use crate::error::Result;
use crate::store::{EntityRow, Store};
use saolou_protocol::building::{Entity, EntityKind};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// An entity that is not what the ops say.
#[derive(Debug)]
pub(crate) struct Difference {
    /// The building; nil for a restricted photo that no building speaks of.
    pub(crate) building_id: Uuid,
    /// `building`, `floor`, `office`; `licence_site` for a row of the index of licences,
    /// `photo_restricted` for one of the list of photos that show identity documents.
    pub(crate) kind: &'static str,
    /// The entity; of a licence its round; the photo.
    pub(crate) entity_id: Uuid,
    /// What it should be, as JSON, or `nothing`; of a licence its code; of a
    /// restricted photo `restricted`.
    pub(crate) expected: String,
}

/// What a rebuild found.
#[derive(Debug, Default)]
pub(crate) struct Recount {
    /// Buildings looked at.
    pub(crate) buildings: usize,
    /// What differs.
    pub(crate) differences: Vec<Difference>,
}

/// Recounts all buildings, one snapshot each, without changing anything. `progress` is told how many
/// of how many are done.
pub(crate) async fn recount(store: &Store, progress: impl Fn(usize, usize)) -> Result<Recount> {
    let mut tx = store.read().await?;
    let heads = tx.buckets(None).await?;
    let mut unexplained: BTreeSet<(Uuid, Uuid)> =
        tx.photos_restricted(None).await?.into_iter().collect();
    drop(tx);
    let mut recount = Recount::default();
    for head in &heads {
        let mut tx = store.read().await?;
        // Read again inside the snapshot: the head may have moved since it was listed.
        let Some(head) = tx.head(head.building_id).await? else { continue };
        let (folded, entities) = fold(&mut tx, &head).await?;
        let stored = tx.entities(head.street_id, head.building_id).await?;
        let building_id = head.building_id;
        for (kind, entity_id, expected) in differences(entities, stored) {
            recount.differences.push(Difference { building_id, kind, entity_id, expected });
        }
        let due = Moved::due(&mut tx, &head, &folded).await?;
        let (lacking, stray) = due.rows();
        let lacking = lacking.iter().map(|row| (row.round_id, row.uscc.clone()));
        let stray = stray.iter().map(|row| (row.round_id, "nothing".to_owned()));
        for (entity_id, expected) in lacking.chain(stray) {
            let kind = "licence_site";
            recount.differences.push(Difference { building_id, kind, entity_id, expected });
        }
        for entity_id in restrictions::lacking(&mut tx, &head, &folded).await? {
            let (kind, expected) = ("photo_restricted", "restricted".to_owned());
            recount.differences.push(Difference { building_id, kind, entity_id, expected });
        }
        for photo in restrictions::restricted(&folded) {
            unexplained.remove(&(head.street_id, photo));
        }
        recount.buildings += 1;
        progress(recount.buildings, heads.len());
    }
    // Two buildings of a street may speak of one photo: what none of them says is too much. What went
    // meanwhile is no difference.
    let rows: BTreeSet<(Uuid, Uuid)> =
        store.read().await?.photos_restricted(None).await?.into_iter().collect();
    for (_, entity_id) in unexplained.intersection(&rows).copied() {
        let (kind, expected) = ("photo_restricted", "nothing".to_owned());
        let building_id = Uuid::nil();
        recount.differences.push(Difference { building_id, kind, entity_id, expected });
    }
    Ok(recount)
}

/// What differs, with what it should be: entities that are stored otherwise or not at all, and, with
/// `nothing`, those that no op made.
fn differences(
    entities: Vec<Entity>,
    stored: Vec<EntityRow>,
) -> impl Iterator<Item = (&'static str, Uuid, String)> {
    let key = |row: EntityRow| Some(((EntityKind::parse(&row.kind)?, row.entity_id), row.body));
    let mut stored: BTreeMap<(EntityKind, Uuid), Vec<u8>> =
        stored.into_iter().filter_map(key).collect();
    let mut differing = Vec::new();
    for Entity { kind, id, body } in entities {
        if stored.remove(&(kind, id)).as_ref() != Some(&body) {
            differing.push((kind.code(), id, String::from_utf8_lossy(&body).into_owned()));
        }
    }
    let strays = stored.into_keys().map(|(kind, id)| (kind.code(), id, "nothing".to_owned()));
    differing.into_iter().chain(strays)
}
