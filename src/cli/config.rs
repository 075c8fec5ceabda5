//! `deskclerk config print|check`: shows the documented default file, checks one of the operator's.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Subcommand;

use super::output::Format;
use super::{End, output, secrets};
use crate::config::fault::Fault;
use crate::config::secret;
use crate::config::settings::Config;
use crate::desk::{hooks, sources};
use crate::intake::webhook::Hooks;
use crate::reply::templates::{self, Templates};
use crate::{delivery, intake};

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
            let (text, settings, mut faults) = read(config)?;
            faults.extend(beyond(&settings, &text, &config.display().to_string())?);
            faults.sort();
            faults.dedup();
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

/// Faults of what the settings name: rules, campaign directory, secrets, teams. `run` would refuse most of them.
pub(super) fn beyond(settings: &Config, text: &str, file: &str) -> Result<Vec<Fault>> {
    let mut faults = vec![];
    let fault = |table: &str, index: usize, key: &str, message: String, remedy: &str| Fault {
        file: file.to_owned(),
        line: crate::config::line_of_key(text, table, index, key),
        message: format!("{table}.{key}: {message}"),
        remedy: remedy.to_owned(),
    };
    let absent = |table: &str, key: &str, path: &Path, what: &str, is: fn(&Path) -> bool| {
        let named = !path.as_os_str().is_empty() && !is(path);
        named.then(|| fault(table, 0, key, format!("{} is no {what}", path.display()), "name one that is there"))
    };
    match absent("campaigns", "file", &settings.campaigns.file, "regular file", Path::is_file) {
        Some(fault) => faults.push(fault),
        None => faults.extend(sources::directory(&settings.campaigns.file).err().unwrap_or_default()),
    }
    let no_folder = absent("rules", "dir", &settings.rules.dir, "folder", Path::is_dir);
    match no_folder.map_or_else(|| sources::rules(&settings.rules.dir), |fault| Err(vec![fault])) {
        Ok(rules) => {
            for (index, hook) in settings.hook.iter().enumerate() {
                let wrong = hooks::source(hook, &rules).err();
                faults.extend(wrong.map(|(key, why, remedy)| fault("hook", index, key, why, &remedy)));
            }
            let teams = rules.teams();
            let unknown = settings.teams.keys().filter(|team| !teams.contains(team.as_str()));
            let remedy =
                format!("the teams of these rules are {}", teams.iter().copied().collect::<Vec<_>>().join(", "));
            faults.extend(unknown.map(|team| fault("teams", 0, team, "no rule names this team".into(), &remedy)));
            match Templates::compile(&rules.replies) {
                Ok(templates) => {
                    let (language, languages) = (&settings.desk.language, templates.languages());
                    if !languages.contains(&templates::primary(language).as_str()) {
                        let message = format!("there are no replies in \"{language}\"");
                        let remedy = format!("the languages of these rules are {}", languages.join(", "));
                        faults.push(fault("desk", 0, "language", message, &remedy));
                    }
                }
                Err(found) => faults.extend(found),
            }
        }
        Err(found) => faults.extend(found),
    }
    if let Err(error) = super::run::filter(&settings.log.level) {
        let message = format!("\"{}\" is no filter: {error}", settings.log.level);
        faults.push(fault("log", 0, "level", message, "write info, or deskclerk=debug,info"));
    }
    let data = &settings.desk.data_dir;
    if data.exists() && !data.is_dir() {
        let message = format!("{} is no folder", data.display());
        faults.push(fault("desk", 0, "data_dir", message, "name a folder; it is made when it is not there"));
    }
    let socket = Path::new(&settings.lmtp.listen);
    if let Some(parent) = socket.parent().filter(|parent| socket.is_absolute() && !parent.is_dir()) {
        let message = format!("the folder {} of the socket is not there", parent.display());
        faults.push(fault("lmtp", 0, "listen", message, "make it, or name another path"));
    }
    if socket.is_absolute() && socket.is_file() {
        let message = format!("{} is a file, and no socket", socket.display());
        faults.push(fault("lmtp", 0, "listen", message, "name a path that is free"));
    }
    let folder = &settings.smtp.folder;
    if !folder.as_os_str().is_empty() && folder.exists() && !folder.is_dir() {
        let message = format!("{} is no folder", folder.display());
        faults.push(fault("smtp", 0, "folder", message, "name a folder; it is made when it is not there"));
    }
    let elsewhere = secrets::elsewhere(settings);
    faults.extend(secrets::unreadable(settings, text, file, false));
    if elsewhere > 0 {
        output::complain(&format!(
            "{elsewhere} secrets are credentials of the service manager: only `run` can read them"
        ));
    }
    if faults.is_empty() && elsewhere == 0 {
        // Nobody is connected to; keys and certificates are read.
        if let Err((key, why)) = delivery::prove(settings) {
            faults.push(fault("smtp", 0, key, why, "without it every reply would wait in the outbox"));
        }
        if let Err((index, why)) = delivery::prove_webhooks(settings) {
            faults.push(fault("webhook", index, "secret_files", why, "without it nothing would be posted"));
        }
        for (index, imap) in settings.imap.iter().enumerate() {
            if let Err(why) = intake::imap::prove(imap) {
                faults.push(fault("imap", index, "ca_file", why, "name a PEM file of certificates"));
            }
        }
    }
    let here = !settings.hook.iter().flat_map(|hook| &hook.secret_files).any(|path| secret::is_elsewhere(path));
    if here && faults.is_empty() {
        faults.extend(Hooks::open(settings).err().unwrap_or_default());
    }
    Ok(faults)
}

/// Reads and checks a settings file. `None` when it has faults, which have then been said.
pub fn load(path: &Path) -> Result<Option<Config>> {
    let (_, settings, faults) = read(path)?;
    output::complain_of(&faults);
    Ok(faults.is_empty().then_some(settings))
}

/// A settings file's text, what it says as far as it is right, and what is wrong with it.
pub(super) fn read(path: &Path) -> Result<(String, Config, Vec<Fault>)> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read the settings file {}", path.display()))?;
    let folder = std::path::absolute(path)?.parent().map(Path::to_path_buf).unwrap_or_default();
    let (settings, faults) = crate::config::parse_all(&text, &path.display().to_string(), &folder);
    Ok((text, settings, faults))
}
