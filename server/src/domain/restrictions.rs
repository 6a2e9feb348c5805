//! Photos that show an identity document (C42): the table says what the ops of the buildings say, so
//! that whoever is about to show one needs not fold a building.

use crate::error::Result;
use crate::store::{Head, NewJob, PhotoOf, Stage, Tx};
use saolou_protocol::building::Building;
use std::collections::BTreeSet;
use uuid::Uuid;

/// Notes whether a photo of a street shows one, and gives what is to be done about it. Whoever is told
/// of it anew removes its previews; where somebody was wrong, it is read once more, which makes them.
pub(super) async fn note(
    tx: &mut Tx,
    street: Uuid,
    photo: Uuid,
    is_restricted: bool,
) -> Result<Vec<NewJob>> {
    if !tx.restrict_photo(street, photo, is_restricted).await? {
        return Ok(Vec::new());
    }
    let stage = if is_restricted { Stage::Tell } else { Stage::Decode };
    let rows = tx.photos_stored(street, &[photo]).await?;
    let job = |row: PhotoOf| {
        let sha256 = row.sha256.try_into().ok()?;
        Some(NewJob { photo_id: photo, sha256, stage })
    };
    Ok(rows.into_iter().filter_map(job).collect())
}

/// The photos that a building says show one and the table does not. What the table has too much is not
/// for one building to say: another one of the street may have the photo, too.
pub(super) async fn lacking(tx: &mut Tx, head: &Head, folded: &Building) -> Result<Vec<Uuid>> {
    let wanted = restricted(folded);
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let noted: BTreeSet<Uuid> =
        tx.photos_restricted(Some(head.street_id)).await?.into_iter().map(|(_, id)| id).collect();
    Ok(wanted.difference(&noted).copied().collect())
}

/// The photos that a building says show one.
pub(super) fn restricted(folded: &Building) -> BTreeSet<Uuid> {
    let said = folded.restrictions().into_iter();
    said.filter(|(_, is_restricted)| *is_restricted).map(|(photo, _)| photo.0).collect()
}
