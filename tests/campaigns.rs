//! Golden cases of campaign identification: every `fixtures/campaigns/*.jsonl`, judged against the directory beside it.
//!
//! A case is one JSON object a line: the parts of a request, and what is expected. The test prints everything that is
//! wrong, not only the first; no cases found fails.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::fmt::Write;
use std::path::Path;

use deskclerk::campaigns::{self, Campaign, Directory, Hints, Identified, Kind, load};
use deskclerk::request::evidence::Where;
use deskclerk::request::language;
use deskclerk::request::reading::Reading;
use deskclerk::request::{Attachment, Field, FieldKey, Mailbox, Request};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(default)]
    from: String,
    #[serde(default)]
    subject: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    quoted: String,
    #[serde(default)]
    signature: String,
    #[serde(default)]
    forwarded: String,
    /// Meaning, label, value.
    #[serde(default)]
    fields: Vec<(FieldKey, String, String)>,
    #[serde(default)]
    links: Vec<String>,
    #[serde(default)]
    attachments: Vec<String>,
    expect: Expect,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    status: campaigns::Status,
    id: Option<String>,
    #[serde(default)]
    ids: Vec<String>,
    #[serde(default)]
    candidates: Vec<String>,
    not_specific: Option<bool>,
    speaks: Option<bool>,
    on_account: Option<bool>,
    near: Option<Vec<String>>,
    /// A rule that must be among the evidence.
    rule: Option<String>,
}

fn request(case: &Case) -> Request {
    let field = |(key, label, value): &(FieldKey, String, String)| Field {
        key: *key,
        label: label.clone(),
        value: value.clone(),
    };
    let attachment = |name: &String| Attachment {
        name: name.clone(),
        media_type: "application/pdf".into(),
        size: 1,
        inline: false,
        alt: None,
        url: None,
        dropped: None,
    };
    Request {
        from: Mailbox { name: None, address: case.from.clone() },
        subject: case.subject.clone(),
        text: case.text.clone(),
        quoted: case.quoted.clone(),
        signature: case.signature.clone(),
        forwarded: case.forwarded.clone(),
        links: case.links.clone(),
        fields: case.fields.iter().map(field).collect(),
        attachments: case.attachments.iter().map(attachment).collect(),
        language: language::detect(&case.text, &Reading::shipped()),
        ..Request::default()
    }
}

fn sorted(mut list: Vec<String>) -> Vec<String> {
    list.sort();
    list
}

/// What of the verdict is wrong; empty when nothing is.
fn wrong(got: &Identified, expect: &Expect, request: &Request) -> String {
    let mut out = String::new();
    let mut check = |what: &str, got: String, wanted: String| {
        if got != wanted {
            writeln!(out, "    {what}: {got}, expected {wanted}").unwrap();
        }
    };
    check("status", format!("{:?}", got.status), format!("{:?}", expect.status));
    check("id", format!("{:?}", got.id), format!("{:?}", expect.id));
    if expect.status == campaigns::Status::Multiple {
        check("ids", format!("{:?}", sorted(got.ids.clone())), format!("{:?}", sorted(expect.ids.clone())));
    }
    let ids = |kind: Kind| {
        let of_kind = got.candidates.iter().filter(|candidate| candidate.kind == kind);
        sorted(of_kind.map(|candidate| candidate.id.clone()).collect())
    };
    check("candidates", format!("{:?}", ids(Kind::Named)), format!("{:?}", sorted(expect.candidates.clone())));
    if let Some(wanted) = expect.not_specific {
        check("said_not_specific", got.said_not_specific.to_string(), wanted.to_string());
    }
    if let Some(wanted) = expect.speaks {
        check("speaks_of_a_campaign", got.speaks_of_a_campaign.to_string(), wanted.to_string());
    }
    if let Some(wanted) = expect.on_account {
        check("sender_on_account", format!("{:?}", got.sender_on_account), format!("{:?}", Some(wanted)));
    }
    if let Some(wanted) = &expect.near {
        check("near misses", format!("{:?}", ids(Kind::NearMiss)), format!("{:?}", sorted(wanted.clone())));
        // Named campaigns stand first, then near misses, the likeliest first.
        let order = |candidate: &campaigns::Candidate| match candidate.kind {
            Kind::Named => -1.0,
            Kind::NearMiss => 1.0 - candidate.score,
        };
        check("order", got.candidates.is_sorted_by_key(order).to_string(), "true".to_owned());
    }
    if let Some(wanted) = &expect.rule {
        let found = got.evidence.iter().any(|evidence| evidence.rule == *wanted);
        check("rule", found.to_string(), "true".to_owned());
    }
    for evidence in &got.evidence {
        let zone = match evidence.place {
            Where::Subject => &request.subject,
            Where::Text => &request.text,
            Where::Quoted => &request.quoted,
            Where::Forwarded => &request.forwarded,
            Where::Signature => &request.signature,
            _ => continue,
        };
        let span = zone.get(evidence.start..evidence.end);
        check("span", format!("{span:?}"), format!("{:?}", Some(evidence.text.as_str())));
    }
    out
}

