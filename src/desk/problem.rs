//! What went wrong with an HTTP request, as a problem document (RFC 9457). The one error type of doors and web alike:
//! status and text stand together here and nowhere else.
//!
//! Clients never see internals: what the store or a bug says is logged, once, here, and answered as 500 or 503.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, FormRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;
use tokio::time::{Instant, timeout_at};

use crate::store;

/// A fault in one place of the body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// JSON Pointer (RFC 6901) into the body.
    pub pointer: String,
    /// What is wrong there.
    pub detail: String,
}

/// Why a request is refused. The texts are for the client: lower case, no full stop, naming the remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// 400: not what it says it is.
    #[error("{0}")]
    Malformed(String),
    /// 401: no credential, or a wrong one.
    #[error("{0}")]
    Unauthorized(String),
    /// 401 where no bearer token would help: the signature is absent or wrong.
    #[error("{0}")]
    Unsigned(String),
    /// 403: known, but not allowed.
    #[error("{0}")]
    Forbidden(String),
    /// 404.
    #[error("{0}")]
    NotFound(String),
    /// 405.
    #[error("this address does not answer that method")]
    Method,
    /// 408: the client was too slow.
    #[error("the request was not complete in time")]
    TimedOut,
    /// 409: it contradicts what is stored.
    #[error("{0}")]
    Conflict(String),
    /// 413.
    #[error("the body is larger than this desk takes")]
    TooLarge,
    /// 415: the body's type is not among these.
    #[error("send the body as {0}")]
    MediaType(&'static str),
    /// 422: well-formed, but these places are wrong.
    #[error("{}", summary(.0))]
    Invalid(Vec<Place>),
    /// 429, with the seconds to wait.
    #[error("too many requests; wait and try again")]
    TooMany(u64),
    /// 503, with the seconds to wait.
    #[error("the desk cannot take this now; try again")]
    Unavailable(u64),
    /// 500: our fault.
    #[error("an error of the desk; it has been logged")]
    Internal,
}

fn summary(places: &[Place]) -> String {
    match places {
        [one] if one.pointer.is_empty() => format!("the body {}", one.detail),
        [one] => format!("{}: {}", one.pointer, one.detail),
        _ => format!("{} places of the body are wrong", places.len()),
    }
}

#[derive(Serialize)]
struct Document<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "<[Place]>::is_empty")]
    errors: &'a [Place],
}

impl Problem {
    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        match self {
            Problem::Malformed(_) => StatusCode::BAD_REQUEST,
            Problem::Unauthorized(_) | Problem::Unsigned(_) => StatusCode::UNAUTHORIZED,
            Problem::Forbidden(_) => StatusCode::FORBIDDEN,
            Problem::NotFound(_) => StatusCode::NOT_FOUND,
            Problem::Method => StatusCode::METHOD_NOT_ALLOWED,
            Problem::TimedOut => StatusCode::REQUEST_TIMEOUT,
            Problem::Conflict(_) => StatusCode::CONFLICT,
            Problem::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Problem::MediaType(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Problem::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Problem::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            Problem::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Problem::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// One wrong place.
    pub fn at(pointer: &str, detail: impl Into<String>) -> Problem {
        Problem::Invalid(vec![Place { pointer: pointer.to_owned(), detail: detail.into() }])
    }

    /// Nothing of that kind with that name.
    pub fn no(what: &str) -> Problem {
        Problem::NotFound(format!("there is no such {what}"))
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status();
        let errors: &[Place] = if let Problem::Invalid(places) = &self { places } else { &[] };
        let document = Document {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail: &self.to_string(),
            errors,
        };
        let body = serde_json::to_vec(&document).unwrap_or_default();
        let mut response = (status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response();
        match self {
            Problem::TooMany(secs) | Problem::Unavailable(secs) => {
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(secs));
            }
            Problem::Unauthorized(_) => {
                response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            _ => {}
        }
        response
    }
}

impl From<store::Error> for Problem {
    fn from(error: store::Error) -> Problem {
        match error {
            store::Error::Conflict(what) => Problem::Conflict(format!("{what} was changed meanwhile; read it again")),
            store::Error::Refused(why) => Problem::Conflict(why),
            store::Error::Missing(what) => Problem::NotFound(format!("{what} does not exist")),
            store::Error::Lost { .. } => {
                tracing::error!(%error, "a request failed");
                Problem::NotFound("the original is lost; the log of the desk says where it should be".into())
            }
            store::Error::Corrupt { .. } => {
                tracing::error!(%error, "a request failed");
                Problem::Internal
            }
            error => {
                tracing::error!(%error, "the store cannot answer a request");
                Problem::Unavailable(5)
            }
        }
    }
}

impl From<BytesRejection> for Problem {
    fn from(rejection: BytesRejection) -> Problem {
        match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Problem::TooLarge,
            _ => Problem::Malformed("the body could not be read to its end".into()),
        }
    }
}

impl From<FormRejection> for Problem {
    fn from(rejection: FormRejection) -> Problem {
        match rejection {
            FormRejection::BytesRejection(rejection) => rejection.into(),
            error => Problem::Malformed(error.body_text()),
        }
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Problem {
        // "limit: invalid digit found in string", behind a sentence of the framework's.
        let text = rejection.body_text();
        let told = text.rsplit_once("query string: ").map_or(text.as_str(), |(_, told)| told);
        Problem::Malformed(format!("the query is wrong: {told}"))
    }
}

impl From<PathRejection> for Problem {
    fn from(_: PathRejection) -> Problem {
        Problem::no("thing")
    }
}

/// A JSON object as body, whose rejections are problem documents that point at the wrong place.
#[derive(Debug)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Json<T>, Problem> {
        let media_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let essence = media_type.unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if essence != "application/json" && !(essence.starts_with("application/") && essence.ends_with("+json")) {
            return Err(Problem::MediaType("application/json"));
        }
        let bytes = Bytes::from_request(request, state).await?;
        let value: serde_json::Value =
            serde_json::from_slice(&bytes).map_err(|error| Problem::at("", format!("is no JSON: {error}")))?;
        if !value.is_object() {
            return Err(Problem::at("", "must be an object"));
        }
        Ok(Json(typed(value, "")?))
    }
}

/// Reads a JSON value as a type; a fault points below `pointer`, where the value stands.
pub fn typed<T: DeserializeOwned>(value: serde_json::Value, pointer: &str) -> Result<T, Problem> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let mut pointer = pointer.to_owned();
        for segment in error.path() {
            pointer.push('/');
            match segment {
                Segment::Seq { index } => pointer.push_str(&index.to_string()),
                // RFC 6901 §3
                Segment::Map { key } => pointer.push_str(&key.replace('~', "~0").replace('/', "~1")),
                Segment::Enum { variant } => pointer.push_str(variant),
                Segment::Unknown => pointer.push('?'),
            }
        }
        Problem::at(&pointer, error.inner().to_string())
    })
}

