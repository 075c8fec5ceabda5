//! The sandbox: `POST /v1/hooks/{source}/test` tells what would become of a post, and stores nothing.
//!
//! Anybody may try a signature out, and is told why it does not fit, and how the map reads his own words. What the desk
//! knows itself, the judgement over them, is told only to who has signed.

use std::net::SocketAddr;

use axum::Json;
use axum::extract::{ConnectInfo, State};
use serde_json::{Value, json};

use super::partners;
use super::signature;
use super::webhook::{self, Door};
use crate::desk::Desk;
use crate::desk::hooks::HookSource;
use crate::desk::post::{Believed, Post, Rehearsed};
use crate::desk::problem::{Path, Problem, Whole};
use crate::request::Request;
use crate::triage::Triage;

/// The handler.
pub(super) async fn rehearse(
    State(door): State<Door>,
    Path(name): Path<String>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Whole { uri, headers, body }: Whole,
) -> Result<Json<Value>, Problem> {
    door.rehearsed.count(peer, &headers)?;
    let partner = door.hooks.get(&name)?;
    // What the post itself would be sent to is signed, not this.
    let path = uri.path().strip_suffix("/test").unwrap_or_else(|| uri.path());
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let url = partners::url(&door.desk, &format!("{path}{query}"));
    let now = webhook::now_ms();
    let post = signature::Post { headers: &headers, body: &body, url: &url, peer: peer.ip() };
    // Fetches the certificate that the diagnosis needs.
    let _ = partner.verify(&door.desk, &post, now / 1000).await;
    let diagnosis = partner.verifier.diagnose(&post, now / 1000);
    let source = door.desk.hook_source(&partner.door).ok_or_else(|| Problem::no("webhook source"))?;
    let content_type = webhook::content_type(&headers);
    let believed =
        Believed { door: &partner.door, content_type, raw: body.to_vec(), id: diagnosis.id.clone(), at: now };
    let mut told = tell(&door.desk, &source, believed, diagnosis.valid).await?;
    told["signature"] = json!(diagnosis);
    if !diagnosis.valid {
        told["would"] = "refused".into();
        told["status"] = 401.into();
    }
    Ok(Json(told))
}

/// What would become of a post; `judged`: with what the desk makes of it.
pub async fn tell(
    desk: &Desk,
    source: &std::sync::Arc<HookSource>,
    believed: Believed<'_>,
    judged: bool,
) -> Result<Value, Problem> {
    let door = believed.door.to_owned();
    let answer = |would: &str, status: u16| json!({ "source": door, "would": would, "status": status });
    let new = match webhook::read_post(source, believed).await {
        Ok(Post::Request(new)) => new,
        Ok(Post::Challenge(words)) => return Ok(with(answer("challenge", 200), "echo", json!(words))),
        Ok(Post::Visit(_)) => return Ok(answer("confirmation", 200)),
        Ok(Post::Ignored(because)) => return Ok(with(answer("ignored", 200), "because", json!(because))),
        Err(problem) => {
            let refused = with(answer("refused", problem.status().as_u16()), "because", json!(problem.to_string()));
            let places = if let Problem::Invalid(places) = problem { places } else { vec![] };
            return Ok(with(refused, "errors", json!(places)));
        }
    };
    let key = new.source_key.clone();
    let Rehearsed { request, triage, because, known, ticket } = desk.rehearse(*new).await?;
    let (would, status) = match (&request, known) {
        (_, true) if judged => ("duplicate", 200),
        (None, _) => ("quarantined", 202),
        (Some(request), _) if request.automated.is_some() => ("automated", 202),
        _ if ticket.is_some() && judged => ("appended", 202),
        _ => ("ticket", 202),
    };
    let mut told = with(answer(would, status), "key", json!(key));
    told["mapped"] = request.as_ref().map_or(Value::Null, mapped);
    told["triage"] = triage.filter(|_| judged).map_or(Value::Null, |triage| judgement(&triage));
    if let Some(because) = because {
        told["because"] = because.into();
    }
    if let Some(ticket) = ticket.filter(|_| judged) {
        told["ticket"] = ticket.into();
    }
    if !judged {
        told["note"] = "sign the post to see what the desk would make of it".into();
    }
    Ok(told)
}

fn with(mut value: Value, key: &str, member: Value) -> Value {
    value[key] = member;
    value
}

/// The sender's own words, as they were understood.
pub fn mapped(request: &Request) -> Value {
    json!({
        "from": request.from,
        "subject": request.subject,
        "text": request.text,
        "fields": request.fields,
        "attachments": request.attachments,
        "external_id": request.external_id,
        "thread_key": request.thread_key,
        "message_id": request.message_id,
        "automated": request.automated,
        "oddities": request.oddities,
    })
}

/// What a partner is told of a judgement: no names of campaigns.
pub fn judgement(triage: &Triage) -> Value {
    json!({
        "campaign": { "status": triage.campaign.status, "id": triage.campaign.id },
        "topic": triage.topic.id,
        "missing": triage.missing,
        "priority": triage.priority,
        "route": triage.route,
        "flags": triage.flags,
        "action": triage.action,
    })
}
