//! Decoding: the stage that reads what is in a photo.

use super::jobs::{Fault, Work};
use crate::store::Taken;
use saolou_protocol::canonical::Hash;

/// Reads a photo.
pub(crate) async fn decode(work: &Work, job: &Taken) -> Result<(), Fault> {
    let hash = <[u8; 32]>::try_from(job.sha256.as_slice()).map(Hash);
    let name = hash.map_err(|_| Fault::Again("no hash".into()))?.to_string();
    let original = work.folder.join("photos/sha256").join(&name[..2]).join(name);
    let is_there = tokio::fs::try_exists(&original).await;
    let is_there = is_there.map_err(|error| Fault::Again(format!("original: {error}")))?;
    if is_there { Ok(()) } else { Err(Fault::Again("the original is not here".into())) }
}
