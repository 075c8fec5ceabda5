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

async fn ready(State(site): State<Arc<Site>>) -> Response {
    let ping = site.desk.store.ping().await;
    if let Err(error) = &ping {
        tracing::warn!(%error, "not ready: the store does not answer");
    }
    // Without any directory mail is taken in, but not judged.
    let ready = ping.is_ok() && !site.desk.awaits_directory();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({"ready": ready, "desk": site.desk.health()}))).into_response()
}

async fn metrics(State(site): State<Arc<Site>>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], (site.metrics)()).into_response()
}
