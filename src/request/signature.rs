//! Finds signatures: names, companies, phones, legal notices, "Sent from my iPhone".
//!
//! Only ends of what was written are looked at, and lines that are about the matter are never taken: a line with a
//! number and a word such as "campaign" stays new text, and so does what follows a mere "Thanks".

use super::lines::{Body, Hint};
use super::quote::{Kind, is_rule};
use super::reading::Reading;

/// How many lines of text a signature may have.
const MOST_LINES: usize = 16;
/// How long a line of a signature may be, notices apart.
const LONGEST_LINE: usize = 140;

/// Marks the signature lines among the new ones. `sender` is the display name and address of the mail's sender.
pub fn mark(body: &Body, kinds: &mut [Kind], sender: &str, reading: &Reading) {
    let written: Vec<usize> =
        (0..kinds.len()).filter(|at| kinds[*at] == Kind::New && !body.line(*at).trim().is_empty()).collect();
    let (Some(first), Some(last)) = (written.first(), written.last()) else { return };
    let hinted = |at: &usize| body.lines[*at].hint == Hint::Signature;
    if !written.iter().all(hinted) {
        for at in written.iter().filter(|at| hinted(at)) {
            kinds[*at] = Kind::Signature;
        }
    }
    let find = Find { body, reading, names: names(sender) };
    // The end of what stands above the first quote, and the end of all.
    let quote = (*first..*last).find(|at| kinds[*at] == Kind::Quoted);
    if let Some(quote) = quote {
        find.in_block(kinds, 0, quote);
        find.in_block(kinds, quote, kinds.len());
    } else {
        find.in_block(kinds, 0, kinds.len());
    }
    for at in 1..kinds.len() {
        // Blank lines go with what stands above them.
        if kinds[at] == Kind::New && body.line(at).trim().is_empty() && kinds[at - 1] == Kind::Signature {
            kinds[at] = Kind::Signature;
        }
    }
}

/// The words of a name and of an address's local part, lower case.
fn names(sender: &str) -> Vec<String> {
    let local = sender.split('@').next().unwrap_or_default();
    local
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| word.chars().count() >= 2)
        .map(str::to_lowercase)
        .collect()
}

/// What a line could be in a signature.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Look {
    /// Phone, address, web: only signatures look so.
    Contact,
    /// A few words: a name, a title, a company.
    Short,
    /// Words about the matter.
    Content,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Closing {
    Formal,
    Thanks,
}

struct Find<'a> {
    body: &'a Body,
    reading: &'a Reading,
    names: Vec<String>,
}

