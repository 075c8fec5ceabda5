//! The automatic answer to a request: whether it may go out, in which words, and what it makes of the ticket.
//!
//! Promises: a ticket waits only while a question of ours is on its way to the customer; whoever is not asked is handed
//! to agents as he is, and why nothing was sent stands on the ticket.

use std::collections::BTreeSet;

use serde_json::json;
use sha2::{Digest, Sha256};

use super::draft::{Reply, Wanted};
use super::judge::Judged;
use super::matter;
use crate::campaigns::{Candidate, Directory};
use crate::config::hours::Hours;
use crate::config::settings::{Config, Mode};
use crate::reply::compose::{self, Kind, Words};
use crate::reply::guard::{self, Budget, Question, Withheld};
use crate::reply::tap::{self, Tap};
use crate::reply::templates::Templates;
use crate::reply::token::{self, Keys};
use crate::reply::{freemail, headers};
use crate::request::Request;
use crate::store::budgets::{Counts, Pending, Spent, domain, mailbox};
use crate::store::outbox::{self, Payload, Reason, State};
use crate::store::settle::{NewEvent, NewMessage, NewOutgoing};
use crate::store::tickets::Direction;
use crate::ticket::{INCOMPLETE, SAME_MATTER, SETTLED, Status, Ticket};
use crate::triage::Triage;

/// What answering needs beside the judgement.
#[derive(Debug, Clone, Copy)]
pub struct Means<'a> {
    /// The settings.
    pub config: &'a Config,
    /// The words.
    pub templates: &'a Templates,
    /// What signs reply tokens.
    pub keys: &'a Keys,
    /// The campaigns.
    pub directory: &'a Directory,
    /// The desk's own addresses, lower case.
    pub own_addresses: &'a [String],
    /// When the desk is open.
    pub hours: &'a Hours,
}

impl Means<'_> {
    /// When the desk acts on a ticket that waits from `now` on, and whether there is nothing to remind of then.
    pub fn chase(&self, now: i64) -> (Option<i64>, bool) {
        let (reminder, hand_over) = (self.config.replies.reminder_days, self.config.replies.hand_over_days);
        match (reminder, hand_over) {
            (0, 0) => (None, true),
            (0, days) => (Some(self.hours.after(now, days)), true),
            (days, _) => (Some(self.hours.after(now, days)), false),
        }
    }

    /// What becomes of a composed reply.
    pub fn state(&self) -> State {
        match self.config.replies.mode {
            Mode::Send => State::Queued,
            Mode::Draft => State::Draft,
            Mode::Shadow => State::Held,
        }
    }
}

/// What answering led to.
#[derive(Debug, Default)]
pub struct Answer {
    /// The mail, if there is one.
    pub outgoing: Option<NewOutgoing>,
    /// What happened.
    pub events: Vec<NewEvent>,
}

/// Whether the answer counts in the budgets of senders who are not proven. Whoever posts, by the form or a partner's webhook,
/// may type anybody's address; of mail all are counted as one where nobody can be proven.
pub fn unproven(judged: &Judged, means: Means<'_>) -> bool {
    !(judged.proven || judged.by_token) && (!judged.by_mail || means.config.desk.proves_senders())
}

/// Answers a judged request and moves its ticket accordingly. Counts what it sends in `spent`.
pub fn answer(
    judged: &Judged,
    reply: Reply,
    ticket: &mut Ticket,
    means: Means<'_>,
    spent: &mut Spent,
    now: i64,
) -> Answer {
    if judged.is_new() {
        matter::offer_as_one(judged, ticket, spent);
    }
    let answer = match judged.idle {
        true => Answer::default(),
        false => ask(judged, reply, ticket, means, spent, now),
    };
    let pending = spent.pending.entry(ticket.requester_address.clone()).or_default();
    pending.retain(|other| other.id != ticket.id);
    pending.push(Pending::of(ticket));
    if ticket.status != Status::Waiting {
        ticket.chase_at = None;
        // With the agents as it is: nobody else will ask for what is missing.
        if !ticket.missing.is_empty() {
            ticket.add_flag(INCOMPLETE);
        }
        if judged.settled {
            ticket.add_flag(SETTLED);
        }
    }
    answer
}

