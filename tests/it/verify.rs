//! Senders verified by DKIM and DMARC where no MTA stands in front: a real DNS server, and mail that another program signed.

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;

use deskclerk::config;
use deskclerk::desk::{Desk, unix_ms};
use deskclerk::store::submissions::{Envelope, Kind, New};
use deskclerk::store::tickets::Filter;

use crate::servers::dns::Dns;

fn openssl(args: &[&str]) -> String {
    let output = Command::new("openssl").args(args).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The mail with a DKIM signature by dkimpy on top.
fn signed(mail: &str, domain: &str, key: &str) -> String {
    const SIGN: &str = "import sys, dkim\nmail = sys.stdin.buffer.read()\n\
        sys.stdout.buffer.write(dkim.sign(mail, b's1', sys.argv[1].encode(), open(sys.argv[2], 'rb').read()) + mail)";
    let mut python = Command::new("/usr/bin/python3")
        .args(["-c", SIGN, domain, key])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3-dkim; tests/run installs it");
    python.stdin.take().unwrap().write_all(mail.as_bytes()).unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

fn mail(from: &str, id: &str) -> String {
    format!(
        "From: {from}\r\nTo: support@desk.example\r\nMessage-ID: <{id}@client.example>\r\nSubject: Clicks\r\n\
         Date: Mon, 02 Nov 2026 08:52:03 +0000\r\n\r\nThe clicks of our campaign are not tracked.\r\n"
    )
}

/// What the desk comes to know of the sender of this mail: DMARC, DKIM.
async fn verdict(desk: &Arc<Desk>, raw: &str) -> (String, String) {
    let new = New {
        source: "lmtp".into(),
        source_key: None,
        kind: Kind::Mail,
        raw: raw.as_bytes().to_vec(),
        envelope: Envelope::default(),
        answerable: true,
        received_at: unix_ms(),
    };
    desk.accept(new).await.unwrap();
    while !desk.batch(unix_ms(), 8).await.unwrap().is_empty() {}
    let newest = desk.store.list_tickets(&Filter::default(), 1, None).await.unwrap().remove(0);
    let messages = desk.store.messages(newest.id).await.unwrap();
    let said = messages[0].request.as_ref().unwrap().authentication.clone();
    (said.dmarc.unwrap_or_default(), said.dkim.unwrap_or_default())
}

#[tokio::test]
async fn a_sender_is_proven_by_his_domains_signature_and_policy() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key.pem").display().to_string();
    openssl(&["genrsa", "-traditional", "-out", &key, "2048"]);
    let public = openssl(&["rsa", "-in", &key, "-pubout"]);
    let record =
        format!("v=DKIM1; k=rsa; p={}", public.lines().filter(|line| !line.starts_with('-')).collect::<String>());
    let dns = Dns::start(&[
        ("s1._domainkey.good.example", &record),
        ("_dmarc.good.example", "v=DMARC1; p=reject"),
        ("s1._domainkey.evil.example", &record),
        ("_dmarc.evil.example", "v=DMARC1; p=none"),
        ("s1._domainkey.nopolicy.example", &record),
    ]);
    let mut settings = config::default_in(folder.path());
    settings.desk.verify_senders = true;
    settings.desk.resolver = format!("127.0.0.1:{}", dns.port);
    let desk = Desk::open(settings).await.unwrap();

    let ann = mail("ann@good.example", "a1");
    let whole = signed(&ann, "good.example", &key);
    let told = verdict(&desk, &whole).await;
    assert_eq!(told, ("pass".into(), "pass".into()));
    let altered = signed(&mail("ann@good.example", "a2"), "good.example", &key).replace("not tracked", "all mine");
    assert_ne!(verdict(&desk, &altered).await.0, "pass");
    // Signed by somebody else than the sender's domain, and not signed at all.
    let foreign = signed(&mail("ann@good.example", "a3"), "evil.example", &key);
    assert_eq!(verdict(&desk, &foreign).await, ("none".into(), "pass".into()));
    assert_eq!(verdict(&desk, &mail("ann@good.example", "a4")).await, ("none".into(), "none".into()));
    let unruled = signed(&mail("ann@nopolicy.example", "a5"), "nopolicy.example", &key);
    assert_eq!(verdict(&desk, &unruled).await, ("none".into(), "pass".into()));
    // What the mail itself says of it counts nothing.
    let boast = format!("Authentication-Results: mx.desk.example; dmarc=pass\r\n{}", mail("ann@good.example", "a6"));
    assert_eq!(verdict(&desk, &boast).await.0, "none");

    // Nobody answers: no proof, and the mail is there all the same.
    drop(dns);
    let late = signed(&mail("ann@good.example", "a7"), "good.example", &key);
    assert_ne!(verdict(&desk, &late).await.0, "pass");
}
