//! Tags as they stand in the source: what they are to a reader, and their attributes.
//!
//! Bad tags cost no more than good ones: nothing here looks further than a tag's end or a bounded piece of it.

use memchr::memchr;

/// How far a quoted attribute value may reach.
const LONGEST_VALUE: usize = 64 * 1024;

/// Where the content of `script`, `style` and their like ends.
pub(super) fn raw_end(rest: &str, name: &str) -> usize {
    let bytes = rest.as_bytes();
    let mut at = 0;
    while let Some(found) = memchr::memmem::find(&bytes[at..], b"</") {
        let tag = at + found + 2;
        let end = tag + name.len();
        if bytes.len() >= end && bytes[tag..end].eq_ignore_ascii_case(name.as_bytes()) {
            return end + memchr(b'>', &bytes[end..]).map_or(bytes.len() - end, |n| n + 1);
        }
        at = tag;
    }
    bytes.len()
}

/// Where the content of a drawing or formula ends, of what stands behind its tag: at its end tag, or where a browser leaves
/// it for text (HTML, "the rules for parsing tokens in foreign content"). `None`: nowhere, and no later one ends either.
pub(super) fn drawing_end(rest: &str, name: &str) -> Option<usize> {
    const TEXT: [&[u8]; 8] = [b"p", b"div", b"table", b"br", b"span", b"blockquote", b"ul", b"body"];
    let bytes = rest.as_bytes();
    for at in memchr::memchr_iter(b'<', bytes) {
        let closing = bytes.get(at + 1) == Some(&b'/');
        let tag = at + if closing { 2 } else { 1 };
        let long = bytes[tag..].iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
        let found = &bytes[tag..tag + long];
        if closing && found.eq_ignore_ascii_case(name.as_bytes()) {
            return Some(tag + long + memchr(b'>', &bytes[tag + long..]).map_or(bytes.len() - tag - long, |n| n + 1));
        }
        if !closing && TEXT.iter().any(|text| found.eq_ignore_ascii_case(text)) {
            return Some(at);
        }
    }
    None
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Element {
    /// Ends a line before and after.
    Block,
    /// Stands apart by a blank line.
    Paragraph,
    Quote,
    Row,
    Cell,
    Item,
    Break,
    Rule,
    Anchor,
    Image,
    Pre,
    /// Its content is no text: `script`, `style`.
    Raw,
    /// Its content is no text, and may be left out: `svg`, `math`.
    Drawing,
    /// Its content is not shown: `title`, `select`.
    Unseen,
    /// No content, no effect.
    Void,
    /// Its content is struck out.
    Struck,
    Inline,
}

fn element(name: &str) -> Element {
    let mut lower = [0_u8; 12];
    let Some(lower) = lower.get_mut(..name.len()) else { return Element::Inline };
    lower.copy_from_slice(name.as_bytes());
    lower.make_ascii_lowercase();
    match &*lower {
        b"div" | b"section" | b"article" | b"header" | b"footer" | b"main" | b"nav" | b"aside" | b"center"
        | b"address" | b"form" | b"fieldset" | b"dl" | b"dt" | b"dd" | b"body" | b"html" | b"table" | b"tbody"
        | b"thead" | b"tfoot" | b"caption" | b"figure" | b"legend" => Element::Block,
        b"p" | b"h1" | b"h2" | b"h3" | b"h4" | b"h5" | b"h6" | b"ul" | b"ol" => Element::Paragraph,
        b"blockquote" => Element::Quote,
        b"tr" => Element::Row,
        b"td" | b"th" => Element::Cell,
        b"li" => Element::Item,
        b"br" => Element::Break,
        b"hr" => Element::Rule,
        b"a" => Element::Anchor,
        b"img" => Element::Image,
        b"pre" | b"listing" => Element::Pre,
        b"s" | b"strike" | b"del" => Element::Struck,
        b"script" | b"style" | b"noembed" | b"noframes" | b"iframe" | b"template" => Element::Raw,
        b"svg" | b"math" | b"xml" => Element::Drawing,
        b"title" | b"select" | b"textarea" | b"head" | b"audio" | b"video" => Element::Unseen,
        b"meta" | b"link" | b"input" | b"col" | b"base" | b"wbr" | b"area" | b"embed" | b"source" | b"track"
        | b"param" => Element::Void,
        _ => Element::Inline,
    }
}

/// The attributes that decide how an element's content is read; empty where they are missing.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Known<'a> {
    pub(super) style: &'a str,
    pub(super) class: &'a str,
    pub(super) id: &'a str,
    pub(super) hidden: bool,
}

