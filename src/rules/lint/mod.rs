//! Checking: what compiles and yet is no good. Signals that cannot fire, phrases written twice or swallowed by a shorter
//! one, contradictions, routing rules in the shadow of earlier ones, and signals that pull another topic's examples away.

mod alone;
mod examples;
mod meant;
mod regexes;
mod together;

use std::collections::HashSet;

use serde::Serialize;

use super::boundaries::is_apart;
use super::compile::{Compiled, Signal, Written, gather};
use super::{Files, classes};
use crate::config::fault::Fault;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Weight {
    /// The rules cannot be used.
    Fault,
    /// Something does not do what its writer thinks.
    Warning,
    /// Worth a look.
    Note,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// How bad.
    pub weight: Weight,
    /// Where, what, and what to do about it.
    #[serde(flatten)]
    pub fault: Fault,
}

impl Finding {
    /// What it says but for what it says it of: names, phrases, places and numbers.
    pub fn kind(&self) -> String {
        let mut open = None;
        let said = self.fault.message.chars().filter(|c| match open {
            Some(close) => {
                open = open.filter(|_| *c != close);
                false
            }
            None => {
                open = ['`', '"'].into_iter().find(|quote| quote == c).or((*c == '(').then_some(')'));
                open.is_none() && !c.is_numeric()
            }
        });
        said.collect()
    }
}

/// Checks the topics, words and routing of a folder: faults first, each list in file and line order. Where there are any, what
/// signals show by themselves is told beside them; what they show together would follow from the faults, too.
pub fn lint(files: &Files) -> Vec<Finding> {
    let mut written = vec![];
    let (compiled, faults) = gather(files, |phrases, _| written.push(phrases));
    let mut findings = Findings(vec![]);
    let languages = alone::languages(files);
    let signals = compiled.signals.iter().zip(&written).zip(in_doubt(&compiled, &faults));
    for ((signal, phrases), _) in signals.filter(|(_, in_doubt)| !in_doubt) {
        findings.of_words(&compiled, signal, phrases);
        findings.of_regexes(&compiled, signal);
        findings.of_lists(signal);
        findings.of_bars(&compiled, signal, phrases);
        findings.of_conditions(signal);
        findings.of_languages(signal, phrases, &languages);
    }
    if faults.is_empty() {
        findings.of_classes(&compiled, files, &languages);
        findings.of_label_keys(&compiled, &languages);
        findings.of_all(&compiled, &written);
    }
    let fault = |fault| Finding { weight: Weight::Fault, fault };
    findings.0.extend(faults.into_iter().map(fault));
    findings.0.sort();
    findings.0.dedup();
    findings.0
}

/// Which signals may be other than they were written: a fault stands in their lines, or in words that all share, or their file is
/// broken.
fn in_doubt(compiled: &Compiled, faults: &[Fault]) -> Vec<bool> {
    let place = |signal: &Signal| (signal.file.clone(), signal.written.line);
    let mut begins: Vec<(String, usize)> = compiled.signals.iter().map(place).collect();
    begins.sort_unstable();
    // A fault is of the signal that begins last before it.
    let with_fault = |fault: &Fault| {
        let before = begins.partition_point(|begin| *begin <= (fault.file.clone(), fault.line));
        begins[..before].last().filter(|(file, _)| *file == fault.file)
    };
    let faulty: HashSet<&(String, usize)> = faults.iter().filter_map(with_fault).collect();
    let shared = faults.iter().any(|fault| ["words.toml", classes::FILE].contains(&&*fault.file));
    let broken = |file: &str| compiled.topics.iter().any(|topic| topic.broken && topic.file == file);
    let doubt = |signal: &Signal| shared || faulty.contains(&place(signal)) || broken(&signal.file);
    compiled.signals.iter().map(|signal| !faults.is_empty() && doubt(signal)).collect()
}

struct Findings(Vec<Finding>);

