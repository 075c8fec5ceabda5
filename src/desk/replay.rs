//! Judging stored requests again with other rules, to see what would change before anybody deploys them. Writes nothing.
//!
//! A ticket's messages are judged one after the other, each with what the ticket knew by then, against the campaign directory
//! of today on both sides, so that what differs comes from the rules alone.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::campaigns::Directory;
use crate::request::Request;
use crate::request::evidence::Evidence;
use crate::rules::standing::{Standing, shown};
use crate::rules::{ChosenBy, Findings, OTHER, Rules};
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
    /// The words that decide its topic now, or the settings of topics that do where words say what they said.
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
            let told =
                past.requests.iter().rev().map(|(request, _)| by_settings(request, (&was, before), (&is, after)));
            let mut because = told.into_iter().find(|told| !told.is_empty()).unwrap_or_default();
            if because.is_empty() {
                let words = is.topic.evidence.iter().filter(|found| found.weight > 0.0).take(5);
                because = words.map(|found| format!("{} \"{}\"", found.rule, found.text)).collect();
            }
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

/// Why a ticket leaves its topic for another although signs give both what they gave: by threshold, margin or prior. Nothing where
/// the signs differ.
fn by_settings(request: &Request, was: (&Triage, Option<&Rules>), is: (&Triage, &Rules)) -> Vec<String> {
    let ((was, before), (is, after)) = (was, is);
    if was.topic.id == is.topic.id {
        return vec![];
    }
    let named = |judged: &Triage| judged.campaign.evidence.iter().filter(|found| found.weight > 0.0).cloned().collect();
    let (named_before, named): (Vec<Evidence>, Vec<Evidence>) = (named(was), named(is));
    let (found_before, found) = (before.map(|rules| rules.find(request, &named_before)), after.find(request, &named));
    // Of several messages it is told of one that by itself is judged so.
    let judged_so = |rules: &Rules, found: &Findings<'_>, judged: &Triage| rules.topic_of(found).id == judged.topic.id;
    let before = before.zip(found_before.as_ref());
    if !judged_so(after, &found, is) || before.is_some_and(|(rules, found)| !judged_so(rules, found, was)) {
        return vec![];
    }
    let mut said = vec![];
    for (topic, left) in [(&was.topic.id, true), (&is.topic.id, false)] {
        let Some(new) = after.standing(&found, topic) else { continue };
        let old: Option<Standing> = before.and_then(|(rules, found)| rules.standing(found, topic));
        match &old {
            Some(old) if !same(old.signs, new.signs) => return vec![],
            None if left && !same(was.topic.score, new.score()) => return vec![],
            _ => {}
        }
        let now = |differs: fn(&Standing, &Standing) -> bool| match &old {
            Some(old) if !differs(old, &new) => "",
            _ => " now",
        };
        if let Some(old) = old.as_ref().filter(|old| !same(old.prior, new.prior)) {
            said.push(format!("{topic} begins with {} points now, before with {}", shown(new.prior), shown(old.prior)));
        }
        let changed = |differs: fn(&Standing, &Standing) -> bool| old.as_ref().is_some_and(|old| differs(old, &new));
        let threshold: fn(&Standing, &Standing) -> bool = |old, new| !same(old.threshold, new.threshold);
        let margin: fn(&Standing, &Standing) -> bool = |old, new| !same(old.margin, new.margin);
        if topic == OTHER {
            continue;
        }
        if if left { new.score() < new.threshold } else { changed(threshold) } {
            let (points, least) = (shown(new.score()), shown(new.threshold));
            said.push(format!("{topic} has {points} points, its threshold is {least}{}", now(threshold)));
        } else if let Some((next, lead)) = &new.next
            && if left { *lead < new.margin } else { changed(margin) }
        {
            let (lead, least) = (shown(*lead), shown(new.margin));
            said.push(format!("{topic} leads {next} by {lead} points, its margin is {least}{}", now(margin)));
        }
    }
    said
}

/// Points are told to a hundredth.
fn same(a: f64, b: f64) -> bool {
    (a - b).abs() < 0.006
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::rules::Files;

    /// Why a text leaves its topic when these heads of `a`, which has "apple" for 3 points, follow each other.
    fn check(text: &str, heads: [&str; 2], expected: &[&str]) {
        let rules = heads.map(|head| {
            let a = format!("id = \"a\"\n{head}\n[weights]\n\"apple\" = 3\n");
            let b = "id = \"b\"\n[weights]\n\"bear\" = 2\n".to_owned();
            let files = [("topics/a.toml".to_owned(), a.into()), ("topics/b.toml".to_owned(), b.into())];
            Rules::compile(&Files::from(files)).unwrap()
        });
        let request = Request { text: text.into(), ..Request::default() };
        let directory = Directory::default();
        let [was, is] = [0, 1].map(|at| triage(&request, &directory, &rules[at], None));
        let said = by_settings(&request, (&was, Some(&rules[0])), (&is, &rules[1]));
        assert_eq!(said, expected, "{text} {heads:?}");
        assert_ne!(was.topic.id, is.topic.id);
    }

    #[test]
    fn settings_that_decide_are_told_instead_of_words() {
        check("an apple", ["", "threshold = 900"], &["a has 3 points, its threshold is 900 now"]);
        check("an apple", ["threshold = 3.5", ""], &["a has 3 points, its threshold is 2 now"]);
        check("an apple, a bear", ["", "margin = 5"], &["a leads b by 1 points, its margin is 5 now"]);
        check(
            "an apple, a bear",
            ["prior = 0.1", "prior = -2"],
            &["a begins with -2 points now, before with 0.1", "a has 1 points, its threshold is 2"],
        );
        check("an apple", ["", "[[signal]]\nphrases = [\"an apple\"]\nweight = -3"], &[]);
    }
}
