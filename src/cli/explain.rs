//! A judgement for people: the mail with the deciding words marked, and a short "because".

use std::fmt::Write;

use super::output::inert;
use crate::campaigns::Kind;
use crate::request::Request;
use crate::request::evidence::{Evidence, Where};
use crate::triage::Triage;

/// How marked words look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marks {
    /// Bold and underlined, for terminals.
    Ansi,
    /// `[[word]]`, for everything else.
    Brackets,
}

/// One request and its judgement as text.
pub fn judgement(source: &str, request: &Request, triage: &Triage, marks: Marks) -> String {
    let mut out = String::new();
    let campaign = &triage.campaign;
    let evidence: Vec<&Evidence> = campaign.evidence.iter().chain(&triage.topic.evidence).collect();
    line(&mut out, "", source);
    line(&mut out, "from", &format!("{} <{}>", request.from.name.as_deref().unwrap_or(""), request.from.address));
    line(&mut out, "subject", &marked(&request.subject, Where::Subject, &evidence, marks));
    for field in &request.fields {
        let own: Vec<&Evidence> =
            evidence.iter().filter(|found| found.field.as_ref() == Some(&field.label)).copied().collect();
        let value = marked(&field.value, Where::Form, &own, marks);
        line(&mut out, "field", &format!("{}: {}", inert(&field.label), value.replace('\n', " ")));
    }
    for text in marked(&request.text, Where::Text, &evidence, marks).lines() {
        line(&mut out, "|", text);
    }
    // Of what was written before, of links and files only what holds some of the words.
    let files = request.attachments.iter().enumerate();
    let files = files.flat_map(|(at, file)| [Some(&file.name), file.alt.as_ref()].map(|text| (at, text)));
    let listed = request.links.iter().enumerate().map(|(at, link)| ("link", Where::Link, at.to_string(), link));
    let files = files.filter_map(|(at, text)| Some(("attached", Where::Attachment, at.to_string(), text?)));
    for (label, place, at, text) in listed.chain(files) {
        let of_it = |found: &&&Evidence| {
            found.field.as_ref() == Some(&at) && text.get(found.start..found.end) == Some(found.text.as_str())
        };
        told(&mut out, label, text, place, &evidence.iter().filter(of_it).copied().collect::<Vec<_>>(), marks);
    }
    told(&mut out, "forwarded", &request.forwarded, Where::Forwarded, &evidence, marks);
    told(&mut out, "quoted", &request.quoted, Where::Quoted, &evidence, marks);
    told(&mut out, "signature", &request.signature, Where::Signature, &evidence, marks);
    if let Some(automated) = &request.automated {
        line(&mut out, "automated", &format!("{}, because of {}", name(&automated.kind), inert(&automated.because)));
        return out;
    }
    let known = campaign.id.as_ref().map_or_else(|| campaign.ids.join(" "), String::clone);
    line(&mut out, "campaign", format!("{} {}", name(&campaign.status), inert(&known)).trim_end());
    for candidate in &campaign.candidates {
        let label = match candidate.kind {
            Kind::Named => "may be",
            Kind::NearMiss => "near",
        };
        line(&mut out, label, &format!("{} {} ({:.2})", inert(&candidate.id), inert(&candidate.name), candidate.score));
    }
    for similar in &campaign.similar {
        line(&mut out, "similar", &format!("{} {}", inert(&similar.id), inert(&similar.name)));
    }
    because(&mut out, &campaign.evidence);
    line(
        &mut out,
        "topic",
        &format!("{}, {:.1} points, by {}", triage.topic.id, triage.topic.score, name(&triage.topic.chosen_by)),
    );
    because(&mut out, &triage.topic.evidence);
    let missing = if triage.missing.is_empty() { "nothing".into() } else { triage.missing.join(", ") };
    line(&mut out, "missing", &missing);
    line(&mut out, "priority", &format!("{}, for {}", triage.priority, triage.route));
    if !triage.flags.is_empty() {
        line(&mut out, "flags", &triage.flags.join(", "));
    }
    line(&mut out, "action", &name(&triage.action));
    out
}

fn because(out: &mut String, evidence: &[Evidence]) {
    let mut strongest: Vec<&Evidence> = evidence.iter().collect();
    strongest.sort_by(|a, b| b.weight.abs().total_cmp(&a.weight.abs()));
    for found in strongest.iter().take(6) {
        let place = name(&found.place);
        line(out, "because", &format!("\"{}\" in {place}: {} ({:+.1})", inert(&found.text), found.rule, found.weight));
    }
}

/// The lines of a text in which marked words stand.
fn told(out: &mut String, label: &str, text: &str, place: Where, evidence: &[&Evidence], marks: Marks) {
    let mut start = 0;
    for piece in text.split_inclusive('\n') {
        let (from, to) = (start, start + piece.len());
        start = to;
        let within = |found: &&Evidence| found.place == place && found.start >= from && found.end <= to;
        let moved = |found: &Evidence| Evidence { start: found.start - from, end: found.end - from, ..found.clone() };
        let own: Vec<Evidence> = evidence.iter().copied().filter(within).map(moved).collect();
        if !own.is_empty() {
            line(out, label, marked(piece, place, &own.iter().collect::<Vec<_>>(), marks).trim_end());
        }
    }
}

fn line(out: &mut String, label: &str, text: &str) {
    let _ = writeln!(out, "{label:>10}  {text}");
}

/// The name that JSON gives a value, for people.
pub fn name(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => name,
        _ => String::new(),
    }
}

/// The text of a zone with the words of its evidence marked.
fn marked(text: &str, place: Where, evidence: &[&Evidence], marks: Marks) -> String {
    let (open, close) = match marks {
        Marks::Ansi => ("\x1b[1;4m", "\x1b[0m"),
        Marks::Brackets => ("[[", "]]"),
    };
    let mut spans: Vec<(usize, usize)> = evidence
        .iter()
        .filter(|found| found.place == place && found.start < found.end && text.get(found.start..found.end).is_some())
        .map(|found| (found.start, found.end))
        .collect();
    spans.sort_unstable();
    let mut out = String::new();
    let mut at = 0;
    for (start, end) in spans {
        if start < at {
            continue;
        }
        let words = inert_lines(&text[start..end]);
        let _ = write!(out, "{}{open}{words}{close}", inert_lines(&text[at..start]));
        at = end;
    }
    out.push_str(&inert_lines(&text[at..]));
    out
}

fn inert_lines(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_stand_around_the_words_and_control_characters_are_gone() {
        let found = |start, end| Evidence {
            rule: "r".into(),
            place: Where::Text,
            field: None,
            start,
            end,
            text: String::new(),
            weight: 1.0,
        };
        let (a, b, beyond) = (found(3, 8), found(5, 9), found(4, 400));
        let got = marked("é 48213\x1b[2J", Where::Text, &[&a, &b, &beyond], Marks::Brackets);
        assert_eq!(got, "é [[48213]] [2J");
    }
}
