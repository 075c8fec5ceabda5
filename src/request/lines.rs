//! A body as lines: the one shape in which plain text and HTML are taken apart.
//!
//! A line knows how deep it is quoted and what its HTML said of it. No line is ever dropped or reordered here.

/// What the markup says of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Hint {
    /// Nothing.
    #[default]
    None,
    /// The line that introduces a quote: `gmail_attr`, `moz-cite-prefix`.
    Attribution,
    /// Inside an element that a mail program marks as signature.
    Signature,
    /// Inside an element that a mail program marks as quoted, whatever stands in it.
    Quoted,
}

/// One line of a body: a span of its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Line {
    /// Byte offset of its first byte.
    pub start: usize,
    /// Byte offset after its last byte, line end not counted.
    pub end: usize,
    /// How many quote levels it stands in.
    pub depth: u16,
    /// What the markup says of it.
    pub hint: Hint,
    /// A horizontal rule stands before it.
    pub ruled: bool,
    /// It begins a row of a table.
    pub row: bool,
    /// Its first word has a colour of its own.
    pub tinted: bool,
}

/// A body as text and lines.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Body {
    /// The text, lines ended by `\n`.
    pub text: String,
    /// Its lines, in order.
    pub lines: Vec<Line>,
    /// Link targets and the line each stands in.
    pub links: Vec<(usize, String)>,
    /// Content-IDs of inline images with their alternative texts.
    pub images: Vec<(String, String)>,
    /// The words of pictures that no part holds, and the line each stands in.
    pub pictures: Vec<(usize, String)>,
    /// What was struck out, as far as it is kept.
    pub struck: String,
}

impl Body {
    /// The text of a line, without trailing white space.
    pub fn line(&self, at: usize) -> &str {
        self.lines.get(at).map_or("", |line| &self.text[line.start..line.end])
    }

    /// All lines as one text.
    pub fn joined(&self) -> String {
        (0..self.lines.len()).map(|at| self.line(at)).collect::<Vec<_>>().join("\n")
    }

    /// Whether nothing stands in a line; what lies behind the last one is blank.
    pub fn blank(&self, at: usize) -> bool {
        self.lines.get(at).is_none_or(|line| line.start == line.end)
    }

    /// Plain text: line ends made one, NULs and byte order marks gone, no-break spaces made spaces, `>` counted.
    pub fn plain(text: &str) -> Body {
        // What is not kept as it is, or the first byte of what may not be.
        let odd = |b: u8| matches!(b, 0 | 0xb | 0xc | 0xc2 | 0xe2 | 0xef);
        let bytes = text.as_bytes();
        let any = memchr::memchr3(0, 0xb, 0xc, bytes).or_else(|| memchr::memchr3(0xc2, 0xe2, 0xef, bytes)).is_some();
        let mut clean = String::with_capacity(text.len());
        let mut lines = Vec::with_capacity(text.len() / 40 + 1);
        let mut rest = Some(text);
        while let Some(text) = rest {
            let end = memchr::memchr(b'\n', text.as_bytes());
            let line = &text[..end.unwrap_or(text.len())];
            rest = end.map(|end| &text[end + 1..]);
            let line = line.strip_suffix('\r').unwrap_or(line);
            let start = clean.len();
            let mut push = |start: usize, piece: &str| {
                let kept = piece.trim_end();
                lines.push(Line { start, end: start + kept.len(), depth: depth(kept).0, ..Line::default() });
            };
            if memchr::memchr(b'\r', line.as_bytes()).is_none() && !(any && line.bytes().any(odd)) {
                clean.push_str(line);
                push(start, line);
            } else {
                for c in line.chars() {
                    match c {
                        '\0' | '\u{feff}' => {}
                        '\u{a0}' | '\u{202f}' => clean.push(' '),
                        // A bare CR, a vertical tab and their like end a line too.
                        '\r' | '\u{2028}' | '\u{b}' | '\u{c}' => clean.push('\n'),
                        _ => clean.push(c),
                    }
                }
                let mut from = start;
                for piece in clean[start..].split('\n') {
                    push(from, piece);
                    from += piece.len() + 1;
                }
            }
            clean.push('\n');
        }
        // The last line has no end of its own.
        clean.pop();
        Body { text: clean, lines, ..Body::default() }
    }

    /// format=flowed (RFC 3676): a line that ends in a space goes on in the next one of the same quote depth.
    pub fn flowed(text: &str, delsp: bool) -> Body {
        let text = text.replace("\r\n", "\n");
        let mut out = String::with_capacity(text.len());
        let mut open: Option<u16> = None;
        for line in text.split('\n') {
            let (level, content) = depth(line);
            let stuffed = if level == 0 { line.strip_prefix(' ').unwrap_or(line) } else { content };
            let signature = stuffed == "-- ";
            match open {
                Some(before) if before == level && !signature => {}
                _ => {
                    if !out.is_empty() || open.is_some() {
                        out.push('\n');
                    }
                    if level > 0 {
                        out.extend(std::iter::repeat_n('>', usize::from(level)));
                        out.push(' ');
                    }
                }
            }
            let flows = stuffed.ends_with(' ') && !signature;
            out.push_str(if flows && delsp { &stuffed[..stuffed.len() - 1] } else { stuffed });
            open = flows.then_some(level);
            if !flows && stuffed.is_empty() && out.is_empty() {
                out.push('\n');
            }
        }
        Body::plain(&out)
    }

    /// Whether nothing but white space stands in it.
    pub fn is_blank(&self) -> bool {
        self.lines.iter().all(|line| line.start == line.end || self.text[line.start..line.end].trim().is_empty())
    }
}

/// How many `>` a line starts with, spaces between them allowed, and what follows them (one space taken off).
pub fn depth(line: &str) -> (u16, &str) {
    let mut level: u16 = 0;
    let mut rest = line;
    loop {
        let trimmed = if level == 0 { rest.trim_start_matches(' ') } else { rest.strip_prefix(' ').unwrap_or(rest) };
        // A word such as `>10%` at a line's start is rare enough; `->` and `=>` do not start with `>`.
        match trimmed.strip_prefix('>').or_else(|| trimmed.strip_prefix("&gt;")) {
            // `>>> https://… <<<` is decoration.
            Some(_) if level == 0 && line.ends_with("<<") => return (0, line),
            Some(after) => {
                level = level.saturating_add(1);
                rest = after;
            }
            None if level == 0 => return (0, line),
            None => return (level, rest.strip_prefix(' ').unwrap_or(rest)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(&str, u16)]) {
        let body = Body::plain(text);
        let got: Vec<(&str, u16)> = (0..body.lines.len()).map(|at| (body.line(at), body.lines[at].depth)).collect();
        assert_eq!(got, expected);
    }

    #[test]
    fn lines_know_their_quote_depth() {
        check("a\r\n> b\r\n>> c\r\n> > d\r\n", &[("a", 0), ("> b", 1), (">> c", 2), ("> > d", 2), ("", 0)]);
        check("a\rb\0c\u{a0}d  ", &[("a", 0), ("bc d", 0)]);
    }

    #[test]
    fn flowed_lines_are_joined() {
        assert_eq!(Body::flowed("one \ntwo\n> q \n> r\n-- \nme", false).text, "one two\n> q r\n-- \nme");
        assert_eq!(Body::flowed("こん \nにちは", true).text, "こんにちは");
        assert_eq!(Body::flowed("a\n\nb", false).text, "a\n\nb");
    }
}
