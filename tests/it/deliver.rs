//! `deskclerk deliver`: by hand, and as the pipe of a real Postfix.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use assert_cmd::cargo::{cargo_bin, cargo_bin_cmd};

use crate::harness::{TestDesk, mail, until};
use crate::servers::free_port;
use crate::servers::postfix::Postfix;
use crate::talk::Talk;

/// Runs `deskclerk deliver` with this on standard input: exit code and complaints.
async fn deliver(arguments: &[&str], env: &[(&str, &str)], input: impl Into<Vec<u8>>) -> (i32, String) {
    let mut command = cargo_bin_cmd!("deskclerk");
    command.arg("deliver").args(arguments).env_remove("SENDER").env_remove("RECIPIENT");
    command.envs(env.iter().copied()).write_stdin(input);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

/// As a pipe has it: with bare line feeds.
fn piped(id: &str) -> String {
    mail("ann@customer.example", "support@desk.example", id, "Grüße", "one\n.two\n.\näöü").replace("\r\n", "\n")
}

#[tokio::test]
async fn a_piped_mail_is_stored_by_either_socket_before_it_ends_with_0() {
    let mut test = TestDesk::open(|_| {}).await;
    let folder = tempfile::tempdir().unwrap();
    let tcp = test.lmtp().await;
    let unix = test.lmtp_at(folder.path().join("lmtp").to_str().unwrap()).await;

    let to_both = ["--from", "ann@customer.example", "--to", &tcp, "--", "support@desk.example", "hjälp@desk.example"];
    let sent = piped("1@c");
    assert_eq!(deliver(&to_both, &[], sent.as_str()).await, (0, String::new()));
    // No waiting: it is there.
    let stored = test.stored().await;
    assert_eq!(stored.len(), 1);
    assert_eq!(String::from_utf8_lossy(&stored[0].raw), sent.replace('\n', "\r\n"));
    let envelope: serde_json::Value = serde_json::from_str(&stored[0].envelope).unwrap();
    assert_eq!(envelope["from"], "ann@customer.example");
    assert_eq!(envelope["to"], serde_json::json!(["support@desk.example", "hjälp@desk.example"]));

    // By a settings file, from a mailbox's form, with what an MTA says in the environment.
    let config = folder.path().join("deskclerk.toml");
    fs::write(&config, format!("[lmtp]\nlisten = \"{unix}\"\n")).unwrap();
    let by_config = ["--config", config.to_str().unwrap()];
    let sent = piped("2@c");
    let from_line = format!("From ann@customer.example Thu Nov 26 07:00:00 2026\n{sent}");
    let env = [("SENDER", "MAILER-DAEMON"), ("RECIPIENT", "support@desk.example")];
    assert_eq!(deliver(&by_config, &env, from_line).await, (0, String::new()));
    let stored = test.stored().await;
    assert_eq!(String::from_utf8_lossy(&stored[1].raw), sent.replace('\n', "\r\n"));
    let envelope: serde_json::Value = serde_json::from_str(&stored[1].envelope).unwrap();
    assert_eq!((&envelope["from"], &envelope["to"]), (&"".into(), &serde_json::json!(["support@desk.example"])));
    test.close().await;
}

#[tokio::test]
async fn what_may_pass_ends_with_75_and_nothing_else_does() {
    let mut test = TestDesk::open(|config| config.bounds.size_bytes = 10_000).await;
    let folder = tempfile::tempdir().unwrap();
    let address = test.lmtp().await;
    let to = ["--from", "ann@customer.example", "--to", &address, "support@desk.example"];
    let check = async |expected: (i32, &str), arguments: &[&str], input: &str| {
        let (code, said) = deliver(arguments, &[], input).await;
        assert!(code == expected.0 && said.contains(expected.1), "{arguments:?}: {code} {said}");
    };
    let text = piped("1@c");
    // Nobody there; a socket that nobody listens on any more.
    let nobody = format!("127.0.0.1:{}", free_port());
    check((75, "is `deskclerk run` up?"), &["--from", "", "--to", &nobody, "a@desk.example"], &text).await;
    let dead = folder.path().join("dead");
    drop(std::os::unix::net::UnixListener::bind(&dead).unwrap());
    check((75, "no desk answers"), &["--from", "", "--to", dead.to_str().unwrap(), "a@desk.example"], &text).await;
    // Mistakes in the MTA's set-up.
    check((75, "--to"), &["support@desk.example"], &text).await;
    check((75, "--form"), &["--form", "x", "--to", &address, "support@desk.example"], &text).await;
    check((75, "whose mail is it?"), &["--to", &address, "support@desk.example"], &text).await;
    check((75, "for whom is it?"), &["--from", "", "--to", &address], &text).await;
    check((75, "there is no mail"), &to, "").await;
    let config = folder.path().join("deskclerk.toml");
    for (text, says) in [("[lmtp]\nlisten = \"\"\n", "lmtp.listen is empty"), ("[lmpt]\n", "lmpt")] {
        fs::write(&config, text).unwrap();
        check((75, says), &["--from", "", "--config", config.to_str().unwrap(), "a@desk.example"], "A: b\n\nc\n").await;
    }
    // Another server on that port: it speaks no LMTP.
    let other = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = other.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut stream, _) = other.accept().await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut stream, b"220 hello\r\n500 what?\r\n").await.unwrap();
        let _ = tokio::io::AsyncReadExt::read(&mut stream, &mut [0; 100]).await;
    });
    let there = format!("127.0.0.1:{port}");
    check((75, "that is no LMTP server: 500 what?"), &["--from", "", "--to", &there, "a@desk.example"], &text).await;
    // The store is held by somebody else.
    let url = format!("sqlite://{}", test.desk.config.desk.data_dir.join("deskclerk.db").display());
    let pool = crate::harness::look_into(&url).await;
    let held = pool.begin_with("BEGIN IMMEDIATE").await.unwrap();
    check((75, "452 4.3.1"), &to, &text).await;
    held.rollback().await.unwrap();
    // What never passes: the sender is to hear of it.
    check((65, "552 5.3.4"), &to, &format!("A: b\n\n{}", "0123456789\n".repeat(1000))).await;
    check((69, "501"), &["--from", "a@b@c <", "--to", &address, "support@desk.example"], &text).await;
    check((69, "is no address"), &["--from", "", "--to", &address, "a\r\nb@desk.example"], &text).await;
    assert!(test.stored().await.is_empty());
    check((0, ""), &to, &text).await;
    assert_eq!(test.stored().await.len(), 1);
    test.close().await;
}

