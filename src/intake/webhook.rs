//! The webhook door: `POST /v1/hooks/{source}`, signed and idempotent, and `GET /v1/submissions/{id}` for what became
//! of it.
//!
//! Answers 2xx only after the submission is durable. The same delivery id with the same body is the same submission,
//! however often and however parallel it comes; with another body it is refused. Nothing becomes a submission that was not
//! verified (`partners`, `signature`), or that the desk could not read as a request (`desk::post`); what was refused stands
//! in the source's log, with its body only if it was verified. `rehearsal` tells beforehand.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::partners::{self, Partner};
use super::rehearsal;
use super::signature::scheme::Scheme;
use super::signature::{self, Doubt};
use crate::desk::Desk;
use crate::desk::hooks::HookSource;
use crate::desk::limit::Limit;
use crate::desk::post::{self, Believed, Post};
use crate::desk::problem::{self, Path, Problem, Query, Whole};
use crate::desk::read::guarded;
use crate::request::{hook, submitted};
use crate::store::deliveries::Refusal;
use crate::store::submissions::{New, Outcome, Submission};

pub use super::partners::Hooks;

/// Posts of one client in a minute that are told why they are not believed.
const DOUBTED_PER_MINUTE: u32 = 120;
/// Rehearsals of one client in a minute.
const REHEARSED_PER_MINUTE: u32 = 60;
/// Refusals of one source in a minute that are written down.
const NOTED_PER_MINUTE: u32 = 60;
/// Bytes of a refused body that are kept.
const NOTED_BYTES: usize = 1 << 20;
/// From so many bytes on reading a body takes long enough to keep others waiting.
const LARGE: usize = 256 << 10;
/// The longest that `?wait=` holds a request.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Tells a partner that this answer was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

#[derive(Clone)]
pub(super) struct Door {
    pub(super) desk: Arc<Desk>,
    pub(super) hooks: Arc<Hooks>,
    /// Posts that are not believed, by client.
    doubted: Arc<Limit>,
    /// Rehearsals, by client.
    pub(super) rehearsed: Arc<Limit>,
    /// Refusals that are written down.
    noted: Arc<DefaultKeyedRateLimiter<String>>,
}

/// The door's routes.
pub fn router(desk: Arc<Desk>, hooks: Arc<Hooks>) -> Router {
    let noted = Quota::per_minute(NonZeroU32::new(NOTED_PER_MINUTE).unwrap_or(NonZeroU32::MIN));
    let door = Door {
        desk,
        hooks,
        doubted: Arc::new(Limit::per_minute(DOUBTED_PER_MINUTE)),
        rehearsed: Arc::new(Limit::per_minute(REHEARSED_PER_MINUTE)),
        noted: Arc::new(RateLimiter::keyed(noted)),
    };
    Router::new()
        .route("/v1/hooks/{source}", post(receive))
        .route("/v1/hooks/{source}/test", post(rehearsal::rehearse))
        .route("/v1/submissions/{id}", get(status))
        .with_state(door)
}

async fn receive(
    State(door): State<Door>,
    Path(name): Path<String>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Query(wait): Query<Wait>,
    Whole { uri, headers, body }: Whole,
) -> Result<Response, Problem> {
    let partner = door.hooks.get(&name)?;
    let wait = wait.duration()?;
    let now = now_ms();
    let url = partners::url(&door.desk, uri.path_and_query().map_or("", |path| path.as_str()));
    let post = signature::Post { headers: &headers, body: &body, url: &url, peer: peer.ip() };
    let id = match partner.verify(&door.desk, &post, now / 1000).await {
        Ok(id) => id,
        Err(doubt) => {
            // Whoever guesses is slowed down; those who are believed are counted for themselves.
            let refused = door.doubted.count(peer, &headers).err().unwrap_or_else(|| unbelieved(&partner, &doubt));
            door.note(&partner.door, &headers, None, None, &refused, now).await;
            return Ok(challenging(&partner, refused));
        }
    };
    partner.count()?;
    let source = door.desk.hook_source(&partner.door).ok_or_else(|| Problem::no("webhook source"))?;
    let content_type = content_type(&headers).to_owned();
    let believed =
        Believed { door: &partner.door, content_type: &content_type, raw: body.to_vec(), id: id.clone(), at: now };
    let refused = match read_post(&source, believed).await {
        Ok(Post::Request(new)) => match submit(&door.desk, *new, wait).await {
            Ok(answer) => return Ok(answer),
            Err(refused) => refused,
        },
        Ok(Post::Challenge(words)) => return Ok(words.into_response()),
        Ok(Post::Visit(url)) => match door.desk.visit(&url).await {
            Ok(()) => return Ok(axum::Json(serde_json::json!({ "confirmed": true })).into_response()),
            Err(refused) => refused,
        },
        Ok(Post::Ignored(because)) => return Ok(axum::Json(serde_json::json!({ "ignored": because })).into_response()),
        Err(refused) => refused,
    };
    door.note(&partner.door, &headers, id, Some(&body), &refused, now).await;
    Err(refused)
}

