//! Erasing: tickets with all that hangs on them, and the originals of submissions.
//!
//! Promises: all of a batch or nothing; what came in stays known by its key at the door, so that no mailbox hands it in
//! again, but nothing of its content, sender or recipients is left. What lay outside the database and is named by no row any
//! more is deleted after the commit; where that fails, an error says so and the sweeper does it later. SQLite overwrites what is freed (`secure_delete`);
//! [`Store::flush`] empties the log that still holds it. PostgreSQL keeps dead rows until it vacuums, and its own log.

use std::time::Duration;

use serde_json::json;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row, query};

use super::rows::{self, Value};
use super::submissions::{COLUMNS, RAW, Submission, read};
use super::{Engine, Error, Store, acts, naming};
use crate::ticket::MERGED;

/// What was erased.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Erased {
    /// Tickets.
    pub tickets: usize,
    /// Messages.
    pub messages: usize,
    /// Originals of submissions.
    pub originals: usize,
    /// Ids of outgoing rows.
    pub outgoing: Vec<String>,
}

impl Erased {
    /// Both together.
    pub fn add(&mut self, other: Erased) {
        self.tickets += other.tickets;
        self.messages += other.messages;
        self.originals += other.originals;
        self.outgoing.extend(other.outgoing);
    }
}

/// A message of somebody on another one's ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Elsewhere {
    /// The message.
    pub id: String,
    /// The ticket that it is on.
    pub ticket: i64,
    submission: Option<String>,
}

/// How an original goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trace {
    /// The hash of its bytes stays, so that the same mail by another door is known again.
    Hash,
    /// Nothing but its key at the door.
    Key,
}

impl Store {
    /// The tickets of this requester (lower case), by number.
    pub async fn tickets_of(&self, requester: &str) -> Result<Vec<i64>, Error> {
        let found = query("SELECT id FROM tickets WHERE requester_address = $1 ORDER BY id").bind(requester);
        found.fetch_all(&self.read).await?.iter().map(|row| Ok(row.try_get("id")?)).collect()
    }

    /// Messages of this address (lower case) on tickets of other requesters. Looks at every message.
    pub async fn messages_elsewhere(&self, address: &str) -> Result<Vec<Elsewhere>, Error> {
        let found = query(
            "SELECT messages.id AS id, ticket_id, submission_id FROM messages JOIN tickets ON tickets.id = ticket_id \
             WHERE direction = 'in' AND LOWER(from_address) = $1 AND requester_address <> $1 ORDER BY messages.id",
        );
        let read = |row: &AnyRow| {
            Ok(Elsewhere {
                id: row.try_get("id")?,
                ticket: row.try_get("ticket_id")?,
                submission: row.try_get("submission_id")?,
            })
        };
        found.bind(address).fetch_all(&self.read).await?.iter().map(read).collect()
    }

    /// Submissions with an original that are on no ticket, by id, after this one. Looks at every submission.
    pub async fn originals_beside(&self, after: &str, limit: i64) -> Result<Vec<Submission>, Error> {
        let sql = format!(
            "SELECT {COLUMNS}, {RAW} FROM submissions WHERE id > $1 AND ticket_id IS NULL AND size > 0 ORDER BY id LIMIT $2"
        );
        let found = query(sqlx::AssertSqlSafe(sql)).bind(after).bind(limit).fetch_all(&self.read).await?;
        let mut originals = vec![];
        for row in &found {
            originals.push(match self.whole(row).await {
                // Nothing is left of it to erase but the row.
                Err(Error::Lost { .. }) => read(row)?,
                whole => whole?,
            });
        }
        Ok(originals)
    }

    /// Originals that came in before `until` (unix milliseconds) and are settled, by id, after this one. Those in
    /// quarantine only when `quarantined` is wanted, and then no others.
    pub async fn originals_until(
        &self,
        until: i64,
        quarantined: bool,
        after: &str,
        limit: i64,
    ) -> Result<Vec<String>, Error> {
        let sign = if quarantined { "=" } else { "<>" };
        // Ids are UUIDs of version 7 (RFC 9562 §5.7): they begin with the time.
        let hex = format!("{:012x}", until.max(0));
        let (high, low) = hex.split_at(8);
        let sql = format!(
            "SELECT id FROM submissions WHERE id > $1 AND id < $2 AND outcome {sign} 'quarantined' AND size > 0 \
             ORDER BY id LIMIT $3"
        );
        let found = query(sqlx::AssertSqlSafe(sql)).bind(after).bind(format!("{high}-{low}")).bind(limit);
        found.fetch_all(&self.read).await?.iter().map(|row| Ok(row.try_get("id")?)).collect()
    }

