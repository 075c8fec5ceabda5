//! What `rules/campaign-ids.toml` says: how customers introduce, deny and list Campaign IDs, in their languages.
//!
//! Words are compared folded. A fault names the line and the remedy; a file with faults compiles to nothing.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock};

use foldhash::fast::FixedState;
use serde::Deserialize;

use super::fold::{self, Token, Words};
use super::spelling::singular;
use super::table::{ByHash, Filter, hash};
use crate::config::fault::Fault;

/// What a word may be: a set of these bits.
pub mod role {
    /// A campaign.
    pub const CAMPAIGN: u64 = 1;
    /// Several campaigns.
    pub const CAMPAIGNS: u64 = 1 << 1;
    /// What customers also call a campaign.
    pub const ADVERT: u64 = 1 << 2;
    /// "ID".
    pub const IDENTIFIER: u64 = 1 << 3;
    /// "cid": campaign and ID at once.
    pub const LABEL: u64 = 1 << 4;
    /// "no.", "number".
    pub const NUMBER: u64 = 1 << 5;
    /// Introduces an ID in a URL.
    pub const LINK: u64 = 1 << 6;
    /// What a number is when it is no Campaign ID.
    pub const NEGATIVE: u64 = 1 << 7;
    /// Makes the number before it an amount.
    pub const UNIT: u64 = 1 << 8;
    /// Joins the members of a list.
    pub const AND: u64 = 1 << 9;
    /// May stand between a label and the ID.
    pub const FILL: u64 = 1 << 10;
    /// "my", "our", "the".
    pub const OWN: u64 = 1 << 11;
    /// "not".
    pub const DENY: u64 = 1 << 12;
    /// "but", "only": ends a denial.
    pub const BUT: u64 = 1 << 13;
    /// After "campaign": a part of the product.
    pub const PRODUCT: u64 = 1 << 14;
    /// A month.
    pub const MONTH: u64 = 1 << 15;
    /// A part of the world.
    pub const REGION: u64 = 1 << 16;
    /// Common in names and in mails.
    pub const COMMON: u64 = 1 << 17;
    /// Often written with a capital, yet no part of a name.
    pub const TITLE: u64 = 1 << 18;
    /// A function word.
    pub const STOP: u64 = 1 << 19;
    /// A phrase of denial, of generality or of [`super::Hints`]' same spellings may begin here.
    pub const PHRASE: u64 = 1 << 20;
    /// Some other spelling of this word, alone, is known.
    pub const SAME: u64 = 1 << 21;
    /// A street.
    pub const STREET: u64 = 1 << 22;
    /// How something stands to a campaign: "in", "from".
    pub const RELATION: u64 = 1 << 23;
    /// A noun whose value is a figure: "budget".
    pub const AMOUNT: u64 = 1 << 24;
    /// Between a number and what is counted: "unique".
    pub const QUALIFIER: u64 = 1 << 25;
    /// One side of a vote: "yes", "no".
    pub const POLAR: u64 = 1 << 26;
    /// Denies weakly: "except", "without", "never".
    pub const ASIDE: u64 = 1 << 27;
    /// A town, a state, a country.
    pub const PLACE: u64 = 1 << 28;
    /// Where something is: "in", "near".
    pub const INSIDE: u64 = 1 << 29;
    /// Speaks of one more: "the same with".
    pub const BESIDE: u64 = 1 << 30;
    /// A day or season of the year.
    pub const OCCASION: u64 = 1 << 31;
    /// Behind a number: it is something.
    pub const IS: u64 = 1 << 32;
    /// Whose number it is: "of".
    pub const OF: u64 = 1 << 33;
    /// "the", "a".
    pub const ARTICLE: u64 = 1 << 34;
    /// "a", before any such thing.
    pub const INDEFINITE: u64 = 1 << 35;
    /// Before "ID" at the beginning of a sentence: of what was spoken of, "its".
    pub const ITS: u64 = 1 << 36;
    /// What somebody has to do, or has not: "must".
    pub const OBLIGES: u64 = 1 << 37;
    /// "should not have been stopped": yet it was.
    pub const PERFECT: u64 = 1 << 38;
    /// Denies of two: "neither".
    pub const NEITHER: u64 = 1 << 39;
    /// Whose: "my", "our", no article.
    pub const MINE: u64 = 1 << 40;
    /// What kind of message it is: "fault report:".
    pub const NOTICE: u64 = 1 << 41;
    /// What is done about the campaign behind it, in a word that begins as one for a document does: "Kündigung".
    pub const MATTER: u64 = 1 << 42;
    /// What stands between a word and the ID of which it speaks: "not in our campaign no. 48213".
    pub const UP_TO_ID: u64 = FILL | CAMPAIGN | CAMPAIGNS | IDENTIFIER | NUMBER | OWN;
}

