//! Backups of either engine into either engine, and databases of another schema.

use std::os::unix::fs::PermissionsExt;

use deskclerk::store::outbox::Outgoing;
use deskclerk::store::submissions::New;
use deskclerk::store::{Error, Store};
use sqlx::Connection;

use super::{Operated, lines, request, run};
use crate::servers::postgres;

/// What a store holds, as far as people see it.
async fn held(store: &Store) -> Vec<String> {
    let mut all = vec![];
    for ticket in store.list_tickets(&Default::default(), 100, None).await.unwrap() {
        all.push(format!("{ticket:?}"));
        all.extend(store.messages(ticket.id).await.unwrap().iter().map(|message| format!("{message:?}")));
        all.extend(store.events(ticket.id).await.unwrap().iter().map(|event| format!("{event:?}")));
        let sent = store.outgoing_of(ticket.id).await.unwrap();
        // What was to be sent is held back on the way.
        let kept = |row: &Outgoing| (row.id.clone(), row.message_id.clone(), row.payload.clone());
        all.extend(sent.iter().map(|row| format!("{:?}", kept(row))));
    }
    all
}

#[tokio::test]
async fn a_backup_of_either_engine_is_restored_into_either() {
    Operated::on_each("[replies]\nrequire_dmarc = false", async |from| {
        let (first, ..) = from
            .mail(
                &request(
                    "ann@a.example",
                    "1@a",
                    "My campaign shows no clicks since Monday. Please look at the statistics.",
                )
                .replace("Subject: invoice", "Subject: no clicks in the report"),
            )
            .await;
        let (_, _, gone) = from.mail(&request("gus@a.example", "2@a", "Invoice 7 was charged twice to us.")).await;
        from.quarantined().await;
        from.desk.store.put_agent("ann", "ann@desk.example", None, 1).await.unwrap();
        from.desk.store.erase_tickets(&[gone.unwrap()], deskclerk::store::erase::Trace::Key, 1).await.unwrap();
        let queued = from.desk.store.queued_outgoing().await.unwrap();
        assert!(queued > 0, "a question is to be sent");
        let place = from.folder.path().join("kept/today");
        let (code, out, complaints) = from.run(&["backup", place.to_str().unwrap(), "--format", "json"]);
        assert_eq!(code, 0, "{complaints}");
        let rows = &lines(&out)[0]["manifest"]["rows"];
        assert_eq!((&rows["tickets"], &rows["submissions"], &rows["agents"]), (&1.into(), &3.into(), &1.into()));
        for name in ["deskclerk.db", "token.key", "manifest.json"] {
            assert_eq!(place.join(name).metadata().unwrap().permissions().mode() & 0o077, 0, "{name}");
        }
        assert_eq!(std::fs::read_dir(place.parent().unwrap()).unwrap().count(), 1, "nothing unfinished is left");
        let (code, _, complaints) = from.run(&["backup", place.to_str().unwrap()]);
        assert_eq!((code, complaints.contains("is there already")), (2, true), "{complaints}");

        for url in ["sqlite:other.db".to_owned(), postgres::empty().await] {
            let folder = tempfile::tempdir().unwrap();
            let config = folder.path().join("deskclerk.toml");
            std::fs::write(&config, format!("[store]\nurl = \"{url}\"\n")).unwrap();
            let (code, out, complaints) = run(&config, &["restore", place.to_str().unwrap()]);
            assert_eq!(code, 0, "{out}{complaints}");
            assert!(out.contains("were to be sent then"), "{out}");
            let data_dir = folder.path().join("data");
            let store = Store::open(&url, &data_dir, 2).await.unwrap();
            assert_eq!(held(&store).await, held(&from.desk.store).await);
            let raw = store.submission(&first).await.unwrap().unwrap().raw;
            assert_eq!(raw, from.desk.store.submission(&first).await.unwrap().unwrap().raw);
            assert_eq!((store.queued_outgoing().await.unwrap(), store.dead_outgoing().await.unwrap()), (0, queued));
            assert_eq!(
                std::fs::read(data_dir.join("token.key")).unwrap(),
                std::fs::read(place.join("token.key")).unwrap()
            );
            // The number of the erased ticket is not given again.
            let mail = from.desk.store.submission(&first).await.unwrap().unwrap();
            let (source, kind, envelope) = (mail.source, mail.kind, mail.envelope);
            let (raw, received_at) = (b"next".to_vec(), mail.received_at);
            let next = New { source, source_key: None, kind, raw, envelope, answerable: true, received_at };
            store.submit(next).await.unwrap();
            let claimed = store.claim_submissions(received_at, 1_000, 1).await.unwrap();
            assert!(claimed[0].number > gone.unwrap());
            store.close().await;
            let (code, _, complaints) = run(&config, &["restore", place.to_str().unwrap()]);
            assert_eq!((code, complaints.contains("holds something")), (2, true), "{complaints}");
        }
        newer(&from).await;
    })
    .await;
}

#[tokio::test]
async fn a_damaged_backup_is_refused_and_a_running_desk_not_restored_over() {
    let operated = Operated::open("sqlite:deskclerk.db", "").await;
    operated.quarantined().await;
    let place = operated.folder.path().join("kept");
    assert_eq!(operated.run(&["backup", place.to_str().unwrap()]).0, 0);
    let (code, _, complaints) = operated.run(&["restore", place.to_str().unwrap()]);
    assert_eq!((code, complaints.contains("end it first")), (2, true), "{complaints}");
    let file = place.join("deskclerk.db");
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("deskclerk.toml");
    std::fs::write(&config, "").unwrap();
    let (code, _, complaints) = run(&config, &["restore", place.to_str().unwrap()]);
    assert_eq!((code, complaints.contains("changed or damaged")), (2, true), "{complaints}");
    assert!(!folder.path().join("data/deskclerk.db").exists());
    operated.desk.store.close().await;
}

/// A database that a newer deskclerk has written is refused with a clear message.
async fn newer(operated: &Operated) {
    sqlx::any::install_default_drivers();
    operated.desk.store.close().await;
    let data_dir = operated.folder.path().join("data");
    let url = operated.desk.config.store.url.clone();
    let direct = match url.strip_prefix("sqlite:") {
        Some(name) => format!("sqlite://{}", data_dir.join(name).display()),
        None => url.clone(),
    };
    let mut connection = sqlx::AnyConnection::connect(&direct).await.unwrap();
    let applied = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                   SELECT 9000, 'later', success, checksum, 0 FROM _sqlx_migrations LIMIT 1";
    sqlx::query(applied).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    for opened in [Store::open(&url, &data_dir, 1).await, Store::open_to_read(&url, &data_dir).await] {
        assert!(matches!(opened, Err(Error::Newer { found: 9000, .. })), "{opened:?}");
    }
    let (code, _, complaints) = operated.run(&["quarantine", "list"]);
    assert_eq!(code, 2);
    assert!(complaints.contains("schema 9000") && complaints.contains("a newer one has written it"), "{complaints}");
}
