//! Triage: the judgement over one request, with what its ticket already knows. Pure.
//!
//! Campaign, topic, missing details, priority, route and action, each with evidence. It never writes, sends or asks
//! the time; the JSON it becomes is contract §5.2 of the design.

mod chosen;
mod corrected;
mod doubted;
pub mod merge;
mod named;
mod told;
mod turned_down;

use serde::{Deserialize, Serialize};

use crate::campaigns::{self, Directory, Identified, Status, View};
use crate::request::Request;
use crate::request::evidence::{Evidence, Where};
use crate::rules::answers::scope::Scope;
use crate::rules::{Concerns, Detail, Findings, OTHER, Rules, Topic};

pub use corrected::{with_campaign, with_topic};
pub use told::told;

/// The missing detail that a Campaign ID is.
pub const CAMPAIGN_ID: &str = "campaign_id";
/// The missing detail that a description of the matter is.
pub const DESCRIPTION: &str = "description";

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
    /// What must be known before agents can work: `campaign_id`, `description`, details with `ask = "always"`.
    pub missing: Vec<String>,
    /// Details worth asking for when a question goes out anyway.
    #[serde(default)]
    pub wanted: Vec<String>,
    /// What was told of details that are known only together, such as a date and an amount: the names of their signals.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub heard: Vec<String>,
    /// `low`, `normal`, `high` or `urgent`.
    pub priority: String,
    /// The team.
    pub route: String,
    /// Flags for agents: `similar_names`, `other_account`, `look_alike_id`, `doubted_id`, …
    pub flags: Vec<String>,
    /// What is to be done.
    pub action: Action,
    /// What the requester may be told, where that differs: see [`told()`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<Box<Triage>>,
}

impl Triage {
    /// The judgement as its requester may be told.
    pub fn tellable(&self) -> &Triage {
        self.told.as_deref().unwrap_or(self)
    }
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

impl Known {
    /// The last question asked for the Campaign ID.
    fn asks_for_campaign(&self) -> bool {
        self.asked.iter().any(|detail| detail == CAMPAIGN_ID)
    }

    /// The one detail of the topic that the last question asked for, and nothing beside it.
    fn asks_for_one(&self) -> Option<&str> {
        match self.asked.as_slice() {
            [one] if one != CAMPAIGN_ID && one != DESCRIPTION => Some(one),
            _ => None,
        }
    }
}

/// Judges a request. `known` is what its ticket knew before; `None` for a new one.
pub fn triage(request: &Request, directory: &Directory, rules: &Rules, known: Option<&Known>) -> Triage {
    judged(request, View { directory, viewer: None }, rules, known)
}

fn judged(request: &Request, view: View<'_>, rules: &Rules, known: Option<&Known>) -> Triage {
    let directory = view.directory;
    let asked = known.is_some_and(Known::asks_for_campaign);
    // Under an answer stands our own subject, known by its tag: its words are not the customer's, but for the ID.
    let answer;
    let request = match known {
        Some(_) if request.thread.subject_tag.is_some() => {
            let subject = if asked { ids_behind_tag(&request.subject, directory) } else { String::new() };
            answer = Request { subject, ..request.clone() };
            &answer
        }
        _ => request,
    };
    let pointed;
    let request = match asked.then(|| in_points(&request.text, directory)).flatten() {
        Some(text) => {
            pointed = Request { text, ..request.clone() };
            &pointed
        }
        None => request,
    };
    let mut campaign = campaigns::identify_in(request, view, &rules.campaign_hints, asked);
    campaign = turned_down::without(campaign, request, view, rules, known);
    let scope = known.filter(|_| asked).and_then(|known| answered_without(&mut campaign, request, rules, known));
    let names_none = |campaign: &Identified| campaign.status == Status::NotStated && campaign.candidates.is_empty();
    if asked && scope.is_none() && names_none(&campaign) && !campaign.said_not_specific {
        // Who takes back an ID that nobody knows says in one line what is meant instead.
        let unknown = known.is_some_and(|known| known.triage.campaign.status == Status::UnknownId);
        campaign = named::named(request, view, rules, unknown).unwrap_or(campaign);
    }
    // A campaign's name says nothing of the topic, nor of what is wrong: "Spring Leads" is not about leads.
    let read = [rules.find(request, &naming(&campaign))];
    let mut topic = rules.topic_of(&read[0]);
    let mut doubted = false;
    if let Some(known) = known {
        let stated = campaign.clone();
        campaign = merge::campaign(campaign, request, directory, &rules.answers, known);
        topic = merge::topic(topic, known);
        doubted = doubted::doubted(&stated, &mut campaign, request, directory, rules, known);
    }
    let concerns = concerns(&topic.id, &read, &campaign, rules);
    campaign.status = in_view_of(concerns, &campaign);
    let given = known
        .and_then(|known| known.asks_for_one())
        .filter(|_| campaign.ids.is_empty() && rules.answers.only_number(&request.text, request.from.name.as_deref()));
    let Lacking { missing, wanted, heard } = lacking(&topic.id, &read, &campaign, concerns, known, given, rules);
    // Who says nothing at all has not said that it is about no campaign.
    let says_nothing = topic.id == OTHER && missing.iter().any(|detail| detail == DESCRIPTION);
    if campaign.status == Status::NotApplicable && says_nothing && !campaign.said_not_specific {
        campaign.status = Status::NotStated;
    }

    let routing = rules.routing_of(&topic.id, &read[0]);
    let mut flags = routing.flags;
    flags.extend(campaign_flags(&campaign).map(str::to_owned));
    let mut priority = routing.priority;
    flags.extend(doubted.then(|| DOUBTED_ID.to_owned()));
    if let Some(known) = known {
        priority = merge::priority(priority, &known.triage.priority);
        let stays = |flag: &str| match flag {
            NO_CAMPAIGN | ALL_CAMPAIGNS => scope.is_none() && campaign.status == Status::NotApplicable,
            _ => !CAMPAIGN_FLAGS.contains(&flag),
        };
        flags.extend(known.triage.flags.iter().filter(|flag| stays(flag)).cloned());
        flags.extend(scope.filter(|_| campaign.status == Status::NotApplicable).map(str::to_owned));
    }
    flags.sort();
    flags.dedup();

    let action = match (&request.automated, missing.is_empty()) {
        (Some(_), _) => Action::Suppress,
        (None, false) => Action::Ask,
        (None, true) => Action::Deliver,
    };
    Triage { campaign, topic, missing, wanted, heard, priority, route: routing.route, flags, action, told: None }
}

/// The IDs of campaigns in the subject of an answer, but for our tag: "Re: [#1042] Which campaign is your request about? 20417".
fn ids_behind_tag(subject: &str, directory: &Directory) -> String {
    let words = subject.split(|c: char| c.is_whitespace() || c == ',').filter(|word| !word.contains("[#"));
    let bare = words.map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()));
    let ids: Vec<&str> =
        bare.filter(|word| word.contains(|c: char| c.is_ascii_digit()) && directory.get(word).is_some()).collect();
    ids.join(" ")
}

