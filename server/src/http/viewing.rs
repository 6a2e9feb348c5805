//! Seeing photos: `POST /api/v1/photos/{id}/link` makes a link, `GET /photo/{ticket}` follows it.

use super::access::{Json, May, Path, ReadVisits};
use crate::app::App;
use crate::domain::photos::{Link, Picture, Wanted};
use crate::error::{Error, Result};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use saolou_protocol::ids::PhotoId;
use tower_http::services::ServeFile;

/// A link to a picture, for minutes and for one person.
pub(super) async fn link(
    State(app): State<App>,
    May { caller, .. }: May<ReadVisits>,
    Path(photo): Path<PhotoId>,
    Json(wanted): Json<Wanted>,
) -> Result<axum::Json<Link>> {
    app.photos.link(&caller, photo.0, &wanted).await.map(axum::Json)
}

/// The picture behind a link, whole or in part (RFC 9110 §14).
pub(super) async fn follow(
    State(app): State<App>,
    Path(ticket): Path<String>,
    request: Request,
) -> Result<Response> {
    let Picture { path, media_type, name } = app.photos.follow(&ticket).await?;
    let served = ServeFile::new(path).try_call(request).await;
    let served = served.map_err(|error| Error::Internal(format!("reading a photo: {error}")))?;
    let mut response = served.into_response();
    // Both forms (RFC 6266): the plain one for whoever does not read the other.
    let ending = name.rsplit('.').next().unwrap_or("bin");
    let encoded = utf8_percent_encode(&name, NON_ALPHANUMERIC);
    let disposition = format!("inline; filename=\"photo.{ending}\"; filename*=UTF-8''{encoded}");
    let is_picture = matches!(response.status(), StatusCode::OK | StatusCode::PARTIAL_CONTENT);
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, if is_picture { &*media_type } else { "text/plain" }),
        (header::CONTENT_DISPOSITION, &disposition),
        (header::CACHE_CONTROL, "private, max-age=600"),
        // Whatever the bytes are, a browser shows a picture and runs nothing.
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"),
    ] {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    }
    Ok(response)
}