/// Reads a post; a large one off the threads that serve others.
pub(super) async fn read_post(source: &Arc<HookSource>, believed: Believed<'_>) -> Result<Post, Problem> {
    if believed.raw.len() < LARGE {
        return guarded(|| post::read(source, believed)).unwrap_or(Err(Problem::Internal));
    }
    let (source, door, content_type) = (source.clone(), believed.door.to_owned(), believed.content_type.to_owned());
    let Believed { raw, id, at, .. } = believed;
    let reading = tokio::task::spawn_blocking(move || {
        post::read(&source, Believed { door: &door, content_type: &content_type, raw, id, at })
    });
    reading.await.unwrap_or(Err(Problem::Internal))
}

fn unbelieved(partner: &Partner, doubt: &Doubt) -> Problem {
    match doubt {
        Doubt::Id => Problem::Malformed(doubt.to_string()),
        // The vendor sends it again, and by then it may be there.
        Doubt::Certificate(_) => Problem::Unavailable(60),
        doubt if partner.verifier.scheme() == Scheme::Bearer => Problem::Unauthorized(doubt.to_string()),
        doubt => Problem::Unsigned(doubt.to_string()),
    }
}

/// The answer to a post that is not believed. Some vendors send user and password only once they are asked (RFC 7617 §2).
fn challenging(partner: &Partner, refused: Problem) -> Response {
    let asks = partner.verifier.scheme() == Scheme::Basic && refused.status() == StatusCode::UNAUTHORIZED;
    let mut response = refused.into_response();
    if asks {
        let value = HeaderValue::from_static("Basic realm=\"webhooks\", charset=\"UTF-8\"");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, value);
    }
    response
}

impl Door {
    /// Writes a refusal down, for the source's log; of those that come in a flood only some. What passes by itself, the
    /// store's trouble or the source's own limit, is the partner's to send again.
    async fn note(
        &self,
        door: &str,
        headers: &HeaderMap,
        key: Option<String>,
        body: Option<&[u8]>,
        refused: &Problem,
        now: i64,
    ) {
        metrics::counter!("deskclerk_hooks_refused_total", "source" => door.to_owned(), "status" => refused.status().as_str().to_owned())
            .increment(1);
        let status = refused.status();
        if status.is_server_error() || self.noted.check_key(&door.to_owned()).is_err() {
            return;
        }
        let places = match refused {
            Problem::Invalid(places) => {
                places.iter().map(|place| format!("{} {}", place.pointer, place.detail)).collect::<Vec<_>>()
            }
            other => vec![other.to_string()],
        };
        let refusal = Refusal {
            id: uuid::Uuid::now_v7().to_string(),
            source: door.to_owned(),
            at: now,
            status: status.as_u16().into(),
            because: places.join("; ").chars().take(1_000).collect(),
            source_key: key,
            content_type: Some(content_type(headers).chars().take(200).collect()),
            // Of those who are believed alone, and not to fill the disk.
            body: body.filter(|body| body.len() <= NOTED_BYTES).map(<[u8]>::to_vec),
        };
        if let Err(error) = self.desk.store.refuse(refusal).await {
            tracing::warn!(%error, "a refused post could not be written down");
        }
    }
}

pub(super) fn content_type(headers: &HeaderMap) -> &str {
    headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default()
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
    if door.desk.store.standing(&id).await?.is_none() {
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
    ticket: Option<Told>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Told {
    /// Of what a stranger handed in by the form: whether a Campaign ID is known would tell him of other accounts.
    Number {
        ticket: i64,
    },
    Judged(Judged),
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
    if settled.source == submitted::SOURCE {
        answer.ticket = settled.ticket_id.map(|ticket| Told::Number { ticket });
    } else if let Some(ticket_id) = settled.ticket_id
        && let Some(ticket) = desk.store.ticket(ticket_id).await?
    {
        answer.ticket = Some(Told::Judged(Judged {
            ticket: ticket_id,
            status: ticket.status.as_str().to_owned(),
            campaign: Campaign { status: word(&ticket.campaign_status), id: ticket.campaign_id },
            topic: ticket.topic,
            missing: ticket.missing,
            priority: ticket.priority,
            route: ticket.route,
        }));
    }
    Ok(answer)
}

fn word(value: &impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

/// The submission once it is settled, or `None` when that takes longer than `wait`.
pub(super) async fn settled(desk: &Desk, id: &str, wait: Duration) -> Result<Option<Submission>, Problem> {
    let until = Instant::now() + wait;
    let mut pause = Duration::from_millis(5);
    loop {
        if let Some(submission) = desk.store.standing(id).await?
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
        Ok(problem::wait(self.wait.as_deref())?.map_or(Duration::ZERO, |wait| wait.min(LONGEST_WAIT)))
    }
}

/// The body as JSON, read as strictly as a webhook's.
pub(super) fn json(headers: &HeaderMap, body: &[u8]) -> Result<serde_json::Value, Problem> {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if essence != "application/json" && !(essence.starts_with("application/") && essence.ends_with("+json")) {
        return Err(Problem::MediaType("application/json or multipart/form-data"));
    }
    hook::json::parse(body).map_err(|fault| post::invalid(vec![fault]))
}

pub(super) fn now_ms() -> i64 {
    crate::desk::unix_ms()
}
