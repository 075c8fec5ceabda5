//! The header block of a mail as people's programs write it: folded, raw 8-bit, with encoded words well and badly made.
//!
//! Decoded values are one line: CR, LF, NUL and other control characters cannot come out of a header, so nothing that
//! is later written into another mail can start a header of its own.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use memchr::memchr;

use super::{charset, encoded};

/// Base64 as mail has it: padding missing or not, stray bits.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The headers of one message or part, in order, undecoded.
#[derive(Debug, Default)]
pub struct Headers<'a> {
    list: Vec<(&'a str, &'a [u8])>,
}

impl<'a> Headers<'a> {
    /// Reads the block up to the first blank line. Lines that are no header are skipped.
    pub fn parse(raw: &'a [u8]) -> Headers<'a> {
        let mut list: Vec<(&str, &[u8])> = Vec::with_capacity(24);
        let mut at = 0;
        while at < raw.len() {
            // A header ends where a line ends that no folded line follows (RFC 5322 §2.2.3).
            let mut end = at;
            let blank = loop {
                let stop = memchr(b'\n', &raw[end..]).map_or(raw.len(), |n| end + n + 1);
                let line = &raw[end..stop];
                let blank = line.trim_ascii_end().is_empty() && end == at;
                end = stop;
                if blank || end >= raw.len() || !matches!(raw[end], b' ' | b'\t') {
                    break blank;
                }
            };
            if blank {
                break;
            }
            let field = &raw[at..end];
            at = end;
            if let Some(colon) = memchr(b':', field)
                && let Ok(name) = std::str::from_utf8(field[..colon].trim_ascii())
                && !name.is_empty()
                && name.bytes().all(|b| b.is_ascii_graphic())
            {
                list.push((name, field[colon + 1..].trim_ascii()));
            }
        }
        Headers { list }
    }

    /// The undecoded values of the headers with this name, in order.
    pub fn raw<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'a [u8]> + 's {
        self.list.iter().filter(move |(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }

    /// The first header with this name: unfolded, in UTF-8, encoded words still encoded.
    pub fn plain(&self, name: &str) -> Option<Cow<'a, str>> {
        self.raw(name).next().map(|value| unfold(value).0)
    }

    /// The first header with this name, decoded to one line.
    pub fn text(&self, name: &str) -> Option<String> {
        self.plain(name).map(|value| decoded(&value))
    }

    /// All headers with this name, each as [`structured`] has it.
    pub fn structured<'s>(&'s self, name: &'s str) -> impl Iterator<Item = String> + 's {
        self.raw(name).map(|value| structured(&unfold(value).0))
    }

    /// Whether a header with this name is there.
    pub fn has(&self, name: &str) -> bool {
        self.raw(name).next().is_some()
    }

    /// Whether these are the headers of a mail, and not the first lines of somebody's text ("Problem: no clicks").
    pub fn are_of_mail(&self) -> bool {
        self.list.iter().any(|(name, _)| is_of_mail(name))
    }

    /// All names and undecoded values.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a [u8])> + '_ {
        self.list.iter().copied()
    }
}

/// Whether mail has headers of this name.
pub(super) fn is_of_mail(name: &str) -> bool {
    const KNOWN: [&str; 24] = [
        "From",
        "To",
        "Cc",
        "Bcc",
        "Subject",
        "Date",
        "Sender",
        "Reply-To",
        "Message-ID",
        "In-Reply-To",
        "References",
        "Received",
        "Return-Path",
        "Delivered-To",
        "Envelope-To",
        "MIME-Version",
        "Precedence",
        "Auto-Submitted",
        "Importance",
        "Priority",
        "Authentication-Results",
        "DKIM-Signature",
        "Status",
        "User-Agent",
    ];
    const BEGINNINGS: [&str; 5] = ["X-", "Content-", "List-", "Resent-", "ARC-"];
    KNOWN.iter().any(|known| known.eq_ignore_ascii_case(name))
        || BEGINNINGS.iter().any(|start| name.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start)))
}

