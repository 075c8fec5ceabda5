//! `deskclerk triage`: placeholder frame.
use super::End;
use anyhow::Result;
/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {}
/// Runs the command.
pub fn run(_args: &Args) -> Result<End> {
    Ok(End::Ok)
}
