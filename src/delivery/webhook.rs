//! Posts to one webhook, signed by Standard Webhooks (the public specification, "Symmetric": `v1`, HMAC-SHA256 over
//! `id.timestamp.body`).
//!
//! Promises: one `webhook-id` for an event, for ever; every secret of the settings signs, so that receivers can rotate; the
//! secrets are read anew at each post and never shown. Only a 2xx is success. Of the answer no more is read than fits into
//! an error.

use std::path::Path;
use std::time::Duration;

use axum::http::{HeaderMap, Request, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::Delivery;
use crate::config::endpoints;
use crate::config::secret;
use crate::config::settings::Egress;
use crate::desk::fetch::{Failure, Guard};
use crate::desk::{notice, unix_ms};
use crate::store::outbox::Outgoing;

/// For one whole post.
const PATIENCE: Duration = Duration::from_secs(15);
/// Of the answer's body.
const ANSWER_BYTES: usize = 4 * 1024;
/// Characters of the answer in an error.
const SHOWN: usize = 200;

/// The way to one webhook.
pub struct Webhook {
    settings: endpoints::Webhook,
    guard: Guard,
}

impl Webhook {
    /// Connects to nothing yet.
    pub fn new(settings: endpoints::Webhook, egress: &Egress) -> Webhook {
        Webhook { settings, guard: Guard::new(&egress.allow) }
    }

    /// Posts one event.
    pub async fn send(&self, outgoing: &Outgoing) -> Delivery {
        let secrets = match secrets(&self.settings) {
            Ok(secrets) => secrets,
            // Put right by the operator, and then it goes.
            Err(error) => return Delivery::retry(error),
        };
        let body = outgoing.payload.text.as_bytes();
        let id = notice::event_id(&outgoing.message_id);
        let timestamp = unix_ms() / 1000;
        let signatures: Vec<String> = secrets.iter().map(|secret| sign(secret, id, timestamp, body)).collect();
        let request = Request::post("/")
            .header(header::CONTENT_TYPE, "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", signatures.join(" "))
            .body(body.to_vec());
        let Ok(request) = request else { return Delivery::Dead { error: "its id is no header value".into() } };
        match self.guard.send_for_head(&self.settings.url, request, ANSWER_BYTES, PATIENCE).await {
            Ok(answer) if answer.status.is_success() => Delivery::Sent,
            Ok(answer) => {
                let error = said(answer.status, &answer.body);
                match answer.status {
                    StatusCode::GONE => Delivery::Gone { error },
                    _ => Delivery::Retry { error, after: retry_after(&answer.headers, unix_ms()) },
                }
            }
            Err(Failure::Refused(error)) => Delivery::Dead { error },
            Err(failure) => Delivery::retry(failure.to_string()),
        }
    }
}

/// The secrets of a webhook. The error names the file.
pub fn secrets(settings: &endpoints::Webhook) -> Result<Vec<Vec<u8>>, String> {
    let read = |file: &std::path::PathBuf| {
        let line = secret::read_line(file).map_err(|error| error.to_string())?;
        key(file, &line)
    };
    settings.secret_files.iter().map(read).collect()
}

/// The key that the line of a file holds.
pub fn key(file: &Path, line: &str) -> Result<Vec<u8>, String> {
    let encoded = line.trim().strip_prefix("whsec_").unwrap_or(line.trim());
    let bytes = STANDARD.decode(encoded).ok().filter(|bytes| (24..=64).contains(&bytes.len()));
    let remedy = "write whsec_ and 24 to 64 bytes in base64: openssl rand -base64 32";
    bytes.ok_or_else(|| format!("{} holds no webhook secret; {remedy}", file.display()))
}

fn sign(secret: &[u8], id: &str, timestamp: i64, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes a key of any length");
    for part in [id.as_bytes(), b".", timestamp.to_string().as_bytes(), b".", body] {
        mac.update(part);
    }
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

/// What an answer said, for an error.
pub fn said(status: StatusCode, body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let text: String = text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(SHOWN).collect();
    if text.is_empty() { format!("answers {status}") } else { format!("answers {status}: {text}") }
}

/// How long the other side asks to be left alone (RFC 9110 §10.2.3): seconds, or a date. `now` is unix milliseconds.
pub fn retry_after(headers: &HeaderMap, now: i64) -> Option<Duration> {
    let value = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(secs) = value.parse() {
        return Some(Duration::from_secs(secs));
    }
    let date = jiff::fmt::rfc2822::parse(value).ok()?.timestamp().as_millisecond();
    Some(Duration::from_millis(u64::try_from(date - now).unwrap_or(0)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_specifications_example_is_signed_as_it_says() {
        // Standard Webhooks, spec/standard-webhooks.md and its reference libraries' tests.
        let secret = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signed = sign(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn retry_after_is_read_in_both_forms() {
        let check = |value: &str, expected: Option<u64>| {
            let headers = HeaderMap::from_iter([(header::RETRY_AFTER, value.parse().unwrap())]);
            let got = retry_after(&headers, 784_111_777_000).map(|wait| wait.as_secs());
            assert_eq!(got, expected, "{value}");
        };
        check("120", Some(120));
        check("Sun, 06 Nov 1994 08:51:37 GMT", Some(120));
        check("Sun, 06 Nov 1994 08:00:00 GMT", Some(0));
        check("soon", None);
        check("-5", None);
    }
}
