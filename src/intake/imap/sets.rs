//! Names and number sets as IMAP writes them.

use base64::Engine;
use base64::alphabet::IMAP_MUTF7;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};

/// Modified base64 of mailbox names (RFC 3501 §5.1.3): `,` for `/`, no padding.
const MUTF7: GeneralPurpose = GeneralPurpose::new(&IMAP_MUTF7, NO_PAD);

/// Ranges in one command, so that no command line grows past what servers read (RFC 7162 §4: 8192 bytes).
const RANGES: usize = 300;

/// Sorted, distinct UIDs as sets such as `1:3,7`, each short enough for one command.
pub fn uid_sets(uids: &[u32]) -> Vec<String> {
    let mut ranges: Vec<(u32, u32)> = vec![];
    for uid in uids {
        match ranges.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(*uid) => *last = *uid,
            _ => ranges.push((*uid, *uid)),
        }
    }
    let write = |(first, last): &(u32, u32)| {
        if first == last { first.to_string() } else { format!("{first}:{last}") }
    };
    ranges.chunks(RANGES).map(|chunk| chunk.iter().map(write).collect::<Vec<_>>().join(",")).collect()
}

/// A mailbox name as a quoted string in modified UTF-7. `None`: no mailbox can have that name.
pub fn mailbox(name: &str) -> Option<String> {
    if name.is_empty() || name.chars().any(char::is_control) {
        return None;
    }
    let mut out = String::from("\"");
    let mut rest = name;
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|char: char| char.is_ascii() != first.is_ascii()).unwrap_or(rest.len());
        let (run, after) = rest.split_at(end);
        if first.is_ascii() {
            out.push_str(&run.replace('&', "&-").replace('\\', "\\\\").replace('"', "\\\""));
        } else {
            let utf16: Vec<u8> = run.encode_utf16().flat_map(u16::to_be_bytes).collect();
            out.push('&');
            out.push_str(&MUTF7.encode(utf16));
            out.push('-');
        }
        rest = after;
    }
    out.push('"');
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uids_are_written_as_ranges() {
        let check = |uids: &[u32], expected: &[&str]| assert_eq!(uid_sets(uids), expected);
        check(&[], &[]);
        check(&[7], &["7"]);
        check(&[1, 2, 3, 7, 9, 10], &["1:3,7,9:10"]);
        check(&[u32::MAX - 1, u32::MAX], &["4294967294:4294967295"]);
        let odd: Vec<u32> = (0..700).map(|n| n * 2 + 1).collect();
        let sets = uid_sets(&odd);
        assert_eq!(sets.len(), 3);
        assert!(sets.iter().all(|set| set.len() < 8000));
    }

    #[test]
    fn names_are_written_in_modified_utf7() {
        let check = |name: &str, expected: Option<&str>| assert_eq!(mailbox(name).as_deref(), expected);
        check("INBOX", Some("\"INBOX\""));
        check("R&D \"x\"", Some("\"R&-D \\\"x\\\"\""));
        check("Entwürfe", Some("\"Entw&APw-rfe\""));
        check("~peter/mail/台北/日本語", Some("\"~peter/mail/&U,BTFw-/&ZeVnLIqe-\"")); // RFC 3501 §5.1.3
        check("a\r\nb", None);
        check("", None);
    }
}
