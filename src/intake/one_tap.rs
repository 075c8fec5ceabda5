//! One-tap answers: the page that a link in a question opens, and the answer that its button gives.
//!
//! Promises: looking changes nothing (mail scanners follow links), only the button does; an answer is good once and until
//! its day; it is stored as the mail that the customer would have written, and goes the way of every mail.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base64::Engine as _;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::form::words;
use super::webhook;
use crate::campaigns::Named;
use crate::desk::Desk;
use crate::desk::limit::Limit;
use crate::desk::problem::{Form, Path, Problem};
use crate::reply::page::PageState;
use crate::reply::tap::{self, NO_CAMPAIGN, Tap};
use crate::reply::token;
use crate::rules::ChosenBy;
use crate::store::submissions::{Envelope, Kind, New};
use crate::ticket::Ticket;
use crate::triage::CAMPAIGN_ID;

/// The door's name.
pub const SOURCE: &str = "one-tap";
/// Pages and answers of one client in a minute.
const PER_MINUTE: u32 = 30;

#[derive(Clone)]
struct Door {
    desk: Arc<Desk>,
    limit: Arc<Limit>,
}

/// The door's routes.
pub fn router(desk: Arc<Desk>) -> Router {
    let door = Door { desk, limit: Arc::new(Limit::per_minute(PER_MINUTE)) };
    // What a mail program has cut off after "/answer/" opens a page as well.
    let router = Router::new().route("/answer/{tap}", get(look).post(answer));
    router.route("/answer/", get(cut).post(cut)).route("/answer", get(cut).post(cut)).with_state(door)
}

/// A page that is shown.
#[derive(Debug)]
pub struct Shown {
    /// What it says.
    pub state: PageState,
    /// The page.
    pub html: String,
}

/// What a link is about, once it is believed.
struct Asked {
    tap: Tap,
    ticket: Ticket,
    campaign: Option<Named>,
}

async fn look(
    State(door): State<Door>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    text: Result<Path<String>, Problem>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    door.limit.count(peer, &headers)?;
    let text = text.map_or_else(|_| String::new(), |Path(text)| text);
    let shown = open(&door.desk, &text, &headers, webhook::now_ms()).await?;
    Ok(shown.into_response())
}

async fn cut(
    State(door): State<Door>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    door.limit.count(peer, &headers)?;
    Ok(open(&door.desk, "", &headers, webhook::now_ms()).await?.into_response())
}

#[derive(Debug, Deserialize)]
struct Said {
    answer: String,
}

async fn answer(
    State(door): State<Door>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    text: Result<Path<String>, Problem>,
    headers: HeaderMap,
    said: Result<Form<Said>, Problem>,
) -> Result<Response, Problem> {
    door.limit.count(peer, &headers)?;
    let now = webhook::now_ms();
    let text = text.map_or_else(|_| String::new(), |Path(text)| text);
    // Anything but the button's own form only looks.
    let shown = match said {
        Ok(Form(said)) if said.answer == "yes" => press(&door.desk, &text, &headers, now).await?,
        _ => open(&door.desk, &text, &headers, now).await?,
    };
    Ok(shown.into_response())
}

/// The page behind a link, at this moment. `visitor`: the headers of who looks.
pub async fn open(desk: &Desk, text: &str, visitor: &HeaderMap, now: i64) -> Result<Shown, Problem> {
    let (state, asked) = find(desk, text, now).await?;
    page(desk, state, asked.as_ref(), visitor)
}

/// The page's button: takes the answer in, if it is still good. The page says whether.
pub async fn press(desk: &Desk, text: &str, visitor: &HeaderMap, now: i64) -> Result<Shown, Problem> {
    let (state, asked) = find(desk, text, now).await?;
    let Some(asked) = asked.as_ref().filter(|_| state == PageState::Open) else {
        return page(desk, state, asked.as_ref(), visitor);
    };
    // Two that press at once: the store takes one.
    let submitted = desk.accept(submission(desk, asked, now)).await?;
    page(desk, if submitted.known { PageState::Used } else { PageState::Done }, Some(asked), visitor)
}

