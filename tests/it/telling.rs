//! What the command line says on standard error, and how it ends: mails that were passed over, arguments that name nothing,
//! settings with many faults at once.

use std::fs;
use std::path::Path;

use assert_cmd::cargo::cargo_bin_cmd;
use serde_json::Value;
use tempfile::TempDir;

const MAIL: &str = "From: a@b.example\r\nSubject: clicks\r\n\r\nNo clicks since Monday.\r\n";

/// Runs in a folder and gives exit code, standard output, standard error.
fn run(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = cargo_bin_cmd!("deskclerk").current_dir(folder).args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// The faults that `config check` finds in a file: line and message.
fn faults(folder: &Path, settings: impl AsRef<[u8]>) -> Vec<(u64, String)> {
    fs::write(folder.join("deskclerk.toml"), settings).unwrap();
    let arguments = ["config", "check", "--format", "json", "--config", "deskclerk.toml"];
    let (code, out, complaints) = run(folder, &arguments);
    let found: Vec<Value> = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}{complaints}"));
    assert_eq!(code, if found.is_empty() { 0 } else { 2 }, "{out}{complaints}");
    for fault in &found {
        assert!(fault["line"].as_u64().unwrap() > 0 && !fault["remedy"].as_str().unwrap().is_empty(), "{fault}");
    }
    found.iter().map(|fault| (fault["line"].as_u64().unwrap(), fault["message"].as_str().unwrap().to_owned())).collect()
}

fn check(found: &[(u64, String)], expected: &[(u64, &str)]) {
    for (line, part) in expected {
        let told = found.iter().filter(|(at, message)| at == line && message.contains(part)).count();
        assert_eq!(told, 1, "line {line}: {part} in {found:#?}");
    }
    assert_eq!(found.len(), expected.len(), "{found:#?}");
}

#[test]
fn what_a_folder_holds_beside_mails_is_said_and_counted() {
    let folder = TempDir::new().unwrap();
    let mails = folder.path().join("mails");
    fs::create_dir(&mails).unwrap();
    fs::write(mails.join("a.eml"), MAIL).unwrap();
    fs::write(mails.join("without-ending"), MAIL).unwrap();
    std::os::unix::fs::symlink("nowhere", mails.join("dangling.txt")).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(mails.join("pipe")).status().unwrap().success());
    let (code, out, complaints) = run(folder.path(), &["triage", "--format", "json", "mails"]);
    assert_eq!((code, out.lines().count()), (0, 1), "{out}{complaints}");
    for (name, why) in
        [("without-ending", "no mail by its name"), ("dangling.txt", "no regular file"), ("pipe", "no regular file")]
    {
        let told = |line: &str| line.contains("skipped") && line.contains(name) && line.contains(why);
        assert_eq!(complaints.lines().filter(|line| told(line)).count(), 1, "{name}: {complaints}");
    }
    fs::write(folder.path().join("deskclerk.toml"), "").unwrap();
    let (code, out, complaints) = run(folder.path(), &["import", "--config", "deskclerk.toml", "mails"]);
    assert_eq!(code, 0, "{out}{complaints}");
    assert!(out.contains("1 stored") && out.contains("3 skipped"), "{out}");
    assert!(complaints.contains("without-ending"), "{complaints}");
}

#[test]
fn an_empty_file_has_its_line_and_an_absent_one_is_no_argument() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("empty.eml"), "").unwrap();
    fs::write(folder.path().join("deskclerk.toml"), "").unwrap();
    for path in ["empty.eml", "/dev/null"] {
        let (code, out, complaints) = run(folder.path(), &["triage", "--format", "json", path]);
        assert_eq!(code, 1, "{complaints}");
        let line: Value = serde_json::from_str(out.trim()).unwrap();
        assert_eq!((&line["source"], &line["outcome"]), (&path.into(), &"quarantined".into()), "{out}");
        assert!(line["because"].as_str().unwrap().contains("empty"), "{out}");
    }
    for arguments in [&["triage", "nope"][..], &["import", "--config", "deskclerk.toml", "nope"]] {
        let (code, _, complaints) = run(folder.path(), arguments);
        assert_eq!(code, 2, "{arguments:?}: {complaints}");
        assert!(complaints.contains("nope"), "{complaints}");
    }
}

#[test]
fn judging_without_a_directory_is_said_once() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("a.eml"), MAIL).unwrap();
    fs::write(folder.path().join("c.csv"), "campaign_id,name,account,contacts\n48213,Spring,Acme,acme.example\n")
        .unwrap();
    let (code, _, complaints) = run(folder.path(), &["triage", "a.eml", "a.eml"]);
    assert_eq!((code, complaints.matches("--campaigns FILE").count()), (0, 1), "{complaints}");
    let (code, _, complaints) = run(folder.path(), &["triage", "--campaigns", "c.csv", "a.eml"]);
    assert_eq!((code, complaints.as_str()), (0, ""));
}

