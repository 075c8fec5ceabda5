//! Which lines of a form are values of which field, which stand beside the fields, which its program added.
//!
//! Every line goes somewhere: to a field, to the text beside, or to the footer.

use super::label::{Look, normalised};
use super::layout::announces;
use super::{Form, MOST_FIELDS, addressed};
use crate::request::lines::Body;
use crate::request::quote::is_rule;
use crate::request::reading::{Reading, Set};
use crate::request::{Field, FieldKey, header};

/// Which field an open value belongs to.
struct Open {
    index: usize,
    /// It takes all lines up to the next label.
    long: bool,
    /// Nothing has been put in yet.
    empty: bool,
    /// The last line put in stands directly above.
    near: bool,
    /// Its label is known by its looks alone: as other labels are, all that stands below is its value.
    asked: bool,
}

pub(super) fn fill(body: &Body, looks: &[Look<'_>], reading: &Reading, machine: bool, robot: bool) -> Form {
    let mut form = Form::default();
    let mut beside: Vec<&str> = Vec::new();
    let mut above: Vec<&str> = Vec::new();
    let mut footer: Vec<&str> = Vec::new();
    let mut open: Option<Open> = None;
    let tail = tail(body, reading);
    let mut asked: Vec<usize> = Vec::new();
    // The form sets its labels above their values, all of them.
    let stacked = looks.iter().find_map(|look| match look {
        Look::Known { alone, .. } => Some(*alone),
        _ => None,
    }) == Some(true);
    for (at, look) in looks.iter().enumerate() {
        let line = body.line(at);
        let started = !form.fields.is_empty();
        if started && at >= tail {
            footer.push(line);
            continue;
        }
        // A rule between two fields is the form's; nobody wrote it.
        let next = || looks[at + 1..].iter().find(|look| **look != Look::Blank);
        if started && is_rule(line.trim()) && next().is_none_or(|next| matches!(next, Look::Known { .. })) {
            continue;
        }
        let describing =
            open.as_ref().is_some_and(|open| open.long && form.fields[open.index].key == FieldKey::Description);
        match *look {
            // Inside a description a label that came before is part of what the customer wrote.
            Look::Known { key, label, value, alone }
                if form.fields.len() < MOST_FIELDS
                    && !(describing
                        && (!likely(key, value)
                            || (alone
                                && !(stacked && at > 0 && (looks[at - 1] == Look::Blank || body.lines[at].row)))
                            || form.fields.iter().any(|field| field.key == key))) =>
            {
                form.fields.push(Field { key, label: label.to_owned(), value: value.to_owned() });
                open = Some(Open {
                    index: form.fields.len() - 1,
                    long: is_long(key),
                    empty: value.is_empty(),
                    near: true,
                    asked: false,
                });
                if machine && key != FieldKey::CampaignId {
                    beside.push(line);
                }
                continue;
            }
            // "Anrede: Herr" right above the first field is one of them, a heading is not.
            Look::Other { label, value }
                if !describing
                    && form.fields.len() < MOST_FIELDS
                    && (started
                        || machine
                        || (value.split_whitespace().count() < 4
                            && matches!(looks.get(at + 1), Some(Look::Known { alone: false, .. })))) =>
            {
                form.fields.push(Field { key: FieldKey::Unknown, label: label.to_owned(), value: value.to_owned() });
                open = if machine {
                    None
                } else {
                    let index = form.fields.len() - 1;
                    Some(Open { index, long: true, empty: value.is_empty(), near: true, asked: false })
                };
                if machine {
                    beside.push(line);
                }
                continue;
            }
            Look::Asked { label } if form.fields.len() < MOST_FIELDS => {
                form.fields.push(Field { key: FieldKey::Unknown, label: label.to_owned(), value: String::new() });
                open = Some(Open { index: form.fields.len() - 1, long: true, empty: true, near: true, asked: true });
                asked.push(form.fields.len() - 1);
                continue;
            }
            Look::Blank => {
                if let Some(open) = &mut open {
                    open.near = open.empty;
                    if open.long && !open.empty {
                        form.fields[open.index].value.push('\n');
                    }
                } else {
                    if started { &mut beside } else { &mut above }.push(line);
                }
                continue;
            }
            // A label beyond the bound begins no field, and ends the one before: what follows is text.
            Look::Known { .. } | Look::Other { .. } | Look::Asked { .. }
                if form.fields.len() == MOST_FIELDS && !describing =>
            {
                open = None
            }
            _ => {}
        }
        let takes = open.as_ref().is_some_and(|open| {
            let key = form.fields[open.index].key;
            !machine
                && match key {
                    FieldKey::Description => true,
                    // After a blank line words stand beside the fields, unless the value has not come yet.
                    FieldKey::Unknown => open.near || open.asked,
                    FieldKey::CampaignId | FieldKey::CampaignName | FieldKey::HelpTopic => {
                        open.empty || open.near && short(line)
                    }
                    _ => open.empty,
                }
        });
        match &mut open {
            Some(open) if takes => {
                let value = &mut form.fields[open.index].value;
                if !value.is_empty() {
                    value.push('\n');
                }
                value.push_str(line);
                (open.empty, open.near) = (false, true);
            }
            _ => {
                open = None;
                match started {
                    true => beside.push(line),
                    false if announces(line, reading) => footer.push(line),
                    false => above.push(line),
                }
            }
        }
    }
    // "New request", "A form was submitted": headings above the first field are the form's, unless the customer's words
    // stand nowhere else.
    let described = looks.iter().any(|look| matches!(look, Look::Known { key: FieldKey::Description, .. }));
    let heading = |line: &&str| line.split_whitespace().count() <= 12 && !line.trim_end().ends_with('?');
    if robot && (described || !asked.is_empty() || beside.iter().any(|line| !line.trim().is_empty())) {
        let (headings, words): (Vec<&str>, Vec<&str>) = above.into_iter().partition(heading);
        footer.splice(0..0, headings.into_iter().filter(|line| !line.trim().is_empty()));
        above = words;
    }
    beside.splice(0..0, above);
    for field in &mut form.fields {
        field.value.truncate(field.value.trim_end().len());
    }
    describe(&mut form.fields, &asked);
    form.person = person(&form.fields, reading);
    form.text = text(&form.fields, &beside, reading, machine);
    form.footer = footer.join("\n").trim().to_owned();
    form
}

/// Where no label is known to ask for it, the description is the first long answer to those that nobody knows, or the
/// longest: what follows it is consent and the like.
fn describe(fields: &mut [Field], asked: &[usize]) {
    if fields.iter().any(|field| field.key == FieldKey::Description) {
        return;
    }
    let words = |at: &usize| fields[*at].value.split_whitespace().count();
    // Above the first field that is known stand headings and firms as well.
    let first = fields.iter().position(|field| field.key != FieldKey::Unknown).unwrap_or_default();
    let below = || asked.iter().copied().filter(|at| *at > first);
    let long = below().find(|at| words(at) >= 4).or_else(|| below().max_by_key(words));
    if let Some(at) = long.filter(|at| words(at) >= 3) {
        fields[at].key = FieldKey::Description;
    }
}

/// The customer's name: the first one, or the first and the last name together.
fn person(fields: &[Field], reading: &Reading) -> Option<String> {
    let given = |field: &&Field| !reading.forms.empty.contains(&field.value.trim().to_lowercase());
    let names = || fields.iter().filter(|field| field.key == FieldKey::Name).filter(given);
    let of = |labels: &Set| names().find(|field| labels.contains(&normalised(&field.label)));
    match (of(&reading.forms.first_names), of(&reading.forms.last_names)) {
        (Some(first), Some(last)) => Some(header::one_line(&format!("{} {}", first.value.trim(), last.value.trim()))),
        _ => names().next().map(|field| header::one_line(field.value.trim())),
    }
}

/// The description, long answers to labels that are not known (without a description all of some words), and the words
/// beside the fields.
fn text(fields: &[Field], beside: &[&str], reading: &Reading, machine: bool) -> String {
    let mut parts: Vec<String> = Vec::new();
    let least = if fields.iter().any(|field| field.key == FieldKey::Description) { 4 } else { 2 };
    for field in fields {
        let value = field.value.trim();
        if machine || reading.forms.empty.contains(&value.to_lowercase()) {
            continue;
        }
        match field.key {
            FieldKey::Description => parts.push(value.to_owned()),
            FieldKey::Unknown if value.split_whitespace().count() >= least => {
                let colon = if field.label.ends_with(['?', '？']) { "" } else { ":" };
                parts.push(format!("{}{colon} {value}", field.label));
            }
            _ => {}
        }
    }
    let beside = beside.join("\n");
    if !beside.trim().is_empty() {
        parts.push(beside.trim().to_owned());
    }
    parts.join("\n\n")
}

/// Whether such a value ends a description above it: people write sentences behind such words, too.
fn likely(key: FieldKey, value: &str) -> bool {
    let words = value.split_whitespace().count();
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    let sentence = words > 3 && value.ends_with(['.', '!', '?', ',']);
    match key {
        FieldKey::Description | FieldKey::Subject => false,
        FieldKey::Phone => words == 0 || digits >= 5,
        FieldKey::Email => words == 0 || addressed(value).is_some(),
        FieldKey::CampaignId => words <= 4 && !sentence,
        _ => words <= 8 && !sentence,
    }
}

fn is_long(key: FieldKey) -> bool {
    matches!(key, FieldKey::Description | FieldKey::Unknown)
}

fn short(line: &str) -> bool {
    line.split_whitespace().count() <= 6
}

/// Where the form's own last lines begin: footers, links, rules. A customer's words below them make them his.
fn tail(body: &Body, reading: &Reading) -> usize {
    let mut tail = body.lines.len();
    for at in (0..tail).rev() {
        let line = body.line(at).trim();
        let footer = line.len() <= 300 && reading.forms.footers.starts(&line.to_lowercase());
        let link = line.trim_start_matches(['(', '<']).starts_with("http") && !line.contains(' ');
        match (footer, line == "--" || is_rule(line) || line.is_empty() || link) {
            (true, _) => tail = at,
            (false, true) => {}
            (false, false) => break,
        }
    }
    // The rule above them is theirs, and what Elementor sets between: date and time, behind labels.
    let line = |at: &usize| body.line(*at).trim();
    let rule = |at: &usize| line(at).len() >= 2 && line(at).bytes().all(|byte| byte == b'-') || is_rule(line(at));
    let stamp = |at: &usize| {
        let label = line(at).split_once(':').filter(|(_, value)| value.contains(|c: char| c.is_ascii_digit()));
        label.is_some_and(|(label, _)| !label.trim().contains(' '))
    };
    let mut above = (0..tail).rev().filter(|at| !body.blank(*at)).take(3).skip_while(stamp);
    above.next().filter(|at| *at + 1 < body.lines.len() && rule(at)).unwrap_or(tail)
}
