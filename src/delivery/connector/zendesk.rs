//! Zendesk Support (developer.zendesk.com, Ticketing API: Tickets, Ticket Comments, Attachments).
//!
//! Our id is the ticket's `external_id`, and the key of the Idempotency-Key header. A closed ticket takes nothing more there:
//! what the customer writes then begins a follow-up of it, with the same id.

use axum::http::Method;
use serde_json::{Value, json};

use super::api::{Api, Trouble, escape, list, text};
use super::ours::{Entry, File, Ours};
use super::{After, Stand};
use crate::desk::remote::News;
use crate::store::remote::{Answer, Remote};
use crate::ticket::Status;

/// The ticket with our id: of one and its follow-ups the one that still takes something.
pub async fn find(api: &Api, ours: &Ours) -> Result<Option<String>, Trouble> {
    let found = api.get(&format!("/api/v2/tickets.json?external_id={}", escape(&ours.external_id))).await?;
    let tickets = list(&found["tickets"]);
    let open = tickets.iter().find(|ticket| !is_closed(ticket));
    Ok(open.or(tickets.last()).and_then(|ticket| text(&ticket["id"])))
}

fn is_closed(ticket: &Value) -> bool {
    ticket["status"] == json!("closed")
}

/// Creates it, as the customer's.
pub async fn create(api: &Api, ours: &Ours) -> Result<String, Trouble> {
    make(api, ours, &ours.opening, None).await
}

async fn make(api: &Api, ours: &Ours, entry: &Entry, after: Option<u64>) -> Result<String, Trouble> {
    let mut ticket = fields(api, ours);
    ticket["subject"] = json!(ours.subject);
    ticket["requester"] = json!({ "name": ours.name, "email": ours.address });
    ticket["external_id"] = json!(ours.external_id);
    ticket["comment"] = json!({ "body": entry.text, "uploads": upload(api, &entry.files).await? });
    let mut key = ours.external_id.clone();
    if let Some(after) = after {
        ticket["via_followup_source_id"] = json!(after);
        key = format!("{key}-after-{after}");
    }
    let key = [("idempotency-key", key.as_str())];
    let made = api.send_with(Method::POST, "/api/v2/tickets.json", &json!({ "ticket": ticket }), &key).await?;
    text(&made["ticket"]["id"]).ok_or_else(|| Trouble::odd("no ticket.id"))
}

/// What goes on in place of a ticket that refused something; see [`After`]. `entry`: what the customer wrote, if he did.
pub async fn after(api: &Api, id: &str, ours: &Ours, entry: Option<&Entry>) -> Result<After, Trouble> {
    if !is_closed(&api.get(&format!("/api/v2/tickets/{id}.json")).await?["ticket"]) {
        return Ok(After::Itself);
    }
    let (Some(entry), Ok(source)) = (entry, id.parse()) else { return Ok(After::Nothing) };
    // Made before, and cut off before it could be written down.
    match find(api, ours).await?.filter(|found| found != id) {
        Some(found) => Ok(After::Found(found)),
        None => make(api, ours, entry, Some(source)).await.map(After::Made),
    }
}

/// Sets fields, and status where it is to change.
pub async fn update(api: &Api, id: &str, ours: &Ours, stand: Stand) -> Result<Option<&'static str>, Trouble> {
    let mut ticket = fields(api, ours);
    // `tags` would replace those that agents gave; that resource adds.
    if let Some(tags) = ticket.as_object_mut().and_then(|ticket| ticket.remove("tags")) {
        api.send(Method::PUT, &format!("/api/v2/tickets/{id}/tags.json"), &json!({ "tags": tags })).await?;
    }
    let word = match stand {
        Stand::Same => None,
        Stand::Open => Some("open"),
        Stand::Solved => Some("solved"),
    };
    if let Some(word) = word {
        ticket["status"] = json!(word);
    }
    api.send(Method::PUT, &format!("/api/v2/tickets/{id}.json"), &json!({ "ticket": ticket })).await?;
    Ok(word)
}

/// Adds a comment: the customer's is public and his, a note is neither.
pub async fn append(api: &Api, id: &str, entry: &Entry) -> Result<(), Trouble> {
    let mut comment =
        json!({ "body": entry.text, "public": entry.by_customer, "uploads": upload(api, &entry.files).await? });
    let path = format!("/api/v2/tickets/{id}.json");
    if entry.by_customer {
        let ticket = api.get(&path).await?;
        comment["author_id"] = ticket["ticket"]["requester_id"].clone();
    }
    api.send(Method::PUT, &path, &json!({ "ticket": { "comment": comment } })).await?;
    Ok(())
}

