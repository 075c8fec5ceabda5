//! Rules at a desk that works: read again when they change, judged again before they do, and mended from corrections. On
//! both engines; the commands are the real binary's.

use std::fs;
use std::path::Path;

use assert_cmd::cargo::cargo_bin_cmd;
use deskclerk::config;
use deskclerk::desk::{Desk, Step, unix_ms};
use deskclerk::rules::Rules;
use deskclerk::store::submissions::{Envelope, Kind, New};
use deskclerk::ticket::change::Change;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::harness::{mail, take_in, until};
use crate::servers::postgres;

/// Lays the shipped rules into a folder.
fn lay(folder: &Path) {
    for (path, text) in Rules::shipped_files() {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, &*text).unwrap();
    }
}

fn append(file: &Path, text: &str) {
    let before = fs::read_to_string(file).unwrap();
    fs::write(file, before + text).unwrap();
}

/// What a rules command printed to standard output, and to standard error.
fn rules(arguments: &[&str], config: &Path) -> (String, String) {
    let output = cargo_bin_cmd!("deskclerk").arg("rules").args(arguments).arg("--config").arg(config).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let (out, complaints) = (text(output.stdout), text(output.stderr));
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {complaints}");
    (out, complaints)
}

#[tokio::test(flavor = "multi_thread")]
async fn stored_requests_are_judged_again_and_corrections_become_a_diff() {
    for url in ["sqlite:desk.db".to_owned(), postgres::database().await] {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = config::default_in(folder.path());
        settings.desk.address = "support@desk.example".into();
        settings.store.url = url;
        settings.rules.dir = folder.path().join("rules");
        lay(&settings.rules.dir);
        let file = folder.path().join("deskclerk.toml");
        fs::write(&file, toml::to_string(&settings).unwrap()).unwrap();

        let desk = Desk::open(settings.clone()).await.unwrap();
        let texts = ["the yubikey beeps and beeps", "our yubikey fell apart", "You charged us twice for April."];
        for (number, text) in texts.into_iter().enumerate() {
            let raw =
                mail("kim@acme.example", "support@desk.example", &format!("{number}@acme.example"), "hello", text);
            let new = New {
                source: "file".into(),
                source_key: Some(number.to_string()),
                kind: Kind::Mail,
                raw: raw.into(),
                envelope: Envelope::default(),
                answerable: false,
                received_at: unix_ms(),
            };
            desk.accept(new).await.unwrap();
        }
        while desk.step(unix_ms()).await.unwrap() != Step::Idle {}
        let tickets = desk.store.list_tickets(&Default::default(), 10, None).await.unwrap();
        assert_eq!(tickets.len(), 3);
        for ticket in tickets.iter().filter(|ticket| ticket.topic != "billing") {
            let change = vec![Change::Topic("access".into())];
            desk.change_ticket(ticket.id, ticket.version, change, "agent:kim", unix_ms()).await.unwrap();
        }
        let before = desk.store.list_tickets(&Default::default(), 10, None).await.unwrap();

        // Edited rules that send double charges to the bug team.
        let edited = folder.path().join("edited");
        lay(&edited);
        append(&edited.join("topics/bug.toml"), "\n[[signal]]\nweight = 20\nphrases = [\"charged ... twice\"]\n");
        let (out, _) = rules(&["replay", "--format", "json", "--rules", edited.to_str().unwrap()], &file);
        let replay: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(replay["tickets"], 3, "{replay}");
        assert_eq!(replay["changes"].as_array().unwrap().len(), 1, "{replay}");
        let field = &replay["changes"][0]["fields"][0];
        assert_eq!(
            (&field["field"], &field["before"], &field["after"]),
            (&"topic".into(), &"billing".into(), &"bug".into())
        );
        assert_eq!(replay["corrected"], 2);
        assert_eq!(replay["topics"]["bug"]["gained"], 1);
        let (out, _) = rules(&["replay", "--since", "8w"], &file);
        assert!(out.contains("0 of 3 tickets would change"), "{out}");

        let (diff, said) = rules(&["learn", "--from-feedback"], &file);
        assert!(said.contains("2 corrections; the rules judge 0 of them right now, 2 with this diff"), "{said}");
        assert!(diff.starts_with("--- a/topics/access.toml\n+++ b/topics/access.toml\n"), "{diff}");
        assert!(diff.contains("+\"yubikey\" = "), "{diff}");
        // Nothing of it was written.
        assert_eq!(desk.store.list_tickets(&Default::default(), 10, None).await.unwrap(), before);
        assert_eq!(
            fs::read_to_string(settings.rules.dir.join("topics/access.toml")).unwrap(),
            Rules::shipped_files()["topics/access.toml"]
        );
        desk.store.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_rules_are_taken_up_and_faulty_ones_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = config::default_in(folder.path());
    settings.desk.address = "support@desk.example".into();
    settings.rules.dir = folder.path().join("rules");
    lay(&settings.rules.dir);
    let desk = Desk::open(settings.clone()).await.unwrap();
    let first = desk.rules().version.clone();
    // What has not changed is not compiled again.
    let before = desk.rules();
    assert!(!desk.reload_rules().await.unwrap());
    assert!(std::sync::Arc::ptr_eq(&before, &desk.rules()));
    let cancel = CancellationToken::new();
    let keeper = tokio::spawn({
        let (desk, cancel) = (desk.clone(), cancel.clone());
        async move { desk.keep_rules_fresh(cancel).await }
    });
    let bug = settings.rules.dir.join("topics/bug.toml");
    let good = fs::read_to_string(&bug).unwrap();
    append(&bug, "\n[[signal]]\nphrases = [\"yubikey\"]\n");
    until("the changed rules", async || (desk.rules().version != first).then_some(())).await;
    let second = desk.rules().version.clone();

    append(&bug, "nonsense\n");
    until("the fault", async || desk.health().faults.first().cloned()).await;
    let fault = desk.health().faults[0].clone();
    assert_eq!(fault.file, bug.to_str().unwrap());
    assert_eq!((desk.rules().version.clone(), desk.health().rules), (second.clone(), second));

    fs::write(&bug, good).unwrap();
    let healthy = || desk.rules().version == first && desk.health().faults.is_empty();
    until("the first rules again, and no fault", async || healthy().then_some(())).await;

    // A template that is missing is a fault, and English mail is answered in English all the same.
    let template = settings.rules.dir.join("replies/en/missing_id.txt");
    let good = fs::read_to_string(&template).unwrap();
    fs::remove_file(&template).unwrap();
    // Of a whole file no line is told; the path is as whole as of any other.
    let told = || serde_json::to_value(desk.health().faults).unwrap();
    let missing = || told()[0]["file"] == template.to_str().unwrap() && told()[0].get("line").is_none();
    until("the missing template", async || missing().then_some(())).await;
    assert_eq!(desk.rules().version, first);
    let raw = mail(
        "ann@ann.example",
        "support@desk.example",
        "1@ann.example",
        "Clicks",
        "the clicks of our campaign are not tracked.",
    );
    take_in(&desk, raw).await;
    let asked = desk.store.claim_outbox(unix_ms(), 60_000, 9).await.unwrap();
    let asked: Vec<_> = asked.iter().filter(|row| row.payload.template.as_deref() == Some("missing_id")).collect();
    assert!(matches!(asked.as_slice(), [one] if one.payload.text.contains("Thank you for your message")), "{asked:?}");
    fs::write(&template, good).unwrap();
    until("no fault", async || healthy().then_some(())).await;
    cancel.cancel();
    keeper.await.unwrap();
    desk.store.close().await;
}

/// A campaign's name says nothing of the topic, in both commands alike.
#[test]
fn explain_judges_as_triage_does() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        fs::write(folder.path().join(name), text).unwrap();
        folder.path().join(name)
    };
    let campaigns = write("c.csv", "campaign_id,name,account,contacts\n48213,Invoice Reminder,acme,acme.example\n");
    let mail = write(
        "m.eml",
        "From: a@acme.example\nSubject: Invoice Reminder\nMessage-ID: <1@acme.example>\n\nIt has been stuck in review for days.\n",
    );
    let run = |command: &[&str], with: bool| -> Value {
        let mut run = cargo_bin_cmd!("deskclerk");
        run.args(command).args(["--format", "json"]).arg(&mail);
        if with {
            run.arg("--campaigns").arg(&campaigns);
        }
        serde_json::from_slice(&run.output().unwrap().stdout).unwrap()
    };
    for with in [false, true] {
        let (judged, explained) = (run(&["triage"], with), run(&["rules", "explain"], with));
        assert_eq!(judged["topic"]["id"], explained["topic"]["id"], "{explained}");
        assert_eq!(judged["topic"]["score"], explained["topic"]["score"], "{explained}");
    }
    let invoice = |explained: &Value| explained.to_string().contains("topic.billing.invoice");
    assert!(invoice(&run(&["rules", "explain"], false)) && !invoice(&run(&["rules", "explain"], true)));
}

