//! Which parts of a mail are its body, which are attachments; bytes to text with every repair told.
//!
//! Structure comes from mail-parser; charsets are judged here, because people's programs declare them wrongly.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::LazyLock;

use mail_parser::{Encoding, HeaderName, Message, MessageParser, MessagePart, MimeHeaders, PartType};

use super::lines::Body;
use super::{Attachment, armour, attachment, charset, clearsigned, header, html, quote, uuencode};

/// Attachments that are listed.
const MOST_ATTACHMENTS: usize = 500;

/// mail-parser, told to read only the headers that its structure needs.
static PARSER: LazyLock<MessageParser> =
    LazyLock::new(|| MessageParser::new().with_mime_headers().header_date(HeaderName::Date).default_header_ignore());

/// Parses the structure of a mail that passed its bounds.
pub fn parse(raw: &[u8]) -> Option<Message<'_>> {
    PARSER.parse(raw)
}

/// The body of a mail.
#[derive(Debug, Default)]
pub struct Content {
    /// What a person reads, as lines.
    pub body: Body,
    /// The HTML as sent.
    pub html: Option<String>,
    /// The HTML as lines, when `body` is the plain text.
    pub rich: Option<Body>,
    /// What a calendar part says.
    pub calendar: Option<String>,
    /// What was repaired.
    pub oddities: Vec<String>,
}

/// Reads the body of a parsed mail.
pub fn read(raw: &[u8], mail: &Message<'_>) -> Content {
    let mut content = Content::default();
    let mut texts: Vec<(Cow<'_, str>, bool, bool)> = Vec::new();
    let mut pages: Vec<Cow<'_, str>> = Vec::new();
    let mixed = mixed(raw, mail);
    for part in mail.text_body.iter().filter_map(|id| mail.part(*id)) {
        if mixed && matches!(part.body, PartType::Html(_)) {
            let page = text_of(raw, part, &mut content.oddities);
            texts.push((Cow::Owned(html::read(&page).joined()), false, false));
        } else if matches!(part.body, PartType::Text(_)) {
            let kind = part.content_type();
            let is = |name: &str, value: &str| {
                kind.and_then(|kind| kind.attribute(name)).is_some_and(|v| v.eq_ignore_ascii_case(value))
            };
            texts.push((text_of(raw, part, &mut content.oddities), is("format", "flowed"), is("delsp", "yes")));
        }
    }
    for id in &mail.html_body {
        if let Some(part) = mail.part(*id)
            && matches!(part.body, PartType::Html(_))
        {
            pages.push(text_of(raw, part, &mut content.oddities));
        }
    }
    let strays = strays(mail);
    if !strays.is_empty() {
        content.oddities.push("no part is marked as the body: read what looks like it".to_owned());
        texts.clear();
        pages.clear();
    }
    for part in strays.iter().filter_map(|id| mail.part(*id)) {
        let text = text_of(raw, part, &mut content.oddities);
        match part.content_type().and_then(|kind| kind.subtype()).unwrap_or_default().to_ascii_lowercase().as_str() {
            "html" => pages.push(text),
            "enriched" | "richtext" => {
                pages.push(Cow::Owned(text.replace("<<", "&lt;").replace("\r\n", "\n").replace("\n\n", "<br><br>")))
            }
            "rtf" => texts.push((Cow::Owned(attachment::rtf(&text)), false, false)),
            _ => texts.push((text, false, false)),
        }
    }
    for (text, ..) in &mut texts {
        if memchr::memchr(0, text.as_bytes()).is_some() {
            content.oddities.push("NUL characters in the body".to_owned());
            *text = Cow::Owned(text.replace('\0', ""));
        }
    }
    let cut = |part: &&MessagePart<'_>| {
        part.content_type().is_some_and(|kind| kind.subtype().is_some_and(|sub| sub.contains("ms-tnef")))
            && !attachment::tnef(part.contents()).1
    };
    if mail.attachments.iter().filter_map(|id| mail.part(*id)).any(|part| cut(&part)) {
        content.oddities.push("winmail.dat ends too soon".to_owned());
    }
    let wrapper = |part: &&MessagePart<'_>| {
        let kind = part.content_type()?.subtype()?.to_ascii_lowercase();
        ["ms-tnef", "pkcs7-mime"].into_iter().find(|known| kind.contains(known))
    };
    if texts.iter().all(|(text, ..)| text.trim().is_empty())
        && pages.iter().all(|page| page.trim().is_empty())
        && let Some(kind) = mail.parts.iter().find_map(|part| wrapper(&part))
    {
        content.oddities.push(format!("no text: what was written stands inside an attachment ({kind})"));
    }
    content.calendar = mail
        .parts
        .iter()
        .find(|part| {
            part.content_type().is_some_and(|kind| kind.ctype() == "text" && kind.subtype() == Some("calendar"))
        })
        .and_then(|part| attachment::calendar(&text_of(raw, part, &mut content.oddities)));
    for (text, ..) in &mut texts {
        if let Some(bytes) = armour::unlabelled(text) {
            content.oddities.push("body: base64 that is not said to be".to_owned());
            *text = Cow::Owned(charset::decode(&bytes, None).0.into_owned());
        }
        decoded(text, &mut content.oddities);
        if let (Cow::Owned(rest), _) = uuencode::take(text) {
            *text = Cow::Owned(rest);
        }
        if let Some(plain) = clearsigned::opened(text).or_else(|| quote::unboxed(text)) {
            *text = Cow::Owned(plain);
        }
    }
    pages.iter_mut().for_each(|page| decoded(page, &mut content.oddities));
    if let ([(text, ..)], true) = (texts.as_slice(), pages.is_empty())
        && is_page(text)
    {
        content.oddities.push("HTML that is said to be plain text".to_owned());
        pages = texts.drain(..).map(|(text, ..)| text).collect();
    }
    let plain = match texts.as_slice() {
        [] => Body::default(),
        [(text, true, delsp)] => Body::flowed(text, *delsp),
        [(text, false, _)] => Body::plain(text),
        several => Body::plain(&several.iter().map(|(text, ..)| text.trim_end()).collect::<Vec<_>>().join("\n\n")),
    };
    let page = pages.join("\n<hr>\n");
    if page.trim().is_empty() || mixed {
        content.body = plain;
        content.html = Some(page).filter(|page| !page.trim().is_empty());
        return content;
    }
    // Worth reading when it is the body, or for the targets and pictures that plain text does not show.
    let empty = plain.is_blank();
    let wanted = empty || plain.text.len() < 400 || holds(&page, "http") || holds(&page, "cid:") || quotes(&page);
    let strikes = ["<s>", "<del>", "<strike>", "line-through"].iter().any(|mark| holds(&page, mark));
    let wanted = wanted || strikes;
    let parts: Vec<&str> = match holds(&page, "cid:") {
        true => {
            mail.parts.iter().filter_map(|part| part.content_id()).map(|cid| cid.trim_matches(['<', '>'])).collect()
        }
        false => Vec::new(),
    };
    let rich = wanted.then(|| html::read_among(&page, Some(&parts)));
    match rich {
        // What was struck out stands in the plain text as if it had been said.
        Some(rich) if empty || !rich.struck.is_empty() || stands_in(&plain, &rich) => content.body = rich,
        rich => {
            content.body = plain;
            content.rich = rich;
        }
    }
    if !content.body.struck.is_empty() {
        content.oddities.push(format!("struck out: {}", header::one_line(&content.body.struck)));
    }
    content.html = Some(page);
    content
}

