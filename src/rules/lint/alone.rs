//! What one signal or one topic shows by itself.

use std::collections::{BTreeMap, BTreeSet};

use super::meant::{language_meant, taken_for_more, type_meant};
use super::{Findings, Weight, covers, holds, words_of};
use crate::request::evidence::Where;
use crate::request::language;
use crate::rules::classes::{self, Classes};
use crate::rules::compile::{Compiled, Owner, Signal, Written, label_words};
use crate::rules::fold::{Piece, fold};
use crate::rules::judge::{OTHER, Pick};
use crate::rules::leanings::{self, MOST_LEANT};
use crate::rules::scan::bit;
use crate::rules::sheet::{distance, nearest};
use crate::rules::topic::{Phrase, Topic};
use crate::rules::{Files, Rules};

/// The doors of a desk; those with a colon have a name after it.
const DOORS: [&str; 7] = ["hook:", "imap:", "form", "lmtp", "smtp", "file", "api"];

/// The file of routing rules.
const ROUTING: &str = "routing.toml";

/// The languages that are told apart: those of the reading files, and those that need none.
pub fn languages(files: &Files) -> BTreeSet<String> {
    let shipped = Rules::shipped_files();
    let code = |path: &String| Some(path.strip_prefix("reading/")?.strip_suffix(".toml")?.to_owned());
    let of_files = files.keys().chain(shipped.keys()).filter_map(code);
    of_files.chain(language::codes().map(str::to_owned)).collect()
}

/// The codes of languages (ISO 639-1).
const CODES: &str = "aa ab ae af ak am an ar as av ay az ba be bg bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el en \
                     eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu \
                     ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my \
                     na nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm \
                     sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za \
                     zh zu";

impl Findings {
    /// Phrases that cannot fire, or that add nothing.
    pub(super) fn of_words(&mut self, compiled: &Compiled, signal: &Signal, phrases: &Written) {
        let file = signal.file.as_str();
        let own: Vec<Vec<u32>> = phrases.iter().map(|(number, _)| words_of(compiled, *number)).collect();
        for (index, (number, phrase)) in phrases.iter().enumerate() {
            if signal.unless.iter().any(|bar| covers(compiled, *number, *bar)) {
                let message = format!("{:?} can never fire: `unless` holds words of it", phrase.text);
                self.add(Weight::Warning, file, phrase.line, message, "take one of the two out");
            }
            let mut near = signal.near.iter().zip(&signal.written.near);
            if let Some((_, near)) = near.find(|(near, _)| covers(compiled, *number, **near)) {
                let message = format!("{:?} needs no `near`: it holds {:?} itself", phrase.text, near.text);
                self.add(Weight::Warning, file, phrase.line, message, "take one of the two out");
            }
            for (other, (shorter, by)) in phrases.iter().enumerate() {
                if other == index {
                    continue;
                }
                if number == shorter && other < index {
                    let message = format!("{:?} says the same as {:?} on line {}", phrase.text, by.text, by.line);
                    self.add(Weight::Warning, file, phrase.line, message, "delete one of them");
                    break;
                }
                let adds_nothing = || holds(&own[index], &own[other]) && covers(compiled, *number, *shorter);
                if number != shorter && signal.near.is_empty() && adds_nothing() {
                    let message =
                        format!("{:?} adds nothing: {:?} on line {} fires first", phrase.text, by.text, by.line);
                    self.add(Weight::Note, file, phrase.line, message, "delete it");
                    break;
                }
            }
        }
        let all = phrases
            .iter()
            .map(|(_, phrase)| phrase)
            .chain(&signal.written.near)
            .chain(&signal.written.with)
            .chain(&signal.written.unless);
        for phrase in all.clone() {
            if let Some((message, remedy)) = taken_for_more(&phrase.text) {
                self.add(Weight::Warning, file, phrase.line, message, remedy);
            }
        }
        for phrase in all.filter(|phrase| crosses_a_stop(&phrase.text)) {
            let message = format!("{:?} can never fire: it reaches across the end of a sentence", phrase.text);
            self.add(Weight::Warning, file, phrase.line, message, "make two phrases of it, or take the full stop out");
        }
    }

