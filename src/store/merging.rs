//! Merging two tickets: the messages of the one stand on the other from now on.
//!
//! Promises: all or nothing, and only over the versions that were read; what was still to be asked on the one that goes is
//! withdrawn. Its history and what it has sent stay with it; both say what was done.

use serde_json::json;
use sqlx::{AnyConnection, AssertSqlSafe, query};

use super::changes::requests;
use super::dispatch::withdraw;
use super::settle::NewOutgoing;
use super::tickets::{COLUMNS, event, read, update};
use super::{Error, Store, outbox};
use crate::request::Request;
use crate::ticket::change::Means;
use crate::ticket::{Status, Ticket, merge};

/// What is to be merged, and by whom.
#[derive(Debug, Clone, Copy)]
pub struct Merge<'a> {
    /// The ticket that goes.
    pub from: i64,
    /// The ticket that stays.
    pub into: i64,
    /// `agent:NAME`.
    pub actor: &'a str,
    /// Unix milliseconds.
    pub at: i64,
}

impl Store {
    /// Merges two tickets and gives back the one that stays. `follows` gives what is to be sent for a ticket: it gets the
    /// ticket as it was and as it is, and the customer's latest message.
    pub async fn merge_tickets(
        &self,
        Merge { from, into, actor, at: now }: Merge<'_>,
        means: Means<'_>,
        follows: impl Fn(&Ticket, &Ticket, Option<&Request>) -> Vec<NewOutgoing>,
    ) -> Result<Ticket, Error> {
        let mut transaction = self.begin().await?;
        let (gone, kept) = (ticket(&mut transaction, from).await?, ticket(&mut transaction, into).await?);
        let (theirs, ours) = (requests(&mut transaction, from).await?, requests(&mut transaction, into).await?);
        let merged = merge::merge(&gone, &kept, [&theirs, &ours], means, now);
        let (closed, joined) = merged.map_err(Error::Refused)?;
        for (before, after) in [(&gone, &closed), (&kept, &joined)] {
            if !update(&mut transaction, after, before.version).await? {
                return Err(Error::Conflict(format!("ticket {}", before.id)));
            }
        }
        withdraw(&mut transaction, from, now).await?;
        if kept.status == Status::Waiting && joined.status != Status::Waiting {
            withdraw(&mut transaction, into, now).await?;
        }
        for sql in [
            "UPDATE submissions SET ticket_id = $1 WHERE id IN (SELECT submission_id FROM messages WHERE ticket_id = $2)",
            "UPDATE messages SET ticket_id = $1 WHERE ticket_id = $2",
            "UPDATE fetches SET ticket_id = $1 WHERE ticket_id = $2",
            "UPDATE threads SET ticket_id = $1 WHERE ticket_id = $2",
        ] {
            query(sql).bind(into).bind(from).execute(&mut *transaction).await?;
        }
        for (id, what, other) in [(from, "merged_into", into), (into, "merged", from)] {
            event(&mut transaction, id, now, actor, what, &json!({ "ticket": other })).await?;
        }
        let last = requests(&mut transaction, into).await?.pop();
        for (before, after) in [(&gone, &closed), (&kept, &joined)] {
            if before.status != after.status {
                let detail = json!({ "from": before.status, "to": after.status });
                event(&mut transaction, before.id, now, "desk", "status", &detail).await?;
            }
            let rows = follows(before, after, last.as_ref());
            outbox::insert(&mut transaction, rows.into_iter().map(|row| (row, before.id)), now).await?;
        }
        transaction.commit().await?;
        Ok(joined)
    }
}

async fn ticket(connection: &mut AnyConnection, id: i64) -> Result<Ticket, Error> {
    let sql = format!("SELECT {COLUMNS} FROM tickets WHERE id = $1");
    let row = query(AssertSqlSafe(sql)).bind(id).fetch_optional(connection).await?;
    row.as_ref().map(read).transpose()?.ok_or_else(|| Error::Missing(format!("ticket {id}")))
}