impl Find<'_> {
    fn in_block(&self, kinds: &mut [Kind], from: usize, to: usize) {
        self.notices(kinds, from, to);
        let tail = self.tail(kinds, from, to);
        for at in tail.iter().rev().take(8) {
            if self.mobile(*at) {
                kinds[*at] = Kind::Signature;
            }
        }
        if self.delimited(kinds, from, to) {
            return;
        }
        let tail = self.tail(kinds, from, to);
        if tail.is_empty() {
            return;
        }
        let looks: Vec<Look> = tail.iter().map(|at| self.look(self.body.line(*at).trim())).collect();
        let _ = self.closed(kinds, &tail, &looks)
            || self.named(kinds, &tail, &looks)
            || self.contacts(kinds, &tail, &looks);
    }

    /// The last new lines that are not blank.
    fn tail(&self, kinds: &[Kind], from: usize, to: usize) -> Vec<usize> {
        let mut tail: Vec<usize> = (from..to)
            .rev()
            .filter(|at| kinds[*at] == Kind::New && !self.body.line(*at).trim().is_empty())
            .take(MOST_LINES)
            .collect();
        tail.reverse();
        tail
    }

    fn line(&self, at: usize) -> &str {
        self.body.line(at).trim()
    }

    /// A blank line, or none at all, stands above.
    fn apart(&self, at: usize) -> bool {
        at == 0 || self.line(at - 1).is_empty()
    }

    fn mobile(&self, at: usize) -> bool {
        let line = self.line(at).trim_matches(|c: char| "*_-–—<>[]() ".contains(c));
        (6..=160).contains(&line.len()) && !long_number(line) && self.reading.mobile.is_match(&line.to_lowercase())
    }

    /// Legal notices, virus footers, "external sender" banners: paragraph by paragraph, at the end and at the top.
    fn notices(&self, kinds: &mut [Kind], from: usize, to: usize) {
        let written: Vec<usize> =
            (from..to).filter(|at| kinds[*at] == Kind::New && !self.line(*at).is_empty()).collect();
        let low = written.len().saturating_sub(60);
        let candidates = written.iter().take(2).chain(written.iter().skip(low.max(2)));
        for at in candidates {
            if kinds[*at] != Kind::New {
                continue;
            }
            let line = self.line(*at);
            let start: String = line
                .trim_start_matches(|c: char| "*_-–—<>[]()!# ".contains(c))
                .chars()
                .take(90)
                .flat_map(char::to_lowercase)
                .collect();
            if !self.reading.disclaimers.starts(&start) {
                continue;
            }
            let end = (*at..to).find(|next| self.line(*next).is_empty() || kinds[*next] != Kind::New).unwrap_or(to);
            // A customer's own sentence may start so ("This message was never delivered …"): notices are long, or
            // they stand below a closing or another notice.
            let length: usize = (*at..end).map(|next| self.line(next).len()).sum();
            let asks = (*at..end).any(|next| self.line(next).ends_with('?') || self.about(self.line(next)));
            if !asks && (length >= 90 || written.last().is_some_and(|last| *last < end) || written.first() == Some(at))
            {
                kinds[*at..end].fill(Kind::Signature);
            }
        }
    }

    /// `-- ` (RFC 3676 §4.3), and what people make of it.
    fn delimited(&self, kinds: &mut [Kind], from: usize, to: usize) -> bool {
        let tail = self.tail(kinds, from, to);
        let Some(position) = tail.iter().position(|at| {
            let line = self.line(*at);
            matches!(line, "--" | "—" | "- -" | "–") || is_rule(line)
        }) else {
            return false;
        };
        let below = &tail[position + 1..];
        let rule = is_rule(self.line(tail[position]));
        let looks: Vec<Look> = below.iter().map(|at| self.look(self.line(*at))).collect();
        let matter = below.iter().any(|at| self.about(self.line(*at)) || self.line(*at).ends_with('?'));
        let sure = if rule {
            // A drawn line may divide anything; below it only contacts are a signature.
            !below.is_empty() && looks.contains(&Look::Contact) && !looks.contains(&Look::Content)
        } else {
            !matter
        };
        if sure {
            for at in &tail[position..] {
                kinds[*at] = Kind::Signature;
            }
        }
        sure
    }

    /// A closing, and below it nothing but short lines and contacts.
    fn closed(&self, kinds: &mut [Kind], tail: &[usize], looks: &[Look]) -> bool {
        for position in (0..tail.len()).rev() {
            let Some(closing) = self.closing(self.line(tail[position])) else { continue };
            let below = position + 1;
            let content = (below..tail.len())
                .find(|next| looks[*next] == Look::Content && self.closing(self.line(tail[*next])).is_none());
            let end = match content {
                None => tail.len(),
                // A postscript: what stands between is a signature only when it is plainly one.
                Some(next) if next > below && self.apart(tail[next]) && self.plainly(tail, looks, below, next) => next,
                Some(_) => continue,
            };
            let start = match closing {
                Closing::Formal => position,
                Closing::Thanks if self.plainly(tail, looks, below, end) && end > below => below,
                Closing::Thanks => continue,
            };
            let start = if start > 0
                && closing == Closing::Formal
                && self.closing(self.line(tail[start - 1])) == Some(Closing::Formal)
            {
                start - 1
            } else {
                start
            };
            for at in &tail[start..end] {
                kinds[*at] = Kind::Signature;
            }
            return true;
        }
        false
    }

    /// Contacts stand there, or the sender's name and more.
    fn plainly(&self, tail: &[usize], looks: &[Look], from: usize, to: usize) -> bool {
        looks[from..to].contains(&Look::Contact)
            || (to - from >= 2 && tail[from..to].iter().any(|at| self.is_name(self.line(*at))))
    }

    /// The sender's name on a line of its own, and below it short lines and contacts.
    fn named(&self, kinds: &mut [Kind], tail: &[usize], looks: &[Look]) -> bool {
        for position in (0..tail.len()).rev().take(10) {
            let at = tail[position];
            if !self.is_name(self.line(at))
                || !(self.apart(at) || position == 0 || self.line(tail[position - 1]).ends_with(['.', '!', '?', ',']))
            {
                continue;
            }
            let below = &looks[position + 1..];
            if below.is_empty()
                || below.contains(&Look::Content)
                || !(below.contains(&Look::Contact) || below.len() >= 2 || (below.len() == 1 && self.apart(at)))
            {
                continue;
            }
            for at in &tail[position..] {
                kinds[*at] = Kind::Signature;
            }
            return true;
        }
        false
    }

    /// A last paragraph that is a card: a name, then contacts; or all of it on one line.
    fn contacts(&self, kinds: &mut [Kind], tail: &[usize], looks: &[Look]) -> bool {
        let mut start = tail.len() - 1;
        while start > 0 && !self.apart(tail[start]) && tail[start - 1] + 1 == tail[start] {
            start -= 1;
        }
        let card = &looks[start..];
        let first = self.line(tail[start]);
        let divided = first.contains(['|', '·', '•']) && looks[start] == Look::Contact;
        let known =
            self.names.iter().any(|name| name.chars().count() >= 3 && first.to_lowercase().contains(name.as_str()));
        let sure = if card.len() == 1 {
            divided && known
        } else {
            !card.contains(&Look::Content)
                && card.contains(&Look::Contact)
                && ((looks[start] == Look::Short && proper(first)) || (divided && known))
        };
        if sure {
            for at in &tail[start..] {
                kinds[*at] = Kind::Signature;
            }
        }
        sure
    }

    fn closing(&self, line: &str) -> Option<Closing> {
        if line.len() > 120 {
            return None;
        }
        let bare =
            |text: &str| text.trim_matches(|c: char| !c.is_alphanumeric() && c != '(' && c != ')').to_lowercase();
        let known = |text: &str| {
            let text = bare(text);
            if self.reading.closings.contains(&text) {
                Some(Closing::Formal)
            } else {
                self.reading.thanks.contains(&text).then_some(Closing::Thanks)
            }
        };
        if let Some(closing) = known(line) {
            return Some(closing);
        }
        // `Best regards, Jonas Pfeil`; `Thanks - Sam`
        if let Some((head, name)) = line.split_once([',', '،', '、'])
            && let Some(closing) = known(head)
        {
            let name = name.trim();
            let again = known(name);
            if again.is_some() {
                return if again == Some(Closing::Formal) { again } else { Some(closing) };
            }
            let words = name.split_whitespace().count();
            let proper =
                words <= 4 && !name.bytes().any(|b| b.is_ascii_digit()) && proper(name) && !name.ends_with(['?', ':']);
            return proper.then_some(closing);
        }
        // `Thanks and best regards`
        let lower = bare(line);
        [
            " and ", " & ", " und ", " et ", " y ", " e ", " en ", " och ", " og ", " i ", " и ", " та ", " ve ",
            " και ", ". ", "! ", " - ", " + ", " with ", " mit ",
        ]
        .iter()
        .find_map(|link| {
            let (head, last) = lower.split_once(link)?;
            known(head).and(known(last))
        })
    }

    fn is_name(&self, line: &str) -> bool {
        let line = line.trim_matches(|c: char| !c.is_alphanumeric() && c != '.');
        let mut words = 0;
        let mut hit = false;
        for word in line.split(|c: char| c.is_whitespace() || c == '.' || c == '-').filter(|word| !word.is_empty()) {
            words += 1;
            if words > 4 || !word.chars().all(|c| c.is_alphabetic() || c == '\'' || c == '’' || c == ',') {
                return false;
            }
            let lower = word.trim_end_matches(',').to_lowercase();
            hit |= self.names.contains(&lower);
        }
        hit
    }

    /// The line holds a number and a word of the matter.
    fn about(&self, line: &str) -> bool {
        line.bytes().any(|b| b.is_ascii_digit()) && self.content_word(line)
    }

    fn content_word(&self, line: &str) -> bool {
        let lower = line.to_lowercase();
        lower
            .split(|c: char| !c.is_alphanumeric() && c != '.' && c != '-')
            .any(|word| self.reading.content.contains(word.trim_matches(['.', '-'])))
    }

    fn look(&self, line: &str) -> Look {
        let line = line.trim_start_matches(|c: char| "*•·|-– ".contains(c));
        let characters = line.chars().count();
        let digits = line.bytes().filter(u8::is_ascii_digit).count();
        if line.ends_with('?') || (digits > 0 && digits == characters) {
            return Look::Content;
        }
        if characters > LONGEST_LINE || (digits > 0 && self.content_word(line)) {
            return Look::Content;
        }
        if self.contact(line, digits, characters) {
            return Look::Contact;
        }
        let words = line.split_whitespace().count();
        if digits == 0 {
            let sentence = words > 3 && line.ends_with(['.', '!', ':', ';', ',']);
            let brief = words <= 8 && characters <= 70;
            return if brief && !sentence && !(self.content_word(line) && line.ends_with(['.', '!', ':'])) {
                Look::Short
            } else {
                Look::Content
            };
        }
        // Streets, postcodes, registers.
        if words <= 9 && place(line) && !line.ends_with(['.', '!', ':']) { Look::Short } else { Look::Content }
    }

    fn contact(&self, line: &str, digits: usize, characters: usize) -> bool {
        if characters <= 90
            && !line.contains(' ')
            && (line.contains('@') || line.starts_with("www.") || line.starts_with("http"))
        {
            return true;
        }
        let divided = line.contains(['|', '·', '•']) || line.contains(" - ") || line.contains("//");
        let labelled = line.split(['|', '·', '•', ',', ';']).any(|part| {
            let part = part.trim();
            let label = part.split([':', '.', ' ', '+', '(']).next().unwrap_or_default().to_lowercase();
            let rest = &part[label.len().min(part.len())..];
            // Lower case may change a word's length; then the label is none of ours.
            !label.is_empty()
                && part.is_char_boundary(label.len())
                && self.reading.contact.contains(label.as_str())
                && (rest.starts_with([':', '.', '+', '('])
                    || rest.trim_start().starts_with(|c: char| c.is_ascii_digit() || "+(".contains(c)))
        });
        if labelled
            && (digits >= 4 || line.contains('@') || line.contains("www") || line.contains('.'))
            && characters <= 120
        {
            return true;
        }
        let phone = digits >= 7 && phone_like(line);
        let words = line.split_whitespace().count();
        phone && (divided || words <= 8) && !line.ends_with(['.', '!', ':']) && (divided || starts_like_contact(line))
    }
}

