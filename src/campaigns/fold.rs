//! Words of a text, folded for comparison, each with the byte span that it has in the original.
//!
//! Case, accents, full-width forms, foreign digits, zero-width and soft hyphens disappear in the folded form; spans
//! always lie on character boundaries of the text as it came. Linear in the text; never fails.

use unicode_normalization::char::is_combining_mark;

use super::gap::{self, Between, gap_bit};
use super::hints::{Said, Says, role};
use super::letter::{DIGIT, LATIN, LOWER, UPPER};
use super::letter::{
    Script, fold_char, fold_run, invisible, may_hold_umlaut, opens_with_capital, part_of_word, run, script,
};

/// No word of the directory's vocabulary.
pub const NO_WORD: u32 = u32::MAX;

/// One word.
#[derive(Debug, Clone, Copy)]
pub struct Token {
    /// First byte in the original text.
    pub start: usize,
    /// After its last byte.
    pub end: usize,
    folded: (u32, u32),
    /// What stands before it: bits of [`gap`].
    pub gap: u32,
    /// How many characters that is.
    pub gap_chars: u32,
    /// It holds digits only.
    pub digits: bool,
    /// It holds a digit.
    pub has_digit: bool,
    /// Its first letter is a capital.
    pub capital: bool,
    /// All its letters are capitals.
    pub capitals: bool,
    /// It holds letters outside ASCII that did not fold into it, or invisible characters.
    pub strange: bool,
    /// It may hold an umlaut, as one letter or as two.
    pub umlaut: bool,
    /// It stands in a URL or a mail address.
    pub link: bool,
    /// It stands in a mail address.
    pub address: bool,
    /// What the hints say of the word.
    pub roles: u64,
    /// The hash of its folded singular, once the hints have been asked.
    pub hash: u64,
    /// The word in the directory's vocabulary, or [`NO_WORD`].
    pub word: u32,
    /// Where in [`Words::said`] the phrases that begin with it stand, when some do.
    pub(super) said: u32,
}

impl Token {
    /// A word that begins here, of which nothing else is known yet.
    fn at(start: usize, folded: (u32, u32), between: Between) -> Token {
        Token {
            start,
            end: start,
            folded,
            gap: between.bits,
            gap_chars: between.chars,
            digits: false,
            has_digit: false,
            capital: false,
            capitals: false,
            strange: false,
            umlaut: true,
            link: false,
            address: false,
            roles: 0,
            hash: 0,
            word: NO_WORD,
            said: 0,
        }
    }
}

/// A text in words.
#[derive(Debug, Default)]
pub struct Words<'a> {
    /// The text as it came.
    pub text: &'a str,
    /// The text with ASCII in lower case, where most words are folded as they stand, and behind it the other words.
    folded: String,
    /// Its words, in order.
    pub tokens: Vec<Token>,
    /// What stands after the last word.
    pub tail: u32,
    /// Some of its letters are neither of ASCII nor of Latin-1.
    pub beyond_latin: bool,
    /// The known phrases in it, in the order of their first words; of those that begin together the longest first.
    pub said: Vec<Said>,
}

impl Words<'_> {
    /// The folded form of a token.
    #[inline]
    pub fn folded(&self, token: &Token) -> &str {
        &self.folded[token.folded.0 as usize..token.folded.1 as usize]
    }

    /// The folded form of the token at this index; empty when there is none.
    #[inline]
    pub fn word(&self, index: usize) -> &str {
        self.tokens.get(index).map_or("", |token| self.folded(token))
    }

    /// The known phrases that begin at this word: what they say, and the index after their last word.
    #[inline]
    pub fn phrases_at(&self, at: usize) -> impl Iterator<Item = (Says, usize)> + '_ {
        let marked = self.tokens.get(at).filter(|token| token.roles & role::PHRASE != 0);
        let said = marked.and_then(|token| self.said.get(token.said as usize..)).unwrap_or_default();
        said.iter().take_while(move |said| said.at == at).map(|said| (said.says, said.end))
    }

    /// Whether a phrase that says this begins at one of these tokens.
    pub fn says_within(&self, from: usize, to: usize, what: Says) -> bool {
        let first = self.said.partition_point(|said| said.at < from);
        self.said[first..].iter().take_while(|said| said.at < to).any(|said| said.says == what)
    }

    /// What stands after the token at this index.
    pub fn gap_after(&self, index: usize) -> u32 {
        self.tokens.get(index + 1).map_or(self.tail, |next| next.gap)
    }
}

