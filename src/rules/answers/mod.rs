//! `answers.toml`: how people pick from a list that was put before them: by rank, by number, by a telling word, or by ruling
//! out the rest; and how they say that it is about no campaign, or about all.
//!
//! Never guesses: who is not sure, asks back, or says two things has not picked; a word that could tell the campaigns apart
//! counts only in a clause that speaks of them.

pub mod beside;
pub mod denied;
mod down;
mod list;
mod marked;
mod said;
pub mod scope;
pub mod sides;

use std::collections::{BTreeSet, HashMap};

pub use self::list::own_year;

use self::down::Kind;
use self::list::List;
use self::said::{Clause, Said, Token};
use super::sheet::Sheet;
use crate::campaigns::fold::folded;
use crate::config::fault::Fault;

/// Ranks that have words of their own; the last one of a list has, too.
const RANKS: [&str; 6] = ["first", "second", "third", "fourth", "fifth", "sixth"];
/// Numbers that are written in letters.
const NUMBERS: [&str; 6] = ["one", "two", "three", "four", "five", "six"];
/// Words of an answer that are read: whoever picks does so early.
const MOST_WORDS: usize = 300;
/// Words that may stand before what says that somebody will look: "ok, then I'll check".
const LEAD: usize = 3;
/// Words that may stand in the gap of a phrase: "leave ... alone".
const GAP: usize = 4;
/// Figures that a number has which is given alone.
const FIGURES: usize = 3;
/// The Portuguese "is", whose accent tells it from "and".
const IS: &str = "é";
/// What ends a sentence.
const ENDS: [char; 6] = ['.', '!', '?', ';', '\n', '…'];

/// What an answer says of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pick {
    /// Nothing.
    Silent,
    /// Something, but not which.
    Unclear,
    /// Not which, but that it is one of these.
    Among(Vec<usize>),
    /// This one, by its place.
    One(usize),
    /// Several of them.
    Several(Vec<usize>),
    /// None of them.
    Nothing,
}

/// A campaign of the list.
#[derive(Debug, Clone, Copy)]
pub struct Offered<'a> {
    /// Its ID.
    pub id: &'a str,
    /// Its name.
    pub name: &'a str,
    /// How many years its name lies ahead of the answer: -1 is last year's. `None`: it has no year, or no one knows.
    pub ahead: Option<i32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Unsure,
    /// Has not chosen, but where all are meant: does not mind.
    Indifferent,
    /// Says nothing, but with a shade of doubt.
    Think,
    Nothing,
    /// "Neither": denies what follows, or, alone, all.
    Neither,
    /// A plain "no": alone it says "none".
    No,
    All,
    /// Two of two.
    Both,
    /// "Of them": a number before it counts.
    Among,
    /// "Campaigns": likewise, though not always those of the list.
    Nouns,
    Not,
    /// "All except": denies likewise, in an answer.
    Except,
    Wrong,
    /// Turns down what it is said of.
    Down(Kind),
    /// "Belongs to": so does this, whoever is named behind it.
    Belongs,
    /// Looks like one of these, and is what the matter is.
    Matter,
    But,
    /// "That": goes on behind a comma.
    That,
    Over,
    Fine,
    Other,
    Rank(usize),
    Last,
    LastButOne,
    Middle,
    Newest,
    Oldest,
    /// "Last year's": so many years ahead.
    OfYear(i32),
    /// "Is last year's": said of an ID, it strikes that off.
    LastYears,
    /// "Was last year's": said of anything.
    WasLastYears,
    Or,
    And,
    /// Behind a denial it denies no more than that did; else who says it has not chosen.
    Either,
    /// Takes back what was picked before.
    Correction,
    /// "I mean": likewise, and a noun.
    Mean,
    /// "Ends in": the number beside it is the end of an ID.
    Ending,
    Number,
    Noun,
    /// Of an ID and a name that do not belong together: the ID.
    IdWord,
    /// Likewise the name.
    NameWord,
    Yes,
    Polite,
    /// "It is": says nothing, but begins anew behind a denial.
    Copula,
    /// What one might do with a campaign.
    Deed,
    /// "Pause": what customers want done with it on a ticket of a topic that strikes campaigns off; denied, it is to go on.
    Halt,
    /// "I have to check": who says so has not chosen.
    Check,
    Filler,
    NoCampaign,
    AllCampaigns,
    /// The matter is done with.
    Settled,
}

