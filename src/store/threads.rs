//! Threads: which ticket a partner's matter went to, by the partner's own number of it.
//!
//! A number means something within its source alone. Written in the transaction that opens the ticket; the first wins.

use std::collections::{BTreeMap, HashMap};

use sqlx::{AnyConnection, Row, query};

use super::rows;
use super::settle::Settling;
use super::{Error, Store};

/// A matter: its source (`hook:NAME`) and its number there.
pub type Thread = (String, String);

impl Store {
    /// The tickets of these matters, as many as are known.
    pub async fn threads(&self, threads: &[Thread]) -> Result<HashMap<Thread, i64>, Error> {
        if threads.is_empty() {
            return Ok(HashMap::new());
        }
        let mut connection = self.read.acquire().await?;
        find(&mut connection, threads).await
    }
}

impl Settling {
    /// As [`Store::threads`], at this moment.
    pub async fn threads(&mut self, threads: &[Thread]) -> Result<HashMap<Thread, i64>, Error> {
        find(&mut self.transaction, threads).await
    }
}

async fn find(connection: &mut AnyConnection, threads: &[Thread]) -> Result<HashMap<Thread, i64>, Error> {
    let mut by_source: BTreeMap<&String, Vec<&String>> = BTreeMap::new();
    for (source, key) in threads {
        by_source.entry(source).or_default().push(key);
    }
    let mut found = HashMap::new();
    for (source, keys) in by_source {
        let sql = |marks: &str| format!("SELECT key, ticket_id FROM threads WHERE source = $1 AND key IN ({marks})");
        for row in rows::with_keys(connection, sql, &[source.as_str().into()], &rows::keys(keys)).await? {
            found.insert((source.clone(), row.try_get("key")?), row.try_get("ticket_id")?);
        }
    }
    Ok(found)
}

/// Remembers the ticket of a matter.
pub(super) async fn keep(connection: &mut AnyConnection, thread: &Thread, ticket: i64, now: i64) -> Result<(), Error> {
    query("INSERT INTO threads (source, key, ticket_id, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING")
        .bind(rows::clean(&thread.0))
        .bind(rows::clean(&thread.1))
        .bind(ticket)
        .bind(now)
        .execute(connection)
        .await?;
    Ok(())
}
