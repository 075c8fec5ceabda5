//! "Best regards" and "Thanks" as lines, alone, with a name behind them, or joined.
//!
//! The words are data; a line that says more than a closing and a name is none.

use super::look::proper;
use crate::request::finder::{lower, lowered};
use crate::request::reading::Reading;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Closing {
    Formal,
    Thanks,
}

pub(super) fn of(line: &str, reading: &Reading) -> Option<Closing> {
    // Most lines end here: no closing starts like them.
    let mut words = line.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let mut buffer = String::new();
    if line.len() > 120 || !words.next().is_some_and(|word| reading.openers.contains(lowered(word, &mut buffer))) {
        return None;
    }
    let bare = |text: &str| lower(text.trim_matches(|c: char| !c.is_alphanumeric() && c != '(' && c != ')'));
    let known = |text: &str| {
        let text = bare(text);
        if reading.closings.contains(&text) {
            Some(Closing::Formal)
        } else {
            reading.thanks.contains(&text).then_some(Closing::Thanks)
        }
    };
    if let Some(closing) = known(line) {
        return Some(closing);
    }
    // `Best regards, Jonas Pfeil`; `Thanks - Sam`
    if let Some((head, name)) = line.split_once([',', '،', '、'])
        && let Some(closing) = known(head)
    {
        let name = name.trim();
        let again = known(name);
        if again.is_some() {
            return if again == Some(Closing::Formal) { again } else { Some(closing) };
        }
        let words = name.split_whitespace().count();
        let proper =
            words <= 4 && !name.bytes().any(|b| b.is_ascii_digit()) && proper(name) && !name.ends_with(['?', ':']);
        return proper.then_some(closing);
    }
    // `Herzliche Grüße aus Hamburg`, `Greetings from New York`
    let place = [" aus ", " from ", " depuis ", " desde ", " uit ", " från ", " fra ", " z ", " из "];
    if let Some((head, place)) = place.iter().find_map(|word| line.split_once(word)) {
        let place = place.trim_end_matches([',', '.', '!']);
        let named = (1..=3).contains(&place.split_whitespace().count()) && place.split_whitespace().all(proper);
        if named && known(head) == Some(Closing::Formal) {
            return Some(Closing::Formal);
        }
    }
    // `Thanks and best regards`
    let lower = bare(line);
    [
        " and ", " & ", " und ", " et ", " y ", " e ", " en ", " och ", " og ", " i ", " и ", " та ", " ve ", " και ",
        ". ", "! ", " - ", " + ", " / ", " with ", " mit ",
    ]
    .iter()
    .find_map(|link| {
        let (head, last) = lower.split_once(link)?;
        known(head).and(known(last))
    })
}
