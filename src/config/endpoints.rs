//! The settings of webhooks and connectors as typed data, and what is wrong with them: names that clash, addresses that are
//! none, plaintext to other machines. Looks at no file and no host that they name.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::settings::Config;

/// What partner systems are told of a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TicketEvent {
    /// It is new.
    #[serde(rename = "ticket.created")]
    Created,
    /// It came into the agents' hands.
    #[serde(rename = "ticket.ready")]
    Ready,
    /// A question to the customer is open.
    #[serde(rename = "ticket.waiting")]
    Waiting,
    /// Something else changed.
    #[serde(rename = "ticket.updated")]
    Updated,
    /// The customer wrote again, or an agent of another help desk answered.
    #[serde(rename = "ticket.answered")]
    Answered,
    /// It was solved or closed.
    #[serde(rename = "ticket.closed")]
    Closed,
}

/// `[[webhook]]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// Names the endpoint.
    pub name: String,
    /// Where to post.
    pub url: String,
    /// Files of Standard Webhooks secrets; each signs.
    pub secret_files: Vec<PathBuf>,
    /// What to tell; empty: everything.
    #[serde(default)]
    pub events: Vec<TicketEvent>,
    /// Posts at once.
    #[serde(default = "four")]
    pub connections: u32,
}

fn four() -> u32 {
    4
}

/// Which help desk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Vendor {
    /// Zendesk Support.
    Zendesk,
    /// osTicket.
    Osticket,
    /// Zammad.
    Zammad,
    /// Freshdesk.
    Freshdesk,
    /// Request Tracker, REST 2.0.
    Rt,
}

/// `[[connector]]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Connector {
    /// Names the connector.
    pub name: String,
    /// Which help desk.
    pub kind: Vendor,
    /// Its address, without the path of the API.
    pub url: String,
    /// Who signs in, where a secret alone does not say it.
    #[serde(default)]
    pub user: String,
    /// File of the API key, token or password.
    pub secret_file: PathBuf,
    /// What its ids of our tickets start with.
    #[serde(default = "deskclerk_prefix")]
    pub id_prefix: String,
    /// Custom field that holds our ticket's id; empty: the vendor's own way.
    #[serde(default)]
    pub id_field: String,
    /// Custom field that gets the Campaign ID; empty: it stands in the note and as a tag.
    #[serde(default)]
    pub campaign_field: String,
    /// Group, queue or help topic of tickets that no key of `groups` fits; empty: the vendor's default.
    #[serde(default)]
    pub group: String,
    /// Team or topic → group, queue or help topic there.
    #[serde(default)]
    pub groups: BTreeMap<String, String>,
    /// Topic → type there.
    #[serde(default)]
    pub types: BTreeMap<String, String>,
    /// Priority → priority there.
    #[serde(default)]
    pub priorities: BTreeMap<String, String>,
    /// Tags of every ticket.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Hand over tickets that still wait for their customer, too.
    #[serde(default)]
    pub waiting: bool,
    /// Bytes of an attachment that is handed over; larger ones are named in the note.
    #[serde(default = "twenty_mebibytes")]
    pub attachment_bytes: usize,
    /// Seconds between two looks for agents' answers; 0: none.
    #[serde(default = "minute")]
    pub poll_secs: u64,
    /// File of the secret by which the help desk says that a ticket changed; empty: it cannot.
    #[serde(default)]
    pub hook_secret_file: PathBuf,
}

fn deskclerk_prefix() -> String {
    "deskclerk-".into()
}
fn twenty_mebibytes() -> usize {
    20 << 20
}
fn minute() -> u64 {
    60
}

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

/// What is wrong with an address that the desk posts to, and the remedy. Plaintext is for hosts in `egress.allow`; of a name
/// only the connection can tell.
pub(super) fn url_fault(config: &Config, url: &str) -> Option<(String, &'static str)> {
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    fn check(text: &str, expected: &[&str]) {
        let faults = crate::config::parse(text, "t.toml", Path::new("/etc/deskclerk")).err().unwrap_or_default();
        let got: Vec<&str> = faults.iter().map(|fault| fault.message.as_str()).collect();
        assert_eq!(got.len(), expected.len(), "{got:?}");
        for (message, part) in got.iter().zip(expected) {
            assert!(message.contains(part), "{message} should contain {part}");
        }
    }

    const WEBHOOK: &str = "[[webhook]]\nname = \"crm\"\nurl = \"https://crm.example/in\"\nsecret_files = [\"s\"]\n";
    const CONNECTOR: &str =
        "[[connector]]\nname = \"hd\"\nkind = \"zendesk\"\nurl = \"https://a.zendesk.example\"\nsecret_file = \"s\"\n";

    #[test]
    fn endpoints_that_cannot_be_meant_are_named() {
        check(&format!("{WEBHOOK}{CONNECTOR}"), &[]);
        check(&format!("{WEBHOOK}events = [\"ticket.ready\"]"), &[]);
        check(&format!("{WEBHOOK}events = [\"ticket.lost\"]"), &["webhook.events: `ticket.lost` is not known here"]);
        check(&format!("{WEBHOOK}evnets = []"), &["unknown key `webhook.evnets`"]);
        check(&WEBHOOK.replace("https", "http"), &["plaintext to crm.example"]);
        check(&format!("[egress]\nallow = [\"10.0.0.0/8\"]\n{}", WEBHOOK.replace("https", "http")), &[]);
        check(&WEBHOOK.replace("https://", "https://me:secret@"), &["carries a name or password"]);
        check(&WEBHOOK.replace("[\"s\"]", "[]"), &["is empty"]);
        check(&WEBHOOK.replace("crm\"", "c r m\""), &["cannot stand in a URL"]);
        check(&format!("{WEBHOOK}{}", CONNECTOR.replace("hd", "crm")), &["`crm` stands twice"]);
        check(&CONNECTOR.replace("zendesk\"\nurl", "zendisk\"\nurl"), &["connector.kind: `zendisk` is not known here"]);
        check(&format!("{CONNECTOR}group = \"Support\""), &["`Support` is no number"]);
        check(&format!("{CONNECTOR}id_prefix = \"a b\""), &["cannot stand in a tag"]);
        check(&format!("{}group = \"Users\"", CONNECTOR.replace("zendesk\"\nurl", "zammad\"\nurl")), &[]);
    }
}
