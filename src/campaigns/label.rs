//! By what an ID is introduced: a label before or behind it, or the list that it is a member of.
//!
//! Reads only the words around the ID; whether it is known to the directory plays no part.

use super::fold::Token;
use super::gap;
use super::hints::{Says, role};
use super::stated::{Finder, SOMETHING_ELSE, Stated};
use crate::request::evidence::Where;

/// Words over which a list is followed to what introduces it.
const LISTED: usize = 40;

/// How an ID is introduced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Label {
    /// By the campaign and a word for ID or number, or a mark such as `#`; or by its form field.
    Full,
    /// By the word for a campaign alone.
    Campaign,
    /// By a word for ID alone.
    Id,
    /// As a member of a list that a label introduced.
    Listed,
    /// It is said to be something else.
    Negative,
    /// It is said to be something else whose numbers are written just so: "invoice number".
    Document,
    /// By nothing.
    None,
}

impl Finder<'_, '_> {
    /// By what the ID at this token is introduced.
    pub(super) fn label(&self, i: usize, before: Option<&Stated>) -> Label {
        let (mut ident, mut number, mut filled, mut negative, mut related) = (false, false, 0, false, false);
        let mut copula = false;
        let mut k = i;
        let Some(token) = self.token(i) else { return Label::None };
        let link = token.link;
        let mut mark = token.gap & gap::HASH != 0;
        if mark && self.tags_a_reply(i) {
            return Label::Negative;
        }
        for step in 0..8 {
            let Some(token) = self.token(k) else { break };
            let stops = gap::PARAGRAPH | gap::SEMICOLON | gap::CLOSE;
            if k == 0 || token.gap & stops != 0 {
                break;
            }
            let previous = &self.words.tokens[k - 1];
            // "the invoice, number 48213", "the Harvest campaign, number 48213"
            let numbered = |roles: u64| {
                roles & role::CAMPAIGN != 0 || number && self.hints.negative(self.words.folded(previous), roles)
            };
            // "our order number, 48213, on the bill"
            let document = || self.numbers_document(k - 1) && self.enclosed(i);
            let apposed = || (number || ident) && step == 1 && numbered(previous.roles) || step == 0 && document();
            let comma = token.gap & gap::COMMA != 0 && !apposed();
            let roles = previous.roles;
            let word = self.words.folded(previous);
            // "Nr. 48213", "Tel. 48213": the full stop of an abbreviation.
            let short = token.gap & gap::DOT != 0
                && (roles & role::NUMBER != 0
                    || roles & role::CAMPAIGN != 0 && word.len() <= 5
                    || word.len() <= 6 && step == 0 && roles & role::NEGATIVE != 0
                    || (word.ends_with("nr") || word.ends_with("no"))
                        && (roles & role::LABEL != 0 || self.hints.negative(word, roles))
                    || self.abbreviates(k - 1, k) && number && step == 1);
            if token.gap & (gap::END | gap::QUERY) != 0 && !short || comma {
                break;
            }
            if link && token.gap & gap::WHITE != 0 {
                break;
            }
            mark |= token.gap & (gap::HASH | gap::COLON | gap::EQUALS) != 0 && !link;
            k -= 1;
            // 番号: the signs of one word are one step.
            let sign = |at: usize| self.words.tokens[at].roles & !role::PHRASE;
            while k > 0 && roles != 0 && self.words.tokens[k].gap == 0 && sign(k) == sign(k - 1) {
                k -= 1;
            }
            if roles & role::LABEL != 0 {
                return if negative { Label::Campaign } else { Label::Full };
            }
            if roles & (role::CAMPAIGN | role::CAMPAIGNS) != 0 {
                let marked = ident || number || mark || filled > 0 && self.identified(k);
                // "the invoice for our campaign has the number 48213", "our campaign's 48213 clicks"
                let possessive = ["'s", "’s"].iter().any(|ending| self.written(k, k + 1).contains(ending));
                return match () {
                    () if filled > 0 && !ident && self.of_document(k) => Label::Negative,
                    () if possessive && !ident && !number => Label::None,
                    () if marked && filled <= 3 => Label::Full,
                    () if filled == 0 => Label::Campaign,
                    () if self.is_said_to_be(k, i) => Label::Campaign,
                    () if filled <= 3 && !ident => Label::None,
                    () => Label::Full,
                };
            }
            if link {
                if roles & role::LINK != 0 && token.gap & (gap::SLASH | gap::EQUALS) != 0 {
                    return Label::Id;
                }
                // "/campaigns/edit/48213"
                if step == 0 && token.gap == gap::SLASH && !previous.has_digit && k > 0 {
                    continue;
                }
                if roles & role::IDENTIFIER != 0 {
                    ident = true;
                    continue;
                }
                break;
            }
            if roles & role::IDENTIFIER != 0 {
                ident = true;
                continue;
            }
            // "id's 48213"
            let of_id = |at: usize| self.token(at).is_some_and(|token| token.roles & role::IDENTIFIER != 0);
            if word == "s" && previous.gap & gap::APOSTROPHE != 0 && k > 0 && of_id(k - 1) {
                continue;
            }
            if roles & role::NUMBER != 0 && !previous.has_digit {
                // "code" and "reference" are labels behind "campaign" only.
                let otherwise = self.hints.negative(word, roles);
                // "the QR code of 48213": what the code is of has the number.
                if otherwise && related && !copula {
                    break;
                }
                number = true;
                negative |= otherwise;
                continue;
            }
            let of_file = || roles & role::UNIT != 0 && self.in_file_name(i);
            // "I told you on the phone it is 48213"
            let said_by =
                |at: usize| self.words.phrases_at(at).any(|(says, end)| says == Says::Medium && at <= k && k < end);
            let medium = || (k.saturating_sub(2)..=k).any(said_by);
            // "wrong line: it is 48213", "je me suis trompé de ligne : c'est la 48213"
            let mistaken = |at: usize| {
                let complement = |end: usize| end < k && self.words.tokens[end].roles & role::RELATION != 0;
                let mut said = self.words.phrases_at(at);
                said.any(|(says, end)| says == Says::Corrected && end >= at + 2 && (k < end || complement(end)))
            };
            let retracted = || copula && (k.saturating_sub(9)..=k).any(mistaken);
            let announced = || step == 0 && self.announced(i);
            let billed = || step == 0 && self.told_to(k);
            let known = || {
                let listed = || self.listed_under(i) || self.its_number(i);
                announced() || of_file() || medium() || retracted() || billed() || listed()
            };
            if !previous.has_digit && self.hints.negative(word, roles) && !known() {
                // "of the invoice for 48213": another word between makes it no invoice number.
                let far = filled > 1 && !ident && !number && !mark && !copula;
                // "PO AB-1234": an abbreviation before a number is what the number is of.
                let short = step == 0 && previous.capitals && word.len() <= 3 && token.gap & !gap::SPACE == 0;
                // "seat AQ-4471": nothing stands between.
                let of_campaigns = role::UNIT | role::PRODUCT | role::ADVERT | role::COMMON;
                let direct = step == 0 && token.gap == gap::SPACE && roles & of_campaigns == 0;
                let document = filled == 0 && (number || ident || short || direct || self.hints.document(word, roles));
                return match () {
                    () if far || related && !copula && roles & role::PLACE == 0 => Label::None,
                    () if document => Label::Document,
                    () => Label::Negative,
                };
            }
            // "the invoice with the number 48213", "Kampagne mit der ID 48213": whose number it is.
            let bearing = (number || ident) && self.words.phrases_at(k).any(|(says, _)| says == Says::Bearing);
            if roles & role::FILL != 0 || bearing {
                filled += 1;
                // "the order for it is 48213" says what the order is.
                copula |= !related
                    && !number
                    && roles & (role::RELATION | role::OWN | role::IDENTIFIER) == 0
                    && word.len() > 1
                    || word == "e" && k > 0 && self.written(k, k) != "e";
                copula |= bearing && !related;
                related |= roles & role::RELATION != 0;
                continue;
            }
            if number && !ident && step == 1 && self.abbreviates(k, k + 1) {
                return Label::Document;
            }
            if number && !ident && filled == 0 && self.of_document_of(k) {
                return Label::Document;
            }
            if token.gap & gap::OPEN != 0 && !ident && !number && step == 0 {
                return if self.negative_phrase(k) { Label::Negative } else { Label::None };
            }
            break;
        }
        // "our ref CMP104233": of what, nobody says.
        if negative && !ident {
            return Label::Negative;
        }
        if ident {
            return Label::Id;
        }
        if self.listed_under(i) {
            return Label::Full;
        }
        if let Some(before) = before
            && before.weight > 0.0
            && before.rule != "campaign-id.shape"
            && (self.continues(before.tokens.1, i) || self.ranges(before, i) || self.instead_of(before, i))
        {
            return Label::Listed;
        }
        match () {
            () if self.labelled_far(i) || self.its_number(i) => Label::Full,
            () if self.label_after(i) && !self.year(self.words.word(i)) => Label::Campaign,
            () if self.listed_otherwise(i, before) => Label::Document,
            () => Label::None,
        }
    }

