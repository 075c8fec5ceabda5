//! What came in and what agents made of it: for judging again with other rules, and for learning from corrections. Only reads.

use std::collections::HashMap;

use sqlx::{AssertSqlSafe, Row, query};

use super::rows::{self, Value};
use super::{Error, Store, tickets};
use crate::request::Request;
use crate::ticket::Ticket;
use crate::triage::Triage;

/// A ticket with all that its customer wrote, oldest first, and the judgement over each at its time.
#[derive(Debug, Clone, PartialEq)]
pub struct Past {
    /// As it is now.
    pub ticket: Ticket,
    /// What came in.
    pub requests: Vec<(Request, Triage)>,
}

/// An agent's correction of a ticket's topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correction {
    /// The ticket.
    pub ticket: i64,
    /// The topic that the first correction replaced.
    pub old: String,
    /// The topic that agents settled on.
    pub new: String,
    /// When, unix milliseconds.
    pub at: i64,
}

impl Store {
    /// The tickets with these bounds, by number: created at `since` (unix milliseconds) or later, numbered above `after`,
    /// at most `limit`.
    pub async fn history(&self, since: i64, after: i64, limit: i64) -> Result<Vec<Past>, Error> {
        let sql =
            format!("SELECT {} FROM tickets WHERE created_at >= $1 AND id > $2 ORDER BY id LIMIT $3", tickets::COLUMNS);
        let found = query(AssertSqlSafe(sql)).bind(since).bind(after).bind(limit).fetch_all(&self.read).await?;
        let found = found.iter().map(tickets::read).collect::<Result<Vec<Ticket>, _>>()?;
        self.pasts(found).await
    }

    /// The tickets with these numbers and what came in on them.
    pub async fn pasts_of(&self, ids: &[i64]) -> Result<Vec<Past>, Error> {
        let mut found: Vec<Ticket> = self.tickets(ids).await?.into_values().collect();
        found.sort_by_key(|ticket| ticket.id);
        self.pasts(found).await
    }

    async fn pasts(&self, found: Vec<Ticket>) -> Result<Vec<Past>, Error> {
        if found.is_empty() {
            return Ok(vec![]);
        }
        let sql = |marks: &str| {
            format!(
                "SELECT ticket_id, request, triage, created_at, id FROM messages WHERE direction = 'in' \
                 AND request IS NOT NULL AND triage IS NOT NULL AND ticket_id IN ({marks}) ORDER BY created_at, id"
            )
        };
        let keys: Vec<Value> = found.iter().map(|ticket| ticket.id.into()).collect();
        let mut connection = self.read.acquire().await?;
        let mut messages: HashMap<i64, Vec<(Request, Triage)>> = HashMap::new();
        for row in rows::with_keys(&mut connection, sql, &[], &keys).await? {
            let ticket: i64 = row.try_get("ticket_id")?;
            let what = format!("a message of ticket {ticket}");
            let request: Request = rows::from_json(&row, "request", &what)?;
            if request.automated.is_none() {
                let triage = rows::from_json(&row, "triage", &what)?;
                messages.entry(ticket).or_default().push((request, triage));
            }
        }
        let past = |ticket: Ticket| {
            let requests = messages.remove(&ticket.id).unwrap_or_default();
            Past { ticket, requests }
        };
        Ok(found.into_iter().map(past).collect())
    }

    /// Corrections of topics at `since` (unix milliseconds) or later, one a ticket: from what the rules had found to what
    /// agents settled on. What came back to where it had been is none.
    pub async fn corrections(&self, since: i64) -> Result<Vec<Correction>, Error> {
        let found = query(
            "SELECT ticket_id, old, new, at FROM feedback WHERE field = 'topic' AND at >= $1 ORDER BY ticket_id, at, id",
        )
        .bind(since)
        .fetch_all(&self.read)
        .await?;
        let mut corrections: Vec<Correction> = vec![];
        for row in &found {
            let (ticket, at) = (row.try_get("ticket_id")?, row.try_get("at")?);
            let (old, new): (String, String) = (row.try_get("old")?, row.try_get("new")?);
            match corrections.last_mut().filter(|last| last.ticket == ticket) {
                Some(last) => (last.new, last.at) = (new, at),
                None => corrections.push(Correction { ticket, old, new, at }),
            }
        }
        corrections.retain(|correction| correction.old != correction.new);
        Ok(corrections)
    }
}
