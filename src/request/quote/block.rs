//! Quoted header blocks: "From: … Sent: … To: … Subject: …", in any of the languages, values wrapped over lines.

use super::attribution::has_date;
use crate::request::finder::lowered;
use crate::request::lines::Body;
use crate::request::reading::{Label, Reading};

/// A quoted header block.
pub(super) struct Block<'a> {
    /// What stands behind its From label.
    pub(super) from: &'a str,
}

/// The quoted header block that starts here: `From: … Sent: … To: … Subject: …` in any language, values wrapped. In a
/// mail that is no `answer` such labels may be somebody's list ("From: 1 March / To: 31 March"): there an address, a
/// time of day or a rule above makes them a header block; in an answer a date and a subject do.
pub(super) fn header_block<'a>(
    body: &'a Body,
    at: usize,
    ruled: bool,
    answer: bool,
    reading: &Reading,
) -> Option<Block<'a>> {
    let (first, _) = label(body.line(at), reading)?;
    if !matches!(first, Label::From | Label::Sent | Label::To | Label::Subject) {
        return None;
    }
    if first == Label::From
        && let Some(block) = on_one_line(body.line(at), reading)
    {
        return Some(block);
    }
    let mut from = "";
    let mut seen: Vec<Label> = Vec::with_capacity(6);
    let (mut sender, mut addressed, mut day, mut timed, mut zoned) = (false, false, false, false, false);
    let (mut wrapped, mut spaced) = (0, false);
    for next in at..body.lines.len().min(at + 20) {
        let line = body.line(next);
        match label(line, reading) {
            Some((label, value)) => {
                match label {
                    Label::From => {
                        from = value;
                        sender = value.contains('@') || value.chars().filter(|c| c.is_alphabetic()).count() >= 2;
                        addressed |= value.contains('@');
                    }
                    Label::To => addressed |= value.contains('@'),
                    Label::Sent => {
                        day = has_date(value);
                        timed = day && value.contains(':');
                        zoned = timed && value.rsplit(' ').next().is_some_and(is_zone);
                    }
                    _ => {}
                }
                if label != Label::Other && !seen.contains(&label) {
                    seen.push(label);
                }
                wrapped = 0;
            }
            // A blank line between its labels: each was a paragraph of its own.
            None if line.trim().is_empty()
                && next + 1 < body.lines.len()
                && goes_on(body.line(next + 1), &seen, reading) =>
            {
                spaced = true;
            }
            None if line.trim().is_empty() => break,
            None if wrapped < 2 => wrapped += 1,
            None => break,
        }
    }
    if spaced && !addressed {
        return None;
    }
    let dated = seen.contains(&Label::Sent) || seen.contains(&Label::Subject);
    if sender && dated && seen.len() >= if ruled { 2 } else { 3 } {
        let titled = seen.contains(&Label::Subject);
        let drawn = ruled && seen.contains(&Label::Sent) && seen.len() >= 3;
        let told = addressed || drawn || (timed && titled);
        return (told || answer && (timed || day && titled)).then_some(Block { from });
    }
    // Two labels are enough when they hold what only a header holds: an address, and a date with its time.
    let apart = at == 0 || body.blank(at - 1);
    let sure = if first == Label::From { timed } else { zoned };
    let certain = apart && seen.len() == 2 && matches!(first, Label::From | Label::Sent) && addressed && sure;
    certain.then_some(Block { from })
}

/// A label that the block has not had yet.
fn goes_on(line: &str, seen: &[Label], reading: &Reading) -> bool {
    label(line, reading).is_some_and(|(label, _)| label != Label::Other && !seen.contains(&label))
}

/// A header block whose line ends were lost: `From: Jane <jane@acme.example> Sent: 3 April 2025 10:01 To: … Subject: …`.
fn on_one_line<'a>(line: &'a str, reading: &Reading) -> Option<Block<'a>> {
    let (_, from) = label(line, reading)?;
    let mut seen: Vec<Label> = Vec::new();
    let mut end = from.len();
    let mut buffer = String::new();
    for (colon, _) in from.match_indices(':').take(24) {
        // The one or two words before a colon.
        let before = from[..colon].trim_end();
        let mut starts = before.rmatch_indices(' ').map(|(at, _)| at + 1).take(2);
        let known = starts.find_map(|at| Some((at, *reading.labels.get(lowered(&before[at..], &mut buffer))?)));
        if let Some((at, label)) = known.filter(|(_, label)| *label != Label::Other && *label != Label::From) {
            end = end.min(at);
            if !seen.contains(&label) {
                seen.push(label);
            }
        }
    }
    let dated = seen.contains(&Label::Sent) && has_date(from);
    (seen.len() >= 2 && dated && from.contains('@')).then(|| Block { from: from[..end].trim_end() })
}

/// A time zone as a Date header ends with it (RFC 5322 §3.3): `+0200`.
fn is_zone(word: &str) -> bool {
    word.strip_prefix(['+', '-']).is_some_and(|rest| rest.len() == 4 && rest.bytes().all(|b| b.is_ascii_digit()))
}

/// The label and value of a header-like line: `From: Jane`, `*Von:* Jane`, `De : Jane`, `发件人：Jane`.
pub(super) fn label<'a>(line: &'a str, reading: &Reading) -> Option<(Label, &'a str)> {
    // Bytes first: hardly a line has a colon so near its beginning.
    let start = &line.as_bytes()[..line.len().min(160)];
    memchr::memchr2(b':', 0xef, start)?;
    let line = line.trim_start_matches(|c: char| c.is_whitespace() || "*>•|".contains(c));
    let colon = line.char_indices().take(32).find(|(_, c)| matches!(c, ':' | '：'))?;
    let value = line[colon.0 + colon.1.len_utf8()..].trim_matches(|c: char| c == '*' || c.is_whitespace());
    let name = line[..colon.0].trim_matches(|c: char| c == '*' || c.is_whitespace());
    if name.is_empty() {
        return None;
    }
    reading.labels.get(lowered(name, &mut String::new())).map(|label| (*label, value))
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;

    #[test]
    fn blocks_as_programs_set_them() {
        for block in [
            "From: Support <s@desk.example>\n\nSent: Monday, March 31, 2025 4:12 PM\n\nTo: Jane\n\nSubject: Re: x",
            "====\n\nMessage du : 31/03/2025 16:12\nDe : \"Support\" <s@desk.example>\nA : jane@acme.example\nObjet : x",
            "Message du 31/03/25 16:12\nDe : \"Support\" <s@desk.example>\nA : jane@acme.example\nCopie à :\nObjet : x",
        ] {
            check(&format!("It is 92117.\n\n{block}\n\nWhich one, 12345?"), "It is 92117.");
        }
        let told = "From: Berlin\n\nTo: Paris\n\nDate: 3 May 2025\n\nSubject: my journey";
        check(told, told);
    }
}
