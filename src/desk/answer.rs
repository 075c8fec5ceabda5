//! The automatic answer to a request: whether it may go out, in which words, and what it makes of the ticket.
//!
//! Promises: a ticket waits only while a question of ours is on its way to the customer; whoever is not asked is handed
//! to agents as he is, and why nothing was sent stands on the ticket.

use serde_json::json;
use sha2::{Digest, Sha256};

use super::judge::Judged;
use crate::campaigns::Directory;
use crate::config::settings::{Config, Mode};
use crate::reply::compose::{self, Kind, Words};
use crate::reply::guard::{self, Budget, Question, Withheld};
use crate::reply::headers;
use crate::reply::templates::Templates;
use crate::reply::token::{self, Keys};
use crate::request::Request;
use crate::store::budgets::{Spent, domain};
use crate::store::outbox::{self, Payload, Reason, State};
use crate::store::settle::{NewEvent, NewOutgoing};
use crate::ticket::{Status, Ticket};
use crate::triage::Action;

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
}

/// What answering led to.
#[derive(Debug, Default)]
pub struct Answer {
    /// The mail, if there is one.
    pub outgoing: Option<NewOutgoing>,
    /// What happened.
    pub events: Vec<NewEvent>,
}

/// Answers a judged request and moves its ticket accordingly. Counts what it sends in `spent`.
pub fn answer(judged: &Judged, ticket: &mut Ticket, means: Means<'_>, spent: &mut Spent) -> Answer {
    let answer = ask(judged, ticket, means, spent);
    // With the agents as it is: nobody else will ask for what is missing.
    if ticket.status != Status::Waiting && !ticket.missing.is_empty() {
        add_flag(ticket, "incomplete");
    }
    answer
}

fn ask(judged: &Judged, ticket: &mut Ticket, means: Means<'_>, spent: &mut Spent) -> Answer {
    let wanted = match (judged.triage.action, ticket.status) {
        (Action::Ask, Status::Waiting) => compose::question(&judged.triage).map(|kind| (kind, Reason::Question)),
        (Action::Deliver, Status::Ready) if judged.is_new() && means.config.replies.acknowledge => {
            Some((Kind::Acknowledgement, Reason::Acknowledgement))
        }
        _ => None,
    };
    let Some((kind, reason)) = wanted else {
        hand_over(ticket);
        return Answer::default();
    };
    let facts = facts(judged, ticket, means, spent, reason == Reason::Question);
    let composed = guard::may_answer(&judged.request, &facts).and_then(|()| words(judged, ticket, kind, means));
    let (words, offered) = match composed {
        Ok(composed) => composed,
        Err(withheld) => {
            hand_over(ticket);
            metrics::counter!("deskclerk_replies_withheld_total", "reason" => withheld.code).increment(1);
            let detail = json!({ "template": kind.as_str(), "code": withheld.code, "reason": withheld.reason });
            return Answer { outgoing: None, events: vec![NewEvent { actor: "desk", what: "withheld", detail }] };
        }
    };
    let state = match means.config.replies.mode {
        Mode::Send => State::Queued,
        Mode::Draft => State::Draft,
        Mode::Shadow => State::Held,
    };
    let outgoing = outgoing(judged, ticket, means, reason, state, &words);
    if state != State::Held {
        *spent.to_address.entry(ticket.requester_address.clone()).or_default() += 1;
        *spent.to_domain.entry(domain(&ticket.requester_address)).or_default() += 1;
        spent.by_desk += 1;
    }
    let what = match (state, reason) {
        (State::Queued, Reason::Question) => "asked",
        (State::Queued, _) => "acknowledged",
        (State::Draft, _) => "drafted",
        _ => "shadowed",
    };
    if reason == Reason::Question {
        ticket.asked.clone_from(&judged.triage.missing);
        ticket.offered = offered;
        ticket.questions += 1;
        if state == State::Queued {
            spent.waiting.entry(ticket.requester_address.clone()).or_default().push(ticket.id);
        } else {
            // Nobody has been asked yet: the ticket is with the agents.
            ticket.status = Status::Ready;
        }
    }
    let detail = json!({ "template": words.template, "language": words.language, "outgoing": outgoing.id, "missing": judged.triage.missing });
    Answer { outgoing: Some(outgoing), events: vec![NewEvent { actor: "desk", what, detail }] }
}

/// To the agents, unless they have it already.
fn hand_over(ticket: &mut Ticket) {
    if ticket.status == Status::Waiting {
        ticket.status = Status::Ready;
    }
}

/// Adds a flag once.
pub fn add_flag(ticket: &mut Ticket, flag: &str) {
    if !ticket.flags.iter().any(|known| known == flag) {
        ticket.flags.push(flag.to_owned());
        ticket.flags.sort();
    }
}

fn facts(judged: &Judged, ticket: &Ticket, means: Means<'_>, spent: &Spent, question: bool) -> guard::Facts {
    let replies = &means.config.replies;
    let address = &ticket.requester_address;
    let count = |sent: Option<&u32>, most| Budget { sent: sent.copied().unwrap_or(0), most };
    let elsewhere = spent.waiting.get(address).is_some_and(|tickets| tickets.iter().any(|id| *id != ticket.id));
    let asked = u32::try_from(ticket.questions).unwrap_or(u32::MAX);
    guard::Facts {
        own_addresses: means.own_addresses.to_vec(),
        bounced: spent.bounced.contains(address),
        answerable: judged.answerable,
        require_dmarc: replies.require_dmarc,
        vouched: judged.vouched,
        to_address: count(spent.to_address.get(address), replies.per_address_per_day),
        to_domain: count(spent.to_domain.get(&domain(address)), replies.per_domain_per_hour),
        by_desk: Budget { sent: spent.by_desk, most: replies.per_desk_per_hour },
        question: question.then_some(Question {
            on_ticket: Budget { sent: asked, most: replies.questions_per_ticket },
            open: judged.unanswered,
            open_elsewhere: elsewhere,
        }),
    }
}

fn words(judged: &Judged, ticket: &Ticket, kind: Kind, means: Means<'_>) -> Result<(Words, Vec<String>), Withheld> {
    let proven = judged.request.authentication.dmarc.as_deref() == Some("pass");
    let mut facts = compose::Facts::of(
        ticket.id,
        &means.config.desk.name,
        &judged.triage,
        means.directory,
        &ticket.requester_address,
        proven || judged.by_token,
    );
    facts.again = ticket.questions > 0;
    let language = means.templates.language(ticket.language.as_deref(), &means.config.desk.language);
    let words = compose::compose(kind, &facts, means.templates, language)
        .map_err(|fault| Withheld { code: "template", reason: fault.to_string() })?;
    Ok((words, facts.candidates.into_iter().map(|named| named.id).collect()))
}

fn outgoing(
    judged: &Judged,
    ticket: &Ticket,
    means: Means<'_>,
    reason: Reason,
    state: State,
    words: &Words,
) -> NewOutgoing {
    let desk = &means.config.desk;
    let token = means.keys.sign(ticket.id, &ticket.requester_address);
    let thread = headers::thread(&judged.request);
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
pub fn unanswered(request: &Request, before: &Ticket, triage: &crate::triage::Triage) -> bool {
    request.automated.is_none()
        && !before.asked.is_empty()
        && before.missing == triage.missing
        && before.campaign_status == triage.campaign.status
        && before.triage.campaign.ids == triage.campaign.ids
        && before.triage.campaign.candidates == triage.campaign.candidates
}
