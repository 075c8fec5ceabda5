//! `/v1/tickets`: list with filters, one with everything that is known of it, change, merge.
//!
//! A change names the version it was made on (`If-Match` or `version`); when somebody was quicker it is refused.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json as Answer, Router};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use super::session::ApiAgent;
use super::{Site, time};
use crate::campaigns::Directory;
use crate::desk::problem::{Json, Path, Place, Problem, Query};
use crate::desk::shown;
use crate::request::{Mailbox, Request, address};
use crate::rules::Rules;
use crate::store::merging::Merge;
use crate::store::tickets::Filter;
use crate::ticket::change::Change;
use crate::ticket::{Status, Ticket};

/// Tickets on a page unless `limit` says otherwise.
const PAGE: i64 = 50;
/// Tickets on a page at most.
const LARGEST_PAGE: i64 = 200;

/// The priorities, lowest first.
const PRIORITIES: [&str; 4] = ["low", "normal", "high", "urgent"];

/// The routes.
pub fn router() -> Router<Arc<Site>> {
    Router::new()
        .route("/v1/tickets", get(list))
        .route("/v1/tickets/{id}", get(one).patch(change))
        .route("/v1/tickets/{id}/merge", post(merge))
}

/// Filters as they stand in a query, for API and console alike.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Wanted {
    /// One or more statuses, separated by commas.
    pub status: String,
    /// Topic id.
    pub topic: String,
    /// Campaign ID.
    pub campaign: String,
    /// Team.
    pub route: String,
    /// Priority.
    pub priority: String,
    /// Address.
    pub requester: String,
    /// A missing detail.
    pub missing: String,
    /// A flag.
    pub flag: String,
    /// Words in the subject.
    pub q: String,
    /// Tickets a page.
    pub limit: Option<i64>,
    /// The `next` of the page before.
    pub cursor: Option<i64>,
}

impl Wanted {
    /// As the store takes it.
    pub fn filter(&self) -> Result<Filter, Problem> {
        let given = |text: &String| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let status = self.status.split(',').map(str::trim).filter(|word| !word.is_empty());
        let read = |word: &str| {
            let known = || format!("no status `{word}`: waiting, ready, open, solved or closed");
            Status::parse(word).ok_or_else(|| Problem::Malformed(known()))
        };
        Ok(Filter {
            status: status.map(read).collect::<Result<_, _>>()?,
            topic: given(&self.topic),
            campaign: given(&self.campaign),
            route: given(&self.route),
            priority: given(&self.priority),
            requester: given(&self.requester).map(|address| address.to_lowercase()),
            missing: given(&self.missing),
            flag: given(&self.flag),
            words: given(&self.q),
        })
    }

    /// How many a page.
    pub fn page(&self) -> Result<i64, Problem> {
        super::page(self.limit, (PAGE, LARGEST_PAGE))
    }
}

async fn list(
    State(site): State<Arc<Site>>,
    ApiAgent(_): ApiAgent,
    Query(wanted): Query<Wanted>,
) -> Result<Answer<Value>, Problem> {
    let page = wanted.page()?;
    // One more than the page tells whether there is another.
    let mut tickets = site.desk.store.list_tickets(&wanted.filter()?, page + 1, wanted.cursor).await?;
    let more = super::cut(&mut tickets, page);
    let next = tickets.last().filter(|_| more).map(|ticket| ticket.id);
    Ok(Answer(
        json!({"tickets": tickets.iter().map(|ticket| summary(&site, ticket)).collect::<Vec<_>>(), "next": next}),
    ))
}

fn summary(site: &Site, ticket: &Ticket) -> Value {
    shown::ticket(ticket, &site.desk.directory())
}

