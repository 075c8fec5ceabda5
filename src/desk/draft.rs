//! What a judged request is to become, made while nobody waits for the store yet: the ticket as the request makes it, the
//! words of its answer, the JSON of its message.
//!
//! Never decides whether the answer goes out: that is found out while all others wait, and only picks up what lies ready here.
//! No I/O: the ticket's number and the time are arguments.

use std::borrow::Cow;

use super::answer::{self, Means};
use super::judge::Judged;
use super::place::Place;
use crate::campaigns::{self, Directory};
use crate::reply::compose::{self, Kind, Taps, Words};
use crate::reply::guard::Withheld;
use crate::reply::tap::{self, Tap};
use crate::reply::token;
use crate::request::Request;
use crate::rules::ChosenBy;
use crate::store::outbox::Reason;
use crate::store::settle::NewOutgoing;
use crate::store::submissions::Submission;
use crate::ticket::{self, ANSWERED_ELSEWHERE, INCOMPLETE, SETTLED, Status, Ticket, UNANSWERED};
use crate::triage::{Action, CAMPAIGN_ID, Triage};

/// What a judged request is to become.
#[derive(Debug)]
pub struct Draft {
    /// The ticket as the request makes it.
    pub(super) ticket: Ticket,
    /// The answer.
    pub(super) reply: Reply,
    /// The message.
    pub(super) kept: Kept,
}

/// The answer, should it go out.
#[derive(Debug)]
pub struct Reply {
    /// The question that is kept back from whoever is no contact.
    pub(super) kept: Option<(Kind, Withheld)>,
    /// The mail; `None`: none is called for.
    pub(super) wanted: Option<Wanted>,
}

/// A mail that the judgement calls for.
#[derive(Debug)]
pub struct Wanted {
    /// The words.
    pub(super) kind: Kind,
    /// Why it is sent.
    pub(super) reason: Reason,
    /// What it asks for.
    pub(super) missing: Vec<String>,
    /// The campaigns that it offers.
    pub(super) offered: Vec<String>,
    /// The mail and its language, or why it cannot be worded.
    pub(super) mail: Result<(NewOutgoing, String), Withheld>,
}

/// JSON of a message that came in.
#[derive(Debug)]
pub struct Kept {
    /// The request.
    pub(super) request: Option<String>,
    /// The judgement.
    pub(super) triage: Option<String>,
}

impl Kept {
    pub(super) fn of(request: &Request, triage: Option<&Triage>) -> Kept {
        Kept {
            request: serde_json::to_string(request).ok(),
            triage: triage.and_then(|triage| serde_json::to_string(triage).ok()),
        }
    }
}

/// Drafts what a judged request is to become.
pub fn draft(submission: &Submission, judged: &Judged, means: Means<'_>, now: i64) -> Draft {
    let ticket = match judged.before() {
        Some(before) => changed(before, judged, now),
        None => opened(submission, judged, now),
    };
    let reply = reply(judged, &ticket, means, now);
    Draft { ticket, reply, kept: Kept::of(&judged.request, Some(&judged.triage)) }
}

/// Words the answer to a judged request; `ticket` is as the request makes it.
fn reply(judged: &Judged, ticket: &Ticket, means: Means<'_>, now: i64) -> Reply {
    let (triage, kept) = tellable(judged.triage.tellable(), &ticket.requester_address, means.directory);
    let kept = kept.filter(|_| {
        ticket.status == Status::Waiting && judged.triage.missing.iter().any(|detail| detail == CAMPAIGN_ID)
    });
    let calls_for = compose::question(&triage).filter(|_| triage.action == Action::Ask);
    let kept = kept.or_else(|| beyond(&judged.triage, &triage).filter(|_| calls_for.is_none()));
    let wanted = match (calls_for, ticket.status) {
        (Some(kind), Status::Waiting) => Some((kind, Reason::Question)),
        (None, Status::Waiting | Status::Ready) if judged.is_new() && means.config.replies.acknowledge => {
            Some((Kind::Acknowledgement, Reason::Acknowledgement))
        }
        _ => None,
    };
    let wanted = wanted.map(|(kind, reason)| {
        let (words, offered) = words(judged, &triage, ticket, kind, reason, means, now);
        let mail = words.map(|words| {
            let mail = answer::outgoing(&judged.request, ticket, means, reason, means.state(), &words);
            (NewOutgoing { unproven: answer::unproven(judged, means), ..mail }, words.language)
        });
        Wanted { kind, reason, missing: triage.missing.clone(), offered, mail }
    });
    Reply { kept, wanted }
}

/// The judgement as it may be answered, and the question that is kept back. Contacts are told whether a stated ID is among
/// their campaigns; who is no contact of any is told nothing of IDs.
fn tellable<'t>(
    triage: &'t Triage,
    requester: &str,
    directory: &Directory,
) -> (Cow<'t, Triage>, Option<(Kind, Withheld)>) {
    let by_id = matches!(triage.campaign.status, campaigns::Status::UnknownId | campaigns::Status::Conflict);
    let asks = triage.missing.iter().any(|detail| detail == CAMPAIGN_ID);
    if !(by_id && asks) || directory.knows(requester) {
        return (Cow::Borrowed(triage), None);
    }
    let kept = compose::question(triage).map(|kind| {
        let reason = "whoever is no contact of an account is not told which Campaign IDs there are".to_owned();
        (kind, Withheld { code: "no_contact", reason })
    });
    let mut triage = triage.clone();
    triage.missing.retain(|detail| detail != CAMPAIGN_ID);
    (Cow::Owned(triage), kept)
}

