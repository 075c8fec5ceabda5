//! What typed settings say that cannot be meant: addresses that are none, bounds that let nothing pass, plaintext to other
//! machines, keys that need one another. Looks at no file and no host that they name.

use std::net::{IpAddr, SocketAddr};

use toml_edit::Document;

use super::fault::Fault;
use super::network::Network;
use super::settings::{Campaigns, Config, Hook, Tls, VERIFY};
use super::{endpoints, hours, keeping, mailbox, place};

/// Nothing that a desk waits for may take longer.
const DAY_SECS: u64 = 86_400;

/// Values with control characters: they would break a header or a log line of which they become a part.
pub fn controls(config: &Config, document: &Document<&str>, text: &str, name: &str) -> Vec<Fault> {
    let mut faults = vec![];
    let mut fault = |table: &str, index: usize, key: &str| {
        faults.push(Fault {
            file: name.to_owned(),
            line: place(document, text, table, index, key),
            message: format!("{table}.{key}: holds a line end or another control character"),
            remedy: "write it as one line of plain text".to_owned(),
        });
    };
    let settings = serde_json::to_value(config).expect("settings are plain data with keys of text");
    for (table, value) in settings.as_object().into_iter().flatten() {
        match value.as_array() {
            Some(list) => list.iter().enumerate().for_each(|(n, one)| broken(one, "", &mut |key| fault(table, n, key))),
            None => broken(value, "", &mut |key| fault(table, 0, key)),
        }
    }
    faults
}

/// The keys of texts that hold control characters; a query may have lines.
fn broken(value: &serde_json::Value, key: &str, found: &mut dyn FnMut(&str)) {
    let control =
        |c: char| (c.is_control() && !(key == "sql" && "\r\n\t".contains(c))) || "\u{2028}\u{2029}".contains(c);
    match value {
        serde_json::Value::String(text) if text.contains(control) => found(key),
        serde_json::Value::Array(list) => list.iter().for_each(|one| broken(one, key, found)),
        serde_json::Value::Object(table) => table.iter().for_each(|(inner, value)| {
            broken(value, &if key.is_empty() { inner.clone() } else { format!("{key}.{inner}") }, found);
        }),
        _ => {}
    }
}

