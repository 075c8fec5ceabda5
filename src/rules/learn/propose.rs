//! Proposing: from topics that agents corrected to changes of the rule files, for a person to judge. Applies nothing.
//!
//! A phrase is proposed when several corrected requests of one topic share it and no example of another topic holds it; it
//! stays in the proposal only if no example that came out right before comes out wrong. Corrections become examples.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::phrasebook::Phrasebook;
use super::{Labelled, masked};
use crate::config::fault::Fault;
use crate::request::Request;
use crate::rules::description;
use crate::rules::judge::OTHER;
use crate::rules::lexicon::{Lexicon, UNKNOWN};
use crate::rules::{Files, Rules};

/// Corrected requests that must share a phrase.
const SHARED: usize = 2;
/// Phrases proposed a topic: more than a person weighs one by one.
const PHRASES: usize = 8;
/// What a proposed phrase weighs: as much as a signal that does not say; more where signals or leanings speak against it.
const WEIGHTS: [f64; 3] = [2.0, 4.0, 7.0];
/// Examples proposed a topic.
const EXAMPLES: usize = 5;
/// Characters of a text that becomes an example.
const EXAMPLE_CHARS: usize = 300;

/// A request whose topic an agent corrected.
#[derive(Debug, Clone)]
pub struct Corrected {
    /// The topic before.
    pub old: String,
    /// The agent's.
    pub new: String,
    /// What the customer wrote.
    pub request: Request,
}

/// What is proposed.
#[derive(Debug, Default)]
pub struct Proposal {
    /// The rule files as they would be.
    pub files: Files,
    /// How many corrections there are.
    pub corrections: usize,
    /// Those that the rules judge right as they are.
    pub right_before: usize,
    /// Those that they would judge right.
    pub right_after: usize,
    /// What the proposal leaves to a person, a sentence each.
    pub left: Vec<String>,
}

/// What is added to one topic's file.
#[derive(Debug, Default, Clone)]
struct Addition {
    /// Each with its weight.
    phrases: BTreeMap<String, f64>,
    examples: Vec<(String, String)>,
}

/// Proposes changes to these rule files. Faults: the files do not compile as they are.
pub fn propose(files: &Files, corrected: &[Corrected]) -> Result<Proposal, Vec<Fault>> {
    let rules = Rules::compile(files)?;
    let mut proposal = Proposal { files: files.clone(), corrections: corrected.len(), ..Proposal::default() };
    let wrong: Vec<&Corrected> = corrected.iter().filter(|one| rules.topic(&one.request).id != one.new).collect();
    proposal.right_before = corrected.len() - wrong.len();
    let broken_before = broken(&rules);
    let mut additions: BTreeMap<&str, Addition> = BTreeMap::new();
    for (topic, phrases) in candidates(&rules, files, corrected, &wrong)? {
        for phrase in phrases {
            let before = right_with(files, &additions, corrected);
            // "the yubikey" beside "yubikey" would count twice: the shorter one gets more weight instead.
            let added = additions.get(topic).into_iter().flat_map(|addition| &addition.phrases);
            let within = added.into_iter().find(|(shorter, _)| phrase.split(' ').any(|word| word == **shorter));
            let (phrase, least) = within.map_or((phrase.clone(), 0.0), |(shorter, weight)| (shorter.clone(), *weight));
            for weight in WEIGHTS.into_iter().filter(|weight| *weight > least) {
                let mut trial = additions.clone();
                trial.entry(topic).or_default().phrases.insert(phrase.clone(), weight);
                let Ok(tried) = Rules::compile(&edited(files, &trial)) else { continue };
                // Words and their pairs say the same twice: only what turns one more correction is worth a person's time.
                if right(&tried, corrected) > before && broken(&tried).is_subset(&broken_before) {
                    additions = trial;
                    break;
                }
            }
        }
    }
    let after = Rules::compile(&edited(files, &additions))?;
    for one in &wrong {
        let (subject, text) = (shown(&one.request.subject), shown(&one.request.text));
        if after.topic(&one.request).id != one.new {
            let left = format!("still `{}` for `{}`: {text:.80}", after.topic(&one.request).id, one.new);
            proposal.left.push(left);
            continue;
        }
        let addition = additions.entry(&one.new).or_default();
        // Cut and without names, it may no longer say enough.
        let example = Request { subject: subject.clone(), text: text.clone(), ..Request::default() };
        if addition.examples.len() < EXAMPLES && after.topic(&example).id == one.new {
            addition.examples.push((subject, text));
        }
    }
    proposal.files = edited(files, &additions);
    proposal.right_after = right(&Rules::compile(&proposal.files)?, corrected);
    Ok(proposal)
}

