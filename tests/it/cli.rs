//! The command line as its users meet it: the real binary, its output and its exit codes.

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use assert_cmd::cargo::cargo_bin_cmd;
use serde_json::Value;
use tempfile::TempDir;

fn deskclerk() -> Command {
    cargo_bin_cmd!("deskclerk")
}

/// Runs and gives exit code, standard output, standard error.
fn run(command: &mut Command) -> (i32, String, String) {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn demo_fixtures() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/demo"))
}

#[test]
fn the_demo_ends_as_its_golden_files_say() {
    let folder = TempDir::new().unwrap();
    let (code, told, complaints) = run(deskclerk().args(["demo", "--once", "--dir"]).arg(folder.path()));
    assert_eq!(code, 0, "{told}\n{complaints}");
    assert!(told.contains("01-clear-report.eml") && !told.contains("WRONG"), "{told}");
    let mails = fs::read_dir(folder.path().join("outgoing")).unwrap().count();
    assert!(mails >= 5, "only {mails} mails in outgoing/\n{told}");
}

#[test]
fn the_printed_config_is_valid_and_a_bad_one_is_named_by_line() {
    let folder = TempDir::new().unwrap();
    let (code, printed, _) = run(deskclerk().args(["config", "print"]));
    assert_eq!(code, 0);
    let path = folder.path().join("deskclerk.toml");
    fs::write(&path, &printed).unwrap();
    let (code, said, complaints) = run(deskclerk().args(["config", "check", "--config"]).arg(&path));
    assert_eq!(code, 0, "{said}{complaints}");

    fs::write(&path, "[desk]\naddress = \"support@desk.example\"\nadress = \"x@y.example\"\n\n[http]\nlisten = 8025\n")
        .unwrap();
    let (code, _, complaints) = run(deskclerk().args(["config", "check", "--config"]).arg(&path));
    assert_eq!(code, 2);
    assert!(
        complaints.contains("deskclerk.toml:3: unknown key `desk.adress`; did you mean `address`?"),
        "{complaints}"
    );
    assert!(complaints.contains("deskclerk.toml:6: "), "{complaints}");
}

#[test]
fn unusable_arguments_end_with_2_and_say_what_is_wrong() {
    for arguments in [&["run", "--config", "/nowhere/deskclerk.toml"][..], &["triage"], &["tirage", "x.eml"]] {
        let (code, _, complaints) = run(deskclerk().args(arguments));
        assert_eq!(code, 2, "{arguments:?}: {complaints}");
        assert!(!complaints.is_empty());
    }
    let (_, _, complaints) = run(deskclerk().args(["run", "--config", "/nowhere/deskclerk.toml"]));
    assert!(complaints.contains("/nowhere/deskclerk.toml"), "{complaints}");
}

#[test]
fn triage_prints_the_contract_one_object_a_line() {
    let mails = demo_fixtures().join("mails");
    let directory = demo_fixtures().join("campaigns.csv");
    let (code, out, complaints) =
        run(deskclerk().args(["triage", "--format", "json", "--campaigns"]).arg(directory).arg(&mails));
    assert_eq!(code, 0, "{complaints}");
    let lines: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), fs::read_dir(&mails).unwrap().count());
    for line in &lines {
        for key in [
            "source",
            "message",
            "automated",
            "campaign",
            "topic",
            "missing",
            "priority",
            "route",
            "flags",
            "action",
            "reply",
        ] {
            assert!(line.get(key).is_some(), "{key} is absent in {line}");
        }
        for evidence in line["campaign"]["evidence"].as_array().unwrap() {
            let (start, end) =
                (evidence["start"].as_u64().unwrap() as usize, evidence["end"].as_u64().unwrap() as usize);
            if let Some(zone) = evidence["where"].as_str().filter(|zone| ["subject", "text"].contains(zone)) {
                let text = line["message"][zone].as_str().unwrap();
                assert_eq!(&text[start..end], evidence["text"].as_str().unwrap(), "{line}");
            }
        }
    }
    let first = &lines[0];
    assert_eq!(first["campaign"]["status"], "confirmed");
    assert_eq!(first["campaign"]["id"], "20417");
    assert_eq!(first["topic"]["id"], "reporting");
}

