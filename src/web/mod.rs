//! HTTP: the API, the console, health and metrics, and the doors' routes handed in beside them.
//!
//! Each resource owns its `router()`; here they are only merged and guarded. Never takes anything in itself: what
//! becomes a ticket passes a door. Errors are problem documents; the console shows them as pages.

pub mod audit;
pub mod campaigns;
pub mod console;
mod ending;
mod events;
pub mod guard;
pub mod health;
pub mod hooks;
pub mod openapi;
mod outbox;
pub mod password;
pub mod quarantine;
pub mod server;
pub mod session;
pub mod tickets;
pub mod triage;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderMap, Uri};
use axum::middleware;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::desk::Desk;
use crate::desk::limit::Limit;
use crate::desk::origin;
use crate::desk::problem::Problem;

/// Renders the metrics in Prometheus' text format.
pub type Metrics = Arc<dyn Fn() -> String + Send + Sync>;

/// Sign-ins that one client may try in a minute.
const SIGN_INS: u32 = 10;
/// Passwords verified at once: each takes a core and 19 MB for tens of milliseconds.
const HASHING: usize = 2;
/// Beyond the time to send a request (408): the time to answer it (503).
const ANSWER_SECS: u64 = 20;

/// What the handlers share.
pub struct Site {
    desk: Arc<Desk>,
    /// `public_url` without its path: what browsers name as the origin of the console's forms.
    origin: String,
    metrics: Metrics,
    pages: console::Pages,
    sign_ins: Limit,
    hashing: Semaphore,
    /// Places for those who listen to events.
    streams: Arc<Semaphore>,
}

impl fmt::Debug for Site {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Site").field("origin", &self.origin).finish_non_exhaustive()
    }
}

impl Site {
    /// Whether browsers reach the desk by TLS.
    fn secure(&self) -> bool {
        self.origin.starts_with("https://")
    }
}

/// Serves until `cancel`, then finishes what is under way. `doors` are the routes of intake.
pub async fn run(listener: TcpListener, desk: Arc<Desk>, doors: Router, metrics: Metrics, cancel: CancellationToken) {
    let header_timeout = Duration::from_secs(desk.config.http.read_timeout_secs);
    server::serve(listener, router(desk, doors, metrics), header_timeout, cancel).await;
}

/// All routes, guarded.
pub fn router(desk: Arc<Desk>, doors: Router, metrics: Metrics) -> Router {
    let http = &desk.config.http;
    let body_limit = DefaultBodyLimit::max(http.body_limit_bytes);
    let (reading, answering) = (Duration::from_secs(http.read_timeout_secs), Duration::from_secs(ANSWER_SECS));
    let guard = Arc::new(guard::Guard::new(reading, answering, http.body_limit_bytes));
    let site = Arc::new(Site {
        origin: origin::of(&desk.config.desk.public_url),
        metrics,
        pages: console::Pages::default(),
        sign_ins: Limit::per_minute(SIGN_INS),
        hashing: Semaphore::new(HASHING),
        streams: Arc::new(Semaphore::new(events::STREAMS)),
        desk,
    });
    let refused = |problem: Problem| {
        let site = site.clone();
        move |uri: Uri, headers: HeaderMap| async move { console::refuse(&site, problem, &uri, &headers).await }
    };
    let (nowhere, no_method) = (refused(Problem::no("address")), refused(Problem::Method));
    Router::new()
        .merge(tickets::router())
        .merge(campaigns::router())
        .merge(quarantine::router())
        .merge(audit::router())
        .merge(events::router())
        .merge(outbox::router())
        .merge(triage::router())
        .merge(hooks::router())
        .merge(openapi::router())
        .merge(console::router(&site))
        .with_state(site.clone())
        .merge(doors)
        .fallback(nowhere)
        .method_not_allowed_fallback(no_method)
        .layer(body_limit)
        .layer(middleware::from_fn_with_state(guard, guard::pass))
        // Not behind the guard: a busy desk still says that it lives.
        .merge(health::router().with_state(site))
}

/// How many rows a page holds: what was asked for, or `usual` of (usual, largest).
fn page(limit: Option<i64>, (usual, largest): (i64, i64)) -> Result<i64, Problem> {
    let limit = limit.unwrap_or(usual);
    let fits = (1..=largest).contains(&limit);
    fits.then_some(limit).ok_or_else(|| Problem::Malformed(format!("limit is a number from 1 to {largest}")))
}

/// Cuts what was read, one more than a page holds, to the page; whether there is another.
fn cut<T>(found: &mut Vec<T>, page: i64) -> bool {
    let more = found.len() as i64 > page;
    found.truncate(page as usize);
    more
}

/// A time of a query (RFC 3339), in unix milliseconds.
fn since(text: Option<&str>) -> Result<Option<i64>, Problem> {
    let wrong = |_| Problem::Malformed("since is no time; write it as 2026-01-31T08:00:00Z".into());
    let time = text.map(|text| text.parse::<jiff::Timestamp>().map_err(wrong)).transpose()?;
    Ok(time.map(jiff::Timestamp::as_millisecond))
}

/// Unix milliseconds.
fn now() -> i64 {
    crate::desk::unix_ms()
}

/// A time as RFC 3339, for JSON.
fn time(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).map(|time| time.to_string()).unwrap_or_default()
}
