//! What the clauses of an answer say of the list, and what that comes to.

use std::collections::BTreeSet;

use super::{Class, Pick};

/// Words of another matter that a clause may have beside the one that picks, and how near a noun must stand then.
const OTHER_WORDS: usize = 5;
const NEAR: usize = 3;

/// What a word, or a phrase, of an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    Word(Class),
    /// It belongs to this campaign alone.
    Telling(usize),
    /// A number in the list.
    Place(usize),
    /// A number in letters, from two on.
    Count(usize),
    /// A campaign that is none of them.
    Stated,
    /// It belongs to several of the campaigns.
    Common,
    /// A number such as tells them apart, but of none of them.
    Absent,
    Unknown,
}

/// A clause: words between two marks, or up to a "but".
#[derive(Debug)]
pub(super) struct Clause {
    pub(super) tokens: Vec<Token>,
    /// Where it stands, in bytes.
    pub(super) span: (usize, usize),
    pub(super) sentence: usize,
    /// Doubts reach as far as this.
    pub(super) segment: usize,
    /// It stands in a question.
    pub(super) question: bool,
    /// It is the end of that question.
    pub(super) asks: bool,
    /// Its one word may as well open what follows: "First, thank you for the quick answer".
    pub(super) opens: bool,
    /// It is said with a shade of doubt, which does not keep anybody from picking: "I think".
    pub(super) hedged: bool,
}

/// The place that no list has.
const NOWHERE: usize = usize::MAX;

impl Clause {
    /// Words of another matter.
    pub(super) fn strange(&self) -> usize {
        let strange = |(at, token): &(usize, &Token)| match token {
            Token::Absent => !self.denies_absent(*at),
            token => **token == Token::Unknown,
        };
        self.tokens.iter().enumerate().filter(strange).count()
    }

    /// "2025 not 2024": what is not on the list is denied on the spot, and says nothing of another matter.
    fn denies_absent(&self, at: usize) -> bool {
        let before = at.checked_sub(1).and_then(|at| self.tokens.get(at));
        self.tokens[at] == Token::Absent && before == Some(&Token::Word(Class::Not))
    }

    /// "Two, please" is the second of the list.
    pub(super) fn read_lone_number(&mut self, length: usize) {
        let mut rest = self.tokens.iter_mut().filter(|token| **token != Token::Word(Class::Polite));
        if let (Some(token), None) = (rest.next(), rest.next())
            && let Token::Count(count) = *token
            && count <= length
        {
            *token = Token::Place(count - 1);
        }
    }

    /// "Not the second either" denies; alone it leaves open which.
    pub(super) fn read_either(&mut self) {
        let denied = self.tokens.iter().position(|token| *token == Token::Word(Class::Not));
        for (at, token) in self.tokens.iter_mut().enumerate().filter(|(_, token)| **token == Token::Word(Class::Either))
        {
            let behind = denied.is_some_and(|denied| denied < at);
            *token = Token::Word(if behind { Class::Filler } else { Class::Unsure });
        }
    }

    /// Whether what it says is only that what was said before it is taken back: "no, sorry".
    fn takes_back(&self) -> bool {
        use Class::*;
        let passing =
            |token: &Token| matches!(token, Token::Word(Polite | Filler | Copula | Not | No | Correction | Mean));
        let back = |token: &Token| matches!(token, Token::Word(Not | No | Correction | Mean));
        self.tokens.iter().all(passing) && self.tokens.iter().any(back)
    }

    /// A number that says how many: "two of them", "2 campaigns".
    fn count(&self) -> Option<usize> {
        let counted = self.tokens.iter().enumerate().find_map(|(at, token)| match *token {
            _ if self.tokens.get(at + 1) != Some(&Token::Word(Class::Among)) || self.numbered(at) => None,
            Token::Count(count) => Some(count),
            Token::Place(place) => Some(place + 1),
            _ => None,
        });
        counted.filter(|_| self.strange() == 0)
    }

