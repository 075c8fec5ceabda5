//! `deskclerk rules learn`: labelled history in, rule files out. Holds out a tenth to say how good they are, unless a
//! test set is given. Writes only into the folder that it is told, and never over files that are there.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::{End, feedback, output};
use crate::campaigns::load::separator;
use crate::config::fault::Fault;
use crate::rules::learn::labels::Labels;
use crate::rules::learn::{self, Labelled, Score};
use crate::rules::{OTHER, Rules};

/// Columns that hold the text, and those that hold the topic.
const TEXT: [&str; 6] = ["text", "utterance", "message", "body", "query", "description"];
const TOPIC: [&str; 6] = ["topic", "category", "label", "intent", "class", "new_topic"];

/// A topic with fewer texts is complained of.
const FEW: usize = 10;

/// Learns rule files from labelled texts, or proposes changes from what agents corrected.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Labelled texts: CSV with columns `text` and `topic`, JSON lines, or JSON lists of [text, topic]
    #[arg(long, value_name = "FILE", required_unless_present = "from_feedback", requires = "out")]
    from: Option<PathBuf>,
    /// Labelled texts to judge the learned rules by; else a tenth is held out
    #[arg(long, value_name = "FILE", requires = "from")]
    test: Option<PathBuf>,
    /// The folder to write; must not exist, or be empty
    #[arg(long, value_name = "DIR", requires = "from")]
    out: Option<PathBuf>,
    #[command(flatten)]
    feedback: feedback::Args,
}

/// Runs the command.
pub fn run(args: &Args, out: &mut impl Write) -> Result<End> {
    let (Some(from), Some(folder)) = (&args.from, &args.out) else { return feedback::run(&args.feedback, out) };
    if fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) {
        bail!("{} is not empty; name a new folder", folder.display());
    }
    let samples = read(from)?;
    let labels = Labels::of(&samples);
    for labels in &labels.merged {
        output::complain(&format!("one topic: {}", labels.join(", ")));
    }
    let few = few(&samples, &labels);
    if !few.is_empty() {
        output::complain(&format!("fewer than {FEW} texts, from which little can be learned: {}", few.join(", ")));
    }
    if !samples.iter().any(|sample| labels.id(&sample.topic) == OTHER) {
        output::complain(
            "no text is labelled `other`: only what speaks for no topic will be; to leave more to it, label some, or raise its prior",
        );
    }
    let words = Rules::shipped_files().remove("words.toml").unwrap_or_default();
    let test = match &args.test {
        Some(test) => read(test)?,
        None => {
            let (kept, held) = held_out(&samples);
            let Some((learned, _)) = teach(&kept, &words, from) else { return Ok(End::Unusable) };
            let Some(rules) = compile(&learned.files) else { return Ok(End::Faults) };
            writeln!(out, "learned from {}, judged on the held out {}:", kept.len(), held.len())?;
            report(&rules, &learned.labels, &held, out)?;
            vec![]
        }
    };
    let Some((learned, seconds)) = teach(&samples, &words, from) else { return Ok(End::Unusable) };
    let topics = learned.files.keys().filter(|path| path.starts_with("topics/")).count();
    writeln!(out, "{} texts, {topics} topics, {} signals, {seconds:.1} s", samples.len(), learned.signals)?;
    for (path, text) in &learned.files {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap_or(folder))?;
        fs::write(&path, &**text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    let Some(rules) = compile(&learned.files) else { return Ok(End::Faults) };
    if !test.is_empty() {
        writeln!(out, "judged on {}:", test.len())?;
        report(&rules, &learned.labels, &test, out)?;
    }
    Ok(End::Ok)
}

/// The topics of which there are few texts, each with how many.
fn few(samples: &[Labelled], labels: &Labels) -> Vec<String> {
    let mut texts: BTreeMap<String, usize> = BTreeMap::new();
    samples.iter().for_each(|sample| *texts.entry(labels.id(&sample.topic)).or_default() += 1);
    texts.into_iter().filter(|(_, texts)| *texts < FEW).map(|(topic, texts)| format!("{topic} ({texts})")).collect()
}

/// The texts without every tenth of each topic, and those.
pub(super) fn held_out(samples: &[Labelled]) -> (Vec<Labelled>, Vec<Labelled>) {
    let mut seen: HashMap<&str, usize> = HashMap::new();
    let (mut kept, mut held) = (vec![], vec![]);
    for sample in samples {
        let nth = seen.entry(&sample.topic).or_default();
        *nth += 1;
        if *nth % 10 == 5 { held.push(sample.clone()) } else { kept.push(sample.clone()) }
    }
    (kept, held)
}

fn teach(samples: &[Labelled], words: &str, from: &PathBuf) -> Option<(learn::Learned, f64)> {
    let start = Instant::now();
    let complain = |faults| complain_of_samples(faults, std::slice::from_ref(from));
    let learned = learn::learn(samples, words).map_err(complain).ok()?;
    Some((learned, start.elapsed().as_secs_f64()))
}

pub(super) fn compile(files: &crate::rules::Files) -> Option<Rules> {
    Rules::compile(files).map_err(|faults| output::complain_of(&faults)).ok()
}

