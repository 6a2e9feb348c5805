//! What a supervisor decides at the desk: the quarantine, devices.

use super::access::{Json, May, Path, Push, Query, Review};
use crate::app::App;
use crate::domain::decisions::{self, Decided, Deciding};
use crate::domain::devices::{self, Flagged, Leaving, Revocation};
use crate::domain::quarantine::{self, Decision, Item};
use crate::error::Result;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The unit whose quarantine is listed; with `all`, also what was decided.
#[derive(Deserialize)]
pub(super) struct OfUnit {
    unit: Uuid,
    #[serde(default)]
    all: bool,
}

#[derive(Serialize)]
pub(super) struct Items {
    items: Vec<Item>,
}

#[derive(Serialize)]
pub(super) struct Leaves {
    leaves: Vec<Leaving>,
}

pub(super) async fn quarantine(
    State(app): State<App>,
    May { caller, .. }: May<Review>,
    Query(OfUnit { unit, all }): Query<OfUnit>,
) -> Result<axum::Json<Items>> {
    let items = quarantine::list(&app.sync, &caller, unit, !all).await?;
    Ok(axum::Json(Items { items }))
}

pub(super) async fn decide_quarantine(
    State(app): State<App>,
    May { caller, .. }: May<Review>,
    Path(id): Path<Uuid>,
    Json(decision): Json<Decision>,
) -> Result<axum::Json<Item>> {
    quarantine::decide(&app.sync, &caller, id, decision).await.map(axum::Json)
}

pub(super) async fn leaves(
    State(app): State<App>,
    May { caller, .. }: May<Review>,
    Query(OfUnit { unit, .. }): Query<OfUnit>,
) -> Result<axum::Json<Leaves>> {
    let leaves = devices::leaving(&app.sync, &caller, unit).await?;
    Ok(axum::Json(Leaves { leaves }))
}

/// Devices that keep sending other bytes than were promised.
#[derive(Serialize)]
pub(super) struct FlaggedDevices {
    devices: Vec<Flagged>,
}

pub(super) async fn flagged_devices(
    State(app): State<App>,
    May { caller, .. }: May<Review>,
    Query(OfUnit { unit, .. }): Query<OfUnit>,
) -> Result<axum::Json<FlaggedDevices>> {
    let devices = devices::flagged(&app.sync, &caller, unit).await?;
    Ok(axum::Json(FlaggedDevices { devices }))
}

pub(super) async fn revoke_device(
    State(app): State<App>,
    May { caller, .. }: May<Review>,
    Path(device): Path<Uuid>,
    Json(revocation): Json<Revocation>,
) -> Result<StatusCode> {
    devices::revoke(&app.sync, &caller, device, revocation).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn decide_building(
    State(app): State<App>,
    May { caller, .. }: May<Push>,
    Path(building): Path<Uuid>,
    Json(deciding): Json<Deciding>,
) -> Result<axum::Json<Decided>> {
    decisions::decide(&app.sync, &caller, building, deciding).await.map(axum::Json)
}