/// Words and a phone number, the number at one end.
fn starts_like_contact(line: &str) -> bool {
    let trimmed = line.trim();
    let before: usize = trimmed
        .split(|c: char| c.is_ascii_digit() || c == '+' || c == '(')
        .next()
        .map_or(0, |head| head.split_whitespace().count());
    before <= 4
}

/// A run of digits with the separators of a phone number: at least seven digits, not one bare number.
fn phone_like(line: &str) -> bool {
    let bytes = line.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if !(bytes[at].is_ascii_digit() || bytes[at] == b'+' || bytes[at] == b'(') {
            at += 1;
            continue;
        }
        let end = at + bytes[at..].iter().take_while(|b| b.is_ascii_digit() || b" +-./()".contains(b)).count();
        let run = &bytes[at..end];
        let digits = run.iter().filter(|b| b.is_ascii_digit()).count();
        let marked = run.iter().any(|b| b" -./()".contains(b)) || matches!(run[0], b'+' | b'0');
        if (7..=17).contains(&digits) && marked {
            return true;
        }
        at = end.max(at + 1);
    }
    false
}

/// A line that may be a street, a postcode and town, or a register number: words with capitals around short numbers.
fn place(line: &str) -> bool {
    !long_run(line, 8)
        && line.chars().filter(|c| c.is_alphabetic()).count() >= 3
        && (proper(line) || line.starts_with(|c: char| c.is_ascii_digit()))
        && line.split(|c: char| !c.is_alphanumeric()).any(|word| {
            word.chars().next().is_some_and(|c| c.is_uppercase() || (c.is_alphabetic() && !c.is_lowercase()))
        })
}

