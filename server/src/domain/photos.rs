//! Photos: the bytes behind a promise.
//!
//! A photo arrives whole, is hashed on the way, and is put into a content-addressed folder by a
//! rename after it was made durable; then the server itself files the op `photo_verified`, which
//! clears the pending evidence of whatever visit promised it, before or after.

use super::access::Caller;
use super::desk;
use super::sync::Sync;
use crate::error::{Error, Result};
use crate::store::{NewJob, PhotoRow, Stage};
use axum::body::BodyDataStream;
use futures_util::StreamExt;
use saolou_protocol::canonical::Hash;
use saolou_protocol::ids::PhotoId;
use serde::Serialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use tokio::io::AsyncWriteExt;
use uuid::Uuid;

/// Largest photo, in bytes (domain §2.17).
pub(crate) const PHOTO_BYTES_MAX: usize = 20 * 1024 * 1024;

/// What the phone is told of a photo.
#[derive(Serialize)]
pub(crate) struct Stored {
    photo_id: PhotoId,
    sha256: Hash,
    bytes: i64,
}

/// Takes the bytes of a photo. The same bytes again give the same answer.
pub(crate) async fn store(
    sync: &Sync,
    folder: &Path,
    caller: &Caller,
    photo: PhotoId,
    building: Uuid,
    declared: Hash,
    body: BodyDataStream,
) -> Result<Stored> {
    let now_ms = sync.clock.now_ms();
    let head = {
        let mut tx = sync.store.read().await?;
        let head = tx.head(building).await?.ok_or(Error::NotFound)?;
        // Not only where he is assigned today: the visit may be from before he was re-assigned.
        let streets = caller.streets(&mut tx).await?;
        if streets.contains(&head.street_id) { head } else { return Err(Error::NotFound) }
    };
    let part = folder.join("incoming").join(sync.clock.new_id().to_string());
    let received = receive(&part, declared, body).await;
    let bytes = match received {
        Ok(bytes) => bytes,
        Err(error) => {
            // The phone still has it: what is left of a broken upload is only litter.
            drop(tokio::fs::remove_file(&part).await);
            return Err(error);
        }
    };
    keep(&part, &place(folder, declared)).await.map_err(|error| failed(&error))?;
    let mut tx = sync.store.write().await?;
    tx.put_photo(&PhotoRow {
        photo: photo.0,
        sha256: &declared.0,
        building: head.building_id,
        author: caller.user_id,
        bytes,
        received_ms: now_ms,
    })
    .await?;
    let job = |stage| NewJob { photo_id: photo.0, sha256: declared.0, stage };
    tx.put_jobs(&Stage::ALL.map(job), now_ms).await?;
    tx.commit().await?;
    sync.jobs.ring();
    let op_id = Uuid::new_v5(&photo.0, &declared.0);
    let body = json!({ "photo_id": photo, "sha256": declared });
    let op = desk::op(op_id, Uuid::nil(), now_ms, building, "photo_verified", photo.0, &[], body);
    sync.writer.push(vec![desk::judged(op?, head.street_id, now_ms)]).await?;
    Ok(Stored { photo_id: photo, sha256: declared, bytes })
}

async fn receive(part: &Path, declared: Hash, mut body: BodyDataStream) -> Result<i64> {
    let mut file = tokio::fs::File::create(part).await.map_err(|error| failed(&error))?;
    let (mut hasher, mut bytes) = (Sha256::new(), 0);
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|error| Error::Malformed(format!("body: {error}")))?;
        bytes += chunk.len();
        if bytes > PHOTO_BYTES_MAX {
            return Err(Error::TooLarge(format!("a photo may have {PHOTO_BYTES_MAX} bytes")));
        }
        hasher.update(&chunk);
        file.write_all(&chunk).await.map_err(|error| failed(&error))?;
    }
    let hash = Hash(hasher.finalize().into());
    if hash != declared {
        return Err(Error::DigestMismatch(format!("received {hash}, declared {declared}")));
    }
    file.sync_all().await.map_err(|error| failed(&error))?;
    Ok(i64::try_from(bytes).unwrap_or(i64::MAX))
}

/// Moves received bytes to their place; bytes that are there already stay as they are.
async fn keep(part: &Path, place: &Path) -> std::io::Result<()> {
    let folder = place.parent().expect("a photo's place lies in a folder");
    tokio::fs::create_dir_all(folder).await?;
    match tokio::fs::hard_link(part, place).await {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    tokio::fs::File::open(folder).await?.sync_all().await?;
    tokio::fs::remove_file(part).await
}

fn place(folder: &Path, hash: Hash) -> PathBuf {
    let name = hash.to_string();
    folder.join("sha256").join(&name[..2]).join(name)
}

/// Makes the folders that photos go to.
pub(crate) fn prepare(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder.join("incoming"))?;
    std::fs::create_dir_all(folder.join("sha256"))
}

fn failed(error: &std::io::Error) -> Error {
    Error::Internal(format!("storing a photo: {error}"))
}
