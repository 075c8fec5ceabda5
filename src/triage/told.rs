//! The judgement as its requester may be told.
//!
//! What goes out to somebody is judged in view of the campaigns that he is a contact of: an ID of another account's campaign
//! is to him as one that is not there, with a label or without. So nothing that he is asked, or not asked, tells which IDs
//! and names there are beyond his own. Agents see the judgement over the whole directory.

use super::{Known, Triage, judged};
use crate::campaigns::{self, Directory, View};
use crate::request::Request;
use crate::rules::Rules;

/// Judges for the requester; `None`: nothing in `triage`, the judgement over the whole directory, is beyond what he may see.
pub fn told(
    request: &Request,
    directory: &Directory,
    rules: &Rules,
    known: Option<&Known>,
    requester: &str,
    triage: &Triage,
) -> Option<Triage> {
    let before = known.and_then(|known| known.triage.told.as_deref());
    if known.is_some_and(|known| known.campaign_by_agent) {
        return None;
    }
    let campaign = &triage.campaign;
    let candidates = campaign.candidates.iter().map(|candidate| &candidate.id);
    let beyond = |id: &String| directory.get(id).is_some_and(|found| !campaigns::may_know(requester, found));
    if before.is_none() && !campaign.ids.iter().chain(candidates).any(beyond) {
        return None;
    }
    let known = known.map(|known| Known { triage: known.triage.tellable().clone(), ..known.clone() });
    Some(judged(request, View { directory, viewer: Some(requester) }, rules, known.as_ref()))
}
