//! What stands between two words of a text: a set of bits, one a kind of character.
//!
//! Says nothing of the words themselves; every character is of exactly one kind, but
//! that the wide marks of East Asian scripts hold the space behind them.

/// White space other than a line break.
pub const SPACE: u32 = 1;
/// One line break.
pub const LINE: u32 = 1 << 1;
/// An empty line.
pub const PARAGRAPH: u32 = 1 << 2;
/// `.`
pub const DOT: u32 = 1 << 3;
/// `,`
pub const COMMA: u32 = 1 << 4;
/// `:`
pub const COLON: u32 = 1 << 5;
/// `;`
pub const SEMICOLON: u32 = 1 << 6;
/// `/`
pub const SLASH: u32 = 1 << 7;
/// A hyphen or dash.
pub const HYPHEN: u32 = 1 << 8;
/// `_`
pub const UNDERSCORE: u32 = 1 << 9;
/// `#`
pub const HASH: u32 = 1 << 10;
/// An opening bracket.
pub const OPEN: u32 = 1 << 11;
/// A closing bracket.
pub const CLOSE: u32 = 1 << 12;
/// A quotation mark.
pub const QUOTE: u32 = 1 << 13;
/// A currency sign.
pub const MONEY: u32 = 1 << 14;
/// `%` or `‰`
pub const PERCENT: u32 = 1 << 15;
/// `=`
pub const EQUALS: u32 = 1 << 16;
/// `&`
pub const AND: u32 = 1 << 17;
/// `+`
pub const PLUS: u32 = 1 << 18;
/// `@`
pub const AT: u32 = 1 << 19;
/// An apostrophe.
pub const APOSTROPHE: u32 = 1 << 20;
/// A full stop, question or exclamation mark with white space behind it.
pub const END: u32 = 1 << 21;
/// `?`
pub const QUERY: u32 = 1 << 22;
/// Anything else.
pub const OTHER: u32 = 1 << 23;
/// White space of any kind.
pub const WHITE: u32 = SPACE | LINE | PARAGRAPH;
/// What ends a clause whatever comes behind it.
pub const CLAUSE: u32 = END | PARAGRAPH | SEMICOLON | QUERY;

/// The bit of a character that is part of no word.
pub(super) fn gap_bit(c: char) -> u32 {
    match c {
        '\n' | '\u{2028}' => LINE,
        '\u{2029}' => PARAGRAPH,
        '.' | '…' | '．' | '·' => DOT,
        '。' => DOT | SPACE,
        ',' => COMMA,
        '、' | '，' => COMMA | SPACE,
        ':' => COLON,
        '：' => COLON | SPACE,
        ';' => SEMICOLON,
        '；' => SEMICOLON | SPACE,
        '/' | '／' | '|' | '\\' => SLASH,
        '-' | '‐'..='―' | '−' | '－' => HYPHEN,
        '_' | '＿' => UNDERSCORE,
        '#' | '＃' => HASH,
        '(' | '[' | '{' | '<' | '（' | '【' => OPEN,
        ')' | ']' | '}' | '>' | '）' | '】' => CLOSE,
        '"' | '“' | '”' | '„' | '‟' | '«' | '»' | '‹' | '›' | '「' | '」' | '『' | '』' | '‚' | '*' => {
            QUOTE
        }
        '$' | '€' | '£' | '¥' | '₹' | '₽' | '₩' | '₺' => MONEY,
        '%' | '‰' | '％' => PERCENT,
        '=' | '＝' => EQUALS,
        '&' => AND,
        '+' => PLUS,
        '@' => AT,
        '\'' | '’' | '‘' | 'ʼ' | '`' | '´' => APOSTROPHE,
        '!' | '！' | '？' => OTHER,
        '?' => QUERY,
        c if c.is_whitespace() => SPACE,
        _ => OTHER,
    }
}

/// The state between words.
#[derive(Default)]
pub(super) struct Between {
    pub(super) bits: u32,
    pub(super) chars: u32,
    /// The last character was a full stop, question or exclamation mark.
    pub(super) stopped: bool,
}

impl Between {
    /// Adds a space.
    #[inline]
    pub(super) fn space(&mut self) {
        self.bits |= if self.stopped { SPACE | END } else { SPACE };
        self.stopped = false;
        self.chars = self.chars.saturating_add(1);
    }

    /// Adds the next character, which is no space, and its bit.
    pub(super) fn push(&mut self, c: char, mut bit: u32) {
        if bit == LINE && self.bits & LINE != 0 {
            bit = PARAGRAPH;
        }
        if bit & WHITE != 0 && self.stopped {
            self.bits |= END;
        }
        if c != '\r' {
            self.stopped = matches!(c, '.' | '!' | '?' | '…' | '。' | '！' | '？')
                || self.stopped && matches!(bit, CLOSE | QUOTE | APOSTROPHE);
        }
        if matches!(c, '。' | '！' | '？') {
            self.bits |= END;
        }
        self.bits |= bit;
        self.chars = self.chars.saturating_add(1);
    }
}
