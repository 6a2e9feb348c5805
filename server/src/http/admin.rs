//! Reference data: units, accounts, campaigns, rounds, teams, assignments, buildings.

use super::access::{Json, ManageAccounts, ManageRegistry, May, Path, SignedIn};
use crate::app::App;
use crate::domain::accounts::{self, ListedAccount, NewAccount};
use crate::domain::registration::{self, NewBuilding, Registered};
use crate::domain::registry::{
    self, Campaign, NewAssignment, NewCampaign, NewRound, NewTeam, NewUnit,
};
use crate::error::Result;
use crate::store::{RoundRow, UnitRow};
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use uuid::Uuid;

/// A list of units.
#[derive(Serialize)]
pub(super) struct Units {
    units: Vec<UnitRow>,
}

/// A list of rounds.
#[derive(Serialize)]
pub(super) struct Rounds {
    rounds: Vec<RoundRow>,
}

pub(super) async fn units(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
) -> Result<axum::Json<Units>> {
    let units = registry::units(&app.sync, &caller).await?;
    Ok(axum::Json(Units { units }))
}

pub(super) async fn rounds(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
) -> Result<axum::Json<Rounds>> {
    let rounds = registry::rounds(&app.sync, &caller).await?;
    Ok(axum::Json(Rounds { rounds }))
}

/// A list of campaigns.
#[derive(Serialize)]
pub(super) struct Campaigns {
    campaigns: Vec<Campaign>,
}

pub(super) async fn campaigns(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
) -> Result<axum::Json<Campaigns>> {
    let campaigns = registry::campaigns(&app.sync, &caller).await?;
    Ok(axum::Json(Campaigns { campaigns }))
}

/// A list of accounts.
#[derive(Serialize)]
pub(super) struct Users {
    users: Vec<ListedAccount>,
}

pub(super) async fn users(
    State(app): State<App>,
    _: May<ManageAccounts>,
) -> Result<axum::Json<Users>> {
    let users = accounts::list(&app.sync.store).await?;
    Ok(axum::Json(Users { users }))
}

pub(super) async fn put_unit(
    State(app): State<App>,
    _: May<ManageAccounts>,
    Path(id): Path<Uuid>,
    Json(new): Json<NewUnit>,
) -> Result<StatusCode> {
    registry::put_unit(&app.sync, id, new).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn put_user(
    State(app): State<App>,
    _: May<ManageAccounts>,
    Path(id): Path<Uuid>,
    Json(new): Json<NewAccount>,
) -> Result<StatusCode> {
    accounts::put_account(&app.sync.store, &app.sync.clock, id, new).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn put_campaign(
    State(app): State<App>,
    May { caller, .. }: May<ManageRegistry>,
    Path(id): Path<Uuid>,
    Json(new): Json<NewCampaign>,
) -> Result<StatusCode> {
    registry::put_campaign(&app.sync, &caller, id, new).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn put_round(
    State(app): State<App>,
    May { caller, .. }: May<ManageRegistry>,
    Path(id): Path<Uuid>,
    Json(new): Json<NewRound>,
) -> Result<StatusCode> {
    registry::put_round(&app.sync, &caller, id, new).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn put_team(
    State(app): State<App>,
    May { caller, .. }: May<ManageRegistry>,
    Path(id): Path<Uuid>,
    Json(new): Json<NewTeam>,
) -> Result<StatusCode> {
    registry::put_team(&app.sync, &caller, id, new).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn put_assignment(
    State(app): State<App>,
    May { caller, .. }: May<ManageRegistry>,
    Path(id): Path<Uuid>,
    Json(new): Json<NewAssignment>,
) -> Result<StatusCode> {
    registry::put_assignment(&app.sync, &caller, id, new).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn put_building(
    State(app): State<App>,
    May { caller, .. }: May<ManageRegistry>,
    Path(id): Path<Uuid>,
    Json(new): Json<NewBuilding>,
) -> Result<axum::Json<Registered>> {
    registration::put_building(&app.sync, &caller, id, new).await.map(axum::Json)
}
