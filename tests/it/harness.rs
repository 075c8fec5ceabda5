//! A desk for tests: a fresh store in a folder of its own, the doors that a test opens, and a look at what is stored.
//!
//! Close it with [`TestDesk::close`]: that ends the doors, settles what is left and fails on leftovers. A desk that is
//! dropped without it fails the test.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use deskclerk::config::mailbox::Imap;
use deskclerk::config::settings::Config;
use deskclerk::desk::{Desk, unix_ms};
use deskclerk::store::submissions::{Envelope, Kind, New};
use deskclerk::{config, delivery, intake};
use sqlx::{AnyPool, Row};
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// How long a test waits for what must come. Postfix leaves a mail alone for 60 s when its next try comes before the one
/// before has let go of the file ("skipped, still being delivered"), and the desk waits 15, 30 and 60 s between its tries.
pub const PATIENCE: Duration = Duration::from_secs(240);

/// A desk in this process.
pub struct TestDesk {
    /// The desk.
    pub desk: Arc<Desk>,
    /// Its folder.
    pub folder: TempDir,
    stored: AnyPool,
    doors: CancellationToken,
    tasks: JoinSet<()>,
    closed: bool,
}

/// A submission as stored.
#[derive(Debug, Clone)]
pub struct Stored {
    /// Its key at the door.
    pub key: String,
    /// The bytes.
    pub raw: Vec<u8>,
    /// JSON.
    pub envelope: String,
    /// May be answered.
    pub answerable: bool,
    /// Flagged or moved on the server.
    pub acknowledged: bool,
    /// How it ended, empty: not yet.
    pub outcome: String,
}

impl TestDesk {
    /// A desk on SQLite; `settle` changes its settings before it opens.
    pub async fn open(settle: impl FnOnce(&mut Config)) -> TestDesk {
        let folder = tempfile::tempdir().unwrap();
        let mut config = config::default_in(folder.path());
        config.desk.address = "support@desk.example".into();
        settle(&mut config);
        let desk = Desk::open(config).await.unwrap();
        let url = format!("sqlite://{}", desk.config.desk.data_dir.join("deskclerk.db").display());
        let stored = look_into(&url).await;
        TestDesk { desk, folder, stored, doors: CancellationToken::new(), tasks: JoinSet::new(), closed: false }
    }

    /// Opens the LMTP door; gives its address.
    pub async fn lmtp(&mut self) -> String {
        self.lmtp_at("127.0.0.1:0").await
    }

    /// Opens it at this address or path.
    pub async fn lmtp_at(&mut self, listen: &str) -> String {
        let listener = intake::lmtp::Listener::bind(listen).await.unwrap();
        let address = listener.address();
        self.tasks.spawn(intake::lmtp::run(listener, Arc::clone(&self.desk), self.doors.clone()));
        address
    }

    /// Reads a mailbox; the token closes this door alone.
    pub fn imap(&mut self, settings: Imap) -> CancellationToken {
        let cancel = self.doors.child_token();
        self.tasks.spawn(intake::imap::run(settings, Arc::clone(&self.desk), cancel.clone()));
        cancel
    }

    /// Sends what the outbox holds.
    pub fn delivery(&mut self) -> CancellationToken {
        let cancel = self.doors.child_token();
        self.tasks.spawn(delivery::run(Arc::clone(&self.desk), cancel.clone()));
        cancel
    }

    /// All submissions, oldest first.
    pub async fn stored(&self) -> Vec<Stored> {
        stored(&self.stored).await
    }

    /// Waits until so many submissions are stored and, for a mailbox, all of them dealt with on the server.
    pub async fn await_stored(&self, count: usize) -> Vec<Stored> {
        until(&format!("{count} stored mails"), async || {
            let stored = self.stored().await;
            assert!(stored.len() <= count, "{} mails are stored, {count} expected", stored.len());
            (stored.len() == count).then_some(stored)
        })
        .await
    }

    /// Settles all that waits.
    pub async fn drain(&self) {
        use deskclerk::desk::{Step, unix_ms};
        while self.desk.step(unix_ms()).await.unwrap() != Step::Idle {}
    }

