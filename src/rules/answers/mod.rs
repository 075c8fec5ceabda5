//! `answers.toml`: how people pick from a list that was put before them: by rank, by number, by a telling word, or by ruling
//! out the rest.
//!
//! Never guesses: who is not sure, asks back, or says two things has not picked; a word that could tell the campaigns apart
//! counts only in a clause that speaks of them.

mod said;

use std::collections::HashMap;

use self::said::{Clause, Said, Token};
use super::sheet::Sheet;
use crate::campaigns::fold::folded;
use crate::config::fault::Fault;

/// Ranks that have words of their own; the last one of a list has, too.
const RANKS: [&str; 6] = ["first", "second", "third", "fourth", "fifth", "sixth"];
/// Words of an answer that are read: whoever picks does so early.
const MOST_WORDS: usize = 300;
/// Letters of a word that may stand for a longer one: "Herbst" for "Herbstaktion".
const BEGINNING: usize = 5;

/// What an answer says of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pick {
    /// Nothing.
    Silent,
    /// Something, but not which.
    Unclear,
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
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Unsure,
    Nothing,
    All,
    Not,
    But,
    Over,
    Other,
    Rank(usize),
    Last,
    Or,
    And,
    Number,
    Noun,
    Yes,
    Filler,
}

/// The words, folded: by their first word, the longer phrases first.
#[derive(Debug, Default)]
pub struct Answers {
    phrases: HashMap<String, Vec<(Vec<String>, Class)>>,
}

impl Answers {
    /// Reads `answers.toml`. No file: nothing is picked.
    pub fn read(text: Option<&str>) -> (Answers, Vec<Fault>) {
        let mut answers = Answers::default();
        let Some(text) = text else { return (answers, vec![]) };
        let faults = Sheet::new("answers.toml", text).read(|sheet, mut root| {
            use Class::*;
            let mut words = |key, class| {
                for (phrase, _) in sheet.texts(&mut root, key) {
                    answers.add(&phrase, class);
                }
            };
            for (key, class) in [("unsure", Unsure), ("none", Nothing), ("all", All), ("not", Not), ("but", But)] {
                words(key, class);
            }
            words("over", Over);
            words("other", Other);
            for (rank, key) in RANKS.into_iter().enumerate() {
                words(key, Rank(rank));
            }
            for (key, class) in [("last", Last), ("or", Or), ("and", And), ("number", Number), ("noun", Noun)] {
                words(key, class);
            }
            words("yes", Yes);
            words("filler", Filler);
            sheet.finish(root);
        });
        for phrases in answers.phrases.values_mut() {
            phrases.sort_by_key(|(rest, _)| std::cmp::Reverse(rest.len()));
        }
        (answers, faults)
    }

    fn add(&mut self, phrase: &str, class: Class) {
        let mut words = words(phrase).into_iter();
        if let Some(first) = words.next() {
            self.phrases.entry(first).or_default().push((words.collect(), class));
        }
    }

    /// The longest phrase that begins here, and how many words it has.
    fn class_at(&self, words: &[String]) -> Option<(Class, usize)> {
        let found = self.phrases.get(words.first()?)?.iter().find(|(rest, _)| words[1..].starts_with(rest));
        found.map(|(rest, class)| (*class, rest.len() + 1))
    }

