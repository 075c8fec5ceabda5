//! A webhook's post, once it is believed: a request, a mail, a challenge, or nothing of ours.
//!
//! Promises: what is handed on can be read as a request, or it is told here what is wrong with it, place by place; nothing
//! is stored. Who sent it is the door's business.

use std::time::Duration;

use sha2::{Digest, Sha256};

use super::fetch::Guard;
use super::hooks::HookSource;
use super::problem::{Place, Problem};
use super::read::{self, CONTENT_TYPE, Reading};
use super::{Desk, cores, hooks, place};
use crate::request::hook::body::{self, Closed, Shape};
use crate::request::hook::{self, FieldFault};
use crate::request::{Authentication, Request, mail, submitted};
use crate::store::submissions::{Envelope, Kind, New, Submission};
use crate::triage::{self, Triage};

/// The media types that are read.
pub const MEDIA_TYPES: &str =
    "application/json, application/x-www-form-urlencoded, multipart/form-data or message/rfc822";
/// The longest key; a longer one is hashed.
const LONGEST_KEY: usize = 255;

/// A post that is believed.
#[derive(Debug)]
pub struct Believed<'a> {
    /// The door: `hook:NAME`.
    pub door: &'a str,
    /// Its `Content-Type`.
    pub content_type: &'a str,
    /// The body as it came.
    pub raw: Vec<u8>,
    /// The delivery's id, as the door found it.
    pub id: Option<String>,
    /// Unix milliseconds.
    pub at: i64,
}

/// What a post is.
#[derive(Debug)]
pub enum Post {
    /// To be stored.
    Request(Box<New>),
    /// To be answered with these words.
    Challenge(String),
    /// To be answered once this address was visited.
    Visit(String),
    /// No request, and why.
    Ignored(String),
}

/// Finds out what a post is.
pub fn read(source: &HookSource, post: Believed<'_>) -> Result<Post, Problem> {
    let Believed { door, content_type, raw, id, at } = post;
    let key = |mapped: Option<String>, content: &[u8]| match id.clone().or(mapped).filter(|key| !key.is_empty()) {
        Some(key) if key.len() <= LONGEST_KEY => key,
        Some(key) => format!("sha256:{}", hex::encode(Sha256::digest(key))),
        // The same words again are the same post, where the vendor has no better way to say so.
        None => format!("sha256:{}", hex::encode(Sha256::digest(content))),
    };
    let new = |key: String, kind, raw, envelope| {
        let (source, source_key) = (door.to_owned(), Some(key));
        Ok(Post::Request(Box::new(New { source, source_key, kind, raw, envelope, answerable: true, received_at: at })))
    };
    // What a mail's own headers say of its sender nobody on this way has verified.
    let unproven = Envelope { authentication: Some(Authentication::default()), ..Envelope::default() };
    if body::shape(content_type) == Some(Shape::Mail) {
        return new(key(None, &raw), Kind::Mail, raw, unproven);
    }
    let opened = source.open(content_type, &raw).map_err(|closed| match closed {
        Closed::MediaType => Problem::MediaType(MEDIA_TYPES),
        Closed::Fault(fault) => invalid(vec![fault]),
    })?;
    if let Some(words) = source.preset.challenged(&opened.value) {
        return Ok(Post::Challenge(words));
    }
    if let Some(visit) = source.preset.to_visit(&opened.value) {
        return visit.map(Post::Visit).map_err(|fault| invalid(vec![fault]));
    }
    if let Some(because) = source.preset.ignores(&opened.value) {
        return Ok(Post::Ignored(because.to_owned()));
    }
    let mapped = hook::key(&opened, &source.map);
    if source.map.carries_mail() {
        let carried = hook::mail::carried(&opened, &source.map).map_err(invalid)?;
        // Of the mail: a form in parts has another boundary each time.
        let key = key(mapped, &carried.raw);
        return new(key, Kind::Mail, carried.raw, Envelope { to: carried.to, ..unproven });
    }
    hook::read(&opened, &source.map).map_err(invalid)?;
    let headers = [(CONTENT_TYPE.to_owned(), content_type.to_owned())].into();
    new(key(mapped, &raw), Kind::Hook, raw, Envelope { headers, ..Envelope::default() })
}

