//! Originals outside the database: kept once, durable before a row names them, swept, erased, backed up, missed.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use deskclerk::desk::unix_ms;
use deskclerk::store::Store;
use deskclerk::store::blobs::Blobs;
use deskclerk::store::submissions::Outcome;
use sha2::{Digest, Sha256};

use super::daemon::{Daemon, lmtp};
use super::{Operated, lines, request, run};
use crate::harness::{look_into, until};
use crate::servers::free_port;

/// All originals of this size are kept outside.
const OUTSIDE: &str = "blobs = \"originals\"\nblobs_from_bytes = 1000\n";
const HOUR_MS: i64 = 60 * 60 * 1000;

async fn on_each<F: AsyncFn(Operated)>(more: &str, test: F) {
    for url in ["sqlite:deskclerk.db".to_owned(), crate::servers::postgres::database().await] {
        test(Operated::keeping(&url, OUTSIDE, more).await).await;
    }
}

/// A request with so many bytes in it.
fn large(from: &str, id: &str) -> String {
    request(from, id, &format!("Invoice 7 was charged twice to us.\n{}", "once more\n".repeat(300)))
}

/// The names of all files kept outside, half-written ones too.
fn kept(operated: &Operated) -> Vec<String> {
    kept_in(&operated.folder.path().join("data/originals"))
}

fn kept_in(folder: &Path) -> Vec<String> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.path() {
                path if path.is_dir() => walk(&path, found),
                path => found.push(path),
            }
        }
    }
    let mut found = vec![];
    walk(folder, &mut found);
    let mut names: Vec<String> =
        found.iter().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

fn file(operated: &Operated, hash: &str) -> PathBuf {
    operated.folder.path().join("data/originals").join(&hash[..2]).join(hash)
}

