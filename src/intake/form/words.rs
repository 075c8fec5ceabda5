//! The words of the form's pages: one file a language, compiled in, and which language a visitor gets.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, header};
use toml::Value;

/// The languages, in the order in which pages offer them.
const FILES: [(&str, &str); 5] = [
    ("en", include_str!("words/en.toml")),
    ("de", include_str!("words/de.toml")),
    ("fr", include_str!("words/fr.toml")),
    ("es", include_str!("words/es.toml")),
    ("pt", include_str!("words/pt.toml")),
];

/// The words of all languages.
#[derive(Debug)]
pub(super) struct Words(BTreeMap<&'static str, Value>);

impl Default for Words {
    fn default() -> Words {
        let read = |text| toml::from_str(text).expect("the compiled-in words are valid TOML: a unit test reads them");
        Words(FILES.into_iter().map(|(code, text)| (code, Value::Table(read(text)))).collect())
    }
}

impl Words {
    /// All words of a language, for a template.
    pub(super) fn of(&self, language: &str) -> &Value {
        &self.0[language]
    }

    /// The words at a path such as `fault.topic`.
    pub(super) fn text(&self, language: &str, path: &str) -> String {
        let found = path.split('.').try_fold(self.of(language), |value, key| value.get(key));
        found.and_then(Value::as_str).unwrap_or(path).to_owned()
    }

    /// Code and own name of every language.
    pub(super) fn languages(&self) -> Vec<(&'static str, String)> {
        FILES.into_iter().map(|(code, _)| (code, self.text(code, "name"))).collect()
    }
}

/// The language of a page: the one that was asked for, else the visitor's own (RFC 9110 §12.5.4), else the desk's, else
/// English.
pub(super) fn choose(asked: Option<&str>, headers: &HeaderMap, desk: &str) -> &'static str {
    let known = |tag: &str| {
        let primary = tag.split(['-', '_']).next().unwrap_or_default();
        FILES.iter().map(|(code, _)| *code).find(|code| primary.eq_ignore_ascii_case(code))
    };
    asked.and_then(known).or_else(|| accepted(headers, known)).or_else(|| known(desk)).unwrap_or("en")
}

/// The language that the visitor likes best, of those that `known` finds by their tag.
pub(in crate::intake) fn accepted<'a>(headers: &HeaderMap, known: impl Fn(&str) -> Option<&'a str>) -> Option<&'a str> {
    let mut best: Option<(&'a str, f32)> = None;
    let values = headers.get_all(header::ACCEPT_LANGUAGE).iter().filter_map(|value| value.to_str().ok());
    for range in values.flat_map(|value| value.split(',')).take(50) {
        let (tag, weight) = range.split_once(';').unwrap_or((range, "q=1"));
        let weight = weight.trim().strip_prefix("q=").and_then(|weight| weight.parse::<f32>().ok()).unwrap_or(0.0);
        // Of equal weights the first counts.
        if let Some(code) = known(tag.trim())
            && weight > best.map_or(0.0, |(_, best)| best)
        {
            best = Some((code, weight));
        }
    }
    best.map(|(code, _)| code)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn shape(value: &Value) -> String {
        match value {
            Value::Table(table) => {
                let inner = table.iter().map(|(key, value)| format!("{key}:{}", shape(value)));
                format!("{{{}}}", inner.collect::<Vec<_>>().join(","))
            }
            Value::Array(list) => format!("[{}]", list.len()),
            Value::String(text) => {
                let mut marks: Vec<&str> = text.matches(['{', '}']).collect();
                for mark in ["{count}", "{size}", "{number}", "{secs}", "{address}"] {
                    marks.extend(text.contains(mark).then_some(mark));
                }
                marks.concat()
            }
            other => panic!("{other} is no words"),
        }
    }

    #[test]
    fn all_languages_say_the_same() {
        let words = Words::default();
        for (code, _) in FILES {
            assert_eq!(shape(words.of(code)), shape(words.of("en")), "{code}");
        }
    }

    fn check(asked: Option<&str>, accepts: &str, expected: &str) {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_LANGUAGE, accepts.parse().unwrap());
        assert_eq!(choose(asked, &headers, "fr"), expected, "{asked:?} {accepts}");
    }

    #[test]
    fn the_visitor_is_spoken_to_in_a_language_of_his() {
        check(None, "de-AT,de;q=0.9,en;q=0.8", "de");
        check(None, "da, en-gb;q=0.8, es;q=0.9", "es");
        check(None, "ja, pt-BR;q=0.1", "pt");
        check(None, "ja", "fr");
        check(None, "de;q=0, *", "fr");
        check(None, "de;q=lots;;, ,,", "fr");
        check(Some("es"), "de", "es");
        check(Some("xx"), "de", "de");
        check(Some("../en"), "de", "de");
    }
}
