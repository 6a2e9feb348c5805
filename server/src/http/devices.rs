//! Devices: their enrolment, and what the desk sees of them.

use super::access::{Json, May, Path, Push, Query, Review};
use crate::app::App;
use crate::domain::devices::{self, Device};
use crate::domain::enrolment::{self, Enrolled, Enrolling, Fate, Invited, NewInvitation, Rotating};
use crate::domain::photos::{self, Numbers};
use crate::error::Result;
use axum::extract::State;
use saolou_protocol::ids::DeviceId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The unit whose devices are listed.
#[derive(Deserialize)]
pub(super) struct OfUnit {
    unit: Uuid,
}

#[derive(Serialize)]
pub(super) struct Devices {
    devices: Vec<Device>,
}

pub(super) async fn list(
    State(app): State<App>,
    May { caller, .. }: May<Review>,
    Query(OfUnit { unit }): Query<OfUnit>,
) -> Result<axum::Json<Devices>> {
    let devices = devices::list(&app.sync, &app.sightings, &caller, unit).await?;
    Ok(axum::Json(Devices { devices }))
}

/// Which photos of a device are missing, by the numbers that it gave them.
pub(super) async fn manifests(
    State(app): State<App>,
    May { caller, .. }: May<Review>,
    Path(device): Path<Uuid>,
) -> Result<axum::Json<Numbers>> {
    photos::numbers(&app.sync, &caller, device).await.map(axum::Json)
}

/// Makes the code that a phone reads from the screen.
pub(super) async fn invite(
    State(app): State<App>,
    May { caller, .. }: May<Review>,
    Json(new): Json<NewInvitation>,
) -> Result<axum::Json<Invited>> {
    enrolment::invite(&app.sync, &app.evidence, &caller, new).await.map(axum::Json)
}

/// Says whether the code was read by a phone yet.
pub(super) async fn invited(
    State(app): State<App>,
    May { caller, .. }: May<Review>,
    Path(enrolment): Path<Uuid>,
) -> Result<axum::Json<Fate>> {
    enrolment::fate(&app.sync, &caller, enrolment).await.map(axum::Json)
}

/// Registers the key of a phone.
pub(super) async fn enrol(
    State(app): State<App>,
    May { caller, .. }: May<Push>,
    Json(asked): Json<Enrolling>,
) -> Result<axum::Json<Enrolled>> {
    let App { sync, evidence, attempts, .. } = &app;
    enrolment::enrol(sync, evidence, attempts, &caller, asked).await.map(axum::Json)
}

/// Puts another key in the place of a phone's present one.
pub(super) async fn rotate(
    State(app): State<App>,
    May { caller, .. }: May<Push>,
    Path(device): Path<DeviceId>,
    Json(asked): Json<Rotating>,
) -> Result<axum::Json<Enrolled>> {
    enrolment::rotate(&app.sync, &app.evidence, &caller, device, asked).await.map(axum::Json)
}
