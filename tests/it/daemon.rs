//! The daemon as its operator meets it: the real binary, the service manager's socket, its signals.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::servers::free_port;

const PATIENCE: Duration = Duration::from_secs(30);

/// `deskclerk run` in a folder of its own; killed when dropped.
struct Running {
    folder: TempDir,
    child: Child,
    port: u16,
    notified: UnixDatagram,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Running {
    fn start() -> Running {
        let folder = TempDir::new().unwrap();
        copy(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/rules")), &folder.path().join("rules"));
        fs::write(
            folder.path().join("campaigns.csv"),
            "campaign_id,name,account,contacts\n1001,Gift Drive,A,a.example\n",
        )
        .unwrap();
        let port = free_port();
        let config = folder.path().join("deskclerk.toml");
        let text = format!(
            "[rules]\ndir = \"rules\"\n[campaigns]\nfile = \"campaigns.csv\"\n[http]\nlisten = \"127.0.0.1:{port}\"\n"
        );
        fs::write(&config, text).unwrap();
        let socket = folder.path().join("notify");
        let notified = UnixDatagram::bind(&socket).unwrap();
        notified.set_read_timeout(Some(PATIENCE)).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_deskclerk"))
            .args(["run", "--config"])
            .arg(&config)
            .env("NOTIFY_SOCKET", &socket)
            .env("WATCHDOG_USEC", "3000000")
            .spawn()
            .unwrap();
        let running = Running { folder, child, port, notified };
        running.hears("READY=1");
        running
    }

    /// Waits until the service manager has been told this.
    fn hears(&self, expected: &str) {
        let mut buffer = [0; 4096];
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            let length = self.notified.recv(&mut buffer).unwrap();
            if String::from_utf8_lossy(&buffer[..length]).lines().any(|line| line == expected) {
                return;
            }
        }
        panic!("the service manager never heard {expected}");
    }

    fn signal(&self, name: &str) {
        let status = Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    fn get(&self, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        (status, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
    }

    fn desk(&self) -> Value {
        let (status, body) = self.get("/readyz");
        assert_eq!(status, 200, "{body}");
        let start = body.find('{').unwrap();
        serde_json::from_str::<Value>(body[start..].trim_end()).unwrap()["desk"].clone()
    }

    fn ends(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "it did not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()));
        } else {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

#[test]
fn it_serves_reloads_and_ends_in_order() {
    let mut daemon = Running::start();
    assert_eq!(daemon.get("/healthz").0, 200);
    assert!(daemon.get("/metrics").1.contains("deskclerk_"), "{}", daemon.get("/metrics").1);
    let at_first = daemon.desk();
    assert_eq!((&at_first["campaigns"], &at_first["faults"]), (&Value::from(1), &Value::Array(vec![])));
    daemon.hears("WATCHDOG=1");

    // Broken rules: the old stay in force, and it says so with file and line.
    let topic = daemon.folder.path().join("rules/topics/billing.toml");
    let good = fs::read_to_string(&topic).unwrap();
    fs::write(&topic, format!("{good}\n[[signal]]\nwieght = 2\nphrases = [\"x\"]\n")).unwrap();
    fs::write(
        daemon.folder.path().join("campaigns.csv"),
        "campaign_id,name,account,contacts\n1001,Gift Drive,A,a.example\n1002,Gift Drive 2,A,a.example\n",
    )
    .unwrap();
    daemon.signal("-HUP");
    daemon.hears("READY=1");
    let broken = daemon.desk();
    assert_eq!(broken["rules"], at_first["rules"]);
    let fault = &broken["faults"][0];
    assert_eq!(fault["file"], topic.to_str().unwrap(), "{broken}");
    assert!(fault["line"].as_u64().unwrap() as usize > good.lines().count(), "{fault}");
    assert_eq!(broken["campaigns"], 2, "a fault in the rules keeps no directory out");

    fs::write(&topic, format!("{good}\n# mended\n")).unwrap();
    daemon.signal("-HUP");
    daemon.hears("READY=1");
    let mended = daemon.desk();
    assert_eq!(mended["faults"], Value::Array(vec![]));
    assert_ne!(mended["rules"], at_first["rules"]);

    daemon.signal("-TERM");
    daemon.hears("STOPPING=1");
    assert!(daemon.ends().success());
}
