//! The store on both engines: what is acknowledged is there once, claims are fenced, the outbox keeps its word.

use std::collections::HashSet;

use deskclerk::campaigns::Campaign;
use deskclerk::store::submissions::{Envelope, Kind, New, Outcome};
use deskclerk::store::{Engine, Error, Store};
use tokio_util::sync::CancellationToken;

use crate::servers::postgres;

/// A fresh database on each engine.
pub async fn each_engine<F: AsyncFn(Store)>(test: F) {
    let folder = tempfile::tempdir().unwrap();
    test(Store::open("sqlite:desk.db", folder.path(), 8).await.unwrap()).await;
    test(Store::open(&postgres::database().await, folder.path(), 8).await.unwrap()).await;
}

fn new(source: &str, key: Option<&str>, raw: &str) -> New {
    New {
        source: source.into(),
        source_key: key.map(str::to_owned),
        kind: Kind::Mail,
        raw: raw.into(),
        envelope: Envelope { from: Some("a@b.example".into()), ..Envelope::default() },
        answerable: true,
        received_at: 1_000,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_no_database_is_named_at_once() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("desk.db"), "PK\u{3}\u{4} something else").unwrap();
    let refused = Store::open("sqlite:desk.db", folder.path(), 8).await.unwrap_err().to_string();
    assert!(refused.contains("desk.db is no SQLite database: move it away"), "{refused}");
    // An empty one is a database that nothing has been written to.
    std::fs::write(folder.path().join("desk.db"), "").unwrap();
    Store::open("sqlite:desk.db", folder.path(), 8).await.unwrap().close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn parallel_submits_of_one_key_are_one_row() {
    each_engine(async |store| {
        let tasks = (0..100).map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.submit(new("hook:x", Some("evt-1"), "same")).await.unwrap() })
        });
        let answers = futures_util::future::join_all(tasks).await;
        let answers: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
        assert_eq!(answers.iter().filter(|answer| !answer.known).count(), 1, "{:?}", store.engine());
        assert!(answers.iter().all(|answer| answer.same_content && answer.id == answers[0].id));
        let other = store.submit(new("hook:x", Some("evt-1"), "other")).await.unwrap();
        assert!(other.known && !other.same_content);
        let elsewhere = store.submit(new("hook:y", Some("evt-1"), "same")).await.unwrap();
        assert!(!elsewhere.known);
        assert_eq!(store.pending_submissions().await.unwrap(), 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_keeps_each_of_its_own() {
    each_engine(async |store| {
        let tasks = (0..500).map(|number| {
            let store = store.clone();
            let raw = format!("mail {number}");
            // No key: doors like LMTP have none, and nothing is the same.
            tokio::spawn(async move { (raw.clone(), store.submit(new("lmtp", None, &raw)).await.unwrap()) })
        });
        for task in futures_util::future::join_all(tasks).await {
            let (raw, answer) = task.unwrap();
            assert!(!answer.known);
            let stored = store.submission(&answer.id).await.unwrap().unwrap();
            assert_eq!(stored.raw, raw.as_bytes());
            assert_eq!(stored.outcome, None);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_tells_the_known_from_the_new() {
    each_engine(async |store| {
        let submit = async |keys: std::ops::Range<usize>, again: bool| {
            let tasks = keys.map(|key| {
                let store = store.clone();
                // Of what is known every third comes with other words.
                let raw = if again && key % 3 == 0 { "other".to_owned() } else { format!("post {key}") };
                tokio::spawn(
                    async move { store.submit(new("hook:x", Some(&format!("evt-{key}")), &raw)).await.unwrap() },
                )
            });
            let answers = futures_util::future::join_all(tasks.collect::<Vec<_>>()).await;
            answers.into_iter().map(Result::unwrap).collect::<Vec<_>>()
        };
        let first = submit(0..150, false).await;
        assert!(first.iter().all(|answer| !answer.known));
        for (key, answer) in submit(0..300, true).await.into_iter().enumerate() {
            assert_eq!(answer.known, key < 150, "{key}");
            assert_eq!(answer.same_content, key >= 150 || key % 3 != 0, "{key}");
            assert!(key >= 150 || answer.id == first[key].id, "{key}");
        }
        assert_eq!(store.pending_submissions().await.unwrap(), 300);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_submissions_keep_coming_others_write_too() {
    each_engine(async |store| {
        let enough = CancellationToken::new();
        let posting = (0..100).map(|client| {
            let (store, enough) = (store.clone(), enough.clone());
            tokio::spawn(async move {
                let mut posted = 0;
                while !enough.is_cancelled() {
                    store.submit(new("lmtp", None, &format!("{client}: {posted}"))).await.unwrap();
                    posted += 1;
                }
                posted
            })
        });
        let posting: Vec<_> = posting.collect();
        let mut claimed = 0;
        while claimed < 50 {
            claimed += store.claim_submissions(2_000, 60_000, 5).await.unwrap().len();
        }
        store.flush().await.unwrap();
        enough.cancel();
        let posted = futures_util::future::join_all(posting).await;
        let posted: i64 = posted.into_iter().map(Result::unwrap).sum();
        assert_eq!(store.pending_submissions().await.unwrap(), posted);
    })
    .await;
}

#[tokio::test]
async fn claims_are_counted_leased_and_fenced() {
    each_engine(async |store| {
        for number in 0..3 {
            store.submit(new("lmtp", None, &number.to_string())).await.unwrap();
        }
        let first = store.claim_submissions(10_000, 1_000, 10).await.unwrap();
        assert_eq!(first.iter().map(|claimed| claimed.attempts).collect::<Vec<_>>(), [1, 1, 1]);
        assert!(store.claim_submissions(10_500, 1_000, 10).await.unwrap().is_empty());
        // The lease ran out: taken up alone, oldest first.
        let second = store.claim_submissions(11_000, 1_000, 10).await.unwrap();
        assert_eq!(second.len(), 1);
        assert_eq!((second[0].id.as_str(), second[0].attempts), (first[0].id.as_str(), 2));
        // The first worker comes back too late.
        let claimed: Vec<_> = first.iter().collect();
        let settling = store.settling(&claimed).await.unwrap();
        assert!(!settling.holds(&first[0].id));
        assert!(settling.holds(&first[1].id));
        drop(settling);
        // A put-back that does not count leaves no trace; with a stale fence it does nothing.
        store.release_submission(&first[0], 0, false).await.unwrap();
        assert!(!store.claim_submissions(11_001, 1_000, 10).await.unwrap().iter().any(|c| c.id == first[0].id));
        store.release_submission(&second[0], 0, false).await.unwrap();
        let again = store.claim_submissions(11_500, 1_000, 10).await.unwrap();
        assert_eq!((again[0].id.as_str(), again[0].attempts), (first[0].id.as_str(), 2));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_never_claim_the_same() {
    each_engine(async |store| {
        let tasks = (0..200).map(|number| {
            let store = store.clone();
            tokio::spawn(async move { store.submit(new("lmtp", None, &number.to_string())).await.unwrap() })
        });
        futures_util::future::join_all(tasks).await;
        let workers = (0..8).map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut mine = vec![];
                loop {
                    let claimed = store.claim_submissions(5_000, 60_000, 7).await.unwrap();
                    if claimed.is_empty() {
                        return mine;
                    }
                    mine.extend(claimed.into_iter().map(|claimed| claimed.id));
                }
            })
        });
        let claimed: Vec<String> =
            futures_util::future::join_all(workers).await.into_iter().flat_map(Result::unwrap).collect();
        assert_eq!(claimed.iter().collect::<HashSet<_>>().len(), claimed.len());
        assert_eq!(claimed.len(), 200);
    })
    .await;
}

#[tokio::test]
async fn imap_is_acknowledged_afterwards() {
    each_engine(async |store| {
        for uid in 1..=3 {
            let new = new("imap:support", Some(&format!("7/{uid}")), &uid.to_string());
            store.submit_for(new, false).await.unwrap();
        }
        store.submit(new("imap:support", Some("7/4"), "stays as it is")).await.unwrap();
        store.submit(new("hook:x", Some("7/1"), "1")).await.unwrap();
        assert_eq!(store.unacknowledged("imap:support").await.unwrap(), ["7/1", "7/2", "7/3"]);
        store.acknowledge("imap:support", &["7/1".into(), "7/3".into()]).await.unwrap();
        assert_eq!(store.unacknowledged("imap:support").await.unwrap(), ["7/2"]);
        assert!(store.unacknowledged("hook:x").await.unwrap().is_empty());
        let asked: Vec<String> = (1..=200).map(|uid| format!("7/{uid}")).collect();
        let known = store.keys_known("imap:support", &asked).await.unwrap();
        assert_eq!(known, HashSet::from(["7/1".into(), "7/2".into(), "7/3".into(), "7/4".into()]));
        assert!(store.keys_known("imap:support", &[]).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn the_directory_is_replaced_whole() {
    each_engine(async |store| {
        let campaign = |number: usize| Campaign {
            id: format!("C-{number}"),
            name: format!("Spring {number}"),
            account: "acme".into(),
            contacts: vec!["acme.example".into()],
            status: number.is_multiple_of(2).then(|| "active".into()),
            aliases: vec![],
        };
        let many: Vec<Campaign> = (0..1_500).rev().map(campaign).collect();
        store.replace_campaigns(&many).await.unwrap();
        assert_eq!(store.campaigns().await.unwrap(), many);
        // A twin id is refused, and the old directory stays whole.
        assert!(store.replace_campaigns(&[campaign(1), campaign(1)]).await.is_err());
        assert_eq!(store.campaigns().await.unwrap().len(), 1_500);
        store.replace_campaigns(&[]).await.unwrap();
        assert!(store.campaigns().await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_restart_forgets_the_claims_of_the_dead() {
    each_engine(async |store| {
        let submitted = store.submit(new("lmtp", None, "1")).await.unwrap();
        assert_eq!(store.claim_submissions(1_000, 600_000, 1).await.unwrap().len(), 1);
        store.forget_claims().await.unwrap();
        let again = store.claim_submissions(1_001, 600_000, 1).await.unwrap();
        assert_eq!((again[0].id.as_str(), again[0].attempts), (submitted.id.as_str(), 2));
    })
    .await;
}

#[tokio::test]
async fn a_nul_harms_nobody_else() {
    each_engine(async |store| {
        let odd = store.submit(new("file", Some("a\0b"), "\0raw\0")).await.unwrap();
        let stored = store.submission(&odd.id).await.unwrap().unwrap();
        assert_eq!(stored.raw, b"\0raw\0");
        assert_eq!(stored.source_key.as_deref(), Some("ab"));
        assert!(store.submit(new("file", Some("a\0b"), "\0raw\0")).await.unwrap().known);
    })
    .await;
}

#[tokio::test]
async fn a_closed_store_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open("sqlite:desk.db", folder.path(), 1).await.unwrap();
    assert_eq!(store.engine(), Engine::Sqlite);
    store.close().await;
    let refused = store.submit(new("lmtp", None, "1")).await.unwrap_err();
    assert!(refused.is_passing(), "{refused}");
    assert!(matches!(Store::open("mysql://x", folder.path(), 1).await, Err(Error::Database(_) | Error::Url(_))));
    assert_eq!(Outcome::Ticket.as_str(), "ticket");
}

#[tokio::test]
async fn deliveries_are_listed_bounded_and_their_keys_freed() {
    use deskclerk::store::deliveries::{REFUSALS, Refusal};
    each_engine(async |store| {
        for number in 0..3 {
            let key = format!("d-{number}");
            store
                .submit(New { received_at: deskclerk::desk::unix_ms(), ..new("hook:x", Some(&key), &key) })
                .await
                .unwrap();
        }
        store.submit(new("hook:y", Some("d-0"), "other")).await.unwrap();
        let refusal = |number: i64| Refusal {
            id: uuid::Uuid::now_v7().to_string(),
            source: "hook:x".into(),
            at: number,
            status: 422,
            because: "/email is missing\0".into(),
            source_key: None,
            content_type: None,
            body: Some(vec![0, 159, 146, 150]),
        };
        for number in 0..REFUSALS + 5 {
            store.refuse(refusal(number)).await.unwrap();
        }
        let listed = store.deliveries("hook:x", 1_000, None).await.unwrap();
        assert_eq!(listed.len() as i64, REFUSALS + 3);
        assert_eq!(listed.iter().filter(|delivery| delivery.accepted).count(), 3);
        assert_eq!((listed[0].at, listed[0].bytes, listed[0].status), (REFUSALS + 4, 4, Some(422)));
        let page = store.deliveries("hook:x", 2, Some(&listed[1].id)).await.unwrap();
        assert_eq!(page, listed[2..4]);
        let kept = store.refusal(&listed[0].id).await.unwrap().unwrap();
        assert_eq!((kept.body, kept.because.as_str()), (Some(vec![0, 159, 146, 150]), "/email is missing"));
        store.forget_refusal(&listed[0].id).await.unwrap();
        assert_eq!(store.refusal(&listed[0].id).await.unwrap(), None);

        // Only what is settled and old enough is freed, of this source alone.
        let now = deskclerk::desk::unix_ms() + 1_000;
        assert_eq!(store.free_keys("hook:x", now).await.unwrap(), 0);
        let claimed = store.claim_submissions(now, 1_000, 2).await.unwrap();
        let settling = store.settling(&claimed.iter().collect::<Vec<_>>()).await.unwrap();
        let nowhere = |submission| deskclerk::desk::judge::nowhere(submission, Outcome::Rejected, "x".into(), None);
        settling.commit(claimed.iter().map(nowhere).collect(), now).await.unwrap();
        assert_eq!(store.free_keys("hook:x", 1_000).await.unwrap(), 0);
        assert_eq!(store.free_keys("hook:x", now).await.unwrap(), 2);
        assert_eq!(store.free_keys("hook:x", now).await.unwrap(), 0);
        let known = store.keys_known("hook:x", &["d-0".into(), "d-2".into()]).await.unwrap();
        assert_eq!(known, HashSet::from(["d-2".to_owned()]));
    })
    .await;
}
