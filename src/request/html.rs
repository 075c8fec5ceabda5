//! HTML as a person reads it, as lines: block by block, a table row a line, hidden things gone, quotes known.
//!
//! A tolerant scanner, not a browser: one pass, linear, no recursion, no tree. It never fails and never renders; the
//! HTML itself stays on the request for those who show it sanitised.

use html5ever::data::NAMED_ENTITIES;
use memchr::memchr;

use super::lines::{Body, Hint, Line};

/// Open elements that the scanner keeps track of; deeper ones are read as text of the last.
const DEEPEST: usize = 4096;
/// Links that are kept.
const MOST_LINKS: usize = 200;
/// How far a quoted attribute value may reach.
const LONGEST_VALUE: usize = 64 * 1024;
/// Stands between the cells of a row until the row is known.
const CELL: char = '\u{1f}';

/// The text of an HTML body.
pub fn plain(html: &str) -> String {
    let body = read(html);
    let mut out = String::with_capacity(body.text.len());
    for at in 0..body.lines.len() {
        out.push_str(body.line(at));
        out.push('\n');
    }
    out.trim().to_owned()
}

/// Reads HTML into lines.
pub fn read(html: &str) -> Body {
    let mut scan = Scan::default();
    scan.body.text.reserve(html.len() / 3);
    let bytes = html.as_bytes();
    let mut at = 0;
    let mut unclosed = false;
    while at < bytes.len() {
        let next = memchr(b'<', &bytes[at..]).map_or(bytes.len(), |n| at + n);
        if next > at {
            scan.text(&html[at..next]);
        }
        if next == bytes.len() {
            break;
        }
        at = next;
        let rest = &html[at..];
        if let Some(comment) = rest.strip_prefix("<!--") {
            // An unclosed comment ends at the next tag's end, else a broken mail would vanish; that there is no end is
            // looked up once.
            let end = if unclosed { None } else { memchr::memmem::find(comment.as_bytes(), b"-->") };
            unclosed |= end.is_none();
            at += end.map_or_else(|| memchr(b'>', rest.as_bytes()).map_or(rest.len(), |n| n + 1), |n| n + 7);
        } else if rest.starts_with("<!") || rest.starts_with("<?") {
            at += rest.find('>').map_or(rest.len(), |n| n + 1);
        } else if let Some(tag) = Tag::parse(rest) {
            at += tag.len;
            if !tag.closing && matches!(tag.element, Element::Raw) {
                at += raw_end(&html[at..], tag.name);
            } else if tag.closing {
                scan.close(tag.element, tag.name);
            } else {
                scan.open(&tag);
            }
        } else {
            scan.text("<");
            at += 1;
        }
    }
    scan.finish()
}

/// Where the content of `script`, `style` and their like ends.
fn raw_end(rest: &str, name: &str) -> usize {
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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Element {
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
    /// Its content is not shown: `title`, `select`.
    Unseen,
    /// No content, no effect.
    Void,
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
        b"script" | b"style" | b"xml" | b"noembed" | b"noframes" | b"svg" | b"math" | b"iframe" | b"object"
        | b"template" => Element::Raw,
        b"title" | b"select" | b"textarea" | b"head" | b"audio" | b"video" => Element::Unseen,
        b"meta" | b"link" | b"input" | b"col" | b"base" | b"wbr" | b"area" | b"embed" | b"source" | b"track"
        | b"param" => Element::Void,
        _ => Element::Inline,
    }
}

/// A tag as it stands in the source.
struct Tag<'a> {
    name: &'a str,
    element: Element,
    closing: bool,
    attributes: &'a str,
    len: usize,
}

