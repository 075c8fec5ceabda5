//! Tickets that wait for their customer: which of them the desk is to act on now.

use sqlx::{AssertSqlSafe, Row, query};

use super::Error;
use super::changes::requests;
use super::settle::Settling;
use super::tickets::{COLUMNS, read};
use crate::request::Request;
use crate::ticket::Ticket;

impl Settling {
    /// Waiting tickets on which the desk is to act, the longest due first. One whose question has not left the desk yet
    /// waits for that.
    pub async fn due(&mut self, now: i64, limit: i64) -> Result<Vec<Ticket>, Error> {
        let sql = format!(
            "SELECT {COLUMNS} FROM tickets WHERE status = 'waiting' AND chase_at <= $1 AND NOT EXISTS (SELECT 1 FROM outbox \
             WHERE outbox.ticket_id = tickets.id AND outbox.reason IN ('question', 'reminder') AND outbox.state = 'queued') \
             ORDER BY chase_at, id LIMIT $2"
        );
        let found = query(AssertSqlSafe(sql)).bind(now).bind(limit).fetch_all(&mut *self.transaction).await?;
        found.iter().map(read).collect()
    }

    /// The ticket with this number, at this moment.
    pub async fn ticket(&mut self, id: i64) -> Result<Option<Ticket>, Error> {
        let sql = format!("SELECT {COLUMNS} FROM tickets WHERE id = $1");
        let found = query(AssertSqlSafe(sql)).bind(id).fetch_optional(&mut *self.transaction).await?;
        found.as_ref().map(read).transpose()
    }

    /// Whether the last question on a ticket went to somebody who was not proven to have written; so when it is not known.
    pub async fn asked_unproven(&mut self, ticket: i64) -> Result<bool, Error> {
        let sql = "SELECT unproven FROM outbox WHERE ticket_id = $1 AND reason = 'question' AND state <> 'dropped' \
                   ORDER BY created_at DESC, id DESC LIMIT 1";
        let found = query(sql).bind(ticket).fetch_optional(&mut *self.transaction).await?;
        found.map_or(Ok(true), |row| Ok(row.try_get::<i64, _>("unproven")? != 0))
    }

    /// What the customer wrote last on a ticket.
    pub async fn last_request(&mut self, ticket: i64) -> Result<Option<Request>, Error> {
        Ok(requests(&mut self.transaction, ticket).await?.pop())
    }
}
