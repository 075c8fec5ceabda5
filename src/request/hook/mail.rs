//! The mail that a provider's post carries (inbound parse): as it stands there, or put together again from its parts.
//!
//! Promises: the same post gives the same mail; a header that the provider handed on cannot begin another one; what the
//! headers say of encodings is left out, for the parts are written anew.

use std::fmt::Write;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::body::Opened;
use super::{FieldFault, HookMap, files, rule};
use crate::request::{address, header};

/// Headers that are written anew.
const OWN: [&str; 4] = ["content-type", "content-transfer-encoding", "content-disposition", "mime-version"];
/// Headers that are handed on.
const HEADERS: usize = 2_000;

/// A mail and its envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carried {
    /// The mail, CRLF lines where it was put together here.
    pub raw: Vec<u8>,
    /// The envelope recipients, as far as the post names them.
    pub to: Vec<String>,
}

/// The mail in a post. Faults as of [`super::read`].
pub fn carried(opened: &Opened, map: &HookMap) -> Result<Carried, Vec<FieldFault>> {
    let to = recipients(opened, map);
    if let Some(raw) = whole(opened, map)? {
        return Ok(Carried { raw, to });
    }
    let request = super::read(opened, map)?;
    let value = &opened.value;
    let text = |rule: &rule::Rule| rule.find(value).ok().flatten().map(|found| header::one_line(&found.text));
    let mut head = String::new();
    let mut names: Vec<String> = vec![];
    for (name, value) in headers(value, &map.headers).into_iter().take(HEADERS) {
        let name = name.trim();
        let plain = |byte: u8| (33..=126).contains(&byte) && byte != b':';
        if name.is_empty() || !name.bytes().all(plain) || OWN.contains(&name.to_ascii_lowercase().as_str()) {
            continue;
        }
        names.push(name.to_ascii_lowercase());
        let _ = write!(head, "{name}: {}\r\n", header::one_line(&value));
    }
    let lacks = |name: &str| !names.iter().any(|known| known == name);
    let mut add = |name: &str, value: String| {
        if lacks(&name.to_ascii_lowercase()) && !value.is_empty() {
            let _ = write!(head, "{name}: {value}\r\n");
        }
    };
    let from = &request.from;
    let display =
        from.name.as_deref().map(|name| format!("=?utf-8?B?{}?= ", STANDARD.encode(name))).unwrap_or_default();
    add("From", format!("{display}<{}>", from.address));
    add("To", to.join(", "));
    add("Subject", encoded(&request.subject));
    add("Date", text(&map.date).unwrap_or_default());
    let id = text(&map.message_id).map(|id| format!("<{}>", id.trim_matches(['<', '>'])));
    add("Message-ID", id.filter(|id| id.contains('@') && !id.contains(char::is_whitespace)).unwrap_or_default());
    let mut mail = head.into_bytes();
    write_body(&mut mail, opened, map, &request);
    Ok(Carried { raw: mail, to })
}

/// The whole mail, where the map says that it stands there; in base64 when it is not plain.
fn whole(opened: &Opened, map: &HookMap) -> Result<Option<Vec<u8>>, Vec<FieldFault>> {
    let first = map.mail.first();
    if let Some(file) = opened.files.iter().find(|file| !first.is_empty() && format!("/{}", file.field) == first) {
        return Ok(Some(file.content.clone()));
    }
    let Some(found) = map.mail.find(&opened.value).map_err(|fault| vec![fault])? else { return Ok(None) };
    let begins = found.text.lines().next().unwrap_or_default();
    // A header line, or mbox's "From ": a base64 line has neither colon nor blank.
    if begins.contains([':', ' ']) {
        return Ok(Some(found.text.into_bytes()));
    }
    match files::decode(&found.text) {
        Some(raw) => Ok(Some(raw)),
        None => Err(vec![FieldFault { pointer: found.pointer, message: "is neither a mail nor base64".into() }]),
    }
}

