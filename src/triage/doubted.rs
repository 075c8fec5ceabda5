//! An answer that states a Campaign ID and is in doubt of it: "20471, I guess", "should I go with 20471?"
//!
//! Such an ID is taken, for agents to make sure of. Never holds anything back, and never doubts an ID that a later answer
//! states plainly.

use super::{DOUBTED_ID, Known, why_flagged};
use crate::campaigns::{Directory, Identified, Status};
use crate::request::Request;
use crate::request::evidence::{Evidence, Where};
use crate::rules::Rules;

/// Whether the ticket's campaign, `now`, was stated in doubt: by this message, which states `new`, or by the one before that
/// said which it is. The words that doubt become evidence.
pub fn doubted(
    new: &Identified,
    now: &mut Identified,
    request: &Request,
    directory: &Directory,
    rules: &Rules,
    known: &Known,
) -> bool {
    let same = now.ids == known.triage.campaign.ids;
    let before = same && known.triage.flags.iter().any(|flag| flag == DOUBTED_ID);
    let taken = |found: &&Evidence| {
        let id = directory.get(&found.text).map_or(found.text.as_str(), |campaign| campaign.id.as_str());
        found.place == Where::Text
            && found.weight > 0.0
            && found.rule.starts_with("campaign-id")
            && now.ids.iter().any(|own| own == id)
    };
    if known.campaign_by_agent || !matches!(now.status, Status::Confirmed | Status::Multiple) {
        return false;
    }
    let mut spans: Vec<_> = new.evidence.iter().filter(taken).map(|found| (found.start, found.end)).collect();
    spans.sort_unstable();
    if spans.is_empty() {
        return before;
    }
    // "20471?" of what is settled asks something else.
    if same && !before && !known.asks_for_campaign() {
        return false;
    }
    let Some(span) = rules.answers.doubted(&request.text, &spans, &known.triage.topic.id) else { return false };
    now.evidence.push(why_flagged(DOUBTED_ID, request, span));
    true
}
