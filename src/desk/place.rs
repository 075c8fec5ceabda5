//! Where a request belongs: nowhere, on a ticket that is there, or on a new one.
//!
//! Promises: only a proof puts a message on a ticket: a reply token that was signed for its sender (it stands in our
//! Message-IDs, too), or the requester's address, authenticated by the trusted server, together with a Message-ID or the
//! number of that ticket; or the signature of a partner whose matter the ticket is. Anything else opens a new ticket that is linked: the customer's own Message-IDs are known to
//! everybody in copy. Where no server is trusted, only tokens prove: a ticket too many does less harm than a stranger's
//! words among the customer's own.

use std::collections::HashMap;

use crate::reply::token::{self, Keys};
use crate::request::{AutomatedKind, Request};
use crate::store::lookups::{Seen, SentTo};
use crate::store::submissions::Outcome;
use crate::store::threads::Thread;
use crate::ticket::{Status, Ticket};

/// What the store knows about the requests of a batch.
#[derive(Debug, Default)]
pub struct Lookups {
    /// Messages by their own or by a referenced Message-ID, or by fingerprint.
    pub seen: Vec<Seen>,
    /// Mails of ours by their Message-ID.
    pub sent: Vec<SentTo>,
    /// Tickets that any of them may belong to.
    pub tickets: HashMap<i64, Ticket>,
    /// Tickets of partners' matters.
    pub threads: HashMap<Thread, i64>,
    /// Tickets that wait for their requesters or have a question in draft, of all the proven senders.
    pub waiting: Vec<Ticket>,
}

/// The mail of ours that came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bounced {
    /// To whom it had gone.
    pub address: String,
    /// The enhanced status code.
    pub status: Option<String>,
    /// There is no such address.
    pub for_good: bool,
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
    /// On this ticket. What came through a list is there only if its text turns out to answer our question.
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
        /// That ticket, when it waits for an answer and this seems to be it: it has its token, or is his who is asked.
        answers: Option<Box<Ticket>>,
        /// Tickets that wait for this proven sender, or have a question to him in draft: he may answer by a new mail. Or the
        /// one that waits for somebody else, whose number stands in his subject.
        open: Vec<Ticket>,
        /// Its Message-ID was used before, for something else.
        reused: bool,
    },
}

/// The partner's matter that a post is about. Its source was proven by its signature before the post was stored.
pub fn thread(request: &Request) -> Option<Thread> {
    let source = request.source.as_ref().filter(|source| source.starts_with("hook:"))?;
    let key = request.thread_key.as_ref().or(request.external_id.as_ref())?;
    Some((source.clone(), key.clone()))
}

/// The ticket of that matter.
fn threaded<'l>(request: &Request, lookups: &'l Lookups) -> Option<&'l Ticket> {
    lookups.tickets.get(lookups.threads.get(&thread(request)?)?)
}

/// The tickets that this request names in any way; whether it may is another matter.
pub fn named_tickets(request: &Request) -> impl Iterator<Item = i64> {
    let tag = request.thread.subject_tag.and_then(|number| i64::try_from(number).ok());
    tokens(request).chain(own_token(request)).filter_map(token::ticket).chain(tag)
}

/// The token in the request's own Message-ID: whoever sends mail under one of ours sends our mail.
fn own_token(request: &Request) -> Option<&str> {
    token::in_message_id(request.message_id.as_deref()?)
}

/// What may be reply tokens in this request.
fn tokens(request: &Request) -> impl Iterator<Item = &str> {
    let tags = request.thread.tags.iter().map(String::as_str).take(REFERENCES);
    tags.chain(referenced(request).filter_map(|id| token::in_message_id(id)))
}

/// References that are looked at: a header may hold thousands.
const REFERENCES: usize = 50;

/// The Message-IDs that this request refers to, the nearest first.
pub fn referenced(request: &Request) -> impl Iterator<Item = &String> {
    request.thread.in_reply_to.iter().chain(request.thread.references.iter().rev()).take(REFERENCES)
}

/// The Message-IDs by which an automated message says what it is about.
pub fn about(request: &Request) -> impl Iterator<Item = &String> {
    let failed = request.bounce.iter().filter_map(|bounce| bounce.about.as_ref());
    failed.chain(&request.reported).chain(referenced(request))
}

/// Finds the place of a request.
pub fn find(request: &Request, fingerprint: &str, keys: &Keys, lookups: &Lookups) -> Place {
    let kind = request.automated.as_ref().map(|automated| automated.kind);
    if kind == Some(AutomatedKind::Loop) {
        return nowhere(Outcome::Quarantined, request, "a loop");
    }
    if own_token(request).is_some_and(|token| requester_of(token, keys, lookups).is_some()) {
        let because = "a loop: its Message-ID is that of a mail of ours".into();
        return Place::Nowhere { outcome: Outcome::Quarantined, because, ticket: None };
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
            let bulk = kind == Some(AutomatedKind::Bulk);
            let referred = if bulk { None } else { ours(request, lookups) };
            let proven = proven(request, keys, lookups);
            if let Some((ticket, true)) = proven.filter(|(ticket, _)| bulk && !ticket.asked.is_empty()) {
                return Place::On { ticket: Box::new(ticket.clone()), by_token: true };
            }
            match proven.map(|(ticket, _)| ticket).or(referred) {
                Some(ticket) => Place::Note { ticket: Box::new(ticket.clone()), bounced: None },
                None => nowhere(Outcome::Automated, request, "automated"),
            }
        }
        Some(AutomatedKind::Loop) | None => match proven(request, keys, lookups) {
            Some((ticket, by_token)) => Place::On { ticket: Box::new(ticket.clone()), by_token },
            None => match threaded(request, lookups) {
                Some(ticket) => Place::On { ticket: Box::new(ticket.clone()), by_token: false },
                None => linked(request, keys, lookups, reused),
            },
        },
    }
}

