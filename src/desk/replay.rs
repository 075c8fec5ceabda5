//! Judging stored requests again with other rules, to see what would change before anybody deploys them. Writes nothing.
//!
//! A ticket's messages are judged one after the other, each with what the ticket knew by then, against the campaign directory
//! of today on both sides, so that what differs comes from the rules alone.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::campaigns::Directory;
use crate::rules::{ChosenBy, Rules};
use crate::store::history::Past;
use crate::triage::{Known, Triage, triage};

/// What would change, all in all.
#[derive(Debug, Default, Serialize)]
pub struct Replay {
    /// The version of the rules before; `None`: the verdicts that are stored.
    pub before: Option<String>,
    /// The version of the rules after.
    pub after: String,
    /// Tickets judged again.
    pub tickets: usize,
    /// Tickets whose topic an agent chose.
    pub corrected: usize,
    /// How many of these come out as the agent chose, before and after.
    pub agreed: (usize, usize),
    /// A row a topic that any ticket has, by id.
    pub topics: BTreeMap<String, Row>,
    /// Ticket by ticket, in the order of their numbers.
    pub changes: Vec<Changed>,
}

/// A topic, before and after.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Tickets with it before.
    pub before: usize,
    /// Tickets with it after.
    pub after: usize,
    /// Tickets that come to it.
    pub gained: usize,
    /// Tickets that leave it.
    pub lost: usize,
}

/// A ticket that would come out otherwise.
#[derive(Debug, Serialize)]
pub struct Changed {
    /// Its number.
    pub ticket: i64,
    /// Its subject.
    pub subject: String,
    /// What differs.
    pub fields: Vec<Field>,
    /// The topic that an agent chose for it.
    pub agent: Option<String>,
    /// The words that decide its topic now.
    pub because: Vec<String>,
}

/// A field of the verdict, before and after.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Field {
    /// `topic`, `priority`, `route`, `flags`, `missing` or `action`.
    pub field: &'static str,
    /// What it was.
    pub before: String,
    /// What it would be.
    pub after: String,
}

impl Replay {
    /// Nothing yet. `before`: the rules that the new ones are held against; `None`: the verdicts as they are stored.
    pub fn new(before: Option<&Rules>, after: &Rules) -> Replay {
        let before = before.map(|rules| rules.version.clone());
        Replay { before, after: after.version.clone(), ..Replay::default() }
    }

    /// Judges one more ticket. Its number of changed fields.
    pub fn add(&mut self, past: &Past, directory: &Directory, before: Option<&Rules>, after: &Rules) -> usize {
        let Some((_, stored)) = past.requests.last() else { return 0 };
        let was = match before {
            Some(rules) => judge(past, directory, rules).unwrap_or_else(|| stored.clone()),
            None => stored.clone(),
        };
        let Some(is) = judge(past, directory, after) else { return 0 };
        self.tickets += 1;
        let agent = (past.ticket.topic_chosen_by == ChosenBy::Agent).then(|| past.ticket.topic.clone());
        if let Some(topic) = &agent {
            self.corrected += 1;
            self.agreed.0 += usize::from(was.topic.id == *topic);
            self.agreed.1 += usize::from(is.topic.id == *topic);
        }
        let moved = usize::from(was.topic.id != is.topic.id);
        let row = self.topics.entry(was.topic.id.clone()).or_default();
        (row.before, row.lost) = (row.before + 1, row.lost + moved);
        let row = self.topics.entry(is.topic.id.clone()).or_default();
        (row.after, row.gained) = (row.after + 1, row.gained + moved);
        let fields = fields(&was, &is);
        let count = fields.len();
        if count > 0 {
            let because = is.topic.evidence.iter().filter(|found| found.weight > 0.0).take(5);
            let because = because.map(|found| format!("{} \"{}\"", found.rule, found.text)).collect();
            let (ticket, subject) = (past.ticket.id, past.ticket.subject.clone());
            self.changes.push(Changed { ticket, subject, fields, agent, because });
        }
        count
    }
}

/// The judgement after a ticket's last message; `None`: nothing came in that is judged.
fn judge(past: &Past, directory: &Directory, rules: &Rules) -> Option<Triage> {
    let mut known: Option<Known> = None;
    for (request, _) in &past.requests {
        let judged = triage(request, directory, rules, known.as_ref());
        known = Some(Known {
            asked: judged.missing.clone(),
            offered: judged.campaign.candidates.iter().map(|candidate| candidate.id.clone()).collect(),
            campaign_by_agent: false,
            triage: judged,
        });
    }
    known.map(|known| known.triage)
}

fn fields(was: &Triage, is: &Triage) -> Vec<Field> {
    let action = |triage: &Triage| {
        let word = serde_json::to_value(triage.action).ok();
        word.as_ref().and_then(|word| word.as_str()).unwrap_or_default().to_owned()
    };
    [
        ("topic", was.topic.id.clone(), is.topic.id.clone()),
        ("priority", was.priority.clone(), is.priority.clone()),
        ("route", was.route.clone(), is.route.clone()),
        ("flags", was.flags.join(", "), is.flags.join(", ")),
        ("missing", was.missing.join(", "), is.missing.join(", ")),
        ("action", action(was), action(is)),
    ]
    .into_iter()
    .filter(|(_, before, after)| before != after)
    .map(|(field, before, after)| Field { field, before, after })
    .collect()
}
