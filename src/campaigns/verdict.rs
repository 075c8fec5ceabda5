//! The verdict: from the IDs and names found in a request to one status, as `cases/SPEC.md` of the design defines them.
//!
//! IDs and names in form, subject, new text and links decide; a forwarded mail only when the rest says nothing; quoted
//! text and signature never. The sender never narrows an ambiguous name.

use std::borrow::Cow;

use super::contacts::sender_on_account;
use super::corrected;
use super::denial::{self, Denial};
use super::excluded::Exclusions;
use super::hints::Hints;
use super::meant::{keep_own, quoted_at, stated_ids};
use super::named::{self, Mention};
use super::placed;
use super::stated::{self, Footing, Stated};
use super::taken_back;
use super::view::View;
use super::zone::{Zone, field_zones, found, not_specific, not_that_either, speaks_of_a_campaign, whole, zone_of};
use super::{Candidate, Identified, Kind, Status};
use crate::request::Request;
use crate::request::evidence::{Evidence, Where};

/// Links and attachments that are looked at.
const ITEMS: usize = 200;
/// Candidates and similarly named campaigns shown at most.
pub(super) const CANDIDATES: usize = 200;
/// IDs and findings that are kept of one request: nobody reads more, and a hostile text must not fill the store.
const KEPT: usize = 500;

/// What was found in one zone.
pub(super) struct Found<'a> {
    pub(super) zone: Zone<'a>,
    pub(super) ids: Vec<Stated>,
    /// It decides by itself: form, subject, new text, link, attachment.
    pub(super) decides: bool,
}

