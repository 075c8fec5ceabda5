//! Rows 37 and 38: whose fault is it that the process ended? A mail over which somebody kills it five times becomes a ticket;
//! one that ends whatever reads it goes to quarantine, and takes no other with it.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::clerk::{Clerk, Plan, door};
use crate::ledger::{Fate, Ledger, address, audit, settle};
use crate::talk::Talk;
use crate::town::{Made, Town};

const SOON: Duration = Duration::from_secs(60);
/// Stands in the text of the mail, never in its bytes as they come: those are base64.
const WORD: &str = "the-word-that-must-not-be-read";

/// A daemon with a mailbox, whose shim looks for the word where `key` says while the file is there; not started yet.
fn prepare(town: &Town, row: u8, key: &str) -> Result<(Clerk, String, PathBuf), String> {
    let shim = town.shim.clone()?;
    let (data, file) = (town.folder.path().join(format!("data-{row}")), town.folder.path().join(format!("word-{row}")));
    fs::write(&file, WORD).unwrap();
    let env = [
        ("LD_PRELOAD", shim.display().to_string()),
        ("FAULTS_FOLDER", data.display().to_string()),
        (key, file.display().to_string()),
    ];
    let user = format!("row{row}@desk.example");
    let clerk = Clerk::prepare(Plan {
        support: user.clone(),
        imap: vec![door("support", town.dovecot.imap, &user, &town.dovecot, "")],
        env: env.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        data: Some(data),
        ..Plan::default()
    });
    Ok((clerk, user, file))
}

/// Puts the mail with the word into the mailbox.
async fn put(town: &Town, ledger: &Ledger, fate: Fate, user: &str) {
    let token = ledger.token(fate);
    let text = format!("Hello,\n\nthe clicks of our campaign are not tracked, and {WORD} is all that we see.\n");
    let mail = format!(
        "From: {0}\r\nTo: {user}\r\nMessage-ID: <{0}>\r\nSubject: Clicks are not tracked\r\nMIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n{1}",
        address(&token),
        STANDARD.encode(text)
    );
    let mut talk = Talk::to(&format!("127.0.0.1:{}", town.dovecot.lmtp)).await;
    talk.say("LHLO mx.test.example", "250").await;
    talk.submit(&address(&token), user, &mail).await;
}

/// Starts the daemon so often, and it ends by this signal each time.
fn dies(clerk: &mut Clerk, times: usize, signal: i32) {
    for life in 1..=times {
        clerk.launch();
        let status = clerk.buried(SOON);
        assert_eq!(status.signal(), Some(signal), "life {life} ended with {status}\n{}", clerk.last_words());
    }
}

/// 37: each time the mail is judged and about to become a ticket.
pub async fn by_chance(town: Arc<Town>) -> Made {
    let (mut clerk, user, file) = prepare(&town, 37, "FAULTS_KILL_AT")?;
    let ledger = town.ledger(37);
    put(&town, &ledger, Fate::Ticket, &user).await;
    town.mail(&ledger, &user, 3).await;
    dies(&mut clerk, 5, 9);
    fs::remove_file(file).unwrap();
    clerk.up();
    let pool = clerk.pool().await;
    settle(&ledger, &pool, None, SOON).await;
    Ok(audit(&ledger, &pool, None).await.noting("5 kills"))
}

/// 38: once, then it ends only a process that reads nothing else, and the others are tickets.
pub async fn by_the_mail(town: Arc<Town>) -> Made {
    let (mut clerk, user, _file) = prepare(&town, 38, "FAULTS_ABORT_AT")?;
    let ledger = town.ledger(38);
    town.mail(&ledger, &user, 3).await;
    put(&town, &ledger, Fate::Quarantined, &user).await;
    town.mail(&ledger, &user, 3).await;
    dies(&mut clerk, 1, 6);
    clerk.up();
    let pool = clerk.pool().await;
    settle(&ledger, &pool, None, SOON).await;
    let mut tally = audit(&ledger, &pool, None).await;
    let listed = clerk.command(&["quarantine", "list"]);
    tally.demand(listed.contains("ends the process that reads it (signal 6)"), || format!("quarantine says {listed}"));
    Ok(tally.noting("1 abort of the desk"))
}
