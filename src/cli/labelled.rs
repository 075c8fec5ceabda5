//! Labelled texts as files hold them: CSV as spreadsheets write it, JSON lines, JSON lists. Each text with its file and line.
//!
//! A file is read whole or not at all: what is wrong with it is told by line and remedy. Judges no text and knows no topic.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use super::output;
use crate::campaigns::load::{line_of, separator};
use crate::config::fault::Fault;
use crate::rules::learn::{Labelled, Place};

/// Columns that hold the text, and those that hold the topic.
const TEXT: [&str; 6] = ["text", "utterance", "message", "body", "query", "description"];
const TOPIC: [&str; 6] = ["topic", "category", "label", "intent", "class", "new_topic"];
/// Faults that are told of one file.
const FAULTS: usize = 10;
/// What to do about a file of another encoding.
const AS_UTF8: &str = "save it as UTF-8; spreadsheets call it CSV UTF-8";

/// Labelled texts of several files. `None`: one of them has faults, which have been told.
pub fn read(paths: &[PathBuf]) -> Option<Vec<Labelled>> {
    let mut samples = vec![];
    let mut faulty = false;
    for path in paths {
        let mut file = Reader { file: path.display().to_string().into(), samples: vec![], faults: vec![], mute: 0 };
        file.read(path);
        file.drop_mute();
        if file.samples.is_empty() && file.faults.is_empty() {
            file.fault(0, "holds no labelled texts".into(), "give a column `text` and a column `topic`");
        }
        faulty |= !file.faults.is_empty();
        output::complain_of(&file.faults[..file.faults.len().min(FAULTS)]);
        if file.faults.len() > FAULTS {
            output::complain(&format!("{}: {} more like these", file.file, file.faults.len() - FAULTS));
        }
        samples.append(&mut file.samples);
    }
    (!faulty).then_some(samples)
}

/// A file being read.
struct Reader {
    file: Arc<str>,
    samples: Vec<Labelled>,
    faults: Vec<Fault>,
    /// Lines that hold neither text nor topic.
    mute: usize,
}

impl Reader {
    fn fault(&mut self, line: usize, message: String, remedy: &str) {
        self.faults.push(Fault { file: self.file.to_string(), line, message, remedy: remedy.into() });
    }

    fn keep(&mut self, text: String, topic: String, line: usize) {
        self.samples.push(Labelled { text, topic, place: Place { file: Arc::clone(&self.file), line } });
    }

