//! The breaker of automatic replies: tripped when the desk's budget is spent, and holding until its time is over or an
//! operator resumes. Kept in the store, so that a restart does not close it and every node obeys it.

use serde::Serialize;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row, query};

use super::settle::Settling;
use super::{Error, Store, rows};

/// A tripped breaker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Breaker {
    /// Unix milliseconds.
    pub tripped_at: i64,
    /// Unix milliseconds.
    pub holds_until: i64,
    /// Why, readable.
    pub because: String,
}

impl Store {
    /// The breaker, if it holds at this moment.
    pub async fn breaker(&self, now: i64) -> Result<Option<Breaker>, Error> {
        let mut connection = self.read.acquire().await?;
        holding(&mut connection, now).await
    }

    /// Lets automatic replies out again. Whether the breaker had held.
    pub async fn resume_replies(&self, now: i64) -> Result<bool, Error> {
        let mut transaction = self.begin().await?;
        let done = query("UPDATE breaker SET holds_until = $1 WHERE holds_until > $1")
            .bind(now)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(done.rows_affected() > 0)
    }
}

impl Settling {
    /// The breaker, if it holds at this moment.
    pub async fn breaker(&mut self, now: i64) -> Result<Option<Breaker>, Error> {
        holding(&mut self.transaction, now).await
    }

    /// Trips it.
    pub async fn trip(&mut self, breaker: &Breaker) -> Result<(), Error> {
        query(
            "INSERT INTO breaker (id, tripped_at, holds_until, because) VALUES (1, $1, $2, $3) \
             ON CONFLICT (id) DO UPDATE SET tripped_at = excluded.tripped_at, holds_until = excluded.holds_until, \
             because = excluded.because",
        )
        .bind(breaker.tripped_at)
        .bind(breaker.holds_until)
        .bind(rows::clean(&breaker.because))
        .execute(&mut *self.transaction)
        .await?;
        Ok(())
    }
}

async fn holding(connection: &mut AnyConnection, now: i64) -> Result<Option<Breaker>, Error> {
    // A clock that was set back does not make it hold for ever: it never holds before it tripped.
    let sql = "SELECT tripped_at, holds_until, because FROM breaker WHERE holds_until > $1 AND tripped_at <= $1";
    let found = query(sql).bind(now).fetch_optional(&mut *connection).await?;
    let read = |row: &AnyRow| {
        Ok(Breaker {
            tripped_at: row.try_get("tripped_at")?,
            holds_until: row.try_get("holds_until")?,
            because: row.try_get("because")?,
        })
    };
    found.as_ref().map(read).transpose()
}
