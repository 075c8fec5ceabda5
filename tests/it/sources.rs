//! The campaign directory's sources: a real HTTP server, real databases, and what a desk does when they fail it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use deskclerk::config::settings::Config;
use deskclerk::desk::{self, Desk};
use deskclerk::{config, web};
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sqlx::{AssertSqlSafe, Connection};
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::harness::PATIENCE;
use crate::servers::{dovecot, free_port, postgres};

const SECRET: &str = "Bearer of-the-desk";

/// What the server answers, and what it was asked.
#[derive(Debug, Default)]
struct Served {
    status: u16,
    body: String,
    tag: &'static str,
    /// The answered statuses.
    answers: Vec<u16>,
}

/// A web server with a directory behind a secret; ends when dropped.
struct Server {
    served: Arc<Mutex<Served>>,
    url: String,
    _task: JoinSet<()>,
}

impl Server {
    async fn start(body: String, tag: &'static str) -> Server {
        let served = Arc::new(Mutex::new(Served { status: 200, body, tag, ..Served::default() }));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let routes = routes(served.clone());
        let mut task = JoinSet::new();
        task.spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Server { served, url, _task: task }
    }

    /// The same over TLS, as localhost, with the certificate that `certify` put into this folder.
    async fn start_tls(body: String, folder: &Path) -> Server {
        let served = Arc::new(Mutex::new(Served { status: 200, body, ..Served::default() }));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let chain = CertificateDer::pem_file_iter(folder.join("server.pem")).unwrap().map(Result::unwrap).collect();
        let key = PrivateKeyDer::from_pem_file(folder.join("server.key")).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(tls));
        let service = TowerToHyperService::new(routes(served.clone()));
        let mut task = JoinSet::new();
        task.spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                // A client that does not trust us breaks off.
                let Ok(stream) = acceptor.accept(stream).await else { continue };
                let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service.clone()).await;
            }
        });
        Server { served, url, _task: task }
    }

    fn serve(&self, body: String, tag: &'static str) {
        let mut served = self.served.lock().unwrap();
        (served.body, served.tag) = (body, tag);
    }

    fn answers(&self) -> Vec<u16> {
        std::mem::take(&mut self.served.lock().unwrap().answers)
    }
}

fn routes(served: Arc<Mutex<Served>>) -> Router {
    let to = |path: &'static str| get(move || async move { (StatusCode::FOUND, [(header::LOCATION, path)]) });
    Router::new()
        .route("/c.csv", get(answer))
        .route("/moved", to("/c.csv"))
        .route("/away", to("http://localhost:9/c.csv"))
        .with_state(served)
}

async fn answer(State(served): State<Arc<Mutex<Served>>>, headers: HeaderMap) -> Response {
    let mut served = served.lock().unwrap();
    let has = |name, value: &str| headers.get(name).is_some_and(|found| found == value);
    let status = match served.status {
        200 if !has(header::AUTHORIZATION, SECRET) => 401,
        200 if !served.tag.is_empty() && has(header::IF_NONE_MATCH, served.tag) => 304,
        status => status,
    };
    served.answers.push(status);
    let body = if status == 200 { served.body.clone() } else { String::new() };
    (StatusCode::from_u16(status).unwrap(), [(header::ETAG, served.tag)], body).into_response()
}

/// A directory of so many campaigns.
fn rows(count: usize) -> String {
    let rows: String =
        (0..count).map(|row| format!("{},Spring {row},Acme,a@acme.example acme.example\n", 40_000 + row)).collect();
    format!("campaign_id,name,account,contacts\n{rows}")
}

/// Settings of a desk in this folder that fetches its directory from `url`.
fn from_url(folder: &TempDir, url: &str) -> Config {
    let mut config = config::default_in(folder.path());
    config.campaigns.url = url.into();
    config.campaigns.url_header_file = folder.path().join("header");
    std::fs::write(&config.campaigns.url_header_file, format!("Authorization: {SECRET}\n")).unwrap();
    config
}

fn from_sql(folder: &TempDir, url: &str, sql: &str) -> Config {
    let mut config = config::default_in(folder.path());
    config.campaigns.sql = sql.into();
    config.campaigns.sql_url_file = folder.path().join("database");
    std::fs::write(&config.campaigns.sql_url_file, url).unwrap();
    config
}

