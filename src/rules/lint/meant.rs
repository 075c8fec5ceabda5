//! What a writer means and does not write: types of attachments that none is of, signs in phrases, words twice in one list. Says
//! what to write instead.

use std::collections::BTreeSet;

use super::{Findings, Weight};
use crate::rules::compile::Signal;

/// What people write for languages, but for slips: names, and the codes of countries.
const LANGUAGE_NAMES: [(&str, &[&str]); 15] = [
    ("en", &["english", "eng", "gb", "us"]),
    ("de", &["german", "deutsch", "deu", "ger", "at"]),
    ("fr", &["french", "français", "francais", "fra", "fre"]),
    ("es", &["spanish", "español", "espanol", "spa", "sp", "mx"]),
    ("pt", &["portuguese", "português", "portugues", "por", "br"]),
    ("it", &["italian", "italiano", "ita"]),
    ("nl", &["dutch", "nederlands", "nld"]),
    ("pl", &["polish", "polski", "pol"]),
    ("sv", &["swedish", "svenska", "swe", "se"]),
    ("da", &["danish", "dansk", "dan", "dk"]),
    ("no", &["norwegian", "norsk", "nor", "nb", "nn"]),
    ("ja", &["japanese", "jpn", "jp"]),
    ("zh", &["chinese", "zho", "cn", "tw", "hk"]),
    ("th", &["thai", "tha"]),
    ("ko", &["korean", "kor", "kr"]),
];

/// What joins words in the searches of other programs.
const JOINS: [&str; 10] = ["OR", "AND", "NOT", "NEAR", "ODER", "UND", "OU", "ET", "AND/OR", "XOR"];

impl Findings {
    /// Words that stand twice in one list of what must or must not stand beside them.
    pub(super) fn of_lists(&mut self, signal: &Signal) {
        let lists =
            [("near", &signal.written.near), ("with", &signal.written.with), ("unless", &signal.written.unless)];
        for (key, list) in lists {
            for (at, phrase) in list.iter().enumerate() {
                if let Some(first) =
                    list[..at].iter().find(|first| first.language == phrase.language && first.text == phrase.text)
                {
                    let message = format!("{:?} stands twice in `{key}`, first on line {}", phrase.text, first.line);
                    self.add(Weight::Warning, &signal.file, phrase.line, message, "delete one of them");
                }
            }
        }
    }
}

/// What to write instead of a type of attachments that none is of.
pub fn type_meant(wanted: &str) -> Option<String> {
    let as_type = "a type such as \"text/csv\" or \"image/*\"";
    if let Some(end) = wanted.strip_prefix('.') {
        let end = end.trim_matches('*');
        let fits = wanted.len() > 1 && !wanted.contains('*');
        return (!fits).then(|| format!("write \".{end}\" for the end of a name, or {as_type}"));
    }
    let (bare, _) = wanted.split_once(';').unwrap_or((wanted, ""));
    let Some((kind, sub)) = bare.trim().split_once('/') else {
        return Some(format!("write \".{}\" for the end of a name, or {as_type}", bare.trim_matches(['*', '.', ' '])));
    };
    let meant = match (kind.trim_matches('*'), sub.trim_matches('*')) {
        ("", "") => {
            return Some(
                "name the kinds that you mean: \"application/*\", \"image/*\", \"text/*\" and the like".into(),
            );
        }
        ("", sub) => return Some(format!("write \".{sub}\" for the end of a name, or {as_type}")),
        (kind, "") => format!("{kind}/*"),
        (kind, sub) if kind == "*" || sub.contains('*') => format!("{kind}/*"),
        // "vnd.ms*": what begins so.
        (kind, begin) if sub.ends_with('*') => format!("{kind}/{begin}*"),
        (kind, sub) => format!("{kind}/{sub}"),
    };
    (meant != wanted).then(|| format!("write \"{meant}\""))
}

/// The code of a language that was most likely meant: `DE`, `pt-BR`, `german`, `ed`.
pub fn language_meant<'a>(written: &str, codes: &'a BTreeSet<String>) -> Option<&'a str> {
    let lower = written.to_lowercase();
    let bare = lower.split(['-', '_']).next().unwrap_or(&lower);
    let named = LANGUAGE_NAMES.iter().find(|(_, names)| names.contains(&bare)).map(|(code, _)| *code);
    let swapped: String = bare.chars().rev().collect();
    [Some(bare), named, Some(&swapped)].into_iter().flatten().find_map(|code| codes.get(code)).map(String::as_str)
}

