//! Settings: `deskclerk.toml` as typed, validated data. Plain data: knows no consumer.
//!
//! The documented default file is compiled in ([`DEFAULT`]); a file of the operator's is laid over it. All faults are
//! reported at once, each with key, line and remedy.

pub mod fault;
pub mod hours;
pub mod secret;
pub mod settings;

use std::net::IpAddr;
use std::path::Path;

use fault::Fault;
use serde::Deserialize;
use serde_path_to_error::Segment;
use settings::{After, Campaigns, Config, Tls};
use toml_edit::{Document, Item, TableLike};

/// The default file, which is also the documentation of every key.
pub const DEFAULT: &str = include_str!("default.toml");

/// Reads a settings file's text. `name` names it in faults; `folder` is where relative paths start.
pub fn parse(text: &str, name: &str, folder: &Path) -> Result<Config, Vec<Fault>> {
    let document = Document::parse(text).map_err(|error| vec![syntax_fault(text, name, &error)])?;
    let mut faults = unknown_keys(&document, name);
    let mut merged: toml::Table = toml::from_str(DEFAULT).expect("the compiled-in default file is valid TOML");
    let mut written: toml::Table = toml::from_str(text).unwrap_or_default();
    drop_unknown(&mut written, &merged);
    let mut config: Config =
        Config::deserialize(merged.clone()).expect("the compiled-in default file has every key with the right type");
    // Typed table by table, and again without each value that is wrong, so that none hides the next.
    for (key, _) in document.iter() {
        while let Some(value) = written.get(key) {
            let before = merged.clone();
            overlay(&mut merged, key, value.clone());
            let error = match serde_path_to_error::deserialize::<_, Config>(merged.clone()) {
                Ok(typed) => {
                    config = typed;
                    break;
                }
                Err(error) => error,
            };
            merged = before;
            // An unknown key of a list's table, or an unknown table, is a fault already.
            if merged.contains_key(key) || !faults.iter().any(|fault| fault.message.contains(&format!("`{key}"))) {
                faults.push(type_fault(&document, name, &error));
            }
            if !take(&mut written, error.path()) {
                break;
            }
        }
    }
    resolve_paths(&mut config, folder);
    faults.extend(contradictions(&config, &document, text, name));
    faults.sort();
    faults.dedup();
    if faults.is_empty() { Ok(config) } else { Err(faults) }
}

/// The default settings, with paths below `folder`.
pub fn default_in(folder: &Path) -> Config {
    parse("", "default.toml", folder).expect("the compiled-in default file is valid")
}

fn syntax_fault(text: &str, name: &str, error: &toml_edit::TomlError) -> Fault {
    Fault {
        file: name.to_owned(),
        line: error.span().map_or(0, |span| line_of(text, span.start)),
        message: format!("not TOML: {}", error.message().trim().replace('\n', ", ")),
        remedy: "correct the syntax; `deskclerk config print` shows a valid file".into(),
    }
}

fn type_fault(document: &Document<&str>, name: &str, error: &serde_path_to_error::Error<toml::de::Error>) -> Fault {
    let reason = error.inner().to_string();
    // The line of the innermost key that stands in the file.
    let mut line = 0;
    let mut table: &dyn TableLike = document.as_table();
    let mut list = None;
    for segment in error.path() {
        let span = match segment {
            Segment::Map { key } => table.get_key_value(key).and_then(|(key, item)| {
                list = item.as_array_of_tables();
                table = item.as_table_like().unwrap_or(table);
                key.span()
            }),
            Segment::Seq { index } => list.and_then(|list| list.get(*index)).and_then(|inner| {
                table = inner;
                inner.span()
            }),
            _ => None,
        };
        line = span.map_or(line, |span| line_of(document.raw(), span.start));
    }
    Fault {
        file: name.to_owned(),
        line,
        message: format!("{}: {}", error.path(), reason.lines().next().unwrap_or_default().trim()),
        remedy: "write it as `deskclerk config print` shows it".into(),
    }
}