    /// "The campaign Harvest Fair, which you list under no. 48213", "the number 48213 under which you know our campaign": its
    /// sentence says that the campaign of which it speaks is kept under this number.
    fn listed_under(&self, i: usize) -> bool {
        const REACH: usize = 14;
        let tokens = &self.words.tokens;
        let light = |at: &usize| tokens[*at].roles & (role::NUMBER | role::OWN | role::FILL) != 0 && !self.relates(*at);
        let passed = (i.saturating_sub(3)..i).rev().take_while(light).count();
        let before = (i - passed).checked_sub(1);
        let as_ = |at: usize| self.words.phrases_at(at).any(|(says, _)| says == Says::As);
        let number = |at: usize| tokens[at].roles & role::NUMBER != 0;
        let listed = |at: &usize| self.words.phrases_at(*at).any(|(says, _)| says == Says::Listed);
        // "which you file under 48213"; "the campaign runs in 48213" says where.
        let under = |at: usize| {
            let place = role::INSIDE | role::PLACE | role::REGION;
            as_(at)
                || self.relates(at)
                    && tokens[at].roles & place == 0
                    && (at.saturating_sub(4)..at).rev().any(|at| listed(&at))
        };
        let introduced = || (i - passed..i).any(number) || before.is_some_and(under);
        let counts = || self.unit_after(i) || self.counts(i, None);
        if !tokens[i].digits || tokens[i].link || !introduced() || !self.ids.fits(self.words.word(i)) || counts() {
            return false;
        }
        // "No. 48213": the full stop of an abbreviation.
        let ends = |at: usize| tokens[at].gap & gap::CLAUSE != 0 && !number(at - 1);
        let start = (i.saturating_sub(REACH).max(1)..=i).rev().find(|at| ends(*at)).unwrap_or(i.saturating_sub(REACH));
        let end = (i + 1..tokens.len().min(i + REACH)).find(|at| ends(*at)).unwrap_or(tokens.len().min(i + REACH));
        let campaigns = |at: &usize| tokens[*at].roles & role::CAMPAIGN != 0 && !self.of_document(*at);
        let near = |found: &dyn Fn(&usize) -> bool| (start..i).rev().find(found).or_else(|| (i + 1..end).find(found));
        let (Some(campaign), Some(verb)) = (near(&campaigns), near(&listed)) else { return false };
        let otherwise = |at: usize| {
            let known = role::CAMPAIGN | role::NUMBER;
            let token = &tokens[at];
            at != i && token.has_digit
                || token.roles & known == 0 && !listed(&at) && self.hints.negative(self.words.word(at), token.roles)
        };
        !(campaign.min(verb).min(i)..=campaign.max(verb).max(i)).any(otherwise)
    }