#[test]
fn a_bomb_is_named_and_the_next_mail_is_judged() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("1-bomb.eml"), "Content-Type: message/rfc822\r\n\r\n".repeat(22_000)).unwrap();
    fs::write(folder.path().join("2-good.eml"), "From: a@b.example\r\nSubject: hello\r\n\r\nA question.\r\n").unwrap();
    let (code, out, complaints) = run(deskclerk().args(["triage", "--format", "json"]).arg(folder.path()));
    assert_eq!(code, 1, "{complaints}");
    assert!(complaints.contains("1-bomb.eml") && complaints.contains("quarantined"), "{complaints}");
    let lines: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((lines.len(), &lines[0]["outcome"]), (2, &Value::from("quarantined")), "{out}");
    assert!(lines[0]["because"].as_str().unwrap().contains("nesting") && lines[1]["action"].is_string(), "{out}");
}

#[test]
fn triage_says_of_a_mail_that_is_not_read_why_and_knows_the_teams_of_the_settings() {
    let folder = TempDir::new().unwrap();
    let junk: Vec<u8> = (0..2_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    fs::write(folder.path().join("junk.eml"), [&b"From: a@b.example\r\nSubject: x\r\n\r\n"[..], &junk].concat())
        .unwrap();
    let (code, out, _) = run(deskclerk().args(["triage", "--format", "json"]).arg(folder.path()));
    let line: Value = serde_json::from_str(out.trim()).unwrap();
    assert_eq!((code, &line["outcome"]), (1, &Value::from("quarantined")), "{out}");
    assert!(line["because"].as_str().unwrap().contains("undecodable"), "{out}");

    let config = folder.path().join("deskclerk.toml");
    fs::write(
        &config,
        format!(
            "[desk]\naddress = \"support@desk.example\"\ndata_dir = {:?}\n[teams]\nbilling = \"pay@desk.example\"\n",
            folder.path()
        ),
    )
    .unwrap();
    let mail = "From: Pay <pay@desk.example>\r\nSubject: Fwd: x\r\n\r\nplease\r\n\r\n---------- Forwarded message ---------\r\nFrom: Gil <gil@kestrel.example>\r\nDate: Fri, 4 Apr 2025\r\nSubject: x\r\nTo: pay@desk.example\r\n\r\nno clicks\r\n";
    let (_, out, complaints) =
        run(deskclerk().args(["triage", "--format", "json", "--config"]).arg(&config).arg("-").write_stdin(mail));
    let line: Value = serde_json::from_str(out.trim()).unwrap_or_else(|_| panic!("{out}{complaints}"));
    assert_eq!(line["message"]["from"]["address"], "gil@kestrel.example");
}

#[test]
fn triage_reads_standard_input_and_marks_words_for_people() {
    let mail =
        "From: Ann <ann@hollowtree.example>\r\nSubject: report\r\n\r\nThe report of campaign 20417 is empty.\r\n";
    let directory = demo_fixtures().join("campaigns.csv");
    let (code, out, complaints) =
        run(deskclerk().args(["triage", "--campaigns"]).arg(directory).arg("-").write_stdin(mail));
    assert_eq!(code, 0, "{complaints}");
    assert!(out.contains("[[20417]]") && out.contains("because"), "{out}");
    // Beside the campaign stand those that it is easily taken for, and by what the words were found.
    assert!(out.contains("campaign  confirmed 20417") && out.contains("similar  20471 Orchard Box"), "{out}");
    assert!(out.contains("because  \"20417\" in text: campaign-id.label"), "{out}");
}

#[test]
fn the_readme_shows_what_comes_out() {
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let (_, shown) = readme.split_once("$ deskclerk triage --campaigns fixtures/demo/campaigns.csv ").unwrap();
    let (mail, shown) = shown.split_once('\n').unwrap();
    let mail = Path::new(env!("CARGO_MANIFEST_DIR")).join(mail);
    let campaigns = demo_fixtures().join("campaigns.csv");
    let (code, out, complaints) = run(deskclerk().args(["triage", "--campaigns"]).arg(campaigns).arg(mail));
    assert_eq!(code, 0, "{complaints}");
    for line in shown.lines().map(str::trim).take_while(|line| !line.is_empty()) {
        let line = line.trim_end_matches(['…', ' ']);
        assert!(out.lines().any(|printed| printed.trim().starts_with(line)), "README: {line}\n{out}");
    }
}

#[test]
fn import_stores_once_and_never_answers() {
    let folder = TempDir::new().unwrap();
    let config = folder.path().join("deskclerk.toml");
    let directory = demo_fixtures().join("campaigns.csv");
    fs::write(&config, format!("[campaigns]\nfile = \"{}\"\n[smtp]\nfolder = \"out\"\n", directory.display())).unwrap();
    let import = || {
        let mut command = deskclerk();
        command.args(["import", "--format", "json", "--config"]).arg(&config).arg(demo_fixtures().join("mails"));
        let (code, out, complaints) = run(&mut command);
        assert_eq!(code, 0, "{complaints}");
        serde_json::from_str::<Value>(&out).unwrap()
    };
    let mails = fs::read_dir(demo_fixtures().join("mails")).unwrap().count();
    let first = import();
    assert_eq!(first["stored"], mails);
    assert_eq!(
        first["outcomes"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum::<u64>(),
        mails as u64
    );
    let again = import();
    assert_eq!((&again["stored"], &again["known"]), (&Value::from(0), &Value::from(mails)));
    assert_eq!(again["outcomes"], serde_json::json!({}));
}

#[test]
fn a_directory_is_checked_imported_and_never_shrinks_by_accident() {
    let folder = TempDir::new().unwrap();
    let config = folder.path().join("deskclerk.toml");
    fs::write(&config, "").unwrap();
    let whole = demo_fixtures().join("campaigns.csv");
    let (code, out, _) = run(deskclerk().args(["campaigns", "check"]).arg(&whole));
    assert_eq!(code, 0);
    assert!(out.contains("20 campaigns, 0 faults"), "{out}");
    let odd = folder.path().join("odd.csv");
    fs::write(&odd, "campaign_id,name,account,contacts\n1,One,A,foo@\n2,Two,A,a.example\n").unwrap();
    let (code, out, complaints) = run(deskclerk().args(["campaigns", "check"]).arg(&odd));
    assert!(code == 0 && out.contains("2 campaigns, 0 faults, 1 warnings"), "{out}");
    assert!(complaints.contains("odd.csv:2: the contact `foo@` of `1` is no address and no domain"), "{complaints}");
    let (_, out, _) = run(deskclerk().args(["campaigns", "similar", "--format", "json"]).arg(&whole));
    let first: Value = serde_json::from_str(out.lines().next().unwrap()).unwrap();
    assert!(first["campaigns"].as_array().unwrap().len() >= 2, "{first}");
    let (_, table, _) = run(deskclerk().args(["campaigns", "similar"]).arg(&whole));
    let (_, rows, _) = run(deskclerk().args(["campaigns", "similar", "--format", "csv"]).arg(&whole));
    for campaign in first["campaigns"].as_array().unwrap() {
        let id = campaign["id"].as_str().unwrap();
        assert!(table.contains(id) && rows.contains(id), "{table}\n{rows}");
    }
    assert_eq!(rows.lines().next(), Some("group,risk,differ_by,words,account,campaign_id,name"));
    let risks: Vec<f64> = rows.lines().skip(1).map(|row| row.split(',').nth(1).unwrap().parse().unwrap()).collect();
    assert!(risks.len() > 1 && risks.is_sorted_by(|a, b| a >= b), "{rows}");

    let (code, out, complaints) = run(deskclerk().args(["campaigns", "import", "--config"]).arg(&config).arg(&whole));
    assert_eq!(code, 0, "{complaints}");
    assert!(out.contains("20 campaigns imported, 0 were there before"), "{out}");
    let again = ["campaigns", "import", "--format", "json", "--config"];
    let (_, out, _) = run(deskclerk().args(again).arg(&config).arg(&whole));
    let done: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(done, serde_json::json!({ "imported": 20, "before": 20, "in_force": true }));

    let small = folder.path().join("small.csv");
    fs::write(&small, "campaign_id,name,account,contacts\n20417,Orchard Box,Hollow,hollowtree.example\n").unwrap();
    let (code, _, complaints) = run(deskclerk().args(["campaigns", "import", "--config"]).arg(&config).arg(&small));
    assert_eq!(code, 1);
    assert!(complaints.contains("--allow-shrink"), "{complaints}");

    let none = folder.path().join("none.csv");
    fs::write(&none, "campaign_id,name,account,contacts\n").unwrap();
    let (code, _, complaints) = run(deskclerk().args(["campaigns", "import", "--config"]).arg(&config).arg(&none));
    assert_eq!(code, 1);
    assert!(complaints.contains("none.csv holds 0 campaigns") && complaints.contains("--allow-shrink"), "{complaints}");
    let meant = ["campaigns", "import", "--allow-shrink", "--config"];
    let (code, out, _) = run(deskclerk().args(meant).arg(&config).arg(&none));
    assert_eq!((code, out.lines().next()), (0, Some("0 campaigns imported, 20 were there before")));

    let broken = folder.path().join("broken.csv");
    fs::write(&broken, "campaign_id,name,account,contacts\n1,A,X,x.example\n1,B,X,x.example\n2,,X,x.example\n")
        .unwrap();
    let (code, _, complaints) = run(deskclerk().args(["campaigns", "import", "--config"]).arg(&config).arg(&broken));
    assert_eq!(code, 1);
    assert!(complaints.contains("broken.csv:3: ") && complaints.contains("broken.csv:4: "), "{complaints}");
    assert!(complaints.contains("stays as it was"), "{complaints}");
}

#[test]
fn the_shipped_rules_are_checked_proven_and_explained() {
    for command in ["check", "test"] {
        let (code, out, complaints) = run(deskclerk().args(["rules", command]));
        assert_eq!(code, 0, "rules {command}: {out}{complaints}");
    }
    // The reply templates are proven as well: what `run` refuses is no good here.
    let folder = TempDir::new().unwrap();
    for (path, text) in deskclerk::rules::Rules::shipped_files() {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, &*text).unwrap();
    }
    let opening = folder.path().join("replies/de/opening.txt");
    let good = fs::read_to_string(&opening).unwrap();
    fs::write(&opening, good.replace("{{ ticket }}", "{{ tickt }}")).unwrap();
    for command in ["rules", "replies"] {
        let (code, out, complaints) = run(deskclerk().args([command, "check", "--rules"]).arg(folder.path()));
        let said = format!("{out}{complaints}");
        assert!(code == 1 && said.contains("de/opening.txt:2") && said.contains("`tickt`"), "{command}: {said}");
    }
    fs::write(&opening, good).unwrap();
    fs::remove_file(folder.path().join("replies/en/missing_id.txt")).unwrap();
    let (code, out, _) = run(deskclerk().args(["rules", "check"]).arg(folder.path()));
    assert!(code == 1 && out.contains("replies/en/missing_id.txt: is missing"), "{out}");
    // All faults at once, not the templates' after the topics'.
    fs::write(folder.path().join("topics/zoo.toml"), "id = \"zoo\"\ntreshold = 2\n").unwrap();
    let (_, out, _) = run(deskclerk().args(["rules", "check"]).arg(folder.path()));
    assert!(out.contains("missing_id.txt: is missing") && out.contains("zoo.toml:2: unknown key `treshold`"), "{out}");
    let mail = demo_fixtures().join("mails/01-clear-report.eml");
    let (code, out, complaints) = run(deskclerk().args(["rules", "explain"]).arg(mail));
    assert_eq!(code, 0, "{complaints}");
    assert!(out.contains("reporting"), "{out}");
}

#[test]
fn replies_preview_shows_each_kind_under_its_own_heading() {
    let preview = |args: &[&str]| {
        let (code, out, complaints) = run(deskclerk().args(["replies", "preview", "--lang", "en"]).args(args));
        assert_eq!(code, 0, "{complaints}");
        out
    };
    let (open, proven) = (preview(&[]), preview(&["--proven"]));
    let plain = |out: &str, kind: &str| out.matches(&format!("──── en {kind}: plain")).count();
    for kind in ["missing_id", "ambiguous_name", "unknown_id", "conflict", "several", "reminder"] {
        assert_eq!(plain(&proven, kind), 1, "{kind}");
        let as_other =
            format!("──── en {kind}: to a sender who is not proven on the account it goes out as missing_id");
        let differs = ["ambiguous_name", "conflict"].contains(&kind);
        assert_eq!(
            (plain(&open, kind), open.matches(&as_other).count()),
            if differs { (0, 1) } else { (1, 0) },
            "{kind}"
        );
    }
    let (mails, pages) = open.split_once("──── en tap: ").unwrap();
    assert!(!mails.contains("20417") && !mails.contains("20471"), "{mails}");
    assert!(pages.contains("20417"), "{pages}");
}

#[test]
fn config_check_opens_what_the_settings_name() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("deskclerk.toml");
    fs::create_dir(folder.path().join("rules")).unwrap();
    let text = "[rules]\ndir = \"rules\"\n[campaigns]\nfile = \"nosuch.csv\"\n[smtp]\nhost = \"127.0.0.1\"\nuser = \"u\"\npassword_file = \"nosuch\"\n";
    fs::write(&path, text).unwrap();
    let (code, _, complaints) = run(deskclerk().args(["config", "check", "--config"]).arg(&path));
    assert_eq!(code, 2);
    for named in ["holds no rules", "nosuch.csv", "smtp.password_file"] {
        assert!(complaints.contains(named), "{named} is not named: {complaints}");
    }
    fs::write(&path, "[desk]\naddress = \"x\"\nfoo = 1\n[teams]\nbilling = \"notmail\"\n").unwrap();
    let (_, _, complaints) = run(deskclerk().args(["config", "check", "--config"]).arg(&path));
    for named in ["desk.address", "`desk.foo`", "teams.billing"] {
        assert!(complaints.contains(named), "{named} is not named: {complaints}");
    }
    fs::write(&path, "[desk]\nlanguage = \"xx\"\n[smtp]\nfolder = \"deskclerk.toml\"\n").unwrap();
    let (code, out, complaints) = run(deskclerk().args(["config", "check", "--format", "json", "--config"]).arg(&path));
    assert_eq!((code, complaints.as_str()), (2, ""));
    let faults: Value = serde_json::from_str(&out).unwrap();
    let lines: Vec<_> = faults.as_array().unwrap().iter().map(|fault| fault["line"].as_u64().unwrap()).collect();
    assert_eq!(lines, [2, 4], "{out}");
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let text = "[rules]\ndir = \"nosuch\"\n[campaigns]\nfile = \"nosuch.csv\"\n[replies]\ntoken_key_file = \"pipe\"\n";
    fs::write(&path, text).unwrap();
    let (_, out, _) = run(deskclerk().args(["config", "check", "--format", "json", "--config"]).arg(&path));
    let faults: Value = serde_json::from_str(&out).unwrap();
    let lines: Vec<_> = faults.as_array().unwrap().iter().map(|fault| fault["line"].as_u64().unwrap()).collect();
    assert_eq!(lines, [2, 4, 6], "{out}");
    let text = "[smtp]\nhost = \"127.0.0.1\"\ndkim_selector = \"s1\"\ndkim_key_file = \"deskclerk.toml\"\n";
    fs::write(&path, text).unwrap();
    let (_, _, complaints) = run(deskclerk().args(["config", "check", "--config"]).arg(&path));
    assert!(complaints.contains("deskclerk.toml:4: smtp.dkim_key_file: "), "{complaints}");
    fs::write(&path, "[smtp]\nhost = \"127.0.0.1\"\ntls = \"none\"\n").unwrap();
    let (code, _, complaints) = run(deskclerk().args(["config", "check", "--config"]).arg(&path));
    assert_eq!(code, 0, "{complaints}");
}