pub(super) fn report(rules: &Rules, labels: &Labels, samples: &[Labelled], out: &mut impl Write) -> Result<Score> {
    let start = Instant::now();
    let score = learn::score(rules, labels, samples);
    let Score { in_scope, right, out_of_scope, other, confusions, .. } = &score;
    let rate = samples.len() as f64 / start.elapsed().as_secs_f64();
    let share = |part: usize, whole: usize| 100.0 * part as f64 / whole.max(1) as f64;
    if samples.is_empty() {
        writeln!(out, "  no topic has five texts, of which one could be held out")?;
        return Ok(score);
    }
    writeln!(out, "  in scope      {right}/{in_scope} = {:.2} %", share(*right, *in_scope))?;
    if *out_of_scope > 0 {
        writeln!(out, "  out of scope  {other}/{out_of_scope} = {:.2} % judged other", share(*other, *out_of_scope))?;
    }
    writeln!(out, "  {rate:.0} texts/s on one thread")?;
    for (expected, judged, times) in confusions {
        writeln!(out, "  {times} × {expected} taken for {judged}")?;
    }
    Ok(score)
}

/// Faults of labelled texts, by the names of the files that they came from.
pub(super) fn complain_of_samples(mut faults: Vec<Fault>, paths: &[PathBuf]) {
    let names: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    for fault in faults.iter_mut().filter(|fault| fault.file == learn::LABELLED) {
        fault.file = names.join(", ");
    }
    output::complain_of(&faults);
}

/// Labelled texts of several files.
pub(super) fn read_all(paths: &[PathBuf]) -> Result<Vec<Labelled>> {
    Ok(paths.iter().map(|path| read(path)).collect::<Result<Vec<_>>>()?.concat())
}

/// Labelled texts of a CSV, JSON lines or JSON file.
fn read(path: &Path) -> Result<Vec<Labelled>> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let Ok(text) = String::from_utf8(bytes) else { bail!("{} is not UTF-8; save it as UTF-8", path.display()) };
    let mut samples = match path.extension().and_then(|end| end.to_str()) {
        Some("csv") => read_csv(&text),
        Some("json") => {
            let mut samples = Vec::new();
            gather(&serde_json::from_str(&text)?, &mut samples);
            Ok(samples)
        }
        Some("jsonl" | "ndjson") => read_lines(&text),
        _ => bail!("{} is neither .csv nor .jsonl nor .json", path.display()),
    }
    .with_context(|| format!("cannot read {}", path.display()))?;
    drop_empty(&mut samples, path);
    if samples.is_empty() {
        bail!("{} holds no labelled texts; give a column `text` and a column `topic`", path.display());
    }
    Ok(samples)
}

/// Leaves out what teaches nothing, and says so.
fn drop_empty(samples: &mut Vec<Labelled>, path: &Path) {
    let empty = |text: &str| text.trim().is_empty();
    let without_topic = samples.iter().filter(|sample| empty(&sample.topic)).count();
    let without_text = samples.iter().filter(|sample| empty(&sample.text)).count();
    samples.retain(|sample| !empty(&sample.text) && !empty(&sample.topic));
    if without_topic + without_text > 0 {
        output::complain(&format!(
            "{}: left out are {without_topic} rows without a topic and {without_text} without a text",
            path.display()
        ));
    }
}

fn read_csv(text: &str) -> Result<Vec<Labelled>> {
    let text = text.trim_start_matches('\u{feff}');
    let mut reader = csv::ReaderBuilder::new().delimiter(separator(text.as_bytes())).from_reader(text.as_bytes());
    let headers = reader.headers()?.clone();
    let column =
        |names: &[&str]| headers.iter().position(|header| names.contains(&header.trim().to_lowercase().as_str()));
    let (Some(text), Some(topic)) = (column(&TEXT), column(&TOPIC)) else {
        let found: Vec<&str> = headers.iter().take(12).collect();
        bail!(
            "the first line names no column `text` or no column `topic` (found: {}); write text,topic there",
            found.join(", ")
        );
    };
    let subject = column(&["subject"]);
    let mut samples = Vec::new();
    for record in reader.records() {
        let record = record?;
        let said = [subject, Some(text)].map(|column| column.and_then(|column| record.get(column)).unwrap_or_default());
        samples.push(Labelled {
            text: said.join("\n\n").trim().to_owned(),
            topic: record.get(topic).unwrap_or_default().to_owned(),
        });
    }
    Ok(samples)
}

fn read_lines(text: &str) -> Result<Vec<Labelled>> {
    let mut samples = Vec::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let value = serde_json::from_str(line).with_context(|| format!("line {} is no JSON", index + 1))?;
        gather(&value, &mut samples);
    }
    Ok(samples)
}

/// Every `[text, topic]` and every object with both, however deep.
fn gather(value: &Value, samples: &mut Vec<Labelled>) {
    match value {
        Value::Array(list) => match list.as_slice() {
            [Value::String(text), Value::String(topic)] => {
                samples.push(Labelled { text: text.clone(), topic: topic.clone() });
            }
            _ => list.iter().for_each(|value| gather(value, samples)),
        },
        Value::Object(object) => {
            // A label may be a number.
            let one = |names: &[&str]| {
                names.iter().find_map(|name| match object.get(*name)? {
                    Value::String(text) => Some(text.clone()),
                    Value::Number(number) => Some(number.to_string()),
                    _ => None,
                })
            };
            let subject = object.get("subject").and_then(Value::as_str).filter(|subject| !subject.trim().is_empty());
            let below = |text: String| subject.map_or(text.clone(), |subject| format!("{subject}\n\n{text}"));
            match (one(&TEXT).map(below), one(&TOPIC)) {
                (Some(text), Some(topic)) => samples.push(Labelled { text, topic }),
                // One half alone is a row that is left out; neither may be a table of rows.
                (Some(text), None) if !object.values().any(|value| value.is_array() || value.is_object()) => {
                    samples.push(Labelled { text, topic: String::new() });
                }
                (None, Some(topic)) if !object.values().any(|value| value.is_array() || value.is_object()) => {
                    samples.push(Labelled { text: String::new(), topic });
                }
                _ => object.values().for_each(|value| gather(value, samples)),
            }
        }
        _ => {}
    }
}
