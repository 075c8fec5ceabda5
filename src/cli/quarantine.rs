//! `deskclerk quarantine list|show|replay|ticket|drop`: what could not be read, is over the bounds or looks like a loop, and
//! what was set aside as automated.
//!
//! Works beside a running daemon, which settles within a second what is replayed. Nothing is ever deleted here.

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::Result;
use clap::Subcommand;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde_json::json;

use super::output::{self, Format, inert, time};
use super::{ACTOR, End, config};
use crate::desk::quarantine::{Glanced, glance, glance_at};
use crate::desk::sources;
use crate::store::quarantine::{Again, ENDS, Listed};
use crate::store::submissions::{Outcome, Submission};
use crate::store::{self, Store};

/// `deskclerk quarantine …`
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List it, the newest first
    List {
        /// How it ended: not decided yet, set aside as automated mail, or dropped
        #[arg(long, default_value = Outcome::Quarantined.as_str(), value_parser = outcomes())]
        outcome: Outcome,
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
    /// Make a ticket of it: it is judged as what a person wrote, and never answered automatically
    Ticket {
        /// Ids, as `quarantine list` shows them
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
        /// The settings file
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
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
    | Command::Ticket { config: path, .. }
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
            Command::List { outcome, limit, format, .. } => list(&store, *outcome, *limit, *format).await,
            Command::Show { id, raw, format, .. } => show(&store, id, *raw, *format).await,
            Command::Replay(chosen) => act(&store, &chosen.ids(&store).await?, Act::Again(Again::Anew)).await,
            Command::Ticket { ids, .. } => act(&store, ids, Act::Again(Again::AsAPersons)).await,
            Command::Drop { chosen, because } => act(&store, &chosen.ids(&store).await?, Act::Drop(because)).await,
        };
        store.close().await;
        end
    })
}

/// Reads how it ended.
fn outcomes() -> impl TypedValueParser<Value = Outcome> {
    let known = |word: String| ENDS.into_iter().find(|end| end.as_str() == word).unwrap_or(Outcome::Quarantined);
    PossibleValuesParser::new(ENDS.map(Outcome::as_str)).map(known)
}

async fn list(store: &Store, outcome: Outcome, limit: i64, format: Format) -> Result<End> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let listed = store.list_submissions(outcome, limit, None).await?;
    for Glanced { listed, from, subject } in glance_at(store, listed).await? {
        let Listed { id, source, kind: _, received_at, attempts, because, bytes } = listed;
        let because = because.unwrap_or_default();
        match format {
            Format::Text => {
                let (came, because) = (time(received_at), inert(&because));
                let (from, subject) = (from.unwrap_or_default(), subject.unwrap_or_default());
                writeln!(out, "{id}  {came}  {source:<16} {bytes:>9} B  {from}  \"{subject}\"  {because}")?;
            }
            Format::Json => writeln!(
                out,
                "{}",
                json!({
                    "id": id, "outcome": outcome, "source": source, "received_at": time(received_at),
                    "attempts": attempts, "because": because, "bytes": bytes, "from": from, "subject": subject,
                })
            )?,
        }
    }
    out.flush()?;
    Ok(End::Ok)
}

async fn show(store: &Store, id: &str, raw: bool, format: Format) -> Result<End> {
    let found = store.submission(id).await?;
    let ended = |submission: &Submission| submission.outcome.is_some_and(|outcome| ENDS.contains(&outcome));
    let Some(kept) = found.filter(ended) else {
        output::complain(&format!(
            "{id} is not in quarantine, nor set aside; `deskclerk quarantine list` shows what is"
        ));
        return Ok(End::Faults);
    };
    let mut out = io::stdout().lock();
    if raw {
        out.write_all(&kept.raw)?;
        return Ok(End::Ok);
    }
    let (headers, because) = (glance(kept.kind, &kept.raw), kept.because.clone().unwrap_or_default());
    match format {
        Format::Json => writeln!(
            out,
            "{}",
            json!({
                "id": kept.id, "outcome": kept.outcome, "source": kept.source, "source_key": kept.source_key, "kind": kept.kind,
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

impl Chosen {
    async fn ids(&self, store: &Store) -> Result<Vec<String>> {
        if !self.all {
            return Ok(self.ids.clone());
        }
        let all = store.list_submissions(Outcome::Quarantined, i64::MAX, None).await?;
        Ok(all.into_iter().map(|listed| listed.id).collect())
    }
}

/// What is done to each.
#[derive(Clone, Copy)]
enum Act<'a> {
    Again(Again),
    /// For this reason.
    Drop(&'a str),
}

async fn act(store: &Store, ids: &[String], act: Act<'_>) -> Result<End> {
    let mut end = End::Ok;
    for id in ids {
        let now = super::now();
        let (done, word) = match act {
            Act::Drop(because) => (store.reject_submission(id, because, ACTOR, now).await, "dropped"),
            Act::Again(how) => {
                let word = match how {
                    Again::Anew => "to be settled once more",
                    Again::AsAPersons => "to become a ticket",
                };
                (store.replay_submission(id, how, ACTOR, now).await, word)
            }
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
