//! Static pages.

use axum::response::Html;

/// What somebody sees who opens the address in a browser.
pub(super) async fn home() -> Html<&'static str> {
    Html(include_str!("home.html"))
}
