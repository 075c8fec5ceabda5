//! The files of patterns as they are written: one a language, forms, screening; those shipped with the binary.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::config::fault::Fault;
use crate::request::FieldKey;
use std::collections::BTreeMap;

/// The shipped files, by path below `rules/`.
pub(super) const SHIPPED_FILES: [(&str, &str); 26] = [
    ("forms.toml", include_str!("../../../rules/forms.toml")),
    ("screening.toml", include_str!("../../../rules/screening.toml")),
    ("reading/cs.toml", include_str!("../../../rules/reading/cs.toml")),
    ("reading/da.toml", include_str!("../../../rules/reading/da.toml")),
    ("reading/de.toml", include_str!("../../../rules/reading/de.toml")),
    ("reading/el.toml", include_str!("../../../rules/reading/el.toml")),
    ("reading/en.toml", include_str!("../../../rules/reading/en.toml")),
    ("reading/es.toml", include_str!("../../../rules/reading/es.toml")),
    ("reading/fi.toml", include_str!("../../../rules/reading/fi.toml")),
    ("reading/fr.toml", include_str!("../../../rules/reading/fr.toml")),
    ("reading/hu.toml", include_str!("../../../rules/reading/hu.toml")),
    ("reading/it.toml", include_str!("../../../rules/reading/it.toml")),
    ("reading/ja.toml", include_str!("../../../rules/reading/ja.toml")),
    ("reading/ko.toml", include_str!("../../../rules/reading/ko.toml")),
    ("reading/nl.toml", include_str!("../../../rules/reading/nl.toml")),
    ("reading/no.toml", include_str!("../../../rules/reading/no.toml")),
    ("reading/pl.toml", include_str!("../../../rules/reading/pl.toml")),
    ("reading/pt.toml", include_str!("../../../rules/reading/pt.toml")),
    ("reading/ro.toml", include_str!("../../../rules/reading/ro.toml")),
    ("reading/ru.toml", include_str!("../../../rules/reading/ru.toml")),
    ("reading/sk.toml", include_str!("../../../rules/reading/sk.toml")),
    ("reading/sv.toml", include_str!("../../../rules/reading/sv.toml")),
    ("reading/tr.toml", include_str!("../../../rules/reading/tr.toml")),
    ("reading/uk.toml", include_str!("../../../rules/reading/uk.toml")),
    ("reading/vi.toml", include_str!("../../../rules/reading/vi.toml")),
    ("reading/zh.toml", include_str!("../../../rules/reading/zh.toml")),
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LanguageFile {
    pub(super) language: String,
    #[serde(default)]
    pub(super) starters: Vec<String>,
    #[serde(default)]
    pub(super) verbs: Vec<String>,
    #[serde(default)]
    pub(super) said: Vec<String>,
    #[serde(default)]
    pub(super) from: Vec<String>,
    #[serde(default)]
    pub(super) sent: Vec<String>,
    #[serde(default)]
    pub(super) to: Vec<String>,
    #[serde(default)]
    pub(super) cc: Vec<String>,
    #[serde(default)]
    pub(super) subject: Vec<String>,
    #[serde(default)]
    pub(super) other: Vec<String>,
    #[serde(default)]
    pub(super) original: Vec<String>,
    #[serde(default)]
    pub(super) forwarded: Vec<String>,
    #[serde(default)]
    pub(super) forward_prefixes: Vec<String>,
    #[serde(default)]
    pub(super) reply_prefixes: Vec<String>,
    #[serde(default)]
    pub(super) reply_above: Vec<String>,
    #[serde(default)]
    pub(super) answers_below: Vec<String>,
    #[serde(default)]
    pub(super) mobile: Vec<String>,
    #[serde(default)]
    pub(super) sent_from: Vec<String>,
    #[serde(default)]
    pub(super) devices: Vec<String>,
    #[serde(default)]
    pub(super) closings: Vec<String>,
    #[serde(default)]
    pub(super) thanks: Vec<String>,
    #[serde(default)]
    pub(super) postscripts: Vec<String>,
    #[serde(default)]
    pub(super) disclaimers: Vec<String>,
    #[serde(default)]
    pub(super) notices: Vec<String>,
    #[serde(default)]
    pub(super) legal: Vec<String>,
    #[serde(default)]
    pub(super) banners: Vec<String>,
    #[serde(default)]
    pub(super) contact: Vec<String>,
    #[serde(default)]
    pub(super) content: Vec<String>,
    #[serde(default)]
    pub(super) common: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FormsFile {
    pub(super) labels: BTreeMap<FieldKey, Vec<String>>,
    pub(super) robots: Vec<String>,
    pub(super) subjects: Vec<String>,
    pub(super) footers: Vec<String>,
    pub(super) empty: Vec<String>,
    #[serde(default)]
    pub(super) first_names: Vec<String>,
    #[serde(default)]
    pub(super) last_names: Vec<String>,
    #[serde(default)]
    pub(super) senders: Vec<String>,
    #[serde(default)]
    pub(super) questions: Vec<String>,
    #[serde(default)]
    pub(super) sites: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ScreeningFile {
    pub(super) auto_headers: Vec<String>,
    pub(super) bulk_headers: Vec<String>,
    pub(super) auto_subjects: Vec<String>,
    pub(super) absence: Vec<String>,
    pub(super) machine: Vec<String>,
    pub(super) acknowledged: Vec<String>,
    pub(super) meanwhile: Vec<String>,
    pub(super) instead: Vec<String>,
    pub(super) away_subjects: Vec<String>,
    pub(super) courtesy: Vec<String>,
    pub(super) request: Vec<String>,
    pub(super) bounce_senders: Vec<String>,
    pub(super) bounce_subjects: Vec<String>,
    pub(super) bounce_words: Vec<String>,
    pub(super) why: Vec<String>,
    pub(super) leave: Vec<String>,
    pub(super) online: Vec<String>,
    pub(super) senders: Vec<String>,
    #[serde(default)]
    pub(super) asks_where: Vec<String>,
    #[serde(default)]
    pub(super) asks_where_of: Vec<String>,
    pub(super) no_reply: Vec<String>,
}

pub(super) fn parse<T: DeserializeOwned>(path: &str, text: &str, faults: &mut Vec<Fault>) -> Option<T> {
    toml::from_str(text)
        .map_err(|error| {
            let line =
                error.span().map_or(0, |span| text.get(..span.start).unwrap_or_default().matches('\n').count() + 1);
            faults.push(Fault {
                file: path.to_owned(),
                line,
                message: error.message().to_owned(),
                remedy: "see the shipped file of this name for the keys and their types".into(),
            });
        })
        .ok()
}

/// The line on which a pattern stands, as well as can be told.
pub(super) fn line_of(text: &str, pattern: &str) -> usize {
    text.lines().position(|line| line.contains(pattern)).map_or(0, |at| at + 1)
}
