//! Which blobs are named by rows, and the end of those that are not.
//!
//! Promises: a row that is committed names a blob that is there; a blob that a row names is never deleted. Whoever commits
//! such a row looks for the blob within his transaction, whoever deletes one looks for rows within his, and the two exclude
//! one another: on SQLite as there is one writer, on PostgreSQL by an advisory lock.

use std::collections::HashSet;
use std::sync::Arc;

use sqlx::{AnyConnection, Row, query};

use super::blobs::Blobs;
use super::{Engine, Error, Store, rows};

/// PostgreSQL's advisory lock: shared by those who name blobs, alone for one who deletes some.
const BLOBS_LOCK: i64 = 0x6465_736b_626c_6f62;
/// Blobs deleted in one transaction: nobody names one meanwhile.
const TOGETHER: usize = 16;
/// The tables whose rows name blobs, by `content_hash`, where `blob_bytes` is not 0.
const TABLES: [&str; 2] = ["submissions", "fetches"];

/// Bytes that were put and are to be named by a row.
#[derive(Debug, Clone)]
pub(super) struct Put {
    pub blobs: Blobs,
    pub hash: String,
    pub bytes: Arc<Vec<u8>>,
}

/// Puts bytes that are for outside, and takes them out of `bytes`; `None`: they stay in the database.
pub(super) async fn put(blobs: &Blobs, hash: &str, bytes: &mut Vec<u8>) -> Result<Option<Put>, Error> {
    if !blobs.takes(bytes.len()) {
        return Ok(None);
    }
    let put = Put { blobs: blobs.clone(), hash: hash.to_owned(), bytes: Arc::new(std::mem::take(bytes)) };
    put.blobs.put(hash, put.bytes.clone()).await?;
    Ok(Some(put))
}

/// Makes sure, before rows of this transaction name them, that these blobs are there until its end.
pub(super) async fn hold(connection: &mut AnyConnection, engine: Engine, named: &[&Put]) -> Result<(), Error> {
    if !named.is_empty() && engine == Engine::Postgres {
        query("SELECT pg_advisory_xact_lock_shared($1)").bind(BLOBS_LOCK).execute(connection).await?;
    }
    for put in named {
        // Somebody erased the same bytes since.
        if !put.blobs.has(&put.hash).await? {
            put.blobs.put(&put.hash, put.bytes.clone()).await?;
        }
    }
    Ok(())
}

/// The blobs that rows of a table name whose `column` is among `keys`.
pub(super) async fn of(
    connection: &mut AnyConnection,
    table: &str,
    column: &str,
    keys: &[rows::Value],
) -> Result<Vec<String>, Error> {
    let sql = |marks: &str| format!("SELECT content_hash FROM {table} WHERE blob_bytes > 0 AND {column} IN ({marks})");
    let found = rows::with_keys(connection, sql, &[], keys).await?;
    found.iter().map(|row| Ok(row.try_get("content_hash")?)).collect()
}

impl Store {
    /// Where this store keeps what is large; as it is opened, it keeps all in the database.
    pub fn with_blobs(self, blobs: Blobs) -> Store {
        Store { blobs, ..self }
    }

    /// Deletes those of these blobs that no row names any more. How many.
    pub(super) async fn drop_unnamed(&self, hashes: &[String]) -> Result<usize, Error> {
        let mut dropped = 0;
        for hashes in hashes.chunks(TOGETHER) {
            let mut transaction = self.begin().await?;
            if self.engine == Engine::Postgres {
                query("SELECT pg_advisory_xact_lock($1)").bind(BLOBS_LOCK).execute(&mut *transaction).await?;
            }
            let named = named(&mut transaction, hashes).await?;
            for hash in hashes.iter().filter(|hash| !named.contains(*hash)) {
                self.blobs.delete(hash).await?;
                dropped += 1;
            }
            transaction.commit().await?;
        }
        Ok(dropped)
    }

    /// Deletes the orphans among the blobs of one of 256 shelves: put before `until` (unix milliseconds), named by no row.
    /// How many.
    pub async fn sweep(&self, until: i64, shelf: u8) -> Result<usize, Error> {
        let old = self.blobs.before(until, shelf).await?;
        let mut connection = self.read.acquire().await?;
        let named = named(&mut connection, &old).await?;
        drop(connection);
        let orphans: Vec<String> = old.into_iter().filter(|hash| !named.contains(hash)).collect();
        self.drop_unnamed(&orphans).await
    }

    /// Whether blobs are kept outside, so that there may be something to sweep.
    pub fn keeps_blobs(&self) -> bool {
        self.blobs.are_kept()
    }

    /// How many rows name blobs.
    pub async fn blobs_named(&self) -> Result<i64, Error> {
        let mut count = 0;
        for table in TABLES {
            let sql = format!("SELECT COUNT(*) AS n FROM {table} WHERE blob_bytes > 0");
            let row = query(sqlx::AssertSqlSafe(sql)).fetch_one(&self.read).await?;
            count += row.try_get::<i64, _>("n")?;
        }
        Ok(count)
    }
}

async fn named(connection: &mut AnyConnection, hashes: &[String]) -> Result<HashSet<String>, Error> {
    let mut found = HashSet::new();
    for table in TABLES {
        found.extend(of(connection, table, "content_hash", &rows::keys(hashes)).await?);
    }
    Ok(found)
}
