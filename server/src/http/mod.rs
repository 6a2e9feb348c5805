//! HTTP: every route on one page. A handler takes the request apart, asks the domain, and puts the
//! answer together; permissions are extractors, so that no handler can forget one.

mod access;
mod admin;
mod browser;
mod conflicts;
mod coverage;
mod desk;
mod devices;
mod events;
mod evidence;
mod health;
pub(crate) mod interim;
mod pages;
mod photos;
mod roster;
mod session;
mod sync;
mod uploads;
mod viewing;

use crate::app::App;
use crate::domain::sync::BODY_BYTES_MAX;
use crate::error::Error;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderName, Request, Response, header};
use axum::routing::{any, get, post, put};
use std::time::Duration;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::decompression::RequestDecompressionLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::trace::TraceLayer;

/// Largest body of an ordinary request, in bytes.
const SMALL_BODY_BYTES_MAX: usize = 1024 * 1024;
/// How long a request may take, live streams and photos apart.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// All routes. Open to everybody are only: signing in, health, static pages.
pub(crate) fn router(app: App) -> Router {
    let api = Router::new()
        .route("/session", post(session::sign_in).delete(session::sign_out))
        .route("/session/refresh", post(session::refresh))
        .route(
            "/session/browser",
            post(browser::sign_in).put(browser::refresh).delete(browser::sign_out),
        )
        .route("/me", get(session::me))
        .route("/org-units", get(admin::units))
        .route("/org-units/{id}", put(admin::put_unit))
        .route("/users", get(admin::users))
        .route("/users/{id}", put(admin::put_user))
        .route("/campaigns", get(admin::campaigns))
        .route("/campaigns/{id}", put(admin::put_campaign))
        .route("/rounds", get(admin::rounds))
        .route("/rounds/{id}", put(admin::put_round))
        .route("/teams", get(admin::teams))
        .route("/teams/{id}", put(admin::put_team))
        .route("/assignments", get(admin::assignments))
        .route("/assignments/{id}", put(admin::put_assignment))
        .merge(desk_routes())
        .merge(coverage_routes())
        .layer(DefaultBodyLimit::max(SMALL_BODY_BYTES_MAX));
    let large = Router::new()
        .route("/sync", post(sync::sync))
        .route("/sync/config", get(sync::config))
        .route("/photos/plan", post(photos::plan))
        .route("/buildings/{id}", put(admin::put_building))
        .route("/buildings/{id}/roster", post(roster::import))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX));
    let timed = Router::new()
        .nest("/api/v1", api.merge(large))
        .layer(axum::middleware::from_fn(in_time))
        // What comes in another encoding is passed on as it is, and refused as malformed.
        .layer(RequestDecompressionLayer::new().pass_through_unaccepted(true))
        .layer(CompressionLayer::new());
    let untimed = Router::new()
        .route("/api/v1/photos/{id}", put(photos::put))
        .route("/photo/{ticket}", get(viewing::follow))
        .route("/api/v1/uploads", any(uploads::collection))
        .route("/api/v1/uploads/{id}", any(uploads::resource))
        .route("/api/v1/events", get(events::events));
    let open = Router::new()
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .route("/metrics", get(health::metrics));
    timed
        .merge(untimed)
        .merge(log_routes())
        .merge(open)
        .fallback_service(page_routes(&app))
        .method_not_allowed_fallback(|| async { Error::Malformed("method not allowed".into()) })
        .layer(CatchPanicLayer::custom(|_| {
            axum::response::IntoResponse::into_response(Error::Internal(
                "a handler panicked".into(),
            ))
        }))
        .layer(axum::middleware::from_fn(sync::with_version))
        .layer(SetResponseHeaderLayer::if_not_present(
            header::X_CONTENT_TYPE_OPTIONS,
            axum::http::HeaderValue::from_static("nosniff"),
        ))
        .layer(SetResponseHeaderLayer::if_not_present(
            header::CACHE_CONTROL,
            axum::http::HeaderValue::from_static("no-store"),
        ))
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(TraceLayer::new_for_http().make_span_with(span).on_response(log_response))
        .layer(SetRequestIdLayer::new(REQUEST_ID, MakeRequestUuid))
        .with_state(app)
}

/// The pages in the browser, whatever view an address names.
fn page_routes(app: &App) -> Router {
    let pages = Router::new().fallback(pages::page).layer(CompressionLayer::new());
    pages.with_state(app.clone())
}

