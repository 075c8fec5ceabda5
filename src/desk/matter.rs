//! Two mails of one customer about one thing, before the first was answered: they are offered to the agents as one, and an
//! answer that comes as a new mail is read in the light of the question.
//!
//! Never puts a mail on the ticket of another: without a token or a reference it opens its own, linked. Whose question it
//! answers is seen only where the sender is proven.

use super::judge::Judged;
use super::place::Place;
use crate::campaigns::Directory;
use crate::reply::freemail;
use crate::request::Request;
use crate::request::evidence::Evidence;
use crate::rules::{ChosenBy, OTHER, Rules};
use crate::store::budgets::{self, Pending, Spent};
use crate::ticket::{SAME_MATTER, Ticket};
use crate::triage::{self, DESCRIPTION, Triage};

/// Words of an answer that holds no more than what was asked for.
const SHORT: usize = 6;

/// A second mail about the same thing is linked to the first, and flagged.
pub fn offer_as_one(judged: &Judged, ticket: &mut Ticket, spent: &Spent) {
    let this = Pending::of(ticket);
    let pending = spent.pending.get(&ticket.requester_address).into_iter().flatten();
    let same = |other: &&Pending| other.same_matter(&this) || judged.proven && judged.answers() == Some(other.id);
    if let Some(other) = pending.filter(same).min_by_key(|other| other.id) {
        if ticket.linked_ticket.is_none() {
            ticket.linked_ticket = Some(other.id);
        }
        if ticket.linked_ticket == Some(other.id) {
            ticket.add_flag(SAME_MATTER);
        }
    }
}

/// The place and the judgement of a new mail whose sender has a question open that it answers: it has no matter of its own,
/// or that of the ticket that waits. Else both as they are.
pub fn answered(
    place: Place,
    alone: Triage,
    request: &Request,
    directory: &Directory,
    rules: &Rules,
) -> (Place, Triage) {
    let Place::New { linked, answers, mut open, reused } = place else { return (place, alone) };
    if linked.is_some() {
        let answers =
            answers.or_else(|| open.pop().filter(|ticket| is_colleague(request, ticket, directory)).map(Box::new));
        return (Place::New { linked, answers, open: vec![], reused }, alone);
    }
    let refers = || rules.answers.refers(&request.text);
    let undescribed = alone.missing.iter().any(|detail| detail == DESCRIPTION);
    let only_answers = || alone.topic.id == OTHER && is_short(&request.text) || has_no_topic(&alone) && refers();
    let bare = open.len() == 1 && (undescribed || only_answers());
    let found = open.iter().enumerate().filter(|(_, ticket)| bare || same_matter(request, &alone, ticket));
    let mut found = found.filter_map(|(at, ticket)| Some((at, in_light_of(ticket, request, directory, rules)?)));
    let Some((at, read)) = found.next() else {
        return (Place::New { linked, answers, open: vec![], reused }, alone);
    };
    let ticket = open.swap_remove(at);
    (Place::New { linked: Some(ticket.id), answers: Some(Box::new(ticket)), open: vec![], reused }, read)
}

/// Whether the sender, who is proven, is a contact and has an address of the requester's domain: what he writes under the
/// number of that ticket is for people to see to.
fn is_colleague(request: &Request, ticket: &Ticket, directory: &Directory) -> bool {
    let own = budgets::domain(&request.from.address);
    own == budgets::domain(&ticket.requester_address)
        && freemail::weight(&own) == 1
        && directory.knows(&request.from.address.to_lowercase())
}

/// "20417", "It is the second one, thanks": no request of its own has so few words.
fn is_short(text: &str) -> bool {
    text.split_whitespace().nth(SHORT).is_none()
}

/// Whether no rule speaks for its topic but how words lean.
fn has_no_topic(alone: &Triage) -> bool {
    let leaning = |found: &Evidence| found.weight <= 0.0 || found.rule.ends_with(".leaning");
    alone.topic.id == OTHER || alone.topic.chosen_by == ChosenBy::Rules && alone.topic.evidence.iter().all(leaning)
}

fn same_matter(request: &Request, alone: &Triage, waiting: &Ticket) -> bool {
    let there = Pending::of(waiting);
    let campaigns = budgets::campaigns(alone);
    // Words that hold no more than what was asked for are of no topic: it is that of the subject.
    let topic = if alone.topic.id == OTHER { &there.topic } else { &alone.topic.id };
    let here = Pending { topic: topic.clone(), subject: request.subject.clone(), campaigns, ..there.clone() };
    let among = !alone.campaign.ids.is_empty() && alone.campaign.ids.iter().all(|id| there.campaigns.contains(id));
    here.same_matter(&there) || among && here.topic == there.topic
}

/// The judgement with what the ticket knows; `None`: it gives nothing that the ticket's question asked for.
fn in_light_of(ticket: &Ticket, request: &Request, directory: &Directory, rules: &Rules) -> Option<Triage> {
    let known = ticket.known();
    let mut read = triage::triage(request, directory, rules, Some(&known));
    let told = triage::told(request, directory, rules, Some(&known), &ticket.requester_address, &read);
    read.told = told.map(Box::new);
    let lacks = |triage: &Triage, detail: &String| triage.missing.contains(detail);
    let gives = ticket.asked.iter().any(|detail| !lacks(read.tellable(), detail));
    let all_else = read.missing.iter().all(|detail| lacks(&ticket.triage, detail));
    (gives && all_else).then_some(read)
}
