//! Rules: the files that a support lead writes, read into one compiled set.
//!
//! Knows requests and campaigns, never tickets. Takes file texts, not paths: reading folders is the edges' work.
//! Bad input gives faults with file, line and remedy, never a panic and never a half-loaded set.

pub mod answers;
mod automaton;
mod boundaries;
mod classes;
mod compile;
mod description;
mod endings;
mod example;
pub mod explain;
mod fields;
mod fold;
mod judge;
mod knot;
pub mod leanings;
pub mod learn;
mod lexicon;
pub mod lint;
mod literals;
mod memo;
mod numbering;

mod possible;
pub mod prove;
mod routing;
mod scan;
pub mod sheet;
pub mod standing;
mod stretch;
mod topic;
mod weave;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};
use std::{panic, thread};

use compile::Compiled;
pub use judge::OTHER;
use judge::Pick;
use scan::Scan;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::campaigns;
use crate::config::fault::Fault;
use crate::request::evidence::Evidence;
use crate::request::hook::preset::Preset;
use crate::request::reading::Reading;
use crate::request::{FieldKey, Request};

/// The shipped folder, written out by `build.rs`.
const SHIPPED: &[(&str, &str)] = &include!(concat!(env!("OUT_DIR"), "/shipped.rs"));

/// The texts of a rules folder: path relative to it, with `/`, to content.
pub type Files = BTreeMap<String, Cow<'static, str>>;

/// Whether a topic is about one campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Concerns {
    /// The topic needs a campaign: without a confirmed one it is asked for.
    Required,
    /// It may be about one.
    Optional,
    /// It is by nature not about one.
    Never,
}

/// Who chose the topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChosenBy {
    /// The customer, in a form.
    Customer,
    /// An agent.
    Agent,
    /// The rules.
    Rules,
    /// Nobody: nothing reached the threshold.
    Fallback,
}

/// The help topic of a request, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Topic {
    /// The topic's id, such as `reporting`.
    pub id: String,
    /// Its label for people.
    pub label: String,
    /// Points it reached.
    pub score: f64,
    /// Who chose it.
    pub chosen_by: ChosenBy,
    /// The id of the next best topic.
    pub runner_up: Option<String>,
    /// The signals that fired for it.
    pub evidence: Vec<Evidence>,
}

/// What the topic of a request asks for: design §5.4, required details.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Detail {
    /// Its id: `description`, `invoice`, `period`, … (`campaign_id` is judged from the campaign's status.)
    pub id: String,
    /// Whether the request holds it.
    pub known: bool,
    /// Asked for even when neither campaign_id nor description is missing.
    pub ask_always: bool,
    /// The words that show it.
    pub evidence: Vec<Evidence>,
    /// What the request holds of those that it takes together (`all_of`): the names of their signals.
    pub parts: Vec<String>,
}

/// Priority, team and flags by the routing rules.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Routing {
    /// `low`, `normal`, `high` or `urgent`.
    pub priority: String,
    /// The team.
    pub route: String,
    /// Flags for agents, such as `legal_threat`.
    pub flags: Vec<String>,
    /// What decided it.
    pub evidence: Vec<Evidence>,
}

/// What one pass over a request found.
#[derive(Debug)]
pub struct Findings<'r> {
    scan: Scan<'r>,
    pick: Pick,
}

/// All rules, compiled. Immutable; swapped whole on reload.
#[derive(Debug, Default)]
pub struct Rules {
    /// Short hash of the files' contents: named on every ticket that these rules judged.
    pub version: String,
    /// How mail is read; handed to [`crate::request::Setting`].
    pub reading: Arc<Reading>,
    /// What `campaign-ids.toml` adds.
    pub campaign_hints: Arc<campaigns::Hints>,
    /// How answers pick from a list.
    pub answers: answers::Answers,
    /// Reply templates by path below `replies/`: `en/missing_id.txt`.
    pub replies: Files,
    /// Presets of webhooks by name, those of the folder before the shipped ones.
    pub hooks: Files,
    /// Topics, details and routing.
    compiled: Compiled,
}

