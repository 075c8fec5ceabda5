//! Beneath fsync: the power goes. What no fsync had reached is taken back from the files, all of it or some, and the desk
//! starts on what is left. `kill -9` alone does not test this: the kernel keeps what was written.

use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::Row;
use tokio::task::JoinSet;

use crate::clerk::{Clerk, Plan};
use crate::harness::look_into;
use crate::http::{self, body};
use crate::ledger::{Fate, Ledger, audit, settle};
use crate::town::{Made, Town};

const LONG: Duration = Duration::from_secs(180);

/// What happened to a file, as the shim wrote it down.
struct Entry {
    kind: u8,
    /// Where; for a sync: how far into the journal it reaches.
    offset: u64,
    /// The file's size before.
    size: u64,
    path: PathBuf,
    old: Vec<u8>,
    new: Vec<u8>,
    /// Where it stands in the journal.
    at: u64,
}

fn read(journal: &Path) -> Vec<Entry> {
    let bytes = fs::read(journal).unwrap_or_default();
    let number = |at: usize, length: usize| {
        let mut eight = [0; 8];
        eight[..length].copy_from_slice(&bytes[at..at + length]);
        u64::from_le_bytes(eight)
    };
    let mut entries = vec![];
    let mut at = 0;
    while at + 29 <= bytes.len() {
        let lengths = [17, 21, 25].map(|offset| number(at + offset, 4) as usize);
        let end = at + 29 + lengths.iter().sum::<usize>();
        if end > bytes.len() {
            break; // killed over its last entry, whose write has not happened
        }
        let (path, rest) = bytes[at + 29..end].split_at(lengths[0]);
        let (old, new) = rest.split_at(lengths[1]);
        entries.push(Entry {
            kind: bytes[at],
            offset: number(at + 1, 8),
            size: number(at + 9, 8),
            path: PathBuf::from(String::from_utf8_lossy(path).into_owned()),
            old: old.to_vec(),
            new: new.to_vec(),
            at: at as u64,
        });
        at = end;
    }
    entries
}

/// Takes back what no sync had reached. `survives` is asked of each such write: a disk keeps any of them, in any order.
/// `believe`: whether syncs count. How many were taken back.
fn cut_power(journal: &Path, believe: bool, mut survives: impl FnMut() -> bool) -> usize {
    let entries = read(journal);
    let mut synced: HashMap<&Path, u64> = HashMap::new();
    let mut folders: HashMap<&Path, u64> = HashMap::new();
    for entry in entries.iter().filter(|_| believe) {
        let reach = match entry.kind {
            b'S' => synced.entry(&entry.path).or_default(),
            b'D' => folders.entry(&entry.path).or_default(),
            _ => continue,
        };
        *reach = entry.offset.max(*reach);
    }
    let volatile = |entry: &&Entry| {
        matches!(entry.kind, b'W' | b'T') && entry.at >= synced.get(entry.path.as_path()).copied().unwrap_or(0)
    };
    let mut taken_back = vec![];
    for entry in entries.iter().rev().filter(volatile) {
        let Ok(file) = OpenOptions::new().write(true).open(&entry.path) else { continue };
        file.write_all_at(&entry.old, entry.offset).unwrap();
        file.set_len(entry.size).unwrap();
        taken_back.push(entry);
    }
    let count = taken_back.len();
    for entry in taken_back.into_iter().rev().filter(|entry| entry.kind == b'W') {
        if survives() {
            let file = OpenOptions::new().write(true).open(&entry.path).unwrap();
            file.write_all_at(&entry.new, entry.offset).unwrap();
        }
    }
    for entry in entries.iter().filter(|entry| entry.kind == b'C') {
        let folder = entry.path.parent().unwrap_or(Path::new("/"));
        if believe && entry.at >= folders.get(folder).copied().unwrap_or(0) {
            let _ = fs::remove_file(&entry.path);
        }
    }
    count
}

/// How a round goes.
struct Round<'a> {
    journal: &'a Path,
    /// Kill at the fsync of a commit, by this file, instead of anywhere.
    strike: Option<&'a Path>,
    /// Some unsynced writes survive.
    torn: bool,
    /// Syncs count.
    believe: bool,
}

