//! What a customer sent, as files: attachments, the raw submission, the HTML body.
//!
//! Attachments and raw bytes are only ever downloads of no known type. The HTML body is sanitised and served under a
//! policy that loads nothing, runs nothing and submits nothing, whoever opens it and wherever.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;

use crate::desk::problem::{Path, Problem};
use crate::desk::read::CONTENT_TYPE;
use crate::store::fetches::Fetched;
use crate::store::submissions::Kind;
use crate::store::tickets::Message;
use crate::web::Site;
use crate::web::session::{SignedIn, form_encode};

const NOTHING: &str = "default-src 'none'; sandbox; form-action 'none'; base-uri 'none'; frame-ancestors 'self'";

/// The routes.
pub fn router() -> Router<Arc<Site>> {
    Router::new()
        .route("/desk/tickets/{id}/messages/{message}/html", get(html))
        .route("/desk/tickets/{id}/messages/{message}/attachments/{index}", get(attachment))
        .route("/desk/submissions/{id}/raw", get(raw))
}

async fn find(site: &Site, ticket: i64, id: &str) -> Result<Message, Problem> {
    let messages = site.desk.store.messages(ticket).await?;
    messages.into_iter().find(|message| message.id == id).ok_or_else(|| Problem::no("message"))
}

async fn html(
    State(site): State<Arc<Site>>,
    SignedIn(_): SignedIn,
    Path((ticket, message)): Path<(i64, String)>,
) -> Result<Response, Problem> {
    let message = find(&site, ticket, &message).await?;
    let html = message.request.and_then(|request| request.html).ok_or_else(|| Problem::no("HTML body"))?;
    let clean = tokio::task::spawn_blocking(move || clean(&html)).await.map_err(|_| Problem::Internal)?;
    Ok(([(header::CONTENT_SECURITY_POLICY, NOTHING)], Html(clean)).into_response())
}

/// Text and structure alone: no pictures, which would tell the sender that the mail was read.
fn clean(html: &str) -> String {
    let body = ammonia::Builder::default()
        .rm_tags(["img", "map", "area"])
        .link_rel(Some("noopener noreferrer nofollow"))
        .url_schemes(["http", "https", "mailto"].into())
        .clean(html);
    format!("<!doctype html><meta charset=\"utf-8\"><title>Message</title>{body}")
}

async fn attachment(
    State(site): State<Arc<Site>>,
    SignedIn(_): SignedIn,
    Path((ticket, message, index)): Path<(i64, String, usize)>,
) -> Result<Response, Problem> {
    let none = || Problem::no("attachment");
    let message = find(&site, ticket, &message).await?;
    let request = message.request.ok_or_else(none)?;
    let file = request.attachments.get(index).ok_or_else(none)?;
    if let Some(because) = &file.dropped {
        let because = format!("the attachment was dropped by policy: {because}; the original holds it");
        return Err(Problem::NotFound(because));
    }
    let name = file.name.clone();
    let submission = message.submission_id.as_deref().ok_or_else(none)?;
    // One that a post named by URL is fetched afterwards.
    match site.desk.store.fetch_of(submission, index as i64).await? {
        Some(Fetched::There(bytes, _)) => return Ok(download(&name, bytes)),
        Some(Fetched::Waiting) => return Err(Problem::NotFound("the attachment is being fetched; try again".into())),
        Some(Fetched::Failed(because)) => {
            return Err(Problem::NotFound(format!("the attachment could not be fetched: {because}")));
        }
        None => {}
    }
    let submission = site.desk.store.submission(submission).await?.ok_or_else(none)?;
    if submission.raw.is_empty() {
        return Err(erased());
    }
    let desk = site.desk.clone();
    let bytes = tokio::task::spawn_blocking(move || desk.attachment(&submission, index)).await;
    let bytes = bytes.map_err(|_| Problem::Internal)?.ok_or_else(none)?;
    Ok(download(&name, bytes))
}

async fn raw(
    State(site): State<Arc<Site>>,
    SignedIn(_): SignedIn,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let submission = site.desk.store.submission(&id).await?.ok_or_else(|| Problem::no("submission"))?;
    if submission.raw.is_empty() {
        return Err(erased());
    }
    let end = match (submission.kind, submission.envelope.headers.get(CONTENT_TYPE)) {
        (Kind::Mail, _) => "eml",
        (Kind::Hook, Some(form)) if !form.contains("json") => "txt",
        (Kind::Hook, _) => "json",
    };
    Ok(download(&format!("{id}.{end}"), submission.raw))
}

fn erased() -> Problem {
    Problem::NotFound("the original was erased, as [retention] or an operator wanted".into())
}

/// A download that no browser opens by itself (RFC 6266; the name percent-encoded, RFC 8187).
pub fn download(name: &str, bytes: Vec<u8>) -> Response {
    let name = if name.trim().is_empty() { "attachment" } else { name };
    let disposition = format!("attachment; filename*=UTF-8''{}", form_encode(name).replace('/', "%2F"));
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_DISPOSITION, disposition),
        (header::CONTENT_SECURITY_POLICY, NOTHING.to_owned()),
    ];
    (headers, bytes).into_response()
}

#[cfg(test)]
mod tests {
    use super::clean;

    fn check(html: &str, gone: &[&str]) {
        let clean = clean(html);
        for part in gone {
            assert!(!clean.contains(part), "{part} in {clean}");
        }
    }

    #[test]
    fn nothing_active_or_loading_is_left() {
        check("<svg onload=alert(1)><feImage href=http://t></svg>hi", &["<svg", "onload", "http://t"]);
        check("<img src=http://t/x.gif><script>alert(1)</script>", &["<img", "script", "alert"]);
        check(
            "<a href='javascript:alert(1)'>x</a><form action=//evil><input></form>",
            &["javascript", "<form", "<input"],
        );
        check(
            "<p style='background:url(http://t)' onclick=x()>y</p><style>@import 'http://t'</style>",
            &["style", "onclick"],
        );
        check(
            "<meta http-equiv=refresh content='0;url=http://t'><base href=http://t><iframe src=http://t>",
            &["http://t"],
        );
    }
}
