//! Settling: the outcomes of claimed submissions, with the tickets, messages, events and outbox rows that they cause,
//! in one transaction.
//!
//! Promises: all of it or nothing; a claim that another worker has taken over settles nothing; two nodes on one
//! PostgreSQL settle one after the other, so that what was looked up here (duplicates, budgets, versions) still holds
//! at commit.

use std::collections::{HashMap, HashSet};

use serde_json::Value as Json;
use sqlx::{Any, AnyConnection, Row, Transaction, query};

use super::budgets::domain;
use super::outbox::{self, Payload};
use super::rows::{self, Value};
use super::submissions::{Outcome, RELEASED, Submission};
use super::tickets::{self, Direction};
use super::{Engine, Error, Store};
use crate::ticket::Ticket;

/// Serialises settling between nodes; any number that nobody else uses.
const SETTLE_LOCK: i64 = 0x6465_736b;

/// A message to be kept on a ticket.
#[derive(Debug, Clone)]
pub struct NewMessage {
    /// The submission it came as.
    pub submission_id: Option<String>,
    /// In or out.
    pub direction: Direction,
    /// Without angle brackets.
    pub message_id: Option<String>,
    /// Identity of its content.
    pub fingerprint: Option<String>,
    /// Who wrote it.
    pub from_address: String,
    /// JSON of the request.
    pub request: Option<String>,
    /// JSON of the judgement.
    pub triage: Option<String>,
    /// What goes out.
    pub body: Option<String>,
}

/// Something that happened.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// `desk`, `customer`, or `agent:NAME`.
    pub actor: &'static str,
    /// What happened.
    pub what: &'static str,
    /// Details.
    pub detail: Json,
}

/// Something to be sent.
#[derive(Debug, Clone)]
pub struct NewOutgoing {
    /// UUIDv7; the Message-ID was made of it.
    pub id: String,
    /// What it is.
    pub kind: outbox::Kind,
    /// Why it is sent.
    pub reason: outbox::Reason,
    /// Address or URL.
    pub recipient: String,
    /// Without angle brackets.
    pub message_id: String,
    /// Words and headers.
    pub payload: Payload,
    /// Queued, draft or held.
    pub state: outbox::State,
}

/// What becomes of the ticket.
#[derive(Debug, Clone)]
pub enum OnTicket {
    /// There is none, or it stays as it is.
    Nothing,
    /// It is new; its id was reserved.
    Open(Box<Ticket>),
    /// It changes; the number is the version that was judged.
    Change(Box<Ticket>, i64),
}

/// The end of one submission, with all that it causes.
#[derive(Debug, Clone)]
pub struct Settlement {
    /// The submission's id.
    pub submission: String,
    /// Its outcome.
    pub outcome: Outcome,
    /// Why, readable.
    pub because: Option<String>,
    /// The ticket it went to.
    pub ticket_id: Option<i64>,
    /// What becomes of that ticket.
    pub ticket: OnTicket,
    /// Messages for that ticket.
    pub messages: Vec<NewMessage>,
    /// Events of that ticket.
    pub events: Vec<NewEvent>,
    /// Outbox rows of that ticket.
    pub outgoing: Vec<NewOutgoing>,
    /// An address that turned out undeliverable, and the status code.
    pub bounced: Option<(String, Option<String>)>,
}

/// An open settling transaction.
#[derive(Debug)]
pub struct Settling {
    pub(super) transaction: Transaction<'static, Any>,
    engine: Engine,
    held: HashSet<String>,
}

impl Store {
    /// Begins to settle these claims.
    pub async fn settling(&self, claimed: &[&Submission]) -> Result<Settling, Error> {
        let mut transaction = self.begin().await?;
        let mut lock = "";
        if self.engine == Engine::Postgres {
            query("SELECT pg_advisory_xact_lock($1)").bind(SETTLE_LOCK).execute(&mut *transaction).await?;
            lock = "FOR UPDATE";
        }
        let ids: Vec<Value> = claimed.iter().map(|submission| submission.id.as_str().into()).collect();
        let sql =
            |marks: &str| format!("SELECT id, fence FROM submissions WHERE outcome IS NULL AND id IN ({marks}) {lock}");
        let mut fences: HashMap<String, i64> = HashMap::new();
        for row in rows::with_keys(&mut transaction, sql, &[], &ids).await? {
            fences.insert(row.try_get("id")?, row.try_get("fence")?);
        }
        let held = claimed.iter().filter(|submission| fences.get(&submission.id) == Some(&submission.fence));
        let held = held.map(|submission| submission.id.clone()).collect();
        Ok(Settling { transaction, engine: self.engine, held })
    }
}

impl Settling {
    /// Whether the claim is still ours.
    pub fn holds(&self, submission: &str) -> bool {
        self.held.contains(submission)
    }

