//! A TOML file as typed values with lines: every wrong key, type or value becomes a fault that names line and remedy.
//!
//! Reading never stops at the first fault, and a key that nobody asked for is one, with the nearest right key named.

use std::mem;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::config::fault::Fault;

/// No rules file is larger: a person has to read it.
pub const FILE_BYTES: usize = 1024 * 1024;

/// Faults of syntax that are told of one file.
const SYNTAX_FAULTS: usize = 10;
/// A fault of syntax so many lines below one of a list follows from it.
const LIST_LINES: usize = 3;

/// What people call keys that have another name here.
const OTHER_NAMES: [(&[&str], &str); 11] = [
    (&["word", "words", "keyword", "keywords", "terms", "match", "any"], "phrases"),
    (&["pattern", "patterns", "regexp", "re"], "regex"),
    (&["except", "exclude", "excluding", "without", "not", "none", "if_not"], "unless"),
    (&["place", "places", "where", "zone", "zones"], "in"),
    (&["points", "score", "value", "strength"], "weight"),
    (&["language", "languages", "locale"], "lang"),
    (&["from", "sender", "from_domain", "domains"], "sender_domain"),
    (&["mime", "mime_type", "file_type", "attachments"], "attachment_type"),
    (&["team", "queue", "group", "assign", "assignee"], "route"),
    (&["tag", "tags", "label", "labels"], "flags"),
    (&["urgency", "severity", "importance"], "priority"),
];

/// What other languages have to take in another file.
const INCLUDES: [&str; 6] = ["include", "includes", "import", "imports", "extends", "inherit"];

/// A file being read: its name, the line ends, and the faults found so far.
pub struct Sheet<'t> {
    file: &'t str,
    text: &'t str,
    ends: Vec<usize>,
    /// What is wrong with this file so far.
    pub faults: Vec<Fault>,
    /// Whether its syntax is wrong: what was read of it is only part of what was written.
    pub broken: bool,
}

/// One table of the file, with the keys that were asked for.
pub struct Table<'a> {
    /// The line on which it begins.
    pub line: usize,
    table: &'a DeTable<'a>,
    asked: Vec<&'static str>,
}

impl Table<'_> {
    /// Whether it has this key.
    pub fn has(&self, key: &str) -> bool {
        self.table.iter().any(|(name, _)| name.get_ref() == key)
    }
}

