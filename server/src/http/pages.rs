//! The pages in the browser: files that the program carries, and one page for every view.

use super::access::{May, ReadCoverage};
use crate::app::App;
use crate::config::MapStyle;
use crate::error::Error;
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Method, Response, Uri, header};
use saolou_web::File;
use serde::Serialize;

/// A page runs what came with it and talks to where it came from, and nothing else but the origin of
/// the map, where one is set. The map draws in a worker that it makes itself.
fn policy(map: Option<&MapStyle>) -> String {
    let origin = map.and_then(|style| style.origin.as_deref());
    let origin = origin.map(|origin| format!(" {origin}")).unwrap_or_default();
    format!(
        "default-src 'self'; connect-src 'self'{origin}; img-src 'self' data: blob:{origin}; \
         worker-src 'self' blob:; style-src 'self' 'unsafe-inline'; object-src 'none'; \
         base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
}

/// What the map is drawn on.
#[derive(Serialize)]
pub(super) struct Map {
    /// The address of a style; none where there is no ground.
    style: Option<String>,
}

pub(super) async fn map(State(app): State<App>, _: May<ReadCoverage>) -> Json<Map> {
    Json(Map { style: app.map_style.map(|style| style.url.clone()) })
}

/// A file of the pages, or for the address of a view the page that shows it.
pub(super) async fn page(
    State(app): State<App>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response<Body>, Error> {
    if !matches!(method, Method::GET | Method::HEAD) {
        return Err(Error::NotFound);
    }
    let path = uri.path().trim_start_matches('/');
    let accepts = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    let wants_page = accepts.is_some_and(|accept| accept.contains("text/html"));
    let file = match saolou_web::file(path) {
        Some(file) => file,
        None if path.is_empty() || wants_page && !is_interface(path) => {
            saolou_web::console().ok_or(Error::NotFound)?
        }
        None => return Err(Error::NotFound),
    };
    Ok(respond(file, policy(app.map_style.as_deref())))
}

/// Paths that programs ask: a wrong one is answered as a problem, whoever asks.
fn is_interface(path: &str) -> bool {
    ["api/", "assets/", "evidence/", "health/", "photo/"].iter().any(|of| path.starts_with(of))
}

fn respond(File { bytes, media_type, is_immutable }: File, policy: String) -> Response<Body> {
    let kept = if is_immutable { "public, max-age=31536000, immutable" } else { "no-cache" };
    let text = media_type.starts_with("text/") && !media_type.contains("charset");
    let media_type = if text { format!("{media_type}; charset=utf-8") } else { media_type };
    let response = Response::builder()
        .header(header::CONTENT_TYPE, media_type)
        .header(header::CACHE_CONTROL, kept)
        .header(header::CONTENT_SECURITY_POLICY, policy)
        .header(header::REFERRER_POLICY, "same-origin");
    response
        .body(Body::from(bytes))
        .expect("the headers are fixed texts, a media type and a plain origin")
}
