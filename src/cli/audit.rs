//! `deskclerk audit`: what people did, on tickets and otherwise, newest first. Only reads.

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::Result;
use serde_json::json;

use super::output::{Format, inert, time};
use super::{End, config};
use crate::desk::sources;
use crate::store::Store;

/// Shows who changed what and when: agents by console and API, operators by the command line.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only since then, as 2026-01-31T08:00:00Z
    #[arg(long, value_name = "TIME")]
    since: Option<jiff::Timestamp>,
    /// Only by this one: agent:NAME, or operator
    #[arg(long, value_name = "WHO")]
    actor: Option<String>,
    /// At most so many
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(i64).range(1..=1_000_000))]
    limit: i64,
    /// The settings file
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// How to print them
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// Runs the command.
pub fn run(args: &Args) -> Result<End> {
    let Some(settings) = config::load(&args.config)? else { return Ok(End::Unusable) };
    super::runtime()?.block_on(async {
        let store = Store::open_to_read(&sources::store_url(&settings)?, &settings.desk.data_dir).await?;
        let since = args.since.map_or(0, jiff::Timestamp::as_millisecond);
        let acts = store.acts(since, args.actor.as_deref(), args.limit).await?;
        store.close().await;
        let mut out = io::BufWriter::new(io::stdout().lock());
        for act in &acts {
            match args.format {
                Format::Text => {
                    let (when, detail) = (time(act.at), inert(&act.detail.to_string()));
                    writeln!(out, "{when}  {:<20} {:<18} {}  {detail}", act.actor, act.what, inert(&act.about))?;
                }
                Format::Json => writeln!(
                    out,
                    "{}",
                    json!({
                        "at": time(act.at), "actor": act.actor, "what": act.what, "about": act.about,
                        "detail": act.detail,
                    })
                )?,
            }
        }
        out.flush()?;
        Ok(End::Ok)
    })
}
