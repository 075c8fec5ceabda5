//! Signals: SIGTERM while requests are half sent, SIGHUP with broken rules.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::servers::free_port;

const PATIENCE: Duration = Duration::from_secs(60);

/// `deskclerk run`, whose log goes into a file; killed when dropped.
struct Logged {
    folder: TempDir,
    child: Child,
    port: u16,
}

impl Drop for Logged {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Logged {
    /// With these settings beside `http.listen`.
    fn start(folder: TempDir, settings: &str) -> Logged {
        let port = free_port();
        let config = folder.path().join("deskclerk.toml");
        fs::write(&config, format!("[http]\nlisten = \"127.0.0.1:{port}\"\n{settings}")).unwrap();
        let log = File::create(folder.path().join("log")).unwrap();
        let mut run = Command::new(env!("CARGO_BIN_EXE_deskclerk"));
        let child = run.args(["run", "--config"]).arg(&config).stderr(log).spawn().unwrap();
        let logged = Logged { folder, child, port };
        until("it listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        logged
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    fn signal(&self, name: &str) {
        assert!(Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap().success());
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    fn metrics(&self) -> String {
        let mut stream = self.connect();
        write!(stream, "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "it never comes to this: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn copied(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copied(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).unwrap()),
        }
    }
}

#[test]
fn nobody_is_waited_for_who_has_sent_half_a_request() {
    let mut daemon = Logged::start(TempDir::new().unwrap(), "");
    let mut body = daemon.connect();
    let head =
        "POST /v1/requests HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 500\r\n";
    // The desk asks for the body: the request is in its hands.
    write!(body, "{head}Expect: 100-continue\r\n\r\n").unwrap();
    let mut said = [0; 25];
    body.read_exact(&mut said).unwrap();
    assert!(said.starts_with(b"HTTP/1.1 100"), "{}", String::from_utf8_lossy(&said));
    write!(body, "{{\"email\": \"a@b.exam").unwrap();
    let mut headers = daemon.connect();
    write!(headers, "POST /v1/requests HTTP/1.1\r\nHost: loc").unwrap();
    daemon.signal("-TERM");
    let mut answer = String::new();
    body.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 503") && answer.to_lowercase().contains("retry-after"), "{answer}");
    assert!(daemon.child.wait().unwrap().success());
    let log = daemon.log();
    assert!(log.contains("stopped") && !log.contains("still at work"), "{log}");
}

#[test]
fn a_fault_of_the_rules_is_logged_once() {
    let folder = TempDir::new().unwrap();
    let rules = folder.path().join("rules");
    copied(&Path::new(env!("CARGO_MANIFEST_DIR")).join("rules"), &rules);
    let daemon = Logged::start(folder, "[rules]\ndir = \"rules\"\n");
    fs::write(rules.join("description.toml"), "[vague\n").unwrap();
    daemon.signal("-HUP");
    // The reload that was asked for, and the one of the folder's watcher.
    let failed = |metrics: &str| metrics.contains("deskclerk_rules_reload_total{result=\"failed\"} 2");
    until("both have read the rules", || failed(&daemon.metrics()));
    let log = daemon.log();
    assert_eq!(log.matches("the old rules stay in force").count(), 1, "{log}");
}
