//! The outbox: what is to be sent, written in the transaction of the ticket change that causes it.
//!
//! Promises: a row keeps one Message-ID for ever; a claim is fenced, so that a worker that slept past its lease can
//! neither mark as sent nor put back what another one has taken over.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::settle::{NewOutgoing, Settling};
use super::values::{OUTBOX_COLUMNS, outgoing_values};
use super::{Engine, Error, Store, endpoints, rows};

/// What an outgoing thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A mail.
    Mail,
    /// A post to a webhook.
    Post,
    /// A ticket for another help desk.
    Ticket,
}

/// What is claimed together; one lane never waits for another.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Lane {
    /// All mails.
    Mail,
    /// The posts to one webhook, by its name.
    Webhook(String),
    /// What goes to one connector, by its name: a ticket's rows strictly one after the other.
    Connector(String),
}

/// Why something is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The customer is asked for what is missing.
    Question,
    /// The customer is told that the request is in.
    Acknowledgement,
    /// The team gets the ticket.
    Team,
    /// The customer is reminded of an open question.
    Reminder,
    /// The customer is told that people take over.
    HandOver,
    /// Another system is told what happened.
    Event,
}

/// Where a row stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// To be sent when due.
    Queued,
    /// Held for an agent to send.
    Draft,
    /// Only recorded.
    Held,
    /// Sent.
    Sent,
    /// Refused for good.
    Dead,
    /// Not to be sent any more.
    Dropped,
}

/// The words and headers of an outgoing mail; of anything else `text` is its JSON, and `subject` says what it is about.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Payload {
    /// `From`, as a header value: `Name <address>`.
    pub from: String,
    /// `To`, an address.
    pub to: String,
    /// `Reply-To`, an address, where it differs from `from`.
    #[serde(default)]
    pub reply_to: Option<String>,
    /// The subject.
    pub subject: String,
    /// The text.
    pub text: String,
    /// The same as HTML.
    #[serde(default)]
    pub html: Option<String>,
    /// Message-IDs without angle brackets.
    #[serde(default)]
    pub in_reply_to: Vec<String>,
    /// Message-IDs without angle brackets, oldest first.
    #[serde(default)]
    pub references: Vec<String>,
    /// Further headers.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The reply template that gave the words, such as `missing_id`.
    #[serde(default)]
    pub template: Option<String>,
}

/// A row of the outbox, as claimed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outgoing {
    /// UUIDv7.
    pub id: String,
    /// The ticket it belongs to.
    pub ticket_id: i64,
    /// What it is.
    pub kind: Kind,
    /// Why it is sent.
    pub reason: Reason,
    /// Address, or name of a webhook or connector.
    pub recipient: String,
    /// Without angle brackets; one for ever.
    pub message_id: String,
    /// Words and headers.
    pub payload: Payload,
    /// How often it was tried before this claim.
    pub attempts: i64,
    /// Of this claim.
    pub fence: i64,
    /// Where it stands.
    pub state: State,
    /// What the last try failed with.
    pub last_error: Option<String>,
    /// Unix milliseconds.
    pub due_at: i64,
    /// Unix milliseconds.
    pub created_at: i64,
}

pub(super) const COLUMNS: &str = "id, ticket_id, kind, reason, recipient, message_id, attempts, fence, state, last_error, due_at, \
                       created_at, (SELECT payload FROM payloads WHERE payloads.id = outbox.id) AS payload";

impl Store {
    /// Claims the mails that are due, oldest first, for `lease_ms`.
    pub async fn claim_outbox(&self, now: i64, lease_ms: i64, limit: i64) -> Result<Vec<Outgoing>, Error> {
        self.claim_lane(&Lane::Mail, now, lease_ms, limit).await
    }

    /// Claims what is due of a lane, oldest first, for `lease_ms`.
    pub async fn claim_lane(&self, lane: &Lane, now: i64, lease_ms: i64, limit: i64) -> Result<Vec<Outgoing>, Error> {
        let (wanted, name) = match lane {
            Lane::Mail => ("kind = 'mail'", None),
            Lane::Webhook(name) => ("kind <> 'mail' AND kind = 'post' AND recipient = $4", Some(name)),
            Lane::Connector(name) => (
                "kind <> 'mail' AND kind = 'ticket' AND recipient = $4 AND NOT EXISTS (SELECT 1 FROM outbox before \
                 WHERE before.ticket_id = outbox.ticket_id AND before.recipient = $4 AND before.kind = 'ticket' \
                 AND before.state = 'queued' AND before.id < outbox.id)",
                Some(name),
            ),
        };
        let skip = match self.engine {
            Engine::Sqlite => "",
            Engine::Postgres => "FOR UPDATE SKIP LOCKED",
        };
        let sql = format!(
            "UPDATE outbox SET fence = fence + 1, lease_until = $1 WHERE id IN (SELECT id FROM outbox \
             WHERE {wanted} AND state = 'queued' AND due_at <= $2 AND lease_until <= $2 ORDER BY due_at, id LIMIT $3 {skip}) \
             RETURNING {COLUMNS}"
        );
        let mut transaction = self.begin_claim().await?;
        let mut claim = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(now.saturating_add(lease_ms)).bind(now).bind(limit);
        if let Some(name) = name {
            claim = claim.bind(name.as_str());
        }
        let claimed = claim.fetch_all(&mut *transaction).await?;
        transaction.commit().await?;
        let mut claimed = claimed.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        claimed.sort_by(|a, b| (a.due_at, &a.id).cmp(&(b.due_at, &b.id)));
        Ok(claimed)
    }

