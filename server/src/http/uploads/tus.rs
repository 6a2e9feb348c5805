//! tus 1.0.0 with the extensions `creation, creation-with-upload, creation-defer-length, expiration,
//! checksum, checksum-trailer, termination, concatenation, concatenation-unfinished`.

use super::{Asked, BYTES_MAX, described, expires_ms, fields, header, location, refusal};
use crate::domain::photos::{Append, Appended, Checksum, Content, Finish, New};
use crate::error::{Error, Result};
use crate::store::UploadRow;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header as names};
use axum::response::{IntoResponse, Response};
use std::collections::HashMap;
use uuid::Uuid;

pub(super) const VERSION_FIELD: &str = "tus-resumable";
const VERSION: &str = "1.0.0";
const EXTENSIONS: &str = "creation,creation-with-upload,creation-defer-length,expiration,checksum,\
     checksum-trailer,termination,concatenation,concatenation-unfinished";
const OFFSET_STREAM: &str = "application/offset+octet-stream";
/// `460 Checksum Mismatch`, which tus made up.
const CHECKSUM_MISMATCH: u16 = 460;

/// What the server can do, in the words of either protocol.
pub(super) fn options() -> Response {
    let mut response = answer(StatusCode::OK);
    let headers = response.headers_mut();
    headers.insert("tus-version", HeaderValue::from_static(VERSION));
    headers.insert("tus-extension", HeaderValue::from_static(EXTENSIONS));
    headers.insert("tus-max-size", header(&BYTES_MAX.to_string()));
    headers.insert("tus-checksum-algorithm", HeaderValue::from_static("sha1,sha256"));
    headers.insert("accept-patch", HeaderValue::from_static(super::ietf::PARTIAL));
    headers.insert("upload-limit", header(&format!("max-size={BYTES_MAX}")));
    response
}

pub(super) async fn create(asked: Asked) -> Result<Response> {
    if let Some(refusal) = other_version(&asked.headers) {
        return Ok(refusal);
    }
    let given = fields::text(&asked.headers, "upload-metadata").map(str::to_owned);
    if given.is_none() && asked.headers.contains_key("upload-metadata") {
        return Err(Error::Malformed("Upload-Metadata: expected ASCII".into()));
    }
    let values = given.as_deref().map(fields::metadata).transpose()?.unwrap_or_default();
    let concat = fields::text(&asked.headers, "upload-concat").map(str::to_owned);
    let mut new = new_upload(&asked, &values, given.clone())?;
    if let Some(concat) = &concat {
        new = concatenated(new, concat)?;
    }
    let is_final = new.role == "final";
    let kind = fields::text(&asked.headers, names::CONTENT_TYPE.as_str());
    let has_content = kind == Some(OFFSET_STREAM);
    if !has_content && asked.content_bytes().is_some_and(|bytes| bytes > 0) {
        return Ok(unsupported_content());
    }
    let checksum = checksum_of(&asked.headers)?;
    let row = asked.app.photos.create(&asked.caller, new).await?;
    if is_final {
        asked.app.photos.join_if_whole(&asked.caller, &row).await?;
    }
    let mut offset = None;
    if !is_final && (has_content || row.bytes == Some(0)) {
        let append = append_of(asked.body, &asked.headers, 0, None, checksum);
        match asked.app.photos.append(&asked.caller, row.upload_id, append).await? {
            Appended::Open(at) | Appended::PartComplete(at) | Appended::Complete(at, _) => {
                offset = Some(at).filter(|_| has_content);
            }
            other => return told(&other, &row),
        }
    }
    let mut response = answer(StatusCode::CREATED);
    response.headers_mut().insert(names::LOCATION, location(row.upload_id));
    put_expiry(&mut response, &row);
    put_offset(&mut response, offset);
    Ok(response)
}

fn new_upload(
    asked: &Asked,
    values: &HashMap<&str, Vec<u8>>,
    metadata: Option<String>,
) -> Result<New> {
    let length = fields::text(&asked.headers, "upload-length");
    let deferred = fields::text(&asked.headers, "upload-defer-length");
    let is_final =
        fields::text(&asked.headers, "upload-concat").is_some_and(|c| c.starts_with("final"));
    let bytes = match (length, deferred) {
        (Some(length), None) => Some(whole_number("Upload-Length", length)?),
        (None, Some("1")) => None,
        (None, None) if is_final => None,
        (_, Some(_)) => {
            let wrong = "Upload-Defer-Length: expected 1, and no Upload-Length beside it";
            return Err(Error::Malformed(wrong.into()));
        }
        (None, None) => return Err(Error::Malformed("Upload-Length: missing".into())),
    };
    Ok(New { bytes, metadata, ..described(values, "tus")? })
}

