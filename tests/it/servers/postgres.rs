//! A throwaway PostgreSQL: one server for the whole test binary's process, one database for each test.
//!
//! A cluster is made once, and a database in it brought to the schema of this program; each server starts on a copy, and each
//! test's database is a copy of that one. The server runs as an unprivileged user (it refuses root), in a temporary folder, on a free loopback port; its
//! parent's death ends it. When PostgreSQL is not installed the tests that need it fail and say so.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use deskclerk::store::Store;
use sha2::{Digest, Sha256};
use sqlx::Connection;

/// The server of this process.
pub struct Postgres {
    folder: PathBuf,
    port: u16,
    server: Child,
}

static SERVER: OnceLock<Postgres> = OnceLock::new();
static DATABASES: AtomicU32 = AtomicU32::new(0);

/// The database in every cluster that has the schema and nothing in it.
const MIGRATED: &str = "migrated";

/// The URL of a fresh database that has the schema.
pub async fn database() -> String {
    copy_of(MIGRATED).await
}

/// The URL of a fresh database that has nothing.
#[allow(dead_code)] // the matrix of faults needs none
pub async fn empty() -> String {
    copy_of("template1").await
}

async fn copy_of(pattern: &str) -> String {
    let server = SERVER.get_or_init(Postgres::start);
    let name = format!("desk{}", DATABASES.fetch_add(1, Ordering::Relaxed));
    let mut connection = sqlx::PgConnection::connect(&server.url("postgres")).await.unwrap();
    let sql = format!("CREATE DATABASE {name} TEMPLATE {pattern}");
    sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    server.url(&name)
}

impl Postgres {
    /// Starts a server on a cluster of its own.
    pub fn start() -> Postgres {
        Postgres::on(|data| copy(&cluster(), data))
    }

    /// Starts a server on the cluster that is laid into a folder.
    fn on(lay: impl FnOnce(&Path)) -> Postgres {
        let folder = tempfile::Builder::new().prefix("deskclerk-postgres-").tempdir().unwrap().keep();
        if let Some((user, group)) = unprivileged() {
            std::os::unix::fs::chown(&folder, Some(user), Some(group)).unwrap();
        }
        lay(&folder.join("data"));
        let port = super::free_port();
        let server = launch(&folder, port);
        let postgres = Postgres { folder, port, server };
        postgres.await_ready(&programs());
        leave_no_server_behind(postgres.server.id(), &postgres.folder);
        postgres
    }

    /// The URL of a database of this server.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://desk@127.0.0.1:{}/{database}?sslmode=disable", self.port)
    }

    /// Ends it at once, whoever is connected, and starts it again.
    #[allow(dead_code)] // only the matrix of faults does
    pub fn restart(&mut self) {
        super::signal(self.server.id(), "INT");
        let _ = self.server.wait();
        self.server = launch(&self.folder, self.port);
        self.await_ready(&programs());
        leave_no_server_behind(self.server.id(), &self.folder);
    }

    fn await_ready(&self, programs: &Path) {
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            let asked = Command::new(programs.join("pg_isready"))
                .args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", "desk", "-d", "postgres"])
                .stdout(Stdio::null())
                .status();
            if asked.is_ok_and(|status| status.success()) {
                return;
            }
            let log = std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            assert!(Instant::now() < until, "PostgreSQL does not come up: {log}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-INT", &self.server.id().to_string()]).status();
        let _ = self.server.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// The cluster that all others are copies of: of this version, with this schema, made by whoever comes first.
fn cluster() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let migrations = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store/migrations/postgres");
    let mut files: Vec<PathBuf> = std::fs::read_dir(migrations).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    let mut hash = Sha256::new_with_prefix(programs().to_str().unwrap());
    files.iter().for_each(|file| hash.update(std::fs::read(file).unwrap()));
    let name = format!("postgres-{}", &hex::encode(hash.finalize())[..16]);
    let made = folder.join(&name);
    let lock = File::create(folder.join("postgres.lock")).unwrap();
    lock.lock().unwrap();
    if !made.exists() {
        for old in std::fs::read_dir(folder).unwrap().flatten() {
            if old.file_name().to_str().is_some_and(|other| other.starts_with("postgres-")) {
                let _ = std::fs::remove_dir_all(old.path());
            }
        }
        let unfinished = folder.join("postgres-unfinished");
        make_cluster(&unfinished);
        std::fs::rename(unfinished, &made).unwrap();
    }
    made
}

