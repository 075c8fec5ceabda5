//! A file laid over the defaults, key by key: what is of another kind than its key is told, and left out, so that none of it
//! hides the next. Kinds are told in words for people.

use serde::Deserialize;
use serde_path_to_error::Segment;
use toml::Value;
use toml_edit::Document;

use super::fault::Fault;
use super::settings::Config;
use super::{LISTS, line_of, unknown, walk};

/// Settings while a file is laid over the defaults, table by table.
pub(super) struct Laid<'a> {
    pub(super) config: Config,
    pub(super) faults: Vec<Fault>,
    merged: toml::Table,
    document: &'a Document<&'a str>,
    name: &'a str,
}

impl<'a> Laid<'a> {
    /// The defaults, with nothing laid over them yet. `name`: of the file, for faults.
    pub(super) fn over(defaults: &toml::Table, document: &'a Document<&'a str>, name: &'a str) -> Laid<'a> {
        let config =
            Config::deserialize(defaults.clone()).expect("the compiled-in default file has every key, rightly typed");
        Laid { config, faults: vec![], merged: defaults.clone(), document, name }
    }

    /// Lays what a file says of one key over what is there; each table of a list for itself.
    pub(super) fn lay(&mut self, key: &str, value: Value) {
        let tables = match value {
            Value::Array(tables) if LISTS.contains(&key) => tables,
            value => {
                self.lay_one(key, value, 0);
                return;
            }
        };
        let mut sound = vec![];
        for (index, table) in tables.into_iter().enumerate() {
            let laid = self.lay_one(key, Value::Array(vec![table]), index);
            match self.merged.remove(key) {
                Some(Value::Array(mut one)) if laid => sound.append(&mut one),
                // The next ones keep their place.
                _ => sound.extend(stand_in(key, index)),
            }
        }
        self.merged.insert(key.to_owned(), Value::Array(sound));
        if let Ok(config) = Config::deserialize(self.merged.clone()) {
            self.config = config;
        }
    }

    /// Again without each part that is wrong, and with something in place of each that is missing. Whether it could be laid.
    fn lay_one(&mut self, key: &str, mut value: Value, index: usize) -> bool {
        let mut left_out: Vec<String> = vec![];
        loop {
            let mut merged = self.merged.clone();
            overlay(&mut merged, key, value.clone());
            let error = match serde_path_to_error::deserialize::<_, Config>(merged.clone()) {
                Ok(config) => {
                    (self.config, self.merged) = (config, merged);
                    return true;
                }
                Err(error) => error,
            };
            let path: Vec<&Segment> = error.path().iter().collect();
            let reason = error.inner().message();
            let inner = path.get(1..).unwrap_or_default();
            if let Some(missing) = reason.strip_prefix("missing field `").and_then(|rest| rest.split('`').next()) {
                let whole = format!("{}.{missing}", dotted(&path));
                // What was left out is missed only because it was wrong, and that is said already.
                if !left_out.contains(&whole) {
                    self.tell(
                        &path,
                        index,
                        format!("{whole}: is missing"),
                        "write it; `deskclerk config print` shows it",
                    );
                }
                if !fill(&mut value, inner, &whole, index) {
                    return false;
                }
                continue;
            }
            self.tell_kind(&path, index, reason, at(&value, inner));
            if !take(&mut value, inner) {
                return false;
            }
            left_out.push(dotted(&path));
        }
    }

    fn tell_kind(&mut self, path: &[&Segment], index: usize, reason: &str, found: Option<&Value>) {
        let shown = dotted(path);
        if reason.starts_with("unknown field `") {
            let listed: Vec<&str> = reason.split('`').skip(3).step_by(2).collect();
            let keys: Vec<&str> = shown.split('.').skip(1).collect();
            self.faults.push(unknown(self.name, self.line(path, index), &shown, keys.last().unwrap_or(&""), &listed));
            return;
        }
        let (message, remedy) = in_words(reason, found);
        self.tell(path, index, format!("{shown}: {message}"), &remedy);
    }

    fn tell(&mut self, path: &[&Segment], index: usize, message: String, remedy: &str) {
        let (file, line) = (self.name.to_owned(), self.line(path, index));
        self.faults.push(Fault { file, line, message, remedy: remedy.to_owned() });
    }

    /// The line of the innermost key of a path that stands in the file.
    fn line(&self, path: &[&Segment], index: usize) -> usize {
        let mut keys = path.iter().filter_map(|segment| match segment {
            Segment::Map { key } => Some(key.as_str()),
            _ => None,
        });
        let table = keys.next().unwrap_or_default();
        walk(self.document, table, index, keys).map_or(0, |span| line_of(self.document.raw(), span.start))
    }
}

/// The keys of a path, with dots between them.
fn dotted(path: &[&Segment]) -> String {
    let keys = path.iter().filter_map(|segment| match segment {
        Segment::Map { key } => Some(key.as_str()),
        _ => None,
    });
    keys.collect::<Vec<_>>().join(".")
}

fn step<'v>(value: &'v mut Value, segment: &Segment) -> Option<&'v mut Value> {
    match segment {
        Segment::Map { key } => value.get_mut(key),
        Segment::Seq { index } => value.get_mut(*index),
        _ => Some(value),
    }
}

