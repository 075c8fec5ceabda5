//! `/healthz` the process answers; `/readyz` it can do its work; `/metrics` how it goes, for Prometheus.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;

use super::Site;

/// The routes.
pub fn router() -> Router<Arc<Site>> {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
}

/// Ready: it can take in and settle. What is amiss beside that stands in the checks, too, and keeps nobody out.
async fn ready(State(site): State<Arc<Site>>) -> Response {
    let checks = site.desk.checks().await;
    let ready = checks.iter().all(|check| check.ok || !check.needed);
    for check in checks.iter().filter(|check| check.needed && !check.ok) {
        tracing::warn!(check = check.name, because = check.because, "not ready");
    }
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let version = env!("CARGO_PKG_VERSION");
    let body = json!({ "ready": ready, "version": version, "checks": checks, "desk": site.desk.health() });
    (status, Json(body)).into_response()
}

async fn metrics(State(site): State<Arc<Site>>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], (site.metrics)()).into_response()
}
