//! `deskclerk rules check|test|explain|replay|learn|lean`: the workshop of those who write rules. Writes nothing but what
//! `--out` says.

use std::collections::HashMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};

use super::output::{self, Format};
use super::{End, explain, labelled, lean, learn, replay};
use crate::campaigns;
use crate::config::fault::Fault;
use crate::desk::{folder, sources};
use crate::intake::files;
use crate::reply::templates::Templates;
use crate::request;
use crate::request::evidence::Evidence;
use crate::rules::explain::phrases::Source;
use crate::rules::explain::{Explanation, Rank};
use crate::rules::learn::labels::Labels;
use crate::rules::lint::{self, Finding, Weight};
use crate::rules::prove::Proof;
use crate::rules::{self, Rules};
use crate::triage;

/// A threshold below it stands for none.
const LEAST_THRESHOLD: f64 = -100.0;

/// Findings of one file that are told one by one where they are alike.
const ALIKE: usize = 3;

/// The commands on rules.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Look for faults, and for what compiles and yet is no good
    Check {
        /// The rules folder; without it the shipped rules
        #[arg(value_name = "DIR", conflicts_with = "rules")]
        dir: Option<PathBuf>,
        /// Also show what is merely worth a note; JSON always has it
        #[arg(long)]
        notes: bool,
        /// Which rules
        #[command(flatten)]
        folder: Folder,
    },
    /// Judge every example of every topic
    Test {
        /// The rules folder; without it the shipped rules
        #[arg(value_name = "DIR", conflicts_with = "rules")]
        dir: Option<PathBuf>,
        /// Judge these labelled texts instead: files as `rules learn` takes them
        #[arg(long, value_name = "FILE", num_args = 1..)]
        labelled: Vec<PathBuf>,
        /// Which rules
        #[command(flatten)]
        folder: Folder,
    },
    /// Judge one mail, and say why
    Explain {
        /// The mail: a file, or - for standard input
        #[arg(value_name = "FILE")]
        mail: PathBuf,
        /// The campaign directory, whose names say nothing of the topic
        #[arg(long, value_name = "FILE")]
        campaigns: Option<PathBuf>,
        /// Take addresses, bounds, rules and directory from these settings
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        /// Which rules
        #[command(flatten)]
        folder: Folder,
    },
    /// Judge stored requests again, and show what would change; writes nothing
    Replay(replay::Args),
    /// Write rule files learned from labelled texts, or propose a diff from the agents' corrections
    Learn(learn::Args),
    /// Write leanings: what single words say, learned from labelled texts beside the rules
    Lean(lean::Args),
}

/// Which rules, and how to print.
#[derive(Debug, clap::Args)]
pub struct Folder {
    /// A rules folder instead of the shipped rules
    #[arg(long, value_name = "DIR")]
    rules: Option<PathBuf>,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

impl Folder {
    /// The folder; empty: the shipped rules.
    fn path(&self) -> &Path {
        self.rules.as_deref().unwrap_or(Path::new(""))
    }
}

/// Runs a command.
pub fn run(command: &Command) -> Result<End> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let end = match command {
        Command::Check { dir, notes, folder } => {
            check(dir.as_deref().unwrap_or(folder.path()), folder.format, *notes, &mut out)?
        }
        Command::Test { dir, labelled, folder } => {
            let dir = dir.as_deref().unwrap_or(folder.path());
            match labelled.as_slice() {
                [] => test(dir, folder.format, &mut out)?,
                files => test_labelled(dir, files, folder.format, &mut out)?,
            }
        }
        Command::Explain { mail, campaigns, config, folder } => {
            explain(mail, campaigns.as_deref(), config.as_deref(), folder, &mut out)?
        }
        Command::Replay(args) => replay::run(args, &mut out)?,
        Command::Learn(args) => learn::run(args, &mut out)?,
        Command::Lean(args) => lean::run(args, &mut out)?,
    };
    out.flush()?;
    Ok(end)
}

