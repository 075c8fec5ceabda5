//! What settings name, looked at: rules, campaign directory, teams, folders, secrets, keys and certificates. Every fault at
//! once, whatever else is wrong. Connects to nobody, writes nothing and shows no secret.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::{output, secrets};
use crate::config::fault::Fault;
use crate::config::settings::Config;
use crate::desk::{hooks, sources};
use crate::intake::partners;
use crate::reply::templates::{self, Templates};
use crate::rules::Rules;
use crate::{config, delivery, intake};

const FOLDER: &str = "name a folder; it is made when it is not there";

/// Faults of one settings file.
struct Found<'a> {
    text: &'a str,
    file: &'a str,
    faults: Vec<Fault>,
}

impl Found<'_> {
    fn add(&mut self, table: &str, index: usize, key: &str, message: &str, remedy: &str) {
        self.faults.push(Fault {
            file: self.file.to_owned(),
            line: config::line_of_key(self.text, table, index, key),
            message: format!("{table}.{key}: {message}"),
            remedy: remedy.to_owned(),
        });
    }
}

/// Faults of what the settings name. `run` would refuse most of them, or do without what they are about.
pub(super) fn faults(settings: &Config, text: &str, file: &str) -> Vec<Fault> {
    let mut found = Found { text, file, faults: vec![] };
    let campaigns = &settings.campaigns.file;
    if !campaigns.as_os_str().is_empty() && !campaigns.is_file() {
        let message = format!("{} is no regular file", campaigns.display());
        found.add("campaigns", 0, "file", &message, "name one that is there");
    } else {
        found.faults.extend(sources::directory(campaigns).err().unwrap_or_default());
    }
    let rules = &settings.rules.dir;
    if !rules.as_os_str().is_empty() && !rules.is_dir() {
        let message = format!("{} is no folder", rules.display());
        found.add("rules", 0, "dir", &message, "name one that is there");
    } else {
        match sources::rules(rules) {
            Ok(rules) => by_rules(settings, &rules, &mut found),
            Err(faults) => {
                let folder = rules.display().to_string();
                for fault in faults {
                    match fault.line == 0 && fault.file == folder {
                        true => {
                            let message = format!("{folder} {}", fault.message);
                            found.add("rules", 0, "dir", &message, &fault.remedy);
                        }
                        false => found.faults.push(fault),
                    }
                }
            }
        }
    }
    if let Err(error) = super::run::filter(&settings.log.level) {
        let message = format!("\"{}\" is no filter: {error}", settings.log.level);
        found.add("log", 0, "level", &message, "write info, or deskclerk=debug,info");
    }
    places(settings, &mut found);
    let elsewhere = secrets::elsewhere(settings);
    found.faults.extend(secrets::unreadable(settings, text, file, false));
    if elsewhere > 0 {
        output::complain(&format!(
            "{elsewhere} secrets are credentials of the service manager: only `run` can read them"
        ));
    }
    keys(settings, &mut found);
    found.faults
}

/// What the rules must have: presets, teams, replies in the desk's language.
fn by_rules(settings: &Config, rules: &Rules, found: &mut Found<'_>) {
    for (index, hook) in settings.hook.iter().enumerate() {
        for (key, why, remedy) in hooks::source(hook, rules).err().unwrap_or_default() {
            found.add("hook", index, &key, &why, &remedy);
        }
    }
    let teams = rules.teams();
    let remedy = format!("the teams of these rules are {}", teams.iter().copied().collect::<Vec<_>>().join(", "));
    for team in settings.teams.keys().filter(|team| !teams.contains(team.as_str())) {
        found.add("teams", 0, team, "no rule names this team", &remedy);
    }
    match Templates::compile(&rules.replies) {
        Ok(templates) => {
            let (language, languages) = (&settings.desk.language, templates.languages());
            if !languages.contains(&templates::primary(language).as_str()) {
                let message = format!("there are no replies in \"{language}\"");
                let remedy = match languages.is_empty() {
                    true => "put replies/ of the shipped rules into the folder".to_owned(),
                    false => format!("the languages of these rules are {}", languages.join(", ")),
                };
                found.add("desk", 0, "language", &message, &remedy);
            }
        }
        Err(faults) => found.faults.extend(faults),
    }
}

/// Folders and sockets that are to be made.
fn places(settings: &Config, found: &mut Found<'_>) {
    let blobs = Path::new(&settings.store.blobs);
    let folders = [
        ("desk", "data_dir", settings.desk.data_dir.as_path()),
        ("smtp", "folder", settings.smtp.folder.as_path()),
        ("store", "blobs", if blobs.is_absolute() { blobs } else { Path::new("") }),
    ];
    for (table, key, folder) in folders.into_iter().filter(|(_, _, folder)| !folder.as_os_str().is_empty()) {
        if let Some(message) = unfit(folder) {
            found.add(table, 0, key, &message, FOLDER);
        }
    }
    let socket = Path::new(&settings.lmtp.listen);
    if let Some(parent) = socket.parent().filter(|parent| socket.is_absolute() && !parent.is_dir()) {
        let message = format!("the folder {} of the socket is not there", parent.display());
        found.add("lmtp", 0, "listen", &message, "make it, or name another path");
    }
    if socket.is_absolute() && socket.is_file() {
        let message = format!("{} is a file, and no socket", socket.display());
        found.add("lmtp", 0, "listen", &message, "name a path that is free");
    }
}

/// Why nothing could be written into a folder, or it could not be made: the nearest of its ancestors that is there decides.
fn unfit(folder: &Path) -> Option<String> {
    let nearest = folder.ancestors().find(|path| path.exists())?;
    let shown = nearest.display();
    let why = match nearest.metadata() {
        Ok(found) if !found.is_dir() => format!("{shown} is no folder"),
        // Root may write where nobody may, as long as there is a disk: into /proc not even root.
        Ok(found) if found.permissions().mode() & 0o222 == 0 => format!("{shown} takes no files from anybody"),
        Ok(_) => match rustix::fs::access(nearest, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK) {
            Ok(()) => return None,
            Err(error) => format!("{shown} cannot be written to by this user: {error}"),
        },
        Err(error) => format!("{shown} cannot be looked at: {error}"),
    };
    Some(if nearest == folder { why } else { format!("{} cannot be made: {why}", folder.display()) })
}

/// Keys, certificates and webhook secrets that can be read, and not be used.
fn keys(settings: &Config, found: &mut Found<'_>) {
    for (key, why) in delivery::prove(settings) {
        found.add("smtp", 0, key, &why, "without it every reply would wait in the outbox");
    }
    for (index, why) in delivery::prove_webhooks(settings) {
        found.add("webhook", index, "secret_files", &why, "without it nothing would be posted");
    }
    for (index, imap) in settings.imap.iter().enumerate() {
        if let Err(why) = intake::imap::prove(imap) {
            found.add("imap", index, "ca_file", &why, "name a PEM file of certificates");
        }
    }
    for (index, hook) in settings.hook.iter().enumerate() {
        for (key, why, remedy) in partners::wrong(hook, settings) {
            found.add("hook", index, key, &why, remedy);
        }
    }
}