/// What a phrase says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Says {
    /// What stands before it is denied.
    DeniedBefore,
    /// What stands after it is denied.
    DeniedAfter,
    /// What stands before it is set aside where another campaign is meant instead.
    AsideBefore,
    /// The matter before it is settled: as `AsideBefore`, over other words.
    Settled,
    /// What stands before it, somewhere in the clause or in the sentence before, stays as it is: as `AsideBefore`.
    Untouched,
    /// All but what was just spoken of: "the rest".
    Rest,
    /// What stands after it is set aside where another campaign is meant instead.
    AsideAfter,
    /// It sets what stands before it against what stands after it: "while", "whereas".
    Contrast,
    /// It says that something goes well: "fine", "perfectly".
    Well,
    /// It says that something goes: "is running".
    Goes,
    /// What is done to a campaign that is ended or changed: "stopped".
    Stops,
    /// What a campaign is told to do stands before it: "pause".
    Orders,
    /// It says that something does not: "stopped", "hardly".
    Fails,
    /// The number before it is a figure: "per cent".
    Counted,
    /// It says what a campaign does, with a word that looks like a plural: "needs".
    Acts,
    /// What stands after it corrects what stands before it.
    Corrected,
    /// What somebody speaks of stands after it: "regarding".
    About,
    /// It says of one more campaign what was said of another: "neither".
    Likewise,
    /// That an ID is not the one: "incorrect".
    Wrong,
    /// That an ID was written by mistake.
    Mistake,
    /// That an ID is the one: "correct".
    Right,
    /// It stands for a campaign, a report and the like: "the one of".
    Pronoun,
    /// The subject of the mail.
    Subject,
    /// What was said before, in the form or further up.
    Above,
    /// The other one of two.
    Other,
    /// What stands before it has the number behind it: "with the number".
    Bearing,
    /// Something is kept under a number: "you list".
    Listed,
    /// By what something was said: "on the phone".
    Medium,
    /// It concludes from what stands before it: "so", "therefore".
    Therefore,
    /// It says of a campaign that the mail is not about it: "earlier", "template", "thanks".
    Background,
    /// Something is wanted.
    Asks,
    /// No campaign is meant but the one behind it: "only".
    Only,
    /// No campaign is meant but the one before it: "alone".
    OnlyBefore,
    /// "the same".
    Alike,
    /// Behind "the same": "as".
    As,
    /// What goes wrong.
    Trouble,
    /// One of what the sentence before spoke of: "the last one".
    OneOf,
    /// The number after it is an amount or a phone number.
    Number,
    /// It is not about one campaign.
    NotSpecific,
    /// It is about a campaign of the customer's.
    OwnCampaign,
    /// What stands after it is a day or season in time.
    Time,
    /// Of a day or season: that it is near, "is coming up".
    Approaches,
    /// It is said to be polite: "happy birthday".
    Courtesy,
    /// It thanks.
    Thanks,
    /// One more is told of: "another", "forgot".
    Adds,
    /// It is said every day in just these words: "in future".
    Idiom,
    /// Somebody stops short: "hang on".
    Halt,
    /// Beside a word for a campaign: that it is one of them, "single", "bestimmte".
    Particular,
    /// What stands after it is what somebody does: "can", "must".
    Modal,
    /// Another spelling of the words: an index into [`Hints::spellings`].
    Same(u32),
    /// It is one word, of several tokens in a script without spaces, and may be this: bits of [`role`].
    Word(u64),
}

/// A phrase in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Said {
    /// Its first word.
    pub at: usize,
    /// After its last word.
    pub end: usize,
    /// What it says.
    pub says: Says,
}

#[derive(Debug, Clone)]
struct Phrase {
    /// The hashes of its words behind the first.
    rest: Vec<u64>,
    says: Says,
}

