//! The evidence log over HTTP: `/evidence/log/…` in the layout of C2SP `tlog-tiles`, and what proves
//! one photo.
//!
//! Leaves hold no personal data, but they tell how much is photographed when: tiles and entries are
//! for those who audit. A checkpoint is for everybody who is signed in, because phones carry it.

use super::access::{
    Body, ExportEvidence, HoldEvidence, Json, May, Path, ReadEvidence, ReadVisits, SignedIn,
};
use crate::app::App;
use crate::domain::access::Act;
use crate::domain::archive::Holds;
use crate::domain::photos::ForCase;
use crate::error::{Error, Result};
use axum::extract::State;
use axum::http::{HeaderName, header};
use axum::response::IntoResponse;
use saolou_protocol::evidence::note::NOTE_BYTES_MAX;
use saolou_protocol::evidence::tile::Tile;
use saolou_protocol::ids::PhotoId;
use uuid::Uuid;

const TEXT: (HeaderName, &str) = (header::CONTENT_TYPE, "text/plain; charset=utf-8");
const BYTES: (HeaderName, &str) = (header::CONTENT_TYPE, "application/octet-stream");
/// Tiles never change.
const FOR_EVER: (HeaderName, &str) =
    (header::CACHE_CONTROL, "private, max-age=31536000, immutable");

/// The newest checkpoint.
pub(super) async fn checkpoint(
    State(app): State<App>,
    SignedIn(_): SignedIn,
) -> Result<impl IntoResponse> {
    let note = app.evidence.checkpoint().await?.ok_or(Error::NotFound)?;
    Ok(([TEXT], note))
}

/// The public keys that ever signed, one a line, the newest last.
pub(super) async fn key(State(app): State<App>, SignedIn(_): SignedIn) -> impl IntoResponse {
    let keys = app.evidence.keys().verifiers;
    let lines: Vec<String> = keys.iter().map(|key| format!("{key}\n")).collect();
    ([TEXT], lines.concat())
}

/// A tile of hashes or a bundle of entries.
pub(super) async fn tile(
    State(app): State<App>,
    _: May<ReadEvidence>,
    Path(tile): Path<String>,
) -> Result<impl IntoResponse> {
    let tile = Tile::parse(&tile).ok_or(Error::NotFound)?;
    Ok(([BYTES, FOR_EVER], app.evidence.tile(tile).await?))
}

/// The proof that a photo was received.
pub(super) async fn proof(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Path(photo): Path<Uuid>,
) -> Result<impl IntoResponse> {
    app.evidence.require_photo(&caller, photo, &[Act::Push, Act::ReadEvidence]).await?;
    Ok(([TEXT], app.evidence.proof(photo).await?))
}

/// What is known of a photo: how it came, and every entry of the log about it.
pub(super) async fn told(
    State(app): State<App>,
    May { caller, .. }: May<ReadVisits>,
    Path(photo): Path<Uuid>,
) -> Result<impl IntoResponse> {
    let acts = &[Act::ReadVisits, Act::ReadEvidence];
    app.evidence.require_photo(&caller, photo, acts).await?;
    app.evidence.told(photo).await.map(axum::Json)
}

/// Takes a checkpoint that a phone or an auditor brings back.
pub(super) async fn note(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Body(bytes): Body,
) -> Result<axum::http::StatusCode> {
    let text = std::str::from_utf8(&bytes).ok().filter(|text| text.len() <= NOTE_BYTES_MAX);
    let text = text.ok_or_else(|| Error::Malformed("expected a signed note".into()))?;
    let source = format!("user {}", caller.user_id);
    if app.evidence.note_checkpoint(text, &source).await? {
        Ok(axum::http::StatusCode::NO_CONTENT)
    } else {
        Err(Error::Invalid("no key of this log signed it".into()))
    }
}

/// A bundle: the original and all that proves it, in one file.
pub(super) async fn bundle(
    State(app): State<App>,
    May { caller, .. }: May<ExportEvidence>,
    Path(photo): Path<Uuid>,
) -> Result<impl IntoResponse> {
    app.evidence.require_photo(&caller, photo, &[Act::ExportEvidence]).await?;
    let bytes = app.evidence.export(photo, caller.user_id, app.photos.root()).await?;
    let name = format!("attachment; filename=\"evidence-{photo}.zip\"");
    let kind = (header::CONTENT_TYPE, "application/zip".to_owned());
    Ok(([kind, (header::CONTENT_DISPOSITION, name)], bytes))
}

/// The cases that hold a photo, or held it.
pub(super) async fn holds(
    State(app): State<App>,
    May { caller, .. }: May<ReadEvidence>,
    Path(photo): Path<PhotoId>,
) -> Result<axum::Json<Holds>> {
    app.photos.holds(&caller, photo.0).await.map(axum::Json)
}

/// Holds a photo for a case.
pub(super) async fn hold(
    State(app): State<App>,
    May { caller, .. }: May<HoldEvidence>,
    Path(photo): Path<PhotoId>,
    Json(of): Json<ForCase>,
) -> Result<axum::Json<Holds>> {
    app.photos.set_hold(&caller, photo.0, &of, true).await.map(axum::Json)
}

/// Lifts the hold of a case.
pub(super) async fn free(
    State(app): State<App>,
    May { caller, .. }: May<HoldEvidence>,
    Path(photo): Path<PhotoId>,
    Json(of): Json<ForCase>,
) -> Result<axum::Json<Holds>> {
    app.photos.set_hold(&caller, photo.0, &of, false).await.map(axum::Json)
}
