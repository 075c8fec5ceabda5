//! The webhook door: `POST /v1/hooks/{source}`, signed and idempotent, and `GET /v1/submissions/{id}` for what became
//! of it.
//!
//! Answers 2xx only after the submission is durable. The same `webhook-id` with the same body is the same submission,
//! however often and however parallel it comes; with another body it is refused. Nothing is stored that was not
//! signed, or that the desk could not read as a request.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::signature::{self, Doubt, Secret};
use crate::config::fault::Fault;
use crate::config::settings::{Config, Hook};
use crate::desk::problem::{Body, Path, Place, Problem, Query};
use crate::desk::{Desk, sources};
use crate::request::hook::{self, HookMap};
use crate::store::submissions::{Envelope, Kind, New, Outcome, Submission};

/// The longest that `?wait=` holds a request.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Tells a partner that this answer was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// One partner system.
#[derive(Debug)]
struct Source {
    secrets: Vec<Secret>,
    tolerance_secs: u64,
    map: HookMap,
}

type Sources = HashMap<String, Source>;

/// The webhook sources of the settings, with their secrets.
#[derive(Debug)]
pub struct Hooks(ArcSwap<Sources>);

impl Hooks {
    /// Reads the secrets and maps of all sources; all faults at once.
    pub fn open(config: &Config) -> Result<Arc<Hooks>, Vec<Fault>> {
        Ok(Arc::new(Hooks(ArcSwap::from_pointee(load(config)?))))
    }

    /// Reads the secrets again, for a rotation without a restart; at a fault the old ones stay.
    pub fn reload(&self, config: &Config) -> Result<(), Vec<Fault>> {
        self.0.store(Arc::new(load(config)?));
        Ok(())
    }
}

fn load(config: &Config) -> Result<Sources, Vec<Fault>> {
    let mut faults = vec![];
    let mut sources = Sources::new();
    for hook in &config.hook {
        match load_one(hook) {
            Ok(source) => {
                sources.insert(hook.name.clone(), source);
            }
            Err(fault) => faults.push(fault),
        }
    }
    if faults.is_empty() { Ok(sources) } else { Err(faults) }
}

fn load_one(hook: &Hook) -> Result<Source, Fault> {
    let fault = |file: String, message: String, remedy: &str| Fault { file, line: 0, message, remedy: remedy.into() };
    let mut secrets = vec![];
    for path in &hook.secret_files {
        let file = path.display().to_string();
        let text = crate::config::secret::read_line(path).map_err(|error| {
            fault(
                file.clone(),
                format!("the secret of hook `{}` cannot be read: {error}", hook.name),
                "create the file",
            )
        })?;
        secrets.push(Secret::parse(&text).map_err(|why| {
            fault(file, format!("the secret of hook `{}` {why}", hook.name), "make one with `openssl rand -base64 32`")
        })?);
    }
    if secrets.is_empty() {
        let message = format!("hook `{}` has no secret", hook.name);
        return Err(fault("deskclerk.toml".into(), message, "name a file in secret_files"));
    }
    let map = sources::hook_map(hook).map_err(|why| {
        fault("[[hook]]".into(), format!("the map of hook `{}`: {why}", hook.name), sources::MAP_KEYS)
    })?;
    Ok(Source { secrets, tolerance_secs: hook.tolerance_secs, map })
}

#[derive(Clone)]
struct Door {
    desk: Arc<Desk>,
    hooks: Arc<Hooks>,
}

/// The door's routes.
pub fn router(desk: Arc<Desk>, hooks: Arc<Hooks>) -> Router {
    Router::new()
        .route("/v1/hooks/{source}", post(receive))
        .route("/v1/submissions/{id}", get(status))
        .with_state(Door { desk, hooks })
}

async fn receive(
    State(door): State<Door>,
    Path(name): Path<String>,
    Query(wait): Query<Wait>,
    headers: HeaderMap,
    Body(body): Body,
) -> Result<Response, Problem> {
    let sources = door.hooks.0.load();
    let source = sources.get(&name).ok_or_else(|| Problem::no("webhook source"))?;
    let wait = wait.duration()?;
    let now = now_ms();
    let id =
        signature::verify(&headers, &body, &source.secrets, now / 1000, source.tolerance_secs).map_err(|doubt| {
            match doubt {
                Doubt::Id => Problem::Malformed(doubt.to_string()),
                doubt => Problem::Unsigned(doubt.to_string()),
            }
        })?;
    let value = json(&headers, &body)?;
    hook::from_json(&value, &source.map).map_err(places)?;
    let new = New {
        source: format!("hook:{name}"),
        source_key: Some(id.to_owned()),
        kind: Kind::Hook,
        raw: body.to_vec(),
        envelope: Envelope::default(),
        answerable: true,
        received_at: now,
    };
    submit(&door.desk, new, wait).await
}

