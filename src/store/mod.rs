//! The store: SQLite or PostgreSQL behind one concrete type. The same SQL on both, through sqlx's `Any`.
//!
//! Nothing here judges: it keeps what it is given, in transactions, and never loses what it has acknowledged.
//! SQLite: WAL, `synchronous=FULL` but for claims, one writing connection, `BEGIN IMMEDIATE`. PostgreSQL:
//! `synchronous_commit=on`.
//! Each table has its file; `clock` is the only place where this layer asks the time.

pub mod acts;
pub mod agents;
pub mod backup;
pub mod blobs;
pub mod breaker;
#[cfg(feature = "s3")]
mod bucket;
pub mod budgets;
pub mod changes;
pub mod claims;
mod committer;
mod copy;
pub mod cursors;
pub mod deliveries;
pub mod directory;
pub mod dispatch;
pub mod endpoints;
pub mod erase;
pub mod fetches;
pub mod history;
pub mod leases;
pub mod lookups;
pub mod merging;
mod naming;
mod numbers;
pub mod outbox;
pub mod quarantine;
pub mod queues;
pub mod remote;
mod rows;
pub mod schema;
pub mod settle;
pub mod submissions;
pub mod threads;
pub mod tickets;
pub mod tokens;
mod transactions;
mod values;
pub mod waiting;

use std::io::Read as _;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{AnyConnection, AnyPool, Connection};
use tokio::sync::mpsc;

/// Which database is behind a [`Store`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// Embedded.
    Sqlite,
    /// Shared by several nodes.
    Postgres,
}

/// What a store is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    Read,
    Write,
}

/// What can go wrong with the store.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database said no, or is out of reach: try again later.
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
    /// The file holds something else, or is damaged from its first byte.
    #[error("{} is no SQLite database: move it away, and `deskclerk restore` a backup", .0.display())]
    NoDatabase(PathBuf),
    /// The schema could not be brought up to date.
    #[error("the schema could not be migrated: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// A newer deskclerk has written it.
    #[error(
        "the database is at schema {found} and this deskclerk knows only {known}: a newer one has written it; run that one, \
         or restore a backup of before"
    )]
    Newer {
        /// Its schema.
        found: i64,
        /// The newest that this program knows.
        known: i64,
    },
    /// The daemon has not brought it up to date yet.
    #[error(
        "the database is at schema {found}, this deskclerk at {known}: start `deskclerk run` once, which brings it up"
    )]
    Older {
        /// Its schema.
        found: i64,
        /// This program's.
        known: i64,
    },
    /// Its schema was made by something else.
    #[error("schema {0} of the database is not what deskclerk makes it; was it changed by hand? restore a backup")]
    Foreign(i64),
    /// Something stored is not what it should be.
    #[error("stored {what} is unreadable: {why}")]
    Corrupt {
        /// Which column of which row.
        what: String,
        /// What is wrong with it.
        why: String,
    },
    /// The place of the blobs is out of reach, or full: try again later.
    #[error("{place} cannot take or give what store.blobs keeps there: {why}")]
    Blobs {
        /// Folder or bucket.
        place: String,
        /// What the attempt failed with.
        why: String,
    },
    /// A row names a blob that is not there, or is not what its name says.
    #[error(
        "the original {hash} {what} (store.blobs: {place}); put it back there from a backup of that place, then replay"
    )]
    Lost {
        /// SHA-256 of the bytes, hex.
        hash: String,
        /// What is wrong.
        what: &'static str,
        /// Folder or bucket.
        place: String,
    },
    /// Somebody else changed or claimed it meanwhile.
    #[error("{0} was changed meanwhile; read it again")]
    Conflict(String),
    /// No such thing.
    #[error("{0} does not exist")]
    Missing(String),
    /// The row cannot be written as it is.
    #[error("{0}")]
    Refused(String),
    /// The database is out of reach, or full: try again later.
    #[error("the database cannot take it now: {0}")]
    Away(String),
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
    /// No database answers there, or it refuses us.
    #[error("the database at {place} cannot be reached: {why}; check that it runs, and store.url")]
    Unreachable {
        /// Host, port and name, without user and password.
        place: String,
        /// What the attempt failed with.
        why: String,
    },
    /// The URL names no database that Deskclerk can use.
    #[error("{0}")]
    Url(String),
}