    /// The versions of these tickets at this moment.
    pub async fn versions(&mut self, ids: &[i64]) -> Result<HashMap<i64, i64>, Error> {
        let lock = if self.engine == Engine::Postgres { "FOR UPDATE" } else { "" };
        let sql = |marks: &str| format!("SELECT id, version FROM tickets WHERE id IN ({marks}) {lock}");
        let keys: Vec<Value> = ids.iter().map(|id| (*id).into()).collect();
        let found = rows::with_keys(&mut self.transaction, sql, &[], &keys).await?;
        found.iter().map(|row| Ok((row.try_get("id")?, row.try_get("version")?))).collect()
    }

    /// Reserves ticket numbers, ascending.
    pub async fn reserve_tickets(&mut self, count: usize) -> Result<Vec<i64>, Error> {
        if count == 0 {
            return Ok(vec![]);
        }
        let count = count as i64;
        match self.engine {
            // The write lock is ours: nobody else can take the next number.
            Engine::Sqlite => {
                let row = query("SELECT COALESCE(MAX(seq), 0) AS last FROM sqlite_sequence WHERE name = 'tickets'")
                    .fetch_one(&mut *self.transaction)
                    .await?;
                let last: i64 = row.try_get("last")?;
                Ok((last + 1..=last + count).collect())
            }
            Engine::Postgres => {
                let found = query(
                    "SELECT nextval(pg_get_serial_sequence('tickets', 'id')) AS id FROM generate_series(1, $1) ORDER BY 1",
                )
                .bind(count)
                .fetch_all(&mut *self.transaction)
                .await?;
                found.iter().map(|row| Ok(row.try_get("id")?)).collect()
            }
        }
    }

    /// Puts claims back that were judged on what has changed meanwhile: they are taken up again, and not counted.
    pub async fn put_back(&mut self, submissions: &[String]) -> Result<(), Error> {
        let sql = |marks: &str| {
            format!(
                "UPDATE submissions SET lease_until = $1, attempts = attempts - 1 WHERE outcome IS NULL AND id IN ({marks})"
            )
        };
        rows::with_keys(&mut self.transaction, sql, &[RELEASED.into()], &rows::keys(submissions)).await?;
        Ok(())
    }

    /// Puts one back that failed: it is taken up again, alone, and this try counts.
    pub async fn put_back_counted(&mut self, submission: &str) -> Result<(), Error> {
        query("UPDATE submissions SET lease_until = $1 WHERE outcome IS NULL AND id = $2")
            .bind(RELEASED)
            .bind(submission)
            .execute(&mut *self.transaction)
            .await?;
        Ok(())
    }

    /// Writes all of it and commits.
    pub async fn commit(mut self, settlements: Vec<Settlement>, now: i64) -> Result<(), Error> {
        let connection = &mut *self.transaction;
        let mut opened = vec![];
        let mut messages = vec![];
        let mut events = vec![];
        let mut outgoing = vec![];
        let mut outcomes = vec![];
        for settlement in settlements {
            let Settlement { submission, outcome, because, ticket_id, ticket, .. } = settlement;
            outcomes.push((submission, outcome, because, ticket_id));
            match ticket {
                OnTicket::Nothing => {}
                OnTicket::Open(ticket) => opened.push(ticket_values(*ticket)),
                OnTicket::Change(ticket, version) => {
                    if !tickets::update(connection, &ticket, version).await? {
                        return Err(Error::Conflict(format!("ticket {}", ticket.id)));
                    }
                }
            }
            if let Some((address, status)) = settlement.bounced {
                query(
                    "INSERT INTO bounced (address, status, at) VALUES ($1, $2, $3) \
                     ON CONFLICT (address) DO UPDATE SET status = excluded.status, at = excluded.at",
                )
                .bind(rows::clean(&address))
                .bind(status.as_deref().map(rows::clean))
                .bind(now)
                .execute(&mut *connection)
                .await?;
            }
            let Some(ticket_id) = ticket_id else { continue };
            messages.extend(settlement.messages.into_iter().map(|message| message_values(message, ticket_id, now)));
            events.extend(settlement.events.into_iter().map(|event| event_values(&event, ticket_id, now)));
            outgoing.extend(settlement.outgoing.into_iter().map(|row| outgoing_values(row, ticket_id, now)));
        }
        rows::insert(connection, "tickets", TICKET_COLUMNS, opened, "").await?;
        rows::insert(connection, "messages", MESSAGE_COLUMNS, messages, "").await?;
        rows::insert(connection, "events", EVENT_COLUMNS, events, "").await?;
        rows::insert(connection, "outbox", OUTBOX_COLUMNS, outgoing, "").await?;
        for (submission, outcome, because, ticket_id) in outcomes {
            query(
                "UPDATE submissions SET outcome = $1, because = $2, ticket_id = $3, settled_at = $4 \
                 WHERE id = $5 AND outcome IS NULL",
            )
            .bind(outcome.as_str())
            .bind(because.as_deref().map(rows::clean))
            .bind(ticket_id)
            .bind(now)
            .bind(submission)
            .execute(&mut *connection)
            .await?;
        }
        self.transaction.commit().await?;
        Ok(())
    }
}

