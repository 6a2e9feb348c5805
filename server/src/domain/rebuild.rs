//! Rebuild: recount everything from the ops and compare it with what is stored.

use super::writer::differences;
use crate::error::Result;
use crate::store::Store;
use uuid::Uuid;

/// An entity that is not what the ops say.
#[derive(Debug)]
pub(crate) struct Difference {
    /// The building.
    pub(crate) building_id: Uuid,
    /// `building`, `floor`, `office`, `conflict`.
    pub(crate) kind: &'static str,
    /// The entity.
    pub(crate) entity_id: Uuid,
    /// What it should be, as JSON.
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
    let heads = store.read().await?.buckets(None).await?;
    let mut recount = Recount::default();
    for head in &heads {
        let mut tx = store.read().await?;
        // Read again inside the snapshot: the head may have moved since it was listed.
        let Some(head) = tx.head(head.building_id).await? else { continue };
        let mut differ = |kind, entity_id, expected: &[u8]| {
            let expected = String::from_utf8_lossy(expected).into_owned();
            let building_id = head.building_id;
            recount.differences.push(Difference { building_id, kind, entity_id, expected });
        };
        for entity in differences(&mut tx, &head).await? {
            differ(entity.kind.code(), entity.id, &entity.body);
        }
        for (kind, entity_id) in strays(&mut tx, &head).await? {
            differ(kind, entity_id, b"");
        }
        recount.buildings += 1;
        progress(recount.buildings, heads.len());
    }
    Ok(recount)
}
