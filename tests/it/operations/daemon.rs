//! A running daemon as its operator sees it: readiness, metrics with the alerts and the dashboard that use them, sockets that
//! the service manager hands over.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use super::{lines, run};
use crate::servers::free_port;
use crate::servers::postgres::Postgres;

const PATIENCE: Duration = Duration::from_secs(30);

/// `deskclerk run`; killed when dropped.
pub struct Daemon {
    /// With `deskclerk.toml` and `data/`.
    pub folder: TempDir,
    child: Child,
    port: u16,
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Daemon {
    /// With these settings beside `http.listen`; ready when it returns.
    pub fn start(settings: &str) -> Daemon {
        let folder = TempDir::new().unwrap();
        let port = free_port();
        let config = folder.path().join("deskclerk.toml");
        fs::write(&config, format!("[http]\nlisten = \"127.0.0.1:{port}\"\n{settings}")).unwrap();
        Daemon { child: started(&config, port), folder, port }
    }

    /// kill -9.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again; ready when it returns.
    pub fn up(&mut self) {
        self.child = started(&self.folder.path().join("deskclerk.toml"), self.port);
    }

    fn get(&self, path: &str) -> (u16, String) {
        get(TcpStream::connect(("127.0.0.1", self.port)).unwrap(), path)
    }

    /// Asks until the answer is as wanted.
    fn until(&self, path: &str, wanted: impl Fn(u16, &str) -> bool) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            let (status, body) = self.get(path);
            if wanted(status, &body) {
                return body;
            }
            assert!(Instant::now() < until, "{path}: {status} {body}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

fn started(config: &Path, port: u16) -> Child {
    let child = Command::new(env!("CARGO_BIN_EXE_deskclerk")).args(["run", "--config"]).arg(config).spawn().unwrap();
    let until = Instant::now() + PATIENCE;
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < until, "it never listens");
        std::thread::sleep(Duration::from_millis(20));
    }
    child
}

/// One answer.
fn get(mut stream: TcpStream, path: &str) -> (u16, String) {
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
}

/// Speaks LMTP, each line after the answer to the one before.
pub fn lmtp(mut stream: impl Read + Write, mail: &str) -> String {
    let mut said = String::new();
    let mut hear = |stream: &mut dyn Read| {
        let mut buffer = [0; 4096];
        let read = stream.read(&mut buffer).unwrap();
        said.push_str(&String::from_utf8_lossy(&buffer[..read]));
    };
    hear(&mut stream);
    for line in ["LHLO mx", "MAIL FROM:<ann@a.example>", "RCPT TO:<support@desk.example>", "DATA"] {
        write!(stream, "{line}\r\n").unwrap();
        hear(&mut stream);
    }
    write!(stream, "{}\r\n.\r\n", mail.replace('\n', "\r\n")).unwrap();
    hear(&mut stream);
    said
}

/// Names of ours in a text, without the endings that histograms give them.
fn named(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (start, _) in text.match_indices("deskclerk_") {
        let name: String =
            text[start..].chars().take_while(|c| c.is_ascii_lowercase() || *c == '_' || c.is_ascii_digit()).collect();
        let histogram = ["_bucket", "_sum", "_count"].into_iter().find_map(|end| name.strip_suffix(end));
        names.insert(histogram.unwrap_or(&name).to_owned());
    }
    names
}

fn monitoring(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd/monitoring").join(name);
    fs::read_to_string(path).unwrap()
}

#[test]
fn alerts_and_dashboard_ask_only_for_what_a_daemon_has() {
    let (imap, lmtp_port) = (free_port(), free_port());
    let secret = tempfile::NamedTempFile::new().unwrap();
    fs::write(secret.path(), "secret\n").unwrap();
    let daemon = Daemon::start(&format!(
        "[lmtp]\nlisten = \"127.0.0.1:{lmtp_port}\"\n[desk]\naddress = \"support@desk.example\"\n\
         [[imap]]\nname = \"support\"\nhost = \"127.0.0.1\"\nport = {imap}\ntls = \"none\"\nuser = \"u\"\n\
         password_file = \"{}\"\n",
        secret.path().display()
    ));
    let stream = TcpStream::connect(("127.0.0.1", lmtp_port)).unwrap();
    let mail = super::request("ann@a.example", "1@a", "My campaign shows no clicks since Monday. Please look.")
        .replace("Subject: invoice", "Subject: no clicks in the report");
    assert!(lmtp(stream, &mail).contains("\n250 "));
    // A second one that is not to be answered.
    let stream = TcpStream::connect(("127.0.0.1", lmtp_port)).unwrap();
    let mail = mail.replace("ann@a.example", "no-reply@b.example").replace("<1@a>", "<2@b>");
    assert!(lmtp(stream, &mail).contains("\n250 "));
    daemon.get("/v1/nothing");
    daemon.until("/metrics", |_, body| body.contains("outcome=\"ticket\",source=\"lmtp\"} 2"));
    let metrics = daemon.until("/metrics", |_, body| {
        body.contains("deskclerk_imap_failures_total") && body.contains("deskclerk_door_open{door=\"imap:support\"} 0")
    });

    let (alerts, dashboard) = (monitoring("alerts.yml"), monitoring("dashboard.json"));
    let dashboard: Value = serde_json::from_str(&dashboard).unwrap();
    let asked: Vec<&str> = dashboard["panels"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|panel| panel["targets"].as_array().unwrap())
        .map(|target| target["expr"].as_str().unwrap())
        .collect();
    assert!(asked.len() > 20, "only {} questions in the dashboard", asked.len());
    let here = named(&metrics);
    // Set when a mailbox has been looked at for the first time; this one is never reached.
    let later = ["deskclerk_imap_waiting", "deskclerk_imap_last_look_seconds", "deskclerk_door_lag_seconds"];
    for name in named(&alerts).union(&named(&asked.join("\n"))) {
        assert!(here.contains(name) || later.contains(&name.as_str()), "{name} is not in /metrics:\n{metrics}");
    }
    let listed: BTreeSet<&str> = deskclerk::desk::gauges::LIST.iter().map(|(name, ..)| *name).collect();
    for name in later {
        assert!(listed.contains(name), "{name}");
    }
    for name in &here {
        assert!(listed.contains(name.as_str()), "{name} is not in gauges::LIST");
        assert!(metrics.contains(&format!("# HELP {name} ")), "{name} has no help");
    }

    let checked = Command::new("promtool")
        .args(["check", "rules"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd/monitoring/alerts.yml"))
        .output()
        .expect("promtool; tests/run installs Debian's prometheus");
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));

    // It is ready, and says what is amiss all the same.
    let (status, body) = daemon.get("/readyz");
    let said: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &said["ready"]), (200, &true.into()), "{body}");
    let check =
        |name: &str| said["checks"].as_array().unwrap().iter().find(|check| check["name"] == name).unwrap().clone();
    assert_eq!((&check("store")["ok"], &check("workers")["ok"]), (&true.into(), &true.into()));
    assert!(check("doors")["because"].as_str().unwrap().contains("imap:support"), "{body}");

    let (code, out, complaints) = run(&daemon.folder.path().join("deskclerk.toml"), &["status", "--format", "json"]);
    assert_eq!(code, 0, "{complaints}");
    let whole = &lines(&out)[0];
    assert_eq!(whole["daemon"]["desk"]["doors"]["imap:support"]["open"], false, "{out}");
    assert_eq!(whole["daemon"]["desk"]["doors"]["lmtp"]["open"], true, "{out}");
    let (_, out, _) = run(&daemon.folder.path().join("deskclerk.toml"), &["status"]);
    assert!(out.contains("ready, version") && out.contains("imap:support") && out.contains("SHUT"), "{out}");
}

