//! Of the IDs that an answer states, those that it is not about: "20471 is wrong", "20471? No."
//!
//! Never turned down by a clause that speaks of another matter: "we do not see clicks in 20471" is about 20471.

use std::collections::HashMap;

use super::list::List;
use super::{Answers, Offered, beside, heard};

/// IDs of an answer that are read.
const MOST_IDS: usize = 50;

impl Answers {
    /// Which of the IDs stated at these byte spans, in the order of the text, it is not about. The same words at two places are
    /// one ID, and turned down only where no place means it. "20471 has ended" turns it down where campaigns were `listed`; to
    /// the mere question for the ID it is an answer.
    pub fn turned_down(&self, text: &str, stated: &[(usize, usize)], listed: bool) -> Vec<(usize, usize)> {
        let mut places: HashMap<&str, usize> = HashMap::new();
        let mut read = String::with_capacity(text.len());
        let mut end = 0;
        for &(from, to) in stated.iter().take(MOST_IDS) {
            let (Some(before), Some(id)) = (text.get(end..from), text.get(from..to)) else { continue };
            let next = places.len();
            let place = *places.entry(id).or_insert(next);
            read.push_str(before);
            read.push_str(&mark(place));
            end = to;
        }
        read.push_str(text.get(end..).unwrap_or_default());
        let ids: Vec<String> = (0..places.len()).map(mark).collect();
        let list: Vec<Offered<'_>> = ids.iter().map(|id| Offered { id, name: "", ahead: None }).collect();
        let list = List::of(&list, self);
        let out = heard(&self.clauses(&read, &list), list.ids.len()).ruled_out(listed);
        let of = |span: &&(usize, usize)| {
            text.get(span.0..span.1).and_then(|id| places.get(id)).is_some_and(|place| out.contains(place))
        };
        stated.iter().filter(of).copied().collect()
    }
}

/// What stands for an ID: a word that nobody writes.
fn mark(place: usize) -> String {
    format!("{}{place}", beside::STATED)
}
