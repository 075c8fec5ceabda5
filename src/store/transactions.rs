//! How writing transactions begin. Nothing else writes to an open store: each says how its commit reaches the disk, and what
//! one has said holds for the next on its connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sqlx::pool::PoolConnection;
use sqlx::{Any, Connection, Transaction};

use super::{Engine, Error, Store};

/// NORMAL may lose acknowledged commits on power loss.
const DURABLE: &str = "PRAGMA synchronous = FULL; BEGIN IMMEDIATE";

/// How many wait for a writing connection.
#[derive(Debug, Clone, Default)]
pub(super) struct Turns(Arc<AtomicUsize>);

impl Turns {
    /// Whether a connection that is not needed at once is to be given back.
    pub(super) fn somebody_waits(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }

    fn wait(&self) -> Turn<'_> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Turn(self)
    }
}

/// One who waits, until it is dropped.
struct Turn<'t>(&'t Turns);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Store {
    /// A writing connection, once it is one's turn.
    pub(super) async fn writer(&self) -> Result<PoolConnection<Any>, Error> {
        let _turn = self.turns.wait();
        Ok(self.write.acquire().await?)
    }

    /// Begins a writing transaction. SQLite takes the write lock at once, so that it never fails half-way.
    pub(super) async fn begin(&self) -> Result<Transaction<'static, Any>, Error> {
        self.begin_as(DURABLE).await
    }

    /// As [`Store::begin`], on a connection that is at hand.
    pub(super) async fn begin_on<'c>(
        &self,
        writer: &'c mut PoolConnection<Any>,
    ) -> Result<Transaction<'c, Any>, Error> {
        Ok(match self.engine {
            Engine::Sqlite => writer.begin_with(DURABLE).await?,
            Engine::Postgres => Connection::begin(&mut **writer).await?,
        })
    }

    /// Begins one that claims. A claim in SQLite outlives the process but waits for no disk: whoever holds it is gone, too,
    /// after a power cut, and the commit of what he did brings it to the disk with itself.
    pub(super) async fn begin_claim(&self) -> Result<Transaction<'static, Any>, Error> {
        self.begin_as("PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE").await
    }

    async fn begin_as(&self, sqlite: &'static str) -> Result<Transaction<'static, Any>, Error> {
        let _turn = self.turns.wait();
        Ok(match self.engine {
            Engine::Sqlite => self.write.begin_with(sqlite).await?,
            Engine::Postgres => self.write.begin().await?,
        })
    }
}
