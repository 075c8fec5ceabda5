//! Judging: from what a scan found to topic, details and routing, each with the signals that decided it.
//!
//! A signal counts once, in its strongest place. Scores are sums; nothing here knows a language or a topic by name, except
//! that `other` is what remains.

use std::cell::LazyCell;

use super::compile::{Compiled, Owner, Signal, label_words};
use super::fields::is_field;
use super::routing::{NORMAL, PRIORITIES};
use super::scan::{Hit, Scan, Spot, bit};
use super::topic::{self, NEAR_WORDS};
use super::{ChosenBy, Detail, Routing, Topic, description};
use crate::request::address::ascii_domain;
use crate::request::evidence::{Evidence, Where};
use crate::request::{Attachment, FieldKey, Request};

/// The topic that remains when nothing fits.
pub const OTHER: &str = "other";
/// The team of topics that name none.
pub const TEAM: &str = "support";
/// Points above its prior with which a topic is spoken of.
const SPOKEN_OF: f64 = 0.3;
/// Points of a signal whose weight is left out: hints have fewer.
const WHOLE_SIGNAL: f64 = 2.0;
/// A text of fewer words only hands on what it forwards: then the forwarded text counts in full.
const FEW_WORDS: usize = 15;

/// A signal that fired: how much of its weight counts, and where.
#[derive(Debug, Clone, Copy)]
pub struct Fired {
    /// Index of the signal.
    pub signal: u32,
    /// 0 to 1, by the place.
    pub factor: f64,
    /// The words; `None` when a condition such as the sender's domain was enough.
    pub spot: Option<Spot>,
}

/// What the customer's pick in the form comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pick {
    /// Nothing was picked.
    None,
    /// A topic, by index.
    Topic(u16),
    /// "Other", or a prompt such as "Please choose".
    Other,
    /// A label that no topic bears; it is read as text.
    Unknown,
}

impl Compiled {
    /// What the customer picked. Labels of all languages are known. A pick is a label as it is written, else one topic's in
    /// another form ("Report" for "Reports"), else a part of one topic's labels.
    pub fn pick(&self, request: &Request) -> Pick {
        let Some(picked) = request.field(FieldKey::HelpTopic) else { return Pick::None };
        let words = label_words(picked);
        if words.is_empty() {
            return Pick::Other;
        }
        let mut labels = Vec::new();
        for (index, topic) in self.topics.iter().enumerate() {
            let written = topic.labels.iter().map(|label| &label.text).chain([&topic.label, &topic.id.0]);
            labels.extend(written.map(|label| (index, label_words(label))));
        }
        let stems = |words: &[String]| -> Vec<String> {
            words.iter().map(|word| self.net.lexicon.stem(word).into_owned()).collect()
        };
        let own = stems(&words);
        let only = |is: &dyn Fn(&[String]) -> bool| {
            let mut topics = labels.iter().filter(|(_, label)| is(label)).map(|(index, _)| *index);
            let first = topics.next()?;
            topics.all(|other| other == first).then_some(first)
        };
        let written = labels.iter().find(|(_, label)| *label == words).map(|(index, _)| *index);
        let index = written
            .or_else(|| only(&|label| stems(label) == own))
            .or_else(|| only(&|label| words.iter().all(|word| label.contains(word))));
        match index {
            Some(index) if self.topics[index].id.0 == OTHER => Pick::Other,
            Some(index) => Pick::Topic(index as u16),
            None => Pick::Unknown,
        }
    }

