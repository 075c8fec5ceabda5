//! Rules: the files that a support lead writes, read into one compiled set.
//!
//! Knows requests and campaigns, never tickets. Takes file texts, not paths: reading folders is the edges' work.
//! Bad input gives faults with file, line and remedy, never a panic and never a half-loaded set.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::campaigns;
use crate::config::fault::Fault;
use crate::request::Request;
use crate::request::evidence::Evidence;
use crate::request::reading::Reading;

/// The texts of a rules folder: path relative to it, with `/`, to content.
pub type Files = BTreeMap<String, String>;

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

/// All rules, compiled. Immutable; swapped whole on reload.
#[derive(Debug, Default)]
pub struct Rules {
    /// Short hash of the files' contents: named on every ticket that these rules judged.
    pub version: String,
    /// How mail is read; handed to [`crate::request::Setting`].
    pub reading: Arc<Reading>,
    /// What `campaign-ids.toml` adds.
    pub campaign_hints: campaigns::Hints,
    /// Reply templates by path below `replies/`: `en/missing_id.txt`.
    pub replies: Files,
}

impl Rules {
    /// Compiles a rules folder. All faults at once, in file and line order.
    pub fn compile(files: &Files) -> Result<Rules, Vec<Fault>> {
        let replies = files
            .iter()
            .filter_map(|(path, text)| path.strip_prefix("replies/").map(|rest| (rest.to_owned(), text.clone())))
            .collect();
        let reading = Arc::new(Reading::compile(files)?);
        let campaign_hints = campaigns::Hints::compile(files)?;
        Ok(Rules { version: "0".into(), reading, campaign_hints, replies })
    }

    /// The rules compiled into the binary: the shipped `rules/` folder.
    pub fn shipped() -> Rules {
        Rules::compile(&Files::new()).unwrap_or_default()
    }

    /// The help topic: the customer's own choice where it stands, else by signals, else `other`.
    pub fn topic(&self, _request: &Request) -> Topic {
        Topic {
            id: "other".into(),
            label: "Other".into(),
            score: 0.0,
            chosen_by: ChosenBy::Fallback,
            runner_up: None,
            evidence: vec![],
        }
    }

    /// Whether this topic is about one campaign. An unknown topic is `Optional`.
    pub fn concerns(&self, _topic: &str) -> Concerns {
        Concerns::Optional
    }

    /// The label of a topic for people, or its id.
    pub fn label<'a>(&'a self, topic: &'a str) -> &'a str {
        topic
    }

    /// All topic ids and labels, in the order of their files.
    pub fn topics(&self) -> Vec<(&str, &str)> {
        vec![]
    }

    /// The details that this topic requires, each known or not, `description` first.
    pub fn details(&self, _topic: &str, _request: &Request) -> Vec<Detail> {
        vec![]
    }

    /// Priority, team and flags.
    pub fn routing(&self, _topic: &str, _request: &Request) -> Routing {
        Routing { priority: "normal".into(), route: "support".into(), flags: vec![], evidence: vec![] }
    }
}
