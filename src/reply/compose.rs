//! What is asked, and of which words the mail is made.
//!
//! Promises: the words are the templates' own. Of what a customer wrote at most a Campaign ID of harmless letters is
//! repeated, and that, like every campaign's name, only to a sender who is authenticated on its account.

use serde::{Deserialize, Serialize};

use crate::campaigns::fold::folded;
use crate::campaigns::{self, Campaign, Candidate, Directory, Identified, Named, Status};
use crate::config::fault::Fault;
use crate::rules::{ChosenBy, Topic};
use crate::triage::{CAMPAIGN_ID, DESCRIPTION, Triage};

use super::templates::Templates;

/// Campaigns that one mail lists: more would be a puzzle, not a question.
const CANDIDATES: usize = 6;

/// The kinds of automatic mail, each a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// No ID was given.
    MissingId,
    /// The name fits several campaigns.
    AmbiguousName,
    /// The given ID is not in the directory.
    UnknownId,
    /// The given ID belongs to another campaign than the named one.
    Conflict,
    /// Nothing says what the matter is.
    MissingDescription,
    /// Campaign and description are missing.
    Several,
    /// Only details of the topic are missing.
    Details,
    /// The question is still unanswered.
    Reminder,
    /// All is there; people take over.
    Acknowledgement,
    /// The question stayed unanswered; people take over with what there is.
    HandOver,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Kind; 10] = [
        Kind::MissingId,
        Kind::AmbiguousName,
        Kind::UnknownId,
        Kind::Conflict,
        Kind::MissingDescription,
        Kind::Several,
        Kind::Details,
        Kind::Reminder,
        Kind::Acknowledgement,
        Kind::HandOver,
    ];

    /// The word for it: the template's file name, and what tickets and metrics say.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::MissingId => "missing_id",
            Kind::AmbiguousName => "ambiguous_name",
            Kind::UnknownId => "unknown_id",
            Kind::Conflict => "conflict",
            Kind::MissingDescription => "missing_description",
            Kind::Several => "several",
            Kind::Details => "details",
            Kind::Reminder => "reminder",
            Kind::Acknowledgement => "acknowledgement",
            Kind::HandOver => "hand_over",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// Which question this judgement calls for; `None` when nothing is missing.
pub fn question(triage: &Triage) -> Option<Kind> {
    let lacks = |detail: &str| triage.missing.iter().any(|missing| missing == detail);
    match (lacks(CAMPAIGN_ID), lacks(DESCRIPTION)) {
        (true, true) => Some(Kind::Several),
        (false, true) => Some(Kind::MissingDescription),
        (false, false) => (!triage.missing.is_empty()).then_some(Kind::Details),
        (true, false) => Some(match triage.campaign.status {
            Status::AmbiguousName => Kind::AmbiguousName,
            Status::UnknownId => Kind::UnknownId,
            Status::Conflict => Kind::Conflict,
            _ => Kind::MissingId,
        }),
    }
}

/// What a mail may say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// The ticket's number.
    pub ticket: i64,
    /// The desk's name.
    pub desk: String,
    /// The customer has answered a question of ours; this is the next mail of a conversation.
    pub again: bool,
    /// He has answered that it is none of the campaigns that were listed.
    pub none_of_them: bool,
    /// The help topic as understood: id, and the label of the rules. `None` when nothing was understood.
    pub topic: Option<(String, String)>,
    /// The campaign as understood.
    pub campaign: Option<Named>,
    /// The ID that the customer stated.
    pub stated: Option<String>,
    /// Campaigns that may be meant.
    pub candidates: Vec<Choice>,
    /// The sender is proven, on whatever account, or the mail goes to a contact of one.
    pub authenticated: bool,
    /// The sender is authenticated on the account of every campaign here. Else none of them is spoken of.
    pub may_name_campaigns: bool,
    /// Details that are missing, `campaign_id` and `description` among them.
    pub missing: Vec<String>,
    /// Answers by one tap; `None`: the mail asks nothing.
    pub taps: Option<Taps>,
}

/// What one-tap answers are made of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Taps {
    /// Where an answer by mail goes: the desk's address with the ticket's token.
    pub reply_to: String,
    /// The links: first that of "about no particular campaign", then those of the candidates. Empty: only by mail.
    pub links: Vec<String>,
}

