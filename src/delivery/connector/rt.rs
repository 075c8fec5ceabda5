//! Request Tracker 5, REST 2.0 (RT::REST2 in RT's documentation).
//!
//! Our id stands in the custom field that the settings name, or in brackets in the subject. What the customer writes later
//! goes in as a comment: a correspondence would be mailed to him.

use axum::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::Stand;
use super::api::{Api, Trouble, escape, list, text};
use super::ours::{Entry, Ours};
use crate::desk::remote::News;
use crate::request::html;
use crate::store::remote::{Answer, Remote};
use crate::ticket::Status;

/// RT gives no more on a page.
const PAGE: &str = "per_page=100&orderby=id&order=DESC";

/// The ticket with our id.
pub async fn find(api: &Api, ours: &Ours) -> Result<Option<String>, Trouble> {
    // The prefix has letters, digits and hyphens alone: nothing to quote.
    let query = match api.id_field() {
        "" => format!("Subject LIKE '[{}]'", ours.external_id),
        field => format!("'CF.{{{field}}}' = '{}'", ours.external_id),
    };
    let found = api.get(&format!("/REST/2.0/tickets?query={}&orderby=id&order=ASC", escape(&query))).await?;
    Ok(list(&found["items"]).first().and_then(|ticket| text(&ticket["id"])))
}

/// Creates it, as the customer's.
pub async fn create(api: &Api, ours: &Ours) -> Result<String, Trouble> {
    let mut ticket = fields(api, ours);
    ticket["Subject"] = json!(ours.subject);
    match api.id_field() {
        "" => ticket["Subject"] = json!(format!("{} [{}]", ours.subject, ours.external_id)),
        field => ticket["CustomFields"][field] = json!(ours.external_id),
    }
    if ours.group.is_none() {
        ticket["Queue"] = json!("General"); // a queue is required; this one is there from the start
    }
    ticket["Requestor"] = json!(ours.address);
    with_content(&mut ticket, &ours.opening);
    let made = api.send(Method::POST, "/REST/2.0/ticket", &ticket).await?;
    text(&made["id"]).ok_or_else(|| Trouble::odd("no id"))
}

/// Sets fields, and status where it is to change.
pub async fn update(api: &Api, id: &str, ours: &Ours, stand: Stand) -> Result<Option<&'static str>, Trouble> {
    let mut ticket = fields(api, ours);
    let word = match stand {
        Stand::Same => None,
        Stand::Open => Some("open"),
        Stand::Solved => Some("resolved"),
    };
    if let Some(word) = word {
        ticket["Status"] = json!(word);
    }
    api.send(Method::PUT, &format!("/REST/2.0/ticket/{id}"), &ticket).await?;
    Ok(word)
}

/// Adds a comment.
pub async fn append(api: &Api, id: &str, entry: &Entry) -> Result<(), Trouble> {
    let mut comment = json!({});
    with_content(&mut comment, entry);
    if entry.by_customer {
        comment["Subject"] = json!("The customer wrote");
    }
    api.send(Method::POST, &format!("/REST/2.0/ticket/{id}/comment"), &comment).await?;
    Ok(())
}

/// Whether one of its transactions carries the mark.
pub async fn has(api: &Api, id: &str, mark: &str) -> Result<bool, Trouble> {
    let found = api.get(&format!("/REST/2.0/ticket/{id}/attachments?fields=Content&{PAGE}")).await?;
    Ok(list(&found["items"]).iter().any(|part| part["Content"].as_str().is_some_and(|content| content.contains(mark))))
}

/// One request for all, three more for each that changed.
pub async fn look<'a>(api: &Api, taken: &'a [Remote]) -> Result<Vec<(&'a Remote, News)>, Trouble> {
    let ids: Vec<String> = taken.iter().map(|remote| format!("id = {}", remote.remote_id)).collect();
    let query = escape(&ids.join(" OR "));
    let found = api.get(&format!("/REST/2.0/tickets?query={query}&fields=Status,LastUpdated&per_page=100")).await?;
    let mut news = vec![];
    for ticket in list(&found["items"]) {
        let id = text(&ticket["id"]).unwrap_or_default();
        let Some(remote) = taken.iter().find(|remote| remote.remote_id == id) else { continue };
        let status = ticket["Status"].as_str().unwrap_or_default();
        let seen = format!("{status} {}", ticket["LastUpdated"].as_str().unwrap_or_default());
        if seen == remote.seen {
            continue;
        }
        let meant = match status {
            "open" | "stalled" => Some(Status::Open),
            "resolved" => Some(Status::Solved),
            "rejected" | "deleted" => Some(Status::Closed),
            _ => None,
        };
        let over = matches!(meant, Some(Status::Solved | Status::Closed));
        news.push((remote, News { seen, status: meant, over, answers: answers(api, &id).await? }));
    }
    Ok(news)
}

/// The correspondence of all but the requestors, oldest first.
async fn answers(api: &Api, id: &str) -> Result<Vec<Answer>, Trouble> {
    let ticket = api.get(&format!("/REST/2.0/ticket/{id}")).await?;
    let requestors: Vec<&Value> = list(&ticket["Requestor"]).iter().map(|user| &user["id"]).collect();
    let history = api.get(&format!("/REST/2.0/ticket/{id}/history?fields=Type,Creator&{PAGE}")).await?;
    let written: Vec<&Value> = list(&history["items"])
        .iter()
        .filter(|act| act["Type"] == json!("Correspond") && !requestors.contains(&&act["Creator"]["id"]))
        .collect();
    if written.is_empty() {
        return Ok(vec![]);
    }
    let fields = "fields=Content,ContentType,TransactionId,Filename";
    let parts = api.get(&format!("/REST/2.0/ticket/{id}/attachments?{fields}&{PAGE}")).await?;
    let body = |act: &Value| {
        let own = |part: &&Value| text(&part["TransactionId"]) == text(&act["id"]) && part["Filename"] == json!("");
        let own: Vec<&Value> = list(&parts["items"]).iter().filter(own).collect();
        let of = |kind: &str| own.iter().find(|part| part["ContentType"] == json!(kind))?["Content"].as_str();
        of("text/plain").map(str::to_owned).or_else(|| of("text/html").map(html::plain))
    };
    let mut answers: Vec<Answer> = written
        .into_iter()
        .filter_map(|act| {
            let author = act["Creator"]["id"].as_str().unwrap_or("rt").to_owned();
            Some(Answer { id: text(&act["id"])?, author, text: body(act)?.trim_end().to_owned() })
        })
        .collect();
    answers.reverse();
    Ok(answers)
}

fn fields(api: &Api, ours: &Ours) -> Value {
    let mut ticket = json!({ "Priority": ours.priority });
    if let Some(queue) = &ours.group {
        ticket["Queue"] = json!(queue);
    }
    if let Some(campaign) = ours.campaign.as_ref().filter(|_| !api.campaign_field().is_empty()) {
        ticket["CustomFields"][api.campaign_field()] = json!(campaign);
    }
    ticket
}

fn with_content(of: &mut Value, entry: &Entry) {
    of["Content"] = json!(entry.text);
    of["ContentType"] = json!("text/plain");
    // RT refuses files without content.
    let files: Vec<Value> = entry
        .files
        .iter()
        .filter(|file| !file.bytes.is_empty())
        .map(|file| {
            let content = STANDARD.encode(&file.bytes);
            json!({ "FileName": file.name, "FileType": file.media_type, "FileContent": content })
        })
        .collect();
    if !files.is_empty() {
        of["Attachments"] = json!(files);
    }
}
