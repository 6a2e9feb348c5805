//! Reference data: units, accounts, campaigns, rounds, teams, assignments, buildings.

use super::access::{
    Json, ManageAccounts, ManageRegistry, May, Path, Query, ReadCoverage, ReadVisits, SignedIn,
};
use crate::app::App;
use crate::domain::accounts::{self, ListedAccount, NewAccount};
use crate::domain::registration::{self, NewBuilding, Registered};
use crate::domain::registry::{self, Campaign, NewCampaign, NewUnit};
use crate::domain::rounds::{self, NewRound, Standing};
use crate::domain::teams::{self, Assignment, NewAssignment, NewTeam, Team};
use crate::error::Result;
use crate::store::{RoundRow, UnitRow};
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
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
    let rounds = rounds::rounds(&app.sync, &caller).await?;
    Ok(axum::Json(Rounds { rounds }))
}

/// The rounds of a street, and where each stands.
#[derive(Serialize)]
pub(super) struct Standings {
    rounds: Vec<Standing>,
}

pub(super) async fn standings(
    State(app): State<App>,
    May { caller, .. }: May<ReadCoverage>,
    Path(unit): Path<Uuid>,
) -> Result<axum::Json<Standings>> {
    let rounds = rounds::standings(&app.sync, &caller, unit).await?;
    Ok(axum::Json(Standings { rounds }))
}

/// The unit whose teams or assignments are listed.
#[derive(Deserialize)]
pub(super) struct OfUnit {
    unit: Uuid,
}

/// A list of teams.
#[derive(Serialize)]
pub(super) struct Teams {
    teams: Vec<Team>,
}

pub(super) async fn teams(
    State(app): State<App>,
    May { caller, .. }: May<ReadVisits>,
    Query(OfUnit { unit }): Query<OfUnit>,
) -> Result<axum::Json<Teams>> {
    let teams = teams::teams(&app.sync, &caller, unit).await?;
    Ok(axum::Json(Teams { teams }))
}

/// A list of assignments.
#[derive(Serialize)]
pub(super) struct Assignments {
    assignments: Vec<Assignment>,
}

pub(super) async fn assignments(
    State(app): State<App>,
    May { caller, .. }: May<ReadVisits>,
    Query(OfUnit { unit }): Query<OfUnit>,
) -> Result<axum::Json<Assignments>> {
    let assignments = teams::assignments(&app.sync, &caller, unit).await?;
    Ok(axum::Json(Assignments { assignments }))
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
    rounds::put_round(&app.sync, &caller, id, new).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn put_team(
    State(app): State<App>,
    May { caller, .. }: May<ManageRegistry>,
    Path(id): Path<Uuid>,
    Json(new): Json<NewTeam>,
) -> Result<StatusCode> {
    teams::put_team(&app.sync, &caller, id, new).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn put_assignment(
    State(app): State<App>,
    May { caller, .. }: May<ManageRegistry>,
    Path(id): Path<Uuid>,
    Json(new): Json<NewAssignment>,
) -> Result<StatusCode> {
    teams::put_assignment(&app.sync, &caller, id, new).await?;
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
