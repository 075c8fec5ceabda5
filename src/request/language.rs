//! The language of a text, when there is enough of it to tell.
//!
//! A wrong language costs a reply in the wrong tongue, an unknown one only the default: in doubt it is unknown.

use std::sync::LazyLock;

use whatlang::{Detector, Info, Lang};

use super::finder::lowered;
use super::reading::{Map, Reading};

/// Fewer letters than this tell nothing in the Latin and Cyrillic scripts.
const FEWEST_LETTERS: usize = 20;
/// Likewise in Japanese, Chinese, Korean and Thai.
const FEWEST_SIGNS: usize = 4;
/// Everyday words of one language that decide alone.
const MANY_WORDS: f32 = 3.0;
/// The language whose nouns begin with a capital.
const CAPITALS: &str = "de";
/// Bytes that are looked at: more text hardly changes the answer, but costs.
const MOST_BYTES: usize = 240;

/// The languages a desk meets, with their ISO 639-1 codes.
const LANGUAGES: [(Lang, &str); 22] = [
    (Lang::Eng, "en"),
    (Lang::Deu, "de"),
    (Lang::Fra, "fr"),
    (Lang::Spa, "es"),
    (Lang::Por, "pt"),
    (Lang::Ita, "it"),
    (Lang::Nld, "nl"),
    (Lang::Pol, "pl"),
    (Lang::Swe, "sv"),
    (Lang::Nob, "no"),
    (Lang::Dan, "da"),
    (Lang::Fin, "fi"),
    (Lang::Ces, "cs"),
    (Lang::Rus, "ru"),
    (Lang::Ukr, "uk"),
    (Lang::Tur, "tr"),
    (Lang::Ell, "el"),
    (Lang::Hun, "hu"),
    (Lang::Ron, "ro"),
    (Lang::Ara, "ar"),
    (Lang::Heb, "he"),
    (Lang::Slk, "sk"),
];

/// Their neighbours, which would be taken for one of them (Croatian and Serbian for Italian, Bulgarian for Russian).
const NEIGHBOURS: [Lang; 3] = [Lang::Hrv, Lang::Slv, Lang::Bul];

/// All codes that [`detect`] may give beside those of the reading files.
pub fn codes() -> impl Iterator<Item = &'static str> {
    LANGUAGES.iter().map(|(_, code)| *code).chain(["ja", "ko", "th", "zh"])
}

static DETECTOR: LazyLock<Detector> =
    LazyLock::new(|| Detector::with_allowlist(LANGUAGES.iter().map(|(lang, _)| *lang).chain(NEIGHBOURS).collect()));

/// Everyday words of the reading languages. A word that several languages share counts for each in part.
#[derive(Debug, Default)]
pub(super) struct Everyday {
    languages: Vec<String>,
    /// Word → its languages, one bit each.
    words: Map<u32>,
}

/// What the everyday words of a text say.
struct Evidence {
    language: usize,
    /// Of each language.
    scores: [f32; 32],
    /// The sum over its words, shared ones in part.
    score: f32,
    /// Likewise of the runner-up.
    second: f32,
    /// How many words the text has.
    words: usize,
}

impl Everyday {
    /// Adds the words of a language; the first 32 languages count.
    pub(super) fn add<'a>(&mut self, language: &str, words: impl Iterator<Item = &'a String>) {
        if self.languages.len() < 32 {
            let bit = 1 << self.languages.len();
            self.languages.push(language.to_owned());
            for word in words {
                *self.words.entry(word.to_lowercase()).or_default() |= bit;
            }
        }
    }

    fn weigh(&self, text: &str) -> Option<Evidence> {
        let mut scores = [0.0_f32; 32];
        let mut words = 0;
        let mut lower = String::new();
        let german = self.languages.iter().position(|language| language == CAPITALS).map_or(0, |at| 1 << at);
        for whole in text.split(|c: char| !c.is_alphanumeric() && c != '\'' && c != '’') {
            let word = whole.trim_matches(['\'', '’']);
            if word.is_empty() || word.bytes().all(|b| b.is_ascii_digit()) {
                continue;
            }
            words += 1;
            let all = if is_name(text, whole, word) { german } else { u32::MAX };
            let found = match word.contains('’') {
                false => self.words.get(lowered(word, &mut lower)),
                true => self.words.get(lowered(&word.replace('’', "'"), &mut lower)),
            };
            let Some(bits) = found.map(|bits| bits & all).filter(|bits| *bits != 0) else { continue };
            let share = 1.0 / bits.count_ones() as f32;
            let mut rest = bits;
            while rest != 0 {
                scores[rest.trailing_zeros() as usize] += share;
                rest &= rest - 1;
            }
        }
        let (language, score) = scores.iter().copied().enumerate().max_by(|a, b| a.1.total_cmp(&b.1))?;
        let others = scores.iter().enumerate().filter(|(at, _)| *at != language);
        let second = others.map(|(_, score)| *score).fold(0.0, f32::max);
        (score > 0.0).then_some(Evidence { language, scores, score, second, words })
    }
}