impl<'a> Tag<'a> {
    /// Reads the tag that `rest` starts with; `None` when `<` is just text.
    fn parse(rest: &'a str) -> Option<Tag<'a>> {
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
    fn get(&self, wanted: &str) -> Option<&'a str> {
        let mut rest = self.attributes;
        for _ in 0..64 {
            rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/' || c == '"' || c == '\'');
            if rest.is_empty() {
                return None;
            }
            let name_end = rest.find(|c: char| c.is_ascii_whitespace() || c == '=').unwrap_or(rest.len());
            let name = &rest[..name_end];
            rest = rest[name_end..].trim_start();
            let mut value = "";
            if let Some(after) = rest.strip_prefix('=') {
                let after = after.trim_start();
                (value, rest) = match after.chars().next() {
                    Some(quote @ ('"' | '\'')) => after[1..].split_once(quote).unwrap_or((&after[1..], "")),
                    _ => after.split_at(after.find(|c: char| c.is_ascii_whitespace()).unwrap_or(after.len())),
                };
            } else if name.is_empty() {
                rest = rest.get(1..).unwrap_or_default();
            }
            if name.eq_ignore_ascii_case(wanted) {
                return Some(value);
            }
        }
        None
    }
}

/// An element that is open and changes how its content is read.
struct Open {
    element: Element,
    /// The name, for elements told apart by it (all but the scanner's own kinds).
    name: [u8; 8],
    /// State to go back to.
    hidden: bool,
    depth: u16,
    hint: Hint,
    pre: bool,
    wide: bool,
}

#[derive(Default)]
struct Scan {
    body: Body,
    open: Vec<Open>,
    /// Start of the current line in `body.text`.
    start: usize,
    hidden: bool,
    depth: u16,
    hint: Hint,
    pre: bool,
    ruled: bool,
    /// A white space is due before the next word.
    gap: bool,
    /// A cell ended on this line and another has begun.
    cell: bool,
    /// The row holds only `th` so far.
    heads: bool,
    /// The first line of an anchor's target, until its text shows.
    anchor: Option<String>,
}

impl Scan {
    fn text(&mut self, source: &str) {
        if self.hidden {
            return;
        }
        let mut rest = source;
        while !rest.is_empty() {
            let Some(at) = memchr(b'&', rest.as_bytes()) else {
                self.words(rest);
                return;
            };
            self.words(&rest[..at]);
            rest = &rest[at..];
            let (decoded, len) = entity(rest);
            match decoded {
                Some((first, second)) => {
                    let mut buffer = [0; 4];
                    self.words(first.encode_utf8(&mut buffer));
                    if let Some(second) = second {
                        self.words(second.encode_utf8(&mut buffer));
                    }
                }
                None => self.words(&rest[..len]),
            }
            rest = &rest[len..];
        }
    }

    fn words(&mut self, text: &str) {
        if self.pre {
            for (at, line) in text.split('\n').enumerate() {
                if at > 0 {
                    self.end_line();
                }
                let line = line.trim_end_matches('\r');
                if !line.is_empty() {
                    self.begin_word();
                    self.body
                        .text
                        .extend(line.chars().filter(|c| !c.is_control()).map(|c| if c == '\u{a0}' { ' ' } else { c }));
                }
            }
            return;
        }
        for piece in text.split_inclusive(|c: char| c.is_whitespace() || c == '\0') {
            let word = piece.trim_end_matches(|c: char| c.is_whitespace() || c == '\0');
            if !word.is_empty() {
                self.begin_word();
                if word.contains([CELL, '\u{feff}', '\u{200b}', '\u{ad}', '\u{34f}']) {
                    // Zero-width fillers of hidden preheaders; a soft hyphen is not read either.
                    self.body
                        .text
                        .extend(word.chars().filter(|c| !matches!(c, '\u{1f}' | '\u{feff}' | '\u{34f}' | '\u{ad}')));
                } else {
                    self.body.text.push_str(word);
                }
            }
            if word.len() < piece.len() {
                self.gap = true;
            }
        }
    }

    fn begin_word(&mut self) {
        let at_start = self.body.text.len() == self.start;
        if at_start {
            self.cell = false;
        } else if self.cell {
            self.body.text.push(CELL);
            self.cell = false;
        } else if self.gap {
            self.body.text.push(' ');
        }
        self.gap = false;
        if let Some(target) = self.anchor.take()
            && self.body.links.len() < MOST_LINKS
        {
            self.body.links.push((self.body.lines.len(), target));
        }
    }

    /// Ends the current line, even an empty one.
    fn end_line(&mut self) {
        if self.gap && self.body.text[self.start..].ends_with("--") {
            // The signature delimiter is dash, dash, space (RFC 3676 §4.3).
            self.body.text.push(' ');
        }
        self.settle_row();
        let end = self.start + self.body.text[self.start..].trim_end().len();
        let written = super::lines::depth(&self.body.text[self.start..end]).0;
        self.body.lines.push(Line {
            start: self.start,
            end,
            depth: self.depth.saturating_add(written),
            hint: self.hint,
            ruled: std::mem::take(&mut self.ruled),
        });
        self.body.text.push('\n');
        self.start = self.body.text.len();
        self.gap = false;
        self.cell = false;
    }

