//! Which lines of a form are values of which field, which stand beside the fields, which its program added.
//!
//! Every line goes somewhere: to a field, to the text beside, or to the footer.

use super::label::{Look, normalised};
use super::layout::{self, next};
use super::{Form, MOST_FIELDS};
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
}

pub(super) fn fill(body: &Body, looks: &[Look<'_>], reading: &Reading, machine: bool) -> Form {
    let mut form = Form::default();
    let mut beside: Vec<&str> = Vec::new();
    let mut footer: Vec<&str> = Vec::new();
    let mut open: Option<Open> = None;
    let mut in_footer = false;
    let layout = layout::of(body, looks);
    // No blank line stands between its labels and values.
    let mut tight = layout.stacked;
    for (at, look) in looks.iter().enumerate() {
        let line = body.line(at);
        let started = !form.fields.is_empty();
        if in_footer {
            footer.push(line);
            if *look == Look::Blank && !tail_is_footer(body, at, reading) {
                in_footer = false;
            }
            continue;
        }
        if started && is_footer(body, at, reading) {
            in_footer = true;
            open = None;
            footer.push(line);
            continue;
        }
        // A rule between two fields is the form's; nobody wrote it.
        let labelled = || next(looks, at).is_none_or(|next| matches!(looks[next], Look::Known { .. }));
        if started && is_rule(line.trim()) && labelled() {
            continue;
        }
        let begins = layout.rows && body.lines[at].row;
        if begins && open.as_ref().is_some_and(|open| !open.empty) {
            // A row holds one value, whole.
            open = None;
        }
        let in_cell = layout.cells && !body.lines[at].row && open.as_ref().is_some_and(|open| open.long && !open.empty);
        if !machine
            && form.fields.len() < MOST_FIELDS
            && labelled_above(&open, &form, &layout, beside.is_empty())
            && layout.heads(body, looks, at, reading)
        {
            let label = line.trim_matches(|c: char| "-–— *".contains(c)).to_owned();
            form.fields.push(Field { key: FieldKey::Unknown, label, value: String::new() });
            open = Some(Open { index: form.fields.len() - 1, long: true, empty: true, near: true });
            continue;
        }
        tight &= !started || *look != Look::Blank;
        let describing =
            open.as_ref().is_some_and(|open| open.long && form.fields[open.index].key == FieldKey::Description);
        match *look {
            // Inside a description a label that came before is part of what the customer wrote.
            Look::Known { key, label, value, alone }
                if form.fields.len() < MOST_FIELDS
                    && !in_cell
                    && !(describing
                        && (key == FieldKey::Description
                            || (alone
                                && !(layout.stacked
                                    && at > 0
                                    && (tight || looks[at - 1] == Look::Blank || body.lines[at].row)))
                            || has(&form, key)
                            || !alone && !stands(&form, looks, at, body, reading))) =>
            {
                form.fields.push(Field { key, label: label.to_owned(), value: value.to_owned() });
                open = Some(Open {
                    index: form.fields.len() - 1,
                    long: is_long(key),
                    empty: value.is_empty(),
                    near: true,
                });
                if machine && key != FieldKey::CampaignId {
                    beside.push(line);
                }
                continue;
            }
            // "Anrede: Herr" right above the first field is one of them, a heading is not.
            Look::Other { label, value }
                if !describing
                    && !in_cell
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
                    Some(Open { index: form.fields.len() - 1, long: true, empty: value.is_empty(), near: true })
                };
                if machine {
                    beside.push(line);
                }
                continue;
            }
            Look::Blank => {
                if let Some(open) = &mut open {
                    open.near = open.empty;
                    if open.long && !open.empty {
                        form.fields[open.index].value.push('\n');
                    }
                } else {
                    beside.push(line);
                }
                continue;
            }
            // A label beyond the bound begins no field, and ends the one before: what follows is text.
            Look::Known { .. } | Look::Other { .. } if form.fields.len() == MOST_FIELDS && !describing => open = None,
            _ => {}
        }
        let takes = open.as_ref().is_some_and(|open| {
            let key = form.fields[open.index].key;
            !machine
                && match key {
                    FieldKey::Description => true,
                    // After a blank line words stand beside the fields, unless the value has not come yet.
                    FieldKey::Unknown => open.near || in_cell,
                    FieldKey::CampaignId => open.empty || open.near && further(line),
                    FieldKey::CampaignName | FieldKey::HelpTopic => {
                        open.empty || open.near && layout.cells && !body.lines[at].row && short(line)
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
                // "Sent from Orchard": a last row that is no label and no value is the form's.
                let last = begins && started && next(looks, at).is_none() && short(line);
                // "New request", "A form was submitted": headings above the first field are the form's.
                if last || !started && line.split_whitespace().count() <= 12 && !line.trim_end().ends_with('?') {
                    footer.push(line);
                } else {
                    beside.push(line);
                }
            }
        }
    }
    for field in &mut form.fields {
        field.value.truncate(field.value.trim_end().len());
    }
    if !machine && beside.iter().all(|line| line.trim().is_empty()) {
        promote(&mut form.fields);
    }
    form.person = person(&form.fields, reading);
    form.text = text(&form.fields, &beside, reading, machine);
    form.footer = footer.join("\n").trim().to_owned();
    form
}

/// The customer's name: the first one, or the first and the last name together.
fn person(fields: &[Field], reading: &Reading) -> Option<String> {
    let names = || fields.iter().filter(|field| field.key == FieldKey::Name && !field.value.trim().is_empty());
    let of = |labels: &Set| names().find(|field| labels.contains(&normalised(&field.label)));
    match (of(&reading.forms.first_names), of(&reading.forms.last_names)) {
        (Some(first), Some(last)) => Some(header::one_line(&format!("{} {}", first.value.trim(), last.value.trim()))),
        _ => names().next().map(|field| header::one_line(field.value.trim())),
    }
}

/// The description, long answers to labels that are not known, and the words beside the fields.
fn text(fields: &[Field], beside: &[&str], reading: &Reading, machine: bool) -> String {
    let mut parts: Vec<String> = Vec::new();
    for field in fields {
        let value = field.value.trim();
        if machine || reading.forms.empty.contains(&value.to_lowercase()) {
            continue;
        }
        match field.key {
            FieldKey::Description => parts.push(value.to_owned()),
            FieldKey::Unknown if value.split_whitespace().count() >= 4 => {
                parts.push(format!("{}: {value}", field.label))
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

/// Where a form asks for no description, the longest answer to a label that is not known is one.
fn promote(fields: &mut [Field]) {
    let words = |field: &Field| field.value.split_whitespace().count();
    let told = |field: &&mut Field| {
        field.key == FieldKey::Unknown && (words(field) >= 4 || words(field) > 0 && field.label.ends_with('?'))
    };
    if fields.iter().any(|field| field.key == FieldKey::Description && !field.value.is_empty()) {
        return;
    }
    if let Some(field) = fields.iter_mut().filter(told).max_by_key(|field| words(field)) {
        field.key = FieldKey::Description;
    }
}

fn has(form: &Form, key: FieldKey) -> bool {
    form.fields.iter().any(|field| field.key == key)
}

/// Whether a label may stand here whose words are not known: the value before has come, and it was no free text.
fn labelled_above(open: &Option<Open>, form: &Form, layout: &layout::Layout, bare: bool) -> bool {
    match open {
        None => layout.rows || layout.bold || form.fields.is_empty() && bare,
        Some(open) if open.empty => false,
        Some(open) => layout.bold || form.fields[open.index].key != FieldKey::Description,
    }
}

/// Inside a description, whether a label with its value is a field: the value is one of its kind, and no further words
/// of the description follow.
fn stands(form: &Form, looks: &[Look<'_>], at: usize, body: &Body, reading: &Reading) -> bool {
    let Look::Known { key, value, .. } = looks[at] else { return false };
    let fits = match key {
        _ if value.is_empty() => return true,
        FieldKey::Phone => value.bytes().filter(u8::is_ascii_digit).count() >= 5,
        FieldKey::Email => value.contains('@'),
        _ => true,
    };
    fits && next(looks, at).is_none_or(|next| match looks[next] {
        Look::Known { key, .. } => !has(form, key),
        Look::Other { .. } => true,
        _ => is_footer(body, next, reading) || is_rule(body.line(next).trim()),
    })
}

/// One more number below the first.
fn further(line: &str) -> bool {
    line.split_whitespace().count() <= 3 && line.bytes().any(|b| b.is_ascii_digit()) && !line.ends_with(['?', '.', '*'])
}

fn is_long(key: FieldKey) -> bool {
    matches!(key, FieldKey::Description | FieldKey::Unknown)
}

fn short(line: &str) -> bool {
    line.split_whitespace().count() <= 6
}

fn is_footer(body: &Body, at: usize, reading: &Reading) -> bool {
    let line = body.line(at).trim();
    let dashes = line.len() >= 2 && line.bytes().all(|byte| byte == b'-');
    if dashes || (is_rule(line) && at + 1 < body.lines.len()) {
        return tail_is_footer(body, at, reading);
    }
    line.len() <= 300 && reading.forms.footers.starts(&line.to_lowercase())
}

/// What follows is a few lines, one of them a form's footer.
fn tail_is_footer(body: &Body, at: usize, reading: &Reading) -> bool {
    let mut rest = (at + 1..body.lines.len()).map(|next| body.line(next).trim()).filter(|line| !line.is_empty());
    let lines: Vec<&str> = rest.by_ref().take(9).collect();
    lines.len() <= 8 && lines.iter().any(|line| line.len() <= 300 && reading.forms.footers.starts(&line.to_lowercase()))
}
