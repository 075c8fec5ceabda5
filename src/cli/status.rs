//! `deskclerk status`: how the desk is at this moment: what the running daemon says of itself, and what waits in the store.
//!
//! Asks `/readyz` at `http.listen` and opens the store to read only. Ends with 1 when the daemon does not answer or is not
//! ready, so that a script may ask.

use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::output::{Format, inert, time};
use super::{End, config};
use crate::config::settings::Config;
use crate::desk::sources;
use crate::store::Store;
use crate::store::queues::Queues;

/// How long the daemon may take.
const PATIENCE: Duration = Duration::from_secs(8);
/// An answer of more bytes is none of ours.
const ANSWER_BYTES: u64 = 4 << 20;

/// Shows queues and their ages, doors, and what is amiss.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The settings file
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Text for people, or one JSON object
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// Runs the command.
pub fn run(args: &Args) -> Result<End> {
    let Some(settings) = config::load(&args.config)? else { return Ok(End::Unusable) };
    super::runtime()?.block_on(async {
        let daemon = ask(&settings.http.listen).await;
        let queues = waiting(&settings).await;
        let ready = daemon.as_ref().is_ok_and(|said| said["ready"] == true);
        let mut out = io::stdout().lock();
        match args.format {
            Format::Json => {
                let (daemon, silent) = match &daemon {
                    Ok(said) => (said.clone(), None),
                    Err(error) => (Value::Null, Some(format!("{error:#}"))),
                };
                let (queues, unread) = match &queues {
                    Ok(queues) => (json!(queues), None),
                    Err(error) => (daemon["desk"]["queues"].clone(), Some(format!("{error:#}"))),
                };
                let whole = json!({
                    "ready": ready, "daemon": daemon, "daemon_error": silent, "queues": queues, "store_error": unread,
                });
                writeln!(out, "{whole}")?;
            }
            Format::Text => {
                tell_daemon(&mut out, &settings, &daemon)?;
                match &queues {
                    Ok(queues) => tell_queues(&mut out, queues, super::now())?,
                    Err(error) => writeln!(out, "store    cannot be read: {}", inert(&format!("{error:#}")))?,
                }
            }
        }
        // Without daemon and store there is nothing that could be said.
        match (&daemon, queues) {
            (Err(_), Err(error)) => Err(error),
            _ => Ok(if ready { End::Ok } else { End::Faults }),
        }
    })
}

async fn waiting(settings: &Config) -> Result<Queues> {
    let store = Store::open_to_read(&sources::store_url(settings)?, &settings.desk.data_dir).await?;
    let queues = store.queues(super::now()).await;
    store.close().await;
    Ok(queues?)
}

/// What the daemon that listens there says of itself.
pub(super) async fn ask(listen: &str) -> Result<Value> {
    let address = reachable(listen.parse().context("http.listen is no socket address")?);
    let answer = tokio::time::timeout(PATIENCE, async {
        let mut stream = TcpStream::connect(address).await?;
        let head = format!("GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).await?;
        let mut answer = vec![];
        stream.take(ANSWER_BYTES).read_to_end(&mut answer).await?;
        io::Result::Ok(answer)
    });
    let answer = answer.await.map_err(|_| anyhow!("no answer from {address} in {} s", PATIENCE.as_secs()))?;
    let answer = answer.with_context(|| format!("no daemon answers at {address}"))?;
    let body = memchr::memmem::find(&answer, b"\r\n\r\n").map(|end| &answer[end + 4..]);
    let said: Option<Value> = body.and_then(|body| serde_json::from_slice(body).ok());
    said.filter(|said| said["checks"].is_array()).ok_or_else(|| anyhow!("what answers at {address} is no deskclerk"))
}

/// Where a listener on all addresses is reached from here.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let here = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(here, listen.port())
}