/// Whether plain text and pages stand one beside the other (`multipart/mixed`), not one instead of the other, and say
/// different things: programs cut a mail in two around a file, and lists put a footer below.
fn mixed(raw: &[u8], mail: &Message<'_>) -> bool {
    let parts = || mail.text_body.iter().filter_map(|id| mail.part(*id));
    let is = |page: bool| parts().filter(move |part| matches!(part.body, PartType::Html(_)) == page);
    if is(true).next().is_none() || is(false).next().is_none() {
        return false;
    }
    let said = |part: &MessagePart<'_>| text_of(raw, part, &mut Vec::new()).into_owned();
    let plain: Vec<String> = is(false).map(said).collect();
    let pages: Vec<Body> = is(true).map(|part| html::read(&said(part))).collect();
    let plain = Body::plain(&plain.join("\n\n"));
    let repeats = |page: &Body| {
        let known: HashSet<String> = words(&page.text).collect();
        let (all, told) =
            words(&plain.text).fold((0, 0), |(all, told), word| (all + 1, told + usize::from(known.contains(&word))));
        told * 10 >= all * 7
    };
    !plain.is_blank() && !pages.iter().any(|page| page.is_blank() || stands_in(&plain, page) || repeats(page))
}

fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase)
}

/// Plain text that is a page: it begins and ends with a tag.
fn is_page(text: &str) -> bool {
    const BEGINNINGS: [&str; 8] = ["<html", "<!doctype html", "<head", "<body", "<div", "<p>", "<p ", "<table"];
    let text = text.trim();
    let begins = |start: &&str| text.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start));
    text.starts_with('<') && text.ends_with('>') && BEGINNINGS.iter().any(begins) && holds(text, "</")
}

