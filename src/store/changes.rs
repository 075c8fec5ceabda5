//! An agent's changes of a ticket.
//!
//! Promises: a change names the version it saw and is refused when somebody was quicker; every change leaves an event,
//! and a correction leaves feedback that rules may learn from; what follows for the mails (a question that has become
//! pointless, the team that is to know) follows in the same transaction.

use serde_json::json;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, query};

use super::dispatch::withdraw;
use super::settle::NewOutgoing;
use super::tickets::{COLUMNS, event, read, update};
use super::{Error, Store, outbox, rows};
use crate::request::Request;
use crate::ticket::change::{Change, Means, Replaced};
use crate::ticket::{Status, Ticket};

/// What an agent wants of a ticket.
#[derive(Debug, Clone)]
pub struct Wish<'a> {
    /// The ticket.
    pub ticket: i64,
    /// Its version that the agent saw.
    pub version: i64,
    /// The changes. Whether topic, campaign and team exist is the caller's to check.
    pub changes: Vec<Change>,
    /// `agent:NAME`.
    pub actor: &'a str,
    /// Unix milliseconds.
    pub at: i64,
}

impl Store {
    /// Makes an agent's changes, all or none, in one step of the version. `follows` gives what
    /// is to be sent for it: it gets the ticket as it was and as it is, and the customer's latest message.
    pub async fn change_ticket(
        &self,
        wish: Wish<'_>,
        means: Means<'_>,
        follows: impl FnOnce(&Ticket, &Ticket, Option<&Request>) -> Vec<NewOutgoing>,
    ) -> Result<Ticket, Error> {
        let Wish { ticket: id, version, changes, actor, at: now } = wish;
        let mut transaction = self.begin().await?;
        let sql = format!("SELECT {COLUMNS} FROM tickets WHERE id = $1");
        let row = query(AssertSqlSafe(sql)).bind(id).fetch_optional(&mut *transaction).await?;
        let Some(before) = row.as_ref().map(read).transpose()? else {
            return Err(Error::Missing(format!("ticket {id}")));
        };
        if before.version != version {
            return Err(Error::Conflict(format!("ticket {id}")));
        }
        if let Some(into) = before.merged_into() {
            return Err(Error::Refused(format!("ticket {id} was merged into ticket {into}: change that one")));
        }
        let requests = requests(&mut transaction, id).await?;
        let mut after = before.clone();
        let mut made = vec![];
        for change in changes {
            let status = after.status;
            let Some(replaced) = after.change(change, &requests, means).map_err(Error::Refused)? else { continue };
            // A status that followed from topic or campaign is told like one that was set.
            let followed = (replaced.field != "status" && status != after.status).then_some((status, after.status));
            made.push((replaced, followed));
        }
        if made.is_empty() {
            return Ok(before);
        }
        (after.version, after.updated_at) = (version + 1, now);
        if !update(&mut transaction, &after, version).await? {
            return Err(Error::Conflict(format!("ticket {id}")));
        }
        for (Replaced { field, old, new }, followed) in made {
            event(&mut transaction, id, now, actor, field, &json!({ "from": old, "to": new })).await?;
            if let Some((from, to)) = followed {
                event(&mut transaction, id, now, "desk", "status", &json!({ "from": from, "to": to })).await?;
            }
            if field == "requester" {
                // Nothing that rules may learn from.
                continue;
            }
            query(
                "INSERT INTO feedback (id, ticket_id, field, old, new, agent, at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
            )
            .bind(uuid::Uuid::now_v7().to_string())
            .bind(id)
            .bind(field)
            .bind(rows::clean(&old))
            .bind(rows::clean(&new))
            .bind(actor)
            .bind(now)
            .execute(&mut *transaction)
            .await?;
        }
        let left_waiting = before.status == Status::Waiting && after.status != Status::Waiting;
        let another = before.requester_address != after.requester_address;
        if another || left_waiting || (after.missing.is_empty() && !before.missing.is_empty()) {
            withdraw(&mut transaction, id, now).await?;
        }
        let rows = follows(&before, &after, requests.last());
        outbox::insert(&mut transaction, rows.into_iter().map(|row| (row, id)), now).await?;
        transaction.commit().await?;
        Ok(after)
    }
}

/// What the customer wrote on a ticket, oldest first.
pub(super) async fn requests(connection: &mut AnyConnection, ticket: i64) -> Result<Vec<Request>, Error> {
    let found = query(
        "SELECT request FROM messages WHERE ticket_id = $1 AND direction = 'in' AND request IS NOT NULL \
         ORDER BY created_at, id",
    )
    .bind(ticket)
    .fetch_all(&mut *connection)
    .await?;
    let read = |row: &AnyRow| rows::from_json::<Request>(row, "request", &format!("a message of ticket {ticket}"));
    let requests = found.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    Ok(requests.into_iter().filter(|request| request.automated.is_none()).collect())
}
