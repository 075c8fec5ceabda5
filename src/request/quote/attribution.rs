//! Attribution lines: "On … wrote:", in any of the languages, over one line or several.
//!
//! A verb, a date and an address make one; fewer of them only with quote marks below.

use crate::request::finder::folded;
use crate::request::reading::Reading;

/// How long an attribution may be.
pub(super) const LONGEST_LINE: usize = 1_000;

/// Whether text that ends in a colon is an attribution: `Some(true)` when it needs no quote marks below to be sure.
/// In a mail that is no answer people tell of earlier mail ("On 3 April I wrote:"): only a program gives the address or
/// the time of day.
pub(super) fn judge(joined: &str, begins: bool, first: &str, answer: bool, reading: &Reading) -> Option<bool> {
    let lower = folded(joined);
    let verb = reading.verbs.has(&lower);
    let date = has_date(joined);
    let address = joined.contains('@');
    if verb && date && (begins || address) {
        return Some(answer || address || has_time(joined));
    }
    if date && address && (dated_start(first) || joined.ends_with(">:") || joined.ends_with(">：")) {
        return Some(true);
    }
    // "On 3.4.2025 your colleague said:" may be the customer's own telling.
    let said = reading.said.has(&lower);
    if said && date && address && begins {
        return Some(true);
    }
    // `Support kirjoitti 31.3.2025 klo 16.12:` in an answer: who, when to the minute, and nothing else.
    let words = joined.split_whitespace().count();
    if answer && verb && words <= 8 && has_time(joined) && has_day(joined) && joined.starts_with(char::is_uppercase) {
        return Some(true);
    }
    // `Support <support@desk.example> wrote:`, and nothing else: Android's own mail program.
    if answer
        && verb
        && address
        && words <= 7
        && joined.starts_with(char::is_alphanumeric)
        && only_verb(&lower, reading)
    {
        return Some(true);
    }
    let short = words <= 6;
    ((verb && (date || address || short || begins))
        || (said && date && (begins || address))
        || (date && address)
        || (begins && date && dated_start(first)))
    .then_some(false)
}

/// Nothing but a verb stands behind the address: `Jane <jane@acme.example> wrote:`.
fn only_verb(lower: &str, reading: &Reading) -> bool {
    lower.rsplit_once('>').is_some_and(|(_, told)| {
        let told = told.trim_matches([':', '：', ' ']);
        reading.verbs.find(told) == Some((0, told.len()))
    })
}

/// Whether text without a colon needs no quote marks below to be an attribution: its verb ends it, and only a program
/// gives address and time of day (`On Wed, 14 Nov 2018 08:14:43 -0200 Jane Roe <jane@acme.example> wrote`, Zoho).
pub(super) fn complete(joined: &str, reading: &Reading) -> bool {
    joined.contains('@') && joined.contains('>') && has_time(joined) && reading.verbs.ends(&folded(joined))
}

/// Whether text without a colon is an attribution, given that a quote follows: `2013/10/2 Jane <jane@acme.example>`,
/// `2016-03-03 17:21 GMT+01:00 Jane Roe`, `On 3 April 2025, Jane Roe wrote`.
pub(super) fn unpunctuated(joined: &str, begins: bool, first: &str, reading: &Reading) -> bool {
    if !begins || joined.ends_with(['.', '?', '!', ',']) || !has_date(joined) {
        return false;
    }
    let lower = folded(joined);
    // `Am 07.04.25 um 09:14 schrieb Jane Roe`: the name stands last.
    let named = || reading.verbs.has(&lower) && has_time(joined) && joined.split_whitespace().count() <= 12;
    reading.verbs.ends(&lower) || named() || (dated_start(first) && (joined.ends_with('>') || joined.contains(" GMT")))
}

/// Where an attribution begins that stands behind other words on one line.
pub(super) fn glued(line: &str, reading: &Reading) -> Option<usize> {
    if !line.ends_with([':', '：']) || line.len() > LONGEST_LINE || !line.contains('@') {
        return None;
    }
    let starts = |at: usize| reading.starts_attribution(&line[at..]);
    // Yahoo indents them.
    if starts(line.len() - line.trim_start().len()) || dated_start(line) {
        return None;
    }
    line.match_indices([' ', '-'])
        .map(|(at, _)| at + 1)
        .filter(|at| line[..*at].contains(char::is_alphanumeric))
        .filter(|at| line[*at..].starts_with(char::is_uppercase) && starts(*at))
        .find(|at| judge(&line[*at..], true, &line[*at..], true, reading) == Some(true) && line[*at..].contains('@'))
}