fn hash(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

fn make_older(path: &Path, by: Duration) {
    std::fs::File::options().write(true).open(path).unwrap().set_modified(SystemTime::now() - by).unwrap();
}

#[tokio::test]
async fn large_originals_are_kept_once_outside_and_go_with_the_last_row_that_names_them() {
    on_each("[retention]\nraw_days = 10\n", async |operated| {
        let store = &operated.desk.store;
        let small = request("ann@a.example", "1@a", "Invoice 7 was charged twice to us.");
        operated.mail(&small).await;
        assert!(kept(&operated).is_empty(), "what is small stays in the database");
        let big = large("ann@a.example", "2@a");
        let (first, outcome, ticket) = operated.mail(&big).await;
        assert_eq!(outcome, Outcome::Ticket);
        let (second, outcome, _) = operated.mail(&big).await;
        assert_eq!(outcome, Outcome::Duplicate);
        let name = hash(big.replace('\n', "\r\n").as_bytes());
        assert_eq!(kept(&operated), [name.as_str()], "kept once");
        for id in [&first, &second] {
            assert_eq!(store.submission(id).await.unwrap().unwrap().raw, big.replace('\n', "\r\n").into_bytes());
        }
        let mode = std::os::unix::fs::PermissionsExt::mode(&file(&operated, &name).metadata().unwrap().permissions());
        assert_eq!(mode & 0o077, 0, "nobody else reads it");
        // Those in quarantine are shown with their size.
        let nested = format!("From: a@b.example\n{}", "Content-Type: message/rfc822\n\n".repeat(60));
        let (odd, outcome, _) = operated.mail(&nested).await;
        assert_eq!((outcome, kept(&operated).len()), (Outcome::Quarantined, 2));
        let (_, out, _) = operated.run(&["quarantine", "list", "--format", "json"]);
        assert_eq!(lines(&out)[0]["bytes"], nested.replace('\n', "\r\n").len());
        let (code, out, complaints) = operated.run(&["quarantine", "show", "--raw", &odd]);
        assert_eq!((code, out), (0, nested.replace('\n', "\r\n")), "{complaints}");

        // The last row that names it takes it along.
        store.erase_originals(&[second], deskclerk::store::erase::Trace::Hash, unix_ms()).await.unwrap();
        assert!(kept(&operated).contains(&name));
        assert_eq!(store.submission(&first).await.unwrap().unwrap().raw.len(), big.replace('\n', "\r\n").len());
        let (code, out, complaints) = operated.run(&["erase", "--requester", "ann@a.example", "--yes"]);
        assert_eq!(code, 0, "{out}{complaints}");
        assert!(store.ticket(ticket.unwrap()).await.unwrap().is_none());
        assert!(!kept(&operated).contains(&name) && kept(&operated).len() == 1);
        // Retention likewise.
        let (_, outcome, _) = operated.mail(&large("bob@b.example", "3@b")).await;
        assert_eq!((outcome, kept(&operated).len()), (Outcome::Ticket, 2));
        let mut pass = Default::default();
        assert!(operated.desk.retain(&mut pass, unix_ms() + 11 * 24 * HOUR_MS).await.unwrap() > 0);
        assert_eq!(kept(&operated), [hash(nested.replace('\n', "\r\n").as_bytes())], "quarantine stays");
        store.close().await;
    })
    .await;
}

#[tokio::test]
async fn orphans_are_swept_after_an_hour_and_nothing_else() {
    on_each("", async |operated| {
        let (_, _, _) = operated.mail(&large("ann@a.example", "1@a")).await;
        let named = kept(&operated).remove(0);
        // What a crash between file and commit leaves, old and young, and what is no blob at all.
        let folder = operated.folder.path().join("data/originals");
        let orphan = "00".repeat(32);
        let young = "ff".repeat(32);
        for path in
            [file(&operated, &orphan), file(&operated, &young), folder.join("unfinished/half"), folder.join("00/x")]
        {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, "x").unwrap();
            if !path.ends_with(&young) {
                make_older(&path, Duration::from_secs(3700));
            }
        }
        make_older(&file(&operated, &named), Duration::from_secs(3700));
        assert_eq!(operated.desk.sweep(unix_ms()).await.unwrap(), 1);
        let mut expected = vec![named.clone(), young.clone(), "x".into()];
        expected.sort();
        assert_eq!(kept(&operated), expected);
        assert_eq!(operated.desk.sweep(unix_ms() + 2 * HOUR_MS).await.unwrap(), 1);
        assert!(kept(&operated).contains(&named) && !kept(&operated).contains(&young));
        operated.desk.store.close().await;
    })
    .await;
}

/// Bytes come in and are erased at once, again and again: no row ever names what is not there.
#[tokio::test]
async fn the_same_bytes_erased_and_sent_again_at_once_are_never_lost() {
    on_each("", async |operated| {
        let bytes = large("ann@a.example", "1@a").replace('\n', "\r\n").into_bytes();
        let first = operated.take(bytes.clone()).await;
        let mut ids = vec![first];
        for _ in 0..25 {
            let old = std::mem::take(&mut ids);
            let erase = operated.desk.store.erase_originals(&old, deskclerk::store::erase::Trace::Hash, unix_ms());
            let (erased, a, b) = tokio::join!(erase, operated.take(bytes.clone()), operated.take(bytes.clone()));
            erased.unwrap();
            for id in [a, b] {
                assert_eq!(operated.desk.store.submission(&id).await.unwrap().unwrap().raw, bytes);
                ids.push(id);
            }
        }
        assert_eq!(kept(&operated).len(), 1);
        operated.desk.store.close().await;
    })
    .await;
}

