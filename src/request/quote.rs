//! Takes a body apart: new text, quoted text, signature, forwarded message.
//!
//! Every line goes to exactly one of the four, in order; nothing is dropped. In doubt a line is new text: a question
//! too much in the customer's words is better than a word lost. One pass over the lines, each looks at most a few
//! ahead, so time is linear in size.

use super::lines::{Body, Hint};
use super::reading::{Label, Reading};
use super::{Forwarded, address, header, signature};

/// How long an attribution or header line may be.
const LONGEST_LINE: usize = 1_000;
/// Over how many lines an attribution may be wrapped.
const MOST_LINES: usize = 4;

/// Which part a line belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kind {
    /// What the requester wrote now.
    #[default]
    New,
    /// From older mail.
    Quoted,
    /// Names, contacts, notices.
    Signature,
    /// Of a forwarded message.
    Forwarded,
}

/// What is known of the mail besides its body.
#[derive(Debug, Clone, Copy, Default)]
pub struct Context<'a> {
    /// The sender's display name and address: signatures start with it.
    pub sender: &'a str,
    /// The subject says that the mail is forwarded.
    pub forward: bool,
    /// Subject or headers say that the mail is an answer.
    pub reply: bool,
}

/// A body taken apart.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Parts {
    /// The part of each line.
    pub kinds: Vec<Kind>,
    /// The new text.
    pub text: String,
    /// The quoted text.
    pub quoted: String,
    /// The signature.
    pub signature: String,
    /// The forwarded text.
    pub forwarded: String,
    /// Who wrote the forwarded message.
    pub forwarded_from: Option<Forwarded>,
}

/// Takes plain text apart, as it stands in a mail.
pub fn plain(text: &str, reading: &Reading) -> Parts {
    split(&Body::plain(text), &Context::default(), reading)
}

/// Takes a body apart.
pub fn split(body: &Body, context: &Context<'_>, reading: &Reading) -> Parts {
    let mut walk = Walk { body, reading, kinds: vec![Kind::New; body.lines.len()], marked: false, begins: Vec::new() };
    walk.run(context);
    let Walk { mut kinds, marked, .. } = walk;
    let is_new = |kinds: &[Kind]| {
        kinds.iter().enumerate().any(|(at, kind)| *kind == Kind::New && !body.line(at).trim().is_empty())
    };
    if !marked && !context.reply && !is_new(&kinds) {
        // All of it indented, nothing that introduces a quote: a first mail in a blockquote.
        kinds.fill(Kind::New);
    }
    signature::mark(body, &mut kinds, context.sender, reading);
    let forwarded_from = kinds.contains(&Kind::Forwarded).then(|| origin(body, &kinds, reading)).flatten();
    let (text, quoted) = (joined(body, &kinds, Kind::New), joined(body, &kinds, Kind::Quoted));
    let (signature, forwarded) = (joined(body, &kinds, Kind::Signature), joined(body, &kinds, Kind::Forwarded));
    Parts { kinds, text, quoted, signature, forwarded, forwarded_from }
}

/// The lines of one part; where others stood between them, a blank line.
fn joined(body: &Body, kinds: &[Kind], wanted: Kind) -> String {
    let mut out = String::new();
    let mut last = None;
    for (at, kind) in kinds.iter().enumerate() {
        let line = body.line(at);
        let blank = line.trim().is_empty();
        let gap = last.is_some_and(|last| at > last + 1);
        if *kind != wanted || ((out.is_empty() || gap) && blank) {
            continue;
        }
        if gap {
            out.truncate(out.trim_end().len());
            out.push_str("\n\n");
        } else if last.is_some() {
            out.push('\n');
        }
        out.push_str(line);
        last = Some(at);
    }
    out.truncate(out.trim_end().len());
    out
}

struct Walk<'a> {
    body: &'a Body,
    reading: &'a Reading,
    kinds: Vec<Kind>,
    /// Something introduced a quote: an attribution, a header block, a marker.
    marked: bool,
    /// Whether a line begins an attribution, as far as it was asked.
    begins: Vec<Option<bool>>,
}