#[test]
fn learning_says_what_it_leaves_out() {
    let folder = tempfile::tempdir().unwrap();
    let mut rows = "text,topic\n,Billing\nlost row,\n".to_owned();
    for number in 0..20 {
        rows += &format!(
            "pay invoice {number},Billing & payments\nmy invoice {number},billing_payments\n登入 {number},登入\nreset password {number},計費\n"
        );
    }
    let from = folder.path().join("l.csv");
    fs::write(&from, rows).unwrap();
    let out = folder.path().join("out");
    let run = cargo_bin_cmd!("deskclerk").args(["rules", "learn", "--from"]).arg(&from).arg("--out").arg(&out).output();
    let said = String::from_utf8(run.unwrap().stderr).unwrap();
    assert!(said.contains("left out are 1 rows without a topic and 1 without a text"), "{said}");
    assert!(said.contains("one topic: Billing & payments, billing_payments"), "{said}");
    let topics = fs::read_dir(out.join("topics")).unwrap().count();
    assert_eq!(topics, 4, "{said}");
    assert!(!said.contains("little can be learned"), "{said}");
    // What is too little, and what is no topic, is told with its file.
    fs::write(&from, "text,topic\npay,Billing\nlost,Delivery\n").unwrap();
    let learn = ["learn", "--from", "l.csv", "--out", "two"];
    let lean = ["lean", "--from", "l.csv", "--out", "leanings.csv"];
    let run = |arguments: &[&str]| {
        let done = cargo_bin_cmd!("deskclerk").current_dir(folder.path()).arg("rules").args(arguments).output();
        String::from_utf8(done.unwrap().stderr).unwrap()
    };
    let said = run(&learn);
    assert!(said.contains("from which little can be learned: billing (1), delivery (1)"), "{said}");
    let said = run(&lean);
    assert!(
        said.contains("l.csv:3: the topic `Delivery` is none of these rules (texts with it: 1, the first one here)"),
        "{said}"
    );
}