fn ask(judged: &Judged, reply: Reply, ticket: &mut Ticket, means: Means<'_>, spent: &mut Spent, now: i64) -> Answer {
    let mut events: Vec<NewEvent> =
        reply.kept.map(|(kind, kept)| withheld_event(kind, &kept, spent)).into_iter().collect();
    let Some(Wanted { kind, reason, missing, offered, mail }) = reply.wanted else {
        ticket.hand_over();
        return Answer { outgoing: None, events };
    };
    if reason != Reason::Question {
        ticket.hand_over();
    }
    let question = question(judged, ticket, means, spent).filter(|_| reason == Reason::Question);
    let unproven = unproven(judged, means);
    let mut facts = guard::Facts {
        answerable: judged.answerable,
        require_dmarc: judged.by_mail && means.config.requires_dmarc(),
        by_token: judged.by_token,
        question,
        ..facts(&ticket.requester_address, unproven, means, spent)
    };
    // One mail a day is all that he can have sent to an address that he types; an acknowledgement is one, too.
    if !judged.by_mail {
        facts.to_address.most = facts.to_address.most.min(1);
    }
    let (outgoing, language) = match guard::may_answer(&judged.request, &facts).and(mail) {
        Ok(mail) => mail,
        Err(withheld) => {
            ticket.hand_over();
            events.push(withheld_event(kind, &withheld, spent));
            return Answer { outgoing: None, events };
        }
    };
    let state = outgoing.state;
    count(spent.of_mut(unproven), &ticket.requester_address, state);
    let what = match (state, reason) {
        (State::Queued, Reason::Question) => "asked",
        (State::Queued, _) => "acknowledged",
        (State::Draft, _) => "drafted",
        _ => "shadowed",
    };
    if reason == Reason::Question {
        ticket.asked.clone_from(&missing);
        ticket.offered = offered;
        ticket.questions += 1;
        if state == State::Queued {
            (ticket.chase_at, ticket.reminded) = means.chase(now);
        } else {
            // Nobody has been asked yet: the ticket is with the agents.
            ticket.status = Status::Ready;
        }
    }
    if state == State::Held {
        metrics::counter!("deskclerk_replies_withheld_total", "reason" => "shadow").increment(1);
    }
    let template = &outgoing.payload.template;
    let detail = json!({ "template": template, "language": language, "outgoing": outgoing.id, "missing": missing });
    events.push(NewEvent { actor: "desk", what, detail });
    Answer { outgoing: Some(outgoing), events }
}

/// Counts what goes out now: neither a draft nor what is only recorded.
pub fn count(spent: &mut Counts, address: &str, state: State) {
    if state == State::Queued {
        *spent.to_mailbox.entry(mailbox(address)).or_default() += 1;
        *spent.to_domain.entry(domain(address)).or_default() += 1;
        spent.by_desk += 1;
    }
}

/// Why nothing is sent, on the ticket and in the metrics. A spent budget of the whole desk trips the breaker.
pub fn withheld_event(kind: Kind, withheld: &Withheld, spent: &mut Spent) -> NewEvent {
    spent.overrun |= withheld.code == "budget_desk";
    metrics::counter!("deskclerk_replies_withheld_total", "reason" => withheld.code).increment(1);
    let detail = json!({ "template": kind.as_str(), "code": withheld.code, "reason": withheld.reason });
    NewEvent { actor: "desk", what: "withheld", detail }
}

/// What the guard must know of an address, whatever was written. Who is not `proven` has a budget of his own.
pub fn facts(address: &str, unproven: bool, means: Means<'_>, spent: &Spent) -> guard::Facts {
    let replies = &means.config.replies;
    let count = |sent: Option<&u32>, most| Budget { sent: sent.copied().unwrap_or(0), most };
    let domain = domain(address);
    let counts = spent.of(unproven);
    // Of the desk's budget he may have half, and spending it trips nothing.
    let by_desk = if unproven { replies.per_desk_per_hour.div_ceil(2) } else { replies.per_desk_per_hour };
    guard::Facts {
        own_addresses: means.own_addresses.to_vec(),
        bounced: spent.bounced.contains(address),
        answerable: true,
        require_dmarc: false,
        by_token: false,
        posted: false,
        to_address: count(counts.to_mailbox.get(&mailbox(address)), replies.per_address_per_day),
        to_domain: count(
            counts.to_domain.get(&domain),
            replies.per_domain_per_hour.saturating_mul(freemail::weight(&domain)),
        ),
        by_desk: Budget { sent: counts.by_desk, most: by_desk },
        unproven,
        held: spent.held,
        question: None,
    }
}

