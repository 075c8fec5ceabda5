//! The way out by SMTP, against a real Postfix: sent, refused for now, refused for good.

use std::io::Write;
use std::process::{Command, Stdio};

use deskclerk::config::settings::{Config, Tls};
use sqlx::Row;

use crate::harness::{TestDesk, look_into, mail, until};
use crate::servers::dovecot::Dovecot;
use crate::servers::postfix::Postfix;
use crate::talk::Talk;

/// A desk that has a question to send, through this port; gives the outbox too.
async fn asking(port: u16, text: &str) -> (TestDesk, sqlx::AnyPool) {
    asking_with(port, text, |_| {}).await
}

async fn asking_with(port: u16, text: &str, settle: impl FnOnce(&mut Config)) -> (TestDesk, sqlx::AnyPool) {
    let mut test = TestDesk::open(|config| {
        config.smtp.host = "127.0.0.1".into();
        config.smtp.port = port;
        config.smtp.tls = Tls::None;
        settle(config);
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

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_proven_by_its_certificate_and_the_desk_by_its_password() {
    let sasl = crate::servers::free_port();
    let dovecot = Dovecot::with(&format!("service auth {{\n  inet_listener {{\n    port = {sasl}\n  }}\n}}"));
    let own = |name: &str| dovecot.ca_file().with_file_name(name).display().to_string();
    let settings = format!(
        "smtpd_tls_cert_file = {}\nsmtpd_tls_key_file = {}\nsmtpd_tls_security_level = encrypt\nsmtpd_sasl_auth_enable = yes\n\
         smtpd_sasl_type = dovecot\nsmtpd_sasl_path = inet:127.0.0.1:{sasl}\n\
         smtpd_recipient_restrictions = permit_sasl_authenticated, reject",
        own("server.pem"),
        own("server.key"),
    );
    let postfix = Postfix::start(&format!("inet:127.0.0.1:{}", dovecot.lmtp), &settings);
    let wrong = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(wrong.path(), "another").unwrap();
    for (ca_file, password_file, state, told) in [
        (dovecot.ca_file(), dovecot.password_file(), "sent", ""),
        (Default::default(), dovecot.password_file(), "queued", "certificate"),
        (dovecot.ca_file(), wrong.path().to_path_buf(), "queued", "535"),
    ] {
        let (mut test, pool) = asking_with(postfix.smtp, TEXT, |config| {
            config.smtp.tls = Tls::Starttls;
            config.smtp.user = "support@desk.example".into();
            config.smtp.password_file = password_file;
            config.smtp.ca_file = ca_file;
        })
        .await;
        test.delivery();
        let tried = async || Some(row(&pool).await).filter(|row| row.1 > 0 || row.0 == "sent");
        let (became, _, error) = until("a first try", tried).await;
        assert_eq!(became, state, "{error}");
        assert!(error.contains(told), "{error}");
        test.close().await;
    }
}

fn openssl(arguments: &[&str]) -> Vec<u8> {
    let output = Command::new("openssl").args(arguments).output().expect("openssl; tests/run installs it");
    assert!(output.status.success(), "openssl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Whether dkimpy, which shares no line with ours, finds the signature good, by the key that stands in its DNS.
fn dkim_verifies(mail: &str, record: &str) -> bool {
    const CHECK: &str = "import sys, dkim, logging\nlogging.basicConfig()\nmail = sys.stdin.buffer.read()\n\
         name = b's1._domainkey.desk.example.'\n\
         answer = lambda asked, timeout=5: sys.argv[1].encode() if asked.rstrip(b'.') == name.rstrip(b'.') else b''\n\
         sys.exit(0 if dkim.verify(mail, dnsfunc=answer, logger=logging.getLogger()) else 1)";
    let mut python = Command::new("/usr/bin/python3")
        .args(["-c", CHECK, record])
        .stdin(Stdio::piped())
        .spawn()
        .expect("python3-dkim; tests/run installs it");
    python.stdin.take().unwrap().write_all(mail.replace("\r\n", "\n").replace('\n', "\r\n").as_bytes()).unwrap();
    python.wait().unwrap().success()
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_are_signed_and_another_program_finds_them_genuine() {
    let dovecot = Dovecot::start();
    let postfix = Postfix::start(&format!("inet:127.0.0.1:{}", dovecot.lmtp), "");
    let keys = tempfile::tempdir().unwrap();
    for (kind, arguments) in [
        ("rsa", &["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out"][..]),
        ("rsa-traditional", &["genrsa", "-traditional", "-out"][..]),
    ] {
        let file = keys.path().join(kind);
        let path = file.to_str().unwrap();
        let (last, before) = (path, arguments);
        openssl(&[before, &[last][..]].concat());
        let public = openssl(&["rsa", "-in", path, "-pubout", "-outform", "DER"]);
        let record =
            format!("v=DKIM1; k=rsa; p={}", base64::Engine::encode(&base64::engine::general_purpose::STANDARD, public));
        let (mut test, pool) = asking_with(postfix.smtp, TEXT, |config| {
            config.smtp.dkim_selector = "s1".into();
            config.smtp.dkim_key_file = file.clone();
        })
        .await;
        test.delivery();
        until("the mail to be sent", async || (row(&pool).await.0 == "sent").then_some(())).await;
        let id: String = sqlx::query("SELECT message_id FROM outbox").fetch_one(&pool).await.unwrap().get(0);
        let mail = until("the mail to arrive", async || {
            let search = ["fetch", "-u", "ann@customer.example", "text", "header", "Message-ID", &id];
            let found = dovecot.doveadm(&search);
            // doveadm takes the tabs out of folded Received lines, which are not signed: from our own headers on.
            found.find("From: Support").map(|at| found[at..].trim_end_matches('\u{c}').to_owned())
        })
        .await;
        assert!(mail.contains("DKIM-Signature:") && mail.contains("d=desk.example; s=s1;"), "{mail}");
        assert!(dkim_verifies(&mail, &record), "{kind}: {mail}");
        assert!(!dkim_verifies(&mail.replacen("Subject: [#", "Subject: [!", 1), &record), "an altered subject passes");
        assert!(!dkim_verifies(&mail.replacen("Campaign", "Campayne", 1), &record), "altered words pass");
        test.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_dkim_key_no_mail_goes_unsigned() {
    let dovecot = Dovecot::start();
    let postfix = Postfix::start(&format!("inet:127.0.0.1:{}", dovecot.lmtp), "");
    let (mut test, pool) = asking_with(postfix.smtp, TEXT, |config| {
        config.smtp.dkim_selector = "s1".into();
        config.smtp.dkim_key_file = "/nowhere/dkim.pem".into();
    })
    .await;
    test.delivery();
    let (state, _, error) = until("a first try", async || Some(row(&pool).await).filter(|row| row.1 == 1)).await;
    assert_eq!(state, "queued");
    assert!(error.contains("/nowhere/dkim.pem"), "{error}");
    test.close().await;
}
