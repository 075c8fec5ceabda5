//! Reply templates: `replies/<language>/<kind>.txt`, compiled and proven.
//!
//! A template opens with `Subject: …`; the paragraphs below it stand between greeting and closing of the language's
//! `layout.txt`. The HTML mail is made of the finished text by `replies/layout.html` (or a language's own), so that both
//! always say the same. `words.toml` has the language's names of help topics, its questions for details, and the words of
//! one-tap answers; `tap.txt` is the page that such an answer opens, set by `replies/page.html`.
//!
//! Promises: templates see data only, and data is never taken for a template; HTML escapes all of it. An unknown
//! variable is a [`Fault`] with file and line when the rules are loaded, not a broken mail later.

use std::collections::{BTreeMap, HashSet};
use std::error::Error;
use std::fmt;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value};
use minijinja::{AutoEscape, Environment, ErrorKind, Output, UndefinedBehavior, context, escape_formatter};
use serde::{Deserialize, Serialize};

use super::compose::{Choice, Data, Kind, Words, clean};
use super::layout::{blocks, set};
use super::page::{Answers, PAGE, PageState, tap};
use super::sample::samples;
use crate::campaigns::Named;
use crate::config::fault::Fault;
use crate::rules::{self, Files};

/// How a fault begins that names a variable that no template has.
const UNKNOWN: &str = "unknown variable ";

/// What fills the gap where every language is wanting.
const LAST_RESORT: &str = "en";
/// What templates may name. `words` stands in layout.txt, `subject`, `language` and `blocks` in layout.html.
const VARIABLES: [&str; 15] = [
    "ticket",
    "desk",
    "again",
    "none_of_them",
    "topic",
    "campaign",
    "stated",
    "candidates",
    "details",
    "needs_campaign",
    "needs_description",
    "no_campaign",
    "links",
    "state",
    "words",
];
const HTML_VARIABLES: [&str; 7] = ["ticket", "desk", "subject", "language", "blocks", "by_mail", "confirm"];

/// All templates, proven. Immutable; swapped whole on reload.
///
/// A compiled template takes 20 KB, and most languages are never written in: they are proven a language at a time, kept as
/// texts, and compiled again when first used.
#[derive(Debug, Default)]
pub struct Templates {
    environment: Environment<'static>,
    pub(super) languages: BTreeMap<String, Language>,
    pub(super) files: HashSet<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Language {
    /// Help topic id → its name in this language.
    #[serde(default)]
    pub(super) topics: BTreeMap<String, String>,
    /// Detail id → the question for it.
    #[serde(default)]
    pub(super) details: BTreeMap<String, String>,
    /// A campaign's status in the directory's words → in this language.
    #[serde(default)]
    pub(super) statuses: BTreeMap<String, String>,
    /// The words of one-tap answers.
    #[serde(default)]
    pub(super) answers: Answers,
}

/// A campaign as templates see it.
#[derive(Debug, Serialize)]
struct Offered<'a> {
    id: &'a str,
    name: &'a str,
    /// What tells it from another one of the same name.
    apart: Option<String>,
    /// Its one-tap answer, to be put at the end of its line.
    tap: String,
}

impl Language {
    /// What tells this campaign from its namesakes.
    fn apart(&self, choice: &Choice) -> Option<String> {
        let status = choice.status.as_ref().map(|own| self.statuses.get(&own.to_lowercase()).unwrap_or(own));
        let words: Vec<&str> = choice.account.iter().chain(status).map(String::as_str).collect();
        (!words.is_empty()).then(|| words.join(", "))
    }
}

impl Templates {
    /// Compiles `Rules::replies` (path below `replies/` → text). Every template is proven on samples; tests have done so with
    /// those of a language whose files are as they are shipped, and a start need not.
    pub fn compile(files: &Files) -> Result<Templates, Vec<Fault>> {
        let (templates, faults) = Templates::read(files);
        if faults.is_empty() { Ok(templates) } else { Err(faults) }
    }

