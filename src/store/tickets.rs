//! Tickets with their messages and events, as agents read them.
//!
//! Promises: a ticket is written only over the version that was read, so that no change is lost.

use serde::{Deserialize, Serialize};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row, query};

use super::rows::Value;
use super::{Error, Store, rows};
use crate::request::Request;
use crate::ticket::{Status, Ticket};
use crate::triage::Triage;

/// Which tickets; an empty list or `None` means any.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Filter {
    /// In one of these statuses.
    pub status: Vec<Status>,
    /// With this topic.
    pub topic: Option<String>,
    /// About this campaign.
    pub campaign: Option<String>,
    /// For this team.
    pub route: Option<String>,
    /// With this priority.
    pub priority: Option<String>,
    /// By this requester (address).
    pub requester: Option<String>,
    /// With this missing detail.
    pub missing: Option<String>,
    /// With this flag.
    pub flag: Option<String>,
    /// With these words in subject or requester, in any case.
    pub words: Option<String>,
}

/// In or out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From the customer.
    In,
    /// From the desk.
    Out,
}

/// A message of a ticket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// UUIDv7.
    pub id: String,
    /// The ticket.
    pub ticket_id: i64,
    /// The submission it came as.
    pub submission_id: Option<String>,
    /// In or out.
    pub direction: Direction,
    /// Without angle brackets.
    pub message_id: Option<String>,
    /// Who wrote it.
    pub from_address: String,
    /// What came in.
    pub request: Option<Request>,
    /// The judgement over it.
    pub triage: Option<Triage>,
    /// What went out.
    pub body: Option<String>,
    /// Unix milliseconds.
    pub created_at: i64,
}

/// Something that happened to a ticket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// UUIDv7.
    pub id: String,
    /// The ticket.
    pub ticket_id: i64,
    /// Unix milliseconds.
    pub at: i64,
    /// `desk`, `customer`, or `agent:NAME`.
    pub actor: String,
    /// `created`, `answered`, `asked`, `withheld`, `topic`, `campaign`, `status`, `bounced`, …
    pub what: String,
    /// Details, by `what`.
    pub detail: serde_json::Value,
}

pub(super) const COLUMNS: &str = "id, status, subject, requester_address, requester_name, language, source, campaign_status, \
                       campaign_id, topic, topic_chosen_by, priority, route, missing, flags, triage, asked, offered, \
                       questions, campaign_by_agent, rules_version, linked_ticket, chase_at, reminded, version, created_at, \
                       updated_at";

impl Store {
    /// Tickets by number, newest first; `before` is the last number of the page before.
    pub async fn list_tickets(&self, filter: &Filter, limit: i64, before: Option<i64>) -> Result<Vec<Ticket>, Error> {
        let mut sql = format!("SELECT {COLUMNS} FROM tickets WHERE id < $1");
        let mut values: Vec<Value> = vec![before.unwrap_or(i64::MAX).into()];
        let mut bind = |value: Value| {
            values.push(value);
            format!("${}", values.len())
        };
        if !filter.status.is_empty() {
            let marks: Vec<String> = filter.status.iter().map(|status| bind(status.as_str().into())).collect();
            sql.push_str(&format!(" AND status IN ({})", marks.join(", ")));
        }
        for (column, value) in [
            ("topic", &filter.topic),
            ("campaign_id", &filter.campaign),
            ("route", &filter.route),
            ("priority", &filter.priority),
            ("requester_address", &filter.requester),
        ] {
            if let Some(value) = value {
                sql.push_str(&format!(" AND {column} = {}", bind(value.as_str().into())));
            }
        }
        for (column, value) in [("flags", &filter.flag), ("missing", &filter.missing)] {
            if let Some(value) = value {
                // Our own words in a JSON array: the quotes make the match whole. No LIKE: the engines differ in what
                // it thinks of case.
                let quoted = bind(rows::clean(&format!("\"{value}\"")).into());
                sql.push_str(&format!(" AND REPLACE({column}, {quoted}, '') <> {column}"));
            }
        }
        if let Some(words) = &filter.words {
            let pattern = like(&words.to_lowercase());
            let (subject, requester) = (bind(pattern.clone().into()), bind(pattern.into()));
            sql.push_str(&format!(
                " AND (LOWER(subject) LIKE {subject} ESCAPE '\\' OR requester_address LIKE {requester} ESCAPE '\\')"
            ));
        }
        sql.push_str(&format!(" ORDER BY id DESC LIMIT {}", bind(limit.into())));
        let statement = values.into_iter().fold(query(AssertSqlSafe(sql)), rows::bind);
        let found = statement.fetch_all(&self.read).await?;
        found.iter().map(read).collect()
    }

