//! The texts of a request in which campaigns are looked for, in words, and what they say of campaigns at large.
//!
//! Which form fields may hold an ID or a name is decided here; what stands in them is not.

use std::cell::OnceCell;

use super::fold::{self, Words};
use super::gap;
use super::hints::{Hints, Says, role};
use crate::request::evidence::{Evidence, Where};
use crate::request::{FieldKey, Request};

/// Bytes of one zone that are looked at.
const ZONE_BYTES: usize = 256 * 1024;

/// "none of".
const NONE: [&str; 9] = ["none", "keiner", "keinem", "keinen", "aucune", "ninguna", "nenhuma", "nessuna", "zadnej"];
/// "no campaign", "keine Kampagne".
const NO: [&str; 3] = ["no", "keine", "any"];

/// All of something, before it.
const WHOLE: [&str; 26] = [
    "entire",
    "whole",
    "complete",
    "gesamte",
    "gesamten",
    "gesamtes",
    "gesamter",
    "ganze",
    "ganzen",
    "ganzes",
    "komplette",
    "kompletten",
    "komplettes",
    "tout",
    "ensemble",
    "totalite",
    "integralite",
    "toda",
    "entera",
    "totalidad",
    "totalidade",
    "intero",
    "tutto",
    "hele",
    "volledige",
    "cale",
];
/// An account with the desk.
const ACCOUNTS: [&str; 10] =
    ["account", "accounts", "konto", "kontos", "compte", "cuenta", "conta", "rekening", "konta", "kontot"];

/// A text in which campaigns are looked for.
#[derive(Debug)]
pub struct Zone<'a> {
    /// Which part of the request.
    pub place: Where,
    /// The field's label, or the index of link or attachment.
    pub field: Option<String>,
    /// The value of a field that holds Campaign IDs.
    pub id_field: bool,
    /// The value of a field that holds a campaign's name.
    pub name_field: bool,
    /// It is of a campaign: its label says so, or it is no field.
    pub speaks: bool,
    /// It answers our question for the Campaign ID.
    pub answers: bool,
    /// Its language, where that is known: a code of ISO 639-1.
    pub language: Option<&'a str>,
    /// Its words, with their roles.
    pub words: Words<'a>,
    /// Where it says that it is about no particular campaign, once that was asked.
    general: OnceCell<Option<(usize, usize)>>,
}

pub(super) fn zone_of<'a>(place: Where, field: Option<String>, text: &'a str, hints: &Hints) -> Zone<'a> {
    let end = text.floor_char_boundary(ZONE_BYTES);
    let mut words = fold::words(&text[..end]);
    hints.mark(&mut words);
    if place == Where::Link {
        words.tokens.iter_mut().for_each(|token| token.link = true);
    }
    Zone {
        place,
        field,
        id_field: false,
        name_field: false,
        speaks: place != Where::Form,
        answers: false,
        language: None,
        words,
        general: OnceCell::new(),
    }
}

impl Zone<'_> {
    /// Whether its language writes every noun with a capital.
    pub fn capital_nouns(&self) -> bool {
        matches!(self.language, Some("de" | "lb"))
    }
}

/// The fields that may name a campaign; the flag says that the value denies that there is one.
pub(super) fn field_zones<'a>(request: &'a Request, hints: &Hints) -> Vec<(Zone<'a>, bool)> {
    let mut zones = vec![];
    for field in &request.fields {
        let value = field.value.trim();
        if value.is_empty() {
            continue;
        }
        let roles = fold::words(&field.label).tokens.len();
        let (id_field, name_field) = match field.key {
            FieldKey::CampaignId => (true, false),
            FieldKey::CampaignName => (false, true),
            FieldKey::Unknown if roles > 0 && roles <= 6 => by_label(&field.label, hints),
            _ => continue,
        };
        let mut zone = zone_of(Where::Form, Some(field.label.clone()), &field.value, hints);
        zone.id_field = id_field;
        zone.name_field = name_field;
        zone.speaks = id_field || name_field || speaks_of_one(&field.label, hints);
        let denies =
            (id_field || name_field) && (hints.value_not_specific(value) || says_not_specific(&zone).is_some());
        if id_field || name_field || field.key == FieldKey::Unknown && labelled_value(&field.label, hints) {
            zones.push((zone, denies));
        }
    }
    zones
}

