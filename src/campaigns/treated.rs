//! Whether the text treats words as a campaign's name: quoted, capitalised, beside a word for a campaign.
//!
//! Says no when in doubt: a loose likeness, or words that look like parts of another name, are no mention.

use super::fit::Fit;
use super::fold::{self, NO_WORD, Token};
use super::gap;
use super::hints::{Says, role};
use super::named::{Finder, NAMES_FIELD, bits};
use super::names::class;
use super::number::year;
use crate::request::evidence::Where;

/// Letters of a word of a name that is found where it is misspelt, as if it were not.
const MISSPELT: usize = 6;

impl Finder<'_, '_> {
    pub(super) fn quoted(&self, first: usize, last: usize) -> bool {
        let opens = self.words.tokens.get(first).is_some_and(|token| token.gap & (gap::QUOTE | gap::APOSTROPHE) != 0);
        opens && self.words.gap_after(last) & (gap::QUOTE | gap::APOSTROPHE) != 0
    }

    /// Directly behind a word for a campaign, with a capital.
    pub(super) fn behind_campaign(&self, at: usize) -> bool {
        let token = &self.words.tokens[at];
        let before = at.checked_sub(1).map_or(0, |before| self.words.tokens[before].roles);
        token.capital && !self.zone.capital_nouns() && token.gap == gap::SPACE && before & role::CAMPAIGN != 0
    }

    /// "the campaign «Thanks»", "la campaña Gracias": a word that says nothing elsewhere is named as a campaign.
    pub(super) fn called(&self, first: usize, last: usize) -> bool {
        self.behind_campaign(first) || self.quoted(first, last) && self.beside_campaign(first, last)
    }

    /// A word for a campaign stands directly before or behind.
    pub(super) fn beside_campaign(&self, first: usize, last: usize) -> bool {
        let tokens = &self.words.tokens;
        let is = |at: usize| tokens.get(at).is_some_and(|token| token.roles & (NAMES_FIELD | role::ADVERT) != 0);
        let near = |token: &Token| token.gap & (gap::END | gap::PARAGRAPH | gap::COMMA) == 0;
        let skips = |at: usize| {
            tokens.get(at).is_some_and(|token| token.roles & (role::FILL | role::NUMBER | role::IDENTIFIER) != 0)
        };
        let mut before = first;
        for _ in 0..3 {
            if before == 0 || !tokens.get(before).is_some_and(near) {
                break;
            }
            before -= 1;
            if is(before) {
                return true;
            }
            // "in our campaign the bookings": a noun of its own.
            let article = tokens[before].roles & (role::OWN | role::RELATION) == role::OWN && before + 1 == first;
            let of_its_own = article && !tokens[first].capital && before.checked_sub(1).is_some_and(is);
            if !skips(before) || of_its_own {
                break;
            }
        }
        let mut after = last + 1;
        while after <= last + 2 && tokens.get(after).is_some_and(near) {
            if is(after) {
                return true;
            }
            // "on paintball days our campaign": ours is another.
            let other = tokens[after].roles & role::OWN != 0 && tokens[after].gap == gap::SPACE;
            if !skips(after) || other {
                break;
            }
            after += 1;
        }
        false
    }