#[test]
fn every_metric_of_the_sources_is_listed() {
    let listed: BTreeSet<&str> = deskclerk::desk::gauges::LIST.iter().map(|(name, ..)| *name).collect();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    let mut found = BTreeSet::new();
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                for sort in ["counter!(", "gauge!(", "histogram!("] {
                    for (start, _) in text.match_indices(sort) {
                        let rest = text[start + sort.len()..].trim_start();
                        let name = rest.strip_prefix('"').and_then(|rest| rest.split('"').next());
                        found.extend(name.filter(|name| name.starts_with("deskclerk_")).map(str::to_owned));
                    }
                }
            }
        }
    }
    assert!(found.len() > 20, "{found:?}");
    for name in &found {
        assert!(listed.contains(name.as_str()), "{name} is not in gauges::LIST");
    }
    for name in listed {
        assert!(found.contains(name), "{name} of gauges::LIST is set nowhere");
    }
}

#[test]
fn sockets_of_the_service_manager_are_taken() {
    let folder = TempDir::new().unwrap();
    let (port, socket) = (free_port(), folder.path().join("lmtp"));
    let config = folder.path().join("deskclerk.toml");
    // What the settings name is not listened on: the ports are nobody's.
    fs::write(&config, "[http]\nlisten = \"192.0.2.1:1\"\n[desk]\naddress = \"support@desk.example\"\n").unwrap();
    let mut manager = Command::new("systemd-socket-activate")
        .args(["--listen", &format!("127.0.0.1:{port}"), "--listen", socket.to_str().unwrap()])
        .args(["--fdname=http:lmtp", env!("CARGO_BIN_EXE_deskclerk"), "run", "--config"])
        .arg(&config)
        .stdin(Stdio::null())
        .spawn()
        .expect("systemd-socket-activate, of Debian's systemd");
    let until = Instant::now() + PATIENCE;
    while !socket.exists() || TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < until, "nobody listens");
        std::thread::sleep(Duration::from_millis(20));
    }
    // The connection waits in the socket until the daemon has come up.
    let (status, body) = get(TcpStream::connect(("127.0.0.1", port)).unwrap(), "/readyz");
    assert_eq!(status, 200, "{body}");
    let mail = super::request("ann@a.example", "1@a", "Invoice 7 was charged twice to us.");
    let said = lmtp(UnixStream::connect(&socket).unwrap(), &mail);
    assert!(said.contains("\n250 "), "{said}");
    crate::servers::signal(manager.id(), "TERM");
    assert!(manager.wait().unwrap().success());
    assert!(socket.exists(), "the socket is the service manager's: it stays");
}

