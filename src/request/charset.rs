//! Bytes to text, whatever charset they say they are in.
//!
//! Never fails: what is mislabelled is recognised, what cannot be decoded becomes U+FFFD. Every repair is told.

use std::borrow::Cow;

use encoding_rs::{
    BIG5, EUC_KR, Encoding, GB18030, ISO_2022_JP, ISO_8859_2, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1250, WINDOWS_1252,
    WINDOWS_1254, WINDOWS_1257,
};

use super::dos;

/// How much of a text the guess looks at.
const GUESS_BYTES: usize = 16 * 1024;

/// Decodes `bytes` that are declared to be in `label`. The second value says what was repaired, if anything.
pub fn decode<'a>(bytes: &'a [u8], label: Option<&str>) -> (Cow<'a, str>, Option<String>) {
    let label = label.map(|label| label.trim().trim_matches(['"', '\''])).filter(|label| !label.is_empty());
    let wide = label.is_some_and(|label| label.to_ascii_lowercase().contains("16"));
    // Its two bytes are letters of 8-bit charsets as well; there is hardly a text in UTF-16 without ASCII's zeros.
    let marked = Encoding::for_bom(bytes).filter(|(encoding, _)| *encoding == UTF_8 || wide || bytes.contains(&0));
    if let Some((encoding, bom)) = marked {
        let (text, _) = encoding.decode_without_bom_handling(&bytes[bom..]);
        // That of UTF-8 changes nothing; UTF-16 says which byte is first.
        let oddity = (encoding != UTF_8 && !wide)
            .then(|| format!("is {}, by its byte order mark", encoding.name().to_lowercase()));
        return (text, oddity);
    }
    if let Some(encoding) = unmarked(bytes).filter(|_| !wide) {
        let (text, _) = encoding.decode_without_bom_handling(bytes);
        return (text, Some(format!("is {}, by its zeros", encoding.name().to_lowercase())));
    }
    if let Some(encoding) = shifted(bytes, label) {
        return encoding;
    }
    let declared = label.and_then(lookup);
    if declared != Some(ISO_2022_JP) && memchr::memchr(0x1b, bytes).is_some() && bytes.is_ascii() {
        // Switches to two-byte sets (RFC 1468), whatever the label says.
        let switches = [&b"\x1b$B"[..], b"\x1b$@"].iter().any(|switch| memchr::memmem::find(bytes, switch).is_some());
        let (text, faulty) = ISO_2022_JP.decode_without_bom_handling(bytes);
        if switches && !faulty {
            let said =
                label.map_or_else(|| "no charset declared".to_owned(), |label| format!("declared {}", shown(label)));
            return (text, Some(format!("{said} but is iso-2022-jp")));
        }
    }
    // Everything but UTF-16, UTF-7 and the escape-coded charsets agrees on ASCII.
    if bytes.is_ascii() && !bytes.contains(&0x1b) && declared.is_none_or(Encoding::is_ascii_compatible) {
        let seven = label.is_some_and(|label| label.to_ascii_lowercase().contains("utf-7"));
        if seven && let Some(decoder) = mail_parser::decoders::charsets::map::charset_decoder(b"utf-7") {
            let text = decoder(bytes);
            let oddity = (text.as_bytes() != bytes).then(|| "utf-7, which no program should send".to_owned());
            return (Cow::Owned(text), oddity);
        }
        return (std::str::from_utf8(bytes).map_or(Cow::Borrowed(""), Cow::Borrowed), None);
    }
    let utf8 = std::str::from_utf8(bytes).ok().filter(|_| !bytes.contains(&0x1b));
    if let Some(text) = utf8
        && declared.is_none_or(|encoding| encoding == UTF_8 || said_wrongly(encoding, bytes))
        && let Some(once) = undoubled(text)
    {
        return (Cow::Owned(once), Some("utf-8 encoded twice".to_owned()));
    }
    if let (None, None, Some(label)) = (declared, utf8, label)
        && let Some(text) = dos::decode(bytes, label)
    {
        return (Cow::Owned(text), None);
    }
    match (declared, utf8) {
        (Some(encoding), Some(text)) if encoding == UTF_8 => (Cow::Borrowed(text), None),
        (None, Some(text)) => {
            let oddity = match label {
                Some(label) => format!("unknown charset {}, read as utf-8", shown(label)),
                None => "no charset declared, read as utf-8".to_owned(),
            };
            (Cow::Borrowed(text), Some(oddity))
        }
        (Some(encoding), Some(text)) if said_wrongly(encoding, bytes) => {
            (Cow::Borrowed(text), Some(format!("declared {} but is utf-8", shown(label.unwrap_or_default()))))
        }
        (Some(encoding), _) if encoding != UTF_8 => {
            let (text, faulty) = encoding.decode_without_bom_handling(bytes);
            let doubts = doubtful(&text);
            if !faulty && doubts == 0 {
                let Some(other) = eastern(encoding, bytes).or_else(|| simplified(encoding, bytes)) else {
                    return (text, None);
                };
                let said =
                    format!("declared {} but is {}", shown(label.unwrap_or_default()), other.name().to_lowercase());
                return (other.decode_without_bom_handling(bytes).0, Some(said));
            }
            let (repaired, name) = guess(bytes);
            // Damage counts first; what decodes well is doubted only for another reading that nothing speaks against.
            let better = if faulty { fffd(&repaired) < fffd(&text) } else { doubtful(&repaired) < doubts };
            if better && (faulty || fffd(&repaired) == 0) {
                let oddity = format!("declared {} but is {name}", shown(label.unwrap_or_default()));
                return (repaired, Some(oddity));
            }
            if !faulty {
                return (text, None);
            }
            (text, Some(format!("bytes that are no {}", encoding.name().to_lowercase())))
        }
        _ => {
            // Declared UTF-8, or nothing known: a little damage is damage, more is another charset.
            let damaged = String::from_utf8_lossy(bytes);
            if sound(&damaged) > 4 * fffd(&damaged) {
                return (damaged, Some("bytes that are no utf-8".to_owned()));
            }
            if let Some((text, name)) = mixed(bytes) {
                return (Cow::Owned(text), Some(format!("utf-8 with lines in {name}")));
            }
            let (text, name) = guess(bytes);
            let said =
                label.map_or_else(|| "no charset declared".to_owned(), |label| format!("declared {}", shown(label)));
            (text, Some(format!("{said}, read as {name}")))
        }
    }
}

