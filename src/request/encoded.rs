//! Encoded words (RFC 2047) as people's programs write them: cut in half, without end, in charsets that they do not name.
//!
//! Decoding never fails; what was repaired or cannot be read is told by [`fault`].

use super::{charset, header};

/// Decodes the encoded words of a value; `None` when it has none. Adjacent words of one charset are decoded together,
/// for senders cut characters in half; a word whose end is missing is read to the end of the value.
pub fn decode(value: &str) -> Option<String> {
    if value.contains("=?") { words(value, &mut |_| {}) } else { None }
}

/// What is wrong with the encoded words of a value, or was repaired in them: a word without end, a charset that is not
/// the one it names, bytes that none has.
pub fn fault(value: &str) -> Option<String> {
    if !value.contains("=?") {
        return None;
    }
    let mut told = None;
    match words(value, &mut |oddity| told = Some(format!("encoded word: {oddity}"))) {
        Some(text) if told.is_none() && text.contains('\u{fffd}') => {
            Some("encoded word that cannot be read".to_owned())
        }
        None if told.is_none() => Some("encoded word that is none".to_owned()),
        _ => told,
    }
}

/// One encoded word (RFC 2047 §2), taken apart.
struct Word<'a> {
    charset: &'a str,
    base64: bool,
    data: &'a str,
}

fn words(value: &str, told: &mut dyn FnMut(String)) -> Option<String> {
    let mut out = String::with_capacity(value.len());
    let mut pending: Option<(&str, Vec<u8>)> = None;
    let mut rest = value;
    let mut any = false;
    while !rest.is_empty() {
        if let Some((word, after)) = word(rest) {
            any = true;
            if after.is_empty() && !rest.ends_with("?=") {
                told("it has no end".to_owned());
            }
            let bytes = bytes_of(&word);
            match &mut pending {
                Some((charset, held)) if charset.eq_ignore_ascii_case(word.charset) => held.extend(bytes),
                _ => {
                    flush(&mut pending, &mut out, told);
                    pending = Some((word.charset, bytes));
                }
            }
            // White space between two encoded words is not shown (RFC 2047 §6.2).
            let skipped = after.trim_start();
            rest = if skipped.starts_with("=?") && self::word(skipped).is_some() { skipped } else { after };
            continue;
        }
        flush(&mut pending, &mut out, told);
        // In bytes, for the first character may be longer than one; what is found starts with ASCII.
        let next = memchr::memmem::find(&rest.as_bytes()[1..], b"=?").map_or(rest.len(), |at| at + 1);
        out.push_str(&rest[..next]);
        rest = &rest[next..];
    }
    flush(&mut pending, &mut out, told);
    any.then_some(out)
}

fn flush(pending: &mut Option<(&str, Vec<u8>)>, out: &mut String, told: &mut dyn FnMut(String)) {
    if let Some((charset, bytes)) = pending.take() {
        let (text, oddity) = charset::decode(&bytes, Some(charset));
        out.push_str(&text);
        if let Some(oddity) = oddity {
            told(oddity);
        }
    }
}

/// The encoded word that `text` starts with, and what follows it.
fn word(text: &str) -> Option<(Word<'_>, &str)> {
    let inner = text.strip_prefix("=?")?;
    let (charset, inner) = inner.split_once('?')?;
    // RFC 2231 §5: a language may follow the charset.
    let charset = charset.split('*').next().unwrap_or_default();
    if charset.is_empty() || charset.len() > 40 || charset.contains(char::is_whitespace) {
        return None;
    }
    let base64 = match inner.get(..2)? {
        "B?" | "b?" => true,
        "Q?" | "q?" => false,
        _ => return None,
    };
    let inner = &inner[2..];
    let (data, after) = match inner.find("?=") {
        // `?=41` inside Q data is a question mark and an escape; the word's end comes later.
        Some(0) if !base64 && is_escape(&inner[1..]) => {
            let end = inner[2..].find("?=").map(|at| at + 2)?;
            (&inner[..end], &inner[end + 2..])
        }
        Some(end) => (&inner[..end], &inner[end + 2..]),
        None => (inner.trim_end_matches('?'), ""),
    };
    Some((Word { charset, base64, data }, after))
}

fn is_escape(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() > 2 && bytes[0] == b'=' && bytes[1].is_ascii_hexdigit() && bytes[2].is_ascii_hexdigit()
}

fn bytes_of(word: &Word<'_>) -> Vec<u8> {
    if word.base64 {
        return header::base64(word.data.as_bytes());
    }
    let spaced: Vec<u8> = word.data.bytes().map(|b| if b == b'_' { b' ' } else { b }).collect();
    header::quoted_printable(&spaced)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_encoded_words_are_told() {
        for (value, expected) in [
            ("Hello", None),
            ("=?utf-8?Q?Gr=C3=BC=C3=9Fe?=", None),
            ("=?utf-8?Q?Gr=C3?= =?utf-8?Q?=BC=C3=9Fe?=", None),
            ("=?utf-8?Q?no_end", Some("no end")),
            ("=?nonsense", Some("is none")),
            ("=?iso-8859-1?Q?Gr=C3=BC=C3=9Fe?=", Some("is utf-8")),
            ("=?iso-8859-1?Q?=CF=F0=EE=E2=E5=F0=FC=F2=E5_=EA=E0=EC=EF=E0=ED=E8=FE?=", Some("windows-1251")),
        ] {
            let got = fault(value);
            assert_eq!(got.is_some(), expected.is_some(), "{value}: {got:?}");
            assert!(got.unwrap_or_default().contains(expected.unwrap_or_default()), "{value}");
        }
    }
}