/// `Upload-Concat: partial`, or `final;` and the uploads that it joins.
fn concatenated(new: New, concat: &str) -> Result<New> {
    if concat == "partial" {
        return Ok(New { role: "partial", photo: None, ..new });
    }
    let wrong = || Error::Malformed("Upload-Concat: expected partial, or final;<uploads>".into());
    let list = concat.strip_prefix("final;").ok_or_else(wrong)?;
    if new.bytes.is_some() {
        let wrong = "Upload-Length: a final upload has the length of its parts";
        return Err(Error::Malformed(wrong.into()));
    }
    Ok(New { role: "final", parts: Some(list.to_owned()), ..new })
}

pub(super) async fn head(asked: Asked, upload: Uuid) -> Result<Response> {
    if let Some(refusal) = other_version(&asked.headers) {
        return Ok(refusal);
    }
    let row = asked.app.photos.look(&asked.caller, upload).await?;
    let mut response = answer(StatusCode::OK);
    let headers = response.headers_mut();
    if let Some(bytes) = row.bytes.or_else(|| (row.state == "complete").then_some(row.received)) {
        headers.insert("upload-length", header(&bytes.to_string()));
    } else if row.role != "final" {
        headers.insert("upload-defer-length", HeaderValue::from_static("1"));
    }
    if let Some(metadata) = row.metadata.as_deref().and_then(|m| HeaderValue::from_str(m).ok()) {
        headers.insert("upload-metadata", metadata);
    }
    if let Some(concat) = concat_of(&row) {
        headers.insert("upload-concat", header(&concat));
    }
    let is_known = row.role != "final" || row.state == "complete";
    put_offset(&mut response, is_known.then_some(row.received));
    put_expiry(&mut response, &row);
    Ok(response)
}

fn concat_of(row: &UploadRow) -> Option<String> {
    match row.role.as_str() {
        "partial" => Some("partial".to_owned()),
        // As it was asked for.
        "final" => row.parts.as_deref().map(|list| format!("final;{list}")),
        _ => None,
    }
}

pub(super) async fn append(asked: Asked, upload: Uuid) -> Result<Response> {
    if let Some(refusal) = other_version(&asked.headers) {
        return Ok(refusal);
    }
    if fields::text(&asked.headers, names::CONTENT_TYPE.as_str()) != Some(OFFSET_STREAM) {
        return Ok(unsupported_content());
    }
    let offset = fields::text(&asked.headers, "upload-offset");
    let offset = offset.ok_or_else(|| Error::Malformed("Upload-Offset: missing".into()))?;
    let offset = whole_number("Upload-Offset", offset)?;
    let length = fields::text(&asked.headers, "upload-length");
    let bytes = length.map(|length| whole_number("Upload-Length", length)).transpose()?;
    let checksum = checksum_of(&asked.headers)?;
    let mut row = asked.app.photos.find(&asked.caller, upload).await?;
    let append = append_of(asked.body, &asked.headers, offset, bytes, checksum);
    let appended = asked.app.photos.append(&asked.caller, upload, append).await?;
    match appended {
        // Its term begins anew.
        Appended::Open(_) => row.touched_ms = asked.app.sync.clock.now_ms(),
        Appended::Complete(..) | Appended::PartComplete(_) => "complete".clone_into(&mut row.state),
        _ => {}
    }
    told(&appended, &row)
}

fn append_of(
    body: Body,
    headers: &HeaderMap,
    offset: i64,
    bytes: Option<i64>,
    checksum: Option<Checksum>,
) -> Append {
    let content_bytes = fields::text(headers, "content-length").and_then(|l| l.parse().ok());
    let (content, finish) = (Content::new(body), Finish::AtLength);
    Append { offset, content, content_bytes, bytes, finish, checksum, progress: None }
}

