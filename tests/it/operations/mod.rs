//! Operations: quarantine, status, audit, backup, erasing, retention: the real binary beside a desk, on both engines.

mod backup;
mod blobs;
#[cfg(feature = "s3")]
mod bucket;
mod daemon;
mod doctor;
mod ending;
mod erase;
mod package;
mod quarantine;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use assert_cmd::cargo::cargo_bin_cmd;
use deskclerk::config;
use deskclerk::config::settings::Config;
use deskclerk::desk::{Desk, Step, unix_ms};
use deskclerk::store::submissions::{Envelope, Kind, New, Outcome};
use serde_json::Value;
use tempfile::TempDir;

use crate::servers::postgres;

/// A desk with a settings file that the binary finds it by.
pub struct Operated {
    /// The desk, in this process.
    pub desk: Arc<Desk>,
    /// Its folder, with `deskclerk.toml` and `data/`.
    pub folder: TempDir,
}

impl Operated {
    /// `url`: of its store. `more`: further settings.
    pub async fn open(url: &str, more: &str) -> Operated {
        Operated::keeping(url, "", more).await
    }

    /// The same with further lines of `[store]`.
    pub async fn keeping(url: &str, store: &str, more: &str) -> Operated {
        let folder = tempfile::tempdir().unwrap();
        let text = format!("{more}\n[desk]\naddress = \"support@desk.example\"\n[store]\nurl = \"{url}\"\n{store}");
        std::fs::write(folder.path().join("deskclerk.toml"), &text).unwrap();
        let config: Config = config::parse(&text, "deskclerk.toml", folder.path()).unwrap();
        Operated { desk: Desk::open(config).await.unwrap(), folder }
    }

    /// On each engine, one after the other.
    pub async fn on_each<F: AsyncFn(Operated)>(more: &str, test: F) {
        test(Operated::open("sqlite:deskclerk.db", more).await).await;
        test(Operated::open(&postgres::database().await, more).await).await;
    }

    /// Takes a mail in and settles it: its submission, its outcome and its ticket.
    pub async fn mail(&self, raw: &str) -> (String, Outcome, Option<i64>) {
        let raw = raw.replace('\n', "\r\n").into_bytes();
        let id = self.take(raw).await;
        let step = self.desk.step(unix_ms()).await.unwrap();
        let Step::Settled { submission, outcome, ticket } = step else { panic!("nothing was settled") };
        assert_eq!(submission, id);
        (id, outcome, ticket)
    }

    /// Takes bytes in.
    pub async fn take(&self, raw: Vec<u8>) -> String {
        let envelope = Envelope { from: Some("bounce@elsewhere.example".into()), ..Envelope::default() };
        let new = New {
            source: "lmtp".into(),
            source_key: None,
            kind: Kind::Mail,
            raw,
            envelope,
            answerable: true,
            received_at: unix_ms(),
        };
        self.desk.accept(new).await.unwrap().id
    }

    /// A mail that is over the bounds.
    pub async fn quarantined(&self) -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed); // the same bytes would lie there once
        let (id, outcome, _) = self
            .mail(&format!(
                "From: Odd One <odd@c.example>\nSubject: nested {number}\n{}",
                "Content-Type: message/rfc822\n\n".repeat(60)
            ))
            .await;
        assert_eq!(outcome, Outcome::Quarantined);
        id
    }

    /// Runs the binary with this desk's settings: exit code, what it printed, what it complained of.
    pub fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        run(&self.config(), arguments)
    }

    /// The settings file.
    pub fn config(&self) -> PathBuf {
        self.folder.path().join("deskclerk.toml")
    }

    /// Its only ticket's page of the API would show this.
    pub async fn events(&self, ticket: i64) -> Vec<String> {
        self.desk.store.events(ticket).await.unwrap().into_iter().map(|event| event.what).collect()
    }
}

/// Runs the binary with these settings.
pub fn run(config: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = cargo_bin_cmd!("deskclerk").args(arguments).arg("--config").arg(config).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// JSON objects, one a line.
pub fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect()
}

/// A request that needs nothing more.
pub fn request(from: &str, id: &str, text: &str) -> String {
    format!(
        "From: {from}\nTo: support@desk.example\nMessage-ID: <{id}>\nDate: Thu, 26 Nov 2026 03:00:00 +0000\n\
         Subject: invoice\n\n{text}\n"
    )
}
