//! Raw mail to request: MIME is read by mail-parser, everything people do inside it is read here.
//!
//! Never panics, never loses a mail: what cannot be decoded is an oddity, what is over the bounds a refusal.

use mail_parser::{Message, MimeHeaders};

use super::content::{self, Content};
use super::form::{self, Form};
use super::header::Headers;
use super::lines::Body;
use super::quote::{self, Context, Kind, Parts};
use super::reading::Reading;
use super::{
    Bounce, FieldKey, Mailbox, Refusal, Request, Setting, address, armour, authentication, charset, encoded, forward,
    header, language, list, screening, structure, thread,
};

/// Links that a request lists.
const MOST_LINKS: usize = 100;

/// Headers kept for the rules, and characters of each.
const HEADERS: usize = 32;
const HEADER_CHARS: usize = 500;

/// Reads one raw mail (RFC 5322). `Err` when it is over `setting.bounds`: quarantine it, whole.
pub fn read(raw: &[u8], setting: &Setting) -> Result<Request, Refusal> {
    let (raw, repaired) = structure::prepared(raw, &setting.bounds)?;
    let raw = &*raw;
    let reading = &*setting.reading;
    let headers = Headers::parse(raw);
    let headless = !headers.are_of_mail();
    if headless && (raw.trim_ascii().is_empty() || !content::legible(raw)) {
        return Err(Refusal { reason: "no mail: it has no header, and its body is empty or no text".to_owned() });
    }
    let mut request = Request { oddities: repaired, ..Request::default() };
    envelope(&headers, &mut request);
    let authentication = authentication::read(&headers, setting.authserv_id.as_deref(), setting.verified.as_ref());
    let writer = list::writer(&headers, &request.from, &setting.own_addresses);
    let writer = writer.filter(|_| authentication.refuted().is_none());
    let listed = writer.is_some();
    if let Some(writer) = writer {
        request.via = Some(std::mem::replace(&mut request.from, writer));
    }
    let sender = request.from.clone();

    // Of a text without headers a parser would take all before its first blank line for some.
    let mail = if headless { None } else { content::parse(raw) };
    if headless {
        request.oddities.push("no headers: read as text".to_owned());
    }
    let mut content = match &mail {
        Some(mail) => content::read(raw, mail),
        None => Content { body: Body::plain(&charset::decode(raw, None).0), ..Content::default() },
    };
    if let Some(mail) = &mail {
        request.date = mail.date().filter(|date| date.is_valid()).map(|date| date.to_timestamp().saturating_mul(1000));
        let images = content.rich.as_ref().map_or(&content.body.images, |rich| &rich.images);
        request.attachments =
            content::attachments(mail, raw, images).into_iter().map(|(attachment, _)| attachment).collect();
    }
    if content.html.is_none() && !content::legible(content.body.text.as_bytes()) {
        return Err(Refusal { reason: "undecodable: what stands in place of its text is binary data".to_owned() });
    }
    request.oddities.append(&mut content.oddities);
    if content.body.links.is_empty() {
        quote::unglue(&mut content.body, reading);
    }

    let (prefix, _) = prefix(&request.subject);
    // `VS` forwards in Norwegian and answers in Finnish: then the headers decide.
    let answers = !request.thread.in_reply_to.is_empty() && reading.reply_prefixes.contains(&prefix);
    let forwards =
        (reading.forward_prefixes.contains(&prefix) && !answers) || request.subject.to_lowercase().ends_with("(fwd)");
    let titled_reply = reading.reply_prefixes.contains(&prefix);
    let threaded = !request.thread.in_reply_to.is_empty() || !request.thread.references.is_empty();
    let reply = titled_reply || threaded;
    let named = format!("{} {}", sender.name.as_deref().unwrap_or_default(), sender.address);
    // What an agent sends to the desk above a customer's mail hands that over, whatever the subject says.
    let answered = reply && !forward::is_agent(&sender.address, setting);
    let context = Context { sender: &named, forward: forwards, reply: answered, own: &setting.own_addresses };
    let mut parts = quote::split(&content.body, &context, reading);
    if parts.quoted.is_empty()
        && parts.forwarded.is_empty()
        && let Some(rich) = content.rich.take_if(|_| content.html.as_deref().is_some_and(content::quotes))
    {
        // The plain text lost the marks of its quotes; the HTML has them.
        let better = quote::split(&rich, &context, reading);
        if !better.quoted.is_empty() && !better.text.is_empty() {
            parts = better;
            content.body = rich;
        } else {
            content.rich = Some(rich);
        }
    }
    if parts.hidden_answers
        && let Some(rich) = content.rich.take()
    {
        // Colours tell the answers, which plain text has not.
        let better = quote::split(&rich, &context, reading);
        if better.hidden_answers {
            content.rich = Some(rich);
        } else {
            parts = better;
            content.body = rich;
        }
    }
    let reply_to = headers.plain("Reply-To").map(|value| address::list(&value)).unwrap_or_default();
    let reply_to = reply_to.into_iter().find(|mailbox| !mailbox.address.is_empty());
    // Jotform writes `Re:` before what answers nothing.
    let robot = form::robot(sender.name.as_deref().unwrap_or_default(), &sender.address, reading);
    let site = form::site(&sender.address, reading);
    let answer = forwards || (titled_reply && threaded) || (reply && !robot);
    let own = |address: &str| setting.own_addresses.iter().any(|own| own.eq_ignore_ascii_case(address));
    let told = form::Context {
        name: sender.name.as_deref().unwrap_or_default(),
        address: &sender.address,
        subject: &request.subject,
        reply_to: reply_to.as_ref().map(|mailbox| &*mailbox.address).filter(|address| *address != sender.address),
        house: setting.own_addresses.iter().any(|own| domain(own).eq_ignore_ascii_case(domain(&sender.address))),
    };
    let read = |body: &Body, parts: &Parts| if answer { None } else { read_form(body, parts, &told, robot, reading) };
    let mut form = read(&content.body, &parts);
    if robot && form.as_ref().is_none_or(|form| !form.sure) {
        // What was a table may be nothing but lines in the plain text beside it.
        let rich = content.rich.as_ref().and_then(|rich| read(rich, &quote::split(rich, &context, reading)));
        form = rich.filter(|rich| rich.sure).or(form);
    }
    if form.as_ref().is_some_and(|form| form.more) {
        request.oddities.push("more fields than any form has: those after the first 200 are read as text".to_owned());
    }
    let shown = shown(&content, &parts, form.is_some(), &context, reading);
    request.links = shown.links;

    let hidden_answers = parts.hidden_answers;
    let said = format!("{}\n{}", parts.text, parts.signature);
    let names = |form: &Form| form.requester().is_some_and(|customer| !own(&customer.address));
    let on_behalf =
        form.as_ref().is_some_and(|form| form.machine || (form.sure && (names(form) || reply_to.is_some())));
    match form {
        Some(form) if form.sure => take_form(form, &mut request, &sender, reply_to, own),
        form => {
            request.fields = form.map(|form| form.fields).unwrap_or_default();
            request.text = parts.text;
            for picture in shown.pictures {
                let apart = if request.text.is_empty() { "" } else { "\n" };
                request.text.push_str(&format!("{apart}[{picture}]"));
            }
            request.quoted = parts.quoted;
            request.signature = parts.signature;
            request.forwarded = parts.forwarded;
            request.forwarded_from = parts.forwarded_from;
            let foreign =
                |mailbox: &Mailbox| domain(&mailbox.address) != domain(&sender.address) && !own(&mailbox.address);
            let person = |mailbox: &Mailbox| !form::site(&mailbox.address, reading);
            let customer = reply_to.filter(|to| foreign(to) && (robot || site && !answer && person(to)));
            if let Some(customer) = customer {
                // A form whose fields nobody knows: its program says whom to answer.
                request.via = Some(std::mem::replace(&mut request.from, customer));
            }
        }
    }
    if armour::noise(&request.text) {
        // What nobody reads tells nothing; agents find it with what else is not new.
        request.oddities.push("body: encoded data where words should stand".to_owned());
        let noise = std::mem::take(&mut request.text);
        request.quoted = if request.quoted.is_empty() { noise } else { format!("{noise}\n\n{}", request.quoted) };
    }
    if let Some(mail) = &mail {
        forward::attached(mail, raw, forwards, setting, &mut request);
    }
    let rich = || Some(quote::split(content.rich.as_ref()?, &context, reading).forwarded);
    forward::through_form(&mut request, rich, reading);
    if request.text.is_empty()
        && request.forwarded.is_empty()
        && let Some(summary) = content.calendar.take()
    {
        request.text = summary;
    }
    // What stands in a list's headers makes nobody an agent: anybody writes to it.
    let handed_on = !listed && forward::by_agent(&mut request, &authentication, setting);

    let report = mail.as_ref().and_then(report);
    let seen = screening::Mail {
        headers: &headers,
        sender: &sender,
        subject: &request.subject,
        text: &said,
        report: report.as_deref(),
        on_behalf,
        reply: reply || forwards,
        linked: !request.links.is_empty()
            || content.html.as_deref().is_some_and(|html| memchr::memmem::find(html.as_bytes(), b"href").is_some()),
    };
    request.automated = screening::automated(&seen, &setting.own_addresses, reading);
    request.no_reply = screening::no_reply(&seen, &request.from, reading);
    if hidden_answers && request.no_reply.is_none() {
        request.no_reply = Some("the text says that answers stand inside what it quotes".to_owned());
    }
    match request.automated.as_ref().map(|automated| automated.kind) {
        Some(super::AutomatedKind::Bounce) => {
            let text = format!("{said}\n{}\n{}", request.quoted, request.forwarded);
            request.bounce = Some(bounce(&headers, mail.as_ref(), raw, &text));
        }
        Some(super::AutomatedKind::Report) => {
            let (fields, original) = report_parts(mail.as_ref(), raw);
            request.reported = screening::reported(fields.as_deref(), original.as_deref());
        }
        _ => {}
    }
    // The verdict is about who sent the mail: of whom its text names it proves nothing, unless an agent forwards it.
    if !listed && request.via.as_ref().is_none_or(|via| forward::is_agent(&via.address, setting)) {
        request.authentication = authentication;
    }
    request.headers = asked_for(&headers, &reading.headers);
    // Of what an agent hands on, the customer's words tell in which language he is answered, not the agent's.
    request.language = match handed_on {
        true => language::detect(&quote::letter(&request.forwarded, reading), reading),
        false => language::detect(&request.text, reading),
    };
    request.html = content.html;
    Ok(request)
}

