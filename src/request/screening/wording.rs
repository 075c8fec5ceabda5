//! Automated mail without the headers of it: automatic replies, other desks' acknowledgements, newsletters, by words.
//!
//! A person may quote any of these words: a mail that plainly asks for something is never judged automated here.

use super::Mail;
use crate::request::finder::folded;
use crate::request::reading::Reading;

/// How the subject begins like that of an automatic reply: not, loosely (more words follow), or exactly (a colon or
/// nothing follows).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Suspicion {
    None,
    Loose,
    Exact,
}

pub(super) fn suspicion(subject: &str, reading: &Reading) -> Suspicion {
    match reading.screening.auto_subjects.find(subject) {
        Some((0, end)) => {
            let after = subject[end..].trim_start();
            if after.is_empty() || after.starts_with([':', '：', '[', '(', '!', '.']) {
                Suspicion::Exact
            } else {
                Suspicion::Loose
            }
        }
        _ => Suspicion::None,
    }
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
        if let Some(said) = absent.or_else(machine) {
            // Somebody may write about an automatic reply, or mention that he will be away: then there is a matter.
            let plainly = requests && (asks || suspicion == Suspicion::Loose);
            return (!plainly).then(|| format!("subject {:?} and the words {said:?}", shown(mail.subject)));
        }
        return (suspicion == Suspicion::Exact && !asks && !requests)
            .then(|| format!("subject {:?}", shown(mail.subject)));
    }
    let acknowledged = words.acknowledged.find(&lower);
    // Somebody is away, or a desk acknowledges, and says what is to be done meanwhile.
    if mail.reply
        && let Some(said) = words.absence.find(&lower).or(acknowledged).map(shown_of)
        && let Some(meanwhile) = words.meanwhile.find(&lower).map(shown_of)
        && !(lower.contains(['?', '？']) || words.request.has(&lower))
    {
        return Some(format!("an answer with the words {said:?} and {meanwhile:?}"));
    }
    // Another desk's acknowledgement: something was received, and a machine says so.
    acknowledged.or_else(|| words.acknowledged.find(&subject))?;
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
