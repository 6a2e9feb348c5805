//! Permissions as extractors: a handler that takes `May<Push>` runs only for callers who may push.

use super::browser;
use crate::app::App;
use crate::domain::access::{Act, Caller};
use crate::error::Error;
use axum::extract::{FromRef, FromRequest, FromRequestParts, Request};
use axum::http::header;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use std::marker::PhantomData;

/// Somebody who is signed in, whatever his roles.
pub(super) struct SignedIn(pub(super) Caller);

impl<S> FromRequestParts<S> for SignedIn
where
    App: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let app = App::from_ref(state);
        let token = bearer(parts).ok_or(Error::Unauthenticated)?;
        app.gate.caller(&app.sync.store, &app.sync.clock, token).await.map(Self)
    }
}

/// The access token of a request: a program's in a header, a browser's in a cookie.
pub(super) fn bearer(parts: &Parts) -> Option<&str> {
    let Some(value) = parts.headers.get(header::AUTHORIZATION) else {
        return browser::access(&parts.method, &parts.headers);
    };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// A permission, by type.
pub(super) trait Permission {
    const ACT: Act;
}

macro_rules! permissions {
    ($($name:ident),+ $(,)?) => {$(
        pub(super) struct $name;
        impl Permission for $name { const ACT: Act = Act::$name; }
    )+};
}

permissions!(
    Push,
    ReadCoverage,
    ReadVisits,
    Review,
    ManageRegistry,
    ImportRoster,
    ManageAccounts,
    ReadEvidence,
    ExportEvidence,
    HoldEvidence,
);

/// Somebody who may do `P`; where, the domain checks.
pub(super) struct May<P> {
    pub(super) caller: Caller,
    permission: PhantomData<P>,
}

impl<S, P> FromRequestParts<S> for May<P>
where
    App: FromRef<S>,
    S: Send + Sync,
    P: Permission,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let SignedIn(caller) = SignedIn::from_request_parts(parts, state).await?;
        // Whoever is suspended, or has a revoked device, may still hand over what his phone holds; it goes to quarantine.
        if P::ACT != Act::Push {
            if caller.suspended_ms.is_some() {
                return Err(Error::Suspended);
            }
            if caller.device_revoked {
                return Err(Error::DeviceRevoked);
            }
        }
        if caller.may(P::ACT) {
            Ok(Self { caller, permission: PhantomData })
        } else {
            Err(Error::Forbidden)
        }
    }
}

/// A JSON body; what is wrong with it is told as a problem.
pub(super) struct Json<T>(pub(super) T);

impl<S, T> FromRequest<S> for Json<T>
where
    S: Send + Sync,
    T: DeserializeOwned,
{
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        let Body(bytes) = Body::from_request(request, state).await?;
        // Names and texts become columns, and PostgreSQL has no NUL in a text.
        if has_nul(&bytes) {
            return Err(Error::Invalid("a text holds the character U+0000".into()));
        }
        serde_json::from_slice(&bytes)
            .map(Self)
            .map_err(|error| Error::Malformed(error.to_string()))
    }
}

/// Whether JSON has an escape `\u0000`; one whose backslash is itself escaped is none.
fn has_nul(json: &[u8]) -> bool {
    let escapes = json.windows(6).enumerate().filter(|(_, six)| *six == b"\\u0000");
    escapes
        .map(|(at, _)| json[..at].iter().rev().take_while(|byte| **byte == b'\\').count())
        .any(|backslashes_before| backslashes_before.is_multiple_of(2))
}

/// A whole body, within the limit of its route.
pub(super) struct Body(pub(super) bytes::Bytes);

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        let read = bytes::Bytes::from_request(request, state).await;
        read.map(Self).map_err(|rejection| {
            if rejection.status() == axum::http::StatusCode::PAYLOAD_TOO_LARGE {
                Error::TooLarge("the body, after decompression".into())
            } else {
                Error::Malformed(rejection.body_text())
            }
        })
    }
}

/// The id in a path, whatever noun it is.
pub(super) struct Path<T>(pub(super) T);

impl<S, T> FromRequestParts<S> for Path<T>
where
    S: Send + Sync,
    T: DeserializeOwned + Send,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let path = axum::extract::Path::<T>::from_request_parts(parts, state).await;
        path.map(|path| Self(path.0)).map_err(|_| Error::NotFound)
    }
}

/// The query of a URL.
pub(super) struct Query<T>(pub(super) T);

impl<S, T> FromRequestParts<S> for Query<T>
where
    S: Send + Sync,
    T: DeserializeOwned,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let query = axum::extract::Query::<T>::from_request_parts(parts, state).await;
        query.map(|query| Self(query.0)).map_err(|error| Error::Malformed(error.body_text()))
    }
}