    fn numbered(&self, at: usize) -> bool {
        at > 0 && self.tokens[at - 1] == Token::Word(Class::Number)
    }

    /// Where it speaks of which campaign of the list; `None` is "the other", [`NOWHERE`] one that is not there. When its
    /// sentence does not speak of the list (`lively`), each must show by itself that it does.
    pub(super) fn mentions(&self, length: usize, lively: bool) -> Vec<(usize, Option<usize>)> {
        use Class::*;
        let tokens = &self.tokens;
        let strange = self.strange();
        let noun = |token: &Token| matches!(token, Token::Word(Noun | Mean));
        let near = |at: usize| {
            let around = &tokens[at.saturating_sub(NEAR)..(at + NEAR + 1).min(tokens.len())];
            lively || strange == 0 || (strange <= OTHER_WORDS && around.iter().any(noun))
        };
        // "The first two", "les deux premières": so many from that end.
        let several = |at: usize| {
            let beside = at.checked_sub(1).and_then(|at| tokens.get(at)).into_iter().chain(tokens.get(at + 1));
            beside.into_iter().find_map(|token| match *token {
                Token::Count(count) => Some(count),
                Token::Word(Both) => Some(2),
                Token::Word(All) => Some(NOWHERE),
                _ => None,
            })
        };
        let places = |at: usize, token: &Token| -> Vec<Option<usize>> {
            // "The first time", "the second half" are no ranks.
            let ranks = tokens.get(at + 1) != Some(&Token::Unknown) && !self.opens && near(at);
            let among = matches!(tokens.get(at + 1), Some(Token::Word(Among | Nouns)));
            let last = length.checked_sub(1).unwrap_or(NOWHERE);
            match *token {
                Token::Telling(place) if near(at) => vec![Some(place)],
                Token::Absent if self.denies_absent(at) => vec![Some(NOWHERE)],
                Token::Place(place) if self.numbered(at) && strange <= OTHER_WORDS => vec![Some(place)],
                Token::Place(place) if strange == 0 && !among => vec![Some(place)],
                Token::Word(Rank(0) | Last) if ranks && several(at).is_some() => {
                    let count = several(at).filter(|count| *count <= length);
                    match (count, token) {
                        (Some(count), Token::Word(Rank(0))) => (0..count).map(Some).collect(),
                        (Some(count), Token::Word(Last)) => (length - count..length).map(Some).collect(),
                        _ => vec![Some(NOWHERE)],
                    }
                }
                Token::Word(Rank(place)) if ranks => vec![Some(place)],
                Token::Word(Last) if ranks => vec![Some(last)],
                Token::Word(LastButOne) if ranks => vec![Some(length.checked_sub(2).unwrap_or(NOWHERE))],
                Token::Word(Middle) if ranks => vec![Some(if length % 2 == 1 { length / 2 } else { NOWHERE })],
                Token::Word(Other) if length == 2 && near(at) => vec![None],
                _ => vec![],
            }
        };
        let mention = |(at, token)| places(at, token).into_iter().map(move |place| (at, place));
        tokens.iter().enumerate().flat_map(mention).collect()
    }
}

/// What all clauses together say.
#[derive(Debug, Default)]
pub(super) struct Said {
    meant: BTreeSet<usize>,
    denied: BTreeSet<usize>,
    over: BTreeSet<usize>,
    other: bool,
    all: bool,
    nothing: bool,
    no: bool,
    yes: bool,
    or: bool,
    and: bool,
    doubt: bool,
    /// What was meant before a correction, and is not.
    corrected: BTreeSet<usize>,
    /// What was said last takes back what was meant before it.
    takes_back: bool,
    /// What the last clause asks, or names and says nothing more of: a "no" behind it turns it down.
    put: Option<Put>,
    /// The sentence whose last clause ruled out all that it speaks of; whether because it is over.
    ruled_out: Option<(usize, bool)>,
}

/// What a clause put before what follows it.
#[derive(Debug)]
struct Put {
    places: Vec<usize>,
    sentence: usize,
    asks: bool,
}

