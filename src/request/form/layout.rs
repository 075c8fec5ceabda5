//! How a form sets its labels and values, and what that tells: labels that nobody knows, fields that stand together.
//!
//! Nothing is taken for a label here that its place or its marks do not show to be one.

use super::label::{LONGEST_LABEL, Look, known, unnumbered};
use crate::request::lines::Body;
use crate::request::reading::Reading;
use crate::request::{FieldKey, address};

/// Marks the labels whose words nobody knows, where the known ones show how labels look: in rows above their values
/// (WPForms, Gravity Forms), or between stars (Typeform). What stands inside a cell is no label then.
///
/// Of a label that stands where a value must, the value is made that it is; the one address that a `robot` names is the
/// customer's, whatever its label.
pub(super) fn tell<'a>(body: &'a Body, looks: &mut [Look<'a>], robot: bool, reading: &Reading) {
    if robot && emails(looks).next().is_none() {
        let address =
            |look: &Look<'_>| matches!(look, Look::Other { value, .. } if address::addr_spec(value).is_some());
        let mut named = looks.iter_mut().filter(|look| address(look));
        if let (Some(look), None) = (named.next(), named.next())
            && let Look::Other { label, value } = *look
        {
            *look = Look::Known { key: FieldKey::Email, label, value, alone: false };
        }
    }
    values(looks);
    let marks: Vec<Option<Look<'_>>> = (0..looks.len()).map(|at| starred(body.line(at), reading)).collect();
    if marks.iter().filter(|look| matches!(look, Some(Look::Known { .. }))).count() >= 2 {
        let marked = looks.iter_mut().zip(marks).filter(|(look, _)| **look != Look::Blank);
        marked.for_each(|(look, mark)| *look = mark.unwrap_or(Look::Text));
        return;
    }
    let row = |at: usize| body.lines[at].row && looks[at] != Look::Blank;
    let rows: Vec<usize> = (0..looks.len()).filter(|at| row(*at)).collect();
    // Where values stand beside their labels, an empty one does not set the next row below its label.
    let beside = rows.iter().filter(|at| matches!(looks[**at], Look::Known { .. }) && !heads(&looks[**at])).count();
    if beside >= rows.iter().filter(|at| heads(&looks[**at])).count() {
        return;
    }
    let Some(first) = rows.windows(2).position(|pair| heads(&looks[pair[0]]) && !heads(&looks[pair[1]])) else {
        return;
    };
    // Above the first known label stand others with their values, or one heading.
    let mut label = first % 2 == 0;
    let mut next = rows.iter().copied().peekable();
    for (at, look) in looks.iter_mut().enumerate() {
        if next.next_if_eq(&at).is_none() {
            if *look != Look::Blank && at > rows[0] {
                *look = Look::Text;
            }
        } else if heads(look) {
            label = false;
        } else if !label {
            (*look, label) = (Look::Text, true);
        } else if matches!(look, Look::Text | Look::Other { value: "", .. })
            && short(body.line(at))
            && next.peek().is_some()
        {
            (*look, label) = (Look::Asked { label: body.line(at).trim_matches([' ', '*', ':']) }, false);
        }
    }
}

/// Labels alone between two others are what was chosen or written below the first: `Topic`, `Question`, `Message`.
fn values(looks: &mut [Look<'_>]) {
    let lines: Vec<usize> = (0..looks.len()).filter(|at| looks[*at] != Look::Blank).collect();
    let alone = |look: &Look<'_>| matches!(look, Look::Known { alone: true, .. });
    for three in 0..lines.len().saturating_sub(1) {
        let (label, value) = (lines[three], lines[three + 1]);
        let next = lines.get(three + 2).is_none_or(|next| alone(&looks[*next]));
        if alone(&looks[label]) && alone(&looks[value]) && next {
            looks[value] = Look::Text;
        }
    }
}

/// A label between stars, the whole line: `*How can we help?*`, `3. *How urgent is it?*`.
fn starred<'a>(line: &'a str, reading: &Reading) -> Option<Look<'a>> {
    let label = unnumbered(line.trim()).strip_prefix('*')?.strip_suffix('*')?;
    if !short(label) || label.contains('*') || label.trim().is_empty() {
        return None;
    }
    // "Nice to meet you, Gil. What's your email?": the last sentence asks.
    let asks = label.trim_end_matches(['.', '!', '?', ' ']).rfind(['.', '!']).map_or(0, |end| end + 1);
    Some(match known(label[asks..].trim(), reading) {
        Some(key) => Look::Known { key, label, value: "", alone: true },
        None => Look::Asked { label },
    })
}

/// A known label whose value stands below.
fn heads(look: &Look<'_>) -> bool {
    matches!(look, Look::Known { value: "", .. })
}

/// Short enough for a label.
fn short(line: &str) -> bool {
    line.chars().count() <= LONGEST_LABEL
}

/// Whether the form's e-mail field says this address.
pub(super) fn says(body: &Body, looks: &[Look<'_>], wanted: &str) -> bool {
    emails(looks).any(|(at, value)| {
        let below = || (at + 1..looks.len()).map(|at| body.line(at)).find(|line| !line.is_empty());
        let value = if value.is_empty() { below() } else { Some(value) };
        value.and_then(super::addressed).is_some_and(|address| address == wanted)
    })
}

fn emails<'a>(looks: &[Look<'a>]) -> impl Iterator<Item = (usize, &'a str)> {
    looks.iter().enumerate().filter_map(|(at, look)| match look {
        Look::Known { key: FieldKey::Email, value, .. } => Some((at, *value)),
        _ => None,
    })
}

/// Whether a line says that a form was sent.
pub(super) fn announces(line: &str, reading: &Reading) -> bool {
    let line = line.trim().to_lowercase();
    reading.forms.subjects.has(&line) || reading.forms.footers.starts(&line)
}

/// Whether no words stand between the first field and the one for the address (without one, the second field) but
/// values; above the first, nothing but what says that this is a form: of what a `site` sends, one such line is enough.
pub(super) fn first(body: &Body, looks: &[Look<'_>], site: bool, reading: &Reading) -> bool {
    let fields = || looks.iter().enumerate().filter(|(_, look)| matches!(look, Look::Known { .. }));
    let Some(first) = fields().next().map(|(at, _)| at) else { return false };
    let last = emails(looks).next().map(|(at, _)| at).or_else(|| fields().nth(1).map(|(at, _)| at)).unwrap_or(first);
    let announces = |at: usize| announces(body.line(at), reading);
    let words = |at: &usize| looks[*at] == Look::Text;
    let headed = match site {
        true => !(0..first).any(|at| words(&at)) || (0..first).any(announces),
        false => (0..first).filter(words).all(announces),
    };
    // A value goes on in the lines below: a description's over blank ones, another's while it has none.
    let (mut long, mut empty) = (false, false);
    headed
        && looks[first..last].iter().all(|look| match look {
            Look::Known { key, value, .. } => {
                (long, empty) = (*key == FieldKey::Description, value.is_empty());
                true
            }
            Look::Text => long || std::mem::take(&mut empty),
            Look::Other { .. } | Look::Asked { .. } => {
                (long, empty) = (true, false);
                true
            }
            Look::Blank => true,
        })
}
