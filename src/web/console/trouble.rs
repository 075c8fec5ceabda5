//! What went wrong, as a page for people: in words, with the way back to what they were at.
//!
//! Never shows a JSON Pointer or the name of an HTTP status; those are for programs.

use axum::body::to_bytes;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::Site;
use crate::desk::problem::Problem;

/// A problem document as a page. `path` is the address that was asked.
pub(super) async fn page(site: &Site, response: Response, path: &str) -> Result<Response, Problem> {
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, 64 * 1024).await.map_err(|_| Problem::Internal)?;
    let document: Value = serde_json::from_slice(&body).map_err(|_| Problem::Internal)?;
    let problem = in_words(parts.status, &document);
    let page = json!({ "desk": site.desk.config.desk.name, "problem": problem, "back": back(parts.status, path)});
    let page = site.pages.render("error.html", page)?;
    let retry = parts.headers.get(header::RETRY_AFTER).cloned();
    let mut response = (parts.status, page).into_response();
    if let Some(retry) = retry {
        response.headers_mut().insert(header::RETRY_AFTER, retry);
    }
    debug_assert_ne!(parts.status, StatusCode::OK);
    Ok(response)
}

/// Title and sentences.
fn in_words(status: StatusCode, document: &Value) -> Value {
    let title = match status.as_u16() {
        400 | 422 => "That could not be done",
        401 => "Please sign in",
        403 => "That is not for you to do",
        404 => "There is nothing here",
        409 => "That cannot be done as things are now",
        413 => "That is too large",
        429 => "That was too much at once",
        503 => "Not at the moment",
        500 => "Something went wrong in the desk",
        _ => "That did not work",
    };
    let wrong: Vec<String> = document["errors"].as_array().into_iter().flatten().map(sentence).collect();
    let told = if wrong.is_empty() { vec![capital(document["detail"].as_str().unwrap_or_default())] } else { wrong };
    json!({ "title": title, "told": told })
}

/// What is wrong with one thing that was sent.
fn sentence(wrong: &Value) -> String {
    let pointer = wrong["pointer"].as_str().unwrap_or_default();
    let what = match pointer.split('/').nth(1).unwrap_or_default() {
        "campaign" => "The Campaign ID".to_owned(),
        "topic" => "The help topic".to_owned(),
        "route" => "The team".to_owned(),
        "requester" => "The requester's address".to_owned(),
        "" => "What was sent".to_owned(),
        other => format!("The {}", other.replace('_', " ")),
    };
    format!("{what} {}", wrong["detail"].as_str().unwrap_or_default())
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// The number of the ticket that somebody was at, if it is there.
fn back(status: StatusCode, path: &str) -> Option<i64> {
    let rest = path.strip_prefix("/desk/tickets/")?;
    let (id, further) = rest.split_once('/').unwrap_or((rest, ""));
    // Of a missing attachment the ticket is there all the same.
    let there = status != StatusCode::NOT_FOUND || !further.is_empty();
    id.parse().ok().filter(|_| there)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_told_in_words_and_lead_back() {
        let document = json!({ "title": "Unprocessable Entity", "detail": "/campaign: is not in the campaign directory",
            "errors": [{ "pointer": "/campaign", "detail": "is not in the campaign directory" }]});
        let told = in_words(StatusCode::UNPROCESSABLE_ENTITY, &document);
        let expected =
            json!({ "title": "That could not be done", "told": ["The Campaign ID is not in the campaign directory"]});
        assert_eq!(told, expected);
        let told = in_words(StatusCode::NOT_FOUND, &json!({ "detail": "there is no such ticket" }));
        assert_eq!(told["told"][0], "There is no such ticket");
        assert_eq!(back(StatusCode::CONFLICT, "/desk/tickets/7"), Some(7));
        assert_eq!(back(StatusCode::CONFLICT, "/desk/tickets/7/drafts/x"), Some(7));
        assert_eq!(back(StatusCode::NOT_FOUND, "/desk/tickets/7/messages/x"), Some(7));
        assert_eq!(back(StatusCode::NOT_FOUND, "/desk/tickets/7"), None);
        assert_eq!(back(StatusCode::CONFLICT, "/desk/outbox"), None);
    }
}
