//! Reading a claimed submission into a request, behind a wall: what a parser does to hostile bytes, a panic included,
//! becomes a value here and never ends the worker.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::hooks::{self, HookSources};
use super::judge;
use crate::request::hook::body::{self, Closed};
use crate::request::hook::{self, HookMap};
use crate::request::{self, Automated, AutomatedKind, Request, Setting, mail, screening, submitted};
use crate::store::submissions::{Kind, Submission};

/// The header of a post, in its envelope, that says how its body is read.
pub const CONTENT_TYPE: &str = "content-type";

/// What became of the bytes.
#[derive(Debug, Clone, PartialEq)]
pub enum Reading {
    /// A request, and the identity of its content.
    Request(Box<Request>, String),
    /// Over the bounds, or no request at all: to quarantine, with the reason.
    Refused(String),
    /// The reader failed on it.
    Failed(String),
}

/// Reads one submission.
pub fn read(submission: &Submission, setting: &Setting, hooks: &HookSources) -> Reading {
    if let Some(reason) = &submission.envelope.refused {
        return Reading::Refused(reason.clone());
    }
    let verified = submission.envelope.authentication.clone();
    let own = verified.map(|verified| Setting { verified: Some(verified), ..setting.clone() });
    let setting = own.as_ref().unwrap_or(setting);
    guarded(|| {
        let request = match submission.kind {
            Kind::Mail => mail::read(&submission.raw, setting).map_err(|refusal| refusal.reason),
            Kind::Hook => read_hook(submission, setting, hooks),
        };
        match request {
            Ok(mut request) => {
                request.source = Some(submission.source.clone());
                envelope(&mut request, submission);
                if submission.envelope.persons_by.is_some() {
                    judge::as_a_persons(&mut request);
                    request.no_reply.get_or_insert_with(|| "people made a ticket of it".into());
                }
                for file in &mut request.attachments {
                    file.dropped = setting.policy.refuses(file);
                }
                let fingerprint = request::fingerprint(&request);
                Reading::Request(Box::new(request), fingerprint)
            }
            Err(reason) => Reading::Refused(reason),
        }
    })
    .unwrap_or_else(Reading::Failed)
}

/// Runs work on hostile input; a panic becomes its message.
pub fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let words = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        words.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "without a message".into())
    })
}

fn read_hook(submission: &Submission, setting: &Setting, hooks: &HookSources) -> Result<Request, String> {
    if submission.raw.len() > setting.bounds.size_bytes {
        let size = submission.raw.len();
        return Err(format!("{size} bytes, over the bound of {}", setting.bounds.size_bytes));
    }
    let mut request = if submission.source == submitted::SOURCE {
        let body = serde_json::from_slice(&submission.raw).map_err(|error| format!("the body is no JSON: {error}"))?;
        // How many files are too many the door has said.
        submitted::read(&body, usize::MAX, &setting.reading).map_err(|faults| hooks::list(&faults))?
    } else {
        read_post(submission, hooks)?
    };
    request.no_reply = screening::unanswered(&request.from, &setting.reading);
    Ok(request)
}

/// A post of a webhook's source.
fn read_post(submission: &Submission, hooks: &HookSources) -> Result<Request, String> {
    let content_type = submission.envelope.headers.get(CONTENT_TYPE).map_or("application/json", String::as_str);
    let closed = |closed| match closed {
        Closed::MediaType => format!("the body is {content_type}, which nobody reads"),
        Closed::Fault(fault) => format!("the body {}", hooks::list(&[fault]).trim()),
    };
    let source = hooks.get(&submission.source);
    let opened = match source {
        Some(source) => source.open(content_type, &submission.raw),
        None => body::open(content_type, &submission.raw, &[]),
    };
    let map = source.map_or(HookMap::generic(), |source| &source.map);
    hook::read(&opened.map_err(closed)?, map).map_err(|faults| hooks::list(&faults))
}

/// What only the envelope knows: the null sender, and the plus tags of recipients that the headers do not name.
fn envelope(request: &mut Request, submission: &Submission) {
    if submission.kind == Kind::Hook {
        return;
    }
    let envelope = &submission.envelope;
    if envelope.from.as_deref() == Some("") && request.automated.is_none() {
        let because = "sent from the null envelope sender".into();
        request.automated = Some(Automated { kind: AutomatedKind::Bounce, because });
    }
    for recipient in &envelope.to {
        let tag =
            recipient.rsplit_once('@').and_then(|(local, _)| local.split_once('+')).map(|(_, tag)| tag.to_owned());
        if let Some(tag) = tag.filter(|tag| !request.thread.tags.contains(tag)) {
            request.thread.tags.push(tag);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::config::settings::{Config, Hook};
    use crate::rules::Rules;
    use crate::store::submissions::{Envelope, New};

    fn submission(kind: Kind, raw: &str, envelope: Envelope) -> Submission {
        let (source, raw) = ("hook:leads".into(), raw.into());
        New { source, source_key: None, kind, raw, envelope, answerable: true, received_at: 0 }.claimed("1")
    }

    fn check(kind: Kind, raw: &str, expected: Result<&str, &str>) {
        let map = toml::from_str("email = \"who\"").unwrap();
        let hook = Hook { name: "leads".into(), map, ..Hook::default() };
        let config = Config { hook: vec![hook], ..crate::config::default_in(std::path::Path::new("/")) };
        let maps = hooks::sources(&config, &Rules::shipped()).unwrap();
        let reading = read(&submission(kind, raw, Envelope::default()), &Setting::default(), &maps);
        match (reading, expected) {
            (Reading::Request(request, _), Ok(address)) => assert_eq!(request.from.address, address),
            (Reading::Refused(reason), Err(part)) => assert!(reason.contains(part), "{reason}"),
            (reading, _) => panic!("{raw}: {reading:?}"),
        }
    }

    #[test]
    fn bytes_become_requests() {
        check(Kind::Mail, "From: a@b.example\r\n\r\nhello\r\n", Ok("a@b.example"));
        check(Kind::Hook, r#"{"who":"a@b.example","text":"hello"}"#, Ok("a@b.example"));
        check(Kind::Hook, r#"{"text":"hello"}"#, Err("/who"));
        check(Kind::Hook, "hello", Err("no JSON"));
        check(Kind::Mail, &"Content-Type: message/rfc822\r\n\r\n".repeat(22_000), Err("bound"));
    }

    #[test]
    fn a_panic_is_a_value() {
        assert_eq!(guarded(|| 1), Ok(1));
        assert_eq!(guarded(|| -> u8 { panic!("broken {}", 7) }), Err("broken 7".into()));
    }

    #[test]
    fn what_the_door_could_not_take_whole_is_refused() {
        let envelope = Envelope { refused: Some("too big".into()), ..Envelope::default() };
        let part = submission(Kind::Mail, "From: a@b.example\r\n\r\n", envelope);
        assert_eq!(read(&part, &Setting::default(), &HookSources::new()), Reading::Refused("too big".into()));
    }

    #[test]
    fn the_envelope_speaks() {
        let envelope =
            Envelope { from: Some(String::new()), to: vec!["support+tag@desk.example".into()], ..Envelope::default() };
        let mail = submission(Kind::Mail, "From: a@b.example\r\n\r\nhello\r\n", envelope);
        let Reading::Request(request, _) = read(&mail, &Setting::default(), &HookSources::new()) else { panic!() };
        assert_eq!(request.automated.unwrap().kind, AutomatedKind::Bounce);
        assert_eq!(request.thread.tags, ["tag"]);
    }
}
