//! The shipped reply templates, as customers read them: complete in every language, free of customers' words, and looked
//! at (each snapshot in tests/snapshots/ was read by a person's eyes, not only by this test).
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use deskclerk::campaigns::Named;
use deskclerk::reply::compose::{Choice, Facts, Kind, compose};
use deskclerk::reply::lint::lint;
use deskclerk::reply::page::PageState;
use deskclerk::reply::templates::Templates;
use deskclerk::rules::{Files, Rules};

const LANGUAGES: [&str; 5] = ["de", "en", "es", "fr", "pt"];

fn shipped() -> Files {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules/replies");
    let mut files = Files::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
                files.insert(name, fs::read_to_string(path).unwrap().into());
            }
        }
    }
    files
}

fn templates() -> Templates {
    Templates::compile(&shipped()).unwrap_or_else(|faults| panic!("{faults:#?}"))
}

#[test]
fn the_shipped_templates_are_proven() {
    // A language whose files are as shipped is taken for proven: here each differs by an empty line.
    let anew = shipped().into_iter().map(|(path, text)| (path, format!("{text}\n").into())).collect();
    assert_eq!(Templates::compile(&anew).err().unwrap_or_default(), []);
}

#[test]
fn no_language_lacks_a_template() {
    let templates = templates();
    assert_eq!(templates.languages(), LANGUAGES);
    assert_eq!(findings(&Rules::shipped_files(), &LANGUAGES), Vec::<String>::new());
}

#[test]
fn every_mail_as_it_is_sent() {
    let templates = templates();
    let rules = Rules::shipped();
    let details: Vec<&str> = rules.all_details().into_iter().collect();
    for language in LANGUAGES {
        for kind in Kind::ALL {
            let mut shown = String::new();
            for proven in [false, true] {
                for (case, facts) in Facts::cases(kind, proven, &details) {
                    let words = compose(kind, &facts, &templates, language).unwrap();
                    assert_eq!(words.language, language);
                    let who = if proven { "proven sender" } else { "anybody" };
                    if words.template != kind.as_str() {
                        shown += &format!("=== {who}: {case}\nas {}\n\n", words.template);
                        continue;
                    }
                    shown += &format!("=== {who}: {case}\nSubject: {}\n\n{}\n", words.subject, words.text);
                    // The head is the same in all cases.
                    let html = if case == "plain" { words.html.as_str() } else { body_of(&words.html, "<div") };
                    if proven {
                        shown += &format!("=== HTML\n{html}\n");
                    }
                }
            }
            insta::assert_snapshot!(format!("{language}_{}", kind.as_str()), shown);
        }
    }
}

fn body_of<'a>(html: &'a str, from: &str) -> &'a str {
    &html[html.find(from).unwrap()..]
}

#[test]
fn every_page_of_a_one_tap_answer() {
    let templates = templates();
    let campaign = Named { id: "20417".into(), name: "Summer <Sale>".into() };
    for language in LANGUAGES {
        let mut shown = String::new();
        for state in PageState::ALL {
            let campaigns = if matches!(state, PageState::Open | PageState::Done) { 2 } else { 1 };
            for campaign in [None, Some(&campaign)].into_iter().take(campaigns) {
                let page = templates.page(state, 1042, "Northwind Campaigns", campaign, language).unwrap();
                let html = body_of(&page.html, "<main");
                shown +=
                    &format!("=== {}\nTitle: {}\n\n{}\n=== HTML\n{html}\n", state.as_str(), page.subject, page.text);
            }
        }
        insta::assert_snapshot!(format!("{language}_tap"), shown);
    }
}

#[test]
fn no_detail_is_asked_for_twice() {
    // What a description is asked for with is asked once: by itself, or by a detail of the topic.
    for language in LANGUAGES {
        for kind in [Kind::Several, Kind::MissingDescription] {
            let cases = Facts::cases(kind, true, &[]);
            let text = |case: usize| {
                compose(kind, &cases[case].1, &templates(), language)
                    .unwrap()
                    .text
                    .split_whitespace()
                    .collect::<Vec<_>>()
                    .join(" ")
            };
            let since = match language {
                "de" => "seit wann",
                "en" => "since when",
                "es" => "desde cuándo",
                "fr" => "depuis",
                _ => "desde quando",
            };
            assert_eq!(text(0).to_lowercase().matches(since).count(), 1, "{}", text(0));
            let with_details = text(1).to_lowercase();
            assert_eq!(with_details.matches(since).count(), usize::from(language != "en"), "{with_details}");
            assert!(!with_details.contains("with both") && !with_details.contains("mit beidem"), "{with_details}");
        }
    }
}

