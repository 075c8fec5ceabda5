//! IDs that are such by where they stand: behind a campaign's name, or alone in the subject.
//!
//! Asks what [`super::stated`] found or left; decides nothing about labels.

use super::denial::Denial;
use super::fold::Token;
use super::gap;
use super::hints::{Hints, Says, role};
use super::label::Label;
use super::number::year;
use super::stated::{Finder, Footing, SOMETHING_ELSE, Stated, visible};
use super::view::View;
use super::zone::Zone;

/// The rule of what stands in brackets behind a campaign's name.
const BEHIND_NAME: &str = "campaign-id.behind-name";

/// "Birthday Night Free (7104289)", "Birthday Night Free, no. 7104289": a number of the directory's shape in brackets, or
/// called a number or an ID, directly behind a name (whose last token this is) states an ID, whether the directory knows it.
/// "Orchard Box, that should be 20471": one edit from an ID of `rows`, behind light words.
pub fn behind_name(zone: &Zone<'_>, last: usize, rows: &[(u32, f64)], view: View<'_>, hints: &Hints) -> Option<Stated> {
    let ids = view.ids();
    let words = &zone.words;
    let called = |at: &usize| {
        let token = words.tokens.get(*at);
        token.is_some_and(|token| token.roles & (role::IDENTIFIER | role::NUMBER) != 0 && !token.has_digit)
    };
    let mut at = last + 1 + (last + 1..last + 3).take_while(called).count();
    let supposed = supposed_behind(zone, last, rows, view);
    at = supposed.unwrap_or(at);
    let token = words.tokens.get(at)?;
    // "(code HF-4074)"; a word of the sentence is none.
    let marked = at > last + 1 || token.gap & !gap::SPACE != 0;
    if !marked || !words.tokens[at..].iter().take(2).any(|part| part.has_digit) {
        return None;
    }
    let finder = finder(zone, view, hints);
    let reading = if token.digits { None } else { finder.read(at, &mut String::new()) };
    let end = reading.as_ref().map_or(at, |reading| reading.last);
    let word = reading.as_ref().map_or_else(|| words.folded(token), |reading| reading.compact.as_ref());
    let has_digit = words.tokens[at..=end].iter().any(|part| part.has_digit);
    let bracket = token.gap & gap::OPEN != 0 && words.gap_after(end) & gap::CLOSE != 0;
    // "Birthday Night Free, 7104289, is late": where the directory has one like it.
    let parts = gap::COMMA | gap::CLAUSE;
    let apart = || token.gap & gap::COMMA != 0 && words.gap_after(end) & parts != 0;
    let enclosed = || apart() && !ids.near(word, &view.directory.campaigns).is_empty();
    let alone = has_digit && (bracket || supposed.is_some() || at > last + 1 || enclosed()) && !token.link;
    if !alone || year(word) || !ids.fits(word) || ids.find(word, word, &view.directory.campaigns).is_some() {
        return None;
    }
    let span = (token.start, words.tokens[end].end);
    let written = words.text.get(span.0..span.1).unwrap_or_default();
    Some(Stated {
        row: None,
        id: ids.spelled(word, &visible(written)),
        compact: word.to_owned(),
        rule: BEHIND_NAME,
        weight: 0.8,
        span,
        tokens: (at, end),
        footing: Footing::Labelled,
        denial: Denial::No,
        link: false,
    })
}

