//! A glance at what ended without a ticket: the headers that people decide by, taken as bytes and cut short, for a reader may
//! have failed on them.

use std::collections::BTreeMap;

use super::read::guarded;
use crate::request::{address, header};
use crate::store::quarantine::Listed;
use crate::store::submissions::Kind;
use crate::store::{self, Store};

/// So much of the bytes is looked at.
const HEAD_BYTES: usize = 32 << 10;
/// So many characters of a header.
const VALUE_CHARS: usize = 300;
/// The headers worth seeing.
const HEADERS: [&str; 5] = ["from", "to", "subject", "date", "message-id"];

/// A submission in a list, with what people tell it by.
pub struct Glanced {
    /// The submission.
    pub listed: Listed,
    /// Who says to have written it.
    pub from: Option<String>,
    /// Its subject.
    pub subject: Option<String>,
}

/// Looks at the beginning of each.
pub async fn glance_at(store: &Store, listed: Vec<Listed>) -> Result<Vec<Glanced>, store::Error> {
    let mut glanced = vec![];
    for listed in listed {
        let mut found = glance(listed.kind, &store.head(&listed.id, HEAD_BYTES as i64).await?);
        glanced.push(Glanced { from: found.remove("from"), subject: found.remove("subject"), listed });
    }
    Ok(glanced)
}

/// Those headers of a mail, as people read them; the first of each name. Of a post: nothing.
pub fn glance(kind: Kind, raw: &[u8]) -> BTreeMap<&'static str, String> {
    let mut found = BTreeMap::new();
    if kind != Kind::Mail {
        return found;
    }
    let head = &raw[..raw.len().min(HEAD_BYTES)];
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
    found.into_iter().map(|(name, value)| (name, readable(&value))).collect()
}

/// A value with its encoded words read, where they can be; nothing in it moves a terminal or turns the page around.
fn readable(value: &str) -> String {
    let decoded = guarded(|| header::decoded(value)).unwrap_or_else(|_| value.to_owned());
    let plain = decoded.chars().filter(|c| !address::is_format(*c));
    plain.map(|c| if c.is_control() { ' ' } else { c }).take(VALUE_CHARS).collect()
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

    fn check(kind: Kind, raw: &str, expected: &[(&str, &str)]) {
        let found = glance(kind, raw.as_bytes());
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
        check(Kind::Mail, "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe=0A=E2=80=AEx?=\r\n", &[("subject", "Grüße x")]);
        check(Kind::Mail, "", &[]);
        check(Kind::Hook, "Subject: x", &[]);
    }
}
