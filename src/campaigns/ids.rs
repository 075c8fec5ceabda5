//! What Campaign IDs look like, learned from the directory's ids, and which campaign an ID belongs to.
//!
//! Spelling (case, hyphens, spaces) never decides which campaign is meant unless two ids
//! differ by nothing else; then only the exact spelling does.

use std::collections::{HashMap, HashSet};

use foldhash::fast::FixedState;
use hashbrown::HashTable;

use super::Campaign;
use super::fold::compact;
use super::table::hash;

/// What is known of a shape without separators and case.
#[derive(Debug, Clone)]
pub(super) struct Form {
    pub(super) count: usize,
    /// How the separators stand: an id of the shape.
    example: String,
    /// The letters before the first digit, some of them when there are too many to be telling, with an id of each.
    pub(super) prefixes: HashMap<String, String, FixedState>,
    pub(super) many: bool,
}

/// The directory's ids, indexed.
#[derive(Debug, Default)]
pub struct Ids {
    exact: HashTable<u32>,
    compacted: HashTable<u32>,
    /// What stands behind the letters that ids open with, when it is of one campaign only.
    cores: HashTable<u32>,
    /// Compact forms that several ids share.
    twins: HashSet<String, FixedState>,
    /// Digits shared by ids of several openings: they name none of them.
    shared_cores: HashSet<String, FixedState>,
    forms: HashMap<String, Form, FixedState>,
    /// First words of ids that open with letters.
    openings: HashSet<String, FixedState>,
    /// Some ids hold no digit.
    pub letters_only: bool,
    /// The longest compact id, in bytes.
    pub longest: usize,
    /// The longest letters that open an id.
    pub longest_opening: usize,
    /// Lengths of all-digit ids: bit n for n digits.
    pub digit_lengths: u64,
    /// Lengths of all ids without their separators: bit n for n characters, the last for all that are longer.
    pub(super) lengths: u64,
    /// The same in bytes.
    sizes: u64,
    /// Lengths of what stands behind the letters that ids open with.
    core_lengths: u64,
    /// Lengths at which letters and digits stand in many different places.
    jumbled: u64,
}

/// An id in the spelling that does not matter.
pub(super) fn compacted(id: &str) -> String {
    let mut out = String::with_capacity(id.len());
    compact(id, &mut out);
    out
}

/// What stands behind the letters or the year that open a compact id: three digits or more, or a mixture that is no word
/// and no number.
fn core(compact: &str) -> Option<&str> {
    let year = compact.starts_with("19") || compact.starts_with("20");
    let behind_year = compact.get(4..).filter(|rest| year && rest.starts_with(|c: char| c.is_ascii_alphabetic()));
    let rest = behind_year.unwrap_or_else(|| compact.trim_start_matches(|c: char| c.is_ascii_alphabetic()));
    let digits = rest.bytes().filter(u8::is_ascii_digit).count();
    let mixed = (5..=16).contains(&rest.len()) && digits >= 2 && rest.is_ascii();
    let telling = rest.len() < compact.len() && if digits == rest.len() { digits >= 3 } else { mixed };
    telling.then_some(rest)
}

/// The class of each character, written into `buffer`: 9 a digit, a a letter. Empty for what is too long to be an id.
pub(super) fn form<'a>(compact: &str, buffer: &'a mut [u8; 192]) -> &'a str {
    let hex = compact.len() == 32 && compact.bytes().all(|b| b.is_ascii_hexdigit());
    if hex {
        return "uuid";
    }
    let mut length = 0;
    for c in compact.chars() {
        let Some(slot) = buffer.get_mut(length) else { return "" };
        *slot = if c.is_ascii_digit() { b'9' } else { b'a' };
        length += 1;
    }
    std::str::from_utf8(&buffer[..length]).unwrap_or_default()
}

/// Whether a set of lengths has this one.
pub(super) fn has(lengths: u64, length: usize) -> bool {
    lengths >> length.min(63) & 1 == 1
}

pub(super) fn opening(compact: &str) -> &str {
    let end = compact.find(|c: char| c.is_ascii_digit()).unwrap_or(compact.len());
    &compact[..end]
}

