//! `/api/v1/uploads`: photos that arrive over any network, through either of two protocols on one
//! resource: tus 1.0.0 and the IETF's *Resumable Uploads for HTTP* (draft 12, interop version 8).

pub(super) mod fields;
mod ietf;
mod tus;

use super::access::{May, Path, Push};
use super::interim::Interim;
use crate::app::App;
use crate::domain::access::Caller;
use crate::domain::photos::{Finish, New, PHOTO_BYTES_MAX, UPLOAD_KEPT_MS};
use crate::error::{Error, Result};
use crate::store::UploadRow;
use axum::body::Body;
use axum::extract::{ConnectInfo, FromRequestParts, Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header as names};
use axum::response::{IntoResponse, Response};
pub(super) use ietf::create_as as create_resumable;
use saolou_protocol::canonical::Hash;
use serde_json::json;
use std::collections::HashMap;
use uuid::Uuid;

/// A request to an upload, taken apart.
pub(super) struct Asked {
    pub(super) app: App,
    pub(super) caller: Caller,
    pub(super) headers: HeaderMap,
    pub(super) body: Body,
    pub(super) query: HashMap<String, String>,
    interim: Option<Interim>,
}

/// Requests to the collection: what it can do, and new uploads.
pub(super) async fn collection(State(app): State<App>, request: Request) -> Result<Response> {
    match method_of(&request) {
        Method::OPTIONS => Ok(tus::options()),
        Method::POST => {
            let asked = Asked::take(app, request).await?;
            if is_ietf_creation(&asked.headers) {
                return ietf::create(asked).await;
            }
            tus::spoken(tus::create(asked).await)
        }
        _ => {
            Asked::take(app, request).await?;
            Ok(StatusCode::METHOD_NOT_ALLOWED.into_response())
        }
    }
}

/// Requests to one upload.
pub(super) async fn resource(
    State(app): State<App>,
    Path(upload): Path<Uuid>,
    request: Request,
) -> Result<Response> {
    let method = method_of(&request);
    if method == Method::OPTIONS {
        return Ok(tus::options());
    }
    let asked = Asked::take(app, request).await?;
    let is_tus = asked.headers.contains_key(tus::VERSION_FIELD);
    let is_ietf = !is_tus
        && (speaks_ietf(&asked.headers) || !is_of_tus(&asked.app, &asked.caller, upload).await?);
    match (method, is_ietf) {
        (Method::HEAD | Method::GET, true) => ietf::head(asked, upload).await,
        (Method::PATCH, true) => ietf::append(asked, upload).await,
        (Method::DELETE, true) => ietf::cancel(asked, upload).await,
        (Method::HEAD, false) => tus::spoken(tus::head(asked, upload).await),
        (Method::PATCH, false) => tus::spoken(tus::append(asked, upload).await),
        (Method::DELETE, false) => tus::spoken(tus::cancel(asked, upload).await),
        _ => Ok(StatusCode::METHOD_NOT_ALLOWED.into_response()),
    }
}

/// Some networks let only GET and POST through; tus clients then name the method in a field.
fn method_of(request: &Request) -> Method {
    let instead = fields::text(request.headers(), "x-http-method-override");
    let instead = instead.and_then(|name| name.parse().ok());
    instead.unwrap_or_else(|| request.method().clone())
}

fn is_ietf_creation(headers: &HeaderMap) -> bool {
    !headers.contains_key(tus::VERSION_FIELD) && headers.contains_key("upload-complete")
}

/// Whether a request can only be meant in the words of the draft.
fn speaks_ietf(headers: &HeaderMap) -> bool {
    headers.contains_key(ietf::VERSION_FIELD)
        || headers.contains_key("upload-complete")
        || fields::text(headers, "content-type").is_some_and(|kind| kind.starts_with(ietf::PARTIAL))
}

impl Asked {
    pub(super) async fn take(app: App, request: Request) -> Result<Self> {
        let (mut parts, body) = request.into_parts();
        let May { caller, .. } = May::<Push>::from_request_parts(&mut parts, &app).await?;
        let query = Query::<HashMap<String, String>>::try_from_uri(&parts.uri);
        let query = query.map(|query| query.0).unwrap_or_default();
        let connection = parts.extensions.get::<ConnectInfo<Interim>>();
        let interim = connection.map(|info| info.0.clone());
        let interim = interim.filter(|_| parts.version == axum::http::Version::HTTP_11);
        Ok(Self { app, caller, headers: parts.headers, body, query, interim })
    }

    pub(super) fn content_bytes(&self) -> Option<i64> {
        fields::text(&self.headers, "content-length")?.parse().ok()
    }
}

/// Which protocol an upload was made through counts where a request does not say.
async fn is_of_tus(app: &App, caller: &Caller, upload: Uuid) -> Result<bool> {
    let row = app.sync.store.read().await?.upload(caller.user_id, upload).await?;
    row.map(|row| row.protocol == "tus").ok_or(Error::NotFound)
}

/// What a new upload is for, from whatever names it: metadata of tus, or the query.
fn described(values: &HashMap<&str, Vec<u8>>, protocol: &'static str) -> Result<New> {
    let text = |name: &str| values.get(name).map(|value| String::from_utf8_lossy(value));
    let id = |name: &str| -> Result<Option<Uuid>> {
        let read = text(name).map(|value| value.parse());
        read.transpose().map_err(|_| Error::Malformed(format!("{name}: expected an id")))
    };
    let sha256 = text("sha256").map(|value| {
        Hash::parse(&value).ok_or_else(|| Error::Malformed("sha256: expected 64 hex digits".into()))
    });
    Ok(New {
        protocol,
        role: "whole",
        photo: id("photo_id")?,
        sha256: sha256.transpose()?,
        building: id("building")?,
        device: id("device")?,
        kind: text("kind").map(|kind| kind.chars().take(64).collect()),
        manifest: values.get("manifest").cloned(),
        ..New::default()
    })
}

fn location(upload: Uuid) -> HeaderValue {
    header(&format!("/api/v1/uploads/{upload}"))
}

fn header(value: &str) -> HeaderValue {
    HeaderValue::from_str(value).expect("digits and plain letters are a header value")
}

/// A refusal that only uploads know, told like all others (RFC 9457).
fn refusal(status: StatusCode, code: &str, title: [&str; 2]) -> Response {
    let body = json!({
        "type": format!("urn:saolou:problem:{code}"), "status": status.as_u16(), "code": code,
        "title": title[0], "title_en": title[1],
    });
    let mut response = (status, axum::Json(body)).into_response();
    let kind = HeaderValue::from_static("application/problem+json");
    response.headers_mut().insert(names::CONTENT_TYPE, kind);
    response
}

/// When an upload is given up unless more comes.
fn expires_ms(row: &UploadRow) -> i64 {
    row.touched_ms + UPLOAD_KEPT_MS
}

/// Keeps what a tus client calls a partial upload from being finished like a photo.
fn finish_of(is_last: bool) -> Finish {
    if is_last { Finish::Now } else { Finish::Later }
}

const BYTES_MAX: i64 = PHOTO_BYTES_MAX;