/// Which campaign this request is about. `answers`: it answers our question for the Campaign ID.
pub fn identify(request: &Request, view: View<'_>, hints: &Hints, answers: bool) -> Identified {
    let directory = view.directory;
    let mut said_not_specific = false;
    let mut speaks = false;
    let mut evidence = vec![];
    // Of the URLs in the text those that hide others, as the filters of mail programs write them.
    let hides = memchr::memchr(b'%', request.text.as_bytes()).is_some();
    let wrapped = if hides { request.text.as_str() } else { "" }.split_whitespace();
    let wrapped = wrapped.filter(|word| word.starts_with("http") && word.contains('%'));
    let links = request.links.iter().map(String::as_str).chain(wrapped);
    let links: Vec<Cow<'_, str>> = links.take(ITEMS).map(unescaped).collect();
    let mut zones: Vec<Found<'_>> = vec![];
    for (zone, empty) in field_zones(request, hints) {
        if empty {
            said_not_specific = true;
            evidence.push(whole(&zone, "campaign.not-specific"));
            continue;
        }
        let ids = stated::find(&zone, view, hints);
        zones.push(Found { zone, ids, decides: true });
    }
    for (place, text) in [(Where::Subject, request.subject.as_str()), (Where::Text, request.text.as_str())] {
        let mut zone = zone_of(place, None, text, hints);
        zone.answers = answers && place == Where::Text;
        zone.language = request.language.as_deref();
        hints.unmark(&mut zone.words, zone.language);
        let mut ids = stated::find(&zone, view, hints);
        if not_specific(&zone, &mut evidence) {
            said_not_specific = true;
            let meant = not_that_either(&zone).unwrap_or(0);
            let before = ids.iter_mut().filter(|id| id.tokens.1 < meant);
            before.for_each(|id| denial::turn_down(id, Denial::Yes));
        }
        speaks |= speaks_of_a_campaign(&zone, &mut evidence);
        zones.push(Found { zone, ids, decides: true });
    }
    if let [.., subject, text] = zones.as_mut_slice()
        && zones_are_silent(&[subject, text])
        && let Some(id) = placed::subject_alone(&subject.zone, &text.zone, view, hints)
    {
        subject.ids.push(id);
    }
    if let [.., subject, text] = zones.as_mut_slice()
        && !subject.ids.is_empty()
    {
        taken_back::take_back_subject(subject, text);
        taken_back::vouch_for_subject(subject, text);
    }
    taken_back::take_back_above(&mut zones);
    taken_back::take_back_other(&mut zones);
    // Links, attachments and what was written before hold IDs, no names: without a digit there is nothing to see.
    let may_hold =
        |text: &str| directory.ids.letters_only || !text.is_ascii() || text.bytes().any(|b| b.is_ascii_digit());
    for (at, link) in links.iter().enumerate() {
        if !may_hold(link) {
            continue;
        }
        let zone = zone_of(Where::Link, Some(at.to_string()), link, hints);
        let ids = stated::find(&zone, view, hints);
        if !ids.is_empty() {
            zones.push(Found { zone, ids, decides: true });
        }
    }
    for (at, attachment) in request.attachments.iter().take(ITEMS).enumerate() {
        for text in [Some(attachment.name.as_str()), attachment.alt.as_deref()].into_iter().flatten() {
            if !may_hold(text) {
                continue;
            }
            let zone = zone_of(Where::Attachment, Some(at.to_string()), text, hints);
            let ids = stated::find(&zone, view, hints);
            if !ids.is_empty() {
                zones.push(Found { zone, ids, decides: true });
            }
        }
    }
    for (place, text) in [
        (Where::Forwarded, &request.forwarded),
        (Where::Quoted, &request.quoted),
        (Where::Signature, &request.signature),
    ] {
        if !text.is_empty() && (place == Where::Forwarded || may_hold(text)) {
            let zone = zone_of(place, None, text, hints);
            let mut ids = stated::find(&zone, view, hints);
            for id in ids.iter_mut().filter(|id| place == Where::Forwarded && quoted_at(text, id.span.0)) {
                id.footing = Footing::Beside;
            }
            zones.push(Found { zone, ids, decides: false });
        }
    }

    // Names: where they decide, and in a forwarded mail when nothing else says anything.
    let mut mentions: Vec<Mention> = vec![];
    let states_id = zones.iter().any(|found| found.ids.iter().any(|id| id.weight > 0.0 && id.row.is_some()));
    let mut read_names = |zones: &mut [Found<'_>], mentions: &mut Vec<Mention>, place: &dyn Fn(&Found<'_>) -> bool| {
        for (at, found) in zones.iter_mut().enumerate() {
            if !place(found) {
                continue;
            }
            named::mark(&mut found.zone.words, &directory.names);
            // "Light Up a Life, number GIV-2025-401": the year is the ID's, whether it is known.
            let mixed = |id: &Stated| !found.zone.id_field && id.compact.bytes().any(|b| b.is_ascii_alphabetic());
            let known = found.ids.iter().filter(|id| id.weight > 0.0 && (id.row.is_some() || mixed(id)));
            let taken: Vec<(usize, usize)> = known.map(|id| id.tokens).collect();
            let named = named::find(&found.zone, at, directory, hints, &taken, states_id);
            let other = |(start, end)| super::zone::found(&found.zone, "campaign-name.other-variant", start, end, 0.0);
            evidence.extend(named.other_variants.into_iter().map(other));
            mentions.extend(named.mentions.into_iter().filter_map(|mut mention| {
                mention.rows.retain(|(row, _)| view.sees(*row));
                (!mention.rows.is_empty()).then_some(mention)
            }));
        }
    };
    read_names(&mut zones, &mut mentions, &|found| {
        matches!(found.zone.place, Where::Form | Where::Subject | Where::Text) && found.decides
    });
    corrected::correct_names(&zones, &mut mentions, directory, &|row| view.sees(row));
    corrected::replace_names(&zones, &mut mentions);
    drop_ids_in_names(&mut zones, &mentions);
    add_ids_behind_names(&mut zones, &mentions, view, hints);
    denial::settle_subject(&zones, &mut mentions);
    denial::settle(&mut zones, &mut mentions);
    // "I was on /campaigns/48213/edit, but it has nothing to do with that campaign."
    if said_not_specific {
        let linked = zones.iter_mut().flat_map(|found| &mut found.ids).filter(|id| id.link);
        linked.for_each(|id| denial::turn_down(id, Denial::Yes));
    }
    let says_nothing = mentions.iter().all(|mention| mention.denial == Denial::Yes)
        && zones.iter().filter(|found| found.decides).all(|found| found.ids.iter().all(|id| id.weight <= 0.0));
    let forwarded = says_nothing && !request.forwarded.is_empty();
    if forwarded {
        read_names(&mut zones, &mut mentions, &|found| found.zone.place == Where::Forwarded);
        keep_own(&zones, &mut mentions);
    }

    let mut ids = stated_ids(&zones, forwarded);
    if ids.is_empty() {
        // What the forwarded mail states of the campaigns that are named above it.
        let named = |row: u32| mentions.iter().any(|mention| mention.rows.iter().any(|(named, _)| *named == row));
        ids = stated_ids(&zones, true);
        ids.retain(|id| id.row.is_some_and(named));
    }
    let exclusions = Exclusions { hints, zones: &zones, directory };
    let groups = merge(&mentions, &exclusions);
    for found in &zones {
        for id in &found.ids {
            evidence.push(of_id(found, id));
        }
    }
    for mention in &mentions {
        evidence.push(of_mention(&zones[mention.zone].zone, mention));
    }
    let mut identified = decide(&ids, &groups, view);
    identified.said_not_specific = said_not_specific;
    identified.speaks_of_a_campaign = speaks;
    identified.sender_on_account = sender_on_account(&request.from.address, &identified, directory);
    if evidence.len() > KEPT {
        // What weighs most, for or against, is what decided.
        evidence.sort_by(|a, b| b.weight.abs().total_cmp(&a.weight.abs()));
        evidence.truncate(KEPT);
    }
    evidence.sort_by(|a, b| b.weight.total_cmp(&a.weight));
    identified.evidence = evidence;
    identified
}

