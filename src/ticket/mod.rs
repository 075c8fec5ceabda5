//! Tickets: the lasting record of a request, and the moves it allows. Pure: knows neither store nor clock.
//!
//! Promises: a ticket is in exactly one status, and only the moves of [`Status::may_become`] are made by people;
//! what a customer's message does to a status is [`after_message`], the same for every door.

pub mod change;
pub mod merge;

use serde::{Deserialize, Serialize};

use crate::campaigns;
use crate::request::{Mailbox, Request, address};
use crate::triage::{Action, Known, Triage};

/// Where a ticket stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// For the customer: a question is open.
    Waiting,
    /// For the agents.
    Ready,
    /// An agent works on it.
    Open,
    /// Answered; the next message of the customer makes it ready again.
    Solved,
    /// Laid away; the next message of the customer makes it ready again.
    Closed,
}

impl Status {
    /// All statuses, in the order of a ticket's life.
    pub const ALL: [Status; 5] = [Status::Waiting, Status::Ready, Status::Open, Status::Solved, Status::Closed];

    /// The word for it in SQL, JSON and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Waiting => "waiting",
            Status::Ready => "ready",
            Status::Open => "open",
            Status::Solved => "solved",
            Status::Closed => "closed",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Status> {
        Status::ALL.into_iter().find(|status| status.as_str() == word)
    }

    /// Whether an agent may move a ticket so. `waiting` is never set by hand: it means that a question went out.
    pub fn may_become(self, next: Status) -> bool {
        self != next && next != Status::Waiting
    }
}

/// The flag of a ticket that agents get although something is missing.
pub const INCOMPLETE: &str = "incomplete";
/// The flag of a ticket that agents get because our question stayed unanswered; gone when the customer writes after all.
pub const UNANSWERED: &str = "unanswered";
/// The flag of a ticket that agents get because its question could not be delivered.
pub const UNDELIVERED: &str = "undelivered";
/// As [`UNANSWERED`], because another ticket seems to be the answer to our question.
pub const ANSWERED_ELSEWHERE: &str = "answered_elsewhere";
/// The flag of a ticket that agents get because the customer answers that his matter is settled.
pub const SETTLED: &str = "settled";
/// The flag of a ticket that seems to be about the same thing as the one it is linked to.
pub const SAME_MATTER: &str = "same_matter";
/// The flag of a ticket whose messages stand on the one that it is linked to.
pub const MERGED: &str = "merged";

/// The flag of a ticket that another one was merged with, where one of the two had come from a proven sender and the other
/// had not.
pub const UNPROVEN_MERGED: &str = "unproven_merged";

/// A ticket, whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ticket {
    /// Its number.
    pub id: i64,
    /// Where it stands.
    pub status: Status,
    /// The subject of the message that opened it.
    pub subject: String,
    /// The requester's address, lower case.
    pub requester_address: String,
    /// The requester's name.
    pub requester_name: Option<String>,
    /// The language that the requester writes (ISO 639-1).
    pub language: Option<String>,
    /// The door it came in by.
    pub source: String,
    /// How sure the desk is of the campaign.
    pub campaign_status: campaigns::Status,
    /// The campaign, once it is known.
    pub campaign_id: Option<String>,
    /// The help topic's id.
    pub topic: String,
    /// Who chose it.
    pub topic_chosen_by: crate::rules::ChosenBy,
    /// `low`, `normal`, `high` or `urgent`.
    pub priority: String,
    /// The team.
    pub route: String,
    /// What is still missing.
    pub missing: Vec<String>,
    /// Flags for agents.
    pub flags: Vec<String>,
    /// The latest judgement.
    pub triage: Triage,
    /// What the open question asked for.
    pub asked: Vec<String>,
    /// The campaign ids that it offered.
    pub offered: Vec<String>,
    /// How many questions went out.
    pub questions: i64,
    /// An agent set the campaign by hand.
    pub campaign_by_agent: bool,
    /// The version of the rules that judged it last.
    pub rules_version: String,
    /// A ticket that this one seems to belong to, unproven.
    pub linked_ticket: Option<i64>,
    /// When the desk acts next on a ticket that waits, unix milliseconds: it reminds, or hands over once it has.
    pub chase_at: Option<i64>,
    /// The open question has been reminded of, or is not to be.
    pub reminded: bool,
    /// Grows with every change; a change names the version it saw.
    pub version: i64,
    /// Unix milliseconds.
    pub created_at: i64,
    /// Unix milliseconds.
    pub updated_at: i64,
}