#[test]
fn learning_reads_what_spreadsheets_write() {
    let folder = tempfile::tempdir().unwrap();
    let run = |name: &str, bytes: &[u8]| {
        let (from, out) = (folder.path().join(name), folder.path().join(format!("{name}.rules")));
        fs::write(&from, bytes).unwrap();
        let mut command = cargo_bin_cmd!("deskclerk");
        let done = command.args(["rules", "learn", "--from"]).arg(&from).arg("--out").arg(&out).output().unwrap();
        (out.join("topics/refund.toml").exists(), String::from_utf8(done.stderr).unwrap())
    };
    let mut rows = "Text;Topic\n".to_owned();
    for number in 0..10 {
        rows += &format!("refund, please, for {number};refund\nwhere, then, is parcel {number}?;delivery\n");
    }
    let (written, said) = run("semicolons.csv", format!("\u{feff}{rows}").as_bytes());
    assert!(written, "{said}");
    // Excel's hint, cells of further columns that are empty, and a line break within a text.
    let (written, said) = run("hinted.csv", format!("sep=;\r\n{}", rows.replace(";refund", ";refund;")).as_bytes());
    assert!(written, "{said}");
    let (written, said) = run("tabs.tsv", rows.replace(';', "\t").as_bytes());
    assert!(written, "{said}");
    let check = |name: &str, bytes: &[u8], expected: &[&str]| {
        let (written, said) = run(name, bytes);
        assert!(!written);
        let said: Vec<&str> = said.lines().map(|line| line.split_once(name).unwrap().1).collect();
        assert_eq!(said, expected, "{name}");
    };
    let as_utf8 = "save it as UTF-8; spreadsheets call it CSV UTF-8";
    check("latin.csv", b"text,topic\ncaf\xe9,x\n", &[&format!(":2: is not UTF-8 on this line; {as_utf8}")]);
    check("utf16.csv", b"\xff\xfet\0e\0", &[&format!(": is UTF-16; {as_utf8}")]);
    check(
        "headless.csv",
        b"sep=;\nhello;greeting\n",
        &[
            ":2: this line names no column `text` or no column `topic` (found: hello, greeting; between cells stands `;`); \
              write text;topic above the rows; the one may be called text, utterance, message, body, query, description, \
              the other topic, category, label, intent, class, new_topic",
        ],
    );
    let quote = "put a text that holds `,` or a line break between double quotes";
    check(
        "commas.csv",
        b"text,topic\n\"two\nlines\",x\nhello, you,x\nalone\n",
        &[
            &format!(":4: has 3 cells, and the header 2; {quote}"),
            &format!(":5: has 1 cells, and the header 2; {quote}"),
        ],
    );
    let object = "write one object a line, such as {\"text\": \"…\", \"topic\": \"…\"}";
    check(
        "broken.jsonl",
        b"{\"text\": \"a\", \"topic\": \"x\"}\n\n{\"text\": \"a\"\n{'text'}\n",
        &[
            &format!(":3: is no JSON: EOF while parsing an object at column 12; {object}"),
            &format!(":4: is no JSON: key must be a string at column 2; {object}"),
        ],
    );
    check(
        "broken.json",
        b"[\n[\"a\" \"x\"]]",
        &[":2: is no JSON: expected `,` or `]` at line 2 column 6; correct it on this line"],
    );
    check(
        "other.jsonl",
        b"{\"txt\": \"a\", \"label\": \"x\"}\n7\n",
        &[
            ": left out are 0 rows without a topic and 1 without a text, 1 with neither",
            ": holds no labelled texts; give a column `text` and a column `topic`",
        ],
    );
    check("words.txt", b"", &[": is neither .csv nor .jsonl nor .json; name the file for what it holds"]);
    check("many.csv", format!("text,topic\n{}", "a\n".repeat(12)).as_bytes(), &{
        let one = |line| format!(":{line}: has 1 cells, and the header 2; {quote}");
        let told: Vec<String> = (2..12).map(one).chain([": 2 more like these".to_owned()]).collect();
        told.iter().map(|line| &*line.clone().leak()).collect::<Vec<&str>>()
    });
}

