//! Answers that people write into what they quote, where no mark tells old from new: below Outlook's header block.
//!
//! Their colour tells them, or their name in brackets. Only an answer is looked at, and of colours only where its new
//! text says that answers stand below.

use super::{Context, Kind};
use crate::request::finder::folded;
use crate::request::lines::Body;
use crate::request::reading::Reading;

/// Words of new text that may say no more than where the answers stand.
const MOST_WORDS: usize = 25;

/// Makes new text of the answers that stand among quoted lines; tells whether answers are announced that nothing tells
/// from the quote.
pub(super) fn answers(body: &Body, kinds: &mut [Kind], context: &Context<'_>, reading: &Reading) -> bool {
    // Behind quote marks, what is new is known.
    let bare = |at: usize, kind: Kind| kind == Kind::Quoted && body.lines[at].depth == 0 && !body.blank(at);
    if !context.reply || !kinds.iter().enumerate().any(|(at, kind)| bare(at, *kind)) {
        return false;
    }
    let mut new = String::new();
    let mut words = 0;
    for at in (0..kinds.len()).filter(|at| kinds[*at] == Kind::New) {
        words += body.line(at).split_whitespace().count();
        if words > 4 * MOST_WORDS {
            break;
        }
        new.extend([body.line(at), " "]);
    }
    let announced = reading.answers_below.has(&folded(&new));
    let names: Vec<&str> =
        context.sender.split(|c: char| !c.is_alphanumeric()).filter(|name| name.len() >= 2).collect();
    let mut found = false;
    for (at, kind) in kinds.iter_mut().enumerate() {
        if bare(at, *kind) && ((announced && body.lines[at].tinted) || bracketed(body.line(at), &names)) {
            *kind = Kind::New;
            found = true;
        }
    }
    // Below what is quoted behind marks, they stand as new text.
    let mut from_quote = (0..kinds.len()).skip_while(|at| kinds[*at] != Kind::Quoted);
    let open = from_quote.any(|at| kinds[at] == Kind::New && !body.blank(at));
    announced && !found && !open && words <= MOST_WORDS
}

/// `[Jane] It is 22340.`, `[JR]: …`, of the sender's name or initials.
fn bracketed(line: &str, names: &[&str]) -> bool {
    let Some((name, rest)) = line.trim_start().strip_prefix('[').and_then(|line| line.split_once(']')) else {
        return false;
    };
    let words: Vec<&str> = name.split_whitespace().collect();
    let is = |word: &str| names.iter().any(|known| known.eq_ignore_ascii_case(word));
    let initials: String = names.iter().take(2).filter_map(|name| name.chars().next()).collect();
    let own =
        (1..=3).contains(&words.len()) && words.iter().all(|word| is(word)) || name.eq_ignore_ascii_case(&initials);
    own && !rest.trim_matches([':', ' ']).is_empty()
}

#[cfg(test)]
mod tests {
    use super::super::split;
    use super::*;
    use crate::request::html;

    #[test]
    fn answers_inside_what_is_quoted() {
        let block = "From: Support <s@desk.example>\nSent: Monday, March 31, 2025 4:12 PM\nTo: Jane Roe\nSubject: x";
        let context = Context { sender: "Jane Roe jane@acme.example", reply: true, ..Context::default() };
        let read = |body: &Body| split(body, &context, &Reading::shipped());
        let parts = read(&Body::plain(&format!(
            "My answers are inline.\n\n{block}\n\nWhich one, 12345?\n[Jane] It is 22340.\nWhy?\n[JR] No clicks."
        )));
        assert_eq!(
            (parts.text.as_str(), parts.hidden_answers),
            ("My answers are inline.\n\n[Jane] It is 22340.\n\n[JR] No clicks.", false)
        );
        let parts = read(&Body::plain(&format!("Please see below.\n\n{block}\n\nWhich one, 12345?\nIt is 22340.")));
        assert_eq!((parts.text.as_str(), parts.hidden_answers), ("Please see below.", true));
        let parts = read(&Body::plain("Siehe weiter unten.\n\nOn 3 Apr 2025, Support wrote:\n> Which one?\n22340\n"));
        assert_eq!((parts.text.as_str(), parts.hidden_answers), ("Siehe weiter unten.\n\n22340", false));
        let parts =
            read(&Body::plain(&format!("It is 22340.\n\n{block}\n\nWhich one, 12345? [Name] here\n[Support] x")));
        assert_eq!((parts.text.as_str(), parts.hidden_answers), ("It is 22340.", false));
        let page = |words: &str, colour: &str| {
            let block = block.replace('<', "&lt;").replace('\n', "<br>");
            html::read(&format!(
                "<p>{words}</p><div style='border-top:solid #E1E1E1 1.0pt'><p>{block}</p></div><p>Which one, 12345?</p><p><span style='color:{colour}'>It is 22340.</span></p><p>Since <a style='color:#0563C1'>when</a>?</p>"
            ))
        };
        for colour in ["red", "#C00000", "rgb(0, 112, 192)"] {
            assert_eq!(read(&page("Please see below.", colour)).text, "Please see below.\n\nIt is 22340.");
            assert_eq!(read(&page("Which one?", colour)).text, "Which one?");
        }
        assert_eq!(read(&page("Please see below.", "#1F497D")).text, "Please see below.");
    }
}
