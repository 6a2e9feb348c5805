//! `GET /api/v1/events`: doorbells. They carry heads only; what changed is pulled or read, so a
//! lost doorbell is harmless.

use super::access::{May, ReadCoverage, bearer};
use crate::app::App;
use crate::domain::doorbells::Doorbell;
use crate::error::Result;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::Stream;
use serde_json::json;
use std::collections::HashSet;
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;
use uuid::Uuid;

/// How often a listener's session and scope are looked at again.
const RECHECK_EVERY: Duration = Duration::from_secs(30);
const KEEP_ALIVE_EVERY: Duration = Duration::from_secs(15);

/// The token that the stream was opened with.
pub(super) struct Token(String);

impl<S: Send + Sync> FromRequestParts<S> for Token {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> std::result::Result<Self, Infallible> {
        Ok(Self(bearer(parts).unwrap_or_default().to_owned()))
    }
}

pub(super) async fn events(
    State(app): State<App>,
    Token(token): Token,
    May { caller, .. }: May<ReadCoverage>,
) -> Result<Sse<impl Stream<Item = std::result::Result<Event, Infallible>>>> {
    let mut doorbells = app.sync.writer.doorbells().listen();
    let heads = app.sync.heads(&caller).await?;
    let mut scope: HashSet<Uuid> = heads.keys().copied().collect();
    let (events, stream) = tokio::sync::mpsc::channel(64);
    let mut stopping = app.stopping.clone();
    tokio::spawn(async move {
        // The heads as they are: whatever happened before the stream began is told by these.
        for head in heads.values() {
            if events.send(doorbell(head.building_id, head.seq)).await.is_err() {
                return;
            }
        }
        let mut recheck = tokio::time::interval(RECHECK_EVERY);
        recheck.tick().await;
        loop {
            let event = tokio::select! {
                bell = doorbells.recv() => match bell {
                    Ok(Doorbell::Head { building, seq }) if scope.contains(&building) => {
                        doorbell(building, seq)
                    }
                    Ok(Doorbell::Head { .. }) => continue,
                    // Some were missed: the listener should look at everything.
                    Ok(Doorbell::Missed) | Err(RecvError::Lagged(_)) => {
                        Event::default().event("missed").data("{}")
                    }
                    Err(RecvError::Closed) => return,
                },
                _ = recheck.tick() => {
                    let caller = app.gate.caller(&app.sync.store, &app.sync.clock, &token).await;
                    let Ok(caller) = caller else { return };
                    let Ok(heads) = app.sync.heads(&caller).await else { continue };
                    scope = heads.into_keys().collect();
                    continue;
                }
                _ = stopping.changed() => return,
                () = events.closed() => return,
            };
            if events.send(event).await.is_err() {
                return;
            }
        }
    });
    let stream = tokio_stream::wrappers::ReceiverStream::new(stream);
    let stream = futures_util::StreamExt::map(stream, Ok);
    Ok(Sse::new(stream).keep_alive(KeepAlive::new().interval(KEEP_ALIVE_EVERY).event(pulse())))
}

/// Says that the line stands. A comment would do for proxies, but pages cannot hear one.
fn pulse() -> Event {
    Event::default().event("pulse").data("{}")
}

fn doorbell(building: Uuid, seq: i64) -> Event {
    let data = json!({ "bucket": building, "seq": seq }).to_string();
    Event::default().event("doorbell").data(data)
}