/// The headers with these names, within bounds.
fn asked_for(headers: &Headers<'_>, names: &[String]) -> Vec<(String, String)> {
    if names.is_empty() {
        return vec![];
    }
    let wanted = headers.iter().filter(|(name, _)| names.iter().any(|wanted| wanted.eq_ignore_ascii_case(name)));
    let value = |value: &[u8]| header::decoded(&header::unfold(value).0).chars().take(HEADER_CHARS).collect();
    wanted.take(HEADERS).map(|(name, raw)| (name.to_owned(), value(raw))).collect()
}

/// The decoded bytes of the attachment with this index in [`Request::attachments`], if the mail has it.
pub fn attachment(raw: &[u8], index: usize) -> Option<Vec<u8>> {
    let (raw, _) = structure::prepared(raw, &super::Bounds::default()).ok()?;
    let raw = &*raw;
    let mail = content::parse(raw)?;
    content::attachments(&mail, raw, &[]).into_iter().nth(index).map(|(_, bytes)| bytes.into_owned())
}

/// Sender, recipients, subject, ids and thread keys.
fn envelope(headers: &Headers<'_>, request: &mut Request) {
    let mut value = |name: &str| {
        let raw = headers.raw(name).next()?;
        let (text, oddity) = header::unfold(raw);
        let nul = || memchr::memchr(0, raw).map(|_| "NUL characters".to_owned());
        if let Some(oddity) = oddity.or_else(|| encoded::fault(&text)).or_else(nul) {
            request.oddities.push(format!("header {name}: {oddity}"));
        }
        Some(text.into_owned())
    };
    let from = value("From").map(|from| address::list(&from)).unwrap_or_default();
    let to = value("To").map(|to| address::list(&to)).unwrap_or_default();
    let cc = value("Cc").map(|cc| address::list(&cc)).unwrap_or_default();
    let subject = value("Subject").map(|subject| header::decoded(&subject)).unwrap_or_default();
    let fallback = ["Sender", "Reply-To", "Return-Path"].iter().find_map(|name| {
        headers
            .plain(name)
            .and_then(|value| address::list(&value).into_iter().find(|mailbox| !mailbox.address.is_empty()))
    });
    let count = headers.raw("From").count();
    if count > 1 {
        request.oddities.push(format!("{count} From headers"));
    }
    if from.len() > 1 {
        request.oddities.push(format!("{} senders in From", from.len()));
    }
    let named = from.iter().find_map(|mailbox| mailbox.name.clone());
    request.from = match from.into_iter().find(|mailbox| !mailbox.address.is_empty()) {
        Some(mailbox) => mailbox,
        None => {
            request.oddities.push("no readable sender in From".to_owned());
            fallback
                .map(|mailbox| Mailbox { name: named.clone().or(mailbox.name), address: mailbox.address })
                .unwrap_or(Mailbox { name: named, address: String::new() })
        }
    };
    request.thread = thread::keys(headers, &to, &cc, &subject);
    request.message_id = headers.plain("Message-ID").and_then(|id| {
        thread::message_ids(&id)
            .into_iter()
            .next()
            .or_else(|| Some(header::one_line(id.trim_matches(['<', '>', ' ']))).filter(|id| !id.is_empty()))
    });
    request.to = to;
    request.cc = cc;
    request.entitle(&subject);
}

