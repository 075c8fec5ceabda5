//! `/v1/quarantine`: what could not be read, and what was set aside as automated or turned away: listed, shown, settled once
//! more, made a ticket of or dropped. Who did so is kept.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json as Answer, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::console::files::download;
use super::session::ApiAgent;
use super::{Site, now, time};
use crate::desk::problem::{Path, Problem, Query};
use crate::desk::quarantine::{Glanced, glance, glance_at};
use crate::store::quarantine::{Again, ENDS};
use crate::store::submissions::{Kind, Outcome, Submission};

/// Submissions on a page unless `limit` says otherwise.
const PAGE: i64 = 50;
/// At most.
const LARGEST_PAGE: i64 = 200;
/// Why something was dropped, when nobody says.
pub const DROPPED: &str = "dropped from quarantine";

/// The routes.
pub fn router() -> Router<Arc<Site>> {
    Router::new()
        .route("/v1/quarantine", get(list))
        .route("/v1/quarantine/{id}", get(one))
        .route("/v1/quarantine/{id}/raw", get(raw))
        .route("/v1/quarantine/{id}/replay", post(replay))
        .route("/v1/quarantine/{id}/ticket", post(ticket))
        .route("/v1/quarantine/{id}/drop", post(discard))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Wanted {
    /// How they ended: quarantined, unless it says otherwise.
    outcome: Option<Outcome>,
    limit: Option<i64>,
    /// The `next` of the page before.
    cursor: Option<String>,
}

async fn list(
    State(site): State<Arc<Site>>,
    ApiAgent(_): ApiAgent,
    Query(wanted): Query<Wanted>,
) -> Result<Answer<Value>, Problem> {
    let page = super::page(wanted.limit, (PAGE, LARGEST_PAGE))?;
    let store = &site.desk.store;
    let outcome = listable(wanted.outcome)?;
    let mut found = store.list_submissions(outcome, page + 1, wanted.cursor.as_deref()).await?;
    let more = super::cut(&mut found, page);
    let next = found.last().filter(|_| more).map(|last| last.id.clone());
    let found = glance_at(store, found).await?;
    let listed = found.iter().map(|Glanced { listed: kept, from, subject }| {
        json!({
            "id": kept.id, "outcome": outcome, "source": kept.source, "received_at": time(kept.received_at),
            "attempts": kept.attempts, "because": kept.because, "bytes": kept.bytes, "from": from, "subject": subject,
        })
    });
    Ok(Answer(json!({ "submissions": listed.collect::<Vec<_>>(), "next": next })))
}

/// How those end that are to be listed.
pub fn listable(wanted: Option<Outcome>) -> Result<Outcome, Problem> {
    let outcome = wanted.unwrap_or(Outcome::Quarantined);
    let known = || Problem::Malformed("the outcome is quarantined, automated or rejected".into());
    ENDS.contains(&outcome).then_some(outcome).ok_or_else(known)
}

/// The one that is meant; what is on a ticket is none of it.
async fn kept(site: &Site, id: &str) -> Result<Submission, Problem> {
    let found = site.desk.store.submission(id).await?;
    let found = found.filter(|submission| submission.outcome.is_some_and(|outcome| ENDS.contains(&outcome)));
    found.ok_or_else(|| Problem::no("submission in quarantine or set aside"))
}

async fn one(
    State(site): State<Arc<Site>>,
    ApiAgent(_): ApiAgent,
    Path(id): Path<String>,
) -> Result<Answer<Value>, Problem> {
    let kept = kept(&site, &id).await?;
    Ok(Answer(json!({
        "id": kept.id, "outcome": kept.outcome, "source": kept.source, "source_key": kept.source_key, "kind": kept.kind,
        "received_at": time(kept.received_at), "quarantined_at": kept.settled_at.map(time), "attempts": kept.attempts,
        "because": kept.because, "bytes": kept.raw.len(), "envelope": { "from": kept.envelope.from, "to": kept.envelope.to },
        "headers": glance(kept.kind, &kept.raw),
    })))
}

async fn raw(
    State(site): State<Arc<Site>>,
    ApiAgent(_): ApiAgent,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let kept = kept(&site, &id).await?;
    let end = if kept.kind == Kind::Mail { "eml" } else { "json" };
    Ok(download(&format!("{id}.{end}"), kept.raw))
}

async fn replay(
    State(site): State<Arc<Site>>,
    ApiAgent(agent): ApiAgent,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    again(&site, &id, Again::Anew, &agent).await?;
    Ok(StatusCode::ACCEPTED)
}

async fn ticket(
    State(site): State<Arc<Site>>,
    ApiAgent(agent): ApiAgent,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    again(&site, &id, Again::AsAPersons, &agent).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Hands it to the workers once more.
pub async fn again(site: &Site, id: &str, how: Again, agent: &str) -> Result<(), Problem> {
    site.desk.store.replay_submission(id, how, &format!("agent:{agent}"), now()).await?;
    site.desk.wake.notify_one();
    Ok(())
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Because {
    because: Option<String>,
}

async fn discard(
    State(site): State<Arc<Site>>,
    ApiAgent(agent): ApiAgent,
    Path(id): Path<String>,
    Query(Because { because }): Query<Because>,
) -> Result<StatusCode, Problem> {
    let because = because.as_deref().unwrap_or(DROPPED);
    site.desk.store.reject_submission(&id, because, &format!("agent:{agent}"), now()).await?;
    Ok(StatusCode::NO_CONTENT)
}