    /// One pass over a request.
    pub fn scan<'r>(&self, request: &'r Request, pick: Pick) -> Scan<'r> {
        Scan::new(&self.net, request, pick == Pick::Unknown)
    }

    /// The points of every topic: its prior, its signals, and what single words lean to.
    pub fn scores(&self, scan: &Scan<'_>) -> Vec<f64> {
        let signalled = self.signalled(scan);
        let leant = self.leant(scan, &self.leaning(scan), &signalled);
        leaned(signalled, &leant)
    }

    /// A topic's points before any of its signals fires.
    pub fn prior(&self, topic: usize, scan: &Scan<'_>) -> f64 {
        let topic = &self.topics[topic];
        topic.prior + if scan.names_campaign { topic.named } else { 0.0 }
    }

    /// The points of every topic by its prior and by signals alone.
    pub fn signalled(&self, scan: &Scan<'_>) -> Vec<f64> {
        let mut scores: Vec<f64> = (0..self.topics.len()).map(|topic| self.prior(topic, scan)).collect();
        let forwarded = forwarded_factor(scan.request);
        let mut closer = self.unprompted.clone();
        for hits in scan.phrases.chunk_by(|a, b| a.what == b.what) {
            let phrase = hits[0].what as usize;
            closer.extend_from_slice(&self.by_phrase[phrase]);
            if !self.plain[phrase].is_empty() {
                let telling = hits.iter().filter(|hit| !hit.named);
                let factor = telling.map(|hit| place_factor(scan, hit.spot, forwarded)).fold(0.0, f64::max);
                for (topic, weight, _) in &self.plain[phrase] {
                    scores[usize::from(*topic)] += f64::from(*weight) * factor;
                }
            }
        }
        for hit in &scan.regexes {
            closer.extend_from_slice(&self.by_regex[hit.what as usize]);
        }
        closer.sort_unstable();
        closer.dedup();
        for number in closer {
            let signal = &self.signals[number as usize];
            if let Owner::Topic(topic) = signal.owner
                && let Some((factor, _)) = fires(signal, scan, forwarded)
            {
                scores[usize::from(topic)] += signal.written.weight * factor;
            }
        }
        scores
    }

    /// All signals of one topic that fired, in their order.
    pub fn fired(&self, topic: u16, scan: &Scan<'_>) -> Vec<Fired> {
        let forwarded = forwarded_factor(scan.request);
        let fire = |number: &u32| {
            let (factor, spot) = fires(&self.signals[*number as usize], scan, forwarded)?;
            Some(Fired { signal: *number, factor, spot })
        };
        let mut close: Vec<u32> = self.unprompted.clone();
        for hits in scan.phrases.chunk_by(|a, b| a.what == b.what) {
            let phrase = hits[0].what as usize;
            close.extend(self.plain[phrase].iter().filter(|plain| plain.0 == topic).map(|plain| plain.2));
            close.extend_from_slice(&self.by_phrase[phrase]);
        }
        scan.regexes.iter().for_each(|hit| close.extend_from_slice(&self.by_regex[hit.what as usize]));
        close.retain(|number| self.signals[*number as usize].owner == Owner::Topic(topic));
        close.sort_unstable();
        close.dedup();
        close.iter().filter_map(fire).collect()
    }

    /// The best topic with its points, and the next one: by points, then prior, then the order of the files.
    pub fn best(&self, scores: &[f64]) -> (Option<usize>, Option<usize>) {
        let mut order: Vec<usize> = (0..scores.len()).filter(|index| self.topics[*index].id.0 != OTHER).collect();
        let key = |index: &usize| (scores[*index], self.topics[*index].prior);
        order.sort_by(|a, b| {
            let ((x, p), (y, q)) = (key(a), key(b));
            y.total_cmp(&x).then(q.total_cmp(&p)).then(a.cmp(b))
        });
        (order.first().copied(), order.get(1).copied())
    }

    /// The topic that these points choose, if any.
    pub fn chosen(&self, scan: &Scan<'_>, scores: &[f64]) -> Option<usize> {
        let (best, next) = self.best(scores);
        best.filter(|best| self.is_plain(scan, scores, *best, next))
    }

    /// The topic that signals and words that lean choose together, if any. Where nothing is said, as in "I need help with my campaign",
    /// words that lean add to what signals say, and decide nothing else.
    /// `by_signals`: the one that signals choose alone.
    pub fn decided(
        &self,
        scan: &Scan<'_>,
        by_signals: Option<usize>,
        signalled: &[f64],
        scores: &[f64],
    ) -> Option<usize> {
        let chosen = self.chosen(scan, scores)?;
        let said = |topic: usize| signalled[topic] >= self.prior(topic, scan) + WHOLE_SIGNAL;
        let stands = by_signals == Some(chosen) || said(chosen) || self.says_something(scan);
        if stands { Some(chosen) } else { by_signals.filter(|topic| said(*topic)) }
    }

    fn says_something(&self, scan: &Scan<'_>) -> bool {
        description::suffice(scan, self.description.telling(scan), || (false, false))
    }

    /// The points that a topic must reach.
    pub fn threshold(&self, topic: usize, scan: &Scan<'_>) -> f64 {
        let topic = &self.topics[topic];
        if scan.names_campaign { topic.threshold_named } else { topic.threshold }
    }

    /// Whether the best topic may be chosen: it reaches its threshold and leads by its margin, also over `other`.
    pub fn is_plain(&self, scan: &Scan<'_>, scores: &[f64], best: usize, next: Option<usize>) -> bool {
        let other = self.by_id.get(OTHER).map(|index| scores[usize::from(*index)]);
        let lead = next.map_or(f64::INFINITY, |next| scores[best] - scores[next]);
        scores[best] >= self.threshold(best, scan)
            && lead >= self.topics[best].margin
            && other.is_none_or(|other| scores[best] >= other)
    }

    /// The topic of a scanned request.
    pub fn topic(&self, scan: &Scan<'_>, pick: Pick) -> Topic {
        let signalled = self.signalled(scan);
        let by_signals = self.chosen(scan, &signalled);
        let leans = self.leaning(scan);
        let leant = self.leant(scan, &leans, &signalled);
        let scores = leaned(signalled.clone(), &leant);
        let (best, next) = self.best(&scores);
        let plain = self.decided(scan, by_signals, &signalled, &scores);
        let id_of = |index: Option<usize>| {
            index
                .filter(|index| scores[*index] > self.topics[*index].prior)
                .map(|index| self.topics[index].id.0.clone())
        };
        let (index, chosen_by) = match (pick, plain) {
            (Pick::Topic(index), _) => (Some(usize::from(index)), ChosenBy::Customer),
            (_, Some(best)) => (Some(best), ChosenBy::Rules),
            (Pick::Other, None) => (self.other(), ChosenBy::Customer),
            (_, None) => (self.other(), ChosenBy::Fallback),
        };
        let runner_up = if index == best { id_of(next) } else { id_of(best) };
        let Some(index) = index else {
            return Topic {
                id: OTHER.into(),
                label: "Other".into(),
                score: 0.0,
                chosen_by,
                runner_up,
                evidence: vec![],
            };
        };
        let topic = &self.topics[index];
        let mut evidence = self.evidence(scan, &self.fired(index as u16, scan));
        if by_signals != Some(index) {
            evidence.extend(self.leanings_of(index as u16, &leans, scan));
        }
        if chosen_by == ChosenBy::Customer {
            evidence.insert(0, picked(scan.request));
        }
        Topic {
            id: topic.id.0.clone(),
            label: topic.label.clone(),
            score: rounded(scores[index]),
            chosen_by,
            runner_up,
            evidence,
        }
    }

    /// The topic that remains, by index.
    pub fn other(&self) -> Option<usize> {
        self.by_id.get(OTHER).map(|index| usize::from(*index))
    }

    /// Fired signals as evidence, heaviest first.
    pub fn evidence(&self, scan: &Scan<'_>, fired: &[Fired]) -> Vec<Evidence> {
        let mut evidence: Vec<Evidence> = fired.iter().map(|one| self.one_evidence(scan, one)).collect();
        evidence.sort_by(|a, b| b.weight.abs().total_cmp(&a.weight.abs()));
        evidence
    }

    fn one_evidence(&self, scan: &Scan<'_>, fired: &Fired) -> Evidence {
        let signal = &self.signals[fired.signal as usize];
        let weight = signal.written.weight * fired.factor;
        match fired.spot {
            Some(spot) => scan.evidence(&signal.name, spot, weight),
            None => {
                let (place, field, text) = condition(&signal.written, scan.request);
                let (rule, end) = (signal.name.clone(), text.len());
                Evidence { rule, place, field: Some(field), start: 0, end, text, weight }
            }
        }
    }

    /// The details that a topic requires, `description` first.
    pub fn details(&self, scan: &Scan<'_>, topic: &str, heard: &[String]) -> Vec<Detail> {
        let telling = || self.description.telling(scan);
        let shown = !scan.request.text.trim().is_empty()
            && scan.request.attachments.iter().any(|file| !file.inline && file.media_type.starts_with("image/"));
        let evidence = telling().take(3).map(|spot| scan.evidence("detail.description", spot, 1.0)).collect();
        let known = shown || description::suffice(scan, telling(), || self.tells_a_topic(scan));
        let mut details = vec![Detail { id: "description".into(), known, ask_always: true, evidence, parts: vec![] }];
        let Some(index) = self.by_id.get(topic) else { return details };
        let forwarded = forwarded_factor(scan.request);
        for (nth, written) in self.topics[usize::from(*index)].details.iter().enumerate() {
            let mut parts = vec![];
            let mut shown = None;
            for group in 0..written.known.len() {
                let Some(owned) = self.owned.get(&Owner::Detail(*index, nth as u32, group as u32)) else { continue };
                let mut evidence = vec![];
                let mut whole = true;
                for number in owned {
                    let signal = &self.signals[*number as usize];
                    match fires(signal, scan, forwarded) {
                        Some((factor, spot)) => {
                            evidence.push(self.one_evidence(scan, &Fired { signal: *number, factor, spot }));
                            parts.extend((owned.len() > 1).then(|| signal.name.clone()));
                        }
                        None => whole &= heard.contains(&signal.name),
                    }
                }
                if whole {
                    shown = Some(evidence);
                    break;
                }
            }
            let (known, evidence) = (shown.is_some(), shown.unwrap_or_default());
            details.push(Detail { id: written.id.clone(), known, ask_always: written.ask_always, evidence, parts });
        }
        details
    }

    /// Whether its signals speak of a topic at all, and of one beyond doubt. Every word leans to something.
    fn tells_a_topic(&self, scan: &Scan<'_>) -> (bool, bool) {
        let scores = self.signalled(scan);
        let (best, next) = self.best(&scores);
        let spoken_of = |best: usize| scores[best] > self.topics[best].prior + SPOKEN_OF;
        (best.is_some_and(spoken_of), best.is_some_and(|best| self.is_plain(scan, &scores, best, next)))
    }

    /// The words that say a request of this topic is not about one campaign.
    pub fn not_one_campaign(&self, scan: &Scan<'_>, topic: &str) -> Option<Evidence> {
        let owner = Owner::NotOneCampaign(*self.by_id.get(topic)?);
        let number = *self.owned.get(&owner)?.first()?;
        let (factor, spot) = fires(&self.signals[number as usize], scan, forwarded_factor(scan.request))?;
        Some(self.one_evidence(scan, &Fired { signal: number, factor, spot }))
    }

    /// Priority, team and flags.
    pub fn routing(&self, scan: &Scan<'_>, topic: &str) -> Routing {
        let team = self.by_id.get(topic).map(|index| self.topics[usize::from(*index)].team.clone());
        let mut routing = Routing { priority: String::new(), route: String::new(), flags: vec![], evidence: vec![] };
        let mut priority = None;
        let mut route = None;
        let forwarded = forwarded_factor(scan.request);
        for (index, rule) in (0..).zip(&self.routing) {
            let Some(number) = self.owned.get(&Owner::Routing(index)).and_then(|owned| owned.first()) else { continue };
            if !rule.topics.is_empty() && !rule.topics.iter().any(|(id, _)| id == topic) {
                continue;
            }
            let Some((factor, spot)) = fires(&self.signals[*number as usize], scan, forwarded) else { continue };
            priority = priority.max(rule.priority);
            route = route.or_else(|| rule.route.as_ref().map(|(team, _)| team.clone()));
            rule.flags.iter().for_each(|flag| {
                if !routing.flags.contains(flag) {
                    routing.flags.push(flag.clone());
                }
            });
            routing.evidence.push(self.one_evidence(scan, &Fired { signal: *number, factor, spot }));
        }
        routing.priority = PRIORITIES[priority.unwrap_or(NORMAL)].into();
        routing.route = route.or(team).unwrap_or_else(|| TEAM.into());
        routing
    }
}

