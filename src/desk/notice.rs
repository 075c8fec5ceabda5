//! What other systems are told of a ticket change: rows for the webhooks and connectors of the settings, written in the
//! transaction of the change.
//!
//! Promises: an event has one id for ever, the same for all who are told; what is told is the ticket as it was right after
//! the change, whenever the post gets through. A connector is told only that there is something to hand over: it reads
//! the ticket when its turn comes.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::answer::Means;
use super::shown;
use crate::config::endpoints::{Connector, TicketEvent, Webhook};
use crate::config::settings::Config;
use crate::request::Request;
use crate::store::outbox::{Kind, Payload, Reason, State};
use crate::store::remote::Answer;
use crate::store::settle::NewOutgoing;
use crate::ticket::{Status, Ticket};

/// Bytes of the customer's text in a post; the ticket has all of it.
const TEXT_BYTES: usize = 64 * 1024;

/// A change of a ticket.
#[derive(Debug, Clone, Copy)]
pub struct Changed<'a> {
    /// As it was; `None`: it is new.
    pub before: Option<&'a Ticket>,
    /// As it is.
    pub after: &'a Ticket,
    /// The customer's message that caused it, and the submission it came as.
    pub message: Option<(&'a Request, &'a str)>,
    /// What an agent of another help desk wrote to the customer, and the Message-ID it is kept under.
    pub reply: Option<(&'a Answer, &'a str)>,
    /// Who made it: `desk`, `customer`, `agent:NAME` or `connector:NAME`.
    pub actor: &'a str,
}

/// What a connector has to do, as it stands in its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Hand the ticket over, or bring it up to date there.
    Ticket,
    /// The same, and then this message of the customer.
    Message,
}

/// What stands in the `text` of a connector's row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handover {
    /// What is to be done.
    pub task: Task,
    /// The submission of the message.
    pub submission: Option<String>,
}

/// What this change is, in the words of the webhooks.
pub fn events(changed: Changed<'_>) -> Vec<TicketEvent> {
    let Changed { before, after, message, reply, .. } = changed;
    let mut events = vec![];
    let moved = |to: Status| after.status == to && before.is_none_or(|before| before.status != to);
    let over = |status: Status| matches!(status, Status::Solved | Status::Closed);
    match before {
        None => events.push(TicketEvent::Created),
        Some(_) if message.is_some() || reply.is_some() => events.push(TicketEvent::Answered),
        Some(_) => {}
    }
    if moved(Status::Ready) {
        events.push(TicketEvent::Ready);
    }
    if moved(Status::Waiting) {
        events.push(TicketEvent::Waiting);
    }
    if over(after.status) && before.is_none_or(|before| !over(before.status)) {
        events.push(TicketEvent::Closed);
    }
    if events.is_empty() && before.is_some_and(|before| differs(before, after)) {
        events.push(TicketEvent::Updated);
    }
    events
}

/// Whether anything changed that others see.
fn differs(before: &Ticket, after: &Ticket) -> bool {
    let blank =
        |ticket: &Ticket| Ticket { version: 0, updated_at: 0, chase_at: None, reminded: false, ..ticket.clone() };
    blank(before) != blank(after)
}

/// The rows for all who are to be told.
pub fn outgoing(changed: Changed<'_>, means: Means<'_>, now: i64) -> Vec<NewOutgoing> {
    let config = means.config;
    if config.webhook.is_empty() && config.connector.is_empty() {
        return vec![];
    }
    let mut rows = vec![];
    for event in events(changed) {
        let told: Vec<&Webhook> = config.webhook.iter().filter(|webhook| wants(webhook, event)).collect();
        if told.is_empty() {
            continue;
        }
        let id = format!("evt_{}", uuid::Uuid::now_v7().simple());
        let body = body(event, changed, means, now).to_string();
        rows.extend(told.into_iter().map(|webhook| post(webhook, &id, event, &body)));
    }
    rows.extend(connectors(config, changed).map(|connector| handover(connector, changed)));
    rows
}

