//! `deskclerk outbox list|show|release|retry|drop|resume`: what is to be sent, what was refused for good, and what becomes of
//! it.
//!
//! Works beside a running daemon. What is on the wire at the moment is left alone.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::Subcommand;
use serde_json::json;

use super::output::{self, Format};
use super::{ACTOR, End, config};
use crate::desk::{Desk, sources};
use crate::store::dispatch::Filter;
use crate::store::outbox::{Outgoing, State};
use crate::store::{self, Store};

/// `deskclerk outbox …`
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List mails and posts: without --state those that are still to be sent and the dead letters
    List {
        /// Only in these states: queued, draft, held, sent, dead, dropped
        #[arg(long, value_delimiter = ',', value_parser = state)]
        state: Vec<State>,
        /// Only of this ticket
        #[arg(long, value_name = "NUMBER")]
        ticket: Option<i64>,
        /// Only to this address, webhook or connector
        #[arg(long, value_name = "NAME")]
        to: Option<String>,
        /// At most so many, the newest first
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(i64).range(1..=100_000))]
        limit: i64,
        /// The settings file
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// How to print them
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Show one with its words: a draft before it is released, a mail that waits or was refused
    Show {
        /// Its id, as `outbox list` shows it
        id: String,
        /// The settings file
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// How to print it
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Send drafts (replies.mode = "draft"): their customers are asked, and their tickets wait for the answer
    Release {
        /// Ids of drafts, as `outbox list --state draft` shows them
        #[arg(required_unless_present = "ticket", conflicts_with = "ticket", value_name = "ID")]
        ids: Vec<String>,
        /// The drafts of this ticket
        #[arg(long, value_name = "NUMBER")]
        ticket: Option<i64>,
        /// The settings file
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// How to print what was done
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Try dead letters again, or what waits for its next try at once
    Retry(Chosen),
    /// Take out what was not sent, a draft as well; it never goes out
    Drop(Chosen),
    /// Show the webhooks and connectors that fail or are disabled
    Endpoints {
        /// The settings file
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// How to print them
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Give a disabled webhook or connector another chance; its dead letters wait for `outbox retry --to NAME`
    Enable {
        /// Its name in the settings
        name: String,
        /// The settings file
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Let automatic replies out again after the breaker has tripped
    Resume {
        /// The settings file
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
}

/// Which rows.
#[derive(Debug, clap::Args)]
pub struct Chosen {
    /// Ids, as `outbox list` shows them
    #[arg(required_unless_present_any = ["all_dead", "to"], conflicts_with_all = ["all_dead", "to"], value_name = "ID")]
    ids: Vec<String>,
    /// All dead letters
    #[arg(long)]
    all_dead: bool,
    /// All dead letters to this address, webhook or connector
    #[arg(long, value_name = "NAME")]
    to: Option<String>,
    /// The settings file
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// How to print what was done
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

fn state(word: &str) -> Result<State, String> {
    let known = || "known states: queued, draft, held, sent, dead, dropped".to_owned();
    serde_json::from_value(json!(word)).map_err(|_| known())
}

/// Runs the command.
pub fn run(command: &Command) -> Result<End> {
    let (Command::List { config: path, .. }
    | Command::Show { config: path, .. }
    | Command::Release { config: path, .. }
    | Command::Retry(Chosen { config: path, .. })
    | Command::Drop(Chosen { config: path, .. })
    | Command::Endpoints { config: path, .. }
    | Command::Enable { config: path, .. }
    | Command::Resume { config: path }) = command;
    let Some(settings) = config::load(path)? else { return Ok(End::Unusable) };
    super::runtime()?.block_on(async {
        // What is dropped, released or tried again moves its ticket: that takes the desk, not the store alone.
        if matches!(command, Command::Drop(_) | Command::Retry(_) | Command::Release { .. }) {
            let desk = Desk::open(settings).await.context("cannot open the desk")?;
            let end = decide(&desk, command).await;
            desk.store.close().await;
            return end;
        }
        let url = sources::store_url(&settings)?;
        let store = Store::open(&url, &settings.desk.data_dir, 1).await?;
        let end = match command {
            Command::List { state, ticket, to, limit, format, .. } => {
                let states = match state.as_slice() {
                    [] => vec![State::Queued, State::Draft, State::Dead],
                    given => given.to_vec(),
                };
                list(&store, &Filter { states, ticket: *ticket, recipient: to.clone() }, *limit, *format).await
            }
            Command::Show { id, format, .. } => whole(&store, id, *format).await,
            Command::Drop(_) | Command::Retry(_) | Command::Release { .. } => Ok(End::Ok),
            Command::Endpoints { format, .. } => endpoints(&store, *format).await,
            Command::Enable { name, .. } => enable(&store, name).await,
            Command::Resume { config } => resume(&store, config).await,
        };
        store.close().await;
        end
    })
}

async fn list(store: &Store, filter: &Filter, limit: i64, format: Format) -> Result<End> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    for row in store.list_outgoing(filter, limit).await? {
        show(&mut out, &row, format)?;
    }
    out.flush()?;
    Ok(End::Ok)
}

/// Drops the chosen rows, releases them, or tries them again.
async fn decide(desk: &Desk, command: &Command) -> Result<End> {
    let now = super::now();
    match command {
        Command::Drop(chosen) => {
            let ids = ids(&desk.store, &chosen.ids, &dead(chosen)).await?;
            each(&ids, chosen.format, async |id| desk.drop_outgoing(id, ACTOR, now).await).await
        }
        Command::Retry(chosen) => {
            let ids = ids(&desk.store, &chosen.ids, &dead(chosen)).await?;
            each(&ids, chosen.format, async |id| desk.retry_outgoing(id, ACTOR, now).await).await
        }
        Command::Release { ids: given, ticket, format, .. } => {
            let drafts = Filter { states: vec![State::Draft], ticket: *ticket, recipient: None };
            let ids = ids(&desk.store, given, &drafts).await?;
            if ids.is_empty() {
                let ticket = ticket.unwrap_or_default();
                output::complain(&format!(
                    "ticket {ticket} has no draft; `outbox list --state draft` shows those there are"
                ));
                return Ok(End::Faults);
            }
            each(&ids, *format, async |id| desk.release_draft(id, ACTOR, now).await).await
        }
        _ => Ok(End::Ok),
    }
}

/// The dead letters that are meant where no id is given.
fn dead(chosen: &Chosen) -> Filter {
    Filter { states: vec![State::Dead], ticket: None, recipient: chosen.to.clone() }
}

/// The given ids, or those of what the filter finds.
async fn ids(store: &Store, given: &[String], otherwise: &Filter) -> Result<Vec<String>> {
    if !given.is_empty() {
        return Ok(given.to_vec());
    }
    Ok(store.list_outgoing(otherwise, i64::MAX).await?.into_iter().map(|row| row.id).collect())
}

/// Does this to each of them, and says what became of it.
async fn each(
    ids: &[String],
    format: Format,
    act: impl AsyncFn(&str) -> Result<Outgoing, store::Error>,
) -> Result<End> {
    let mut end = End::Ok;
    for id in ids {
        match act(id).await {
            Ok(row) => show(&mut io::stdout(), &row, format)?,
            Err(error @ (store::Error::Missing(_) | store::Error::Refused(_))) => {
                output::complain(&error.to_string());
                end = End::Faults;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(end)
}

/// One row with its words.
async fn whole(store: &Store, id: &str, format: Format) -> Result<End> {
    let row = match store.outgoing(id).await {
        Ok(row) => row,
        Err(error @ store::Error::Missing(_)) => {
            output::complain(&format!("{error}; `outbox list` shows what there is"));
            return Ok(End::Faults);
        }
        Err(error) => return Err(error.into()),
    };
    let mut out = io::stdout().lock();
    if format == Format::Json {
        let mut value = described(&row);
        value["text"] = json!(row.payload.text);
        writeln!(out, "{value}")?;
        return Ok(End::Ok);
    }
    show(&mut out, &row, format)?;
    writeln!(
        out,
        "Subject: {}\n\n{}",
        row.payload.subject.replace(char::is_control, " "),
        row.payload.text.trim_end()
    )?;
    Ok(End::Ok)
}

async fn endpoints(store: &Store, format: Format) -> Result<End> {
    for endpoint in store.endpoints_in_trouble().await? {
        match format {
            Format::Json => writeln!(io::stdout(), "{}", json!(endpoint))?,
            Format::Text => {
                let (word, since) = match (endpoint.disabled_at, endpoint.failing_since) {
                    (Some(at), _) => ("disabled", at),
                    (None, at) => ("failing", at.unwrap_or_default()),
                };
                let why = endpoint.because.or(endpoint.last_error).unwrap_or_default();
                let why = why.replace(char::is_control, " ");
                writeln!(io::stdout(), "{}  {word} since {}  {why}", endpoint.name, crate::desk::shown::time(since))?;
            }
        }
    }
    Ok(End::Ok)
}

async fn enable(store: &Store, name: &str) -> Result<End> {
    if store.enable_endpoint(name).await? {
        writeln!(io::stdout(), "{name} gets what is for it again; `outbox retry --to {name}` sends its dead letters")?;
        return Ok(End::Ok);
    }
    output::complain(&format!("{name} is not disabled; `outbox endpoints` shows those that are"));
    Ok(End::Faults)
}

async fn resume(store: &Store, config: &Path) -> Result<End> {
    if store.resume_replies(super::now()).await? {
        store.record_act(ACTOR, "replies_resumed", "breaker", json!({}), super::now()).await?;
        writeln!(io::stdout(), "automatic replies are sent again")?;
        return Ok(End::Ok);
    }
    output::complain(&format!("the breaker of the desk of {} does not hold", config.display()));
    Ok(End::Faults)
}

fn described(row: &Outgoing) -> serde_json::Value {
    let time = |ms: i64| jiff::Timestamp::from_millisecond(ms).map(|time| time.to_string()).unwrap_or_default();
    json!({
        "id": row.id, "ticket": row.ticket_id, "kind": row.kind, "reason": row.reason, "recipient": row.recipient,
        "subject": row.payload.subject, "message_id": row.message_id, "state": row.state, "attempts": row.attempts,
        "due_at": time(row.due_at), "created_at": time(row.created_at), "last_error": row.last_error,
    })
}

fn show(out: &mut impl Write, row: &Outgoing, format: Format) -> Result<()> {
    if format == Format::Json {
        writeln!(out, "{}", described(row))?;
        return Ok(());
    }
    let word = |value: serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let (state, reason) = (word(json!(row.state)), word(json!(row.reason)));
    write!(out, "{}  {state:<7} #{:<6} {reason:<15} {}", row.id, row.ticket_id, row.recipient)?;
    match row.attempts {
        0 => {}
        1 => write!(out, "  tried once")?,
        attempts => write!(out, "  tried {attempts} times")?,
    }
    if let Some(error) = &row.last_error {
        write!(out, "  {}", error.replace(char::is_control, " "))?;
    }
    writeln!(out)?;
    Ok(())
}
