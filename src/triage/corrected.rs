//! The judgement after an agent corrected it: all that follows from the topic or the campaign follows anew.
//!
//! Uses the very steps of [`super::triage`]. Never touches what nobody corrected: priority stays, and so do flags that
//! do not come from the campaign.

use super::{Action, CAMPAIGN_FLAGS, CAMPAIGN_ID, Known, Lacking, Triage};
use super::{campaign_flags, concerns, in_view_of, lacking, naming};
use crate::campaigns::{self, Directory, Named, Status};
use crate::request::Request;
use crate::rules::{ChosenBy, Findings, Rules, Topic};

/// The judgement with the topic that an agent chose. `requests` are the customer's messages, oldest first.
pub fn with_topic(known: &Known, topic: &str, requests: &[Request], directory: &Directory, rules: &Rules) -> Triage {
    let before = &known.triage;
    let mut after = before.clone();
    if before.topic.id != topic {
        // The words that spoke for another topic are no reason for this one.
        let runner_up = Some(before.topic.id.clone());
        after.topic = Topic {
            score: 0.0,
            runner_up,
            evidence: vec![],
            id: topic.into(),
            label: String::new(),
            ..before.topic.clone()
        };
    }
    after.topic.label = rules.label(topic).to_owned();
    after.topic.chosen_by = ChosenBy::Agent;

    let read: Vec<Findings<'_>> = requests
        .iter()
        .map(|request| rules.find(request, &naming(&campaigns::identify(request, directory, &rules.campaign_hints))))
        .collect();
    let concerns = concerns(topic, &read, &after.campaign, rules);
    if !known.campaign_by_agent {
        // What only the old topic made not applicable is open again.
        if after.campaign.status == Status::NotApplicable {
            after.campaign.status = Status::NotStated;
        }
        after.campaign.status = in_view_of(concerns, &after.campaign);
    }
    let Lacking { missing, wanted, heard } = lacking(topic, &read, &after.campaign, concerns, Some(known), None, rules);
    (after.missing, after.wanted, after.heard) = (missing, wanted, heard);

    // The topic's own team, unless the customer's words call for another.
    let own = rules.team(topic).to_owned();
    let called = read.iter().map(|message| rules.routing_of(topic, message).route).find(|route| *route != own);
    after.route = called.unwrap_or(own);
    after.action = action(&after);
    after
}

/// The judgement with the campaign that an agent set; `None`: it is about none.
pub fn with_campaign(before: &Triage, id: Option<&str>, requester: &str, directory: &Directory) -> Triage {
    let mut after = Triage { told: None, ..before.clone() };
    let known = id.and_then(|id| directory.get(id));
    after.campaign.status = if id.is_some() { Status::Confirmed } else { Status::NotApplicable };
    after.campaign.id = id.map(str::to_owned);
    after.campaign.ids = id.map(str::to_owned).into_iter().collect();
    after.campaign.sender_on_account = campaigns::on_accounts(requester, known);
    // The ones that might have been meant stay to be seen: an agent may think again.
    let similar: Vec<Named> = id.map(|id| directory.similar(id)).unwrap_or_default();
    after.campaign.similar = similar;
    after.missing.retain(|detail| detail != CAMPAIGN_ID);
    after.flags.retain(|flag| !CAMPAIGN_FLAGS.contains(&flag.as_str()));
    if id.is_some() {
        after.flags.extend(campaign_flags(&after.campaign).map(str::to_owned));
    }
    after.flags.sort();
    after.flags.dedup();
    after.action = action(&after);
    after
}

fn action(triage: &Triage) -> Action {
    match (triage.action, triage.missing.is_empty()) {
        (Action::Suppress, _) => Action::Suppress,
        (_, true) => Action::Deliver,
        (_, false) => Action::Ask,
    }
}