fn at<'v>(value: &'v Value, path: &[&Segment]) -> Option<&'v Value> {
    path.iter().try_fold(value, |value, segment| match segment {
        Segment::Map { key } => value.get(key),
        Segment::Seq { index } => value.get(*index),
        _ => Some(value),
    })
}

/// Takes the value at this path away; whether there was one that could be.
fn take(value: &mut Value, path: &[&Segment]) -> bool {
    // A choice of a list is told by the place in the list, and what follows it is no key.
    let path: Vec<&Segment> =
        path.iter().copied().filter(|segment| matches!(segment, Segment::Map { .. } | Segment::Seq { .. })).collect();
    let Some((last, way)) = path.split_last() else { return false };
    let Some(holder) = way.iter().try_fold(value, |value, segment| step(value, segment)) else { return false };
    match (last, holder) {
        (Segment::Map { key }, Value::Table(table)) => table.remove(key).is_some(),
        // A whole table of a list is replaced by its caller.
        (Segment::Seq { index }, Value::Array(list)) if !way.is_empty() && *index < list.len() => {
            list.remove(*index);
            true
        }
        _ => false,
    }
}

/// What stands in for the keys without a default of `[[imap]]` and its like, so that the others can be looked at.
const REQUIRED: [(&str, &str); 15] = [
    ("imap.name", ""),
    ("imap.host", "left-out.invalid"),
    ("imap.user", "left-out"),
    ("imap.oauth.token_url", "https://left-out.invalid/"),
    ("imap.oauth.client_id", "left-out"),
    ("hook.name", ""),
    ("webhook.name", ""),
    ("webhook.url", "https://left-out.invalid/"),
    ("webhook.secret_files", "left-out"),
    ("connector.name", ""),
    ("connector.kind", "rt"),
    ("connector.url", "https://left-out.invalid/"),
    ("connector.secret_file", "left-out"),
    ("imap.password_file", "left-out"),
    ("hook.secret_files", "left-out"),
];

fn filler(whole: &str, index: usize) -> Option<Value> {
    let (_, text) = REQUIRED.iter().find(|(key, _)| *key == whole)?;
    let text = if text.is_empty() { format!("left-out-{index}") } else { (*text).to_owned() };
    let text = Value::String(text);
    Some(if whole.ends_with("_files") { Value::Array(vec![text]) } else { text })
}

