//! How fast `deskclerk run` takes a mailbox in, each mail stored durably, beside mbsync with its fsync on, on the same
//! Dovecot in the same run; and the most memory that the daemon ever had resident meanwhile.
//!
//! `cargo bench --bench fetch [-- MAILS]`; 100,000 is the first import of a mailbox of years. Needs Debian's isync. The
//! daemon judges the mails while it takes them in, mbsync has nothing else to do; neither flags or moves any.
#![allow(missing_docs, dead_code, clippy::unwrap_used, clippy::print_stdout)]

#[path = "../tests/it/servers/mod.rs"]
mod servers;

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use servers::dovecot::{Dovecot, PASSWORD};
use servers::{free_port, mortal, stop};
use sqlx::{AnyPool, Row};

const USER: &str = "support@desk.example";
/// The body of a mail: with its header some 6 KB.
const TEXT: &str = "The clicks of our campaign are not tracked since Monday, please have a look.\r\n";
const LINES: usize = 70;

#[tokio::main]
async fn main() {
    let mails: usize = std::env::args().filter_map(|word| word.parse().ok()).next().unwrap_or(10_000);
    let dovecot = Dovecot::start();
    fill(&dovecot, mails);
    // Turn about, so that neither has the quieter machine.
    let first = mbsync(&dovecot, mails);
    let (rate, peak) = daemon(&dovecot, mails).await;
    let baseline = (first + mbsync(&dovecot, mails)) / 2.0;
    println!("{:<55}{baseline:>10.0}/s", format!("baseline: mbsync, fsync on, {mails} mails"));
    println!("{:<55}{rate:>10.0}/s{:>8.2} of the baseline", "deskclerk run, stored durably", rate / baseline);
    println!("{:<55}{:>10.1} MB", "peak resident memory of deskclerk run", peak as f64 / 1e6);
}

/// Puts the mails into the maildir, and has Dovecot number them.
fn fill(dovecot: &Dovecot, mails: usize) {
    dovecot.save(USER, "INBOX", &mail(0));
    let folder = dovecot.maildir(USER).join("cur");
    let owner = fs::metadata(&folder).unwrap();
    let (uid, gid) = (std::os::unix::fs::MetadataExt::uid(&owner), std::os::unix::fs::MetadataExt::gid(&owner));
    for number in 1..mails {
        let path = folder.join(format!("{}.M{number}P1.bench:2,", 1_790_000_000 + number));
        fs::write(&path, mail(number)).unwrap();
        std::os::unix::fs::chown(&path, Some(uid), Some(gid)).unwrap();
    }
    dovecot.doveadm(&["force-resync", "-u", USER, "INBOX"]);
    // Sizes are known to both from here on.
    dovecot.doveadm(&["fetch", "-u", USER, "size.virtual", "mailbox", "INBOX"]);
}

fn mail(number: usize) -> String {
    format!(
        "From: Ann <a{number}@customer.example>\r\nTo: {USER}\r\nMessage-ID: <{number}@customer.example>\r\n\
         Subject: Clicks are not tracked ({number})\r\nDate: Mon, 02 Nov 2026 08:52:03 +0000\r\n\r\n{}",
        TEXT.repeat(LINES)
    )
}

/// Mails a second.
fn mbsync(dovecot: &Dovecot, mails: usize) -> f64 {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().display();
    let config = folder.path().join("mbsyncrc");
    let text = format!(
        "FSync yes\nIMAPStore far\nTimeout 0\nHost 127.0.0.1\nPort {}\nUser {USER}\nPass {PASSWORD}\nSSLType None\nAuthMechs LOGIN\n\n\
         MaildirStore near\nPath {root}/\nInbox {root}/INBOX\n\n\
         Channel all\nFar :far:\nNear :near:\nSync Pull\nCreate Near\nSyncState *\n",
        dovecot.imap
    );
    fs::write(&config, text).unwrap();
    let begun = Instant::now();
    let done = Command::new("mbsync").arg("-q").arg("-c").arg(&config).arg("all").stdin(Stdio::null()).status();
    let took = begun.elapsed();
    assert!(done.expect("mbsync is not installed: apt-get install isync").success());
    let got = ["new", "cur"].map(|name| fs::read_dir(folder.path().join("INBOX").join(name)).unwrap().count());
    assert_eq!(got.iter().sum::<usize>(), mails, "mbsync has not got all mails");
    mails as f64 / took.as_secs_f64()
}

/// Mails a second, and the most bytes that were resident.
async fn daemon(dovecot: &Dovecot, mails: usize) -> (f64, u64) {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("deskclerk.toml");
    let text = format!(
        "[desk]\naddress = \"{USER}\"\ndata_dir = \"data\"\n[http]\nlisten = \"127.0.0.1:{}\"\n[log]\nlevel = \"warn\"\n\
         [[imap]]\nname = \"support\"\nhost = \"127.0.0.1\"\nport = {}\ntls = \"none\"\nuser = \"{USER}\"\n\
         password_file = \"{}\"\nafter = \"keep\"\nbacklog_per_minute = 0\n",
        free_port(),
        dovecot.imap,
        dovecot.password_file().display()
    );
    fs::write(&config, text).unwrap();
    let begun = Instant::now();
    let child = Command::new(env!("CARGO_BIN_EXE_deskclerk")).arg("run").arg("--config").arg(&config).spawn().unwrap();
    mortal(child.id());
    let pool = store(&folder.path().join("data/deskclerk.db"), &child).await;
    while count(&pool).await < mails as i64 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let rate = mails as f64 / begun.elapsed().as_secs_f64();
    let peak = peak(child.id());
    pool.close().await;
    stop(child);
    (rate, peak)
}

/// The daemon's store, once it is there.
async fn store(path: &Path, child: &Child) -> AnyPool {
    sqlx::any::install_default_drivers();
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        assert!(Instant::now() < end, "process {} made no store", child.id());
        if let Ok(pool) = AnyPool::connect(&format!("sqlite://{}?mode=rw", path.display())).await
            && sqlx::query("SELECT 1 FROM leases").fetch_optional(&pool).await.is_ok()
        {
            return pool;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn count(pool: &AnyPool) -> i64 {
    let sql = "SELECT COUNT(*) FROM submissions WHERE source = 'imap:support'";
    sqlx::query(sql).fetch_one(pool).await.unwrap().get(0)
}

fn peak(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap() * 1024
}
