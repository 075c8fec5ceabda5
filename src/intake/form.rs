//! "Submit a request" as JSON: `POST /v1/requests`, for forms of the operator's own pages.
//!
//! Anybody may call it, so it is bounded by client address, and what it stores is answered like any mail from an
//! unproven sender. Zendesk's Requests API shape (`{"request": {…}}`) is taken too.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::post;
use sha2::{Digest, Sha256};

use super::webhook::{self, Wait};
use crate::desk::Desk;
use crate::desk::limit::Limit;
use crate::desk::problem::{Body, Problem, Query};
use crate::request::hook::{self, HookMap};
use crate::store::submissions::{Envelope, Kind, New};

/// Requests that one client may hand in a minute.
const PER_MINUTE: u32 = 20;

#[derive(Clone)]
struct Door {
    desk: Arc<Desk>,
    limit: Arc<Limit>,
    map: Arc<HookMap>,
}

/// The door's routes.
pub fn router(desk: Arc<Desk>) -> Router {
    let door = Door { desk, limit: Arc::new(Limit::per_minute(PER_MINUTE)), map: Arc::new(HookMap::default()) };
    Router::new().route("/v1/requests", post(receive)).with_state(door)
}

async fn receive(
    State(door): State<Door>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Query(wait): Query<Wait>,
    headers: HeaderMap,
    Body(body): Body,
) -> Result<Response, Problem> {
    door.limit.count(peer, &headers)?;
    let wait = wait.duration()?;
    let mut value = webhook::json(&headers, &body)?;
    if let Some(inner) = value.get_mut("request").filter(|inner| inner.is_object()) {
        value = inner.take();
    }
    let request = hook::from_json(&value, &door.map).map_err(webhook::places)?;
    let new = New {
        source: "form".into(),
        source_key: headers.get("idempotency-key").map(|key| source_key(key.as_bytes(), &request.from.address)),
        kind: Kind::Hook,
        raw: value.to_string().into_bytes(),
        envelope: Envelope::default(),
        answerable: true,
        received_at: webhook::now_ms(),
    };
    webhook::submit(&door.desk, new, wait).await
}

/// An idempotency key counts for its requester alone: nobody can use up another's.
fn source_key(key: &[u8], address: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(address.as_bytes());
    hash.update([0]);
    hash.update(key);
    hex::encode(hash.finalize())
}