fn right(rules: &Rules, corrected: &[Corrected]) -> usize {
    corrected.iter().filter(|one| rules.topic(&one.request).id == one.new).count()
}

fn right_with(files: &Files, additions: &BTreeMap<&str, Addition>, corrected: &[Corrected]) -> usize {
    Rules::compile(&edited(files, additions)).map_or(0, |rules| right(&rules, corrected))
}

/// The examples that come out wrong, by file and line. Lines of what is there do not move: additions stand below them.
fn broken(rules: &Rules) -> BTreeSet<(String, String)> {
    rules.prove().wrong.into_iter().map(|wrong| (wrong.file, wrong.text)).collect()
}

/// Topic → phrases that wrongly judged requests of it share and that no other topic's examples or corrections hold, those
/// first that most share.
fn candidates<'c>(
    rules: &Rules,
    files: &Files,
    corrected: &'c [Corrected],
    wrong: &[&'c Corrected],
) -> Result<BTreeMap<&'c str, Vec<String>>, Vec<Fault>> {
    let text = |request: &Request| format!("{}\n\n{}", request.subject, request.text);
    let mut samples: Vec<Labelled> = wrong
        .iter()
        .map(|one| Labelled { text: text(&one.request), topic: one.new.clone(), ..Labelled::default() })
        .collect();
    let rest = corrected.iter().filter(|one| !wrong.iter().any(|other| std::ptr::eq(*other, *one)));
    samples.extend(rest.map(|one| Labelled {
        text: text(&one.request),
        topic: one.new.clone(),
        ..Labelled::default()
    }));
    for topic in &rules.compiled.topics {
        for example in topic.examples.iter().filter(|example| example.belongs) {
            samples.push(Labelled { text: text(&example.request()), topic: topic.id.0.clone(), ..Labelled::default() });
        }
    }
    let words = files.get("words.toml").map_or("", |text| &**text);
    let phrasebook = Phrasebook::new(&samples.iter().collect::<Vec<_>>(), words)?;
    let common = common(&phrasebook.written, words, files.get("description.toml").map(|text| &**text));
    let mut holders: Vec<Vec<usize>> = vec![vec![]; phrasebook.len()];
    for (sample, phrases) in phrasebook.texts.iter().enumerate() {
        phrases.iter().for_each(|phrase| holders[*phrase as usize].push(sample));
    }
    let mut found: BTreeMap<&str, Vec<(usize, &str)>> = BTreeMap::new();
    for (phrase, holders) in holders.iter().enumerate() {
        let Some(first) = holders.first().and_then(|first| wrong.get(*first)) else { continue };
        let shared = holders.iter().filter(|holder| **holder < wrong.len()).count();
        let alone = holders.iter().all(|holder| samples[*holder].topic == first.new);
        let written = phrasebook.written[phrase].as_str();
        if shared >= SHARED
            && alone
            && !common.contains(written)
            && first.new != OTHER
            && written.chars().any(char::is_alphabetic)
        {
            found.entry(&first.new).or_default().push((shared, written));
        }
    }
    let best = |mut phrases: Vec<(usize, &str)>| {
        // Of two that equally many share, the shorter one will find more.
        phrases.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.len().cmp(&b.1.len())).then(a.1.cmp(b.1)));
        phrases.into_iter().take(PHRASES).map(|(_, written)| written.to_owned()).collect()
    };
    Ok(found.into_iter().map(|(topic, phrases)| (topic, best(phrases))).collect())
}