/// A raw mail as its headers can be read: without a byte order mark or blank lines before them, its lines ended. The
/// second value says what was repaired.
pub fn tidied(raw: &[u8]) -> (Cow<'_, [u8]>, Option<&'static str>) {
    if memchr(b'\n', raw).is_none() && memchr(b'\r', raw).is_some() {
        // Old programs ended lines with a bare CR.
        let lines = raw.iter().map(|byte| if *byte == b'\r' { b'\n' } else { *byte }).collect::<Vec<u8>>();
        return (Cow::Owned(lines), Some("lines ended by bare CR"));
    }
    let rest = raw.strip_prefix(b"\xef\xbb\xbf").unwrap_or(raw);
    let rest = &rest[rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count()..];
    if rest.len() == raw.len() || !Headers::parse(rest).are_of_mail() {
        return (Cow::Borrowed(raw), None);
    }
    let marked = raw.starts_with(b"\xef\xbb\xbf");
    let oddity = if marked { "a byte order mark before the headers" } else { "blank lines before the headers" };
    (Cow::Borrowed(rest), Some(oddity))
}

/// Takes the folding out and decodes raw 8-bit bytes; the second value says what was repaired.
pub fn unfold(raw: &[u8]) -> (Cow<'_, str>, Option<String>) {
    // An escape may switch to another charset (ISO-2022).
    let switched = memchr::memmem::find(raw, b"\x1b$").is_some();
    let (text, oddity) = if raw.is_ascii() && !switched {
        (std::str::from_utf8(raw).map_or(Cow::Borrowed(""), Cow::Borrowed), None)
    } else if let (Ok(text), false) = (std::str::from_utf8(raw), switched) {
        // Raw UTF-8 in headers is RFC 6532, no repair.
        (Cow::Borrowed(text), None)
    } else {
        charset::decode(raw, None)
    };
    if !text.bytes().any(|b| b < 0x20) {
        return (text, oddity);
    }
    let mut line = String::with_capacity(text.len());
    for part in text.split(['\r', '\n']).filter(|part| !part.trim().is_empty()) {
        let part = part.trim_matches(['\t', ' ']);
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(part);
    }
    (Cow::Owned(line), oddity)
}

/// An unstructured header value (RFC 5322 §2.2.1), encoded words decoded, one line.
pub fn decoded(value: &str) -> String {
    match encoded::decode(value) {
        Some(text) => one_line(&text),
        None => one_line(value),
    }
}

/// A structured header value (RFC 5322 §3.2) as its words say it: comments are gone, with all that is nested in them, and so
/// are the marks of quoted strings. Whatever parts words stands as U+FFFD where it was quoted: it parts nothing.
pub fn structured(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let (mut comments, mut quoted) = (0_u32, false);
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        let (c, escaped) = match c {
            '\\' if quoted || comments > 0 => (chars.next().unwrap_or(c), true),
            c => (c, false),
        };
        match c {
            '"' if !escaped && comments == 0 => quoted = !quoted,
            '(' if !escaped && !quoted => comments += 1,
            ')' if !escaped && !quoted && comments > 0 => {
                comments -= 1;
                // A comment parts words as white space does.
                out.push(' ');
            }
            _ if comments > 0 => {}
            c if quoted && !(c.is_alphanumeric() || "-._@+".contains(c)) => out.push(char::REPLACEMENT_CHARACTER),
            c => out.push(c),
        }
    }
    out
}

/// One line: control characters are gone, line ends and runs of white space are one space, outer space is gone.
pub fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    let mut gap = false;
    for c in text.chars() {
        if c.is_whitespace() || c == '\u{2028}' || c == '\u{2029}' {
            gap = true;
        } else if !c.is_control() && c != '\u{feff}' {
            if gap && !line.is_empty() {
                line.push(' ');
            }
            gap = false;
            line.push(c);
        }
    }
    line
}