impl Walk<'_> {
    fn run(&mut self, context: &Context<'_>) {
        self.begins = vec![None; self.kinds.len()];
        let count = self.kinds.len();
        let mut at = 0;
        let mut new_seen = false;
        while at < count {
            let text = self.body.line(at);
            let line = self.body.lines[at];
            if text.trim().is_empty() {
                at += 1;
                continue;
            }
            if line.depth > 0 || line.hint == Hint::Quoted {
                self.kinds[at] = Kind::Quoted;
                at += 1;
                continue;
            }
            match self.marker(at) {
                Some(Marker::Forwarded) => return self.rest(at, Kind::Forwarded),
                Some(Marker::Original) => {
                    return self.rest(at, if context.forward { Kind::Forwarded } else { Kind::Quoted });
                }
                Some(Marker::ReplyAbove) if new_seen => return self.rest(at, Kind::Quoted),
                Some(Marker::ReplyAbove) => {
                    self.kinds[at] = Kind::Quoted;
                    at += 1;
                    continue;
                }
                None => {}
            }
            if self.header_block(at, self.ruled(at)) {
                return self.rest(at, if context.forward { Kind::Forwarded } else { Kind::Quoted });
            }
            if let Some((end, strong)) = self.attribution(at) {
                let next = (end + 1..count).find(|next| !self.body.line(*next).trim().is_empty());
                let quoted = next.is_none_or(|next| self.body.lines[next].depth > 0);
                if !quoted && strong {
                    return self.rest(at, Kind::Quoted);
                }
                if quoted || line.hint == Hint::Attribution {
                    self.marked = true;
                    self.kinds[at..=end].fill(Kind::Quoted);
                    at = end + 1;
                    continue;
                }
            }
            if self.overflow(at) {
                self.kinds[at] = Kind::Quoted;
            } else {
                new_seen = true;
            }
            at += 1;
        }
    }

    /// All from here to the end, and the rule above it, is of one part.
    fn rest(&mut self, at: usize, kind: Kind) {
        self.marked = true;
        self.kinds[at..].fill(kind);
        let mut above = at;
        while above > 0 && self.kinds[above - 1] == Kind::New {
            let line = self.body.line(above - 1).trim();
            if !line.is_empty() && !is_rule(line) {
                break;
            }
            above -= 1;
            if is_rule(line) {
                self.kinds[above..at].fill(kind);
                break;
            }
        }
    }

    /// A rule stands before this line: drawn, or written as dashes or underscores.
    fn ruled(&self, at: usize) -> bool {
        self.body.lines[at].ruled
            || self.body.lines.get(at.wrapping_sub(1)).is_some_and(|line| line.ruled && line.start == line.end)
            || (0..at)
                .rev()
                .take(3)
                .map(|above| self.body.line(above).trim())
                .find(|line| !line.is_empty())
                .is_some_and(is_rule)
    }

    /// What a line says that stands between original, forwarded and new mail.
    fn marker(&self, at: usize) -> Option<Marker> {
        let line = self.body.line(at).trim();
        if line.len() > 160 {
            return None;
        }
        let dashes = |c: char| "-_=*─—–#~<>|".contains(c) || c.is_whitespace();
        let words = line.trim_matches(dashes);
        if words.is_empty() {
            return None;
        }
        let lead = line.len() - line.trim_start_matches(dashes).len();
        let colon = words.ends_with([':', '：']);
        if lead >= 2 || colon {
            let phrase = words.trim_end_matches([':', '：', '.']).trim_end().to_lowercase();
            if self.reading.forwarded.contains(&phrase) {
                return Some(Marker::Forwarded);
            }
            if self.reading.original.contains(&phrase) && (lead >= 2 || self.header_block_follows(at)) {
                return Some(Marker::Original);
            }
            // Lotus Notes: `----- Forwarded by Jane Roe/Acme on 04/03/2025 09:14 -----`.
            if lead >= 4
                && line.ends_with('-')
                && self
                    .reading
                    .forwarded
                    .iter()
                    .any(|known| phrase.strip_prefix(known.as_str()).is_some_and(|rest| rest.starts_with(' ')))
            {
                return Some(Marker::Forwarded);
            }
        }
        self.reading.reply_above.has(line).then_some(Marker::ReplyAbove)
    }

    fn header_block_follows(&self, at: usize) -> bool {
        (at + 1..self.kinds.len())
            .take(3)
            .find(|next| !self.body.line(*next).trim().is_empty())
            .is_some_and(|next| self.header_block(next, true))
    }

    /// Whether a quoted header block starts here: `From: … Sent: … To: … Subject: …` in any language, values wrapped.
    fn header_block(&self, at: usize, ruled: bool) -> bool {
        let Some((first, _)) = label(self.body.line(at), self.reading) else { return false };
        if !matches!(first, Label::From | Label::Sent | Label::To | Label::Subject) {
            return false;
        }
        let mut seen: Vec<Label> = Vec::with_capacity(6);
        let mut sender = false;
        let mut wrapped = 0;
        for next in at..self.kinds.len().min(at + 20) {
            let line = self.body.line(next);
            match label(line, self.reading) {
                Some((label, value)) => {
                    if label == Label::From {
                        sender = value.contains('@') || value.chars().filter(|c| c.is_alphabetic()).count() >= 2;
                    }
                    if label != Label::Other && !seen.contains(&label) {
                        seen.push(label);
                    }
                    wrapped = 0;
                }
                None if line.trim().is_empty() => break,
                None if wrapped < 2 => wrapped += 1,
                None => break,
            }
        }
        let dated = seen.contains(&Label::Sent) || seen.contains(&Label::Subject);
        sender && dated && seen.len() >= if ruled { 2 } else { 3 }
    }

    /// Whether an attribution starts here: its last line, and whether it stands for itself without quote marks below.
    fn attribution(&mut self, at: usize) -> Option<(usize, bool)> {
        if self.body.lines[at].hint == Hint::Attribution {
            let last = (at..self.kinds.len())
                .take(MOST_LINES)
                .take_while(|next| self.body.lines[*next].hint == Hint::Attribution)
                .last()?;
            return Some((last, false));
        }
        let begins = self.begins(at);
        let first = self.body.line(at);
        let mut joined = String::new();
        for end in at..self.kinds.len().min(at + MOST_LINES) {
            let line = self.body.line(end).trim();
            if line.is_empty() || joined.len() + line.len() > LONGEST_LINE || self.body.lines[end].depth > 0 {
                return None;
            }
            if end > at && self.begins(end) {
                // It starts later, if at all.
                return None;
            }
            if end == at && !begins && !line.contains('@') && !line.ends_with([':', '：']) {
                return None;
            }
            if !joined.is_empty() {
                joined.push(' ');
            }
            joined.push_str(line);
            if line.ends_with([':', '：']) || line.ends_with(":*") {
                return judge(&joined, begins, first, self.reading).map(|strong| (end, strong));
            }
        }
        None
    }

    fn begins(&mut self, at: usize) -> bool {
        if let Some(known) = self.begins[at] {
            return known;
        }
        let line = self.body.line(at);
        let known = line.len() <= LONGEST_LINE && (self.reading.starter.is_match(line) || dated_start(line));
        self.begins[at] = Some(known);
        known
    }

    /// A quoted line that a mail program broke: its end stands below it without a mark, and the quote goes on.
    fn overflow(&self, at: usize) -> bool {
        if at == 0 || at + 1 >= self.kinds.len() || self.kinds[at - 1] != Kind::Quoted {
            return false;
        }
        let (above, line, below) = (self.body.line(at - 1), self.body.line(at), self.body.lines[at + 1]);
        above.len() >= 66
            && below.depth > 0
            && below.depth == self.body.lines[at - 1].depth
            && line.len() <= 40
            && !above.ends_with(['.', '?', '!', ':'])
            && line.chars().next().is_some_and(char::is_lowercase)
    }
}