/// Whether an unknown field's label speaks of a campaign's ID or name.
fn by_label(label: &str, hints: &Hints) -> (bool, bool) {
    let mut words = fold::words(label);
    hints.mark(&mut words);
    let has = |roles: u64| words.tokens.iter().any(|token| token.roles & roles != 0);
    let campaign = has(role::CAMPAIGN | role::CAMPAIGNS);
    let id = has(role::LABEL) || campaign && has(role::IDENTIFIER | role::NUMBER);
    (id, campaign && !id && words.tokens.len() <= 2)
}

fn speaks_of_one(label: &str, hints: &Hints) -> bool {
    let mut words = fold::words(label);
    hints.mark(&mut words);
    words.tokens.iter().any(|token| token.roles & (role::CAMPAIGN | role::CAMPAIGNS | role::ADVERT) != 0)
}

/// A field whose label says nothing against IDs: a value of a telling shape may be one.
fn labelled_value(label: &str, hints: &Hints) -> bool {
    let mut words = fold::words(label);
    hints.mark(&mut words);
    !words.tokens.iter().any(|token| hints.negative(words.folded(token), token.roles))
}

pub(super) fn says_not_specific(zone: &Zone<'_>) -> Option<(usize, usize)> {
    *zone.general.get_or_init(|| general(zone))
}

fn general(zone: &Zone<'_>) -> Option<(usize, usize)> {
    // "Hi all, our campaign …" says it of none.
    let parted = |at: usize| zone.words.tokens[at].gap & (gap::CLAUSE | gap::COMMA) != 0;
    let mut said = zone.words.said.iter().filter(|said| said.says == Says::NotSpecific);
    let said = said.find(|said| !(said.at + 1..said.end).any(parted)).map(|said| (said.at, said.end));
    let said = said.map(|(at, end)| (at, end + named_account(&zone.words, end)));
    said.or_else(|| whole_account(&zone.words))
        .or_else(|| none_in_particular(&zone.words))
        .or_else(|| about_none(&zone.words))
}

/// Words of an account's name.
const NAME: usize = 6;

/// Whether this word stands beside the one before it, as those of a name do.
fn joined(words: &Words<'_>, at: usize) -> bool {
    words.tokens.get(at).is_some_and(|token| token.gap & !(gap::SPACE | gap::HYPHEN | gap::QUOTE) == 0)
}

/// "the entire account Green Valley", "toda la cuenta de Valle Verde": how many words behind one for the account are its name.
fn named_account(words: &Words<'_>, end: usize) -> usize {
    let tokens = &words.tokens;
    if !ACCOUNTS.contains(&words.word(end - 1)) {
        return 0;
    }
    let near = |at: &usize| joined(words, *at);
    let of = |at: usize| tokens[at].roles & (role::OF | role::OWN) != 0;
    let part = (end..end + NAME).take_while(near).take_while(|at| tokens[*at].capital || of(*at));
    part.filter(|at| tokens[*at].capital).last().map_or(0, |last| last + 1 - end)
}

/// "the entire Green Valley account", "unser gesamtes Grüntal-Konto": all of an account that is named.
fn whole_account(words: &Words<'_>) -> Option<(usize, usize)> {
    let tokens = &words.tokens;
    let near = |at: &usize| joined(words, *at);
    // Few words begin so: all are asked.
    let account = |at: &usize| {
        let word = words.word(*at);
        matches!(word.as_bytes().first(), Some(b'a' | b'c' | b'k' | b'r')) && ACCOUNTS.contains(&word)
    };
    let named = |account: usize| {
        for at in (account.saturating_sub(NAME + 1)..account).rev().take_while(|at| near(&(at + 1))) {
            if WHOLE.contains(&words.word(at)) {
                return (at + 1 < account).then_some((at, account + 1));
            }
            if !tokens[at].capital && tokens[at].roles & (role::OWN | role::OF) == 0 {
                break;
            }
        }
        None
    };
    (0..tokens.len()).filter(account).find_map(named)
}