    /// Whether what was matched is a mention of the campaign. `share`: of what is asked of a name that is not said in full.
    pub(super) fn accepts(&self, fit: &Fit, base: usize, share: f32) -> bool {
        let name = self.names.entry(fit.entry);
        let solid = |word: &&u32| self.names.class(**word) & class::STOP == 0;
        let total = name.iter().filter(solid).count();
        let tokens = &self.words.tokens;
        let matched: Vec<usize> = (fit.first..=fit.last).filter(|at| fit.text & bits(base, *at, *at) != 0).collect();
        let speaks = |at: &&usize| tokens[**at].roles & role::STOP == 0 || tokens[**at].capital && **at > fit.first;
        let spoken: Vec<&Token> = matched.iter().filter(speaks).map(|at| &tokens[*at]).collect();
        let count = spoken.len();
        // "the campaign «Thanks»"
        if count == 0 && fit.full && self.called(fit.first, fit.last) {
            return true;
        }
        if count == 0 && !self.field() {
            return false;
        }
        let letters = spoken.iter().filter(|token| !token.digits).count();
        if letters == 0 && !(self.field() && fit.full) {
            return false;
        }
        let opens_sentence = |at: usize| at == 0 || tokens[at].gap & (gap::END | gap::PARAGRAPH) != 0;
        let capitals = spoken.iter().filter(|token| token.capital && !token.digits).count();
        let capitalised = capitals * 2 > letters;
        let quoted = self.quoted(fit.first, fit.last);
        let beside = self.beside_campaign(fit.first, fit.last);
        let subject = self.zone.place == Where::Subject;
        let field = self.field();
        let timed = if field || quoted { 0 } else { self.in_time(fit.first, &matched) };
        // "since Tuesday the tire spot": the day is no word of the name. "since Black Friday our campaign": ours is another.
        let ours = || tokens.get(fit.last + 1).is_some_and(|next| next.roles & role::OWN != 0);
        let no_name = || {
            self.done(fit)
                || self.of_trade(fit)
                || self.any_such(fit)
                || self.everyday(fit)
                || self.of_contract(fit)
                || self.approaches(fit)
                || !fit.full && self.whose(fit)
        };
        if timed > 0 && (!beside || timed < matched.len() || ours())
            || !field && !quoted && !beside && no_name()
            // Nor is a banner with "welcome back".
            || !field && !beside && (!quoted || !tokens[fit.first].capital) && self.courteous(fit)
        {
            return false;
        }
        let strange = self.strangers(fit, base);
        let extra = if strange == 0 { 0 } else { strange - self.in_account(fit, base).min(strange) };
        let precision = fit.explained / (fit.explained + extra as f32);
        if !fit.full && (self.other_variant(fit, base) || self.contradicts(name, fit, base)) {
            return false;
        }
        // "4 Main Street" is where somebody is.
        let number = |at: Option<usize>| at.and_then(|at| tokens.get(at)).is_some_and(|token| token.digits);
        let street = tokens[fit.last].roles & role::STREET != 0;
        if !fit.full && street && !field && !quoted && number(fit.first.checked_sub(1)) {
            return false;
        }
        // The words of the name in their order, with nothing but function words between.
        let place = |at: &usize| name.iter().position(|word| *word == tokens[*at].word);
        let passes =
            |at: usize| fit.text & bits(base, at, at) != 0 || tokens[at].roles & (role::STOP | role::FILL) != 0;
        // "take as much as you like": a word that the name has twice stands in its place both times.
        let mut from = 0;
        let mut behind = |at: &usize| {
            let here = name[from..].iter().position(|word| *word == tokens[*at].word);
            from += here.map_or(0, |here| here + 1);
            here.is_some() || place(at).is_none()
        };
        let in_order = matched.iter().all(&mut behind) && (fit.first..=fit.last).all(passes);
        // "the autumn beach clean" for "Beach Clean Autumn"
        let turned = matched.get(1..).is_some_and(|rest| rest.iter().filter_map(place).is_sorted());
        let in_order = in_order || count >= 3 && turned && self.known(fit) && (fit.first..=fit.last).all(passes);
        let common =
            |at: &usize| tokens[*at].roles & (role::COMMON | role::MONTH | role::REGION) != 0 || tokens[*at].digits;
        let all_common = matched.iter().all(common);
        let places_only = matched.iter().all(|at| tokens[*at].roles & (role::REGION | role::MONTH | role::STOP) != 0);
        if total <= 1 && fit.full && self.as_written(fit, true) {
            return true;
        }
        if total <= 1 && fit.full {
            let at = matched.iter().find(speaks).copied().unwrap_or(fit.first);
            // "GOTV list": shouted alone, a sentence may begin with it.
            let shouts = |at: usize| tokens.get(at).is_some_and(|token| token.capitals && !token.has_digit);
            let long = tokens[at].end - tokens[at].start >= 3 && tokens[at].roles & role::TITLE == 0;
            let shouted = shouts(at) && long && !shouts(at + 1);
            // "les chiffres de Une bière pour tous"
            let capital = tokens[at].capital || tokens[fit.first].capital;
            // "Feierabend läuft nicht mehr": a noun without an article.
            let does =
                |at: usize| self.says_it_runs(at) || self.words.phrases_at(at).any(|(says, _)| says == Says::Modal);
            let acts = self.zone.capital_nouns() && fit.first == fit.last && does(at + 1);
            let named = capital && (acts || !opens_sentence(fit.first)) || shouted;
            // "Lane" is no misspelt "Lates", and "Laufzeit" none of "Auszeit".
            let word = name.iter().find(solid).map_or("", |word| self.names.text(*word));
            let begins = || word.bytes().next() == self.words.folded(&tokens[at]).bytes().next();
            let misspelt = fit.explained < 0.9 && (self.words.folded(&tokens[at]).len() <= 5 || !begins());
            return match () {
                () if field => true,
                () if self.whole_subject(fit) && !all_common => true,
                () if precision < 0.6 || misspelt && !(quoted || beside) => false,
                // "the newsletter campaign"
                () if all_common => {
                    let called =
                        self.known(fit) && tokens.get(at + 1).is_some_and(|next| next.roles & role::CAMPAIGN != 0);
                    quoted || called || named && (beside || self.acts_as_known(fit))
                }
                // "bei den rasenwochen", where no noun has its capital
                () if self.zone.capital_nouns() && tokens[at].end - tokens[at].start >= 9 && self.known(fit) => {
                    let around = at.saturating_sub(8)..(at + 8).min(tokens.len());
                    quoted || beside || named || !around.into_iter().any(|at| tokens[at].capital && !opens_sentence(at))
                }
                () => quoted || beside || named && (self.words.folded(&tokens[at]).len() >= 4 || tokens[at].capitals),
            };
        }
        // "Before year-end, our books must be closed" names no "Year-End Books".
        let unbroken = tokens[fit.first + 1..=fit.last]
            .iter()
            .all(|token| token.gap & (gap::COMMA | gap::COLON) == 0 || token.capital || token.has_digit);
        if fit.full && (count >= 2 || letters >= 1 && (matched.len() >= 2 || fit.words >= 2)) {
            // "We offer lead gen", "eine Einladung zum Sommerfest": said of anything, unless it is spoken of as a campaign is.
            let some_common = matched.iter().any(|at| tokens[*at].roles & role::COMMON != 0);
            let lower = !capitalised || self.zone.capital_nouns() && !in_order;
            let beside = beside && !(some_common && lower && self.offered(fit));
            let plain = lower && !(field || quoted || beside || subject);
            // "hivernage matin et soir" is no misspelt "Hivernage Malin".
            let short = |at: &usize| tokens[*at].word == NO_WORD && tokens[*at].end - tokens[*at].start < MISSPELT;
            let misspelt = fit.explained < 1.9 && self.endings.is_empty() && matched.iter().any(short);
            let everyday = plain && count == 2 && (some_common || misspelt);
            if (everyday || plain && self.speaks_of_another(fit)) && !self.spoken_of(fit) {
                return false;
            }
            // "48213: the opening night is on the 14th now": where an ID says which campaign, everyday words say what is in it.
            if plain && self.states_id && (count == 2 || all_common) && !capitalised && !self.acts(fit) {
                return false;
            }
            let capitalised = capitalised && !everyday;
            return precision >= 0.5
                && (field
                    || quoted
                    || beside
                    || subject
                    || capitalised
                    || unbroken
                        && (count >= 3
                            || in_order && (!all_common || matched.len() >= 3)
                            || !all_common && self.turned_about(fit, base)));
        }
        let part = (count >= 2 && matched.len() >= 2)
            || tokens[fit.first].word == NO_WORD && count == 1 && fit.coverage >= 0.5;
        if part {
            // A long word is said as well where it is misspelt.
            let exactly = |word: u32| matched.iter().any(|at| tokens[*at].word == word);
            let said = |k: usize| {
                fit.missing & 1 << k == 0 && (exactly(name[k]) || self.names.text(name[k]).len() >= MISSPELT)
            };
            let head = (0..name.len().min(2)).all(said);
            // "the tyre campaign for Oslo", "die Reifen-Aktion Oslo"
            let around = (fit.first..fit.last).any(|at| {
                tokens[at].roles & role::CAMPAIGN != 0 && tokens[at].gap == gap::SPACE
                    || tokens[at].roles & (role::CAMPAIGN | role::ADVERT) != 0 && tokens[at].gap == gap::HYPHEN
            });
            let enough = if field {
                0.3
            } else if around || head && (quoted || beside || capitalised || subject) {
                0.33
            } else {
                0.42
            };
            let solid = spoken.iter().filter(|token| token.roles & role::STOP == 0).count();
            let together = fit.last + 1 - fit.first <= matched.len() + 1;
            let family = head && in_order && self.of_family(name, fit);
            let least = if family && tokens[fit.first].capital {
                0.45
            } else if head && beside && in_order {
                0.55
            } else {
                0.6
            };
            let exact_words = fit.explained >= 0.9 * solid as f32;
            let exact = together && fit.coverage >= least * share && exact_words;
            // "loyalty cards" are no "Loyalty Card Launch"; "cart reminders" are "Cart Reminder 1" and 2.
            let but_for = |passing: u8| {
                let counts = |k: &usize| self.names.class(name[*k]) & passing == 0;
                (0..name.len()).filter(counts).all(said)
            };
            let variant = but_for(class::STOP | class::VARIANT);
            // "dragonkeep launch" is "Dragonkeep Launch EU" and US.
            let placed = exact && in_order && but_for(class::STOP | class::VARIANT | class::REGION);
            let capitalised = capitalised && !places_only;
            let treated = field
                || quoted
                || capitalised
                || around
                || exact
                    && (beside || subject || in_order && (count >= 3 || variant || family && self.has_report(fit)));
            // The same words were taken for a campaign's name already.
            let treated = treated
                || share < 1.0 && exact
                || !all_common
                    && (beside
                        || subject
                        || placed
                        || in_order
                            && (count >= 3
                                || exact
                                    && (family
                                        || head && self.reported(fit)
                                        || self.run_as(fit)
                                        || self.called_campaign(name, fit)
                                        || self.resumed(fit))));
            return fit.coverage >= enough * share && precision >= 0.6 && treated && letters >= 1
                || exact_words && head && in_order && together && self.begun(fit)
                || self.as_written(fit, false);
        }
        // One word of several: only where the text treats it as a campaign, and when it is telling. "Van" joins in "Van Lease".
        let at = matched.iter().find(speaks).copied().unwrap_or(fit.first);
        let long = self.words.folded(&tokens[at]).len();
        // "our MBA campaign", but no "FLU-2024-0117".
        let short = long == 3
            && self.words.word(at).is_ascii()
            && tokens[at].roles == 0
            && self.words.gap_after(at) & (gap::WHITE | gap::APOSTROPHE) != 0;
        let telling = !self.preposition(at)
            && (!common(&at) || tokens[at].capital && beside && !tokens[at].digits)
            && (long >= 4 || short && beside);
        // "Baja de campaña" names no "Llamadas Bajas Sevilla".
        let leads = |word: &u32| self.names.class(*word) & class::STOP == 0;
        let heads = name.iter().find(|word| leads(word)) == Some(&tokens[at].word) || fit.coverage >= 0.4;
        // "la campagne indiquée" is no "Indique um Amigo".
        let told = at > 0 && tokens[at - 1].roles & role::CAMPAIGN != 0 && !tokens[at].capital;
        let sure = fit.explained >= if told { 0.99 } else { 0.9 }
            && tokens[at].roles & (role::CAMPAIGN | role::CAMPAIGNS) == 0;
        // "please close campaign 48213"
        let labels = tokens.get(at + 1).is_some_and(|next| next.roles & role::CAMPAIGN != 0)
            && tokens.get(at + 2).is_some_and(|next| next.has_digit);
        let few = tokens[at].word == NO_WORD || self.names.with_word(tokens[at].word).len() <= 20;
        let beside = beside && !self.part_of_labelled(at) || few && self.pointed_to(fit);
        sure && precision >= 0.6
            && telling
            && fit.coverage >= 0.2
            && (fit.coverage >= 0.3 * share
                && (field
                    || (quoted || beside) && tokens[at].capital && (heads || !opens_sentence(at))
                    || beside && few && (heads || !opens_sentence(at) && !labels)
                    || self.opens_name(name, fit, few)
                    || self.heads_family(fit))
                || self.stands_for(fit))
            || sure && precision >= 0.6 && telling && self.called_by_first(name, fit)
            // "the pay what you can texts"
            || sure && matched.len() >= 3 && self.begun(fit)
    }