impl Ticket {
    /// Who wrote the mail that the requester forwarded, and perhaps is whom the ticket is for; nobody among `ours`.
    pub fn suggested_requester(&self, requests: &[&Request], ours: &[String]) -> Option<Mailbox> {
        let forwards = |request: &&&Request| request.from.address.eq_ignore_ascii_case(&self.requester_address);
        let origins = requests.iter().filter(forwards).filter_map(|request| request.forwarded_from.as_ref());
        let mut others = origins.filter_map(|origin| {
            let address = address::addr_spec(&origin.address)?;
            let lower = address.to_lowercase();
            let other = lower != self.requester_address && !ours.iter().any(|own| own.eq_ignore_ascii_case(&lower));
            other.then(|| Mailbox { name: origin.name.clone(), address })
        });
        others.next()
    }

    /// The agent whose forward made somebody else the requester.
    pub fn forwarded_by<'a>(&self, requests: &[&'a Request]) -> Option<&'a Mailbox> {
        requests.iter().find_map(|request| request.via.as_ref().filter(|_| request.forwarded_from.is_some()))
    }

    /// Puts it into the agents' hands, unless it is there already: nobody is waited for any longer.
    pub fn hand_over(&mut self) {
        if self.status == Status::Waiting {
            self.status = Status::Ready;
        }
        self.chase_at = None;
    }

    /// Adds a flag once.
    pub fn add_flag(&mut self, flag: &str) {
        if !self.flags.iter().any(|known| known == flag) {
            self.flags.push(flag.to_owned());
            self.flags.sort();
        }
    }

    /// What a further message of this ticket is triaged with.
    pub fn known(&self) -> Known {
        let open = !self.asked.is_empty() || self.status == Status::Ready;
        Known {
            triage: self.triage.clone(),
            asked: self.asked.clone(),
            // Answered, the list is spoken of until an agent begins: he may have a list of his own.
            offered: if open { self.offered.clone() } else { vec![] },
            campaign_by_agent: self.campaign_by_agent,
        }
    }
}

/// Where a ticket stands after a customer's message was judged. `None`: the message opens it.
///
/// A ticket that agents have seen never goes back to waiting: what is missing then stands on the ticket.
pub fn after_message(before: Option<Status>, action: Action) -> Status {
    match (before, action) {
        (None | Some(Status::Waiting), Action::Ask) => Status::Waiting,
        (Some(Status::Open), _) => Status::Open,
        _ => Status::Ready,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn check(before: Option<Status>, action: Action, expected: Status) {
        assert_eq!(after_message(before, action), expected, "{before:?} {action:?}");
    }

    #[test]
    fn a_message_moves_the_ticket() {
        check(None, Action::Ask, Status::Waiting);
        check(None, Action::Deliver, Status::Ready);
        check(Some(Status::Waiting), Action::Ask, Status::Waiting);
        check(Some(Status::Waiting), Action::Deliver, Status::Ready);
        check(Some(Status::Ready), Action::Ask, Status::Ready);
        check(Some(Status::Open), Action::Deliver, Status::Open);
        check(Some(Status::Solved), Action::Deliver, Status::Ready);
        check(Some(Status::Closed), Action::Ask, Status::Ready);
    }

    #[test]
    fn words_are_read_back() {
        for status in Status::ALL {
            assert_eq!(Status::parse(status.as_str()), Some(status));
            assert!(!status.may_become(Status::Waiting));
        }
        assert_eq!(Status::parse("lost"), None);
    }
}