enum Marker {
    Forwarded,
    Original,
    ReplyAbove,
}

/// A line of nothing but dashes, underscores and the like.
pub(super) fn is_rule(line: &str) -> bool {
    line.len() >= 5 && line.chars().all(|c| "-_=*─—–━~".contains(c))
}

/// The label and value of a header-like line: `From: Jane`, `*Von:* Jane`, `De : Jane`, `发件人：Jane`.
fn label<'a>(line: &'a str, reading: &Reading) -> Option<(Label, &'a str)> {
    let line = line.trim_start_matches(|c: char| c.is_whitespace() || "*>•|".contains(c));
    let colon = line.char_indices().take(32).find(|(_, c)| matches!(c, ':' | '：'))?;
    let value = line[colon.0 + colon.1.len_utf8()..].trim_matches(|c: char| c == '*' || c.is_whitespace());
    let name = line[..colon.0].trim_matches(|c: char| c == '*' || c.is_whitespace());
    if name.is_empty() {
        return None;
    }
    reading.labels.get(&name.to_lowercase()).map(|label| (*label, value))
}

/// Whether text that ends in a colon is an attribution: `Some(true)` when it needs no quote marks below to be sure.
fn judge(joined: &str, begins: bool, first: &str, reading: &Reading) -> Option<bool> {
    let lower = joined.to_lowercase();
    let verb = reading.verbs.has(&lower);
    let date = has_date(joined);
    let address = joined.contains('@');
    if verb && date && (begins || address) {
        return Some(true);
    }
    if date && address && (dated_start(first) || joined.ends_with(">:") || joined.ends_with(">：")) {
        return Some(true);
    }
    let short = joined.split_whitespace().count() <= 6;
    ((verb && (date || address || short || begins)) || (begins && date && dated_start(first))).then_some(false)
}