    fn relates(&self, at: usize) -> bool {
        self.words.tokens[at].roles & role::RELATION != 0
    }

    /// "campaign 48213, no wait, I misread, 48231": as long as an ID before it in the same sentence, which is taken back between.
    fn instead_of(&self, before: &Stated, i: usize) -> bool {
        const REACH: usize = 10;
        let tokens = &self.words.tokens;
        let last = before.tokens.1;
        let near = i > last && i - last <= REACH && before.tokens.0 == last && tokens[i].digits;
        let taken_back = |at: usize| {
            self.words.phrases_at(at).any(|(says, end)| says == Says::Corrected && end >= at + 2 && end <= i)
        };
        near && self.words.word(last).len() == self.words.word(i).len()
            && tokens[last + 1..=i].iter().all(|token| token.gap & gap::CLAUSE == 0)
            && (last + 1..i).any(taken_back)
    }

    /// "Fault report: 48213 and 48231 have stopped": what stands before the colon says what kind of message this is, and a sentence
    /// begins with the ID.
    fn announced(&self, i: usize) -> bool {
        let tokens = &self.words.tokens;
        let notice = i.checked_sub(1).is_some_and(|before| tokens[before].roles & role::NOTICE != 0);
        let goes_on = |next: &Token| next.gap & (gap::CLAUSE | gap::LINE | gap::CLOSE) == 0;
        notice && tokens[i].gap & gap::COLON != 0 && tokens.get(i + 1).is_some_and(goes_on)
    }

