//! Reading coverage.

use super::access::{May, Path, Query, ReadCoverage, ReadVisits};
use crate::app::App;
use crate::domain::coverage::cut::Cut;
use crate::domain::coverage::progress::{self, Progress, Steps};
use crate::domain::coverage::rooms::{self, Drilled};
use crate::domain::coverage::stack::{self, FloorStack};
use crate::domain::coverage::todo::{self, Asked, Board};
use crate::domain::coverage::visits::{self, Visits};
use crate::domain::coverage::workload::{self, Workload};
use crate::domain::coverage::{self, ListedBuilding, OpenFloor, RollUp};
use crate::domain::timeline::{self, Timeline};
use crate::error::Result;
use axum::Json;
use axum::extract::State;
use saolou_protocol::ids::OfficeId;
use saolou_protocol::time::Millis;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The unit whose buildings are listed (without one those that the caller's teams are assigned to),
/// the members of a [`Cut`], and whether their floors are, too.
#[derive(Deserialize)]
pub(super) struct Listed {
    unit: Option<Uuid>,
    round: Option<Uuid>,
    as_of: Option<Millis>,
    #[serde(default)]
    floors: bool,
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
    Query(Listed { unit, round, as_of, floors }): Query<Listed>,
) -> Result<Json<Buildings>> {
    let cut = Cut { round, as_of };
    let buildings = match unit {
        Some(unit) => coverage::buildings(&app.sync, &caller, unit, cut, floors).await?,
        None => coverage::assigned(&app.sync, &caller, cut, floors).await?,
    };
    Ok(Json(Buildings { buildings }))
}

pub(super) async fn floors(
    State(app): State<App>,
    May { caller, .. }: May<ReadCoverage>,
    Path(building): Path<Uuid>,
    Query(cut): Query<Cut>,
) -> Result<Json<FloorStack>> {
    stack::floor_stack(&app.sync, &caller, building, cut).await.map(Json)
}

pub(super) async fn timeline(
    State(app): State<App>,
    May { caller, .. }: May<ReadVisits>,
    Path((building, office)): Path<(Uuid, OfficeId)>,
    Query(cut): Query<Cut>,
) -> Result<Json<Timeline>> {
    timeline::timeline(&app.sync, &caller, building, office, cut).await.map(Json)
}

pub(super) async fn roll_up(
    State(app): State<App>,
    May { caller, .. }: May<ReadCoverage>,
    Path(unit): Path<Uuid>,
    Query(cut): Query<Cut>,
) -> Result<Json<RollUp>> {
    coverage::roll_up(&app.sync, &caller, unit, cut).await.map(Json)
}

pub(super) async fn open_floors(
    State(app): State<App>,
    May { caller, .. }: May<ReadCoverage>,
    Path(unit): Path<Uuid>,
    Query(cut): Query<Cut>,
) -> Result<Json<OpenFloors>> {
    let floors = coverage::open_floors(&app.sync, &caller, unit, cut).await?;
    Ok(Json(OpenFloors { floors }))
}

pub(super) async fn progress(
    State(app): State<App>,
    May { caller, .. }: May<ReadCoverage>,
    Path(unit): Path<Uuid>,
    Query(steps): Query<Steps>,
) -> Result<Json<Progress>> {
    progress::progress(&app.sync, &caller, unit, steps).await.map(Json)
}

pub(super) async fn todo(
    State(app): State<App>,
    May { caller, .. }: May<ReadCoverage>,
    Path(unit): Path<Uuid>,
    Query(asked): Query<Asked>,
) -> Result<Json<Board>> {
    todo::board(&app.sync, &caller, unit, asked).await.map(Json)
}

pub(super) async fn rooms(
    State(app): State<App>,
    May { caller, .. }: May<ReadCoverage>,
    Path(unit): Path<Uuid>,
    Query(asked): Query<rooms::Asked>,
) -> Result<Json<Drilled>> {
    rooms::drill(&app.sync, &caller, unit, asked).await.map(Json)
}

pub(super) async fn workload(
    State(app): State<App>,
    May { caller, .. }: May<ReadCoverage>,
    Path(unit): Path<Uuid>,
    Query(cut): Query<Cut>,
) -> Result<Json<Workload>> {
    workload::workload(&app.sync, &caller, unit, cut).await.map(Json)
}

pub(super) async fn visits(
    State(app): State<App>,
    May { caller, .. }: May<ReadCoverage>,
    Path(unit): Path<Uuid>,
    Query(asked): Query<visits::Asked>,
) -> Result<Json<Visits>> {
    visits::behind(&app.sync, &caller, unit, asked).await.map(Json)
}
