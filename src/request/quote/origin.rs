//! Who wrote a forwarded message, when and under which subject: by its header block or its attribution.

use super::Kind;
use super::block::label;
use super::walk::between_dashes;
use crate::request::finder::{folded, lower};
use crate::request::lines::{Body, depth};
use crate::request::reading::{Label, Reading};
use crate::request::{Forwarded, Mailbox, address, header};

/// Who wrote the forwarded message, by its header block or attribution.
pub(super) fn origin(body: &Body, kinds: &[Kind], reading: &Reading) -> Option<Forwarded> {
    let mut found = Forwarded::default();
    let mut any = false;
    let lines = (0..kinds.len()).filter(|at| kinds[*at] == Kind::Forwarded).take(40);
    let mut last: Option<Label> = None;
    for at in lines {
        let line = depth(body.line(at)).1.trim();
        if line.is_empty() {
            if any && found.date.is_some() | found.subject.is_some() {
                break;
            }
            continue;
        }
        // Yahoo's header may stand in the line of its marker, all of it.
        let labels = match between_dashes(line) {
            Some((rest, _)) => in_one_line(rest, reading),
            None => label(line, reading).into_iter().collect(),
        };
        for (kind, value) in &labels {
            last = Some(*kind);
            match kind {
                Label::From if !any => {
                    any = true;
                    let sender = sender(value);
                    (found.name, found.address) = (sender.name, sender.address);
                }
                Label::Sent if found.date.is_none() => {
                    found.date = Some(header::one_line(value)).filter(|date| !date.is_empty())
                }
                Label::Subject if found.subject.is_none() => {
                    found.subject = Some(header::one_line(value)).filter(|subject| !subject.is_empty())
                }
                _ => {}
            }
        }
        if !labels.is_empty() {
            continue;
        }
        // The address on a line of its own, below a wrapped name.
        if last == Some(Label::From) && found.address.is_empty() {
            found.address = sender(line).address;
        } else if !any
            && let Some((from, date)) = line.strip_suffix(">>>").and_then(|line| line.split_once('>'))
            && from.contains('@')
        {
            // GroupWise: `>>> Jane Roe <jane@acme.example> 4/7/2025 9:14 AM >>>`
            let one = sender(&format!("{from}>"));
            (found.name, found.address) = (one.name, one.address);
            found.date = written(date);
            any = true;
        } else if !any
            && line.contains('@')
            && line.ends_with(':')
            && let Some(open) = line.rfind('<')
        {
            // `On 3 Apr 2025, at 09:14, Jane Roe <jane@acme.example> wrote:`
            let (name, before) = named(&line[..open], reading);
            let one = sender(&format!("{name} {}", &line[open..]));
            (found.name, found.address) = (one.name, one.address);
            found.date = written(before);
            any = true;
        }
    }
    any.then_some(found)
}

/// The labels of a header block that stands in one line, with their values: `From: Jane <jane@acme.example>To: …Sent: …`.
fn in_one_line<'a>(line: &'a str, reading: &Reading) -> Vec<(Label, &'a str)> {
    let mut found: Vec<(Label, usize, usize)> = vec![];
    for (colon, _) in line.match_indices(':') {
        let word = line[..colon].rsplit(|c: char| !c.is_alphabetic()).next().unwrap_or_default();
        if let Some(label) = reading.labels.get(&lower(word)) {
            found.push((*label, colon - word.len(), colon + 1));
        }
    }
    let ends = found.iter().skip(1).map(|(_, start, _)| *start).chain([line.len()]);
    found.iter().zip(ends).map(|((label, _, start), end)| (*label, line[*start..end].trim())).collect()
}

/// The name at the end of an attribution's beginning, and what stands before it: `Am 03.04.25, 09:14 schrieb "Jane"`,
/// `Le 03/04/2025 à 09:14, « Jane »`.
fn named<'a>(text: &'a str, reading: &Reading) -> (&'a str, &'a str) {
    let text = text.trim_end();
    for (open, close) in [('"', '"'), ('«', '»'), ('“', '”'), ('„', '“')] {
        if let Some(inner) = text.strip_suffix(close)
            && let Some(start) = inner.rfind(open)
        {
            return (inner[start + open.len_utf8()..].trim(), &text[..start]);
        }
    }
    let start = text.rfind([',', ':']).map_or(0, |at| at + 1);
    let rest = text[start..].trim_start_matches(|c: char| c.is_ascii_digit() || c.is_whitespace());
    let lower = folded(rest);
    // `… 09:14 schrieb Jane`: the offsets hold where lower case is as long, as it is in all these languages' verbs.
    let name = match reading.verbs.find(&lower) {
        Some((0, end)) if lower.len() == rest.len() => rest[end..].trim_start(),
        _ => rest,
    };
    (name, &text[..text.len() - name.len()])
}

/// The date as an attribution says it: from its first digit to its last.
fn written(text: &str) -> Option<String> {
    let start = text.find(|c: char| c.is_ascii_digit())?;
    let end = text.rfind(|c: char| c.is_ascii_digit())? + 1;
    Some(header::one_line(&text[start..end]))
}

/// `Jane Roe [mailto:jane@acme.example]`, `Jane Roe <jane@acme.example<mailto:…>>`, `"Jane" jane@acme.example`.
fn sender(value: &str) -> Mailbox {
    let value = value.replace("[mailto:", "<").replace(']', ">").replace("<mailto:", " <").replace('*', "");
    let value = match value.find('>') {
        Some(end) => &value[..=end],
        None => value.as_str(),
    };
    // `<jane@acme.example <jane@acme.example>`: keep the last opening.
    let (before, inside) = value.rsplit_once('<').unwrap_or((value, ""));
    if inside.is_empty() {
        return address::one(value).unwrap_or_default();
    }
    let before = before.trim_end().trim_end_matches('<');
    let name = before.split('<').next().unwrap_or_default();
    address::one(&format!("{name} <{inside}")).unwrap_or_default()
}
