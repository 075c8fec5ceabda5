//! A glance at what is in quarantine: the headers that people decide by, taken as bytes and cut short, for a reader may have
//! failed on them.

use std::collections::BTreeMap;

use crate::store::submissions::{Kind, Submission};

/// So much of the bytes is looked at.
const HEAD_BYTES: usize = 32 << 10;
/// So many characters of a header.
const VALUE_CHARS: usize = 300;
/// The headers worth seeing.
const HEADERS: [&str; 5] = ["from", "to", "subject", "date", "message-id"];

/// Those headers of a mail, as they stand there; the first of each name. Of a post: nothing.
pub fn glance(submission: &Submission) -> BTreeMap<&'static str, String> {
    let mut found = BTreeMap::new();
    if submission.kind != Kind::Mail {
        return found;
    }
    let head = &submission.raw[..submission.raw.len().min(HEAD_BYTES)];
    let text = String::from_utf8_lossy(head);
    let mut open: Option<&'static str> = None;
    for line in text.lines() {
        if line.is_empty() {
            break;
        }
        if line.starts_with([' ', '\t']) {
            if let Some(value) = open.and_then(|name| found.get_mut(name)) {
                push(value, line);
            }
            continue;
        }
        open = None;
        let Some((name, rest)) = line.split_once(':') else { continue };
        let known = HEADERS.into_iter().find(|known| name.trim_end().eq_ignore_ascii_case(known));
        if let Some(known) = known.filter(|known| !found.contains_key(known)) {
            let mut value = String::new();
            push(&mut value, rest);
            found.insert(known, value);
            open = Some(known);
        }
    }
    found
}

/// Adds a line to a value, without control characters and up to a bound.
fn push(value: &mut String, line: &str) {
    let room = VALUE_CHARS.saturating_sub(value.chars().count());
    if !value.is_empty() && room > 0 {
        value.push(' ');
    }
    value.extend(line.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).take(room));
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::store::submissions::{Envelope, New};

    fn check(kind: Kind, raw: &str, expected: &[(&str, &str)]) {
        let new = New {
            source: "lmtp".into(),
            source_key: None,
            kind,
            raw: raw.into(),
            envelope: Envelope::default(),
            answerable: true,
            received_at: 0,
        };
        let submission = new.claimed("1");
        let found = glance(&submission);
        let found: Vec<(&str, &str)> = found.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn headers_are_glanced_at_whatever_stands_in_them() {
        check(
            Kind::Mail,
            "FROM : a@b.example\r\nSubject: one\r\n\ttwo\x1b[2J\r\nSubject: three\r\nX: y\r\n z\r\n\r\nTo: c@d.example\r\n",
            &[("from", "a@b.example"), ("subject", "one two [2J")],
        );
        check(Kind::Mail, &format!("Subject: {}", "x".repeat(1_000)), &[("subject", &"x".repeat(VALUE_CHARS))]);
        check(Kind::Mail, "", &[]);
        check(Kind::Hook, "Subject: x", &[]);
    }
}
