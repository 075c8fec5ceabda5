//! Mail addresses as headers and forms hold them: display names decoded, addr-specs taken literally.
//!
//! An addr-spec is never decoded (RFC 2047 §5 forbids encoded words there), so `=?utf-8?Q?a@b=00?=@evil` cannot
//! become `a@b`. What is no address yields an empty one, never a guess.

use std::borrow::Cow;

use super::Mailbox;
use super::{encoded, header};

/// How long an address may be (RFC 5321 §4.5.3.1: 64 + 1 + 255 octets).
const LONGEST: usize = 320;

/// Reads an addr-spec: exactly one `@`, no white space, no control characters, nothing quoted or encoded.
/// The domain becomes lower case; the local part stays as it is.
pub fn addr_spec(text: &str) -> Option<String> {
    let text = text.trim().trim_start_matches("mailto:");
    let (local, domain) = text.split_once('@')?;
    let sound = text.len() <= LONGEST
        && !local.is_empty()
        && !domain.is_empty()
        && !domain.contains('@')
        && !text.contains("=?")
        && !domain.starts_with(['.', '-'])
        && !domain.ends_with(['.', '-'])
        && !domain.contains("..")
        && text.chars().all(|c| match c {
            '<' | '>' | '(' | ')' | '[' | ']' | ',' | ';' | ':' | '\\' | '"' => false,
            _ if c.is_ascii() => c.is_ascii_graphic(),
            _ => !c.is_whitespace() && !c.is_control() && !is_format(c),
        })
        && domain.chars().all(|c| c.is_alphanumeric() || c == '.' || c == '-' || c == '_');
    sound.then(|| format!("{local}@{}", domain.to_lowercase()))
}

/// A domain as the DNS has it (RFC 5891): "müller.example" is "xn--mller-kva.example". What is none stays as it is.
pub fn ascii_domain(domain: &str) -> Cow<'_, str> {
    match domain.is_ascii() {
        true => Cow::Borrowed(domain),
        false => idna::domain_to_ascii(domain).map_or(Cow::Borrowed(domain), Cow::Owned),
    }
}

/// Whether this is an invisible format character: it would make two equal looking addresses differ.
pub fn is_format(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

/// Reads the value of an address header (already unfolded and in UTF-8, encoded words still encoded).
/// Groups are flattened; what holds no address keeps its name with an empty address.
pub fn list(value: &str) -> Vec<Mailbox> {
    split(value).into_iter().filter_map(one).collect()
}

/// Reads one `Name <address>` or bare address, with encoded words in the name decoded.
pub fn one(text: &str) -> Option<Mailbox> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    if let Some(address) = addr_spec(text) {
        return Some(Mailbox { name: None, address });
    }
    let (name, address) = match (angle(text), text.contains('@')) {
        (Some((before, inside, after)), _) => {
            let name = if before.trim().is_empty() { after } else { before };
            (phrase(name), addr_spec(inside).unwrap_or_default())
        }
        (None, true) => {
            let (bare, comment) = comment(text);
            match addr_spec(&bare) {
                Some(address) => (comment.as_deref().and_then(phrase), address),
                None => (phrase(text), loose(&bare).unwrap_or_default()),
            }
        }
        (None, false) => (phrase(text), String::new()),
    };
    (name.is_some() || !address.is_empty()).then_some(Mailbox { name, address })
}