/// Whether a word within a sentence begins with a capital, as campaigns' names do: they are in English whatever the mail
/// is in, and say nothing of its language. `word` is part of `whole`, and that of `text`.
fn is_name(text: &str, whole: &str, word: &str) -> bool {
    let mut letters = word.chars();
    let capital = letters.next().is_some_and(char::is_uppercase) && letters.next().is_some_and(char::is_lowercase);
    let before = &text[..whole.as_ptr().addr() - text.as_ptr().addr()];
    let before = before.trim_end_matches(|c: char| c == ' ' || "\"'’“„«(¿¡".contains(c));
    capital && !before.is_empty() && !before.ends_with(['.', '!', '?', ':', '\n', '-', '…'])
}

/// The ISO 639-1 code of the text's language; `None` when it is too short or unclear.
pub fn detect(text: &str, reading: &Reading) -> Option<String> {
    let cut = (0..=MOST_BYTES.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let text = &text[..cut];
    let everyday = &reading.everyday;
    let evidence = everyday.weigh(text);
    let said = |evidence: &Evidence| Some(everyday.languages[evidence.language].clone());
    if let Some(evidence) = &evidence
        && evidence.score >= 2.5
        && evidence.score >= 2.5 * evidence.second
    {
        return said(evidence);
    }
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    if let Some(code) = dense(text, letters) {
        return Some(code.to_owned());
    }
    let spoken = evidence.as_ref().filter(|evidence| evidence.score >= MANY_WORDS);
    if let Some(evidence) = spoken {
        // So many everyday words need no trigrams beside them; when two languages have them it is a mixture.
        return if evidence.score >= 1.5 * evidence.second { said(evidence) } else { None };
    }
    if letters >= FEWEST_LETTERS
        && let Some(info) = trigrams(text, evidence.as_ref(), everyday)
    {
        let floor = if letters < 60 { 0.25 } else { 0.05 };
        let code = LANGUAGES.iter().find(|(lang, _)| *lang == info.lang()).map(|(_, code)| *code);
        if code.is_none() && info.confidence() >= floor {
            return None;
        }
        // Trigrams of a few words say little: everyday words of another language veto them.
        let against = evidence.as_ref().filter(|evidence| Some(&*everyday.languages[evidence.language]) != code);
        if info.confidence() >= floor && against.is_none_or(|evidence| evidence.score < 1.0) {
            return code.map(str::to_owned);
        }
    }
    let evidence = evidence?;
    let clear = evidence.score >= 2.0 * evidence.second;
    // One word in a text of many may be a name; in a short one it is a good part of what stands there.
    (clear && (evidence.score >= 2.0 || (evidence.score >= 1.0 && 4.0 * evidence.score >= evidence.words as f32)))
        .then(|| said(&evidence))?
}

/// What whatlang says: of the languages whose everyday words stand there, for each one costs, or of all.
fn trigrams(text: &str, evidence: Option<&Evidence>, everyday: &Everyday) -> Option<Info> {
    let Some(evidence) = evidence.filter(|evidence| evidence.score >= 1.0 && evidence.second > 0.0) else {
        return DETECTOR.detect(text);
    };
    let spoken = |code: &str| {
        everyday.languages.iter().position(|language| language == code).is_some_and(|at| evidence.scores[at] > 0.0)
    };
    let few = LANGUAGES.iter().filter(|(_, code)| spoken(code)).map(|(lang, _)| *lang);
    let few = few.chain(NEIGHBOURS).collect();
    Detector::with_allowlist(few).detect(text)
}

/// Japanese, Chinese, Korean or Thai, by the scripts of the text, when they are most of its letters.
fn dense(text: &str, letters: usize) -> Option<&'static str> {
    let (mut kana, mut han, mut hangul, mut thai) = (0, 0, 0, 0);
    for c in text.chars().filter(|c| *c >= '\u{e01}') {
        match c {
            '\u{e01}'..='\u{e2e}' => thai += 1,
            '\u{3040}'..='\u{30ff}' | '\u{31f0}'..='\u{31ff}' | '\u{ff66}'..='\u{ff9d}' => kana += 1,
            '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}' => {
                han += 1
            }
            '\u{1100}'..='\u{11ff}' | '\u{3130}'..='\u{318f}' | '\u{ac00}'..='\u{d7af}' => hangul += 1,
            _ => {}
        }
    }
    let all = kana + han + hangul + thai;
    if all < FEWEST_SIGNS || all * 2 < letters {
        return None;
    }
    Some(if thai * 2 >= all {
        "th"
    } else if hangul * 2 >= all {
        "ko"
    } else if kana * 10 >= all {
        "ja"
    } else {
        "zh"
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(detect(text, &Reading::shipped()).as_deref(), expected, "{text}");
    }

    #[test]
    fn clear_texts_are_told_short_ones_are_not() {
        check("please raise the daily budget of our campaign from Monday, thank you very much", Some("en"));
        check("bitte erhöhen Sie das Tagesbudget unserer Kampagne ab Montag, vielen Dank", Some("de"));
        check("Pouvez-vous vérifier le rapport de la campagne, il n'a pas bougé depuis mars", Some("fr"));
        check("Por favor, pausen la campaña a partir del viernes, la naviera ha agotado las plazas", Some("es"));
        check("キャンペーンのクリックが表示されません", Some("ja"));
        check("我们的活动没有点击", Some("zh"));
        check("캠페인이 작동하지 않습니다", Some("ko"));
        check("แคมเปญของเราหยุดทำงาน", Some("th"));
        check("Google Ads แสดงผลช้ามากตั้งแต่วันจันทร์", Some("th"));
        check("Kampanja ne radi od ponedeljka, molim proverite", None);
        check("Кампанията не работи от понеделник, моля проверете", None);
        check("Кампания не работает с понедельника, пожалуйста проверьте", Some("ru"));
        check("ok", None);
        check("Spring Sale Hamburg", None);
        check("48213 48214 48215 48216 48217", None);
        check("", None);
    }

    /// Of these lines, each a language and a text, at least so many in a hundred are told, and none wrongly.
    fn check_lines(lines: &str, fewest: usize, percent: usize) {
        let (mut asked, mut told, mut wrong, mut untold) = (0, 0, vec![], vec![]);
        let reading = Reading::shipped();
        for line in lines.lines().filter(|line| !line.starts_with('#')) {
            let (expected, text) = line.split_once(' ').unwrap_or_default();
            let said = detect(text, &reading);
            asked += usize::from(expected != "-");
            match said {
                Some(said) if said == expected => told += 1,
                Some(said) => wrong.push(format!("{said} for {line}")),
                None if expected != "-" => untold.push(line),
                None => {}
            }
        }
        assert!(wrong.is_empty(), "{told} of {asked} are told, wrong: {wrong:#?}");
        assert!(asked > fewest && told * 100 >= asked * percent, "{told} of {asked} are told, not: {untold:#?}");
    }

    #[test]
    fn short_sentences_get_their_language_or_none() {
        check_lines(include_str!("../../fixtures/language/short.txt"), 300, 80);
    }

    #[test]
    fn answers_of_a_few_words_get_their_language() {
        check_lines(include_str!("../../fixtures/language/answers.txt"), 150, 97);
    }

    #[test]
    fn everyday_words_tell_short_texts() {
        for (text, expected) in [
            ("no clicks since Monday", "en"),
            ("Please pause it.", "en"),
            ("Why is it off?", "en"),
            ("The report is empty again, can you check?", "en"),
            ("Still not working, any news?", "en"),
            ("bitte pausieren", "de"),
            ("Warum ist die Kampagne aus?", "de"),
            ("Noch immer keine Klicks", "de"),
            ("Pourquoi la campagne est arrêtée ?", "fr"),
            ("¿Por qué no hay clics?", "es"),
            ("A campanha não está ativa", "pt"),
            ("Perché la campagna non è attiva?", "it"),
            ("De campagne is niet actief", "nl"),
            ("Kampania nie jest aktywna", "pl"),
            ("Почему не работает?", "ru"),
            ("Varför är kampanjen inte aktiv?", "sv"),
        ] {
            check(text, Some(expected));
        }
    }
}
