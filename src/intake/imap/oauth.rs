//! Access tokens (RFC 6749): by a refresh token (§6), or by the client's own credentials (§4.4).
//!
//! A token is asked for once and used until shortly before its end, by all folders of the account, over restarts, and by
//! the next process that reads the mailbox: it is kept in the store, sealed under a key out of the secret's file, and with
//! it the newest refresh token, for some providers honour none but that. A new secret in the file counts at once. Nothing
//! here is logged, and no error holds a token.

use std::time::Duration;

use axum::http::{Request, StatusCode, header};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::wire::{Error, brief};
use crate::config::mailbox::{Imap, OAuth};
use crate::config::secret::{self, Unreadable};
use crate::config::settings::Egress;
use crate::desk::fetch::{Failure, Guard};
use crate::desk::unix_ms;
use crate::store::Store;
use crate::store::tokens::Token;

/// For one whole request to the token endpoint.
const PATIENCE: Duration = Duration::from_secs(30);
/// Of its answer.
const ANSWER_BYTES: usize = 256 << 10;
/// A token is not used in the last minute of its life, or in the last tenth of a short one.
const MARGIN_MS: i64 = 60_000;
/// So long a token lives whose endpoint does not say (RFC 6749 §5.1 lets it).
const LIFE_SECS: i64 = 3600;

/// An access token and what it was got by.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Held {
    access_token: String,
    /// Unix milliseconds.
    good_until: i64,
    /// A newer refresh token than that of the file.
    refresh_token: Option<String>,
    /// What stood in the secret's file when it was got.
    #[serde(skip)]
    secret: String,
    /// It stands in the store.
    #[serde(skip)]
    kept: bool,
}

/// The tokens of one account.
pub struct Tokens {
    settings: OAuth,
    /// What they are kept under.
    name: String,
    guard: Guard,
    store: Option<Store>,
    held: Mutex<Option<Held>>,
}

/// A token to sign in with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// It.
    pub token: String,
    /// It was asked for just now: where it is refused, another one would be, too.
    pub fresh: bool,
}

/// What the token endpoint says (RFC 6749 §5).
#[derive(Deserialize)]
struct Said {
    access_token: Option<String>,
    expires_in: Option<serde_json::Value>,
    refresh_token: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

impl Tokens {
    /// `None`: the account signs in by password. Without a store they are kept in memory alone.
    pub fn of(imap: &Imap, egress: &Egress, store: Option<&Store>) -> Option<Tokens> {
        let (settings, guard) = (imap.oauth.clone()?, Guard::new(&egress.allow).through(imap.proxy()));
        Some(Tokens { settings, name: imap.source(), guard, store: store.cloned(), held: Mutex::new(None) })
    }

    /// Forgets what stands in the store: another process may have kept newer ones there.
    pub async fn forget(&self) {
        let mut held = self.held.lock().await;
        if held.as_ref().is_some_and(|held| held.kept) {
            *held = None;
        }
    }

    /// A token that is good for now.
    pub async fn access(&self) -> Result<Access, Error> {
        let mut held = self.held.lock().await;
        if held.is_none() {
            *held = self.stored().await?;
        }
        match held.as_mut().filter(|held| held.good_until > unix_ms()) {
            Some(held) => {
                self.keep(held).await?;
                Ok(Access { token: held.access_token.clone(), fresh: false })
            }
            None => self.renew(&mut held).await,
        }
    }

    /// Another token than this one, which the server refused: one that was got meanwhile, or a new one.
    pub async fn instead_of(&self, refused: &str) -> Result<Access, Error> {
        let mut held = self.held.lock().await;
        match held.as_ref().filter(|held| held.access_token != refused && held.good_until > unix_ms()) {
            Some(held) => Ok(Access { token: held.access_token.clone(), fresh: false }),
            None => self.renew(&mut held).await,
        }
    }

    /// When the token that is kept ends (unix ms), if it is good still. Asks nobody.
    pub async fn kept(&self) -> Result<Option<(String, i64)>, Error> {
        let held = self.stored().await?.filter(|held| held.good_until > unix_ms());
        Ok(held.map(|held| (held.access_token, held.good_until)))
    }

    /// Asks for a token by the client's own credentials, keeps nothing: for those that look at a set-up. `None`: there is a
    /// refresh token, which may be good for one time only.
    pub async fn try_out(&self) -> Result<Option<(String, i64)>, Error> {
        if !self.settings.refresh_token_file.as_os_str().is_empty() {
            return Ok(None);
        }
        let held = self.ask(None).await?;
        Ok(Some((held.access_token, held.good_until)))
    }