/// A line that starts with a date, a weekday before it or not: `02.04.2012 14:20`, `Thu, 26 Jun 2014`, `2025年4月3日`.
pub(super) fn dated_start(line: &str) -> bool {
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

/// Whether a time of day stands in the text: `9:14`, `16.48`, `16h48`.
fn has_time(text: &str) -> bool {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    (1..bytes.len()).any(|at| {
        let start = if at >= 2 && digit(at - 2) { at - 2 } else { at - 1 };
        let apart = start == 0 || !(digit(start - 1) || bytes[start - 1] == b'.');
        let ends = !digit(at + 3) && bytes.get(at + 3) != Some(&b'.');
        matches!(bytes[at], b':' | b'.' | b'h') && digit(at - 1) && digit(at + 1) && digit(at + 2) && apart && ends
    })
}

/// Whether a full date in figures stands in the text: `31.3.2025`, `2025-03-31`, `3/31/25`.
fn has_day(text: &str) -> bool {
    text.split_whitespace().any(|word| {
        let word = word.trim_matches(|c: char| !c.is_ascii_digit());
        let parts: Vec<&str> = word.split(['.', '/', '-']).collect();
        parts.len() == 3
            && parts.iter().all(|part| (1..=4).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit()))
    })
}

/// Whether a year, a time or a full date stands in the text.
pub(super) fn has_date(text: &str) -> bool {
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

#[cfg(test)]
mod tests {
    use super::super::tests::check;

    #[test]
    fn quotes_behind_other_marks() {
        let attribution = "On Mon, Mar 31, 2025 at 4:12 PM Support <s@desk.example> wrote:";
        for mark in ["|", "JR>", "| "] {
            let parts = check(
                &format!("{attribution}\n{mark} Which one,\n{mark}\n{mark} 12345?\n\nIt is 92117.\n"),
                "It is 92117.",
            );
            assert!(parts.quoted.contains("12345"));
        }
        check(&format!("It is 92117.\n\n{attribution}\nIDs | names\n12345 | x\n"), "It is 92117.");
    }

    #[test]
    fn attributions_that_are_written_otherwise() {
        for attribution in [
            "Wiadomość napisana przez Support Desk der Plattform\n<s@desk.example> w dniu 31 mar 2025, o godz. 16:12:",
            "Wiadomość napisana przez Support <\ns@desk.example> w dniu 31 mar 2025, o godz. 16:12:",
            "ma 31. maalisk. 2025 klo 16.12 Tukipalvelu Kampanja-alusta (\ns@desk.example) kirjoitti:",
            "Wiadomość napisana przez Wsparcie\n<s@desk.example> w dniu 31 mar 2025, o\ngodz. 16:12:",
            "Support <s@desk.example> kirjoitti\n31.3.2025 kello 16.12:",
            "Às 16:12 de 31/03/2025, Support escreveu:",
            "Support kirjoitti 31.3.2025 klo 16.12:",
            "From: Support <s@desk.example> Sent: Monday, March 31, 2025 4:12 PM To: Jane <j@a.example> Subject: Re: x",
            "Von: Support <s@desk.example> Gesendet: Montag, 31. März 2025 16:12 An: Jane Betreff: x",
        ] {
            check(&format!("It is 92117.\n\n{attribution}\n\nwhich one, 12345?\n"), "It is 92117.");
            check(&format!("It is 92117.\n\n{attribution}\n\n> which one, 12345?\n"), "It is 92117.");
        }
        check("It is 92117.\n\nQuoting Support <s@desk.example>:\n\n> which one, 12345?", "It is 92117.");
        for attribution in [
            "tir. 7. apr. 2025 kl. 16:12 skrev Support Desk of the Platform <s@desk.example\n>:",
            "On Mon, Mar 31, 2025 at 4:12 PM Support Desk of the Platform <s@desk.example\n> wrote:",
            "On Mar 31, 2025,\nat 16:12,\nSupport <s@desk.example> wrote:",
            "On Mon, 31 Mar 2025 16:12:43 +0200 Support <s@desk.example> wrote",
            "Support <s@desk.example> wrote:",
            "Support Desk <s@desk.example> schrieb:",
            "Support <s@desk.example> a écrit :",
        ] {
            check(&format!("It is 92117.\n\n{attribution}\n\nwhich one, 12345?\n"), "It is 92117.");
            check(&format!("It is 92117.\n\n{attribution}\n\n> which one, 12345?\n"), "It is 92117.");
        }
        for attribution in ["* Support <s@desk.example> [2025-03-31 16:12]:", "Am 31.03.25 um 16:12 schrieb Support"] {
            check(&format!("It is 92117.\n\n{attribution}\n\n> which one, 12345?\n"), "It is 92117.");
        }
        for told in [
            "From: 1 March to: 31 March the report: is wrong",
            "Then I asked my colleague Tom of the sales team <tom@x.example> and he wrote:\nno clicks",
            "On 3 April at 16:12 the page wrote\n\nno clicks",
        ] {
            check(told, told);
        }
    }
}
