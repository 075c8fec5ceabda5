//! API, webhooks and console against a real listening server with SQLite behind it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use deskclerk::config::{self, settings::Config};
use deskclerk::desk::Desk;
use deskclerk::intake::signature::Secret;
use deskclerk::intake::{form, webhook};
use deskclerk::store::agents::Kind;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

const SECRETS: [&str; 2] = ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"];
const DIRECTORY: &str = "campaign_id,name,account,contacts\n48213,Spring Launch,Acme,acme.example\n\
                         48214,Spring Launch 2,Acme,acme.example\n";

/// A desk that listens, with a worker, in a folder of its own. Stopped when dropped.
struct TestDesk {
    desk: Arc<Desk>,
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
        config.hook.push(config::settings::Hook {
            name: "leadhub".into(),
            secret_files,
            tolerance_secs: 300,
            map: Default::default(),
        });
        settle(&mut config);
        let desk = Desk::open(config).await.unwrap();
        desk.store.put_agent("ann", "ann@desk.example", None, 1).await.unwrap();
        let token = desk.store.issue_token("ann", Kind::Api, i64::MAX, 1).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let cancel = CancellationToken::new();
        let doors = webhook::router(desk.clone(), webhook::Hooks::open(&desk.config).unwrap())
            .merge(form::router(desk.clone()));
        let metrics: deskclerk::web::Metrics = Arc::new(String::new);
        tokio::spawn(deskclerk::web::run(listener, desk.clone(), doors, metrics, cancel.clone()));
        let (worker, stop) = (desk.clone(), cancel.clone());
        tokio::spawn(async move { worker.work(stop).await });
        TestDesk { desk, address, token, cancel, folder }
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

fn body(text: &str) -> Vec<u8> {
    json!({"email": "jane@acme.example", "name": "Jane", "subject": "Clicks", "text": text, "campaign_id": "48213"})
        .to_string()
        .into_bytes()
}

#[tokio::test]
async fn a_signed_post_is_stored_and_told_apart_from_its_replays() {
    let desk = TestDesk::start().await;
    let first = desk.post("", "msg_1", &body("no clicks since Monday")).await;
    assert_eq!(first.status, 202, "{}", first.text());
    let submission = first.json()["submission"].as_str().unwrap().to_owned();
    assert!(first.json()["status_url"].as_str().unwrap().ends_with(&format!("/v1/submissions/{submission}")));
    let again = desk.post("", "msg_1", &body("no clicks since Monday")).await;
    assert_eq!((again.status, again.header("idempotent-replayed")), (200, "true"));
    assert_eq!(again.json()["submission"], submission.as_str());
    desk.post("", "msg_1", &body("something else")).await.problem(409);
    desk.send("GET", "/v1/submissions/0192f0c4-0000-7000-8000-000000000000", &[], b"").await.problem(404);
}

#[tokio::test]
async fn a_hundred_at_once_are_one_submission() {
    let desk = Arc::new(TestDesk::start().await);
    let posts = (0..100).map(|_| {
        let desk = desk.clone();
        tokio::spawn(async move { desk.post("", "msg_same", &body("once")).await })
    });
    let mut submissions = std::collections::HashSet::new();
    let mut accepted = 0;
    for post in posts.collect::<Vec<_>>() {
        let answer = post.await.unwrap();
        assert!(matches!(answer.status, 200 | 202), "{}", answer.text());
        accepted += usize::from(answer.status == 202);
        submissions.insert(answer.json()["submission"].as_str().unwrap().to_owned());
    }
    assert_eq!((accepted, submissions.len()), (1, 1));
}

#[tokio::test]
async fn signatures_are_verified_before_anything_else() {
    let desk = TestDesk::start().await;
    let now = now_secs();
    assert_eq!(desk.signed("", "rotated", now, SECRETS[1], &body("x")).await.status, 202);
    desk.signed("", "stale", now - 301, SECRETS[0], &body("x")).await.problem(401);
    desk.signed("", "early", now + 302, SECRETS[0], &body("x")).await.problem(401);
    desk.signed("", "wrong", now, "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", &body("x")).await.problem(401);
    desk.send("POST", "/v1/hooks/leadhub", &[("Content-Type", "application/json")], b"{}").await.problem(401);
    desk.send("POST", "/v1/hooks/nobody", &[("Content-Type", "application/json")], b"{}").await.problem(404);
    desk.send("GET", "/v1/hooks/leadhub", &[], b"").await.problem(405);
    // A rotation: the old file holds another secret now.
    std::fs::write(desk.folder.path().join("secret-0"), "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").unwrap();
    let hooks = webhook::Hooks::open(&desk.desk.config).unwrap();
    std::fs::write(desk.folder.path().join("secret-0"), "short").unwrap();
    assert!(hooks.reload(&desk.desk.config).is_err());
}

#[tokio::test]
async fn wrong_bodies_are_told_apart() {
    let desk = TestDesk::with(|config| config.http.body_limit_bytes = 64 * 1024).await;
    desk.post("", "no-json", b"{\"email\":").await.problem(400);
    desk.post("", "nan", br#"{"email": NaN}"#).await.problem(400);
    desk.post("", "surrogate", br#"{"email": "\ud800"}"#).await.problem(400);
    desk.post("", "deep", &[b"[".repeat(20_000), b"]".repeat(20_000)].concat()).await.problem(400);
    assert_eq!(desk.post("", "empty", b"{}").await.problem(422), ["/email", "/text"]);
    let wrong = json!({"requester": {"email": "no one"}, "text": "x"}).to_string();
    assert_eq!(desk.post("", "email", wrong.as_bytes()).await.problem(422), ["/requester/email"]);
    desk.post("", "large", &body(&"x".repeat(70_000))).await.problem(413);
    desk.post("?wait=soon", "wait", &body("x")).await.problem(400);
    let signature = Secret::parse(SECRETS[0]).unwrap().sign("plain", now_secs(), b"hello");
    let at = now_secs().to_string();
    let headers = [
        ("Content-Type", "text/plain"),
        ("webhook-id", "plain"),
        ("webhook-timestamp", &at),
        ("webhook-signature", &signature),
    ];
    desk.send("POST", "/v1/hooks/leadhub", &headers, b"hello").await.problem(415);
}

#[tokio::test]
async fn the_api_wants_a_token_and_takes_a_directory() {
    let desk = TestDesk::start().await;
    desk.send("GET", "/v1/tickets", &[], b"").await.problem(401);
    desk.send("GET", "/v1/tickets", &[("Authorization", "Bearer nonsense")], b"").await.problem(401);
    desk.send("GET", "/nowhere", &[], b"").await.problem(404);
    let bearer = format!("Bearer {}", desk.token);
    let csv = [("Authorization", bearer.as_str()), ("Content-Type", "text/csv")];
    let put = desk.send("PUT", "/v1/campaigns", &csv, DIRECTORY.as_bytes()).await;
    assert_eq!((put.status, put.json()["campaigns"].as_i64()), (200, Some(2)), "{}", put.text());
    assert_eq!(desk.desk.directory().get("48213").unwrap().name, "Spring Launch");
    let shrunk = json!([{"id": "1", "name": "One", "account": "", "contacts": []}]);
    desk.api("PUT", "/v1/campaigns", shrunk.clone()).await.problem(409);
    assert_eq!(desk.desk.directory().len(), 2);
    assert_eq!(desk.api("PUT", "/v1/campaigns?allow_shrink=true", shrunk).await.status, 200);
    assert_eq!(desk.desk.directory().len(), 1);
    assert_eq!(desk.api("PUT", "/v1/campaigns", json!([{"id": 1}])).await.problem(422), ["/0"]);
    let judged = desk.api("POST", "/v1/triage", serde_json::from_slice(&body("x")).unwrap()).await;
    assert_eq!(judged.status, 200, "{}", judged.text());
    assert!(judged.json()["campaign"]["status"].is_string());
    assert_eq!(desk.send("GET", "/readyz", &[], b"").await.json()["ready"], true);
    assert_eq!(desk.send("GET", "/healthz", &[], b"").await.text(), "ok\n");
}
