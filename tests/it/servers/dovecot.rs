//! A throwaway Dovecot: IMAP (plain, STARTTLS, TLS) and LMTP on free loopback ports, maildirs in a temporary folder.
//!
//! Every user exists, with the password `secret`; LMTP delivers `user+tag@host` to `user@host`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use deskclerk::config::mailbox::{After, AnswerSince, Imap};
use deskclerk::config::settings::Tls;
use tempfile::TempDir;

use super::{await_port, free_port, mortal, stop, user};

/// The password of every user.
pub const PASSWORD: &str = "secret";

/// A running Dovecot.
pub struct Dovecot {
    folder: TempDir,
    /// IMAP, plain and STARTTLS.
    pub imap: u16,
    /// IMAP over TLS.
    pub imaps: u16,
    /// LMTP.
    pub lmtp: u16,
    master: Option<Child>,
}

impl Dovecot {
    /// Starts one as it comes.
    pub fn start() -> Dovecot {
        Dovecot::with("")
    }

    /// Starts one with further settings, such as `imap_capability = IMAP4rev1`.
    pub fn with(settings: &str) -> Dovecot {
        let folder = tempfile::Builder::new().prefix("deskclerk-dovecot-").tempdir().unwrap();
        let root = folder.path();
        fs::set_permissions(root, fs::Permissions::from_mode(0o755)).unwrap();
        for name in ["mail", "run", "state"] {
            fs::create_dir(root.join(name)).unwrap();
        }
        fs::write(root.join("password"), PASSWORD).unwrap();
        certify(root);
        let own = user("nobody");
        let (login, internal) = match own {
            Some(_) => ("dovenull".to_owned(), "dovecot".to_owned()),
            None => (whoami(), whoami()),
        };
        let (uid, gid) = own.unwrap_or_else(|| {
            let meta = fs::metadata("/proc/self").unwrap();
            (std::os::unix::fs::MetadataExt::uid(&meta), std::os::unix::fs::MetadataExt::gid(&meta))
        });
        std::os::unix::fs::chown(root.join("mail"), Some(uid), Some(gid)).unwrap();
        let (imap, imaps, lmtp) = (free_port(), free_port(), free_port());
        let text = format!(
            "protocols = imap lmtp
listen = 127.0.0.1
base_dir = {root}/run
state_dir = {root}/state
log_path = {root}/log
ssl = yes
ssl_cert = <{root}/server.pem
ssl_key = <{root}/server.key
disable_plaintext_auth = no
auth_mechanisms = plain login
mail_location = maildir:{root}/mail/%u
mail_fsync = never
mail_max_userip_connections = 50
first_valid_uid = 1
recipient_delimiter = +
default_internal_user = {internal}
default_login_user = {login}
passdb {{
  driver = static
  args = password={PASSWORD}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={root}/mail/%u allow_all_users=yes
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    port = {lmtp}
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
{settings}
",
            root = root.display()
        );
        fs::write(root.join("dovecot.conf"), text).unwrap();
        let mut dovecot = Dovecot { folder, imap, imaps, lmtp, master: None };
        dovecot.up();
        dovecot
    }

    /// Starts the processes, again after [`Dovecot::down`].
    pub fn up(&mut self) {
        let master = Command::new("dovecot")
            .args(["-F", "-c", self.config().to_str().unwrap()])
            .stdin(Stdio::null())
            .stderr(fs::File::create(self.folder.path().join("stderr")).unwrap())
            .spawn()
            .expect("Dovecot is not installed; tests/run installs it");
        mortal(master.id());
        self.master = Some(master);
        for port in [self.imap, self.imaps, self.lmtp] {
            await_port(port, &self.folder.path().join("stderr"));
        }
    }

    /// Stops the processes; the mails stay.
    pub fn down(&mut self) {
        if let Some(master) = self.master.take() {
            stop(master);
        }
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("dovecot.conf")
    }

    /// The authority that signed the server's certificate, PEM.
    pub fn ca_file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// A file that holds the password.
    pub fn password_file(&self) -> PathBuf {
        self.folder.path().join("password")
    }

    /// A user's maildir.
    pub fn maildir(&self, user: &str) -> PathBuf {
        self.folder.path().join("mail").join(user)
    }

    /// What Dovecot has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Runs doveadm and gives its output.
    pub fn doveadm(&self, args: &[&str]) -> String {
        let ran = Command::new("doveadm").args(["-c", self.config().to_str().unwrap()]).args(args).output().unwrap();
        assert!(ran.status.success(), "doveadm {args:?}: {}", String::from_utf8_lossy(&ran.stderr));
        String::from_utf8(ran.stdout).unwrap()
    }

    /// Ends a user's sessions, where there are any.
    pub fn kick(&self, user: &str) {
        let _ = Command::new("doveadm").args(["-c", self.config().to_str().unwrap(), "kick", user]).output().unwrap();
    }

    /// The processes that serve a user's IMAP sessions.
    pub fn sessions(&self, user: &str) -> Vec<u32> {
        let who = self.doveadm(&["-f", "tab", "who", user]);
        let pids = who.lines().skip(1).filter_map(|line| line.split('\t').nth(3));
        pids.flat_map(|list| list.split(|c: char| !c.is_ascii_digit()).filter_map(|pid| pid.parse().ok())).collect()
    }

    /// Puts a mail into a user's mailbox.
    pub fn save(&self, user: &str, mailbox: &str, mail: &str) {
        use std::io::Write;
        let mut saving = Command::new("doveadm")
            .args(["-c", self.config().to_str().unwrap(), "save", "-u", user, "-m", mailbox])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        saving.stdin.take().unwrap().write_all(mail.as_bytes()).unwrap();
        assert!(saving.wait().unwrap().success());
    }

    /// The UIDs in a mailbox and their flags, such as `3 \Seen $Deskclerk`, oldest first.
    pub fn flags(&self, user: &str, mailbox: &str) -> Vec<String> {
        let listed = self.doveadm(&["-f", "tab", "fetch", "-u", user, "uid flags", "mailbox", mailbox]);
        listed.lines().skip(1).map(|line| line.replace('\t', " ").trim().to_owned()).collect()
    }

    /// Settings of a door that reads `user`'s INBOX, plaintext over loopback.
    pub fn door(&self, user: &str) -> Imap {
        Imap {
            name: "support".into(),
            host: "127.0.0.1".into(),
            port: self.imap,
            tls: Tls::None,
            ca_file: PathBuf::new(),
            proxy: String::new(),
            proxy_secret_file: PathBuf::new(),
            user: user.into(),
            password_file: self.password_file(),
            oauth: None,
            mailbox: "INBOX".into(),
            folders: vec![],
            after: After::Flag,
            move_to: "Deskclerk".into(),
            poll_secs: 1,
            idle_secs: 300,
            timeout_secs: 60,
            answer_since: AnswerSince::Now,
            read_since: None,
            backlog_per_minute: 0,
        }
    }
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("Dovecot's log:\n{}", self.log());
        }
        self.down();
    }
}

