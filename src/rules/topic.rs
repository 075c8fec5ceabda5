//! A topic file as written: `topics/*.toml` read into typed parts, each with its line. Nothing is compiled here.
//!
//! The same reader serves the signals of routing rules and details, so that there is one language to learn.

use super::Concerns;
use super::example::Example;
use super::sheet::{Sheet, Table, nearest};
use crate::config::fault::Fault;
use crate::request::address::ascii_domain;
use crate::request::evidence::Where;

/// The places that `in` may name, with their bit.
pub const PLACES: [(&str, Where); 8] = [
    ("subject", Where::Subject),
    ("text", Where::Text),
    ("form", Where::Form),
    ("forwarded", Where::Forwarded),
    ("quoted", Where::Quoted),
    ("signature", Where::Signature),
    ("attachment", Where::Attachment),
    ("link", Where::Link),
];

/// What people call places that have another name here.
const OTHER_PLACES: [(&str, &str); 9] = [
    ("body", "text"),
    ("message", "text"),
    ("content", "text"),
    ("title", "subject"),
    ("betreff", "subject"),
    ("field", "form"),
    ("file", "attachment"),
    ("filename", "attachment"),
    ("url", "link"),
];

/// The keys of a topic that are numbers, as phrases with a weight are.
const NUMBERS: [&str; 5] = ["prior", "threshold", "threshold_named", "named", "margin"];

/// How many words away `near` may stand unless the signal says.
pub const NEAR_WORDS: usize = 8;

/// A phrase as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phrase {
    /// The words; `...` stands for up to four words between. `@name` stands for the words of a class.
    pub text: String,
    /// The language under which it is filed.
    pub language: Option<String>,
    /// Its line.
    pub line: usize,
}

/// A header that must stand there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Its name, lower case.
    pub name: String,
    /// Words that its value must hold, lower case; empty: any value.
    pub value: String,
}

/// A signal as written: when it fires, and what it weighs.
#[derive(Debug, Clone, Default)]
pub struct Signal {
    /// Its line.
    pub line: usize,
    /// Its name within the file.
    pub name: String,
    /// Points for the topic; negative points against it.
    pub weight: f64,
    /// Any of these makes it fire.
    pub phrases: Vec<Phrase>,
    /// Or any of these, with their lines.
    pub regexes: Vec<(String, usize)>,
    /// And then one of these must stand within `within` words.
    pub near: Vec<Phrase>,
    /// And one of these must stand anywhere in the same places.
    pub with: Vec<Phrase>,
    /// How many words away `near` may stand; `None`: [`NEAR_WORDS`].
    pub within: Option<usize>,
    /// None of these may stand anywhere in the same places.
    pub unless: Vec<Phrase>,
    /// Where it looks; empty: subject, text, form, forwarded.
    pub places: Vec<Where>,
    /// Languages of the request in which it applies; empty: all. A text too short to tell its language passes.
    pub lang: Vec<String>,
    /// Only in the form field with this label.
    pub field: Option<String>,
    /// Only of senders of these domains or their subdomains; alone it fires by itself.
    pub sender_domains: Vec<String>,
    /// Only with an attachment of one of these types (`text/csv`, `image/*`) or name endings (`.csv`).
    pub attachment_types: Vec<String>,
    /// Only of requests that came by a form or webhook on the customer's behalf from this domain.
    pub sources: Vec<String>,
    /// Only of mails with one of these headers; alone it fires by itself.
    pub headers: Vec<Header>,
    /// Written as one line of `[weights]`.
    pub short: bool,
}

/// A required detail as written.
#[derive(Debug, Clone)]
pub struct Detail {
    /// Its id.
    pub id: String,
    /// When it is known: when every signal of any of these groups fires.
    pub known: Vec<Vec<Signal>>,
    /// Asked for even when nothing else is missing.
    pub ask_always: bool,
}

/// A topic file as written.
#[derive(Debug, Clone)]
pub struct Topic {
    /// The file.
    pub file: String,
    /// Its syntax is wrong: this is only part of what was written.
    pub broken: bool,
    /// Its id, with its line.
    pub id: (String, usize),
    /// Its label for people.
    pub label: String,
    /// Other names that forms give it, of all languages.
    pub labels: Vec<Phrase>,
    /// Whether it is about one campaign.
    pub campaign: Concerns,
    /// Words that say this request is not about one campaign, although the topic is.
    pub campaign_unless: Vec<Phrase>,
    /// The team.
    pub team: String,
    /// Points that it has before anything is read.
    pub prior: f64,
    /// Points it must reach.
    pub threshold: f64,
    /// Points it must reach when the request names a campaign: who says which one wants something of it.
    pub threshold_named: f64,
    /// Points for naming a campaign; negative for what is seldom about one.
    pub named: f64,
    /// Points by which it must lead the next one.
    pub margin: f64,
    /// Its signals.
    pub signals: Vec<Signal>,
    /// Its details.
    pub details: Vec<Detail>,
    /// Its examples and counter-examples.
    pub examples: Vec<Example>,
}

