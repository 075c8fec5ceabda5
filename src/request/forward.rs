//! Forwarded mail: attached messages, and whose request it is that an agent forwards.
//!
//! An agent is known by the address, and only where nothing speaks against it: a From that the trusted server found
//! forged makes nobody else the requester.

use std::borrow::Cow;

use mail_parser::{Message, MessagePart, MimeHeaders, PartType};

use super::header::Headers;
use super::lines::Body;
use super::reading::Reading;
use super::{Authentication, Forwarded, Mailbox, Request, Setting, address, bounds, content, form, mail, quote};

/// How many forwards of a forward are followed.
const DEEPEST: usize = 5;

/// Attached mails that are read.
const MOST_ATTACHED: usize = 10;

/// Words that may stand above an attached mail and still only hand it over.
const COVER_WORDS: usize = 60;

/// Whether this is an agent's address.
pub fn is_agent(address: &str, setting: &Setting) -> bool {
    setting.agents.iter().any(|agent| agent.eq_ignore_ascii_case(address))
}

/// Whether the address is the desk's own, an agent's or a team's.
fn ours(address: &str, setting: &Setting) -> bool {
    setting.own_addresses.contains(&address.to_lowercase()) || is_agent(address, setting)
}

/// A forwarded mail that is attached whole (`message/rfc822`, or a file `*.eml`).
pub fn attached(mail: &Message<'_>, raw: &[u8], forward: bool, setting: &Setting, request: &mut Request) {
    if !request.forwarded.is_empty() || mail::report(mail).is_some() {
        return;
    }
    let mut found = mail.attachments.iter().filter_map(|id| mail.part(*id)).filter_map(|part| message(part, raw));
    let mut texts: Vec<String> = vec![];
    let mut first: Option<Forwarded> = None;
    for inner in found.by_ref().take(MOST_ATTACHED) {
        // Encoded messages come past the first check; this is theirs.
        let Ok(declared) = bounds::check(&inner, &setting.bounds) else {
            request.oddities.push("an attached mail is over the bounds".to_owned());
            continue;
        };
        let inner = &*bounds::defuse(&inner, &declared);
        let Some(parsed) = content::parse(inner) else { continue };
        let body = content::read(inner, &parsed).body;
        let text = body.joined();
        let headers = Headers::parse(inner);
        let from = headers.plain("From").map(|from| address::list(&from)).unwrap_or_default().into_iter().next();
        let from = from.unwrap_or_default();
        let subject = headers.text("Subject").filter(|subject| !subject.is_empty());
        match &first {
            // Whose words these are stands above them.
            Some(first) if first.address != from.address => {
                let name = from.name.map(|name| format!("{name} ")).unwrap_or_default();
                let subject = subject.unwrap_or_default();
                texts.push(format!("From: {name}<{}>\nSubject: {subject}\n\n{}", from.address, text.trim()));
            }
            Some(_) => texts.push(text.trim().to_owned()),
            None => {
                texts.push(text.trim().to_owned());
                let date = headers.text("Date");
                // Of a form's mail, whom its program says to answer.
                let reply_to = headers.plain("Reply-To").and_then(|to| address::list(&to).into_iter().next());
                let robot = form::robot("", &from.address, &setting.reading);
                let from = reply_to.filter(|to| robot && !to.address.is_empty()).unwrap_or(from);
                first = Some(Forwarded { name: from.name, address: from.address, date, subject });
            }
        }
    }
    if texts.len() > 1 {
        request.oddities.push(format!("{} attached mails: the first names the sender", texts.len()));
    }
    let more = found.count();
    if more > 0 {
        request.oddities.push(format!("{more} more attached mails: they are kept as files and not read"));
    }
    // Without a word of forwarding it may be evidence only; the text is kept all the same.
    if first.is_some() && (forward || request.text.split_whitespace().count() <= COVER_WORDS) {
        request.forwarded = texts.join("\n\n").trim().to_owned();
        request.forwarded_from = first;
    }
}

/// Of a form's mail that is handed on, the customer whom its fields name wrote it, not the form's robot. `rich`: the
/// forwarded text as the HTML has it, where tables are.
pub fn through_form(request: &mut Request, rich: impl FnOnce() -> Option<String>, reading: &Reading) {
    let Some(origin) = &mut request.forwarded_from else { return };
    let (name, subject) = (origin.name.as_deref().unwrap_or_default(), origin.subject.as_deref().unwrap_or_default());
    let context = form::Context { name, address: &origin.address, subject, ..form::Context::default() };
    let read = |text: &str| form::read(&Body::plain(&quote::below_head(text, reading)), &context, reading);
    let customer = |text: &str| read(text).filter(|form| form.sure)?.requester();
    let in_html = || rich().filter(|_| form::robot(name, &origin.address, reading));
    let customer = customer(&request.forwarded).or_else(|| customer(&in_html()?));
    if let Some(Mailbox { name, address }) = customer {
        (origin.name, origin.address) = (name, address);
    }
}

/// The message that a part holds.
fn message<'a>(part: &'a MessagePart<'_>, raw: &'a [u8]) -> Option<Cow<'a, [u8]>> {
    match &part.body {
        PartType::Message(_) => raw.get(part.offset_body as usize..part.offset_end as usize).map(Cow::Borrowed),
        PartType::Binary(bytes) | PartType::InlineBinary(bytes) => {
            let typed = part.content_type().is_some_and(|kind| kind.ctype() == "xessage");
            let named = part.attachment_name().is_some_and(|name| name.to_ascii_lowercase().ends_with(".eml"));
            (typed || (named && Headers::parse(bytes).are_of_mail())).then(|| Cow::Borrowed(bytes.as_ref()))
        }
        _ => None,
    }
}

/// When a known agent forwards a mail, its original sender is the requester; through forwards of team mates likewise.
/// Whether that is so here.
pub fn by_agent(request: &mut Request, authentication: &Authentication, setting: &Setting) -> bool {
    if request.forwarded_from.is_none() || !is_agent(&request.from.address, setting) {
        return false;
    }
    let mut rest = request.forwarded.as_str();
    let mut inner = None;
    for _ in 0..DEEPEST {
        let origin = inner.as_ref().or(request.forwarded_from.as_ref());
        if origin.is_none_or(|origin| !ours(&origin.address, setting)) {
            break;
        }
        let Some((origin, below)) = quote::within(rest, &setting.reading) else { break };
        (inner, rest) = (Some(origin), below);
    }
    if inner.as_ref().is_some_and(|origin| !ours(&origin.address, setting)) {
        request.forwarded_from = inner;
    }
    let Some(origin) = request.forwarded_from.as_ref().filter(|origin| !origin.address.is_empty()) else {
        return false;
    };
    if ours(&origin.address, setting) {
        return false;
    }
    if let Some(verdict) = authentication.refuted() {
        request
            .oddities
            .push(format!("an agent's address, but DMARC says {verdict}: not taken for an agent's forward"));
        return false;
    }
    let customer = Mailbox { name: origin.name.clone(), address: origin.address.clone() };
    request.via = Some(std::mem::replace(&mut request.from, customer));
    true
}