fn whoami() -> String {
    String::from_utf8(Command::new("id").arg("-un").output().unwrap().stdout).unwrap().trim().to_owned()
}

/// An authority and a server certificate for localhost and 127.0.0.1, for this run only.
pub fn certify(root: &Path) {
    let openssl = |args: &[&str]| {
        let ran = Command::new("openssl").args(args).current_dir(root).output().unwrap();
        assert!(ran.status.success(), "openssl: {}", String::from_utf8_lossy(&ran.stderr));
    };
    let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    let mut authority = vec!["req", "-x509", "-days", "2", "-subj", "/CN=test authority"];
    authority.extend(key);
    authority.extend(["-addext", "keyUsage=critical,keyCertSign", "-keyout", "ca.key", "-out", "ca.pem"]);
    openssl(&authority);
    let mut request = vec!["req", "-subj", "/CN=localhost", "-keyout", "server.key", "-out", "server.csr"];
    request.extend(key);
    openssl(&request);
    fs::write(
        root.join("ext"),
        "subjectAltName=DNS:localhost,DNS:mail.test.example,IP:127.0.0.1,IP:10.213.0.1\nextendedKeyUsage=serverAuth\n",
    )
    .unwrap();
    openssl(&[
        "x509",
        "-req",
        "-days",
        "2",
        "-in",
        "server.csr",
        "-CA",
        "ca.pem",
        "-CAkey",
        "ca.key",
        "-CAcreateserial",
        "-extfile",
        "ext",
        "-out",
        "server.pem",
    ]);
}