/// Reads one topic file, also with faults; without a topic where it is over the bound.
pub fn read(file: &str, text: &str) -> (Option<Topic>, Vec<Fault>) {
    let mut topic = None;
    let faults = Sheet::new(file, text).read(|sheet, mut root| {
        let id = sheet.text(&mut root, "id");
        let plain = |id: &str| !id.is_empty() && id.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '-' | '_'));
        match &id {
            None => sheet.fault(1, "the topic has no `id`", "add id = \"billing\" or the like at the top"),
            Some((id, line)) if !plain(id) => {
                sheet.fault(*line, format!("`{id}` is no id"), "use small letters, digits, - and _");
            }
            Some(_) => {}
        }
        let label = sheet.text(&mut root, "label").map(|(label, line)| {
            if label.trim().is_empty() {
                sheet.fault(line, "the topic's `label` is empty", "write what customers call it");
            }
            label
        });
        let campaign = match sheet.text(&mut root, "campaign") {
            None => Concerns::Optional,
            Some((word, line)) => match word.as_str() {
                "required" => Concerns::Required,
                "optional" => Concerns::Optional,
                "never" => Concerns::Never,
                _ => {
                    sheet.fault(line, format!("`campaign` is \"{word}\""), "write required, optional or never");
                    Concerns::Optional
                }
            },
        };
        let mut read = Topic {
            file: file.into(),
            broken: sheet.broken,
            label: label.or_else(|| id.as_ref().map(|(id, _)| id.clone())).unwrap_or_default(),
            id: id.unwrap_or_default(),
            labels: (sheet.texts_by_key(&mut root, "labels").into_iter())
                .map(|(language, text, line)| Phrase { text, language, line })
                .collect(),
            campaign,
            campaign_unless: phrases(sheet, &mut root, "campaign_unless"),
            team: sheet.name(&mut root, "team").map_or_else(|| super::judge::TEAM.into(), |(team, _)| team),
            prior: sheet.number(&mut root, "prior").unwrap_or(0.0),
            threshold: 0.0,
            threshold_named: 0.0,
            named: sheet.number(&mut root, "named").unwrap_or(0.0),
            margin: sheet.positive(&mut root, "margin").unwrap_or(0.0),
            signals: vec![],
            details: vec![],
            examples: vec![],
        };
        read.threshold = sheet.number(&mut root, "threshold").unwrap_or(2.0);
        read.threshold_named = sheet.number(&mut root, "threshold_named").unwrap_or(read.threshold);
        sheet.tables(&mut root, "signal", |sheet, table| read.signals.push(signal(sheet, table, 2.0)));
        for (text, weight, line) in sheet.numbers_by_key(&mut root, "weights", &NUMBERS) {
            let name = slug(&text);
            let phrases = vec![Phrase { text, language: None, line }];
            read.signals.push(Signal { line, name, weight, phrases, short: true, ..Signal::default() });
        }
        sheet.tables(&mut root, "detail", |sheet, table| {
            let Some((id, _)) = sheet.text(table, "id").filter(|(id, _)| !id.trim().is_empty()) else {
                return sheet.fault(table.line, "the detail has no `id`", "add id = \"period\" or the like");
            };
            if read.details.iter().any(|detail| detail.id == id) {
                let message = format!("the detail `{id}` stands here twice");
                sheet.fault(table.line, message, "make one of them: each [[detail.any_of]] of it is enough");
            }
            read.details.push(detail(sheet, table, id));
        });
        sheet.tables(&mut root, "example", |sheet, table| read.examples.push(Example::read(sheet, table, true)));
        sheet.tables(&mut root, "counter_example", |sheet, table| {
            let topic = sheet.name(table, "topic").map(|(topic, _)| topic);
            read.examples.push(Example { topic, ..Example::read(sheet, table, false) });
        });
        sheet.finish(root);
        topic = Some(read);
    });
    (topic, faults)
}

/// Reads one detail: its groups stand in `any_of`, or it is one signal itself. Words of `unless` say that nobody need ask.
fn detail(sheet: &mut Sheet<'_>, table: &mut Table<'_>, id: String) -> Detail {
    let ask_always = match sheet.text(table, "ask") {
        None => false,
        Some((word, line)) => {
            if !matches!(word.as_str(), "always" | "along") {
                sheet.fault(
                    line,
                    format!("`ask` is \"{word}\""),
                    "write \"always\", or \"along\" with another question",
                );
            }
            word == "always"
        }
    };
    let mut known = vec![];
    let spared = phrases(sheet, table, "unless");
    if !spared.is_empty() {
        let name = "unless".to_owned();
        known.push(vec![Signal { line: table.line, name, weight: 1.0, phrases: spared, ..Signal::default() }]);
    }
    let mut groups = vec![];
    sheet.tables(table, "any_of", |sheet, table| {
        let mut all = vec![];
        sheet.tables(table, "all_of", |sheet, table| all.push(signal(sheet, table, 1.0)));
        groups.push(if all.is_empty() { vec![signal(sheet, table, 1.0)] } else { all });
    });
    if groups.is_empty() {
        groups.push(vec![signal(sheet, table, 1.0)]);
    }
    known.extend(groups);
    Detail { id, known, ask_always }
}