/// What is wrong a thousand times the same way is told a few times, and counted; to machines it is all told.
#[test]
fn findings_that_are_alike_are_summed_up() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("topics")).unwrap();
    let signal = |number: usize| format!("[[signal]]\nname = \"s{number}\"\nweight = 0\nphrases = [\"p{number}\"]\n");
    let signals: String = (0..9).map(signal).collect();
    let dead = "[[signal]]\nname = \"dead\"\nphrases = [\"late\"]\nunless = [\"late\"]\n";
    fs::write(folder.path().join("topics/x.toml"), format!("id = \"x\"\n{signals}{dead}")).unwrap();
    fs::write(folder.path().join("words.toml"), "").unwrap();
    let check = |arguments: &[&str]| {
        let mut command = cargo_bin_cmd!("deskclerk");
        let done = command.args(["rules", "check"]).arg(folder.path()).args(arguments).output().unwrap();
        String::from_utf8(done.stdout).unwrap()
    };
    let said = check(&[]);
    let lines: Vec<&str> = said.lines().filter_map(|line| line.split(';').next()).collect();
    assert_eq!(
        lines,
        [
            "warning: topics/x.toml:2: `topic.x.s0` weighs nothing",
            "warning: topics/x.toml:6: `topic.x.s1` weighs nothing",
            "warning: topics/x.toml:10: `topic.x.s2` weighs nothing",
            "warning: topics/x.toml: and 6 more like it (--format json names all)",
            "warning: topics/x.toml:40: \"late\" can never fire: `unless` holds words of it",
            "0 faults, 10 warnings, 0 notes",
        ]
    );
    assert_eq!(check(&["--format", "json"]).lines().count(), 10);
}