/// A look fails with this in file, line and text; the directory stays, and health says why.
async fn stays(desk: &Desk, file: &str, line: usize, part: &str) {
    let before = desk.directory();
    let faults = desk.refresh_directory().await.unwrap_err();
    assert!(faults[0].file.contains(file) && faults[0].message.contains(part), "{faults:?}");
    assert_eq!(faults[0].line, line, "{faults:?}");
    assert_eq!(desk.directory().campaigns(), before.campaigns());
    assert_eq!(desk.health().faults, faults);
}

#[tokio::test]
async fn an_address_is_fetched_again_only_when_it_changed() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(rows(10), "\"one\"").await;
    let desk = Desk::open(from_url(&folder, &format!("{}/moved?key=hush", server.url))).await.unwrap();
    assert_eq!((desk.directory().len(), desk.health().faults), (10, vec![]));
    assert_eq!(desk.directory().get("40003").unwrap().contacts, ["a@acme.example", "acme.example"]);
    assert!(desk.health().directory_read_at.is_some());

    assert_eq!(desk.refresh_directory().await, Ok(false));
    server.serve(rows(12), "\"two\"");
    assert_eq!(desk.refresh_directory().await, Ok(true));
    assert_eq!((desk.directory().len(), desk.store.campaigns().await.unwrap().len()), (12, 12));
    assert_eq!(server.answers(), [200, 304, 200]);

    // Broken: said with its line, asked for again until it is mended, and nothing lost.
    server.serve(rows(12) + "40001,Twice,Acme,\n", "\"three\"");
    stays(&desk, "/moved", 14, "stands in line 3 already").await;
    stays(&desk, "/moved", 14, "stands in line 3 already").await;
    assert!(!desk.health().faults[0].to_string().contains("hush"));
    assert_eq!(server.answers(), [200, 200]);
    server.serve("<html>Please sign in</html>".into(), "");
    stays(&desk, "/moved", 1, "no column `campaign_id`").await;
    server.serve(rows(5), "\"four\"");
    stays(&desk, "/moved", 0, "more than half").await;
    server.served.lock().unwrap().status = 503;
    stays(&desk, "/moved", 0, "503").await;
    server.served.lock().unwrap().status = 200;
    std::fs::write(folder.path().join("header"), "Authorization: Bearer of-nobody").unwrap();
    stays(&desk, "/moved", 0, "401").await;
    std::fs::write(folder.path().join("header"), SECRET).unwrap();
    stays(&desk, "/moved", 0, "no header line").await;
    assert!(!desk.health().faults[0].to_string().contains("of-the-desk"));

    // What is in force is there again under its old tag: all is well.
    std::fs::write(folder.path().join("header"), format!("Authorization: {SECRET}\r\n")).unwrap();
    server.serve(rows(12), "\"two\"");
    server.answers();
    assert_eq!(desk.refresh_directory().await, Ok(false));
    assert_eq!((server.answers(), desk.health().faults), (vec![304], vec![]));
    // A reload asks for all of it.
    assert!(desk.reload().await.is_empty());
    assert_eq!(server.answers(), [200]);
    desk.store.close().await;
}

#[tokio::test]
async fn a_secret_goes_to_no_other_host() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(rows(3), "").await;
    let desk = Desk::open(from_url(&folder, &format!("{}/away", server.url))).await.unwrap();
    stays(&desk, "/away", 0, "another host, localhost").await;
    assert!(server.answers().is_empty());
    desk.store.close().await;
}

#[tokio::test]
async fn a_desk_starts_without_its_source() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(rows(10), "\"one\"").await;
    let url = format!("{}/c.csv", server.url);
    let desk = Desk::open(from_url(&folder, &url)).await.unwrap();
    assert!(!desk.awaits_directory());
    desk.store.close().await;
    drop(desk);

    // Up, but broken: the shrink guard knows what was there before the restart.
    server.serve(rows(2), "\"two\"");
    let desk = Desk::open(from_url(&folder, &url)).await.unwrap();
    assert_eq!(desk.directory().len(), 10);
    assert!(desk.health().faults[0].message.contains("more than half"), "{:?}", desk.health());
    desk.store.close().await;
    drop(desk);

    drop(server);
    let desk = Desk::open(from_url(&folder, &url)).await.unwrap();
    let health = desk.health();
    assert_eq!((health.campaigns, health.directory_read_at), (10, None));
    assert!(health.faults[0].message.contains("cannot be reached"), "{health:?}");
    assert!(!desk.awaits_directory(), "the store's copy serves");
    desk.store.close().await;

    // Without any copy mail is taken in, and waits.
    let fresh = tempfile::tempdir().unwrap();
    let desk = Desk::open(from_url(&fresh, &url)).await.unwrap();
    assert!(desk.awaits_directory() && desk.directory().is_empty());
    desk.store.close().await;
}

