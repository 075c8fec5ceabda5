//! The finished text of a mail in paragraphs, lists and links, set as plain text; the HTML is made of the same pieces.
//!
//! Links come as marks made of control characters, which [`super::compose`] keeps out of all data: nothing that a
//! customer or a campaign's name says can become a link.

use serde::Serialize;

/// Columns of a text line, where words allow it: room for quote marks in an answer.
const COLUMNS: usize = 74;
/// A link within a line: OPEN label NEXT url NEXT mail CLOSE.
const OPEN: char = '\u{1}';
const NEXT: char = '\u{2}';
const CLOSE: char = '\u{3}';

/// A paragraph of the finished text, for layout.html.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Block {
    /// Lines of a paragraph, or the items of a list, each in parts.
    lines: Vec<Vec<Part>>,
    list: bool,
    /// The items are numbered.
    numbered: bool,
}

/// A piece of a line: words, or a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Part {
    text: String,
    /// Where the link leads; `None`: no link.
    url: Option<String>,
    /// The same answer by mail.
    mail: Option<String>,
}

/// A link as it stands in a template's text. An empty `url` leaves only the mail.
pub(super) fn mark(label: &str, url: &str, mail: &str) -> String {
    format!("{OPEN}{label}{NEXT}{url}{NEXT}{mail}{CLOSE}")
}

/// Paragraphs stand apart by an empty line. Within one, lines are joined, but for a line that ends in `\`; a line that
/// begins with `- ` is an item of a list, one that begins with `1. ` and so on of a numbered one.
pub(super) fn blocks(text: &str) -> Vec<Block> {
    let mut blocks: Vec<(Vec<String>, bool, bool)> = vec![];
    let (mut fresh, mut join) = (true, false);
    for line in text.lines() {
        let line = line.trim_matches(' ');
        let (line, ends) = line.strip_suffix('\\').map_or((line, false), |line| (line.trim_end_matches(' '), true));
        if line.is_empty() {
            fresh = true;
            continue;
        }
        let (item, numbered) = item(line);
        let list = item.is_some();
        if fresh || blocks.last().is_some_and(|block| list && !block.1) {
            blocks.push((vec![], list, numbered));
            join = false;
        }
        let Some(block) = blocks.last_mut() else { continue };
        match block.0.last_mut() {
            Some(last) if join && !list => {
                last.push(' ');
                last.push_str(line);
            }
            _ => block.0.push(item.unwrap_or(line).to_owned()),
        }
        (fresh, join) = (false, !ends);
    }
    let block = |(lines, list, numbered): (Vec<String>, bool, bool)| {
        let lines = lines.iter().map(|line| parts(line)).collect();
        Block { lines, list, numbered }
    };
    blocks.into_iter().map(block).collect()
}

/// What stands in an item of a list, and whether the list is numbered.
fn item(line: &str) -> (Option<&str>, bool) {
    let number = |(number, rest): (&str, &'_ str)| {
        let digits = (1..=2).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
        digits.then_some(rest.len())
    };
    match line.split_once(". ").and_then(number) {
        Some(length) => (Some(&line[line.len() - length..]), true),
        None => (line.strip_prefix("- "), false),
    }
}

fn parts(line: &str) -> Vec<Part> {
    let words = |text: &str| Part { text: text.to_owned(), url: None, mail: None };
    let mut parts = vec![];
    let mut rest = line;
    while let Some((before, (link, after))) =
        rest.split_once(OPEN).and_then(|(before, after)| Some((before, after.split_once(CLOSE)?)))
    {
        if !before.is_empty() {
            parts.push(words(before));
        }
        let mut pieces = link.split(NEXT);
        let mut piece = || pieces.next().unwrap_or_default().to_owned();
        let (text, url, mail) = (piece(), piece(), piece());
        let some = |text: String| Some(text).filter(|text| !text.is_empty());
        parts.push(match some(url) {
            Some(url) => Part { text, url: Some(url), mail: some(mail) },
            None => Part { text, url: some(mail), mail: None },
        });
        rest = after;
    }
    if !rest.is_empty() {
        parts.push(words(rest));
    }
    parts
}

/// Sets the paragraphs in lines of at most [`COLUMNS`]; a link's address stands on a line of its own. That of a mail is
/// left out: whoever reads plain text just replies.
pub(super) fn set(blocks: &[Block]) -> String {
    let mut text = String::new();
    for (index, block) in blocks.iter().enumerate() {
        if index > 0 {
            text.push('\n');
        }
        for (number, line) in (1..).zip(&block.lines) {
            let lead = match (block.list, block.numbered) {
                (true, true) => format!("{number}. "),
                (true, false) => "- ".to_owned(),
                (false, _) => String::new(),
            };
            let hang = &"    "[..lead.len().min(4)];
            let mut column = lead.len();
            text.push_str(&lead);
            let mut first = true;
            for part in line {
                if let Some(url) = &part.url {
                    if !url.starts_with("mailto:") {
                        if !first {
                            text.push('\n');
                            text.push_str(hang);
                        }
                        text.push_str(url);
                        (first, column) = (false, COLUMNS);
                    }
                    continue;
                }
                for word in part.text.split(' ').filter(|word| !word.is_empty()) {
                    let wide = word.chars().count();
                    if !first && column + 1 + wide > COLUMNS {
                        text.push('\n');
                        text.push_str(hang);
                        column = hang.len();
                    } else if !first {
                        text.push(' ');
                        column += 1;
                    }
                    text.push_str(word);
                    column += wide;
                    first = false;
                }
            }
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(set(&blocks(text)), expected);
    }

    #[test]
    fn paragraphs_lists_and_links() {
        check("One\ntwo.\n\nThree\\\nfour\n", "One two.\n\nThree\nfour\n");
        check("Which?\n- A\n- B\n", "Which?\n\n- A\n- B\n");
        check("Which?\n\n1. A\n2. B\n", "Which?\n\n1. A\n2. B\n");
        check("In 2025. And so on.\n", "In 2025. And so on.\n");
        let link = mark("This one", "https://d.example/a", "mailto:x@d.example");
        check(&format!("- Sale {link}\n- Other"), "- Sale\n  https://d.example/a\n- Other\n");
        check(&format!("{link}\n"), "https://d.example/a\n");
        check(&format!("Sale{}\n", mark("This one", "", "mailto:x@d.example")), "Sale\n");
        check("An \u{1}open mark", "An \u{1}open mark\n");
    }

    #[test]
    fn without_a_link_the_mail_is_the_link() {
        let by_mail = parts(&mark("This one", "", "mailto:x@d.example"));
        assert_eq!((by_mail[0].url.as_deref(), by_mail[0].mail.as_deref()), (Some("mailto:x@d.example"), None));
    }
}
