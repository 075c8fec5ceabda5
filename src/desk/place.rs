//! Where a request belongs: nowhere, on a ticket that is there, or on a new one.
//!
//! Promises: only a proof puts a message on a ticket: a reply token that was signed for its sender, or a Message-ID of
//! that ticket together with its requester's address. A number alone, or a guess, opens a new ticket that is linked.

use std::collections::HashMap;

use crate::reply::token::{self, Keys};
use crate::request::{AutomatedKind, Request};
use crate::store::lookups::{Seen, SentTo};
use crate::store::submissions::Outcome;
use crate::ticket::Ticket;

/// What the store knows about the requests of a batch.
#[derive(Debug, Default)]
pub struct Lookups {
    /// Messages by their own or by a referenced Message-ID, or by fingerprint.
    pub seen: Vec<Seen>,
    /// Mails of ours by their Message-ID.
    pub sent: Vec<SentTo>,
    /// Tickets that any of them may belong to.
    pub tickets: HashMap<i64, Ticket>,
}

/// The mail of ours that came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bounced {
    /// To whom it had gone.
    pub address: String,
    /// The enhanced status code.
    pub status: Option<String>,
}

/// Where a request belongs.
#[derive(Debug, Clone, PartialEq)]
pub enum Place {
    /// On no ticket.
    Nowhere {
        /// How it ends.
        outcome: Outcome,
        /// Why.
        because: String,
        /// The ticket that it is about.
        ticket: Option<i64>,
    },
    /// On this ticket.
    On {
        /// The ticket.
        ticket: Box<Ticket>,
        /// Proven by a token that was signed for the sender.
        by_token: bool,
    },
    /// It is automated, and about this ticket: kept there, moves nothing.
    Note {
        /// The ticket.
        ticket: Box<Ticket>,
        /// Set when a mail of ours came back for good.
        bounced: Option<Bounced>,
    },
    /// On a new ticket.
    New {
        /// A ticket that it seems to belong to, unproven.
        linked: Option<i64>,
        /// Its Message-ID was used before, for something else.
        reused: bool,
    },
}

/// The tickets that a valid token of this request names.
pub fn proven_tickets(request: &Request, keys: &Keys) -> Vec<i64> {
    let sender = &request.from.address;
    let tags = request.thread.tags.iter().map(String::as_str).take(REFERENCES);
    let ids = referenced(request);
    let mut tickets: Vec<i64> = vec![];
    for token in tags.chain(ids.filter_map(|id| token::in_message_id(id))) {
        if let Some(ticket) = keys.verify(token, sender).filter(|ticket| !tickets.contains(ticket)) {
            tickets.push(ticket);
        }
    }
    tickets
}

/// References that are looked at: a header may hold thousands.
const REFERENCES: usize = 50;

/// The Message-IDs that this request refers to, the nearest first.
pub fn referenced(request: &Request) -> impl Iterator<Item = &String> {
    request.thread.in_reply_to.iter().chain(request.thread.references.iter().rev()).take(REFERENCES)
}

/// The Message-IDs by which an automated message says what it is about.
pub fn about(request: &Request) -> impl Iterator<Item = &String> {
    request.bounce.iter().filter_map(|bounce| bounce.about.as_ref()).chain(referenced(request))
}

/// Finds the place of a request.
pub fn find(request: &Request, fingerprint: &str, keys: &Keys, lookups: &Lookups) -> Place {
    let kind = request.automated.as_ref().map(|automated| automated.kind);
    if kind == Some(AutomatedKind::Loop) {
        return nowhere(Outcome::Quarantined, request, "a loop");
    }
    let twins: Vec<&Seen> = lookups.seen.iter().filter(|seen| seen.same_name(request, fingerprint)).collect();
    if let Some(twin) = twins.iter().find(|seen| seen.fingerprint.as_deref() == Some(fingerprint)) {
        let because = match &twin.message_id {
            Some(_) => "the same Message-ID with the same content was taken in before",
            None => "the same message was taken in before",
        };
        return Place::Nowhere { outcome: Outcome::Duplicate, because: because.into(), ticket: Some(twin.ticket_id) };
    }
    let reused = !twins.is_empty();
    match kind {
        Some(AutomatedKind::Bounce) => bounce(request, keys, lookups),
        Some(AutomatedKind::AutoReply | AutomatedKind::Report | AutomatedKind::Bulk) => {
            // A list may quote our Message-IDs to the world; it is about a ticket only when a participant wrote it.
            let referred = if kind == Some(AutomatedKind::Bulk) { None } else { ours(request, lookups) };
            match proven(request, keys, lookups).map(|(ticket, _)| ticket).or(referred) {
                Some(ticket) => Place::Note { ticket: Box::new(ticket.clone()), bounced: None },
                None => nowhere(Outcome::Automated, request, "automated"),
            }
        }
        Some(AutomatedKind::Loop) | None => match proven(request, keys, lookups) {
            Some((ticket, by_token)) => Place::On { ticket: Box::new(ticket.clone()), by_token },
            None => Place::New { linked: linked(request, lookups), reused },
        },
    }
}