/// Korean by ISO-2022-KR (RFC 1557) and simplified Chinese by HZ (RFC 1843): seven bits, two-byte characters between shifts.
/// No browser reads either, some old programs send them.
fn shifted(bytes: &[u8], label: Option<&str>) -> Option<(Cow<'static, str>, Option<String>)> {
    let label = label?;
    let is = |names: [&str; 2]| names.iter().any(|name| label.eq_ignore_ascii_case(name));
    let (encoding, on, off): (_, &[u8], &[u8]) = if is(["iso-2022-kr", "csiso2022kr"]) {
        (EUC_KR, b"\x0e", b"\x0f")
    } else if is(["hz-gb-2312", "hz"]) {
        (GB18030, b"~{", b"~}")
    } else {
        return None;
    };
    if !bytes.is_ascii() {
        return None;
    }
    let (mut out, mut rest, mut wide) = (Vec::with_capacity(bytes.len()), bytes, false);
    while let Some((first, behind)) = rest.split_first() {
        if let Some(behind) = rest.strip_prefix(if wide { off } else { on }) {
            (wide, rest) = (!wide, behind);
        } else if let Some(behind) = rest.strip_prefix(b"\x1b$)C") {
            rest = behind;
        } else if let (false, Some(behind)) = (wide || encoding == EUC_KR, rest.strip_prefix(b"~~")) {
            out.push(b'~');
            rest = behind;
        } else {
            // A line ends what was shifted.
            wide &= *first != b'\n';
            out.push(if wide && first.is_ascii_graphic() { first | 0x80 } else { *first });
            rest = behind;
        }
    }
    let (text, faulty) = encoding.decode_without_bom_handling(&out);
    Some((
        Cow::Owned(text.into_owned()),
        faulty.then(|| format!("bytes that are no {}", shown(label).to_ascii_lowercase())),
    ))
}