/// "Orchard Box, that should be 20471", "Orchard Box has the number 20471, right?": where light words stand between the name and
/// a number that is one edit from the ID of one of the campaigns that are named.
fn supposed_behind(zone: &Zone<'_>, last: usize, rows: &[(u32, f64)], view: View<'_>) -> Option<usize> {
    const BETWEEN: usize = 6;
    const STOPS: u32 = gap::CLAUSE | gap::COLON | gap::LINE;
    let words = &zone.words;
    let light = role::FILL | role::STOP | role::OWN | role::IDENTIFIER | role::NUMBER | role::OBLIGES | role::IS;
    let passes = |at: &usize| {
        let token = &words.tokens[*at];
        let said = token.roles & light != 0 || words.phrases_at(*at).any(|(says, _)| says == Says::Modal);
        said && token.roles & role::DENY == 0 && !token.has_digit
    };
    let mut behind = last + 1..words.tokens.len().min(last + 2 + BETWEEN);
    let at = behind.find(|at| !passes(at)).filter(|at| at - last > 2)?;
    let token = words.tokens.get(at).filter(|token| token.digits)?;
    let short = |at: usize| words.tokens[at - 1].roles & role::NUMBER != 0;
    let joined = (last + 1..=at).all(|at| words.tokens[at].gap & STOPS == 0 || short(at));
    let near = || view.ids().near(words.folded(token), &view.directory.campaigns);
    (joined && near().iter().any(|(row, _)| rows.iter().any(|(named, _)| named == row))).then_some(at)
}

fn finder<'a, 'z>(zone: &'a Zone<'z>, view: View<'a>, hints: &'a Hints) -> Finder<'a, 'z> {
    let endings = hints.endings(zone.language, &zone.words);
    Finder { zone, words: &zone.words, ids: view.ids(), campaigns: &view.directory.campaigns, hints, endings }
}

/// "Orchard Box Autumn 2025 (20417)": what was taken for something else only by words of the name that it stands behind
/// (its first and last token) is an ID after all.
pub fn restore_behind_name(id: &mut Stated, zone: &Zone<'_>, name: (usize, usize), hints: &Hints) {
    let words = &zone.words;
    // "Gift (ID 20417)"
    let label = |token: &Token| token.roles & (role::IDENTIFIER | role::NUMBER) != 0;
    let labels = words.tokens.get(name.1 + 1..id.tokens.0).is_some_and(|between| between.iter().all(label));
    let follows = id.row.is_some() && id.rule == SOMETHING_ELSE && labels;
    let Some(token) = words.tokens.get(name.1 + 1).filter(|_| follows) else { return };
    let bracket = token.gap & gap::OPEN != 0;
    let mut own = words.tokens[name.0..=name.1].iter();
    let by_name = own.any(|token| hints.negative(words.folded(token), token.roles));
    let behind = words.tokens.get(id.tokens.1 + 1).is_some_and(|next| hints.negative(words.folded(next), next.roles));
    if bracket || by_name && !behind && token.gap & (gap::END | gap::PARAGRAPH | gap::SEMICOLON | gap::LINE) == 0 {
        (id.rule, id.weight, id.footing) = (BEHIND_NAME, 0.8, Footing::Labelled);
    }
}

/// The subject is nothing but a number of the directory's shape, and the text speaks of it as nothing else: it states an ID,
/// although the directory has none such.
pub fn subject_alone(subject: &Zone<'_>, text: &Zone<'_>, view: View<'_>, hints: &Hints) -> Option<Stated> {
    let [token] = subject.words.tokens.as_slice() else { return None };
    let word = subject.words.folded(token);
    let (ids, campaigns) = (view.ids(), &view.directory.campaigns);
    if !token.digits || word.len() < 5 || !ids.fits(word) || ids.find(word, word, campaigns).is_some() {
        return None;
    }
    let finder = finder(text, view, hints);
    let mut repeated = (0..text.words.tokens.len()).filter(|at| text.words.word(*at) == word).peekable();
    repeated.peek()?;
    let plain =
        |at: usize| finder.label(at, None) == Label::None && !finder.unit_after(at) && finder.stands_alone(at, at);
    if !repeated.all(plain) {
        return None;
    }
    Some(Stated {
        row: None,
        id: word.to_owned(),
        compact: word.to_owned(),
        rule: "campaign-id.subject",
        weight: 0.7,
        span: (token.start, token.end),
        tokens: (0, 0),
        footing: Footing::Labelled,
        denial: Denial::No,
        link: false,
    })
}
