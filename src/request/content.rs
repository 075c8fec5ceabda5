//! Which parts of a mail are its body, which are attachments; bytes to text with every repair told.
//!
//! Structure comes from mail-parser; charsets are judged here, because people's programs declare them wrongly.

use std::borrow::Cow;
use std::sync::LazyLock;

use mail_parser::{Encoding, HeaderName, Message, MessageParser, MessagePart, MimeHeaders, PartType};

use super::lines::Body;
use super::{Attachment, attachment, charset, header, html, uuencode};

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
    /// A calendar part, on one line.
    pub calendar: Option<String>,
    /// What was repaired.
    pub oddities: Vec<String>,
}

/// Reads the body of a parsed mail.
pub fn read(raw: &[u8], mail: &Message<'_>) -> Content {
    let mut content = Content::default();
    let mut texts: Vec<(Cow<'_, str>, bool, bool)> = Vec::new();
    let mut pages: Vec<Cow<'_, str>> = Vec::new();
    for id in &mail.text_body {
        if let Some(part) = mail.part(*id)
            && matches!(part.body, PartType::Text(_))
        {
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
    content.calendar = mail
        .parts
        .iter()
        .find(|part| {
            part.content_type().is_some_and(|kind| kind.ctype() == "text" && kind.subtype() == Some("calendar"))
        })
        .and_then(|part| attachment::calendar(&text_of(raw, part, &mut content.oddities)));
    for (text, ..) in &mut texts {
        if let (Cow::Owned(rest), _) = uuencode::take(text) {
            *text = Cow::Owned(rest);
        }
    }
    let plain = match texts.as_slice() {
        [] => Body::default(),
        [(text, true, delsp)] => Body::flowed(text, *delsp),
        [(text, false, _)] => Body::plain(text),
        several => Body::plain(&several.iter().map(|(text, ..)| text.trim_end()).collect::<Vec<_>>().join("\n\n")),
    };
    let page = pages.join("\n<hr>\n");
    if page.trim().is_empty() {
        content.body = plain;
        return content;
    }
    // Worth reading when it is the body, or for the targets and pictures that plain text does not show.
    let empty = plain.is_blank();
    let wanted = empty || plain.text.len() < 400 || holds(&page, "http") || holds(&page, "cid:") || quotes(&page);
    let parts: Vec<&str> = match holds(&page, "cid:") {
        true => {
            mail.parts.iter().filter_map(|part| part.content_id()).map(|cid| cid.trim_matches(['<', '>'])).collect()
        }
        false => Vec::new(),
    };
    let rich = wanted.then(|| html::read_among(&page, Some(&parts)));
    match rich {
        Some(rich) if empty || stands_in(&plain, &rich) => content.body = rich,
        rich => {
            content.body = plain;
            content.rich = rich;
        }
    }
    content.html = Some(page);
    content
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
    let points = lower.contains("html") && text.lines().count() <= 4 && !rich.text.to_lowercase().contains(&lower);
    points || (letters(text) < 3 && letters(&rich.text) > 3)
}

/// The text of a text part, its charset judged anew where mail-parser may have been misled.
fn text_of<'a>(raw: &'a [u8], part: &'a MessagePart<'_>, oddities: &mut Vec<String>) -> Cow<'a, str> {
    let parsed = part.text_contents().unwrap_or_default();
    let label = part.content_type().and_then(|kind| kind.attribute("charset"));
    let utf8 = label.is_some_and(|label| label.eq_ignore_ascii_case("utf-8"));
    let escaped = memchr::memchr(0x1b, parsed.as_bytes()).is_some() || holds(parsed, "~{");
    let sound = !part.is_encoding_problem && !escaped && (parsed.is_ascii() || (utf8 && !parsed.contains('\u{fffd}')));
    if sound && (utf8 || parsed.is_ascii()) {
        return Cow::Borrowed(parsed);
    }
    let source = raw.get(part.offset_body as usize..part.offset_end as usize).unwrap_or_default();
    let declared = part.content_transfer_encoding().unwrap_or_default();
    let bytes: Cow<'_, [u8]> = if declared.trim().eq_ignore_ascii_case("base64") {
        if part.is_encoding_problem {
            oddities.push("broken base64 in the body".to_owned());
        }
        Cow::Owned(header::base64(source))
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
    for id in &mail.attachments {
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
        let name = attachment::safe_name(part.attachment_name().unwrap_or_default(), out.len(), &media_type);
        let contained = if media_type.contains("ms-tnef") || name.eq_ignore_ascii_case("winmail.dat") {
            attachment::tnef(part.contents())
        } else {
            Vec::new()
        };
        out.push((Attachment { name, media_type, size: bytes.len(), inline, alt, url: None }, bytes));
        for (name, content) in contained {
            let media_type = "application/octet-stream".to_owned();
            let name = attachment::safe_name(&name, out.len(), &media_type);
            out.push((
                Attachment { name, media_type, size: content.len(), inline: false, alt: None, url: None },
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
                out.push((
                    Attachment { name, media_type, size, inline: false, alt: None, url: None },
                    Cow::Owned(file.content),
                ));
            }
        }
    }
    out
}
