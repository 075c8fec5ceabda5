//! `/v1/outbox` what is to be sent and what was refused for good, `/v1/endpoints` webhooks and connectors: look, release a
//! draft, try again, drop, enable.

use std::sync::Arc;

use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::session::ApiAgent;
use super::{Site, now, time};
use crate::desk::problem::{Path, Problem, Query};
use crate::store;
use crate::store::dispatch::Filter;
use crate::store::outbox::{Kind, Outgoing, State as Stands};

/// Rows on a page unless `limit` says otherwise, and at most.
const PAGE: (i64, i64) = (50, 200);

/// The routes.
pub fn router() -> Router<Arc<Site>> {
    Router::new()
        .route("/v1/outbox", get(list))
        .route("/v1/outbox/{id}", get(one))
        .route("/v1/outbox/{id}/release", post(release_row))
        .route("/v1/outbox/{id}/retry", post(retry))
        .route("/v1/outbox/{id}/drop", post(drop_row))
        .route("/v1/endpoints", get(endpoints))
        .route("/v1/endpoints/{name}/enable", post(enable))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Wanted {
    state: String,
    ticket: Option<i64>,
    to: Option<String>,
    limit: Option<i64>,
}

async fn list(
    State(site): State<Arc<Site>>,
    ApiAgent(_): ApiAgent,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Value>, Problem> {
    let words = wanted.state.split(',').map(str::trim).filter(|word| !word.is_empty());
    let state = |word: &str| {
        let known = || format!("no state `{word}`: queued, draft, held, sent, dead or dropped");
        serde_json::from_value::<Stands>(json!(word)).map_err(|_| Problem::Malformed(known()))
    };
    let limit = super::page(wanted.limit, PAGE)?;
    let states = words.map(state).collect::<Result<Vec<_>, _>>()?;
    let filter = Filter { states, ticket: wanted.ticket, recipient: wanted.to };
    let rows = site.desk.store.list_outgoing(&filter, limit).await?;
    Ok(Json(json!({ "outbox": rows.iter().map(shown).collect::<Vec<_>>() })))
}

async fn one(
    State(site): State<Arc<Site>>,
    ApiAgent(_): ApiAgent,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let row = site.desk.store.outgoing(&id).await.map_err(refused)?;
    let mut whole = shown(&row);
    // The words of a mail; what another system gets is its own business.
    whole["text"] = json!((row.kind == Kind::Mail).then_some(&row.payload.text));
    Ok(Json(whole))
}

async fn release_row(
    State(site): State<Arc<Site>>,
    ApiAgent(agent): ApiAgent,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    Ok(Json(shown(&release(&site, &id, &agent).await?)))
}

async fn retry(
    State(site): State<Arc<Site>>,
    ApiAgent(agent): ApiAgent,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    Ok(Json(shown(&again(&site, &id, &agent).await?)))
}

async fn drop_row(
    State(site): State<Arc<Site>>,
    ApiAgent(agent): ApiAgent,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    Ok(Json(shown(&take_out(&site, &id, &agent).await?)))
}

async fn endpoints(State(site): State<Arc<Site>>, ApiAgent(_): ApiAgent) -> Result<Json<Value>, Problem> {
    Ok(Json(json!({ "endpoints": all(&site).await? })))
}

async fn enable(
    State(site): State<Arc<Site>>,
    ApiAgent(_): ApiAgent,
    Path(name): Path<String>,
) -> Result<Json<Value>, Problem> {
    let known = all(&site).await?.into_iter().any(|endpoint| endpoint["name"] == json!(name));
    if !known {
        return Err(Problem::no("endpoint"));
    }
    Ok(Json(json!({ "name": name, "enabled": site.desk.store.enable_endpoint(&name).await? })))
}

/// Sends a draft after all, for API and console alike.
pub async fn release(site: &Site, id: &str, agent: &str) -> Result<Outgoing, Problem> {
    site.desk.release_draft(id, &format!("agent:{agent}"), now()).await.map_err(refused)
}

/// Tries a row again, for API and console alike.
pub async fn again(site: &Site, id: &str, agent: &str) -> Result<Outgoing, Problem> {
    site.desk.retry_outgoing(id, &format!("agent:{agent}"), now()).await.map_err(refused)
}

/// Takes a row out, for API and console alike.
pub async fn take_out(site: &Site, id: &str, agent: &str) -> Result<Outgoing, Problem> {
    site.desk.drop_outgoing(id, &format!("agent:{agent}"), now()).await.map_err(refused)
}

/// The webhooks and connectors of the settings, and how they are.
pub async fn all(site: &Site) -> Result<Vec<Value>, Problem> {
    let trouble = site.desk.store.endpoints_in_trouble().await?;
    let config = &site.desk.config;
    let webhooks = config.webhook.iter().map(|webhook| (&webhook.name, json!("webhook")));
    let connectors = config.connector.iter().map(|connector| (&connector.name, json!(connector.kind)));
    let shown = |(name, kind): (&String, Value)| {
        let trouble = trouble.iter().find(|endpoint| endpoint.name == *name);
        let state = match trouble {
            None => "well",
            Some(trouble) if trouble.disabled_at.is_some() => "disabled",
            Some(_) => "failing",
        };
        let since = trouble.and_then(|trouble| trouble.disabled_at.or(trouble.failing_since));
        let because = trouble.and_then(|trouble| trouble.because.as_ref().or(trouble.last_error.as_ref()));
        json!({ "name": name, "kind": kind, "state": state, "since": since.map(time), "because": because })
    };
    Ok(webhooks.chain(connectors).map(shown).collect())
}

fn refused(error: store::Error) -> Problem {
    match error {
        store::Error::Missing(_) => Problem::no("outgoing row"),
        error => error.into(),
    }
}

/// A row without its words: they may be another system's business.
fn shown(row: &Outgoing) -> Value {
    json!({
        "id": row.id,
        "ticket": row.ticket_id,
        "kind": row.kind,
        "reason": row.reason,
        "recipient": row.recipient,
        "subject": row.payload.subject,
        "message_id": row.message_id,
        "state": row.state,
        "attempts": row.attempts,
        "due_at": time(row.due_at),
        "created_at": time(row.created_at),
        "last_error": row.last_error,
    })
}
