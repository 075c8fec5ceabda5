//! `deskclerk campaigns import|check|similar`: the campaign directory, before and after it is in force.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Subcommand, ValueEnum};
use serde_json::json;

use super::output::Format;
use super::{End, config, output};
use crate::campaigns::load::{self, Loaded, loses_too_much};
use crate::campaigns::{Campaign, Directory};
use crate::config::fault::Fault;
use crate::desk::sources;
use crate::store::Store;

/// `deskclerk campaigns …`
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Put a directory into the store, in place of the one there
    Import {
        /// CSV (campaign_id,name,account,contacts and, if wanted, status,aliases) or JSON lines
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// The settings file
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Take it even when more than half of the campaigns vanish
        #[arg(long)]
        allow_shrink: bool,
        /// How to print what was done
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Check a directory: faults by line, and the shapes of its Campaign IDs
    ///
    /// Told as well, but no fault, are contacts that are neither an address (ann@acme.example) nor a domain (acme.example):
    /// nobody is known by them.
    Check {
        /// CSV or JSON lines
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// How to print it
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// List groups of similarly named campaigns, the largest risk first
    Similar {
        /// CSV or JSON lines
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// How to print them
        #[arg(long, value_enum, default_value_t = Listing::Text)]
        format: Listing,
    },
}

/// The shape of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Listing {
    /// A table for people.
    Text,
    /// One JSON object a group.
    Json,
    /// One row a campaign.
    Csv,
}

/// Runs the command.
pub fn run(command: &Command) -> Result<End> {
    match command {
        Command::Import { file, config, allow_shrink, format } => import(file, config, *allow_shrink, *format),
        Command::Check { file, format } => check(file, *format),
        Command::Similar { file, format } => similar(file, *format),
    }
}

/// Reads a directory file; unless it may be empty, one without campaigns is a fault.
fn read(file: &Path, empty: bool) -> Result<Loaded> {
    let bytes = std::fs::read(file).with_context(|| format!("cannot read the directory {}", file.display()))?;
    let shown = file.display().to_string();
    let mut loaded = load::read(&bytes, &shown);
    if loaded.campaigns.is_empty() && loaded.faults.is_empty() && !empty {
        let remedy = "add one row a campaign".to_owned();
        loaded.faults.push(Fault { file: shown, line: 1, message: "the file has no campaigns".into(), remedy });
    }
    Ok(loaded)
}

/// Says what is wrong and what is odd.
fn complain_of(loaded: &Loaded) {
    output::complain_of(&loaded.faults);
    for warning in &loaded.warnings {
        output::complain(&format!("warning: {}", output::inert(&warning.to_string())));
    }
}

/// Reads a directory file. `None` when it has faults, which have then been said.
fn load(file: &Path, empty: bool) -> Result<Option<Vec<Campaign>>> {
    let loaded = read(file, empty)?;
    complain_of(&loaded);
    Ok(loaded.faults.is_empty().then_some(loaded.campaigns))
}

fn import(file: &Path, settings: &Path, allow_shrink: bool, format: Format) -> Result<End> {
    let Some(settings) = config::load(settings)? else { return Ok(End::Unusable) };
    // How much may be lost is asked below, of an empty one as well.
    let Some(campaigns) = load(file, true)? else {
        output::complain("nothing was imported: the directory in the store stays as it was");
        return Ok(End::Faults);
    };
    super::runtime()?.block_on(async {
        let url = sources::store_url(&settings)?;
        let store = Store::open(&url, &settings.desk.data_dir, settings.store.connections).await?;
        let before = store.campaigns().await?;
        let had = before.len();
        let lost = loses_too_much(&before, &campaigns).filter(|_| !(allow_shrink || settings.campaigns.allow_shrink));
        if let Some(kept) = lost {
            output::complain(&format!(
                "{} holds {} campaigns, and of the {had} that were there {kept}: more than half would be lost; add --allow-shrink if that is meant",
                file.display(),
                campaigns.len()
            ));
            return Ok(End::Faults);
        }
        store.replace_campaigns(&campaigns).await?;
        store.close().await;
        let mut out = io::stdout().lock();
        let source = settings.campaigns.source();
        match format {
            Format::Text => writeln!(out, "{} campaigns imported, {had} were there before", campaigns.len())?,
            Format::Json => {
                let done = json!({ "imported": campaigns.len(), "before": had, "in_force": source.is_none() });
                writeln!(out, "{done}")?;
            }
        }
        match source {
            None if format == Format::Json => {}
            None => writeln!(out, "a running daemon takes them up at SIGHUP (systemctl reload deskclerk)")?,
            Some(key) => output::complain(&format!(
                "campaigns.{key} names another source, so what was imported is not in force; empty that key to use it"
            )),
        }
        Ok(End::Ok)
    })
}

