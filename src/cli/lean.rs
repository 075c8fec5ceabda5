//! `deskclerk rules lean`: what single words say, learned from labelled history beside the rules that people wrote. Holds out
//! a tenth to say what it brings, unless a test set is given. Writes one file, and never over one that is there.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use super::learn::{compile, held_out, report, tell_contradictions};
use super::{End, labelled, output};
use crate::desk::folder;
use crate::rules::Files;
use crate::rules::learn::Labelled;
use crate::rules::learn::labels::Labels;
use crate::rules::learn::lean::{LEANINGS, Leant, lean};

/// Learns leanings.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Labelled texts: CSV with columns `text` and `topic` (and `subject`), JSON lines, or JSON lists of [text, topic]
    #[arg(long, value_name = "FILE", required = true, num_args = 1..)]
    from: Vec<PathBuf>,
    /// Labelled texts to judge by; else a tenth is held out
    #[arg(long, value_name = "FILE", num_args = 1..)]
    test: Vec<PathBuf>,
    /// The rules beside which they are learned; without it the shipped ones
    #[arg(long, value_name = "DIR")]
    rules: Option<PathBuf>,
    /// The file to write; must not exist. In a rules folder it is called leanings.csv
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Runs the command.
pub fn run(args: &Args, out: &mut impl Write) -> Result<End> {
    if args.out.exists() {
        bail!(
            "{} exists; name a new file, and put it in the place of the old one when it is better",
            args.out.display()
        );
    }
    let files = match folder::read(args.rules.as_deref().unwrap_or(std::path::Path::new(""))) {
        Ok(files) => files,
        Err(faults) => {
            output::complain_of(&faults);
            return Ok(End::Unusable);
        }
    };
    let (Some(samples), Some(test)) = (labelled::read(&args.from), labelled::read(&args.test)) else {
        return Ok(End::Unusable);
    };
    let labels = Labels::of(&samples);
    tell_contradictions(&samples, &labels);
    let (taught, held) = if args.test.is_empty() { held_out(&samples, &labels) } else { (samples.clone(), test) };
    let judge = |leant: Option<&Leant>, out: &mut _| -> Result<bool> {
        let mut files: Files = files.clone();
        files.remove(LEANINGS);
        files.extend(leant.map(|leant| (LEANINGS.to_owned(), leant.file.clone().into())));
        let Some(rules) = compile(&files) else { return Ok(false) };
        report(&rules, &labels, &held, out).map(|_| true)
    };
    writeln!(out, "by signals alone, {} texts:", held.len())?;
    if !judge(None, out)? {
        return Ok(End::Unusable);
    }
    let Some((trial, seconds)) = teach(&files, &taught) else { return Ok(End::Unusable) };
    writeln!(out, "with what was learned from {} others:", taught.len())?;
    judge(Some(&trial), out)?;
    let leant = if args.test.is_empty() { teach(&files, &samples) } else { Some((trial, seconds)) };
    let Some((leant, seconds)) = leant else { return Ok(End::Unusable) };
    let Leant { file, words, cells } = leant;
    fs::write(&args.out, file).with_context(|| format!("cannot write {}", args.out.display()))?;
    let (texts, path) = (samples.len(), args.out.display());
    writeln!(out, "{texts} texts, {words} words, {cells} points, {seconds:.1} s: {path}")?;
    Ok(End::Ok)
}

fn teach(files: &Files, samples: &[Labelled]) -> Option<(Leant, f64)> {
    let start = Instant::now();
    let leant = lean(files, samples).map_err(|faults| output::complain_of(&faults)).ok()?;
    Some((leant, start.elapsed().as_secs_f64()))
}