fn wants(webhook: &Webhook, event: TicketEvent) -> bool {
    webhook.events.is_empty() || webhook.events.contains(&event)
}

/// The connectors that a change concerns: not the one that made it, and none while the ticket waits for its customer and
/// was never with the agents.
fn connectors<'a>(config: &'a Config, changed: Changed<'a>) -> impl Iterator<Item = &'a Connector> {
    let Changed { before, after, message, actor, .. } = changed;
    let theirs = |status: Status| status != Status::Waiting;
    let with_agents = theirs(after.status) || before.is_some_and(|before| theirs(before.status));
    let something = before.is_none_or(|before| differs(before, after)) || message.is_some();
    let concerned = move |connector: &&Connector| {
        something && (with_agents || connector.waiting) && actor.strip_prefix("connector:") != Some(&connector.name)
    };
    config.connector.iter().filter(concerned)
}

fn post(webhook: &Webhook, id: &str, event: TicketEvent, body: &str) -> NewOutgoing {
    NewOutgoing {
        id: uuid::Uuid::now_v7().to_string(),
        kind: Kind::Post,
        reason: Reason::Event,
        recipient: webhook.name.clone(),
        message_id: format!("{id}.{}", webhook.name),
        payload: Payload { subject: word(event), text: body.to_owned(), ..Payload::default() },
        state: State::Queued,
        unproven: false,
    }
}

/// The id of the event in a row's Message-ID: what receivers see as `webhook-id`.
pub fn event_id(message_id: &str) -> &str {
    message_id.split('.').next().unwrap_or(message_id)
}

fn handover(connector: &Connector, changed: Changed<'_>) -> NewOutgoing {
    let submission = changed.message.map(|(_, submission)| submission.to_owned());
    let task = if submission.is_some() { Task::Message } else { Task::Ticket };
    let id = uuid::Uuid::now_v7();
    NewOutgoing {
        id: id.to_string(),
        kind: Kind::Ticket,
        reason: Reason::Event,
        recipient: connector.name.clone(),
        message_id: format!("tkt_{}.{}", id.simple(), connector.name),
        payload: Payload {
            subject: if task == Task::Message { "message" } else { "ticket" }.into(),
            text: json!(Handover { task, submission }).to_string(),
            ..Payload::default()
        },
        state: State::Queued,
        unproven: false,
    }
}

fn body(event: TicketEvent, changed: Changed<'_>, means: Means<'_>, now: i64) -> Value {
    let mut data = shown::ticket(changed.after, means.directory);
    data["triage"] = json!(changed.after.triage);
    data["message"] = match (changed.message, changed.reply) {
        (Some((request, _)), _) => message(request, now),
        (None, Some((answer, message_id))) => reply(answer, message_id, changed.after, now),
        (None, None) => Value::Null,
    };
    json!({ "type": event, "timestamp": shown::time(now), "data": data })
}

fn message(request: &Request, now: i64) -> Value {
    let text = &request.text[..request.text.floor_char_boundary(TEXT_BYTES)];
    let files = request.attachments.iter();
    let files = files.map(|file| json!({ "name": file.name, "type": file.media_type, "size": file.size }));
    json!({
        "by": "customer",
        "from": { "name": request.from.name, "address": request.from.address },
        "subject": request.subject,
        "text": text,
        "at": shown::time(now),
        "message_id": request.message_id,
        "attachments": files.collect::<Vec<_>>(),
    })
}

fn reply(answer: &Answer, message_id: &str, ticket: &Ticket, now: i64) -> Value {
    json!({
        "by": "agent",
        "from": { "name": Value::Null, "address": answer.author },
        "subject": ticket.subject,
        "text": &answer.text[..answer.text.floor_char_boundary(TEXT_BYTES)],
        "at": shown::time(now),
        "message_id": message_id,
        "attachments": [],
    })
}

fn word(event: TicketEvent) -> String {
    json!(event).as_str().unwrap_or_default().to_owned()
}