/// All that is wrong with typed settings, each with the line of its key.
pub fn contradictions(config: &Config, document: &Document<&str>, text: &str, name: &str) -> Vec<Fault> {
    let mut faults = vec![];
    let mut fault = |table: &str, index: usize, key: &str, message: String, remedy: &str| {
        faults.push(Fault {
            file: name.to_owned(),
            line: place(document, text, table, index, key),
            message: format!("{table}.{key}: {message}"),
            remedy: remedy.to_owned(),
        });
    };
    for (key, address) in std::iter::once(("address", &config.desk.address))
        .chain(config.desk.own_addresses.iter().map(|address| ("own_addresses", address)))
    {
        if !is_address(address) {
            fault("desk", 0, key, format!("`{address}` is no mail address"), "write it as name@host.example");
        }
    }
    if config.http.listen.parse::<SocketAddr>().is_err() {
        fault(
            "http",
            0,
            "listen",
            format!("`{}` is no socket address", config.http.listen),
            "write it as 127.0.0.1:8025",
        );
    }
    if config.desk.verify_senders && !config.desk.authserv_id.is_empty() {
        let message = "your MTA of desk.authserv_id verifies already".into();
        fault("desk", 0, "verify_senders", message, "keep one of the two");
    }
    let resolver = &config.desk.resolver;
    if !resolver.is_empty() && resolver.parse::<SocketAddr>().is_err() {
        fault("desk", 0, "resolver", format!("`{resolver}` is no socket address"), "write it as 127.0.0.1:53");
    }
    let envelope_from = &config.smtp.envelope_from;
    if !envelope_from.is_empty() && !is_address(envelope_from) {
        fault(
            "smtp",
            0,
            "envelope_from",
            format!("`{envelope_from}` is no mail address"),
            "write it as name@host.example",
        );
    }
    if !config.smtp.host.is_empty() && !is_host(&config.smtp.host) {
        fault(
            "smtp",
            0,
            "host",
            format!("`{}` is no host name", config.smtp.host),
            "write the name alone; the port is a key of its own",
        );
    }
    if config.desk.name.trim().is_empty() {
        fault("desk", 0, "name", "is empty".into(), "write the name that customers know the desk by");
    }
    let bounds = &config.bounds;
    for (table, key, value) in [
        ("http", "body_limit_bytes", config.http.body_limit_bytes as u64),
        ("http", "read_timeout_secs", config.http.read_timeout_secs),
        ("store", "connections", u64::from(config.store.connections)),
        ("smtp", "port", u64::from(config.smtp.port)),
        ("smtp", "connections", u64::from(config.smtp.connections)),
        ("bounds", "size_bytes", bounds.size_bytes as u64),
        ("bounds", "parts", bounds.parts as u64),
        ("bounds", "depth", bounds.depth as u64),
        ("bounds", "headers", bounds.headers as u64),
        ("bounds", "header_bytes", bounds.header_bytes as u64),
        ("bounds", "line_bytes", bounds.line_bytes as u64),
    ] {
        if value == 0 {
            fault(table, 0, key, "is 0: nothing would pass".into(), "write at least 1, or leave the key out");
        }
    }
    for (key, value, most) in [
        ("size_bytes", bounds.size_bytes, 1 << 30),
        ("parts", bounds.parts, 5_000),
        ("depth", bounds.depth, 200),
        ("headers", bounds.headers, 100_000),
        ("header_bytes", bounds.header_bytes, 16 << 20),
        ("line_bytes", bounds.line_bytes, 1 << 30),
    ] {
        if value > most {
            let message = format!("{value} is more than reading can bear");
            fault("bounds", 0, key, message, &format!("write at most {most}"));
        }
    }
    if config.desk.authserv_id.contains(char::is_whitespace) {
        let remedy = "write the first word of your MTA's Authentication-Results (RFC 8601), such as mx.example.com";
        fault("desk", 0, "authserv_id", format!("`{}` is no such name", config.desk.authserv_id), remedy);
    }
    // Ends of time that nobody means: sums with the clock would overflow.
    let tolerances = config.hook.iter().enumerate().map(|(n, hook)| ("hook", n, "tolerance_secs", hook.tolerance_secs));
    let timeout = ("http", 0, "read_timeout_secs", config.http.read_timeout_secs);
    for (table, index, key, value) in tolerances.chain([timeout]).filter(|(.., value)| *value > DAY_SECS) {
        fault(table, index, key, format!("{value} is more than a day"), "write at most 86400 seconds");
    }
    for text in config.egress.allow.iter().filter(|text| Network::parse(text).is_none()) {
        fault("egress", 0, "allow", format!("`{text}` is no network"), "write it as 10.1.0.0/16, or as one address");
    }
    let lmtp = &config.lmtp.listen;
    if !lmtp.is_empty() && !lmtp.starts_with('/') && lmtp.parse::<SocketAddr>().is_err() {
        fault(
            "lmtp",
            0,
            "listen",
            format!("`{lmtp}` is neither socket address nor path"),
            "write it as 127.0.0.1:8024 or as a whole path, /run/deskclerk/lmtp",
        );
    }
    if let (Ok(lmtp), Ok(http)) = (lmtp.parse::<SocketAddr>(), config.http.listen.parse::<SocketAddr>())
        && lmtp.port() == http.port()
        && lmtp.port() != 0
        && (lmtp.ip() == http.ip() || lmtp.ip().is_unspecified() || http.ip().is_unspecified())
    {
        fault("lmtp", 0, "listen", format!("{lmtp} is http.listen, too"), "write another port");
    }
    for (table, key, folder) in [("desk", "data_dir", &config.desk.data_dir), ("smtp", "folder", &config.smtp.folder)] {
        let text = folder.to_string_lossy();
        if text.trim().is_empty() && !(table == "smtp" && text.is_empty()) {
            fault(table, 0, key, "is empty".into(), "name a folder; it is made when it is not there");
        }
    }
    let url = &config.desk.public_url;
    if !(url.is_empty() || url.starts_with("http://") || url.starts_with("https://")) {
        fault(
            "desk",
            0,
            "public_url",
            format!("`{}` is no http address", config.desk.public_url),
            "write it as https://desk.example.com",
        );
    }
    let named = config.store.url.strip_prefix("sqlite:").is_none_or(|name| !name.trim_matches('/').is_empty());
    if !named {
        fault("store", 0, "url", "names no file".into(), "write sqlite:deskclerk.db");
    }
    if !(config.store.url.starts_with("sqlite:")
        || config.store.url.starts_with("postgres://")
        || config.store.url.starts_with("postgresql://"))
    {
        fault(
            "store",
            0,
            "url",
            "neither sqlite: nor postgres://".into(),
            "write sqlite:deskclerk.db or postgres://user@host/db",
        );
    }
    for (table, key, message, remedy) in keeping::faults(config) {
        fault(table, 0, key, message, remedy);
    }
    for (key, message, remedy) in campaign_source_faults(&config.campaigns) {
        fault("campaigns", 0, key, message, remedy);
    }
    if config.smtp.dkim_selector.is_empty() != config.smtp.dkim_key_file.as_os_str().is_empty() {
        fault(
            "smtp",
            0,
            "dkim_selector",
            "dkim_selector and dkim_key_file go together".into(),
            "write both, or neither",
        );
    }
    for hours::Wrong { key, message, remedy } in hours::Hours::parse(&config.hours).err().unwrap_or_default() {
        fault("hours", 0, key, message, remedy);
    }
    let (reminder, hand_over) = (config.replies.reminder_days, config.replies.hand_over_days);
    if reminder > 0 && hand_over > 0 && reminder >= hand_over {
        fault(
            "replies",
            0,
            "reminder_days",
            format!("{reminder} is not before hand_over_days, {hand_over}"),
            "remind earlier than you hand over; 0 never reminds",
        );
    }
    if !config.smtp.host.is_empty() && config.smtp.tls == Tls::None && !loopback(&config.smtp.host) {
        fault(
            "smtp",
            0,
            "tls",
            format!("plaintext to {} would show mail and password", config.smtp.host),
            "use \"starttls\" or \"implicit\"",
        );
    }
    for index in 0..config.imap.len() {
        for (key, message, remedy) in mailbox::faults(config, index) {
            fault("imap", index, key, message, remedy);
        }
    }
    for (team, address) in &config.teams {
        if !is_address(address) {
            fault("teams", 0, team, format!("`{address}` is no mail address"), "write it as name@host.example");
        }
    }
    for (table, key, message, remedy) in form_faults(config) {
        fault(table, 0, key, message, remedy);
    }
    for (index, hook) in config.hook.iter().enumerate() {
        if hook.name.is_empty() || !hook.name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        {
            fault(
                "hook",
                index,
                "name",
                format!("`{}` cannot stand in a URL", hook.name),
                "use letters, digits, - and _",
            );
        }
        if config.hook[..index].iter().any(|other| other.name == hook.name) {
            fault("hook", index, "name", format!("`{}` stands twice", hook.name), "give each [[hook]] its own name");
        }
        for (key, message, remedy) in hook_faults(hook) {
            fault("hook", index, key, message, remedy);
        }
    }
    for endpoints::Wrong { table, index, key, message, remedy } in endpoints::faults(config) {
        fault(table, index, key, message, remedy);
    }
    faults
}

