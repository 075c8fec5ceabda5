//! `/v1/hooks/{source}/deliveries`: what a webhook source posted of late and how it was answered, for agents; and once more.
//!
//! Never shows a body or a secret: the words of a post that became a ticket stand on the ticket.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::session::ApiAgent;
use super::{Site, now, time};
use crate::desk::post::door_of;
use crate::desk::problem::{Path, Problem, Query};

/// Deliveries on a page unless `limit` says otherwise.
const PAGE: i64 = 50;
/// Deliveries on a page at most.
const LARGEST_PAGE: i64 = 200;

/// The routes.
pub fn router() -> Router<Arc<Site>> {
    Router::new()
        .route("/v1/hooks/{source}/deliveries", get(list))
        .route("/v1/hooks/{source}/deliveries/{id}/replay", post(replay))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    limit: Option<i64>,
    /// The `next` of the page before.
    before: Option<String>,
}

async fn list(
    State(site): State<Arc<Site>>,
    ApiAgent(_): ApiAgent,
    Path(name): Path<String>,
    Query(page): Query<Page>,
) -> Result<Json<Value>, Problem> {
    let door = door_of(&site.desk, &name)?;
    let limit = super::page(page.limit, (PAGE, LARGEST_PAGE))?;
    let mut found = site.desk.store.deliveries(&door, limit + 1, page.before.as_deref()).await?;
    let more = super::cut(&mut found, limit);
    let next = found.last().filter(|_| more).map(|last| last.id.clone());
    let shown: Vec<Value> = found
        .iter()
        .map(|delivery| {
            let mut shown = json!(delivery);
            shown["at"] = time(delivery.at).into();
            shown
        })
        .collect();
    Ok(Json(json!({ "deliveries": shown, "next": next })))
}

async fn replay(
    State(site): State<Arc<Site>>,
    ApiAgent(agent): ApiAgent,
    Path((name, id)): Path<(String, String)>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let door = door_of(&site.desk, &name)?;
    let done = site.desk.redeliver(&door, &id, &format!("agent:{agent}"), now()).await?;
    let status_url = format!("{}/v1/submissions/{}", site.desk.config.desk.public_url, done.submission);
    let answer = json!({ "submission": done.submission, "status_url": status_url, "known": done.known });
    Ok((StatusCode::ACCEPTED, Json(answer)))
}
