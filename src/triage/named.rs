//! A campaign's name as the answer to our question which one it is: "farm shop", "rebajas de enero". Few words on a line of their
//! own, or between two marks, are the name then, however they are spelled, as they are in a form's field for it.
//!
//! Never looks into lines that say more: what people tell along names nothing by chance.

use crate::campaigns::{self, Identified, View};
use crate::request::evidence::Where;
use crate::request::{Field, FieldKey, Request};
use crate::rules::Rules;

/// Words of a line that may be a name, with what leads to it: "it is about the farm shop".
const WORDS: usize = 7;

/// Words of a line that is read piece by piece: "ignore the number, it's the farm shop opening".
const LINE: usize = 14;
/// Lines and pieces that are looked at: who writes more answers otherwise.
const MOST: usize = 60;
/// What parts the pieces of a line.
const MARKS: [char; 8] = [',', '.', ';', ':', '!', '?', '–', '—'];

/// The campaign that one of the answer's lines names or, where `pieces` may, too, a piece of a line that does not. `None`: none
/// does, or several do.
pub(super) fn named(request: &Request, view: View<'_>, rules: &Rules, pieces: bool) -> Option<Identified> {
    let count = |words: &str| words.split_whitespace().count();
    let few = |words: &&str| (1..=WORDS).contains(&count(words));
    let (text, subject) = (String::new(), String::new());
    let mut alone = Request { text, subject, fields: vec![], attachments: vec![], links: vec![], ..request.clone() };
    let mut left = MOST;
    let mut found = vec![];
    for line in request.text.lines().map(str::trim).filter(|line| count(line) <= LINE) {
        let mut named = |words: &str| {
            left = left.checked_sub(1)?;
            let from = words.as_ptr() as usize - request.text.as_ptr() as usize;
            named_by(words, from, &mut alone, view, rules)
        };
        match Some(line).filter(few).and_then(&mut named) {
            Some(whole) => found.push(whole),
            None if !pieces => {}
            None => {
                let pieces = line.split(MARKS).map(str::trim).filter(|piece| *piece != line).filter(few);
                found.extend(pieces.filter_map(named));
            }
        }
    }
    found.pop().filter(|_| found.is_empty())
}

/// The campaign that these words name, which stand from this byte on in the request's text. `alone`: the request without what it says.
fn named_by(words: &str, from: usize, alone: &mut Request, view: View<'_>, rules: &Rules) -> Option<Identified> {
    alone.fields = vec![Field { label: String::new(), value: words.to_owned(), key: FieldKey::CampaignName }];
    let mut named = campaigns::identify_in(alone, view, &rules.campaign_hints, true);
    let by_name = named.ids.is_empty() && !named.candidates.is_empty();
    for evidence in named.evidence.iter_mut().filter(|evidence| evidence.place == Where::Form) {
        evidence.place = Where::Text;
        evidence.field = None;
        (evidence.start, evidence.end) = (evidence.start + from, evidence.end + from);
    }
    by_name.then_some(named)
}