    /// "our campaign Seniorencheck", for "Seniorencheck ab 8 Jahren": directly beside a word for a campaign the first word of a name,
    /// which no other campaign has.
    fn called_by_first(&self, name: &[u32], fit: &Fit) -> bool {
        let tokens = &self.words.tokens;
        let token = &tokens[fit.first];
        let leads = |word: &&u32| self.names.class(**word) & class::STOP == 0;
        let named = self.names.with_word(token.word);
        let only = !named.is_empty() && named.iter().all(|entry| self.names.row(*entry) == fit.row);
        let campaign =
            |at: Option<usize>| at.and_then(|at| tokens.get(at)).is_some_and(|word| word.roles & role::CAMPAIGN != 0);
        let before = token.gap & !(gap::SPACE | gap::QUOTE) == 0 && campaign(fit.first.checked_sub(1));
        let behind = self.words.gap_after(fit.last) == gap::SPACE && campaign(Some(fit.last + 1)) && self.known(fit);
        let place = token.roles & (role::COMMON | role::REGION | role::MONTH | role::PLACE | role::OCCASION) != 0;
        token.word != NO_WORD
            && token.capital
            && !place
            && name.iter().find(leads) == Some(&token.word)
            && only
            && (before || behind)
    }

    /// "Door to Door Bath", to the letter and with its capitals, whatever else its words may be. `whole`: all of the name, not only
    /// its beginning.
    fn as_written(&self, fit: &Fit, whole: bool) -> bool {
        const WORDS: usize = 3;
        const CAPITALS: usize = 2;
        let words = &self.words.tokens[fit.first..=fit.last];
        let Some(campaign) = self.directory.campaigns.get(fit.row as usize) else { return false };
        let written = &self.words.text[words[0].start..words[words.len() - 1].end];
        words.len() >= WORDS
            && words.iter().filter(|word| word.capital).count() >= CAPITALS
            && if whole { campaign.name == written } else { campaign.name.starts_with(written) }
    }