impl Said {
    /// Takes in a clause. `lively`: its sentence speaks of the list.
    pub(super) fn hear(&mut self, clause: &Clause, length: usize, unsure: bool, lively: bool) {
        use Class::*;
        let tokens = &clause.tokens;
        let has = |class| tokens.contains(&Token::Word(class));
        let both = has(Both) && length == 2 || clause.count().is_some_and(|count| count == length);
        let mentions = clause.mentions(length, lively);
        let denies = |token: &Token| matches!(token, Token::Word(Not | Neither));
        let denied = tokens.iter().any(denies);
        match self.put.take() {
            Some(put) if mentions.is_empty() && !clause.asks => self.answer(clause, put),
            Some(put) => self.doubt |= put.asks,
            None => {}
        }
        if mentions.is_empty() {
            let passing = |token: &Token| matches!(token, Token::Word(Polite | Filler));
            self.takes_back = clause.takes_back() || self.takes_back && tokens.iter().all(passing);
            let about = clause.strange() == 0 && !clause.asks && !unsure;
            let counted = |token: &Token| matches!(*token, Token::Count(count) if count != length);
            let fewer = has(All) && tokens.iter().any(counted);
            let fewer = fewer || has(Both) && length != 2 || clause.count().is_some_and(|count| count != length);
            self.doubt |= about && fewer;
            let wrong = has(Wrong) || clause.turns_down();
            self.all |= about && !denied && !wrong && (has(All) || has(AllCampaigns) || both);
            self.nothing |= about && (has(Nothing) || has(Neither) || wrong && (has(All) || both));
            // To a list of one "not that" says it, too; of a longer one only a plain "no".
            self.nothing |= about && length == 1 && (has(Not) || has(No));
            let plain = |token: &Token| matches!(token, Token::Word(Not | No | Polite));
            self.no |= about && (has(Not) || has(No)) && tokens.iter().all(plain);
            self.yes |= about && has(Yes) && !denied;
            return;
        }
        let places = |(_, place): &(usize, Option<usize>)| place.filter(|place| *place < length);
        let places: Vec<usize> = mentions.iter().filter_map(places).collect();
        let down = clause.turned_down(&mentions);
        if clause.asks && !denied && down.is_empty() && !unsure && places.len() == 1 {
            self.put = Some(Put { places, sentence: clause.sentence, asks: true });
            return;
        }
        self.put = Some(Put { places, sentence: clause.sentence, asks: false });
        self.doubt |= clause.asks || unsure || has(Wrong) && denied;
        self.or |= has(Or);
        let and = has(And) || has(All) || both || mentions.windows(2).any(|two| two[0].0 == two[1].0);
        self.and |= and;
        // "Works not": it is what the matter is about.
        let over = has(Over) || has(Fine) && !denied;
        let clear = |from: usize, to: usize| !tokens[from..to].contains(&Token::Unknown);
        let beyond = |(at, place): &(usize, Option<usize>)| {
            place.is_some_and(|place| place >= length) && !clause.denies_absent(*at)
        };
        self.doubt |= mentions.iter().any(beyond);
        // "2024 is over, 2025 too"
        let light = |(at, token): (usize, &Token)| {
            matches!(token, Token::Word(And | Filler | Noun | Polite)) || mentions.iter().any(|(place, _)| *place == at)
        };
        let echo = self.ruled_out.take().filter(|(sentence, _)| {
            *sentence == clause.sentence
                && tokens.last() == Some(&Token::Word(And))
                && tokens.iter().enumerate().all(light)
        });
        let kept = self.meant.len();
        for (count, (at, place)) in mentions.iter().enumerate() {
            let after = mentions.iter().map(|(next, _)| *next).find(|next| next > at).unwrap_or(tokens.len());
            let first = mentions.iter().all(|(other, _)| other >= at);
            // A denial reaches to the end of its clause; one at the end reaches back: "la primera no, la segunda". What is
            // wrong is said right after it, or before all. Neither reaches across words of another matter: "the second one
            // does not work", "shows wrong figures".
            let wrong = |token: &Token| *token == Token::Word(Wrong);
            let before =
                |says: &dyn Fn(&Token) -> bool| (0..*at).any(|near| says(&tokens[near]) && clear(near + 1, *at));
            // "It's not the first it's the second", "not the first the second": the denial is of the first alone.
            let listed =
                |token: &Token| matches!(token, Token::Word(And | Or | Not | Neither | Nothing | All) | Token::Unknown);
            let rank = |at: usize| matches!(tokens[at], Token::Word(Rank(_)));
            let anew = |from: usize, to: usize| {
                let ranks = rank(from) && rank(to);
                (ranks || tokens[from..to].contains(&Token::Word(Copula))) && !tokens[from..to].iter().any(listed)
            };
            let none = |token: &Token| matches!(token, Token::Word(Neither | Nothing));
            let corrects = |(other, of): &(usize, Option<usize>)| {
                *other < *at && of != place && !tokens[..*other].iter().any(none) && anew(*other, *at)
            };
            let restarted = mentions.iter().any(corrects);
            // "Is not wrong" turns nothing down.
            let passing = |token: &&Token| matches!(token, Token::Word(Filler | Copula));
            let not_wrong = |near: usize| tokens[near + 1..].iter().find(|token| !passing(token)).is_some_and(wrong);
            let spared = |near: usize| (at + 1..near).any(|not| denies(&tokens[not]) && not_wrong(not));
            let behind =
                |near: usize| wrong(&tokens[near]) && clear(at + 1, (near + 2).min(tokens.len())) && !spared(near);
            let mut end = at + 1..tokens.len();
            let ends = after == tokens.len() && end.any(|near| denies(&tokens[near]) && !not_wrong(near));
            // "None of the first and second"; "none of them" has said it all.
            let none = |at: &usize| {
                let told = matches!(tokens.get(at + 1), Some(Token::Word(Among | Nouns)));
                tokens[*at] == Token::Word(Nothing) && !told
            };
            let of_none = (0..*at).any(|near| none(&near) && clear(near + 1, *at));
            // "I do not think that the first one works"
            let goes = tokens[*at..after].contains(&Token::Word(Fine));
            let denied = (before(&denies) && !goes || of_none) && !restarted
                || ends && clear(at + 1, after) && !has(Fine)
                || (at + 1..after).any(behind)
                || first && before(&wrong)
                || down.contains(at)
                || echo.is_some_and(|(_, over)| !over);
            let over = over || echo.is_some_and(|(_, over)| over);
            // "We don't use the first one", "I do not see clicks in the second": either may be meant.
            self.doubt |= !denied && !restarted && tokens[..*at].iter().any(denies);
            match place {
                Some(NOWHERE) => {}
                Some(place) if denied => drop(self.denied.insert(*place)),
                Some(place) if over => drop(self.over.insert(*place)),
                Some(place) => {
                    if self.is_taken_back(clause, &mentions[..=count]) {
                        self.corrected.append(&mut self.meant);
                        (self.and, self.all) = (and, false);
                    }
                    self.corrected.remove(place);
                    self.meant.insert(*place);
                }
                None => self.other |= !denied && !over,
            }
        }
        self.ruled_out = (self.meant.len() == kept).then_some((clause.sentence, echo.map_or(over, |(_, over)| over)));
        // "20417 sorry, 20471"
        let last = mentions.iter().map(|(at, _)| at + 1).max().unwrap_or(0);
        self.takes_back = matches!(tokens[last..], [.., Token::Word(Correction | Mean)]);
    }

