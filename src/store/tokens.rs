//! Tokens that a mailbox is signed in to with, sealed by whoever keeps them: nothing here can read one.

use sqlx::{Row, query};

use super::{Error, Store};

/// A sealed token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// What only the keeper of the secret can open.
    pub sealed: Vec<u8>,
    /// Unix milliseconds.
    pub good_until: i64,
}

impl Store {
    /// What is kept under this name.
    pub async fn token(&self, name: &str) -> Result<Option<Token>, Error> {
        let sql = "SELECT sealed, good_until FROM tokens WHERE name = $1";
        let found = query(sql).bind(name).fetch_optional(&self.read).await?;
        let read = |row: sqlx::any::AnyRow| {
            Ok(Token { sealed: row.try_get("sealed")?, good_until: row.try_get("good_until")? })
        };
        found.map(read).transpose()
    }

    /// Keeps it in place of what was kept before.
    pub async fn keep_token(&self, name: &str, token: &Token, now: i64) -> Result<(), Error> {
        let mut transaction = self.begin().await?;
        let sql = "INSERT INTO tokens (name, sealed, good_until, updated_at) VALUES ($1, $2, $3, $4) \
                   ON CONFLICT (name) DO UPDATE SET sealed = excluded.sealed, good_until = excluded.good_until, \
                   updated_at = excluded.updated_at";
        let statement = query(sql).bind(name).bind(token.sealed.clone()).bind(token.good_until).bind(now);
        statement.execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(())
    }
}
