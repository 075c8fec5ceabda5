//! Folding: text into words that compare equal when people mean the same word.
//!
//! Case, accents, umlaut spellings (`ä`, `ae`), full-width forms, hyphens, soft hyphens and apostrophes fold away; scripts
//! written without spaces (Chinese, Japanese, Thai, …) fold to one word a character. Every word keeps its byte span in the
//! original text. Total: any text folds, spans always stand on character boundaries.

use unicode_normalization::char::{compose, decompose_compatible};

/// What folding finds, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    /// A folded word and its byte span in the original.
    Word(&'a str, usize, usize),
    /// The end of a sentence or paragraph: phrases never reach across.
    Stop,
}

/// Folds `text`, handing each piece to `found`.
pub fn fold(text: &str, mut found: impl FnMut(Piece<'_>)) {
    let mut word = Word::default();
    let mut next = 0;
    while let Some(c) = text[next..].chars().next() {
        let at = next;
        let end = at + c.len_utf8();
        next = end;
        let rest = &text[end..];
        let behind = || rest.chars().next();
        match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' => {
                let run = rest.bytes().take_while(u8::is_ascii_alphanumeric).count();
                next += run;
                word.append(&text[at..next], at);
            }
            ' ' => word.flush(&mut found),
            // Zero-width characters and soft hyphens stand inside words copied from web pages.
            '\u{ad}' | '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}' => {}
            // "l'adresse" and "I'm" are two words; "don't" and "campaign's" stay one.
            '\'' | '’' | '‘' | 'ʼ' | '`' | '´' => {
                let joins = word.text.chars().count() > 2 && behind().is_some_and(char::is_alphabetic);
                if !joins {
                    word.flush(&mut found);
                }
            }
            '-' | '\u{2010}' | '\u{2011}' => {
                let single = word.text.len() == 1 && behind().is_some_and(char::is_alphabetic);
                let broken_line = rest.strip_prefix('\n').filter(|_| !word.text.is_empty());
                if broken_line.is_some_and(|line| line.starts_with(char::is_lowercase)) {
                    next += 1;
                } else if !single {
                    word.flush(&mut found);
                }
            }
            '.' | '!' | '?' => {
                word.flush(&mut found);
                if behind().is_none_or(char::is_whitespace) {
                    found(Piece::Stop);
                }
            }
            '。' | '！' | '？' => {
                word.flush(&mut found);
                found(Piece::Stop);
            }
            '\n' => {
                word.flush(&mut found);
                if rest.trim_start_matches([' ', '\t', '\r', '>']).starts_with('\n') {
                    found(Piece::Stop);
                }
            }
            c if c.is_ascii() => word.flush(&mut found),
            // Korean as some programs write it: each letter of a syllable by itself.
            '\u{1100}'..='\u{1112}' => {
                word.flush(&mut found);
                let mut syllable = c;
                while let Some(next_letter) = text[next..].chars().next()
                    && let Some(joined) = compose(syllable, next_letter)
                {
                    (syllable, next) = (joined, next + next_letter.len_utf8());
                }
                word.push(syllable, at, next);
                word.flush(&mut found);
            }
            c if stands_alone(c) => {
                word.flush(&mut found);
                let mut letter = |part: char, end: usize| {
                    word.push(part, at, end);
                    word.flush(&mut found);
                };
                // Syllables and voiced letters stay whole; a mark that voices a Japanese letter stands behind it.
                let whole = matches!(c, '\u{ac00}'..='\u{d7a3}' | '\u{3041}'..='\u{30ff}');
                let mut kana = if whole { c } else { '\0' };
                if !whole {
                    decompose_compatible(c, |part| match part {
                        '\u{3041}'..='\u{30ff}' => kana = part,
                        other => letter(other, end),
                    });
                }
                let mark = behind().and_then(|mark| match mark {
                    '\u{3099}' | '\u{ff9e}' => Some('\u{3099}'),
                    '\u{309a}' | '\u{ff9f}' => Some('\u{309a}'),
                    _ => None,
                });
                let voiced = mark.and_then(|mark| compose(kana, mark));
                if voiced.is_some() {
                    next += rest.chars().next().map_or(0, char::len_utf8);
                }
                if kana != '\0' {
                    letter(voiced.unwrap_or(kana), next);
                }
            }
            c if c.is_alphanumeric() => fold_char(c, |folded| word.push(folded, at, end)),
            c if is_mark(c) => word.stretch(end),
            _ => word.flush(&mut found),
        }
    }
    word.flush(&mut found);
}

/// The word being gathered.
#[derive(Default)]
struct Word {
    text: String,
    start: usize,
    end: usize,
}

