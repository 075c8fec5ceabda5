//! The list that was put before somebody, as the words of his answer are compared with it.
//!
//! Never guesses: a word that several of the campaigns have tells none of them.

use super::said::Token;
use super::{Answers, Offered, words};

/// Letters of a word that may stand for a longer one: "Herbst" for "Herbstaktion".
pub(super) const BEGINNING: usize = 5;
/// Letters of an ending: "northern" for "North".
const ENDING: usize = 3;

/// The list as answers are compared with it.
pub(super) struct List {
    pub(super) ids: Vec<String>,
    names: Vec<Vec<String>>,
    /// What the words of each name stand for among the words that are alike.
    things: Vec<Vec<usize>>,
    ahead: Vec<Option<i32>>,
    /// The one of the latest year, where each has a year of its own.
    pub(super) newest: Option<usize>,
    /// Likewise of the earliest.
    pub(super) oldest: Option<usize>,
    /// To strike one off is what is to be done with it.
    pub(super) struck: bool,
    /// It is the one ID of an answer to the question for the ID.
    pub(super) gives_one: bool,
    /// They are the IDs that a mail states.
    pub(super) stated: bool,
    /// Likewise, of one that answers nothing.
    pub(super) answers_nothing: bool,
    /// Nothing is picked: it is read whether the matter is done with.
    pub(super) settled: bool,
}

impl List {
    pub(super) fn of(list: &[Offered<'_>], answers: &Answers) -> List {
        let name = |option: &Offered<'_>| {
            let mut words = words(option.name);
            words.retain(|word| answers.class_at(std::slice::from_ref(word), false).is_none());
            words
        };
        let compact = |option: &Offered<'_>| words(option.id).concat();
        let names: Vec<Vec<String>> = list.iter().map(name).collect();
        let own = |(place, option): (usize, &Offered<'_>)| own_year(option.name).map(|year| (year, place));
        let mut years: Vec<(i32, usize)> = list.iter().enumerate().filter_map(own).collect();
        years.sort();
        let apart = years.len() == names.len() && years.windows(2).all(|two| two[0].0 != two[1].0);
        let (newest, oldest) = match years.as_slice() {
            [(_, first), .., (_, last)] if apart => (Some(*last), Some(*first)),
            _ => (None, None),
        };
        let ahead = list.iter().map(|option| option.ahead).collect();
        let things = names.iter().map(|name| name.iter().filter_map(|word| answers.thing(word)).collect()).collect();
        let ids = list.iter().map(compact).collect();
        List {
            ahead,
            ids,
            newest,
            oldest,
            names,
            things,
            struck: false,
            gives_one: false,
            stated: false,
            answers_nothing: false,
            settled: false,
        }
    }

    /// The list as it is put on a ticket of this topic.
    pub(super) fn on(self, topic: &str, answers: &Answers) -> List {
        List { struck: answers.striking.contains(topic), ..self }
    }

    /// The one whose name lies so many years ahead.
    pub(super) fn of_year(&self, ahead: i32) -> Option<usize> {
        let mut found = (0..self.ahead.len()).filter(|place| self.ahead[*place] == Some(ahead));
        found.next().filter(|_| found.next().is_none())
    }

    /// Whether this is one of them that no name tells to be of another year than last.
    pub(super) fn may_be_last_years(&self, token: &Token) -> bool {
        matches!(token, Token::Telling(place) if matches!(self.ahead[*place], None | Some(-1)))
    }

    /// The one that this letter stands for where no name has letters of its own: "B" is the second.
    pub(super) fn lettered(&self, word: &str) -> Option<usize> {
        let [letter @ b'a'..=b'z'] = word.as_bytes() else { return None };
        let own = self.names.iter().flatten().any(|word| word.len() == 1 && word.as_bytes()[0].is_ascii_lowercase());
        Some(usize::from(letter - b'a')).filter(|place| *place < self.ids.len() && !own)
    }

    pub(super) fn token(&self, word: &str) -> Token {
        let holding = |matches: &dyn Fn(&String) -> bool| {
            let holds = self.names.iter().enumerate().filter(|(_, name)| name.iter().any(matches));
            holds.map(|(place, _)| place).collect::<Vec<_>>()
        };
        let exact = holding(&|own| own == word);
        let found = match exact.is_empty() && word.chars().count() >= BEGINNING {
            true => holding(&|own| own.starts_with(word) || is_inflected(word, own)),
            false => exact,
        };
        match (found.as_slice(), self.place(word)) {
            ([one], _) => Token::Telling(*one),
            ([], Some(place)) => Token::Place(place),
            ([], None) => match self.short_year(word) {
                Some(place) => Token::Telling(place),
                None if self.is_absent(word) => Token::Absent,
                None => Token::Unknown,
            },
            _ => Token::Common,
        }
    }

    /// What a word that stands for this says of the names, which have another for it.
    pub(super) fn of_thing(&self, thing: usize) -> Token {
        let mut found = (0..self.things.len()).filter(|place| self.things[*place].contains(&thing));
        match (found.next(), found.next()) {
            (None, _) => Token::Unknown,
            (Some(one), None) => Token::Telling(one),
            _ => Token::Common,
        }
    }

    /// "'26", of 2025 and 2026.
    fn short_year(&self, word: &str) -> Option<usize> {
        let of = |own: &String| own.len() == 4 && is_number(own) && own.ends_with(word);
        let short = word.len() == 2 && is_number(word);
        let mut found = (0..self.names.len()).filter(|place| short && self.names[*place].iter().any(of));
        found.next().filter(|_| found.next().is_none())
    }

    /// Whether it is a number such as tells the campaigns of the list apart, but of none of them: 2024, of 2025 and 2026.
    fn is_absent(&self, word: &str) -> bool {
        let mut own = self.names.iter().flatten();
        is_number(word) && word.len() > 2 && own.any(|own| is_number(own) && own.len() == word.len())
    }

    /// The one whose ID ends so: with two digits or more, but not all of them.
    pub(super) fn ending(&self, digits: &str) -> Option<usize> {
        let ends = |id: &String| id.len() > digits.len() && id.ends_with(digits);
        let mut found = (0..self.ids.len()).filter(|place| ends(&self.ids[*place]));
        let one = found.next().filter(|_| digits.len() > 1 && is_number(digits))?;
        found.next().is_none().then_some(one)
    }

    pub(super) fn place(&self, word: &str) -> Option<usize> {
        let number = word.parse::<usize>().ok().filter(|_| word.len() <= 2)?;
        (1..=self.ids.len()).contains(&number).then(|| number - 1)
    }
}

/// The one year in a campaign's name.
pub fn own_year(name: &str) -> Option<i32> {
    let mut years = words(name).into_iter().filter(|word| word.len() == 4 && is_number(word));
    years.next().filter(|_| years.next().is_none())?.parse().ok()
}

fn is_inflected(word: &str, own: &str) -> bool {
    let ending = word.strip_prefix(own).map(|ending| ending.chars().count());
    own.chars().count() >= BEGINNING && ending.is_some_and(|ending| ending <= ENDING) && !is_number(own)
}

fn is_number(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_digit())
}