    /// "Please bill 48213", "do you invoice 48213 monthly": what else is a document is what somebody does.
    fn told_to(&self, at: usize) -> bool {
        const TELLS: [&str; 14] = [
            "please", "pls", "plz", "kindly", "favor", "you", "we", "i", "not", "dont", "didnt", "never", "always",
            "just",
        ];
        let told = at.checked_sub(1).is_some_and(|before| TELLS.contains(&self.words.word(before)));
        told && self.words.tokens[at].gap == gap::SPACE && self.words.tokens[at + 1].gap == gap::SPACE
    }

    /// "order number", "numéro de commande": what ends with this word is the number of a document.
    fn numbers_document(&self, at: usize) -> bool {
        let tokens = &self.words.tokens;
        let document = |at: usize| self.hints.document(self.words.word(at), tokens[at].roles);
        let number = |at: usize| tokens[at].roles & role::NUMBER != 0;
        let of = at.checked_sub(1).is_some_and(|of| tokens[of].roles & role::OF != 0);
        document(at) && of && at > 1 && number(at - 2) || number(at) && at > 0 && document(at - 1)
    }

    /// Whether a pause stands on either side of the ID that begins at this token.
    fn enclosed(&self, i: usize) -> bool {
        let pauses = |at: usize| self.token(at).is_none_or(|token| token.gap & (gap::COMMA | gap::CLAUSE) != 0);
        pauses(i) && (i + 1..i + 4).any(pauses)
    }

    /// "Cust. no. 48213", "Auftr.-Nr. 48213": the first of these words is a shortened one, of which the second is the number.
    fn abbreviates(&self, at: usize, number: usize) -> bool {
        let (Some(short), Some(number)) = (self.token(at), self.token(number)) else { return false };
        let length = short.end - short.start;
        let hyphen = number.gap & gap::HYPHEN != 0 && number.gap & gap::WHITE == 0;
        let dot = number.gap & gap::DOT != 0 && (hyphen || !number.capital);
        let ours = role::CAMPAIGN | role::CAMPAIGNS | role::LABEL | role::ADVERT;
        // "It is the best. No. 48213"
        let ours = if hyphen { ours } else { ours | role::FILL | role::STOP };
        let initials = hyphen && short.capitals && length <= 3;
        !short.has_digit && !short.link && short.roles & ours == 0 && (dot && (2..=6).contains(&length) || initials)
    }

