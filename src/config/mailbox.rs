//! The settings of mailboxes as typed data, and what is wrong with them: plaintext to other machines, folders that mails would
//! come back from, sign-ins that lack something. Looks at no file and no host that they name.

use std::path::PathBuf;
use std::str::FromStr;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::check::{is_host, loopback};
use super::endpoints::url_fault;
use super::settings::{Config, Tls};

/// What becomes of a mail on the server once it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum After {
    /// `\Seen` and `$Deskclerk`.
    Flag,
    /// Moved to `move_to`.
    Move,
    /// Deleted and expunged.
    Delete,
    /// Left as it is.
    Keep,
}

/// From when on mail of a mailbox may be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum AnswerSince {
    /// Nothing older than the first connect is answered.
    Now,
    /// Everything.
    All,
    /// What the server got on this day (UTC) or later.
    Day(Date),
}

impl TryFrom<String> for AnswerSince {
    type Error = String;

    fn try_from(text: String) -> Result<AnswerSince, String> {
        match text.as_str() {
            "now" => Ok(AnswerSince::Now),
            "all" => Ok(AnswerSince::All),
            day => Date::from_str(day)
                .map(AnswerSince::Day)
                .map_err(|_| format!("`{day}` is neither now nor all nor a day such as 2026-11-01")),
        }
    }
}

impl From<AnswerSince> for String {
    fn from(since: AnswerSince) -> String {
        match since {
            AnswerSince::Now => "now".into(),
            AnswerSince::All => "all".into(),
            AnswerSince::Day(day) => day.to_string(),
        }
    }
}

/// `[[imap]]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Imap {
    /// Names the door.
    pub name: String,
    /// Host name.
    pub host: String,
    /// Port.
    #[serde(default = "imaps")]
    pub port: u16,
    /// Security.
    #[serde(default = "implicit")]
    pub tls: Tls,
    /// PEM file of a private CA.
    #[serde(default)]
    pub ca_file: PathBuf,
    /// Where connections go through: `socks5://host:port` or `http://host:port`; empty: straight.
    #[serde(default)]
    pub proxy: String,
    /// File that holds the proxy's `user:password`; empty: it asks for none.
    #[serde(default)]
    pub proxy_secret_file: PathBuf,
    /// Login.
    pub user: String,
    /// File that holds the password; empty: there is `oauth`.
    #[serde(default)]
    pub password_file: PathBuf,
    /// Sign-in by access tokens instead of the password.
    #[serde(default)]
    pub oauth: Option<OAuth>,
    /// The mailbox.
    #[serde(default = "inbox")]
    pub mailbox: String,
    /// Further folders of the account.
    #[serde(default)]
    pub folders: Vec<String>,
    /// What becomes of a stored mail.
    #[serde(default = "flag")]
    pub after: After,
    /// Target of `after = "move"`.
    #[serde(default = "deskclerk_folder")]
    pub move_to: String,
    /// Poll interval without IDLE.
    #[serde(default = "minute")]
    pub poll_secs: u64,
    /// How long one IDLE lasts.
    #[serde(default = "five_minutes")]
    pub idle_secs: u64,
    /// So long a server may be silent when it is to say something.
    #[serde(default = "minute")]
    pub timeout_secs: u64,
    /// From when on mail may be answered.
    #[serde(default = "now")]
    pub answer_since: AnswerSince,
    /// What the server got before this day (by its own clock) is not read; `None`: all is.
    #[serde(default)]
    pub read_since: Option<Date>,
    /// Mails of a backlog that are taken in a minute; 0: any number.
    #[serde(default = "six_thousand")]
    pub backlog_per_minute: u32,
}

/// `[imap.oauth]`: an access token (RFC 6749) by a refresh token, or by the client's own credentials where there is none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OAuth {
    /// The token endpoint.
    pub token_url: String,
    /// The client's id.
    pub client_id: String,
    /// File that holds the client's secret; empty: it has none.
    #[serde(default)]
    pub client_secret_file: PathBuf,
    /// File that holds a refresh token; empty: the client signs in for itself.
    #[serde(default)]
    pub refresh_token_file: PathBuf,
    /// What the token is to be good for; empty: what the endpoint thinks.
    #[serde(default)]
    pub scope: String,
}

