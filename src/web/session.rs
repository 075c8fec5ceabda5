//! Who is asking: agents by API token, agents by console session; and that a form was sent by the console itself.
//!
//! A session's id is new at every sign-in. A form is believed only with the session's own CSRF token and, where the
//! browser says so, from the console's own origin; no handler can read a form without passing here ([`Act`]).

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use subtle::ConstantTimeEq;

use super::Site;
use crate::desk::origin::same_origin;
use crate::desk::problem::{Form, Problem};
use crate::store::agents::{Kind, Session};

/// How long a browser stays signed in.
pub const SESSION_MS: i64 = 12 * 60 * 60 * 1000;

/// An agent known by an API token (`Authorization: Bearer …`).
#[derive(Debug, Clone)]
pub struct ApiAgent(pub String);

impl FromRequestParts<Arc<Site>> for ApiAgent {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, site: &Arc<Site>) -> Result<ApiAgent, Problem> {
        let denied = || Problem::Unauthorized("an agent's API token is needed: Authorization: Bearer …".into());
        let value =
            parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).ok_or_else(denied)?;
        let (scheme, token) = value.split_once(' ').ok_or_else(denied)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(denied());
        }
        let session = site.desk.store.session(token.trim(), Kind::Api, super::now()).await?;
        session.map(|session| ApiAgent(session.agent)).ok_or_else(denied)
    }
}

/// An agent signed in to the console. Without one, the browser is sent to sign in.
#[derive(Debug, Clone)]
pub struct SignedIn(pub Session);

impl FromRequestParts<Arc<Site>> for SignedIn {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, site: &Arc<Site>) -> Result<SignedIn, Response> {
        if let Some(token) = token(&parts.headers, site) {
            let session = site.desk.store.session(&token, Kind::Session, super::now()).await;
            if let Some(session) = session.map_err(|error| Problem::from(error).into_response())? {
                return Ok(SignedIn(session));
            }
        }
        let here = parts.uri.path_and_query().map_or("/desk", |path| path.as_str());
        let next = if parts.method == axum::http::Method::GET { here } else { "/desk" };
        let query: String = form_encode(next);
        Err(Redirect::to(&format!("/desk/sign-in?next={query}")).into_response())
    }
}

/// A form of the console, sent by a signed-in agent from the console itself.
#[derive(Debug)]
pub struct Act<T> {
    /// Who sent it.
    pub agent: String,
    /// What it says.
    pub form: T,
}

#[derive(Deserialize)]
struct Csrf {
    #[serde(default)]
    csrf: String,
}

impl<T: DeserializeOwned> FromRequest<Arc<Site>> for Act<T> {
    type Rejection = Response;

    async fn from_request(request: Request, site: &Arc<Site>) -> Result<Act<T>, Response> {
        let refused = |problem: Problem| problem.into_response();
        let (mut parts, body) = request.into_parts();
        same_origin(&parts.headers, &site.origin).map_err(refused)?;
        let SignedIn(session) = SignedIn::from_request_parts(&mut parts, site).await?;
        let bytes = axum::body::to_bytes(body, 64 * 1024).await.map_err(|_| refused(Problem::TooLarge))?;
        let again = || Request::from_parts(parts.clone(), Body::from(bytes.clone()));
        let Form(Csrf { csrf }) = Form::from_request(again(), site).await.map_err(refused)?;
        if !bool::from(csrf.as_bytes().ct_eq(session.csrf.as_bytes())) {
            return Err(refused(Problem::Forbidden(
                "this form is out of date; go back, reload and send it again".into(),
            )));
        }
        let Form(form) = Form::<T>::from_request(again(), site).await.map_err(refused)?;
        Ok(Act { agent: session.agent, form })
    }
}

/// The session cookie's name: `__Host-` binds it to this host and to TLS (RFC 6265bis §4.1.3.2).
fn cookie_name(site: &Site) -> &'static str {
    if site.secure() { "__Host-deskclerk" } else { "deskclerk" }
}

/// The session token that the browser shows.
pub fn token(headers: &HeaderMap, site: &Site) -> Option<String> {
    CookieJar::from_headers(headers).get(cookie_name(site)).map(|cookie| cookie.value().to_owned())
}

/// The cookie that holds a session token; `None` takes it away.
pub fn cookie(token: Option<&str>, site: &Site) -> CookieJar {
    let mut cookie = Cookie::new(cookie_name(site), token.unwrap_or_default().to_owned());
    cookie.set_path("/");
    cookie.set_http_only(true);
    cookie.set_secure(site.secure());
    // Lax, so that a link in a mail opens the ticket; forms are held by the CSRF token and the origin.
    cookie.set_same_site(SameSite::Lax);
    if token.is_none() {
        cookie.make_removal();
    }
    CookieJar::new().add(cookie)
}

/// Where to go after signing in: a place of the console, never another site.
pub fn next(wanted: &str) -> &str {
    let rest = wanted.strip_prefix("/desk");
    let inside = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']));
    let plain = wanted.len() <= 500 && wanted.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if inside && plain && !wanted.contains("//") { wanted } else { "/desk" }
}

/// Percent-encodes a query value (RFC 3986 §2.3: unreserved stands).
pub fn form_encode(text: &str) -> String {
    use std::fmt::Write;
    let mut encoded = String::with_capacity(text.len() + 16);
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => encoded.push(byte.into()),
            _ => {
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(wanted: &str, expected: &str) {
        assert_eq!(next(wanted), expected, "{wanted}");
    }

    #[test]
    fn only_the_console_is_next() {
        check("/desk/tickets/5?x=1", "/desk/tickets/5?x=1");
        check("/desk?status=ready", "/desk?status=ready");
        for evil in
            ["//evil", "/\\evil", "https://evil", "/desk//evil", "/deskevil", "/desk/\\evil", "/desk\r\nX: 1", ""]
        {
            check(evil, "/desk");
        }
    }
}