    /// What this text says of the list.
    pub fn pick(&self, text: &str, list: &[Offered<'_>]) -> Pick {
        let list = List::of(list, self);
        let clauses = self.clauses(text, &list);
        let mut said = Said::default();
        for clause in &clauses {
            let unsure = clauses
                .iter()
                .filter(|other| other.segment == clause.segment)
                .any(|other| other.tokens.contains(&Token::Word(Class::Unsure)));
            let mut sentence = clauses.iter().filter(|other| other.sentence == clause.sentence);
            let lively = sentence.any(|other| !other.mentions(list.ids.len(), false).is_empty());
            said.hear(clause, list.ids.len(), unsure, lively);
        }
        said.pick(list.ids.len())
    }

    fn clauses(&self, text: &str, list: &List) -> Vec<Clause> {
        let mut clauses: Vec<Clause> = vec![];
        let mut segment = 0;
        let mut left = MOST_WORDS;
        for (sentence, words_of) in text.split_inclusive(['.', '!', '?', ';', '\n', '…']).enumerate() {
            let question = words_of.ends_with('?');
            segment += 1;
            let first = clauses.len();
            for part in words_of.split([',', ':', '(', ')', '–', '—', '¿', '¡', '"', '“', '”', '„', '«', '»'])
            {
                let mut words = words(part);
                words.truncate(left);
                left -= words.len();
                let mut tokens = vec![];
                let mut at = 0;
                while at < words.len() {
                    let (token, length) = self.token_at(&words[at..], list);
                    at += length;
                    if token == Token::Word(Class::But) {
                        clauses.push(Clause {
                            tokens: std::mem::take(&mut tokens),
                            sentence,
                            segment,
                            question,
                            asks: false,
                        });
                        segment += 1;
                    } else {
                        tokens.push(token);
                    }
                }
                clauses.push(Clause { tokens, sentence, segment, question, asks: false });
            }
            clauses.retain(|clause| !clause.tokens.is_empty());
            if question && let Some(last) = clauses[first..].last_mut() {
                last.asks = true;
            }
        }
        clauses
    }

    fn token_at(&self, words: &[String], list: &List) -> (Token, usize) {
        // An ID that is written in groups: "20 471".
        let digits = words.iter().take_while(|word| word.bytes().all(|byte| byte.is_ascii_digit())).count();
        let mut joined = String::new();
        for (count, word) in words.iter().take(digits.max(1)).enumerate() {
            joined.push_str(word);
            if let Some(place) = list.ids.iter().position(|id| *id == joined) {
                return (Token::Telling(place), count + 1);
            }
        }
        if let Some((class, length)) = self.class_at(words) {
            // "No. 2" denies nothing.
            let numbered = words.get(1).is_some_and(|next| list.place(next).is_some());
            let number = class == Class::Not && numbered && words[0] == "no";
            return (Token::Word(if number { Class::Number } else { class }), length);
        }
        (list.token(&words[0]), 1)
    }
}

/// The list as answers are compared with it.
struct List {
    ids: Vec<String>,
    names: Vec<Vec<String>>,
}

impl List {
    fn of(list: &[Offered<'_>], answers: &Answers) -> List {
        let name = |option: &Offered<'_>| {
            let mut words = words(option.name);
            words.retain(|word| answers.class_at(std::slice::from_ref(word)).is_none());
            words
        };
        let compact = |option: &Offered<'_>| words(option.id).concat();
        List { ids: list.iter().map(compact).collect(), names: list.iter().map(name).collect() }
    }

    fn token(&self, word: &str) -> Token {
        let holding = |matches: &dyn Fn(&String) -> bool| {
            let holds = self.names.iter().enumerate().filter(|(_, name)| name.iter().any(matches));
            holds.map(|(place, _)| place).collect::<Vec<_>>()
        };
        let exact = holding(&|own| own == word);
        let found = match exact.is_empty() && word.chars().count() >= BEGINNING {
            true => holding(&|own| own.starts_with(word)),
            false => exact,
        };
        match (found.as_slice(), self.place(word)) {
            ([one], _) => Token::Telling(*one),
            ([], Some(place)) => Token::Place(place),
            ([], None) => Token::Unknown,
            _ => Token::Common,
        }
    }

