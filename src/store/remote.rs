//! Tickets that other help desks have, too: under which id, how they stood there at the last look, and what agents
//! answered there.
//!
//! Promises: an answer is kept once, however often it is read; two nodes never look at the same ticket at once.

use serde_json::json;
use sqlx::any::AnyRow;
use sqlx::{Row, query};

use super::rows::{self, Value};
use super::settle::{NewMessage, NewOutgoing, Settling};
use super::tickets::{Direction, event, update};
use super::values::{MESSAGE_COLUMNS, message_values};
use super::{Error, Store, outbox};
use crate::ticket::Ticket;

/// A ticket in another help desk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    /// Ours.
    pub ticket_id: i64,
    /// Theirs; empty: it is being created, and nobody knows yet.
    pub remote_id: String,
    /// How it stood there at the last look.
    pub seen: String,
}

/// What an agent wrote to the customer in another help desk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The vendor's id of it.
    pub id: String,
    /// Who wrote it: an address, or a name.
    pub author: String,
    /// What.
    pub text: String,
}

const COLUMNS: &str = "ticket_id, remote_id, seen";

impl Store {
    /// The ticket as a connector knows it.
    pub async fn remote_ticket(&self, connector: &str, ticket: i64) -> Result<Option<Remote>, Error> {
        let sql = format!("SELECT {COLUMNS} FROM remote_tickets WHERE connector = $1 AND ticket_id = $2");
        let found = query(sqlx::AssertSqlSafe(sql)).bind(connector).bind(ticket).fetch_optional(&self.read).await?;
        found.as_ref().map(read).transpose()
    }

    /// Keeps under which id it is known there; an empty one: it is about to be created. `seen`: how we have set it to stand.
    pub async fn keep_remote(
        &self,
        connector: &str,
        ticket: i64,
        remote_id: &str,
        seen: Option<&str>,
        now: i64,
    ) -> Result<(), Error> {
        let mut transaction = self.begin().await?;
        query(
            "INSERT INTO remote_tickets (connector, ticket_id, remote_id, seen, polled_at, created_at) \
             VALUES ($1, $2, $3, COALESCE($5, ''), $4, $4) ON CONFLICT (connector, ticket_id) DO UPDATE SET \
             remote_id = excluded.remote_id, over = 0, seen = COALESCE($5, remote_tickets.seen)",
        )
        .bind(connector)
        .bind(ticket)
        .bind(rows::clean(remote_id))
        .bind(now)
        .bind(seen)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// It was not created after all.
    pub async fn forget_remote(&self, connector: &str, ticket: i64) -> Result<(), Error> {
        let mut transaction = self.begin().await?;
        query("DELETE FROM remote_tickets WHERE connector = $1 AND ticket_id = $2")
            .bind(connector)
            .bind(ticket)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Takes the tickets that were looked at longest ago, before `before` (unix milliseconds), and marks them as looked at.
    pub async fn take_to_poll(&self, connector: &str, before: i64, now: i64, limit: i64) -> Result<Vec<Remote>, Error> {
        let mut transaction = self.begin().await?;
        let sql = format!(
            "UPDATE remote_tickets SET polled_at = $1 WHERE connector = $2 AND ticket_id IN (SELECT ticket_id FROM remote_tickets \
             WHERE connector = $2 AND over = 0 AND polled_at <= $3 AND remote_id <> '' ORDER BY polled_at, ticket_id LIMIT $4) \
             AND polled_at <= $3 RETURNING {COLUMNS}"
        );
        let taken = query(sqlx::AssertSqlSafe(sql))
            .bind(now)
            .bind(connector)
            .bind(before)
            .bind(limit)
            .fetch_all(&mut *transaction)
            .await?;
        transaction.commit().await?;
        taken.iter().map(read).collect()
    }

    /// The help desk says that a ticket changed: it is looked at next. Whether it is known.
    pub async fn poll_soon(&self, connector: &str, remote_id: &str) -> Result<bool, Error> {
        let mut transaction = self.begin().await?;
        let done = query("UPDATE remote_tickets SET polled_at = 0, over = 0 WHERE connector = $1 AND remote_id = $2")
            .bind(connector)
            .bind(rows::clean(remote_id))
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(done.rows_affected() > 0)
    }
}

impl Settling {
    /// Which of these Message-IDs are kept already.
    pub async fn kept(&mut self, message_ids: &[String]) -> Result<Vec<String>, Error> {
        let sql = |marks: &str| format!("SELECT message_id FROM messages WHERE message_id IN ({marks})");
        let found = rows::with_keys(&mut self.transaction, sql, &[], &rows::keys(message_ids)).await?;
        found.iter().map(|row| Ok(row.try_get("message_id")?)).collect()
    }

    /// Keeps what agents of a connector's help desk made of a ticket, and commits. `answers` carry their Message-IDs;
    /// `seen` and `over`: how it stands there.
    #[allow(clippy::too_many_arguments)]
    pub async fn commit_remote(
        mut self,
        connector: &str,
        (before, after): (&Ticket, &Ticket),
        answers: Vec<(String, Answer)>,
        outgoing: Vec<NewOutgoing>,
        (seen, over): (&str, bool),
        now: i64,
    ) -> Result<(), Error> {
        let actor = format!("connector:{connector}");
        let connection = &mut *self.transaction;
        if before != after && !update(connection, after, before.version).await? {
            return Err(Error::Conflict(format!("ticket {}", before.id)));
        }
        let mut messages: Vec<Vec<Value>> = vec![];
        for (message_id, answer) in answers {
            let detail = json!({ "by": answer.author });
            event(connection, before.id, now, &actor, "agent_answered", &detail).await?;
            let message = NewMessage {
                submission_id: None,
                direction: Direction::Out,
                message_id: Some(message_id),
                fingerprint: None,
                from_address: answer.author,
                request: None,
                triage: None,
                body: Some(answer.text),
            };
            messages.push(message_values(message, before.id, now));
        }
        rows::insert(connection, "messages", MESSAGE_COLUMNS, messages, "").await?;
        if before.status != after.status {
            let detail = json!({ "from": before.status, "to": after.status });
            event(connection, before.id, now, &actor, "status", &detail).await?;
        }
        outbox::insert(connection, outgoing.into_iter().map(|row| (row, before.id)), now).await?;
        query("UPDATE remote_tickets SET seen = $1, over = $2 WHERE connector = $3 AND ticket_id = $4")
            .bind(rows::clean(seen))
            .bind(i64::from(over))
            .bind(connector)
            .bind(before.id)
            .execute(&mut *connection)
            .await?;
        self.transaction.commit().await?;
        Ok(())
    }
}

fn read(row: &AnyRow) -> Result<Remote, Error> {
    Ok(Remote {
        ticket_id: row.try_get("ticket_id")?,
        remote_id: row.try_get("remote_id")?,
        seen: row.try_get("seen")?,
    })
}
