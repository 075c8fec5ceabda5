//! An outbox row as the bytes of a mail (RFC 5322).
//!
//! What comes out is canonical: CRLF line ends only, ASCII only, lines within bounds, bodies in quoted-printable. A row
//! that would need anything else (a line break in a header, an address that is none) is refused, never repaired.

use std::time::SystemTime;

use lettre::Address;
use lettre::message::dkim::DkimConfig;
use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{Body, Mailbox, Message, MultiPart, SinglePart};

use crate::store::outbox::{Outgoing, Reason};

/// Marks every mail of this desk, so that it knows its own when it comes back.
pub const LOOP_HEADER: &str = "X-Deskclerk-Loop";
/// RFC 5322 allows more, but References must not grow without end; the first and the newest matter.
const REFERENCES: usize = 20;

/// A mail ready for the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Composed {
    /// The one recipient.
    pub to: Address,
    /// Where answers go: for a reply to a customer, the ticket's signed address.
    pub reply_to: Option<Address>,
    /// The whole mail, canonical.
    pub bytes: Vec<u8>,
}

/// Builds the mail, signed where there is a signer. The error says why this row can never be a mail.
pub fn compose(outgoing: &Outgoing, signer: Option<&DkimConfig>, now: SystemTime) -> Result<Composed, String> {
    let payload = &outgoing.payload;
    let to: Address = address(&outgoing.recipient)?;
    let from = mailbox(&payload.from)?;
    let desk = from.email.to_string();
    let mut message = Message::builder()
        .from(from)
        .to(Mailbox::new(None, to.clone()))
        .subject(one_line("the subject", &payload.subject)?)
        .date(now)
        .raw_header(ids("Message-ID", std::slice::from_ref(&outgoing.message_id), true)?);
    if let Some(reply_to) = &payload.reply_to {
        message = message.reply_to(mailbox(reply_to)?);
    }
    for (name, listed) in [("In-Reply-To", &payload.in_reply_to), ("References", &payload.references)] {
        if listed.iter().any(|id| sound_id(id)) {
            message = message.raw_header(ids(name, listed, false)?);
        }
    }
    let automatic = match outgoing.reason {
        Reason::Team | Reason::Event => "auto-generated",
        Reason::Question | Reason::Acknowledgement | Reason::Reminder | Reason::HandOver => "auto-replied",
    };
    // RFC 3834 §5 and [MS-OXCMAIL] 2.2.3.2.14: nobody's robot is to answer.
    for (name, value) in [("Auto-Submitted", automatic), ("X-Auto-Response-Suppress", "All"), (LOOP_HEADER, &desk)] {
        if !payload.headers.keys().any(|known| known.eq_ignore_ascii_case(name)) {
            message = message.raw_header(header(name, value)?);
        }
    }
    for (name, value) in &payload.headers {
        message = message.raw_header(header(name, value)?);
    }
    let text = part(ContentType::TEXT_PLAIN, &payload.text)?;
    let message = match &payload.html {
        Some(html) => {
            let boundary = format!("=_{}", outgoing.id); // fixed, so that a repeat is the same mail
            let alternatives = MultiPart::alternative().boundary(boundary).singlepart(text);
            message.multipart(alternatives.singlepart(part(ContentType::TEXT_HTML, html)?))
        }
        None => message.singlepart(text),
    };
    let mut message = message.map_err(|error| format!("no mail can be made of it: {error}"))?;
    if let Some(signer) = signer {
        message.sign(signer);
    }
    let bytes = message.formatted();
    canonical(&bytes)?;
    let reply_to = payload.reply_to.as_deref().map(mailbox).transpose()?.map(|mailbox| mailbox.email);
    Ok(Composed { to, reply_to, bytes })
}

/// An address such as `a@b.example`.
fn address(text: &str) -> Result<Address, String> {
    text.parse().map_err(|_| format!("`{}` is no mail address", text.escape_debug()))
}