    /// Puts between the cells what a reader expects: `label: value` for two, ` | ` for more.
    fn settle_row(&mut self) {
        let line = &self.body.text[self.start..];
        let cells = line.matches(CELL).count();
        if cells == 0 {
            return;
        }
        let label = line.split(CELL).next().unwrap_or_default().trim();
        let ends = label.ends_with([':', '?', '.', '!', '：']);
        let labelled = cells == 1
            && !self.heads
            && !label.is_empty()
            && label.chars().count() <= 60
            && !label.starts_with(|c: char| c.is_ascii_digit());
        let between = match (labelled, ends) {
            (true, true) => " ",
            (true, false) => ": ",
            _ => " | ",
        };
        let settled = line.replace(CELL, between);
        self.body.text.truncate(self.start);
        self.body.text.push_str(&settled);
    }

    /// Makes sure that the next word starts a line.
    fn fresh(&mut self) {
        if self.body.text.len() > self.start {
            self.end_line();
        }
        self.gap = false;
        self.cell = false;
    }

    /// Makes sure that a blank line stands before the next word.
    fn apart(&mut self) {
        self.fresh();
        if self.body.lines.last().is_some_and(|line| line.end > line.start) {
            self.end_line();
        }
    }

    fn open(&mut self, tag: &Tag<'_>) {
        let element = tag.element;
        let is_break = matches!(element, Element::Break | Element::Rule | Element::Image | Element::Void);
        if !is_break {
            if self.open.len() >= DEEPEST {
                return;
            }
            let mut name = [0; 8];
            for (to, from) in name.iter_mut().zip(tag.name.bytes()) {
                *to = from.to_ascii_lowercase();
            }
            self.open.push(Open {
                element,
                name,
                hidden: self.hidden,
                depth: self.depth,
                hint: self.hint,
                pre: self.pre,
                wide: false,
            });
        }
        if element == Element::Unseen {
            self.hidden = true;
        }
        if self.hidden && element != Element::Block {
            return;
        }
        let plain = tag.attributes.trim_start().is_empty();
        let style = if plain { "" } else { tag.get("style").unwrap_or_default() };
        let style = Style(style);
        if !is_break && !plain && (style.hides() || tag.get("hidden").is_some()) && element != Element::Block {
            self.hidden = true;
            return;
        }
        match element {
            Element::Block => {
                self.fresh();
                if !plain {
                    if style.hides() || tag.get("hidden").is_some() {
                        self.hidden = true;
                    } else {
                        self.mark(tag, style);
                    }
                }
            }
            Element::Paragraph => {
                // Word and Outlook set their paragraphs without space between them.
                let tight = !plain
                    && (tag.get("class").is_some_and(|class| class.starts_with("Mso") || class.starts_with("x_Mso"))
                        || style.tight());
                if tight {
                    self.fresh()
                } else {
                    self.apart()
                }
                if let Some(top) = self.open.last_mut() {
                    top.wide = !tight;
                }
                if !plain {
                    self.mark(tag, style);
                }
            }
            Element::Quote => {
                self.fresh();
                // Gmail and Outlook indent with blockquotes too.
                if !style.indents() {
                    self.depth = self.depth.saturating_add(1);
                }
            }
            Element::Row => {
                self.fresh();
                self.heads = true;
            }
            Element::Cell => {
                if !tag.name.eq_ignore_ascii_case("th") {
                    self.heads = false;
                }
                self.cell = self.body.text.len() > self.start;
                self.gap = false;
            }
            Element::Item => {
                self.fresh();
                self.begin_word();
                self.body.text.push_str("- ");
            }
            Element::Break => self.end_line(),
            Element::Rule => {
                self.fresh();
                self.ruled = true;
            }
            Element::Anchor => {
                self.anchor = tag
                    .get("href")
                    .map(str::trim)
                    .filter(|href| {
                        href.get(..7).is_some_and(|p| p.eq_ignore_ascii_case("http://"))
                            || href.get(..8).is_some_and(|p| p.eq_ignore_ascii_case("https://"))
                    })
                    .map(unescape);
            }
            Element::Image => self.image(tag),
            Element::Pre => {
                self.apart();
                self.pre = true;
            }
            Element::Inline if !plain => self.mark(tag, style),
            _ => {}
        }
    }

