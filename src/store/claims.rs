//! Claims: who works on which submission. A claim counts its attempt, and commits it, before anything is parsed; an older
//! fence than the row's settles nothing.

use sqlx::Row;

use super::submissions::{COLUMNS, RAW, Submission, read, size};
use super::{Engine, Error, Store, rows};

/// A batch of claims stops growing at so many bytes, so that large mails do not fill the memory.
const CLAIM_BYTES: i64 = 2 << 20;

/// A submission put back for another try is marked so: it is taken up alone, before fresh ones.
pub(super) const RELEASED: i64 = 1;

impl Store {
    /// Claims submissions that nobody has settled, oldest first: fresh ones together, or one that came back, alone.
    ///
    /// The attempt is counted and committed here, before anybody parses a byte of it; each gets the number of the ticket
    /// which it may open. After `lease_ms` another worker
    /// may claim it; the fence tells the two apart.
    pub async fn claim_submissions(&self, now: i64, lease_ms: i64, limit: i64) -> Result<Vec<Submission>, Error> {
        let skip = match self.engine {
            Engine::Sqlite => "",
            Engine::Postgres => "FOR UPDATE SKIP LOCKED",
        };
        let mut transaction = self.begin_claim().await?;
        // One that came back may be what crashed the worker: alone, it takes no other with it.
        let suspect = format!(
            "SELECT id, size FROM submissions WHERE outcome IS NULL AND lease_until > 0 \
             AND lease_until <= $1 ORDER BY lease_until, id LIMIT 1 {skip}"
        );
        let fresh = format!(
            "SELECT id, size FROM submissions WHERE outcome IS NULL AND lease_until = 0 \
             ORDER BY id LIMIT $1 {skip}"
        );
        let mut found = sqlx::query(sqlx::AssertSqlSafe(suspect)).bind(now).fetch_all(&mut *transaction).await?;
        if found.is_empty() {
            found = sqlx::query(sqlx::AssertSqlSafe(fresh)).bind(limit).fetch_all(&mut *transaction).await?;
        }
        let mut ids: Vec<rows::Value> = vec![];
        let mut bytes = 0;
        for row in &found {
            if bytes > CLAIM_BYTES {
                break;
            }
            bytes += size(row)?;
            ids.push(row.try_get::<String, _>("id")?.into());
        }
        let until = now.saturating_add(lease_ms).max(RELEASED + 1);
        let update = |marks: &str| {
            format!(
                "UPDATE submissions SET attempts = attempts + 1, fence = fence + 1, lease_until = $1 \
                 WHERE id IN ({marks}) RETURNING {COLUMNS}, {RAW}"
            )
        };
        let rows = rows::with_keys(&mut transaction, update, &[until.into()], &ids).await?;
        let numbers = self.numbers(&mut transaction, rows.len()).await?;
        transaction.commit().await?;
        let mut claimed = vec![];
        for row in &rows {
            claimed.push(match self.whole(row).await {
                // Never settled as if it had been empty: to quarantine, from where it can be replayed.
                Err(error @ Error::Lost { .. }) => {
                    let mut lost = read(row)?;
                    lost.envelope.refused = Some(error.to_string());
                    lost
                }
                Err(error) if error.is_passing() => {
                    for row in &rows {
                        self.release_submission(&read(row)?, now, false).await?;
                    }
                    return Err(error);
                }
                whole => whole?,
            });
        }
        claimed.sort_by(|a: &Submission, b| a.id.cmp(&b.id));
        for (submission, number) in claimed.iter_mut().zip(numbers) {
            submission.number = number;
        }
        Ok(claimed)
    }

    /// Puts a claimed submission back, to be taken up alone from `due_at` on. `failed`: whether the submission failed, which
    /// is counted, or the database did, and this was no attempt.
    pub async fn release_submission(&self, claimed: &Submission, due_at: i64, failed: bool) -> Result<(), Error> {
        let mut transaction = self.begin().await?;
        sqlx::query(
            "UPDATE submissions SET lease_until = $1, attempts = attempts - 1 + $2, failures = failures + $2 \
             WHERE id = $3 AND fence = $4 AND outcome IS NULL",
        )
        .bind(due_at.max(RELEASED))
        .bind(i64::from(failed))
        .bind(claimed.id.as_str())
        .bind(claimed.fence)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Gives up the claims of processes that are gone, so that nobody waits for their leases. Only for the process that
    /// knows it is the only one on this database.
    pub async fn forget_claims(&self) -> Result<(), Error> {
        let mut transaction = self.begin().await?;
        sqlx::query("UPDATE submissions SET lease_until = $1 WHERE outcome IS NULL AND lease_until > $1")
            .bind(RELEASED)
            .execute(&mut *transaction)
            .await?;
        sqlx::query("UPDATE outbox SET lease_until = 0 WHERE state = 'queued' AND lease_until > 0")
            .execute(&mut *transaction)
            .await?;
        sqlx::query("DELETE FROM leases").execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// It was read in a process of its own, which came to its end: what failed before was not its fault.
    pub async fn acquit(&self, id: &str) -> Result<(), Error> {
        let mut transaction = self.begin().await?;
        sqlx::query("UPDATE submissions SET failures = 0 WHERE outcome IS NULL AND id = $1")
            .bind(id)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// A process ended while it read these: each has failed once more.
    pub async fn blame(&self, ids: &[String]) -> Result<(), Error> {
        let mut transaction = self.begin().await?;
        let sql = |marks: &str| {
            format!("UPDATE submissions SET failures = failures + 1 WHERE outcome IS NULL AND id IN ({marks})")
        };
        rows::with_keys(&mut transaction, sql, &[], &rows::keys(ids)).await?;
        transaction.commit().await?;
        Ok(())
    }
}