/// The encoding of a label, with the names that mail programs invent. GB2312 and its like are read as GB18030.
fn lookup(label: &str) -> Option<&'static Encoding> {
    let found = Encoding::for_label(label.as_bytes()).or_else(|| {
        let lower = label.to_ascii_lowercase().replace('_', "-");
        let lower = lower.trim_start_matches("x-").trim_start_matches("charset=");
        match lower {
            "utf8" | "utf-8-sig" | "utf8mb4" | "unicode-1-1-utf-8" => Some(UTF_8),
            "cp936" | "gb-2312" => Some(GB18030),
            "utf-16" | "ucs-2" => Some(UTF_16LE),
            "utf-16be" => Some(UTF_16BE),
            "cp850" | "ibm850" | "cp437" | "ansi" | "default" => None,
            _ => Encoding::for_label(lower.replacen("cp", "windows-", 1).as_bytes())
                .or_else(|| Encoding::for_label(lower.replacen("iso", "iso-", 1).as_bytes())),
        }
    });
    // "us-ascii" and "iso-8859-1" are labels of windows-1252 (WHATWG Encoding §4.2), which is what people send.
    found.map(|encoding| if encoding == encoding_rs::GBK { GB18030 } else { encoding })
}

/// UTF-16 without a byte order mark: half of the bytes on one side of its pairs are zeros, and hardly any on the other.
fn unmarked(bytes: &[u8]) -> Option<&'static Encoding> {
    if bytes.len() < 8 || !bytes.contains(&0) {
        return None;
    }
    let (pairs, _) = bytes[..bytes.len().min(GUESS_BYTES)].as_chunks::<2>();
    let zeros = |side: usize| pairs.iter().filter(|pair| pair[side] == 0).count();
    match (zeros(0) * 2 > pairs.len(), zeros(1) * 2 > pairs.len()) {
        (true, false) if zeros(1) * 20 < pairs.len() => Some(UTF_16BE),
        (false, true) if zeros(0) * 20 < pairs.len() => Some(UTF_16LE),
        _ => None,
    }
}

/// Whether valid UTF-8 was declared as something else. Single-byte text is hardly ever valid UTF-8 by chance;
/// double-byte text may be, so there the declared charset must fail first.
fn said_wrongly(encoding: &'static Encoding, bytes: &[u8]) -> bool {
    encoding.is_single_byte() || encoding.decode_without_bom_handling(bytes).1
}

/// UTF-8 into which lines of another charset were put, as programs do that quote without converting. `None` when no
/// line beyond ASCII is UTF-8.
fn mixed(bytes: &[u8]) -> Option<(String, String)> {
    let lines = || bytes.split_inclusive(|byte| *byte == b'\n');
    let read = |line| std::str::from_utf8(line).ok();
    if bytes.contains(&0x1b) || !lines().any(|line| !line.is_ascii() && read(line).is_some()) {
        return None;
    }
    let foreign: Vec<u8> = lines().filter(|line| read(line).is_none()).flatten().copied().collect();
    let encoding = guessed(&foreign);
    let mut out = String::with_capacity(bytes.len());
    for line in lines() {
        match read(line) {
            Some(text) => out.push_str(text),
            None => {
                let damaged = String::from_utf8_lossy(line);
                if sound(&damaged) > 4 * fffd(&damaged) {
                    out.push_str(&damaged);
                } else {
                    out.push_str(&encoding.decode_without_bom_handling(line).0);
                }
            }
        }
    }
    Some((out, encoding.name().to_lowercase()))
}

