//! Quarantine: what could not be read, is over the bounds or looks like a loop; beside it what was set aside as automated, and
//! what people turned away. It is kept whole; people settle it once more, as it is or as a person's, or turn it away, and who
//! did so is kept. Never touches what went to a ticket.

use serde::Serialize;
use serde_json::json;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::submissions::{Envelope, Kind, Outcome, size};
use super::{Error, Store, acts, rows};

/// The ends without a ticket that people look through and may put right. What was taken in before is on its ticket.
pub const ENDS: [Outcome; 3] = [Outcome::Quarantined, Outcome::Automated, Outcome::Rejected];

/// How a submission is settled once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// As if it had just come in: after the rules, the bounds or the reader have changed.
    Anew,
    /// As what a person wrote, whatever it looks like; it is never answered automatically.
    AsAPersons,
}

/// A submission in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// UUIDv7.
    pub id: String,
    /// The door.
    pub source: String,
    /// What its bytes are.
    pub kind: Kind,
    /// Unix milliseconds.
    pub received_at: i64,
    /// How often it was claimed.
    pub attempts: i64,
    /// Why it ended so.
    pub because: Option<String>,
    /// Size of its bytes.
    pub bytes: i64,
}

impl Store {
    /// Submissions that ended so, newest first, without their bytes; `before` is the last id of the page before.
    pub async fn list_submissions(
        &self,
        outcome: Outcome,
        limit: i64,
        before: Option<&str>,
    ) -> Result<Vec<Listed>, Error> {
        // By time, as the index of outcomes has it: by id alone all that ended otherwise would be passed by.
        let found = sqlx::query(
            "SELECT id, source, kind, received_at, attempts, because, size FROM submissions \
             WHERE outcome = $1 AND received_at <= (SELECT COALESCE(MAX(received_at), $4) FROM submissions WHERE id = $2) \
             AND (id < $2 OR received_at < (SELECT COALESCE(MAX(received_at), $4) FROM submissions WHERE id = $2)) \
             ORDER BY received_at DESC, id DESC LIMIT $3",
        )
        .bind(outcome.as_str())
        .bind(before.unwrap_or_default())
        .bind(limit)
        .bind(i64::MAX)
        .fetch_all(&self.read)
        .await?;
        let listed = |row: &AnyRow| {
            Ok(Listed {
                id: row.try_get("id")?,
                source: row.try_get("source")?,
                kind: rows::from_word(row, "kind", "a submission in a list")?,
                received_at: row.try_get("received_at")?,
                attempts: row.try_get("attempts")?,
                because: row.try_get("because")?,
                bytes: size(row)?,
            })
        };
        found.iter().map(listed).collect()
    }

    /// The first bytes of a submission, so many at most; of one that is lost or erased none.
    pub async fn head(&self, id: &str, most: i64) -> Result<Vec<u8>, Error> {
        let sql = "SELECT (SELECT SUBSTR(raw, 1, CAST($2 AS INTEGER)) FROM originals WHERE originals.id = submissions.id) \
                   AS raw, content_hash, blob_bytes FROM submissions WHERE id = $1";
        let Some(row) = sqlx::query(sql).bind(id).bind(most).fetch_optional(&self.read).await? else {
            return Ok(vec![]);
        };
        if row.try_get::<i64, _>("blob_bytes")? == 0 {
            return Ok(row.try_get::<Option<Vec<u8>>, _>("raw")?.unwrap_or_default());
        }
        match self.blobs.get(&row.try_get::<String, _>("content_hash")?).await {
            Err(Error::Lost { .. }) => Ok(vec![]),
            Err(error) => Err(error),
            Ok(mut raw) => {
                raw.truncate(usize::try_from(most).unwrap_or_default());
                Ok(raw)
            }
        }
    }

    /// Settles a submission that ended without ticket once more. Refused for one that went to a ticket. `actor`: who wants it.
    pub async fn replay_submission(&self, id: &str, how: Again, actor: &str, now: i64) -> Result<(), Error> {
        let mut transaction = self.begin().await?;
        let before = ended(&mut transaction, id).await?;
        if before.ticket.is_some() || !ENDS.contains(&before.outcome) {
            return Err(before.refusal(id, "settled once more"));
        }
        if before.bytes == 0 {
            return Err(Error::Refused(format!("submission {id} was erased: there is nothing to settle")));
        }
        let by = (how == Again::AsAPersons).then(|| actor.to_owned());
        let envelope = Envelope { persons_by: by, ..before.envelope };
        sqlx::query(
            "UPDATE submissions SET outcome = NULL, because = NULL, settled_at = NULL, attempts = 0, failures = 0, \
             lease_until = 0, envelope = $2 WHERE id = $1",
        )
        .bind(id)
        .bind(rows::to_json(&envelope))
        .execute(&mut *transaction)
        .await?;
        let what = match how {
            Again::Anew => "replayed",
            Again::AsAPersons => "made_ticket",
        };
        let detail = json!({ "outcome": before.outcome });
        acts::record(&mut transaction, actor, what, &format!("submission {id}"), &detail, now).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Turns a quarantined submission away for good; its bytes stay.
    pub async fn reject_submission(&self, id: &str, because: &str, actor: &str, now: i64) -> Result<(), Error> {
        let mut transaction = self.begin().await?;
        let before = ended(&mut transaction, id).await?;
        if before.outcome != Outcome::Quarantined {
            return Err(before.refusal(id, "dropped"));
        }
        sqlx::query("UPDATE submissions SET outcome = 'rejected', because = $1, settled_at = $2 WHERE id = $3")
            .bind(rows::clean(because))
            .bind(now)
            .bind(id)
            .execute(&mut *transaction)
            .await?;
        let detail = json!({ "because": because });
        acts::record(&mut transaction, actor, "dropped", &format!("submission {id}"), &detail, now).await?;
        transaction.commit().await?;
        Ok(())
    }
}

/// How a submission ended, read where it is about to be changed.
struct Ended {
    outcome: Outcome,
    ticket: Option<i64>,
    envelope: Envelope,
    bytes: i64,
}

impl Ended {
    fn refusal(&self, id: &str, what: &str) -> Error {
        match self.ticket {
            Some(ticket) => Error::Refused(format!("submission {id} is on ticket {ticket}: it cannot be {what}")),
            None => Error::Refused(format!("submission {id} is {}: it cannot be {what}", self.outcome.as_str())),
        }
    }
}

async fn ended(connection: &mut AnyConnection, id: &str) -> Result<Ended, Error> {
    let sql = "SELECT outcome, ticket_id, envelope, size FROM submissions WHERE id = $1";
    let found = sqlx::query(sql).bind(id).fetch_optional(&mut *connection).await?;
    let row = found.ok_or_else(|| Error::Missing(format!("submission {id}")))?;
    if row.try_get::<Option<String>, _>("outcome")?.is_none() {
        return Err(Error::Refused(format!("submission {id} is about to be settled; look again in a moment")));
    }
    Ok(Ended {
        outcome: rows::from_word(&row, "outcome", &format!("submission {id}"))?,
        ticket: row.try_get("ticket_id")?,
        envelope: rows::from_json(&row, "envelope", &format!("submission {id}"))?,
        bytes: size(&row)?,
    })
}
