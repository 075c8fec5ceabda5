//! `deskclerk read-apart ID`: what the desk calls to read in a process of its own what another may have ended over. Not for
//! people, who have `deskclerk triage`.

use std::io;

use anyhow::Result;

use super::End;
use crate::desk::apart;

/// Reads one submission to see whether it ends its reader.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The submission's id
    id: String,
}

/// Runs the command.
pub fn run(args: &Args) -> Result<End> {
    let settings = serde_json::from_reader(io::stdin().lock())?;
    super::runtime()?.block_on(apart::read(settings, &args.id))?;
    Ok(End::Ok)
}
