//! dnsmasq, answering from its command line alone.

use std::process::{Child, Command};

use tempfile::TempDir;

use super::{await_port, free_port, mortal, stop};

/// A running DNS server; stopped when dropped.
pub struct Dns {
    /// Where it answers, UDP and TCP.
    pub port: u16,
    child: Option<Child>,
    /// Its log, which it opens only after it listens.
    _folder: TempDir,
}

impl Dns {
    /// Knows these TXT records (without commas), and that nothing else below `example` exists.
    pub fn start(records: &[(&str, &str)]) -> Dns {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let port = free_port();
        let mut command = Command::new("dnsmasq");
        command.args(["--keep-in-foreground", "--no-resolv", "--no-hosts", "--conf-file=/dev/null", "--pid-file="]);
        command.args([
            "--bind-interfaces",
            "--listen-address=127.0.0.1",
            "--local=/example/",
            "--user=",
            "--cache-size=0",
        ]);
        command.arg(format!("--port={port}")).arg(format!("--log-facility={}", log.display()));
        for (name, text) in records {
            // A string of a TXT record has 255 bytes at most (RFC 1035 §3.3.14).
            let parts: Vec<&str> = text.as_bytes().chunks(250).map(|part| std::str::from_utf8(part).unwrap()).collect();
            command.arg(format!("--txt-record={name},{}", parts.join(",")));
        }
        let child = command.spawn().expect("dnsmasq; tests/run installs it");
        mortal(child.id());
        await_port(port, &log);
        Dns { port, child: Some(child), _folder: folder }
    }
}

impl Drop for Dns {
    fn drop(&mut self) {
        self.child.take().into_iter().for_each(stop);
    }
}
