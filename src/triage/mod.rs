//! Triage: the judgement over one request, with what its ticket already knows. Pure.
//!
//! Campaign, topic, missing details, priority, route and action, each with evidence. It never writes, sends or asks
//! the time; the JSON it becomes is contract §5.2 of the design.

use serde::{Deserialize, Serialize};

use crate::campaigns::{self, Directory, Identified};
use crate::request::Request;
use crate::rules::{Rules, Topic};

/// What is to be done with the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Complete: straight to the agents.
    Deliver,
    /// Something is missing: agents see it as waiting, the customer is asked.
    Ask,
    /// Automated mail: no reply, no ticket.
    Suppress,
}

/// The judgement over one request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Triage {
    /// Which campaign.
    pub campaign: Identified,
    /// Which help topic.
    pub topic: Topic,
    /// What is missing: `campaign_id`, `description`, and details that the topic requires.
    pub missing: Vec<String>,
    /// `low`, `normal`, `high` or `urgent`.
    pub priority: String,
    /// The team.
    pub route: String,
    /// Flags for agents: `similar_names`, `other_account`, `look_alike_id`, …
    pub flags: Vec<String>,
    /// What is to be done.
    pub action: Action,
}

/// What a ticket knows before this request came in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Known {
    /// The ticket's judgement so far.
    pub triage: Triage,
    /// The details that the last question asked for; empty when nothing is open.
    pub asked: Vec<String>,
    /// Ids of the campaigns that the last question offered, in its order.
    pub offered: Vec<String>,
    /// An agent set the campaign by hand.
    pub campaign_by_agent: bool,
}

/// Judges a request. `known` is what its ticket knew before; `None` for a new one.
pub fn triage(request: &Request, directory: &Directory, rules: &Rules, _known: Option<&Known>) -> Triage {
    let campaign = campaigns::identify(request, directory, &rules.campaign_hints);
    let topic = rules.topic(request);
    let routing = rules.routing(&topic.id, request);
    Triage {
        campaign,
        topic,
        missing: vec![],
        priority: routing.priority,
        route: routing.route,
        flags: routing.flags,
        action: Action::Deliver,
    }
}
