//! One ticket: the conversation with the deciding words marked, what was judged and why, and what an agent can do.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::marks::{self, Piece};
use super::wording;
use crate::desk::problem::{Path, Problem};
use crate::request::evidence::{Evidence, Where};
use crate::request::{Mailbox, Request};
use crate::store::outbox::Outgoing;
use crate::store::tickets::{Direction, Event, Message};
use crate::ticket::change::Change;
use crate::ticket::{Status, Ticket};
use crate::web::session::{Act, SignedIn};
use crate::web::{Site, outbox, tickets};

/// Evidence rows on a page: the rest says nothing new.
const BECAUSE: usize = 40;

/// The routes.
pub fn router() -> Router<Arc<Site>> {
    Router::new()
        .route("/desk/tickets/{id}", get(page).post(change))
        .route("/desk/tickets/{id}/merge", post(merge))
        .route("/desk/tickets/{id}/drafts/{draft}", post(draft))
}

/// A message as the page shows it.
#[derive(Serialize)]
struct Shown<'a> {
    id: &'a str,
    outgoing: bool,
    from: &'a str,
    name: Option<&'a str>,
    at: i64,
    body: Option<&'a str>,
    request: Option<Read<'a>>,
}

/// A customer's message, cut where its evidence stands.
#[derive(Serialize)]
struct Read<'a> {
    subject: Vec<Piece>,
    text: Vec<Piece>,
    forwarded: Vec<Piece>,
    quoted: Vec<Piece>,
    signature: Vec<Piece>,
    fields: Vec<(&'a str, Vec<Piece>)>,
    links: Vec<Vec<Piece>>,
    attachments: Vec<File<'a>>,
    has_html: bool,
    raw: Option<&'a str>,
    automated: Option<&'a str>,
    no_reply: Option<&'a str>,
    dmarc: Option<&'a str>,
    oddities: &'a [String],
}

#[derive(Serialize)]
struct File<'a> {
    name: Vec<Piece>,
    media_type: &'a str,
    size: usize,
    dropped: Option<&'a str>,
}

fn shown<'a>(message: &'a Message, outbox: &'a [Outgoing]) -> Shown<'a> {
    let outgoing = message.direction == Direction::Out;
    let mail = outbox.iter().find(|mail| Some(&mail.message_id) == message.message_id.as_ref());
    Shown {
        id: &message.id,
        outgoing,
        from: &message.from_address,
        name: message.request.as_ref().and_then(|request| request.from.name.as_deref()),
        at: message.created_at,
        body: message.body.as_deref().or_else(|| mail.map(|mail| mail.payload.text.as_str())),
        request: message.request.as_ref().map(|request| read(message, request)),
    }
}

fn read<'a>(message: &'a Message, request: &'a Request) -> Read<'a> {
    // Sorted by place once: a mail may have many fields, and each must not look at all of the evidence.
    let mut evidence: HashMap<(Where, Option<&str>), Vec<&Evidence>> = HashMap::new();
    if let Some(triage) = &message.triage {
        for found in triage.campaign.evidence.iter().chain(&triage.topic.evidence) {
            evidence.entry((found.place, found.field.as_deref())).or_default().push(found);
        }
    }
    let marked = |place: Where, field: Option<&str>, text: &str| {
        let here = evidence.get(&(place, field)).into_iter().flatten().copied();
        marks::pieces(text, here)
    };
    let zone = |place: Where, text: &str| marked(place, None, text);
    let within = |place: Where, field: &str, text: &str| marked(place, Some(field), text);
    Read {
        subject: zone(Where::Subject, &request.subject),
        text: zone(Where::Text, &request.text),
        forwarded: zone(Where::Forwarded, &request.forwarded),
        quoted: zone(Where::Quoted, &request.quoted),
        signature: zone(Where::Signature, &request.signature),
        fields: request
            .fields
            .iter()
            .map(|field| (field.label.as_str(), within(Where::Form, &field.label, &field.value)))
            .collect(),
        links: (0..).zip(&request.links).map(|(n, link): (u32, _)| within(Where::Link, &n.to_string(), link)).collect(),
        attachments: (0..)
            .zip(&request.attachments)
            .map(|(n, file): (u32, _)| File {
                name: within(Where::Attachment, &n.to_string(), &file.name),
                media_type: &file.media_type,
                size: file.size,
                dropped: file.dropped.as_deref(),
            })
            .collect(),
        has_html: request.html.is_some(),
        raw: message.submission_id.as_deref(),
        automated: request.automated.as_ref().map(|automated| automated.because.as_str()),
        no_reply: request.no_reply.as_deref(),
        dmarc: request.authentication.dmarc.as_deref(),
        oddities: &request.oddities,
    }
}

/// A row of "because".
#[derive(Serialize)]
struct Because<'a> {
    about: &'static str,
    found: &'a Evidence,
}

fn because(ticket: &Ticket) -> Vec<Because<'_>> {
    let triage = &ticket.triage;
    let mut rows: Vec<Because<'_>> =
        triage.campaign.evidence.iter().map(|found| Because { about: "campaign", found }).collect();
    rows.extend(triage.topic.evidence.iter().map(|found| Because { about: "topic", found }));
    rows.sort_by(|a, b| a.about.cmp(b.about).then(b.found.weight.total_cmp(&a.found.weight)));
    rows.truncate(BECAUSE);
    rows
}

/// An event in one line.
#[derive(Serialize)]
struct Happened<'a> {
    at: i64,
    actor: &'a str,
    what: &'a str,
    detail: String,
}