impl Ids {
    /// Indexes the ids. Of ids that are equal to the letter the first counts.
    pub fn build(campaigns: &[Campaign]) -> Ids {
        let mut ids = Ids {
            exact: HashTable::with_capacity(campaigns.len()),
            compacted: HashTable::with_capacity(campaigns.len()),
            ..Ids::default()
        };
        let mut buffer = String::new();
        let mut with_cores = vec![];
        for (row, campaign) in campaigns.iter().enumerate() {
            let row32 = row as u32;
            let key = hash(campaign.id.as_bytes());
            if ids.exact.find(key, |r| campaigns[*r as usize].id == campaign.id).is_some() {
                continue;
            }
            ids.exact.insert_unique(key, row32, |r| hash(campaigns[*r as usize].id.as_bytes()));
            buffer.clear();
            compact(&campaign.id, &mut buffer);
            if buffer.is_empty() {
                continue;
            }
            let key = hash(buffer.as_bytes());
            if ids.compacted.find(key, |r| compacted(&campaigns[*r as usize].id) == buffer).is_some() {
                ids.twins.insert(buffer.clone());
            } else {
                ids.compacted.insert_unique(key, row32, |r| hash(compacted(&campaigns[*r as usize].id).as_bytes()));
            }
            ids.longest = ids.longest.max(buffer.len());
            ids.lengths |= 1 << buffer.chars().count().min(63);
            ids.sizes |= 1 << buffer.len().min(63);
            let digits = buffer.bytes().all(|b| b.is_ascii_digit());
            if digits {
                ids.digit_lengths |= 1 << buffer.len().min(63);
            } else if !buffer.bytes().any(|b| b.is_ascii_digit()) {
                ids.letters_only = true;
            }
            ids.learn(&campaign.id, &buffer, digits);
            if core(&buffer).is_some() {
                with_cores.push(row32);
            }
        }
        let mut mixed = [0u32; 64];
        ids.forms.keys().filter(|form| form.contains('a') && form.contains('9')).for_each(|form| {
            mixed[form.len().min(63)] += 1;
        });
        ids.jumbled = (4..63).filter(|length| mixed[*length] >= 4).fold(0, |bits, length| bits | 1 << length);
        ids.cores = HashTable::with_capacity(with_cores.len());
        let core_of = |row: u32| compacted(&campaigns[row as usize].id);
        for row in with_cores {
            let whole = core_of(row);
            let Some(digits) = core(&whole) else { continue };
            let key = hash(digits.as_bytes());
            ids.core_lengths |= 1 << digits.len().min(63);
            if ids.cores.find(key, |r| core(&core_of(*r)) == Some(digits)).is_some() {
                ids.shared_cores.insert(digits.to_owned());
            } else {
                ids.cores.insert_unique(key, row, |r| hash(core(&core_of(*r)).unwrap_or_default().as_bytes()));
            }
        }
        ids
    }

    fn learn(&mut self, id: &str, compact: &str, digits: bool) {
        let mut buffer = [0; 192];
        let shape = form(compact, &mut buffer);
        let entry = match self.forms.get_mut(shape) {
            Some(entry) => entry,
            None => self.forms.entry(shape.to_owned()).or_insert_with(|| Form {
                count: 0,
                example: id.to_owned(),
                prefixes: HashMap::default(),
                many: false,
            }),
        };
        entry.count += 1;
        if digits {
            return;
        }
        let opening = opening(compact);
        if !entry.many && !entry.prefixes.contains_key(opening) {
            entry.prefixes.insert(opening.to_owned(), id.to_owned());
            entry.many = entry.prefixes.len() > 64;
        }
        // Of "rtl.eu.20418" the word "rtl" opens an ID as "rtleu" does.
        let word = id.split(|c: char| !c.is_alphanumeric()).find(|word| !word.is_empty()).map_or(0, str::len);
        let first = opening.get(..word).unwrap_or(opening);
        for opening in [opening, first] {
            if self.openings.len() < 10_000 && !opening.is_empty() && !self.openings.contains(opening) {
                self.longest_opening = self.longest_opening.max(opening.len());
                self.openings.insert(opening.to_owned());
            }
        }
    }

    /// The campaign with exactly this id.
    pub fn exact(&self, id: &str, campaigns: &[Campaign]) -> Option<u32> {
        self.exact.find(hash(id.as_bytes()), |row| campaigns[*row as usize].id == id).copied()
    }