fn nowhere(outcome: Outcome, request: &Request, what: &str) -> Place {
    let because = request.automated.as_ref().map_or("", |automated| automated.because.as_str());
    Place::Nowhere { outcome, because: format!("{what}: {because}"), ticket: None }
}

/// The ticket that the sender has proven to take part in.
fn proven<'l>(request: &'l Request, keys: &Keys, lookups: &'l Lookups) -> Option<(&'l Ticket, bool)> {
    let by_token = proven_tickets(request, keys);
    if let Some(ticket) = by_token.iter().find_map(|id| lookups.tickets.get(id)) {
        return Some((ticket, true));
    }
    // An address that its own domain disowns is no participant's.
    if request.authentication.dmarc.as_deref() == Some("fail") {
        return None;
    }
    let sender = request.from.address.to_lowercase();
    let by_reference = tickets_of(referenced(request), lookups).find(|ticket| ticket.requester_address == sender);
    by_reference.map(|ticket| (ticket, false))
}

/// The ticket of the mail of ours that an automated message refers to: our Message-IDs cannot be guessed.
fn ours<'l>(request: &Request, lookups: &'l Lookups) -> Option<&'l Ticket> {
    let sent = about(request).find_map(|id| lookups.sent.iter().find(|sent| sent.message_id == *id))?;
    lookups.tickets.get(&sent.ticket_id)
}

fn tickets_of<'l>(ids: impl Iterator<Item = &'l String>, lookups: &'l Lookups) -> impl Iterator<Item = &'l Ticket> {
    ids.flat_map(|id| lookups.seen.iter().filter(move |seen| seen.message_id.as_ref() == Some(id)))
        .filter_map(|seen| lookups.tickets.get(&seen.ticket_id))
}

/// A ticket that the request names without proof.
fn linked(request: &Request, lookups: &Lookups) -> Option<i64> {
    if let Some(ticket) = tickets_of(referenced(request), lookups).next() {
        return Some(ticket.id);
    }
    let number = request.thread.subject_tag.and_then(|number| i64::try_from(number).ok())?;
    lookups.tickets.get(&number).map(|ticket| ticket.id)
}

fn bounce(request: &Request, keys: &Keys, lookups: &Lookups) -> Place {
    let sent = about(request).find_map(|id| lookups.sent.iter().find(|sent| sent.message_id == *id));
    let Some((sent, ticket)) = sent.and_then(|sent| Some((sent, lookups.tickets.get(&sent.ticket_id)?))) else {
        let note = proven(request, keys, lookups).map(|(ticket, _)| Box::new(ticket.clone()));
        return match note {
            Some(ticket) => Place::Note { ticket, bounced: None },
            None => nowhere(Outcome::Automated, request, "a bounce of a mail that is not ours"),
        };
    };
    let report = request.bounce.clone().unwrap_or_default();
    // RFC 3463: class 4 is a delay, class 2 a success; only a failure marks the address.
    let failed = !report.status.as_deref().is_some_and(|status| status.starts_with(['2', '4']));
    let named = report.recipients.is_empty()
        || report.recipients.iter().any(|recipient| recipient.eq_ignore_ascii_case(&sent.recipient));
    let bounced =
        (failed && named).then(|| Bounced { address: sent.recipient.to_lowercase(), status: report.status.clone() });
    Place::Note { ticket: Box::new(ticket.clone()), bounced }
}
