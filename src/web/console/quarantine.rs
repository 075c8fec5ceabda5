//! The quarantine: what came in and could not be read, and what was set aside as automated, with the reason and the raw bytes;
//! settled once more, made a ticket of, or dropped.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::{Html, Redirect};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::json;

use crate::desk::problem::{Path, Problem, Query};
use crate::desk::quarantine::{Glanced, glance_at};
use crate::store::quarantine::{Again, ENDS};
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
    outcome: Option<Outcome>,
    before: Option<String>,
}

async fn page(
    State(site): State<Arc<Site>>,
    SignedIn(session): SignedIn,
    wanted: Result<Query<Wanted>, Problem>,
) -> Result<Html<String>, Problem> {
    let Query(wanted) = wanted?;
    let store = &site.desk.store;
    let outcome = quarantine::listable(wanted.outcome)?;
    let mut submissions = store.list_submissions(outcome, PAGE + 1, wanted.before.as_deref()).await?;
    let more = crate::web::cut(&mut submissions, PAGE);
    let next = submissions.last().filter(|_| more).map(|last| last.id.clone());
    let glanced = glance_at(store, submissions).await?;
    let shown = glanced
        .iter()
        .map(|Glanced { listed, from, subject }| json!({ "kept": listed, "from": from, "subject": subject }));
    site.pages.render(
        "quarantine.html",
        json!({
            "frame": super::frame(&site, &session, "quarantine"), "outcome": outcome, "outcomes": ENDS,
            "submissions": shown.collect::<Vec<_>>(), "next": next,
        }),
    )
}

#[derive(Debug, Deserialize)]
struct Decision {
    decision: String,
    /// The list that it was taken in.
    #[serde(default)]
    outcome: Option<Outcome>,
}

async fn decide(
    State(site): State<Arc<Site>>,
    Path(id): Path<String>,
    Act { agent, form }: Act<Decision>,
) -> Result<Redirect, Problem> {
    match form.decision.as_str() {
        "replay" => quarantine::again(&site, &id, Again::Anew, &agent).await?,
        "ticket" => quarantine::again(&site, &id, Again::AsAPersons, &agent).await?,
        "drop" => {
            let actor = format!("agent:{agent}");
            site.desk.store.reject_submission(&id, quarantine::DROPPED, &actor, now()).await?;
        }
        _ => return Err(Problem::Malformed("the decision is replay, ticket or drop".into())),
    }
    let outcome = quarantine::listable(form.outcome)?.as_str();
    Ok(Redirect::to(&format!("/desk/quarantine?outcome={outcome}")))
}
