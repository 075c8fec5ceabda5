//! `deskclerk triage PATH…`: judges mails without storing anything. One judgement a mail, in the order of the files.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;

use anyhow::Result;

use super::explain::{self, Marks};
use super::output::{self, Format, Skipped};
use super::{End, config};
use crate::config::settings::Config;
use crate::desk::{contract, sources};
use crate::intake::files::{self, Fault};
use crate::reply::compose::question;
use crate::reply::templates::Templates;
use crate::request::{self, Request};
use crate::store::Store;
use crate::store::agents::Agent;
use crate::triage::{Action, Triage};

/// Judges `.eml` files, folders, mboxes, maildirs or standard input (`-`).
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Mails: a file, a folder, an mbox, a maildir, or - for standard input
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// The campaign directory (CSV with campaign_id,name,account,contacts, or JSON lines)
    #[arg(long, value_name = "FILE")]
    campaigns: Option<PathBuf>,
    /// A rules folder instead of the shipped rules
    #[arg(long, value_name = "DIR")]
    rules: Option<PathBuf>,
    /// Take addresses, agents, teams, bounds, rules and directory from these settings
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// How to print the judgements
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// Runs the command.
pub fn run(args: &Args) -> Result<End> {
    let settings = match &args.config {
        Some(path) => match config::load(path)? {
            Some(settings) => settings,
            None => return Ok(End::Unusable),
        },
        None => crate::config::default_in(&std::env::current_dir()?),
    };
    let rules_dir = args.rules.as_ref().unwrap_or(&settings.rules.dir);
    let directory_file = args.campaigns.as_ref().unwrap_or(&settings.campaigns.file);
    let (rules, directory) = match (sources::rules(rules_dir), sources::directory(directory_file)) {
        (Ok(rules), Ok(directory)) => (rules, directory),
        (rules, directory) => {
            output::complain_of(&rules.err().unwrap_or_default());
            output::complain_of(&directory.err().unwrap_or_default());
            return Ok(End::Unusable);
        }
    };
    if directory_file.as_os_str().is_empty() {
        output::complain("no campaign directory: every Campaign ID is unknown; name one with --campaigns FILE");
    }
    let templates = match Templates::compile(&rules.replies) {
        Ok(templates) => templates,
        Err(faults) => {
            output::complain_of(&faults);
            return Ok(End::Unusable);
        }
    };
    let agents = if args.config.is_some() { agents(&settings)? } else { vec![] };
    let setting = sources::setting_for(&settings, &rules, &agents);

    let mut out = io::BufWriter::new(io::stdout().lock());
    let marks = if io::stdout().is_terminal() { Marks::Ansi } else { Marks::Brackets };
    let progress =
        if io::stdout().is_terminal() { indicatif::ProgressBar::hidden() } else { output::progress("judged") };
    let (mut end, mut skipped) = (End::Ok, Skipped::default());
    for mail in files::mails(&args.paths) {
        let mail = match mail {
            Ok(mail) => mail,
            Err(error) => {
                match error.kind {
                    Fault::Skipped => skipped.say(&error.to_string()),
                    _ => output::complain(&error.to_string()),
                }
                if error.kind == Fault::Empty && args.format == Format::Json {
                    serde_json::to_writer(&mut out, &contract::refusal(&error.source_name, &error.why))?;
                    writeln!(out)?;
                }
                end = match error.kind {
                    Fault::Skipped => end,
                    Fault::Absent => End::Unusable,
                    _ if end == End::Unusable => end,
                    _ => End::Faults,
                };
                continue;
            }
        };
        let mut request = match request::mail::read(&mail.raw, &setting) {
            Ok(request) => request,
            Err(refusal) => {
                output::complain(&format!("{}: would be quarantined: {}", mail.source, refusal.reason));
                if args.format == Format::Json {
                    serde_json::to_writer(&mut out, &contract::refusal(&mail.source, &refusal.reason))?;
                    writeln!(out)?;
                }
                end = if end == End::Unusable { end } else { End::Faults };
                continue;
            }
        };
        request.oddities.extend(rules.unknown_values(&request));
        let triage = crate::triage::triage(&request, &directory, &rules, None);
        match args.format {
            Format::Text => writeln!(out, "{}", explain::judgement(&mail.source, &request, &triage, marks))?,
            Format::Json => {
                let reply = reply(&request, &triage, &templates, &settings.desk.language);
                serde_json::to_writer(&mut out, &contract::judgement(&mail.source, &request, &triage, reply.as_ref()))?;
                writeln!(out)?;
            }
        }
        progress.inc(1);
    }
    out.flush()?;
    progress.finish_and_clear();
    skipped.sum_up();
    Ok(end)
}

/// The agents whom the settings' store knows; none where there is no store yet.
fn agents(settings: &Config) -> Result<Vec<Agent>> {
    super::runtime()?.block_on(async {
        let Ok(url) = sources::store_url(settings) else { return Ok(vec![]) };
        match Store::open_to_read(&url, &settings.desk.data_dir).await {
            Ok(store) => Ok(store.agents().await?),
            Err(_) => Ok(vec![]),
        }
    })
}

/// The question that would go out. Budgets and earlier questions are the store's to know, so they are not weighed here.
fn reply(request: &Request, triage: &Triage, templates: &Templates, fallback: &str) -> Option<contract::Reply> {
    let kind = question(triage).filter(|_| triage.action == Action::Ask)?;
    Some(contract::Reply {
        template: Some(kind.as_str().to_owned()),
        language: templates.language(request.language.as_deref(), fallback).to_owned(),
        withheld: request.no_reply.clone(),
    })
}