#[tokio::test]
async fn one_that_is_lost_is_named_and_never_taken_for_an_empty_mail() {
    on_each("", async |operated| {
        let mail = large("ann@a.example", "1@a");
        let id = operated.take(mail.replace('\n', "\r\n").into_bytes()).await;
        let name = kept(&operated).remove(0);
        let away = operated.folder.path().join("away");
        std::fs::rename(file(&operated, &name), &away).unwrap();
        let step = operated.desk.step(unix_ms()).await.unwrap();
        assert!(matches!(step, deskclerk::desk::Step::Settled { outcome: Outcome::Quarantined, .. }), "{step:?}");
        let (_, out, _) = operated.run(&["quarantine", "list"]);
        assert!(out.contains(&name) && out.contains("is not there") && out.contains("data/originals"), "{out}");
        let (code, _, complaints) = operated.run(&["quarantine", "show", &id]);
        assert!(code == 2 && complaints.contains(&name), "{code} {complaints}");
        // A backup says what it could not hold.
        let place = operated.folder.path().join("kept");
        let (code, _, complaints) = operated.run(&["backup", place.to_str().unwrap()]);
        assert!(code == 1 && complaints.contains("not in the backup") && complaints.contains(&name), "{complaints}");
        // Damaged is as good as lost; put back it can be replayed.
        std::fs::write(file(&operated, &name), "something else").unwrap();
        let error = operated.desk.store.submission(&id).await.unwrap_err();
        assert!(error.to_string().contains("is damaged"), "{error}");
        // The same bytes by another door mend it.
        operated.take(mail.replace('\n', "\r\n").into_bytes()).await;
        assert_eq!(std::fs::read(file(&operated, &name)).unwrap(), std::fs::read(&away).unwrap());
        std::fs::rename(&away, file(&operated, &name)).unwrap();
        assert_eq!(operated.run(&["quarantine", "replay", &id]).0, 0);
        let step = operated.desk.step(unix_ms()).await.unwrap();
        assert!(matches!(step, deskclerk::desk::Step::Settled { outcome: Outcome::Ticket, .. }), "{step:?}");
        operated.desk.store.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_backup_holds_what_lies_outside_and_is_restored_to_any_place() {
    on_each("", async |from| {
        let mail = large("ann@a.example", "1@a");
        let (id, _, _) = from.mail(&mail).await;
        let (erased, _, _) = from.mail(&large("bob@b.example", "2@b")).await;
        from.desk
            .store
            .erase_originals(std::slice::from_ref(&erased), deskclerk::store::erase::Trace::Hash, unix_ms())
            .await
            .unwrap();
        let place = from.folder.path().join("kept");
        let (code, _, complaints) = from.run(&["backup", place.to_str().unwrap()]);
        assert_eq!(code, 0, "{complaints}");
        for url in ["sqlite:deskclerk.db".to_owned(), crate::servers::postgres::empty().await] {
            let folder = tempfile::tempdir().unwrap();
            let config = folder.path().join("deskclerk.toml");
            std::fs::write(&config, format!("[store]\nurl = \"{url}\"\n")).unwrap();
            let (code, _, complaints) = run(&config, &["restore", place.to_str().unwrap()]);
            assert_eq!(code, 0, "{complaints}");
            let store = Store::open(&url, &folder.path().join("data"), 2).await.unwrap();
            assert_eq!(store.submission(&id).await.unwrap().unwrap().raw, mail.replace('\n', "\r\n").into_bytes());
            assert!(store.submission(&erased).await.unwrap().unwrap().raw.is_empty());
            assert_eq!(store.blobs_named().await.unwrap(), 0);
            store.close().await;
        }
        from.desk.store.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_place_that_takes_nothing_is_told_to_the_sender_and_nothing_is_stored() {
    on_each("", async |operated| {
        // A file where the folder should be: full and read-only disks fail in the same place.
        std::fs::write(operated.folder.path().join("data/originals"), "").unwrap();
        let raw = large("ann@a.example", "1@a").into_bytes();
        let new = deskclerk::store::submissions::New {
            source: "lmtp".into(),
            source_key: None,
            kind: deskclerk::store::submissions::Kind::Mail,
            raw: raw.clone(),
            envelope: Default::default(),
            answerable: true,
            received_at: unix_ms(),
        };
        let error = operated.desk.accept(new.clone()).await.unwrap_err();
        assert!(error.is_passing() && error.to_string().contains("data/originals"), "{error}");
        assert!(operated.desk.health().store.is_some(), "/readyz says so");
        assert_eq!(operated.desk.store.pending_submissions().await.unwrap(), 0);
        std::fs::remove_file(operated.folder.path().join("data/originals")).unwrap();
        operated.desk.accept(new).await.unwrap();
        // Out of reach for a while: it waits, and that counts as no try.
        let folder = operated.folder.path().join("data/originals");
        let name = kept(&operated).remove(0);
        let aside = operated.folder.path().join("aside");
        std::fs::rename(&folder, &aside).unwrap();
        std::fs::write(&folder, "").unwrap();
        for _ in 0..5 {
            let error = operated.desk.step(unix_ms()).await.unwrap_err();
            assert!(error.is_passing(), "{error}");
        }
        std::fs::remove_file(&folder).unwrap();
        std::fs::rename(&aside, &folder).unwrap();
        let step = operated.desk.step(unix_ms()).await.unwrap();
        assert!(matches!(step, deskclerk::desk::Step::Settled { outcome: Outcome::Ticket, .. }), "{step:?}");
        assert_eq!(kept(&operated), [name]);
        operated.desk.store.close().await;
    })
    .await;
}

/// Killed when the file is there and the commit that names it is not: no row, no acknowledgement, an orphan.
#[tokio::test]
async fn killed_before_the_commit_that_names_it_leaves_an_orphan_and_no_row() {
    let port = free_port();
    let mut daemon = Daemon::start(&format!(
        "[desk]\naddress = \"support@desk.example\"\n[lmtp]\nlisten = \"127.0.0.1:{port}\"\n[store]\n{OUTSIDE}"
    ));
    let data = daemon.folder.path().join("data");
    let originals = data.join("originals");
    let pool = look_into(&format!("sqlite://{}", data.join("deskclerk.db").display())).await;
    let rows = async || crate::harness::stored(&pool).await.len();
    let talk = move |mail: String| {
        tokio::task::spawn_blocking(move || lmtp(std::net::TcpStream::connect(("127.0.0.1", port)).unwrap(), &mail))
    };
    let store = Store::open("sqlite:deskclerk.db", &data, 1).await.unwrap();
    let store = store.with_blobs(Blobs::in_folder(originals.clone(), 1000));
    for (round, comes_again) in [(0, true), (1, false)] {
        let mail = large("ann@a.example", &format!("{round}@a"));
        let held = pool.begin_with("BEGIN IMMEDIATE").await.unwrap();
        let sending = talk(mail.clone());
        let shelved = round + 1;
        until("the file to be there", async || {
            let kept = kept_in(&originals);
            (kept.len() == shelved && kept.iter().all(|name| name.len() == 64)).then_some(())
        })
        .await;
        daemon.kill();
        assert!(!sending.await.unwrap().contains("250 2.0.0 stored"), "acknowledged before the commit");
        held.rollback().await.unwrap();
        daemon.up();
        assert_eq!(rows().await, round, "no row without its commit");
        let orphan = hash(format!("{}\r\n", mail.replace('\n', "\r\n")).as_bytes());
        let path = originals.join(&orphan[..2]).join(&orphan);
        make_older(&path, Duration::from_secs(3700));
        let shelf = u8::from_str_radix(&orphan[..2], 16).unwrap();
        if comes_again {
            // As its sender hands it in again, it is an orphan no more.
            assert!(talk(mail).await.unwrap().contains("250 2.0.0 stored"));
            assert_eq!(store.sweep(unix_ms() - HOUR_MS, shelf).await.unwrap(), 0);
            assert_eq!(rows().await, 1);
            assert!(path.exists());
        } else {
            assert_eq!(store.sweep(unix_ms() - HOUR_MS, shelf).await.unwrap(), 1);
            assert!(!path.exists());
        }
    }
    store.close().await;
    pool.close().await;
}
