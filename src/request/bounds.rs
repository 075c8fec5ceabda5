//! Bounds on the raw bytes, checked before any parser sees them: size, header count and size, line length, parts, depth.
//!
//! One pass, linear, no recursion. mail-parser recurses when it drops nested messages; nothing that could overflow
//! its stack gets past here: besides the depth that this walk sees, every line that could declare a part is counted.

use std::borrow::Cow;

use memchr::{memchr, memmem};

use super::{Bounds, Refusal};

/// How many bytes a parser may have to search again because a declared boundary never comes.
const LONGEST_SEARCH: usize = 4 << 30;

/// One level of MIME structure that the walk stands in.
struct Level {
    /// The boundary that separates its parts; `None` for `message/rfc822`.
    boundary: Option<Vec<u8>>,
}

/// Checks a raw mail. `Err` says which bound it is over; `Ok` holds the offsets of all lines that may be a Content-Type.
pub fn check(raw: &[u8], bounds: &Bounds) -> Result<Vec<usize>, Refusal> {
    over("bytes", raw.len(), bounds.size_bytes)?;
    let mut levels: Vec<Level> = Vec::new();
    let (mut parts, mut multiparts) = (1, 0);
    let mut declared: Vec<usize> = Vec::new();
    let mut head = Head::default();
    let mut in_head = true;
    let mut rest = raw;
    while !rest.is_empty() {
        let end = memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
        let line = rest[..end].trim_ascii_end();
        if line.len() > bounds.line_bytes {
            over("bytes in one line", line.len(), bounds.line_bytes)?;
        }
        // Whatever the walk takes it for: mail-parser might see a header here.
        let start = line.trim_ascii_start();
        if start.len() >= 12 && start[..12].eq_ignore_ascii_case(b"content-type") {
            declared.push(raw.len() - rest.len());
            over("declared parts", declared.len(), bounds.parts)?;
        }
        rest = &rest[end..];
        if let Some(upto) = closes(line, &levels) {
            levels.truncate(upto.0);
            in_head = !upto.1;
            head = Head::default();
            if !upto.1 {
                parts += 1;
                over("parts", parts, bounds.parts)?;
            }
            continue;
        }
        if !in_head {
            continue;
        }
        if !line.is_empty() {
            head.take(line);
            over("header lines", head.lines, bounds.headers)?;
            over("bytes of headers", head.bytes, bounds.header_bytes)?;
            continue;
        }
        match std::mem::take(&mut head).kind() {
            Kind::Multipart(boundary) => {
                multiparts += 1;
                levels.push(Level { boundary: Some(boundary) });
                in_head = false;
            }
            Kind::Message => levels.push(Level { boundary: None }),
            Kind::Leaf => in_head = false,
        }
        over("levels of nesting", levels.len(), bounds.depth)?;
    }
    if multiparts > 16 && multiparts * raw.len() > LONGEST_SEARCH {
        return Err(Refusal { reason: format!("{multiparts} multiparts in {} bytes, too many to search", raw.len()) });
    }
    Ok(declared)
}

/// Takes the sting out of what mail-parser would unpack by itself, where no bound is checked: encoded
/// `message/rfc822` parts become plain attachments, a digest becomes a multipart/mixed. Lengths do not change.
/// `declared` is what [`check`] returned.
pub fn defuse<'a>(raw: &'a [u8], declared: &[usize]) -> Cow<'a, [u8]> {
    let mut out = Cow::Borrowed(raw);
    for start in declared {
        // The header with its folded lines, and the block that it stands in.
        let lines = |from: usize| raw[from..].split_inclusive(|b| *b == b'\n');
        let mut end = *start;
        for (at, line) in lines(*start).enumerate().take(64) {
            if at > 0 && !line.starts_with(b" ") && !line.starts_with(b"\t") {
                break;
            }
            end += line.len();
        }
        let value = raw[*start..end].to_ascii_lowercase();
        if let Some(at) = memmem::find(&value, b"digest") {
            out.to_mut()[start + at..start + at + 6].copy_from_slice(b"mixed ");
        }
        let Some(at) = memmem::find(&value, b"message/") else { continue };
        let head = memmem::rfind(&raw[..*start], b"\n\n").max(memmem::rfind(&raw[..*start], b"\n\r\n")).unwrap_or(0);
        let mut stop = end;
        for line in lines(end).take_while(|line| !line.trim_ascii().is_empty()) {
            stop += line.len();
        }
        let block = raw[head..stop].to_ascii_lowercase();
        let encoded = memmem::find(&block, b"content-transfer-encoding").is_some_and(|at| {
            memmem::find(&block[at..], b"base64").is_some() || memmem::find(&block[at..], b"quoted-printable").is_some()
        });
        if encoded {
            out.to_mut()[start + at] = b'x';
        }
    }
    out
}

fn over(what: &str, got: usize, bound: usize) -> Result<(), Refusal> {
    if got > bound {
        return Err(Refusal { reason: format!("{got} {what}, over the bound of {bound}") });
    }
    Ok(())
}

/// Whether the line is the boundary of an open level: how many levels stay open, and whether it was the last one there.
fn closes(line: &[u8], levels: &[Level]) -> Option<(usize, bool)> {
    let rest = line.strip_prefix(b"--")?;
    levels.iter().enumerate().rev().find_map(|(at, level)| {
        let after = rest.strip_prefix(level.boundary.as_deref()?)?;
        let last = after.starts_with(b"--");
        (after.is_empty() || last).then_some((if last { at } else { at + 1 }, last))
    })
}