/// The address among words without angle brackets: `Jane Roe jane@example.com`. Only when there is exactly one.
fn loose(text: &str) -> Option<String> {
    let mut found = text.split(|c: char| c.is_whitespace() || "()[]\"',;".contains(c)).filter_map(addr_spec);
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

/// Splits at the commas and semicolons that stand outside quotes, comments and angle brackets; drops group names.
fn split(value: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let (mut start, mut quoted, mut escaped, mut depth, mut angle) = (0, false, false, 0_u32, false);
    for (at, c) in value.char_indices() {
        if escaped {
            escaped = false;
            continue;
        }
        match c {
            '\\' => escaped = quoted || depth > 0,
            '"' if depth == 0 => quoted = !quoted,
            _ if quoted => {}
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ if depth > 0 => {}
            '<' => angle = true,
            '>' => angle = false,
            ',' | ';' if !angle => {
                out.push(&value[start..at]);
                start = at + 1;
            }
            ':' if !angle && !value[start..at].contains('@') && !value[start..at].contains("=?") => start = at + 1,
            _ => {}
        }
    }
    out.push(&value[start..]);
    out
}

/// The last `<…>` outside quotes, with what stands before and after it.
fn angle(text: &str) -> Option<(&str, &str, &str)> {
    let mut quoted = false;
    let mut open = None;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        if escaped {
            escaped = false;
            continue;
        }
        match c {
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '<' if !quoted => open = Some(at),
            _ => {}
        }
    }
    // An unclosed quote must not hide the address.
    let open = if quoted { text.rfind('<') } else { open }?;
    let rest = &text[open + 1..];
    let close = rest.find('>').unwrap_or(rest.len());
    Some((&text[..open], &rest[..close], rest.get(close + 1..).unwrap_or_default()))
}

/// Takes the comments out: `jane@example.com (Jane Roe)`.
fn comment(text: &str) -> (String, Option<String>) {
    let (mut bare, mut inside, mut depth) = (String::new(), String::new(), 0_u32);
    for c in text.chars() {
        match c {
            '(' => depth += 1,
            ')' if depth > 0 => depth -= 1,
            _ if depth > 0 => inside.push(c),
            _ => bare.push(c),
        }
    }
    (bare, (!inside.is_empty()).then_some(inside))
}

/// A display name: quotes and escapes undone, encoded words decoded, one line, no control characters.
fn phrase(text: &str) -> Option<String> {
    let text = text.trim();
    let mut plain = String::with_capacity(text.len());
    let (mut quoted, mut escaped) = (false, false);
    for c in text.chars() {
        match c {
            _ if escaped => {
                plain.push(c);
                escaped = false;
            }
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => plain.push(c),
        }
    }
    let decoded = encoded::decode(&plain);
    let name = header::one_line(decoded.as_deref().unwrap_or(&plain));
    let name = name.trim_matches(|c: char| c.is_whitespace() || c == '\'' || c == '"').trim();
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: &str, expected: &[(&str, &str)]) {
        let got = list(input);
        let got: Vec<(&str, &str)> =
            got.iter().map(|m| (m.name.as_deref().unwrap_or_default(), m.address.as_str())).collect();
        assert_eq!(got, expected, "{input}");
    }

    #[test]
    fn people_and_programs_write_addresses_in_many_ways() {
        check("jane@Acme.Example", &[("", "jane@acme.example")]);
        check("Jane Roe <jane@acme.example>", &[("Jane Roe", "jane@acme.example")]);
        check(
            "\"Roe, Jane\" <jane@acme.example>, Bo <bo@x.example>",
            &[("Roe, Jane", "jane@acme.example"), ("Bo", "bo@x.example")],
        );
        check("jane@acme.example (Jane Roe)", &[("Jane Roe", "jane@acme.example")]);
        check("Team: a@x.example, b@x.example;", &[("", "a@x.example"), ("", "b@x.example")]);
        check("=?utf-8?Q?J=C3=B6rg?= <j@x.example>", &[("Jörg", "j@x.example")]);
        check("\"=?utf-8?B?SsO2cmc=?=\" <j@x.example>", &[("Jörg", "j@x.example")]);
        check("undisclosed-recipients:;", &[]);
        check("Jane Roe jane@acme.example", &[("Jane Roe jane@acme.example", "jane@acme.example")]);
        check("\"unclosed <jane@acme.example>", &[("unclosed", "jane@acme.example")]);
    }

    #[test]
    fn tricks_do_not_make_another_address() {
        check("=?utf-8?Q?a@b=00?=@evil", &[("a@b@evil", "")]);
        check("<=?utf-8?Q?a@b.example?=>", &[]);
        check("\"a@b.example\" <x@evil.example>", &[("a@b.example", "x@evil.example")]);
        check("<a@b.example@evil.example>", &[]);
        assert_eq!(addr_spec("a\u{200b}@b.example"), None);
        assert_eq!(addr_spec("a@b.example\r\nBcc: c@d.example"), None);
        assert_eq!(addr_spec("a@b\0.example"), None);
    }
}
