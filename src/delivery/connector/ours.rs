//! A ticket as it is handed over: its fields in the words of the other help desk, what the customer wrote, what the desk
//! found, and the files.
//!
//! Only reads. What is over a bound is left out and named.

use crate::config::endpoints::{self, Vendor};
use crate::desk::Desk;
use crate::desk::notice::Handover;
use crate::desk::shown::time;
use crate::desk::team;
use crate::store::fetches::Fetched;
use crate::store::outbox::Outgoing;
use crate::store::tickets::{Direction, Message};
use crate::store::{self};
use crate::ticket::{Status, Ticket};

/// Bytes of one text; help desks refuse more (Zendesk 64 KiB).
const TEXT_BYTES: usize = 60 * 1024;
/// Files of one entry.
const FILES: usize = 20;

/// A file of the customer's.
#[derive(Debug, Clone)]
pub struct File {
    /// A safe name.
    pub name: String,
    /// Media type.
    pub media_type: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// Something to be added to a ticket there.
#[derive(Debug, Clone)]
pub struct Entry {
    /// By which it is known again; stands in the text.
    pub mark: String,
    /// What.
    pub text: String,
    /// The customer wrote it; else it is a note for agents.
    pub by_customer: bool,
    /// Its files.
    pub files: Vec<File>,
}

/// A ticket of ours.
#[derive(Debug, Clone)]
pub struct Ours {
    /// Our id, as the other help desk knows it: `deskclerk-7`.
    pub external_id: String,
    /// Where it stands here.
    pub status: Status,
    /// Its subject, one line.
    pub subject: String,
    /// The customer's address.
    pub address: String,
    /// The customer's name.
    pub name: String,
    /// Group, queue or help topic there.
    pub group: Option<String>,
    /// Type there.
    pub kind: Option<String>,
    /// Priority there.
    pub priority: String,
    /// The campaign.
    pub campaign: Option<String>,
    /// Its tags there.
    pub tags: Vec<String>,
    /// What the customer wrote so far.
    pub opening: Entry,
    /// What this row brings of the customer.
    pub message: Entry,
    /// What the desk found.
    pub note: Entry,
    /// The same, shorter, when something changed.
    pub change: Entry,
    /// This row is the first of its ticket.
    pub first: bool,
    /// Files of it are not there yet.
    pub fetching: bool,
}

/// Reads it; `None`: there is no such ticket.
pub async fn gather(
    desk: &Desk,
    settings: &endpoints::Connector,
    outgoing: &Outgoing,
    handover: &Handover,
) -> Result<Option<Ours>, store::Error> {
    let Some(ticket) = desk.store.ticket(outgoing.ticket_id).await? else { return Ok(None) };
    let rows = desk.store.outgoing_of(ticket.id).await?;
    let first = rows
        .iter()
        .filter(|row| row.kind == outgoing.kind && row.recipient == outgoing.recipient)
        .min_by(|a, b| a.id.cmp(&b.id));
    let first = first.is_none_or(|first| first.id == outgoing.id);
    let messages = desk.store.messages(ticket.id).await?;
    // What came later has a row of its own.
    let until = |message: &&Message| message.created_at <= outgoing.created_at;
    let theirs = |message: &&Message| message.direction == Direction::In && message.request.is_some();
    let incoming: Vec<&Message> = messages.iter().filter(until).filter(theirs).collect();
    let caused =
        incoming.iter().filter(|message| message.submission_id == handover.submission && handover.submission.is_some());
    let caused: Vec<&Message> = caused.copied().collect();
    let short: String = outgoing.id.chars().filter(char::is_ascii_hexdigit).collect();
    let short = short[short.len().saturating_sub(16)..].to_owned();
    let summary = team::summary(&ticket, &desk.config);
    let found = format!("What Deskclerk found\n\n{summary}");
    let changed = format!("Changed in Deskclerk, now {}\n\n{summary}", ticket.status.as_str());
    let note = |text: String| {
        let mark = format!("deskclerk note {short}");
        Entry { text: marked(&text, &mark), mark, by_customer: false, files: vec![] }
    };
    let mark = format!("deskclerk message {short}");
    let (opening, late) = entry(desk, settings, &incoming, &mark).await?;
    let (message, later) = entry(desk, settings, &caused, &mark).await?;
    Ok(Some(Ours {
        external_id: format!("{}{}", settings.id_prefix, ticket.id),
        status: ticket.status,
        subject: subject(&ticket),
        address: ticket.requester_address.clone(),
        name: ticket.requester_name.clone().unwrap_or_else(|| ticket.requester_address.clone()),
        group: mapped(settings, &ticket),
        kind: settings.types.get(&ticket.topic).cloned(),
        priority: priority(settings, &ticket.priority),
        campaign: ticket.campaign_id.clone(),
        tags: tags(settings, &ticket),
        opening,
        message,
        note: note(found),
        change: note(changed),
        first,
        fetching: late | later,
    }))
}

fn subject(ticket: &Ticket) -> String {
    let line: String = ticket.subject.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let line = line.trim();
    let line = if line.is_empty() { ticket.triage.topic.label.as_str() } else { line };
    line.chars().take(150).collect()
}

fn mapped(settings: &endpoints::Connector, ticket: &Ticket) -> Option<String> {
    let group = settings.groups.get(&ticket.route).or_else(|| settings.groups.get(&ticket.topic));
    group.or(Some(&settings.group)).filter(|group| !group.is_empty()).cloned()
}

fn priority(settings: &endpoints::Connector, ours: &str) -> String {
    if let Some(theirs) = settings.priorities.get(ours) {
        return theirs.clone();
    }
    let theirs = match (settings.kind, ours) {
        (Vendor::Zendesk, ours) => ours,
        (Vendor::Zammad, "low") => "1 low",
        (Vendor::Zammad, "high" | "urgent") => "3 high",
        (Vendor::Zammad, _) => "2 normal",
        (Vendor::Freshdesk | Vendor::Osticket, "low") => "1",
        (Vendor::Freshdesk | Vendor::Osticket, "high") => "3",
        (Vendor::Freshdesk | Vendor::Osticket, "urgent") => "4",
        (Vendor::Freshdesk | Vendor::Osticket, _) => "2",
        (Vendor::Rt, "low") => "0",
        (Vendor::Rt, "high") => "75",
        (Vendor::Rt, "urgent") => "100",
        (Vendor::Rt, _) => "50",
    };
    theirs.to_owned()
}

fn tags(settings: &endpoints::Connector, ticket: &Ticket) -> Vec<String> {
    let mut tags = vec!["deskclerk".to_owned(), ticket.topic.clone()];
    tags.extend(ticket.campaign_id.iter().map(|id| format!("campaign-{id}")));
    tags.extend(settings.tags.iter().cloned());
    let fit = |c: char| if c.is_alphanumeric() || "-_".contains(c) { c } else { '_' };
    let mut tags: Vec<String> = tags.into_iter().map(|tag| tag.chars().map(fit).collect()).collect();
    tags.dedup();
    tags
}

/// Messages of the customer as one entry with their files, and whether some of these are still being fetched.
async fn entry(
    desk: &Desk,
    settings: &endpoints::Connector,
    messages: &[&Message],
    mark: &str,
) -> Result<(Entry, bool), store::Error> {
    let mut fetching = false;
    let mut parts = vec![];
    let mut files = vec![];
    let mut left_out = vec![];
    for message in messages {
        let Some(request) = &message.request else { continue };
        let mut text = request.text.trim_end().to_owned();
        if text.is_empty() && !request.forwarded.is_empty() {
            text.clone_from(&request.forwarded);
        }
        parts.push(if parts.is_empty() { text } else { format!("— {}\n\n{text}", time(message.created_at)) });
        if request.attachments.is_empty() {
            continue;
        }
        let id = message.submission_id.as_deref().unwrap_or_default();
        let submission = desk.store.submission(id).await?;
        for (index, file) in request.attachments.iter().enumerate() {
            let mut media_type = file.media_type.clone();
            let bytes = match &submission {
                Some(_) if file.dropped.is_some() || file.size > settings.attachment_bytes || files.len() >= FILES => {
                    None
                }
                // One that a post named by URL is fetched after it was answered.
                Some(_) if file.url.is_some() => match desk.store.fetch_of(id, index as i64).await? {
                    Some(Fetched::There(bytes, found)) => {
                        media_type = found;
                        Some(bytes).filter(|bytes| bytes.len() <= settings.attachment_bytes)
                    }
                    Some(Fetched::Waiting) => {
                        fetching = true;
                        None
                    }
                    _ => None,
                },
                Some(submission) => desk.attachment(submission, index),
                None => None,
            };
            match (bytes, &file.url) {
                (Some(bytes), _) => files.push(File { name: file.name.clone(), media_type, bytes }),
                (None, Some(_)) => left_out.push(file.name.clone()),
                (None, None) => left_out.push(format!("{} ({} bytes)", file.name, file.size)),
            }
        }
    }
    let mut text = parts.join("\n\n");
    if text.len() > TEXT_BYTES {
        text.truncate(text.floor_char_boundary(TEXT_BYTES));
        text.push_str("\n[…]");
    }
    if !left_out.is_empty() {
        text.push_str(&format!("\n\n[Files that stayed in Deskclerk: {}]", left_out.join(", ")));
    }
    Ok((Entry { text: marked(&text, mark), mark: mark.to_owned(), by_customer: true, files }, fetching))
}

fn marked(text: &str, mark: &str) -> String {
    format!("{}\n\n[{mark}]", text.trim_end())
}
