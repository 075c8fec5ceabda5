//! Settling: the outcomes of claimed submissions, with the tickets, messages, events and outbox rows that they cause,
//! in one transaction.
//!
//! Promises: all of it or nothing; a claim that another worker has taken over settles nothing; two nodes on one
//! PostgreSQL settle one after the other, so that what was looked up here (duplicates, budgets, versions) still holds
//! at commit.

use std::collections::{HashMap, HashSet};

use serde_json::Value as Json;
use sqlx::{Any, Row, Transaction, query};

use super::claims::RELEASED;
use super::dispatch::withdraw;
use super::outbox::{self, Payload};
use super::rows::{self, Value};
use super::submissions::{Outcome, Submission};
use super::threads::{self, Thread};
use super::tickets::{self, Direction};
use super::values::{EVENT_COLUMNS, MESSAGE_COLUMNS, TICKET_COLUMNS, event_values, message_values, ticket_values};
use super::{Engine, Error, Store, fetches};
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
    /// It goes to somebody who may not have written: it counts in a budget of its own.
    pub unproven: bool,
}

/// What becomes of the ticket.
#[derive(Debug, Clone)]
pub enum OnTicket {
    /// There is none, or it stays as it is.
    Nothing,
    /// It is new; its number was reserved with the claim.
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
    /// What it causes.
    pub effect: Effect,
    /// What it causes on the ticket that it is linked to.
    pub beside: Option<Effect>,
    /// The partner's matter that its ticket is about.
    pub thread: Option<Thread>,
    /// Attachments to fetch: places in the request's list, and URLs.
    pub fetches: Vec<(i64, String)>,
}

/// What a submission, or the passing of time, causes on one ticket.
#[derive(Debug, Clone)]
pub struct Effect {
    /// The ticket.
    pub ticket_id: Option<i64>,
    /// What becomes of it.
    pub ticket: OnTicket,
    /// What was to be asked on it and is not on its way yet is withdrawn: it is answered, or asked anew.
    pub withdraw: bool,
    /// Messages for that ticket.
    pub messages: Vec<NewMessage>,
    /// Events of that ticket.
    pub events: Vec<NewEvent>,
    /// Outbox rows of that ticket.
    pub outgoing: Vec<NewOutgoing>,
    /// An address that turned out not to exist, and the status code.
    pub bounced: Option<(String, Option<String>)>,
    /// An address that does exist: its owner has written.
    pub alive: Option<String>,
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

    /// The submissions in quarantine by the hash of their bytes, of these hashes.
    pub async fn quarantined(&mut self, hashes: &[&str]) -> Result<HashMap<String, String>, Error> {
        let sql = |marks: &str| {
            format!(
                "SELECT content_hash, id FROM submissions WHERE outcome = 'quarantined' AND size > 0 \
                 AND content_hash IN ({marks})"
            )
        };
        let keys: Vec<Value> = hashes.iter().map(|hash| (*hash).into()).collect();
        let found = rows::with_keys(&mut self.transaction, sql, &[], &keys).await?;
        found.iter().map(|row| Ok((row.try_get("content_hash")?, row.try_get("id")?))).collect()
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

    /// Puts one back that failed: it is taken up again, alone, and that is counted.
    pub async fn put_back_counted(&mut self, submission: &str) -> Result<(), Error> {
        query("UPDATE submissions SET lease_until = $1, failures = failures + 1 WHERE outcome IS NULL AND id = $2")
            .bind(RELEASED)
            .bind(submission)
            .execute(&mut *self.transaction)
            .await?;
        Ok(())
    }

    /// Writes all of it and commits.
    pub async fn commit(mut self, settlements: Vec<Settlement>, now: i64) -> Result<(), Error> {
        let mut effects = vec![];
        let mut outcomes: Vec<Vec<Value>> = vec![];
        let mut beyond = vec![];
        for Settlement { submission, outcome, because, effect, beside, thread, fetches } in settlements {
            if let Some(ticket) = effect.ticket_id.filter(|_| thread.is_some() || !fetches.is_empty()) {
                beyond.push((submission.clone(), ticket, thread, fetches));
            }
            outcomes.push(vec![
                submission.into(),
                outcome.as_str().into(),
                because.into(),
                effect.ticket_id.into(),
                now.into(),
            ]);
            effects.push(effect);
            effects.extend(beside);
        }
        self.write(effects, now).await?;
        for (submission, ticket, thread, fetches) in beyond {
            if let Some(thread) = thread {
                threads::keep(&mut self.transaction, &thread, ticket, now).await?;
            }
            fetches::insert(&mut self.transaction, &submission, ticket, fetches, now).await?;
        }
        rows::with_rows(&mut self.transaction, ended, outcomes).await?;
        self.transaction.commit().await?;
        Ok(())
    }

    /// Writes what no submission caused, and commits.
    pub async fn commit_effects(mut self, effects: Vec<Effect>, now: i64) -> Result<(), Error> {
        self.write(effects, now).await?;
        self.transaction.commit().await?;
        Ok(())
    }

    async fn write(&mut self, effects: Vec<Effect>, now: i64) -> Result<(), Error> {
        let connection = &mut *self.transaction;
        let mut opened = vec![];
        let mut messages = vec![];
        let mut events = vec![];
        let mut outgoing = vec![];
        let mut withdrawn = vec![];
        for effect in effects {
            match effect.ticket {
                OnTicket::Nothing => {}
                OnTicket::Open(ticket) => opened.push(ticket_values(*ticket)),
                OnTicket::Change(ticket, version) => {
                    if !tickets::update(connection, &ticket, version).await? {
                        return Err(Error::Conflict(format!("ticket {}", ticket.id)));
                    }
                }
            }
            if let Some((address, status)) = effect.bounced {
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
            if let Some(address) = effect.alive {
                query("DELETE FROM bounced WHERE address = $1").bind(address).execute(&mut *connection).await?;
            }
            let Some(ticket_id) = effect.ticket_id else { continue };
            withdrawn.extend(effect.withdraw.then_some(ticket_id));
            messages.extend(effect.messages.into_iter().map(|message| message_values(message, ticket_id, now)));
            events.extend(effect.events.into_iter().map(|event| event_values(&event, ticket_id, now)));
            outgoing.extend(effect.outgoing.into_iter().map(|row| (row, ticket_id)));
        }
        for ticket in withdrawn {
            withdraw(connection, ticket, now).await?;
        }
        rows::insert(connection, "tickets", TICKET_COLUMNS, opened, "").await?;
        rows::insert(connection, "messages", MESSAGE_COLUMNS, messages, "").await?;
        rows::insert(connection, "events", EVENT_COLUMNS, events, "").await?;
        outbox::insert(connection, outgoing, now).await?;
        Ok(())
    }
}

/// Ends submissions: id, outcome, because, ticket and time of each.
fn ended(values: &str) -> String {
    format!(
        "WITH ended (id, outcome, because, ticket_id, settled_at) AS (VALUES {values}) \
         UPDATE submissions SET outcome = ended.outcome, because = ended.because, ticket_id = ended.ticket_id, \
         settled_at = ended.settled_at FROM ended WHERE submissions.id = ended.id AND submissions.outcome IS NULL"
    )
}