#[test]
fn a_database_out_of_reach_is_named_and_temporary() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("deskclerk.toml");
    fs::write(&path, "[store]\nurl = \"postgres://someone:secret@127.0.0.1:1/desk\"\n").unwrap();
    let (code, _, complaints) = run(deskclerk().args(["run", "--config"]).arg(&path));
    assert_eq!(code, 75, "{complaints}");
    assert!(complaints.contains("127.0.0.1:1/desk") && !complaints.contains("secret"), "{complaints}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_outbox_is_listed_tried_again_and_emptied() {
    use deskclerk::config;
    use deskclerk::desk::{Desk, unix_ms};

    let folder = TempDir::new().unwrap();
    let file = folder.path().join("deskclerk.toml");
    fs::write(&file, "").unwrap();
    let desk = Desk::open(config::default_in(folder.path())).await.unwrap();
    for name in ["ann", "bob"] {
        let raw = crate::harness::mail(
            &format!("{name}@{name}.example"),
            "support@desk.example",
            &format!("1@{name}.example"),
            "Clicks are not tracked",
            "Hello,\n\nthe clicks of our campaign are not tracked.",
        );
        crate::harness::take_in(&desk, raw).await;
    }
    let claimed = desk.store.claim_outbox(unix_ms(), 60_000, 1).await.unwrap();
    desk.bury(&claimed[0], "550 no such user", unix_ms()).await.unwrap();
    let dead = claimed[0].id.clone();
    let ticket = desk.store.ticket(claimed[0].ticket_id).await.unwrap().unwrap();
    assert_eq!(ticket.status.as_str(), "ready", "nobody will answer a question that cannot be delivered");
    assert!(ticket.flags.contains(&"undelivered".to_owned()), "{:?}", ticket.flags);
    desk.store.close().await;

    let outbox = |arguments: &[&str]| run(deskclerk().arg("outbox").args(arguments).arg("--config").arg(&file));
    let states = |listed: &str| -> Vec<(String, String)> {
        let row = |line: &str| -> Value { serde_json::from_str(line).unwrap() };
        let text = |row: &Value, key: &str| row[key].as_str().unwrap().to_owned();
        listed.lines().map(row).map(|row| (text(&row, "id"), text(&row, "state"))).collect()
    };
    let (code, listed, complaints) = outbox(&["list", "--format", "json"]);
    assert_eq!(code, 0, "{complaints}");
    let mut found: Vec<String> = states(&listed).into_iter().map(|(_, state)| state).collect();
    found.sort();
    assert_eq!(found, ["dead", "queued"]);
    let (_, listed, _) = outbox(&["list", "--state", "dead"]);
    assert!(listed.contains(&dead) && listed.contains("550 no such user") && listed.lines().count() == 1, "{listed}");

    let (code, _, complaints) = outbox(&["retry", "--all-dead"]);
    assert_eq!(code, 0, "{complaints}");
    let (_, listed, _) = outbox(&["list", "--state", "queued", "--format", "json"]);
    assert_eq!(states(&listed).len(), 2, "{listed}");
    let (code, dropped, complaints) = outbox(&["drop", &dead, "--format", "json"]);
    assert_eq!((code, states(&dropped)), (0, vec![(dead.clone(), "dropped".to_owned())]), "{complaints}");
    // Whose question is taken out has not been asked: nobody is to wait for the answer.
    let other = states(&listed).into_iter().find(|(id, _)| *id != dead).unwrap().0;
    let (code, _, complaints) = outbox(&["drop", &other]);
    assert_eq!(code, 0, "{complaints}");
    let desk = Desk::open(config::default_in(folder.path())).await.unwrap();
    let rows = desk.store.list_outgoing(&Default::default(), 10).await.unwrap();
    let ticket = rows.iter().find(|row| row.id == other).unwrap().ticket_id;
    let ticket = desk.store.ticket(ticket).await.unwrap().unwrap();
    assert_eq!((ticket.status.as_str(), ticket.chase_at), ("ready", None));
    assert!(["incomplete", "question_dropped"].iter().all(|flag| ticket.flags.iter().any(|own| own == flag)));
    desk.store.close().await;
    let (code, _, complaints) = outbox(&["retry", &dead]);
    assert!(code == 1 && complaints.contains("is dropped: it cannot be tried again"), "{code} {complaints}");
    let (code, _, complaints) = outbox(&["drop", "none-such"]);
    assert!(code == 1 && complaints.contains("none-such does not exist"), "{code} {complaints}");
    let (code, _, complaints) = outbox(&["list", "--state", "lost"]);
    assert!(code == 2 && complaints.contains("known states"), "{complaints}");
    let (_, listed, _) = outbox(&["list", "--to", "bob@bob.example", "--state", "queued,dead,dropped"]);
    assert!(listed.lines().count() == 1 && listed.contains("bob@bob.example"), "{listed}");
    let (code, shown, complaints) = outbox(&["endpoints"]);
    assert_eq!((code, shown.as_str()), (0, ""), "{complaints}");
    let (code, _, complaints) = outbox(&["enable", "crm"]);
    assert!(code == 1 && complaints.contains("crm is not disabled"), "{code} {complaints}");
    let (code, _, complaints) = outbox(&["retry", "--to", "crm"]);
    assert_eq!(code, 0, "nothing to do is no fault: {complaints}");
    let (code, _, complaints) = outbox(&["resume"]);
    assert!(code == 1 && complaints.contains("does not hold"), "{complaints}");
}