const TICKET_COLUMNS: &[&str] = &[
    "id",
    "status",
    "subject",
    "requester_address",
    "requester_name",
    "language",
    "source",
    "campaign_status",
    "campaign_id",
    "topic",
    "topic_chosen_by",
    "priority",
    "route",
    "missing",
    "flags",
    "triage",
    "asked",
    "offered",
    "questions",
    "campaign_by_agent",
    "rules_version",
    "linked_ticket",
    "version",
    "created_at",
    "updated_at",
];

fn ticket_values(ticket: Ticket) -> Vec<Value> {
    vec![
        ticket.id.into(),
        ticket.status.as_str().into(),
        ticket.subject.into(),
        ticket.requester_address.into(),
        ticket.requester_name.into(),
        ticket.language.into(),
        ticket.source.into(),
        rows::to_word(&ticket.campaign_status).into(),
        ticket.campaign_id.into(),
        ticket.topic.into(),
        rows::to_word(&ticket.topic_chosen_by).into(),
        ticket.priority.into(),
        ticket.route.into(),
        rows::to_json(&ticket.missing).into(),
        rows::to_json(&ticket.flags).into(),
        rows::to_json(&ticket.triage).into(),
        rows::to_json(&ticket.asked).into(),
        rows::to_json(&ticket.offered).into(),
        ticket.questions.into(),
        i64::from(ticket.campaign_by_agent).into(),
        ticket.rules_version.into(),
        ticket.linked_ticket.into(),
        ticket.version.into(),
        ticket.created_at.into(),
        ticket.updated_at.into(),
    ]
}

const MESSAGE_COLUMNS: &[&str] = &[
    "id",
    "ticket_id",
    "submission_id",
    "direction",
    "message_id",
    "fingerprint",
    "from_address",
    "request",
    "triage",
    "body",
    "created_at",
];

fn message_values(message: NewMessage, ticket_id: i64, now: i64) -> Vec<Value> {
    vec![
        uuid::Uuid::now_v7().to_string().into(),
        ticket_id.into(),
        message.submission_id.into(),
        rows::to_word(&message.direction).into(),
        message.message_id.into(),
        message.fingerprint.into(),
        message.from_address.into(),
        message.request.into(),
        message.triage.into(),
        message.body.into(),
        now.into(),
    ]
}

/// Keeps what goes out among its ticket's messages.
pub(super) async fn put_sent(connection: &mut AnyConnection, sent: &outbox::Outgoing, now: i64) -> Result<(), Error> {
    let message = NewMessage {
        submission_id: None,
        direction: Direction::Out,
        message_id: Some(sent.message_id.clone()),
        fingerprint: None,
        from_address: address(&sent.payload.from),
        request: None,
        triage: None,
        body: Some(sent.payload.text.clone()),
    };
    let values = vec![message_values(message, sent.ticket_id, now)];
    rows::insert(connection, "messages", MESSAGE_COLUMNS, values, "").await?;
    Ok(())
}

/// The address of `Name <address>`.
fn address(mailbox: &str) -> String {
    let inner = mailbox.rsplit_once('<').and_then(|(_, rest)| rest.split_once('>'));
    inner.map_or(mailbox, |(address, _)| address).trim().to_lowercase()
}

const EVENT_COLUMNS: &[&str] = &["id", "ticket_id", "at", "actor", "what", "detail"];

fn event_values(event: &NewEvent, ticket_id: i64, now: i64) -> Vec<Value> {
    vec![
        uuid::Uuid::now_v7().to_string().into(),
        ticket_id.into(),
        now.into(),
        event.actor.into(),
        event.what.into(),
        rows::to_json(&event.detail).into(),
    ]
}

const OUTBOX_COLUMNS: &[&str] = &[
    "id",
    "ticket_id",
    "kind",
    "reason",
    "recipient",
    "recipient_domain",
    "message_id",
    "payload",
    "state",
    "due_at",
    "created_at",
];

fn outgoing_values(outgoing: NewOutgoing, ticket_id: i64, now: i64) -> Vec<Value> {
    let domain = domain(&outgoing.recipient);
    vec![
        outgoing.id.into(),
        ticket_id.into(),
        rows::to_word(&outgoing.kind).into(),
        rows::to_word(&outgoing.reason).into(),
        outgoing.recipient.into(),
        domain.into(),
        outgoing.message_id.into(),
        rows::to_json(&outgoing.payload).into(),
        rows::to_word(&outgoing.state).into(),
        now.into(),
        now.into(),
    ]
}