    /// "bei biergarten lindenhof", "nuits de noel should have gone out": without capitals the first words of the names of one
    /// family, where the text speaks of them as of something that runs.
    fn begun(&self, fit: &Fit) -> bool {
        const FEW: usize = 20;
        let tokens = &self.words.tokens;
        let said: Vec<u32> = (fit.first..=fit.last).map(|at| tokens[at].word).filter(|word| *word != NO_WORD).collect();
        let telling = |at: usize| tokens[at].roles & (role::COMMON | role::REGION | role::MONTH | role::STOP) == 0;
        let all = |word: &u32| {
            let named = self.names.with_word(*word);
            named.len() <= FEW && named.iter().all(|entry| self.names.entry(*entry).starts_with(&said))
        };
        said.len() == fit.last + 1 - fit.first
            && (fit.first..=fit.last).any(telling)
            && said.iter().any(all)
            && fit.first.checked_sub(1).is_none_or(|before| tokens[before].roles & role::MINE == 0)
            && (self.spoken_of(fit) || self.ordered(fit))
    }

    /// "the posters of campaign 48213": what follows this word is a campaign with an ID, and the word what that campaign has.
    fn part_of_labelled(&self, at: usize) -> bool {
        let tokens = &self.words.tokens;
        let before = at.checked_sub(1).map_or(0, |before| tokens[before].roles);
        let light = role::RELATION | role::FILL | role::OWN;
        let function =
            |at: &usize| tokens.get(*at).is_some_and(|token| token.gap == gap::SPACE && token.roles & light != 0);
        let campaign = at + 1 + (at + 1..at + 4).take_while(function).count();
        let labels = |at: &usize| {
            let label = role::IDENTIFIER | role::NUMBER | role::FILL;
            tokens.get(*at).is_some_and(|token| token.roles & label != 0 && !token.has_digit)
        };
        let id = campaign + 1 + (campaign + 1..campaign + 3).take_while(labels).count();
        before & (NAMES_FIELD | role::ADVERT) == 0
            && campaign > at + 1
            && tokens.get(campaign).is_some_and(|token| token.roles & NAMES_FIELD != 0)
            && tokens.get(id).is_some_and(|token| token.has_digit)
    }

