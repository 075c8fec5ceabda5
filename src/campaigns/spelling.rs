//! When two folded words are the same but for spelling: plural, ending, umlaut, typo.
//!
//! Compares words only; bounded by the longest word that is compared.

use super::fold::compact;

/// A word without the plural's s: what the vocabulary holds.
#[inline]
pub fn singular(word: &str) -> &str {
    let bytes = word.as_bytes();
    match bytes {
        [.., before, b's'] if bytes.len() > 3 && !matches!(before, b's' | b'u' | b'i') && !before.is_ascii_digit() => {
            &word[..word.len() - 1]
        }
        _ => word,
    }
}

/// A word without the endings of other cases and numbers: "Kreuzfahrten", the cruise of "Kreuzfahrt".
pub fn uninflected(word: &str) -> impl Iterator<Item = &str> {
    let endings = ["en", "er", "es", "e", "n"].into_iter();
    endings.filter_map(move |end| word.strip_suffix(end)).filter(|stem| stem.len() >= 5)
}

/// What may be other cases of a folded word, by the endings of its language; the first for which `found` has something.
pub fn other_case<T>(word: &str, endings: &[String], mut found: impl FnMut(&str) -> Option<T>) -> Option<T> {
    let mut other = String::with_capacity(word.len() + 8);
    for own in endings {
        let Some(stem) = word.strip_suffix(own.as_str()).filter(|stem| bears(stem, own)) else { continue };
        for ending in endings.iter().filter(|ending| bears(stem, ending)) {
            other.clear();
            other.push_str(stem);
            other.push_str(ending);
            if let Some(found) = found(&other) {
                return Some(found);
            }
        }
    }
    None
}

/// Whether two folded words are cases of one word: a common stem, and endings of its language behind it.
pub fn declines(a: &str, b: &str, endings: &[String]) -> bool {
    let stem = a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    let Some(common) = a.get(..stem) else { return false };
    let ends = |word: &str| word.get(stem..).is_some_and(|end| bears(common, end) && endings.iter().any(|e| e == end));
    ends(a) && ends(b)
}

/// Whether a stem is long enough to be told with this ending behind it.
fn bears(stem: &str, ending: &str) -> bool {
    let letters = |word: &str| if word.is_ascii() { word.len() } else { word.chars().count() };
    letters(stem) >= 4.max(letters(ending) + 1)
}

/// "koeln" for "Köln", and the other way round: a folded word as those write it who have, or have not, the letter.
#[inline]
pub fn transliterated(word: &str, written: &str) -> Option<String> {
    // Most words have none.
    let has_one = match written.is_ascii() {
        true => word.bytes().any(umlauts()),
        false => written.contains(['ä', 'ö', 'ü', 'ø', 'Ä', 'Ö', 'Ü', 'Ø']),
    };
    if has_one { written_otherwise(word, written) } else { None }
}

/// Whether a byte is the e that makes the letter before it an umlaut, asked of one after the other.
fn umlauts() -> impl FnMut(u8) -> bool {
    let mut before = 0;
    move |byte| {
        let last = std::mem::replace(&mut before, byte);
        byte == b'e' && matches!(last, b'a' | b'o' | b'u')
    }
}

/// The same of a word that has an umlaut, as one letter or as two.
fn written_otherwise(word: &str, written: &str) -> Option<String> {
    if written.is_ascii() {
        let mut umlaut = umlauts();
        return Some(word.chars().filter(|c| !umlaut(*c as u8)).collect());
    }
    let mut other = String::with_capacity(word.len() + 4);
    for c in written.chars() {
        match c {
            'ä' | 'Ä' => other.push_str("ae"),
            'ö' | 'ø' | 'Ö' | 'Ø' => other.push_str("oe"),
            'ü' | 'Ü' => other.push_str("ue"),
            c => compact(c.encode_utf8(&mut [0; 4]), &mut other),
        }
    }
    (other != word).then_some(other)
}

/// Where a British spelling has the letter that the American one drops or writes as z: "harbour", "organised". "Theatre" and
/// "theater" have the same letters.
pub fn dropped_in_american(word: &str) -> Option<usize> {
    if word.len() < 6 || !word.is_ascii() {
        return None;
    }
    if word.ends_with("our") {
        return Some(word.len() - 2);
    }
    let endings = ["ise", "ised", "iser", "ising", "isation", "yse", "ysed", "ysing"];
    endings.into_iter().find(|end| word.ends_with(end)).map(|end| word.len() - end.len() + 1)
}

/// Edits between two words (insertion, deletion, substitution, transposition of neighbours), or `None` above `most`.
pub fn edits(a: &str, b: &str, most: usize) -> Option<usize> {
    if a.len().abs_diff(b.len()) > 4 * most {
        return None;
    }
    let mut left = [char::MIN; 40];
    let mut right = [char::MIN; 40];
    let n = fill(a, &mut left)?;
    let m = fill(b, &mut right)?;
    if n.abs_diff(m) > most {
        return None;
    }
    let (mut older, mut old, mut new) = ([0u8; 41], [0u8; 41], [0u8; 41]);
    for (j, cell) in old.iter_mut().enumerate().take(m + 1) {
        *cell = j as u8;
    }
    for i in 1..=n {
        new[0] = i as u8;
        let mut best = new[0];
        for j in 1..=m {
            let same = left[i - 1] == right[j - 1];
            let mut cost = (old[j - 1] + u8::from(!same)).min(old[j] + 1).min(new[j - 1] + 1);
            if i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1] {
                cost = cost.min(older[j - 2] + 1);
            }
            new[j] = cost;
            best = best.min(cost);
        }
        if usize::from(best) > most {
            return None;
        }
        older = old;
        old = new;
    }
    let distance = usize::from(old[m]);
    (distance <= most).then_some(distance)
}

/// Longer words than the buffer are not compared.
fn fill(word: &str, buffer: &mut [char; 40]) -> Option<usize> {
    let mut n = 0;
    for c in word.chars() {
        *buffer.get_mut(n)? = c;
        n += 1;
    }
    Some(n)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spells_otherwise() {
        let other = |word: &str, written: &str| transliterated(word, written);
        assert_eq!(other("koln", "Köln").as_deref(), Some("koeln"));
        assert_eq!(other("koeln", "Koeln").as_deref(), Some("koln"));
        assert_eq!((other("ete", "été"), other("sale", "Sale")), (None, None));
        let endings = ["", "a", "ow", "y", "i"].map(str::to_owned);
        let declines = |a: &str, b: &str| declines(a, b, &endings);
        assert!(declines("listow", "listy") && !declines("leads", "leader") && !declines("sale", "sali"));
        let dropped = ["harbour", "organised", "hour", "rise", "theatre"].map(dropped_in_american);
        assert_eq!(dropped, [Some(5), Some(6), None, None, None]);
        assert_eq!(uninflected("kreuzfahrten").collect::<Vec<_>>(), ["kreuzfahrt", "kreuzfahrte"]);
    }

    #[test]
    fn counts_edits() {
        assert_eq!(edits("moroco", "morocco", 2), Some(1));
        assert_eq!(edits("dessert", "desert", 1), Some(1));
        assert_eq!(edits("48123", "48213", 1), Some(1));
        assert_eq!(edits("abcdef", "fedcba", 2), None);
        assert_eq!(edits("", "ab", 2), Some(2));
    }
}