/// Phrases of words that everybody uses: short ones and those that say nothing of a matter, as greetings do; of single
/// words also those that `words.toml` knows.
fn common<'p>(phrases: &'p [String], words: &str, vague: Option<&str>) -> BTreeSet<&'p str> {
    let (mut vague_words, _) = Lexicon::new(None);
    let (mut known_words, _) = Lexicon::new(Some(words));
    for words in description::read(vague).0 {
        vague_words.intern(&words, false);
        known_words.intern(&words, false);
    }
    let in_use = |word: &str, lexicon: &Lexicon| {
        let mut read = Vec::new();
        lexicon.read(word, &mut read);
        word.chars().count() < 4 || read.iter().all(|word| word.id != UNKNOWN)
    };
    let common = |phrase: &&str| match phrase.contains(' ') {
        true => phrase.split(' ').all(|word| in_use(word, &vague_words)),
        false => in_use(phrase, &known_words),
    };
    phrases.iter().map(String::as_str).filter(common).collect()
}

/// The files with these additions; nothing that stands there is changed.
fn edited(files: &Files, additions: &BTreeMap<&str, Addition>) -> Files {
    let mut edited = files.clone();
    for (topic, addition) in additions {
        let Some(path) = file_of(files, topic) else { continue };
        let Some(text) = edited.get_mut(&path).map(Cow::to_mut) else { continue };
        let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
        // A phrase that has a weight already keeps it: TOML refuses a key that stands twice.
        let known: BTreeSet<&str> = text.lines().filter_map(|line| Some(line.split_once('=')?.0.trim())).collect();
        let lines: Vec<String> = (addition.phrases.iter().map(|(phrase, weight)| (quoted(phrase), weight)))
            .filter(|(phrase, _)| !known.contains(phrase.as_str()))
            .map(|(phrase, weight)| format!("{phrase} = {weight:.1}\n"))
            .collect();
        let header = "\n[weights]\n";
        let at = text.find(header).map(|at| at + header.len());
        match at {
            Some(at) => text.insert_str(at, &lines.concat()),
            None if lines.is_empty() => {}
            None => {
                let _ = write!(text, "{header}{}", lines.concat());
            }
        }
        for (subject, body) in &addition.examples {
            let _ = write!(text, "\n[[example]]\nsubject = {}\ntext = {}\n", quoted(subject), quoted(body));
        }
    }
    edited
}

/// The file of a topic.
fn file_of(files: &Files, topic: &str) -> Option<String> {
    let id = |text: &str| text.parse::<toml::Table>().ok()?.get("id")?.as_str().map(str::to_owned);
    let topics = files.iter().filter(|(path, _)| path.starts_with("topics/"));
    topics.filter(|(_, text)| id(text).as_deref() == Some(topic)).map(|(path, _)| path.clone()).next()
}

