//! `deskclerk erase --requester ADDRESS`: takes a person out of the desk: tickets, messages, originals, outgoing mails, and
//! the traces of all of them in the database's own files. Without `--yes` it only says what it would erase.
//!
//! Works beside a running daemon. Backups are not reached; it says so.

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::{Result, bail};
use serde_json::json;

use super::output::{self, Format};
use super::{ACTOR, End, config};
use crate::config::settings::Config;
use crate::desk::sources;
use crate::store::Store;
use crate::store::erase::{Elsewhere, Erased, Trace};
use crate::store::submissions::{Kind, Submission};

/// Tickets of one transaction.
const TICKETS: usize = 25;
/// Submissions that are looked into at once.
const PAGE: i64 = 50;

/// Erases all that a person sent and was sent.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The person's mail address
    #[arg(long, value_name = "ADDRESS")]
    requester: String,
    /// Do it; without this it is only said what would be erased
    #[arg(long)]
    yes: bool,
    /// The settings file
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// How to print what was done
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// What is to go.
struct Found {
    tickets: Vec<i64>,
    elsewhere: Vec<Elsewhere>,
    beside: Vec<String>,
}

/// Runs the command.
pub fn run(args: &Args) -> Result<End> {
    let Some(settings) = config::load(&args.config)? else { return Ok(End::Unusable) };
    let address = args.requester.trim().to_lowercase();
    if address.split('@').filter(|part| !part.is_empty()).count() != 2 {
        bail!("`{}` is no mail address; write it as name@host.example", args.requester);
    }
    super::runtime()?.block_on(async {
        let store = Store::open(&sources::store_url(&settings)?, &settings.desk.data_dir, 2).await?;
        let store = store.with_blobs(sources::blobs(&settings)?);
        let found = find(&store, &address).await?;
        let mut end = End::Ok;
        let (erased, flushed) = match args.yes {
            true => {
                let erased = erase(&store, &settings, &address, &found).await?;
                let flushed = store.flush().await?;
                if !flushed {
                    output::complain(
                        "the database's log still holds what was erased: others read all the time; run this again",
                    );
                    end = End::Temporary;
                }
                (erased, flushed)
            }
            false => (Erased::default(), false),
        };
        store.close().await;
        say(args, &found, &erased, flushed)?;
        Ok(end)
    })
}

async fn find(store: &Store, address: &str) -> Result<Found> {
    let progress = output::progress("looking through submissions");
    let mut beside = vec![];
    let mut after = String::new();
    loop {
        let page = store.originals_beside(&after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.id.clone();
        progress.inc(page.len() as u64);
        beside.extend(page.iter().filter(|submission| speaks_of(submission, address)).map(|found| found.id.clone()));
    }
    progress.finish_and_clear();
    Ok(Found { tickets: store.tickets_of(address).await?, elsewhere: store.messages_elsewhere(address).await?, beside })
}

/// Whether a submission that is on no ticket is of this person, or about him: his address stands in its envelope
/// or in its bytes, also as JSON writes it.
fn speaks_of(submission: &Submission, address: &str) -> bool {
    let finder = memchr::memmem::Finder::new(address.as_bytes());
    let holds = |bytes: &[u8]| finder.find(&bytes.to_ascii_lowercase()).is_some();
    let envelope = &submission.envelope;
    envelope.from.iter().chain(&envelope.to).any(|named| named.to_lowercase() == *address)
        || holds(&submission.raw)
        || (submission.kind == Kind::Hook
            && serde_json::from_slice::<serde_json::Value>(&submission.raw)
                .is_ok_and(|body| holds(body.to_string().as_bytes())))
}

async fn erase(store: &Store, settings: &Config, address: &str, found: &Found) -> Result<Erased> {
    let mut erased = Erased::default();
    for tickets in found.tickets.chunks(TICKETS) {
        erased.add(store.erase_tickets(tickets, Trace::Key, super::now()).await?);
    }
    erased.add(store.erase_messages(&found.elsewhere, super::now()).await?);
    erased.originals += store.erase_originals(&found.beside, Trace::Key, super::now()).await?;
    // For trials mails are written into a folder, each named by its row.
    if !settings.smtp.folder.as_os_str().is_empty() {
        for id in &erased.outgoing {
            match std::fs::remove_file(settings.smtp.folder.join(format!("{id}.eml"))) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
        }
    }
    store.close_erasure(address, &erased, ACTOR, super::now()).await?;
    Ok(erased)
}

fn say(args: &Args, found: &Found, erased: &Erased, flushed: bool) -> Result<()> {
    let mut out = io::stdout();
    let elsewhere: Vec<i64> = found.elsewhere.iter().map(|message| message.ticket).collect();
    if args.format == Format::Json {
        let whole = json!({
            "done": args.yes, "tickets": found.tickets, "messages_on_other_tickets": elsewhere,
            "submissions_on_no_ticket": found.beside, "flushed": flushed,
            "erased": {
                "tickets": erased.tickets, "messages": erased.messages, "originals": erased.originals,
                "outgoing": erased.outgoing.len(),
            },
        });
        writeln!(out, "{whole}")?;
        return Ok(());
    }
    if !args.yes {
        writeln!(out, "would erase {} tickets with all that hangs on them", found.tickets.len())?;
        writeln!(out, "            {} messages on tickets of others", found.elsewhere.len())?;
        writeln!(out, "            {} submissions that are on no ticket", found.beside.len())?;
        writeln!(out, "nothing was erased; add --yes")?;
        return Ok(());
    }
    writeln!(
        out,
        "erased {} tickets, {} messages, {} originals, {} outgoing mails",
        erased.tickets,
        erased.messages,
        erased.originals,
        erased.outgoing.len()
    )?;
    if !elsewhere.is_empty() {
        let numbers: Vec<String> = elsewhere.iter().map(|ticket| format!("#{ticket}")).collect();
        writeln!(out, "look at {}: the person wrote there, too, and others may have quoted it", numbers.join(", "))?;
    }
    writeln!(out, "backups, the mail server and your MTA's logs are not reached from here")?;
    Ok(())
}
