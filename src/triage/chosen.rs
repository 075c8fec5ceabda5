//! What an answer says of the campaigns that were put before the customer.
//!
//! Picking from a list is no guess. Never takes one campaign for another: where the answer states one beside the one that it
//! picks, and both may be meant, it is about both, and agents see to it.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{INSISTS, Known, why_flagged};
use crate::campaigns::{self, Campaign, Candidate, Directory, Identified, Kind, Status};
use crate::request::Request;
use crate::request::evidence::{Evidence, Where};
use crate::rules::answers::beside::{Beside, STATED};
use crate::rules::answers::sides::Side;
use crate::rules::answers::{Answers, Offered, Pick, own_year};

/// Which one ("the 2025 one", "the second", "not the first"), several, or none of them. `None`: it says nothing of the list,
/// or no more than the judgement of it alone, `new`.
pub fn chosen(
    known: &Known,
    request: &Request,
    directory: &Directory,
    answers: &Answers,
    new: &Identified,
) -> Option<Identified> {
    let old = &known.triage.campaign;
    // The place counts in the list as it was sent.
    let campaigns: Vec<Option<&Campaign>> = known.offered.iter().map(|id| directory.get(id)).collect();
    let name = |id: &String| directory.get(id).map_or("", |found| found.name.as_str());
    let year = request.date.and_then(year_of);
    let offered = |id| {
        let name = name(id);
        Offered { id, name, ahead: year.and_then(|now| own_year(name).map(|own| own - now)) }
    };
    let list: Vec<Offered<'_>> = known.offered.iter().map(offered).collect();
    if list.is_empty() {
        return None;
    }
    let stated = !new.ids.is_empty();
    // What he wrote himself is none of what we found near it.
    if old.status == Status::UnknownId && !stated {
        if let Some(span) = answers.insists(&request.text) {
            let mut kept = old.clone();
            kept.evidence.push(why_flagged(INSISTS, request, span));
            return Some(kept);
        }
        if answers.speaks_of_last_years(&request.text) {
            return Some(old.clone());
        }
    }
    let text = &in_view_of(&list, request, new);
    let at = |places: &[usize]| -> Vec<&Campaign> {
        places.iter().filter_map(|place| campaigns.get(*place).copied().flatten()).collect()
    };
    let named = || {
        let named = |place: &usize| new.candidates.iter().any(|candidate| candidate.id == known.offered[*place]);
        let named: Vec<usize> = (0..list.len()).filter(named).collect();
        (named.len() == 1 && list.len() > 1 && !stated).then_some(named)
    };
    // Whoever writes nothing of it above may have marked it in the list that he quotes.
    let said = match answers.pick(text, &list, &known.triage.topic.id) {
        Pick::Silent if !stated => answers.marked(text, &request.quoted, &list),
        said => said,
    };
    let said = match said {
        Pick::Silent if old.status == Status::Conflict && new.candidates.is_empty() => match answers.side(text) {
            Some(side) => right(side, &known.offered, &old.ids),
            None => Pick::Silent,
        },
        said => said,
    };
    // Once it is answered, only a correction counts: "no, sorry, the first one"; not "don't pause the first one after all".
    let keeps = || answers.keeps(text, &list, &known.triage.topic.id);
    if known.asked.is_empty() && (!matches!(said, Pick::One(_)) || keeps()) {
        return None;
    }
    let places = match said {
        Pick::One(place) => vec![place],
        Pick::Several(places) => places,
        Pick::Silent if !stated && answers.rules_out(text, &list) => return Some(old.clone()),
        Pick::Silent => named()?,
        Pick::Nothing if matches!(new.status, Status::NotStated | Status::NotApplicable) => {
            return Some(Identified { status: Status::NotStated, speaks_of_a_campaign: true, ..new.clone() });
        }
        Pick::Nothing => return None,
        // Whoever states an ID has said more than he has ruled out; not who is in doubt about it.
        Pick::Unclear | Pick::Among(_) if stated && !answers.doubts(text, &list) => return None,
        // Fewer are left to choose from: worth another question.
        Pick::Among(places) if old.status == Status::AmbiguousName => {
            let candidates = at(&places).into_iter().map(candidate).collect();
            let mut fewer = Identified { candidates, ..old.clone() };
            fewer.sender_on_account = campaigns::sender_on_account(&request.from.address, &fewer, directory);
            return Some(fewer);
        }
        Pick::Unclear | Pick::Among(_) => return Some(old.clone()),
    };
    let mut picked = at(&places);
    if picked.is_empty() {
        return None;
    }
    if new.ids.iter().any(|id| picked.iter().all(|campaign| campaign.id != *id)) {
        match answers.beside(text, &list, &places) {
            Beside::Aside => {}
            Beside::Along if matches!(new.status, Status::Confirmed | Status::Multiple) => {
                for stated in new.ids.iter().filter_map(|id| directory.get(id)) {
                    if picked.iter().all(|campaign| campaign.id != stated.id) {
                        picked.push(stated);
                    }
                }
            }
            Beside::Along | Beside::Instead => return None,
        }
    } else if matches!(new.status, Status::Confirmed | Status::Multiple) && new.ids.len() == picked.len() {
        return None;
    }
    Some(identified(&picked, request, directory, new))
}

