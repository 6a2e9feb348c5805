//! The pages in the browser: files that the program carries, and one page for every view.

use crate::error::Error;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Response, Uri, header};
use saolou_web::File;

/// A page runs what came with it and talks to where it came from, and nothing else. The map draws in
/// a worker that it makes itself.
const POLICY: &str = "default-src 'self'; img-src 'self' data: blob:; worker-src 'self' blob:; \
    style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'none'; form-action 'self'; \
    frame-ancestors 'none'";

/// A file of the pages, or for the address of a view the page that shows it.
pub(super) async fn page(
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
    Ok(respond(file))
}

/// Paths that programs ask: a wrong one is answered as a problem, whoever asks.
fn is_interface(path: &str) -> bool {
    ["api/", "assets/", "evidence/", "health/", "photo/"].iter().any(|of| path.starts_with(of))
}

fn respond(File { bytes, media_type, is_immutable }: File) -> Response<Body> {
    let kept = if is_immutable { "public, max-age=31536000, immutable" } else { "no-cache" };
    let text = media_type.starts_with("text/") && !media_type.contains("charset");
    let media_type = if text { format!("{media_type}; charset=utf-8") } else { media_type };
    let response = Response::builder()
        .header(header::CONTENT_TYPE, media_type)
        .header(header::CACHE_CONTROL, kept)
        .header(header::CONTENT_SECURITY_POLICY, POLICY)
        .header(header::REFERRER_POLICY, "same-origin");
    response.body(Body::from(bytes)).expect("the headers are fixed texts and a media type")
}
