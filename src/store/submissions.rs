//! Submissions: what came in by a door, raw, and how it ended.
//!
//! Promises: [`Store::submit`] returns only after commit; the same (source, key) is stored once, however often and
//! however parallel it comes. Who works on which is said in `claims`.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use sqlx::Row;
use sqlx::any::AnyRow;
use tokio::sync::oneshot;

use super::committer::{Entry, Job};
use super::{Error, Store, naming, rows};
use crate::request::Authentication;

/// What the raw bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A mail (RFC 5322).
    Mail,
    /// The JSON body of a webhook or form post.
    Hook,
}

impl Kind {
    /// The word for it in SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Mail => "mail",
            Kind::Hook => "hook",
        }
    }
}

/// What the door knows beside the raw bytes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Envelope {
    /// Envelope sender (RFC 5321 MAIL FROM); empty string: the null sender; `None`: the door does not know it.
    #[serde(default)]
    pub from: Option<String>,
    /// Envelope recipients.
    #[serde(default)]
    pub to: Vec<String>,
    /// What the desk found of the sender of a mail when it came in; `None`: it did not look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authentication: Option<Authentication>,
    /// Headers of a webhook's post that matter.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Why the door could not take it whole: `raw` is a part of it, and it goes to quarantine unread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// Who found that a person wrote it, whatever it looks like (`agent:NAME`): it is judged so, and not answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub persons_by: Option<String>,
}

/// A submission that a door hands in.
#[derive(Debug, Clone, PartialEq)]
pub struct New {
    /// The door: `imap:NAME`, `lmtp`, `hook:NAME`, `form`, `file`.
    pub source: String,
    /// Unique within the door: UIDVALIDITY/UID, delivery id, path. `None`: the door has none.
    pub source_key: Option<String>,
    /// What `raw` is.
    pub kind: Kind,
    /// The bytes as they came.
    pub raw: Vec<u8>,
    /// What the door knows beside them.
    pub envelope: Envelope,
    /// Whether it may be answered: not older than the door's baseline.
    pub answerable: bool,
    /// Unix milliseconds.
    pub received_at: i64,
}

impl New {
    /// As it is claimed for the first time, though it was not stored: with this id, and no hash.
    pub fn claimed(self, id: &str) -> Submission {
        Submission {
            id: id.to_owned(),
            source: self.source,
            source_key: self.source_key,
            kind: self.kind,
            raw: self.raw,
            content_hash: String::new(),
            envelope: self.envelope,
            answerable: self.answerable,
            received_at: self.received_at,
            attempts: 1,
            failures: 0,
            fence: 1,
            number: 0,
            outcome: None,
            because: None,
            ticket_id: None,
            settled_at: None,
        }
    }
}

/// The answer to a door: it is durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submitted {
    /// The submission's id.
    pub id: String,
    /// This (source, key) was stored before.
    pub known: bool,
    /// The bytes are those that were stored.
    pub same_content: bool,
}

/// How a submission ended. Design §2: exactly one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It opened a ticket.
    Ticket,
    /// It went onto a ticket that was there.
    Appended,
    /// The same message was taken in before.
    Duplicate,
    /// Automated mail that opens no ticket.
    Automated,
    /// Unreadable, over the bounds or a loop: agents see it and can replay it.
    Quarantined,
    /// Refused by an agent, or not addressed to the desk.
    Rejected,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Outcome; 6] = [
        Outcome::Ticket,
        Outcome::Appended,
        Outcome::Duplicate,
        Outcome::Automated,
        Outcome::Quarantined,
        Outcome::Rejected,
    ];

    /// The word for it in SQL, JSON and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Ticket => "ticket",
            Outcome::Appended => "appended",
            Outcome::Duplicate => "duplicate",
            Outcome::Automated => "automated",
            Outcome::Quarantined => "quarantined",
            Outcome::Rejected => "rejected",
        }
    }
}

/// A submission as stored.
#[derive(Debug, Clone)]
pub struct Submission {
    /// UUIDv7.
    pub id: String,
    /// The door.
    pub source: String,
    /// Its key there.
    pub source_key: Option<String>,
    /// What `raw` is.
    pub kind: Kind,
    /// The bytes as they came.
    pub raw: Vec<u8>,
    /// SHA-256 of `raw`, hex.
    pub content_hash: String,
    /// What the door knew beside them.
    pub envelope: Envelope,
    /// Whether it may be answered.
    pub answerable: bool,
    /// Unix milliseconds.
    pub received_at: i64,
    /// How often it was claimed, this claim included.
    pub attempts: i64,
    /// How often reading or settling it failed, or ended the process.
    pub failures: i64,
    /// Of the claim; a settle must carry it.
    pub fence: i64,
    /// That of the ticket which it may open, reserved with the claim; 0: it is not claimed.
    pub number: i64,
    /// How it ended; `None`: not yet.
    pub outcome: Option<Outcome>,
    /// Why it ended so, readable.
    pub because: Option<String>,
    /// The ticket it went to.
    pub ticket_id: Option<i64>,
    /// Unix milliseconds.
    pub settled_at: Option<i64>,
}

pub(super) const COLUMNS: &str = "id, source, source_key, kind, content_hash, envelope, answerable, received_at, attempts, \
                       failures, fence, outcome, because, ticket_id, settled_at, blob_bytes";
/// The bytes that lie in the database.
pub(super) const RAW: &str = "(SELECT raw FROM originals WHERE originals.id = submissions.id) AS raw";