    fn place(&self, word: &str) -> Option<usize> {
        let number = word.parse::<usize>().ok().filter(|_| word.len() <= 2)?;
        (1..=self.ids.len()).contains(&number).then(|| number - 1)
    }
}

/// The words of a text, folded: without case and accents. The marks of an ordinal stay apart from the bare number.
fn words(text: &str) -> Vec<String> {
    let ordinal = ['ª', 'º', '°'];
    let parts = text.split(|c: char| !c.is_alphanumeric() && !ordinal.contains(&c));
    parts.map(|word| folded(&word.replace(ordinal, "th"))).filter(|word| !word.is_empty()).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::rules::Rules;

    fn check(list: &[&str], rows: &[(&str, Pick)]) {
        let files = Rules::shipped_files();
        let (answers, faults) = Answers::read(files.get("answers.toml").map(|text| &**text));
        assert_eq!(faults, vec![]);
        let ids: Vec<String> = (0..list.len()).map(|place| format!("2041{place}")).collect();
        let list: Vec<Offered<'_>> = ids.iter().zip(list).map(|(id, name)| Offered { id, name }).collect();
        let got = rows.iter().map(|(text, _)| format!("{text}: {:?}", answers.pick(text, &list)));
        let expected = rows.iter().map(|(text, pick)| format!("{text}: {pick:?}"));
        let wrong: Vec<_> = got.zip(expected).filter(|(got, expected)| got != expected).collect();
        assert!(wrong.is_empty(), "(got, expected): {wrong:#?}");
    }

    const YEARS: &[&str] = &["Orchard Box Autumn 2025", "Orchard Box Autumn 2026"];
    const SEASONS: &[&str] = &["Herbstaktion Fahrradservice", "Frühjahrsaktion Fahrradservice"];
    const COURS: &[&str] = &["Cours du Soir Rentrée", "Cours du Soir Printemps"];
    const FERIA: &[&str] = &["Feria del Libro Madrid", "Feria del Libro Málaga"];
    const FESTA: &[&str] = &["Festa da Primavera Porto", "Festa da Primavera Lisboa"];
    const THREE: &[&str] = &["Spring Leads North", "Spring Leads South", "Spring Leads East"];
    use Pick::*;

    #[test]
    fn by_rank_or_number_or_telling_word() {
        check(
            THREE,
            &[
                ("the second one", One(1)),
                ("First, please.", One(0)),
                ("I mean the 3rd campaign, thanks", One(2)),
                ("It's the last one", One(2)),
                ("2", One(1)),
                ("(2)", One(1)),
                ("2.", One(1)),
                ("#2", One(1)),
                ("number 2", One(1)),
                ("No. 2 please", One(1)),
                ("option 2", One(1)),
                ("Nummer 2", One(1)),
                ("la n° 2", One(1)),
                ("It is 20 411, sorry", One(1)),
                ("the south", One(1)),
                ("Hi,\n\nsecond\n\nSent from my iPhone", One(1)),
                ("Please raise the second one to 80", One(1)),
                ("Raise the first one to 50, the second to 80", Unclear),
                (
                    "The second campaign in your list please. Also, the first time I wrote to you nobody answered.",
                    One(1),
                ),
                ("the fourth one", Unclear),
                ("4", Silent),
                ("all of them", Several(vec![0, 1, 2])),
            ],
        );
        check(
            SEASONS,
            &[("Die zweite bitte, vielen Dank!", One(1)), ("die Frühjahrs", One(1)), ("die letzte", One(1))],
        );
        check(
            SEASONS,
            &[
                ("nicht die erste sondern die zweite", One(1)),
                ("die im Herbst", One(0)),
                ("beide", Several(vec![0, 1])),
            ],
        );
        check(
            COURS,
            &[("La deuxième, s'il vous plaît.", One(1)), ("c'est la première campagne", One(0)), ("la 2", One(1))],
        );
        check(COURS, &[("celle de la rentrée", One(0)), ("printemps", One(1)), ("les deux", Several(vec![0, 1]))]);
        check(FERIA, &[("La segunda, por favor", One(1)), ("la última campaña", One(1)), ("malaga", One(1))]);
        check(FERIA, &[("la de Málaga, no la de Madrid", One(1)), ("las dos", Several(vec![0, 1]))]);
        check(
            FESTA,
            &[
                ("A primeira, obrigada", One(0)),
                ("é a 2ª", One(1)),
                ("a do Porto", One(0)),
                ("as duas", Several(vec![0, 1])),
            ],
        );
        check(
            YEARS,
            &[("the former", One(0)), ("the latter", One(1)), ("2026", One(1)), ("The 2026 one, please.", One(1))],
        );
        check(
            YEARS,
            &[
                ("I don't know the ID. It's the second one.", One(1)),
                ("I don't know the ID, but it's the second one", One(1)),
            ],
        );
        check(
            YEARS,
            &[
                ("Please raise the first one to 50 and the second to 80", Several(vec![0, 1])),
                ("both", Several(vec![0, 1])),
            ],
        );
        check(
            &["Farm Shop"],
            &[("Yes, that's the one!", One(0)), ("yes", One(0)), ("No", Silent), ("not the farm shop", Nothing)],
        );
    }

    #[test]
    fn by_what_is_ruled_out() {
        check(
            YEARS,
            &[
                ("not the first one", One(1)),
                ("not the first one, the second one", One(1)),
                ("2025, not 2024", One(0)),
                ("2026 not 2025", One(1)),
                ("not 2025 but 2026", One(1)),
                ("The 2025 campaign ended, it must be the other one", One(1)),
                ("It used to be 2025, but now it is 2026", One(1)),
                ("The 2025 campaign has ended", Unclear),
                ("the other one", Unclear),
                ("none of these", Nothing),
                ("neither the first nor the second", Nothing),
            ],
        );
        check(
            SEASONS,
            &[("Die Herbstaktion ist schon vorbei, also die andere", One(1)), ("nicht die Herbstaktion", One(1))],
        );
        check(SEASONS, &[("Nicht die Herbstaktion, die Frühjahrsaktion!", One(1)), ("keine von beiden", Nothing)]);
        check(COURS, &[("pas celle du printemps, l'autre", One(0)), ("ni l’une ni l’autre", Nothing)]);
        check(FERIA, &[("la primera no, la segunda", One(1)), ("ninguna", Nothing)]);
        check(
            FESTA,
            &[
                ("não é a primeira, é a segunda", One(1)),
                ("a do Porto acabou, é a outra", One(1)),
                ("Lisboa, não Porto", One(1)),
            ],
        );
        check(THREE, &[("not the first one", Unclear), ("not the first, not the third", One(1))]);
    }

    #[test]
    fn nothing_is_guessed() {
        check(
            YEARS,
            &[
                ("either the first or the second", Unclear),
                ("the second or the first, whichever is cheaper", Unclear),
                ("not sure if it is the first or the second", Unclear),
                ("the first one or the second one", Unclear),
                ("2025 or 2026, no idea", Unclear),
                ("I am not sure, maybe the second one?", Unclear),
                ("Do you mean the second one in your list?", Unclear),
                ("I have two questions; first, is this free?", Silent),
                ("I sent you this on the 2nd", Silent),
                ("Our meeting is in 2026, I will tell you then.", Silent),
                ("call me on 20410", Silent),
                ("This is my second mail!", Silent),
                ("This is the first time it happens", Silent),
                ("just a second please", Silent),
                ("just a second ago it broke", Silent),
                ("Thanks, I will look it up and send it tomorrow.", Silent),
                ("We run 2 shops and 1 farm", Silent),
                ("the autumn one", Silent),
                ("Yes", Silent),
                ("", Silent),
                (&format!("{} the second one", "the report shows nothing at all ".repeat(4)), Silent),
            ],
        );
        check(
            SEASONS,
            &[
                ("entweder die erste oder die zweite, ich weiß es nicht genau", Unclear),
                ("seit der zweiten Woche läuft nichts", Silent),
            ],
        );
        check(SEASONS, &[("Wir hatten erstens zwei Fragen dazu: erste, was kostet das?", Silent)]);
        check(COURS, &[("la première ou la deuxième, je ne sais pas", Unclear)]);
        check(FESTA, &[("qualquer uma das duas", Silent), ("a primeira ou a segunda, tanto faz", Unclear)]);
    }
}