fn all_words(facts: &Facts) -> Vec<String> {
    let templates = templates();
    let compositions = LANGUAGES.iter().flat_map(|language| Kind::ALL.map(|kind| (kind, language)));
    compositions
        .map(|(kind, language)| {
            let words = compose(kind, facts, &templates, language).unwrap();
            format!("{}\n{}\n{}", words.subject, words.text, words.html)
        })
        .collect()
}

#[test]
fn nothing_unproven_names_a_campaign() {
    for words in all_words(&Facts::sample(Kind::Conflict, false)) {
        for secret in ["20417", "20418", "20471", "Summer Sale"] {
            assert!(!words.contains(secret), "{secret} in {words}");
        }
    }
}

#[test]
fn who_is_not_proven_cannot_tell_what_the_directory_holds() {
    let templates = templates();
    for language in LANGUAGES {
        let words = |kind| compose(kind, &Facts::sample(kind, false), &templates, language).unwrap();
        for kind in [Kind::AmbiguousName, Kind::UnknownId, Kind::Conflict] {
            assert_eq!(words(kind), words(Kind::MissingId));
        }
    }
}

#[test]
fn a_stated_id_is_repeated_only_when_harmless() {
    for stated in [
        "FREE NITRO http://x",
        "http://x.example",
        "20471\r\nBcc: v@x.example",
        "<b>1</b>",
        "ＣＭＰ１",
        &"9".repeat(41),
    ] {
        let mut facts = Facts::sample(Kind::UnknownId, true);
        facts.stated = Some(stated.to_owned());
        for words in all_words(&facts) {
            assert!(!words.contains(stated) && !words.contains("NITRO") && !words.contains("x.example"), "{words}");
        }
    }
}

#[test]
fn data_is_never_a_template_nor_markup() {
    let mut facts = Facts::sample(Kind::AmbiguousName, true);
    facts.candidates =
        ["{{7*7}}", "{% for x in y %}", "<svg onload=alert(1)>", "a\r\n\r\nBcc: v@x.example", "b\n- c\\"]
            .map(|name| Choice {
                id: "{{ticket}}".into(),
                name: name.into(),
                account: Some("{{ desk }}".into()),
                status: None,
            })
            .to_vec();
    facts.desk = "<b>Desk</b>\r\nX-Evil: 1".into();
    facts.topic = Some(("own-topic".into(), "{{ desk }}\u{202e}<i>".into()));
    let words = compose(Kind::AmbiguousName, &facts, &templates(), "en").unwrap();
    for literal in [
        "{{7*7}} ({{ desk }}) – Campaign ID {{ticket}}",
        "{% for x in y %}",
        "“{{ desk }} <i>”",
        "<svg onload=alert(1)>",
    ] {
        assert!(words.text.replace('\n', " ").replace("  ", " ").contains(literal), "{literal} in {}", words.text);
    }
    assert!(
        !words.html.contains("<svg") && !words.html.contains("<b>Desk") && !words.html.contains("<i>"),
        "{}",
        words.html
    );
    assert!(words.html.contains("{{7*7}}"));
    assert!(
        !words.text.contains("\nBcc:") && !words.text.contains("\nX-Evil") && !words.text.contains("\n- c"),
        "{}",
        words.text
    );
}

#[test]
fn every_subject_is_one_line_with_the_ticket() {
    let templates = templates();
    for language in LANGUAGES {
        for kind in Kind::ALL {
            let subject = compose(kind, &Facts::sample(kind, true), &templates, language).unwrap().subject;
            assert!(subject.starts_with("[#1042] ") && subject.chars().count() <= 78, "{subject}");
            assert!(!subject.contains(char::is_control) && !subject.contains("Summer"), "{subject}");
        }
    }
}