    /// Signals that `unless` always bars, whatever their own words: it holds what their conditions ask for.
    pub(super) fn of_bars(&mut self, compiled: &Compiled, signal: &Signal, phrases: &Written) {
        let barred = |phrase: &u32| signal.unless.iter().any(|bar| covers(compiled, *phrase, *bar));
        let all = |list: &[u32]| !list.is_empty() && list.iter().all(barred);
        let named = |end: &String| {
            let mut words = vec![];
            compiled.net.lexicon.read(end, &mut words);
            let words: Vec<u32> = words.iter().map(|word| word.id).collect();
            end.starts_with('.') && signal.unless.iter().any(|bar| holds(&words, &words_of(compiled, *bar)))
        };
        // Those of classes; of the others each is told by itself.
        let own = signal.phrases.iter().filter(|number| !phrases.iter().any(|(own, _)| own == *number));
        let of_classes: Vec<u32> = own.copied().collect();
        let types = &signal.written.attachment_types;
        let names = signal.places & bit(Where::Attachment) != 0 && !types.is_empty() && types.iter().all(named);
        let asked = match () {
            () if all(&signal.near) => "all words of its `near`",
            () if all(&signal.with) => "all words of its `with`",
            () if names => "the ends of all names in its `attachment_type`",
            () if all(&of_classes) && phrases.is_empty() && signal.regexes.is_empty() => "all words of its `phrases`",
            () if all(&of_classes) => {
                let message =
                    format!("the classes in `phrases` of `{}` never fire: `unless` holds all of them", signal.name);
                return self.add(
                    Weight::Warning,
                    &signal.file,
                    signal.written.line,
                    message,
                    "take them out of one of the two",
                );
            }
            () => return,
        };
        let message = format!("`{}` can never fire: `unless` holds {asked}", signal.name);
        self.add(Weight::Warning, &signal.file, signal.written.line, message, "take them out of one of the two");
    }

    /// Classes that no signal names.
    pub(super) fn of_classes(&mut self, compiled: &Compiled, files: &Files, languages: &BTreeSet<String>) {
        for (name, line) in &compiled.unused {
            let message = format!("no rule names the class `@{name}`");
            self.add(Weight::Warning, classes::FILE, *line, message, "name it in a signal, or delete it");
        }
        let (mut classes, _) = Classes::read(files.get(classes::FILE).map(|text| &**text));
        self.of_filing(classes::FILE, classes.take_words().iter().flatten(), languages);
    }

    /// Leanings that do not count as they stand.
    pub(super) fn of_leanings(&mut self, compiled: &Compiled) {
        for (word, line, how) in &compiled.idle {
            self.add(Weight::Warning, leanings::FILE, *line, format!("`{word}` {how}"), "change the row, or delete it");
        }
    }

    /// Topics of which no word of the table says anything.
    pub(super) fn of_unlearned(&mut self, compiled: &Compiled) {
        let (learned, unlearned): (Vec<usize>, Vec<usize>) =
            (0..compiled.topics.len()).partition(|at| compiled.is_learned(*at));
        // Without the table nobody expects words to speak.
        for at in unlearned.into_iter().filter(|_| !learned.is_empty()) {
            let topic = &compiled.topics[at];
            let message = format!("no word of {} speaks for or against `{}`", leanings::FILE, topic.id.0);
            self.add(Weight::Note, &topic.file, topic.id.1, message, "learn the table anew with `rules lean`");
        }
    }