fn nowhere(outcome: Outcome, request: &Request, what: &str) -> Place {
    let because = request.automated.as_ref().map_or("", |automated| automated.because.as_str());
    Place::Nowhere { outcome, because: format!("{what}: {because}"), ticket: None }
}

/// The ticket that the sender has proven to take part in, and whether by a token.
fn proven<'l>(request: &'l Request, keys: &Keys, lookups: &'l Lookups) -> Option<(&'l Ticket, bool)> {
    let signed = tokens(request).filter_map(|token| keys.verify(token, &request.from.address));
    if let Some(ticket) = signed.filter_map(|id| lookups.tickets.get(&id)).next() {
        return Some((ticket, true));
    }
    if !request.authentication.passes() {
        return None;
    }
    let sender = request.from.address.to_lowercase();
    let by_number = named_tickets(request).filter_map(|id| lookups.tickets.get(&id));
    let mut named = tickets_of(referenced(request), lookups).chain(by_number);
    named.find(|ticket| ticket.requester_address == sender).map(|ticket| (ticket, false))
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

/// The tickets whose own tokens this request has, whoever sent it.
fn signed<'l>(request: &'l Request, keys: &'l Keys, lookups: &'l Lookups) -> impl Iterator<Item = &'l Ticket> {
    tokens(request).filter_map(|token| requester_of(token, keys, lookups))
}

/// The ticket for whose requester this token was signed.
fn requester_of<'l>(token: &str, keys: &Keys, lookups: &'l Lookups) -> Option<&'l Ticket> {
    let ticket = lookups.tickets.get(&token::ticket(token)?)?;
    keys.verify(token, &ticket.requester_address).map(|_| ticket)
}

/// On a new ticket, linked to one that the request names without proof.
fn linked(request: &Request, keys: &Keys, lookups: &Lookups, reused: bool) -> Place {
    // Somebody whom the customer gave our mail, or the customer by another address. Who refers to a mail of the customer may
    // be anybody who has a copy: that answers no question of ours.
    let asked = signed(request, keys, lookups).next();
    let known = asked.or_else(|| tickets_of(referenced(request), lookups).next());
    let answers = asked.filter(|ticket| ticket.status == Status::Waiting).map(|ticket| Box::new(ticket.clone()));
    let named = || named_tickets(request).find_map(|id| lookups.tickets.get(&id));
    let linked = known.or_else(named).map(|ticket| ticket.id);
    let sender = request.from.address.to_lowercase();
    let open: Vec<Ticket> = match linked {
        _ if !request.authentication.passes() => vec![],
        None => lookups.waiting.iter().filter(|ticket| ticket.requester_address == sender).cloned().collect(),
        Some(_) => {
            named().filter(|ticket| known.is_none() && ticket.status == Status::Waiting).into_iter().cloned().collect()
        }
    };
    Place::New { linked, answers, open, reused }
}

fn bounce(request: &Request, keys: &Keys, lookups: &Lookups) -> Place {
    let sent = about(request).find_map(|id| lookups.sent.iter().find(|sent| sent.message_id == *id));
    let known = sent.and_then(|sent| Some((sent.recipient.as_str(), lookups.tickets.get(&sent.ticket_id)?)));
    // Our replies have the ticket's signed address as their envelope sender: a bounce may say no more than that.
    let signed = || signed(request, keys, lookups).next().map(|ticket| (ticket.requester_address.as_str(), ticket));
    let Some((recipient, ticket)) = known.or_else(signed) else {
        let note = proven(request, keys, lookups).map(|(ticket, _)| Box::new(ticket.clone()));
        return match note {
            Some(ticket) => Place::Note { ticket, bounced: None },
            None => nowhere(Outcome::Automated, request, "a bounce of a mail that is not ours"),
        };
    };
    let report = request.bounce.clone().unwrap_or_default();
    // RFC 3463: class 4 is a delay, class 2 a success; only a failure ends the wait for an answer. Only when it is the
    // address that does not exist (x.1.x) is nothing sent there again: a full mailbox or a filter passes.
    let failed = !report.status.as_deref().is_some_and(|status| status.starts_with(['2', '4']));
    let for_good = report.status.as_deref().is_some_and(|status| status.starts_with("5.1."));
    let named =
        report.recipients.is_empty() || report.recipients.iter().any(|named| named.eq_ignore_ascii_case(recipient));
    let bounced = (failed && named).then(|| Bounced {
        address: recipient.to_lowercase(),
        status: report.status.clone(),
        for_good,
    });
    Place::Note { ticket: Box::new(ticket.clone()), bounced }
}
