//! Of the IDs that an answer states, those that it is not about: "20471 is wrong", "20471? No."
//!
//! Never turned down by a clause that speaks of another matter: "we do not see clicks in 20471" is about 20471.

use std::collections::{BTreeSet, HashMap};

use super::down::Kind;
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
    /// Which campaign it is: likewise, and "no 20471" gives the ID.
    Id,
    /// Which campaign of a list: "20471 has ended" is none that is picked.
    Which,
}

impl Answers {
    /// Which of the IDs stated at these byte spans, in the order of the text, it is not about. The same words at two places are
    /// one ID, and turned down only where no place means it.
    /// `topic`: the ticket's.
    pub fn turned_down(&self, text: &str, stated: &[(usize, usize)], asked: Asked, topic: &str) -> Vec<(usize, usize)> {
        let Some(Reading { text: read, places, numbered, list, .. }) = self.reading(text, stated, asked, topic) else {
            return vec![];
        };
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
            // "Don't pause 20471 after all" is still about 20471.
            let kept =
                |token: &&mut Token| asked == Asked::Something && **token == Token::Word(Class::Down(Kind::Keep));
            let tokens = clauses.iter_mut().flat_map(|clause| &mut clause.tokens);
            tokens.filter(kept).for_each(|token| *token = Token::Unknown);
            out.extend(heard(&clauses, list.ids.len()).ruled_out(asked == Asked::Which));
        }
        out.retain(|place| !numbered.contains(place));
        let of = |span: &&(usize, usize)| {
            text.get(span.0..span.1).and_then(|id| places.get(id)).is_some_and(|place| out.contains(place))
        };
        stated.iter().filter(of).copied().collect()
    }

    /// Where this text is in doubt of the IDs stated at these byte spans, which are its answer: "20471, I guess", "20471?"
    pub fn doubted(&self, text: &str, stated: &[(usize, usize)], topic: &str) -> Option<(usize, usize)> {
        let read = self.reading(text, stated, Asked::Something, topic)?;
        let clauses = self.clauses(&read.text, &read.list);
        let length = read.list.ids.len();
        let found = clauses.iter().find(|clause| clause.doubts(&clauses, length));
        found.map(|clause| (read.origin(clause.span.0), read.origin(clause.span.1)))
    }

    /// The text from the sentence of the first ID to that of the last, and one more: "20471? No." Each ID is a word of its own.
    fn reading<'t>(&self, text: &'t str, stated: &[(usize, usize)], asked: Asked, topic: &str) -> Option<Reading<'t>> {
        let &(first, _) = stated.first()?;
        let near = stated.iter().take(MOST_IDS).take_while(|(_, to)| to - first <= MOST_BYTES).count();
        let stated = &stated[..near];
        let &(_, last) = stated.last()?;
        let (before, after) = (text.get(..first)?, text.get(last..)?);
        let mut end = before.rfind(ENDS).map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
        let stop = after.match_indices(ENDS).nth(1).map_or(text.len(), |(at, ending)| last + at + ending.len());
        let mut places: HashMap<&str, usize> = HashMap::new();
        let mut numbered = BTreeSet::new();
        let mut read = String::new();
        let mut origins = vec![];
        for &(from, to) in stated {
            let (Some(before), Some(id)) = (text.get(end..from), text.get(from..to)) else { continue };
            let next = places.len();
            let place = *places.entry(id).or_insert(next);
            numbered.extend(text.get(..from).filter(|before| is_numbered(before, asked)).map(|_| place));
            origins.push((read.len(), end));
            read.push_str(before);
            origins.push((read.len(), from));
            read.push_str(&mark(place));
            end = to;
        }
        origins.push((read.len(), end));
        read.push_str(text.get(end..stop).unwrap_or_default());
        let ids: Vec<String> = (0..places.len()).map(mark).collect();
        let list: Vec<Offered<'_>> = ids.iter().map(|id| Offered { id, name: "", ahead: None }).collect();
        let mut list = List::of(&list, self).on(topic, self);
        list.stated = true;
        list.answers_nothing = asked == Asked::Nothing;
        list.gives_one = asked == Asked::Id && list.ids.len() == 1;
        Some(Reading { text: read, places, numbered, list, origins })
    }
}

/// What is read of a text that states IDs.
struct Reading<'t> {
    text: String,
    /// The IDs, in their order.
    places: HashMap<&'t str, usize>,
    /// Those that are called a number where they stand.
    numbered: BTreeSet<usize>,
    list: List,
    /// Where pieces of it begin, here and in the text, in bytes.
    origins: Vec<(usize, usize)>,
}

impl Reading<'_> {
    /// Where this byte stands in the text.
    fn origin(&self, at: usize) -> usize {
        let piece = self.origins.iter().rev().find(|(here, _)| *here <= at);
        piece.map_or(at, |(here, there)| there + at - here)
    }
}

impl Clause {
    /// Whether it is in doubt of the IDs of its sentence, or of the sentence before it. Words of another matter doubt that:
    /// "20471, and could you also send the invoice?"
    fn doubts(&self, clauses: &[Clause], length: usize) -> bool {
        let has = |class| self.tokens.contains(&Token::Word(class));
        let states = |clause: &Clause| !clause.mentions(length, true).is_empty();
        let unsure = has(Class::Check) || has(Class::Unsure) || has(Class::Indifferent) || self.hedged;
        let own = has(Class::Check) || self.strange() == 0;
        // "20471. Not sure." says nothing else; "20471. I do not know why it stopped." does.
        let plain = || {
            let mut sentence = clauses.iter().filter(|clause| clause.sentence == self.sentence);
            !self.question && sentence.all(|clause| clause.strange() == 0)
        };
        let near =
            |clause: &&Clause| clause.sentence == self.sentence || clause.sentence + 1 == self.sentence && plain();
        let of_another = || unsure && clauses.iter().filter(near).any(states);
        own && if states(self) { unsure || self.asks } else { of_another() }
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