/// A customer's text as it may stand in a rule file: its beginning, addresses and long numbers masked.
fn shown(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    masked(&words.join(" ")).chars().take(EXAMPLE_CHARS).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn corrected(old: &str, new: &str, text: &str) -> Corrected {
        let request = Request { text: text.into(), ..Request::default() };
        Corrected { old: old.into(), new: new.into(), request }
    }

    fn files() -> Files {
        let topic = |id: &str, phrase: &str| {
            format!(
                "id = \"{id}\"\n[[signal]]\nphrases = [\"{phrase}\"]\nweight = 3\n[[example]]\ntext = \"my {phrase}\"\n"
            )
        };
        Files::from([
            ("topics/billing.toml".to_owned(), topic("billing", "invoice").into()),
            ("topics/access.toml".to_owned(), topic("access", "password").into()),
        ])
    }

    #[test]
    fn what_corrected_requests_share_is_proposed_with_examples() {
        let fed = [
            corrected("other", "access", "the yubikey beeps at me, call 0171 5550199"),
            corrected("other", "access", "lost my yubikey, write to jo@acme.example"),
            corrected("other", "billing", "nothing shared here"),
        ];
        let proposal = propose(&files(), &fed).unwrap();
        assert_eq!((proposal.corrections, proposal.right_before, proposal.right_after), (3, 0, 2));
        let access = &proposal.files["topics/access.toml"];
        assert!(access.starts_with(&*files()["topics/access.toml"]), "{access}");
        assert!(access.contains("\"yubikey\" = 2.0\n"), "{access}");
        assert!(
            access.contains("[[example]]") && !access.contains("jo@acme") && !access.contains("5550199"),
            "{access}"
        );
        assert_eq!(proposal.files["topics/billing.toml"], files()["topics/billing.toml"]);
        assert_eq!(proposal.left.len(), 1);
        assert!(Rules::compile(&proposal.files).unwrap().prove().holds());
    }

    /// Not every word that they share, nor a word that everybody uses.
    #[test]
    fn one_telling_phrase_is_enough() {
        let mut files = files();
        files.insert("words.toml".into(), "known = [\"please\", \"nothing\"]\n".into());
        let text = "please help, the yubikey beeps and nothing opens";
        let fed = [corrected("other", "access", text), corrected("other", "access", text)];
        let proposal = propose(&files, &fed).unwrap();
        let access = &proposal.files["topics/access.toml"];
        let weights: Vec<&str> = access.lines().filter(|line| line.ends_with("= 2.0")).collect();
        assert_eq!(weights.len(), 1, "{access}");
        assert!(!weights[0].contains("\"please\"") && !weights[0].contains("\"nothing\""), "{access}");
    }

    /// One word that does not suffice gets more weight, instead of company that counts twice.
    #[test]
    fn a_phrase_is_not_proposed_inside_another() {
        let mut files = files();
        files.get_mut("topics/billing.toml").unwrap().to_mut().push_str("[weights]\n\"sum\" = 5\n");
        let fed =
            [corrected("other", "access", "the yubikey, thank you"), corrected("billing", "access", "the yubikey sum")];
        let proposal = propose(&files, &fed).unwrap();
        let access = &proposal.files["topics/access.toml"];
        assert_eq!(access.lines().filter(|line| line.contains("yubikey\" = ")).count(), 1, "{access}");
        assert!(access.contains("\"yubikey\" = 7.0\n") && proposal.right_after == 2, "{access}");
    }

    #[test]
    fn how_people_greet_is_not_proposed() {
        let mut files = files();
        files.insert("description.toml".into(), "[vague]\nen = [\"hello dear team help\"]\n".into());
        let fed =
            [corrected("other", "access", "hello, the beeper"), corrected("other", "access", "hello, the dongle")];
        let proposal = propose(&files, &fed).unwrap();
        assert_eq!(proposal.files, files, "{}", proposal.files["topics/access.toml"]);
    }

    #[test]
    fn a_phrase_that_breaks_an_example_is_not_proposed() {
        let fed = [corrected("billing", "access", "my invoice"), corrected("billing", "access", "my invoice")];
        let proposal = propose(&files(), &fed).unwrap();
        assert_eq!(proposal.files, files());
    }

    #[test]
    fn a_phrase_that_has_a_weight_is_not_written_twice() {
        let mut files = files();
        let access = files.get_mut("topics/access.toml").unwrap().to_mut();
        access.push_str("\n[weights]\n\"yubikey\" = 0.5\n");
        let text = "the yubikey beeps";
        let fed = [corrected("other", "access", text), corrected("other", "access", text)];
        let proposal = propose(&files, &fed).unwrap();
        let access = &proposal.files["topics/access.toml"];
        assert_eq!(access.matches("\"yubikey\" = ").count(), 1, "{access}");
        assert!(Rules::compile(&proposal.files).is_ok(), "{access}");
    }
}