#[test]
fn a_language_without_the_template_falls_back() {
    let mut files = shipped();
    files.remove("de/reminder.txt");
    let templates = Templates::compile(&files).unwrap();
    assert_eq!(templates.gaps("de"), ["de/reminder.txt"]);
    let check = |kind, wanted: Option<&str>, fallback, expected: &str| {
        let language = templates.language(wanted, fallback);
        assert_eq!(compose(kind, &Facts::sample(kind, false), &templates, language).unwrap().language, expected);
    };
    check(Kind::Reminder, Some("de"), "fr", "en");
    check(Kind::MissingId, Some("de"), "fr", "de");
    check(Kind::MissingId, Some("pt-BR"), "fr", "pt");
    check(Kind::MissingId, Some("nl"), "fr", "fr");
    check(Kind::MissingId, None, "xx", "en");
    assert!(compose(Kind::MissingId, &Facts::sample(Kind::MissingId, false), &Templates::default(), "en").is_err());
}

/// `change` breaks one file; the fault names it with its line.
fn check_fault(path: &str, change: impl FnOnce(&str) -> String, line: usize, message: &str) {
    let mut files = shipped();
    let text = change(&files[path]);
    files.insert(path.to_owned(), text.into());
    let faults = Templates::compile(&files).unwrap_err();
    assert_eq!((faults[0].file.as_str(), faults[0].line), (format!("replies/{path}").as_str(), line), "{faults:?}");
    assert!(faults[0].message.contains(message), "{faults:?}");
}

#[test]
fn faults_name_file_and_line() {
    check_fault(
        "de/conflict.txt",
        |text| text.replace("Wir möchten", "{{ campain }}"),
        6,
        "unknown variable `campain`",
    );
    check_fault(
        "en/missing_id.txt",
        |text| text.replace("#{{ ticket }}", "#{{ tiket }}"),
        1,
        "unknown variable `tiket`",
    );
    check_fault("en/missing_id.txt", |text| text.replace("Subject:", "Betreff:"), 1, "no subject");
    check_fault("fr/where.txt", |text| format!("{text}{{% if %}}"), 2, "syntax error");
    check_fault("es/list.txt", |text| text.replace("campaign.name", "campaign.nombre"), 2, "undefined");
    check_fault("pt/words.toml", |text| text.replace("[details]", "[detalhes]"), 18, "detalhes");
    check_fault("layout.html", |text| text.replace("{{ subject }}", "{{ asunto }}"), 6, "asunto");
    check_fault("en/several.txt", |text| text.replace("opening.txt", "openning.txt"), 3, "openning.txt");
}

#[test]
fn what_english_lacks_is_a_fault() {
    for path in ["en/missing_id.txt", "en/tap.txt", "en/layout.txt"] {
        let mut files = shipped();
        files.remove(path);
        let faults = Templates::compile(&files).unwrap_err();
        let named = faults.iter().filter(|fault| fault.file == format!("replies/{path}") && fault.line == 0);
        assert_eq!(named.count(), 1, "{path}: {faults:?}");
    }
    let mut files = shipped();
    files.retain(|path, _| !path.starts_with("en/"));
    assert!(Templates::compile(&files).unwrap_err().iter().any(|fault| fault.file == "replies/en/missing_id.txt"));
    // Rules without any replies are rules all the same: nothing is ever answered.
    assert!(Templates::compile(&Files::new()).is_ok());
}

/// What `deskclerk replies check` finds in these rules: `file:line: message`.
fn findings(files: &Files, languages: &[&str]) -> Vec<String> {
    let rules = Rules::compile(files).unwrap();
    let templates = Templates::compile(&rules.replies).unwrap();
    let languages: BTreeSet<String> = languages.iter().map(|language| (*language).to_owned()).collect();
    let found = lint(&rules, &templates, &languages);
    found.iter().map(|fault| format!("{}:{}: {}; {}", fault.file, fault.line, fault.message, fault.remedy)).collect()
}

