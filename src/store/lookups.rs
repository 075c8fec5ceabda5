//! Lookups: what is already there that a new request may be the same as, answer, or come back from.
//!
//! Many keys in one query, so that a batch costs a few. Only reads; what was found is checked again when it is settled.

use std::collections::HashMap;

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::rows::{self, Value};
use super::settle::Settling;
use super::{Error, Store, tickets};
use crate::request::Request;
use crate::ticket::Ticket;

/// Of a ticket: its requester is asked, or an agent may still release the question.
const ASKED: &str = "(status = 'waiting' OR status = 'ready' AND EXISTS (SELECT 1 FROM outbox \
                     WHERE outbox.ticket_id = tickets.id AND outbox.reason = 'question' AND outbox.state = 'draft'))";

/// A message of some ticket, as far as later ones are compared with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Without angle brackets.
    pub message_id: Option<String>,
    /// Identity of its content; `None` of our own.
    pub fingerprint: Option<String>,
    /// The ticket it is on.
    pub ticket_id: i64,
}

impl Seen {
    /// Whether that message goes by the same name as this request: the same Message-ID or, where there is none, the same
    /// content at the same date. A webhook's post has neither: its door tells the same from another.
    pub fn same_name(&self, request: &Request, fingerprint: &str) -> bool {
        match &request.message_id {
            Some(id) => self.fingerprint.is_some() && self.message_id.as_ref() == Some(id),
            None => {
                request.date.is_some() && self.message_id.is_none() && self.fingerprint.as_deref() == Some(fingerprint)
            }
        }
    }
}

/// A mail of ours, as far as a bounce names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentTo {
    /// Without angle brackets.
    pub message_id: String,
    /// The ticket it is of.
    pub ticket_id: i64,
    /// To whom it went.
    pub recipient: String,
}

impl Store {
    /// Messages with one of these Message-IDs, or, without any, with one of these fingerprints.
    pub async fn seen(&self, message_ids: &[String], fingerprints: &[String]) -> Result<Vec<Seen>, Error> {
        if message_ids.is_empty() && fingerprints.is_empty() {
            return Ok(vec![]);
        }
        let mut connection = self.read.acquire().await?;
        seen(&mut connection, message_ids, fingerprints).await
    }

    /// Mails of ours with one of these Message-IDs.
    pub async fn sent(&self, message_ids: &[String]) -> Result<Vec<SentTo>, Error> {
        if message_ids.is_empty() {
            return Ok(vec![]);
        }
        let mut connection = self.read.acquire().await?;
        let sql =
            |marks: &str| format!("SELECT message_id, ticket_id, recipient FROM outbox WHERE message_id IN ({marks})");
        let found = rows::with_keys(&mut connection, sql, &[], &rows::keys(message_ids)).await?;
        let read = |row: &AnyRow| {
            Ok(SentTo {
                message_id: row.try_get("message_id")?,
                ticket_id: row.try_get("ticket_id")?,
                recipient: row.try_get("recipient")?,
            })
        };
        found.iter().map(read).collect()
    }

    /// The tickets with these numbers, as many as exist.
    pub async fn tickets(&self, ids: &[i64]) -> Result<HashMap<i64, Ticket>, Error> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let mut connection = self.read.acquire().await?;
        let sql = |marks: &str| format!("SELECT {} FROM tickets WHERE id IN ({marks})", tickets::COLUMNS);
        let keys: Vec<Value> = ids.iter().map(|id| (*id).into()).collect();
        let found = rows::with_keys(&mut connection, sql, &[], &keys).await?;
        found.iter().map(|row| tickets::read(row).map(|ticket| (ticket.id, ticket))).collect()
    }

    /// The tickets that wait for these requesters (lower case), or have a question to them that an agent may still release,
    /// the oldest first.
    pub async fn waiting_for(&self, requesters: &[String]) -> Result<Vec<Ticket>, Error> {
        if requesters.is_empty() {
            return Ok(vec![]);
        }
        let mut connection = self.read.acquire().await?;
        let sql = |marks: &str| {
            format!(
                "SELECT {} FROM tickets WHERE {ASKED} AND requester_address IN ({marks}) ORDER BY id",
                tickets::COLUMNS
            )
        };
        let found = rows::with_keys(&mut connection, sql, &[], &rows::keys(requesters)).await?;
        found.iter().map(tickets::read).collect()
    }
}

impl Settling {
    /// The numbers of the tickets of [`Store::waiting_for`] at this moment, with their requesters.
    pub async fn waiting_for(&mut self, requesters: &[String]) -> Result<Vec<(i64, String)>, Error> {
        let sql = |marks: &str| {
            format!("SELECT id, requester_address FROM tickets WHERE {ASKED} AND requester_address IN ({marks})")
        };
        let found = rows::with_keys(&mut self.transaction, sql, &[], &rows::keys(requesters)).await?;
        found.iter().map(|row| Ok((row.try_get("id")?, row.try_get("requester_address")?))).collect()
    }

    /// As [`Store::seen`], at this moment.
    pub async fn seen(&mut self, message_ids: &[String], fingerprints: &[String]) -> Result<Vec<Seen>, Error> {
        seen(&mut self.transaction, message_ids, fingerprints).await
    }
}

async fn seen(
    connection: &mut AnyConnection,
    message_ids: &[String],
    fingerprints: &[String],
) -> Result<Vec<Seen>, Error> {
    let by_id =
        |marks: &str| format!("SELECT message_id, fingerprint, ticket_id FROM messages WHERE message_id IN ({marks})");
    let by_print = |marks: &str| {
        format!(
            "SELECT message_id, fingerprint, ticket_id FROM messages WHERE message_id IS NULL AND fingerprint IN ({marks})"
        )
    };
    let mut found = rows::with_keys(connection, by_id, &[], &rows::keys(message_ids)).await?;
    found.append(&mut rows::with_keys(connection, by_print, &[], &rows::keys(fingerprints)).await?);
    let read = |row: &AnyRow| {
        Ok(Seen {
            message_id: row.try_get("message_id")?,
            fingerprint: row.try_get("fingerprint")?,
            ticket_id: row.try_get("ticket_id")?,
        })
    };
    found.iter().map(read).collect()
}