    /// "20417? No.", "la primera, no", "The second? Yes."
    fn answer(&mut self, clause: &Clause, put: Put) {
        use Class::*;
        let first = |class| clause.tokens.first() == Some(&Token::Word(class));
        // "20417, that is not it", "20417, c'est une erreur"
        let light = |token: &Token| {
            matches!(token, Token::Word(Not | No | Polite | Filler | Copula | Noun | Number | Wrong | Down(_) | Yes))
        };
        let denies = |token: &Token| matches!(token, Token::Word(Not | No));
        let wrong = clause.tokens.contains(&Token::Word(Wrong)) || clause.turns_down();
        let denies = clause.tokens.iter().any(denies) != wrong;
        let alone = clause.sentence == put.sentence && denies && clause.tokens.iter().all(light);
        match clause.strange() == 0 {
            true if clause.tokens.iter().all(|token| matches!(token, Token::Word(Polite | Correction))) => {
                self.put = Some(put);
            }
            true if alone || (first(Not) || first(No) || clause.turns_down()) && put.asks => {
                self.meant.retain(|place| !put.places.contains(place));
                self.denied.extend(put.places);
            }
            true if put.asks && first(Yes) => self.meant.extend(put.places),
            _ => self.doubt |= put.asks,
        }
    }

    /// What is denied, or wrong, and nowhere meant; of a list also what is over.
    pub(super) fn ruled_out(self, listed: bool) -> BTreeSet<usize> {
        let Said { meant, mut denied, over, .. } = self;
        denied.extend(over.into_iter().filter(|_| listed));
        denied.difference(&meant).copied().collect()
    }

