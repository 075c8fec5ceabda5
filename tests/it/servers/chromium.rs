//! A real Chromium, spoken to by WebDriver (W3C). Ended by its session, then by chromedriver's own pid.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{free_port, mortal};

/// How long it may take for anything.
const PATIENCE: Duration = Duration::from_secs(120);

/// A browser with one window.
pub struct Chromium {
    driver: Child,
    port: u16,
    session: String,
    _profile: TempDir,
}

impl Chromium {
    /// Starts one, with no window to be seen. It blocks: only in tests with worker threads.
    pub fn start() -> Chromium {
        let port = free_port();
        let profile = TempDir::new().unwrap();
        let driver = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver is there: tests/run installs chromium-driver");
        mortal(driver.id());
        let mut browser = Chromium { driver, port, session: String::new(), _profile: profile };
        let end = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < end, "chromedriver does not answer");
            std::thread::sleep(Duration::from_millis(20));
        }
        let folder = format!("--user-data-dir={}", browser._profile.path().display());
        let args = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", &folder];
        let options = json!({"binary": "/usr/bin/chromium", "args": args});
        // On a busy machine the look at a page takes longer than the half minute that WebDriver gives a script.
        let timeouts = json!({"script": (PATIENCE * 3 / 4).as_millis() as u64});
        let wanted = json!({"capabilities": {"alwaysMatch": {"goog:chromeOptions": options, "timeouts": timeouts}}});
        let session = browser.ask("POST", "/session", &wanted);
        browser.session = format!("/session/{}", session["sessionId"].as_str().unwrap());
        browser
    }

    /// Opens a page.
    pub fn open(&self, url: &str) {
        self.ask("POST", &format!("{}/url", self.session), &json!({ "url": url }));
    }

    /// Runs a script in the page: what its function returns, or resolves to.
    pub fn run(&self, script: &str) -> Value {
        self.ask("POST", &format!("{}/execute/sync", self.session), &json!({"script": script, "args": []}))
    }

    /// Runs a script until it gives something.
    pub fn until(&self, what: &str, script: &str) -> Value {
        let end = Instant::now() + PATIENCE;
        loop {
            match self.run(script) {
                Value::Null | Value::Bool(false) => {}
                found => return found,
            }
            assert!(Instant::now() < end, "waited in vain for {what}: {}", self.run("return document.body.innerText"));
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Types into an element, as a person would.
    pub fn type_into(&self, selector: &str, text: &str) {
        let element = self.find(selector);
        self.ask("POST", &format!("{}/element/{element}/value", self.session), &json!({ "text": text }));
    }

    /// Clicks an element.
    pub fn click(&self, selector: &str) {
        let element = self.find(selector);
        self.ask("POST", &format!("{}/element/{element}/click", self.session), &json!({}));
    }

    fn find(&self, selector: &str) -> String {
        let by = json!({"using": "css selector", "value": selector});
        let found = self.ask("POST", &format!("{}/element", self.session), &by);
        found.as_object().and_then(|found| found.values().next()?.as_str()).unwrap().to_owned()
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let (status, answer) = self.send(method, path, body);
        assert_eq!(status, 200, "{method} {path}: {answer}");
        answer["value"].clone()
    }

    fn send(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let (body, port) = (body.to_string(), self.port);
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        // chromedriver keeps the connection open, whatever it is asked.
        let mut answer = BufReader::new(stream);
        let mut line = String::new();
        let (mut status, mut length) = (0, 0);
        while answer.read_line(&mut line).is_ok_and(|read| read > 2) {
            let lower = line.to_ascii_lowercase();
            if let Some(rest) = lower.strip_prefix("http/1.1 ") {
                status = rest.split(' ').next().unwrap_or_default().parse().unwrap_or_default();
            }
            if let Some(rest) = lower.strip_prefix("content-length:") {
                length = rest.trim().parse().unwrap_or_default();
            }
            line.clear();
        }
        let mut body = vec![0; length];
        let _ = answer.read_exact(&mut body);
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        if !self.session.is_empty() {
            let _ = self.send("DELETE", &self.session, &json!({}));
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
