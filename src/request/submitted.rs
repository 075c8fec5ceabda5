//! What the form and `POST /v1/requests` hand in: one JSON object to request. The names are those of a webhook's default
//! map; beside them files in base64, the language of the page, and fields that have no name here.
//!
//! Never half-reads: each fault has the JSON Pointer (RFC 6901) of its field. Zendesk's shape of a request is unwrapped.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};
use serde_json::Value;

use super::hook::{self, FieldFault, HookMap};
use super::reading::Reading;
use super::{Attachment, Field, FieldKey, Request, attachment, header, language};

/// Files as programs write them: padded, whatever the bits that are left over.
const BASE64: GeneralPurpose =
    GeneralPurpose::new(&alphabet::STANDARD, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));

/// The door's name.
pub const SOURCE: &str = "form";

/// The fields of text that have a meaning.
pub const NAMES: [&str; 12] = [
    "email",
    "name",
    "subject",
    "text",
    "html",
    "help_topic",
    "campaign_id",
    "campaign_name",
    "priority",
    "phone",
    "external_id",
    "language",
];

/// Fields without a name of ours that are kept.
const MOST_FIELDS: usize = 100;

/// Zendesk's shape (`{"request": {…}}`) as ours: its custom fields get the names that `named` gives them. Any other
/// object stays as it is. With it the pointer to where it stood.
pub fn unwrapped(mut value: Value, named: &BTreeMap<String, String>) -> (Value, &'static str) {
    let Some(mut inner) = value.get_mut("request").filter(|inner| inner.is_object()).map(Value::take) else {
        return (value, "");
    };
    let meant: Vec<_> =
        custom_fields(&inner).into_iter().filter_map(|(id, field)| Some((named.get(&id)?, field))).collect();
    if let Some(object) = inner.as_object_mut() {
        for (name, field) in meant {
            object.entry(name.clone()).or_insert(Value::String(field));
        }
        if let Some(fields) = object.get_mut("custom_fields").and_then(Value::as_array_mut) {
            fields.retain(|field| said(field.get("id")).is_none_or(|id| !named.contains_key(&id)));
        }
    }
    (inner, "/request")
}

/// Reads what was handed in. All faults at once; `most`: so many files.
pub fn read(value: &Value, most: usize, reading: &Reading) -> Result<Request, Vec<FieldFault>> {
    let (mut request, mut faults) = match hook::from_json(value, HookMap::generic()) {
        Ok(request) => (request, vec![]),
        Err(faults) => (Request::default(), faults),
    };
    let (attachments, wrong) = attachments(value, most);
    faults.extend(wrong);
    let uploads = value.pointer("/comment/uploads").and_then(Value::as_array);
    if uploads.is_some_and(|uploads| !uploads.is_empty()) {
        let message = "no file is uploaded beforehand here; send it in `attachments`, or by multipart/form-data";
        faults.push(FieldFault { pointer: "/comment/uploads".into(), message: message.into() });
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    request.attachments = attachments;
    let stated = value.get("language").and_then(Value::as_str).filter(|code| is_code(code));
    request.language = language::detect(&request.text, reading).or(stated.map(str::to_owned));
    let unnamed = custom_fields(value).into_iter().take(MOST_FIELDS);
    request.fields.extend(unnamed.map(|(label, value)| Field { key: FieldKey::Unknown, label, value }));
    Ok(request)
}

/// Whether it may be a language (ISO 639-1).
fn is_code(text: &str) -> bool {
    text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_lowercase())
}

/// The bytes of a file.
pub fn file(raw: &[u8], index: usize) -> Option<Vec<u8>> {
    let value: Value = serde_json::from_slice(raw).ok()?;
    BASE64.decode(value.get("attachments")?.get(index)?.get("content")?.as_str()?).ok()
}

/// Zendesk's custom fields that say anything: id and value.
fn custom_fields(value: &Value) -> Vec<(String, String)> {
    let fields = value.get("custom_fields").and_then(Value::as_array);
    let read = |field: &Value| Some((said(field.get("id"))?, said(field.get("value"))?));
    fields.into_iter().flatten().filter_map(read).filter(|(_, value)| !value.is_empty()).collect()
}

fn said(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) => Some(header::one_line(text)),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

