//! `deskclerk agent add|list|remove`: who may sign in to the console and call the API.
//!
//! Passwords come from a file or standard input, never from the command line, where every user of the host could read
//! them. Tokens and sign-in links are printed once and kept as hashes only.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Subcommand;
use serde_json::json;

use super::output::Format;
use super::{End, config};
use crate::desk::sources;
use crate::store::Store;
use crate::store::agents::Kind;
use crate::web::password;

/// How long a sign-in link is good for, milliseconds.
const LINK_MS: i64 = 60 * 60 * 1000;

/// `deskclerk agent …`
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Add an agent, or change the one with this name
    Add(Add),
    /// List all agents
    List {
        /// The settings file
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// How to print them
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Remove an agent, with all sessions and tokens
    Remove {
        /// The sign-in name
        name: String,
        /// The settings file
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
}

/// Adds an agent.
#[derive(Debug, clap::Args)]
pub struct Add {
    /// The sign-in name, of letters, digits, `-`, `_` and `.` only
    name: String,
    /// The agent's mail address
    #[arg(long, value_name = "ADDRESS")]
    address: String,
    /// A file that holds the password alone; - reads it from standard input
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Print a new API token
    #[arg(long)]
    token: bool,
    /// Print a link that signs in once, within the hour; the default without a password and a token
    #[arg(long)]
    link: bool,
    /// The settings file
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

/// Runs the command.
pub fn run(command: &Command) -> Result<End> {
    let path = match command {
        Command::Add(Add { config, .. }) | Command::List { config, .. } | Command::Remove { config, .. } => config,
    };
    let Some(settings) = config::load(path)? else { return Ok(End::Unusable) };
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let url = sources::store_url(&settings)?;
        let store = Store::open(&url, &settings.desk.data_dir, 1).await?;
        let end = match command {
            Command::Add(wanted) => add(&store, wanted, &settings.desk.public_url).await,
            Command::List { format, .. } => list(&store, *format).await,
            Command::Remove { name, .. } => remove(&store, name).await,
        };
        store.close().await;
        end
    })
}

async fn add(store: &Store, wanted: &Add, public_url: &str) -> Result<End> {
    let name = &wanted.name;
    if name.is_empty() || name.len() > 64 || !name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) {
        bail!("`{name}` is no sign-in name; use letters, digits, - _ .");
    }
    if wanted.address.split('@').filter(|part| !part.is_empty()).count() != 2 {
        bail!("`{}` is no mail address; write it as name@host.example", wanted.address);
    }
    let hash = match &wanted.password_file {
        Some(path) => Some(password::hash(&read_password(path)?).map_err(anyhow::Error::msg)?),
        None => None,
    };
    let now = super::now();
    store.put_agent(name, &wanted.address.to_lowercase(), hash.as_deref(), now).await?;
    let signs_in = json!({ "password": hash.is_some(), "token": wanted.token });
    store.record_act(super::ACTOR, "agent_put", &format!("agent {name}"), signs_in, now).await?;
    let mut out = io::stdout();
    if wanted.token {
        writeln!(out, "{}", store.issue_token(name, Kind::Api, i64::MAX, now).await?)?;
    }
    // Without password and token there must be a way in.
    if wanted.link || (hash.is_none() && !wanted.token) {
        let token = store.issue_token(name, Kind::Link, now + LINK_MS, now).await?;
        writeln!(out, "{public_url}/desk/link?token={token}")?;
    }
    if hash.is_some() && !wanted.token && !wanted.link {
        writeln!(out, "{name} may sign in at {public_url}/desk")?;
    }
    Ok(End::Ok)
}

fn read_password(path: &Path) -> Result<String> {
    let mut text = String::new();
    if path == Path::new("-") {
        io::stdin().lock().take(4096).read_to_string(&mut text).context("cannot read the password")?;
    } else {
        text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    }
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

async fn list(store: &Store, format: Format) -> Result<End> {
    let mut out = io::stdout();
    for agent in store.agents().await? {
        let signs_in = match agent.password_hash {
            Some(_) => "password",
            // A program; people without a password sign in by links.
            None if store.api_tokens(&agent.name, super::now()).await? > 0 => "token",
            None => "link",
        };
        match format {
            Format::Text => writeln!(out, "{:<20} {:<40} {signs_in}", agent.name, agent.address)?,
            Format::Json => {
                writeln!(out, "{}", json!({"name": agent.name, "address": agent.address, "signs_in_by": signs_in}))?;
            }
        }
    }
    Ok(End::Ok)
}

async fn remove(store: &Store, name: &str) -> Result<End> {
    if store.remove_agent(name).await? {
        let about = format!("agent {name}");
        store.record_act(super::ACTOR, "agent_removed", &about, json!({}), super::now()).await?;
        return Ok(End::Ok);
    }
    super::output::complain(&format!("there is no agent `{name}`"));
    Ok(End::Faults)
}