impl Rules {
    /// Compiles a rules folder. All faults at once, in file and line order.
    pub fn compile(files: &Files) -> Result<Rules, Vec<Fault>> {
        let mut faults = Vec::new();
        let mut keep = |found: Vec<Fault>| faults.extend(found);
        // Two halves of the time that a start takes.
        let (compiled, reading, campaign_hints, answers) = thread::scope(|scope| {
            let others = scope.spawn(|| {
                let answers = answers::Answers::read(files.get("answers.toml").map(|text| &**text));
                (Reading::compile(files), campaigns::Hints::compile(files), answers)
            });
            let compiled = compile::compile(files);
            let (reading, hints, answers) = others.join().unwrap_or_else(|cause| panic::resume_unwind(cause));
            (compiled, reading, hints, answers)
        });
        let compiled = compiled.map_err(&mut keep).ok();
        let reading = reading.map_err(&mut keep).ok();
        let campaign_hints = campaign_hints.map_err(&mut keep).ok();
        let (answers, found) = answers;
        keep(found);
        let (hooks, found) = hooks(files);
        keep(found);
        let (Some(compiled), Some(mut reading), Some(campaign_hints)) = (compiled, reading, campaign_hints) else {
            faults.sort();
            return Err(faults);
        };
        if !faults.is_empty() {
            return Err(faults);
        }
        reading.headers = compiled.headers();
        Ok(Rules {
            version: version(files),
            reading: Arc::new(reading),
            campaign_hints,
            answers,
            replies: replies(files),
            hooks,
            compiled,
        })
    }

    /// The texts of the shipped `rules/` folder, compiled into the binary.
    pub fn shipped_files() -> Files {
        SHIPPED.iter().map(|(path, text)| ((*path).to_owned(), Cow::Borrowed(*text))).collect()
    }

    /// The shipped rules, compiled once in a process.
    pub fn shipped() -> Arc<Rules> {
        static COMPILED: LazyLock<Arc<Rules>> = LazyLock::new(|| {
            let compiled = Rules::compile(&Rules::shipped_files());
            Arc::new(compiled.expect("the shipped rules compile: a test of this module proves it"))
        });
        Arc::clone(&COMPILED)
    }

    /// One pass over a request, from which all that these rules say of it follows. `campaign`: findings that only name the
    /// campaign, and so say nothing of topic or matter.
    pub fn find<'r>(&self, request: &'r Request, campaign: &[Evidence]) -> Findings<'r> {
        let pick = self.compiled.pick(request);
        let mut scan = self.compiled.scan(request, pick);
        scan.mark_named(
            &self.compiled.net,
            campaign.iter().map(|named| (named.place, named.start, named.end)).collect(),
        );
        Findings { scan, pick }
    }

    /// What a request's form says, where only certain values mean something, and these rules do not know: an oddity each.
    pub fn unknown_values(&self, request: &Request) -> Vec<String> {
        let pick = self.compiled.pick(request);
        let asked = [FieldKey::HelpTopic, FieldKey::Priority];
        // Most requests have no such field, and need no further pass.
        if !request.fields.iter().any(|field| asked.contains(&field.key)) {
            return vec![];
        }
        self.compiled.unknown_values(&self.compiled.scan(request, pick), pick)
    }

    /// The help topic: the customer's own choice where it stands, else by signals, else `other`.
    pub fn topic_of(&self, findings: &Findings<'_>) -> Topic {
        self.compiled.topic(&findings.scan, findings.pick)
    }

    /// The words that say this request is not about one campaign, although its topic is: "close our whole account".
    pub fn not_one_campaign_of(&self, topic: &str, findings: &Findings<'_>) -> Option<Evidence> {
        self.compiled.not_one_campaign(&findings.scan, topic)
    }

    /// The details that this topic requires, each known or not, `description` first.
    pub fn details_of(&self, topic: &str, findings: &Findings<'_>, heard: &[String]) -> Vec<Detail> {
        self.compiled.details(&findings.scan, topic, heard)
    }

    /// Priority, team and flags.
    pub fn routing_of(&self, topic: &str, findings: &Findings<'_>) -> Routing {
        self.compiled.routing(&findings.scan, topic)
    }

    /// The help topic of a request that is asked for nothing else.
    pub fn topic(&self, request: &Request) -> Topic {
        self.topic_of(&self.find(request, &[]))
    }

    /// Whether this topic is about one campaign. An unknown topic is `Optional`.
    pub fn concerns(&self, topic: &str) -> Concerns {
        self.get(topic).map_or(Concerns::Optional, |topic| topic.campaign)
    }

    /// The label of a topic for people, or its id.
    pub fn label<'a>(&'a self, topic: &'a str) -> &'a str {
        self.get(topic).map_or(topic, |topic| topic.label.as_str())
    }

    /// The topic's own team.
    pub fn team<'a>(&'a self, topic: &str) -> &'a str {
        self.get(topic).map_or(judge::TEAM, |topic| topic.team.as_str())
    }

    /// The ids of the details that this topic requires.
    pub fn details<'a>(&'a self, topic: &str) -> impl Iterator<Item = &'a str> {
        self.get(topic).into_iter().flat_map(|topic| &topic.details).map(|detail| detail.id.as_str())
    }

    /// The ids of the details that any topic requires, by name.
    pub fn all_details(&self) -> BTreeSet<&str> {
        self.compiled.topics.iter().flat_map(|topic| &topic.details).map(|detail| detail.id.as_str()).collect()
    }

    /// All topic ids and labels, in the order of their files.
    pub fn topics(&self) -> Vec<(&str, &str)> {
        self.compiled.topics.iter().map(|topic| (topic.id.0.as_str(), topic.label.as_str())).collect()
    }

    /// All teams that these rules may route to, by name.
    pub fn teams(&self) -> BTreeSet<&str> {
        let named = self.compiled.routing.iter().filter_map(|rule| Some(rule.route.as_ref()?.0.as_str()));
        named.chain(self.compiled.topics.iter().map(|topic| topic.team.as_str())).collect()
    }

    fn get(&self, id: &str) -> Option<&topic::Topic> {
        let index = self.compiled.by_id.get(id)?;
        self.compiled.topics.get(usize::from(*index))
    }
}