/// What stands behind a link at this moment.
async fn find(desk: &Desk, text: &str, now: i64) -> Result<(PageState, Option<Asked>), Problem> {
    let unknown = Ok((PageState::Unknown, None));
    let Some(tap) = desk.keys().read_tap(text) else { return unknown };
    let Some(asked) = desk.store.ticket(tap.ticket).await? else { return unknown };
    let place = usize::try_from(tap.choice - 1).ok();
    let directory = desk.directory();
    let campaign = place.and_then(|place| asked.offered.get(place)).and_then(|id| directory.get(id));
    let campaign = campaign.map(|found| Named { id: found.id.clone(), name: found.name.clone() });
    let (question, requester) = (asked.questions, asked.requester_address.clone());
    // Merged, its answer is one to the ticket that is left, as long as that is his who was asked.
    let mut left = HashMap::from([(asked.id, asked)]);
    desk.merged(&mut left).await?;
    let Some(ticket) = left.remove(&tap.ticket) else { return unknown };
    let current = question == tap.question && requester == ticket.requester_address;
    let open = ticket.asked.iter().any(|detail| detail == CAMPAIGN_ID)
        && (campaign.is_some() || tap.choice == NO_CAMPAIGN)
        && current;
    let by_agent = ticket.campaign_by_agent || ticket.topic_chosen_by == ChosenBy::Agent;
    let tapped = !desk.store.keys_known(SOURCE, &[key(&tap)]).await?.is_empty();
    let state = match (tap.expires_on >= tap::day(now), open) {
        _ if tapped => PageState::Used,
        (true, true) => PageState::Open,
        (false, true) => PageState::Expired,
        // Answered by mail. What an agent settled, or another question replaced, the customer has not answered.
        (_, false) if current && !by_agent => PageState::Used,
        (_, false) => PageState::Expired,
    };
    Ok((state, Some(Asked { tap, ticket, campaign })))
}

/// One answer a question: whichever of its links was tapped first.
fn key(tap: &Tap) -> String {
    format!("{}-{}", tap.ticket, tap.question)
}

fn submission(desk: &Desk, asked: &Asked, now: i64) -> New {
    let Asked { tap, ticket, campaign } = asked;
    let requester = &ticket.requester_address;
    let reply_to = token::plus_address(&desk.config.desk.address, &desk.keys().sign(ticket.id, requester));
    let templates = desk.templates();
    let language = templates.language(ticket.language.as_deref(), &desk.config.desk.language);
    let says = templates.answer(campaign.as_ref().map(|named| named.id.as_str()), language);
    let date = jiff::Timestamp::from_millisecond(now).unwrap_or_default();
    let date = date.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string();
    New {
        source: SOURCE.into(),
        source_key: Some(key(tap)),
        kind: Kind::Mail,
        raw: tap::mail(tap, requester, &reply_to, &says, &date).into_bytes(),
        envelope: Envelope { from: Some(requester.clone()), to: vec![reply_to], ..Envelope::default() },
        answerable: true,
        received_at: now,
    }
}

fn page(desk: &Desk, state: PageState, asked: Option<&Asked>, visitor: &HeaderMap) -> Result<Shown, Problem> {
    let templates = desk.templates();
    let ticket = asked.map(|asked| &asked.ticket);
    let languages = templates.languages();
    let known = |tag: &str| {
        let primary = tag.split(['-', '_']).next().unwrap_or_default();
        languages.iter().copied().find(|language| primary.eq_ignore_ascii_case(language))
    };
    let language = ticket.and_then(|ticket| ticket.language.as_deref()).or_else(|| words::accepted(visitor, known));
    let language = templates.language(language, &desk.config.desk.language);
    let number = ticket.map_or(0, |ticket| ticket.id);
    let campaign = asked.and_then(|asked| asked.campaign.as_ref());
    let page = templates.page(state, number, &desk.config.desk.name, campaign, language);
    page.map(|page| Shown { state, html: page.html }).map_err(|fault| {
        tracing::error!(%fault, "the page of a one-tap answer cannot be rendered");
        Problem::Internal
    })
}

impl IntoResponse for Shown {
    fn into_response(self) -> Response {
        let status = match self.state {
            PageState::Open | PageState::Done | PageState::Used => StatusCode::OK,
            PageState::Expired => StatusCode::GONE,
            PageState::Unknown => StatusCode::NOT_FOUND,
        };
        let headers = [
            (header::CONTENT_TYPE, "text/html; charset=utf-8".to_owned()),
            (header::CONTENT_SECURITY_POLICY, policy(&self.html)),
            // The address is the answer: no other site is to learn it.
            (header::REFERRER_POLICY, "no-referrer".to_owned()),
        ];
        (status, headers, self.html).into_response()
    }
}

/// Nothing but the page's own style, named by its hash (CSP 3 §2.3.1), and its own form.
fn policy(page: &str) -> String {
    let style =
        page.split_once("<style>").and_then(|(_, rest)| rest.split_once("</style>")).map_or("", |(style, _)| style);
    let hash = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(style));
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
}