/// Puts something in place of a missing key. Whether there is something.
fn fill(value: &mut Value, path: &[&Segment], whole: &str, index: usize) -> bool {
    let table = path.iter().try_fold(value, |value, segment| step(value, segment));
    let (Some(filler), Some(Value::Table(table))) = (filler(whole, index), table) else { return false };
    table.insert(whole.rsplit('.').next().unwrap_or_default().to_owned(), filler);
    true
}

/// A table of a list that none of what stands in the file could be laid into.
fn stand_in(list: &str, index: usize) -> Option<Value> {
    let keys = REQUIRED.iter().filter_map(|(whole, _)| {
        let key = whole.strip_prefix(list)?.strip_prefix('.').filter(|key| !key.contains('.'))?;
        Some((key.to_owned(), filler(whole, index)?))
    });
    Some(keys.collect::<toml::Table>()).filter(|table| !table.is_empty()).map(Value::Table)
}

/// What is wrong with a value, and what to do. `reason` is the parser's.
fn in_words(reason: &str, found: Option<&Value>) -> (String, String) {
    let reason = reason.lines().next().unwrap_or_default().trim();
    let stands = found.map_or_else(|| "something else".to_owned(), kind);
    if let Some(rest) = reason.strip_prefix("unknown variant `") {
        let (variant, choices) = rest.split_once("`, expected ").unwrap_or((rest.trim_end_matches('`'), ""));
        let choices: Vec<&str> = choices.split('`').skip(1).step_by(2).collect();
        return (format!("`{variant}` is not known here"), format!("write one of {}", choices.join(", ")));
    }
    let expected = reason.rsplit_once("expected ").map(|(_, expected)| expected);
    match expected {
        Some(expected) if reason.starts_with("invalid ") || reason.starts_with("wanted ") => {
            let (wanted, remedy) = wanted(expected);
            (format!("is {stands}, and should be {wanted}"), remedy.to_owned())
        }
        _ => (reason.to_owned(), "write it as `deskclerk config print` shows it".to_owned()),
    }
}

/// A value as people call it.
fn kind(value: &Value) -> String {
    match value {
        Value::String(text) => format!("the text \"{}\"", text.chars().take(60).collect::<String>().escape_debug()),
        Value::Integer(number) => format!("the number {number}"),
        Value::Float(number) => format!("the number {number}"),
        Value::Boolean(flag) => format!("{flag}"),
        Value::Datetime(at) => format!("the bare date {at}"),
        Value::Array(_) => "a list".to_owned(),
        Value::Table(_) => "a table".to_owned(),
    }
}

/// What the parser expects, in words, and how it is written.
fn wanted(expected: &str) -> (&'static str, &'static str) {
    const WHOLE: &str = "write the number alone, without quotes or a point";
    match expected.trim_start_matches("a ").trim_start_matches("an ") {
        "u16" => ("a whole number from 0 to 65535", WHOLE),
        "u32" => ("a whole number from 0 to 4294967295", WHOLE),
        "u64" | "usize" => ("a whole number, 0 or more", WHOLE),
        "bool" | "boolean" => ("true or false", "write true or false, without quotes"),
        "string" | "path string" | "str" | "borrowed string" => ("text", "write it in quotes"),
        "sequence" => {
            ("a list", "write it in brackets, or of tables as `deskclerk config print` shows them, as [[imap]]")
        }
        "map" => ("a table", "write its keys below a line of its own, as `deskclerk config print` shows"),
        other if other.starts_with("struct ") => {
            ("a table", "write its keys below a line of its own, as `deskclerk config print` shows")
        }
        _ => ("text", "write one of the words that `deskclerk config print` lists, in quotes"),
    }
}

/// Tables are laid over key by key, everything else is replaced.
fn overlay(into: &mut toml::Table, key: &str, value: Value) {
    match (into.get_mut(key), value) {
        (Some(Value::Table(old)), Value::Table(new)) => {
            for (key, value) in new {
                overlay(old, &key, value);
            }
        }
        (_, value) => {
            into.insert(key.to_owned(), value);
        }
    }
}