#[test]
fn run_refuses_secrets_that_it_cannot_read() {
    let folder = TempDir::new().unwrap();
    let imap = "[[imap]]\nname = \"a\"\nhost = \"127.0.0.1\"\ntls = \"none\"\nuser = \"u\"\npassword_file = ";
    for (file, told) in [("\"credential:x\"", "LoadCredential=x"), ("\"absent\"", "absent")] {
        fs::write(folder.path().join("deskclerk.toml"), format!("{imap}{file}\n")).unwrap();
        let (code, _, complaints) = run(folder.path(), &["run", "--config", "deskclerk.toml"]);
        assert_eq!(code, 2, "{complaints}");
        let place = "deskclerk.toml:6: imap.password_file: ";
        assert!(complaints.contains(place) && complaints.contains(told), "{complaints}");
    }
}

#[test]
fn notes_on_rules_are_counted_and_shown_on_demand() {
    let folder = TempDir::new().unwrap();
    let rules = concat!(env!("CARGO_MANIFEST_DIR"), "/rules");
    let (code, out, complaints) = run(folder.path(), &["rules", "check", rules]);
    assert_eq!((code, out.lines().count()), (0, 1), "{out}{complaints}");
    let noted: usize = out.split(", ").nth(2).unwrap().split(' ').next().unwrap().parse().unwrap();
    assert!(out.starts_with("0 faults") && out.contains("--notes") && noted > 0, "{out}");
    let (code, all, _) = run(folder.path(), &["rules", "check", "--notes", "--rules", rules]);
    // "and 3 more like it" stands for three.
    let more = |line: &str| line.split_once(": and ")?.1.split_once(" more like it")?.0.parse::<usize>().ok();
    let told = all.lines().filter(|line| line.starts_with("note: "));
    assert_eq!((code, told.map(|line| more(line).unwrap_or(1)).sum()), (0, noted));
}

#[test]
fn every_fault_of_the_settings_is_told_in_one_round() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("garbage"), "no key\n").unwrap();
    let settings = "\
[smtp]
host = \"127.0.0.1\"
port = \"x\"
dkim_selector = \"s1\"
dkim_key_file = \"garbage\"
ca_file = \"garbage\"
folder = \"/proc/nope\"
[desk]
data_dir = \"/proc/x\"
name = \"A\\r\\nBcc: x@y.example\"
[[webhook]]
name = \"crm\"
url = \"http://10.0.0.1/\"
secret_files = [\"garbage\", \"absent\"]
events = [\"ticket.foo\"]
[[hook]]
name = \"a b\"
secret_files = [\"garbage\"]
[hook.map]
email = \"a..b\"
text = \"{{ nope\"
subject = \"$[[\"
[[imap]]
[lmtp]
listen = \"127.0.0.1:8025\"
";
    let found = faults(folder.path(), settings);
    check(
        &found,
        &[
            (3, "smtp.port: is the text \"x\", and should be a whole number"),
            (5, "smtp.dkim_key_file: "),
            (6, "smtp.ca_file: "),
            (7, "smtp.folder: /proc/nope cannot be made"),
            (9, "desk.data_dir: /proc/x cannot be made"),
            (10, "desk.name: holds a line end"),
            (13, "webhook.url: plaintext"),
            (14, "garbage holds no webhook secret"),
            (14, "absent"),
            (15, "webhook.events: `ticket.foo` is not known here"),
            (17, "hook.name: `a b` cannot stand in a URL"),
            (18, "hook.secret_files: the secret of "),
            (20, "hook.map.email: `a..b` is no path"),
            (21, "hook.map.text: `{{ nope` is no template"),
            (22, "hook.map.subject: `$[[` is no JSONPath"),
            (23, "imap.name: is missing"),
            (23, "imap.host: is missing"),
            (23, "imap.user: is missing"),
            (23, "imap.password_file: is missing"),
            (25, "lmtp.listen: 127.0.0.1:8025 is http.listen, too"),
        ],
    );
}

#[test]
fn a_file_in_another_encoding_is_told_by_its_line() {
    let folder = TempDir::new().unwrap();
    let found = faults(folder.path(), b"# \xfcber\n[desk]\nname = \"B\xfcro\"\naddress = 5\n");
    check(&found, &[(1, "not UTF-8"), (3, "not UTF-8"), (4, "desk.address: is the number 5, and should be text")]);
}