    /// The ticket with this number.
    pub async fn ticket(&self, id: i64) -> Result<Option<Ticket>, Error> {
        let sql = format!("SELECT {COLUMNS} FROM tickets WHERE id = $1");
        query(AssertSqlSafe(sql)).bind(id).fetch_optional(&self.read).await?.as_ref().map(read).transpose()
    }

    /// How many tickets stand in each status.
    pub async fn count_tickets(&self) -> Result<Vec<(Status, i64)>, Error> {
        let found = query("SELECT status, COUNT(*) AS n FROM tickets GROUP BY status").fetch_all(&self.read).await?;
        found.iter().map(|row| Ok((rows::from_word(row, "status", "tickets")?, row.try_get("n")?))).collect()
    }

    /// The messages of a ticket, oldest first.
    pub async fn messages(&self, ticket: i64) -> Result<Vec<Message>, Error> {
        let found = query(
            "SELECT id, ticket_id, submission_id, direction, message_id, from_address, request, triage, body, \
             created_at FROM messages WHERE ticket_id = $1 ORDER BY created_at, id",
        )
        .bind(ticket)
        .fetch_all(&self.read)
        .await?;
        found.iter().map(message).collect()
    }

    /// What happened to a ticket, oldest first.
    pub async fn events(&self, ticket: i64) -> Result<Vec<Event>, Error> {
        let found =
            query("SELECT id, ticket_id, at, actor, what, detail FROM events WHERE ticket_id = $1 ORDER BY at, id")
                .bind(ticket)
                .fetch_all(&self.read)
                .await?;
        found.iter().map(happened).collect()
    }

    /// What happened to tickets, by id (UUIDv7, so by when it was written): those above `after`, at most `limit`.
    pub async fn events_after(&self, after: &str, limit: i64) -> Result<Vec<Event>, Error> {
        let found =
            query("SELECT id, ticket_id, at, actor, what, detail FROM events WHERE id > $1 ORDER BY id LIMIT $2")
                .bind(after)
                .bind(limit)
                .fetch_all(&self.read)
                .await?;
        found.iter().map(happened).collect()
    }
}

fn happened(row: &AnyRow) -> Result<Event, Error> {
    Ok(Event {
        id: row.try_get("id")?,
        ticket_id: row.try_get("ticket_id")?,
        at: row.try_get("at")?,
        actor: row.try_get("actor")?,
        what: row.try_get("what")?,
        detail: rows::from_json(row, "detail", "an event")?,
    })
}