/// The words, folded: by their first word, the longer phrases first.
#[derive(Debug, Default)]
pub struct Answers {
    phrases: HashMap<String, Vec<(Vec<String>, Class)>>,
    /// The phrases with a gap, by their first word.
    gapped: HashMap<String, Vec<Gapped>>,
    /// Topics whose matter it is to strike campaigns off.
    striking: BTreeSet<String>,
    numbers: HashMap<String, usize>,
    thanks: Vec<Vec<String>>,
    /// What says of a new mail that we asked for it.
    asked_for: Vec<Vec<String>>,
    /// What begins a clause whose writer will look.
    will_look: Vec<Vec<String>>,
    /// What says that its writer cannot know.
    cannot_say: Vec<Vec<String>>,
    /// What says of an ID that it is as its writer means it.
    insists: Vec<Vec<String>>,
    /// What says that something was last year's.
    was_last_years: Vec<Vec<String>>,
    /// Words that stand for one thing, by the number of that: "spring", "Frühling".
    alike: HashMap<String, usize>,
}

/// A phrase with a gap: "leave ... out of it".
#[derive(Debug)]
struct Gapped {
    /// Its words before the gap but for the first.
    rest: Vec<String>,
    behind: Vec<String>,
}

impl Answers {
    /// Reads `answers.toml`. No file: nothing is picked.
    pub fn read(text: Option<&str>) -> (Answers, Vec<Fault>) {
        let mut answers = Answers::default();
        let Some(text) = text else { return (answers, vec![]) };
        let faults = Sheet::new("answers.toml", text).read(|sheet, mut root| {
            use Class::*;
            for (key, class) in [
                ("unsure", Unsure),
                ("indifferent", Indifferent),
                ("think", Think),
                ("none", Nothing),
                ("neither", Neither),
                ("no", No),
                ("all", All),
                ("both", Both),
                ("among", Among),
                ("nouns", Nouns),
                ("not", Not),
                ("except", Except),
                ("wrong", Wrong),
                ("not_the_one", Down(Kind::NotTheOne)),
                ("not_ours", Down(Kind::NotOurs)),
                ("belongs", Belongs),
                ("error", Down(Kind::Error)),
                ("let_be", Down(Kind::LetBe)),
                ("strike", Down(Kind::Strike)),
                ("last_years", LastYears),
                ("keep", Down(Kind::Keep)),
                ("halt", Halt),
                ("matter", Matter),
                ("but", But),
                ("that", That),
                ("over", Over),
                ("fine", Fine),
                ("other", Other),
                ("last", Last),
                ("last_but_one", LastButOne),
                ("middle", Middle),
                ("newest", Newest),
                ("oldest", Oldest),
                ("last_year", OfYear(-1)),
                ("two_years_ago", OfYear(-2)),
                ("this_year", OfYear(0)),
                ("next_year", OfYear(1)),
                ("or", Or),
                ("and", And),
                ("either", Either),
                ("correction", Correction),
                ("mean", Mean),
                ("ending", Ending),
                ("number", Number),
                ("noun", Noun),
                ("id_word", IdWord),
                ("name_word", NameWord),
                ("yes", Yes),
                ("polite", Polite),
                ("copula", Copula),
                ("deed", Deed),
                ("check", Check),
                ("filler", Filler),
                ("no_campaign", NoCampaign),
                ("all_campaigns", AllCampaigns),
                ("settled", Settled),
            ] {
                for (phrase, _) in sheet.texts(&mut root, key) {
                    answers.add(&phrase, class);
                }
            }
            for (phrase, _) in sheet.texts(&mut root, "was_last_years") {
                answers.add(&phrase, WasLastYears);
                answers.was_last_years.push(words(&phrase));
            }
            for (phrase, _) in sheet.texts(&mut root, "thanks") {
                answers.add(&phrase, Polite);
                answers.thanks.push(words(&phrase));
            }
            for (key, list) in [
                ("asked_for", &mut answers.asked_for),
                ("will_look", &mut answers.will_look),
                ("cannot_say", &mut answers.cannot_say),
                ("insists", &mut answers.insists),
            ] {
                list.extend(sheet.texts(&mut root, key).into_iter().map(|(phrase, _)| words(&phrase)));
            }
            for (group, (same, _)) in sheet.texts(&mut root, "alike").into_iter().enumerate() {
                answers.alike.extend(words(&same).into_iter().map(|word| (word, group)));
            }
            answers.striking.extend(sheet.texts(&mut root, "striking").into_iter().map(|(topic, _)| topic));
            for (rank, key) in RANKS.into_iter().enumerate() {
                for (phrase, _) in sheet.texts(&mut root, key) {
                    answers.add(&phrase, Rank(rank));
                }
            }
            for (count, key) in (1..).zip(NUMBERS) {
                for (word, _) in sheet.texts(&mut root, key) {
                    answers.numbers.extend(words(&word).pop().map(|word| (word, count)));
                }
            }
            sheet.finish(root);
        });
        for phrases in answers.phrases.values_mut() {
            phrases.sort_by_key(|(rest, class)| (std::cmp::Reverse(rest.len()), *class != Class::Settled));
        }
        (answers, faults)
    }

