//! The daemon: builds the house, starts its tasks, supervises them and shuts down in order.
//!
//! Order of the end: doors first (nothing new comes in), then HTTP, then the desk finishes what it holds, then delivery
//! drains, then the store closes; each with a deadline. A task that ends by itself brings the others down in that same
//! order, so that nothing in flight is lost.

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use listenfd::ListenFd;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::config::fault::Fault;
use crate::config::settings::Config;
use crate::desk::{Desk, gauges};
use crate::intake::lmtp::{Given, Listener};
use crate::intake::webhook::Hooks;
use crate::{delivery, intake, web};

/// What each stage of the end may take.
const STAGE: Duration = Duration::from_secs(9);

/// A running daemon.
pub struct Daemon {
    /// The desk that everything shares.
    pub desk: Arc<Desk>,
    /// Where HTTP listens.
    pub http: SocketAddr,
    /// Where LMTP listens: socket address or path.
    pub lmtp: Option<String>,
    hooks: Arc<Hooks>,
    stages: Vec<Stage>,
    failed: CancellationToken,
}

/// Tasks that end together.
struct Stage {
    name: &'static str,
    cancel: CancellationToken,
    tasks: JoinSet<()>,
    failed: CancellationToken,
}

impl Stage {
    fn new(name: &'static str, failed: &CancellationToken) -> Stage {
        Stage { name, cancel: CancellationToken::new(), tasks: JoinSet::new(), failed: failed.clone() }
    }

    /// Starts a task. Its end before the stage's own is a failure of the whole daemon.
    fn start(&mut self, task: String, future: impl Future<Output = ()> + Send + 'static) {
        let (cancel, failed) = (self.cancel.clone(), self.failed.clone());
        self.tasks.spawn(async move {
            let ended = tokio::spawn(future).await;
            if !cancel.is_cancelled() || ended.is_err() {
                error!(task, "a task ended that should run for ever; shutting down");
                failed.cancel();
            }
        });
    }

    async fn end(mut self) {
        self.cancel.cancel();
        let drained = tokio::time::timeout(STAGE, async { while self.tasks.join_next().await.is_some() {} }).await;
        if drained.is_err() {
            warn!(stage = self.name, "did not end in time; what it held is taken up at the next start");
        }
    }
}

impl Daemon {
    /// Opens the store, binds the listeners and starts all tasks. When it returns, the daemon is ready.
    pub async fn start(config: Config, render: web::Metrics) -> Result<Daemon> {
        Daemon::start_on(config, || Ok(render), Sockets::default(), None).await
    }

