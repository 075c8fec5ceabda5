//! `deskclerk deliver RECIPIENT…`: the pipe for an MTA. One mail on standard input is handed to the running daemon.
//!
//! Ends with 0 only when the daemon has stored the mail, and with 75 whenever another try may help, its own wrong arguments
//! among that: a mistake in the MTA's set-up keeps mails in the queue and bounces none. Needs no rights but to connect.

use std::ffi::OsString;
use std::io::{self, Read};
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use super::{End, config, output};
use crate::intake::lmtp::client::{self, Refusal};

/// More than any MTA passes on: what is bigger is not held in memory.
const MOST: u64 = 1 << 30;
/// How Postfix names the null sender to commands.
const NOBODY: &str = "MAILER-DAEMON";

/// Hands the mail on standard input to the running daemon. Exit code 0: it is stored; 75: try again later; 65 and 69: the
/// mail, or an address of it, is refused for good
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Envelope sender; '' is the null sender. Without it the environment variable SENDER, as Postfix, Exim, Dovecot and
    /// qmail set it for commands
    #[arg(long, value_name = "ADDRESS", allow_hyphen_values = true)]
    from: Option<String>,
    /// Where the daemon listens for LMTP: a socket address or the path of a Unix socket
    #[arg(long, value_name = "SOCKET", required_unless_present = "config")]
    to: Option<String>,
    /// The daemon's settings file, of which lmtp.listen is taken instead
    #[arg(long, value_name = "FILE", conflicts_with = "to")]
    config: Option<PathBuf>,
    /// Envelope recipients. Without any the environment variable RECIPIENT
    #[arg(value_name = "RECIPIENT")]
    recipients: Vec<String>,
}

/// Runs the command.
pub fn run(args: &Args) -> Result<End> {
    match std::panic::catch_unwind(|| deliver(args)) {
        Ok(Ok(end)) => Ok(end),
        Ok(Err(error)) => {
            output::complain(&format!("{error:#}"));
            Ok(End::Temporary)
        }
        Err(_) => Ok(End::Temporary),
    }
}

/// Whether these arguments of the process are meant for this command, though they cannot be parsed.
pub fn is_meant(mut arguments: impl Iterator<Item = OsString>) -> bool {
    arguments.nth(1).is_some_and(|word| word == "deliver")
}

fn deliver(args: &Args) -> Result<End> {
    // First, whatever comes of it: an MTA takes a pipe that breaks for a fault of its own.
    let mut piped = vec![];
    let mut input = io::stdin().lock();
    input.by_ref().take(MOST + 1).read_to_end(&mut piped).context("cannot read the mail from standard input")?;
    if piped.len() as u64 > MOST {
        io::copy(&mut input, &mut io::sink())?;
        output::complain(&format!("the mail is bigger than {MOST} bytes"));
        return Ok(End::Data);
    }
    let from = match (&args.from, std::env::var("SENDER")) {
        (Some(from), _) => from.clone(),
        (None, Ok(sender)) => sender,
        (None, Err(_)) => bail!("whose mail is it? write --from ADDRESS, or --from '' for the null sender"),
    };
    let from = if from.eq_ignore_ascii_case(NOBODY) { String::new() } else { from };
    let mut to = args.recipients.clone();
    if to.is_empty() {
        let recipient = std::env::var("RECIPIENT").unwrap_or_default();
        if recipient.is_empty() {
            bail!("for whom is it? write the recipients' addresses behind the options");
        }
        to.push(recipient);
    }
    let mail = client::canonical(&piped);
    drop(piped);
    if mail.is_empty() {
        // An MTA's mails have headers: the pipe broke, or somebody forgot the `<`.
        bail!("there is no mail on standard input");
    }
    for address in to.iter().chain([&from]) {
        if address.chars().any(char::is_control) {
            output::complain(&format!("{} is no address", output::inert(address)));
            return Ok(End::Unavailable);
        }
    }
    match client::hand_in(&door(args)?, &from, &to, &mail) {
        Ok(_) => Ok(End::Ok),
        Err(refusal) => {
            output::complain(&refusal.to_string());
            Ok(match refusal {
                Refusal::Later(_) => End::Temporary,
                Refusal::Mail(_) => End::Data,
                Refusal::Address(_) => End::Unavailable,
            })
        }
    }
}

fn door(args: &Args) -> Result<String> {
    if let Some(to) = &args.to {
        return Ok(to.clone());
    }
    let path = args.config.as_ref().context("write --config FILE or --to SOCKET")?;
    let settings = config::load(path)?.context("the settings have faults")?;
    if settings.lmtp.listen.is_empty() {
        bail!("lmtp.listen is empty in {}: set it, or name the socket by --to", path.display());
    }
    Ok(settings.lmtp.listen)
}
