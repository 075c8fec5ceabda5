//! Files that stand uuencoded in a text (POSIX `uuencode`: `begin 644 name` … `end`), as old mail programs attach them.
//!
//! Only what decodes is taken for a file; a sentence that starts with "begin" stays text.

use std::borrow::Cow;

/// Files taken from one text.
const MOST_FILES: usize = 100;

/// A file and its name as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// The name behind `begin 644`.
    pub name: String,
    /// The decoded bytes.
    pub content: Vec<u8>,
}

/// Parts a text from the files that stand in it.
pub fn take(text: &str) -> (Cow<'_, str>, Vec<File>) {
    if !text.starts_with("begin ") && memchr::memmem::find(text.as_bytes(), b"\nbegin ").is_none() {
        return (Cow::Borrowed(text), Vec::new());
    }
    let mut files = Vec::new();
    let mut rest = String::with_capacity(text.len());
    let mut lines = text.split_inclusive('\n');
    while let Some(line) = lines.next() {
        let name = begins(line).filter(|_| files.len() < MOST_FILES);
        match name.and_then(|name| file(name, lines.clone())) {
            Some((found, count)) => {
                files.push(found);
                lines.by_ref().take(count).for_each(drop);
            }
            None => rest.push_str(line),
        }
    }
    if files.is_empty() { (Cow::Borrowed(text), files) } else { (Cow::Owned(rest), files) }
}

/// The file name of a `begin` line.
fn begins(line: &str) -> Option<&str> {
    let (mode, name) = line.strip_prefix("begin ")?.trim_end().split_once(' ')?;
    ((3..=4).contains(&mode.len()) && mode.bytes().all(|b| (b'0'..=b'7').contains(&b)) && !name.trim().is_empty())
        .then(|| name.trim())
}

/// Decodes the lines below a `begin`: the file, and how many lines it took. `None` when they are no file.
fn file<'a>(name: &str, lines: impl Iterator<Item = &'a str>) -> Option<(File, usize)> {
    let mut content = Vec::new();
    let mut count = 0;
    let mut over = false;
    for line in lines {
        let line = line.trim_end_matches(['\r', '\n']);
        count += 1;
        if line.trim_end() == "end" {
            return (!content.is_empty() || over).then(|| (File { name: name.to_owned(), content }, count));
        }
        if over {
            return None;
        }
        over = matches!(line.trim_end(), "" | "`");
        if !over {
            decode(line.as_bytes(), &mut content)?;
        }
    }
    // Cut short on its way: what came is kept.
    (!content.is_empty()).then(|| (File { name: name.to_owned(), content }, count))
}

/// One line: a length character, then four characters for three bytes.
fn decode(line: &[u8], content: &mut Vec<u8>) -> Option<()> {
    if !line.iter().all(|b| (0x20..=0x60).contains(b)) {
        return None;
    }
    let (length, data) = line.split_first()?;
    let length = usize::from((length - 0x20) & 0x3f);
    let wanted = length.div_ceil(3) * 4;
    // Trailing spaces get lost; a checksum may follow.
    if length == 0 || data.len() > wanted + 2 || data.len() + 3 < wanted {
        return None;
    }
    let end = content.len() + length;
    let six = |at: usize| u32::from((data.get(at).copied().unwrap_or(0x20) - 0x20) & 0x3f);
    for group in 0..wanted / 4 {
        let bits = (0..4).fold(0, |bits, at| bits << 6 | six(group * 4 + at));
        content.extend_from_slice(&bits.to_be_bytes()[1..]);
    }
    content.truncate(end);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, rest: &str, files: &[(&str, &[u8])]) {
        let (got, found) = take(text);
        let found: Vec<(&str, &[u8])> =
            found.iter().map(|file| (file.name.as_str(), file.content.as_slice())).collect();
        assert_eq!((&*got, found.as_slice()), (rest, files));
    }

    #[test]
    fn files_are_parted_from_the_text() {
        check("see\nbegin 644 a b.txt\n#0V%T\n`\nend\nbye\n", "see\nbye\n", &[("a b.txt", b"Cat")]);
        check("begin 0600 x\r\n#0V%T\r\n`\r\nend\r\n", "", &[("x", b"Cat")]);
        check("begin 644 cut\n#0V%T\n", "", &[("cut", b"Cat")]);
        check("begin 644 none\n`\nend\n", "", &[("none", b"")]);
    }

    #[test]
    fn words_stay_words() {
        for text in [
            "begin with campaign 48213\nplease\nend",
            "begin 644 cars\nplease count them\nend\n",
            "begin 644 x\nbegin 644 y\n",
            "begin 644 x\n",
            "we begin 644 x\n#0V%T\n`\nend\n",
        ] {
            check(text, text, &[]);
        }
    }
}
