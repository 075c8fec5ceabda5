//! Puts the lists of all files together: phrases in lower case, as they are spelt with and without accents.

use super::mobile::Lines;
use unicode_normalization::UnicodeNormalization;

use super::file::{FormsFile, LanguageFile, ScreeningFile};
use super::{Forms, Label, Map, Reading, Screening, Set};
use crate::request::FieldKey;
use crate::request::finder::{Finder, Stems, lower};
use crate::request::form;
use crate::request::language::Everyday;

/// A phrase in lower case, and as people write it who leave out its accents.
fn spellings(phrase: &str) -> impl Iterator<Item = String> + use<> {
    let lower = lower(phrase);
    let bare: String = lower
        .nfc()
        .map(|c| match c {
            'ł' => 'l',
            'ø' => 'o',
            'đ' => 'd',
            'ı' => 'i',
            // Other scripts keep their marks: there they are letters of their own.
            '\u{c0}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}' => std::iter::once(c).nfd().next().unwrap_or(c),
            _ => c,
        })
        .collect();
    let bare = (bare != lower).then_some(bare);
    std::iter::once(lower).chain(bare)
}

/// The first words of phrases.
fn openers<'a>(phrases: impl Iterator<Item = &'a String>) -> Set {
    phrases
        .filter_map(|phrase| phrase.split(|c: char| !c.is_alphanumeric()).find(|word| !word.is_empty()))
        .map(str::to_owned)
        .collect()
}

pub(super) fn assemble(
    languages: &[(&str, LanguageFile)],
    forms: &FormsFile,
    screening: &ScreeningFile,
    [mobile, sent_from]: [Lines; 2],
) -> Reading {
    let all = |list: fn(&LanguageFile) -> &Vec<String>| languages.iter().flat_map(move |(_, file)| list(file));
    let set = |list: fn(&LanguageFile) -> &Vec<String>| all(list).flat_map(|word| spellings(word)).collect::<Set>();
    let mut labels = Map::default();
    // `A:` is To in Italian and nothing else; where two languages disagree the first meaning in this order stands.
    for (label, list) in [
        (Label::From, (|f| &f.from) as fn(&LanguageFile) -> &Vec<String>),
        (Label::Sent, |f| &f.sent),
        (Label::To, |f| &f.to),
        (Label::Cc, |f| &f.cc),
        (Label::Subject, |f| &f.subject),
        (Label::Other, |f| &f.other),
    ] {
        for word in all(list).flat_map(|word| spellings(word)) {
            labels.entry(word).or_insert(label);
        }
    }
    let mut form_labels = Map::default();
    for (key, words) in &forms.labels {
        for word in words {
            form_labels.insert(form::label::normalised(word), *key);
        }
    }
    let normal = |words: &[String]| words.iter().map(|word| form::label::normalised(word)).collect::<Set>();
    let (first_names, last_names) = (normal(&forms.first_names), normal(&forms.last_names));
    form_labels.extend(first_names.iter().chain(&last_names).map(|word| (word.clone(), FieldKey::Name)));
    let mut questions: Vec<String> = normal(&forms.questions).into_iter().collect();
    questions.sort_by_key(|words| std::cmp::Reverse(words.len()));
    let mut everyday = Everyday::default();
    for (_, file) in languages {
        everyday.add(&file.language, file.common.iter());
    }
    let lower = |words: &[String]| words.iter().map(|word| lower(word)).collect::<Vec<_>>();
    Reading {
        starters: set(|f| &f.starters).into_iter().map(|words| words.trim().to_owned()).collect(),
        verbs: Finder::new(all(|f| &f.verbs)),
        said: Finder::new(all(|f| &f.said)),
        labels,
        original: set(|f| &f.original),
        forwarded: set(|f| &f.forwarded),
        forward_prefixes: set(|f| &f.forward_prefixes),
        reply_prefixes: set(|f| &f.reply_prefixes),
        reply_above: Finder::new(all(|f| &f.reply_above)),
        answers_below: Finder::new(all(|f| &f.answers_below)),
        mobile,
        sent_from,
        devices: Stems::new(all(|f| &f.devices)),
        closings: set(|f| &f.closings),
        thanks: set(|f| &f.thanks),
        openers: openers(set(|f| &f.closings).iter().chain(&set(|f| &f.thanks))),
        postscripts: set(|f| &f.postscripts),
        disclaimers: Finder::new(all(|f| &f.disclaimers)),
        notices: Finder::new(all(|f| &f.notices)),
        legal: Stems::new(all(|f| &f.legal)),
        banners: Finder::new(all(|f| &f.banners)),
        contact: set(|f| &f.contact),
        content: set(|f| &f.content),
        everyday,
        forms: Forms {
            openers: openers(form_labels.keys().chain(&questions)),
            labels: form_labels,
            robots: Finder::new(&forms.robots),
            robot_names: lower(&forms.robots).into_iter().collect(),
            robots_called: Finder::new(forms.robots.iter().filter(|name| name.contains(' '))),
            sites: lower(&forms.sites).into_iter().collect(),
            subjects: Finder::new(&forms.subjects),
            footers: Finder::new(&forms.footers),
            empty: lower(&forms.empty).into_iter().collect(),
            first_names,
            last_names,
            senders: normal(&forms.senders),
            questions,
        },
        headers: vec![],
        screening: Screening {
            auto_headers: screening.auto_headers.clone(),
            bulk_headers: screening.bulk_headers.clone(),
            auto_subjects: Finder::new(&screening.auto_subjects),
            absence: Finder::new(&screening.absence),
            machine: Finder::new(&screening.machine),
            acknowledged: Finder::new(&screening.acknowledged),
            meanwhile: Finder::new(&screening.meanwhile),
            instead: Finder::new(&screening.instead),
            away_subjects: Finder::new(&screening.away_subjects),
            courtesy: Finder::new(&screening.courtesy),
            request: Finder::new(&screening.request),
            bounce_senders: Finder::new(&screening.bounce_senders),
            bounce_subjects: Finder::new(&screening.bounce_subjects),
            bounce_words: Finder::new(&screening.bounce_words),
            why: Finder::new(&screening.why),
            leave: Finder::new(&screening.leave),
            online: Finder::new(&screening.online),
            senders: Finder::new(&screening.senders),
            asks_where: Finder::new(&screening.asks_where),
            asks_where_of: Finder::new(&screening.asks_where_of),
            no_reply: lower(&screening.no_reply).into_iter().collect(),
        },
    }
}
