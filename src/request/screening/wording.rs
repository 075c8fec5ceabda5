//! Automated mail without the headers of it: automatic replies, other desks' acknowledgements, newsletters, by words.
//!
//! A person may quote any of these words: a mail that plainly asks for something is never judged automated here.

use super::Mail;
use crate::request::finder::folded;
use crate::request::reading::Reading;

/// How the subject begins like that of an automatic reply: not, loosely (more words follow), or exactly (a colon, an
/// answer's prefix or nothing follows).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Suspicion {
    None,
    Loose,
    /// Exactly, yet with a word that people use as well: the text must speak of absence, too.
    Away,
    Exact,
}

pub(super) fn suspicion(subject: &str, reading: &Reading) -> Suspicion {
    let exact = |end: usize| {
        let after = subject[end..].trim_start();
        // "Out of Office Re: …"
        let prefix = after.split_once([':', '：']).map(|(prefix, _)| prefix.trim_end().to_lowercase());
        let answers = prefix.is_some_and(|prefix| reading.reply_prefixes.contains(prefix.as_str()));
        after.is_empty() || answers || after.starts_with([':', '：', '[', '(', '!', '.'])
    };
    let begins = |at: Option<(usize, usize)>| at.filter(|(start, _)| *start == 0).map(|(_, end)| exact(end));
    match begins(reading.screening.auto_subjects.find(subject)) {
        Some(true) => return Suspicion::Exact,
        Some(false) => return Suspicion::Loose,
        None => {}
    }
    match begins(reading.screening.away_subjects.find(subject)) {
        Some(true) => Suspicion::Away,
        _ => Suspicion::None,
    }
}

/// The sentences of a text. A line break ends one, unless the next line goes on in small letters.
fn sentences(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let ends = |(at, c): &(usize, char)| {
            // `bis zum 12. August`
            let day = || {
                let digits = rest[..*at].bytes().rev().take_while(u8::is_ascii_digit).take(3).count();
                c == &'.' && (1..=2).contains(&digits)
            };
            let stop = matches!(c, '.' | '!' | '?' | '…')
                && !day()
                && rest[at + c.len_utf8()..].starts_with(char::is_whitespace);
            let behind = &rest[at + c.len_utf8()..];
            let wrapped =
                behind.starts_with(|next: char| next.is_lowercase()) && !rest[..*at].trim_end().ends_with(',');
            stop || c == &'\n' && !wrapped || matches!(c, '。' | '！' | '？')
        };
        let end = rest.char_indices().find(ends).map_or(rest.len(), |(at, c)| at + c.len_utf8());
        let (sentence, behind) = rest.split_at(end);
        rest = behind;
        (!sentence.is_empty()).then_some(sentence)
    })
}

/// What is left when the sentences are taken out that say whom to turn to while somebody is away.
fn matter(text: &str, reading: &Reading) -> String {
    let words = &reading.screening;
    sentences(text).filter(|sentence| !words.instead.has(sentence) && !words.meanwhile.has(sentence)).collect()
}

/// A closing and a name: "Regards, Jane".
fn closes(sentence: &str, reading: &Reading) -> bool {
    let closing = sentence.split([',', '\n']).next().unwrap_or_default();
    let closing = closing.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    reading.closings.contains(&closing) || reading.thanks.contains(&closing)
}

/// Whether a text says nothing before, between and beside words of absence (or that something was received) and of whom
/// to turn to meanwhile, courtesies apart. What stands in lines of its own behind them is a signature.
fn only_away(text: &str, reading: &Reading) -> bool {
    let words = &reading.screening;
    let (mut absent, mut instead, mut courteous) = (false, false, true);
    for sentence in sentences(text) {
        let away = words.absence.has(sentence) || words.acknowledged.has(sentence) || words.machine.has(sentence);
        let turn = words.instead.has(sentence) || words.meanwhile.has(sentence);
        absent |= away;
        instead |= turn;
        courteous &= away || turn || courtesy(sentence, reading);
        if absent && instead && sentence.ends_with('\n') {
            break;
        }
    }
    absent && instead && courteous
}

/// A sentence that says nothing of any matter.
fn courtesy(sentence: &str, reading: &Reading) -> bool {
    let opens = reading.screening.courtesy.find(sentence.trim_start());
    sentence.trim().is_empty() || closes(sentence, reading) || opens.is_some_and(|(at, _)| at == 0)
}

/// Words of a name below a text.
const NAME: usize = 4;

/// A text without the name that ends it: "I am out of the office. Tom". That of "Mr. Brown." is none, but says nothing either.
fn unsigned(text: &str) -> &str {
    let mut sentences: Vec<&str> = sentences(text).collect();
    let name = |sentence: &str, before: &str| {
        let title = || {
            let last = before.split_whitespace().next_back().unwrap_or_default();
            last.ends_with('.') && last.starts_with(char::is_uppercase) && last.chars().count() <= NAME
        };
        let mut words = sentence.split_whitespace();
        sentence.split_whitespace().count() <= NAME
            && words.all(|word| word.starts_with(char::is_uppercase) && !word.contains(|c: char| c.is_ascii_digit()))
            && (!sentence.trim_end().ends_with(['.', '!', '?', '…']) || title())
    };
    while let [.., before, last] = sentences.as_slice()
        && name(last, before)
    {
        sentences.pop();
    }
    &text[..sentences.iter().map(|sentence| sentence.len()).sum()]
}

/// Whether a text says no more than that its writer is away, and whom to turn to meanwhile.
pub(super) fn says_only_away(text: &str, reading: &Reading) -> bool {
    let words = &reading.screening;
    let lower = folded(unsigned(text));
    let away =
        |sentence: &str| words.absence.has(sentence) || words.instead.has(sentence) || words.meanwhile.has(sentence);
    words.absence.has(&lower)
        && !words.request.has(&lower)
        && !lower.contains(['?', '？'])
        && sentences(&lower).all(|sentence| away(sentence) || courtesy(sentence, reading))
}

