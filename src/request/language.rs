//! The language of a text, when there is enough of it to tell.
//!
//! A wrong language costs a reply in the wrong tongue, an unknown one only the default: in doubt it is unknown.

use std::sync::LazyLock;

use whatlang::{Detector, Lang};

/// Fewer letters than this tell nothing in the Latin and Cyrillic scripts.
const FEWEST_LETTERS: usize = 20;
/// Bytes that are looked at: more text hardly changes the answer, but costs.
const MOST_BYTES: usize = 240;

/// The languages a desk meets, with their ISO 639-1 codes.
const LANGUAGES: [(Lang, &str); 25] = [
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
    (Lang::Jpn, "ja"),
    (Lang::Cmn, "zh"),
    (Lang::Kor, "ko"),
    (Lang::Hun, "hu"),
    (Lang::Ron, "ro"),
    (Lang::Ara, "ar"),
    (Lang::Heb, "he"),
    (Lang::Slk, "sk"),
];

static DETECTOR: LazyLock<Detector> =
    LazyLock::new(|| Detector::with_allowlist(LANGUAGES.iter().map(|(lang, _)| *lang).collect()));

/// The ISO 639-1 code of the text's language; `None` when it is too short or unclear.
pub fn detect(text: &str) -> Option<String> {
    let cut = (0..=MOST_BYTES.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let text = &text[..cut];
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    let dense = text.chars().any(|c| (c as u32) >= 0x3040);
    if letters < if dense { 4 } else { FEWEST_LETTERS } {
        return None;
    }
    let info = DETECTOR.detect(text)?;
    let floor = if letters < 60 { 0.25 } else { 0.05 };
    if !dense && info.confidence() < floor {
        return None;
    }
    LANGUAGES.iter().find(|(lang, _)| *lang == info.lang()).map(|(_, code)| (*code).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(detect(text).as_deref(), expected, "{text}");
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
        check("ok", None);
        check("48213 48214 48215 48216 48217", None);
        check("", None);
    }
}
