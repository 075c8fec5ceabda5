//! Attachments that a post named by URL are fetched here, after the post was answered: a slow host holds up nobody.
//!
//! Promises: what is named is remembered with its ticket and tried again until it is there or given up, which is said on the
//! ticket; nothing private is reached (`fetch`), nothing over the bound or of another type is kept.

use std::time::Duration;

use axum::http::{Request, header};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::fetch::{Failure, Guard};
use super::{Desk, unix_ms};
use crate::config::settings::Egress;
use crate::store;
use crate::store::fetches::Fetch;
use crate::store::settle::{Effect, NewEvent, OnTicket};

/// For one attachment.
const WITHIN: Duration = Duration::from_secs(60);
/// A claim holds longer than that.
const LEASE_MS: i64 = 120_000;
/// Attachments at once.
const AT_ONCE: i64 = 4;
/// How often the desk looks for some.
const LOOK: Duration = Duration::from_secs(2);
/// Seconds until the next try.
const AGAIN_SECS: [i64; 5] = [5, 60, 10 * 60, 60 * 60, 6 * 60 * 60];

impl Desk {
    /// Fetches attachments until cancelled.
    pub async fn keep_fetching(&self, cancel: &CancellationToken) {
        while !cancel.is_cancelled() {
            let done = tokio::select! {
                done = self.fetch_due(unix_ms()) => done,
                () = cancel.cancelled() => return,
            };
            match done {
                Ok(1..) => continue,
                Ok(0) => {}
                Err(error) => tracing::error!(%error, "attachments wait for the store"),
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = cancel.cancelled() => {}
            }
        }
    }

    /// Fetches what is due; how many were tried. `now` is unix milliseconds.
    pub async fn fetch_due(&self, now: i64) -> Result<usize, store::Error> {
        let due = self.store.claim_fetches(now, LEASE_MS, AT_ONCE).await?;
        let guard = Guard::new(&self.config.egress.allow);
        let tries = due.iter().map(|fetch| self.fetch(fetch, &guard, now));
        for tried in futures_util::future::join_all(tries).await {
            tried?;
        }
        Ok(due.len())
    }

    async fn fetch(&self, fetch: &Fetch, guard: &Guard, now: i64) -> Result<(), store::Error> {
        let failure = match get(&fetch.url, guard, &self.config.egress).await {
            Ok((content, media_type)) => return self.store.fetched(fetch, content, &media_type).await,
            Err(failure) => failure,
        };
        let tries = usize::try_from(fetch.attempts - 1).unwrap_or(usize::MAX);
        let again = match &failure {
            Failure::Refused(_) => None,
            _ => AGAIN_SECS.get(tries).map(|secs| now + secs * 1000),
        };
        self.store.fetch_failed(fetch, &failure.to_string(), again).await?;
        if again.is_some() {
            return Ok(());
        }
        metrics::counter!("deskclerk_attachments_failed_total").increment(1);
        let detail = json!({ "attachment": fetch.position, "because": failure.to_string() });
        let effect = Effect {
            ticket_id: Some(fetch.ticket_id),
            ticket: OnTicket::Nothing,
            withdraw: false,
            messages: vec![],
            events: vec![NewEvent { actor: "desk", what: "attachment_failed", detail }],
            outgoing: vec![],
            bounced: None,
            alive: None,
        };
        self.store.settling(&[]).await?.commit_effects(vec![effect], now).await
    }
}

/// The content behind a URL, and its media type.
async fn get(url: &str, guard: &Guard, egress: &Egress) -> Result<(Vec<u8>, String), Failure> {
    let request = Request::get("/").header(header::ACCEPT, "*/*").body(vec![]);
    let request = request.map_err(|_| Failure::Refused("the address is no URL".into()))?;
    let answer = guard.send(url, request, egress.attachment_bytes, WITHIN).await?;
    let status = answer.status;
    if status.is_redirection() {
        return Err(Failure::Refused(format!("the server answers {status}, and redirects are not followed")));
    }
    if status.is_client_error() && !matches!(status.as_u16(), 408 | 425 | 429) {
        return Err(Failure::Refused(format!("the server answers {status}")));
    }
    if !status.is_success() {
        return Err(Failure::Failed(format!("the server answers {status}")));
    }
    let stated = answer.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = stated.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let media_type = if essence.is_empty() { "application/octet-stream".to_owned() } else { essence };
    if !egress.attachment_types.iter().any(|listed| is_of(&media_type, listed)) {
        return Err(Failure::Refused(format!("{media_type} is none of egress.attachment_types")));
    }
    Ok((answer.body, media_type))
}

/// Whether a media type is the listed one, or begins as `image/*` does.
fn is_of(media_type: &str, listed: &str) -> bool {
    match listed.strip_suffix('*') {
        Some(begins) => media_type.starts_with(&begins.to_ascii_lowercase()),
        None => media_type.eq_ignore_ascii_case(listed),
    }
}

#[cfg(test)]
mod tests {
    use super::is_of;

    #[test]
    fn media_types_are_listed_whole_or_by_their_kind() {
        assert!(is_of("image/png", "image/*") && is_of("application/pdf", "Application/PDF") && is_of("x/y", "*"));
        assert!(!is_of("text/html", "text/plain") && !is_of("imagex/png", "image/*"));
    }
}
