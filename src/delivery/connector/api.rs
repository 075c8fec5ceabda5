//! Calls of a help desk's API: one base address, one way to sign in, JSON both ways, every answer bounded.
//!
//! The secret is read anew at each call and never shown. What an answer means (again, never, nobody knows) is decided here
//! for all vendors alike.

use std::time::Duration;

use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::config::endpoints::{self, Vendor};
use crate::config::secret;
use crate::config::settings::Egress;
use crate::delivery::webhook;
use crate::desk::fetch::{Failure, Guard};
use crate::desk::unix_ms;

/// For one call; an upload may take its time.
const PATIENCE: Duration = Duration::from_secs(60);
/// Of one answer.
const ANSWER_BYTES: usize = 16 * 1024 * 1024;

/// Why a call failed. The texts hold no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// It was not done; it may be another time.
    #[error("{error}")]
    Again {
        /// Why.
        error: String,
        /// How long the help desk asks to be left alone.
        after: Option<Duration>,
    },
    /// It may have been done; nobody knows.
    #[error("{0}")]
    Unknown(String),
    /// It was refused for good.
    #[error("{error}")]
    Never {
        /// With what status, if there was an answer.
        status: Option<StatusCode>,
        /// Why.
        error: String,
    },
}

impl Trouble {
    /// Not done.
    pub fn again(error: String) -> Trouble {
        Trouble::Again { error, after: None }
    }

    /// The answer is not as the vendor's documentation has it.
    pub fn odd(what: &str) -> Trouble {
        Trouble::Unknown(format!("the answer is not what the API's documentation says: {what}"))
    }
}

/// The API of one help desk.
#[derive(Debug)]
pub struct Api {
    guard: Guard,
    settings: endpoints::Connector,
}

impl Api {
    /// Connects to nothing yet.
    pub fn new(settings: &endpoints::Connector, egress: &Egress) -> Api {
        let mut settings = settings.clone();
        settings.url.truncate(settings.url.trim_end_matches('/').len());
        Api { guard: Guard::new(&egress.allow), settings }
    }

    /// The custom field that holds our id.
    pub fn id_field(&self) -> &str {
        &self.settings.id_field
    }

    /// The custom field that holds the Campaign ID.
    pub fn campaign_field(&self) -> &str {
        &self.settings.campaign_field
    }

    /// Asks.
    pub async fn get(&self, path: &str) -> Result<Value, Trouble> {
        match self.call(Method::GET, path, "", &[], vec![]).await {
            // Nothing is done by asking.
            Err(Trouble::Unknown(error)) => Err(Trouble::again(error)),
            answer => answer,
        }
    }

    /// Creates or changes.
    pub async fn send(&self, method: Method, path: &str, body: &Value) -> Result<Value, Trouble> {
        self.send_with(method, path, body, &[]).await
    }

    /// As [`Api::send`], with further headers.
    pub async fn send_with(
        &self,
        method: Method,
        path: &str,
        body: &Value,
        headers: &[(&str, &str)],
    ) -> Result<Value, Trouble> {
        self.call(method, path, "application/json", headers, body.to_string().into_bytes()).await
    }

    /// Sends bytes of this type; a JSON answer is read, another one becomes a string.
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        content_type: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Result<Value, Trouble> {
        let (name, value) = self.sign_in()?;
        let mut request =
            Request::builder().method(method).header(header::ACCEPT, "application/json").header(name, value);
        if !content_type.is_empty() {
            request = request.header(header::CONTENT_TYPE, content_type);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let unfit = |_| Trouble::Never { status: None, error: "a header cannot be sent".into() };
        let request = request.body(body).map_err(unfit)?;
        let url = format!("{}{path}", self.settings.url);
        let answer = match self.guard.send(&url, request, ANSWER_BYTES, PATIENCE).await {
            Ok(answer) => answer,
            Err(Failure::Refused(error)) => return Err(Trouble::Never { status: None, error }),
            Err(Failure::Failed(error)) => return Err(Trouble::again(error)),
            Err(Failure::Unknown(error)) => return Err(Trouble::Unknown(error)),
        };
        if !answer.status.is_success() {
            return Err(refused(answer.status, &answer.headers, &answer.body));
        }
        let text = String::from_utf8_lossy(&answer.body);
        Ok(serde_json::from_str(&text).unwrap_or_else(|_| Value::String(text.trim().to_owned())))
    }

    fn sign_in(&self) -> Result<(&'static str, String), Trouble> {
        let secret =
            secret::read_line(&self.settings.secret_file).map_err(|error| Trouble::again(error.to_string()))?;
        let basic = |user: &str, password: &str| format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
        let user = self.settings.user.as_str();
        Ok(match self.settings.kind {
            Vendor::Zendesk if user.is_empty() => ("authorization", format!("Bearer {secret}")),
            Vendor::Zendesk => ("authorization", basic(&format!("{user}/token"), &secret)),
            Vendor::Zammad => ("authorization", format!("Token token={secret}")),
            Vendor::Freshdesk => ("authorization", basic(&secret, "X")),
            Vendor::Rt if user.is_empty() => ("authorization", format!("token {secret}")),
            Vendor::Rt => ("authorization", basic(user, &secret)),
            Vendor::Osticket => ("x-api-key", secret),
        })
    }
}

/// What a refusal means.
fn refused(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Trouble {
    let error = webhook::said(status, body);
    match status {
        // The operator mends the key, and then it goes.
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::CONFLICT => Trouble::again(error),
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE | StatusCode::REQUEST_TIMEOUT => {
            Trouble::Again { error, after: webhook::retry_after(headers, unix_ms()) }
        }
        status if status.is_server_error() => Trouble::Unknown(error),
        _ => Trouble::Never { status: Some(status), error },
    }
}

/// The text of a field that may be a number.
pub fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The entries of a list; nothing where there is none.
pub fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// A text as a query or path carries it (RFC 3986).
pub fn escape(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_escaped() {
        assert_eq!(escape("Subject LIKE 'ä&b'"), "Subject%20LIKE%20%27%C3%A4%26b%27");
    }

    #[test]
    fn refusals_mean_again_or_never_or_nobody_knows() {
        let meant = |status: u16| refused(StatusCode::from_u16(status).unwrap_or_default(), &HeaderMap::new(), b"no");
        for status in [401, 403, 408, 409, 429, 503] {
            assert!(matches!(meant(status), Trouble::Again { .. }), "{status}");
        }
        for status in [500, 502, 504] {
            assert!(matches!(meant(status), Trouble::Unknown(_)), "{status}");
        }
        for status in [400, 404, 422, 302] {
            assert!(matches!(meant(status), Trouble::Never { .. }), "{status}");
        }
    }
}
