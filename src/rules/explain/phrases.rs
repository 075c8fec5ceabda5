//! Which phrase of its rule a find is, as it stands in its file: a rule has hundreds, and the customer's word may be a form of
//! one, or a compound with it. Read from the files again, for rules that judge keep no texts.

use std::rc::Rc;

use serde::Serialize;

use crate::request::evidence::{Evidence, Where};
use crate::rules::classes;
use crate::rules::compile::{Written, gather};
use crate::rules::judge::{fires, forwarded_factor};
use crate::rules::{Files, Findings, Rules, version};

/// The phrase that a find of a signal or of a routing rule is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Source {
    /// The rule, as its evidence names it.
    pub rule: String,
    /// Where the find stands, and its first byte there.
    #[serde(rename = "where")]
    pub place: Where,
    /// Likewise.
    pub start: usize,
    /// The phrase.
    pub phrase: String,
    /// The file in the folder, and the line.
    pub file: String,
    /// Likewise.
    pub line: usize,
}

impl Source {
    /// Whether this is what was found here.
    pub fn is_of(&self, found: &Evidence) -> bool {
        (self.rule.as_str(), self.place, self.start) == (found.rule.as_str(), found.place, found.start)
    }
}

impl Rules {
    /// The phrases by which signals of topics and routing rules fire. `files`: those that these rules were made of; of others
    /// nothing is told, nor of a regex. A word of a class stands in the file of classes.
    pub fn sources(&self, findings: &Findings<'_>, files: &Files) -> Vec<Source> {
        if version(files) != self.version {
            return vec![];
        }
        let mut written: Vec<(Written, Vec<Rc<Written>>)> = vec![];
        gather(files, |phrases, of_classes| written.push((phrases, of_classes)));
        let scan = &findings.scan;
        let forwarded = forwarded_factor(scan.request);
        let mut sources = vec![];
        for (signal, (own, of_classes)) in self.compiled.signals.iter().zip(&written) {
            let Some((_, Some(spot))) = fires(signal, scan, forwarded) else { continue };
            let found = scan.any_of(&signal.asked.phrases).filter(|hit| hit.spot == spot);
            let in_class = || of_classes.iter().flat_map(|class| class.iter()).map(|phrase| (classes::FILE, phrase));
            let all = || own.iter().map(|phrase| (signal.file.as_str(), phrase)).chain(in_class());
            let of = |what: u32| all().find(|(_, (number, _))| *number == what);
            let Some((file, (_, phrase))) = found.map(|hit| hit.what).find_map(of) else { continue };
            sources.push(Source {
                rule: signal.name.clone(),
                place: scan.zones[usize::from(spot.zone)].place,
                start: spot.start as usize,
                phrase: phrase.text.clone(),
                file: file.to_owned(),
                line: phrase.line,
            });
        }
        sources
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::request::Request;

    #[test]
    fn a_find_leads_to_the_phrase_in_its_file() {
        let files = Files::from([
            ("topics/a.toml".into(), "id = \"a\"\n[[signal]]\nphrases = [\"pear\",\n\"red apple\"]\n".into()),
            (
                "routing.toml".into(),
                "[[rule]]\nname = \"r\"\npriority = \"high\"\nphrases.de = [\"Rechnung\"]\n[[rule]]\nname = \"k\"\npriority = \"high\"\nphrases = [\"@kings\"]\n".into(),
            ),
            ("classes.toml".into(), "[[class]]\nname = \"kings\"\nwords = [\"king\"]\n".into()),
        ]);
        let rules = Rules::compile(&files).unwrap();
        let request = Request { text: "Red Apple, Stornorechnung, the king".into(), ..Request::default() };
        let findings = rules.find(&request, &[]);
        let sources = rules.sources(&findings, &files);
        let told: Vec<(&str, &str, &str, usize)> = (sources.iter())
            .map(|source| (source.rule.as_str(), source.phrase.as_str(), source.file.as_str(), source.line))
            .collect();
        assert_eq!(
            told,
            [
                ("topic.a.pear", "red apple", "topics/a.toml", 4),
                ("routing.r", "Rechnung", "routing.toml", 4),
                ("routing.k", "king", "classes.toml", 3),
            ]
        );
        let routing = rules.routing_of("a", &findings);
        assert!(sources[1].is_of(&routing.evidence[0]) && !sources[0].is_of(&routing.evidence[0]));
        assert_eq!(rules.sources(&findings, &Files::new()), []);
    }
}