/// The text with points for commas in what is an ID in groups of thousands: "20,417". `None`: there is none.
fn in_points(text: &str, directory: &Directory) -> Option<String> {
    let digit = |c: char| c.is_ascii_digit();
    let grouped = |at: &usize| {
        let before = text[..*at].trim_end_matches(digit);
        let behind = text[at + 1..].trim_start_matches(digit);
        let parts = (&text[before.len()..*at], &text[at + 1..text.len() - behind.len()]);
        let whole = !before.ends_with([',', '.']) && !behind.starts_with(',');
        whole
            && (1..=3).contains(&parts.0.len())
            && parts.1.len() == 3
            && directory.get(&format!("{}{}", parts.0, parts.1)).is_some()
    };
    let commas: Vec<usize> = text.match_indices(',').map(|(at, _)| at).filter(grouped).collect();
    let mut pointed = text.to_owned();
    for at in &commas {
        pointed.replace_range(at..=at, ".");
    }
    (!commas.is_empty()).then_some(pointed)
}

/// The flag of a ticket whose customer was asked for the campaign and answered that it is about none.
const NO_CAMPAIGN: &str = "no_campaign";
/// The same, when it is about all of them.
const ALL_CAMPAIGNS: &str = "all_campaigns";
/// The flag of a ticket whose customer stated the Campaign ID and was not sure of it.
const DOUBTED_ID: &str = "doubted_id";
/// Says why an ID stays unknown: the customer says that it is right as he wrote it.
const INSISTS: &str = "insists";

/// The flag of an answer that names no campaign because it is about none, or about all: agents see which, and nobody asks
/// again.
fn answered_without(
    campaign: &mut Identified,
    request: &Request,
    rules: &Rules,
    known: &Known,
) -> Option<&'static str> {
    if !campaign.ids.is_empty() || !campaign.candidates.is_empty() {
        return None;
    }
    let flag = |scope| match scope {
        Scope::None => NO_CAMPAIGN,
        Scope::All => ALL_CAMPAIGNS,
    };
    let Some((scope, span)) = rules.answers.scope(&request.text, !known.offered.is_empty()) else {
        let flag = || if rules.answers.speaks_of_all(&request.text) { ALL_CAMPAIGNS } else { NO_CAMPAIGN };
        return campaign.said_not_specific.then(flag);
    };
    campaign.said_not_specific = true;
    campaign.evidence.push(why_flagged(flag(scope), request, span));
    Some(flag(scope))
}

/// The words of an answer that are why it is flagged.
fn why_flagged(flag: &str, request: &Request, (start, end): (usize, usize)) -> Evidence {
    let text = request.text.get(start..end).unwrap_or_default().to_owned();
    Evidence { rule: format!("answer.{flag}"), place: Where::Text, field: None, start, end, text, weight: 0.0 }
}

