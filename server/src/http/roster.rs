//! `POST /api/v1/buildings/{id}/roster`: a room list, CSV or XLSX, in the body.

use super::access::{Body, ImportRoster, May, Path, Query};
use crate::app::App;
use crate::domain::roster::{self, Report};
use crate::error::Result;
use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use uuid::Uuid;

/// Whether to import, or only to say what would happen.
#[derive(Deserialize)]
pub(super) struct How {
    #[serde(default)]
    dry_run: bool,
}

pub(super) async fn import(
    State(app): State<App>,
    May { caller, .. }: May<ImportRoster>,
    Path(building): Path<Uuid>,
    Query(How { dry_run }): Query<How>,
    Body(file): Body,
) -> Result<Json<Report>> {
    roster::import(&app.sync, &caller, building, file, dry_run).await.map(Json)
}
