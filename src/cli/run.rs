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

use super::{End, config, memory, output, secrets};
use crate::config::settings::{Log, LogFormat};
use crate::daemon::{self, Daemon, Sockets};
use crate::desk::{Desk, apart};

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
            started = Daemon::start_on(settings, recorder, sockets, Some(apart::THIS_PROGRAM.into())) => started?,
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