#[test]
fn all_faults_of_all_languages_are_told_at_once() {
    let mut files = shipped();
    let mut add = |path: &str, text: &str| {
        let broken = format!("{}{text}", files[path]);
        files.insert(path.to_owned(), broken.into());
    };
    add("de/missing_id.txt", "{{ foo }} {{ bar }}\n");
    add("de/several.txt", "{{ ticket.number }}\n");
    add("en/list.txt", "{{ candidate.name }}\n");
    add("es/hand_over.txt", "{% if %}\n");
    add("fr/tap.txt", "{{ nope }}\n");
    add("fr/conflict.txt", "{{ campaign.nom }}\n");
    files.remove("pt/layout.txt");
    let (templates, faults) = Templates::read(&files);
    let told: Vec<(&str, bool)> = faults.iter().map(|fault| (fault.file.as_str(), fault.line > 0)).collect();
    let expected = ["de/missing_id", "de/missing_id", "de/several", "en/list", "es/hand_over", "fr/conflict", "fr/tap"];
    let expected = expected.map(|stem| format!("replies/{stem}.txt"));
    assert_eq!(told, expected.iter().map(|file| (file.as_str(), true)).collect::<Vec<_>>(), "{faults:#?}");
    assert!(faults.iter().all(|fault| !fault.remedy.is_empty()));
    assert_eq!(templates.gaps("pt"), ["pt/layout.txt"]);
    // What has a fault is not told as missing, too.
    let mut files = shipped();
    let subject = files["de/several.txt"].split_once('\n').map(|(_, rest)| rest.to_owned()).unwrap();
    files.insert("de/several.txt".into(), subject.into());
    let rules = Rules::shipped_files().into_iter().filter(|(path, _)| !path.starts_with("replies/"));
    let files: Files = files.into_iter().map(|(path, text)| (format!("replies/{path}"), text)).chain(rules).collect();
    let rules = Rules::compile(&files).unwrap();
    let (templates, _) = Templates::read(&rules.replies);
    let found = lint(&rules, &templates, &BTreeSet::new());
    assert!(found.iter().all(|fault| !fault.file.contains("several")), "{found:#?}");
}

/// `change` breaks the shipped rules; each finding begins as expected.
fn check_findings(change: impl FnOnce(&mut Files), expected: &[&str]) {
    let mut files = Rules::shipped_files();
    change(&mut files);
    let found = findings(&files, &LANGUAGES);
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "{found}");
    }
}

#[test]
fn what_compiles_and_is_no_good_is_found() {
    check_findings(|_| {}, &[]);
    check_findings(
        |files| files.retain(|path, _| !path.starts_with("replies/pt/")),
        &["replies/pt:0: is missing: whoever writes in this language is answered in another"],
    );
    check_findings(
        |files| drop(files.remove("replies/fr/tap.txt")),
        &["replies/fr/tap.txt:0: is missing, and English stands in"],
    );
    let edit = |files: &mut Files, path: &str, from: &str, to: &str| {
        let text = files[path].replace(from, to);
        assert_ne!(text, files[path]);
        files.insert(path.to_owned(), text.into());
    };
    check_findings(
        |files| edit(files, "replies/de/words.toml", "billing =", "billig ="),
        &[
            "replies/de/words.toml:0: [topics] has no `billing`",
            "replies/de/words.toml:3: [topics] names `billig`, and there is no such topic; write `billing`, or take it out",
        ],
    );
    check_findings(
        |files| edit(files, "replies/es/words.toml", "invoice =", "invoyce ="),
        &[
            "replies/es/words.toml:0: [details] has no `invoice`",
            "replies/es/words.toml:18: [details] names `invoyce`, and there is no such detail; write `invoice`",
        ],
    );
    let topic = |files: &mut Files| {
        let text = files["topics/partners.toml"].replace("id = \"partners\"", "id = \"partner-news\"");
        files.insert("topics/partner-news.toml".into(), text.into());
    };
    check_findings(
        topic,
        &["de", "es", "fr", "pt"]
            .map(|code| format!("replies/{code}/words.toml:0: [topics] has no `partner-news`"))
            .each_ref()
            .map(String::as_str),
    );
    check_findings(
        |files| {
            files.insert("replies/en/foo.txt".into(), "Hello".into());
            files.insert("replies/en/reminders.txt".into(), "Hello".into());
            files.insert("replies/pt-BR/where.txt".into(), "Hello".into());
            files.insert("replies/page.txt".into(), "Hello".into());
        },
        &[
            "replies/en/foo.txt:0: is read by nobody; include it in a template, or take it out",
            "replies/en/reminders.txt:0: is read by nobody; name it reminder.txt, or take it out",
            "replies/page.txt:0: is read by nobody; include it in a template, or take it out",
            "replies/pt-BR:0: is no language",
        ],
    );
    check_findings(
        |files| files.retain(|path, _| !path.starts_with("replies/")),
        &["replies/:0: there are no reply templates"],
    );
    let bare = |files: &mut Files| {
        for (path, text) in files.iter_mut().filter(|(path, _)| path.ends_with("/fr/words.toml")) {
            assert_eq!(path, "replies/fr/words.toml");
            let (_, details) = text.split_once("[details]").unwrap();
            *text = format!("[details]{details}").into();
        }
    };
    check_findings(bare, &["replies/fr/words.toml:0: [topics] names no topic"]);
}