    async fn renew(&self, held: &mut Option<Held>) -> Result<Access, Error> {
        let asked = self.ask(held.as_ref()).await;
        let result = if asked.is_ok() { "renewed" } else { "failed" };
        metrics::counter!("deskclerk_imap_tokens_total", "door" => self.name.clone(), "result" => result).increment(1);
        let new = asked?;
        metrics::gauge!("deskclerk_imap_token_until_timestamp", "door" => self.name.clone())
            .set(new.good_until as f64 / 1000.0);
        tracing::info!(door = self.name, good_for_secs = (new.good_until - unix_ms()) / 1000, "got an access token");
        let token = new.access_token.clone();
        // Remembered whatever the store says: the refresh token that was sent may be good no more.
        self.keep(held.insert(new)).await?;
        Ok(Access { token, fresh: true })
    }

    /// Asks the token endpoint. `before`: what it gave the last time.
    async fn ask(&self, before: Option<&Held>) -> Result<Held, Error> {
        let file = |path: &std::path::Path| match path.as_os_str().is_empty() {
            true => Ok(None),
            false => secret::read_line(path).map(Some),
        };
        let unreadable = |error: Unreadable| Error::Denied(error.to_string());
        let secret = file(&self.settings.client_secret_file).map_err(unreadable)?;
        let given = file(&self.settings.refresh_token_file).map_err(unreadable)?;
        let key = given.clone().or_else(|| secret.clone()).unwrap_or_default();
        // A refresh token that came back counts before the file's, as long as the file's is the one that it came of.
        let newest = before.filter(|before| before.secret == key).and_then(|before| before.refresh_token.clone());
        let refresh = given.map(|given| newest.unwrap_or(given));
        let body = self.form(refresh.as_deref(), secret.as_deref());
        let request = Request::post("/")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ACCEPT, "application/json")
            .body(body.into_bytes())
            .map_err(|error| Error::Denied(error.to_string()))?;
        let asked_at = unix_ms();
        let answer = self.guard.send(&self.settings.token_url, request, ANSWER_BYTES, PATIENCE).await;
        let answer = answer.map_err(|failure| match failure {
            Failure::Refused(why) => Error::Denied(format!("the token endpoint may not be asked: {why}")),
            other => Error::Lost(format!("the token endpoint gives no answer: {other}")),
        })?;
        let said: Option<Said> = serde_json::from_slice(&answer.body).ok();
        Ok(Held { secret: key, ..held(answer.status, said, refresh, asked_at)? })
    }

    /// The request's body: RFC 6749 §6 with a refresh token, else §4.4.2; the client's credentials stand in it (§2.3.1).
    fn form(&self, refresh: Option<&str>, secret: Option<&str>) -> String {
        let mut form = form_urlencoded::Serializer::new(String::new());
        match refresh {
            Some(token) => form.append_pair("grant_type", "refresh_token").append_pair("refresh_token", token),
            None => form.append_pair("grant_type", "client_credentials"),
        };
        form.append_pair("client_id", &self.settings.client_id);
        for (key, value) in [("client_secret", secret), ("scope", Some(self.settings.scope.as_str()))] {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                form.append_pair(key, value);
            }
        }
        form.finish()
    }

    /// Puts it into the store, where it does not stand there yet.
    async fn keep(&self, held: &mut Held) -> Result<(), Error> {
        let Some(store) = self.store.as_ref().filter(|_| !held.kept) else { return Ok(()) };
        let plain = serde_json::to_vec(held).expect("texts and numbers are always representable");
        let sealed = seal(&key(&held.secret), &self.name, plain);
        let token = Token { sealed, good_until: held.good_until };
        store.keep_token(&self.name, &token, unix_ms()).await?;
        held.kept = true;
        Ok(())
    }

    /// What stands in the store, if the secret that it was got by is still the same.
    async fn stored(&self) -> Result<Option<Held>, Error> {
        let Some(store) = &self.store else { return Ok(None) };
        let Some(token) = store.token(&self.name).await? else { return Ok(None) };
        let OAuth { refresh_token_file, client_secret_file, .. } = &self.settings;
        let file = if refresh_token_file.as_os_str().is_empty() { client_secret_file } else { refresh_token_file };
        let secret = secret::read_line(file).map_err(|error| Error::Denied(error.to_string()))?;
        let plain = open(&key(&secret), &self.name, token.sealed);
        let held: Option<Held> = plain.and_then(|plain| serde_json::from_slice(&plain).ok());
        Ok(held.map(|held| Held { secret, kept: true, ..held }))
    }
}

/// The key that is drawn out of a secret (RFC 5869).
fn key(secret: &str) -> LessSafeKey {
    let extracted = hkdf::Salt::new(hkdf::HKDF_SHA256, b"deskclerk tokens").extract(secret.as_bytes());
    let okm = extracted.expand(&[b"1"], &AES_256_GCM).expect("a key is shorter than HKDF's longest output");
    LessSafeKey::new(UnboundKey::from(okm))
}

