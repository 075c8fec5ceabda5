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
/// What parts the pieces of a line.
const MARKS: [char; 8] = [',', '.', ';', ':', '!', '?', '–', '—'];

/// The campaign that one of the answer's lines names, or a piece of a line that does not. `None`: none does, or several do.
pub(super) fn named(request: &Request, view: View<'_>, rules: &Rules) -> Option<Identified> {
    let count = |words: &str| words.split_whitespace().count();
    let few = |words: &&str| (1..=WORDS).contains(&count(words));
    let found = |line: &'_ str| -> Vec<Identified> {
        let whole = Some(line).filter(few).and_then(|line| named_by(line, request, view, rules));
        let pieces = || line.split(MARKS).map(str::trim).filter(|piece| *piece != line).filter(few);
        whole.map_or_else(
            || pieces().filter_map(|piece| named_by(piece, request, view, rules)).collect(),
            |one| vec![one],
        )
    };
    let lines = request.text.lines().map(str::trim).filter(|line| count(line) <= LINE);
    let mut found = lines.flat_map(found);
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

/// The campaign that these words of the request's text name.
fn named_by(words: &str, request: &Request, view: View<'_>, rules: &Rules) -> Option<Identified> {
    let field = Field { label: String::new(), value: words.to_owned(), key: FieldKey::CampaignName };
    let (text, subject) = (String::new(), String::new());
    let alone = Request { text, subject, fields: vec![field], attachments: vec![], links: vec![], ..request.clone() };
    let mut named = campaigns::identify_in(&alone, view, &rules.campaign_hints, true);
    let by_name = named.ids.is_empty() && !named.candidates.is_empty();
    let from = words.as_ptr() as usize - request.text.as_ptr() as usize;
    for evidence in named.evidence.iter_mut().filter(|evidence| evidence.place == Where::Form) {
        evidence.place = Where::Text;
        evidence.field = None;
        (evidence.start, evidence.end) = (evidence.start + from, evidence.end + from);
    }
    by_name.then_some(named)
}
