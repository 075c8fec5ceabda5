//! Settings: `deskclerk.toml` as typed, validated data. Plain data: knows no consumer.
//!
//! The documented default file is compiled in ([`DEFAULT`]); a file of the operator's is laid over it. All faults are
//! reported at once, each with key, line and remedy.

mod check;
pub mod endpoints;
pub mod fault;
pub mod hours;
mod keeping;
pub mod mailbox;
pub mod network;
pub mod secret;
pub mod settings;

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use fault::Fault;
use serde::Deserialize;
use serde_path_to_error::Segment;
use settings::Config;
use toml_edit::{Document, Item, TableLike};

/// The default file, which is also the documentation of every key.
pub const DEFAULT: &str = include_str!("default.toml");

/// Reads a settings file's text. `name` names it in faults; `folder` is where relative paths start.
pub fn parse(text: &str, name: &str, folder: &Path) -> Result<Config, Vec<Fault>> {
    let (config, faults) = parse_all(text, name, folder);
    if faults.is_empty() { Ok(config) } else { Err(faults) }
}

/// As [`parse`], with what could be read although there are faults: what is wrong is left out.
pub fn parse_all(text: &str, name: &str, folder: &Path) -> (Config, Vec<Fault>) {
    let defaults: toml::Table = toml::from_str(DEFAULT).expect("the compiled-in default file is valid TOML");
    let config =
        Config::deserialize(defaults.clone()).expect("the compiled-in default file has every key, rightly typed");
    let mut typed = Typed { config, merged: defaults.clone(), faults: vec![] };
    let document = match Document::parse(text) {
        Ok(document) => document,
        Err(error) => return (typed.config, vec![syntax_fault(text, name, &error)]),
    };
    typed.faults = unknown_keys(&document, name, &defaults);
    let mut written: toml::Table = toml::from_str(text).unwrap_or_default();
    drop_unknown(&mut written, &defaults);
    for (key, _) in document.iter() {
        match written.remove(key) {
            Some(toml::Value::Array(tables)) => typed.lay_list(&document, name, key, tables),
            Some(value) => drop(typed.lay(&document, name, key, value, 0)),
            None => {}
        }
    }
    resolve_paths(&mut typed.config, folder);
    let Typed { config, mut faults, .. } = typed;
    faults.extend(check::contradictions(&config, &document, text, name));
    faults.sort();
    faults.dedup();
    (config, faults)
}

/// Settings while a file is laid over the defaults, table by table.
struct Typed {
    config: Config,
    merged: toml::Table,
    faults: Vec<Fault>,
}

impl Typed {
    /// Lays a value over what is there; again without each part that is wrong, so that none hides the next. `index`: of
    /// which table of a list it is. Whether enough of it was right.
    fn lay(&mut self, document: &Document<&str>, name: &str, key: &str, mut value: toml::Value, index: usize) -> bool {
        let mut left_out: Vec<String> = vec![];
        loop {
            let mut merged = self.merged.clone();
            overlay(&mut merged, key, value.clone());
            let error = match serde_path_to_error::deserialize::<_, Config>(merged.clone()) {
                Ok(config) => {
                    (self.config, self.merged) = (config, merged);
                    return true;
                }
                Err(error) => error,
            };
            let path: Vec<&Segment> = error.path().iter().collect();
            let reason = error.inner().message();
            // What was left out is missed only because it was wrong, and that is said already.
            let missed = reason.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
            if !missed.is_some_and(|missed| left_out.iter().any(|out| out == missed)) {
                self.faults.push(type_fault(document, name, &path, index, reason));
            }
            match take(&mut value, path.get(1..).unwrap_or_default()) {
                Some(out) => left_out.push(out),
                None => return false,
            }
        }
    }

