//! The queue: which tickets wait, what each is about, what it lacks, and the words that decided.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use serde::Serialize;
use serde_json::json;

use crate::desk::problem::{Problem, Query};
use crate::request::evidence::Evidence;
use crate::ticket::{Status, Ticket};
use crate::web::Site;
use crate::web::session::{SignedIn, form_encode};
use crate::web::tickets::Wanted;

/// The routes.
pub fn router() -> Router<Arc<Site>> {
    Router::new().route("/desk", get(page))
}

#[derive(Serialize)]
struct Tab {
    label: &'static str,
    value: &'static str,
    count: i64,
}

/// A ticket as a line.
#[derive(Serialize)]
struct Line<'a> {
    ticket: &'a Ticket,
    topic: &'a str,
    campaign: Option<&'a str>,
    candidates: usize,
    why: Vec<Why<'a>>,
}

#[derive(Serialize)]
struct Why<'a> {
    words: &'a str,
    rule: &'a str,
}

async fn page(
    State(site): State<Arc<Site>>,
    SignedIn(session): SignedIn,
    wanted: Result<Query<Wanted>, Problem>,
) -> Result<Response, Problem> {
    let Query(mut wanted) = wanted?;
    // Without a word on status, what agents can work on; `all` is every status.
    let shown = if wanted.status.is_empty() { "ready".to_owned() } else { std::mem::take(&mut wanted.status) };
    wanted.status = if shown == "all" { String::new() } else { shown.clone() };
    let filter = wanted.filter()?;
    let page = wanted.page()?;
    let mut tickets = site.desk.store.list_tickets(&filter, page + 1, wanted.cursor).await?;
    let more = crate::web::cut(&mut tickets, page);
    let next = tickets.last().filter(|_| more).map(|last| next_page(&shown, &wanted, last.id));

    let counts = site.desk.store.count_tickets().await?;
    let count = |status: Status| counts.iter().find(|(counted, _)| *counted == status).map_or(0, |(_, n)| *n);
    let all = counts.iter().map(|(_, n)| n).sum();
    let tab = |label, status: Status| Tab { label, value: status.as_str(), count: count(status) };
    let tabs = [
        tab("Ready", Status::Ready),
        tab("Open", Status::Open),
        tab("Waiting", Status::Waiting),
        tab("Solved", Status::Solved),
        tab("Closed", Status::Closed),
        Tab { label: "All", value: "all", count: all },
    ];

    let (rules, directory) = (site.desk.rules(), site.desk.directory());
    let line = |ticket| Line {
        ticket,
        topic: rules.label(&ticket.topic),
        campaign: ticket.campaign_id.as_deref().and_then(|id| directory.get(id)).map(|campaign| campaign.name.as_str()),
        candidates: ticket.triage.campaign.candidates.len(),
        why: why(ticket),
    };
    let lines: Vec<Line<'_>> = tickets.iter().map(line).collect();
    let mut teams: Vec<&str> = site.desk.config.teams.keys().map(String::as_str).collect();
    teams.extend(tickets.iter().map(|ticket| ticket.route.as_str()));
    teams.sort_unstable();
    teams.dedup();
    let page: Html<String> = site.pages.render(
        "queue.html",
        json!({
            "frame": super::frame(&site, &session, "queue"),
            "tabs": tabs, "shown": shown, "lines": lines, "next": next, "teams": teams,
            "topics": rules.topics(),
            "wanted": {
                "topic": wanted.topic, "route": wanted.route, "priority": wanted.priority, "q": wanted.q,
                "campaign": wanted.campaign, "flag": wanted.flag, "missing": wanted.missing,
                "requester": wanted.requester},
            "narrowed": narrowed(&wanted)}),
    )?;
    Ok(page.into_response())
}

fn narrowed(wanted: &Wanted) -> bool {
    fields(wanted).iter().any(|(_, value)| !value.is_empty())
}

fn fields(wanted: &Wanted) -> [(&'static str, &str); 8] {
    [
        ("topic", &wanted.topic),
        ("route", &wanted.route),
        ("priority", &wanted.priority),
        ("campaign", &wanted.campaign),
        ("requester", &wanted.requester),
        ("missing", &wanted.missing),
        ("flag", &wanted.flag),
        ("q", &wanted.q),
    ]
}

fn next_page(shown: &str, wanted: &Wanted, cursor: i64) -> String {
    let mut query = format!("/desk?status={}&cursor={cursor}", form_encode(shown));
    for (name, value) in fields(wanted).into_iter().filter(|(_, value)| !value.is_empty()) {
        query.push_str(&format!("&{name}={}", form_encode(value)));
    }
    query
}

/// The words that weighed most for the campaign, then for the topic.
fn why(ticket: &Ticket) -> Vec<Why<'_>> {
    let strongest = |evidence: &'_ [Evidence]| -> Option<usize> {
        (0..evidence.len())
            .filter(|index| evidence[*index].weight > 0.0 && !evidence[*index].text.trim().is_empty())
            .max_by(|a, b| evidence[*a].weight.total_cmp(&evidence[*b].weight))
    };
    [&ticket.triage.campaign.evidence, &ticket.triage.topic.evidence]
        .into_iter()
        .filter_map(|evidence| strongest(evidence).map(|index| &evidence[index]))
        .map(|found| Why { words: &found.text, rule: &found.rule })
        .collect()
}
