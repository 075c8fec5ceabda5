//! `deskclerk config print|check`: shows the documented default file, checks one of the operator's.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Subcommand;

use super::{End, output};
use crate::config::settings::Config;

/// `deskclerk config …`
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print the default file, which documents every key
    Print,
    /// Check a file: every fault with key, line and remedy
    Check {
        /// The settings file
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
}

/// Runs the command.
pub fn run(command: &Command) -> Result<End> {
    match command {
        Command::Print => io::stdout().write_all(crate::config::DEFAULT.as_bytes())?,
        Command::Check { config } => {
            if load(config)?.is_none() {
                return Ok(End::Unusable);
            }
            writeln!(io::stdout(), "{} is valid", config.display())?;
        }
    }
    Ok(End::Ok)
}

/// Reads and checks a settings file. `None` when it has faults, which have then been said.
pub fn load(path: &Path) -> Result<Option<Config>> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read the settings file {}", path.display()))?;
    let folder = std::path::absolute(path)?.parent().map(Path::to_path_buf).unwrap_or_default();
    match crate::config::parse(&text, &path.display().to_string(), &folder) {
        Ok(config) => Ok(Some(config)),
        Err(faults) => {
            output::complain_of(&faults);
            Ok(None)
        }
    }
}
