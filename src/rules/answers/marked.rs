//! Marks in the quoted question: somebody writes "this one!", "x" or "<--" into the list itself, behind one of its lines.
//!
//! Never takes what the desk wrote for a mark: what stands behind all lines alike, and links, are its own; a line with words
//! of another matter is no mark.

use super::said::{Said, Token};
use super::{Answers, Class, List, Offered, Pick};

/// Signs that point to a line or tick it; a lone "x" does, too.
const SIGNS: &str = "<>←→⇐⇒◄►✓✔☑✅*+!=";

impl Answers {
    /// Which of the list is marked in what is quoted, where an ID ends its line; `text` is what was written between.
    pub fn marked(&self, text: &str, quoted: &str, list: &[Offered<'_>]) -> Pick {
        if list.len() < 2 {
            return Pick::Silent;
        }
        let lines: Vec<&str> = list.iter().map(|offered| below(quoted, offered.id)).collect();
        let mut behind: Vec<Vec<&str>> = lines.iter().map(|lines| behind(lines)).collect();
        while let Some(first) = behind[0].first().copied()
            && behind.iter().all(|words| words.first() == Some(&first))
        {
            for words in &mut behind {
                words.remove(0);
            }
        }
        let mut between = lines.iter().enumerate().filter(|(_, lines)| parted(lines)).map(|(place, _)| place);
        if let (Some(place), None) = (between.next(), between.next()) {
            behind[place].extend(text.split_whitespace());
        }
        let mut said = Said::default();
        for (place, words) in behind.iter().enumerate().filter(|(_, words)| !words.is_empty()) {
            match self.mark(&words.join(" ")) {
                Some(true) => said.mean(place),
                Some(false) => said.deny(place),
                None => {}
            }
        }
        match said.pick(list.len()) {
            // Whoever strikes out all other lines has seen the one that is left.
            Pick::Among(places) if places.len() == 1 => Pick::One(places[0]),
            pick => pick,
        }
    }

    /// Whether these words mark a line as the one that is meant, or as one that is not; `None`: they are no mark.
    fn mark(&self, words: &str) -> Option<bool> {
        if !words.contains(char::is_alphanumeric) {
            return words.contains(|sign| SIGNS.contains(sign)).then_some(true);
        }
        let bare = words.trim_matches(|c: char| !c.is_alphanumeric());
        if bare.eq_ignore_ascii_case("x") {
            return Some(true);
        }
        let clauses = self.clauses(words, &List::of(&[], self));
        let mut tokens = clauses.iter().flat_map(|clause| &clause.tokens);
        let has = |class| clauses.iter().any(|clause| clause.tokens.contains(&Token::Word(class)));
        let known = |token: &Token| {
            use Class::*;
            matches!(
                token,
                Token::Word(
                    Yes | Polite
                        | Copula
                        | Filler
                        | Correction
                        | Noun
                        | Mean
                        | Not
                        | No
                        | Wrong
                        | Nothing
                        | Neither
                        | Over
                        | Fine
                )
            )
        };
        if clauses.iter().any(|clause| clause.question) || !tokens.all(known) {
            return None;
        }
        let denies = [Class::Not, Class::No, Class::Wrong, Class::Nothing, Class::Neither, Class::Over, Class::Fine];
        Some(!denies.into_iter().any(has))
    }
}

/// What stands from behind this ID on.
fn below<'t>(quoted: &'t str, id: &str) -> &'t str {
    let part = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let ends = quoted.match_indices(id).map(|(at, _)| (at, at + id.len()));
    let mut whole =
        ends.filter(|(at, end)| !part(quoted[..*at].chars().next_back()) && !part(quoted[*end..].chars().next()));
    whole.next().map_or("", |(_, end)| &quoted[end..])
}

/// The words of the first of these lines, without links.
fn behind(lines: &str) -> Vec<&str> {
    let link = |word: &&str| !is_link(word);
    lines.lines().next().unwrap_or_default().split_whitespace().filter(link).collect()
}

/// Whether something was written below the first of these lines, and its link: no quote mark stands there.
fn parted(lines: &str) -> bool {
    let mut below = lines.lines().skip(1).skip_while(|line| is_link(line));
    below.next() == Some("") && below.next().is_some_and(|line| line.starts_with('>'))
}

fn is_link(words: &str) -> bool {
    words.contains("://") || words.contains("mailto:")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::super::Rules;
    use super::*;

    const LIST: [Offered<'_>; 3] = [
        Offered { id: "20417", name: "Orchard Box Autumn 2025", ahead: None },
        Offered { id: "20471", name: "Orchard Box Autumn 2026", ahead: None },
        Offered { id: "20933", name: "Orchard Box Spring", ahead: None },
    ];

    /// The marks stand behind the lines of the list.
    fn check(marks: [&str; 3], expected: &Pick) {
        let quoted: Vec<String> = (0..3)
            .map(|at| {
                let Offered { id, name, .. } = LIST[at];
                format!("{}. {name} – Campaign ID {id}{}\n   https://desk.example/answer/x{at}", at + 1, marks[at])
            })
            .collect();
        let quoted = format!("Which of these?\n\n{}\n\nIf 20417 is none of them: x", quoted.join("\n"));
        assert_eq!(Rules::shipped().answers.marked("See below.", &quoted, &LIST), *expected, "{quoted}");
    }

    #[test]
    fn a_marked_line_is_picked() {
        for mark in [
            " <-- this one!",
            " x",
            "  X",
            " <-",
            "<-- yes",
            " <=====",
            " ✔",
            " THIS ONE",
            " *",
            " ← here",
            " !!!",
            " [x]",
            " (this one)",
            " ja, diese",
            " <- celle-ci",
            " esta",
            " <-- é esta, obrigado",
            " <-- please",
        ] {
            check(["", mark, ""], &Pick::One(1));
        }
        check(["", "", " x"], &Pick::One(2));
        check([" x", "", " x"], &Pick::Several(vec![0, 2]));
        check([" no", " yes", " no"], &Pick::One(1));
        check([" nein", " nicht diese", ""], &Pick::One(2));
        check([" ended", "", ""], &Pick::Among(vec![1, 2]));
    }

    #[test]
    fn what_the_desk_wrote_or_speaks_of_something_else_is_no_mark() {
        for marks in [
            ["", "", ""],
            [" This is the one · by email", " This is the one · by email", " This is the one · by email"],
            [" <https://desk.example/1>", " <https://desk.example/2>", " <https://desk.example/3>"],
            ["", " is this one?", ""],
            ["", " runs until Friday", ""],
            ["", ".", ""],
            [" x", " x", " x"],
        ] {
            check(marks, &Pick::Silent);
        }
        check([" This is the one", " This is the one <-- yes", " This is the one"], &Pick::One(1));
    }

    #[test]
    fn what_stands_below_a_line_is_of_that_line() {
        let list = &LIST[..2];
        for (text, expected) in [
            ("This one please.", Pick::One(0)),
            ("Ja", Pick::One(0)),
            ("pas celle-ci", Pick::One(1)),
            ("It runs since Monday.", Pick::Silent),
        ] {
            for link in ["", ">    https://desk.example/answer/x\n"] {
                let quoted = format!(
                    "> 1. A – Campaign ID 20417\n{link}\n> 2. B – Campaign ID 20471\n{link}>\n> Which one is it?"
                );
                assert_eq!(Rules::shipped().answers.marked(text, &quoted, list), expected, "{text}: {quoted}");
            }
        }
    }
}