    /// As [`Templates::compile`], with what can be read in spite of the faults.
    pub fn read(files: &Files) -> (Templates, Vec<Fault>) {
        let mut templates = Templates { environment: environment(), ..Templates::default() };
        let mut texts = Files::new();
        let mut faults = vec![];
        for (path, text) in files {
            let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
            if !folder.is_empty() {
                templates.languages.entry(folder.to_owned()).or_default();
            }
            match name.rsplit_once('.') {
                Some(("words", "toml")) if !folder.is_empty() => match toml::from_str(text) {
                    Ok(language) => drop(templates.languages.insert(folder.to_owned(), language)),
                    Err(error) => faults.push(toml_fault(path, text, &error)),
                },
                Some((stem, "txt")) if stem == PAGE || Kind::parse(stem).is_some() => {
                    let Some((subject, body)) = parted(path, text, &mut faults) else { continue };
                    texts.insert(format!("{}.subject", path.strip_suffix(".txt").unwrap_or(path)), subject.into());
                    texts.insert(path.clone(), body.into());
                    templates.files.insert(path.clone());
                }
                Some((_, "txt" | "html")) => {
                    texts.insert(path.clone(), text.clone());
                    templates.files.insert(path.clone());
                }
                _ => {}
            }
        }
        templates.environment.set_loader(move |name| Ok(texts.get(name).map(|text| text.to_string())));
        let changed = files.iter().filter(|(path, text)| !rules::is_shipped(&format!("replies/{path}"), text));
        let changed: HashSet<&str> = changed.map(|(path, _)| folder_of(path)).collect();
        let mut sound = true;
        // What all languages share comes first: a fault there would be told again by each of them.
        let folders = [""].into_iter().chain(templates.languages.keys().map(String::as_str));
        for folder in folders.map(str::to_owned).collect::<Vec<_>>() {
            // What all languages share may break any of them.
            if !changed.contains(folder.as_str()) && !changed.contains("") {
                continue;
            }
            let before = faults.len();
            let own = |path: &&String| folder_of(path) == folder;
            for path in files.keys().filter(own).filter(|path| templates.files.contains(*path)) {
                templates.check_variables(path, &mut faults);
            }
            if folder.is_empty() {
                sound = faults.len() == before;
            }
            if sound {
                templates.prove(&folder, &mut faults);
            }
            templates.environment.clear_templates();
        }
        if !templates.languages.is_empty() {
            faults.extend(templates.gaps(LAST_RESORT).into_iter().filter(|path| !files.contains_key(path)).map(
                |path| Fault {
                    file: format!("replies/{path}"),
                    line: 0,
                    message: "is missing, and English stands in wherever a language lacks a template".into(),
                    remedy: "add it; the shipped rules have it".into(),
                },
            ));
        }
        faults.sort();
        faults.dedup();
        (templates, faults)
    }

