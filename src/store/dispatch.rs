//! What is decided about an outgoing row after it was written: a draft is released, a dead one tried again, one that has
//! become pointless is withdrawn or dropped.
//!
//! Promises: what is on the wire at the moment is left alone; what never went out does not stand among the ticket's
//! messages as if it had.

use serde_json::json;
use sqlx::{AnyConnection, AssertSqlSafe, Row, query};

use super::outbox::{COLUMNS, Outgoing, Payload, Reason, State, read};
use super::rows::{self, Value};
use super::settle::{NewMessage, NewOutgoing, Settling};
use super::tickets::{self, Direction};
use super::values::{MESSAGE_COLUMNS, message_values};
use super::{Error, Store, outbox};
use crate::ticket::{INCOMPLETE, Status, Ticket, UNDELIVERED};

/// Which outgoing rows; an empty list or `None` means any.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// In one of these states.
    pub states: Vec<State>,
    /// Of this ticket.
    pub ticket: Option<i64>,
    /// To this address, webhook or connector.
    pub recipient: Option<String>,
}

impl Store {
    /// One row.
    pub async fn outgoing(&self, id: &str) -> Result<Outgoing, Error> {
        let sql = format!("SELECT {COLUMNS} FROM outbox WHERE id = $1");
        let row = query(AssertSqlSafe(sql)).bind(id).fetch_optional(&self.read).await?;
        read(&row.ok_or_else(|| Error::Missing(format!("outgoing {id}")))?)
    }

    /// Outgoing rows, newest first.
    pub async fn list_outgoing(&self, filter: &Filter, limit: i64) -> Result<Vec<Outgoing>, Error> {
        let mut sql = format!("SELECT {COLUMNS} FROM outbox WHERE 1 = 1");
        let mut values: Vec<Value> = vec![];
        let mut bind = |value: Value| {
            values.push(value);
            format!("${}", values.len())
        };
        if !filter.states.is_empty() {
            let marks: Vec<String> = filter.states.iter().map(|state| bind(rows::to_word(state).into())).collect();
            sql.push_str(&format!(" AND state IN ({})", marks.join(", ")));
        }
        if let Some(ticket) = filter.ticket {
            sql.push_str(&format!(" AND ticket_id = {}", bind(ticket.into())));
        }
        if let Some(recipient) = &filter.recipient {
            sql.push_str(&format!(" AND recipient = {}", bind(recipient.as_str().into())));
        }
        sql.push_str(&format!(" ORDER BY created_at DESC, id DESC LIMIT {}", bind(limit.into())));
        let statement = values.into_iter().fold(query(AssertSqlSafe(sql)), rows::bind);
        statement.fetch_all(&self.read).await?.iter().map(read).collect()
    }

    /// Tries a dead row again, or a queued one at once; its tries are counted anew. The Message-ID stays. A ticket that went
    /// to the agents because its question could not be delivered waits for the answer again; `chase` and `follows` as for
    /// [`Store::release_draft`].
    pub async fn retry_outgoing(
        &self,
        id: &str,
        actor: &str,
        chase: (Option<i64>, bool),
        now: i64,
        follows: impl FnOnce(&Ticket, &Ticket) -> Vec<NewOutgoing>,
    ) -> Result<Outgoing, Error> {
        let mut transaction = self.begin().await?;
        let sql = format!(
            "UPDATE outbox SET state = 'queued', due_at = $1, attempts = 0, settled_at = NULL \
             WHERE id = $2 AND state IN ('dead', 'queued') AND lease_until <= $1 RETURNING {COLUMNS}"
        );
        let done = query(AssertSqlSafe(sql)).bind(now).bind(id).fetch_optional(&mut *transaction).await?;
        let Some(row) = done else { return Err(refused(&mut transaction, id, "tried again").await?) };
        let row = read(&row)?;
        let detail = json!({ "outgoing": id, "reason": row.reason });
        tickets::event(&mut transaction, row.ticket_id, now, actor, "retried", &detail).await?;
        if row.reason == Reason::Question {
            let undelivered = |ticket: &Ticket| {
                let flagged = ticket.flags.iter().any(|flag| flag == UNDELIVERED);
                ticket.status == Status::Ready && flagged && !ticket.asked.is_empty()
            };
            waits(&mut transaction, row.ticket_id, undelivered, chase, now, follows).await?;
        }
        transaction.commit().await?;
        Ok(row)
    }

    /// Sends a draft after all, in the words that `renew` makes of it. `chase`: when the desk is to act on a ticket that
    /// waits from now on, and whether there is nothing to remind of then. `follows` gives what is to be sent when that moves
    /// the ticket.
    pub async fn release_draft(
        &self,
        id: &str,
        renew: impl FnOnce(&mut Payload),
        actor: &str,
        chase: (Option<i64>, bool),
        now: i64,
        follows: impl FnOnce(&Ticket, &Ticket) -> Vec<NewOutgoing>,
    ) -> Result<Outgoing, Error> {
        let mut transaction = self.begin().await?;
        let sql = format!(
            "UPDATE outbox SET state = 'queued', due_at = $1 WHERE id = $2 AND state = 'draft' RETURNING {COLUMNS}"
        );
        let done = query(AssertSqlSafe(sql)).bind(now).bind(id).fetch_optional(&mut *transaction).await?;
        let Some(row) = done else { return Err(refused(&mut transaction, id, "released: it is no draft").await?) };
        let mut draft = read(&row)?;
        renew(&mut draft.payload);
        query("UPDATE payloads SET payload = $1 WHERE id = $2")
            .bind(rows::to_json(&draft.payload))
            .bind(id)
            .execute(&mut *transaction)
            .await?;
        put_sent(&mut transaction, &draft, now).await?;
        if draft.reason == Reason::Question {
            let with_agents = |ticket: &Ticket| matches!(ticket.status, Status::Ready | Status::Open);
            waits(&mut transaction, draft.ticket_id, with_agents, chase, now, follows).await?;
        }
        tickets::event(&mut transaction, draft.ticket_id, now, actor, "draft_sent", &json!({ "outgoing": id })).await?;
        transaction.commit().await?;
        Ok(draft)
    }
}