fn question(judged: &Judged, ticket: &Ticket, means: Means<'_>, spent: &Spent) -> Option<Question> {
    let pending = spent.pending.get(&ticket.requester_address).into_iter().flatten();
    let others: Vec<&Pending> = pending.filter(|other| other.id != ticket.id).collect();
    let same = ticket.linked_ticket.filter(|_| ticket.flags.iter().any(|flag| flag == SAME_MATTER));
    let asked = u32::try_from(ticket.questions).unwrap_or(u32::MAX);
    Some(Question {
        on_ticket: Budget { sent: asked, most: means.config.replies.questions_per_ticket },
        // Whoever asks back gets his answer.
        open: judged.unanswered && !judged.asks_where,
        settled: judged.settled,
        answers: judged.answers(),
        // One that nobody was asked about saves nobody a question.
        same_matter: same.filter(|id| others.iter().any(|other| other.id == *id && other.asked)),
        open_elsewhere: others.iter().any(|other| other.waits),
    })
}

/// Words a mail in the ticket's language.
pub fn worded(kind: Kind, facts: &compose::Facts, ticket: &Ticket, means: Means<'_>) -> Result<Words, Withheld> {
    let language = means.templates.language(ticket.language.as_deref(), &means.config.desk.language);
    compose::compose(kind, facts, means.templates, language)
        .map_err(|fault| Withheld { code: "template", reason: fault.to_string() })
}

/// Lets the one-tap answers of a draft be good as long as those of a mail that is composed now.
pub fn renew_taps(payload: &mut Payload, means: Means<'_>, now: i64) {
    let before = format!("{}/answer/", means.config.desk.public_url);
    let expires_on = tap::day(now) + i64::from(means.config.replies.one_tap_days);
    let renew = |words: &mut String| {
        let mut parts = words.split(before.as_str());
        let mut out = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let end = part.find(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).unwrap_or(part.len());
            let (text, rest) = part.split_at(end);
            let tap = means.keys.read_tap(text).map(|tap| means.keys.sign_tap(&Tap { expires_on, ..tap }));
            out.extend([before.as_str(), tap.as_deref().unwrap_or(text), rest]);
        }
        *words = out;
    };
    renew(&mut payload.text);
    payload.html.iter_mut().for_each(renew);
}

/// The outbox row of a reply to the requester of this ticket, threaded to this request.
pub fn outgoing(
    request: &Request,
    ticket: &Ticket,
    means: Means<'_>,
    reason: Reason,
    state: State,
    words: &Words,
) -> NewOutgoing {
    let desk = &means.config.desk;
    let token = means.keys.sign(ticket.id, &ticket.requester_address);
    let thread = headers::thread(request);
    let (id, message_id) = identity(&token, &desk.address);
    NewOutgoing {
        id,
        kind: outbox::Kind::Mail,
        reason,
        recipient: ticket.requester_address.clone(),
        message_id,
        payload: Payload {
            template: Some(words.template.to_owned()),
            from: sender(means.config),
            to: ticket.requester_address.clone(),
            reply_to: Some(token::plus_address(&desk.address, &token)),
            subject: words.subject.clone(),
            text: words.text.clone(),
            html: Some(words.html.clone()),
            in_reply_to: thread.in_reply_to,
            references: thread.references,
            headers: headers::automatic(&desk.address),
        },
        state,
        unproven: false,
    }
}

/// What goes out, as a message of its ticket.
pub fn sent(row: &NewOutgoing, config: &Config) -> NewMessage {
    NewMessage {
        submission_id: None,
        direction: Direction::Out,
        message_id: Some(row.message_id.clone()),
        fingerprint: None,
        from_address: config.desk.address.to_lowercase(),
        request: None,
        triage: None,
        body: Some(row.payload.text.clone()),
    }
}

/// A new outbox id, and the Message-ID made of it for ever.
pub fn identity(token: &str, desk_address: &str) -> (String, String) {
    let id = uuid::Uuid::now_v7().to_string();
    let unique = hex::encode(&Sha256::digest(&id)[..8]);
    let message_id = token::message_id(token, &unique, &domain(desk_address));
    (id, message_id)
}

/// The `From` of this desk.
pub fn sender(config: &Config) -> String {
    let name: String = config.desk.name.chars().filter(|c| !c.is_control()).collect();
    format!("\"{}\" <{}>", name.replace('\\', "\\\\").replace('"', "\\\""), config.desk.address)
}

/// Whether the answer to our question left everything as it was.
pub fn unanswered(request: &Request, before: &Ticket, triage: &Triage) -> bool {
    let (old, new) = (before.triage.tellable(), triage.tellable());
    request.automated.is_none()
        && !before.asked.is_empty()
        && old.missing == new.missing
        && old.campaign.status == new.campaign.status
        && old.campaign.ids == new.campaign.ids
        && ids(&old.campaign.candidates) == ids(&new.campaign.candidates)
}

/// Which campaigns these are: how well each fits changes with every wording.
fn ids(candidates: &[Candidate]) -> BTreeSet<&str> {
    candidates.iter().map(|candidate| candidate.id.as_str()).collect()
}
