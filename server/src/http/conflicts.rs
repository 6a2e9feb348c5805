//! What waits for the desk: what disagrees, what came from outside its round, and what is to be looked
//! at about photos.

use super::access::{Json, May, Query, ReadVisits, Review};
use crate::app::App;
use crate::domain::conflicts::{self, Inbox};
use crate::domain::findings::{self, Closed, Closing, Found};
use crate::domain::late::{self, Accepted, Accepting, Late};
use crate::domain::promised::{self, Missing};
use crate::domain::settling::{self, Resolved, Resolving, Undoing, Undone};
use crate::error::Result;
use axum::extract::State;
use serde::Deserialize;
use uuid::Uuid;

/// The unit whose conflicts are listed; with `building`, only those of one.
#[derive(Deserialize)]
pub(super) struct OfUnit {
    unit: Uuid,
    building: Option<Uuid>,
}

pub(super) async fn list(
    State(app): State<App>,
    May { caller, .. }: May<ReadVisits>,
    Query(OfUnit { unit, building }): Query<OfUnit>,
) -> Result<axum::Json<Inbox>> {
    conflicts::list(&app.sync, &caller, unit, building).await.map(axum::Json)
}

pub(super) async fn resolve(
    State(app): State<App>,
    May { caller, .. }: May<Review>,
    Json(resolving): Json<Resolving>,
) -> Result<axum::Json<Resolved>> {
    settling::resolve(&app.sync, &caller, resolving).await.map(axum::Json)
}

pub(super) async fn undo(
    State(app): State<App>,
    May { caller, .. }: May<Review>,
    Json(undoing): Json<Undoing>,
) -> Result<axum::Json<Undone>> {
    settling::undo(&app.sync, &caller, undoing).await.map(axum::Json)
}

pub(super) async fn late(
    State(app): State<App>,
    May { caller, .. }: May<ReadVisits>,
    Query(OfUnit { unit, building }): Query<OfUnit>,
) -> Result<axum::Json<Late>> {
    late::list(&app.sync, &caller, unit, building).await.map(axum::Json)
}

pub(super) async fn accept_late(
    State(app): State<App>,
    May { caller, .. }: May<Review>,
    Json(accepting): Json<Accepting>,
) -> Result<axum::Json<Accepted>> {
    late::accept(&app.sync, &caller, accepting).await.map(axum::Json)
}

pub(super) async fn findings(
    State(app): State<App>,
    May { caller, .. }: May<Review>,
    Query(asked): Query<findings::Asked>,
) -> Result<axum::Json<Found>> {
    findings::list(&app.sync, &caller, asked).await.map(axum::Json)
}

pub(super) async fn missing(
    State(app): State<App>,
    May { caller, .. }: May<ReadVisits>,
    Query(OfUnit { unit, building }): Query<OfUnit>,
) -> Result<axum::Json<Missing>> {
    promised::list(&app.sync, &caller, unit, building).await.map(axum::Json)
}

pub(super) async fn close_findings(
    State(app): State<App>,
    May { caller, .. }: May<Review>,
    Json(closing): Json<Closing>,
) -> Result<axum::Json<Closed>> {
    findings::close(&app.sync, &caller, closing).await.map(axum::Json)
}
