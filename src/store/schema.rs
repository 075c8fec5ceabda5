//! The schema: brought forward at every start, never back. A database that a newer deskclerk has written is refused, before
//! a byte of it is touched: this one would not know what it means.

use sqlx::migrate::{MigrateError, Migrator};

use super::{Engine, Error, Store};

static SQLITE: Migrator = sqlx::migrate!("src/store/migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("src/store/migrations/postgres");

fn migrator(engine: Engine) -> &'static Migrator {
    match engine {
        Engine::Sqlite => &SQLITE,
        Engine::Postgres => &POSTGRES,
    }
}

/// The newest schema that this program knows.
pub fn newest(engine: Engine) -> i64 {
    migrator(engine).iter().map(|migration| migration.version).max().unwrap_or(0)
}

impl Store {
    /// Brings the schema up to date.
    pub(super) async fn migrate(&self) -> Result<(), Error> {
        migrator(self.engine).run(&self.write).await.map_err(|error| match error {
            MigrateError::VersionMissing(found) => Error::Newer { found, known: newest(self.engine) },
            MigrateError::VersionMismatch(found) => Error::Foreign(found),
            error => Error::Migrate(error),
        })
    }

    /// The migrations that the database has been through; none: nothing has been written yet.
    async fn applied(&self) -> Result<Vec<i64>, Error> {
        let found = sqlx::query_scalar("SELECT version FROM _sqlx_migrations ORDER BY version").fetch_all(&self.read);
        match found.await {
            Err(sqlx::Error::Database(error)) if !error.message().contains("_sqlx_migrations") => {
                Err(sqlx::Error::Database(error).into())
            }
            Err(sqlx::Error::Database(_)) => Ok(vec![]),
            found => Ok(found?),
        }
    }

    /// Refuses a database that is not at this program's schema. For those that only look.
    pub(super) async fn expect_schema(&self) -> Result<(), Error> {
        let (applied, known) = (self.applied().await?, newest(self.engine));
        let migrator = migrator(self.engine);
        if let Some(found) = applied.iter().rev().find(|version| !migrator.version_exists(**version)) {
            return Err(Error::Newer { found: *found, known });
        }
        match migrator.iter().all(|migration| applied.contains(&migration.version)) {
            true => Ok(()),
            false => Err(Error::Older { found: applied.last().copied().unwrap_or(0), known }),
        }
    }
}