#[tokio::test(flavor = "multi_thread")]
async fn drafts_are_shown_and_released() {
    use deskclerk::config;
    use deskclerk::config::settings::Mode;
    use deskclerk::desk::Desk;

    let folder = TempDir::new().unwrap();
    let file = folder.path().join("deskclerk.toml");
    fs::write(&file, "[replies]\nmode = \"draft\"\n").unwrap();
    let mut config = config::default_in(folder.path());
    config.replies.mode = Mode::Draft;
    let desk = Desk::open(config).await.unwrap();
    for name in ["ann", "bob"] {
        let raw = crate::harness::mail(
            &format!("{name}@{name}.example"),
            "support@desk.example",
            &format!("1@{name}.example"),
            "Clicks are not tracked",
            "Hello,\n\nthe clicks of our campaign are not tracked.",
        );
        crate::harness::take_in(&desk, raw).await;
    }
    desk.store.close().await;

    let outbox = |arguments: &[&str]| run(deskclerk().arg("outbox").args(arguments).arg("--config").arg(&file));
    let (_, listed, _) = outbox(&["list", "--state", "draft", "--format", "json"]);
    let drafts: Vec<Value> = listed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [one, other] = drafts.as_slice() else { panic!("{listed}") };
    let (id, ticket) = (one["id"].as_str().unwrap(), other["ticket"].to_string());
    let (code, shown, complaints) = outbox(&["show", id]);
    assert_eq!(code, 0, "{complaints}");
    let subject = format!("Subject: {}\n\n", one["subject"].as_str().unwrap());
    assert!(shown.contains("draft") && shown.contains(&subject) && shown.contains("Campaign ID"), "{shown}");
    let (_, whole, _) = outbox(&["show", id, "--format", "json"]);
    let whole: Value = serde_json::from_str(&whole).unwrap();
    assert!(whole["text"].as_str().unwrap().contains("Campaign ID") && whole["state"] == "draft", "{whole}");

    let (code, released, complaints) = outbox(&["release", id, "--format", "json"]);
    assert!(code == 0 && released.contains(r#""state":"queued""#), "{released} {complaints}");
    let (code, released, complaints) = outbox(&["release", "--ticket", &ticket]);
    assert!(code == 0 && released.contains("queued"), "{released} {complaints}");
    let (code, _, complaints) = outbox(&["release", "--ticket", &ticket]);
    assert!(code == 1 && complaints.contains("has no draft"), "{code} {complaints}");
    let (code, _, complaints) = outbox(&["release", id]);
    assert!(code == 1 && complaints.contains("is queued: it cannot be released"), "{code} {complaints}");
    let (code, _, complaints) = outbox(&["show", "none-such"]);
    assert!(code == 1 && complaints.contains("none-such does not exist"), "{code} {complaints}");
    assert_eq!(outbox(&["release"]).0, 2, "what is released is named");
    let desk = Desk::open(config::default_in(folder.path())).await.unwrap();
    for row in drafts {
        let ticket = desk.store.ticket(row["ticket"].as_i64().unwrap()).await.unwrap().unwrap();
        assert_eq!((ticket.status.as_str(), ticket.chase_at.is_some()), ("waiting", true));
    }
    desk.store.close().await;
}

/// The labelled mails of the shared sample; what they must reach only rises.
#[test]
fn the_shared_cases_are_judged_as_well_as_before() {
    let cases = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/cases"));
    let output = std::process::Command::new("python3")
        .arg(cases.join("score.py"))
        .args(["--bin", env!("CARGO_BIN_EXE_deskclerk"), "--need", "0.99", "--set"])
        .arg(cases)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}
