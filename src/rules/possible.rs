//! Whether a regex can match anything: what its anchors and boundaries ask for must be possible between the characters beside
//! them. `foo$bar` never matches, nor does `a\b\Bb`.
//!
//! Follows every path through a regex over kinds of characters, not over texts. In doubt it says yes; matches nothing itself.

use regex_syntax::hir::{Class, Hir, HirKind, Look};

/// Kinds of characters beside a place in a text, as bits: a line feed, a carriage return, an ASCII word character, any other,
/// and the end of the text.
const LF: u8 = 1;
const CR: u8 = 2;
const WORD: u8 = 4;
const REST: u8 = 8;
const END: u8 = 16;
const ALL: u8 = 31;
const KINDS: usize = 5;

/// Parts that are looked at, one in a repetition several times: a regex may be nested to make work.
const MOST_STEPS: u32 = 100_000;

/// Places in a text: for each kind of character before it, the kinds that may follow.
type Places = [u8; KINDS];

/// Whether some text holds a match.
pub fn possible(regex: &Hir) -> bool {
    after(regex, [ALL; KINDS], &mut { MOST_STEPS }).iter().any(|next| *next != 0)
}

/// Where a match of this may end that begins at one of these places.
fn after(regex: &Hir, at: Places, steps: &mut u32) -> Places {
    if *steps == 0 {
        return [ALL; KINDS];
    }
    *steps -= 1;
    match regex.kind() {
        HirKind::Empty => at,
        HirKind::Literal(literal) => match std::str::from_utf8(&literal.0) {
            Ok(text) => text.chars().fold(at, |at, c| over(at, kind(c))),
            Err(_) => over(at, ALL),
        },
        HirKind::Class(class) => over(at, kinds(class)),
        HirKind::Look(look) => {
            let mut at = at;
            for (nth, next) in at.iter_mut().enumerate() {
                *next &= (0..KINDS).map(|bit| 1 << bit).filter(|kind| holds(*look, 1 << nth, *kind)).sum::<u8>();
            }
            at
        }
        HirKind::Capture(capture) => after(&capture.sub, at, steps),
        HirKind::Concat(parts) => parts.iter().fold(at, |at, part| after(part, at, steps)),
        HirKind::Alternation(parts) => parts.iter().map(|part| after(part, at, steps)).fold([0; KINDS], join),
        HirKind::Repetition(repetition) => {
            let once = after(&repetition.sub, at, steps);
            let mut places = if repetition.min == 0 { join(at, once) } else { once };
            // Whatever is asked to stand twice may stand oftener: this says yes too often, never no.
            while repetition.max != Some(1) {
                let more = join(places, after(&repetition.sub, places, steps));
                if more == places {
                    break;
                }
                places = more;
            }
            places
        }
    }
}

fn join(mut one: Places, other: Places) -> Places {
    one.iter_mut().zip(other).for_each(|(one, other)| *one |= other);
    one
}

/// Over one character of these kinds; anything may follow.
fn over(at: Places, kinds: u8) -> Places {
    let next = at.iter().fold(0, |all, next| all | next) & kinds;
    std::array::from_fn(|nth| if next & (1 << nth) != 0 { ALL } else { 0 })
}

fn kind(c: char) -> u8 {
    match c {
        '\n' => LF,
        '\r' => CR,
        _ if c.is_ascii_alphanumeric() || c == '_' => WORD,
        _ => REST,
    }
}

/// The kinds of a class: those of its ASCII characters, and of the others.
fn kinds(class: &Class) -> u8 {
    let ranges: Vec<(u32, u32)> = match class {
        Class::Unicode(class) => class.iter().map(|range| (range.start().into(), range.end().into())).collect(),
        Class::Bytes(class) => class.iter().map(|range| (range.start().into(), range.end().into())).collect(),
    };
    let ascii = ranges.iter().flat_map(|(from, to)| *from..(to + 1).min(128)).filter_map(char::from_u32);
    let beyond = if ranges.iter().any(|(_, to)| *to > 127) { REST } else { 0 };
    ascii.fold(beyond, |kinds, c| kinds | kind(c))
}

/// Whether this may hold between characters of these two kinds.
fn holds(look: Look, before: u8, behind: u8) -> bool {
    let (word, next) = (before == WORD, behind == WORD);
    // Letters beyond ASCII are words, too, for some boundaries: those are not looked at.
    match look {
        Look::Start => before == END,
        Look::End => behind == END,
        Look::StartLF => before == END || before == LF,
        Look::EndLF => behind == END || behind == LF,
        Look::StartCRLF => before == END || before == LF || (before == CR && behind != LF),
        Look::EndCRLF => behind == END || behind == CR || (behind == LF && before != CR),
        Look::WordAscii => word != next,
        Look::WordAsciiNegate => word == next,
        Look::WordStartAscii => !word && next,
        Look::WordEndAscii => word && !next,
        Look::WordStartHalfAscii => !word,
        Look::WordEndHalfAscii => !next,
        _ => true,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::possible;
    use crate::rules::knot::parsed;

    fn check(regex: &str, expected: bool) {
        assert_eq!(possible(&parsed(regex).unwrap()), expected, "{regex}");
    }

    #[test]
    fn anchors_and_boundaries_must_be_possible() {
        for never in [
            "foo$bar",
            r"a\b\Bb",
            "x^y",
            r"a\bb",
            r" \b ",
            r"a\Bé",
            r"é\bé",
            "[a&&b]",
            "(x^y|foo$bar)z",
            r"(?:x^y){2,}",
            r"a^b\n^b|b$c",
            r"a\zb",
            r"x+^y",
            r"(a$)b",
            r"(?-m)a\n^b",
            r"a\b(?:b|c)+",
            r"\B\b",
        ] {
            check(never, false);
        }
        for may in [
            "foo$\nbar",
            "foo$\\s+^bar",
            "x?^y",
            r"\bword\b",
            r"a\b-\bb",
            r"é\Bé",
            r"(?:x^y)?z",
            r"(?:x^y)*z",
            "^$",
            "a$|b",
            r"foo$.*bar|foo",
            r"\b{start}é",
            r"[^a]^b",
            r"a\b.?b",
            r"(?:a\b)+ b",
            r"(?R)a$\r\nb",
            r"(?s)a$.b",
            r"a\B_",
            r"(?:a|\n)^b",
        ] {
            check(may, true);
        }
        // However deep, it comes to an end.
        check(&format!("{}a{}", "(?:[a-z]^|".repeat(45), "*-?)*".repeat(45)), true);
    }
}