fn imaps() -> u16 {
    993
}
fn implicit() -> Tls {
    Tls::Implicit
}
fn inbox() -> String {
    "INBOX".into()
}
fn flag() -> After {
    After::Flag
}
fn deskclerk_folder() -> String {
    "Deskclerk".into()
}
fn minute() -> u64 {
    60
}
fn now() -> AnswerSince {
    AnswerSince::Now
}
fn five_minutes() -> u64 {
    300
}
fn six_thousand() -> u32 {
    6_000
}

impl Imap {
    /// The account's door, `imap:NAME`: of its mailbox, and what its lease and tokens are kept under.
    pub fn source(&self) -> String {
        format!("imap:{}", self.name)
    }

    /// All folders that are read, each with its door: `imap:NAME` of the mailbox, `imap:NAME/FOLDER` of the others.
    pub fn doors(&self) -> Vec<(String, &str)> {
        let further = self.folders.iter().map(|folder| (format!("{}/{folder}", self.source()), folder.as_str()));
        std::iter::once((self.source(), self.mailbox.as_str())).chain(further).collect()
    }

    /// Unix milliseconds; what the server got earlier is not answered. `first`: when the mailbox was first opened.
    pub fn baseline(&self, first: i64) -> i64 {
        match self.answer_since {
            AnswerSince::Now => first,
            AnswerSince::All => 0,
            AnswerSince::Day(day) => {
                let start = TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0));
                start.map_or(i64::MAX, |start| start.as_millisecond())
            }
        }
    }

    /// What stands in `proxy`; `None`: nothing, or what names no proxy.
    pub fn proxy(&self) -> Option<Proxy> {
        let uri: hyper::Uri = self.proxy.parse().ok()?;
        let scheme = uri.scheme_str().filter(|scheme| ["socks5", "http"].contains(scheme))?;
        let bare = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
        let path = uri.path_and_query().is_none_or(|path| path.as_str() == "/");
        let host = uri.host()?.trim_matches(['[', ']']).to_owned();
        let secret_file = self.proxy_secret_file.clone();
        let proxy = Proxy { socks: scheme == "socks5", host, port: uri.port_u16()?, secret_file };
        (bare && path).then_some(proxy)
    }
}

/// Where connections go through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    /// SOCKS 5; else HTTP's CONNECT.
    pub socks: bool,
    /// Its host.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// File that holds `user:password`; empty: it asks for none.
    pub secret_file: PathBuf,
}