/// Whether a sentence asks where the ID is to be found.
pub(super) fn asks_where(text: &str, reading: &Reading) -> bool {
    let words = &reading.screening;
    sentences(&folded(text)).any(|sentence| words.asks_where.has(sentence) && words.asks_where_of.has(sentence))
}

/// Whether a sentence that says nothing of absence names a number beside its words, as an ID is named: no phone's, no year.
fn states(text: &str, reading: &Reading) -> bool {
    let words = &reading.screening;
    let of_machine =
        |sentence: &str| words.absence.has(sentence) || words.instead.has(sentence) || words.meanwhile.has(sentence);
    let numbered = |sentence: &str| {
        let mut numbers = sentence.split(|c: char| !c.is_ascii_digit()).filter(|digits| !digits.is_empty());
        let digits: usize = numbers.clone().map(str::len).sum();
        let named = |digits: &str| (4..=7).contains(&digits.len()) && !(digits.len() == 4 && digits.starts_with("20"));
        let said = sentence.split(|c: char| !c.is_alphabetic()).filter(|word| word.len() > 1).count();
        said >= 3 && digits <= 9 && numbers.any(named)
    };
    sentences(text).any(|sentence| numbered(sentence) && !of_machine(sentence))
}

/// An automatic reply without the headers of one.
pub(super) fn answered_by_machine(mail: &Mail<'_>, reading: &Reading) -> Option<String> {
    let words = &reading.screening;
    let (subject, lower) = (folded(mail.subject), folded(mail.text));
    let shown_of = |(start, end): (usize, usize)| lower[start..end].to_lowercase();
    let machine = || words.machine.find(&lower).map(shown_of);
    let suspicion = suspicion(subject.trim_start(), reading);
    if suspicion != Suspicion::None {
        let absent = words.absence.find(&lower).map(shown_of);
        let asks = lower.contains(['?', '？']);
        let requests = words.request.has(&lower) || words.request.has(&subject);
        let machine = absent.clone().or_else(|| machine().filter(|_| suspicion != Suspicion::Away));
        if let Some(said) = machine {
            // Somebody may write about an automatic reply, or mention that he will be away: then there is a matter. Behind
            // an exact subject stands ours.
            let own = if absent.is_some() { matter(&lower, reading) } else { lower.to_string() };
            let plainly = match suspicion {
                Suspicion::Exact if absent.is_none() => requests && asks,
                Suspicion::Exact => words.request.has(&own),
                Suspicion::Away => words.request.has(&own) || own.contains(['?', '？']) || states(&lower, reading),
                _ => words.request.has(&own) || words.request.has(&subject),
            };
            return (!plainly).then(|| format!("subject {:?} and the words {said:?}", shown(mail.subject)));
        }
        return (suspicion == Suspicion::Exact && !asks && !requests)
            .then(|| format!("subject {:?}", shown(mail.subject)));
    }
    let acknowledged = words.acknowledged.find(&lower);
    // Somebody is away, or a desk acknowledges, and says what is to be done meanwhile.
    if mail.reply
        && let Some(said) = words.absence.find(&lower).or(acknowledged).map(shown_of)
        && only_away(&lower, reading)
    {
        return Some(format!("an answer with the words {said:?} that only says whom to turn to meanwhile"));
    }
    // Another desk's acknowledgement: something was received, and a machine says so. Who quotes one asks for something.
    acknowledged.or_else(|| words.acknowledged.find(&subject))?;
    if lower.contains(['?', '？']) && words.request.has(&lower) {
        return None;
    }
    machine().map(|machine| format!("an acknowledgement that says {machine:?}"))
}

/// A newsletter without the headers of one: why one gets it and how one leaves, near its end.
pub(super) fn newsletter(mail: &Mail<'_>, reading: &Reading) -> Option<String> {
    if mail.reply {
        return None;
    }
    let words = &reading.screening;
    let mut lines: Vec<&str> = mail.text.lines().rev().map(str::trim).filter(|line| !line.is_empty()).take(8).collect();
    lines.reverse();
    let end = lines.join("\n");
    let end = folded(&end);
    let shown_of = |(start, stop): (usize, usize)| end[start..stop].to_lowercase();
    let why = words.why.find(&end).map(shown_of);
    let leave = words.leave.find(&end).map(shown_of);
    if why.is_none() && leave.is_none() {
        return None;
    }
    let end = end.to_lowercase();
    let linked = mail.linked || end.contains("http") || end.contains("www.") || end.contains("mailto:");
    let leave = leave.filter(|_| linked || end.contains('@'));
    let address = mail.sender.address.to_lowercase();
    let local = address.split('@').next().unwrap_or_default();
    let name = mail.sender.name.as_deref().unwrap_or_default().to_lowercase();
    let online = || words.online.has(&folded(mail.text));
    // The sender of a newsletter is seldom a person's name.
    let sender = words.senders.has(local) || words.senders.has(&name);
    match (why, leave) {
        // Who cannot leave a newsletter quotes both.
        (Some(_), Some(_)) if end.contains('?') && words.request.has(&end) => None,
        (Some(why), Some(leave)) => Some(format!("the words {why:?} and {leave:?}")),
        (None, Some(leave))
            if (sender && online()) || (sender && linked && !end.contains('?') && !words.request.has(&end)) =>
        {
            Some(format!("the words {leave:?} and the sender {local}@"))
        }
        (Some(why), None) if sender && online() => Some(format!("the words {why:?} and the sender {local}@")),
        _ => None,
    }
}

fn shown(text: &str) -> String {
    text.chars().take(80).collect()
}