/// "não respeita a nenhuma campanha", "it concerns no campaign of ours", "ne se rapporte à aucune de nos campagnes": it is said
/// that what somebody writes of is none.
fn about_none(words: &Words<'_>) -> Option<(usize, usize)> {
    const NEAR: usize = 3;
    let tokens = &words.tokens;
    let near = |at: usize| tokens.get(at).is_some_and(|token| token.gap == gap::SPACE || token.gap == gap::APOSTROPHE);
    let campaign = |at: usize| tokens[at].roles & (role::CAMPAIGN | role::CAMPAIGNS) != 0;
    let light = |at: usize| tokens[at].roles & (role::STOP | role::FILL | role::OWN | role::RELATION) != 0;
    let denied = |at: usize| (at.saturating_sub(NEAR)..at).any(|at| tokens[at].roles & role::DENY != 0);
    words.said.iter().filter(|said| said.says == Says::About).find_map(|said| {
        let no = |at: usize| match words.word(at) {
            "any" => denied(said.at),
            word => NONE.contains(&word) || NO.contains(&word),
        };
        let none = (said.end..said.end + 2).find(|at| near(*at) && no(*at))?;
        let mut behind = (none + 1..none + 2 + NEAR).take_while(|at| near(*at));
        let last = behind.find(|at| campaign(*at) || !light(*at)).filter(|at| campaign(*at))?;
        Some((said.at, last + 1))
    })
}

/// "of no single campaign", "nicht um eine bestimmte Kampagne", "d'aucune campagne précise": a campaign that is said to be a
/// particular one, and denied.
pub(super) fn none_in_particular(words: &Words<'_>) -> Option<(usize, usize)> {
    let tokens = &words.tokens;
    let near = |at: usize| tokens[at].gap & (gap::CLAUSE | gap::COMMA | gap::LINE) == 0;
    let campaign =
        |at: usize| tokens.get(at).is_some_and(|token| token.roles & (role::CAMPAIGN | role::CAMPAIGNS) != 0);
    let denies = |at: usize| tokens[at].roles & (role::DENY | role::POLAR) != 0 || NONE.contains(&words.word(at));
    // "nothing to do with one of our campaigns", "with any single campaign": directly before it.
    let unrelated = |first: usize| {
        let light = |at: &usize| near(at + 1) && tokens[*at].roles & role::STOP != 0;
        let from = first - (first.saturating_sub(2)..first).rev().take_while(light).count();
        let says = |at: &usize| {
            let mut phrases = words.phrases_at(*at);
            phrases.any(|(says, end)| says == Says::DeniedAfter && (from..=first).contains(&end))
        };
        (first.saturating_sub(7)..first).find(says)
    };
    for said in words.said.iter().filter(|said| matches!(said.says, Says::Particular | Says::OwnCampaign)) {
        let (first, end) = match () {
            () if said.says == Says::OwnCampaign => match unrelated(said.at) {
                Some(at) => return Some((at, said.end)),
                None => continue,
            },
            () if campaign(said.end) && near(said.end) => (said.at, said.end + 1),
            () if said.at > 0 && campaign(said.at - 1) && near(said.at) => (said.at - 1, said.end),
            () => continue,
        };
        if let Some(at) = unrelated(first) {
            return Some((at, end));
        }
        for at in (first.saturating_sub(4)..first).rev() {
            if !near(at + 1) {
                break;
            }
            if denies(at) {
                return Some((at, end));
            }
            if tokens[at].roles & (role::STOP | role::FILL | role::RELATION | role::PHRASE) == 0 {
                break;
            }
        }
    }
    None
}

pub(super) fn not_specific(zone: &Zone<'_>, evidence: &mut Vec<Evidence>) -> bool {
    let Some((first, end)) = says_not_specific(zone) else { return false };
    evidence.push(span(zone, first, end - 1, "campaign.not-specific"));
    true
}

