//! Signing in and out.

use super::access::{Json, SignedIn};
use crate::app::App;
use crate::domain::accounts::{self, Me};
use crate::error::Result;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use uuid::Uuid;

/// A user name and a password, and the device incarnation where a phone signs in.
#[derive(Deserialize)]
pub(super) struct Credentials {
    username: String,
    password: String,
    device: Option<Uuid>,
}

/// A refresh token.
#[derive(Deserialize)]
pub(super) struct Refresh {
    refresh_token: String,
}

pub(super) async fn sign_in(
    State(app): State<App>,
    Json(credentials): Json<Credentials>,
) -> Result<axum::Json<accounts::SignedIn>> {
    let Credentials { username, password, device } = credentials;
    let App { gate, sync, .. } = &app;
    gate.sign_in(&sync.store, &sync.clock, &username, &password, device).await.map(axum::Json)
}

pub(super) async fn refresh(
    State(app): State<App>,
    Json(shown): Json<Refresh>,
) -> Result<axum::Json<accounts::SignedIn>> {
    let App { gate, sync, .. } = &app;
    gate.refresh(&sync.store, &sync.clock, &shown.refresh_token).await.map(axum::Json)
}

pub(super) async fn sign_out(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
) -> Result<StatusCode> {
    accounts::sign_out(&app.sync.store, caller.session_id).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn me(SignedIn(caller): SignedIn) -> axum::Json<Me> {
    axum::Json(Me::new(caller.user_id, &caller.name, &caller.grants))
}