/// Points as they are told: to a hundredth.
pub(super) fn rounded(points: f64) -> f64 {
    (points * 100.0).round() / 100.0
}

/// The points that signals give, and beside them what single words lean to.
pub(super) fn leaned(mut signalled: Vec<f64>, leant: &[f64]) -> Vec<f64> {
    signalled.iter_mut().zip(leant).for_each(|(score, points)| *score += points);
    signalled
}

/// Whether a signal fires: how much of it counts, and where.
pub(super) fn fires(signal: &Signal, scan: &Scan<'_>, forwarded: f64) -> Option<(f64, Option<Spot>)> {
    if !holds(signal, scan.request) {
        return None;
    }
    // What only names the campaign says nothing of the topic, and its year is no period; it may well be urgent.
    let blind = matches!(signal.owner, Owner::Topic(_) | Owner::Detail(..));
    let counts = |hit: &&Hit| {
        let zone = &scan.zones[usize::from(hit.spot.zone)];
        let in_field = match signal.written.field.as_deref() {
            Some(wanted) => zone.field.is_some_and(|field| is_field(scan.request, field, wanted)),
            None => !zone.meant,
        };
        signal.places & bit(zone.place) != 0 && in_field && !(blind && hit.named)
    };
    // A place counts once: a compound that the signal names stands for nothing else in it.
    let apart = |other: &&Hit| {
        let covers = |hit: &Hit| !hit.inside && hit.first <= other.first && other.last <= hit.last;
        !other.inside || !scan.any_of(&signal.asked.phrases).any(covers)
    };
    let with = || signal.with.is_empty() || scan.any_of(&signal.asked.with).filter(apart).any(|hit| counts(&hit));
    let barred = || scan.any_of(&signal.asked.unless).filter(apart).any(|hit| counts(&hit));
    if signal.is_wordless() {
        return (with() && !barred()).then_some((1.0, None));
    }
    // Looked for when a hit first asks for it.
    let beside: LazyCell<Vec<&Hit>, _> = LazyCell::new(|| scan.any_of(&signal.asked.near).filter(apart).collect());
    let is_near = |hit: &&Hit| {
        signal.near.is_empty()
            || beside.iter().any(|near| {
                let between = near.first.saturating_sub(hit.last).max(hit.first.saturating_sub(near.last));
                near.spot.zone == hit.spot.zone
                    && !(blind && near.named)
                    && between as usize <= signal.written.within.unwrap_or(NEAR_WORDS) + 1
            })
    };
    let mut best: Option<(f64, Spot)> = None;
    let by_phrase = scan.any_of(&signal.asked.phrases).filter(counts).filter(is_near);
    let by_regex = signal.regexes.iter().flat_map(|regex| scan.regex(*regex)).filter(counts);
    for hit in by_phrase.chain(by_regex) {
        let named = !signal.written.places.is_empty();
        let factor = if named { 1.0 } else { place_factor(scan, hit.spot, forwarded) };
        if factor > best.map_or(0.0, |(best, _)| best) {
            best = Some((factor, hit.spot));
        }
        if factor >= 1.0 {
            break;
        }
    }
    let (factor, spot) = best?;
    (with() && !barred()).then_some((factor, Some(spot)))
}