    /// "VPN deal payout too low", "A assinatura do clube": spoken of as something known, or first of all but for an article,
    /// the words that several names begin with, which differ by a single one of the rest: "Schools Grade 1", "Schools Grade 2".
    /// The rest may stand between them: "the mail to members" is "Mail to New Members" and "Mail to Old Members".
    fn of_family(&self, name: &[u32], fit: &Fit) -> bool {
        let tokens = &self.words.tokens;
        let opens = |at: usize| at == 0 || tokens[at].gap & (gap::END | gap::PARAGRAPH) != 0;
        let article = |at: usize| opens(at) && tokens[at].roles & role::STOP != 0 && self.words.word(at).len() <= 3;
        let said =
            opens(fit.first) || self.ordered(fit) || fit.first.checked_sub(1).is_some_and(article) || self.known(fit);
        let begins = fit.missing.trailing_zeros() as usize;
        let Some(first) = name.first().filter(|_| said && begins > 0) else { return false };
        let differs = |(k, (a, b)): (usize, (&u32, &u32))| (a != b).then_some(fit.missing & 1 << k != 0);
        let alike = |entry: &&u32| {
            let other = self.names.entry(**entry);
            let mut apart = other.iter().zip(name).enumerate().filter_map(differs);
            other.len() == name.len() && apart.next() == Some(true) && apart.next().is_none()
        };
        self.names.with_word(*first).iter().take(64).any(|entry| alike(&entry))
    }

