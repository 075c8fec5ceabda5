//! Freshdesk (developers.freshdesk.com/api, v2: Tickets, Conversations).
//!
//! Freshdesk has no external id of tickets: a tag holds ours. It is looked for among the customer's own tickets, which the
//! list shows at once; the search index is minutes behind.

use axum::http::Method;
use serde_json::{Value, json};

use super::Stand;
use super::api::{Api, Trouble, escape, list, text};
use super::ours::{Entry, File, Ours};
use crate::desk::remote::News;
use crate::store::remote::{Answer, Remote};
use crate::ticket::Status;

/// Everything since long before this desk: without it the list shows thirty days alone.
const SINCE: &str = "updated_since=2015-01-01T00:00:00Z&order_by=created_at&order_type=desc&per_page=100";

/// The ticket with our id.
pub async fn find(api: &Api, ours: &Ours) -> Result<Option<String>, Trouble> {
    let found = match api.get(&format!("/api/v2/tickets?email={}&{SINCE}", escape(&ours.address))).await {
        // A customer whom Freshdesk does not know yet has no tickets.
        Err(Trouble::Never { status: Some(status), .. }) if matches!(status.as_u16(), 400 | 404) => return Ok(None),
        found => found?,
    };
    let has = |ticket: &&Value| list(&ticket["tags"]).iter().any(|tag| tag.as_str() == Some(&ours.external_id));
    Ok(list(&found).iter().find(has).and_then(|ticket| text(&ticket["id"])))
}

/// Creates it, as the customer's.
pub async fn create(api: &Api, ours: &Ours) -> Result<String, Trouble> {
    let mut ticket = fields(api, ours);
    let tags: Vec<&str> = ours.tags.iter().map(String::as_str).chain([ours.external_id.as_str()]).collect();
    ticket["subject"] = json!(ours.subject);
    ticket["description"] = json!(markup(&ours.opening.text));
    ticket["email"] = json!(ours.address);
    ticket["name"] = json!(ours.name);
    ticket["status"] = json!(2); // Open: what a new ticket is
    ticket["source"] = json!(1); // Email
    ticket["tags"] = json!(tags);
    let made = send(api, "/api/v2/tickets", &ticket, &ours.opening.files).await?;
    text(&made["id"]).ok_or_else(|| Trouble::odd("no id"))
}

/// Sets fields, and status where it is to change.
pub async fn update(api: &Api, id: &str, ours: &Ours, stand: Stand) -> Result<Option<&'static str>, Trouble> {
    let mut ticket = fields(api, ours);
    let (number, word) = match stand {
        Stand::Same => (None, None),
        Stand::Open => (Some(2), Some("2")),
        Stand::Solved => (Some(4), Some("4")),
    };
    if let Some(number) = number {
        ticket["status"] = json!(number);
    }
    api.send(Method::PUT, &format!("/api/v2/tickets/{id}"), &ticket).await?;
    Ok(word)
}

/// Adds a note: the customer's is public, incoming and his, a note of the desk is private. Neither is mailed.
pub async fn append(api: &Api, id: &str, entry: &Entry) -> Result<(), Trouble> {
    let mut note = json!({ "body": markup(&entry.text), "private": !entry.by_customer });
    if entry.by_customer {
        let ticket = api.get(&format!("/api/v2/tickets/{id}")).await?;
        note["incoming"] = json!(true);
        note["user_id"] = ticket["requester_id"].clone();
    }
    send(api, &format!("/api/v2/tickets/{id}/notes"), &note, &entry.files).await?;
    Ok(())
}

/// Whether its description or a note carries the mark.
pub async fn has(api: &Api, id: &str, mark: &str) -> Result<bool, Trouble> {
    let ticket = api.get(&format!("/api/v2/tickets/{id}")).await?;
    let holds = |text: &Value| text.as_str().is_some_and(|text| text.contains(mark));
    if holds(&ticket["description_text"]) || holds(&ticket["description"]) {
        return Ok(true);
    }
    Ok(conversations(api, id).await?.iter().any(|entry| holds(&entry["body_text"]) || holds(&entry["body"])))
}

