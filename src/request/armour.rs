//! Encodings where words should stand: base64 with a footer below it, without its label, or with nothing in it that anybody
//! reads; quoted-printable without its label.
//!
//! Takes for text only what decodes to text; a few long words (links, keys, hashes) are never taken for noise.

use super::content::legible;
use super::header;

/// How long a full line of base64 is at least: RFC 2045 §6.8 says at most 76, PEM has 64.
const LINE: usize = 60;

/// How many lines of noise make it all noise.
const NOISE_LINES: usize = 4;

/// What a base64 part holds below whose end somebody appended plain text, as list servers do with their footers.
pub fn footed(source: &[u8]) -> Option<Vec<u8>> {
    let mut end = 0;
    for line in source.split_inclusive(|byte| *byte == b'\n') {
        let text = line.trim_ascii();
        if !text.iter().all(|byte| is_base64(*byte)) || text.is_empty() && end > 0 {
            break;
        }
        end += line.len();
    }
    let (data, rest) = source.split_at_checked(end)?;
    let (data, rest) = (data.trim_ascii(), rest.trim_ascii());
    if data.len() < 24 || rest.is_empty() {
        return None;
    }
    let mut text = text_of(data)?;
    text.extend_from_slice(b"\n\n");
    text.extend_from_slice(rest);
    Some(text)
}

/// What a body holds that is nothing but base64, and does not say so.
pub fn unlabelled(text: &str) -> Option<Vec<u8>> {
    let lines = text.trim().lines().map(str::trim_end);
    let mut full = None;
    for line in lines {
        if line.is_empty() || !line.bytes().all(is_base64) || full.is_some_and(|full| line.len() > full) {
            return None;
        }
        let full = full.get_or_insert(line.len());
        if *full < LINE {
            return None;
        }
    }
    text_of(text.as_bytes())
}

/// What a body holds that is quoted-printable (RFC 2045 §6.7), and does not say so: all its equals signs are escapes that
/// this encoding needs, some of them of text in UTF-8.
pub fn unlabelled_quoted(text: &str) -> Option<Vec<u8>> {
    let bytes = text.as_bytes();
    if !text.is_ascii() {
        // Somebody tells of such text.
        return None;
    }
    let (mut beyond, mut broken) = (0, false);
    for at in memchr::memchr_iter(b'=', bytes) {
        let rest = &bytes[at + 1..];
        if rest.starts_with(b"\n") || rest.starts_with(b"\r\n") {
            broken = true;
            continue;
        }
        let escape = rest.get(..2).filter(|digits| !digits.iter().any(u8::is_ascii_lowercase))?;
        // Letters and figures need none.
        let byte = u8::from_str_radix(std::str::from_utf8(escape).ok()?, 16).ok();
        beyond += usize::from(!byte.filter(|byte| !byte.is_ascii_alphanumeric())?.is_ascii());
    }
    if beyond < 2 || !broken && beyond < 4 {
        return None;
    }
    let decoded = header::quoted_printable(bytes);
    std::str::from_utf8(&decoded).is_ok().then_some(decoded)
}

/// No words at all: lines without a space in which letters, capitals and figures are mixed as only encoded data has
/// them.
pub fn noise(text: &str) -> bool {
    let (mut all, mut noise, mut lines) = (0, 0, 0);
    for line in text.lines().map(str::trim) {
        all += line.len();
        if is_noise(line) {
            noise += line.len();
            lines += 1;
        }
    }
    lines >= NOISE_LINES && noise * 10 >= all * 8
}

fn is_noise(line: &str) -> bool {
    let count = |of: fn(&u8) -> bool| line.bytes().filter(of).count();
    line.len() >= 40
        && line.bytes().all(|byte| byte.is_ascii_graphic())
        && !line.contains("://")
        && count(|byte| is_base64(*byte)) * 10 >= line.len() * 8
        && count(u8::is_ascii_uppercase) * 8 >= line.len()
        && count(u8::is_ascii_lowercase) * 8 >= line.len()
        && count(u8::is_ascii_digit) > 0
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}

/// The bytes of base64 that hold text: legible, in more than one word.
fn text_of(data: &[u8]) -> Option<Vec<u8>> {
    let decoded = header::base64(data);
    let text = std::str::from_utf8(&decoded).is_ok()
        || decoded.iter().filter(|byte| byte.is_ascii()).count() * 4 >= decoded.len() * 3;
    (text && legible(&decoded) && decoded.trim_ascii().contains(&b' ')).then_some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELLO: &str =
        "SGVsbG8sIGNhbXBhaWduIDQ4MjEzIHNob3dzIG5vIGNsaWNrcyBzaW5jZSBGcmlkYXkuIFBs\nZWFzZSBjaGVjayBpdC4=";
    const WORDS: &str = "Hello, campaign 48213 shows no clicks since Friday. Please check it.";

    #[test]
    fn quoted_printable_without_its_label() {
        let read = |text: &str| unlabelled_quoted(text).and_then(|bytes| String::from_utf8(bytes).ok());
        assert_eq!(read("Es l=C3=A4uft=\n nichts =3D 0 =E2=82=AC=2E").as_deref(), Some("Es läuft nichts = 0 €."));
        for text in [
            "see https://acme.example/?id=48213&b=C3",
            "a = b, c =C3=A4",
            "the page says l=C3uft",
            "=3D is an equals sign",
            "x=E4=F6=FC",
            "the report says M=C3=BCller, =C3=84rzte, not Müller",
            "the report says M=C3=BCller",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn base64_that_holds_text() {
        let read = |bytes: Option<Vec<u8>>| bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        assert_eq!(read(unlabelled(HELLO)).as_deref(), Some(WORDS));
        assert_eq!(
            read(footed(format!("{HELLO}\n\n-- \nthe list, see below\n").as_bytes())),
            Some(format!("{WORDS}\n\n-- \nthe list, see below"))
        );
        for other in ["hello", "", "Campaign", "hello\nthere", HELLO.get(..40).unwrap_or_default()] {
            assert_eq!(read(unlabelled(other)), None, "{other}");
        }
        assert_eq!(read(footed(b"Campaign 48213 shows no clicks.\n")), None);
        assert_eq!(read(footed(HELLO.as_bytes())), None);
    }

    #[test]
    fn noise_is_no_text() {
        let line = "RCCCPP3m8cJrMPkOx90B5Ih1NKIPCw0Ew27YDnHg/XewdnDrl!vVM1+XParYYZuR/8kR9XzO1Fi7\n";
        assert!(noise(&line.repeat(4)));
        assert!(noise(&format!("Hello\n\n{}\nJane", line.repeat(9))));
        for text in [
            line.repeat(3),
            format!(
                "Hello, the key below is refused since Friday, what can we do about it, please?\n{}",
                line.repeat(4)
            ),
            "https://x.example/a?Key=RCCCPP3m8cJrMPkOx90B5Ih1NKIPCw0Ew27YDnHg\n".repeat(5),
            "the campaign shows no clicks since Friday and nobody tells us why\n".repeat(5),
            "お世話になっております。キャンペーンのクリックが表示されません。\n".repeat(5),
            String::new(),
        ] {
            assert!(!noise(&text), "{text}");
        }
    }
}