/// Faults of a body's fields, as an answer.
pub fn invalid(faults: Vec<FieldFault>) -> Problem {
    Problem::Invalid(faults.into_iter().map(|fault| Place { pointer: fault.pointer, detail: fault.message }).collect())
}

/// What would become of a post.
#[derive(Debug)]
pub struct Rehearsed {
    /// What was understood; `None`: it would be quarantined.
    pub request: Option<Request>,
    /// The judgement over it.
    pub triage: Option<Triage>,
    /// Why it would be quarantined.
    pub because: Option<String>,
    /// Its key was posted before.
    pub known: bool,
    /// The ticket that it would be appended to.
    pub ticket: Option<i64>,
}

/// What a vendor's confirmation may take.
const VISIT: Duration = Duration::from_secs(8);

impl Desk {
    /// Visits the address that a vendor wants visited before it sends anything.
    pub async fn visit(&self, url: &str) -> Result<(), Problem> {
        let guard = Guard::new(&self.config.egress.allow);
        let answer = guard.send(url, axum::http::Request::new(vec![]), 1 << 16, VISIT).await;
        match answer {
            Ok(answer) if answer.status.is_success() => return Ok(()),
            Ok(answer) => tracing::warn!(status = answer.status.as_u16(), "a webhook could not be confirmed"),
            Err(error) => tracing::warn!(%error, "a webhook could not be confirmed"),
        }
        Err(Problem::Unavailable(60))
    }

    /// Goes the way of a submission up to its judgement, and stores nothing.
    pub async fn rehearse(&self, new: New) -> Result<Rehearsed, Problem> {
        let keys: Vec<String> = new.source_key.iter().cloned().collect();
        let known = !self.store.keys_known(&new.source, &keys).await?.is_empty();
        let sources = self.sources.load_full();
        let submission = new.claimed("");
        // Reading and judging take milliseconds of a core: not on a thread that serves others.
        let (setting, hooks) = (sources.setting.clone(), sources.hooks.clone());
        let reading = cores::run(move || read::read(&submission, &setting, &hooks));
        let refused = |because| Rehearsed { request: None, triage: None, because: Some(because), known, ticket: None };
        let request = match reading.await.map_err(|_| Problem::Internal)? {
            Reading::Request(request, _) => request,
            Reading::Refused(because) => return Ok(refused(because)),
            Reading::Failed(_) => return Ok(refused("the reader fails on it".into())),
        };
        let thread = place::thread(&request).into_iter().collect::<Vec<_>>();
        let ticket = self.store.threads(&thread).await?.into_values().next();
        let before = match ticket {
            Some(id) => self.store.ticket(id).await?.map(|ticket| ticket.known()),
            None => None,
        };
        let judging = cores::run(move || {
            let mut request = request;
            request.oddities.extend(sources.rules.unknown_values(&request));
            let triage = triage::triage(&request, &sources.directory, &sources.rules, before.as_ref());
            (request, triage)
        });
        let (request, triage) = judging.await.map_err(|_| Problem::Internal)?;
        Ok(Rehearsed { request: Some(*request), triage: Some(triage), because: None, known, ticket })
    }

    /// The bytes of an attachment of a submission, by its place in the request's list; `None`: there is none, or it is behind
    /// a URL.
    pub fn attachment(&self, submission: &Submission, index: usize) -> Option<Vec<u8>> {
        if submission.kind == Kind::Mail {
            return mail::attachment(&submission.raw, index);
        }
        if submission.source == submitted::SOURCE {
            return submitted::file(&submission.raw, index);
        }
        let content_type = submission.envelope.headers.get(CONTENT_TYPE)?;
        self.hook_source(&submission.source)?.attachment(content_type, &submission.raw, index)
    }
}

/// The door of a source that the settings name.
pub fn door_of(desk: &Desk, name: &str) -> Result<String, Problem> {
    let door = hooks::door(name);
    if desk.hook_source(&door).is_some() { Ok(door) } else { Err(Problem::no("webhook source")) }
}
