//! A partner's system that is told of tickets: keeps every post that comes, and while it is unwell answers each address as
//! its name says.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;

use crate::ledger::tokens;

/// A post that came.
#[derive(Debug, Clone)]
pub struct Told {
    /// The endpoint.
    pub name: String,
    /// Its `webhook-id`.
    pub id: String,
    /// The tokens in it.
    pub tokens: BTreeSet<String>,
    /// It was answered with 204.
    pub taken: bool,
}

/// A server; gone with the row's runtime.
#[derive(Clone)]
pub struct Partner {
    port: u16,
    told: Arc<Mutex<Vec<Told>>>,
    unwell: Arc<AtomicBool>,
}

impl Partner {
    /// Starts one that takes everything.
    pub async fn start() -> Partner {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let partner = Partner { port, told: Arc::default(), unwell: Arc::default() };
        let routes = Router::new().route("/{name}", axum::routing::any(take)).with_state(partner.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        partner
    }

    /// The settings of an endpoint of this name, told of new tickets.
    pub fn endpoint(&self, name: &str) -> String {
        format!(
            "[[webhook]]\nname = \"{name}\"\nurl = \"http://127.0.0.1:{}/{name}\"\nsecret_files = [\"secret\"]\n\
             events = [\"ticket.created\"]\n",
            self.port
        )
    }

    /// Whether `broken`, `away` and `hangs` do as they are called from now on.
    pub fn set_unwell(&self, unwell: bool) {
        self.unwell.store(unwell, Ordering::SeqCst);
    }

    /// What came so far.
    pub fn told(&self) -> Vec<Told> {
        self.told.lock().unwrap().clone()
    }

    /// How many posts this endpoint has taken.
    pub fn taken(&self, name: &str) -> usize {
        self.told().iter().filter(|told| told.name == name && told.taken).count()
    }
}

async fn take(State(partner): State<Partner>, Path(name): Path<String>, headers: HeaderMap, body: Bytes) -> Response {
    let id = headers.get("webhook-id").map(|id| id.to_str().unwrap().to_owned()).unwrap_or_default();
    let unwell = partner.unwell.load(Ordering::SeqCst) && ["broken", "away", "hangs"].contains(&name.as_str());
    partner.told.lock().unwrap().push(Told { name: name.clone(), id, tokens: tokens(&body), taken: !unwell });
    match name.as_str() {
        _ if !unwell => StatusCode::NO_CONTENT.into_response(),
        "broken" => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        "away" => {
            let elsewhere = format!("http://127.0.0.1:{}/elsewhere", partner.port);
            (StatusCode::FOUND, [(header::LOCATION, elsewhere)]).into_response()
        }
        _ => std::future::pending().await,
    }
}
