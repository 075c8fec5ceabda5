//! `deskclerk run` as an operator starts it, in a folder of its own: started, killed, stopped, looked into.

use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use sqlx::AnyPool;
use tempfile::TempDir;

use crate::harness::look_into;
use crate::servers::dovecot::Dovecot;
use crate::servers::{free_port, signal};

/// The secret of the webhook source `leadhub`.
pub const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const CAMPAIGNS: &str = "campaign_id,name,account,contacts\n48213,Spring Sale,Acme,customer.example\n\
                         48214,Spring Sale 2,Acme,customer.example\n51000,Winter Gala,Acme,customer.example\n";
/// A debug build on a busy machine.
const START: Duration = Duration::from_secs(90);

/// How a daemon is to be set up; lines of TOML where a row wants something special.
#[derive(Default, Clone)]
pub struct Plan {
    /// The desk's address.
    pub support: String,
    /// A PostgreSQL URL; empty: SQLite.
    pub store: String,
    /// `[[imap]]` tables, see [`door`].
    pub imap: Vec<String>,
    /// The port of an SMTP server; `None`: replies wait.
    pub smtp: Option<u16>,
    /// More of `[desk]`, `[http]`, `[smtp]`, `[replies]`.
    pub desk: String,
    /// More of `[http]`.
    pub http: String,
    /// More of `[replies]`.
    pub replies: String,
    /// `[[webhook]]` tables, see [`crate::partner::Partner::endpoint`].
    pub webhooks: Vec<String>,
    /// More of `[egress]`.
    pub egress: String,
    /// A command that the daemon is started by, such as `ip netns exec NAME`.
    pub prefix: Vec<String>,
    /// Environment variables.
    pub env: Vec<(String, String)>,
    /// Where state lives instead of the daemon's own folder.
    pub data: Option<PathBuf>,
    /// The process, once there is one, for whoever kills it; 0: none.
    pub pid: Arc<AtomicU32>,
}

/// A mailbox to read; all its mail may be answered.
pub fn door(name: &str, port: u16, user: &str, dovecot: &Dovecot, more: &str) -> String {
    format!(
        "[[imap]]\nname = \"{name}\"\nhost = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\nuser = \"{user}\"\n\
         password_file = \"{}\"\nanswer_since = \"all\"\n{more}\n",
        dovecot.password_file().display()
    )
}

/// A daemon; killed when dropped.
pub struct Clerk {
    folder: TempDir,
    /// HTTP.
    pub http: u16,
    /// LMTP.
    pub lmtp: u16,
    pid: Arc<AtomicU32>,
    plan: Plan,
    child: Option<Child>,
}

impl Clerk {
    /// Starts one and waits until it is ready.
    pub fn start(plan: Plan) -> Clerk {
        let mut clerk = Clerk::prepare(plan);
        clerk.up();
        clerk
    }

    /// Writes its settings.
    pub fn prepare(plan: Plan) -> Clerk {
        let folder = tempfile::Builder::new().prefix("deskclerk-faults-").tempdir().unwrap();
        let clerk = Clerk { folder, http: free_port(), lmtp: free_port(), pid: plan.pid.clone(), plan, child: None };
        clerk.write();
        clerk
    }

    fn write(&self) {
        let (root, plan) = (self.folder.path(), &self.plan);
        fs::write(root.join("campaigns.csv"), CAMPAIGNS).unwrap();
        fs::write(root.join("secret"), SECRET).unwrap();
        let store = match plan.store.is_empty() {
            true => "sqlite:deskclerk.db",
            false => plan.store.as_str(),
        };
        let data = plan.data.clone().unwrap_or_else(|| root.join("data"));
        let smtp = match plan.smtp {
            Some(port) => format!("[smtp]\nhost = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\n"),
            None => String::new(),
        };
        let support = if plan.support.is_empty() { "support@desk.example" } else { &plan.support };
        let config = format!(
            "[desk]\naddress = \"{support}\"\ndata_dir = \"{}\"\n{}\n[store]\nurl = \"{store}\"\n\
             [campaigns]\nfile = \"campaigns.csv\"\n[http]\nlisten = \"127.0.0.1:{}\"\n{}\n\
             [lmtp]\nlisten = \"127.0.0.1:{}\"\n{}{smtp}\
             [replies]\nper_domain_per_hour = 100000\nper_desk_per_hour = 100000\n{}\n\
             [[hook]]\nname = \"leadhub\"\nsecret_files = [\"secret\"]\n[hook.map]\nemail = \"email\"\n\
             subject = \"subject\"\ntext = \"text\"\n[egress]\nallow = [\"127.0.0.1\"]\n{}\n{}[log]\nlevel = \"info\"\n",
            data.display(),
            plan.desk,
            self.http,
            plan.http,
            self.lmtp,
            plan.imap.concat(),
            plan.replies,
            plan.egress,
            plan.webhooks.concat(),
        );
        fs::write(root.join("deskclerk.toml"), config).unwrap();
    }