    /// The language to write in: the request's where it has templates, else the fallback, else English.
    pub fn language<'a>(&'a self, wanted: Option<&str>, fallback: &str) -> &'a str {
        let known = |language: &str| self.languages.get_key_value(&primary(language)).map(|(key, _)| key.as_str());
        wanted.and_then(known).or_else(|| known(fallback)).or_else(|| known(LAST_RESORT)).unwrap_or(LAST_RESORT)
    }

    /// The languages that have templates.
    pub fn languages(&self) -> Vec<&str> {
        self.languages.keys().map(String::as_str).collect()
    }

    /// The template files that a language lacks: `de/reminder.txt`.
    pub fn gaps(&self, language: &str) -> Vec<String> {
        let kinds = Kind::ALL.iter().map(|kind| kind.as_str());
        let wanted = kinds.chain(["layout", PAGE]).map(|stem| format!("{language}/{stem}.txt"));
        wanted.filter(|path| !self.files.contains(path)).collect()
    }

    /// The name of a topic in this language, where it is not the label of its rules file.
    pub fn topic(&self, language: &str, topic: &str) -> Option<&str> {
        self.languages.get(language)?.topics.get(topic).map(String::as_str)
    }

    /// The question for a detail in this language.
    pub fn detail(&self, language: &str, detail: &str) -> Option<&str> {
        self.languages.get(language)?.details.get(detail).map(String::as_str)
    }

    /// Words a mail; see [`super::compose::compose`].
    pub(super) fn render(&self, kind: Kind, data: &Data, language: &str) -> Result<Words, Fault> {
        let language = self.language_with(kind.as_str(), language)?;
        let words = &self.languages[language];
        let stem = format!("{language}/{}", kind.as_str());
        let (subject_of, text_of, layout) =
            (format!("{stem}.subject"), format!("{stem}.txt"), format!("{language}/layout.txt"));
        let candidates: Vec<Offered<'_>> = (1..)
            .zip(&data.candidates)
            .map(|(choice, named)| {
                let says = words.answers.pick.replace("{id}", &named.id);
                Offered {
                    id: &named.id,
                    name: &named.name,
                    apart: words.apart(named),
                    tap: tap(data, choice, &words.answers.this_one, &says),
                }
            })
            .collect();
        let no_campaign = Some(tap(data, 0, &words.answers.no_campaign, &words.answers.no_campaign));
        let no_campaign = no_campaign.filter(|tap| !tap.is_empty() && data.needs_campaign);
        let details: Vec<String> = data.detail_ids.iter().filter_map(|id| words.details.get(id)).cloned().collect();
        let topic = data.topic_named.as_ref().map(|(id, label)| words.topics.get(id).unwrap_or(label));
        let facts = context! {
            ticket => data.ticket,
            desk => data.desk.as_str(),
            again => data.again,
            none_of_them => data.none_of_them,
            topic => topic.map(String::as_str),
            campaign => data.campaign.as_ref().map(Serde),
            stated => data.stated.as_deref(),
            candidates => Serde(&candidates),
            details,
            needs_campaign => data.needs_campaign,
            needs_description => data.needs_description,
            no_campaign => no_campaign.as_deref(),
            links => data.taps.as_ref().is_some_and(|taps| !taps.links.is_empty()),
            state => "",
            words => "",
        };
        let subject = clean(&self.run(&subject_of, &text_of, facts.clone())?);
        let body = self.run(&text_of, &text_of, facts.clone())?;
        let text = self.run(&layout, &layout, context! { words => body.trim(), ..facts })?;
        let blocks = blocks(&text);
        let own = format!("{language}/layout.html");
        let html = if self.files.contains(&own) { own.as_str() } else { "layout.html" };
        let seen = context! {
            ticket => data.ticket,
            desk => data.desk.as_str(),
            subject => subject.as_str(),
            language,
            by_mail => words.answers.by_mail.as_str(),
            blocks => Serde(&blocks),
        };
        let html = self.run(html, html, seen)?;
        Ok(Words { template: kind.as_str(), language: language.to_owned(), subject, text: set(&blocks), html })
    }

    pub(super) fn run(&self, name: &str, path: &str, seen: Value) -> Result<String, Fault> {
        let template = self.environment.get_template(name).map_err(|error| fault(path, &error))?;
        template.render(seen).map_err(|error| fault(path, &error))
    }

    pub(super) fn language_with(&self, stem: &str, wanted: &str) -> Result<&str, Fault> {
        let file = format!("{stem}.txt");
        let has = |language: &str| {
            self.files.contains(&format!("{language}/{file}")) && self.files.contains(&format!("{language}/layout.txt"))
        };
        let first = self.language(Some(wanted), LAST_RESORT);
        let candidates = [first, LAST_RESORT].into_iter().chain(self.languages.keys().map(String::as_str));
        let found = candidates.into_iter().find(|language| has(language));
        found.and_then(|language| self.languages.get_key_value(language)).map(|(key, _)| key.as_str()).ok_or_else(
            || Fault {
                file: format!("replies/{wanted}/{file}"),
                line: 0,
                message: "no language has this template together with a layout.txt".into(),
                remedy: "add it; `deskclerk replies check` lists what is missing".into(),
            },
        )
    }

    /// A variable that does not exist, even on a branch that no sample takes.
    fn check_variables(&self, path: &str, faults: &mut Vec<Fault>) {
        let known: &[&str] = if path.ends_with(".html") { &HTML_VARIABLES } else { &VARIABLES };
        let subject = path.strip_suffix(".txt").map(|stem| format!("{stem}.subject"));
        for name in [Some(path.to_owned()), subject].into_iter().flatten() {
            let template = match self.environment.get_template(&name) {
                Ok(template) => template,
                Err(error) if error.kind() == ErrorKind::TemplateNotFound => continue,
                Err(error) => {
                    faults.push(fault(path, &error));
                    continue;
                }
            };
            let unknown = template.undeclared_variables(false);
            let mut unknown: Vec<_> =
                unknown.into_iter().filter(|variable| !known.contains(&variable.as_str())).collect();
            unknown.sort();
            faults.extend(unknown.into_iter().map(|variable| Fault {
                file: format!("replies/{path}"),
                line: line_naming(template.source(), &variable),
                message: format!("{UNKNOWN}`{variable}`"),
                remedy: format!("known here: {}", known.join(", ")),
            }));
        }
    }

    /// Renders every template of a language with everything there is, and with nothing. A line with a fault is told once, and
    /// an unknown variable.
    fn prove(&self, language: &str, faults: &mut Vec<Fault>) {
        let mut found = vec![];
        for kind in Kind::ALL {
            if self.files.contains(&format!("{language}/{}.txt", kind.as_str())) {
                found.extend(samples().iter().filter_map(|data| self.render(kind, data, language).err()));
            }
        }
        if self.files.contains(&format!("{language}/{PAGE}.txt")) {
            let campaign = Named { id: "20417".into(), name: "Summer Sale".into() };
            let pages = PageState::ALL.into_iter().flat_map(|state| [(state, None), (state, Some(&campaign))]);
            let page = |(state, campaign)| self.page(state, 1042, "Support", campaign, language).err();
            found.extend(pages.filter_map(page));
        }
        for fault in found {
            let same = |known: &Fault| {
                let variable = known.message.strip_prefix(UNKNOWN);
                known.line == fault.line || variable.is_some_and(|variable| fault.message.contains(variable))
            };
            if !faults.iter().any(|known| known.file == fault.file && same(known)) {
                faults.push(fault);
            }
        }
    }
}

