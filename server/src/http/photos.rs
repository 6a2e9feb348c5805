//! `/api/v1/photos`: what is still to be sent, and photos that come in one piece.

use super::access::Review;
use super::access::{Json, May, Path, Push, Query};
use super::uploads::{self, Asked, fields};
use crate::app::App;
use crate::domain::photos::{Append, Appended, Content, Finish, New, Planned};
use crate::domain::photos::{Decision, Item, Waiting};
use crate::error::{Error, Result};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use saolou_protocol::ids::PhotoId;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

/// The capture manifests of photos, as they were signed.
#[derive(Deserialize)]
pub(super) struct Manifests {
    photos: Vec<Box<RawValue>>,
}

/// What is to be done about each, in the same order.
#[derive(Serialize)]
pub(super) struct Plan {
    photos: Vec<Planned>,
}

pub(super) async fn plan(
    State(app): State<App>,
    May { caller, .. }: May<Push>,
    Json(Manifests { photos }): Json<Manifests>,
) -> Result<axum::Json<Plan>> {
    let manifests: Vec<&RawValue> = photos.iter().map(AsRef::as_ref).collect();
    let photos = app.photos.plan(&caller, &manifests).await?;
    Ok(axum::Json(Plan { photos }))
}

/// The unit whose waiting photos are listed, and what they wait for.
#[derive(Deserialize)]
pub(super) struct OfUnit {
    unit: Uuid,
    waiting: Waiting,
}

#[derive(Serialize)]
pub(super) struct Items {
    items: Vec<Item>,
}

pub(super) async fn waiting(
    State(app): State<App>,
    May { caller, .. }: May<Review>,
    Query(OfUnit { unit, waiting }): Query<OfUnit>,
) -> Result<axum::Json<Items>> {
    let items = app.photos.waiting(&caller, unit, waiting).await?;
    Ok(axum::Json(Items { items }))
}

pub(super) async fn decide(
    State(app): State<App>,
    May { caller, .. }: May<Review>,
    Path(photo): Path<PhotoId>,
    Json(decision): Json<Decision>,
) -> Result<axum::Json<Item>> {
    app.photos.decide(&caller, photo.0, &decision).await.map(axum::Json)
}

/// A photo in one request; with `Upload-Complete` one that can be resumed where it breaks.
pub(super) async fn put(
    State(app): State<App>,
    Path(photo): Path<PhotoId>,
    request: Request,
) -> Result<Response> {
    let asked = Asked::take(app, request).await?;
    // The building whose visit promised the photo.
    let building = asked.query.get("building").and_then(|id| id.parse().ok());
    let building: Uuid =
        building.ok_or_else(|| Error::Malformed("building: expected an id in the query".into()))?;
    let kind = asked.query.get("kind").map(|kind| kind.chars().take(64).collect());
    let sha256 = fields::digest(&asked.headers, "repr-digest")
        .or_else(|| fields::digest(&asked.headers, "content-digest"));
    let sha256 = sha256.ok_or_else(|| {
        Error::Malformed("Content-Digest: expected sha-256=:base64: (RFC 9530)".into())
    })?;
    let (photo, building) = (Some(photo.0), Some(building));
    let new = New { protocol: "put", role: "whole", photo, building, kind, ..New::default() };
    let new = New { sha256: Some(sha256), ..new };
    if fields::boolean(&asked.headers, "upload-complete").is_some() {
        return uploads::create_resumable(asked, new).await;
    }
    let content_bytes = asked.content_bytes();
    let (app, caller) = (asked.app, asked.caller);
    let new = New { bytes: content_bytes, ..new };
    let append = Append {
        offset: 0,
        content: Content::new(asked.body),
        content_bytes,
        bytes: None,
        finish: Finish::Now,
        checksum: None,
        progress: None,
    };
    match app.photos.take(&caller, new, append).await? {
        Appended::Complete(_, stored) => Ok(axum::Json(stored).into_response()),
        Appended::BeyondLength => Err(Error::TooLarge("more than a photo may have".into())),
        _ => Err(Error::Malformed("body: it broke off".into())),
    }
}