/// Reads one signal out of its table.
pub fn signal(sheet: &mut Sheet<'_>, table: &mut Table<'_>, usual_weight: f64) -> Signal {
    let mut signal = Signal {
        line: table.line,
        name: sheet.name(table, "name").map(|(name, _)| slug(&name)).unwrap_or_default(),
        weight: sheet.number(table, "weight").unwrap_or(usual_weight),
        phrases: phrases(sheet, table, "phrases"),
        regexes: sheet.names(table, "regex"),
        near: phrases(sheet, table, "near"),
        with: phrases(sheet, table, "with"),
        within: sheet.count(table, "within", 1000),
        unless: phrases(sheet, table, "unless"),
        lang: sheet.names(table, "lang").into_iter().map(|(lang, _)| lang).collect(),
        field: sheet.name(table, "field").map(|(label, _)| label),
        sender_domains: domains(sheet.names(table, "sender_domain")),
        attachment_types: lower(sheet.names(table, "attachment_type")),
        sources: domains(sheet.names(table, "source")),
        headers: headers(sheet, table),
        ..Signal::default()
    };
    for (name, line) in sheet.texts(table, "in") {
        match PLACES.iter().find(|(place, _)| *place == name) {
            Some((_, place)) => signal.places.push(*place),
            None => {
                let names: Vec<&str> = PLACES.iter().map(|(name, _)| *name).collect();
                let also =
                    || OTHER_PLACES.iter().find(|(other, _)| *other == name.to_lowercase()).map(|(_, right)| *right);
                let remedy = match nearest(&name, &names).or_else(also) {
                    Some(right) => format!("write \"{right}\""),
                    None => format!("the places are {}", names.join(", ")),
                };
                sheet.fault(line, format!("`in` names \"{name}\""), remedy);
            }
        }
    }
    if signal.name.is_empty() {
        let first =
            signal.phrases.first().map(|phrase| &phrase.text).or(signal.regexes.first().map(|(regex, _)| regex));
        signal.name = first.map_or_else(|| "signal".into(), |text| slug(text));
    }
    let conditions = [&signal.sender_domains, &signal.attachment_types, &signal.sources];
    let by_condition = conditions.iter().any(|list| !list.is_empty()) || !signal.headers.is_empty();
    if signal.phrases.is_empty() && signal.regexes.is_empty() && !by_condition {
        sheet.fault(
            signal.line,
            "the signal can never fire: it has neither phrases nor regex",
            "add phrases = [\"…\"] or regex = ['.'], or a sender_domain, source, header or attachment_type, or delete it",
        );
    }
    signal
}

/// A list of phrases, plain or by language.
pub fn phrases(sheet: &mut Sheet<'_>, table: &mut Table<'_>, key: &'static str) -> Vec<Phrase> {
    let read = sheet.texts_by_key(table, key);
    read.into_iter().map(|(language, text, line)| Phrase { text, language, line }).collect()
}

/// `"X-Priority: 1"` or `"List-Id"`.
pub fn headers(sheet: &mut Sheet<'_>, table: &mut Table<'_>) -> Vec<Header> {
    let mut headers = Vec::new();
    for (text, line) in sheet.texts(table, "header") {
        let (name, value) = text.split_once(':').unwrap_or((&text, ""));
        // A field name is printable ASCII but for the colon (RFC 5322 §3.6.8).
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
            sheet.fault(line, format!("`{name}` is no name of a header"), "write \"X-Priority: 1\", or the name alone");
            continue;
        }
        headers.push(Header { name: name.to_lowercase(), value: value.trim().to_lowercase() });
    }
    headers
}

fn lower(texts: Vec<(String, usize)>) -> Vec<String> {
    texts.into_iter().map(|(text, _)| text.to_lowercase()).collect()
}

/// Likewise, domains as mail has them, without the dot behind that the DNS knows; a door ("hook:leads") is none.
fn domains(texts: Vec<(String, usize)>) -> Vec<String> {
    let ascii =
        |text: String| if text.contains(':') { text } else { ascii_domain(text.trim_end_matches('.')).into_owned() };
    lower(texts).into_iter().map(ascii).collect()
}

/// A readable name out of any words.
fn slug(text: &str) -> String {
    let mut slug = String::new();
    for c in text.chars().take(48) {
        if c.is_alphanumeric() {
            slug.extend(c.to_lowercase());
        } else if !slug.ends_with('-') && !slug.is_empty() {
            slug.push('-');
        }
    }
    slug.truncate(slug.trim_end_matches('-').len());
    slug
}