/// Splits a text into folded words.
pub fn words(text: &str) -> Words<'_> {
    let mut folded = String::with_capacity(text.len() + text.len() / 4);
    folded.push_str(text);
    folded.make_ascii_lowercase();
    let mut out = Words { text, folded, tokens: Vec::with_capacity(text.len() / 4 + 2), ..Words::default() };
    let mut between = Between::default();
    let mut open: Option<Token> = None;
    let mut last = Script::Mixed;
    let bytes = text.as_bytes();
    let mut next = 0;
    while let Some(byte) = bytes.get(next).copied() {
        let at = next;
        if byte == b' ' {
            // Nearly all there is between words.
            if open.is_some() {
                close(&mut out, &mut open);
            }
            between.space();
            next += 1;
            continue;
        }
        let (end, kinds) = run(bytes, at);
        // Most words are such a run, with nothing behind that may belong to them.
        if open.is_none()
            && kinds != 0
            && bytes.get(end).is_none_or(|next| next.is_ascii() && !matches!(next, b'\'' | b'`'))
        {
            let mut folded = (at as u32, end as u32);
            if kinds & LATIN != 0 {
                let before = out.folded.len() as u32;
                fold_run(&bytes[at..end], &mut out.folded);
                folded = (before, out.folded.len() as u32);
            }
            out.tokens.push(Token {
                end,
                digits: kinds == DIGIT,
                has_digit: kinds & DIGIT != 0,
                capital: kinds & UPPER != 0 && opens_with_capital(&bytes[at..end]),
                capitals: kinds & LOWER == 0 && kinds != DIGIT,
                umlaut: may_hold_umlaut(kinds),
                ..Token::at(at, folded, std::mem::take(&mut between))
            });
            next = end;
            continue;
        }
        let c = if byte.is_ascii() {
            char::from(byte)
        } else {
            text[at..].chars().next().unwrap_or(char::REPLACEMENT_CHARACTER)
        };
        next = at + c.len_utf8();
        // The vowel or tone of a letter that is a word by itself: ที่.
        if last == Script::Alone
            && !c.is_ascii()
            && is_combining_mark(c)
            && let Some(sign) = out.tokens.last_mut().filter(|sign| sign.end == at && open.is_none())
        {
            sign.end = next;
            continue;
        }
        if kinds != 0 || (!c.is_ascii() && part_of_word(c)) {
            // Scripts meet without a space: キャンペーンID, 活动48213, 48213이.
            let script = if kinds != 0 { Script::Mixed } else { script(c) };
            if open.is_some() && script != last {
                close(&mut out, &mut open);
            }
            last = script;
            let token = open.get_or_insert_with(|| {
                let at_fold = out.folded.len() as u32;
                let token = Token::at(at, (at_fold, at_fold), std::mem::take(&mut between));
                Token { digits: true, capital: c.is_uppercase(), capitals: true, ..token }
            });
            if kinds != 0 {
                fold_run(&bytes[at..end], &mut out.folded);
                token.has_digit |= kinds & DIGIT != 0;
                token.digits &= kinds == DIGIT;
                token.capitals &= kinds & LOWER == 0;
                next = end;
            } else {
                out.beyond_latin = true;
                let before = out.folded.len();
                fold_char(c, &mut out.folded);
                let added = &out.folded[before..];
                let all_digits = !added.is_empty() && added.bytes().all(|b| b.is_ascii_digit());
                token.has_digit |= all_digits;
                token.digits &= all_digits || added.is_empty();
                token.capitals &= all_digits || c.is_uppercase();
                token.strange |= !added.is_ascii();
            }
            token.end = next;
            if script == Script::Alone {
                close(&mut out, &mut open);
            }
            continue;
        }
        if !c.is_ascii() && (invisible(c) || (is_combining_mark(c) && open.is_some())) {
            if let Some(token) = open.as_mut() {
                token.strange |= invisible(c);
            }
            continue;
        }
        let bit = gap_bit(c);
        if bit == gap::APOSTROPHE && joins(&out, open.as_ref(), &text[next..]) {
            continue;
        }
        close(&mut out, &mut open);
        between.push(c, bit);
    }
    close(&mut out, &mut open);
    if between.stopped {
        between.bits |= gap::END;
    }
    out.tail = between.bits;
    mark_links(&mut out);
    out
}

