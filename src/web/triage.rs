//! `POST /v1/triage`: the judgement over a mail or a webhook's body, read by the map without settings, without storing anything.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::Value;

use super::Site;
use super::session::ApiAgent;
use crate::desk::problem::{Body, Problem};
use crate::desk::{contract, cores, post, sources};
use crate::request::hook::body::{self, Closed, Shape};
use crate::request::hook::{self, HookMap};
use crate::request::{Request, Setting, mail};

/// The routes.
pub fn router() -> Router<Arc<Site>> {
    Router::new().route("/v1/triage", post(judge))
}

async fn judge(
    State(site): State<Arc<Site>>,
    ApiAgent(_): ApiAgent,
    headers: HeaderMap,
    Body(body): Body,
) -> Result<Json<Value>, Problem> {
    let agents = site.desk.store.agents().await?.into_iter().map(|agent| agent.address).collect();
    let (rules, directory) = (site.desk.rules(), site.desk.directory());
    let setting = sources::setting(&site.desk.config, &rules, agents);
    // Reading a large mail takes milliseconds of a core: not on a thread that serves others.
    let judged = cores::run(move || {
        let mut request = read(&headers, &body, &setting)?;
        request.oddities.extend(rules.unknown_values(&request));
        let triage = crate::triage::triage(&request, &directory, &rules, None);
        Ok(contract::judgement("api", &request, &triage, None))
    });
    judged.await.map_err(|_| Problem::Internal)?.map(Json)
}

fn read(headers: &HeaderMap, body: &[u8], setting: &Setting) -> Result<Request, Problem> {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if body::shape(media_type) == Some(Shape::Mail) {
        return mail::read(body, setting).map_err(|refusal| Problem::at("", refusal.reason));
    }
    let opened = body::open(media_type, body, &[]).map_err(|closed| match closed {
        Closed::MediaType => Problem::MediaType(post::MEDIA_TYPES),
        Closed::Fault(fault) => post::invalid(vec![fault]),
    })?;
    hook::read(&opened, HookMap::generic()).map_err(post::invalid)
}
