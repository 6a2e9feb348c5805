//! Health, and metrics for those who may read them.

use super::access::{SignedIn, bearer};
use crate::app::App;
use crate::domain::access::Act;
use crate::error::{Error, Result};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::StatusCode;

/// The process runs.
pub(super) async fn live() -> &'static str {
    "live"
}

/// The process can do its work: the database answers, and it is not shutting down. An archive that
/// may not be written is told of, and no reason to send phones away: what they bring is received.
pub(super) async fn ready(State(app): State<App>) -> Result<String> {
    if *app.stopping.borrow() {
        return Err(Error::Overloaded);
    }
    let mut tx = app.sync.store.read().await?;
    tx.setting("epoch").await?;
    Ok(match app.archive.refusal() {
        None => format!("ready\narchive: {}", app.archive.promise()),
        Some(refusal) => format!("ready\narchive {refusal}"),
    })
}

/// Prometheus metrics, for the metrics token of the configuration or a system administrator.
pub(super) async fn metrics(
    State(app): State<App>,
    request: Request,
) -> Result<(StatusCode, String)> {
    let (mut parts, _) = request.into_parts();
    let shown = bearer(&parts).ok_or(Error::Unauthenticated)?;
    let by_token = app.metrics_token.as_ref().is_some_and(|token| same(token, shown));
    if !by_token {
        let SignedIn(caller) = SignedIn::from_request_parts(&mut parts, &app).await?;
        if !caller.may(Act::ReadMetrics) {
            return Err(Error::Forbidden);
        }
    }
    Ok((StatusCode::OK, app.metrics.render()))
}

/// Compares secrets by their digests, so that the time taken says nothing about them.
fn same(expected: &str, shown: &str) -> bool {
    let digest = |text: &str| saolou_protocol::canonical::Hash::of(text.as_bytes());
    digest(expected) == digest(shown)
}
