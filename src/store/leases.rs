//! Leases: of several processes on one store, one alone reads a mailbox.
//!
//! By the database's clock, so that processes need not agree on theirs. Whoever holds a lease renews it long before its
//! end; of one that is gone the next takes it over after that. Only keeps work from being done twice: that nothing is
//! *stored* twice is the ledger's doing, whoever reads.

use sqlx::query;

use super::{Engine, Error, Store};

impl Store {
    /// Takes the lease for so long from now, or renews it; whether `holder` has it.
    pub async fn take_lease(&self, name: &str, holder: &str, millis: i64) -> Result<bool, Error> {
        let now = self.clock_sql();
        let sql = format!(
            "INSERT INTO leases (name, holder, held_until) VALUES ($1, $2, {now} + $3) \
             ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, held_until = excluded.held_until \
             WHERE leases.holder = excluded.holder OR leases.held_until <= {now}"
        );
        let mut transaction = self.begin().await?;
        let done = query(sqlx::AssertSqlSafe(sql)).bind(name).bind(holder).bind(millis).execute(&mut *transaction);
        let taken = done.await?.rows_affected() == 1;
        transaction.commit().await?;
        Ok(taken)
    }

    /// Gives the lease up, if `holder` has it, so that nobody waits for its end.
    pub async fn drop_lease(&self, name: &str, holder: &str) -> Result<(), Error> {
        let mut transaction = self.begin().await?;
        let sql = "DELETE FROM leases WHERE name = $1 AND holder = $2";
        query(sql).bind(name).bind(holder).execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(())
    }

    fn clock_sql(&self) -> &'static str {
        match self.engine {
            Engine::Sqlite => "CAST(unixepoch('subsec') * 1000 AS INTEGER)",
            Engine::Postgres => "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)",
        }
    }
}