    /// As [`Daemon::start`]; `sockets` that are given count before what the settings name. `metrics` is asked for what
    /// renders them once the desk is open: installing the recorder takes as long. `program` see [`Desk::read_apart_with`].
    pub async fn start_on(
        config: Config,
        metrics: impl FnOnce() -> Result<web::Metrics>,
        sockets: Sockets,
        program: Option<PathBuf>,
    ) -> Result<Daemon> {
        let desk = Desk::open_alone(config).await.context("cannot open the desk")?;
        program.into_iter().for_each(|program| desk.read_apart_with(program));
        let render = metrics()?;
        let config = &desk.config;
        let http = match sockets.http {
            Some(socket) => {
                socket.set_nonblocking(true)?;
                TcpListener::from_std(socket)?
            }
            None => TcpListener::bind(&config.http.listen)
                .await
                .with_context(|| format!("cannot listen on http.listen = {}", config.http.listen))?,
        };
        let address = http.local_addr()?;
        let failed = CancellationToken::new();

        let mut doors = Stage::new("doors", &failed);
        let mut lmtp = None;
        if sockets.lmtp.is_some() || !config.lmtp.listen.is_empty() {
            let listener = match sockets.lmtp {
                Some(socket) => Listener::given(socket)?,
                None => Listener::bind(&config.lmtp.listen)
                    .await
                    .with_context(|| format!("cannot listen on lmtp.listen = {}", config.lmtp.listen))?,
            };
            lmtp = Some(listener.address());
            desk.doors.open("lmtp");
            doors.start("lmtp".into(), intake::lmtp::run(listener, desk.clone(), doors.cancel.clone()));
        }
        for mailbox in &config.imap {
            doors.start(mailbox.source(), intake::imap::run(mailbox.clone(), desk.clone(), doors.cancel.clone()));
        }
        let mut pages = Stage::new("http", &failed);
        let hooks = Hooks::open(config).map_err(|faults| anyhow::anyhow!("{}", list(&faults)))?;
        let routes = intake::webhook::router(desk.clone(), hooks.clone()).merge(intake::form::router(desk.clone()));
        let routes = routes.merge(intake::one_tap::router(desk.clone()));
        let routes = routes.merge(intake::connector::router(desk.clone()));
        pages.start("http".into(), web::run(http, desk.clone(), routes, render, pages.cancel.clone()));
        let mut work = Stage::new("desk", &failed);
        let (worker, cancel) = (desk.clone(), work.cancel.clone());
        work.start("desk".into(), async move { worker.work(cancel).await });
        let (keeper, cancel) = (desk.clone(), work.cancel.clone());
        work.start("directory".into(), async move { keeper.keep_directory_fresh(cancel).await });
        let (keeper, cancel) = (desk.clone(), work.cancel.clone());
        work.start("rules".into(), async move { keeper.keep_rules_fresh(cancel).await });
        let mut sending = Stage::new("delivery", &failed);
        sending.start("delivery".into(), delivery::run(desk.clone(), sending.cancel.clone()));

        desk.doors.open("http");
        let hooks_doors = config.hook.iter().map(|hook| format!("hook:{}", hook.name));
        let mailboxes = config.imap.iter().flat_map(|mailbox| mailbox.doors()).map(|(door, _)| door);
        let names: Vec<String> = hooks_doors.chain(mailboxes).chain(["lmtp".into(), "form".into()]).collect();
        desk.declare_doors(names.iter().map(String::as_str));
        desk.show_rules(None);
        desk.show_directory();
        metrics::gauge!("deskclerk_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
        info!(http = %address, lmtp = lmtp.as_deref().unwrap_or("closed"), mailboxes = config.imap.len(), "ready");
        Ok(Daemon { desk, http: address, lmtp, hooks, stages: vec![doors, pages, work, sending], failed })
    }

    /// Reads rules, campaign directory and webhook secrets again; what has faults leaves the old in force.
    pub async fn reload(&self) -> Vec<Fault> {
        let mut faults = self.desk.reload().await;
        if let Err(found) = self.hooks.reload(&self.desk.config) {
            for fault in &found {
                error!(%fault, "the old webhook secrets stay in force");
            }
            faults.extend(found);
        }
        faults
    }

    /// Returns when a task has failed and the daemon must end.
    pub async fn failed(&self) {
        self.failed.cancelled().await;
    }

    /// Ends in order. Whether all tasks had run as they should.
    pub async fn stop(self) -> bool {
        for stage in self.stages {
            stage.end().await;
        }
        self.desk.store.close().await;
        info!("stopped");
        !self.failed.is_cancelled()
    }
}

/// Sockets that the service manager has bound and hands over (sd_listen_fds(3)), told by FileDescriptorName=.
#[derive(Debug, Default)]
pub struct Sockets {
    http: Option<std::net::TcpListener>,
    lmtp: Option<Given>,
}

impl Sockets {
    /// Takes what was handed over to this process; nothing, as a rule. To be called before any thread starts.
    pub fn take() -> Result<Sockets> {
        let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
        let names: Vec<&str> = names.split(':').collect();
        let mut given = ListenFd::from_env();
        let mut sockets = Sockets::default();
        for index in 0..given.len() {
            match names.get(index).copied().unwrap_or_default() {
                "http" => {
                    sockets.http = given.take_tcp_listener(index).context("the socket `http` is no TCP socket")?
                }
                "lmtp" => {
                    sockets.lmtp = match given.take_tcp_listener(index) {
                        Ok(socket) => socket.map(Given::Tcp),
                        Err(_) => {
                            let socket = given.take_unix_listener(index);
                            socket.context("the socket `lmtp` is neither a TCP nor a Unix socket")?.map(Given::Unix)
                        }
                    }
                }
                name => bail!("the service manager hands over a socket `{name}`; FileDescriptorName= is http or lmtp"),
            }
        }
        Ok(sockets)
    }
}

fn list(faults: &[Fault]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// Installs the process's metrics recorder; what it gives renders them. Once a process.
pub fn metrics() -> Result<web::Metrics> {
    const SECONDS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
    // From door to outcome a backlog may take hours.
    const LONG: &[f64] = &[0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0];
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), SECONDS)
        .and_then(|builder| builder.set_buckets_for_metric(Matcher::Full("deskclerk_submission_seconds".into()), LONG))
        .and_then(|builder| builder.set_buckets_for_metric(Matcher::Full("deskclerk_delivery_seconds".into()), LONG))
        .and_then(PrometheusBuilder::install_recorder)
        .context("cannot install the metrics recorder")?;
    gauges::declare();
    Ok(Arc::new(move || {
        handle.run_upkeep();
        handle.render()
    }))
}
