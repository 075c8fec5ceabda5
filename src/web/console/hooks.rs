//! The webhook sources and what each posted of late: taken in or refused, and why; what was refused, or went to no ticket, can
//! be taken in again.
//!
//! Never shows a body or a secret: the words of a post that became a ticket stand on the ticket.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::{Html, Redirect};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::desk::hooks::{door, preset_name};
use crate::desk::post::door_of;
use crate::desk::problem::{Path, Problem, Query};
use crate::store::deliveries::Delivery;
use crate::web::session::{Act, SignedIn};
use crate::web::{Site, now};

/// Deliveries on a page.
const PAGE: i64 = 50;

/// The routes.
pub fn router() -> Router<Arc<Site>> {
    Router::new()
        .route("/desk/hooks", get(sources))
        .route("/desk/hooks/{source}", get(log))
        .route("/desk/hooks/{source}/{id}", post(replay))
}

async fn sources(State(site): State<Arc<Site>>, SignedIn(session): SignedIn) -> Result<Html<String>, Problem> {
    let mut sources = vec![];
    for hook in &site.desk.config.hook {
        let last = site.desk.store.deliveries(&door(&hook.name), 1, None).await?.pop();
        sources.push(json!({ "name": hook.name, "preset": preset_name(hook), "last": last.map(|last| shown(&last)) }));
    }
    site.pages.render("hooks.html", json!({ "frame": super::frame(&site, &session, "hooks"), "sources": sources }))
}

#[derive(Debug, Default, Deserialize)]
struct Wanted {
    before: Option<String>,
}

async fn log(
    State(site): State<Arc<Site>>,
    SignedIn(session): SignedIn,
    Path(name): Path<String>,
    wanted: Result<Query<Wanted>, Problem>,
) -> Result<Html<String>, Problem> {
    let (Query(wanted), door) = (wanted?, door_of(&site.desk, &name)?);
    let mut found = site.desk.store.deliveries(&door, PAGE + 1, wanted.before.as_deref()).await?;
    let more = crate::web::cut(&mut found, PAGE);
    let next = found.last().filter(|_| more).map(|last| last.id.clone());
    let deliveries: Vec<Value> = found.iter().map(shown).collect();
    let frame = super::frame(&site, &session, "hooks");
    site.pages.render("hooks.html", json!({ "frame": frame, "source": name, "deliveries": deliveries, "next": next }))
}

/// A delivery with its time, and whether it can be taken in again.
fn shown(delivery: &Delivery) -> Value {
    let mut shown = json!(delivery);
    shown["at"] = delivery.at.into();
    let kept = delivery.accepted || delivery.bytes > 0;
    let settled = !delivery.accepted || delivery.outcome.is_some();
    shown["again"] = (kept && settled && delivery.ticket.is_none()).into();
    shown
}

#[derive(Debug, Deserialize)]
struct Nothing {}

async fn replay(
    State(site): State<Arc<Site>>,
    Path((name, id)): Path<(String, String)>,
    Act { agent, form: Nothing {} }: Act<Nothing>,
) -> Result<Redirect, Problem> {
    let door = door_of(&site.desk, &name)?;
    site.desk.redeliver(&door, &id, &format!("agent:{agent}"), now()).await?;
    Ok(Redirect::to(&format!("/desk/hooks/{name}")))
}
