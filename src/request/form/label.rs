//! What a line is to a form: a known label, something that could be one, words.
//!
//! A label is compared in lower case without brackets, marks and outer punctuation; its value is kept as written.

use crate::request::FieldKey;
use crate::request::finder::lowered;
use crate::request::lines::Body;
use crate::request::reading::Reading;

/// How long a label may be, in characters.
pub(super) const LONGEST_LABEL: usize = 90;

/// A label as it is compared: lower case, without marks, brackets and outer punctuation.
pub(in crate::request) fn normalised(label: &str) -> String {
    let mut out = String::with_capacity(label.len());
    let mut depth = 0;
    for c in label.chars() {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' if depth > 0 => depth -= 1,
            _ if depth > 0 => {}
            '_' | '\u{a0}' => out.push(' '),
            '’' => out.push('\''),
            _ if c.is_ascii() => out.push(c.to_ascii_lowercase()),
            _ => out.extend(c.to_lowercase()),
        }
    }
    let trimmed = out.trim_matches(|c: char| c.is_whitespace() || "*:：?.!=-–—#>•·¿¡".contains(c));
    let mut words = trimmed.split_whitespace();
    let mut joined = words.next().unwrap_or_default().to_owned();
    for word in words {
        joined.push(' ');
        joined.push_str(word);
    }
    joined
}

/// What a label means, if it is a known one.
pub(super) fn known(label: &str, reading: &Reading) -> Option<FieldKey> {
    // Most lines end here: no label starts like them. What stands in brackets is none of a label.
    if !label.starts_with(['(', '[']) {
        let first = label.split(|c: char| !c.is_alphanumeric()).find(|word| !word.is_empty())?;
        if !reading.forms.openers.contains(lowered(first, &mut String::new())) {
            return None;
        }
    }
    let label = normalised(label);
    reading.forms.labels.get(&label).copied().or_else(|| {
        // "What's your Campaign ID?"
        let asked = |words: &String| {
            let rest = label.strip_prefix(words.as_str())?;
            if words.ends_with('\'') { Some(rest) } else { rest.strip_prefix(' ') }
        };
        reading.forms.questions.iter().find_map(asked).and_then(|rest| reading.forms.labels.get(rest).copied())
    })
}

/// What a line is to a form.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Look<'a> {
    /// A known label, and what stands behind it. `alone`: without a colon, the value stands below.
    Known {
        key: FieldKey,
        label: &'a str,
        value: &'a str,
        alone: bool,
    },
    /// Something that could be a label.
    Other {
        label: &'a str,
        value: &'a str,
    },
    /// A label whose words nobody knows: its place or its marks tell that it is one. The value stands below.
    Asked {
        label: &'a str,
    },
    /// Words.
    Text,
    Blank,
}

/// The longest run of lines such as `last_status: 422`: lower case keys, at least one of several words.
pub(super) fn keyed(looks: &[Look<'_>]) -> usize {
    let (mut best, mut run, mut joined) = (0, 0, false);
    for look in looks {
        let label = match look {
            Look::Known { label, alone: false, .. } | Look::Other { label, .. } => *label,
            _ => "",
        };
        let key = !label.is_empty()
            && label.starts_with(|c: char| c.is_ascii_lowercase())
            && label.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c));
        if key {
            run += 1;
            joined |= label.contains('_') || label.chars().skip(1).any(|c| c.is_ascii_uppercase());
            if joined {
                best = best.max(run);
            }
        } else {
            (run, joined) = (0, false);
        }
    }
    best
}

/// A line without the number of its question: `2. Email`, `3) Campaign ID: 48213`.
pub(super) fn unnumbered(line: &str) -> &str {
    let rest = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let marked = rest.strip_prefix(['.', ')']).filter(|_| rest.len() < line.len());
    marked.filter(|rest| rest.starts_with([' ', '*'])).map_or(line, str::trim_start)
}

/// A known label in brackets, and what stands behind it: `[Name] Jane Roe`, `[E-mail]: jane@acme.example`.
fn bracketed<'a>(line: &'a str, reading: &Reading) -> Option<Look<'a>> {
    let (label, value) = line.strip_prefix('[')?.split_once(']')?;
    let key = known(label, reading)?;
    Some(Look::Known { key, label, value: value.trim_matches([':', ' ', '*', '\t']), alone: false })
}