    /// Tickets that are solved or closed and unchanged since `until` (unix milliseconds), the oldest change first. What was
    /// merged into another ticket stays as long as that one: the answers to its mails lead there.
    pub async fn tickets_done_until(&self, until: i64, limit: i64) -> Result<Vec<i64>, Error> {
        let mut done = vec![];
        for status in ["closed", "solved"] {
            let sql = format!(
                "SELECT id FROM tickets WHERE status = $1 AND updated_at < $2 \
                 AND NOT (linked_ticket IS NOT NULL AND flags LIKE '%\"{MERGED}\"%') ORDER BY updated_at, id LIMIT $3"
            );
            let found = query(sqlx::AssertSqlSafe(sql)).bind(status).bind(until).bind(limit);
            for row in found.fetch_all(&self.read).await? {
                done.push(row.try_get("id")?);
            }
        }
        done.truncate(limit as usize);
        Ok(done)
    }

    /// Erases tickets whole: messages, originals, outgoing rows, events, corrections.
    pub async fn erase_tickets(&self, tickets: &[i64], trace: Trace, now: i64) -> Result<Erased, Error> {
        let mut erased = Erased::default();
        if tickets.is_empty() {
            return Ok(erased);
        }
        let keys: Vec<Value> = tickets.iter().map(|id| (*id).into()).collect();
        let mut transaction = self.begin().await?;
        let of_messages = |marks: &str| {
            format!(
                "SELECT submission_id AS id FROM messages WHERE submission_id IS NOT NULL AND ticket_id IN ({marks})"
            )
        };
        let beside = |marks: &str| {
            format!("SELECT id FROM submissions WHERE outcome NOT IN ('ticket', 'appended') AND ticket_id IN ({marks})")
        };
        let mut originals = ids(rows::with_keys(&mut transaction, of_messages, &[], &keys).await?)?;
        originals.extend(ids(rows::with_keys(&mut transaction, beside, &[], &keys).await?)?);
        let gone = |table: &'static str| {
            move |marks: &str| format!("DELETE FROM {table} WHERE ticket_id IN ({marks}) RETURNING id")
        };
        erased.outgoing = ids(rows::with_keys(&mut transaction, gone("outbox"), &[], &keys).await?)?;
        erased.messages = rows::with_keys(&mut transaction, gone("messages"), &[], &keys).await?.len();
        rows::with_keys(&mut transaction, gone("events"), &[], &keys).await?;
        rows::with_keys(&mut transaction, gone("feedback"), &[], &keys).await?;
        let mut blobs = naming::of(&mut transaction, "fetches", "ticket_id", &keys).await?;
        for table in ["threads", "fetches", "remote_tickets"] {
            let sql = |marks: &str| format!("DELETE FROM {table} WHERE ticket_id IN ({marks}) RETURNING ticket_id");
            rows::with_keys(&mut transaction, sql, &[], &keys).await?;
        }
        erased.originals = originals_of(&mut transaction, &originals, trace, now, &mut blobs).await?;
        let unlink = |marks: &str| {
            format!("UPDATE tickets SET linked_ticket = NULL WHERE linked_ticket IN ({marks}) RETURNING id")
        };
        rows::with_keys(&mut transaction, unlink, &[], &keys).await?;
        let tickets = |marks: &str| format!("DELETE FROM tickets WHERE id IN ({marks}) RETURNING id");
        erased.tickets = rows::with_keys(&mut transaction, tickets, &[], &keys).await?.len();
        transaction.commit().await?;
        self.drop_unnamed(&blobs).await?;
        Ok(erased)
    }

    /// Erases messages with their originals; the tickets that they are on stay.
    pub async fn erase_messages(&self, messages: &[Elsewhere], now: i64) -> Result<Erased, Error> {
        let mut transaction = self.begin().await?;
        let originals: Vec<String> = messages.iter().filter_map(|message| message.submission.clone()).collect();
        let sql = |marks: &str| format!("DELETE FROM messages WHERE id IN ({marks}) RETURNING id");
        let keys = rows::keys(messages.iter().map(|message| &message.id));
        let erased = rows::with_keys(&mut transaction, sql, &[], &keys).await?.len();
        for message in messages {
            let detail = json!({ "message": message.id });
            super::tickets::event(&mut transaction, message.ticket, now, "operator", "erased", &detail).await?;
        }
        let mut blobs = vec![];
        let originals = originals_of(&mut transaction, &originals, Trace::Key, now, &mut blobs).await?;
        transaction.commit().await?;
        self.drop_unnamed(&blobs).await?;
        Ok(Erased { messages: erased, originals, ..Erased::default() })
    }

    /// Erases the originals of these submissions. One that was not settled never will be.
    pub async fn erase_originals(&self, submissions: &[String], trace: Trace, now: i64) -> Result<usize, Error> {
        let mut transaction = self.begin().await?;
        let mut blobs = vec![];
        let erased = originals_of(&mut transaction, submissions, trace, now, &mut blobs).await?;
        transaction.commit().await?;
        self.drop_unnamed(&blobs).await?;
        Ok(erased)
    }

    /// Forgets that this address bounced, and keeps in the audit trail that somebody was erased: not who.
    pub async fn close_erasure(&self, address: &str, erased: &Erased, actor: &str, now: i64) -> Result<(), Error> {
        let mut transaction = self.begin().await?;
        query("DELETE FROM bounced WHERE address = $1").bind(address).execute(&mut *transaction).await?;
        // Nobody knows whose words a refused post holds.
        query("UPDATE refusals SET body = NULL WHERE body IS NOT NULL").execute(&mut *transaction).await?;
        let detail = json!({
            "tickets": erased.tickets, "messages": erased.messages, "originals": erased.originals,
            "outgoing": erased.outgoing.len(),
        });
        acts::record(&mut transaction, actor, "erased", "a requester", &detail, now).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Takes what was erased out of the database's own files, as far as that is in our hands. `false`: another process was
    /// reading all the time, and the log still holds it.
    pub async fn flush(&self) -> Result<bool, Error> {
        if self.engine == Engine::Postgres {
            let mut connection = self.writer().await?;
            query("SET statement_timeout = 0").execute(&mut *connection).await?;
            for table in [
                "submissions",
                "originals",
                "tickets",
                "messages",
                "outbox",
                "payloads",
                "events",
                "feedback",
                "bounced",
                "fetches",
                "refusals",
            ] {
                query(sqlx::AssertSqlSafe(format!("VACUUM {table}"))).execute(&mut *connection).await?;
            }
            // Not given back: it would run without a bound.
            connection.close().await?;
            return Ok(true);
        }
        for _ in 0..100 {
            let row = query("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(&mut *self.writer().await?).await?;
            if row.try_get::<i64, _>(0)? == 0 {
                return Ok(true);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(false)
    }
}

/// How many were erased; `blobs` grows by what they named, which may go after the commit.
async fn originals_of(
    connection: &mut AnyConnection,
    ids: &[String],
    trace: Trace,
    now: i64,
    blobs: &mut Vec<String>,
) -> Result<usize, Error> {
    blobs.extend(naming::of(connection, "submissions", "id", &rows::keys(ids)).await?);
    blobs.extend(naming::of(connection, "fetches", "submission_id", &rows::keys(ids)).await?);
    // What a post named by URL goes with it.
    let fetched = |marks: &str| format!("DELETE FROM fetches WHERE submission_id IN ({marks}) RETURNING submission_id");
    rows::with_keys(connection, fetched, &[], &rows::keys(ids)).await?;
    // A path may hold a name; keys of all other doors are numbers and chance.
    let forget = match trace {
        Trace::Hash => "",
        Trace::Key => {
            ", content_hash = '', source_key = CASE WHEN source = 'file' THEN 'erased:' || id ELSE source_key END"
        }
    };
    let sql = |marks: &str| {
        format!(
            "UPDATE submissions SET size = 0, blob_bytes = 0, envelope = '{{}}', because = 'erased', ticket_id = NULL, \
             settled_at = COALESCE(settled_at, $1), outcome = COALESCE(outcome, 'rejected'){forget} \
             WHERE id IN ({marks}) RETURNING id"
        )
    };
    let erased = rows::with_keys(connection, sql, &[Value::Int(now)], &rows::keys(ids)).await?.len();
    let raw = |marks: &str| format!("DELETE FROM originals WHERE id IN ({marks})");
    rows::with_keys(connection, raw, &[], &rows::keys(ids)).await?;
    Ok(erased)
}

fn ids(found: Vec<AnyRow>) -> Result<Vec<String>, Error> {
    found.iter().map(|row| Ok(row.try_get("id")?)).collect()
}