impl Word {
    /// Adds letters and digits of ASCII that begin at this byte.
    fn append(&mut self, letters: &str, start: usize) {
        if self.text.is_empty() {
            self.start = start;
        }
        let before = self.text.len();
        self.text.push_str(letters);
        self.text[before..].make_ascii_lowercase();
        self.end = start + letters.len();
    }

    fn push(&mut self, c: char, start: usize, end: usize) {
        if self.text.is_empty() {
            self.start = start;
        }
        self.text.push(c);
        self.end = end;
    }

    fn stretch(&mut self, end: usize) {
        if !self.text.is_empty() {
            self.end = end;
        }
    }

    fn flush(&mut self, found: &mut impl FnMut(Piece<'_>)) {
        if self.text.is_empty() {
            return;
        }
        one_umlaut_spelling(&mut self.text);
        found(Piece::Word(&self.text, self.start, self.end));
        self.text.clear();
    }
}

/// `ä` folds to `a`, so "ae" must as well: people without the key write "loeschen". The same for both sides. No German word
/// ends in "ös", many Portuguese ones in "ões".
fn one_umlaut_spelling(word: &mut String) {
    let bytes = word.as_bytes();
    let spelt = |at: usize| bytes[at] == b'e' && matches!(bytes[at - 1], b'a' | b'o' | b'u');
    if !(1..bytes.len()).any(spelt) {
        return;
    }
    let plural = word.ends_with("oes").then(|| word.len() - 2);
    let (mut before, mut last, mut at) = ('\0', '\0', 0);
    word.retain(|c| {
        let drops = c == 'e' && plural != Some(at) && (matches!(last, 'a' | 'o') || (last == 'u' && before != 'q'));
        before = last;
        last = c;
        at += c.len_utf8();
        !drops
    });
}

fn fold_char(c: char, mut push: impl FnMut(char)) {
    match c {
        'ß' | 'ẞ' => "ss".chars().for_each(push),
        'æ' | 'Æ' => push('a'),
        'œ' | 'Œ' | 'ø' | 'Ø' => push('o'),
        'ł' | 'Ł' => push('l'),
        'đ' | 'Đ' => push('d'),
        'ı' | 'İ' => push('i'),
        'ς' => push('σ'),
        _ => decompose_compatible(c, |part| {
            if !is_mark(part) {
                part.to_lowercase().filter(|c| c.is_alphanumeric()).for_each(&mut push);
            }
        }),
    }
}

/// Combining accents of the alphabets that are written with spaces.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{483}'..='\u{487}' | '\u{591}'..='\u{5c7}' | '\u{64b}'..='\u{65f}')
}

/// Characters of scripts that put no spaces between words (or glue particles to them, as Korean does).
fn stands_alone(c: char) -> bool {
    matches!(c,
        '\u{e01}'..='\u{e4e}' | '\u{e81}'..='\u{ecd}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17d3}'
        | '\u{3005}'..='\u{3007}' | '\u{3041}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}'
        | '\u{ff66}'..='\u{ff9f}' | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3134f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: &str, expected: &str) {
        let mut words = Vec::new();
        fold(input, |piece| match piece {
            Piece::Word(word, start, end) => {
                assert!(!input[start..end].is_empty());
                words.push(word.to_owned());
            }
            Piece::Stop => words.push("|".into()),
        });
        assert_eq!(words.join(" "), expected, "{input:?}");
    }

    #[test]
    fn people_write_the_same_word_in_many_ways() {
        check("Löschen LOESCHEN loschen", "loschen loschen loschen");
        check("Straße ＡＤＳ １２", "strasse ads 12");
        check("cam\u{ad}paign cam\u{200b}paign cam-\npaign", "campaign campaign campaign");
        check("I don't. l’adresse n'arrive", "i dont | l adresse n arrive");
        check("e-mail E-Mail log-in", "email email log in");
        check("e\u{301}te\u{301} queue que", "ete queu que");
        check("botões Botoes boes Poesie", "botoes botoes boes posie");
    }

    #[test]
    fn sentences_end_and_addresses_do_not() {
        check("It stopped. Why?\n\nBye", "it stopped | why | | bye");
        check("see app.example.com/x_y v1.2", "see app example com x y v1 2");
    }

    #[test]
    fn scripts_without_spaces_fold_to_characters() {
        check("无法登录!", "无 法 登 录 |");
        check("レポート ﾚﾎﾟｰﾄ", "レ ポ ー ト レ ポ ー ト");
        check("เข้า", "เ ข ้ า");
        check("น้ำ น้\u{e4d}\u{e32}", "น ้ ํ า น ้ ํ า");
        check("ガラス ｶﾞﾗｽ カ\u{3099}ラス", "ガ ラ ス ガ ラ ス ガ ラ ス");
        check("각 \u{1100}\u{1161}\u{11a8}", "각 각");
        check("ΙΠΠΟΣ ιππος", "ιπποσ ιπποσ");
    }
}
