//! A throwaway Postfix on a free loopback port: takes mail for `desk.example` and `customer.example` by SMTP and hands it
//! on by LMTP. Nothing leaves the machine. Postfix starts only as root.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::{await_port, free_port, mortal, user};

/// A running Postfix.
pub struct Postfix {
    folder: TempDir,
    /// SMTP.
    pub smtp: u16,
    master: u32,
}

impl Postfix {
    /// Starts one that hands its mail to the LMTP server at `lmtp`. `settings` are lines of main.cf.
    pub fn start(lmtp: &str, settings: &str) -> Postfix {
        Postfix::at(free_port(), lmtp, settings)
    }

    /// The same, on this port.
    pub fn at(smtp: u16, lmtp: &str, settings: &str) -> Postfix {
        Postfix::serving(smtp, lmtp, settings, |_| String::new())
    }

    /// The same, with further lines of master.cf; they are told Postfix's folder, which everybody may read.
    pub fn serving(smtp: u16, lmtp: &str, settings: &str, more: impl FnOnce(&Path) -> String) -> Postfix {
        let owner = user("postfix").expect("Postfix starts only as root; run the tests as root");
        let folder = tempfile::Builder::new().prefix("deskclerk-postfix-").tempdir().unwrap();
        let root = folder.path();
        fs::set_permissions(root, fs::Permissions::from_mode(0o755)).unwrap();
        for name in ["conf", "queue", "data"] {
            fs::create_dir(root.join(name)).unwrap();
        }
        std::os::unix::fs::chown(root.join("data"), Some(owner.0), None).unwrap();
        let main = format!(
            "compatibility_level = 3.6
queue_directory = {root}/queue
data_directory = {root}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = mx.test.example
mydestination =
virtual_mailbox_domains = desk.example customer.example
virtual_transport = lmtp:{lmtp}
default_transport = error:nothing leaves this machine
relay_transport = error:nothing leaves this machine
inet_interfaces = loopback-only
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
alias_maps =
recipient_delimiter = +
maillog_file = {root}/log
maillog_file_prefixes = {root}
minimal_backoff_time = 2s
maximal_backoff_time = 3s
queue_run_delay = 1s
in_flow_delay = 0
smtpd_client_connection_count_limit = 0
{settings}
",
            root = root.display()
        );
        fs::write(root.join("conf/main.cf"), main).unwrap();
        let services = [
            ("cleanup unix n", "0 cleanup"),
            ("qmgr unix n", "1 qmgr"),
            ("rewrite unix -", "- trivial-rewrite"),
            ("bounce unix -", "0 bounce"),
            ("defer unix -", "0 bounce"),
            ("trace unix -", "0 bounce"),
            ("verify unix -", "1 verify"),
            ("flush unix n", "0 flush"),
            ("proxymap unix -", "- proxymap"),
            ("proxywrite unix -", "1 proxymap"),
            ("error unix -", "- error"),
            ("retry unix -", "- error"),
            ("lmtp unix -", "- lmtp"),
            ("anvil unix -", "1 anvil"),
            ("tlsmgr unix -", "1 tlsmgr"),
            ("postlog unix-dgram n", "1 postlogd"),
        ];
        let mut master = format!("127.0.0.1:{smtp} inet n - n - - smtpd\n");
        for (left, right) in services {
            master.push_str(&format!("{left} - n - {right}\n"));
        }
        master.push_str(&more(root));
        fs::write(root.join("conf/master.cf"), master).unwrap();
        let started = Command::new("postfix")
            .args(["-c", root.join("conf").to_str().unwrap(), "start"])
            .output()
            .expect("Postfix is not installed; tests/run installs it");
        let log = root.join("log");
        assert!(started.status.success(), "postfix: {}", fs::read_to_string(&log).unwrap_or_default());
        await_port(smtp, &log);
        let master = fs::read_to_string(root.join("queue/pid/master.pid")).unwrap().trim().parse().unwrap();
        mortal(master);
        Postfix { folder, smtp, master }
    }

    /// What Postfix has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("Postfix's log:\n{}", self.log());
        }
        super::signal(self.master, "TERM");
        super::await_end(self.master);
    }
}