#[test]
fn golden_cases() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/campaigns");
    let (mut cases, mut bad, mut report) = (0, 0, String::new());
    let mut files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "jsonl")) {
        let stem = file.file_stem().unwrap().display().to_string();
        let (list, faults) = load::parse(&std::fs::read(file.with_extension("csv")).unwrap(), &stem);
        assert_eq!(faults, [], "{}", file.display());
        let directory = Directory::build(list);
        for (line, text) in std::fs::read_to_string(file).unwrap().lines().enumerate() {
            if text.trim().is_empty() {
                continue;
            }
            let case: Case =
                serde_json::from_str(text).unwrap_or_else(|error| panic!("{}:{}: {error}", file.display(), line + 1));
            let request = request(&case);
            let got = campaigns::identify(&request, &directory, Hints::shipped());
            let problems = wrong(&got, &case.expect, &request);
            cases += 1;
            if !problems.is_empty() {
                bad += 1;
                let seen = got.evidence.iter().map(|e| format!("{} {:?} {:.2}", e.rule, e.text, e.weight));
                let seen: Vec<String> = seen.collect();
                write!(report, "- {stem}: {}\n{problems}    saw: {}\n", case.name, seen.join("; ")).unwrap();
            }
        }
    }
    println!("{cases} cases, {bad} wrong");
    assert!(cases >= 150, "only {cases} golden cases found in {}", folder.display());
    assert!(bad == 0, "{bad} of {cases} cases are wrong:\n{report}");
}

#[test]
fn whose_campaign_nobody_has_said_is_everybodys() {
    let winter = Campaign { id: "81001".into(), name: "Winter Tires".into(), ..Campaign::default() };
    let owned = Campaign { id: "81002".into(), contacts: vec!["autoa.example".into()], ..winter.clone() };
    let directory = Directory::build(vec![winter, owned.clone()]);
    assert!(directory.knows("ann@customer.example") && !Directory::build(vec![owned]).knows("ann@customer.example"));
    for (id, on_account) in [("81001", None), ("81002", Some(false))] {
        let from = Mailbox { name: None, address: "ann@customer.example".into() };
        let request = Request { from, text: format!("Campaign ID {id} is not running."), ..Request::default() };
        let identified = campaigns::identify(&request, &directory, Hints::shipped());
        assert_eq!((identified.id.as_deref(), identified.sender_on_account), (Some(id), on_account));
    }
}

/// Whoever names one of a group without its ID may mean any of it.
#[test]
fn of_several_that_fit_the_rest_of_their_group_is_told_as_well() {
    let of = |id: &str, name: &str| Campaign {
        id: id.into(),
        name: name.into(),
        account: "Acme".into(),
        ..Campaign::default()
    };
    let names = [("11", "Spring Sale 2024"), ("12", "Spring Sale 2025"), ("13", "Spring Sales 2025")];
    let directory = Directory::build(names.map(|(id, name)| of(id, name)).to_vec());
    let request = Request { text: "The Spring Sale 2025 campaign stopped".into(), ..Request::default() };
    let got = campaigns::identify(&request, &directory, Hints::shipped());
    let ids = |list: &mut dyn Iterator<Item = &String>| sorted(list.cloned().collect());
    assert_eq!(ids(&mut got.candidates.iter().map(|candidate| &candidate.id)), ["12", "13"]);
    assert_eq!(ids(&mut got.similar.iter().map(|named| &named.id)), ["11"]);
}