fn attachments(value: &Value, most: usize) -> (Vec<Attachment>, Vec<FieldFault>) {
    let fault = |pointer: String, message: &str| FieldFault { pointer, message: message.into() };
    let files = match value.get("attachments") {
        None | Some(Value::Null) => return (vec![], vec![]),
        Some(Value::Array(files)) => files,
        Some(_) => return (vec![], vec![fault("/attachments".into(), "must be a list of files")]),
    };
    if files.len() > most {
        let message = format!("{} files; at most {most} are taken", files.len());
        return (vec![], vec![FieldFault { pointer: "/attachments".into(), message }]);
    }
    let mut read = vec![];
    let mut faults = vec![];
    for (index, file) in files.iter().enumerate() {
        let text = |key: &str| match file.get(key) {
            None | Some(Value::Null) => Ok(""),
            Some(Value::String(text)) => Ok(text.as_str()),
            Some(_) => Err(fault(format!("/attachments/{index}/{key}"), "must be a string")),
        };
        let content = text("content").and_then(|content| {
            let none = || fault(format!("/attachments/{index}/content"), "is no base64 (RFC 4648, with padding)");
            BASE64.decode(content).map_err(|_| none())
        });
        match (text("name"), text("type"), content) {
            (Ok(name), Ok(written), Ok(content)) if file.get("content").is_some_and(Value::is_string) => {
                let media_type = media_type(written);
                let name = attachment::safe_name(name, index, &media_type);
                read.push(Attachment { name, media_type, size: content.len(), ..Attachment::default() });
            }
            (Ok(_), Ok(_), Ok(_)) => {
                faults.push(fault(format!("/attachments/{index}/content"), "the file's bytes in base64 are missing"));
            }
            (name, media_type, content) => {
                faults.extend([name.err(), media_type.err(), content.err()].into_iter().flatten());
            }
        }
    }
    (read, faults)
}

/// A media type as `type/subtype` in lower case (RFC 9110 §8.3.1), without parameters; of anything else the general one.
fn media_type(written: &str) -> String {
    let essence = written.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let token = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&byte))
    };
    let known = essence.split_once('/').is_some_and(|(kind, sub)| token(kind) && token(sub)) && essence.len() <= 127;
    if known { essence } else { "application/octet-stream".into() }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check_faults(body: Value, expected: &[&str]) {
        let got = read(&body, 2, &Reading::shipped()).err().unwrap_or_default();
        let got: Vec<&str> = got.iter().map(|fault| fault.pointer.as_str()).collect();
        assert_eq!(got, expected, "{body}");
    }

    #[test]
    fn files_are_listed_and_found_again() {
        let body = json!({"email": "jane@acme.example", "text": "Der Bericht ist leer, obwohl wir Besucher hatten.",
            "attachments": [{"name": "../../x\u{202e}.png", "type": "image/PNG; a=b", "content": "iVBO"},
                {"content": "", "type": "<svg>"}]});
        let request = read(&body, 2, &Reading::shipped()).unwrap();
        let files: Vec<_> =
            request.attachments.iter().map(|file| (&*file.name, &*file.media_type, file.size)).collect();
        let expected = [("x.png", "image/png", 3), ("attachment-2.bin", "application/octet-stream", 0)];
        assert_eq!(files, expected);
        assert_eq!(request.language.as_deref(), Some("de"));
        let raw = body.to_string();
        assert_eq!(file(raw.as_bytes(), 0), Some(vec![0x89, 0x50, 0x4e]));
        assert_eq!((file(raw.as_bytes(), 2), file(b"nonsense", 0)), (None, None));
    }

    #[test]
    fn the_page_says_the_language_of_few_words() {
        let body = json!({"email": "a@b.example", "text": "48213", "language": "pt"});
        assert_eq!(read(&body, 2, &Reading::shipped()).unwrap().language.as_deref(), Some("pt"));
    }

    #[test]
    fn each_fault_names_its_field() {
        let with = |files: Value| json!({"email": "a@b.example", "text": "x", "attachments": files});
        check_faults(with(json!("x")), &["/attachments"]);
        check_faults(with(json!([{}, {}, {}])), &["/attachments"]);
        check_faults(with(json!([7])), &["/attachments/0/content"]);
        check_faults(with(json!([{"content": "?"}])), &["/attachments/0/content"]);
        check_faults(with(json!([{"content": "", "name": []}])), &["/attachments/0/name"]);
        check_faults(json!({"attachments": 7}), &["/email", "/text", "/attachments"]);
        let zendesk =
            json!({"requester": {"email": "a@b.example"}, "comment": {"body": "x", "uploads": ["vz7ll9ud8o"]}});
        check_faults(zendesk, &["/comment/uploads"]);
    }

    #[test]
    fn zendesks_shape_is_unwrapped() {
        let body = json!({"request": {"requester": {"name": "Jane", "email": "jane@acme.example"}, "subject": "Clicks",
            "comment": {"body": "none since Monday"},
            "custom_fields": [{"id": 3600, "value": "48213"}, {"id": "7", "value": "blue"}, {"id": 8, "value": null}]}});
        let (value, at) = unwrapped(body, &BTreeMap::from([("3600".to_owned(), "campaign_id".to_owned())]));
        let request = read(&value, 0, &Reading::shipped()).unwrap();
        assert_eq!(
            (at, request.from.address.as_str(), request.text.as_str()),
            ("/request", "jane@acme.example", "none since Monday")
        );
        assert_eq!(request.field(FieldKey::CampaignId), Some("48213"));
        let unnamed: Vec<_> = request.fields.iter().filter(|field| field.key == FieldKey::Unknown).collect();
        assert_eq!((unnamed.len(), unnamed[0].value.as_str()), (1, "blue"));
    }
}
