//! Which process reads an account: the one that holds its lease (see `store::leases`).
//!
//! The lease lasts longer than three renewals. Whoever cannot renew it stops reading before it ends, by a clock that nobody
//! sets.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::desk::Desk;
use crate::store;

/// How long a lease lasts.
const LASTS: Duration = Duration::from_secs(30);
/// How often it is renewed, and before its end given up.
const RENEWED: Duration = Duration::from_secs(8);
/// How long the store may take.
const ANSWER: Duration = Duration::from_secs(5);

/// The lease of one account.
pub struct Lease {
    name: String,
    desk: Arc<Desk>,
}

impl Lease {
    /// Not taken yet.
    pub fn of(name: String, desk: Arc<Desk>) -> Lease {
        Lease { name, desk }
    }

    /// Whether it is this process's now, for [`LASTS`].
    pub async fn take(&self) -> Result<bool, store::Error> {
        self.desk.store.take_lease(&self.name, &self.desk.node, LASTS.as_millis() as i64).await
    }

    /// Renews it until `held` is cancelled; cancels `held` when it is lost.
    pub async fn renew(&self, held: &CancellationToken) {
        let mut until = Instant::now() + LASTS;
        metrics::gauge!("deskclerk_imap_lease", "door" => self.name.clone()).set(1.0);
        loop {
            tokio::select! {
                () = held.cancelled() => break,
                () = sleep(RENEWED) => {}
            }
            let asked = Instant::now();
            match timeout(ANSWER, self.take()).await {
                Ok(Ok(true)) => until = asked + LASTS,
                Ok(Ok(false)) => break tracing::warn!(door = self.name, "another node has taken over this mailbox"),
                _ if Instant::now() + RENEWED < until => {}
                _ => break tracing::warn!(door = self.name, "the lease cannot be renewed: the mailbox is let go"),
            }
        }
        held.cancel();
        metrics::gauge!("deskclerk_imap_lease", "door" => self.name.clone()).set(0.0);
    }

    /// Leaves it to others at once.
    pub async fn give_up(&self) {
        if let Ok(Err(error)) = timeout(ANSWER, self.desk.store.drop_lease(&self.name, &self.desk.node)).await {
            tracing::debug!(door = self.name, %error, "the lease could not be given up; it ends by itself");
        }
    }
}
