//! What all rows share: one Dovecot, one Postfix that delivers into it, and the tools that a row may need.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::harness::mail;
use crate::ledger::{Fate, Ledger, address};
use crate::servers::dovecot::Dovecot;
use crate::servers::postfix::Postfix;
use crate::talk::Talk;

/// The servers and tools of a run.
pub struct Town {
    /// Mailboxes of desks and customers.
    pub dovecot: Dovecot,
    /// Takes mail for both.
    pub postfix: Postfix,
    /// The library that strikes at an fsync, or why there is none.
    pub shim: Result<PathBuf, String>,
    /// libfaketime, or why there is none.
    pub faketime: Result<PathBuf, String>,
    /// The long form.
    pub long: bool,
    /// Ledgers, and whatever a row puts there.
    pub folder: TempDir,
}

/// A row's end: its tally, or why it cannot be made here.
pub type Made = Result<crate::ledger::Tally, String>;

impl Town {
    /// Starts the servers.
    pub fn start(long: bool) -> Town {
        let dovecot = Dovecot::start();
        let postfix = Postfix::start(&format!("inet:127.0.0.1:{}", dovecot.lmtp), "");
        let folder = tempfile::Builder::new().prefix("deskclerk-faults-").tempdir().unwrap();
        let shim = compile(folder.path());
        let found = Path::new("/usr/lib").read_dir().into_iter().flatten().flatten();
        let faketime = found.map(|entry| entry.path().join("faketime/libfaketimeMT.so.1")).find(|path| path.exists());
        let faketime = faketime.ok_or_else(|| "libfaketime is absent: apt-get install faketime".to_owned());
        Town { dovecot, postfix, shim, faketime, long, folder }
    }

    /// A row's ledger.
    pub fn ledger(&self, row: u8) -> Ledger {
        Ledger::open(row, self.folder.path())
    }

    /// How often a row is repeated.
    pub fn rounds(&self, short: usize, long: usize) -> usize {
        if self.long { long } else { short }
    }

    /// Puts so many customers' mails into a mailbox.
    pub async fn mail(&self, ledger: &Ledger, to: &str, count: usize) -> Vec<String> {
        deliver(self.dovecot.lmtp, ledger, Fate::Ticket, to, count).await
    }

    /// A clock that a row may set: the environment that shows it to a program, and its file.
    pub fn clock(&self, name: &str) -> Result<(Vec<(String, String)>, PathBuf), String> {
        let library = self.faketime.clone()?;
        let file = self.folder.path().join(name);
        std::fs::write(&file, "+0").unwrap();
        let env = [
            ("LD_PRELOAD", library.display().to_string()),
            ("FAKETIME_TIMESTAMP_FILE", file.display().to_string()),
            ("FAKETIME_NO_CACHE", "1".into()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".into()),
            ("DONT_FAKE_MONOTONIC", "1".into()),
        ];
        Ok((env.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(), file))
    }
}

/// A customer's mail that lacks its campaign: it is asked for.
pub fn letter(token: &str, to: &str) -> String {
    let text = "Hello,\n\nsince yesterday the clicks of our campaign are no longer tracked. The tracking link opens the \
                right page, but the click report stays at zero.\n\nKind regards\nAnn Miller";
    mail(&address(token), to, &address(token), "Clicks are not tracked", text)
}

/// Hands in mails by LMTP, as a mail server does; each is written into the ledger first.
pub async fn deliver(lmtp: u16, ledger: &Ledger, fate: Fate, to: &str, count: usize) -> Vec<String> {
    let mut talk = Talk::to(&format!("127.0.0.1:{lmtp}")).await;
    talk.say("LHLO mx.test.example", "250").await;
    let mut tokens = vec![];
    for _ in 0..count {
        let token = ledger.token(fate);
        talk.submit(&address(&token), to, &letter(&token, to)).await;
        tokens.push(token);
    }
    tokens
}

/// The lines of Postfix's log that tell why a mail was not taken, put off or sent back.
pub fn troubles(postfix: &Postfix) -> Vec<String> {
    let log = postfix.log();
    let trouble = |line: &&str| {
        let ended = line.contains("status=") && !line.contains("status=sent");
        ended || ["warning:", "reject:", "skipped", "fatal:"].iter().any(|word| line.contains(word))
    };
    log.lines().filter(trouble).map(str::to_owned).collect()
}

fn compile(folder: &Path) -> Result<PathBuf, String> {
    let library = folder.join("shim.so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/faults/shim.c");
    let ran = Command::new("gcc")
        .args(["-shared", "-fPIC", "-O1", "-fno-builtin", "-Wall", "-o"])
        .args([&library, &PathBuf::from(source)])
        .args(["-ldl", "-lpthread"])
        .output()
        .map_err(|error| format!("gcc cannot be run: {error}"))?;
    if ran.status.success() { Ok(library) } else { Err(String::from_utf8_lossy(&ran.stderr).into_owned()) }
}

/// Runs a command of the system's; what it says when it fails.
pub fn system(words: &[&str]) -> Result<(), String> {
    let ran = Command::new(words[0]).args(&words[1..]).output().map_err(|error| format!("{}: {error}", words[0]))?;
    match ran.status.success() {
        true => Ok(()),
        false => Err(format!("{}: {}", words.join(" "), String::from_utf8_lossy(&ran.stderr).trim())),
    }
}