impl Error {
    /// Whether it passes by itself: the database is away, busy or full. Then nothing is wrong with what was to be
    /// written, and it is to be tried again later.
    pub fn is_passing(&self) -> bool {
        match self {
            Error::Database(sqlx::Error::Database(error)) => {
                let code = error.code().unwrap_or_default();
                // SQLite's primary result codes (extended ones in the high bits): BUSY, LOCKED, NOMEM, READONLY,
                // INTERRUPT, IOERR, FULL, CANTOPEN. SQLSTATE classes: connection, rollback, resources, operator,
                // system; and lock_not_available.
                match code.parse::<i64>() {
                    Ok(number) if code.len() != 5 => matches!(number & 0xff, 5..=10 | 13 | 14),
                    _ => ["08", "40", "53", "57", "58", "55P03", "25P03"].iter().any(|class| code.starts_with(class)),
                }
            }
            Error::Database(error) => !matches!(
                error,
                sqlx::Error::Encode(_)
                    | sqlx::Error::Decode(_)
                    | sqlx::Error::ColumnDecode { .. }
                    | sqlx::Error::ColumnNotFound(_)
                    | sqlx::Error::RowNotFound
            ),
            Error::Away(_) | Error::Blobs { .. } | Error::Closed => true,
            _ => false,
        }
    }
}

/// The store. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    engine: Engine,
    read: AnyPool,
    write: AnyPool,
    /// Who waits for a writing connection.
    turns: transactions::Turns,
    committer: mpsc::Sender<committer::Job>,
    blobs: blobs::Blobs,
    /// Ticket numbers that are reserved and that no claim holds.
    spare: numbers::Spare,
}

/// Makes the data folder where it is not there yet. Customers' mail: nobody else on the host reads it.
pub fn make_folder(folder: &Path) -> Result<(), Error> {
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|error| Error::Url(format!("cannot create the data folder {}: {error}", folder.display())))
}

impl Store {
    /// Opens (SQLite: creates) the database and brings its schema up to date.
    ///
    /// `url` is `sqlite:NAME` (a file in `data_dir`, which is created) or `postgres://…`.
    pub async fn open(url: &str, data_dir: &Path, connections: u32) -> Result<Store, Error> {
        let store = match url.strip_prefix("sqlite:") {
            Some(name) => Store::open_sqlite(&data_dir.join(name), Access::Write)?,
            None => Store::open_postgres(url, connections, Access::Write).await?,
        };
        store.migrate().await?;
        Ok(store)
    }

    /// Opens the database to look at it: the engine itself refuses every write, nothing is created, no schema changed. A
    /// daemon may be at work on it.
    pub async fn open_to_read(url: &str, data_dir: &Path) -> Result<Store, Error> {
        let store = match url.strip_prefix("sqlite:") {
            Some(name) => {
                let path = data_dir.join(name);
                if !path.is_file() {
                    let why = format!("there is no database {}; check store.url and desk.data_dir", path.display());
                    return Err(Error::Url(why));
                }
                Store::open_sqlite(&path, Access::Read)?
            }
            None => Store::open_postgres(url, 2, Access::Read).await?,
        };
        store.expect_schema().await?;
        Ok(store)
    }

    /// The store over these pools, with its committer running until the last clone is gone.
    fn over(engine: Engine, read: AnyPool, write: AnyPool) -> Store {
        let (committer, jobs) = mpsc::channel(1024);
        let (blobs, spare) = (blobs::Blobs::default(), numbers::Spare::default());
        let turns = transactions::Turns::default();
        let store = Store { engine, read, write, turns, committer, blobs, spare };
        // The committer's own handle must not keep its channel open.
        let (deaf, _) = mpsc::channel(1);
        let committing = committer::run(Store { committer: deaf, ..store.clone() }, jobs);
        // On a thread of its own: between requests it would wait for its turn with each statement, and all wait for it.
        let runtime = tokio::runtime::Handle::current();
        let thread = std::thread::Builder::new().name("committer".into());
        thread.spawn(move || runtime.block_on(committing)).expect("the system has a thread for the committer");
        store
    }