enum Kind {
    Multipart(Vec<u8>),
    Message,
    Leaf,
}

/// What the walk remembers of a header block.
#[derive(Default)]
struct Head {
    lines: usize,
    bytes: usize,
    /// The unfolded Content-Type, in lower case except for the boundary's value.
    content_type: Vec<u8>,
    /// The last header line was (part of) the Content-Type.
    in_type: bool,
    /// The part is base64 or quoted-printable: what stands in it is no header block here.
    encoded: bool,
}

impl Head {
    fn take(&mut self, line: &[u8]) {
        self.lines += 1;
        self.bytes += line.len();
        if line.first().is_some_and(|b| b" \t".contains(b)) {
            if self.in_type && self.content_type.len() < 4096 {
                self.content_type.extend_from_slice(line);
            }
            return;
        }
        self.in_type =
            line.len() > 12 && line[..12].eq_ignore_ascii_case(b"content-type") && self.content_type.is_empty();
        if line.len() > 25 && line[..25].eq_ignore_ascii_case(b"content-transfer-encoding") {
            let value = line[25..].to_ascii_lowercase();
            self.encoded |=
                [&b"base64"[..], b"quoted-printable"].iter().any(|name| memmem::find(&value, name).is_some());
        }
        if self.in_type {
            self.content_type.extend_from_slice(line[12..].trim_ascii_start().strip_prefix(b":").unwrap_or_default());
        }
    }

    fn kind(self) -> Kind {
        let lower = self.content_type.to_ascii_lowercase();
        let value = lower.trim_ascii_start();
        if value.starts_with(b"message/rfc822") || value.starts_with(b"message/global") {
            return if self.encoded { Kind::Leaf } else { Kind::Message };
        }
        if !value.starts_with(b"multipart/") {
            return Kind::Leaf;
        }
        boundary(&self.content_type).map_or(Kind::Leaf, |boundary| Kind::Multipart(boundary.to_vec()))
    }
}

/// The boundary that a Content-Type names (RFC 2046 §5.1.1).
pub(super) fn boundary(content_type: &[u8]) -> Option<&[u8]> {
    let at = memmem::find(&content_type.to_ascii_lowercase(), b"boundary")?;
    let after = content_type[at + 8..].trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
    let boundary = match after.strip_prefix(b"\"") {
        Some(quoted) => quoted.split(|b| *b == b'"').next(),
        None => after.split(|b| b" \t\r\n;".contains(b)).next(),
    };
    boundary.filter(|boundary| !boundary.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_reason(raw: &[u8], expected: Option<&str>) {
        let got = check(raw, &Bounds::default()).err().map(|refusal| refusal.reason);
        match expected {
            None => assert_eq!(got, None),
            Some(words) => assert!(got.as_deref().is_some_and(|r| r.contains(words)), "{got:?} lacks {words:?}"),
        }
    }

    #[test]
    fn bombs_are_refused_before_anything_is_parsed() {
        check_reason(&b"Content-Type: message/rfc822\r\n\r\n".repeat(22_000), Some("levels of nesting"));
        let mut folded = Vec::new();
        for _ in 0..22_000 {
            folded.extend_from_slice(b" Content-Type:\r\n message/(x)rfc822\r\n\r\n");
        }
        check_reason(&folded, Some("declared parts"));
        check_reason(&b"X: y\r\n".repeat(300_000), Some("header lines"));
        check_reason(&[&b"X: "[..], &vec![b'a'; 600_000], b"\r\n\r\n"].concat(), Some("bytes of headers"));
        let mut many = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n".to_vec();
        many.extend(b"--b\r\n\r\nhello\r\n".repeat(10_000));
        check_reason(&many, Some("parts"));
        check_reason(&[&b"X: y\r\n\r\n"[..], &vec![b'a'; 17 << 20]].concat(), Some("bytes in one line"));
    }

    #[test]
    fn encoded_messages_are_not_unpacked() {
        let raw = b"Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\nContent-Transfer-Encoding: BASE64\r\nContent-Type:\r\n Message/RFC822\r\n\r\nYQ==\r\n--b--\r\n";
        let declared = check(raw, &Bounds::default()).unwrap_or_default();
        let defused = String::from_utf8_lossy(&defuse(raw, &declared)).into_owned();
        assert!(defused.contains("multipart/mixed ;") && defused.contains("xessage/RFC822"), "{defused}");
        assert_eq!(defused.len(), raw.len());
        let plain = b"Content-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\nhello";
        assert_eq!(defuse(plain, &[0]).as_ref(), plain);
    }

    #[test]
    fn nested_multiparts_count_as_levels() {
        let mut deep = Vec::new();
        for level in 0..30 {
            deep.extend(format!("Content-Type: multipart/mixed; boundary=\"b{level}\"\r\n\r\n--b{level}\r\n").bytes());
        }
        check_reason(&deep, Some("levels of nesting"));
    }

    #[test]
    fn ordinary_mail_passes() {
        check_reason(b"From: a@b.example\r\n\r\nhello\r\n", None);
        check_reason(b"", None);
        let mut digest = b"Content-Type: multipart/digest; boundary=d\r\n\r\n".to_vec();
        digest.extend(b"--d\r\nContent-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\nhello\r\n".repeat(100));
        check_reason(&digest, None);
    }
}
