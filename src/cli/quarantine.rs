//! `deskclerk quarantine list|show|replay|drop`: what could not be read, is over the bounds or looks like a loop.
//!
//! Works beside a running daemon, which settles within a second what is replayed. Nothing is ever deleted here.

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::Result;
use clap::Subcommand;
use serde_json::json;

use super::output::{self, Format, inert, time};
use super::{ACTOR, End, config};
use crate::desk::quarantine::glance;
use crate::desk::sources;
use crate::store::quarantine::Listed;
use crate::store::submissions::Outcome;
use crate::store::{self, Store};

/// `deskclerk quarantine …`
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List it, the newest first
    List {
        /// At most so many
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(i64).range(1..=100_000))]
        limit: i64,
        /// The settings file
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// How to print them
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Show one: why it is there, its headers, or its bytes
    Show {
        /// Its id, as `quarantine list` shows it
        id: String,
        /// Print the bytes as they came, and nothing else
        #[arg(long)]
        raw: bool,
        /// The settings file
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// How to print it
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Read and judge it once more, after rules, bounds or this program have changed
    Replay(Chosen),
    /// Turn it away for good; its bytes stay as long as the table `retention` says
    Drop {
        /// Which
        #[command(flatten)]
        chosen: Chosen,
        /// Why, for those who come later
        #[arg(long, value_name = "TEXT", default_value = "dropped from quarantine")]
        because: String,
    },
}

/// Which submissions.
#[derive(Debug, clap::Args)]
pub struct Chosen {
    /// Ids, as `quarantine list` shows them
    #[arg(required_unless_present = "all", conflicts_with = "all", value_name = "ID")]
    ids: Vec<String>,
    /// All that is in quarantine
    #[arg(long)]
    all: bool,
    /// The settings file
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

/// Runs the command.
pub fn run(command: &Command) -> Result<End> {
    let (Command::List { config: path, .. }
    | Command::Show { config: path, .. }
    | Command::Replay(Chosen { config: path, .. })
    | Command::Drop { chosen: Chosen { config: path, .. }, .. }) = command;
    let Some(settings) = config::load(path)? else { return Ok(End::Unusable) };
    super::runtime()?.block_on(async {
        let url = sources::store_url(&settings)?;
        let store = match command {
            Command::List { .. } | Command::Show { .. } => Store::open_to_read(&url, &settings.desk.data_dir).await?,
            _ => Store::open(&url, &settings.desk.data_dir, 1).await?,
        };
        let store = store.with_blobs(sources::blobs(&settings)?);
        let end = match command {
            Command::List { limit, format, .. } => list(&store, *limit, *format).await,
            Command::Show { id, raw, format, .. } => show(&store, id, *raw, *format).await,
            Command::Replay(chosen) => act(&store, chosen, None).await,
            Command::Drop { chosen, because } => act(&store, chosen, Some(because)).await,
        };
        store.close().await;
        end
    })
}

async fn list(store: &Store, limit: i64, format: Format) -> Result<End> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    for Listed { id, source, received_at, attempts, because, bytes } in
        store.list_submissions(Outcome::Quarantined, limit, None).await?
    {
        let because = because.unwrap_or_default();
        match format {
            Format::Text => {
                writeln!(out, "{id}  {}  {source:<16} {bytes:>9} B  {}", time(received_at), inert(&because))?;
            }
            Format::Json => writeln!(
                out,
                "{}",
                json!({
                    "id": id, "source": source, "received_at": time(received_at), "attempts": attempts,
                    "because": because, "bytes": bytes,
                })
            )?,
        }
    }
    out.flush()?;
    Ok(End::Ok)
}

async fn show(store: &Store, id: &str, raw: bool, format: Format) -> Result<End> {
    let found = store.submission(id).await?;
    let Some(kept) = found.filter(|submission| submission.outcome == Some(Outcome::Quarantined)) else {
        output::complain(&format!("{id} is not in quarantine; `deskclerk quarantine list` shows what is"));
        return Ok(End::Faults);
    };
    let mut out = io::stdout().lock();
    if raw {
        out.write_all(&kept.raw)?;
        return Ok(End::Ok);
    }
    let (headers, because) = (glance(&kept), kept.because.clone().unwrap_or_default());
    match format {
        Format::Json => writeln!(
            out,
            "{}",
            json!({
                "id": kept.id, "source": kept.source, "source_key": kept.source_key, "kind": kept.kind,
                "received_at": time(kept.received_at), "quarantined_at": kept.settled_at.map(time),
                "attempts": kept.attempts, "because": because, "bytes": kept.raw.len(),
                "envelope": { "from": kept.envelope.from, "to": kept.envelope.to }, "headers": headers,
            })
        )?,
        Format::Text => {
            writeln!(out, "{}", kept.id)?;
            writeln!(out, "because    {}", inert(&because))?;
            writeln!(out, "door       {} {}", kept.source, inert(kept.source_key.as_deref().unwrap_or_default()))?;
            writeln!(out, "came       {}", time(kept.received_at))?;
            writeln!(out, "size       {} bytes, claimed {} times", kept.raw.len(), kept.attempts)?;
            for (name, value) in headers {
                writeln!(out, "{name:<10} {}", inert(&value))?;
            }
        }
    }
    Ok(End::Ok)
}

/// Replays, or drops for a reason.
async fn act(store: &Store, chosen: &Chosen, because: Option<&str>) -> Result<End> {
    let ids = match chosen.all {
        true => {
            let all = store.list_submissions(Outcome::Quarantined, i64::MAX, None).await?;
            all.into_iter().map(|listed| listed.id).collect()
        }
        false => chosen.ids.clone(),
    };
    let mut end = End::Ok;
    for id in &ids {
        let (done, word) = match because {
            Some(because) => (store.reject_submission(id, because, ACTOR, super::now()).await, "dropped"),
            None => (store.replay_submission(id, ACTOR, super::now()).await, "to be settled once more"),
        };
        match done {
            Ok(()) => writeln!(io::stdout(), "{id}  {word}")?,
            Err(error @ (store::Error::Missing(_) | store::Error::Refused(_))) => {
                output::complain(&error.to_string());
                end = End::Faults;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(end)
}