/// Stores a post and answers: 202 for a new one, 200 for one that is known, 409 for a known key with another body.
pub(super) async fn submit(desk: &Desk, new: New, wait: Duration) -> Result<Response, Problem> {
    let submitted = desk.accept(new).await?;
    if submitted.known && !submitted.same_content {
        return Err(Problem::Conflict("this id was used before with another body; send a new id".into()));
    }
    let wait = Some(wait).filter(|wait| !wait.is_zero());
    let answer = answer(desk, &submitted.id, wait).await?;
    let location = [(header::LOCATION, answer.status_url.clone())];
    Ok(match submitted.known {
        true => (StatusCode::OK, [(REPLAYED, "true")], location, axum::Json(answer)).into_response(),
        false => (StatusCode::ACCEPTED, location, axum::Json(answer)).into_response(),
    })
}

async fn status(
    State(door): State<Door>,
    Path(id): Path<String>,
    Query(wait): Query<Wait>,
) -> Result<axum::Json<Answer>, Problem> {
    let wait = wait.duration()?;
    uuid::Uuid::try_parse(&id).map_err(|_| Problem::no("submission"))?;
    if door.desk.store.submission(&id).await?.is_none() {
        return Err(Problem::no("submission"));
    }
    Ok(axum::Json(answer(&door.desk, &id, Some(wait)).await?))
}

/// What a partner is told of a submission. No words of the customer, no names of campaigns: whoever holds the
/// address may read it.
#[derive(Debug, Serialize)]
struct Answer {
    submission: String,
    status_url: String,
    /// `null`: not settled yet.
    outcome: Option<Outcome>,
    #[serde(flatten)]
    ticket: Option<Judged>,
}

#[derive(Debug, Serialize)]
struct Judged {
    ticket: i64,
    status: String,
    campaign: Campaign,
    topic: String,
    missing: Vec<String>,
    priority: String,
    route: String,
}

#[derive(Debug, Serialize)]
struct Campaign {
    status: String,
    id: Option<String>,
}

/// `wait`: how long to look for the end of it; `None`: not at all.
async fn answer(desk: &Desk, id: &str, wait: Option<Duration>) -> Result<Answer, Problem> {
    let mut answer = Answer {
        submission: id.to_owned(),
        status_url: format!("{}/v1/submissions/{id}", desk.config.desk.public_url),
        outcome: None,
        ticket: None,
    };
    let Some(wait) = wait else { return Ok(answer) };
    let Some(settled) = settled(desk, id, wait).await? else { return Ok(answer) };
    answer.outcome = settled.outcome;
    if let Some(ticket_id) = settled.ticket_id
        && let Some(ticket) = desk.store.ticket(ticket_id).await?
    {
        answer.ticket = Some(Judged {
            ticket: ticket_id,
            status: ticket.status.as_str().to_owned(),
            campaign: Campaign { status: word(&ticket.campaign_status), id: ticket.campaign_id },
            topic: ticket.topic,
            missing: ticket.missing,
            priority: ticket.priority,
            route: ticket.route,
        });
    }
    Ok(answer)
}

fn word(value: &impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

/// The submission once it is settled, or `None` when that takes longer than `wait`.
async fn settled(desk: &Desk, id: &str, wait: Duration) -> Result<Option<Submission>, Problem> {
    let until = Instant::now() + wait;
    let mut pause = Duration::from_millis(5);
    loop {
        if let Some(submission) = desk.store.submission(id).await?
            && submission.outcome.is_some()
        {
            return Ok(Some(submission));
        }
        if Instant::now() + pause > until {
            return Ok(None);
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(100));
    }
}

/// `?wait=2s`: how long to wait for the triage.
#[derive(Debug, Deserialize)]
pub(super) struct Wait {
    wait: Option<String>,
}

impl Wait {
    pub(super) fn duration(&self) -> Result<Duration, Problem> {
        let Some(text) = self.wait.as_deref() else { return Ok(Duration::ZERO) };
        let secs = text.strip_suffix('s').unwrap_or(text).parse::<f64>().ok();
        secs.and_then(|secs| Duration::try_from_secs_f64(secs).ok())
            .map(|wait| wait.min(LONGEST_WAIT))
            .ok_or_else(|| Problem::Malformed("wait is a number of seconds, such as wait=2s".into()))
    }
}

/// The body as JSON. serde_json refuses nesting deeper than 128, NaN and lone surrogates.
pub(super) fn json(headers: &HeaderMap, body: &[u8]) -> Result<serde_json::Value, Problem> {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if essence != "application/json" && !(essence.starts_with("application/") && essence.ends_with("+json")) {
        return Err(Problem::MediaType("application/json"));
    }
    serde_json::from_slice(body).map_err(|error| Problem::at("", format!("is no JSON: {error}")))
}

pub(super) fn places(faults: Vec<hook::FieldFault>) -> Problem {
    Problem::Invalid(faults.into_iter().map(|fault| Place { pointer: fault.pointer, detail: fault.message }).collect())
}

pub(super) fn now_ms() -> i64 {
    crate::desk::unix_ms()
}
