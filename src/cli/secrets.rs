//! The secrets that the settings name: which files, and which of them cannot be read. Shows none of them.

use std::path::Path;

use crate::config::fault::Fault;
use crate::config::secret;
use crate::config::settings::Config;
use crate::desk::sources;

/// Secrets that cannot be read, each a fault of its key. `service`: this is the process that the service manager gives its
/// credentials to; any other passes over them.
pub(super) fn unreadable(settings: &Config, text: &str, file: &str, service: bool) -> Vec<Fault> {
    let here = files(settings).into_iter().filter(|(_, _, _, path)| service || !secret::is_elsewhere(path));
    here.filter_map(|(table, index, key, path)| {
        let (message, remedy) = if path.as_os_str().is_empty() {
            let message = "is missing: there is a user, and no password".to_owned();
            (message, "name the file that holds the password alone")
        } else {
            // Keys stand one a line, or as PEM; all other secrets are one line.
            let read = match key {
                "token_key_file" => sources::token_keys(settings).err(),
                "dkim_key_file" | "ca_file" => secret::read_bytes(path).err(),
                _ => secret::read_line(path).err(),
            };
            let remedy = match secret::is_elsewhere(path) {
                true => "start it as a service, or name a file",
                false if key == "ca_file" => "name a PEM file of certificates",
                false => "write the secret alone into that file",
            };
            (read?.to_string(), remedy)
        };
        Some(Fault {
            file: file.to_owned(),
            line: crate::config::line_of_key(text, table, index, key),
            message: format!("{table}.{key}: {message}"),
            remedy: remedy.to_owned(),
        })
    })
    .collect()
}

/// How many are credentials of the service manager, which this process does not have.
pub(super) fn elsewhere(settings: &Config) -> usize {
    files(settings).iter().filter(|(_, _, _, path)| secret::is_elsewhere(path)).count()
}

/// The files of secrets and certificates that the settings name: table, which of its kind, key, path.
pub(super) fn files(settings: &Config) -> Vec<(&'static str, usize, &'static str, &Path)> {
    let mut secrets: Vec<(&'static str, usize, &'static str, &Path)> = vec![];
    for (index, imap) in settings.imap.iter().enumerate() {
        let mut files = vec![("password_file", &imap.password_file), ("ca_file", &imap.ca_file)];
        files.push(("proxy_secret_file", &imap.proxy_secret_file));
        if let Some(oauth) = &imap.oauth {
            files.extend([
                ("oauth.client_secret_file", &oauth.client_secret_file),
                ("oauth.refresh_token_file", &oauth.refresh_token_file),
            ]);
        }
        let named = files.into_iter().filter(|(_, path)| !path.as_os_str().is_empty());
        secrets.extend(named.map(|(key, path)| ("imap", index, key, path.as_path())));
    }
    if !settings.smtp.user.is_empty() {
        secrets.push(("smtp", 0, "password_file", &settings.smtp.password_file));
    }
    for (index, hook) in settings.hook.iter().enumerate() {
        secrets.extend(hook.secret_files.iter().map(|path| ("hook", index, "secret_files", path.as_path())));
    }
    for (index, webhook) in settings.webhook.iter().enumerate() {
        secrets.extend(webhook.secret_files.iter().map(|path| ("webhook", index, "secret_files", path.as_path())));
    }
    for (index, connector) in settings.connector.iter().enumerate() {
        secrets.push(("connector", index, "secret_file", &connector.secret_file));
        if !connector.hook_secret_file.as_os_str().is_empty() {
            secrets.push(("connector", index, "hook_secret_file", &connector.hook_secret_file));
        }
    }
    let others = [
        ("smtp", "ca_file", &settings.smtp.ca_file),
        ("smtp", "dkim_key_file", &settings.smtp.dkim_key_file),
        ("campaigns", "url_header_file", &settings.campaigns.url_header_file),
        ("campaigns", "sql_url_file", &settings.campaigns.sql_url_file),
        ("store", "url_file", &settings.store.url_file),
        ("replies", "token_key_file", &settings.replies.token_key_file),
    ];
    let named = others.into_iter().filter(|(_, _, path)| !path.as_os_str().is_empty());
    secrets.extend(named.map(|(table, key, path)| (table, 0, key, path.as_path())));
    secrets
}