impl Store {
    /// Stores a submission durably. Concurrent callers share one transaction and one fsync. Its door answers in the same
    /// breath, and has nothing left to do for it.
    pub async fn submit(&self, new: New) -> Result<Submitted, Error> {
        self.submit_for(new, true).await
    }

    /// As [`Store::submit`]. Not `acknowledged`: the door has yet to flag or move it, which [`Store::acknowledge`] notes.
    pub async fn submit_for(&self, mut new: New, acknowledged: bool) -> Result<Submitted, Error> {
        let (answer, answered) = oneshot::channel();
        let content_hash = hex::encode(Sha256::digest(&new.raw));
        let put = naming::put(&self.blobs, &content_hash, &mut new.raw).await?;
        let entry = Entry::new(new, content_hash, put, acknowledged);
        self.committer.send(Job { entry, answer }).await.map_err(|_| Error::Closed)?;
        answered.await.map_err(|_| Error::Closed)?
    }

    /// The submission with this id.
    pub async fn submission(&self, id: &str) -> Result<Option<Submission>, Error> {
        let sql = format!("SELECT {COLUMNS}, {RAW} FROM submissions WHERE id = $1");
        let row = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id).fetch_optional(&self.read).await?;
        match row {
            Some(row) => Ok(Some(self.whole(&row).await?)),
            None => Ok(None),
        }
    }

    /// How the submission with this id stands, without its bytes: `raw` is empty.
    pub async fn standing(&self, id: &str) -> Result<Option<Submission>, Error> {
        let sql = format!("SELECT {COLUMNS} FROM submissions WHERE id = $1");
        let row = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id).fetch_optional(&self.read).await?;
        row.as_ref().map(read).transpose()
    }

    /// A submission with its bytes, wherever they lie; the row holds [`RAW`].
    pub(super) async fn whole(&self, row: &AnyRow) -> Result<Submission, Error> {
        let mut submission = read(row)?;
        submission.raw = match row.try_get::<i64, _>("blob_bytes")? > 0 {
            true => self.blobs.get(&submission.content_hash).await?,
            false => row.try_get::<Option<Vec<u8>>, _>("raw")?.unwrap_or_default(),
        };
        Ok(submission)
    }

    /// Marks as flagged or moved on the server.
    pub async fn acknowledge(&self, source: &str, keys: &[String]) -> Result<(), Error> {
        if keys.is_empty() {
            return Ok(());
        }
        let mut transaction = self.begin().await?;
        let sql = |marks: &str| {
            format!("UPDATE submissions SET acknowledged = 1 WHERE source = $1 AND source_key IN ({marks})")
        };
        rows::with_keys(&mut transaction, sql, &[source.into()], &rows::keys(keys)).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Keys that are stored but not yet flagged or moved on the server, oldest first.
    pub async fn unacknowledged(&self, source: &str) -> Result<Vec<String>, Error> {
        let found = sqlx::query(
            "SELECT source_key FROM submissions WHERE source = $1 AND acknowledged = 0 AND source_key IS NOT NULL \
             ORDER BY id",
        )
        .bind(source)
        .fetch_all(&self.read)
        .await?;
        found.iter().map(|row| Ok(row.try_get("source_key")?)).collect()
    }

    /// Which of these keys the door has handed in before.
    pub async fn keys_known(&self, source: &str, keys: &[String]) -> Result<HashSet<String>, Error> {
        let mut known = HashSet::new();
        let mut connection = self.read.acquire().await?;
        let sql =
            |marks: &str| format!("SELECT source_key FROM submissions WHERE source = $1 AND source_key IN ({marks})");
        for row in rows::with_keys(&mut connection, sql, &[source.into()], &rows::keys(keys)).await? {
            known.insert(row.try_get("source_key")?);
        }
        Ok(known)
    }

    /// How many submissions wait to be settled.
    pub async fn pending_submissions(&self) -> Result<i64, Error> {
        let row =
            sqlx::query("SELECT COUNT(*) AS n FROM submissions WHERE outcome IS NULL").fetch_one(&self.read).await?;
        Ok(row.try_get("n")?)
    }
}

/// How many bytes a submission has; 0: they were erased.
pub(super) fn size(row: &AnyRow) -> Result<i64, Error> {
    Ok(row.try_get("size")?)
}

/// All of a submission but its bytes: `raw` is empty.
pub(super) fn read(row: &AnyRow) -> Result<Submission, Error> {
    let id: String = row.try_get("id")?;
    let what = format!("submission {id}");
    let outcome: Option<String> = row.try_get("outcome")?;
    Ok(Submission {
        source: row.try_get("source")?,
        source_key: row.try_get("source_key")?,
        kind: rows::from_word(row, "kind", &what)?,
        raw: vec![],
        content_hash: row.try_get("content_hash")?,
        envelope: rows::from_json(row, "envelope", &what)?,
        answerable: row.try_get::<i64, _>("answerable")? != 0,
        received_at: row.try_get("received_at")?,
        attempts: row.try_get("attempts")?,
        failures: row.try_get("failures")?,
        fence: row.try_get("fence")?,
        number: 0,
        outcome: outcome.map(|_| rows::from_word(row, "outcome", &what)).transpose()?,
        because: row.try_get("because")?,
        ticket_id: row.try_get("ticket_id")?,
        settled_at: row.try_get("settled_at")?,
        id,
    })
}