/// `Name <address>`, `"Name" <address>` or an address alone.
fn mailbox(text: &str) -> Result<Mailbox, String> {
    let text = one_line("an address", text)?;
    let Some((name, rest)) = text.rsplit_once('<') else { return Ok(Mailbox::new(None, address(text.trim())?)) };
    let name = name.trim().trim_matches('"').replace("\\\"", "\"").replace("\\\\", "\\");
    let email = address(rest.trim_end().strip_suffix('>').unwrap_or(rest))?;
    Ok(Mailbox::new((!name.is_empty()).then_some(name), email))
}

/// Control characters in a header would start another one.
fn one_line(what: &str, text: &str) -> Result<String, String> {
    match text.chars().find(|char| char.is_control()) {
        Some(char) => Err(format!("{what} holds the control character {}", char.escape_debug())),
        None => Ok(text.to_owned()),
    }
}

fn header(name: &str, value: &str) -> Result<HeaderValue, String> {
    let sound = name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':');
    let name = HeaderName::new_from_ascii(name.to_owned()).ok().filter(|_| sound);
    let name = name.ok_or("a header's name is unusable")?;
    let value = one_line("a header", value)?;
    Ok(HeaderValue::new(name, value))
}

/// A header of Message-IDs, one a line. Foreign ids that no header can carry are left out; our own must be sound.
fn ids(name: &'static str, listed: &[String], own: bool) -> Result<HeaderValue, String> {
    let mut kept: Vec<&str> = listed.iter().map(String::as_str).filter(|id| sound_id(id)).collect();
    if own && kept.len() != listed.len() {
        return Err("its Message-ID is unusable".into());
    }
    if kept.len() > REFERENCES {
        kept.drain(1..kept.len() - (REFERENCES - 1));
    }
    let value: Vec<String> = kept.iter().map(|id| format!("<{id}>")).collect();
    let (raw, encoded) = (value.join(" "), value.join("\r\n "));
    Ok(HeaderValue::dangerous_new_pre_encoded(HeaderName::new_from_ascii_str(name), raw, encoded))
}

/// Whether an id can stand in a header as it is: printable ASCII without brackets and spaces, on one line.
fn sound_id(id: &str) -> bool {
    !id.is_empty() && id.len() <= 900 && id.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>".contains(&byte))
}

/// Quoted-printable always: lines stay short, and no byte of the text can be taken for a line end or a dot of SMTP.
fn part(content_type: ContentType, text: &str) -> Result<SinglePart, String> {
    let printable = |line: &str| line.chars().filter(|char| *char == '\t' || !char.is_control()).collect::<String>();
    let text = text.split('\n').map(printable).collect::<Vec<_>>().join("\r\n");
    let body = Body::new_with_encoding(text, ContentTransferEncoding::QuotedPrintable)
        .map_err(|_| "its text cannot be encoded".to_owned())?;
    Ok(SinglePart::builder().header(content_type).body(body))
}

