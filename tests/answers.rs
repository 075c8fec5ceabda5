//! How answers to our questions are understood: the table `fixtures/rules/answers.toml`, each row as a customer's mail.
#![allow(clippy::unwrap_used)]

use deskclerk::campaigns::{Directory, Status, load};
use deskclerk::request::{Mailbox, Request};
use deskclerk::rules::Rules;
use deskclerk::rules::answers::{Offered, Pick};
use deskclerk::triage::{Known, triage};
use serde::Deserialize;

#[derive(Deserialize)]
struct Table {
    list: Vec<List>,
    asked: Vec<Asked>,
}

#[derive(Deserialize)]
struct List {
    of: Vec<String>,
    answers: Vec<[String; 2]>,
}

#[derive(Deserialize)]
struct Asked {
    answers: Vec<[String; 2]>,
}

fn table() -> Table {
    toml::from_str(&std::fs::read_to_string("fixtures/rules/answers.toml").unwrap()).unwrap()
}

/// Fails with every row that was understood otherwise: `(answer, understood, expected)`.
fn check<'a>(rows: impl Iterator<Item = (&'a [String; 2], String)>) -> usize {
    let rows: Vec<_> = rows.collect();
    let wrong: Vec<_> =
        rows.iter().filter(|(row, got)| row[1] != *got).map(|([text, expected], got)| (text, got, expected)).collect();
    assert!(wrong.is_empty(), "{} (answer, understood, expected): {wrong:#?}", wrong.len());
    rows.len()
}

#[test]
fn a_list_is_picked_from_as_people_do() {
    let rules = Rules::shipped();
    let table = table();
    let rows = table.list.iter().flat_map(|list| {
        let ids: Vec<String> = (0..list.of.len()).map(|place| format!("2041{place}")).collect();
        let offered: Vec<Offered<'_>> = ids.iter().zip(&list.of).map(|(id, name)| Offered { id, name }).collect();
        let picked = |text: &str| match rules.answers.pick(text, &offered) {
            Pick::Silent => "silent".to_owned(),
            Pick::Unclear => "unclear".to_owned(),
            Pick::Nothing => "nothing".to_owned(),
            Pick::One(place) => (place + 1).to_string(),
            Pick::Several(places) => places.iter().map(|place| (place + 1).to_string()).collect::<Vec<_>>().join(" "),
        };
        list.answers.iter().map(|row| (row, picked(&row[0]))).collect::<Vec<_>>()
    });
    assert!(check(rows) >= 120);
    // Far into a mail nobody picks any more.
    let offered =
        [Offered { id: "20410", name: "Spring Leads North" }, Offered { id: "20411", name: "Spring Leads South" }];
    let late = format!("{} the second one", "the report shows nothing at all ".repeat(4));
    assert_eq!(rules.answers.pick(&late, &offered), Pick::Silent);
}

#[test]
fn the_question_for_the_id_is_answered_without_one() {
    let rules = Rules::shipped();
    let (campaigns, faults) =
        load::csv(&std::fs::read("fixtures/conversations/campaigns.csv").unwrap(), "campaigns.csv");
    assert_eq!(faults, vec![]);
    let directory = Directory::build(campaigns);
    let from = Mailbox { name: None, address: "ann@hollowtree.example".into() };
    let request = |text: &str| Request { from: from.clone(), text: text.to_owned(), ..Request::default() };
    let first = triage(
        &request("The report of my campaign has shown no clicks since Monday although we had visitors. Can you check?"),
        &directory,
        &rules,
        None,
    );
    assert_eq!(first.missing, ["campaign_id"]);
    let known = Known { asked: first.missing.clone(), triage: first, offered: vec![], campaign_by_agent: false };
    let understood = |text: &str| {
        let after = triage(&request(text), &directory, &rules, Some(&known));
        let flagged = |flag: &str| after.flags.iter().any(|own| own == flag);
        match after.campaign.status {
            Status::Confirmed => after.campaign.id.clone().unwrap(),
            Status::NotApplicable => {
                assert!(
                    after.missing.is_empty() && after.campaign.evidence.iter().any(|found| !found.text.is_empty()),
                    "{text}"
                );
                // What was said stays said.
                let known = Known { triage: after.clone(), ..known.clone() };
                let thanks = triage(&request("Thanks!"), &directory, &rules, Some(&known));
                assert_eq!(
                    (thanks.campaign.status, &thanks.missing, &thanks.flags),
                    (after.campaign.status, &after.missing, &after.flags)
                );
                let named = triage(&request("It is 20417"), &directory, &rules, Some(&known));
                assert_eq!(
                    (named.campaign.status, named.flags.as_slice()),
                    (Status::Confirmed, [].as_slice()),
                    "{text}"
                );
                match (flagged("no_campaign"), flagged("all_campaigns")) {
                    (true, false) => "none".to_owned(),
                    (false, true) => "all".to_owned(),
                    flags => format!("{flags:?}"),
                }
            }
            Status::NotStated => "silent".to_owned(),
            other => format!("{other:?}"),
        }
    };
    let rows = &table().asked;
    check(rows.iter().flat_map(|asked| &asked.answers).map(|row| (row, understood(&row[0]))));
}