/// The reply templates among the files, by path below `replies/`.
pub fn replies(files: &Files) -> Files {
    let below = |(path, text): (&String, &Cow<'static, str>)| {
        path.strip_prefix("replies/").map(|rest| (rest.to_owned(), text.clone()))
    };
    files.iter().filter_map(below).collect()
}

/// The first twelve hex digits of SHA-256 over all paths and texts.
pub fn version(files: &Files) -> String {
    let mut hash = Sha256::new();
    for (path, text) in files {
        for part in [path.as_str(), text] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
    }
    let mut hex = hex::encode(hash.finalize());
    hex.truncate(12);
    hex
}

/// Whether a file (path below `rules/`) is as it is shipped.
pub fn is_shipped(path: &str, text: &str) -> bool {
    SHIPPED.contains(&(path, text))
}

/// The ids of the shipped topics.
fn shipped_topics() -> impl Iterator<Item = &'static str> {
    SHIPPED.iter().filter_map(|(path, _)| path.strip_prefix("topics/")?.strip_suffix(".toml"))
}

/// The presets of webhooks by name. Those of a folder are read here, so that their faults are found; the shipped ones are
/// read where a source names them.
fn hooks(files: &Files) -> (Files, Vec<Fault>) {
    let mut faults = vec![];
    let mut hooks = Files::new();
    let named = |path: &str| Some(path.strip_prefix("hooks/")?.strip_suffix(".toml")?.to_owned());
    for (path, text) in SHIPPED {
        hooks.extend(named(path).map(|name| (name, Cow::Borrowed(*text))));
    }
    for (path, text) in files {
        let Some(name) = named(path) else { continue };
        if hooks.get(&name) != Some(text) {
            faults.extend(Preset::read(text, &name).err());
            hooks.insert(name, text.clone());
        }
    }
    (hooks, faults)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_rules_compile() {
        // A file that is as shipped is taken for proven: here each differs by an empty line.
        let anew = |(path, text): (String, Cow<'static, str>)| (path, Cow::Owned(format!("{text}\n")));
        let files = Rules::shipped_files().into_iter().map(anew).collect();
        assert_eq!(Rules::compile(&files).err().unwrap_or_default(), []);
        assert!(Rules::compile(&Rules::shipped_files()).is_ok());
    }
}