/// The question that is not asked because what it is about lies beyond what its requester may be told.
fn beyond(triage: &Triage, told: &Triage) -> Option<(Kind, Withheld)> {
    let kind = compose::question(triage).filter(|_| triage.action == Action::Ask && told.action != Action::Ask)?;
    let reason =
        "what is missing is about another account's campaign, of which its requester is told nothing".to_owned();
    Some((kind, Withheld { code: "other_account", reason }))
}

fn words(
    judged: &Judged,
    triage: &Triage,
    ticket: &Ticket,
    kind: Kind,
    reason: Reason,
    means: Means<'_>,
    now: i64,
) -> (Result<Words, Withheld>, Vec<String>) {
    let mut facts = compose::Facts::of(
        ticket.id,
        &means.config.desk.name,
        triage,
        means.directory,
        &ticket.requester_address,
        judged.proven || judged.by_token,
    );
    // The mail goes to the contact, whoever has asked for it.
    facts.authenticated |= means.directory.knows(&ticket.requester_address);
    facts.again = ticket.questions > 0;
    // What else would leave nothing of a list that he has answered?
    facts.none_of_them = !ticket.offered.is_empty() && triage.campaign.status == campaigns::Status::NotStated;
    facts.taps =
        (reason == Reason::Question).then(|| taps(ticket, ticket.questions + 1, facts.candidates.len(), means, now));
    let words = answer::worded(kind, &facts, ticket, means);
    (words, facts.candidates.into_iter().map(|named| named.id).collect())
}

/// The one-tap answers to this question of the ticket, with so many campaigns to choose from.
pub fn taps(ticket: &Ticket, question: i64, choices: usize, means: Means<'_>, now: i64) -> Taps {
    let config = means.config;
    let token = means.keys.sign(ticket.id, &ticket.requester_address);
    let days = i64::from(config.replies.one_tap_days);
    let link = |choice| {
        let tap = Tap { ticket: ticket.id, question, choice, expires_on: tap::day(now) + days };
        format!("{}/answer/{}", config.desk.public_url, means.keys.sign_tap(&tap))
    };
    let reachable = days > 0 && config.desk.is_public();
    Taps {
        reply_to: token::plus_address(&config.desk.address, &token),
        links: if reachable { (0..=choices as i64).map(link).collect() } else { vec![] },
    }
}

fn opened(submission: &Submission, judged: &Judged, now: i64) -> Ticket {
    let Judged { request, triage, .. } = judged;
    let (linked, reused) = match judged.place {
        Place::New { linked, reused, .. } => (linked, reused),
        _ => (None, false),
    };
    let mut ticket = Ticket {
        id: submission.number,
        status: ticket::after_message(None, triage.tellable().action),
        subject: request.subject.clone(),
        requester_address: request.from.address.to_lowercase(),
        requester_name: request.from.name.clone(),
        language: request.language.clone(),
        source: submission.source.clone(),
        campaign_status: triage.campaign.status,
        campaign_id: settled_campaign(triage),
        topic: triage.topic.id.clone(),
        topic_chosen_by: triage.topic.chosen_by,
        priority: triage.priority.clone(),
        route: triage.route.clone(),
        missing: triage.missing.clone(),
        flags: triage.flags.clone(),
        triage: triage.clone(),
        asked: vec![],
        offered: vec![],
        questions: 0,
        campaign_by_agent: false,
        rules_version: judged.rules_version.clone(),
        linked_ticket: linked,
        chase_at: None,
        reminded: false,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    if reused {
        ticket.add_flag("reused_message_id");
    }
    if linked.is_some() {
        ticket.add_flag("linked");
    }
    ticket
}

fn changed(before: &Ticket, judged: &Judged, now: i64) -> Ticket {
    let triage = &judged.triage;
    // Flags of the ticket itself stay; those of the judgement are judged anew.
    let mut flags = triage.flags.clone();
    // What nobody had answered, or somebody else, is answered by the customer now; what was settled is not.
    let over = [INCOMPLETE, UNANSWERED, ANSWERED_ELSEWHERE, SETTLED];
    let stays = |flag: &&String| !before.triage.flags.contains(flag) && !over.contains(&flag.as_str());
    let own = before.flags.iter().filter(stays);
    flags.extend(own.cloned());
    flags.sort();
    flags.dedup();
    // A team is told once; only another topic brings another team.
    let moved = triage.topic.id != before.topic && triage.topic.chosen_by != ChosenBy::Agent;
    let status = ticket::after_message(Some(before.status), triage.tellable().action);
    Ticket {
        status: if judged.idle { before.status } else { status },
        language: before.language.clone().or_else(|| judged.request.language.clone()),
        campaign_status: triage.campaign.status,
        campaign_id: settled_campaign(triage),
        topic: triage.topic.id.clone(),
        topic_chosen_by: triage.topic.chosen_by,
        priority: triage.priority.clone(),
        route: if moved { triage.route.clone() } else { before.route.clone() },
        missing: triage.missing.clone(),
        flags,
        triage: triage.clone(),
        // Whoever says nothing has still to answer.
        asked: if judged.idle { before.asked.clone() } else { vec![] },
        // The next message may still correct what this one picks.
        offered: if judged.idle || !before.asked.is_empty() { before.offered.clone() } else { vec![] },
        rules_version: judged.rules_version.clone(),
        version: before.version + 1,
        updated_at: now,
        ..before.clone()
    }
}

/// Only a confirmed campaign is the ticket's campaign: nothing is guessed.
fn settled_campaign(triage: &Triage) -> Option<String> {
    triage.campaign.id.clone().filter(|_| triage.campaign.status == campaigns::Status::Confirmed)
}