/// The parts that are the body where none is marked as such: the first that may be text and the first that may be HTML.
/// A part whose boundary never closes, a bad or unknown type (RFC 2045 §5.2, RFC 2046 §4.1.4), an `attachment` without
/// a name. Not where a body has any words.
fn strays(mail: &Message<'_>) -> Vec<u32> {
    let words =
        |id: &u32| mail.part(*id).and_then(|part| part.text_contents()).is_some_and(|text| !text.trim().is_empty());
    if mail.text_body.iter().chain(&mail.html_body).any(words) {
        return Vec::new();
    }
    let (mut plain, mut page) = (None, None);
    for id in &mail.attachments {
        let Some(part) = mail.part(*id) else { continue };
        let kind = part.content_type();
        let (main, sub) = kind.map_or(("text", "plain"), |kind| (kind.ctype(), kind.subtype().unwrap_or_default()));
        let attached = part.content_disposition().is_some_and(|disposition| disposition.is_attachment());
        let body = ["plain", "html"].iter().any(|known| sub.eq_ignore_ascii_case(known));
        // A file has a name; a body may have one where no more than that makes it a file.
        if part.attachment_name().is_some() && (attached || !body) {
            continue;
        }
        let known = ["image", "audio", "video", "application", "message", "xessage", "font", "model", "haptics"];
        let other = |of: &[&str], name: &str| !of.iter().any(|of| of.eq_ignore_ascii_case(name));
        let files = ["calendar", "csv", "vcard", "x-vcard", "directory", "rfc822-headers", "xml", "css", "javascript"];
        if !part.contents().trim_ascii().is_empty()
            && other(&known, main)
            && other(&files, sub)
            && legible(part.contents())
        {
            let place = if sub.eq_ignore_ascii_case("html") { &mut page } else { &mut plain };
            place.get_or_insert(*id);
        }
    }
    plain.into_iter().chain(page).collect()
}

/// Decodes quoted-printable that does not say so.
fn decoded(text: &mut Cow<'_, str>, oddities: &mut Vec<String>) {
    if let Some(bytes) = armour::unlabelled_quoted(text) {
        oddities.push("body: quoted-printable that is not said to be".to_owned());
        *text = Cow::Owned(String::from_utf8_lossy(&bytes).into_owned());
    }
}

/// Whether bytes may be somebody's text: hardly a control or replacement character stands in their beginning.
pub fn legible(text: &[u8]) -> bool {
    let start = &text[..text.len().min(1_024)];
    // All control characters but tab, line ends, form feed and escape.
    let control = |byte: &u8| matches!(byte, 0..=8 | 0x0b | 0x0e..=0x1a | 0x1c..=0x1f | 0x7f);
    let control = start.iter().filter(|byte| control(byte)).count();
    // What is read in the wrong charset is full of characters that no script has (Unicode §23.5, private use).
    let (damaged, nobodys) = if start.is_ascii() {
        (0, 0)
    } else {
        let nobodys = |c: &char| matches!(c, '\u{e000}'..='\u{f8ff}');
        (
            memchr::memmem::find_iter(start, "\u{fffd}").count(),
            String::from_utf8_lossy(start).chars().filter(nobodys).count(),
        )
    };
    // In a few words one odd byte is no more than a slip.
    let worded = start.iter().filter(|byte| byte.is_ascii_alphanumeric()).take(3).count() == 3;
    let slips = if worded { 2 } else { 0 };
    let odd = control + damaged;
    (odd <= slips || odd * 20 <= start.len()) && (nobodys < 3 || nobodys * 60 <= start.len())
}

/// The HTML marks quoted text.
pub fn quotes(page: &str) -> bool {
    ["<blockquote", "gmail_quote", "divRplyFwdMsg", "yahoo_quoted"].iter().any(|mark| holds(page, mark))
}

fn holds(page: &str, mark: &str) -> bool {
    memchr::memmem::find(page.as_bytes(), mark.as_bytes()).is_some()
}

