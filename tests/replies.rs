//! The shipped reply templates, as customers read them: complete in every language, free of customers' words, and looked
//! at (each snapshot in tests/snapshots/ was read by a person's eyes, not only by this test).
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use deskclerk::reply::compose::{Choice, Facts, Kind, compose};
use deskclerk::reply::templates::Templates;
use deskclerk::rules::Files;

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
fn no_language_lacks_a_template() {
    let templates = templates();
    assert_eq!(templates.languages(), LANGUAGES);
    assert_eq!(templates.gaps(), Vec::<String>::new());
}

#[test]
fn every_mail_as_it_is_sent() {
    let templates = templates();
    for language in LANGUAGES {
        for kind in Kind::ALL {
            let mut shown = String::new();
            for proven in [false, true] {
                let words = compose(kind, &Facts::sample(kind, proven), &templates, language).unwrap();
                assert_eq!(words.language, language);
                let who = if proven { "proven sender" } else { "anybody" };
                if words.template != kind.as_str() {
                    shown += &format!("=== {who}\nas {}\n\n", words.template);
                    continue;
                }
                shown += &format!("=== {who}\nSubject: {}\n\n{}\n", words.subject, words.text);
                if proven {
                    shown += &format!("=== HTML\n{}\n", words.html);
                }
            }
            insta::assert_snapshot!(format!("{language}_{}", kind.as_str()), shown);
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
            .map(|name| Choice { id: "{{ticket}}".into(), name: name.into(), apart: Some("{{ desk }}".into()) })
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
    assert_eq!(templates.gaps(), ["de/reminder.txt"]);
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
    check_fault("pt/words.toml", |text| text.replace("[details]", "[detalhes]"), 17, "detalhes");
    check_fault("layout.html", |text| text.replace("{{ subject }}", "{{ asunto }}"), 11, "asunto");
    check_fault("en/several.txt", |text| text.replace("opening.txt", "openning.txt"), 3, "openning.txt");
}
