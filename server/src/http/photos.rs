//! `PUT /api/v1/photos/{id}`: the bytes of a promised photo.

use super::access::{May, Path, Push, Query};
use crate::app::App;
use crate::domain::photos::{self, PHOTO_BYTES_MAX, Stored};
use crate::error::{Error, Result};
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use saolou_protocol::canonical::Hash;
use saolou_protocol::ids::PhotoId;
use serde::Deserialize;
use uuid::Uuid;

/// The building whose visit promised the photo.
#[derive(Deserialize)]
pub(super) struct OfBuilding {
    building: Uuid,
}

pub(super) async fn put(
    State(app): State<App>,
    May { caller, .. }: May<Push>,
    Path(photo): Path<PhotoId>,
    Query(OfBuilding { building }): Query<OfBuilding>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Stored>> {
    let declared = headers.get("content-digest").and_then(|value| digest(value.to_str().ok()?));
    let declared = declared.ok_or_else(|| {
        Error::Malformed("Content-Digest: expected sha-256=:base64: (RFC 9530)".into())
    })?;
    let len = headers.get(header::CONTENT_LENGTH).and_then(|len| len.to_str().ok()?.parse().ok());
    if len.is_some_and(|len: usize| len > PHOTO_BYTES_MAX) {
        return Err(Error::TooLarge(format!("a photo may have {PHOTO_BYTES_MAX} bytes")));
    }
    let body = body.into_data_stream();
    let stored =
        photos::store(&app.sync, &app.photos, &caller, photo, building, declared, body).await;
    stored.map(Json)
}

/// The SHA-256 of a `Content-Digest` header (RFC 9530 §2), among whatever else it lists.
fn digest(value: &str) -> Option<Hash> {
    let listed = value.split(',').find_map(|item| item.trim().strip_prefix("sha-256="))?;
    let encoded = listed.strip_prefix(':')?.strip_suffix(':')?;
    STANDARD.decode(encoded).ok()?.try_into().map(Hash).ok()
}
