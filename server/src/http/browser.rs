//! Sessions of browsers: the tokens lie in cookies that no script can read and no other site's
//! request carries.

use super::access::{Json, SignedIn};
use crate::app::App;
use crate::domain::accounts::{self, ACCESS_TTL_MS, Me, REFRESH_TTL_MS};
use crate::error::{Error, Result};
use axum::extract::State;
use axum::http::header::{COOKIE, HOST, ORIGIN, SET_COOKIE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{AppendHeaders, IntoResponse};
use serde::{Deserialize, Serialize};

const ACCESS: &str = "saolou_access";
const REFRESH: &str = "saolou_refresh";
/// The refresh token goes nowhere else.
const REFRESH_PATH: &str = "/api/v1/session/browser";
const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const FORWARDED: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// A user name and a password.
#[derive(Deserialize)]
pub(super) struct Credentials {
    username: String,
    password: String,
}

/// Who is signed in, and for how long without asking again.
#[derive(Serialize)]
struct Opened {
    expires_in_s: i64,
    user: Me,
}

pub(super) async fn sign_in(
    State(app): State<App>,
    headers: HeaderMap,
    Json(Credentials { username, password }): Json<Credentials>,
) -> Result<impl IntoResponse> {
    require_own_site(&Method::POST, &headers)?;
    let App { gate, sync, .. } = &app;
    let opened = gate.sign_in(&sync.store, &sync.clock, &username, &password, None).await?;
    opened_in(&headers, opened)
}

pub(super) async fn refresh(
    State(app): State<App>,
    headers: HeaderMap,
) -> Result<impl IntoResponse> {
    require_own_site(&Method::PUT, &headers)?;
    let App { gate, sync, .. } = &app;
    let shown = cookie(&headers, REFRESH).ok_or(Error::Unauthenticated)?;
    let opened = gate.refresh(&sync.store, &sync.clock, shown).await?;
    opened_in(&headers, opened)
}

pub(super) async fn sign_out(
    State(app): State<App>,
    headers: HeaderMap,
    SignedIn(caller): SignedIn,
) -> Result<impl IntoResponse> {
    accounts::sign_out(&app.sync.store, caller.session_id).await?;
    let gone = cookies(&headers, "", 0, "", 0)?;
    Ok((StatusCode::NO_CONTENT, gone))
}

fn opened_in(
    headers: &HeaderMap,
    opened: accounts::SignedIn,
) -> Result<(Cookies, axum::Json<Opened>)> {
    let accounts::SignedIn { access_token, refresh_token, expires_in_s, user } = opened;
    let (access_s, refresh_s) = (ACCESS_TTL_MS / 1000, REFRESH_TTL_MS / 1000);
    let cookies = cookies(headers, &access_token, access_s, &refresh_token, refresh_s)?;
    Ok((cookies, axum::Json(Opened { expires_in_s, user })))
}

type Cookies = AppendHeaders<[(HeaderName, HeaderValue); 2]>;

fn cookies(
    headers: &HeaderMap,
    access: &str,
    access_s: i64,
    refresh: &str,
    refresh_s: i64,
) -> Result<Cookies> {
    // Whoever puts TLS in front says so; a browser would not keep a secure cookie of a plain address.
    let is_secure = headers.get(FORWARDED).is_some_and(|proto| proto == "https");
    let secure = if is_secure { "; Secure" } else { "" };
    let cookie = |name: &str, value: &str, path: &str, age_s: i64| {
        let text = format!(
            "{name}={value}; Path={path}; Max-Age={age_s}; HttpOnly; SameSite=Strict{secure}"
        );
        let value = HeaderValue::from_str(&text);
        value.map_err(|_| Error::Internal("a token is no text of a header".into()))
    };
    Ok(AppendHeaders([
        (SET_COOKIE, cookie(ACCESS, access, "/", access_s)?),
        (SET_COOKIE, cookie(REFRESH, refresh, REFRESH_PATH, refresh_s)?),
    ]))
}

/// The access token of a browser's cookie. A request that changes something counts only from our own
/// pages: that is asked beside `SameSite`, which old browsers do not know.
pub(super) fn access<'a>(method: &Method, headers: &'a HeaderMap) -> Option<&'a str> {
    let token = cookie(headers, ACCESS).filter(|token| !token.is_empty())?;
    require_own_site(method, headers).is_ok().then_some(token)
}

fn require_own_site(method: &Method, headers: &HeaderMap) -> Result<()> {
    let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let is_own = method.is_safe()
        || match text(&SITE) {
            Some(site) => matches!(site, "same-origin" | "none"),
            None => text(&ORIGIN).is_none_or(|origin| {
                let host = origin.split_once("://").map(|(_, host)| host);
                host.is_some() && host == text(&HOST)
            }),
        };
    if is_own { Ok(()) } else { Err(Error::Forbidden) }
}

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let sent = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = sent.flat_map(|sent| sent.split(';')).filter_map(|pair| pair.split_once('='));
    pairs.find(|(of, _)| of.trim() == name).map(|(_, value)| value.trim())
}