#[tokio::test]
async fn the_desk_judges_once_the_directory_is_there_and_keeps_it_fresh() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(rows(10), "").await;
    server.served.lock().unwrap().status = 503;
    let mut config = from_url(&folder, &format!("{}/c.csv", server.url));
    config.http.listen = "127.0.0.1:0".into();
    config.campaigns.refresh_secs = 1;
    let render: web::Metrics = Arc::new(String::new);
    let daemon = deskclerk::daemon::Daemon::start(config, render).await.unwrap();
    let new = desk_mail();
    let id = daemon.desk.accept(new).await.unwrap().id;
    // Two more looks fail; judged all the while is nothing.
    until(|| server.served.lock().unwrap().answers.len() >= 3).await;
    assert_eq!(daemon.desk.store.pending_submissions().await.unwrap(), 1);
    server.served.lock().unwrap().status = 200;
    until(|| daemon.desk.directory().len() == 10).await;
    let deadline = Instant::now() + PATIENCE;
    while daemon.desk.store.pending_submissions().await.unwrap() > 0 {
        assert!(Instant::now() < deadline, "the mail was never judged");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let submission = daemon.desk.store.submission(&id).await.unwrap().unwrap();
    let ticket = daemon.desk.store.ticket(submission.ticket_id.unwrap()).await.unwrap().unwrap();
    assert_eq!(ticket.campaign_id.as_deref(), Some("40003"));
    server.serve(rows(11), "");
    until(|| daemon.desk.directory().len() == 11).await;
    assert!(daemon.stop().await);
}

fn desk_mail() -> deskclerk::store::submissions::New {
    use deskclerk::store::submissions::{Envelope, Kind, New};
    let raw = "From: Ann <ann@acme.example>\r\nTo: support@desk.example\r\nSubject: Campaign ID 40003\r\n\
               Message-ID: <1@acme.example>\r\nDate: Mon, 02 Nov 2026 08:52:03 +0000\r\nMIME-Version: 1.0\r\n\
               Content-Type: text/plain; charset=utf-8\r\n\r\nPlease pause campaign ID 40003 until Friday.\r\n";
    New {
        source: "lmtp".into(),
        source_key: None,
        kind: Kind::Mail,
        raw: raw.into(),
        envelope: Envelope::default(),
        answerable: true,
        received_at: desk::unix_ms(),
    }
}

async fn until(holds: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "it never came");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_file_is_read_again_only_when_it_changed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("campaigns.csv");
    let write = |text: String| {
        let fresh = folder.path().join("fresh");
        std::fs::write(&fresh, text).unwrap();
        std::fs::rename(&fresh, &file).unwrap();
    };
    let open = || {
        let mut config = config::default_in(folder.path());
        config.campaigns.file = file.clone();
        Desk::open(config)
    };
    assert!(
        matches!(open().await, Err(desk::Error::Faults(_))),
        "a file that is not there is for the operator to mend"
    );
    write(rows(10));
    let desk = open().await.unwrap();
    assert_eq!(desk.refresh_directory().await, Ok(false));
    write(rows(11));
    assert_eq!(desk.refresh_directory().await, Ok(true));
    write(rows(11) + ",No id,,\n");
    stays(&desk, "campaigns.csv", 13, "no id").await;
    std::fs::remove_file(&file).unwrap();
    stays(&desk, "campaigns.csv", 0, "cannot be read").await;
    write(rows(11));
    assert_eq!(desk.refresh_directory().await, Ok(false));
    assert_eq!((desk.directory().len(), desk.health().faults), (11, vec![]));
    desk.store.close().await;
    drop(desk);

    // What was there before the restart is known: a file that shrank meanwhile, is broken or gone leaves it in force.
    for (text, part) in [(Some(rows(2)), "more than half"), (Some("x".into()), "no column"), (None, "cannot be read")] {
        match text {
            Some(text) => write(text),
            None => std::fs::remove_file(&file).unwrap(),
        }
        let desk = open().await.unwrap();
        assert_eq!(desk.directory().len(), 11);
        assert!(desk.health().faults[0].message.contains(part), "{:?}", desk.health());
        desk.store.close().await;
    }
}

