//! Style sheets: which classes and ids they hide. Mail hides its preheaders so.
//!
//! Only simple selectors outside `@media` count: what is hidden on small screens alone is shown to a reader.

use super::style::Style;

/// Names that are kept.
const MOST_NAMES: usize = 64;

/// The classes (`.x`) and ids (`#x`) whose content is not shown.
#[derive(Default)]
pub(super) struct Sheet<'a> {
    hidden: Vec<&'a str>,
}

impl<'a> Sheet<'a> {
    /// Takes from a style sheet what it hides, and what it shows after all.
    pub(super) fn take(&mut self, css: &'a str) {
        let mut depth = 0_usize;
        let mut start = 0;
        let mut selectors = "";
        for (at, mark) in css.bytes().enumerate().filter(|(_, byte)| matches!(byte, b'{' | b'}' | b';')) {
            match mark {
                b'{' => {
                    // `@media … {` holds rules of its own; so do all at-rules.
                    let head = css[start..at].trim();
                    selectors = if depth == 0 && !head.contains('@') { head } else { "" };
                    depth += 1;
                    start = at + 1;
                }
                b'}' => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 && !selectors.is_empty() {
                        self.rule(selectors, Style(&css[start..at]));
                    }
                    selectors = "";
                    start = at + 1;
                }
                // `@import …;` ends without a block.
                _ if depth == 0 => start = at + 1,
                _ => {}
            }
        }
    }

    fn rule(&mut self, selectors: &'a str, style: Style<'_>) {
        let (hides, shows) = (style.hides(), style.shows());
        if !hides && !shows {
            return;
        }
        // A comment may stand before.
        let selectors = selectors.rsplit("*/").next().unwrap_or_default();
        for selector in selectors.split(',').map(str::trim) {
            let Some(at) = selector.find(['.', '#']) else { continue };
            let name = &selector[at..];
            let simple = selector[..at].bytes().all(|byte| byte.is_ascii_alphanumeric())
                && name.len() > 1
                && name[1..].bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
            self.hidden.retain(|known| !simple || *known != name);
            if simple && hides && self.hidden.len() < MOST_NAMES {
                self.hidden.push(name);
            }
        }
    }

    /// Whether an element with this class and id is hidden.
    pub(super) fn hides(&self, class: &str, id: &str) -> bool {
        let is = |mark: char, wanted: &str| {
            !wanted.is_empty() && self.hidden.iter().any(|name| name.strip_prefix(mark) == Some(wanted))
        };
        !self.hidden.is_empty() && (is('#', id) || class.split_ascii_whitespace().any(|class| is('.', class)))
    }
}
