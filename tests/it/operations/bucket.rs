//! Originals in an S3-compatible bucket: kept once, read back, erased, swept, missed; a server that is away is waited for.

use deskclerk::desk::{Step, unix_ms};
use deskclerk::store::erase::Trace;
use deskclerk::store::submissions::{Kind, New, Outcome};

use super::{Operated, request};
use crate::servers::postgres;
use crate::servers::s3::S3;

const HOUR_MS: i64 = 60 * 60 * 1000;

/// A desk that keeps its large originals in the bucket.
async fn keeping(server: &S3, url: &str, secret: &std::path::Path) -> Operated {
    let store = format!(
        "blobs = \"s3://desk/originals\"\nblobs_from_bytes = 1000\ns3_endpoint = \"http://127.0.0.1:{}\"\n\
         s3_key_id = \"AKIDEXAMPLE\"\ns3_secret_file = \"{}\"\n",
        server.port,
        secret.display()
    );
    Operated::keeping(url, &store, "").await
}

fn large(id: &str) -> String {
    request("ann@a.example", id, &format!("Invoice 7 was charged twice to us.\n{}", "once more\n".repeat(300)))
}

#[tokio::test]
async fn large_originals_live_in_a_bucket() {
    let secret = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(secret.path(), "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY\n").unwrap();
    for url in ["sqlite:deskclerk.db".to_owned(), postgres::database().await] {
        let mut server = S3::start();
        let operated = keeping(&server, &url, secret.path()).await;
        let store = &operated.desk.store;
        // Kept once, named by its hash, below the prefix.
        let big = large("1@a");
        let (first, outcome, _) = operated.mail(&big).await;
        let (second, again, _) = operated.mail(&big).await;
        assert_eq!((outcome, again), (Outcome::Ticket, Outcome::Duplicate));
        let stored = store.submission(&first).await.unwrap().unwrap();
        assert_eq!(stored.raw, big.replace('\n', "\r\n").into_bytes());
        let key = format!("originals/{}/{}", &stored.content_hash[..2], stored.content_hash);
        assert_eq!(server.keys(), [key.as_str()]);
        let (_, found, _) = operated.run(&["doctor"]);
        assert!(found.contains("s3://desk/originals takes, gives and deletes"), "{found}");
        assert_eq!(server.keys(), [key.as_str()], "the probe is gone");
        // A backup holds it.
        let place = operated.folder.path().join("kept");
        let (code, _, complaints) = operated.run(&["backup", place.to_str().unwrap()]);
        assert_eq!(code, 0, "{complaints}");
        // It goes with the last row that names it.
        store.erase_originals(&[second], Trace::Hash, unix_ms()).await.unwrap();
        assert_eq!(server.keys().len(), 1);
        store.erase_originals(&[first], Trace::Hash, unix_ms()).await.unwrap();
        assert!(server.keys().is_empty());
        // Orphans are swept once they are old enough; what a row names stays.
        let (named, _, _) = operated.mail(&large("2@a")).await;
        let kept = server.keys();
        let orphan = store.submission(&named).await.unwrap().unwrap();
        assert_eq!(operated.desk.sweep(unix_ms() + 2 * HOUR_MS).await.unwrap(), 0);
        let sql = "UPDATE submissions SET blob_bytes = 0 WHERE content_hash = $1";
        let direct = match url.strip_prefix("sqlite:") {
            Some(name) => format!("sqlite://{}", operated.folder.path().join("data").join(name).display()),
            None => url.clone(),
        };
        let pool = crate::harness::look_into(&direct).await;
        sqlx::query(sql).bind(orphan.content_hash.as_str()).execute(&pool).await.unwrap();
        pool.close().await;
        assert_eq!(operated.desk.sweep(unix_ms()).await.unwrap(), 0, "it is too young");
        assert_eq!(server.keys(), kept);
        assert_eq!(operated.desk.sweep(unix_ms() + 2 * HOUR_MS).await.unwrap(), 1);
        assert!(server.keys().is_empty());
        // One that is lost is named, and goes to quarantine.
        operated.take(large("3@a").replace('\n', "\r\n").into_bytes()).await;
        let lost = server.keys().remove(0);
        server.delete(&lost);
        let step = operated.desk.step(unix_ms()).await.unwrap();
        assert!(matches!(step, Step::Settled { outcome: Outcome::Quarantined, .. }), "{step:?}");
        let (_, out, _) = operated.run(&["quarantine", "list"]);
        assert!(out.contains("s3://desk/originals") && out.contains("is not there"), "{out}");
        // A server that is away: nothing is stored, and its sender comes again.
        server.down();
        let (_, found, _) = operated.run(&["doctor"]);
        assert!(found.contains("s3_endpoint, s3_region, that the bucket exists"), "{found}");
        let new = New {
            source: "lmtp".into(),
            source_key: None,
            kind: Kind::Mail,
            raw: large("4@a").into_bytes(),
            envelope: Default::default(),
            answerable: true,
            received_at: unix_ms(),
        };
        let error = operated.desk.accept(new).await.unwrap_err();
        assert!(error.is_passing() && error.to_string().contains("s3://desk/originals"), "{error}");
        assert!(!error.to_string().contains("K7MDENG"), "{error}");
        assert_eq!(store.pending_submissions().await.unwrap(), 0);
        // What is small needs no bucket.
        let (_, outcome, _) = operated.mail(&request("b@b.example", "5@b", "Invoice 8 was charged twice to us.")).await;
        assert_eq!(outcome, Outcome::Ticket);
        store.close().await;
    }
}
