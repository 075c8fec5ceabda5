//! What people did: the audit trail. What is about a ticket stands among its events; all else, such as a submission that
//! was replayed or an agent who was removed, stands here. Rows are only ever added.

use serde::Serialize;
use serde_json::{Value as Json, json};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row, query};

use super::{Error, Store, rows};

/// Something that somebody did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Act {
    /// Unix milliseconds.
    pub at: i64,
    /// `agent:NAME`, or `operator` for the command line.
    pub actor: String,
    /// What was done.
    pub what: String,
    /// To what: `ticket 17`, `submission 0192…`, `agent ann`.
    pub about: String,
    /// Details, by `what`.
    pub detail: Json,
}

impl Store {
    /// Keeps what somebody did. `about` names the thing; no address and no customer's words stand in `detail`.
    pub async fn record_act(&self, actor: &str, what: &str, about: &str, detail: Json, now: i64) -> Result<(), Error> {
        let mut transaction = self.begin().await?;
        record(&mut transaction, actor, what, about, &detail, now).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// What people did at `since` (unix milliseconds) or later, to tickets and otherwise, newest first. `actor`: only his.
    pub async fn acts(&self, since: i64, actor: Option<&str>, limit: i64) -> Result<Vec<Act>, Error> {
        let found = query(
            "SELECT * FROM (SELECT id, at, actor, what, about, detail FROM acts WHERE at >= $1 UNION ALL \
             SELECT id, at, actor, what, 'ticket ' || CAST(ticket_id AS TEXT) AS about, detail FROM events \
             WHERE actor <> 'desk' AND actor <> 'customer' AND at >= $1) AS done \
             WHERE $2 = '' OR actor = $2 ORDER BY at DESC, id DESC LIMIT $3",
        )
        .bind(since)
        .bind(actor.unwrap_or_default())
        .bind(limit)
        .fetch_all(&self.read)
        .await?;
        let read = |row: &AnyRow| {
            Ok(Act {
                at: row.try_get("at")?,
                actor: row.try_get("actor")?,
                what: row.try_get("what")?,
                about: row.try_get("about")?,
                detail: rows::from_json(row, "detail", "an act")?,
            })
        };
        found.iter().map(read).collect()
    }
}

/// Keeps it in the transaction that does it.
pub(super) async fn record(
    connection: &mut AnyConnection,
    actor: &str,
    what: &str,
    about: &str,
    detail: &Json,
    now: i64,
) -> Result<(), Error> {
    let detail = if detail.is_null() { json!({}) } else { detail.clone() };
    query("INSERT INTO acts (id, at, actor, what, about, detail) VALUES ($1, $2, $3, $4, $5, $6)")
        .bind(uuid::Uuid::now_v7().to_string())
        .bind(now)
        .bind(rows::clean(actor))
        .bind(what)
        .bind(rows::clean(about))
        .bind(rows::to_json(&detail))
        .execute(&mut *connection)
        .await?;
    Ok(())
}