/// Lenient base64: whatever is no base64 is skipped, a broken end is dropped.
pub fn base64(data: &[u8]) -> Vec<u8> {
    let mut clean: Vec<u8> =
        data.iter().copied().filter(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/')).collect();
    if clean.len() % 4 == 1 {
        clean.pop();
    }
    LENIENT.decode(&clean).unwrap_or_default()
}

/// Lenient quoted-printable: soft line breaks undone, bad escapes kept as they stand.
pub fn quoted_printable(data: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(data.len());
    let mut at = 0;
    while at < data.len() {
        if data[at] != b'=' {
            out.push(data[at]);
            at += 1;
            continue;
        }
        let rest = &data[at + 1..];
        if let [high, low, ..] = rest
            && let (Some(high), Some(low)) = ((*high as char).to_digit(16), (*low as char).to_digit(16))
        {
            out.push((high * 16 + low) as u8);
            at += 3;
            continue;
        }
        let blank = rest.iter().take_while(|b| matches!(b, b' ' | b'\t' | b'\r')).count();
        if rest.get(blank) == Some(&b'\n') {
            at += blank + 2;
        } else {
            out.push(b'=');
            at += 1;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: &str, expected: &str) {
        let raw = format!("Subject: {input}\r\nX: y\r\n\r\nSubject: body");
        assert_eq!(Headers::parse(raw.as_bytes()).text("subject").as_deref(), Some(expected), "{input}");
    }

    #[test]
    fn encoded_words_are_decoded_well_and_badly_made() {
        check("Hello", "Hello");
        check("=?utf-8?Q?Gr=C3=BC=C3=9Fe?=", "Grüße");
        check("=?utf-8?B?R3LDvMOfZQ==?=", "Grüße");
        check("=?utf-8?B?R3LDvMOfZQ?=", "Grüße");
        check("=?iso-8859-1?Q?Gr=FC=DFe?= aus =?utf-8?Q?K=C3=B6ln?=", "Grüße aus Köln");
        check("=?utf-8?Q?Gr=C3?= =?utf-8?Q?=BC=C3=9Fe?=", "Grüße");
        check("=?utf-8?Q?Gr=C3?=\r\n =?utf-8?Q?=BC=C3=9Fe?=", "Grüße");
        check("=?utf-8*de?Q?Gr=C3=BC=C3=9Fe?=", "Grüße");
        check("=?utf-8?Q?two words here?=", "two words here");
        check("=?utf-8?Q?no_end", "no end");
        check("a=?utf-8?Q?b?=c", "abc");
        check("=?nonsense", "=?nonsense");
        check("folded\r\n  over\r\n\tlines", "folded over lines");
        check("=?gb2312?B?xOO6ww==?=", "你好");
        check("=?iso-2022-jp?B?GyRCJDMkcxsoQg==?=", "こん");
        check("=?utf-8?Q?=3F=?=", "?=");
        check("=?iso-8859-1?Q?=CF=F0=EE=E2=E5=F0=FC=F2=E5_=EA=E0=EC=EF=E0=ED=E8=FE?=", "Проверьте кампанию");
        check("\u{1b}$B$3$s\u{1b}(B", "こん");
        check("封 =?utf-8?Q?Gr=C3=BC=C3=9Fe?=", "封 Grüße");
    }

    #[test]
    fn no_header_can_come_out_of_a_header() {
        check("=?utf-8?Q?a=0D=0ABcc:_v@x?=", "a Bcc: v@x");
        check("=?utf-8?Q?a=00b?=", "ab");
        check("a\u{1b}[2Jb", "a[2Jb");
    }

    #[test]
    fn raw_bytes_are_read_as_what_they_are() {
        let headers = Headers::parse(b"Subject: Gr\xfc\xdfe aus K\xf6ln\r\n\r\n");
        assert_eq!(headers.text("Subject").as_deref(), Some("Grüße aus Köln"));
        let headers = Headers::parse("Subject: Größe\nnonsense line\nTo: x\n\n".as_bytes());
        assert_eq!(headers.text("SUBJECT").as_deref(), Some("Größe"));
        assert_eq!(headers.text("to").as_deref(), Some("x"));
        assert_eq!(headers.iter().count(), 2);
    }
}
