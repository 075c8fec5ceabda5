//! Of the IDs that an answer states, those that it is not about: "20471 is wrong", "20471? No."
//!
//! Never turned down by a clause that speaks of another matter: "we do not see clicks in 20471" is about 20471.

use std::collections::{BTreeSet, HashMap};

use super::list::List;
use super::said::{Clause, Token};
use super::{Answers, Class, ENDS, Offered, beside, heard};

/// IDs of an answer that are read, and the bytes from the first of them on.
const MOST_IDS: usize = 50;
const MOST_BYTES: usize = 16 * 1024;

/// What a text that states an ID answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// Nothing: "20471 is wrong" says what the matter is.
    Nothing,
    /// Something: "20471 is wrong" takes the ID back; "20471 has ended" does not.
    Something,
    /// Which campaign of a list: "20471 has ended" is none that is picked.
    Which,
}

impl Answers {
    /// Which of the IDs stated at these byte spans, in the order of the text, it is not about. The same words at two places are
    /// one ID, and turned down only where no place means it.
    /// `topic`: the ticket's.
    pub fn turned_down(&self, text: &str, stated: &[(usize, usize)], asked: Asked, topic: &str) -> Vec<(usize, usize)> {
        let Some(&(first, _)) = stated.first() else { return vec![] };
        let near = stated.iter().take(MOST_IDS).take_while(|(_, to)| to - first <= MOST_BYTES).count();
        let stated = &stated[..near];
        let Some(&(_, last)) = stated.last() else { return vec![] };
        let (Some(before), Some(after)) = (text.get(..first), text.get(last..)) else { return vec![] };
        // The sentences of the IDs, and one more: "20471? No."
        let mut end = before.rfind(ENDS).map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
        let stop = after.match_indices(ENDS).nth(1).map_or(text.len(), |(at, _)| last + at);
        let mut places: HashMap<&str, usize> = HashMap::new();
        let mut numbered = BTreeSet::new();
        let mut read = String::new();
        for &(from, to) in stated {
            let (Some(before), Some(id)) = (text.get(end..from), text.get(from..to)) else { continue };
            let next = places.len();
            let place = *places.entry(id).or_insert(next);
            numbered.extend(text.get(..from).filter(|before| is_numbered(before, asked)).map(|_| place));
            read.push_str(before);
            read.push_str(&mark(place));
            end = to;
        }
        read.push_str(text.get(end..stop).unwrap_or_default());
        let ids: Vec<String> = (0..places.len()).map(mark).collect();
        let list: Vec<Offered<'_>> = ids.iter().map(|id| Offered { id, name: "", ahead: None }).collect();
        let list = List::of(&list, self).on(topic, self);
        let mut clauses = self.clauses(&read, &list);
        let mut out = BTreeSet::new();
        if asked == Asked::Nothing {
            use Class::{Deed, Down, Wrong, Yes};
            let of_the_matter = |token: &&mut Token| match token {
                Token::Word(Down(down)) => down.may_be_the_matter(),
                token => matches!(token, Token::Word(Wrong | Yes | Deed)),
            };
            let tokens = clauses.iter_mut().flat_map(|clause| &mut clause.tokens);
            tokens.filter(of_the_matter).for_each(|token| *token = Token::Unknown);
            // What is said of it in other words is the matter.
            let matters: Vec<Clause> = clauses.extract_if(.., |clause| clause.strange() > 0).collect();
            out.extend(heard(&clauses, list.ids.len()).ruled_out(false));
            out.retain(|place| matters.iter().all(|clause| !clause.tokens.contains(&Token::Telling(*place))));
        } else {
            out.extend(heard(&clauses, list.ids.len()).ruled_out(asked == Asked::Which));
        }
        out.retain(|place| !numbered.contains(place));
        let of = |span: &&(usize, usize)| {
            text.get(span.0..span.1).and_then(|id| places.get(id)).is_some_and(|place| out.contains(place))
        };
        stated.iter().filter(of).copied().collect()
    }
}

/// "Camp. no 20417": what stands before the ID calls it a number. In an answer "no 20417" denies, but behind an abbreviation.
fn is_numbered(before: &str, asked: Asked) -> bool {
    let before = before.trim_end_matches([' ', '.']);
    let sentence = before.trim_end_matches(char::is_alphanumeric);
    before[sentence.len()..].eq_ignore_ascii_case("no")
        && (asked == Asked::Nothing || sentence.trim_end().ends_with('.'))
}

/// What stands for an ID: a word that nobody writes.
fn mark(place: usize) -> String {
    format!("{}{place}", beside::STATED)
}