/// The folder of a template's path: its language; empty: all languages share it.
fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// The language that a tag such as `pt-BR` begins with (RFC 5646 §2.1), as folders are named.
pub fn primary(tag: &str) -> String {
    tag.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase()
}

/// Subject and body of a template: the first line is the subject, itself a template; the rest keeps its line numbers.
fn parted(path: &str, text: &str, faults: &mut Vec<Fault>) -> Option<(String, String)> {
    let (first, body) = text.split_once('\n').unwrap_or((text, ""));
    let subject = first.strip_prefix("Subject:").map(str::trim).filter(|subject| !subject.is_empty());
    if subject.is_none() {
        faults.push(Fault {
            file: format!("replies/{path}"),
            line: 1,
            message: "the first line is no subject".into(),
            remedy: "write it as `Subject: …`".into(),
        });
    }
    Some((subject?.to_owned(), format!("\n{body}")))
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    // A line that holds only a tag leaves no line behind.
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    environment.set_syntax(syntax.expect("the default delimiters are valid"));
    environment
        .set_auto_escape_callback(|name| if name.ends_with(".html") { AutoEscape::Html } else { AutoEscape::None });
    // As minijinja escapes, but for the slash: it is harmless, and a link without slashes looks like phishing.
    environment.set_formatter(|out, state, value| match (state.auto_escape(), value.as_str()) {
        (AutoEscape::Html, Some(text)) if !value.is_safe() => Ok(escape(out, text)?),
        _ => escape_formatter(out, state, value),
    });
    // `{% include "where.txt" %}` means the file beside the one that says so.
    environment.set_path_join_callback(|name, parent| match parent.rsplit_once('/') {
        Some((folder, _)) if !name.contains('/') => format!("{folder}/{name}").into(),
        _ => name.into(),
    });
    environment
}

fn escape(out: &mut Output<'_>, text: &str) -> fmt::Result {
    let mut plain = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escaped = match byte {
            b'<' => "&lt;",
            b'>' => "&gt;",
            b'&' => "&amp;",
            b'"' => "&quot;",
            b'\'' => "&#x27;",
            _ => continue,
        };
        out.write_str(&text[plain..at])?;
        out.write_str(escaped)?;
        plain = at + 1;
    }
    out.write_str(&text[plain..])
}

fn fault(path: &str, error: &minijinja::Error) -> Fault {
    // Of an error within an include, the innermost one says where.
    let mut error = error;
    while let Some(inner) = error.source().and_then(|source| source.downcast_ref::<minijinja::Error>()) {
        error = inner;
    }
    let named = error.name().filter(|name| !name.ends_with(".subject")).unwrap_or(path);
    Fault {
        file: format!("replies/{named}"),
        line: error.line().unwrap_or(1),
        message: format!("{}{}", error.kind(), error.detail().map(|detail| format!(": {detail}")).unwrap_or_default()),
        remedy: "correct the template; `deskclerk replies check` proves it".into(),
    }
}

fn toml_fault(path: &str, text: &str, error: &toml::de::Error) -> Fault {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    Fault {
        file: format!("replies/{path}"),
        line: before.matches('\n').count() + 1,
        message: error.message().trim().replace('\n', ", "),
        remedy: "a words.toml has the tables [topics], [details] and [statuses] of id = \"words\", and [answers]"
            .into(),
    }
}

/// The line that names this variable as a whole word.
fn line_naming(source: &str, variable: &str) -> usize {
    let word = |c: char| c.is_alphanumeric() || c == '_';
    let names = |line: &str| line.split(|c| !word(c)).any(|found| found == variable);
    source.lines().position(names).map_or(1, |index| index + 1)
}