impl Facts {
    /// What a mail about this judgement may say to this requester: names of campaigns to their contacts only, so those of a
    /// campaign that has none to nobody. `authenticated`: by DMARC or by a valid reply token.
    pub fn of(
        ticket: i64,
        desk: &str,
        triage: &Triage,
        directory: &Directory,
        requester: &str,
        authenticated: bool,
    ) -> Facts {
        let campaign = &triage.campaign;
        let theirs =
            |id: &str| directory.get(id).filter(|campaign| authenticated && campaigns::on_account(requester, campaign));
        let candidates: Vec<&Campaign> = candidate_ids(campaign).filter_map(theirs).take(CANDIDATES).collect();
        let candidates = choices(&candidates);
        let understood = campaign.id.as_deref().and_then(theirs).map(Named::of);
        Facts {
            ticket,
            desk: desk.to_owned(),
            again: false,
            none_of_them: false,
            topic: understood_topic(&triage.topic),
            may_name_campaigns: understood.is_some() || !candidates.is_empty(),
            campaign: understood,
            stated: campaign.id.clone(),
            candidates,
            authenticated,
            missing: triage.missing.iter().chain(&triage.wanted).cloned().collect(),
            taps: None,
        }
    }
}

/// A campaign to choose.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choice {
    /// Its ID.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its account, where that tells it from another one of the same name.
    pub account: Option<String>,
    /// Likewise its status.
    pub status: Option<String>,
}

/// These campaigns with what tells those of one name apart.
fn choices(campaigns: &[&Campaign]) -> Vec<Choice> {
    let choice = |campaign: &&Campaign| {
        let name = folded(&campaign.name);
        let twins: Vec<_> = campaigns.iter().filter(|twin| folded(&twin.name) == name).collect();
        let account = Some(campaign.account.as_str()).filter(|own| twins.iter().any(|twin| twin.account != *own));
        let status =
            campaign.status.as_deref().filter(|own| twins.iter().any(|twin| twin.status.as_deref() != Some(*own)));
        let own = |word: Option<&str>| word.filter(|word| !word.is_empty()).map(str::to_owned);
        Choice { id: campaign.id.clone(), name: campaign.name.clone(), account: own(account), status: own(status) }
    };
    campaigns.iter().map(choice).collect()
}

/// The campaigns worth offering, the likeliest first, each once.
fn candidate_ids(campaign: &Identified) -> impl Iterator<Item = &str> {
    // An ID under which the customer's own message stands is no alternative to itself.
    let stated = campaign.id.as_deref().filter(|_| campaign.status == Status::UnknownId);
    let mut seen = std::collections::HashSet::new();
    let mut listed: Vec<&Candidate> = campaign.candidates.iter().collect();
    // Years in their order, whatever little sets their scores apart: "the middle one" is to be the one in the middle.
    for alike in listed.chunk_by_mut(|one, next| numbered(&one.name) == numbered(&next.name)) {
        alike.sort_by(|one, next| one.name.cmp(&next.name));
    }
    let listed = listed.into_iter().map(|candidate| candidate.id.as_str());
    // In a conflict both are possible: the one of the stated ID, and the named one.
    let first = campaign.id.as_deref().filter(|_| campaign.status == Status::Conflict);
    first.into_iter().chain(listed).filter(move |id| Some(*id) != stated && seen.insert(*id))
}

/// The name with all its figures alike.
fn numbered(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect()
}

fn understood_topic(topic: &Topic) -> Option<(String, String)> {
    (topic.chosen_by != ChosenBy::Fallback && topic.id != "other").then(|| (topic.id.clone(), topic.label.clone()))
}

/// A composed mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Words {
    /// The template: the kind's word.
    pub template: &'static str,
    /// The language it is in, which is the fallback's when the wanted one has no such template.
    pub language: String,
    /// One line.
    pub subject: String,
    /// The text, lines of at most 76 columns where words allow it, `\n` between them.
    pub text: String,
    /// The same as HTML.
    pub html: String,
}