    /// The process, for whoever kills it; 0: none.
    pub fn pid(&self) -> Arc<AtomicU32> {
        self.pid.clone()
    }

    /// Starts it, again after an end, and waits until it is ready.
    pub fn up(&mut self) {
        let before = self.log().len();
        self.launch();
        let end = Instant::now() + START;
        while !self.log()[before..].contains(" ready") {
            if let Some(status) = self.child.as_mut().unwrap().try_wait().unwrap() {
                panic!("the daemon did not start: {status}\n{}", tail(&self.log()));
            }
            assert!(Instant::now() < end, "the daemon is not ready in {} s\n{}", START.as_secs(), tail(&self.log()));
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Starts it without waiting.
    pub fn launch(&mut self) {
        let binary = env!("CARGO_BIN_EXE_deskclerk").to_owned();
        let config = self.folder.path().join("deskclerk.toml").display().to_string();
        let mut words = self.plan.prefix.clone();
        words.extend([binary, "run".into(), "--config".into(), config]);
        let log = File::options().create(true).append(true).open(self.log_file()).unwrap();
        let child = Command::new(&words[0])
            .args(&words[1..])
            .envs(self.plan.env.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("{} cannot be run: {error}", words[0]));
        self.pid.store(child.id(), Ordering::SeqCst);
        self.child = Some(child);
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// What it has logged, over all its lives.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.log_file()).unwrap_or_default()).into_owned()
    }

    /// The last lines of that.
    pub fn last_words(&self) -> String {
        tail(&self.log())
    }

    /// Its settings file.
    pub fn config(&self) -> PathBuf {
        self.folder.path().join("deskclerk.toml")
    }

    /// Where its state lives.
    pub fn data(&self) -> PathBuf {
        self.plan.data.clone().unwrap_or_else(|| self.folder.path().join("data"))
    }

    /// Its store.
    pub async fn pool(&self) -> AnyPool {
        match self.plan.store.is_empty() {
            true => look_into(&format!("sqlite://{}", self.data().join("deskclerk.db").display())).await,
            false => look_into(&self.plan.store).await,
        }
    }

    /// SIGKILL: nothing is finished, nothing is flushed.
    pub fn kill(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
        }
        self.buried(Duration::from_secs(10));
    }

    /// A signal by its name.
    pub fn signal(&self, name: &str) {
        signal(self.pid.load(Ordering::SeqCst), name);
    }

    /// Waits for the end of a process that was killed or told to stop.
    pub fn buried(&mut self, patience: Duration) -> ExitStatus {
        let Some(mut child) = self.child.take() else { return ExitStatus::from_raw(0) };
        let end = Instant::now() + patience;
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                self.pid.store(0, Ordering::SeqCst);
                return status;
            }
            if Instant::now() > end {
                let _ = child.kill();
                let _ = child.wait();
                panic!("the daemon did not end in {} s\n{}", patience.as_secs(), self.last_words());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The most memory that the process ever had resident, in bytes.
    pub fn peak_memory(&self) -> u64 {
        self.memory("VmHWM:")
    }

    /// The memory that it has now and no file stands behind, in bytes.
    pub fn own_memory(&self) -> u64 {
        self.memory("RssAnon:")
    }

    fn memory(&self, name: &str) -> u64 {
        let pid = self.pid.load(Ordering::SeqCst);
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("0");
        line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap_or(0) * 1024
    }

    /// Waits until its log says this, that often.
    pub async fn says(&self, words: &str, times: usize, patience: Duration) -> bool {
        let end = Instant::now() + patience;
        while Instant::now() < end {
            if self.log().matches(words).count() >= times {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        false
    }

    /// Runs a command of the program on the same settings and gives its output.
    pub fn command(&self, words: &[&str]) -> String {
        let ran = Command::new(env!("CARGO_BIN_EXE_deskclerk"))
            .args(words)
            .arg("--config")
            .arg(self.config())
            .output()
            .unwrap();
        assert!(ran.status.success(), "{words:?}: {}", String::from_utf8_lossy(&ran.stderr));
        String::from_utf8_lossy(&ran.stdout).into_owned()
    }
}

impl Drop for Clerk {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the daemon's last words:\n{}", self.last_words());
        }
        if let Some(mut child) = self.child.take() {
            signal(child.id(), "CONT");
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(12)..].join("\n")
}

/// SIGKILL to a process that somebody else reaps.
pub fn kill9(pid: &AtomicU32) {
    let pid = pid.load(Ordering::SeqCst);
    if pid != 0 {
        signal(pid, "KILL");
    }
}
