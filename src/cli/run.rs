//! `deskclerk run --config FILE`: the daemon, its signals and what the service manager hears of it.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, anyhow};
use tokio::signal::unix::{SignalKind, signal};
use tracing::level_filters::LevelFilter;
use tracing::{error, info, warn};
use tracing_subscriber::filter::{ParseError, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::{End, config, output, secrets};
use crate::config::settings::{Log, LogFormat};
use crate::daemon::{self, Daemon, Sockets};
use crate::desk::Desk;

/// Runs the daemon until SIGTERM or SIGINT; SIGHUP reads rules and campaign directory again.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The settings file; `deskclerk config print` shows one
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

/// Runs the command.
pub fn run(args: &Args) -> Result<End> {
    memory::few_pools();
    let sockets = Sockets::take()?;
    // Its clock is calibrated first, which takes many milliseconds: the desk opens meanwhile.
    let recorder = std::thread::spawn(daemon::metrics);
    let recorder = || recorder.join().unwrap_or_else(|cause| std::panic::resume_unwind(cause));
    let (text, settings, mut faults) = config::read(&args.config)?;
    if faults.is_empty() {
        // A mailbox without its password would look open, and take nothing in.
        faults = secrets::unreadable(&settings, &text, &args.config.display().to_string(), true);
    }
    if !faults.is_empty() {
        output::complain_of(&faults);
        return Ok(End::Unusable);
    }
    let _logging = start_logging(&settings.log)?;
    super::runtime()?.block_on(async {
        // Taken before anything starts: a signal during start-up must not be lost.
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut hang_up = signal(SignalKind::hangup())?;
        let daemon = tokio::select! {
            started = Daemon::start_on(settings, recorder, sockets) => started?,
            _ = terminate.recv() => return Ok(End::Ok),
            _ = interrupt.recv() => return Ok(End::Ok),
        };
        notify(&[sd_notify::NotifyState::Ready]);
        memory::give_back();
        let watchdog = tokio::spawn(feed_watchdog(daemon.desk.clone()));
        loop {
            tokio::select! {
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
                () = daemon.failed() => break,
                // A directory that is slow to come must not hold up the end.
                _ = hang_up.recv() => tokio::select! {
                    () = reload(&daemon) => {}
                    _ = terminate.recv() => break,
                    _ = interrupt.recv() => break,
                },
            }
        }
        info!("stopping");
        notify(&[sd_notify::NotifyState::Stopping]);
        watchdog.abort();
        Ok(if daemon.stop().await { End::Ok } else { End::Temporary })
    })
}

async fn reload(daemon: &Daemon) {
    notify(&[sd_notify::NotifyState::Reloading]);
    let faults = daemon.reload().await;
    let desk = &daemon.desk;
    if faults.is_empty() {
        info!(
            rules = desk.rules().version,
            campaigns = desk.directory().len(),
            "rules and campaign directory read again"
        );
    }
    notify(&[sd_notify::NotifyState::Ready]);
    memory::give_back();
}

/// What the process keeps: the C library's own doors to its memory (mallopt(3), malloc_trim(3)), and madvise(2).
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "the C library and the kernel have no other door to this")]
mod memory {
    use std::ffi::{c_int, c_void};

    use rustix::mm::{Advice, madvise};

    unsafe extern "C" {
        fn mallopt(parameter: c_int, value: c_int) -> c_int;
        fn malloc_trim(pad: usize) -> c_int;
    }

    /// `M_ARENA_MAX`.
    const POOLS: c_int = -8;

    /// Two pools for all threads. By default there are eight a core, each of which keeps what was freed in it: over a first
    /// import that adds up.
    pub fn few_pools() {
        // SAFETY: it takes two numbers, and is called before there is a second thread.
        unsafe { mallopt(POOLS, 2) };
    }

    /// Gives back to the system what starting took and running does not need: memory, code, and the texts of the rules.
    pub fn give_back() {
        // SAFETY: it takes a number of bytes to keep, may be called by any thread and touches no memory in use.
        unsafe { malloc_trim(0) };
        for (start, length) in unchanging().unwrap_or_default() {
            // SAFETY: nobody writes to these pages, which are the file's: one that is needed again is mapped again.
            let _ = unsafe { madvise(start as *mut c_void, length, Advice::LinuxDontNeed) };
        }
    }