/// What the file adds to the shapes learned from the directory: labels, negative contexts, wording. Compiled once.
#[derive(Debug, Clone, Default)]
pub struct Hints {
    /// What each word may be.
    words: ByHash<u64>,
    /// Beginnings of negative words, sorted.
    stems: Vec<String>,
    /// The phrases that begin with two words, or are one; see [`beginning`].
    phrases: ByHash<Vec<Phrase>>,
    /// Those beginnings once more: most words begin none.
    beginnings: Filter,
    /// For every phrase of [`Says::Same`], the hashes of the single words that it may stand for.
    spellings: Vec<Vec<u64>>,
    /// A single word to the hashes of its other spellings.
    other: ByHash<Vec<u64>>,
    /// A single word to the hashes of the several that it stands for.
    long: ByHash<Vec<u64>>,
    values: Vec<String>,
    /// Words that are others in a language, by its code.
    homographs: HashMap<String, Vec<u64>, FixedState>,
    /// The endings that words of a language take, by its code.
    endings: HashMap<String, Arc<Vec<String>>, FixedState>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    words: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    phrases: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    values: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    homographs: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    same: Vec<Same>,
    #[serde(default)]
    declension: Vec<Declension>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Same {
    words: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Declension {
    /// Codes of ISO 639-1.
    languages: Vec<String>,
    endings: Vec<String>,
}

/// The file's name below `rules/`.
const FILE: &str = "campaign-ids.toml";

const LISTS: [(&str, u64); 41] = [
    ("campaign", role::CAMPAIGN),
    ("campaigns", role::CAMPAIGNS),
    ("advert", role::ADVERT),
    ("identifier", role::IDENTIFIER),
    ("label", role::LABEL),
    ("number", role::NUMBER),
    ("link", role::LINK),
    ("negative", role::NEGATIVE),
    ("unit", role::UNIT),
    ("and", role::AND),
    ("fill", role::FILL),
    ("own", role::OWN),
    ("deny", role::DENY),
    ("but", role::BUT),
    ("product", role::PRODUCT),
    ("month", role::MONTH),
    ("region", role::REGION),
    ("common", role::COMMON),
    ("title", role::TITLE),
    ("stop", role::STOP),
    ("street", role::STREET),
    ("relation", role::RELATION),
    ("amount", role::AMOUNT),
    ("qualifier", role::QUALIFIER),
    ("polar", role::POLAR),
    ("aside", role::ASIDE),
    ("place", role::PLACE),
    ("inside", role::INSIDE),
    ("beside", role::BESIDE),
    ("occasion", role::OCCASION),
    ("is", role::IS),
    ("whose", role::OF),
    ("article", role::ARTICLE),
    ("indefinite", role::INDEFINITE),
    ("its", role::ITS),
    ("obliges", role::OBLIGES),
    ("perfect", role::PERFECT),
    ("neither", role::NEITHER),
    ("mine", role::MINE),
    ("notice", role::NOTICE),
    ("matter", role::MATTER),
];

const SHIPPED_TEXT: &str = include_str!("../../rules/campaign-ids.toml");

static SHIPPED: LazyLock<Arc<Hints>> = LazyLock::new(|| {
    Arc::new(Hints::read(SHIPPED_TEXT).expect("the shipped file compiles: a test of this module proves it"))
});

impl Hints {
    /// Compiles `campaign-ids.toml` out of a rules folder (path below `rules/` → text); other files are ignored.
    /// A folder without it gets the shipped one: without labels no ID could be told from an invoice number.
    pub fn compile(files: &BTreeMap<String, Cow<'static, str>>) -> Result<Arc<Hints>, Vec<Fault>> {
        match files.get(FILE) {
            Some(text) if text != SHIPPED_TEXT => Hints::read(text).map(Arc::new),
            _ => Ok(Arc::clone(&SHIPPED)),
        }
    }

    fn read(text: &str) -> Result<Hints, Vec<Fault>> {
        let fault = |line, message: String, remedy: &str| Fault {
            file: FILE.to_owned(),
            line,
            message,
            remedy: remedy.to_owned(),
        };
        let file: File = toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(0, |span| line_of(text, span.start));
            vec![fault(
                line,
                error.message().to_owned(),
                "compare with the shipped file, `deskclerk rules check` shows it",
            )]
        })?;
        let mut hints = Hints::default();
        let mut faults = vec![];
        for (list, words) in &file.words {
            let Some((_, bit)) = LISTS.iter().find(|(name, _)| name == list) else {
                faults.push(fault(
                    line_with(text, list),
                    format!("no word list is called `{list}`"),
                    "use a name of the shipped file",
                ));
                continue;
            };
            for word in words {
                let stem = word.strip_suffix('*');
                let folded = fold::folded(stem.unwrap_or(word));
                if folded.contains(' ') && !word.contains(' ') && !word.is_ascii() && stem.is_none() {
                    hints.phrase(word, Says::Word(*bit));
                } else if folded.is_empty() || folded.contains(' ') {
                    let message = format!("`{word}` in words.{list} is not one word");
                    faults.push(fault(line_with(text, word), message, "put phrases of several words under [phrases]"));
                } else if stem.is_some() && *bit == role::NEGATIVE {
                    hints.stems.push(folded);
                } else {
                    hints.add_role(&folded, *bit);
                }
            }
        }
        for (list, phrases) in &file.phrases {
            let says = match list.as_str() {
                "denied_before" => Says::DeniedBefore,
                "denied_after" => Says::DeniedAfter,
                "aside_before" => Says::AsideBefore,
                "settled" => Says::Settled,
                "untouched" => Says::Untouched,
                "rest" => Says::Rest,
                "aside_after" => Says::AsideAfter,
                "contrast" => Says::Contrast,
                "well" => Says::Well,
                "goes" => Says::Goes,
                "stops" => Says::Stops,
                "fails" => Says::Fails,
                "acts" => Says::Acts,
                "counted" => Says::Counted,
                "corrected" => Says::Corrected,
                "about" => Says::About,
                "likewise" => Says::Likewise,
                "wrong" => Says::Wrong,
                "mistake" => Says::Mistake,
                "right" => Says::Right,
                "pronoun" => Says::Pronoun,
                "subject" => Says::Subject,
                "above" => Says::Above,
                "other" => Says::Other,
                "bearing" => Says::Bearing,
                "orders" => Says::Orders,
                "listed" => Says::Listed,
                "medium" => Says::Medium,
                "therefore" => Says::Therefore,
                "background" => Says::Background,
                "asks" => Says::Asks,
                "exclusive" => Says::Only,
                "exclusive_behind" => Says::OnlyBefore,
                "same" => Says::Alike,
                "as" => Says::As,
                "trouble" => Says::Trouble,
                "one_of" => Says::OneOf,
                "number_after" => Says::Number,
                "not_specific" => Says::NotSpecific,
                "time_before" => Says::Time,
                "approaches" => Says::Approaches,
                "courtesy" => Says::Courtesy,
                "idiom" => Says::Idiom,
                "thanks" => Says::Thanks,
                "adds" => Says::Adds,
                "halt" => Says::Halt,
                "particular" => Says::Particular,
                "modal" => Says::Modal,
                "own_campaign" => Says::OwnCampaign,
                _ => {
                    faults.push(fault(
                        line_with(text, list),
                        format!("no phrase list is called `{list}`"),
                        "use a name of the shipped file",
                    ));
                    continue;
                }
            };
            for phrase in phrases {
                hints.phrase(phrase, says);
            }
        }
        for (list, values) in &file.values {
            if list != "not_specific" {
                faults.push(fault(
                    line_with(text, list),
                    format!("no value list is called `{list}`"),
                    "use `not_specific`",
                ));
            }
            hints.values.extend(values.iter().map(|value| fold::folded(value)));
        }
        for (language, words) in &file.homographs {
            let words = words.iter().map(|word| hash_of_singular(&fold::folded(word))).collect();
            hints.homographs.insert(language.clone(), words);
        }
        for same in &file.same {
            hints.same(&same.words);
        }
        for declension in &file.declension {
            let endings = declension.endings.iter().map(|ending| fold::folded(ending).replace(' ', ""));
            let endings = Arc::new(endings.chain([String::new()]).collect::<Vec<_>>());
            hints.endings.extend(declension.languages.iter().map(|language| (language.clone(), Arc::clone(&endings))));
        }
        hints.stems.sort();
        hints.stems.dedup();
        hints.beginnings = Filter::of(hints.phrases.keys());
        if faults.is_empty() { Ok(hints) } else { Err(faults) }
    }