/// What is wrong with how a webhook source is verified: key, what, remedy.
fn hook_faults(hook: &Hook) -> Vec<(&'static str, String, &'static str)> {
    let mut faults = vec![];
    let empty = |path: &std::path::PathBuf| path.as_os_str().is_empty();
    if hook.secret_files.is_empty() || hook.secret_files.iter().any(empty) {
        let remedy = "name a file that holds the source's secret";
        faults.push(("secret_files", "is empty, so every post would be refused".into(), remedy));
    }
    if !hook.verify.is_empty() && !VERIFY.contains(&hook.verify.as_str()) {
        let message = format!("`{}` is no way to verify", hook.verify);
        faults.push(("verify", message, "write one of those that `deskclerk config print` lists"));
    }
    let token = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    for (key, header) in [("header", &hook.header), ("id_header", &hook.id_header)] {
        if !token(header) {
            faults.push((key, format!("`{header}` is no header name"), "write it as X-Signature"));
        }
    }
    for text in hook.proxies.iter().filter(|text| Network::parse(text).is_none()) {
        faults.push(("proxies", format!("`{text}` is no address"), "write it as 127.0.0.1, or as 10.0.0.0/24"));
    }
    let by_proxy = hook.verify == "mtls-header";
    if by_proxy && hook.proxies.is_empty() {
        let message = "is empty: anybody could send the header".into();
        faults.push(("proxies", message, "name the address of the proxy that verifies the certificate"));
    }
    if by_proxy && hook.header.is_empty() {
        let remedy = "name the header that your proxy sets, as X-Client-Cert-Fingerprint";
        faults.push(("header", "is empty".into(), remedy));
    }
    if hook.keep_keys_days == 0 {
        faults.push(("keep_keys_days", "is 0: a post that comes twice would be two".into(), "write at least 1"));
    }
    faults
}

