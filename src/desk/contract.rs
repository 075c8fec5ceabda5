//! The judgement as JSON: one object a request, the shape that design §5.2 fixes for command line and API.
//!
//! Fields are only ever added. Spans in evidence count bytes in the text of their place.

use serde::Serialize;
use serde_json::{Value, json};

use crate::request::Request;
use crate::triage::Triage;

/// What would be, or was, answered.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reply {
    /// The template: `missing_id`, `ambiguous_name`, …
    pub template: Option<String>,
    /// Its language, ISO 639-1.
    pub language: String,
    /// Why it is not sent, when it is not.
    pub withheld: Option<String>,
}

/// What stands in place of a judgement for a mail that is not read: it goes to quarantine.
pub fn refusal(source: &str, because: &str) -> Value {
    json!({"source": source, "outcome": "quarantined", "because": because})
}

/// The contract's object. `source` is the path, or the door, that it came by.
pub fn judgement(source: &str, request: &Request, triage: &Triage, reply: Option<&Reply>) -> Value {
    json!({
        "source": source,
        "message": {
            "message_id": request.message_id,
            "from": request.from,
            "via": request.via,
            "subject": request.subject,
            "date": request.date.and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok()).map(|time| time.to_string()),
            "language": request.language,
            "text": request.text,
            "quoted": request.quoted,
            "signature": request.signature,
            "forwarded": request.forwarded,
            "forwarded_from": request.forwarded_from,
            "fields": request.fields,
            "attachments": request.attachments,
            "oddities": request.oddities,
        },
        "automated": request.automated,
        "bounce": request.bounce,
        "campaign": triage.campaign,
        "topic": triage.topic,
        "missing": triage.missing,
        "wanted": triage.wanted,
        "priority": triage.priority,
        "route": triage.route,
        "flags": triage.flags,
        "action": triage.action,
        "reply": reply,
    })
}