/// Takes the value at this path away. Whether it was there, and is no part of a list.
fn take(written: &mut toml::Table, path: &serde_path_to_error::Path) -> bool {
    let keys: Option<Vec<&str>> =
        path.iter().map(|segment| if let Segment::Map { key } = segment { Some(key.as_str()) } else { None }).collect();
    let Some((last, tables)) = keys.as_deref().and_then(<[&str]>::split_last) else { return false };
    let table = tables.iter().try_fold(written, |table, key| table.get_mut(*key)?.as_table_mut());
    table.is_some_and(|table| table.remove(*last).is_some())
}

fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes()[..offset.min(text.len())].iter().filter(|byte| **byte == b'\n').count() + 1
}

/// Tables are laid over key by key, everything else is replaced.
fn overlay(into: &mut toml::Table, key: &str, value: toml::Value) {
    match (into.get_mut(key), value) {
        (Some(toml::Value::Table(old)), toml::Value::Table(new)) => {
            for (key, value) in new {
                overlay(old, &key, value);
            }
        }
        (_, value) => {
            into.insert(key.to_owned(), value);
        }
    }
}

/// The keys of each table, read off the typed default and, for `[[imap]]` and `[[hook]]`, listed.
fn unknown_keys(document: &Document<&str>, name: &str) -> Vec<Fault> {
    let known: toml::Table = toml::from_str(DEFAULT).expect("the compiled-in default file is valid TOML");
    let mut faults = vec![];
    for (key, item) in document.iter() {
        let listed: Vec<&str> = match key {
            "imap" => vec![
                "name",
                "host",
                "port",
                "tls",
                "ca_file",
                "user",
                "password_file",
                "mailbox",
                "after",
                "move_to",
                "poll_secs",
                "answer_since",
            ],
            "hook" => vec!["name", "secret_files", "tolerance_secs", "map"],
            "teams" => continue,
            _ => match known.get(key).and_then(toml::Value::as_table) {
                Some(table) => table.keys().map(String::as_str).collect(),
                None => {
                    let tables: Vec<&str> = known.keys().map(String::as_str).chain(["imap", "hook"]).collect();
                    faults.push(unknown(document, name, document.key(key), key, &tables));
                    continue;
                }
            },
        };
        let tables: Vec<&dyn TableLike> = match item {
            Item::ArrayOfTables(array) => array.iter().map(|table| table as &dyn TableLike).collect(),
            item => item.as_table_like().into_iter().collect(),
        };
        for table in tables {
            for (inner, _) in table.iter().filter(|(inner, _)| !listed.contains(inner)) {
                faults.push(unknown(document, name, table.key(inner), &format!("{key}.{inner}"), &listed));
            }
        }
    }
    faults
}

/// Takes unknown keys away, which are faults already, so that they do not hide the values beside them.
fn drop_unknown(written: &mut toml::Table, known: &toml::Table) {
    for (key, value) in written.iter_mut().filter(|(key, _)| *key != "teams") {
        if let (toml::Value::Table(table), Some(toml::Value::Table(known))) = (value, known.get(key)) {
            table.retain(|inner, _| known.contains_key(inner));
        }
    }
}

fn unknown(document: &Document<&str>, name: &str, at: Option<&toml_edit::Key>, path: &str, listed: &[&str]) -> Fault {
    let key = path.rsplit('.').next().unwrap_or(path);
    let nearest = listed.iter().min_by_key(|known| edits(key, known)).filter(|known| edits(key, known) <= 3);
    Fault {
        file: name.to_owned(),
        line: at.and_then(toml_edit::Key::span).map_or(0, |span| line_of(document.raw(), span.start)),
        message: format!("unknown key `{path}`"),
        remedy: nearest
            .map_or_else(|| format!("known here: {}", listed.join(", ")), |known| format!("did you mean `{known}`?")),
    }
}

/// Levenshtein distance of two short keys.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let cost = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = cost.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

