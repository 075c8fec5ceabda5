//! Backups: one SQLite database with all that the store holds, whatever the engine; and the way back.
//!
//! What lies outside the database comes into it, so that a backup needs nothing else and is restored to any place.
//! Taken beside a running daemon, from one consistent snapshot: SQLite writes it itself (`VACUUM INTO`), PostgreSQL is read
//! in one repeatable-read transaction. A backup of either engine can be restored into either. Nothing is restored over what
//! is there. The caller puts files in place, durably.

use std::collections::BTreeMap;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use sqlx::{Row, query};

use super::{Engine, Error, Store, copy, naming};

/// Rows of one look.
const ROWS: i64 = 64;

/// What a backup holds.
#[derive(Debug)]
pub struct Kept {
    /// Rows by table.
    pub rows: BTreeMap<String, i64>,
    /// Originals that it does not hold, for they are lost, each with the reason.
    pub lost: Vec<String>,
}

/// The database's name within a backup.
pub const FILE: &str = "deskclerk.db";

impl Store {
    /// Writes all rows into a new database [`FILE`] in `folder`, and proves it. `told` hears of every row where that is known.
    pub async fn back_up(&self, folder: &Path, told: impl Fn()) -> Result<Kept, Error> {
        let target = folder.join(FILE);
        // An empty file of our own rights first: what SQLite makes by itself is readable to others.
        let mut private = std::fs::File::options();
        let made = private.create_new(true).write(true).mode(0o600).open(&target);
        made.map_err(|error| Error::Url(format!("cannot write {}: {error}", target.display())))?;
        match self.engine {
            Engine::Sqlite => {
                let mut connection = self.read.acquire().await?;
                query("PRAGMA query_only = OFF").execute(&mut *connection).await?;
                let path = target.to_string_lossy().into_owned();
                let done = query("VACUUM INTO $1").bind(path).execute(&mut *connection).await;
                query("PRAGMA query_only = ON").execute(&mut *connection).await?;
                done?;
            }
            Engine::Postgres => {
                let kept = Store::open(&format!("sqlite:{FILE}"), folder, 1).await?;
                copy::copy(self, &kept, told).await?;
                kept.fold().await?;
            }
        }
        let url = format!("sqlite:{FILE}");
        let mut kept = Store::open_to_read(&url, folder).await?;
        let mut lost = vec![];
        if kept.blobs_named().await? > 0 {
            kept.close().await;
            let whole = Store::open(&url, folder, 1).await?;
            lost = self.bring_in(&whole).await?;
            whole.fold().await?;
            kept = Store::open_to_read(&url, folder).await?;
        }
        kept.prove().await?;
        let counted = copy::count(&kept).await;
        kept.close().await;
        Ok(Kept { rows: counted?, lost })
    }

    /// Puts what lies outside into the rows of the copy. Which originals are lost.
    async fn bring_in(&self, copy: &Store) -> Result<Vec<String>, Error> {
        let mut lost = vec![];
        for table in ["submissions", "fetches"] {
            let mut after = String::new();
            loop {
                let sql = format!(
                    "SELECT DISTINCT content_hash FROM {table} WHERE blob_bytes > 0 AND content_hash > $1 \
                     ORDER BY content_hash LIMIT $2"
                );
                let found =
                    query(sqlx::AssertSqlSafe(sql)).bind(after.as_str()).bind(ROWS).fetch_all(&copy.read).await?;
                for row in &found {
                    after = row.try_get("content_hash")?;
                    let bytes = match self.blobs.get(&after).await {
                        Ok(bytes) => bytes,
                        Err(error @ Error::Lost { .. }) => {
                            let mut connection = self.read.acquire().await?;
                            let keys = super::rows::keys([&after]);
                            if !naming::of(&mut connection, table, "content_hash", &keys).await?.is_empty() {
                                lost.push(error.to_string());
                                continue;
                            }
                            // It was erased since the copy was made; so it is there.
                            vec![]
                        }
                        Err(error) => return Err(error),
                    };
                    let put = match table {
                        "submissions" => {
                            "INSERT INTO originals (id, raw) SELECT id, $1 FROM submissions WHERE content_hash = $2 \
                             AND blob_bytes > 0"
                        }
                        _ => "UPDATE fetches SET content = $1 WHERE content_hash = $2",
                    };
                    query(put).bind(bytes).bind(after.as_str()).execute(&copy.write).await?;
                    let sql = format!("UPDATE {table} SET blob_bytes = 0 WHERE content_hash = $1");
                    query(sqlx::AssertSqlSafe(sql)).bind(after.as_str()).execute(&copy.write).await?;
                }
                if found.len() < ROWS as usize {
                    break;
                }
            }
        }
        Ok(lost)
    }

    /// Whether nothing has come in yet: only into such a store something is restored.
    pub async fn is_empty(&self) -> Result<bool, Error> {
        for table in ["submissions", "tickets", "agents", "campaigns", "cursors"] {
            let sql = format!("SELECT 1 FROM {table} LIMIT 1");
            if query(sqlx::AssertSqlSafe(sql)).fetch_optional(&self.read).await?.is_some() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Copies a backup's rows into this empty store, all or none.
    pub async fn take_over(&self, kept: &Store, told: impl Fn()) -> Result<BTreeMap<String, i64>, Error> {
        copy::copy(kept, self, told).await
    }

    /// What was to be sent when the backup was taken may have been sent since: it becomes a dead letter that an operator
    /// sends or drops. How many rows.
    pub async fn hold_back(&self, because: &str, now: i64) -> Result<u64, Error> {
        let mut transaction = self.begin().await?;
        let done = query(
            "UPDATE outbox SET state = 'dead', last_error = $1, settled_at = $2, lease_until = 0 WHERE state = 'queued'",
        )
        .bind(because)
        .bind(now)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(done.rows_affected())
    }

    /// Closes a SQLite store so that all of it is in its one file.
    pub async fn fold(self) -> Result<(), Error> {
        self.read.close().await;
        query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&self.write).await?;
        query("PRAGMA journal_mode = DELETE").execute(&self.write).await?;
        self.write.close().await;
        Ok(())
    }

    /// Looks whether a SQLite database is whole: every page, every index, every reference.
    pub async fn prove(&self) -> Result<(), Error> {
        let found = query("PRAGMA integrity_check").fetch_all(&self.read).await?;
        let said: Vec<String> = found.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
        if said != ["ok"] {
            return Err(Error::Corrupt { what: "database".into(), why: said.join("; ") });
        }
        match query("PRAGMA foreign_key_check").fetch_all(&self.read).await?.len() {
            0 => Ok(()),
            count => Err(Error::Corrupt { what: "database".into(), why: format!("{count} references lead nowhere") }),
        }
    }
}
