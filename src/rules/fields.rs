//! Fields of a form that have a fixed choice: which field a rule means, and what nobody here knows.

use super::compile::{Compiled, Owner, Signal, label_words};
use super::judge::{Pick, fires};
use super::routing::PRIORITIES;
use super::scan::Scan;
use crate::request::{Field, FieldKey, Request};

impl Compiled {
    /// What the customer or a partner wrote into fields that have a fixed choice, and nobody here knows.
    pub fn unknown_values(&self, scan: &Scan<'_>, pick: Pick) -> Vec<String> {
        let mut unknown = vec![];
        if let (Pick::Unknown, Some(picked)) = (pick, scan.request.field(FieldKey::HelpTopic)) {
            unknown.push(format!("help topic \"{}\" is none of this desk's", shortened(picked)));
        }
        let fields = scan.request.fields.iter().filter(|field| field.key == FieldKey::Priority);
        for field in fields.filter(|field| !field.value.trim().is_empty()) {
            let of_field = |signal: &&Signal| {
                let wanted = signal.written.field.as_deref();
                matches!(signal.owner, Owner::Routing(_))
                    && wanted.is_some_and(|wanted| is_field(scan.request, &field.label, wanted))
            };
            let understood = self.signals.iter().filter(of_field).any(|signal| fires(signal, scan, 1.0).is_some());
            if !understood && !PRIORITIES.contains(&field.value.trim().to_lowercase().as_str()) {
                unknown.push(format!("priority \"{}\" is none that this desk knows", shortened(&field.value)));
            }
        }
        unknown
    }
}

/// Whether a field is the one that a rule names: by its label, or as the priority, whatever a form calls it.
pub(super) fn is_field(request: &Request, label: &str, wanted: &str) -> bool {
    let (label, wanted) = (label_words(label), label_words(wanted));
    let priority = |field: &Field| field.key == FieldKey::Priority && label_words(&field.label) == label;
    label == wanted || (wanted == ["priority"] && request.fields.iter().any(priority))
}

/// A value on one line, its beginning where it is long.
fn shortened(value: &str) -> String {
    let line: String = value.chars().map(|c| if c.is_control() { ' ' } else { c }).take(60).collect();
    line.trim().to_owned()
}
