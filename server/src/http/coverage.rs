//! Reading coverage.

use super::access::{May, Path, Query, ReadCoverage, ReadVisits};
use crate::app::App;
use crate::domain::coverage::stack::{self, FloorStack};
use crate::domain::coverage::{self, ListedBuilding, OpenFloor, RollUp};
use crate::domain::timeline::{self, Timeline};
use crate::error::Result;
use axum::Json;
use axum::extract::State;
use saolou_protocol::ids::OfficeId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The round that figures are about; the current one where it is left out.
#[derive(Deserialize)]
pub(super) struct OfRound {
    round: Option<Uuid>,
}

/// The unit whose buildings are listed.
#[derive(Deserialize)]
pub(super) struct OfUnit {
    unit: Uuid,
    round: Option<Uuid>,
}

/// A list of buildings.
#[derive(Serialize)]
pub(super) struct Buildings {
    buildings: Vec<ListedBuilding>,
}

/// A list of floors.
#[derive(Serialize)]
pub(super) struct OpenFloors {
    floors: Vec<OpenFloor>,
}

pub(super) async fn buildings(
    State(app): State<App>,
    May { caller, .. }: May<ReadCoverage>,
    Query(OfUnit { unit, round }): Query<OfUnit>,
) -> Result<Json<Buildings>> {
    let buildings = coverage::buildings(&app.sync, &caller, unit, round).await?;
    Ok(Json(Buildings { buildings }))
}

pub(super) async fn floors(
    State(app): State<App>,
    May { caller, .. }: May<ReadCoverage>,
    Path(building): Path<Uuid>,
    Query(OfRound { round }): Query<OfRound>,
) -> Result<Json<FloorStack>> {
    stack::floor_stack(&app.sync, &caller, building, round).await.map(Json)
}

pub(super) async fn timeline(
    State(app): State<App>,
    May { caller, .. }: May<ReadVisits>,
    Path((building, office)): Path<(Uuid, OfficeId)>,
) -> Result<Json<Timeline>> {
    timeline::timeline(&app.sync, &caller, building, office).await.map(Json)
}

pub(super) async fn roll_up(
    State(app): State<App>,
    May { caller, .. }: May<ReadCoverage>,
    Path(unit): Path<Uuid>,
    Query(OfRound { round }): Query<OfRound>,
) -> Result<Json<RollUp>> {
    coverage::roll_up(&app.sync, &caller, unit, round).await.map(Json)
}

pub(super) async fn open_floors(
    State(app): State<App>,
    May { caller, .. }: May<ReadCoverage>,
    Path(unit): Path<Uuid>,
    Query(OfRound { round }): Query<OfRound>,
) -> Result<Json<OpenFloors>> {
    let floors = coverage::open_floors(&app.sync, &caller, unit, round).await?;
    Ok(Json(OpenFloors { floors }))
}
