//! A raw mail made ready for the parser: its beginning tidied, a missing blank line and a lost boundary found again.
//!
//! Bounds are checked here, before and after a repair; nothing that is over them gets past.

use std::borrow::Cow;

use memchr::{memchr, memmem};

use super::{Bounds, Refusal, bounds, header};

/// How many lines of a body are looked at for a boundary that its header does not name.
const SEARCHED_LINES: usize = 2_000;

/// The mail as the parser may have it, and what was repaired.
pub fn prepared<'a>(raw: &'a [u8], limits: &Bounds) -> Result<(Cow<'a, [u8]>, Vec<String>), Refusal> {
    let (mut raw, repaired) = header::tidied(raw);
    let mut oddities: Vec<String> = repaired.into_iter().map(str::to_owned).collect();
    if let Some(at) = missing_break(&raw) {
        raw = Cow::Owned([&raw[..at], b"\n", &raw[at..]].concat());
        oddities.push("no blank line between headers and text".to_owned());
    }
    let mut declared = bounds::check(&raw, limits)?;
    if let Some(mended) = declared.first().and_then(|first| rebound(&raw, *first)) {
        declared = bounds::check(&mended, limits)?;
        raw = Cow::Owned(mended);
        oddities.push("a multipart whose boundary is not the one that it declares".to_owned());
    }
    let defused = match bounds::defuse(&raw, &declared) {
        Cow::Owned(bytes) => Some(bytes),
        Cow::Borrowed(_) => None,
    };
    Ok((defused.map_or(raw, Cow::Owned), oddities))
}

/// Where the text begins of a mail without a blank line after its headers: the first line of the header block that is
/// no header, behind the last one that a mail has (as Python's `email` reads it).
fn missing_break(raw: &[u8]) -> Option<usize> {
    let (mut at, mut known, mut found) = (0, false, None);
    while at < raw.len() {
        let end = memchr(b'\n', &raw[at..]).map_or(raw.len(), |n| at + n + 1);
        let line = raw[at..end].trim_ascii_end();
        if line.is_empty() {
            break;
        }
        if !matches!(line[0], b' ' | b'\t') {
            let name = memchr(b':', line).map(|colon| line[..colon].trim_ascii_end());
            let name = name.filter(|name| !name.is_empty() && name.iter().all(u8::is_ascii_graphic));
            match name.and_then(|name| std::str::from_utf8(name).ok()) {
                Some(name) if (known && found.is_none()) || header::is_of_mail(name) => {
                    (known, found) = (true, None);
                }
                None if known && found.is_none() && memchr(b' ', line).is_some() => found = Some(at),
                _ => {}
            }
        }
        at = end;
    }
    found
}

/// A mail whose header declares a multipart by a boundary that never comes, or by none, with the one that its parts
/// have. `first` is the offset of its first Content-Type line.
fn rebound(raw: &[u8], first: usize) -> Option<Vec<u8>> {
    let lines = |from: usize| raw[from..].split_inclusive(|byte| *byte == b'\n');
    let blank = |line: &[u8]| line.trim_ascii().is_empty();
    if lines(0).map_while(|line| (!blank(line)).then_some(line.len())).sum::<usize>() <= first {
        // It stands in the text.
        return None;
    }
    let folded = |(at, line): &(usize, &[u8])| *at == 0 || matches!(line.first(), Some(b' ' | b'\t'));
    let end = first + lines(first).enumerate().take_while(folded).map(|(_, line)| line.len()).sum::<usize>();
    let field = &raw[first..end];
    let value = field[12..].trim_ascii_start().strip_prefix(b":")?.trim_ascii_start();
    if !value.get(..10)?.eq_ignore_ascii_case(b"multipart/") {
        return None;
    }
    let head: usize = end + lines(end).take_while(|line| !blank(line)).map(<[u8]>::len).sum::<usize>();
    if let Some(boundary) = bounds::boundary(field)
        && memmem::find(&raw[head..], &[&b"\n--"[..], boundary].concat()).is_some()
    {
        return None;
    }
    let mark = |line: &[u8]| {
        let boundary = line.trim_ascii_end().strip_prefix(b"--")?;
        let sound = (1..=70).contains(&boundary.len()) && boundary.iter().all(|b| b.is_ascii_graphic() && *b != b'"');
        sound.then(|| boundary.to_vec())
    };
    // A part begins with its headers, or with a blank line when it has none.
    let begins = |headed: bool| {
        let pairs = lines(head).zip(lines(head).skip(1)).take(SEARCHED_LINES);
        pairs.into_iter().find_map(|(line, next)| {
            let follows = if headed {
                next.get(..8).is_some_and(|start| start.eq_ignore_ascii_case(b"content-"))
            } else {
                blank(next)
            };
            mark(line).filter(|_| follows)
        })
    };
    let boundary = begins(true).or_else(|| begins(false))?;
    let kind = value.split(|b| *b == b';' || b.is_ascii_whitespace()).next()?;
    Some([&raw[..first], b"Content-Type: ", kind, b"; boundary=\"", &boundary, b"\"\n", &raw[end..]].concat())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn check(raw: &str, expected: &str, oddity: &str) {
        let (got, oddities) = prepared(raw.as_bytes(), &Bounds::default()).unwrap();
        assert_eq!(String::from_utf8_lossy(&got), expected);
        assert_eq!(oddities.join("; "), oddity);
    }

    #[test]
    fn text_that_follows_the_headers_at_once() {
        let oddity = "no blank line between headers and text";
        check("From: a\nSubject: x\nhello there\nmore\n", "From: a\nSubject: x\n\nhello there\nmore\n", oddity);
        check("From: a\nhello there\nID: 7\n\nmore", "From: a\n\nhello there\nID: 7\n\nmore", oddity);
        for sound in [
            "From: a\nSubject: x\n\nhello there\n",
            "From a Mon Apr 7\nFrom: a\n\nhello there",
            "From: a\nbroken folding here\nSubject: x\n\nhello",
            "hello there\n\nmore: words",
            "From: a\n folded words\n\nhello",
        ] {
            check(sound, sound, "");
        }
    }

    #[test]
    fn boundaries_that_the_header_does_not_name() {
        let oddity = "a multipart whose boundary is not the one that it declares";
        let body = "\n\n--b\nContent-Type: text/plain\n\nhello\n--b--\n";
        for declared in [
            "Content-Type: multipart/mixed",
            "Content-Type: multipart/mixed;\n boundary=zzz",
            "content-type: multipart/mixed; boundary=\"b \"",
        ] {
            let mended = format!("From: a\nContent-Type: multipart/mixed; boundary=\"b\"{body}");
            check(&format!("From: a\n{declared}{body}"), &mended, oddity);
        }
        for sound in [
            format!("From: a\nContent-Type: multipart/mixed; boundary=b{body}"),
            format!("From: a\n\nContent-Type: multipart/mixed{body}"),
            "From: a\nContent-Type: multipart/mixed\n\nhello -- there\n-- \n\nJane".to_owned(),
        ] {
            check(&sound, &sound, "");
        }
    }
}
