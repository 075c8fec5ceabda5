//! What a judged request makes of its ticket: a new one, or a change of the one it belongs to.
//!
//! Pure: the numbers, the times and the store's counts are arguments. What an agent decided is never overturned.

use serde_json::json;

use super::answer::sent;
use super::answer::{self, Answer, Means};
use super::draft::{Draft, Kept};
use super::notice::{self, Changed};
use super::place::{self, Bounced, Place};
use super::stage::Stage;
use super::{team, waiting};
use crate::request::{Automated, AutomatedKind, Request, screening};
use crate::rules::Rules;
use crate::store::budgets::Spent;
use crate::store::outbox::{Reason, State};
use crate::store::settle::{Effect, NewEvent, NewMessage, NewOutgoing, OnTicket, Settlement};
use crate::store::submissions::{Kind, Outcome, Submission};
use crate::store::tickets::Direction;
use crate::ticket::{ANSWERED_ELSEWHERE, INCOMPLETE, Status, Ticket};
use crate::triage::{CAMPAIGN_ID, Triage};

/// A request with its judgement.
#[derive(Debug)]
pub struct Judged {
    /// The request.
    pub request: Request,
    /// Identity of its content.
    pub fingerprint: String,
    /// Where it belongs: [`Place::On`] or [`Place::New`].
    pub place: Place,
    /// The judgement.
    pub triage: Triage,
    /// The version of the rules that judged.
    pub rules_version: String,
    /// The sender is proven by a token.
    pub by_token: bool,
    /// The sender is authenticated by the trusted server.
    pub proven: bool,
    /// It came as a mail.
    pub by_mail: bool,
    /// Not older than the door's baseline.
    pub answerable: bool,
    /// The message left our question as open as it was.
    pub unanswered: bool,
    /// It asks back where the ID is to be found that our first question asked for, or cannot know it: that is told once more.
    pub asks_where: bool,
    /// While our question is open, it says that the matter is settled, and does not answer.
    pub settled: bool,
    /// It says nothing: thanks for a ticket that is done with; while our question is open, "ok", that he will look, or is away.
    pub idle: bool,
}

impl Judged {
    /// Puts the parts together.
    pub fn new(
        submission: &Submission,
        request: Request,
        fingerprint: String,
        place: Place,
        triage: Triage,
        rules: &Rules,
    ) -> Judged {
        let by_token = matches!(place, Place::On { by_token: true, .. });
        let (unanswered, asks_where, settled, idle) = match &place {
            Place::On { ticket, .. } => {
                let unanswered = answer::unanswered(&request, ticket, &triage);
                // Reading a text for its thanks costs as much as judging it: only where that decides something.
                let done_with = matches!(ticket.status, Status::Solved | Status::Closed);
                let waits = unanswered && ticket.status == Status::Waiting;
                let name = request.from.name.as_deref();
                let settled = unanswered && !done_with && rules.answers.settled(&request.text, name);
                let thanks = || rules.answers.only_thanks(&request.text, name);
                let puts_off = || waits && rules.answers.puts_off(&request.text, name);
                let asked = ticket.questions == 1 && ticket.asked.iter().any(|detail| detail == CAMPAIGN_ID);
                // Of a list he has seen all there is.
                let cannot = || ticket.offered.is_empty() && rules.answers.cannot_say(&request.text);
                let asks_where = waits && asked && (screening::asks_where(&request.text, &rules.reading) || cannot());
                let away = || waits && screening::says_only_away(&request.text, &rules.reading);
                let idle = (done_with || waits)
                    && !settled
                    && request.attachments.is_empty()
                    && (thanks() || puts_off() || away());
                (unanswered, asks_where && !idle, settled, idle)
            }
            _ => (false, false, false, false),
        };
        Judged {
            by_token,
            proven: request.authentication.passes(),
            by_mail: submission.kind == Kind::Mail,
            answerable: submission.answerable,
            unanswered,
            asks_where,
            settled,
            idle,
            rules_version: rules.version.clone(),
            request,
            fingerprint,
            place,
            triage,
        }
    }

    /// Itself, unless it came through a list and says nothing of what was asked, or what a machine says: then a note.
    pub(super) fn unless_noted(mut self, listed: Option<Automated>, rules: &Rules) -> Result<Judged, Stage> {
        let (Some(listed), Place::On { ticket, .. }) = (listed, &self.place) else { return Ok(self) };
        let machine = screening::titled_automatic(&self.request.subject, &rules.reading)
            || screening::says_only_away(&self.request.text, &rules.reading);
        if !(self.unanswered || machine) {
            return Ok(self);
        }
        let note = Place::Note { ticket: ticket.clone(), bounced: None };
        self.request.automated = Some(listed);
        Err(Stage::Placed(Box::new(self.request), self.fingerprint, note))
    }