fn resolve_paths(config: &mut Config, folder: &Path) {
    let mut paths = vec![
        &mut config.desk.data_dir,
        &mut config.rules.dir,
        &mut config.campaigns.file,
        &mut config.campaigns.url_header_file,
        &mut config.campaigns.sql_url_file,
        &mut config.smtp.ca_file,
        &mut config.smtp.password_file,
        &mut config.smtp.dkim_key_file,
        &mut config.smtp.folder,
        &mut config.replies.token_key_file,
    ];
    paths.extend(config.imap.iter_mut().flat_map(|imap| [&mut imap.ca_file, &mut imap.password_file]));
    paths.extend(config.hook.iter_mut().flat_map(|hook| hook.secret_files.iter_mut()));
    for path in paths {
        let credential = path.to_str().is_some_and(|text| text.starts_with("credential:"));
        if !path.as_os_str().is_empty() && !credential && path.is_relative() {
            *path = folder.join(&*path);
        }
    }
    config.desk.public_url.truncate(config.desk.public_url.trim_end_matches('/').len());
}

/// The line of a key in a settings file, from 1: of the `index`-th table where `table` is a list. The table's own line
/// where the key does not stand; 0 where neither does.
pub fn line_of_key(text: &str, table: &str, index: usize, key: &str) -> usize {
    Document::parse(text).map_or(0, |document| place(&document, text, table, index, key))
}

fn place(document: &Document<&str>, text: &str, table: &str, index: usize, key: &str) -> usize {
    let item = document.get(table);
    let found = match item {
        Some(Item::ArrayOfTables(array)) => array.get(index).map(|table| table as &dyn TableLike),
        item => item.and_then(Item::as_table_like),
    };
    let span = found.and_then(|table| table.key(key)).and_then(toml_edit::Key::span);
    span.or_else(|| item.and_then(Item::span)).map_or(0, |span| line_of(text, span.start))
}