/// Where `nobody`, whom Postfix runs commands as, may run the binary.
fn shared(folder: &Path) -> String {
    let binary = folder.join("deskclerk");
    fs::copy(cargo_bin!("deskclerk"), &binary).unwrap();
    fs::set_permissions(&binary, fs::Permissions::from_mode(0o755)).unwrap();
    binary.display().to_string()
}

#[tokio::test]
async fn postfix_pipes_and_keeps_what_the_desk_could_not_take() {
    let mut test = TestDesk::open(|_| {}).await;
    let address = format!("127.0.0.1:{}", free_port());
    // As running.md has it.
    let service = |root: &Path| {
        format!(
            "deskclerk unix - n n - 10 pipe\n  flags=Rq user=nobody null_sender=\n  \
             argv={} deliver --to {address} --from=${{sender}} -- ${{recipient}}\n",
            shared(root)
        )
    };
    let settings = "virtual_transport = deskclerk:\nsmtputf8_enable = yes\nallow_min_user = yes";
    let postfix = Postfix::serving(free_port(), "unused", settings, service);
    let mut talk = Talk::to(&format!("127.0.0.1:{}", postfix.smtp)).await;
    talk.say("EHLO client.test.example", "250").await;
    let text = mail("ann@customer.example", "support@desk.example", "p1@c", "Grüße", "one\n.two\n.\näöü");
    talk.submit("ann@customer.example", "support+tag@desk.example", &text).await;
    // Nobody listens: it is deferred, not bounced.
    until("Postfix to be deferred", async || {
        let log = postfix.log();
        assert!(!log.contains("status=bounced"), "{log}");
        log.contains("status=deferred (temporary failure").then_some(())
    })
    .await;
    assert!(postfix.log().contains("is `deskclerk run` up?"), "the reason stands in the log: {}", postfix.log());
    test.lmtp_at(&address).await;
    let stored = test.await_stored(1).await;
    let raw = String::from_utf8(stored[0].raw.clone()).unwrap();
    assert!(raw.ends_with("\r\n\r\none\r\n.two\r\n.\r\näöü\r\n"), "{raw}");
    let envelope: serde_json::Value = serde_json::from_str(&stored[0].envelope).unwrap();
    assert_eq!(envelope["from"], "ann@customer.example");
    assert_eq!(envelope["to"], serde_json::json!(["support+tag@desk.example"]));
    // A bounce, and a sender that looks like an option.
    for (sender, id) in [("", "p2@c"), ("--to=nowhere@customer.example", "p3@c")] {
        talk.submit(sender, "support@desk.example", &text.replace("p1@c", id)).await;
        let count = if sender.is_empty() { 2 } else { 3 };
        let stored = test.await_stored(count).await;
        let envelope: serde_json::Value = serde_json::from_str(&stored[count - 1].envelope).unwrap();
        assert_eq!(envelope["from"], sender);
    }
    test.close().await;
}

#[tokio::test]
async fn an_alias_pipes_what_postfix_delivers_locally() {
    let mut test = TestDesk::open(|_| {}).await;
    let address = test.lmtp().await;
    let aliases = tempfile::NamedTempFile::new().unwrap();
    fs::set_permissions(aliases.path(), fs::Permissions::from_mode(0o644)).unwrap();
    let settings = format!(
        "alias_maps = texthash:{}\nmydestination = local.example\nlocal_recipient_maps =\nlocal_transport = local",
        aliases.path().display()
    );
    let postfix = Postfix::serving(free_port(), "unused", &settings, |root| {
        let command = format!("{} deliver --to {address}", shared(root));
        fs::write(aliases.path(), format!("support \"|{command}\"\n")).unwrap();
        "local unix - n n - - local\n".into()
    });
    let mut talk = Talk::to(&format!("127.0.0.1:{}", postfix.smtp)).await;
    talk.say("EHLO client.test.example", "250").await;
    let text = mail("ann@customer.example", "support@local.example", "a1@c", "Hello", "one\n.two");
    talk.submit("ann@customer.example", "support@local.example", &text).await;
    let stored = test.await_stored(1).await;
    let raw = String::from_utf8(stored[0].raw.clone()).unwrap();
    assert!(raw.starts_with("Return-Path: <ann@customer.example>\r\n"), "no line of a mailbox is left in front: {raw}");
    assert!(raw.ends_with("\r\n\r\none\r\n.two\r\n"), "{raw}");
    let envelope: serde_json::Value = serde_json::from_str(&stored[0].envelope).unwrap();
    assert_eq!(envelope["from"], "ann@customer.example");
    assert_eq!(envelope["to"], serde_json::json!(["support@local.example"]));
    test.close().await;
}
