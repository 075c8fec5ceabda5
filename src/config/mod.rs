//! Settings: `deskclerk.toml` as typed, validated data. Plain data: knows no consumer.
//!
//! The documented default file is compiled in ([`DEFAULT`]); a file of the operator's is laid over it. All faults are
//! reported at once, each with key, line and remedy.

mod check;
pub mod endpoints;
pub mod fault;
pub mod hours;
mod keeping;
mod lay;
pub mod mailbox;
pub mod network;
pub mod secret;
pub mod settings;

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::Range;
use std::path::Path;

use fault::Fault;
use lay::Laid;
use settings::Config;
use toml_edit::{Document, Item, TableLike, Value};

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
    let document = match Document::parse(text) {
        Ok(document) => document,
        Err(error) => return (default_in(folder), vec![syntax_fault(text, name, &error)]),
    };
    let mut laid = Laid::over(&defaults, &document, name);
    laid.faults = unknown_keys(&document, name, &defaults);
    let mut written: toml::Table = toml::from_str(text).unwrap_or_default();
    drop_unknown(&mut written, &defaults);
    for (key, _) in document.iter() {
        if let Some(value) = written.remove(key) {
            laid.lay(key, value);
        }
    }
    let Laid { mut config, mut faults, .. } = laid;
    resolve_paths(&mut config, folder);
    join(&mut faults, check::controls(&config, &document, text, name));
    join(&mut faults, check::contradictions(&config, &document, text, name));
    (config, faults)
}

/// Adds what was found later: what is known of a key already is not told again, as something stands in for its value.
pub fn join(faults: &mut Vec<Fault>, later: Vec<Fault>) {
    let key = |fault: &Fault| fault.message.split_once(": ").map(|(key, _)| key.to_owned());
    let known: Vec<(usize, String)> = faults.iter().filter_map(|fault| Some((fault.line, key(fault)?))).collect();
    let is_known = |fault: &Fault| {
        let key = key(fault).unwrap_or_default();
        let within = |of: &str| key.strip_prefix(of).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        known.iter().any(|(line, of)| *line == fault.line && within(of))
    };
    faults.extend(later.into_iter().filter(|fault| !is_known(fault)));
    faults.sort();
    faults.dedup();
}

/// The default settings, with paths below `folder`.
pub fn default_in(folder: &Path) -> Config {
    parse("", "default.toml", folder).expect("the compiled-in default file is valid")
}

fn syntax_fault(text: &str, name: &str, error: &toml_edit::TomlError) -> Fault {
    let line = error.span().map_or(0, |span| line_of(text, span.start));
    let said = error.message().trim().replace('\n', ", ");
    let key = text
        .lines()
        .nth(line.saturating_sub(1))
        .and_then(|line| line.split_once('='))
        .map_or("", |(key, _)| key.trim());
    let remedy = match said.as_str() {
        said if said.contains("overflow") => "write a smaller number",
        said if said.contains("duplicate key") => "keep one of the two lines",
        _ => "correct the syntax; `deskclerk config print` shows a valid file",
    };
    let key = if key.is_empty() { String::new() } else { format!(" at `{key}`") };
    Fault { file: name.to_owned(), line, message: format!("not TOML: {said}{key}"), remedy: remedy.into() }
}

fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes()[..offset.min(text.len())].iter().filter(|byte| **byte == b'\n').count() + 1
}

/// The tables of which there may be any number.
const LISTS: [&str; 4] = ["imap", "hook", "webhook", "connector"];

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
    let line = |key: Option<&toml_edit::Key>| {
        key.and_then(toml_edit::Key::span).map_or(0, |span| line_of(document.raw(), span.start))
    };
    for (key, item) in document.iter().filter(|(key, _)| *key != "teams") {
        let Some(listed) = known_keys(key, defaults) else {
            let tables: Vec<&str> = defaults.keys().map(String::as_str).chain(LISTS).collect();
            faults.push(unknown(name, line(document.key(key)), key, key, &tables));
            continue;
        };
        for (table, _) in tables(item) {
            for (inner, _) in table.iter().filter(|(inner, _)| !listed.contains(inner)) {
                faults.push(unknown(name, line(table.key(inner)), &format!("{key}.{inner}"), inner, &listed));
            }
        }
    }
    faults
}