/// Whether an apostrophe joins what stands around it ("Mother's", "don't") instead of parting it ("d'été", "48'213").
fn joins(words: &Words<'_>, open: Option<&Token>, rest: &str) -> bool {
    let Some(token) = open else { return false };
    if token.has_digit {
        return false;
    }
    let right = rest.chars().take(4).take_while(|c| c.is_alphabetic()).count();
    let left = words.folded.len() - token.folded.0 as usize;
    match left {
        _ if right == 0 => false,
        1 => right == 1,
        2 => right <= 2,
        // "dell'ordine", "nell'elenco"
        _ => right < 3 || !words.folded.ends_with("ll"),
    }
}

fn close(words: &mut Words<'_>, open: &mut Option<Token>) {
    if let Some(mut token) = open.take() {
        token.folded.1 = words.folded.len() as u32;
        token.capitals &= !token.digits;
        if token.folded.1 > token.folded.0 {
            words.tokens.push(token);
        }
    }
}

/// Marks the words of URLs and mail addresses: from the scheme, or around an `@`, to the next white space.
fn mark_links(words: &mut Words<'_>) {
    let ends = gap::WHITE | gap::QUOTE | gap::OPEN | gap::CLOSE;
    let count = words.tokens.len();
    for next in 0..count {
        let gap = words.tokens[next].gap;
        let at = gap == gap::AT;
        // Most words have neither before them.
        if !at && (gap & (gap::SLASH | gap::DOT) == 0 || gap & gap::WHITE != 0) {
            continue;
        }
        // A word linked already was reached from an earlier one: every word is walked over once each way.
        let Some(i) = next.checked_sub(usize::from(!at)).filter(|i| !words.tokens[*i].link) else { continue };
        if at {
            let mut j = i;
            while j > 0 && (j == i || words.tokens[j].gap & ends == 0) && !words.tokens[j - 1].link {
                j -= 1;
                words.tokens[j].link = true;
                words.tokens[j].address = true;
            }
        } else if !matches!(words.word(i), "http" | "https" | "www" | "ftp") {
            continue;
        }
        words.tokens[i].link = true;
        words.tokens[i].address = at;
        let mut j = i + 1;
        while j < count && words.tokens[j].gap & ends == 0 && words.tokens[j].gap & (gap::COMMA | gap::SEMICOLON) == 0 {
            words.tokens[j].link = true;
            words.tokens[j].address = at;
            j += 1;
        }
    }
}

/// The folded words of a short text such as a name, joined by one space.
pub fn folded(text: &str) -> String {
    let words = words(text);
    let parts: Vec<&str> = words.tokens.iter().map(|token| words.folded(token)).collect();
    parts.join(" ")
}

/// Only the letters and digits, folded: what remains of an ID when its spelling does not matter.
pub fn compact(text: &str, out: &mut String) {
    for c in text.chars() {
        if c.is_ascii_alphanumeric() {
            out.push(c.to_ascii_lowercase());
        } else if !c.is_ascii() && part_of_word(c) {
            fold_char(c, out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(folded(text), expected, "{text:?}");
        for token in words(text).tokens {
            assert!(text.get(token.start..token.end).is_some(), "{text:?}: span off a boundary");
        }
    }

    #[test]
    fn folds() {
        check("Küchenwochen Frühjahr", "kuchenwochen fruhjahr");
        check("Soldes d'Été", "soldes d ete");
        check("Mother's Day don't 48'213", "mothers day dont 48 213");
        check("ID：１１８２０１ ٤٨٢١٣", "id 118201 48213");
        check("15\u{200b}19\u{ad}40", "151940");
        check("Straße Łódź e\u{301}te\u{301}", "strasse lodz ete");
        check("キャンペーンID春の活动48213", "キャンヘーン id 春 の 活 动 48213");
        check("48213이 ID", "48213 \u{110b}\u{1175} id");
        check("n.º 67810 № 5 n° 7", "n 67810 no 5 n 7");
        check("", "");
    }

    #[test]
    fn marks_links() {
        let words = words("see https://app.example/campaigns/1/x and a.b@c.example now");
        let linked: Vec<&str> = words.tokens.iter().filter(|t| t.link).map(|t| words.folded(t)).collect();
        assert_eq!(linked, ["https", "app", "example", "campaigns", "1", "x", "a", "b", "c", "example"]);
    }
}