    /// What class and id say: quotes and signatures of the known mail programs.
    fn mark(&mut self, tag: &Tag<'_>, style: Style<'_>) {
        if style.ruled() {
            self.ruled = true;
        }
        let class = tag.get("class").unwrap_or_default();
        let id = tag.get("id").unwrap_or_default();
        let is = |names: &[&str]| {
            names.iter().any(|name| {
                class.split_ascii_whitespace().any(|part| {
                    part.strip_suffix(*name)
                        .is_some_and(|before| before.is_empty() || before == "x_" || before.ends_with('-'))
                }) || id == *name
                    || id.strip_prefix("x_") == Some(*name)
            })
        };
        if class.is_empty() && id.is_empty() {
            if tag.attributes.contains("data-signatureblock")
                || tag.attributes.contains("data-smartmail=\"gmail_signature\"")
            {
                self.hint = Hint::Signature;
            }
            return;
        }
        if is(&["gmail_attr", "moz-cite-prefix", "yahoo_quoted_begin"]) {
            self.hint = Hint::Attribution;
        } else if is(&[
            "gmail_signature",
            "moz-signature",
            "Signature",
            "signature",
            "AppleMailSignature",
            "protonmail_signature_block",
            "ms-outlook-mobile-signature",
            "yahoo-signature",
            "tutanota_signature",
            "mail_signature",
            "spark_signature",
            "zmail_signature",
            "signature-block",
        ]) {
            self.hint = Hint::Signature;
        } else if is(&[
            "yahoo_quoted",
            "mail-editor-reference-message-container",
            "zmail_extra",
            "OLK_SRC_BODY_SECTION",
            "isReplyContent",
            "ntes_not_fresh_quote",
        ]) {
            self.hint = Hint::Quoted;
            self.depth = self.depth.saturating_add(1);
        } else if is(&["divRplyFwdMsg", "stopSpelling", "zwchr", "OutlookMessageHeader"]) {
            self.ruled = true;
        }
    }

    fn image(&mut self, tag: &Tag<'_>) {
        let alt = unescape(tag.get("alt").unwrap_or_default());
        if let Some(cid) = tag.get("src").and_then(|src| src.strip_prefix("cid:"))
            && self.body.images.len() < MOST_LINKS
        {
            self.body.images.push((cid.to_owned(), alt.trim().to_owned()));
        }
    }

    fn close(&mut self, element: Element, name: &str) {
        if matches!(element, Element::Break) {
            // `</br>` is read as `<br>` by browsers.
            self.end_line();
            return;
        }
        let mut wanted = [0; 8];
        for (to, from) in wanted.iter_mut().zip(name.bytes()) {
            *to = from.to_ascii_lowercase();
        }
        // The nearest open one; an end tag without one is ignored. Looking far back would make bad HTML slow.
        let Some(at) = self
            .open
            .iter()
            .rev()
            .take(256)
            .position(|open| open.name == wanted)
            .map(|back| self.open.len() - 1 - back)
        else {
            return;
        };
        let wide = self.open.get(at).is_some_and(|open| open.wide);
        let hid = self.hidden;
        let breaks = self.open[at..].iter().any(|open| {
            matches!(
                open.element,
                Element::Block | Element::Paragraph | Element::Quote | Element::Row | Element::Item | Element::Pre
            )
        });
        if breaks && !hid {
            // The line belongs to what is being closed: end it before the state goes back.
            if wide { self.apart() } else { self.fresh() }
        }
        if let Some(open) = self.open.get(at) {
            self.hidden = open.hidden;
            self.depth = open.depth;
            self.hint = open.hint;
            self.pre = open.pre;
        }
        if element == Element::Anchor {
            self.anchor = None;
        }
        self.open.truncate(at);
    }

    fn finish(mut self) -> Body {
        if self.body.text.len() > self.start {
            self.end_line();
        }
        self.body
    }
}

/// A style attribute.
#[derive(Clone, Copy)]
struct Style<'a>(&'a str);