    /// "the Sommerakademie", "Radsommer" as a subject: the long first word of few names, or what a family of them shares.
    fn opens_name(&self, name: &[u32], fit: &Fit, few: bool) -> bool {
        let token = &self.words.tokens[fit.first];
        let long = self.words.tokens[fit.last].end - token.start;
        // "Fensterreinigung: please swap the text"
        let opens = fit.first == 0 || self.words.tokens[fit.first].gap & (gap::END | gap::LINE | gap::PARAGRAPH) != 0;
        let headed = opens && token.capital && self.words.gap_after(fit.last) & gap::COLON != 0;
        let heads = self.heads_subject(fit.first) || headed && token.roles & role::COMMON == 0;
        few && (token.capital && self.known(fit) || heads)
            && fit.coverage >= 0.4
            && name.first() == Some(&self.said_word(name, fit))
            && (long >= 10 && !heads || long >= 6 && self.of_family(name, fit))
    }

    /// The word of a name that the first matched word of the text is, or is a misspelling of.
    fn said_word(&self, name: &[u32], fit: &Fit) -> u32 {
        let word = self.words.tokens[fit.first].word;
        let misspelt = || name.iter().enumerate().find(|(k, _)| fit.missing & 1 << k == 0).map(|(_, word)| *word);
        if word == NO_WORD { misspelt().unwrap_or(word) } else { word }
    }

    /// "the venue of the Reunion", "im Wochenbericht Probetraining": with a capital that its language gives no noun, or long, the
    /// first word of all the names that have it, which are several.
    fn heads_family(&self, fit: &Fit) -> bool {
        let token = &self.words.tokens[fit.first];
        let before = fit.first.checked_sub(1).map(|before| &self.words.tokens[before]);
        let article = |before: &Token| before.roles & (role::STOP | role::OWN) != 0 && !before.capital;
        // "im Wochenbericht Probetraining", "l'invitation Afterwork"
        let noun = |before: &Token| match self.zone.capital_nouns() {
            true => before.capital && before.word == NO_WORD && before.end - before.start >= 5,
            false => {
                let known = fit.first > 1 && article(&self.words.tokens[fit.first - 2]);
                known && !before.capital && before.roles & role::STOP == 0 && before.end - before.start >= 5
            }
        };
        let spoken = before.is_some_and(|before| token.gap == gap::SPACE && (article(before) || noun(before)));
        let word = self.said_word(self.names.entry(fit.entry), fit);
        let named = self.names.with_word(word);
        token.capital
            && !token.capitals
            && (!self.zone.capital_nouns() || token.end - token.start >= 10)
            && spoken
            && (2..=20).contains(&named.len())
            && named.iter().all(|entry| self.names.entry(*entry).first() == Some(&word))
    }

    /// "Kinderpolice" as the whole subject, "bei der Kinderpolice", "Freshers needs to be switched off", for a name of several
    /// words: a telling word that only names of one family have, spoken of as a campaign is, where no ID is stated.
    fn stands_for(&self, fit: &Fit) -> bool {
        const LONG: usize = 5;
        const COMPOUND: usize = 11;
        let tokens = &self.words.tokens;
        let token = &tokens[fit.first];
        let long = token.end - token.start;
        if self.states_id
            || !(token.capital || self.lowered)
            || token.roles & role::COMMON != 0
            || long < LONG
            || !self.of_one_family(fit)
        {
            return false;
        }
        // A language that gives all nouns a capital says less by one.
        let compound = long >= COMPOUND;
        let noun = self.zone.capital_nouns() && !compound;
        let said = self.whole_subject(fit) || self.ordered(fit) || self.to_be_stopped(fit) || self.reported(fit);
        !noun && said || compound && (self.known(fit) || self.spoken_of(fit))
    }