impl Findings {
    /// What signals, topics and words show together.
    fn of_all(&mut self, compiled: &Compiled, written: &[Written]) {
        self.of_leanings(compiled);
        self.of_unlearned(compiled);
        self.of_topics(compiled);
        self.of_labels(compiled);
        self.of_picks(compiled);
        self.of_teams(compiled);
        self.of_twins(compiled, written);
        self.of_words_as_regexes(compiled, written);
        self.of_shadows(compiled);
        self.of_examples(compiled);
        self.of_contradictory_examples(compiled);
        self.of_repeated_examples(compiled);
    }

    fn add(&mut self, weight: Weight, file: &str, line: usize, message: String, remedy: impl Into<String>) {
        let fault = Fault { file: file.into(), line, message, remedy: remedy.into() };
        self.0.push(Finding { weight, fault });
    }
}

/// A phrase's words, its gaps as zeros.
fn words_of(compiled: &Compiled, phrase: u32) -> Vec<u32> {
    let mut words = Vec::new();
    for part in compiled.net.parts(phrase) {
        if !words.is_empty() {
            words.push(0);
        }
        let packed = &compiled.net.patterns[*part as usize];
        words.extend(packed.chunks(3).map(|id| u32::from_be_bytes([0, id[0], id[1], id[2]])));
    }
    words
}

/// Whether another phrase fires wherever this one does: it stands in it, and in compounds where this one does. Where words
/// begin in scripts without spaces, the text says.
fn covers(compiled: &Compiled, phrase: u32, shorter: u32) -> bool {
    let net = &compiled.net;
    let (words, shorter_words) = (words_of(compiled, phrase), words_of(compiled, shorter));
    (net.is_glued(shorter) || !net.is_glued(phrase))
        && holds(&words, &shorter_words)
        && (words == shorter_words || !shorter_words.iter().any(|word| is_apart(net.lexicon.stem_of(*word))))
}

/// Whether a phrase holds another one whole: then the shorter fires wherever the longer does.
fn holds(words: &[u32], shorter: &[u32]) -> bool {
    (0..words.len()).any(|from| begins_with(&words[from..], shorter))
}

/// Whether all of `shorter` surely stands here from the first word on; a gap of the one covers a gap, or up to four words, of
/// the other.
fn begins_with(words: &[u32], shorter: &[u32]) -> bool {
    let mut parts = shorter.splitn(2, |word| *word == 0);
    let (first, rest) = (parts.next().unwrap_or_default(), parts.next());
    if !words.starts_with(first) {
        return false;
    }
    let Some(rest) = rest else { return true };
    let after = &words[first.len()..];
    let most = super::scan::GAP_WORDS as usize;
    let over_gap = after.first() == Some(&0) && begins_with(&after[1..], rest);
    let known = after.iter().take_while(|word| **word != 0).count();
    over_gap || (0..=most.min(known)).any(|skipped| begins_with(&after[skipped..], rest))
}

#[cfg(test)]
mod tests {
    use super::{Finding, Weight, holds, lint};
    use crate::config::fault::Fault;
    use crate::rules::Files;

    fn held(words: &[u32], shorter: &[u32], expected: bool) {
        assert_eq!(holds(words, shorter), expected, "{shorter:?} in {words:?}");
    }

    #[test]
    fn a_phrase_holds_what_surely_stands_in_it() {
        held(&[7, 8, 9], &[8, 9], true);
        held(&[7, 8, 9], &[9, 8], false);
        held(&[7, 0, 9], &[7, 0, 9], true);
        held(&[5, 7, 0, 9, 6], &[7, 0, 9], true);
        held(&[7, 8, 9], &[7, 0, 9], true);
        held(&[7, 9], &[7, 0, 9], true);
        held(&[7, 0, 8, 9], &[7, 0, 9], false);
        held(&[7, 0, 9], &[7, 9], false);
        held(&[7, 1, 2, 3, 4, 5, 9], &[7, 0, 9], false);
    }

