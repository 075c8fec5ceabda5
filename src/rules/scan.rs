//! One pass over a request: every phrase of every rule that stands in it, and where.
//!
//! Words are folded to lexicon numbers, the numbers run through one Aho-Corasick automaton, the texts through one knot of regexes.
//! The cost follows the text, not the number of rules. Each place is read up to a bound; who writes more has said it before.

use std::collections::BTreeMap;

use super::boundaries::Boundaries;
use super::compile::label_words;
use super::lexicon::{Reading, STOP, UNKNOWN, Word};
use super::weave::{Ends, Net};
use crate::request::evidence::{Evidence, Where};
use crate::request::{FieldKey, Request};

/// Bytes of each place that are read.
const PLACE_BYTES: usize = 32 * 1024;
/// Words that `...` in a phrase may stand for.
pub const GAP_WORDS: u32 = 4;

/// Words before and behind a compound that are read again with its parts; hardly a phrase is longer.
const AROUND: usize = 8;
/// Readings of compounds beyond the first that count.
const MOST_AGAIN: usize = 1000;
/// Matches of a regex that are looked at in one zone: the first may stand in a campaign's name.
const MOST_MATCHES: usize = 4;

/// A place of the request, and its text.
#[derive(Debug, Clone, Copy)]
pub struct Zone<'r> {
    /// Which place.
    pub place: Where,
    /// The form field's label, or the index of an attachment or link.
    pub field: Option<&'r str>,
    /// Index where `field` is an index.
    pub index: usize,
    /// Its text as the request holds it.
    pub text: &'r str,
    /// A form field with a meaning of its own, as the name: only signals that ask for it look at it.
    pub meant: bool,
}

/// A span found in a zone, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spot {
    /// Index of the zone.
    pub zone: u16,
    /// First byte.
    pub start: u32,
    /// After the last byte.
    pub end: u32,
}

/// A phrase or regex that stands in the request.
#[derive(Debug, Clone, Copy)]
pub struct Hit {
    /// The phrase's or regex's number.
    pub what: u32,
    /// The words it covers, of a phrase: indexes into [`Scan::words`].
    pub first: u32,
    /// The last of them.
    pub last: u32,
    /// Where it stands.
    pub spot: Spot,
    /// It stands within the name of the campaign: it says nothing of the topic.
    pub named: bool,
    /// It takes a compound for its parts that otherwise is read as a whole.
    pub inside: bool,
}

/// A part of a phrase, found: its words, and which part it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Part {
    first: u32,
    last: u32,
    number: u32,
}

/// Phrases as a set: of each 64 that hold some, which. A signal may have hundreds that count beside its own.
#[derive(Debug, Default)]
pub struct Set(Vec<(usize, u64)>);

impl Set {
    /// The set of these.
    pub fn of(phrases: &[u32]) -> Set {
        let mut blocks = BTreeMap::new();
        for phrase in phrases {
            *blocks.entry(*phrase as usize / 64).or_insert(0) |= 1 << (phrase % 64);
        }
        Set(blocks.into_iter().collect())
    }
}

/// What one pass over a request found.
#[derive(Debug)]
pub struct Scan<'r> {
    /// The request.
    pub request: &'r Request,
    /// The places that were read.
    pub zones: Vec<Zone<'r>>,
    /// All words, zone after zone, each zone closed by a stop.
    pub words: Vec<Word>,
    /// Index of the first word of each zone.
    pub begins: Vec<u32>,
    /// Phrases found, by number and position.
    pub phrases: Vec<Hit>,
    /// Regexes found: each once for each zone, where possible not in the campaign's name.
    pub regexes: Vec<Hit>,
    /// The request names a campaign, by ID or name.
    pub names_campaign: bool,
    /// Where it does.
    pub named: Vec<(Where, usize, usize)>,
    /// The words of the campaign's name, by number.
    in_name: Vec<u32>,
    /// While phrases are looked for, compounds with what stands around them are read again behind all words: each of those by
    /// the index of the word that it is.
    again: Vec<u32>,
    /// A bit for each phrase: whether it was found. Signals ask for hundreds of phrases that were not.
    seen: Vec<u64>,
    /// How many phrases were found before each 64.
    ranks: Vec<u32>,
    /// Where the hits of each phrase that was found begin, and where the last ones end.
    hits_of: Vec<u32>,
}