#[test]
fn all_that_is_wrong_with_a_folder_is_told_at_once_and_alike() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("rules");
    fs::create_dir_all(root.join("topics")).unwrap();
    fs::create_dir_all(root.join("topic")).unwrap();
    let lay = |name: &str, text: &[u8]| fs::write(root.join(name), text).unwrap();
    lay("topics/a.toml", b"id = \"one\"\n[[signal]]\nphrases = [\"caf\xe9\"]\n");
    lay("topics/b.toml", b"id = \"b\"\n[[signal]]\nphrases = [\"late again\"]\nunless = [\"late\"]\n");
    lay("topics/c.toml", b"id = \"c\"\nlable = \"C\"\n[[counter_example]]\ntext = \"x\"\ntopic = \"one\"\n");
    lay("topic/d.toml", b"");
    let found = cargo_bin_cmd!("deskclerk").args(["rules", "check"]).arg(&root).output().unwrap();
    assert_eq!(
        String::from_utf8(found.stdout).unwrap(),
        "fault: topics/a.toml:3: is not UTF-8 on this line; save it as UTF-8\n\
         fault: topics/c.toml:2: unknown key `lable`; write `label`, or delete it\n\
         warning: topic/d.toml: is read by nobody; name it topics/d.toml, or take it out of the folder\n\
         warning: topics/b.toml:3: \"late again\" can never fire: `unless` holds words of it; take one of the two out\n\
         warning: words.toml: there is none: no ending is taken off, no other spelling known; copy that of the shipped rules into the folder, an empty one says that it is meant so\n\
         2 faults, 3 warnings, 0 notes\n"
    );
    lay("words.toml", b"");
    // What stands at the top says what others mean.
    lay("classes.toml", b"\xff");
    let mut command = cargo_bin_cmd!("deskclerk");
    let found = command.args(["rules", "check", "--format", "json"]).arg(&root).output().unwrap();
    let found = String::from_utf8(found.stdout).unwrap();
    let file = |line: &str| serde_json::from_str::<Value>(line).unwrap()["file"].as_str().unwrap().to_owned();
    let files: Vec<String> = found.lines().map(file).collect();
    assert_eq!(files, ["classes.toml", "topics/a.toml", "topic/d.toml"]);
}

/// What `rules learn` makes of these rows: exit code, what it printed, and what it complained of.
fn learn(folder: &Path, rows: &str, arguments: &[&str]) -> (i32, String, String) {
    fs::write(folder.join("l.csv"), format!("text,topic\n{rows}")).unwrap();
    let mut command = cargo_bin_cmd!("deskclerk");
    let done =
        command.current_dir(folder).args(["rules", "learn", "--from", "l.csv"]).args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (done.status.code().unwrap(), text(done.stdout), text(done.stderr))
}

fn two_topics() -> String {
    let row = |number: usize| format!("please pay invoice {number},billing\nwhere is the parcel {number},Delivery\n");
    (0..20).map(row).collect()
}

#[test]
fn test_labels_that_nobody_learned_are_told_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("held.csv"), "text,topic\nmy invoice,Billing\nhi,oos\nx,Bling\ny,Bling\n").unwrap();
    let (code, _, said) = learn(folder.path(), &two_topics(), &["--test", "held.csv", "--out", "out"]);
    assert_eq!(code, 2);
    assert!(
        said.contains(
            "held.csv:4: the topic `Bling` is none of those that are learned (texts with it: 2, the first one here); \
             label them with one of billing, delivery"
        ),
        "{said}"
    );
    assert!(!folder.path().join("out").exists());
    let (code, _, said) = learn(folder.path(), &two_topics(), &["--out", "held.csv"]);
    assert!(code == 2 && said.contains("held.csv is a file; name a new folder"), "{said}");
    let (code, _, said) = learn(folder.path(), &two_topics(), &["--out", "held.csv/out"]);
    assert!(code == 2 && said.contains("cannot make the folder held.csv/out: Not a directory"), "{said}");
}

#[test]
fn texts_with_two_topics_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let rows = two_topics() + "Pay now!,billing\npay now,Delivery\nPAY NOW,BILLING\n";
    let (code, _, said) = learn(folder.path(), &rows, &["--out", "out"]);
    assert_eq!(code, 0);
    assert!(said.contains("one text is `billing` (l.csv:42) and `delivery` (l.csv:43): Pay now!"), "{said}");
    assert!(said.contains("1 text of two topics, each counted for both"), "{said}");
}

