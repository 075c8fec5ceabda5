//! The dead letters: what was refused for good, and the webhooks and connectors that are not well; each can be tried again.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::{Html, Redirect};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::json;

use crate::desk::problem::{Path, Problem};
use crate::store::dispatch::Filter;
use crate::store::outbox::State as Stands;
use crate::web::session::{Act, SignedIn};
use crate::web::{Site, outbox};

/// Rows on the page.
const PAGE: i64 = 100;

/// The routes.
pub fn router() -> Router<Arc<Site>> {
    Router::new()
        .route("/desk/outbox", get(page))
        .route("/desk/outbox/{id}", post(decide))
        .route("/desk/endpoints/{name}", post(enable))
}

async fn page(State(site): State<Arc<Site>>, SignedIn(session): SignedIn) -> Result<Html<String>, Problem> {
    let dead = Filter { states: vec![Stands::Dead], ..Filter::default() };
    let rows = site.desk.store.list_outgoing(&dead, PAGE).await?;
    let endpoints = outbox::all(&site).await?;
    site.pages.render(
        "outbox.html",
        json!({ "frame": super::frame(&site, &session, "outbox"), "rows": rows, "endpoints": endpoints }),
    )
}

#[derive(Debug, Deserialize)]
struct Decision {
    decision: String,
}

async fn decide(
    State(site): State<Arc<Site>>,
    Path(id): Path<String>,
    Act { agent, form }: Act<Decision>,
) -> Result<Redirect, Problem> {
    match form.decision.as_str() {
        "retry" => drop(outbox::again(&site, &id, &agent).await?),
        "drop" => drop(outbox::take_out(&site, &id, &agent).await?),
        _ => return Err(Problem::Malformed("decide on retry or drop".into())),
    }
    Ok(Redirect::to("/desk/outbox"))
}

#[derive(Debug, Deserialize)]
struct Nothing {}

async fn enable(
    State(site): State<Arc<Site>>,
    Path(name): Path<String>,
    Act { agent, form: Nothing {} }: Act<Nothing>,
) -> Result<Redirect, Problem> {
    if site.desk.store.enable_endpoint(&name).await? {
        tracing::info!(endpoint = name, agent, "enabled");
    }
    Ok(Redirect::to("/desk/outbox"))
}