fn tell_daemon(out: &mut impl Write, settings: &Config, daemon: &Result<Value>) -> Result<()> {
    let said = match daemon {
        Ok(said) => said,
        Err(error) => {
            writeln!(out, "daemon   {}", inert(&format!("{error:#}")))?;
            return Ok(());
        }
    };
    let word = if said["ready"] == true { "ready" } else { "NOT READY" };
    let text = |value: &Value| inert(value.as_str().unwrap_or_default());
    writeln!(out, "daemon   {word}, version {}, at {}", text(&said["version"]), settings.http.listen)?;
    for check in said["checks"].as_array().into_iter().flatten().filter(|check| check["ok"] == false) {
        let sign = if check["needed"] == true { "wrong" } else { "amiss" };
        writeln!(out, "{sign:<8} {}: {}", text(&check["name"]), text(&check["because"]))?;
    }
    let desk = &said["desk"];
    writeln!(out, "rules    {}, {} campaigns", text(&desk["rules"]), desk["campaigns"])?;
    for (name, door) in desk["doors"].as_object().into_iter().flatten() {
        let word = match (door["open"] == true, door["elsewhere"] == true) {
            (true, _) => "open",
            (false, true) => "resting",
            (false, false) => "SHUT",
        };
        let since = door["since"].as_i64().map(time).unwrap_or_default();
        write!(out, "door     {:<20} {word} since {since}", inert(name))?;
        if let Some(waiting) = door["waiting"].as_u64().filter(|waiting| *waiting > 0) {
            match door["backlog"].as_u64().filter(|backlog| *backlog > 0) {
                Some(backlog) => write!(out, ", {waiting} of {backlog} mails still to be taken in")?,
                None => write!(out, ", {waiting} mails still to be taken in")?,
            }
        }
        if let Some(because) = door["because"].as_str() {
            write!(out, ": {}", inert(because))?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn tell_queues(out: &mut impl Write, queues: &Queues, now: i64) -> Result<()> {
    let age = |since: Option<i64>| since.map_or(String::new(), |since| format!(", the oldest {}", ago(since, now)));
    writeln!(out, "intake   {} to be settled{}", queues.pending, age(queues.pending_since))?;
    for door in &queues.doors {
        writeln!(out, "         {} of {}{}", door.pending, inert(&door.door), age(Some(door.since)))?;
    }
    let due = queues.queued_due.filter(|due| *due <= now);
    let overdue = due.map_or(String::new(), |due| format!(", the oldest due {}", ago(due, now)));
    writeln!(out, "outbox   {} to be sent{overdue}, {} dead, {} drafts", queues.queued, queues.dead, queues.drafts)?;
    writeln!(out, "replies  {} in the past hour", queues.replies_proven + queues.replies_unproven)?;
    writeln!(out, "keep     {} in quarantine", queues.quarantined)?;
    let (ready, open, waiting) = (queues.tickets_ready, queues.tickets_open, queues.tickets_waiting);
    writeln!(out, "tickets  {ready} ready, {open} open, {waiting} waiting for customers")?;
    Ok(())
}

/// How long ago, in the largest fitting unit.
fn ago(since: i64, now: i64) -> String {
    match now.saturating_sub(since).max(0) / 1000 {
        secs @ 0..=119 => format!("{secs} s ago"),
        secs @ 120..=7199 => format!("{} min ago", secs / 60),
        secs @ 7200..=172_799 => format!("{} h ago", secs / 3600),
        secs => format!("{} days ago", secs / 86_400),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn doors_say_how_far_they_are() {
        let check = |door: Value, expected: &str| {
            let settings = crate::config::default_in(std::path::Path::new("/"));
            let said = json!({"ready": true, "version": "1", "checks": [], "desk": {"rules": "r", "campaigns": 1, "doors":
                {"imap:a": door}}});
            let mut out = vec![];
            tell_daemon(&mut out, &settings, &Ok(said)).unwrap();
            let out = String::from_utf8(out).unwrap();
            assert!(out.lines().last().unwrap().ends_with(expected), "{out}");
        };
        let since = 1_000_000;
        check(json!({"open": true, "since": since, "waiting": 7, "backlog": 0}), ", 7 mails still to be taken in");
        check(
            json!({"open": true, "since": since, "waiting": 60_000, "backlog": 100_000}),
            ", 60000 of 100000 mails still to be taken in",
        );
        let resting = json!({"open": false, "elsewhere": true, "since": since, "because": "another node reads it"});
        check(resting, "resting since 1970-01-01T00:16:40Z: another node reads it");
        check(json!({"open": false, "since": since, "because": "x"}), "SHUT since 1970-01-01T00:16:40Z: x");
    }

    #[test]
    fn ages_are_for_people_and_addresses_can_be_reached() {
        for (secs, expected) in [(0, "0 s ago"), (120, "2 min ago"), (7200, "2 h ago"), (200_000, "2 days ago")] {
            assert_eq!(ago(0, secs * 1000), expected);
        }
        assert_eq!(ago(5_000, 0), "0 s ago");
        for (listen, expected) in [("0.0.0.0:1", "127.0.0.1:1"), ("[::]:1", "[::1]:1"), ("192.0.2.1:1", "192.0.2.1:1")]
        {
            assert_eq!(reachable(listen.parse().unwrap()).to_string(), expected);
        }
    }
}