    /// Conditions that nothing fulfils.
    pub(super) fn of_conditions(&mut self, signal: &Signal) {
        let (file, written, line) = (signal.file.as_str(), &signal.written, signal.written.line);
        if written.weight == 0.0 && matches!(signal.owner, Owner::Topic(_)) {
            let message = format!("`{}` weighs nothing", signal.name);
            self.add(Weight::Warning, file, line, message, "give it a weight, or delete it");
        }
        if written.within.is_some() && signal.near.is_empty() {
            let message = format!("`{}` has `within` and no `near` from which to count", signal.name);
            self.add(Weight::Warning, file, line, message, "add near = [\"…\"], or delete `within`");
        }
        let (near, field) = (!signal.near.is_empty(), written.field.is_some());
        let beside = !signal.with.is_empty() || !signal.unless.is_empty();
        for (key, needs) in [("near", near), ("field", field), ("in", !written.places.is_empty() && !beside)] {
            if needs && signal.is_wordless() {
                let message = format!("`{}` has `{key}` and no words to look for: it fires without", signal.name);
                let remedy = format!("add phrases = [\"…\"] or regex = ['.'], or delete `{key}`");
                self.add(Weight::Warning, file, line, message, remedy);
            }
        }
        for domain in written.sender_domains.iter().filter(|domain| !is_domain(domain)) {
            let message = format!("`{}` can never fire: \"{domain}\" is no domain", signal.name);
            self.add(Weight::Warning, file, line, message, "write what stands behind the @, such as \"bank.example\"");
        }
        for wanted in &written.attachment_types {
            let Some(remedy) = type_meant(wanted) else { continue };
            let message = format!("`{}` can never fire: no attachment is of type \"{wanted}\"", signal.name);
            self.add(Weight::Warning, file, line, message, remedy);
        }
        if written.field.is_some() && !written.places.is_empty() && !written.places.contains(&Where::Form) {
            let message = format!("`{}` can never fire: a `field` stands in forms, which `in` leaves out", signal.name);
            self.add(Weight::Warning, file, line, message, "write in = [\"form\"], or delete `in`");
        }
        for source in written.sources.iter().filter(|source| !source.contains('.')) {
            let known = DOORS.iter().any(|door| match door.strip_suffix(':') {
                Some(_) => source.len() > door.len() && source.starts_with(door),
                None => source == door,
            });
            if !known {
                let kind = source.split_inclusive(':').next().unwrap_or(source);
                let remedy = match nearest(kind, &DOORS) {
                    Some(right) => format!("write \"{right}{}\"", if right.ends_with(':') { "…" } else { "" }),
                    None => format!("the doors are {}, or write a domain", DOORS.join(", ")),
                };
                let message = format!("`{}` can never fire: nothing comes by \"{source}\"", signal.name);
                self.add(Weight::Warning, file, line, message, remedy);
            }
        }
    }

    /// Languages that no request has, and those under which no phrase of the signal is filed.
    pub(super) fn of_languages(&mut self, signal: &Signal, phrases: &Written, languages: &BTreeSet<String>) {
        let (file, written, line) = (signal.file.as_str(), &signal.written, signal.written.line);
        let filed: Vec<(&str, usize)> =
            phrases.iter().filter_map(|(_, phrase)| Some((phrase.language.as_deref()?, phrase.line))).collect();
        for language in written.lang.iter().filter(|language| !languages.contains(*language)) {
            let message = format!("no request is of the language \"{language}\"");
            let told = Vec::from_iter(languages.iter().map(String::as_str)).join(", ");
            let remedy = language_meant(language, languages)
                .map_or_else(|| format!("told apart are {told}"), |right| format!("write \"{right}\""));
            self.add(Weight::Warning, file, line, message, remedy);
        }
        let beside = [&written.near, &written.with, &written.unless].into_iter().flatten();
        self.of_filing(file, phrases.iter().map(|(_, phrase)| phrase).chain(beside), languages);
        let under: BTreeSet<&str> = filed.iter().map(|(language, _)| *language).collect();
        let all_filed = written.regexes.is_empty() && filed.len() == phrases.len() && !filed.is_empty();
        if all_filed && !written.lang.is_empty() && !written.lang.iter().any(|lang| under.contains(lang.as_str())) {
            let (lang, under) = (written.lang.join(", "), Vec::from_iter(under).join(", "));
            let message =
                format!("`{}` can hardly fire: `lang` is {lang}, its phrases are filed under {under}", signal.name);
            let remedy = "let `lang` name the languages of its phrases, or delete it";
            self.add(Weight::Warning, file, line, message, remedy);
        }
    }

