//! Bytes to text, whatever charset they say they are in.
//!
//! Never fails: what is mislabelled is recognised, what cannot be decoded becomes U+FFFD. Every repair is told.

use std::borrow::Cow;

use encoding_rs::{Encoding, GB18030, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// How much of a text the guess looks at.
const GUESS_BYTES: usize = 16 * 1024;

/// Decodes `bytes` that are declared to be in `label`. The second value says what was repaired, if anything.
pub fn decode<'a>(bytes: &'a [u8], label: Option<&str>) -> (Cow<'a, str>, Option<String>) {
    let label = label.map(|label| label.trim().trim_matches(['"', '\''])).filter(|label| !label.is_empty());
    if let Some((encoding, bom)) = Encoding::for_bom(bytes) {
        let (text, _) = encoding.decode_without_bom_handling(&bytes[bom..]);
        return (text, None);
    }
    let declared = label.and_then(lookup);
    // Everything but UTF-16, UTF-7 and the escape-coded charsets agrees on ASCII.
    if bytes.is_ascii() && !bytes.contains(&0x1b) && declared.is_none_or(Encoding::is_ascii_compatible) {
        let seven = label.is_some_and(|label| label.to_ascii_lowercase().contains("utf-7"));
        if seven && let Some(decoder) = mail_parser::decoders::charsets::map::charset_decoder(b"utf-7") {
            return (Cow::Owned(decoder(bytes)), None);
        }
        return (std::str::from_utf8(bytes).map_or(Cow::Borrowed(""), Cow::Borrowed), None);
    }
    let utf8 = std::str::from_utf8(bytes).ok().filter(|_| !bytes.contains(&0x1b));
    match (declared, utf8) {
        (Some(encoding), Some(text)) if encoding == UTF_8 => (Cow::Borrowed(text), None),
        (None, Some(text)) => {
            let oddity = match label {
                Some(label) => format!("unknown charset {}, read as utf-8", shown(label)),
                None => "no charset declared, read as utf-8".to_owned(),
            };
            (Cow::Borrowed(text), Some(oddity))
        }
        (Some(encoding), Some(text)) if said_wrongly(encoding, bytes) => {
            (Cow::Borrowed(text), Some(format!("declared {} but is utf-8", shown(label.unwrap_or_default()))))
        }
        (Some(encoding), _) if encoding != UTF_8 => {
            let (text, faulty) = encoding.decode_without_bom_handling(bytes);
            if !faulty {
                return (text, None);
            }
            let (repaired, name) = guess(bytes);
            if fffd(&repaired) < fffd(&text) {
                let oddity = format!("declared {} but is {name}", shown(label.unwrap_or_default()));
                return (repaired, Some(oddity));
            }
            (text, Some(format!("bytes that are no {}", encoding.name().to_lowercase())))
        }
        _ => {
            // Declared UTF-8, or nothing known: a little damage is damage, more is another charset.
            let damaged = String::from_utf8_lossy(bytes);
            let sound = damaged.chars().filter(|c| !c.is_ascii() && *c != '\u{fffd}').count();
            if sound > 4 * fffd(&damaged) {
                return (damaged, Some("bytes that are no utf-8".to_owned()));
            }
            let (text, name) = guess(bytes);
            let said =
                label.map_or_else(|| "no charset declared".to_owned(), |label| format!("declared {}", shown(label)));
            (text, Some(format!("{said}, read as {name}")))
        }
    }
}