fn check(file: &Path, format: Format) -> Result<End> {
    let mut loaded = read(file, false)?;
    let directory = Directory::build(std::mem::take(&mut loaded.campaigns));
    let (faults, warnings) = (&loaded.faults, &loaded.warnings);
    let groups = directory.similar_groups_count();
    let mut out = io::stdout().lock();
    if format == Format::Json {
        let line = json!({
            "campaigns": directory.len(),
            "faults": faults,
            "warnings": warnings,
            "shapes": directory.shapes(),
            "similar_groups": groups,
        });
        writeln!(out, "{line}")?;
    } else {
        complain_of(&loaded);
        writeln!(
            out,
            "{} campaigns, {} faults, {} warnings, {} groups of similar names",
            directory.len(),
            faults.len(),
            warnings.len(),
            groups
        )?;
        for shape in directory.shapes() {
            writeln!(out, "{:>6.1} %  {}", shape.share * 100.0, output::inert(&shape.pattern))?;
        }
    }
    Ok(if faults.is_empty() { End::Ok } else { End::Faults })
}

fn similar(file: &Path, format: Listing) -> Result<End> {
    let Some(campaigns) = load(file, false)? else { return Ok(End::Faults) };
    let directory = Directory::build(campaigns);
    let mut out = io::BufWriter::new(io::stdout().lock());
    let mut rows = csv::Writer::from_writer(vec![]);
    rows.write_record(["group", "risk", "differ_by", "words", "account", "campaign_id", "name"])?;
    for (number, group) in directory.similar_groups(None, 0).enumerate() {
        let account = group.account.as_deref().unwrap_or("several accounts");
        let (reasons, words) = (group.reasons(), group.words.join(", "));
        match format {
            Listing::Json => writeln!(out, "{}", serde_json::to_string(&group)?)?,
            Listing::Text => {
                let words = if group.words.is_empty() { String::new() } else { format!(": {words}") };
                let account = output::inert(account);
                let because = match group.differ_by.is_empty() {
                    true => "the same name".to_owned(),
                    false => format!("differ by {reasons}{}", output::inert(&words)),
                };
                writeln!(out, "{:.1}  {account}, {because}", group.risk)?;
                for campaign in &group.campaigns {
                    let of = if group.account.is_none() { format!("  ({})", campaign.account) } else { String::new() };
                    writeln!(out, "      {}  {}{}", campaign.id, output::inert(&campaign.name), output::inert(&of))?;
                }
            }
            Listing::Csv => {
                for campaign in &group.campaigns {
                    let (number, risk) = ((number + 1).to_string(), format!("{:.2}", group.risk));
                    let [words, account, id, name] =
                        [&words, &campaign.account, &campaign.id, &campaign.name].map(|cell| inert(cell));
                    rows.write_record([&number, &risk, &reasons, &words, &account, &id, &name])?;
                }
            }
        }
    }
    if format == Listing::Csv {
        out.write_all(&rows.into_inner()?)?;
    }
    out.flush()?;
    Ok(End::Ok)
}

/// A cell that no spreadsheet takes for a formula.
fn inert(cell: &str) -> String {
    match cell.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        true => format!("'{cell}"),
        false => cell.to_owned(),
    }
}