/// The evidence log in the layout of C2SP `tlog-tiles`, and what proves one photo.
fn log_routes() -> Router<App> {
    Router::new()
        .route("/evidence/log/checkpoint", get(evidence::checkpoint))
        .route("/evidence/log/key", get(evidence::key))
        .route("/evidence/log/tile/{*tile}", get(evidence::tile))
        .route("/api/v1/evidence/checkpoint", post(evidence::note))
        .route("/api/v1/evidence/photos/{id}", get(evidence::told))
        .route("/api/v1/evidence/photos/{id}/proof", get(evidence::proof))
        .route("/api/v1/evidence/photos/{id}/bundle", get(evidence::bundle))
        .layer(CompressionLayer::new())
}

/// What supervisors read.
fn coverage_routes() -> Router<App> {
    Router::new()
        .route("/buildings", get(coverage::buildings))
        .route("/buildings/{id}/floors", get(coverage::floors))
        .route("/buildings/{id}/offices/{office}/timeline", get(coverage::timeline))
        .route("/coverage/{unit}", get(coverage::roll_up))
        .route("/coverage/{unit}/open-floors", get(coverage::open_floors))
        .route("/coverage/{unit}/progress", get(coverage::progress))
        .route("/coverage/{unit}/rooms", get(coverage::rooms))
        .route("/coverage/{unit}/rounds", get(admin::standings))
        .route("/coverage/{unit}/todo", get(coverage::todo))
        .route("/coverage/{unit}/workload", get(coverage::workload))
        .route("/coverage/{unit}/workload/visits", get(coverage::visits))
        .route("/map", get(pages::map))
}

/// What waits for the desk, and what it decides.
fn desk_routes() -> Router<App> {
    Router::new()
        .route("/quarantine", get(desk::quarantine))
        .route("/quarantine/{id}", post(desk::decide_quarantine))
        .route("/conflicts", get(conflicts::list))
        .route("/conflicts/resolve", post(conflicts::resolve))
        .route("/conflicts/undo", post(conflicts::undo))
        .route("/late", get(conflicts::late))
        .route("/late/accept", post(conflicts::accept_late))
        .route("/buildings/{id}/decisions", post(desk::decide_building))
        .route("/findings", get(conflicts::findings))
        .route("/findings/close", post(conflicts::close_findings))
        .route("/leaves", get(desk::leaves))
        .route("/devices", get(devices::list))
        .route("/devices/enrol", post(devices::enrol))
        .route("/devices/{id}/key", post(devices::rotate))
        .route("/devices/{id}/manifests", get(devices::manifests))
        .route("/devices/flagged", get(desk::flagged_devices))
        .route("/devices/{id}/revoke", post(desk::revoke_device))
        .route("/enrolments", post(devices::invite))
        .route("/enrolments/{id}", get(devices::invited))
        .route("/photos", get(photos::waiting))
        .route("/photos/missing", get(conflicts::missing))
        .route("/photos/{id}/decide", post(photos::decide))
        .route("/photos/{id}/link", post(viewing::link))
        .route("/photos/{id}/holds", get(evidence::holds))
        .route("/photos/{id}/hold", post(evidence::hold))
        .route("/photos/{id}/free", post(evidence::free))
}

/// One span for a request: method, path without its query, and the request id that the caller gets.
fn span<B>(request: &Request<B>) -> tracing::Span {
    let id = request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or_default();
    tracing::info_span!(
        "request",
        request_id = id,
        method = %request.method(),
        path = request.uri().path(),
    )
}

fn log_response<B>(response: &Response<B>, latency: Duration, _: &tracing::Span) {
    let status = response.status();
    metrics::counter!("saolou_requests_total", "status" => status.as_str().to_owned()).increment(1);
    metrics::histogram!("saolou_request_seconds").record(latency.as_secs_f64());
    tracing::debug!(status = status.as_u16(), latency_us = latency.as_micros(), "answered");
}

async fn in_time(
    request: axum::extract::Request,
    next: axum::middleware::Next,
) -> Result<axum::response::Response, Error> {
    // What the writer has taken is committed whether or not anybody waits for the answer.
    tokio::time::timeout(REQUEST_TIMEOUT, next.run(request)).await.map_err(|_| Error::Overloaded)
}
