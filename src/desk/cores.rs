//! The threads that read and judge: one a core, always the same ones, beside those that serve.
//!
//! Regexes keep megabytes for each thread that has searched with them; on threads that come and go those would add up.

use std::sync::LazyLock;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinHandle, spawn_blocking};

/// How many there are. Asked once: the answer takes a dozen system calls.
pub static CORES: LazyLock<usize> = LazyLock::new(|| std::thread::available_parallelism().map_or(1, usize::from));

/// How long one stays that has nothing to do.
const STAYS: Duration = Duration::from_secs(365 * 24 * 3600);

/// Has threads for work that blocks, and runs nothing else.
static THREADS: LazyLock<Option<Runtime>> = LazyLock::new(|| {
    let threads = Builder::new_current_thread().max_blocking_threads(*CORES).thread_keep_alive(STAYS).build();
    threads.inspect_err(|error| tracing::warn!(%error, "mails are read on threads of others")).ok()
});

/// Runs what takes milliseconds of a core; waits for a free one first.
pub fn run<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    match &*THREADS {
        Some(threads) => threads.spawn_blocking(work),
        None => spawn_blocking(work),
    }
}