impl<'t> Sheet<'t> {
    /// A file to be read.
    pub fn new(file: &'t str, text: &'t str) -> Sheet<'t> {
        Sheet { file, text, ends: memchr::memchr_iter(b'\n', text.as_bytes()).collect(), faults: vec![], broken: false }
    }

    /// Parses the whole file and hands its root table to `read`. A file over the bound or of wrong syntax is a fault.
    pub fn read(mut self, read: impl FnOnce(&mut Sheet<'t>, Table<'_>)) -> Vec<Fault> {
        if self.text.len() > FILE_BYTES {
            let message = format!("the file has {} bytes, over the bound of {FILE_BYTES}", self.text.len());
            self.fault(0, message, "split it into several files");
            return self.faults;
        }
        let (root, errors) = DeTable::parse_recoverable(self.text);
        errors.iter().for_each(|error| self.syntax(error));
        self.faults.sort_by_key(|fault| fault.line);
        let mut syntax = mem::take(&mut self.faults);
        let doubtful: Vec<usize> = syntax.iter().map(|fault| fault.line).collect();
        // A key that stands twice leaves all else as it is.
        self.broken = syntax.iter().any(|fault| !fault.message.contains("duplicate key"));
        read(&mut self, Table { line: 1, table: root.get_ref(), asked: vec![] });
        self.drop_doubtful(&doubtful);
        // A list that is not closed breaks all lines that follow.
        let mut last = (0, false);
        syntax.retain(|fault| {
            let (line, in_list) = last;
            let reach = if in_list { LIST_LINES } else { 0 };
            let follows = line > 0 && fault.line <= line + reach;
            last = (fault.line, fault.message.contains("array") || (follows && in_list));
            !follows
        });
        self.faults.extend(syntax.into_iter().take(SYNTAX_FAULTS));
        self.faults
    }

    fn syntax(&mut self, error: &toml::de::Error) {
        let line = self.line(error.span().map_or(0, |span| span.start));
        let message = error.message().trim().replace('\n', ", ");
        let written = self.text.lines().nth(line - 1).unwrap_or_default();
        let remedy = match message.as_str() {
            said if said.contains("duplicate key") => "it stands above already: put its lines there, or keep one",
            said if said.contains("escape") => "write it between single quotes, where a backslash is itself: '\\d'",
            said if said.contains("cannot extend") => {
                "give each of these lists a language, as in phrases.en = […], or none of them"
            }
            said if said.contains("key with no value") && written.contains('=') => {
                "put a key of several words between double quotes: \"money back\" = 2"
            }
            said if said.contains("key with no value") => "put a = between key and value: id = \"billing\"",
            said if said.contains("basic string") => {
                "end the text with \" on its line, or put it between three: \"\"\""
            }
            said if said.contains("quoted") || said.contains("invalid float") || said.contains("invalid key") => {
                "put texts between straight double quotes; numbers have a point: 2.5"
            }
            said if said.contains("array") => "put a comma between the texts of a list, and a ] behind the last",
            said if said.contains("expected newline") => {
                "put every key on a line of its own; numbers have a point: 2.5; double quotes within a text stand as \\\""
            }
            _ => "correct the syntax on this line",
        };
        self.fault(line, format!("no valid TOML: {message}"), remedy);
    }

    /// What stands in a line that cannot be read seems to be missing: a fault of a whole table, or of such a line, may be
    /// none.
    fn drop_doubtful(&mut self, doubtful: &[usize]) {
        let (broken, lines) = (self.broken, self.text.lines().collect::<Vec<&str>>());
        let heads =
            |line: usize| line <= 1 || lines.get(line - 1).is_some_and(|text| text.trim_start().starts_with('['));
        let in_doubt = |line: usize| doubtful.contains(&line) || (broken && heads(line));
        self.faults.retain(|fault| !in_doubt(fault.line));
    }

    /// The line of a byte offset, from 1.
    pub fn line(&self, offset: usize) -> usize {
        self.ends.partition_point(|end| *end < offset) + 1
    }

    /// Notes a fault.
    pub fn fault(&mut self, line: usize, message: impl Into<String>, remedy: impl Into<String>) {
        self.faults.push(Fault { file: self.file.into(), line, message: message.into(), remedy: remedy.into() });
    }

    fn wrong_type(&mut self, key: &str, value: &Spanned<DeValue<'_>>, wanted: &str) {
        let line = self.line(value.span().start);
        let kind = value.get_ref().type_str();
        let article = if kind.starts_with(['a', 'i']) { "an" } else { "a" };
        self.fault(line, format!("`{key}` is {article} {kind}"), format!("write {wanted}"));
    }

    fn get<'a>(&self, table: &mut Table<'a>, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        table.asked.push(key);
        let (_, value) = table.table.iter().find(|(name, _)| name.get_ref() == key)?;
        Some(value)
    }

    /// A text, with its line.
    pub fn text(&mut self, table: &mut Table<'_>, key: &'static str) -> Option<(String, usize)> {
        let value = self.get(table, key)?;
        match value.get_ref().as_str() {
            Some(text) => Some((text.to_owned(), self.line(value.span().start))),
            None => {
                self.wrong_type(key, value, "a text in quotes");
                None
            }
        }
    }

    /// A name, with its line: a text that says something.
    pub fn name(&mut self, table: &mut Table<'_>, key: &'static str) -> Option<(String, usize)> {
        let (name, line) = self.text(table, key)?;
        if name.trim().is_empty() {
            self.fault(line, format!("`{key}` is empty"), "write something between the quotes, or delete it");
            return None;
        }
        Some((name, line))
    }

    /// A number within ±1,000,000.
    pub fn number(&mut self, table: &mut Table<'_>, key: &'static str) -> Option<f64> {
        let value = self.get(table, key)?;
        self.as_number(key, value)
    }

    /// A number that is not below zero.
    pub fn positive(&mut self, table: &mut Table<'_>, key: &'static str) -> Option<f64> {
        let value = self.get(table, key)?;
        let number = self.as_number(key, value)?;
        if number < 0.0 {
            let line = self.line(value.span().start);
            self.fault(line, format!("`{key}` is below zero"), format!("write {key} = 0.5 or the like"));
        }
        Some(number)
    }

    /// A whole number up to `most`.
    pub fn count(&mut self, table: &mut Table<'_>, key: &'static str, most: usize) -> Option<usize> {
        let value = self.get(table, key)?;
        let number = match value.get_ref() {
            DeValue::Integer(number) => number.as_str().parse().ok().filter(|number| *number <= most),
            _ => None,
        };
        if number.is_none() {
            let line = self.line(value.span().start);
            self.fault(
                line,
                format!("`{key}` is no whole number from 0 to {most}"),
                format!("write {key} = 8 or the like"),
            );
        }
        number
    }

    fn as_number(&mut self, key: &str, value: &Spanned<DeValue<'_>>) -> Option<f64> {
        let digits = match value.get_ref() {
            DeValue::Integer(number) => Some(number.as_str()),
            DeValue::Float(number) => Some(number.as_str()),
            _ => None,
        };
        match digits.and_then(|digits| digits.parse::<f64>().ok()).filter(|number| number.abs() <= 1e6) {
            Some(number) => Some(number),
            None => {
                let wanted = match digits {
                    Some(_) => "a decimal number between -1000000 and 1000000",
                    None => "a number without quotes, such as 2.5",
                };
                match digits {
                    Some(digits) => {
                        let line = self.line(value.span().start);
                        self.fault(line, format!("`{key}` is {digits}"), format!("write {wanted}"));
                    }
                    None => self.wrong_type(key, value, wanted),
                }
                None
            }
        }
    }

    /// Likewise, of names that say something.
    pub fn names(&mut self, table: &mut Table<'_>, key: &'static str) -> Vec<(String, usize)> {
        let mut names = self.texts(table, key);
        names.retain(|(name, line)| {
            let empty = name.trim().is_empty();
            if empty {
                self.fault(
                    *line,
                    format!("`{key}` has an empty text"),
                    "write something between the quotes, or delete it",
                );
            }
            !empty
        });
        names
    }

    /// A list of texts with their lines; one text stands for a list of one.
    pub fn texts(&mut self, table: &mut Table<'_>, key: &'static str) -> Vec<(String, usize)> {
        let mut texts = Vec::new();
        if let Some(value) = self.get(table, key) {
            self.gather(key, value, &mut texts);
        }
        texts
    }

    fn gather(&mut self, key: &str, value: &Spanned<DeValue<'_>>, texts: &mut Vec<(String, usize)>) {
        match value.get_ref() {
            DeValue::String(text) => texts.push((text.clone().into_owned(), self.line(value.span().start))),
            DeValue::Array(list) => list.iter().for_each(|value| self.gather(key, value, texts)),
            _ => self.wrong_type(key, value, "a list of texts in quotes"),
        }
    }

    /// A list of texts, or a table of such lists by language (or by any other key): `(key, text, line)`.
    pub fn texts_by_key(&mut self, table: &mut Table<'_>, key: &'static str) -> Vec<(Option<String>, String, usize)> {
        let Some(value) = self.get(table, key) else { return vec![] };
        let mut found = Vec::new();
        let mut texts = Vec::new();
        if let DeValue::Table(by_key) = value.get_ref() {
            // In the order of the file: a table sorts by key, and faults and names should follow the eye.
            let mut entries: Vec<_> = by_key.iter().collect();
            entries.sort_by_key(|(name, _)| name.span().start);
            for (name, value) in entries {
                self.gather(key, value, &mut texts);
                let name = name.get_ref();
                // What a person writes below a `[signal.phrases]` header lands in it, not in the signal.
                if ["name", "weight", "regex", "near", "with", "within", "unless", "in", "lang", "field"]
                    .contains(&&**name)
                {
                    let message = format!("`{name}` stands inside the table `{key}`");
                    self.fault(self.line(value.span().start), message, format!("write it above `[….{key}]`"));
                    texts.clear();
                }
                found.extend(texts.drain(..).map(|(text, line)| (Some(name.clone().into_owned()), text, line)));
            }
        } else {
            self.gather(key, value, &mut texts);
            found.extend(texts.drain(..).map(|(text, line)| (None, text, line)));
        }
        found
    }

    /// A table of numbers by free keys, in the order of the file: `(key, number, line)`. One of `beside` that stands there
    /// without quotes was meant for the table around it.
    pub fn numbers_by_key(
        &mut self,
        table: &mut Table<'_>,
        key: &'static str,
        beside: &[&str],
    ) -> Vec<(String, f64, usize)> {
        let Some(value) = self.get(table, key) else { return vec![] };
        let DeValue::Table(numbers) = value.get_ref() else {
            self.wrong_type(key, value, "a table of numbers");
            return vec![];
        };
        let mut entries: Vec<_> = numbers.iter().collect();
        entries.sort_by_key(|(name, _)| name.span().start);
        let mut found = Vec::with_capacity(entries.len());
        for (name, value) in entries {
            let line = self.line(name.span().start);
            let word: &str = name.get_ref();
            if beside.contains(&word) && self.text[name.span()] == *word {
                let message = format!("`{word}` stands inside the table `{key}`");
                self.fault(
                    line,
                    message,
                    "write it above the first line with a [, or, if it is a phrase, between quotes",
                );
            }
            if let Some(number) = self.as_number(name.get_ref(), value) {
                found.push((name.get_ref().clone().into_owned(), number, line));
            }
        }
        found
    }

    /// Each table of an array of tables (`[[key]]`).
    pub fn tables(
        &mut self,
        table: &mut Table<'_>,
        key: &'static str,
        mut read: impl FnMut(&mut Sheet<'t>, &mut Table<'_>),
    ) {
        let Some(value) = self.get(table, key) else { return };
        let DeValue::Array(list) = value.get_ref() else {
            return self.wrong_type(key, value, &format!("[[{key}]]"));
        };
        for item in list.iter() {
            let DeValue::Table(inner) = item.get_ref() else {
                self.wrong_type(key, item, &format!("[[{key}]]"));
                continue;
            };
            let mut inner = Table { line: self.line(item.span().start), table: inner, asked: vec![] };
            read(self, &mut inner);
            self.finish_in(inner, &table.asked);
        }
    }

    /// Every key of this table that was never asked for is a fault.
    pub fn finish(&mut self, table: Table<'_>) {
        self.finish_in(table, &[]);
    }

    /// `around`: the keys of the table around it, which a person may have written too far below.
    fn finish_in(&mut self, table: Table<'_>, around: &[&str]) {
        for (name, _) in table.table.iter() {
            let key: &str = name.get_ref();
            if table.asked.contains(&key) {
                continue;
            }
            let line = self.line(name.span().start);
            let remedy = match nearest(key, &table.asked) {
                _ if INCLUDES.contains(&key) => {
                    "delete it: files do not include one another, each file of the folder is read once".to_owned()
                }
                _ if around.contains(&key) => {
                    "it stands inside a table: write it above the first line with a [".to_owned()
                }
                Some(right) => format!("write `{right}`, or delete it"),
                None if !also_called(key, &table.asked).is_empty() => {
                    format!("write `{}`, or delete it", also_called(key, &table.asked).join("` or `"))
                }
                None => format!("delete it; the keys here are {}", table.asked.join(", ")),
            };
            self.fault(line, format!("unknown key `{key}`"), remedy);
        }
    }
}

