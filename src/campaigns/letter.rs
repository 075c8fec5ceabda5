//! What a character is to a word, and what it folds to: letters and digits of all scripts, and what is not seen.
//!
//! Knows single characters and runs of plain letters; where words begin and end is for [`super::fold`] to say.

use unicode_normalization::char::{decompose_compatible, is_combining_mark};

/// The zeros of the decimal digits of other scripts (Unicode general category Nd).
const ZEROS: [u32; 24] = [
    0x660, 0x6F0, 0x7C0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xB66, 0xBE6, 0xC66, 0xCE6, 0xD66, 0xDE6, 0xE50, 0xED0, 0xF20,
    0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1B50, 0xFF10,
];

/// The ASCII digit that a digit of any script means.
pub(super) fn digit(c: char) -> Option<char> {
    let code = c as u32;
    if code < ZEROS[0] {
        return None;
    }
    ZEROS.iter().find(|zero| (**zero..**zero + 10).contains(&code)).and_then(|zero| char::from_digit(code - zero, 10))
}

/// Characters that are not seen and do not part words: zero-width, soft hyphen, direction marks, variation selectors.
pub(super) fn invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
}

/// How a character stands to the one before it in a word.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Script {
    /// Digits of all scripts, and letters that stand in one word with them and with each other: Latin and its look-alikes.
    Mixed,
    /// Letters that make words among themselves alone: 62180ريال and キャンペーンID are two words.
    Apart(u32),
    /// Scripts written without spaces, whose characters are words by themselves: Chinese, hiragana, Thai.
    Alone,
}

/// Of which kind the script of a character is. Blocks of Unicode, in steps of 128 characters, stand for scripts.
pub(super) fn script(c: char) -> Script {
    match c {
        ..'\u{590}' => Script::Mixed,
        _ if digit(c).is_some() => Script::Mixed,
        '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' => Script::Alone,
        '\u{3040}'..='\u{309f}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' => {
            Script::Alone
        }
        '\u{ac00}'..='\u{d7a3}' => Script::Apart(0xac00),
        '\u{600}'..='\u{6ff}' | '\u{750}'..='\u{77f}' | '\u{fb50}'..='\u{fdff}' | '\u{fe70}'..='\u{fefe}' => {
            Script::Apart(0x600)
        }
        '\u{30a0}'..='\u{30ff}' | '\u{ff66}'..='\u{ff9f}' => Script::Apart(0x30a0),
        '\u{590}'..='\u{1c7f}' => Script::Apart(c as u32 & !0x7f),
        _ => Script::Mixed,
    }
}

/// What the letters from À to ÿ fold to, where that is one ASCII letter; `-`: it is not. Of all that is not ASCII nearly
/// all stands here.
const LATIN_1: &[u8; 64] = b"aaaaaa-ceeeeiiiidnooooo-ouuuuy--aaaaaa-ceeeeiiiidnooooo-ouuuuy-y";

/// The ASCII letter to which a letter of Latin-1 folds.
fn latin_1(c: char) -> Option<u8> {
    LATIN_1.get((c as usize).wrapping_sub(0xc0)).copied().filter(|folded| *folded != b'-')
}

/// Writes the folded form of a character.
pub(super) fn fold_char(c: char, out: &mut String) {
    if c.is_ascii() {
        out.push(c.to_ascii_lowercase());
        return;
    }
    if let Some(folded) = latin_1(c) {
        out.push(char::from(folded));
        return;
    }
    if let Some(digit) = digit(c) {
        out.push(digit);
        return;
    }
    match c {
        'ß' | 'ẞ' => out.push_str("ss"),
        'æ' | 'Æ' => out.push_str("ae"),
        'œ' | 'Œ' => out.push_str("oe"),
        'đ' | 'Đ' => out.push('d'),
        'ł' | 'Ł' => out.push('l'),
        'ı' | 'İ' => out.push('i'),
        'þ' | 'Þ' => out.push_str("th"),
        _ => decompose_compatible(c, |part| {
            if !is_combining_mark(part) {
                if let Some(digit) = digit(part) {
                    out.push(digit);
                } else {
                    out.extend(part.to_lowercase().filter(|c| !is_combining_mark(*c)));
                }
            }
        }),
    }
}

/// What a run of letters and digits holds: a set of these bits.
pub(super) const DIGIT: u8 = 1;
pub(super) const UPPER: u8 = 2;
pub(super) const LOWER: u8 = 4;
/// The e that makes an umlaut of the letter before it, and those letters.
const E: u8 = 8;
const ROUND: u8 = 16;
/// Letters of Latin-1. The last bit, so that what may hold an umlaut is what is not below both of those before it.
pub(super) const LATIN: u8 = 32;

/// Of every byte what kind of ASCII letter or digit it is; 0: none.
const KINDS: [u8; 256] = {
    let mut kinds = [0; 256];
    let mut byte = 0;
    while byte < 128 {
        kinds[byte] = match byte as u8 {
            b'0'..=b'9' => DIGIT,
            b'A' | b'O' | b'U' => UPPER | ROUND,
            b'a' | b'o' | b'u' => LOWER | ROUND,
            b'E' => UPPER | E,
            b'e' => LOWER | E,
            b'A'..=b'Z' => UPPER,
            b'a'..=b'z' => LOWER,
            _ => 0,
        };
        byte += 1;
    }
    kinds
};

/// The first byte of the letters from À to ÿ in UTF-8.
const LATIN_1_LEAD: u8 = 0xc3;

/// The run of letters and digits of ASCII and Latin-1 that begins here: its end, and what kinds it has. Of all that is
/// written in Latin letters nearly every word is one.
#[inline]
pub(super) fn run(bytes: &[u8], at: usize) -> (usize, u8) {
    let (mut end, mut kinds) = (at, 0);
    while let Some(byte) = bytes.get(end) {
        let kind = KINDS[usize::from(*byte)];
        if kind != 0 {
            kinds |= kind;
            end += 1;
            continue;
        }
        let second = if *byte == LATIN_1_LEAD { bytes.get(end + 1) } else { None };
        let Some(second) = second.filter(|second| LATIN_1[usize::from(**second & 63)] != b'-') else { break };
        kinds |= LATIN | if *second < 0xa0 { UPPER } else { LOWER };
        end += 2;
    }
    (end, kinds)
}

/// Whether a run that holds these kinds may hold an umlaut, as one letter or as two.
pub(super) fn may_hold_umlaut(kinds: u8) -> bool {
    kinds >= ROUND | E
}

/// Whether the first letter of such a run is a capital.
pub(super) fn opens_with_capital(run: &[u8]) -> bool {
    matches!(run, [b'A'..=b'Z', ..] | [LATIN_1_LEAD, ..0xa0, ..])
}

/// Writes the folded form of such a run.
pub(super) fn fold_run(run: &[u8], out: &mut String) {
    let mut bytes = run.iter();
    while let Some(byte) = bytes.next() {
        let folded = match *byte {
            LATIN_1_LEAD => LATIN_1[usize::from(bytes.next().map_or(0, |second| second & 63))],
            byte => byte.to_ascii_lowercase(),
        };
        out.push(char::from(folded));
    }
}

pub(super) fn part_of_word(c: char) -> bool {
    // º ª ° end "n.º"; they are no letters of a word.
    latin_1(c).is_some()
        || c.is_alphanumeric() && !matches!(c, 'º' | 'ª')
        || digit(c).is_some()
        || matches!(c, 'ー' | '№')
}