    /// What is said of topic `x` with these lines below its head, of `y` beside it, and of routing rules.
    pub(super) fn check(x: &str, y: &str, routing: &str, expected: &[&str]) {
        let files = Files::from([
            ("topics/x.toml".to_owned(), format!("id = \"x\"\n{x}").into()),
            ("topics/y.toml".to_owned(), format!("id = \"y\"\n{y}").into()),
            ("routing.toml".to_owned(), routing.to_owned().into()),
        ]);
        let found: Vec<String> = lint(&files).iter().map(|finding| finding.fault.to_string()).collect();
        let found: Vec<&str> =
            found.iter().map(|text| text.split_once(';').map_or(&**text, |(what, _)| what)).collect();
        assert_eq!(found, expected, "{x}{y}{routing}");
    }

    pub(super) fn signal(lines: &str) -> String {
        format!("[[signal]]\nname = \"s\"\n{lines}\n")
    }

    #[test]
    fn a_detail_stands_there_once() {
        let detail = "[[detail]]\nid = \"period\"\nphrases = [\"May\"]\n";
        check(&format!("{detail}{detail}"), "", "", &["topics/x.toml:5: the detail `period` stands here twice"]);
    }

    #[test]
    fn signals_that_can_never_fire_are_named() {
        let never = |lines: &str, expected: &str| check(&signal(lines), "", "", &[expected]);
        never(
            "phrases = [\"see you. Bye\"]",
            "topics/x.toml:4: \"see you. Bye\" can never fire: it reaches across the end of a sentence",
        );
        check(&signal("phrases = [\"see you ... bye.\", \"v1.2 this\"]"), "", "", &[]);
        for (key, line) in [("field = \"\"", 5), ("header = [\"X-Vip\"]\nsource = [\" \"]", 6)] {
            let empty = signal(&format!("phrases = [\"late\"]\n{key}"));
            let found = lint(&Files::from([("topics/x.toml".to_owned(), format!("id = \"x\"\n{empty}").into())]));
            assert_eq!((found[0].weight, found[0].fault.line), (Weight::Fault, line), "{found:?}");
            assert!(found[0].fault.message.contains("empty"), "{found:?}");
        }
        never(
            "phrases = [\"charged ... twice\"]\nunless = [\"charged ... twice\"]",
            "topics/x.toml:4: \"charged ... twice\" can never fire: `unless` holds words of it",
        );
        never(
            "phrases = [\"late\"]\nfield = \"Cost\"\nin = [\"text\"]",
            "topics/x.toml:2: `topic.x.s` can never fire: a `field` stands in forms, which `in` leaves out",
        );
        never(
            "phrases = [\"late\"]\nlang = [\"english\"]",
            "topics/x.toml:2: no request is of the language \"english\"",
        );
        never(
            "phrases.de = [\"spät\"]\nphrases.en = [\"late\"]\nlang = [\"it\", \"nl\"]",
            "topics/x.toml:2: `topic.x.s` can hardly fire: `lang` is it, nl, its phrases are filed under de, en",
        );
        check(&signal("phrases.de = [\"spät\"]\nphrases.it = [\"tardi\"]\nlang = [\"it\"]"), "", "", &[]);
        never(
            "phrases = [\"late again\"]\nnear = [\"late\", \"soon\"]",
            "topics/x.toml:4: \"late again\" needs no `near`: it holds \"late\" itself",
        );
        check(
            &format!("threshold = 9\n{}", signal("phrases = [\"late\"]\nweight = 3.5")),
            "",
            "",
            &["topics/x.toml:1: `x` never reaches its threshold of 9: it has 3.5 points at most"],
        );
        check(
            &format!("threshold_named = 9\n{}", signal("phrases = [\"late\"]\nweight = 3.5")),
            "",
            "",
            &["topics/x.toml:1: `x` never reaches its threshold_named of 9: it has 3.5 points at most"],
        );
        check(
            &format!("margin = 9\n{}", signal("phrases = [\"late\"]\nweight = 3.5")),
            "prior = -1\n",
            "",
            &["topics/x.toml:1: `x` never leads by its margin of 9: it leads by 4.5 points at most"],
        );
        let filed = |under: &str, weight: Weight| {
            let text = format!("id = \"x\"\n{}", signal(&format!("phrases.{under} = [\"ใบแจ้งหนี้\"]")));
            let found = lint(&Files::from([("topics/x.toml".to_owned(), text.into())]));
            assert_eq!(found[0].weight, weight, "{found:?}");
            let said = format!("no request is told to be in \"{under}\": phrases filed under it count in all");
            assert_eq!((found[0].fault.line, &found[0].fault.message), (4, &said));
        };
        filed("lo", Weight::Note);
        filed("thai", Weight::Warning);
        filed("ht", Weight::Note);
        filed("ed", Weight::Warning);
        let in_all = |line: usize, under: &str| {
            format!("{line}: no request is told to be in \"{under}\": phrases filed under it count in all")
        };
        for key in ["near", "with", "unless"] {
            never(
                &format!("phrases = [\"late\"]\n{key}.ed = [\"zahlen\"]"),
                &format!("topics/x.toml:{}", in_all(5, "ed")),
            );
        }
        let classes = "[[class]]\nname = \"a\"\nwords.ed = [\"zahlen\"]\n";
        let text = format!("id = \"x\"\n{}", signal("phrases = [\"late\"]\nnear = [\"@a\"]"));
        let files = Files::from([("classes.toml".into(), classes.into()), ("topics/x.toml".into(), text.into())]);
        let told: Vec<String> = lint(&files).iter().map(|finding| finding.fault.to_string()).collect();
        assert_eq!(told, [format!("classes.toml:{}; did you mean `de`?", in_all(3, "ed"))]);
        check(&signal("phrases.ar = [\"فاتورة\"]\nlang = [\"ar\", \"zh\"]"), "", "", &[]);
        never(
            "source = [\"hok:leads\"]",
            "topics/x.toml:2: `topic.x.s` can never fire: nothing comes by \"hok:leads\"",
        );
        never(
            "phrases = [\"late\"]\nsender_domain = [\"@bank.example\"]",
            "topics/x.toml:2: `topic.x.s` can never fire: \"@bank.example\" is no domain",
        );
        never(
            "phrases = [\"late\"]\nattachment_type = [\"pdf\"]",
            "topics/x.toml:2: `topic.x.s` can never fire: no attachment is of type \"pdf\"",
        );
        check(&signal("sender_domain = [\"a-b.example.\"]\nattachment_type = [\".pdf\", \"image/*\"]"), "", "", &[]);
        never(
            "phrases = [\"late\"]\nwithin = 3",
            "topics/x.toml:2: `topic.x.s` has `within` and no `near` from which to count",
        );
        never(
            "sender_domain = [\"bank.example\"]\nwith = [\"loan\"]\nunless = [\"loan\", \"rate\"]",
            "topics/x.toml:2: `topic.x.s` can never fire: `unless` holds all words of its `with`",
        );
        never(
            "phrases = [\"late\"]\nnear = [\"my loan\"]\nunless = [\"loan\"]",
            "topics/x.toml:2: `topic.x.s` can never fire: `unless` holds all words of its `near`",
        );
        let csv = "attachment_type = [\".csv\"]\nunless = [\"csv\"]";
        never(
            &format!("{csv}\nin = [\"attachment\"]"),
            "topics/x.toml:2: `topic.x.s` can never fire: `unless` holds the ends of all names in its `attachment_type`",
        );
        check(&signal(csv), "", "", &[]);
        never(
            "header = [\"X-Vip\"]\nin = [\"subject\"]",
            "topics/x.toml:2: `topic.x.s` has `in` and no words to look for: it fires without",
        );
        check(&signal("header = [\"X-Vip\"]\nin = [\"subject\"]\nwith = [\"late\"]"), "", "", &[]);
        check(&signal("source = [\"hook:leads\", \"form\", \"shop.example\"]"), "", "", &[]);
        // Under `de` it stands in compounds, too.
        let barred = |bar: &str| format!("phrases.de = [\"Rechnung\"]\nunless{bar} = [\"Rechnung\"]");
        check(&signal(&barred("")), "", "", &[]);
        never(&barred(".de"), "topics/x.toml:4: \"Rechnung\" can never fire: `unless` holds words of it");
        never(
            "phrases.de = [\"Rechnung\"]\nphrases.en = [\"Rechnung\"]",
            "topics/x.toml:5: \"Rechnung\" adds nothing: \"Rechnung\" on line 4 fires first",
        );
    }

