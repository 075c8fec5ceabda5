//! `deskclerk rules learn`: labelled history in, rule files out. Holds out a tenth to say how good they are, unless a
//! test set is given. Writes only into the folder that it is told, and never over files that are there.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use super::{End, feedback, labelled, output};
use crate::rules::learn::contradictions::{self, Contradiction};
use crate::rules::learn::labels::Labels;
use crate::rules::learn::{self, Labelled, Score};
use crate::rules::{OTHER, Rules};

/// A topic with fewer texts is complained of.
const FEW: usize = 10;
/// Contradictions that are told one by one.
const CONTRADICTIONS: usize = 10;

/// Learns rule files from labelled texts, or proposes changes from what agents corrected.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Labelled texts: CSV with columns `text` and `topic`, JSON lines, or JSON lists of [text, topic]
    #[arg(long, value_name = "FILE", num_args = 1.., required_unless_present = "from_feedback", requires = "out")]
    from: Vec<PathBuf>,
    /// Labelled texts to judge the learned rules by; else a tenth is held out
    #[arg(long, value_name = "FILE", num_args = 1.., requires = "from", conflicts_with = "from_feedback")]
    test: Vec<PathBuf>,
    /// Phrases that a topic may have at most, for files that are quickly read; what that costs is told
    #[arg(long, value_name = "N", requires = "from", value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..))]
    max_phrases: Option<usize>,
    /// The folder to write; must not exist, or be empty
    #[arg(long, value_name = "DIR", requires = "from", conflicts_with = "from_feedback")]
    out: Option<PathBuf>,
    #[command(flatten)]
    feedback: feedback::Args,
}

/// Runs the command.
pub fn run(args: &Args, out: &mut impl Write) -> Result<End> {
    let (Some(folder), [_, ..]) = (&args.out, args.from.as_slice()) else { return feedback::run(&args.feedback, out) };
    if folder.exists() && !folder.is_dir() {
        bail!("{} is a file; name a new folder", folder.display());
    }
    if fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) {
        bail!("{} is not empty; name a new folder", folder.display());
    }
    let (Some(samples), Some(test)) = (labelled::read(&args.from), labelled::read(&args.test)) else {
        return Ok(End::Unusable);
    };
    let labels = Labels::of(&samples);
    tell(&samples, &labels);
    let strangers = labels.strangers(&test);
    if !strangers.is_empty() {
        output::complain_of(&strangers);
        return Ok(End::Unusable);
    }
    // Before the work is done, and not after it.
    fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let words = Rules::shipped_files().remove("words.toml").unwrap_or_default();
    let is_held_out = args.test.is_empty();
    let (taught, held) = if is_held_out { held_out(&samples, &labels) } else { (samples.clone(), test) };
    if args.max_phrases.is_some() {
        let Some((learned, _)) = teach(&taught, &words, None) else { return Ok(End::Unusable) };
        writeln!(out, "without --max-phrases:")?;
        if !judge(&learned, &taught, &held, out)? {
            return Ok(End::Faults);
        }
        writeln!(out, "with it:")?;
    }
    let Some(mut taken) = teach(&taught, &words, args.max_phrases) else { return Ok(End::Unusable) };
    if !judge(&taken.0, &taught, &held, out)? {
        return Ok(End::Faults);
    }
    if is_held_out {
        let Some(all) = teach(&samples, &words, args.max_phrases) else { return Ok(End::Unusable) };
        taken = all;
    }
    let (learned, seconds) = taken;
    for (path, text) in &learned.files {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap_or(folder))?;
        fs::write(&path, &**text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    let topics = learned.files.keys().filter(|path| path.starts_with("topics/")).count();
    writeln!(out, "{} texts, {topics} topics, {} signals, {seconds:.1} s", samples.len(), learned.signals)?;
    Ok(if compile(&learned.files).is_some() { End::Ok } else { End::Faults })
}

/// Says how well learned rules do. False: they have faults.
fn judge(learned: &learn::Learned, taught: &[Labelled], held: &[Labelled], out: &mut impl Write) -> Result<bool> {
    let Some(rules) = compile(&learned.files) else { return Ok(false) };
    let (signals, texts) = (learned.signals, taught.len());
    writeln!(out, "{signals} signals learned from {texts} texts, judged on {} others:", held.len())?;
    report(&rules, &learned.labels, held, out).map(|_| true)
}

/// What is to be known of labelled texts before anything is learned from them.
fn tell(samples: &[Labelled], labels: &Labels) {
    for labels in &labels.merged {
        output::complain(&format!("one topic: {}", labels.join(", ")));
    }
    tell_contradictions(samples, labels);
    let few = few(samples, labels);
    if !few.is_empty() {
        output::complain(&format!("fewer than {FEW} texts, from which little can be learned: {}", few.join(", ")));
    }
    if !samples.iter().any(|sample| labels.id(&sample.topic) == OTHER) {
        output::complain(
            "no text is labelled `other`: only what speaks for no topic will be; to leave more to it, label some, or raise its prior",
        );
    }
}

/// Says which texts have two topics: all are counted, the first are named.
pub(super) fn tell_contradictions(samples: &[Labelled], labels: &Labels) {
    let found = contradictions::find(samples, labels);
    for Contradiction { text, first, second } in found.iter().take(CONTRADICTIONS) {
        let at = |(topic, place): &(String, learn::Place)| match place.line {
            0 => format!("`{topic}` ({})", place.file),
            line => format!("`{topic}` ({}:{line})", place.file),
        };
        let text: String = text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(80).collect();
        output::complain(&output::inert(&format!("one text is {} and {}: {text}", at(first), at(second))));
    }
    if !found.is_empty() {
        let texts = output::counted(found.len(), "text");
        output::complain(&format!(
            "{texts} of two topics, each counted for both, from which little is learned; label each alike, or leave it out"
        ));
    }
}

/// The topics of which there are few texts, each with how many.
fn few(samples: &[Labelled], labels: &Labels) -> Vec<String> {
    let mut texts: BTreeMap<String, usize> = BTreeMap::new();
    samples.iter().for_each(|sample| *texts.entry(labels.id(&sample.topic)).or_default() += 1);
    texts.into_iter().filter(|(_, texts)| *texts < FEW).map(|(topic, texts)| format!("{topic} ({texts})")).collect()
}

/// The texts without every tenth of each topic, and those.
pub(super) fn held_out(samples: &[Labelled], labels: &Labels) -> (Vec<Labelled>, Vec<Labelled>) {
    let mut seen: HashMap<String, usize> = HashMap::new();
    let (mut kept, mut held) = (vec![], vec![]);
    for sample in learn::in_order(samples) {
        let nth = seen.entry(labels.id(&sample.topic)).or_default();
        *nth += 1;
        if *nth % 10 == 5 { held.push(sample.clone()) } else { kept.push(sample.clone()) }
    }
    (kept, held)
}

fn teach(samples: &[Labelled], words: &str, most: Option<usize>) -> Option<(learn::Learned, f64)> {
    let start = Instant::now();
    let learned = learn::learn(samples, words, most).map_err(|faults| output::complain_of(&faults)).ok()?;
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