    /// Whether all names that have the word of the text begin with it, or differ by what siblings differ by.
    fn of_one_family(&self, fit: &Fit) -> bool {
        let word = self.said_word(self.names.entry(fit.entry), fit);
        let named = self.names.with_word(word);
        let core = |entry: u32| {
            let name = self.names.entry(entry).iter();
            name.filter(|word| self.names.class(**word) & (class::VARIANT | class::REGION) == 0)
        };
        let first = |entry: &u32| self.names.entry(*entry).first() == Some(&word);
        (1..=20).contains(&named.len())
            && (named.iter().all(first) || named.len() > 1 && named.iter().all(|entry| core(*entry).eq(core(named[0]))))
    }

    /// "on behalf of the Harvest Trust" names no "Harvest Trust Appeal": the words are those of the account's name, which
    /// stands there in full.
    fn whose(&self, fit: &Fit) -> bool {
        let Some(campaign) = self.directory.campaigns.get(fit.row as usize) else { return false };
        let account = fold::words(&campaign.account);
        let (all, words) = (account.tokens.len(), fit.last + 1 - fit.first);
        let stands = |from: usize| {
            let here = self.words.tokens.get(from..from + all).unwrap_or_default();
            here.len() == all
                && here.iter().zip(&account.tokens).all(|(a, b)| self.words.folded(a) == account.folded(b))
        };
        words >= 2 && all >= words && ((fit.last + 1).saturating_sub(all)..=fit.first).any(stands)
    }

    /// The subject is nothing but the name.
    fn whole_subject(&self, fit: &Fit) -> bool {
        const LONG: usize = 8;
        let tokens = &self.words.tokens;
        let whole = fit.first == 0 && fit.last + 1 == tokens.len() && self.zone.place == Where::Subject;
        whole && tokens[fit.last].end - tokens[fit.first].start >= LONG
    }

    /// The first word of the subject, and no common one.
    pub(super) fn heads_subject(&self, at: usize) -> bool {
        at == 0 && self.zone.place == Where::Subject && self.words.tokens[at].roles & role::COMMON == 0
    }

    /// "the launch of the linen", for "Linen Launch": spoken of as something known, one word of the name being of the other.
    fn turned_about(&self, fit: &Fit, base: usize) -> bool {
        let roles = |at: usize| self.words.tokens[at].roles;
        let mut between = (fit.first..fit.last).filter(|at| fit.text & bits(base, *at, *at) == 0).map(roles).peekable();
        let related = between.peek().is_some_and(|roles| roles & role::RELATION != 0);
        related && self.known(fit) && between.all(|roles| roles & (role::RELATION | role::FILL | role::STOP) != 0)
    }

    /// Words inside or beside a mention that look like parts of another name.
    pub(super) fn strangers(&self, fit: &Fit, base: usize) -> usize {
        let tokens = &self.words.tokens;
        let ordinary = role::STOP
            | role::TITLE
            | role::CAMPAIGN
            | role::CAMPAIGNS
            | role::LABEL
            | role::MONTH
            | role::ADVERT
            | role::IDENTIFIER
            | role::NUMBER
            | role::FILL
            | role::AND;
        let foreign = |at: usize| {
            let token = &tokens[at];
            let named = token.capital || self.field();
            named && token.roles & ordinary == 0 && !token.digits && fit.text & bits(base, at, at) == 0
        };
        let touching = |token: &Token| {
            token.gap & !(gap::SPACE | gap::HYPHEN | gap::AND | gap::SLASH) == 0 && token.gap_chars <= 3
        };
        let mut count = (fit.first..=fit.last).filter(|at| foreign(*at)).count();
        if self.quoted(fit.first, fit.last) {
            return count;
        }
        let mut at = fit.first;
        while at > 0 && touching(&tokens[at]) && count < 6 {
            at -= 1;
            // A capital at the start of a sentence says nothing, and "die Einladung Herbstmarkt" is what Herbstmarkt sends.
            let opens = at == 0 || tokens[at].gap & (gap::END | gap::PARAGRAPH | gap::LINE) != 0;
            let sent = self.zone.capital_nouns() && tokens[at].roles & role::COMMON != 0 && self.known_at(at);
            if !foreign(at) || sent || opens && !self.field() {
                break;
            }
            count += 1;
        }
        let mut at = fit.last + 1;
        while at < tokens.len() && touching(&tokens[at]) && count < 6 && foreign(at) {
            count += 1;
            at += 1;
        }
        count
    }