impl<'r> Scan<'r> {
    /// Reads a request. `pick`: whether the customer's picked topic is read like text, because no label matches it.
    pub fn new(net: &Net, request: &'r Request, pick: bool) -> Scan<'r> {
        let mut zones = Vec::with_capacity(8);
        let mut add = |place, field, index, text: &'r str, meant| {
            if !text.is_empty() && net.places & bit(place) != 0 && zones.len() < usize::from(u16::MAX) {
                zones.push(Zone { place, field, index, text: head(text), meant });
            }
        };
        for (place, text) in request.zones() {
            add(place, None, 0, text, false);
        }
        for field in &request.fields {
            let counts = match field.key {
                FieldKey::Unknown | FieldKey::Priority => true,
                FieldKey::HelpTopic => pick,
                _ => false,
            };
            let asked = || !net.fields.is_empty() && net.fields.contains(&label_words(&field.label));
            if counts || asked() {
                add(Where::Form, Some(&field.label), 0, &field.value, !counts);
            }
        }
        for (index, attachment) in request.attachments.iter().enumerate().take(100) {
            add(Where::Attachment, None, index, &attachment.name, false);
        }
        for (index, link) in request.links.iter().enumerate().take(100) {
            add(Where::Link, None, index, link, false);
        }

        let mut words = Vec::with_capacity(request.text.len() / 5 + 16);
        let mut begins = Vec::with_capacity(zones.len());
        let mut again = vec![];
        for zone in &zones {
            begins.push(words.len() as u32);
            net.lexicon.read_all(zone.text, &mut words, &mut again);
            words.push(Word { id: STOP, start: zone.text.len() as u32, end: zone.text.len() as u32, part: false });
        }
        let mut scan = Scan {
            request,
            zones,
            words,
            begins,
            phrases: vec![],
            regexes: vec![],
            names_campaign: false,
            named: vec![],
            in_name: vec![],
            again: vec![],
            seen: vec![],
            ranks: vec![],
            hits_of: vec![],
        };
        scan.find_phrases(net, &again);
        scan.find_regexes(net);
        scan
    }

    fn find_phrases(&mut self, net: &Net, again: &[Reading]) {
        let own = self.words.len();
        again.iter().take(MOST_AGAIN).for_each(|reading| self.read_again(reading, own));
        let width = net.width;
        let mut packed = Vec::with_capacity(self.words.len() * width);
        for word in &self.words {
            // Words that no phrase has may have higher numbers.
            match width {
                2 => packed.extend(u16::try_from(word.id).unwrap_or(UNKNOWN as u16).to_be_bytes()),
                _ => packed.extend(pack(word.id)),
            }
        }
        let word_at = |byte: usize| if width == 2 { byte / 2 } else { byte / 3 };
        let mut apart = vec![];
        for (zone, read) in self.zones.iter().enumerate() {
            apart.extend(Boundaries::of(read.text).map(|boundaries| (zone, boundaries)));
        }
        let mut parts: Vec<Part> = Vec::with_capacity(32);
        self.phrases.reserve(128);
        for found in net.automaton.find_in(&packed) {
            // Some bytes a word: a find between words is none.
            let first = word_at(found.start);
            if first * width == found.start {
                let number = found.number;
                let (first, last) = (first as u32, word_at(found.end) as u32 - 1);
                if !apart.is_empty() && (first as usize) < own && self.cuts_words(&apart, first, last) {
                    continue;
                }
                self.note(net.ends[number as usize], (first, last), self.in_compound(first, last));
                if net.joins[number as usize] {
                    parts.push(Part { first, last, number });
                }
            }
        }
        parts.sort_unstable();
        let mut reached: Vec<(u32, u32, bool)> = Vec::new();
        for at in 0..parts.len() {
            if net.opens[parts[at].number as usize] {
                reached.clear();
                let Part { first, last, number } = parts[at];
                reached.push((number, last, self.in_compound(first, last)));
                self.follow(net, &parts[at + 1..], parts[at].first, &mut reached);
            }
        }
        self.words.truncate(own);
        let order = |hit: &Hit| {
            (u64::from(hit.what) << 32 | u64::from(hit.first), u64::from(hit.last) << 1 | u64::from(hit.inside))
        };
        self.phrases.sort_unstable_by_key(order);
        self.phrases.dedup_by_key(|hit| (hit.what, hit.first, hit.last));
        self.seen = vec![0; net.len().div_ceil(64)];
        let mut at = 0;
        for hits in self.phrases.chunk_by(|a, b| a.what == b.what) {
            self.seen[hits[0].what as usize / 64] |= 1 << (hits[0].what % 64);
            self.hits_of.push(at);
            at += hits.len() as u32;
        }
        self.hits_of.push(at);
        let mut before = 0;
        self.ranks.extend(self.seen.iter().map(|found| {
            before += found.count_ones();
            before - found.count_ones()
        }));
    }

