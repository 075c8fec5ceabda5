//! `deskclerk doctor`: what is wrong with this set-up, and what `run` would read and answer.
//!
//! Changes nothing: signs in and looks, asks DNS, composes a mail and does not send it; a probe among the originals is deleted
//! at once. Ends with 0 when all is well or only
//! worth a thought, 1 when something is wrong, 2 when the settings cannot be used, 75 when all that is wrong may pass.

mod home;
mod mail;
mod plan;

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::Result;
use serde::Serialize;
use serde_json::json;

use super::output::{Format, inert};
use super::{End, config};
use crate::config::settings::Config;
use crate::store::Store;

/// Looks at settings, files, store, clock, DNS, mail servers and the daemon.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Ask nobody: no DNS, no mail server
    #[arg(long)]
    offline: bool,
    /// The settings file
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Text for people, or one JSON object a line
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// How it stands with one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    /// As it should be.
    Ok,
    /// What `run` does, or would do.
    Plan,
    /// Works; worth a thought.
    Think,
    /// Out of reach: it may pass.
    Away,
    /// Wrong.
    Wrong,
}

/// One thing that was looked at.
#[derive(Debug, Clone, Serialize)]
struct Finding {
    level: Level,
    /// What was looked at: `config`, `store`, `imap:support`, …
    about: String,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
}

/// What has been found so far.
#[derive(Debug, Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, level: Level, about: &str, message: impl Into<String>, remedy: Option<&str>) {
        let (message, remedy) = (message.into(), remedy.map(str::to_owned));
        self.0.push(Finding { level, about: about.to_owned(), message, remedy });
    }

    fn ok(&mut self, about: &str, message: impl Into<String>) {
        self.add(Level::Ok, about, message, None);
    }

    fn plan(&mut self, about: &str, message: impl Into<String>) {
        self.add(Level::Plan, about, message, None);
    }

    fn think(&mut self, about: &str, message: impl Into<String>, remedy: &str) {
        self.add(Level::Think, about, message, Some(remedy));
    }

    fn away(&mut self, about: &str, message: impl Into<String>, remedy: &str) {
        self.add(Level::Away, about, message, Some(remedy));
    }

    fn wrong(&mut self, about: &str, message: impl Into<String>, remedy: &str) {
        self.add(Level::Wrong, about, message, Some(remedy));
    }

    fn has(&self, level: Level) -> bool {
        self.0.iter().any(|finding| finding.level == level)
    }
}

/// Runs the command.
pub fn run(args: &Args) -> Result<End> {
    let (settings, faults) = config::examine(&args.config)?;
    let mut findings = Findings::default();
    for fault in &faults {
        let place = if fault.line == 0 { fault.file.clone() } else { format!("{}:{}", fault.file, fault.line) };
        findings.wrong("config", format!("{place}: {}", fault.message), &fault.remedy);
    }
    if faults.is_empty() {
        findings.ok("config", format!("{} is valid", args.config.display()));
        super::runtime()?.block_on(look(&settings, args.offline, &mut findings));
    }
    tell(args.format, &findings)?;
    Ok(match () {
        () if !faults.is_empty() => End::Unusable,
        () if findings.has(Level::Wrong) => End::Faults,
        () if findings.has(Level::Away) => End::Temporary,
        () => End::Ok,
    })
}

async fn look(settings: &Config, offline: bool, findings: &mut Findings) {
    home::files(settings, findings);
    home::loops(settings, findings);
    let store = home::store(settings, findings).await;
    home::originals(settings, offline, findings).await;
    home::clock(store.as_ref(), findings).await;
    home::daemon(settings, findings).await;
    if !offline {
        mail::mailboxes(settings, store.as_ref(), findings).await;
        mail::way_out(settings, findings).await;
        mail::names(settings, findings).await;
    }
    plan::tell(settings, store.as_ref(), findings).await;
    if let Some(store) = store {
        Store::close(&store).await;
    }
}

fn tell(format: Format, findings: &Findings) -> Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    for finding in &findings.0 {
        match format {
            Format::Json => writeln!(out, "{}", json!(finding))?,
            Format::Text => {
                let sign = match finding.level {
                    Level::Ok => "ok",
                    Level::Plan => "",
                    Level::Think => "think",
                    Level::Away => "away",
                    Level::Wrong => "WRONG",
                };
                write!(out, "{sign:<6}{:<14} {}", finding.about, inert(&finding.message))?;
                if let Some(remedy) = &finding.remedy {
                    write!(out, "; {}", inert(remedy))?;
                }
                writeln!(out)?;
            }
        }
    }
    out.flush()?;
    Ok(())
}
