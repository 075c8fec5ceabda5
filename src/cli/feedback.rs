//! `deskclerk rules learn --from-feedback`: what agents corrected, as a diff of the rules for a person to read and apply.
//! Never applies it; writes nothing.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use similar::TextDiff;

use super::output;
use super::replay::parse_age;
use super::{End, config};
use crate::config::settings::Config;
use crate::desk::{folder, sources};
use crate::rules::Files;
use crate::rules::learn::propose::{self, Corrected, Proposal};
use crate::store::Store;

/// Where corrections are found, and which rules they are held against.
#[derive(Debug, clap::Args)]
#[group(id = "feedback")]
pub struct Args {
    /// Propose a diff of the rules from the topics that agents corrected; it is printed, never applied
    #[arg(long, requires = "config", conflicts_with = "from")]
    from_feedback: bool,
    /// The settings file: which store, which rules
    #[arg(long, value_name = "FILE", requires = "from_feedback")]
    config: Option<PathBuf>,
    /// Corrections made since: 30d, 12h, 8w
    #[arg(long, value_name = "AGE", default_value = "90d", value_parser = parse_age)]
    since: i64,
    /// The rules to propose changes to; without it those in force
    #[arg(long, value_name = "DIR", requires = "from_feedback")]
    rules: Option<PathBuf>,
}

/// Runs the command.
pub fn run(args: &Args, out: &mut impl Write) -> Result<End> {
    let config = args.config.as_deref().context("--from-feedback needs --config FILE")?;
    let Some(settings) = config::load(config)? else { return Ok(End::Unusable) };
    let dir = args.rules.as_deref().unwrap_or(&settings.rules.dir);
    let files = match folder::read(dir) {
        Ok(files) => files,
        Err(faults) => {
            output::complain_of(&faults);
            return Ok(End::Unusable);
        }
    };
    let corrected = super::runtime()?.block_on(read(&settings, args.since))?;
    let proposal = match propose::propose(&files, &corrected) {
        Ok(proposal) => proposal,
        Err(faults) => {
            output::complain_of(&faults);
            return Ok(End::Unusable);
        }
    };
    print(&files, &proposal, dir, out)?;
    Ok(End::Ok)
}

async fn read(settings: &Config, since: i64) -> Result<Vec<Corrected>> {
    let store = Store::open_to_read(&sources::store_url(settings)?, &settings.desk.data_dir).await?;
    let corrections = store.corrections(super::now().saturating_sub(since)).await?;
    let ids: Vec<i64> = corrections.iter().map(|correction| correction.ticket).collect();
    let pasts = store.pasts_of(&ids).await.context("cannot read the stored requests")?;
    store.close().await;
    let corrected = pasts.into_iter().filter_map(|past| {
        let correction = corrections.iter().find(|correction| correction.ticket == past.ticket.id)?;
        // The first message is what the rules had to go by.
        let (request, _) = past.requests.into_iter().next()?;
        Some(Corrected { old: correction.old.clone(), new: correction.new.clone(), request })
    });
    Ok(corrected.collect())
}

/// The diff to standard output, fit for `patch -p1`; what it would do to standard error.
fn print(files: &Files, proposal: &Proposal, folder: &Path, out: &mut impl Write) -> Result<()> {
    let say = output::complain;
    say(&format!(
        "{} corrections; the rules judge {} of them right now, {} with this diff",
        proposal.corrections, proposal.right_before, proposal.right_after
    ));
    for left in &proposal.left {
        say(left);
    }
    if proposal.files == *files {
        say("nothing to propose");
        return Ok(());
    }
    for (path, after) in &proposal.files {
        let before = files.get(path).map_or("", |text| &**text);
        if before != after {
            let diff = TextDiff::from_lines(before, after);
            write!(out, "{}", diff.unified_diff().header(&format!("a/{path}"), &format!("b/{path}")))?;
        }
    }
    say("it holds customers' words: read it, take out what is personal, then apply it by hand");
    if !folder.as_os_str().is_empty() {
        say(&format!("with patch -p1 -d {} < DIFF", folder.display()));
    }
    Ok(())
}
