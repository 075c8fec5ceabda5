//! `deskclerk doctor` against real servers: a sound set-up, one with everything wrong, one that is out of reach.

use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::{lines, run};
use crate::harness::mail;
use crate::servers::dns::Dns;
use crate::servers::dovecot::Dovecot;
use crate::servers::free_port;
use crate::servers::postfix::Postfix;

fn openssl(args: &[&str]) -> String {
    let output = Command::new("openssl").args(args).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Its findings about one thing: level and message.
fn about<'a>(findings: &'a [Value], about: &str) -> Vec<(&'a str, &'a str)> {
    let found = findings.iter().filter(|finding| finding["about"] == about);
    found.map(|finding| (finding["level"].as_str().unwrap(), finding["message"].as_str().unwrap())).collect()
}

/// Whether there is a finding with this level about this, whose message holds the words.
fn says(findings: &[Value], level: &str, thing: &str, words: &str) -> bool {
    about(findings, thing).iter().any(|(found, message)| *found == level && message.contains(words))
}

fn doctor(folder: &TempDir, settings: &str, arguments: &[&str]) -> (i32, Vec<Value>) {
    let config = folder.path().join("deskclerk.toml");
    std::fs::write(&config, settings).unwrap();
    let (code, out, complaints) = run(&config, &[&["doctor", "--format", "json"], arguments].concat());
    assert_eq!(complaints, "");
    (code, lines(&out))
}

#[test]
fn it_says_what_is_wrong_and_what_run_would_do() {
    let dovecot = Dovecot::start();
    let postfix = Postfix::start(&format!("inet:127.0.0.1:{}", dovecot.lmtp), "");
    for number in 0..3 {
        let id = format!("{number}@a");
        dovecot.save("u@desk.example", "INBOX", &mail("ann@a.example", "u@desk.example", &id, "Hello", "no clicks"));
    }
    let folder = TempDir::new().unwrap();
    let key = folder.path().join("dkim.pem").display().to_string();
    openssl(&["genrsa", "-traditional", "-out", &key, "2048"]);
    let public: String =
        openssl(&["rsa", "-in", &key, "-pubout"]).lines().filter(|line| !line.starts_with('-')).collect();
    let dns = Dns::start(&[
        ("s1._domainkey.desk.example", &format!("v=DKIM1; k=rsa; p={public}")),
        ("s2._domainkey.desk.example", "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQC7"),
        ("desk.example", "v=spf1 ip4:192.0.2.1 -all"),
        ("_dmarc.desk.example", "v=DMARC1; p=none"),
    ]);
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let port = dovecot.imap;
    let settings = |selector: &str, password: &str, more: &str| {
        format!(
            "[desk]\naddress = \"support@desk.example\"\nresolver = \"127.0.0.1:{}\"\nverify_senders = true\n\
             [http]\nlisten = \"127.0.0.1:{}\"\n\
             [smtp]\nhost = \"127.0.0.1\"\nport = {}\ntls = \"none\"\ndkim_selector = \"{selector}\"\n\
             dkim_key_file = \"{key}\"\n\
             [[imap]]\nname = \"support\"\nhost = \"127.0.0.1\"\nport = {}\ntls = \"none\"\nuser = \"u@desk.example\"\n\
             password_file = \"{password}\"\nafter = \"move\"\n{more}",
            dns.port,
            free_port(),
            postfix.smtp,
            port
        )
    };
    let right = dovecot.password_file().display().to_string();
    let (code, found) = doctor(&folder, &settings("s1", &right, ""), &[]);
    assert_eq!(code, 0, "{found:#?}");
    assert!(says(&found, "ok", "imap:support", "3 mails in INBOX"), "{found:#?}");
    assert!(says(&found, "plan", "imap:support", "would read 3 mails; none of them is answered"), "{found:#?}");
    assert!(says(&found, "plan", "imap:support", "Deskclerk is not there yet"), "{found:#?}");
    assert!(says(&found, "ok", "smtp", "lets us in"), "{found:#?}");
    assert!(says(&found, "ok", "dkim", "good (s1._domainkey.desk.example)"), "{found:#?}");
    assert!(says(&found, "ok", "spf", "ip4:192.0.2.1") && says(&found, "ok", "dmarc", "p=none"), "{found:#?}");
    assert!(says(&found, "think", "dns", "no MX record"), "{found:#?}");
    assert!(says(&found, "plan", "answers", "only mail with a DMARC pass"), "{found:#?}");
    assert!(says(&found, "ok", "disk", "MB are free") && says(&found, "ok", "loop", "nothing"), "{found:#?}");
    assert_eq!(dovecot.flags("u@desk.example", "INBOX"), ["1", "2", "3"], "nothing was flagged or moved");
    assert!(!folder.path().join("data/deskclerk.db").exists(), "nothing was made");

    let wrong = folder.path().join("wrong");
    std::fs::write(&wrong, "guess\n").unwrap();
    let more = "[teams]\nbilling = \"Support+x@desk.example\"\n";
    let (code, found) = doctor(&folder, &settings("s2", &wrong.display().to_string(), more), &[]);
    assert_eq!(code, 1, "{found:#?}");
    assert!(says(&found, "wrong", "imap:support", "refused the sign-in"), "{found:#?}");
    assert!(says(&found, "wrong", "dkim", "s2._domainkey.desk.example"), "{found:#?}");
    assert!(says(&found, "wrong", "loop", "team billing"), "{found:#?}");
    assert!(says(&found, "think", "secrets", "everybody on this machine can read"), "{found:#?}");

    // Nobody is asked.
    let (code, found) = doctor(&folder, &settings("s2", &wrong.display().to_string(), ""), &["--offline"]);
    assert_eq!((code, about(&found, "smtp").len(), about(&found, "dkim").len()), (0, 0, 0), "{found:#?}");

    drop(dovecot);
    let (code, found) = doctor(&folder, &settings("s1", &wrong.display().to_string(), ""), &[]);
    assert_eq!(code, 75, "{found:#?}");
    assert!(says(&found, "away", "imap:support", &format!("127.0.0.1:{port}")), "{found:#?}");

    let (code, found) = doctor(&folder, "[desk]\nadress = \"x@y.example\"\n", &[]);
    assert_eq!(code, 2, "{found:#?}");
    assert!(says(&found, "wrong", "config", "desk.adress"), "{found:#?}");
}