    /// Whether it opens a ticket.
    pub fn is_new(&self) -> bool {
        matches!(self.place, Place::New { .. })
    }

    /// The ticket that it belongs to, as it was judged with.
    pub fn before(&self) -> Option<&Ticket> {
        match &self.place {
            Place::On { ticket, .. } => Some(ticket),
            _ => None,
        }
    }

    /// The ticket that it seems to answer from elsewhere.
    pub fn answers(&self) -> Option<i64> {
        match &self.place {
            Place::New { answers: Some(ticket), .. } => Some(ticket.id),
            _ => None,
        }
    }
}

/// Lets what came through a list be judged as a person's mail that is not answered. Gives back the verdict.
pub(super) fn as_a_persons(request: &mut Request) -> Option<Automated> {
    let listed = request.automated.take()?;
    request.no_reply.get_or_insert_with(|| listed.because.clone());
    Some(listed)
}

/// Settles a judged request.
pub fn settle(
    submission: &Submission,
    judged: &Judged,
    draft: Draft,
    means: Means<'_>,
    spent: &mut Spent,
    now: i64,
) -> Settlement {
    let before = judged.before();
    let Draft { mut ticket, reply, kept } = draft;
    // Who writes from an address has it, whatever came back from there before.
    let address = judged.request.from.address.to_lowercase();
    let alive =
        (judged.by_mail && (judged.proven || judged.by_token) && spent.bounced.remove(&address)).then_some(address);
    let Answer { outgoing, events: answered } = answer::answer(judged, reply, &mut ticket, means, spent, now);
    let mut events = vec![arrival(submission, judged, before)];
    events.extend(answered);
    if let Some(before) = before.filter(|before| before.status != ticket.status) {
        let detail = json!({ "from": before.status, "to": ticket.status });
        events.push(NewEvent { actor: "desk", what: "status", detail });
    }
    let mut messages = vec![incoming(submission, &judged.request, &judged.fingerprint, kept)];
    messages.extend(outgoing.iter().filter(|row| row.state == State::Queued).map(|row| sent(row, means.config)));
    let mut rows: Vec<NewOutgoing> = outgoing.into_iter().collect();
    let became_ready = ticket.status == Status::Ready && before.is_none_or(|before| before.status != Status::Ready);
    if became_ready {
        rows.extend(team::outgoing(&ticket, &judged.request, means));
    }
    let message = Some((&judged.request, submission.id.as_str()));
    rows.extend(notice::outgoing(
        Changed { before, after: &ticket, message, reply: None, actor: "customer" },
        means,
        now,
    ));
    let asks = rows.iter().any(|row| row.reason == Reason::Question);
    let effect = Effect {
        ticket_id: Some(ticket.id),
        // Answered before it was asked, settled, or to be asked otherwise.
        withdraw: before.is_some_and(|before| asks || judged.settled || answered_all(before, &ticket)),
        ticket: match before {
            Some(before) => OnTicket::Change(Box::new(ticket), before.version),
            None => OnTicket::Open(Box::new(ticket)),
        },
        messages,
        events,
        outgoing: rows,
        bounced: None,
        alive,
    };
    let beside = match &judged.place {
        Place::New { answers: Some(other), .. } => {
            let mut effect = waiting::handed_over(other, ANSWERED_ELSEWHERE, &judged.request, means, now);
            let detail = json!({ "ticket": submission.number });
            effect.events.push(NewEvent { actor: "desk", what: "linked", detail });
            Some(effect)
        }
        _ => None,
    };
    let outcome = if before.is_some() { Outcome::Appended } else { Outcome::Ticket };
    let wanted = judged.request.attachments.iter().zip(0..).filter(|(file, _)| file.dropped.is_none());
    let fetches = wanted.filter_map(|(file, at)| Some((at, file.url.clone()?)));
    Settlement {
        submission: submission.id.clone(),
        outcome,
        because: None,
        effect,
        beside,
        thread: place::thread(&judged.request).filter(|_| judged.is_new()),
        fetches: fetches.collect(),
    }
}

