//! What is on this machine: folders and their rights, space, store, clock, listeners, and addresses that would loop.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use super::Findings;
use crate::cli::{now, secrets, status};
use crate::config::mailbox::{After, Imap};
use crate::config::secret;
use crate::config::settings::Config;
use crate::desk::sources;
use crate::store::{self, Store};

/// With less the next mail may not fit.
const LEAST_BYTES: u64 = 100 << 20;
/// With less it is time to act.
const FEW_BYTES: u64 = 1 << 30;
/// Clocks may differ by so much.
const SKEW_MS: i64 = 2_000;
/// What came in later than this was stamped by a clock that was wrong.
const FUTURE_MS: i64 = 60_000;

/// Data folder, space, secrets.
pub(super) fn files(settings: &Config, findings: &mut Findings) {
    let folder = &settings.desk.data_dir;
    let about = "data folder";
    match std::fs::metadata(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            findings.plan(about, format!("{} is not there yet and will be made", folder.display()));
        }
        Err(error) => findings.wrong(about, format!("{}: {error}", folder.display()), "check path and rights"),
        Ok(found) => {
            if found.permissions().mode() & 0o077 != 0 {
                let message = format!("others on this machine can look into {}", folder.display());
                findings.think(about, message, "chmod 700: customers' mail lies there");
            }
            match tempfile::NamedTempFile::new_in(folder) {
                Ok(_) => findings.ok(about, format!("{} can be written", folder.display())),
                Err(error) => {
                    let message = format!("{} cannot be written: {error}", folder.display());
                    findings.wrong(about, message, "give it to the user that runs deskclerk");
                }
            }
        }
    }
    space(folder, findings);
    for (table, _, key, path) in secrets::files(settings) {
        // Certificates are no secrets.
        if key == "ca_file" || secret::is_elsewhere(path) {
            continue;
        }
        if std::fs::metadata(path).is_ok_and(|found| found.permissions().mode() & 0o007 != 0) {
            let message = format!("{table}.{key}: everybody on this machine can read {}", path.display());
            findings.think("secrets", message, "chmod o-rwx, or use LoadCredential and credential:NAME");
        }
    }
}

fn space(folder: &Path, findings: &mut Findings) {
    let mut there = folder;
    while !there.exists() {
        let Some(parent) = there.parent() else { return };
        there = parent;
    }
    let Ok(found) = rustix::fs::statvfs(there) else { return };
    let free = found.f_bavail.saturating_mul(found.f_frsize);
    let (about, message) = ("disk", format!("{} MB are free at {}", free >> 20, there.display()));
    let remedy = "make room: with a full disk nothing is taken in";
    if free < LEAST_BYTES {
        findings.wrong(about, message, remedy);
    } else if found.f_files > 0 && found.f_favail < 1_000 {
        findings.wrong(about, format!("only {} files more can be made", found.f_favail), remedy);
    } else if free < FEW_BYTES {
        findings.think(about, message, remedy);
    } else {
        findings.ok(about, message);
    }
}

/// Addresses and mailboxes that would have the desk talk to itself.
pub(super) fn loops(settings: &Config, findings: &mut Findings) {
    let bare = |address: &str| {
        let address = address.to_lowercase();
        match address.split_once('@') {
            Some((local, host)) => format!("{}@{host}", local.split('+').next().unwrap_or(local)),
            None => address,
        }
    };
    let own = std::iter::once(&settings.desk.address).chain(&settings.desk.own_addresses);
    let own: BTreeSet<String> = own.map(|address| bare(address)).collect();
    let mut found = false;
    for (team, address) in settings.teams.iter().filter(|(_, address)| own.contains(&bare(address))) {
        let message =
            format!("mail to team {team} goes to {address}, which is this desk: it would come back as a request");
        findings.wrong("loop", message, "name the team's own address in [teams]");
        found = true;
    }
    for (index, imap) in settings.imap.iter().enumerate() {
        let about = format!("imap:{}", imap.name);
        if imap.after == After::Move && imap.move_to == imap.mailbox {
            findings.wrong(&about, "mails are moved into the mailbox that is read", "name another folder in move_to");
            found = true;
        }
        let shares = |other: &&Imap| {
            let folders =
                |imap: &Imap| imap.doors().into_iter().map(|(_, folder)| folder.to_owned()).collect::<Vec<_>>();
            let (theirs, ours) = (folders(other), folders(imap));
            (&other.host, other.port, &other.user) == (&imap.host, imap.port, &imap.user)
                && ours.iter().any(|folder| theirs.contains(folder))
        };
        if let Some(twin) = settings.imap.iter().take(index).find(shares) {
            let message = format!("reads the same mailbox as imap:{}: every mail comes twice", twin.name);
            findings.wrong(&about, message, "take one of the two out");
            found = true;
        }
    }
    if !found {
        findings.ok("loop", "nothing that the desk sends comes back to it");
    }
}