    /// Appends one more reading of a compound or a word with a hyphen, between what stands around it in its sentence.
    fn read_again(&mut self, reading: &Reading, own: usize) {
        let (at, behind) = (reading.at as usize, (reading.at + reading.of) as usize);
        let same_sentence = |word: &&Word| word.id != STOP;
        let before = self.words[at.saturating_sub(AROUND)..at].iter().rev().take_while(same_sentence).count();
        let after = self.words[behind..own.min(behind + AROUND)].iter().take_while(same_sentence).count();
        let around = |index: usize| (self.words[index], index as u32);
        let parts = reading.parts.into_iter().zip([reading.at, reading.at + reading.of - 1]);
        let parts = parts.map(|(id, index)| (Word { id, part: reading.glued, ..self.words[at] }, index));
        let stop = Word { id: STOP, part: false, ..self.words[at] };
        let read = (at - before..at).map(around).chain(parts).chain((behind..behind + after).map(around));
        let (words, again): (Vec<Word>, Vec<u32>) = read.chain([(stop, reading.at)]).unzip();
        self.words.extend(words);
        self.again.extend(again);
    }

    /// Notes every phrase with gaps of which these parts are the rest. `reached`: how far phrases that begin at `first` have
    /// come, as the node and the word, and whether through compounds; each way is gone once, so that the cost stays in bounds
    /// whatever the text.
    fn follow(&mut self, net: &Net, parts: &[Part], first: u32, reached: &mut Vec<(u32, u32, bool)>) {
        let mut done = 0;
        while let Some((node, last, compound)) = reached.get(done).copied() {
            done += 1;
            let from = parts.partition_point(|part| part.first <= last);
            for part in parts[from..].iter().take_while(|part| part.first - last <= GAP_WORDS + 1) {
                let between = &self.words[last as usize + 1..part.first as usize];
                if between.iter().any(|word| word.id == STOP) {
                    break;
                }
                let Some(next) = net.follows.get(&(node, part.number)) else { continue };
                let compound = compound || self.in_compound(part.first, part.last);
                self.note(net.ends[*next as usize], (first, part.last), compound);
                let come = (*next, part.last, compound);
                if net.opens[*next as usize] && !reached.contains(&come) {
                    reached.push(come);
                }
            }
        }
    }

