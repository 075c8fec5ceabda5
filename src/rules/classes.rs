//! `classes.toml`: words that many rules need, gathered once under a name. A signal says `@ads` where it means all of them.
//!
//! A class holds words, never another class, so none can go in circles.

use std::collections::HashMap;

use super::sheet::{Sheet, nearest};
use super::topic::{self, Phrase};
use crate::config::fault::Fault;

/// The file.
pub const FILE: &str = "classes.toml";

/// All classes of a folder, and which of them some signal has named.
#[derive(Debug, Default)]
pub struct Classes {
    numbers: HashMap<String, usize>,
    all: Vec<Class>,
}

#[derive(Debug)]
struct Class {
    name: String,
    line: usize,
    words: Vec<Phrase>,
    named: bool,
}

impl Classes {
    /// Reads the file. No file: no classes.
    pub fn read(text: Option<&str>) -> (Classes, Vec<Fault>) {
        let mut classes = Classes::default();
        let Some(text) = text else { return (classes, vec![]) };
        let faults = Sheet::new(FILE, text).read(|sheet, mut root| {
            sheet.tables(&mut root, "class", |sheet, table| {
                let line = table.line;
                let words = topic::phrases(sheet, table, "words");
                let Some((name, named_at)) = sheet.text(table, "name").filter(|(name, _)| !name.trim().is_empty())
                else {
                    return sheet.fault(line, "the class has no `name`", "add name = \"ads\" or the like");
                };
                if words.is_empty() {
                    sheet.fault(
                        line,
                        format!("the class `{name}` has no words"),
                        "add words.en = [\"…\"], or delete it",
                    );
                }
                for inner in words.iter().filter(|word| word.text.starts_with('@')) {
                    let message = format!("the class `{name}` names `{}`", inner.text);
                    sheet.fault(inner.line, message, "write its words; signals may name both classes");
                }
                if classes.numbers.insert(name.clone(), classes.all.len()).is_some() {
                    sheet.fault(named_at, format!("the class `{name}` stands here twice"), "make one of them");
                }
                classes.all.push(Class { name, line, words, named: false });
            });
            sheet.finish(root);
        });
        (classes, faults)
    }

    /// The words of each class, which are then gone from here.
    pub fn take_words(&mut self) -> Vec<Vec<Phrase>> {
        self.all.iter_mut().map(|class| std::mem::take(&mut class.words)).collect()
    }

    /// The number of the class of this name, which counts as named from now on; else what is wrong, and the remedy.
    pub fn named(&mut self, name: &str) -> Result<usize, (String, String)> {
        if let Some(number) = self.numbers.get(name) {
            self.all[*number].named = true;
            return Ok(*number);
        }
        let mut names: Vec<&str> = self.numbers.keys().map(String::as_str).collect();
        names.sort_unstable();
        let remedy = match nearest(name, &names) {
            Some(right) => format!("write \"@{right}\""),
            None if names.is_empty() => format!("write it into {FILE}"),
            None => format!("write it into {FILE}; there are {}", names.join(", ")),
        };
        Err((format!("there is no class `@{name}`"), remedy))
    }

    /// The classes that nobody has named, with their lines.
    pub fn unused(&self) -> Vec<(String, usize)> {
        self.all.iter().filter(|class| !class.named).map(|class| (class.name.clone(), class.line)).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::Files;
    use crate::rules::lint::lint;

    /// What `rules check` says of these classes and of a topic with this signal.
    fn check(classes: &'static str, signal: &str, expected: &[&str]) {
        let topic = format!("id = \"x\"\nthreshold = 1\n[[signal]]\n{signal}\n");
        let files = Files::from([("classes.toml".into(), classes.into()), ("topics/x.toml".into(), topic.into())]);
        let found: Vec<String> = lint(&files).iter().map(|finding| finding.fault.to_string()).collect();
        assert_eq!(found, expected, "{classes}{signal}");
    }

    #[test]
    fn a_class_is_named_or_a_fault_names_the_nearest() {
        let ads = "[[class]]\nname = \"ads\"\nwords.en = [\"banner\"]\nwords.de = [\"Anzeige\"]\n";
        check(ads, "phrases = [\"@ads\", \"poster\"]", &[]);
        check(ads, "phrases = [\"gone\"]\nnear.de = [\"@ads\"]", &[]);
        check(ads, "phrases = [\"@add\"]", &["topics/x.toml:4: there is no class `@add`; write \"@ads\""]);
        let never = "topics/x.toml:3: `topic.x.ads` can never fire: `unless` holds all words of its `phrases`; take them out of one of the two";
        check(ads, "name = \"ads\"\nphrases = [\"@ads\"]\nunless = [\"@ads\"]", &[never]);
        check(
            ads,
            "name = \"ads\"\nphrases = [\"@ads\", \"poster\"]\nunless = [\"@ads\"]",
            &[
                "topics/x.toml:3: the classes in `phrases` of `topic.x.ads` never fire: `unless` holds all of them; take them out of one of the two",
            ],
        );
        check(
            ads,
            "phrases = [\"gone\"]\nnear.ed = [\"@ads\"]",
            &[
                "topics/x.toml:5: the class `@ads` has no words filed under `ed`; its words are filed under de, en: name it under one of them, or without",
            ],
        );
        check("", "phrases = [\"@ads\"]", &["topics/x.toml:4: there is no class `@ads`; write it into classes.toml"]);
        check(
            ads,
            "phrases = [\"gone\"]",
            &["classes.toml:1: no rule names the class `@ads`; name it in a signal, or delete it"],
        );
    }

    #[test]
    fn what_is_wrong_with_a_class_is_said() {
        let uses = "phrases = [\"@a\"]";
        let twice = "[[class]]\nname = \"a\"\nwords = [\"b\"]\n[[class]]\nname = \"a\"\nwords = [\"c\"]\n";
        check(twice, uses, &["classes.toml:5: the class `a` stands here twice; make one of them"]);
        check(
            "[[class]]\nname = \"a\"\n",
            uses,
            &["classes.toml:1: the class `a` has no words; add words.en = [\"…\"], or delete it"],
        );
        check(
            "[[class]]\nname = \"a\"\nwords = [\"b\", \"@a\"]\n",
            uses,
            &["classes.toml:3: the class `a` names `@a`; write its words; signals may name both classes"],
        );
        check(
            "[[class]]\nname = \"a\"\nwords = [\"b\"]\nword = [\"c\"]\n",
            uses,
            &["classes.toml:4: unknown key `word`; write `words`, or delete it"],
        );
        check(
            "[[class]]\nwords = [\"b\"]\n",
            "phrases = [\"b\"]",
            &["classes.toml:1: the class has no `name`; add name = \"ads\" or the like"],
        );
    }
}