impl Style<'_> {
    /// The value of a property, spaces trimmed.
    fn get(&self, property: &str) -> Option<&str> {
        self.0.split(';').find_map(|declaration| {
            let (name, value) = declaration.split_once(':')?;
            name.trim().eq_ignore_ascii_case(property).then(|| value.trim())
        })
    }

    fn hides(&self) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let is = |property: &str, wanted: &[&str]| {
            self.get(property).is_some_and(|value| {
                let value = value.trim_end_matches("!important").trim();
                wanted.iter().any(|wanted| value.eq_ignore_ascii_case(wanted))
            })
        };
        let none = ["0", "0px", "0pt", "0em", "0%"];
        is("display", &["none"])
            || is("visibility", &["hidden", "collapse"])
            || is("mso-hide", &["all"])
            || is("opacity", &["0", "0.0"])
            || is("font-size", &none)
            || (is("max-height", &none) && is("overflow", &["hidden"]))
            || (is("height", &none) && is("overflow", &["hidden"]))
    }

    /// A line is drawn above the element.
    fn ruled(&self) -> bool {
        self.0.contains("border-top") && {
            let drawn = |value: &str| !value.contains("none") && !value.starts_with('0') && !value.contains("initial");
            self.get("border-top").is_some_and(drawn) || self.get("border-top-style").is_some_and(drawn)
        }
    }

    /// A blockquote that only indents.
    fn indents(&self) -> bool {
        (self.get("border").is_some_and(|value| value.starts_with("none") || value.starts_with('0'))
            && !self.0.contains("border-left"))
            || self.0.contains("margin: 0 0 0 40px")
            || self.0.contains("margin:0 0 0 40px")
    }

    fn tight(&self) -> bool {
        let zero = |value: &str| value.split_ascii_whitespace().next().is_some_and(|first| first.starts_with('0'));
        self.get("margin").is_some_and(zero)
            || (self.get("margin-top").is_some_and(zero) && self.get("margin-bottom").is_some_and(zero))
            || (self.get("margin-bottom").is_some_and(zero) && self.get("margin-top").is_none())
    }
}

/// The character reference that `rest` starts with (HTML §13.2.5.72): its characters, and its length in bytes.
fn entity(rest: &str) -> (Option<(char, Option<char>)>, usize) {
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
fn unescape(value: &str) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn check(html: &str, expected: &str) {
        assert_eq!(plain(html), expected, "{html}");
    }

    #[test]
    fn blocks_breaks_and_spaces() {
        check("Hello<br><br>there", "Hello\n\nthere");
        check("<div>a</div><div><br></div><div>b</div>", "a\n\nb");
        check("<p>a</p><p>b\n  c</p>", "a\n\nb c");
        check("<p class=MsoNormal>a<o:p></o:p></p><p class=MsoNormal>b</p>", "a\nb");
        check("campaign 83&nbsp;002", "campaign 83 002");
        check("<ul><li>one</li><li>two</li></ul>", "- one\n- two");
        check("<pre>a\n  b</pre>", "a\n  b");
        check("<b>bo</b>ld <i>words</i>", "bold words");
    }

    #[test]
    fn tables_read_row_by_row() {
        check(
            "<table><tr><td><b>Name</b></td><td>Sam</td></tr><tr><td>Zip:</td><td>33602</td></tr></table>",
            "Name: Sam\nZip: 33602",
        );
        check(
            "<table><tr><th>ID</th><th>Name</th></tr><tr><td>83001</td><td>Q1</td></tr></table>",
            "ID | Name\n83001 | Q1",
        );
        check("<table><tr><td>a</td><td>b</td><td>c</td></tr></table>", "a | b | c");
        check("<table><tr><td></td><td><p>Hello</p><p>you</p></td></tr></table>", "Hello\n\nyou");
    }

    #[test]
    fn what_is_not_shown_is_not_read() {
        check("<head><title>x</title><style>p{color:#123456}</style></head><body>a</body>", "a");
        check("<div style=\"display:none;max-height:0\">preheader 12345 <b>x</b></div>a", "a");
        check("<span style='font-size:0px'>x</span>a<script>if (1 < 2) {}</script>b", "ab");
        check("<!-- x > y -->a<!--[if mso]><p>b</p><![endif]-->c<![if !mso]>d<![endif]>", "acd");
        check("<img src=\"https://t.example/p?i=99999\" width=1 height=1>a", "a");
    }

    #[test]
    fn broken_markup_loses_no_words() {
        check("a < b and c <jane@acme.example> d", "a < b and c <jane@acme.example> d");
        check("<p title='x>y'>a</p", "a");
        check("<!-- never closed <p>a", "a");
        check("a &amp b &nosuch; &#8364; &#x41; &copy &#128;", "a & b &nosuch; € A © €");
        check("</div></p>a<div", "a");
        check("<a href=\"x>a</a> b", "a b");
    }

    #[test]
    fn quotes_links_and_images_are_known() {
        let body = read(
            "a<br><a href='https://x.example/?c=1&amp;d=2'>click</a><blockquote type=cite>q</blockquote><img src='cid:i1' alt='shot'>",
        );
        assert_eq!(body.links, [(1, "https://x.example/?c=1&d=2".to_owned())]);
        assert_eq!(body.images, [("i1".to_owned(), "shot".to_owned())]);
        assert_eq!(body.lines.iter().map(|line| line.depth).collect::<Vec<_>>(), [0, 0, 1]);
    }
}