/// The last look before the wire (SMTP smuggling): only CRLF, only ASCII, no NUL, no line over 998 bytes.
fn canonical(bytes: &[u8]) -> Result<(), String> {
    let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    let (last, whole) = lines.split_last().expect("split gives at least one piece");
    let odd = |line: &[u8]| line.len() > 998 || line.iter().any(|byte| matches!(byte, 0 | b'\r' | 0x80..));
    if whole.iter().any(|line| line.strip_suffix(b"\r").is_none_or(odd)) || odd(last) {
        return Err("the mail would not be canonical (CRLF, ASCII, short lines)".into());
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::store::outbox::{Kind, Payload, State};

    fn outgoing() -> Outgoing {
        Outgoing {
            id: "0190-1".into(),
            ticket_id: 7,
            kind: Kind::Mail,
            reason: Reason::Question,
            recipient: "ann@customer.example".into(),
            message_id: "q1@desk.example".into(),
            payload: Payload {
                from: "Support, Inc. <support@desk.example>".into(),
                to: "ann@customer.example".into(),
                reply_to: Some("support+7.abc@desk.example".into()),
                subject: "Welche Kampagne? äöü".into(),
                text: "Hällo\n.\nbye\r\n".into(),
                html: None,
                in_reply_to: vec!["orig@customer.example".into()],
                references: vec!["first@customer.example".into(), "orig@customer.example".into()],
                headers: BTreeMap::new(),
                template: None,
            },
            attempts: 0,
            fence: 1,
            state: State::Queued,
            last_error: None,
            due_at: 0,
            created_at: 0,
        }
    }

    /// Composes after `change`; the mail contains every one of `expected`, or the error does.
    fn check(change: impl FnOnce(&mut Outgoing), expected: Result<&[&str], &str>) {
        let mut row = outgoing();
        change(&mut row);
        match (compose(&row, None, SystemTime::UNIX_EPOCH), expected) {
            (Ok(mail), Ok(parts)) => {
                let text = String::from_utf8(mail.bytes).unwrap();
                for part in parts {
                    assert!(text.contains(part), "{part:?} is not in:\n{text}");
                }
            }
            (Err(got), Err(part)) => assert!(got.contains(part), "{got}"),
            (got, expected) => panic!("{got:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn a_question_is_threaded_and_marked() {
        check(
            |_| {},
            Ok(&[
                "From: =?utf-8?b?U3VwcG9ydCwgSW5jLg==?= <support@desk.example>\r\n",
                "To: ann@customer.example\r\n",
                "Reply-To: support+7.abc@desk.example\r\n",
                "Message-ID: <q1@desk.example>\r\n",
                "In-Reply-To: <orig@customer.example>\r\n",
                "References: <first@customer.example>\r\n <orig@customer.example>\r\n",
                "Auto-Submitted: auto-replied\r\n",
                "X-Auto-Response-Suppress: All\r\n",
                "X-Deskclerk-Loop: support@desk.example\r\n",
                "Content-Transfer-Encoding: quoted-printable\r\n",
                "\r\nH=C3=A4llo\r\n.\r\nbye\r\n",
            ]),
        );
        check(
            |row| row.payload.html = Some("<p>x".into()),
            Ok(&["multipart/alternative", "text/html", "\r\n<p>x\r\n"]),
        );
    }

    #[test]
    fn the_rows_own_headers_win() {
        let own = |row: &mut Outgoing| {
            row.payload.headers.insert("auto-submitted".into(), "auto-notified".into());
            row.payload.headers.insert("X-Ticket".into(), "7".into());
        };
        check(own, Ok(&["auto-submitted: auto-notified\r\n", "X-Ticket: 7\r\n"]));
        let mut row = outgoing();
        own(&mut row);
        let text = String::from_utf8(compose(&row, None, SystemTime::UNIX_EPOCH).unwrap().bytes).unwrap();
        assert_eq!(text.to_lowercase().matches("auto-submitted").count(), 1);
    }

    #[test]
    fn nothing_is_injected() {
        check(|row| row.payload.subject = "x\r\nBcc: v@x.example".into(), Err("control character"));
        check(|row| row.payload.from = "x\nBcc: v@x.example <a@b.example>".into(), Err("control character"));
        check(|row| row.recipient = "a@b.example\r\nRCPT TO:<v@x.example>".into(), Err("no mail address"));
        check(|row| row.recipient = "a@b.example,v@x.example".into(), Err("no mail address"));
        check(|row| drop(row.payload.headers.insert("X: y\r\nBcc".into(), "v".into())), Err("name is unusable"));
        check(|row| row.message_id = "a> <b".into(), Err("Message-ID"));
        // Foreign ids that cannot be carried are left out, the mail goes.
        check(|row| row.payload.references.push("x>\r\nBcc: v@x.example".into()), Ok(&["References: <first@"]));
        // A lone CR or NUL in the text reaches nobody.
        check(|row| row.payload.text = "a\r.\rb\0\n.\n".into(), Ok(&["\r\na.b\r\n.\r\n"]));
    }

    #[test]
    fn many_references_keep_the_first_and_the_newest() {
        check(
            |row| row.payload.references = (0..500).map(|n| format!("{n}@x.example")).collect(),
            Ok(&["References: <0@x.example>\r\n <481@x.example>\r\n", "\r\n <499@x.example>\r\n"]),
        );
    }
}
