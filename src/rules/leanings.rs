//! Leanings: what single words say of the topics, each too little to be a signal; `leanings.csv`, a row a word, a column a
//! topic. Learned by `rules lean` from labelled history, beside the signals that people write; open to anybody's editor.
//!
//! Never speaks of a word that a hand-written phrase would lose by it: compounds are read as their parts, whatever stands here.

use std::collections::{BTreeSet, HashSet};

use super::compile::Compiled;
use super::judge::{OTHER, factor, forwarded_factor, rounded};
use super::lexicon::Lexicon;
use super::numbering::Lists;
use super::scan::{Scan, Spot};
use super::sheet::nearest;
use crate::campaigns::load::{line_of, separator};
use crate::config::fault::Fault;
use crate::request::evidence::Evidence;

/// The file.
pub const FILE: &str = "leanings.csv";

/// Points that all leanings together may come to between two topics.
pub const MOST_LEANT: f64 = 6.0;
/// Points by which they may put a topic behind `other`: greetings and thanks are many, and a matter is soon said. A strong
/// signal still reaches its threshold.
pub const MOST_TO_OTHER: f64 = 3.0;
/// Points beyond which nothing more is said by a single word.
pub const MOST_SAID: f32 = 12.0;
/// Points of a single word's leaning that are worth telling, and how many such words are told.
const TOLD: f32 = 1.0;
const MOST_TOLD: usize = 4;

/// What single words say.
#[derive(Debug, Default)]
pub struct Leanings {
    /// Word number → the topics that it speaks for or against, with its points.
    by_word: Lists<(u16, f32)>,
    /// The topics of which any word says anything: others are not learned yet.
    learned: BTreeSet<u16>,
}

/// A row as written.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The word.
    pub word: String,
    /// Its line.
    pub line: usize,
    /// Topics, by index, with points.
    pub points: Vec<(u16, f32)>,
}

/// A word of a request that leans to some topic.
#[derive(Debug, Clone, Copy)]
pub struct Leans<'c> {
    /// Topics, by index, with points.
    pub says: &'c [(u16, f32)],
    /// How much of them counts where it stands.
    pub factor: f64,
    /// Where.
    pub spot: Spot,
}

