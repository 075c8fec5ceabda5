//! Quarantine: what could not be read, is over the bounds or looks like a loop. It is kept whole; people settle it once more
//! or turn it away, and who did so is kept. Never touches what went to a ticket.

use serde::Serialize;
use serde_json::json;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::submissions::{Outcome, size};
use super::{Error, Store, acts, rows};

/// A submission in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// UUIDv7.
    pub id: String,
    /// The door.
    pub source: String,
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
        let found = sqlx::query(
            "SELECT id, source, received_at, attempts, because, size FROM submissions \
             WHERE outcome = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
        )
        .bind(outcome.as_str())
        .bind(before.unwrap_or("g")) // ids are hex: sorts after every one, by any collation
        .bind(limit)
        .fetch_all(&self.read)
        .await?;
        let listed = |row: &AnyRow| {
            Ok(Listed {
                id: row.try_get("id")?,
                source: row.try_get("source")?,
                received_at: row.try_get("received_at")?,
                attempts: row.try_get("attempts")?,
                because: row.try_get("because")?,
                bytes: size(row)?,
            })
        };
        found.iter().map(listed).collect()
    }

    /// Settles a submission that ended without ticket once more, as if it had just come in: after the rules, the bounds
    /// or the reader have changed. Refused for one that went to a ticket. `actor`: who wants it.
    pub async fn replay_submission(&self, id: &str, actor: &str, now: i64) -> Result<(), Error> {
        let mut transaction = self.begin().await?;
        let before = ended(&mut transaction, id).await?;
        if !matches!(
            before,
            Ended { ticket: None, outcome: Outcome::Quarantined | Outcome::Automated | Outcome::Rejected, .. }
        ) {
            return Err(before.refusal(id, "settled once more"));
        }
        if before.bytes == 0 {
            return Err(Error::Refused(format!("submission {id} was erased: there is nothing to settle")));
        }
        sqlx::query(
            "UPDATE submissions SET outcome = NULL, because = NULL, settled_at = NULL, attempts = 0, failures = 0, \
             lease_until = 0 \
             WHERE id = $1",
        )
        .bind(id)
        .execute(&mut *transaction)
        .await?;
        let detail = json!({ "outcome": before.outcome });
        acts::record(&mut transaction, actor, "replayed", &format!("submission {id}"), &detail, now).await?;
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
    let sql = "SELECT outcome, ticket_id, size FROM submissions WHERE id = $1";
    let found = sqlx::query(sql).bind(id).fetch_optional(&mut *connection).await?;
    let row = found.ok_or_else(|| Error::Missing(format!("submission {id}")))?;
    if row.try_get::<Option<String>, _>("outcome")?.is_none() {
        return Err(Error::Refused(format!("submission {id} is about to be settled; look again in a moment")));
    }
    Ok(Ended {
        outcome: rows::from_word(&row, "outcome", &format!("submission {id}"))?,
        ticket: row.try_get("ticket_id")?,
        bytes: size(&row)?,
    })
}
