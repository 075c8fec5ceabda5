//! `deskclerk config print|check`: shows the documented default file, checks one of the operator's.

use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Subcommand;

use super::output::Format;
use super::{End, named, output};
use crate::config::fault::Fault;
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
        /// Text for people, or JSON: a list of faults
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
}

/// Runs the command.
pub fn run(command: &Command) -> Result<End> {
    match command {
        Command::Print => io::stdout().write_all(crate::config::DEFAULT.as_bytes())?,
        Command::Check { config, format } => {
            let (_, faults) = examine(config)?;
            match format {
                Format::Json => writeln!(io::stdout(), "{}", serde_json::to_string_pretty(&faults)?)?,
                Format::Text if faults.is_empty() => writeln!(io::stdout(), "{} is valid", config.display())?,
                Format::Text => output::complain_of(&faults),
            }
            return Ok(if faults.is_empty() { End::Ok } else { End::Unusable });
        }
    }
    Ok(End::Ok)
}

/// Reads and checks a settings file. `None` when it has faults, which have then been said.
pub fn load(path: &Path) -> Result<Option<Config>> {
    let (_, settings, faults) = read(path)?;
    output::complain_of(&faults);
    Ok(faults.is_empty().then_some(settings))
}

/// What a settings file says as far as it is right, and all that is wrong with it and with what it names.
pub(super) fn examine(path: &Path) -> Result<(Config, Vec<Fault>)> {
    let (text, settings, mut faults) = read(path)?;
    crate::config::join(&mut faults, named::faults(&settings, &text, &path.display().to_string()));
    Ok((settings, faults))
}

/// A settings file's text, what it says as far as it is right, and what is wrong with it.
pub(super) fn read(path: &Path) -> Result<(String, Config, Vec<Fault>)> {
    let bytes = std::fs::read(path).map_err(|error| {
        let (file, absent) = (path.display(), error.kind() == ErrorKind::NotFound);
        let remedy =
            if absent { format!("; `deskclerk config print > {file}` makes one to begin with") } else { String::new() };
        anyhow::anyhow!("cannot read the settings file {file}: {error}{remedy}")
    })?;
    let (file, text) = (path.display().to_string(), String::from_utf8_lossy(&bytes));
    let folder = std::path::absolute(path)?.parent().map(Path::to_path_buf).unwrap_or_default();
    let (settings, mut faults) = crate::config::parse_all(&text, &file, &folder);
    let foreign = bytes.split(|byte| *byte == b'\n').zip(1..).filter(|(line, _)| std::str::from_utf8(line).is_err());
    faults.extend(foreign.map(|(line, number)| Fault {
        file: file.clone(),
        line: number,
        message: format!("not UTF-8: {}", String::from_utf8_lossy(line).trim()),
        remedy: "save the file as UTF-8".into(),
    }));
    faults.sort();
    Ok((text.into_owned(), settings, faults))
}