/// What comes in several files, in whatever order, is one history.
#[test]
fn several_files_are_one_history() {
    let folder = tempfile::tempdir().unwrap();
    let rows = two_topics();
    let (first, second) = rows.split_at(rows.find("please pay invoice 9").unwrap());
    for (name, rows) in [("m.csv", second), ("t.csv", "my invoice,billing\n"), ("u.csv", "the parcel,Delivery\n")] {
        fs::write(folder.path().join(name), format!("text,topic\n{rows}")).unwrap();
    }
    let told = |arguments: &[&str]| {
        let (code, out, said) = learn(folder.path(), first, arguments);
        assert_eq!(code, 0, "{said}");
        let out: Vec<&str> = out.lines().filter(|line| line.contains("scope") || line.contains("judged on")).collect();
        (
            out.join("\n"),
            fs::read_to_string(folder.path().join(arguments[arguments.len() - 1]).join("topics/billing.toml")).unwrap(),
        )
    };
    let both = told(&["m.csv", "--out", "both"]);
    assert!(both.0.contains("judged on 4 others"), "{}", both.0);
    // The other way around, and by the flag twice.
    fs::write(folder.path().join("m.csv"), format!("text,topic\n{first}")).unwrap();
    let (code, out, said) = learn(folder.path(), second, &["--from", "m.csv", "--out", "turned"]);
    assert_eq!(code, 0, "{said}");
    assert!(out.contains(&both.0.lines().next().unwrap().to_owned()), "{out}");
    assert_eq!(fs::read_to_string(folder.path().join("turned/topics/billing.toml")).unwrap(), both.1);
    let tested = told(&["m.csv", "--test", "t.csv", "u.csv", "--out", "tested"]);
    assert!(tested.0.contains("judged on 2 others"), "{}", tested.0);
}

/// Labels that are one topic are held out as one.
#[test]
fn a_tenth_of_every_topic_is_held_out() {
    let folder = tempfile::tempdir().unwrap();
    let billing = |number: usize| format!("please pay invoice {number},{}\n", ["billing", "Billing"][number % 2]);
    let rows: String =
        (0..8).map(billing).chain((0..8).map(|number| format!("where is parcel {number},parcel\n"))).collect();
    let (_, out, said) = learn(folder.path(), &rows, &["--out", "out"]);
    assert!(out.contains("judged on 2 others"), "{out}{said}");
}

#[test]
fn learned_files_may_be_kept_short() {
    let folder = tempfile::tempdir().unwrap();
    let (code, out, said) = learn(folder.path(), &two_topics(), &["--out", "out", "--max-phrases", "2"]);
    assert_eq!(code, 0, "{said}");
    let judged: Vec<&str> = out.lines().filter(|line| line.contains("in scope") || line.contains("--max")).collect();
    assert_eq!(judged.len(), 3, "{out}");
    let topic = fs::read_to_string(folder.path().join("out/topics/billing.toml")).unwrap();
    assert_eq!(topic.lines().filter(|line| line.starts_with('"')).count(), 2, "{topic}");
    assert!(topic.contains("[weights]\n# These carry most.\n\""), "{topic}");
}

#[test]
fn replies_check_tells_all_faults_at_once_and_to_machines() {
    let folder = tempfile::tempdir().unwrap();
    lay(folder.path());
    let opening = folder.path().join("replies/de/opening.txt");
    let good = fs::read_to_string(&opening).unwrap();
    fs::write(&opening, good.replace("{{ ticket }}", "{{ tickt }}")).unwrap();
    fs::remove_file(folder.path().join("replies/fr/reminder.txt")).unwrap();
    let mut command = cargo_bin_cmd!("deskclerk");
    let check = command.args(["replies", "check", "--format", "json", "--rules"]).arg(folder.path());
    let output = check.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let out = String::from_utf8(output.stdout).unwrap();
    let fault = |line: &str| serde_json::from_str::<Value>(line).unwrap();
    let files: Vec<_> = out.lines().map(|line| fault(line)["file"].as_str().unwrap().to_owned()).collect();
    assert_eq!(files, ["replies/de/opening.txt", "replies/fr/reminder.txt"], "{out}");
}
