//! How writing transactions begin. Nothing else writes to an open store: each says how its commit reaches the disk, and what
//! one has said holds for the next on its connection.

use sqlx::{Any, Transaction};

use super::{Engine, Error, Store};

impl Store {
    /// Begins a writing transaction. SQLite takes the write lock at once, so that it never fails half-way.
    pub(super) async fn begin(&self) -> Result<Transaction<'static, Any>, Error> {
        // NORMAL may lose acknowledged commits on power loss.
        self.begin_as("PRAGMA synchronous = FULL; BEGIN IMMEDIATE").await
    }

    /// Begins one that claims. A claim in SQLite outlives the process but waits for no disk: whoever holds it is gone, too,
    /// after a power cut, and the commit of what he did brings it to the disk with itself.
    pub(super) async fn begin_claim(&self) -> Result<Transaction<'static, Any>, Error> {
        self.begin_as("PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE").await
    }

    async fn begin_as(&self, sqlite: &'static str) -> Result<Transaction<'static, Any>, Error> {
        Ok(match self.engine {
            Engine::Sqlite => self.write.begin_with(sqlite).await?,
            Engine::Postgres => self.write.begin().await?,
        })
    }
}