    /// They were accepted by the other side. How many of them somebody else has taken over meanwhile.
    pub async fn outbox_sent(&self, sent: &[Outgoing], now: i64) -> Result<usize, Error> {
        let mut transaction = self.begin().await?;
        let mut lost = 0;
        for outgoing in sent {
            match settle(&mut transaction, outgoing, State::Sent, None, now, now).await {
                Err(Error::Conflict(_)) => lost += 1,
                settled => settled?,
            }
        }
        let endpoints: BTreeSet<&str> =
            sent.iter().filter(|row| row.kind != Kind::Mail).map(|row| row.recipient.as_str()).collect();
        for endpoint in endpoints {
            endpoints::well(&mut transaction, endpoint).await?;
        }
        transaction.commit().await?;
        Ok(lost)
    }

    /// Claims rows for longer, or gives them back: `until` in unix ms, 0 for now. `held`: fences by id; a row that somebody
    /// else has taken over meanwhile stays his.
    pub async fn outbox_lease(&self, held: &BTreeMap<String, i64>, until: i64) -> Result<(), Error> {
        if held.is_empty() {
            return Ok(());
        }
        let mut transaction = self.begin().await?;
        for (id, fence) in held {
            sqlx::query("UPDATE outbox SET lease_until = $1 WHERE id = $2 AND fence = $3 AND state = 'queued'")
                .bind(until)
                .bind(id.as_str())
                .bind(*fence)
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// It is to be tried again at `due_at`.
    pub async fn outbox_retry(&self, outgoing: &Outgoing, due_at: i64, error: &str) -> Result<(), Error> {
        let mut transaction = self.begin().await?;
        settle(&mut transaction, outgoing, State::Queued, Some(error), due_at, 0).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// What was or is to be sent for a ticket, oldest first.
    pub async fn outgoing_of(&self, ticket: i64) -> Result<Vec<Outgoing>, Error> {
        let sql = format!("SELECT {COLUMNS} FROM outbox WHERE ticket_id = $1 ORDER BY created_at, id");
        let found = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(ticket).fetch_all(&self.read).await?;
        found.iter().map(read).collect()
    }

    /// How many rows were refused for good and wait for a decision.
    pub async fn dead_outgoing(&self) -> Result<i64, Error> {
        let row = sqlx::query("SELECT COUNT(*) AS n FROM outbox WHERE state = 'dead'").fetch_one(&self.read).await?;
        Ok(row.try_get("n")?)
    }

    /// How many rows wait to be sent.
    pub async fn queued_outgoing(&self) -> Result<i64, Error> {
        let row = sqlx::query("SELECT COUNT(*) AS n FROM outbox WHERE state = 'queued'").fetch_one(&self.read).await?;
        Ok(row.try_get("n")?)
    }
}

impl Settling {
    /// It was refused for good; agents see it.
    pub async fn outbox_dead(&mut self, outgoing: &Outgoing, error: &str, now: i64) -> Result<(), Error> {
        settle(&mut self.transaction, outgoing, State::Dead, Some(error), now, now).await?;
        let detail = serde_json::json!({ "outgoing": outgoing.id, "reason": outgoing.reason, "error": error });
        super::tickets::event(&mut self.transaction, outgoing.ticket_id, now, "desk", "undelivered", &detail).await
    }
}

/// Puts these on the outbox, each for the ticket beside it.
pub(super) async fn insert(
    connection: &mut AnyConnection,
    outgoing: impl IntoIterator<Item = (NewOutgoing, i64)>,
    now: i64,
) -> Result<(), Error> {
    let mut payloads = vec![];
    let mut rows = vec![];
    for (row, ticket_id) in outgoing {
        payloads.push(vec![row.id.as_str().into(), rows::to_json(&row.payload).into()]);
        rows.push(outgoing_values(row, ticket_id, now));
    }
    rows::insert(connection, "outbox", OUTBOX_COLUMNS, rows, "").await?;
    rows::insert(connection, "payloads", &["id", "payload"], payloads, "").await?;
    Ok(())
}

async fn settle(
    connection: &mut AnyConnection,
    outgoing: &Outgoing,
    state: State,
    error: Option<&str>,
    due_at: i64,
    settled_at: i64,
) -> Result<(), Error> {
    let done = sqlx::query(
        "UPDATE outbox SET state = $1, last_error = $2, due_at = $3, settled_at = $4, lease_until = 0, \
         attempts = attempts + 1 WHERE id = $5 AND fence = $6 AND state = 'queued'",
    )
    .bind(rows::to_word(&state))
    .bind(error.map(rows::clean))
    .bind(due_at)
    .bind((settled_at > 0).then_some(settled_at))
    .bind(outgoing.id.as_str())
    .bind(outgoing.fence)
    .execute(&mut *connection)
    .await?;
    if done.rows_affected() == 0 { Err(Error::Conflict(format!("outgoing {}", outgoing.id))) } else { Ok(()) }
}

pub(super) fn read(row: &AnyRow) -> Result<Outgoing, Error> {
    let id: String = row.try_get("id")?;
    let what = format!("outgoing {id}");
    Ok(Outgoing {
        ticket_id: row.try_get("ticket_id")?,
        kind: rows::from_word(row, "kind", &what)?,
        reason: rows::from_word(row, "reason", &what)?,
        recipient: row.try_get("recipient")?,
        message_id: row.try_get("message_id")?,
        payload: rows::from_json(row, "payload", &what)?,
        attempts: row.try_get("attempts")?,
        fence: row.try_get("fence")?,
        state: rows::from_word(row, "state", &what)?,
        last_error: row.try_get("last_error")?,
        due_at: row.try_get("due_at")?,
        created_at: row.try_get("created_at")?,
        id,
    })
}
