//! `POST /api/v1/sync`: push and pull in one round trip.

use super::access::{Body, May, Push};
use crate::app::App;
use crate::domain::sync::{self, BODY_BYTES_MAX};
use crate::error::{Error, Result};
use axum::extract::{FromRequest, Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use saolou_protocol::wire::{self, SyncReply};
use std::time::Duration;

/// Bodies up to this size are parsed where they arrive; larger ones where they hold up nobody.
const INLINE_BYTES_MAX: usize = 256 * 1024;
/// How long a push waits for memory before it is told to come back.
const PATIENCE: Duration = Duration::from_secs(5);
/// The version of the protocol that this server speaks, and the only one.
const VERSION: &str = "1";
/// What this server can do beyond it. A client asks for what it knows, and ignores the rest.
const CAPABILITIES: &str = "zstd, gzip, digests, groups, leave";

/// Says on every reply of the sync endpoints, failures included, which version is spoken here.
pub(super) async fn with_version(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let is_sync = path
        .strip_prefix("/api/v1/sync")
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let mut response = next.run(request).await;
    if is_sync {
        let headers = response.headers_mut();
        headers.insert("sync-version", HeaderValue::from_static(VERSION));
        headers.insert("sync-capabilities", HeaderValue::from_static(CAPABILITIES));
    }
    response
}

pub(super) async fn sync(
    State(app): State<App>,
    May { caller, .. }: May<Push>,
    headers: HeaderMap,
    request: Request,
) -> Result<axum::Json<SyncReply>> {
    if headers.get("sync-version").is_some_and(|version| version != VERSION) {
        return Err(Error::UnsupportedVersion);
    }
    // Room for the body is taken before it is read, so that many phones at once queue up instead of
    // filling the memory.
    let room = app.body_room.acquire_many(room_for(&headers));
    let room = tokio::time::timeout(PATIENCE, room).await;
    let _room = room.map_err(|_| Error::Overloaded)?.map_err(|_| Error::Overloaded)?;
    let Body(body) = Body::from_request(request, &app).await?;
    let received_ms = app.sync.clock.now_ms();
    let mut request = if body.len() <= INLINE_BYTES_MAX {
        let read = sync::Request::read(&body, received_ms, &app.sync.limits)?;
        drop(body);
        read
    } else {
        let limits = app.sync.limits;
        let read = move || sync::Request::read(&body, received_ms, &limits);
        let read = tokio::task::spawn_blocking(read);
        read.await.map_err(|error| Error::Internal(format!("reading a push: {error}")))??
    };
    app.sightings.heard(&caller, &request);
    let device = request.device;
    let carried = request.checkpoint.take();
    let checkpoint = app.evidence.exchange(carried.as_deref(), device).await;
    let reply = app.sync.run(&caller, request).await?;
    Ok(axum::Json(SyncReply { checkpoint, ..reply }))
}

pub(super) async fn config(State(app): State<App>, _: May<Push>) -> axum::Json<wire::Limits> {
    axum::Json(app.sync.limits)
}

/// KiB to set aside for a body: what it says it has, or as much as there may be where it is
/// compressed or does not say.
fn room_for(headers: &HeaderMap) -> u32 {
    let plain = !headers.contains_key(header::CONTENT_ENCODING);
    let declared =
        headers.get(header::CONTENT_LENGTH).and_then(|len| len.to_str().ok()?.parse().ok());
    let bytes = declared.filter(|_| plain).unwrap_or(BODY_BYTES_MAX).min(BODY_BYTES_MAX);
    u32::try_from(bytes / 1024 + 1).unwrap_or(u32::MAX)
}