async fn one(State(site): State<Arc<Site>>, ApiAgent(_): ApiAgent, Path(id): Path<i64>) -> Result<Response, Problem> {
    let store = &site.desk.store;
    let ticket = store.ticket(id).await?.ok_or_else(|| Problem::no("ticket"))?;
    let messages = store.messages(id).await?;
    let events = store.events(id).await?;
    let outbox = store.outgoing_of(id).await?;
    let withheld: Vec<&Value> =
        events.iter().filter(|event| event.what == "withheld").map(|event| &event.detail).collect();
    let mut whole = summary(&site, &ticket);
    whole["triage"] = json!(ticket.triage);
    whole["messages"] = messages
        .iter()
        .map(|message| {
            json!({
                "id": message.id,
                "direction": message.direction,
                "message_id": message.message_id,
                "submission": message.submission_id,
                "from": message.from_address,
                "at": time(message.created_at),
                "request": message.request,
                "triage": message.triage,
                "body": message.body,
            })
        })
        .collect();
    let requests: Vec<&Request> = messages.iter().filter_map(|message| message.request.as_ref()).collect();
    whole["suggested_requester"] = json!(ticket.suggested_requester(&requests, &ours(&site)));
    whole["forwarded_by"] = json!(ticket.forwarded_by(&requests));
    whole["events"] = events
        .iter()
        .map(|event| json!({"at": time(event.at), "actor": event.actor, "what": event.what, "detail": event.detail}))
        .collect();
    whole["outbox"] = outbox
        .iter()
        .map(|outgoing| {
            json!({
                "id": outgoing.id,
                "kind": outgoing.kind,
                "reason": outgoing.reason,
                "recipient": outgoing.recipient,
                "subject": outgoing.payload.subject,
                "state": outgoing.state,
                "attempts": outgoing.attempts,
                "due_at": time(outgoing.due_at),
                "last_error": outgoing.last_error,
            })
        })
        .collect();
    whole["withheld"] = json!(withheld);
    Ok(([(header::ETAG, format!("\"{}\"", ticket.version))], Answer(whole)).into_response())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    version: Option<i64>,
    topic: Option<String>,
    /// `null`: about no campaign; absent: unchanged.
    #[serde(default, deserialize_with = "present")]
    campaign: Option<Option<String>>,
    status: Option<Status>,
    priority: Option<String>,
    route: Option<String>,
    requester: Option<Mailbox>,
}

fn present<'de, D: Deserializer<'de>>(source: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(source).map(Some)
}

async fn change(
    State(site): State<Arc<Site>>,
    ApiAgent(agent): ApiAgent,
    Path(id): Path<i64>,
    headers: HeaderMap,
    Json(wish): Json<Wish>,
) -> Result<Response, Problem> {
    let matching = headers.get(header::IF_MATCH).and_then(|value| value.to_str().ok());
    let matching = matching.and_then(seen);
    let missing = || Problem::at("/version", "name the version that you saw, here or in If-Match");
    let version = wish.version.or(matching).ok_or_else(missing)?;
    let changes: Vec<Change> = [
        wish.topic.map(Change::Topic),
        wish.campaign.map(Change::Campaign),
        wish.status.map(Change::Status),
        wish.priority.map(Change::Priority),
        wish.route.map(Change::Route),
        wish.requester.map(Change::Requester),
    ]
    .into_iter()
    .flatten()
    .collect();
    let ticket = make(&site, id, version, changes, &agent).await?;
    let etag = [(header::ETAG, format!("\"{}\"", ticket.version))];
    Ok((etag, Answer(summary(&site, &ticket))).into_response())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MergeWish {
    #[serde(deserialize_with = "integer")]
    into: i64,
}

/// An integer as JSON Schema knows it: 255.0 is one, too.
fn integer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let number = serde_json::Number::deserialize(deserializer)?;
    let whole = || number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() < 9e15);
    let value = number.as_i64().or_else(|| whole().map(|float| float as i64));
    value.ok_or_else(|| D::Error::custom(format!("{number} is no number of a ticket; write an integer")))
}

async fn merge(
    State(site): State<Arc<Site>>,
    ApiAgent(agent): ApiAgent,
    Path(id): Path<i64>,
    Json(MergeWish { into }): Json<MergeWish>,
) -> Result<Response, Problem> {
    let ticket = join(&site, id, into, &agent).await?;
    let etag = [(header::ETAG, format!("\"{}\"", ticket.version))];
    Ok((etag, Answer(summary(&site, &ticket))).into_response())
}