/// The year of a moment, in milliseconds since 1970.
fn year_of(moment: i64) -> Option<i32> {
    Timestamp::from_millisecond(moment).ok().map(|moment| i32::from(TimeZone::UTC.to_datetime(moment).year()))
}

/// The campaign of the ID, or that of the name, where the list is of these two.
fn right(side: Side, offered: &[String], stated: &[String]) -> Pick {
    let (ids, names): (Vec<usize>, Vec<usize>) =
        (0..offered.len()).partition(|place| stated.contains(&offered[*place]));
    match (side, ids.as_slice(), names.as_slice()) {
        (Side::Id, [place], _) | (Side::Name, _, [place]) => Pick::One(*place),
        _ => Pick::Unclear,
    }
}

/// These campaigns, as if they had been stated.
pub fn identified(picked: &[&Campaign], request: &Request, directory: &Directory, new: &Identified) -> Identified {
    let ids: Vec<String> = picked.iter().map(|campaign| campaign.id.clone()).collect();
    let (status, id) = match ids.as_slice() {
        [one] => (Status::Confirmed, Some(one.clone())),
        _ => (Status::Multiple, None),
    };
    Identified {
        status,
        candidates: picked.iter().copied().map(candidate).collect(),
        similar: id.as_deref().map(|id| directory.similar(id)).unwrap_or_default(),
        id,
        ids,
        sender_on_account: campaigns::on_accounts(&request.from.address, picked.iter().copied()),
        ..new.clone()
    }
}

fn candidate(campaign: &Campaign) -> Candidate {
    Candidate { id: campaign.id.clone(), name: campaign.name.clone(), score: 1.0, kind: Kind::Named }
}

/// The answer as it is compared with the list: what is stated beside the list is one word, and a number that is no ID,
/// such as an amount, is none of the list's.
fn in_view_of(list: &[Offered<'_>], request: &Request, new: &Identified) -> String {
    let compact = |words: &str| words.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_lowercase();
    let listed = |words: &str| {
        let words = compact(words);
        list.iter().any(|offered| compact(offered.id) == words || compact(offered.name).contains(&words))
    };
    let instead = |found: &Evidence| match found.rule.as_str() {
        campaigns::DENIED => None,
        rule if found.weight > 0.0 => (rule.starts_with("campaign-") && !listed(&found.text)).then_some(STATED),
        rule => rule.starts_with("campaign-id").then_some("figure"),
    };
    let mut spans: Vec<(usize, usize, &str)> = vec![];
    for found in new.evidence.iter().filter(|found| found.place == Where::Text) {
        spans.extend(instead(found).map(|word| (found.start, found.end, word)));
    }
    spans.sort_unstable();
    let mut text = String::with_capacity(request.text.len());
    let mut end = 0;
    for (from, to, word) in spans {
        let Some(before) = request.text.get(end..from) else { continue };
        text.push_str(before);
        text.push_str(word);
        end = to;
    }
    text.push_str(request.text.get(end..).unwrap_or_default());
    text
}