/// A tag as it stands in the source.
pub(super) struct Tag<'a> {
    pub(super) name: &'a str,
    pub(super) element: Element,
    pub(super) closing: bool,
    pub(super) attributes: &'a str,
    pub(super) len: usize,
}

impl<'a> Tag<'a> {
    /// Reads the tag that `rest` starts with; `None` when `<` is just text.
    pub(super) fn parse(rest: &'a str) -> Option<Tag<'a>> {
        let bytes = rest.as_bytes();
        let closing = bytes.get(1) == Some(&b'/');
        let start = if closing { 2 } else { 1 };
        if !bytes.get(start)?.is_ascii_alphabetic() {
            return None;
        }
        let name_end =
            start + bytes[start..].iter().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b':' | b'-')).count();
        let name = &rest[start..name_end];
        // `<jane@acme.example>` and `<https://…>` are what a person wrote, badly escaped.
        if bytes.get(name_end) == Some(&b'@') || name.ends_with(':') || bytes.get(name_end) == Some(&b'.') {
            return None;
        }
        let made = |end: usize, len: usize| Tag {
            name,
            element: element(name),
            closing,
            attributes: &rest[name_end..end],
            len,
        };
        let mut at = name_end;
        while at < bytes.len() {
            match bytes[at] {
                b'>' => return Some(made(at, at + 1)),
                // Another tag begins: this one was never ended. Looking further would make bad HTML slow.
                b'<' => return Some(made(at, at)),
                quote @ (b'"' | b'\'') if bytes[..at].trim_ascii_end().ends_with(b"=") => {
                    // A quote counts only where a value starts; elsewhere it is a stray one.
                    let window = &bytes[at + 1..bytes.len().min(at + LONGEST_VALUE)];
                    at = memchr(quote, window).map_or(at + 1, |close| at + close + 2);
                }
                _ => at += 1,
            }
        }
        // No end at all: the tag ends with its line, or the mail would.
        let len = memchr(b'\n', &bytes[name_end..]).map_or(bytes.len(), |n| name_end + n);
        Some(made(len, len))
    }

    /// The undecoded value of an attribute.
    pub(super) fn get(&self, wanted: &str) -> Option<&'a str> {
        self.all().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value)
    }

    /// The number that a numbered list starts with.
    pub(super) fn start(&self) -> Option<u32> {
        Some(self.get("start").and_then(|start| start.trim().parse().ok()).unwrap_or(1))
    }

    /// What decides how an element's content is read.
    pub(super) fn known(&self) -> Known<'a> {
        let mut known = Known::default();
        for (name, value) in self.all() {
            let place = match name.len() {
                2 if name.eq_ignore_ascii_case("id") => &mut known.id,
                5 if name.eq_ignore_ascii_case("style") => &mut known.style,
                5 if name.eq_ignore_ascii_case("class") => &mut known.class,
                6 if name.eq_ignore_ascii_case("hidden") => {
                    known.hidden = true;
                    continue;
                }
                _ => continue,
            };
            // The first one counts (HTML §13.2.5.33).
            if place.is_empty() {
                *place = value;
            }
        }
        known
    }

    /// The attributes with their undecoded values, the first 64.
    fn all(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let text = self.attributes;
        let bytes = text.as_bytes();
        let skip = |mut at: usize, over: fn(u8) -> bool| {
            while at < bytes.len() && over(bytes[at]) {
                at += 1;
            }
            at
        };
        let mut at = 0;
        std::iter::from_fn(move || {
            at = skip(at, |b| b.is_ascii_whitespace() || matches!(b, b'/' | b'"' | b'\''));
            if at == bytes.len() {
                return None;
            }
            let start = at;
            at = skip(at, |b| !b.is_ascii_whitespace() && b != b'=');
            let name = &text[start..at];
            at = skip(at, |b| b.is_ascii_whitespace());
            if bytes.get(at) != Some(&b'=') {
                return Some((name, ""));
            }
            at = skip(at + 1, |b| b.is_ascii_whitespace());
            let value = match bytes.get(at) {
                Some(quote @ (b'"' | b'\'')) => {
                    let start = at + 1;
                    let end = memchr(*quote, &bytes[start..]).map_or(bytes.len(), |n| start + n);
                    at = (end + 1).min(bytes.len());
                    &text[start..end]
                }
                _ => {
                    let start = at;
                    at = skip(at, |b| !b.is_ascii_whitespace());
                    &text[start..at]
                }
            };
            Some((name, value))
        })
        .take(64)
    }
}
