//! Webhook JSON to request: a map says where in the body each thing stands.
//!
//! Never guesses beyond its map and never half-reads: a missing or ill-typed requester or text is a fault with the
//! JSON Pointer (RFC 6901) of the field, so that the partner can mend the post.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Field, FieldKey, Mailbox, Request, address, header, html};

/// Where one thing stands: paths tried in order, the first that is there wins. `a.b.0` or, as JSON Pointer, `/a/b/0`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Paths(pub Vec<String>);

impl<'de> Deserialize<'de> for Paths {
    fn deserialize<D: serde::Deserializer<'de>>(source: D) -> Result<Paths, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Shape {
            One(String),
            Many(Vec<String>),
        }
        Ok(match Shape::deserialize(source)? {
            Shape::One(path) => Paths(vec![path]),
            Shape::Many(paths) => Paths(paths),
        })
    }
}

/// The map from a webhook's JSON to a request. What a file leaves out keeps its default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HookMap {
    /// The requester's address; required.
    pub email: Paths,
    /// The requester's name.
    pub name: Paths,
    /// The subject.
    pub subject: Paths,
    /// The text; required unless `html` is there.
    pub text: Paths,
    /// The text as HTML, read when `text` is absent or empty.
    pub html: Paths,
    /// The Campaign ID.
    pub campaign_id: Paths,
    /// The campaign's name.
    pub campaign_name: Paths,
    /// The help topic.
    pub help_topic: Paths,
    /// The priority.
    pub priority: Paths,
    /// The requester's phone number.
    pub phone: Paths,
    /// The partner's own number of the matter.
    pub external_id: Paths,
}

