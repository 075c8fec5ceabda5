//! Zammad (docs.zammad.org, REST API: Ticket, Articles, Tags).
//!
//! Zammad has no external id: a tag holds ours. The search finds candidates, by its index or without one, and the tags of
//! each decide.

use axum::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::Stand;
use super::api::{Api, Trouble, escape, list, text};
use super::ours::{Entry, File, Ours};
use crate::desk::remote::News;
use crate::request::html;
use crate::store::remote::{Answer, Remote};
use crate::ticket::Status;

/// Candidates of the search that are looked at.
const CANDIDATES: usize = 10;

/// The ticket with our id. Its title carries the id, which the search finds with and without an index.
pub async fn find(api: &Api, ours: &Ours) -> Result<Option<String>, Trouble> {
    let query = escape(&ours.external_id);
    let found = api.get(&format!("/api/v1/tickets/search?query={query}&limit={CANDIDATES}&expand=true")).await?;
    for ticket in list(&found).iter().take(CANDIDATES) {
        let Some(id) = text(&ticket["id"]) else { continue };
        let tags = api.get(&format!("/api/v1/tags?object=Ticket&o_id={id}")).await?;
        if list(&tags["tags"]).iter().any(|tag| tag.as_str() == Some(&ours.external_id)) {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

/// Creates it, as the customer's.
pub async fn create(api: &Api, ours: &Ours) -> Result<String, Trouble> {
    let mut ticket = fields(api, ours);
    let tags: Vec<&str> = ours.tags.iter().map(String::as_str).chain([ours.external_id.as_str()]).collect();
    ticket["title"] = json!(format!("{} [{}]", ours.subject, ours.external_id));
    // `guess:` makes the customer where there is none yet.
    ticket["customer_id"] = json!(format!("guess:{}", ours.address));
    ticket["tags"] = json!(tags.join(","));
    if ours.group.is_none() {
        ticket["group"] = json!("Users"); // a group is required; this one is there from the start
    }
    ticket["article"] = article(ours, &ours.opening);
    let made = api.send(Method::POST, "/api/v1/tickets", &ticket).await?;
    text(&made["id"]).ok_or_else(|| Trouble::odd("no id"))
}

/// Sets fields, and status where it is to change.
pub async fn update(api: &Api, id: &str, ours: &Ours, stand: Stand) -> Result<Option<&'static str>, Trouble> {
    let mut ticket = fields(api, ours);
    let word = match stand {
        Stand::Same => None,
        Stand::Open => Some("open"),
        Stand::Solved => Some("closed"),
    };
    if let Some(word) = word {
        ticket["state"] = json!(word);
    }
    api.send(Method::PUT, &format!("/api/v1/tickets/{id}"), &ticket).await?;
    Ok(word)
}

/// Adds an article. None of these types is mailed to anybody.
pub async fn append(api: &Api, id: &str, ours: &Ours, entry: &Entry) -> Result<(), Trouble> {
    let mut article = article(ours, entry);
    article["ticket_id"] = id.parse::<u64>().map_or_else(|_| json!(id), |id| json!(id));
    api.send(Method::POST, "/api/v1/ticket_articles", &article).await?;
    Ok(())
}

/// Whether one of its articles carries the mark.
pub async fn has(api: &Api, id: &str, mark: &str) -> Result<bool, Trouble> {
    let found = api.get(&format!("/api/v1/ticket_articles/by_ticket/{id}")).await?;
    Ok(list(&found).iter().any(|article| article["body"].as_str().is_some_and(|body| body.contains(mark))))
}

/// One request each, one more for each that changed.
pub async fn look<'a>(api: &Api, taken: &'a [Remote]) -> Result<Vec<(&'a Remote, News)>, Trouble> {
    let mut news = vec![];
    for remote in taken {
        let id = &remote.remote_id;
        let ticket = match api.get(&format!("/api/v1/tickets/{id}?expand=true")).await {
            Err(Trouble::Never { .. }) => continue, // deleted there
            ticket => ticket?,
        };
        let state = ticket["state"].as_str().unwrap_or_default();
        let seen = format!("{} {}", state.replace(' ', "_"), ticket["updated_at"].as_str().unwrap_or_default());
        if seen == remote.seen {
            continue;
        }
        let articles = api.get(&format!("/api/v1/ticket_articles/by_ticket/{id}")).await?;
        let answers = list(&articles)
            .iter()
            .filter(|article| article["sender"] == json!("Agent") && article["internal"] != json!(true));
        let answers = answers.filter_map(|article| {
            let body = article["body"].as_str().unwrap_or_default();
            let html = article["content_type"].as_str().is_some_and(|kind| kind.contains("html"));
            let author = article["created_by"].as_str().or(article["from"].as_str()).unwrap_or("zammad");
            let text_body = if html { html::plain(body) } else { body.to_owned() };
            let answer = Answer { id: text(&article["id"])?, author: author.to_owned(), text: text_body };
            (!body.contains("[deskclerk ")).then_some(answer)
        });
        let answers = answers.collect();
        let meant = match state {
            "open" | "pending reminder" | "pending close" => Some(Status::Open),
            "closed" => Some(Status::Solved),
            "merged" => Some(Status::Closed),
            _ => None,
        };
        news.push((remote, News { seen, status: meant, over: matches!(state, "closed" | "merged"), answers }));
    }
    Ok(news)
}

fn fields(api: &Api, ours: &Ours) -> Value {
    let mut ticket = json!({ "priority": ours.priority });
    if let Some(group) = &ours.group {
        ticket["group"] = json!(group);
    }
    if let Some(kind) = &ours.kind {
        ticket["type"] = json!(kind);
    }
    if let Some(campaign) = ours.campaign.as_ref().filter(|_| !api.campaign_field().is_empty()) {
        ticket[api.campaign_field()] = json!(campaign);
    }
    ticket
}

fn article(ours: &Ours, entry: &Entry) -> Value {
    let file = |file: &File| json!({ "filename": file.name, "mime-type": file.media_type, "data": STANDARD.encode(&file.bytes) });
    json!({
        "subject": ours.subject,
        "body": entry.text,
        "content_type": "text/plain",
        "type": if entry.by_customer { "web" } else { "note" },
        "sender": if entry.by_customer { "Customer" } else { "Agent" },
        "internal": !entry.by_customer,
        "attachments": entry.files.iter().map(file).collect::<Vec<_>>(),
    })
}
