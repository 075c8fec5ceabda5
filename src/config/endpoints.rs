//! What is wrong with the settings of webhooks and connectors: names that clash, addresses that are none, plaintext to other
//! machines. Looks at no file and no host that they name.

use super::settings::{Config, Vendor};

/// A fault, and where it stands.
pub struct Wrong {
    /// `webhook` or `connector`.
    pub table: &'static str,
    /// Of which table of a list.
    pub index: usize,
    /// Of which key.
    pub key: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub remedy: &'static str,
}

/// All of them.
pub fn faults(config: &Config) -> Vec<Wrong> {
    let mut faults = vec![];
    let webhooks = config.webhook.iter().enumerate().map(|(n, webhook)| ("webhook", n, &webhook.name, &webhook.url));
    let connectors = config.connector.iter().enumerate();
    let connectors = connectors.map(|(n, connector)| ("connector", n, &connector.name, &connector.url));
    let mut names: Vec<&str> = vec![];
    for (table, index, name, url) in webhooks.chain(connectors) {
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)) {
            let message = format!("`{name}` cannot stand in a URL");
            faults.push(wrong(table, index, "name", message, "use letters, digits, - and _"));
        }
        if names.contains(&name.as_str()) {
            let message = format!("`{name}` stands twice");
            faults.push(wrong(table, index, "name", message, "give each [[webhook]] and [[connector]] its own name"));
        }
        names.push(name);
        faults.extend(url_fault(config, url).map(|(message, remedy)| wrong(table, index, "url", message, remedy)));
    }
    for (index, webhook) in config.webhook.iter().enumerate() {
        if webhook.secret_files.is_empty() {
            let message = "is empty, so nobody could tell who posts".into();
            let remedy = "name a file with whsec_…: openssl rand -base64 32 makes one";
            faults.push(wrong("webhook", index, "secret_files", message, remedy));
        }
        if webhook.connections == 0 {
            faults.push(wrong("webhook", index, "connections", "is 0".into(), "write at least 1"));
        }
    }
    for (index, connector) in config.connector.iter().enumerate() {
        if connector.id_prefix.is_empty()
            || !connector.id_prefix.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        {
            let message = format!("`{}` cannot stand in a tag", connector.id_prefix);
            faults.push(wrong("connector", index, "id_prefix", message, "use letters, digits and -"));
        }
        let numbered = matches!(connector.kind, Vendor::Zendesk | Vendor::Freshdesk | Vendor::Osticket);
        let groups = connector.groups.values().chain(Some(&connector.group).filter(|group| !group.is_empty()));
        if let Some(group) = groups.into_iter().find(|group| numbered && group.parse::<u64>().is_err()) {
            let message = format!("`{group}` is no number: this help desk names its groups and topics by id");
            faults.push(wrong("connector", index, "groups", message, "write the id as \"4711\""));
        }
    }
    faults
}

fn wrong(table: &'static str, index: usize, key: &'static str, message: String, remedy: &'static str) -> Wrong {
    Wrong { table, index, key, message, remedy }
}

/// Plaintext is for hosts in `egress.allow`; of a name only the connection can tell.
fn url_fault(config: &Config, url: &str) -> Option<(String, &'static str)> {
    match url.parse::<hyper::Uri>() {
        Ok(url) if url.authority().is_some_and(|authority| authority.as_str().contains('@')) => {
            Some(("carries a name or password".into(), "put it into the secret's file"))
        }
        Ok(url) if url.scheme_str() == Some("https") && url.host().is_some() => None,
        Ok(url) if url.scheme_str() == Some("http") && url.host().is_some() => match config.egress.allow.len() {
            0 => Some((
                format!("plaintext to {} could be read and altered", url.host().unwrap_or("?")),
                "write https://, or name its network in egress.allow if it is yours",
            )),
            _ => None,
        },
        _ => Some(("is no http address".into(), "write https://host.example/path")),
    }
}
