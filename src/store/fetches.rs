//! Fetches: attachments that a post named by URL. Written with the ticket, fetched afterwards, tried again until given up.
//!
//! Promises: a claim counts its attempt and holds it back from others until its lease is over; what was fetched is kept as
//! bytes, with the media type that the server gave it.

use sha2::{Digest, Sha256};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row, query};

use super::rows::{self, Value};
use super::{Engine, Error, Store, naming};

/// An attachment to fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetch {
    /// The post that named it.
    pub submission_id: String,
    /// Its place in the request's attachments.
    pub position: i64,
    /// The ticket it is on.
    pub ticket_id: i64,
    /// Where it is.
    pub url: String,
    /// How often it was tried, this time included.
    pub attempts: i64,
}

/// How far a fetch is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fetched {
    /// It is tried, or tried again.
    Waiting,
    /// Here it is, with its media type.
    There(Vec<u8>, String),
    /// It cannot be had, and why.
    Failed(String),
}

impl Store {
    /// Claims fetches that are due, for `lease_ms`.
    pub async fn claim_fetches(&self, now: i64, lease_ms: i64, limit: i64) -> Result<Vec<Fetch>, Error> {
        // Most desks have none: a look costs no write.
        let due = query("SELECT 1 FROM fetches WHERE state = 'waiting' AND due_at <= $1 LIMIT 1").bind(now);
        if due.fetch_optional(&self.read).await?.is_none() {
            return Ok(vec![]);
        }
        let skip = if self.engine == Engine::Postgres { "FOR UPDATE SKIP LOCKED" } else { "" };
        let sql = format!(
            "UPDATE fetches SET attempts = attempts + 1, due_at = $1 WHERE (submission_id, position) IN \
             (SELECT submission_id, position FROM fetches WHERE state = 'waiting' AND due_at <= $2 \
              ORDER BY due_at LIMIT $3 {skip}) RETURNING submission_id, position, ticket_id, url, attempts"
        );
        let mut transaction = self.begin().await?;
        let rows = query(AssertSqlSafe(sql)).bind(now + lease_ms).bind(now).bind(limit);
        let rows = rows.fetch_all(&mut *transaction).await?;
        transaction.commit().await?;
        let read = |row: &AnyRow| {
            Ok(Fetch {
                submission_id: row.try_get("submission_id")?,
                position: row.try_get("position")?,
                ticket_id: row.try_get("ticket_id")?,
                url: row.try_get("url")?,
                attempts: row.try_get("attempts")?,
            })
        };
        rows.iter().map(read).collect()
    }

    /// Keeps what was fetched.
    pub async fn fetched(&self, fetch: &Fetch, mut content: Vec<u8>, media_type: &str) -> Result<(), Error> {
        let sql = "UPDATE fetches SET state = 'fetched', content = $1, content_hash = $2, blob_bytes = $3, media_type = $4, \
                   because = NULL WHERE submission_id = $5 AND position = $6 AND state = 'waiting'";
        let hash = hex::encode(Sha256::digest(&content));
        let put = naming::put(&self.blobs, &hash, &mut content).await?;
        let mut transaction = self.begin().await?;
        naming::hold(&mut transaction, self.engine, &put.iter().collect::<Vec<_>>()).await?;
        query(sql)
            .bind(content)
            .bind(hash)
            .bind(put.map_or(0, |put| put.bytes.len() as i64))
            .bind(rows::clean(media_type))
            .bind(fetch.submission_id.as_str())
            .bind(fetch.position)
            .execute(&mut *transaction)
            .await?;
        Ok(transaction.commit().await?)
    }

    /// Notes a failure: tried again at `again_at`, or never when that is `None`.
    pub async fn fetch_failed(&self, fetch: &Fetch, because: &str, again_at: Option<i64>) -> Result<(), Error> {
        let sql = "UPDATE fetches SET because = $1, state = $2, due_at = $3 \
                   WHERE submission_id = $4 AND position = $5 AND state = 'waiting'";
        let mut transaction = self.begin().await?;
        query(sql)
            .bind(rows::clean(because))
            .bind(if again_at.is_some() { "waiting" } else { "failed" })
            .bind(again_at.unwrap_or_default())
            .bind(fetch.submission_id.as_str())
            .bind(fetch.position)
            .execute(&mut *transaction)
            .await?;
        Ok(transaction.commit().await?)
    }

    /// How far the fetch of an attachment is; `None`: there is none.
    pub async fn fetch_of(&self, submission: &str, position: i64) -> Result<Option<Fetched>, Error> {
        let sql = "SELECT state, content, content_hash, blob_bytes, media_type, because FROM fetches \
                   WHERE submission_id = $1 AND position = $2";
        let row = query(sql).bind(submission).bind(position).fetch_optional(&self.read).await?;
        let Some(row) = row else { return Ok(None) };
        let text = |column: &str| row.try_get::<Option<String>, _>(column).map(Option::unwrap_or_default);
        Ok(Some(match text("state")?.as_str() {
            "fetched" => {
                let outside = row.try_get::<i64, _>("blob_bytes")? > 0;
                let content = match outside {
                    true => self.blobs.get(&text("content_hash")?).await?,
                    false => row.try_get("content")?,
                };
                Fetched::There(content, text("media_type")?)
            }
            "failed" => Fetched::Failed(text("because")?),
            _ => Fetched::Waiting,
        }))
    }
}

/// Writes the fetches of a settled post: attachment places and their URLs.
pub(super) async fn insert(
    connection: &mut AnyConnection,
    submission: &str,
    ticket: i64,
    fetches: Vec<(i64, String)>,
    now: i64,
) -> Result<(), Error> {
    let columns = &["submission_id", "position", "ticket_id", "url", "state", "due_at"];
    let row = |(position, url): (i64, String)| -> Vec<Value> {
        vec![submission.into(), position.into(), ticket.into(), url.into(), "waiting".into(), now.into()]
    };
    let rows = fetches.into_iter().map(row).collect();
    rows::insert(connection, "fetches", columns, rows, "ON CONFLICT DO NOTHING").await?;
    Ok(())
}