/// A line that starts with a date, a weekday before it or not: `02.04.2012 14:20`, `Thu, 26 Jun 2014`, `2025年4月3日`.
fn dated_start(line: &str) -> bool {
    let line = line.trim_start_matches(|c: char| c.is_whitespace() || c == '*');
    let Some(first) = line.chars().next() else { return false };
    let mut rest = line;
    if first.is_alphabetic() {
        // One word that may be a weekday: short, with its dot or comma.
        let word = line.find(|c: char| !c.is_alphabetic()).unwrap_or(line.len());
        if line[..word].chars().count() > 12 {
            return false;
        }
        rest = line[word..].trim_start_matches(['.', ',', ' ']);
        if rest.len() == line[word..].len() || !line[word..].starts_with([',', '.', ' ']) {
            return false;
        }
    }
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    if !(1..=4).contains(&digits) {
        return false;
    }
    let after = &rest[digits..];
    let follows = after.starts_with(['.', '/', '-', '年', '년']) || (after.starts_with(' ') && has_date(line));
    follows && has_date(line)
}

/// Whether a year, a time or a full date stands in the text.
fn has_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if !bytes[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        let end = at + bytes[at..].iter().take_while(|b| b.is_ascii_digit()).count();
        let run = &bytes[at..end];
        if run.len() == 4 && (run.starts_with(b"19") || run.starts_with(b"20")) {
            return true;
        }
        // 9:14, 16.48, 16h48; 3.4.25, 3/4/25, 03-09-12.
        if run.len() <= 2 && matches!(bytes.get(end), Some(b':' | b'.' | b'h' | b'/' | b'-')) {
            let next = bytes[end + 1..].iter().take_while(|b| b.is_ascii_digit()).count();
            let time =
                next == 2 && !matches!(bytes[end], b'/' | b'-') && !bytes.get(end + 3).is_some_and(u8::is_ascii_digit);
            let full = (1..=2).contains(&next)
                && bytes.get(end) == bytes.get(end + 1 + next)
                && bytes.get(end + 2 + next..end + 4 + next).is_some_and(|year| year.iter().all(u8::is_ascii_digit));
            if time || full {
                return true;
            }
        }
        at = end;
    }
    false
}

/// Who wrote the forwarded message, by its header block or attribution.
fn origin(body: &Body, kinds: &[Kind], reading: &Reading) -> Option<Forwarded> {
    let mut found = Forwarded::default();
    let mut any = false;
    let lines = (0..kinds.len()).filter(|at| kinds[*at] == Kind::Forwarded).take(40);
    let mut last: Option<Label> = None;
    for at in lines {
        let line = super::lines::depth(body.line(at)).1.trim();
        if line.is_empty() {
            if any && found.date.is_some() | found.subject.is_some() {
                break;
            }
            continue;
        }
        match label(line, reading) {
            Some((kind, value)) => {
                last = Some(kind);
                match kind {
                    Label::From if !any => {
                        any = true;
                        let sender = sender(value);
                        (found.name, found.address) = (sender.name, sender.address);
                    }
                    Label::Sent if found.date.is_none() => {
                        found.date = Some(header::one_line(value)).filter(|date| !date.is_empty())
                    }
                    Label::Subject if found.subject.is_none() => {
                        found.subject = Some(header::one_line(value)).filter(|s| !s.is_empty())
                    }
                    _ => {}
                }
            }
            // The address on a line of its own, below a wrapped name.
            None if last == Some(Label::From) && found.address.is_empty() => {
                found.address = sender(line).address;
            }
            None if !any && line.contains('@') && line.ends_with(':') => {
                // `On 3 Apr 2025, at 09:14, Jane Roe <jane@acme.example> wrote:`
                if let Some(open) = line.rfind('<') {
                    let name = line[..open].rsplit([',', ':']).next().unwrap_or_default();
                    let name = name.trim_start_matches(|c: char| c.is_ascii_digit() || c.is_whitespace());
                    let one = sender(&format!("{name}{}", &line[open..]));
                    (found.name, found.address) = (one.name, one.address);
                    any = true;
                }
            }
            None => {}
        }
    }
    any.then_some(found)
}