/// The first letter is a capital, or of a script without them.
fn proper(line: &str) -> bool {
    line.chars().find(|c| c.is_alphanumeric()).is_some_and(|c| !c.is_lowercase())
}

fn long_number(line: &str) -> bool {
    long_run(line, 4)
}

fn long_run(line: &str, least: usize) -> bool {
    line.split(|c: char| !c.is_ascii_digit()).any(|run| run.len() >= least)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::quote::{Context, split};

    fn check(sender: &str, text: &str, expected: &str) {
        let parts = split(&Body::plain(text), &Context { sender, ..Context::default() }, &Reading::shipped());
        assert_eq!(parts.text, expected, "signature: {:?}", parts.signature);
    }

    #[test]
    fn closings_with_what_follows() {
        check(
            "",
            "no clicks\n\nBest regards\nClaudia Brandt\nOrla Agency | Hafenstr. 12, 20457 Hamburg | Tel. +49 40 555 0137",
            "no clicks",
        );
        check(
            "",
            "Bonjour,\n\nrien\n\nCordialement,\nÉlodie Marchand\nLumière Cosmétiques\n01 55 50 18 26",
            "Bonjour,\n\nrien",
        );
        check("", "hola\n\nUn saludo,\nNuria Campos\nIberia Viajes S.L.\nTel. 91 555 01 33", "hola");
        check(
            "",
            "Hallo\n\nMit freundlichen Grüßen\nJonas Pfeil\nAcme GmbH\nHafenstr. 12\n20457 Hamburg\nHRB 12345",
            "Hallo",
        );
        check("", "x\n\nBest regards, Jonas", "x");
        check("", "x\n\nThanks and best regards,\nJonas", "x");
        check("", "お世話になります。\n\n以上、よろしくお願いいたします。\n田中", "お世話になります。");
    }

    #[test]
    fn thanks_do_not_swallow_what_follows() {
        check("", "Hi. I am fine.\n\nThanks,\nAlex", "Hi. I am fine.\n\nThanks,\nAlex");
        check(
            "",
            "Thanks\n\nOne more question: why is campaign 48213 off?",
            "Thanks\n\nOne more question: why is campaign 48213 off?",
        );
        check("", "please pause it\n\nRegards\nID 48213", "please pause it\n\nRegards\nID 48213");
        check("", "please pause it\n\nThanks\n48213", "please pause it\n\nThanks\n48213");
        check(
            "Sam Lee",
            "pause it\n\nRegards,\nSam\n+1 305 555 0166\n\nPS: campaign 48213 too, please.",
            "pause it\n\nPS: campaign 48213 too, please.",
        );
    }

    #[test]
    fn names_and_cards_without_closing() {
        check(
            "Nuria Campos <n@x.example>",
            "¿Me pueden mandar las estadísticas?\n\nNuria Campos\n91 555 01 33",
            "¿Me pueden mandar las estadísticas?",
        );
        check("", "the rate is 0.0%.\n\nGrace Adeyemi\nTel 617-555-0143", "the rate is 0.0%.");
        check("Claudia Brandt", "none tracked\n\nClaudia Brandt · Orla Agency · +49 40 555 0137", "none tracked");
        check("Sam Okafor", "That one is sorted.\n\nSam", "That one is sorted.\n\nSam");
        check("", "call me on 305-555-0166", "call me on 305-555-0166");
    }

    #[test]
    fn delimiters_mobiles_and_notices() {
        check("", "Hello\n\n-- \nxxx\nSent with Sparrow", "Hello");
        check("", "Hello\n\nSent from my iPhone", "Hello");
        check("", "Hello\n\nVon meinem iPhone gesendet", "Hello");
        check("", "Hello\n\nEnvoyé de mon iPad", "Hello");
        check("", "Hello\n\nОтправлено с iPhone", "Hello");
        check("", "Hello\n\niPhoneから送信", "Hello");
        check("", "Hello\n\nSent from my desk, it is easier", "Hello\n\nSent from my desk, it is easier");
        check("", "CAUTION: This email originated from outside the organisation.\n\nno clicks", "no clicks");
        check(
            "",
            "no clicks\n\nThis email and any attachments are confidential and intended solely for the use of the\nindividual to whom they are addressed.",
            "no clicks",
        );
        check(
            "",
            "This message was never delivered to our list, why?",
            "This message was never delivered to our list, why?",
        );
        check(
            "",
            "the list:\n--\nCampaign 48213\n--\nCampaign 48214",
            "the list:\n--\nCampaign 48213\n--\nCampaign 48214",
        );
    }
}
