//! What a new message changes in what its ticket knows. An answer is read in the light of the question; silence keeps
//! what was known; nothing that an agent or the customer decided is overturned by a rule.

use super::Known;
use super::chosen::{chosen, identified};
use super::turned_down::left_of;
use crate::campaigns::{Campaign, Directory, Identified, Status};
use crate::request::Request;
use crate::rules::answers::Answers;
use crate::rules::{ChosenBy, Topic};

/// The campaign that the ticket is about after this message.
pub fn campaign(
    new: Identified,
    request: &Request,
    directory: &Directory,
    answers: &Answers,
    known: &Known,
) -> Identified {
    let old = &known.triage.campaign;
    if known.campaign_by_agent {
        return old.clone();
    }
    let chosen = || chosen(known, request, directory, answers, &new);
    match new.status {
        // Stated now: the customer's latest word counts, read together with what he picks from the list.
        Status::Confirmed | Status::Multiple | Status::UnknownId | Status::Conflict => chosen().unwrap_or(new),
        // Named now: among the campaigns in question it may settle which; a settled campaign it does not unsettle.
        Status::NameOnly | Status::AmbiguousName => match old.status {
            Status::Confirmed | Status::Multiple => old.clone(),
            _ => chosen().unwrap_or(new),
        },
        Status::NotStated | Status::NotApplicable if new.said_not_specific => new,
        Status::NotStated | Status::NotApplicable => match old.status {
            Status::NotStated | Status::NotApplicable => {
                // That it is about none stays said, until the customer speaks of one.
                let said_not_specific = old.said_not_specific && !new.speaks_of_a_campaign;
                let speaks_of_a_campaign = old.speaks_of_a_campaign || new.speaks_of_a_campaign;
                Identified { said_not_specific, speaks_of_a_campaign, ..new }
            }
            _ => chosen().unwrap_or_else(|| left(old, request, directory, new)),
        },
    }
}

/// What the ticket was about, but for what this message turns down: "sorry, 20417 is the wrong one".
fn left(old: &Identified, request: &Request, directory: &Directory, new: Identified) -> Identified {
    let Some(left) = left_of(old, &new, directory) else { return old.clone() };
    let left: Vec<&Campaign> = left.iter().filter_map(|id| directory.get(id)).collect();
    match left.is_empty() {
        true => Identified { status: Status::NotStated, speaks_of_a_campaign: true, ..new },
        false => identified(&left, request, directory, &new),
    }
}

/// The ticket's topic after this message: a choice by customer or agent stays; what no rule could tell may be told now.
pub fn topic(new: Topic, known: &Known) -> Topic {
    let old = &known.triage.topic;
    match (old.chosen_by, new.chosen_by) {
        (ChosenBy::Agent, _) => old.clone(),
        (_, ChosenBy::Customer) => new,
        (ChosenBy::Fallback, ChosenBy::Rules) => new,
        _ => old.clone(),
    }
}

