//! Agents, and the tokens by which they are known: console sessions, one-time sign-in links, API tokens.
//!
//! A token is 256 random bits, handed out once; the store keeps its SHA-256 alone, so that a stolen database signs
//! nobody in. Passwords arrive here hashed (argon2id, PHC string).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::TryRngCore;
use rand::rngs::OsRng;
use sha2::{Digest, Sha256};
use sqlx::Row;
use sqlx::any::AnyRow;

use super::{Error, Store};

/// Someone who works at the desk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// The sign-in name, unique.
    pub name: String,
    /// Mail address.
    pub address: String,
    /// argon2id PHC string; `None`: signs in by link only.
    pub password_hash: Option<String>,
    /// Unix milliseconds.
    pub created_at: i64,
}

/// What a token is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A signed-in browser.
    Session,
    /// Signs in once.
    Link,
    /// Calls the API.
    Api,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Kind::Session => "session",
            Kind::Link => "link",
            Kind::Api => "api",
        }
    }
}

/// A valid token's owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The agent's name.
    pub agent: String,
    /// What forms of this session must carry.
    pub csrf: String,
    /// Unix milliseconds.
    pub expires_at: i64,
}

impl Store {
    /// Adds an agent, or changes address and, where one is given, password of the one with this name.
    pub async fn put_agent(
        &self,
        name: &str,
        address: &str,
        password_hash: Option<&str>,
        now: i64,
    ) -> Result<(), Error> {
        let mut transaction = self.begin().await?;
        sqlx::query(
            "INSERT INTO agents (name, address, password_hash, created_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (name) DO UPDATE SET address = excluded.address,
               password_hash = COALESCE(excluded.password_hash, agents.password_hash)",
        )
        .bind(name)
        .bind(address)
        .bind(password_hash)
        .bind(now)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// All agents, by name.
    pub async fn agents(&self) -> Result<Vec<Agent>, Error> {
        let rows = sqlx::query("SELECT name, address, password_hash, created_at FROM agents ORDER BY name")
            .fetch_all(&self.read)
            .await?;
        rows.iter().map(read_agent).collect()
    }

    /// The agent with this name.
    pub async fn agent(&self, name: &str) -> Result<Option<Agent>, Error> {
        let row = sqlx::query("SELECT name, address, password_hash, created_at FROM agents WHERE name = $1")
            .bind(name)
            .fetch_optional(&self.read)
            .await?;
        row.as_ref().map(read_agent).transpose()
    }

    /// Removes an agent and all their tokens; `false` when there was none.
    pub async fn remove_agent(&self, name: &str) -> Result<bool, Error> {
        let mut transaction = self.begin().await?;
        sqlx::query("DELETE FROM sessions WHERE agent = $1").bind(name).execute(&mut *transaction).await?;
        let gone = sqlx::query("DELETE FROM agents WHERE name = $1").bind(name).execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(gone.rows_affected() > 0)
    }

    /// How many API tokens an agent has that are not past their time.
    pub async fn api_tokens(&self, agent: &str, now: i64) -> Result<i64, Error> {
        let sql = "SELECT COUNT(*) FROM sessions WHERE agent = $1 AND kind = 'api' AND expires_at > $2";
        Ok(sqlx::query_scalar(sql).bind(agent).bind(now).fetch_one(&self.read).await?)
    }

    /// Makes a token for an agent; it is told here and never again. Tokens past their time are swept out on the way.
    pub async fn issue_token(&self, agent: &str, kind: Kind, expires_at: i64, now: i64) -> Result<String, Error> {
        let token = random_token();
        let mut transaction = self.begin().await?;
        sqlx::query("DELETE FROM sessions WHERE expires_at <= $1").bind(now).execute(&mut *transaction).await?;
        sqlx::query("INSERT INTO sessions (token_hash, agent, kind, csrf, expires_at) VALUES ($1, $2, $3, $4, $5)")
            .bind(hash(&token))
            .bind(agent)
            .bind(kind.as_str())
            .bind(random_token())
            .bind(expires_at)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(token)
    }

    /// Who holds this token, if it is one of this kind and not past its time.
    pub async fn session(&self, token: &str, kind: Kind, now: i64) -> Result<Option<Session>, Error> {
        let row = sqlx::query(
            "SELECT agent, csrf, expires_at FROM sessions WHERE token_hash = $1 AND kind = $2 AND expires_at > $3",
        )
        .bind(hash(token))
        .bind(kind.as_str())
        .bind(now)
        .fetch_optional(&self.read)
        .await?;
        row.as_ref().map(read_session).transpose()
    }

    /// Uses up a sign-in link: of two that try at once, one gets the session.
    pub async fn redeem_link(&self, token: &str, now: i64) -> Result<Option<Session>, Error> {
        let mut transaction = self.begin().await?;
        let row = sqlx::query(
            "DELETE FROM sessions WHERE token_hash = $1 AND kind = 'link' AND expires_at > $2
             RETURNING agent, csrf, expires_at",
        )
        .bind(hash(token))
        .bind(now)
        .fetch_optional(&mut *transaction)
        .await?;
        transaction.commit().await?;
        row.as_ref().map(read_session).transpose()
    }

    /// Ends a session or revokes an API token.
    pub async fn revoke_token(&self, token: &str) -> Result<(), Error> {
        let mut transaction = self.begin().await?;
        sqlx::query("DELETE FROM sessions WHERE token_hash = $1").bind(hash(token)).execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(())
    }
}

/// 256 random bits, safe in URLs, cookies and headers.
fn random_token() -> String {
    let mut bytes = [0u8; 32];
    OsRng.try_fill_bytes(&mut bytes).expect("the operating system gives random bytes");
    URL_SAFE_NO_PAD.encode(bytes)
}

fn hash(token: &str) -> String {
    hex::encode(Sha256::digest(token.as_bytes()))
}

fn read_agent(row: &AnyRow) -> Result<Agent, Error> {
    Ok(Agent {
        name: row.try_get("name")?,
        address: row.try_get("address")?,
        password_hash: row.try_get("password_hash")?,
        created_at: row.try_get("created_at")?,
    })
}

fn read_session(row: &AnyRow) -> Result<Session, Error> {
    Ok(Session { agent: row.try_get("agent")?, csrf: row.try_get("csrf")?, expires_at: row.try_get("expires_at")? })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    async fn check(kind: Kind, ask: Kind, now: i64, expected: Option<&str>) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open("sqlite:t.db", folder.path(), 1).await.unwrap();
        store.put_agent("ann", "ann@desk.example", None, 1).await.unwrap();
        let token = store.issue_token("ann", kind, 1_000, 1).await.unwrap();
        let session = store.session(&token, ask, now).await.unwrap();
        assert_eq!(session.as_ref().map(|session| session.agent.as_str()), expected);
        let file = std::fs::read(folder.path().join("t.db")).unwrap();
        let wal = std::fs::read(folder.path().join("t.db-wal")).unwrap_or_default();
        assert!(![file, wal].iter().any(|bytes| memchr::memmem::find(bytes, token.as_bytes()).is_some()));
    }

