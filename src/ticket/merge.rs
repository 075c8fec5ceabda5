//! Two tickets of one requester made one. Pure.
//!
//! Promises: the one that stays knows what both knew, as if the messages of the younger had come onto the elder; what an
//! agent decided on either stands, that of the one that stays first. The other is closed and leads to it. Where only one of
//! them came from a proven sender, the flag of the one that stays says so: anybody may have written the other.

use super::change::Means;
use super::{ANSWERED_ELSEWHERE, INCOMPLETE, MERGED, SAME_MATTER, Status, Ticket, UNANSWERED, UNPROVEN_MERGED};
use crate::campaigns;
use crate::request::Request;
use crate::rules::ChosenBy;
use crate::triage::{self, CAMPAIGN_ID};

/// Merges `from` into `into`: both as they are then, in this order. `messages` are the customer's on each of them, in this
/// order, oldest first. Refused with the reason.
pub fn merge(
    from: &Ticket,
    into: &Ticket,
    messages: [&[Request]; 2],
    means: Means<'_>,
    now: i64,
) -> Result<(Ticket, Ticket), String> {
    if from.id == into.id {
        return Err("a ticket cannot be merged into itself".into());
    }
    for ticket in [from, into] {
        if let Some(other) = ticket.merged_into() {
            return Err(format!("ticket {} was merged into ticket {other} already", ticket.id));
        }
    }
    // Whoever may write onto the one may write onto the other from now on, and gets its answers.
    if from.requester_address != into.requester_address {
        return Err(format!("tickets {} and {} are of different requesters; make them one first", from.id, into.id));
    }
    let gone = Ticket {
        status: Status::Closed,
        flags: without(&from.flags, &[SAME_MATTER, ANSWERED_ELSEWHERE, UNANSWERED, INCOMPLETE]),
        linked_ticket: Some(into.id),
        // What it offered stays, for its one-tap answers.
        asked: vec![],
        chase_at: None,
        version: from.version + 1,
        updated_at: now,
        ..from.clone()
    };
    let gone = gone.with_flag(MERGED);
    let younger = if from.id > into.id { messages[0] } else { messages[1] };
    let kept = joined(from, into, younger, means, now);
    let flagged = from.flags.iter().any(|flag| flag == UNPROVEN_MERGED);
    match flagged || partly_proven(messages) {
        true => Ok((gone, kept.with_flag(UNPROVEN_MERGED))),
        false => Ok((gone, kept)),
    }
}

/// Whether a proven sender wrote on either ticket, and one of them was opened without proof. What came onto a ticket later
/// had to be proven.
fn partly_proven(messages: [&[Request]; 2]) -> bool {
    let proven = |request: &Request| request.authentication.passes();
    let unproven = messages.iter().filter_map(|requests| requests.first()).any(|opener| !proven(opener));
    unproven && messages.into_iter().flatten().any(proven)
}

fn joined(from: &Ticket, into: &Ticket, younger: &[Request], means: Means<'_>, now: i64) -> Ticket {
    let (elder, later) = if into.id < from.id { (into, from) } else { (from, into) };
    let mut known = elder.known();
    let by_agent = [into, from].into_iter().find(|ticket| ticket.campaign_by_agent);
    if let Some(decided) = by_agent {
        known.campaign_by_agent = true;
        known.triage.campaign = decided.triage.campaign.clone();
    }
    if let Some(decided) = [into, from].into_iter().find(|ticket| ticket.topic_chosen_by == ChosenBy::Agent) {
        known.triage.topic = decided.triage.topic.clone();
    }
    for request in younger {
        let Means { rules, directory } = means;
        let mut judged = triage::triage(request, directory, rules, Some(&known));
        let told = triage::told(request, directory, rules, Some(&known), &into.requester_address, &judged);
        judged.told = told.map(Box::new);
        known.triage = judged;
        // The first may answer what was asked on the elder, what follows what was asked on the younger.
        known.asked = if later.questions > 0 { vec![CAMPAIGN_ID.to_owned()] } else { vec![] };
        known.offered.clone_from(&later.offered);
    }
    let judged = known.triage;
    let mut ticket = Ticket {
        requester_name: into.requester_name.clone().or_else(|| from.requester_name.clone()),
        language: into.language.clone().or_else(|| from.language.clone()),
        campaign_by_agent: by_agent.is_some(),
        campaign_id: match by_agent {
            Some(decided) => decided.campaign_id.clone(),
            None => judged.campaign.id.clone().filter(|_| judged.campaign.status == campaigns::Status::Confirmed),
        },
        priority: triage::merge::priority(into.priority.clone(), &from.priority),
        // While a question is open, its number is that of its one-tap answers.
        questions: if into.asked.is_empty() { into.questions + from.questions } else { into.questions },
        version: into.version + 1,
        updated_at: now,
        ..into.clone()
    };
    ticket.priority = triage::merge::priority(ticket.priority, &judged.priority);
    if ticket.linked_ticket == Some(from.id) {
        ticket.linked_ticket = None;
        ticket.flags = without(&ticket.flags, &["linked", SAME_MATTER]);
    }
    ticket.flags = without(&ticket.flags, &[ANSWERED_ELSEWHERE]);
    // The question that is answered next may be that of either.
    if ticket.asked.is_empty() {
        (ticket.asked, ticket.offered) = (from.asked.clone(), from.offered.clone());
    }
    ticket.follow(judged);
    let over = |ticket: &Ticket| matches!(ticket.status, Status::Solved | Status::Closed);
    if over(&ticket) && !over(from) {
        ticket.status = Status::Ready;
    }
    match ticket.status == Status::Waiting || ticket.missing.is_empty() {
        true => ticket,
        false => ticket.with_flag(INCOMPLETE),
    }
}

impl Ticket {
    /// The ticket that it was merged into.
    pub fn merged_into(&self) -> Option<i64> {
        self.linked_ticket.filter(|_| self.flags.iter().any(|flag| flag == MERGED))
    }

    fn with_flag(mut self, flag: &str) -> Ticket {
        self.add_flag(flag);
        self
    }
}

fn without(flags: &[String], gone: &[&str]) -> Vec<String> {
    flags.iter().filter(|flag| !gone.contains(&flag.as_str())).cloned().collect()
}
