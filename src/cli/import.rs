//! `deskclerk import PATH…`: puts mails from files into the store and judges them. What is there already is not doubled.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use futures_util::future::join_all;
use sha2::{Digest, Sha256};

use super::output::{self, Format, Skipped};
use super::{End, config, memory};
use crate::desk::{Desk, Step, apart};
use crate::intake::files::{self, Fault};
use crate::store::submissions::{Envelope, Kind, New};

/// How many mails share one commit, and after how many bytes no more join them.
const TOGETHER: usize = 128;
const TOGETHER_BYTES: usize = 2 << 20;

/// Imports `.eml` files, folders, mboxes, maildirs or standard input (`-`).
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Mails: a file, a folder, an mbox, a maildir, or - for standard input
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// The settings file
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Also send questions and acknowledgements; without it imported mail is never answered
    #[arg(long)]
    answer: bool,
    /// How to print the counts: text, or one JSON object
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// Runs the command.
pub fn run(args: &Args) -> Result<End> {
    memory::few_pools();
    let Some(settings) = config::load(&args.config)? else { return Ok(End::Unusable) };
    super::runtime()?.block_on(async {
        let desk = Desk::open(settings).await.context("cannot open the desk")?;
        desk.read_apart_with(apart::THIS_PROGRAM.into());
        memory::give_back();
        let end = import(args, &desk).await;
        desk.store.close().await;
        end
    })
}

async fn import(args: &Args, desk: &Arc<Desk>) -> Result<End> {
    let (mut counts, mut skipped, mut absent) = (Counts::default(), Skipped::default(), false);
    let progress = output::progress("stored");
    let mut mails = files::mails(&args.paths).fuse();
    loop {
        let (mut batch, mut bytes) = (vec![], 0);
        while batch.len() < TOGETHER
            && bytes < TOGETHER_BYTES
            && let Some(mail) = mails.next()
        {
            match mail {
                Ok(mail) => {
                    bytes += mail.raw.len();
                    batch.push(mail);
                }
                Err(error) if error.kind == Fault::Skipped => skipped.say(&error.to_string()),
                Err(error) => {
                    output::complain(&error.to_string());
                    counts.unreadable += 1;
                    absent |= error.kind == Fault::Absent;
                }
            }
        }
        if batch.is_empty() {
            break;
        }
        let now = super::now();
        let stored = join_all(batch.into_iter().map(|mail| {
            desk.accept(New {
                source: "file".into(),
                source_key: Some(hex::encode(Sha256::digest(&mail.raw))),
                kind: Kind::Mail,
                raw: mail.raw,
                envelope: Envelope::default(),
                answerable: args.answer,
                received_at: now,
            })
        }))
        .await;
        for submitted in stored {
            match submitted.context("the store refused a mail; what was stored before stays, run it again")?.known {
                true => counts.known += 1,
                false => counts.stored += 1,
            }
            progress.inc(1);
        }
    }
    progress.finish_and_clear();

    // More than was stored, when others were left to be judged.
    let progress = output::progress_of("judged", counts.stored as u64);
    loop {
        let steps = desk.batch(super::now(), TOGETHER as i64).await?;
        if steps.is_empty() {
            break;
        }
        for step in steps {
            let Step::Settled { outcome, .. } = step else { continue };
            *counts.outcomes.entry(outcome.as_str().to_owned()).or_default() += 1;
            progress.inc(1);
        }
    }
    progress.finish_and_clear();
    skipped.sum_up();
    counts.skipped = skipped.0;
    counts.print(args.format)?;
    Ok(match counts.unreadable {
        _ if absent => End::Unusable,
        0 => End::Ok,
        _ => End::Faults,
    })
}

#[derive(Debug, Default, serde::Serialize)]
struct Counts {
    stored: usize,
    known: usize,
    unreadable: usize,
    /// Files of folders that do not look like mail.
    skipped: usize,
    outcomes: std::collections::BTreeMap<String, usize>,
}

impl Counts {
    fn print(&self, format: Format) -> Result<()> {
        let mut out = io::stdout().lock();
        if format == Format::Json {
            return Ok(writeln!(out, "{}", serde_json::to_string(self)?)?);
        }
        let Counts { stored, known, unreadable, skipped, .. } = self;
        writeln!(out, "{stored} stored, {known} there already, {unreadable} unreadable, {skipped} skipped")?;
        for (outcome, count) in &self.outcomes {
            writeln!(out, "{count:>8} {outcome}")?;
        }
        Ok(())
    }
}
