//! How answers to our questions are understood: the table `fixtures/rules/answers.toml`, each row as a customer's mail.
#![allow(clippy::unwrap_used)]

use deskclerk::campaigns::{Directory, Status, load};
use deskclerk::request::evidence::Evidence;
use deskclerk::request::{Mailbox, Request};
use deskclerk::rules::Rules;
use deskclerk::rules::answers::{Offered, Pick};
use deskclerk::triage::{Known, triage};
use serde::Deserialize;

#[derive(Deserialize)]
struct Table {
    list: Vec<List>,
    asked: Vec<Asked>,
    stated: Vec<Mails>,
    turned_down: Texts,
    kept: Texts,
    to_cancel: Texts,
    left_alone: Vec<Asked>,
    to_keep: Mails,
    doubted: Texts,
    plain: Texts,
    settled: Texts,
    unsettled: Texts,
    put_off: Texts,
    not_put_off: Texts,
    cannot_say: Texts,
    can_say: Texts,
}

#[derive(Deserialize)]
struct Texts {
    mails: Vec<String>,
}

#[derive(Deserialize)]
struct List {
    of: Vec<String>,
    answers: Vec<[String; 2]>,
}

#[derive(Deserialize)]
struct Mails {
    mails: Vec<[String; 2]>,
}

#[derive(Deserialize)]
struct Asked {
    answers: Vec<[String; 2]>,
}

fn table() -> Table {
    toml::from_str(&std::fs::read_to_string("fixtures/rules/answers.toml").unwrap()).unwrap()
}

/// The campaigns of the conversations.
fn directory() -> Directory {
    let (campaigns, _) = load::parse(&std::fs::read("fixtures/conversations/campaigns.csv").unwrap(), "campaigns.csv");
    Directory::build(campaigns)
}

/// A mail of a customer with this text.
fn request(text: &str) -> Request {
    let from = Mailbox { name: None, address: "ann@hollowtree.example".into() };
    Request { from, text: text.to_owned(), ..Request::default() }
}

/// The ticket of a first mail, with the question that it leads to and what was offered in it.
fn ticket(text: &str, offered: &[&str], directory: &Directory, rules: &Rules) -> Known {
    let first = triage(&request(text), directory, rules, None);
    let offered = offered.iter().map(|id| (*id).to_owned()).collect();
    Known { asked: first.missing.clone(), triage: first, offered, campaign_by_agent: false }
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
        let offered: Vec<Offered<'_>> =
            ids.iter().zip(&list.of).map(|(id, name)| Offered { id, name, ahead: None }).collect();
        let told = |places: &[usize]| places.iter().map(|place| (place + 1).to_string()).collect::<Vec<_>>().join(" ");
        let picked = |text: &str| match rules.answers.pick(text, &offered, "reporting") {
            Pick::Silent => "silent".to_owned(),
            Pick::Unclear => "unclear".to_owned(),
            Pick::Nothing => "nothing".to_owned(),
            Pick::One(place) => (place + 1).to_string(),
            Pick::Several(places) => told(&places),
            Pick::Among(places) => format!("among {}", told(&places)),
        };
        list.answers.iter().map(|row| (row, picked(&row[0]))).collect::<Vec<_>>()
    });
    assert!(check(rows) >= 120);
    // Far into a mail nobody picks any more.
    let offered = [
        Offered { id: "20410", name: "Spring Leads North", ahead: None },
        Offered { id: "20411", name: "Spring Leads South", ahead: None },
    ];
    let late = format!("{} the second one", "the report shows nothing at all ".repeat(4));
    assert_eq!(rules.answers.pick(&late, &offered, "reporting"), Pick::Silent);
}

