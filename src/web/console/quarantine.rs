//! The quarantine: what came in and could not be read, with the reason and the raw bytes; settled once more, or dropped.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::{Html, Redirect};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::json;

use crate::desk::problem::{Path, Problem, Query};
use crate::store::submissions::Outcome;
use crate::web::session::{Act, SignedIn};
use crate::web::{Site, now, quarantine};

/// Submissions on a page.
const PAGE: i64 = 50;

/// The routes.
pub fn router() -> Router<Arc<Site>> {
    Router::new().route("/desk/quarantine", get(page)).route("/desk/quarantine/{id}", post(decide))
}

#[derive(Debug, Default, Deserialize)]
struct Wanted {
    before: Option<String>,
}

async fn page(
    State(site): State<Arc<Site>>,
    SignedIn(session): SignedIn,
    wanted: Result<Query<Wanted>, Problem>,
) -> Result<Html<String>, Problem> {
    let Query(wanted) = wanted?;
    let store = &site.desk.store;
    let mut submissions = store.list_submissions(Outcome::Quarantined, PAGE + 1, wanted.before.as_deref()).await?;
    let more = crate::web::cut(&mut submissions, PAGE);
    let next = submissions.last().filter(|_| more).map(|last| last.id.clone());
    site.pages.render(
        "quarantine.html",
        json!({ "frame": super::frame(&site, &session, "quarantine"), "submissions": submissions, "next": next}),
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
        "replay" => quarantine::again(&site, &id, &agent).await?,
        "drop" => {
            let actor = format!("agent:{agent}");
            site.desk.store.reject_submission(&id, quarantine::DROPPED, &actor, now()).await?;
        }
        _ => return Err(Problem::Malformed("the decision is replay or drop".into())),
    }
    Ok(Redirect::to("/desk/quarantine"))
}