    /// "The receipt of the donation no.": the noun at this token is said to be what a document is of.
    fn of_document_of(&self, noun: usize) -> bool {
        let tokens = &self.words.tokens;
        let passes = |at: &usize| tokens[*at].roles & (role::FILL | role::OWN | role::RELATION) != 0;
        let passed = (noun.saturating_sub(2)..noun).rev().take_while(passes).count();
        let document = noun.checked_sub(passed + 1).filter(|_| passed > 0);
        document.is_some_and(|at| {
            let near = (at + 1..=noun).all(|at| tokens[at].gap == gap::SPACE);
            near && !tokens[at].has_digit && self.hints.document(self.words.word(at), tokens[at].roles)
                || near && tokens[at].roles & role::NEGATIVE != 0
        })
    }

    /// "The invoice for our campaign has": what is said of the campaign's is said of an invoice.
    fn of_document(&self, campaign: usize) -> bool {
        let tokens = &self.words.tokens;
        let passes = |at: &usize| tokens[*at].roles & (role::FILL | role::OWN | role::RELATION) != 0;
        let of = (0..campaign).rev().take(4).take_while(passes).last();
        let noun = of.filter(|of| (*of..campaign).any(|at| tokens[at].roles & role::RELATION != 0));
        noun.and_then(|of| of.checked_sub(1)).is_some_and(|noun| {
            let near = (noun + 1..=campaign).all(|at| tokens[at].gap & !gap::SPACE == 0);
            let roles = tokens[noun].roles;
            near && (roles & role::AMOUNT != 0 || self.hints.negative(self.words.word(noun), roles))
        })
    }

    /// "Invoices 10003, 48213 and 48231": a further member of a list whose first is said to be something else.
    fn listed_otherwise(&self, i: usize, before: Option<&Stated>) -> bool {
        let otherwise = |id: &Stated| id.rule == SOMETHING_ELSE && self.continues(id.tokens.1, i);
        if before.is_some_and(otherwise) {
            return true;
        }
        let tokens = &self.words.tokens;
        let alike =
            |at: usize| tokens[at].digits && tokens[at].end - tokens[at].start == tokens[i].end - tokens[i].start;
        let parts = gap::COMMA | gap::SLASH | gap::PLUS | gap::AND | gap::SEMICOLON | gap::LINE;
        let joins = |at: usize| tokens[at].roles & (role::AND | role::RELATION) != 0 && tokens[at].gap == gap::SPACE;
        let member = |at: usize| {
            let direct = at.checked_sub(1).filter(|_| tokens[at].gap & parts != 0 && tokens[at].gap & gap::CLAUSE == 0);
            let joined = at.checked_sub(2).filter(|_| tokens[at].gap & gap::CLAUSE == 0 && joins(at - 1));
            direct.or(joined).filter(|before| alike(*before))
        };
        if !tokens[i].digits {
            return false;
        }
        let mut first = i;
        while let Some(before) = member(first).filter(|before| i - before <= LISTED) {
            first = before;
        }
        first < i && matches!(self.label(first, None), Label::Negative | Label::Document)
    }