/// The real binary; killed when dropped.
struct Binary {
    child: Child,
    port: u16,
}

impl Binary {
    fn run(folder: &TempDir, url: &str, trusted: &Path) -> Binary {
        let port = free_port();
        let settings = folder.path().join("deskclerk.toml");
        let text = format!(
            "[campaigns]\nurl = \"{url}\"\nurl_header_file = \"header\"\n[http]\nlisten = \"127.0.0.1:{port}\"\n"
        );
        std::fs::write(&settings, text).unwrap();
        std::fs::write(folder.path().join("header"), format!("Authorization: {SECRET}\n")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_deskclerk"));
        command.args(["run", "--config"]).arg(&settings).env("SSL_CERT_FILE", trusted).env_remove("NOTIFY_SOCKET");
        Binary { child: command.spawn().unwrap(), port }
    }

    /// What it answers once it listens.
    fn get(&self, path: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        let mut stream = loop {
            match TcpStream::connect(("127.0.0.1", self.port)) {
                Ok(stream) => break stream,
                Err(error) => assert!(Instant::now() < deadline, "it does not listen: {error}"),
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

impl Drop for Binary {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_checked_and_the_operator_is_told() {
    let folder = tempfile::tempdir().unwrap();
    dovecot::certify(folder.path());
    let server = Server::start_tls(rows(10), folder.path()).await;
    let url = format!("{}/c.csv?key=hush", server.url);
    let others = tempfile::tempdir().unwrap();
    dovecot::certify(others.path());

    let binary = Binary::run(&folder, &url, &others.path().join("ca.pem"));
    let ready = binary.get("/readyz");
    assert!(ready.starts_with("HTTP/1.1 503") && ready.contains("invalid peer certificate"), "{ready}");
    assert!(!ready.contains("hush"), "{ready}");
    let metrics = binary.get("/metrics");
    assert!(metrics.contains("deskclerk_directory_refresh_total{result=\"failed\"}"), "{metrics}");
    assert!(server.answers().is_empty(), "a server that is not trusted is asked nothing");
    drop(binary);

    let binary = Binary::run(&folder, &url, &folder.path().join("ca.pem"));
    let ready = binary.get("/readyz");
    assert!(ready.starts_with("HTTP/1.1 200") && ready.contains("\"campaigns\":10"), "{ready}");
    let metrics = binary.get("/metrics");
    assert!(metrics.contains("deskclerk_directory_campaigns 10"), "{metrics}");
    server.serve(rows(11), "");
    let status = Command::new("kill").args(["-HUP", &binary.child.id().to_string()]).status().unwrap();
    assert!(status.success());
    until(|| binary.get("/readyz").contains("\"campaigns\":11")).await;
}

/// Runs statements in a database of the customer's.
async fn run(url: &str, statements: &[&str]) {
    sqlx::any::install_default_drivers();
    let mut connection = sqlx::AnyConnection::connect(url).await.unwrap();
    for statement in statements {
        sqlx::query(AssertSqlSafe(statement.to_string())).execute(&mut connection).await.unwrap();
    }
    connection.close().await.unwrap();
}

/// What holds for a query on either database. The table `crm` has number, title, client, emails.
async fn asks(url: &str, writable: &str) {
    const QUERY: &str = "SELECT number AS campaign_id, title AS name, client AS account, emails AS contacts, \
                         state AS status FROM crm ORDER BY number -- all of them";
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::open(from_sql(&folder, url, QUERY)).await.unwrap();
    assert_eq!((desk.directory().len(), desk.health().faults), (4, vec![]));
    let directory = desk.directory();
    let first = directory.get("48213").unwrap();
    assert_eq!((first.name.as_str(), first.account.as_str()), ("Herbst \"Süd\" Nord", "Acme"));
    assert_eq!(first.contacts, ["a@acme.example", "acme.example", "b.example"]);
    assert_eq!(first.status.as_deref(), Some("active"));
    assert_eq!(directory.get("48214").unwrap().status, None);
    assert_eq!(desk.refresh_directory().await, Ok(false));

    run(writable, &["UPDATE crm SET title = 'Gift Drive 2' WHERE number = 48216"]).await;
    assert_eq!(desk.refresh_directory().await, Ok(true));
    assert_eq!(desk.directory().get("48216").unwrap().name, "Gift Drive 2");
    assert_eq!(desk.store.campaigns().await.unwrap()[3].name, "Gift Drive 2");
    // Faults are those of a file, a row's number for the line.
    run(writable, &["INSERT INTO crm VALUES (48217, '', 'Acme', NULL, NULL)"]).await;
    stays(&desk, "campaigns.sql", 5, "no name").await;
    run(writable, &["UPDATE crm SET title = 'x', number = 48216 WHERE number = 48217"]).await;
    stays(&desk, "campaigns.sql", 5, "stands in line 4 already").await;
    run(writable, &["DELETE FROM crm WHERE number > 48213"]).await;
    stays(&desk, "campaigns.sql", 0, "more than half").await;
    run(writable, &["DROP TABLE crm"]).await;
    stays(&desk, "campaigns.sql", 0, "crm").await;
    desk.store.close().await;
    drop(desk);

    // Gone: the store's copy serves.
    let desk = Desk::open(from_sql(&folder, url, QUERY)).await.unwrap();
    assert_eq!((desk.directory().len(), desk.health().faults.len()), (4, 1));
    desk.store.close().await;
    let own = tempfile::tempdir().unwrap();
    let wrong = Desk::open(from_sql(&own, url, "SELECT 1 AS number, 'a' AS name")).await.unwrap();
    stays(&wrong, "campaigns.sql", 0, "no column `campaign_id` (found: name, number)").await;
    wrong.store.close().await;
}

#[tokio::test]
async fn a_query_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("crm.db").display().to_string();
    let writable = format!("sqlite://{file}?mode=rwc");
    run(
        &writable,
        &[
            "CREATE TABLE crm (number INTEGER, title VARCHAR(80), client TEXT, emails TEXT, state TEXT)",
            "INSERT INTO crm VALUES (48213, 'Herbst \"Süd\"' || char(10) || 'Nord', 'Acme', 'a@acme.example, acme.example|b.example', 'active'),
             (48214, 'Harvest', 'Acme', NULL, NULL), (48215, 'Spring', NULL, '', NULL), (48216, 'Gift Drive', 'B', 'b.example', NULL)",
        ],
    )
    .await;
    asks(&format!("sqlite:{file}"), &writable).await;
    // A query never writes, whatever follows the SELECT.
    run(&writable, &["CREATE TABLE kept (id TEXT, name TEXT)", "INSERT INTO kept VALUES ('1', 'A')"]).await;
    let own = tempfile::tempdir().unwrap();
    let desk = Desk::open(from_sql(&own, &format!("sqlite:{file}"), "SELECT id, name FROM kept; DELETE FROM kept"))
        .await
        .unwrap();
    assert!(desk.health().faults[0].message.contains("readonly"), "{:?}", desk.health());
    desk.store.close().await;
    let missing = folder.path().join("none.db");
    let desk = Desk::open(from_sql(&own, &format!("sqlite:{}", missing.display()), "SELECT 1")).await.unwrap();
    assert!(desk.awaits_directory() && !Path::exists(&missing));
    desk.store.close().await;
}

#[tokio::test]
async fn a_query_on_postgresql() {
    let url = postgres::empty().await;
    run(
        &url,
        &[
            "CREATE TABLE crm (number NUMERIC, title TEXT, client VARCHAR(20), emails TEXT[], state TEXT)",
            "INSERT INTO crm VALUES (48213, E'Herbst \"Süd\"\\nNord', 'Acme', ARRAY['a@acme.example', 'acme.example', 'b.example'], 'active'),
             (48214, 'Harvest', 'Acme', NULL, NULL), (48215, 'Spring', NULL, '{}', NULL), (48216, 'Gift Drive', 'B', '{b.example}', NULL)",
        ],
    )
    .await;
    asks(&url, &url).await;
    run(&url, &["CREATE TABLE kept (id TEXT, name TEXT)", "INSERT INTO kept VALUES ('1', 'A')"]).await;
    let own = tempfile::tempdir().unwrap();
    let sneaky = "WITH gone AS (DELETE FROM kept RETURNING id, name) SELECT id, name FROM gone";
    let desk = Desk::open(from_sql(&own, &url, sneaky)).await.unwrap();
    assert!(!desk.health().faults.is_empty() && desk.directory().is_empty());
    run(&url, &["DO $$ BEGIN ASSERT (SELECT count(*) FROM kept) = 1; END $$"]).await;
    desk.store.close().await;
}
