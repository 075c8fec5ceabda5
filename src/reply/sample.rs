//! An invented ticket in all cases that its mails may have, as `replies preview`, tests and benches show them.
//!
//! Promises: every branch of the shipped templates is in one of the cases; nothing here comes from a customer.

use super::compose::{Choice, Data, Facts, Kind, Taps};
use crate::campaigns::Named;
use crate::triage::{CAMPAIGN_ID, DESCRIPTION};

impl Facts {
    /// The plain case of a kind: to a sender who is proven on the account, or to anybody.
    pub fn sample(kind: Kind, proven: bool) -> Facts {
        let missing: &[&str] = match kind {
            Kind::MissingDescription => &[DESCRIPTION],
            Kind::Several => &[CAMPAIGN_ID, DESCRIPTION],
            Kind::Details => &["period"],
            Kind::Acknowledgement => &[],
            _ => &[CAMPAIGN_ID],
        };
        let candidates = match kind {
            Kind::AmbiguousName | Kind::UnknownId | Kind::Conflict => {
                vec![choice("20417", "Summer Sale 2025", None), choice("20418", "Summer Sale 2024", None)]
            }
            _ => vec![],
        };
        let asks = !matches!(kind, Kind::Acknowledgement | Kind::HandOver);
        Facts {
            ticket: 1042,
            desk: "Northwind Campaigns".into(),
            again: false,
            none_of_them: false,
            topic: Some(("reporting".into(), "Reports & statistics".into())),
            campaign: Some(Named { id: "20417".into(), name: "Summer Sale 2025".into() }),
            stated: Some("20471".into()),
            candidates,
            may_name_campaigns: proven,
            authenticated: proven,
            missing: words(missing),
            taps: asks.then(|| Taps {
                reply_to: "support+bas-q4wjc5kz2nqhk3xkq5c7tq3vta@desk.example".into(),
                links: (0..=3)
                    .map(|choice| format!("https://desk.example/answer/bas-b-{choice}-ubq-wlniswpoza3dc33bfvjcbjj3ryy"))
                    .collect(),
            }),
        }
    }

    /// The cases of a kind, each with a word for it, the plain one first. `details`: those that the rules ask for.
    pub fn cases(kind: Kind, proven: bool, details: &[&str]) -> Vec<(&'static str, Facts)> {
        let plain = Facts::sample(kind, proven);
        let with = |change: fn(&mut Facts)| {
            let mut facts = plain.clone();
            change(&mut facts);
            facts
        };
        let mut cases = match kind {
            Kind::Details => {
                let all = Facts { again: true, missing: words(details), ..plain.clone() };
                vec![("again, all details", all), ("a detail without words", with(|facts| facts.missing.clear()))]
            }
            Kind::Reminder => vec![
                ("campaign and description", with(|facts| facts.missing.push(DESCRIPTION.into()))),
                ("a list, with details", {
                    let listed = Facts::sample(Kind::AmbiguousName, proven);
                    Facts { missing: words(&[CAMPAIGN_ID, "period"]), ..listed }
                }),
                ("description", with(|facts| facts.missing = words(&[DESCRIPTION]))),
                ("details, no topic", with(|facts| (facts.missing, facts.topic) = (words(&["period"]), None))),
            ],
            Kind::HandOver => vec![("description", with(|facts| facts.missing = words(&[DESCRIPTION])))],
            Kind::Acknowledgement => {
                vec![("no topic, no campaign", with(|facts| (facts.topic, facts.campaign) = (None, None)))]
            }
            _ => {
                let mut again = with(|facts| {
                    facts.again = true;
                    facts.missing.extend(words(&["period", "since"]));
                });
                again.candidates = match kind {
                    Kind::MissingId | Kind::Several => vec![choice("20417", "Summer Sale 2025", None)],
                    Kind::MissingDescription => vec![],
                    _ => vec![
                        choice("20417", "Summer Sale 2025", Some(("Northwind Retail", "active"))),
                        choice("20418", "Summer Sale 2025", Some(("Northwind Travel", "paused"))),
                        choice("20419", "Summer Sale 2024", None),
                    ],
                };
                let by_mail = with(|facts| {
                    (facts.topic, facts.campaign, facts.stated) = (None, None, None);
                    facts.taps.iter_mut().for_each(|taps| taps.links.clear());
                });
                let mut cases = vec![("again, with details", again), ("no topic, answers by mail alone", by_mail)];
                if kind == Kind::MissingId {
                    let none = with(|facts| (facts.again, facts.none_of_them) = (true, true));
                    cases.push(("none of a list", none));
                }
                cases
            }
        };
        cases.insert(0, ("plain", plain));
        cases
    }
}

fn choice(id: &str, name: &str, apart: Option<(&str, &str)>) -> Choice {
    let (account, status) = apart.unzip();
    Choice { id: id.into(), name: name.into(), account: account.map(str::to_owned), status: status.map(str::to_owned) }
}

fn words(ids: &[&str]) -> Vec<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

/// Data at both ends: all of it, and none of it.
pub(super) fn samples() -> [Data; 2] {
    let named = |id: &str, name: &str| Named { id: id.into(), name: name.into() };
    let choice = |id: &str, apart: Option<&str>| Choice {
        id: id.into(),
        name: "Summer Sale".into(),
        account: None,
        status: apart.map(str::to_owned),
    };
    let full = Data {
        ticket: 1042,
        desk: "Support".into(),
        again: true,
        none_of_them: true,
        topic_named: Some(("reporting".into(), "Reports & statistics".into())),
        campaign: Some(named("20417", "Summer Sale")),
        stated: Some("20471".into()),
        candidates: vec![choice("20417", Some("paused")), choice("20471", None)],
        needs_campaign: true,
        needs_description: true,
        detail_ids: vec![],
        taps: Some(Taps {
            reply_to: "support+t@desk.example".into(),
            links: vec!["https://desk.example/0".into(), "https://desk.example/1".into()],
        }),
    };
    let empty = Data {
        again: false,
        none_of_them: false,
        topic_named: None,
        campaign: None,
        stated: None,
        candidates: vec![],
        taps: None,
        needs_campaign: false,
        needs_description: false,
        ..full.clone()
    };
    [full, empty]
}
