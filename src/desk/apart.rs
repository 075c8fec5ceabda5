//! Reading a submission in a process of its own: whoever was being read when a process ended may be what ended it, or may
//! have been in company of that, or somebody killed the process just then. Here it can end nobody else, so it is known.
//!
//! Never says more than whether the reader came to an end.

use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::time::{ClockId, clock_gettime};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use tokio::signal::unix::SignalKind;

use super::read::{self, Reading};
use super::{Error, directory, hooks, sources};
use crate::config::settings::Config;
use crate::store::Store;
use crate::triage;

/// The command of this program that reads one submission: its id follows, the settings come by standard input.
pub const COMMAND: &str = "read-apart";

/// The program that runs, also when its file has been replaced since (proc(5)).
pub const THIS_PROGRAM: &str = "/proc/self/exe";

/// Whoever takes longer is let off: the claim would run out, and it may be the machine.
const PATIENCE: Duration = Duration::from_secs(15);
/// Whoever takes so many seconds of a core comes to no end (SIGXCPU, setrlimit(2)).
const CORE_SECONDS: u64 = 10;

/// By which signal this submission ends the process that reads it. `None`: it does not, or that cannot be known.
pub async fn ends_its_reader(program: &Path, config: &Config, id: &str) -> Option<i32> {
    let status = tokio::time::timeout(PATIENCE, status(program, config, id));
    let status = status.await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
    match status {
        Ok(status) if status.success() => None,
        Ok(status) => {
            tracing::warn!(submission.id = id, %status, "the process that read it apart did not come to its end");
            // Whoever stops the desk says so to all its processes.
            let stops = [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()];
            status.signal().filter(|signal| !stops.contains(&SignalKind::from_raw(*signal)))
        }
        Err(error) => {
            tracing::warn!(submission.id = id, %error, "cannot be read apart");
            None
        }
    }
}

async fn status(program: &Path, config: &Config, id: &str) -> io::Result<ExitStatus> {
    let settings = serde_json::to_vec(config)?;
    let mut command = Command::new(program);
    command.args([COMMAND, id]).stdin(Stdio::piped()).stdout(Stdio::null()).kill_on_drop(true);
    let mut child = command.spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // One that ends before it has read them says why by its status.
        let _ = stdin.write_all(&settings).await;
    }
    child.wait().await
}

/// What the process does: reads and judges the submission as the desk would, and acquits it.
///
/// # Errors
/// The store or the rules cannot be read; that is not the submission's fault.
pub async fn read(config: Config, id: &str) -> Result<(), Error> {
    let url = sources::store_url(&config)?;
    let store = Store::open_to_read(&url, &config.desk.data_dir).await?;
    let store = store.with_blobs(sources::blobs(&config)?);
    let Some(submission) = store.submission(id).await? else { return Ok(()) };
    let rules = sources::rules(&config.rules.dir).map_err(Error::Faults)?;
    let hooks = hooks::sources(&config, &rules).map_err(Error::Faults)?;
    let setting = sources::setting_for(&config, &rules, &store.agents().await?);
    let directory = directory::build(store.campaigns().await?).await;
    let used = u64::try_from(clock_gettime(ClockId::ProcessCPUTime).tv_sec).unwrap_or_default();
    let most = Rlimit { current: Some(used + CORE_SECONDS), ..getrlimit(Resource::Cpu) };
    if let Err(error) = setrlimit(Resource::Cpu, most) {
        tracing::warn!(%error, "what never ends is read for ever");
    }
    let judging = super::cores::run(move || match read::read(&submission, &setting, &hooks) {
        Reading::Request(request, _) => read::guarded(|| triage::triage(&request, &directory, &rules, None)).is_ok(),
        Reading::Refused(_) => true,
        // A panic is the desk's to count.
        Reading::Failed(_) => false,
    });
    if judging.await.unwrap_or_default() {
        // The desk that has asked may be gone by now, and the next one need not ask again.
        Store::open(&url, &config.desk.data_dir, 1).await?.acquit(id).await?;
    }
    Ok(())
}