    /// Whether the last of these mentions stands in place of what was meant before it: "the first, no sorry, the second".
    fn is_taken_back(&self, clause: &Clause, mentions: &[(usize, Option<usize>)]) -> bool {
        use Class::*;
        let (before, at) = match mentions {
            [.., (before, _), (at, _)] => (Some(*before), *at),
            [(at, _)] => (None, *at),
            [] => return false,
        };
        // "Sorry, the first two": these go together.
        if before == Some(at) {
            return false;
        }
        let between = &clause.tokens[before.map_or(0, |before| before + 1)..at];
        let joined = |token: &Token| matches!(token, Token::Word(And | Or | All | Both) | Token::Unknown);
        let back = |token: &Token| matches!(token, Token::Word(Correction | Mean));
        (before.is_none() && self.takes_back || between.iter().any(back)) && !between.iter().any(joined)
    }

    /// What was meant before a correction.
    pub(super) fn corrected(&self) -> &BTreeSet<usize> {
        &self.corrected
    }

    /// This one is meant.
    pub(super) fn mean(&mut self, place: usize) {
        self.meant.insert(place);
        self.and = true;
    }

    /// This one is not.
    pub(super) fn deny(&mut self, place: usize) {
        self.denied.insert(place);
    }

    pub(super) fn pick(self, length: usize) -> Pick {
        let Said { meant, denied, over, other, all, nothing, no, yes, or, and, put, doubt, .. } = self;
        let doubt = doubt || put.is_some_and(|put| put.asks);
        let out: BTreeSet<usize> = denied.union(&over).copied().collect();
        let rest: Vec<usize> = (0..length).filter(|place| !out.contains(place)).collect();
        if doubt || meant.intersection(&denied).next().is_some() {
            return Pick::Unclear;
        }
        match meant.len() {
            0 if nothing || (denied.len() == length && length > 0) => Pick::Nothing,
            0 if all && length > 1 => Pick::Several((0..length).collect()),
            0 if yes && length == 1 => Pick::One(0),
            // What has ended may be just the one that is meant: only "the other" rules it out.
            // Nor is it beyond doubt the last one, where several are ruled out one by one.
            0 if !out.is_empty() && length > 1 => match rest.as_slice() {
                [one] if other || over.is_empty() && denied.len() == 1 => Pick::One(*one),
                [_, ..] if over.is_empty() && !other => Pick::Among(rest),
                _ => Pick::Unclear,
            },
            0 if other => Pick::Unclear,
            0 if no => Pick::Nothing,
            0 => Pick::Silent,
            1 if !other => meant.first().map_or(Pick::Silent, |place| Pick::One(*place)),
            1 => Pick::Unclear,
            _ if and && !or => Pick::Several(meant.into_iter().collect()),
            _ => Pick::Unclear,
        }
    }
}
