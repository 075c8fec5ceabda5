//! The attachments of a webhook: in base64, as files of a multipart form, or by URL.
//!
//! Bounded in number before anything is decoded. Lists them, and gives the bytes of one; those behind URLs are fetched
//! elsewhere, long after the post was answered.

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::body::Opened;
use super::rule::Rule;
use super::{FieldFault, HookMap};
use crate::request::Attachment;
use crate::request::attachment::safe_name;

/// Attachments of one post.
pub const MOST: usize = 100;

/// Where attachments stand.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Files {
    /// The list, or the objects one by one. A string in it is a URL.
    pub each: Rule,
    /// Within each: the file name.
    pub name: Rule,
    /// Within each: the media type.
    #[serde(rename = "type")]
    pub media_type: Rule,
    /// Within each: the content, in base64 or as `data:` URL.
    pub content: Rule,
    /// Within each: where it can be fetched.
    pub url: Rule,
}

/// Lists the attachments of a post, those of its form first. All faults at once.
pub fn list(opened: &Opened, files: &Files) -> Result<Vec<Attachment>, Vec<FieldFault>> {
    let mut faults = vec![];
    let mut listed = vec![];
    let each = files.each.select(&opened.value);
    if opened.files.len() + each.len() > MOST {
        let pointer = each.first().map_or_else(String::new, |(pointer, _)| parent(pointer));
        return Err(vec![FieldFault {
            pointer,
            message: format!("has more than {MOST} attachments; send fewer, or a link"),
        }]);
    }
    for file in &opened.files {
        listed.push(entry(listed.len(), Some(&file.name), Some(&file.media_type), file.content.len(), None));
    }
    for (pointer, value) in each {
        let found = match one(value, files) {
            Ok(found) => found,
            Err(fault) => {
                faults.push(FieldFault { pointer: format!("{pointer}{}", fault.pointer), message: fault.message });
                continue;
            }
        };
        let size = match &found.what {
            What::Content(place, text) => match decode(text) {
                Some(bytes) => bytes.len(),
                None => {
                    let message = "is no base64".into();
                    faults.push(FieldFault { pointer: format!("{pointer}{place}"), message });
                    continue;
                }
            },
            What::Url(place, url) if !(url.starts_with("https://") || url.starts_with("http://")) => {
                faults.push(FieldFault { pointer: format!("{pointer}{place}"), message: "is no http address".into() });
                continue;
            }
            What::Url(..) | What::Nothing => 0,
        };
        let url = if let What::Url(_, url) = found.what { Some(url) } else { None };
        listed.push(entry(listed.len(), found.name.as_deref(), found.media_type.as_deref(), size, url));
    }
    if faults.is_empty() { Ok(listed) } else { Err(faults) }
}

/// The bytes of one attachment, by its place in the list; `None`: there is none, or it is behind a URL.
pub fn content(opened: &Opened, map: &HookMap, index: usize) -> Option<Vec<u8>> {
    if let Some(file) = opened.files.get(index) {
        return Some(file.content.clone());
    }
    let each = map.attachments.each.select(&opened.value);
    let (_, value) = each.get(index - opened.files.len())?;
    match one(value, &map.attachments).ok()?.what {
        What::Content(_, text) => decode(&text),
        What::Url(..) | What::Nothing => None,
    }
}

struct One {
    name: Option<String>,
    media_type: Option<String>,
    what: What,
}

enum What {
    Content(String, String),
    Url(String, String),
    Nothing,
}

fn one(value: &Value, files: &Files) -> Result<One, FieldFault> {
    if let Some(url) = value.as_str() {
        return Ok(One { name: None, media_type: None, what: What::Url(String::new(), url.to_owned()) });
    }
    // `{"name.txt": "data:…"}`
    if let Some(object) = value.as_object().filter(|object| object.len() == 1)
        && let Some((name, Value::String(data))) = object.iter().next()
        && let Some(head) = data.strip_prefix("data:")
    {
        let media_type = head.split([';', ',']).next().map(str::to_owned);
        let what = What::Content(super::json::step(name), data.clone());
        return Ok(One { name: Some(name.clone()), media_type, what });
    }
    let text = |rule: &Rule| Ok(rule.find(value)?.map(|found| found.text));
    let content = files.content.find(value)?;
    let what = match content {
        Some(found) => What::Content(found.pointer, found.text),
        None => files.url.find(value)?.map_or(What::Nothing, |found| What::Url(found.pointer, found.text)),
    };
    Ok(One { name: text(&files.name)?, media_type: text(&files.media_type)?, what })
}

