//! Which of what was found counts: of the IDs stated everywhere in a request those that are meant, each once.
//!
//! Weighs places and footing against one another; finds nothing, and knows no verdict.

use std::collections::{HashMap, HashSet};

use foldhash::fast::FixedState;

use super::denial::{DENIED, Denial};
use super::named::Mention;
use super::stated::{Footing, Stated};
use super::verdict::Found;
use crate::request::evidence::Where;

/// Whether what stands here in a forwarded mail is quoted there.
pub(super) fn quoted_at(text: &str, at: usize) -> bool {
    text.get(..at).and_then(|before| before.lines().next_back()).is_some_and(|line| line.trim_start().starts_with('>'))
}

/// The names that a forwarded mail quotes count only where it says nothing itself.
pub(super) fn keep_own(zones: &[Found<'_>], mentions: &mut Vec<Mention>) {
    let quoted = |mention: &Mention| {
        let zone = &zones[mention.zone].zone;
        zone.place == Where::Forwarded && quoted_at(zone.words.text, mention.span.0)
    };
    let own = |id: &Stated| id.weight > 0.0 && id.footing != Footing::Beside;
    let mut forwarded = zones.iter().filter(|found| found.zone.place == Where::Forwarded);
    if forwarded.any(|found| found.ids.iter().any(own)) || mentions.iter().any(|mention| !quoted(mention)) {
        mentions.retain(|mention| !quoted(mention));
    }
}

/// The IDs that count, each once, the most certain place first. Links and attachments count when no other place states
/// one; numbers without a label when no labelled ID stands beside them, or they stand firmly.
pub(super) fn stated_ids<'a>(zones: &'a [Found<'_>], forwarded: bool) -> Vec<&'a Stated> {
    let counts = |found: &&Found<'_>| found.decides || forwarded && found.zone.place == Where::Forwarded;
    let lower = |found: &Found<'_>, id: &Stated| id.link || matches!(found.zone.place, Where::Link | Where::Attachment);
    let said = |found: &Found<'_>| matches!(found.zone.place, Where::Form | Where::Subject | Where::Text);
    let all: Vec<(bool, bool, &Stated)> = zones
        .iter()
        .filter(counts)
        .flat_map(|found| found.ids.iter().map(move |id| (lower(found, id), said(found), id)))
        .collect();
    // "I wrote 48213. It is not 48213": what the text turns down is not meant where it was said before; nor without a label
    // where it is said behind that and another is meant; nor in links and in what others wrote.
    let mut denied: HashMap<&str, (usize, bool), FixedState> = HashMap::default();
    for (at, (_, _, id)) in all.iter().enumerate().filter(|(_, (_, _, id))| id.rule == DENIED) {
        let (last, outright) = denied.entry(&id.compact).or_default();
        (*last, *outright) = (at, *outright || id.denial == Denial::Yes);
    }
    let labelled: HashSet<&str, FixedState> =
        all.iter().filter(|(_, _, id)| id.weight >= 1.0).map(|(_, _, id)| id.compact.as_str()).collect();
    let another = all.iter().any(|(_, _, id)| id.weight > 0.0 && !denied.contains_key(id.compact.as_str()));
    let taken_back = |at: usize, said: bool, id: &Stated| {
        denied.get(id.compact.as_str()).is_some_and(|(last, outright)| match outright {
            true => *last > at || !said || another && id.weight < 1.0,
            false => *last > at && id.weight < 1.0 && !labelled.contains(id.compact.as_str()),
        })
    };
    let standing = all.iter().enumerate().filter(|(at, (_, said, id))| id.weight > 0.0 && !taken_back(*at, *said, id));
    let mut all: Vec<(bool, &Stated)> = standing.map(|(_, (lower, _, id))| (*lower, *id)).collect();
    if all.iter().any(|(lower, id)| !lower && id.footing != Footing::Beside) {
        all.retain(|(lower, id)| !lower && id.footing != Footing::Beside);
    } else if all.iter().any(|(_, id)| id.footing != Footing::Beside) {
        all.retain(|(_, id)| id.footing != Footing::Beside);
    }
    // Who labels one ID would label the other; what its shape tells needs no label.
    let by_shape = |id: &Stated| matches!(id.rule, "campaign-id.shape" | "campaign-id.exact");
    let labelled = |id: &Stated| id.footing == Footing::Labelled && !by_shape(id);
    if all.iter().any(|(_, id)| labelled(id)) {
        all.retain(|(_, id)| id.footing != Footing::Plain);
    }
    let mut rows: HashSet<u32, FixedState> = HashSet::default();
    let mut spelled: HashSet<&str, FixedState> = HashSet::default();
    let mut new = |id: &&'a Stated| id.row.is_none_or(|row| rows.insert(row)) && spelled.insert(&id.compact);
    all.into_iter().map(|(_, id)| id).filter(|id| new(id)).collect()
}