/// A URL as it reads: with one in it that a mail filter has wrapped (RFC 3986 §2.1), twice at most.
fn unescaped(link: &str) -> Cow<'_, str> {
    let once = percent_encoding::percent_decode_str(link).decode_utf8_lossy();
    match once {
        Cow::Owned(once) => Cow::Owned(percent_encoding::percent_decode_str(&once).decode_utf8_lossy().into_owned()),
        same => same,
    }
}

fn of_id(of: &Found<'_>, id: &Stated) -> Evidence {
    let weight = if of.decides || of.zone.place == Where::Forwarded { id.weight } else { id.weight.min(0.0) };
    found(&of.zone, id.rule, id.span.0, id.span.1, weight)
}

fn of_mention(zone: &Zone<'_>, mention: &Mention) -> Evidence {
    let best = mention.rows.first().map_or(0.0, |(_, score)| *score);
    let denied = mention.denial == Denial::Yes;
    let rule = if denied { "campaign-name.denied" } else { "campaign-name" };
    found(zone, rule, mention.span.0, mention.span.1, if denied { -1.0 } else { best })
}

/// "Spring Sale 2025" in an ID field states no ID 2025: what stands inside a name is none.
fn drop_ids_in_names(zones: &mut [Found<'_>], mentions: &[Mention]) {
    for (at, found) in zones.iter_mut().enumerate() {
        found.ids.retain(|id| {
            let inside = |mention: &Mention| {
                mention.zone == at && mention.tokens.0 <= id.tokens.0 && id.tokens.1 <= mention.tokens.1
            };
            id.row.is_some() || !mentions.iter().any(inside)
        });
    }
}

fn zones_are_silent(zones: &[&mut Found<'_>]) -> bool {
    zones.iter().all(|found| found.ids.iter().all(|id| id.weight <= 0.0))
}

/// A number in brackets behind a name states an ID, unless it was read already. The words of the name make it nothing
/// else: "Orchard Box (20417)" is no post office box.
fn add_ids_behind_names(zones: &mut [Found<'_>], mentions: &[Mention], view: View<'_>, hints: &Hints) {
    for mention in mentions {
        let found = &mut zones[mention.zone];
        for id in &mut found.ids {
            placed::restore_behind_name(id, &found.zone, mention.tokens, hints);
        }
        if let Some(id) = placed::behind_name(&found.zone, mention.tokens.1, &mention.rows, view, hints)
            && found.ids.iter().all(|seen| seen.tokens.1 < id.tokens.0 || id.tokens.1 < seen.tokens.0)
        {
            found.ids.push(id);
        }
    }
}

/// A set of campaigns that one name may mean.
pub(super) type Group = Vec<(u32, f64)>;

/// What the mentions mean together: the narrower of two that overlap, without what the text excludes.
fn merge(mentions: &[Mention], exclusions: &Exclusions<'_, '_>) -> Vec<Group> {
    let mut groups: Vec<Group> = vec![];
    for mention in mentions.iter().filter(|mention| mention.denial != Denial::Yes) {
        let group = exclusions.narrow(mention);
        let overlaps =
            groups.iter().position(|seen| seen.iter().any(|(row, _)| group.iter().any(|(other, _)| other == row)));
        match overlaps {
            Some(at) => {
                let both: Group = groups[at]
                    .iter()
                    .filter_map(|(row, score)| {
                        group.iter().find(|(other, _)| other == row).map(|(_, other)| (*row, score.max(*other)))
                    })
                    .collect();
                groups[at] = both;
            }
            None => groups.push(group),
        }
    }
    // What the text denies elsewhere is not meant: "not Spring Sale 2024" beside "Spring Sale".
    let denied: Vec<u32> = mentions
        .iter()
        .filter(|mention| mention.denial == Denial::Yes && mention.rows.len() == 1)
        .flat_map(|mention| mention.rows.iter().map(|(row, _)| *row))
        .collect();
    for group in &mut groups {
        if group.iter().any(|(row, _)| !denied.contains(row)) {
            group.retain(|(row, _)| !denied.contains(row));
        }
    }
    groups.retain(|group| !group.is_empty());
    groups
}

/// The verdict, by what is stated and named.
fn decide(ids: &[&Stated], groups: &[Group], view: View<'_>) -> Identified {
    let directory = view.directory;
    let campaigns = &directory.campaigns;
    let known: Vec<u32> = ids.iter().filter_map(|id| id.row).collect();
    let mut identified = Identified {
        status: Status::NotStated,
        id: None,
        ids: ids.iter().filter(|id| id.row.is_some() || known.is_empty()).map(|id| id.id.clone()).take(KEPT).collect(),
        candidates: vec![],
        similar: vec![],
        sender_on_account: None,
        said_not_specific: false,
        speaks_of_a_campaign: false,
        evidence: vec![],
    };
    let candidate = |row: u32, score: f64| {
        let campaign = &campaigns[row as usize];
        Candidate { id: campaign.id.clone(), name: campaign.name.clone(), score, kind: Kind::Named }
    };
    let named = |groups: &mut dyn Iterator<Item = &Group>| -> Vec<Candidate> {
        let mut all: Vec<(u32, f64)> = vec![];
        for (row, score) in groups.flatten() {
            if all.iter().all(|(seen, _)| seen != row) && all.len() < CANDIDATES {
                all.push((*row, *score));
            }
        }
        all.into_iter().map(|(row, score)| candidate(row, score)).collect()
    };
    match known[..] {
        [] if !ids.is_empty() => {
            identified.status = Status::UnknownId;
            identified.id = ids.first().map(|id| id.id.clone());
            identified.candidates = named(&mut groups.iter());
            identified.similar = directory.similar_rows(&rows_of(groups), CANDIDATES);
            let near = ids.first().map(|id| view.ids().near(&id.compact, campaigns)).unwrap_or_default();
            for (row, score) in near {
                let near = Candidate { kind: Kind::NearMiss, ..candidate(row, score) };
                if identified.candidates.len() < CANDIDATES && identified.named().all(|named| named.id != near.id) {
                    identified.candidates.push(near);
                }
            }
        }
        [] => {
            identified.candidates = named(&mut groups.iter());
            identified.status = match identified.candidates.len() {
                0 => Status::NotStated,
                1 => Status::NameOnly,
                _ => Status::AmbiguousName,
            };
            identified.similar = directory.similar_rows(&rows_of(groups), CANDIDATES);
        }
        [row] => {
            identified.id = Some(campaigns[row as usize].id.clone());
            identified.similar = directory.similar_rows(&[row], CANDIDATES);
            let holds = |group: &&Group| group.iter().any(|(other, _)| *other == row);
            if groups.is_empty() || groups.iter().any(|group| holds(&group)) {
                identified.status = Status::Confirmed;
            } else {
                identified.status = Status::Conflict;
                identified.candidates = named(&mut groups.iter());
                // What is like the stated one, then what is like those named.
                for other in directory.similar_rows(&rows_of(groups), CANDIDATES) {
                    if identified.id.as_ref() != Some(&other.id) && !identified.similar.contains(&other) {
                        identified.similar.push(other);
                    }
                }
                identified.similar.truncate(CANDIDATES);
            }
        }
        _ => identified.status = Status::Multiple,
    }
    identified
}

/// The campaigns that are named, as many as are looked at.
fn rows_of(groups: &[Group]) -> Vec<u32> {
    groups.iter().flatten().map(|(row, _)| *row).take(CANDIDATES).collect()
}