/// The first prefix of a subject, lower case, and the rest: `AW: x`, `Re[2]: x`, `Fwd : x`, `回复：x`.
fn prefix(subject: &str) -> (String, &str) {
    let Some((at, colon)) = subject.char_indices().take(24).find(|(_, c)| matches!(c, ':' | '：')) else {
        return (String::new(), subject);
    };
    let head = subject[..at].split(['[', '(', '^']).next().unwrap_or_default().trim();
    let head = head.trim_end_matches(|c: char| c.is_ascii_digit());
    (head.to_lowercase(), subject[at + colon.len_utf8()..].trim_start())
}

fn read_form(body: &Body, parts: &Parts, told: &form::Context<'_>, robot: bool, reading: &Reading) -> Option<Form> {
    let form = form::read(body, told, reading)?;
    // A form below a header block or a quote was somebody's older mail, unless a robot says nothing else.
    let old = |at: usize| matches!(parts.kinds.get(at), Some(Kind::Quoted | Kind::Forwarded));
    let first = (0..body.lines.len())
        .find(|at| body.line(*at).contains(form.fields.first().map_or("\n", |field| field.label.as_str())));
    if first.is_some_and(old) && told.reply_to.is_none() && !(robot && parts.text.is_empty()) {
        return None;
    }
    Some(form)
}