/// UTF-8 that a program took for windows-1252 and encoded again (`KÃ¼chen`), read as it was meant. `None` unless all that
/// is beyond ASCII is of that kind, and at least two such characters stand inside words: people write of such text too.
fn undoubled(text: &str) -> Option<String> {
    if !twice(text) {
        return None;
    }
    // Latin-1 as it is in ISO 8859-1, else as Windows has it.
    let latin: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
    let once = latin.and_then(|bytes| String::from_utf8(bytes).ok()).or_else(|| {
        let (bytes, _, unmapped) = WINDOWS_1252.encode(text);
        String::from_utf8(bytes.into_owned()).ok().filter(|_| !unmapped)
    })?;
    let (mut inside, mut last) = (0, ' ');
    for c in once.chars() {
        inside += usize::from((!c.is_ascii() && last.is_alphabetic()) || (!last.is_ascii() && c.is_alphabetic()));
        last = c;
    }
    (inside >= 2).then_some(once)
}

/// Whether the first character beyond ASCII begins what UTF-8 looks like when it was encoded twice: the lead byte of a
/// sequence, as a letter, and its second byte.
pub fn twice(text: &str) -> bool {
    let Some(start) = text.bytes().position(|byte| !byte.is_ascii()) else { return false };
    let mut odd = text[start..].chars();
    let (Some(lead), Some(next)) = (odd.next(), odd.next()) else { return false };
    matches!(lead, '\u{c2}'..='\u{f4}') && !next.is_ascii() && !matches!(next, '\u{c0}'..='\u{ff}')
}

/// How much in a decoded text hardly anybody writes: characters for private use (Big5 read as GB18030), control
/// characters of Latin-1, signs between letters (`¿ó³æ` for `żółć`), words of accented letters alone (`Ïðîâåðüòå`:
/// Cyrillic, Greek and their like read as Latin), Cyrillic all in capitals (KOI8-R and windows-1251 take each other's
/// small letters for capitals) or with capitals inside its words (ISO-8859-5 taken for either).
fn doubtful(text: &str) -> usize {
    let mut doubts = 0;
    let (mut letters, mut capitals, mut humps) = (0, 0, 0);
    let (mut before, mut last) = (' ', ' ');
    let mut accented = 0;
    for c in text.chars().take(GUESS_BYTES) {
        let inside = sign(last) && c.is_alphabetic() && before.is_alphabetic();
        if !c.is_ascii() || inside {
            let private = matches!(c, '\u{e000}'..='\u{f8ff}' | '\u{80}'..='\u{9f}');
            doubts += usize::from(private || inside);
            if matches!(c, '\u{370}'..='\u{4ff}') {
                letters += 1;
                capitals += usize::from(c.is_uppercase());
                humps += usize::from(c.is_uppercase() && last.is_lowercase());
            }
        }
        if matches!(c, '\u{a1}'..='\u{ff}') {
            accented += 1;
            doubts += match accented {
                0..4 => 0,
                4 => 4,
                _ => 1,
            };
        } else {
            accented = 0;
        }
        (before, last) = (last, c);
    }
    if letters >= 20 && capitals * 5 > letters * 4 {
        doubts += capitals;
    }
    if letters >= 8 && humps * 10 > letters { doubts + humps } else { doubts }
}

/// A sign of Latin-1 that stands beside words, never inside.
fn sign(c: char) -> bool {
    matches!(c, '№' | '¡' | '¤'..='§' | '¨' | '±'..='³' | '¶' | '¹' | '¼'..='¿')
}

/// Characters beyond ASCII that were decoded.
fn sound(text: &str) -> usize {
    text.chars().filter(|c| !c.is_ascii() && *c != '\u{fffd}').count()
}

fn fffd(text: &str) -> usize {
    text.chars().filter(|c| *c == '\u{fffd}').count()
}

/// The charset that the bytes look like.
fn guessed(bytes: &[u8]) -> &'static Encoding {
    let mut detector = chardetng::EncodingDetector::new(chardetng::Iso2022JpDetection::Allow);
    detector.feed(&bytes[..bytes.len().min(GUESS_BYTES)], true);
    detector.guess(None, chardetng::Utf8Detection::Allow)
}

