//! One pass over the lines of a body: which are quoted, which forwarded; all others are new as yet.

use super::attribution::{LONGEST_LINE, complete, dated_start, has_date, judge, unpunctuated};
use super::block::{Block, header_block, label};
use super::notes::notes_table;
use super::{Context, Kind, is_rule};
use crate::request::finder::{folded, lower};
use crate::request::lines::{Body, Hint};
use crate::request::reading::Reading;

/// Over how many lines an attribution may be wrapped.
const MOST_LINES: usize = 4;

/// Lines within which a head ends and its quote begins.
const HEAD_LINES: usize = 16;

/// How long the end of a broken line may be: as long as programs make their lines (RFC 5322 §2.1.1).
const LONGEST_END: usize = 78;

pub(super) struct Walk<'a> {
    pub(super) body: &'a Body,
    pub(super) context: &'a Context<'a>,
    pub(super) reading: &'a Reading,
    pub(super) kinds: Vec<Kind>,
    /// Something introduced a quote: an attribution, a header block, a marker.
    pub(super) marked: bool,
    /// Whether a line begins an attribution, as far as it was asked.
    pub(super) begins: Vec<Option<bool>>,
}

impl Walk<'_> {
    pub(super) fn run(&mut self) {
        let older = if self.context.forward { Kind::Forwarded } else { Kind::Quoted };
        self.begins = vec![None; self.kinds.len()];
        let count = self.kinds.len();
        let mut at = 0;
        let mut new_seen = false;
        while at < count {
            let text = self.body.line(at);
            let line = self.body.lines[at];
            if text.trim().is_empty() {
                at += 1;
                continue;
            }
            if line.depth > 0 && self.context.forward && !self.marked && self.block(at).is_some() {
                at = self.quoted_forward(at, at);
                continue;
            }
            if self.groupwise(at) {
                return self.rest(at, older);
            }
            if line.depth > 0 || line.hint == Hint::Quoted {
                self.kinds[at] = Kind::Quoted;
                at += 1;
                continue;
            }
            match self.marker(at) {
                Some(Marker::Forwarded) => {
                    // Behind quote marks, what is forwarded has an end.
                    let below = (at + 1..count).find(|next| !self.body.blank(*next));
                    let Some(quote) =
                        below.filter(|next| self.body.lines[*next].depth > 0 && self.block(*next).is_some())
                    else {
                        return self.rest(at, Kind::Forwarded);
                    };
                    at = self.quoted_forward(at, quote);
                    continue;
                }
                Some(Marker::Original) => {
                    if let Some(quote) = self.head_alone(at, new_seen) {
                        at = quote;
                        continue;
                    }
                    let mut below = (at + 1..count).filter(|next| !self.body.blank(*next));
                    let foreign =
                        below.next().and_then(|next| self.block(next)).is_some_and(|block| self.foreign(&block));
                    return self.rest(at, if foreign { Kind::Forwarded } else { older });
                }
                Some(Marker::ReplyAbove) if new_seen => return self.rest(at, Kind::Quoted),
                Some(Marker::ReplyAbove) => {
                    self.marked = true;
                    self.kinds[at] = Kind::Quoted;
                    at += 1;
                    continue;
                }
                None => {}
            }
            if let Some(foreign) = self.block(at).map(|block| self.foreign(&block)) {
                if let Some(quote) = self.head_alone(at, new_seen) {
                    at = quote;
                    continue;
                }
                return self.rest(at, if foreign { Kind::Forwarded } else { older });
            }
            if (self.context.reply || self.context.forward)
                && let Some(start) = notes_table(self.body, at, self.reading)
            {
                return self.rest(start, older);
            }
            if let Some((end, strong)) = self.attribution(at) {
                let next = (end + 1..count).find(|next| !self.body.blank(*next));
                let quoted = next.is_none_or(|next| self.body.lines[next].depth > 0);
                if let Some(next) = next
                    && let Some(mark) = foreign_mark(self.body.line(next))
                {
                    // Bars and initials quote, too, where an attribution says so.
                    let marked = |at: &usize| self.body.line(*at).trim_start().starts_with(mark);
                    let below = (next..count).take_while(marked).last().unwrap_or(next) + 1;
                    self.marked = true;
                    self.kinds[at..below].fill(Kind::Quoted);
                    at = below;
                    continue;
                }
                if strong && (!quoted || self.context.forward) {
                    return self.rest(at, older);
                }
                if quoted || line.hint == Hint::Attribution {
                    self.marked = true;
                    self.kinds[at..=end].fill(Kind::Quoted);
                    at = end + 1;
                    continue;
                }
            }
            if self.overflow(at) {
                self.kinds[at] = Kind::Quoted;
            } else {
                new_seen = true;
            }
            at += 1;
        }
    }

    /// The header block that starts here.
    fn block(&self, at: usize) -> Option<Block<'_>> {
        let answer = self.context.reply || self.context.forward;
        header_block(self.body, at, self.ruled(at), answer, self.reading)
    }

    /// A header block of somebody else's mail. Outlook forwards without a word in the subject when the sender takes it
    /// out; an answer has headers that say so.
    fn foreign(&self, block: &Block<'_>) -> bool {
        !self.context.reply && block.from.contains('@') && !self.ours(block.from)
    }

    /// Quotes a head alone, where answers stand below it; gives the first line of what it heads.
    fn head_alone(&mut self, at: usize, new_seen: bool) -> Option<usize> {
        let quote = self.answered_below(at, new_seen)?;
        self.marked = true;
        self.kinds[at..quote].fill(Kind::Quoted);
        Some(quote)
    }

    /// Below a head above which nothing was written, the first quoted line: who answers so writes between the quoted lines
    /// or below them (Outlook Express, Zimbra).
    fn answered_below(&self, at: usize, new_seen: bool) -> Option<usize> {
        if new_seen || !self.context.reply {
            return None;
        }
        let (mut headed, mut parted) = (false, false);
        for next in (at..self.kinds.len()).take(HEAD_LINES) {
            if self.body.lines[next].depth > 0 {
                return Some(next);
            }
            let line = self.body.line(next);
            if line.trim().is_empty() {
                parted = headed;
            } else if label(line, self.reading).is_some() {
                headed = true;
            } else if parted {
                return None;
            }
        }
        None
    }

    /// GroupWise's attribution: `>>> Jane Roe <jane@acme.example> 4/7/2025 9:14 AM >>>`, and below it the mail without marks.
    fn groupwise(&self, at: usize) -> bool {
        let line = self.body.line(at).trim_end();
        let next = || (at + 1..self.kinds.len()).find(|next| !self.body.blank(*next));
        self.body.lines[at].depth == 3
            && line.ends_with(">>>")
            && has_date(line)
            && next().is_some_and(|next| self.body.lines[next].depth == 0)
    }

    /// The value of a From label names the desk itself.
    fn ours(&self, from: &str) -> bool {
        let from = from.to_lowercase();
        self.context.own.iter().any(|own| from.contains(own.as_str()))
    }

    /// A header block behind quote marks, which begin at `quote`, and what it heads, forwarded; gives the first line
    /// after it.
    fn quoted_forward(&mut self, at: usize, quote: usize) -> usize {
        self.marked = true;
        let end = (quote..self.kinds.len())
            .find(|next| self.body.lines[*next].depth == 0 && !self.body.blank(*next) && !self.broken(*next));
        let end = end.unwrap_or(self.kinds.len());
        self.kinds[at..end].fill(Kind::Forwarded);
        end
    }

    /// All from here to the end, and the rule above it, is of one part; what a program writes between the rule and an
    /// attribution likewise (Yandex: `Кому: …;`, `Тема: …;`).
    fn rest(&mut self, at: usize, kind: Kind) {
        self.marked = true;
        self.kinds[at..].fill(kind);
        let mut above = at;
        while above > 0 && self.kinds[above - 1] == Kind::New {
            let line = self.body.line(above - 1).trim();
            if !line.is_empty() && !is_rule(line) && label(line, self.reading).is_none() && !self.dated(line) {
                break;
            }
            above -= 1;
            if self.dated(line) {
                self.kinds[above..at].fill(kind);
            } else if is_rule(line) {
                self.kinds[above..at].fill(kind);
                break;
            }
        }
    }

    /// A marker with the date behind it, above a header block without one: `Message du 07/04/25 09:14` (Orange).
    fn dated(&self, line: &str) -> bool {
        let lower = lower(line);
        line.len() <= 80
            && self.reading.original.iter().any(|known| {
                lower.strip_prefix(known.as_str()).is_some_and(|rest| rest.starts_with([' ', ':']) && has_date(rest))
            })
    }

    /// A rule stands before this line: drawn, or written as dashes or underscores.
    fn ruled(&self, at: usize) -> bool {
        self.body.lines[at].ruled
            || self.body.lines.get(at.wrapping_sub(1)).is_some_and(|line| line.ruled && line.start == line.end)
            || (0..at)
                .rev()
                .take(3)
                .map(|above| self.body.line(above).trim())
                .find(|line| !line.is_empty())
                .is_some_and(is_rule)
    }

    /// What a line says that stands between original, forwarded and new mail.
    fn marker(&self, at: usize) -> Option<Marker> {
        let line = self.body.line(at).trim();
        if line.len() > LONGEST_LINE {
            return None;
        }
        if let Some((_, words)) = between_dashes(line) {
            // Yahoo: `----- Forwarded Message ----- From: Jane <jane@acme.example>To: …`.
            let phrase = lower(words);
            if self.reading.forwarded.contains(&phrase) {
                return Some(Marker::Forwarded);
            }
            if self.reading.original.contains(&phrase) {
                return Some(Marker::Original);
            }
        }
        if line.len() > 160 {
            return None;
        }
        // QQ Mail sends its spaces as they stand in HTML.
        let spaced = if line.contains("&nbsp;") { line.replace("&nbsp;", " ") } else { String::new() };
        let line = if spaced.is_empty() { line } else { spaced.as_str() };
        let dashes = |c: char| "-_=*─—–#~<>|".contains(c) || c.is_whitespace();
        let words = line.trim_matches(dashes);
        if words.is_empty() {
            return None;
        }
        let lead = line.len() - line.trim_start_matches(dashes).len();
        let colon = words.ends_with([':', '：']);
        if lead >= 2 || colon {
            let phrase = lower(words.trim_end_matches([':', '：', '.']).trim_end());
            if self.reading.forwarded.contains(&phrase) {
                return Some(Marker::Forwarded);
            }
            if self.reading.original.contains(&phrase) && (lead >= 2 || self.header_block_follows(at)) {
                return Some(Marker::Original);
            }
            // Zoho, Android: `---- On Wed, 24 Feb 2021 14:02:50 +0530 Jane Roe wrote ----`.
            if line.starts_with("--") && line.ends_with("--") && self.reading.verbs.has(&phrase) {
                return Some(Marker::Original);
            }
            // Lotus Notes: `----- Forwarded by Jane Roe/Acme on 04/03/2025 09:14 -----`.
            if lead >= 4
                && line.ends_with('-')
                && self
                    .reading
                    .forwarded
                    .iter()
                    .any(|known| phrase.strip_prefix(known.as_str()).is_some_and(|rest| rest.starts_with(' ')))
            {
                return Some(Marker::Forwarded);
            }
        }
        self.reply_above(line, words).then_some(Marker::ReplyAbove)
    }

    /// A help desk's line above which answers are written: it has marks on both sides, or says nothing else.
    fn reply_above(&self, line: &str, words: &str) -> bool {
        // Zendesk's marks, and its imitators', in whatever language.
        if line.starts_with("##-") && line.ends_with("-##") {
            return true;
        }
        let lower = folded(line);
        let Some((start, end)) = self.reading.reply_above.find(&lower) else { return false };
        let marked = |edge: Option<char>| edge.is_some_and(|c| "-_=*─—–#~<>|".contains(c));
        let few = |text: &str, most: usize| text.split_whitespace().count() <= most && !text.contains([',', '，']);
        (marked(line.chars().next()) && marked(line.chars().next_back()))
            || (words.len() == line.len() && few(&lower[..start], 2) && few(&lower[end..], 1))
    }

    fn header_block_follows(&self, at: usize) -> bool {
        (at + 1..self.kinds.len())
            .take(3)
            .find(|next| !self.body.blank(*next))
            .is_some_and(|next| header_block(self.body, next, true, true, self.reading).is_some())
    }

    /// Whether an attribution starts here: its last line, and whether it stands for itself without quote marks below.
    fn attribution(&mut self, at: usize) -> Option<(usize, bool)> {
        if self.body.lines[at].hint == Hint::Attribution {
            let last = (at..self.kinds.len())
                .take(MOST_LINES)
                .take_while(|next| self.body.lines[*next].hint == Hint::Attribution)
                .last()?;
            return Some((last, false));
        }
        let answer = self.context.reply || self.context.forward;
        let begins = self.begins(at) || (answer && self.reading.opens_attribution(self.body.line(at)));
        let first = self.body.line(at);
        let mut joined = String::new();
        for end in at..self.kinds.len().min(at + MOST_LINES) {
            let line = self.body.line(end).trim();
            // `Support <support@desk.example` and below it `>:`, which is no quote mark.
            let opened = joined.rfind('<').is_some_and(|open| !joined[open..].contains('>'));
            let closes = opened && line.starts_with('>') && line.ends_with([':', '：']);
            let quoted = self.body.lines[end].depth > 0 && !closes;
            if line.is_empty() || joined.len() + line.len() > LONGEST_LINE || quoted {
                return None;
            }
            // `Support <support@desk.example> kirjoitti` and its date in the next line are one; so is what goes on
            // behind a comma (`On Nov 21, 2014,`, `at 10:18,`).
            let told = || joined.contains('@') && self.reading.verbs.ends(&folded(&joined));
            let goes_on = || joined.ends_with(',') && line.starts_with(char::is_lowercase);
            if end > at && self.begins(end) && !told() && !goes_on() {
                // It starts later, if at all.
                return None;
            }
            if end == at && !begins && !line.contains('@') && !line.ends_with([':', '：']) {
                return None;
            }
            if joined.ends_with('=') {
                // Quoted-printable that was encoded twice: its soft break is still there.
                joined.pop();
            } else if !joined.is_empty() && !closes {
                joined.push(' ');
            }
            joined.push_str(line);
            if line.ends_with([':', '：']) || line.ends_with(":*") {
                return judge(&joined, begins, first, answer, self.reading).map(|strong| (end, strong));
            }
            if answer && begins && self.body.blank(end + 1) && complete(&joined, self.reading) {
                return Some((end, true));
            }
            if self.quote_follows(end) && unpunctuated(&joined, begins, first, self.reading) {
                return Some((end, false));
            }
        }
        None
    }

    /// The next line that is not blank carries a quote mark.
    fn quote_follows(&self, at: usize) -> bool {
        (at + 1..self.kinds.len())
            .take(3)
            .find(|next| !self.body.blank(*next))
            .is_some_and(|next| self.body.lines[next].depth > 0)
    }

    fn begins(&mut self, at: usize) -> bool {
        if let Some(known) = self.begins[at] {
            return known;
        }
        let line = self.body.line(at);
        let known = line.len() <= LONGEST_LINE && (self.reading.starts_attribution(line) || dated_start(line));
        self.begins[at] = Some(known);
        known
    }

    /// A quoted line that a mail program broke: its end stands below it without a mark, and the quote goes on.
    fn overflow(&self, at: usize) -> bool {
        at > 0 && self.kinds[at - 1] == Kind::Quoted && self.broken(at)
    }

    /// This line is the end of the line above, which has a quote mark, and so has the line below.
    fn broken(&self, at: usize) -> bool {
        if at == 0 || at + 1 >= self.kinds.len() {
            return false;
        }
        let (above, line, below) = (self.body.line(at - 1), self.body.line(at), self.body.lines[at + 1]);
        // The end of a link that began in the line above.
        let link = line.ends_with([')', '>']) && !line.contains(' ') && !line.contains(['(', '<']);
        if link && below.depth > 0 && above.rfind(['(', '<']).is_some_and(|open| !above[open..].contains([')', ' '])) {
            return true;
        }
        above.len() >= 66
            && below.depth > 0
            && below.depth == self.body.lines[at - 1].depth
            && line.len() <= LONGEST_END
            && !above.ends_with(['.', '?', '!', ':'])
            && line.chars().next().is_some_and(char::is_lowercase)
    }
}

/// The words between two rows of dashes at the beginning of a line, and what stands behind them.
pub(super) fn between_dashes(line: &str) -> Option<(&str, &str)> {
    let inner = line.strip_prefix("---")?.trim_start_matches('-');
    let (words, rest) = inner.split_once("---")?;
    let rest = rest.trim_start_matches('-').trim();
    (!rest.is_empty()).then_some((rest, words.trim()))
}

/// What a line begins with that some programs set before quoted lines: `|`, `JR>`.
fn foreign_mark(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let initials = line.bytes().take_while(u8::is_ascii_uppercase).count();
    if (1..=4).contains(&initials) && line[initials..].starts_with('>') {
        return Some(&line[..=initials]);
    }
    line.starts_with("| ").then_some("|")
}

enum Marker {
    Forwarded,
    Original,
    ReplyAbove,
}
