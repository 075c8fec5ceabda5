//! The quarantine: what came in and could not be read, with the reason and the raw bytes.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::Html;
use axum::routing::get;
use serde::Deserialize;
use serde_json::json;

use crate::desk::problem::{Problem, Query};
use crate::store::submissions::Outcome;
use crate::web::Site;
use crate::web::session::SignedIn;

/// Submissions on a page.
const PAGE: i64 = 50;

/// The routes.
pub fn router() -> Router<Arc<Site>> {
    Router::new().route("/desk/quarantine", get(page))
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
    let more = submissions.len() as i64 > PAGE;
    submissions.truncate(PAGE as usize);
    let next = submissions.last().filter(|_| more).map(|last| last.id.clone());
    site.pages.render(
        "quarantine.html",
        json!({ "frame": super::frame(&site, &session, "quarantine"), "submissions": submissions, "next": next}),
    )
}