fn contradictions(config: &Config, document: &Document<&str>, text: &str, name: &str) -> Vec<Fault> {
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
    if config.http.listen.parse::<std::net::SocketAddr>().is_err() {
        fault(
            "http",
            0,
            "listen",
            format!("`{}` is no socket address", config.http.listen),
            "write it as 127.0.0.1:8025",
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
    let lmtp = &config.lmtp.listen;
    if !lmtp.is_empty() && !lmtp.starts_with('/') && lmtp.parse::<std::net::SocketAddr>().is_err() {
        fault(
            "lmtp",
            0,
            "listen",
            format!("`{lmtp}` is neither socket address nor path"),
            "write it as 127.0.0.1:8024 or as a whole path, /run/deskclerk/lmtp",
        );
    }
    if !(config.desk.public_url.starts_with("http://") || config.desk.public_url.starts_with("https://")) {
        fault(
            "desk",
            0,
            "public_url",
            format!("`{}` is no http address", config.desk.public_url),
            "write it as https://desk.example.com",
        );
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
    if let Err(hours::Wrong { key, message, remedy }) = hours::Hours::parse(&config.hours) {
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
    for (index, imap) in config.imap.iter().enumerate() {
        if imap.tls == Tls::None && !loopback(&imap.host) {
            fault(
                "imap",
                index,
                "tls",
                format!("plaintext to {} would show mail and password", imap.host),
                "use \"implicit\" or \"starttls\"",
            );
        }
        if imap.after == After::Move && imap.move_to == imap.mailbox {
            fault("imap", index, "move_to", "is the mailbox itself".into(), "name another mailbox");
        }
        if config.imap[..index].iter().any(|other| other.name == imap.name) {
            fault("imap", index, "name", format!("`{}` stands twice", imap.name), "give each [[imap]] its own name");
        }
        if imap.poll_secs == 0 {
            fault("imap", index, "poll_secs", "is 0".into(), "write at least 1");
        }
    }
    for (team, address) in &config.teams {
        if !is_address(address) {
            fault("teams", 0, team, format!("`{address}` is no mail address"), "write it as name@host.example");
        }
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
        if hook.secret_files.is_empty() {
            fault(
                "hook",
                index,
                "secret_files",
                "is empty, so every post would be refused".into(),
                "name a file that holds the source's secret",
            );
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
    text.split('@').filter(|part| !part.is_empty()).count() == 2 && !text.contains(char::is_whitespace)
}

fn loopback(host: &str) -> bool {
    host == "localhost" || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(usize, &str)]) {
        let faults = match parse(text, "t.toml", Path::new("/etc/deskclerk")) {
            Ok(_) => vec![],
            Err(faults) => faults,
        };
        let got: Vec<(usize, &str)> = faults.iter().map(|fault| (fault.line, fault.message.as_str())).collect();
        assert_eq!(got.len(), expected.len(), "{got:?}");
        for ((line, message), (expected_line, part)) in got.iter().zip(expected) {
            assert_eq!(line, expected_line, "{message}");
            assert!(message.contains(part), "{message} should contain {part}");
        }
    }

    #[test]
    fn the_default_is_valid_and_paths_are_resolved() {
        let config = default_in(Path::new("/etc/deskclerk"));
        assert_eq!(config.desk.data_dir, Path::new("/etc/deskclerk/data"));
        assert_eq!(config.rules.dir, Path::new(""));
    }

    #[test]
    fn every_fault_has_its_line() {
        check(
            "[http]\nlisten = \"here\"\n\n[desk]\naddress = \"nobody\"\n",
            &[(2, "http.listen"), (5, "desk.address")],
        );
        check("[htp]\nlisten = \"1.2.3.4:5\"\n", &[(1, "unknown key `htp`")]);
        check("[http]\nlisen = \"1.2.3.4:5\"\n", &[(2, "unknown key `http.lisen`")]);
        check("[http\n", &[(1, "not TOML")]);
        check("[replies]\nper_address_per_day = \"many\"\n", &[(2, "per_address_per_day")]);
        check(
            "[replies]\nmode = \"yell\"\nper_address_per_day = \"many\"\n[bounds]\nparts = -1\n",
            &[(2, "replies.mode"), (3, "replies.per_address_per_day"), (5, "bounds.parts")],
        );
        check("[[imap]]\nname = \"a\"\n\n[[imap]]\nname = \"b\"\nhost = 1\n", &[(1, "missing field")]);
        check("[[imap]]\nname = \"a\"\nhost = \"h\"\nport = \"x\"\n", &[(4, "imap[0].port")]);
        check("[smtp]\nhost = \"mx.example\"\ntls = \"none\"\n", &[(3, "smtp.tls")]);
    }

    #[test]
    fn the_directory_has_one_source() {
        let of = |lines: &str, expected: &[(usize, &str)]| check(&format!("[campaigns]\n{lines}"), expected);
        of("url = \"https://crm.example/c.csv?all=1\"\nurl_header_file = \"key\"\n", &[]);
        of("url = \"http://127.0.0.1:8000/c.csv\"\n", &[]);
        of("url = \"http://[::1]/c.csv\"\n", &[]);
        of("sql = \"select * from c\"\nsql_url_file = \"db\"\n", &[]);
        of(
            "file = \"c.csv\"\nurl = \"https://crm.example/\"\n",
            &[(3, "campaigns.url: the directory comes from campaigns.file")],
        );
        of(
            "sql_url_file = \"db\"\nurl = \"https://crm.example/\"\nsql = \"SELECT 1\"\n",
            &[(4, "comes from campaigns.url")],
        );
        of("url = \"http://crm.example/\"\n", &[(2, "plaintext")]);
        of("url = \"https://me:word@crm.example/\"\n", &[(2, "password")]);
        of("url = \"ftp://crm.example/\"\n", &[(2, "no http")]);
        of("url_header_file = \"key\"\n", &[(2, "without url")]);
        of("sql = \"DELETE FROM c\"\nsql_url_file = \"db\"\n", &[(2, "no query")]);
        of("sql = \"SELECT 1\"\n", &[(2, "names no database")]);
        of("sql_url_file = \"db\"\nrefresh_secs = 0\n", &[(2, "without sql"), (3, "is 0")]);
    }

    #[test]
    fn the_commented_examples_of_the_default_file_are_valid() {
        let open = |line: &str| match line.strip_prefix("# ") {
            Some(rest) if rest.starts_with('[') || rest.contains(" = ") => rest.to_owned(),
            _ => line.to_owned(),
        };
        let text: Vec<String> = DEFAULT.lines().map(open).collect();
        let config = parse(&text.join("\n"), "t.toml", Path::new("/")).unwrap();
        assert_eq!(config.imap.len(), 1);
        assert_eq!(config.hook[0].map["email"], "contact.email");
    }
}
