//! *Resumable Uploads for HTTP*, draft-ietf-httpbis-resumable-upload-12: what iOS
//! speaks. Interop versions 6 and 8 differ for clients only.

use super::{
    Asked, BYTES_MAX, described, expires_ms, fields, finish_of, header, location, refusal,
};
use crate::domain::photos::{Append, Appended, Checksum, Content, New, Stored, UPLOAD_KEPT_MS};
use crate::error::{Error, Result};
use crate::http::interim::Interim;
use crate::store::UploadRow;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header as names};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use uuid::Uuid;

pub(super) const VERSION_FIELD: &str = "upload-draft-interop-version";
pub(super) const PARTIAL: &str = "application/partial-upload";
/// Interop versions whose clients understand our interim responses.
const INTEROP: [&str; 3] = ["6", "7", "8"];

pub(super) async fn create(asked: Asked) -> Result<Response> {
    if fields::boolean(&asked.headers, "upload-complete").is_none() {
        // Ignored, it leaves a request that is nobody's: better that its sender hears why.
        return Err(Error::Malformed("Upload-Complete: expected ?0 or ?1".into()));
    }
    let values =
        asked.query.iter().map(|(name, value)| (name.as_str(), value.clone().into_bytes()));
    let new = described(&values.collect(), "ietf")?;
    create_as(asked, new).await
}

/// Makes an upload for something that is described already, and takes what comes with the request.
pub(in crate::http) async fn create_as(asked: Asked, new: New) -> Result<Response> {
    let is_last = fields::boolean(&asked.headers, "upload-complete").unwrap_or_default();
    let said = fields::integer(&asked.headers, "upload-length");
    let content_bytes = asked.content_bytes();
    let to_the_end = content_bytes.filter(|_| is_last);
    if let (Some(said), Some(sent)) = (said, to_the_end)
        && said != sent
    {
        let mut response = other_length();
        put_limit(&mut response, UPLOAD_KEPT_MS);
        return Ok(response);
    }
    let sha256 = new.sha256.or_else(|| fields::digest(&asked.headers, "repr-digest"));
    let bytes = said.or(to_the_end);
    let row = asked.app.photos.create(&asked.caller, New { sha256, bytes, ..new }).await;
    let row = match row {
        Err(Error::TooLarge(cause)) => return Ok(too_large(Error::TooLarge(cause))),
        row => row?,
    };
    if let Some(say) = interim(&asked.headers, asked.interim.as_ref()) {
        say(&format!(
            "location: /api/v1/uploads/{}\r\n{}",
            row.upload_id,
            limit_line(UPLOAD_KEPT_MS)
        ));
    }
    let append = append_of(asked, 0, is_last, content_bytes, None);
    let (app, caller, append) = append;
    let appended = app.photos.append(&caller, row.upload_id, append).await;
    let mut response = told(appended, 0)?;
    if response.status() == StatusCode::NO_CONTENT {
        *response.status_mut() = StatusCode::CREATED;
    }
    response.headers_mut().insert(names::LOCATION, location(row.upload_id));
    put_limit(&mut response, UPLOAD_KEPT_MS);
    Ok(response)
}

/// How far an upload has come, to `HEAD` and to `GET`, which has no more to say.
pub(super) async fn head(asked: Asked, upload: Uuid) -> Result<Response> {
    let states = ["upload-offset", "upload-complete", "upload-length"];
    if let Some(stated) = states.into_iter().find(|name| asked.headers.contains_key(*name)) {
        // Whoever states it means to append, and would take the answer for that to his bytes.
        return Err(Error::Malformed(format!("{stated}: who asks for it cannot state it")));
    }
    let row = asked.app.photos.look(&asked.caller, upload).await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    headers.insert("upload-offset", header(&row.received.to_string()));
    headers.insert("upload-complete", flag(row.state == "complete"));
    if let Some(bytes) = row.bytes {
        headers.insert("upload-length", header(&bytes.to_string()));
    }
    put_limit(&mut response, rest_ms(&asked, &row));
    Ok(response)
}