impl Default for HookMap {
    fn default() -> HookMap {
        let paths = |list: &[&str]| Paths(list.iter().map(|path| (*path).to_owned()).collect());
        HookMap {
            email: paths(&[
                "email",
                "requester.email",
                "requester_email",
                "customer.email",
                "contact.email",
                "from.email",
                "from",
            ]),
            name: paths(&["name", "requester.name", "requester_name", "customer.name", "contact.name", "from.name"]),
            subject: paths(&["subject", "ticket.subject", "title"]),
            text: paths(&["text", "description", "message", "body", "comment.body", "ticket.description"]),
            html: paths(&["html", "html_body", "comment.html_body"]),
            campaign_id: paths(&["campaign_id", "campaignId", "campaign.id"]),
            campaign_name: paths(&["campaign_name", "campaignName", "campaign.name"]),
            help_topic: paths(&["help_topic", "helpTopic", "topic", "category"]),
            priority: paths(&["priority", "urgency"]),
            phone: paths(&["phone", "requester.phone", "customer.phone"]),
            external_id: paths(&["external_id", "externalId", "id", "ticket.id"]),
        }
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

/// Reads one webhook body. All faults at once.
pub fn from_json(value: &Value, map: &HookMap) -> Result<Request, Vec<FieldFault>> {
    if !value.is_object() {
        return Err(vec![FieldFault { pointer: String::new(), message: "must be an object".into() }]);
    }
    let mut faults = Vec::new();
    let mut request = Request::default();
    let mut take = |paths: &Paths| {
        text_at(value, paths).unwrap_or_else(|fault| {
            faults.push(fault);
            None
        })
    };
    let email = take(&map.email);
    let name = take(&map.name);
    let subject = take(&map.subject);
    let text = take(&map.text);
    let html = take(&map.html);
    for (key, paths) in [
        (FieldKey::HelpTopic, &map.help_topic),
        (FieldKey::CampaignId, &map.campaign_id),
        (FieldKey::CampaignName, &map.campaign_name),
        (FieldKey::Priority, &map.priority),
        (FieldKey::Phone, &map.phone),
    ] {
        if let Some((pointer, value)) = take(paths) {
            request.fields.push(Field { key, label: label_of(&pointer), value });
        }
    }
    request.external_id = take(&map.external_id).map(|(_, id)| header::one_line(&id));

    match email {
        None if faults.iter().any(|fault| fault.pointer == pointer_of(first(&map.email))) => {}
        None => faults.push(missing(&map.email, "the requester's e-mail address is missing")),
        Some((pointer, written)) => match address::one(&written).filter(|mailbox| !mailbox.address.is_empty()) {
            Some(mailbox) => {
                let name =
                    name.map(|(_, name)| header::one_line(&name)).filter(|name| !name.is_empty()).or(mailbox.name);
                request.from = Mailbox { name, address: mailbox.address };
            }
            None => faults.push(FieldFault { pointer, message: "is no e-mail address".into() }),
        },
    }
    request.subject = subject.map(|(_, subject)| header::one_line(&subject)).unwrap_or_default();
    let text = text.map(|(_, text)| tidy(&text)).filter(|text| !text.is_empty());
    let read = html.as_ref().map(|(_, html)| html::plain(html)).filter(|text| !text.is_empty());
    match text.or(read) {
        Some(text) => request.text = text,
        None if faults.iter().any(|fault| fault.pointer == pointer_of(first(&map.text))) => {}
        None => faults.push(missing(&map.text, "the text is missing or empty")),
    }
    request.html = html.map(|(_, html)| html);
    if faults.is_empty() { Ok(request) } else { Err(faults) }
}

/// The scalar at the first path that is there, as text, with its pointer. `null` counts as absent.
fn text_at(value: &Value, paths: &Paths) -> Result<Option<(String, String)>, FieldFault> {
    let mut ill: Option<FieldFault> = None;
    for path in &paths.0 {
        let pointer = pointer_of(path);
        match value.pointer(&pointer) {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) => return Ok(Some((pointer, text.clone()))),
            Some(Value::Number(number)) => return Ok(Some((pointer, number.to_string()))),
            Some(Value::Bool(flag)) => return Ok(Some((pointer, flag.to_string()))),
            Some(Value::Array(_) | Value::Object(_)) => {
                ill.get_or_insert(FieldFault { pointer, message: "must be a string".into() });
            }
        }
    }
    ill.map_or(Ok(None), Err)
}

fn first(paths: &Paths) -> &str {
    paths.0.first().map(String::as_str).unwrap_or_default()
}

fn missing(paths: &Paths, message: &str) -> FieldFault {
    FieldFault { pointer: pointer_of(first(paths)), message: message.into() }
}

/// A dotted path as JSON Pointer; a pointer stays as it is.
fn pointer_of(path: &str) -> String {
    if path.is_empty() || path.starts_with('/') {
        return path.to_owned();
    }
    path.split('.').map(|step| format!("/{}", step.replace('~', "~0").replace('/', "~1"))).collect()
}

fn label_of(pointer: &str) -> String {
    pointer.rsplit('/').next().unwrap_or_default().replace("~1", "/").replace("~0", "~")
}

/// Line ends made one, NULs and outer blank space gone.
fn tidy(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n").replace('\0', "").trim().to_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check_faults(body: Value, expected: &[&str]) {
        let got = from_json(&body, &HookMap::default()).err().unwrap_or_default();
        let got: Vec<&str> = got.iter().map(|fault| fault.pointer.as_str()).collect();
        assert_eq!(got, expected, "{body}");
    }

    #[test]
    fn a_full_post_becomes_a_request() {
        let body = json!({"email": "Jane <jane@Acme.example>", "subject": "Clicks\r\nBcc: x@y.example", "text": "none since Monday",
            "campaign": {"id": 48213, "name": "Spring"}, "priority": "high", "external_id": "T-9"});
        let request = from_json(&body, &HookMap::default()).unwrap();
        assert_eq!(request.from.address, "jane@acme.example");
        assert_eq!(request.from.name.as_deref(), Some("Jane"));
        assert!(!request.subject.contains(['\r', '\n']));
        assert_eq!(request.field(FieldKey::CampaignId), Some("48213"));
        assert_eq!(request.field(FieldKey::CampaignName), Some("Spring"));
        assert_eq!(request.external_id.as_deref(), Some("T-9"));
    }

    #[test]
    fn html_stands_in_for_text() {
        let body = json!({"email": "a@b.example", "html": "<p>Hello<br>there</p>"});
        assert_eq!(from_json(&body, &HookMap::default()).unwrap().text, "Hello\nthere");
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

    #[test]
    fn a_map_is_written_in_toml() {
        let map: HookMap = toml::from_str("email = \"/lead/contact/0\"\ntext = [\"note\", \"lead.note\"]").unwrap();
        let body = json!({"lead": {"contact": ["a@b.example"], "note": "hello"}});
        assert_eq!(from_json(&body, &map).unwrap().text, "hello");
        assert!(toml::from_str::<HookMap>("emial = \"x\"").is_err());
    }
}
