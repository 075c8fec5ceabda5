//! The way out by SMTP, against a real Postfix: sent, refused for now, refused for good.

use deskclerk::config::settings::Tls;
use sqlx::Row;

use crate::harness::{TestDesk, look_into, mail, until};
use crate::servers::dovecot::Dovecot;
use crate::servers::postfix::Postfix;
use crate::talk::Talk;

/// A desk that has a question to send, through this port; gives the outbox too.
async fn asking(port: u16, text: &str) -> (TestDesk, sqlx::AnyPool) {
    let mut test = TestDesk::open(|config| {
        config.smtp.host = "127.0.0.1".into();
        config.smtp.port = port;
        config.smtp.tls = Tls::None;
    })
    .await;
    let url = format!("sqlite://{}", test.desk.config.desk.data_dir.join("deskclerk.db").display());
    let address = test.lmtp().await;
    let mut talk = Talk::to(&address).await;
    talk.say("LHLO mx.test.example", "250").await;
    let request = mail("ann@customer.example", "support@desk.example", "q@c", "Clicks are not tracked", text);
    talk.submit("ann@customer.example", "support@desk.example", &request).await;
    test.await_stored(1).await;
    test.drain().await;
    (test, look_into(&url).await)
}

async fn row(pool: &sqlx::AnyPool) -> (String, i64, String) {
    let row = sqlx::query("SELECT state, attempts, last_error FROM outbox").fetch_one(pool).await.unwrap();
    (row.get("state"), row.get("attempts"), row.get::<Option<String>, _>("last_error").unwrap_or_default())
}

const TEXT: &str = "Hello,\n\nthe clicks of our campaign are not tracked.\n\nAnn";

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_refused_for_now_goes_later_with_the_same_message_id() {
    let dovecot = Dovecot::start();
    let lmtp = format!("inet:127.0.0.1:{}", dovecot.lmtp);
    let postfix =
        Postfix::start(&lmtp, "smtpd_recipient_restrictions = check_recipient_access static:{defer try later}, permit");
    let (mut test, pool) = asking(postfix.smtp, TEXT).await;
    let door = test.delivery();
    let (state, _, error) = until("a first try", async || Some(row(&pool).await).filter(|row| row.1 == 1)).await;
    assert_eq!(state, "queued", "{error}");
    assert!(error.contains("450") || error.contains("451"), "{error}");
    door.cancel();
    // Postfix comes to its senses; the row is due at once.
    let id: String = sqlx::query("SELECT message_id FROM outbox").fetch_one(&pool).await.unwrap().get(0);
    let port = postfix.smtp;
    drop(postfix);
    let _calm = Postfix::at(port, &lmtp, "");
    sqlx::query("UPDATE outbox SET due_at = 0").execute(&pool).await.unwrap();
    test.delivery();
    until("the mail to be sent", async || (row(&pool).await.0 == "sent").then_some(())).await;
    let arrived = until("the mail to arrive", async || {
        let found = dovecot.doveadm(&["fetch", "-u", "ann@customer.example", "text", "mailbox", "INBOX"]);
        (!found.is_empty()).then_some(found)
    })
    .await;
    assert!(arrived.contains(&format!("Message-ID: <{id}>")), "{arrived}");
    test.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_refused_for_good_is_dead_and_seen() {
    let dovecot = Dovecot::start();
    let refuse = "smtpd_recipient_restrictions = check_recipient_access static:{reject no such user}, permit";
    let postfix = Postfix::start(&format!("inet:127.0.0.1:{}", dovecot.lmtp), refuse);
    let (mut test, pool) = asking(postfix.smtp, TEXT).await;
    test.delivery();
    let (state, attempts, error) = until("a verdict", async || Some(row(&pool).await).filter(|row| row.1 > 0)).await;
    assert_eq!((state.as_str(), attempts), ("dead", 1));
    assert!(error.contains("554"), "{error}");
    let seen = sqlx::query("SELECT detail FROM events WHERE what = 'undelivered'").fetch_one(&pool).await.unwrap();
    assert!(seen.get::<String, _>("detail").contains("no such user"));
    test.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_out_of_reach_kills_no_mail() {
    let (mut test, pool) = asking(crate::servers::free_port(), TEXT).await;
    test.delivery();
    let (state, _, error) = until("a first try", async || Some(row(&pool).await).filter(|row| row.1 == 1)).await;
    assert_eq!(state, "queued");
    assert!(error.to_lowercase().contains("refused"), "{error}");
    test.close().await;
}