fn recipients(opened: &Opened, map: &HookMap) -> Vec<String> {
    let listed = map.recipient.select(&opened.value);
    let texts = listed.iter().filter_map(|(_, value)| rule::scalar(value));
    let mut to: Vec<String> =
        texts.flat_map(|text| address::list(&text)).map(|mailbox| mailbox.address).take(50).collect();
    to.retain(|address| !address.is_empty());
    to
}

/// Headers as pairs: `[[name, value], …]`, `[{Name, Value}, …]`, `{name: value}`, or as a block of text.
fn headers(body: &Value, rule: &rule::Rule) -> Vec<(String, String)> {
    let selected = rule.select(body);
    let member = |value: &Value, names: [&str; 2]| names.iter().find_map(|name| value.get(name)).and_then(rule::scalar);
    let mut pairs = vec![];
    for (_, value) in selected {
        match value {
            Value::Array(pair) => {
                let text = |at: usize| pair.get(at).and_then(rule::scalar);
                pairs.extend(text(0).zip(text(1)));
            }
            Value::Object(object) => match member(value, ["Name", "name"]).zip(member(value, ["Value", "value"])) {
                Some(pair) => pairs.push(pair),
                None => {
                    pairs.extend(object.iter().filter_map(|(name, value)| Some((name.clone(), rule::scalar(value)?))))
                }
            },
            Value::String(block) => pairs.extend(lines(block)),
            _ => {}
        }
    }
    pairs
}

/// A header block, unfolded (RFC 5322 §2.2.3).
fn lines(block: &str) -> Vec<(String, String)> {
    let mut pairs: Vec<(String, String)> = vec![];
    for line in block.lines() {
        match (line.starts_with([' ', '\t']), pairs.last_mut()) {
            (true, Some((_, value))) => {
                value.push(' ');
                value.push_str(line.trim());
            }
            _ => pairs.extend(line.split_once(':').map(|(name, value)| (name.to_owned(), value.trim().to_owned()))),
        }
    }
    pairs
}

/// A text as header value: an encoded word (RFC 2047) where it is not plain.
fn encoded(text: &str) -> String {
    if text.is_ascii() && !text.contains("=?") {
        return text.to_owned();
    }
    let words: Vec<String> = text
        .chars()
        .collect::<Vec<_>>()
        .chunks(15)
        .map(|chunk| format!("=?utf-8?B?{}?=", STANDARD.encode(chunk.iter().collect::<String>())))
        .collect();
    words.join("\r\n ")
}

fn write_body(mail: &mut Vec<u8>, opened: &Opened, map: &HookMap, request: &crate::request::Request) {
    let mut hash = Sha256::new();
    hash.update(&*mail);
    hash.update(&request.text);
    // No text has it by accident, and the same post has the same.
    let boundary = format!("=_{}", &hex::encode(hash.finalize())[..32]);
    let mut line = |text: &str| {
        mail.extend_from_slice(text.as_bytes());
        mail.extend_from_slice(b"\r\n");
    };
    line("MIME-Version: 1.0");
    line(&format!("Content-Type: multipart/mixed; boundary=\"{boundary}\""));
    line("");
    line(&format!("--{boundary}"));
    line(&format!("Content-Type: multipart/alternative; boundary=\"{boundary}a\""));
    line("");
    let text = map.text.find(&opened.value).ok().flatten().map(|found| found.text);
    for (subtype, content) in [("plain", &text), ("html", &request.html)] {
        if let Some(content) = content.as_ref().filter(|content| !content.trim().is_empty()) {
            line(&format!("--{boundary}a"));
            line(&format!("Content-Type: text/{subtype}; charset=utf-8"));
            part(&mut line, content.as_bytes());
        }
    }
    line(&format!("--{boundary}a--"));
    for (index, attachment) in request.attachments.iter().enumerate() {
        let Some(content) = files::content(opened, map, index) else { continue };
        let plain = |c: &char| c.is_ascii_alphanumeric() || "/.+-".contains(*c);
        line(&format!("--{boundary}"));
        line(&format!("Content-Type: {}", attachment.media_type.chars().filter(plain).collect::<String>()));
        let name: String = attachment
            .name
            .bytes()
            .map(|byte| match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' => char::from(byte).to_string(),
                byte => format!("%{byte:02X}"),
            })
            .collect();
        line(&format!("Content-Disposition: attachment; filename*=utf-8''{name}"));
        part(&mut line, &content);
    }
    line(&format!("--{boundary}--"));
}