/// The domain of an address.
fn domain(address: &str) -> &str {
    address.rsplit_once('@').map_or("", |(_, domain)| domain)
}

/// Puts a form into the request: its fields, its words, and the person who filled it in.
fn take_form(
    form: Form,
    request: &mut Request,
    sender: &Mailbox,
    reply_to: Option<Mailbox>,
    own: impl Fn(&str) -> bool,
) {
    // Of several addresses, the one that its program says to answer.
    let answered = reply_to.as_ref().map(|mailbox| &mailbox.address).filter(|address| form.names(address));
    let says = |customer: &Mailbox| answered.is_none_or(|address| *address == customer.address);
    let customer = form.requester().filter(|customer| says(customer) && !own(&customer.address)).or_else(|| {
        let name = form.person.clone();
        reply_to.map(|mailbox| Mailbox { name: name.or(mailbox.name), address: mailbox.address })
    });
    if let Some(customer) = customer
        && customer.address != sender.address
    {
        request.from = customer;
        request.via = Some(sender.clone());
    }
    if let Some(subject) =
        form.fields.iter().find(|field| field.key == FieldKey::Subject && !field.value.trim().is_empty())
    {
        request.entitle(&subject.value);
    }
    request.text = form.text;
    request.signature = form.footer;
    request.fields = form.fields;
}