/// A form body whose rejections are problem documents.
#[derive(Debug, FromRequest)]
#[from_request(via(axum::Form), rejection(Problem))]
pub struct Form<T>(pub T);

/// Query parameters whose rejections are problem documents.
#[derive(Debug, FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(Problem))]
pub struct Query<T>(pub T);

/// How long to wait, as a query says it: `2s` or `2`, seconds.
pub fn wait(text: Option<&str>) -> Result<Option<Duration>, Problem> {
    let Some(text) = text else { return Ok(None) };
    let secs = text.strip_suffix('s').unwrap_or(text).parse::<f64>().ok();
    let wait = secs.and_then(|secs| Duration::try_from_secs_f64(secs).ok());
    wait.map(Some).ok_or_else(|| Problem::Malformed("wait is a number of seconds, such as wait=2s".into()))
}

/// Path parameters whose rejections are problem documents.
#[derive(Debug, FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(Problem))]
pub struct Path<T>(pub T);

/// By when the body of this request must be here: later is the client's fault, 408; what takes long after it is ours, 503.
#[derive(Debug, Clone, Copy)]
pub struct BodyBy(pub Instant);

/// A request whose body is within the limit, nothing of it copied; its rejections are problem documents.
#[derive(Debug)]
pub struct Whole {
    /// Where it was sent.
    pub uri: Uri,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its raw body.
    pub body: Bytes,
}

impl<S: Send + Sync> FromRequest<S> for Whole {
    type Rejection = Problem;

    async fn from_request(mut request: Request, state: &S) -> Result<Whole, Problem> {
        let (uri, headers) = (std::mem::take(request.uri_mut()), std::mem::take(request.headers_mut()));
        let Body(body) = Body::from_request(request, state).await?;
        Ok(Whole { uri, headers, body })
    }
}

/// A raw body within the limit, whose rejections are problem documents.
#[derive(Debug)]
pub struct Body(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Body, Problem> {
        let by = request.extensions().get::<BodyBy>().map(|by| by.0);
        let body = Bytes::from_request(request, state);
        Ok(Body(match by {
            Some(by) => timeout_at(by, body).await.map_err(|_| Problem::TimedOut)??,
            None => body.await?,
        }))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    async fn check(problem: Problem, status: u16, header: Option<(&str, &str)>) {
        let response = problem.into_response();
        assert_eq!(response.status().as_u16(), status);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
        if let Some((name, value)) = header {
            assert_eq!(response.headers()[name], value);
        }
        let body = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
        let document: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(document["status"], status);
        assert!(document["type"].is_string() && document["title"].is_string() && document["detail"].is_string());
    }

    #[tokio::test]
    async fn every_problem_is_a_document() {
        check(Problem::TooMany(7), 429, Some(("retry-after", "7"))).await;
        check(Problem::Unavailable(5), 503, Some(("retry-after", "5"))).await;
        check(Problem::Unauthorized("no".into()), 401, Some(("www-authenticate", "Bearer"))).await;
        check(Problem::at("/email", "is missing"), 422, None).await;
        check(store::Error::Url("postgres://secret".into()).into(), 503, None).await;
    }
}
