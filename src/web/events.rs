//! `GET /v1/events`: what happens to tickets, as it happens, as server-sent events (WHATWG HTML §9.2).
//!
//! A client that comes back with `Last-Event-ID` misses nothing; it may be told a second time what happened in the seconds
//! before, by the same ids. Changes nothing, and holds up no shutdown.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::sse;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use futures_util::stream;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;
use uuid::Uuid;

use super::session::ApiAgent;
use super::{Site, now, server::Ending, time};
use crate::desk::problem::{self, Problem, Query};
use crate::store::Error;
use crate::store::tickets::Event;

/// Streams at once.
pub(super) const STREAMS: usize = 100;
/// How long a stream lasts unless `wait` says less: then the client's token is looked at anew.
const LONGEST: Duration = Duration::from_secs(15 * 60);
/// Between two looks at the store.
const LOOK: Duration = Duration::from_secs(1);
/// How much later than a younger event an older one may be written: nodes write beside each other.
const LATE_MS: i64 = 5_000;
/// Events read at once.
const PAGE: i64 = 500;

/// The routes.
pub fn router() -> Router<Arc<Site>> {
    Router::new().route("/v1/events", get(listen))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Wanted {
    /// RFC 3339.
    since: Option<String>,
    /// Seconds.
    wait: Option<String>,
}

async fn listen(
    State(site): State<Arc<Site>>,
    ApiAgent(_): ApiAgent,
    ending: Option<Extension<Ending>>,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let wait = problem::wait(wanted.wait.as_deref())?.map_or(LONGEST, |wait| wait.min(LONGEST));
    let id = |value: &HeaderValue| value.to_str().ok()?.trim().parse::<Uuid>().ok();
    let wrong = || Problem::Malformed("Last-Event-ID is no event's id; send that of the last event that came".into());
    let last = headers.get("last-event-id").map(|value| id(value).ok_or_else(wrong)).transpose()?;
    let since = super::since(wanted.since.as_deref())?;
    let from = match (last, since) {
        (Some(id), _) => written(&id).saturating_sub(LATE_MS),
        (None, Some(since)) => since,
        (None, None) => now(),
    };
    let place = site.streams.clone().try_acquire_owned().map_err(|_| Problem::Unavailable(5))?;
    let seen = last.map(|id| id.to_string()).into_iter().collect();
    let until = Instant::now() + wait;
    let listener = Listener { site, from, newest: from, seen, told: VecDeque::new(), until, _place: place };
    let ended = async move {
        match ending {
            Some(Extension(Ending(cancel))) => cancel.cancelled_owned().await,
            None => std::future::pending().await,
        }
    };
    let events = stream::unfold(listener, async |mut listener| listener.next().await.map(|event| (event, listener)));
    let events = futures_util::StreamExt::take_until(events, Box::pin(ended));
    Ok(sse::Sse::new(events).keep_alive(sse::KeepAlive::default()).into_response())
}

/// One client's place in what happened.
struct Listener {
    site: Arc<Site>,
    /// Nothing that was written before is told; unix milliseconds, as all times here.
    from: i64,
    /// When the youngest event was written that is known.
    newest: i64,
    /// The ids that were read, of those written so late that others may yet come before them.
    seen: BTreeSet<String>,
    told: VecDeque<Event>,
    until: Instant,
    _place: OwnedSemaphorePermit,
}

impl Listener {
    /// The next event, once there is one; `None` at the end of the stream, or when the store does not answer: the client
    /// comes again.
    async fn next(&mut self) -> Option<Result<sse::Event, axum::Error>> {
        loop {
            if let Some(event) = self.told.pop_front() {
                return Some(shown(&event));
            }
            let looked = Instant::now();
            if let Err(error) = self.read().await {
                tracing::warn!(%error, "a stream of events ended");
                return None;
            }
            if self.told.is_empty() {
                if looked >= self.until {
                    return None;
                }
                tokio::time::sleep_until((looked + LOOK).min(self.until)).await;
            }
        }
    }

    /// Reads what is new, a page at most.
    async fn read(&mut self) -> Result<(), Error> {
        let mut after = self.bound();
        loop {
            let page = self.site.desk.store.events_after(&after, PAGE).await?;
            let full = page.len() as i64 == PAGE;
            let Some(last) = page.last() else { break };
            after.clone_from(&last.id);
            for event in page {
                if self.seen.insert(event.id.clone()) {
                    self.newest = self.newest.max(event.id.parse().as_ref().map_or(0, written));
                    self.told.push_back(event);
                }
            }
            if !full || !self.told.is_empty() {
                break;
            }
        }
        self.seen = self.seen.split_off(&self.bound());
        Ok(())
    }

    /// The least id that an event may have which is not known yet.
    fn bound(&self) -> String {
        let ms = self.from.max(self.newest.saturating_sub(LATE_MS)).max(0);
        uuid::Builder::from_unix_timestamp_millis(ms as u64, &[0; 10]).into_uuid().to_string()
    }
}

/// When an event was written, by its id (UUIDv7, RFC 9562 §5.7).
fn written(id: &Uuid) -> i64 {
    (id.as_u128() >> 80) as i64
}

fn shown(event: &Event) -> Result<sse::Event, axum::Error> {
    sse::Event::default().id(&event.id).event(&event.what).json_data(json!({
        "id": event.id,
        "ticket": event.ticket_id,
        "at": time(event.at),
        "actor": event.actor,
        "what": event.what,
        "detail": event.detail,
    }))
}