/// What a line is. `dashed`: labels end with a dash between spaces or a tab, too: `Campaign ID - 22340`.
pub(super) fn look<'a>(body: &'a Body, at: usize, dashed: bool, reading: &Reading) -> Look<'a> {
    let line = body.line(at);
    if body.lines[at].depth > 0 {
        return Look::Text;
    }
    let line = line.trim_matches(|c: char| c.is_whitespace() || c == '*' || c == '|');
    if line.is_empty() {
        return Look::Blank;
    }
    if let Some(look) = bracketed(line, reading) {
        return look;
    }
    let line = unnumbered(line);
    // Bytes first: most lines have none of these marks so near their beginning.
    let start = &line.as_bytes()[..line.len().min(4 * LONGEST_LABEL)];
    let marked = memchr::memchr3(b':', b'=', 0xef, start).is_some();
    let colon =
        line.char_indices().take(if marked { LONGEST_LABEL } else { 0 }).find(|(_, c)| matches!(c, ':' | '：' | '='));
    if let Some((colon, mark)) = colon {
        let label =
            line[..colon].trim_matches(|c: char| c.is_whitespace() || "*•·".contains(c)).trim_start_matches("- ");
        let value = line[colon + mark.len_utf8()..].trim_matches(|c: char| c.is_whitespace() || c == '*');
        if let Some(key) = known(label, reading) {
            return Look::Known { key, label, value, alone: false };
        }
        if value.contains('@') && reading.forms.senders.contains(&normalised(label)) {
            return Look::Known { key: FieldKey::Email, label, value, alone: false };
        }
        let words = label.split_whitespace().count();
        if (1..=6).contains(&words)
            && !value.starts_with("//")
            && !label.contains('@')
            && label.chars().all(|c| !matches!(c, '.' | ',' | '"' | '(') || !label.contains(' '))
        {
            return Look::Other { label, value };
        }
        return Look::Text;
    }
    if dashed
        && let Some((label, value)) = ["\t", " - ", " – "].iter().find_map(|mark| line.split_once(mark))
        && let Some(key) = known(label, reading)
    {
        return Look::Known { key, label: label.trim(), value: value.trim(), alone: false };
    }
    // A question before its answer: `Which campaign? Orchard Box`.
    if let Some(end) = memchr::memchr(b'?', start)
        && let (label, value) = (&line[..end], line[end + 1..].trim_matches(|c: char| c.is_whitespace() || c == '*'))
        && !value.is_empty()
        && label.chars().count() <= LONGEST_LABEL
        && let Some(key) = known(label, reading)
    {
        return Look::Known { key, label, value, alone: false };
    }
    // A label above its value: `Name *`, `--- Name ---`, `How can we help?`.
    if let Some(key) = known(line, reading)
        && line.chars().count() <= LONGEST_LABEL
    {
        return Look::Known {
            key, label: line.trim_matches(|c: char| "-–— *".contains(c)), value: "", alone: true
        };
    }
    Look::Text
}

/// A body whose form is a table with its labels in the first row, each label before its value instead; `None` when it
/// has no such table. A table that people paste names no e-mail address and describes nothing.
pub(super) fn turned(body: &Body, reading: &Reading) -> Option<Body> {
    memchr::memmem::find(body.text.as_bytes(), b" | ")?;
    let cells =
        |at: usize| body.line(at).split(" | ").map(|cell| cell.trim_matches(['|', ' ', '*'])).collect::<Vec<_>>();
    let heads = |at: &usize| {
        let keys: Vec<Option<FieldKey>> = cells(*at).iter().map(|cell| known(cell, reading)).collect();
        let has = |key: FieldKey| keys.contains(&Some(key));
        has(FieldKey::Email) && has(FieldKey::Description) && keys.iter().all(Option::is_some)
    };
    let head = (0..body.lines.len().saturating_sub(1)).find(heads)?;
    let (labels, values) = (cells(head), cells(head + 1));
    if labels.len() != values.len() {
        return None;
    }
    let mut text: String = (0..head).flat_map(|at| [body.line(at), "\n"]).collect();
    for (label, value) in labels.iter().zip(values) {
        text.extend([*label, ": ", value, "\n"]);
    }
    text.extend((head + 2..body.lines.len()).flat_map(|at| [body.line(at), "\n"]));
    Some(Body::plain(&text))
}