    fn read(&mut self, path: &Path) {
        if path.is_dir() {
            let remedy = "name files of labelled texts; a folder of rules stands before their option";
            return self.fault(0, "is a folder".into(), remedy);
        }
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) => return self.fault(0, format!("cannot be read: {error}"), "check its path and rights"),
        };
        if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
            return self.fault(0, "is UTF-16".into(), AS_UTF8);
        }
        let text = match std::str::from_utf8(&bytes) {
            Ok(text) => text.trim_start_matches('\u{feff}'),
            Err(error) => {
                let line = bytes[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count() + 1;
                return self.fault(line, "is not UTF-8 on this line".into(), AS_UTF8);
            }
        };
        match path.extension().and_then(|end| end.to_str()).map(str::to_lowercase).as_deref() {
            Some("csv" | "tsv") => self.read_csv(text),
            Some("jsonl" | "ndjson") => self.read_lines(text),
            Some("json") => match serde_json::from_str(text) {
                Ok(value) => self.gather(&value, 0),
                Err(error) => self.fault(error.line(), format!("is no JSON: {error}"), "correct it on this line"),
            },
            _ => self.fault(0, "is neither .csv nor .jsonl nor .json".into(), "name the file for what it holds"),
        }
    }

    fn read_csv(&mut self, text: &str) {
        // Excel's own hint stands above the header, and is no row.
        let hint = text.lines().next().and_then(|line| line.trim().trim_matches('"').strip_prefix("sep="));
        let (separator, rows, above) = match hint.map(str::as_bytes) {
            Some([separator]) => (*separator, text.split_once('\n').map_or("", |(_, rows)| rows), 1),
            _ => (separator(text.as_bytes()), text, 0),
        };
        let sign = if separator == b'\t' { "a tab".to_owned() } else { format!("`{}`", char::from(separator)) };
        let mut reader = csv::ReaderBuilder::new().delimiter(separator).flexible(true).from_reader(rows.as_bytes());
        // Text in memory is always read.
        let headers = reader.headers().cloned().unwrap_or_default();
        let named = |names: &[&str]| headers.iter().position(|header| names.contains(&&*header.trim().to_lowercase()));
        let (Some(text), Some(topic)) = (named(&TEXT), named(&TOPIC)) else {
            let found: Vec<&str> = headers.iter().take(12).collect();
            let message = format!(
                "this line names no column `text` or no column `topic` (found: {}; between cells stands {sign})",
                found.join(", ")
            );
            let (texts, topics) = (TEXT.join(", "), TOPIC.join(", "));
            let remedy = format!(
                "write text{0}topic above the rows; the one may be called {texts}, the other {topics}",
                char::from(separator)
            );
            return self.fault(above + 1, message, &remedy);
        };
        let subject = named(&["subject"]);
        for record in reader.records().flatten() {
            let line = above + line_of(record.position(), rows.as_bytes());
            let beyond = record.iter().skip(headers.len()).any(|cell| !cell.trim().is_empty());
            if beyond || record.len() <= text.max(topic) {
                let message = format!("has {} cells, and the header {}", record.len(), headers.len());
                let remedy = format!("put a text that holds {sign} or a line break between double quotes");
                self.fault(line, message, &remedy);
                continue;
            }
            let cell = |column: Option<usize>| column.and_then(|column| record.get(column)).unwrap_or_default();
            let said = [subject, Some(text)].map(cell).join("\n\n").trim().to_owned();
            self.keep(said, cell(Some(topic)).to_owned(), line);
        }
    }

    fn read_lines(&mut self, text: &str) {
        for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            match serde_json::from_str(line) {
                Ok(value) => {
                    let before = self.samples.len();
                    self.gather(&value, index + 1);
                    self.mute += usize::from(self.samples.len() == before);
                }
                Err(error) => {
                    // Its own line is always 1.
                    let why = error.to_string().replace(" at line 1 column ", " at column ");
                    let remedy = "write one object a line, such as {\"text\": \"…\", \"topic\": \"…\"}";
                    self.fault(index + 1, format!("is no JSON: {why}"), remedy);
                }
            }
        }
    }

    /// Every `[text, topic]` and every object with both, however deep.
    fn gather(&mut self, value: &Value, line: usize) {
        match value {
            Value::Array(list) => match list.as_slice() {
                [Value::String(text), Value::String(topic)] => self.keep(text.clone(), topic.clone(), line),
                _ => list.iter().for_each(|value| self.gather(value, line)),
            },
            Value::Object(object) => {
                // A label may be a number.
                let one = |names: &[&str]| {
                    names.iter().find_map(|name| match object.get(*name)? {
                        Value::String(text) => Some(text.clone()),
                        Value::Number(number) => Some(number.to_string()),
                        _ => None,
                    })
                };
                let subject =
                    object.get("subject").and_then(Value::as_str).filter(|subject| !subject.trim().is_empty());
                let below = |text: String| subject.map_or(text.clone(), |subject| format!("{subject}\n\n{text}"));
                let table = object.values().any(|value| value.is_array() || value.is_object());
                match (one(&TEXT).map(below), one(&TOPIC)) {
                    (Some(text), Some(topic)) => self.keep(text, topic, line),
                    // One half alone is a row that is left out; a table of rows may have either.
                    (Some(text), None) if !table => self.keep(text, String::new(), line),
                    (None, Some(topic)) if !table => self.keep(String::new(), topic, line),
                    _ => object.values().for_each(|value| self.gather(value, line)),
                }
            }
            _ => {}
        }
    }

    /// Leaves out what teaches nothing, and says so.
    fn drop_mute(&mut self) {
        let empty = |text: &str| text.trim().is_empty();
        let without_topic = self.samples.iter().filter(|sample| empty(&sample.topic)).count();
        let without_text = self.samples.iter().filter(|sample| empty(&sample.text)).count();
        self.samples.retain(|sample| !empty(&sample.text) && !empty(&sample.topic));
        if without_topic + without_text + self.mute > 0 {
            let neither = if self.mute > 0 { format!(", {} with neither", self.mute) } else { String::new() };
            output::complain(&format!(
                "{}: left out are {without_topic} rows without a topic and {without_text} without a text{neither}",
                self.file
            ));
        }
    }
}
