//! `deskclerk outbox list|retry|drop|resume`: what is to be sent, what was refused for good, and what becomes of it.
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
    /// Try dead letters again, or what waits for its next try at once
    Retry(Chosen),
    /// Take out what was not sent; it never goes out
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
    | Command::Retry(Chosen { config: path, .. })
    | Command::Drop(Chosen { config: path, .. })
    | Command::Endpoints { config: path, .. }
    | Command::Enable { config: path, .. }
    | Command::Resume { config: path }) = command;
    let Some(settings) = config::load(path)? else { return Ok(End::Unusable) };
    super::runtime()?.block_on(async {
        // What is dropped may hand its ticket over: that takes the desk, not the store alone.
        if let Command::Drop(chosen) = command {
            let desk = Desk::open(settings).await.context("cannot open the desk")?;
            let end = act(&desk.store, chosen, Some(&desk)).await;
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
            Command::Retry(chosen) | Command::Drop(chosen) => act(&store, chosen, None).await,
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

/// Tries the chosen rows again; with a desk, drops them.
async fn act(store: &Store, chosen: &Chosen, dropping: Option<&Desk>) -> Result<End> {
    let ids = match chosen.ids.is_empty() {
        true => {
            let dead = Filter { states: vec![State::Dead], ticket: None, recipient: chosen.to.clone() };
            store.list_outgoing(&dead, i64::MAX).await?.into_iter().map(|row| row.id).collect()
        }
        false => chosen.ids.clone(),
    };
    let now = super::now();
    let mut end = End::Ok;
    for id in &ids {
        let done = match dropping {
            None => store.retry_outgoing(id, ACTOR, now).await,
            Some(desk) => desk.drop_outgoing(id, ACTOR, now).await,
        };
        match done {
            Ok(row) => show(&mut io::stdout(), &row, chosen.format)?,
            Err(error @ (store::Error::Missing(_) | store::Error::Refused(_))) => {
                output::complain(&error.to_string());
                end = End::Faults;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(end)
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

fn show(out: &mut impl Write, row: &Outgoing, format: Format) -> Result<()> {
    let time = |ms: i64| jiff::Timestamp::from_millisecond(ms).map(|time| time.to_string()).unwrap_or_default();
    let (kind, reason, state) = (json!(row.kind), json!(row.reason), json!(row.state));
    match format {
        Format::Json => writeln!(
            out,
            "{}",
            json!({
                "id": row.id, "ticket": row.ticket_id, "kind": kind, "reason": reason, "recipient": row.recipient,
                "subject": row.payload.subject, "message_id": row.message_id, "state": state, "attempts": row.attempts,
                "due_at": time(row.due_at), "created_at": time(row.created_at), "last_error": row.last_error,
            })
        )?,
        Format::Text => {
            let word = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
            let (state, reason) = (word(&state), word(&reason));
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
        }
    }
    Ok(())
}