fn entry(index: usize, name: Option<&str>, media_type: Option<&str>, size: usize, url: Option<String>) -> Attachment {
    let essence = |text: &str| text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let media_type =
        media_type.map(essence).filter(|text| text.contains('/')).unwrap_or_else(|| "application/octet-stream".into());
    // What a URL ends with is a name as good as any.
    let path = url.as_deref().and_then(|url| url.split(['?', '#']).next()?.splitn(4, '/').nth(3));
    let name = name.or_else(|| path?.rsplit('/').next()).unwrap_or_default();
    Attachment { name: safe_name(name, index, &media_type), media_type, size, url, ..Attachment::default() }
}

/// Base64 as it comes: standard or URL alphabet, padded or not, broken into lines, or behind `data:…;base64,`.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let text = match text.strip_prefix("data:").map(|rest| rest.split_once(',')) {
        Some(Some((head, rest))) if head.ends_with(";base64") => rest,
        Some(found) => return found.map(|(_, rest)| percent_decoded(rest)),
        None => text,
    };
    let clean: Vec<u8> = text
        .bytes()
        .filter(|byte| !byte.is_ascii_whitespace())
        .map(|byte| match byte {
            b'-' => b'+',
            b'_' => b'/',
            byte => byte,
        })
        .collect();
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    GeneralPurpose::new(&base64::alphabet::STANDARD, config).decode(clean).ok()
}

/// A text that stands in a `data:` URL, and whether it is HTML; any other text is itself.
pub fn data_text(text: &str) -> Option<(String, bool)> {
    let media_type = text.strip_prefix("data:text/")?;
    let bytes = decode(text)?;
    Some((String::from_utf8_lossy(&bytes).into_owned(), media_type.starts_with("html")))
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let mut bytes = vec![];
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = (*first == b'%').then(|| after.get(..2).and_then(|two| hex::decode(two).ok())).flatten();
        bytes.push(hex.as_ref().map_or(*first, |hex| hex[0]));
        rest = if hex.is_some() { &after[2..] } else { after };
    }
    bytes
}

fn parent(pointer: &str) -> String {
    pointer.rsplit_once('/').map_or_else(String::new, |(parent, _)| parent.to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::request::hook::body::File;
    use serde_json::json;

    fn opened(value: Value) -> Opened {
        let file = File {
            field: "f".into(),
            name: "form.txt".into(),
            media_type: "text/plain".into(),
            content: b"form".to_vec(),
        };
        Opened { value, files: vec![file] }
    }

    #[test]
    fn three_ways_in_one_list() {
        let map = HookMap::generic();
        let post = opened(json!({"attachments": [
            {"name": "a.txt", "type": "text/plain; charset=utf-8", "content": "aGVs\nbG8"},
            {"b.txt": "data:text/plain;charset=utf-8,w%6Frld"},
            {"url": "https://files.example/x/%20c.pdf?sig=1"},
            "https://files.example/d",
        ]}));
        let listed = list(&post, &map.attachments).unwrap();
        let names: Vec<&str> = listed.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(names, ["form.txt", "a.txt", "b.txt", "%20c.pdf", "d"]);
        assert_eq!(listed[3].url.as_deref(), Some("https://files.example/x/%20c.pdf?sig=1"));
        let bytes = |index| content(&post, map, index).map(|bytes| String::from_utf8(bytes).unwrap());
        assert_eq!(bytes(0).as_deref(), Some("form"));
        assert_eq!(bytes(1).as_deref(), Some("hello"));
        assert_eq!(bytes(2).as_deref(), Some("world"));
        assert_eq!((bytes(3), bytes(9)), (None, None));
    }

    #[test]
    fn what_is_wrong_is_pointed_at() {
        let faults = |value: Value| {
            let faults = list(&opened(value), &HookMap::generic().attachments).unwrap_err();
            faults.into_iter().map(|fault| fault.pointer).collect::<Vec<_>>()
        };
        assert_eq!(
            faults(json!({"attachments": [{"content": "aGVs"}, {"content": "!"}, {"url": "file:///etc/passwd"}]})),
            ["/attachments/1/content", "/attachments/2/url"]
        );
        assert_eq!(faults(json!({"attachments": [{"name": ["a"], "content": "aGVs"}]})), ["/attachments/0/name"]);
        assert_eq!(faults(json!({"attachments": vec![json!({"content": "aGVs"}); 10_000]})), ["/attachments"]);
    }
}