/// What is wrong with the `index`-th mailbox: key, what, remedy.
pub fn faults(config: &Config, index: usize) -> Vec<(&'static str, String, &'static str)> {
    let imap = &config.imap[index];
    let mut faults = vec![];
    let mut fault = |key, message: String, remedy| faults.push((key, message, remedy));
    if imap.tls == Tls::None && !loopback(&imap.host) {
        let message = format!("plaintext to {} would show mail and password", imap.host);
        fault("tls", message, "use \"implicit\" or \"starttls\"");
    }
    if !is_host(&imap.host) {
        let message = format!("`{}` is no host name", imap.host);
        fault("host", message, "write the name alone; the port is a key of its own");
    }
    if imap.port == 0 {
        fault("port", "is 0".into(), "write 993, or 143 with tls = \"starttls\"");
    }
    if imap.after == After::Move {
        if imap.move_to.is_empty() {
            fault("move_to", "is empty".into(), "name another mailbox");
        } else if imap.move_to == imap.mailbox {
            fault("move_to", "is the mailbox itself".into(), "name another mailbox");
        } else if imap.folders.contains(&imap.move_to) {
            fault("move_to", format!("`{}` is read, too", imap.move_to), "name a folder that is not in folders");
        }
    }
    for (key, value) in [("name", &imap.name), ("user", &imap.user), ("mailbox", &imap.mailbox)] {
        if value.is_empty() {
            fault(key, "is empty".into(), "write it, or leave the key out where it has a default");
        }
    }
    for (n, folder) in imap.folders.iter().enumerate() {
        if folder.is_empty() || *folder == imap.mailbox || imap.folders[..n].contains(folder) {
            fault("folders", format!("`{folder}` is empty or stands twice"), "name each further folder once");
        }
    }
    let doors: Vec<String> = imap.doors().into_iter().map(|(door, _)| door).collect();
    let mut others = config.imap[..index].iter().flat_map(Imap::doors);
    if others.any(|(other, _)| doors.contains(&other)) {
        fault("name", format!("`{}` stands twice", imap.name), "give each [[imap]] its own name");
    }
    if imap.poll_secs == 0 {
        fault("poll_secs", "is 0".into(), "write at least 1");
    }
    // RFC 2177: an IDLE is ended before the 30 minutes are over after which servers log out.
    if !(1..=1740).contains(&imap.idle_secs) {
        fault("idle_secs", format!("is {}", imap.idle_secs), "write 1 to 1740");
    }
    if imap.timeout_secs == 0 {
        fault("timeout_secs", "is 0".into(), "write at least 1");
    }
    faults.extend(sign_in_faults(config, imap));
    faults.extend(proxy_faults(imap));
    faults
}

fn sign_in_faults(config: &Config, imap: &Imap) -> Vec<(&'static str, String, &'static str)> {
    let mut faults = vec![];
    let password = !imap.password_file.as_os_str().is_empty();
    let Some(oauth) = &imap.oauth else {
        if !password {
            let remedy = "name the file that holds the password, or write [imap.oauth]";
            faults.push(("password_file", "is missing: nobody could sign in".into(), remedy));
        }
        return faults;
    };
    if password {
        faults.push(("oauth", "stands beside password_file".into(), "keep one of the two"));
    }
    if let Some((message, remedy)) = url_fault(config, &oauth.token_url) {
        faults.push(("oauth.token_url", message, remedy));
    }
    if oauth.client_id.is_empty() {
        faults.push(("oauth.client_id", "is empty".into(), "write the id that the provider gave the client"));
    }
    if oauth.client_secret_file.as_os_str().is_empty() && oauth.refresh_token_file.as_os_str().is_empty() {
        let message = "has neither client_secret_file nor refresh_token_file: nothing would prove who asks";
        faults.push(("oauth", message.into(), "name one of them, or both"));
    }
    faults
}