/// `Jane Roe [mailto:jane@acme.example]`, `Jane Roe <jane@acme.example<mailto:…>>`, `"Jane" jane@acme.example`.
fn sender(value: &str) -> super::Mailbox {
    let value = value.replace("[mailto:", "<").replace(']', ">").replace("<mailto:", " <").replace('*', "");
    let value = match value.find('>') {
        Some(end) => &value[..=end],
        None => value.as_str(),
    };
    // `<jane@acme.example <jane@acme.example>`: keep the last opening.
    let (before, inside) = value.rsplit_once('<').unwrap_or((value, ""));
    if inside.is_empty() {
        return address::one(value).unwrap_or_default();
    }
    let before = before.trim_end().trim_end_matches('<');
    let name = before.split('<').next().unwrap_or_default();
    address::one(&format!("{name} <{inside}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) -> Parts {
        let parts = plain(text, &Reading::shipped());
        assert_eq!(parts.text, expected, "{parts:#?}");
        parts
    }

    #[test]
    fn attributions_in_twenty_languages() {
        for attribution in [
            "On Mon, Mar 31, 2025 at 4:12 PM Support <s@desk.example> wrote:",
            "On 3 Apr 2025, at 09:14, Support <s@desk.example>\nwrote:",
            "Am 03.04.2025 um 09:14 schrieb Support:",
            "Am Do., 3. Apr. 2025 um 09:14 Uhr schrieb Support <\ns@desk.example>:",
            "Support <s@desk.example> schrieb am Do., 3. Apr. 2025, 09:14:",
            "Le jeu. 3 avr. 2025 à 16:48, Support <s@desk.example> a écrit :",
            "El jue, 3 abr 2025 a las 16:48, Support (<s@desk.example>) escribió:",
            "Em qui., 3 de abr. de 2025 às 16:48, Support <s@desk.example> escreveu:",
            "Il giorno gio 3 apr 2025 alle ore 16:48 Support <s@desk.example> ha scritto:",
            "Op do 3 apr 2025 om 16:48 schreef Support <s@desk.example>:",
            "czw., 3 kwi 2025 o 16:48 Support <s@desk.example> napisał(a):",
            "W dniu 3.04.2025 o 16:48, Support pisze:",
            "Den tors 3 apr. 2025 kl 16:48 skrev Support <s@desk.example>:",
            "tor. 3. apr. 2025 kl. 16:48 skrev Support <s@desk.example>:",
            "Den tor. 3. apr. 2025 kl. 16.48 skrev Support <s@desk.example>:",
            "to 3. huhtik. 2025 klo 16.48 Support (s@desk.example) kirjoitti:",
            "čt 3. 4. 2025 v 16:48 odesílatel Support <s@desk.example> napsal:",
            "чт, 3 апр. 2025 г. в 16:48, Support <s@desk.example>:",
            "03.04.2025 16:48, Support пишет:",
            "чт, 3 квіт. 2025 р. о 16:48 Support <s@desk.example> пише:",
            "Support <s@desk.example>, 3 Nis 2025 Per, 16:48 tarihinde şunu yazdı:",
            "Στις Πέμ 3 Απρ 2025 στις 4:48 μ.μ., ο χρήστης Support <s@desk.example> έγραψε:",
            "2025年4月3日(木) 16:48 Support <s@desk.example>:",
            "Support <s@desk.example> 于2025年4月3日周四 16:48写道：",
            "2025년 4월 3일 (목) 오후 4:48, Support <s@desk.example>님이 작성:",
        ] {
            check(&format!("It is 92117.\n\n{attribution}\n\n> which one?\n"), "It is 92117.");
            let parts = check(&format!("It is 92117.\n\n{attribution}\n\nwhich one, 12345?\n"), "It is 92117.");
            assert!(parts.quoted.contains("12345"), "{attribution}");
        }
    }

    #[test]
    fn header_blocks_in_many_languages() {
        for labels in [
            ["From", "Sent", "To", "Subject"],
            ["Von", "Gesendet", "An", "Betreff"],
            ["De", "Envoyé", "À", "Objet"],
            ["De ", "Enviado el", "Para", "Asunto"],
            ["De", "Enviada em", "Para", "Assunto"],
            ["Da", "Inviato", "A", "Oggetto"],
            ["Van", "Verzonden", "Aan", "Onderwerp"],
            ["Od", "Wysłano", "Do", "Temat"],
            ["Från", "Skickat", "Till", "Ämne"],
            ["Fra", "Sendt", "Til", "Emne"],
            ["Lähettäjä", "Lähetetty", "Vastaanottaja", "Aihe"],
            ["Od", "Odesláno", "Komu", "Předmět"],
            ["От", "Отправлено", "Кому", "Тема"],
            ["Kimden", "Gönderildi", "Kime", "Konu"],
            ["Από", "Στάλθηκε", "Προς", "Θέμα"],
            ["差出人", "送信日時", "宛先", "件名"],
            ["发件人", "发送时间", "收件人", "主题"],
            ["보낸 사람", "보낸 날짜", "받는 사람", "제목"],
        ] {
            let block = format!(
                "{}: Support <s@desk.example>\n{}: 3 April 2025 10:41\n{}: Claudia\n <c@x.example>\n*{}:* RE: list",
                labels[0], labels[1], labels[2], labels[3]
            );
            check(
                &format!("the right one is 85777\n\n________________________________\n{block}\n\nis it 84410?"),
                "the right one is 85777",
            );
            check(&format!("the right one is 85777\n{block}\nis it 84410?"), "the right one is 85777");
        }
    }

    #[test]
    fn interleaved_and_bottom_posted() {
        check("> Which campaign?\n\nIt's 106044.\n\n> Since when?\n\nMonday.\n", "It's 106044.\n\nMonday.");
        check("On 04/02/2012 06:26 PM, Megan wrote:\n> Hi\nHello", "Hello");
        check("bob wrote:\n> Hi\n\nHello", "Hello");
    }

    #[test]
    fn what_only_looks_like_a_quote_is_new() {
        for text in [
            "On Monday your colleague wrote:\nplease send the file again",
            "From: 1 April 2025\nTo: 30 April 2025\nplease give me the figures",
            "I sent this to Jane:\n\nno answer",
            "Subject: help\nwe have no clicks",
            "Date: 3 April\nTime: 10:00",
            "We need >10% more clicks",
        ] {
            check(text, text);
        }
    }

    #[test]
    fn forwarded_mail_names_its_sender() {
        let parts = check(
            "See below.\n\n---------- Forwarded message ---------\nFrom: Gil Moreno <gil@kestrel.example>\nDate: Fri, Apr 4, 2025 at 8:55 AM\nSubject: Order\nTo: Tom <t@k.example>\n\nTom, 750 please.\n",
            "See below.",
        );
        let from = parts.forwarded_from.unwrap_or_default();
        assert_eq!((from.name.as_deref(), from.address.as_str()), (Some("Gil Moreno"), "gil@kestrel.example"));
        assert_eq!(from.subject.as_deref(), Some("Order"));
        let parts = check(
            "fyi\n\nBegin forwarded message:\n\n> From: Gil <gil@kestrel.example>\n> Date: 4 April 2025\n> Subject: Order\n>\n> Hi",
            "fyi",
        );
        assert_eq!(parts.forwarded_from.unwrap_or_default().address, "gil@kestrel.example");
        let parts = check(
            "Anfang der weitergeleiteten Nachricht:\n\nVon: Gil [mailto:gil@kestrel.example]\nDatum: 4. April 2025\nBetreff: x\n\nHallo",
            "",
        );
        assert_eq!(parts.forwarded_from.unwrap_or_default().address, "gil@kestrel.example");
    }

    #[test]
    fn reply_markers_end_the_new_text() {
        check("yes, 48213\n\n##- Please type your reply above this line -##\n\nYour request 118200", "yes, 48213");
        check("ja\n\n--- Bitte antworten Sie oberhalb dieser Zeile ---\nalt", "ja");
        check("##- Please type your reply above this line -##\n\nhello", "hello");
    }
}