/// What an answer gives. `sent`: the refresh token that was sent; it stays, where no newer one comes back.
fn held(status: StatusCode, said: Option<Said>, sent: Option<String>, asked_at: i64) -> Result<Held, Error> {
    let Some(said) = said else {
        return Err(Error::Lost(format!("the token endpoint answers {status}, and no JSON")));
    };
    if !status.is_success() || said.error.is_some() {
        let error = brief(said.error.as_deref().unwrap_or("no reason given"));
        let why = said.error_description.map_or(String::new(), |text| format!(": {}", brief(&text)));
        let message = format!("the token endpoint answers {status}, {error}{why}");
        // RFC 6749 §5.2: these stay until a person acts.
        let final_ones = ["invalid_grant", "invalid_client", "unauthorized_client", "invalid_scope", "invalid_request"];
        return Err(match final_ones.contains(&error.as_str()) {
            true => Error::Denied(message),
            false => Error::Lost(message),
        });
    }
    // RFC 6750 §2.1; anything else could break out of the sign-in's frame.
    let fit = |token: &String| !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
    let Some(access_token) = said.access_token.filter(fit) else {
        return Err(Error::Lost("the token endpoint's answer holds no access token".into()));
    };
    let number = |value: serde_json::Value| value.as_i64().or_else(|| value.as_str()?.parse().ok());
    let life = said.expires_in.and_then(number).unwrap_or(LIFE_SECS).clamp(1, 365 * 86_400) * 1000;
    Ok(Held {
        access_token,
        good_until: asked_at + life - MARGIN_MS.min(life / 10),
        refresh_token: said.refresh_token.filter(fit).or(sent),
        secret: String::new(),
        kept: false,
    })
}

fn seal(key: &LessSafeKey, name: &str, mut plain: Vec<u8>) -> Vec<u8> {
    let nonce: [u8; NONCE_LEN] = rand::random();
    let sealed =
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(name.as_bytes()), &mut plain);
    sealed.expect("a token is shorter than what AES-GCM takes");
    [&nonce[..], &plain].concat()
}

fn open(key: &LessSafeKey, name: &str, mut sealed: Vec<u8>) -> Option<Vec<u8>> {
    let (nonce, rest) = sealed.split_first_chunk_mut::<NONCE_LEN>()?;
    let nonce = Nonce::assume_unique_for_key(*nonce);
    Some(key.open_in_place(nonce, Aad::from(name.as_bytes()), rest).ok()?.to_vec())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn check(status: u16, answer: &str, expected: Result<(&str, i64, Option<&str>), &str>) {
        let status = StatusCode::from_u16(status).unwrap();
        let got = held(status, serde_json::from_str(answer).ok(), Some("sent".into()), 1_000_000);
        match (got, expected) {
            (Ok(got), Ok((token, good_for, refresh))) => {
                assert_eq!((got.access_token.as_str(), got.refresh_token.as_deref()), (token, refresh), "{answer}");
                assert_eq!((got.good_until - 1_000_000) / 1000, good_for, "{answer}");
            }
            (Err(error), Err(part)) => {
                let sort = if matches!(error, Error::Denied(_)) { "person" } else { "again" };
                assert_eq!(sort, part, "{answer}: {error}");
            }
            (got, expected) => panic!("{answer}: {got:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn answers_of_token_endpoints_are_read() {
        check(200, r#"{"access_token":"a.b","expires_in":3600}"#, Ok(("a.b", 3540, Some("sent"))));
        check(200, r#"{"access_token":"a","expires_in":"20","refresh_token":"r2"}"#, Ok(("a", 18, Some("r2"))));
        check(200, r#"{"access_token":"a"}"#, Ok(("a", 3540, Some("sent"))));
        check(200, r#"{"access_token":"a\u0001auth=Bearer b"}"#, Err("again"));
        check(200, r#"{"token_type":"Bearer"}"#, Err("again"));
        check(400, r#"{"error":"invalid_grant","error_description":"Token has been revoked."}"#, Err("person"));
        check(401, r#"{"error":"invalid_client"}"#, Err("person"));
        check(400, r#"{"error":"temporarily_unavailable"}"#, Err("again"));
        check(503, "<html>", Err("again"));
    }

    #[test]
    fn only_the_same_secret_opens_what_was_sealed() {
        let sealed = seal(&key("one"), "imap:a", b"token".to_vec());
        assert!(!sealed.windows(5).any(|window| window == b"token"));
        assert_eq!(open(&key("one"), "imap:a", sealed.clone()).unwrap(), b"token");
        assert_eq!(open(&key("two"), "imap:a", sealed.clone()), None);
        assert_eq!(open(&key("one"), "imap:b", sealed), None);
        assert_eq!(open(&key("one"), "imap:a", vec![1, 2, 3]), None);
    }
}