#[test]
fn without_its_database_it_is_not_ready_and_says_so() {
    let server = Postgres::start();
    let daemon = Daemon::start(&format!("[store]\nurl = \"{}\"\n", server.url("postgres")));
    let config = daemon.folder.path().join("deskclerk.toml");
    daemon.until("/readyz", |status, _| status == 200);
    assert_eq!(run(&config, &["status"]).0, 0);
    drop(server);
    let body = daemon.until("/readyz", |status, _| status == 503);
    let said: Value = serde_json::from_str(&body).unwrap();
    let store = said["checks"].as_array().unwrap().iter().find(|check| check["name"] == "store").unwrap();
    assert_eq!((&store["ok"], &store["needed"]), (&false.into(), &true.into()), "{body}");
    assert_eq!(daemon.get("/healthz").0, 200, "it lives, and waits");
    let (code, out, _) = run(&config, &["status"]);
    assert!(code == 1 && out.contains("NOT READY") && out.contains("cannot be read"), "{out}");
    let (code, _, complaints) = run(&config, &["quarantine", "list"]);
    assert!(code == 75 && complaints.contains("cannot be reached") && !complaints.contains("desk@127"), "{complaints}");
}

/// The binary where `/run` holds nothing but this folder as the journal's; nothing at all without one.
fn with_journal(journal: Option<&Path>, config: &Path) -> Command {
    let bind = "mount -t tmpfs none /run && mkdir -p /run/systemd/journal && \
                if [ -n \"$1\" ]; then mount --bind \"$1\" /run/systemd/journal; fi && exec \"$2\" run --config \"$3\"";
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "sh", "-c", bind, "sh"]);
    command.arg(journal.unwrap_or(Path::new(""))).arg(env!("CARGO_BIN_EXE_deskclerk")).arg(config);
    command
}

#[test]
fn the_journal_gets_fields_and_where_there_is_none_it_says_so() {
    let folder = TempDir::new().unwrap();
    let (config, port) = (folder.path().join("deskclerk.toml"), free_port());
    fs::write(&config, format!("[http]\nlisten = \"127.0.0.1:{port}\"\n[log]\nformat = \"journald\"\n")).unwrap();
    let refused = with_journal(None, &config).output().unwrap();
    let complaints = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2), "{complaints}");
    assert!(
        complaints.contains("there is no journal here") && complaints.contains("write text or json"),
        "{complaints}"
    );

    let journal = folder.path().join("journal");
    fs::create_dir(&journal).unwrap();
    let socket = std::os::unix::net::UnixDatagram::bind(journal.join("socket")).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let child = with_journal(Some(&journal), &config).spawn().unwrap();
    let daemon = Daemon { folder, child, port };
    let mut buffer = vec![0; 64 << 10];
    let entry = loop {
        let length = socket.recv(&mut buffer).unwrap();
        let entry = String::from_utf8_lossy(&buffer[..length]).into_owned();
        if entry.contains("DESKCLERK_HTTP") && entry.contains("ready\n") {
            break entry;
        }
    };
    for field in ["SYSLOG_IDENTIFIER", "deskclerk", "PRIORITY\n", &format!("127.0.0.1:{port}")] {
        assert!(entry.contains(field), "{field} is not in {entry}");
    }
    drop(daemon);
}

#[cfg(feature = "otel")]
#[test]
fn spans_reach_a_collector() {
    let collector = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = TempDir::new().unwrap();
    let (config, port) = (folder.path().join("deskclerk.toml"), free_port());
    fs::write(&config, format!("[http]\nlisten = \"127.0.0.1:{port}\"\n")).unwrap();
    let child = Command::new(env!("CARGO_BIN_EXE_deskclerk"))
        .args(["run", "--config"])
        .arg(&config)
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{}", collector.local_addr().unwrap()))
        .spawn()
        .unwrap();
    let daemon = Daemon { folder, child, port };
    crate::servers::await_port(port, &config);
    daemon.until("/readyz", |status, _| status == 200);
    daemon.get("/v1/tickets");
    // The last spans go out when it ends; by then at the latest.
    crate::servers::signal(daemon.child.id(), "TERM");
    let (mut stream, _) = collector.accept().unwrap();
    let mut post = vec![];
    let mut buffer = [0; 4096];
    while !String::from_utf8_lossy(&post).contains("/v1/tickets") {
        let read = stream.read(&mut buffer).unwrap();
        assert!(read > 0, "{}", String::from_utf8_lossy(&post));
        post.extend_from_slice(&buffer[..read]);
    }
    let text = String::from_utf8_lossy(&post).into_owned();
    assert!(text.starts_with("POST /v1/traces HTTP/1.1\r\n") && text.contains("deskclerk"), "{text}");
    write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
}