    /// How many of the words around the mention are of the account's name.
    pub(super) fn in_account(&self, fit: &Fit, base: usize) -> usize {
        let Some(campaign) = self.directory.campaigns.get(fit.row as usize) else { return 0 };
        let account = fold::words(&campaign.account);
        let of_account = |word: &str| account.tokens.iter().any(|token| account.folded(token) == word);
        (fit.first.saturating_sub(4)..(fit.last + 5).min(self.words.tokens.len()))
            .filter(|at| fit.text & bits(base, *at, *at) == 0 && of_account(self.words.word(*at)))
            .count()
    }

    /// What a word tells siblings apart by: a number, a place, a month, a side of a vote.
    fn kinds(word: &str, roles: u64) -> u64 {
        let digit = word.bytes().any(|b| b.is_ascii_digit());
        let named = roles & (role::REGION | role::MONTH | role::POLAR);
        // A year is looked at by `other_variant`.
        named | if digit && !(word.len() == 4 && word.bytes().all(|b| b.is_ascii_digit())) { role::NUMBER } else { 0 }
    }

    /// "Wallbox East" is neither "Wallbox North" nor "Wallbox South": another word of the same kind stands beside.
    fn contradicts(&self, name: &[u32], fit: &Fit, base: usize) -> bool {
        let lacks = |k: usize| fit.missing & 1 << k != 0 && !self.only_joins(name, k);
        let missing = name.iter().enumerate().filter(|(k, _)| lacks(*k)).map(|(_, word)| {
            let region = if self.names.class(*word) & class::REGION != 0 { role::REGION } else { 0 };
            let word = self.names.text(*word);
            Self::kinds(word, self.hints.roles(word) | region)
        });
        let missing = missing.fold(0, |all, kinds| all | kinds);
        if missing == 0 {
            return false;
        }
        let tokens = &self.words.tokens;
        let kinds = |at: usize, gap: u32| {
            let Some(token) = tokens.get(at).filter(|_| gap & !(gap::SPACE | gap::HYPHEN) == 0) else { return 0 };
            let word = self.words.folded(token);
            let function = token.roles & role::STOP != 0 || word.len() <= 3 && token.roles & role::REGION != 0;
            let said = fit.text & bits(base, at, at) != 0 || function && !token.capital && !token.has_digit;
            if said { 0 } else { Self::kinds(word, token.roles) }
        };
        let gap_of = |at: usize| tokens.get(at).map_or(gap::END, |token| token.gap);
        let mut beside = kinds(fit.last + 1, gap_of(fit.last + 1));
        let campaign = tokens.get(fit.last + 1).is_some_and(|next| next.roles & role::CAMPAIGN != 0);
        if campaign {
            beside |= kinds(fit.last + 2, gap_of(fit.last + 2));
        }
        for at in fit.first..fit.last {
            beside |= kinds(at, gap::SPACE);
        }
        // "Yes on Measure 14": function words may stand between.
        let mut at = fit.first;
        for _ in 0..3 {
            if at == 0 || gap_of(at) & !(gap::SPACE | gap::HYPHEN) != 0 {
                break;
            }
            at -= 1;
            let near = if at + 1 == fit.first { u64::MAX } else { role::POLAR };
            beside |= kinds(at, gap_of(at + 1)) & near;
            if tokens[at].roles & role::STOP == 0 {
                break;
            }
        }
        missing & beside != 0
    }

    /// A year or quarter stands beside the mention that the name has not: another campaign is meant.
    pub(super) fn other_variant(&self, fit: &Fit, base: usize) -> bool {
        let tokens = &self.words.tokens;
        let variant = |at: usize| {
            let Some(token) = tokens.get(at) else { return false };
            let word = self.words.folded(token);
            let year = token.digits && year(word);
            let quarter = matches!(word.as_bytes(), [b'q', b'1'..=b'4']);
            let alone = token.gap & !gap::SPACE == 0 && self.words.gap_after(at) & (gap::HYPHEN | gap::SLASH) == 0;
            (year || quarter) && alone && fit.text & bits(base, at, at) == 0
        };
        let skips = |at: usize| {
            tokens
                .get(at)
                .is_some_and(|token| token.roles & (role::CAMPAIGN | role::LABEL) != 0 && token.gap & !gap::SPACE == 0)
        };
        let after = fit.last + 1;
        variant(after) || skips(after) && variant(after + 1) || (fit.first..fit.last).any(variant)
    }
}
