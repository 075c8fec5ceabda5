//! What compiles and yet is no good in a folder's replies: languages that are missing, names and questions for what no
//! topic has, files that nobody reads.
//!
//! Reads texts and their names; never judges the words.

use std::collections::BTreeSet;

use super::compose::Kind;
use super::page::PAGE;
use super::templates::{Language, Templates};
use crate::config::fault::Fault;
use crate::config::line_of_key;
use crate::rules::sheet::nearest;
use crate::rules::{Files, OTHER, Rules};

/// The findings in these rules' replies, by file and line. `languages`: those that must be there, beside the folder's own.
pub fn lint(rules: &Rules, templates: &Templates, languages: &BTreeSet<String>) -> Vec<Fault> {
    let own: BTreeSet<String> = templates.languages().into_iter().map(str::to_owned).collect();
    if own.is_empty() {
        return vec![fault(
            "",
            0,
            "there are no reply templates".into(),
            "add the folder replies/ with a folder for each language",
        )];
    }
    let mut faults = vec![];
    faults.extend(languages.difference(&own).map(|language| {
        fault(
            language,
            0,
            "is missing: whoever writes in this language is answered in another".into(),
            "add the folder, or name all languages that are wanted with --lang",
        )
    }));
    let bare = |language: &Language| language.topics.is_empty();
    let several_bare = templates.languages.values().filter(|language| bare(language)).count() > 1;
    for (code, language) in &templates.languages {
        if !is_code(code) {
            let remedy = "name the folder with the two or three small letters of a language, such as pt";
            faults.push(fault(code, 0, "is no language".into(), remedy));
            continue;
        }
        let missing = |path: &String| fault(path, 0, "is missing, and English stands in".into(), "add it");
        // What is there and has a fault of its own is no gap.
        let gaps = templates.gaps(code);
        faults.extend(gaps.iter().filter(|path| !rules.replies.contains_key(*path)).map(missing));
        check_words(code, language, rules, &mut faults);
        if several_bare && bare(language) && code != "en" {
            let message = "[topics] names no topic, so that customers read the labels of another language".into();
            faults.push(fault(&format!("{code}/words.toml"), 0, message, "name all topics"));
        }
    }
    faults.extend(rules.replies.keys().filter_map(|path| stray(path, &rules.replies)));
    faults.sort();
    faults
}

fn is_code(language: &str) -> bool {
    (2..=3).contains(&language.len()) && language.bytes().all(|byte| byte.is_ascii_lowercase())
}

/// Names of topics and questions for details: each that the rules have, and no other.
fn check_words(code: &str, language: &Language, rules: &Rules, faults: &mut Vec<Fault>) {
    let path = format!("{code}/words.toml");
    let text = rules.replies.get(&path).map_or("", |text| text);
    let topics: BTreeSet<&str> = rules.topics().into_iter().map(|(id, _)| id).collect();
    let tables =
        [("topics", &language.topics, topics, "topic"), ("details", &language.details, rules.all_details(), "detail")];
    for (table, words, known, what) in tables {
        for id in words.keys().filter(|id| !known.contains(id.as_str())) {
            let known: Vec<&str> = known.iter().copied().collect();
            let remedy = match nearest(id, &known) {
                Some(right) => format!("write `{right}`, or take it out"),
                None => "take it out".to_owned(),
            };
            let line = line_of_key(text, table, 0, id);
            faults.push(fault(&path, line, format!("[{table}] names `{id}`, and there is no such {what}"), &remedy));
        }
        // A topic that is not understood is never named.
        let lacking = known.iter().filter(|id| !words.contains_key(**id) && **id != OTHER);
        // A language that names no topic has the labels of the rules.
        for id in lacking.filter(|_| what == "detail" || !words.is_empty()) {
            let remedy = match what {
                "topic" => "add its name, or customers read the label of the rules",
                _ => "add the question, or it is never asked",
            };
            faults.push(fault(&path, 0, format!("[{table}] has no `{id}`"), remedy));
        }
    }
}

/// A file that is no template of its own, and that no other one includes.
fn stray(path: &str, files: &Files) -> Option<Fault> {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let kinds = Kind::ALL.iter().map(|kind| kind.as_str());
    let texts = kinds.chain(["layout", PAGE]).map(|stem| format!("{stem}.txt"));
    let pages = ["layout.html", "page.html"].map(str::to_owned);
    let read: Vec<String> = match folder {
        "" => pages.to_vec(),
        folder if is_code(folder) => texts.chain(pages).chain(["words.toml".to_owned()]).collect(),
        // Said of the folder.
        _ => return None,
    };
    let names = |text: &str, name: &str| text.contains(&format!("\"{name}\"")) || text.contains(&format!("'{name}'"));
    let includes = |(other, text): (&String, &std::borrow::Cow<'_, str>)| {
        let beside = other.rsplit_once('/').map_or("", |(folder, _)| folder) == folder;
        other != path && (names(text, path) || (beside && names(text, name)))
    };
    if read.iter().any(|read| read == name) || files.iter().any(includes) {
        return None;
    }
    let read: Vec<&str> = read.iter().map(String::as_str).collect();
    let remedy = match nearest(name, &read) {
        Some(right) => format!("name it {right}, or take it out"),
        None => "include it in a template, or take it out".to_owned(),
    };
    Some(fault(path, 0, "is read by nobody".into(), &remedy))
}

fn fault(path: &str, line: usize, message: String, remedy: &str) -> Fault {
    Fault { file: format!("replies/{path}"), line, message, remedy: remedy.to_owned() }
}