/// The tables of an item, of a list each, with where they stand.
fn tables(item: &Item) -> Vec<(&dyn TableLike, Option<Range<usize>>)> {
    match item {
        Item::ArrayOfTables(list) => list.iter().map(|table| (table as &dyn TableLike, table.span())).collect(),
        Item::Value(Value::Array(list)) => {
            let tables = list.iter().filter_map(Value::as_inline_table);
            tables.map(|table| (table as &dyn TableLike, table.span())).collect()
        }
        item => item.as_table_like().into_iter().map(|table| (table, item.span())).collect(),
    }
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

fn unknown(name: &str, line: usize, path: &str, key: &str, listed: &[&str]) -> Fault {
    let nearest = listed.iter().min_by_key(|known| edits(key, known)).filter(|known| edits(key, known) <= 3);
    Fault {
        file: name.to_owned(),
        line,
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
        let text = path.to_string_lossy();
        if !text.trim().is_empty() && !text.starts_with("credential:") && path.is_relative() {
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

/// The line of a key in a settings file, from 1: of the `index`-th table where `table` is a list; of a key with dots within
/// the tables that it names. The innermost table's own line where the key does not stand; 0 where none does.
pub fn line_of_key(text: &str, table: &str, index: usize, key: &str) -> usize {
    Document::parse(text).map_or(0, |document| place(&document, text, table, index, key))
}

fn place(document: &Document<&str>, text: &str, table: &str, index: usize, key: &str) -> usize {
    walk(document, table, index, key.split('.')).map_or(0, |span| line_of(text, span.start))
}

/// Where the innermost of these keys stands that does.
fn walk<'k>(
    document: &Document<&str>,
    table: &str,
    index: usize,
    keys: impl Iterator<Item = &'k str>,
) -> Option<Range<usize>> {
    let item = document.get(table)?;
    let own = document.key(table).and_then(toml_edit::Key::span);
    let Some((mut table, span)) = tables(item).into_iter().nth(index) else { return own.or(item.span()) };
    let mut span = span.or(own);
    for key in keys {
        let Some((key, item)) = table.get_key_value(key) else { break };
        span = key.span().or(span);
        match item.as_table_like() {
            Some(inner) => table = inner,
            None => break,
        }
    }
    span
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
        check("[http]\nread_timeout_secs = 9223372036854775807\n", &[(2, "more than a day")]);
        check("[http]\nread_timeout_secs = 99999999999999999999\n", &[(2, "overflowed at `read_timeout_secs`")]);
        check("[http]\nlisten = \"\"\nlisten = \"\"\n", &[(3, "duplicate key at `listen`")]);
        check("[replies]\nper_address_per_day = \"many\"\n", &[(2, "per_address_per_day")]);
        check(
            "[replies]\nmode = \"yell\"\nper_address_per_day = \"many\"\n[bounds]\nparts = -1\n",
            &[(2, "replies.mode"), (3, "replies.per_address_per_day"), (5, "bounds.parts")],
        );
        check(
            "[[imap]]\nname = \"a\"\n\n[[imap]]\nname = \"b\"\nhost = 1\n",
            &[
                (1, "imap.host: is missing"),
                (1, "imap.password_file: is missing"),
                (1, "imap.user: is missing"),
                (4, "imap.password_file: is missing"),
                (4, "imap.user: is missing"),
                (6, "imap.host: is the number 1, and should be text"),
            ],
        );
        check(
            "[[imap]]\nname = \"a\"\nhost = \"h\"\nport = \"x\"\nafter = \"eat\"\n[[imap]]\nname = \"b\"\nhots = 1\nhost = 2\n",
            &[
                (1, "imap.password_file: is missing"),
                (1, "imap.user: is missing"),
                (4, "imap.port: is the text \"x\", and should be a whole number from 0 to 65535"),
                (5, "imap.after: `eat` is not known here"),
                (6, "imap.password_file: is missing"),
                (6, "imap.user: is missing"),
                (8, "unknown key `imap.hots`"),
                (9, "imap.host"),
            ],
        );
        check(
            "[[imap]]\n[[imap]]\n[imap.oauth]\n",
            &[
                (1, "imap.host"),
                (1, "imap.name"),
                (1, "imap.password_file"),
                (1, "imap.user"),
                (2, "imap.host"),
                (2, "imap.name"),
                (2, "imap.user"),
                (3, "imap.oauth.client_id: is missing"),
                (3, "imap.oauth.token_url: is missing"),
                (3, "imap.oauth: has neither"),
            ],
        );
        check(
            "[[imap]]\nname = \"a\"\nhost = \"h\"\nuser = \"u\"\n[imap.oauth]\nclient_id = \"c\"\nscope = 1\n",
            &[(5, "imap.oauth.token_url"), (5, "imap.oauth: has neither"), (7, "imap.oauth.scope")],
        );
        check(
            "[[webhook]]\nname = \"a\"\nurl = \"http://10.0.0.1/\"\nsecret_files = []\nevents = [\"ticket.foo\", 7]\n\
             connections = true\n[[webhook]]\nname = \"a\"\n",
            &[
                (3, "webhook.url: plaintext"),
                (4, "webhook.secret_files: is empty"),
                (5, "webhook.events: `ticket.foo` is not known here"),
                (5, "webhook.events: is the number 7, and should be text"),
                (6, "webhook.connections: is true, and should be a whole number"),
                (7, "webhook.secret_files: is missing"),
                (7, "webhook.url: is missing"),
                (8, "webhook.name: `a` stands twice"),
            ],
        );
        check(
            "desk = 5\nhook = [{name = \"a b\", nmae = 1}]\nteams = [1]\nlog = true\nwebhook = [\"x\"]\n[imap]\n[rules]\ndir = 7.5\n",
            &[
                (1, "desk: is the number 5, and should be a table"),
                (2, "hook.name: `a b` cannot stand in a URL"),
                (2, "hook.secret_files: is empty"),
                (2, "unknown key `hook.nmae`"),
                (3, "teams: is a list, and should be a table"),
                (4, "log: is true, and should be a table"),
                (5, "webhook: is the text \"x\", and should be a table"),
                (6, "imap: is a table, and should be a list"),
                (8, "rules.dir: is the number 7.5, and should be text"),
            ],
        );
        check(
            "[desk]\nname = \"A\\r\\nBcc: x@y.example\"\ndata_dir = \"\"\n[lmtp]\nlisten = \"0.0.0.0:8025\"\n[form.custom_fields]\n7 = \"a\\tb\"\n",
            &[
                (2, "desk.name: holds a line end"),
                (3, "desk.data_dir: is empty"),
                (5, "lmtp.listen: 0.0.0.0:8025 is http.listen, too"),
                (6, "form.custom_fields: field 7"),
                (7, "form.custom_fields.7: holds a line end"),
            ],
        );
        check("[campaigns]\nsql_url_file = \"db\"\nsql = \"\"\"\nSELECT\n\t1\"\"\"\n", &[]);
        check("[hours]\nzone = \"Nowhere\"\nmonday = \"x\"\n", &[(2, "hours.zone"), (3, "hours.monday")]);
        check(
            "[smtp]\nhost = \"mx.example:25\"\nport = 0\nenvelope_from = \"<a@b.example>\"\n",
            &[(2, "smtp.host"), (3, "smtp.port"), (4, "smtp.envelope_from")],
        );
        check("[store]\nurl = \"sqlite:\"\n", &[(2, "store.url")]);
        check(
            "[desk]\nauthserv_id = \" \"\ndata_dir = \" \"\n[smtp]\nfolder = \" \"\n[bounds]\ndepth = 100000\n",
            &[
                (2, "desk.authserv_id: ` ` is no such name"),
                (3, "desk.data_dir: is empty"),
                (5, "smtp.folder: is empty"),
                (7, "bounds.depth: 100000 is more than reading can bear"),
            ],
        );
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
