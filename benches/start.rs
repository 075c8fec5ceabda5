//! How long `deskclerk run` takes from its start to READY on an existing database, and what it holds resident when idle:
//! with the demo directory, once on the compiled-in rules and once on a rules folder.
//!
//! `cargo bench --bench start [-- STARTS]`. Linux only: it reads `/proc`.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, clippy::zombie_processes)]

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// When idle memory is read: rules and directory have been looked at again by then.
const IDLE: Duration = Duration::from_secs(8);

fn main() {
    let starts: usize = std::env::args().filter_map(|word| word.parse().ok()).next().unwrap_or(11);
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (name, rules) in
        [("compiled-in rules", String::new()), ("a rules folder", project.join("rules").display().to_string())]
    {
        let folder = tempfile::tempdir().unwrap();
        let campaigns = project.join("fixtures/demo/campaigns.csv");
        let text = format!(
            "[http]\nlisten = \"127.0.0.1:0\"\n[lmtp]\nlisten = \"127.0.0.1:0\"\n[smtp]\nfolder = \"outgoing\"\n\
             [rules]\ndir = \"{rules}\"\n[campaigns]\nfile = \"{}\"\n",
            campaigns.display()
        );
        fs::write(folder.path().join("deskclerk.toml"), text).unwrap();
        let socket = folder.path().join("notify");
        let notified = UnixDatagram::bind(&socket).unwrap();
        notified.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        // The first start makes the database.
        let (_, first) = start(folder.path(), &socket, &notified);
        end(first);
        let mut times = vec![];
        for _ in 0..starts {
            let (time, daemon) = start(folder.path(), &socket, &notified);
            times.push(time);
            end(daemon);
        }
        times.sort();
        let (_, daemon) = start(folder.path(), &socket, &notified);
        std::thread::sleep(IDLE);
        let [all, anonymous, file] = resident(daemon.id());
        end(daemon);
        let ms = |time: &Duration| time.as_secs_f64() * 1000.0;
        println!(
            "{name}: READY after {:.1} ms ({:.1} to {:.1}, {starts} starts); idle {all} kB resident, {anonymous} anonymous, {file} of files",
            ms(&times[times.len() / 2]),
            ms(&times[0]),
            ms(&times[times.len() - 1]),
        );
    }
}

fn start(folder: &Path, socket: &Path, notified: &UnixDatagram) -> (Duration, Child) {
    let begun = Instant::now();
    let daemon = Command::new(env!("CARGO_BIN_EXE_deskclerk"))
        .args(["run", "--config"])
        .arg(folder.join("deskclerk.toml"))
        .env("NOTIFY_SOCKET", socket)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    loop {
        let mut said = [0; 512];
        let length = notified.recv(&mut said).unwrap();
        if said[..length].windows(7).any(|word| word == b"READY=1") {
            return (begun.elapsed(), daemon);
        }
    }
}

fn end(mut daemon: Child) {
    // As the service manager ends it.
    let asked = Command::new("kill").args(["-TERM", &daemon.id().to_string()]).status().unwrap();
    assert!(asked.success() && daemon.wait().unwrap().success());
}

/// VmRSS, RssAnon and RssFile of a process, in kB.
fn resident(pid: u32) -> [u64; 3] {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    ["VmRSS:", "RssAnon:", "RssFile:"].map(|key| {
        let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    })
}
