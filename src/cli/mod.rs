//! The command line: one file a command. Parses arguments, runs the command, turns its end into an exit code.
//!
//! Exit codes: 0 ok; 1 the work found faults; 2 unusable arguments or configuration; 75 temporary failure (sysexits
//! EX_TEMPFAIL, what an MTA takes for "try again"); of `deliver` alone 65 (EX_DATAERR) and 69 (EX_UNAVAILABLE).

pub mod agent;
pub mod apart;
pub mod audit;
pub mod backup;
pub mod campaigns;
pub mod config;
pub mod deliver;
pub mod demo;
pub mod doctor;
pub mod erase;
pub mod explain;
pub mod feedback;
pub mod hooks;
pub mod import;
mod labelled;
pub mod lean;
pub mod learn;
mod memory;
mod named;
pub mod outbox;
pub mod output;
pub mod quarantine;
pub mod replay;
pub mod replies;
pub mod rules;
pub mod run;
mod secrets;
pub mod status;
#[cfg(feature = "otel")]
pub mod traces;
pub mod triage;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::{desk, store};

/// The desk's clerk: takes in support mail and webhooks, finds campaign and help topic, asks for what is missing.
#[derive(Debug, Parser)]
#[command(name = "deskclerk", version, about, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the daemon
    Run(run::Args),
    /// What is wrong with this set-up, and what `run` would read and answer
    Doctor(doctor::Args),
    /// How the desk is: queues and their ages, doors, what is amiss
    Status(status::Args),
    /// Show the whole journey on shipped mails and posts; no set-up
    Demo(demo::Args),
    /// Judge mails without storing anything
    Triage(triage::Args),
    /// Read one submission to see whether that ends the process: the desk asks. Settings by standard input
    #[command(name = desk::apart::COMMAND, hide = true)]
    Apart(apart::Args),
    /// Who may sign in and call the API
    #[command(subcommand)]
    Agent(agent::Command),
    /// Put mails from files into the store and judge them
    Import(import::Args),
    /// The pipe for an MTA: hand the mail on standard input to the running daemon
    Deliver(deliver::Args),
    /// The campaign directory: import it, check it, list similar names
    #[command(subcommand)]
    Campaigns(campaigns::Command),
    /// What is to be sent: list it, try dead letters again, drop them
    #[command(subcommand)]
    Outbox(outbox::Command),
    /// What could not be read: list it, show it, try it again, drop it
    #[command(subcommand)]
    Quarantine(quarantine::Command),
    /// Write all that the desk keeps into a folder, beside a running daemon
    Backup(backup::Backup),
    /// Put a backup into an empty store
    Restore(backup::Restore),
    /// Take a person out of the desk: tickets, originals, mails
    Erase(erase::Args),
    /// Who changed what and when
    Audit(audit::Args),
    /// Show or check the words of automatic mails
    #[command(subcommand)]
    Replies(replies::Command),
    /// Try webhooks out: sign, send, check; list deliveries, take them in again
    #[command(subcommand)]
    Hooks(hooks::Command),
    /// Check, test, explain and replay the rules, or learn them
    #[command(subcommand)]
    Rules(rules::Command),
    /// Show or check the configuration
    #[command(subcommand)]
    Config(config::Command),
}

/// Who does what the command line does, in the audit trail.
const ACTOR: &str = "operator";

/// How a command ended, when it did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// All is well.
    Ok,
    /// The work found faults; they have been printed.
    Faults,
    /// Arguments or configuration cannot be used; it has been said why.
    Unusable,
    /// Try again later.
    Temporary,
    /// The mail is refused for good.
    Data,
    /// An address is refused for good.
    Unavailable,
}

impl From<End> for ExitCode {
    fn from(end: End) -> ExitCode {
        ExitCode::from(match end {
            End::Ok => 0,
            End::Faults => 1,
            End::Unusable => 2,
            End::Temporary => 75,
            End::Data => 65,
            End::Unavailable => 69,
        })
    }
}

/// Parses the arguments and runs the command.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        // An MTA bounces what ends with 2.
        Err(error) if error.use_stderr() && deliver::is_meant(std::env::args_os()) => {
            let _ = error.print();
            return End::Temporary.into();
        }
        Err(error) => error.exit(),
    };
    let end = match cli.command {
        Command::Run(args) => run::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Status(args) => status::run(&args),
        Command::Demo(args) => demo::run(&args),
        Command::Campaigns(command) => campaigns::run(&command),
        Command::Import(args) => import::run(&args),
        Command::Deliver(args) => deliver::run(&args),
        Command::Triage(args) => triage::run(&args),
        Command::Apart(args) => apart::run(&args),
        Command::Agent(command) => agent::run(&command),
        Command::Outbox(command) => outbox::run(&command),
        Command::Quarantine(command) => quarantine::run(&command),
        Command::Backup(args) => backup::backup(&args),
        Command::Restore(args) => backup::restore(&args),
        Command::Erase(args) => erase::run(&args),
        Command::Audit(args) => audit::run(&args),
        Command::Replies(command) => replies::run(&command),
        Command::Hooks(command) => hooks::run(&command),
        Command::Rules(command) => rules::run(&command),
        Command::Config(command) => config::run(&command),
    };
    match end {
        Ok(end) => end.into(),
        Err(error) if output::is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            output::complain(&format!("{error:#}"));
            if is_passing(&error) { End::Temporary.into() } else { End::Unusable.into() }
        }
    }
}

/// The runtime that commands with I/O run on.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}

/// The wall clock as unix milliseconds.
fn now() -> i64 {
    desk::unix_ms()
}

/// Whether trying again later may help: the database is out of reach.
fn is_passing(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let direct = cause.downcast_ref::<store::Error>();
        let store = direct.or(match cause.downcast_ref::<desk::Error>() {
            Some(desk::Error::Store(error)) => Some(error),
            _ => None,
        });
        matches!(store, Some(store::Error::Unreachable { .. }))
    })
}
