//! The mail that hands a ticket to its team: what the desk found, and the customer's words below it.
//!
//! It goes to colleagues, so it may carry the customer's text; it says that a machine wrote it, so that nothing answers.

use std::fmt::Write;

use super::answer::{self, Means};
use crate::config::settings::Config;
use crate::reply::headers;
use crate::request::Request;
use crate::store::outbox::{Kind, Payload, Reason, State};
use crate::store::settle::NewOutgoing;
use crate::ticket::Ticket;

/// Characters of the customer's text that the mail shows; the console shows all of it.
const TEXT_CHARS: usize = 4_000;
/// Deciding words that the summary names, each no longer than this many characters.
const REASONS: usize = 6;
/// Characters of one.
const REASON_CHARS: usize = 60;
/// Attachments that the mail names; the console has them all.
const FILES: usize = 20;

/// The mail to the ticket's team, where the settings give that team an address.
pub fn outgoing(ticket: &Ticket, request: &Request, means: Means<'_>) -> Option<NewOutgoing> {
    let address = means.config.teams.get(&ticket.route)?;
    let token = means.keys.sign(ticket.id, address);
    let (id, message_id) = answer::identity(&token, &means.config.desk.address);
    Some(NewOutgoing {
        id,
        kind: Kind::Mail,
        reason: Reason::Team,
        recipient: address.to_lowercase(),
        message_id,
        payload: mail(ticket, request, means.config, address),
        state: State::Queued,
        unproven: false,
    })
}

/// What the desk found, a line each: for colleagues, in mails and in the notes of other help desks.
pub fn summary(ticket: &Ticket, config: &Config) -> String {
    let triage = &ticket.triage;
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        if !value.is_empty() {
            let _ = writeln!(text, "{:<11}{value}", format!("{name}:"));
        }
    };
    let who = match &ticket.requester_name {
        Some(name) => format!("{name} <{}>", ticket.requester_address),
        None => ticket.requester_address.clone(),
    };
    line("From", &who);
    line("Subject", &ticket.subject);
    line("Topic", &triage.topic.label);
    line("Campaign", &campaign(ticket));
    line("Priority", &ticket.priority);
    line("Missing", &ticket.missing.join(", "));
    line("Flags", &ticket.flags.join(", "));
    line("Because", &because(ticket));
    line("Ticket", &format!("{}/desk/tickets/{}", config.desk.public_url, ticket.id));
    text
}

/// The words that decided campaign and topic.
fn because(ticket: &Ticket) -> String {
    let mut evidence: Vec<_> = ticket.triage.campaign.evidence.iter().chain(&ticket.triage.topic.evidence).collect();
    evidence.retain(|found| found.weight > 0.0);
    evidence.sort_by(|a, b| b.weight.total_cmp(&a.weight));
    let mut words: Vec<String> = vec![];
    for found in evidence {
        let word = format!("“{}”", found.text.split_whitespace().collect::<Vec<_>>().join(" "));
        if words.len() < REASONS && word.chars().count() <= REASON_CHARS && !words.contains(&word) {
            words.push(word);
        }
    }
    words.join(", ")
}

/// Words the mail to the team at `address`.
fn mail(ticket: &Ticket, request: &Request, config: &Config, address: &str) -> Payload {
    let triage = &ticket.triage;
    let mut text = summary(ticket, config);
    let files = request.attachments.iter().map(|file| match &file.dropped {
        Some(because) => format!("{} ({} bytes, dropped: {because})", file.name, file.size),
        None => format!("{} ({} bytes)", file.name, file.size),
    });
    let files: Vec<String> = files.take(FILES).collect();
    if !files.is_empty() {
        let _ = writeln!(text, "{:<11}{}", "Files:", files.join(", "));
    }
    text.push('\n');
    match request.text.char_indices().nth(TEXT_CHARS) {
        Some((end, _)) => {
            text.push_str(&request.text[..end]);
            text.push_str("\n[…]");
        }
        None => text.push_str(&request.text),
    }
    text.push('\n');
    let mut automatic = headers::automatic(&config.desk.address);
    automatic.insert("Auto-Submitted".into(), "auto-generated".into());
    Payload {
        template: None,
        from: answer::sender(config),
        to: address.to_owned(),
        reply_to: None,
        subject: format!("[#{}] {}: {}", ticket.id, triage.topic.label, ticket.subject),
        text,
        html: None,
        in_reply_to: vec![],
        references: vec![],
        headers: automatic,
    }
}

fn campaign(ticket: &Ticket) -> String {
    let campaign = &ticket.triage.campaign;
    let status = serde_json::to_value(ticket.campaign_status).ok();
    let status = status.as_ref().and_then(|status| status.as_str()).unwrap_or_default().replace('_', " ");
    let ids = match (&ticket.campaign_id, campaign.ids.as_slice()) {
        (Some(id), _) => id.clone(),
        (None, ids) => ids.join(", "),
    };
    let maybe: Vec<String> =
        campaign.candidates.iter().map(|candidate| format!("{} {}", candidate.id, candidate.name)).collect();
    match (ids.is_empty(), maybe.is_empty()) {
        (false, _) => format!("{ids} ({status})"),
        (true, false) => format!("{status}: {}", maybe.join("; ")),
        (true, true) => status,
    }
}
