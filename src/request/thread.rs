//! What may tie a mail to a ticket: plus tags of recipients, In-Reply-To, References, the tag in the subject.
//!
//! Nothing here is proof; the desk verifies it.

use super::header::Headers;
use super::{Mailbox, ThreadKeys, address};

/// How many keys of one kind are kept.
const MOST: usize = 100;

/// Reads the thread keys of a mail.
pub fn keys(headers: &Headers<'_>, to: &[Mailbox], cc: &[Mailbox], subject: &str) -> ThreadKeys {
    let mut tags: Vec<String> = Vec::new();
    let mut take = |address: &str| {
        if let Some(tag) = tag(address)
            && tags.len() < MOST
            && !tags.iter().any(|known| known == tag)
        {
            tags.push(tag.to_owned());
        }
    };
    to.iter().chain(cc).for_each(|mailbox| take(&mailbox.address));
    for name in ["Delivered-To", "X-Original-To", "Envelope-To", "X-Delivered-To"] {
        for value in headers.raw(name) {
            address::list(&super::header::unfold(value).0).iter().for_each(|mailbox| take(&mailbox.address));
        }
    }
    ThreadKeys {
        tags,
        in_reply_to: headers.plain("In-Reply-To").map(|value| message_ids(&value)).unwrap_or_default(),
        references: headers.plain("References").map(|value| message_ids(&value)).unwrap_or_default(),
        subject_tag: subject_tag(subject),
    }
}

/// What stands between the first `+` and the `@`.
fn tag(address: &str) -> Option<&str> {
    let (local, _) = address.rsplit_once('@')?;
    local.split_once('+').map(|(_, tag)| tag).filter(|tag| !tag.is_empty())
}

/// The Message-IDs of a header value, without angle brackets. What stands in brackets is one whatever it holds, for mail
/// programs write them as they like, unless white space parts it; words without brackets count when they hold an `@`.
pub fn message_ids(value: &str) -> Vec<String> {
    let mut ids: Vec<String> = Vec::new();
    let mut take = |part: &str| {
        let sound = !part.is_empty() && part.len() <= 998 && !part.chars().any(|c| c.is_control() || c.is_whitespace());
        if sound && ids.len() < MOST && !ids.iter().any(|id| id == part) {
            ids.push(part.to_owned());
        }
    };
    let mut rest = value;
    while !rest.is_empty() {
        let (bare, after) = rest.split_once('<').unwrap_or((rest, ""));
        let words = bare.split(|c: char| c.is_whitespace() || matches!(c, ',' | '>'));
        words.filter(|word| word.contains('@') && !word.contains(['"', '(', ')'])).for_each(&mut take);
        let end = after.find(['<', '>']).unwrap_or(after.len());
        take(after[..end].trim());
        rest = after[end..].strip_prefix('>').unwrap_or(&after[end..]);
    }
    ids
}

/// The number of the first `[#1042]` in a subject.
fn subject_tag(subject: &str) -> Option<u64> {
    subject.split("[#").skip(1).find_map(|rest| {
        let (digits, _) = rest.split_once(']')?;
        (digits.len() <= 18 && digits.bytes().all(|b| b.is_ascii_digit())).then(|| digits.parse().ok()).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(raw: &str, expected: ThreadKeys) {
        let headers = Headers::parse(raw.as_bytes());
        let list = |name: &str| headers.plain(name).map(|value| address::list(&value)).unwrap_or_default();
        assert_eq!(keys(&headers, &list("To"), &list("Cc"), &headers.text("Subject").unwrap_or_default()), expected);
    }

    fn check_ids(value: &str, expected: &[&str]) {
        assert_eq!(message_ids(value), expected, "{value}");
    }

    #[test]
    fn ids_are_taken_as_programs_write_them() {
        check_ids("<a@b.example> <c@d.example>", &["a@b.example", "c@d.example"]);
        check_ids("<a@b.example>,<c@d.example>", &["a@b.example", "c@d.example"]);
        check_ids("<q1795.12>", &["q1795.12"]);
        check_ids("<\"j. doe\"@x.example> <\"jdoe\"@x.example>", &["\"jdoe\"@x.example"]);
        check_ids("<a(1)@b.example>", &["a(1)@b.example"]);
        check_ids("<p 17@x.example>", &[]);
        check_ids("a@b.example c@d.example", &["a@b.example", "c@d.example"]);
        check_ids("Your message of Monday <a@b.example> (from \"x@y.example\")", &["a@b.example"]);
        check_ids("<a@b.example <c@d.example>", &["a@b.example", "c@d.example"]);
        check_ids("<>, <<a@b.example>>", &["a@b.example"]);
        check_ids("<a@b.example", &["a@b.example"]);
    }

    #[test]
    fn keys_are_found_in_all_their_places() {
        check(
            "To: Desk <support+t9.abc@desk.example>, x@y.example\nCc: support+two@desk.example\nDelivered-To: support+t9.abc@desk.example\nIn-Reply-To: <r-1@desk.example>\nReferences: <a@b.example>\n <r-1@desk.example>\nSubject: Re: [#1042] clicks\n\n",
            ThreadKeys {
                tags: vec!["t9.abc".into(), "two".into()],
                in_reply_to: vec!["r-1@desk.example".into()],
                references: vec!["a@b.example".into(), "r-1@desk.example".into()],
                subject_tag: Some(1042),
            },
        );
        check(
            "In-Reply-To: your message of Monday\nSubject: [#x] [#99999999999999999999] a\n\n",
            ThreadKeys::default(),
        );
    }
}