    fn add(&mut self, phrase: &str, class: Class) {
        if let Some((before, behind)) = phrase.split_once("...") {
            let (before, behind) = (words(before), words(behind));
            self.phrases.entry(closed(&before, &behind)).or_default().push((vec![], class));
            if let Some((first, rest)) = before.split_first() {
                self.gapped.entry(first.clone()).or_default().push(Gapped { rest: rest.to_vec(), behind });
            }
            return;
        }
        let accented = words(phrase);
        // Many leave the accent out; alone that is another word.
        let plain: Vec<String> = accented.iter().map(|word| folded(word)).collect();
        let plain = (plain.len() > 1 && plain != accented).then_some(plain);
        for words in [Some(accented), plain].into_iter().flatten() {
            if let Some((first, rest)) = words.split_first() {
                self.phrases.entry(first.clone()).or_default().push((rest.to_vec(), class));
            }
        }
    }

    /// The longest phrase that begins here, and how many words it has. That a matter is done with is heard only where that is
    /// `looked_for`: of a list "works again" says something else.
    fn class_at(&self, words: &[String], looked_for: bool) -> Option<(Class, usize)> {
        let heard = |class: Class| class != Class::Settled || looked_for;
        let mut phrases = self.phrases.get(words.first()?)?.iter();
        let found = phrases.find(|(rest, class)| words[1..].starts_with(rest) && heard(*class));
        found.map(|(rest, class)| (*class, rest.len() + 1))
    }

    /// Writes the phrases with a gap as one word before what stands in it: "leave 20471 alone".
    fn close_gaps(&self, words: &mut Vec<String>) {
        let mut at = 0;
        while at < words.len() {
            // "If I remember correctly" is one by itself.
            if let Some((_, length)) = self.class_at(&words[at..], false).filter(|(_, length)| *length > 2) {
                at += length;
                continue;
            }
            let gapped = self.gapped.get(&words[at]).into_iter().flatten();
            let mut found = gapped.filter_map(|Gapped { rest, behind }| {
                let from = at + 1 + rest.len();
                let near =
                    (from + 1..=from + GAP).find(|near| words.get(*near..).is_some_and(|at| at.starts_with(behind)));
                near.filter(|_| words[at + 1..].starts_with(rest)).map(|near| (from, near, near + behind.len()))
            });
            if let Some((from, near, end)) = found.next() {
                let phrase = closed(&words[at..from], &words[near..end]);
                words.drain(near..end);
                words.splice(at..from, [phrase]);
            }
            at += 1;
        }
    }

