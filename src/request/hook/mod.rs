//! Webhook body to request: a map says where in the body each thing stands.
//!
//! Never guesses beyond its map and never half-reads: a missing or ill-typed requester or text is a fault with the
//! JSON Pointer (RFC 6901) of the field, so that the partner can mend the post. Bodies other than JSON (`body`) become a
//! JSON document first; `rule` finds one thing in it, `files` the attachments, `mail` makes a mail of a post that carries
//! one, `preset` reads the maps of known vendors.

pub mod body;
pub mod files;
pub mod json;
pub mod mail;
pub mod preset;
pub mod rule;

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Field, FieldKey, Mailbox, Request, address, header, html};
use body::Opened;
use files::Files;
use rule::{Found, Rule};

/// The map from a webhook's body to a request. What is left out is looked for nowhere.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HookMap {
    /// The requester's address; required, unless `phone` is there for those who only called.
    #[serde(default)]
    pub email: Rule,
    /// The requester's name.
    #[serde(default)]
    pub name: Rule,
    /// The subject.
    #[serde(default)]
    pub subject: Rule,
    /// The text; required unless `html` is there.
    #[serde(default)]
    pub text: Rule,
    /// The text as HTML, read when `text` is absent or empty.
    #[serde(default)]
    pub html: Rule,
    /// The Campaign ID.
    #[serde(default)]
    pub campaign_id: Rule,
    /// The campaign's name.
    #[serde(default)]
    pub campaign_name: Rule,
    /// The help topic.
    #[serde(default)]
    pub help_topic: Rule,
    /// The priority.
    #[serde(default)]
    pub priority: Rule,
    /// The requester's phone number.
    #[serde(default)]
    pub phone: Rule,
    /// The partner's own number of the matter.
    #[serde(default)]
    pub external_id: Rule,
    /// What posts of one matter have in common, where that is not `external_id`.
    #[serde(default)]
    pub thread_key: Rule,
    /// What no other post has: the delivery's id.
    #[serde(default)]
    pub key: Rule,
    /// Attachments.
    #[serde(default)]
    pub attachments: Files,
    /// Fields whose text is JSON itself, as paths.
    #[serde(default)]
    pub embedded: Vec<String>,
    /// A whole mail (RFC 5322) that the post carries, plain or in base64: it goes the way of mail.
    #[serde(default)]
    pub mail: Rule,
    /// The headers of a mail that the post carries in parts; the post goes the way of mail.
    #[serde(default)]
    pub headers: Rule,
    /// The envelope recipients of that mail.
    #[serde(default)]
    pub recipient: Rule,
    /// The Message-ID of that mail, where `headers` has none.
    #[serde(default)]
    pub message_id: Rule,
    /// The date of that mail, where `headers` has none.
    #[serde(default)]
    pub date: Rule,
}

impl Default for HookMap {
    fn default() -> HookMap {
        HookMap::generic().clone()
    }
}

impl HookMap {
    /// The shipped map of no vendor in particular.
    pub fn generic() -> &'static HookMap {
        static GENERIC: LazyLock<HookMap> = LazyLock::new(|| {
            let shipped = preset::Preset::read(include_str!("../../../rules/hooks/generic.toml"), "generic");
            shipped
                .expect("the shipped preset is valid: a test proves it")
                .map(&toml::Table::new())
                .expect("so is its map")
        });
        &GENERIC
    }

    /// Whether its posts carry mails.
    pub fn carries_mail(&self) -> bool {
        !self.mail.is_empty() || !self.headers.is_empty()
    }

    /// `embedded` as JSON Pointers.
    pub fn embedded(&self) -> Vec<String> {
        self.embedded.iter().map(|path| rule::pointer_of(path)).collect()
    }
}

/// What is wrong with one field of the post.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldFault {
    /// JSON Pointer (RFC 6901) of the field; of a missing one, where it is looked for first.
    pub pointer: String,
    /// What is wrong, and what is expected.
    pub message: String,
}

/// Reads one webhook body, its attachments included. All faults at once.
pub fn read(opened: &Opened, map: &HookMap) -> Result<Request, Vec<FieldFault>> {
    match (from_json(&opened.value, map), files::list(opened, &map.attachments)) {
        (Ok(request), Ok(attachments)) => Ok(Request { attachments, ..request }),
        (read, listed) => Err(read.err().into_iter().chain(listed.err()).flatten().collect()),
    }
}

