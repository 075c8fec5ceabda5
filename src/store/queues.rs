//! How much waits where, and for how long: for metrics, `/readyz` and `deskclerk status`. Only reads, and only what an index
//! holds, so that looking costs the same however much is stored.

use serde::Serialize;
use sqlx::any::AnyRow;
use sqlx::{Row, query};

use super::{Engine, Error, Store};

/// Counting by door stops here: a larger backlog is large enough.
const COUNTED: i64 = 10_000;
const HOUR_MS: i64 = 3_600_000;

/// What waits.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Queues {
    /// Submissions that are not settled.
    pub pending: i64,
    /// When the oldest of them came in, unix milliseconds.
    pub pending_since: Option<i64>,
    /// Those of each door, of the oldest ten thousand.
    pub doors: Vec<Waiting>,
    /// Submissions in quarantine.
    pub quarantined: i64,
    /// When the latest of them came in, unix milliseconds.
    pub quarantined_latest: Option<i64>,
    /// Mails and posts to be sent.
    pub queued: i64,
    /// When the oldest of them was due, unix milliseconds; in the future: it waits for its next try.
    pub queued_due: Option<i64>,
    /// Refused for good, undecided.
    pub dead: i64,
    /// Drafts that wait for an agent.
    pub drafts: i64,
    /// Tickets that wait for their customer.
    pub tickets_waiting: i64,
    /// Tickets that wait for an agent.
    pub tickets_ready: i64,
    /// Tickets that agents work on.
    pub tickets_open: i64,
    /// Automatic replies of the past hour to proven senders.
    pub replies_proven: i64,
    /// To unproven ones.
    pub replies_unproven: i64,
}

/// What waits of one door.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Waiting {
    /// The door.
    pub door: String,
    /// How many submissions.
    pub pending: i64,
    /// When the oldest came in, unix milliseconds.
    pub since: i64,
}

impl Store {
    /// What waits at this moment, `now` in unix milliseconds.
    pub async fn queues(&self, now: i64) -> Result<Queues, Error> {
        let mut queues = Queues { pending: self.pending_submissions().await?, ..Queues::default() };
        let doors = query(
            "SELECT source, COUNT(*) AS n, MIN(received_at) AS since FROM (SELECT source, received_at FROM submissions \
             WHERE outcome IS NULL ORDER BY lease_until, id LIMIT $1) AS waiting GROUP BY source ORDER BY source",
        );
        for row in doors.bind(COUNTED).fetch_all(&self.read).await? {
            let waiting = Waiting { door: row.try_get("source")?, pending: count(&row)?, since: row.try_get("since")? };
            queues.pending_since = Some(queues.pending_since.map_or(waiting.since, |since| since.min(waiting.since)));
            queues.doors.push(waiting);
        }
        let sql = "SELECT COUNT(*) AS n, MAX(received_at) AS at FROM submissions WHERE outcome = 'quarantined'";
        let row = query(sql).fetch_one(&self.read).await?;
        (queues.quarantined, queues.quarantined_latest) = (count(&row)?, row.try_get("at")?);
        let sql = "SELECT COUNT(*) AS n, MIN(due_at) AS at FROM outbox WHERE state = 'queued'";
        let row = query(sql).fetch_one(&self.read).await?;
        (queues.queued, queues.queued_due) = (count(&row)?, row.try_get("at")?);
        let sql = "SELECT state, COUNT(*) AS n FROM outbox WHERE state IN ('dead', 'draft') GROUP BY state";
        for row in query(sql).fetch_all(&self.read).await? {
            match row.try_get::<String, _>("state")?.as_str() {
                "dead" => queues.dead = count(&row)?,
                _ => queues.drafts = count(&row)?,
            }
        }
        let sql =
            "SELECT status, COUNT(*) AS n FROM tickets WHERE status IN ('waiting', 'ready', 'open') GROUP BY status";
        for row in query(sql).fetch_all(&self.read).await? {
            match row.try_get::<String, _>("status")?.as_str() {
                "waiting" => queues.tickets_waiting = count(&row)?,
                "ready" => queues.tickets_ready = count(&row)?,
                _ => queues.tickets_open = count(&row)?,
            }
        }
        let replies = query(
            "SELECT unproven, COUNT(*) AS n FROM outbox WHERE created_at > $1 AND reason NOT IN ('team', 'event') \
             AND state <> 'dropped' GROUP BY unproven",
        );
        for row in replies.bind(now - HOUR_MS).fetch_all(&self.read).await? {
            match row.try_get::<i64, _>("unproven")? {
                0 => queues.replies_proven = count(&row)?,
                _ => queues.replies_unproven = count(&row)?,
            }
        }
        Ok(queues)
    }
}

impl Store {
    /// The database server's clock, unix milliseconds; `None`: it is this machine's own.
    pub async fn clock(&self) -> Result<Option<i64>, Error> {
        if self.engine == Engine::Sqlite {
            return Ok(None);
        }
        let sql = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT) AS at";
        Ok(Some(query(sql).fetch_one(&self.read).await?.try_get("at")?))
    }

    /// When the latest submission came in, unix milliseconds.
    pub async fn latest_submission(&self) -> Result<Option<i64>, Error> {
        let sql = "SELECT received_at FROM submissions ORDER BY id DESC LIMIT 1";
        let found = query(sql).fetch_optional(&self.read).await?;
        found.map(|row| Ok(row.try_get("received_at")?)).transpose()
    }
}

fn count(row: &AnyRow) -> Result<i64, Error> {
    Ok(row.try_get("n")?)
}
