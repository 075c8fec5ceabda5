//! Quote marks in a first mail that nothing else tells to be an answer: what they stand before is quoted or pasted.
//!
//! Above or below all that somebody wrote it is quoted: some programs answer without a word of whom. Between words, or below a
//! line that ends with a colon, it is pasted, as a log is, and counts; between words below a quotation it is quoted as well.

use super::{Context, Kind};
use crate::request::lines::{Body, Hint};
use crate::request::reading::Reading;
use crate::request::signature;

/// Words of a line that may be no more than a greeting.
const GREETING_WORDS: usize = 6;

/// Makes new text of the quoted lines that are pasted.
pub(super) fn settle(body: &Body, kinds: &mut [Kind], context: &Context<'_>, reading: &Reading) {
    // What a program names a quote is one.
    let marked = |at: &usize| kinds[*at] == Kind::Quoted && body.lines[*at].hint != Hint::Quoted;
    let quoted: Vec<usize> = (0..kinds.len()).filter(marked).collect();
    if quoted.is_empty() {
        return;
    }
    let mut parts = kinds.to_vec();
    signature::mark(body, &mut parts, context.sender, reading);
    let mut written: Vec<usize> = (0..parts.len()).filter(|at| parts[*at] == Kind::New && !body.blank(*at)).collect();
    if written.first().is_some_and(|first| greets(body.line(*first))) {
        written.remove(0);
    }
    let mut introduced = false;
    let (mut pasted, mut answered) = (vec![], vec![]);
    for at in quoted {
        let above = (0..at).rev().find(|above| !body.blank(*above));
        if above.is_none_or(|above| kinds[above] != Kind::Quoted) {
            introduced = above.is_some_and(|above| body.line(above).ends_with([':', '：']));
        }
        if introduced { &mut pasted } else { &mut answered }.push(at);
    }
    let outside = match (written.first(), written.last()) {
        (Some(first), Some(last)) => answered.iter().any(|at| at < first || at > last),
        // Nothing else is said.
        _ => false,
    };
    if !outside {
        pasted.append(&mut answered);
    }
    pasted.into_iter().for_each(|at| kinds[at] = Kind::New);
}

/// A line that may well be a greeting: "Hi,", "Guten Tag, Frau Roe!"
fn greets(line: &str) -> bool {
    line.ends_with([',', '!', '，', '！']) && line.split_whitespace().count() <= GREETING_WORDS
}

#[cfg(test)]
mod tests {
    use super::super::split;
    use super::*;

    /// The new text of a first mail.
    fn check(text: &str, expected: &str) {
        let context = Context { sender: "Jane Roe <jane@acme.example>", ..Context::default() };
        let parts = split(&Body::plain(text), &context, &Reading::shipped());
        assert_eq!(parts.text, expected, "{parts:#?}");
    }

    #[test]
    fn what_stands_above_or_below_all_words_is_quoted() {
        let old = "> I forgot my password.\n> Can you help?";
        check(&format!("Where is my invoice?\n\n{old}"), "Where is my invoice?");
        check(&format!("Where is my invoice?\n{old}\n"), "Where is my invoice?");
        check(&format!("{old}\n\nWhere is my invoice?"), "Where is my invoice?");
        check(&format!("Hi,\n{old}\n\nWhere is my invoice?"), "Hi,\n\nWhere is my invoice?");
        check(&format!("Where is my invoice?\n\nBest regards,\nJane Roe\n\n{old}"), "Where is my invoice?");
        check(&format!("Where is my invoice?\n\n{old}\n\nBest regards,\nJane Roe"), "Where is my invoice?");
        check("> Which one?\n\n48213.\n\n> Since when?\n\nMonday.", "48213.\n\nMonday.");
        check(
            "> Which one?\n\n48213, it says:\n\n> ERROR 502\n\nSince Monday.",
            "48213, it says:\n\n> ERROR 502\n\nSince Monday.",
        );
    }

    #[test]
    fn what_is_pasted_counts() {
        for text in [
            "Hi,\n\nthe log says\n\n> ERROR 502\n> campaign=22340\n\nPlease fix.",
            "This is what I see:\n\n> ERROR 502\n> campaign=22340",
            "> ERROR 502\n> campaign=22340",
            "Hi,\n\n> ERROR 502\n> campaign=22340",
        ] {
            check(text, text);
        }
    }
}