    /// "As Campaign ID I have noted 48213", "the Campaign ID, as you asked: 48213": the sentence begins with the words for a
    /// Campaign ID, or all but begins so, and this is its first number.
    fn labelled_far(&self, i: usize) -> bool {
        const BEGINNING: usize = 5;
        const REACH: usize = 10;
        let tokens = &self.words.tokens;
        if !tokens[i].digits || tokens[i].link || !self.near_length(tokens[i].end - tokens[i].start) {
            return false;
        }
        let ends = gap::CLAUSE | gap::LINE;
        let start = (i.saturating_sub(REACH + BEGINNING)..=i).rev().find(|at| *at == 0 || tokens[*at].gap & ends != 0);
        let Some(start) = start else { return false };
        let label = |at: usize| {
            let roles = tokens[at].roles;
            let near = start.max(at.saturating_sub(3))..(at + 4).min(i);
            // "The campaign number on my sheet is 48213"
            let number = || at > start && tokens[at].gap == gap::SPACE && tokens[at - 1].roles & role::CAMPAIGN != 0;
            // "Its ID, going by my notebook, is 48213"
            let known = || at == start + 1 && tokens[at].gap & !gap::APOSTROPHE & !gap::SPACE == 0;
            roles & role::LABEL != 0
                || roles & role::NUMBER != 0 && number()
                || roles & role::IDENTIFIER != 0 && known() && tokens[start].roles & role::ITS != 0
                || roles & role::IDENTIFIER != 0
                    && near.into_iter().any(|at| tokens[at].roles & (role::CAMPAIGN | role::CAMPAIGNS) != 0)
        };
        let Some(at) = (start..i.min(start + BEGINNING)).find(|at| label(*at)) else { return false };
        let otherwise = |at: usize| {
            let token = &tokens[at];
            let known = role::IDENTIFIER | role::CAMPAIGN | role::CAMPAIGNS | role::LABEL | role::NUMBER;
            token.has_digit
                || token.roles & (role::DENY | role::UNIT) != 0
                || token.roles & known == 0 && self.hints.negative(self.words.folded(token), token.roles)
        };
        i - at <= REACH && !(start..i).any(otherwise) && !self.unit_after(i)
    }

    /// "My boss says the campaign is 48213", "la campaña es la 48213": nothing but a copula stands between, and the campaign is not
    /// that of a budget.
    fn is_said_to_be(&self, campaign: usize, i: usize) -> bool {
        let tokens = &self.words.tokens;
        let fits = tokens[i].digits && self.ids.fits(self.words.word(i));
        let is = |at: &usize| tokens[*at].roles & role::IS != 0 && self.written(*at, *at) != "e";
        let article = |at: &usize| tokens[*at].roles & (role::OWN | role::ARTICLE) != 0;
        let articles = (campaign.saturating_sub(2)..campaign).rev().take_while(article).count();
        let before = (campaign - articles).checked_sub(1).map(|at| &tokens[at]);
        let noun = |before: &Token| {
            let parts = tokens[campaign - articles].gap & (gap::CLAUSE | gap::COMMA | gap::COLON | gap::LINE) != 0;
            !parts && (before.roles & role::RELATION != 0 || self.zone.capital_nouns() && before.capital)
        };
        fits && articles > 0
            && !before.is_some_and(noun)
            && (campaign + 1..i).any(|at| is(&at))
            && (campaign + 1..i).all(|at| is(&at) || article(&at))
            && !self.unit_after(i)
            && !self.counts(i, None)
    }

    /// "Our campaign has stopped, its number according to my sheet is 48213": said at the beginning of a clause of the campaign
    /// that was spoken of last.
    fn its_number(&self, i: usize) -> bool {
        const REACH: usize = 8;
        const BEFORE: usize = 24;
        let tokens = &self.words.tokens;
        if !tokens[i].digits || tokens[i].link || !self.ids.fits(self.words.word(i)) || self.unit_after(i) {
            return false;
        }
        let begins = |at: usize| tokens[at].gap & (gap::CLAUSE | gap::COMMA | gap::LINE) != 0;
        let number = |at: &usize| {
            let its =
                at.checked_sub(1).is_some_and(|its| tokens[its].roles & role::ITS != 0 && (its == 0 || begins(its)));
            its && tokens[*at].roles & (role::NUMBER | role::IDENTIFIER) != 0
        };
        let Some(number) = (i.saturating_sub(REACH).max(1)..i).rev().find(number) else { return false };
        let says = |at: usize| {
            let known = role::CAMPAIGN | role::CAMPAIGNS | role::IDENTIFIER | role::NUMBER | role::LABEL;
            tokens[at].roles & known == 0 && self.hints.negative(self.words.word(at), tokens[at].roles)
        };
        // "according to my list"
        let mine = |at: usize| tokens[at - 1].roles & role::MINE != 0;
        let within = |at: usize| !tokens[at].has_digit && tokens[at].roles & role::DENY == 0 && (!says(at) || mine(at));
        let is = (number + 1..i).any(|at| tokens[at].roles & role::IS != 0) || tokens[i].gap & gap::COLON != 0;
        let ends = (number + 1..=i).any(|at| tokens[at].gap & gap::CLAUSE != 0);
        if !is || ends || !(number + 1..i).all(within) {
            return false;
        }
        let near = |at: &usize| tokens[at + 1].gap & gap::PARAGRAPH == 0;
        let mut before = (number.saturating_sub(BEFORE)..number - 1).rev().take_while(near);
        let noun = |at: usize| at > 0 && tokens[at - 1].roles & (role::ARTICLE | role::OWN | role::MINE) != 0;
        let spoken = before.find(|at| tokens[*at].roles & role::CAMPAIGN != 0 || noun(*at) && says(*at));
        spoken.is_some_and(|at| tokens[at].roles & role::CAMPAIGN != 0 && !self.of_document(at))
    }