    /// Whether some id is as long as this: most words and numbers end here.
    pub fn may_be(&self, compact: &str) -> bool {
        has(self.sizes, compact.len())
    }

    /// The campaign whose id is this, whatever its spelling. `written` decides between ids that differ by spelling only.
    pub fn find(&self, compact: &str, written: &str, campaigns: &[Campaign]) -> Option<u32> {
        if !self.may_be(compact) {
            return None;
        }
        if !self.twins.is_empty() && self.twins.contains(compact) {
            return self.exact(written, campaigns);
        }
        self.compacted.find(hash(compact.as_bytes()), |row| same(&campaigns[*row as usize].id, compact)).copied()
    }

    /// The campaign whose id has this behind its letters, when no other has.
    pub fn by_core(&self, digits: &str, campaigns: &[Campaign]) -> Option<u32> {
        if !has(self.core_lengths, digits.len()) || self.shared_cores.contains(digits) {
            return None;
        }
        let is = |row: &u32| core(&compacted(&campaigns[*row as usize].id)) == Some(digits);
        self.cores.find(hash(digits.as_bytes()), is).copied()
    }

    /// Whether a folded word may open an id that does not open with a digit.
    pub fn opens(&self, word: &str) -> bool {
        self.openings.contains(word)
    }

    /// Whether no id of the directory opens with letters.
    pub fn openings_empty(&self) -> bool {
        self.openings.is_empty()
    }

    /// Whether some id has these letters and digits in these places, whatever the letters.
    pub fn form_known(&self, compact: &str) -> bool {
        self.form(compact).is_some()
    }

    /// These digits behind the letters that ids with so many digits open with, where all of them open alike.
    pub fn completed(&self, digits: &str) -> Option<String> {
        let behind_letters = |shape: &str| shape.trim_start_matches('a').len() == digits.len();
        let fitting = self.forms.iter().filter(|(shape, form)| behind_letters(shape) && !form.prefixes.is_empty());
        let mut openings = fitting.flat_map(|(_, form)| form.prefixes.keys());
        let opening = openings.next()?;
        openings.next().is_none().then(|| format!("{opening}{digits}"))
    }

    /// Whether this may be the beginning of a UUID, where the directory has such ids.
    pub fn part_of_uuid(&self, compact: &str) -> bool {
        let hex = compact.len() >= 8 && compact.bytes().all(|b| b.is_ascii_hexdigit());
        hex && self.forms.contains_key("uuid") && !compact.bytes().all(|b| b.is_ascii_digit())
    }

    /// Whether an unknown id of a known shape is written as the directory writes such ids, with separators between its parts.
    pub fn spelled_so(&self, compact: &str, written: &str) -> bool {
        let parted = written.contains(|c: char| !c.is_alphanumeric());
        parted && self.fits(compact) && self.spelled(compact, written).eq_ignore_ascii_case(written)
    }

    /// Whether this has letters, digits and separators where ids of the directory have them, whatever the letters.
    pub fn parted_so(&self, compact: &str, written: &str) -> bool {
        let digits = compact.bytes().filter(u8::is_ascii_digit).count();
        let alike = |(a, b): (char, char)| a == b || a.is_alphanumeric() && b.is_alphanumeric();
        let parted = digits >= 3 && compact.len() >= digits + 2 && written.contains(|c: char| !c.is_alphanumeric());
        let shape = self.form(compact).filter(|_| parted).map(|form| &form.example);
        shape.is_some_and(|id| id.len() == written.len() && id.chars().zip(written.chars()).all(alike))
    }

    /// "C-H4Q7Z": whether this has the form of ids of the directory, opens as one of them before its first separator, and has
    /// that in the same place, whatever stands behind.
    pub fn headed_so(&self, compact: &str, written: &str) -> bool {
        let head = |id: &str| id.find(|c: char| !c.is_alphanumeric());
        let Some((form, at)) = self.form(compact).zip(head(written)) else { return false };
        let alike = |id: &String| {
            let same = id.get(..at).zip(written.get(..at)).is_some_and(|(a, b)| a.eq_ignore_ascii_case(b));
            id.len() == written.len() && head(id) == Some(at) && same
        };
        alike(&form.example) || form.prefixes.values().any(alike)
    }