    /// What the embedded `rules/campaign-ids.toml` says.
    pub fn shipped() -> &'static Hints {
        &SHIPPED
    }

    fn add_role(&mut self, word: &str, role: u64) {
        *self.words.or_insert(hash(word.as_bytes()), 0) |= role;
    }

    fn phrase(&mut self, phrase: &str, says: Says) {
        let folded = fold::folded(phrase);
        let mut words = folded.split(' ').filter(|word| !word.is_empty());
        let Some(first) = words.next() else { return };
        self.add_role(singular(first), role::PHRASE);
        let rest: Vec<u64> = words.map(hash_of_singular).collect();
        let list = self.phrases.or_insert(beginning(hash_of_singular(first), rest.first().copied()), vec![]);
        list.push(Phrase { rest, says });
        // The longest first: "is not the right one" before "is not".
        list.sort_by_key(|phrase| std::cmp::Reverse(phrase.rest.len()));
    }

    fn same(&mut self, words: &[String]) {
        let folded: Vec<String> = words.iter().map(|word| fold::folded(word)).collect();
        for word in &folded {
            if !word.is_empty() && !word.contains(' ') {
                for other in folded.iter().filter(|other| other.contains(' ')) {
                    self.add_role(word, role::SAME);
                    let long = self.long.or_insert(hash_of_singular(word), vec![]);
                    long.extend(other.split(' ').map(hash_of_singular));
                }
            }
            let singles = folded.iter().filter(|other| *other != word && !other.contains(' '));
            let singles: Vec<u64> = singles.map(|word| hash_of_singular(word)).collect();
            if singles.is_empty() || word.is_empty() {
                continue;
            }
            if word.contains(' ') {
                self.phrase(word, Says::Same(self.spellings.len() as u32));
                self.spellings.push(singles);
            } else {
                self.add_role(word, role::SAME);
                self.other.or_insert(hash_of_singular(word), vec![]).extend(singles);
            }
        }
    }

    /// Takes from words that are others in this language their roles, and what each says alone: "stuck" is no German "Stück".
    pub fn unmark(&self, words: &mut Words<'_>, language: Option<&str>) {
        let Some(others) = language.and_then(|language| self.homographs.get(language)) else { return };
        let other = words.tokens.iter_mut().filter(|token| token.roles != 0 && others.contains(&token.hash));
        other.for_each(|token| token.roles &= role::PHRASE);
        let Words { tokens, said, .. } = words;
        said.retain(|said| said.end > said.at + 1 || !others.contains(&tokens[said.at].hash));
        said.iter().enumerate().rev().for_each(|(index, said)| tokens[said.at].said = index as u32);
    }

    /// Whether a folded word of one language is another in some: "door" is a function word of Dutch.
    pub fn means_another(&self, word: &str) -> bool {
        let hash = hash_of_singular(word);
        self.homographs.values().any(|words| words.contains(&hash))
    }

    /// Marks what the words of a text may be, and finds its phrases: [`role::PHRASE`] stays where one begins.
    pub fn mark(&self, words: &mut Words<'_>) {
        for at in 0..words.tokens.len() {
            let word = words.word(at);
            let one = singular(word);
            let hash = hash(one.as_bytes());
            let roles = self.roles_of(word, one, hash);
            let token = &mut words.tokens[at];
            (token.hash, token.roles) = (hash, roles);
        }
        for at in 0..words.tokens.len() {
            if words.tokens[at].roles & role::PHRASE != 0 {
                words.tokens[at].said = words.said.len() as u32;
                if !self.phrases_at(&words.tokens, at, &mut words.said) {
                    words.tokens[at].roles &= !role::PHRASE;
                }
            }
        }
        for at in 0..words.said.len() {
            let Said { at, end, says: Says::Word(roles) } = words.said[at] else { continue };
            if words.tokens[at + 1..end].iter().all(|token| token.gap == 0) {
                words.tokens[at..end].iter_mut().for_each(|token| token.roles |= roles);
            }
        }
    }

    /// The endings that the words of a text take: of its language or, where that is unknown, of what its letters tell.
    pub fn endings(&self, language: Option<&str>, words: &Words<'_>) -> &[String] {
        let told_by = |letters: [u8; 2]| memchr::memchr2(letters[0], letters[1], words.text.as_bytes()).is_some();
        let known = match language {
            None if words.beyond_latin && told_by([0xc4, 0xc5]) => Some("pl"),
            None if words.beyond_latin && told_by([0xd0, 0xd1]) => Some("ru"),
            known => known,
        };
        known.and_then(|language| self.endings.get(language)).map_or(&[], |endings| endings.as_slice())
    }

    /// Adds the phrases that begin at this word; says whether there are any.
    fn phrases_at(&self, tokens: &[Token], at: usize, said: &mut Vec<Said>) -> bool {
        let before = said.len();
        let second = tokens.get(at + 1).map(|second| beginning(tokens[at].hash, Some(second.hash)));
        for key in second.into_iter().chain([beginning(tokens[at].hash, None)]) {
            if self.beginnings.may_hold(key) {
                self.phrases_of(key, tokens, at, said);
            }
        }
        said.len() > before
    }

    /// Adds those that have this beginning.
    fn phrases_of(&self, beginning: u64, tokens: &[Token], at: usize, said: &mut Vec<Said>) {
        for phrase in self.phrases.get(beginning).into_iter().flatten() {
            let end = at + 1 + phrase.rest.len();
            let Some(behind) = tokens.get(at + 1..end) else { continue };
            if behind.iter().zip(&phrase.rest).all(|(token, hash)| token.hash == *hash) {
                said.push(Said { at, end, says: phrase.says });
            }
        }
    }

    /// What a folded word may be. Plurals count as their singular.
    pub fn roles(&self, word: &str) -> u64 {
        let one = singular(word);
        self.roles_of(word, one, hash(one.as_bytes()))
    }

    /// What a word may be of which the singular, and the hash of that, are known.
    fn roles_of(&self, word: &str, one: &str, hash_of_one: u64) -> u64 {
        let is_singular = one.len() == word.len();
        let exact = self.roles_at(if is_singular { hash_of_one } else { hash(word.as_bytes()) });
        if exact == 0
            && let Some(bare) = without_article(word)
        {
            return self.roles_at(hash(bare.as_bytes()));
        }
        if exact == 0 && korean(word) {
            return self
                .stems_of(word, "ko")
                .map(|stem| self.roles_at(hash(stem.as_bytes())))
                .find(|r| *r != 0)
                .unwrap_or(0);
        }
        if is_singular {
            return exact;
        }
        exact | self.roles_at(hash_of_one) & !(role::CAMPAIGN | role::ADVERT | role::STOP | role::FILL)
    }

    /// What remains of a folded word without one of the endings of a language.
    fn stems_of<'w>(&'w self, word: &'w str, language: &str) -> impl Iterator<Item = &'w str> {
        let endings = self.endings.get(language).into_iter().flat_map(|endings| endings.iter());
        endings.filter_map(|ending| word.strip_suffix(ending.as_str())).filter(|stem| !stem.is_empty())
    }

    fn roles_at(&self, hash: u64) -> u64 {
        self.words.get(hash).copied().unwrap_or(0)
    }

    /// Whether a word says that the number beside it is no Campaign ID.
    pub fn negative(&self, word: &str, roles: u64) -> bool {
        roles & role::NEGATIVE != 0 || self.document(word, roles)
    }

    /// Whether a word is of those that begin or end the names of numbers: "Vertrags…", "…nummer".
    pub fn document(&self, word: &str, roles: u64) -> bool {
        const NUMBERS: [&str; 8] = ["nummer", "nummern", "nr", "number", "numero", "nummeret", "numre", "szam"];
        if roles & role::MATTER != 0 {
            return false;
        }
        let known = role::CAMPAIGN | role::CAMPAIGNS | role::LABEL | role::NUMBER | role::IDENTIFIER;
        let of = NUMBERS.iter().find_map(|end| word.strip_suffix(end)).filter(|of| of.len() >= 3);
        if roles & known == 0 && of.is_some_and(|of| self.roles(of) & known == 0) {
            return true;
        }
        // The last stem that is not behind the word begins it, or shares with it what a shorter one must begin.
        let mut word = word;
        while let Some(at) = self.stems.partition_point(|stem| stem.as_str() <= word).checked_sub(1) {
            let stem = &self.stems[at];
            let shared = stem.bytes().zip(word.bytes()).take_while(|(a, b)| a == b).count();
            if shared == stem.len() {
                return true;
            }
            if shared == 0 {
                return false;
            }
            word = &word[..word.floor_char_boundary(shared)];
        }
        false
    }

    /// Single words that the single word of this hash may stand for, by the hashes of their singulars.
    pub fn spelled_otherwise(&self, hash: u64) -> &[u64] {
        self.other.get(hash).map_or(&[], Vec::as_slice)
    }

    /// The words that this single word may stand for together: "NYC" for "New York".
    pub fn written_out(&self, hash: u64) -> &[u64] {
        self.long.get(hash).map_or(&[], Vec::as_slice)
    }

    /// Single words that a phrase of [`Says::Same`] may stand for.
    pub fn spellings(&self, index: u32) -> &[u64] {
        self.spellings.get(index as usize).map_or(&[], Vec::as_slice)
    }

    /// Whether the value of an ID field says that there is no one campaign.
    pub fn value_not_specific(&self, value: &str) -> bool {
        self.values.contains(&fold::folded(value))
    }
}