pub(super) async fn append(asked: Asked, upload: Uuid) -> Result<Response> {
    let kind = fields::text(&asked.headers, names::CONTENT_TYPE.as_str());
    if !kind.is_some_and(|kind| kind.starts_with(PARTIAL)) {
        let title = [
            "内容类型须为 application/partial-upload",
            "Content-Type: expected application/partial-upload",
        ];
        return Ok(refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_content", title));
    }
    let missing =
        |name: &str| Error::Malformed(format!("{name}: missing, or not as the draft has it"));
    let offset = fields::integer(&asked.headers, "upload-offset");
    let offset = offset.ok_or_else(|| missing("Upload-Offset"))?;
    let is_last = fields::boolean(&asked.headers, "upload-complete");
    let is_last = is_last.ok_or_else(|| missing("Upload-Complete"))?;
    let bytes = fields::integer(&asked.headers, "upload-length");
    let content_bytes = asked.content_bytes();
    let row = asked.app.photos.find(&asked.caller, upload).await?;
    let rest = rest_ms(&asked, &row);
    let (app, caller, append) = append_of(asked, offset, is_last, content_bytes, bytes);
    let mut response = told(app.photos.append(&caller, upload, append).await, offset)?;
    let rest = if response.status().is_success() { UPLOAD_KEPT_MS } else { rest };
    put_limit(&mut response, rest);
    Ok(response)
}

fn append_of(
    asked: Asked,
    offset: i64,
    is_last: bool,
    content_bytes: Option<i64>,
    bytes: Option<i64>,
) -> (crate::app::App, crate::domain::access::Caller, Append) {
    let digest = fields::digest(&asked.headers, "content-digest");
    let checksum = digest.map(|hash| Checksum::Sha256(hash.0.to_vec()));
    let say = interim(&asked.headers, asked.interim.as_ref());
    let progress = say.map(|say| {
        let told = move |at: i64| say(&format!("upload-offset: {at}\r\n"));
        Box::new(told) as Box<dyn Fn(i64) + Send + Sync>
    });
    let (content, finish) = (Content::new(asked.body), finish_of(is_last));
    let append = Append { offset, content, content_bytes, bytes, finish, checksum, progress };
    (asked.app, asked.caller, append)
}

/// What became of an append, in the words of the draft.
fn told(appended: Result<Appended>, provided: i64) -> Result<Response> {
    let appended = match appended {
        // The upload was complete, and what it was for has failed.
        Err(error @ (Error::DigestMismatch(_) | Error::PhotoConflict)) => {
            let mut response = error.into_response();
            response.headers_mut().insert("upload-complete", flag(true));
            return Ok(response);
        }
        Err(error @ Error::TooLarge(_)) => return Ok(too_large(error)),
        appended => appended?,
    };
    Ok(match appended {
        Appended::Open(at) | Appended::PartComplete(at) => {
            standing(StatusCode::NO_CONTENT, at, false)
        }
        Appended::Complete(at, stored) => complete(at, stored),
        Appended::OtherOffset(at) => {
            let members = json!({ "expected-offset": at, "provided-offset": provided });
            let title = "offset from request does not match offset of resource";
            let mut response =
                problem(StatusCode::CONFLICT, "mismatching-upload-offset", title, members);
            response.headers_mut().insert("upload-offset", header(&at.to_string()));
            response.headers_mut().insert("upload-complete", flag(false));
            response
        }
        Appended::CompleteBefore(at) => complete_before(at, provided),
        // A client that is still there takes 4xx for the end of its upload, and 5xx for a reason to
        // ask how far it has come.
        Appended::Broken(at) => standing(StatusCode::SERVICE_UNAVAILABLE, at, false),
        // Of this request, none of whose bytes count; what differs as a whole is a 422.
        Appended::ChecksumMismatch => {
            let title = "content does not match its digest";
            let members = json!({ "code": "digest_mismatch", "header": "Content-Digest" });
            let mut response =
                problem(StatusCode::BAD_REQUEST, "digest-mismatched-values", title, members);
            response.headers_mut().insert("upload-offset", header(&provided.to_string()));
            response.headers_mut().insert("upload-complete", flag(false));
            response
        }
        Appended::OtherLength | Appended::BeyondLength => other_length(),
    })
}

fn standing(status: StatusCode, at: i64, is_complete: bool) -> Response {
    let mut response = status.into_response();
    response.headers_mut().insert("upload-offset", header(&at.to_string()));
    response.headers_mut().insert("upload-complete", flag(is_complete));
    response
}

fn complete(at: i64, stored: Stored) -> Response {
    let mut response = axum::Json(stored).into_response();
    response.headers_mut().insert("upload-offset", header(&at.to_string()));
    response.headers_mut().insert("upload-complete", flag(true));
    response
}

fn complete_before(at: i64, provided: i64) -> Response {
    let mut response = if provided == at {
        let title = "upload is already completed";
        problem(StatusCode::BAD_REQUEST, "completed-upload", title, json!({}))
    } else {
        other_length()
    };
    response.headers_mut().insert("upload-offset", header(&at.to_string()));
    response.headers_mut().insert("upload-complete", flag(true));
    response
}

pub(super) async fn cancel(asked: Asked, upload: Uuid) -> Result<Response> {
    asked.app.photos.cancel(&asked.caller, upload).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// How to say something in between, to whoever said that he understands it.
fn interim(
    headers: &HeaderMap,
    connection: Option<&Interim>,
) -> Option<impl Fn(&str) + Send + Sync + 'static> {
    let version =
        INTEROP.into_iter().find(|of| fields::text(headers, VERSION_FIELD) == Some(of))?;
    let connection = connection?.clone();
    Some(move |lines: &str| {
        let head = "HTTP/1.1 104 Upload Resumption Supported\r\n";
        connection.send(&format!("{head}{VERSION_FIELD}: {version}\r\n{lines}\r\n"));
    })
}

fn rest_ms(asked: &Asked, row: &UploadRow) -> i64 {
    (expires_ms(row) - asked.app.sync.clock.now_ms()).max(0)
}

fn limits(rest_ms: i64) -> String {
    format!("max-size={BYTES_MAX}, max-age={}", rest_ms / 1000)
}

fn limit_line(rest_ms: i64) -> String {
    format!("upload-limit: {}\r\n", limits(rest_ms))
}

fn put_limit(response: &mut Response, rest_ms: i64) {
    response.headers_mut().insert("upload-limit", header(&limits(rest_ms)));
}

fn flag(is_true: bool) -> HeaderValue {
    HeaderValue::from_static(if is_true { "?1" } else { "?0" })
}

fn other_length() -> Response {
    let title = "inconsistent length values for upload";
    let mut response =
        problem(StatusCode::BAD_REQUEST, "inconsistent-upload-length", title, json!({}));
    response.headers_mut().insert("upload-complete", flag(false));
    response
}

fn too_large(error: Error) -> Response {
    let mut response = error.into_response();
    put_limit(&mut response, UPLOAD_KEPT_MS);
    response
}

/// A problem of the types that the draft registers, or that are registered for digests.
fn problem(status: StatusCode, kind: &str, title: &str, members: Value) -> Response {
    let mut body = json!({
        "type": format!("https://iana.org/assignments/http-problem-types#{kind}"),
        "title": title,
        "status": status.as_u16(),
    });
    if let (Value::Object(body), Value::Object(members)) = (&mut body, members) {
        body.extend(members);
    }
    let mut response = (status, axum::Json(body)).into_response();
    let kind = HeaderValue::from_static("application/problem+json");
    response.headers_mut().insert(names::CONTENT_TYPE, kind);
    response
}