fn proxy_faults(imap: &Imap) -> Vec<(&'static str, String, &'static str)> {
    let mut faults = vec![];
    if imap.proxy.is_empty() {
        if !imap.proxy_secret_file.as_os_str().is_empty() {
            faults.push(("proxy_secret_file", "stands without proxy".into(), "write proxy, or remove this key"));
        }
        return faults;
    }
    if imap.proxy().is_none() {
        let remedy = "write socks5://host:1080 or http://host:3128; user and password go into proxy_secret_file";
        faults.push(("proxy", "names no proxy".into(), remedy));
    }
    if imap.tls == Tls::None {
        let message = "the proxy would read mail and password".into();
        faults.push(("proxy", message, "set tls = \"implicit\" or \"starttls\""));
    }
    faults
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::path::Path;

    use super::*;

    const IMAP: &str = "[[imap]]\nname = \"a\"\nhost = \"imap.example.com\"\nuser = \"u\"\n";
    const PASSWORD: &str = "password_file = \"p\"\n";
    const OAUTH: &str = "[imap.oauth]\ntoken_url = \"https://login.example.com/token\"\nclient_id = \"c\"\n";

    fn parse(text: &str) -> Result<Config, Vec<String>> {
        crate::config::parse(text, "t.toml", Path::new("/etc/deskclerk"))
            .map_err(|faults| faults.into_iter().map(|fault| fault.to_string()).collect())
    }

    fn check(more: &str, expected: &[&str]) {
        let got = parse(&format!("{IMAP}{more}")).err().unwrap_or_default();
        assert_eq!(got.len(), expected.len(), "{more}: {got:?}");
        for (message, part) in got.iter().zip(expected) {
            assert!(message.contains(part), "{message} should contain {part}");
        }
    }

    #[test]
    fn mailboxes_that_cannot_be_meant_are_named() {
        check(PASSWORD, &[]);
        check("", &["imap.password_file: is missing"]);
        check(&format!("{PASSWORD}folders = [\"A\", \"B\"]"), &[]);
        check(&format!("{PASSWORD}folders = [\"A\", \"A\"]"), &["t.toml:6: imap.folders: `A`"]);
        check(&format!("{PASSWORD}folders = [\"INBOX\"]"), &["imap.folders: `INBOX`"]);
        check(
            &format!("{PASSWORD}after = \"move\"\nmove_to = \"A\"\nfolders = [\"A\"]"),
            &["imap.move_to: `A` is read, too"],
        );
        check(&format!("{PASSWORD}\n{}{PASSWORD}", IMAP.replace("\"a\"", "\"a/b\"")), &[]);
        check(
            &format!("{PASSWORD}folders = [\"b\"]\n{}{PASSWORD}", IMAP.replace("\"a\"", "\"a/b\"")),
            &["`a/b` stands twice"],
        );
        check(&format!("{PASSWORD}answer_since = \"soon\""), &["`soon` is neither now nor all nor a day"]);
        check(&format!("{PASSWORD}read_since = \"2026-13-01\""), &["imap.read_since"]);
        check(&format!("{PASSWORD}proxy = \"socks5://gate.example:1080\""), &[]);
        for proxy in ["gate:1080", "socks4://g:1", "http://g", "http://me:x@g:1", "http://g:1/x"] {
            check(&format!("{PASSWORD}proxy = \"{proxy}\""), &["imap.proxy: names no proxy"]);
        }
        let local = IMAP.replace("imap.example.com", "127.0.0.1");
        let got = parse(&format!("{local}{PASSWORD}tls = \"none\"\nproxy = \"http://g:1\"")).unwrap_err();
        assert!(got[0].contains("the proxy would read"), "{got:?}");
    }

    #[test]
    fn tokens_need_what_proves_the_client() {
        check(&format!("{OAUTH}client_secret_file = \"s\""), &[]);
        check(&format!("{OAUTH}refresh_token_file = \"r\""), &[]);
        check(OAUTH, &["imap.oauth: has neither"]);
        check(&format!("{PASSWORD}{OAUTH}client_secret_file = \"s\""), &["beside password_file"]);
        check(
            &format!("{}client_secret_file = \"s\"", OAUTH.replace("https://", "ftp://")),
            &["imap.oauth.token_url: is no http address"],
        );
        check(
            &format!("{}client_secret_file = \"s\"", OAUTH.replace("https://", "http://")),
            &["imap.oauth.token_url: plaintext to login.example.com"],
        );
        check(
            &format!("{OAUTH}client_secret = \"s\""),
            &["has neither client_secret_file", "unknown key `imap.oauth.client_secret`"],
        );
        let config = parse(&format!("{IMAP}{OAUTH}client_secret_file = \"s\"")).unwrap();
        assert_eq!(config.imap[0].oauth.as_ref().unwrap().client_secret_file, Path::new("/etc/deskclerk/s"));
    }

    #[test]
    fn a_day_is_a_baseline() {
        let at = |since: &str, first: i64| {
            let config = parse(&format!("{IMAP}{PASSWORD}answer_since = \"{since}\"")).unwrap();
            config.imap[0].baseline(first)
        };
        assert_eq!(at("now", 7), 7);
        assert_eq!(at("all", 7), 0);
        assert_eq!(at("2026-11-01", 7), 1_793_491_200_000);
    }
}