    /// Where the program's code lies and, before it, its constants (proc_pid_maps(5)): addresses and lengths. What can be read
    /// only and lies behind the code has been written to: the loader put addresses there.
    fn unchanging() -> Option<Vec<(usize, usize)>> {
        let program = std::fs::read_link("/proc/self/exe").ok()?;
        let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
        let own = |line: &&str| line.ends_with(program.to_str().unwrap_or("\n"));
        let span = |line: &str| {
            let (start, end) = line.split_once(' ')?.0.split_once('-')?;
            let (start, end) = (usize::from_str_radix(start, 16).ok()?, usize::from_str_radix(end, 16).ok()?);
            Some((start, end.checked_sub(start)?))
        };
        let code = maps.lines().filter(own).position(|line| line.contains(" r-xp "))?;
        maps.lines().filter(own).take(code + 1).map(span).collect()
    }
}

/// Other C libraries see to it by themselves.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
mod memory {
    pub fn few_pools() {}
    pub fn give_back() {}
}

/// Tells the watchdog that we live, only while the workers come round and commits can be made (systemd.service(5),
/// WatchdogSec). A store that is out of reach is no reason to start anew: the doors say "later" meanwhile.
async fn feed_watchdog(desk: std::sync::Arc<Desk>) {
    let Some(limit) = sd_notify::watchdog_enabled() else { return };
    let mut tick = tokio::time::interval(limit / 3);
    loop {
        tick.tick().await;
        if let Err(because) = desk.works() {
            error!(because, "stuck; the service manager will start it anew");
            continue;
        }
        match tokio::time::timeout(Duration::from_secs(20), desk.store.ping()).await {
            Ok(Ok(())) => notify(&[sd_notify::NotifyState::Watchdog]),
            Ok(Err(error)) => {
                warn!(%error, "the store does not answer");
                notify(&[sd_notify::NotifyState::Watchdog]);
            }
            Err(_) => warn!("the store does not answer in 20 s"),
        }
    }
}

/// Speaks to the service manager where there is one.
fn notify(state: &[sd_notify::NotifyState]) {
    if let Err(error) = sd_notify::notify(state) {
        warn!(%error, "the service manager could not be told");
    }
}

/// Sends log lines to standard error or the journal, in the configured shape; with the feature `otel` spans to a collector.
/// What it gives is kept until the end.
pub fn start_logging(log: &Log) -> Result<Logging> {
    let filter = filter(&log.level).map_err(|error| {
        anyhow!("log.level = \"{}\" is no filter: {error}; write info, or deskclerk=debug,info", log.level)
    })?;
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let registry = tracing_subscriber::registry().with(filter);
    #[cfg(feature = "otel")]
    let (registry, logging) = {
        let (layer, traces) = super::traces::layer()?.unzip();
        (registry.with(layer), Logging { _traces: traces })
    };
    #[cfg(not(feature = "otel"))]
    let logging = Logging {};
    match log.format {
        LogFormat::Json => registry.with(lines.json()).init(),
        LogFormat::Journald => registry.with(journal()?).init(),
        LogFormat::Text => registry.with(lines.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))).init(),
    }
    Ok(logging)
}

/// What logging needs until the end.
#[derive(Debug)]
pub struct Logging {
    #[cfg(feature = "otel")]
    _traces: Option<super::traces::Traces>,
}

/// The way into systemd's journal.
fn journal() -> Result<tracing_journald::Layer> {
    let layer = tracing_journald::layer().map_err(|error| {
        anyhow!("log.format = \"journald\": there is no journal here ({error}); write text or json")
    })?;
    Ok(layer.with_field_prefix(Some("DESKCLERK".into())).with_syslog_identifier("deskclerk".into()))
}

/// Which log lines are written: a level, or `target=level` and a level, between commas.
pub fn filter(level: &str) -> Result<Targets, String> {
    // A word alone would pass as the name of a target, and nothing would be written.
    let words = level.split(',').map(str::trim).filter(|word| !word.contains('='));
    if let Some(word) = words.into_iter().find(|word| word.parse::<LevelFilter>().is_err()) {
        return Err(format!("`{word}` is no level: error, warn, info, debug, trace or off"));
    }
    let targets = level.parse::<Targets>().map_err(|error: ParseError| error.to_string())?;
    // At trace it writes down whole commands, the sign-in among them.
    Ok(targets.with_target("async_imap", LevelFilter::INFO))
}