fn happened(event: &Event) -> Happened<'_> {
    Happened { at: event.at, actor: &event.actor, what: &event.what, detail: wording::detail(&event.detail) }
}

async fn page(
    State(site): State<Arc<Site>>,
    SignedIn(session): SignedIn,
    Path(id): Path<i64>,
) -> Result<Response, Problem> {
    let store = &site.desk.store;
    let ticket = store.ticket(id).await?.ok_or_else(|| Problem::no("ticket"))?;
    let (messages, events, outbox) = (store.messages(id).await?, store.events(id).await?, store.outgoing_of(id).await?);
    let (rules, directory) = (site.desk.rules(), site.desk.directory());
    let campaign = ticket.campaign_id.as_deref().and_then(|id| directory.get(id));
    let moves: Vec<&str> =
        Status::ALL.iter().filter(|next| ticket.status.may_become(**next)).map(|next| next.as_str()).collect();
    // A merged ticket is history: what is to be done is done on the other.
    let moves = if ticket.merged_into().is_some() { vec![] } else { moves };
    let happened: Vec<Happened<'_>> = events.iter().map(happened).collect();
    let requests: Vec<&Request> = messages.iter().filter_map(|message| message.request.as_ref()).collect();
    // Why nothing was sent at the customer's latest message; of earlier ones the log tells.
    let latest = happened.iter().rposition(|event| ["created", "answered"].contains(&event.what)).unwrap_or_default();
    let withheld: Vec<_> = happened[latest..].iter().filter(|event| event.what == "withheld").collect();
    let page: Html<String> = site.pages.render(
        "ticket.html",
        json!({
            "frame": super::frame(&site, &session, "ticket"),
            "ticket": ticket, "merged_into": ticket.merged_into(), "campaign": campaign, "moves": moves,
            "suggested": ticket.suggested_requester(&requests, &tickets::ours(&site)),
            "forwarded_by": ticket.forwarded_by(&requests),
            "topic": rules.label(&ticket.topic),
            "topics": rules.topics(),
            "messages": messages.iter().map(|message| shown(message, &outbox)).collect::<Vec<_>>(),
            "because": because(&ticket),
            "withheld": withheld,
            "events": happened,
            "outbox": outbox}),
    )?;
    Ok(page.into_response())
}

/// What the forms of the page say; each form sends some of it.
#[derive(Debug, Deserialize)]
struct Wish {
    version: i64,
    topic: Option<String>,
    campaign: Option<String>,
    no_campaign: Option<String>,
    status: Option<Status>,
    priority: Option<String>,
    /// The address of the suggested requester.
    requester: Option<String>,
}

async fn change(
    State(site): State<Arc<Site>>,
    Path(id): Path<i64>,
    Act { agent, form: wish }: Act<Wish>,
) -> Result<Redirect, Problem> {
    let ticket = site.desk.store.ticket(id).await?.ok_or_else(|| Problem::no("ticket"))?;
    if ticket.version != wish.version {
        let why = "this ticket was changed while you looked at it, so your change was not made; \
                   look at it again, and make the change if it is still right";
        return Err(Problem::Conflict(why.into()));
    }
    let mut changes = vec![];
    if let Some(topic) = wish.topic.filter(|topic| *topic != ticket.topic) {
        changes.push(Change::Topic(topic));
    }
    if wish.no_campaign.is_some() {
        changes.push(Change::Campaign(None));
    } else if let Some(campaign) = wish.campaign.map(|id| id.trim().to_owned()).filter(|id| !id.is_empty()) {
        changes.push(Change::Campaign(Some(campaign)));
    }
    if let Some(priority) = wish.priority.filter(|priority| *priority != ticket.priority) {
        changes.push(Change::Priority(priority));
    }
    if let Some(address) = wish.requester {
        // The name stands with the suggestion that the button was for.
        let messages = site.desk.store.messages(id).await?;
        let requests: Vec<&Request> = messages.iter().filter_map(|message| message.request.as_ref()).collect();
        let suggested = ticket.suggested_requester(&requests, &tickets::ours(&site));
        let name = suggested.filter(|mailbox| mailbox.address == address).and_then(|mailbox| mailbox.name);
        changes.push(Change::Requester(Mailbox { name, address }));
    }
    changes.extend(wish.status.map(Change::Status));
    tickets::make(&site, id, wish.version, changes, &agent).await?;
    Ok(Redirect::to(&format!("/desk/tickets/{id}")))
}

#[derive(Debug, Deserialize)]
struct Into {
    into: i64,
}

async fn merge(
    State(site): State<Arc<Site>>,
    Path(id): Path<i64>,
    Act { agent, form: Into { into } }: Act<Into>,
) -> Result<Redirect, Problem> {
    tickets::join(&site, id, into, &agent).await?;
    Ok(Redirect::to(&format!("/desk/tickets/{into}")))
}

#[derive(Debug, Deserialize)]
struct Decision {
    decision: String,
}

async fn draft(
    State(site): State<Arc<Site>>,
    Path((id, draft)): Path<(i64, String)>,
    Act { agent, form }: Act<Decision>,
) -> Result<Redirect, Problem> {
    let rows = site.desk.store.outgoing_of(id).await?;
    if !rows.iter().any(|outgoing| outgoing.id == draft) {
        return Err(Problem::no("draft"));
    }
    match form.decision.as_str() {
        "send" => drop(outbox::release(&site, &draft, &agent).await?),
        "drop" => drop(outbox::take_out(&site, &draft, &agent).await?),
        _ => return Err(Problem::Malformed("decide on send or drop".into())),
    }
    Ok(Redirect::to(&format!("/desk/tickets/{id}")))
}