/// The store, when it can be looked into.
pub(super) async fn store(settings: &Config, findings: &mut Findings) -> Option<Store> {
    let about = "store";
    let url = match sources::store_url(settings) {
        Ok(url) => url,
        Err(error) => {
            findings.think(about, error.to_string(), "run this where the service manager gives credentials");
            return None;
        }
    };
    let fresh = url.strip_prefix("sqlite:").is_some_and(|name| !settings.desk.data_dir.join(name).exists());
    if fresh {
        findings.plan(about, "there is no database yet; the first start makes it");
        return None;
    }
    let store = match Store::open_to_read(&url, &settings.desk.data_dir).await {
        Ok(store) => store,
        Err(error @ store::Error::Unreachable { .. }) => {
            findings.away(about, error.to_string(), "nothing is taken in meanwhile");
            return None;
        }
        Err(error @ store::Error::Older { .. }) => {
            findings.plan(about, error.to_string());
            return None;
        }
        Err(error) => {
            findings.wrong(about, error.to_string(), "restore a backup where nothing else helps");
            return None;
        }
    };
    match (sources::blobs(settings), store.blobs_named().await) {
        (Err(error), _) => {
            findings.wrong("store.blobs", error.to_string(), "large originals cannot be read without it")
        }
        (Ok(blobs), Ok(named @ 1..)) if !blobs.are_kept() => {
            let message = format!("{named} originals lie outside the database, and it does not say where");
            findings.wrong("store.blobs", message, "name the place that they were put to");
        }
        _ => {}
    }
    match (store.queues(now()).await, store.agents().await) {
        (Ok(queues), Ok(agents)) => {
            findings.ok(about, format!("readable; {} tickets are ready for agents", queues.tickets_ready));
            if queues.quarantined > 0 {
                let message = format!("{} submissions wait for a decision", queues.quarantined);
                findings.think("quarantine", message, "deskclerk quarantine list");
            }
            if queues.dead > 0 {
                findings.think("outbox", format!("{} dead letters", queues.dead), "deskclerk outbox list --state dead");
            }
            if agents.is_empty() {
                findings.think("agents", "nobody can sign in", "deskclerk agent add NAME --address ADDRESS");
            }
            let own = settings.desk.address.to_lowercase();
            for agent in agents.iter().filter(|agent| agent.address == own) {
                let message = format!("agent {} has the address of the desk itself", agent.name);
                findings.wrong("loop", message, "give the agent an address of his own");
            }
        }
        (Err(error), _) | (_, Err(error)) => {
            findings.wrong(about, format!("cannot be read: {error}"), "look at the database's own log");
        }
    }
    Some(store)
}

/// Where large originals lie: a probe is put there, read and deleted.
pub(super) async fn originals(settings: &Config, offline: bool, findings: &mut Findings) {
    let about = "store.blobs";
    let Ok(blobs) = sources::blobs(settings) else { return };
    if !blobs.are_kept() || (offline && settings.store.blobs.starts_with("s3://")) {
        return;
    }
    let place = blobs.name();
    match blobs.probe().await {
        Ok(true) => findings.ok(about, format!("{place} takes, gives and deletes")),
        Ok(false) => findings.plan(about, format!("{place} is not there yet and will be made")),
        Err(error) if settings.store.blobs.starts_with("s3://") => {
            let remedy =
                "check s3_endpoint, s3_region, that the bucket exists, and that the key may get, put, delete and list";
            findings.wrong(about, error.to_string(), remedy);
        }
        Err(error) => findings.wrong(about, error.to_string(), "give it to the user that runs deskclerk, or make room"),
    }
}

/// This machine's clock: leases, reminders, signatures and TLS rely on it.
pub(super) async fn clock(store: Option<&Store>, findings: &mut Findings) {
    let about = "clock";
    let mut sound = true;
    if let Some(store) = store {
        if let Ok(Some(latest)) = store.latest_submission().await
            && latest > now() + FUTURE_MS
        {
            let message = format!("the latest submission came in {} s from now", (latest - now()) / 1000);
            findings.wrong(about, message, "the clock was or is wrong: set it by NTP");
            sound = false;
        }
        if let Ok(Some(theirs)) = store.clock().await
            && (theirs - now()).abs() > SKEW_MS
        {
            let message = format!("the database's clock is {} ms ahead", theirs - now());
            findings.wrong(about, message, "set both by NTP: leases are by the clock");
            sound = false;
        }
    }
    let asked = Command::new("timedatectl").args(["show", "--property=NTPSynchronized", "--value"]).output();
    if asked.is_ok_and(|asked| asked.status.success() && asked.stdout.starts_with(b"no")) {
        findings.think(about, "it is not synchronised", "enable systemd-timesyncd or chrony");
        sound = false;
    }
    if sound {
        findings.ok(about, format!("{}", jiff::Timestamp::now()));
    }
}

/// The running daemon, or whether it could listen.
pub(super) async fn daemon(settings: &Config, findings: &mut Findings) {
    let about = "daemon";
    let listen = &settings.http.listen;
    if let Ok(said) = status::ask(listen).await {
        let word = if said["ready"] == true { "runs and is ready" } else { "runs and is not ready" };
        match said["ready"] == true {
            true => findings.ok(about, word),
            false => findings.wrong(about, word, "deskclerk status says why"),
        }
        for check in said["checks"].as_array().into_iter().flatten().filter(|check| check["ok"] == false) {
            let message =
                format!("{}: {}", check["name"].as_str().unwrap_or(""), check["because"].as_str().unwrap_or(""));
            findings.think(about, message, "deskclerk status shows more");
        }
        return;
    }
    let lmtp = Some(&settings.lmtp.listen).filter(|listen| !listen.is_empty() && !listen.starts_with('/'));
    for (key, listen) in [("http.listen", Some(listen)), ("lmtp.listen", lmtp)] {
        let Some(listen) = listen else { continue };
        match TcpListener::bind(listen) {
            Ok(_) => findings.ok(about, format!("does not run; {key} = {listen} is free")),
            Err(error) => {
                let message = format!("does not run, and could not listen on {key} = {listen}: {error}");
                findings.wrong(about, message, "end what listens there, or write another address");
            }
        }
    }
}
