//! The schema: brought forward at every start, never back. A database that a newer deskclerk has written is refused, before
//! a byte of it is touched: this one would not know what it means.

use std::sync::LazyLock;

use sqlx::SqlSafeStr;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};

use super::{Engine, Error, Store};

/// Version, name and SQL of each file of a folder. sqlx's macro would read the folder itself, and have SQLite and all
/// drivers compiled once more for it.
macro_rules! migrations {
    ($engine:literal) => {
        migrations!($engine: 1 "0001" "desk", 2 "0002" "waiting", 3 "0003" "unproven", 700 "0700" "hooks",
            740 "0740" "way_out", 800 "0800" "operations", 820 "0820" "blobs", 830 "0830" "mailboxes",
            840 "0840" "failures", 850 "0850" "payloads", 860 "0860" "originals", 870 "0870" "quarantined",
            880 "0880" "outcomes", 890 "0890" "batch", 900 "0900" "budgets", 910 "0910" "subaddresses",
            930 "0930" "drafts")
    };
    ($engine:literal: $($version:literal $digits:literal $name:literal),+) => {
        &[$(($version, $name, include_str!(concat!("migrations/", $engine, "/", $digits, "_", $name, ".sql")))),+]
    };
}
static SQLITE: LazyLock<Migrator> = LazyLock::new(|| listed(migrations!("sqlite")));
static POSTGRES: LazyLock<Migrator> = LazyLock::new(|| listed(migrations!("postgres")));

fn listed(migrations: &[(i64, &'static str, &'static str)]) -> Migrator {
    let migration = |(version, name, sql): &(i64, &'static str, &'static str)| {
        let name = name.replace('_', " ").into();
        Migration::new(*version, name, MigrationType::Simple, sql.into_sql_str(), false)
    };
    Migrator::with_migrations(migrations.iter().map(migration).collect())
}

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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_listed() {
        for (engine, folder) in [(Engine::Sqlite, "sqlite"), (Engine::Postgres, "postgres")] {
            let place = format!("{}/src/store/migrations/{folder}", env!("CARGO_MANIFEST_DIR"));
            let mut files: Vec<String> = std::fs::read_dir(place)
                .unwrap()
                .map(|file| file.unwrap().file_name().into_string().unwrap())
                .collect();
            files.sort();
            let named = |one: &Migration| format!("{:04}_{}.sql", one.version, one.description.replace(' ', "_"));
            let listed: Vec<String> = migrator(engine).iter().map(named).collect();
            assert_eq!(listed, files, "{folder}");
        }
    }
}
