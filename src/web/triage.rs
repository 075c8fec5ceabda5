//! `POST /v1/triage`: the judgement over a mail or a webhook body, without storing anything.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::Value;

use super::Site;
use super::session::ApiAgent;
use crate::desk::contract;
use crate::desk::problem::{Body, Place, Problem};
use crate::desk::sources;
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
    let judged = tokio::task::spawn_blocking(move || {
        let request = read(&headers, &body, &setting)?;
        let triage = crate::triage::triage(&request, &directory, &rules, None);
        Ok(contract::judgement("api", &request, &triage, None))
    });
    judged.await.map_err(|_| Problem::Internal)?.map(Json)
}

fn read(headers: &HeaderMap, body: &[u8], setting: &Setting) -> Result<Request, Problem> {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match media_type.split(';').next().unwrap_or_default().trim() {
        "message/rfc822" => mail::read(body, setting).map_err(|refusal| Problem::at("", refusal.reason)),
        "application/json" => {
            let value =
                serde_json::from_slice(body).map_err(|error| Problem::at("", format!("is no JSON: {error}")))?;
            hook::from_json(&value, HookMap::generic()).map_err(|faults| {
                let place = |fault: hook::FieldFault| Place { pointer: fault.pointer, detail: fault.message };
                Problem::Invalid(faults.into_iter().map(place).collect())
            })
        }
        _ => Err(Problem::MediaType("message/rfc822 or application/json")),
    }
}
