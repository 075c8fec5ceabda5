//! A token endpoint (RFC 6749) and, for Dovecot's oauth2 passdb, its introspection (RFC 7662), on a free loopback port.
//!
//! One client, `desk` with the secret `hush`; its tokens are good for one user's mailbox.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Form, Json, Router};
use deskclerk::config::mailbox::OAuth;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinSet;

type Fields = BTreeMap<String, String>;

/// What the endpoint knows.
#[derive(Default)]
pub struct Book {
    /// Whose mailbox the tokens are for.
    user: String,
    /// Access tokens that are good.
    good: BTreeSet<String>,
    /// The refresh token that is good; each use makes a new one of it.
    pub refresh: String,
    /// How it refuses everybody; empty: it does not.
    pub refusal: String,
    /// Seconds that a token is said to live.
    pub life: u64,
    /// What it was asked for, oldest first.
    pub asked: Vec<Fields>,
}

impl Book {
    /// No access token is good any more.
    pub fn revoke(&mut self) {
        self.good.clear();
    }
}

/// The endpoint.
pub struct Tokens {
    port: u16,
    folder: TempDir,
    book: Arc<Mutex<Book>>,
    _server: JoinSet<()>,
}

impl Tokens {
    /// Starts one for this user.
    pub async fn start(user: &str) -> Tokens {
        let book = Book { user: user.into(), refresh: "refresh-0".into(), life: 3600, ..Book::default() };
        let book = Arc::new(Mutex::new(book));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let routes = Router::new()
            .route("/token", post(token))
            .route("/introspect", post(introspect))
            .with_state(Arc::clone(&book));
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, routes).await.unwrap() });
        let folder = tempfile::Builder::new().prefix("deskclerk-tokens-").tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let passdb = format!(
            "introspection_url = http://127.0.0.1:{port}/introspect\nintrospection_mode = post\n\
             force_introspection = yes\nusername_attribute = username\nactive_attribute = active\nactive_value = true\n"
        );
        fs::write(folder.path().join("passdb"), passdb).unwrap();
        fs::write(folder.path().join("secret"), "hush\n").unwrap();
        fs::write(folder.path().join("refresh"), "refresh-0\n").unwrap();
        Tokens { port, folder, book, _server: server }
    }

    /// What makes a Dovecot let in those that have a token of this endpoint, and nobody else.
    pub fn dovecot(&self) -> String {
        format!(
            "auth_mechanisms = xoauth2\npassdb {{\n driver = oauth2\n mechanisms = xoauth2\n args = {}\n}}\n",
            self.folder.path().join("passdb").display()
        )
    }

    /// Settings that get tokens here: by the file's refresh token, or by the client's own credentials.
    pub fn settings(&self, by_refresh: bool) -> OAuth {
        OAuth {
            token_url: format!("http://127.0.0.1:{}/token", self.port),
            client_id: "desk".into(),
            client_secret_file: self.folder.path().join("secret"),
            refresh_token_file: if by_refresh { self.refresh_file() } else { PathBuf::new() },
            scope: "mail".into(),
        }
    }

    /// Where the refresh token lies that the settings name.
    pub fn refresh_file(&self) -> PathBuf {
        self.folder.path().join("refresh")
    }

    /// What it knows.
    pub fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap()
    }
}

async fn token(State(book): State<Arc<Mutex<Book>>>, Form(fields): Form<Fields>) -> (StatusCode, Json<Value>) {
    let mut book = book.lock().unwrap();
    let field = |name: &str| fields.get(name).cloned().unwrap_or_default();
    let refused =
        |error: &str, why: &str| (StatusCode::BAD_REQUEST, Json(json!({ "error": error, "error_description": why })));
    book.asked.push(fields.clone());
    let number = book.asked.len();
    if !book.refusal.is_empty() {
        return refused(&book.refusal, "the administrator took it back");
    }
    if (field("client_id").as_str(), field("client_secret").as_str()) != ("desk", "hush") {
        return refused("invalid_client", "who are you?");
    }
    let mut answer =
        json!({ "access_token": format!("access-{number}"), "token_type": "Bearer", "expires_in": book.life });
    match field("grant_type").as_str() {
        "client_credentials" => {}
        "refresh_token" if field("refresh_token") == book.refresh => {
            book.refresh = format!("refresh-{number}");
            answer["refresh_token"] = json!(book.refresh);
        }
        _ => return refused("invalid_grant", "that refresh token is none, or was used before"),
    }
    book.good.insert(format!("access-{number}"));
    (StatusCode::OK, Json(answer))
}

async fn introspect(State(book): State<Arc<Mutex<Book>>>, Form(fields): Form<Fields>) -> Json<Value> {
    let book = book.lock().unwrap();
    match fields.get("token").filter(|token| book.good.contains(*token)) {
        Some(_) => Json(json!({ "active": true, "username": book.user })),
        None => Json(json!({ "active": false })),
    }
}