fn part(line: &mut impl FnMut(&str), content: &[u8]) {
    line("Content-Transfer-Encoding: base64");
    line("");
    let encoded = STANDARD.encode(content);
    for chunk in encoded.as_bytes().chunks(76) {
        line(std::str::from_utf8(chunk).unwrap_or_default());
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::request::hook::body::File;
    use crate::request::{Setting, mail};
    use serde_json::json;

    fn map() -> HookMap {
        toml::from_str(
            "email = \"from\"\nsubject = \"subject\"\ntext = \"text\"\nhtml = \"html\"\nheaders = \"headers\"\nmail = \"raw\"\n\
             recipient = \"to\"\nmessage_id = \"id\"",
        )
        .unwrap()
    }

    fn read(value: Value) -> (crate::request::Request, Vec<String>) {
        let file = File {
            field: "f".into(),
            name: "Ünï.txt".into(),
            media_type: "text/plain".into(),
            content: b"hello".to_vec(),
        };
        let carried = carried(&Opened { value, files: vec![file] }, &map()).unwrap();
        (mail::read(&carried.raw, &Setting::default()).unwrap(), carried.to)
    }

    #[test]
    fn a_mail_in_parts_is_a_mail_again() {
        for headers in [
            json!([["Message-Id", "<1@x.example>"], ["Auto-Submitted", "auto-replied"], ["Content-Type", "text/x"]]),
            json!([{"Name": "Message-ID", "Value": "<1@x.example>"}, {"Name": "Auto-Submitted", "Value": "auto-replied"}]),
            json!("Message-ID: <1@x.example>\nAuto-Submitted:\n auto-replied\nContent-Type: text/x"),
            json!({"Message-ID": "<1@x.example>", "Auto-Submitted": "auto-replied"}),
        ] {
            let (request, to) =
                read(json!({"from": "Jäne <jane@acme.example>", "subject": "Grüße", "text": "no clicks\nat all",
                "headers": headers, "to": "support+tag@desk.example, x@y.example", "id": "other@x.example"}));
            assert_eq!(request.message_id.as_deref(), Some("1@x.example"));
            assert_eq!(
                (request.from.name.as_deref(), request.from.address.as_str()),
                (Some("Jäne"), "jane@acme.example")
            );
            assert_eq!((request.subject.as_str(), request.text.as_str()), ("Grüße", "no clicks\nat all"));
            assert_eq!(to, ["support+tag@desk.example", "x@y.example"]);
            assert_eq!(request.thread.tags, ["tag"]);
            assert!(request.automated.is_some());
            assert_eq!((request.attachments[0].name.as_str(), request.attachments[0].size), ("Ünï.txt", 5));
        }
    }

    #[test]
    fn a_header_begins_no_other() {
        let (request, _) = read(json!({"from": "a@b.example", "subject": "x\r\nBcc: v@x.example", "text": "hello",
            "headers": [["X-A", "1\r\nAuto-Submitted: auto-replied"], ["X: y\r\nAuto-Submitted", "auto-replied"]]}));
        assert_eq!(request.automated, None);
        assert!(request.subject.contains("Bcc"));
    }

    #[test]
    fn a_whole_mail_stands_there_plain_or_encoded() {
        let mail = "From: a@b.example\r\nSubject: whole\r\n\r\nhello\r\n";
        for raw in [mail.to_owned(), STANDARD.encode(mail)] {
            assert_eq!(read(json!({"raw": raw})).0.subject, "whole");
        }
        let opened = Opened { value: json!({"raw": "!!"}), files: vec![] };
        assert_eq!(carried(&opened, &map()).unwrap_err()[0].pointer, "/raw");
    }
}