/// Whether the conditions beside the words hold.
fn holds(signal: &Signal, request: &Request) -> bool {
    let written = &signal.written;
    let lang = match &request.language {
        Some(language) => written.lang.is_empty() || written.lang.contains(language),
        None => true,
    };
    lang && (written.sender_domains.is_empty() || of_domain(&written.sender_domains, &request.from.address))
        && (written.sources.is_empty() || came_by(&written.sources, request).is_some())
        && (written.attachment_types.is_empty()
            || request.attachments.iter().any(|file| of_type(&written.attachment_types, file)))
        && (written.headers.is_empty() || request.headers.iter().any(|header| is_asked(&written.headers, header)))
}

/// What fulfilled the conditions of a signal without words: place, field and text.
fn condition(written: &topic::Signal, request: &Request) -> (Where, String, String) {
    if let Some((name, value)) = request.headers.iter().find(|header| is_asked(&written.headers, header)) {
        return (Where::Header, name.clone(), value.clone());
    }
    let files = request.attachments.iter().enumerate();
    if let Some((index, file)) = files.into_iter().find(|(_, file)| of_type(&written.attachment_types, file)) {
        return (Where::Attachment, index.to_string(), file.name.clone());
    }
    match came_by(&written.sources, request) {
        Some(door) => (Where::Header, "Source".into(), door.to_owned()),
        None => (Where::Header, "From".into(), request.from.address.clone()),
    }
}

