//! Header tables of Lotus Notes: labels alone on their lines or at the right margin, and boxes drawn with dashes.

use super::attribution::has_date;
use crate::request::finder::lowered;
use crate::request::lines::Body;
use crate::request::reading::{Label, Reading};

/// Where the table of Lotus Notes begins that has its labels alone on their lines, or at the right margin, beginning with
/// this line's `To`: sender and date stand to the left or above.
pub(super) fn notes_table(body: &Body, at: usize, reading: &Reading) -> Option<usize> {
    if bare(body.line(at), reading) != Some(Label::To) {
        return None;
    }
    let below =
        |wanted: Label| (at + 1..body.lines.len()).take(12).any(|next| bare(body.line(next), reading) == Some(wanted));
    if !(below(Label::Cc) && below(Label::Subject)) {
        return None;
    }
    let line = |at: usize| body.line(at).trim();
    // "Please respond to" stands below the date.
    let part = |at: &usize| {
        body.line(*at).starts_with("      ")
            || line(*at).contains('@')
            || line(*at).is_empty()
            || line(*at).starts_with('"') && line(*at).ends_with('"')
            || has_date(line(*at))
            || *at > 0 && has_date(line(*at - 1))
    };
    let above = (0..at).rev().take(12).take_while(part).last().unwrap_or(at);
    (above..=at).find(|start| !body.blank(*start))
}

/// The label that stands alone on a line, or far from what is left of it.
fn bare(line: &str, reading: &Reading) -> Option<Label> {
    let line = line.trim();
    let word = line.rfind("   ").map_or(line, |gap| line[gap..].trim_start());
    if word.is_empty() || word.len() > 24 {
        return None;
    }
    reading.labels.get(lowered(word, &mut String::new())).copied()
}

/// The text with its boxes undone: who wrote and when stand in the narrow one without labels, which they get; the other
/// lines of the header stand in the wide one below it. `None`: it has none.
///
/// ```text
/// |---------+---------------------------->
/// |         |           "Desk Support"   |
/// |         |           <support@desk.exa|
/// |         |           mple>            |
/// |         |           11.08.2025 09:12 |
/// |---------+---------------------------->
///   >---------------------------------------------------------------|
///   |       To:       jane@acme.example                             |
///   |       Subject:  Clicks                                        |
///   >---------------------------------------------------------------|
/// ```
pub fn unboxed(text: &str) -> Option<String> {
    memchr::memmem::find(text.as_bytes(), b"--+----")?;
    let mut out = String::with_capacity(text.len());
    let mut lines = text.lines().peekable();
    let mut found = false;
    while let Some(line) = lines.next() {
        if !drawn(line, ["|-", "-|"], "->") {
            out.extend([line, "\n"]);
            continue;
        }
        let below = lines.clone();
        let mut sender = String::new();
        while let Some(cell) = lines.next_if(|line| line.starts_with('|') && line.trim_end().ends_with('|')) {
            let inner = cell.trim_end().trim_matches('|');
            let piece = inner.split_once('|').map_or(inner, |(_, right)| right).trim();
            let open = sender.rfind('<') > sender.rfind('>');
            if !open && has_date(piece) {
                sender.push_str("\nDate: ");
            } else if !open && !sender.is_empty() && !piece.is_empty() {
                sender.push(' ');
            }
            sender.push_str(piece);
        }
        lines.next_if(|line| drawn(line, ["|-", "-|"], "->"));
        if !sender.contains('@') && !sender.contains("Date: ") {
            // Somebody's table.
            out.extend([line, "\n"]);
            lines = below;
            continue;
        }
        out.extend(["From: ", sender.trim(), "\n"]);
        if lines.next_if(|line| drawn(line, [">-", ">-"], "-|")).is_some() {
            while let Some(row) =
                lines.next_if(|line| line.trim_start().starts_with('|') && line.trim_end().ends_with('|'))
            {
                let row = row.trim().trim_matches('|').trim();
                // An empty row above the first label would part it from the date.
                if !row.is_empty() {
                    out.extend([row, "\n"]);
                }
            }
            lines.next_if(|line| drawn(line, [">-", ">-"], "-|"));
        }
        found = true;
    }
    found.then_some(out)
}

/// A border: it begins and ends so, and has nothing between but dashes and crosses.
fn drawn(line: &str, begins: [&str; 2], ends: &str) -> bool {
    let line = line.trim();
    line.len() > 8
        && begins.iter().any(|begin| line.starts_with(begin))
        && line.ends_with(ends)
        && line[1..line.len() - 1].bytes().all(|byte| matches!(byte, b'-' | b'+'))
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use super::*;

    #[test]
    fn boxes_become_header_lines() {
        let boxed = "|---------+------>\n|         |   \"Desk\"    |\n|         |   <s@desk.exa|\n|         |   mple>      |\n\
            |         |            |\n|         |   11.08.2025 09:12 |\n|---------+------>\n  >---------------|\n  |               |\n\
            \x20 |  To:   jane@acme.example  |\n  |  Subject:  Clicks  |\n  >---------------|\n";
        let plain =
            "From: \"Desk\" <s@desk.example>\nDate: 11.08.2025 09:12\nTo:   jane@acme.example\nSubject:  Clicks\n";
        let opened = unboxed(&format!("It is 92117.\n\n{boxed}\nWhich one?\n")).unwrap_or_default();
        assert_eq!(opened, format!("It is 92117.\n\n{plain}\nWhich one?\n"));
        check(&opened, "It is 92117.");
        assert_eq!(unboxed("|---+----->\n| a | clicks |\n|---+----->\n"), None);
        assert_eq!(unboxed("| a | b |\n|---|---|\n a --+---- b"), None);
    }

    #[test]
    fn tables_of_lotus_notes() {
        check(
            "It is 92117.\n\n             Support\n             <s@desk.e\n             xample>               To\n                            jane@acme.example\n             03/04/2025             cc\n                                  Subject\n                            Campaign\n\nwhich one, 12345?",
            "It is 92117.",
        );
        check(
            "Es ist 92117.\n\nSupport <s@desk.example>\n\n03.04.2025 09:14\nAn\njane@acme.example\nKopie\nThema\nKampagne\n\nWelche, 12345?",
            "Es ist 92117.",
        );
        check(
            "It is 92117.\n\n\"Support\" \n<s@desk.example> \nSent by: root@desk.example\n08/11/2025 09:12 AM\nPlease respond to\ns@desk.example\n\n\nTo\njane@acme.example\ncc\n\nSubject\nCampaign\n\nwhich one, 12345?",
            "It is 92117.",
        );
    }
}