/// What is wrong with the form and the page of support options: table, key, what, remedy.
fn form_faults(config: &Config) -> Vec<(&'static str, &'static str, String, &'static str)> {
    const MEANINGS: [&str; 6] = ["campaign_id", "campaign_name", "help_topic", "priority", "phone", "external_id"];
    let mut faults = vec![];
    let form = &config.form;
    if form.per_minute == 0 {
        faults.push(("form", "per_minute", "is 0: nothing would pass".into(), "write at least 1, or open = false"));
    }
    if form.least_secs > 600 {
        faults.push(("form", "least_secs", "is over ten minutes".into(), "write a few seconds"));
    }
    if form.proof_of_work_bits > 24 {
        faults.push(("form", "proof_of_work_bits", "would take browsers minutes".into(), "write 16, at most 24"));
    }
    for origin in &form.frame_ancestors {
        let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://")).unwrap_or_default();
        let plain = |c: char| c.is_ascii_alphanumeric() || "-.:[]*".contains(c);
        if host.is_empty() || !host.chars().all(plain) {
            let message = format!("`{origin}` is no origin");
            faults.push(("form", "frame_ancestors", message, "write it as https://www.example.com, without a path"));
        }
    }
    for (field, meaning) in &form.custom_fields {
        if !MEANINGS.contains(&meaning.as_str()) {
            let message = format!("field {field} cannot mean `{meaning}`");
            let remedy = "use campaign_id, campaign_name, help_topic, priority, phone or external_id";
            faults.push(("form", "custom_fields", message, remedy));
        }
    }
    for (key, address) in [("knowledge_base", &config.support.knowledge_base), ("chat", &config.support.chat)] {
        let scheme = address.starts_with("https://") || address.starts_with("http://");
        let sound = address.is_empty() || (scheme && address.parse::<hyper::Uri>().is_ok());
        if !sound {
            faults.push(("support", key, format!("`{address}` is no address of a page"), "write it as https://…"));
        }
    }
    faults
}

/// What is wrong with where the directory is to come from: key, what, remedy.
fn campaign_source_faults(campaigns: &Campaigns) -> Vec<(&'static str, String, &'static str)> {
    let mut faults = vec![];
    let mut keys = campaigns.sources();
    if let Some(first) = keys.next() {
        for other in keys {
            let message = format!("the directory comes from campaigns.{first} already");
            faults.push((other, message, "keep one of file, url and sql"));
        }
    }
    if !campaigns.url.is_empty() {
        match campaigns.url.parse::<hyper::Uri>() {
            Ok(url) if url.authority().is_some_and(|authority| authority.as_str().contains('@')) => {
                let message = "carries a name or password".into();
                faults.push(("url", message, "put `Authorization: Basic …` into the file of url_header_file"));
            }
            Ok(url) if url.scheme_str() == Some("https") && url.host().is_some() => {}
            Ok(url) if url.scheme_str() == Some("http") && url.host().is_some_and(loopback) => {}
            Ok(url) if url.scheme_str() == Some("http") => {
                let message = format!("plaintext to {} could be read and altered", url.host().unwrap_or("?"));
                faults.push(("url", message, "write https://"));
            }
            _ => faults.push(("url", "is no http address".into(), "write https://host.example/campaigns.csv")),
        }
    }
    if campaigns.url.is_empty() && !campaigns.url_header_file.as_os_str().is_empty() {
        faults.push(("url_header_file", "stands without url".into(), "write campaigns.url, or remove this key"));
    }
    let asks = campaigns.sql.split_whitespace().next().unwrap_or_default().to_lowercase();
    if !campaigns.sql.is_empty() && asks != "select" && asks != "with" {
        faults.push(("sql", "is no query".into(), "write one SELECT"));
    }
    let database = !campaigns.sql_url_file.as_os_str().is_empty();
    if !campaigns.sql.is_empty() && !database {
        faults.push(("sql", "names no database".into(), "write campaigns.sql_url_file"));
    }
    if campaigns.sql.is_empty() && database {
        faults.push(("sql_url_file", "stands without sql".into(), "write campaigns.sql, or remove this key"));
    }
    if campaigns.refresh_secs == 0 {
        faults.push(("refresh_secs", "is 0".into(), "write at least 1"));
    }
    faults
}

/// Whether it looks like a mail address; whether it exists only mail can tell.
fn is_address(text: &str) -> bool {
    let quoting = |c: char| c.is_whitespace() || c.is_control() || "<>()[],;:\"".contains(c);
    text.split_once('@').is_some_and(|(name, host)| !name.is_empty() && !host.contains('@') && is_host(host))
        && !text.contains(quoting)
}

/// Whether it looks like a host name or an IP address.
pub(super) fn is_host(text: &str) -> bool {
    let bare = text.trim_matches(['[', ']']);
    let label = |label: &str| !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_'));
    bare.parse::<IpAddr>().is_ok() || text.trim_end_matches('.').split('.').all(label)
}

/// Whether it names this machine.
pub(super) fn loopback(host: &str) -> bool {
    host == "localhost" || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
