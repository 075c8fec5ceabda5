//! The API as its description says it is: schemathesis reads `/openapi.json` of the real daemon, posts what it allows and
//! what it forbids, and holds every answer against it.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use super::SECRETS;
use crate::harness::PATIENCE;
use crate::servers::free_port;

struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A request without a library between; gives the answer's status.
fn send(port: u16, head: &str, body: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    let length = body.len();
    write!(stream, "{head}\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    answer.split(' ').nth(1).map(str::to_owned)
}

#[test]
fn schemathesis_finds_nothing() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = here.join("target/venv/bin/st");
    assert!(program.exists(), "schemathesis is not there: tests/run installs it into target/venv");
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let (config, secret) = (folder.path().join("deskclerk.toml"), folder.path().join("secret"));
    fs::write(&secret, SECRETS[0]).unwrap();
    let settings = format!(
        "[desk]\npublic_url = \"http://127.0.0.1:{port}\"\n[http]\nlisten = \"127.0.0.1:{port}\"\n\
         [form]\nper_minute = 1000000\n[[hook]]\nname = \"leadhub\"\nsecret_files = [\"secret\"]\n"
    );
    fs::write(&config, settings).unwrap();
    let deskclerk = || Command::new(env!("CARGO_BIN_EXE_deskclerk"));
    let made = deskclerk()
        .args(["agent", "add", "dana", "--address", "dana@example.com", "--token", "--config"])
        .arg(&config)
        .output()
        .unwrap();
    let token = String::from_utf8(made.stdout).unwrap().trim().to_owned();
    assert!(made.status.success() && !token.is_empty());
    let log = fs::File::create(folder.path().join("log")).unwrap();
    let _daemon = Daemon(deskclerk().args(["run", "--config"]).arg(&config).stdout(log).spawn().unwrap());
    let end = Instant::now() + PATIENCE;
    while send(port, "GET /healthz HTTP/1.1", "").as_deref() != Some("200") {
        assert!(Instant::now() < end, "the daemon does not answer");
        std::thread::sleep(Duration::from_millis(20));
    }
    // Something to read and change: campaigns, and ticket 1.
    let campaigns = "campaign_id,name,account,contacts\n48213,Harvest,Acme,acme.example\n";
    let head = format!("PUT /v1/campaigns HTTP/1.1\r\nAuthorization: Bearer {token}\r\nContent-Type: text/csv");
    assert_eq!(send(port, &head, campaigns).as_deref(), Some("200"));
    let request = r#"{"email": "jane@acme.example", "text": "The report of 48213 shows no clicks since Monday."}"#;
    let head = "POST /v1/requests?wait=10s HTTP/1.1\r\nContent-Type: application/json";
    assert_eq!(send(port, head, request).as_deref(), Some("202"));

    let run = Command::new(program)
        .current_dir(here.join("tests/schemathesis"))
        .env("DESKCLERK_HOOK_SECRET", &secret)
        .args(["--config-file", "schemathesis.toml", "run", "--no-color"])
        .arg(format!("--header=Authorization: Bearer {token}"))
        .arg(format!("http://127.0.0.1:{port}/openapi.json"))
        .output()
        .unwrap();
    let whole = deskclerk::web::openapi::document();
    let operations = super::openapi::operations(&whole).count();
    let report = String::from_utf8_lossy(&run.stdout);
    let log = fs::read_to_string(folder.path().join("log")).unwrap();
    assert!(run.status.success(), "{report}\n{}", String::from_utf8_lossy(&run.stderr));
    assert!(report.contains(&format!("Tested: {operations}")), "{report}");
    assert!(!log.contains("ERROR"), "{log}");
}
