//! Delivery failures: who sends them without saying so in a header, and what their reports say (RFC 3464); what other
//! reports are about (RFC 8098, RFC 5965).
//!
//! Whatever a report leaves out is looked for in its words; what stands nowhere stays empty.

use super::Mail;
use crate::request::header::Headers;
use crate::request::reading::Reading;
use crate::request::{Bounce, address, thread};

/// A bounce without the headers of one.
pub(super) fn sender(mail: &Mail<'_>, reading: &Reading) -> Option<String> {
    let words = &reading.screening;
    let address = mail.sender.address.to_lowercase();
    let local = address.split('@').next().unwrap_or_default();
    if ["mailer-daemon", "mailer_daemon", "mailerdaemon", "mail-daemon"].contains(&local) {
        return Some(format!("sent by {local}"));
    }
    let name = mail.sender.name.as_deref().unwrap_or_default().to_lowercase();
    let sender = words.bounce_senders.has(local) || words.bounce_senders.has(&name);
    let subject = mail.subject.to_lowercase();
    let titled = words.bounce_subjects.find(subject.trim_start()).is_some_and(|(start, _)| start <= 12 && !mail.reply);
    if !sender && !titled {
        return None;
    }
    let lower = mail.text.to_lowercase();
    let said = words.bounce_words.count(&lower);
    if sender && (titled || said >= 2) {
        return Some(format!(
            "sent by {} with the words of a delivery failure",
            if name.is_empty() { local } else { &name }
        ));
    }
    // Any other sender: it must read like a bounce in subject and text, and ask for nothing.
    (titled && said >= 3 && !words.request.has(&lower) && !lower.contains('?'))
        .then(|| "subject and words of a delivery failure".to_owned())
}

/// What a delivery report says: from its `message/delivery-status` part if it has one, else from its words.
pub fn bounce(headers: &Headers<'_>, status: Option<&str>, original: Option<&[u8]>, text: &str) -> Bounce {
    let mut bounce = Bounce::default();
    let mut add = |recipient: &str| {
        if let Some(address) = address::addr_spec(recipient.trim().trim_matches(['<', '>', '"']))
            && bounce.recipients.len() < 100
            && !bounce.recipients.contains(&address)
        {
            bounce.recipients.push(address);
        }
    };
    let groups = groups(status.unwrap_or_default());
    // Who was delivered to, or is tried again, has not failed; where nobody has, the report is about those who wait.
    let of =
        |actions: &[&str]| groups.iter().filter(|group| actions.contains(&group.action.as_str())).collect::<Vec<_>>();
    let failed = of(&["failed", ""]);
    let told = if failed.is_empty() { of(&["delayed"]) } else { failed };
    told.iter().flat_map(|group| &group.recipients).for_each(|recipient| add(recipient));
    let code = told.iter().find_map(|group| group.status.clone());
    if let Some(failed) = headers.plain("X-Failed-Recipients") {
        failed.split(',').for_each(&mut add);
    }
    if bounce.recipients.is_empty() && groups.is_empty() {
        // Prose: the first address that stands there, in angle brackets or not.
        let first = text
            .split(|c: char| c.is_whitespace() || "<>()[]\",;".contains(c))
            .map(|word| word.trim_matches([':', '.', '\'']))
            .find_map(address::addr_spec);
        bounce.recipients.extend(first);
    }
    bounce.status = code.or_else(|| enhanced(text));
    let about = original.and_then(|original| {
        Headers::parse(original).plain("Message-ID").and_then(|id| thread::message_ids(&id).pop())
    });
    bounce.about = about
        .or_else(|| {
            let at = text.to_ascii_lowercase().find("message-id:")?;
            thread::message_ids(text.get(at + 11..)?.lines().next()?).into_iter().next()
        })
        .or_else(|| headers.plain("In-Reply-To").and_then(|id| thread::message_ids(&id).pop()))
        .or_else(|| headers.plain("References").and_then(|ids| thread::message_ids(&ids).pop()));
    bounce
}