/// By what a phrase is found: by its first two words, since one alone begins many.
fn beginning(first: u64, second: Option<u64>) -> u64 {
    second.map_or(first, |second| first.rotate_left(1) ^ second)
}

/// The hash of a folded word without the plural's s.
fn hash_of_singular(word: &str) -> u64 {
    hash(singular(word).as_bytes())
}

/// An Arabic word without its article, and without the particle written in front of it.
fn without_article(word: &str) -> Option<&str> {
    if word.as_bytes().first().is_none_or(u8::is_ascii) {
        return None;
    }
    let rest = word.strip_prefix("ال").or_else(|| word.strip_prefix("لل"));
    let rest = rest.or_else(|| word.strip_prefix(['و', 'ب', 'ف', 'ك'])?.strip_prefix("ال"));
    rest.filter(|rest| !rest.is_empty())
}

/// Whether a folded word begins with a Korean letter (Hangul Jamo).
fn korean(word: &str) -> bool {
    matches!(word.chars().next(), Some('\u{1100}'..='\u{11ff}'))
}

fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes().iter().take(at).filter(|b| **b == b'\n').count() + 1
}

/// The first line that holds this string, as a key or quoted; 0 when none does.
fn line_with(text: &str, what: &str) -> usize {
    let quoted = format!("\"{what}\"");
    let key = |line: &str| line.split_once('=').is_some_and(|(key, _)| key.trim() == what);
    text.lines().position(|line| line.contains(&quoted) || key(line)).map_or(0, |line| line + 1)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_file_compiles() {
        assert_eq!(Hints::read(SHIPPED_TEXT).err(), None);
        let hints = Hints::shipped();
        assert!(hints.roles("kampagne") & role::CAMPAIGN != 0);
        assert!(
            hints.negative("rechnungsnummer", 0) && hints.negative("kundennr", 0) && !hints.negative("campaign", 0)
        );
        assert!(hints.spelled_otherwise(hash(b"jan")).contains(&hash(b"january")));
        assert!(hints.value_not_specific("N/A") && hints.value_not_specific(" none "));
    }

    #[test]
    fn faults_name_line_and_remedy() {
        let faults = Hints::read("[words]\ncampaign = [\"drive\"]\nnope = [\"x\"]\n").unwrap_err();
        assert_eq!((faults[0].line, faults[0].message.as_str()), (3, "no word list is called `nope`"));
        let faults = Hints::read("[words]\ncampaign = [\"two words\"]\n").unwrap_err();
        assert_eq!(faults[0].line, 2);
        assert_eq!(Hints::read("[words\n").unwrap_err()[0].line, 1);
    }

    #[test]
    fn finds_phrases() {
        let hints = Hints::shipped();
        let mut words = fold::words("that one is not affected");
        hints.mark(&mut words);
        assert!(words.said.contains(&Said { at: 2, end: 5, says: Says::DeniedBefore }));
        assert!(words.phrases_at(2).any(|(says, end)| (says, end) == (Says::DeniedBefore, 5)));
        assert!(words.phrases_at(0).next().is_none() && words.phrases_at(9).next().is_none());
    }
}