/// What a phrase holds that its writer takes for more than it is, and what to write.
pub fn taken_for_more(phrase: &str) -> Option<(String, &'static str)> {
    let is_name = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    let mut words = phrase.split_whitespace();
    let class = |word: &&str| word.strip_prefix('@').is_some_and(|name| name.starts_with(is_name));
    if phrase.split_whitespace().count() > 1
        && let Some(class) = words.find(class)
    {
        let message = format!("\"{phrase}\" means the word itself by {class}: a class stands alone between its quotes");
        return Some((message, "write the class by itself and the other words under `near`, or leave the @ out"));
    }
    let entity = |rest: &str| {
        let name = rest.split_once(';').map_or("", |(name, _)| name);
        name.len() > 1 && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '#')
    };
    let inside = |rest: &str| rest.split_once('>').is_some_and(|(tag, _)| !tag.trim().is_empty());
    let (what, remedy) = match () {
        () if phrase.split('&').skip(1).any(entity) => ("&…;", "write the sign itself"),
        () if phrase.split('<').skip(1).any(inside) => {
            ("<…>", "write `...` where up to four words may stand, or take it out: texts are read without HTML")
        }
        () if phrase.contains('\\') || (phrase.len() > 2 && phrase.starts_with('/') && phrase.ends_with('/')) => {
            ("\\ or /…/", "write it under `regex`, between single quotes")
        }
        () if phrase.matches([',', ';']).count() > 1 => {
            let message = format!("\"{phrase}\" is one phrase, whatever stands between its parts");
            return Some((message, "put each part between quotes of its own"));
        }
        () if phrase.contains(char::is_lowercase) && phrase.split_whitespace().any(|word| JOINS.contains(&word)) => {
            let message = format!("OR and the like in \"{phrase}\" are words of the phrase, as any other");
            return Some((message, "make two phrases of it; for AND and NOT there are `with` and `unless`"));
        }
        () if phrase.contains('|') => ("|", "make two phrases of it"),
        () if phrase.contains('*') => {
            ("*", "take it out: the usual endings do not matter, and `...` stands for up to four words")
        }
        () => return None,
    };
    Some((format!("{what} in \"{phrase}\" stands for nothing: signs in a phrase are passed over"), remedy))
}

#[cfg(test)]
mod tests {
    use super::super::lint;
    use super::super::tests::{check, signal};
    use super::language_meant;
    use crate::rules::Files;

    #[test]
    fn what_is_written_and_not_meant_is_named() {
        let never = |lines: &str, expected: &str| check(&signal(lines), "", "", &[expected]);
        for (wanted, remedy) in [
            ("*/*", "name the kinds that you mean: \"application/*\", \"image/*\", \"text/*\" and the like"),
            ("image/", "write \"image/*\""),
            ("image/**", "write \"image/*\""),
            ("*/pdf", "write \".pdf\" for the end of a name, or a type such as \"text/csv\" or \"image/*\""),
            ("*.pdf", "write \".pdf\" for the end of a name, or a type such as \"text/csv\" or \"image/*\""),
            ("text/csv; charset=utf-8", "write \"text/csv\""),
        ] {
            let told = format!("id = \"x\"\n{}", signal(&format!("attachment_type = [\"{wanted}\"]")));
            let found = lint(&Files::from([("topics/x.toml".to_owned(), told.into())]));
            assert_eq!(found.len(), 1, "{found:?}");
            assert_eq!(found[0].fault.remedy, remedy, "{wanted}");
        }
        for (phrase, what) in [
            ("pay @money", "\"pay @money\" means the word itself by @money: a class stands alone between its quotes"),
            ("refund*", "* in \"refund*\" stands for nothing: signs in a phrase are passed over"),
            ("late|tardy", "| in \"late|tardy\" stands for nothing: signs in a phrase are passed over"),
            ("/refund/", "\\ or /…/ in \"/refund/\" stands for nothing: signs in a phrase are passed over"),
            ("late, tardy, behind", "\"late, tardy, behind\" is one phrase, whatever stands between its parts"),
            ("late OR tardy", "OR and the like in \"late OR tardy\" are words of the phrase, as any other"),
            ("dear <name>", "<…> in \"dear <name>\" stands for nothing: signs in a phrase are passed over"),
        ] {
            never(&format!("phrases = [\"{phrase}\"]"), &format!("topics/x.toml:4: {what}"));
        }
        let told = format!("id = \"x\"\n{}", signal("phrases = [\"terms &amp; rates\"]"));
        let found = lint(&Files::from([("topics/x.toml".to_owned(), told.into())]));
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].fault.remedy, "write the sign itself");
        check(&signal("phrases = [\"AT&T bill\", \"me @ once\", \"a <- b\", \"ann@bank.example wrote\"]"), "", "", &[]);
        never(
            "phrases = [\"late\"]\nunless = [\"soon\", \"soon\"]",
            "topics/x.toml:5: \"soon\" stands twice in `unless`, first on line 5",
        );
    }

    #[test]
    fn the_language_that_is_meant_is_named() {
        let codes = ["de", "en", "es", "pt", "uk", "zh"].map(str::to_owned).into();
        for (written, expected) in [
            ("ed", Some("de")),
            ("DE", Some("de")),
            ("pt-BR", Some("pt")),
            ("zh_Hant", Some("zh")),
            ("deutsch", Some("de")),
            ("Español", Some("es")),
            ("cn", Some("zh")),
            ("lo", None),
        ] {
            assert_eq!(language_meant(written, &codes), expected, "{written}");
        }
    }

    #[test]
    fn routing_rules_that_set_nothing_are_named() {
        let rule = |rest: &str| format!("[[rule]]\nname = \"a\"\nphrases = [\"court\"]\n{rest}\n");
        check("", "", &rule(""), &["routing.toml:1: `routing.a` sets nothing"]);
        let normal = rule("priority = \"normal\"");
        let usual = "routing.toml:1: `routing.a` sets nothing: requests are of priority normal without it";
        check("", "", &normal, &[usual]);
        // Where another rule makes it low, this one lifts it.
        let low = "[[rule]]\nname = \"b\"\nphrases = [\"lawyer\"]\npriority = \"low\"\n";
        check("", "", &(normal + low), &[]);
    }
}
