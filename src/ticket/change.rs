//! What an agent's change makes of a ticket. Pure.
//!
//! Promises: what follows from topic or campaign (label, team, what is missing, the status) follows in the same step, so
//! that no ticket contradicts itself.

use serde::{Deserialize, Serialize};

use super::{INCOMPLETE, Status, Ticket};
use crate::campaigns::{self, Directory};
use crate::request::{Mailbox, Request};
use crate::rules::Rules;
use crate::triage::{self, Triage};

/// The flag of a requester who is not on the campaign's account.
const OTHER_ACCOUNT: &str = "other_account";

/// A change that an agent makes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Another help topic.
    Topic(String),
    /// The campaign; `None`: it is about none.
    Campaign(Option<String>),
    /// Another status.
    Status(Status),
    /// Another priority.
    Priority(String),
    /// Another team.
    Route(String),
    /// Another requester: whoever the mail was forwarded for.
    Requester(Mailbox),
}

/// What a change replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replaced {
    /// `topic`, `campaign`, `status`, `priority`, `route` or `requester`.
    pub field: &'static str,
    /// What stood there.
    pub old: String,
    /// What stands there now.
    pub new: String,
}

/// What changes are judged by.
#[derive(Debug, Clone, Copy)]
pub struct Means<'a> {
    /// The rules in force.
    pub rules: &'a Rules,
    /// The campaigns in force.
    pub directory: &'a Directory,
}

impl Ticket {
    /// Makes a change; `None`: it changes nothing. `requests` are the customer's messages, oldest first. A move that no
    /// agent may make is refused with the reason, and leaves the ticket as it was.
    pub fn change(
        &mut self,
        change: Change,
        requests: &[Request],
        means: Means<'_>,
    ) -> Result<Option<Replaced>, String> {
        let before = self.clone();
        let (field, old, new) = match change {
            Change::Topic(topic) => {
                let judged = triage::with_topic(&self.known(), &topic, requests, means.directory, means.rules);
                self.follow(judged);
                self.route.clone_from(&self.triage.route);
                ("topic", before.topic.clone(), topic)
            }
            Change::Campaign(campaign) => {
                let judged =
                    triage::with_campaign(&self.triage, campaign.as_deref(), &self.requester_address, means.directory);
                self.campaign_by_agent = true;
                self.campaign_id.clone_from(&campaign);
                self.follow(judged);
                ("campaign", before.campaign_id.clone().unwrap_or_default(), campaign.unwrap_or_default())
            }
            Change::Status(status) if status == self.status => return Ok(None),
            Change::Status(status) if !self.status.may_become(status) => {
                let (from, to) = (self.status.as_str(), status.as_str());
                return Err(format!("a ticket cannot be moved from {from} to {to} by hand"));
            }
            Change::Status(status) => {
                self.hand_over();
                self.status = status;
                ("status", before.status.as_str().to_owned(), status.as_str().to_owned())
            }
            Change::Priority(priority) => {
                self.priority.clone_from(&priority);
                self.triage.priority.clone_from(&priority);
                ("priority", before.priority.clone(), priority)
            }
            Change::Route(route) => {
                self.route.clone_from(&route);
                self.triage.route.clone_from(&route);
                ("route", before.route.clone(), route)
            }
            Change::Requester(Mailbox { name, address }) => {
                let address = address.to_lowercase();
                let on_account = campaigns::sender_on_account(&address, &self.triage.campaign, means.directory);
                self.triage.campaign.sender_on_account = on_account;
                for flags in [&mut self.flags, &mut self.triage.flags] {
                    flags.retain(|flag| flag != OTHER_ACCOUNT);
                    if triage::of_other_account(&self.triage.campaign) {
                        flags.push(OTHER_ACCOUNT.to_owned());
                        flags.sort();
                    }
                }
                self.requester_address.clone_from(&address);
                self.requester_name = name;
                // Whoever was asked was somebody else; the answer is the agent's to get.
                self.hand_over();
                (self.asked, self.offered) = (vec![], vec![]);
                ("requester", before.requester_address.clone(), address)
            }
        };
        Ok((*self != before).then_some(Replaced { field, old, new }))
    }

    /// Takes over a corrected judgement.
    pub(super) fn follow(&mut self, judged: Triage) {
        self.topic.clone_from(&judged.topic.id);
        self.topic_chosen_by = judged.topic.chosen_by;
        self.campaign_status = judged.campaign.status;
        self.missing.clone_from(&judged.missing);
        // Flags of the ticket itself stay; those of the judgement are the new one's.
        self.flags.retain(|flag| !self.triage.flags.contains(flag));
        self.flags.extend(judged.flags.iter().cloned());
        if self.missing.is_empty() {
            self.flags.retain(|flag| flag != INCOMPLETE);
            // Nothing is left to wait for, and no question is open.
            self.hand_over();
            (self.asked, self.offered) = (vec![], vec![]);
        }
        self.flags.sort();
        self.flags.dedup();
        self.triage = judged;
    }
}
