//! The door by which another help desk says that one of our tickets changed there: `POST /v1/connectors/{name}`.
//!
//! What it says is only a hint: nothing of the body is believed but the ticket's id, and the desk then reads the ticket by its
//! own credentials. Whoever knows the secret can at most make it look.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::post;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};
use subtle::ConstantTimeEq;

use crate::config::secret;
use crate::desk::Desk;
use crate::desk::problem::{Path, Problem, Query};

/// Where vendors put the ticket's id: Zendesk's events and triggers, Zammad, Freshdesk's automations, RT's scrips.
const IDS: [&str; 6] = ["/ticket_id", "/ticket/id", "/detail/id", "/freshdesk_webhook/ticket_id", "/id", "/ticket"];

/// The routes.
pub fn router(desk: Arc<Desk>) -> Router {
    Router::new().route("/v1/connectors/{name}", post(hint)).with_state(desk)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    ticket: Option<String>,
}

async fn hint(
    State(desk): State<Arc<Desk>>,
    Path(name): Path<String>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let settings = desk.config.connector.iter().find(|connector| connector.name == name);
    let file = settings.map(|connector| &connector.hook_secret_file).filter(|file| !file.as_os_str().is_empty());
    let file = file.ok_or_else(|| Problem::no("connector"))?;
    let expected = secret::read_line(file).map_err(|error| {
        tracing::error!(connector = name, %error, "its hints cannot be verified");
        Problem::Internal
    })?;
    let fits = |given: String| bool::from(given.as_bytes().ct_eq(expected.as_bytes()));
    if !given(&headers).is_some_and(fits) {
        return Err(Problem::Unauthorized(
            "send the connector's secret as bearer token, or as password of Basic".into(),
        ));
    }
    let said: Value = serde_json::from_slice(&body).unwrap_or_default();
    let id = asked.ticket.or_else(|| IDS.iter().find_map(|pointer| text(said.pointer(pointer)?)));
    let id = id.ok_or_else(|| Problem::Malformed("no ticket's id: put it into ?ticket= or ticket_id".into()))?;
    let known = desk.store.poll_soon(&name, &id).await?;
    if known {
        desk.poll_wake.notify_waiters();
    }
    Ok((StatusCode::ACCEPTED, Json(json!({ "known": known }))))
}

/// The secret of a bearer token (RFC 6750) or of Basic's password (RFC 7617).
fn given(headers: &HeaderMap) -> Option<String> {
    let (scheme, value) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    match scheme.to_ascii_lowercase().as_str() {
        "bearer" => Some(value.trim().to_owned()),
        "basic" => {
            let pair = String::from_utf8(STANDARD.decode(value.trim()).ok()?).ok()?;
            pair.split_once(':').map(|(_, password)| password.to_owned())
        }
        _ => None,
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() && text.len() <= 64 => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