#[test]
fn the_question_for_the_id_is_answered_without_one() {
    let rules = Rules::shipped();
    let (campaigns, faults) =
        load::parse(&std::fs::read("fixtures/conversations/campaigns.csv").unwrap(), "campaigns.csv");
    assert_eq!(faults, vec![]);
    let directory = Directory::build(campaigns);
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

/// What stands beside an answer to a list.
#[test]
fn what_is_picked_wins_over_what_is_said_beside_it() {
    let rules = Rules::shipped();
    let directory = directory();
    let text = "The report of Orchard Box Autumn has shown no clicks since Monday although we had visitors.";
    let first = triage(&request(text), &directory, &rules, None);
    assert_eq!(first.campaign.status, Status::AmbiguousName);
    let offered = vec!["20417".to_owned(), "20471".to_owned()];
    let known = Known { asked: first.missing.clone(), triage: first, offered, campaign_by_agent: false };
    let understood = |text: &str| {
        let campaign = triage(&request(text), &directory, &rules, Some(&known)).campaign;
        assert_eq!(campaign.status == Status::Confirmed, campaign.ids.len() == 1, "{text}: {campaign:?}");
        if campaign.ids.is_empty() { format!("{:?}", campaign.status) } else { campaign.ids.join(" ") }
    };
    let rows = [
        ["2. And by the way the export of 20933 is broken too", "20471"],
        ["The second one. 20933 works fine.", "20471"],
        ["The second one. And by the way the export of campaign 99999 is broken too.", "20471"],
        ["No, it is 20933", "20933"],
        ["not 20933, the second one", "20471"],
        ["2 please. PS: I also opened a ticket for 20933 yesterday", "20471"],
        ["The second one. And by the way the export of 20417 is broken too", "20471"],
        ["Die zweite. Die 20933 läuft gut.", "20471"],
        ["La seconde. Au fait, l'export de 20933 ne marche pas.", "20471"],
        ["The 2nd and the Farm Shop Opening (20933) too", "20471 20933"],
        ["the second one, and 20933", "20471 20933"],
        ["It is 20933. The second one works fine.", "20933"],
        ["It is 20933, the last campaign we started", "20933"],
        ["It is 20933", "20933"],
        ["20471, the second one", "20471"],
        ["20417 and 20471", "20417 20471"],
        ["the second one, and please also raise its budget to 20417 euros", "20471"],
        ["20417 or 20471, not sure", "AmbiguousName"],
        ["20417 I guess, or is it 20471?", "AmbiguousName"],
        ["20417 or the second one, I do not know", "AmbiguousName"],
        ["Could you raise 20417 to 80 a day?", "20417"],
        ["not 20417, the other", "20471"],
        ["Not the first. By the way, 20933 is fine.", "20471"],
        ["20417, sorry 20471", "20471"],
        ["20417. No, sorry, 20471.", "20471"],
        ["20417, nein, 20471", "20471"],
        ["20417, pardon, 20471", "20471"],
        ["20417, perdón, 20471", "20471"],
        ["20417, desculpe, 20471", "20471"],
        ["the first, no sorry, the second", "20471"],
        ["It isn't 20417 it's 20471", "20471"],
        ["the one ending in 71", "20471"],
        ["the one that ends with 417", "20417"],
        ["die ID, die auf 471 endet", "20471"],
        ["1+2", "20417 20471"],
        ["20417 & 20471", "20417 20471"],
        ["20417+20471", "20417 20471"],
        ["None of the first and second", "NotStated"],
        ["not the first and not the second either", "NotStated"],
        ["20471 is wrong", "20417"],
        ["20471 scheidet aus", "20417"],
        ["descarten la 20471", "20417"],
        ["20471 no way", "20417"],
        ["a 20471 foi cancelada por engano, reativem por favor", "20471"],
        ["la 20471 a été annulée par erreur, merci de la relancer", "20471"],
        ["20471 wurde versehentlich beendet, bitte wieder starten", "20471"],
        ["20471 ended too early", "20471"],
        ["20471 was cancelled by mistake, please restart it", "20471"],
        ["20471, could you please hurry up?", "20471"],
        ["20471 please, and could somebody call me?", "20471"],
        ["20471, and could you also send me last month's invoice?", "20471"],
        ["don't stop 20471, just raise the budget", "20471"],
        ["we cannot stop 20471", "20471"],
        ["Could you pause 20471?", "20471"],
        ["20471. Please check the report.", "20471"],
        ["Please delete 20471", "20471"],
        ["Please stop 20471", "20471"],
        ["The budget of 20471 is wrong", "20471"],
        ["20471, not urgent", "20471"],
        ["20471, no problem", "20471"],
        ["a 20471 está mal", "AmbiguousName"],
        ["20471 está mal", "AmbiguousName"],
        ["20471 est annulée", "AmbiguousName"],
        ["20471 was a test campaign", "AmbiguousName"],
        ["20471 was cancelled", "AmbiguousName"],
        ["acho que 20417, mas tenho de confirmar", "AmbiguousName"],
        ["creo que la 20417, pero tengo que confirmarlo", "AmbiguousName"],
        ["¿es la 20417?", "AmbiguousName"],
        ["20417 mais je dois vérifier", "AmbiguousName"],
        ["20417, aber das kläre ich noch mit dem Chef", "AmbiguousName"],
        ["vermutlich 20417", "AmbiguousName"],
        ["20417 - but please double check", "AmbiguousName"],
        ["20417 most likely", "AmbiguousName"],
        ["probably 20417", "AmbiguousName"],
        ["could it be 20417", "AmbiguousName"],
        ["20417?", "AmbiguousName"],
        ["Is it 20417?", "AmbiguousName"],
        ["'25", "20417"],
        ["autumn 25", "20417"],
        ["2025 - 2026 is over", "20417"],
        ["You've got 20471 there, that's incorrect.", "20417"],
        ["20471 é engano", "20417"],
        ["não mexam na 20471", "20417"],
        ["20471 es un error", "20417"],
        ["20471 no vale", "20417"],
        ["no toquen la 20471", "20417"],
        ["20471 me semble faux", "20417"],
        ["l'ID 20471 ne correspond pas", "20417"],
        ["ne prenez pas 20471", "20417"],
        ["20471, ce n'est pas ça", "20417"],
        ["Mit 20471 habe ich nichts zu tun", "20417"],
        ["20471 haben wir nicht gebucht", "20417"],
        ["20471 wohl kaum", "20417"],
        ["20471? Eher nicht.", "20417"],
        ["Bitte nicht 20471 nehmen", "20417"],
        ["20471? Rather not.", "20417"],
        ["Do not touch 20471!", "20417"],
        ["don't take 20471", "20417"],
        ["20471 would be wrong", "20417"],
        ["20471 is the wrong one", "20417"],
        ["20471 is not it", "20417"],
        ["20471 isn't it", "20417"],
        ["20471 is not the one", "20417"],
        ["20471? No.", "20417"],
        ["20471? No, that's last year's.", "20417"],
        ["20471, no", "20417"],
        ["I do not think it is 20471", "20417"],
        ["I don't think it's 20471", "20417"],
        ["I doubt it is 20471", "20417"],
        ["I don't believe 20471 is right", "20417"],
        ["It cannot be 20471", "20417"],
        ["it can't be 20471", "20417"],
        ["it's certainly not 20471", "20417"],
        ["It was never 20471", "20417"],
        ["20471 is not ours", "20417"],
        ["20471 was last year", "AmbiguousName"],
        ["20471 was last year's", "20417"],
        ["20471 ended in March", "20471"],
        ["20471 is over", "AmbiguousName"],
        ["20471 is finished", "AmbiguousName"],
        ["not in 20471", "20417"],
        ["20471 is not right", "20417"],
        ["20471 is incorrect", "20417"],
        ["20471 ist falsch", "20417"],
        ["20471 wäre falsch", "20417"],
        ["Die 20471 ist es nicht", "20417"],
        ["Die 20471 ist die falsche", "20417"],
        ["20471? Nein.", "20417"],
        ["Ich glaube nicht, dass es die 20471 ist", "20417"],
        ["Ich denke nicht, dass es 20471 ist", "20417"],
        ["Es kann nicht die 20471 sein", "20417"],
        ["Die 20471 nicht", "20417"],
        ["Die 20471 war letztes Jahr", "AmbiguousName"],
        ["Die 20471 ist schon vorbei", "AmbiguousName"],
        ["20471 stimmt nicht", "20417"],
        ["20471 passt nicht", "20417"],
        ["la 20471 est fausse", "20417"],
        ["la 20471 n'est pas la bonne", "20417"],
        ["Ce n'est pas la 20471", "20417"],
        ["20471 ? Non.", "20417"],
        ["Je ne crois pas que ce soit la 20471", "AmbiguousName"],
        ["Je ne pense pas que ce soit 20471", "AmbiguousName"],
        ["la 20471 non", "20417"],
        ["la 20471 est terminée", "AmbiguousName"],
        ["la 20471 no es", "20417"],
        ["20471 es incorrecta", "20417"],
        ["¿20471? No.", "20417"],
        ["No creo que sea la 20471", "20417"],
        ["no puede ser la 20471", "AmbiguousName"],
        ["la 20471 no", "20417"],
        ["La 20471 fue el año pasado", "AmbiguousName"],
        ["la 20471 ya terminó", "AmbiguousName"],
        ["a 20471 não é", "20417"],
        ["20471 está errada", "20417"],
        ["20471? Não.", "20417"],
        ["Não acho que seja a 20471", "20417"],
        ["não pode ser a 20471", "AmbiguousName"],
        ["a 20471 não", "20417"],
        ["A 20471 foi no ano passado", "AmbiguousName"],
        ["a 20471 já terminou", "AmbiguousName"],
        ["20471 is a typo of mine", "20417"],
        ["20471 does not exist any more", "AmbiguousName"],
        ["please ignore 20471", "20417"],
        ["neither 20471", "20417"],
    ]
    .map(|row| row.map(str::to_owned));
    check(rows.iter().map(|row| (row, understood(&row[0]))));
}

/// In other words than "not": to the question for the ID, to a list of two, and once the ticket has its campaign.
#[test]
fn what_is_turned_down_in_other_words_is_not_the_one() {
    let rules = Rules::shipped();
    let directory = directory();
    let known = |text: &str, offered: &[&str]| ticket(text, offered, &directory, &rules);
    let shows = "has shown no clicks since Monday although we had visitors.";
    let asked = known(&format!("The report of my campaign {shows}"), &[]);
    let listed = known(&format!("The report of Orchard Box Autumn {shows}"), &["20417", "20471"]);
    let settled = known(&format!("The report of campaign 20471 {shows}"), &[]);
    let cancelled = known("Please cancel our autumn campaign at the end of the month.", &[]);
    assert_eq!(cancelled.triage.topic.id, "cancellation");
    assert!(settled.asked.is_empty() && asked.asked == cancelled.asked, "{settled:?}");
    let wrong = |texts: Texts, known: &Known, expected: &[&str]| -> Vec<String> {
        let about = |text: &str| triage(&request(text), &directory, &rules, Some(known)).campaign.ids.join(" ");
        texts.mails.into_iter().filter(|text| !expected.contains(&about(text).as_str())).collect()
    };
    for (known, left) in [(&asked, ""), (&listed, "20417"), (&settled, "")] {
        assert_eq!(wrong(table().turned_down, known, &["", left]), Vec::<String>::new());
        assert_eq!(wrong(table().kept, known, &["20471"]), Vec::<String>::new());
    }
    assert_eq!(wrong(table().to_cancel, &cancelled, &["20471"]), Vec::<String>::new());
    let both = ["20417 and 20471 aren't the ones", "forget 20417 and 20471", "20417 und 20471 gehören nicht uns"];
    let both = Texts { mails: both.map(str::to_owned).into() };
    assert_eq!(wrong(both, &asked, &[""]), Vec::<String>::new());
}

/// Where campaigns are to be paused, who says which is to go on does not mean that one; elsewhere he does.
#[test]
fn what_is_to_go_on_is_not_what_is_to_be_paused() {
    let rules = Rules::shipped();
    let directory = directory();
    let asked = |text: &str, offered: &[&str]| ticket(text, offered, &directory, &rules);
    let understood = |text: &str, known: &Known| {
        let campaign = triage(&request(text), &directory, &rules, Some(known)).campaign;
        let taken = matches!(campaign.status, Status::Confirmed | Status::Multiple);
        if taken { campaign.ids.join(" ") } else { "silent".to_owned() }
    };
    let conflict = asked("Please pause Farm Shop Opening, campaign 20471, from Friday on.", &["20471", "20933"]);
    assert_eq!(conflict.triage.campaign.status, Status::Conflict);
    let unlisted = asked("Please pause our campaign from Friday on.", &[]);
    let listed = asked("Please pause Orchard Box Autumn from Friday on.", &["20417", "20471", "20933"]);
    for (known, rows) in [&conflict, &unlisted, &listed].into_iter().zip(&table().left_alone) {
        assert!(known.triage.topic.id == "cancellation" && !known.asked.is_empty(), "{known:?}");
        check(rows.answers.iter().map(|row| (row, understood(&row[0], known))));
    }
    // Once it is settled which is to be paused, that one stays: the customer thinks better of it.
    for (text, offered) in [("Farm Shop Opening, campaign 20471,", &["20471", "20933"][..]), ("campaign 20471", &[])] {
        let before = asked(&format!("Please pause {text} from Friday on."), offered);
        let triage = triage(&request("It is 20471."), &directory, &rules, Some(&before));
        assert_eq!(triage.campaign.id.as_deref(), Some("20471"));
        let after = Known { asked: vec![], triage, ..before };
        for text in ["Actually, don't pause 20471", "20471 must stay live after all", "Don't pause the autumn one"] {
            assert_eq!(understood(text, &after), "20471", "{text}");
        }
    }
    let setup = asked("Please raise the budget of our campaign and extend it to the end of May.", &[]);
    let down = asked("Our campaign went down this morning and shows no ads at all.", &[]);
    let topics = [&setup, &down].map(|known| known.triage.topic.id.as_str());
    assert_eq!(topics, ["campaign-setup", "not-running"]);
    for known in [&setup, &down] {
        check(table().to_keep.mails.iter().map(|row| (row, understood(&row[0], known))));
    }
}

/// What is taken in doubt is flagged, until it is stated plainly; the words that doubt say why.
#[test]
fn an_id_that_is_stated_in_doubt_is_flagged() {
    let rules = Rules::shipped();
    let directory = directory();
    let text = "The report of my campaign has shown no clicks since Monday although we had visitors. Can you check?";
    let first = triage(&request(text), &directory, &rules, None);
    let known = Known { asked: first.missing.clone(), triage: first, offered: vec![], campaign_by_agent: false };
    let flagged = |answer: &str, known: &Known| {
        let after = triage(&request(answer), &directory, &rules, Some(known));
        assert_eq!((after.campaign.id.as_deref(), after.missing.len()), (Some("20471"), 0), "{answer}");
        let flagged = after.flags.iter().any(|flag| flag == "doubted_id");
        let because = |found: &&Evidence| found.rule == "answer.doubted_id" && answer.contains(&found.text);
        assert_eq!(after.campaign.evidence.iter().find(because).is_some(), flagged, "{answer}: {after:?}");
        (flagged, Known { asked: vec![], triage: after, ..known.clone() })
    };
    let wrong = |texts: Texts, expected: bool| -> Vec<String> {
        texts.mails.into_iter().filter(|text| flagged(text, &known).0 != expected).collect()
    };
    assert_eq!(wrong(table().doubted, true), Vec::<String>::new());
    assert_eq!(wrong(table().plain, false), Vec::<String>::new());
    let (_, doubted) = flagged("20471, I guess", &known);
    let thanks = triage(&request("Thanks!"), &directory, &rules, Some(&doubted));
    assert_eq!(thanks.flags, ["doubted_id"]);
    let sure = triage(&request("It is 20471, I checked."), &directory, &rules, Some(&doubted));
    assert!(sure.flags.is_empty() && sure.campaign.id.as_deref() == Some("20471"), "{sure:?}");
    // Two are told, one of them in doubt.
    let text = "Dave says its 20417 but I thought it was 20471?";
    let two = triage(&request(text), &directory, &rules, Some(&known));
    assert!(!two.missing.is_empty() || two.flags.iter().any(|flag| flag == "doubted_id"), "{two:?}");
    for (answer, expected) in [("Hi, 20,417", Some("20417")), ("20,417", Some("20417")), ("20,999", None)] {
        let after = triage(&request(answer), &directory, &rules, Some(&known));
        assert_eq!(after.campaign.id.as_deref(), expected, "{answer}");
    }
}

/// A year that is told from the day of the answer on.
#[test]
fn last_years_is_picked_by_the_day_of_the_answer() {
    let rules = Rules::shipped();
    let directory = directory();
    let date = |day: &str| Some(day.parse::<jiff::Timestamp>().unwrap().as_millisecond());
    let from = Mailbox { name: None, address: "meg@millhouse.example".into() };
    let request = |text: &str, date| Request { from: from.clone(), text: text.to_owned(), date, ..Request::default() };
    let text = "The report of Harvest Supper has shown no clicks since Monday although we had visitors.";
    let first = triage(&request(text, None), &directory, &rules, None);
    let offered: Vec<String> = first.campaign.candidates.iter().map(|candidate| candidate.id.clone()).collect();
    assert_eq!(offered.len(), 3);
    let known = Known { asked: first.missing.clone(), triage: first, offered, campaign_by_agent: false };
    let understood = |text: &str, date| {
        let campaign = triage(&request(text, date), &directory, &rules, Some(&known)).campaign;
        campaign.id.unwrap_or_else(|| format!("{:?}", campaign.status))
    };
    for [text, in_2025, in_2026, undated] in [
        ["this year's", "45003", "45002", "AmbiguousName"],
        ["last year's please", "45001", "45003", "AmbiguousName"],
        ["It is next year's", "45002", "AmbiguousName", "AmbiguousName"],
        ["die vom letzten Jahr", "45001", "45003", "AmbiguousName"],
        ["die diesjährige bitte", "45003", "45002", "AmbiguousName"],
        ["celle de l'année dernière", "45001", "45003", "AmbiguousName"],
        ["la de este año", "45003", "45002", "AmbiguousName"],
        ["a do ano passado", "45001", "45003", "AmbiguousName"],
        ["the one that ran last year", "45001", "45003", "AmbiguousName"],
        ["die letztes Jahr lief", "45001", "45003", "AmbiguousName"],
        ["celle qui a eu lieu l'année dernière", "45001", "45003", "AmbiguousName"],
        ["la que tuvimos el año pasado", "45001", "45003", "AmbiguousName"],
        ["a que tivemos no ano passado", "45001", "45003", "AmbiguousName"],
        ["It was last year's", "45001", "45003", "AmbiguousName"],
        ["not this year's", "AmbiguousName", "AmbiguousName", "AmbiguousName"],
        ["this year's or last year's", "AmbiguousName", "AmbiguousName", "AmbiguousName"],
    ] {
        let got = [date("2025-06-01T10:00:00Z"), date("2026-06-01T10:00:00Z"), None].map(|day| understood(text, day));
        assert_eq!(got, [in_2025, in_2026, undated], "{text}");
    }
    // Said of an ID, it is what that one is not wanted for; what is of another year was not last year's.
    let from = Mailbox { name: None, address: "ann@hollowtree.example".into() };
    let request = |text: &str| {
        let date = date("2026-06-01T10:00:00Z");
        Request { from: from.clone(), text: text.to_owned(), date, ..Request::default() }
    };
    let asked = |text: &str, offered: &[&str]| ticket(text, offered, &directory, &rules);
    let understood = |text: &str, known: &Known| {
        let campaign = triage(&request(text), &directory, &rules, Some(known)).campaign;
        campaign.id.filter(|_| campaign.status == Status::Confirmed).unwrap_or(format!("{:?}", campaign.status))
    };
    let listed = asked("The report of Orchard Box Autumn has shown no clicks since Monday.", &["20417", "20471"]);
    for (text, expected) in [
        ("20417 was last year's", "20471"),
        ("No, 20417 was last year's.", "20471"),
        ("The 20417 was last year's number", "20471"),
        ("20417 war die vom letzten Jahr", "20471"),
        ("la 20417 était celle de l'année dernière", "20471"),
        ("la 20417 era la del año pasado", "20471"),
        ("a 20417 era a do ano passado", "20471"),
        ("20471 was last year's", "AmbiguousName"),
        ("It's last year's", "20417"),
        ("last year's, please", "20417"),
        ("the one from last year", "20417"),
    ] {
        assert_eq!(understood(text, &listed), expected, "{text}");
    }
    let near = asked("The report of campaign 20419 has shown no clicks since Monday.", &["20417"]);
    for (text, expected) in [
        ("Oh, that was last year's number", "UnknownId"),
        ("Sorry, das war die Nummer vom letzten Jahr", "UnknownId"),
        ("Ah, c'était le numéro de l'année dernière", "UnknownId"),
        ("Perdón, era el número del año pasado", "UnknownId"),
        ("Desculpe, era o número do ano passado", "UnknownId"),
        ("It's last year's", "20417"),
        ("Yes, that one", "20417"),
    ] {
        assert_eq!(understood(text, &near), expected, "{text}");
    }
}

/// Who insists on an ID that we do not know has not said yes to the one that we found near it.
#[test]
fn who_insists_on_his_id_is_not_given_another() {
    let rules = Rules::shipped();
    let directory = directory();
    let first = triage(&request("Please pause campaign 20934 until Friday."), &directory, &rules, None);
    assert_eq!(first.campaign.status, Status::UnknownId);
    let offered = vec!["20933".to_owned()];
    let known = Known { asked: first.missing.clone(), triage: first, offered, campaign_by_agent: false };
    for text in [
        "The ID is right.",
        "the id is correct, please check again",
        "No typo, it is right",
        "It is correct.",
        "The number is right, I copied it from the dashboard.",
        "Yes, the ID is correct",
        "Die ID stimmt",
        "Doch, die stimmt",
        "Die Nummer ist richtig",
        "L'identifiant est correct",
        "Ce n'est pas une erreur",
        "El ID es correcto",
        "El número es correcto, no es una errata",
        "O ID está certo",
        "o número está correto",
    ] {
        let after = triage(&request(text), &directory, &rules, Some(&known));
        let because = after.campaign.evidence.iter().any(|found| found.rule == "answer.insists");
        assert_eq!(
            (after.campaign.status, after.campaign.ids.as_slice(), because),
            (Status::UnknownId, ["20934".to_owned()].as_slice(), true),
            "{text}"
        );
    }
    for text in [
        "yes",
        "Yes please",
        "ja genau",
        "yes, that one",
        "correct!",
        "Right.",
        "That's right",
        "That is correct",
        "Yes, that's the right ID",
        "Richtig",
        "Das stimmt",
        "Ja, das stimmt",
        "oui",
        "c'est ça",
        "C'est correct",
        "sí, correcto",
        "Es correcto",
        "sim, é essa",
        "Certo",
        "It's 20933, sorry",
    ] {
        let after = triage(&request(text), &directory, &rules, Some(&known));
        assert_eq!((after.campaign.status, after.campaign.id.as_deref()), (Status::Confirmed, Some("20933")), "{text}");
    }
}

/// Beside the number that is dismissed, and between two marks.
#[test]
fn a_name_in_place_of_an_unknown_id_is_heard() {
    let rules = Rules::shipped();
    let directory = directory();
    let first = triage(&request("Please pause campaign 77777 until Friday."), &directory, &rules, None);
    assert_eq!(first.campaign.status, Status::UnknownId);
    let known = Known { asked: first.missing.clone(), triage: first, offered: vec![], campaign_by_agent: false };
    let named = |text: &str| {
        let campaign = triage(&request(text), &directory, &rules, Some(&known)).campaign;
        campaign.candidates.iter().map(|candidate| candidate.id.clone()).collect::<Vec<_>>().join(" ")
    };
    for text in [
        "Forget the number, it is Farm Shop Opening",
        "Ignore the number, it's the farm shop opening",
        "Sorry, old number. We mean the farm shop.",
        "Vergessen Sie die Nummer, wir meinen die farm shop opening",
    ] {
        assert_eq!(named(text), "20933", "{text}");
    }
    for text in
        ["Ignore the number, sorry.", "Old number. We will open the shop on Monday and need it by then, please."]
    {
        assert_eq!(named(text), "", "{text}");
    }
}

/// Of a mail that answers nothing, too.
#[test]
fn what_a_first_mail_turns_down_it_is_not_about() {
    let rules = Rules::shipped();
    let directory = directory();
    let from = Mailbox { name: None, address: "ann@hollowtree.example".into() };
    let understood = |text: &str| {
        let request = Request { from: from.clone(), text: text.to_owned(), ..Request::default() };
        let ids = triage(&request, &directory, &rules, None).campaign.ids;
        if ids.is_empty() { "silent".to_owned() } else { ids.join(" ") }
    };
    let rows = &table().stated;
    check(rows.iter().flat_map(|stated| &stated.mails).map(|row| (row, understood(&row[0]))));
}

/// Who says that it is settled says it of all of his mail.
#[test]
fn what_is_settled_is_told_from_what_is_not() {
    let rules = Rules::shipped();
    let wrong = |texts: Texts, expected: bool| -> Vec<String> {
        let settled = |text: &String| rules.answers.settled(text, Some("Ann Lee"));
        texts.mails.into_iter().filter(|text| settled(text) != expected).collect()
    };
    assert_eq!(wrong(table().settled, true), Vec::<String>::new());
    assert_eq!(wrong(table().unsettled, false), Vec::<String>::new());
}

/// Who says nothing yet is told from who cannot say, and both from who has something to say.
#[test]
fn what_is_put_off_is_told_from_what_nobody_can_say() {
    let rules = Rules::shipped();
    let wrong = |texts: Texts, heard: &dyn Fn(&str) -> bool, expected: bool| -> Vec<String> {
        texts.mails.into_iter().filter(|text| heard(text) != expected).collect()
    };
    let put_off = |text: &str| rules.answers.puts_off(text, Some("Ann Lee"));
    let cannot_say = |text: &str| rules.answers.cannot_say(text);
    let Table { put_off: later, not_put_off: now, cannot_say: cannot, can_say: can, .. } = table();
    let got = [
        wrong(later, &put_off, true),
        wrong(now, &put_off, false),
        wrong(cannot, &cannot_say, true),
        wrong(can, &cannot_say, false),
    ];
    assert_eq!(got.concat(), Vec::<String>::new());
}

/// A detail that several things together tell, over several mails.
#[test]
fn what_is_told_bit_by_bit_is_told() {
    let rules = Rules::shipped();
    let directory = Directory::build(vec![]);
    let request = |text: &str| Request { text: text.to_owned(), ..Request::default() };
    let invoice = "invoice".to_owned();
    let first =
        triage(&request("There is something wrong with our bill. Please look into it."), &directory, &rules, None);
    assert!(first.topic.id == "billing" && first.wanted.contains(&invoice), "{first:?}");
    let known = |triage| Known { asked: vec![], triage, offered: vec![], campaign_by_agent: false };
    let dated = triage(&request("It was on Monday."), &directory, &rules, Some(&known(first.clone())));
    assert!(dated.wanted.contains(&invoice) && dated.heard.len() == 1, "{dated:?}");
    let said = triage(&request("Both times 49 €."), &directory, &rules, Some(&known(dated)));
    assert!(!said.wanted.contains(&invoice), "{said:?}");
    let alone = triage(&request("Both times 49 €."), &directory, &rules, Some(&known(first)));
    assert!(alone.wanted.contains(&invoice), "{alone:?}");
}

/// A number alone, to a question for one detail and nothing else.
#[test]
fn a_bare_number_is_the_one_detail_that_was_asked_for() {
    let mut files = Rules::shipped_files();
    let (_, billing) = files.iter_mut().find(|(path, _)| path.ends_with("topics/billing.toml")).unwrap();
    *billing = billing.replace("id = \"invoice\"\n", "id = \"invoice\"\nask = \"always\"\n").into();
    let rules = Rules::compile(&files).unwrap();
    let directory = directory();
    let from = Mailbox { name: Some("Ann Lee".into()), address: "ann@hollowtree.example".into() };
    let request = |text: &str| Request { from: from.clone(), text: text.to_owned(), ..Request::default() };
    let first =
        triage(&request("There is something wrong with our bill. Please look into it."), &directory, &rules, None);
    assert_eq!((first.topic.id.as_str(), first.missing.as_slice()), ("billing", ["invoice".to_owned()].as_slice()));
    let known = Known { asked: first.missing.clone(), triage: first, offered: vec![], campaign_by_agent: false };
    let lacks = |text: &str, known: &Known| triage(&request(text), &directory, &rules, Some(known)).missing;
    for text in [
        "2024-0815",
        "RE-10023",
        "It's RE-10023, thanks\n\nAnn",
        "Nummer 4711",
        "n° 2024/0815",
        "Es el 10023, gracias",
        "#10023",
    ] {
        let after = triage(&request(text), &directory, &rules, Some(&known));
        assert_eq!((after.missing.as_slice(), after.campaign.ids.as_slice()), ([].as_slice(), [].as_slice()), "{text}");
        // What was given stays given.
        let known = Known { asked: vec![], triage: after, ..known.clone() };
        assert_eq!(lacks("Thanks!", &known), Vec::<String>::new());
    }
    for text in
        ["not 2024-0815", "RE-10023?", "call me on 0151 20418", "we have 3000 subscribers", "I think 4711", "No idea"]
    {
        assert_eq!(lacks(text, &known), ["invoice"], "{text}");
    }
    // Beside another question nobody knows what a number answers.
    let both = Known { asked: vec!["campaign_id".into(), "invoice".into()], ..known };
    assert_eq!(lacks("RE-10023", &both), ["invoice"]);
}
