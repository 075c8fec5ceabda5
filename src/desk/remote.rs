//! What agents do in another help desk, on our ticket: their answers join its conversation, and its status follows theirs.
//!
//! Promises: an answer is kept once; a status moves only forward from what the other side newly says, so that what agents
//! set here is not undone by an old look; the other side is not told what it said itself.

use super::Desk;
use super::notice::{self, Changed};
use crate::store;
use crate::store::remote::{Answer, Remote};
use crate::ticket::{Status, Ticket};

/// How a ticket stands in another help desk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    /// How it stands there, as the vendor words it: the status, a blank, when it last changed. Another status than at the
    /// last look is news.
    pub seen: String,
    /// What that means here; `None`: nothing.
    pub status: Option<Status>,
    /// It is closed there for good.
    pub over: bool,
    /// What agents wrote to the customer, all or only the newest, oldest first.
    pub answers: Vec<Answer>,
}

impl Desk {
    /// Keeps what is new. How many answers were. `now` is unix milliseconds.
    pub async fn take_news(
        &self,
        connector: &str,
        remote: &Remote,
        news: News,
        now: i64,
    ) -> Result<usize, store::Error> {
        let sources = self.sources.load_full();
        let mut settling = self.store.settling(&[]).await?;
        let Some(before) = settling.ticket(remote.ticket_id).await? else { return Ok(0) };
        let id = |answer: &Answer| format!("{connector}.{}.{}", remote.remote_id, answer.id);
        let ids: Vec<String> = news.answers.iter().map(id).collect();
        let kept = settling.kept(&ids).await?;
        let fresh: Vec<(String, Answer)> =
            ids.into_iter().zip(news.answers).filter(|(id, _)| !kept.contains(id)).collect();
        let mut after = before.clone();
        let word = |seen: &str| seen.split(' ').next().unwrap_or_default().to_owned();
        let over = matches!(news.status, Some(Status::Solved | Status::Closed));
        // Of one that was found again nobody knows how it stood before.
        let moved = word(&news.seen) != word(&remote.seen) && (over || !remote.seen.is_empty());
        let status = match news.status.filter(|_| moved) {
            // An agent who answers works on it.
            None if !fresh.is_empty() && before.status == Status::Ready => Some(Status::Open),
            status => status,
        };
        if let Some(status) = status.filter(|status| before.status.may_become(*status)) {
            after = Ticket { version: before.version + 1, updated_at: now, ..after };
            after.hand_over();
            after.status = status;
        }
        let actor = format!("connector:{connector}");
        let means = self.means(&sources);
        let mut outgoing = vec![];
        for (message_id, answer) in &fresh {
            let reply = Some((answer, message_id.as_str()));
            let changed = Changed { before: Some(&after), after: &after, message: None, reply, actor: &actor };
            outgoing.extend(notice::outgoing(changed, means, now));
        }
        let changed = Changed { before: Some(&before), after: &after, message: None, reply: None, actor: &actor };
        outgoing.extend(notice::outgoing(changed, means, now));
        let answers = fresh.len();
        settling.commit_remote(connector, (&before, &after), fresh, outgoing, (&news.seen, news.over), now).await?;
        self.outbox_wake.notify_one();
        Ok(answers)
    }
}
