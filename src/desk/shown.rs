//! A ticket as partners and programs see it in JSON: the same in the API and in outgoing webhooks. No secrets.

use serde_json::{Value, json};

use crate::campaigns::Directory;
use crate::ticket::Ticket;

/// A ticket without its messages, events and outbox.
pub fn ticket(ticket: &Ticket, directory: &Directory) -> Value {
    let campaign = ticket.campaign_id.as_deref().and_then(|id| directory.get(id));
    json!({
        "id": ticket.id,
        "status": ticket.status,
        "subject": ticket.subject,
        "requester": {"name": ticket.requester_name, "address": ticket.requester_address},
        "language": ticket.language,
        "source": ticket.source,
        "campaign": {
            "status": ticket.campaign_status,
            "id": ticket.campaign_id,
            "name": campaign.map(|campaign| campaign.name.as_str()),
        },
        "topic": ticket.topic,
        "topic_chosen_by": ticket.topic_chosen_by,
        "priority": ticket.priority,
        "route": ticket.route,
        "missing": ticket.missing,
        "flags": ticket.flags,
        "linked_ticket": ticket.linked_ticket,
        "chase_at": ticket.chase_at.map(time),
        "rules": ticket.rules_version,
        "version": ticket.version,
        "created_at": time(ticket.created_at),
        "updated_at": time(ticket.updated_at),
    })
}

/// A time (unix milliseconds) as RFC 3339.
pub fn time(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).map(|time| time.to_string()).unwrap_or_default()
}