fn check(dir: &Path, format: Format, notes: bool, out: &mut impl Write) -> Result<End> {
    let fault = |fault| Finding { weight: Weight::Fault, fault };
    let (files, unreadable) = folder::gather(dir);
    let within = |fault| folder::within(dir, fault);
    let unreadable: Vec<Fault> = unreadable.into_iter().map(within).collect();
    let mut findings: Vec<Finding> = unreadable.iter().cloned().map(fault).collect();
    // Other files may speak of what those at the top of the folder say, and of what is not there: they would seem wrong.
    if unreadable.iter().all(|fault| fault.file.contains('/') && files.contains_key(&fault.file)) {
        let templates = Templates::compile(&rules::replies(&files)).err();
        let faults = Rules::compile(&files).err().into_iter().chain(templates).flatten().map(fault);
        let beside = lint::lint(&files).into_iter().filter(|finding| finding.weight != Weight::Fault);
        let told = |finding: &Finding| unreadable.iter().any(|fault| fault.file == finding.fault.file);
        findings.extend(faults.chain(beside).filter(|finding| !told(finding)));
    }
    if files.keys().any(|file| file.starts_with("topics/")) && !files.contains_key("words.toml") {
        let (file, message) =
            ("words.toml".into(), "there is none: no ending is taken off, no other spelling known".into());
        let remedy = "copy that of the shipped rules into the folder, an empty one says that it is meant so".into();
        let fault = within(Fault { file, line: 0, message, remedy });
        findings.push(Finding { weight: Weight::Warning, fault });
    }
    let unread = folder::unread(dir).into_iter().map(within);
    findings.extend(unread.map(|fault| Finding { weight: Weight::Warning, fault }));
    findings.sort();
    match format {
        Format::Json => {
            for finding in &findings {
                writeln!(out, "{}", serde_json::to_string(finding)?)?;
            }
        }
        // Hundreds of notes would hide the one fault.
        Format::Text => tell(findings.iter().filter(|finding| finding.weight != Weight::Note || notes), out)?,
    }
    let count = |weight| findings.iter().filter(|finding| finding.weight == weight).count();
    if format == Format::Text {
        let (faults, warnings, noted) = (count(Weight::Fault), count(Weight::Warning), count(Weight::Note));
        let shown = if noted > 0 && !notes { " (--notes shows them)" } else { "" };
        let counts = [(faults, "fault"), (warnings, "warning"), (noted, "note")];
        let counts = counts.map(|(number, what)| output::counted(number, what));
        writeln!(out, "{}{shown}", counts.join(", "))?;
    }
    Ok(if count(Weight::Fault) == 0 { End::Ok } else { End::Faults })
}

/// Findings for people. Faults are all told; of what else is alike in a file, the first few, and how many more there are.
fn tell<'f>(findings: impl Iterator<Item = &'f Finding> + Clone, out: &mut impl Write) -> Result<()> {
    let kind = |finding: &'f Finding| (finding.weight, finding.fault.file.as_str(), finding.kind());
    let mut alike: HashMap<_, usize> = HashMap::new();
    findings.clone().for_each(|finding| *alike.entry(kind(finding)).or_default() += 1);
    let mut told: HashMap<_, usize> = HashMap::new();
    for finding in findings {
        let word = match finding.weight {
            Weight::Fault => "fault",
            Weight::Warning => "warning",
            Weight::Note => "note",
        };
        let kind = kind(finding);
        let (all, told) = (alike[&kind], told.entry(kind).or_default());
        *told += 1;
        if *told <= ALIKE || finding.weight == Weight::Fault {
            writeln!(out, "{word}: {}", finding.fault)?;
        }
        if *told == ALIKE && all > ALIKE && finding.weight != Weight::Fault {
            let (file, more) = (&finding.fault.file, all - ALIKE);
            writeln!(out, "{word}: {file}: and {more} more like it (--format json names all)")?;
        }
    }
    Ok(())
}

fn compile(folder: &Path) -> Option<Arc<Rules>> {
    sources::rules(folder).map_err(|faults: Vec<Fault>| output::complain_of(&faults)).ok()
}

fn test(dir: &Path, format: Format, out: &mut impl Write) -> Result<End> {
    let Some(rules) = compile(dir) else { return Ok(End::Unusable) };
    let proof = rules.prove();
    match format {
        Format::Json => writeln!(out, "{}", serde_json::to_string(&proof)?)?,
        Format::Text => table(&proof, out)?,
    }
    if proof.is_empty() {
        output::complain("there are no examples to judge; write [[example]] into the topics");
    }
    Ok(if proof.holds() && !proof.is_empty() { End::Ok } else { End::Faults })
}