    /// "El ID de la campaña es 48213": a word for an ID or a number governs the word for a campaign.
    fn identified(&self, campaign: usize) -> bool {
        let tokens = &self.words.tokens;
        let passes = |at: usize| tokens[at].roles & (role::FILL | role::OWN | role::RELATION) != 0;
        let begins = gap::END | gap::PARAGRAPH | gap::COMMA | gap::SEMICOLON | gap::COLON;
        let noun = (campaign.saturating_sub(3)..campaign).rev().find(|at| !passes(*at));
        let near = |noun: usize| (noun + 1..=campaign).all(|at| tokens[at].gap & begins == 0);
        noun.is_some_and(|noun| {
            noun + 1 < campaign && near(noun) && tokens[noun].roles & (role::IDENTIFIER | role::NUMBER) != 0
        })
    }

    /// "the code you texted me (104882)": the noun that a bracket speaks of.
    pub(super) fn negative_phrase(&self, from: usize) -> bool {
        let mut others = 0;
        for back in 0..5 {
            let Some(at) = from.checked_sub(back) else { return false };
            let token = &self.words.tokens[at];
            if token.roles & (role::CAMPAIGN | role::CAMPAIGNS | role::ADVERT) != 0 {
                return false;
            }
            if self.hints.negative(self.words.folded(token), token.roles) {
                // "Student loans refinancing (30490)" is of the refinancing.
                return others < 2;
            }
            others = if token.roles & (role::STOP | role::FILL | role::OWN) == 0 { others + 1 } else { 0 };
            if token.gap & (gap::END | gap::COMMA | gap::PARAGRAPH | gap::COLON) != 0 {
                return false;
            }
        }
        false
    }

    /// "contacts_48213_week48.csv" in a text: part of a file's name that says nothing else of it.
    pub(super) fn in_file_name(&self, i: usize) -> bool {
        const ENDINGS: [&str; 16] = [
            "csv", "xlsx", "xls", "pdf", "docx", "doc", "png", "jpg", "jpeg", "gif", "txt", "zip", "ods", "pptx",
            "eml", "mp4",
        ];
        const JOINTS: u32 = gap::UNDERSCORE | gap::HYPHEN | gap::DOT;
        let tokens = &self.words.tokens;
        let joined = |at: &usize| tokens.get(*at).is_some_and(|part| part.gap_chars == 1 && part.gap & !JOINTS == 0);
        let last = (i + 1..i + 8).take_while(joined).last().unwrap_or(i);
        let first = (0..=i).rev().take_while(joined).last().map_or(i, |at| at - 1);
        let ends = last > i && tokens[last].gap == gap::DOT && ENDINGS.contains(&self.words.word(last));
        let other = |at: usize| {
            let part = &tokens[at];
            part.roles & role::UNIT == 0 && self.hints.negative(self.words.word(at), part.roles)
        };
        ends && !tokens[i].link && !(first..last).any(other)
    }

