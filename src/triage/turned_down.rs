//! What a request states only to turn it down: "I do not think it is 20471", "20471? No."
//!
//! An answer is read in the light of our question: "20471 is wrong" takes back what the ticket took for its campaign. Never
//! takes another campaign in its place.

use super::Known;
use crate::campaigns::{self, DENIED, Directory, Identified, Status, View};
use crate::request::Request;
use crate::request::evidence::{Evidence, Where};
use crate::rules::Rules;
use crate::rules::answers::denied::Asked;

/// The judgement of a request, `stated`, without the IDs that it turns down. `known`: what its ticket knew before.
pub fn without(
    stated: Identified,
    request: &Request,
    view: View<'_>,
    rules: &Rules,
    known: Option<&Known>,
) -> Identified {
    let for_campaign = known.is_some_and(Known::asks_for_campaign);
    let asked = match known {
        Some(known) if for_campaign && !known.offered.is_empty() => Asked::Which,
        Some(_) if for_campaign => Asked::Id,
        Some(known) if known.asked.is_empty() => Asked::Something,
        _ => Asked::Nothing,
    };
    let states = |found: &&Evidence| {
        let id = found.weight > 0.0 && found.rule.starts_with("campaign-id") || found.rule == DENIED;
        found.place == Where::Text && id
    };
    let mut ids: Vec<&Evidence> = stated.evidence.iter().filter(states).collect();
    ids.sort_by_key(|found| found.start);
    let spans: Vec<_> = ids.iter().map(|found| (found.start, found.end)).collect();
    let topic = known.map_or("", |known| known.triage.topic.id.as_str());
    let mut down = rules.answers.turned_down(&request.text, &spans, asked, topic);
    down.retain(|span| ids.iter().any(|found| found.weight > 0.0 && (found.start, found.end) == *span));
    if down.is_empty() {
        return stated;
    }
    let mut text = request.text.clone();
    let mut denied = vec![];
    for (start, end) in down {
        let Some(id) = request.text.get(start..end) else { continue };
        text.replace_range(start..end, &" ".repeat(end - start));
        denied.push(Evidence {
            rule: DENIED.to_owned(),
            place: Where::Text,
            field: None,
            start,
            end,
            text: id.to_owned(),
            weight: -1.0,
        });
    }
    let rest = Request { text, ..request.clone() };
    let mut rest = campaigns::identify_in(&rest, view, &rules.campaign_hints, for_campaign);
    rest.evidence.extend(denied);
    rest
}

/// What is left of the campaigns that the ticket was about, where this message, `new`, turns one of them down and states none.
/// `None`: it turns none of them down.
pub fn left_of(old: &Identified, new: &Identified, directory: &Directory) -> Option<Vec<String>> {
    let settled = matches!(old.status, Status::Confirmed | Status::Multiple | Status::UnknownId);
    let denied = new.evidence.iter().filter(|found| found.rule == DENIED && found.place == Where::Text);
    let denied: Vec<&str> =
        denied.map(|found| directory.get(&found.text).map_or(found.text.as_str(), |known| known.id.as_str())).collect();
    let left: Vec<String> = old.ids.iter().filter(|id| !denied.contains(&id.as_str())).cloned().collect();
    (settled && left.len() < old.ids.len()).then_some(left)
}
