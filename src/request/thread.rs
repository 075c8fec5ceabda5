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

/// The Message-IDs of a header value, without angle brackets; words without brackets count when they hold an `@`.
pub fn message_ids(value: &str) -> Vec<String> {
    let mut ids: Vec<String> = Vec::new();
    for part in value.split(|c: char| c.is_whitespace() || c == ',' || c == '<' || c == '>') {
        let sound = part.len() <= 998
            && part.contains('@')
            && part.chars().all(|c| !c.is_control() && !matches!(c, '"' | '(' | ')'));
        if sound && ids.len() < MOST && !ids.iter().any(|id| id == part) {
            ids.push(part.to_owned());
        }
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
