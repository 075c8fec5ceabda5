//! "Submit a request": the page `/submit` for people, `POST /v1/requests` for pages and programs of the operator's own,
//! and `/support`, which names all ways to get help.
//!
//! Anybody may call these, so they are bounded by client address, and what they store is answered like any request of an
//! unproven sender. Promises: 2xx, and the page that says thank you, only after the request is durable; what is told of
//! it afterwards is its ticket's number and nothing about campaigns, for whether an ID is known is the business of its
//! account alone.

mod api;
mod multipart;
mod page;
mod submit;
mod support;
pub(super) mod words;

use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::http::HeaderMap;
use axum::routing::{get, post};
use serde_json::Value;

use super::webhook;
use crate::desk::Desk;
use crate::desk::limit::Limit;
use crate::request::submitted;
use crate::store::submissions::{Envelope, Kind, New};

/// Looks at pages, and live checks, of one client in a minute.
const LOOKS_PER_MINUTE: u32 = 240;

#[derive(Clone)]
struct Door {
    desk: Arc<Desk>,
    /// Requests handed in, by either way.
    limit: Arc<Limit>,
    /// Everything else.
    looks: Arc<Limit>,
    /// Made when somebody first looks at a page.
    pages: Arc<OnceLock<page::Pages>>,
}

impl Door {
    fn pages(&self) -> &page::Pages {
        self.pages.get_or_init(page::Pages::default)
    }

    /// Unwraps Zendesk's shape by the operator's names for its custom fields.
    fn unwrapped(&self, value: Value) -> (Value, &'static str) {
        submitted::unwrapped(value, &self.desk.config.form.custom_fields)
    }
}

/// The door's routes; none where `form.open` is false.
pub fn router(desk: Arc<Desk>) -> Router {
    if !desk.config.form.open {
        return Router::new();
    }
    let limit = Arc::new(Limit::per_minute(desk.config.form.per_minute));
    let looks = Arc::new(Limit::per_minute(LOOKS_PER_MINUTE));
    Router::new()
        .route("/v1/requests", post(api::receive))
        .route("/submit", get(submit::show).post(submit::receive))
        .route("/submit/thanks/{id}", get(submit::thanks))
        .route("/submit/check", get(submit::check))
        .route("/submit/style.css", get(page::style))
        .route("/submit/form.js", get(page::script))
        .route("/support", get(support::show))
        .with_state(Door { desk, limit, looks, pages: Arc::default() })
}

/// What the store keeps of a request.
fn submission(value: &Value, key: Option<String>) -> New {
    New {
        source: submitted::SOURCE.into(),
        source_key: key,
        kind: Kind::Hook,
        raw: value.to_string().into_bytes(),
        envelope: Envelope::default(),
        answerable: true,
        received_at: webhook::now_ms(),
    }
}

/// The media type of a body, lower case, without parameters.
fn media_type(headers: &HeaderMap) -> String {
    let value = headers.get(axum::http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    value.unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}
