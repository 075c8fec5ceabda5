//! `deskclerk config print|check`: shows the documented default file, checks one of the operator's.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Subcommand;

use super::{End, output};
use crate::config::fault::Fault;
use crate::config::secret;
use crate::config::settings::Config;
use crate::desk::sources;
use crate::intake::webhook::Hooks;

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
            let Some(settings) = load(config)? else { return Ok(End::Unusable) };
            let faults = beyond(&settings);
            if !faults.is_empty() {
                output::complain_of(&faults);
                return Ok(End::Unusable);
            }
            writeln!(io::stdout(), "{} is valid", config.display())?;
        }
    }
    Ok(End::Ok)
}

/// Faults of what the settings name: rules, campaign directory, secrets. `run` would refuse each of them.
fn beyond(settings: &Config) -> Vec<Fault> {
    let mut faults = sources::rules(&settings.rules.dir).err().unwrap_or_default();
    faults.extend(sources::directory(&settings.campaigns.file).err().unwrap_or_default());
    faults.extend(Hooks::open(settings).err().unwrap_or_default());
    let passwords = settings.imap.iter().map(|imap| ("imap.password_file", &imap.password_file));
    let smtp = Some(&settings.smtp)
        .filter(|smtp| !smtp.user.is_empty())
        .map(|smtp| ("smtp.password_file", &smtp.password_file));
    for (key, path) in passwords.chain(smtp) {
        if let Err(error) = secret::read_line(path) {
            let remedy = "write the password alone into that file".to_owned();
            faults.push(Fault { file: key.to_owned(), line: 0, message: error.to_string(), remedy });
        }
    }
    faults
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
