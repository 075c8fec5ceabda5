//! Character references (HTML §13.2.5.72) to characters.

use html5ever::data::NAMED_ENTITIES;
use memchr::memchr;

/// The character reference that `rest` starts with (HTML §13.2.5.72): its characters, and its length in bytes.
pub(super) fn entity(rest: &str) -> (Option<(char, Option<char>)>, usize) {
    let bytes = rest.as_bytes();
    if bytes.get(1) == Some(&b'#') {
        let hex = matches!(bytes.get(2), Some(b'x' | b'X'));
        let start = if hex { 3 } else { 2 };
        let digits = bytes[start.min(bytes.len())..]
            .iter()
            .take(8)
            .take_while(|b| if hex { b.is_ascii_hexdigit() } else { b.is_ascii_digit() })
            .count();
        if digits == 0 {
            return (None, 1);
        }
        let end = start + digits;
        let code = u32::from_str_radix(&rest[start..end], if hex { 16 } else { 10 }).unwrap_or(0xfffd);
        // 0x80..0x9f are read as windows-1252 (HTML §13.2.5.80).
        let c = match code {
            0 => '\u{fffd}',
            0x80..=0x9f => encoding_rs::WINDOWS_1252
                .decode_without_bom_handling(&[code as u8])
                .0
                .chars()
                .next()
                .unwrap_or('\u{fffd}'),
            _ => char::from_u32(code).unwrap_or('\u{fffd}'),
        };
        return (Some((c, None)), end + usize::from(bytes.get(end) == Some(&b';')));
    }
    let name = bytes[1..].iter().take(32).take_while(|b| b.is_ascii_alphanumeric()).count();
    let closed = bytes.get(1 + name) == Some(&b';');
    let end = 1 + name + usize::from(closed);
    let found = if closed {
        NAMED_ENTITIES.get(&rest[1..end]).map(|codes| (codes, end))
    } else {
        // Old names are valid without a semicolon, even before further letters.
        (2..=name.min(6)).rev().find_map(|len| NAMED_ENTITIES.get(&rest[1..1 + len]).map(|codes| (codes, 1 + len)))
    };
    match found {
        Some(((first, second), len)) if *first != 0 => {
            let second = if *second == 0 { None } else { char::from_u32(*second) };
            (char::from_u32(*first).map(|first| (first, second)), len)
        }
        _ => (None, 1),
    }
}

/// An attribute's value with its character references decoded.
pub(super) fn unescape(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let mut rest = value;
    while let Some(at) = memchr(b'&', rest.as_bytes()) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let (decoded, len) = entity(rest);
        match decoded {
            Some((first, second)) => {
                out.push(first);
                out.extend(second);
            }
            None => out.push_str(&rest[..len]),
        }
        rest = &rest[len..];
    }
    out.push_str(rest);
    out.retain(|c| !c.is_control());
    out
}