/// The more urgent of two priorities.
pub fn priority(new: String, old: &str) -> String {
    const ORDER: [&str; 4] = ["low", "normal", "high", "urgent"];
    let rank = |priority: &str| ORDER.iter().position(|known| *known == priority);
    if rank(old) > rank(&new) { old.to_owned() } else { new }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::campaigns::{Candidate, Kind};
    use crate::rules::Rules;
    use crate::triage::{Action, Triage};

    fn directory() -> Directory {
        let named = |id: &str, name: &str| Campaign { id: id.into(), name: name.into(), ..Campaign::default() };
        Directory::build(vec![
            named("1001", "Harvest Fair 2024"),
            named("1002", "Harvest Fair 2025"),
            named("1003", "Gift Drive"),
        ])
    }

    fn verdict(status: Status, id: Option<&str>, candidates: &[&str]) -> Identified {
        Identified {
            status,
            id: id.map(str::to_owned),
            ids: id.map(str::to_owned).into_iter().collect(),
            candidates: candidates
                .iter()
                .map(|id| Candidate { id: (*id).into(), name: String::new(), score: 1.0, kind: Kind::Named })
                .collect(),
            similar: vec![],
            sender_on_account: None,
            said_not_specific: false,
            speaks_of_a_campaign: false,
            evidence: vec![],
        }
    }

    fn topic_of(chosen_by: ChosenBy, id: &str) -> Topic {
        Topic { id: id.into(), label: id.into(), score: 1.0, chosen_by, runner_up: None, evidence: vec![] }
    }

    fn known(campaign: Identified, offered: &[&str], by_agent: bool) -> Known {
        Known {
            triage: Triage {
                campaign,
                topic: topic_of(ChosenBy::Rules, "reporting"),
                missing: vec!["campaign_id".into()],
                wanted: vec![],
                heard: vec![],
                priority: "normal".into(),
                route: "support".into(),
                flags: vec![],
                action: Action::Ask,
                told: None,
            },
            asked: vec!["campaign_id".into()],
            offered: offered.iter().map(|id| (*id).to_owned()).collect(),
            campaign_by_agent: by_agent,
        }
    }

    fn check(known: &Known, new: Identified, answer: &str, expected: (Status, Option<&str>)) {
        let request = Request { text: answer.into(), ..Request::default() };
        let rules = Rules::shipped();
        let got = campaign(new, &request, &directory(), &rules.answers, known);
        assert_eq!((got.status, got.id.as_deref()), expected, "answer: {answer}");
    }

    #[test]
    fn an_answer_is_read_in_the_light_of_the_question() {
        let unsure = verdict(Status::AmbiguousName, None, &["1001", "1002"]);
        let offered = known(unsure.clone(), &["1001", "1002"], false);
        let silent = || verdict(Status::NotStated, None, &[]);
        check(&offered, silent(), "the 2025 one please", (Status::Confirmed, Some("1002")));
        check(&offered, silent(), "2025, not 2024", (Status::Confirmed, Some("1002")));
        check(&offered, silent(), "the second one", (Status::Confirmed, Some("1002")));
        check(&offered, silent(), "not the 2025 one", (Status::Confirmed, Some("1001")));
        check(&offered, silent(), "maybe the 2025 one", (Status::AmbiguousName, None));
        check(&offered, silent(), "both", (Status::Multiple, None));
        check(&offered, silent(), "none of these", (Status::NotStated, None));
        // Who names one to rule it out has not named it.
        let named = || verdict(Status::NameOnly, None, &["1001"]);
        check(&offered, named(), "Harvest Fair 2024 ended, the other one", (Status::Confirmed, Some("1002")));
        // An ID beside what is picked is another matter, or means both; doubt counts for IDs, too.
        let stated = |ids: &[&str]| Identified {
            status: if ids.len() == 1 { Status::Confirmed } else { Status::Multiple },
            id: (ids.len() == 1).then(|| ids[0].to_owned()),
            ids: ids.iter().map(|id| (*id).to_owned()).collect(),
            ..silent()
        };
        check(&offered, stated(&["1001", "1002"]), "1001 or 1002, not sure", (Status::AmbiguousName, None));
        check(&offered, stated(&["1001", "1002"]), "1001 I guess, or is it 1002?", (Status::AmbiguousName, None));
        check(&offered, stated(&["1001", "1002"]), "1001 and 1002", (Status::Multiple, None));
        check(&offered, stated(&["1001"]), "Could you raise 1001 to 80?", (Status::Confirmed, Some("1001")));
        check(&offered, named(), "Harvest Fair 2024 or the other one, no idea", (Status::AmbiguousName, None));
        check(&offered, silent(), "the harvest one", (Status::AmbiguousName, None));
        check(
            &offered,
            verdict(Status::NameOnly, None, &["1001"]),
            "Harvest Fair 2024",
            (Status::Confirmed, Some("1001")),
        );
        // What was not put before the customer is not picked: a name alone stays a name.
        let neutral = known(unsure, &[], false);
        check(&neutral, verdict(Status::NameOnly, None, &["1001"]), "Harvest Fair 2024", (Status::NameOnly, None));
        check(&neutral, verdict(Status::Confirmed, Some("1003"), &[]), "it's 1003", (Status::Confirmed, Some("1003")));
    }

    #[test]
    fn silence_and_names_keep_what_is_settled() {
        let settled = known(verdict(Status::Confirmed, Some("1003"), &[]), &[], false);
        check(&settled, verdict(Status::NotStated, None, &[]), "thanks", (Status::Confirmed, Some("1003")));
        check(
            &settled,
            verdict(Status::NameOnly, None, &["1001"]),
            "like Harvest Fair 2024",
            (Status::Confirmed, Some("1003")),
        );
        let by_agent = known(verdict(Status::Confirmed, Some("1003"), &[]), &[], true);
        check(&by_agent, verdict(Status::Confirmed, Some("1001"), &[]), "1001", (Status::Confirmed, Some("1003")));
    }

    #[test]
    fn choices_outlast_rules() {
        let mut ticket = known(verdict(Status::NotStated, None, &[]), &[], false);
        assert_eq!(topic(topic_of(ChosenBy::Rules, "billing"), &ticket).id, "reporting");
        ticket.triage.topic = topic_of(ChosenBy::Fallback, "other");
        assert_eq!(topic(topic_of(ChosenBy::Rules, "billing"), &ticket).id, "billing");
        ticket.triage.topic = topic_of(ChosenBy::Agent, "bug");
        assert_eq!(topic(topic_of(ChosenBy::Customer, "billing"), &ticket).id, "bug");
        assert_eq!(priority("low".into(), "high"), "high");
        assert_eq!(priority("urgent".into(), "high"), "urgent");
    }
}
