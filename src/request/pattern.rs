//! Regular expressions of rule files, rewritten so that they compile small and run fast. What they match in living languages
//! stays; nothing is compiled here.

/// What `\w` matches: the letters and digits of living scripts, in few ranges. All of Unicode's would take
/// as much memory as all else of a pattern, and `\w{6}` more than a rule may.
const WORD: &str =
    r"0-9A-Za-z_\xaa\xb5\xba\xc0-\xd6\xd8-\xf6\xf8-\u{1fff}\u{2c00}-\u{2dff}\u{3040}-\u{d7ff}\u{f900}-\u{fdff}";

/// The regex with `\b` and `\B` looking at ASCII letters only (a boundary that knows all of Unicode makes the engine leave its
/// fast path at the first accent, forty times slower), and with `\w` and `\d` in few ranges. These have both cases of all their
/// letters: to look for more took a fifth of what it costs to read all rules. In brackets no flag can say so.
pub fn small(regex: &str) -> String {
    let mut small = String::with_capacity(regex.len() + 16);
    let mut chars = regex.chars().peekable();
    let mut brackets = 0usize;
    while let Some(c) = chars.next() {
        small.push(c);
        match c {
            '\\' => {}
            '[' => {
                brackets += 1;
                small.extend(chars.next_if_eq(&'^'));
                // Right behind the opening bracket the closing one is a character like any other.
                small.extend(chars.next_if_eq(&']'));
                continue;
            }
            ']' => {
                brackets = brackets.saturating_sub(1);
                continue;
            }
            _ => continue,
        }
        match chars.next() {
            Some(kind @ ('b' | 'B')) if chars.peek() != Some(&'{') => {
                small.pop();
                small.push_str("(?-u:\\");
                small.push(kind);
                small.push(')');
            }
            Some(kind @ ('w' | 'W')) => {
                small.pop();
                small.push_str(if brackets == 0 { "(?-i:" } else { "" });
                small.push_str(if kind == 'w' { "[" } else { "[^" });
                small.push_str(WORD);
                small.push_str(if brackets == 0 { "])" } else { "]" });
            }
            Some('d') => small.replace_range(small.len() - 1.., "[0-9]"),
            Some('D') => small.replace_range(small.len() - 1.., "[^0-9]"),
            next => small.extend(next),
        }
    }
    small
}

#[cfg(test)]
mod tests {
    use super::{WORD, small};

    fn check(regex: &str, expected: &str) {
        assert_eq!(small(regex), expected);
    }

    #[test]
    fn boundaries_and_digits_are_rewritten() {
        check(r"\bcafé\B", r"(?-u:\b)café(?-u:\B)");
        check(r"\\b \s \b{start}x", r"\\b \s \b{start}x");
        check(r"\d[\d.]\\d", r"[0-9][[0-9].]\\d");
        let word = format!("[{WORD}]");
        check(r"\w[]\w]\w", &format!("(?-i:{word})[]{word}](?-i:{word})"));
        check(r"[^]\w][a\]\W]\W", &format!("[^]{word}][a\\][^{WORD}]](?-i:[^{WORD}])"));
    }
}