/// Posts for a while, kills, cuts the power; the files are then as a disk has them at the next start.
async fn round(clerk: &mut Clerk, ledger: &Arc<Ledger>, how: Round<'_>) -> usize {
    let stop = Arc::new(AtomicBool::new(false));
    let mut posting = JoinSet::new();
    for _ in 0..8 {
        let (ledger, port, stop) = (ledger.clone(), clerk.http, stop.clone());
        posting.spawn(async move {
            while !stop.load(Ordering::SeqCst) {
                let token = ledger.token(Fate::Offered);
                match http::post(port, &token, &body(&token, 0), Duration::from_secs(20)).await {
                    Some(answer) if answer.status / 100 == 2 => ledger.acknowledged(&token),
                    _ => return,
                }
            }
        });
    }
    tokio::time::sleep(Duration::from_millis(150 + rand::random::<u64>() % 700)).await;
    match how.strike {
        Some(strike) => {
            fs::write(strike, format!("before {}", rand::random::<u8>() % 6)).unwrap();
            clerk.buried(Duration::from_secs(60));
        }
        None => clerk.kill(),
    }
    stop.store(true, Ordering::SeqCst);
    while let Some(posted) = posting.join_next().await {
        posted.unwrap();
    }
    let count = cut_power(how.journal, how.believe, || how.torn && rand::random());
    // The index of the log in memory is not on the disk.
    let _ = fs::remove_file(clerk.data().join("deskclerk.db-shm"));
    fs::write(how.journal, b"").unwrap();
    count
}

/// 36: power cuts while posts are taken in.
pub async fn cuts(town: Arc<Town>) -> Made {
    let shim = town.shim.clone()?;
    let strike = town.folder.path().join("strike-36");
    let setting = |name: &str| {
        let data = town.folder.path().join(name);
        let journal = town.folder.path().join(format!("{name}.journal"));
        fs::create_dir_all(&data).unwrap();
        let env = vec![
            ("LD_PRELOAD".to_owned(), shim.display().to_string()),
            ("FAULTS_FOLDER".to_owned(), data.display().to_string()),
            ("FAULTS_JOURNAL".to_owned(), journal.display().to_string()),
            ("FAULTS_STRIKE".to_owned(), strike.display().to_string()),
        ];
        (Clerk::start(Plan { env, data: Some(data), ..Plan::default() }), journal)
    };
    let (mut clerk, journal) = setting("power");
    let ledger = Arc::new(town.ledger(36));
    let key = fs::read(clerk.data().join("token.key")).unwrap();
    let rounds = town.rounds(6, 100);
    let (mut undone, mut broken) = (0, vec![]);
    for n in 0..rounds {
        let strike = Some(strike.as_path()).filter(|_| n % 3 != 0);
        undone +=
            round(&mut clerk, &ledger, Round { journal: &journal, strike, torn: n % 2 == 1, believe: true }).await;
        clerk.up();
        let pool = clerk.pool().await;
        settle(&ledger, &pool, None, LONG).await;
        let check: String = sqlx::query("PRAGMA integrity_check").fetch_one(&pool).await.unwrap().get(0);
        pool.close().await;
        if check != "ok" {
            broken.push(check);
        }
    }
    let pool = clerk.pool().await;
    settle(&ledger, &pool, None, LONG).await;
    let mut tally = audit(&ledger, &pool, None).await;
    pool.close().await;
    tally.demand(broken.is_empty(), || format!("integrity_check: {broken:?}"));
    tally.demand(undone > 0, || "no write was ever taken back".into());
    let kept = fs::read(clerk.data().join("token.key")).unwrap_or_default();
    tally.demand(kept == key, || "the key that signs replies was lost".into());
    // The check must be able to fail: on a disk whose fsync does nothing, what was acknowledged is gone.
    let (mut liar, journal) = setting("liar");
    let lies = Arc::new(town.ledger(136));
    liar.kill();
    fs::write(&journal, b"").unwrap();
    liar.up();
    round(&mut liar, &lies, Round { journal: &journal, strike: None, torn: false, believe: false }).await;
    liar.up();
    let pool = look_into(&format!("sqlite://{}", liar.data().join("deskclerk.db").display())).await;
    settle(&lies, &pool, None, Duration::from_secs(1)).await;
    let lost = audit(&lies, &pool, None).await.lost;
    pool.close().await;
    tally.demand(lost > 0, || "a disk that lies about fsync was not told from one that does not".into());
    Ok(tally
        .noting(format!("{rounds} power cuts, {undone} unsynced writes; {lost} lost on a disk that lies, as must be")))
}