/// The door or the robot that the request came by, if it is one of these.
fn came_by<'r>(list: &[String], request: &'r Request) -> Option<&'r str> {
    let door = request.source.as_deref().filter(|door| list.iter().any(|wanted| wanted.eq_ignore_ascii_case(door)));
    let robot = request.via.as_ref().map(|via| via.address.as_str()).filter(|address| of_domain(list, address));
    door.or(robot)
}

fn of_domain(list: &[String], address: &str) -> bool {
    let domain = ascii_domain(address.rsplit_once('@').map_or("", |(_, domain)| domain));
    list.iter()
        .any(|wanted| domain == *wanted || domain.strip_suffix(wanted.as_str()).is_some_and(|rest| rest.ends_with('.')))
}

fn of_type(list: &[String], file: &Attachment) -> bool {
    list.iter().any(|wanted| match wanted.strip_suffix('*') {
        Some(kind) => file.media_type.starts_with(kind),
        None if wanted.starts_with('.') => file.name.to_lowercase().ends_with(wanted.as_str()),
        None => file.media_type == *wanted,
    })
}

fn is_asked(list: &[topic::Header], (name, value): &(String, String)) -> bool {
    let value = value.to_lowercase();
    let whole = |wanted: &str| {
        // Its words, not parts of words: "1" is not in "10".
        let apart = |c: Option<char>, edge: Option<char>| {
            !(c.is_some_and(char::is_alphanumeric) && edge.is_some_and(char::is_alphanumeric))
        };
        value.match_indices(wanted).any(|(at, _)| {
            let (before, behind) = (&value[..at], &value[at + wanted.len()..]);
            apart(before.chars().next_back(), wanted.chars().next())
                && apart(behind.chars().next(), wanted.chars().next_back())
        })
    };
    list.iter()
        .any(|wanted| wanted.name.eq_ignore_ascii_case(name) && (wanted.value.is_empty() || whole(&wanted.value)))
}

/// How much a find counts where it stands.
fn place_factor(scan: &Scan<'_>, spot: Spot, forwarded: f64) -> f64 {
    factor(scan.zones[usize::from(spot.zone)].place, forwarded)
}

/// How much of what stands in a place counts.
pub(super) fn factor(place: Where, forwarded: f64) -> f64 {
    match place {
        Where::Subject | Where::Text | Where::Form => 1.0,
        Where::Forwarded => forwarded,
        _ => 0.0,
    }
}

pub(super) fn forwarded_factor(request: &Request) -> f64 {
    if request.forwarded.is_empty() || request.text.split_whitespace().nth(FEW_WORDS).is_none() { 1.0 } else { 0.5 }
}

fn picked(request: &Request) -> Evidence {
    let field = request.fields.iter().find(|field| field.key == FieldKey::HelpTopic && !field.value.trim().is_empty());
    let (label, value) = field.map_or(("", ""), |field| (field.label.as_str(), field.value.as_str()));
    Evidence {
        rule: "topic.picked".into(),
        place: Where::Form,
        field: Some(label.to_owned()),
        start: 0,
        end: value.len(),
        text: value.to_owned(),
        weight: 1.0,
    }
}