/// What became of an append, in the words of tus.
fn told(appended: &Appended, row: &UploadRow) -> Result<Response> {
    let with_offset = |status, at| {
        let mut response = answer(status);
        put_offset(&mut response, Some(at));
        put_expiry(&mut response, row);
        Ok(response)
    };
    match *appended {
        Appended::Open(at) | Appended::PartComplete(at) | Appended::Complete(at, _) => {
            with_offset(StatusCode::NO_CONTENT, at)
        }
        // A phone that lost the answer to its last bytes asks for nothing more. No body: some clients
        // wait for ever for the rest of one that broke off, and this is said on lines that break.
        Appended::OtherOffset(at) | Appended::CompleteBefore(at) => {
            with_offset(StatusCode::CONFLICT, at)
        }
        // Where somebody is left to hear it: clients take 4xx for the end, and 5xx for a reason to ask
        // how far they have come.
        Appended::Broken(at) => with_offset(StatusCode::SERVICE_UNAVAILABLE, at),
        Appended::ChecksumMismatch => {
            let title = [
                "校验和不符，本次内容未计入",
                "Upload-Checksum: these bytes do not match it and do not count",
            ];
            let status = StatusCode::from_u16(CHECKSUM_MISMATCH).unwrap_or(StatusCode::BAD_REQUEST);
            spoken(Ok(refusal(status, "checksum_mismatch", title)))
        }
        Appended::OtherLength => {
            Err(Error::Malformed("Upload-Length: it was another before".into()))
        }
        Appended::BeyondLength => Err(Error::TooLarge("more than Upload-Length".into())),
    }
}

pub(super) async fn cancel(asked: Asked, upload: Uuid) -> Result<Response> {
    if let Some(refusal) = other_version(&asked.headers) {
        return Ok(refusal);
    }
    asked.app.photos.cancel(&asked.caller, upload).await?;
    Ok(answer(StatusCode::NO_CONTENT))
}

/// The answer to whoever speaks another version, or none.
fn other_version(headers: &HeaderMap) -> Option<Response> {
    if fields::text(headers, VERSION_FIELD) == Some(VERSION) {
        return None;
    }
    let title = ["Tus-Resumable 须为 1.0.0", "Tus-Resumable: expected 1.0.0"];
    let mut response = refusal(StatusCode::PRECONDITION_FAILED, "unsupported_tus_version", title);
    response.headers_mut().insert(VERSION_FIELD, HeaderValue::from_static(VERSION));
    response.headers_mut().insert("tus-version", HeaderValue::from_static(VERSION));
    Some(response)
}

fn unsupported_content() -> Response {
    let title = [
        "内容类型须为 application/offset+octet-stream",
        "Content-Type: expected application/offset+octet-stream",
    ];
    refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_content", title)
}

fn checksum_of(headers: &HeaderMap) -> Result<Option<Checksum>> {
    let trailer = fields::text(headers, "trailer");
    if trailer.is_some_and(|names| names.to_ascii_lowercase().contains("upload-checksum")) {
        return Ok(Some(Checksum::Trailing));
    }
    let value = fields::text(headers, "upload-checksum");
    let read = value.map(|value| {
        let wrong = "Upload-Checksum: expected sha1 or sha256, and base64";
        Checksum::of_tus(value).ok_or_else(|| Error::Malformed(wrong.into()))
    });
    read.transpose()
}

/// A number of bytes; one that no counter holds is as good as the largest.
fn whole_number(name: &str, value: &str) -> Result<i64> {
    if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Error::Malformed(format!("{name}: expected a number of bytes")));
    }
    Ok(value.parse().unwrap_or(i64::MAX))
}

fn put_offset(response: &mut Response, offset: Option<i64>) {
    if let Some(offset) = offset {
        response.headers_mut().insert("upload-offset", header(&offset.to_string()));
    }
}

fn put_expiry(response: &mut Response, row: &UploadRow) {
    if row.state == "open" {
        let at = u64::try_from(expires_ms(row)).unwrap_or(0);
        let at = std::time::UNIX_EPOCH + std::time::Duration::from_millis(at);
        let expires = HeaderName::from_static("upload-expires");
        response.headers_mut().insert(expires, header(&httpdate::fmt_http_date(at)));
    }
}

/// A failure, too, says which version it is in.
pub(super) fn spoken(done: Result<Response>) -> Result<Response> {
    let mut response = done.unwrap_or_else(Error::into_response);
    response.headers_mut().insert(VERSION_FIELD, HeaderValue::from_static(VERSION));
    Ok(response)
}

fn answer(status: StatusCode) -> Response {
    let mut response = status.into_response();
    response.headers_mut().insert(VERSION_FIELD, HeaderValue::from_static(VERSION));
    response
}