/// The kind as this recipient may read it: that an ID is unknown, that a name fits several campaigns or another one than the
/// ID, tells what is in the directory. Whoever may not know that is asked in one and the same way.
fn told(kind: Kind, facts: &Facts) -> Kind {
    let may = match kind {
        Kind::AmbiguousName => facts.may_name_campaigns && facts.candidates.len() > 1,
        Kind::Conflict => facts.may_name_campaigns,
        Kind::UnknownId => facts.authenticated,
        _ => true,
    };
    if may { kind } else { Kind::MissingId }
}

/// Words a mail of this kind. A language without this template falls back to English, then to any that has it.
pub fn compose(kind: Kind, facts: &Facts, templates: &Templates, language: &str) -> Result<Words, Fault> {
    templates.render(told(kind, facts), &Data::of(facts), language)
}

/// What templates see: cleaned, and without anything that this recipient may not read.
#[derive(Debug, Clone)]
pub struct Data {
    pub(super) ticket: i64,
    pub(super) desk: String,
    pub(super) again: bool,
    pub(super) none_of_them: bool,
    pub(super) topic_named: Option<(String, String)>,
    pub(super) campaign: Option<Named>,
    pub(super) stated: Option<String>,
    pub(super) candidates: Vec<Choice>,
    pub(super) needs_campaign: bool,
    pub(super) needs_description: bool,
    pub(super) detail_ids: Vec<String>,
    pub(super) taps: Option<Taps>,
}

impl Data {
    fn of(facts: &Facts) -> Data {
        let named = |named: &Named| Named { id: clean(&named.id), name: clean(&named.name) };
        let choice = |choice: &Choice| Choice {
            id: clean(&choice.id),
            name: clean(&choice.name),
            account: choice.account.as_deref().map(clean),
            status: choice.status.as_deref().map(clean),
        };
        let may = facts.may_name_campaigns;
        let lacks = |detail: &str| facts.missing.iter().any(|missing| missing == detail);
        Data {
            ticket: facts.ticket,
            desk: clean(&facts.desk),
            again: facts.again,
            none_of_them: facts.none_of_them,
            topic_named: facts.topic.as_ref().map(|(id, label)| (id.clone(), clean(label))),
            campaign: facts.campaign.as_ref().filter(|_| may).map(named),
            stated: facts.stated.clone().filter(|id| may && harmless(id)),
            candidates: facts.candidates.iter().filter(|_| may).take(CANDIDATES).map(choice).collect(),
            needs_campaign: lacks(CAMPAIGN_ID),
            needs_description: lacks(DESCRIPTION),
            taps: facts.taps.clone(),
            detail_ids: facts.missing.iter().filter(|id| *id != CAMPAIGN_ID && *id != DESCRIPTION).cloned().collect(),
        }
    }
}

/// Whether a stated ID may be repeated: nothing that could be a link, a word to read, or markup.
fn harmless(id: &str) -> bool {
    (1..=40).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// One line without control and direction characters.
pub(super) fn clean(text: &str) -> String {
    let unseen =
        |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
    let mut clean = String::with_capacity(text.len());
    for word in text.split(|c: char| c == ' ' || c.is_control() || unseen(c)).filter(|word| !word.is_empty()) {
        if !clean.is_empty() {
            clean.push(' ');
        }
        clean.push_str(word);
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn campaigns_of_one_name_are_told_apart() {
        let campaign = |id: &str, name: &str, account: &str, status: Option<&str>| Campaign {
            id: id.into(),
            name: name.into(),
            account: account.into(),
            status: status.map(str::to_owned),
            ..Campaign::default()
        };
        let all = [
            campaign("1", "Summer Sale", "North", Some("active")),
            campaign("2", "summer sale", "South", Some("paused")),
            campaign("3", "Winter Sale", "North", Some("paused")),
            campaign("4", "Winter Sale", "North", None),
        ];
        let apart = choices(&all.iter().collect::<Vec<_>>());
        let apart: Vec<_> = apart.iter().map(|choice| (choice.account.as_deref(), choice.status.as_deref())).collect();
        let expected =
            [(Some("North"), Some("active")), (Some("South"), Some("paused")), (None, Some("paused")), (None, None)];
        assert_eq!(apart, expected);
    }
}