    #[test]
    fn faults_hide_nothing_beside_them() {
        let barred = signal("phrases = [\"late again\"]\nunless = [\"late\"]");
        check(
            "[[signal]]\nphrases = [\"soon\" \"late\"]\n[[signal]]\nregex = ['(']\n",
            &format!("{barred}{}", signal("phrases = [\"soon\"]\nunless = [\"soon\"]\nlnag = [\"de\"]")),
            &barred.replace("signal", "rule"),
            &[
                "topics/x.toml:3: no valid TOML: missing comma between array elements, expected `,`",
                "topics/x.toml:5: the regex '(' is wrong: unclosed group",
                "topics/y.toml:10: unknown key `lnag`",
                "routing.toml:3: \"late again\" can never fire: `unless` holds words of it",
                "topics/y.toml:4: \"late again\" can never fire: `unless` holds words of it",
            ],
        );
        // Words that are not known make more of a signal than it seems.
        let money = signal("phrases = [\"@money\"]\nnear = [\"late\"]");
        let class = ["topics/x.toml:4: there is no class `@money`"];
        check(&money, "", "", &class);
    }

    #[test]
    fn findings_are_alike_that_differ_in_what_they_are_said_of() {
        let kind = |message: &str| {
            let fault = Fault { file: String::new(), line: 1, message: message.into(), remedy: String::new() };
            Finding { weight: Weight::Note, fault }.kind()
        };
        let first = kind("`x.a` fires on 3 examples of other topics (first topics/y.toml:2) and on 0 of its own");
        assert_eq!(
            kind("`x.b` fires on 12 examples of other topics (first topics/z.toml:4) and on 1 of its own"),
            first
        );
        assert_eq!(kind("\"a (\" says the same as \"b\" on line 2"), kind("\"c\" says the same as \"d)\" on line 31"));
        assert_ne!(kind("`x.a` weighs nothing"), kind("`x.a` sets nothing"));
    }