    fn open_sqlite(path: &Path, access: Access) -> Result<Store, Error> {
        sqlx::any::install_default_drivers();
        let folder = path.parent().unwrap_or(Path::new("."));
        if access == Access::Write {
            make_folder(folder)?;
        }
        let begins = std::fs::File::open(path).and_then(|mut file| {
            let mut head = [0; 16];
            Ok((file.read(&mut head)?, head))
        });
        if let Ok((1.., head)) = begins
            && !head.starts_with(b"SQLite format 3\0")
        {
            return Err(Error::NoDatabase(path.to_owned()));
        }
        // Readers open it for writing as well: what a log of the last writer holds must be found (SQLite, "WAL").
        let mode = if access == Access::Write { "rwc" } else { "rw" };
        let url = format!("sqlite://{}?mode={mode}", path.display());
        let options = AnyConnectOptions::from_str(&url)?;
        let pool = |connections: u32, cache: &'static str| {
            AnyPoolOptions::new()
                .max_connections(connections)
                .acquire_timeout(Duration::from_secs(30))
                // A file does not go away as a server does: asking before each use costs as much as a small query.
                .test_before_acquire(false)
                .after_connect(move |connection, _| {
                    Box::pin(async move {
                        let pragmas = if access == Access::Write { SQLITE_PRAGMAS } else { SQLITE_READ_PRAGMAS };
                        for pragma in pragmas.iter().chain([&cache]) {
                            sqlx::query(*pragma).execute(&mut *connection).await?;
                        }
                        Ok(())
                    })
                })
                .after_release(|connection, _| {
                    Box::pin(async move {
                        if !connection.is_in_transaction() {
                            return Ok(true);
                        }
                        // Lets the pending rollback run. Where SQLite has rolled back by itself (a full disk does that),
                        // that fails, and the connection would be taken to be in a transaction for ever.
                        connection.ping().await?;
                        Ok(!connection.is_in_transaction())
                    })
                })
                .connect_lazy_with(options.clone())
        };
        // One writer: SQLite has one write lock, so queueing here is cheaper than SQLITE_BUSY there.
        // Each connection is a thread with a cache of its own: more readers than cores only wait for one another.
        let readers = std::thread::available_parallelism().map_or(2, |cores| cores.get().clamp(2, 8) as u32);
        Ok(Store::over(Engine::Sqlite, pool(readers, READERS_CACHE), pool(1, WRITERS_CACHE)))
    }

    async fn open_postgres(url: &str, connections: u32, access: Access) -> Result<Store, Error> {
        sqlx::any::install_default_drivers();
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(Error::Url("store.url is neither sqlite:NAME nor postgres://…".to_owned()));
        }
        let options = AnyConnectOptions::from_str(url)?;
        // Once by hand: the pool would try for long and then not say why.
        let first = AnyConnection::connect_with(&options);
        let unreachable = |why: String| Error::Unreachable { place: place(url), why };
        match tokio::time::timeout(Duration::from_secs(10), first).await {
            Ok(Ok(connection)) => connection.close().await?,
            Ok(Err(error)) => return Err(unreachable(error.to_string())),
            Err(_) => return Err(unreachable("no answer in 10 s".to_owned())),
        }
        let pool = AnyPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(Duration::from_secs(30))
            .after_connect(move |connection, _| {
                Box::pin(async move {
                    let reads: &[&str] = if access == Access::Read { POSTGRES_READ_SETTINGS } else { &[] };
                    for setting in POSTGRES_SETTINGS.iter().chain(reads) {
                        sqlx::query(*setting).execute(&mut *connection).await?;
                    }
                    Ok(())
                })
            })
            .connect_with(options)
            .await?;
        Ok(Store::over(Engine::Postgres, pool.clone(), pool))
    }

    /// Which database this is.
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), Error> {
        sqlx::query("SELECT 1").execute(&self.read).await?;
        Ok(())
    }

    /// Whether nothing can be submitted any more, although the store is not closed: its committer has ended.
    pub fn is_deaf(&self) -> bool {
        self.committer.is_closed() && !self.write.is_closed()
    }

    /// Closes all connections; what is running ends first.
    pub async fn close(&self) {
        self.write.close().await;
        self.read.close().await;
    }
}

/// A database URL without user, password and options: fit for a message.
fn place(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.split('?').next().unwrap_or_default();
    rest.rsplit_once('@').map_or(rest, |(_, place)| place).to_owned()
}

const SQLITE_PRAGMAS: &[&str] = &[
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL", // each transaction says anew how it commits
    "PRAGMA busy_timeout = 15000",
    "PRAGMA foreign_keys = ON",
    "PRAGMA secure_delete = ON", // what is erased is gone from the file
    "PRAGMA journal_size_limit = 67108864",
    "PRAGMA wal_autocheckpoint = 12288", // pages, 48 MB: each time all wait for a sync of the whole file
    "PRAGMA temp_store = MEMORY", // what undoes a failed statement: else a file of customers' words outside the data folder
];

/// KiB. The writer's holds what a batch changes until it is committed; a reader's query looks at a few rows.
const WRITERS_CACHE: &str = "PRAGMA cache_size = -4096";
const READERS_CACHE: &str = "PRAGMA cache_size = -1024";

const SQLITE_READ_PRAGMAS: &[&str] = &["PRAGMA query_only = ON", "PRAGMA busy_timeout = 15000"];

const POSTGRES_READ_SETTINGS: &[&str] = &["SET default_transaction_read_only = on"];

const POSTGRES_SETTINGS: &[&str] = &[
    "SET synchronous_commit = on",
    "SET statement_timeout = '30s'",
    "SET lock_timeout = '10s'",
    "SET idle_in_transaction_session_timeout = '30s'",
];