/// Whether one of its comments carries the mark.
pub async fn has(api: &Api, id: &str, mark: &str) -> Result<bool, Trouble> {
    let found = api.get(&format!("/api/v2/tickets/{id}/comments.json?sort_order=desc")).await?;
    Ok(list(&found["comments"]).iter().any(|comment| comment["body"].as_str().is_some_and(|body| body.contains(mark))))
}

/// One request for all, one more for each that changed.
pub async fn look<'a>(api: &Api, taken: &'a [Remote]) -> Result<Vec<(&'a Remote, News)>, Trouble> {
    let ids: Vec<&str> = taken.iter().map(|remote| remote.remote_id.as_str()).collect();
    let found = api.get(&format!("/api/v2/tickets/show_many.json?ids={}", ids.join(","))).await?;
    let mut news = vec![];
    for ticket in list(&found["tickets"]) {
        let id = text(&ticket["id"]).unwrap_or_default();
        let Some(remote) = taken.iter().find(|remote| remote.remote_id == id) else { continue };
        let status = ticket["status"].as_str().unwrap_or_default();
        let seen = format!("{status} {}", ticket["updated_at"].as_str().unwrap_or_default());
        if seen == remote.seen {
            continue;
        }
        let comments = api.get(&format!("/api/v2/tickets/{id}/comments.json?include=users&sort_order=desc")).await?;
        let author = |id: &Value| list(&comments["users"]).iter().find(|user| user["id"] == *id);
        let mut answers: Vec<Answer> = list(&comments["comments"])
            .iter()
            .filter(|comment| comment["public"] == json!(true) && comment["author_id"] != ticket["requester_id"])
            .filter(|comment| author(&comment["author_id"]).is_none_or(|user| user["role"] != json!("end-user")))
            .filter_map(|comment| {
                let user = author(&comment["author_id"]);
                let name = user.and_then(|user| user["email"].as_str().or(user["name"].as_str()));
                let body = comment["plain_body"].as_str().or(comment["body"].as_str()).unwrap_or_default();
                let answer = Answer {
                    id: text(&comment["id"])?,
                    author: name.unwrap_or("zendesk").to_owned(),
                    text: body.to_owned(),
                };
                // What the desk itself wrote comes back, too.
                (!body.contains("[deskclerk ")).then_some(answer)
            })
            .collect();
        answers.reverse();
        let meant = match status {
            "open" | "pending" | "hold" => Some(Status::Open),
            "solved" => Some(Status::Solved),
            "closed" => Some(Status::Closed),
            _ => None,
        };
        news.push((remote, News { seen, status: meant, over: matches!(status, "solved" | "closed"), answers }));
    }
    Ok(news)
}

fn fields(api: &Api, ours: &Ours) -> Value {
    let mut ticket = json!({ "priority": ours.priority, "tags": ours.tags });
    if let Some(group) = ours.group.as_ref().and_then(|group| group.parse::<u64>().ok()) {
        ticket["group_id"] = json!(group);
    }
    if let Some(kind) = &ours.kind {
        ticket["type"] = json!(kind);
    }
    if let (Ok(field), Some(campaign)) = (api.campaign_field().parse::<u64>(), &ours.campaign) {
        ticket["custom_fields"] = json!([{ "id": field, "value": campaign }]);
    }
    ticket
}

/// Uploads files and gives their tokens.
async fn upload(api: &Api, files: &[File]) -> Result<Vec<String>, Trouble> {
    let mut tokens = vec![];
    for file in files {
        let path = format!("/api/v2/uploads.json?filename={}", escape(&file.name));
        let made = api.call(Method::POST, &path, &file.media_type, &[], file.bytes.clone()).await;
        let made = match made {
            // Nothing refers to an upload yet: it may be made again.
            Err(Trouble::Unknown(error)) => return Err(Trouble::again(error)),
            made => made?,
        };
        tokens.push(text(&made["upload"]["token"]).ok_or_else(|| Trouble::again("no upload.token".into()))?);
    }
    Ok(tokens)
}