/// How well the rules judge what people have labelled.
fn test_labelled(dir: &Path, files: &[PathBuf], format: Format, out: &mut impl Write) -> Result<End> {
    let Some(rules) = compile(dir) else { return Ok(End::Unusable) };
    let Some(samples) = labelled::read(files) else { return Ok(End::Unusable) };
    let samples = match rules::learn::named(&rules, samples) {
        Ok(samples) => samples,
        Err(faults) => {
            output::complain_of(&faults);
            return Ok(End::Unusable);
        }
    };
    let labels = Labels::of(&samples);
    match format {
        Format::Json => {
            writeln!(out, "{}", serde_json::to_string(&rules::learn::score(&rules, &labels, &samples))?)?;
        }
        Format::Text => {
            writeln!(out, "{} texts:", samples.len())?;
            let score = learn::report(&rules, &labels, &samples, out)?;
            for wrong in &score.wrong {
                let text: String = wrong.text.split_whitespace().collect::<Vec<_>>().join(" ");
                let text = output::inert(&text.chars().take(160).collect::<String>());
                writeln!(out, "\nshould be {}, is {}: {text}", wrong.expected, wrong.judged)?;
            }
        }
    }
    Ok(End::Ok)
}

fn table(proof: &Proof, out: &mut impl Write) -> Result<()> {
    writeln!(out, "{:<20} {:>9} {:>17}", "topic", "examples", "counter-examples")?;
    for row in &proof.topics {
        let (own, other) = (row.right, row.kept_out);
        let counters = format!("{other}/{}", row.counter_examples);
        writeln!(out, "{:<20} {:>9} {:>17}", row.topic, format!("{own}/{}", row.examples), counters)?;
    }
    if proof.routing.examples > 0 {
        writeln!(out, "{:<20} {:>9}", "(routing.toml)", format!("{}/{}", proof.routing.right, proof.routing.examples))?;
    }
    for wrong in &proof.wrong {
        writeln!(out, "\n{}:{}: {:?}", wrong.file, wrong.line, wrong.text)?;
        writeln!(out, "  should be {}, is {}", wrong.expected, wrong.judged)?;
        for (rule, text, weight) in &wrong.because {
            writeln!(out, "  {weight:+.1} {rule}: {}", output::inert(text))?;
        }
        if let Some(topic) = &wrong.by_signals {
            writeln!(out, "  signals alone give {topic}: words of it lean elsewhere (leanings.csv)")?;
        }
    }
    for confusion in &proof.confusions {
        writeln!(out, "{} taken for {}: {}", confusion.expected, confusion.judged, confusion.times)?;
    }
    if !proof.thin.is_empty() {
        writeln!(out, "\nexamples that only one signal carries; edit it, and they fall:")?;
    }
    for thin in &proof.thin {
        writeln!(out, "{}:{}: {}", thin.file, thin.line, thin.signal)?;
    }
    let topics = proof.topics.iter();
    let right = topics.clone().map(|row| row.right + row.kept_out).sum::<usize>() + proof.routing.right;
    let all = topics.map(|row| row.examples + row.counter_examples).sum::<usize>() + proof.routing.examples;
    writeln!(out, "{right} of {all} right; {} examples hang by one signal", proof.thin.len())?;
    Ok(())
}

/// Judges as `triage` does with the same options, so that both say the same.
fn explain(
    mail: &Path,
    campaigns: Option<&Path>,
    config: Option<&Path>,
    folder: &Folder,
    out: &mut impl Write,
) -> Result<End> {
    let settings = match config {
        Some(path) => match super::config::load(path)? {
            Some(settings) => settings,
            None => return Ok(End::Unusable),
        },
        None => crate::config::default_in(&std::env::current_dir()?),
    };
    let dir = folder.rules.as_deref().unwrap_or(&settings.rules.dir);
    let Some(rules) = compile(dir) else { return Ok(End::Unusable) };
    let directory = match sources::directory(campaigns.unwrap_or(&settings.campaigns.file)) {
        Ok(directory) => directory,
        Err(faults) => {
            output::complain_of(&faults);
            return Ok(End::Unusable);
        }
    };
    let mail = files::mails(&[mail.to_owned()]).next().context("there is no mail in it")??;
    let request = match request::mail::read(&mail.raw, &sources::setting(&settings, &rules, vec![])) {
        Ok(request) => request,
        Err(refusal) => {
            output::complain(&format!("{}: {}", mail.source, refusal.reason));
            return Ok(End::Faults);
        }
    };
    let campaign = triage::naming(&campaigns::identify(&request, &directory, &rules.campaign_hints));
    let findings = rules.find(&request, &campaign);
    let explained =
        Explained { explanation: rules.explain(&findings), phrases: rules.sources(&findings, &folder::gather(dir).0) };
    match folder.format {
        Format::Json => writeln!(out, "{}", serde_json::to_string(&explained)?)?,
        Format::Text => {
            if let Some(automated) = &request.automated {
                let because = output::inert(&automated.because);
                writeln!(out, "automated mail ({because}): a desk gives it no topic; what it would be:")?;
            }
            reasons(&explained, out)?;
        }
    }
    Ok(End::Ok)
}