    pub(super) fn form(&self, compact: &str) -> Option<&Form> {
        let may_be = has(self.lengths, compact.len()) || !compact.is_ascii();
        if may_be { self.forms.get(form(compact, &mut [0; 192])) } else { None }
    }

    /// Whether an unknown compact id has a shape of the directory: class of characters, and letters in front known.
    pub fn fits(&self, compact: &str) -> bool {
        self.form(compact)
            .is_some_and(|form| form.many || form.prefixes.is_empty() || form.prefixes.contains_key(opening(compact)))
    }

    /// "GL2Q5G6": whether it is as long as ids in which letters and digits stand anywhere, and such a mixture.
    pub fn jumbled(&self, compact: &str) -> bool {
        let digits = compact.bytes().filter(u8::is_ascii_digit).count();
        let length = has(self.jumbled, compact.len());
        length && digits >= 2 && digits < compact.len() && compact.is_ascii()
    }

    /// Whether an id of this shape can be told from other numbers without a label: letters and digits, enough of both.
    pub fn telling(&self, compact: &str) -> bool {
        let digits = compact.bytes().filter(u8::is_ascii_digit).count();
        let letters = compact.len() - digits;
        (letters >= 2 && digits >= 3 || letters >= 1 && digits >= 4 || compact.len() == 32) && self.fits(compact)
    }

    /// An unknown id spelled as the directory spells ids of its shape that open alike; as written when it has none.
    pub fn spelled(&self, compact: &str, written: &str) -> String {
        let Some(form) = self.form(compact) else { return written.to_owned() };
        if compact.bytes().all(|b| b.is_ascii_digit()) && form.example.bytes().all(|b| b.is_ascii_digit()) {
            return compact.to_owned();
        }
        let alike = form.prefixes.get(opening(compact));
        if alike.is_none() && !form.many && written.contains(|c: char| !c.is_alphanumeric()) {
            return written.to_owned();
        }
        let mut rest = compact.chars();
        let mut out = String::new();
        for c in alike.unwrap_or(&form.example).chars() {
            if c.is_alphanumeric() {
                match rest.next() {
                    Some(next) if c.is_uppercase() => out.extend(next.to_uppercase()),
                    Some(next) => out.push(next),
                    None => return written.to_owned(),
                }
            } else {
                out.push(c);
            }
        }
        if rest.next().is_some() { written.to_owned() } else { out }
    }
}

/// Whether an id is this when spelled without case and separators.
fn same(id: &str, compact: &str) -> bool {
    if id.is_ascii() {
        let letters = id.bytes().filter(u8::is_ascii_alphanumeric).map(|b| b.to_ascii_lowercase());
        return letters.eq(compact.bytes());
    }
    compacted(id) == compact
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory(ids: &[&str]) -> (Vec<Campaign>, Ids) {
        let campaigns: Vec<Campaign> =
            ids.iter().map(|id| Campaign { id: (*id).into(), ..Campaign::default() }).collect();
        let ids = Ids::build(&campaigns);
        (campaigns, ids)
    }

    #[test]
    fn learns_shapes() {
        let (_, ids) = directory(&["48213", "48231", "ACQ-2024-0117", "ACQ-2024-0118"]);
        assert!(ids.fits("48123") && !ids.fits("481") && ids.fits("acq20259999") && !ids.fits("foo20259999"));
        assert_eq!(ids.spelled("acq20259999", "acq 2025 9999"), "ACQ-2025-9999");
        let parted = |written: &str| ids.parted_so(&compacted(written), written);
        assert!(parted("AQC-2024-0117") && !parted("AQC2024-0117") && !parted("AQC-2024-117"));
    }

    #[test]
    fn finds_whatever_the_spelling() {
        let (campaigns, ids) = directory(&["CMP-1042330", "cmp-77", "CMP-77", "XY-55512", "AB-55512"]);
        let find = |written: &str| ids.find(&compacted(written), written, &campaigns);
        assert_eq!((find("cmp 1042330"), find("CMP1042330")), (Some(0), Some(0)));
        assert_eq!((find("cmp-77"), find("CMP-77"), find("Cmp77")), (Some(1), Some(2), None));
        assert_eq!((ids.by_core("1042330", &campaigns), ids.by_core("55512", &campaigns)), (Some(0), None));
    }
}