    /// Whether these begin or end within a word of a script without spaces. `apart`: the zones that have some.
    fn cuts_words(&self, apart: &[(usize, Boundaries<'_>)], first: u32, last: u32) -> bool {
        let here = self.zone_of(first);
        let Some((_, boundaries)) = apart.iter().find(|(zone, _)| *zone == here) else { return false };
        let (start, end) = (self.words[first as usize].start, self.words[last as usize].end);
        !boundaries.are_at(start as usize, end as usize)
    }

    /// The zone in which a word stands.
    fn zone_of(&self, word: u32) -> usize {
        self.begins.partition_point(|begin| *begin <= word).saturating_sub(1)
    }

    /// Whether one of these words is only part of a compound.
    fn in_compound(&self, first: u32, last: u32) -> bool {
        self.words[first as usize..=last as usize].iter().any(|word| word.part)
    }

    /// Notes the phrases that end with the last of these words: in a compound only those that are found there.
    fn note(&mut self, ends: Ends, (first, last): (u32, u32), compound: bool) {
        let own = (self.words.len() - self.again.len()) as u32;
        let inside = first >= own;
        let word = |index: u32| if index < own { index } else { self.again[(index - own) as usize] };
        let (first, last) = (word(first), word(last));
        for what in ends.whole.filter(|_| !compound).into_iter().chain(ends.glued) {
            let zone = self.zone_of(first) as u16;
            let (start, end) = (self.words[first as usize].start, self.words[last as usize].end);
            self.phrases.push(Hit { what, first, last, spot: Spot { zone, start, end }, named: false, inside });
        }
    }

    fn find_regexes(&mut self, net: &Net) {
        for (zone, read) in self.zones.iter().enumerate() {
            for (what, found) in net.regexes.matches(read.text) {
                let spot = Spot { zone: zone as u16, start: found.start as u32, end: found.end as u32 };
                self.regexes.push(Hit { what, first: 0, last: 0, spot, named: false, inside: false });
            }
        }
        self.regexes.sort_unstable_by_key(|hit| (hit.what, hit.spot.zone));
    }

    /// Marks what stands within these spans: a campaign called "Spring Leads" says nothing about leads. A regex may match
    /// behind the name, too.
    pub fn mark_named(&mut self, net: &Net, spans: Vec<(Where, usize, usize)>) {
        if spans.is_empty() {
            return;
        }
        self.names_campaign = true;
        self.mark_named_in_subject(&spans);
        let zones = &self.zones;
        let within = |spot: Spot| {
            let place = zones[usize::from(spot.zone)].place;
            spans.iter().any(|span| span.0 == place && span.1 <= spot.start as usize && spot.end as usize <= span.2)
        };
        self.phrases.iter_mut().for_each(|hit| hit.named |= within(hit.spot));
        for hit in &mut self.regexes {
            let text = zones[usize::from(hit.spot.zone)].text;
            for _ in 1..MOST_MATCHES {
                if !within(hit.spot) {
                    break;
                }
                let Some(next) = net.regexes.find_at(hit.what, text, hit.spot.end as usize) else { break };
                hit.spot = Spot { start: next.start() as u32, end: next.end() as u32, ..hit.spot };
            }
            hit.named = within(hit.spot);
        }
        self.named = spans;
    }

    /// Marks in the subject what the text has in the campaign's name: "Guide" above "our First-Time Buyers Guide".
    fn mark_named_in_subject(&mut self, spans: &[(Where, usize, usize)]) {
        let mut in_name: Vec<u32> = Vec::new();
        for (at, zone) in self.zones.iter().enumerate().filter(|(_, zone)| zone.place != Where::Subject) {
            for (_, start, end) in spans.iter().filter(|span| span.0 == zone.place) {
                let within = |word: &&Word| *start <= word.start as usize && word.end as usize <= *end;
                in_name.extend(self.words_of(at).iter().filter(within).map(|word| word.id).filter(|id| *id > STOP));
            }
        }
        let (zones, words) = (&self.zones, &self.words);
        for hit in &mut self.phrases {
            if zones[usize::from(hit.spot.zone)].place == Where::Subject {
                let of_name = |word: &Word| in_name.contains(&word.id);
                hit.named = words[hit.first as usize..=hit.last as usize].iter().all(of_name);
            }
        }
        self.in_name = in_name;
    }

    /// Whether a word only names the campaign.
    pub fn is_named(&self, place: Where, word: &Word) -> bool {
        let within = |span: &(Where, usize, usize)| {
            span.0 == place && span.1 <= word.start as usize && word.end as usize <= span.2
        };
        self.named.iter().any(within) || place == Where::Subject && self.in_name.contains(&word.id)
    }

    /// Where phrases of a set stand.
    pub fn any_of<'s>(&'s self, set: &'s Set) -> impl Iterator<Item = &'s Hit> {
        let found = |block: usize| self.seen.get(block).copied().unwrap_or_default();
        // Mostly none of hundreds.
        let first = set.0.iter().position(|(block, phrases)| found(*block) & phrases != 0).unwrap_or(set.0.len());
        let blocks = set.0[first..].iter().filter_map(move |(block, phrases)| {
            let asked = found(*block) & phrases;
            (asked != 0).then(|| (found(*block), self.ranks[*block], asked))
        });
        let each = |(found, rank, mut asked): (u64, u32, u64)| {
            std::iter::from_fn(move || {
                let lowest = asked.trailing_zeros();
                asked &= asked.wrapping_sub(1);
                let before = |bit: u32| (found & ((1 << bit) - 1)).count_ones();
                (lowest < 64).then(|| (rank + before(lowest)) as usize)
            })
        };
        let hits = |at: usize| &self.phrases[self.hits_of[at] as usize..self.hits_of[at + 1] as usize];
        blocks.flat_map(each).flat_map(hits)
    }

    /// Where a regex matches.
    pub fn regex(&self, regex: u32) -> &[Hit] {
        let from = self.regexes.partition_point(|hit| hit.what < regex);
        let count = self.regexes[from..].iter().take_while(|hit| hit.what == regex).count();
        &self.regexes[from..from + count]
    }

    /// The words of one zone.
    pub fn words_of(&self, zone: usize) -> &[Word] {
        let from = self.begins.get(zone).map_or(self.words.len(), |begin| *begin as usize);
        let to = self.begins.get(zone + 1).map_or(self.words.len(), |begin| *begin as usize);
        &self.words[from..to]
    }

    /// A finding as evidence.
    pub fn evidence(&self, rule: &str, spot: Spot, weight: f64) -> Evidence {
        let zone = self.zones[usize::from(spot.zone)];
        let (start, end) = (spot.start as usize, spot.end as usize);
        let field = match zone.place {
            Where::Form => zone.field.map(str::to_owned),
            Where::Attachment | Where::Link => Some(zone.index.to_string()),
            _ => None,
        };
        let text = zone.text.get(start..end).unwrap_or_default().to_owned();
        Evidence { rule: rule.to_owned(), place: zone.place, field, start, end, text, weight }
    }
}

/// The bit of a place in a set of places.
pub fn bit(place: Where) -> u16 {
    1 << place as u16
}

/// A word's number as three bytes: patterns share what they begin with, which keeps the automaton small.
pub fn pack(id: u32) -> [u8; 3] {
    let [_, a, b, c] = id.to_be_bytes();
    [a, b, c]
}

/// The first part of a text, within the bound.
fn head(text: &str) -> &str {
    let mut end = text.len().min(PLACE_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