/// An explanation, and the phrases by which rules fired.
#[derive(serde::Serialize)]
struct Explained {
    #[serde(flatten)]
    explanation: Explanation,
    phrases: Vec<Source>,
}

fn reasons(explained: &Explained, out: &mut impl Write) -> Result<()> {
    let Explained { explanation, phrases } = explained;
    let topic = &explanation.topic;
    writeln!(out, "topic {} ({}), {:.2} points, rules {}", topic.id, topic.label, topic.score, explanation.rules)?;
    // Learned topics have a threshold that everything reaches.
    let binding = |rank: &Rank| rank.topic != rules::OTHER && rank.threshold > LEAST_THRESHOLD;
    let any = explanation.ranking.iter().any(binding);
    for rank in &explanation.ranking {
        let what = match rank.topic == rules::OTHER {
            true if any => " (unless a topic reaches its threshold and has as many)".to_owned(),
            true => " (unless a topic has as many points)".to_owned(),
            false if binding(rank) => format!(" (threshold {:.2})", rank.threshold),
            false => String::new(),
        };
        writeln!(out, "\n{:.2} {}{what}", rank.score, rank.topic)?;
        if rank.prior != 0.0 {
            writeln!(out, "  {:+.2} to begin with", rank.prior)?;
        }
        rank.evidence.iter().try_for_each(|found| reason(found, phrases, "  ", out))?;
        if rank.leanings != 0.0 || !rank.words.is_empty() {
            leanings(rank, phrases, out)?;
        }
    }
    if explanation.ranking.iter().any(|rank| rank.leanings != 0.0) {
        writeln!(
            out,
            "\nwords lean as leanings.csv says, learned from labelled mails: a table to edit, or to learn anew by `rules lean`"
        )?;
    }
    writeln!(out)?;
    for change in &explanation.changes {
        writeln!(out, "{}", output::inert(change))?;
    }
    let routing = &explanation.routing;
    let flags = routing.flags.iter().map(|flag| format!(", {flag}")).collect::<String>();
    writeln!(out, "\npriority {}, for {}{flags}", routing.priority, routing.route)?;
    routing.evidence.iter().try_for_each(|found| reason(found, phrases, "  ", out))
}

/// What words lean to, in lines that add up.
fn leanings(rank: &Rank, phrases: &[Source], out: &mut impl Write) -> Result<()> {
    writeln!(out, "  {:+.2} by all words that lean", rank.leanings)?;
    rank.words.iter().try_for_each(|found| reason(found, phrases, "      ", out))?;
    if rank.more_words.count > 0 {
        writeln!(out, "      {:+.2} by {} more words", rank.more_words.points, rank.more_words.count)?;
    }
    let other = rules::OTHER;
    if rank.topic == other {
        writeln!(out, "      {:+.2} as words that lean to `{other}` count against all others instead", rank.to_other)?;
    } else if rank.to_other != 0.0 {
        writeln!(out, "      {:+.2} for what they say of `{other}`", rank.to_other)?;
    }
    if rank.held != 0.0 {
        let (topics, other) = (rules::leanings::MOST_LEANT, rules::leanings::MOST_TO_OTHER);
        writeln!(
            out,
            "      {:+.2} as no topic falls more than {topics} points behind another by them, nor {other} behind `other`",
            rank.held
        )?;
    }
    Ok(())
}

fn reason(found: &Evidence, phrases: &[Source], indent: &str, out: &mut impl Write) -> Result<()> {
    let (place, text) = (explain::name(&found.place), output::inert(&found.text));
    write!(out, "{indent}{:+.2} {} in {place} {}..{}: {text}", found.weight, found.rule, found.start, found.end)?;
    match phrases.iter().find(|source| source.is_of(found)) {
        Some(Source { phrase, file, line, .. }) => writeln!(out, " (\"{}\", {file}:{line})", output::inert(phrase))?,
        None => writeln!(out)?,
    }
    Ok(())
}
