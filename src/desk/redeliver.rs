//! A delivery of a webhook once more, from the source's log: after its map, its rules or its bounds have changed.
//!
//! Promises: a refused post is taken in as if it came now, under the id that it had, or refused again; one that was taken
//! in is settled again only where it went to no ticket. Nothing becomes two tickets.

use super::Desk;
use super::hooks::HookSource;
use super::post::{self, Believed, Post};
use super::problem::Problem;
use crate::store::deliveries::Refusal;
use crate::store::quarantine::Again;

/// What a replay has done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redelivered {
    /// The submission.
    pub submission: String,
    /// Its key was taken in before, with the same words.
    pub known: bool,
}

impl Desk {
    /// Takes a delivery of this source (`hook:NAME`) in again. `actor` stands in the audit trail, `now` is unix milliseconds.
    pub async fn redeliver(&self, door: &str, id: &str, actor: &str, now: i64) -> Result<Redelivered, Problem> {
        let source = self.hook_source(door).ok_or_else(|| Problem::no("webhook source"))?;
        if let Some(refusal) = self.store.refusal(id).await?.filter(|refusal| refusal.source == door) {
            return self.take_again(&source, refusal, now).await;
        }
        let submission = self.store.submission(id).await?.filter(|submission| submission.source == door);
        let submission = submission.ok_or_else(|| Problem::no("delivery"))?;
        if let Some(ticket) = submission.ticket_id {
            return Err(Problem::Conflict(format!("it went to ticket {ticket} already")));
        }
        if submission.outcome.is_none() {
            return Err(Problem::Conflict("it is not settled yet".into()));
        }
        self.store.replay_submission(id, Again::Anew, actor, now).await?;
        self.wake.notify_one();
        Ok(Redelivered { submission: submission.id, known: true })
    }

    async fn take_again(&self, source: &HookSource, refusal: Refusal, now: i64) -> Result<Redelivered, Problem> {
        let Some(raw) = refusal.body else {
            let why = "its body was not kept, for it was not signed or too large; have it sent again";
            return Err(Problem::Conflict(why.into()));
        };
        let content_type = refusal.content_type.unwrap_or_default();
        let believed =
            Believed { door: &refusal.source, content_type: &content_type, raw, id: refusal.source_key, at: now };
        let Post::Request(new) = post::read(source, believed)? else {
            return Err(Problem::Conflict("it is no request".into()));
        };
        let submitted = self.accept(*new).await?;
        if submitted.known && !submitted.same_content {
            return Err(Problem::Conflict("its id was used before with another body".into()));
        }
        self.store.forget_refusal(&refusal.id).await?;
        Ok(Redelivered { submission: submitted.id, known: submitted.known })
    }
}