    /// "Re: Where are my ads? (#48213)", "[#48213] My ads": the number that some help desk gave its ticket.
    fn tags_a_reply(&self, i: usize) -> bool {
        let tokens = &self.words.tokens;
        let bracketed = tokens[i].gap & gap::OPEN != 0 && self.words.gap_after(i) & gap::CLOSE != 0;
        if self.zone.place == Where::Subject && bracketed && self.words.text[..tokens[i].start].ends_with("[#") {
            return true;
        }
        let last = self.zone.place == Where::Subject && i > 1 && i + 1 == tokens.len();
        let answers = |re: &Token| re.end <= 4 && re.roles & role::ADVERT == 0 && tokens[1].gap & gap::COLON != 0;
        last && tokens[i].gap & gap::OPEN != 0 && answers(&tokens[0])
    }

    /// Whether what stands between an ID and this token only lists: ", ", " and ", "/", " & campaign ".
    pub(super) fn continues(&self, last: usize, i: usize) -> bool {
        let last = self.bracket_behind(last).filter(|end| *end < i).unwrap_or(last);
        if i <= last || i - last > 4 {
            return false;
        }
        let Some(token) = self.token(i) else { return false };
        let separators = gap::COMMA | gap::SLASH | gap::PLUS | gap::AND | gap::SEMICOLON;
        if i == last + 1 {
            return token.gap & separators != 0 && token.gap & (gap::END | gap::PARAGRAPH) == 0;
        }
        let passing = role::AND | role::CAMPAIGN | role::CAMPAIGNS | role::IDENTIFIER | role::NUMBER | role::FILL;
        let joined = (last + 1..i).any(|at| self.words.tokens[at].roles & role::AND != 0);
        // "48213 é a 48231" lists nothing, although "e" does.
        let copula = |at: usize| matches!(self.written(at, at), "é" | "É");
        joined
            && !(last + 1..i).any(copula)
            && (last + 1..i).all(|at| self.words.tokens[at].roles & passing != 0)
            && (last + 1..=i).all(|at| self.words.tokens[at].gap & (gap::END | gap::PARAGRAPH) == 0)
    }

    /// "campaigns 48213 (740 €) and 48231 (515 €)": the last word of what stands in brackets behind an ID.
    fn bracket_behind(&self, last: usize) -> Option<usize> {
        const INSIDE: usize = 8;
        let opened = self.token(last + 1)?.gap & gap::OPEN != 0 && self.words.gap_after(last) & gap::CLOSE == 0;
        let closes = |at: &usize| self.words.gap_after(*at) & gap::CLOSE != 0;
        if opened { (last + 1..last + 1 + INSIDE).find(closes) } else { None }
    }

    /// "campaigns 48213 to 48231": both ends of a range of campaigns.
    fn ranges(&self, before: &Stated, i: usize) -> bool {
        let (first, last) = before.tokens;
        let of_campaigns =
            first.checked_sub(1).is_some_and(|label| self.words.tokens[label].roles & role::CAMPAIGNS != 0);
        let between = |token: &Token| token.roles & role::RELATION != 0 && token.roles & role::UNIT == 0;
        let (Some(token), true) = (self.token(i), of_campaigns && i == last + 2 && first == last) else { return false };
        let alike = token.digits && self.words.word(i).len() == before.compact.len();
        alike
            && token.gap == gap::SPACE
            && self.token(last + 1).is_some_and(|word| word.gap == gap::SPACE && between(word))
    }

    /// "the 48213 campaign".
    pub(super) fn label_after(&self, i: usize) -> bool {
        self.token(i + 1)
            .is_some_and(|next| next.gap & !(gap::SPACE | gap::HYPHEN) == 0 && next.roles & role::CAMPAIGN != 0)
            && i > 0
            && self.words.tokens[i - 1].roles & (role::OWN | role::FILL) != 0
    }
}