    #[tokio::test]
    async fn a_token_is_good_for_its_kind_and_time() {
        check(Kind::Api, Kind::Api, 999, Some("ann")).await;
        check(Kind::Api, Kind::Session, 999, None).await;
        check(Kind::Session, Kind::Session, 1_000, None).await;
    }

    #[tokio::test]
    async fn a_link_signs_in_once_and_a_removed_agent_never() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open("sqlite:t.db", folder.path(), 1).await.unwrap();
        store.put_agent("ann", "ann@desk.example", Some("hash"), 1).await.unwrap();
        store.put_agent("ann", "ann@other.example", None, 2).await.unwrap();
        let ann = store.agent("ann").await.unwrap().unwrap();
        assert_eq!((ann.address.as_str(), ann.password_hash.as_deref()), ("ann@other.example", Some("hash")));
        let link = store.issue_token("ann", Kind::Link, 1_000, 1).await.unwrap();
        assert!(store.redeem_link(&link, 5).await.unwrap().is_some());
        assert!(store.redeem_link(&link, 5).await.unwrap().is_none());
        let token = store.issue_token("ann", Kind::Api, 1_000, 1).await.unwrap();
        assert!(store.remove_agent("ann").await.unwrap());
        assert!(!store.remove_agent("ann").await.unwrap());
        assert!(store.session(&token, Kind::Api, 5).await.unwrap().is_none());
    }
}