    /// What this text says of the list, on a ticket of this topic.
    pub fn pick(&self, text: &str, list: &[Offered<'_>], topic: &str) -> Pick {
        let list = List::of(list, self).on(topic, self);
        heard(&self.clauses(text, &list), list.ids.len()).pick(list.ids.len())
    }

    /// Whether it says of one of the list that it is to go on, where others are halted.
    pub fn keeps(&self, text: &str, list: &[Offered<'_>], topic: &str) -> bool {
        let clauses = self.clauses(text, &List::of(list, self).on(topic, self));
        clauses.iter().any(|clause| clause.tokens.contains(&Token::Word(Class::Down(Kind::Keep))))
    }

    /// Whether this text only says thank you, or that all is done, and perhaps the name of who says so.
    pub fn only_thanks(&self, text: &str, name: Option<&str>) -> bool {
        let text = unsigned(text, name);
        let words = words(&text);
        self.courteous(&text).is_some_and(|settled| settled || says_one(&words, &self.thanks))
    }

    /// Whether this text says that it is what we asked for: "you wanted the ID".
    pub fn refers(&self, text: &str) -> bool {
        says_one(&words(text), &self.asked_for)
    }

    /// Whether this text leaves our question for later: no words at all, courtesies ("ok", "hello?"), or that its writer will
    /// look, perhaps for that he cannot say it now or has mistyped it, and nothing else.
    pub fn puts_off(&self, text: &str, name: Option<&str>) -> bool {
        use Class::*;
        let text = unsigned(text, name);
        let clauses = self.clauses(&text, &List::of(&[], self));
        let looks = |clause: &Clause| {
            let words = words(&text[clause.span.0..clause.span.1]);
            let begins = |phrase: &Vec<String>| (0..=LEAD.min(words.len())).any(|at| words[at..].starts_with(phrase));
            !clause.question && self.will_look.iter().any(begins)
        };
        let light = |clause: &Clause| {
            clause
                .tokens
                .iter()
                .all(|token| matches!(token, Token::Word(Polite | Copula | Filler | Yes | And | Correction)))
        };
        let polite = |clause: &Clause| clause.tokens.contains(&Token::Word(Polite));
        let looks_it_up = clauses.iter().any(looks);
        let slip = |token: &Token| {
            matches!(token, Token::Word(Polite | Copula | Filler | Yes | And | Correction | Wrong | Down(Kind::Error)))
        };
        let why = |clause: &Clause| clause.tokens.iter().all(slip) || self.says_only(&text, clause, &self.cannot_say);
        let words = words(&text).len();
        words <= MOST_WORDS
            && clauses.iter().all(|clause| light(clause) || looks(clause) || looks_it_up && why(clause))
            && (words == 0 || looks_it_up || clauses.iter().any(polite))
    }

    /// Whether this text says that its writer cannot know what we asked for: "no idea", "can't you look it up?" Not "no idea why
    /// it stopped".
    pub fn cannot_say(&self, text: &str) -> bool {
        let clauses = self.clauses(text, &List::of(&[], self));
        let cannot = |clause: &Clause| self.says_only(text, clause, &self.cannot_say);
        let alone = |clause: &Clause| {
            let mut sentence = clauses.iter().filter(|other| other.sentence == clause.sentence);
            sentence.all(|other| other.strange() == 0 || cannot(other))
        };
        clauses.iter().any(|clause| cannot(clause) && alone(clause))
    }

    /// Where this text says of the ID that its writer gave, and that we do not know, that it is right (byte span): "the ID is
    /// correct", "no typo". Not "yes, that is the right one".
    pub fn insists(&self, text: &str) -> Option<(usize, usize)> {
        use Class::*;
        let clauses = self.clauses(text, &List::of(&[], self));
        let yes = clauses.iter().any(|clause| clause.tokens.first() == Some(&Token::Word(Yes)));
        let right = |clause: &Clause| {
            let at = |class| clause.tokens.iter().position(|token| *token == Token::Word(class));
            let denied = clause.turns_down() || [Not, No, Wrong, Unsure].into_iter().any(|class| at(class).is_some());
            let right = at(Yes).or(at(Fine)).filter(|_| !denied && clause.strange() == 0);
            right.zip(at(IdWord).or(at(Number))).is_some_and(|(right, id)| id < right || !yes)
        };
        let insists =
            |clause: &&Clause| !clause.question && (right(clause) || self.says_only(text, clause, &self.insists));
        clauses.iter().find(insists).map(|clause| clause.span)
    }

    /// Whether this text says of something that it was last year's.
    pub fn speaks_of_last_years(&self, text: &str) -> bool {
        says_one(&words(text), &self.was_last_years)
    }

    /// Whether this clause is one of the phrases, words apart that say nothing here.
    fn says_only(&self, text: &str, clause: &Clause, phrases: &[Vec<String>]) -> bool {
        use Class::*;
        let list = List::of(&[], self);
        let light = |token: &Token| {
            let named = matches!(token, Token::Word(IdWord | NameWord | Noun | Number | Or | That | Unsure));
            named || matches!(token, Token::Word(Polite | Copula | Filler | Yes | And | Correction))
        };
        let beside =
            |words: &[String]| self.clauses(&words.join(" "), &list).iter().all(|one| one.tokens.iter().all(light));
        let words = words(&text[clause.span.0..clause.span.1]);
        let stands = |phrase: &Vec<String>, at: usize| {
            let behind = words[at..].strip_prefix(phrase.as_slice());
            behind.is_some_and(|behind| beside(&words[..at]) && beside(behind))
        };
        phrases.iter().any(|phrase| (0..words.len()).any(|at| stands(phrase, at)))
    }

    /// Whether this text only says that its matter is done with: "all good now, thanks".
    pub fn settled(&self, text: &str, name: Option<&str>) -> bool {
        self.courteous(&unsigned(text, name)) == Some(true)
    }

    /// Of a text that is nothing but courteous: whether it says that its matter is done with.
    fn courteous(&self, text: &str) -> Option<bool> {
        use Class::*;
        let mut list = List::of(&[], self);
        list.settled = true;
        let clauses = self.clauses(text, &list);
        let settled = clauses.iter().any(|clause| clause.tokens.contains(&Token::Word(Settled)));
        let courteous = |token: &Token| match token {
            Token::Word(Fine) => settled,
            token => matches!(token, Token::Word(Polite | Copula | Filler | Yes | And | Correction | Settled)),
        };
        let only = words(text).len() <= MOST_WORDS
            && clauses.iter().all(|clause| !clause.question && !clause.hedged && clause.tokens.iter().all(courteous));
        only.then_some(settled)
    }

    /// Whether this text is a number and nothing else, courtesies and the name of who says so apart: "It is RE-10023, thanks".
    pub fn only_number(&self, text: &str, name: Option<&str>) -> bool {
        let text = unsigned(text, name);
        let number = |word: &&str| word.bytes().filter(u8::is_ascii_digit).count() >= FIGURES;
        let mut numbers = text.split_whitespace().filter(number);
        let (Some(one), None) = (numbers.next(), numbers.next()) else { return false };
        let rest = text.replacen(one.trim_matches(|c: char| !c.is_alphanumeric()), beside::STATED, 1);
        let light = |token: &Token| {
            use Class::*;
            matches!(token, Token::Stated | Token::Word(Polite | Copula | Filler | Yes | Correction | Number | IdWord))
        };
        let clauses = self.clauses(&rest, &List::of(&[], self));
        clauses.iter().all(|clause| !clause.question && !clause.hedged && clause.tokens.iter().all(light))
    }

    fn clauses(&self, text: &str, list: &List) -> Vec<Clause> {
        // "2026 - 2025 is over"
        let text = &text.replace(" - ", " , ");
        let mut clauses: Vec<Clause> = vec![];
        let mut segment = 0;
        let mut left = MOST_WORDS;
        for (sentence, words_of) in text.split_inclusive(ENDS).enumerate() {
            let question = words_of.ends_with('?');
            segment += 1;
            let first = clauses.len();
            for part in words_of.split([',', ':', '(', ')', '–', '—', '¿', '¡', '"', '“', '”', '„', '«', '»'])
            {
                let start = part.as_ptr() as usize - text.as_ptr() as usize;
                let span = (start + part.len() - part.trim_start().len(), start + part.trim_end().len());
                let mut words = words(part);
                words.truncate(left);
                accent(&mut words);
                left -= words.len();
                self.close_gaps(&mut words);
                let mut tokens = vec![];
                let mut hedged = false;
                let mut at = 0;
                loop {
                    let (token, length) = match words.get(at) {
                        Some(_) => self.token_at(&words[at..], tokens.last(), list),
                        None => (Token::Word(Class::But), 0),
                    };
                    at += length;
                    let whole = words.len() == 1 && list.ids.len() > 1;
                    let token = match token {
                        // "One."
                        Token::Word(Class::Noun) if whole && self.numbers.get(&words[0]) == Some(&1) => Token::Place(0),
                        Token::Word(Class::Think) => {
                            hedged = true;
                            Token::Word(Class::Filler)
                        }
                        // "Keep 20471 running and pause 20933"
                        Token::Word(Class::And) if at < words.len() => {
                            match self.token_at(&words[at..], None, list).0 {
                                Token::Word(Class::Halt | Class::Down(Kind::Keep)) => Token::Word(Class::But),
                                _ => token,
                            }
                        }
                        token => token,
                    };
                    if token != Token::Word(Class::But) {
                        tokens.push(token);
                        continue;
                    }
                    let tokens = std::mem::take(&mut tokens);
                    let hedged = std::mem::take(&mut hedged);
                    let goes_on = |before: &Clause| {
                        tokens.first() == Some(&Token::Word(Class::That))
                            || text[..start].ends_with(':')
                                && before.announces()
                                && !tokens.contains(&Token::Word(Class::Copula))
                    };
                    if let Some(before) = clauses[first..].last_mut().filter(|before| goes_on(before)) {
                        before.tokens.extend(tokens);
                        before.hedged |= hedged;
                        before.span.1 = span.1;
                    } else {
                        let (asks, opens) = (false, false);
                        clauses.push(Clause { tokens, span, sentence, segment, question, asks, opens, hedged });
                    }
                    if length == 0 {
                        break;
                    }
                    segment += 1;
                }
            }
            clauses.retain(|clause| !clause.tokens.is_empty());
            if question && let Some(last) = clauses[first..].last_mut() {
                last.asks = true;
            }
            for at in first..clauses.len() {
                let next = clauses.get(at + 1);
                let clause = &clauses[at];
                let opens = clause.tokens.len() == 1
                    && (clause.question && !clause.asks || next.is_some_and(|next| next.strange() > 0));
                clauses[at].opens = opens;
                clauses[at].read_lone_number(list.ids.len());
                clauses[at].read_either();
                clauses[at].read_down();
            }
            down::read_halts(&mut clauses[first..], list.ids.len());
        }
        clauses
    }

    /// What begins here, behind the token `before`, and how many words it has.
    fn token_at(&self, words: &[String], before: Option<&Token>, list: &List) -> (Token, usize) {
        if words[0] == beside::STATED {
            return (Token::Stated, 1);
        }
        let ends_an_id = matches!(self.class_at(&words[1..], false), Some((Class::Ending, _)));
        if (before == Some(&Token::Word(Class::Ending)) || ends_an_id)
            && let Some(place) = list.ending(&words[0])
        {
            return (Token::Telling(place), 1);
        }
        // An ID that is written in groups: "20 471".
        let digits = words.iter().take_while(|word| word.bytes().all(|byte| byte.is_ascii_digit())).count();
        let mut joined = String::new();
        for (count, word) in words.iter().take(digits.max(1)).enumerate() {
            joined.push_str(word);
            if let Some(place) = list.ids.iter().position(|id| *id == joined) {
                return (Token::Telling(place), count + 1);
            }
        }
        let count_at = |at: usize| words.get(at).and_then(|word| self.numbers.get(word).copied());
        if matches!(before, Some(Token::Word(Class::Number | Class::Noun | Class::Mean)))
            && let Some(place) = count_at(0).filter(|count| *count <= list.ids.len())
        {
            return (Token::Place(place - 1), 1);
        }
        // "Option B", though the list is numbered.
        let ends = words.len() == 1 || matches!(self.class_at(&words[1..], false), Some((Class::Polite, _)));
        if before == Some(&Token::Word(Class::Number))
            && ends
            && let Some(place) = list.lettered(&words[0])
        {
            return (Token::Place(place), 1);
        }
        if let Some((class, length)) = self.class_at(words, list.settled) {
            let told = matches!(before, Some(Token::Telling(_)));
            let by_age = match class {
                Class::Newest => list.newest,
                Class::Oldest => list.oldest,
                Class::OfYear(ahead) => list.of_year(ahead),
                Class::LastYears if !list.stated => list.of_year(-1),
                Class::WasLastYears if !list.stated && !told => list.of_year(-1),
                _ => None,
            };
            if let Some(place) = by_age {
                return (Token::Telling(place), length);
            }
            // "No. 2" denies nothing, nor does "campaign no 20417".
            let numbered = words.get(1).is_some_and(|next| list.place(next).is_some()) || count_at(1).is_some();
            let of_id = words.get(1).is_some_and(|next| list.ids.contains(next))
                && matches!(before, Some(Token::Word(Class::Noun | Class::Nouns | Class::IdWord | Class::Number)));
            // To the question for the ID, "no 20417" gives it.
            let given = list.gives_one
                && words.get(1).is_some_and(|next| list.ids.contains(next))
                && !matches!(before, Some(Token::Unknown | Token::Word(Class::Not)));
            let number = class == Class::Not && (numbered || of_id || given) && length == 1 && words[0] == "no";
            // "É o segundo": an article, where nothing stands before it that it could join.
            let article = class == Class::Or
                && words[0] == "o"
                && matches!(before, None | Some(Token::Word(Class::Copula | Class::Not | Class::Neither)));
            // "The sale ends in May": of no ID.
            let ends = |number: &String| list.ending(number).is_some();
            let of_no_id = class == Class::Ending
                && !matches!(before, Some(Token::Telling(_)))
                && !words.get(length).is_some_and(ends);
            let token = match class {
                _ if of_no_id => Token::Unknown,
                Class::Matter => Token::Unknown,
                // What another year's name has was not last year's.
                Class::WasLastYears if before.is_some_and(|before| list.may_be_last_years(before)) => {
                    Token::Word(Class::Down(Kind::NotTheOne))
                }
                Class::LastYears | Class::WasLastYears if !list.stated => Token::Word(Class::Over),
                Class::LastYears | Class::WasLastYears => Token::Word(Class::Down(Kind::Strike)),
                Class::Except if list.answers_nothing => Token::Unknown,
                Class::Except => Token::Word(Class::Not),
                Class::Down(Kind::Strike) if list.struck => Token::Word(Class::Halt),
                Class::Down(Kind::Keep) | Class::Halt if !list.struck => Token::Unknown,
                _ if number => Token::Word(Class::Number),
                Class::OfYear(..0) => Token::Word(Class::Over),
                _ if article => Token::Word(Class::Filler),
                class => Token::Word(class),
            };
            return (token, length);
        }
        match (list.token(&words[0]), count_at(0)) {
            (Token::Unknown, Some(count)) if count > 1 => (Token::Count(count), 1),
            (Token::Unknown, _) => (self.thing(&words[0]).map_or(Token::Unknown, |thing| list.of_thing(thing)), 1),
            (token, _) => (token, 1),
        }
    }

    /// What this word stands for among the words that are alike; a longer one by how it begins: "Frühjahrsaktion".
    fn thing(&self, word: &str) -> Option<usize> {
        let begins = || {
            let mut alike = self.alike.iter().filter(|(alike, _)| alike.chars().count() >= list::BEGINNING);
            alike.find(|(alike, _)| word.starts_with(alike.as_str())).map(|(_, thing)| *thing)
        };
        self.alike.get(word).copied().or_else(begins)
    }
}

/// What these clauses say together of a list of this length.
fn heard(clauses: &[Clause], length: usize) -> Said {
    let mut said = Said::default();
    for clause in clauses {
        let has = |class| clause.tokens.contains(&Token::Word(class));
        let whole = has(Class::All) || has(Class::Both);
        let unsure = clauses.iter().any(|other| {
            let has = |class| other.tokens.contains(&Token::Word(class));
            other.segment == clause.segment && (has(Class::Unsure) || !whole && has(Class::Indifferent))
                || other.sentence == clause.sentence && other.tokens.contains(&Token::Word(Class::Check))
        });
        let mut sentence = clauses.iter().filter(|other| other.sentence == clause.sentence);
        let lively = sentence.any(|other| !other.mentions(length, false).is_empty());
        said.hear(clause, length, unsure, lively);
    }
    said
}

/// Whether one of the phrases stands among these words.
fn says_one(words: &[String], phrases: &[Vec<String>]) -> bool {
    let said = |phrase: &Vec<String>| words.windows(phrase.len().max(1)).any(|found| found == phrase.as_slice());
    phrases.iter().any(said)
}

/// A text without the name of who wrote it.
fn unsigned(text: &str, name: Option<&str>) -> String {
    let name = words(name.unwrap_or_default());
    let of_name =
        |word: &&str| words(word).iter().all(|word| name.contains(word)) && word.contains(char::is_alphanumeric);
    text.split_inclusive(char::is_whitespace).filter(|word| !of_name(word)).collect()
}

/// The word that stands for a phrase with a gap.
fn closed(before: &[String], behind: &[String]) -> String {
    format!("{}...{}", before.join(" "), behind.join(" "))
}

/// "Nao e a primeira e a segunda": behind a denial it is no "and", and whoever leaves out one accent leaves out all.
fn accent(words: &mut [String]) {
    if words.windows(2).any(|two| two[0] == "nao" && two[1] == "e") {
        words.iter_mut().filter(|word| *word == "e").for_each(|word| IS.clone_into(word));
    }
}

/// The words of a text, folded: without case and accents, but for the Portuguese "is", which is an "and" without. The marks
/// of an ordinal stay apart from the bare number, and end their word ("nº2"); alone they are none ("n.º 2"). "1+3" and
/// "1 & 3" are "1 and 3".
fn words(text: &str) -> Vec<String> {
    let ordinal = ['ª', 'º', '°'];
    let joins = ['&', '+'];
    let parts = text
        .split_inclusive(ordinal)
        .flat_map(|part| part.split(|c: char| !c.is_alphanumeric() && !ordinal.contains(&c) && !joins.contains(&c)));
    let parts = parts.flat_map(|part| part.split_inclusive(joins)).flat_map(|part| match part.strip_suffix(joins) {
        Some(word) => [word, "and"],
        None => [part, ""],
    });
    let word = |word: &str| match word {
        "é" | "É" => IS.to_owned(),
        word => folded(&word.replace(ordinal, "th")),
    };
    parts.map(word).filter(|word| !word.is_empty() && word != "th").collect()
}
