//! Deliveries: what a webhook source posted of late, and how it was answered. What was taken in is a submission, what was
//! refused a refusal; this lists both.
//!
//! Promises: refusals are few (the newest of each source) and hold a body only when its post was signed; freeing an old
//! key takes nothing from the submission.

use serde::Serialize;
use sqlx::any::AnyRow;
use sqlx::{Row, query};

use super::rows;
use super::submissions::Outcome;
use super::{Error, Store};

/// Refusals that are kept of one source.
pub const REFUSALS: i64 = 200;
/// Keys freed in one transaction.
const FREED: i64 = 1_000;

/// A post that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// UUIDv7.
    pub id: String,
    /// The door: `hook:NAME`.
    pub source: String,
    /// Unix milliseconds.
    pub at: i64,
    /// The status of the answer.
    pub status: i64,
    /// Why.
    pub because: String,
    /// Its id, if it had one.
    pub source_key: Option<String>,
    /// Its media type.
    pub content_type: Option<String>,
    /// What it said, if it was signed.
    pub body: Option<Vec<u8>>,
}

/// A delivery in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Delivery {
    /// Of the submission or of the refusal.
    pub id: String,
    /// Unix milliseconds.
    #[serde(skip)]
    pub at: i64,
    /// Its id at the partner.
    pub key: Option<String>,
    /// It was taken in.
    pub accepted: bool,
    /// The status of a refusal.
    pub status: Option<i64>,
    /// How the submission ended; `None`: not yet, or refused.
    pub outcome: Option<Outcome>,
    /// The ticket it went to.
    pub ticket: Option<i64>,
    /// Why it was refused, or ended so.
    pub because: Option<String>,
    /// Bytes of its body, as far as it is kept.
    pub bytes: i64,
}

impl Store {
    /// Keeps a refusal, and forgets the oldest of its source.
    pub async fn refuse(&self, refusal: Refusal) -> Result<(), Error> {
        let mut transaction = self.begin().await?;
        query(
            "INSERT INTO refusals (id, source, at, status, because, source_key, content_type, body) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(refusal.id)
        .bind(refusal.source.as_str())
        .bind(refusal.at)
        .bind(refusal.status)
        .bind(rows::clean(&refusal.because))
        .bind(refusal.source_key.as_deref().map(rows::clean))
        .bind(refusal.content_type.as_deref().map(rows::clean))
        .bind(refusal.body)
        .execute(&mut *transaction)
        .await?;
        query(
            "DELETE FROM refusals WHERE source = $1 AND id < \
             (SELECT MIN(id) FROM (SELECT id FROM refusals WHERE source = $1 ORDER BY id DESC LIMIT $2) AS newest)",
        )
        .bind(refusal.source.as_str())
        .bind(REFUSALS)
        .execute(&mut *transaction)
        .await?;
        Ok(transaction.commit().await?)
    }

    /// The refusal with this id.
    pub async fn refusal(&self, id: &str) -> Result<Option<Refusal>, Error> {
        let sql = "SELECT id, source, at, status, because, source_key, content_type, body FROM refusals WHERE id = $1";
        let row = query(sql).bind(id).fetch_optional(&self.read).await?;
        let read = |row: &AnyRow| {
            Ok(Refusal {
                id: row.try_get("id")?,
                source: row.try_get("source")?,
                at: row.try_get("at")?,
                status: row.try_get("status")?,
                because: row.try_get("because")?,
                source_key: row.try_get("source_key")?,
                content_type: row.try_get("content_type")?,
                body: row.try_get("body")?,
            })
        };
        row.as_ref().map(read).transpose()
    }

    /// Forgets a refusal: it was replayed.
    pub async fn forget_refusal(&self, id: &str) -> Result<(), Error> {
        let mut transaction = self.begin().await?;
        query("DELETE FROM refusals WHERE id = $1").bind(id).execute(&mut *transaction).await?;
        Ok(transaction.commit().await?)
    }

    /// The deliveries of a source (`hook:NAME`), newest first, as far as their keys are kept; `before` is the last id of the
    /// page before.
    pub async fn deliveries(&self, source: &str, limit: i64, before: Option<&str>) -> Result<Vec<Delivery>, Error> {
        // Ids are hex: `g` sorts after every one, by any collation.
        let before = before.unwrap_or("g");
        let mut found: Vec<Delivery> = vec![];
        let taken = query(
            "SELECT id, received_at, source_key, outcome, ticket_id, because, size FROM submissions \
             WHERE source = $1 AND source_key IS NOT NULL AND id < $2 ORDER BY id DESC LIMIT $3",
        );
        for row in taken.bind(source).bind(before).bind(limit).fetch_all(&self.read).await? {
            let outcome: Option<String> = row.try_get("outcome")?;
            found.push(Delivery {
                id: row.try_get("id")?,
                at: row.try_get("received_at")?,
                key: row.try_get("source_key")?,
                accepted: true,
                status: None,
                outcome: outcome.map(|_| rows::from_word(&row, "outcome", "a submission")).transpose()?,
                ticket: row.try_get("ticket_id")?,
                because: row.try_get("because")?,
                bytes: super::submissions::size(&row)?,
            });
        }
        let refused = query(
            "SELECT id, at, source_key, status, because, COALESCE(LENGTH(body), 0) AS size FROM refusals \
             WHERE source = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
        );
        for row in refused.bind(source).bind(before).bind(limit).fetch_all(&self.read).await? {
            found.push(Delivery {
                id: row.try_get("id")?,
                at: row.try_get("at")?,
                key: row.try_get("source_key")?,
                accepted: false,
                status: Some(row.try_get("status")?),
                outcome: None,
                ticket: None,
                because: row.try_get("because")?,
                bytes: super::submissions::size(&row)?,
            });
        }
        found.sort_by(|a, b| b.id.cmp(&a.id));
        found.truncate(usize::try_from(limit).unwrap_or(0));
        Ok(found)
    }

    /// Frees the keys of a source's submissions that came before `until` (unix milliseconds): the same key is a new post
    /// then. How many.
    pub async fn free_keys(&self, source: &str, until: i64) -> Result<u64, Error> {
        let mut freed = 0;
        loop {
            // UUIDv7: ids sort by their time, and so the oldest come first.
            let ids = query(
                "SELECT id FROM submissions WHERE source = $1 AND source_key IS NOT NULL AND received_at < $2 \
                 AND outcome IS NOT NULL AND id < $3 ORDER BY id LIMIT $4",
            );
            let until_id = format!("{:012x}", until.max(0) as u64 + 1);
            let until_id = format!("{}-{}", &until_id[..8], &until_id[8..]);
            let found = ids.bind(source).bind(until).bind(until_id).bind(FREED).fetch_all(&self.read).await?;
            if found.is_empty() {
                return Ok(freed);
            }
            let ids: Vec<String> = found.iter().map(|row| row.try_get("id")).collect::<Result<_, _>>()?;
            let mut transaction = self.begin().await?;
            let sql = |marks: &str| format!("UPDATE submissions SET source_key = NULL WHERE id IN ({marks})");
            rows::with_keys(&mut transaction, sql, &[], &rows::keys(&ids)).await?;
            transaction.commit().await?;
            freed += ids.len() as u64;
        }
    }
}
