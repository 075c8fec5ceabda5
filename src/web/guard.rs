//! What every request passes: a request id, a bound on requests at work, a time-out, a net for panics, metrics.
//!
//! Nothing here knows what a request is about. Bodies, addresses and tokens are never logged.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use tokio::sync::Semaphore;
use tracing::Instrument;

use crate::desk::problem::{BodyBy, Problem};

/// Requests at work at once; one more is told to come again.
const AT_WORK: usize = 2048;

/// When a client may come again whose request the desk did not get done in time.
const BUSY_SECS: u64 = 10;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The bounds that all requests share.
#[derive(Debug)]
pub struct Guard {
    places: Semaphore,
    reading: Duration,
    answering: Duration,
    most_bytes: usize,
}

impl Guard {
    /// So long a client has for its request, and so long the desk for the answer; `most_bytes` for the body.
    pub fn new(reading: Duration, answering: Duration, most_bytes: usize) -> Guard {
        Guard { places: Semaphore::new(AT_WORK), reading, answering, most_bytes }
    }

    /// Whether a request announces a body that is too large: then not a byte of it is read.
    fn is_too_large(&self, request: &Request) -> bool {
        let announced =
            request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        announced.is_some_and(|bytes: u64| bytes > self.most_bytes as u64)
    }
}

/// The middleware.
pub async fn pass(State(guard): State<Arc<Guard>>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = request_id(&request);
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map_or("unknown", MatchedPath::as_str);
    let route: Arc<str> = route.into();
    request.extensions_mut().insert(BodyBy(tokio::time::Instant::now() + guard.reading));
    let span = tracing::info_span!("http", request.id = id.to_str().unwrap_or_default(), %method, route = &*route);
    let mut response = match guard.places.try_acquire() {
        Err(_) => Problem::Unavailable(1).into_response(),
        Ok(_) if guard.is_too_large(&request) => Problem::TooLarge.into_response(),
        Ok(_place) => {
            let work = AssertUnwindSafe(next.run(request)).catch_unwind();
            match tokio::time::timeout(guard.reading + guard.answering, work).instrument(span.clone()).await {
                Ok(Ok(response)) => response,
                Ok(Err(_)) => {
                    span.in_scope(|| tracing::error!("a request ended in a panic"));
                    Problem::Internal.into_response()
                }
                // Not the client's slowness: that ends with the body, see `BodyBy`.
                Err(_) => Problem::Unavailable(BUSY_SECS).into_response(),
            }
        }
    };
    let status = response.status();
    span.in_scope(|| tracing::debug!(status = status.as_u16(), "answered"));
    metrics::counter!("deskclerk_http_requests_total", "route" => Arc::clone(&route), "status" => status_class(status.as_u16()))
        .increment(1);
    metrics::histogram!("deskclerk_http_seconds", "route" => route).record(started.elapsed().as_secs_f64());
    let headers = response.headers_mut();
    headers.reserve(8);
    headers.insert(REQUEST_ID, id);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        // Not no-referrer: with that, browsers send `Origin: null` on the console's own forms.
        (header::REFERRER_POLICY, "same-origin"),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

fn status_class(status: u16) -> &'static str {
    match status {
        401 | 403 => "denied",
        429 | 503 => "refused",
        100..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        _ => "5xx",
    }
}

/// The client's own id where it is short and plain, else a new one.
fn request_id(request: &Request) -> HeaderValue {
    let plain = |value: &&HeaderValue| {
        let bytes = value.as_bytes();
        (1..=64).contains(&bytes.len())
            && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
    };
    match request.headers().get(REQUEST_ID).filter(plain) {
        Some(value) => value.clone(),
        None => {
            let mut text = uuid::Uuid::encode_buffer();
            let text = uuid::Uuid::now_v7().hyphenated().encode_lower(&mut text);
            HeaderValue::from_str(text).expect("a UUID is plain ASCII")
        }
    }
}