/// Merges a ticket into another one, which it gives back.
pub async fn join(site: &Site, from: i64, into: i64, agent: &str) -> Result<Ticket, Problem> {
    let actor = format!("agent:{agent}");
    Ok(site.desk.merge_tickets(Merge { from, into, actor: &actor, at: super::now() }).await?)
}

/// The version that an entity tag names: `"3"`, or `W/"3"` where a proxy between compressed the answer.
fn seen(tag: &str) -> Option<i64> {
    let tag = tag.trim();
    let opaque = tag.strip_prefix("W/").unwrap_or(tag);
    opaque.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(opaque).parse().ok()
}

/// Makes an agent's changes, all or none, each checked against rules, directory and teams before the first is made.
pub async fn make(site: &Site, id: i64, version: i64, changes: Vec<Change>, agent: &str) -> Result<Ticket, Problem> {
    let (rules, directory) = (site.desk.rules(), site.desk.directory());
    let store = &site.desk.store;
    let ticket = store.ticket(id).await?.ok_or_else(|| Problem::no("ticket"))?;
    let wrong: Vec<Place> = changes.iter().filter_map(|change| fault(site, &rules, &directory, change)).collect();
    if !wrong.is_empty() {
        return Err(Problem::Invalid(wrong));
    }
    if ticket.version != version {
        return Err(Problem::Conflict(format!("ticket {id} is at version {} by now; read it again", ticket.version)));
    }
    Ok(site.desk.change_ticket(id, version, changes, &format!("agent:{agent}"), super::now()).await?)
}

/// The addresses of the desk and its teams: nobody's requests.
pub fn ours(site: &Site) -> Vec<String> {
    let config = &site.desk.config;
    let own = std::iter::once(&config.desk.address).chain(&config.desk.own_addresses);
    own.chain(config.teams.values()).cloned().collect()
}

/// What is wrong with a change, whatever the ticket.
fn fault(site: &Site, rules: &Rules, directory: &Directory, change: &Change) -> Option<Place> {
    let among = |words: &[&str]| format!("is not one of {}", words.join(", "));
    let (pointer, detail) = match change {
        Change::Topic(topic) => {
            let topics: Vec<&str> = rules.topics().into_iter().map(|(id, _)| id).collect();
            ("/topic", (!topics.contains(&topic.as_str())).then(|| among(&topics)))
        }
        Change::Campaign(Some(id)) => {
            ("/campaign", directory.get(id).is_none().then(|| "is not in the campaign directory".to_owned()))
        }
        Change::Priority(word) => ("/priority", (!PRIORITIES.contains(&word.as_str())).then(|| among(&PRIORITIES))),
        Change::Route(team) => {
            let mut teams = rules.teams();
            teams.extend(site.desk.config.teams.keys().map(String::as_str));
            let teams: Vec<&str> = teams.into_iter().collect();
            ("/route", (!teams.contains(&team.as_str())).then(|| among(&teams)))
        }
        Change::Requester(mailbox) => {
            let sound = address::addr_spec(&mailbox.address).is_some_and(|address| address == mailbox.address);
            let own = ours(site).iter().any(|own| own.eq_ignore_ascii_case(&mailbox.address));
            let detail = match (sound, own) {
                (false, _) => Some("is no e-mail address".to_owned()),
                (true, true) => Some("is an address of the desk itself".to_owned()),
                (true, false) => None,
            };
            ("/requester/address", detail)
        }
        Change::Campaign(None) | Change::Status(_) => return None,
    };
    detail.map(|detail| Place { pointer: pointer.to_owned(), detail })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(tag: &str, expected: Option<i64>) {
        assert_eq!(seen(tag), expected, "{tag}");
    }

    #[test]
    fn entity_tags_are_read_strong_and_weak() {
        check("\"3\"", Some(3));
        check("W/\"3\"", Some(3));
        check("3", Some(3));
        check("*", None);
        check("\"3", None);
        check("\"x\"", None);
    }
}