fn guess(bytes: &[u8]) -> (Cow<'_, str>, String) {
    let mut encoding = guessed(bytes);
    let (mut text, faulty) = encoding.decode_without_bom_handling(bytes);
    if faulty && fffd(&text) > 2 {
        encoding = WINDOWS_1252;
        text = encoding.decode_without_bom_handling(bytes).0;
    }
    (text, encoding.name().to_lowercase())
}

/// Czech, Polish, Turkish and their like that are said to be western: their letters are letters there, too, but not those
/// that stand together in any western language. A few prove nothing; names have such.
fn eastern(declared: &'static Encoding, bytes: &[u8]) -> Option<&'static Encoding> {
    let letter = |byte: &&u8| matches!(byte, 0x8a | 0x8c | 0x8e | 0x9a | 0x9c | 0x9e | 0x9f | 0xc0..=0xd6 | 0xd8..=0xf6 | 0xf8..);
    let many = bytes.iter().filter(letter).take(4).count() == 4;
    let guess = Some(WINDOWS_1252).filter(|western| many && declared == *western).map(|_| guessed(bytes))?;
    let latin = [WINDOWS_1250, ISO_8859_2, WINDOWS_1254, WINDOWS_1257].contains(&guess);
    (latin && !guess.decode_without_bom_handling(bytes).1).then_some(guess)
}

/// Simplified Chinese that is said to be Big5. GB2312 has no second byte below 0xA1, four in ten of Big5's are; and some
/// of its frequent characters are symbols (from 0xC7 on) and rare ones (from 0xC9 on) there.
fn simplified(declared: &'static Encoding, bytes: &[u8]) -> Option<&'static Encoding> {
    if declared != BIG5 {
        return None;
    }
    let (mut pairs, mut rare) = (0, 0);
    let mut rest = bytes[..bytes.len().min(GUESS_BYTES)].iter();
    while let Some(first) = rest.next() {
        if first.is_ascii() {
            continue;
        }
        if rest.next().is_some_and(|second| *second < 0xa1) {
            return None;
        }
        pairs += 1;
        rare += usize::from(*first >= 0xc7);
    }
    (pairs >= 8 && rare * 8 >= pairs && !GB18030.decode_without_bom_handling(bytes).1).then_some(GB18030)
}

/// A label as it may stand in an oddity: short, printable.
fn shown(label: &str) -> String {
    label.chars().filter(|c| c.is_ascii_graphic()).take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], label: Option<&str>, expected: &str, repaired: bool) {
        let (text, oddity) = decode(bytes, label);
        assert_eq!(text, expected);
        assert_eq!(oddity.is_some(), repaired, "{oddity:?}");
    }

    #[test]
    fn seven_bits_with_shifts() {
        check(b"\x1b$)C\x0e>H3g\x0f 48213\nabc", Some("ISO-2022-KR"), "안녕 48213\nabc", false);
        check(b"~{Dz:C~} 48213 ~~", Some("hz-gb-2312"), "您好 48213 ~", false);
        check("plain £".as_bytes(), Some("iso-2022-kr"), "plain £", true);
    }

    #[test]
    fn simplified_chinese_that_is_said_to_be_big5() {
        for text in ["你好,活动 48213 的报告是空的,请尽快处理。谢谢!", "广告活动没有点击,请检查一下设置,我们很着急"]
        {
            check(&GB18030.encode(text).0, Some("big5"), text, true);
        }
        for text in [
            "您好,活動 48213 的報告是空的,請盡快處理。謝謝!",
            "廣告活動沒有點擊,請檢查一下設定,我們很著急",
            "王小明,台北市信義區",
        ] {
            check(&BIG5.encode(text).0, Some("big5"), text, false);
        }
    }

    #[test]
    fn eastern_latin_that_is_said_to_be_western() {
        for (charset, text) in [
            (WINDOWS_1250, "kampaň 48213 neběží"),
            (WINDOWS_1250, "kampania 48213 nie działa od poniedziałku, proszę o sprawdzenie"),
            (WINDOWS_1250, "Kampanja ne radi, molim provjerite što se događa, žurno je već četvrti dan"),
            (WINDOWS_1254, "kampanya çalışmıyor"),
        ] {
            check(&charset.encode(text).0, Some("iso-8859-1"), text, true);
        }
        for text in [
            "Où est passé le rapport ? Ça ne va pas, c'est très gênant, à bientôt",
            "La campaña no tiene clics desde el miércoles, ¿pueden mirar qué pasó? Señor Muñoz",
            "A campanha não está funcionando, não há cliques, verifiquem a situação",
            "größere Störung für Müller, läuft nicht, bitte prüfen",
            "La campagna non funziona più, perché? È già così, metà città",
            "Kampagnen kører ikke, på grund af en fejl, Søren Ærø på Ærø",
            "Herferðin virkar ekki síðan á mánudag, getið þið skoðað þetta, Þór Sigurðsson",
            "Väinö Hämäläinen, Jyväskylä: ei ole näkynyt",
            "Núria, què passa? Gràcies, això és urgent",
            "André Gagné, Zoë Brontë, José Muñoz, Åsa Öberg",
            "ÄÖÜ äöü ß, Größe 3×4 m²",
            "£500 in May, £600 in June, £700 in July, £800 since",
            "½ or ¼, ¾ at most, ¥5",
        ] {
            check(&WINDOWS_1252.encode(text).0, Some("iso-8859-1"), text, false);
        }
    }

    #[test]
    fn declared_charsets_are_read_as_declared() {
        check(b"plain", None, "plain", false);
        check("Grüße".as_bytes(), Some("UTF-8"), "Grüße", false);
        check(b"Gr\xfc\xdfe", Some("iso-8859-1"), "Grüße", false);
        check(b"\xf0\xd2\xc9\xd7\xc5\xd4", Some("koi8-r"), "Привет", false);
        check(b"\xcf\xf0\xe8\xe2\xe5\xf2", Some("windows-1251"), "Привет", false);
        check(b"\xc4\xe3\xba\xc3", Some("gb2312"), "你好", false);
        check(b"\xa7A\xa6n", Some("big5"), "你好", false);
        check(b"\x1b$B$3$s\x1b(B", Some("iso-2022-jp"), "こん", false);
        check(b"Gr+APwA3w-e", Some("utf-7"), "Grüße", true);
        check(b"l\x84uft nicht", Some("ibm850"), "läuft nicht", false);
    }

    #[test]
    fn wrong_and_missing_labels_are_repaired() {
        check("Grüße aus Köln".as_bytes(), Some("iso-8859-1"), "Grüße aus Köln", true);
        check("Grüße".as_bytes(), None, "Grüße", true);
        check(b"Viele Gr\xfc\xdfe aus K\xf6ln", Some("utf-8"), "Viele Grüße aus Köln", true);
        check(b"Viele Gr\xfc\xdfe", Some("x-unknown"), "Viele Grüße", true);
        check("漢字かな交じり文".as_bytes(), Some("us-ascii"), "漢字かな交じり文", true);
        check(b"\x1b$B$3$s\x1b(B", None, "こん", true);
    }

    #[test]
    fn labels_that_decode_are_doubted_for_what_nobody_writes() {
        let text = "您好，我們的活動沒有顯示點擊，請盡快處理，謝謝您的幫助";
        check(&BIG5.encode(text).0, Some("gb2312"), text, true);
        let text = "Здравствуйте, кампания не показывает клики, посмотрите";
        check(&encoding_rs::KOI8_R.encode(text).0, Some("windows-1251"), text, true);
        check(&encoding_rs::WINDOWS_1251.encode(text).0, Some("koi8-r"), text, true);
        let text = "Kampania nie pokazuje kliknięć, włącznie z późną żółtą, proszę o pomoc, dziękuję";
        check(&ISO_8859_2.encode(text).0, Some("iso-8859-1"), text, true);
        for (encoding, text) in [
            (WINDOWS_1252, "¿Cuántos m³ caben? El año 2025, 1ª fila, señor Núñez; ½ kg à 3 €"),
            (encoding_rs::WINDOWS_1251, "ПРИВЕТ из МТС, iPhone и МакДональдс, ООО «Ромашка»"),
            (encoding_rs::WINDOWS_1251, "КАМПАНИЯ НЕ ПОКАЗЫВАЕТ КЛИКИ, ПОСМОТРИТЕ ПОЖАЛУЙСТА"),
            (GB18030, "您好，我们的活动没有显示点击"),
        ] {
            check(&encoding.encode(text).0, Some(encoding.name()), text, false);
        }
    }

    #[test]
    fn cyrillic_under_any_label_of_its_neighbours_is_recognised() {
        use encoding_rs::{ISO_8859_5, ISO_8859_7, KOI8_R, WINDOWS_1251};
        let text = "Проверьте пожалуйста кампанию 22340, клики пропали с понедельника. Спасибо, Ольга Петрова";
        for is in [WINDOWS_1251, KOI8_R, ISO_8859_5] {
            for said in ["iso-8859-1", "us-ascii", "windows-1251", "koi8-r", "iso-8859-5"] {
                let encoded = is.encode(text).0;
                check(&encoded, Some(said), text, Encoding::for_label(said.as_bytes()) != Some(is));
            }
        }
        let text = "Παρακαλώ ελέγξτε την καμπάνια 22340, δεν υπάρχουν κλικ";
        check(&ISO_8859_7.encode(text).0, Some("iso-8859-1"), text, true);
        let text = "Ångström, naïve Größenmaßstäbe, œuvre, ÄÖÜ, «été» à Nîmes, ¿qué?, æøå, 15 °C";
        check(&WINDOWS_1252.encode(text).0, Some("iso-8859-1"), text, false);
    }

    #[test]
    fn repairs_are_told() {
        check("KÃ¼chenwochen und GrÃ¼ÃŸe".as_bytes(), Some("utf-8"), "Küchenwochen und Grüße", true);
        for sound in ["Ihre Mail zeigt Ã¼ statt ü", "São João, Âncora, ÃÂ", "Ã©", "Größe"] {
            check(sound.as_bytes(), Some("utf-8"), sound, false);
        }
        check(b"\x1b$B$3$s\x1b(B", Some("us-ascii"), "こん", true);
        check(b"a\x1b[2Jb", Some("us-ascii"), "a\x1b[2Jb", false);
        check(b"\xff\xfen\0o\0", None, "no", true);
        check(b"\xff\xfen\0o\0", Some("utf-16"), "no", false);
    }

    #[test]
    fn utf_16_is_told_by_its_zeros() {
        let text = "Hello, campaign 48213 shows no clicks since Monday.\r\nGr\u{fc}\u{df}e";
        let wide = |order: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(order).collect::<Vec<u8>>();
        for label in [None, Some("us-ascii"), Some("utf-8"), Some("iso-8859-1")] {
            check(&wide(u16::to_le_bytes), label, text, true);
            check(&wide(u16::to_be_bytes), label, text, true);
        }
        // The mark's bytes are letters elsewhere, and a zero alone makes no UTF-16.
        check(b"\xff\xfeber uns: die Kampagne", Some("x-unknown"), "\u{ff}\u{fe}ber uns: die Kampagne", true);
        check(b"no\0 clicks since Monday", None, "no\0 clicks since Monday", false);
        check(b"\0\0\0\0\0\0\0\0\0\0", None, "\0\0\0\0\0\0\0\0\0\0", false);
    }

    #[test]
    fn lines_of_another_charset_are_read_by_themselves() {
        let mixed =
            ["Grüße aus Köln, Straße gesperrt.\n".as_bytes(), b"F\xfcr die \xdcbergr\xf6\xdfe f\xe4llt M\xfcll an.\n"]
                .concat();
        for label in [Some("utf-8"), None] {
            check(&mixed, label, "Grüße aus Köln, Straße gesperrt.\nFür die Übergröße fällt Müll an.\n", true);
        }
    }

    #[test]
    fn damage_is_kept_as_damage() {
        let (text, oddity) = decode(b"\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82 \xff", Some("utf-8"));
        assert!(text.starts_with("Привет") && oddity.is_some());
    }
}