    /// Ends all doors.
    pub async fn shut_doors(&mut self) {
        self.doors.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            ended.unwrap();
        }
        self.doors = CancellationToken::new();
    }

    /// Ends the desk, and fails when anything is left unsettled.
    pub async fn close(mut self) {
        self.shut_doors().await;
        self.drain().await;
        let left = self.stored().await.into_iter().filter(|stored| stored.outcome.is_empty()).count();
        assert_eq!(left, 0, "submissions left unsettled");
        self.desk.store.close().await;
        self.closed = true;
    }
}

impl Drop for TestDesk {
    fn drop(&mut self) {
        assert!(self.closed || std::thread::panicking(), "the test did not close its desk");
    }
}

/// A connection of the test's own to the store of a desk.
pub async fn look_into(url: &str) -> AnyPool {
    sqlx::any::install_default_drivers();
    AnyPool::connect(url).await.unwrap()
}

/// Where an embedded store keeps its large originals, unless it was told otherwise; `None`: it is PostgreSQL.
pub async fn originals(pool: &AnyPool) -> Option<PathBuf> {
    let row = sqlx::query("SELECT file FROM pragma_database_list WHERE name = 'main'").fetch_one(pool).await.ok()?;
    Some(Path::new(&row.get::<String, _>("file")).with_file_name("originals"))
}

/// The bytes of a submission's row (raw, content_hash, blob_bytes), wherever they lie.
pub fn original(row: &sqlx::any::AnyRow, folder: Option<&Path>) -> Vec<u8> {
    if row.get::<i64, _>("blob_bytes") == 0 {
        return row.get::<Option<Vec<u8>>, _>("raw").unwrap_or_default();
    }
    let hash: String = row.get("content_hash");
    let folder = folder.expect("large originals of PostgreSQL are in the database");
    std::fs::read(folder.join(&hash[..2]).join(&hash)).unwrap()
}

/// All submissions, oldest first.
pub async fn stored(pool: &AnyPool) -> Vec<Stored> {
    let sql = "SELECT source_key, content_hash, blob_bytes, envelope, answerable, acknowledged, outcome, \
               (SELECT raw FROM originals WHERE originals.id = submissions.id) AS raw FROM submissions ORDER BY id";
    let rows = sqlx::query(sql).fetch_all(pool).await.unwrap();
    let folder = originals(pool).await;
    let read = |row: &sqlx::any::AnyRow| Stored {
        key: row.get::<Option<String>, _>("source_key").unwrap_or_default(),
        raw: original(row, folder.as_deref()),
        envelope: row.get("envelope"),
        answerable: row.get::<i64, _>("answerable") != 0,
        acknowledged: row.get::<i64, _>("acknowledged") != 0,
        outcome: row.get::<Option<String>, _>("outcome").unwrap_or_default(),
    };
    rows.iter().map(read).collect()
}

/// Asks again and again until there is an answer; fails when there is none in time.
pub async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < end, "waited {} s in vain for {what}", PATIENCE.as_secs());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Takes a mail in as the LMTP door does, and settles all that waits.
pub async fn take_in(desk: &Desk, raw: String) {
    let new = New {
        source: "lmtp".into(),
        source_key: None,
        kind: Kind::Mail,
        raw: raw.into_bytes(),
        envelope: Envelope::default(),
        answerable: true,
        received_at: unix_ms(),
    };
    desk.accept(new).await.unwrap();
    while !desk.batch(unix_ms(), 64).await.unwrap().is_empty() {}
}

/// A plain mail.
pub fn mail(from: &str, to: &str, id: &str, subject: &str, text: &str) -> String {
    let date = jiff::Timestamp::now().strftime("%a, %d %b %Y %H:%M:%S +0000");
    format!(
        "From: {from}\r\nTo: {to}\r\nDate: {date}\r\nMessage-ID: <{id}>\r\nSubject: {subject}\r\n\r\n{}\r\n",
        text.replace('\n', "\r\n")
    )
}