/// The plain text is no text but a word that there is HTML: "This is an HTML message", "View it in HTML", "-".
fn stands_in(plain: &Body, rich: &Body) -> bool {
    let letters = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).count();
    let text = plain.text.trim();
    if text.len() >= 400 || letters(&rich.text) == 0 {
        return false;
    }
    let lower = text.to_lowercase();
    const ELSEWHERE: [&str; 7] = [
        "html",
        "multi-part message",
        "multipart message",
        "view it in a browser",
        "view it in your browser",
        "view this email in",
        "view this message in",
    ];
    let points = ELSEWHERE.iter().any(|words| lower.contains(words))
        && text.lines().count() <= 4
        && !rich.text.to_lowercase().contains(&lower);
    // Spaces as HTML has them and places of pictures say nothing either.
    let said = lower.replace("&nbsp;", " ").split('[').enumerate().fold(0, |sum, (at, piece)| {
        let picture = at > 0 && (piece.starts_with("cid:") || piece.starts_with("image:"));
        sum + letters(if picture { piece.split_once(']').map_or("", |(_, rest)| rest) } else { piece })
    });
    points || (said < 3 && letters(&rich.text) > 3) || begins_only(text, rich)
}

/// Plain text that has but the first words of the page: a program made it of the page's beginning.
fn begins_only(plain: &str, rich: &Body) -> bool {
    let mut page = words(&rich.text);
    let mut said = 0;
    let same = words(plain).all(|word| {
        said += 1;
        page.next().is_some_and(|next| next == word)
    });
    same && said > 0 && page.take(2 * said + 8).count() == 2 * said + 8
}

/// The text of a text part, its charset judged anew where mail-parser may have been misled.
fn text_of<'a>(raw: &'a [u8], part: &'a MessagePart<'_>, oddities: &mut Vec<String>) -> Cow<'a, str> {
    // What is no text to the parser has a type that means nothing.
    let parsed = match part.text_contents() {
        Some(text) => text,
        None => std::str::from_utf8(part.contents()).unwrap_or("\u{fffd}"),
    };
    let label = part.content_type().and_then(|kind| kind.attribute("charset"));
    let utf8 = label.is_some_and(|label| label.eq_ignore_ascii_case("utf-8"));
    let escaped = memchr::memchr(0x1b, parsed.as_bytes()).is_some() || holds(parsed, "~{");
    let sound = !part.is_encoding_problem && !escaped && (parsed.is_ascii() || (utf8 && !parsed.contains('\u{fffd}')));
    let seven = label.is_some_and(|label| label.to_ascii_lowercase().contains("utf-7"));
    if sound && (utf8 || parsed.is_ascii()) && !seven && (parsed.is_ascii() || !charset::twice(parsed)) {
        return Cow::Borrowed(parsed);
    }
    let source = raw.get(part.offset_body as usize..part.offset_end as usize).unwrap_or_default();
    let declared = part.content_transfer_encoding().unwrap_or_default();
    let bytes: Cow<'_, [u8]> = if declared.trim().eq_ignore_ascii_case("base64") {
        let decoded = header::base64(source);
        // Text that is only said to be base64 decodes to nothing that anybody reads.
        let other = |byte: &u8| !byte.is_ascii_alphanumeric() && !b"+/=\r\n".contains(byte);
        if source.trim_ascii().iter().any(other) && std::str::from_utf8(&decoded).is_err() && legible(source) {
            let footed = armour::footed(source);
            let oddity = if footed.is_some() { "base64 with text below it" } else { "said to be base64 but is not" };
            oddities.push(format!("body: {oddity}"));
            footed.map_or(Cow::Borrowed(source), Cow::Owned)
        } else {
            if part.is_encoding_problem && !oddities.iter().any(|known| known.starts_with("broken base64")) {
                oddities.push("broken base64 in the body".to_owned());
            }
            Cow::Owned(decoded)
        }
    } else if part.encoding == Encoding::QuotedPrintable || declared.trim().eq_ignore_ascii_case("quoted-printable") {
        Cow::Owned(header::quoted_printable(source))
    } else {
        Cow::Borrowed(source)
    };
    if bytes.is_empty() && !parsed.is_empty() {
        return Cow::Borrowed(parsed);
    }
    // HTML may name its charset itself.
    let meta = if label.is_none() && matches!(part.body, PartType::Html(_)) { meta_charset(&bytes) } else { None };
    let (text, oddity) = charset::decode(&bytes, label.or(meta.as_deref()));
    if let Some(oddity) = oddity {
        let oddity = format!("body: {oddity}");
        if !oddities.contains(&oddity) {
            oddities.push(oddity);
        }
    }
    Cow::Owned(text.into_owned())
}

