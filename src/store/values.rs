//! The rows that a settling writes: the columns of tickets, messages, events and outbox, with their values in the same
//! order. Nothing else knows that order.

use super::budgets::{domain, mailbox};
use super::rows::{self, Value};
use super::settle::{NewEvent, NewMessage, NewOutgoing};
use crate::ticket::Ticket;

pub(super) const TICKET_COLUMNS: &[&str] = &[
    "id",
    "status",
    "subject",
    "requester_address",
    "requester_name",
    "language",
    "source",
    "campaign_status",
    "campaign_id",
    "topic",
    "topic_chosen_by",
    "priority",
    "route",
    "missing",
    "flags",
    "triage",
    "asked",
    "offered",
    "questions",
    "campaign_by_agent",
    "rules_version",
    "linked_ticket",
    "chase_at",
    "reminded",
    "version",
    "created_at",
    "updated_at",
];

pub(super) fn ticket_values(ticket: Ticket) -> Vec<Value> {
    vec![
        ticket.id.into(),
        ticket.status.as_str().into(),
        ticket.subject.into(),
        ticket.requester_address.into(),
        ticket.requester_name.into(),
        ticket.language.into(),
        ticket.source.into(),
        rows::to_word(&ticket.campaign_status).into(),
        ticket.campaign_id.into(),
        ticket.topic.into(),
        rows::to_word(&ticket.topic_chosen_by).into(),
        ticket.priority.into(),
        ticket.route.into(),
        rows::to_json(&ticket.missing).into(),
        rows::to_json(&ticket.flags).into(),
        rows::to_json(&ticket.triage).into(),
        rows::to_json(&ticket.asked).into(),
        rows::to_json(&ticket.offered).into(),
        ticket.questions.into(),
        i64::from(ticket.campaign_by_agent).into(),
        ticket.rules_version.into(),
        ticket.linked_ticket.into(),
        ticket.chase_at.into(),
        i64::from(ticket.reminded).into(),
        ticket.version.into(),
        ticket.created_at.into(),
        ticket.updated_at.into(),
    ]
}

pub(super) const MESSAGE_COLUMNS: &[&str] = &[
    "id",
    "ticket_id",
    "submission_id",
    "direction",
    "message_id",
    "fingerprint",
    "from_address",
    "request",
    "triage",
    "body",
    "created_at",
];

pub(super) fn message_values(message: NewMessage, ticket_id: i64, now: i64) -> Vec<Value> {
    vec![
        uuid::Uuid::now_v7().to_string().into(),
        ticket_id.into(),
        message.submission_id.into(),
        rows::to_word(&message.direction).into(),
        message.message_id.into(),
        message.fingerprint.into(),
        message.from_address.into(),
        message.request.into(),
        message.triage.into(),
        message.body.into(),
        now.into(),
    ]
}

pub(super) const EVENT_COLUMNS: &[&str] = &["id", "ticket_id", "at", "actor", "what", "detail"];

pub(super) fn event_values(event: &NewEvent, ticket_id: i64, now: i64) -> Vec<Value> {
    vec![
        uuid::Uuid::now_v7().to_string().into(),
        ticket_id.into(),
        now.into(),
        event.actor.into(),
        event.what.into(),
        rows::to_json(&event.detail).into(),
    ]
}

pub(super) const OUTBOX_COLUMNS: &[&str] = &[
    "id",
    "ticket_id",
    "kind",
    "reason",
    "recipient",
    "recipient_domain",
    "recipient_mailbox",
    "message_id",
    "state",
    "due_at",
    "created_at",
    "unproven",
];

pub(super) fn outgoing_values(outgoing: NewOutgoing, ticket_id: i64, now: i64) -> Vec<Value> {
    let (domain, mailbox) = (domain(&outgoing.recipient), mailbox(&outgoing.recipient));
    vec![
        outgoing.id.into(),
        ticket_id.into(),
        rows::to_word(&outgoing.kind).into(),
        rows::to_word(&outgoing.reason).into(),
        outgoing.recipient.into(),
        domain.into(),
        mailbox.into(),
        outgoing.message_id.into(),
        rows::to_word(&outgoing.state).into(),
        now.into(),
        now.into(),
        i64::from(outgoing.unproven).into(),
    ]
}
