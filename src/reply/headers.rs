//! The headers of an outgoing automatic mail, as data: what keeps other programs from answering it, and what ties it to
//! the conversation. Every value is checked here, so that nothing of a stranger's can end a header line.

use std::collections::BTreeMap;

use crate::request::Request;

/// The header by which this desk recognises its own mail when it comes back.
pub const LOOP: &str = "X-Deskclerk-Loop";

/// Message-IDs kept in References: the first, and the latest. Long threads would else outgrow the header.
const REFERENCES: usize = 20;
/// Bytes of one Message-ID; a header line may have 998 (RFC 5322 §2.1.1), and brackets and folding need room.
const ID_BYTES: usize = 250;

/// Headers that say "a machine wrote this, do not answer" to each family of mail programs: RFC 3834 §5.2, Exchange and
/// Outlook ([MS-OXCMAIL] §2.1.3.2.21), and this desk itself.
pub fn automatic(desk_address: &str) -> BTreeMap<String, String> {
    let desk = desk_address.chars().filter(char::is_ascii_graphic).collect();
    BTreeMap::from([
        ("Auto-Submitted".to_owned(), "auto-replied".to_owned()),
        ("X-Auto-Response-Suppress".to_owned(), "All".to_owned()),
        (LOOP.to_owned(), desk),
    ])
}

/// How a reply to this request is threaded (RFC 5322 §3.6.4).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Thread {
    /// The request's Message-ID, without angle brackets.
    pub in_reply_to: Vec<String>,
    /// The conversation so far, oldest first, the request last.
    pub references: Vec<String>,
}

/// Threads a reply to this request. Without a usable Message-ID there is nothing to tie it to.
pub fn thread(request: &Request) -> Thread {
    let Some(id) = request.message_id.as_deref().filter(|id| sound(id)) else { return Thread::default() };
    let keys = &request.thread;
    // Without References a single In-Reply-To stands for them; several would make the parent a guess.
    let before: &[String] = match (keys.references.as_slice(), keys.in_reply_to.as_slice()) {
        ([], [one]) => std::slice::from_ref(one),
        (references, _) => references,
    };
    let mut references: Vec<String> = vec![];
    for reference in before.iter().filter(|reference| sound(reference) && reference.as_str() != id) {
        if !references.contains(reference) {
            references.push(reference.clone());
        }
    }
    // Room for the request's own id; the first stays, for some programs sort a thread by it.
    if references.len() > REFERENCES - 1 {
        references.drain(1..=references.len() - (REFERENCES - 1));
    }
    references.push(id.to_owned());
    Thread { in_reply_to: vec![id.to_owned()], references }
}

/// Whether this may stand between angle brackets in a header.
fn sound(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_graphic() && !b"<>".contains(&byte);
    id.len() <= ID_BYTES && id.contains('@') && id.bytes().all(plain)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::request::ThreadKeys;

    fn request(id: &str, in_reply_to: &[&str], references: &[&str]) -> Request {
        let owned = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect();
        Request {
            message_id: Some(id.into()),
            thread: ThreadKeys {
                in_reply_to: owned(in_reply_to),
                references: owned(references),
                ..ThreadKeys::default()
            },
            ..Request::default()
        }
    }

    fn check(id: &str, in_reply_to: &[&str], references: &[&str], expected: &[&str]) {
        assert_eq!(thread(&request(id, in_reply_to, references)).references, expected);
    }

    #[test]
    fn references_are_the_parents_and_the_parent() {
        check("c@x", &[], &[], &["c@x"]);
        check("c@x", &["b@x"], &["a@x", "b@x"], &["a@x", "b@x", "c@x"]);
        check("c@x", &["b@x"], &[], &["b@x", "c@x"]);
        check("c@x", &["a@x", "b@x"], &[], &["c@x"]);
        check("c@x", &[], &["a@x", "a@x", "c@x"], &["a@x", "c@x"]);
    }

    #[test]
    fn nothing_that_ends_a_header_passes() {
        check("c@x", &[], &["a@x\r\nBcc: v@x", "a@x> <b@x", "ü@x", "no at", "b@x"], &["b@x", "c@x"]);
        assert_eq!(thread(&request("c@x\nBcc: v@x", &[], &["a@x"])), Thread::default());
        assert_eq!(automatic("a@b.example\r\nX: y").get(LOOP).unwrap(), "a@b.exampleX:y");
    }

    #[test]
    fn a_long_thread_keeps_its_root_and_its_end() {
        let ids: Vec<String> = (0..100).map(|index| format!("{index}@x")).collect();
        let before: Vec<&str> = ids.iter().map(String::as_str).collect();
        let references = thread(&request("c@x", &[], &before)).references;
        assert_eq!(references.len(), REFERENCES);
        assert_eq!((references[0].as_str(), references[1].as_str()), ("0@x", "82@x"));
        assert_eq!(references.last().unwrap(), "c@x");
    }

    proptest! {
        #[test]
        fn always_bounded_and_sound(id: String, ids: Vec<String>) {
            let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
            let thread = thread(&request(&id, &ids, &ids));
            prop_assert!(thread.references.len() <= REFERENCES);
            prop_assert!(thread.references.iter().chain(&thread.in_reply_to).all(|id| sound(id)));
        }
    }
}