/// What the new text shows and plain text has no words for.
#[derive(Default)]
struct Shown {
    /// Link targets.
    links: Vec<String>,
    /// The words of pictures that no part holds, as far as the plain text does not have them.
    pictures: Vec<String>,
}

fn shown(content: &Content, parts: &Parts, whole: bool, context: &Context<'_>, reading: &Reading) -> Shown {
    let take = |listed: &[(usize, String)], kinds: &[Kind]| {
        let mut taken: Vec<String> = Vec::new();
        for (line, what) in listed {
            if (whole || kinds.get(*line).is_none_or(|kind| *kind == Kind::New))
                && taken.len() < MOST_LINKS
                && !taken.contains(what)
            {
                taken.push(what.clone());
            }
        }
        taken
    };
    match &content.rich {
        Some(rich) if rich.links.is_empty() && rich.pictures.is_empty() => Shown::default(),
        Some(rich) => {
            let kinds = quote::split(rich, context, reading).kinds;
            let mut pictures = take(&rich.pictures, &kinds);
            pictures.retain(|words| !content.body.text.contains(words.as_str()));
            Shown { links: take(&rich.links, &kinds), pictures }
        }
        None => Shown { links: take(&content.body.links, &parts.kinds), pictures: Vec::new() },
    }
}

/// The report type of a `multipart/report` (RFC 6522), lower case; of a bare report part likewise.
pub(super) fn report(mail: &Message<'_>) -> Option<String> {
    let kind = mail.parts.first()?.content_type()?;
    let kind_of = |sub: &str| {
        matches!(sub, "delivery-status" | "disposition-notification" | "feedback-report").then(|| sub.to_owned())
    };
    if kind.ctype().eq_ignore_ascii_case("message") {
        return kind_of(&kind.subtype()?.to_ascii_lowercase());
    }
    if !(kind.ctype().eq_ignore_ascii_case("multipart")
        && kind.subtype().is_some_and(|sub| sub.eq_ignore_ascii_case("report")))
    {
        return None;
    }
    let named = kind.attribute("report-type").map(|name| name.trim().to_ascii_lowercase());
    named.filter(|name| !name.is_empty()).or_else(|| {
        mail.parts
            .iter()
            .filter_map(|part| part.content_type()?.subtype())
            .find_map(|sub| kind_of(&sub.to_ascii_lowercase()))
    })
}

fn bounce(headers: &Headers<'_>, mail: Option<&Message<'_>>, raw: &[u8], text: &str) -> Bounce {
    let (status, original) = report_parts(mail, raw);
    screening::bounce(headers, status.as_deref(), original.as_deref(), text)
}

/// The fields of a report, and the mail that it is about, or the head of that.
fn report_parts(mail: Option<&Message<'_>>, raw: &[u8]) -> (Option<String>, Option<Vec<u8>>) {
    let mut fields = None;
    let mut original: Option<Vec<u8>> = None;
    for part in mail.map(|mail| mail.parts.as_slice()).unwrap_or_default() {
        let Some(kind) = part.content_type() else { continue };
        match (kind.ctype(), kind.subtype().unwrap_or_default()) {
            // `bounds::defuse` renames what is encoded.
            (
                "message" | "xessage",
                "delivery-status"
                | "global-delivery-status"
                | "disposition-notification"
                | "global-disposition-notification"
                | "feedback-report",
            ) => fields = Some(charset::decode(part.contents(), None).0.into_owned()),
            ("message", "rfc822" | "global") => {
                original = raw.get(part.offset_body as usize..part.offset_end as usize).map(<[u8]>::to_vec);
            }
            ("text", "rfc822-headers") | ("xessage", _) => original = Some(part.contents().to_vec()),
            _ => {}
        }
    }
    (fields, original)
}
