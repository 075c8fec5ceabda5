//! `description.toml`: whether a request says what is wrong or wanted, or only "help", "it doesn't work", "??".
//!
//! Words that say nothing are data. A text is empty-handed when nothing else stands in it: names, numbers and addresses
//! say nothing either.

use std::collections::HashSet;

use foldhash::fast::FixedState;

use super::fold::{Piece, fold};
use super::lexicon::{Lexicon, STOP, UNKNOWN};
use super::scan::{Scan, Spot};
use super::sheet::Sheet;
use crate::config::fault::Fault;
use crate::request::FieldKey;
use crate::request::evidence::Where;

/// So many words that say something are a sentence.
const SENTENCE: usize = 4;

/// Words that say nothing of what is wrong or wanted.
#[derive(Debug, Default)]
pub struct Description {
    vague: HashSet<u32, FixedState>,
}

/// Reads `description.toml`: the vague words. No file: every word says something.
pub fn read(text: Option<&str>) -> (Vec<String>, Vec<Fault>) {
    let mut vague = Vec::new();
    let Some(text) = text else { return (vague, vec![]) };
    let faults = Sheet::new("description.toml", text).read(|sheet, mut root| {
        vague = sheet.texts_by_key(&mut root, "vague").into_iter().map(|(_, words, _)| words).collect();
        sheet.finish(root);
    });
    (vague, faults)
}

impl Description {
    /// Numbers the words.
    pub fn new(vague: Vec<String>, lexicon: &mut Lexicon) -> Description {
        Description { vague: vague.iter().flat_map(|words| lexicon.intern(words, false).0).collect() }
    }

    /// The words that say something, found as they are asked for; those that name the campaign say nothing either.
    pub fn telling<'s>(&'s self, scan: &'s Scan<'_>) -> impl Iterator<Item = Spot> + 's {
        let names = names(scan);
        let from_form = scan.request.fields.iter().any(|field| field.key == FieldKey::Description);
        let has_subject = scan.request.field(FieldKey::Subject).is_some();
        let reads = move |place: Where| match place {
            Where::Text | Where::Forwarded => true,
            // A form's own subject line ("New support request from …") is not the customer's.
            Where::Subject => !from_form || has_subject,
            _ => false,
        };
        let zones = scan.zones.iter().enumerate().filter(move |(_, zone)| reads(zone.place));
        let words = zones.flat_map(|(index, zone)| scan.words_of(index).iter().map(move |word| (index, zone, word)));
        words.filter_map(move |(index, zone, word)| {
            let (start, end) = (word.start as usize, word.end as usize);
            let written = zone.text.get(start..end).unwrap_or_default();
            let vague = word.id == STOP || (word.id != UNKNOWN && self.vague.contains(&word.id));
            // A letter alone says nothing, but in scripts where it is a word.
            let mut letters = written.chars().filter(|c| c.is_alphabetic());
            let says = letters.next().is_some_and(|c| !c.is_ascii()) || letters.next().is_some();
            let telling = !vague
                && says
                && !scan.named.iter().any(|span| span.0 == zone.place && span.1 <= start && end <= span.2)
                && !in_address(zone.text, start, end)
                && !is_name(&names, written);
            telling.then_some(Spot { zone: index as u16, start: word.start, end: word.end })
        })
    }
}

/// Words that say something, of one place.
#[derive(Debug, Default, Clone, Copy)]
struct Words {
    /// How many; of scripts without spaces two signs are one.
    count: usize,
    /// Whether one of them can be no name.
    plain: bool,
}

/// Whether these words say what is wrong or wanted. `topic`: whether the request speaks of a topic at all, and beyond doubt.
///
/// A subject alone is a heading ("Important", "banana"): it does when it speaks of a topic, or is a sentence. A body does
/// with two words, of which not both may be a name ("Regards, Bob Miller"). No more are asked for than it takes.
pub fn suffice(scan: &Scan<'_>, spots: impl Iterator<Item = Spot>, topic: impl FnOnce() -> (bool, bool)) -> bool {
    let (mut subject, mut text) = (Words::default(), Words::default());
    for spot in spots {
        let zone = &scan.zones[usize::from(spot.zone)];
        let written = &zone.text[spot.start as usize..spot.end as usize];
        let words = if zone.place == Where::Subject { &mut subject } else { &mut text };
        let dense = written.starts_with(|c: char| c >= '\u{e00}');
        words.count += if dense { written.chars().count().div_ceil(2) } else { 1 };
        let mut letters = written.chars();
        let capital = letters.next().is_some_and(char::is_uppercase) && letters.next().is_none_or(char::is_lowercase);
        words.plain |= !capital;
        let by_text = (text.count >= 2 && text.plain) || text.count >= 3;
        let together = text.plain && text.count + subject.count >= 3;
        if by_text || together || subject.count >= SENTENCE {
            return true;
        }
    }
    if text.count + subject.count == 0 {
        return false;
    }
    let (spoken_of, beyond_doubt) = topic();
    beyond_doubt || (spoken_of && (text.plain || subject.plain))
}

/// The folded words of the requester's name and address.
fn names(scan: &Scan<'_>) -> HashSet<String> {
    let request = scan.request;
    let mut names = HashSet::new();
    let parts = [
        request.from.name.as_deref().unwrap_or_default(),
        request.from.address.as_str(),
        request.field(FieldKey::Name).unwrap_or_default(),
    ];
    for part in parts {
        fold(part, |piece| {
            if let Piece::Word(word, ..) = piece {
                names.insert(word.to_owned());
            }
        });
    }
    names
}

fn is_name(names: &HashSet<String>, written: &str) -> bool {
    let mut found = false;
    fold(written, |piece| found |= matches!(piece, Piece::Word(word, ..) if names.contains(word)));
    found
}

/// Whether these bytes stand within a URL or a mail address.
fn in_address(text: &str, start: usize, end: usize) -> bool {
    let from = text[..start].rfind(char::is_whitespace).map_or(0, |at| at + 1);
    let to = text[end..].find(char::is_whitespace).map_or(text.len(), |at| end + at);
    // A chunk without spaces that is longer than any URL worth reading is text in a script without spaces.
    text.get(from..to).is_some_and(|chunk| chunk.len() < 2048 && (chunk.contains("://") || chunk.contains('@')))
}