/// A row that does not count as it stands: its word, its line, and how.
pub type Idle = (String, usize, &'static str);

impl Leanings {
    /// Gives the words of the rows numbers; those of phrases keep theirs. To be called after the last phrase.
    pub fn new(rows: &[Row], lexicon: &mut Lexicon) -> (Leanings, Vec<Idle>) {
        let mut idle = vec![];
        let mut pairs: Vec<(u32, (u16, f32))> = vec![];
        let mut taken = HashSet::new();
        for row in rows {
            match lexicon.adopt(&row.word) {
                Some(id) if taken.insert(id) => {
                    pairs.extend(row.points.iter().map(|point| (id, *point)));
                    let over = row.points.iter().any(|(_, points)| points.abs() > MOST_SAID);
                    idle.extend(
                        over.then(|| (row.word.clone(), row.line, "counts as 6 points at most, as all words do")),
                    );
                }
                Some(_) => idle.push((
                    row.word.clone(),
                    row.line,
                    "never counts: a row above has the same word or a form of it",
                )),
                None => idle.push((row.word.clone(), row.line, "never counts: it is read as several words")),
            }
        }
        let learned = pairs.iter().map(|(_, (topic, _))| *topic).collect();
        (Leanings { by_word: Lists::of_pairs(lexicon.len(), pairs), learned }, idle)
    }

    /// What a word says: topics with points.
    pub fn of(&self, word: u32) -> &[(u16, f32)] {
        if (word as usize) < self.by_word.len() { &self.by_word[word as usize] } else { &[] }
    }
}

impl Compiled {
    /// What all words lean to together: points of each topic beside those of `other`. No topic falls more than
    /// [`MOST_LEANT`] behind another by them, nor more than [`MOST_TO_OTHER`] behind `other`: what people wrote about
    /// stronger signals holds. `signalled`: the points of every topic by signals.
    pub fn leant(&self, scan: &Scan<'_>, leans: &[Leans<'_>], signalled: &[f64]) -> Vec<f64> {
        let mut points = vec![0.0; self.topics.len()];
        for word in leans {
            word.says.iter().for_each(|(topic, of)| points[usize::from(*topic)] += f64::from(*of) * word.factor);
        }
        let most = points.iter().copied().fold(0.0, f64::max);
        // Of a topic that somebody has added nothing is known: where a signal speaks for it, it is put behind no other.
        let speaks = |topic: &usize| signalled[*topic] > self.prior(*topic, scan);
        let unlearned = (0..self.topics.len()).filter(|topic| !self.is_learned(*topic) && Some(*topic) != self.other());
        unlearned.filter(speaks).for_each(|topic| points[topic] = most);
        points.iter_mut().for_each(|points| *points = (*points - most).max(-MOST_LEANT));
        let other = self.other().map_or((-most).max(-MOST_LEANT), |other| points[other]);
        points.iter_mut().for_each(|points| *points = (*points - other).max(-MOST_TO_OTHER));
        points
    }

    /// Whether any word speaks for or against a topic.
    pub fn is_learned(&self, topic: usize) -> bool {
        self.leanings.learned.contains(&(topic as u16))
    }

    /// Each word that leans to some topic, once, where it counts most.
    pub fn leaning(&self, scan: &Scan<'_>) -> Vec<Leans<'_>> {
        let forwarded = forwarded_factor(scan.request);
        let mut zones: Vec<(f64, u16)> = (0..)
            .zip(&scan.zones)
            .filter(|(_, read)| !read.meant)
            .map(|(zone, read)| (factor(read.place, forwarded), zone))
            .collect();
        zones.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut seen = vec![0u64; self.net.lexicon.len().div_ceil(64)];
        let mut leans = Vec::with_capacity(scan.words.len());
        for (factor, zone) in zones.into_iter().filter(|(factor, _)| *factor > 0.0) {
            let place = scan.zones[usize::from(zone)].place;
            for word in scan.words_of(usize::from(zone)) {
                let says = self.leanings.of(word.id);
                let (block, bit) = (word.id as usize / 64, 1 << (word.id % 64));
                if says.is_empty() || seen[block] & bit != 0 || scan.is_named(place, word) {
                    continue;
                }
                seen[block] |= bit;
                leans.push(Leans { says, factor, spot: Spot { zone, start: word.start, end: word.end } });
            }
        }
        leans
    }

    /// Of the words that lean, those that lean most to or from a topic, as evidence.
    pub fn leanings_of(&self, topic: u16, leans: &[Leans<'_>], scan: &Scan<'_>) -> Vec<Evidence> {
        let told = leaning_words(topic, leans, TOLD).into_iter().take(MOST_TOLD);
        told.map(|(points, spot)| self.leaning_evidence(topic, scan, points, spot)).collect()
    }

    /// All words that lean to a topic or from it, as evidence.
    pub fn all_leanings_of(&self, topic: u16, scan: &Scan<'_>) -> Vec<Evidence> {
        let all = leaning_words(topic, &self.leaning(scan), 0.0).into_iter();
        all.map(|(points, spot)| self.leaning_evidence(topic, scan, points, spot)).collect()
    }

    fn leaning_evidence(&self, topic: u16, scan: &Scan<'_>, points: f64, spot: Spot) -> Evidence {
        let name = format!("topic.{}.leaning", self.topics[usize::from(topic)].id.0);
        scan.evidence(&name, spot, rounded(points))
    }
}

/// The words whose points for a topic, to or from it, are this many at least, the most first.
fn leaning_words(topic: u16, leans: &[Leans<'_>], least: f32) -> Vec<(f64, Spot)> {
    let points = |word: &Leans<'_>| {
        let (_, points) = word.says.iter().find(|(of, _)| *of == topic)?;
        (*points != 0.0 && points.abs() >= least).then_some((f64::from(*points) * word.factor, word.spot))
    };
    let mut words: Vec<(f64, Spot)> = leans.iter().filter_map(points).collect();
    words.sort_by(|(a, _), (b, _)| b.abs().total_cmp(&a.abs()));
    words
}

/// Reads the file. `topics`: the ids of all topics, in their order; `taken_out`: those whose columns do not count.
pub fn read(text: Option<&str>, topics: &[&str], taken_out: &[&str]) -> (Vec<Row>, Vec<Fault>) {
    let (mut rows, mut faults) = (vec![], vec![]);
    let Some(text) = text else { return (rows, faults) };
    let mut fault = |line: usize, message: String, remedy: String| {
        faults.push(Fault { file: FILE.into(), line, message, remedy });
    };
    let text = text.trim_start_matches('\u{feff}');
    let separator = separator(text.as_bytes());
    let mut builder = csv::ReaderBuilder::new();
    let reader = builder.delimiter(separator).comment(Some(b'#')).flexible(true);
    let mut reader = reader.from_reader(text.as_bytes());
    let headers = match reader.headers() {
        Ok(headers) if headers.get(0).is_some_and(|first| first.trim().eq_ignore_ascii_case("word")) => headers.clone(),
        _ => {
            fault(1, "the first column is not `word`".into(), "begin with a line: word,billing,access,…".into());
            return (rows, faults);
        }
    };
    let mut columns = vec![];
    for name in headers.iter().skip(1).map(str::trim) {
        let index = topics.iter().position(|topic| *topic == name).map(|index| index as u16);
        if name.is_empty() {
            // Spreadsheets leave empty columns behind.
        } else if index.is_some() && columns.contains(&index) {
            fault(1, format!("`{name}` has two columns"), "make one of them, or take one out".into());
        } else if index.is_none() && name == OTHER {
            let remedy = format!("put topics/{OTHER}.toml back: mails that fit nowhere come to it");
            fault(1, format!("there is no topic `{OTHER}`, to which words lean here"), remedy);
        } else if index.is_none() && !taken_out.contains(&name) {
            let free: Vec<&str> =
                topics.iter().copied().filter(|topic| !headers.iter().any(|has| has.trim() == *topic)).collect();
            let remedy = nearest(name, &free)
                .map_or("take the column out, or name it after one of topics/*.toml".to_owned(), |right| {
                    format!("write {right}, or take the column out")
                });
            fault(1, format!("there is no topic `{name}`"), remedy);
        }
        columns.push(index);
    }
    let mut record = csv::StringRecord::new();
    loop {
        match reader.read_record(&mut record) {
            Ok(false) => break,
            Ok(true) => {}
            Err(error) => {
                let line = error.position().map_or(0, |at| at.line() as usize);
                fault(line, format!("no row of a table: {error}"), "save the file as CSV in UTF-8".into());
                continue;
            }
        }
        let line = line_of(record.position(), text.as_bytes());
        let word = record.get(0).unwrap_or_default().trim();
        let cells = record.iter().skip(1).map(str::trim);
        if word.is_empty() && cells.clone().all(str::is_empty) {
            continue;
        }
        if word.contains('\n') {
            let message = "a quotation mark is open, to the end of the file or the next one".into();
            fault(line, message, "take it out, or write it twice".into());
            continue;
        }
        if word.is_empty() || word.contains(char::is_whitespace) {
            fault(
                line,
                format!("`{word}` is not one word"),
                "write single words; phrases belong into a topic's [weights]".into(),
            );
            continue;
        }
        if cells.clone().skip(columns.len()).any(|cell| !cell.is_empty()) {
            let message = format!("`{word}` has more cells than the first line has columns");
            fault(line, message, "give each topic one cell, a number or nothing".into());
            continue;
        }
        let mut points = vec![];
        for (cell, topic) in cells.zip(&columns).filter(|(cell, _)| !cell.is_empty()) {
            // Spreadsheets that part cells with semicolons write `0,5`; some write a minus as long as a plus.
            let cell = cell.replace('\u{2212}', "-");
            let value = if separator == b',' { cell.parse() } else { cell.replace(',', ".").parse::<f32>() };
            match (value, topic) {
                (Ok(value), Some(topic)) if value.is_finite() => points.push((*topic, value)),
                (Ok(value), None) if value.is_finite() => {}
                _ => {
                    fault(line, format!("`{cell}` is no number of points"), "write a number such as 0.5 or -1".into());
                }
            }
        }
        rows.push(Row { word: word.to_owned(), line, points });
    }
    (rows, faults)
}

/// The file with these rows, by word.
pub fn write(mut rows: Vec<Row>, topics: &[&str]) -> String {
    rows.sort_by(|a, b| a.word.cmp(&b.word));
    let mut out = format!("word,{}\n", topics.join(","));
    for row in rows {
        out.push_str(&row.word);
        for topic in 0..topics.len() as u16 {
            out.push(',');
            if let Some((_, points)) = row.points.iter().find(|(of, _)| *of == topic) {
                out.push_str(&format!("{points:.1}"));
            }
        }
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(usize, &str)]) {
        let (_, faults) = read(Some(text), &["billing", "reporting"], &["training"]);
        let got: Vec<(usize, &str)> = faults.iter().map(|fault| (fault.line, fault.message.as_str())).collect();
        assert_eq!(got, expected, "{text}");
    }

    #[test]
    fn what_is_written_is_read_again() {
        let rows = vec![
            Row { word: "Rechnung".into(), line: 2, points: vec![(0, 1.5)] },
            Row { word: "opens".into(), line: 3, points: vec![(0, -0.5), (1, 2.0)] },
        ];
        let text = write(rows.clone(), &["billing", "reporting"]);
        assert_eq!(text, "word,billing,reporting\nRechnung,1.5,\nopens,-0.5,2.0\n");
        assert_eq!(read(Some(&text), &["billing", "reporting"], &[]), (rows, vec![]));
    }

    #[test]
    fn any_spreadsheet_may_have_saved_it() {
        let rows = vec![Row { word: "opens".into(), line: 2, points: vec![(0, -0.5), (1, 2.0)] }];
        for text in [
            "\u{feff}Word;billing;reporting\r\nopens;-0,5;2\r\n;;\r\n",
            "word\tbilling\treporting\nopens\t\u{2212}0.5\t2,0\n",
        ] {
            assert_eq!(read(Some(text), &["billing", "reporting"], &[]), (rows.clone(), vec![]), "{text}");
        }
        let short = read(Some("word,billing,reporting\nopens,1\n"), &["billing", "reporting"], &["training"]);
        assert_eq!(short, (vec![Row { word: "opens".into(), line: 2, points: vec![(0, 1.0)] }], vec![]));
    }

    #[test]
    fn each_fault_has_its_line() {
        check("word,reporting\n# of people\nopens,2\n", &[]);
        check("word,reporting,,\nopens,2,,\n", &[]);
        check("word,reporting,training\nopens,2,-1\n", &[]);
        check("topic,reporting\n", &[(1, "the first column is not `word`")]);
        check("word,other\nopens,2\n", &[(1, "there is no topic `other`, to which words lean here")]);
        check("word,reportng\nopens,2\n", &[(1, "there is no topic `reportng`")]);
        check(
            "word,billing\nopens,much\ntwo words,1\n",
            &[(2, "`much` is no number of points"), (3, "`two words` is not one word")],
        );
        check(
            "word,billing\n\"opens,1\nclicks,2\n",
            &[(2, "a quotation mark is open, to the end of the file or the next one")],
        );
        check("word,billing,billing\n", &[(1, "`billing` has two columns")]);
        check("word,billing\nopens,1,2\n", &[(2, "`opens` has more cells than the first line has columns")]);
    }

    #[test]
    fn a_word_counts_once_and_a_compound_not_at_all() {
        let (mut lexicon, _) = Lexicon::new(Some("[endings]\nen = [\"s/3\"]\n"));
        let bill = lexicon.intern("Rechnung", true).0[0];
        let row = |word: &str, line| Row { word: word.into(), line, points: vec![(0, 1.0)] };
        let rows = [row("opens", 2), row("open", 3), row("Stornorechnung", 4), row("Rechnung", 5)];
        let (leanings, idle) = Leanings::new(&rows, &mut lexicon);
        assert_eq!(idle.iter().map(|idle| idle.1).collect::<Vec<_>>(), [3, 4]);
        assert_eq!((leanings.of(bill), leanings.of(0), leanings.of(u32::MAX)), (&[(0, 1.0)][..], &[][..], &[][..]));
    }
}