/// Whether nothing is left to ask for on a ticket that lacked something.
fn answered_all(before: &Ticket, after: &Ticket) -> bool {
    let left_waiting = before.status == Status::Waiting && after.status != Status::Waiting;
    left_waiting || (after.missing.is_empty() && !before.missing.is_empty())
}

/// Keeps an automated message on the ticket that it is about. Its status moves only when our mail came back: then
/// nobody will answer our question.
pub fn note(
    submission: &Submission,
    request: &Request,
    fingerprint: &str,
    before: &Ticket,
    bounced: Option<&Bounced>,
    means: Means<'_>,
    now: i64,
) -> Settlement {
    let automated = request.automated.as_ref();
    let because = automated.map_or_else(String::new, |automated| automated.because.clone());
    let what = match automated.map(|automated| automated.kind) {
        Some(AutomatedKind::Bounce) => "bounced",
        Some(AutomatedKind::Report) => "report",
        Some(AutomatedKind::Bulk) => "bulk",
        _ => "auto_reply",
    };
    let detail = json!({
        "because": because,
        "address": bounced.map(|bounced| &bounced.address),
        "status": request.bounce.as_ref().and_then(|bounce| bounce.status.as_ref()),
    });
    let mut events = vec![NewEvent { actor: "desk", what, detail }];
    let mut change = OnTicket::Nothing;
    let mut outgoing = vec![];
    if bounced.is_some() {
        let mut ticket = Ticket { version: before.version + 1, updated_at: now, ..before.clone() };
        ticket.add_flag("bounced");
        if ticket.status == Status::Waiting {
            ticket.hand_over();
            if !ticket.missing.is_empty() {
                ticket.add_flag(INCOMPLETE);
            }
            let detail = json!({ "from": before.status, "to": ticket.status });
            events.push(NewEvent { actor: "desk", what: "status", detail });
            outgoing.extend(team::outgoing(&ticket, request, means));
        }
        let changed = Changed { before: Some(before), after: &ticket, message: None, reply: None, actor: "desk" };
        outgoing.extend(notice::outgoing(changed, means, now));
        change = OnTicket::Change(Box::new(ticket), before.version);
    }
    let effect = Effect {
        ticket_id: Some(before.id),
        withdraw: bounced.is_some(),
        ticket: change,
        messages: vec![incoming(submission, request, fingerprint, Kept::of(request, None))],
        events,
        outgoing,
        bounced: bounced
            .filter(|bounced| bounced.for_good)
            .map(|bounced| (bounced.address.clone(), bounced.status.clone())),
        alive: None,
    };
    let because = Some(format!("{what}: {because}"));
    ended(submission, Outcome::Appended, because, effect)
}

/// An end without ticket.
pub fn nowhere(submission: &Submission, outcome: Outcome, because: String, ticket_id: Option<i64>) -> Settlement {
    let effect = Effect {
        ticket_id,
        ticket: OnTicket::Nothing,
        withdraw: false,
        messages: vec![],
        events: vec![],
        outgoing: vec![],
        bounced: None,
        alive: None,
    };
    ended(submission, outcome, Some(because), effect)
}

fn ended(submission: &Submission, outcome: Outcome, because: Option<String>, effect: Effect) -> Settlement {
    let submission = submission.id.clone();
    Settlement { submission, outcome, because, effect, beside: None, thread: None, fetches: vec![] }
}

fn arrival(submission: &Submission, judged: &Judged, before: Option<&Ticket>) -> NewEvent {
    let triage = &judged.triage;
    let mut detail = json!({
        "campaign": triage.campaign.status,
        "topic": triage.topic.id,
        "missing": triage.missing,
    });
    if let Place::New { linked: Some(linked), .. } = judged.place {
        detail["linked"] = linked.into();
    }
    if let Some(by) = &submission.envelope.persons_by {
        detail["made_by"] = by.as_str().into();
    }
    if before.is_some() {
        let by = match judged.by_token {
            true => "token",
            false if place::thread(&judged.request).is_some() => "external_id",
            false => "authentication",
        };
        detail["proven_by"] = by.into();
    }
    NewEvent { actor: "customer", what: if before.is_some() { "answered" } else { "created" }, detail }
}

fn incoming(submission: &Submission, request: &Request, fingerprint: &str, kept: Kept) -> NewMessage {
    NewMessage {
        submission_id: Some(submission.id.clone()),
        direction: Direction::In,
        message_id: request.message_id.clone(),
        fingerprint: Some(fingerprint.to_owned()),
        from_address: request.from.address.to_lowercase(),
        request: kept.request,
        triage: kept.triage,
        body: None,
    }
}
