//! A campaign's name as the answer to our question which one it is: "farm shop", "rebajas de enero". Few words on a line of their
//! own are the name then, however they are spelled, as they are in a form's field for it.
//!
//! Never looks into lines that say more: what people tell along names nothing by chance.

use crate::campaigns::{self, Identified, View};
use crate::request::evidence::Where;
use crate::request::{Field, FieldKey, Request};
use crate::rules::Rules;

/// Words of a line that may be a name, with what leads to it: "it is about the farm shop".
const WORDS: usize = 7;

/// The campaign that one of the answer's lines names. `None`: no line does, or several do.
pub(super) fn named(request: &Request, view: View<'_>, rules: &Rules) -> Option<Identified> {
    let text = request.text.as_str();
    let lines = text.lines().map(str::trim).filter(|line| (1..=WORDS).contains(&line.split_whitespace().count()));
    let mut found = lines.filter_map(|line| {
        let field = Field { label: String::new(), value: line.to_owned(), key: FieldKey::CampaignName };
        let (text, subject) = (String::new(), String::new());
        let alone =
            Request { text, subject, fields: vec![field], attachments: vec![], links: vec![], ..request.clone() };
        let mut named = campaigns::identify_in(&alone, view, &rules.campaign_hints, true);
        let by_name = named.ids.is_empty() && !named.candidates.is_empty();
        let from = line.as_ptr() as usize - request.text.as_ptr() as usize;
        for evidence in named.evidence.iter_mut().filter(|evidence| evidence.place == Where::Form) {
            evidence.place = Where::Text;
            evidence.field = None;
            (evidence.start, evidence.end) = (evidence.start + from, evidence.end + from);
        }
        by_name.then_some(named)
    });
    let first = found.next()?;
    found.next().is_none().then_some(first)
}