fn make_cluster(place: &Path) {
    let mut server = Postgres::on(|data| {
        let initdb = command("initdb", data.parent().unwrap())
            .args(["--username=desk", "--auth=trust", "--encoding=UTF8", "--no-sync", "--pgdata"])
            .arg(data)
            .output()
            .unwrap_or_else(|error| panic!("initdb of {} cannot be run: {error}", programs().display()));
        assert!(initdb.status.success(), "initdb: {}", String::from_utf8_lossy(&initdb.stderr));
    });
    let (all, own) = (server.url("postgres"), server.url(MIGRATED));
    let migrate = async move {
        let mut connection = sqlx::PgConnection::connect(&all).await.unwrap();
        let sql = format!("CREATE DATABASE {MIGRATED}");
        sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        Store::open(&own, &std::env::temp_dir(), 2).await.unwrap().close().await;
    };
    // The caller may be in a runtime, where nobody may block on another.
    std::thread::spawn(|| tokio::runtime::Runtime::new().unwrap().block_on(migrate)).join().unwrap();
    super::signal(server.server.id(), "INT");
    let _ = server.server.wait();
    copy(&server.folder.join("data"), place);
}

fn copy(cluster: &Path, place: &Path) {
    let copied = Command::new("cp").args(["-a", "--reflink=auto"]).arg(cluster).arg(place).status();
    assert!(copied.is_ok_and(|status| status.success()), "the cluster cannot be copied to {}", place.display());
}

fn command(program: &str, folder: &Path) -> Command {
    let mut command = Command::new(programs().join(program));
    if let Some((user, group)) = unprivileged() {
        command.uid(user).gid(group);
    }
    command.env("LC_ALL", "C.UTF-8").env("HOME", folder).current_dir(folder).stdin(Stdio::null());
    command
}

fn launch(folder: &Path, port: u16) -> Child {
    command("postgres", folder)
        .args(["-D", folder.join("data").to_str().unwrap(), "-p", &port.to_string(), "-k", folder.to_str().unwrap()])
        .args(["-c", "listen_addresses=127.0.0.1", "-c", "max_connections=200", "-c", "shared_buffers=64MB"])
        .args(["-c", "fsync=off"]) // no test cuts its power
        .stdout(Stdio::null())
        .stderr(File::options().create(true).append(true).open(folder.join("log")).unwrap())
        .spawn()
        .unwrap()
}

/// A static is never dropped: a small shell waits for the end of this process, then stops the server by its id.
#[allow(clippy::zombie_processes)] // the shell waits for our end, we cannot wait for its
fn leave_no_server_behind(server: u32, folder: &Path) {
    let script = "while kill -0 \"$1\" 2>/dev/null; do sleep 0.2; done; kill -INT \"$2\" 2>/dev/null; \
                  while kill -0 \"$2\" 2>/dev/null; do sleep 0.2; done; rm -rf -- \"$3\"";
    Command::new("sh")
        .args(["-c", script, "sh", &std::process::id().to_string(), &server.to_string(), folder.to_str().unwrap()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .unwrap();
}

/// The newest installed version's programs.
fn programs() -> PathBuf {
    let mut versions: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .map(|entries| entries.flatten().map(|entry| entry.path().join("bin")).collect())
        .unwrap_or_default();
    versions.retain(|programs| programs.join("initdb").exists());
    versions.sort();
    versions.pop().expect("PostgreSQL is not installed; tests/run installs it")
}

/// The user `postgres` or else `nobody`, when these tests run as root.
fn unprivileged() -> Option<(u32, u32)> {
    let own = std::fs::metadata("/proc/self").ok()?;
    if std::os::unix::fs::MetadataExt::uid(&own) != 0 {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").unwrap();
    let find = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    Some(find("postgres").or_else(|| find("nobody")).expect("a user that is not root"))
}