/// The key that was most likely meant: at most a third of it differs.
pub fn nearest<'a>(key: &str, known: &[&'a str]) -> Option<&'a str> {
    let known = known.iter().map(|right| (distance(key, right), *right)).min()?;
    (known.0 * 3 <= key.chars().count().max(3)).then_some(known.1)
}

/// The keys that people call so: those that hold the word or stand in it, or have another name.
fn also_called(key: &str, known: &[&'static str]) -> Vec<&'static str> {
    let other = OTHER_NAMES.iter().filter(|(names, _)| names.contains(&key)).map(|(_, right)| *right);
    let shares = |right: &&str| key.len() > 3 && right.len() > 3 && (right.contains(key) || key.contains(right));
    let others: Vec<&str> = other.filter(|right| known.contains(right)).collect();
    if others.is_empty() { known.iter().copied().filter(shares).collect() } else { others }
}

/// Edits between two short texts, a swap of neighbours counting one.
pub fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(64).collect(), b.chars().take(64).collect());
    let mut rows = [vec![0; b.len() + 1], (0..=b.len()).collect::<Vec<_>>(), vec![0; b.len() + 1]];
    for i in 1..=a.len() {
        rows[2][0] = i;
        for j in 1..=b.len() {
            let cost = usize::from(a[i - 1] != b[j - 1]);
            let mut best = (rows[1][j] + 1).min(rows[2][j - 1] + 1).min(rows[1][j - 1] + cost);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[0][j - 2] + 1);
            }
            rows[2][j] = best;
        }
        rows.rotate_left(1);
    }
    rows[1][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let faults = Sheet::new("topics/x.toml", text).read(|sheet, mut root| {
            sheet.text(&mut root, "label");
            sheet.number(&mut root, "threshold");
            sheet.tables(&mut root, "signal", |sheet, table| {
                sheet.texts_by_key(table, "phrases");
            });
            sheet.finish(root);
        });
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        assert_eq!(faults, expected);
    }

    #[test]
    fn faults_name_line_and_remedy() {
        check("label = \"x\"\nthreshold = 2\n[[signal]]\nphrases.de = [\"a\"]\n", &[]);
        check(
            "label = 3\ntreshold = 2\n[[signal]]\nphrases = [1]\n",
            &[
                "topics/x.toml:1: `label` is an integer; write a text in quotes",
                "topics/x.toml:4: `phrases` is an integer; write a list of texts in quotes",
                "topics/x.toml:2: unknown key `treshold`; write `threshold`, or delete it",
            ],
        );
        check(
            "threshold = \"high\"\ninclude = [\"y.toml\"]\n",
            &[
                "topics/x.toml:1: `threshold` is a string; write a number without quotes, such as 2.5",
                "topics/x.toml:2: unknown key `include`; delete it: files do not include one another, each file of the folder is read once",
            ],
        );
        check(
            "[weights]\nx = 1\n[weights]\n",
            &[
                "topics/x.toml:3: no valid TOML: duplicate key; it stands above already: put its lines there, or keep one",
            ],
        );
        check(
            "[weights]\nmoney back = 2\n",
            &[
                "topics/x.toml:2: no valid TOML: key with no value, expected `=`; put a key of several words between double quotes: \"money back\" = 2",
            ],
        );
        check(
            "label = \n",
            &[
                "topics/x.toml:1: no valid TOML: string values must be quoted, expected literal string; put texts between straight double quotes; numbers have a point: 2.5",
            ],
        );
    }

    #[test]
    fn keys_by_another_name_are_known() {
        let check = |key: &str, known: &[&'static str], expected: &[&str]| {
            assert_eq!(also_called(key, known), expected, "{key}");
        };
        check("prio", &["priority", "route"], &["priority"]);
        check("domain", &["sender_domain", "lang"], &["sender_domain"]);
        check("language", &["lang", "label"], &["lang"]);
        check("team", &["route", "flags"], &["route"]);
        check("team", &["label"], &[]);
        check("type", &["attachment_type", "regex"], &["attachment_type"]);
        check("color", &["label", "lang"], &[]);
    }

    #[test]
    fn a_file_over_the_bound_is_refused_unparsed() {
        let faults = Sheet::new("x", &"#".repeat(5 << 20)).read(|_, _| {});
        assert_eq!(faults[0].line, 0);
    }
}
