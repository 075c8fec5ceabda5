//! Real servers for the tests: each in a temporary folder on a free loopback port, stopped by its process id.

pub mod chromium;
pub mod dns;
pub mod dovecot;
pub mod postfix;
pub mod postgres;
pub mod proxies;
pub mod rt;
#[cfg(feature = "s3")]
pub mod s3;
pub mod tokens;

use std::fs::File;
use std::net::{TcpListener, TcpStream};
use std::ops::Range;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

const PORTS: Range<u16> = 20_000..32_000;

/// A loopback port that nobody uses now, and that no other test is given while this program runs: by a lock, and from
/// below the ports that the kernel gives to outgoing connections (`net.ipv4.ip_local_port_range`), which would come between
/// the choice and the server's start.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let folder = std::env::temp_dir().join("deskclerk-test-ports");
    std::fs::create_dir_all(&folder).unwrap();
    let first = (std::process::id() * 37 % u32::from(PORTS.end - PORTS.start)) as u16;
    for _ in PORTS {
        let port = PORTS.start + (first + NEXT.fetch_add(1, Ordering::Relaxed)) % (PORTS.end - PORTS.start);
        let lock = File::create(folder.join(port.to_string())).unwrap();
        if lock.try_lock().is_ok() && TcpListener::bind(("127.0.0.1", port)).is_ok() {
            std::mem::forget(lock); // held until the program ends
            return port;
        }
    }
    panic!("no port of {PORTS:?} is free");
}

/// Waits until something listens; `log` is shown when nothing ever does.
pub fn await_port(port: u16, log: &Path) {
    let until = Instant::now() + Duration::from_secs(30);
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < until, "{}", std::fs::read_to_string(log).unwrap_or_default());
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Sends a signal to a process that we started.
pub fn signal(pid: u32, name: &str) {
    let _ = Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).stderr(Stdio::null()).status();
}

/// Stops a child in order, and waits for its end.
pub fn stop(mut child: Child) {
    signal(child.id(), "TERM");
    let _ = child.wait();
}

/// Waits for the end of a process that is not our child.
pub fn await_end(pid: u32) {
    let until = Instant::now() + Duration::from_secs(20);
    while Path::new(&format!("/proc/{pid}")).exists() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Should the tests be killed, this server ends too: a small shell waits for our end and stops it by its id.
#[allow(clippy::zombie_processes)] // the shell waits for our end, we cannot wait for its
pub fn mortal(pid: u32) {
    let script =
        "while kill -0 \"$1\" && kill -0 \"$2\"; do sleep 0.2; done 2>/dev/null; kill -0 \"$1\" || kill -TERM \"$2\"";
    Command::new("sh")
        .args(["-c", script, "sh", &std::process::id().to_string(), &pid.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .unwrap();
}

/// User and group id of a system user; `None` when we are not root and cannot become anybody.
pub fn user(name: &str) -> Option<(u32, u32)> {
    let own = std::fs::metadata("/proc/self").unwrap();
    if std::os::unix::fs::MetadataExt::uid(&own) != 0 {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").unwrap();
    let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
    let mut fields = line.split(':').skip(2);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}