    /// Lays each table of a list over what is there. A list of which one is wrong is left out whole.
    fn lay_list(&mut self, document: &Document<&str>, name: &str, key: &str, tables: Vec<toml::Value>) {
        let mut sound = Some(vec![]);
        for (index, table) in tables.into_iter().enumerate() {
            let laid = self.lay(document, name, key, toml::Value::Array(vec![table]), index);
            let one = self.merged.remove(key);
            match (laid, one, &mut sound) {
                (true, Some(toml::Value::Array(mut one)), Some(sound)) => sound.append(&mut one),
                _ => sound = None,
            }
        }
        self.merged.insert(key.to_owned(), toml::Value::Array(sound.unwrap_or_default()));
        if let Ok(config) = Config::deserialize(self.merged.clone()) {
            self.config = config;
        }
    }
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

/// `path`: to the wrong value; in a list of one table, which is the `index`-th of the file.
fn type_fault(document: &Document<&str>, name: &str, path: &[&Segment], index: usize, reason: &str) -> Fault {
    // The line of the innermost key that stands in the file.
    let mut line = 0;
    let mut table: &dyn TableLike = document.as_table();
    let mut list = None;
    let mut shown = String::new();
    for segment in path {
        let span = match segment {
            Segment::Map { key } => {
                shown = if shown.is_empty() { key.clone() } else { format!("{shown}.{key}") };
                table.get_key_value(key).and_then(|(key, item)| {
                    list = item.as_array_of_tables();
                    table = item.as_table_like().unwrap_or(table);
                    key.span()
                })
            }
            Segment::Seq { .. } => list.and_then(|list| list.get(index)).and_then(|inner| {
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
        message: format!("{shown}: {}", reason.lines().next().unwrap_or_default().trim()),
        remedy: "write it as `deskclerk config print` shows it".into(),
    }
}

/// Takes the value at this path away, and gives its key; `None`: it is not there, or part of a list.
fn take(value: &mut toml::Value, path: &[&Segment]) -> Option<String> {
    let (last, way) = path.split_last()?;
    let table = way.iter().try_fold(value, |value, segment| match segment {
        Segment::Map { key } => value.get_mut(key),
        Segment::Seq { index } => value.get_mut(*index),
        _ => None,
    })?;
    let Segment::Map { key } = last else { return None };
    table.as_table_mut()?.remove(key).map(|_| key.clone())
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

/// The keys of a table: read off the default file, of `[[imap]]`, `[[hook]]` and their like listed. `None`: there is no such table.
fn known_keys<'a>(table: &str, defaults: &'a toml::Table) -> Option<Vec<&'a str>> {
    const IMAP: &str = "name host port tls ca_file proxy proxy_secret_file user password_file oauth mailbox folders after \
                        move_to poll_secs idle_secs timeout_secs answer_since read_since backlog_per_minute";
    const CONNECTOR: &str = "name kind url user secret_file id_prefix id_field campaign_field group groups types priorities \
                             tags waiting attachment_bytes poll_secs hook_secret_file";
    const HOOK: &str =
        "name preset verify secret_files header id_header tolerance_secs proxies per_minute keep_keys_days map";
    match table {
        "imap" => Some(IMAP.split(' ').collect()),
        "hook" => Some(HOOK.split(' ').collect()),
        "webhook" => Some(vec!["name", "url", "secret_files", "events", "connections"]),
        "connector" => Some(CONNECTOR.split(' ').collect()),
        _ => Some(defaults.get(table)?.as_table()?.keys().map(String::as_str).collect()),
    }
}

fn unknown_keys(document: &Document<&str>, name: &str, defaults: &toml::Table) -> Vec<Fault> {
    let mut faults = vec![];
    for (key, item) in document.iter().filter(|(key, _)| *key != "teams") {
        let Some(listed) = known_keys(key, defaults) else {
            let tables: Vec<&str> =
                defaults.keys().map(String::as_str).chain(["imap", "hook", "webhook", "connector"]).collect();
            faults.push(unknown(document, name, document.key(key), key, &tables));
            continue;
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
fn drop_unknown(written: &mut toml::Table, defaults: &toml::Table) {
    written.retain(|key, value| {
        let Some(listed) = known_keys(key, defaults) else { return key == "teams" };
        let tables: Vec<&mut toml::Value> = match value {
            toml::Value::Array(list) => list.iter_mut().collect(),
            table => vec![table],
        };
        for table in tables.into_iter().filter_map(toml::Value::as_table_mut).filter(|_| key != "teams") {
            table.retain(|inner, _| listed.contains(&inner));
        }
        true
    });
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
        &mut config.store.url_file,
        &mut config.store.s3_secret_file,
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
    for imap in &mut config.imap {
        paths.extend([&mut imap.ca_file, &mut imap.proxy_secret_file, &mut imap.password_file]);
        let oauth = imap.oauth.as_mut();
        paths
            .extend(oauth.into_iter().flat_map(|oauth| [&mut oauth.client_secret_file, &mut oauth.refresh_token_file]));
    }
    paths.extend(config.hook.iter_mut().flat_map(|hook| hook.secret_files.iter_mut()));
    paths.extend(config.webhook.iter_mut().flat_map(|webhook| webhook.secret_files.iter_mut()));
    let connectors = config.connector.iter_mut();
    paths.extend(connectors.flat_map(|connector| [&mut connector.secret_file, &mut connector.hook_secret_file]));
    for path in paths {
        let credential = path.to_str().is_some_and(|text| text.starts_with("credential:"));
        if !path.as_os_str().is_empty() && !credential && path.is_relative() {
            *path = folder.join(&*path);
        }
    }
    let url = &mut config.desk.public_url;
    if url.is_empty()
        && let Ok(mut listen) = config.http.listen.parse::<SocketAddr>()
    {
        if listen.ip().is_unspecified() {
            listen.set_ip(if listen.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() });
        }
        *url = format!("http://{listen}");
    }
    url.truncate(url.trim_end_matches('/').len());
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
        check(
            "[form]\nper_minute = 0\nframe_ancestors = [\"https://a.example/x\"]\nproof_of_work_bits = 40\n\
             [form.custom_fields]\n7 = \"colour\"\n[support]\nchat = \"javascript:x\"\n",
            &[
                (2, "form.per_minute"),
                (3, "is no origin"),
                (4, "minutes"),
                (5, "cannot mean `colour`"),
                (8, "support.chat"),
            ],
        );
        check("[form]\nopne = true\n[form.custom_fields]\n7 = \"phone\"\n", &[(2, "unknown key `form.opne`")]);
        check("[htp]\nlisten = \"1.2.3.4:5\"\n", &[(1, "unknown key `htp`")]);
        check("[http]\nlisen = \"1.2.3.4:5\"\n", &[(2, "unknown key `http.lisen`")]);
        check("[http\n", &[(1, "not TOML")]);
        check("[replies]\nper_address_per_day = \"many\"\n", &[(2, "per_address_per_day")]);
        check(
            "[replies]\nmode = \"yell\"\nper_address_per_day = \"many\"\n[bounds]\nparts = -1\n",
            &[(2, "replies.mode"), (3, "replies.per_address_per_day"), (5, "bounds.parts")],
        );
        check(
            "[[imap]]\nname = \"a\"\n\n[[imap]]\nname = \"b\"\nhost = 1\n",
            &[(1, "missing field"), (6, "imap.host")],
        );
        check(
            "[[imap]]\nname = \"a\"\nhost = \"h\"\nport = \"x\"\nafter = \"eat\"\n[[imap]]\nname = \"b\"\nhots = 1\nhost = 2\n",
            &[
                (1, "missing field `user`"),
                (4, "imap.port"),
                (5, "imap.after"),
                (8, "unknown key `imap.hots`"),
                (9, "imap.host"),
            ],
        );
        check("[hours]\nzone = \"Nowhere\"\nmonday = \"x\"\n", &[(2, "hours.zone"), (3, "hours.monday")]);
        check(
            "[smtp]\nhost = \"mx.example:25\"\nport = 0\nenvelope_from = \"<a@b.example>\"\n",
            &[(2, "smtp.host"), (3, "smtp.port"), (4, "smtp.envelope_from")],
        );
        check("[store]\nurl = \"sqlite:\"\n", &[(2, "store.url")]);
        check("[smtp]\nhost = \"mx.example\"\ntls = \"none\"\n", &[(3, "smtp.tls")]);
    }

    #[test]
    fn webhook_sources_are_checked() {
        let of = |lines: &str, expected: &[(usize, &str)]| check(&format!("[[hook]]\nname = \"a\"\n{lines}"), expected);
        of("secret_files = [\"s\"]\n", &[]);
        of("verify = \"github\"\n", &[(1, "hook.secret_files: is empty")]);
        of("secret_files = [\"s\"]\nverify = \"md5\"\n", &[(4, "hook.verify: `md5`")]);
        of("secret_files = [\"s\"]\nheader = \"X Y\"\n", &[(4, "hook.header")]);
        of("secret_files = [\"s\"]\nkeep_keys_days = 0\n", &[(4, "hook.keep_keys_days")]);
        of("secret_files = [\"s\"]\nverfy = \"basic\"\n", &[(4, "unknown key `hook.verfy`")]);
        of(
            "secret_files = [\"s\"]\nverify = \"mtls-header\"\n",
            &[(1, "hook.header: is empty"), (1, "hook.proxies: is empty")],
        );
        of(
            "secret_files = [\"s\"]\nverify = \"mtls-header\"\nheader = \"X-C\"\nproxies = [\"10.0.0.0/40\"]\n",
            &[(6, "hook.proxies: `10.0.0.0/40`")],
        );
        check("[egress]\nallow = [\"10.0.0.0/8\", \"here\"]\n", &[(2, "egress.allow: `here`")]);
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
        assert_eq!(config.imap.iter().filter(|imap| imap.oauth.is_some()).count(), 2);
        assert_eq!(config.imap.len(), 3);
        assert_eq!(config.hook[0].map["email"].as_str(), Some("contact.email"));
    }
}