    /// Codes of languages that no request has, with phrases filed under them.
    fn of_filing<'p>(&mut self, file: &str, phrases: impl Iterator<Item = &'p Phrase>, languages: &BTreeSet<String>) {
        for phrase in phrases {
            let Some(language) = phrase.language.as_ref().filter(|language| !languages.contains(*language)) else {
                continue;
            };
            // A name, or a slip of the finger, is none.
            let is_code = CODES.split(' ').any(|code| code == language);
            let weight = if is_code { Weight::Note } else { Weight::Warning };
            let message = format!("no request is told to be in \"{language}\": phrases filed under it count in all");
            let told = Vec::from_iter(languages.iter().map(String::as_str)).join(", ");
            let remedy = language_meant(language, languages).map_or_else(
                || format!("see whether it is the code you mean; told apart are {told}"),
                |right| format!("did you mean `{right}`?"),
            );
            self.add(weight, file, phrase.line, message, remedy);
        }
    }

    /// Keys of `labels` that are no codes of languages.
    pub(super) fn of_label_keys(&mut self, compiled: &Compiled, languages: &BTreeSet<String>) {
        let codes: BTreeSet<String> = CODES.split(' ').map(str::to_owned).collect();
        for topic in &compiled.topics {
            let mut keys: BTreeMap<&str, usize> = BTreeMap::new();
            for label in &topic.labels {
                if let Some(key) = label.language.as_deref() {
                    keys.entry(key).or_insert(label.line);
                }
            }
            for (key, line) in keys.into_iter().filter(|(key, _)| !codes.contains(*key) && !languages.contains(*key)) {
                let told = Vec::from_iter(languages.iter().map(String::as_str)).join(", ");
                let meant = language_meant(key, languages).or_else(|| {
                    let near =
                        languages.iter().filter(|code| distance(key, code) == 1 || key.starts_with(code.as_str()));
                    near.max_by_key(|code| key.chars().next() == code.chars().next()).map(String::as_str)
                });
                let remedy = meant.map_or_else(
                    || format!("write the code of a language: {told}"),
                    |right| format!("write `{right}`, or another code of a language"),
                );
                let message = format!("`{key}` in [labels] is the code of no language");
                self.add(Weight::Warning, &topic.file, line, message, remedy);
            }
        }
    }

    /// Labels that two topics have: the customer's pick of one is always the first's.
    pub(super) fn of_labels(&mut self, compiled: &Compiled) {
        let mut owners: BTreeMap<Vec<String>, usize> = BTreeMap::new();
        for (index, topic) in compiled.topics.iter().enumerate() {
            for label in topic.labels.iter().map(|label| &label.text).chain([&topic.label]) {
                let words = label_words(label);
                let owner = *owners.entry(words).or_insert(index);
                if owner != index {
                    let message = format!("the label {label:?} is one of `{}` already", compiled.topics[owner].id.0);
                    self.add(Weight::Warning, &topic.file, topic.id.1, message, "take it out of one of the two");
                }
            }
        }
    }

    /// Picks of examples that no topic's label has: the customer's choice would be read as mere text.
    pub(super) fn of_picks(&mut self, compiled: &Compiled) {
        let topics =
            compiled.topics.iter().flat_map(|topic| topic.examples.iter().map(|example| (&*topic.file, example)));
        let routed = compiled.routed.iter().map(|routed| (ROUTING, &routed.example));
        for (file, example) in topics.chain(routed) {
            if compiled.pick(&example.request()) == Pick::Unknown {
                let message =
                    format!("no topic has the label {:?} that is picked here", example.pick.as_deref().unwrap_or(""));
                let labels: Vec<&str> = compiled.topics.iter().map(|topic| &*topic.label).collect();
                let remedy = match nearest(example.pick.as_deref().unwrap_or(""), &labels) {
                    Some(right) => format!("write {right:?}"),
                    None => "add it to the `labels` of a topic".to_owned(),
                };
                self.add(Weight::Note, file, example.line, message, remedy);
            }
        }
    }

    /// Teams that are named once: those of which another has the name but for one slip, and those that are no topic's. Names
    /// that differ by a digit are two. An example that names a team proves that it is meant.
    pub(super) fn of_teams(&mut self, compiled: &Compiled) {
        let own = compiled.topics.iter().map(|topic| (&*topic.team, &*topic.file, topic.id.1));
        let routes = compiled.routing.iter().filter_map(|rule| rule.route.as_ref());
        let named: Vec<(&str, &str, usize)> =
            own.clone().chain(routes.map(|(team, line)| (&**team, ROUTING, *line))).collect();
        let proven: BTreeSet<&str> = compiled.routed.iter().filter_map(|routed| routed.route.as_deref()).collect();
        let letters = |team: &str| team.chars().filter(|c| !c.is_numeric()).collect::<String>();
        let slip = |a: &str, b: &str| a.chars().count() > 4 && distance(a, b) == 1 && letters(a) != letters(b);
        for (team, file, line) in &named {
            if named.iter().filter(|(other, ..)| other == team).count() > 1 {
                continue;
            }
            let remedy = match named.iter().find(|(other, ..)| slip(team, other)) {
                Some((right, ..)) => format!("write \"{right}\", if that is the same team"),
                None if *file == ROUTING && !proven.contains(team) => {
                    let teams: BTreeSet<&str> = own.clone().map(|(team, ..)| team).collect();
                    let teams = Vec::from_iter(teams).join(", ");
                    format!("write one of {teams}, or an [[example]] with route = \"{team}\" if it is another team")
                }
                None => continue,
            };
            self.add(Weight::Warning, file, *line, format!("the team \"{team}\" is named here alone"), remedy);
        }
    }

    /// Topics that need no sign, and those for which no signs are enough.
    pub(super) fn of_topics(&mut self, compiled: &Compiled) {
        // What its signals give a topic at most, and take from it.
        let mut sums: Vec<Option<(f64, f64)>> = vec![None; compiled.topics.len()];
        for signal in &compiled.signals {
            if let Owner::Topic(topic) = signal.owner {
                let (most, least) = sums[usize::from(topic)].get_or_insert((0.0, 0.0));
                *most += signal.written.weight.max(0.0);
                *least += signal.written.weight.min(0.0);
            }
        }
        let leant = |at: usize| if compiled.is_learned(at) { MOST_LEANT } else { 0.0 };
        let least = |at: usize| compiled.topics[at].prior + sums[at].map_or(0.0, |(_, least)| least) - leant(at);
        for (at, topic) in compiled.topics.iter().enumerate().filter(|(_, topic)| topic.id.0 != OTHER) {
            let Some((weights, _)) = sums[at] else { continue };
            let most = topic.prior + weights + leant(at);
            let mut told = |message: String, remedy: &str| {
                self.add(Weight::Warning, &topic.file, topic.id.1, message, remedy);
            };
            let lacks = (most < topic.threshold, most + topic.named < topic.threshold_named);
            let lower = "lower the threshold, or let its signals weigh more";
            match lacks {
                (true, true) => told(
                    format!(
                        "`{}` never reaches its threshold of {}: it has {most} points at most",
                        topic.id.0, topic.threshold
                    ),
                    lower,
                ),
                (false, true) => told(
                    format!(
                        "`{}` never reaches its threshold_named of {}: it has {} points at most",
                        topic.id.0,
                        topic.threshold_named,
                        most + topic.named
                    ),
                    lower,
                ),
                _ => {}
            }
            let rivals = (0..sums.len()).filter(|rival| *rival != at && compiled.topics[*rival].id.0 != OTHER);
            let lead = most - rivals.map(least).fold(f64::NEG_INFINITY, f64::max);
            if topic.margin > 0.0 && lead < topic.margin {
                told(
                    format!(
                        "`{}` never leads by its margin of {}: it leads by {lead} points at most",
                        topic.id.0, topic.margin
                    ),
                    "lower the margin, or let its signals weigh more",
                );
            }
        }
        let other = compiled.topics.iter().find(|topic| topic.id.0 == OTHER).map(|other| other.prior);
        let beaten = |topic: &Topic| other.is_some_and(|other| other > topic.prior);
        let signless = |topic: &&Topic| topic.id.0 != OTHER && topic.prior >= topic.threshold && !beaten(topic);
        for topic in compiled.topics.iter().filter(signless) {
            let message = format!("`{}` reaches its threshold of {} without any sign", topic.id.0, topic.threshold);
            self.add(
                Weight::Warning,
                &topic.file,
                topic.id.1,
                message,
                "raise the threshold, or the prior of `other`, above its prior",
            );
        }
    }
}

/// Whether a sender's address may end so.
fn is_domain(text: &str) -> bool {
    !text.is_empty() && !text.starts_with('.') && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-'))
}

/// Whether a sentence ends between two words of one part of a phrase.
fn crosses_a_stop(phrase: &str) -> bool {
    phrase.replace('…', "...").split("...").any(|part| {
        let (mut begun, mut ended, mut crosses) = (false, false, false);
        fold(part, |piece| match piece {
            Piece::Stop => ended |= begun,
            Piece::Word(..) => {
                crosses |= ended;
                begun = true;
            }
        });
        crosses
    })
}
