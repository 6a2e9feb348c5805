//! Photos of which the log knows, and nobody else: a database that was set back has forgotten who took
//! them, and for which building. They wait for the desk until their record comes again, which claims
//! them in its own commit, or their bytes do.

use super::arrival::{Placing, verified};
use crate::error::Result;
use crate::store::{PhotoRow, Tx};
use saolou_protocol::canonical::Hash;
use saolou_protocol::engine::push::{Judged, Verdict};
use saolou_protocol::fact::Kind;
use saolou_protocol::time::Millis;
use std::collections::BTreeMap;
use uuid::Uuid;

/// Why such a photo waits.
pub(crate) const FORGOTTEN: &str = "record_lost";

/// A photo that a record claims.
pub(crate) struct Claim {
    /// As it is noted from now on.
    pub(crate) photo: PhotoRow,
    /// The op that says that it is here; `None` where that was said before.
    pub(crate) verified: Option<Judged>,
}

/// The photos that the visits of a batch claim. Only a record that names the hash of the bytes does: to
/// know the id of a photo is no proof of having had it.
pub(crate) async fn claims(tx: &mut Tx, ops: &[&Judged], now_ms: Millis) -> Result<Vec<Claim>> {
    let mut promised: BTreeMap<(Uuid, Hash), &Judged> = BTreeMap::new();
    for judged in ops.iter().copied() {
        let Verdict::Merge(fact) = &judged.verdict else { continue };
        let Kind::Visit(visit) = &fact.kind else { continue };
        for photograph in &visit.photographs {
            let Some(sha256) = photograph.promise.sha256 else { continue };
            promised.entry((photograph.promise.photo.0, sha256)).or_insert(judged);
        }
    }
    if promised.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<Uuid> = promised.keys().map(|(photo, _)| *photo).collect();
    let mut claims = Vec::new();
    for row in tx.photos_unclaimed(&ids).await? {
        let Ok(sha256) = row.sha256.as_slice().try_into().map(Hash) else { continue };
        let Some(judged) = promised.get(&(row.photo_id, sha256)) else { continue };
        let (street, building) = (judged.street, judged.op.bucket.0);
        let verified = said(tx, row.photo_id, sha256, building, street, now_ms).await?;
        let photo = PhotoRow {
            street_id: street,
            author_id: judged.op.author.0,
            device_id: Some(judged.op.device.0),
            building_id: building,
            state: "stored".to_owned(),
            reason: None,
            ..row
        };
        claims.push(Claim { photo, verified });
    }
    Ok(claims)
}

/// The op that says that a photo is here, unless its street has it.
pub(crate) async fn said(
    tx: &mut Tx,
    photo: Uuid,
    sha256: Hash,
    building: Uuid,
    street: Uuid,
    now_ms: Millis,
) -> Result<Option<Judged>> {
    let placing = Placing { street, reason: None };
    let op = verified(photo, sha256, building, placing, now_ms)?;
    let known = tx.known_ops(street, &[op.op.op_id.0]).await?;
    Ok(known.is_empty().then_some(op))
}
