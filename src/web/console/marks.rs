//! Marks in a customer's text: cuts it where evidence begins and ends, so that the page shows the deciding words.
//!
//! A span that is not on the text's character boundaries, or whose words do not stand there, is left out: no mark is
//! better than a wrong one. Escaping is the template's work; the pieces joined are the text, byte for byte.

use serde::Serialize;

use crate::request::evidence::Evidence;

/// More spans than this are not marked: nobody reads them, and a hostile text must not cost the square of its size.
const MOST: usize = 300;

/// A run of text under the same evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Piece {
    /// The words.
    pub text: String,
    /// `rule · weight`, several joined; `None`: unmarked.
    pub title: Option<String>,
    /// Everything that covers it counts against (weight below 0).
    pub against: bool,
}

/// Cuts `text` into pieces. `evidence` is that of this text's zone alone.
pub fn pieces<'a>(text: &str, evidence: impl IntoIterator<Item = &'a Evidence>) -> Vec<Piece> {
    let spans: Vec<&Evidence> = evidence
        .into_iter()
        .filter(|found| found.start < found.end && text.get(found.start..found.end) == Some(found.text.as_str()))
        .take(MOST)
        .collect();
    let mut cuts: Vec<usize> = spans.iter().flat_map(|span| [span.start, span.end]).chain([0, text.len()]).collect();
    cuts.sort_unstable();
    cuts.dedup();
    let mut pieces = Vec::with_capacity(cuts.len());
    for pair in cuts.windows(2) {
        let covering: Vec<&&Evidence> =
            spans.iter().filter(|span| span.start <= pair[0] && pair[1] <= span.end).collect();
        let mut titles: Vec<String> = covering.iter().map(|span| format!("{} · {}", span.rule, span.weight)).collect();
        titles.dedup();
        pieces.push(Piece {
            text: text.get(pair[0]..pair[1]).unwrap_or_default().to_owned(),
            title: (!titles.is_empty()).then(|| titles.join("\n")),
            against: !covering.is_empty() && covering.iter().all(|span| span.weight < 0.0),
        });
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::evidence::Where;

    fn found(start: usize, text: &str, weight: f64) -> Evidence {
        let end = start + text.len();
        Evidence { rule: "r".into(), place: Where::Text, field: None, start, end, text: text.into(), weight }
    }

    fn check(text: &str, evidence: &[Evidence], expected: &str) {
        let pieces = pieces(text, evidence);
        assert_eq!(pieces.iter().map(|piece| piece.text.as_str()).collect::<String>(), text);
        let shown: Vec<String> = pieces
            .iter()
            .map(|piece| match (&piece.title, piece.against) {
                (None, _) => piece.text.clone(),
                (Some(_), false) => format!("[{}]", piece.text),
                (Some(_), true) => format!("({})", piece.text),
            })
            .collect();
        assert_eq!(shown.concat(), expected);
    }

    #[test]
    fn the_very_words_are_marked() {
        check("für Kampagne 48213 – heute", &[found(14, "48213", 1.0)], "für Kampagne [48213] – heute");
        check("日本語 12 日本語", &[found(10, "12", 1.0)], "日本語 [12] 日本語");
        check("abcdef", &[found(1, "bcd", 1.0), found(3, "de", -1.0)], "a[bc][d](e)f");
        check("", &[], "");
    }

    #[test]
    fn a_span_that_does_not_fit_marks_nothing() {
        check("für", &[found(2, "x", 1.0)], "für");
        check("für", &[found(90, "x", 1.0)], "für");
        check("abc", &[found(0, "b", 1.0), found(1, "", 1.0)], "abc");
    }
}