/// "I am practising on 48213, but it is not about that campaign or any other": where it is said that the campaign just spoken of
/// is not meant either.
pub(super) fn not_that_either(zone: &Zone<'_>) -> Option<usize> {
    const THAT: [&str; 12] =
        ["that", "this", "diese", "dieser", "dieses", "diesem", "cette", "esa", "esta", "essa", "dessa", "questa"];
    let (first, end) = says_not_specific(zone)?;
    let that = |at: usize| {
        let campaign = zone.words.tokens[at + 1].roles & role::CAMPAIGN != 0;
        campaign && THAT.contains(&zone.words.word(at))
    };
    (first..end - 1).any(that).then_some(first)
}

/// "my campaign", "our ad": the text speaks of one without saying which.
pub(super) fn speaks_of_a_campaign(zone: &Zone<'_>, evidence: &mut Vec<Evidence>) -> bool {
    let tokens = &zone.words.tokens;
    // "Campaign", and nothing else, as the subject
    if zone.place == Where::Subject
        && let [token] = tokens.as_slice()
        && token.roles & role::CAMPAIGN != 0
    {
        evidence.push(span(zone, 0, 0, "campaign.spoken-of"));
        return true;
    }
    for (at, token) in tokens.iter().enumerate() {
        let phrase = zone.words.phrases_at(at).find(|(says, _)| *says == Says::OwnCampaign);
        // "It is not about a campaign"
        let general = || says_not_specific(zone).is_some_and(|(first, end)| (first..end).contains(&at));
        if let Some((_, end)) = phrase.filter(|_| !general()) {
            evidence.push(span(zone, at, end - 1, "campaign.spoken-of"));
            return true;
        }
        if token.link || token.roles & (role::CAMPAIGN | role::CAMPAIGNS | role::ADVERT) == 0 {
            continue;
        }
        let product = tokens.get(at + 1).is_some_and(|next| next.roles & role::PRODUCT != 0 && next.gap == gap::SPACE);
        // "the page with my campaigns" is about none of them.
        let several = token.roles & (role::CAMPAIGNS | role::CAMPAIGN) == role::CAMPAIGNS;
        if product || several {
            continue;
        }
        // "my campaign", "our summer campaign", "one of my campaigns".
        for back in 1..=6 {
            let Some(before) = at.checked_sub(back) else { break };
            if tokens[before + 1].gap & (gap::END | gap::COMMA | gap::PARAGRAPH) != 0 {
                break;
            }
            let roles = tokens[before].roles;
            if roles & role::OWN != 0
                && (token.roles & role::ADVERT == 0 || back == 1 && zone.words.word(before).len() > 1)
            {
                let joined = tokens[before].gap & (gap::CLAUSE | gap::COMMA) == 0;
                let denied = joined && before.checked_sub(1).is_some_and(|at| tokens[at].roles & role::DENY != 0);
                if !denied {
                    evidence.push(span(zone, before, at, "campaign.spoken-of"));
                    return true;
                }
            }
            if roles & (role::STOP | role::DENY | role::AND) != 0 || back >= 3 && !tokens[before].capital {
                break;
            }
        }
    }
    false
}

pub(super) fn span(zone: &Zone<'_>, first: usize, last: usize, rule: &str) -> Evidence {
    let tokens = &zone.words.tokens;
    let (start, end) = match (tokens.get(first), tokens.get(last)) {
        (Some(first), Some(last)) => (first.start, last.end),
        _ => (0, 0),
    };
    found(zone, rule, start, end, 0.0)
}

pub(super) fn whole(zone: &Zone<'_>, rule: &str) -> Evidence {
    found(zone, rule, 0, zone.words.text.len(), 0.0)
}

pub(super) fn found(zone: &Zone<'_>, rule: &str, start: usize, end: usize, weight: f64) -> Evidence {
    Evidence {
        rule: rule.to_owned(),
        place: zone.place,
        field: zone.field.clone(),
        start,
        end,
        text: zone.words.text.get(start..end).unwrap_or_default().to_owned(),
        weight,
    }
}