    #[test]
    fn names_that_nobody_else_uses_are_noted() {
        let picks =
            |label: &str| format!("[weights]\n\"late\" = 2\n[[example]]\npick = \"{label}\"\ntext = \"late\"\n");
        check(&picks("X"), "", "", &[]);
        check(
            &picks("Lateness"),
            "",
            "",
            &["topics/x.toml:4: no topic has the label \"Lateness\" that is picked here"],
        );
        let route = |team: &str| format!("[[rule]]\nroute = \"{team}\"\nphrases = [\"late\"]\n");
        check(
            "team = \"billing\"\n",
            "",
            &route("biling"),
            &[
                "routing.toml:2: the team \"biling\" is named here alone",
                "topics/x.toml:1: the team \"billing\" is named here alone",
            ],
        );
        let both = "team = \"billing\"\n";
        check(both, both, &route("biling"), &["routing.toml:2: the team \"biling\" is named here alone"]);
        let desks = |routing: &str, expected: &[&str]| {
            check("team = \"desk-1\"\n", "team = \"desk-2\"\n", routing, expected);
        };
        desks(&route("legal"), &["routing.toml:2: the team \"legal\" is named here alone"]);
        desks(&route("desk-2"), &[]);
        desks(&format!("{}[[example]]\nroute = \"legal\"\ntext = \"late\"\n", route("legal")), &[]);
    }
}