fn meta_charset(bytes: &[u8]) -> Option<String> {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(2_048)]).to_ascii_lowercase();
    let (_, after) = head.split_once("charset=")?;
    let label: String = after
        .trim_start_matches(['"', '\''])
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c))
        .collect();
    (!label.is_empty()).then_some(label)
}

/// The attachments of a parsed mail with their bytes: its parts, winmail.dat's files among them, then what stands
/// uuencoded in its text.
pub fn attachments<'a>(
    mail: &'a Message<'_>,
    raw: &'a [u8],
    images: &[(String, String)],
) -> Vec<(Attachment, Cow<'a, [u8]>)> {
    let mut out: Vec<(Attachment, Cow<'a, [u8]>)> = Vec::new();
    let strays = if mail.attachments.is_empty() { Vec::new() } else { strays(mail) };
    for id in mail.attachments.iter().filter(|id| !strays.contains(id)) {
        let Some(part) = mail.part(*id) else { continue };
        if out.len() >= MOST_ATTACHMENTS || matches!(part.body, PartType::Multipart(_)) {
            continue;
        }
        let kind = part.content_type();
        let media_type = kind.map_or_else(
            || "text/plain".to_owned(),
            |kind| match kind.subtype() {
                // Undo what `bounds::defuse` did.
                Some(sub) if kind.ctype().eq_ignore_ascii_case("xessage") => format!("message/{sub}"),
                Some(sub) => format!("{}/{sub}", kind.ctype()),
                None => kind.ctype().to_owned(),
            },
        );
        let media_type: String = header::one_line(&media_type)
            .to_ascii_lowercase()
            .chars()
            .filter(|c| c.is_ascii_graphic())
            .take(100)
            .collect();
        let bytes: Cow<'a, [u8]> = match &part.body {
            PartType::Message(_) => {
                Cow::Borrowed(raw.get(part.offset_body as usize..part.offset_end as usize).unwrap_or_default())
            }
            _ => Cow::Borrowed(part.contents()),
        };
        let cid = part.content_id().map(|cid| cid.trim_matches(['<', '>']));
        let image = cid.and_then(|cid| images.iter().find(|(known, _)| known == cid));
        let disposed = part.content_disposition().map(|disposition| disposition.is_attachment());
        let inline = image.is_some() || (media_type.starts_with("image/") && cid.is_some() && disposed != Some(true));
        let alt = image.map(|(_, alt)| alt.clone()).filter(|alt| !alt.is_empty());
        let alt = if media_type == "text/calendar" { part.text_contents().and_then(attachment::calendar) } else { alt };
        let alt = alt.map(|alt| alt.lines().next().unwrap_or_default().to_owned());
        let given = part.attachment_name().unwrap_or_default();
        // Raw bytes beyond ASCII, and pieces that part a character, are what the parser does not read.
        let head = raw.get(part.offset_header as usize..part.offset_body as usize).unwrap_or_default();
        let odd = given.contains('\u{fffd}') || memchr::memmem::find(head, b"name*1").is_some();
        let name = odd.then(|| attachment::raw_name(head)).flatten();
        let name = attachment::safe_name(name.as_deref().unwrap_or(given), out.len(), &media_type);
        let contained = if media_type.contains("ms-tnef") || name.eq_ignore_ascii_case("winmail.dat") {
            attachment::tnef(part.contents()).0
        } else {
            Vec::new()
        };
        out.push((Attachment { name, media_type, size: bytes.len(), inline, alt, ..Attachment::default() }, bytes));
        for (name, content) in contained {
            let media_type = "application/octet-stream".to_owned();
            let name = attachment::safe_name(&name, out.len(), &media_type);
            out.push((
                Attachment { name, media_type, size: content.len(), ..Attachment::default() },
                Cow::Borrowed(content),
            ));
        }
    }
    for part in mail.text_body.iter().filter_map(|id| mail.part(*id)) {
        let holds = part.text_contents().is_some_and(|text| holds(text, "begin "));
        if holds && matches!(part.body, PartType::Text(_)) {
            for file in uuencode::take(&text_of(raw, part, &mut Vec::new())).1 {
                let media_type = "application/octet-stream".to_owned();
                let name = attachment::safe_name(&file.name, out.len(), &media_type);
                let size = file.content.len();
                out.push((Attachment { name, media_type, size, ..Attachment::default() }, Cow::Owned(file.content)));
            }
        }
    }
    out
}