/// Message-ID of the mail that a disposition notification or a feedback report is about: as its fields say, else the
/// original beside them.
pub fn reported(fields: Option<&str>, original: Option<&[u8]>) -> Option<String> {
    let id = |head: &[u8], name: &str| thread::message_ids(&Headers::parse(head).plain(name)?).pop();
    fields
        .and_then(|fields| id(fields.as_bytes(), "Original-Message-ID"))
        .or_else(|| original.and_then(|original| id(original, "Message-ID")))
}

/// What a report says of one recipient (RFC 3464 §2.3).
#[derive(Default)]
struct Group {
    recipients: Vec<String>,
    /// `failed`, `delayed`, `delivered`, `relayed` or `expanded`; empty when nobody says.
    action: String,
    status: Option<String>,
}

/// The groups of a `message/delivery-status` that name a recipient.
fn groups(status: &str) -> Vec<Group> {
    let mut groups = vec![Group::default()];
    for line in status.lines() {
        if line.trim().is_empty() {
            groups.push(Group::default());
        }
        let (Some((name, value)), Some(group)) = (line.split_once(':'), groups.last_mut()) else { continue };
        match name.trim().to_ascii_lowercase().as_str() {
            // `rfc822; jane@acme.example`
            "final-recipient" | "original-recipient" if group.recipients.len() < 8 => {
                group.recipients.push(value.rsplit(';').next().unwrap_or_default().to_owned());
            }
            "action" => group.action = value.split('(').next().unwrap_or_default().trim().to_ascii_lowercase(),
            "status" if group.status.is_none() => group.status = enhanced(value),
            _ => {}
        }
    }
    groups.retain(|group| !group.recipients.is_empty());
    groups
}

/// The first enhanced status code in a text: `5.1.1` (RFC 3463 §2).
fn enhanced(text: &str) -> Option<String> {
    text.split(|c: char| c.is_whitespace() || "#()[]<>,;:'\"".contains(c)).find_map(|word| {
        let mut parts = word.trim_end_matches('.').split('.');
        let class = parts.next()?;
        let (subject, detail) = (parts.next()?, parts.next()?);
        let number = |part: &str| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        (matches!(class, "2" | "4" | "5") && number(subject) && number(detail) && parts.next().is_none())
            .then(|| format!("{class}.{subject}.{detail}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounces_are_taken_apart() {
        let headers = Headers::parse(b"");
        let got = bounce(
            &headers,
            Some("Reporting-MTA: dns; x\n\nFinal-Recipient: rfc822; c@D.example\nAction: failed\nStatus: 5.1.1 (x)\n"),
            Some(b"Message-ID: <r-1@desk.example>\r\n\r\n"),
            "",
        );
        assert_eq!(
            got,
            Bounce {
                recipients: vec!["c@d.example".into()],
                status: Some("5.1.1".into()),
                about: Some("r-1@desk.example".into())
            }
        );
        let of = |words: &str| {
            let report = bounce(&headers, Some(words), None, "told x@y.example");
            (report.recipients.join(" "), report.status.unwrap_or_default())
        };
        let group = |who: &str, action: &str, status: &str| {
            format!("Final-Recipient: rfc822; {who}@x.example\r\nAction: {action}\r\nStatus: {status}\r\n\r\n")
        };
        let (failed, delayed) = (group("a", "Failed (bad)", "5.1.1"), group("b", "delayed", "4.2.2"));
        let delivered = group("c", "delivered", "2.0.0");
        let pair = |who: &str, status: &str| (who.to_owned(), status.to_owned());
        assert_eq!(of(&format!("{delayed}{delivered}{failed}")), pair("a@x.example", "5.1.1"));
        assert_eq!(of(&format!("Reporting-MTA: dns; mx\r\n\r\n{delayed}{delivered}")), pair("b@x.example", "4.2.2"));
        assert_eq!(of(&delivered), pair("", ""));
        let got = bounce(&headers, None, None, "<nuria@i.example>:\n552 5.2.2 user is over quota");
        assert_eq!(
            got,
            Bounce { recipients: vec!["nuria@i.example".into()], status: Some("5.2.2".into()), about: None }
        );
    }
}