/// Writes the ticket's changeable columns if its stored version is still `seen`.
pub(super) async fn update(connection: &mut AnyConnection, ticket: &Ticket, seen: i64) -> Result<bool, Error> {
    let done = query(
        "UPDATE tickets SET status = $1, language = $2, campaign_status = $3, campaign_id = $4, topic = $5, \
         topic_chosen_by = $6, priority = $7, route = $8, missing = $9, flags = $10, triage = $11, asked = $12, \
         offered = $13, questions = $14, campaign_by_agent = $15, rules_version = $16, linked_ticket = $17, \
         chase_at = $18, reminded = $19, version = $20, updated_at = $21, requester_address = $24, \
         requester_name = $25 WHERE id = $22 AND version = $23",
    )
    .bind(ticket.status.as_str())
    .bind(ticket.language.clone())
    .bind(rows::to_word(&ticket.campaign_status))
    .bind(ticket.campaign_id.as_deref().map(rows::clean))
    .bind(rows::clean(&ticket.topic))
    .bind(rows::to_word(&ticket.topic_chosen_by))
    .bind(ticket.priority.clone())
    .bind(rows::clean(&ticket.route))
    .bind(rows::to_json(&ticket.missing))
    .bind(rows::to_json(&ticket.flags))
    .bind(rows::to_json(&ticket.triage))
    .bind(rows::to_json(&ticket.asked))
    .bind(rows::to_json(&ticket.offered))
    .bind(ticket.questions)
    .bind(i64::from(ticket.campaign_by_agent))
    .bind(ticket.rules_version.clone())
    .bind(ticket.linked_ticket)
    .bind(ticket.chase_at)
    .bind(i64::from(ticket.reminded))
    .bind(ticket.version)
    .bind(ticket.updated_at)
    .bind(ticket.id)
    .bind(seen)
    .bind(ticket.requester_address.clone())
    .bind(ticket.requester_name.as_deref().map(rows::clean))
    .execute(&mut *connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Records an event.
pub(super) async fn event(
    connection: &mut AnyConnection,
    ticket: i64,
    at: i64,
    actor: &str,
    what: &str,
    detail: &serde_json::Value,
) -> Result<(), Error> {
    query("INSERT INTO events (id, ticket_id, at, actor, what, detail) VALUES ($1, $2, $3, $4, $5, $6)")
        .bind(uuid::Uuid::now_v7().to_string())
        .bind(ticket)
        .bind(at)
        .bind(actor)
        .bind(what)
        .bind(rows::to_json(detail))
        .execute(&mut *connection)
        .await?;
    Ok(())
}

/// A LIKE pattern that finds the text anywhere, with its own wildcards taken literally.
fn like(text: &str) -> String {
    let escaped = rows::clean(text).replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    format!("%{escaped}%")
}

pub(super) fn read(row: &AnyRow) -> Result<Ticket, Error> {
    let id: i64 = row.try_get("id")?;
    let what = format!("ticket {id}");
    Ok(Ticket {
        id,
        status: rows::from_word(row, "status", &what)?,
        subject: row.try_get("subject")?,
        requester_address: row.try_get("requester_address")?,
        requester_name: row.try_get("requester_name")?,
        language: row.try_get("language")?,
        source: row.try_get("source")?,
        campaign_status: rows::from_word(row, "campaign_status", &what)?,
        campaign_id: row.try_get("campaign_id")?,
        topic: row.try_get("topic")?,
        topic_chosen_by: rows::from_word(row, "topic_chosen_by", &what)?,
        priority: row.try_get("priority")?,
        route: row.try_get("route")?,
        missing: rows::from_json(row, "missing", &what)?,
        flags: rows::from_json(row, "flags", &what)?,
        triage: rows::from_json(row, "triage", &what)?,
        asked: rows::from_json(row, "asked", &what)?,
        offered: rows::from_json(row, "offered", &what)?,
        questions: row.try_get("questions")?,
        campaign_by_agent: row.try_get::<i64, _>("campaign_by_agent")? != 0,
        rules_version: row.try_get("rules_version")?,
        linked_ticket: row.try_get("linked_ticket")?,
        chase_at: row.try_get("chase_at")?,
        reminded: row.try_get::<i64, _>("reminded")? != 0,
        version: row.try_get("version")?,
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
    })
}

fn message(row: &AnyRow) -> Result<Message, Error> {
    let id: String = row.try_get("id")?;
    let what = format!("message {id}");
    let present = |column: &str| Ok::<bool, Error>(row.try_get::<Option<String>, _>(column)?.is_some());
    Ok(Message {
        ticket_id: row.try_get("ticket_id")?,
        submission_id: row.try_get("submission_id")?,
        direction: rows::from_word(row, "direction", &what)?,
        message_id: row.try_get("message_id")?,
        from_address: row.try_get("from_address")?,
        request: if present("request")? { Some(rows::from_json(row, "request", &what)?) } else { None },
        triage: if present("triage")? { Some(rows::from_json(row, "triage", &what)?) } else { None },
        body: row.try_get("body")?,
        created_at: row.try_get("created_at")?,
        id,
    })
}
