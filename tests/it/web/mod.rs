//! API, webhooks and console against a real listening server with SQLite behind it.

mod api;
mod browser;
mod changes;
mod console;
mod events;
mod fields;
mod form;
mod hooks;
mod one_tap;
mod openapi;
mod outbox;
mod quarantine;
mod schemathesis;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use deskclerk::config::{self, settings::Config};
use deskclerk::desk::Desk;
use deskclerk::intake::signature::Secret;
use deskclerk::intake::{self, one_tap as taps, webhook};
use deskclerk::store::agents::Kind;
use deskclerk::store::submissions::{Envelope, Kind as Sort, New};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

const SECRETS: [&str; 2] = ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"];
/// A desk that listens, with a worker, in a folder of its own. Stopped when dropped.
struct TestDesk {
    desk: Arc<Desk>,
    hooks: Arc<webhook::Hooks>,
    address: SocketAddr,
    token: String,
    cancel: CancellationToken,
    folder: tempfile::TempDir,
}

impl Drop for TestDesk {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

impl TestDesk {
    async fn start() -> TestDesk {
        TestDesk::with(|_| {}).await
    }

    async fn with(settle: impl FnOnce(&mut Config)) -> TestDesk {
        let folder = tempfile::tempdir().unwrap();
        let secret_files: Vec<PathBuf> =
            (0..SECRETS.len()).map(|n| folder.path().join(format!("secret-{n}"))).collect();
        for (file, secret) in secret_files.iter().zip(SECRETS) {
            std::fs::write(file, format!("{secret}\n")).unwrap();
        }
        let mut config = config::default_in(folder.path());
        config.hook.push(config::settings::Hook { name: "leadhub".into(), secret_files, ..Default::default() });
        settle(&mut config);
        let desk = Desk::open(config).await.unwrap();
        desk.store.put_agent("ann", "ann@desk.example", None, 1).await.unwrap();
        let token = desk.store.issue_token("ann", Kind::Api, i64::MAX, 1).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let cancel = CancellationToken::new();
        let hooks = webhook::Hooks::open(&desk.config).unwrap();
        let doors = webhook::router(desk.clone(), hooks.clone())
            .merge(intake::form::router(desk.clone()))
            .merge(taps::router(desk.clone()));
        let metrics: deskclerk::web::Metrics = Arc::new(String::new);
        tokio::spawn(deskclerk::web::run(listener, desk.clone(), doors, metrics, cancel.clone()));
        let (worker, stop) = (desk.clone(), cancel.clone());
        tokio::spawn(async move { worker.work(stop).await });
        TestDesk { desk, hooks, address, token, cancel, folder }
    }

    /// One HTTP request over its own connection, as bytes: nothing between the test and the server mends it.
    async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", self.address);
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
        stream.write_all(head.as_bytes()).await.unwrap();
        // The server may answer, and close, before it has read a body that it refuses.
        let _ = stream.write_all(body).await;
        let mut bytes = vec![];
        let _ = stream.read_to_end(&mut bytes).await;
        Answer::parse(&bytes)
    }

    async fn api(&self, method: &str, path: &str, body: Value) -> Answer {
        let bearer = format!("Bearer {}", self.token);
        let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
        let body = if body.is_null() { vec![] } else { body.to_string().into_bytes() };
        self.send(method, path, &headers, &body).await
    }

    /// Puts these campaigns in force.
    async fn directory(&self, csv: &str) {
        let (campaigns, faults) = deskclerk::campaigns::load::parse(csv.as_bytes(), "test.csv");
        assert!(faults.is_empty(), "{faults:?}");
        self.desk.replace_directory(campaigns).await.unwrap();
    }

    /// Takes in a mail and waits until it is settled; gives the number of its ticket.
    async fn mail(&self, raw: &str) -> i64 {
        let new = New {
            source: "lmtp".into(),
            source_key: None,
            kind: Sort::Mail,
            raw: raw.replace('\n', "\r\n").into_bytes(),
            envelope: Envelope::default(),
            answerable: true,
            received_at: now_secs() * 1000,
        };
        let submitted = self.desk.accept(new).await.unwrap();
        let settled = self.send("GET", &format!("/v1/submissions/{}?wait=10s", submitted.id), &[], b"").await;
        settled.json()["ticket"].as_i64().unwrap_or_else(|| panic!("no ticket: {}", settled.text()))
    }

    /// A signed post to the hook `leadhub`.
    async fn post(&self, query: &str, id: &str, body: &[u8]) -> Answer {
        self.signed(query, id, now_secs(), SECRETS[0], body).await
    }

    async fn signed(&self, query: &str, id: &str, at: i64, secret: &str, body: &[u8]) -> Answer {
        let signature = Secret::parse(secret).unwrap().sign(id, at, body);
        let at = at.to_string();
        let headers = [
            ("Content-Type", "application/json"),
            ("webhook-id", id),
            ("webhook-timestamp", at.as_str()),
            ("webhook-signature", signature.as_str()),
        ];
        self.send("POST", &format!("/v1/hooks/leadhub{query}"), &headers, body).await
    }
}

struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Answer {
    fn parse(bytes: &[u8]) -> Answer {
        let end = memchr::memmem::find(bytes, b"\r\n\r\n").expect("the server answered");
        let head = std::str::from_utf8(&bytes[..end]).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let header = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned()));
        let headers: Vec<_> = lines.filter_map(header).collect();
        let mut body = bytes[end + 4..].to_vec();
        if headers.iter().any(|(name, value)| name == "transfer-encoding" && value == "chunked") {
            body = unchunk(&body);
        }
        Answer { status, headers, body }
    }

    fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    fn headers(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str()).collect()
    }

    fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{}: {}", self.status, self.text()))
    }

    /// The answer is a problem document with this status; gives the pointers of its errors.
    fn problem(&self, status: u16) -> Vec<String> {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(self.header("content-type"), "application/problem+json");
        let document = self.json();
        assert_eq!(document["status"], status);
        assert!(document["type"].is_string() && document["title"].is_string());
        assert!(!document["detail"].as_str().unwrap().is_empty());
        let errors = document["errors"].as_array().cloned().unwrap_or_default();
        errors.iter().map(|error| error["pointer"].as_str().unwrap().to_owned()).collect()
    }
}

fn unchunk(mut rest: &[u8]) -> Vec<u8> {
    let mut body = vec![];
    while let Some(line) = memchr::memmem::find(rest, b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..line]).unwrap(), 16).unwrap();
        body.extend_from_slice(&rest[line + 2..line + 2 + size]);
        rest = &rest[line + 4 + size..];
    }
    body
}

fn now_secs() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64
}