/// What must be asked for, and what is worth asking along.
struct Lacking {
    missing: Vec<String>,
    wanted: Vec<String>,
    heard: Vec<String>,
}

/// The findings that name a campaign.
pub fn naming(campaign: &Identified) -> Vec<Evidence> {
    campaign.evidence.iter().filter(|found| found.weight > 0.0).cloned().collect()
}

/// Whether these messages are about one campaign: the customer's words before the topic's nature.
fn concerns(topic: &str, read: &[Findings<'_>], campaign: &Identified, rules: &Rules) -> Concerns {
    let unnamed = campaign.ids.is_empty() && campaign.candidates.is_empty();
    if unnamed && read.iter().any(|message| rules.not_one_campaign_of(topic, message).is_some()) {
        return Concerns::Never;
    }
    rules.concerns(topic)
}

/// The campaign's status for a topic of this kind. Without ID and name: is it about a campaign all the same? The
/// customer's word first, then the topic's nature, then whether the text speaks of one.
fn in_view_of(concerns: Concerns, campaign: &Identified) -> Status {
    let about = !campaign.said_not_specific
        && match concerns {
            Concerns::Required => true,
            Concerns::Optional => campaign.speaks_of_a_campaign,
            Concerns::Never => false,
        };
    match campaign.status {
        Status::NotStated if !about => Status::NotApplicable,
        // "Our Fresh Start went well, but this is not about any campaign."
        Status::NameOnly | Status::AmbiguousName if campaign.said_not_specific && concerns != Concerns::Required => {
            Status::NotApplicable
        }
        status => status,
    }
}

/// What the topic asks for that no message holds. `given`: the detail that an answer is, which is no more than a number.
fn lacking(
    topic: &str,
    read: &[Findings<'_>],
    campaign: &Identified,
    concerns: Concerns,
    known: Option<&Known>,
    given: Option<&str>,
    rules: &Rules,
) -> Lacking {
    let mut missing = vec![];
    if concerns == Concerns::Required && needs_id(campaign.status) {
        missing.push(CAMPAIGN_ID.to_owned());
    }
    let mut wanted = vec![];
    let mut heard = known.map(|known| known.triage.heard.clone()).unwrap_or_default();
    let mut told: Vec<Vec<Detail>> = vec![];
    for message in read {
        let details = rules.details_of(topic, message, &heard);
        heard.extend(details.iter().flat_map(|detail| detail.parts.iter().cloned()));
        told.push(details);
    }
    for detail in told.pop().unwrap_or_default() {
        let told = told.iter().flatten().any(|earlier| earlier.id == detail.id && earlier.known);
        let known_now = detail.known || given == Some(detail.id.as_str());
        if told || known_now || known.is_some_and(|known| !lacked(known, topic, &detail.id)) {
            continue;
        }
        let list = if detail.id == DESCRIPTION || detail.ask_always { &mut missing } else { &mut wanted };
        list.push(detail.id);
    }
    heard.sort();
    heard.dedup();
    Lacking { missing, wanted, heard }
}

fn needs_id(status: Status) -> bool {
    match status {
        Status::UnknownId | Status::Conflict | Status::NameOnly | Status::AmbiguousName | Status::NotStated => true,
        Status::Confirmed | Status::Multiple | Status::NotApplicable => false,
    }
}

/// Whether the ticket lacked this detail so far. A detail that only a new topic requires was never looked for.
fn lacked(known: &Known, topic: &str, detail: &str) -> bool {
    let before = &known.triage;
    let listed = before.missing.iter().chain(&before.wanted).any(|missing| missing == detail);
    listed || (detail != DESCRIPTION && before.topic.id != topic)
}

/// Flags that follow from the campaign's verdict and fall with it.
const CAMPAIGN_FLAGS: &[&str] =
    &["similar_names", "other_account", "look_alike_id", NO_CAMPAIGN, ALL_CAMPAIGNS, DOUBTED_ID];

/// Whether the ID that is stated is one of somebody else's account. A name alone, or an ID that is not known, says nothing of
/// whose campaign is meant.
pub fn of_other_account(campaign: &Identified) -> bool {
    let stated = matches!(campaign.status, Status::Confirmed | Status::Multiple | Status::Conflict);
    stated && campaign.sender_on_account == Some(false)
}

fn campaign_flags(campaign: &Identified) -> impl Iterator<Item = &'static str> {
    let unproven = !matches!(campaign.status, Status::Confirmed | Status::Multiple);
    let named = campaign.named().count();
    let look_alike =
        campaign.evidence.iter().any(|evidence| evidence.weight > 0.0 && evidence.rule.contains("look-alike"));
    [
        ("similar_names", unproven && (named > 1 || named == 1 && !campaign.similar.is_empty())),
        ("other_account", of_other_account(campaign)),
        ("look_alike_id", look_alike),
    ]
    .into_iter()
    .filter_map(|(flag, holds)| holds.then_some(flag))
}
