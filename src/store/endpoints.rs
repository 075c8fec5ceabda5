//! Webhooks and connectors, as they are: well, failing since, or disabled.
//!
//! Promises: one good try ends a failing; an endpoint is disabled once, and enabled again only by people.

use serde::Serialize;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row, query};

use super::{Error, Store, rows};

/// An endpoint that is not well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Endpoint {
    /// Its name in the settings.
    pub name: String,
    /// All tries since then have failed, unix milliseconds.
    pub failing_since: Option<i64>,
    /// What the last one failed with.
    pub last_error: Option<String>,
    /// When it was disabled, unix milliseconds.
    pub disabled_at: Option<i64>,
    /// Why it was.
    pub because: Option<String>,
}

impl Store {
    /// The endpoints that fail or are disabled, by name.
    pub async fn endpoints_in_trouble(&self) -> Result<Vec<Endpoint>, Error> {
        let sql = "SELECT name, failing_since, last_error, disabled_at, because FROM endpoints \
                   WHERE failing_since IS NOT NULL OR disabled_at IS NOT NULL ORDER BY name";
        query(sql).fetch_all(&self.read).await?.iter().map(read).collect()
    }

    /// Why an endpoint is disabled; `None`: it is not.
    pub async fn disabled(&self, name: &str) -> Result<Option<String>, Error> {
        let sql = "SELECT because FROM endpoints WHERE name = $1 AND disabled_at IS NOT NULL";
        let found = query(sql).bind(name).fetch_optional(&self.read).await?;
        Ok(found.map(|row| row.try_get::<Option<String>, _>("because")).transpose()?.map(Option::unwrap_or_default))
    }

    /// A try at it failed. Since when all do, unix milliseconds.
    pub async fn endpoint_failed(&self, name: &str, error: &str, now: i64) -> Result<i64, Error> {
        let mut transaction = self.begin().await?;
        let row = query(
            "INSERT INTO endpoints (name, failing_since, last_error) VALUES ($1, $2, $3) ON CONFLICT (name) DO UPDATE SET \
             failing_since = COALESCE(endpoints.failing_since, excluded.failing_since), last_error = excluded.last_error \
             RETURNING failing_since",
        )
        .bind(name)
        .bind(now)
        .bind(rows::clean(error))
        .fetch_one(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(row.try_get("failing_since")?)
    }

    /// Disables it. Whether it was not disabled already.
    pub async fn disable_endpoint(&self, name: &str, because: &str, now: i64) -> Result<bool, Error> {
        let mut transaction = self.begin().await?;
        let done = query(
            "INSERT INTO endpoints (name, disabled_at, because) VALUES ($1, $2, $3) ON CONFLICT (name) DO UPDATE SET \
             disabled_at = excluded.disabled_at, because = excluded.because WHERE endpoints.disabled_at IS NULL",
        )
        .bind(name)
        .bind(now)
        .bind(rows::clean(because))
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(done.rows_affected() == 1)
    }

    /// Gives it another chance. Whether it was disabled.
    pub async fn enable_endpoint(&self, name: &str) -> Result<bool, Error> {
        let mut transaction = self.begin().await?;
        let done = query(
            "UPDATE endpoints SET disabled_at = NULL, because = NULL, failing_since = NULL \
             WHERE name = $1 AND disabled_at IS NOT NULL",
        )
        .bind(name)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(done.rows_affected() == 1)
    }

    /// Names that queued rows are for, of webhooks and connectors.
    pub async fn waited_for(&self) -> Result<Vec<String>, Error> {
        let sql = "SELECT DISTINCT recipient FROM outbox WHERE state = 'queued' AND kind <> 'mail' ORDER BY recipient";
        query(sql).fetch_all(&self.read).await?.iter().map(|row| Ok(row.try_get("recipient")?)).collect()
    }
}

/// A try at it went well.
pub(super) async fn well(connection: &mut AnyConnection, name: &str) -> Result<(), Error> {
    query("UPDATE endpoints SET failing_since = NULL, last_error = NULL WHERE name = $1 AND failing_since IS NOT NULL")
        .bind(name)
        .execute(&mut *connection)
        .await?;
    Ok(())
}

fn read(row: &AnyRow) -> Result<Endpoint, Error> {
    Ok(Endpoint {
        name: row.try_get("name")?,
        failing_since: row.try_get("failing_since")?,
        last_error: row.try_get("last_error")?,
        disabled_at: row.try_get("disabled_at")?,
        because: row.try_get("because")?,
    })
}