/// The encoding of a label, with the names that mail programs invent. GB2312 and its like are read as GB18030.
fn lookup(label: &str) -> Option<&'static Encoding> {
    let found = Encoding::for_label(label.as_bytes()).or_else(|| {
        let lower = label.to_ascii_lowercase().replace('_', "-");
        let lower = lower.trim_start_matches("x-").trim_start_matches("charset=");
        match lower {
            "utf8" | "utf-8-sig" | "utf8mb4" | "unicode-1-1-utf-8" => Some(UTF_8),
            "cp936" | "gb-2312" => Some(GB18030),
            "utf-16" | "ucs-2" => Some(UTF_16LE),
            "utf-16be" => Some(UTF_16BE),
            "cp850" | "ibm850" | "cp437" | "ansi" | "default" => None,
            _ => Encoding::for_label(lower.replacen("cp", "windows-", 1).as_bytes())
                .or_else(|| Encoding::for_label(lower.replacen("iso", "iso-", 1).as_bytes())),
        }
    });
    // "us-ascii" and "iso-8859-1" are labels of windows-1252 (WHATWG Encoding §4.2), which is what people send.
    found.map(|encoding| if encoding == encoding_rs::GBK { GB18030 } else { encoding })
}

/// Whether valid UTF-8 was declared as something else. Single-byte text is hardly ever valid UTF-8 by chance;
/// double-byte text may be, so there the declared charset must fail first.
fn said_wrongly(encoding: &'static Encoding, bytes: &[u8]) -> bool {
    encoding.is_single_byte() || encoding.decode_without_bom_handling(bytes).1
}

fn fffd(text: &str) -> usize {
    text.chars().filter(|c| *c == '\u{fffd}').count()
}

fn guess(bytes: &[u8]) -> (Cow<'_, str>, String) {
    let mut detector = chardetng::EncodingDetector::new(chardetng::Iso2022JpDetection::Allow);
    detector.feed(&bytes[..bytes.len().min(GUESS_BYTES)], true);
    let mut encoding = detector.guess(None, chardetng::Utf8Detection::Allow);
    let (mut text, faulty) = encoding.decode_without_bom_handling(bytes);
    if faulty && fffd(&text) > 2 {
        encoding = WINDOWS_1252;
        text = encoding.decode_without_bom_handling(bytes).0;
    }
    (text, encoding.name().to_lowercase())
}

/// A label as it may stand in an oddity: short, printable.
fn shown(label: &str) -> String {
    label.chars().filter(|c| c.is_ascii_graphic()).take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], label: Option<&str>, expected: &str, repaired: bool) {
        let (text, oddity) = decode(bytes, label);
        assert_eq!(text, expected);
        assert_eq!(oddity.is_some(), repaired, "{oddity:?}");
    }

    #[test]
    fn declared_charsets_are_read_as_declared() {
        check(b"plain", None, "plain", false);
        check("Grüße".as_bytes(), Some("UTF-8"), "Grüße", false);
        check(b"Gr\xfc\xdfe", Some("iso-8859-1"), "Grüße", false);
        check(b"\xf0\xd2\xc9\xd7\xc5\xd4", Some("koi8-r"), "Привет", false);
        check(b"\xcf\xf0\xe8\xe2\xe5\xf2", Some("windows-1251"), "Привет", false);
        check(b"\xc4\xe3\xba\xc3", Some("gb2312"), "你好", false);
        check(b"\xa7A\xa6n", Some("big5"), "你好", false);
        check(b"\x1b$B$3$s\x1b(B", Some("iso-2022-jp"), "こん", false);
        check(b"Gr+APwA3w-e", Some("utf-7"), "Grüße", false);
    }

    #[test]
    fn wrong_and_missing_labels_are_repaired() {
        check("Grüße aus Köln".as_bytes(), Some("iso-8859-1"), "Grüße aus Köln", true);
        check("Grüße".as_bytes(), None, "Grüße", true);
        check(b"Viele Gr\xfc\xdfe aus K\xf6ln", Some("utf-8"), "Viele Grüße aus Köln", true);
        check(b"Viele Gr\xfc\xdfe", Some("x-unknown"), "Viele Grüße", true);
        check("漢字かな交じり文".as_bytes(), Some("us-ascii"), "漢字かな交じり文", true);
        check(b"\x1b$B$3$s\x1b(B", None, "こん", true);
    }

    #[test]
    fn damage_is_kept_as_damage() {
        let (text, oddity) = decode(b"\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82 \xff", Some("utf-8"));
        assert!(text.starts_with("Привет") && oddity.is_some());
    }
}