/// One request each, more for each that changed.
pub async fn look<'a>(api: &Api, taken: &'a [Remote]) -> Result<Vec<(&'a Remote, News)>, Trouble> {
    let mut news = vec![];
    for remote in taken {
        let id = &remote.remote_id;
        let ticket = match api.get(&format!("/api/v2/tickets/{id}")).await {
            Err(Trouble::Never { .. }) => continue, // deleted there
            ticket => ticket?,
        };
        let status = text(&ticket["status"]).unwrap_or_default();
        let seen = format!("{status} {}", ticket["updated_at"].as_str().unwrap_or_default());
        if seen == remote.seen {
            continue;
        }
        let answers = conversations(api, id).await?;
        let answers =
            answers.iter().filter(|entry| entry["private"] == json!(false) && entry["incoming"] == json!(false));
        let answers = answers.filter_map(|entry| {
            let body = entry["body_text"].as_str().unwrap_or_default();
            let author = text(&entry["support_email"]).or_else(|| text(&entry["from_email"]));
            let author = author.unwrap_or_else(|| format!("freshdesk:{}", text(&entry["user_id"]).unwrap_or_default()));
            (!body.contains("[deskclerk ")).then_some(Answer { id: text(&entry["id"])?, author, text: body.to_owned() })
        });
        let answers = answers.collect();
        // 2 is Open: what every new ticket is, before anybody has seen it.
        let meant = match status.as_str() {
            "3" => Some(Status::Open),
            "4" => Some(Status::Solved),
            "5" => Some(Status::Closed),
            _ => None,
        };
        news.push((remote, News { seen, status: meant, over: matches!(status.as_str(), "4" | "5"), answers }));
    }
    Ok(news)
}

/// All entries of the conversation, oldest first.
async fn conversations(api: &Api, id: &str) -> Result<Vec<Value>, Trouble> {
    let mut all = vec![];
    // Freshdesk pages by number; a hundred pages of a hundred are more than any ticket has.
    for page in 1..=100 {
        let found = api.get(&format!("/api/v2/tickets/{id}/conversations?per_page=100&page={page}")).await?;
        let found = list(&found).to_vec();
        let last = found.len() < 100;
        all.extend(found);
        if last {
            break;
        }
    }
    Ok(all)
}

fn fields(api: &Api, ours: &Ours) -> Value {
    let mut ticket = json!({ "priority": ours.priority.parse::<u64>().unwrap_or(2) });
    if let Some(group) = ours.group.as_ref().and_then(|group| group.parse::<u64>().ok()) {
        ticket["group_id"] = json!(group);
    }
    if let Some(kind) = &ours.kind {
        ticket["type"] = json!(kind);
    }
    if let Some(campaign) = ours.campaign.as_ref().filter(|_| !api.campaign_field().is_empty()) {
        ticket["custom_fields"] = json!({ api.campaign_field(): campaign });
    }
    ticket
}

/// JSON, or a form (RFC 7578) where there are files.
async fn send(api: &Api, path: &str, body: &Value, files: &[File]) -> Result<Value, Trouble> {
    if files.is_empty() {
        return api.send(Method::POST, path, body).await;
    }
    let boundary = format!("deskclerk-{}", uuid::Uuid::new_v4().simple());
    let mut form: Vec<u8> = vec![];
    let mut part = |head: String, content: &[u8]| {
        form.extend_from_slice(format!("--{boundary}\r\n{head}\r\n\r\n").as_bytes());
        form.extend_from_slice(content);
        form.extend_from_slice(b"\r\n");
    };
    for (key, value) in body.as_object().into_iter().flatten() {
        let head = |name: String| format!("Content-Disposition: form-data; name=\"{name}\"");
        match value {
            Value::Array(items) => {
                items.iter().filter_map(text).for_each(|item| part(head(format!("{key}[]")), item.as_bytes()));
            }
            Value::Object(fields) => {
                for (field, value) in fields {
                    part(head(format!("{key}[{field}]")), text(value).unwrap_or_default().as_bytes());
                }
            }
            Value::Bool(value) => part(head(key.clone()), value.to_string().as_bytes()),
            value => part(head(key.clone()), text(value).unwrap_or_default().as_bytes()),
        }
    }
    for file in files {
        // Safe names hold neither quotes nor line ends.
        let head = format!(
            "Content-Disposition: form-data; name=\"attachments[]\"; filename=\"{}\"\r\nContent-Type: {}",
            file.name, file.media_type
        );
        part(head, &file.bytes);
    }
    form.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    api.call(Method::POST, path, &format!("multipart/form-data; boundary={boundary}"), &[], form).await
}

/// Plain text as the HTML that Freshdesk wants.
fn markup(text: &str) -> String {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    format!("<div>{}</div>", escaped.replace('\n', "<br>"))
}
