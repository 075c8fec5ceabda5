//! `GET /v1/audit`: what people did, on tickets and otherwise, newest first.

use std::sync::Arc;

use axum::extract::State;
use axum::routing::get;
use axum::{Json as Answer, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::session::ApiAgent;
use super::{Site, time};
use crate::desk::problem::{Problem, Query};

/// Acts in an answer unless `limit` says otherwise.
const PAGE: i64 = 100;
/// At most.
const LARGEST_PAGE: i64 = 1_000;

/// The routes.
pub fn router() -> Router<Arc<Site>> {
    Router::new().route("/v1/audit", get(list))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Wanted {
    /// RFC 3339.
    since: Option<String>,
    /// `agent:NAME` or `operator`.
    actor: Option<String>,
    limit: Option<i64>,
}

async fn list(
    State(site): State<Arc<Site>>,
    ApiAgent(_): ApiAgent,
    Query(wanted): Query<Wanted>,
) -> Result<Answer<Value>, Problem> {
    let since = super::since(wanted.since.as_deref())?.unwrap_or_default();
    let limit = super::page(wanted.limit, (PAGE, LARGEST_PAGE))?;
    let acts = site.desk.store.acts(since, wanted.actor.as_deref(), limit).await?;
    let acts: Vec<Value> = acts
        .iter()
        .map(|act| {
            json!({
                "at": time(act.at), "actor": act.actor, "what": act.what, "about": act.about, "detail": act.detail,
            })
        })
        .collect();
    Ok(Answer(json!({ "acts": acts })))
}