impl Settling {
    /// Takes a row out for good that was not sent: the row, and whether it was still to go out, by itself or by an agent.
    pub async fn drop_outgoing(&mut self, id: &str, actor: &str, now: i64) -> Result<(Outgoing, bool), Error> {
        let transaction = &mut self.transaction;
        let mut done = None;
        for states in ["'queued', 'draft'", "'dead', 'held'"] {
            let sql = format!(
                "UPDATE outbox SET state = 'dropped', settled_at = $1 \
                 WHERE id = $2 AND state IN ({states}) AND lease_until <= $1 RETURNING {COLUMNS}"
            );
            let row = query(AssertSqlSafe(sql)).bind(now).bind(id).fetch_optional(&mut **transaction).await?;
            if let Some(row) = row {
                done = Some((read(&row)?, states.starts_with("'queued'")));
                break;
            }
        }
        let Some((row, pending)) = done else { return Err(refused(transaction, id, "dropped").await?) };
        take_back(transaction, &row.message_id).await?;
        let detail = json!({ "outgoing": id, "reason": row.reason });
        tickets::event(transaction, row.ticket_id, now, actor, "dropped", &detail).await?;
        Ok((row, pending))
    }
}

/// Withdraws what was to be asked on a ticket and is not on its way yet.
pub(super) async fn withdraw(connection: &mut AnyConnection, ticket: i64, now: i64) -> Result<(), Error> {
    let sql = format!(
        "UPDATE outbox SET state = 'dropped', settled_at = $1 WHERE ticket_id = $2 AND state IN ('queued', 'draft') \
         AND reason IN ('question', 'reminder') AND lease_until <= $1 RETURNING {COLUMNS}"
    );
    let withdrawn = query(AssertSqlSafe(sql)).bind(now).bind(ticket).fetch_all(&mut *connection).await?;
    for row in &withdrawn {
        let row = read(row)?;
        take_back(connection, &row.message_id).await?;
        let detail = json!({ "outgoing": row.id, "reason": row.reason });
        tickets::event(connection, ticket, now, "desk", "withdrawn", &detail).await?;
    }
    Ok(())
}

/// From now on the customer is to answer, and the ticket is no longer with the agents as it is, if it was (`may`).
async fn waits(
    connection: &mut AnyConnection,
    id: i64,
    may: impl FnOnce(&Ticket) -> bool,
    chase: (Option<i64>, bool),
    now: i64,
    follows: impl FnOnce(&Ticket, &Ticket) -> Vec<NewOutgoing>,
) -> Result<(), Error> {
    let sql = format!("SELECT {} FROM tickets WHERE id = $1", tickets::COLUMNS);
    let ticket = query(AssertSqlSafe(sql)).bind(id).fetch_one(&mut *connection).await?;
    let before = tickets::read(&ticket)?;
    if !may(&before) {
        return Ok(());
    }
    let mut after = Ticket {
        status: Status::Waiting,
        version: before.version + 1,
        updated_at: now,
        chase_at: chase.0,
        reminded: chase.1,
        ..before.clone()
    };
    after.flags.retain(|flag| flag != INCOMPLETE && flag != UNDELIVERED);
    if !tickets::update(connection, &after, before.version).await? {
        return Err(Error::Conflict(format!("ticket {id}")));
    }
    let rows = follows(&before, &after);
    outbox::insert(connection, rows.into_iter().map(|row| (row, id)), now).await
}

/// What was kept among the ticket's messages when it was queued.
async fn take_back(connection: &mut AnyConnection, message_id: &str) -> Result<(), Error> {
    query("DELETE FROM messages WHERE direction = 'out' AND message_id = $1")
        .bind(message_id)
        .execute(&mut *connection)
        .await?;
    Ok(())
}

/// Why a row was left as it is.
async fn refused(connection: &mut AnyConnection, id: &str, what: &str) -> Result<Error, Error> {
    let row = query("SELECT state FROM outbox WHERE id = $1").bind(id).fetch_optional(&mut *connection).await?;
    Ok(match row {
        None => Error::Missing(format!("outgoing {id}")),
        Some(row) => match row.try_get::<String, _>("state")?.as_str() {
            "queued" if !what.starts_with("released") => {
                Error::Refused(format!("outgoing {id} is on the wire right now; look again in some minutes"))
            }
            state => Error::Refused(format!("outgoing {id} is {state}: it cannot be {what}")),
        },
    })
}

/// Keeps what goes out among its ticket's messages.
pub(super) async fn put_sent(connection: &mut AnyConnection, sent: &Outgoing, now: i64) -> Result<(), Error> {
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
