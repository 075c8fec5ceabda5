//! HTML as a person reads it, as lines: block by block, a table row a line, hidden things gone, quotes known.
//!
//! A tolerant scanner, not a browser: one pass, linear, no recursion, no tree. It never fails and never renders; the
//! HTML itself stays on the request for those who show it sanitised.

mod client;
mod reference;
mod scan;
mod sheet;
mod style;
mod tag;

use memchr::memchr;

use super::lines::Body;
use reference::unescape;
use scan::{Open, Scan};
use style::Style;
use tag::{Element, Known, Tag, drawing_end, raw_end};

/// Open elements that the scanner keeps track of; deeper ones are read as text of the last.
const DEEPEST: usize = 4096;

/// Bytes of an alternative text that is read.
const LONGEST_ALT: usize = 300;

/// How many open elements lie between an item and its list.
const NEAREST: usize = 32;

/// Links and images that are kept.
const MOST_LINKS: usize = 200;

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
    read_among(html, None)
}

/// Reads HTML into lines, of a mail whose parts have these Content-IDs; `None` when they are not known.
pub fn read_among(html: &str, parts: Option<&[&str]>) -> Body {
    let mut scan: Scan<'_> = Scan { parts, ..Scan::default() };
    scan.body.text.reserve(html.len() / 3);
    let bytes = html.as_bytes();
    let mut at = 0;
    let mut unclosed = false;
    let mut endless: Vec<&str> = vec![];
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
                let end = raw_end(&html[at..], tag.name);
                if tag.name.eq_ignore_ascii_case("style") {
                    scan.sheet.take(&html[at..at + end]);
                }
                at += end;
            } else if tag.element == Element::Drawing {
                let ends = !endless.iter().any(|name: &&str| name.eq_ignore_ascii_case(tag.name));
                if ends && !tag.closing && !tag.attributes.ends_with('/') {
                    match drawing_end(&html[at..], tag.name) {
                        Some(end) => at += end,
                        None => endless.push(tag.name),
                    }
                }
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

impl Scan<'_> {
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
                struck: self.struck,
                tinted: self.tinted,
                count: if tag.name.eq_ignore_ascii_case("ol") { tag.start() } else { None },
            });
        }
        if element == Element::Unseen {
            self.hidden = true;
        }
        if self.hidden && element != Element::Block {
            return;
        }
        let plain = tag.attributes.trim_start().is_empty();
        let known = if plain { Known::default() } else { tag.known() };
        let style = Style(known.style);
        let hides = !is_break && !plain && (style.hides() || known.hidden || self.sheet.hides(known.class, known.id));
        if hides && element != Element::Block {
            self.hidden = true;
            return;
        }
        if !is_break {
            self.struck |= element == Element::Struck || (!plain && style.strikes());
            self.tinted |= !plain
                && element != Element::Anchor
                && (style.tinted()
                    || (tag.name.eq_ignore_ascii_case("font") && tag.get("color").is_some_and(style::tint)));
        }
        match element {
            Element::Block => {
                self.fresh();
                if !plain {
                    if hides {
                        self.hidden = true;
                    } else {
                        self.mark(tag, &known);
                    }
                }
            }
            Element::Paragraph => {
                // Word and Outlook set their paragraphs without space between them.
                let tight =
                    !plain && ((known.class.starts_with("Mso") || known.class.starts_with("x_Mso")) || style.tight());
                if tight {
                    self.fresh()
                } else {
                    self.apart()
                }
                if let Some(top) = self.open.last_mut() {
                    top.wide = !tight;
                }
                if !plain {
                    self.mark(tag, &known);
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
                (self.heads, self.row) = (true, true);
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
                let list =
                    self.open.iter_mut().rev().take(NEAREST).find(|open| matches!(&open.name[..3], b"ol\0" | b"ul\0"));
                match list.and_then(|list| list.count.as_mut()) {
                    Some(number) => {
                        self.body.text.push_str(&format!("{number}. "));
                        *number = number.saturating_add(1);
                    }
                    None => self.body.text.push_str("- "),
                }
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
            Element::Inline | Element::Struck if !plain => self.mark(tag, &known),
            _ => {}
        }
    }

    fn image(&mut self, tag: &Tag<'_>) {
        let alt = unescape(tag.get("alt").unwrap_or_default());
        let alt = alt.trim();
        let cid = tag.get("src").and_then(|src| src.strip_prefix("cid:"));
        if let Some(cid) = cid
            && self.body.images.len() < MOST_LINKS
        {
            self.body.images.push((cid.to_owned(), alt.to_owned()));
        }
        // A picture that no part holds is nothing but its words. Those with a number may say what the mail is about;
        // others name logos, and file names say nothing.
        let held = cid.is_some_and(|cid| self.parts.is_none_or(|parts| parts.contains(&cid)));
        let pixel = ["width", "height"].iter().any(|side| matches!(tag.get(side), Some("0" | "1" | "2")));
        let file =
            alt.rfind('.').is_some_and(|dot| (3..=4).contains(&(alt.len() - dot - 1)) && !alt[dot..].contains(' '));
        if !held && !pixel && !file && alt.len() <= LONGEST_ALT && alt.bytes().any(|byte| byte.is_ascii_digit()) {
            self.gap = true;
            self.words(&format!("[{alt}]"));
            self.gap = true;
            if self.body.pictures.len() < MOST_LINKS {
                self.body.pictures.push((self.body.lines.len(), alt.to_owned()));
            }
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
            if std::mem::take(&mut self.spacer) && matches!(element, Element::Block | Element::Paragraph) {
                self.apart();
            }
            if wide { self.apart() } else { self.fresh() }
        }
        if let Some(open) = self.open.get(at) {
            self.hidden = open.hidden;
            self.depth = open.depth;
            self.hint = open.hint;
            self.pre = open.pre;
            (self.struck, self.tinted) = (open.struck, open.tinted);
        }
        if element == Element::Anchor {
            self.anchor = None;
        }
        self.open.truncate(at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(html: &str, expected: &str) {
        assert_eq!(plain(html), expected, "{html}");
    }

    #[test]
    fn drawings_hide_no_text() {
        check("<svg/><p>Open rates", "Open rates");
        check("a<math /> b", "a b");
        check("<svg onload=x><p>Open rates", "Open rates");
        check("<svg><div>Open</div> rates</svg>", "Open\nrates");
        check("<svg><title>Logo</title><path d='M0'/></svg>Open rates", "Open rates");
        check("Open <svg>rates", "Open rates");
        check("<math>x<mi>y</math>Open rates", "Open rates");
        check("<xml><o:OfficeDocumentSettings></o:OfficeDocumentSettings></xml>Open rates", "Open rates");
        check("<xml/>Open rates", "Open rates");
        check("<object data='x.pdf'>Open rates</object>", "Open rates");
        // What is ended nowhere is looked for once.
        check(&format!("{}Open rates", "<svg>".repeat(100_000)), "Open rates");
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
        check("<img src=\"https://t.example/p\" width=1 height=1 alt=\"mail 99999\">a", "a");
        check("<img src=\"https://x.example/l.png\" alt=\"Acme\">a<img alt=\"image001.png\" src=x>", "a");
    }

    #[test]
    fn what_a_style_sheet_hides_is_not_read() {
        for (css, hidden) in [
            (".pre{display:none}", "class=pre"),
            ("p{color:red} .a, span.preheader { display:none !important; visibility:hidden }", "class='x preheader'"),
            ("/* top */ #pre { max-height:0; overflow:hidden; }", "id=pre"),
            ("@import url(x); @media screen {.b{color:red}} .pre{font-size:0}", "class=pre"),
        ] {
            for element in ["span", "p", "div"] {
                check(&format!("<style>{css}</style><{element} {hidden}>99995</{element}>a"), "a");
            }
        }
        for css in [
            ".prefix{display:none}",
            "@media (max-width:600px) {.pre{display:none}}",
            ".pre{display:none} .pre{display:block}",
            ".pre .x{display:none}",
            ".pre:hover{display:none}",
        ] {
            check(&format!("<style>{css}</style><span class=pre>b</span> a"), "b a");
        }
    }

    #[test]
    fn lists_have_their_numbers_and_struck_words_are_gone() {
        check(
            "<ol><li>48213</li><li>51002<ul><li>x</li></ul></li><li>y</li></ol>",
            "1. 48213\n2. 51002\n\n- x\n\n3. y",
        );
        check("<ol start=3><li>a<li>b</ol>", "3. a\n4. b");
        let page = "<p>Campaign <s>22341</s> <del>22518</del> <span style='text-decoration:line-through'>22519</span> 22340 has none</p>";
        check(page, "Campaign 22340 has none");
        assert_eq!(read(page).struck.trim(), "22341 22518 22519");
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
        check("see<img alt='Campaign 60417 report'>this", "see [Campaign 60417 report] this");
        check(
            "<p>see</p><img src='https://x.example/1.png' alt='Campaign 60417 report'>",
            "see\n\n[Campaign 60417 report]",
        );
        let page = "a <img src='cid:i1' alt='shot 1'><img src='cid:i2' alt='shot 2'>";
        assert_eq!(read_among(page, Some(&["i1"])).text.trim(), "a [shot 2]");
        check(page, "a");
        assert_eq!(body.lines.iter().map(|line| line.depth).collect::<Vec<_>>(), [0, 0, 1]);
    }
}