/// Reads the fields of one webhook body; its attachments are the caller's. All faults at once.
pub fn from_json(value: &Value, map: &HookMap) -> Result<Request, Vec<FieldFault>> {
    if !value.is_object() {
        return Err(vec![FieldFault { pointer: String::new(), message: "must be an object".into() }]);
    }
    let mut faults = Vec::new();
    let mut request = Request::default();
    let mut take = |rule: &Rule| {
        rule.find(value).unwrap_or_else(|fault| {
            faults.push(fault);
            None
        })
    };
    let email = take(&map.email);
    let name = take(&map.name);
    let subject = take(&map.subject);
    let text = take(&map.text);
    let mut html = take(&map.html);
    for (key, rule) in [
        (FieldKey::HelpTopic, &map.help_topic),
        (FieldKey::CampaignId, &map.campaign_id),
        (FieldKey::CampaignName, &map.campaign_name),
        (FieldKey::Priority, &map.priority),
        (FieldKey::Phone, &map.phone),
    ] {
        if let Some(Found { pointer, text: value }) = take(rule) {
            request.fields.push(Field { key, label: label_of(key, &pointer), value });
        }
    }
    let line = |found: Option<Found>| found.map(|found| header::one_line(&found.text)).filter(|id| !id.is_empty());
    request.external_id = line(take(&map.external_id));
    request.thread_key = line(take(&map.thread_key));

    match email {
        None if faults.iter().any(|fault| fault.pointer == map.email.first()) => {}
        None => faults.push(missing(&map.email, "the requester's e-mail address is missing")),
        Some(Found { pointer, text: written }) => {
            match address::one(&written).filter(|mailbox| !mailbox.address.is_empty()) {
                Some(mailbox) => request.from = Mailbox { name: line(name).or(mailbox.name), address: mailbox.address },
                None => faults.push(FieldFault { pointer, message: "is no e-mail address".into() }),
            }
        }
    }
    request.entitle(&subject.map(|subject| subject.text).unwrap_or_default());
    let mut text = text.map(|text| text.text);
    if let Some((unwrapped, is_html)) = text.as_deref().and_then(files::data_text) {
        match is_html {
            true => html = text.take().map(|_| Found { pointer: String::new(), text: unwrapped }),
            false => text = Some(unwrapped),
        }
    }
    let text = text.map(|text| tidy(&text)).filter(|text| !text.is_empty());
    let read = html.as_ref().map(|html| html::plain(&html.text)).filter(|text| !text.is_empty());
    match text.or(read) {
        Some(text) => request.text = text,
        None if faults.iter().any(|fault| fault.pointer == map.text.first()) => {}
        None => faults.push(missing(&map.text, "the text is missing or empty")),
    }
    request.html = html.map(|html| html.text);
    if faults.is_empty() { Ok(request) } else { Err(faults) }
}

/// What tells this post from every other, where its map says: its key.
pub fn key(opened: &Opened, map: &HookMap) -> Option<String> {
    map.key.find(&opened.value).ok().flatten().map(|found| header::one_line(&found.text))
}

fn missing(rule: &Rule, message: &str) -> FieldFault {
    FieldFault { pointer: rule.first().to_owned(), message: message.into() }
}

/// The name of the field as the partner has it; of a template what it means.
fn label_of(key: FieldKey, pointer: &str) -> String {
    let last = pointer.rsplit('/').next().unwrap_or_default().replace("~1", "/").replace("~0", "~");
    let says_nothing = ["value", "label", "text", "number"].contains(&last.as_str());
    if says_nothing || last.bytes().all(|byte| byte.is_ascii_digit()) {
        let word = serde_json::to_value(key).ok();
        return word.as_ref().and_then(|word| word.as_str()).unwrap_or_default().to_owned();
    }
    last
}

/// Line ends made one, NULs and outer blank space gone.
fn tidy(text: &str) -> String {
    if memchr::memchr2(b'\r', 0, text.as_bytes()).is_none() {
        return text.trim().to_owned();
    }
    text.replace("\r\n", "\n").replace('\r', "\n").replace('\0', "").trim().to_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check_faults(body: Value, expected: &[&str]) {
        let got = from_json(&body, HookMap::generic()).err().unwrap_or_default();
        let got: Vec<&str> = got.iter().map(|fault| fault.pointer.as_str()).collect();
        assert_eq!(got, expected, "{body}");
    }

    #[test]
    fn a_full_post_becomes_a_request() {
        let body = json!({"email": "Jane <jane@Acme.example>", "subject": "Clicks\r\nBcc: x@y.example", "text": "none since Monday",
            "campaign": {"id": 48213, "name": "Spring"}, "priority": "high", "external_id": "T-9",
            "attachments": [{"filename": "../a.png", "content_type": "image/png", "content": "iVBORw0="}]});
        let request = read(&Opened { value: body, files: vec![] }, HookMap::generic()).unwrap();
        assert_eq!(request.from.address, "jane@acme.example");
        assert_eq!(request.from.name.as_deref(), Some("Jane"));
        assert!(!request.subject.contains(['\r', '\n']));
        assert_eq!(request.field(FieldKey::CampaignId), Some("48213"));
        assert_eq!(request.field(FieldKey::CampaignName), Some("Spring"));
        assert_eq!(request.external_id.as_deref(), Some("T-9"));
        assert_eq!((request.attachments[0].name.as_str(), request.attachments[0].size), ("a.png", 5));
    }

    #[test]
    fn line_ends_become_one() {
        let body = json!({"email": "a@b.example", "text": " \r\nHello\rthere\r\n\0now\n "});
        assert_eq!(from_json(&body, HookMap::generic()).unwrap().text, "Hello\nthere\nnow");
    }

    #[test]
    fn html_stands_in_for_text() {
        let body = json!({"email": "a@b.example", "html": "<p>Hello<br>there</p>"});
        assert_eq!(from_json(&body, HookMap::generic()).unwrap().text, "Hello\nthere");
    }

    #[test]
    fn each_fault_names_its_field() {
        check_faults(json!({}), &["/email", "/text"]);
        check_faults(json!({"email": "nobody", "text": "x"}), &["/email"]);
        check_faults(json!({"requester": {"email": "no one"}, "text": "x"}), &["/requester/email"]);
        check_faults(json!({"email": ["a@b.example"], "text": {"a": 1}}), &["/email", "/text"]);
        check_faults(json!("just a string"), &[""]);
        check_faults(json!(null), &[""]);
    }
}
